/* test_prune_files.c - pruned trajectories as files: every kept text's loss against a trace of that text, what each method
 * keeps by its definition, means of the records, the leak test and the kept share at unchanged accuracy by hand. */
#include "core/scratch.h"
#include "study/lines_of.h"

#include "check_near.h"
#include "core/json.h"
#include "raml/device.h"
#include "study/prune_parts.h"

#include <math.h>

enum { CONTEXT = 220 };

static struct raml_trajectory first[] = {
    {.text = "1+2\nis\n\n3 or so\nso 3", .answer = "3", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "it is 4", .answer = "4", .correct = RAML_DIFFERENT, .think_closed = true},
    {.text = "", .answer = "3", .correct = RAML_EQUAL, .think_closed = true},
};
static struct raml_trajectory second[] = {
    {.text = "One. Two! Is it? Yes\nso it is\xc3\xa9.", .answer = "77", .correct = RAML_UNKNOWN, .think_closed = true},
};
static struct raml_question question[] = {
    {.id = "one",
     .question = "1+2",
     .answer = "3",
     .difficulty = -1,
     .trajectory = first,
     .n_trajectories = 3,
     .line = 1},
    {.id = "two",
     .question = "?",
     .answer = "77",
     .difficulty = -1,
     .trajectory = second,
     .n_trajectories = 1,
     .line = 2},
};
static const struct raml_questions questions = {.question = question, .n = 2};

static struct {
    struct raml_device *dev;
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
    struct raml_format format;
} f;

static int enter(void **state)
{
    struct raml_err err = {0};
    struct raml_config c;
    must(raml_device_open(2, "auto", &f.dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.max_positions = CONTEXT;
    must(raml_model_init(&c, 5, RAML_F32, RAML_INFERENCE, f.dev, &f.model, &err), &err);
    must(raml_tokenizer_bytes(&f.tokenizer, &err), &err);
    must(raml_format_named("builtin", f.tokenizer, &f.format, &err), &err);
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

static struct raml_prune_files_job job_of(const char *dir)
{
    return (struct raml_prune_files_job){.model = f.model,
                                         .tokenizer = f.tokenizer,
                                         .format = f.format,
                                         .questions = &questions,
                                         .data_name = "made.jsonl",
                                         .dir = dir};
}

static const json_t *get(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);
    if (!v) fail_msg("there is no field %s", key);
    return v;
}

static double num(const json_t *list, size_t i)
{
    assert_true(json_is_number(json_array_get(list, i)));
    return json_number_value(json_array_get(list, i));
}

static size_t whole(const json_t *x)
{
    assert_true(json_is_integer(x));
    return (size_t)json_integer_value(x);
}

static bool is(const json_t *set, const char *level, double value, const char *method)
{
    const json_t *v = get(set, "value");
    bool same = json_is_null(v) || fabs(json_number_value(v) - value) < 1e-9;
    return same && !strcmp(json_string_value(get(set, "level")), level) &&
           !strcmp(json_string_value(get(set, "method")), method);
}

static const json_t *find(const json_t *record, const char *level, double value, const char *method)
{
    const json_t *set;
    size_t i;
    json_array_foreach (get(record, "sets"), i, set)
        if (is(set, level, value, method)) return set;
    return NULL;
}

/* -- Every kept text, traced by itself ----------------------------------------------------------------------------- */

static double traced(const struct raml_question *q, const char *text)
{
    struct raml_trajectory t = {.text = text, .think_closed = true};
    struct raml_question alone = *q;
    struct raml_loss_curve curve = {0};
    struct raml_err err = {0};
    struct raml_tracer *tracer;
    const struct raml_trace_options opt = raml_trace_default();
    const struct raml_trace_source source = {.tokenizer = f.tokenizer, .format = f.format};
    alone.trajectory = &t;
    alone.n_trajectories = 1;
    must(raml_tracer_open(f.model, &opt, &tracer, &err), &err);
    must(raml_trace_run(tracer, &source, &alone, 0, &curve, &err), &err);
    double loss = curve.loss[curve.n_points - 1];
    raml_loss_curve_deinit(&curve);
    raml_tracer_close(tracer);
    return loss;
}

/* The text of a set: its steps, or the first tokens (bytes, with this tokenizer). */
static void text_of(const json_t *record, const json_t *set, const char *trajectory, char out[CONTEXT])
{
    const json_t *kept = get(set, "kept"), *step;
    size_t i;
    *out = 0;
    if (json_is_null(kept)) {
        snprintf(out, whole(get(set, "n_tokens")) + 1, "%s", trajectory);
        return;
    }
    json_array_foreach (kept, i, step)
        strcat(out, json_string_value(json_array_get(get(record, "steps"), whole(step))));
}

static void check_sets(const json_t *record, const struct raml_question *q, size_t *n_sets)
{
    const char *trajectory = q->trajectory[whole(get(record, "sample"))].text;
    const json_t *set;
    size_t i;
    json_array_foreach (get(record, "sets"), i, set) {
        char text[CONTEXT];
        text_of(record, set, trajectory, text);
        assert_int_equal(whole(get(set, "n_tokens")), strlen(text));
        CHECK_NEAR("loss of a kept text", json_number_value(get(set, "loss")), traced(q, text), 1e-6);
        ++*n_sets;
    }
}

/* The level's own method by definition, from the record's numbers. */
static void check_greedy(const json_t *record)
{
    const json_t *L = get(record, "L"), *rounds = get(record, "rounds"), *round;
    size_t n = json_array_size(get(record, "steps")), r;
    double full = num(L, n);
    bool kept[CONTEXT];
    for (size_t s = 0; s < n; s++) kept[s] = true;
    assert_int_equal(json_array_size(rounds), n); /* shares ask for the whole path */
    json_array_foreach (rounds, r, round) {
        const json_t *candidates = get(round, "candidates");
        size_t removed = whole(get(round, "removed")), place = 0;
        assert_int_equal(json_array_size(candidates), n - r);
        for (size_t s = 0; s < removed; s++) place += kept[s];
        for (size_t k = 0; k < n - r; k++) assert_true(num(candidates, k) >= num(candidates, place));
        CHECK_NEAR("loss of a round", json_number_value(get(round, "loss")), num(candidates, place), 0);
        kept[removed] = false;
    }
    static const double slack[] = {0, 0.01, 0.05, 0.1, 0.2, 0.5, 1};
    for (size_t i = 0; i < COUNT(slack); i++) {
        const json_t *set = find(record, "slack", slack[i], "greedy");
        size_t accepted = 0;
        while (accepted < n && json_number_value(get(json_array_get(rounds, accepted), "loss")) <= full + slack[i])
            accepted++;
        assert_int_equal(json_array_size(get(set, "kept")), n - accepted);
        assert_true(json_number_value(get(set, "loss")) <= full + slack[i] + 1e-6);
    }
}

static void check_as_many(const json_t *record)
{
    const json_t *at = get(record, "at"), *set;
    size_t n = json_array_size(at) - 1, T = whole(json_array_get(at, n)), longest = 0, i;
    for (size_t s = 0; s < n; s++) {
        size_t step = whole(json_array_get(at, s + 1)) - whole(json_array_get(at, s));
        if (step > longest) longest = step;
    }
    json_array_foreach (get(record, "sets"), i, set) {
        const char *level = json_string_value(get(set, "level")), *method = json_string_value(get(set, "method"));
        double value = json_number_value(get(set, "value")), off;
        if (!strcmp(method, "given") || !strcmp(method, "best")) continue;
        const json_t *own = find(record, level, value, strcmp(level, "epsilon") ? "greedy" : "descent");
        double wanted = strcmp(level, "share") ? (double)whole(get(own, "n_tokens")) : floor(value * (double)T + 0.5);
        off = fabs((double)whole(get(set, "n_tokens")) - wanted);
        if (!strcmp(method, "budget")) CHECK_NEAR("a budget", off, 0, 0);
        else if (strcmp(method, "greedy") != 0) assert_true(off <= (double)longest); /* as near as whole steps come */
    }
}

static void check_descent(const json_t *record)
{
    const json_t *set = find(record, "epsilon", 0, "descent"), *delta = get(record, "delta");
    size_t n = json_array_size(delta), k = 0;
    for (size_t s = 0; s < n; s++) {
        CHECK_NEAR("delta", num(delta, s), num(get(record, "L"), s + 1) - num(get(record, "L"), s), 1e-6);
        if (num(delta, s) < 0) assert_int_equal(whole(json_array_get(get(set, "kept"), k++)), s);
    }
    assert_int_equal(json_array_size(get(set, "kept")), k);
}

static void records(void **state)
{
    struct raml_err err = {0};
    struct raml_prune_summary sum;
    struct raml_prune_files_options opt = raml_prune_files_default();
    const struct raml_prune_files_job job = job_of(*state);
    opt.all_subsets = 5;
    opt.max_answer_tokens = 4;
    opt.n_draws = 50;
    opt.steps = "sentence";
    must(raml_prune_files(&job, &opt, &sum, &err), &err);
    assert_int_equal(sum.n_trajectories, 2);
    assert_int_equal(sum.n_wrong, 1);
    assert_int_equal(sum.n_skipped, 1); /* the empty one */
    assert_int_equal(sum.n_steps, 4 + 5);
    assert_true(sum.n_read < sum.n_alone);
    json_t *list = lines_of(*state, "prune.jsonl");
    const json_t *record;
    size_t i, n_sets = 0;
    json_array_foreach (list, i, record) {
        assert_int_equal(whole(get(record, "number")), i + 1);
        assert_string_equal(json_string_value(get(record, "id")), question[i].id);
        check_sets(record, &question[i], &n_sets);
        check_greedy(record);
        check_as_many(record);
        check_descent(record);
        assert_true(json_is_true(get(record, "subsets")));
        const json_t *best = find(record, "slack", 0.1, "best"), *greedy = find(record, "slack", 0.1, "greedy");
        assert_true(whole(get(best, "n_tokens")) <= whole(get(greedy, "n_tokens")));
    }
    assert_int_equal(i, 2);
    assert_true(n_sets > 250);
    double mean = 0; /* a cell of the summary is the mean of the records */
    json_array_foreach (list, i, record)
        mean += json_number_value(get(find(record, "share", 0.5, "descent"), "loss")) / 2;
    for (size_t k = 0; k < sum.n_rows; k++) {
        const struct raml_prune_row *r = &sum.row[k];
        if (r->level.kind == RAML_PRUNE_SHARE && r->method == RAML_PRUNE_DESCENT && fabs(r->level.value - 0.5) < 1e-9)
            CHECK_NEAR("mean", r->measure[RAML_PRUNE_LOSS].value, mean, 1e-6);
    }
    double random = 0; /* first over draws */
    size_t n_random = 0;
    json_array_foreach (list, i, record) {
        const json_t *set;
        size_t j;
        json_array_foreach (get(record, "sets"), j, set) {
            if (!is(set, "share", 0.5, "random")) continue;
            random += json_number_value(get(set, "loss")) / 8;
            n_random++;
        }
    }
    assert_int_equal(n_random, 8);
    for (size_t k = 0; k < sum.n_rows; k++) {
        const struct raml_prune_row *r = &sum.row[k];
        if (r->level.kind == RAML_PRUNE_SHARE && r->method == RAML_PRUNE_RANDOM && fabs(r->level.value - 0.5) < 1e-9)
            CHECK_NEAR("mean of draws", r->measure[RAML_PRUNE_LOSS].value, random, 1e-6);
    }
    json_decref(list);
    raml_prune_summary_deinit(&sum);
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

/* Steps of single bytes take a character apart: the rows are UTF-8 all the same. */
static void rows(void **state)
{
    struct raml_err err = {0};
    struct raml_prune_summary sum;
    struct raml_prune_files_options opt = raml_prune_files_default();
    const struct raml_prune_files_job job = job_of(*state);
    const struct raml_prune_level share = {RAML_PRUNE_SHARE, 0.95};
    const struct raml_read_options read = {.map = NULL};
    struct raml_questions written;
    char path[4200];
    opt.steps = "token";
    opt.stride = 1;
    opt.max_steps = 0;
    opt.level = &share;
    opt.n_levels = 1;
    opt.write = share;
    opt.write_wrong = opt.keep_wrong = true;
    opt.n_answers = 0;
    must(raml_prune_files(&job, &opt, &sum, &err), &err);
    assert_int_equal(sum.n_written, 3);
    raml_prune_summary_deinit(&sum);
    json_t *list = lines_of(*state, "prune.jsonl"), *record;
    raml_questions_init(&written);
    must(raml_questions_read(&written, in(*state, "pruned.jsonl", path), &read, NULL, NULL, &err), &err);
    assert_int_equal(written.n, 2);
    size_t i, k[2] = {0};
    json_array_foreach (list, i, record) {
        size_t q = strcmp(json_string_value(get(record, "id")), "one") != 0;
        const json_t *set = find(record, "share", 0.95, "greedy"), *step;
        const char *text = written.question[q].trajectory[k[q]++].text;
        size_t j, n = 0;
        for (const char *c = text; *c; c++) n += ((unsigned char)*c & 0xc0) != 0x80; /* characters */
        json_array_foreach (get(set, "kept"), j, step) {
            const char *piece = json_string_value(json_array_get(get(record, "steps"), whole(step)));
            if ((unsigned char)*piece < 0x80) assert_non_null(strchr(text, *piece));
        }
        assert_true(n <= j && n + 1 >= j); /* two bytes are one character, or each is its own */
    }
    assert_int_equal(i, 3);
    json_decref(list);
    raml_questions_deinit(&written);
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

static void steps(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        size_t stride, most, n, at[12];
    } cases[] = {{"line", 1, 0, 4, {0, 4, 8, 16, 20}}, {"paragraph", 1, 0, 2, {0, 8, 20}},
                 {"token", 7, 0, 3, {0, 7, 14, 20}},   {"token", 20, 0, 1, {0, 20}},
                 {"token", 4, 3, 3, {0, 8, 16, 20}},   {"token", 5, 1, 1, {0, 20}},
                 {"sentence", 1, 3, 3, {0, 8, 16, 20}}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_prune_plan p;
        struct raml_prune_item it = {0};
        struct raml_prune_files_options opt = raml_prune_files_default();
        const struct raml_prune_files_job job = job_of(NULL);
        opt.steps = cases[i].steps;
        opt.stride = cases[i].stride;
        opt.max_steps = cases[i].most;
        must(raml_prune_plan_init(&p, &job, &opt, &err), &err);
        must(raml_prune_item_fill(&p, 0, 0, &it, &err), &err);
        assert_int_equal(it.n, cases[i].n);
        for (size_t k = 0; k <= cases[i].n; k++)
            if (it.at.at[k] != cases[i].at[k])
                fail_msg("%s, %zu: border %zu is %u, expected %zu", cases[i].steps, i, k, (unsigned)it.at.at[k],
                         cases[i].at[k]);
        raml_prune_item_deinit(&it);
        raml_prune_plan_deinit(&p);
    }
}

/* -- The kept share at unchanged accuracy, by hand ----------------------------------------------------------------- */

static void add(struct raml_clustered *c, size_t cluster, double value)
{
    struct raml_err err = {0};
    must(raml_clustered_add(c, cluster, value, &err), &err);
}

static void unchanged(void **state)
{
    (void)state;
    enum { N = 4, POINTS = 4 };
    struct raml_err err = {0};
    struct raml_clustered share[POINTS] = {0}, accuracy[POINTS] = {0}, worse[POINTS] = {0};
    const double x[POINTS] = {1, 0.8, 0.5, 0.2};
    struct raml_prune_curve a = {.n = POINTS}, b = {.n = POINTS};
    for (size_t k = 0; k < POINTS; k++) {
        for (size_t q = 0; q < N; q++) {
            add(&share[k], q, x[k]);
            add(&accuracy[k], q, k < 3 ? 1 : q == 0); /* 1 1 1 0.25 */
            add(&worse[k], q,
                k == 2  ? 1
                : k < 2 ? k == 0 || q < 2
                        : 0); /* 1 0.5 1 0: only up to the first fall counts */
        }
        a.share[k] = b.share[k] = &share[k];
        a.accuracy[k] = &accuracy[k];
        b.accuracy[k] = &worse[k];
    }
    struct raml_estimate e;
    must(raml_prune_unchanged(&a, NULL, 0.03, 1, 200, &e, &err), &err);
    CHECK_NEAR("share", e.value, 0.5 - 0.3 * 0.03 / 0.75, 1e-9);
    assert_int_equal(e.n, N);
    assert_true(e.low <= e.value && e.value <= e.high && e.high <= 0.5 && e.low >= 0.2);
    must(raml_prune_unchanged(&b, NULL, 0.03, 1, 200, &e, &err), &err);
    CHECK_NEAR("share of the worse", e.value, 1 - 0.2 * 0.03 / 0.5, 1e-9);
    must(raml_prune_unchanged(&a, &b, 0.03, 1, 200, &e, &err), &err);
    CHECK_NEAR("difference", e.value, 0.5 - 0.3 * 0.03 / 0.75 - (1 - 0.2 * 0.03 / 0.5), 1e-9);
    must(raml_prune_unchanged(&a, NULL, 1, 1, 200, &e, &err), &err);
    CHECK_NEAR("everything is tolerated", e.value, 0.2, 1e-9);
    for (size_t k = 0; k < POINTS; k++) {
        raml_clustered_deinit(&share[k]);
        raml_clustered_deinit(&accuracy[k]);
        raml_clustered_deinit(&worse[k]);
    }
}

/* -- The leak test and what a trajectory needs, from made losses ---------------------------------------------------- */

static struct raml_prune_summary made(void *state, double gain, bool both)
{
    struct raml_err err = {0};
    char path[4200];
    const char *text =
        both ? "{\"id\":\"one\",\"summary\":\"One step. It is 3!\\nTwo\"}\n{\"id\":\"two\",\"summary\":\"77!\"}\n"
             : "{\"id\":\"one\",\"summary\":\"One step. It is 3!\\nTwo\"}\n{\"id\":\"two\",\"answer\":\"77\","
               "\"trajectories\":[{\"text\":\"177 or 770\"},{\"text\":\"77\"}]}\n"; /* a question's line: its first */
    const struct raml_prune_level share[] = {{RAML_PRUNE_SHARE, 0.2}, {RAML_PRUNE_SHARE, 0.5}, {RAML_PRUNE_SHARE, 0.9}};
    const struct raml_prune_files_job job = job_of(state);
    struct raml_prune_files_options opt = raml_prune_files_default();
    struct raml_prune_plan p;
    struct raml_prune_stats s;
    struct raml_prune_summary sum = {.row = NULL};
    must(raml_file_write(in(state, "summaries.jsonl", path), text, strlen(text), &err), &err);
    opt.summaries = path;
    opt.level = share;
    opt.n_levels = 3;
    must(raml_prune_plan_init(&p, &job, &opt, &err), &err);
    must(raml_prune_stats_init(&s, p.n_levels, &err), &err);
    for (size_t q = 0; q < 2; q++) {
        struct raml_prune_item it = {0};
        must(raml_prune_item_fill(&p, q, 0, &it, &err), &err);
        must(raml_prune_losses(&p, &it, 1, &err), &err);
        for (size_t k = 0; k < it.n_sets; k++) {
            it.set[k].loss = 2;
            size_t n = 10 * it.set[k].n, T = it.text.trajectory.n;
            it.set[k].right = q ? n >= 9 * T || n < 3 * T : n >= 4 * T; /* the least counts only up to the first fall */
        }
        assert_int_equal(it.n_others, 1);
        it.set[it.leak_own].loss = 2 - gain - 0.1 * (double)q;
        assert_true((it.leak_own == it.leak_without) == (q == 1 && !both));
        if (q == 0) assert_int_equal(it.set[it.leak_without].n, strlen("One step.\nTwo"));
        must(raml_prune_stats_add(&s, &p, &it, &err), &err);
        raml_prune_item_deinit(&it);
    }
    must(raml_prune_stats_read(&s, &p, &sum, &err), &err);
    raml_prune_stats_deinit(&s);
    raml_prune_plan_deinit(&p);
    return sum;
}

static void leaks(void **state)
{
    struct raml_prune_summary sum = made(*state, 0.5, false);
    assert_int_equal(sum.leak.n, 2);
    assert_int_equal(sum.leak.n_states, 1); /* 177 and 770 do not hold 77 */
    assert_true(sum.leak.tells);
    assert_false(sum.leak.leaks); /* one of two gives nothing away */
    CHECK_NEAR("nothing", sum.leak.nothing.value, 2, 1e-9);
    CHECK_NEAR("others - own", sum.leak.others_less.value, 0.55, 1e-9);
    CHECK_NEAR("low", sum.leak.others_less.low, 0.5, 1e-9);
    CHECK_NEAR("without - own", sum.leak.without_less.value, 0.25, 1e-9);
    CHECK_NEAR("needed", sum.needed[RAML_PRUNE_BUDGET].value, (10.0 / 20 + 29.0 / 32) / 2, 1e-9);
    raml_prune_summary_deinit(&sum);
    sum = made(*state, 0.5, true);
    assert_int_equal(sum.leak.n_states, 2);
    assert_true(sum.leak.tells && sum.leak.leaks);
    CHECK_NEAR("without - own", sum.leak.without_less.value, 0.55, 1e-9);
    raml_prune_summary_deinit(&sum);
    sum = made(*state, -0.05, true); /* one is likelier, one is not */
    assert_false(sum.leak.tells || sum.leak.leaks);
    raml_prune_summary_deinit(&sum);
}

/* Others are of questions with another answer, and fit the context. */
static void others(void **state)
{
    struct raml_err err = {0};
    char path[4200], text[2 * CONTEXT];
    struct raml_question same[2] = {question[0], question[1]};
    const struct raml_questions set = {.question = same, .n = 2};
    struct raml_prune_files_job job = job_of(*state);
    struct raml_prune_files_options opt = raml_prune_files_default();
    same[1].question = "1";
    for (int variant = 0; variant < 3; variant++) {
        struct raml_prune_plan p;
        struct raml_prune_item it = {0};
        /* one's prompt is two bytes longer, so that what just fits two does not fit it */
        int n = variant == 2 ? CONTEXT - 2 - 1 - 1 - 2 : 5;
        same[1].answer = variant == 1 ? "3" : "77";
        snprintf(text, sizeof text, "{\"id\":\"one\",\"summary\":\"a\"}\n{\"id\":\"two\",\"summary\":\"%0*d\"}\n", n,
                 0);
        must(raml_file_write(in(*state, "summaries.jsonl", path), text, strlen(text), &err), &err);
        opt.summaries = path;
        job.questions = &set;
        must(raml_prune_plan_init(&p, &job, &opt, &err), &err);
        must(raml_prune_item_fill(&p, 1, 0, &it, &err), &err);
        must(raml_prune_item_fill(&p, 0, 0, &it, &err), &err);
        must(raml_prune_losses(&p, &it, 1, &err), &err);
        assert_int_equal(it.n_others, variant == 0);
        raml_prune_item_deinit(&it);
        raml_prune_plan_deinit(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(records, enter_scratch, leave_scratch),
                                       cmocka_unit_test_setup_teardown(rows, enter_scratch, leave_scratch),
                                       cmocka_unit_test(steps),
                                       cmocka_unit_test(unchanged),
                                       cmocka_unit_test_setup_teardown(leaks, enter_scratch, leave_scratch),
                                       cmocka_unit_test_setup_teardown(others, enter_scratch, leave_scratch)};
    return cmocka_run_group_tests(tests, enter, leave);
}
