/* Pruning: oracle/lab/prune.json through the engine and by lookup, the choice of ties, filling, and what is read. */
#include "inner/golden.h"
#include "inner/oracle.h"

#include "inner/branches.h"
#include "inner/prune.h"

#include <float.h>
#include <string.h>

enum { MAX_STEPS = 8, MAX_SETS = 1 << MAX_STEPS, MAX_TOKENS = 64 };

static struct {
    size_t n;
    double most;
} matched;

static void match(const char *what, double got, const json_t *want_)
{
    double want = oracle_number(want_), off = fabs(got - want) / fmax(1, fabs(want));
    if (!(off <= 1e-5)) fail_msg("%s: got %.9g, expected %.9g", what, got, want);
    matched.n++;
    matched.most = fmax(matched.most, off);
}

static void match_list(const char *what, const double *got, size_t n, const json_t *want)
{
    if (json_array_size(want) != n) fail_msg("%s: %zu numbers, expected %zu", what, n, json_array_size(want));
    for (size_t i = 0; i < n; i++) match(what, got[i], json_array_get(want, i));
}

static void match_set(const char *what, const bool *kept, size_t n, const json_t *want)
{
    double got[MAX_STEPS];
    size_t k = 0;
    for (size_t s = 0; s < n; s++)
        if (kept[s]) got[k++] = (double)s;
    match_list(what, got, k, want);
}

/* -- A model's question, and the losses of kept sets --------------------------------------------------------------- */

struct question {
    struct golden g;
    const json_t *of;
    struct ids prompt, cue, answer, trajectory;
    uint32_t at[MAX_STEPS + 1];
    size_t n;
    struct raml_branches *branches;
    struct raml_branch_text text[MAX_SETS];
    int32_t token[MAX_SETS][MAX_TOKENS];
    double loss[MAX_SETS];
    bool greedy[MAX_SETS];
};

static void question_open(struct question *q, const json_t *file, const char *name, size_t bound)
{
    struct raml_err err = {0};
    golden_open(&q->g, name);
    q->of = json_object_get(json_object_get(file, "models"), name);
    q->prompt = golden_ids(json_object_get(q->of, "prompt"));
    q->cue = golden_ids(json_object_get(q->of, "cue"));
    q->answer = golden_ids(json_object_get(q->of, "answer"));
    q->trajectory = golden_ids(json_object_get(q->of, "trajectory"));
    const json_t *steps = json_object_get(q->of, "step_lengths");
    q->n = json_array_size(steps);
    assert_true(q->n <= MAX_STEPS);
    q->at[0] = 0;
    for (size_t s = 0; s < q->n; s++) q->at[s + 1] = q->at[s] + (uint32_t)json_integer_value(json_array_get(steps, s));
    assert_int_equal(q->at[q->n], q->trajectory.n);
    must(raml_branches_open(q->g.model, bound, &q->branches, &err), &err);
}

static void question_close(struct question *q)
{
    raml_branches_close(q->branches);
    golden_close(&q->g);
}

static void set_text(struct question *q, size_t i, const bool *kept)
{
    size_t n = 0;
    for (size_t s = 0; s < q->n; s++)
        for (size_t k = q->at[s]; kept[s] && k < q->at[s + 1]; k++) q->token[i][n++] = q->trajectory.id[k];
    q->text[i] = (struct raml_branch_text){q->token[i], n};
}

static struct raml_branch_job job_of(struct question *q, size_t n_texts)
{
    return (struct raml_branch_job){.prompt = q->prompt.id,
                                    .answer_prefix = q->cue.id,
                                    .answer = q->answer.id,
                                    .n_prompt = q->prompt.n,
                                    .n_answer_prefix = q->cue.n,
                                    .n_answer = q->answer.n,
                                    .text = q->text,
                                    .n_texts = n_texts,
                                    .loss = q->loss,
                                    .greedy = q->greedy};
}

static void run(struct question *q, size_t n_texts)
{
    struct raml_err err = {0};
    const struct raml_branch_job job = job_of(q, n_texts);
    must(raml_branches_run(q->branches, &job, 1, &err), &err);
}

static double loss_of(struct question *q, const bool *kept)
{
    set_text(q, 0, kept);
    run(q, 1);
    return q->loss[0];
}

/* The losses without each of the steps that are left. */
static size_t without_each(struct question *q, bool *kept)
{
    size_t n = 0;
    for (size_t s = 0; s < q->n; s++) {
        if (!kept[s]) continue;
        kept[s] = false;
        set_text(q, n++, kept);
        kept[s] = true;
    }
    run(q, n);
    return n;
}

/* -- The oracle ---------------------------------------------------------------------------------------------------- */

static void match_controls(struct question *q, const double *by_subset, const bool *kept, const json_t *want)
{
    double mean;
    bool flags[MAX_STEPS];
    size_t size = 0;
    for (size_t s = 0; s < q->n; s++) size += kept[s];
    size_t best = raml_prune_best_of_size(by_subset, q->n, size, &mean);
    match("random_mean", mean, json_object_get(want, "random_mean"));
    match("best_loss", by_subset[best], json_object_get(want, "best_loss"));
    raml_prune_subset(best, q->n, flags);
    match_set("best_kept", flags, q->n, json_object_get(want, "best_kept"));
    match("first_steps_loss", by_subset[((size_t)1 << size) - 1], json_object_get(want, "first_steps_loss"));
}

static void match_kept(struct question *q, const bool *kept, double loss, const json_t *want)
{
    size_t tokens = raml_prune_tokens(kept, q->at, q->n);
    match_set("kept", kept, q->n, json_object_get(want, "kept"));
    match("loss", loss, json_object_get(want, "loss"));
    match("kept_tokens", (double)tokens, json_object_get(want, "kept_tokens"));
    match("kept_share", (double)tokens / (double)q->trajectory.n, json_object_get(want, "kept_share"));
}

static void match_greedy(struct question *q, const struct raml_prune_path *p, const double *by_subset,
                         const json_t *want)
{
    bool kept[MAX_STEPS];
    double slack = oracle_number(json_object_get(want, "slack")), bound = p->full + slack;
    size_t rounds = raml_prune_path_rounds(p, bound), in_file = json_array_size(json_object_get(want, "rounds"));
    match("slack", slack, json_object_get(want, "slack"));
    match("bound", bound, json_object_get(want, "bound"));
    raml_prune_path_kept(p, rounds, kept);
    match_kept(q, kept, rounds ? p->loss[rounds - 1] : p->full, want);
    assert_int_equal(in_file, rounds + (rounds < q->n));
    for (size_t r = 0; r < in_file; r++) {
        const json_t *round = json_array_get(json_object_get(want, "rounds"), r);
        size_t left = raml_prune_path_kept(p, r, kept);
        match_set("kept of a round", kept, q->n, json_object_get(round, "kept"));
        match_list("candidates", raml_prune_path_candidates(p, r), left, json_object_get(round, "candidates"));
        match("chosen", p->step[r], json_object_get(round, "chosen"));
        assert_int_equal(json_is_true(json_object_get(round, "accepted")), r < rounds);
    }
    raml_prune_path_kept(p, rounds, kept);
    match_controls(q, by_subset, kept, json_object_get(want, "controls"));
}

static void match_model(const json_t *file, const char *name, size_t bound)
{
    static struct question q;
    struct raml_err err = {0};
    double L[MAX_STEPS + 1], delta[MAX_STEPS], by_subset[MAX_SETS];
    bool kept[MAX_STEPS];
    struct raml_prune_path p;
    question_open(&q, file, name, bound);
    for (size_t mask = 0; mask < (size_t)1 << q.n; mask++) {
        raml_prune_subset(mask, q.n, kept);
        set_text(&q, mask, kept);
    }
    run(&q, (size_t)1 << q.n);
    memcpy(by_subset, q.loss, sizeof by_subset);
    match_list("by_subset", by_subset, (size_t)1 << q.n, json_object_get(q.of, "by_subset"));
    for (size_t s = 0; s <= q.n; s++) L[s] = by_subset[((size_t)1 << s) - 1];
    for (size_t s = 0; s < q.n; s++) delta[s] = L[s + 1] - L[s];
    match_list("loss_at_borders", L, q.n + 1, json_object_get(q.of, "loss_at_borders"));
    match_list("delta", delta, q.n, json_object_get(q.of, "delta"));
    must(raml_prune_path_init(&p, q.n, L[q.n], &err), &err);
    while (raml_prune_path_goes_on(&p, INFINITY)) { /* each round through the engine */
        raml_prune_path_kept(&p, p.n_rounds, kept);
        without_each(&q, kept);
        raml_prune_path_add(&p, q.loss);
    }
    const json_t *want;
    size_t i;
    json_array_foreach (json_object_get(q.of, "greedy"), i, want) match_greedy(&q, &p, by_subset, want);
    json_array_foreach (json_object_get(q.of, "keep_by_delta"), i, want) {
        double epsilon = oracle_number(json_object_get(want, "epsilon"));
        raml_prune_by_descent(L, q.n, epsilon, kept);
        match("epsilon", epsilon, json_object_get(want, "epsilon"));
        match_kept(&q, kept, loss_of(&q, kept), want);
        match_controls(&q, by_subset, kept, json_object_get(want, "controls"));
    }
    raml_prune_path_deinit(&p);
    question_close(&q);
}

static void oracle(void **state)
{
    (void)state;
    json_t *file = oracle_open("prune.json");
    const char *name;
    json_t *of;
    json_object_foreach (json_object_get(file, "models"), name, of) match_model(file, name, 16384);
    printf("prune.json: %zu numbers matched, largest relative difference %.1e\n", matched.n, matched.most);
    assert_int_equal(matched.n, 1883);
    matched.n = 0;
    json_object_foreach (json_object_get(file, "models"), name, of) match_model(file, name, 40); /* many passes */
    assert_int_equal(matched.n, 1883);
    json_decref(file);
}

/* -- What is read -------------------------------------------------------------------------------------------------- */

/* Distinct beginnings of the texts, counted one by one. */
static size_t distinct_tokens(const struct raml_branch_text *t, size_t n, size_t *n_distinct)
{
    size_t sum = 0;
    *n_distinct = 0;
    for (size_t i = 0; i < n; i++) {
        size_t most = 0;
        bool again = false;
        for (size_t k = 0; k < i; k++) {
            size_t same = 0;
            while (same < t[i].n && same < t[k].n && t[i].token[same] == t[k].token[same]) same++;
            if (same > most) most = same;
            again |= same == t[i].n && same == t[k].n;
        }
        sum += t[i].n - most;
        *n_distinct += !again;
    }
    return sum;
}

static void no_token_twice(void **state)
{
    (void)state;
    static struct question q;
    json_t *file = oracle_open("prune.json");
    bool kept[MAX_STEPS];
    double alone[MAX_STEPS + 3];
    question_open(&q, file, "qwen2-tied", 16384);
    for (size_t s = 0; s < q.n; s++) kept[s] = true;
    size_t n = without_each(&q, kept), n_distinct;
    for (size_t i = 0; i < n; i++) alone[i] = q.loss[i];
    size_t want = q.prompt.n + distinct_tokens(q.text, n, &n_distinct) + n_distinct * (q.cue.n + q.answer.n - 1);
    assert_int_equal(n_distinct, q.n);
    assert_int_equal(raml_branches_tokens(q.branches), want);
    assert_int_equal(raml_branches_passes(q.branches), 1);
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += q.prompt.n + q.text[i].n + q.cue.n + q.answer.n - 1;
    assert_int_equal(raml_branches_alone(q.branches), sum);
    assert_true(sum > want);

    q.text[n] = q.text[2]; /* the same text again, an empty one twice, and a beginning of another */
    q.text[n + 1] = q.text[n + 2] = (struct raml_branch_text){NULL, 0};
    q.text[n + 3] = (struct raml_branch_text){q.token[1], 5};
    uint64_t before = raml_branches_tokens(q.branches);
    run(&q, n + 4);
    want = q.prompt.n + distinct_tokens(q.text, n + 4, &n_distinct) + n_distinct * (q.cue.n + q.answer.n - 1);
    assert_int_equal(n_distinct, n + 2);
    assert_int_equal(raml_branches_tokens(q.branches) - before, want);
    assert_true(q.loss[n] == q.loss[2] && q.loss[n + 1] == q.loss[n + 2]);
    match("nothing", q.loss[n + 1], json_array_get(json_object_get(q.of, "by_subset"), 0));
    for (size_t i = 0; i < n; i++) CHECK_NEAR("with more texts", q.loss[i], alone[i], 1e-6);
    question_close(&q);
    json_decref(file);
}

/* A pass holds no more than the bound, or one text. */
static void bounds(void **state)
{
    (void)state;
    static struct question q;
    json_t *file = oracle_open("prune.json");
    bool kept[MAX_STEPS];
    static const size_t bound[] = {1, 64};
    for (size_t i = 0; i < COUNT(bound); i++) {
        question_open(&q, file, "qwen3", bound[i]);
        size_t n = (size_t)1 << q.n;
        for (size_t mask = 0; mask < n; mask++) {
            raml_prune_subset(mask, q.n, kept);
            set_text(&q, mask, kept);
        }
        run(&q, n);
        match_list("by_subset", q.loss, n, json_object_get(q.of, "by_subset"));
        uint64_t read = raml_branches_tokens(q.branches), passes = raml_branches_passes(q.branches);
        if (i == 0) assert_int_equal(passes, n);
        if (i == 0) assert_int_equal(read, raml_branches_alone(q.branches));
        if (i == 1) assert_true(read <= passes * bound[i] && passes < n / 3);
        question_close(&q);
    }
    json_decref(file);
}

static void refused(enum raml_code rc, const struct raml_err *err, const char *why)
{
    assert_int_equal(rc, RAML_ERANGE);
    if (!strstr(err->msg, why)) fail_msg("message '%s', expected '%s'", err->msg, why);
}

/* Jobs share a pass, and the losses are those of each by itself. */
static void jobs_together(void **state)
{
    (void)state;
    static struct question q;
    struct raml_err err = {0};
    json_t *file = oracle_open("prune.json");
    double loss[2][3], alone[2];
    bool greedy[2][3];
    question_open(&q, file, "llama", 16384);
    bool kept[MAX_STEPS] = {true, false, true};
    set_text(&q, 0, kept);
    kept[1] = true;
    set_text(&q, 1, kept);
    kept[0] = false;
    set_text(&q, 2, kept);
    struct raml_branch_job job[2] = {job_of(&q, 3), job_of(&q, 3)};
    for (size_t i = 0; i < 2; i++) {
        job[i].loss = loss[i];
        job[i].greedy = greedy[i];
    }
    job[1].answer++;
    job[1].n_answer--;
    must(raml_branches_run(q.branches, job, 2, &err), &err);
    assert_int_equal(raml_branches_passes(q.branches), 1);
    for (size_t i = 0; i < 2; i++) {
        struct raml_branch_job one = job[i];
        one.n_texts = 1;
        one.text = &q.text[2];
        one.loss = &alone[i];
        one.greedy = NULL;
        must(raml_branches_run(q.branches, &one, 1, &err), &err);
        CHECK_NEAR("a job alone", loss[i][2], alone[i], 1e-6);
    }
    assert_true(fabs(alone[0] - alone[1]) > 1e-3);
    for (size_t i = 0; i < 3; i++) assert_false(greedy[0][i]); /* a random model's answer is not the random one */
    job[1].text = &(struct raml_branch_text){(const int32_t[]){5, 200, 7}, 3};
    job[1].n_texts = 1;
    refused(raml_branches_run(q.branches, job, 2, &err), &err,
            "job 2: text: token 2 is 200; the model's vocabulary is 0 to 159");
    job[1] = job_of(&q, 0);
    job[1].n_answer = 0;
    refused(raml_branches_run(q.branches, &job[1], 1, &err), &err, "the answer has no token");
    question_close(&q);
    json_decref(file);
}

/* -- By hand ------------------------------------------------------------------------------------------------------- */

static void ties_and_bounds(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_prune_path p;
    bool kept[3];
    const uint32_t at[] = {0, 2, 3, 7};
    must(raml_prune_path_init(&p, 3, 1.0, &err), &err);
    assert_true(raml_prune_path_goes_on(&p, 0));            /* a first round is always looked at */
    raml_prune_path_add(&p, (const double[]){2, 1.5, 1.5}); /* of equals the first goes: step 1 */
    assert_int_equal(p.step[0], 1);
    assert_false(raml_prune_path_goes_on(&p, 1.4));
    assert_true(raml_prune_path_goes_on(&p, 1.5));     /* over the bound stops, on it does not */
    raml_prune_path_add(&p, (const double[]){1, 0.5}); /* without step 0, without step 2 */
    assert_int_equal(p.step[1], 2);
    raml_prune_path_add(&p, (const double[]){3});
    assert_int_equal(p.step[2], 0);
    assert_false(raml_prune_path_goes_on(&p, INFINITY));
    assert_int_equal(raml_prune_path_rounds(&p, 1.4), 0); /* though a later round is under it */
    assert_int_equal(raml_prune_path_rounds(&p, 1.5), 2);
    assert_int_equal(raml_prune_path_rounds(&p, 3), 3);
    assert_int_equal(raml_prune_path_kept(&p, 2, kept), 1);
    assert_true(kept[0] && !kept[1] && !kept[2]);
    assert_int_equal(raml_prune_path_nearest(&p, at, 7), 0); /* kept tokens by rounds: 7, 6, 2, 0 */
    assert_int_equal(raml_prune_path_nearest(&p, at, 5), 1);
    assert_int_equal(raml_prune_path_nearest(&p, at, 4), 1); /* 6 and 2 are as near: the fewest rounds */
    assert_int_equal(raml_prune_path_nearest(&p, at, 1), 2);
    assert_int_equal(raml_prune_path_nearest(&p, at, 0), 3);
    raml_prune_path_deinit(&p);
}

static void filling(void **state)
{
    (void)state;
    bool kept[4];
    const uint32_t at[] = {0, 4, 5, 8, 10}; /* 4, 1, 3, 2 tokens */
    const uint32_t order[] = {2, 0, 3, 1};
    static const struct {
        size_t tokens, want;
    } cases[] = {{0, 0}, {1, 1}, {2, 3}, {3, 3}, {4, 4}, {5, 5}, {6, 7}, {7, 7}, {9, 9}, {10, 10}, {20, 10}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        raml_prune_fill(order, at, 4, cases[i].tokens, kept);
        if (raml_prune_tokens(kept, at, 4) != cases[i].want)
            fail_msg("%zu tokens wanted: %zu kept, expected %zu", cases[i].tokens, raml_prune_tokens(kept, at, 4),
                     cases[i].want);
    }
    const double L[] = {3, 2, 2.5, 1.5, 1.5}; /* dL -1, 0.5, -1, 0 */
    uint32_t by[4];
    raml_prune_descent_order(L, 4, by);
    const uint32_t want[] = {0, 2, 3, 1};
    assert_memory_equal(by, want, sizeof want);
    raml_prune_by_descent(L, 4, 0, kept);
    assert_true(kept[0] && !kept[1] && kept[2] && !kept[3]); /* a step that changes nothing is no descent */
    raml_prune_by_descent(L, 4, 1, kept);
    assert_int_equal(raml_prune_tokens(kept, at, 4), 0);
}

/* Every order about as often, the same again for a name, and each draw another. */
static void random_orders(void **state)
{
    (void)state;
    enum { N = 6000 };
    size_t count[6] = {0};
    uint32_t order[3], again[3];
    for (size_t d = 0; d < N; d++) {
        const struct raml_key key = {.seed = 3, .purpose = RAML_FOR_PRUNE, .question = 7, .sample = 1};
        raml_prune_random_order(&key, d, 3, order);
        raml_prune_random_order(&key, d, 3, again);
        assert_memory_equal(order, again, sizeof order);
        assert_int_equal(order[0] + order[1] + order[2], 3);
        count[order[0] * 2 + (order[1] > order[2])]++;
    }
    for (size_t i = 0; i < 6; i++) CHECK_NEAR("orders", (double)count[i], N / 6.0, 5 * sqrt(N / 6.0));
}

static void subsets(void **state)
{
    (void)state;
    const uint32_t at[] = {0, 3, 4, 6};
    const double loss[8] = {5, 2, 3, 1, 2, 0.5, 2.5, 0.4}; /* masks: 0 {} 1 {0} 2 {1} 3 {0 1} 4 {2} 5 {0 2} 6 {1 2} 7 */
    double mean;
    assert_int_equal(raml_prune_smallest(loss, at, 3, 0.3), SIZE_MAX);
    assert_int_equal(raml_prune_smallest(loss, at, 3, 2), 4);   /* two tokens */
    assert_int_equal(raml_prune_smallest(loss, at, 3, 2.7), 4); /* {2}, not {1 2} of three */
    assert_int_equal(raml_prune_smallest(loss, at, 3, 1), 3);
    assert_int_equal(raml_prune_smallest(loss, at, 3, 9), 0);
    assert_int_equal(raml_prune_best_of_size(loss, 3, 2, &mean), 5);
    CHECK_NEAR("mean", mean, 4.0 / 3, 1e-12);
    assert_int_equal(raml_prune_best_of_size(loss, 3, 0, &mean), 0);
    CHECK_NEAR("mean", mean, 5, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(oracle),          cmocka_unit_test(no_token_twice),
                                       cmocka_unit_test(jobs_together),   cmocka_unit_test(bounds),
                                       cmocka_unit_test(ties_and_bounds), cmocka_unit_test(filling),
                                       cmocka_unit_test(random_orders),   cmocka_unit_test(subsets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
