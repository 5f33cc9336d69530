/* gram.c - the inner products of rows, in double. Contract: device/ops.h.
 *
 * A product of two floats is exact in double, so a fused multiply-add and a product with a sum round alike: this file is
 * compiled with contraction allowed (cmake/device.cmake). The bits depend on the order of the sums alone: eight lanes
 * over k, joined in one order, whatever the size of a tile.
 */
#include "device/cpu/isa/rows.h"

/* W lanes a register, 8 / W registers for eight lanes; rows and columns of a tile, whose sums stay in registers. */
#if defined(__AVX512F__)
enum { W = 8, TILE_ROWS = 4, TILE_COLUMNS = 4 };
#elif defined(__AVX__)
enum { W = 4, TILE_ROWS = 2, TILE_COLUMNS = 3 };
#else
enum { W = 2, TILE_ROWS = 1, TILE_COLUMNS = 3 };
#endif
enum { PARTS = 8 / W, BLOCK = 96 /* rows and columns of a task */ };
typedef double vd __attribute__((vector_size(W * sizeof(double))));
typedef float vs __attribute__((vector_size(W * sizeof(float))));
struct lanes {
    vd part[PARTS];
};

/* m of eight floats, the others 0. By pointer: vectors wider than registers are not passed by value alike everywhere. */
INLINE void load(struct lanes *out, const float *p, const size_t m)
{
    float eight[8] = {0};
    if (m < 8) memcpy(eight, p, m * sizeof *p);
    for (size_t i = 0; i < PARTS; i++) {
        vs v;
        memcpy(&v, (m < 8 ? eight : p) + i * W, sizeof v);
        out->part[i] = __builtin_convertvector(v, vd);
    }
}
INLINE double sum_lanes(const struct lanes *p)
{
    double v[8];
    memcpy(v, p, sizeof v);
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

struct tile { /* products of rows i .. i + ni with rows j .. j + nj */
    size_t i, ni, j, nj;
};

INLINE void add_products(struct lanes sum[TILE_ROWS][TILE_COLUMNS], const float *const *a, const float *const *b,
                         size_t k, const size_t m)
{
    struct lanes u[TILE_ROWS], w[TILE_COLUMNS];
    for (size_t r = 0; r < TILE_ROWS; r++) load(&u[r], a[r] + k, m);
    for (size_t c = 0; c < TILE_COLUMNS; c++) load(&w[c], b[c] + k, m);
    for (size_t r = 0; r < TILE_ROWS; r++)
        for (size_t c = 0; c < TILE_COLUMNS; c++)
            for (size_t i = 0; i < PARTS; i++) sum[r][c].part[i] += u[r].part[i] * w[c].part[i];
}

/* Missing rows repeat the last one. */
INLINE void multiply(struct lanes sum[TILE_ROWS][TILE_COLUMNS], const float *x, size_t K, struct tile t)
{
    const float *a[TILE_ROWS], *b[TILE_COLUMNS];
    for (size_t r = 0; r < TILE_ROWS; r++) a[r] = x + (t.i + (r < t.ni ? r : t.ni - 1)) * K;
    for (size_t c = 0; c < TILE_COLUMNS; c++) b[c] = x + (t.j + (c < t.nj ? c : t.nj - 1)) * K;
    size_t k = 0;
    for (; k + 8 <= K; k += 8) add_products(sum, a, b, k, 8);
    if (k < K) add_products(sum, a, b, k, K - k);
}

INLINE void gram_tile(double *out, const float *x, size_t n, size_t K, struct tile t)
{
    struct lanes sum[TILE_ROWS][TILE_COLUMNS] = {0};
    multiply(sum, x, K, t);
    for (size_t r = 0; r < t.ni; r++)
        for (size_t c = 0; c < t.nj; c++) {
            double s = sum_lanes(&sum[r][c]);
            out[(t.i + r) * n + t.j + c] = s;
            out[(t.j + c) * n + t.i + r] = s;
        }
}

INLINE size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Tiles that touch the diagonal or lie below it. */
INLINE void gram_block(double *out, const float *x, size_t n, size_t K, size_t i0, size_t j0)
{
    size_t i1 = least(n, i0 + BLOCK), j1 = least(n, j0 + BLOCK);
    for (size_t i = i0; i < i1; i += TILE_ROWS)
        for (size_t j = j0; j < j1 && j < i + TILE_ROWS; j += TILE_COLUMNS)
            gram_tile(out, x, n, K, (struct tile){i, least(TILE_ROWS, i1 - i), j, least(TILE_COLUMNS, j1 - j)});
}

void gram_isa(double *out, const float *x, size_t n, size_t K)
{
    size_t blocks = (n + BLOCK - 1) / BLOCK;
#pragma omp parallel for schedule(dynamic) collapse(2) if (blocks > 1)
    for (size_t bi = 0; bi < blocks; bi++)
        for (size_t bj = 0; bj < blocks; bj++)
            if (bj <= bi) gram_block(out, x, n, K, bi * BLOCK, bj * BLOCK);
}
