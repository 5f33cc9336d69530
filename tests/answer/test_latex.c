/* test_latex.c - LaTeX as two other parsers read it (../shared/data/verify/latex_parse.jsonl): what must be read is
 * read, constants have the value that sympy gives them, what is not a formula is refused.
 */
#include "answer/decide/decide.h"
#include "answer/read/parse.h"
#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* Rows with another result here, by a piece of their text, with the reason. */
static const struct {
    const char *piece, *why;
} other[] = {
    {"gcd", "gcd and lcm of what is not a whole number"},
    {"lcm", "gcd and lcm of what is not a whole number"},
    {"2y-y-y", "a variable that cancels: decided as a function, has no value by itself"},
    {"\\infty", "infinity has no value"},
    {"\\int", "integrals are compared, not computed"},
    {"e^{I", "a capital I is a name"},
    {"\\$", "money is a number with a unit"},
    {"rbrace", "a set of one number is not a bracket"},
    {"right\\}", "a set of one number is not a bracket"},
    {"1E-29", "the file has no value either"},
    {"||x||y||", "bars that could open or close"},
    {"3 1\\frac", "two numbers side by side"},
    {"299792458\\mod", "the file's value is a rounded one: 5.77 exactly"},
    {"0.0000923423\\mod", "a modulus below 0"},
    {"13*10^9\\mod", "a modulus below 0"},
    {"9\\mod -213", "a modulus below 0"},
    {"\\mod -12", "a modulus below 0"},
    {"\\variable{value", "a command of only one tool"},
    {"mathit", "a name in italics, or several"},
    {"\\frac{d}{dx} +", "read as a product"},
};

static const char *excuse(const char *latex)
{
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (strstr(latex, other[i].piece)) return other[i].why;
    return NULL;
}

/* Is e the value that the file gives with 17 digits: the same, or within 1e-9 of it? */
static bool has_value(struct expr_pool *p, const struct expr *e, const char *value)
{
    struct work w = {.left = 1000000};
    const char *why, *rule;
    int order;
    const struct expr *v = raml_parse(value, strlen(value), true, p, NULL, &why);
    if (!e || !v || !raml_expr_is_scalar(e)) return false;
    if (raml_decide(e, v, &w, &rule) == RAML_EQUAL) return true;
    const struct expr *off = raml_expr_2(p, EXPR_ADD, e, raml_expr_1(p, EXPR_NEG, v));
    const struct expr *size = raml_expr_call(p, FN_ABS, v, NULL);
    const struct expr *most = raml_expr_2(p, EXPR_MUL, size, raml_expr_number(p, "1", 1, 9));
    off = off ? raml_expr_call(p, FN_ABS, off, NULL) : NULL;
    return off && most && raml_decide_order(off, most, &w, &order) && order < 0;
}

static void test_rows(void **state)
{
    (void)state;
    char path[512];
    struct raml_err err = {0};
    struct raml_lines in = {0};
    size_t n = 0, read = 0, refused = 0, errors = 0, values = 0, agreed = 0, excused = 0, bad = 0;
    snprintf(path, sizeof path, "%s/data/verify/latex_parse.jsonl", RAML_SHARED);
    if (!raml_is_file(path)) {
        fprintf(stderr, "\n*** NOT TESTED: %s is absent ***\n\n", path);
        skip();
    }
    assert_int_equal(raml_lines_init(&in, path, 1 << 20, &err), RAML_OK);
    for (bool more = true; !raml_lines_next(&in, &more, &err) && more;) {
        json_t *row = json_loadb(in.line.data, in.line.len, 0, NULL);
        const char *latex = json_string_value(json_object_get(row, "latex")), *why;
        const char *value = json_string_value(json_object_get(row, "value"));
        bool must_fail = json_is_true(json_object_get(row, "error"));
        struct expr_pool pool = {.arena = raml_arena_open((size_t)1 << 26)};
        assert_non_null(latex);
        const struct expr *e = raml_parse(latex, strlen(latex), false, &pool, NULL, &why);
        bool good = must_fail ? !e : e != NULL;
        n += !must_fail;
        read += !must_fail && e;
        errors += must_fail;
        refused += must_fail && !e;
        if (value && !must_fail) {
            bool near = has_value(&pool, e, value);
            values++;
            agreed += near;
            good = good && near;
        }
        if (!good && excuse(latex)) {
            excused++;
        } else if (!good) {
            fprintf(stderr, "%s: %s, value %s\n", latex, e ? "read" : why, value ? value : "none");
            bad++;
        }
        raml_arena_close(pool.arena);
        json_decref(row);
    }
    raml_lines_deinit(&in);
    printf("latex_parse.jsonl: %zu of %zu read, %zu of %zu refused, %zu of %zu values; %zu rows differ for a reason\n",
           read, n, refused, errors, agreed, values, excused);
    assert_int_equal(bad, 0);
    assert_int_equal(excused, 92); /* fewer are better, and then this number goes down */
    assert_int_equal(n - read, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
