/* A tree gives the results of its root-to-leaf paths, each run by itself: values and gradients, on random trees. And a
 * tree gives the same bits whatever else is in the pack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_near.h"
#include "model/rig.h"
#include "tree/naive.h"

enum { TREES = 5 };

struct forest {
    struct raml_tree tree[TREES];
    struct naive naive[TREES];
    size_t n_trees, n_targets;
    float *c, *e; /* coefficients of each target, by tree */
};

static void grow_forest(struct forest *f, size_t trees, int vocab, uint64_t seed)
{
    struct raml_rng r = {{.seed = seed, .purpose = RAML_FOR_TEST}, 0};
    *f = (struct forest){.n_trees = trees};
    for (size_t i = 0; i < trees; i++) {
        naive_init(&f->naive[i]);
        random_tree(&f->tree[i], &f->naive[i], &r, vocab, 2 + raml_rng_below(&r, 7), i % 2 ? 7 : 30);
        f->n_targets += f->naive[i].n_targets;
    }
    f->c = rig_floats(f->n_targets);
    f->e = rig_floats(f->n_targets);
    for (size_t i = 0; i < f->n_targets; i++) {
        f->c[i] = (float)(2 * raml_rng_uniform(&r) - 1);
        f->e[i] = (float)(2 * raml_rng_uniform(&r) - 1);
    }
}
static void fell_forest(struct forest *f)
{
    for (size_t i = 0; i < f->n_trees; i++) raml_tree_deinit(&f->tree[i]), naive_deinit(&f->naive[i]);
    free(f->c), free(f->e);
}

struct result {
    float *logp, *entropy, *grad;
    int32_t *argmax;
};
static struct result make_result(const struct raml_model *m, size_t n)
{
    struct result r = {rig_floats(n), rig_floats(n), rig_floats(raml_model_n(m)), calloc(n + 1, sizeof(int32_t))};
    return r;
}
static void drop_result(struct result *r)
{
    free(r->logp), free(r->entropy), free(r->grad), free(r->argmax);
}
static struct raml_logprobs logprobs_of(const struct result *r, size_t at)
{
    return (struct raml_logprobs){.logp = r->logp + at, .entropy = r->entropy + at, .argmax = r->argmax + at};
}

static void run_packed(struct raml_pass *pass, const struct forest *f, const struct result *out)
{
    struct raml_pack pack = {0};
    for (size_t t = 0; t < f->n_trees; t++) MUST(raml_pack_add(&pack, &f->tree[t], err));
    assert_int_equal(pack.n_targets, f->n_targets);
    struct raml_logprobs first_target = logprobs_of(out, 0);
    MUST(raml_pass_forward(pass, &pack, &first_target, err));
    MUST(host_backward(pass, f->c, f->e, out->grad, err));
    raml_pack_deinit(&pack);
}

/* Every span with targets as a chain from the root to its end, with the span's targets. */
static void run_paths(struct raml_pass *pass, const struct forest *f, const struct result *out)
{
    size_t at = 0;
    for (size_t t = 0; t < f->n_trees; t++) {
        const struct naive *m = &f->naive[t];
        for (size_t s = 0; s < m->n_spans; s++) {
            const struct raml_span *span = &f->tree[t].span[s];
            size_t n = m->path_n[s], target = span->n - span->first_target;
            if (!target) continue;
            int32_t token[512];
            for (size_t i = 0; i < n; i++) token[i] = m->token[m->path[s][i]];
            struct raml_tree chain = {0};
            struct raml_pack pack = {0};
            struct raml_logprobs first_target = logprobs_of(out, at);
            MUST(raml_tree_add(&chain, -1, 0, token, n, n - target, NULL, err));
            MUST(raml_pack_add(&pack, &chain, err));
            MUST(raml_pass_forward(pass, &pack, &first_target, err));
            MUST(host_backward(pass, f->c + at, f->e + at, out->grad, err));
            at += target;
            raml_pack_deinit(&pack);
            raml_tree_deinit(&chain);
        }
    }
    assert_int_equal(at, f->n_targets);
}

static double furthest(const float *a, const float *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++) most = worse_of(most, fabs((double)a[i] - b[i]));
    return most;
}

/* tol: of log-probabilities and entropies; tol_grad: of the gradient's norm, and of each parameter's. */
static void check_model(struct raml_model *m, size_t trees, uint64_t seed, double tol, double tol_grad)
{
    struct forest f;
    struct raml_pass *pass;
    grow_forest(&f, trees, raml_model_config(m)->vocab_size, seed);
    struct result tree = make_result(m, f.n_targets), paths = make_result(m, f.n_targets);
    MUST(raml_pass_open(m, true, &pass, err));
    run_packed(pass, &f, &tree);
    run_paths(pass, &f, &paths);
    double logp = furthest(tree.logp, paths.logp, f.n_targets),
           entropy = furthest(tree.entropy, paths.entropy, f.n_targets);
    double grad = rig_distance(tree.grad, paths.grad, raml_model_n(m));
    print_message("  %s, vocabulary %d, %zu trees: logp %.1e, entropy %.1e, gradient %.1e\n",
                  raml_model_config(m)->model_type, raml_model_config(m)->vocab_size, trees, logp, entropy, grad);
    assert_true(f.n_targets > 20);
    assert_true(logp <= tol && entropy <= tol && grad <= tol_grad);
    const struct raml_param *p;
    size_t n = raml_model_params(m, &p);
    double whole = 0;
    for (size_t i = 0; i < raml_model_n(m); i++) whole += (double)paths.grad[i] * paths.grad[i];
    for (size_t i = 0; i < n; i++) { /* a small parameter's gradient must not be lost among others. Those whose gradient
                                        is nothing but cancelled terms (a key's bias shifts all scores alike) are
                                        compared only with the whole gradient. */
        const float *a = tree.grad + p[i].offset, *b = paths.grad + p[i].offset;
        double own = 0;
        for (size_t k = 0; k < p[i].n; k++) own += (double)b[k] * b[k];
        double part = rig_distance(a, b, p[i].n);
        if (!(part <= 10 * tol_grad) && own > 1e-8 * whole) fail_msg("%s: relative distance %g", p[i].name, part);
    }
    raml_pass_close(pass);
    drop_result(&tree), drop_result(&paths);
    fell_forest(&f);
}

/* f32: sums in another order, through two layers of 40 or so terms: some 2^-24 of the largest logit, 1e-6; the bound
 * leaves ten times that. bf16: each activation is rounded to 8 bits (2^-9) and a changed order of sums moves some to
 * the other neighbour, as a few hundredths of a logit. */
static void check_level(const char *level, bool bf16)
{
    struct raml_device *dev = rig_device(2, level, bf16);
    if (!dev) skip();
    for (int kind = 0; kind < RIG_KINDS; kind++)
        for (int wide = 0; wide < 2; wide++) {
            struct raml_config c = rig_config(kind, wide);
            struct raml_model *m = rig_open(&c, bf16 ? RAML_BF16 : RAML_F32, dev);
            for (uint64_t seed = 0; seed < (wide ? 1 : 2); seed++)
                check_model(m, wide ? 2 : TREES, 10 * seed + (uint64_t)kind, bf16 ? 0.1 : 1e-5, bf16 ? 0.03 : 1e-5);
            raml_model_close(m);
        }
    raml_device_close(dev);
}

static void test_ref(void **state)
{
    (void)state;
    check_level("ref", false);
}
static void test_avx2(void **state)
{
    (void)state;
    check_level("avx2", false);
}
static void test_avx512(void **state)
{
    (void)state;
    check_level("avx512", false);
}
static void test_auto(void **state)
{
    (void)state;
    check_level("auto", false);
}
static void test_bf16(void **state)
{
    (void)state;
    check_level("auto", true);
}

/* Forward in a pack of `order` (numbers of trees): values of each tree, written to their places in f. */
static void run_order(struct raml_pass *pass, const struct forest *f, const size_t *order, size_t n, struct result *out)
{
    struct raml_pack pack = {0};
    for (size_t i = 0; i < n; i++) MUST(raml_pack_add(&pack, &f->tree[order[i]], err));
    struct result here = {rig_floats(pack.n_targets), rig_floats(pack.n_targets), NULL,
                          calloc(pack.n_targets + 1, sizeof(int32_t))};
    struct raml_logprobs first_target = logprobs_of(&here, 0);
    MUST(raml_pass_forward(pass, &pack, &first_target, err));
    for (size_t i = 0; i < n; i++) {
        size_t at = 0, from = pack.tree_target[i], count = f->naive[order[i]].n_targets;
        for (size_t t = 0; t < order[i]; t++) at += f->naive[t].n_targets;
        memcpy(out->logp + at, here.logp + from, count * sizeof(float));
        memcpy(out->entropy + at, here.entropy + from, count * sizeof(float));
        memcpy(out->argmax + at, here.argmax + from, count * sizeof(int32_t));
    }
    raml_pack_deinit(&pack);
    drop_result(&here);
}

static void check_neighbours(struct raml_device *dev, int kind, bool wide, bool bf16, bool backward)
{
    static const size_t orders[][TREES] = {{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 4, 0, 3, 1}};
    struct forest f;
    struct raml_pass *pass;
    struct raml_config c = rig_config(kind, wide);
    struct raml_model *m = rig_open(&c, bf16 ? RAML_BF16 : RAML_F32, dev);
    grow_forest(&f, TREES, c.vocab_size, 77);
    struct result alone = make_result(m, f.n_targets), packed = make_result(m, f.n_targets);
    MUST(raml_pass_open(m, backward, &pass, err));
    for (size_t t = 0; t < TREES; t++) run_order(pass, &f, &t, 1, &alone);
    for (size_t i = 0; i < COUNT(orders); i++) {
        run_order(pass, &f, orders[i], TREES, &packed);
        assert_memory_equal(packed.logp, alone.logp, f.n_targets * sizeof(float));
        assert_memory_equal(packed.entropy, alone.entropy, f.n_targets * sizeof(float));
        assert_memory_equal(packed.argmax, alone.argmax, f.n_targets * sizeof(int32_t));
    }
    raml_pass_close(pass);
    drop_result(&alone), drop_result(&packed);
    fell_forest(&f);
    raml_model_close(m);
}

static void test_neighbours(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        struct raml_device *dev = rig_device(2, "auto", bf16);
        if (!dev) continue;
        for (int kind = 0; kind < RIG_KINDS; kind++) {
            check_neighbours(dev, kind, false, bf16, false);
            check_neighbours(dev, kind, false, bf16,
                             true); /* a pass for training gives the same bits as one that isn't */
            check_neighbours(dev, kind, true, bf16, false);
        }
        raml_device_close(dev);
    }
}

/* A pass opened for backward, one that is not, and one that has seen larger packs give the same values; training gives
 * the same as forward and then backward. */
static void check_train(struct raml_device *dev, int kind, bool wide, bool bf16)
{
    struct raml_config c = rig_config(kind, wide);
    struct raml_model *m = rig_open(&c, bf16 ? RAML_BF16 : RAML_F32, dev);
    struct forest f;
    struct raml_pass *pass, *inference;
    struct raml_pack pack = {0};
    grow_forest(&f, 3, c.vocab_size, 5);
    struct result a = make_result(m, f.n_targets), b = make_result(m, f.n_targets), d = make_result(m, f.n_targets);
    for (size_t t = 0; t < 3; t++) MUST(raml_pack_add(&pack, &f.tree[t], err));
    MUST(raml_pass_open(m, false, &inference, err));
    MUST(raml_pass_open(m, true, &pass, err));
    struct raml_logprobs sa = logprobs_of(&a, 0), sb = logprobs_of(&b, 0), sd = logprobs_of(&d, 0);
    MUST(raml_pass_forward(pass, &pack, &sa, err));
    MUST(host_backward(pass, f.c, NULL, a.grad, err));
    MUST(host_train(pass, &pack, f.c, &sb, b.grad, err));
    MUST(raml_pass_forward(inference, &pack, &sd, err));
    size_t bytes = f.n_targets * sizeof(float);
    assert_memory_equal(a.logp, b.logp, bytes);
    assert_memory_equal(a.entropy, b.entropy, bytes);
    assert_memory_equal(a.logp, d.logp, bytes);
    assert_memory_equal(a.argmax, d.argmax, bytes);
    assert_memory_equal(a.grad, b.grad, raml_model_n(m) * sizeof(float));
    /* gradients are added to what is there; no output is needed */
    MUST(host_train(pass, &pack, f.c, NULL, b.grad, err));
    for (size_t i = 0; i < raml_model_n(m); i++) a.grad[i] *= 2;
    assert_true(rig_distance(b.grad, a.grad, raml_model_n(m)) <= 1e-6);
    raml_pass_close(pass), raml_pass_close(inference);
    raml_pack_deinit(&pack);
    drop_result(&a), drop_result(&b), drop_result(&d);
    fell_forest(&f);
    raml_model_close(m);
}

static void test_train(void **state)
{
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        struct raml_device *dev = rig_device(2, "auto", bf16);
        if (!dev) continue;
        for (int kind = 0; kind < RIG_KINDS; kind++)
            for (int wide = 0; wide < 2; wide++) check_train(dev, kind, wide, bf16);
        raml_device_close(dev);
    }
}

/* The same tree, where the last token of a span from which nothing hangs is an end target, if it is a target at all. */
static void shorten(const struct raml_tree *t, struct raml_tree *out)
{
    for (size_t i = 0; i < t->n_spans; i++) {
        const struct raml_span *s = &t->span[i];
        bool ends = s->n > s->first_target && s->depth + s->n > 1;
        for (size_t k = i + 1; k < t->n_spans; k++) ends &= t->span[k].parent != (int32_t)i || t->span[k].after < s->n;
        MUST(raml_tree_add(out, s->parent, s->after, t->token + s->start, s->n - ends, s->first_target, NULL, err));
        if (ends) MUST(raml_tree_add_end_target(out, (int32_t)i, t->token[s->start + s->n - 1], err));
    }
}

/* A row that nothing hangs from is not needed: values keep their bits without it. Gradients are the same sums, without
 * terms that are zero. */
static void test_end_targets(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct raml_config c = rig_config(kind, false);
        struct raml_model *m = rig_open(&c, RAML_F32, dev);
        struct raml_pass *pass;
        struct raml_pack whole = {0}, part = {0};
        struct forest f;
        grow_forest(&f, TREES, c.vocab_size, 40 + (uint64_t)kind);
        struct result a = make_result(m, f.n_targets), b = make_result(m, f.n_targets);
        for (size_t t = 0; t < TREES; t++) {
            struct raml_tree short_tree = {0};
            shorten(&f.tree[t], &short_tree);
            MUST(raml_pack_add(&whole, &f.tree[t], err));
            MUST(raml_pack_add(&part, &short_tree, err));
            raml_tree_deinit(&short_tree);
        }
        assert_true(part.n_rows + 20 < whole.n_rows && part.n_targets == whole.n_targets);
        MUST(raml_pass_open(m, true, &pass, err));
        struct raml_logprobs to_a = logprobs_of(&a, 0), to_b = logprobs_of(&b, 0);
        MUST(raml_pass_forward(pass, &whole, &to_a, err));
        MUST(host_backward(pass, f.c, f.e, a.grad, err));
        MUST(raml_pass_forward(pass, &part, &to_b, err));
        MUST(host_backward(pass, f.c, f.e, b.grad, err));
        assert_memory_equal(a.logp, b.logp, f.n_targets * sizeof(float));
        assert_memory_equal(a.entropy, b.entropy, f.n_targets * sizeof(float));
        assert_memory_equal(a.argmax, b.argmax, f.n_targets * sizeof(int32_t));
        assert_true(rig_distance(b.grad, a.grad, raml_model_n(m)) <= 1e-6);
        raml_pass_close(pass);
        raml_pack_deinit(&whole), raml_pack_deinit(&part);
        drop_result(&a), drop_result(&b);
        fell_forest(&f);
        raml_model_close(m);
    }
    raml_device_close(dev);
}

/* Nothing to read, no targets: no error, no change. */
static void test_empty(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_config c = rig_config(RIG_QWEN2, false);
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    struct raml_pass *pass;
    struct raml_pack pack = {0};
    struct raml_tree t = {0};
    float *grad = rig_floats(raml_model_n(m)), none = 0;
    const int32_t token[3] = {1, 2, 3};
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(raml_pack_add(&pack, &t, err)); /* a tree of nothing */
    MUST(raml_pass_forward(pass, &pack, NULL, err));
    MUST(host_backward(pass, &none, NULL, grad, err));
    MUST(raml_tree_add(&t, -1, 0, token, 3, 3, NULL, err));
    MUST(raml_pack_add(&pack, &t, err)); /* tokens, no targets */
    MUST(host_train(pass, &pack, &none, NULL, grad, err));
    for (size_t i = 0; i < raml_model_n(m); i++) assert_true(grad[i] == 0);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
    free(grad);
    raml_model_close(m);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ref),   cmocka_unit_test(test_avx2),  cmocka_unit_test(test_avx512),
        cmocka_unit_test(test_auto),  cmocka_unit_test(test_bf16),  cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_train), cmocka_unit_test(test_empty), cmocka_unit_test(test_end_targets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
