/* Presets: what they set, whole rounds of the oracle's frameworks by name, methods on them, and their description. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_rig.h"

/* A whole round by settings alone: its loss against a case's. */
static bool whole_round(const json_t *root, const char *settings, bool sampler, const char *id)
{
    struct raml_err err = {0};
    const json_t *c = rig_named(json_object_get(root, "cases"), "id", id);
    struct rig_batch b = rig_batch(rig_named(json_object_get(root, "batches"), "name", rig_text(c, "batch")));
    struct raml_policy_options opt = rig_options();
    struct raml_rollouts r = rig_rollouts(&b);
    double advantage[RIG_TOKENS], correction[RIG_TOKENS], scale[3][RIG_TOKENS], d_logp[RIG_TOKENS] = {0};
    float mask[RIG_TOKENS];
    rig_set(&opt, settings);
    CHECK_OK(raml_policy_check(&opt, &err));
    if (!sampler) r.mu_logp = NULL;
    memcpy(mask, b.weight.f, sizeof mask);
    CHECK_OK(raml_advantages(&opt, &r, raml_comm_alone(), advantage, &err));
    CHECK_OK(raml_corrections(&opt, &r, advantage, raml_comm_alone(), correction, mask, &err));
    for (int k = 0; k < 3; k++)
        CHECK_OK(raml_aggregation(&opt, (enum raml_policy_term)k, b.n_rows, b.start, mask, raml_comm_alone(), scale[k],
                                  &err));
    struct raml_terms t = {.n_rows = b.n_rows,
                           .start = b.start,
                           .logp = b.logp.f,
                           .weight = mask,
                           .old_logp = b.old_logp.f,
                           .mu_logp = sampler ? b.mu_logp.f : NULL,
                           .ref_logp = b.ref_logp.f,
                           .advantage = advantage,
                           .correction = correction,
                           .scale = scale[RAML_TERM_POLICY],
                           .kl_scale = scale[RAML_TERM_KL],
                           .entropy_scale = scale[RAML_TERM_ENTROPY]};
    struct raml_policy p = {.options = &opt};
    struct raml_objective o = raml_policy_objective(&p);
    struct raml_objective_out out = {.d_logp = d_logp};
    CHECK_OK(o.evaluate(o.user, &t, &out, &err));
    struct rig_values want = rig_ragged(&b, json_object_get(c, "dloss_dlogp"));
    bool same = rig_near(out.loss, rig_number(c, "loss"), rig_cancelled(d_logp, b.n));
    if (!same) print_error("%s: loss %.17g, expected %.17g\n", id, out.loss, rig_number(c, "loss"));
    for (size_t i = 0; i < b.n; i++) same = same && rig_near(d_logp[i], want.x[i], 1e-6 * rig_largest(want.x, b.n));
    return same;
}

/* The cases that the oracle names "BATCH/preset/NAME", with the sampler where the framework reads it. */
static void test_dated(void **state)
{
    (void)state;
    json_t *root = rig_open("policy_gradient_2026.json"), *preset, *id;
    struct rig_count cases = {0}, presets = {0};
    size_t i, k;
    json_array_foreach (json_object_get(root, "presets"), i, preset) {
        size_t failed = cases.total - cases.passed;
        const char *name = rig_text(preset, "name");
        json_array_foreach (json_object_get(preset, "cases"), k, id) {
            const char *text = json_string_value(id);
            if (!strstr(text, "/preset/")) continue; /* cases with other settings, in the test of all cases */
            bool sampler = strcmp(name, "trl-2026-07") != 0 || strstr(text, "/with-sampler") != NULL;
            rig_note(&cases, whole_round(root, name, sampler, text), text, "a whole round");
        }
        rig_note(&presets, cases.total - cases.passed == failed, name, "the preset");
    }
    json_decref(root);
    rig_done("whole rounds by dated presets", cases);
    rig_done("dated presets", presets);
}

/* The oracle's recipes: a framework's preset, then the method's. */
static void test_recipes(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *id;
        bool sampler;
    } recipes[] = {
        {"verl-2026-01 dr_grpo loss_aggregation=token-sum-norm norm_length=12 group_of_one=reward",
         "main/verl-2026-01/clip/seq-mean-token-sum-norm/L=12", false},
        {"verl-2026-08 dr_grpo norm_length=12 aggregation_rows=nonempty",
         "main/verl-2026-08/clip/seq-mean-token-sum-norm/L=12", false},
        {"trl-2026-07 dr_grpo norm_length=16", "main/trl-2026-07/dr_grpo/no-std", false},
        {"verl-2026-08 dapo", "main/verl-2026-08/clip-0.2-0.28/token-mean", false},
        {"trl-2026-07 dapo", "main/trl-2026-07/dapo/0.2-0.28", false},
        {"verl-2026-08 gspo aggregation_rows=nonempty ratio_gradient=per-token ratio_log_max=10 dual_clip=0",
         "main/verl-2026-08/gspo/0.0003-0.0004", false},
        {"trl-2026-07 gspo", "main/trl-2026-07/gspo-grpo", false},
        {"openrlhf-2026-08 gspo aggregation_rows=nonempty beta=0", "main/openrlhf-2026-08/gspo", false},
        {"slime-2026-08 gspo ratio_gradient=full", "main/slime-2026-08/gspo", false},
        {"verl-2026-08 cispo-verl-2026-08", "main/verl-2026-08/cispo/0.2-0.2", false},
        {"verl-2026-08 cispo ratio_low=-9 ratio_high=1.2", "main/verl-2026-08/cispo/10-0.2", false},
        {"trl-2026-07 cispo-trl-2026-07", "main/trl-2026-07/cispo", false},
        {"open-instruct-2026-08 cispo-open-instruct-2026-08 correction=none beta=0", "main/open-instruct-2026-08/cispo",
         true},
        {"verl-2026-08 cispo-nemo-2026-08 ratio_log_clamp=0 count_eps=1e-8 advantage_baseline=leave-one-out "
         "scale_rewards=others",
         "main/nemo-2026-08/cispo", false},
        {"slime-2026-08 cispo loss_aggregation=seq-mean-token-mean", "main/slime-2026-08/cispo", false},
        {"verl-2026-08 gmpo", "main/verl-2026-08/gmpo/0.4-0.4", false},
        {"verl-2026-08 sapo aggregation_rows=nonempty", "main/verl-2026-08/sapo", false},
        {"trl-2026-07 luspo", "main/trl-2026-07/luspo", false},
        {"trl-2026-07 liteppo", "main/trl-2026-07/dapo+liteppo", false},
        {"verl-2026-08 dppo-tv", "main/verl-2026-08/dppo-tv/0.2/weight-10000", false},
        {"prime-rl-2026-08", "main/prime-rl-2026-08/default", true},
        {"trl-2026-07 intellect-2", "main/trl-2026-07/dapo+delta-4", false},
    };
    json_t *root = rig_open("policy_gradient_2026.json");
    struct rig_count count = {0};
    assert_int_equal(COUNT(recipes), json_array_size(json_object_get(root, "recipes")));
    for (size_t i = 0; i < COUNT(recipes); i++) {
        const json_t *recipe = json_array_get(json_object_get(root, "recipes"), i);
        assert_string_equal(rig_text(recipe, "case"), recipes[i].id);
        rig_note(&count, whole_round(root, recipes[i].settings, recipes[i].sampler, recipes[i].id), recipes[i].id,
                 "the recipe");
    }
    json_decref(root);
    rig_done("recipes", count);
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

/* A framework's preset sets all fields, a method's its own; an unknown name leaves them. */
static void test_table(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_policy_preset p;
    size_t n = 0;
    while (raml_policy_preset_at(n, &p)) {
        struct raml_policy_options opt = rig_options();
        rig_set(&opt, p.name);
        CHECK_OK(raml_policy_check(&opt, &err));
        assert_true(*p.source && *p.help && p.help[strlen(p.help) - 1] == '.');
        n++;
    }
    assert_true(n >= 8 + 24);
    struct raml_policy_options opt = rig_options();
    rig_set(&opt, "norm_length=77 rloo");
    assert_true(opt.norm_length == 77.0 && opt.advantage_baseline == RAML_BASELINE_LEAVE_ONE_OUT);
    rig_set(&opt, "slime-2026-08");
    assert_true(opt.norm_length == 0.0 && opt.advantage_baseline == RAML_BASELINE_GROUP);
    struct raml_policy_options before = opt;
    assert_int_equal(raml_policy_preset("trl-2026-7", &opt, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "there is no preset 'trl-2026-7'; did you mean 'trl-2026-07'?");
    assert_memory_equal(&opt, &before, sizeof opt);
    assert_int_equal(raml_policy_preset("something else", &opt, &err), RAML_EUSAGE);
    const char *all = "there is no preset 'something else'; expected one of verl-2026-01, verl-2026-08, ";
    assert_memory_equal(err.msg, all, strlen(all));
    assert_string_equal(strrchr(err.msg, ','), ", mrt");
}

/* The bounds of CISPO's weight: no ratio of the oracle's cases is between the larger ones. */
static void test_cispo_bounds(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        double low, high;
    } cases[] = {{"cispo-verl-2026-08", 0.8, 1.2},
                 {"cispo-trl-2026-07", 0, 5},
                 {"cispo-open-instruct-2026-08", 0, 1.272},
                 {"cispo-nemo-2026-08", 0, 6}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_policy_options opt = rig_options();
        rig_set(&opt, cases[i].preset);
        assert_int_equal(opt.policy_loss, RAML_LOSS_CISPO);
        assert_true(opt.ratio_low == cases[i].low && opt.ratio_high == cases[i].high);
    }
}

/* Names and aliases of settings are each given once; defaults are in range. */
static void test_settings(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_policy_options opt = rig_options();
    CHECK_OK(raml_policy_check(&opt, &err));
    for (size_t i = 0; i < raml_n_policy_settings; i++) {
        const struct raml_setting *row = &raml_policy_settings[i];
        assert_ptr_equal(raml_settings_find(raml_policy_settings, raml_n_policy_settings, row->name), row);
        char names[200];
        snprintf(names, sizeof names, "%s", row->alias ? row->alias : row->name);
        char *save = NULL;
        for (char *name = strtok_r(names, "|", &save); name; name = strtok_r(NULL, "|", &save))
            assert_ptr_equal(raml_settings_find(raml_policy_settings, raml_n_policy_settings, name), row);
    }
    rig_set(&opt, "clip_ratio_high=0.28 loss_agg_mode=seq-mean-token-sum kl_loss_coef=0.5 policy_loss=dft");
    assert_true(opt.epsilon_high == 0.28 && opt.beta == 0.5);
    assert_int_equal(opt.loss_aggregation, RAML_SEQ_MEAN_TOKEN_SUM);
    assert_int_equal(opt.policy_loss, RAML_LOSS_DFT);
    rig_set(&opt,
            "correction=reject correction_high=2 entropy_aggregation=kept-sum-over-all-tokens kl_estimator=k3-score "
            "scale_rewards=nonzero advantage_baseline=second-best correction_level=max");
    assert_int_equal(opt.correction, RAML_CORRECTION_REJECT);
    assert_int_equal(opt.entropy_aggregation, RAML_ENTROPY_KEPT_OVER_ALL);
    assert_int_equal(opt.kl_estimator, RAML_KL_K3_SCORE);
    assert_int_equal(opt.scale_rewards, RAML_SCALE_NONZERO);
    assert_int_equal(opt.advantage_baseline, RAML_BASELINE_SECOND_BEST);
    assert_int_equal(opt.correction_level, RAML_REJECT_MAX);
}

static void test_contradictions(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"dual_clip=0.5", "dual_clip is 0.5; expected 0 (none) or a number above 1"},
        {"ratio_low=2 ratio_high=1", "ratio_low is 2; expected at most ratio_high, 1"},
        {"correction_low=2 correction_high=1", "correction_low is 2; expected at most correction_high, 1"},
        {"correction=reject", "correction_high is 0; expected a bound, which this correction rests on"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_policy_options opt = rig_options();
        rig_set(&opt, cases[i][0]);
        assert_int_equal(raml_policy_check(&opt, &err), RAML_EUSAGE);
        assert_string_equal(err.msg, cases[i][1]);
    }
}

static void test_description(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *text;
    } cases[] = {
        {"verl-2026-08", "advantage    (r - group mean) / (group deviation (n - 1) + 1e-06); group of one: its reward\n"
                         "ratio        rho = exp(d), d = logp - old_logp, d within +- 20\n"
                         "policy       max(-A rho, -A rho within [0.8, 1.2]), at most -3 A where A < 0\n"
                         "aggregation  sum over tokens / number of trained tokens\n"},
        {"prime-rl-2026-08 rloo",
         "advantage    (r - mean of the group's others); group of one: 0\n"
         "ratio        rho = exp(d), d = logp - the sampler's logp\n"
         "policy       -A rho; 0 where the token's probability moved the way of A by more than 0.2 up, 0.2 down\n"
         "policy       + 0.001 d^2\n"
         "aggregation  sum over tokens / number of trained tokens, tokens with A = 0 left out of every term\n"},
        {"gspo reinforce++-baseline beta=0.04 entropy_coef=0.01 correction=mask-sequence correction_high=3 "
         "overlong_buffer=16",
         "reward       less up to 1 in the last 16 tokens before the longest length, more beyond it\n"
         "advantage    (r - group mean); group of one: 0\n"
         "whitened     over all trained tokens: (A - mean) / (root of (variance (n - 1) + 1e-08) + 0)\n"
         "ratio        rho = exp(mean over the row of d), d = logp - old_logp\n"
         "policy       max(-A rho, -A rho within [0.9997, 1.0004])\n"
         "aggregation  mean over all rows of means over tokens\n"
         "KL           0.04 * k3 = e^delta - delta - 1, delta = ref_logp - logp, in the loss\n"
         "entropy      -0.01 * entropy\n"
         "correction   w = exp(old_logp - mu_logp) of another sampler: product of w over the row, 0 outside, high 3\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_policy_options opt = rig_options();
        struct raml_buf buf;
        raml_buf_init(&buf, 1 << 16);
        rig_set(&opt, cases[i].settings);
        raml_policy_describe(&opt, &buf);
        assert_string_equal(buf.data, cases[i].text);
        raml_buf_deinit(&buf);
    }
}

/* Every word of every setting can be described. */
static void test_every_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < raml_n_policy_settings; i++) {
        const struct raml_setting *row = &raml_policy_settings[i];
        if (row->type != RAML_WORD) continue;
        char words[400], *save = NULL;
        snprintf(words, sizeof words, "%s", row->words);
        for (char *word = strtok_r(words, "|", &save); word; word = strtok_r(NULL, "|", &save)) {
            struct raml_policy_options opt = rig_options();
            struct raml_buf buf;
            raml_buf_init(&buf, 1 << 16);
            rig_set(&opt, "beta=0.1 entropy_coef=0.1 correction=tis-token");
            rig_set_one(&opt, row->name, word);
            raml_policy_describe(&opt, &buf);
            assert_false(strstr(buf.data, "(null)"));
            raml_buf_deinit(&buf);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dated),      cmocka_unit_test(test_recipes),        cmocka_unit_test(test_table),
        cmocka_unit_test(test_settings),   cmocka_unit_test(test_contradictions), cmocka_unit_test(test_description),
        cmocka_unit_test(test_every_word), cmocka_unit_test(test_cispo_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
