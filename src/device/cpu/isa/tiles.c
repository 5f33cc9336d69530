/* tiles.c - attention's products of bf16 cells on AMX tiles. See gemm.h.
 *
 * A tile is 16 rows of 16 cells. TDPBF16PS adds to C the sum of 16 cells' products: the even bf16 of the cells in one chain
 * from 0, the odd ones in another, then the two (Intel SDM, volume 2, TDPBF16PS). Cells that are 0 do not change a chain, so
 * an element of C depends on where the pieces of 16 cells begin, and on nothing else: not on m, nv, or how many rows a tile has.
 */
#include "device/cpu/isa/gemm.h"

#ifdef __AVX512BF16__

#define TILES __attribute__((target("amx-tile,amx-bf16")))
/* The compiler does not know what a tile's load and store read and write. */
#define BARRIER() __asm__ volatile("" ::: "memory")

enum { SIDE = 16, CELLS = SIDE * SIDE, LINE = 64 /* bytes of a row */, ACROSS = 4 /* of C at once: tiles 0 to 3 */ };
enum { MAX_PIECES = RAML_MAX_HEAD_DIM / 2 / SIDE + 1 };

struct tile_config { /* palette 1 */
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};
_Static_assert(sizeof(struct tile_config) == 64, "as LDTILECFG reads it");

TILES void tiles_begin_isa(void)
{
    static const struct tile_config six = {
        .palette = 1, .row_bytes = {LINE, LINE, LINE, LINE, LINE, LINE}, .rows = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE}};
    _tile_loadconfig(&six);
}
TILES void tiles_end_isa(void)
{
    _tile_release();
}

/* 16 rows of 16 cells across; t: room. */
INLINE void transpose_cells(__m512 v[SIDE], __m512 t[SIDE])
{
    for (int i = 0; i < SIDE; i += 2) {
        t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < SIDE; i += 4)
        for (int k = 0; k < 2; k++) {
            __m512d a = _mm512_castps_pd(t[i + k]), b = _mm512_castps_pd(t[i + k + 2]);
            v[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            v[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    /* v[4 q + c] holds column c + 4 lane of rows 4 q .. 4 q + 3 in its lanes of 128 bits */
    for (int c = 0; c < 4; c++) {
        t[c] = _mm512_shuffle_f32x4(v[c], v[4 + c], 0x88);
        t[4 + c] = _mm512_shuffle_f32x4(v[c], v[4 + c], 0xdd);
        t[8 + c] = _mm512_shuffle_f32x4(v[8 + c], v[12 + c], 0x88);
        t[12 + c] = _mm512_shuffle_f32x4(v[8 + c], v[12 + c], 0xdd);
    }
    for (int c = 0; c < 4; c++) {
        v[c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0x88);
        v[8 + c] = _mm512_shuffle_f32x4(t[c], t[8 + c], 0xdd);
        v[4 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0x88);
        v[12 + c] = _mm512_shuffle_f32x4(t[4 + c], t[12 + c], 0xdd);
    }
}

/* A piece of k: cells [from, from + n), the first of a tile's 16; the others are 0. */
struct piece {
    size_t from, n;
};
static struct piece piece_of(const struct gemm *g, size_t i)
{
    size_t phase = g->phase % SIDE, from = i ? i * SIDE - phase : 0, end = (i + 1) * SIDE - phase;
    return (struct piece){from, (end < g->k ? end : g->k) - from};
}

/* Rows [i0, i0 + rows) of A's piece as a tile; rows beyond are 0. */
static void pack_a(uint32_t *out, const struct gemm *g, bool down, size_t i0, size_t rows, const struct piece *p)
{
    __m512 v[SIDE], t[SIDE];
    const float *a = g->a;
    __mmask16 m = (__mmask16)((UINT32_C(1) << (down ? rows : p->n)) - 1);
    if (!down) {
        a += i0 * g->lda + p->from;
        for (size_t i = 0; i < SIDE; i++)
            _mm512_store_ps(out + i * SIDE, i < rows ? _mm512_maskz_loadu_ps(m, a + i * g->lda) : _mm512_setzero_ps());
        return;
    }
    a += p->from * g->lda + i0;
    for (size_t k = 0; k < SIDE; k++) v[k] = k < p->n ? _mm512_maskz_loadu_ps(m, a + k * g->lda) : _mm512_setzero_ps();
    transpose_cells(v, t);
    for (size_t i = 0; i < SIDE; i++) _mm512_store_ps(out + i * SIDE, v[i]);
}

/* B's piece, columns of one tile. */
static void pack_b(uint32_t *out, const struct gemm *g, size_t column, const struct piece *p)
{
    const float *b = (const float *)g->b + p->from * g->ldb + column;
    for (size_t k = 0; k < SIDE; k++)
        _mm512_store_ps(out + k * SIDE, k < p->n ? _mm512_loadu_ps(b + k * g->ldb) : _mm512_setzero_ps());
}

#define EACH_TILE(w, DO)                                                                                               \
    do {                                                                                                               \
        DO(0);                                                                                                         \
        if ((w) > 1) DO(1);                                                                                            \
        if ((w) > 2) DO(2);                                                                                            \
        if ((w) > 3) DO(3);                                                                                            \
    } while (0)

/* w tiles of C at c, whose rows are `line` bytes apart. */
TILES static void tiles_load(const float *c, size_t line, size_t apart, size_t w)
{
#define LOAD(t) _tile_loadd(t, c + (t)*apart, line)
    EACH_TILE(w, LOAD);
}
TILES static void tiles_store(float *c, size_t line, size_t apart, size_t w)
{
#define STORE(t) _tile_stored(t, c + (t)*apart, line)
    EACH_TILE(w, STORE);
}
TILES static void tiles_zero(size_t w)
{
#define ZERO(t) _tile_zero(t)
    EACH_TILE(w, ZERO);
}

/* Adds the product of A's piece in tile 4 by B's piece from `column` on. */
TILES static void tiles_add(const struct gemm *g, const struct piece *p, size_t column, size_t w)
{
    uint32_t b[CELLS] __attribute__((aligned(64)));
    const float *at = (const float *)g->b + p->from * g->ldb + column;
    bool whole = p->n == SIDE;
    for (size_t t = 0; t < w; t++) {
        if (!whole) pack_b(b, g, column + t * SIDE, p);
        BARRIER();
        _tile_loadd(5, whole ? (const void *)(at + t * SIDE) : b, whole ? g->ldb * sizeof *at : LINE);
        BARRIER();
        switch (t) {
        case 0: _tile_dpbf16ps(0, 4, 5); break;
        case 1: _tile_dpbf16ps(1, 4, 5); break;
        case 2: _tile_dpbf16ps(2, 4, 5); break;
        default: _tile_dpbf16ps(3, 4, 5);
        }
    }
}

/* Rows [i0, i0 + rows) by w tiles of columns from `column` on; a: A's pieces. */
TILES static void tiles_across(const struct gemm *g, const uint32_t *a, size_t pieces, size_t i0, size_t rows,
                               size_t column, size_t w)
{
    float part[ACROSS * CELLS] __attribute__((aligned(64))), *c = g->c + i0 * g->ldc + column;
    bool whole = rows == SIDE;
    for (size_t t = 0; t < w && g->add && !whole; t++)
        for (size_t r = 0; r < rows; r++)
            _mm512_store_ps(part + t * CELLS + r * SIDE, _mm512_loadu_ps(c + r * g->ldc + t * SIDE));
    BARRIER();
    if (!g->add) tiles_zero(w);
    else if (whole) tiles_load(c, g->ldc * sizeof *c, SIDE, w);
    else tiles_load(part, LINE, CELLS, w);
    for (size_t i = 0; i < pieces; i++) {
        struct piece p = piece_of(g, i);
        _tile_loadd(4, a + i * CELLS, LINE);
        tiles_add(g, &p, column, w);
    }
    if (whole) tiles_store(c, g->ldc * sizeof *c, SIDE, w);
    else tiles_store(part, LINE, CELLS, w);
    BARRIER();
    for (size_t t = 0; t < w && !whole; t++)
        for (size_t r = 0; r < rows; r++)
            _mm512_storeu_ps(c + r * g->ldc + t * SIDE, _mm512_load_ps(part + t * CELLS + r * SIDE));
}

void gemm_tiles_isa(const struct gemm *g, bool down, size_t m, size_t nv_all)
{
    uint32_t a[MAX_PIECES * CELLS] __attribute__((aligned(64)));
    size_t pieces = (g->phase % SIDE + g->k + SIDE - 1) / SIDE;
    for (size_t i0 = 0; i0 < m; i0 += SIDE) {
        size_t rows = m - i0 < SIDE ? m - i0 : SIDE;
        for (size_t i = 0; i < pieces; i++) {
            struct piece p = piece_of(g, i);
            pack_a(a + i * CELLS, g, down, i0, rows, &p);
        }
        for (size_t t = 0; t < nv_all; t += ACROSS)
            tiles_across(g, a, pieces, i0, rows, t * SIDE, nv_all - t < ACROSS ? nv_all - t : ACROSS);
    }
}

#endif
