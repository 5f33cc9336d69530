/* Implicit updates: oracle numbers, the patched network really run, subsets of patches that must fail, splitting. */
#include "inner/update_oracle.h"

#include "inner/update_measure.h"
#include "inner/update_parts.h"
#include "raml/rng.h"

#include <float.h>

enum { MATRICES = RAML_UPDATE_MATRICES, L = 2, MAX_PLACES = 16, V = 160 };

static const char *const lab_names[] = {"qwen2-tied", "qwen3", "llama", "llama3-scaled"}; /* in update.json */

/* -- Arithmetic ---------------------------------------------------------------------------------------------------- */

/* Updates u w' of small matrices, written out: every measure from the matrices themselves. */
static void measures_of_matrices(void **state)
{
    (void)state;
    enum { N = 6, A = 3, B = 4 };
    const struct raml_key key = {.seed = 5, .purpose = RAML_FOR_TEST};
    double u[N][A], w[N][B], m[N][A * B], uu[N * N], ww[N * N], g[N * N], own[6 * N], step[N][A * B];
    for (size_t i = 0; i < N; i++) {
        for (size_t a = 0; a < A; a++) u[i][a] = i ? raml_normal(&key, i * 16 + a) : 0;
        for (size_t b = 0; b < B; b++) w[i][b] = raml_normal(&key, i * 16 + 8 + b);
        for (size_t k = 0; k < A * B; k++) m[i][k] = u[i][k / B] * w[i][k % B];
        for (size_t k = 0; k < A * B; k++) step[i][k] = i ? m[i][k] - m[i - 1][k] : 0;
    }
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N; j++) {
            uu[i * N + j] = ww[i * N + j] = 0;
            for (size_t a = 0; a < A; a++) uu[i * N + j] += u[i][a] * u[j][a];
            for (size_t b = 0; b < B; b++) ww[i * N + j] += w[i][b] * w[j][b];
        }
    struct raml_update_measures out;
    raml_update_measures_set(&out, own, N);
    raml_update_gram(uu, ww, N, g);
    raml_update_measure(g, N, 2.5, &out);
    double trace[2] = {0}, squares[2] = {0};
    for (size_t i = 0; i < N; i++) {
        double length = 0, size = 0, next = 0, dot = 0;
        for (size_t k = 0; k < A * B; k++) {
            length += m[i][k] * m[i][k];
            size += step[i][k] * step[i][k];
            if (i && i + 1 < N) next += step[i + 1][k] * step[i + 1][k], dot += step[i][k] * step[i + 1][k];
        }
        CHECK_NEAR("distance", out.distance[i], sqrt(length) / 2.5, 1e-12);
        if (i) CHECK_NEAR("step", out.step[i - 1], sqrt(size) / 2.5, 1e-12);
        if (i && i + 1 < N) CHECK_NEAR("turn", out.turn[i - 1], acos(dot / sqrt(size * next)), 1e-9);
        trace[0] += length;
        trace[1] += size;
        for (size_t j = 0; j < N; j++) {
            double a = 0, b = 0;
            for (size_t k = 0; k < A * B; k++) a += m[i][k] * m[j][k], b += step[i][k] * step[j][k];
            squares[0] += a * a;
            squares[1] += b * b;
        }
    }
    CHECK_NEAR("rank of updates", out.rank_updates, trace[0] * trace[0] / squares[0], 1e-10);
    CHECK_NEAR("rank of steps", out.rank_steps, trace[1] * trace[1] / squares[1], 1e-10);
    assert_true(isnan(out.align[1]) && isnan(out.gradient_norm));
}

static void measures_of_nothing(void **state)
{
    (void)state;
    double g[9] = {0}, own[18];
    struct raml_update_measures out;
    raml_update_measures_set(&out, own, 3);
    raml_update_measure(g, 3, 1, &out);
    CHECK_NEAR("distance", out.distance[2], 0, 0);
    CHECK_NEAR("step", out.step[1], 0, 0);
    assert_true(isnan(out.turn[0]) && isnan(out.rank_updates) && isnan(out.rank_steps));
    raml_update_measures_set(&out, own, 1);
    g[0] = 4;
    raml_update_measure(g, 1, 1, &out);
    CHECK_NEAR("distance", out.distance[0], 2, 0);
    CHECK_NEAR("rank", out.rank_updates, 1, 0);
    assert_true(isnan(out.rank_steps));
}

/* -- The oracle ---------------------------------------------------------------------------------------------------- */

struct lengths { /* of w = z_0 / |z_0|^2 and s_C / |s_C|^2, from the factors */
    size_t n_calls;
    double z0[L][MAX_PLACES], s[L][MAX_PLACES];
};

static enum raml_code read_lengths(void *user, const struct raml_update_factors *f, struct raml_err *err)
{
    struct lengths *x = user;
    (void)err;
    assert_int_equal(f->layer, x->n_calls++);
    assert_ptr_equal(f->w[RAML_UPDATE_GATE], f->w[RAML_UPDATE_UP]);
    raml_update_norms(f->w[RAML_UPDATE_GATE], f->n, 48, x->z0[f->layer]);
    raml_update_norms(f->w[RAML_UPDATE_DOWN], f->n, 112, x->s[f->layer]);
    for (size_t i = 0; i < f->n; i++) {
        x->z0[f->layer][i] = 1 / x->z0[f->layer][i];
        x->s[f->layer][i] = 1 / x->s[f->layer][i];
    }
    return RAML_OK;
}

static void run(const struct raml_model *m, const struct raml_update_options *opt, const struct raml_update_input *in,
                size_t n, const struct raml_update_reader *reader, struct raml_update *out)
{
    struct raml_err err = {0};
    struct raml_updater *t;
    size_t cost = 0;
    must(raml_updater_open(m, opt, &t, &err), &err);
    must(raml_updater_run(t, in, n, reader, out, &err), &err);
    for (size_t i = 0; i < n; i++) cost += raml_updater_cost(t, &in[i]);
    assert_int_equal(raml_updater_tokens(t), cost);
    raml_updater_close(t);
}

static void match_measures(struct matched *k, const char *what, const struct raml_update_measures *m, size_t n,
                           const json_t *want)
{
    const json_t *updates = json_object_get(want, "effective_rank_of_updates");
    const json_t *steps = json_object_get(want, "effective_rank_of_steps");
    match_list(k, what, m->distance, n, json_object_get(want, "distance"), 1e-5);
    match_list(k, what, m->step, n - 1, json_object_get(want, "step"), 1e-5);
    match_list(k, what, m->turn, n - 2, json_object_get(want, "turn"), 1e-4);
    match(k, what, m->rank_updates, json_object_get(updates, "participation"), 1e-4);
    match(k, what, m->rank_steps, json_object_get(steps, "participation"), 1e-4);
    match(k, what, m->weight_norm, json_object_get(want, "weight_norm"), 1e-5);
    match(k, what, m->gradient_norm, json_object_get(want, "gradient_norm"), 1e-4);
    match_list(k, what, m->align, n, json_object_get(want, "align"), 1e-4);
    if (!json_object_get(want, "align_left")) return;
    match_list(k, what, m->align_left, n, json_object_get(want, "align_left"), 1e-4);
    match_list(k, what, m->attainable, n, json_object_get(want, "attainable"), 1e-4);
}

static void match_model(const char *name, struct matched *k)
{
    struct oracle o;
    struct raml_update u;
    struct lengths x = {0};
    char what[80];
    oracle_open(&o, name);
    size_t n = o.trajectory.n + 1;
    struct raml_update_options opt = raml_update_default();
    const struct raml_update_reader reader = {read_lengths, &x};
    opt.alignment = true;
    assert_int_equal(o.in.text.n_prompt + o.in.probe, json_integer_value(json_object_get(o.of, "probe_index")));
    run(o.g.model, &opt, &o.in, 1, &reader, &u);
    const json_t *closed = json_object_get(o.of, "closed");
    assert_int_equal(u.n_points, n);
    assert_int_equal(x.n_calls, L);
    match_list(k, "loss", u.curve.loss, n, json_object_get(o.of, "loss"), 1e-5);
    for (size_t l = 0; l < L; l++) {
        const json_t *want = json_array_get(json_object_get(closed, "layers"), l);
        for (size_t i = 0; i < MATRICES; i++) {
            const char *matrix = raml_update_matrix_name((enum raml_update_matrix)i);
            snprintf(what, sizeof what, "%s layer %zu %s", name, l, matrix);
            match_measures(k, what, &u.matrix[l * MATRICES + i], n, json_object_get(want, matrix));
        }
        match_list(k, "z0_norm", x.z0[l], n, json_object_get(want, "z0_norm"), 1e-5);
        match_list(k, "s_norm", x.s[l], n, json_object_get(want, "s_norm"), 1e-5);
    }
    snprintf(what, sizeof what, "%s gate and up", name);
    match_measures(k, what, &u.gate_up, n, json_object_get(closed, "gate_and_up_of_all_layers"));
    CHECK_NEAR("rank", u.matrix[0].distance[0], 0, 0); /* nothing is updated before the first token */
    raml_update_deinit(&u);
    oracle_close(&o);
}

static void oracle_numbers(void **state)
{
    (void)state;
    struct matched k = {0};
    for (size_t m = 0; m < COUNT(lab_names); m++) match_model(lab_names[m], &k);
    printf("update.json: %zu numbers of closed, loss matched, largest relative difference %.1e\n", k.n, k.most);
    assert_int_equal(k.n, 4 * 579);
}

/* Every token of answer prefix and answer but the last as x, with places 0 and T. */
static void oracle_probe_tokens(void **state)
{
    (void)state;
    struct matched k = {0};
    for (size_t m = 0; m < COUNT(lab_names); m++) {
        struct oracle o;
        oracle_open(&o, lab_names[m]);
        const json_t *list = json_object_get(o.of, "probe_tokens_at_T");
        const struct raml_update_options opt = {.stride = 1000, .max_batch_tokens = 4096};
        assert_int_equal(json_array_size(list), o.cue.n + o.answer.n - 1);
        for (size_t p = 0; p < json_array_size(list); p++) {
            struct raml_update u;
            const json_t *want = json_object_get(json_array_get(list, p), "distance");
            o.in.probe = p;
            run(o.g.model, &opt, &o.in, 1, NULL, &u);
            assert_int_equal(u.n_points, 2);
            for (size_t i = 0; i < L * MATRICES; i++) {
                const char *matrix = raml_update_matrix_name((enum raml_update_matrix)(i % MATRICES));
                match(&k, matrix, u.matrix[i].distance[1], json_array_get(json_object_get(want, matrix), i / MATRICES),
                      1e-5);
            }
            raml_update_deinit(&u);
        }
        oracle_close(&o);
    }
    printf("update.json: %zu distances of other probe tokens matched, largest difference %.1e\n", k.n, k.most);
    assert_int_equal(k.n, 4 * 4 * 6);
}

/* -- Random weights and questions ---------------------------------------------------------------------------------- */

static int32_t random_token(uint64_t seed, uint64_t n) /* the oracle's own rule */
{
    uint64_t x = n + (seed << 40) + 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    x ^= x >> 31;
    return (int32_t)(V * (((double)(x >> 11) + 0.5) * 0x1p-53));
}

static void oracle_random_questions(void **state)
{
    (void)state;
    struct matched k = {0};
    for (size_t m = 0; m < COUNT(lab_names); m++) {
        struct oracle o;
        oracle_open(&o, lab_names[m]);
        const json_t *study = json_object_get(o.of, "random_study"), *first = json_object_get(study, "first");
        uint64_t seed = (uint64_t)json_integer_value(json_object_get(study, "seed"));
        int32_t token[5][26];
        struct raml_update_input in[5];
        struct raml_update u[5];
        const struct raml_update_options opt = {.stride = 1000, .max_batch_tokens = 60, .alignment = true};
        for (size_t q = 0; q < 5; q++) {
            for (size_t i = 0; i < 26; i++) token[q][i] = random_token(seed, 64 * q + i);
            const struct raml_trace_input x = {token[q], token[q] + 9, token[q] + 21, token[q] + 23, 9, 12, 2,
                                               3,        .n_at = 0};
            in[q] = (struct raml_update_input){.text = x, .probe = 1};
        }
        run(o.g.model, &opt, in, 5, NULL, u);
        for (size_t q = 0; q < 5; q++) {
            for (size_t i = 0; i < L * MATRICES; i++) {
                char field[32];
                snprintf(field, sizeof field, "layer%zu.%s", i / MATRICES,
                         raml_update_matrix_name((enum raml_update_matrix)(i % MATRICES)));
                match(&k, field, u[q].matrix[i].align[1], json_object_get(json_array_get(first, q), field), 1e-4);
            }
            raml_update_deinit(&u[q]);
        }
        oracle_close(&o);
    }
    printf("update.json: %zu alignments of random questions matched, largest difference %.1e\n", k.n, k.most);
    assert_int_equal(k.n, 4 * 5 * 6);
}

/* -- Passes -------------------------------------------------------------------------------------------------------- */

static void near_or_neither(const char *what, double a, double b, double tol)
{
    if (!isnan(a) || !isnan(b)) CHECK_NEAR(what, a, b, tol);
}

static void same_measures(const struct raml_update_measures *a, const struct raml_update_measures *b, size_t n,
                          double tol)
{
    for (size_t i = 0; i < n; i++) {
        CHECK_NEAR("distance", a->distance[i], b->distance[i], tol);
        if (i + 1 < n) CHECK_NEAR("step", a->step[i], b->step[i], tol);
        near_or_neither("align", a->align[i], b->align[i], tol);
    }
    near_or_neither("rank", a->rank_updates, b->rank_updates, tol * 10);
    near_or_neither("rank", a->rank_steps, b->rank_steps, tol * 10);
}

static void same(const struct raml_update *a, const struct raml_update *b, double tol)
{
    assert_int_equal(a->n_points, b->n_points);
    for (size_t i = 0; i < a->n_layers * MATRICES; i++) same_measures(&a->matrix[i], &b->matrix[i], a->n_points, tol);
    same_measures(&a->gate_up, &b->gate_up, a->n_points, tol);
    same_measures(&a->all, &b->all, a->n_points, tol);
    for (size_t i = 0; i < a->n_points; i++) CHECK_NEAR("loss", a->curve.loss[i], b->curve.loss[i], tol);
}

/* Three trajectories of one question and one of another: alone, together, and each split over many passes. */
static void splitting_changes_nothing(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_update whole[4], part[4];
    oracle_open(&o, "qwen3");
    struct raml_update_input in[4] = {o.in, o.in, o.in, o.in};
    in[1].text.trajectory = o.prompt.id;
    in[1].text.n_trajectory = 5;
    in[2].text.n_trajectory = 0;
    in[3].text.prompt = o.trajectory.id;
    const struct raml_update_options opt = {.stride = 1, .max_batch_tokens = 4096, .alignment = true};
    static const size_t bound[] = {1, 40, 70, 130};
    for (size_t i = 0; i < 4; i++) run(o.g.model, &opt, &in[i], 1, NULL, &whole[i]);
    for (size_t b = 0; b < COUNT(bound); b++) {
        const struct raml_update_options small = {.stride = 1, .max_batch_tokens = bound[b], .alignment = true};
        run(o.g.model, &small, in, 4, NULL, part);
        for (size_t i = 0; i < 4; i++) {
            same(&part[i], &whole[i], 1e-5);
            raml_update_deinit(&part[i]);
        }
    }
    run(o.g.model, &opt, in, 4, NULL, part);
    for (size_t i = 0; i < 4; i++) {
        same(&part[i], &whole[i], 0); /* neighbours change no bit */
        raml_update_deinit(&part[i]);
        raml_update_deinit(&whole[i]);
    }
    oracle_close(&o);
}

static void strides(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_update all, some;
    oracle_open(&o, "llama");
    struct raml_update_options opt = raml_update_default();
    run(o.g.model, &opt, &o.in, 1, NULL, &all);
    opt.stride = 5;
    run(o.g.model, &opt, &o.in, 1, NULL, &some);
    assert_int_equal(some.n_points, 4); /* 0 5 10 12 */
    for (size_t i = 0; i < some.n_points; i++)
        for (size_t k = 0; k < L * MATRICES; k++)
            CHECK_NEAR("distance", some.matrix[k].distance[i], all.matrix[k].distance[some.curve.at[i]], 1e-6);
    assert_int_equal(some.curve.at[3], 12);
    raml_update_deinit(&all);
    raml_update_deinit(&some);
    oracle_close(&o);
}

static void bad_input(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_err err = {0};
    struct raml_updater *t;
    struct raml_update u = {0};
    struct raml_model *reading;
    struct raml_update_checked checked;
    oracle_open(&o, "qwen2-tied");
    const int32_t bad = V;
    struct raml_update_input in[5] = {o.in, o.in, o.in, o.in, o.in}, x;
    in[0].text.n_answer = 0;
    in[1].text.n_trajectory = 1 << 20;
    in[2].probe = o.cue.n + o.answer.n - 1;
    in[3].text.answer = &bad;
    in[3].text.n_answer = 1;
    in[4].text.n_prompt = 0;
    static const char *const message[] = {"the answer has no token", "are longer than the model's context",
                                          "is followed by no token of the answer", "answer: token 1 is 160",
                                          "the prompt has no token"};
    struct raml_update_options opt = raml_update_default();
    must(raml_updater_open(o.g.model, &opt, &t, &err), &err);
    for (size_t i = 0; i < COUNT(in); i++) {
        assert_int_equal(raml_updater_run(t, &in[i], 1, NULL, &u, &err), RAML_ERANGE);
        assert_true(has(err.msg, message[i]));
        assert_null(u.matrix);
    }
    raml_updater_close(t);
    struct raml_trace_input bare = o.in.text;
    bare.n_answer_prefix = 0;
    assert_int_equal(raml_update_input_of(&bare, &x, &err), RAML_ERANGE);
    assert_true(has(err.msg, "the answer prefix has no token"));
    const uint32_t beyond[] = {0, (uint32_t)o.trajectory.n + 1};
    assert_int_equal(raml_update_check(o.g.model, &o.in, beyond, 2, false, &checked, &err), RAML_ERANGE);
    assert_true(has(err.msg, "place 2 is 13; expected rising places, at most 12"));
    opt.stride = 0;
    assert_int_equal(raml_updater_open(o.g.model, &opt, &t, &err), RAML_ERANGE);
    must(raml_model_open(RAML_SHARED "/golden/qwen2-tied", RAML_STORED, RAML_INFERENCE, o.g.dev, &reading, &err), &err);
    opt = (struct raml_update_options){.stride = 1, .max_batch_tokens = 4096, .alignment = true};
    assert_int_equal(raml_updater_open(reading, &opt, &t, &err), RAML_EUSAGE);
    assert_true(has(err.msg, "the model was opened for inference"));
    struct raml_update trained;
    opt.alignment = false; /* and without it, such a model gives the same */
    run(reading, &opt, &o.in, 1, NULL, &u);
    run(o.g.model, &opt, &o.in, 1, NULL, &trained);
    for (size_t i = 0; i < u.n_points; i++) CHECK_NEAR("size", u.all.distance[i], trained.all.distance[i], 1e-6);
    raml_update_deinit(&u);
    raml_update_deinit(&trained);
    raml_model_close(reading);
    oracle_close(&o);
}

/* Every part of the work fails once: that is reported, nothing is left, and the next run is as before. */
static void device_failures(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_device *far;
    struct raml_model *model;
    struct raml_err err = {0};
    struct raml_update whole, u;
    size_t n_failed = 0;
    oracle_open(&o, "qwen3");
    must(far_open(&far, &err), &err);
    must(raml_model_open(RAML_SHARED "/golden/qwen3", RAML_F32, RAML_TRAINING, far, &model, &err), &err);
    const struct raml_update_options opt = {.stride = 6, .max_batch_tokens = 40, .alignment = true};
    size_t in_use = far_in_use(far);
    far_fail_at(far, 0);
    run(model, &opt, &o.in, 1, NULL, &whole);
    size_t n = far_operations(far), step = n / 80 + 1;
    for (size_t i = 1; i <= n; i += step) {
        struct raml_updater *t = NULL;
        u = (struct raml_update){0};
        err = (struct raml_err){0};
        far_fail_at(far, i);
        enum raml_code rc = raml_updater_open(model, &opt, &t, &err);
        if (!rc) rc = raml_updater_run(t, &o.in, 1, NULL, &u, &err);
        raml_updater_close(t);
        if (!far_failed(far)) fail_msg("operation %zu of %zu did not fail", i, n);
        far_fail_at(far, 0);
        if (!rc) fail_msg("operation %zu of %zu failed, and nothing was said", i, n);
        assert_null(u.matrix);
        assert_int_equal(far_in_use(far), in_use);
        n_failed++;
    }
    assert_true(n_failed > 30);
    run(model, &opt, &o.in, 1, NULL, &u);
    same(&u, &whole, 0);
    raml_update_deinit(&u);
    raml_update_deinit(&whole);
    raml_model_close(model);
    raml_device_close(far);
    oracle_close(&o);
}

/* What is no number belongs to one of several inputs: the message says to which. */
static void not_finite(void **state)
{
    (void)state;
    enum { BAD = 300 };
    const int32_t token[] = {1, 2, 3, BAD};
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_err err = {0};
    struct raml_update u[2];
    struct raml_updater *t;
    broken_open(&dev, &m, BAD);
    const struct raml_update_options opt = raml_update_default();
    struct raml_update_input in[2];
    for (size_t i = 0; i < 2; i++) {
        const struct raml_trace_input text = {.prompt = token,
                                              .trajectory = token + 1 + i,
                                              .answer_prefix = token,
                                              .answer = token + 1,
                                              .n_prompt = 1,
                                              .n_trajectory = 2,
                                              .n_answer_prefix = 1,
                                              .n_answer = 1};
        must(raml_update_input_of(&text, &in[i], &err), &err);
    }
    must(raml_updater_open(m, &opt, &t, &err), &err);
    assert_int_equal(raml_updater_run(t, in, 2, NULL, u, &err), RAML_ERANGE);
    assert_memory_equal(err.msg, "trajectory 2: layer ", 20);
    must(raml_updater_run(t, in, 1, NULL, u, &err), &err); /* and is as good as new */
    raml_update_deinit(&u[0]);
    raml_updater_close(t);
    raml_model_close(m);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_of_matrices),
        cmocka_unit_test(measures_of_nothing),
        cmocka_unit_test(oracle_numbers),
        cmocka_unit_test(oracle_probe_tokens),
        cmocka_unit_test(oracle_random_questions),
        cmocka_unit_test(splitting_changes_nothing),
        cmocka_unit_test(strides),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(device_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
