/* The whole backward pass against slopes of the loss: along directions in each parameter, for every model type; and
 * bf16 against f32. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/rig.h"

enum { PROMPT = 9, TRAJECTORY = 11, PROBE = 3, MOST = 128 };

/* Two trees: a prompt with two trajectories and a probe after every other token of one; and a short chain. */
static void make_pack(struct raml_pack *pack, int vocab)
{
    struct raml_rng r = {{.seed = 3, .purpose = RAML_FOR_TEST}, 0};
    struct raml_tree t = {0};
    int32_t token[TRAJECTORY], span;
    for (int tree = 0; tree < 2; tree++) {
        raml_tree_clear(&t);
        for (int i = 0; i < TRAJECTORY; i++) token[i] = (int32_t)raml_rng_below(&r, (uint32_t)vocab);
        MUST(raml_tree_add(&t, -1, 0, token, PROMPT, 3, NULL, err));
        for (int k = 0; k < 2 && tree == 0; k++) {
            for (int i = 0; i < TRAJECTORY; i++) token[i] = (int32_t)raml_rng_below(&r, (uint32_t)vocab);
            MUST(raml_tree_add(&t, 0, PROMPT, token, TRAJECTORY, 0, &span, err));
        }
        for (uint32_t i = 0; i <= TRAJECTORY && tree == 0; i += 2)
            MUST(raml_tree_add(&t, span, i, token, PROBE, 1, NULL, err));
        MUST(raml_pack_add(pack, &t, err));
    }
    raml_tree_deinit(&t);
}

struct objective { /* sum of c logp + e entropy over the targets, in double */
    struct raml_pass *pass;
    struct raml_pack pack;
    float c[MOST], e[MOST];
};
static double loss_of(struct objective *o)
{
    float logp[MOST], entropy[MOST];
    struct raml_logprobs out = {.logp = logp, .entropy = entropy};
    MUST(raml_pass_forward(o->pass, &o->pack, &out, err));
    double sum = 0;
    for (size_t i = 0; i < o->pack.n_targets; i++) sum += (double)o->c[i] * logp[i] + (double)o->e[i] * entropy[i];
    return sum;
}
static void open_objective(struct objective *o, const struct raml_model *m)
{
    struct raml_rng r = {{.seed = 4, .purpose = RAML_FOR_TEST}, 0};
    *o = (struct objective){0};
    make_pack(&o->pack, raml_model_config(m)->vocab_size);
    assert_in_range(o->pack.n_targets, 30, MOST);
    MUST(raml_pass_open(m, true, &o->pass, err));
    for (size_t i = 0; i < MOST; i++) o->c[i] = (float)(2 * raml_rng_uniform(&r) - 1);
    for (size_t i = 0; i < MOST; i++) o->e[i] = (float)(2 * raml_rng_uniform(&r) - 1);
}
static void close_objective(struct objective *o)
{
    raml_pass_close(o->pass);
    raml_pack_deinit(&o->pack);
}
static float *gradient(struct objective *o, const struct raml_model *m)
{
    float *g = rig_floats(raml_model_n(m));
    loss_of(o);
    MUST(host_backward(o->pass, o->c, o->e, g, err));
    return g;
}

/* Unit directions in a parameter of n elements. 0: along the computed gradient (is its length right?); 1: all elements
 * at random; from 2 on: a few random elements, where a missing gradient shows undiluted. */
static void direction(double *u, const float *g, size_t n, int kind, struct raml_rng *r)
{
    double norm = 0;
    for (size_t i = 0; i < n; i++) u[i] = kind == 0 ? g[i] : kind == 1 ? raml_normal(&r->key, r->position++) : 0;
    for (int k = 0; k < 6 && kind >= 2; k++) u[raml_rng_below(r, (uint32_t)n)] += 1 + raml_rng_uniform(r);
    for (size_t i = 0; i < n; i++) norm += u[i] * u[i];
    norm = norm > 0 ? 1 / sqrt(norm) : 0;
    for (size_t i = 0; i < n; i++) u[i] *= norm;
}

/* (loss(w + h u) - loss(w - h u)) / 2h; the weights are restored. */
static double slope(struct objective *o, struct raml_model *m, const struct raml_param *p, const double *u, double h)
{
    float *old = host_weights(m);
    double loss[2], moved = 0; /* moved: 0 where h u is lost in rounding */
    for (int side = 0; side < 2; side++) {
        float *all = host_weights(m), *w = all + p->offset, *was = old + p->offset;
        for (size_t i = 0; i < p->n; i++) {
            w[i] = (float)(was[i] + (side ? -h : h) * u[i]);
            moved += fabs(u[i] * ((double)w[i] - was[i]));
        }
        MUST(host_set_weights(m, all, err));
        loss[side] = loss_of(o);
        MUST(raml_array_write(raml_model_device(m), raml_model_weights(m), old, raml_model_n(m) * sizeof *old, err));
    }
    MUST(host_set_weights(m, old, err));
    return moved > 0 ? (loss[0] - loss[1]) / (2 * h) : 0;
}

/* Bound. The loss is a sum of some fifty f32 values, each wrong by about 1e-6: 1e-5 over 2h = 1e-2 gives 1e-3; the
 * third derivative adds h^2/6 of itself. Along a steep gradient the step is shortened, so that the loss moves by 0.1 at
 * most. So 1e-2 of the slope, and 2e-3. */
static void check_parameter(struct objective *o, struct raml_model *m, const struct raml_param *p, const float *g,
                            struct raml_rng *r, double *most)
{
    double *u = malloc(p->n * sizeof *u);
    for (int kind = 0; kind < 5; kind++) {
        double want = 0;
        direction(u, g + p->offset, p->n, kind, r);
        for (size_t i = 0; i < p->n; i++) want += u[i] * g[p->offset + i];
        double h = kind == 0 && want > 20 ? 0.1 / want : 5e-3;
        double got = slope(o, m, p, u, h), error = fabs(got - want) / (1e-2 * fabs(want) + 2e-3);
        if (error > *most) *most = error;
        if (!(error <= 1)) fail_msg("%s, direction %d: gradient gives %.6g, slope is %.6g", p->name, kind, want, got);
    }
    free(u);
}

static void check_slopes(const struct raml_device *dev, int kind, bool wide)
{
    struct raml_config c = rig_config(kind, wide);
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    struct objective o;
    struct raml_rng r = {{.seed = 5, .purpose = RAML_FOR_TEST}, 0};
    const struct raml_param *p;
    open_objective(&o, m);
    float *g = gradient(&o, m);
    size_t n = raml_model_params(m, &p);
    double most = 0;
    assert_true(n >= 20);
    for (size_t i = 0; i < n; i++) check_parameter(&o, m, &p[i], g, &r, &most);
    print_message("  %s, vocabulary %d: worst %.2f of the bound\n", c.model_type, c.vocab_size, most);
    free(g);
    close_objective(&o);
    raml_model_close(m);
}

static void test_slopes(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(1, "ref", false);
    if (!dev) dev = rig_device(1, "auto", false); /* the far device's one level */
    for (int kind = 0; kind < RIG_KINDS; kind++) check_slopes(dev, kind, false);
    raml_device_close(dev);
    dev = rig_device(1, "auto", false);
    check_slopes(dev, RIG_LLAMA, true); /* more than one tile of the vocabulary */
    raml_device_close(dev);
}

/* Every level's gradient against the reference's: sums in another order only. */
static void test_levels(void **state)
{
    (void)state;
    static const char *const levels[] = {"avx2", "avx512", "avx512bf16"};
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct raml_config c = rig_config(kind, false);
        float *want = NULL;
        for (size_t i = 0; i <= COUNT(levels); i++) {
            struct raml_device *dev = rig_device(2, i ? levels[i - 1] : "ref", false);
            if (!dev) continue;
            struct raml_model *m = rig_open(&c, RAML_F32, dev);
            struct objective o;
            open_objective(&o, m);
            float *g = gradient(&o, m);
            if (want && !(rig_distance(g, want, raml_model_n(m)) <= 1e-5))
                fail_msg("%s, %s: relative distance %g", c.model_type, levels[i - 1],
                         rig_distance(g, want, raml_model_n(m)));
            close_objective(&o);
            raml_model_close(m);
            raml_device_close(dev);
            if (want) free(g);
            else want = g;
        }
        free(want);
    }
}

/* bf16 rounds weights and activations to 8 bits: each factor of a product is off by up to 2^-9, on average 2^-10.5, and
 * a gradient passes some twenty products: 2^-10.5 sqrt(20) = 3e-3 at the least. Measured 7e-3 to 1.5e-2 on weights of
 * the usual size; the bound is twice that. The loss, fifty terms of either sign, moves by up to 2e-2. With a window, norms
 * of what is added or multipliers: up to 2.7e-2 and 5.3e-2. */
static void test_bf16(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", true);
    if (!dev) skip();
    for (int kind = 0; kind < RIG_KINDS; kind++)
        for (int wide = 0; wide < 2; wide++) {
            struct raml_config c = rig_config(kind, wide);
            struct raml_model *full = rig_open_scaled(&c, RAML_F32, dev, 1);
            struct raml_model *half = rig_open_scaled(&c, RAML_BF16, dev, 1);
            struct objective a, b;
            open_objective(&a, full), open_objective(&b, half);
            float *ga = gradient(&a, full), *gb = gradient(&b, half);
            double loss = fabs(loss_of(&a) - loss_of(&b)), far = rig_distance(gb, ga, raml_model_n(full));
            print_message("  %s, vocabulary %d: bf16 gradient %.1e from that of f32, loss %.1e\n", c.model_type,
                          c.vocab_size, far, loss);
            assert_true(far <= (kind < RIG_MISTRAL ? 0.03 : 0.055) && loss <= (kind < RIG_MISTRAL ? 0.05 : 0.11));
            free(ga), free(gb);
            close_objective(&a), close_objective(&b);
            raml_model_close(full), raml_model_close(half);
        }
    raml_device_close(dev);
}

/* The same bits on every run; with another number of threads only sums over rows may differ in their order. */
static void test_threads(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN3, false);
    float *want = NULL;
    for (int threads = 1; threads <= 3; threads++)
        for (int again = 0; again < 2; again++) {
            struct raml_device *dev = rig_device(threads, "auto", false);
            struct raml_model *m = rig_open(&c, RAML_F32, dev);
            struct objective o;
            open_objective(&o, m);
            float *g = gradient(&o, m), *g2 = gradient(&o, m);
            assert_memory_equal(g, g2, raml_model_n(m) * sizeof *g);
            if (want) assert_true(rig_distance(g, want, raml_model_n(m)) <= 1e-6);
            close_objective(&o);
            raml_model_close(m);
            raml_device_close(dev);
            free(g2);
            if (want) free(g);
            else want = g;
        }
    free(want);
}

/* Incorrect use gives a message and changes nothing. */
static void test_faults(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_config c = rig_config(RIG_LLAMA, false);
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    struct objective o;
    open_objective(&o, m);
    struct raml_pass *inference;
    struct raml_err fault;
    float *grad = rig_floats(raml_model_n(m));
    assert_int_equal(host_backward(o.pass, o.c, NULL, grad, &fault), RAML_EUSAGE);
    assert_string_equal(fault.msg, "backward: the pass was not opened for it, or has run no forward");
    MUST(raml_pass_open(m, false, &inference, err));
    MUST(raml_pass_forward(inference, &o.pack, NULL, err));
    assert_int_equal(host_backward(inference, o.c, NULL, grad, &fault), RAML_EUSAGE);
    assert_int_equal(host_train(inference, &o.pack, o.c, NULL, grad, &fault), RAML_EUSAGE);
    assert_string_equal(fault.msg, "train: the pass was not opened for backward");
    for (size_t i = 0; i < raml_model_n(m); i++) assert_true(grad[i] == 0);
    raml_pass_close(inference);
    free(grad);
    close_objective(&o);
    raml_model_close(m);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slopes), cmocka_unit_test(test_levels),
                                       cmocka_unit_test(test_bf16), cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
