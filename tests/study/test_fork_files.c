/* test_fork_files.c - forks of trajectories as files. With a generator whose answers are known: effects that were
 * planted are found, and a word without any has none; the table is the mean of the lines. With the real one: every
 * continuation is what its text alone gives. Faults leave nothing. */
#include "study/fork_rig.h"

/* -- A generator whose answers are known --------------------------------------------------------------------------- */

static bool holds(const struct raml_generate_job *job, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= job->n_text; i++) {
        size_t k = 0;
        while (k < n && job->text[i + k] == (unsigned char)word[k]) k++;
        if (k == n) return true;
    }
    return false;
}

/* Trajectory tokens in the text: what follows <think> (258), without what was put in. */
static size_t kept(const struct raml_generate_job *job, size_t n_put)
{
    size_t i = 0;
    while (job->text[i] != 258) i++;
    return job->n_text - i - 1 - n_put;
}

/* How likely the right answer is. Before the critical position a question has its own share; "wait" adds 0.2, a fork
 * from the end on gives the answer of the trajectory itself. */
static double chance(const struct raml_generate_job *job)
{
    bool wait = holds(job, "wait"), put = wait || holds(job, "noop") || holds(job, "even") || holds(job, "odds");
    double own = 0.2 + 0.05 * (double)(job->text[9] % 10); /* a digit of the question */
    if (kept(job, put ? 4 : 0) >= CRITICAL) return 1;
    return own + (wait ? 0.2 : 0);
}

static enum raml_code planted(const struct raml_model *m, const struct raml_generate_options *opt,
                              const struct raml_generate_job *job, size_t n_jobs,
                              const struct raml_generate_guide *guide, struct raml_generate_stats *stats,
                              const struct raml_sink *sink, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    (void)m;
    for (size_t i = 0; !rc && i < n_jobs; i++) {
        const struct raml_key key = {opt->seed, RAML_FOR_TEST, job[i].question, job[i].sample, job[i].round};
        bool closed = job[i].text[job[i].n_text - 1] == CLOSE;
        double u = raml_uniform(&key, holds(&job[i], "noop")   ? 1
                                      : holds(&job[i], "even") ? 2
                                      : holds(&job[i], "odds") ? 3
                                                               : 0);
        const char *answer = u < chance(&job[i]) ? "42" : "17";
        struct raml_generated g = {.token = malloc(8 * sizeof(int32_t)), .ended = true};
        assert_non_null(g.token);
        if (!closed) g.token[g.n++] = CLOSE;
        for (size_t k = 0; k < 2; k++) g.token[g.n++] = answer[k];
        g.token[g.n++] = END;
        stats->text_tokens += job[i].n_text;
        stats->tokens += g.n;
        rc = raml_should_stop(sink) ? raml_fail(err, RAML_ESTOP, "stopped") : guide->done(guide->user, i, &g, err);
        free(g.token);
    }
    return rc;
}

static const struct raml_estimate *effect(const struct raml_fork_summary *s, const char *edit, const char *word,
                                          const char *position, const char *measure)
{
    const struct raml_fork_row *r = raml_fork_row_find(s, edit, word, "all", position, measure);
    if (!r) fail_msg("no row %s %s %s %s", edit, word, position, measure);
    return &r->e;
}

static void covers(const char *what, const struct raml_estimate *e, double truth)
{
    if (!(e->low <= truth && truth <= e->high && e->high - e->low < 0.15))
        fail_msg("%s: %.4f [%.4f, %.4f], planted %.4f", what, e->value, e->low, e->high, truth);
}

static void file_has(const char *file, const char *text)
{
    char path[PATH_BYTES];
    struct raml_err err = {0};
    struct raml_buf b;
    snprintf(path, sizeof path, "%s/%s", f.dir, file);
    raml_buf_init(&b, 1 << 24);
    CHECK_OK(raml_file_read(path, &b, &err));
    raml_buf_add(&b, "", 1);
    if (!strstr(b.data, text)) fail_msg("%s: no '%s' in %.400s", file, text, b.data);
    raml_buf_deinit(&b);
}

/* What the matched windows are compared with is no place. */
static void windows_leave_the_critical_position(void **state)
{
    (void)state;
    static const uint32_t at[] = {0, 8};
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(4);
    struct raml_fork_files_options o = options();
    o.places = NULL;
    o.at = at;
    o.n_at = COUNT(at);
    for (size_t i = 0; i < 2; i++) {
        o.n_windows = i ? 8 : 0;
        CHECK_OK(raml_fork_files_by(&job, &o, planted, &s, &err));
        assert_int_equal(s.n_critical[1], 4);
        CHECK_NEAR("critical position", s.critical_mean[1], 8.0 / T, 1e-12);
        assert_true((raml_fork_row_find(&s, "window", "", "all", "all", "carried") != NULL) == (i > 0));
        raml_fork_summary_deinit(&s);
    }
}

/* 2 questions of 5 places: values, but no intervals. */
static void few_values_have_no_interval(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(2);
    const struct raml_fork_files_options o = options();
    CHECK_OK(raml_fork_files_by(&job, &o, planted, &s, &err));
    for (size_t i = 0; i < s.n_rows; i++) {
        assert_true(s.row[i].few);
        assert_true(isnan(s.row[i].e.low) && isnan(s.row[i].e.high));
    }
    assert_true(isnan(s.order.spearman.low));
    raml_fork_summary_deinit(&s);
}

/* Control words in the same unit's place are taken off. */
static void replacing_has_controls(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(N_QUESTIONS);
    struct raml_fork_files_options o = options();
    o.insert = NULL;
    o.replace = "wait|noop";
    CHECK_OK(raml_fork_files_by(&job, &o, planted, &s, &err));
    const char *const before = "before resampled";
    covers("wait in a unit's place", effect(&s, "replace", "wait", before, "accuracy_change - control"), 0.2);
    covers("a word without effect", effect(&s, "replace", "noop", before, "accuracy_change - control"), 0);
    static const char *const measure[] = {"now", "carried", "accuracy_change"};
    for (size_t i = 0; i < COUNT(measure); i++) {
        char less[64];
        snprintf(less, sizeof less, "%s - control", measure[i]);
        double control = (effect(&s, "replace_control", "even", "all", measure[i])->value +
                          effect(&s, "replace_control", "odds", "all", measure[i])->value) /
                         2;
        CHECK_NEAR(measure[i], effect(&s, "replace", "wait", "all", less)->value,
                   effect(&s, "replace", "wait", "all", measure[i])->value - control, 1e-9);
    }
    raml_fork_summary_deinit(&s);
}

static void planted_effects(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(N_QUESTIONS);
    const struct raml_fork_files_options o = options();
    static const char before[] = "before resampled", after[] = "after resampled";
    CHECK_OK(raml_fork_files_by(&job, &o, planted, &s, &err));
    assert_int_equal(s.n_trajectories, N_QUESTIONS);
    assert_int_equal(s.n_places, 5 * N_QUESTIONS);
    assert_int_equal(s.n_critical[1], N_QUESTIONS);
    CHECK_NEAR("critical position", s.critical_mean[1], (double)CRITICAL / T, 1e-12);
    covers("wait, before", effect(&s, "insert", "wait", before, "accuracy_change"), 0.2);
    covers("wait, before, less control", effect(&s, "insert", "wait", before, "accuracy_change - control"), 0.2);
    covers("a word without effect", effect(&s, "insert", "noop", before, "accuracy_change"), 0);
    covers("and less control", effect(&s, "insert", "noop", before, "accuracy_change - control"), 0);
    assert_true(effect(&s, "insert", "wait", before, "accuracy_change")->low > 0);
    CHECK_NEAR("wait, after", effect(&s, "insert", "wait", after, "accuracy_change")->value, 0, 0);
    /* figures part the places by the same critical position, and name it */
    static const char *const figure[] = {"fork_accuracy.tsv", "fork_kl.tsv", "fork_now.tsv", "fork_carried.tsv"};
    for (size_t i = 0; i < COUNT(figure); i++) {
        file_has(figure[i], "before the resampled critical position (40 questions)");
        file_has(figure[i], "after the resampled critical position (40 questions)");
    }
    file_has("effects.tsv", "insert\twait\tbefore\tresampled\t80\t40\t");
    /* the unit up to the critical position decides; a paired one before it does not */
    assert_true(effect(&s, "delete", "", before, "accuracy_change")->low < 0);
    raml_fork_summary_deinit(&s);
}

/* -- The table is the mean of the lines ---------------------------------------------------------------------------- */

static double share(const json_t *line, const json_t *edit, const char *which)
{
    const json_t *fork = json_array_get(json_object_get(line, "forks"), (size_t)number(edit, which));
    return number(fork, "correct") / number(fork, "n");
}

static bool is_edit(const json_t *edit, const char *kind, const char *word)
{
    const char *w = json_string_value(json_object_get(edit, "word"));
    return !strcmp(json_string_value(json_object_get(edit, "edit")), kind) && (!word || !strcmp(w ? w : "", word));
}

/* The mean change of accuracy by edits of a kind at a place; NaN: none. */
static double change(const json_t *line, const json_t *place, const char *kind, const char *word)
{
    double sum = 0, n = 0;
    size_t k;
    const json_t *edit;
    json_array_foreach (json_object_get(place, "edits"), k, edit)
        if (is_edit(edit, kind, word)) {
            sum += share(line, edit, "fork") - share(line, edit, "unedited");
            n++;
        }
    return n > 0 ? sum / n : NAN;
}

struct sums { /* over places */
    double accuracy, carried, less;
    size_t n, n_less;
};

static void add_line(const json_t *line, const char *kind, const char *word, const char *control, struct sums *s)
{
    size_t i, k;
    const json_t *place, *edit;
    json_array_foreach (json_object_get(line, "places"), i, place) {
        double own = change(line, place, kind, word), less = own - change(line, place, control, NULL);
        json_array_foreach (json_object_get(place, "edits"), k, edit)
            if (is_edit(edit, kind, word)) s->carried += number(edit, "carried");
        if (isnan(own)) continue;
        s->accuracy += own;
        s->n++;
        if (isnan(less)) continue;
        s->less += less;
        s->n_less++;
    }
}

/* L at the end of another text in the trajectory's place. */
static double loss_of(size_t i, const char *text)
{
    struct raml_err err = {0};
    struct raml_trajectory t = trajectory[i];
    struct raml_question q = question[i];
    struct raml_tracer *tracer;
    struct raml_loss_curve c = {0};
    const struct raml_trace_options opt = raml_trace_default();
    const struct raml_trace_source src = {.tokenizer = f.tokenizer, .format = raml_format_default()};
    t.text = text;
    q.trajectory = &t;
    CHECK_OK(raml_tracer_open(f.model, &opt, &tracer, &err));
    CHECK_OK(raml_trace_run(tracer, &src, &q, 0, &c, &err));
    double loss = c.loss[c.n_points - 1];
    raml_loss_curve_deinit(&c);
    raml_tracer_close(tracer);
    return loss;
}

/* At the second place, after "aa\n": the losses of edited texts, traced by themselves, less those of the unedited. */
static void check_losses(const json_t *line, size_t i)
{
    const json_t *place = json_array_get(json_object_get(line, "places"), 1), *edit;
    double end = loss_of(i, "aa\nbb\ncc\ndd\n"), kept_ = loss_of(i, "aa\n"), unit = loss_of(i, "aa\nbb\n");
    size_t k, found = 0;
    json_array_foreach (json_object_get(place, "edits"), k, edit) {
        if (is_edit(edit, "insert", "wait")) {
            CHECK_NEAR("insert, now", number(edit, "now"), loss_of(i, "aa\nwait") - kept_, 3e-5);
            CHECK_NEAR("insert, carried", number(edit, "carried"), loss_of(i, "aa\nwait bb\ncc\ndd\n") - end, 3e-5);
            found++;
        } else if (is_edit(edit, "delete", "")) {
            CHECK_NEAR("delete, now", number(edit, "now"), kept_ - unit, 3e-5);
            CHECK_NEAR("delete, carried", number(edit, "carried"), loss_of(i, "aa\ncc\ndd\n") - end, 3e-5);
            found++;
        } else if (is_edit(edit, "end", "")) {
            assert_true(json_is_null(json_object_get(edit, "now")));
            found++;
        }
    }
    assert_int_equal(found, 3);
}

static void check_counts(const json_t *line)
{
    size_t i, answers = json_array_size(json_object_get(line, "answers"));
    const json_t *fork;
    json_array_foreach (json_object_get(line, "forks"), i, fork) {
        const json_t *count = json_object_get(fork, "count");
        double sum = 0;
        assert_int_equal(json_array_size(count), answers + 1);
        for (size_t k = 0; k <= answers; k++) sum += json_number_value(json_array_get(count, k));
        CHECK_NEAR("counted answers", sum, N, 0);
    }
}

static void table_is_mean_of_lines(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(6);
    const struct raml_fork_files_options o = options();
    char path[PATH_BYTES];
    struct raml_lines lines;
    bool more;
    struct sums insert = {0}, taken_out = {0};
    CHECK_OK(raml_fork_files_by(&job, &o, planted, &s, &err));
    snprintf(path, sizeof path, "%s/fork.jsonl", f.dir);
    CHECK_OK(raml_lines_init(&lines, path, 1 << 24, &err));
    while (!raml_lines_next(&lines, &more, &err) && more) {
        const struct raml_place at = {path, lines.number};
        json_t *line;
        CHECK_OK(raml_json_parse(&at, lines.line.data, lines.line.len, &line, &err));
        add_line(line, "insert", "wait", "control", &insert);
        add_line(line, "delete", "", "window", &taken_out);
        check_counts(line);
        check_losses(line, lines.number - 1);
        assert_int_equal(json_array_size(json_object_get(line, "L")), T + 1);
        json_decref(line);
    }
    raml_lines_deinit(&lines);
    assert_int_equal(insert.n, 6 * 5);
    assert_int_equal(taken_out.n, 6 * 4);
    assert_true(taken_out.n_less > 0);
    CHECK_NEAR("insert", effect(&s, "insert", "wait", "all", "accuracy_change")->value, insert.accuracy / 30, 1e-9);
    CHECK_NEAR("insert", effect(&s, "insert", "wait", "all", "carried")->value, insert.carried / 30, 1e-7);
    CHECK_NEAR("insert, less control", effect(&s, "insert", "wait", "all", "accuracy_change - control")->value,
               insert.less / (double)insert.n_less, 1e-9);
    CHECK_NEAR("delete", effect(&s, "delete", "", "all", "accuracy_change")->value, taken_out.accuracy / 24, 1e-9);
    CHECK_NEAR("delete", effect(&s, "delete", "", "all", "carried")->value, taken_out.carried / 24, 1e-7);
    CHECK_NEAR("delete, less windows", effect(&s, "delete", "", "all", "accuracy_change - control")->value,
               taken_out.less / (double)taken_out.n_less, 1e-9);
    raml_fork_summary_deinit(&s);
}

/* -- Continuations are those of their text alone ------------------------------------------------------------------- */

struct written {
    int32_t *token;
    size_t n;
};
static struct written shared[MAX_JOBS], single[MAX_JOBS];
static const struct raml_generate_guide *inner;

static enum raml_code keep_shared(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    shared[job] = (struct written){malloc((g->n + 1) * sizeof *g->token), g->n};
    assert_non_null(shared[job].token);
    memcpy(shared[job].token, g->token, g->n * sizeof *g->token);
    return inner->done(user, job, g, err);
}

static enum raml_code keep_single(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    struct written *to = user;
    (void)job;
    (void)err;
    *to = (struct written){g->token, g->n};
    g->token = NULL;
    g->n = g->cap = 0;
    return RAML_OK;
}

static enum raml_code both(const struct raml_model *m, const struct raml_generate_options *opt,
                           const struct raml_generate_job *job, size_t n_jobs, const struct raml_generate_guide *guide,
                           struct raml_generate_stats *stats, const struct raml_sink *sink, struct raml_err *err)
{
    struct raml_generate_guide g = *guide;
    assert_in_range(n_jobs, 1, MAX_JOBS);
    inner = guide;
    g.done = keep_shared;
    enum raml_code rc = raml_generate(m, opt, job, n_jobs, &g, stats, sink, err);
    for (size_t i = 0; !rc && i < n_jobs; i += 7) {
        struct raml_generate_guide own = {.user = &single[i], .done = keep_single};
        rc = raml_generate(m, opt, &job[i], 1, &own, NULL, sink, err);
        if (rc) break;
        assert_int_equal(single[i].n, shared[i].n);
        assert_memory_equal(single[i].token, shared[i].token, single[i].n * sizeof *single[i].token);
        free(single[i].token);
    }
    for (size_t i = 0; i < n_jobs; i++) free(shared[i].token);
    return rc;
}

static void continuations_alone(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(2);
    struct raml_fork_files_options o = options();
    o.max_completion_length = 12;
    o.n = 3;
    for (int greedy = 0; greedy < 2; greedy++) {
        o.temperature = greedy ? 0 : 1;
        CHECK_OK(raml_fork_files_by(&job, &o, both, &s, &err));
        assert_true(s.n_prompt_tokens > 0 && s.n_prompt_tokens < s.n_fork_prompts);
        assert_int_equal(s.n_own_prompts, 3 * s.n_fork_prompts);
        raml_fork_summary_deinit(&s);
    }
}

static uint64_t seen[64];
static size_t n_seen;

/* Forks of a place read the same streams, those of other places and trajectories others. */
static enum raml_code streams(const struct raml_model *m, const struct raml_generate_options *opt,
                              const struct raml_generate_job *job, size_t n_jobs,
                              const struct raml_generate_guide *guide, struct raml_generate_stats *stats,
                              const struct raml_sink *sink, struct raml_err *err)
{
    uint64_t last = 0;
    for (size_t i = 0; i < n_jobs; i++) {
        assert_int_equal(job[i].sample, i % N);
        assert_int_equal(job[i].group, job[0].group);
        if (i && job[i].question == last) continue;
        for (size_t k = 0; k < n_seen; k++) assert_true(seen[k] != job[i].question);
        assert_true(n_seen < COUNT(seen));
        seen[n_seen++] = last = job[i].question;
    }
    return planted(m, opt, job, n_jobs, guide, stats, sink, err);
}

static void random_numbers(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(2);
    struct raml_fork_files_options o = options();
    o.n_windows = 0;
    CHECK_OK(raml_fork_files_by(&job, &o, streams, &s, &err));
    assert_int_equal(s.n_forks, 2 * 5 * 6); /* unedited, end, two words, two controls */
    assert_int_equal(n_seen, 2 * 5);
    raml_fork_summary_deinit(&s);
}

/* -- Stopping and faults ------------------------------------------------------------------------------------------- */

static bool stop_later(void *user)
{
    int *left = user;
    return (*left)-- <= 0;
}

static size_t lines_of(const char *file)
{
    char path[PATH_BYTES];
    struct raml_lines lines;
    struct raml_err err = {0};
    size_t n = 0;
    bool more;
    snprintf(path, sizeof path, "%s/%s", f.dir, file);
    CHECK_OK(raml_lines_init(&lines, path, 1 << 24, &err));
    while (!raml_lines_next(&lines, &more, &err) && more) n++;
    raml_lines_deinit(&lines);
    return n;
}

static void stopped(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    struct raml_fork_files_job job = job_of(20);
    const struct raml_fork_files_options o = options();
    int left = 2000; /* in the middle of a trajectory */
    const struct raml_sink sink = {.stop = stop_later, .user = &left};
    job.sink = &sink;
    CHECK_OK(raml_fork_files_by(&job, &o, planted, &s, &err));
    assert_true(s.stopped);
    assert_in_range(s.n_trajectories, 1, 19);
    assert_int_equal(lines_of("fork.jsonl"), s.n_trajectories);
    size_t before = s.n_trajectories;
    raml_fork_summary_deinit(&s);
    left = 3;
    assert_int_equal(raml_fork_files_by(&job, &o, planted, &s, &err), RAML_ESTOP);
    assert_string_equal(err.msg, "stopped before the first trajectory was complete");
    assert_int_equal(lines_of("fork.jsonl"), before);
}

static void write_file(const char *name_, const char *text, char path[PATH_BYTES])
{
    struct raml_err err = {0};
    snprintf(path, PATH_BYTES, "%s/%s", f.dir, name_);
    CHECK_OK(raml_file_write(path, text, strlen(text), &err));
}

static void check_fault(const struct raml_fork_files_options *o, enum raml_code code, const char *message)
{
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(3);
    assert_int_equal(raml_fork_files_by(&job, o, planted, &s, &err), code);
    if (!strstr(err.msg, message)) fail_msg("'%s' is not in '%s'", message, err.msg);
}

static void faults(void **state)
{
    (void)state;
    static const uint32_t outside[] = {0, T + 1};
    char path[PATH_BYTES];
    struct raml_fork_files_options o = options();
    size_t before = lines_of("fork.jsonl");
    o.insert = "wait||no";
    check_fault(&o, RAML_EUSAGE, "insert: found an empty word in 'wait||no'; expected words joined by '|'");
    o = options();
    o.places = "word";
    check_fault(&o, RAML_EUSAGE, "places: found 'word'; expected line, sentence, paragraph, reflection or entropy");
    o.places = NULL;
    check_fault(&o, RAML_EUSAGE, "no places: neither a kind of them nor given ones");
    o.at = outside;
    o.n_at = 2;
    check_fault(&o, RAML_ERANGE, "question 'q0' (line 1), trajectory 1: place 13 is outside it; expected 0 to 12");
    o.n_at = 0;
    o.at_file = path;
    write_file("at.jsonl", "{\"id\":\"q1\",\"at\":[3]}\n{\"id\":\"q2\",\"sample\":0,\"at\":[4,99]}\n", path);
    check_fault(&o, RAML_ERANGE, "question 'q2' (line 3), trajectory 1: place 99 is outside it; expected 0 to 12");
    write_file("at.jsonl", "{\"id\":\"q1\",\"at\":[3,-1]}\n", path);
    check_fault(&o, RAML_EFORMAT, "at.jsonl:1: field 'at': value 2 is no place; expected whole numbers from 0");
    write_file("at.jsonl", "{\"at\":[3]}\n", path);
    check_fault(&o, RAML_EFORMAT, "at.jsonl:1: field 'id' is missing");
    write_file("at.jsonl", "\n", path);
    check_fault(&o, RAML_EFORMAT, "at.jsonl has no line of places");
    o = options();
    o.max_answers = 1;
    check_fault(&o, RAML_EUSAGE, "expected at least 2 answers");
    assert_int_equal(lines_of("fork.jsonl"), before);
}

static void given_places(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    char path[PATH_BYTES];
    static const uint32_t at[] = {T, 2};
    const struct raml_fork_files_job job = job_of(3);
    struct raml_fork_files_options o = options();
    write_file("at.jsonl", "{\"id\":\"q1\",\"at\":[3]}\n", path);
    o.places = NULL;
    o.at_file = path;
    o.at = at;
    o.n_at = 2;
    CHECK_OK(raml_fork_files_by(&job, &o, planted, &s, &err));
    assert_int_equal(s.n_places, 2 + 1 + 2);
    raml_fork_summary_deinit(&s);
}

/* Without sampling there are losses and nothing else. */
static void forced_only(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(3);
    struct raml_fork_files_options o = options();
    o.n = 0;
    CHECK_OK(raml_fork_files_by(&job, &o, NULL, &s, &err));
    assert_int_equal(s.n_continuations, 0);
    assert_int_equal(s.n_critical_known[1], 0);
    assert_int_equal(s.n_critical_known[0], 2); /* of the third the sample's own answer is the question's */
    assert_non_null(raml_fork_row_find(&s, "insert", "wait", "all", "all", "carried - control"));
    assert_null(raml_fork_row_find(&s, "insert", "wait", "all", "all", "accuracy_change"));
    assert_null(raml_fork_row_find(&s, "end", "", "all", "all", "kl"));
    raml_fork_summary_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_effects),
        cmocka_unit_test(windows_leave_the_critical_position),
        cmocka_unit_test(few_values_have_no_interval),
        cmocka_unit_test(replacing_has_controls),
        cmocka_unit_test(table_is_mean_of_lines),
        cmocka_unit_test(continuations_alone),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(stopped),
        cmocka_unit_test(faults),
        cmocka_unit_test(given_places),
        cmocka_unit_test(forced_only),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
