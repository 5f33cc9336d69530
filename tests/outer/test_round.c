/* A round's groups as trees: every sample's and every answer's tokens say what they say when their path is read alone;
 * which samples are trained on; what rows are laid out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "raml/completion.h"
#include "outer/packs.h"
#include "outer/rollout_source.h"

#include "outer/trainer.h"

enum { G = 4, N_PROBE = 5, N_PREFIX = 2 };

struct made { /* two groups, made by hand */
    struct raml_round round;
    struct raml_rollout_group *used[2];
    struct raml_rollout_group group[2];
    struct raml_rollout sample[2][G];
    struct raml_question question[2];
    int32_t prompt[2][9], probe[N_PROBE], token[2][G][12];
    float logp[2][G][12];
    uint32_t at[2][G][2];
};

/* Samples of 1, 4, 7 and 12 tokens; the last one's thinking was not closed, so it has no curve. */
static void make(struct made *m)
{
    static const size_t length[G] = {1, 4, 7, 12};
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < N_PROBE; i++) m->probe[i] = (int32_t)(200 + i);
    for (size_t g = 0; g < 2; g++) {
        for (size_t i = 0; i < 9; i++) m->prompt[g][i] = (int32_t)(10 + 20 * g + i);
        m->question[g] = (struct raml_question){.id = g ? "b" : "a", .question = g ? "two" : "one", .answer = "3"};
        m->group[g] = (struct raml_rollout_group){.question = &m->question[g],
                                                  .prompt = m->prompt[g],
                                                  .n_prompt = 5 + 4 * g,
                                                  .n = G,
                                                  .sample = m->sample[g],
                                                  .probe = m->probe,
                                                  .n_probe = N_PROBE,
                                                  .n_prefix = N_PREFIX,
                                                  .used = true};
        m->used[g] = &m->group[g];
        for (size_t k = 0; k < G; k++) {
            struct raml_rollout *x = &m->sample[g][k];
            for (size_t i = 0; i < length[k]; i++) {
                m->token[g][k][i] = (int32_t)(60 + 31 * k + 7 * g + 3 * i);
                m->logp[g][k][i] = i == 2 ? NAN : -0.5F; /* the third was forced */
            }
            *x = (struct raml_rollout){.token = m->token[g][k],
                                       .logp = m->logp[g][k],
                                       .mu_logp = m->logp[g][k],
                                       .n = length[k],
                                       .said = {.n_think = length[k] / 2, .think_start = length[k] > 4},
                                       .is_row = true,
                                       .in_loss = true,
                                       .in_policy = true,
                                       .reward = (double)k};
            m->at[g][k][1] = (uint32_t)x->said.n_think;
            x->at = m->at[g][k];
            x->n_points = k + 1 < G ? 2 : 0;
        }
    }
    m->round.used = m->used;
    m->round.n_used = 2;
}

static void unmake(struct made *m)
{
    m->round.used = NULL; /* it is not the round's */
    raml_round_deinit(&m->round);
}

/* log p of each of tokens[n_context ..) after prompt, read alone. */
static void alone(struct bench *b, const struct raml_rollout_group *g, const int32_t *token, size_t n, size_t n_context,
                  float *logp)
{
    struct raml_err err = {0};
    struct raml_completion_evaluator *e;
    struct raml_completion c = {.token = token, .n = n, .n_context = n_context, .logp = logp};
    const struct raml_completions job = {.prompt = g->prompt, .n_prompt = g->n_prompt, .completion = &c, .n = 1};
    CHECK_OK(raml_completion_open(b->model, 4096, &e, &err));
    CHECK_OK(raml_completion_logprobs(e, &job, 1, &err));
    raml_completion_close(e);
}

static size_t check_row(struct bench *b, const struct made *m, const struct raml_step *step,
                        const struct raml_row_map *map, size_t row)
{
    const struct raml_rollout *x = m->round.row[map->row[row]];
    const struct raml_rollout_group *g = m->round.used[m->round.group_of[map->row[row]]];
    int32_t path[32];
    float want[32];
    size_t n = x->n, context = 0, got = step->start[row + 1] - step->start[row];
    memcpy(path, x->token, n * sizeof *path);
    if (map->answer[row]) {
        n = x->said.think_start + x->said.n_think;
        memcpy(path + n, g->probe, N_PROBE * sizeof *path);
        context = n + N_PREFIX;
        n += N_PROBE;
    }
    alone(b, g, path, n, context, want);
    assert_int_equal(got, n - context);
    for (size_t i = 0; i < got; i++)
        if (step->logp[step->start[row] + i] != want[i]) {
            print_error("row %zu, token %zu: %.9g in the tree, %.9g alone\n", row, i,
                        (double)step->logp[step->start[row] + i], (double)want[i]);
            fail();
        }
    return got;
}

static void test_paths(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct made m;
    struct raml_packs packs;
    struct raml_step step = {0};
    struct raml_row_map map = {0};
    new_model(b, NULL);
    CHECK_OK(raml_packs_init(&packs, b->model, 40, false, &err));
    for (int shape = 0; shape < 8; shape++) {
        bool answers = shape & 1, share = shape & 2, some = shape & 4;
        make(&m);
        if (some) m.sample[0][1].in_loss = m.sample[1][0].in_loss = m.sample[1][3].in_loss = false;
        CHECK_OK(raml_round_lay(&m.round, 0, false, &err));
        raml_step_clear(&step);
        CHECK_OK(raml_round_trees(&m.round, 0, 2, answers, share, &step, &map, &err));
        CHECK_OK(raml_packs_forward(&packs, step.tree, step.n_trees, step.logp, NULL, &err));
        size_t n = 0, rows = some ? 5 : 8, curves = some ? 4 : 6;
        assert_int_equal(map.n, rows + (answers ? curves : 0));
        assert_int_equal(step.n_trees, share ? 2 : rows);
        for (size_t r = 0; r < map.n; r++) n += check_row(b, &m, &step, &map, r);
        assert_int_equal(n, step.n);
        unmake(&m);
    }
    raml_row_map_deinit(&map);
    raml_step_deinit(&step);
    raml_packs_deinit(&packs);
}

/* The teacher's prompt is a root: what is read after it is what it says alone, beside the student's root or without it. */
static void test_teacher(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    struct made m;
    struct raml_packs packs;
    struct raml_step step = {0};
    struct raml_row_map map = {0};
    static const int32_t hinted[2][13] = {{9, 8, 7, 10, 11, 12, 13, 14, 15, 16, 17}, {30, 31, 32}};
    new_model(b, NULL);
    CHECK_OK(raml_packs_init(&packs, b->model, 40, false, &err));
    for (int shape = 0; shape < 8; shape++) {
        bool beside = shape & 1, share = shape & 2, some = shape & 4;
        make(&m);
        if (some) m.sample[0][1].in_loss = m.sample[1][0].in_loss = m.sample[1][3].in_loss = false;
        for (size_t g = 0; g < 2; g++) {
            m.group[g].hinted = hinted[g];
            m.group[g].n_hinted = g ? 3 : 11;
        }
        CHECK_OK(raml_round_lay(&m.round, 0, false, &err));
        raml_step_clear(&step);
        CHECK_OK(raml_round_teacher_trees(&m.round, 0, 2, beside, share, &step, &map, &err));
        CHECK_OK(raml_packs_forward(&packs, step.tree, step.n_trees, step.logp, NULL, &err));
        size_t n = 0, rows = some ? 5 : 8, taught = 0;
        assert_int_equal(map.n, beside ? 2 * rows : rows);
        assert_int_equal(step.n_trees, share ? 2 : rows);
        for (size_t r = 0; r < map.n; r++) {
            struct made own = m;
            for (size_t g = 0; g < 2; g++) {
                own.used[g] = &own.group[g];
                own.group[g].prompt = map.taught[r] ? hinted[g] : m.prompt[g];
                own.group[g].n_prompt = map.taught[r] ? m.group[g].n_hinted : m.group[g].n_prompt;
            }
            own.round.used = own.used;
            taught += map.taught[r];
            n += check_row(b, &own, &step, &map, r);
        }
        assert_int_equal(taught, rows);
        assert_int_equal(n, step.n);
        unmake(&m);
    }
    raml_row_map_deinit(&map);
    raml_step_deinit(&step);
    raml_packs_deinit(&packs);
}

static void test_rows(void **state)
{
    struct raml_err err = {0};
    struct made m;
    (void)state;
    make(&m);
    m.sample[0][2].in_policy = false;
    m.sample[1][1].in_loss = false;
    CHECK_OK(raml_round_lay(&m.round, 0, false, &err));
    assert_int_equal(m.round.n_rows, 8);
    assert_int_equal(m.round.n, 48);
    assert_int_equal(m.round.first_row[1], 4);
    for (size_t r = 0; r < 8; r++) {
        const struct raml_rollout *x = m.round.row[r];
        assert_int_equal(m.round.start[r + 1] - m.round.start[r], x->n);
        assert_true(m.round.reward[r] == (double)(r % G) && m.round.group_of[r] == r / G);
        for (size_t i = 0; i < x->n; i++) {
            float all = x->in_loss && i != 2 ? 1.0F : 0.0F, policy = x->in_policy ? all : 0.0F;
            size_t at = m.round.start[r] + i;
            assert_true(m.round.weight[at] == all && m.round.policy_weight[at] == policy);
            assert_true(m.round.mu_logp[at] == (i == 2 ? 0.0F : -0.5F));
        }
    }
    /* where the sampler was the policy, what it left out of the vocabulary does not count */
    float mu[12];
    for (size_t i = 0; i < 12; i++) mu[i] = -0.25F;
    m.sample[0][3].mu_logp = mu;
    for (int policy = 0; policy < 2; policy++) {
        CHECK_OK(raml_round_lay(&m.round, 0, policy, &err));
        assert_true(m.round.mu_logp[m.round.start[3]] == (policy ? -0.5F : -0.25F));
    }
    unmake(&m);
}

/* n of the samples, each equally often over many rounds; the same ones for the same round. */
static void test_updates(void **state)
{
    struct made m;
    size_t count[G] = {0};
    enum { ROUNDS = 4000 };
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        bool taken[2][G];
        for (int again = 0; again < 2; again++) {
            make(&m);
            raml_round_draw_updates(&m.group[0], 3, again, 7, round);
            for (size_t k = 0; k < G; k++) {
                taken[again][k] = m.sample[0][k].in_policy;
                assert_true(m.sample[0][k].in_loss == (taken[again][k] || again));
                assert_true(m.sample[0][k].is_row == (taken[again][k] || again));
            }
        }
        assert_memory_equal(taken[0], taken[1], sizeof taken[0]);
        size_t n = 0;
        for (size_t k = 0; k < G; k++) n += taken[0][k];
        assert_int_equal(n, 3);
        for (size_t k = 0; k < G; k++) count[k] += taken[0][k];
    }
    for (size_t k = 0; k < G; k++) { /* 5 deviations of a binomial */
        double far = fabs((double)count[k] - 0.75 * ROUNDS) / sqrt(0.75 * 0.25 * ROUNDS);
        if (!(far <= 5)) print_error("sample %zu was drawn %zu times of %d\n", k, count[k], ROUNDS);
        assert_true(far <= 5);
    }
    make(&m);
    raml_round_draw_updates(&m.group[0], 0, false, 7, 1);
    for (size_t k = 0; k < G; k++) assert_true(m.sample[0][k].in_loss);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_paths), TEST(test_teacher), TEST(test_rows), TEST(test_updates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
