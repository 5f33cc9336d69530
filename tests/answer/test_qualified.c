/* test_qualified.c - answers that say something of their letters, families, constants of integration. */
#include "raml/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
static const struct kind_case qualified[] = {
    /* what is said of a letter */
    {"$f(x)=2x+c$ for any real $c$", "\\boxed{f(x)=2x+c}", E},
    {"$f(x)=2x+c$ for any real $c$", "\\boxed{f(x)=2x+k}", E},
    {"$f(x)=2x+c$ for any real $c$", "\\boxed{f(x)=3x+c}", D},
    {"$P(x)=(cx+2c)/(1+c)$, where $c\\ne -1$", "\\boxed{P(x)=\\frac{cx+2c}{1+c}}", E},
    {"$f(x,y)=h(x+y)$ for some polynomial $h$", "\\boxed{f(x,y)=h(x+y)}", E},
    {"$\\lfloor\\varphi n\\rfloor$, where $\\varphi=\\frac{\\sqrt5+1}{2}$", "\\boxed{\\lfloor\\varphi n\\rfloor}", E},
    {"$\\varphi^2$, where $\\varphi=\\frac{\\sqrt5+1}{2}$", "\\boxed{\\frac{3+\\sqrt5}{2}}", E},
    {"$\\varphi^2$, where $\\varphi=\\frac{\\sqrt5+1}{2}$", "\\boxed{\\frac{3-\\sqrt5}{2}}", D},
    {"$P(n)=(n+3a)^2-3a^2$ for some integer $a$", "\\boxed{P(n)=(n+3a)^2-3a^2}", E},
    {"$2^{n-1}$ for $n\\ge 2$", "\\boxed{2^{n-1}}", E}, {"$2^{n-1}$ for $n\\ge 2$", "\\boxed{2^{n}}", D},
    {"$2^{n-1}$", "$2^{n-1}$ for all $n\\ge 2$", E},
    {"$2^{n-1}$ for $n\\ge 2$", "\\boxed{2^{n-1}\\text{ for }n\\ge 3}", U},
    {"$f(x)=x+1$ for all real $x$", "\\boxed{f(x)=x+1}", E}, {"$f(x)=x+1$ for all real $x$", "\\boxed{x+1}", E},
    {"$f(x)=x+1$ for all real $x$", "\\boxed{f(x)=x+2}", D},
    {"$f(x)=x+1$ for every real number $x$", "\\boxed{f(x)=x+1}", E},
    {"f(x)=kx, k any real number", "\\boxed{f(x)=kx}", E}, {"f(x)=kx, k any real number", "\\boxed{f(x)=cx}", E},
    {"f(x)=cx where c is an arbitrary constant", "\\boxed{f(x)=ax}", E},
    {"$f(x)=0$ for all $x$", "\\boxed{f(x)=0}", E}, {"$y=Ce^{2x}$ for any constant $C$", "\\boxed{y=Ce^{2x}}", E},
    {"$y=Ce^{2x}$ for any constant $C$", "\\boxed{y=Ae^{2x}}", E},
    {"$y=Ce^{2x}$ for any constant $C$", "\\boxed{y=Ce^{3x}}", D},
    {"2x+C, where C is the constant of integration", "\\boxed{2x+C}", E},
    {"n(n+1)/2 for every positive integer n", "\\boxed{\\frac{n(n+1)}{2}}", E},
    {"$\\frac{n}{n+1}$ for all $n\\in\\mathbb{N}$", "\\boxed{\\frac{n}{n+1}}", E},
    {"$a^2+b^2$ for all $a,b\\in\\mathbb{R}$", "\\boxed{a^2+b^2}", E}, {"x+1 (x>0)", "\\boxed{x+1}", E},
    {"5", "$5\\text{ if }x>0$", D}, {"5", "5 when $x=2$", D}, {"x", "x if x > 0", U},
    /* families */
    {"$x=n\\pi$, $n\\in\\mathbb{Z}$", "\\boxed{x=n\\pi}", E}, {"n\\pi", "$x=k\\pi, k\\in\\mathbb{Z}$", E},
    {"k\\pi", "n\\pi, n\\in\\mathbb{Z}", E}, {"k\\pi", "n\\pi (n\\in\\mathbb{Z})", E},
    {"k\\pi, k\\in\\mathbb{Z}", "\\boxed{x=m\\pi\\ (m\\in\\mathbb{Z})}", E},
    {"k\\pi, k\\in\\mathbb{Z}", "\\boxed{2k\\pi, k\\in\\mathbb{Z}}", D},
    {"$x=\\frac{\\pi}{4}+n\\pi$ where $n$ is an integer", "\\boxed{x=\\frac{\\pi}{4}+n\\pi}", E},
    {"\\frac{\\pi}{4}+k\\pi, k\\in\\mathbb{Z}", "\\frac{5\\pi}{4}+n\\pi, n\\in\\mathbb{Z}", E},
    {"\\frac{\\pi}{4}+k\\pi, k\\in\\mathbb{Z}", "\\frac{\\pi}{4}-n\\pi, n\\in\\mathbb{Z}", E},
    {"\\frac{\\pi}{4}+k\\pi, k\\in\\mathbb{Z}", "\\frac{3\\pi}{4}+n\\pi, n\\in\\mathbb{Z}", D},
    {"\\frac{\\pi}{2}+k\\pi, k\\in\\mathbb{Z}", "\\frac{(2n+1)\\pi}{2}, n\\in\\mathbb{Z}", E},
    {"2k+1, k\\in\\mathbb{Z}", "2n-1, n\\in\\mathbb{Z}", E}, {"2k+1, k\\in\\mathbb{Z}", "2n, n\\in\\mathbb{Z}", D},
    {"2k+1, k\\in\\mathbb{Z}", "2n-1, n\\in\\mathbb{N}", D},
    {"30^\\circ+360^\\circ k, k\\in\\mathbb{Z}", "30^\\circ+360^\\circ n, n\\in\\mathbb{Z}", E},
    {"x = \\frac{\\pi}{6}+2k\\pi, k \\in \\mathbb{Z}", "\\frac{\\pi}{6}+2k\\pi", E}, {"n\\pi", "k\\pi", U},
    /* constants of integration */
    {"\\ln|x|+c", "$\\ln|x|+C$", E}, {"x^2+c", "$x^2+C$", E}, {"\\frac13x^3+C_1", "$\\frac{x^3}{3}+C$", E},
    {"x^2+C", "x^2+K", E}, {"x^2+C", "x^2", D}, {"x^2+C", "x^3+C", D}, {"\\sin x+C", "\\cos x+C", D},
    {"\\frac12\\ln|2x+1|+C", "\\frac12\\ln|2x+1|+c", E}, {"x^2+1+C", "x^2+C", E}, {"(x+1)^2+C", "x^2+2x+C", E},
    {"(x+1)^2+C", "x^2+3x+C", D}, {"Ce^{2x}", "ce^{2x}", E}, {"C_1e^x+C_2e^{-x}", "Ae^x+Be^{-x}", E},
    {"C_1e^x+C_2e^{-x}", "c_2e^x+c_1e^{-x}", E}, {"C_1e^x+C_2e^{-x}", "C_1e^x+C_2e^{-2x}", D}, {"a+b+c", "a+b+C", D},
    {"2x+c", "2x+1+c", D}, {"y=x^2+C", "y=x^2+c", E},
    /* a power belongs to the last of adjacent letters */
    {"xy^2", "x\\cdot y^2", E}, {"xy^2", "(xy)^2", D}, {"Ae^x", "A\\cdot e^x", E},
    {"mgh^2", "m\\cdot g\\cdot h^2", E}, {"abc!", "ab\\cdot c!", E},
    /* a letter a, not the article */
    {"f(x)=ax where a is an integer", "f(x)=bx where b is an integer", E},
    {"f(x)=ax where a is an integer", "f(x)=bx where b is a real number", U},
    {"f(x)=ax where a is an integer", "f(x)=ax", E}, {"f(x)=ax for all a", "f(x)=ax", E},
    {"f(x)=kx where k is a constant", "f(x)=kx", E}, {"x^2+C where C is a constant", "x^2+C", E},
};
/* clang-format on */

static void test_qualified(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(qualified, COUNT(qualified), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qualified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
