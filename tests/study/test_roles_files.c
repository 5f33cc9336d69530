/* test_roles_files.c - steps at words and roles from a model's own curves; rows, intervals and the paper's statistic from
 * made units; lists of words; and what the paper's notebooks count wrong. */
#include "study/trace_questions.h"

#include "eval/cluster.h"
#include "study/roles_parts.h"

#include <math.h>

static struct raml_trajectory reflecting[] = {
    {.text = "wait 1+1, WAIT: hold  on. is 3", .answer = "3", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "await waiting; no", .answer = "4", .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "", .answer = "4", .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "wait", .answer = "4", .correct = RAML_UNKNOWN, .think_closed = true},
};
static struct raml_question asked[] = {
    {.id = "one",
     .question = "1+2",
     .answer = "3",
     .difficulty = -1,
     .trajectory = reflecting,
     .n_trajectories = 2,
     .line = 1},
    {.id = "two",
     .question = "2+2",
     .answer = "4",
     .difficulty = -1,
     .trajectory = reflecting + 2,
     .n_trajectories = 2,
     .line = 2},
};
static const struct raml_questions of_words = {.question = asked, .n = 2};

static enum raml_code run(const char *dir, const struct raml_questions *qs, const struct raml_roles_files_options *opt,
                          struct raml_roles_summary *sum, struct raml_err *err)
{
    struct raml_format format;
    must(raml_format_named("builtin", f.tokenizer, &format, err), err);
    const struct raml_roles_files_job job = {.model = f.model,
                                             .tokenizer = f.tokenizer,
                                             .format = format,
                                             .questions = qs,
                                             .data_name = "made.jsonl",
                                             .dir = dir};
    return raml_roles_files(&job, opt, sum, err);
}

static json_t *read_lines(const char *dir, const char *name)
{
    char path[4200];
    struct raml_err err = {0};
    struct raml_lines l;
    json_t *list = json_array();
    must(raml_lines_init(&l, in(dir, name, path), 1 << 24, &err), &err);
    for (bool more = true;;) {
        must(raml_lines_next(&l, &more, &err), &err);
        if (!more) break;
        const struct raml_place at = {path, l.number};
        json_t *obj;
        must(raml_json_parse(&at, l.line.data, l.line.len, &obj, &err), &err);
        json_array_append_new(list, obj);
    }
    raml_lines_deinit(&l);
    return list;
}

/* Units of these trajectories, and their curves as raml_trace_files has them. */
static json_t *units_of(const char *dir, struct raml_roles_summary *sum, json_t **curves)
{
    struct raml_err err = {0};
    struct raml_roles_files_options opt = raml_roles_files_default();
    struct raml_trace_files_options traced = few();
    opt.min_units = 2;
    opt.n_draws = 50;
    traced.trace.tokens = true;
    must(run(dir, &of_words, &opt, sum, &err), &err);
    *curves = lines(dir, &of_words, &traced, NULL);
    return read_lines(dir, "units.jsonl");
}

static double L(const json_t *curves, size_t trajectory, size_t i)
{
    return num(get(json_array_get(curves, trajectory), "L"), i);
}

/* The notebook compares L[i+m] with L[i-1] for a word of m tokens at i: one token more than the word. Here a unit's step is
 * from before its first to after its last token, and the last word of a text reads nothing after it. */
static void a_word_is_its_own_step_not_one_more(void **state)
{
    static const struct {
        size_t trajectory, first, last;
        const char *word, *text;
    } want[] = {{0, 1, 4, "wait", "wait"},
                {0, 11, 14, "wait", "WAIT"},
                {0, 17, 24, "hold on", "hold  on"},
                {3, 1, 4, "wait", "wait"}};
    struct raml_roles_summary sum;
    json_t *curves, *units = units_of(*state, &sum, &curves), *u;
    size_t i, n = 0, n_tokens = 0;
    json_array_foreach (units, i, u) {
        double before = json_number_value(get(u, "before")), after = json_number_value(get(u, "after"));
        n_tokens += (size_t)(json_integer_value(get(u, "last")) - json_integer_value(get(u, "first")) + 1);
        CHECK_NEAR("step", json_number_value(get(u, "delta")), after - before, 1e-7);
        if (strcmp(json_string_value(get(u, "role")), "reflection") != 0) {
            assert_true(json_is_null(get(u, "word")) && json_equal(get(u, "first"), get(u, "last")));
            continue;
        }
        assert_true(n < COUNT(want));
        assert_string_equal(json_string_value(get(u, "word")), want[n].word);
        assert_string_equal(json_string_value(get(u, "text")), want[n].text);
        assert_int_equal(json_integer_value(get(u, "first")), want[n].first);
        assert_int_equal(json_integer_value(get(u, "last")), want[n].last);
        CHECK_NEAR("before", before, L(curves, want[n].trajectory, want[n].first - 1), 1e-7);
        CHECK_NEAR("after", after, L(curves, want[n].trajectory, want[n].last), 1e-7);
        n++;
    }
    assert_int_equal(n, COUNT(want));
    assert_int_equal(n_tokens, 30 + 17 + 0 + 4); /* every token is of one unit */
    assert_int_equal(sum.n_units, json_array_size(units));
    raml_roles_summary_deinit(&sum);
    json_decref(units);
    json_decref(curves);
}

static const struct raml_roles_row *row(const struct raml_roles_row *r, size_t n, const char *name,
                                        enum raml_trace_verdict v)
{
    for (size_t i = 0; i < n; i++)
        if (r[i].verdict == v && !strcmp(r[i].name, name)) return &r[i];
    fail_msg("no row %s, %s", name, raml_trace_verdict_name(v));
    return NULL;
}

/* Every form of a word counts, alone and in a sentence; a word within another does not. */
static void spaced_and_cased_forms_are_one_word(void **state)
{
    struct raml_roles_summary s;
    json_t *curves, *units = units_of(*state, &s, &curves);
    assert_int_equal(row(s.word, s.n_words, "wait", RAML_TRACE_ALL)->n_units, 3);
    assert_int_equal(row(s.word, s.n_words, "wait", RAML_TRACE_CORRECT)->n_units, 2);
    assert_int_equal(row(s.word, s.n_words, "wait", RAML_TRACE_UNGRADED)->n_units, 1);
    assert_int_equal(row(s.word, s.n_words, "wait", RAML_TRACE_ALL)->n_questions, 2);
    assert_int_equal(row(s.word, s.n_words, "hold on", RAML_TRACE_ALL)->n_tokens, 8);
    assert_int_equal(row(s.role, s.n_roles, "reflection", RAML_TRACE_ALL)->n_units, 4);
    for (size_t i = 0; i < s.n_words; i++)
        assert_int_not_equal(s.word[i].verdict, RAML_TRACE_WRONG); /* "await waiting" */
    const struct raml_roles_row *all = row(s.role, s.n_roles, "all", RAML_TRACE_ALL);
    assert_int_equal(all->n_units, 51);
    assert_int_equal(all->n_tokens, 51);
    assert_true(isnan(all->e[RAML_ROLES_EFFECT].value) && all->n_no_window == 0);
    assert_int_equal(s.n_trajectories, 4);
    assert_int_equal(s.n_questions, 2);
    raml_roles_summary_deinit(&s);
    json_decref(units);
    json_decref(curves);
}

/* The effect of a unit, counted again from the records: windows of the same trajectory, length, part and entropy. */
static void effects_are_beside_matched_windows(void **state)
{
    static const double edge[] = {0.1, 0.5, 1, 2};
    struct raml_roles_summary s;
    json_t *curves, *units = units_of(*state, &s, &curves), *u;
    size_t i, n_with = 0, trajectory = 0, before = 0;
    json_array_foreach (units, i, u) {
        size_t begin = (size_t)json_integer_value(get(u, "first")),
               k = (size_t)json_integer_value(get(u, "last")) - begin;
        if (i && begin <= before) trajectory += trajectory == 1 ? 2 : 1; /* the third has no token */
        before = begin;
        const json_t *c = json_array_get(curves, trajectory), *role = get(c, "role"), *entropy = get(c, "entropy");
        size_t T = json_array_size(role), n = 0;
        double sum = 0;
        for (size_t g = 1; g + k <= T; g++) {
            bool ok = g != begin && (g - 1) * 10 / T == (begin - 1) * 10 / T;
            for (size_t e = 0; e < COUNT(edge); e++)
                ok = ok && (num(entropy, g - 1) >= edge[e]) == (num(entropy, begin - 1) >= edge[e]);
            for (size_t j = g; j <= g + k; j++)
                ok = ok && strcmp(json_string_value(json_array_get(role, j - 1)), "reflection") != 0;
            if (!ok) continue;
            sum += L(curves, trajectory, g + k) - L(curves, trajectory, g - 1);
            n++;
        }
        assert_int_equal(json_integer_value(get(u, "windows")), n);
        if (n)
            CHECK_NEAR("effect", json_number_value(get(u, "effect")),
                       json_number_value(get(u, "delta")) - sum / (double)n, 1e-6);
        else assert_true(json_is_null(get(u, "effect")));
        n_with += n > 0;
    }
    assert_true(n_with > 20);
    raml_roles_summary_deinit(&s);
    json_decref(units);
    json_decref(curves);
}

static void words_are_marks(void **state)
{
    struct raml_roles_summary s;
    json_t *curves, *units = units_of(*state, &s, &curves), *marks = read_lines(*state, "marks.jsonl");
    assert_int_equal(json_array_size(marks), 2); /* of the trajectories that have words */
    const json_t *list = get(json_array_get(marks, 0), "marks"), *third = json_array_get(list, 2);
    assert_int_equal(json_array_size(list), 3);
    assert_int_equal(json_integer_value(get(third, "at")), 24);
    assert_string_equal(json_string_value(get(third, "kind")), "word");
    assert_string_equal(json_string_value(get(third, "name")), "hold on");
    raml_roles_summary_deinit(&s);
    json_decref(units);
    json_decref(curves);
    json_decref(marks);
}

/* -- Made units ---------------------------------------------------------------------------------------------------- */

static const char *made_words[] = {"wait", "hmm"};
static const struct raml_roles_words list_of_two = {.word = (char **)made_words, .n = 2};

static struct raml_roles_unit unit(uint32_t word, uint32_t of, double before, double after, double effect)
{
    return (struct raml_roles_unit){.role = RAML_TOKEN_REFLECTION,
                                    .word = word,
                                    .first = 1,
                                    .last = 1,
                                    .question = of,
                                    .verdict = RAML_TRACE_CORRECT,
                                    .before = before,
                                    .after = after,
                                    .effect = effect};
}

static struct raml_roles_summary rows_of(const struct raml_roles_unit *u, size_t n, size_t min_units)
{
    struct raml_err err = {0};
    struct raml_roles_summary s = {.n_roles = 0};
    struct raml_roles_files_options opt = raml_roles_files_default();
    const struct raml_roles_set set = {.unit = (struct raml_roles_unit *)u, .n = n};
    opt.min_units = min_units;
    opt.n_draws = 200;
    must(raml_roles_rows(&set, &list_of_two, &opt, &s, &err), &err);
    return s;
}

/* The notebook drops every loss of 0 before it counts, which moves all later places. Here the step to 0 and the step away
 * from it are steps in nats like others; a ratio to 0 does not exist, and only the ratios leave it out. */
static void losses_of_zero_are_steps_in_nats(void **state)
{
    (void)state;
    const struct raml_roles_unit u[] = {unit(0, 0, 2, 0, NAN), unit(0, 0, 0, 0, NAN), unit(0, 1, 0, 1, NAN),
                                        unit(0, 1, 1, 0.5, NAN)};
    struct raml_roles_summary s = rows_of(u, COUNT(u), 2);
    const struct raml_roles_row *r = row(s.word, s.n_words, "wait", RAML_TRACE_ALL);
    assert_int_equal(r->n_units, 4);
    CHECK_NEAR("mean step", r->e[RAML_ROLES_DELTA].value, (-2 + 0 + 1 - 0.5) / 4, 1e-15);
    CHECK_NEAR("median step", r->e[RAML_ROLES_DELTA_MEDIAN].value, -0.25, 1e-15);
    CHECK_NEAR("falling", r->e[RAML_ROLES_FALLING].value, 0.75, 0);
    CHECK_NEAR("log ratio", r->e[RAML_ROLES_LOG_RATIO].value, log(0.5), 1e-15); /* of the last alone */
    assert_int_equal(r->relative.n, 2);
    CHECK_NEAR("relative", r->relative.mean, (1 + 0.5) / 2, 1e-15);
    raml_roles_summary_deinit(&s);
}

/* 200 words that each lower L by 0.1, from 2 nats but for one, which is where L is a millionth: the paper's mean is of that
 * one. The row says so; nats, medians and logarithms do not move. */
static void a_loss_near_zero_decides_the_papers_mean(void **state)
{
    (void)state;
    struct raml_roles_unit u[200];
    for (uint32_t i = 0; i < COUNT(u); i++) {
        double before = i == 77 ? 1e-6 : 2;
        u[i] = unit(0, i / 10, before, i == 77 ? before + 0.1 : before - 0.1, i == 77 ? 0.1 : -0.1);
    }
    struct raml_roles_summary s = rows_of(u, COUNT(u), 30);
    const struct raml_roles_row *r = row(s.word, s.n_words, "wait", RAML_TRACE_ALL);
    CHECK_NEAR("the paper's mean", r->relative.mean, (1e5 + 199 * 0.05) / 200, 1e-6);
    assert_true(r->relative.deviation > 14 * r->relative.mean);
    assert_int_equal(r->relative.n_top, 2);
    assert_int_equal(r->relative.n_half, 1);
    CHECK_NEAR("share of the largest 1 %", r->relative.top_share, (1e5 + 0.05) / (1e5 + 199 * 0.05), 1e-9);
    CHECK_NEAR("their L", r->relative.top_loss, (2 + 1e-6) / 2, 1e-12);
    CHECK_NEAR("L of the one that brings half", r->relative.half_loss, 1e-6, 0);
    CHECK_NEAR("step", r->e[RAML_ROLES_DELTA].value, -0.1 + 0.2 / 200, 1e-12);
    CHECK_NEAR("median step", r->e[RAML_ROLES_DELTA_MEDIAN].value, -0.1, 1e-12);
    CHECK_NEAR("median effect", r->e[RAML_ROLES_EFFECT_MEDIAN].value, -0.1, 1e-12);
    CHECK_NEAR("median log ratio", r->e[RAML_ROLES_LOG_RATIO_MEDIAN].value, log(1.9 / 2), 1e-12);
    assert_true(r->e[RAML_ROLES_DELTA].high < -0.05);
    raml_roles_summary_deinit(&s);
}

/* Intervals are those of clusters; few units, or few with a window, have none, and are marked. */
static void intervals_need_units(void **state)
{
    (void)state;
    struct raml_roles_unit u[40];
    struct raml_clustered c = {0};
    struct raml_err err = {0};
    for (uint32_t i = 0; i < COUNT(u); i++) {
        double after = 2 + sin(i);
        u[i] = unit(i >= 35, i / 4, 2, after, i < 20 ? after - 2 : NAN);
        if (i < 35) must(raml_clustered_add(&c, i / 4, after - 2, &err), &err);
    }
    struct raml_roles_summary s = rows_of(u, COUNT(u), 30);
    const struct raml_roles_row *wait = row(s.word, s.n_words, "wait", RAML_TRACE_ALL);
    struct raml_estimate e;
    must(raml_clustered_median(&c, 0, 200, &e, &err), &err);
    CHECK_NEAR("median", wait->e[RAML_ROLES_DELTA_MEDIAN].value, e.value, 0);
    CHECK_NEAR("low", wait->e[RAML_ROLES_DELTA_MEDIAN].low, e.low, 0);
    must(raml_clustered_mean(&c, 0, 200, &e, &err), &err);
    CHECK_NEAR("high", wait->e[RAML_ROLES_DELTA].high, e.high, 0);
    assert_true(!wait->few && wait->n_no_window == 15 && wait->n_questions == 9);
    assert_true(isfinite(wait->e[RAML_ROLES_EFFECT].value) && isnan(wait->e[RAML_ROLES_EFFECT].low)); /* of 20 */
    const struct raml_roles_row *hmm = row(s.word, s.n_words, "hmm", RAML_TRACE_ALL);
    assert_true(hmm->few && hmm->n_units == 5 && isnan(hmm->e[RAML_ROLES_DELTA].low));
    assert_true(isfinite(hmm->e[RAML_ROLES_DELTA].value) && isnan(hmm->e[RAML_ROLES_FALLING].high));
    assert_true(isnan(hmm->e[RAML_ROLES_EFFECT].value) && hmm->n_no_window == 5);
    raml_clustered_deinit(&c);
    raml_roles_summary_deinit(&s);
}

/* -- Lists --------------------------------------------------------------------------------------------------------- */

static void check_list(const struct raml_roles_files_options *opt, const char *want, const char *message)
{
    struct raml_err err = {0};
    struct raml_roles_words w = {0};
    char text[600] = "";
    enum raml_code rc = raml_roles_words_read(&w, opt, &err);
    for (size_t i = 0; i < w.n && strlen(text) < 400; i++) strcat(strcat(text, w.word[i]), "|");
    if (message && (!rc || !strstr(err.msg, message)))
        fail_msg("found '%s' (%d), expected '%s'", err.msg, (int)rc, message);
    if (!message && (rc || strcmp(text, want) != 0)) fail_msg("found '%s' %s, expected '%s'", text, err.msg, want);
    raml_roles_words_deinit(&w);
}

static void lists_of_words(void **state)
{
    static const struct {
        const char *words, *want, *message;
    } list[] = {
        {NULL, "wait|however|alternatively|recheck|retry|hmm|let me check|hold on|actually|double-check|", NULL},
        {"@paper", "wait|therefore|since|alternatively|hold on|", NULL},
        {"@paper,hmm", "wait|therefore|since|alternatively|hold on|hmm|", NULL},
        {" Wait ,Hold \t On,\u00c9t\u00e9", "wait|hold on|\u00c9t\u00e9|", NULL},
        {"", NULL, "words: entry 1: found an empty text; expected a word"},
        {"wait,", NULL, "words: entry 2: found an empty text"},
        {"wait,  ,so", NULL, "words: entry 2: found only spaces"},
        {"wait,WAIT", NULL, "words: entry 2: 'wait' is there twice"},
        {"@paper,Wait", NULL, "words: entry 2: 'wait' is there twice"},
        {"@nothing", NULL, "words: entry 1: there is no list '@nothing'; expected @reflection or @paper"},
        {"a\xff", NULL, "words: entry 1: not text"},
    };
    static const struct {
        const char *text, *want, *message;
        size_t n;
    } file[] = {
        {"Wait\nhold  on\n", "wait|hold on|", NULL, 0},
        {"wait\r\nso", "wait|so|", NULL, 0},
        {" [\"Wait\", \"a, b\"]\n", "wait|a, b|", NULL, 0},
        {"wait\n\nso\n", NULL, "words.txt:2: found an empty text; expected a word", 0},
        {"wait\n   \n", NULL, "words.txt:2: found only spaces", 0},
        {"wait\nso\nWait\n", NULL, "words.txt:3: 'wait' is there twice", 0},
        {"wait\na\0b\n", NULL, "words.txt:2: found a byte 0x00; expected text", 9},
        {"\x7f"
         "ELF\n",
         NULL, "words.txt:1: found a byte 0x7f", 0},
        {"caf\xe9\n", NULL, "words.txt:1: not text: bytes that are no UTF-8", 0},
        {"", NULL, "words.txt: is empty; expected a word a line", 0},
        {"[]", NULL, "words.txt: an empty list", 0},
        {"[\"a\", 7]", NULL, "words.txt: entry 2: not a text", 0},
        {"[\"a\", \" \"]", NULL, "words.txt: entry 2: found only spaces", 0},
        {"[\"a\"", NULL, "words.txt:1", 0},
    };
    char path[4200];
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(list); i++) {
        struct raml_roles_files_options opt = raml_roles_files_default();
        opt.words = list[i].words;
        check_list(&opt, list[i].want, list[i].message);
    }
    for (size_t i = 0; i < COUNT(file); i++) {
        struct raml_roles_files_options opt = raml_roles_files_default();
        size_t n = file[i].n ? file[i].n : strlen(file[i].text);
        must(raml_file_write(in(*state, "words.txt", path), file[i].text, n, &err), &err);
        opt.words_file = path;
        check_list(&opt, file[i].want, file[i].message);
    }
    struct raml_roles_files_options both = raml_roles_files_default();
    both.words = both.words_file = "x";
    check_list(&both, NULL, "exclude each other");
    both.words = NULL;
    both.words_file = "/nonexistent/words";
    check_list(&both, NULL, "/nonexistent/words");
    both.words_file = NULL;
    both.delimiters = "<a>,,";
    assert_int_equal(raml_roles_files_check(&both, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "delimiters: entry 2: found an empty text; expected a delimiter"));
}

/* Delimiters are tokens, not words: a list of one's own replaces the usual. */
static void delimiters_of_ones_own(void **state)
{
    struct raml_err err = {0};
    struct raml_roles_summary s;
    struct raml_roles_files_options opt = raml_roles_files_default();
    opt.delimiters = "+,;";
    opt.words = "1,waiting";
    must(run(*state, &of_words, &opt, &s, &err), &err);
    assert_int_equal(row(s.role, s.n_roles, "delimiter", RAML_TRACE_ALL)->n_units, 2);
    assert_int_equal(row(s.word, s.n_words, "1", RAML_TRACE_ALL)->n_units, 2);
    assert_int_equal(row(s.word, s.n_words, "waiting", RAML_TRACE_WRONG)->n_tokens, 7);
    raml_roles_summary_deinit(&s);
}

static bool count_down(void *left)
{
    return (*(int *)left)-- <= 0;
}

/* Asked to stop in the second batch's pass: the first batch is there. In the first's: nothing. */
static void stopped_in_a_pass(void **state)
{
    enum { N = 100, BATCH = 64 };
    struct raml_err err = {0};
    struct raml_roles_summary s;
    struct raml_roles_files_options opt = raml_roles_files_default();
    static struct raml_trajectory t[N];
    for (int i = 0; i < N; i++) t[i] = (struct raml_trajectory){.text = "wait", .correct = RAML_EQUAL};
    struct raml_question q = {
        .id = "many", .question = "q", .answer = "a", .difficulty = -1, .trajectory = t, .n_trajectories = N};
    const struct raml_questions qs = {.question = &q, .n = 1};
    const int layers = raml_model_config(f.model)->n_layers;
    int left = 0;
    const struct raml_sink sink = {.stop = count_down, .user = &left};
    struct raml_format format;
    must(raml_format_named("builtin", f.tokenizer, &format, &err), &err);
    const struct raml_roles_files_job job = {
        .model = f.model, .tokenizer = f.tokenizer, .format = format, .questions = &qs, .dir = *state, .sink = &sink};
    raml_model_heed(f.model, &sink);
    left = N + BATCH + layers + 1 + (N - BATCH) + 1; /* by the check, the first batch, the second's trajectories */
    must(raml_roles_files(&job, &opt, &s, &err), &err);
    assert_true(s.stopped);
    assert_int_equal(s.n_trajectories, BATCH);
    raml_roles_summary_deinit(&s);
    left = N + BATCH;
    assert_int_equal(raml_roles_files(&job, &opt, &s, &err), RAML_ESTOP);
    assert_string_equal(err.msg, "stopped before the first trajectory");
    raml_model_heed(f.model, NULL);
}

/* What is wrong leaves nothing; and the same bytes come from any batch. */
static void whole_or_nothing(void **state)
{
    struct raml_err err = {0};
    char path[4200], other[4200];
    struct raml_roles_summary s;
    struct raml_roles_files_options opt = raml_roles_files_default();
    opt.family = "none";
    assert_int_equal(run(*state, &of_words, &opt, &s, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "made.jsonl: no trajectory: 2 questions, 0 trajectories selected"));
    opt.family = NULL;
    opt.own = true;
    asked[0].trajectory[0].answer = NULL;
    err = (struct raml_err){0};
    must(run(*state, &of_words, &opt, &s, &err), &err);
    assert_int_equal(s.n_skipped, 1);
    asked[0].trajectory[0].answer = "3";
    raml_roles_summary_deinit(&s);
    opt.own = false;
    opt.max_batch_tokens = 120;
    must(run(in(*state, "a", path), &of_words, &opt, &s, &err), &err);
    raml_roles_summary_deinit(&s);
    opt.max_batch_tokens = 1 << 20;
    must(run(in(*state, "b", other), &of_words, &opt, &s, &err), &err);
    raml_roles_summary_deinit(&s);
    json_t *x = read_lines(path, "units.jsonl"), *y = read_lines(other, "units.jsonl");
    assert_int_equal(json_array_size(x), json_array_size(y));
    for (size_t i = 0; i < json_array_size(x); i++)
        CHECK_NEAR("another batch", json_number_value(get(json_array_get(x, i), "after")),
                   json_number_value(get(json_array_get(y, i), "after")), 1e-4);
    json_decref(x);
    json_decref(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_word_is_its_own_step_not_one_more, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(spaced_and_cased_forms_are_one_word, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(effects_are_beside_matched_windows, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(words_are_marks, enter_scratch, leave_scratch),
        cmocka_unit_test(losses_of_zero_are_steps_in_nats),
        cmocka_unit_test(a_loss_near_zero_decides_the_papers_mean),
        cmocka_unit_test(intervals_need_units),
        cmocka_unit_test_setup_teardown(lists_of_words, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(delimiters_of_ones_own, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(whole_or_nothing, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(stopped_in_a_pass, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
