/* Log-probabilities of completions: golden values, one pass against one pass per completion, packing, errors. */
#include "inner/golden.h"

#include "raml/completion.h"

enum { N_JOBS = 7, MAX_COMPLETIONS = 5, MAX_N = 90 };

/* Trajectories' log-probabilities after the golden prompt, all three in one tree. */
static void golden_values(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT(golden_names); m++) {
        struct golden g;
        struct raml_err err = {0};
        struct raml_completion_evaluator *s;
        float logp[N_TRAJECTORIES][MAX_IDS], entropy[N_TRAJECTORIES][MAX_IDS];
        struct raml_completion c[N_TRAJECTORIES];
        golden_open(&g, golden_names[m]);
        must(raml_completion_open(g.model, 4096, &s, &err), &err);
        for (size_t i = 0; i < N_TRAJECTORIES; i++)
            c[i] = (struct raml_completion){g.trajectory[i].id, g.trajectory[i].n, logp[i], entropy[i], 0};
        const struct raml_completions job = {g.prompt.id, g.prompt.n, c, N_TRAJECTORIES};
        must(raml_completion_logprobs(s, &job, 1, &err), &err);
        for (size_t i = 0; i < N_TRAJECTORIES; i++) {
            const json_t *want = golden_of(&g, i, "logp");
            assert_int_equal(json_array_size(want), c[i].n);
            for (size_t k = 0; k < c[i].n; k++) {
                CHECK_NEAR(golden_names[m], logp[i][k], json_number_value(json_array_get(want, k)), 1e-4);
                assert_true(entropy[i][k] > 0 && entropy[i][k] <= log(160) + 1e-4);
            }
        }
        raml_completion_close(s);
        golden_close(&g);
    }
}

/* The golden entropies: a chain's first token as the prompt, the rest as its completion. */
static void golden_entropy(void **state)
{
    (void)state;
    struct golden g;
    struct raml_err err = {0};
    struct raml_completion_evaluator *s;
    float logp[MAX_IDS], entropy[MAX_IDS];
    golden_open(&g, "qwen3");
    struct ids x = golden_ids(json_object_get(g.expected, "tokens"));
    const json_t *want = json_object_get(g.expected, "weighted");
    must(raml_completion_open(g.model, 4096, &s, &err), &err);
    struct raml_completion c = {x.id + 1, x.n - 1, logp, entropy, 0};
    const struct raml_completions job = {x.id, 1, &c, 1};
    must(raml_completion_logprobs(s, &job, 1, &err), &err);
    for (size_t k = 0; k < c.n; k++) {
        CHECK_NEAR("logp", logp[k], json_number_value(json_array_get(json_object_get(want, "logp"), k)), 1e-4);
        CHECK_NEAR("entropy", entropy[k], json_number_value(json_array_get(json_object_get(want, "entropy"), k)), 1e-4);
    }
    raml_completion_close(s);
    golden_close(&g);
}

struct jobs { /* random ones */
    int32_t token[N_JOBS][MAX_COMPLETIONS + 1][MAX_N];
    float logp[N_JOBS][MAX_COMPLETIONS][MAX_N], entropy[N_JOBS][MAX_COMPLETIONS][MAX_N];
    struct raml_completion completion[N_JOBS][MAX_COMPLETIONS];
    struct raml_completions job[N_JOBS];
};

static void make_jobs(struct jobs *x)
{
    uint32_t r = 1;
    memset(x, 0, sizeof *x);
    for (size_t j = 0; j < N_JOBS; j++) {
        for (size_t i = 0; i <= MAX_COMPLETIONS; i++)
            for (size_t k = 0; k < MAX_N; k++) x->token[j][i][k] = (int32_t)((r = r * 1664525u + 1013904223u) >> 24);
        size_t n = j % (MAX_COMPLETIONS + 1); /* none, for job 0 */
        for (size_t i = 0; i < n; i++)
            x->completion[j][i] = (struct raml_completion){x->token[j][i], 1 + (i * 37 + j * 11) % MAX_N, x->logp[j][i],
                                                           x->entropy[j][i], 0};
        x->job[j] = (struct raml_completions){x->token[j][MAX_COMPLETIONS], 1 + j * 14, x->completion[j], n};
    }
}

static void evaluate(struct jobs *x, const struct raml_model *model, size_t bound, size_t per_call)
{
    struct raml_err err = {0};
    struct raml_completion_evaluator *s;
    make_jobs(x);
    must(raml_completion_open(model, bound, &s, &err), &err);
    for (size_t j = 0; j < N_JOBS; j += per_call)
        must(raml_completion_logprobs(s, x->job + j, j + per_call <= N_JOBS ? per_call : N_JOBS - j, &err), &err);
    assert_true(raml_completion_tokens(s) > 0);
    raml_completion_close(s);
}

static void same(const struct jobs *a, const struct jobs *b, double tol)
{
    for (size_t j = 0; j < N_JOBS; j++)
        for (size_t i = 0; i < a->job[j].n; i++)
            for (size_t k = 0; k < a->completion[j][i].n; k++) {
                assert_true(a->logp[j][i][k] < 0);
                CHECK_NEAR("logp", a->logp[j][i][k], b->logp[j][i][k], tol);
                CHECK_NEAR("entropy", a->entropy[j][i][k], b->entropy[j][i][k], tol);
            }
}

static void bound_changes_nothing(void **state)
{
    (void)state;
    static struct jobs all, other;
    struct raml_device *dev;
    struct raml_model *model;
    micro_open(&dev, &model, 1);
    evaluate(&all, model, 1 << 20, N_JOBS); /* one pass */
    evaluate(&other, model, 1 << 20, 1);    /* one prompt per pass: the same to the last bit */
    same(&all, &other, 0);
    evaluate(&other, model, 512, N_JOBS); /* no prompt's completions are spread */
    same(&all, &other, 0);
    evaluate(&other, model, 100, N_JOBS); /* some are */
    same(&all, &other, 1e-5);
    evaluate(&other, model, 1, N_JOBS); /* one completion per pass: nothing is shared */
    same(&all, &other, 1e-5);
    raml_model_close(model);
    raml_device_close(dev);
}

/* The start of a completion may be context: the same values as with that context in the prompt, also where the
 * completions share nothing. */
static void context_is_read_alone(void **state)
{
    (void)state;
    static struct jobs x;
    struct raml_device *dev;
    struct raml_model *model;
    struct raml_completion_evaluator *s;
    struct raml_err err = {0};
    float logp[3][MAX_N], entropy[3][MAX_N], want[3][MAX_N];
    enum { PROMPT = 20, N_TARGETS = 7 };
    micro_open(&dev, &model, 1);
    make_jobs(&x);
    must(raml_completion_open(model, 4096, &s, &err), &err);
    int32_t all[3][MAX_N];
    for (size_t i = 0; i < 3; i++) { /* a prompt in common up to token 18, 19 and 20 */
        memcpy(all[i], x.token[0][0], PROMPT * sizeof **all);
        for (size_t k = PROMPT - 2 + i; k < MAX_N; k++) all[i][k] = x.token[1][i][k];
        struct raml_completion c = {all[i] + PROMPT, N_TARGETS, want[i], NULL, 0};
        const struct raml_completions job = {all[i], PROMPT, &c, 1};
        must(raml_completion_logprobs(s, &job, 1, &err), &err);
    }
    for (size_t shared = 0; shared < PROMPT; shared += PROMPT - 2) {
        struct raml_completion c[3];
        for (size_t i = 0; i < 3; i++)
            c[i] = (struct raml_completion){all[i] + shared, PROMPT + N_TARGETS - shared, logp[i], entropy[i],
                                            PROMPT - shared};
        const struct raml_completions job = {all[0], shared, c, 3};
        uint64_t before = raml_completion_tokens(s);
        must(raml_completion_logprobs(s, &job, 1, &err), &err);
        assert_int_equal(raml_completion_tokens(s) - before, shared + 3 * (PROMPT + N_TARGETS - 1 - shared));
        for (size_t i = 0; i < 3; i++)
            for (size_t k = 0; k < N_TARGETS; k++) {
                CHECK_NEAR("logp", logp[i][k], want[i][k], 1e-5);
                assert_true(entropy[i][k] > 0);
            }
        c[1].n_context = c[1].n;
        assert_int_equal(raml_completion_logprobs(s, &job, 1, &err), RAML_ERANGE);
        assert_true(has(err.msg, "completion 2 has no token"));
    }
    raml_completion_close(s);
    raml_model_close(model);
    raml_device_close(dev);
}

static void bad_input(void **state)
{
    (void)state;
    struct raml_device *dev;
    struct raml_model *model;
    struct raml_completion_evaluator *s;
    struct raml_err err = {0};
    micro_open(&dev, &model, 1);
    const int vocab = raml_model_config(model)->vocab_size, context = raml_model_config(model)->max_positions;
    int32_t *token = calloc((size_t)context + 1, sizeof *token), low = -1, high = vocab;
    float *logp = calloc((size_t)context + 1, sizeof *logp);
    size_t full = (size_t)context;
    const struct {
        const char *what;
        const int32_t *prompt;
        size_t n_prompt;
        struct raml_completion c[2];
        enum raml_code code;
        const char *message;
        /* clang-format off */
    } cases[] = {
        {"no prompt",
         token,
         0,
         {{token, 1, logp, NULL, 0}, {token, 1, logp, NULL, 0}},
         RAML_ERANGE,
         "the prompt has no token"},
        {"empty", token, 3, {{token, 1, logp, NULL, 0}, {token, 0, logp, NULL, 0}}, RAML_ERANGE, "completion 2 has no token"},
        {"too long",
         token,
         3,
         {{token, 1, logp, NULL, 0}, {token, full - 2, logp, NULL, 0}},
         RAML_ERANGE,
         "completion 2: 3 prompt tokens and"},
        {"fits", token, 3, {{token, 1, logp, NULL, 0}, {token, full - 3, logp, NULL, 0}}, RAML_OK, ""},
        {"negative",
         token,
         3,
         {{&low, 1, logp, NULL, 0}, {token, 1, logp, NULL, 0}},
         RAML_ERANGE,
         "completion 1: token 1 is -1"},
        {"outside", &high, 1, {{token, 1, logp, NULL, 0}, {token, 1, logp, NULL, 0}}, RAML_ERANGE, "prompt: token 1 is "},
    };
    /* clang-format on */
    assert_int_equal(raml_completion_open(model, 0, &s, &err), RAML_ERANGE);
    must(raml_completion_open(model, 4096, &s, &err), &err);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_completion c[2] = {cases[i].c[0], cases[i].c[1]};
        const struct raml_completions job = {cases[i].prompt, cases[i].n_prompt, c, 2};
        err = (struct raml_err){0};
        if (raml_completion_logprobs(s, &job, 1, &err) != cases[i].code) fail_msg("%s: %s", cases[i].what, err.msg);
        assert_true(has(err.msg, cases[i].message));
    }
    must(raml_completion_logprobs(s, NULL, 0, &err), &err); /* nothing to do */
    raml_completion_close(s);
    raml_completion_close(NULL);
    free(token);
    free(logp);
    raml_model_close(model);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_values),
        cmocka_unit_test(golden_entropy),
        cmocka_unit_test(bound_changes_nothing),
        cmocka_unit_test(context_is_read_alone),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
