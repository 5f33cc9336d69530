/* test_fork_analysis.c - what is made of forks: the forced distribution against answers traced one by one, classes of
 * answers and their counts. */
#include "study/fork_rig.h"

/* -- The forced distribution --------------------------------------------------------------------------------------- */

/* Log-probability of a whole answer, with its end, after a text. */
static double answer_logp(const char *text, const char *answer)
{
    struct raml_err err = {0};
    struct raml_trajectory t = trajectory[0];
    struct raml_question q = question[0];
    struct raml_tracer *tracer;
    struct raml_loss_curve c = {0};
    const struct raml_trace_options opt = raml_trace_default();
    const struct raml_trace_source src = {.tokenizer = f.tokenizer, .format = raml_format_default(), .score_end = true};
    t.text = text;
    q.answer = answer;
    q.trajectory = &t;
    CHECK_OK(raml_tracer_open(f.model, &opt, &tracer, &err));
    CHECK_OK(raml_trace_run(tracer, &src, &q, 0, &c, &err));
    double logp = -c.loss[c.n_points - 1] * (double)c.n_answer;
    raml_loss_curve_deinit(&c);
    raml_tracer_close(tracer);
    return logp;
}

/* Of "42", the question's answer, against "17", the sample's own. */
static double share_of_gold(const char *text)
{
    return 1 / (1 + exp(answer_logp(text, "17") - answer_logp(text, "42")));
}

static void forced_distribution(void **state)
{
    (void)state;
    static const char *const text[] = {"", "aa\n", "aa\nbb\n", "aa\nbb\ncc\n", "aa\nbb\ncc\ndd\n"};
    struct raml_err err = {0};
    struct raml_fork_summary s;
    const struct raml_fork_files_job job = job_of(1);
    struct raml_fork_files_options o = options();
    char path[PATH_BYTES];
    struct raml_lines lines;
    bool more;
    json_t *line;
    o.n = 0;
    CHECK_OK(raml_fork_files_by(&job, &o, NULL, &s, &err));
    raml_fork_summary_deinit(&s);
    snprintf(path, sizeof path, "%s/fork.jsonl", f.dir);
    const struct raml_place at = {path, 1};
    CHECK_OK(raml_lines_init(&lines, path, 1 << 24, &err));
    CHECK_OK(raml_lines_next(&lines, &more, &err));
    CHECK_OK(raml_json_parse(&at, lines.line.data, lines.line.len, &line, &err));
    for (size_t i = 0; i < COUNT(text); i++) {
        const json_t *place = json_array_get(json_object_get(line, "places"), i), *p = json_object_get(place, "p");
        double before = share_of_gold(text[i]), after = i + 1 < COUNT(text) ? share_of_gold(text[i + 1]) : NAN;
        CHECK_NEAR("p of the question's answer", json_number_value(json_array_get(p, 0)), before, 1e-5);
        CHECK_NEAR("p of the sample's", json_number_value(json_array_get(p, 1)), 1 - before, 1e-5);
        if (isnan(after)) continue;
        const json_t *importance = json_object_get(place, "importance");
        double kl = after * log(after / before) + (1 - after) * log((1 - after) / (1 - before));
        CHECK_NEAR("forced importance", number(importance, "forced"), kl, 1e-6);
        CHECK_NEAR("and of accuracy", number(importance, "forced_accuracy"), after - before, 1e-5);
        assert_true(json_is_null(json_object_get(importance, "resampled")));
    }
    json_decref(line);
    raml_lines_deinit(&lines);
}

/* -- Classes ------------------------------------------------------------------------------------------------------- */

/* "40+2" is equal to "42", and right as well; a family's checker may call an equal answer wrong: it is another class. */
static void classes_are_of_one_verdict(void **state)
{
    (void)state;
    struct raml_err err = {0};
    const struct raml_fork_files_job job = job_of(1);
    struct raml_fork_files_options o = options();
    struct raml_fork_plan plan;
    struct raml_answer_classes classes = {0};
    struct raml_forked x = {0};
    struct raml_forked_fork fork = {.word = RAML_FORK_NONE};
    const struct raml_fork_sampled sampled[] = {{.answer = "40+2", .correct = true, .n_tokens = 4},
                                                {.answer = "42", .correct = true, .n_tokens = 2},
                                                {.answer = "6*7", .correct = false, .n_tokens = 3},
                                                {.answer = NULL, .truncated = true, .n_tokens = 9}};
    o.n = COUNT(sampled);
    CHECK_OK(raml_fork_plan_init(&plan, &job, &o, &err));
    CHECK_OK(raml_forked_begin(&plan, 0, 0, &x, &err));
    x.fork = &fork;
    x.n_forks = 1;
    CHECK_OK(raml_forked_count(&plan, &classes, sampled, &x, &err));
    assert_int_equal(x.n_classes, 3); /* 42, 17 and a 6*7 that is wrong */
    assert_true(x.answer[0].gold && x.answer[1].own && !x.answer[2].gold);
    assert_string_equal(x.answer[2].text, "6*7");
    static const uint32_t want[] = {2, 0, 1, 1};
    for (size_t k = 0; k < COUNT(want); k++) assert_int_equal(fork.count[k], want[k]);
    assert_int_equal(fork.n_correct, 2);
    assert_int_equal(fork.n_truncated, 1);
    CHECK_NEAR("tokens", fork.tokens, 4.5, 0);
    x.fork = NULL;
    x.n_forks = 0;
    raml_forked_deinit(&x);
    raml_answer_classes_deinit(&classes);
    raml_fork_plan_deinit(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(forced_distribution),
                                       cmocka_unit_test(classes_are_of_one_verdict)};
    return cmocka_run_group_tests(tests, enter, leave);
}
