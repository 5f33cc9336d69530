/* test_parse.c - what notation reads as, and what can't be read. */
#include "answer/read/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

struct row {
    const char *text, *want; /* NULL: it can't be read */
};

static const struct row rows[] = {
    /* numbers */
    {"42", "42"},
    {"-5", "-(5)"},
    {"1,234,567", "1234567"},
    {"11,\\! 111,\\! 100", "11111100"},
    {"10{,}000", "10000"},
    {"0,111", "0, 111"},
    {"1000,99", "1000, 99"},
    {"3.50", "3.50"},
    {".185", "0.185"},
    {"1.70e4", "170e2"},
    {"1e-5", "0.00001"},
    {"2.5E2", "25e1"},
    {"0.\\overline{3}", "((03 + -(0))/9)"},
    {"12 000", "12000"},
    {"\xef\xbc\x91", "1"},
    {"\xe2\x88\x92"
     "5",
     "-(5)"},
    {"5.", "5"},
    {"**73**", "73"},
    {"2**3", "(2^3)"},
    {"1e99999999999", "(1*e*99999999999)"},
    {"3 5", NULL},
    /* fractions, mixed numbers, percent, degrees */
    {"\\frac12", "(1/2)"},
    {"\\frac{3}4", "(3/4)"},
    {"\\dfrac{1}{3}", "(1/3)"},
    {"\\frac1{72}", "(1/72)"},
    {"\\frac94\\pi", "((9/4)*pi)"},
    {"1\\frac12", "(1 + (1/2))"},
    {"1 1/2", "(1 + (1/2))"},
    {"2\\frac{x}{3}", "(2*(x/3))"},
    {"x \\over yz", "(x/(y*z))"},
    {"{x \\over yz}", "(x/(y*z))"},
    {"\xc2\xbd", "(1/2)"},
    {"28\\%", "28%"},
    {"28 percent", "28%"},
    {"28 \\text{%}", "28%"},
    {"90^\\circ", "90 deg"},
    {"90^{\\circ}", "90 deg"},
    {"90\xc2\xb0", "90 deg"},
    {"72 degrees", "72 deg"},
    {"12^{\\text{th}}", "12"},
    {"\\frac{}{2}", NULL},
    /* products and powers */
    {"2x^{10}", "(2*(x^10))"},
    {"x^10", "(x^10)"},
    {"xy", "(x*y)"},
    {"2^6 3^5 5^4", "((2^6)*(3^5)*(5^4))"},
    {"a/b c", "(a/(b*c))"},
    {"1/2x", "((1/2)*x)"},
    {"2^{3^2}", "(2^(3^2))"},
    {"2^3^2", "(2^(3^2))"},
    {"-x^2", "-((x^2))"},
    {"x^{2}_{1}", "(x_1^2)"},
    {"x\xc2\xb2", "(x^2)"},
    {"(r+5)(r+5)", "((r + 5)*(r + 5))"},
    {"3!", "factorial(3)"},
    {"5!!", "factorial2(5)"},
    {"\\sqrt3", "sqrt(3)"},
    {"\\sqrt[3]{x}", "root(x, 3)"},
    {"\xe2\x88\x9a"
     "2",
     "sqrt(2)"},
    {"sqrt(25)", "sqrt(25)"},
    {"25\\sqrt2", "(25*sqrt(2))"},
    {"\\omegat", "(omega*t)"},
    {"-7 \\mod 4", "mod(-(7), 4)"},
    {"2 \\cdot 10^{-3}", "(2*(10^-(3)))"},
    {"3 * -2", "(3*-(2))"},
    /* functions */
    {"\\sin^2 x", "(sin(x)^2)"},
    {"\\sin^{-1} a", "asin(a)"},
    {"\\cos 2t", "cos((2*t))"},
    {"\\log_2 8", "log(8, 2)"},
    {"\\lg 100", "log(100, 10)"},
    {"\\ln x", "ln(x)"},
    {"\\sin x \\cos y", "(sin(x)*cos(y))"},
    {"\\cotx", "cot(x)"},
    {"|x||y|", "(abs(x)*abs(y))"},
    {"\\lfloor 2.5 \\rfloor", "floor(2.5)"},
    {"\\binom{5}{2}", "binomial(5, 2)"},
    {"{5 \\choose 2}", "binomial(5, 2)"},
    {"\\max(1, 5)", "max(1, 5)"},
    {"f(x)", "f(x)"},
    {"x(x+1)", "(x*(x + 1))"},
    {"\\sum_{k=1}^3 k", "(1 + 2 + 3)"},
    {"\\sum_{k=0}^{n-1} F_k", "terms(0, (n + -(1)), F_k)"},
    {"\\frac{dv}{dt}", "derivative((d*v), (d*t))"},
    {"\\frac{d}{dx} x^2", "derivative(d, (d*x), (x^2))"},
    {"\\frac{d}{dx}", NULL},
    {"e^{i\\pi}", "(e^(i*pi))"},
    {"\\arcsin(10/13)", "asin((10/13))"},
    /* structures */
    {"(1, 2)", "(1, 2)"},
    {"[0,1)", "[0, 1)"},
    {"]0,1[", NULL},
    {"[1,2]", "[1, 2]"},
    {"(5)", "5"},
    {"\\{1, 2\\}", "{1, 2}"},
    {"\\emptyset", "{}"},
    {"\\{x \\mid x > 3\\}", "x > 3"},
    {"{x|-2\\lex<1}", "-(2) <= x < 1"},
    {"(1,2) \\cup [3,\\infty)", "(1, 2) union [3, oo)"},
    {"1, 2 and 3", "1, 2, 3"},
    {"19, 46, \\text{ and } 82", "19, 46, 82"},
    {"5or9", "5, 9"},
    {"p=5,q=2;p=7,q=2", "p = 5, q = 2, p = 7, q = 2"},
    {"\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", "matrix 2 x 2 [1, 0, 0, 1]"},
    {"\\left[\\begin{array}{cc}1&2\\\\3&4\\end{array}\\right]", "matrix 2 x 2 [1, 2, 3, 4]"},
    {"\\begin{pmatrix}1&2\\\\3\\end{pmatrix}", NULL},
    {"x \\in [0, 1]", "x in [0, 1]"},
    {"a \\le b < c", "a <= b < c"},
    {"x != 3", "x != 3"},
    {"x = 5+5+1 = 11", "x = (5 + 5 + 1) = 11"},
    {"1 \\pm \\sqrt{19}", "(1 +- sqrt(19))"},
    {"\\pm 2021", "+-(2021)"},
    {"11:21", "11:21"},
    {"8:34 \\text{P.M.}", "minute 1234 (am/pm)"},
    {"5 am", "minute 300 (am/pm)"},
    {"1112_3", "base(1112, 3)"},
    {"2012_{\\text{base }3}", "base(2012, 3)"},
    {"\\mathbb{R}", "(-(oo), oo)"},
    /* units, words */
    {"10 cm", "10 [cm]"},
    {"10\\text{ cm}^2", "10 [cm^2]"},
    {"\\$36", "36 [dollar]"},
    {"36 dollars", "36 [dollars]"},
    {"5 m", "5 [m]"},
    {"5m", "(5*m)"},
    {"17\\text{ any text}", "17 [any text]"},
    {"\\text{Evelyn}", "\"evelyn\""},
    {"Even", "\"even\""},
    {"\\text{(C)}", "C"},
    {"\\textbf{(113) }", "113"},
    {"all real numbers", "\"all real numbers\""},
    {"approximately 5", "5"},
    {"seven", "7"},
    {"99\xe9\xa2\x97", "99 [\xe9\xa2\x97]"},
    {"\\text{x+1}", "(x + 1)"},
    /* what is no answer */
    {"", NULL},
    {"(", NULL},
    {"(1", NULL},
    {"1)", NULL},
    {"\\frac{1}", NULL},
    {"\\sqrt", NULL},
    {"#", NULL},
    {"a +", NULL},
    {"\\begin{matrix}1", NULL},
    {"2 + * 3", NULL},
    {"|", NULL},
    {"\\left(", NULL},
    {"1 + ... + 9", NULL},
};

/* The text's tree, printed; NULL: it can't be read. free() it. */
static char *reads(const char *text, size_t n, bool split)
{
    struct expr_pool pool = {.arena = raml_arena_open((size_t)1 << 26)};
    struct raml_buf b;
    const char *why = NULL;
    assert_non_null(pool.arena);
    raml_buf_init(&b, 1 << 20);
    const struct expr *e = raml_parse(text, n, split, &pool, NULL, &why);
    if (e) raml_expr_print(e, &b);
    else assert_non_null(why);
    char *out = e ? raml_buf_take(&b) : NULL;
    raml_buf_deinit(&b);
    raml_arena_close(pool.arena);
    return out;
}

static void test_rows(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *got = reads(rows[i].text, strlen(rows[i].text), false);
        bool same = got && rows[i].want ? !strcmp(got, rows[i].want) : !got && !rows[i].want;
        if (!same)
            fprintf(stderr, "'%s' reads as %s, want %s\n", rows[i].text, got ? got : "nothing",
                    rows[i].want ? rows[i].want : "nothing");
        bad += !same;
        free(got);
    }
    assert_int_equal(bad, 0);
}

/* "1,234" is a number, or two where commas separate numbers. */
static void test_commas(void **state)
{
    (void)state;
    char *one = reads("1,234", 5, false), *two = reads("1,234", 5, true), *in = reads("(1,234)", 7, false);
    assert_string_equal(one, "1234");
    assert_string_equal(two, "1, 234");
    assert_string_equal(in, "(1, 234)");
    free(one);
    free(two);
    free(in);
}

/* Nothing hangs or overflows the stack, whatever is repeated or nested. */
static void test_hostile(void **state)
{
    (void)state;
    static const char *const unit[] = {"(",
                                       "{",
                                       "[",
                                       "-",
                                       "+",
                                       "x^",
                                       "\\frac{",
                                       "\\sqrt{",
                                       "|",
                                       "1,",
                                       "\\{",
                                       "!",
                                       "x",
                                       "1 ",
                                       "'",
                                       "\\sin ",
                                       "^",
                                       "_",
                                       "\\begin{matrix}",
                                       "&",
                                       "\\\\",
                                       "\\left",
                                       "{}",
                                       "a_{",
                                       "\\sum_{k=1}^{99}",
                                       "\\text{",
                                       "\\pm ",
                                       ":",
                                       "=",
                                       "\\cup ",
                                       "\xe2\x88\x9a",
                                       "\xc2\xb2",
                                       "\xff",
                                       "f(",
                                       "\\log_",
                                       "1/",
                                       "\\binom",
                                       "\\mod ",
                                       "%",
                                       "$",
                                       "\\overline{",
                                       "((1)",
                                       "\\frac12"};
    char *a = malloc(70000);
    assert_non_null(a);
    for (size_t u = 0; u < COUNT(unit); u++) {
        for (size_t n = 10; n <= 66000; n = n * 9 + 7) {
            size_t len = 0, m = strlen(unit[u]);
            for (; len + m <= n; len += m) memcpy(a + len, unit[u], m);
            free(reads(a, len, u % 2));
            a[len++] = 'x';
            free(reads(a, len, u % 2));
        }
    }
    free(a);
}

int main(void)
{
    assert_true(COUNT(rows) >= 140);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_commas),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
