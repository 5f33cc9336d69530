/* weights.c - where a model's numbers come from and where they go: rows of a file, or random ones, into the copies that
 * the products read. See impl.h. */
#include "model/adapter.h"

#include "core/parallel.h"
#include "modelfile/modelfile.h"
#include "store/blocks.h"

#include "raml/rng.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 64,       /* converted by one thread at a time */
    STAGED = 1 << 22 /* numbers sent to the device at once, where a whole matrix is not needed */
};

/* -- Sources ------------------------------------------------------------------------------------------------------- */
/* Matrices: normal with deviation 1/sqrt(3 d) (0.0208 at d = 768, GPT-2's 0.02); projections back into the residual
 * stream are divided by sqrt(2 L) (Radford et al. 2019); norms 1, biases 0. */
static void random_values(const struct raml_model *m, uint64_t seed, size_t i, size_t first, size_t n, float *out)
{
    const struct raml_param *p = &m->at.param[i];
    if (p->n_dims == 1) {
        float value = raml_param_is_norm(p) && !m->config.norm_plus_one ? 1.0f : 0.0f;
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
    if (src->file) return raml_file_tensor_f32(raml_model_file_at(src->file, i), row, n, out, err);
    size_t K = columns(&m->at.param[i]);
    random_values(m, src->seed, i, row * K, n * K, out);
    return RAML_OK;
}

/* The type that matrix i is kept in. */
static enum raml_type type_of(const struct raml_model *m, const struct raml_source *src, size_t i)
{
    if (!m->stored || !src->file) return m->weight;
    switch (raml_blocks_kept(raml_model_file_at(src->file, i)->type)) {
    case RAML_GGML_F16: return RAML_TYPE_F16;
    case RAML_GGML_BF16: return RAML_TYPE_BF16;
    case RAML_GGML_Q4_0: return RAML_TYPE_Q4_0;
    case RAML_GGML_Q4_1: return RAML_TYPE_Q4_1;
    case RAML_GGML_Q5_0: return RAML_TYPE_Q5_0;
    case RAML_GGML_Q5_1: return RAML_TYPE_Q5_1;
    case RAML_GGML_Q8_0: return RAML_TYPE_Q8_0;
    case RAML_GGML_Q4_K: return RAML_TYPE_Q4_K;
    case RAML_GGML_Q5_K: return RAML_TYPE_Q5_K;
    case RAML_GGML_Q6_K: return RAML_TYPE_Q6_K;
    default: return RAML_TYPE_F32; /* the only other one that modelfile.h allows */
    }
}

/* The same in the type that matrix i is kept in; at most ROWS rows. scratch: ROWS rows of f32. */
static enum raml_code rows_kept(const struct raml_model *m, const struct raml_source *src, size_t i, size_t row,
                                size_t n, float *scratch, void *out, struct raml_err *err)
{
    if (m->stored && src->file)
        return raml_file_tensor_copy(raml_model_file_at(src->file, i), row, n, scratch, out, err);
    if (m->weight == RAML_TYPE_F32) return rows_f32(m, src, i, row, n, out, err);
    if (src->file) return raml_file_tensor_bf16(raml_model_file_at(src->file, i), row, n, out, err);
    enum raml_code rc = rows_f32(m, src, i, row, n, scratch, err);
    if (!rc) raml_round_bf16(out, scratch, n * columns(&m->at.param[i]));
    return rc;
}

struct conversion { /* of rows [row, row + n) of parameter i */
    const struct raml_model *m;
    const struct raml_source *src;
    size_t i, row, n;
    bool f32;
    char *out;
    pthread_mutex_t lock;
    size_t first_bad;
    struct raml_err why; /* of the first bad row */
};

static void convert_piece(void *user, size_t piece, int worker)
{
    struct conversion *c = user;
    const struct raml_model *m = c->m;
    size_t K = columns(&m->at.param[c->i]), r = piece * ROWS, k = c->n - r < ROWS ? c->n - r : ROWS;
    struct raml_err why = {0};
    void *to = c->out + r * raml_type_bytes(c->f32 ? RAML_TYPE_F32 : type_of(m, c->src, c->i), K);
    float *scratch = c->f32 ? NULL : malloc(ROWS * K * sizeof *scratch);
    enum raml_code rc = RAML_OK;
    (void)worker;
    if (c->f32) rc = rows_f32(m, c->src, c->i, c->row + r, k, to, &why);
    else if (scratch) rc = rows_kept(m, c->src, c->i, c->row + r, k, scratch, to, &why);
    else rc = raml_fail(&why, RAML_ENOMEM, "no memory for %d rows of %zu", ROWS, K);
    free(scratch);
    if (!rc) return;
    pthread_mutex_lock(&c->lock);
    if (r < c->first_bad) {
        c->first_bad = r;
        c->why = why;
    }
    pthread_mutex_unlock(&c->lock);
}

/* Rows [row, row + n) of parameter i into out (in the type it is kept in, or f32 on request), by all threads. Of
 * several faults the first row's is reported. */
static enum raml_code read_rows(const struct raml_model *m, const struct raml_source *src, size_t i, size_t row,
                                size_t n, bool f32, void *out, struct raml_err *err)
{
    struct conversion c = {.m = m, .src = src, .i = i, .row = row, .n = n, .f32 = f32, .out = out, .first_bad = n};
    if (pthread_mutex_init(&c.lock, NULL)) return raml_fail(err, RAML_ENOMEM, "no memory for a lock");
    raml_parallel(raml_device_threads(m->dev), (n + ROWS - 1) / ROWS, convert_piece, &c);
    pthread_mutex_destroy(&c.lock);
    if (c.why.code && err) *err = c.why;
    return c.why.code;
}

/* The same to the device, through a piece of the host's memory. */
static enum raml_code send_rows(const struct raml_model *m, const struct raml_source *src, size_t i, bool f32, void *to,
                                struct raml_err *err)
{
    const struct raml_param *p = &m->at.param[i];
    size_t row_bytes = raml_type_bytes(f32 ? RAML_TYPE_F32 : type_of(m, src, i), columns(p)), rows = p->shape[0];
    size_t step = STAGED / columns(p) < 1 ? 1 : STAGED / columns(p);
    if (step > rows) step = rows;
    char *host = malloc(step * row_bytes);
    enum raml_code rc = host ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory to convert %zu rows", step);
    for (size_t r = 0; r < rows && !rc; r += step) {
        size_t n = rows - r < step ? rows - r : step;
        rc = read_rows(m, src, i, r, n, f32, host, err);
        if (!rc) m->b->upload(m->dev, (char *)to + r * row_bytes, host, n * row_bytes);
    }
    free(host);
    return rc;
}

static size_t find_param(const struct raml_model *m, size_t offset)
{
    size_t i = 0;
    while (i + 1 < m->at.n_params && m->at.param[i + 1].offset <= offset) i++;
    return i;
}

/* -- The copies that the products read ----------------------------------------------------------------------------- */
typedef enum raml_code fill_fn(struct raml_model *m, struct raml_matrix *w, size_t offset, void *user,
                               struct raml_err *err);

/* Every matrix with the place of its first element in the block. */
static enum raml_code each_weight(struct raml_model *m, fill_fn *fill, void *user, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (int i = 0; i < m->config.n_layers && !rc; i++) {
        struct layer *l = &m->layer[i];
        rc = fill(m, &l->w_qkv, l->at.qkv, user, err);
        if (!rc) rc = fill(m, &l->w_o, l->at.o, user, err);
        if (!rc) rc = fill(m, &l->w_gu, l->at.gu, user, err);
        if (!rc) rc = fill(m, &l->w_down, l->at.down, user, err);
    }
    for (size_t i = 0; i < m->n_head_tiles && !rc; i++)
        rc = fill(m, &m->w_head[i], m->at.head + i * m->sizes.head_tile * (size_t)m->config.hidden_size, user, err);
    return rc;
}

/* A matrix of n consecutive parameters from `offset` on, with this many rows of K each. */
static enum raml_code make(struct raml_model *m, const struct raml_source *src, struct raml_matrix *w, size_t offset,
                           size_t K, const size_t *rows, size_t n, struct raml_err *err)
{
    struct raml_weight_part part[RAML_WEIGHT_PARTS];
    size_t first = find_param(m, offset);
    for (size_t i = 0; i < n; i++) part[i] = (struct raml_weight_part){type_of(m, src, first + i), rows[i]};
    return m->b->weight_init(m->dev, w, m->type, K, part, n, m->use != RAML_INFERENCE, err);
}

/* N x K of every matrix, and the types of its parts. */
static enum raml_code make_all(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    const struct raml_config *c = &m->config;
    size_t d = (size_t)c->hidden_size, D = (size_t)c->head_dim, F = (size_t)c->intermediate_size;
    size_t q = (size_t)c->n_heads * D, kv = (size_t)c->n_kv_heads * D, tile = m->sizes.head_tile;
    const size_t rows_qkv[] = {q, kv, kv}, rows_gu[] = {F, F};
    enum raml_code rc = RAML_OK;
    for (int i = 0; i < c->n_layers && !rc; i++) {
        struct layer *l = &m->layer[i];
        rc = make(m, src, &l->w_qkv, l->at.qkv, d, rows_qkv, 3, err);
        if (!rc) rc = make(m, src, &l->w_o, l->at.o, q, &d, 1, err);
        if (!rc) rc = make(m, src, &l->w_gu, l->at.gu, d, rows_gu, 2, err);
        if (!rc) rc = make(m, src, &l->w_down, l->at.down, F, &d, 1, err);
    }
    for (size_t i = 0; i < m->n_head_tiles && !rc; i++) {
        size_t left = (size_t)c->vocab_size - i * tile, v = left < tile ? left : tile;
        rc = make(m, src, &m->w_head[i], m->at.head, d, &v, 1, err);
    }
    return rc;
}

void raml_model_drop_weights(struct raml_model *m)
{
    for (int i = 0; m->layer && i < m->config.n_layers; i++) {
        m->b->weight_deinit(m->dev, &m->layer[i].w_qkv);
        m->b->weight_deinit(m->dev, &m->layer[i].w_o);
        m->b->weight_deinit(m->dev, &m->layer[i].w_gu);
        m->b->weight_deinit(m->dev, &m->layer[i].w_down);
    }
    for (size_t i = 0; m->w_head && i < m->n_head_tiles; i++) m->b->weight_deinit(m->dev, &m->w_head[i]);
}

static enum raml_code from_block(struct raml_model *m, struct raml_matrix *w, size_t offset, void *user,
                                 struct raml_err *err)
{
    (void)user;
    return m->b->weight_fill(m->dev, w, m->weights + offset, err);
}

enum raml_code raml_model_refresh(struct raml_model *m, struct raml_err *err)
{
    enum raml_code rc = raml_model_has_block(m, err);
    if (rc) return rc;
    if (m->use == RAML_ADAPTING) {
        raml_adapters_refresh(m);
        return raml_backend_settle(m->dev, RAML_OK, err);
    }
    raml_model_refresh_norms(m);
    return raml_backend_settle(m->dev, each_weight(m, from_block, NULL, err), err);
}

/* -- Two forms of a model ------------------------------------------------------------------------------------------ */
static void set_vectors(struct raml_model *m, const float *base, const size_t *at)
{
    for (int i = 0; i < m->config.n_layers; i++) {
        struct layer *l = &m->layer[i];
        const struct {
            const float **to;
            size_t offset;
        } each[] = {{&l->v_norm1, l->at.norm1},   {&l->v_norm2, l->at.norm2}, {&l->v_after1, l->at.after1},
                    {&l->v_after2, l->at.after2}, {&l->v_bias, l->at.bias},   {&l->v_q_norm, l->at.q_norm},
                    {&l->v_k_norm, l->at.k_norm}};
        for (size_t k = 0; k < sizeof each / sizeof *each; k++)
            *each[k].to = each[k].offset ? base + (at ? at[find_param(m, each[k].offset)] : each[k].offset) : NULL;
    }
    m->v_norm = base + (at ? at[find_param(m, m->at.norm)] : m->at.norm);
}

/* Memory for norms and biases apart from the block, and ones for norms of 1 + w. */
static enum raml_code place_vectors(struct raml_model *m, struct raml_err *err)
{
    size_t n = 0, longest = raml_longest_vector(&m->config), *at = calloc(m->at.n_params, sizeof *at);
    float *ones = malloc(longest * sizeof *ones);
    for (size_t i = 0; at && i < m->at.n_params; i++)
        if (m->at.param[i].n_dims == 1) at[i] = n, n += m->at.param[i].n;
    m->vectors = m->b->alloc(m->dev, n, sizeof *m->vectors);
    if (m->config.norm_plus_one) m->ones = m->b->alloc(m->dev, longest, sizeof *m->ones);
    enum raml_code rc = at && ones && m->vectors && (m->ones || !m->config.norm_plus_one)
                            ? RAML_OK
                            : raml_fail(err, RAML_ENOMEM, "no memory for norms and biases");
    for (size_t i = 0; !rc && i < longest; i++) ones[i] = 1;
    if (!rc && m->ones) m->b->upload(m->dev, m->ones, ones, longest * sizeof *ones);
    if (!rc) set_vectors(m, m->vectors, at);
    free(ones);
    free(at);
    return rc;
}

/* Where the vectors of parameter i are, apart from the block: they are in its order. */
static void add_ones(const struct raml_model *m, const float *from)
{
    float *to = m->vectors;
    for (size_t i = 0; i < m->at.n_params; i++) {
        const struct raml_param *p = &m->at.param[i];
        if (p->n_dims != 1) continue;
        const float *w = from ? from + p->offset : to;
        if (raml_param_is_norm(p)) m->b->combine(m->dev, to, m->ones, 1, w, 0, NULL, p->n);
        else if (from) m->b->copy(m->dev, to, w, p->n * sizeof *to);
        to += p->n;
    }
}

void raml_model_refresh_norms(const struct raml_model *m)
{
    if (m->config.norm_plus_one && m->weights) add_ones(m, m->weights);
}

enum raml_code raml_model_load_block(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    m->weights = m->b->alloc(m->dev, m->at.n, sizeof *m->weights);
    if (!m->weights) return raml_fail(err, RAML_ENOMEM, "no memory for %zu parameters", m->at.n);
    enum raml_code rc = make_all(m, src, err);
    for (size_t i = 0; i < m->at.n_params && !rc; i++) {
        rc = send_rows(m, src, i, true, m->weights + m->at.param[i].offset, err);
        if (src->file) raml_file_tensor_release(raml_model_file_at(src->file, i));
    }
    if (!rc && m->config.norm_plus_one) rc = place_vectors(m, err);
    else if (!rc) set_vectors(m, m->weights, NULL);
    m->table = (struct embedding){.table = m->weights + m->at.embed, .type = RAML_TYPE_F32};
    return rc ? rc : raml_model_refresh(m, err);
}

struct filling {
    const struct raml_source *src;
    size_t most; /* elements that are read at once, but at least RAML_WEIGHT_ROWS rows */
    void *rows;  /* memory for them */
};

/* The file's pages of rows that were read. Permuted rows are elsewhere, but within the tensor: it is released whole, at
 * its end. */
static void give_back(const struct raml_file_tensor *s, size_t row, size_t n)
{
    size_t bytes = s->bytes / s->shape[0];
    if (!s->rope_permuted_heads) raml_file_tensor_release_bytes(s, row * bytes, (row + n) * bytes);
    else if (row + n == s->shape[0]) raml_file_tensor_release(s);
}

static size_t rows_at_once(size_t most, size_t K)
{
    size_t n = most / K / RAML_WEIGHT_ROWS * RAML_WEIGHT_ROWS;
    return n ? n : RAML_WEIGHT_ROWS;
}

/* The rows of a fused matrix come from parameters that are consecutive in the block. */
static enum raml_code from_source(struct raml_model *m, struct raml_matrix *w, size_t offset, void *user,
                                  struct raml_err *err)
{
    const struct filling *f = user;
    enum raml_code rc = RAML_OK;
    for (size_t done = 0; done < w->N && !rc;) {
        size_t at = offset + done * w->K, i = find_param(m, at);
        const struct raml_param *p = &m->at.param[i];
        size_t row = (at - p->offset) / w->K, left = p->shape[0] - row;
        size_t n = left < w->N - done ? left : w->N - done, most = rows_at_once(f->most, w->K);
        if (n > most) n = most;
        rc = read_rows(m, f->src, i, row, n, false, f->rows, err);
        if (f->src->file) give_back(raml_model_file_at(f->src->file, i), row, n);
        if (!rc) rc = m->b->weight_set(m->dev, w, done, n, f->rows, err);
        done += n;
    }
    return rc;
}

/* Norms and biases, in f32. */
static enum raml_code hold_vectors(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    enum raml_code rc = place_vectors(m, err);
    float *to = m->vectors;
    for (size_t i = 0; i < m->at.n_params && !rc; i++) {
        if (m->at.param[i].n_dims != 1) continue;
        rc = send_rows(m, src, i, true, to, err);
        to += m->at.param[i].n;
    }
    if (!rc && m->config.norm_plus_one) add_ones(m, NULL);
    return rc;
}

/* Rows of the embedding: from the file if there is one, else a table of act. */
static enum raml_code hold_embedding(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    size_t i = find_param(m, m->at.embed);
    if (src->file) {
        m->table = (struct embedding){.tensor = raml_model_file_at(src->file, i)};
        return RAML_OK;
    }
    m->own_table = m->b->alloc(m->dev, m->at.param[i].n, raml_type_block_bytes(m->weight));
    if (!m->own_table)
        return raml_fail(err, RAML_ENOMEM, "no memory for the embedding of %zu numbers", m->at.param[i].n);
    m->table = (struct embedding){.table = m->own_table, .type = m->weight};
    return send_rows(m, src, i, false, m->own_table, err);
}

enum raml_code raml_model_load_copies(struct raml_model *m, const struct raml_source *src, struct raml_err *err)
{
    const struct raml_config *c = &m->config;
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size, q = (size_t)c->n_heads * (size_t)c->head_dim;
    const size_t wide[] = {d, F, q};
    struct filling f = {src, STAGED, NULL};
    size_t most = 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (rows_at_once(f.most, wide[i]) * wide[i] > most) most = rows_at_once(f.most, wide[i]) * wide[i];
    enum raml_code rc = make_all(m, src, err);
    if (!rc) rc = hold_vectors(m, src, err);
    if (!rc) f.rows = malloc(most * sizeof(float)); /* no type is wider */
    if (!rc && !f.rows) rc = raml_fail(err, RAML_ENOMEM, "no memory to convert a matrix of %zu numbers", most);
    if (!rc) rc = each_weight(m, from_source, &f, err);
    free(f.rows);
    if (!rc) rc = hold_embedding(m, src, err);
    return rc;
}
