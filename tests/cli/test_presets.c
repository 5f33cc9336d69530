/* test_presets.c - a command's own defaults of a shared table, and presets, several of which are joined by +. */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

struct settings {
    const char *preset;
    struct rate {
        double peak;
        int decay;
        int64_t token_budget;
    } rate;
};
#define RATE(f) offsetof(struct rate, f)
static const struct raml_setting rows[] = {
    {"peak", NULL, RAML_REAL, RATE(peak), "0.5", 0, 1, NULL, "Highest rate."},
    {"decay_type", NULL, RAML_WORD, RATE(decay), "linear", 0, 0, "cosine|linear|constant", "How it falls."},
    {"token_budget", NULL, RAML_INT, RATE(token_budget), "0", 0, 1e15, NULL, "Tokens to read."},
};
static const size_t n_rows = COUNT(rows);
static const struct cli_shared shared[] = {
    {rows, &n_rows, offsetof(struct settings, rate), "options of the rate", "peak=0.25 decay_type=constant"}};
static const struct raml_setting own[] = {
    {"preset", NULL, RAML_TEXT, offsetof(struct settings, preset), NULL, 0, 0, NULL, "By name."}};

static enum raml_code set_one(const char *name, void *settings, struct raml_err *err)
{
    struct settings *s = settings;
    if (!strcmp(name, "half")) s->rate.peak = 0.5;
    else if (!strcmp(name, "a")) s->rate.token_budget += 1000;
    else if (!strcmp(name, "a+")) s->rate.token_budget += 7;
    else if (!strcmp(name, "a+b")) s->rate.token_budget += 100;
    else return raml_fail(err, RAML_EUSAGE, "there is no preset '%s'", name);
    return RAML_OK;
}

static const char *one_name(size_t i)
{
    static const char *const name[] = {"half", "a", "a+", "a+b"};
    return i < COUNT(name) ? name[i] : NULL;
}

static const struct cli_command command = {.name = "train sft",
                                           .about = "Train.",
                                           .args = "",
                                           .example = "raml train sft",
                                           .option = own,
                                           .n_options = 1,
                                           .shared = shared,
                                           .n_shared = 1,
                                           .settings_size = sizeof(struct settings),
                                           .preset = set_one,
                                           .preset_name = one_name};

static void test_presets(void **state)
{
    (void)state;
    static const struct {
        const char *preset, *peak; /* as given; NULL: not */
        double want;
        int64_t budget;
    } cases[] = {{NULL, NULL, 0.25, 0},       {"half", NULL, 0.5, 0},     {"half", "1", 1, 0},
                 {"a++half", NULL, 0.5, 7},   {"half+a+", NULL, 0.5, 7},  {"a+b", NULL, 0.25, 100},
                 {"a+b+a+", NULL, 0.25, 107}, {"half+a", NULL, 0.5, 1000}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char preset[64], peak[64], *argv[2];
        int argc = 0;
        snprintf(preset, sizeof preset, "--preset=%s", cases[i].preset ? cases[i].preset : "");
        snprintf(peak, sizeof peak, "--peak=%s", cases[i].peak ? cases[i].peak : "");
        if (cases[i].preset) argv[argc++] = preset;
        if (cases[i].peak) argv[argc++] = peak;
        struct settings s, usual;
        struct cli cli;
        struct cli_parsed *p = NULL;
        struct raml_err err;
        bool help;
        if (cli_parse(&command, argc, argv, &s, &cli, &help, &p, &err)) fail_msg("%s: %s", preset, err.msg);
        if (!(s.rate.peak == cases[i].want && s.rate.token_budget == cases[i].budget && s.rate.decay == 2))
            fail_msg("%s %s: peak %g, budget %d", preset, peak, s.rate.peak, (int)s.rate.token_budget);
        assert_int_equal(cli_defaults(&command, s.preset, &usual, &err), RAML_OK);
        if (!cases[i].peak) assert_memory_equal(&usual.rate, &s.rate, sizeof s.rate);
        else assert_true(usual.rate.peak == 0.5);
        cli_parse_free(p);
    }
}

static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *names, *want;
    } cases[] = {{"half+", "--preset: there is no preset ''"},
                 {"halfa+", "--preset: there is no preset 'halfa'"},
                 {"+half", "--preset: there is no preset ''"},
                 {"half+b\n", "--preset: there is no preset 'b?'"}};
    struct settings s;
    struct raml_err err;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(cli_defaults(&command, cases[i].names, &s, &err), RAML_EUSAGE);
        assert_string_equal(err.msg, cases[i].want);
    }
    struct cli_shared wrong = shared[0];
    struct cli_command c = command;
    c.shared = &wrong;
    wrong.defaults = "peek=1";
    assert_int_equal(cli_defaults(&c, NULL, &s, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "there is no setting 'peek'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_presets), cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
