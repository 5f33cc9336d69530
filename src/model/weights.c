/* weights.c - where a model's numbers come from and where they go: rows of a file, or drawn ones, into the copies that
 * the products read. See impl.h. */
#include "model/impl.h"

#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 64 }; /* converted by a thread at a time */

/* -- Sources ------------------------------------------------------------------------------------------------------- */
/* Matrices: normal with deviation 1/sqrt(3 d) (0.0208 at d = 768, GPT-2's 0.02); projections back into the residual
 * stream are divided by sqrt(2 L) (Radford et al. 2019); norms 1, biases 0. */
static void draw(const struct raml_model *m, uint64_t seed, size_t i, size_t first, size_t n, float *out)
{
    const struct raml_param *p = &m->param[i];
    if (p->n_dims == 1) {
        float value = strstr(p->name, ".bias") ? 0.0f : 1.0f;
        for (size_t k = 0; k < n; k++) out[k] = value;
        return;
    }
    double std = 1 / sqrt(3.0 * m->config.hidden_size);
    if (strstr(p->name, "o_proj") || strstr(p->name, "down_proj")) std /= sqrt(2.0 * m->config.n_layers);
    struct raml_key key = {.seed = seed, .purpose = RAML_FOR_INIT, .question = i};
    for (size_t k = 0; k < n; k++) out[k] = (float)(std * raml_normal(&key, first + k));
}

static size_t columns(const struct raml_param *p)
{
    return p->n_dims == 2 ? p->shape[1] : 1;
}

/* Rows [row, row + n) of parameter i as f32. */
static enum raml_code rows_f32(const struct raml_model *m, const struct raml_source *src, size_t i, size_t row,
                               size_t n, float *out, struct raml_err *err)
{
    if (src->file) return raml_stored_f32(raml_model_file_at(src->file, i), row, n, out, err);
    size_t K = columns(&m->param[i]);
    draw(m, src->seed, i, row * K, n * K, out);
    return RAML_OK;
}

/* The same as act; at most ROWS rows. room: ROWS rows of f32 for drawn numbers. */
static enum raml_code rows_act(const struct raml_model *m, const struct raml_source *src, size_t i, size_t row,
                               size_t n, float *room, void *out, struct raml_err *err)
{
    if (!m->bf16) return rows_f32(m, src, i, row, n, out, err);
    if (src->file) return raml_stored_bf16(raml_model_file_at(src->file, i), row, n, out, err);
    enum raml_code rc = rows_f32(m, src, i, row, n, room, err);
    if (!rc) raml_round_bf16(out, room, n * columns(&m->param[i]));
    return rc;
}

/* Rows [row, row + n) of parameter i into out (act, or f32 where that is asked for), by all threads. Of several faults
 * the first row's is told. */
static enum raml_code read_rows(const struct raml_model *m, const struct raml_source *src, size_t i, size_t row,
                                size_t n, bool f32, void *out, struct raml_err *err)
{
    size_t K = columns(&m->param[i]), size = f32 ? 4 : act_size(m), first_bad = n;
    enum raml_code bad = RAML_OK;
#pragma omp parallel
    {
        float *room = malloc(ROWS * K * sizeof *room);
#pragma omp for schedule(static)
        for (size_t r = 0; r < n; r += ROWS) {
            struct raml_err why = {0};
            size_t k = n - r < ROWS ? n - r : ROWS;
            void *to = (char *)out + r * K * size;
            enum raml_code rc = !room ? raml_fail(&why, RAML_ENOMEM, "no memory for %d rows of %zu", ROWS, K)
                                : f32 ? rows_f32(m, src, i, row + r, k, to, &why)
                                      : rows_act(m, src, i, row + r, k, room, to, &why);
            if (!rc) continue;
#pragma omp critical
            if (r < first_bad) {
                first_bad = r;
                bad = rc;
                if (err) *err = why;
            }
        }
        free(room);
    }
    return bad;
}

static size_t find_param(const struct raml_model *m, size_t offset)
{
    size_t i = 0;
    while (i + 1 < m->n_params && m->param[i + 1].offset <= offset) i++;
    return i;
}

/* -- The copies that the products read ------------------------------------------------------------------------------ */
typedef enum raml_code fill_fn(struct raml_model *m, struct raml_weight *w, size_t offset, void *user,
                               struct raml_err *err);

/* Every matrix with the place of its first element in the block. */
static enum raml_code each_weight(struct raml_model *m, fill_fn *fill, void *user, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (int i = 0; i < m->config.n_layers && !rc; i++) {
        struct layer *l = &m->layer[i];
        rc = fill(m, &l->w_qkv, l->qkv, user, err);
        if (!rc) rc = fill(m, &l->w_o, l->o, user, err);
        if (!rc) rc = fill(m, &l->w_gu, l->gu, user, err);
        if (!rc) rc = fill(m, &l->w_down, l->down, user, err);
    }
    for (size_t i = 0; i < m->n_head_tiles && !rc; i++)
        rc = fill(m, &m->w_head[i], m->head + i * HEAD_TILE * (size_t)m->config.hidden_size, user, err);
    return rc;
}

/* N x K of every matrix; user: bool *, whether row-major copies are wanted. */
static enum raml_code make_all(struct raml_model *m, const bool *plain, struct raml_err *err)
{
    const struct raml_config *c = &m->config;
    struct raml_mm *mm = m->dev->mm;
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, F = (size_t)c->intermediate_size;
    size_t q = (size_t)c->n_heads * D, kv = (size_t)c->n_kv_heads * D;
    enum raml_code rc = RAML_OK;
    for (int i = 0; i < c->n_layers && !rc; i++) {
        struct layer *l = &m->layer[i];
        rc = raml_weight_init(mm, &l->w_qkv, q + 2 * kv, d, m->bf16, *plain, err);
        if (!rc) rc = raml_weight_init(mm, &l->w_o, d, q, m->bf16, *plain, err);
        if (!rc) rc = raml_weight_init(mm, &l->w_gu, 2 * F, d, m->bf16, *plain, err);
        if (!rc) rc = raml_weight_init(mm, &l->w_down, d, F, m->bf16, *plain, err);
    }
    for (size_t i = 0; i < m->n_head_tiles && !rc; i++) {
        size_t v = (size_t)c->vocab_size - i * HEAD_TILE;
        rc = raml_weight_init(mm, &m->w_head[i], v < HEAD_TILE ? v : HEAD_TILE, d, m->bf16, *plain, err);
    }
    return rc;
}

void raml_model_drop_weights(struct raml_model *m)
{
    for (int i = 0; m->layer && i < m->config.n_layers; i++) {
        raml_weight_deinit(&m->layer[i].w_qkv);
        raml_weight_deinit(&m->layer[i].w_o);
        raml_weight_deinit(&m->layer[i].w_gu);
        raml_weight_deinit(&m->layer[i].w_down);
    }
    for (size_t i = 0; m->w_head && i < m->n_head_tiles; i++) raml_weight_deinit(&m->w_head[i]);
}

static enum raml_code from_block(struct raml_model *m, struct raml_weight *w, size_t offset, void *user,
                                 struct raml_err *err)
{
    (void)user;
    return raml_weight_fill(m->dev->mm, w, m->weights + offset, err);
}

enum raml_code raml_model_refresh(struct raml_model *m, struct raml_err *err)
{
    if (!m->weights)
        return raml_fail(err, RAML_EUSAGE, "the model was opened to be read: it has no weights of its own to change");
    raml_device_use(m->dev);
    return each_weight(m, from_block, NULL, err);
}

enum raml_code raml_model_make_trainable(struct raml_model *m, struct raml_err *err)
{
    if (m->trainable) return RAML_OK;
    if (!m->weights)
        return raml_fail(err, RAML_EUSAGE, "the model was opened to be read (RAML_TO_READ): gradients need it opened "
                         "to be trained");
    const bool plain = true;
    raml_model_drop_weights(m);
    enum raml_code rc = make_all(m, &plain, err);
    if (!rc) rc = raml_model_refresh(m, err);
    m->trainable = !rc;
    return rc;
}

/* -- Two ways to hold a model --------------------------------------------------------------------------------------- */
static void set_vectors(struct raml_model *m, const float *base, const size_t *at)
{
    for (int i = 0; i < m->config.n_layers; i++) {
        struct layer *l = &m->layer[i];
        const struct {
            const float **to;
            size_t offset;
        } each[] = {{&l->v_norm1, l->norm1}, {&l->v_norm2, l->norm2}, {&l->v_bias, l->bias},
                    {&l->v_q_norm, l->q_norm}, {&l->v_k_norm, l->k_norm}};
        for (size_t k = 0; k < sizeof each / sizeof *each; k++)
            *each[k].to = each[k].offset ? base + (at ? at[find_param(m, each[k].offset)] : each[k].offset) : NULL;
    }
    m->v_norm = base + (at ? at[find_param(m, m->norm)] : m->norm);
}

enum raml_code raml_model_hold_block(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    const bool plain = false;
    m->weights = raml_device_alloc(m->n, sizeof *m->weights);
    if (!m->weights) return raml_fail(err, RAML_ENOMEM, "no memory for %zu parameters", m->n);
    enum raml_code rc = make_all(m, &plain, err);
    raml_device_use(m->dev);
    for (size_t i = 0; i < m->n_params && !rc; i++) {
        const struct raml_param *p = &m->param[i];
        rc = read_rows(m, src, i, 0, p->shape[0], true, m->weights + p->offset, err);
        if (src->file) raml_stored_release(raml_model_file_at(src->file, i));
    }
    set_vectors(m, m->weights, NULL);
    m->table = (struct embedding){.f32 = m->weights + m->embed};
    return rc ? rc : raml_model_refresh(m, err);
}

struct filling {
    const struct raml_source *src;
    void *act; /* room for the largest matrix */
};

/* The rows of a fused matrix come from the parameters that lie behind one another in the block. */
static enum raml_code from_source(struct raml_model *m, struct raml_weight *w, size_t offset, void *user,
                                  struct raml_err *err)
{
    const struct filling *f = user;
    enum raml_code rc = RAML_OK;
    for (size_t done = 0; done < w->N && !rc;) {
        size_t at = offset + done * w->K, i = find_param(m, at);
        const struct raml_param *p = &m->param[i];
        size_t row = (at - p->offset) / w->K, left = p->shape[0] - row;
        size_t n = left < w->N - done ? left : w->N - done;
        rc = read_rows(m, f->src, i, row, n, false, (char *)f->act + done * w->K * act_size(m), err);
        if (f->src->file && n == left) raml_stored_release(raml_model_file_at(f->src->file, i));
        done += n;
    }
    return rc ? rc : raml_weight_pack(m->dev->mm, w, f->act, err);
}

/* Norms and biases, in f32. */
static enum raml_code hold_vectors(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    size_t n = 0;
    size_t *at = calloc(m->n_params, sizeof *at);
    if (!at) return raml_fail(err, RAML_ENOMEM, "no memory for the table of parameters");
    for (size_t i = 0; i < m->n_params; i++)
        if (m->param[i].n_dims == 1) {
            at[i] = n;
            n += m->param[i].n;
        }
    m->vectors = raml_device_alloc(n, sizeof *m->vectors);
    enum raml_code rc = m->vectors ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for norms and biases");
    for (size_t i = 0; i < m->n_params && !rc; i++)
        if (m->param[i].n_dims == 1) rc = read_rows(m, src, i, 0, m->param[i].n, true, m->vectors + at[i], err);
    if (!rc) set_vectors(m, m->vectors, at);
    free(at);
    return rc;
}

/* Rows of the embedding: where the file has them, else a table of act. */
static enum raml_code hold_embedding(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    size_t i = find_param(m, m->embed);
    if (src->file) {
        m->table = (struct embedding){.stored = raml_model_file_at(src->file, i)};
        return RAML_OK;
    }
    m->own_table = raml_device_alloc(m->param[i].n, act_size(m));
    if (!m->own_table) return raml_fail(err, RAML_ENOMEM, "no memory for the embedding of %zu numbers", m->param[i].n);
    m->table = m->bf16 ? (struct embedding){.bf16 = m->own_table} : (struct embedding){.f32 = m->own_table};
    return read_rows(m, src, i, 0, m->param[i].shape[0], false, m->own_table, err);
}

enum raml_code raml_model_hold_copies(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    const struct raml_config *c = &m->config;
    const bool plain = false;
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size, D = (size_t)c->head_dim;
    size_t most = 2 * F * d, qkv = ((size_t)c->n_heads + 2 * (size_t)c->n_kv_heads) * D * d;
    size_t tile = HEAD_TILE * d;
    if (qkv > most) most = qkv;
    if (tile > most) most = tile;
    struct filling f = {src, NULL};
    enum raml_code rc = make_all(m, &plain, err);
    raml_device_use(m->dev);
    if (!rc) rc = hold_vectors(m, src, err);
    if (!rc) f.act = raml_device_room(most, act_size(m));
    if (!rc && !f.act) rc = raml_fail(err, RAML_ENOMEM, "no memory to convert a matrix of %zu numbers", most);
    if (!rc) rc = each_weight(m, from_source, &f, err);
    free(f.act);
    return rc ? rc : hold_embedding(m, src, err);
}

/* -- Reading the embedding ------------------------------------------------------------------------------------------ */
enum raml_code raml_model_embed(const struct raml_model *m, float *x, const int32_t *token, size_t n,
                                struct raml_err *err)
{
    size_t d = (size_t)m->config.hidden_size;
    enum raml_code bad = RAML_OK;
    if (m->table.f32) {
        m->dev->ops->embed(x, m->table.f32, token, n, d);
        return RAML_OK;
    }
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) {
        if (m->table.bf16) {
            raml_widen_bf16(x + r * d, m->table.bf16 + (size_t)token[r] * d, d);
            continue;
        }
        struct raml_err why = {0};
        enum raml_code rc = raml_stored_f32(m->table.stored, (size_t)token[r], 1, x + r * d, &why);
        if (!rc) continue;
#pragma omp critical
        if (!bad) {
            bad = rc;
            if (err) *err = why;
        }
    }
    return bad;
}
