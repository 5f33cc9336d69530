/* Control trajectories: what they are made of, and their effects on golden models against an independent
 * implementation and against one text at a time. */
#include "inner/golden.h"
#include "inner/oracle.h"

#include "inner/controls.h"
#include "raml/completion.h"
#include "raml/rng.h"

enum { N_CUTS = 5 };
static const uint32_t cut[N_CUTS] = {0, 3, 6, 9, 12};

static int by_id(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void shuffles(void **state)
{
    (void)state;
    enum { T = 40 };
    const uint32_t at[] = {0, 1, 20, 21, 40}, some[] = {0, 21};
    int32_t t[T], sorted[T];
    struct raml_control a = {0}, b = {0};
    struct raml_control_name name = {.seed = 5, .question = 7, .sample = 2};
    for (int32_t i = 0; i < T; i++) t[i] = 3 * i;
    assert_int_equal(raml_control_shuffle(t, T, at, COUNT(at), &name, &a, NULL), RAML_OK);
    assert_int_equal(a.n_at, COUNT(at));
    assert_memory_equal(a.trajectory, t, sizeof t);
    for (size_t k = 0; k < COUNT(at); k++) {
        if (at[k]) memcpy(sorted, a.parent[k], at[k] * sizeof *sorted);
        qsort(sorted, at[k], sizeof *sorted, by_id);
        assert_memory_equal(sorted, t, at[k] * sizeof *t); /* the first i tokens, no other */
    }
    assert_memory_not_equal(a.parent[4], t, sizeof t);
    assert_memory_not_equal(a.parent[2], a.parent[4], 20 * sizeof *t); /* anew at each place */
    assert_memory_not_equal(a.parent[2], a.parent[3], 20 * sizeof *t);
    assert_int_equal(raml_control_shuffle(t, T, some, COUNT(some), &name, &b, NULL), RAML_OK);
    assert_memory_equal(b.parent[1], a.parent[3], 21 * sizeof *t); /* whatever other places there are */
    for (int i = 0; i < 3; i++) {
        struct raml_control_name other = name;
        if (i == 0) other.seed++;
        if (i == 1) other.question++;
        if (i == 2) other.sample++;
        assert_int_equal(raml_control_shuffle(t, T, some, COUNT(some), &other, &b, NULL), RAML_OK);
        assert_memory_not_equal(b.parent[1], a.parent[3], 21 * sizeof *t);
    }
    raml_control_deinit(&a);
    raml_control_deinit(&b);
}

/* The draws of a place: those of its name, from 2^32 times the place on. */
static void shuffles_are_reproducible(void **state)
{
    (void)state;
    enum { T = 9 };
    const uint32_t at[] = {0, 4, T};
    int32_t t[T];
    struct raml_control c = {0};
    const struct raml_control_name name = {.seed = 11, .question = 12, .sample = 13};
    for (int32_t i = 0; i < T; i++) t[i] = i;
    assert_int_equal(raml_control_shuffle(t, T, at, 3, &name, &c, NULL), RAML_OK);
    for (size_t k = 0; k < 3; k++) {
        struct raml_rng r = {.key = {11, RAML_FOR_CONTROL, 12, 13, 0}, .position = at[k] * 4294967296ull};
        uint32_t order[T];
        for (uint32_t i = 0; i < at[k]; i++) order[i] = i;
        raml_rng_shuffle(&r, order, at[k]);
        for (size_t i = 0; i < at[k]; i++) assert_int_equal(c.parent[k][i], order[i]);
    }
    raml_control_deinit(&c);
}

/* Every order of three tokens comes about equally often: 6000 draws, each 1000 expected, five deviations 144. */
static void shuffles_are_fair(void **state)
{
    (void)state;
    const uint32_t at[] = {0, 3};
    const int32_t t[] = {0, 1, 2};
    int count[27] = {0};
    struct raml_control c = {0};
    for (uint64_t q = 0; q < 6000; q++) {
        const struct raml_control_name name = {.seed = 1, .question = q};
        assert_int_equal(raml_control_shuffle(t, 3, at, 2, &name, &c, NULL), RAML_OK);
        count[9 * c.parent[1][0] + 3 * c.parent[1][1] + c.parent[1][2]]++;
    }
    static const int order[] = {5, 7, 11, 15, 19, 21};
    for (size_t i = 0; i < COUNT(order); i++) assert_true(abs(count[order[i]] - 1000) < 144);
    raml_control_deinit(&c);
}

static void foreign_and_filler(void **state)
{
    (void)state;
    const uint32_t at[] = {0, 2, 5, 9};
    const int32_t f[] = {10, 11, 12, 13, 14, 15};
    struct raml_control c = {0};
    assert_int_equal(raml_control_foreign(f, 6, at, 4, &c, NULL), RAML_OK); /* 9 is beyond it */
    assert_int_equal(c.n_at, 3);
    assert_memory_equal(c.at, at, 3 * sizeof *at);
    assert_memory_equal(c.trajectory, f, 5 * sizeof *f);
    assert_null(c.parent);
    assert_int_equal(raml_control_filler(77, at, 4, &c, NULL), RAML_OK);
    assert_int_equal(c.n_at, 4);
    for (size_t i = 0; i < 9; i++) assert_int_equal(c.trajectory[i], 77);
    const struct raml_trace_probe other = {f, 2, 1};
    const struct raml_trace_input in = {.prompt = f,
                                        .n_prompt = 3,
                                        .trajectory = f,
                                        .n_trajectory = 6,
                                        .answer = f + 1,
                                        .n_answer = 2,
                                        .other = &other,
                                        .n_other = 1},
                                  x = raml_control_input(&c, &in);
    assert_true(x.prompt == f && x.n_prompt == 3 && x.n_answer == 2 && x.other == &other && x.n_other == 1);
    assert_true(x.trajectory == c.trajectory && x.n_trajectory == 9 && x.at == c.at && x.n_at == 4 && !x.parent);
    raml_control_deinit(&c);
}

static void refusals(void **state)
{
    (void)state;
    const uint32_t late[] = {1, 2}, falls[] = {0, 2, 2}, far[] = {0, 4};
    const int32_t t[] = {1, 2, 3};
    const struct raml_control_name name = {0};
    struct raml_err err = {0};
    struct raml_control c = {0};
    assert_int_equal(raml_control_filler(1, late, 2, &c, &err), RAML_ERANGE);
    assert_int_equal(raml_control_filler(1, falls, 3, &c, &err), RAML_ERANGE);
    assert_int_equal(raml_control_filler(1, late, 0, &c, &err), RAML_ERANGE);
    assert_int_equal(raml_control_foreign(t, 3, falls, 3, &c, &err), RAML_ERANGE);
    assert_int_equal(raml_control_shuffle(t, 3, far, 2, &name, &c, &err), RAML_ERANGE);
    assert_true(has(err.msg, "number 2 is 4"));
    assert_null(c.at);
}

/* -- On golden models ---------------------------------------------------------------------------------------------- */

struct traced { /* a golden model with the oracle's prompt, trajectory, answer prefix and true answer */
    struct ids prompt, prefix, t, answer, foreign;
    int32_t filler;
    struct raml_trace_input in;
};

static struct traced traced_of(const json_t *model)
{
    const json_t *t = json_array_get(json_object_get(model, "trajectories"), 0),
                 *controls = json_object_get(model, "controls");
    struct traced x = {
        .prompt = golden_ids(json_object_get(model, "prompt")),
        .prefix = golden_ids(json_object_get(model, "cue")),
        .t = golden_ids(json_object_get(t, "trajectory")),
        .answer = golden_ids(json_object_get(json_object_get(json_object_get(t, "answers"), "true"), "tokens")),
        .foreign = golden_ids(json_object_get(controls, "foreign_trajectory")),
        .filler = (int32_t)json_integer_value(json_object_get(controls, "filler")),
    };
    assert_int_equal(x.t.n, cut[N_CUTS - 1]);
    return x;
}

static void point_to(struct traced *x) /* what it borrows from itself */
{
    x->in = (struct raml_trace_input){
        .prompt = x->prompt.id,
        .n_prompt = x->prompt.n,
        .trajectory = x->t.id,
        .n_trajectory = x->t.n,
        .answer_prefix = x->prefix.id,
        .n_answer_prefix = x->prefix.n,
        .answer = x->answer.id,
        .n_answer = x->answer.n,
    };
}

/* The oracle's own shuffles, one after another, as parents. */
static void given_shuffle(const json_t *items, int32_t token[N_CUTS][MAX_IDS], const int32_t *parent[N_CUTS])
{
    const json_t *x;
    size_t i, k = 1;
    parent[0] = token[0];
    json_array_foreach (items, i, x) {
        if (strcmp(json_string_value(json_object_get(x, "kind")), "shuffle") != 0) continue;
        struct ids ids = golden_ids(json_object_get(x, "tokens"));
        assert_true(k < N_CUTS && ids.n == cut[k]);
        memcpy(token[k], ids.id, sizeof ids.id);
        parent[k] = token[k];
        k++;
    }
    assert_int_equal(k, N_CUTS);
}

static void check_effects(const char *kind, const json_t *items, const struct raml_loss_curve *control,
                          const struct raml_loss_curve *curve)
{
    double effect[N_CUTS];
    const json_t *x;
    size_t i, k = 1;
    assert_int_equal(control->n_points, N_CUTS);
    raml_control_effect(control, curve, effect);
    CHECK_NEAR("effect of nothing", effect[0], 0, 1e-5);
    json_array_foreach (items, i, x) {
        if (strcmp(json_string_value(json_object_get(x, "kind")), kind) != 0) continue;
        CHECK_NEAR(kind, control->loss[k], json_number_value(json_object_get(x, "loss")), 1e-4);
        CHECK_NEAR(kind, effect[k], json_number_value(json_object_get(x, "effect")), 1e-4);
        k++;
    }
    assert_int_equal(k, N_CUTS);
}

/* Every point alone: prompt, control tokens, answer prefix, answer as one text. */
static void check_alone(const struct raml_model *m, const struct raml_trace_input *in, const struct raml_loss_curve *c)
{
    struct raml_err err = {0};
    struct raml_completion_evaluator *s;
    must(raml_completion_open(m, 4096, &s, &err), &err);
    for (size_t k = 0; k < c->n_points; k++) {
        int32_t text[4 * MAX_IDS];
        float logp[MAX_IDS];
        size_t n = in->n_prompt;
        memcpy(text, in->prompt, n * sizeof *text);
        if (c->at[k]) memcpy(text + n, in->parent ? in->parent[k] : in->trajectory, c->at[k] * sizeof *text);
        n += c->at[k];
        memcpy(text + n, in->answer_prefix, in->n_answer_prefix * sizeof *text);
        n += in->n_answer_prefix;
        struct raml_completion a = {in->answer, in->n_answer, logp, NULL, 0};
        const struct raml_completions job = {text, n, &a, 1};
        must(raml_completion_logprobs(s, &job, 1, &err), &err);
        for (size_t j = 0; j < in->n_answer; j++) CHECK_NEAR("alone", c->logp[k * in->n_answer + j], logp[j], 1e-5);
    }
    raml_completion_close(s);
}

static void of_golden_models(void **state)
{
    (void)state;
    json_t *root = oracle_open("curves.json"), *model;
    const char *name;
    json_object_foreach (json_object_get(root, "models"), name, model) {
        struct golden g;
        struct raml_err err = {0};
        struct raml_tracer *t;
        struct raml_loss_curve curve[4];
        struct raml_control foreign = {0}, filler = {0};
        int32_t token[N_CUTS][MAX_IDS];
        const int32_t *parent[N_CUTS];
        const json_t *items = json_object_get(json_object_get(model, "controls"), "items");
        struct traced x = traced_of(model);
        const struct raml_trace_options opt = raml_trace_default();
        point_to(&x);
        golden_open(&g, name);
        must(raml_tracer_open(g.model, &opt, &t, &err), &err);
        must(raml_control_foreign(x.foreign.id, x.foreign.n, cut, N_CUTS, &foreign, &err), &err);
        must(raml_control_filler(x.filler, cut, N_CUTS, &filler, &err), &err);
        given_shuffle(items, token, parent);
        struct raml_trace_input in[4] = {x.in, x.in, raml_control_input(&foreign, &x.in),
                                         raml_control_input(&filler, &x.in)};
        in[1].at = cut;
        in[1].n_at = N_CUTS;
        in[1].parent = parent;
        must(raml_tracer_run(t, in, 4, curve, &err), &err);
        assert_int_equal(raml_tracer_passes(t), 1); /* all of them */
        assert_int_equal(raml_tracer_cost(t, &in[1]), x.prompt.n + (3 + 6 + 9 + 12) + N_CUTS * (2 + 2));
        check_effects("shuffle", items, &curve[1], &curve[0]);
        check_effects("foreign", items, &curve[2], &curve[0]);
        check_effects("filler", items, &curve[3], &curve[0]);
        for (size_t i = 1; i < 4; i++) check_alone(g.model, &in[i], &curve[i]);
        for (size_t i = 0; i < 4; i++) raml_loss_curve_deinit(&curve[i]);
        raml_control_deinit(&foreign);
        raml_control_deinit(&filler);
        raml_tracer_close(t);
        golden_close(&g);
    }
    json_decref(root);
}

/* Parents over several passes, with a further answer, are those of one pass. */
static void parents_over_passes(void **state)
{
    (void)state;
    enum { T = 60, N = 5 };
    static const uint32_t at[N] = {0, 7, 30, 31, 60};
    static const size_t bound[] = {1, 60, 100, 161};
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_err err = {0};
    struct raml_control c = {0};
    const struct raml_control_name name = {.seed = 3};
    int32_t token[100];
    micro_open(&dev, &m, 4);
    for (int32_t i = 0; i < 100; i++) token[i] = (i * 37 + 5) % 256;
    const int32_t second[] = {token[0], 9, 8};
    const struct raml_trace_probe other = {second, 3, 1};
    must(raml_control_shuffle(token + 20, T, at, N, &name, &c, &err), &err);
    const struct raml_trace_input of = {.prompt = token,
                                        .n_prompt = 9,
                                        .trajectory = token + 20,
                                        .n_trajectory = T,
                                        .answer_prefix = token,
                                        .n_answer_prefix = 2,
                                        .answer = token + 4,
                                        .n_answer = 3,
                                        .other = &other,
                                        .n_other = 1},
                                  in = raml_control_input(&c, &of);
    struct raml_trace_options opt = raml_trace_default();
    opt.tokens = true;
    struct raml_loss_curve whole, split;
    struct raml_tracer *t;
    must(raml_tracer_open(m, &opt, &t, &err), &err);
    must(raml_tracer_run(t, &in, 1, &whole, &err), &err);
    assert_int_equal(raml_tracer_passes(t), 1);
    assert_int_equal(raml_tracer_tokens(t), 9 + (7 + 30 + 31 + 60) + N * (4 + 1)); /* the prefix's first is shared */
    assert_null(whole.token_logp);                                                 /* the trajectory is not read */
    raml_tracer_close(t);
    check_alone(m, &in, &whole);
    for (size_t i = 0; i < COUNT(bound); i++) {
        opt.max_batch_tokens = bound[i];
        must(raml_tracer_open(m, &opt, &t, &err), &err);
        must(raml_tracer_run(t, &in, 1, &split, &err), &err);
        assert_true(raml_tracer_passes(t) > 1);
        assert_int_equal(raml_tracer_tokens(t), raml_tracer_cost(t, &in));
        for (size_t k = 0; k < N; k++) {
            CHECK_NEAR("split", split.loss[k], whole.loss[k], 1e-5);
            CHECK_NEAR("split", split.other[0].loss[k], whole.other[0].loss[k], 1e-5);
        }
        raml_loss_curve_deinit(&split);
        raml_tracer_close(t);
    }
    raml_loss_curve_deinit(&whole);
    raml_control_deinit(&c);
    raml_model_close(m);
    raml_device_close(dev);
}

/* Even cuts stand for themselves; where two places are nearest to one share, the nearer one does. */
static void slots(void **state)
{
    (void)state;
    static const struct {
        uint32_t at[5];
        size_t n, T, n_cuts, want[5];
    } cases[] = {{{2, 4, 6, 8}, 4, 8, 4, {1, 2, 3, 4}},
                 {{3, 4, 6, 16}, 4, 16, 4, {0, 1, 2, 4}},
                 {{4, 5, 12, 13, 16}, 5, 16, 4, {1, 0, 3, 0, 4}},
                 {{1, 2}, 2, 2, 8, {4, 8}},
                 {{1, 16}, 2, 16, 4, {0, 4}}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t slot[5];
        raml_control_slots(cases[i].at, cases[i].n, cases[i].T, cases[i].n_cuts, slot);
        for (size_t k = 0; k < cases[i].n; k++) assert_int_equal(slot[k], cases[i].want[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slots),
        cmocka_unit_test(shuffles),
        cmocka_unit_test(shuffles_are_reproducible),
        cmocka_unit_test(shuffles_are_fair),
        cmocka_unit_test(foreign_and_filler),
        cmocka_unit_test(refusals),
        cmocka_unit_test(of_golden_models),
        cmocka_unit_test(parents_over_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
