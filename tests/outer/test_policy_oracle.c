/* Policy-gradient losses, their derivatives and statistics against the oracle's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_rig.h"

/* ---- 2026: float32 inputs through the public functions ---------------------------------------------------------------- */

/* One case's constants, as a trainer would make them. */
struct step {
    double advantage[RIG_TOKENS], correction[RIG_TOKENS], scale[3][RIG_TOKENS];
    float weight[RIG_TOKENS], policy_weight[RIG_TOKENS];
};

/* per_sample or per_token of an advantage set; none: 0. */
static void oracle_advantages(const json_t *root, const struct rig_batch *b, const json_t *name, double *advantage)
{
    memset(advantage, 0, RIG_TOKENS * sizeof *advantage);
    if (!json_is_string(name)) return;
    const json_t *sets = rig_named(json_object_get(root, "advantages"), "batch", rig_text(b->from, "name"));
    const json_t *set = rig_named(json_object_get(sets, "items"), "name", json_string_value(name));
    const json_t *tokens = json_object_get(set, "per_token"), *rows = json_object_get(set, "per_sample");
    assert_true(tokens || rows);
    for (size_t r = 0; r < b->n_rows; r++)
        for (size_t i = b->start[r]; i < b->start[r + 1]; i++)
            advantage[i] = json_number_value(tokens ? json_array_get(json_array_get(tokens, r), i - b->start[r])
                                                    : json_array_get(rows, r));
}

/* Rows that a mask of the settings leaves out. */
static void leave_out(const struct rig_batch *b, const json_t *rows, float *weight)
{
    for (size_t r = 0; rows && r < b->n_rows; r++)
        if (json_integer_value(json_array_get(rows, r)) == 0)
            for (size_t i = b->start[r]; i < b->start[r + 1]; i++) weight[i] = 0.0f;
}

static void prepare(const struct raml_policy_options *opt, const struct rig_batch *b, const json_t *settings,
                    struct step *s)
{
    struct raml_err err = {0};
    struct raml_rollouts r = rig_rollouts(b);
    memcpy(s->weight, b->weight.f, sizeof s->weight);
    leave_out(b, json_object_get(settings, "sample_mask"), s->weight);
    CHECK_OK(raml_corrections(opt, &r, s->advantage, raml_comm_alone(), s->correction, s->weight, &err));
    memcpy(s->policy_weight, s->weight, sizeof s->weight);
    leave_out(b, json_object_get(settings, "policy_mask"), s->policy_weight);
    for (int term = 0; term < 3; term++)
        CHECK_OK(raml_aggregation(opt, (enum raml_policy_term)term, b->n_rows, b->start,
                                  term == RAML_TERM_POLICY ? s->policy_weight : s->weight, raml_comm_alone(),
                                  s->scale[term], &err));
}

static struct raml_terms terms_of(const struct rig_batch *b, const struct step *s)
{
    return (struct raml_terms){
        .n_rows = b->n_rows,
        .start = b->start,
        .logp = b->logp.f,
        .entropy = rig_floats(&b->entropy),
        .weight = s->weight,
        .old_logp = b->old_logp.f,
        .mu_logp = rig_floats(&b->mu_logp),
        .ref_logp = rig_floats(&b->ref_logp),
        .advantage = s->advantage,
        .correction = s->correction,
        .scale = s->scale[RAML_TERM_POLICY],
        .kl_scale = s->scale[RAML_TERM_KL],
        .entropy_scale = s->scale[RAML_TERM_ENTROPY],
    };
}

static bool same_derivatives(const struct rig_batch *b, const json_t *want_, const double *got)
{
    struct rig_values want = rig_ragged(b, want_); /* absent: 0 everywhere */
    double scale = rig_largest(want.x, b->n);
    bool same = true;
    for (size_t i = 0; i < b->n; i++) same = same && rig_near(got[i], want.x[i], 1e-6 * scale);
    return same;
}

/* The divisors of the oracle's metrics are N + 1e-8. Its clip_fraction of gmpo is where A > 0, the dual one where A < 0. */
static bool same_metrics(const json_t *metrics, bool gmpo, const struct raml_statistics *s)
{
    static const char *const names[][2] = {{"clip_fraction", "clip_ratio/region_mean"},
                                           {"clip_fraction_dual", "clip_ratio/dual_mean"},
                                           {"approx_kl", "approx_kl"}};
    for (size_t i = 0; metrics && i < COUNT(names); i++) {
        const json_t *want = json_object_get(metrics, names[i][0]);
        if (!json_is_number(want)) continue;
        for (size_t k = 0; k < s->n; k++)
            if (!strcmp(s->item[k].name, gmpo && i == 0 ? "clip_ratio/high_mean" : names[i][1]) &&
                !rig_near(s->item[k].sum / (s->item[k].count + 1e-8), json_number_value(want), 1e-12)) {
                print_error("%s: got %.17g, expected %.17g\n", names[i][0], s->item[k].sum / s->item[k].count,
                            json_number_value(want));
                return false;
            }
    }
    return true;
}

static void one_case(const json_t *root, const json_t *c, struct rig_count *losses, struct rig_count *metrics)
{
    struct raml_err err = {0};
    struct rig_batch b = rig_batch(rig_named(json_object_get(root, "batches"), "name", rig_text(c, "batch")));
    const json_t *settings = json_object_get(c, "settings");
    const char *id = rig_text(c, "id");
    struct raml_policy_options opt = rig_options();
    rig_settings(&opt, "", settings);
    /* The case of a framework that sums parts with a global count is the whole step. */
    if (json_object_get(json_object_get(settings, "aggregation"), "micro_batches") && !strstr(id, "/dapo/"))
        opt.loss_micro_batches = 2;
    struct step s;
    oracle_advantages(root, &b, json_object_get(c, "advantage"), s.advantage);
    prepare(&opt, &b, settings, &s);
    struct raml_terms t = terms_of(&b, &s);
    struct raml_policy p = {.options = &opt};
    struct raml_objective o = raml_policy_objective(&p);
    struct raml_statistics stats = {0};
    double d_logp[RIG_TOKENS] = {0}, d_entropy[RIG_TOKENS] = {0};
    struct raml_objective_out out = {.d_logp = d_logp, .d_entropy = d_entropy, .statistics = &stats};
    CHECK_OK(o.evaluate(o.user, &t, &out, &err));
    bool loss = rig_near(out.loss, rig_number(c, "loss"), rig_cancelled(d_logp, b.n));
    if (!loss) print_error("%s: loss %.17g, expected %.17g\n", id, out.loss, rig_number(c, "loss"));
    bool by_logp = same_derivatives(&b, json_object_get(c, "dloss_dlogp"), d_logp);
    bool by_entropy = same_derivatives(&b, json_object_get(c, "dloss_dentropy"), d_entropy);
    rig_note(losses, loss && by_logp && by_entropy, id, !loss ? "loss" : !by_logp ? "dloss/dlogp" : "dloss/dentropy");
    if (json_object_get(c, "metrics"))
        rig_note(metrics, same_metrics(json_object_get(c, "metrics"), opt.policy_loss == RAML_LOSS_GMPO, &stats), id,
                 "a metric");
}

static void test_2026(void **state)
{
    (void)state;
    json_t *root = rig_open("policy_gradient_2026.json"), *c;
    struct rig_count losses = {0}, metrics = {0};
    size_t i;
    json_array_foreach (json_object_get(root, "cases"), i, c) one_case(root, c, &losses, &metrics);
    json_decref(root);
    rig_done("losses of 2026 with both derivatives", losses);
    rig_done("their metrics", metrics);
}

/* ---- January 2026: inputs in double, through the function of one row ---------------------------------------------------- */

static double rows_in_double(const struct raml_policy_options *opt, const struct rig_batch *b, const double *advantage,
                             const double *scale, double *d_logp, struct raml_policy_sums *sums)
{
    for (size_t r = 0; r < b->n_rows; r++) {
        size_t at = b->start[r];
        struct raml_policy_row row = {.n = b->start[r + 1] - at,
                                      .logp = b->logp.x + at,
                                      .old_logp = b->old_logp.x + at,
                                      .ref_logp = b->ref_logp.x + at,
                                      .advantage = advantage + at,
                                      .scale = scale + at,
                                      .entropy_threshold = -INFINITY,
                                      .entropy_divisor = 1.0};
        raml_policy_row(opt, &row, d_logp + at, NULL, sums);
    }
    return sums->loss;
}

static void check_in_double(const struct raml_policy_options *opt, const struct rig_batch *b, const double *row_value,
                            const json_t *want, const char *where, struct rig_count *count)
{
    struct raml_err err = {0};
    double advantage[RIG_TOKENS], scale[RIG_TOKENS], d_logp[RIG_TOKENS] = {0};
    for (size_t r = 0; r < b->n_rows; r++)
        for (size_t i = b->start[r]; i < b->start[r + 1]; i++) advantage[i] = row_value ? row_value[r] : 0.0;
    CHECK_OK(raml_aggregation(opt, RAML_TERM_POLICY, b->n_rows, b->start, NULL, raml_comm_alone(), scale, &err));
    struct raml_policy_sums sums = {0};
    double loss = rows_in_double(opt, b, advantage, scale, d_logp, &sums);
    bool same = rig_near(loss, rig_number(want, "loss"), rig_cancelled(d_logp, b->n));
    if (!same) print_error("%s: loss %.17g, expected %.17g\n", where, loss, rig_number(want, "loss"));
    same = same && same_derivatives(b, json_object_get(want, "dloss_dlogp"), d_logp);
    if (json_object_get(want, "clip_fraction")) {
        double n = sums.tokens + 1e-8;
        same = same && rig_near((sums.low + sums.high) / n, rig_number(want, "clip_fraction"), 1e-12) &&
               rig_near(-sums.log_ratio / n, rig_number(want, "approx_kl"), 1e-12);
    }
    rig_note(count, same, where, "a loss");
}

static void january_loss(const struct rig_batch *b, const json_t *advantages, const json_t *c, struct rig_count *count)
{
    struct raml_policy_options opt = rig_options();
    const char *loss = rig_text(c, "policy_loss"), *mode = rig_text(c, "loss_agg");
    double value[RIG_ROWS], low = rig_number(c, "clip_low"), high = rig_number(c, "clip_high");
    opt.epsilon = low;
    opt.epsilon_high = high;
    if (!strcmp(loss, "gspo")) {
        rig_set(&opt, "ratio_level=sequence ratio_gradient=per-token ratio_log_max=10");
    } else if (!strcmp(loss, "cispo")) {
        rig_set(&opt, "policy_loss=cispo ratio_log_clamp=20");
        opt.ratio_low = 1.0 - low;
        opt.ratio_high = 1.0 + high;
    } else {
        rig_set(&opt, "ratio_log_clamp=20");
        opt.dual_clip = rig_number(c, "dual_clip");
    }
    opt.length_eps = 1e-8;
    /* January's seq-mean-token-sum-norm has no mean over rows. */
    rig_set_one(&opt, "loss_aggregation", !strcmp(mode, "seq-mean-token-sum-norm") ? "token-sum-norm" : mode);
    opt.norm_length = rig_number(c, "norm_length");
    const json_t *set = json_object_get(advantages, rig_text(c, "advantage"));
    for (size_t r = 0; r < b->n_rows; r++) value[r] = json_number_value(json_array_get(set, r));
    check_in_double(&opt, b, value, c, loss, count);
}

static void january_kl(const struct rig_batch *b, const json_t *c, struct rig_count *count)
{
    struct raml_policy_options opt = rig_options();
    rig_set(&opt, "policy_loss=reinforce beta=1 length_eps=1e-8");
    rig_set_one(&opt, "kl_estimator", rig_text(c, "estimator"));
    rig_set_one(&opt, "loss_aggregation", rig_text(c, "loss_agg"));
    check_in_double(&opt, b, NULL, c, rig_text(c, "estimator"), count);
}

/* Advantages by their presets. */
static void january_advantages(const struct rig_batch *b, const json_t *sets, struct rig_count *count)
{
    struct raml_rollouts r = rig_rollouts(b);
    const char *name;
    json_t *want;
    r.weight = NULL;
    json_object_foreach ((json_t *)sets, name, want) {
        struct raml_err err = {0};
        struct raml_policy_options opt = rig_options();
        double advantage[RIG_TOKENS];
        rig_set(&opt, name);
        opt.group_of_one = RAML_SINGLE_REWARD;
        CHECK_OK(raml_advantages(&opt, &r, raml_comm_alone(), advantage, &err));
        bool same = true;
        for (size_t k = 0; k < b->n_rows; k++)
            for (size_t i = b->start[k]; i < b->start[k + 1]; i++)
                same = same && rig_near(advantage[i], json_number_value(json_array_get(want, k)), 1e-6);
        rig_note(count, same, name, "an advantage");
    }
}

static void test_january(void **state)
{
    (void)state;
    json_t *root = rig_open("policy_gradient.json"), *batch, *c;
    struct rig_count losses = {0}, advantages = {0}, kl = {0};
    size_t i, k;
    json_array_foreach (json_object_get(root, "cases"), i, batch) {
        struct rig_batch b = rig_batch(batch);
        json_array_foreach (json_object_get(batch, "cases"), k, c)
            january_loss(&b, json_object_get(batch, "advantage"), c, &losses);
        json_array_foreach (json_object_get(batch, "kl"), k, c) january_kl(&b, c, &kl);
        january_advantages(&b, json_object_get(batch, "advantage"), &advantages);
    }
    json_decref(root);
    rig_done("losses of January 2026 with derivatives", losses);
    rig_done("KL of January 2026", kl);
    rig_done("advantages of January 2026", advantages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_january), cmocka_unit_test(test_2026)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
