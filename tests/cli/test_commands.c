/* test_commands.c - the table of commands: the text of --help, and the invariants of every row. */
#include "cli/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Only shown, never parsed: the offsets do not matter. */
static const struct raml_setting options[] = {
    {"shuffle", NULL, RAML_FLAG, 0, "true", 0, 0, NULL, "Mix the order."},
    {"steps", "max_steps", RAML_INT, 0, "100", 1, 1e9, NULL, "Steps."},
    {"out", NULL, RAML_TEXT, 0, NULL, 0, 0, NULL, "Folder."},
    {"dtype", NULL, RAML_ONE, 0, "bf16", 0, 0, "f32|bf16", "Numbers of the matrix products."},
};
static const struct raml_setting rate_rows[] = {
    {"learning_rate", "lr", RAML_REAL, 0, "1e-3", 0, 1, NULL, "Size of a step."},
    {"decay", NULL, RAML_WORD, 0, "linear", 0, 0, "linear|constant", "How it falls."},
};
static const size_t n_rate_rows = COUNT(rate_rows);
static const struct cli_shared shared[] = {{rate_rows, &n_rate_rows, 0, "options of the rate", "learning_rate=1e-5"}};
static const struct cli_command command = {.name = "train sft",
                                           .about = "Train.",
                                           .args = "FILE...",
                                           .example = "raml train sft --steps 2",
                                           .option = options,
                                           .n_options = COUNT(options),
                                           .shared = shared,
                                           .n_shared = COUNT(shared)};

static void test_help_text(void **state)
{
    (void)state;
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    cli_help(&command, &b);
    assert_int_equal(b.code, RAML_OK);
    static const char *const parts[] = {
        "usage: raml train sft [options] FILE...\n",
        "  --[no-]shuffle ",
        "  --steps INT ",
        "Steps. (an integer from 1 to 1000000000; default 100; also\n",
        "  --out TEXT                    Folder.\n",
        "  --dtype WORD ",
        "(one of f32, bf16; default bf16)\n\noptions of the rate:\n  --learning_rate REAL ",
        "Size of a step. (a number from 0 to 1; default 1e-5; also --lr)\n",
        "  --decay WORD ",
        "(one of linear, constant; default linear)\n\noptions of every command:\n",
        "  --seed INT ",
        "\nexample:\n  raml train sft --steps 2\n"};
    for (size_t i = 0; i < COUNT(parts); i++)
        if (!strstr(b.data, parts[i])) fail_msg("help lacks '%s':\n%s", parts[i], b.data);
    for (const char *line = b.data; *line;) {
        size_t n = strcspn(line, "\n");
        if (n > 100 || (n && line[n - 1] == ' ')) fail_msg("line too long or ends in a space: %.*s", (int)n, line);
        line += n + 1;
    }
    raml_buf_deinit(&b);
}

/* A long example is broken so that the shell still reads one line. */
static void test_long_example(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *want;
    } cases[] = {{76, "\nexample:\n  raml x --out OUT --seed 1\n"},
                 {77, "\nexample:\n  raml x --out OUT \\\n    --seed 1\n"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[128], text[256], want[256];
        memset(name, 'y', sizeof name);
        snprintf(text, sizeof text, "raml x --out %.*s --seed 1", (int)cases[i].n, name);
        const char *out = strstr(cases[i].want, "OUT");
        snprintf(want, sizeof want, "%.*s%.*s%s", (int)(out - cases[i].want), cases[i].want, (int)cases[i].n, name,
                 out + 3);
        struct cli_command c = command;
        c.example = text;
        struct raml_buf b;
        raml_buf_init(&b, 1 << 16);
        cli_help(&c, &b);
        assert_string_equal(strstr(b.data, "\nexample:"), want);
        raml_buf_deinit(&b);
    }
}

/* No name or alias of one row is a name or alias of the other. */
static void assert_apart(const struct cli_command *c, const struct raml_setting *a, const struct raml_setting *b)
{
    const char *alias;
    size_t n;
    bool meet = raml_setting_called(b, a->name, strlen(a->name));
    for (size_t i = 0; (n = raml_setting_alias(a, i, &alias)) > 0; i++) meet |= raml_setting_called(b, alias, n);
    if (meet) fail_msg("raml %s: %s and %s share a name", c->name, a->name, b->name);
}

/* Every command of the program: its table's defaults pass its own checks, and its names are unique. */
static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; i < cli_n_commands; i++) {
        const struct cli_command *c = cli_commands[i];
        void *settings = calloc(1, c->settings_size + 1);
        struct cli cli;
        struct cli_parsed *p = NULL;
        struct raml_err err;
        bool help;
        assert_non_null(settings);
        if (cli_parse(c, 0, NULL, settings, &cli, &help, &p, &err)) fail_msg("raml %s: %s", c->name, err.msg);
        cli_parse_free(p);
        if (cli_defaults(c, NULL, settings, &err)) fail_msg("raml %s: own defaults: %s", c->name, err.msg);
        for (size_t k = 0; c->preset && c->preset_name(k); k++)
            if (cli_defaults(c, c->preset_name(k), settings, &err)) fail_msg("raml %s: %s", c->name, err.msg);
        free(settings);
        assert_true(!c->preset == !c->preset_name);
        assert_non_null(c->run);
        assert_true(strncmp(c->example, "raml ", 5) == 0 && strlen(c->about) <= 80);
        for (size_t j = 0; j < cli_n_options(c); j++) {
            const struct raml_setting *o = cli_option_at(c, j);
            assert_true(o->name && o->help && !strpbrk(o->name, "- ="));
            assert_true(!raml_setting_has_words(o) || o->words);
            assert_true(strncmp(o->name, "raml_", 5) != 0);
            for (size_t k = 0; k < j; k++) assert_apart(c, o, cli_option_at(c, k));
        }
        for (size_t t = 0; t + 1 < cli_n_tables(c); t++) {
            struct cli_shared table = cli_table(c, t);
            for (size_t j = 0; j < *table.n; j++) assert_true(table.offset + table.table[j].offset < c->settings_size);
        }
    }
}

static const struct cli_command *command_of(const char *name)
{
    const struct cli_command *c = NULL;
    for (size_t i = 0; i < cli_n_commands; i++)
        if (!strcmp(cli_commands[i]->name, name)) c = cli_commands[i];
    assert_non_null(c);
    return c;
}

/* What a command sets by default instead of a shared table is what --help, its manual page and recipes say. */
static void test_own_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *command, *rate, *recipe;
    } cases[] = {{"train sft", "default 1e-3", "learning_rate: 0.001\n"},
                 {"train rft", "default 1e-5", "learning_rate: 1.0e-05\n"},
                 {"train dpo", "default 1e-5", "learning_rate: 1.0e-05\n"},
                 {"train grpo", "default 1e-5", "learning_rate: 1.0e-05\n"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cli_command *c = command_of(cases[i].command);
        struct cli cli;
        struct cli_parsed *p = NULL;
        struct raml_err err;
        bool help;
        void *settings = calloc(1, c->settings_size);
        assert_non_null(settings);
        if (cli_parse(c, 0, NULL, settings, &cli, &help, &p, &err)) fail_msg("%s: %s", c->name, err.msg);
        if (!strstr(cli.recipe, cases[i].recipe)) fail_msg("%s: the recipe lacks %s", c->name, cases[i].recipe);
        cli_parse_free(p);
        free(settings);
        struct raml_buf b;
        raml_buf_init(&b, 1 << 17);
        cli_help(c, &b);
        const char *rate = strstr(b.data, "Peak learning rate. ");
        if (!rate || !strstr(rate, cases[i].rate) || strstr(rate, cases[i].rate) > rate + 80)
            fail_msg("%s --help lacks %s", c->name, cases[i].rate);
        raml_buf_clear(&b);
        cli_man(c, &b);
        char troff[32];
        snprintf(troff, sizeof troff, "default 1e\\-%c", cases[i].rate[strlen(cases[i].rate) - 1]);
        rate = strstr(b.data, "Peak learning rate. ");
        if (!rate || !strstr(rate, troff) || strstr(rate, troff) > rate + 80)
            fail_msg("raml-%s(1) lacks %s", c->name, troff);
        raml_buf_deinit(&b);
    }
}

/* --help names every preset. */
static void test_preset_names(void **state)
{
    (void)state;
    static const char *const with[] = {"train sft", "train dpo", "train grpo"};
    for (size_t i = 0; i < COUNT(with); i++) {
        const struct cli_command *c = command_of(with[i]);
        struct raml_buf b;
        raml_buf_init(&b, 1 << 17);
        cli_help(c, &b);
        const char *list = strstr(b.data, "Presets:"), *name;
        assert_non_null(list);
        for (size_t k = 0; (name = c->preset_name(k)) != NULL; k++) {
            const char *at = strstr(list, name);
            if (!at || at > strstr(list, "\noptions of ")) fail_msg("raml %s --help lacks %s", c->name, name);
        }
        raml_buf_deinit(&b);
    }
}

/* max_tokens is the length of a completion and nothing else: other commands say what was meant, or that there is none. So
 * with names of other programs. */
static void test_other_names(void **state)
{
    (void)state;
    static const struct {
        const char *command, *now;
        const char *word;
    } cases[] = {{"train sft", "token_budget", "--max_tokens"},
                 {"data show", "max_length", "--max_tokens"},
                 {"data check", "max_length", "--max_tokens"},
                 {"score", NULL, "--max_tokens"},
                 {"trace", NULL, "--max_tokens"},
                 {"train sft", NULL, "--max_length"}, /* another program's: not a name of today read backwards */
                 {"train grpo", NULL, "--max-length"},
                 {"train grpo", "loss_aggregation? (a whole method is a --preset)", "--loss_type"},
                 {"train grpo", "beta", "--bata"},
                 {"train dpo", "beta", "--bata"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct cli_command *c = command_of(cases[i].command);
        char word[32], number[] = "5", want[128], *argv[] = {word, number};
        struct cli cli;
        struct cli_parsed *p = NULL;
        struct raml_err err;
        bool help;
        void *settings = calloc(1, c->settings_size + 1);
        assert_non_null(settings);
        snprintf(word, sizeof word, "%s", cases[i].word);
        assert_int_equal(cli_parse(c, 2, argv, settings, &cli, &help, &p, &err), RAML_EUSAGE);
        if (cases[i].now) snprintf(want, sizeof want, "did you mean --%s", cases[i].now);
        else snprintf(want, sizeof want, "'raml %s --help' lists them", c->name);
        if (!strstr(err.msg, want)) fail_msg("raml %s: %s", c->name, err.msg);
        free(settings);
    }
}

/* Words of earlier versions, which recipes and scripts have: accepted wherever the new one is. */
static void test_old_names(void **state)
{
    (void)state;
    static const struct {
        const char *command, *now, *before[2], *value;
    } cases[] = {{"sample", "prompt_preset", {"prompt_wording", "wording"}, "plain"},
                 {"sample", "answer_prefix", {"cue"}, "x"},
                 {"trace", "answer_prefix", {"cue"}, "x"},
                 {"sample", "force_continuation", {"force_wait"}, "2"},
                 {"sample", "max_completion_length", {"max_tokens"}, "5"},
                 {"eval", "max_completion_length", {"max_tokens"}, "5"},
                 {"fork", "max_completion_length", {"max_tokens"}, "5"},
                 {"study exits", "max_completion_length", {"max_tokens"}, "5"},
                 {"eval", "regrade", {"recheck"}, "true"}};
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < 2 && cases[i].before[k]; k++) {
            const struct cli_command *c = command_of(cases[i].command);
            for (int old = 0; old < 2; old++) {
                char word[128];
                struct cli cli;
                struct cli_parsed *p = NULL;
                struct raml_err err;
                bool help;
                snprintf(word, sizeof word, "--%s=%s", old ? cases[i].before[k] : cases[i].now, cases[i].value);
                char *argv[] = {word};
                void *settings = calloc(1, c->settings_size + 1);
                assert_non_null(settings);
                if (cli_parse(c, 1, argv, settings, &cli, &help, &p, &err)) fail_msg("%s: %s", word, err.msg);
                if (old) assert_non_null(strstr(cli.recipe, cases[i].now)); /* recorded under its name of today */
                cli_parse_free(p);
                free(settings);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_help_text),    cmocka_unit_test(test_long_example),
                                       cmocka_unit_test(test_tables),       cmocka_unit_test(test_other_names),
                                       cmocka_unit_test(test_own_defaults), cmocka_unit_test(test_preset_names),
                                       cmocka_unit_test(test_old_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
