/* test_trace_beside.c - a trace beside its curves: control trajectories, answers that begin one another, and what is
 * checked before anything is read. */
#include "trace_questions.h"

#include <math.h>

static void figure_has(const char *dir, const char *name, const char *series)
{
    char path[4200], line[200];
    char *text = slurp(in(dir, name, path), NULL);
    if (!text) fail_msg("%s is not there", name);
    snprintf(line, sizeof line, "\n%s\t", series);
    assert_true(has(text, line));
    free(text);
}

/* -- Controls ------------------------------------------------------------------------------------------------------ */

/* L of the first question's gold answer after `text`. */
static json_t *after(const char *dir, const char *text)
{
    struct raml_trajectory t = {.text = text, .correct = RAML_UNKNOWN, .think_closed = true};
    struct raml_question q = question[0];
    const struct raml_questions qs = {.question = &q, .n = 1};
    struct raml_trace_files_options opt = few();
    q.trajectory = &t;
    q.n_trajectories = 1;
    return lines(dir, &qs, &opt, NULL);
}

static void controls(void **state)
{
    struct raml_trace_files_options opt = few();
    opt.controls = "shuffle,foreign,filler";
    opt.filler = "-";
    opt.n_cuts = 4;
    json_t *list = lines(*state, &questions, &opt, NULL);
    const json_t *o = json_array_get(list, 0), *control = get(o, "control"); /* 8 tokens */
    static const char *const kind[] = {"shuffle", "foreign", "filler"};
    json_t *instead[] = {NULL, after(*state, second[0].text), after(*state, "--------")};
    assert_int_equal(json_array_size(control), 3);
    for (size_t c = 0; c < 3; c++) {
        const json_t *x = json_array_get(control, c), *at = get(x, "at");
        assert_string_equal(json_string_value(get(x, "kind")), kind[c]);
        assert_int_equal(json_array_size(at), 4);
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(num(at, k), 2 * (k + 1));
            double L = num(get(x, "L"), k);
            CHECK_NEAR("effect", num(get(x, "effect"), k), L - num(get(o, "L"), 2 * (k + 1)), 1e-5);
            if (instead[c]) CHECK_NEAR(kind[c], L, num(get(json_array_get(instead[c], 0), "L"), 2 * (k + 1)), 2e-5);
        }
    }
    assert_true(fabs(num(get(json_array_get(control, 0), "effect"), 3)) > 1e-6); /* another order */
    o = json_array_get(list, 2);                                                 /* no token, no cut */
    assert_int_equal(json_array_size(get(json_array_get(get(o, "control"), 0), "at")), 0);
    /* the second question's 41 tokens: no trajectory of the first is that long, so late cuts have no foreign */
    o = json_array_get(list, 4);
    assert_int_equal(json_array_size(get(json_array_get(get(o, "control"), 0), "at")), 4);
    assert_int_equal(json_array_size(get(json_array_get(get(o, "control"), 1), "at")), 1);
    for (size_t c = 1; c < 3; c++) json_decref(instead[c]);
    json_t *again = lines(*state, &questions, &opt, NULL);
    assert_true(json_equal(list, again));
    json_decref(again);
    opt.seed = 1;
    again = lines(*state, &questions, &opt, NULL);
    assert_false(json_equal(list, again));
    figure_has(*state, "control.tsv", "filler (n = 4)");
    json_decref(again);
    json_decref(list);
}

static const json_t *find(const json_t *list, const char *id, int sample)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        if (!strcmp(json_string_value(get(o, "id")), id) && json_integer_value(get(o, "sample")) == sample) return o;
    }
    fail_msg("no trajectory %d of %s", sample, id);
    return NULL;
}

/* Controls of a question are the same wherever it stands in the file; a question of the same text is not foreign. */
static void controls_by_question(void **state)
{
    static struct raml_trajectory third[] = {
        {.text = "yet another trajectory of another question", .correct = RAML_UNKNOWN, .think_closed = true},
        {.text = "one more that is long enough for anything at all", .correct = RAML_UNKNOWN, .think_closed = true}};
    struct raml_question order[3] = {question[0], question[1], {.id = "three", .question = "3?", .answer = "8"}};
    order[2].difficulty = -1;
    order[2].trajectory = third;
    order[2].n_trajectories = 2;
    struct raml_questions qs = {.question = order, .n = 3};
    struct raml_trace_files_options opt = few();
    opt.controls = "shuffle,foreign";
    json_t *list = lines(*state, &qs, &opt, NULL);
    const struct raml_question last = order[2];
    order[2] = order[1];
    order[1] = order[0];
    order[0] = last;
    json_t *moved = lines(*state, &qs, &opt, NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        const json_t *m = find(moved, json_string_value(get(o, "id")), (int)json_integer_value(get(o, "sample")));
        assert_true(json_equal(get(o, "control"), get(m, "control")));
    }
    json_decref(list);
    json_decref(moved);
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    order[0].question = order[2].question = order[1].question = "1+2";
    assert_int_equal(trace(*state, &qs, &opt, NULL, &sum, &err), RAML_ERANGE);
    assert_true(has(err.msg, "control 'foreign' takes another question's trajectory; found 1"));
}

/* The question's answer 729 and the sample's own 72, by bytes: greedy and p of 72 are of what begins with it, unless the
 * end counts. */
static void nested_answers(void **state)
{
    struct raml_trajectory t[] = {{.text = "9^3", .answer = "72", .correct = RAML_DIFFERENT, .think_closed = true},
                                  {.text = "27^2", .answer = "73", .correct = RAML_DIFFERENT, .think_closed = true}};
    struct raml_question q = {.id = "cube", .question = "9^3", .answer = "729", .difficulty = -1, .line = 1};
    const struct raml_questions qs = {.question = &q, .n = 1};
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few();
    q.trajectory = t;
    q.n_trajectories = 2;
    opt.answers = "gold,own";
    must(trace(*state, &qs, &opt, NULL, &sum, &err), &err);
    assert_int_equal(sum.n_nested, 1);
    raml_trace_summary_deinit(&sum);
    opt.score_end = true;
    must(trace(*state, &qs, &opt, NULL, &sum, &err), &err);
    assert_int_equal(sum.n_nested, 0);
    raml_trace_summary_deinit(&sum);
}

/* -- Before anything is read -------------------------------------------------------------------------------------- */

static void count_progress(void *user, const char *what, double done, double total, const char *unit, const char *note)
{
    (void)what, (void)done, (void)total, (void)unit, (void)note;
    ++*(int *)user;
}

/* 300 short trajectories, more than a batch, and a last one that is too long: nothing is read before that is said. */
static void long_one_is_seen_first(void **state)
{
    enum { N = 301 };
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few();
    static struct raml_trajectory t[N];
    static char longer[1 << 15];
    memset(longer, 'x', sizeof longer - 1);
    for (int i = 0; i < N; i++) t[i] = (struct raml_trajectory){.text = i + 1 < N ? "ab" : longer};
    struct raml_question q = {
        .id = "many", .question = "q", .answer = "a", .difficulty = -1, .trajectory = t, .n_trajectories = N};
    struct raml_questions qs = {.question = &q, .n = 1};
    int calls = 0;
    struct raml_sink sink = {.progress = count_progress, .user = &calls};
    const struct raml_trace_files_job job = {.model = f.model,
                                             .tokenizer = f.tokenizer,
                                             .format = raml_format_default(),
                                             .questions = &qs,
                                             .dir = *state,
                                             .sink = &sink};
    assert_int_equal(raml_trace_files(&job, &opt, &sum, &err), RAML_ERANGE);
    assert_true(has(err.msg, "trajectory 301: prompt"));
    assert_int_equal(calls, 0);
    assert_int_equal(raml_trace_files_check(&job, &opt, &err), RAML_ERANGE);
    t[N - 1].text = "ab";
    must(raml_trace_files_check(&job, &opt, &err), &err);
    must(raml_trace_files(&job, &opt, &sum, &err), &err);
    assert_true(calls > 0);
    raml_trace_summary_deinit(&sum);
}

/* A reader whose tokenizer has ids that it does not know; a trajectory that only an answer makes too long. */
static void bad_reader(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few();
    struct raml_config c;
    struct raml_model *small, *kept = f.model;
    static char longer[CONTEXT - 8 + 1];
    char path[4200];
    must(raml_config_preset("micro", &c, &err), &err);
    c.vocab_size = 256;
    must(raml_model_init(&c, 5, RAML_F32, RAML_INFERENCE, f.dev, &small, &err), &err);
    f.model = small;
    assert_int_equal(trace(*state, &questions, &opt, "small", &sum, &err), RAML_ERANGE);
    f.model = kept;
    raml_model_close(small);
    assert_true(has(err.msg, "reader small: its vocabulary has 256 tokens, and the tokenizer's ids go up to 260"));
    /* "<|question|>q<think>", 192 tokens, "</think>", "3": 197 of 200; a given answer of 9 tokens: 205 */
    memset(longer, 'x', sizeof longer - 1);
    struct raml_trajectory t = {.text = longer, .correct = RAML_UNKNOWN, .think_closed = true};
    struct raml_question q = {.id = "long",
                              .question = "q",
                              .answer = "3",
                              .difficulty = -1,
                              .trajectory = &t,
                              .n_trajectories = 1,
                              .line = 9};
    const struct raml_questions qs = {.question = &q, .n = 1};
    put(*state, "given.jsonl", "{\"id\":\"long\",\"answers\":[\"123456789\"]}\n", path);
    must(trace(*state, &qs, &opt, NULL, &sum, &err), &err);
    raml_trace_summary_deinit(&sum);
    opt.answers_file = path;
    assert_int_equal(trace(*state, &qs, &opt, NULL, &sum, &err), RAML_ERANGE);
    assert_true(
        has(err.msg, "made.jsonl: question 'long' (line 9), trajectory 1: prompt (3 tokens), trajectory (192)"));
    assert_true(has(err.msg, "answer 2 (9) are longer than the model's context (200)"));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)
int main(void)
{
    const struct CMUnitTest tests[] = {IN_FOLDER(controls), IN_FOLDER(controls_by_question), IN_FOLDER(nested_answers),
                                       IN_FOLDER(long_one_is_seen_first), IN_FOLDER(bad_reader)};
    return cmocka_run_group_tests(tests, enter, leave);
}
