/* Gradients of every A and B against slopes of the loss; the same bits however a step is split into passes, and with
 * some of the adapters alone; taps and lenses read on; the device's failures leave no adapters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/file.h"
#include "model/adapter_rig.h"
#include "raml/tap.h"

enum { TREES = 3, MOST = 64 };
static const size_t ranks[] = {1, 3, 5, 17, 2, 70};

struct objective { /* sum of c logp + e entropy over the targets, in double */
    struct raml_model *m;
    struct raml_pass *pass;
    struct raml_pack pack, part[TREES];
    float c[MOST], e[MOST];
};

/* A prompt with two trajectories that it ends in; the next is shorter. */
static void add_tree(struct raml_pack *pack, int vocab, size_t number)
{
    struct raml_tree t = {0};
    int32_t token[12];
    rig_tokens(token, 12, vocab, 20 + number);
    MUST(raml_tree_add(&t, -1, 0, token, 5, 2, NULL, err));
    MUST(raml_tree_add(&t, 0, 5, token + 5, 6 - number, 0, NULL, err));
    MUST(raml_tree_add(&t, 0, 3, token + 6, 6, 1, NULL, err));
    MUST(raml_pack_add(pack, &t, err));
    raml_tree_deinit(&t);
}

static void open_objective(struct objective *o, const char *dir, const struct raml_lora *plan, const float *block,
                           const struct raml_device *dev)
{
    struct raml_rng r = {{.seed = 4, .purpose = RAML_FOR_TEST}, 0};
    *o = (struct objective){0};
    MUST(raml_model_open(dir, RAML_F32, RAML_ADAPTING, dev, &o->m, err));
    MUST(raml_model_adapt(o->m, plan, block, 0, err));
    for (size_t i = 0; i < TREES; i++) {
        add_tree(&o->pack, o->m->config.vocab_size, i);
        add_tree(&o->part[i], o->m->config.vocab_size, i);
    }
    assert_in_range(o->pack.n_targets, 30, MOST);
    MUST(raml_pass_open(o->m, true, &o->pass, err));
    for (size_t i = 0; i < MOST; i++) o->c[i] = (float)(2 * raml_rng_uniform(&r) - 1);
    for (size_t i = 0; i < MOST; i++) o->e[i] = (float)(2 * raml_rng_uniform(&r) - 1);
}
static void close_objective(struct objective *o)
{
    raml_pass_close(o->pass);
    raml_model_close(o->m);
    raml_pack_deinit(&o->pack);
    for (size_t i = 0; i < TREES; i++) raml_pack_deinit(&o->part[i]);
}

static double loss_of(struct objective *o)
{
    float logp[MOST], entropy[MOST];
    struct raml_logprobs out = {.logp = logp, .entropy = entropy};
    MUST(raml_pass_forward(o->pass, &o->pack, &out, err));
    double sum = 0;
    for (size_t i = 0; i < o->pack.n_targets; i++) sum += (double)o->c[i] * logp[i] + (double)o->e[i] * entropy[i];
    return sum;
}
static float *gradient(struct objective *o)
{
    float *g = rig_floats(raml_model_n(o->m));
    loss_of(o);
    MUST(host_backward(o->pass, o->c, o->e, g, err));
    return g;
}

/* The slope along a direction u of some elements, by differences. */
static double slope(struct objective *o, const struct raml_param *p, const double *u, double h)
{
    float *was = host_weights(o->m);
    double loss[2];
    for (int side = 0; side < 2; side++) {
        float *w = host_weights(o->m);
        for (size_t i = 0; i < p->n; i++) w[p->offset + i] = (float)(was[p->offset + i] + (side ? -h : h) * u[i]);
        MUST(host_set_weights(o->m, w, err));
        loss[side] = loss_of(o);
    }
    MUST(host_set_weights(o->m, was, err));
    return (loss[0] - loss[1]) / (2 * h);
}

/* Along the gradient, and along one element. The loss is a sum of some seventy f32 values, each wrong by 1e-6: over
 * 2h = 1e-2 that is 1e-3, and the third derivative adds h^2/6 of itself. */
static void check_parameter(struct objective *o, const struct raml_param *p, const float *g, struct raml_rng *r)
{
    double *u = calloc(p->n, sizeof *u), norm = 0;
    assert_non_null(u);
    for (size_t i = 0; i < p->n; i++) norm += (double)g[i] * (double)g[i];
    norm = sqrt(norm);
    assert_true(norm > 1e-3);
    for (int kind = 0; kind < 3; kind++) {
        double want = 0;
        size_t one = raml_rng_below(r, (uint32_t)p->n);
        for (size_t i = 0; i < p->n; i++) u[i] = kind == 0 ? (double)g[i] / norm : i == one;
        for (size_t i = 0; i < p->n; i++) want += u[i] * (double)g[i];
        double got = slope(o, p, u, kind == 0 && want > 10 ? 0.05 / want : 5e-3);
        if (!(fabs(got - want) <= 1e-2 * fabs(want) + 3e-3))
            fail_msg("%s, direction %d: gradient gives %.6g, slope is %.6g", p->name, kind, want, got);
    }
    free(u);
}

/* Three passes add up to the gradient of one, to the bit; so does raml_pass_train. */
static void check_split(struct objective *o, const float *want)
{
    size_t n = raml_model_n(o->m), at = 0;
    float *g = rig_floats(n);
    for (size_t i = 0; i < TREES; i++) {
        MUST(raml_pass_forward(o->pass, &o->part[i], NULL, err));
        MUST(host_backward(o->pass, o->c + at, o->e + at, g, err));
        at += o->part[i].n_targets;
    }
    assert_int_equal(at, o->pack.n_targets);
    assert_memory_equal(g, want, n * sizeof *g);
    memset(g, 0, n * sizeof *g);
    float *both = rig_floats(n);
    MUST(host_train(o->pass, &o->pack, o->c, NULL, g, err));
    MUST(raml_pass_forward(o->pass, &o->pack, NULL, err));
    MUST(host_backward(o->pass, o->c, NULL, both, err));
    assert_memory_equal(g, both, n * sizeof *g);
    free(g), free(both);
}

/* With every other B zero, the gradient of some modules is that of a plan of only those: backward that stops below them
 * has left nothing out. */
static void check_alone(const char *dir, const struct raml_lora *plan, const float *block,
                        const struct raml_device *dev, size_t first, size_t count)
{
    struct raml_lora some = *plan;
    some.module = plan->module + first;
    some.n_modules = count;
    float *rest = rig_floats(plan->n);
    memcpy(rest, block, plan->n * sizeof *rest);
    for (size_t i = 0; i < plan->n_modules; i++)
        if (i < first || i >= first + count)
            memset(rest + plan->module[i].b, 0, plan->module[i].n_out * plan->module[i].rank * sizeof *rest);
    struct objective all, alone;
    open_objective(&all, dir, plan, rest, dev);
    open_objective(&alone, dir, &some, rest, dev);
    float *a = gradient(&all), *b = gradient(&alone);
    for (size_t i = first; i < first + count; i++) {
        const struct raml_lora_module *m = &plan->module[i];
        size_t n = (m->b - m->a) + m->n_out * m->rank;
        for (size_t k = m->a; k < m->a + n; k++)
            if (!(a[k] == b[k])) fail_msg("%s alone: %.9g, expected %.9g", m->name, (double)b[k], (double)a[k]);
    }
    free(a), free(b), free(rest);
    close_objective(&all);
    close_objective(&alone);
}

static void test_gradient(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_rng r = {{.seed = 5, .purpose = RAML_FOR_TEST}, 0};
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct raml_config c = rig_config(kind, kind == RIG_LLAMA && !far_asked());
        char dir[64];
        struct objective o;
        const struct raml_param *p;
        struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks));
        float *block = rig_block(&plan, 4);
        rig_save(&c, dev, dir);
        open_objective(&o, dir, &plan, block, dev);
        float *g = gradient(&o);
        size_t n = raml_model_params(o.m, &p);
        assert_int_equal(n, 2 * plan.n_modules);
        for (size_t i = 0; i < n; i++) check_parameter(&o, &p[i], g + p[i].offset, &r);
        if (!far_asked()) check_split(&o, g); /* the reference adds in double */
        free(g);
        close_objective(&o);
        size_t L = plan.n_modules;
        const size_t some[][2] = {{L - 1, 1}, {7, 7}, {9, 1}, {0, 1}, {c.tied ? 6 : L - 2, 1}};
        for (size_t i = 0; i < COUNT(some); i++) check_alone(dir, &plan, block, dev, some[i][0], some[i][1]);
        raml_lora_deinit(&plan);
        free(block);
        MUST(raml_remove_tree(dir, err));
    }
    raml_device_close(dev);
}

/* The lens after the last layer is the model; a patch adds to what the adapter has added. */
static void test_hooks(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_config c = rig_config(RIG_LLAMA, false);
    char dir[64];
    struct objective o;
    struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks));
    float *block = rig_block(&plan, 4), logp[3][MOST];
    rig_save(&c, dev, dir);
    open_objective(&o, dir, &plan, block, dev);
    struct raml_lens lens = {.layer = (size_t)c.n_layers, .out.logp = logp[0]};
    struct raml_hooks hooks = {.lens = &lens, .n_lenses = 1};
    MUST(raml_pass_forward_hooked(o.pass, &o.pack, &hooks, &(struct raml_logprobs){.logp = logp[1]}, err));
    for (size_t i = 0; i < o.pack.n_targets; i++) assert_true(logp[0][i] == logp[1][i]);
    /* the adapter of one matrix, once more as a patch: that adapter at twice its scale */
    const struct raml_lora_module *m = &plan.module[RAML_LAYER_MATRICES + RAML_LAYER_UP];
    float *left = rig_floats(m->n_out * m->rank);
    for (size_t i = 0; i < m->n_out * m->rank; i++) left[i] = (float)m->scale * block[m->b + i];
    struct raml_patch patch = {
        .layer = 1, .matrix = RAML_LAYER_UP, .rank = m->rank, .left = left, .right = block + m->a};
    hooks = (struct raml_hooks){.patch = &patch, .n_patches = 1};
    MUST(raml_pass_forward_hooked(o.pass, &o.pack, &hooks, &(struct raml_logprobs){.logp = logp[0]}, err));
    close_objective(&o);
    plan.module[RAML_LAYER_MATRICES + RAML_LAYER_UP].scale *= 2;
    open_objective(&o, dir, &plan, block, dev);
    MUST(raml_pass_forward(o.pass, &o.pack, &(struct raml_logprobs){.logp = logp[2]}, err));
    for (size_t i = 0; i < o.pack.n_targets; i++) {
        assert_true(fabs((double)logp[0][i] - (double)logp[2][i]) <= 1e-4);
        assert_true(isfinite(logp[1][i]));
    }
    assert_true(rig_distance(logp[0], logp[1], o.pack.n_targets) > 1e-3);
    close_objective(&o);
    raml_lora_deinit(&plan);
    free(block), free(left);
    MUST(raml_remove_tree(dir, err));
    raml_device_close(dev);
}

/* Every operation of raml_model_adapt fails once. */
static void test_fault(void **state)
{
    (void)state;
    struct raml_device *dev = NULL;
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct raml_model *m = NULL;
    struct raml_lora plan = rig_plan(&c, ranks, COUNT(ranks));
    MUST(far_open(&dev, err));
    MUST(raml_model_init(&c, 7, RAML_F32, RAML_ADAPTING, dev, &m, err));
    size_t used = far_in_use(dev), n = 1;
    for (;; n++) {
        struct raml_err err = {0};
        far_fail_at(dev, n);
        enum raml_code rc = raml_model_adapt(m, &plan, NULL, 3, &err);
        bool failed = far_failed(dev);
        far_fail_at(dev, 0);
        if (!failed) {
            assert_int_equal(rc, RAML_OK);
            break;
        }
        assert_true(rc == RAML_ENOMEM || rc == RAML_EIO);
        assert_null(raml_model_lora(m));
        assert_int_equal(far_in_use(dev), used);
    }
    assert_true(n > plan.n_modules);
    raml_lora_deinit(&plan);
    raml_model_close(m);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gradient), cmocka_unit_test(test_hooks),
                                       cmocka_unit_test(test_fault)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
