/* policy_rig.h - batches and settings of ../shared/oracle/policy_gradient*.json. */
#ifndef TESTS_POLICY_RIG_H
#define TESTS_POLICY_RIG_H

#include "core/json.h"
#include "core/scratch.h"
#include "outer/policy_parts.h"

#include "check_near.h"

/* Rows one after the other, in double and as the engine has them. */
enum { RIG_TOKENS = 256, RIG_ROWS = 32 };
struct rig_values {
    bool given;
    double x[RIG_TOKENS];
    float f[RIG_TOKENS];
};
struct rig_batch {
    const json_t *from;
    size_t n_rows, n, start[RIG_ROWS + 1];
    uint32_t group[RIG_ROWS];
    double reward[RIG_ROWS], component[RIG_ROWS * 2], termination[RIG_ROWS];
    bool has_components, has_termination;
    struct rig_values weight, logp, old_logp, mu_logp, ref_logp, entropy;
};

/* Skips the test, loudly, where the oracle is absent. */
static inline json_t *rig_open(const char *name)
{
    struct raml_err err = {0};
    json_t *root = NULL;
    char path[700];
    snprintf(path, sizeof path, "%s/oracle/%s", RAML_SHARED, name);
    if (!raml_is_dir(RAML_SHARED "/oracle")) {
        fprintf(stderr, "\n*** %s/oracle is absent: nothing was checked against it ***\n\n", RAML_SHARED);
        skip();
    }
    must(raml_json_load(path, 1 << 24, &root, &err), &err);
    return root;
}

static inline const char *rig_text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static inline double rig_number(const json_t *o, const char *key)
{
    const json_t *x = json_object_get(o, key);
    assert_true(json_is_number(x));
    return json_number_value(x);
}

static inline struct rig_values rig_ragged(const struct rig_batch *b, const json_t *rows)
{
    struct rig_values v = {.given = rows != NULL};
    for (size_t r = 0; rows && r < b->n_rows; r++) {
        const json_t *row = json_array_get(rows, r);
        assert_int_equal(json_array_size(row), b->start[r + 1] - b->start[r]);
        for (size_t i = 0; i < json_array_size(row); i++) {
            double x = json_number_value(json_array_get(row, i));
            v.x[b->start[r] + i] = x;
            v.f[b->start[r] + i] = (float)x;
        }
    }
    return v;
}

static inline const float *rig_floats(const struct rig_values *v)
{
    return v->given ? v->f : NULL;
}

static inline const double *rig_doubles(const struct rig_values *v, size_t from)
{
    return v->given ? v->x + from : NULL;
}

static inline void rig_components(const json_t *from, struct rig_batch *b)
{
    const json_t *c = json_object_get(from, "reward_components"), *t = json_object_get(from, "termination_reward");
    b->has_components = c != NULL;
    b->has_termination = t != NULL;
    for (size_t r = 0; r < b->n_rows; r++) {
        b->component[2 * r] = json_number_value(json_array_get(json_object_get(c, "accuracy"), r));
        b->component[2 * r + 1] = json_number_value(json_array_get(json_object_get(c, "format"), r));
        b->termination[r] = json_number_value(json_array_get(t, r));
    }
}

static inline struct rig_batch rig_batch(const json_t *from)
{
    struct rig_batch b = {.from = from, .n_rows = json_array_size(json_object_get(from, "length"))};
    assert_true(b.n_rows > 0 && b.n_rows <= RIG_ROWS);
    for (size_t r = 0; r < b.n_rows; r++) {
        json_int_t length = json_integer_value(json_array_get(json_object_get(from, "length"), r));
        b.start[r + 1] = b.start[r] + (size_t)length;
        b.group[r] = (uint32_t)json_integer_value(json_array_get(json_object_get(from, "group"), r));
        b.reward[r] = json_number_value(json_array_get(json_object_get(from, "reward"), r));
    }
    b.n = b.start[b.n_rows];
    assert_true(b.n <= RIG_TOKENS);
    rig_components(from, &b);
    b.weight = rig_ragged(&b, json_object_get(from, "mask"));
    b.logp = rig_ragged(&b, json_object_get(from, "logp"));
    b.old_logp = rig_ragged(&b, json_object_get(from, "old_logp"));
    b.mu_logp = rig_ragged(&b, json_object_get(from, "mu_logp"));
    b.ref_logp = rig_ragged(&b, json_object_get(from, "ref_logp"));
    b.entropy = rig_ragged(&b, json_object_get(from, "entropy"));
    if (!b.weight.given)
        for (size_t i = 0; i < b.n; i++) b.weight.x[i] = 1.0, b.weight.f[i] = 1.0f;
    b.weight.given = true;
    return b;
}

static inline const json_t *rig_named(const json_t *list, const char *key, const char *name)
{
    size_t i;
    json_t *x;
    json_array_foreach (list, i, x) {
        if (!strcmp(rig_text(x, key), name)) return x;
    }
    fail_msg("the oracle has no %s '%s'", key, name);
    return NULL;
}

static inline struct raml_rollouts rig_rollouts(const struct rig_batch *b)
{
    static const double component_weight[] = {1.0, 0.5};
    return (struct raml_rollouts){
        .n_rows = b->n_rows,
        .start = b->start,
        .weight = b->weight.f,
        .old_logp = rig_floats(&b->old_logp),
        .mu_logp = rig_floats(&b->mu_logp),
        .ref_logp = rig_floats(&b->ref_logp),
        .reward = b->reward,
        .component = b->has_components ? b->component : NULL,
        .component_weight = component_weight,
        .n_components = 2,
        .group = b->group,
        .baseline = b->has_termination ? b->termination : NULL,
    };
}

/* ---- settings ------------------------------------------------------------------------------------------------------- */

static inline struct raml_policy_options rig_options(void)
{
    struct raml_policy_options opt;
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &opt);
    return opt;
}

static inline void rig_set_one(struct raml_policy_options *opt, const char *name, const char *text)
{
    struct raml_err err = {0};
    const struct raml_setting *row = raml_settings_find(raml_policy_settings, raml_n_policy_settings, name);
    if (!row) fail_msg("there is no setting '%s'", name);
    CHECK_OK(raml_settings_set(row, opt, text, &err));
}

/* "epsilon=0.2 beta=0" and names of presets, in order. */
static inline void rig_set(struct raml_policy_options *opt, const char *settings)
{
    struct raml_err err = {0};
    char text[1000], *save = NULL;
    assert_true(strlen(settings) < sizeof text);
    strcpy(text, settings);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *value = strchr(word, '=');
        if (!value) {
            CHECK_OK(raml_policy_preset(word, opt, &err));
            continue;
        }
        *value = 0;
        rig_set_one(opt, word, value + 1);
    }
}

/* What the oracle's settings are called here; "=": the settings that stand for this value. */
static inline const char *rig_name(const char *path)
{
    static const char *const names[][2] = {
        {"clip_low", "epsilon"},
        {"clip_high", "epsilon_high"},
        {"two_sided_delta", "delta"},
        {"weight_low", "ratio_low"},
        {"weight_high", "ratio_high"},
        {"beta", "dro_beta"},
        {"threshold", "ipo_threshold"},
        {"top_entropy", "top_entropy_quantile"},
        {"opsm.delta", "opsm_delta"},
        {"opsm.against", "opsm_against"},
        {"kl.coef", "beta"},
        {"kl.estimator", "kl_estimator"},
        {"kl.log_clamp", "kl_log_clamp"},
        {"kl.value_clamp", "kl_value_clamp"},
        {"kl.aggregation.mode", "kl_aggregation"},
        {"entropy.coef", "entropy_coef"},
        {"entropy.aggregation", "entropy_aggregation"},
        {"aggregation.mode", "loss_aggregation"},
        {"aggregation.rows", "aggregation_rows"},
        {"aggregation.eps", "length_eps"},
        {"aggregation.norm_length", "norm_length"},
        {"correction.rule", "correction"},
        {"correction.low", "correction_low"},
        {"correction.high", "correction_high"},
        {"correction.log_clamp", "correction_log_clamp"},
        {"correction.mask_low", "correction_mask_low"},
        {"correction.mask_high", "correction_mask_high"},
        {"correction.estimator", "correction_estimator"},
        {"correction.level", "correction_level"},
        {"correction.sequence_level", "correction_sequence_level"},
        {"correction.tv", "correction_tv"},
        {"correction.batch_normalise", "correction_normalise"},
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (!strcmp(names[i][0], path)) return names[i][1];
    return path;
}

/* Values that are several settings here, or another word. */
static inline const char *rig_value(const char *path, const char *value)
{
    static const char *const values[][3] = {
        {"aggregation.mode", "token-mean-eps", "loss_aggregation=token-mean count_eps=1e-8"},
        {"aggregation.mode", "seq-mean-token-mean-nemo",
         "loss_aggregation=seq-mean-token-mean length_eps=1e-8 count_eps=1e-8"},
        {"aggregation.mode", "token-constant", "loss_aggregation=token-sum-norm"},
        {"aggregation.tokens", "rows-at-least-1", "empty_row_counts=true"},
        {"correction.rule", "mask-token", "correction=icepop-token"},
    };
    for (size_t i = 0; i < COUNT(values); i++)
        if (!strcmp(values[i][0], path) && !strcmp(values[i][1], value)) return values[i][2];
    return NULL;
}

static inline void rig_settings(struct raml_policy_options *opt, const char *prefix, const json_t *settings)
{
    const char *key;
    json_t *x;
    json_object_foreach ((json_t *)settings, key, x) {
        char path[100], text[100];
        snprintf(path, sizeof path, "%s%s", prefix, key);
        if (json_is_object(x)) {
            strcat(path, ".");
            rig_settings(opt, path, x);
            continue;
        }
        if (json_is_array(x)) continue; /* masks, micro-batches: the test's own to read */
        if (json_is_string(x)) snprintf(text, sizeof text, "%s", json_string_value(x));
        else if (json_is_boolean(x)) snprintf(text, sizeof text, "%s", json_is_true(x) ? "true" : "false");
        else snprintf(text, sizeof text, "%.17g", json_number_value(x)); /* null: 0 */
        const char *several = rig_value(path, text);
        if (several) rig_set(opt, several);
        else rig_set_one(opt, rig_name(path), text);
    }
}

/* ---- comparing ------------------------------------------------------------------------------------------------------ */

/* Relative to the larger of scale and the expected number. */
static inline bool rig_near(double got, double want, double scale)
{
    return fabs(got - want) <= 1e-10 * fmax(fabs(want), scale);
}

static inline double rig_largest(const double *x, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

/* A loss that is smaller than this is what is left of terms that cancelled. */
static inline double rig_cancelled(const double *d_logp, size_t n)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) sum += fabs(d_logp[i]);
    return 1e-6 * sum;
}

struct rig_count {
    size_t passed, total;
};
static inline void rig_note(struct rig_count *c, bool passed, const char *where, const char *what)
{
    c->total++;
    c->passed += passed;
    if (!passed) print_error("%s: %s differs from the oracle's\n", where, what);
}

static inline void rig_done(const char *kind, struct rig_count c)
{
    print_message("%s: %zu of %zu\n", kind, c.passed, c.total);
    assert_true(c.total > 0 && c.passed == c.total);
}

#endif
