/* inspect_weights.c - a model's tensors with their statistics, and the memory that it takes. */
#include "cli/inspect.h"

#include "raml/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 1 << 16, CHAIN = 256 };

static void name_tensor(struct tensor *t, const char *name, const char *dtype)
{
    snprintf(t->name, sizeof t->name, "%s", name);
    snprintf(t->dtype, sizeof t->dtype, "%s", dtype);
}

/* Reads a piece at a time, so that a large embedding needs no second copy of itself. */
static enum raml_code measure(const struct raml_tensor_view *v, struct tensor *t, float *piece, struct raml_err *err)
{
    double sum = 0;
    size_t finite = 0, step = raml_dtype_size(v->dtype);
    t->low = INFINITY;
    t->high = -INFINITY;
    for (size_t at = 0; at < v->n; at += PIECE) {
        struct raml_tensor_view part = *v;
        part.n = v->n - at < PIECE ? v->n - at : PIECE;
        part.data = (const char *)v->data + at * step;
        part.n_dims = 1;
        part.shape[0] = part.n;
        enum raml_code rc = raml_tensor_to_f32(&part, piece, 0, err);
        if (rc) return rc;
        for (size_t i = 0; i < part.n; i++) {
            double w = (double)piece[i];
            if (!isfinite(w)) {
                if (t->n_bad++ == 0) t->first_bad = at + i;
                continue;
            }
            if (w < t->low) t->low = w;
            if (w > t->high) t->high = w;
            sum += w * w;
            finite++;
        }
    }
    t->rms = finite ? sqrt(sum / (double)finite) : NAN;
    return RAML_OK;
}

static enum raml_code read_tensors(struct inspection *x, const struct raml_tensors *s, bool check,
                                   struct raml_err *err)
{
    size_t n = raml_tensors_count(s);
    x->tensor = calloc(n + 1, sizeof *x->tensor);
    float *piece = malloc(PIECE * sizeof *piece);
    enum raml_code rc = x->tensor && piece ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n && !rc; i++) {
        const struct raml_tensor_view *v = raml_tensors_at(s, i);
        struct tensor *t = &x->tensor[x->n_tensors++];
        name_tensor(t, v->name, raml_dtype_name(v->dtype));
        t->n_dims = v->n_dims;
        memcpy(t->shape, v->shape, sizeof t->shape);
        t->n = v->n;
        if (check) rc = measure(v, t, piece, err);
        if (rc) raml_wrap(err, rc, "tensor '%s'", t->name);
    }
    free(piece);
    x->checked = check;
    return rc;
}

enum raml_code cli_inspect_tensors(struct inspection *x, const char *dir, bool check, struct raml_err *err)
{
    struct raml_tensors *s;
    enum raml_code rc = raml_tensors_open(dir, &s, err);
    if (rc) return rc;
    rc = read_tensors(x, s, check, err);
    if (rc) raml_wrap(err, rc, "%s", raml_tensors_path(s));
    raml_tensors_close(s);
    return rc;
}

/* Rows for a model that is in no file yet. */
static enum raml_code list_parameters(struct inspection *x, const struct raml_model *m, struct raml_err *err)
{
    const struct raml_param *p;
    size_t n = raml_model_params(m, &p);
    x->tensor = calloc(n + 1, sizeof *x->tensor);
    if (!x->tensor) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++) {
        struct tensor *t = &x->tensor[x->n_tensors++];
        name_tensor(t, p[i].name, raml_dtype_name(RAML_F32));
        t->n_dims = p[i].n_dims;
        for (int k = 0; k < p[i].n_dims; k++) t->shape[k] = p[i].shape[k];
        t->n = p[i].n;
    }
    return RAML_OK;
}

/* Chains of at most CHAIN tokens, `tokens` in all, every token but the first of each scored. */
static enum raml_code fill_pack(struct raml_pack *pack, size_t tokens, size_t chain, struct raml_err *err)
{
    static const int32_t zeros[CHAIN];
    enum raml_code rc = RAML_OK;
    for (size_t left = tokens; left && !rc;) {
        size_t n = left < chain ? left : chain;
        struct raml_tree tree = {0};
        rc = raml_tree_add(&tree, -1, 0, zeros, n, 1, NULL, err);
        if (!rc) rc = raml_pack_add(pack, &tree, err);
        raml_tree_deinit(&tree);
        left -= n;
    }
    return rc;
}

static enum raml_code pass_bytes(const struct raml_model *m, const struct raml_pack *pack, bool backward, size_t *bytes,
                                 struct raml_err *err)
{
    struct raml_pass *pass;
    enum raml_code rc = raml_pass_open(m, backward, &pass, err);
    if (rc) return rc;
    struct raml_score none = {0};
    rc = raml_pass_forward(pass, pack, &none, err);
    *bytes = raml_pass_bytes(pass);
    raml_pass_close(pass);
    return rc;
}

static enum raml_code measure_passes(struct inspection *x, const struct raml_model *m, struct raml_err *err)
{
    size_t chain = x->config.max_positions < CHAIN ? (size_t)x->config.max_positions : CHAIN;
    struct raml_pack pack = {0};
    enum raml_code rc = fill_pack(&pack, x->tokens, chain, err);
    if (!rc) rc = pass_bytes(m, &pack, false, &x->memory.score_pass, err);
    if (!rc) rc = pass_bytes(m, &pack, true, &x->memory.train_pass, err);
    raml_pack_deinit(&pack);
    return rc;
}

/* M: elements of every matrix that a product reads; a tied head is the embedding once more. */
static size_t matrix_elements(const struct raml_config *c)
{
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size, D = (size_t)c->head_dim;
    size_t q = (size_t)c->n_heads * D, kv = (size_t)c->n_kv_heads * D;
    return (size_t)c->n_layers * (d * (q + 2 * kv) + q * d + 3 * d * F) + (size_t)c->vocab_size * d;
}

enum raml_code cli_inspect_memory(struct inspection *x, const struct cli *cli, const char *dir, struct raml_err *err)
{
    const struct raml_config *c = &x->config;
    size_t N = raml_config_params(c), M = matrix_elements(c), s = x->bf16 ? 2 : 4;
    x->parameters = N;
    x->matrix = M;
    x->memory = (struct memory){.weights = 4 * N,
                                .packed = s * M,
                                .plain = s * M,
                                .gradients = 4 * N,
                                .moments = 8 * N,
                                .rotary = 4 * (size_t)c->max_positions * (size_t)c->head_dim};
    if (x->tensor && x->tokens == 0) return RAML_OK;
    struct raml_model *m;
    enum raml_dtype dtype = x->bf16 ? RAML_BF16 : RAML_F32;
    enum raml_code rc =
        dir ? raml_model_open(dir, dtype, RAML_TO_TRAIN, cli->dev, &m, err) : raml_model_init(c, cli->seed, dtype, RAML_TO_TRAIN, cli->dev, &m, err);
    if (rc) return rc;
    if (!x->tensor) rc = list_parameters(x, m, err);
    if (!rc && x->tokens) rc = measure_passes(x, m, err);
    raml_model_close(m);
    return rc;
}
