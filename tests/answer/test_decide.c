/* test_decide.c - constants: the same number or not; roundings, order, integers. */
#include "answer/decide/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_table.h"

/* clang-format off */
static const struct decide_case cases[] = {
    /* rational */
    {"1/2", "0.5", E}, {"7", "7.0", E}, {"7", "8", D}, {"0.1", "0.10000000000000000001", D}, {"2/4", "3/6", E},
    {"10^20+1", "10^20", D}, {"(-8)^(1/3)", "-2", E}, {"root(-8,3)", "-2", E}, {"8^(2/3)", "4", E},
    {"(-8)^(2/3)", "4", E}, {"4^(-1/2)", "1/2", E}, {"sqrt(9/4)", "1.5", E}, {"5!", "120", E}, {"0!", "1", E},
    {"factorial2(7)", "105", E}, {"factorial2(8)", "384", E}, {"factorial2(-1)", "1", E},
    {"binomial(10,3)", "120", E},
    {"binomial(3,10)", "0", E}, {"permutations(5,2)", "20", E}, {"gcd(12,18)", "6", E}, {"lcm(4,6)", "12", E},
    {"min(3,1,2)", "1", E}, {"max(3,1,2)", "3", E}, {"mod(-7,3)", "2", E}, {"mod(7,0.5)", "0", E},
    {"floor(-1/2)", "-1", E}, {"ceil(1/2)", "1", E}, {"abs(-3)", "3", E}, {"sign(-3)", "-1", E}, {"50%", "1/2", E},
    {"0^0", "1", E}, {"1^(10^30)", "1", E}, {"(-1)^(10^30+1)", "-1", E},
    {"2^100", "1267650600228229401496703205376", E},
    {"ln(1)", "0", E}, {"cos(0)", "1", E}, {"binomial(10^20,2)", "(10^20)*(10^20-1)/2", E}, {"-0", "0", E},
    /* no value */
    {"1/0", "2/0", U}, {"1/0", "1/0", E}, {"log(0,2)", "3", U}, {"ln(0)", "1", U}, {"0^(-1)", "1", U},
    {"1/(1-1)", "3", U},
    {"(-2)!", "1", U}, {"sqrt(2)/0", "sqrt(2)", U}, {"1/(sqrt(2)-sqrt(2))", "1", U}, {"tan(pi/2)", "1", U},
    {"asin(2)", "1", U}, {"mod(1,0)", "1", U},
    /* infinity */
    {"oo", "oo", E}, {"-oo", "oo", D}, {"oo", "5", D}, {"-oo", "-oo", E}, {"oo", "pi", D}, {"oo-oo", "0", U},
    {"oo", "1/0", U},
    {"--oo", "oo", E},
    /* balls */
    {"pi", "3.14159265358979323846", D}, {"pi", "22/7", D}, {"e", "2.718281828", D}, {"sqrt(2)", "1.41421356237", D},
    {"sqrt(2)", "sqrt(3)", D}, {"sqrt(-1)", "-i", D}, {"e^pi", "pi^e", D},
    {"e^(pi*sqrt(163))", "262537412640768744", D},
    {"sin(10^50)", "0", D}, {"10^(10^10)", "5", D}, {"10000000!", "10^100", D}, {"2^(2^30)", "2^(2^30+1)", D},
    {"1+i", "1-i", D}, {"binomial(10^9,5*10^8)", "1", D}, {"root(2,1000003)", "1", D}, {"gcd(2,4)*pi", "6", D},
    /* algebraic */
    {"sqrt(2+sqrt(3+sqrt(5)))*sqrt(2-sqrt(3+sqrt(5)))", "i*sqrt(sqrt(5)-1)", E},
    {"(sqrt(5)-2)^(1/3)", "(sqrt(5)-1)/2", E},
    {"sin(deg(10))*sin(deg(50))*sin(deg(70))", "1/8", E}, {"sqrt(2+sqrt(2+sqrt(2)))", "2*cos(pi/16)", E},
    {"sqrt(i)", "(1+i)/sqrt(2)", E}, {"re(e^(i*pi/3))", "1/2", E}, {"2^0.5", "sqrt(2)", E}, {"sqrt(8)", "2*sqrt(2)", E},
    {"1/sqrt(2)", "sqrt(2)/2", E},
    {"sqrt(3+2*sqrt(2))", "1+sqrt(2)", E},
    {"cos(pi/5)", "(1+sqrt(5))/4", E}, {"sin(deg(15))", "(sqrt(6)-sqrt(2))/4", E}, {"e^(i*pi)", "-1", E},
    {"e^(2*i*pi/3)", "-1/2+i*sqrt(3)/2", E}, {"sqrt(-4)", "2*i", E}, {"(1+i)^4", "-4", E}, {"abs(3+4*i)", "5", E},
    {"sqrt(2)+sqrt(3)+sqrt(5)", "sqrt(5)+sqrt(3)+sqrt(2)", E}, {"tan(pi/8)", "sqrt(2)-1", E},
    {"cos(2*pi/7)+cos(4*pi/7)+cos(6*pi/7)", "-1/2", E}, {"root(2+sqrt(5),3)+root(2-sqrt(5),3)", "1", E},
    {"root(16,4)+root(-27,3)", "-1", E}, {"(sqrt(5)+1)/(sqrt(5)-1)", "(3+sqrt(5))/2", E},
    {"sqrt(6)", "sqrt(2)*sqrt(3)", E},
    {"2^(1/3)*4^(1/3)", "2", E}, {"re((1+i)/(1-i))", "0", E}, {"conj(2+3*i)", "2-3*i", E},
    {"floor(sqrt(2)*sqrt(2))", "2", E},
    {"sqrt(5-2*sqrt(6))", "sqrt(3)-sqrt(2)", E}, {"abs(1-sqrt(2))", "sqrt(2)-1", E}, {"csc(pi/6)", "2", E},
    {"10^((-5+sqrt(13))/6)", "10^(-5/6+sqrt(13)/6)", E}, {"i^i", "e^(-pi/2)", E},
    /* others */
    {"tan(deg(20))*tan(deg(40))*tan(deg(80))", "sqrt(3)", E}, {"atan(1)+atan(2)+atan(3)", "pi", E},
    {"log(3,2)*log(2,3)", "1", E}, {"2*asin(3/5)", "asin(24/25)", E}, {"ln(i)", "i*pi/2", E}, {"e^(1+i*pi)", "-e", E},
    {"sin(asin(1/3)+asin(1/4))", "(sqrt(15)+2*sqrt(2))/12", E}, {"10^(log(7,10))", "7", E},
    {"arg(-2)", "pi", E}, {"arg(1-sqrt(2))", "pi", E}, {"arg(1+i)", "22/28", D},
    {"im(e^(2*i))", "sin(2)", E}, {"abs(e^(2*i))", "1", E},
    {"ln(4)", "2*ln(2)", E}, {"e^ln(3)", "3", E}, {"log(8,2)", "3", E}, {"atan(1)", "pi/4", E},
    {"(e^2-1)/(e-1)", "e+1", E}, {"asin(1/2)", "pi/6", E}, {"acos(-1/2)", "2*pi/3", E}, {"sin(1)^2+cos(1)^2", "1", E},
    {"ln(2)+ln(3)", "ln(6)", E}, {"log(27,9)", "3/2", E}, {"ln(8/9)", "3*ln(2)-2*ln(3)", E},
    {"sin(2)", "2*sin(1)*cos(1)", E},
    {"floor(log(8,2))", "3", E}, {"ceil(log(9,3))", "2", E}, {"asinh(1)", "ln(1+sqrt(2))", E}, {"acot(1)", "pi/4", E},
    {"tanh(1)", "(e^2-1)/(e^2+1)", E}, {"sin(pi/97)", "cos(pi/2-pi/97)", E}, {"4*atan(1/5)-atan(1/239)", "pi/4", E},
    {"sqrt(2)^sqrt(2)", "2^(sqrt(2)/2)", E}, {"e^(sqrt(2)+sqrt(3))", "e^sqrt(2)*e^sqrt(3)", E}, {"ln(-1)", "i*pi", E},
    {"log(4,1/2)", "-2", E}, {"ln(10^50)", "50*ln(2)+50*ln(5)", E}, {"tan(deg(45))^2", "1", E},
    {"2*pi", "pi+pi", E}, {"deg(180)", "pi", E}, {"sqrt(pi)^2", "pi", E}, {"ln(sqrt(e))", "1/2", E},
};
/* clang-format on */

static void test_table(void **state)
{
    (void)state;
    assert_int_equal(decide_cases(cases, COUNT(cases)), 0);
    raml_answer_thread_end();
}

static const struct expr *read(struct expr_pool *pool, const char *text)
{
    const struct expr *e = infix_read(pool, text);
    if (!e) fail_msg("not understood: %s", text);
    return e;
}

static void test_rounding(void **state)
{
    /* clang-format off */
    static const struct decide_case rounded[] = {
        {"1/3", "0.33", E}, {"1/3", "0.34", D}, {"2/3", "0.67", E}, {"2/3", "0.66", D}, {"1/8", "0.12", E},
        {"1/8", "0.13", E}, {"1/8", "0.14", D}, {"pi", "3.14", E}, {"pi", "3.1416", E}, {"pi", "3.1415", D},
        {"-pi", "-3.14", E}, {"-pi", "3.14", D}, {"sqrt(2)", "1.41421356", E}, {"299792458", "2.998*10^8", E},
        {"299792458", "2.997*10^8", D}, {"1/1000", "1.00*10^(-3)", E}, {"6.62607015*10^(-34)", "6.63*10^(-34)", E},
        {"6.62607015*10^(-34)", "6.62*10^(-34)", D}, {"i", "0.00", D}, {"x", "1.00", U}, {"1/0", "1.00", U},
        {"e", "2.718281828459045235360287471352662497757247093699959574966967627724", E},
        {"e", "2.718281828459045235360287471352662497757247093699959574966967627725", D}, {"2.50", "2.5", E},
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < COUNT(rounded); i++) {
        struct raml_arena *arena = raml_arena_open(POOL_BYTES);
        struct expr_pool pool = {.arena = arena};
        struct work w = {.left = WORK};
        const struct expr *x = read(&pool, rounded[i].a), *y = read(&pool, rounded[i].b);
        enum raml_verdict v = raml_decide_rounds_to(x, y, &w);
        if ((int)v != rounded[i].want) fail_msg("%s, %s: %s", rounded[i].a, rounded[i].b, decide_name(v));
        raml_arena_close(arena);
    }
}

static void test_order(void **state)
{
    static const struct {
        const char *a, *b;
        bool known;
        int order;
    } pairs[] = {
        {"1", "2", true, -1},
        {"1/2", "0.5", true, 0},
        {"pi", "22/7", true, -1},
        {"sqrt(2)", "7/5", true, 1},
        {"sqrt(8)", "2*sqrt(2)", true, 0},
        {"i", "1", false, 0},
        {"x", "1", false, 0},
        {"1/0", "1", false, 0},
        {"oo", "10^100", true, 1},
        {"-oo", "oo", true, -1},
        {"oo", "oo", true, 0},
        {"oo", "i*x", false, 0},
        {"ln(4)", "2*ln(2)", true, 0},
        {"e^pi", "pi^e", true, 1},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct raml_arena *arena = raml_arena_open(POOL_BYTES);
        struct expr_pool pool = {.arena = arena};
        struct work w = {.left = WORK};
        int order = 9;
        bool known = raml_decide_order(read(&pool, pairs[i].a), read(&pool, pairs[i].b), &w, &order);
        if (known != pairs[i].known || (known && order != pairs[i].order))
            fail_msg("%s, %s: known %d, order %d", pairs[i].a, pairs[i].b, known, order);
        raml_arena_close(arena);
    }
}

static void test_small_int(void **state)
{
    static const struct {
        const char *e;
        bool is;
        long v;
    } ints[] = {
        {"7", true, 7},
        {"-7", true, -7},
        {"14/2", true, 7},
        {"1/2", false, 0},
        {"log(8,2)", true, 3},
        {"sqrt(2)*sqrt(2)", true, 2},
        {"-sqrt(2)*sqrt(2)", true, -2},
        {"pi", false, 0},
        {"x", false, 0},
        {"10^30", false, 0},
        {"2^(-2^60)*pi", false, 0},
        {"i", false, 0},
        {"i^2", true, -1},
        {"1/0", false, 0},
        {"oo", false, 0},
        {"2^62", true, 1L << 62},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(ints); i++) {
        struct raml_arena *arena = raml_arena_open(POOL_BYTES);
        struct expr_pool pool = {.arena = arena};
        struct work w = {.left = WORK};
        long v = 0;
        bool is = raml_decide_small_int(read(&pool, ints[i].e), &w, &v);
        if (is != ints[i].is || v != ints[i].v) fail_msg("%s: %d, %ld", ints[i].e, is, v);
        raml_arena_close(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_small_int),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
