/* transpose.c - act [n, d] to [d, n_pad], in blocks that stay in the first-level cache. */
#include "device/cpu/isa/rows.h"

enum { BLOCK = 64 };

#define TRANSPOSE_BLOCK(type, name)                                                                                    \
    INLINE void name(type *restrict out, const type *restrict in, size_t rows, size_t cols, size_t ld_in,              \
                     size_t ld_out)                                                                                    \
    {                                                                                                                  \
        type t[BLOCK][BLOCK];                                                                                          \
        for (size_t r = 0; r < rows; r++)                                                                              \
            for (size_t c = 0; c < cols; c++) t[c][r] = in[r * ld_in + c];                                             \
        for (size_t c = 0; c < cols; c++) memcpy(out + c * ld_out, t[c], rows * sizeof(type));                         \
    }
TRANSPOSE_BLOCK(float, block_f32_ref)

#ifdef __AVX2__
/* 8 x 8 floats: by ones, twos and fours of columns */
INLINE void block8(float *restrict out, const float *restrict in, size_t ld_in, size_t ld_out)
{
    __m256 a[8], b[8];
    for (size_t i = 0; i < 8; i++) a[i] = _mm256_loadu_ps(in + i * ld_in);
    for (size_t i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
    for (size_t i = 0; i < 8; i += 4) { /* a[i + k]: rows i .. i + 3 of columns k and 4 + k */
        a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xee);
        a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xee);
    }
    for (size_t i = 0; i < 4; i++) {
        _mm256_storeu_ps(out + i * ld_out, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps(out + (i + 4) * ld_out, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}
#endif
/* Sixteen rows of eight columns at a time: lines of the output are filled while they are in the first-level cache,
 * however far apart they are. */
INLINE void block_f32(float *restrict out, const float *restrict in, size_t rows, size_t cols, size_t ld_in,
                      size_t ld_out)
{
#ifdef __AVX2__
    if (rows == BLOCK && cols == BLOCK) {
        for (size_t r = 0; r < BLOCK; r += 16)
            for (size_t c = 0; c < BLOCK; c += 8) {
                block8(out + c * ld_out + r, in + r * ld_in + c, ld_in, ld_out);
                block8(out + c * ld_out + r + 8, in + (r + 8) * ld_in + c, ld_in, ld_out);
            }
        return;
    }
#endif
    block_f32_ref(out, in, rows, cols, ld_in, ld_out);
}

#ifdef __AVX512BW__
/* 32 x 32 sixteen-bit values: pairs of rows are interleaved to 32-bit cells, then cells are transposed 16 x 16. */
INLINE void block32(uint16_t *restrict out, const uint16_t *restrict in, size_t ld_in, size_t ld_out)
{
    __m512i lo[16], hi[16];
    for (int i = 0; i < 16; i++) {
        __m512i a = _mm512_loadu_si512(in + (size_t)(2 * i) * ld_in);
        __m512i b = _mm512_loadu_si512(in + (size_t)(2 * i + 1) * ld_in);
        /* cell c of lo: (row 2i, row 2i+1) of column c; columns 0..15 in lo, 16..31 in hi */
        __m512i al = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(a)),
                bl = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(b));
        __m512i ah = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(a, 1));
        __m512i bh = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(b, 1));
        lo[i] = _mm512_or_si512(al, _mm512_slli_epi32(bl, 16));
        hi[i] = _mm512_or_si512(ah, _mm512_slli_epi32(bh, 16));
    }
    uint32_t cell[16][16];
    const __m512i step = _mm512_setr_epi32(0, 16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240);
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < 16; i++) _mm512_storeu_si512(cell[i], half ? hi[i] : lo[i]);
        for (int c = 0; c < 16; c++) {
            __m512i col = _mm512_i32gather_epi32(step, &cell[0][c], 4);
            _mm512_storeu_si512(out + (size_t)(half * 16 + c) * ld_out, col);
        }
    }
}
#endif
TRANSPOSE_BLOCK(uint16_t, block_u16_ref)

INLINE void block_u16(uint16_t *restrict out, const uint16_t *restrict in, size_t rows, size_t cols, size_t ld_in,
                      size_t ld_out)
{
#ifdef __AVX512BW__
    if (rows == BLOCK && cols == BLOCK) {
        for (size_t i = 0; i < BLOCK; i += 32)
            for (size_t j = 0; j < BLOCK; j += 32) block32(out + j * ld_out + i, in + i * ld_in + j, ld_in, ld_out);
        return;
    }
#endif
    block_u16_ref(out, in, rows, cols, ld_in, ld_out);
}

void transpose_isa(bool bf16, void *out, const void *in, size_t n, size_t d, size_t n_pad)
{
    size_t rb = (n + BLOCK - 1) / BLOCK, cb = (d + BLOCK - 1) / BLOCK, size = bf16 ? 2 : 4;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < cb; b++) {
        size_t c0 = b * BLOCK, cols = d - c0 < BLOCK ? d - c0 : BLOCK;
        for (size_t a = 0; a < rb; a++) {
            size_t r0 = a * BLOCK, rows = n - r0 < BLOCK ? n - r0 : BLOCK;
            if (bf16)
                block_u16((uint16_t *)out + c0 * n_pad + r0, (const uint16_t *)in + r0 * d + c0, rows, cols, d, n_pad);
            else block_f32((float *)out + c0 * n_pad + r0, (const float *)in + r0 * d + c0, rows, cols, d, n_pad);
        }
        for (size_t c = c0; c < c0 + cols; c++) memset((char *)out + (c * n_pad + n) * size, 0, (n_pad - n) * size);
    }
}
