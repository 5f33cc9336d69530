/* The halves of low-rank products of every level against the reference: to the bit, but for the dot products. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"

#define REF (&raml_ops_ref)

static const size_t rows_list[] = {0, 1, 2, 5, 6, 7, 13, 48, 129, 300};
static const size_t cols_list[] = {1, 7, 16, 17, 33, 63, 64, 65, 130, 530};
static const size_t ranks_list[] = {1, 3, 4, 5, 16, 17, 50, 70};
enum { MOST = 300 };

struct rows { /* operands, and the same for the reference */
    struct raml_rank_rows f, want;
    size_t x_bytes, m_n, u_n;
    int32_t token[MOST];
};

/* Rows of x, m and u; x's and m's are longer than is used. */
static void make(struct rows *r, bool bf16, size_t n, size_t K, size_t rank, bool columns, uint64_t *state)
{
    size_t ldx = K + draw(state) % 5, ldm = (columns ? rank : K) + draw(state) % 5;
    r->x_bytes = n * ldx * act_bytes(bf16);
    r->m_n = (columns ? K : rank) * ldm;
    r->u_n = n * rank;
    r->f = (struct raml_rank_rows){.type = bf16 ? RAML_TYPE_BF16 : RAML_TYPE_F32,
                                   .x = random_act(bf16, n * ldx, 1, state),
                                   .token = r->token,
                                   .n = n,
                                   .K = K,
                                   .ldx = ldx,
                                   .rank = rank,
                                   .m = random_f32(r->m_n, 1, state),
                                   .ldm = ldm,
                                   .columns = columns,
                                   .u = random_f32(r->u_n, 1, state),
                                   .scale = 0.5f + (float)(draw(state) % 3),
                                   .add = draw(state) % 2};
    for (size_t i = 0; i < n; i++) r->token[i] = (int32_t)(draw(state) % K);
    r->want = r->f;
    r->want.x = copy_of(r->f.x, r->x_bytes);
    r->want.m = copy_of(r->f.m, r->m_n * 4);
    r->want.u = copy_of(r->f.u, r->u_n * 4);
}

/* Everything is as the reference has it, but u, which is checked before. */
static void finish(struct rows *r, const char *what)
{
    check_same(what, r->f.x, r->want.x, r->x_bytes);
    check_same(what, r->f.m, r->want.m, r->m_n * 4);
    drop(r->f.x, r->x_bytes), drop(r->want.x, r->x_bytes);
    drop(r->f.m, r->m_n * 4), drop(r->want.m, r->m_n * 4);
    drop(r->f.u, r->u_n * 4), drop(r->want.u, r->u_n * 4);
}

static void check_one(const struct raml_ops *ops, bool bf16, size_t n, size_t K, size_t rank, uint64_t *state)
{
    struct rows r;
    make(&r, bf16, n, K, rank, false, state);
    ops->rank_down(&r.f);
    REF->rank_down(&r.want);
    /* sums of K products of at most 1 in lanes: each is wrong by K / 16 + 4 roundings of the sum of sizes */
    double bound = 2.5 * ((double)K * ((double)K / 16 + 6) + 3) * 0x1p-24;
    for (size_t i = 0; i < r.u_n; i++)
        if (!(fabs((double)r.f.u[i] - (double)r.want.u[i]) <= bound))
            fail_msg("down of %zu x %zu, rank %zu: %g, expected %g", n, K, rank, r.f.u[i], r.want.u[i]);
    finish(&r, "down");
    make(&r, bf16, n, K, rank, false, state);
    ops->rank_up(&r.f);
    REF->rank_up(&r.want);
    check_same("up", r.f.u, r.want.u, r.u_n * 4);
    finish(&r, "up");
    for (int columns = 0; columns < 2; columns++) {
        make(&r, bf16, n, K, rank, columns, state);
        ops->rank_grad(&r.f);
        REF->rank_grad(&r.want);
        check_same("grad", r.f.u, r.want.u, r.u_n * 4);
        finish(&r, "grad");
    }
    if (bf16) return;
    make(&r, bf16, n, K, rank, false, state);
    ops->rank_pick(&r.f);
    REF->rank_pick(&r.want);
    check_same("pick", r.f.u, r.want.u, r.u_n * 4);
    ops->rank_put(&r.f);
    REF->rank_put(&r.want);
    finish(&r, "put");
}

static void check_level(const struct raml_ops *ops, bool bf16)
{
    uint64_t state = 3;
    for (size_t i = 0; i < COUNT(rows_list); i++)
        for (size_t j = 0; j < COUNT(cols_list); j++)
            for (size_t k = 0; k < COUNT(ranks_list); k++)
                if (rows_list[i] < 100 || cols_list[j] < 100 || ranks_list[k] < 4)
                    check_one(ops, bf16, rows_list[i], cols_list[j], ranks_list[k], &state);
}

static void test_levels(void **state)
{
    (void)state;
    each_level(check_level);
}

/* The reference itself, on numbers that can be added by hand. */
static void test_reference(void **state)
{
    (void)state;
    float x[] = {1, 2, 3, 4, 5, 6}, m[] = {1, 0, -1, 2, 2, 2}, u[4] = {0}, g[6] = {0};
    struct raml_rank_rows f = {.x = x, .n = 2, .K = 3, .ldx = 3, .rank = 2, .m = m, .ldm = 3, .u = u, .scale = 2};
    static const float down[] = {-4, 24, -4, 60}, twice[] = {-8, 48, -8, 120};
    REF->rank_down(&f);
    assert_memory_equal(u, down, sizeof down);
    f.add = true;
    REF->rank_down(&f);
    assert_memory_equal(u, twice, sizeof twice);
    float v[] = {1, 2, 3, 4};
    f.u = v;
    REF->rank_up(&f); /* x += (1, 2; 3, 4) m */
    static const float up[] = {6, 6, 6, 15, 13, 11};
    assert_memory_equal(x, up, sizeof up);
    f.m = g, f.columns = true, f.ldm = 2;
    REF->rank_grad(&f); /* [3, 2]: columns of x by columns of v */
    static const float grad[] = {51, 72, 45, 64, 39, 56};
    assert_memory_equal(g, grad, sizeof grad);
    const int32_t token[] = {2, 0};
    f.m = m, f.ldm = 3, f.token = token, f.scale = 3;
    REF->rank_pick(&f);
    static const float picked[] = {-3, 6, 3, 6}, put[] = {4, 0, -4, 8, 2, 8};
    assert_memory_equal(v, picked, sizeof picked);
    REF->rank_put(&f);
    assert_memory_equal(m, put, sizeof put);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference), cmocka_unit_test(test_levels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
