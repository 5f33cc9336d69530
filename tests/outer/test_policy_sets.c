/* Advantages, sampler corrections, aggregation and overlong shaping against the oracle's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy_rig.h"

/* ---- advantages ----------------------------------------------------------------------------------------------------- */

/* Settings of the oracle's sets, by name. */
#define GROUP "advantage_baseline=group "
#define WHITE "scale_rewards=none whiten_advantages=tokens "
#define VERL_WHITE WHITE "whiten_variance_eps=1e-8 whiten_count_eps=1e-8 "
static const char *const sets[][2] = {
    {"grpo", GROUP "scale_rewards=group advantage_eps=1e-6 group_of_one=reward"},
    {"dr_grpo", "dr_grpo group_of_one=reward"},
    {"rloo", "rloo group_of_one=reward"},
    {"opo", "opo group_of_one=reward"},
    {"gpg", "gpg advantage_eps=0 group_of_one=reward"},
    {"passk", "pass_at_k advantage_eps=1e-6"},
    {"passk-nostd", "pass_at_k scale_rewards=none"},
    {"reinforce++", "reinforce++ whiten_count_eps=1e-8"},
    {"reinforce++-baseline", "reinforce++-baseline whiten_count_eps=1e-8 group_of_one=reward"},
    {"reinforce++-gamma0.9", "reinforce++ whiten_count_eps=1e-8 gamma=0.9"},
    {"maxrl", "maxrl"},
    {"trl-grpo", "trl-2026-07"},
    {"liteppo", "liteppo advantage_eps=1e-4"},
    {"trl-none", "trl-2026-07 scale_rewards=none"},
    {"slime-grpo", "slime-2026-08"},
    {"slime-reinforce++-baseline", "slime-2026-08 reinforce++-baseline"},
    {"openrlhf-group_norm", "openrlhf-2026-08 beta=0"},
    {"openrlhf-rloo", "openrlhf-2026-08 rloo beta=0"},
    {"openrlhf-reinforce", "openrlhf-2026-08 beta=0 advantage_baseline=none " WHITE},
    {"openrlhf-reinforce_baseline", "openrlhf-2026-08 beta=0 " WHITE},
    {"openrlhf-group_norm-kl-in-reward", "openrlhf-2026-08"},
    {"grpo-kl-in-reward", "verl-2026-08 kl_in=reward beta=0.001 kl_estimator=k1 kl_log_clamp=0 kl_value_clamp=0"},
    {"open-instruct-standard", "open-instruct-2026-08 scale_rewards=group-population advantage_eps=1e-8"},
    {"open-instruct-centered", "open-instruct-2026-08"},
    {"prime-grpo", "prime-rl-2026-08"},
    {"prime-grpo-length-penalty", "prime-rl-2026-08 length_penalty=0.25"},
    {"nemo-grpo", "advantage_baseline=leave-one-out scale_rewards=others advantage_eps=1e-6"},
    {"nemo-reinforce++-baseline", GROUP WHITE "whiten_deviation=population whiten_variance_floor=1e-8"},
    {"areal-batch-norm", "advantage_baseline=none " WHITE "whiten_eps=1e-5"},
    {"areal-grpo", "areal-2026-08 reward_bias=0 reward_scaling=1 reward_clip=0"},
    {"areal-liteppo", GROUP "scale_rewards=batch-centred advantage_eps=1e-5"},
    {"gdpo", "gdpo whiten_advantages=tokens whiten_variance_eps=1e-8 whiten_count_eps=1e-8"},
    {"trl-gdpo", "gdpo advantage_eps=1e-4 whiten_eps=1e-4"},
    {"nemo-gdpo", "gdpo advantage_baseline=leave-one-out scale_rewards=others"},
    {"mrt", "mrt"},
    {"areal-grpo-scaled", "areal-2026-08"},
};

static const char *settings_of(const char *name)
{
    for (size_t i = 0; i < COUNT(sets); i++)
        if (!strcmp(sets[i][0], name)) return sets[i][1];
    fail_msg("no settings for the advantages '%s'", name);
    return NULL;
}

static bool same_advantages(const struct rig_batch *b, const json_t *item, const double *got, const char *where)
{
    const json_t *rows = json_object_get(item, "per_sample"), *tokens = json_object_get(item, "per_token");
    for (size_t r = 0; r < b->n_rows; r++)
        for (size_t i = b->start[r]; i < b->start[r + 1]; i++) {
            double want = json_number_value(tokens ? json_array_get(json_array_get(tokens, r), i - b->start[r])
                                                   : json_array_get(rows, r));
            bool masked = !(b->weight.f[i] > 0.0f);
            if ((masked && got[i] == 0.0) || rig_near(got[i], want, 1e-6)) continue;
            print_error("%s: row %zu: got %.17g, expected %.17g\n", where, r, got[i], want);
            return false;
        }
    return true;
}

static void test_advantages(void **state)
{
    (void)state;
    json_t *root = rig_open("policy_gradient_2026.json"), *of_batch, *item;
    struct rig_count count = {0};
    size_t i, k;
    json_array_foreach (json_object_get(root, "advantages"), i, of_batch) {
        struct rig_batch b =
            rig_batch(rig_named(json_object_get(root, "batches"), "name", rig_text(of_batch, "batch")));
        struct raml_rollouts r = rig_rollouts(&b);
        json_array_foreach (json_object_get(of_batch, "items"), k, item) {
            struct raml_err err = {0};
            struct raml_policy_options opt = rig_options();
            double advantage[RIG_TOKENS];
            char where[200];
            snprintf(where, sizeof where, "%s/%s", rig_text(of_batch, "batch"), rig_text(item, "name"));
            rig_set(&opt, settings_of(rig_text(item, "name")));
            CHECK_OK(raml_advantages(&opt, &r, raml_comm_alone(), advantage, &err));
            rig_note(&count, same_advantages(&b, item, advantage, where), where, "an advantage");
        }
    }
    json_decref(root);
    rig_done("advantage sets", count);
}

/* ---- corrections ---------------------------------------------------------------------------------------------------- */

static bool same_corrections(const struct rig_batch *b, const json_t *item, const double *weight, const float *mask,
                             const char *where)
{
    bool weights = json_object_get(item, "weight") != NULL;
    struct rig_values want = rig_ragged(b, json_object_get(item, weights ? "weight" : "mask"));
    for (size_t i = 0; i < b->n; i++) {
        double got = weights ? weight[i] : (double)mask[i];
        if (rig_near(got, want.x[i], 0.0)) continue;
        print_error("%s: token %zu: got %.17g, expected %.17g\n", where, i, got, want.x[i]);
        return false;
    }
    return true;
}

/* The rule "tv" asks for the sign of advantages: those of the batch by grpo. */
static void test_corrections(void **state)
{
    (void)state;
    json_t *root = rig_open("policy_gradient_2026.json"), *of_batch, *item;
    struct rig_count count = {0};
    size_t i, k;
    json_array_foreach (json_object_get(root, "corrections"), i, of_batch) {
        struct raml_err err = {0};
        struct rig_batch b =
            rig_batch(rig_named(json_object_get(root, "batches"), "name", rig_text(of_batch, "batch")));
        struct raml_rollouts r = rig_rollouts(&b);
        struct raml_policy_options opt = rig_options();
        double advantage[RIG_TOKENS], weight[RIG_TOKENS];
        rig_set(&opt, settings_of("grpo"));
        CHECK_OK(raml_advantages(&opt, &r, raml_comm_alone(), advantage, &err));
        json_array_foreach (json_object_get(of_batch, "items"), k, item) {
            char where[200];
            float mask[RIG_TOKENS];
            memcpy(mask, b.weight.f, sizeof mask);
            snprintf(where, sizeof where, "%s/%s", rig_text(of_batch, "batch"), rig_text(item, "name"));
            opt = rig_options();
            rig_settings(&opt, "correction.", json_object_get(item, "settings"));
            CHECK_OK(raml_corrections(&opt, &r, advantage, raml_comm_alone(), weight, mask, &err));
            rig_note(&count, same_corrections(&b, item, weight, mask, where), where, "a weight");
        }
    }
    json_decref(root);
    rig_done("correction sets", count);
}

/* ---- aggregation and overlong shaping --------------------------------------------------------------------------------- */

static void test_aggregation(void **state)
{
    (void)state;
    json_t *root = rig_open("policy_gradient_2026.json"), *of_batch, *item;
    struct rig_count count = {0};
    size_t i, k;
    json_array_foreach (json_object_get(root, "aggregation"), i, of_batch) {
        struct raml_err err = {0};
        struct rig_batch b =
            rig_batch(rig_named(json_object_get(root, "batches"), "name", rig_text(of_batch, "batch")));
        json_array_foreach (json_object_get(of_batch, "rows"), k, item) {
            struct raml_policy_options opt = rig_options();
            double scale[RIG_TOKENS];
            bool same = true;
            rig_settings(&opt, "aggregation.", json_object_get(item, "settings"));
            CHECK_OK(raml_aggregation(&opt, RAML_TERM_POLICY, b.n_rows, b.start, b.weight.f, raml_comm_alone(), scale,
                                      &err));
            for (size_t t = 0, r = 0; t < b.n; t++) {
                while (t >= b.start[r + 1]) r++;
                double want = json_number_value(json_array_get(json_object_get(item, "row_weight"), r));
                same = same && rig_near(scale[t], b.weight.f[t] > 0.0f ? want : 0.0, 0.0);
            }
            rig_note(&count, same, rig_text(item, "name"), "a row's weight");
        }
    }
    json_decref(root);
    rig_done("aggregations", count);
}

static void test_overlong(void **state)
{
    (void)state;
    json_t *root = rig_open("policy_gradient_2026.json"), *row;
    struct rig_count count = {0};
    size_t i;
    json_array_foreach (json_object_get(json_object_get(root, "overlong_shaping"), "rows"), i, row) {
        static const char *const forms[] = {"verl", "openrlhf", "areal"};
        struct raml_policy_options opt = rig_options();
        opt.overlong_buffer = 20;
        for (size_t k = 0; k < COUNT(forms); k++) {
            opt.overlong_capped = k == 1;
            double got = raml_overlong_penalty(&opt, (size_t)rig_number(row, "length"), 100);
            rig_note(&count, rig_near(got, rig_number(row, forms[k]), 0.0), forms[k], "the penalty");
        }
    }
    json_decref(root);
    rig_done("overlong shaping", count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_advantages), cmocka_unit_test(test_corrections),
                                       cmocka_unit_test(test_aggregation), cmocka_unit_test(test_overlong)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
