/* test_commands.c - the table of commands: names near a word, the text of --help, and the invariants of every row. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* Only shown, never parsed: the offsets do not matter. */
static const struct cli_option options[] = {
    {"shuffle", NULL, CLI_FLAG, 0, "true", 0, 0, NULL, "Mix the order."},
    {"steps", "max_steps", CLI_INT, 0, "100", 1, 1e9, NULL, "Steps."},
    {"out", NULL, CLI_TEXT, 0, NULL, 0, 0, NULL, "Folder."},
    {"dtype", NULL, CLI_ONE, 0, "bf16", 0, 0, "f32|bf16", "Numbers of the matrix products."},
};
static const struct cli_command command = {.name = "train sft",
                                           .about = "Train.",
                                           .args = "FILE...",
                                           .example = "raml train sft --steps 2",
                                           .option = options,
                                           .n_options = COUNT(options)};

static void test_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"train sft",     "sample",          "score", "eval",
                                        "learning_rate", "num_generations", "k",     "a_b_c_d"};
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"sampel", "sample"},
        {"asmpel", "sample"},
        {"a-b-c-d", "a_b_c_d"},
        {"sampl", "sample"},
        {"scores", "score"},
        {"LEARNING-RATE", "learning_rate"},
        {"learn", "learning_rate"},
        {"evla", "eval"},
        {"avel", "eval"},
        {"trainsft", "train sft"},
        {"num_generation", "num_generations"},
        {"generations", NULL},
        {"xyz", NULL},
        {"", NULL},
        {"kk", "k"},
        {"q", NULL},
        {"le", NULL},
        {"sc", NULL},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = cli_nearest(cases[i].word, known, COUNT(known));
        if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
            fail_msg("nearest to '%s': got %s, expected %s", cases[i].word, got ? got : "none",
                     cases[i].want ? cases[i].want : "none");
    }
    static const char *const tie[] = {"abcx", "abcy"};
    assert_string_equal(cli_nearest("abcz", tie, 2), "abcx");
}

static void test_help_text(void **state)
{
    (void)state;
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    cli_help(&command, &b);
    assert_int_equal(b.code, RAML_OK);
    static const char *const parts[] = {"usage: raml train sft [options] FILE...\n",
                                        "  --[no-]shuffle ",
                                        "  --steps INT ",
                                        "Steps. (an integer from 1 to 1000000000; default 100; also\n",
                                        "  --out TEXT                    Folder.\n",
                                        "  --dtype WORD ",
                                        "(one of f32, bf16; default bf16)\n",
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
        free(settings);
        assert_non_null(c->run);
        assert_true(strncmp(c->example, "raml ", 5) == 0 && strlen(c->about) <= 80);
        static const char *const common[] = {"config", "seed", "threads", "cpu", "json", "quiet", "help"};
        for (size_t j = 0; j < c->n_options; j++) {
            const struct cli_option *o = &c->option[j];
            assert_true(o->name && o->help && !strpbrk(o->name, "- ="));
            assert_true(o->type != CLI_ONE || o->words);
            assert_true(o->offset < c->settings_size);
            assert_true(strncmp(o->name, "raml_", 5) != 0);
            for (size_t k = 0; k < COUNT(common); k++) assert_string_not_equal(o->name, common[k]);
            for (size_t k = 0; k < j; k++) assert_string_not_equal(o->name, c->option[k].name);
        }
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
                 {"eval", "regrade", {"recheck"}, "true"}};
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < 2 && cases[i].before[k]; k++) {
            const struct cli_command *c = NULL;
            for (size_t j = 0; j < cli_n_commands; j++)
                if (!strcmp(cli_commands[j]->name, cases[i].command)) c = cli_commands[j];
            assert_non_null(c);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest), cmocka_unit_test(test_help_text),
                                       cmocka_unit_test(test_long_example), cmocka_unit_test(test_tables),
                                       cmocka_unit_test(test_old_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
