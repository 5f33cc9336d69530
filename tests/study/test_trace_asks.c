/* test_trace_asks.c - what a trace can be asked for: answers, borders, layers, prefixes, modes. Each record's numbers
 * against traces that know nothing of the option, and what is refused. */
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

/* No value of a figure, nor an end of its bands, lies outside of what the quantity can be. */
static void figure_within(const char *dir, const char *name, double least, double most)
{
    char path[4200];
    size_t n = 0;
    char *text = slurp(in(dir, name, path), NULL);
    assert_non_null(text);
    for (char *line = text; (line = strchr(line, '\n'));) {
        double v[4];
        char *tab = strchr(++line, '\t'), *end = strchr(line, '\n');
        if (!end || !tab || tab > end) continue;
        for (size_t i = 0; i < 4; i++) v[i] = strtod(tab + 1, &tab);
        for (size_t i = 1; i < 4; i++) assert_true(isnan(v[i]) || (v[i] >= least && v[i] <= most));
        n++;
    }
    assert_true(n > 0);
    free(text);
}

static void script_has(const char *dir, const char *name, const char *what)
{
    char path[4200];
    char *text = slurp(in(dir, name, path), NULL);
    assert_non_null(text);
    assert_true(has(text, what));
    free(text);
}

/* -- Answers ------------------------------------------------------------------------------------------------------- */

static void check_choice(const json_t *o)
{
    const json_t *answers = get(o, "answers"), *commitment = get(o, "commitment");
    size_t n = json_array_size(answers), n_points = json_array_size(get(o, "L")), stable = 0, last = 0;
    assert_true(n == 2);
    for (size_t i = 0; i < n_points; i++) {
        double weight[2] = {0}, mean[2] = {0}, p, entropy = 0;
        for (size_t k = 0; k < n; k++) {
            const json_t *a = json_array_get(answers, k);
            double L = num(get(a, "L"), i);
            weight[k] = exp(-json_number_value(get(a, "n_answer")) * L);
            mean[k] = exp(-L);
        }
        for (size_t k = 0; k < n; k++) {
            const json_t *a = json_array_get(answers, k);
            p = weight[k] / (weight[0] + weight[1]);
            CHECK_NEAR("p", num(get(a, "p"), i), p, 1e-6);
            CHECK_NEAR("p_mean", num(get(a, "p_mean"), i), mean[k] / (mean[0] + mean[1]), 1e-6);
            entropy -= p > 0 ? p * log(p) : 0;
        }
        CHECK_NEAR("commitment", num(commitment, i), 1 - entropy / log(2), 1e-6);
        size_t best = weight[1] > weight[0];
        if (i == 0 || best != last) stable = i;
        last = best;
    }
    assert_int_equal(json_integer_value(get(o, "first_stable")), stable);
}

static void answers(void **state)
{
    struct raml_trace_files_options opt = few();
    json_t *gold = lines(*state, &questions, &opt, NULL);
    opt.own = true;
    json_t *own = lines(*state, &questions, &opt, NULL);
    opt.own = false;
    opt.answers = "gold,own,majority,wrong";
    json_t *list = lines(*state, &questions, &opt, NULL);
    assert_int_equal(json_array_size(list), 5);
    for (size_t i = 0; i < 5; i++) {
        const json_t *o = json_array_get(list, i), *g = json_array_get(gold, i);
        assert_true(json_equal(get(o, "L"), get(g, "L"))); /* to the last bit that is written */
        assert_null(json_object_get(g, "answers"));
        const json_t *a = json_array_get(get(o, "answers"), 0), *b = json_array_get(get(o, "answers"), 1);
        assert_string_equal(json_string_value(get(a, "name")), "gold");
        assert_string_equal(json_string_value(get(g, "answer_kind")), "gold");
        assert_string_equal(json_string_value(get(json_array_get(own, i), "answer_kind")), "own");
        assert_true(json_equal(get(a, "L"), get(o, "L")) && json_equal(get(a, "greedy"), get(o, "greedy")));
        if (i == 1 || i >= 3) same("own", get(b, "L"), get(json_array_get(own, i), "L"), 2e-5);
        assert_string_equal(json_string_value(get(b, "text")), i == 4 ? "12" : "41");
        check_choice(o);
    }
    figure_has(*state, "wrong_answer.tsv", "correct answer (n = 3)");
    figure_has(*state, "wrong_answer.tsv", "own answer (n = 3)");
    figure_has(*state, "wrong_answer.tsv",
               "majority answer where wrong (n = 1)"); /* of the first question it is the correct one */
    figure_has(*state, "commitment.tsv", "right (n = 2)");
    figure_within(*state, "wrong_answer.tsv", 0, INFINITY);
    figure_within(*state, "commitment.tsv", 0, 1);
    script_has(*state, "commitment.gp", "set yrange [0:1.02]");
    /* right: own is gold; "41" is the most frequent wrong one. Of two votes for each the first seen is the majority. */
    const json_t *a = json_array_get(get(json_array_get(list, 0), "answers"), 0);
    assert_int_equal(json_array_size(get(a, "also")), 2);
    assert_string_equal(json_string_value(json_array_get(get(a, "also"), 0)), "own");
    assert_string_equal(json_string_value(json_array_get(get(a, "also"), 1)), "majority");
    assert_true(json_equal(get(json_array_get(list, 0), "also"), get(a, "also")));
    json_decref(list);
    opt.answers = "gold,own"; /* where they are the same there is one answer */
    list = lines(*state, &questions, &opt, NULL);
    assert_null(json_object_get(json_array_get(list, 0), "answers"));
    assert_string_equal(json_string_value(json_array_get(get(json_array_get(list, 0), "also"), 0)), "own");
    assert_null(json_object_get(json_array_get(list, 1), "also"));
    assert_null(json_object_get(json_array_get(gold, 0), "also"));
    json_decref(gold);
    json_decref(own);
    json_decref(list);
}

/* -- Layers, tokens, borders --------------------------------------------------------------------------------------- */

static void layers(void **state)
{
    struct raml_trace_files_options opt = few();
    int n_layers = raml_model_config(f.model)->n_layers;
    opt.layers = "all";
    json_t *list = lines(*state, &questions, &opt, NULL);
    const json_t *o = json_array_get(list, 0), *x = get(o, "layers"), *L = get(x, "L");
    assert_int_equal(json_array_size(get(x, "layer")), n_layers + 1);
    assert_int_equal(json_array_size(L), n_layers + 1);
    same("last layer", json_array_get(L, (size_t)n_layers), get(o, "L"), 1e-5);
    figure_has(*state, "layers.tsv", "after layer 2 (n = 5)");
    script_has(*state, "layers.gp", "lc rgb '#00440154'"); /* colours in order */
    script_has(*state, "layers.gp", "lc rgb '#00A5CE2F'");
    opt.layers = "0,2";
    json_t *some = lines(*state, &questions, &opt, NULL);
    x = get(json_array_get(some, 0), "layers");
    assert_int_equal(num(get(x, "layer"), 1), 2);
    same("layer 2", json_array_get(get(x, "L"), 1), json_array_get(L, 2), 1e-6);
    json_decref(some);
    json_decref(list);
}

static void borders_and_tokens(void **state)
{
    static const struct {
        const char *border;
        size_t at[6], n; /* of "a guess\n\nwait, no" */
    } cases[] = {{"line", {0, 9, 17}, 3},
                 {"paragraph", {0, 9, 17}, 3},
                 {"sentence", {0, 9, 17}, 3},
                 {"reflection", {0, 9, 13, 17}, 4}};
    struct raml_trace_files_options opt = few();
    json_t *plain = lines(*state, &questions, &opt, NULL);
    const json_t *p = json_array_get(plain, 1);
    assert_null(json_object_get(p, "border"));
    assert_null(json_object_get(p, "at"));
    assert_int_equal(json_array_size(get(p, "entropy")), 17);
    assert_string_equal(json_string_value(json_array_get(get(p, "role"), 9)), "reflection");
    assert_string_equal(json_string_value(json_array_get(get(p, "role"), 0)), "other");
    for (size_t c = 0; c < COUNT(cases); c++) {
        opt.borders = cases[c].border;
        json_t *list = lines(*state, &questions, &opt, NULL);
        const json_t *o = json_array_get(list, 1), *sum = json_array_get(list, 0); /* "1+2\n", "is 3" */
        if (c == 0) assert_string_equal(json_string_value(json_array_get(get(sum, "role"), 0)), "number");
        assert_string_equal(json_string_value(get(o, "border")), cases[c].border);
        assert_int_equal(json_array_size(get(o, "at")), cases[c].n);
        for (size_t k = 0; k < cases[c].n; k++) {
            assert_int_equal(num(get(o, "at"), k), cases[c].at[k]);
            CHECK_NEAR("L", num(get(o, "L"), k), num(get(p, "L"), cases[c].at[k]), 1e-5);
            if (k == 0) continue;
            double logp = 0, entropy = 0;
            for (size_t i = cases[c].at[k - 1]; i < cases[c].at[k]; i++) {
                logp += num(get(p, "logp"), i);
                entropy += num(get(p, "entropy"), i) / (double)(cases[c].at[k] - cases[c].at[k - 1]);
            }
            CHECK_NEAR("logp", num(get(o, "logp"), k - 1), logp, 1e-4);
            CHECK_NEAR("entropy", num(get(o, "entropy"), k - 1), entropy, 1e-4);
        }
        json_decref(list);
    }
    opt = few();
    opt.trace.tokens = false;
    json_t *none = lines(*state, &questions, &opt, NULL);
    assert_null(json_object_get(json_array_get(none, 0), "role"));
    assert_null(json_object_get(json_array_get(none, 0), "logp"));
    json_decref(none);
    json_decref(plain);
}

/* -- Prefixes, modes, regret, reader ------------------------------------------------------------------------------- */

static void prefixes(void **state)
{
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_trace_files_options opt = few();
    char path[4200];
    put(*state, "prefixes.jsonl",
        "{\"name\":\"so\",\"text\":\" so </think>\"}\n{\"name\":\"none\",\"text\":\"\"}\n"
        "{\"name\":\"largest \\\"difference\",\"text\":\"\\n\\\"a\\t\"}\n",
        path);
    opt.prefixes_file = path;
    opt.answers = "gold,own";
    must(trace(*state, &questions, &opt, NULL, &sum, &err), &err);
    const struct raml_trace_row *own = raml_trace_row_find(&sum, "all", "all", "prefix default", "L0");
    const struct raml_trace_row *gold = raml_trace_row_find(&sum, "all", "all", "gold", "L0");
    const struct raml_trace_row *so = raml_trace_row_find(&sum, "all", "all", "prefix so", "LT");
    assert_true(own && gold && so && own->e.value == gold->e.value && so->n == 5);
    double want = 0;
    struct raml_format format;
    must(raml_format_named("builtin", f.tokenizer, &format, &err), &err);
    format.answer_prefix = " so </think>";
    struct raml_tracer *t;
    const struct raml_trace_options plain = raml_trace_default();
    const struct raml_trace_source src = {.tokenizer = f.tokenizer, .format = format};
    must(raml_tracer_open(f.model, &plain, &t, &err), &err);
    for (size_t i = 0; i < 5; i++) {
        struct raml_loss_curve c;
        must(raml_trace_run(t, &src, &question[i / 4], i % 4, &c, &err), &err);
        want += c.loss[c.n_points - 1] / 5;
        raml_loss_curve_deinit(&c);
    }
    raml_tracer_close(t);
    CHECK_NEAR("L(T) after another prefix", so->e.value, want, 1e-5);
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < 4; i++) {
        static const char *const curve[] = {"prefix default", "prefix so", "prefix none",
                                            "prefix largest \"difference"};
        const struct raml_trace_row *r = raml_trace_row_find(&sum, "all", "all", curve[i], "L0");
        low = fmin(low, r->e.value);
        high = fmax(high, r->e.value);
    }
    raml_trace_summary_deinit(&sum);
    char *text = slurp(in(*state, "prefix.tsv", path), NULL);
    assert_true(has(text, "kind\tprefix\ttext\ttrajectories\tquestions\tL0\tL0_low") &&
                has(text, "\nprefix\tso\t so </think>\t5\t2\t") &&
                has(text, "\nprefix\tlargest  difference\t\\n\\x22a\\t\t5\t2\t"));
    static const char last[] = "\ndifference\t\t\t0\t0\t";
    assert_true(has(text, last));
    CHECK_NEAR("largest difference", strtod(strstr(text, last) + sizeof last - 1, NULL), high - low, 1e-8);
    free(text);
}

static void modes_and_regret(void **state)
{
    static const char *const mode[] = {"thinking", "brief", "nothinking", "thinking", "thinking"};
    struct raml_trace_files_options opt = few();
    char path[4200];
    json_t *list = lines(*state, &questions, &opt, "other model");
    for (size_t i = 0; i < 5; i++) {
        const json_t *o = json_array_get(list, i);
        assert_string_equal(json_string_value(get(o, "mode")), mode[i]);
        assert_string_equal(json_string_value(get(o, "reader")), "other model");
    }
    assert_true(raml_is_file(in(*state, "modes_tokens.tsv", path)) && raml_is_file(in(*state, "groups.tsv", path)));
    /* no token: accuracy rises from 0 to exp(-A L) at the only cost, half of it on average */
    const json_t *o = json_array_get(list, 2);
    double acc = exp(-json_number_value(get(o, "n_answer")) * num(get(o, "L"), 0));
    CHECK_NEAR("regret", json_number_value(get(o, "regret")), 1 - acc / 2, 1e-6);
    opt.budget = 200; /* cost is 2: the prefix's token and the answer's */
    json_t *far = lines(*state, &questions, &opt, NULL);
    o = json_array_get(far, 2);
    CHECK_NEAR("regret", json_number_value(get(o, "regret")), 1 - acc * (1 + 198) / 200, 1e-6);
    assert_null(json_object_get(o, "reader"));
    json_decref(far);
    json_decref(list);
}

static void modes_by_format(void **state)
{
    (void)state;
    const struct raml_format plain = {.think_close = NULL}, opened = {.think_close = "</think>", .prefill = "<think>"},
                             closed = {.think_close = "</think>", .prefill = "<think></think>"};
    assert_string_equal(raml_trace_mode(&plain, &first[0]), "none");
    assert_string_equal(raml_trace_mode(&plain, &first[2]), "none");
    assert_string_equal(raml_trace_mode(&opened, &first[0]), "thinking");
    assert_string_equal(raml_trace_mode(&opened, &first[2]), "nothinking");
    assert_string_equal(raml_trace_mode(&closed, &first[0]), "nothinking");
    assert_string_equal(raml_trace_mode(&plain, &first[1]), "brief");
}

static void bad(void **state)
{
    static const struct {
        const char *answers, *borders, *layers, *controls, *prefixes, *message, *filler;
        size_t stride;
        bool own, one;
        enum raml_code code;
    } cases[] = {
        {.answers = "best", .message = "answers: found 'best'", .code = RAML_EUSAGE},
        {.answers = "gold", .own = true, .message = "own and answers 'gold'", .code = RAML_EUSAGE},
        {.borders = "word", .message = "borders: found 'word'; expected token, line", .code = RAML_EUSAGE},
        {.borders = "line",
         .stride = 2,
         .message = "borders 'line' exclude a stride; found a stride of 2",
         .code = RAML_EUSAGE},
        {.layers = "1,1",
         .message = "layers: found '1,1'; expected all, or rising numbers from 0",
         .code = RAML_EUSAGE},
        {.layers = "99", .message = "layers: found '99'", .code = RAML_EUSAGE},
        {.layers = "-1", .message = "layers: found '-1'", .code = RAML_EUSAGE},
        {.layers = "1,", .message = "layers: found '1,'", .code = RAML_EUSAGE},
        {.controls = "filler,noise",
         .message = "controls: found 'noise'; expected a list of shuffle",
         .code = RAML_EUSAGE},
        {.controls = "filler,", .message = "controls: found ''; expected a list of", .code = RAML_EUSAGE},
        {.controls = "filler,filler", .message = "controls: found 'filler' twice", .code = RAML_EUSAGE},
        {.controls = "filler", .filler = "", .message = "filler '' encodes to nothing", .code = RAML_ERANGE},
        {.controls = "foreign",
         .one = true,
         .message = "control 'foreign' takes another question's trajectory; found 1",
         .code = RAML_ERANGE},
        {.prefixes = "{\"name\":\"a\"}\n",
         .message = "prefixes.jsonl:1: field 'text' is missing",
         .code = RAML_EFORMAT},
        {.prefixes = "{\"name\":\"default\",\"text\":\"\"}\n",
         .message = "prefixes.jsonl:1: name 'default' is the run's own",
         .code = RAML_EFORMAT},
        {.prefixes = "\n", .message = "prefixes.jsonl: there is no answer prefix in it", .code = RAML_EFORMAT},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_trace_summary sum;
        struct raml_trace_files_options opt = few();
        struct raml_questions qs = questions;
        char path[4200];
        if (cases[i].one) qs.n = 1;
        if (cases[i].stride) opt.trace.stride = cases[i].stride;
        opt.answers = cases[i].answers;
        opt.borders = cases[i].borders;
        opt.layers = cases[i].layers;
        opt.controls = cases[i].controls;
        opt.filler = cases[i].filler;
        opt.own = cases[i].own;
        if (cases[i].prefixes) {
            put(*state, "prefixes.jsonl", cases[i].prefixes, path);
            opt.prefixes_file = path;
        }
        enum raml_code rc = trace(*state, &qs, &opt, NULL, &sum, &err);
        if (rc != cases[i].code) fail_msg("case %zu: code %d, '%s'", i, (int)rc, err.msg);
        assert_true(has(err.msg, cases[i].message));
        assert_false(raml_is_file(in(*state, "curves.jsonl", path)));
    }
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)
int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(answers),          IN_FOLDER(layers), IN_FOLDER(borders_and_tokens),     IN_FOLDER(prefixes),
        IN_FOLDER(modes_and_regret), IN_FOLDER(bad),    cmocka_unit_test(modes_by_format),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
