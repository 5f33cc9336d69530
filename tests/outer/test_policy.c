/* Policy-gradient objectives beyond the oracle: slopes, parts, coefficients before the pass, ranks, masks, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_rig.h"

#include <pthread.h>

enum { N_ROWS = 6, N = 23 };
/* Rows of 5, 4, 1, 6, 3 and 4 tokens in groups of two; a row without trained tokens, a token in the middle of another. */
static const size_t start[N_ROWS + 1] = {0, 5, 9, 10, 16, 19, 23};

struct inputs {
    float weight[N], logp[N], old_logp[N], mu_logp[N], ref_logp[N], entropy[N];
    double advantage[N], correction[N], scale[3][N];
    double exact[N]; /* logp in double, for slopes */
};

static float drawn(uint32_t what, size_t i, double low, double high)
{
    return (float)(low + (high - low) * fmod(sin((double)(i * 12 + what + 1)) * 43758.5453 + 65536.0, 1.0));
}

static void fill(struct inputs *in)
{
    for (size_t i = 0; i < N; i++) {
        in->weight[i] = i == 2 || (i >= 16 && i < 19) ? 0.0f : 1.0f;
        in->logp[i] = drawn(0, i, -2.5, -0.2);
        in->old_logp[i] = in->logp[i] + drawn(1, i, -0.4, 0.4);
        in->mu_logp[i] = in->old_logp[i] + drawn(2, i, -0.4, 0.4);
        in->ref_logp[i] = in->logp[i] + drawn(3, i, -0.8, 0.8);
        in->entropy[i] = drawn(4, i, 0.1, 2.0);
        in->advantage[i] = (double)drawn(5, i < 5 ? 0 : i < 10 ? 1 : 2, -1.0, 1.0) + 0.2;
        in->correction[i] = 1.0 + (double)drawn(6, i, -0.3, 0.3);
        in->exact[i] = (double)in->logp[i];
    }
    in->advantage[9] = -0.75; /* a row of one token, whose advantage is negative */
}

static void scales(const struct raml_policy_options *opt, struct inputs *in)
{
    struct raml_err err = {0};
    for (int term = 0; term < 3; term++)
        CHECK_OK(raml_aggregation(opt, (enum raml_policy_term)term, N_ROWS, start, in->weight, raml_comm_alone(),
                                  in->scale[term], &err));
}

static struct raml_terms terms(const struct inputs *in)
{
    return (struct raml_terms){
        .n_rows = N_ROWS,
        .start = start,
        .logp = in->logp,
        .entropy = in->entropy,
        .weight = in->weight,
        .old_logp = in->old_logp,
        .mu_logp = in->mu_logp,
        .ref_logp = in->ref_logp,
        .advantage = in->advantage,
        .correction = in->correction,
        .scale = in->scale[RAML_TERM_POLICY],
        .kl_scale = in->scale[RAML_TERM_KL],
        .entropy_scale = in->scale[RAML_TERM_ENTROPY],
    };
}

static const char *const losses[] = {
    "policy_loss=clip dual_clip=3",
    "policy_loss=clip delta=1.4",
    "policy_loss=clip ratio_level=sequence",
    "policy_loss=clip ratio_log_clamp=0.3",
    "policy_loss=cispo ratio_low=0.8 ratio_high=1.2",
    "policy_loss=sapo",
    "policy_loss=sapo ratio_level=sequence",
    "policy_loss=gmpo epsilon=0.1 epsilon_high=0.1",
    "policy_loss=reinforce",
    "policy_loss=dppo-tv ratio_high=3",
    "policy_loss=dppo-kl epsilon=0.05 epsilon_high=0.05",
    "policy_loss=dppo-tv-ratio ratio_against=sampler log_ratio_square=0.1",
    "policy_loss=ipo-ratio ratio_against=sampler",
    "policy_loss=dro",
    "policy_loss=vespo",
    "policy_loss=nll",
    "policy_loss=dft",
};
static const char *const estimators[] = {"k1",  "k2",           "k3",          "abs",     "k1+",
                                         "k3+", "k3-corrected", "k1-weighted", "k3-score"};

/* ---- slopes --------------------------------------------------------------------------------------------------------- */

/* A detached factor of the policy term, its logp replaced by that of `at`: what the loss is where sg() holds things still. */
static bool is_detached(const struct raml_policy_options *opt)
{
    return opt->policy_loss == RAML_LOSS_CISPO || opt->policy_loss == RAML_LOSS_DPPO_TV ||
           opt->policy_loss == RAML_LOSS_DPPO_KL || opt->policy_loss == RAML_LOSS_VESPO ||
           opt->policy_loss == RAML_LOSS_DFT;
}

/* Loss at in->exact; d_logp may be NULL. */
static double in_double(const struct raml_policy_options *opt, const struct inputs *in, double *d_logp)
{
    struct rig_values weight = {.given = true}, old = weight, mu = weight, ref = weight, entropy = weight;
    for (size_t i = 0; i < N; i++) {
        weight.x[i] = (double)in->weight[i];
        old.x[i] = (double)in->old_logp[i];
        mu.x[i] = (double)in->mu_logp[i];
        ref.x[i] = (double)in->ref_logp[i];
        entropy.x[i] = (double)in->entropy[i];
    }
    struct raml_policy_sums sums = {0};
    for (size_t r = 0; r < N_ROWS; r++) {
        size_t at = start[r];
        struct raml_policy_row row = {.n = start[r + 1] - at,
                                      .weight = weight.x + at,
                                      .logp = in->exact + at,
                                      .old_logp = old.x + at,
                                      .mu_logp = mu.x + at,
                                      .ref_logp = ref.x + at,
                                      .entropy = entropy.x + at,
                                      .advantage = in->advantage + at,
                                      .correction = in->correction + at,
                                      .scale = in->scale[RAML_TERM_POLICY] + at,
                                      .kl_scale = in->scale[RAML_TERM_KL] + at,
                                      .entropy_scale = in->scale[RAML_TERM_ENTROPY] + at,
                                      .entropy_threshold = -INFINITY,
                                      .entropy_divisor = 1.0};
        raml_policy_row(opt, &row, d_logp ? d_logp + at : NULL, NULL, &sums);
    }
    return sums.loss;
}

static double slope(const struct raml_policy_options *opt, struct inputs *in, size_t i)
{
    double keep = in->exact[i], h = 1e-5;
    in->exact[i] = keep + h;
    double up = in_double(opt, in, NULL);
    in->exact[i] = keep - h;
    double down = in_double(opt, in, NULL);
    in->exact[i] = keep;
    return (up - down) / (2.0 * h);
}

/* What differences can't see: the part of the slope that sg() takes away, by hand. */
static double hidden(const struct raml_policy_options *opt, const struct inputs *in, size_t i)
{
    double delta = (double)in->ref_logp[i] - in->exact[i], w = opt->beta * in->scale[RAML_TERM_KL][i];
    switch (opt->kl_estimator) {
    case RAML_KL_K1_PLUS: return w * (-delta - 1.0);
    case RAML_KL_K3_PLUS: return w * (-delta - (1.0 - exp(delta)));
    case RAML_KL_K3_SCORE: return w * (exp(delta) - delta - 1.0);
    default: return 0.0;
    }
}

/* Each loss with each estimator of KL, where the loss is a function that differences see: not the detached ones, whose
 * coefficient is compared with -w A by the oracle. */
static void test_slopes(void **state)
{
    (void)state;
    struct inputs in;
    fill(&in);
    size_t n = 0;
    for (size_t l = 0; l < COUNT(losses); l++)
        for (size_t k = 0; k < COUNT(estimators); k++) {
            struct raml_policy_options opt = rig_options();
            rig_set(&opt, losses[l]);
            rig_set(&opt, "loss_aggregation=seq-mean-token-mean beta=0.1");
            rig_set_one(&opt, "kl_estimator", estimators[k]);
            scales(&opt, &in);
            double with[N], without[N], d[N];
            in_double(&opt, &in, d);
            struct raml_policy_options kl = opt;
            if (is_detached(&opt)) { /* the KL term alone */
                opt.beta = 0.0;
                in_double(&opt, &in, without);
                opt.beta = 0.1;
                rig_set(&kl, "policy_loss=reinforce");
                for (size_t i = 0; i < N; i++) with[i] = d[i] - without[i];
                kl.beta = 0.0;
                in_double(&kl, &in, without);
                kl.beta = 0.1;
                for (size_t i = 0; i < N; i++) d[i] = with[i] + without[i];
            }
            for (size_t i = 0; i < N; i++)
                CHECK_NEAR(losses[l], d[i], slope(&kl, &in, i) + (in.weight[i] > 0 ? hidden(&kl, &in, i) : 0.0), 1e-8);
            n++;
        }
    print_message("slopes: %zu of %zu pairs of policy loss and KL estimator\n", n, COUNT(losses) * COUNT(estimators));
}

/* The coefficient of a detached loss is the loss's value over logp: the loss is linear in it, all else held. */
static void test_detached(void **state)
{
    (void)state;
    struct inputs in;
    fill(&in);
    for (size_t l = 0; l < COUNT(losses); l++) {
        struct raml_policy_options opt = rig_options();
        double d[N], sum = 0.0;
        rig_set(&opt, losses[l]);
        if (!is_detached(&opt)) continue;
        scales(&opt, &in);
        double loss = in_double(&opt, &in, d);
        for (size_t i = 0; i < N; i++) sum += d[i] * in.exact[i];
        CHECK_NEAR(losses[l], sum, loss, 1e-12);
    }
}

/* ---- parts ---------------------------------------------------------------------------------------------------------- */

static void test_parts(void **state)
{
    (void)state;
    static const size_t cuts[][4] = {{0, 2, 4, 6}, {0, 2, 2, 6}, {0, 4, 6, 6}, {0, 0, 4, 6}};
    struct inputs in;
    fill(&in);
    for (size_t l = 0; l < COUNT(losses); l++) {
        struct raml_err err = {0};
        struct raml_policy_options opt = rig_options();
        rig_set(&opt, losses[l]);
        rig_set(&opt, "beta=0.1 entropy_coef=0.01");
        scales(&opt, &in);
        struct raml_policy p = {.options = &opt};
        struct raml_objective o = raml_policy_objective(&p);
        assert_int_equal(o.scope, RAML_SCOPE_GROUP);
        struct raml_terms t = terms(&in);
        double d[N], e[N], dp[N], ep[N];
        struct raml_statistics whole = {0};
        struct raml_objective_out out = {.d_logp = d, .d_entropy = e, .statistics = &whole};
        CHECK_OK(o.evaluate(o.user, &t, &out, &err));
        for (size_t c = 0; c < COUNT(cuts); c++) {
            double loss = 0.0;
            struct raml_statistics parts = {0};
            memset(dp, 7, sizeof dp);
            memset(ep, 7, sizeof ep);
            for (size_t k = 0; k < 3; k++) {
                t.first_row = cuts[c][k];
                t.n_rows = cuts[c][k + 1] - t.first_row;
                struct raml_objective_out part = {.d_logp = dp, .d_entropy = ep, .statistics = &parts};
                CHECK_OK(o.evaluate(o.user, &t, &part, &err));
                loss += part.loss;
            }
            CHECK_NEAR(losses[l], loss, out.loss, 1e-12);
            assert_memory_equal(dp, d, sizeof d);
            assert_memory_equal(ep, e, sizeof e);
            for (size_t k = 0; k < whole.n; k++)
                CHECK_NEAR(whole.item[k].name, parts.item[k].is_max ? parts.item[k].most : parts.item[k].sum,
                           whole.item[k].is_max ? whole.item[k].most : whole.item[k].sum, 1e-12);
        }
    }
}

/* ---- coefficients before the pass ------------------------------------------------------------------------------------- */

static void test_constant(void **state)
{
    (void)state;
    struct inputs in;
    size_t claimed = 0;
    fill(&in);
    for (size_t l = 0; l < COUNT(losses); l++) {
        struct raml_err err = {0};
        struct raml_policy_options opt = rig_options();
        rig_set(&opt, losses[l]);
        rig_set(&opt, "opsm_delta=0.1");
        scales(&opt, &in);
        struct raml_policy on = {.options = &opt, .on_policy = true}, off = {.options = &opt};
        struct raml_objective o = raml_policy_objective(&on), general = raml_policy_objective(&off);
        assert_false(general.constant);
        bool expected = opt.policy_loss != RAML_LOSS_DFT && opt.ratio_against == RAML_AGAINST_OLD;
        assert_int_equal(o.constant, expected);
        if (!o.constant) continue;
        claimed++;
        struct raml_terms t = terms(&in);
        double before[N], after[N], own[N];
        struct raml_objective_out out = {.d_logp = before}, out_after = {.d_logp = after}, out_own = {.d_logp = own};
        t.old_logp = NULL;
        CHECK_OK(o.evaluate(o.user, &t, &out_own, &err)); /* the ratio is 1 by construction */
        t.logp = t.entropy = NULL;
        CHECK_OK(o.evaluate(o.user, &t, &out, &err));
        t = terms(&in);
        t.old_logp = t.logp; /* the general path */
        CHECK_OK(general.evaluate(general.user, &t, &out_after, &err));
        CHECK_NEAR("loss of the pass itself", out_own.loss, out_after.loss, 1e-15);
        for (size_t i = 0; i < N; i++) {
            CHECK_NEAR(losses[l], before[i], after[i], 1e-15);
            CHECK_NEAR(losses[l], own[i], after[i], 1e-15);
        }
    }
    assert_int_equal(claimed, COUNT(losses) - 3);
    print_message("coefficients before the pass: %zu losses\n", claimed);
}

/* A term that asks for logp or entropy, and a bound at or below 1, take the claim away. */
static void test_not_constant(void **state)
{
    (void)state;
    static const char *const settings[] = {"beta=0.1",
                                           "entropy_coef=0.01",
                                           "top_entropy_quantile=0.5",
                                           "dual_clip=1",
                                           "delta=1",
                                           "opsm_delta=0.1 opsm_against=sampler",
                                           "policy_loss=dft",
                                           "ratio_against=sampler"};
    for (size_t i = 0; i < COUNT(settings); i++) {
        struct raml_policy_options opt = rig_options();
        struct raml_policy p = {.options = &opt, .on_policy = true};
        assert_true(raml_policy_objective(&p).constant);
        rig_set(&opt, settings[i]);
        assert_false(raml_policy_objective(&p).constant);
    }
}

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
        cmocka_unit_test(test_slopes),
        cmocka_unit_test(test_detached),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_not_constant),
        cmocka_unit_test(test_ranks),
        cmocka_unit_test(test_micro_batches_of_ranks),
        cmocka_unit_test(test_nothing_trained),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_not_read),
        cmocka_unit_test(test_likelihood),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_terms_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
