/* test_decide_random.c - random rational trees against plain GMP; random products against their expansions. */
#include <gmp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decide_table.h"

enum { N_TREES = 4000, N_PRODUCTS = 250, SIDE = 5, MAX_TEXT = 1 << 14 };

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint32_t draw(uint64_t *state, uint32_t n)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

/* A random tree, and its value; *none: there is no value (a division by 0). */
static const struct expr *tree(struct expr_pool *p, int depth, uint64_t *s, mpq_t v, bool *none)
{
    static const enum expr_kind kinds[] = {EXPR_ADD, EXPR_MUL, EXPR_DIV, EXPR_NEG, EXPR_POW, EXPR_PERCENT, EXPR_ADD};
    if (depth == 0) {
        char digits[32];
        uint32_t n = draw(s, 1000), scale = draw(s, 3);
        int len = sprintf(digits, "%u", n);
        mpq_set_ui(v, n, scale == 0 ? 1 : scale == 1 ? 10 : 100);
        mpq_canonicalize(v);
        return raml_expr_number(p, digits, (size_t)len, (int32_t)scale);
    }
    enum expr_kind kind = kinds[draw(s, COUNT(kinds))];
    const struct expr *a = tree(p, depth - 1, s, v, none), *b;
    mpq_t x;
    mpq_init(x);
    if (kind == EXPR_NEG) {
        mpq_neg(v, v);
        a = raml_expr_1(p, kind, a);
    } else if (kind == EXPR_PERCENT) {
        mpq_set_ui(x, 1, 100);
        mpq_mul(v, v, x);
        a = raml_expr_1(p, kind, a);
    } else if (kind == EXPR_POW) {
        long e = (long)draw(s, 5) - 2;
        a = raml_expr_2(p, kind, a, raml_expr_int(p, e));
        if (e < 0 && mpq_sgn(v) == 0) *none = true;
        else if (e < 0) mpq_inv(v, v);
        mpq_set_ui(x, 1, 1);
        for (long i = 0; i < labs(e); i++) mpq_mul(x, x, v);
        mpq_swap(x, v);
    } else {
        b = tree(p, (int)draw(s, (uint32_t)depth), s, x, none);
        a = raml_expr_2(p, kind, a, b);
        if (kind == EXPR_ADD) mpq_add(v, v, x);
        else if (kind == EXPR_MUL) mpq_mul(v, v, x);
        else if (mpq_sgn(x) == 0) *none = true;
        else mpq_div(v, v, x);
    }
    mpq_clear(x);
    return a;
}

static const struct expr *fraction(struct expr_pool *p, const mpq_t v)
{
    char *above = mpz_get_str(NULL, 10, mpq_numref(v)), *below = mpz_get_str(NULL, 10, mpq_denref(v));
    bool minus = above[0] == '-';
    const struct expr *e = raml_expr_2(p, EXPR_DIV, raml_expr_number(p, above + minus, strlen(above + minus), 0),
                                       raml_expr_number(p, below, strlen(below), 0));
    free(above);
    free(below);
    return minus ? raml_expr_1(p, EXPR_NEG, e) : e;
}

static void test_rational_trees(void **state)
{
    (void)state;
    uint64_t s = 1;
    mpq_t v;
    mpq_init(v);
    for (int i = 0; i < N_TREES; i++) {
        struct raml_arena *arena = raml_arena_open(POOL_BYTES);
        struct expr_pool pool = {.arena = arena};
        struct work w = {.left = WORK};
        const char *rule;
        bool none = false;
        const struct expr *e = tree(&pool, 1 + (int)draw(&s, 4), &s, v, &none), *f = fraction(&pool, v);
        const struct expr *off = raml_expr_2(&pool, EXPR_ADD, f, fraction(&pool, v));
        assert_non_null(off);
        enum raml_verdict want = none ? RAML_UNKNOWN : RAML_EQUAL, other = none ? RAML_UNKNOWN : RAML_DIFFERENT;
        assert_int_equal(raml_decide(e, f, &w, &rule), want);
        if (mpq_sgn(v) != 0) assert_int_equal(raml_decide(off, e, &w, &rule), other);
        raml_arena_close(arena);
    }
    mpq_clear(v);
    raml_answer_thread_end();
}

struct poly { /* sum of c[i][j][k] X^i Y^j Z^k */
    long c[SIDE][SIDE][SIDE];
};

static void random_poly(struct poly *p, uint32_t degree, uint64_t *s)
{
    memset(p, 0, sizeof *p);
    for (int n = 0; n < 4; n++) {
        uint32_t i = draw(s, degree + 1), j = draw(s, degree + 1), k = draw(s, degree + 1);
        p->c[i][j][k] += (long)draw(s, 19) - 9;
    }
}

static void multiply(const struct poly *a, const struct poly *b, struct poly *out)
{
    memset(out, 0, sizeof *out);
    for (int n = 0; n < SIDE * SIDE * SIDE; n++) {
        for (int m = 0; m < SIDE * SIDE * SIDE; m++) {
            int i = n / 25, j = n / 5 % 5, k = n % 5, i2 = m / 25, j2 = m / 5 % 5, k2 = m % 5;
            long c = a->c[i][j][k] * b->c[i2][j2][k2];
            if (c) out->c[i + i2][j + j2][k + k2] += c;
        }
    }
}

static size_t write_poly(char *out, const struct poly *p, const char *const *name)
{
    size_t at = (size_t)sprintf(out, "(0");
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            for (int k = 0; k < SIDE; k++)
                if (p->c[i][j][k])
                    at += (size_t)sprintf(out + at, "+(%ld)*(%s)^%d*(%s)^%d*(%s)^%d", p->c[i][j][k], name[0], i,
                                          name[1], j, name[2], k);
    return at + (size_t)sprintf(out + at, ")");
}

/* (p)(q) and its expansion, for variables, roots, and other generators; and with 1 added to a coefficient. */
static void test_products(void **state)
{
    /* clang-format off */
    static const char *const names[][3] = {
        {"x", "y", "z"}, {"sqrt(2)", "sqrt(3)", "5^(1/3)"}, {"pi", "e", "sqrt(7)"}, {"sqrt(x)", "y^(1/3)", "x"},
        {"sin(x)", "e^x", "cos(y)"}, {"ln(x)", "2^n", "abs(y)"}, {"f(x)", "n!", "floor(y)"}, {"i", "x", "sqrt(5)"},
        {"sqrt(1+sqrt(2))", "2", "1/3"}, {"ln(2)", "ln(3)", "sin(1)"}};
    /* clang-format on */
    (void)state;
    uint64_t s = 2;
    static char product[MAX_TEXT], expanded[MAX_TEXT];
    for (size_t i = 0; i < N_PRODUCTS; i++) {
        const char *const *name = names[i % COUNT(names)];
        struct poly p, q, pq;
        random_poly(&p, 2, &s);
        random_poly(&q, 2, &s);
        multiply(&p, &q, &pq);
        size_t at = write_poly(product, &p, name);
        product[at++] = '*';
        write_poly(product + at, &q, name);
        write_poly(expanded, &pq, name);
        struct work w = {.left = WORK};
        const char *rule;
        if (decide_texts(product, expanded, &w, &rule) != RAML_EQUAL)
            fail_msg("%s is not %s: %s", product, expanded, rule);
        pq.c[draw(&s, SIDE)][draw(&s, 2)][draw(&s, 2)]++;
        write_poly(expanded, &pq, name);
        w = (struct work){.left = WORK};
        if (decide_texts(product, expanded, &w, &rule) != RAML_DIFFERENT)
            fail_msg("%s is %s: %s", product, expanded, rule);
    }
    raml_answer_thread_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rational_trees),
        cmocka_unit_test(test_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
