/* test_answer.c - a table of answers that are the same, and that are not. */
#include "raml/question.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { E = RAML_EQUAL, D = RAML_DIFFERENT, U = RAML_UNKNOWN };

static const struct {
    const char *what, *gold, *pred;
    int want;
} cases[] = {
    {"no prediction", "5", NULL, U},
    {"empty prediction", "5", "", D},
    {"whitespace prediction", "5", " \n", D},
    {"no gold", NULL, "5", U},
    {"empty gold", "", "5", U},
    {"an empty box is not an answer", "5", "\\boxed{}", D},
    {"the same integer", "42", "42", E},
    {"another integer", "42", "43", D},
    {"leading zeros", "42", "0042", E},
    {"whitespace around", "42", "  42\n", E},
    {"plus", "42", "+42", E},
    {"minus", "-42", "-42", E},
    {"the sign counts", "42", "-42", D},
    {"minus zero", "0", "-0", E},
    {"Unicode minus", "-42",
     "\xe2\x88\x92"
     "42",
     E},
    {"a space after the sign", "-42", "- 42", E},
    {"two signs cancel", "42", "--42", E},
    {"integers past 64 bits", "123456789012345678901234567890", "123456789012345678901234567890", E},
    {"... that differ in the last digit", "123456789012345678901234567890", "123456789012345678901234567891", D},
    {"floats would call these equal", "9007199254740993", "9007199254740992", D},
    {"thousands", "1234567", "1,234,567", E},
    {"thousands against thousands", "1,234", "1,234", E},
    {"LaTeX thousands", "10000", "10{,}000", E},
    {"LaTeX thin space", "10000", "10\\,000", E},
    {"LaTeX thousands of MATH", "10000", "10,\\!000", E},
    {"a pair is not thousands", "12", "1,2", D},
    {"four digits in a group", "12345", "1,2345", D},
    {"first group too long", "1234567", "1234,567", D},
    {"a list stays a list", "1,2", "1, 2", E},
    {"a number is not a pair", "1,234", "(1,234)", D},
    {"decimal of an integer", "27", "27.0", E},
    {"trailing zeros", "0.5", "0.500", E},
    {"no digit before the point", "0.5", ".5", E},
    {"no digit after the point", "5", "5.", E},
    {"decimals exact", "0.1", "0.10000000000000000001", D},
    {"thousands and decimals", "1234.5", "1,234.50", E},
    {"two points", "1.2", "1.2.0", U},
    {"version numbers as text", "1.2.3", "1.2.3", E},
    {"fraction and decimal", "1/4", "0.25", E},
    {"fractions in other terms", "2/4", "1/2", E},
    {"a third and its decimals, as far as they go", "1/3", "0.333333333333", E},
    {"negative fraction", "-1/2", "-0.5", E},
    {"spaces in a fraction", "1/2", "1 / 2", E},
    {"division by zero is text", "1/0", "1/0", E},
    {"division by zero is nothing", "0", "1/0", U},
    {"LaTeX fraction", "\\frac{1}{2}", "0.5", E},
    {"dfrac", "\\frac{3}{4}", "\\dfrac{3}{4}", E},
    {"tfrac", "\\tfrac{3}{4}", "3/4", E},
    {"frac of single digits", "\\frac12", "1/2", E},
    {"frac of one brace", "\\frac{1}2", "0.5", E},
    {"sign inside", "-1/2", "\\frac{-1}{2}", E},
    {"sign before it", "-1/2", "-\\frac{1}{2}", E},
    {"sign below", "-1/2", "\\frac{1}{-2}", E},
    {"frac of decimals", "5", "\\frac{2.5}{0.5}", E},
    {"frac in frac", "1/8", "\\frac{\\frac{1}{2}}{4}", E},
    {"something after the fraction", "1/2", "\\frac{1}{2}x", D},
    {"mixed number", "3/2", "1 1/2", E},
    {"LaTeX mixed number", "3/2", "1\\frac{1}{2}", E},
    {"negative mixed number", "-1.5", "-1\\frac{1}{2}", E},
    {"two numbers are not one", "12", "1 2", U},
    {"e-notation", "1500", "1.5e3", E},
    {"negative exponent", "0.0015", "1.5E-3", E},
    {"e by itself is a letter", "2", "2e", D},
    {"money", "18", "$18", E},
    {"LaTeX money", "18", "\\$18", E},
    {"money with thousands", "70000", "$70,000.00", E},
    {"negative money", "-5", "-$5", E},
    {"negative money, other order", "-5", "$-5", E},
    {"math mode", "18", "$18$", E},
    {"money in math mode", "18", "$\\$18$", E},
    {"display math", "18", "$$18$$", E},
    {"brackets of math", "18", "\\(18\\)", E},
    {"per cent dropped", "50", "50%", E},
    {"LaTeX per cent dropped", "50", "50\\%", E},
    {"per cent may be applied", "0.5", "50%", E},
    {"full stop", "18", "18.", E},
    {"full stop after math", "18", "$18$.", E},
    {"brackets around one number", "113", "\\textbf{(113) }", E},
    {"brackets around a letter", "A", "(a)", E},
    {"a pair with brackets or without", "(1,2)", "1,2", U},
    {"brackets of a product", "(1)(2)", "1)(2", U},
    {"bold", "73", "**73**", E},
    {"boxed", "5", "\\boxed{5}", E},
    {"boxed in a sentence", "5", "So the answer is $\\boxed{5}$, as wanted.", E},
    {"the last box", "5", "\\boxed{4} no, wait: \\boxed{5}", E},
    {"a box that is not closed", "5,6", "\\boxed{5} or $\\boxed{6$", E},
    {"a box with braces inside", "1/2", "\\boxed{\\frac{1}{2}}", E},
    {"a box with escaped braces", "\\{1,2\\}", "\\boxed{\\{1,2\\}}", E},
    {"boxed text", "blue", "\\boxed{\\text{Blue}}", E},
    {"both boxed", "\\boxed{7}", "$\\boxed{7.0}$", E},
    {"text in case", "Blue", "bLUE", E},
    {"other text", "blue", "green", D},
    {"folded whitespace", "a b", " a \n b ", E},
    {"whitespace counts in lists", "3 1 2", "31 2", U},
    {"spaces beside brackets", "\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\frac{\\pi}{2})", E},
    {"tuples that differ", "(1,2)", "(2,1)", D},
    {"text around", "x+1", "\\text{x+1}", E},
    {"arithmetic that ends in the answer", "396", "400-4=396", E},
    {"arithmetic that is wrong", "0", "396=0", D},
    {"a thousands separator is not a decimal point", "10", "10,000", D},
    {"a decimal comma", "1.22", "1,22", E},
    {"a decimal comma after 0", "0.111", "0,111", E},
    {"one of several", "5", "5 or 6", D},
    {"a power", "5", "5^2", D},
    {"a factorial", "5", "5!", D},
    {"a variable after it", "5", "5x", D},
    {"things", "5", "5 apples", E},
    {"a rounded root", "\\sqrt{2}", "1.4142", E},
    {"three digits are too few", "\\pi", "3.14", D},
    {"an expression and an equation", "x+1", "x + 1 = 0", D},
    {"two variables", "x", "y", D},
    {"an index", "a_1", "a_2", D},
    {"a set is not a pair", "\\{1,2\\}", "(1,2)", D},
    {"closed and open", "[1,2]", "(1,2)", D},
    {"both infinities", "\\infty", "-\\infty", D},
    {"conjugates", "i", "-i", D},
    {"the positive root", "\\sqrt{4}", "-2", D},
    {"one root of two", "x=\\pm 2", "x=2", D},
    {"both roots", "\\pm 2", "2, -2", E},
    {"per cent", "5\\%", "500", D},
    {"metres", "5 km", "5000 m", E},
    {"a mass", "5 m", "5 kg", D},
    {"cents", "\\$5", "5 cents", D},
    {"large factorials", "1000!", "1000!+1", D},
    {"nearly an integer", "e^{\\pi\\sqrt{163}}", "262537412640768744", D},
    {"degrees in a sine", "\\sin 30^\\circ", "1/2", E},
    {"radians in a sine", "\\sin 30", "1/2", D},
    {"nines without end", "0.\\overline{9}", "1", E},
    {"a mixed number", "3 1/2", "31/2", D},
    {"an absolute value is not a variable", "\\sqrt{x^2}", "x", D},
    {"the same circle", "x^2+y^2=1", "x^2+y^2-1=0", E},
    {"a half-line", "x<5", "(-\\infty,5)", E},
    {"its end", "x\\le 5", "x<5", D},
    {"nothing", "\\text{no solution}", "\\emptyset", E},
    {"too large to know", "10^{10^{10}}", "10^{10^{10}}+1", U},
    {"other names", "x=5", "y=5", D},
    {"units of two sizes", "1 m", "10 cm", D},
    {"no value", "\\frac{1}{0}", "\\infty", U},
    {"times of day", "20:34", "8:34 PM", E},
    {"half a day off", "8:34 AM", "8:34 PM", D},
    {"bases", "1112_3", "41", E},
    {"derivatives are not quotients", "\\frac{d}{dx} x^2", "x", U},
    {"half a text", "5 cm", "\\text{5} cm", D},
    {"a number in words", "5", "five", E},
    {"UTF-8", "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9", E},
    {"exponent out of bounds", "1e999999999", "1E999999999", U},
    {"exponent out of bounds", "5", "1e999999999", U},
    {"exponent at the bound", "1e10000", "10e9999", E},
};

static const char *const verdict_name[] = {"unknown", "different", "equal"};

static void test_table(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        int got = raml_answer_check(cases[i].gold, cases[i].pred);
        bool empty = cases[i].pred && (!cases[i].pred[strspn(cases[i].pred, " \n")] || strstr(cases[i].pred, "{}"));
        empty = empty || (cases[i].gold && !cases[i].gold[0]);
        int back = empty ? got : raml_answer_check(cases[i].pred, cases[i].gold); /* an empty gold is UNKNOWN */
        if (got == cases[i].want && back == got) continue;
        bad++;
        fprintf(stderr, "%s: gold '%s', pred '%s': got %s (other way round %s), want %s\n", cases[i].what,
                cases[i].gold ? cases[i].gold : "(null)", cases[i].pred ? cases[i].pred : "(null)",
                verdict_name[got + 1], verdict_name[back + 1], verdict_name[cases[i].want + 1]);
    }
    assert_int_equal(bad, 0);
    assert_int_equal(raml_answer_check("5", "The answer is not 5"), RAML_UNKNOWN);
    assert_int_equal(raml_answer_check("5", "5 is not the answer"), RAML_UNKNOWN);
    assert_int_equal(raml_answer_check("B", "It's not A, because that makes no sense, so I think it's B"), RAML_EQUAL);
    assert_int_equal(raml_answer_check("A", "It's not A, because that makes no sense, so I think it's B"),
                     RAML_DIFFERENT);
}

/* Answers of 16 KiB and more are compared only as text. */
static void test_long_numbers(void **state)
{
    (void)state;
    char *a = malloc(20010), *b = malloc(20010);
    assert_non_null(a);
    assert_non_null(b);
    memset(a, '7', 10000);
    a[10000] = 0;
    snprintf(b, 20010, "+%s.", a);
    assert_int_equal(raml_answer_check(a, b), RAML_EQUAL);
    b[500] = '8';
    assert_int_equal(raml_answer_check(a, b), RAML_DIFFERENT);
    memset(a, '7', 10001);
    a[10001] = 0;
    assert_int_equal(raml_answer_check(a, a), RAML_EQUAL);
    assert_int_equal(raml_answer_check(a, "7"), RAML_DIFFERENT);
    snprintf(b, 20010, "0%s", a);
    assert_int_equal(raml_answer_check(a, b), RAML_EQUAL);
    memset(a, '7', 20000);
    a[20000] = 0;
    assert_int_equal(raml_answer_check(a, a), RAML_EQUAL);
    assert_int_equal(raml_answer_check(a, "7"), RAML_UNKNOWN);
    free(a);
    free(b);
}

/* Hostile text of megabytes is answered in time that grows with its length: with its square it would not end today. */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const unit[] = {"\\boxed{", "{",       "}",     "\\text{", "$",
                                       "\\",       "\\frac{", "1,234", " ",       "\\boxed {}"};
    size_t n = 2000000;
    char *a = malloc(n + 16);
    assert_non_null(a);
    for (size_t u = 0; u < COUNT(unit); u++) {
        size_t len = 0, m = strlen(unit[u]);
        for (; len + m <= n; len += m) memcpy(a + len, unit[u], m);
        a[len] = 0;
        int got = raml_answer_check("5", a);
        assert_true(got == RAML_UNKNOWN || got == RAML_DIFFERENT);
    }
    size_t deep = n / 7, len = 0;
    for (size_t i = 0; i < deep; i++, len += 6) memcpy(a + len, "\\text{", 6);
    memset(a + len, '}', deep);
    a[len + deep] = 0;
    assert_int_equal(raml_answer_check("5", a), RAML_UNKNOWN);
    free(a);
}

int main(void)
{
    assert_true(COUNT(cases) >= 60);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_long_numbers),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
