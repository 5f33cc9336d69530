/* lora_gguf_read.c - see lora_parts.h. An adapter in GGUF, as llama.cpp's converter and this program write it. */
#include "modelfile/lora_parts.h"
#include "shape/arch.h"

#include "core/json.h"
#include "modelfile/modelfile.h"
#include "raml/gguf.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    const char *path;
    struct raml_gguf *file;
    const struct raml_config *base;
    struct raml_lora_module *all; /* [n] what the base has */
    size_t n;
    const struct raml_gguf_tensor **found[2]; /* [n] a and b of each */
};

static bool is_embedding(const struct raml_lora_module *m)
{
    return m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING;
}

static enum raml_code expect(const struct reading *r, const char *key, const char *want, struct raml_err *err)
{
    struct raml_gguf_string s;
    enum raml_code rc = raml_gguf_string(r->file, key, &s, err);
    if (rc) return rc;
    if (s.n == strlen(want) && !memcmp(s.bytes, want, s.n)) return RAML_OK;
    return raml_fail(err, RAML_ESHAPE, "%s: %s is '%.*s'; expected '%s'", r->path, key, s.n > 60 ? 60 : (int)s.n,
                     s.bytes, want);
}

static enum raml_code take_tensor(struct reading *r, const struct raml_gguf_tensor *t, struct raml_err *err)
{
    char name[LORA_GGUF_NAME];
    for (size_t i = 0; i < r->n; i++)
        for (int k = 0; k < 2; k++) {
            raml_lora_gguf_name(&r->all[i], k ? ".lora_b" : ".lora_a", name);
            if (strcmp(name, t->name) != 0) continue;
            r->found[k][i] = t;
            return RAML_OK;
        }
    return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s': the base has no such matrix: an adapter for another base",
                     r->path, t->name);
}

static enum raml_code check_tensor(const struct reading *r, const struct raml_gguf_tensor *t, size_t rows, size_t cols,
                                   struct raml_err *err)
{
    char shape[64];
    if (t->n_dims == 2 && t->shape[0] == rows && t->shape[1] == cols) return RAML_OK;
    return raml_fail(err, RAML_ESHAPE,
                     "%s: tensor '%s' has shape [%s]; expected [%zu, %zu]: an adapter for another base", r->path,
                     t->name, raml_shape_text(t->shape, t->n_dims, shape, sizeof shape), rows, cols);
}

/* Rank and shapes of a module that has tensors. */
static enum raml_code check_module(const struct reading *r, size_t i, struct raml_lora_module *m, struct raml_err *err)
{
    const struct raml_gguf_tensor *a = r->found[0][i], *b = r->found[1][i];
    if (!a || !b) return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has no partner", r->path, a ? a->name : b->name);
    size_t rank = b->n_dims == 2 ? b->shape[1] : 0;
    if (rank < 1 || rank > LORA_MAX_RANK)
        return raml_fail(err, RAML_ERANGE, "%s: tensor '%s' has rank %zu; expected 1 to %d", r->path, b->name, rank,
                         (int)LORA_MAX_RANK);
    m->rank = rank;
    enum raml_code rc = check_tensor(r, b, m->n_out, rank, err);
    if (rc) return rc;
    return is_embedding(m) ? check_tensor(r, a, m->n_in, rank, err) : check_tensor(r, a, rank, m->n_in, err);
}

/* The modules that have tensors; ranks that differ from the first as a pattern. */
static enum raml_code take_modules(struct reading *r, struct raml_lora *l, struct raml_err *err)
{
    json_t *ranks = json_object();
    char key[128];
    enum raml_code rc = RAML_OK;
    int bad = !ranks;
    l->module = calloc(r->n + 1, sizeof *l->module);
    if (!l->module) bad = 1;
    for (size_t i = 0; i < r->n && !rc && !bad; i++) {
        if (!r->found[0][i] && !r->found[1][i]) continue;
        struct raml_lora_module *m = &l->module[l->n_modules];
        *m = r->all[i];
        rc = check_module(r, i, m, err);
        if (rc) break;
        r->found[0][l->n_modules] = r->found[0][i];
        r->found[1][l->n_modules++] = r->found[1][i];
        if (!l->r) l->r = m->rank;
        snprintf(key, sizeof key, "^%s", m->name);
        if (m->rank != l->r) bad |= json_object_set_new(ranks, key, json_integer((json_int_t)m->rank));
    }
    if (!rc && !bad && json_object_size(ranks)) bad |= !(l->rank_pattern = json_dumps(ranks, JSON_COMPACT));
    json_decref(ranks);
    if (rc) return rc;
    if (bad) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its modules", r->path);
    return l->n_modules ? raml_lora_name_targets(l, err)
                        : raml_fail(err, RAML_EFORMAT, "%s: holds no adapter", r->path);
}

static enum raml_code copy_module(const struct reading *r, size_t i, const struct raml_lora_module *m, float *block,
                                  struct raml_err *err)
{
    size_t na = m->rank * m->n_in, nb = m->rank * m->n_out;
    float *scratch = malloc((na > nb ? na : nb) * sizeof *scratch), *a = block + m->a, *b = block + m->b;
    if (!scratch) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a matrix", r->path);
    enum raml_code rc = raml_gguf_to_f32(r->found[0][i], is_embedding(m) ? scratch : a, true, err);
    if (!rc && is_embedding(m))
        for (size_t k = 0; k < na; k++) a[k % m->rank * m->n_in + k / m->rank] = scratch[k];
    if (!rc) rc = raml_gguf_to_f32(r->found[1][i], scratch, true, err);
    for (size_t k = 0; k < m->n_out && !rc; k++)
        memcpy(b + raml_lora_gguf_row(r->base, m, k) * m->rank, scratch + k * m->rank, m->rank * sizeof *b);
    free(scratch);
    return rc;
}

static enum raml_code read_all(struct reading *r, struct raml_lora *l, float **block, struct raml_err *err)
{
    enum raml_code rc = expect(r, "general.type", "adapter", err);
    if (!rc) rc = expect(r, "adapter.type", "lora", err);
    const struct raml_arch *a = raml_arch_find(r->base->model_type);
    if (!rc) rc = expect(r, "general.architecture", a ? a->gguf : r->base->model_type, err);
    if (!rc) rc = raml_gguf_real(r->file, "adapter.lora.alpha", &l->alpha, err);
    if (!rc && raml_gguf_value_find(r->file, "adapter.alora.invocation_tokens"))
        rc = raml_fail(err, RAML_ESUPPORT, "%s: an activated adapter (aLoRA) is not supported", r->path);
    if (!rc) rc = raml_lora_candidates(r->base, &r->all, &r->n, err);
    for (int k = 0; k < 2 && !rc; k++)
        if (!(r->found[k] = calloc(r->n + 1, sizeof *r->found[k])))
            rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", r->path);
    for (size_t i = 0; !rc && i < raml_gguf_n_tensors(r->file); i++)
        rc = take_tensor(r, raml_gguf_tensor_at(r->file, i), err);
    if (!rc) rc = take_modules(r, l, err);
    if (!rc && l->alpha == 0) { /* llama.cpp's scale is then 1 */
        rc = raml_fail(err, RAML_ESUPPORT, "%s: adapter.lora.alpha is 0; expected another number", r->path);
    }
    if (!rc) rc = raml_lora_measure(l, "", false, err);
    float *x = rc ? NULL : malloc((l->n + 1) * sizeof *x);
    if (!rc && !x) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu numbers", r->path, l->n);
    for (size_t i = 0; i < l->n_modules && !rc; i++) rc = copy_module(r, i, &l->module[i], x, err);
    if (rc) free(x);
    else *block = x;
    return rc;
}

enum raml_code raml_lora_read_gguf(const char *path, const struct raml_config *base, struct raml_lora *out,
                                   float **block, struct raml_err *err)
{
    struct reading r = {.path = path, .base = base};
    struct raml_lora l = {0};
    enum raml_code rc = raml_gguf_open(path, &r.file, err);
    if (!rc) rc = read_all(&r, &l, block, err);
    if (rc) raml_lora_deinit(&l);
    else *out = l;
    raml_gguf_close(r.file);
    free(r.all);
    free(r.found[0]);
    free(r.found[1]);
    return rc;
}
