/* test_recipe_command.c - the command that a recipe names. */
#include "cli/cli.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static char recipe_path[64];

/* What a recipe's raml_command says, whatever else it holds; want: the error, "%s" the recipe's path. */
static void test_recipe_command(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        size_t line;
        const char *want;
    } cases[] = {
        {"", "", 0, NULL},
        {"steps: 3\nraml_version: 9\n", "", 0, NULL},
        {"note: raml_command\n? {raml_command: a}\n: [raml_command, b]\nsub: {raml_command: c}\n", "", 0, NULL},
        {"# x\nraml_command: train sft\nsteps: many\n", "train sft", 2, NULL},
        {"unknown: [1, 2]\nraml_command: \"sample\"\n", "sample", 2, NULL},
        {"raml_command: {a: b}\n", NULL, 0, "%s:1: raml_command: found a nested mapping, expected text"},
        {"steps\n", NULL, 0, "%s:1: found a plain value, expected lines of the form 'name: value'"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char name[RAML_SHOWN], want[256];
        size_t line;
        struct raml_err err;
        if (raml_file_write(recipe_path, cases[i].text, strlen(cases[i].text), &err)) fail_msg("%s", err.msg);
        enum raml_code rc = cli_recipe_command(recipe_path, name, &line, &err);
        assert_int_equal(rc, cases[i].want ? RAML_EUSAGE : RAML_OK);
        if (cases[i].want) {
            snprintf(want, sizeof want, "%s%s", recipe_path, cases[i].want + 2);
            assert_string_equal(err.msg, want);
            continue;
        }
        assert_string_equal(name, cases[i].name);
        assert_int_equal(line, cases[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_recipe_command)};
    snprintf(recipe_path, sizeof recipe_path, "/tmp/raml-recipe-%ld.yaml", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(recipe_path);
    return failed;
}
