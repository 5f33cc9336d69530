/* weight.c - weights and products of the processor's table. See device/backend.h.
 *
 * With activations in f32 a matrix is in panels (panel.h), each part in its own type, and products are ours: product.h
 * for many rows, the streams of panel.h for few; the same bits either way. Backward reads panels of W^T, in f32.
 * With activations in bf16, where the processor multiplies them, they are oneDNN's (matmul.h).
 */
#include "device/cpu/cpu.h"

#include "core/half.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = RAML_PANEL_ROWS };
_Static_assert(RAML_WEIGHT_ROWS % RAML_PANEL_ROWS == 0, "rows come in whole panels");

struct part {
    enum raml_type type;
    size_t row, n;      /* of W */
    size_t panel_bytes; /* of one of its panels */
    char *panels;
};
struct own { /* of a raml_matrix */
    enum raml_type act;
    size_t n_parts;
    struct part part[RAML_WEIGHT_PARTS];
    float *back;           /* W^T in panels; NULL: not wanted */
    struct raml_weight mm; /* bf16 activations: oneDNN's */
    char *rows;            /* those that have been set, until all of them are */
    size_t n_set, bytes;
};

static size_t panels_of(size_t n)
{
    return (n + ROWS - 1) / ROWS;
}

static void own_free(struct own *o)
{
    for (size_t i = 0; i < o->n_parts; i++) free(o->part[i].panels);
    free(o->back);
    raml_weight_deinit(&o->mm);
    free(o->rows);
    free(o);
}

static enum raml_code make_panels(struct own *o, size_t K, const struct raml_weight_part *part, size_t n_parts,
                                  bool backward, struct raml_err *err)
{
    size_t N = 0;
    for (size_t i = 0; i < n_parts; i++) {
        if (K % raml_type_block(part[i].type))
            return raml_fail(err, RAML_ESHAPE, "a matrix of %s with rows of %zu: expected a multiple of %zu",
                             raml_type_name(part[i].type), K, raml_type_block(part[i].type));
        struct part *last = o->n_parts ? &o->part[o->n_parts - 1] : NULL;
        if (last && last->type == part[i].type && last->n % ROWS == 0) last->n += part[i].n; /* one product for both */
        else o->part[o->n_parts++] = (struct part){part[i].type, N, part[i].n, raml_panel_bytes(part[i].type, K), NULL};
        N += part[i].n;
    }
    for (size_t i = 0; i < o->n_parts; i++) {
        struct part *p = &o->part[i];
        p->panels = raml_device_alloc(panels_of(p->n), p->panel_bytes);
        o->bytes += panels_of(p->n) * p->panel_bytes;
        if (!p->panels) return raml_fail(err, RAML_ENOMEM, "no memory for a weight matrix of %zu x %zu", p->n, K);
    }
    if (!backward) return RAML_OK;
    size_t bytes = raml_panel_bytes(RAML_TYPE_F32, N);
    o->back = raml_device_alloc(panels_of(K), bytes);
    o->bytes += panels_of(K) * bytes;
    return o->back ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a weight matrix of %zu x %zu", N, K);
}

enum raml_code raml_cpu_weight_init(const struct raml_device *d, struct raml_matrix *w, enum raml_type act, size_t K,
                                    const struct raml_weight_part *part, size_t n_parts, bool backward,
                                    struct raml_err *err)
{
    struct own *o = calloc(1, sizeof *o);
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for a weight matrix");
    size_t N = 0;
    for (size_t i = 0; i < n_parts; i++) N += part[i].n;
    o->act = act;
    raml_device_use(d);
    enum raml_code rc;
    if (act == RAML_TYPE_F32) {
        rc = make_panels(o, K, part, n_parts, backward, err);
    } else {
        rc = raml_weight_init(d->mm, &o->mm, N, K, true, backward, err);
        o->bytes = o->mm.bytes;
    }
    if (rc) {
        own_free(o);
        return rc;
    }
    *w = (struct raml_matrix){.N = N, .K = K, .own = o};
    return RAML_OK;
}

void raml_cpu_weight_deinit(const struct raml_device *d, struct raml_matrix *w)
{
    (void)d;
    if (w->own) own_free(w->own);
    *w = (struct raml_matrix){0};
}

size_t raml_cpu_weight_bytes(const struct raml_device *d, const struct raml_matrix *w)
{
    const struct own *o = w->own;
    (void)d;
    return o ? o->bytes : 0;
}

/* -- Filling ------------------------------------------------------------------------------------------------------- */
/* Panels [q, q + 1) of rows that are `stride` bytes apart; n of them are left from the panel's first on. */
static void pack_panel(enum raml_type type, void *panel, const char *rows, size_t stride, size_t n, size_t K)
{
    const void *row[ROWS] = {NULL};
    for (size_t i = 0; i < ROWS && i < n; i++) row[i] = rows + i * stride;
    raml_panel_pack(type, panel, row, K);
}

/* Rows of W are columns of its transpose: f32 [n, K] from row `row` on. */
static void set_back(const struct own *o, const struct raml_matrix *w, size_t row, size_t n, const float *value)
{
    size_t panel = raml_panel_bytes(RAML_TYPE_F32, w->N) / sizeof(float);
#pragma omp parallel for schedule(static)
    for (size_t q = 0; q < panels_of(w->K); q++) {
        size_t c0 = q * ROWS, width = w->K - c0 < ROWS ? w->K - c0 : ROWS;
        float *out = o->back + q * panel + row * ROWS;
        for (size_t r = 0; r < n; r++, out += ROWS) memcpy(out, value + r * w->K + c0, width * sizeof *out);
    }
}

static enum raml_code set_rows(struct own *o, const struct raml_matrix *w, size_t row, size_t n, const char *rows,
                               struct raml_err *err)
{
    for (size_t i = 0; i < o->n_parts; i++) {
        struct part *p = &o->part[i];
        if (row < p->row || row >= p->row + p->n) continue;
        size_t first = row - p->row, stride = raml_type_bytes(p->type, w->K);
        if (first % ROWS || n > p->n - first || (n % ROWS && first + n < p->n))
            return raml_fail(err, RAML_EUSAGE,
                             "rows %zu to %zu of a matrix: expected whole panels of %d rows of one part", row, row + n,
                             ROWS);
#pragma omp parallel for schedule(static)
        for (size_t q = 0; q < panels_of(n); q++)
            pack_panel(p->type, p->panels + (first / ROWS + q) * p->panel_bytes, rows + q * ROWS * stride, stride,
                       n - q * ROWS, w->K);
        if (o->back) set_back(o, w, row, n, (const float *)(const void *)rows);
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE, "row %zu of a matrix of %zu", row, w->N);
}

enum raml_code raml_cpu_weight_set(const struct raml_device *d, struct raml_matrix *w, size_t row, size_t n,
                                   const void *host_rows, struct raml_err *err)
{
    struct own *o = w->own;
    raml_device_use(d);
    if (o->act == RAML_TYPE_F32) return set_rows(o, w, row, n, host_rows, err);
    size_t bytes = w->K * sizeof(uint16_t);
    if (row == 0 && n == w->N) return raml_weight_pack(d->mm, &o->mm, host_rows, err);
    if (!o->rows) o->rows = raml_device_alloc_uninit(w->N, bytes);
    if (!o->rows) return raml_fail(err, RAML_ENOMEM, "no memory to lay out a matrix of %zu x %zu", w->N, w->K);
    memcpy(o->rows + row * bytes, host_rows, n * bytes);
    o->n_set += n;
    if (o->n_set < w->N) return RAML_OK;
    enum raml_code rc = raml_weight_pack(d->mm, &o->mm, o->rows, err);
    free(o->rows);
    o->rows = NULL;
    o->n_set = 0;
    return rc;
}

/* The rows of one panel rounded to bf16, then packed. scratch: [ROWS, K] */
static void pack_rounded(const struct part *p, size_t q, const float *value, size_t K, uint16_t *scratch)
{
    size_t n = p->n - q * ROWS < ROWS ? p->n - q * ROWS : ROWS;
    raml_round_bf16(scratch, value + q * ROWS * K, n * K);
    pack_panel(RAML_TYPE_BF16, p->panels + q * p->panel_bytes, (const char *)scratch, K * sizeof *scratch, n, K);
}

static bool fill_part(const struct part *p, const float *value, size_t K)
{
    bool good = true;
#pragma omp parallel
    {
        uint16_t *scratch = p->type == RAML_TYPE_BF16 ? malloc(ROWS * K * sizeof *scratch) : NULL;
        bool bad = p->type == RAML_TYPE_BF16 && !scratch;
#pragma omp for schedule(static)
        for (size_t q = 0; q < panels_of(p->n); q++) {
            if (bad) continue;
            if (scratch) pack_rounded(p, q, value, K, scratch);
            else
                pack_panel(RAML_TYPE_F32, p->panels + q * p->panel_bytes, (const char *)(value + q * ROWS * K),
                           K * sizeof *value, p->n - q * ROWS, K);
        }
        if (bad) {
#pragma omp atomic write
            good = false;
        }
        free(scratch);
    }
    return good;
}

enum raml_code raml_cpu_weight_fill(const struct raml_device *d, struct raml_matrix *w, const float *value,
                                    struct raml_err *err)
{
    struct own *o = w->own;
    raml_device_use(d);
    if (o->act != RAML_TYPE_F32) return raml_weight_fill(d->mm, &o->mm, value, err);
    for (size_t i = 0; i < o->n_parts; i++) {
        const struct part *p = &o->part[i];
        if (p->type > RAML_TYPE_BF16)
            return raml_fail(err, RAML_EUSAGE, "numbers can't be written to a matrix of type %s",
                             raml_type_name(p->type));
        if (!fill_part(p, value + p->row * w->K, w->K))
            return raml_fail(err, RAML_ENOMEM, "no memory to round a matrix of %zu x %zu", p->n, w->K);
    }
    if (o->back) set_back(o, w, 0, w->N, value);
    return RAML_OK;
}

/* -- Products ------------------------------------------------------------------------------------------------------ */
/* Few rows: runs of panels of all parts, one after another, as threads take them. */
enum { RUNS = 8 /* per thread */ };

static size_t runs_of(const struct part *p, size_t each)
{
    return (panels_of(p->n) + each - 1) / each;
}

static void stream(const struct raml_device *d, const struct raml_matrix *w, const struct raml_skinny_panels *all)
{
    const struct own *o = w->own;
    size_t panels = 0, runs = 0, most = RUNS * (size_t)d->threads, side = d->ops->panel->side;
    for (size_t i = 0; i < o->n_parts; i++) panels += panels_of(o->part[i].n);
    size_t each = ((panels + most - 1) / most + side - 1) / side * side;
    for (size_t i = 0; i < o->n_parts; i++) runs += runs_of(&o->part[i], each);
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t r = 0; r < runs; r++) {
        const struct part *p = o->part;
        size_t q = r;
        for (; q >= runs_of(p, each); p++) q -= runs_of(p, each);
        q *= each;
        struct raml_skinny_panels f = *all;
        f.type = p->type;
        f.panels = p->panels + q * p->panel_bytes;
        f.y = all->y + p->row + q * ROWS;
        f.N = p->n - q * ROWS < each * ROWS ? p->n - q * ROWS : each * ROWS;
        d->ops->panel->skinny(&f);
    }
}

static void forward_f32(const struct raml_device *d, const struct raml_matrix *w, const float *x, size_t n, float *y,
                        bool add)
{
    const struct own *o = w->own;
    if (n <= RAML_SKINNY_ROWS) {
        struct raml_skinny_panels f = {.R = n, .K = w->K, .x = x, .ldx = w->K, .ldy = w->N, .add = add};
        f.y = y;
        stream(d, w, &f);
        return;
    }
    for (size_t i = 0; i < o->n_parts; i++) {
        const struct part *p = &o->part[i];
        struct raml_product c = {.m = n,
                                 .n = p->n,
                                 .k = w->K,
                                 .a = x,
                                 .lda = w->K,
                                 .b = p->panels,
                                 .type = p->type,
                                 .c = y + p->row,
                                 .ldc = w->N,
                                 .add = add};
        d->ops->product(&c);
    }
}

void raml_cpu_forward(const struct raml_device *d, const struct raml_matrix *w, const void *x, enum raml_type x_type,
                      size_t n, void *y, enum raml_type y_type, bool add)
{
    const struct own *o = w->own;
    struct raml_err why = {0};
    if (!n || raml_device_failed(d)) return;
    raml_device_use(d);
    if (x_type == RAML_TYPE_F32) {
        forward_f32(d, w, x, n, y, add);
        return;
    }
    enum raml_code rc = raml_mm_forward(d->mm, &o->mm, x, n, y, y_type == RAML_TYPE_F32, add, &why);
    if (rc) raml_device_fault(d, rc, &why);
}

void raml_cpu_backward(const struct raml_device *d, const struct raml_matrix *w, const void *dy, enum raml_type type,
                       size_t n, void *dx, enum raml_type dx_type, bool add)
{
    const struct own *o = w->own;
    struct raml_err why = {0};
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    if (type == RAML_TYPE_F32) {
        struct raml_product c = {.m = n,
                                 .n = w->K,
                                 .k = w->N,
                                 .a = dy,
                                 .lda = w->N,
                                 .b = o->back,
                                 .type = RAML_TYPE_F32,
                                 .c = dx,
                                 .ldc = w->K,
                                 .add = add};
        d->ops->product(&c);
        return;
    }
    enum raml_code rc = raml_mm_backward(d->mm, &o->mm, dy, n, dx, dx_type == RAML_TYPE_F32, add, &why);
    if (rc) raml_device_fault(d, rc, &why);
}

size_t raml_cpu_transposed_bytes(enum raml_type type, size_t n, size_t N)
{
    return type == RAML_TYPE_F32 ? 0 : raml_mm_rows(n) * N * raml_type_block_bytes(type);
}

void raml_cpu_weight_grad(const struct raml_device *d, enum raml_type type, const void *dy, void *x, size_t n, size_t N,
                          size_t K, float *dw)
{
    struct raml_err why = {0};
    if (raml_device_failed(d)) return;
    raml_device_use(d);
    if (type == RAML_TYPE_F32) {
        struct raml_product c = {.m = N,
                                 .n = K,
                                 .k = n,
                                 .a = dy,
                                 .lda = N,
                                 .a_columns = true,
                                 .b = x,
                                 .ldb = K,
                                 .type = RAML_TYPE_F32,
                                 .c = dw,
                                 .ldc = K,
                                 .add = true};
        d->ops->product(&c);
        return;
    }
    size_t pad = raml_mm_rows(n), size = raml_type_block_bytes(type);
    void *t = raml_cpu_scratch(d, &d->cpu->transposed, raml_cpu_transposed_bytes(type, n, N), "a transposed gradient");
    if (!t) return;
    memset((char *)x + n * K * size, 0, (pad - n) * K * size); /* the product reads them, times 0 */
    raml_cpu_ops(d)->transpose(raml_is_bf16(type), t, dy, n, N, pad);
    enum raml_code rc = raml_mm_weight_grad(d->mm, raml_is_bf16(type), t, x, n, N, K, dw, &why);
    if (rc) raml_device_fault(d, rc, &why);
}
