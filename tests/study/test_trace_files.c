/* The files of traced trajectories: their contents, that they agree with each other and with the tracer, and that
 * bad input leaves none. */
#include "core/scratch.h"
#include "study/lines_of.h"

#include "check_near.h"
#include "raml/device.h"
#include "core/json.h"
#include "raml/safetensors.h"
#include "raml/report.h"
#include "study/findings.h"

#include <math.h>

enum { N_LINES = 6, MAX_L = 64, CONTEXT = 100 };

static const int32_t broken[] = {'a', 0xE2, 0, 'b'}; /* an incomplete character, and a 0 byte */
static struct raml_trajectory first[] = {
    {.text = "1+2\nis 3", .answer = "3", .correct = RAML_EQUAL, .style = "concise"},
    {.text = "guess", .answer = "4", .correct = RAML_DIFFERENT},
    {.text = "", .answer = "3", .correct = RAML_EQUAL},
};
static struct raml_trajectory second[] = {
    {.text = "a\xEF\xBF\xBD\xEF\xBF\xBD"
             "b",
     .correct = RAML_UNKNOWN,
     .tokens = broken,
     .n_tokens = COUNT(broken)},
    {.text = "quite another one", .answer = "12", .correct = RAML_DIFFERENT},
};
static struct raml_trajectory third[] = {{.text = "x", .answer = "1", .correct = RAML_EQUAL}};
static struct raml_question question[] = {
    {.id = "q<1>",
     .question = "1+2",
     .answer = "3",
     .family = "add",
     .split = "test",
     .difficulty = 2,
     .trajectory = first,
     .n_trajectories = COUNT(first),
     .line = 1},
    {.id = "same",
     .question = "?",
     .answer = "77",
     .difficulty = -1,
     .trajectory = second,
     .n_trajectories = COUNT(second),
     .line = 2},
    {.id = "same",
     .question = "!",
     .answer = "1",
     .difficulty = -1,
     .trajectory = third,
     .n_trajectories = 1,
     .line = 3},
    {.id = "open",
     .question = "no answer",
     .answer = "",
     .difficulty = -1,
     .trajectory = third,
     .n_trajectories = 1,
     .line = 4},
};
static struct raml_questions questions = {.question = question, .n = COUNT(question)};

struct fixture {
    struct raml_device *dev;
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
};
static struct fixture f;

static int enter(void **state)
{
    struct raml_err err = {0};
    struct raml_config c;
    must(raml_device_open(2, "auto", &f.dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.max_positions = CONTEXT;
    must(raml_model_init(&c, 5, RAML_F32, RAML_TRAINING, f.dev, &f.model, &err), &err);
    must(raml_tokenizer_bytes(&f.tokenizer, &err), &err);
    (void)state;
    return 0;
}

static int leave(void **state)
{
    (void)state;
    raml_model_close(f.model);
    raml_tokenizer_close(f.tokenizer);
    raml_device_close(f.dev);
    return 0;
}

static enum raml_code write_files(const char *dir, const struct raml_questions *qs,
                                  const struct raml_trace_files_options *opt, struct raml_trace_summary *sum,
                                  struct raml_err *err)
{
    const struct raml_trace_files_job job = {.model = f.model,
                                             .tokenizer = f.tokenizer,
                                             .format = raml_format_default(),
                                             .questions = qs,
                                             .data_name = "made.jsonl",
                                             .dir = dir};
    enum raml_code rc = raml_trace_files(&job, opt, sum, err);
    struct raml_trace_summary rows = *sum; /* only the counts are looked at here */
    if (!rc) raml_trace_summary_deinit(&rows);
    return rc;
}

static struct raml_trace_files_options few_figures(void)
{
    struct raml_trace_files_options opt = raml_trace_files_default();
    opt.n_curves = 2;
    return opt;
}

static double num(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);
    if (!json_is_number(v)) fail_msg("%s is not a number", key);
    return json_number_value(v);
}

static double at(const json_t *obj, const char *key, size_t i)
{
    return json_number_value(json_array_get(json_object_get(obj, key), i));
}

static const char *text(const json_t *obj, const char *key)
{
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : "(none)";
}

static bool exists(const char *dir, const char *name)
{
    char path[4200];
    return raml_is_file(in(dir, name, path));
}

/* The trajectories of the lines, in order. */
static const struct {
    size_t question, sample, n_tokens;
    const char *tensor;
} line_of[N_LINES] = {{0, 0, 8, "q<1>/0"}, {0, 1, 5, "q<1>/1"},  {0, 2, 0, "q<1>/2"},
                      {1, 0, 4, "same/0"}, {1, 1, 17, "same/1"}, {2, 0, 1, "same/0@6"}};

static void curves(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    struct raml_trace_source src = {.tokenizer = f.tokenizer, .format = raml_format_default()};
    struct raml_tracer *t;
    must(write_files(*state, &questions, &opt, &sum, &err), &err);
    must(raml_tracer_open(f.model, &opt.trace, &t, &err), &err);
    json_t *list = lines_of(*state, "curves.jsonl");
    assert_int_equal(json_array_size(list), N_LINES);
    for (size_t n = 0; n < N_LINES; n++) {
        const json_t *o = json_array_get(list, n);
        const struct raml_question *q = &question[line_of[n].question];
        struct raml_loss_curve c;
        struct raml_descent d;
        must(raml_trace_run(t, &src, q, line_of[n].sample, &c, &err), &err);
        assert_string_equal(text(o, "id"), q->id);
        assert_int_equal(num(o, "sample"), line_of[n].sample);
        assert_int_equal(num(o, "n_tokens"), line_of[n].n_tokens);
        assert_int_equal(num(o, "n_answer"), strlen(q->answer));
        assert_string_equal(text(o, "answer"), q->answer);
        assert_string_equal(text(o, "question"), q->question);
        assert_int_equal(json_array_size(json_object_get(o, "tokens")), c.n_tokens);
        assert_int_equal(json_array_size(json_object_get(o, "L")), c.n_tokens + 1);
        assert_int_equal(json_array_size(json_object_get(o, "greedy")), c.n_tokens + 1);
        assert_null(json_object_get(o, "at"));
        for (size_t i = 0; i < c.n_points; i++) {
            CHECK_NEAR("L", at(o, "L", i), c.loss[i], 1e-7);
            assert_int_equal(json_is_true(json_array_get(json_object_get(o, "greedy"), i)), c.greedy[i]);
        }
        must(raml_descent(c.loss, c.n_points, opt.threshold, &d, &err), &err);
        CHECK_NEAR("descent", num(o, "descent"), d.total, 1e-7);
        CHECK_NEAR("L0", num(o, "L0"), d.first, 1e-7);
        CHECK_NEAR("LT", num(o, "LT"), d.last, 1e-7);
        assert_int_equal(num(o, "solved_at"), d.solved_at);
        if (c.n_tokens == 0) { /* nothing moved: no such number */
            assert_true(json_is_null(json_object_get(o, "monotonicity")));
            assert_true(json_is_null(json_object_get(o, "tau_b")));
        } else {
            CHECK_NEAR("monotonicity", num(o, "monotonicity"), d.monotonicity, 1e-7);
            CHECK_NEAR("efficiency", num(o, "efficiency"), d.efficiency, 1e-7);
            CHECK_NEAR("tau_b", num(o, "tau_b"), d.tau_b, 1e-7);
        }
        raml_loss_curve_deinit(&c);
    }
    const json_t *a = json_array_get(list, 0), *b = json_array_get(list, 1), *u = json_array_get(list, 3);
    assert_true(json_is_true(json_object_get(a, "correct")));
    assert_true(json_is_false(json_object_get(b, "correct")));
    assert_true(json_is_null(json_object_get(u, "correct")));
    assert_string_equal(text(a, "family"), "add");
    assert_string_equal(text(a, "style"), "concise");
    assert_int_equal(num(a, "difficulty"), 2);
    assert_true(json_is_null(json_object_get(u, "family")) && json_is_null(json_object_get(u, "difficulty")));
    const json_t *piece = json_object_get(u, "tokens");
    assert_string_equal(json_string_value(json_array_get(json_object_get(a, "tokens"), 3)), "\n");
    assert_string_equal(json_string_value(json_array_get(piece, 1)), "\\xE2");
    assert_string_equal(json_string_value(json_array_get(piece, 2)), "\\u{0}");
    json_decref(list);
    raml_tracer_close(t);
}

static void summary(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    must(write_files(*state, &questions, &opt, &sum, &err), &err);
    json_t *list = lines_of(*state, "curves.jsonl");
    double first_sum = 0, last_wrong = 0;
    for (size_t n = 0; n < N_LINES; n++) first_sum += num(json_array_get(list, n), "L0");
    last_wrong = (num(json_array_get(list, 1), "LT") + num(json_array_get(list, 4), "LT")) / 2;
    assert_int_equal(sum.group[RAML_TRACE_CORRECT].n, 3);
    assert_int_equal(sum.group[RAML_TRACE_WRONG].n, 2);
    assert_int_equal(sum.group[RAML_TRACE_UNGRADED].n, 1);
    assert_int_equal(sum.group[RAML_TRACE_ALL].n, N_LINES);
    assert_int_equal(sum.n_skipped, 1); /* without an answer */
    assert_int_equal(sum.n_trajectory_tokens, 8 + 5 + 0 + 4 + 17 + 1);
    assert_int_equal(sum.n_probes, 35 + N_LINES);
    assert_int_equal(sum.n_passes, 1);
    assert_true(sum.n_read > sum.n_trajectory_tokens + sum.n_probes);
    assert_false(sum.stopped);
    CHECK_NEAR("tokens", sum.group[RAML_TRACE_ALL].tokens, 35.0 / N_LINES, 1e-12);
    CHECK_NEAR("L(0)", sum.group[RAML_TRACE_ALL].first, first_sum / N_LINES, 1e-6);
    CHECK_NEAR("L(T) of wrong ones", sum.group[RAML_TRACE_WRONG].last, last_wrong, 1e-6);
    json_decref(list);
}

static void token_lines(void **state, double weight)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    opt.ema = weight;
    must(write_files(*state, &questions, &opt, &sum, &err), &err);
    json_t *lines = lines_of(*state, "curves.jsonl"), *list = lines_of(*state, "tokens.jsonl");
    size_t k = 0;
    for (size_t n = 0; n < N_LINES; n++) {
        const json_t *line = json_array_get(lines, n);
        double A = num(line, "n_answer"), ema = at(line, "L", 0);
        double alpha = weight > 0 ? weight : fmin(1, 2 / (1 + (double)(line_of[n].n_tokens + 1) / 10));
        for (size_t i = 0; i <= line_of[n].n_tokens; i++, k++) {
            const json_t *o = json_array_get(list, k);
            double L = at(line, "L", i), before = i ? at(line, "L", i - 1) : 0;
            assert_string_equal(text(o, "id"), text(line, "id"));
            assert_int_equal(num(o, "sample"), line_of[n].sample);
            assert_int_equal(num(o, "i"), i);
            CHECK_NEAR("L", num(o, "L"), L, 0);
            CHECK_NEAR("p", num(o, "p"), exp(-A * L), 1e-7);
            if (i) ema = alpha * L + (1 - alpha) * ema;
            CHECK_NEAR("ema", num(o, "ema"), ema, 1e-6);
            if (i == 0) {
                assert_true(json_is_null(json_object_get(o, "token")) && json_is_null(json_object_get(o, "dL")));
                assert_true(json_is_null(json_object_get(o, "rel")));
                continue;
            }
            assert_string_equal(text(o, "token"),
                                json_string_value(json_array_get(json_object_get(line, "tokens"), i - 1)));
            CHECK_NEAR("dL", num(o, "dL"), L - before, 1e-6);
            CHECK_NEAR("rel", num(o, "rel"), fabs(L - before) / before, 1e-6);
        }
    }
    assert_int_equal(json_array_size(list), k);
    json_decref(list);
    json_decref(lines);
}

static void tokens(void **state)
{
    token_lines(state, 0.25);
    token_lines(state, 0); /* follows the trajectory's length */
}

static void tensors_and_pictures(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    struct raml_safetensors *s;
    char path[4200];
    must(write_files(*state, &questions, &opt, &sum, &err), &err);
    json_t *list = lines_of(*state, "curves.jsonl");
    must(raml_safetensors_open(in(*state, "curves.safetensors", path), &s, &err), &err);
    assert_int_equal(raml_safetensors_count(s), N_LINES);
    for (size_t n = 0; n < N_LINES; n++) {
        const struct raml_tensor_view *v = raml_safetensors_find(s, line_of[n].tensor);
        float loss[MAX_L];
        if (!v) fail_msg("no tensor %s", line_of[n].tensor);
        assert_int_equal(v->n, line_of[n].n_tokens + 1);
        must(raml_tensor_to_f32(v, loss, 1, &err), &err);
        for (size_t i = 0; i < v->n; i++) CHECK_NEAR("tensor", loss[i], at(json_array_get(list, n), "L", i), 1e-6);
    }
    raml_safetensors_close(s);
    json_decref(list);
    static const char *const there[] = {"mean_curve.tsv", "mean_curve.gp", "curve_1.tsv", "curve_2.gp"};
    for (size_t i = 0; i < COUNT(there); i++) assert_true(exists(*state, there[i]));
    assert_false(exists(*state, "curve_3.tsv"));
    char *page = slurp(in(*state, "trajectories.html", path), NULL);
    assert_non_null(page);
    assert_true(has(page, "q&lt;1&gt; #0, right, add 2, concise: L "));
    assert_true(has(page, "same #0, unlabelled: L ") && has(page, "same #1, wrong: L "));
    assert_true(has(page, "</p>\n<p class=\"trajectory-question\">1+2</p>\n") && !has(page, "q<1>"));
    free(page);
    page = slurp(in(*state, "mean_curve.tsv", path), NULL);
    assert_true(has(page, "right (n = 3)") && has(page, "wrong (n = 2)") && has(page, "unlabelled (n = 1)"));
    free(page);
}

/* The page's view has what the records have: answers, layers, tokens, and the places of a stride. */
static void page_has_fields(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    char path[4200];
    opt.trace.stride = 3;
    opt.answers = "gold,own";
    opt.layers = "0,1";
    must(write_files(*state, &questions, &opt, &sum, &err), &err);
    json_t *list = lines_of(*state, "curves.jsonl");
    const json_t *o = json_array_get(list, 1); /* whose own answer is wrong */
    char *page = slurp(in(*state, "trajectories.html", path), NULL);
    const char *data = page;
    for (int i = 0; i < 2; i++) {
        data = strstr(data, "class=\"trajectory-data\">");
        assert_non_null(data);
        data += strlen("class=\"trajectory-data\">");
    }
    json_t *d = json_loadb(data, (size_t)(strstr(data, "</script>") - data), 0, NULL);
    assert_non_null(d);
    const json_t *layers = json_object_get(d, "layers"), *answers = json_object_get(d, "answers");
    const json_t *other = json_array_get(answers, 1), *want = json_array_get(json_object_get(o, "answers"), 1);
    size_t n = json_array_size(json_object_get(o, "L"));
    assert_int_equal(json_array_size(answers), 2);
    assert_string_equal(text(json_array_get(answers, 0), "name"), "gold");
    assert_string_equal(text(other, "name"), "own");
    assert_string_equal(text(other, "text"), text(want, "text"));
    assert_int_equal(json_array_size(json_object_get(other, "L")), n);
    assert_int_equal(json_array_size(json_object_get(layers, "L")), 2);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(at(d, "at", i), at(o, "at", i));
        CHECK_NEAR("L", at(other, "L", i), at(want, "L", i), 1e-6);
        CHECK_NEAR("p", at(other, "p", i), at(want, "p", i), 1e-6);
        CHECK_NEAR("commitment", at(d, "commitment", i), at(o, "commitment", i), 1e-6);
        if (i + 1 == n) break;
        CHECK_NEAR("entropy", at(d, "entropy", i), at(o, "entropy", i), 1e-6);
        CHECK_NEAR("logp", at(d, "logp", i), at(o, "logp", i), 1e-6);
        size_t role = (size_t)at(d, "role", i);
        assert_string_equal(json_string_value(json_array_get(json_object_get(d, "roles"), role)),
                            json_string_value(json_array_get(json_object_get(o, "role"), i)));
    }
    json_decref(d);
    json_decref(list);
    free(page);
}

/* The report reads what is written here. */
static void report_reads_it(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    struct raml_trace *trace;
    struct raml_buf notes;
    char path[4200];
    static const size_t stride[] = {1, 3};
    raml_buf_init(&notes, 1 << 20);
    for (size_t i = 0; i < COUNT(stride); i++) {
        opt.trace.stride = stride[i];
        must(write_files(*state, &questions, &opt, &sum, &err), &err);
        must(raml_trace_read(in(*state, "curves.jsonl", path), "trace", &trace, &notes, &err), &err);
        assert_int_equal(notes.len, 0);
        assert_int_equal(trace->group[RAML_CORRECT].n, 3);
        assert_int_equal(trace->group[RAML_WRONG].n, 2);
        assert_int_equal(trace->group[RAML_UNJUDGED].n, 1);
        CHECK_NEAR("L(0)", trace->group[RAML_WRONG].first.sum / 2, sum.group[RAML_TRACE_WRONG].first, 1e-6);
        raml_trace_free(trace);
    }
    raml_buf_deinit(&notes);
}

static void strides(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    must(write_files(*state, &questions, &opt, &sum, &err), &err);
    json_t *whole = lines_of(*state, "curves.jsonl");
    opt.trace.stride = 3;
    opt.threshold = 1e9; /* everything is solved from the start */
    must(write_files(*state, &questions, &opt, &sum, &err), &err);
    json_t *list = lines_of(*state, "curves.jsonl"), *table = lines_of(*state, "tokens.jsonl");
    const json_t *o = json_array_get(list, 0); /* "1+2\nis 3" */
    static const char *const want[] = {"1+2", "\nis", " 3"};
    static const size_t place[] = {0, 3, 6, 8};
    assert_int_equal(num(o, "n_tokens"), 8);
    assert_int_equal(json_array_size(json_object_get(o, "tokens")), COUNT(want));
    assert_int_equal(json_array_size(json_object_get(o, "L")), COUNT(place));
    for (size_t i = 0; i < COUNT(want); i++)
        assert_string_equal(json_string_value(json_array_get(json_object_get(o, "tokens"), i)), want[i]);
    for (size_t i = 0; i < COUNT(place); i++) {
        assert_int_equal(at(o, "at", i), place[i]);
        CHECK_NEAR("L", at(o, "L", i), at(json_array_get(whole, 0), "L", place[i]), 1e-5);
        assert_int_equal(num(json_array_get(table, i), "i"), place[i]);
    }
    assert_int_equal(num(o, "solved_at"), 0);
    json_decref(whole);
    json_decref(list);
    json_decref(table);
}

static void choosing(void **state)
{
    static const struct {
        const char *what, *split, *family;
        size_t max_samples;
        bool own;
        size_t want, skipped;
    } cases[] = {
        {"all", NULL, NULL, 0, false, 6, 1},        {"one a question", NULL, NULL, 1, false, 3, 1},
        {"a split", "test", NULL, 0, false, 3, 0},  {"a family", NULL, "add", 2, false, 2, 0},
        {"own answers", NULL, NULL, 0, true, 6, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_trace_summary sum;
        struct raml_trace_files_options opt = few_figures();
        opt.n_curves = 0;
        opt.token_table = false;
        opt.split = cases[i].split;
        opt.family = cases[i].family;
        opt.max_samples = cases[i].max_samples;
        opt.own = cases[i].own;
        must(write_files(*state, &questions, &opt, &sum, &err), &err);
        if (sum.group[RAML_TRACE_ALL].n != cases[i].want || sum.n_skipped != cases[i].skipped)
            fail_msg("%s: %zu traced, %zu skipped", cases[i].what, sum.group[RAML_TRACE_ALL].n, sum.n_skipped);
    }
    assert_false(exists(*state, "tokens.jsonl"));
    assert_false(exists(*state, "curve_1.tsv"));
    json_t *list = lines_of(*state, "curves.jsonl");
    assert_string_equal(text(json_array_get(list, 1), "answer"), "4");
    json_decref(list);
}

static void bad_input(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    static char longer[CONTEXT + 1];
    memset(longer, 'x', CONTEXT);
    struct raml_trajectory t[] = {{.text = "short", .correct = RAML_UNKNOWN},
                                  {.text = longer, .correct = RAML_UNKNOWN}};
    struct raml_question q = {.id = "long",
                              .question = "q",
                              .answer = "a",
                              .difficulty = -1,
                              .trajectory = t,
                              .n_trajectories = 2,
                              .line = 9};
    struct raml_questions qs = {.question = &q, .n = 1};
    assert_int_equal(write_files(*state, &qs, &opt, &sum, &err), RAML_ERANGE);
    assert_true(has(err.msg, "made.jsonl: question 'long' (line 9), trajectory 2: "));
    assert_true(has(err.msg, "longer than the model's context (100)"));
    static const char *const absent[] = {"curves.jsonl",       "tokens.jsonl",      "curves.jsonl.tmp",
                                         "curves.safetensors", "trajectories.html", "mean_curve.tsv"};
    for (size_t i = 0; i < COUNT(absent); i++) assert_false(exists(*state, absent[i]));
    opt.skip_long = true;
    must(write_files(*state, &qs, &opt, &sum, &err), &err);
    assert_int_equal(sum.group[RAML_TRACE_ALL].n, 1);
    assert_int_equal(sum.n_skipped, 1);
    opt.family = "none";
    err = (struct raml_err){0};
    assert_int_equal(write_files(*state, &qs, &opt, &sum, &err), RAML_ERANGE);
    assert_true(has(err.msg, "made.jsonl: nothing to trace: 1 questions, 0 trajectories"));
    assert_true(exists(*state, "curves.jsonl")); /* of the run before: a failure removes nothing */
    opt = few_figures();
    opt.ema = -0.5;
    assert_int_equal(write_files(*state, &qs, &opt, &sum, &err), RAML_ERANGE);
    opt = few_figures();
    opt.trace.stride = 0;
    assert_int_equal(write_files(*state, &qs, &opt, &sum, &err), RAML_ERANGE);
}

static bool stop_at_once(void *user)
{
    return --*(int *)user <= 0;
}

/* Many small ones, so that several batches are run; when stopped, what was traced is kept. */
static void batches_and_stop(void **state)
{
    enum { N = 600 };
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few_figures();
    static struct raml_trajectory t[N];
    static char words[N][16];
    for (int i = 0; i < N; i++) {
        snprintf(words[i], sizeof words[i], "step %d", i * 7919);
        t[i] = (struct raml_trajectory){.text = words[i], .correct = i % 2 ? RAML_EQUAL : RAML_DIFFERENT};
    }
    struct raml_question q = {
        .id = "many", .question = "q", .answer = "a", .difficulty = -1, .trajectory = t, .n_trajectories = N};
    struct raml_questions qs = {.question = &q, .n = 1};
    opt.n_curves = 0;
    opt.token_table = false;
    opt.trace.stride = 4;
    must(write_files(*state, &qs, &opt, &sum, &err), &err);
    assert_int_equal(sum.group[RAML_TRACE_CORRECT].n, N / 2);
    json_t *list = lines_of(*state, "curves.jsonl");
    assert_int_equal(json_array_size(list), N);
    for (size_t i = 0; i < N; i++) assert_int_equal(num(json_array_get(list, i), "sample"), i);
    json_decref(list);
    int left = N + 400; /* asked once per trajectory, by the check and by the run; batches are of 256 */
    struct raml_sink sink = {.stop = stop_at_once, .user = &left};
    const struct raml_trace_files_job job = {.model = f.model,
                                             .tokenizer = f.tokenizer,
                                             .format = raml_format_default(),
                                             .questions = &qs,
                                             .dir = *state,
                                             .sink = &sink};
    must(raml_trace_files(&job, &opt, &sum, &err), &err);
    assert_true(sum.stopped);
    assert_int_equal(sum.group[RAML_TRACE_ALL].n, 256);
    assert_int_equal(sum.n_selected, N);
    const uint64_t n_read = sum.n_read;
    raml_trace_summary_deinit(&sum);
    left = 0;
    assert_int_equal(raml_trace_files(&job, &opt, &sum, &err), RAML_ESTOP);
    raml_model_heed(f.model, &sink); /* in the middle of the second batch's pass: that batch is lost, the first kept */
    int in_a_pass = N + 512 + 3 * (raml_model_config(f.model)->n_layers + 1) / 2;
    left = in_a_pass;
    must(raml_trace_files(&job, &opt, &sum, &err), &err);
    assert_true(sum.stopped);
    assert_int_equal(sum.group[RAML_TRACE_ALL].n, 256);
    assert_int_equal(sum.n_read, n_read);
    raml_trace_summary_deinit(&sum);
    left = in_a_pass - 256 - (raml_model_config(f.model)->n_layers + 1); /* in the first's */
    assert_int_equal(raml_trace_files(&job, &opt, &sum, &err), RAML_ESTOP);
    assert_string_equal(err.msg, "stopped before the first loss curve");
    raml_model_heed(f.model, NULL);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)
int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(curves),           IN_FOLDER(summary),         IN_FOLDER(tokens),    IN_FOLDER(tensors_and_pictures),
        IN_FOLDER(strides),          IN_FOLDER(choosing),        IN_FOLDER(bad_input), IN_FOLDER(report_reads_it),
        IN_FOLDER(batches_and_stop), IN_FOLDER(page_has_fields),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
