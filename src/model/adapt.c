/* adapt.c - gives a model adapters. See raml/lora.h. */
#include "model/adapter.h"

#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROWS = 256 /* whose logits the cache asks for at once */ };

void raml_adapters_close(const struct raml_model *m, struct adapters *a)
{
    if (!a) return;
    float *const own[] = {a->block, a->turned, a->u, a->v};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) raml_array_free(m->dev, own[i]);
    raml_lora_deinit(&a->plan);
    free(a->param);
    free(a->adapter);
    free(a->at);
    free(a);
}

size_t raml_adapters_bytes(const struct adapters *a)
{
    return a ? (a->plan.n + a->n_turned + 2 * a->rows * a->widest) * sizeof(float) : 0;
}

void raml_adapters_refresh(const struct raml_model *m)
{
    const struct adapters *a = m->lora;
    for (size_t i = 0; i < a->plan.n_modules; i++) {
        const struct raml_lora_module *l = &a->plan.module[i];
        m->b->transpose(m->dev, a->adapter[i].t, a->block + l->b, l->n_out, l->rank);
    }
}

/* -- Checks -------------------------------------------------------------------------------------------------------- */
/* n_out and n_in of the module's matrix; false: the model has none. */
static bool find_shape(const struct raml_config *c, const struct raml_lora_module *l, struct raml_layer_shape *s)
{
    if (l->layer >= 0) {
        if (l->layer >= c->n_layers || l->matrix < 0 || l->matrix >= RAML_LAYER_MATRICES) return false;
        *s = raml_layer_shape(c, (enum raml_layer_matrix)l->matrix);
        return true;
    }
    size_t d = (size_t)c->hidden_size, V = (size_t)c->vocab_size;
    *s = l->matrix == RAML_LORA_HEAD ? (struct raml_layer_shape){V, d} : (struct raml_layer_shape){d, V};
    return l->matrix == RAML_LORA_EMBEDDING || (l->matrix == RAML_LORA_HEAD && !c->tied);
}

static enum raml_code check_module(const struct raml_config *c, const struct raml_lora *l, size_t i,
                                   struct raml_err *err)
{
    const struct raml_lora_module *m = &l->module[i];
    struct raml_layer_shape s;
    if (!find_shape(c, m, &s))
        return raml_fail(err, RAML_ESHAPE, "%.96s: the model has no such matrix: an adapter for another base", m->name);
    if (m->n_out != s.n_out || m->n_in != s.n_in)
        return raml_fail(err, RAML_ESHAPE, "%.96s: the adapter is for %zu x %zu, the model has %zu x %zu", m->name,
                         m->n_out, m->n_in, s.n_out, s.n_in);
    if (m->rank < 1 || m->rank > l->n / s.n_in || m->a > l->n - m->rank * s.n_in || m->rank > l->n / s.n_out ||
        m->b > l->n - m->rank * s.n_out || !isfinite(m->scale))
        return raml_fail(err, RAML_ERANGE, "%.96s: rank %zu, scale %g, at %zu and %zu of a block of %zu numbers",
                         m->name, m->rank, m->scale, m->a, m->b, l->n);
    return RAML_OK;
}

/* -- Making -------------------------------------------------------------------------------------------------------- */
static char *copy_text(const char *text, bool *good)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) *good = false;
    return copy;
}

static enum raml_code copy_plan(const struct raml_lora *l, struct raml_lora *out, struct raml_err *err)
{
    bool good = true;
    *out = *l;
    out->module = malloc((l->n_modules + 1) * sizeof *out->module);
    if (out->module && l->n_modules) memcpy(out->module, l->module, l->n_modules * sizeof *out->module);
    out->target_modules = copy_text(l->target_modules, &good);
    out->rank_pattern = copy_text(l->rank_pattern, &good);
    out->alpha_pattern = copy_text(l->alpha_pattern, &good);
    out->base = copy_text(l->base, &good);
    return good && out->module ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a plan of adapters");
}

/* Which module is where; two of one matrix are refused. */
static enum raml_code place(const struct raml_model *m, struct adapters *a, struct raml_err *err)
{
    size_t L = (size_t)m->config.n_layers;
    float *t = a->turned;
    a->lowest = L;
    for (size_t i = 0; i < a->plan.n_modules; i++) {
        const struct raml_lora_module *l = &a->plan.module[i];
        size_t layer = l->layer < 0 ? 0 : (size_t)l->layer;
        const struct adapter **to = l->layer >= 0 ? &a->at[layer * RAML_LAYER_MATRICES + (size_t)l->matrix]
                                    : l->matrix == RAML_LORA_HEAD ? &a->head
                                                                  : &a->embedding;
        if (*to) return raml_fail(err, RAML_EUSAGE, "%.96s has two adapters in the plan", l->name);
        a->adapter[i] = (struct adapter){l, t};
        *to = &a->adapter[i];
        t += l->rank * l->n_out;
        if ((l->layer >= 0 || l->matrix == RAML_LORA_EMBEDDING) && layer < a->lowest) a->lowest = layer;
    }
    return RAML_OK;
}

static enum raml_code make(const struct raml_model *m, const struct raml_lora *l, struct adapters *a,
                           struct raml_err *err)
{
    const struct raml_sizes *z = &m->sizes;
    enum raml_code rc = copy_plan(l, &a->plan, err);
    if (!rc) rc = raml_lora_table(&a->plan, &a->param, &a->n_params, err);
    if (rc) return rc;
    for (size_t i = 0; i < l->n_modules; i++) {
        a->n_turned += l->module[i].rank * l->module[i].n_out;
        if (l->module[i].rank > a->widest) a->widest = l->module[i].rank;
    }
    a->rows = z->chunk_rows > z->head_rows ? z->chunk_rows : z->head_rows;
    if (a->rows < LEAST_ROWS) a->rows = LEAST_ROWS;
    a->adapter = calloc(l->n_modules + 1, sizeof *a->adapter);
    a->at = calloc((size_t)m->config.n_layers * RAML_LAYER_MATRICES, sizeof *a->at);
    a->block = raml_array_new(m->dev, l->n, sizeof *a->block);
    a->turned = raml_array_new(m->dev, a->n_turned, sizeof *a->turned);
    a->u = raml_array_new(m->dev, a->rows * a->widest, sizeof *a->u);
    a->v = raml_array_new(m->dev, a->rows * a->widest, sizeof *a->v);
    if (!a->adapter || !a->at || !a->block || !a->turned || !a->u || !a->v)
        return raml_fail(err, RAML_ENOMEM, "no memory for adapters of %zu parameters", l->n);
    return place(m, a, err);
}

/* As PEFT starts: what the adapter adds is 0. Of a matrix A is uniform in +-1/sqrt(n_in), B zero; of the embedding A is
 * zero, B normal. */
static void start(const struct raml_lora *l, uint64_t seed, float *block)
{
    memset(block, 0, l->n * sizeof *block);
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_ADAPTER, .question = i};
        double bound = 1 / sqrt((double)m->n_in);
        if (m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING)
            for (size_t k = 0; k < m->n_out * m->rank; k++) block[m->b + k] = (float)raml_normal(&key, k);
        else
            for (size_t k = 0; k < m->rank * m->n_in; k++)
                block[m->a + k] = (float)(bound * (2 * raml_uniform(&key, k) - 1));
    }
}

static enum raml_code send(const struct raml_model *m, const struct adapters *a, const float *block, uint64_t seed,
                           struct raml_err *err)
{
    for (size_t i = 0; block && i < a->plan.n; i++)
        if (!isfinite(block[i]))
            return raml_fail(err, RAML_ERANGE, "adapters: number %zu is %g; expected finite ones", i, (double)block[i]);
    float *own = block ? NULL : malloc((a->plan.n + 1) * sizeof *own);
    if (!block && !own) return raml_fail(err, RAML_ENOMEM, "no memory for adapters of %zu parameters", a->plan.n);
    if (own) start(&a->plan, seed, own);
    enum raml_code rc = raml_array_write(m->dev, a->block, block ? block : own, a->plan.n * sizeof *a->block, err);
    free(own);
    return rc;
}

enum raml_code raml_model_adapt(struct raml_model *m, const struct raml_lora *l, const float *block, uint64_t seed,
                                struct raml_err *err)
{
    if (m->use == RAML_TRAINING)
        return raml_fail(err, RAML_EUSAGE,
                         "adapters are for models opened RAML_ADAPTING or RAML_INFERENCE; this one trains its own "
                         "parameters");
    if (m->lora) return raml_fail(err, RAML_EUSAGE, "the model has adapters already");
    if (l->n_modules == 0) return raml_fail(err, RAML_EUSAGE, "a plan without adapters");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < l->n_modules && !rc; i++) rc = check_module(&m->config, l, i, err);
    if (rc) return rc;
    struct adapters *a = calloc(1, sizeof *a);
    if (!a) return raml_fail(err, RAML_ENOMEM, "no memory for adapters");
    rc = make(m, l, a, err);
    if (!rc) rc = send(m, a, block, seed, err);
    if (!rc) {
        m->lora = a;
        raml_adapters_refresh(m);
        rc = raml_backend_settle(m->dev, RAML_OK, err);
    }
    if (!rc) return RAML_OK;
    m->lora = NULL;
    raml_adapters_close(m, a);
    return rc;
}

const struct raml_lora *raml_model_lora(const struct raml_model *m)
{
    return m->lora ? &m->lora->plan : NULL;
}
