/* panel_skinny.c - skinny products (of a few rows) with panels, where memory is the limit: every weight is read once,
 * in memory order. Contract: device/cpu/panel.h.
 *
 * Several panels run side by side, so that enough sums run at once to hide the latency of a multiply-add; 32 k of each
 * are expanded into the first-level cache, then read by every row. A sum goes through memory between such pieces, which
 * changes none of its bits.
 */
#include "device/cpu/isa/lanes.h"
#include "device/cpu/isa/panel.h"

enum { ROWS = RAML_PANEL_ROWS, VP = ROWS / LANES /* vectors of a panel */, SIDE = 8 / VP /* panels side by side */ };
#if defined __AVX512F__
enum { MOST = 24 }; /* accumulators: 24 of 32 registers */
#else
enum { MOST = 12 }; /* 12 of 16 */
#endif
enum { PIECE = PANEL_GROUP * ROWS };

/* acc[r][v] += x[r, k] w_v[k] for R rows and V vectors, the v-th at w[v / VP] + k ROWS + v % VP LANES. */
INLINE void rows_by(const int R, const int V, const float *const w[], const float *x, size_t ldx, size_t n, float *acc)
{
    lf sum[RAML_SKINNY_ROWS][SIDE * VP];
    const float *at[SIDE];
    for (int p = 0; p < (V + VP - 1) / VP; p++) at[p] = w[p];
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) sum[r][v] = lf_load(acc + r * SIDE * ROWS + v * LANES);
    for (size_t k = 0; k < n; k++) {
        lf b[SIDE * VP];
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) b[v] = lf_load(at[v / VP] + k * ROWS + v % VP * LANES);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) {
            lf a = lf_set(x[(size_t)r * ldx + k]);
#pragma GCC unroll 8
            for (int v = 0; v < V; v++) sum[r][v] = lf_fma(a, b[v], sum[r][v]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; r++)
#pragma GCC unroll 8
        for (int v = 0; v < V; v++) lf_store(acc + r * SIDE * ROWS + v * LANES, sum[r][v]);
}

/* All SIDE panels for R rows, as many at a time as there are registers for. */
INLINE void rows_side(const int R, const float *const w[SIDE], const float *x, size_t ldx, size_t n, float *acc)
{
    const int most = MOST / R / VP, P = most >= SIDE ? SIDE : most >= SIDE / 2 ? SIDE / 2 : most >= 2 ? 2 : 1;
    for (int p = 0; p < SIDE; p += P) rows_by(R, P * VP, w + p, x, ldx, n, acc + p * ROWS);
}

static void rows_piece(size_t R, const float *const w[SIDE], const float *x, size_t ldx, size_t n, float *acc)
{
    switch (R) {
    case 1: rows_side(1, w, x, ldx, n, acc); break;
    case 2: rows_side(2, w, x, ldx, n, acc); break;
    case 3: rows_side(3, w, x, ldx, n, acc); break;
    case 4: rows_side(4, w, x, ldx, n, acc); break;
    case 5: rows_side(5, w, x, ldx, n, acc); break;
    case 6: rows_side(6, w, x, ldx, n, acc); break;
    case 7:
    case 8:
        rows_side(4, w, x, ldx, n, acc);
        rows_piece(R - 4, w, x + 4 * ldx, ldx, n, acc + 4 * SIDE * ROWS);
        break;
    default: break;
    }
}

/* Panels [first, first + count), count <= SIDE; missing ones are read as the last one. */
static void skinny_side(const struct raml_skinny_panels *f, size_t first, size_t count)
{
    _Alignas(64) float acc[RAML_SKINNY_ROWS * SIDE * ROWS], w[SIDE * PIECE];
    const size_t bytes = raml_panel_bytes(f->type, f->K), at = first * ROWS;
    const size_t columns = f->N - at < count * ROWS ? f->N - at : count * ROWS;
    const unsigned char *panel = (const unsigned char *)f->panels + first * bytes;
    const bool is_f32 = f->type == RAML_TYPE_F32;
    panel_group *group = panel_group_isa(f->type);
    memset(acc, 0, sizeof acc);
    for (size_t r = 0; r < f->R && f->add; r++)
        memcpy(acc + r * SIDE * ROWS, f->y + r * f->ldy + at, columns * sizeof *acc);
    for (size_t k = 0; k < f->K; k += PANEL_GROUP) {
        const size_t n = f->K - k < PANEL_GROUP ? f->K - k : PANEL_GROUP;
        const float *piece[SIDE];
        for (size_t p = 0; p < SIDE; p++) {
            const unsigned char *from = panel + (p < count ? p : count - 1) * bytes;
            piece[p] = is_f32 ? (const float *)(const void *)from + k * ROWS : w + (p < count ? p : count - 1) * PIECE;
            if (!is_f32 && p < count) group(from, k, n, w + p * PIECE);
        }
        rows_piece(f->R, piece, f->x + k, f->ldx, n, acc);
    }
    for (size_t r = 0; r < f->R; r++) memcpy(f->y + r * f->ldy + at, acc + r * SIDE * ROWS, columns * sizeof *acc);
}

void panel_skinny_isa(const struct raml_skinny_panels *f)
{
    const size_t P = (f->N + ROWS - 1) / ROWS;
    panel_skinny *direct = panel_direct_isa(f->type, f->R);
    if (direct) {
        direct(f);
        return;
    }
    for (size_t p = 0; p < P; p += SIDE) skinny_side(f, p, P - p < SIDE ? P - p : SIDE);
}
