/* adapter_rig.h - models of rig.h with adapters on every matrix, for tests. Include after cmocka's own headers. */
#ifndef RAML_TESTS_MODEL_ADAPTER_RIG_H
#define RAML_TESTS_MODEL_ADAPTER_RIG_H

#include "model/rig.h"
#include "raml/lora.h"

/* Every matrix of every layer, the head where it is one, and the embedding; ranks in turn. */
static inline struct raml_lora rig_plan(const struct raml_config *c, const size_t *rank, size_t n_ranks)
{
    struct raml_lora l = {0};
    struct raml_lora_options o = {.r = 1, .alpha = 2, .target_modules = ".*"};
    MUST(raml_lora_plan(&o, c, &l, err));
    l.n = 0;
    for (size_t i = 0; i < l.n_modules; i++) {
        struct raml_lora_module *m = &l.module[i];
        m->rank = rank[i % n_ranks];
        m->scale = 0.5 + 0.25 * (double)(i % 3);
        m->alpha = m->scale * (double)m->rank;
        m->a = l.n;
        m->b = m->a + m->rank * m->n_in;
        l.n = m->b + m->n_out * m->rank;
    }
    return l;
}

/* n numbers that make B A of about the size of the matrices: none is zero. */
static inline float *rig_block(const struct raml_lora *l, uint64_t seed)
{
    float *block = rig_floats(l->n);
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        struct raml_key key = {.seed = seed, .purpose = RAML_FOR_TEST, .question = i};
        size_t nA = m->rank * m->n_in;
        bool table = m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING; /* one element of A a token */
        double a = table ? 0.5 : 0.7 / sqrt((double)m->n_in), b = 0.7 / sqrt((double)m->rank);
        for (size_t k = 0; k < nA; k++) block[m->a + k] = (float)(a * raml_normal(&key, k));
        for (size_t k = 0; k < m->n_out * m->rank; k++) block[m->b + k] = (float)(b * raml_normal(&key, nA + k));
    }
    return block;
}

/* A file of a model of rig.h, in f32, with stirred weights: a folder, to be removed. */
static inline void rig_save(const struct raml_config *c, const struct raml_device *dev, char dir[64])
{
    struct raml_model *m = rig_open(c, RAML_F32, dev);
    snprintf(dir, 64, "/tmp/raml-adapter-XXXXXX");
    if (!mkdtemp(dir)) abort();
    MUST(raml_model_save(m, dir, err));
    raml_model_close(m);
}

/* Adapters of this plan and block merged into a model for training: W + scale B A. The embedding of a tied model is its
 * head too, so that it can't be merged. */
static inline void rig_merge(struct raml_model *m, const struct raml_lora *l, const float *block)
{
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *a = &l->module[i];
        bool table = a->layer < 0 && a->matrix == RAML_LORA_EMBEDDING; /* [vocabulary, d] in the model */
        char name[128];
        size_t n = a->n_out * a->n_in;
        float *w = rig_floats(n);
        snprintf(name, sizeof name, "%s.weight", a->name);
        MUST(raml_model_get(m, name, w, n, err));
        for (size_t o = 0; o < a->n_out; o++)
            for (size_t k = 0; k < a->n_in; k++) {
                double sum = 0;
                for (size_t r = 0; r < a->rank; r++)
                    sum += (double)block[a->b + o * a->rank + r] * (double)block[a->a + r * a->n_in + k];
                size_t at = table ? k * a->n_out + o : o * a->n_in + k;
                w[at] = (float)((double)w[at] + a->scale * sum);
            }
        MUST(raml_model_set(m, name, w, n, err));
        free(w);
    }
    MUST(raml_model_refresh(m, err));
}

/* A chain of n tokens, all but the first of which are targets. */
static inline void rig_chain(struct raml_pack *pack, const int32_t *token, size_t n)
{
    struct raml_tree t = {0};
    MUST(raml_tree_add(&t, -1, 0, token, n, 1, NULL, err));
    MUST(raml_pack_add(pack, &t, err));
    raml_tree_deinit(&t);
}
static inline void rig_tokens(int32_t *token, size_t n, int vocab, uint64_t seed)
{
    struct raml_rng r = {{.seed = seed, .purpose = RAML_FOR_TEST}, 0};
    for (size_t i = 0; i < n; i++) token[i] = (int32_t)raml_rng_below(&r, (uint32_t)vocab);
}
/* All logits of a chain, to be freed. */
static inline float *rig_logits(const struct raml_model *m, const int32_t *token, size_t n)
{
    struct raml_pack pack = {0};
    struct raml_pass *p = NULL;
    float *z = rig_floats(n * (size_t)m->config.vocab_size);
    rig_chain(&pack, token, n);
    MUST(raml_pass_open(m, false, &p, err));
    MUST(raml_pass_forward(p, &pack, NULL, err));
    MUST(raml_pass_logits(p, 0, n, z, err));
    raml_pass_close(p);
    raml_pack_deinit(&pack);
    return z;
}

#endif
