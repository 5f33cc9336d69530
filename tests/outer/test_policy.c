/* Policy-gradient objectives beyond the oracle: slopes, parts, coefficients before the pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_inputs.h"

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
        double kl = raml_statistics_value(&whole, "kl_loss"),
               policy_loss = raml_statistics_value(&whole, "policy_loss");
        double entropy = out.loss - policy_loss - kl;
        for (size_t i = 0; i < N; i++) entropy -= e[i] * (double)in.entropy[i];
        CHECK_NEAR("the loss is the sum of its shares", entropy, 0.0, 1e-12);
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
            CHECK_NEAR("shares of the loss", raml_statistics_value(&parts, "policy_loss"), policy_loss, 1e-12);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slopes),   cmocka_unit_test(test_detached),     cmocka_unit_test(test_parts),
        cmocka_unit_test(test_constant), cmocka_unit_test(test_not_constant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
