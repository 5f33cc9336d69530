/* The matrix product in f32: its bits are those of one chain of fused multiply-adds per element, at every level, for
 * any number of rows, in every form of its operands, with any number of threads, and however a long sum is split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "device/check.h"

#include <omp.h>

static const struct {
    size_t m, n, k;
} shapes[] = {{1, 1, 1},     {1, 16, 3},    {5, 17, 7},     {6, 15, 256},   {7, 31, 257},  {8, 33, 31},
              {13, 48, 255}, {12, 100, 64}, {31, 9, 513},   {33, 37, 12},   {55, 64, 130}, {64, 1, 300},
              {97, 80, 96},  {241, 40, 33}, {481, 17, 300}, {1000, 33, 40}, {3, 1000, 70}, {2, 16, 1000}};

struct operands {
    size_t m, n, k, lda, ldc;
    float *a, *b, *c; /* a [m, k]; b [k, n]; c [m, ldc], what C holds before */
    float *at;        /* [k, m] */
    float *panels;
    size_t panel_bytes;
};

static void make(struct operands *o, size_t m, size_t n, size_t k, uint64_t seed)
{
    size_t count = (n + RAML_PANEL_ROWS - 1) / RAML_PANEL_ROWS;
    *o = (struct operands){.m = m, .n = n, .k = k, .lda = k + 3, .ldc = n + 5};
    o->a = random_f32(m * o->lda, 1, &seed);
    o->b = random_f32(k * n, 1, &seed);
    o->c = random_f32(m * o->ldc, 1, &seed);
    o->at = guarded(k * m * sizeof *o->at);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < k; j++) o->at[j * m + i] = o->a[i * o->lda + j];
    o->panel_bytes = raml_panel_bytes(RAML_TYPE_F32, k);
    o->panels = aligned_alloc(64, count * o->panel_bytes);
    assert_non_null(o->panels);
    float *row = malloc(RAML_PANEL_ROWS * k * sizeof *row);
    assert_non_null(row);
    for (size_t q = 0; q < count; q++) {
        const void *rows[RAML_PANEL_ROWS] = {NULL};
        for (size_t c = 0; c < RAML_PANEL_ROWS && q * RAML_PANEL_ROWS + c < n; c++) {
            for (size_t j = 0; j < k; j++) row[c * k + j] = o->b[j * n + q * RAML_PANEL_ROWS + c];
            rows[c] = row + c * k;
        }
        raml_panel_pack(RAML_TYPE_F32, (char *)o->panels + q * o->panel_bytes, rows, k);
    }
    free(row);
}

static void drop_all(struct operands *o)
{
    drop(o->a, o->m * o->lda * sizeof(float));
    drop(o->b, o->k * o->n * sizeof(float));
    drop(o->c, o->m * o->ldc * sizeof(float));
    drop(o->at, o->k * o->m * sizeof(float));
    free(o->panels);
}

/* What the header promises, implemented once more: not by raml_product_ref. */
static float *chains(const struct operands *o, bool add)
{
    float *c = copy_of(o->c, o->m * o->ldc * sizeof *c);
    for (size_t i = 0; i < o->m; i++)
        for (size_t j = 0; j < o->n; j++) {
            float s = add ? c[i * o->ldc + j] : 0;
            for (size_t k = 0; k < o->k; k++) s = fmaf(o->a[i * o->lda + k], o->b[k * o->n + j], s);
            c[i * o->ldc + j] = s;
        }
    return c;
}

enum form { PANELS, ROWS, COLUMNS, FORMS };

static struct raml_product product(const struct operands *o, enum form form, bool add, float *c)
{
    /* clang-format off */
    struct raml_product p = {.m = o->m, .n = o->n, .k = o->k, .a = o->a, .lda = o->lda, .b = o->panels, .c = c,
                             .ldc = o->ldc, .add = add, .type = RAML_TYPE_F32};
    /* clang-format on */
    if (form == PANELS) return p;
    p.b = o->b;
    p.ldb = o->n;
    if (form == COLUMNS) {
        p.a = o->at;
        p.lda = o->m;
        p.a_columns = true;
    }
    return p;
}

static void check_shape(const struct raml_ops *ops, const struct operands *o)
{
    size_t bytes = o->m * o->ldc * sizeof(float);
    for (int add = 0; add < 2; add++) {
        float *want = chains(o, add);
        for (int form = 0; form < FORMS; form++) {
            char what[96];
            snprintf(what, sizeof what, "%s: %zu x %zu x %zu, form %d, add %d", ops->level, o->m, o->n, o->k, form,
                     add);
            float *c = copy_of(o->c, bytes);
            struct raml_product p = product(o, (enum form)form, add, c);
            ops->product(&p);
            check_same(what, c, want, bytes); /* what is between rows of C too */
            drop(c, bytes);
        }
        drop(want, bytes);
    }
}

static void check_level(const struct raml_ops *ops, bool bf16)
{
    if (bf16) return;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        struct operands o;
        make(&o, shapes[i].m, shapes[i].n, shapes[i].k, 7 + i);
        for (int threads = 1; threads <= 3; threads++) {
            omp_set_num_threads(threads);
            check_shape(ops, &o);
        }
        drop_all(&o);
    }
}

static void test_chains(void **state)
{
    (void)state;
    each_level(check_level);
}

/* A sum over k in two calls, the second adding, is the sum in one. */
static void check_split(const struct raml_ops *ops, bool bf16)
{
    struct operands o;
    if (bf16) return;
    make(&o, 29, 50, 700, 3);
    float *want = chains(&o, true);
    size_t bytes = o.m * o.ldc * sizeof(float);
    for (size_t split = 1; split < o.k; split += 233) {
        float *c = copy_of(o.c, bytes);
        struct raml_product p = product(&o, COLUMNS, true, c);
        p.k = split;
        ops->product(&p);
        p.k = o.k - split;
        p.a += split * p.lda;
        p.b = o.b + split * o.n;
        ops->product(&p);
        check_same("split sums", c, want, bytes);
        drop(c, bytes);
    }
    drop(want, bytes);
    drop_all(&o);
}

static void test_split(void **state)
{
    (void)state;
    each_level(check_split);
}

/* NaN and infinity of a row stay in that row. */
static void check_other_rows(const struct raml_ops *ops, bool bf16)
{
    struct operands o;
    if (bf16) return;
    make(&o, 40, 33, 80, 5);
    size_t bytes = o.m * o.ldc * sizeof(float);
    float *want = chains(&o, false), *c = copy_of(o.c, bytes);
    for (size_t k = 0; k < o.k; k++) o.a[17 * o.lda + k] = k % 2 ? NAN : INFINITY;
    struct raml_product p = product(&o, PANELS, false, c);
    ops->product(&p);
    for (size_t i = 0; i < o.m; i++)
        if (i != 17) check_same("rows beside one of NaN", c + i * o.ldc, want + i * o.ldc, o.n * sizeof *c);
    for (size_t j = 0; j < o.n; j++) assert_true(c[17 * o.ldc + j] != c[17 * o.ldc + j]);
    drop(want, bytes);
    drop(c, bytes);
    drop_all(&o);
}

static void test_other_rows(void **state)
{
    (void)state;
    each_level(check_other_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_other_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
