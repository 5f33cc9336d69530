/* The terms of a step of rollouts, against divisors counted by hand: of samples that are all in the loss, of one that left
 * every term of it, of one that left the policy term alone, and of truncated ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "outer/rollout_source.h"

#include "check_near.h"

enum { SAMPLES = 3 };

struct made { /* one group: samples of 2, 3 and 4 tokens; the last one's second token was forced */
    struct raml_rollout_source source;
    struct raml_rollout_options rollouts;
    struct raml_policy_options policy;
    struct raml_rollout_group group, *used[1];
    struct raml_rollout sample[SAMPLES];
    struct raml_question question;
    int32_t prompt[2], token[SAMPLES][4];
    float logp[SAMPLES][4];
};

static void make(struct made *m, const char *settings)
{
    struct raml_err err = {0};
    memset(m, 0, sizeof *m);
    raml_settings_default(raml_rollout_settings, raml_n_rollout_settings, &m->rollouts);
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &m->policy);
    CHECK_OK(raml_settings_apply(raml_policy_settings, raml_n_policy_settings, &m->policy, settings, &err));
    m->question = (struct raml_question){.id = "q", .question = "one", .answer = "3"};
    m->group = (struct raml_rollout_group){
        .question = &m->question, .prompt = m->prompt, .n_prompt = 2, .n = SAMPLES, .sample = m->sample, .used = true};
    m->used[0] = &m->group;
    for (size_t k = 0; k < SAMPLES; k++) {
        for (size_t i = 0; i < 4; i++) {
            m->token[k][i] = (int32_t)(10 * k + i);
            m->logp[k][i] = k == 2 && i == 1 ? NAN : -0.5F;
        }
        m->sample[k] = (struct raml_rollout){.token = m->token[k],
                                             .logp = m->logp[k],
                                             .mu_logp = m->logp[k],
                                             .n = 2 + k,
                                             .is_row = true,
                                             .in_loss = true,
                                             .in_policy = true,
                                             .reward = k == 0};
    }
    m->source = (struct raml_rollout_source){
        .own = &m->rollouts, .policy = &m->policy, .comm = raml_comm_alone(), .questions = 1, .mix = {.n = 1}};
    m->source.round.used = m->used;
    m->source.round.n_used = 1;
}

static void lay(struct made *m, struct raml_step *step)
{
    struct raml_err err = {0};
    struct raml_round *r = &m->source.round;
    CHECK_OK(raml_round_lay(r, 1, false, &err));
    for (size_t i = 0; i < r->n; i++) r->advantage[i] = 10 + (double)i;
    CHECK_OK(raml_rollout_step(&m->source, 0, step, &err));
}

static void close_made(struct made *m, struct raml_step *step)
{
    raml_step_deinit(step);
    m->source.round.used = NULL;
    raml_round_deinit(&m->source.round);
    raml_row_map_deinit(&m->source.map);
}

/* Scales of policy and KL by row of the round: a row that is not in the step has -1; forced tokens have 0. */
struct want {
    double policy[SAMPLES], kl[SAMPLES], total;
};

static void check_step(const char *what, const struct made *m, const struct raml_step *s, const struct want *want)
{
    size_t rows = 0, n = 0;
    for (size_t k = 0; k < SAMPLES; k++) {
        if (want->policy[k] < 0) continue;
        assert_true(rows < s->n_rows && s->row[rows].trajectory == k);
        assert_int_equal(s->start[rows + 1] - s->start[rows], 2 + k);
        for (size_t i = 0; i < 2 + k; i++, n++) {
            bool forced = isnan(m->logp[k][i]);
            size_t of = m->source.round.start[k] + i;
            CHECK_NEAR(what, s->scale[n], forced ? 0 : want->policy[k], 1e-15);
            CHECK_NEAR(what, s->kl_scale[n], forced ? 0 : want->kl[k], 1e-15);
            CHECK_NEAR(what, s->entropy_scale[n], forced ? 0 : want->kl[k], 1e-15);
            CHECK_NEAR(what, s->advantage[n], 10 + (double)of, 0);
            assert_true(s->weight[n] == (forced ? 0.0F : 1.0F));
        }
        rows++;
    }
    assert_int_equal(s->n_rows, rows);
    CHECK_NEAR(what, s->total, want->total, 0);
    CHECK_NEAR(what, s->trained, want->total, 0);
}

#define TOKEN "loss_aggregation=token-mean"
#define ROWS "loss_aggregation=seq-mean-token-mean aggregation_rows="
static const struct {
    const char *what, *settings;
    int updates_scope;
    int out, truncated; /* a sample that was not drawn, one that is truncated and masked; -1: none */
    struct want want;
} cases[] = {
    {"tokens, all", TOKEN, 0, -1, -1, {{1 / 8., 1 / 8., 1 / 8.}, {1 / 8., 1 / 8., 1 / 8.}, 8}},
    {"tokens, one out", TOKEN, RAML_UPDATES_ALL_TERMS, 1, -1, {{1 / 5., -1, 1 / 5.}, {1 / 5., -1, 1 / 5.}, 5}},
    {"tokens, one out of the policy term",
     TOKEN,
     RAML_UPDATES_POLICY_TERM,
     1,
     -1,
     {{1 / 5., 0, 1 / 5.}, {1 / 8., 1 / 8., 1 / 8.}, 8}},
    {"tokens, one truncated", TOKEN, 0, -1, 2, {{1 / 5., 1 / 5., -1}, {1 / 5., 1 / 5., -1}, 5}},
    {"rows, all", ROWS "all", 0, -1, -1, {{1 / 6., 1 / 9., 1 / 9.}, {1 / 6., 1 / 9., 1 / 9.}, 8}},
    {"rows, one out", ROWS "all", RAML_UPDATES_ALL_TERMS, 1, -1, {{1 / 4., -1, 1 / 6.}, {1 / 4., -1, 1 / 6.}, 5}},
    {"rows, one out of the policy term",
     ROWS "nonempty",
     RAML_UPDATES_POLICY_TERM,
     1,
     -1,
     {{1 / 4., 0, 1 / 6.}, {1 / 6., 1 / 9., 1 / 9.}, 8}},
    {"all rows, one truncated", ROWS "all", 0, -1, 2, {{1 / 6., 1 / 9., -1}, {1 / 6., 1 / 9., -1}, 5}},
    {"rows, one truncated", ROWS "nonempty", 0, -1, 2, {{1 / 4., 1 / 6., -1}, {1 / 4., 1 / 6., -1}, 5}},
};

static void test_scales(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct made m;
        struct raml_step step = {0};
        make(&m, cases[i].settings);
        if (cases[i].truncated >= 0)
            m.sample[cases[i].truncated].in_loss = false; /* as mask_truncated_completions does */
        if (cases[i].out >= 0) {
            struct raml_rollout *x = &m.sample[cases[i].out];
            x->in_policy = false;
            if (cases[i].updates_scope == RAML_UPDATES_ALL_TERMS) x->in_loss = x->is_row = false;
        }
        lay(&m, &step);
        check_step(cases[i].what, &m, &step, &cases[i].want);
        close_made(&m, &step);
    }
}

/* Reading a shared prompt once: prompts of 2 tokens, samples whose last token is not read. */
static void test_sharing(void **state)
{
    (void)state;
    for (int shared = 0; shared < 2; shared++) {
        struct made m;
        struct raml_step step = {0};
        make(&m, "");
        m.rollouts.share_prompts = shared;
        lay(&m, &step);
        assert_int_equal(step.n_trees, shared ? 1 : 3);
        assert_int_equal(step.n_read, (shared ? 2 : 6) + 1 + 2 + 3);
        CHECK_NEAR("ratio", raml_statistics_value(&step.statistics, "tree_token_ratio"), shared ? 12 / 8. : 1, 1e-12);
        close_made(&m, &step);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scales), cmocka_unit_test(test_sharing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
