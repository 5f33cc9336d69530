/* gemm.h - the small matrix product inside attention: C[m, 16 nv] (+)= A[m, k] B[k, 16 nv], C in f32.
 *
 * A    row-major, lda elements a row (bf16: k even, pairs read as one 32-bit cell)
 * B    bf16: [k/2][ldb][2], f32: [k][ldb]: two neighbours in k side by side, as the dot product instructions take them
 * Every element of C is summed over k in the same order whatever m and nv are.
 * Registers: MR rows by NR vectors of C stay in registers over the whole of k.
 */
#ifndef RAML_ISA_GEMM_H
#define RAML_ISA_GEMM_H

#include "device/cpu/isa/vec.h"

#ifdef __AVX512F__
enum { GEMM_NR = 4, GEMM_ROWS_4 = 6, GEMM_ROWS_3 = 8, GEMM_ROWS_2 = 12, GEMM_ROWS_1 = 12 };
#else
enum { GEMM_NR = 2, GEMM_ROWS_4 = 1, GEMM_ROWS_3 = 1, GEMM_ROWS_2 = 3, GEMM_ROWS_1 = 4 };
#endif

/* acc + a0 b0 + a1 b1 for pairs of bf16 */
INLINE vf gemm_dot(vf acc, const uint16_t *a, const uint16_t *b)
{
#ifdef __AVX512BF16__
    uint32_t cell;
    memcpy(&cell, a, 4);
    return _mm512_dpbf16_ps(acc, (__m512bh)_mm512_set1_epi32((int)cell), (__m512bh)_mm512_loadu_si512(b));
#else
    acc = vf_fma(vf_set(raml_act_up(a[0])), vh_first_of_two(b), acc);
    return vf_fma(vf_set(raml_act_up(a[1])), vh_second_of_two(b), acc);
#endif
}

INLINE void gemm_block(const bool bf16, const int MR, const int NR, float *c, size_t ldc, const void *a, size_t lda,
                       const void *b, size_t ldb, size_t k, bool add)
{
    vf acc[12][4];
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
        for (int j = 0; j < NR; j++) acc[i][j] = add ? vf_load(c + (size_t)i * ldc + (size_t)j * 16) : vf_zero();
    if (bf16) {
        for (size_t p = 0; p < k; p += 2) {
            const uint16_t *bp = (const uint16_t *)b + p * ldb, *ap = (const uint16_t *)a + p;
#pragma GCC unroll 12
            for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
                for (int j = 0; j < NR; j++) acc[i][j] = gemm_dot(acc[i][j], ap + (size_t)i * lda, bp + j * 32);
        }
    } else {
        for (size_t p = 0; p < k; p++) {
            const float *bp = (const float *)b + p * ldb, *ap = (const float *)a + p;
#pragma GCC unroll 12
            for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
                for (int j = 0; j < NR; j++) acc[i][j] = vf_fma(vf_set(ap[(size_t)i * lda]), vf_load(bp + j * 16), acc[i][j]);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 4
        for (int j = 0; j < NR; j++) vf_store(c + (size_t)i * ldc + (size_t)j * 16, acc[i][j]);
}

/* All rows for NR vectors of columns: in blocks of MAX rows, the rest by powers of two. */
INLINE void gemm_rows(const bool bf16, const int MAX, const int NR, float *c, size_t ldc, const void *a, size_t lda,
                      const void *b, size_t ldb, size_t m, size_t k, bool add)
{
    size_t i = 0;
    for (; i + (size_t)MAX <= m; i += (size_t)MAX)
        gemm_block(bf16, MAX, NR, c + i * ldc, ldc, act_at(bf16, a, i * lda), lda, b, ldb, k, add);
    if (MAX > 4)
        for (; i + 4 <= m; i += 4)
            gemm_block(bf16, 4, NR, c + i * ldc, ldc, act_at(bf16, a, i * lda), lda, b, ldb, k, add);
    if (MAX > 2)
        for (; i + 2 <= m; i += 2)
            gemm_block(bf16, 2, NR, c + i * ldc, ldc, act_at(bf16, a, i * lda), lda, b, ldb, k, add);
    for (; i < m; i++) gemm_block(bf16, 1, NR, c + i * ldc, ldc, act_at(bf16, a, i * lda), lda, b, ldb, k, add);
}

INLINE void gemm_any(const bool bf16, float *c, size_t ldc, const void *a, size_t lda, const void *b, size_t ldb,
                     size_t m, size_t nv, size_t k, bool add)
{
    const size_t pair = bf16 ? 2 : 1; /* elements of B a column */
    while (nv > 0) {
        size_t w = nv < (size_t)GEMM_NR ? nv : (size_t)GEMM_NR;
        switch (w) {
        case 4: gemm_rows(bf16, GEMM_ROWS_4, 4, c, ldc, a, lda, b, ldb, m, k, add); break;
        case 3: gemm_rows(bf16, GEMM_ROWS_3, 3, c, ldc, a, lda, b, ldb, m, k, add); break;
        case 2: gemm_rows(bf16, GEMM_ROWS_2, 2, c, ldc, a, lda, b, ldb, m, k, add); break;
        default: gemm_rows(bf16, GEMM_ROWS_1, 1, c, ldc, a, lda, b, ldb, m, k, add);
        }
        c += w * 16;
        b = act_at(bf16, b, w * 16 * pair);
        nv -= w;
    }
}

/* One copy of each a file, however many callers: they are large, and slow to compile. */
static __attribute__((noinline)) void gemm_bf16(float *c, size_t ldc, const void *a, size_t lda, const void *b,
                                                size_t ldb, size_t m, size_t nv, size_t k, bool add)
{
    gemm_any(true, c, ldc, a, lda, b, ldb, m, nv, k, add);
}
static __attribute__((noinline)) void gemm_f32(float *c, size_t ldc, const void *a, size_t lda, const void *b,
                                               size_t ldb, size_t m, size_t nv, size_t k, bool add)
{
    gemm_any(false, c, ldc, a, lda, b, ldb, m, nv, k, add);
}
INLINE void gemm_small(const bool bf16, float *c, size_t ldc, const void *a, size_t lda, const void *b, size_t ldb,
                       size_t m, size_t nv, size_t k, bool add)
{
    if (bf16) gemm_bf16(c, ldc, a, lda, b, ldb, m, nv, k, add);
    else gemm_f32(c, ldc, a, lda, b, ldb, m, nv, k, add);
}

#endif
