/* hooks.c - see hooks.h. */
#include "model/hooks.h"

#include <stdlib.h>
#include <string.h>

/* -- Checks -------------------------------------------------------------------------------------------------------- */
static enum raml_code check_rows(const char *what, size_t number, const uint32_t *row, size_t n, size_t n_rows,
                                 struct raml_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (row[i] >= n_rows || (i && row[i] <= row[i - 1]))
            return raml_fail(err, RAML_ERANGE, "%s %zu: row %zu is %u; expected rising numbers below the pack's %zu",
                             what, number, i + 1, (unsigned)row[i], n_rows);
    return RAML_OK;
}

static enum raml_code check_patch(const struct raml_model *m, const struct raml_patch *p, size_t number, size_t n_rows,
                                  struct raml_err *err)
{
    if (p->layer >= (size_t)m->config.n_layers || (unsigned)p->matrix >= RAML_LAYER_MATRICES)
        return raml_fail(err, RAML_ERANGE, "patch %zu: layer %zu, matrix %d; the model has %d layers of %d matrices",
                         number, p->layer, (int)p->matrix, m->config.n_layers, (int)RAML_LAYER_MATRICES);
    if (p->rank == 0 || !p->left || (!p->right && p->rank != 1))
        return raml_fail(err, RAML_ERANGE,
                         "patch %zu: rank %zu, left %s, right %s; expected a rank, and both, or left "
                         "alone with rank 1",
                         number, p->rank, p->left ? "given" : "missing", p->right ? "given" : "missing");
    return p->row ? check_rows("patch", number, p->row, p->n_rows, n_rows, err) : RAML_OK;
}

static bool is_taken(const struct raml_hooks *of, uint32_t row)
{
    size_t low = 0, high = of->n_takes;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (of->take[mid].to < row) low = mid + 1;
        else high = mid;
    }
    return low < of->n_takes && of->take[low].to == row;
}

static enum raml_code check_takes(const struct raml_hooks *of, size_t n_rows, struct raml_err *err)
{
    for (size_t i = 0; i < of->n_takes; i++) {
        const struct raml_row_take *t = &of->take[i];
        if (t->to >= n_rows || t->from >= t->to || (i && t->to <= t[-1].to) || is_taken(of, t->from))
            return raml_fail(err, RAML_ERANGE,
                             "take %zu: row %u from row %u; expected rising rows below the pack's %zu, each from an "
                             "earlier one that takes none",
                             i + 1, (unsigned)t->to, (unsigned)t->from, n_rows);
    }
    return RAML_OK;
}

static enum raml_code check_tap(const struct raml_tap *t, size_t n_rows, struct raml_err *err)
{
    for (size_t i = 0; t->group && i < n_rows; i++)
        if (t->group[i] >= t->n_groups)
            return raml_fail(err, RAML_ERANGE, "tap 1: row %zu is of group %u; expected a number below %zu", i,
                             (unsigned)t->group[i], t->n_groups);
    return check_rows("tap", 1, t->row, t->n_rows, n_rows, err);
}

static enum raml_code check(const struct raml_model *m, const struct raml_hooks *of, size_t n_rows,
                            struct raml_err *err)
{
    size_t n_layers = (size_t)m->config.n_layers;
    enum raml_code rc = of->tap ? check_tap(of->tap, n_rows, err) : RAML_OK;
    for (size_t i = 0; !rc && i < of->n_patches; i++) rc = check_patch(m, &of->patch[i], i + 1, n_rows, err);
    if (!rc) rc = check_takes(of, n_rows, err);
    for (size_t i = 0; !rc && i < of->n_lenses; i++)
        if (of->lens[i].layer > n_layers || (i && of->lens[i].layer <= of->lens[i - 1].layer))
            rc = raml_fail(err, RAML_ERANGE, "lens %zu: layer %zu; expected rising numbers up to %zu", i + 1,
                           of->lens[i].layer, n_layers);
    return rc;
}

/* -- To the device ------------------------------------------------------------------------------------------------- */
static size_t width_of(const struct raml_model *m, enum tapped what)
{
    return (size_t)(what == TAPPED_INNER ? m->config.intermediate_size : m->config.hidden_size);
}

static size_t element_bytes(const struct raml_model *m, enum tapped what)
{
    return what == TAPPED_Z || what == TAPPED_INNER ? act_size(m) : sizeof(float);
}

static bool wants(const struct raml_tap *t, enum tapped what)
{
    const bool want[TAPPED] = {t->z, t->inner, t->residual, t->output};
    return want[what];
}

static enum raml_code open_tap(struct hooks *h, struct raml_err *err)
{
    const struct raml_model *m = h->m;
    const struct raml_tap *t = h->of->tap;
    size_t bytes = 0, widest = 0;
    if (!t || t->n_rows == 0) return RAML_OK;
    enum raml_code rc = raml_list_grow(&h->tap_row, t->n_rows * sizeof(uint32_t), err);
    if (rc) return rc;
    uint32_t *row = h->tap_row.host;
    for (size_t i = 0; i < t->n_rows; i++) row[i] = t->row[i] % (uint32_t)m->sizes.chunk_rows;
    rc = raml_list_send(m, &h->tap_row, row, t->n_rows * sizeof *row, err);
    for (int k = 0; !rc && k < TAPPED; k++) {
        size_t n = t->n_rows * width_of(m, (enum tapped)k), size = n * element_bytes(m, (enum tapped)k);
        h->read_at[k] = bytes;
        if (!wants(t, (enum tapped)k)) continue;
        bytes += (size + 63) / 64 * 64;
        if (size > widest) widest = size;
        h->read[k] = malloc(n * sizeof(float));
        if (!h->read[k]) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu tapped values", n);
    }
    if (rc) return rc;
    h->read_raw = malloc(widest ? widest : 1);
    h->read_dev = m->b->alloc(m->dev, bytes ? bytes : 64, 1);
    if (h->read_raw && h->read_dev) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for the tapped values of %zu rows", t->n_rows);
}

/* Pages are tiles: the groups of a tile's rows are those of its page's keys. */
static void list_attention(struct tapped_attention *x, const struct raml_tap *t, const struct raml_pack *pack)
{
    struct raml_attention_row *row = x->row.host;
    uint16_t *group = x->group.host;
    for (size_t i = 0, k = 0; i < pack->n_tiles; i++) {
        const struct raml_tile *tile = &pack->tile[i];
        for (uint32_t r = 0; r < RAML_KEYS; r++) group[i * RAML_KEYS + r] = r < tile->n ? t->group[tile->row + r] : 0;
        for (; k < t->n_rows && t->row[k] < tile->row + tile->n; k++)
            row[k] = (struct raml_attention_row){t->row[k], (uint32_t)i};
    }
}

static enum raml_code open_attention(struct hooks *h, const struct raml_pack *pack, struct raml_err *err)
{
    const struct raml_model *m = h->m;
    const struct raml_tap *t = h->of->tap;
    struct tapped_attention *x = &h->attention;
    if (!t || !t->group || t->n_rows == 0) return RAML_OK;
    size_t rows = t->n_rows * sizeof(struct raml_attention_row);
    size_t groups = pack->n_tiles * RAML_KEYS * sizeof(uint16_t);
    enum raml_code rc = raml_list_grow(&x->row, rows, err);
    if (!rc) rc = raml_list_grow(&x->group, groups, err);
    if (rc) return rc;
    list_attention(x, t, pack);
    rc = raml_list_send(m, &x->row, x->row.host, rows, err);
    if (!rc) rc = raml_list_send(m, &x->group, x->group.host, groups, err);
    if (rc) return rc;
    x->n = t->n_rows * (size_t)m->config.n_heads * t->n_groups;
    x->read = x->n <= SIZE_MAX / sizeof *x->read ? malloc(x->n * sizeof *x->read) : NULL;
    x->sum = x->read ? m->b->alloc(m->dev, x->n, sizeof *x->sum) : NULL;
    if (x->sum) return RAML_OK;
    return raml_fail(err, RAML_ENOMEM, "no memory for the attention of %zu rows to %zu groups", t->n_rows, t->n_groups);
}

static void transpose(float *out, const float *in, size_t rows, size_t columns)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) out[c * rows + r] = in[r * columns + c];
}

/* Rows of a patch: those given, or all of a chunk. */
static size_t rows_of(const struct hooks *h, const struct raml_patch *p)
{
    return p->row ? p->n_rows : h->m->sizes.chunk_rows;
}

static enum raml_code open_patches(struct hooks *h, struct raml_err *err)
{
    const struct raml_hooks *of = h->of;
    size_t n_values = 0, n_rows = 0;
    if (of->n_patches == 0) return RAML_OK;
    h->patch_at = calloc(of->n_patches, sizeof *h->patch_at);
    h->patch_row_at = calloc(of->n_patches, sizeof *h->patch_row_at);
    if (!h->patch_at || !h->patch_row_at)
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu patches", of->n_patches);
    for (size_t i = 0; i < of->n_patches; i++) {
        struct raml_layer_shape s = raml_layer_shape(&h->m->config, of->patch[i].matrix);
        h->patch_at[i] = n_values;
        h->patch_row_at[i] = n_rows;
        n_values += of->patch[i].rank * (s.n_out + s.n_in);
        n_rows += rows_of(h, &of->patch[i]);
    }
    enum raml_code rc = raml_list_grow(&h->patch_value, n_values * sizeof(float), err);
    if (!rc) rc = raml_list_grow(&h->patch_row, n_rows * sizeof(uint32_t), err);
    if (rc) return rc;
    for (size_t i = 0; i < of->n_patches; i++) {
        const struct raml_patch *p = &of->patch[i];
        struct raml_layer_shape s = raml_layer_shape(&h->m->config, p->matrix);
        float *value = (float *)h->patch_value.host + h->patch_at[i];
        uint32_t *row = (uint32_t *)h->patch_row.host + h->patch_row_at[i];
        transpose(value, p->left, s.n_out, p->rank);
        if (p->right) memcpy(value + p->rank * s.n_out, p->right, p->rank * s.n_in * sizeof *value);
        else memset(value + p->rank * s.n_out, 0, p->rank * s.n_in * sizeof *value);
        for (size_t k = 0; k < rows_of(h, p); k++)
            row[k] = (p->row ? p->row[k] : (uint32_t)k) % (uint32_t)h->m->sizes.chunk_rows;
    }
    rc = raml_list_send(h->m, &h->patch_value, h->patch_value.host, n_values * sizeof(float), err);
    return rc ? rc : raml_list_send(h->m, &h->patch_row, h->patch_row.host, n_rows * sizeof(uint32_t), err);
}

static enum raml_code open_takes(struct hooks *h, struct raml_err *err)
{
    size_t n = h->of->n_takes;
    enum raml_code rc = raml_list_grow(&h->take_from, n * sizeof(uint32_t), err);
    uint32_t *from = h->take_from.host;
    for (size_t i = 0; !rc && i < n; i++) from[i] = h->of->take[i].from;
    return rc ? rc : raml_list_send(h->m, &h->take_from, from, n * sizeof *from, err);
}

enum raml_code raml_hooks_open(struct hooks *h, struct raml_pass *p, const struct raml_pack *pack,
                               const struct raml_hooks *of, struct raml_err *err)
{
    *h = (struct hooks){.m = p->m, .of = of, .pass = p};
    enum raml_code rc = check(h->m, of, pack->n_rows, err);
    if (!rc) rc = open_tap(h, err);
    if (!rc) rc = open_attention(h, pack, err);
    if (!rc) rc = open_patches(h, err);
    if (!rc) rc = open_takes(h, err);
    if (rc || of->n_lenses == 0) return rc;
    h->lens =
        h->m->b->alloc(h->m->dev, (p->head_rows + h->m->sizes.slack_rows) * width_of(h->m, TAPPED_Z), sizeof(float));
    return h->lens ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a lens over %zu rows", p->head_rows);
}

void raml_hooks_drop(struct hooks *h)
{
    if (!h->m) return;
    struct list *list[] = {&h->tap_row,     &h->take_from,     &h->patch_row,
                           &h->patch_value, &h->attention.row, &h->attention.group};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) raml_list_drop(h->m, list[i]);
    free(h->patch_at);
    free(h->patch_row_at);
    if (h->read_dev) h->m->b->free(h->m->dev, h->read_dev);
    if (h->lens) h->m->b->free(h->m->dev, h->lens);
    if (h->attention.sum) h->m->b->free(h->m->dev, h->attention.sum);
    free(h->attention.read);
    free(h->read_raw);
    for (int k = 0; k < TAPPED; k++) free(h->read[k]);
    *h = (struct hooks){0};
}

/* -- At work ------------------------------------------------------------------------------------------------------- */
/* How many of row[n], rising, are below `bound`. */
static size_t below(const uint32_t *row, size_t n, size_t bound)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (row[mid] < bound) low = mid + 1;
        else high = mid;
    }
    return low;
}

static void patch(const struct hooks *h, size_t i, struct chunk_of_rows c, const void *x, void *y, size_t y_width)
{
    const struct raml_patch *p = &h->of->patch[i];
    struct raml_layer_shape s = raml_layer_shape(&h->m->config, p->matrix);
    size_t from = p->row ? below(p->row, p->n_rows, c.row) : 0;
    size_t to = p->row ? below(p->row, p->n_rows, c.row + c.n) : c.n;
    if (from == to) return;
    const float *value = (const float *)h->patch_value.device + h->patch_at[i];
    const struct raml_low_rank r = {.type = h->m->type,
                                    .x = x,
                                    .y = y,
                                    .y_width = y_width,
                                    .K = s.n_in,
                                    .N = s.n_out,
                                    .rank = p->rank,
                                    .left = value,
                                    .right = p->right ? value + p->rank * s.n_out : NULL,
                                    .row = (const uint32_t *)h->patch_row.device + h->patch_row_at[i] + from,
                                    .n = to - from};
    h->m->b->low_rank(h->m->dev, &r);
}

void raml_hooks_patch(const struct hooks *h, size_t layer, enum raml_layer_matrix matrix, struct chunk_of_rows c,
                      const void *x, void *y, size_t y_width)
{
    for (size_t i = 0; h && i < h->of->n_patches; i++)
        if (h->of->patch[i].layer == layer && h->of->patch[i].matrix == matrix) patch(h, i, c, x, y, y_width);
}

static bool reads(const struct hooks *h, size_t layer)
{
    const struct raml_tap *t = h->of->tap;
    return t && t->n_rows && (!t->layer || t->layer[layer]);
}

void raml_hooks_tap(const struct hooks *h, size_t layer, enum tapped what, struct chunk_of_rows c, const void *values)
{
    if (!h || !reads(h, layer) || !wants(h->of->tap, what)) return;
    const struct raml_model *m = h->m;
    const struct raml_tap *t = h->of->tap;
    size_t from = below(t->row, t->n_rows, c.row), to = below(t->row, t->n_rows, c.row + c.n);
    if (from == to) return;
    enum raml_type type = element_bytes(m, what) == sizeof(float) ? RAML_TYPE_F32 : m->type;
    char *out = (char *)h->read_dev + h->read_at[what] + from * width_of(m, what) * element_bytes(m, what);
    m->b->gather(m->dev, type, out, values, (const uint32_t *)h->tap_row.device + from, sizeof(uint32_t), to - from,
                 width_of(m, what));
}

void raml_hooks_attention(const struct hooks *h, size_t layer, const struct raml_attention *t)
{
    if (!h || !h->attention.sum || !reads(h, layer)) return;
    const struct raml_attention_sums a = {.type = t->type,
                                          .H = t->H,
                                          .K = t->K,
                                          .D = t->D,
                                          .qkv = t->qkv,
                                          .k = t->k,
                                          .tile = t->tile,
                                          .pair = t->pair,
                                          .mask = t->mask,
                                          .scale = t->scale,
                                          .query = h->attention.row.device,
                                          .n = h->of->tap->n_rows,
                                          .group = h->attention.group.device,
                                          .n_groups = h->of->tap->n_groups,
                                          .sum = h->attention.sum};
    h->m->b->attention_sums(h->m->dev, &a);
}

void raml_hooks_take(const struct hooks *h, struct chunk_of_rows c, float *x, void *xn, float *rstd, const float *norm)
{
    const struct raml_model *m = h ? h->m : NULL;
    for (size_t i = 0, n; h && i < h->of->n_takes; i += n) {
        const struct raml_row_take *t = &h->of->take[i];
        n = 1;
        if (t->to < c.row) continue;
        if (t->to >= c.row + c.n) return;
        while (i + n < h->of->n_takes && t[n].to == t->to + n && t[n].to < c.row + c.n) n++; /* a run of rows */
        size_t d = (size_t)m->config.hidden_size, row = t->to - c.row;
        m->b->gather(m->dev, RAML_TYPE_F32, x + t->to * d, x, (const uint32_t *)h->take_from.device + i,
                     sizeof(uint32_t), n, d);
        raml_stream_enter(m, x + t->to * d, act_row(m, xn, row * d), rstd ? rstd + row : NULL, x + t->to * d, NULL,
                          norm, n);
    }
}

static enum raml_code pass_on(const struct hooks *h, size_t layer, struct raml_err *err)
{
    const struct raml_model *m = h->m;
    const struct raml_tap *t = h->of->tap;
    for (int k = 0; k < TAPPED; k++) {
        size_t n = t->n_rows * width_of(m, (enum tapped)k), size = element_bytes(m, (enum tapped)k);
        const char *from = (const char *)h->read_dev + h->read_at[k];
        if (!wants(t, (enum tapped)k)) continue;
        m->b->download(m->dev, size == sizeof(float) ? h->read[k] : h->read_raw, from, n * size);
        if (size != sizeof(float)) raml_widen_bf16(h->read[k], h->read_raw, n);
    }
    const struct tapped_attention *x = &h->attention;
    if (x->sum) m->b->download(m->dev, x->read, x->sum, x->n * sizeof *x->sum);
    enum raml_code rc = m->b->sync(m->dev, err);
    const struct raml_tapped tapped = {.layer = layer,
                                       .n_rows = t->n_rows,
                                       .z = h->read[TAPPED_Z],
                                       .inner = h->read[TAPPED_INNER],
                                       .residual = h->read[TAPPED_RESIDUAL],
                                       .output = h->read[TAPPED_OUTPUT],
                                       .attention = x->sum ? x->read : NULL,
                                       .n_groups = x->sum ? t->n_groups : 0};
    return rc ? rc : t->read(t->user, &tapped, err);
}

enum raml_code raml_hooks_layer(const struct hooks *h, size_t i, const float *x, struct raml_err *err)
{
    if (!h) return RAML_OK;
    for (size_t k = 0; k < h->of->n_lenses; k++)
        if (h->of->lens[k].layer == i) raml_head_lens(h->pass, x, h->lens, &h->of->lens[k].out);
    return i > 0 && reads(h, i - 1) ? pass_on(h, i - 1, err) : RAML_OK;
}
