/* test_more_compared.c - how answers of every kind are compared: more neighbours of each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
/* Quantities that are given their values. */
static const struct kind_case named[] = {
    {"24", "Area = 24", E}, {"65", "Total cost = 5 + 60 = $65", E}, {"16\\pi", "Area = 16\\pi", E},
    {"12", "Perimeter = 3+4+5 = 12", E}, {"12", "Speed = 36/3 = 12 km/h", E}, {"12", "$15 - $3 = $12", E},
    {"x^2-1", "f(x) = (x-1)(x+1) = x^2-1", E}, {"12", "\\lfloor 100r \\rfloor = 12", E}, {"x^2+y^2=25", "25", N},
    {"1/2", "P(A) = \\frac12", E}, {"x=2,y=3", "(2,3)", E}, {"73", "\\frac{AB}{CD} = 73", E},
    {"3", "f(f(2)) = f(5) = 3", E}, {"73", "N \\equiv 73 \\pmod{1000}", E},
    {"73", "\\angle BAC = 180^\\circ - 107^\\circ = 73^\\circ", E}, {"[1,2]", "x \\in [1,2]", E}, {"6", "xyz=6", E},
    {"10", "{}_5C_2 = 10", E}, {"8", "\\boxed{N=8}", E}, {"42", "\\mathrm{lcm}(14,21)=42", E}, {"5", "5!=120", N},
    {"5", "5=x", E}, {"24", "[ABC] = 24", E}, {"5", "\\mathbb{E}[X] = 5", E}, {"73", "N \\bmod 1000 = 73", E},
    {"37", "256+37=293", N}, {"m+n=293", "n+m=293", E}, {"73", "Thus $m+n=70+3=73$", E}, {"17", "a+b+c=17", E},
    {"33", "p+q+r = 5 + 11 + 17 = 33", E}, {"12", "36 \\div 3 = 12", E}, {"73", "\\tan^2\\theta = 73", E},
    {"24", "4!=25", N}, {"(2,3)", "(x,y) = (2,3)", E}, {"0.25", "\\mathbb{P}(A) = 0.25", E},
    {"73", "n! / (n-1)! = 73", E}, {"73", "$a+b=\\boxed{73}$", E}, {"4", "2+2=4=2^2", E},
    {"24", "\\text{Area} = \\frac12 \\cdot 6\\cdot 8 = 24", E}, {"73", "m-n=74", N}, {"12", "15-3=12, 12+1=13", N},
    {"120", "5!=120", E}, {"2", "x^2 = 4", N}, {"73", "m+n=70+3=74", N}, {"73", "BC^2 = 73", E}, {"x=5", "5", E},
    {"x+1", "g(x)=x+1", E}, {"16\\pi", "A = \\pi r^2 = 16\\pi", E}, {"0", "x-y=0", E}, {"73", "10a+b=73", E},
    {"1", "\\frac{a}{b} = 1", E},
};

/* Words and units after a number. */
static const struct kind_case words[] = {
    {"1/4", "1 out of every 4", E}, {"5\\%", "5 per cent", E}, {"5 per cent", "5\\%", E}, {"5/2", "5 halves", E},
    {"5 halves", "5/2", E}, {"330 minutes", "5h30m", E}, {"5h30m", "330 minutes", E},
    {"30\xc2\xb0 30' 36\"", "30.51\xc2\xb0", E}, {"30.51\xc2\xb0", "30\xc2\xb0 30' 36\"", E},
    {"5 m/s", "18 kilometers per hour", E}, {"5 m/s", "5 m s^{-1}", E}, {"5 m s^{-1}", "5 m/s", E},
    {"5\\text{ m/s}", "5\\ \\mathrm{m\\,s^{-1}}", E}, {"5\\ \\mathrm{m\\,s^{-1}}", "5\\text{ m/s}", E},
    {"5 m/s", "5 meters per second", E}, {"60 mph", "60 miles per hour", E}, {"60 mph", "1 mile per minute", E},
    {"2 dollars per pound", "$2/lb", E}, {"$2/lb", "2 dollars per pound", E}, {"$2 per pound", "$2/lb", E},
    {"$2/lb", "$2 per pound", E}, {"25 mpg", "25 miles per gallon", E},
    {"10 people/mi^2", "10 people per square mile", E}, {"1 ft", "12\"", E}, {"12\"", "1 ft", E}, {"US$5", "$5", E},
    {"$5", "US$5", E}, {"5\xe5\x85\x83", "5 yuan", E}, {"5 yuan", "5\xe5\x85\x83", E},
    {"5 red balls", "5 blue balls", D}, {"5 blue balls", "5 red balls", D}, {"5 units^2", "5", E},
    {"5", "5 units^2", E}, {"3:2", "3 to 2", E}, {"3 to 2", "3:2", E}, {"3 : 2", "3\\colon 2", E},
    {"3\\colon 2", "3 : 2", E}, {"5 kg\xc2\xb7m/s", "5 N\xc2\xb7s", E}, {"5 N\xc2\xb7s", "5 kg\xc2\xb7m/s", E},
    {"25", "5 to the power of 2", E}, {"5", "5 nines", N}, {"5 nines", "5", N}, {"2h 15min", "135 min", E},
    {"135 min", "2h 15min", E}, {"2h15", "2 hours 15 minutes", E}, {"2 hours 15 minutes", "2h15", E},
    {"30 degrees 15 minutes", "30.25 degrees", E}, {"30.25 degrees", "30 degrees 15 minutes", E},
    {"72 km/h", "72 km per hour", E}, {"$15/hour", "$15 per hour", E}, {"$15 per hour", "$15/hour", E},
    {"$15/hour", "15 dollars per hour", E}, {"15 dollars per hour", "$15/hour", E}, {"$15/hour", "15 dollars/hr", E},
    {"15 dollars/hr", "$15/hour", E}, {"$15/hour", "$0.25/min", E}, {"$0.25/min", "$15/hour", E},
    {"$15/hour", "$15/day", D}, {"$15/day", "$15/hour", D}, {"$15/hour", "15", E}, {"15", "$15/hour", E},
    {"60 words per minute", "1 word per second", E}, {"1 word per second", "60 words per minute", E},
    {"12 dollars", "US$12", E}, {"US$12", "12 dollars", E}, {"12 PM", "noon", E}, {"noon", "12 PM", E},
    {"12 AM", "midnight", E}, {"midnight", "12 AM", E}, {"2:3", "2 to 3", E}, {"2 to 3", "2:3", E},
    {"25 per cent", "25%", E}, {"25%", "25 per cent", E}, {"12 units squared", "12", E},
    {"12", "12 units squared", E}, {"12 red marbles", "12 blue marbles", D}, {"12 blue marbles", "12 red marbles", D},
    {"5x cm", "5x", E}, {"5x", "5x cm", E}, {"half an hour", "30 minutes", E}, {"30 minutes", "half an hour", E},
    {"20 percent", "20%", E}, {"5", "5-7", N}, {"7", "7i", N}, {"7", "7 sevenths", N},
    {"5 \xc2\xb0" "C", "5 \xc2\xb0" "F", D}, {"5 as well as 6", "5", N}, {"May 6", "June 5", D},
    {"100 \xc2\xb0" "C", "212 \xc2\xb0" "F", E}, {"2/3", "2:3", E}, {"12 square feet", "12 ft\xc2\xb2", E},
    {"1 week", "7 days", E}, {"12 dollars", "$12", E}, {"1 m^2", "10000 cm^2", E}, {"5 hundred", "5", N},
    {"12 \\text{ centimeters}", "12\\text{ cm}", E}, {"1250 cents", "$12.50", E}, {"at least 7", "7", N},
    {"7 and 1/2", "7", N}, {"12 \\pi \\text{ cm}^2", "12\\pi", E}, {"2:3", "4:6", E}, {"1 m 20 cm", "120", N},
    {"5 \xc2\xb0" "F", "5 \xc2\xb0" "C", D}, {"25", "25%", E}, {"3", "3 to 2", N}, {"46^\\circ", "45^\\circ", D},
    {"20\\%", "1/5", E}, {"500 mm^2", "5 cm^2", E}, {"7", "between 7 and 8", N}, {"$1,234.50", "1234.5", E},
    {"20 \xc2\xb0" "C", "20\xe2\x84\x83", E}, {"at most 5", "5", N}, {"30 mph", "30 mi/h", E},
    {"5 ft 7 in", "5 ft 6 in", D}, {"5 halves", "5", N}, {"$1.5k", "1500 dollars", E}, {"Rs 500", "500", E},
    {"24 hours", "1 day", E}, {"8.5", "8:30", D}, {"0 \xc2\xb0" "C", "32 \xc2\xb0" "F", E}, {"2000 cm^3", "2 L", E},
    {"5 feet 6 inches", "66", N}, {"5 times 2", "10", E}, {"\\frac{\\pi}{4}", "45^\\circ", E},
    {"0.7", "7 out of 10", E}, {"5 hours 30 minutes", "5.5 hours", E},
};

/* Notations of sets, families, sums, vectors, equations. */
static const struct kind_case symbols[] = {
    {"\\mathbb{R}\\setminus\\{0\\}", "all real numbers except 0", E},
    {"\\mathbb{R}\\setminus\\{0\\}", "all real numbers except $x=0$", E},
    {"all real numbers except $x=0$", "\\mathbb{R}\\setminus\\{0\\}", E},
    {"\\frac{\\pi}{2}+k\\pi", "-\\frac{\\pi}{2}+n\\pi", E}, {"-\\frac{\\pi}{2}+n\\pi", "\\frac{\\pi}{2}+k\\pi", E},
    {"\\frac{\\pi}{2}+k\\pi", "\\frac{\\pi}{2}-k\\pi", E}, {"\\frac{\\pi}{2}-k\\pi", "\\frac{\\pi}{2}+k\\pi", E},
    {"\\frac{\\pi}{4}+k\\pi", "\\frac{5\\pi}{4}+n\\pi", E}, {"\\frac{5\\pi}{4}+n\\pi", "\\frac{\\pi}{4}+k\\pi", E},
    {"2k\\pi\\pm\\frac{\\pi}{3}", "\\pm\\frac{\\pi}{3}+2n\\pi", E},
    {"\\pm\\frac{\\pi}{3}+2n\\pi", "2k\\pi\\pm\\frac{\\pi}{3}", E},
    {"\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "[[1,2],[3,4]]", E},
    {"[[1,2],[3,4]]", "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", E}, {"\\mathrm{arccot}(2)", "\\arctan\\frac12", E},
    {"\\arctan\\frac12", "\\mathrm{arccot}(2)", E}, {"\\sum_{k=1}^{n}\\frac{1}{k(k+1)}", "\\frac{n}{n+1}", E},
    {"\\frac{n}{n+1}", "\\sum_{k=1}^{n}\\frac{1}{k(k+1)}", E},
    {"\\sum_{k=1}^{n}\\frac{1}{k(k+1)}", "1-\\frac{1}{n+1}", E},
    {"1-\\frac{1}{n+1}", "\\sum_{k=1}^{n}\\frac{1}{k(k+1)}", E}, {"\\sum_{k=1}^{\\infty}\\frac{1}{k(k+1)}", "1", E},
    {"1", "\\sum_{k=1}^{\\infty}\\frac{1}{k(k+1)}", E},
    {"\\sum_{k=1}^{2023}\\frac{1}{k(k+1)}", "\\frac{2023}{2024}", E},
    {"\\frac{2023}{2024}", "\\sum_{k=1}^{2023}\\frac{1}{k(k+1)}", E},
    {"(1,2,3)", "\\hat{\\mathbf{i}}+2\\hat{\\mathbf{j}}+3\\hat{\\mathbf{k}}", E},
    {"\\hat{\\mathbf{i}}+2\\hat{\\mathbf{j}}+3\\hat{\\mathbf{k}}", "(1,2,3)", E}, {"xy=1", "y=\\frac1x", E},
    {"y=\\frac1x", "xy=1", E}, {"f(x)=2x+1", "f(t)=2t+1", E}, {"f(t)=2t+1", "f(x)=2x+1", E},
    {"f^{-1}(x)=\\frac{x-1}{2}", "\\frac{x-1}{2}", E}, {"\\frac{x-1}{2}", "f^{-1}(x)=\\frac{x-1}{2}", E},
    {"|x|<3", "(-3,3)", E}, {"(-3,3)", "|x|<3", E}, {"|x|<3", "-3<x<3", E}, {"-3<x<3", "|x|<3", E},
    {"\\mathbb{R}\\setminus\\{1,-1\\}", "x\\neq\\pm1", E}, {"x\\neq\\pm1", "\\mathbb{R}\\setminus\\{1,-1\\}", E},
    {"\\mathbb{R}\\setminus\\{2\\}", "all real numbers except 2", E}, {"|x|\\le 2", "[-2,2]", E},
    {"[-2,2]", "|x|\\le 2", E}, {"|x-1|<2", "(-1,3)", E}, {"(-1,3)", "|x-1|<2", E}, {"|x-1|<2", "-1<x<3", E},
    {"-1<x<3", "|x-1|<2", E}, {"|x|>2", "(-\\infty,-2)\\cup(2,\\infty)", E},
    {"(-\\infty,-2)\\cup(2,\\infty)", "|x|>2", E}, {"|x|>2", "x<-2 \\text{ or } x>2", E},
    {"x<-2 \\text{ or } x>2", "|x|>2", E}, {"2x+1<7", "(-\\infty,3)", E}, {"(-\\infty,3)", "2x+1<7", E},
    {"x^2\\le 4", "[-2,2]", E}, {"[-2,2]", "x^2\\le 4", E}, {"x^2\\le 4", "-2\\le x\\le 2", E},
    {"-2\\le x\\le 2", "x^2\\le 4", E}, {"x^2>4", "|x|>2", E}, {"|x|>2", "x^2>4", E},
    {"\\frac{\\pi}{6}+2\\pi k", "\\frac{\\pi}{6}+2\\pi n", E},
    {"\\frac{\\pi}{6}+2\\pi n", "\\frac{\\pi}{6}+2\\pi k", E},
    {"\\frac{\\pi}{6}+2\\pi k", "\\frac{13\\pi}{6}+2\\pi k", E},
    {"\\frac{13\\pi}{6}+2\\pi k", "\\frac{\\pi}{6}+2\\pi k", E}, {"\\operatorname{arccot} 3", "\\arctan\\frac13", E},
    {"\\arctan\\frac13", "\\operatorname{arccot} 3", E},
    {"\\sum_{k=1}^{n}\\frac{1}{(3k-2)(3k+1)}", "\\frac{n}{3n+1}", E},
    {"\\frac{n}{3n+1}", "\\sum_{k=1}^{n}\\frac{1}{(3k-2)(3k+1)}", E},
    {"\\sum_{k=1}^{n}\\frac{1}{(3k-2)(3k+1)}", "\\frac{n}{3n+2}", D},
    {"\\frac{n}{3n+2}", "\\sum_{k=1}^{n}\\frac{1}{(3k-2)(3k+1)}", D},
    {"\\sum_{k=2}^{\\infty}\\left(\\frac{1}{k-1}-\\frac1k\\right)", "1", E},
    {"1", "\\sum_{k=2}^{\\infty}\\left(\\frac{1}{k-1}-\\frac1k\\right)", E},
    {"\\sum_{k=1}^{1000}\\frac{1}{k^2+k}", "\\frac{1000}{1001}", E},
    {"\\frac{1000}{1001}", "\\sum_{k=1}^{1000}\\frac{1}{k^2+k}", E}, {"y=\\frac{2}{x}", "xy=2", E},
    {"xy=2", "y=\\frac{2}{x}", E}, {"y=\\frac{1}{x-1}", "y(x-1)=1", E}, {"y(x-1)=1", "y=\\frac{1}{x-1}", E},
    {"f(x)=3x^2", "f(t)=3t^2", E}, {"f(t)=3t^2", "f(x)=3x^2", E}, {"f^{-1}(x)=\\sqrt{x}", "\\sqrt{x}", E},
    {"\\sqrt{x}", "f^{-1}(x)=\\sqrt{x}", E}, {"0.(27)", "3/11", E}, {"3/11", "0.(27)", E}, {"0.1666...", "1/6", E},
    {"1/6", "0.1666...", E}, {"0.666\xe2\x80\xa6", "2/3", E}, {"2/3", "0.666\xe2\x80\xa6", E},
    {"[[1,0],[0,1]]", "\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", E},
    {"\\begin{pmatrix}1&0\\\\0&1\\end{pmatrix}", "[[1,0],[0,1]]", E}, {"x \\geq 0", "[0,\\infty)", E},
    {"1\\over2", "1/2", E}, {"\\Gamma(4)", "6", E}, {"-2.5", "-3\\frac12", D},
    {"\\sqrt{11}", "\\tan\\frac{3\\pi}{11}+4\\sin\\frac{2\\pi}{11}", E}, {"A_5^2", "20", E},
    {"\\sqrt\\pi", "\\Gamma(1/2)", E}, {"x\\ne0", "(-\\infty,0)\\cup(0,\\infty)", E}, {"y=2x+1", "y=2x+2", D},
    {"x\\ne 0", "\\mathbb{R}\\setminus\\{0\\}", E}, {"\\frac{n(n+1)(2n+1)}{6}", "\\sum_{k=1}^{n}k^2", E},
    {"\\{-3,3\\}", "\\pm3", E}, {"2\xc2\xbe", "11/4", E}, {"\\frac{\\pi^2}{6}", "\\sum_{n=1}^\\infty\\frac1{n^2}", E},
    {"\\frac{\\pi}{4}", "4\\arctan\\frac15-\\arctan\\frac1{239}", E}, {"3", "7^{7^{7}}\\mod{10}", E},
    {"{}_5P_2", "20", E}, {"(x-1)^2+(y+2)^2=9", "x^2+y^2-2x+4y-4=0", E}, {"x\\ge2", "[2,\\infty)", E},
    {"x>-3", "-2x<6", E}, {"A\\cap B", "A\\cup B", N},
    {"\\tan\\frac{3\\pi}{11}+4\\sin\\frac{2\\pi}{11}", "\\sqrt{11}", E}, {"3/11", "0.2727...", E},
    {"e^x e^{-x}", "1", E}, {"P(7,3)", "210", E}, {"1\\pm\\sqrt2", "1+\\sqrt2,1-\\sqrt2", E},
    {"\\lim_{x\\to 2}\\frac{x^2-4}{x-2}", "5", N}, {"a^2b^3c", "a^{2}b^{3}c", E},
    {"-2", "\\begin{vmatrix}1&2\\\\3&4\\end{vmatrix}", E}, {"\\sqrt{5+2\\sqrt6}", "\\sqrt2+\\sqrt3", E},
    {"\\frac{n(n-1)}{2}", "C_{n}^{2}", E}, {"3.5", "3\xc2\xbd", E},
    {"\\mathbb{R}", "\\mathbb{R}\\setminus\\{0\\}", D}, {"\\{2+\\sqrt3,2-\\sqrt3\\}", "2\\pm\\sqrt3", E},
    {"\\sum_{i=0}^{n} 3^i", "\\frac{3^{n+1}-1}{2}", E}, {"1\\pm\\sqrt2", "1\\mp\\sqrt2", E}, {"3\\frac12", "3.5", E},
    {"\\mathbb{R}\\setminus\\{2\\}", "\\mathbb{R}\\setminus\\{3\\}", D}, {"1", "0!", E},
    {"\\cos x+C", "\\sin x+C", N}, {"\\frac{\\pi}{2}+k\\pi", "\\frac{\\pi}{2}+2k\\pi", N},
    {"1", "\\begin{vmatrix}1&0\\\\0&1\\end{vmatrix}", E}, {"k\\pi, k\\in\\mathbb{Z}", "n\\pi, n\\in\\mathbb{Z}", E},
    {"1/3", "0.\\dot{3}", E}, {"\\zeta(2)", "\\frac{\\pi^2}{6}", E},
};
/* clang-format on */

static void test_named(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(named, COUNT(named), NULL), 0);
}

static void test_words(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(words, COUNT(words), NULL), 0);
}

static void test_symbols(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(symbols, COUNT(symbols), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_symbols),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
