/* generate_rig.h - jobs whose texts fork anywhere, on a small model, and their results. Include after cmocka's own
 * headers. */
#ifndef RAML_TESTS_INNER_GENERATE_RIG_H
#define RAML_TESTS_INNER_GENERATE_RIG_H

#include "inner/generate.h"
#include "model/rig.h"

enum { MOST = 200, TEXT = 560 };

static struct raml_device *dev;
static struct raml_model *m;
static size_t V;

static inline int set_up(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN2, false);
    struct raml_err err = {0};
    if (far_device_open(2, "auto", &dev, &err) || raml_model_init(&c, 3, RAML_F32, RAML_TRAINING, dev, &m, &err))
        return -1;
    rig_stir(m, 5, 3);
    V = (size_t)c.vocab_size;
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    raml_model_close(m);
    raml_device_close(dev);
    return 0;
}

struct jobs {
    struct raml_generate_job job[MOST];
    int32_t text[MOST][TEXT];
    size_t n;
};
struct results {
    struct raml_generated of[MOST];
    size_t calls[MOST], n;
};

static inline uint32_t draw(size_t i, uint32_t n)
{
    struct raml_key key = {.seed = 77, .purpose = RAML_FOR_TEST};
    return raml_below(&key, i, n);
}

static inline void add(struct jobs *j, size_t group, size_t from, size_t keep, size_t own)
{
    int32_t *t = j->text[j->n];
    for (size_t i = 0; i < keep; i++) t[i] = j->text[from][i];
    for (size_t i = 0; i < own; i++) t[keep + i] = (int32_t)draw(1000 * j->n + i, (uint32_t)V);
    j->job[j->n] = (struct raml_generate_job){.text = t,
                                              .n_text = keep + own,
                                              .group = group,
                                              .max_tokens = 3 + draw(j->n, 20),
                                              .question = group,
                                              .sample = (uint32_t)j->n,
                                              .first = j->n % 3};
    j->n++;
}

/* Groups whose texts fork anywhere: at and within pages, in the middle of forks, at once; some are another's beginning,
 * some repeat one, some have nothing in common with the others. */
static inline struct jobs *forks(void)
{
    struct jobs *j = calloc(1, sizeof *j);
    for (size_t g = 0; g < 4; g++) {
        size_t base = j->n;
        add(j, g, 0, 0, 100 + 40 * g);
        add(j, g, base, 0, 1 + g);
        for (size_t k = 2; k < (far_asked() ? 8 : 14); k++) {
            size_t from = base + draw(500 + j->n, (uint32_t)k), length = j->job[from].n_text;
            size_t keep = draw(700 + j->n, (uint32_t)length + 1), own = draw(900 + j->n, 4) ? draw(800 + j->n, 80) : 0;
            add(j, g, from, keep, keep + own ? own : 1);
        }
    }
    return j;
}

static inline enum raml_code keep_result(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    (void)err;
    struct results *r = user;
    r->of[job] = *g;
    r->calls[job]++;
    r->n++;
    *g = (struct raml_generated){0};
    return RAML_OK;
}

static inline struct raml_generate_options options(size_t batch_size)
{
    static const int32_t end[] = {1, 2};
    return (struct raml_generate_options){
        .batch_size = batch_size, .sampling = {1, 1, 0, 0}, .seed = 9, .end = end, .n_ends = 2};
}

static inline struct results *run(const struct raml_generate_options *o, const struct raml_generate_job *job, size_t n,
                                  struct raml_generate_guide guide, struct raml_generate_stats *stats)
{
    struct results *r = calloc(1, sizeof *r);
    if (!guide.user) guide.user = r;
    if (!guide.done) guide.done = keep_result;
    MUST(raml_generate(m, o, job, n, &guide, stats, NULL, err));
    if (guide.user == r) {
        assert_int_equal(r->n, n);
        for (size_t i = 0; i < n; i++) assert_int_equal(r->calls[i], 1);
    }
    return r;
}

static inline void drop(struct results *r)
{
    for (size_t i = 0; i < MOST; i++) raml_generated_deinit(&r->of[i]);
    free(r);
}

static inline void check_same(const struct raml_generated *a, const struct raml_generated *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->ended, b->ended);
    assert_memory_equal(a->token, b->token, a->n * sizeof *a->token);
    assert_memory_equal(a->logp, b->logp, a->n * sizeof *a->logp);
}

struct read { /* by a pass over a text and what follows it */
    float logp[TEXT], entropy[TEXT];
    int32_t argmax[TEXT];
};

static inline void read_whole(const int32_t *text, size_t n_text, const int32_t *more, size_t n, struct read *r)
{
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    struct raml_logprobs out = {.logp = r->logp, .entropy = r->entropy, .argmax = r->argmax};
    MUST(raml_tree_add(&tree, -1, 0, text, n_text, n_text, NULL, err));
    MUST(raml_tree_add(&tree, 0, (uint32_t)n_text, more, n, 0, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &out, err));
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
}

#endif
