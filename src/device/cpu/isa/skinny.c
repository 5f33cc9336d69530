/* skinny.c - products of a few rows, where memory is the limit: every weight is read once, in memory order. Contract:
 * device/ops.h.
 *
 * Sixteen columns per accumulator, four of them a block's width; weights come in pairs, as the dot product instruction
 * reads them. Groups of rows go over a block one after the other: only the first reads it from memory, the others from
 * the cache.
 */
#include "device/cpu/isa/rows.h"

#ifdef __AVX512BF16__
enum { GROUP = 6, AHEAD = 1024 }; /* rows: 4 x 6 accumulators, 4 weights, an activation: 29 of 32 registers */

/* Columns of one block for R rows. */
INLINE void skinny_block(const int R, const struct raml_skinny *f, size_t b, size_t row)
{
    size_t blocks = f->K / 32;
    const uint16_t *w = f->w + b * blocks * 2048, *x = f->x + row * f->K;
    __m512 total[GROUP][4];
    for (int r = 0; r < R; r++)
        for (int c = 0; c < 4; c++) total[r][c] = _mm512_setzero_ps();
    for (size_t k = 0; k < blocks;) {
        size_t end = k + f->chunk < blocks ? k + f->chunk : blocks;
        __m512 sum[GROUP][4];
        for (int r = 0; r < R; r++)
            for (int c = 0; c < 4; c++) sum[r][c] = _mm512_setzero_ps();
        for (size_t pair = k * 16; pair < end * 16; pair++, w += 128) {
            __m512bh v[4];
            for (int c = 0; c < 4; c++) {
                _mm_prefetch((const char *)(w + AHEAD + 32 * c), _MM_HINT_T0);
                v[c] = (__m512bh)_mm512_loadu_si512(w + 32 * c);
            }
            for (int r = 0; r < R; r++) {
                int32_t two;
                memcpy(&two, x + (size_t)r * f->K + 2 * pair, sizeof two);
                __m512bh a = (__m512bh)_mm512_set1_epi32(two);
                for (int c = 0; c < 4; c++) sum[r][c] = _mm512_dpbf16_ps(sum[r][c], a, v[c]);
            }
        }
        for (int r = 0; r < R; r++)
            for (int c = 0; c < 4; c++) total[r][c] = _mm512_add_ps(total[r][c], sum[r][c]);
        k = end;
    }
    for (int r = 0; r < R; r++)
        for (size_t c = 0; c < 4 && b * 64 + 16 * c < f->N; c++) {
            size_t at = b * 64 + 16 * c, m = f->N - at < 16 ? f->N - at : 16;
            act_store_n(!f->y_f32, f->y, (row + (size_t)r) * f->N + at, total[r][c], m);
        }
}

static void skinny_group(const struct raml_skinny *f, size_t b, size_t row, size_t n)
{
    switch (n) {
    case 1: skinny_block(1, f, b, row); break;
    case 2: skinny_block(2, f, b, row); break;
    case 3: skinny_block(3, f, b, row); break;
    case 4: skinny_block(4, f, b, row); break;
    case 5: skinny_block(5, f, b, row); break;
    case 6: skinny_block(6, f, b, row); break;
    default: break;
    }
}

void skinny_gemm_isa(const struct raml_skinny *f)
{
    size_t blocks = (f->N + 63) / 64, groups = (f->n + GROUP - 1) / GROUP,
           each = groups ? (f->n + groups - 1) / groups : 0;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < blocks; b++)
        for (size_t row = 0; row < f->n; row += each) skinny_group(f, b, row, f->n - row < each ? f->n - row : each);
}
#else
void skinny_gemm_isa(const struct raml_skinny *f)
{
    (void)f; /* table.c leaves it out */
}
#endif
