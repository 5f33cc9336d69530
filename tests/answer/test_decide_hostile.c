/* test_decide_hostile.c - nothing hangs, nothing aborts: sizes that no library may be given, and many threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/clock.h"
#include "decide_table.h"

enum { N_THREADS = 8, MAX_TEXT = 1 << 14 };

static const double max_seconds = 3; /* of one decision, in a build that checks every access; else about 0.05 */

#define LONG_NUMBER "1234567890123456789012345678901234567890123456789012345678901234567890"

/* clang-format off */
static const struct decide_case cases[] = {
    {"9^(9^(9^9))", "9^(9^(9^9)+1)", U}, {"9^(9^(9^9))", "5", U}, {"(9^9)^(9^9)", "3^(18*9^9)+1", U},
    {"10^(10^10)", "10^(10^10)+1", U},
    {"10000000!", "10000001!/10000001", E}, {"10000000!", "9999999!", D}, {"(10^18)!", "2", U}, {"(10^30)!", "2", U},
    {"(1/2)!", "sqrt(pi)/2", U}, {"factorial2(10^9)", "1", D}, {"factorial2(10^30)", "1", U},
    {"root(2,1000003)", "1", D}, {"root(2,1000003)", "2^(1/1000003)", U}, {"root(2,10^40)", "1", D},
    {"2^(1/10^40)", "2^(2/10^40)", U},
    {"(x+y+z+1)^5000", "(1+x+y+z)^5000", U}, {"(x+y+z+1)^5000", "(2+x+y+z)^5000", D},
    {"(x+y+z+1)^(10^20)", "(1+x+y+z)^(10^20)", U},
    {"tan(10^1000)", "0", U}, {"tan(10^300)", "0", D}, {"sin(2^(2^30))", "0", U}, {"tan(2^(2^50))", "1", U},
    {"sin(10^100)", "sin(10^100+2*pi)", E},
    {"binomial(10^9,5*10^8)", "binomial(10^9,5*10^8+1)", D}, {"binomial(10^9,5*10^8)", "binomial(10^9,5*10^8)+1", U},
    {"binomial(10^60,10^59)", "1", U}, {"permutations(10^30,10^6)", "1", U}, {"binomial(x,10^9)", "1", U},
    {"x^(10^30)", "x^(5*10^29)*x^(5*10^29)", U}, {"x^(10^30)", "y^(10^30)", D}, {"x^(1/10^30)", "x", D},
    {"x^(y^(z^(x^y)))", "1", D},
    {"exp(exp(exp(exp(10))))", "1", U}, {"exp(10^18)", "1", U}, {"exp(-10^12)", "0", D},
    {"exp(-exp(100))", "0", U}, {"e^e^e^e^e", "1", U},
    {"ln(10^(10^9))", "10^9*ln(10)", U}, {"ln(ln(ln(10^(10^9))))", "1", D}, {"2^(-2^60)", "0", D},
    {"2^(-2^70)", "0", D},
    {"gcd(10^50000,6^50000)", "2^50000", U}, {"lcm(10^50000,6^60000)", "1", U}, {"mod(7^(7^7),10^5)", "32343", E},
    {"floor(10^(10^9)/3)", "1", U},
    {"floor(2^(-2^60)*pi)", "0", E}, {"ceil(2^(-2^60)*pi)", "1", E}, {"sign(2^(-2^60)-2^(-2^61))", "1", E},
    {"floor(floor(floor(floor(floor(floor(floor(floor(sqrt(2)*sqrt(2)))))))))", "2", E},
    {"floor(pi*10^1000)", "floor(pi*10^1000)+1", U},
    {"(1+sqrt(2))^3000", "(sqrt(2)+1)^3000", U}, {"(1+x)^3000", "(x+1)^3000", U},
    {"(sqrt(2)+sqrt(3)+sqrt(5)+sqrt(7)+sqrt(11))^40", "1", D},
    {"sqrt(x^40+y^40+1)", "sqrt(1+y^40+x^40)", E}, {"sqrt(" LONG_NUMBER LONG_NUMBER LONG_NUMBER ")", "1", D},
    {"sin(40*x)", "2*sin(20*x)*cos(20*x)", U}, {"sin(1000*x)", "2*sin(500*x)*cos(500*x)", U},
    {"sin(pi/10007)", "cos(pi/2-pi/10007)", E},
    {"sin(pi/10^40)", "sin(2*pi/10^40)", D}, {"sin(x)^30*cos(y)^30", "cos(y)^30*sin(x)^30+0", E},
    {"cosh(x)^300", "cosh(x)^300+0", E},
    {"1/(1/0)", "0", U}, {"0^(-1)", "0", U}, {"ln(0)*0", "0", U}, {"(x-x)^(-1)", "0", U}, {"0^x", "0", U},
    {"0^pi", "0", E}, {"x^x^x^x", "x^(x^x)", D},
    {"2^(x/(-1))*3^(x/5)", "3^(x/5)/2^x", E}, {"2^(x/(-2^64))", "3^(x/(-2^64))", D}, {"2^(x/(-3))", "(1/2)^(x/3)", E},
    {"root(x,0)", "1", U}, {"root(2,0)", "1", U}, {"root(2,-1)", "1/2", U}, {"log(2,1)", "1", U},
    {"log(x,1)", "1", U}, {"mod(x,0)", "0", U},
    {"(1/3)^(200000)", "3^(-200000)", U}, {"(-1)^(10^40)", "1", E}, {"(-1)^(1/3)", "-1", E},
    {"(-8)^(pi)", "1", D}, {"i^(i^(i^i))", "1", D},
    {"abs((-1)^x)", "1", U}, {"factorial(factorial(factorial(5)))", "1", U},
    {"factorial(factorial(factorial(factorial(5))))", "1", U},
    {"asin(10^40)", "1", U}, {"acosh(1/2)", "1", U}, {"atanh(1)", "1", U}, {"arg(0)", "0", U},
    {"sqrt(-x^2-1)", "i*sqrt(x^2+1)", E},
    {"2^(1/3)+3^(1/5)+5^(1/7)+7^(1/11)", "7^(1/11)+5^(1/7)+3^(1/5)+2^(1/3)+0", E}, {"pi^(pi^(pi^pi))", "1", U},
};
/* clang-format on */

/* One decision: within its work and time, and as wanted. NULL, or the fault. */
static const char *check(const char *a, const char *b, int want, double *longest)
{
    struct raml_arena *arena = raml_arena_open(POOL_BYTES);
    struct expr_pool pool = {.arena = arena};
    const struct expr *x = infix_read(&pool, a), *y = infix_read(&pool, b);
    struct work w = {.left = WORK};
    const char *rule, *fault = !x || !y ? "not understood" : NULL;
    double from = raml_clock_seconds(CLOCK_THREAD_CPUTIME_ID);
    int v = fault ? U : (int)raml_decide(x, y, &w, &rule);
    double took = raml_clock_seconds(CLOCK_THREAD_CPUTIME_ID) - from;
    if (took > *longest) *longest = took;
    if (!fault && w.used > WORK) fault = "more work than allowed";
    if (!fault && took > max_seconds) fault = "too slow";
    if (!fault && v != want) fault = decide_name((enum raml_verdict)v);
    raml_arena_close(arena);
    return fault;
}

static void test_table(void **state)
{
    (void)state;
    double longest = 0;
    size_t wrong = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *fault = check(cases[i].a, cases[i].b, cases[i].want, &longest);
        if (!fault) continue;
        print_error("%s, %s: %s\n", cases[i].a, cases[i].b, fault);
        wrong++;
    }
    print_message("the longest took %.1f ms\n", longest * 1e3);
    raml_answer_thread_end();
    assert_int_equal(wrong, 0);
}

/* open open ... core close close */
static void nested(char *out, const char *open, const char *core, const char *close, int n)
{
    size_t at = 0;
    for (int i = 0; i < n; i++) at += (size_t)sprintf(out + at, "%s", open);
    at += (size_t)sprintf(out + at, "%s", core);
    for (int i = 0; i < n; i++) at += (size_t)sprintf(out + at, "%s", close);
}

/* f(1) joined f(2) joined ...; the format takes the number once or twice. */
static void joined(char *out, const char *format, const char *between, int from, int to)
{
    size_t at = 0;
    for (int i = from; i != to; i += from < to ? 1 : -1) {
        if (i != from) at += (size_t)sprintf(out + at, "%s", between);
        for (const char *f = format; *f; f++)
            at += (size_t)(*f == '#' ? sprintf(out + at, "%d", i) : sprintf(out + at, "%c", *f));
    }
}

static void test_deep_and_wide(void **state)
{
    static const struct {
        const char *open, *core, *close;
        int n, want;
    } deep[] = {
        {"sqrt(", "x", "+1)", 60, U}, {"sqrt(", "2", "+1)", 60, U},    {"sqrt(", "2", "+1)", 4, E},
        {"sin(", "x", ")", 60, U},    {"1/(1+", "x", ")", 60, E},      {"(", "x", "^2+1)", 9, U},
        {"exp(", "x", ")", 30, U},    {"ln(2+", "x", ")", 60, U},      {"abs(1-", "x", ")", 60, U},
        {"f(", "x", ")", 90, U},      {"floor(1/2+", "x", ")", 60, U}, {"(", "9", ")!", 3, U},
        {"2^(", "x", ")", 30, U},     {"(", "x+y+z+1", ")^3", 6, U},   {"root(", "x", ",3)", 40, U},
        {"-(", "1", ")", 90, E},
    };
    static const struct {
        const char *format, *between;
        int from, to, want;
    } wide[] = {
        {"sqrt(#)", "+", 2, 32, E},   {"sqrt(#)", "+", 2, 132, U},    {"(x#+#)", "*", 1, 14, E},
        {"(x#+#)", "*", 1, 100, U},   {"1/(x+y^#+#)", "+", 1, 15, U}, {"sin(#*x)", "+", 1, 12, U},
        {"sin(#)", "+", 1, 60, U},    {"ln(#)", "+", 1, 40, U},       {"e^sqrt(#)", "*", 2, 60, U},
        {"x^(1/#)", "+", 1, 40, U},   {"root(#,#)", "+", 2, 30, U},   {"#!", "+", 1, 300, E},
        {"x#", "+", 1, 16, E},        {"x#", "+", 1, 300, U},         {"(x+#)", "*", 1, 80, E},
        {"sin(pi/#)", "+", 3, 40, U}, {"atan(1/#)", "+", 2, 40, U},
    };
    static char a[MAX_TEXT], b[MAX_TEXT];
    double longest = 0;
    (void)state;
    for (size_t i = 0; i < COUNT(deep); i++) {
        nested(a, deep[i].open, deep[i].core, deep[i].close, deep[i].n);
        snprintf(b, sizeof b, "0+%.*s", (int)sizeof b - 8, a);
        const char *fault = check(a, b, deep[i].want, &longest);
        if (fault && deep[i].want == U && !strcmp(fault, "equal")) fault = NULL;
        if (fault) fail_msg("%d times %s: %s", deep[i].n, deep[i].open, fault);
    }
    for (size_t i = 0; i < COUNT(wide); i++) {
        joined(a, wide[i].format, wide[i].between, wide[i].from, wide[i].to);
        joined(b, wide[i].format, wide[i].between, wide[i].to - 1, wide[i].from - 1);
        const char *fault = check(a, b, wide[i].want, &longest);
        if (fault && wide[i].want == U && !strcmp(fault, "equal")) fault = NULL;
        if (fault) fail_msg("%s to %d: %s", wide[i].format, wide[i].to, fault);
    }
    print_message("the longest took %.1f ms\n", longest * 1e3);
    raml_answer_thread_end();
}

/* With little work nothing is done, and nothing is wrong. */
static void test_little_work(void **state)
{
    (void)state;
    for (uint64_t left = 0; left < 400; left += 7) {
        for (size_t i = 0; i < COUNT(cases); i += 5) {
            struct raml_arena *arena = raml_arena_open(POOL_BYTES);
            struct expr_pool pool = {.arena = arena};
            const struct expr *x = infix_read(&pool, cases[i].a), *y = infix_read(&pool, cases[i].b);
            struct work w = {.left = left};
            const char *rule;
            int v = (int)raml_decide(x, y, &w, &rule);
            assert_true(w.used <= left);
            if (v != U && v != cases[i].want)
                fail_msg("%s, %s: wrong with %d units", cases[i].a, cases[i].b, (int)left);
            raml_arena_close(arena);
        }
    }
    raml_answer_thread_end();
}

static void *one_thread(void *to)
{
    size_t *wrong = to;
    double longest = 0;
    for (size_t i = 0; i < COUNT(cases); i++) *wrong += check(cases[i].a, cases[i].b, cases[i].want, &longest) != NULL;
    raml_answer_thread_end();
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[N_THREADS];
    size_t wrong[N_THREADS] = {0};
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_create(&thread[i], NULL, one_thread, &wrong[i]), 0);
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < N_THREADS; i++) assert_int_equal(wrong[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_deep_and_wide),
        cmocka_unit_test(test_little_work),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
