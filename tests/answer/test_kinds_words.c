/* test_kinds_words.c - words that multiply a number, and numbers in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kinds.h"

/* clang-format off */
static const struct kind_case scales[] = {
    {"70000", "70 thousand", E}, {"70", "70 thousand", N}, {"70000", "70 Thousand", E}, {"70000", "$70 thousand", E},
    {"70000", "70thousand", E}, {"70000", "70\\ \\text{thousand}", E}, {"70000", "70~\\mathrm{thousand}", E},
    {"1500000", "1.5 million", E}, {"1.5", "1.5 million", N}, {"1500000", "1.5 million dollars", E},
    {"1500000", "1.5\\text{ million}", E}, {"1500000", "\\$1.5\\text{ million}", E},
    {"1500000", "1.5 \\text{ million dollars}", E}, {"1500000", "\\boxed{1.5} million", E},
    {"1.5", "\\boxed{1.5} million", N}, {"1.5", "$\\boxed{1.5}$ million", N}, {"1500000", "The answer is $1.5$ million.", E},
    {"1.5", "The answer is $1.5$ million.", N}, {"1.5", "The answer is $1.5$ million dollars.", N},
    {"1.5", "So we need \\(1.5\\) million", N}, {"1500000", "1.5e0 million", E}, {"1500000", "1\\frac{1}{2} million", E},
    {"1500000", "1 1/2 million", E}, {"750000", "3/4 million", E}, {"750000", "\\frac{3}{4}\\text{ million}", E},
    {"-2000000", "-2 million", E}, {"x=2000000", "x = 2 million", E}, {"2000000", "x = 2 million", E},
    {"5000000", "2 million + 3 million", E}, {"2000000000", "2 billion", E}, {"3", "3 billion dollars", N},
    {"2", "2 billion", N}, {"4000000000000", "4 trillion", E}, {"4", "4 trillion", N}, {"200", "2 hundred", E},
    {"5", "5 hundred", N}, {"24", "2 dozen", E}, {"2", "2 dozen", N}, {"24", "2 dozen eggs", E}, {"300000", "3 lakh", E},
    {"3", "3 lakh", N}, {"300000", "3 lakhs", E}, {"20000000", "2 crore", E}, {"2", "2 crore", N},
    {"20000000", "Rs. 2 crore", E}, {"12500", "12.5 thousand", E}, {"12", "12 thousand people", N},
    {"12000", "12 thousand people", E}, {"500000", "5 hundred thousand", E}, {"5000000000", "5 thousand million", E},
    {"2300000", "2 million 300 thousand", E}, {"2", "2 million 300 thousand", N}, {"120000", "1 lakh 20 thousand", E},
    {"3500", "3 thousand 500", E}, {"70000", "7万", E}, {"7", "7万", N}, {"70000", "7 万元", E}, {"70000", "7万人", E},
    {"150000000", "1.5亿", E}, {"1.5", "1.5亿", N}, {"35000", "3万5千", E}, {"3", "3万5", N}, {"30005", "3万5", N},
    {"1000000000000", "1万亿", E}, {"3000", "3千", E}, {"5", "5千克", E}, {"5", "5千米", E}, {"5000", "5千米", N},
    {"70000", "7만", E}, {"7", "7만원", N}, {"70000", "$70k", E}, {"70", "$70k", N}, {"70000", "\\$70K", E},
    {"1500000", "$1.5M", E}, {"1.5", "$1.5M", N}, {"2000000000", "$2B", E}, {"2", "$2bn", N}, {"3000000", "€3m", E},
    {"70", "The cost comes to $70k in the end for all of them.", N}, {"5000000", "5 millones", E}, {"5", "5 millones", N},
    {"5000000000", "5 milliards", E}, {"5", "5 Milliarden", N}, {"5000", "5 тысяч", E}, {"5", "5 тысяч", N},
    {"5000000", "5 млн", E}, {"5", "5 млрд рублей", N}, {"500000", "5 लाख", E}, {"5", "5 लाख", N},
    {"5", "Answer: it grows by 5 million people each and every year.", N},
    {"5000000", "Answer: it grows by 5 million people each and every year.", E},
    {"1.5 million", "1500000", E}, {"1.5 million", "1.5 million", E}, {"1.5 million", "1.5", N},
    {"1.5 million", "1,500 thousand", E}, {"2 dozen", "24", E}, {"70 thousand", "70 million", N},
    {"12", "There were 12 of them, and no more than 12 thousand could have been there at all.", N},
    {"0.3", "3 tenths", E}, {"3", "3 tenths", N}, {"2/3", "2 thirds", E}, {"0.05", "5 hundredths", E}, {"1/3", "1 third", E},
    {"5", "5 seconds", E}, {"5k", "5k", E}, {"5m", "5m", E}, {"3", "3 quarters", E},
};

static const struct kind_case spelled[] = {
    {"21", "twenty-one", E}, {"21", "twenty one", E}, {"21", "Twenty-One", E}, {"20", "twenty-one", N},
    {"21", "twenty-first", N}, {"100", "one hundred", E}, {"100", "a hundred", E}, {"1", "one hundred", N},
    {"105", "one hundred and five", E}, {"105", "one hundred five", E}, {"100,5", "one hundred and five", N},
    {"999", "nine hundred ninety-nine", E}, {"1200", "one thousand two hundred", E}, {"1200", "twelve hundred", E},
    {"1200", "one thousand, two hundred", E}, {"2005", "two thousand and five", E}, {"70000", "seventy thousand", E},
    {"1234567", "one million two hundred thirty-four thousand five hundred sixty-seven", E},
    {"1234567", "one million, two hundred and thirty-four thousand, five hundred and sixty-seven", E},
    {"2500000", "two and a half million", E}, {"500000", "half a million", E}, {"6", "half a dozen", E},
    {"12", "a dozen", E}, {"24", "two dozen", E}, {"1/2", "one half", E}, {"1/2", "half", E}, {"1/2", "a half", E},
    {"1/2", "one-half", E}, {"1/3", "One-third", E}, {"1/3", "one third", E}, {"3", "third", N}, {"2/3", "two thirds", E},
    {"3/4", "three quarters", E}, {"3/4", "three-fourths", E}, {"1/4", "a quarter", E}, {"7/8", "seven eighths", E},
    {"5/2", "two and a half", E}, {"7/4", "one and three quarters", E}, {"11/4", "2 and 3/4", E}, {"5/2", "2 and a half", E},
    {"11/4", "2\\text{ and }\\frac{3}{4}", E}, {"2, 3/4", "2 and 3/4", E}, {"2", "2 and 3/4", N},
    {"2, 3", "two and three", E}, {"2", "two or three", N}, {"3.14", "three point one four", E},
    {"0.5", "zero point five", E}, {"2", "Two", E}, {"2", "TWO", E}, {"2", "**Two**", E}, {"2", "\\boxed{\\text{Two}}", E},
    {"12", "twelve students", E}, {"5", "five apples", E}, {"-5", "negative 5", E}, {"-5", "minus five", E},
    {"-5", "negative five", E}, {"5", "negative 5", N}, {"-1/2", "minus one half", E}, {"-\\infty", "negative infinity", E},
    {"0", "zero", E}, {"1", "one", E}, {"7", "seven", E}, {"10", "Ten", E}, {"12", "The answer is twelve.", E},
    {"12", "The answer is twelve students.", E}, {"70000", "So the answer is seventy thousand.", E},
    {"2", "two-thirds", N}, {"1", "one half", N}, {"20", "twenty percent", E}, {"1/5", "twenty percent", E},
    {"x=2", "x = two", E}, {"(1,2)", "(one, two)", E}, {"40", "forty", E}, {"19", "nineteen", E}, {"90", "ninety", E},
    {"1990", "nineteen ninety", N}, {"19", "nineteen ninety", N}, {"100", "hundreds of people", N},
    {"one solution", "one solution", E}, {"1", "one solution", E}, {"one solution", "two solutions", N},
    {"no solution", "one solution", N}, {"1", "one must be careful here", N}, {"1", "no one", N},
    {"two lines", "two circles", N}, {"3 m", "three meters", E}, {"3 m", "three feet", N},
    /* Chinese */
    {"15", "十五", E}, {"20", "二十", E}, {"21", "二十一", E}, {"123", "一百二十三", E}, {"103", "一百零三", E},
    {"130", "一百三", N}, {"103", "一百三", N}, {"3005", "三千零五", E}, {"20000", "两万", E}, {"12000", "一万二千", E},
    {"12000", "一万二", N}, {"100000000", "一亿", E}, {"230000000000", "两千三百亿", E}, {"2024", "二〇二四", E},
    {"1/2", "一半", E}, {"1/2", "二分之一", E}, {"2/3", "三分之二", E}, {"3/2", "三分之二", N}, {"1/2", "百分之五十", E},
    {"3.14", "三点一四", E}, {"-5", "负五", E}, {"-5", "负5", E}, {"15", "十五个", E}, {"5", "五人", E}, {"3", "三角形", N},
    {"1", "第一", N}, {"1", "一次函数", N}, {"15", "答案是十五。", E}, {"15", "\\boxed{十五}", E}, {"0", "零", E},
    {"25", "廿五", E}, {"100", "壹佰", E}, {"1/2", "半径", N},
};
/* clang-format on */

static void test_scales(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(scales, COUNT(scales), NULL), 0);
}

static void test_spelled(void **state)
{
    (void)state;
    assert_int_equal(kind_cases(spelled, COUNT(spelled), NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scales),
        cmocka_unit_test(test_spelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
