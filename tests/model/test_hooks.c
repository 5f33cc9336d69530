/* Hooks of a pass: what is tapped obeys the layer's equations on the host, patches are what changed weights are, taken
 * rows compute with another's stream, lenses read the stream through the model's own head; what reads changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/hooks_rig.h"

/* -- Taps ---------------------------------------------------------------------------------------------------------- */
static void check_tap(struct raml_model *m, int kind)
{
    static const uint32_t row[] = {0, 5, 8, 14, 22};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    struct reading r = reading_of(m, COUNT(row));
    const struct raml_tap tap = tap_of(&r, row);
    const struct raml_hooks hooks = {.tap = &tap};
    float plain[N], hooked[N], *w = host_weights(m);
    (void)kind;
    make_pack(&pack, raml_model_config(m)->vocab_size);
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = plain}, err));
    MUST(raml_pass_forward_hooked(pass, &pack, &hooks, &(struct raml_logprobs){.logp = hooked}, err));
    assert_memory_equal(plain, hooked, pack.n_targets * sizeof *plain); /* reading changes nothing */
    assert_int_equal(r.n_layers, 2);
    for (size_t layer = 0; layer < 2; layer++)
        for (size_t k = 0; k < COUNT(row); k++) check_row(m, w, &r, layer, k, NULL, false);
    drop_reading(&r);
    /* one layer, one kind of value */
    const bool second[] = {false, true};
    struct reading one = reading_of(m, COUNT(row));
    struct raml_tap part = tap_of(&one, row);
    part.layer = second;
    one.n_layers = 1; /* the first that keep() expects */
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.tap = &part}, NULL, err));
    assert_int_equal(one.n_layers, 2);
    drop_reading(&one);
    free(w);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}
static void test_tap(void **state)
{
    (void)state;
    each_model(check_tap);
}

/* -- Patches ------------------------------------------------------------------------------------------------------- */
static float *factor(size_t n, uint64_t seed)
{
    float *p = rig_floats(n);
    struct raml_key key = {.seed = seed, .purpose = RAML_FOR_TEST};
    for (size_t i = 0; i < n; i++) p[i] = (float)(0.2 * raml_normal(&key, i));
    return p;
}

/* A patch on all rows is what the changed matrix gives. */
static void check_patch(struct raml_model *m, int kind)
{
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    float patched[N], changed[N], before[N];
    (void)kind;
    make_pack(&pack, raml_model_config(m)->vocab_size);
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = before}, err));
    for (int k = 0; k < RAML_LAYER_MATRICES; k++) {
        struct raml_layer_shape s = raml_layer_shape(raml_model_config(m), (enum raml_layer_matrix)k);
        float *left = factor(s.n_out * 3, 1), *right = factor(s.n_in * 3, 2);
        size_t layer = (size_t)k % 2, at = raml_layer_matrix_offset(m, layer, (enum raml_layer_matrix)k);
        const struct raml_patch patch = {layer, (enum raml_layer_matrix)k, 3, left, right, NULL, 0};
        const struct raml_hooks hooks = {.patch = &patch, .n_patches = 1};
        MUST(raml_pass_forward_hooked(pass, &pack, &hooks, &(struct raml_logprobs){.logp = patched}, err));
        struct raml_err why = {0};
        float grad[1], c[N] = {0};
        assert_int_equal(raml_pass_backward(pass, c, NULL, grad, &why), RAML_EUSAGE);
        float *w = host_weights(m), *keep_w = host_weights(m);
        for (size_t i = 0; i < s.n_out; i++)
            for (size_t j = 0; j < s.n_in; j++)
                for (size_t q = 0; q < 3; q++) w[at + i * s.n_in + j] += left[i * 3 + q] * right[q * s.n_in + j];
        MUST(host_set_weights(m, w, err));
        MUST(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = changed}, err));
        double moved = 0;
        for (size_t i = 0; i < pack.n_targets; i++) {
            check_close(raml_layer_matrix_name((enum raml_layer_matrix)k), patched[i], changed[i], 1e-4);
            moved = fmax(moved, fabs((double)patched[i] - (double)before[i]));
        }
        assert_true(moved > 0.01);
        MUST(host_set_weights(m, keep_w, err));
        free(left), free(right);
    }
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}
static void test_patch(void **state)
{
    (void)state;
    each_model(check_patch);
}

/* A patch of some rows belongs to them: they obey the patched equations, others theirs. Two of one row add up. */
static void check_patch_rows(struct raml_model *m, int kind)
{
    static const uint32_t all[] = {0, 5, 8, 14, 22}, some[] = {5, 14};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    float *w = host_weights(m);
    (void)kind;
    make_pack(&pack, raml_model_config(m)->vocab_size);
    MUST(raml_pass_open(m, false, &pass, err));
    for (int k = RAML_LAYER_GATE; k <= RAML_LAYER_DOWN; k++) {
        struct raml_layer_shape s = raml_layer_shape(raml_model_config(m), (enum raml_layer_matrix)k);
        float *left = factor(s.n_out * 2, 3), *right = factor(s.n_in * 2, 4), *first = rig_floats(s.n_out * 2);
        struct raml_patch whole = {1, (enum raml_layer_matrix)k, 2, left, right, some, 2};
        for (size_t i = 0; i < s.n_out; i++) first[i] = left[i * 2], first[s.n_out + i] = left[i * 2 + 1];
        const struct raml_patch half[] = {{1, (enum raml_layer_matrix)k, 1, first, right, some, 2},
                                          {1, (enum raml_layer_matrix)k, 1, first + s.n_out, right + s.n_in, some, 2}};
        for (int split = 0; split < 2; split++) {
            struct reading r = reading_of(m, COUNT(all));
            const struct raml_tap tap = tap_of(&r, all);
            const struct raml_hooks hooks = {.tap = &tap, .patch = split ? half : &whole, .n_patches = split ? 2 : 1};
            MUST(raml_pass_forward_hooked(pass, &pack, &hooks, NULL, err));
            for (size_t i = 0; i < COUNT(all); i++) {
                check_row(m, w, &r, 0, i, &whole, false);
                check_row(m, w, &r, 1, i, &whole, i == 1 || i == 3);
            }
            drop_reading(&r);
        }
        free(left), free(right), free(first);
    }
    free(w);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}
static void test_patch_rows(void **state)
{
    (void)state;
    each_model(check_patch_rows);
}

/* left alone is a bias: as one row with right chosen so that right x is 1. */
static void check_bias(struct raml_model *m, int kind)
{
    static const uint32_t row[] = {6};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    struct reading r = reading_of(m, 1);
    struct raml_tap tap = tap_of(&r, row);
    size_t d = r.d, F = r.F;
    float *left = factor(d, 5), *right = rig_floats(F), bias[N], rank_one[N];
    (void)kind;
    make_pack(&pack, raml_model_config(m)->vocab_size);
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.tap = &tap}, NULL, err));
    const float *s = r.value[0][1];
    for (size_t i = 0; i < F; i++) right[i] = (float)((double)s[i] / dot(s, s, F));
    struct raml_patch p = {0, RAML_LAYER_DOWN, 1, left, NULL, row, 1};
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.patch = &p, .n_patches = 1},
                                  &(struct raml_logprobs){.logp = bias}, err));
    p.right = right;
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.patch = &p, .n_patches = 1},
                                  &(struct raml_logprobs){.logp = rank_one}, err));
    for (size_t i = 0; i < pack.n_targets; i++) check_close("bias", bias[i], rank_one[i], 2e-5);
    drop_reading(&r);
    free(left), free(right);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}
static void test_bias(void **state)
{
    (void)state;
    each_model(check_bias);
}

/* -- Taken rows ---------------------------------------------------------------------------------------------------- */
enum { CHAIN = 580 }; /* two of them are more rows than a chunk, 1024 on processors and 256 on the far device */

/* Two chains, and twins of one token after the first 4 tokens of the second. */
static void make_twins(struct raml_pack *pack, int vocab, const int32_t *twin, size_t n_twins)
{
    struct raml_tree t = {0};
    int32_t token[CHAIN];
    for (int i = 0; i < CHAIN; i++) token[i] = (i * 5 + i * i) % vocab;
    raml_pack_clear(pack);
    MUST(raml_tree_add(&t, -1, 0, token, CHAIN, CHAIN, NULL, err));
    MUST(raml_pack_add(pack, &t, err));
    for (size_t i = 0; i < n_twins; i++) MUST(raml_tree_add(&t, 0, 4, twin + i, 1, 1, NULL, err));
    MUST(raml_pack_add(pack, &t, err));
    raml_tree_deinit(&t);
}

/* In layer 0 the stream is a token's embedding, so a row that takes it computes what that token would in its place. In
 * layer 1 a row that takes from one with the same ancestors and token keeps its bits. */
static void check_take(struct raml_model *m, int kind)
{
    int vocab = raml_model_config(m)->vocab_size;
    static const int32_t twin[] = {1, 2, 3, 4};
    static const uint32_t from[] = {CHAIN + 3, CHAIN + 300, 2 * CHAIN - 1, CHAIN + 4};
    static const uint32_t rows[] = {2 * CHAIN, 2 * CHAIN + 1, 2 * CHAIN + 2, 2 * CHAIN + 3};
    struct raml_row_take take[4];
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    struct reading taken = reading_of(m, 4), alone = reading_of(m, 4);
    struct raml_tap tap = tap_of(&taken, rows), tap_alone = tap_of(&alone, rows);
    int32_t same[4];
    (void)kind;
    for (size_t i = 0; i < 4; i++) take[i] = (struct raml_row_take){rows[i], from[i]};
    MUST(raml_pass_open(m, false, &pass, err));
    make_twins(&pack, vocab, twin, 4);
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.tap = &tap, .take = take, .n_takes = 4}, NULL,
                                  err));
    for (size_t i = 0; i < 4; i++) same[i] = pack.token[from[i]];
    make_twins(&pack, vocab, same, 4);
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.tap = &tap_alone}, NULL, err));
    for (int k = 0; k < 4; k++) {
        size_t width = k == 1 ? taken.F : taken.d;
        assert_memory_equal(taken.value[0][k], alone.value[0][k], 4 * width * sizeof(float));
        /* the last one takes from the chain's fifth token, which comes after its first 4 as the twins do */
        assert_memory_equal(taken.value[1][k] + 3 * width, alone.value[1][k] + 3 * width, width * sizeof(float));
    }
    for (size_t i = 0; i < 3; i++) /* the others' streams come from elsewhere */
        assert_memory_not_equal(taken.value[1][2] + i * taken.d, alone.value[1][2] + i * taken.d,
                                taken.d * sizeof(float));
    drop_reading(&taken), drop_reading(&alone);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}

/* Rows of several chunks: taps and patches find theirs. */
static void check_chunks(struct raml_model *m, int kind)
{
    static const uint32_t row[] = {7, 100, 590, 1023, 1024, 1124}, some[] = {100, 590, 1024};
    static const int32_t twin[] = {1};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    struct reading r = reading_of(m, COUNT(row));
    const struct raml_tap tap = tap_of(&r, row);
    float *w = host_weights(m), *left = factor(r.d, 3), *right = factor(r.F, 4), *all_left = factor(r.F, 5);
    const struct raml_patch patch[] = {{1, RAML_LAYER_DOWN, 1, left, right, some, COUNT(some)},
                                       {0, RAML_LAYER_UP, 1, all_left, right, NULL, 0}};
    (void)kind;
    make_twins(&pack, raml_model_config(m)->vocab_size, twin, 1);
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.tap = &tap, .patch = patch, .n_patches = 2}, NULL,
                                  err));
    for (size_t i = 0; i < COUNT(row); i++) {
        check_row(m, w, &r, 0, i, &patch[1], true);
        check_row(m, w, &r, 1, i, &patch[0], row[i] == 100 || row[i] == 590 || row[i] == 1024);
    }
    drop_reading(&r);
    free(w), free(left), free(right), free(all_left);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}
static void test_take(void **state)
{
    (void)state;
    each_model(check_take);
    each_model(check_chunks);
}

/* -- Lenses -------------------------------------------------------------------------------------------------------- */
/* log p(target) from a stream, on the host. */
static double lens_logp(const struct raml_model *m, const float *w, const float *x, int32_t token)
{
    size_t d = (size_t)m->config.hidden_size;
    double y[200], z[64], most = -INFINITY, sum = 0;
    norm_row(y, x, w + m->at.norm, d);
    for (int v = 0; v < m->config.vocab_size; v++) {
        z[v] = 0;
        for (size_t i = 0; i < d; i++) z[v] += (double)w[m->at.head + (size_t)v * d + i] * y[i];
        if (z[v] > most) most = z[v];
    }
    for (int v = 0; v < m->config.vocab_size; v++) sum += exp(z[v] - most);
    return z[token] - most - log(sum);
}

static void check_lens(struct raml_model *m, int kind)
{
    uint32_t row[N];
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    struct reading r = reading_of(m, N);
    float plain[N], out[N], logp[3][N], entropy[N], model_entropy[N], *w = host_weights(m);
    int32_t argmax[N], model_argmax[N];
    (void)kind;
    for (uint32_t i = 0; i < N; i++) row[i] = i;
    make_pack(&pack, raml_model_config(m)->vocab_size);
    const struct raml_tap tap = tap_of(&r, row);
    const struct raml_lens lens[] = {
        {0, {.logp = logp[0]}}, {1, {.logp = logp[1]}}, {2, {.logp = logp[2], .entropy = entropy, .argmax = argmax}}};
    const struct raml_hooks hooks = {.tap = &tap, .lens = lens, .n_lenses = 3};
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(raml_pass_forward(
        pass, &pack, &(struct raml_logprobs){.logp = plain, .entropy = model_entropy, .argmax = model_argmax}, err));
    MUST(raml_pass_forward_hooked(pass, &pack, &hooks, &(struct raml_logprobs){.logp = out}, err));
    assert_memory_equal(plain, out, pack.n_targets * sizeof *out);
    assert_memory_equal(plain, logp[2], pack.n_targets * sizeof *out); /* the last one is the model itself */
    assert_memory_equal(entropy, model_entropy, pack.n_targets * sizeof *out);
    assert_memory_equal(argmax, model_argmax, pack.n_targets * sizeof *argmax);
    for (size_t i = 0; i < pack.n_targets; i++) {
        const struct raml_target *t = &pack.target[i];
        size_t d = r.d;
        check_close("lens 1", logp[1][i], lens_logp(m, w, r.value[0][3] + t->row * d, t->token), 1e-4);
        check_close("lens 0", logp[0][i], lens_logp(m, w, w + m->at.embed + (size_t)pack.token[t->row] * d, t->token),
                    1e-4);
    }
    float c[N] = {1};
    float *grad = rig_floats(raml_model_n(m));
    MUST(host_backward(pass, c, NULL, grad, err)); /* after hooks that only read, backward follows */
    free(grad);
    drop_reading(&r);
    free(w);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
}
static void test_lens(void **state)
{
    (void)state;
    each_model(check_lens);
}

/* -- Single products and norms ------------------------------------------------------------------------------------- */
static void check_products(struct raml_model *m, int kind)
{
    float *w = host_weights(m);
    (void)kind;
    for (int k = 0; k < RAML_LAYER_MATRICES; k++) {
        enum raml_layer_matrix matrix = (enum raml_layer_matrix)k;
        struct raml_layer_shape s = raml_layer_shape(raml_model_config(m), matrix);
        size_t n = k % 2 ? 3 : 300;
        const float *M = w + raml_layer_matrix_offset(m, 1, matrix);
        float *x = factor(n * s.n_in, 6), *y = rig_floats(n * s.n_out);
        double norm, want = sqrt(dot(M, M, s.n_out * s.n_in));
        MUST(raml_layer_product(m, 1, matrix, x, n, y, err));
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < s.n_out; j++)
                check_close("product", y[i * s.n_out + j], dot(M + j * s.n_in, x + i * s.n_in, s.n_in), 2e-5);
        MUST(raml_layer_matrix_norm(m, 1, matrix, &norm, err));
        check_close("norm", norm, want, 1e-12);
        if (matrix == RAML_LAYER_UP) {
            size_t F = s.n_out;
            float *both = rig_floats(n * 2 * F);
            MUST(raml_layer_gate_up(m, 1, x, n, both, err));
            for (size_t i = 0; i < n; i++) assert_memory_equal(both + i * 2 * F + F, y + i * F, F * sizeof *y);
            free(both);
        }
        free(x), free(y);
    }
    free(w);
}
static void test_products(void **state)
{
    (void)state;
    each_model(check_products);
}

/* A model for inference has no block of weights: norms come from products. */
static void test_inference(void **state)
{
    (void)state;
    static const uint32_t row[] = {2, 20};
    struct raml_config c = rig_config(RIG_QWEN2, false);
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_model *trained, *read;
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_TRAINING, dev, &trained, err));
    MUST(raml_model_init(&c, 5, RAML_F32, RAML_INFERENCE, dev, &read, err));
    for (int k = 0; k < RAML_LAYER_MATRICES; k++) {
        double a, b;
        MUST(raml_layer_matrix_norm(trained, 0, (enum raml_layer_matrix)k, &a, err));
        MUST(raml_layer_matrix_norm(read, 0, (enum raml_layer_matrix)k, &b, err));
        check_close("norm", b, a, 1e-12);
    }
    struct raml_pack pack = {0};
    struct raml_model *each[] = {trained, read};
    struct reading r[2];
    make_pack(&pack, c.vocab_size);
    for (int i = 0; i < 2; i++) {
        struct raml_pass *pass;
        r[i] = reading_of(each[i], 2);
        const struct raml_tap tap = tap_of(&r[i], row);
        MUST(raml_pass_open(each[i], false, &pass, err));
        MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.tap = &tap}, NULL, err));
        raml_pass_close(pass);
    }
    for (int layer = 0; layer < 2; layer++)
        for (int k = 0; k < 4; k++)
            assert_memory_equal(r[0].value[layer][k], r[1].value[layer][k],
                                2 * (k == 1 ? r[0].F : r[0].d) * sizeof(float));
    drop_reading(&r[0]), drop_reading(&r[1]);
    raml_pack_deinit(&pack);
    raml_model_close(trained), raml_model_close(read);
    raml_device_close(dev);
}

/* bf16 activations: taps widen them; the layer's output still is residual plus what down gives. */
static void test_bf16(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", true);
    if (!dev) return;
    static const uint32_t row[] = {3, 17};
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct raml_model *m = rig_open(&c, RAML_BF16, dev);
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    struct reading r = reading_of(m, 2);
    const struct raml_tap tap = tap_of(&r, row);
    float *w = host_weights(m);
    make_pack(&pack, c.vocab_size);
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){.tap = &tap}, NULL, err));
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < r.d; j++) {
            double want = (double)r.value[1][2][i * r.d + j] +
                          dot(w + m->layer[1].at.down + j * r.F, r.value[1][1] + i * r.F, r.F);
            check_close("output, bf16", r.value[1][3][i * r.d + j], want, 0.02);
        }
    drop_reading(&r);
    free(w);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_model_close(m);
    raml_device_close(dev);
}

/* -- Bad hooks ----------------------------------------------------------------------------------------------------- */
static enum raml_code stop(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    (void)user;
    return t->layer == 1 ? raml_fail(err, RAML_ESTOP, "enough") : RAML_OK;
}

static void test_errors(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_LLAMA, false);
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    float value[200] = {0}, logp[N], again[N];
    static const uint32_t twice[] = {3, 3}, beyond[] = {N}, good[] = {3};
    const struct raml_tap taps[] = {{.row = twice, .n_rows = 2, .z = true, .read = stop},
                                    {.row = beyond, .n_rows = 1, .z = true, .read = stop},
                                    {.row = good, .n_rows = 1, .z = true, .read = stop}};
    const struct raml_patch patches[] = {{2, RAML_LAYER_Q, 1, value, value, NULL, 0},
                                         {0, RAML_LAYER_MATRICES, 1, value, value, NULL, 0},
                                         {0, RAML_LAYER_Q, 0, value, value, NULL, 0},
                                         {0, RAML_LAYER_Q, 2, value, NULL, NULL, 0},
                                         {0, RAML_LAYER_Q, 1, value, value, beyond, 1}};
    const struct raml_row_take takes[][2] = {
        {{4, 4}, {0}}, {{4, 5}, {0}}, {{5, 2}, {5, 1}}, {{5, 2}, {7, 5}}, {{N, 2}, {0}}};
    const struct raml_lens lenses[][2] = {{{.layer = 3}, {.layer = 4}}, {{.layer = 1}, {.layer = 1}}};
    struct raml_err why;
    make_pack(&pack, c.vocab_size);
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = logp}, err));
#define REFUSED(code, ...)                                                                                             \
    assert_int_equal(raml_pass_forward_hooked(pass, &pack, &(struct raml_hooks){__VA_ARGS__}, NULL, &why), code);      \
    assert_true(strlen(why.msg) > 0)
    for (size_t i = 0; i < COUNT(taps); i++) {
        REFUSED(i < 2 ? RAML_ERANGE : RAML_ESTOP, .tap = &taps[i]);
    }
    for (size_t i = 0; i < COUNT(patches); i++) {
        REFUSED(RAML_ERANGE, .patch = &patches[i], .n_patches = 1);
    }
    for (size_t i = 0; i < COUNT(takes); i++) {
        REFUSED(RAML_ERANGE, .take = takes[i], .n_takes = i == 2 || i == 3 ? 2 : 1);
    }
    for (size_t i = 0; i < COUNT(lenses); i++) {
        REFUSED(RAML_ERANGE, .lens = lenses[i], .n_lenses = 2);
    }
    MUST(raml_pass_forward(pass, &pack, &(struct raml_logprobs){.logp = again}, err)); /* nothing remains of them */
    assert_memory_equal(logp, again, pack.n_targets * sizeof *logp);
    assert_int_equal(raml_layer_product(m, 2, RAML_LAYER_Q, value, 1, value, &why), RAML_ERANGE);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_model_close(m);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tap),        cmocka_unit_test(test_patch),
                                       cmocka_unit_test(test_patch_rows), cmocka_unit_test(test_bias),
                                       cmocka_unit_test(test_take),       cmocka_unit_test(test_lens),
                                       cmocka_unit_test(test_products),   cmocka_unit_test(test_inference),
                                       cmocka_unit_test(test_bf16),       cmocka_unit_test(test_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
