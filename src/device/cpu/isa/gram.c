/* gram.c - the inner products of rows, in double. Contract: device/ops.h.
 *
 * A product of two floats is exact in double, so a fused multiply-add and a product with a sum round alike: this file is
 * compiled with contraction allowed (cmake/device.cmake). The bits depend on the order of the sums alone: eight lanes
 * over k, joined in one order, whatever the size of a tile.
 */
#include "device/cpu/isa/rows.h"

typedef double v8d __attribute__((vector_size(64)));
typedef float v8f __attribute__((vector_size(32)));

INLINE v8d load8(const float *p, size_t m)
{
    v8f v = {0};
    memcpy(&v, p, m * sizeof *p);
    return __builtin_convertvector(v, v8d);
}
INLINE double sum8(v8d v)
{
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/* Rows and columns of a tile, whose sums stay in registers; rows and columns of a task. */
#if defined(__AVX512F__)
enum { TILE_ROWS = 4, TILE_COLUMNS = 4 };
#else
enum { TILE_ROWS = 2, TILE_COLUMNS = 3 };
#endif
enum { BLOCK = 96 };

struct tile { /* products of rows i .. i + ni with rows j .. j + nj */
    size_t i, ni, j, nj;
};

/* Missing rows repeat the last one. */
INLINE void multiply(v8d sum[TILE_ROWS][TILE_COLUMNS], const float *x, size_t K, struct tile t)
{
    const float *a[TILE_ROWS], *b[TILE_COLUMNS];
    for (size_t r = 0; r < TILE_ROWS; r++) a[r] = x + (t.i + (r < t.ni ? r : t.ni - 1)) * K;
    for (size_t c = 0; c < TILE_COLUMNS; c++) b[c] = x + (t.j + (c < t.nj ? c : t.nj - 1)) * K;
    for (size_t k = 0; k < K; k += 8) {
        size_t m = K - k < 8 ? K - k : 8;
        v8d u[TILE_ROWS], w[TILE_COLUMNS];
        for (size_t r = 0; r < TILE_ROWS; r++) u[r] = m == 8 ? load8(a[r] + k, 8) : load8(a[r] + k, m);
        for (size_t c = 0; c < TILE_COLUMNS; c++) w[c] = m == 8 ? load8(b[c] + k, 8) : load8(b[c] + k, m);
        for (size_t r = 0; r < TILE_ROWS; r++)
            for (size_t c = 0; c < TILE_COLUMNS; c++) sum[r][c] += u[r] * w[c];
    }
}

INLINE void gram_tile(double *out, const float *x, size_t n, size_t K, struct tile t)
{
    v8d sum[TILE_ROWS][TILE_COLUMNS] = {0};
    multiply(sum, x, K, t);
    for (size_t r = 0; r < t.ni; r++)
        for (size_t c = 0; c < t.nj; c++) {
            double s = sum8(sum[r][c]);
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
