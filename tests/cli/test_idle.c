/* test_idle.c - settings that were given and do nothing are said, and only those. */
#include "cli/commands.h"
#include "cli/idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void keep(void *user, const char *line)
{
    struct raml_buf *b = user;
    raml_buf_addf(b, "%s;", line);
}

/* What is said of a line of arguments that | separates. */
static void check(const struct cli_command *cmd, const char *line, const char *want)
{
    char copy[512], *argv[16];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *a = *copy ? copy : NULL; a;) {
        argv[argc++] = a;
        char *bar = strchr(a, '|');
        if (bar) *bar = 0;
        a = bar ? bar + 1 : NULL;
    }
    struct cli cli;
    struct cli_parsed *p = NULL;
    struct raml_err err;
    struct raml_buf said;
    bool help;
    void *settings = calloc(1, cmd->settings_size);
    assert_non_null(settings);
    if (cli_parse(cmd, argc, argv, settings, &cli, &help, &p, &err)) fail_msg("%s: %s", line, err.msg);
    raml_buf_init(&said, 1 << 16);
    raml_buf_adds(&said, "");
    const struct raml_sink sink = {.line = keep, .user = &said};
    if (cli_idle_say(cmd, settings, &sink, &err)) fail_msg("%s: %s", line, err.msg);
    const char *found = said.data ? said.data : "";
    if (strcmp(found, want) != 0) fail_msg("raml %s %s: said '%s', expected '%s'", cmd->name, line, found, want);
    raml_buf_deinit(&said);
    cli_parse_free(p);
    free(settings);
}

static void test_idle(void **state)
{
    (void)state;
    static const struct {
        const struct cli_command *command;
        const char *line, *want;
    } cases[] = {
        {&cli_train_sft, "", ""},
        {&cli_train_sft, "--save_best", "save_best has no effect without eval_steps;"},
        {&cli_train_sft, "--save_best|--eval_steps|5|--eval_questions|7", ""},
        {&cli_train_sft, "--eval_questions|256", ""}, /* the default */
        {&cli_train_sft, "--eval_questions|7|--styles|concise",
         "eval_questions has no effect without eval_steps;styles has no effect without families;"},
        {&cli_train_sft, "--styles|concise|--families|add:2", ""},
        {&cli_train_sft, "--min_lr_ratio|0|--lr_scheduler_type|constant",
         "min_lr_ratio has no effect without lr_scheduler_type cosine or linear;"},
        {&cli_train_sft, "--preset|trl-2026-07|--lr_scheduler_type|constant", ""}, /* the preset's */
        {&cli_train_dpo, "--save_best", "save_best has no effect without eval_steps;"},
        {&cli_train_rft, "--max_resamples|3", "max_resamples has no effect without dynamic_sampling;"},
        {&cli_train_grpo, "", ""},
        {&cli_train_grpo, "--tau_pos|2|--tau_neg|2",
         "tau_pos has no effect without policy_loss sapo;tau_neg has no effect without policy_loss sapo;"},
        {&cli_train_grpo, "--tau_pos|2|--preset|sapo", ""},
        {&cli_train_grpo, "--updates_control|tokens", "updates_control has no effect without updates_per_question;"},
        {&cli_train_grpo, "--updates_control|tokens|--updates_per_question|2", ""},
        {&cli_train_grpo, "--correction_high|2", "correction_high has no effect without correction other than none;"},
        {&cli_train_grpo, "--correction_high|2|--correction|tis-token", ""},
        {&cli_train_grpo, "--preset|verl-2026-08", ""}, /* sets correction_high, and no correction */
        {&cli_train_grpo, "--preset|trl-2026-07+rloo|--epsilon|0.3", ""},
        {&cli_train_grpo, "--policy_loss|cispo|--epsilon|0.3",
         "epsilon has no effect without policy_loss clip, gmpo, dppo-tv, dppo-kl or dppo-tv-ratio;"},
        {&cli_train_grpo, "--reward_points|4|--reward|exact:1,migs:1",
         "reward_points has no effect without reward mig "
         "or repro;"},
        {&cli_train_grpo, "--reward_points|4|--reward|exact:1, mig:0.5", ""},
        {&cli_train_grpo, "--reward_points|4|--reward|rep:1",
         "reward_points has no effect without reward mig or repro;"},
        {&cli_train_grpo, "--kl_in|reward", "kl_in has no effect without beta;"},
        {&cli_train_grpo, "--kl_in|reward|--beta|0.1", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) check(cases[i].command, cases[i].line, cases[i].want);
}

/* Every preset by itself. */
static void test_presets(void **state)
{
    (void)state;
    const char *name;
    for (size_t i = 0; (name = cli_train_grpo.preset_name(i)) != NULL; i++) {
        char line[96];
        snprintf(line, sizeof line, "--preset|%s", name);
        check(&cli_train_grpo, line, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_idle), cmocka_unit_test(test_presets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
