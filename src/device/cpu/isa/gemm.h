/* gemm.h - the small matrix product inside attention: C[m, NV nv] (+)= A[m, k] B[k, NV nv], C in f32.
 *
 * A and B are made of cells of 32 bits: a float, or two bf16 adjacent in k (k counts cells).
 *   A    element (i, p) at a[i lda + p] (by rows) or, "down", at a[p lda + i]
 *   B    element (p, j) at b[p ldb + j]
 * f32: every element of C is one chain of fused multiply-adds over k in order, from 0 or, with `add`, from its old
 * value: the same bits for any m, nv, blocking and width of registers, and a chain that is split and continued is the
 * same chain. bf16: the same over pairs, however the processor adds a pair; on tiles (tiles.c) over pieces of 16 cells,
 * which begin where phase + p is a multiple of 16: a chain may be split and continued only there.
 *
 * A block of MR rows by NR registers of C stays in registers over the whole of k: up to 12 of 16 registers on AVX2
 * (the rest holds NR registers of B and one number of A), 24 of 32 on AVX-512.
 */
#ifndef RAML_ISA_GEMM_H
#define RAML_ISA_GEMM_H

#include "device/cpu/isa/native.h"
#include "device/ops.h"

/* MR by NR; and for skinny products (decoding), where a single row needs several registers in flight. */
#if defined(__AVX512F__)
enum { GEMM_NR = 4, GEMM_MR_4 = 6, GEMM_MR_3 = 8, GEMM_MR_2 = 12, GEMM_MR_1 = 12 };
#elif defined(__AVX2__)
enum { GEMM_NR = 2, GEMM_MR_4 = 3, GEMM_MR_3 = 4, GEMM_MR_2 = 6, GEMM_MR_1 = 8 };
#else
enum { GEMM_NR = 4, GEMM_MR_4 = 4, GEMM_MR_3 = 4, GEMM_MR_2 = 6, GEMM_MR_1 = 8 };
#endif
enum { GEMM_SKINNY = 4, GEMM_LANES = NV * GEMM_NR };

struct gemm {
    float *c;
    const void *a, *b;
    size_t ldc, lda, ldb, k;
    bool add;
    bool tiles;   /* bf16: on AMX tiles, between tiles_begin and tiles_end */
    size_t phase; /* with tiles: cells of the first piece that are missing */
};

/* tiles.c: where the instruction set has bf16; that the processor has AMX is the caller's to know. */
#define tiles_begin_isa RAML_NAME(tiles_begin)
#define tiles_end_isa RAML_NAME(tiles_end)
#define gemm_tiles_isa RAML_NAME(gemm_tiles)
#ifdef __AVX512BF16__
void tiles_begin_isa(void);
void tiles_end_isa(void);
void gemm_tiles_isa(const struct gemm *g, bool down, size_t m, size_t nv_all);
#else
INLINE void tiles_begin_isa(void)
{
}
INLINE void tiles_end_isa(void)
{
}
INLINE void gemm_tiles_isa(const struct gemm *g, bool down, size_t m, size_t nv_all)
{
    (void)g, (void)down, (void)m, (void)nv_all;
}
#endif

/* acc + a b for cells: a is one cell for all lanes */
INLINE nv gemm_dot(const bool bf16, nv acc, nv a, nv b)
{
    if (!bf16) return nv_fma(a, b, acc);
#ifdef __AVX512BF16__
    return _mm512_dpbf16_ps(acc, (__m512bh)_mm512_castps_si512(a), (__m512bh)_mm512_castps_si512(b));
#else
    acc = nv_fma(nv_low(a), nv_low(b), acc);
    return nv_fma(nv_high(a), nv_high(b), acc);
#endif
}

INLINE void gemm_block(const bool bf16, const bool down, const int MR, const int NR, const struct gemm *g, size_t i0)
{
    nv acc[12][8];
    float *c = g->c + i0 * g->ldc;
    const float *a = (const float *)g->a + (down ? i0 : i0 * g->lda), *b = g->b;
    const size_t lda = g->lda, ldb = g->ldb, ldc = g->ldc;
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 8
        for (int j = 0; j < NR; j++) acc[i][j] = g->add ? nv_load(c + (size_t)i * ldc + (size_t)j * NV) : nv_set(0);
#pragma GCC unroll 2 /* as in product.c */
    for (size_t p = g->k; p; p--) {
        nv bv[8];
#pragma GCC unroll 8
        for (int j = 0; j < NR; j++) bv[j] = nv_load(b + j * NV);
#pragma GCC unroll 12
        for (int i = 0; i < MR; i++) {
            float cell;
            memcpy(&cell, a + (down ? (size_t)i : (size_t)i * lda), sizeof cell);
            nv av = nv_set(cell);
#pragma GCC unroll 8
            for (int j = 0; j < NR; j++) acc[i][j] = gemm_dot(bf16, acc[i][j], av, bv[j]);
        }
        a += down ? lda : 1;
        b += ldb;
    }
#pragma GCC unroll 12
    for (int i = 0; i < MR; i++)
#pragma GCC unroll 8
        for (int j = 0; j < NR; j++) nv_store(c + (size_t)i * ldc + (size_t)j * NV, acc[i][j]);
}

/* All rows for NR registers of columns: in blocks of MAX rows, the rest by powers of two. */
INLINE void gemm_rows(const bool bf16, const bool down, const int MAX, const int NR, const struct gemm *g, size_t m)
{
    size_t i = 0;
    for (; i + (size_t)MAX <= m; i += (size_t)MAX) gemm_block(bf16, down, MAX, NR, g, i);
    if (MAX > 4)
        for (; i + 4 <= m; i += 4) gemm_block(bf16, down, 4, NR, g, i);
    if (MAX > 2)
        for (; i + 2 <= m; i += 2) gemm_block(bf16, down, 2, NR, g, i);
    if (MAX > 1)
        for (; i < m; i++) gemm_block(bf16, down, 1, NR, g, i);
}

INLINE void gemm_right(struct gemm *g, size_t w)
{
    g->c += w * NV;
    g->b = (const float *)g->b + w * NV;
}

INLINE void gemm_any(const bool bf16, const bool down, struct gemm *g, size_t m, size_t nv_all)
{
    for (size_t left = nv_all, w; left > 0; left -= w) {
        w = left < GEMM_NR ? left : GEMM_NR;
        if (GEMM_NR == 4 && w == 4) gemm_rows(bf16, down, GEMM_MR_4, 4, g, m);
        else if (GEMM_NR >= 3 && w == 3) gemm_rows(bf16, down, GEMM_MR_3, 3, g, m);
        else if (w == 2) gemm_rows(bf16, down, GEMM_MR_2, 2, g, m);
        else gemm_rows(bf16, down, GEMM_MR_1, 1, g, m);
        gemm_right(g, w);
    }
}

/* m <= GEMM_SKINNY rows of A, by rows */
INLINE void gemm_skinny_any(const bool bf16, struct gemm *g, size_t m, size_t nv_all)
{
    const size_t wide = NV < 16 && m == 1 ? 8 : NV < 16 && m == 4 ? 2 : 4;
    for (size_t left = nv_all, w; left > 0; left -= w) {
        w = left < wide ? (left < 4 ? (left < 2 ? 1 : 2) : 4) : wide;
        switch (m * 16 + w) {
        case 16 + 8: gemm_block(bf16, false, 1, NV < 16 ? 8 : 4, g, 0); break;
        case 16 + 4: gemm_block(bf16, false, 1, 4, g, 0); break;
        case 16 + 2: gemm_block(bf16, false, 1, 2, g, 0); break;
        case 16 + 1: gemm_block(bf16, false, 1, 1, g, 0); break;
        case 32 + 4: gemm_block(bf16, false, 2, 4, g, 0); break;
        case 32 + 2: gemm_block(bf16, false, 2, 2, g, 0); break;
        case 32 + 1: gemm_block(bf16, false, 2, 1, g, 0); break;
        case 48 + 4: gemm_block(bf16, false, 3, 4, g, 0); break;
        case 48 + 2: gemm_block(bf16, false, 3, 2, g, 0); break;
        case 48 + 1: gemm_block(bf16, false, 3, 1, g, 0); break;
        case 64 + 4: gemm_block(bf16, false, 4, NV < 16 ? 2 : 4, g, 0); break;
        case 64 + 2: gemm_block(bf16, false, 4, 2, g, 0); break;
        default: gemm_block(bf16, false, 4, 1, g, 0);
        }
        gemm_right(g, w);
    }
}

/* One copy of each per file, however many callers: they are large, and slow to compile. */
#define GEMM_COPY __attribute__((noinline, unused)) static void
GEMM_COPY gemm_down_bf16(struct gemm g, size_t m, size_t nv_all)
{
    gemm_any(true, true, &g, m, nv_all);
}
GEMM_COPY gemm_down_f32(struct gemm g, size_t m, size_t nv_all)
{
    gemm_any(false, true, &g, m, nv_all);
}
GEMM_COPY gemm_rows_bf16(struct gemm g, size_t m, size_t nv_all)
{
    gemm_any(true, false, &g, m, nv_all);
}
GEMM_COPY gemm_rows_f32(struct gemm g, size_t m, size_t nv_all)
{
    gemm_any(false, false, &g, m, nv_all);
}
GEMM_COPY gemm_skinny_bf16(struct gemm g, size_t m, size_t nv_all)
{
    gemm_skinny_any(true, &g, m, nv_all);
}
GEMM_COPY gemm_skinny_f32(struct gemm g, size_t m, size_t nv_all)
{
    gemm_skinny_any(false, &g, m, nv_all);
}

/* A down; A by rows; A by rows and at most GEMM_SKINNY of them. */
INLINE void gemm_down(const bool bf16, struct gemm g, size_t m, size_t nv_all)
{
    if (bf16 && g.tiles) gemm_tiles_isa(&g, true, m, nv_all);
    else if (bf16) gemm_down_bf16(g, m, nv_all);
    else gemm_down_f32(g, m, nv_all);
}
INLINE void gemm_across(const bool bf16, struct gemm g, size_t m, size_t nv_all)
{
    if (bf16 && g.tiles) gemm_tiles_isa(&g, false, m, nv_all);
    else if (bf16) gemm_rows_bf16(g, m, nv_all);
    else gemm_rows_f32(g, m, nv_all);
}
INLINE void gemm_skinny(const bool bf16, struct gemm g, size_t m, size_t nv_all)
{
    if (bf16 && g.tiles) gemm_tiles_isa(&g, false, m, nv_all);
    else if (bf16) gemm_skinny_bf16(g, m, nv_all);
    else gemm_skinny_f32(g, m, nv_all);
}

#endif
