/* test_decide.c - constants: the same number or not. */
#include "answer/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "infix.h"

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { E = RAML_EQUAL, D = RAML_DIFFERENT, U = RAML_UNKNOWN, WORK = 50000, POOL_BYTES = 1 << 22 };

static const struct { const char *a, *b; int want; } cases[] = {
    /* rational */
    {"1/2", "0.5", E}, {"7", "7.0", E}, {"7", "8", D}, {"0.1", "0.10000000000000000001", D}, {"2/4", "3/6", E},
    {"10^20+1", "10^20", D}, {"(-8)^(1/3)", "-2", E}, {"root(-8,3)", "-2", E}, {"8^(2/3)", "4", E},
    {"(-8)^(2/3)", "4", E}, {"4^(-1/2)", "1/2", E}, {"sqrt(9/4)", "1.5", E}, {"5!", "120", E}, {"0!", "1", E},
    {"factorial2(7)", "105", E}, {"factorial2(8)", "384", E}, {"factorial2(-1)", "1", E}, {"binomial(10,3)", "120", E},
    {"binomial(3,10)", "0", E}, {"permutations(5,2)", "20", E}, {"gcd(12,18)", "6", E}, {"lcm(4,6)", "12", E},
    {"min(3,1,2)", "1", E}, {"max(3,1,2)", "3", E}, {"mod(-7,3)", "2", E}, {"mod(7,0.5)", "0", E},
    {"floor(-1/2)", "-1", E}, {"ceil(1/2)", "1", E}, {"abs(-3)", "3", E}, {"sign(-3)", "-1", E}, {"50%", "1/2", E},
    {"0^0", "1", E}, {"1^(10^30)", "1", E}, {"(-1)^(10^30+1)", "-1", E}, {"2^100", "1267650600228229401496703205376", E},
    {"ln(1)", "0", E}, {"cos(0)", "1", E}, {"binomial(10^20,2)", "(10^20)*(10^20-1)/2", E}, {"-0", "0", E},
    /* no value */
    {"1/0", "2/0", U}, {"1/0", "1/0", E}, {"log(0,2)", "3", U}, {"ln(0)", "1", U}, {"0^(-1)", "1", U}, {"1/(1-1)", "3", U},
    {"(-2)!", "1", U}, {"sqrt(2)/0", "sqrt(2)", U}, {"1/(sqrt(2)-sqrt(2))", "1", U}, {"tan(pi/2)", "1", U},
    {"asin(2)", "1", U}, {"mod(1,0)", "1", U},
    /* infinity */
    {"oo", "oo", E}, {"-oo", "oo", D}, {"oo", "5", D}, {"-oo", "-oo", E}, {"oo", "pi", D}, {"oo-oo", "0", U}, {"oo", "1/0", U},
    {"--oo", "oo", E},
    /* balls */
    {"pi", "3.14159265358979323846", D}, {"pi", "22/7", D}, {"e", "2.718281828", D}, {"sqrt(2)", "1.41421356237", D},
    {"sqrt(2)", "sqrt(3)", D}, {"sqrt(-1)", "-i", D}, {"e^pi", "pi^e", D}, {"e^(pi*sqrt(163))", "262537412640768744", D},
    {"sin(10^50)", "0", D}, {"10^(10^10)", "5", D}, {"10000000!", "10^100", D}, {"2^(2^30)", "2^(2^30+1)", D},
    {"1+i", "1-i", D}, {"binomial(10^9,5*10^8)", "1", D}, {"root(2,1000003)", "1", D}, {"gcd(2,4)*pi", "6", D},
    /* algebraic */
    {"2^0.5", "sqrt(2)", E}, {"sqrt(8)", "2*sqrt(2)", E}, {"1/sqrt(2)", "sqrt(2)/2", E}, {"sqrt(3+2*sqrt(2))", "1+sqrt(2)", E},
    {"cos(pi/5)", "(1+sqrt(5))/4", E}, {"sin(deg(15))", "(sqrt(6)-sqrt(2))/4", E}, {"e^(i*pi)", "-1", E},
    {"e^(2*i*pi/3)", "-1/2+i*sqrt(3)/2", E}, {"sqrt(-4)", "2*i", E}, {"(1+i)^4", "-4", E}, {"abs(3+4*i)", "5", E},
    {"sqrt(2)+sqrt(3)+sqrt(5)", "sqrt(5)+sqrt(3)+sqrt(2)", E}, {"tan(pi/8)", "sqrt(2)-1", E},
    {"cos(2*pi/7)+cos(4*pi/7)+cos(6*pi/7)", "-1/2", E}, {"root(2+sqrt(5),3)+root(2-sqrt(5),3)", "1", E},
    {"root(16,4)+root(-27,3)", "-1", E}, {"(sqrt(5)+1)/(sqrt(5)-1)", "(3+sqrt(5))/2", E}, {"sqrt(6)", "sqrt(2)*sqrt(3)", E},
    {"2^(1/3)*4^(1/3)", "2", E}, {"re((1+i)/(1-i))", "0", E}, {"conj(2+3*i)", "2-3*i", E}, {"floor(sqrt(2)*sqrt(2))", "2", E},
    {"sqrt(5-2*sqrt(6))", "sqrt(3)-sqrt(2)", E}, {"abs(1-sqrt(2))", "sqrt(2)-1", E}, {"csc(pi/6)", "2", E},
    {"10^((-5+sqrt(13))/6)", "10^(-5/6+sqrt(13)/6)", E}, {"i^i", "e^(-pi/2)", E},
    /* others */
    {"ln(4)", "2*ln(2)", E}, {"e^ln(3)", "3", E}, {"log(8,2)", "3", E}, {"atan(1)", "pi/4", E},
    {"(e^2-1)/(e-1)", "e+1", E}, {"asin(1/2)", "pi/6", E}, {"acos(-1/2)", "2*pi/3", E}, {"sin(1)^2+cos(1)^2", "1", E},
    {"ln(2)+ln(3)", "ln(6)", E}, {"log(27,9)", "3/2", E}, {"ln(8/9)", "3*ln(2)-2*ln(3)", E}, {"sin(2)", "2*sin(1)*cos(1)", E},
    {"2*pi", "pi+pi", E}, {"deg(180)", "pi", E}, {"sqrt(pi)^2", "pi", E}, {"ln(sqrt(e))", "1/2", E},
};

static const char *name_of(enum raml_verdict v)
{
    return v == RAML_EQUAL ? "equal" : v == RAML_DIFFERENT ? "different" : "unknown";
}

static enum raml_verdict decide(const char *a, const char *b, struct work *w, const char **rule)
{
    struct raml_arena *arena = raml_arena_open(POOL_BYTES);
    struct expr_pool pool = {.arena = arena};
    const struct expr *x = infix_read(&pool, a), *y = infix_read(&pool, b);
    if (!x || !y) fail_msg("not understood: %s or %s", a, b);
    enum raml_verdict v = raml_decide(x, y, w, rule);
    enum raml_verdict mirrored = raml_decide(y, x, w, rule);
    if (v != mirrored) fail_msg("%s, %s: %s, and the other way round %s", a, b, name_of(v),
                                name_of(mirrored));
    raml_arena_close(arena);
    return v;
}

static void test_table(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct work w = {.left = WORK};
        const char *rule = "";
        enum raml_verdict v = decide(cases[i].a, cases[i].b, &w, &rule);
        if ((int)v == cases[i].want) continue;
        print_error("%s, %s: %s by %s\n", cases[i].a, cases[i].b, name_of(v), rule);
        wrong++;
    }
    raml_answer_thread_end();
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
