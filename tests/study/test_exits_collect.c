/* test_exits_collect.c - a stored set as it is made: against passes of their own for every number, cut short and taken up
 * again, and what is refused. */
#include "study/trace_questions.h"

#include "study/exits_parts.h"

enum { STRIDE = 4, PROBE_TOKENS = 6, MAX_TEXT = 1 << 22, MAX_TOKENS = 160 };

static struct raml_exits_files_options options(void)
{
    struct raml_exits_files_options o = raml_exits_files_default();
    o.stride = STRIDE;
    o.probe_tokens = PROBE_TOKENS;
    o.rest = 2;
    return o;
}

static struct raml_exits_files_job job_of(const char *format, struct raml_err *err)
{
    struct raml_exits_files_job job = {.model = f.model,
                                       .tokenizer = f.tokenizer,
                                       .questions = &questions,
                                       .model_hash = 7,
                                       .dtype = "f32",
                                       .data_name = "made.jsonl"};
    must(raml_format_named(format, f.tokenizer, &job.format, err), err);
    return job;
}

static enum raml_code collect(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                              const char *path, struct raml_exits_set *s, struct raml_exits_collected *c,
                              struct raml_err *err)
{
    must(raml_exits_set_init(s, err), err);
    return raml_exits_collect(job, opt, path, s, c, err);
}

/* -- Every number -------------------------------------------------------------------------------------------------- */

/* What follows token[n]: its entropy, and of the tokenizer's tokens the likeliest one, with its probability. */
static int32_t follow(struct raml_evaluator *e, const int32_t *token, size_t n, double *entropy, double *p)
{
    struct raml_err err = {0};
    struct raml_tree tree = {0};
    int32_t best = 0, n_all = raml_tokenizer_size(f.tokenizer), span;
    must(raml_tree_add(&tree, -1, 0, token, n, n, NULL, &err), &err);
    for (int32_t v = 0; v < n_all; v++) {
        must(raml_tree_add(&tree, 0, (uint32_t)n, NULL, 0, 0, &span, &err), &err);
        must(raml_tree_add_end_target(&tree, span, v, &err), &err);
    }
    must(raml_pack_add(&e->pack, &tree, &err), &err);
    must(raml_evaluator_run(e, &err), &err);
    for (int32_t v = 1; v < n_all; v++)
        if (e->logp[v] > e->logp[best]) best = v;
    *entropy = e->entropy[0];
    *p = exp(e->logp[best]);
    raml_evaluator_clear(e);
    raml_tree_deinit(&tree);
    return best;
}

static size_t append(int32_t *to, size_t n, const struct raml_tokens *t, size_t n_t)
{
    assert_true(n + n_t < MAX_TOKENS);
    if (n_t) memcpy(to + n, t->id, n_t * sizeof *to);
    return n + n_t;
}

struct naive {
    struct raml_evaluator evaluator;
    struct sample_texts texts;
    struct raml_loss_curve curve;
    struct raml_trace_text text;
    size_t n_checked, n_rest;
};

static void check_probe(struct naive *x, const struct raml_exits_trajectory *t, size_t k, size_t n_rest)
{
    const struct raml_exit_probe *whole = &t->whole[k], *probe = &t->probe[k];
    struct raml_err err = {0};
    int32_t token[MAX_TOKENS];
    double entropy, p;
    size_t n = append(token, 0, &x->text.prompt, x->text.prompt.n);
    n = append(token, n, &x->text.trajectory, whole->at);
    size_t closed = append(token, n, &x->texts.close, x->texts.close.n);
    (void)follow(&x->evaluator, token, closed, &entropy, &p);
    CHECK_NEAR("entropy", whole->entropy, entropy, 1e-5);
    CHECK_NEAR("loss", whole->loss, x->curve.loss[whole->at], 1e-5);
    n = append(token, n, &x->texts.answer_prefix, x->texts.answer_prefix.n);
    size_t written = 0, ended_at = 0;
    while (written < PROBE_TOKENS && !(ended_at && written >= ended_at + n_rest)) {
        bool ended;
        double unused;
        token[n] = follow(&x->evaluator, token, n, &unused, &p);
        n++;
        assert_true(written < whole->n_tokens);
        CHECK_NEAR("p_all", whole->all_prob[written++], p, 1e-5);
        must(raml_exit_answer_ended(&x->texts, token + n - written, written, &ended, &err), &err);
        if (ended && !ended_at) ended_at = written;
    }
    assert_int_equal(whole->n_tokens, written);
    assert_int_equal(probe->n_tokens, ended_at ? ended_at : written);
    x->n_rest += ended_at && written > ended_at;
    x->n_checked++;
}

static void check_trajectory(struct naive *x, const struct raml_exits_files_job *job,
                             const struct raml_exits_trajectory *t, size_t n_rest)
{
    struct raml_err err = {0};
    struct raml_tracer *tracer;
    const struct raml_question *q = &question[t->number];
    const struct raml_trace_source source = {.tokenizer = f.tokenizer, .format = job->format, .join = RAML_JOIN_JOINT};
    const struct raml_trace_options every = raml_trace_default();
    assert_string_equal(t->id, q->id);
    assert_string_equal(t->gold, q->answer);
    assert_int_equal(t->correct, q->trajectory[t->sample].correct);
    must(raml_trace_encode(&source, q, t->sample, &x->text, &err), &err);
    assert_int_equal(t->n_tokens, x->text.trajectory.n);
    must(raml_tracer_open(f.model, &every, &tracer, &err), &err);
    must(raml_trace_run(tracer, &source, q, t->sample, &x->curve, &err), &err);
    for (size_t k = 0; k < t->n_probes; k++) check_probe(x, t, k, n_rest);
    raml_loss_curve_deinit(&x->curve);
    raml_tracer_close(tracer);
}

static void numbers_of(const char *dir, const char *format, bool *any_rest)
{
    struct raml_err err = {0};
    struct naive x = {0};
    struct raml_exits_set s;
    struct raml_exits_collected c;
    char path[4200];
    const struct raml_exits_files_job job = job_of(format, &err);
    const struct raml_exits_files_options opt = options();
    must(collect(&job, &opt, in(dir, "probes.jsonl", path), &s, &c, &err), &err);
    assert_true(s.n == 5 && s.n_planned == 5 && s.n_questions == 2 && !c.stopped && c.n_skipped == 0 && c.n_read > 0);
    must(raml_evaluator_init(&x.evaluator, f.model, 1000, &err), &err);
    must(raml_sample_texts_init(&x.texts, f.tokenizer, &job.format, &err), &err);
    for (size_t i = 0; i < s.n; i++) check_trajectory(&x, &job, &s.trajectory[i], x.texts.boxed ? opt.rest : 0);
    /* T = 7, 17, 0, 12, 41: 0, 4, T; before "wait" at 9 as well */
    assert_int_equal(x.n_checked, 3 + 7 + 1 + 4 + 12);
    assert_true(s.trajectory[1].probe[3].at == 9 && s.trajectory[1].probe[3].wait && !s.trajectory[1].probe[2].wait);
    assert_string_equal(s.trajectory[1].piece[0], "a gu");
    assert_true(s.cost.cue == x.texts.answer_prefix.n && s.cost.entropy == x.texts.close.n + 1);
    *any_rest = x.n_rest > 0;
    raml_trace_text_deinit(&x.text);
    raml_sample_texts_deinit(&x.texts);
    raml_evaluator_deinit(&x.evaluator);
    raml_exits_set_deinit(&s);
}

static void every_number_alone(void **state)
{
    char path[4200];
    bool any_rest;
    const char *dir = *state;
    numbers_of(dir, "builtin", &any_rest);
    assert_false(any_rest);
    assert_int_equal(remove(in(dir, "probes.jsonl", path)), 0);
    numbers_of(dir, "plain", &any_rest);
}

/* A model, found by trying, that closes its box at some places: what it writes after that is kept apart. */
static void text_after_an_answer(void **state)
{
    struct raml_err err = {0};
    struct raml_config c;
    struct raml_model *usual = f.model;
    bool any_rest;
    must(raml_config_preset("micro", &c, &err), &err);
    c.max_positions = CONTEXT;
    must(raml_model_init(&c, 2, RAML_F32, RAML_INFERENCE, f.dev, &f.model, &err), &err);
    numbers_of(*state, "plain", &any_rest);
    assert_true(any_rest);
    raml_model_close(f.model);
    f.model = usual;
}

/* -- Taken up again ------------------------------------------------------------------------------------------------ */

static void load(const char *path, struct raml_buf *b)
{
    struct raml_err err = {0};
    raml_buf_init(b, MAX_TEXT);
    must(raml_file_read(path, b, &err), &err);
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

static bool stop_later(void *user) /* in the midst of the first batch */
{
    size_t *n = user;
    return ++*n > 3;
}

/* A set that a kill cut short anywhere becomes the same to the byte. */
static void a_cut_set_is_completed(void **state)
{
    struct raml_err err = {0};
    struct raml_exits_set s;
    struct raml_exits_collected c;
    struct raml_buf whole, again;
    char path[4200];
    const char *dir = *state;
    const struct raml_exits_files_job job = job_of("builtin", &err);
    const struct raml_exits_files_options opt = options();
    must(collect(&job, &opt, in(dir, "probes.jsonl", path), &s, &c, &err), &err);
    raml_exits_set_deinit(&s);
    size_t end;
    must(raml_exits_set_init(&s, &err), &err);
    must(raml_exits_set_read(&s, path, &end, &err), &err);
    size_t last = s.trajectory[4].from, begin = s.trajectory[0].from, inside = s.trajectory[2].from;
    raml_exits_set_deinit(&s);
    load(path, &whole);
    const size_t cut[] = {0, 10, begin - 1, begin, begin + 100, inside, last - 1, last, whole.len - 1, whole.len};
    for (size_t i = 0; i < COUNT(cut); i++) {
        must(raml_file_write(path, whole.data, whole.len, &err), &err);
        assert_int_equal(truncate(path, (off_t)cut[i]), 0);
        must(collect(&job, &opt, path, &s, &c, &err), &err);
        assert_int_equal(s.n, 5);
        if (cut[i] == whole.len) assert_int_equal(c.n_read, 0);
        raml_exits_set_deinit(&s);
        load(path, &again);
        if (again.len != whole.len || memcmp(again.data, whole.data, whole.len) != 0)
            fail_msg("cut after %zu bytes: another set", cut[i]);
        raml_buf_deinit(&again);
    }
    const struct raml_sink stop = {.stop = stop_at_once};
    struct raml_exits_files_job stopped = job;
    stopped.sink = &stop;
    must(raml_file_write(path, whole.data, last + 5, &err), &err);
    must(collect(&stopped, &opt, path, &s, &c, &err), &err); /* what is complete stays */
    assert_true(c.stopped && s.n == 4 && s.n_questions == 1 && s.n_planned == 5);
    raml_exits_set_deinit(&s);
    load(path, &again);
    assert_int_equal(again.len, last);
    raml_buf_deinit(&again);
    size_t n = 0;
    const struct raml_sink later = {.stop = stop_later, .user = &n};
    stopped.sink = &later;
    assert_int_equal(remove(path), 0);
    must(collect(&stopped, &opt, path, &s, &c, &err), &err);
    assert_true(c.stopped && s.n == 0 && n > 3);
    raml_exits_set_deinit(&s);
    raml_buf_deinit(&whole);
}

/* -- Refusals ------------------------------------------------------------------------------------------------------ */

static void refused(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                    const char *path, enum raml_code code, const char *why)
{
    struct raml_err err = {0};
    struct raml_exits_set s;
    struct raml_exits_collected c;
    assert_int_equal(collect(job, opt, path, &s, &c, &err), code);
    if (!strstr(err.msg, why)) fail_msg("'%s' does not say '%s'", err.msg, why);
    raml_exits_set_deinit(&s);
}

static void another_set_stays(void **state)
{
    struct raml_err err = {0};
    struct raml_exits_set s;
    struct raml_exits_collected c;
    struct raml_buf before, after;
    char path[4200];
    const char *dir = *state;
    struct raml_exits_files_job job = job_of("builtin", &err);
    struct raml_exits_files_options opt = options();
    must(collect(&job, &opt, in(dir, "probes.jsonl", path), &s, &c, &err), &err);
    raml_exits_set_deinit(&s);
    load(path, &before);
    opt.stride = 5;
    refused(&job, &opt, path, RAML_EUSAGE, "was made with another stride: 4 there, 5 here");
    opt = options();
    job.model_hash = 8;
    refused(&job, &opt, path, RAML_EUSAGE, "from another model: \"0000000000000007\" there, \"0000000000000008\" here");
    job = job_of("plain", &err);
    refused(&job, &opt, path, RAML_EUSAGE, "with another answer_prefix");
    job = job_of("builtin", &err);
    opt.max_samples = 1;
    refused(&job, &opt, path, RAML_EUSAGE, "from other data");
    opt = options();
    load(path, &after);
    assert_true(after.len == before.len && !memcmp(after.data, before.data, before.len));
    must(raml_file_write(path, "notes, no set", 13, &err), &err);
    refused(&job, &opt, path, RAML_EFORMAT, "is no stored set of probes");
    raml_buf_deinit(&before);
    raml_buf_deinit(&after);
}

static void what_can_not_be_probed(void **state)
{
    struct raml_err err = {0};
    struct raml_exits_set s;
    struct raml_exits_collected c;
    static char longer[CONTEXT + 1];
    char path[4200];
    const char *dir = *state;
    memset(longer, 'x', CONTEXT);
    struct raml_trajectory mixed[] = {{.text = longer, .correct = RAML_DIFFERENT},
                                      {.text = "fine", .correct = RAML_EQUAL}};
    struct raml_question list[] = {{.id = "long",
                                    .question = "1+2",
                                    .answer = "3",
                                    .difficulty = -1,
                                    .trajectory = mixed,
                                    .n_trajectories = 2,
                                    .line = 1},
                                   {.id = "open",
                                    .question = "?",
                                    .answer = "",
                                    .difficulty = -1,
                                    .trajectory = mixed + 1,
                                    .n_trajectories = 1,
                                    .line = 2}};
    const struct raml_questions qs = {.question = list, .n = 2};
    struct raml_exits_files_job job = job_of("builtin", &err);
    struct raml_exits_files_options opt = options();
    job.questions = &qs;
    refused(&job, &opt, in(dir, "probes.jsonl", path), RAML_ERANGE,
            "made.jsonl: question 'long' (line 1), trajectory 1: ");
    assert_false(raml_is_file(path));
    const struct raml_questions open = {.question = list + 1, .n = 1};
    job.questions = &open;
    refused(&job, &opt, path, RAML_ERANGE, "nothing to probe: 1 question, 1 trajectory skipped; the first: ");
    job.questions = &qs;
    opt.waits = "wait,,but";
    refused(&job, &opt, path, RAML_EUSAGE, "'wait,,but'; expected words joined by commas");
    opt = options();
    opt.skip_long = true;
    must(collect(&job, &opt, path, &s, &c, &err), &err);
    assert_true(s.n == 1 && s.n_planned == 1 && c.n_skipped == 2);
    assert_int_equal(s.trajectory[0].sample, 1);
    raml_exits_set_deinit(&s);
    assert_int_equal(remove(path), 0);
    const struct raml_sink stop = {.stop = stop_at_once};
    job.sink = &stop;
    must(collect(&job, &opt, path, &s, &c, &err), &err);
    assert_true(c.stopped && s.n == 0);
    raml_exits_set_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_number_alone, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(text_after_an_answer, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(a_cut_set_is_completed, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(another_set_stays, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(what_can_not_be_probed, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
