/* Policy-gradient objectives over ranks and at the ends of their ranges: masks, values that are not finite, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_inputs.h"

#include <pthread.h>

/* ---- ranks ---------------------------------------------------------------------------------------------------------- */

/* Two ranks as two threads. */
struct two {
    pthread_barrier_t barrier;
    double sums[2][64];
    unsigned char bytes[2][4096];
};
struct rank {
    struct raml_comm comm;
    struct two *two;
};

static enum raml_code sum_of_two(void *user, double *x, size_t n, struct raml_err *err)
{
    const struct rank *r = user;
    (void)err;
    memcpy(r->two->sums[r->comm.rank], x, n * sizeof *x);
    pthread_barrier_wait(&r->two->barrier);
    for (size_t i = 0; i < n; i++) x[i] = r->two->sums[0][i] + r->two->sums[1][i];
    pthread_barrier_wait(&r->two->barrier);
    return RAML_OK;
}

static enum raml_code gather_two(void *user, const void *part, void *all, size_t bytes, struct raml_err *err)
{
    const struct rank *r = user;
    (void)err;
    memcpy(r->two->bytes[r->comm.rank], part, bytes);
    pthread_barrier_wait(&r->two->barrier);
    for (size_t k = 0; r->comm.rank == 0 && k < 2; k++)
        memcpy((unsigned char *)all + k * bytes, r->two->bytes[k], bytes);
    pthread_barrier_wait(&r->two->barrier);
    return RAML_OK;
}

static enum raml_code scatter_two(void *user, const void *all, void *part, size_t bytes, struct raml_err *err)
{
    const struct rank *r = user;
    (void)err;
    for (size_t k = 0; r->comm.rank == 0 && k < 2; k++)
        memcpy(r->two->bytes[k], (const unsigned char *)all + k * bytes, bytes);
    pthread_barrier_wait(&r->two->barrier);
    memcpy(part, r->two->bytes[r->comm.rank], bytes);
    pthread_barrier_wait(&r->two->barrier);
    return RAML_OK;
}

/* All of a round on rows from .. to of the inputs: advantages, corrections, scales, loss and coefficients. */
struct round {
    struct rank rank;
    struct raml_policy_options opt;
    const struct inputs *in;
    size_t from, to, local_start[N_ROWS + 1];
    double advantage[N], correction[N], scale[3][N], d_logp[N], d_entropy[N], loss;
    float mask[N];
    enum raml_code rc;
};
static const double reward[N_ROWS] = {1, 0, 0.25, 0, 1, 0.5};
static const uint32_t group[N_ROWS] = {0, 0, 1, 1, 2, 2};

static void *run_round(void *user)
{
    struct round *x = user;
    struct raml_err err = {0};
    size_t at = start[x->from], n_rows = x->to - x->from;
    const struct inputs *in = x->in;
    for (size_t r = 0; r <= n_rows; r++) x->local_start[r] = start[x->from + r] - at;
    memcpy(x->mask, in->weight + at, (start[x->to] - at) * sizeof *x->mask);
    struct raml_rollouts r = {.n_rows = n_rows,
                              .start = x->local_start,
                              .weight = in->weight + at,
                              .old_logp = in->old_logp + at,
                              .mu_logp = in->mu_logp + at,
                              .ref_logp = in->ref_logp + at,
                              .reward = reward + x->from,
                              .group = group + x->from};
    x->rc = raml_advantages(&x->opt, &r, &x->rank.comm, x->advantage, &err);
    if (!x->rc) x->rc = raml_corrections(&x->opt, &r, x->advantage, &x->rank.comm, x->correction, x->mask, &err);
    for (int k = 0; !x->rc && k < 3; k++)
        x->rc = raml_aggregation(&x->opt, (enum raml_policy_term)k, n_rows, x->local_start, x->mask, &x->rank.comm,
                                 x->scale[k], &err);
    struct raml_terms t = {.n_rows = n_rows,
                           .start = x->local_start,
                           .logp = in->logp + at,
                           .entropy = in->entropy + at,
                           .weight = x->mask,
                           .old_logp = r.old_logp,
                           .mu_logp = r.mu_logp,
                           .ref_logp = r.ref_logp,
                           .advantage = x->advantage,
                           .correction = x->correction,
                           .scale = x->scale[0],
                           .kl_scale = x->scale[1],
                           .entropy_scale = x->scale[2]};
    struct raml_policy p = {.options = &x->opt, .comm = &x->rank.comm};
    struct raml_objective o = raml_policy_objective(&p);
    struct raml_objective_out out = {.d_logp = x->d_logp, .d_entropy = x->d_entropy};
    if (!x->rc) x->rc = o.evaluate(o.user, &t, &out, &err);
    x->loss = out.loss;
    return NULL;
}

/* Two ranks have the sums, and so the coefficients, of one process with all rows. */
static void test_ranks(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "scale_rewards=batch",
        "scale_rewards=batch-centred",
        "scale_rewards=nonzero",
        "reinforce++-baseline loss_aggregation=seq-mean-token-sum-norm",
        "whiten_advantages=rows loss_aggregation=token-sum-norm",
        "correction=tis-token correction_high=1.2 correction_normalise=true loss_aggregation=seq-mean-token-mean",
        "top_entropy_quantile=0.4 entropy_coef=0.02 entropy_aggregation=token-mean-of-kept",
        "top_entropy_quantile=0.3 entropy_coef=0.02 entropy_aggregation=kept-sum-over-all-tokens beta=0.1",
    };
    struct inputs in;
    fill(&in);
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct two two;
        struct round whole = {.in = &in, .to = N_ROWS, .opt = rig_options()}, ranks[2];
        pthread_t thread;
        pthread_barrier_init(&two.barrier, NULL, 2);
        rig_set(&whole.opt, settings[i]);
        whole.rank.comm = *raml_comm_alone();
        run_round(&whole);
        for (int k = 0; k < 2; k++) {
            ranks[k] = (struct round){.in = &in, .from = k ? 4 : 0, .to = k ? 6 : 4, .opt = whole.opt};
            ranks[k].rank.two = &two;
            ranks[k].rank.comm = (struct raml_comm){.rank = k,
                                                    .size = 2,
                                                    .user = &ranks[k].rank,
                                                    .sum = sum_of_two,
                                                    .gather = gather_two,
                                                    .scatter = scatter_two};
        }
        pthread_create(&thread, NULL, run_round, &ranks[1]);
        run_round(&ranks[0]);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&two.barrier);
        assert_true(!whole.rc && !ranks[0].rc && !ranks[1].rc);
        CHECK_NEAR(settings[i], ranks[0].loss + ranks[1].loss, whole.loss, 1e-12);
        for (size_t t = 0; t < N; t++) {
            const struct round *x = &ranks[t >= start[4]];
            CHECK_NEAR(settings[i], x->d_logp[t - start[x->from]], whole.d_logp[t], 1e-12);
            CHECK_NEAR(settings[i], x->d_entropy[t - start[x->from]], whole.d_entropy[t], 1e-12);
        }
    }
}

/* Parts of a rank's rows are averaged over all ranks' parts: no sum is asked for. */
static void test_micro_batches_of_ranks(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_policy_options opt = rig_options();
    struct raml_comm comm = {.rank = 1, .size = 2};
    static const size_t two_rows[] = {0, 3, 4};
    double scale[4];
    opt.loss_micro_batches = 2;
    CHECK_OK(raml_aggregation(&opt, RAML_TERM_POLICY, 2, two_rows, NULL, &comm, scale, &err));
    CHECK_NEAR("a token of three, four parts", scale[0], 1.0 / 12, 1e-15);
    CHECK_NEAR("one token, four parts", scale[3], 1.0 / 4, 1e-15);
}

/* ---- ends of ranges --------------------------------------------------------------------------------------------------- */

static void test_nothing_trained(void **state)
{
    (void)state;
    struct inputs in;
    fill(&in);
    memset(in.weight, 0, sizeof in.weight);
    for (size_t l = 0; l < COUNT(losses); l++)
        for (size_t n_rows = 0; n_rows <= N_ROWS; n_rows += N_ROWS) {
            struct raml_policy_options opt = rig_options();
            rig_set(&opt, losses[l]);
            rig_set(&opt, "beta=0.1 entropy_coef=0.1 top_entropy_quantile=0.5 whiten_advantages=tokens "
                          "correction=tis-sequence correction_normalise=true loss_aggregation=seq-mean-token-mean");
            struct round x = {.in = &in, .to = n_rows, .opt = opt, .rank = {.comm = *raml_comm_alone()}};
            run_round(&x);
            assert_int_equal(x.rc, RAML_OK);
            assert_true(x.loss == 0.0);
            for (size_t i = 0; i < start[n_rows]; i++) assert_true(x.d_logp[i] == 0.0 && x.d_entropy[i] == 0.0);
        }
}

/* Rewards that are all equal have no deviation, and no eps beside it here: 0, not 0 / 0. */
static void test_all_equal(void **state)
{
    (void)state;
    static const char *const settings[] = {"whiten_advantages=rows", "whiten_advantages=tokens",
                                           "scale_rewards=others advantage_baseline=leave-one-out", "maxrl", "opo"};
    static const double equal[N_ROWS] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1};
    struct raml_rollouts r = {.n_rows = N_ROWS, .start = start, .reward = equal, .group = group};
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct raml_err err = {0};
        struct raml_policy_options opt = rig_options();
        double advantage[N];
        rig_set(&opt, "advantage_eps=0 scale_rewards=none");
        rig_set(&opt, settings[i]);
        CHECK_OK(raml_advantages(&opt, &r, raml_comm_alone(), advantage, &err));
        for (size_t t = 0; t < N; t++) CHECK_NEAR(settings[i], advantage[t], 0.0, 1e-15);
    }
}

/* What is not finite goes through to the loss and to its row's coefficients; other rows keep theirs. */
static void test_not_finite(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct inputs in;
    fill(&in);
    in.logp[3] = NAN;
    struct raml_policy_options opt = rig_options();
    scales(&opt, &in);
    struct raml_policy p = {.options = &opt};
    struct raml_objective o = raml_policy_objective(&p);
    struct raml_terms t = terms(&in);
    double d[N];
    struct raml_statistics s = {0};
    struct raml_objective_out out = {.d_logp = d, .statistics = &s};
    CHECK_OK(o.evaluate(o.user, &t, &out, &err));
    assert_true(isnan(out.loss) && isnan(d[3]));
    assert_true(isnan(raml_statistics_value(&s, "ratio_max")));
    for (size_t i = 5; i < N; i++) assert_true(isfinite(d[i]));
}

/* A token of weight 0, and one of scale 0, is not read: 0 * inf would be NaN. */
static void test_not_read(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct inputs in;
    fill(&in);
    struct raml_policy_options opt = rig_options();
    scales(&opt, &in);
    in.logp[2] = INFINITY; /* weight 0 */
    in.logp[4] = 1000.0f;  /* exp of it is infinite */
    in.scale[RAML_TERM_POLICY][4] = 0.0;
    struct raml_policy p = {.options = &opt};
    struct raml_objective o = raml_policy_objective(&p);
    struct raml_terms t = terms(&in);
    double d[N];
    struct raml_objective_out out = {.d_logp = d};
    CHECK_OK(o.evaluate(o.user, &t, &out, &err));
    assert_true(isfinite(out.loss) && d[2] == 0.0 && d[4] == 0.0);
}

/* - sum likelihood * logp, whether a token has weight or not. */
static void test_likelihood(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct inputs in;
    fill(&in);
    struct raml_policy_options opt = rig_options();
    scales(&opt, &in);
    struct raml_policy p = {.options = &opt};
    struct raml_objective o = raml_policy_objective(&p);
    struct raml_terms t = terms(&in);
    double d[N], with[N], likelihood[N] = {[2] = 0.25, [4] = 0.5};
    struct raml_objective_out out = {.d_logp = d}, out_with = {.d_logp = with};
    CHECK_OK(o.evaluate(o.user, &t, &out, &err));
    t.likelihood = likelihood;
    CHECK_OK(o.evaluate(o.user, &t, &out_with, &err));
    CHECK_NEAR("loss", out_with.loss - out.loss, -0.25 * in.exact[2] - 0.5 * in.exact[4], 1e-12);
    for (size_t i = 0; i < N; i++) CHECK_NEAR("coefficient", with[i] - d[i], -likelihood[i], 1e-15);
}

/* ---- refusals --------------------------------------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct inputs in;
    fill(&in);
    struct raml_policy_options opt = rig_options();
    struct raml_rollouts r = {.n_rows = N_ROWS, .start = start, .reward = reward, .group = group};
    double x[N];
    rig_set(&opt, "mrt");
    assert_int_equal(raml_advantages(&opt, &r, raml_comm_alone(), x, &err), RAML_EUSAGE);
    assert_true(has(err.msg, "termination"));
    opt = rig_options();
    rig_set(&opt, "gdpo");
    assert_int_equal(raml_advantages(&opt, &r, raml_comm_alone(), x, &err), RAML_EUSAGE);
    assert_true(has(err.msg, "components"));
    opt = rig_options();
    rig_set(&opt, "beta=0.1 kl_in=reward");
    assert_int_equal(raml_advantages(&opt, &r, raml_comm_alone(), x, &err), RAML_EUSAGE);
    assert_true(has(err.msg, "reference model"));
    opt = rig_options();
    rig_set(&opt, "correction=tis-token");
    r.mu_logp = in.mu_logp;
    float mask[N];
    memcpy(mask, in.weight, sizeof mask);
    assert_int_equal(raml_corrections(&opt, &r, in.advantage, raml_comm_alone(), x, mask, &err), RAML_EUSAGE);
    r.mu_logp = NULL; /* the policy sampled: weights are 1 */
    CHECK_OK(raml_corrections(&opt, &r, in.advantage, raml_comm_alone(), x, mask, &err));
    for (size_t i = 0; i < N; i++) assert_true(x[i] == (in.weight[i] > 0.0f ? 1.0 : 0.0));
}

static void test_terms_refused(void **state)
{
    (void)state;
    static const char *const settings[] = {"epsilon=0.2", "beta=0.1", "entropy_coef=0.1", "top_entropy_quantile=0.5"};
    struct raml_err err = {0};
    struct inputs in;
    fill(&in);
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct raml_policy_options opt = rig_options();
        rig_set(&opt, settings[i]);
        scales(&opt, &in);
        struct raml_policy p = {.options = &opt};
        struct raml_objective o = raml_policy_objective(&p);
        struct raml_terms t = terms(&in);
        t.ref_logp = t.entropy = NULL;
        if (i == 0) t.scale = NULL;
        struct raml_objective_out out = {.loss = 7};
        assert_int_equal(o.evaluate(o.user, &t, &out, &err), RAML_EUSAGE);
        assert_true(out.loss == 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),           cmocka_unit_test(test_micro_batches_of_ranks),
        cmocka_unit_test(test_nothing_trained), cmocka_unit_test(test_all_equal),
        cmocka_unit_test(test_not_finite),      cmocka_unit_test(test_not_read),
        cmocka_unit_test(test_likelihood),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_terms_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
