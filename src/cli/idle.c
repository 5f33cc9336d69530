/* idle.c - see idle.h. What needs what is a table by name; rows that a command lacks do not concern it. */
#include "cli/idle.h"

#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct need {
    const char *settings; /* joined by | */
    const char *needs;
    const char *words; /* one of which it must be, or have as a part; "!none": any but none; NULL: set, or not 0 */
} needs[] = {
    {"lora_alpha|use_rslora|lora_target_modules|lora_rank_pattern|lora_alpha_pattern", "lora_r", NULL},
    {"save_best|eval_on_start|eval_adapted|eval_questions|eval_generations|eval_temperature|eval_data", "eval_steps",
     NULL},
    {"task_size", "task", "family"},
    {"num_questions|styles", "families", NULL},
    {"adam_beta1|adam_beta2|adam_epsilon", "optimizer", "adamw"},
    {"min_lr_ratio", "lr_scheduler_type", "cosine|linear"},
    {"updates_scope|updates_control", "updates_per_question", NULL},
    {"loss_anneal_steps|loss_anneal_ratio", "loss_steps", NULL},
    {"max_resamples", "dynamic_sampling", NULL},
    {"reward_points", "reward", "mig|repro"},
    {"repro_weight|repro_from_start", "reward", "repro"},
    {"epsilon|epsilon_high", "policy_loss", "clip|gmpo|dppo-tv|dppo-kl|dppo-tv-ratio"},
    {"dual_clip|delta", "policy_loss", "clip"},
    {"ratio_low", "policy_loss", "cispo"},
    {"ratio_high", "policy_loss", "cispo|dppo-tv|dppo-kl"},
    {"tau_pos|tau_neg", "policy_loss", "sapo"},
    {"dro_beta", "policy_loss", "dro"},
    {"ipo_threshold", "policy_loss", "ipo-ratio"},
    {"kl_estimator|kl_in|kl_log_clamp|kl_value_clamp|kl_aggregation", "beta", NULL},
    {"entropy_aggregation", "entropy_coef", NULL},
    {"correction_low|correction_high|correction_log_clamp|correction_normalise", "correction", "!none"},
    {"correction_mask_low|correction_mask_high|correction_sequence_level|correction_tv", "correction", "oi-rho"},
    {"correction_estimator|correction_level", "correction", "reject"},
    {"overlong_factor|overlong_capped", "overlong_buffer", NULL},
};

/* Is text[0..n) one of the words that | joins? */
static bool is_one_of(const char *text, size_t n, const char *words)
{
    for (const char *w = words; *w; w += strcspn(w, "|"), w += *w == '|')
        if (strcspn(w, "|") == n && !strncmp(w, text, n)) return true;
    return false;
}

static bool is_met(const struct need *need, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!need->words) return json_is_true(value) || json_number_value(value) != 0 || (text && *text);
    if (!text) return false;
    if (need->words[0] == '!') return strcmp(text, need->words + 1) != 0;
    for (size_t n; *text; text += n, text += strspn(text, ",: ")) /* "exact:1,mig:0.5" */
        if (is_one_of(text, n = strcspn(text, ",: "), need->words)) return true;
    return false;
}

static void say(const struct need *need, const char *name, const struct raml_sink *sink)
{
    struct raml_buf words;
    raml_buf_init(&words, 1 << 10);
    if (need->words && need->words[0] == '!') raml_buf_adds(&words, " other than none");
    for (const char *w = need->words && need->words[0] != '!' ? need->words : ""; *w;) {
        size_t len = strcspn(w, "|");
        raml_buf_addf(&words, "%s%.*s", w == need->words ? " " : w[len] ? ", " : " or ", (int)len, w);
        w += len + (w[len] == '|');
    }
    raml_say(sink, "%s has no effect without %s%s", name, need->needs, words.data ? words.data : "");
    raml_buf_deinit(&words);
}

static void say_all(const json_t *now, const json_t *usual, const struct raml_sink *sink)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        const json_t *other = json_object_get(now, needs[i].needs);
        if (!other || is_met(&needs[i], other)) continue;
        for (const char *at = needs[i].settings; *at; at += strcspn(at, "|"), at += *at == '|') {
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "|"), at);
            const json_t *value = json_object_get(now, name);
            if (value && !json_equal(value, json_object_get(usual, name))) say(&needs[i], name, sink);
        }
    }
}

/* Every setting of the command by name; NULL: no memory. */
static json_t *all_of(const struct cli_command *cmd, const void *settings)
{
    json_t *all = json_object();
    bool failed = !all;
    for (size_t i = 0; i + 1 < cli_n_tables(cmd) && !failed; i++) {
        struct cli_shared t = cli_table(cmd, i);
        json_t *part = raml_settings_json(t.table, *t.n, (const char *)settings + t.offset);
        failed = !part || json_object_update(all, part);
        json_decref(part);
    }
    if (!failed) return all;
    json_decref(all);
    return NULL;
}

enum raml_code cli_idle_say(const struct cli_command *cmd, const void *settings, const struct raml_sink *sink,
                            struct raml_err *err)
{
    const struct raml_setting *preset = raml_settings_find(cmd->option, cmd->n_options, "preset");
    const char *names = NULL;
    if (preset) memcpy(&names, (const char *)settings + preset->offset, sizeof names);
    void *usual = calloc(1, cmd->settings_size);
    if (!usual) return raml_fail(err, RAML_ENOMEM, "no memory for settings");
    enum raml_code rc = cli_defaults(cmd, names, usual, err);
    json_t *before = rc ? NULL : all_of(cmd, usual), *now = rc ? NULL : all_of(cmd, settings);
    if (before && now) say_all(now, before, sink);
    else if (!rc) rc = raml_fail(err, RAML_ENOMEM, "no memory for settings");
    json_decref(before);
    json_decref(now);
    free(usual);
    return rc;
}
