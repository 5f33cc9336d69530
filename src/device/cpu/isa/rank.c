/* rank.c - halves of low-rank products. Contract: device/rank.h.
 *
 * Tiles of sums stay in registers: TR rows by TV vectors of columns of up, DR rows by DV ranks of down, where fewer rows
 * make fewer conversions of bf16, GR ranks by TV vectors of grad. How they are cut changes no bit.
 */
#include "device/cpu/isa/rows.h"

#if defined __AVX512F__
enum { TR = 6, TV = 4, DR = 3, DV = 8, GR = 4 }; /* 24, 24 and 16 of 32 registers */
#elif defined __AVX2__
enum { TR = 3, TV = 2, DR = 1, DV = 4, GR = 2 }; /* 12, 8 and 8 of 16: vf is two */
#else
enum { TR = 2, TV = 2, DR = 2, DV = 2, GR = 2 };
#endif
enum {
    WIDE = 16 * TV,     /* columns of a tile */
    TASK_ROWS = 8 * TR, /* rows */
    TASK_COLUMNS = 512, /* and columns of a task of up: its part of m stays in the first-level cache */
    GRAD_RANKS = 48,    /* of a task of grad */
    GRAD_ROWS = 128     /* whose columns lie in the first-level cache, as floats, while all ranks read them */
};

static size_t pieces_of(size_t n, size_t each)
{
    return (n + each - 1) / each;
}

/* sum[r][v] += x[i + r, j ..] m[k + v, j ..], sixteen columns, or the m that are left */
INLINE void down_step(const bool bf16, const struct raml_rank_rows *f, size_t i, const size_t R, size_t k,
                      const size_t V, size_t j, const bool full, size_t m, vf sum[DR][DV])
{
    vf w[DV];
#pragma GCC unroll 8
    for (size_t v = 0; v < V; v++) {
        const float *at = f->m + (k + v) * f->ldm + j;
        w[v] = full ? vf_load(at) : vf_load_n(at, m);
    }
#pragma GCC unroll 3
    for (size_t r = 0; r < R; r++) {
        size_t at = (i + r) * f->ldx + j;
        vf x = full ? act_load(bf16, f->x, at) : act_load_n(bf16, f->x, at, m);
#pragma GCC unroll 8
        for (size_t v = 0; v < V; v++) sum[r][v] = vf_fma(x, w[v], sum[r][v]);
    }
}

INLINE void down_tile(const bool bf16, const struct raml_rank_rows *f, size_t i, const size_t R, size_t k,
                      const size_t V)
{
    vf sum[DR][DV];
    size_t j = 0;
#pragma GCC unroll 3
    for (size_t r = 0; r < R; r++)
#pragma GCC unroll 8
        for (size_t v = 0; v < V; v++) sum[r][v] = vf_zero();
    for (; j + 16 <= f->K; j += 16) down_step(bf16, f, i, R, k, V, j, true, 16, sum);
    if (j < f->K) down_step(bf16, f, i, R, k, V, j, false, f->K - j, sum);
#pragma GCC unroll 3
    for (size_t r = 0; r < R; r++)
#pragma GCC unroll 8
        for (size_t v = 0; v < V; v++) {
            float *u = f->u + (i + r) * f->rank + k + v, value = f->scale * vf_sum(sum[r][v]);
            *u = f->add ? *u + value : value;
        }
}

INLINE void down_ranks(const bool bf16, const struct raml_rank_rows *f, size_t i, size_t rows, size_t k, const size_t V)
{
    if (rows == DR) down_tile(bf16, f, i, DR, k, V);
    else
        for (size_t r = 0; r < rows; r++) down_tile(bf16, f, i + r, 1, k, V);
}

INLINE void down_block(const bool bf16, const struct raml_rank_rows *f, size_t i)
{
    size_t rows = f->n - i < DR ? f->n - i : DR, k = 0;
    for (; k + DV <= f->rank; k += DV) down_ranks(bf16, f, i, rows, k, DV);
    for (; k + DV / 2 <= f->rank; k += DV / 2) down_ranks(bf16, f, i, rows, k, DV / 2);
    for (; k < f->rank; k++) down_ranks(bf16, f, i, rows, k, 1);
}

void rank_down_isa(const struct raml_rank_rows *f)
{
    const bool bf16 = f->type == RAML_TYPE_BF16;
    size_t tasks = pieces_of(f->n, DR);
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tasks; t++) BY_ACT(bf16, down_block(true, f, t * DR), down_block(false, f, t * DR));
}

/* Rows [i, i + R), V vectors of columns from j on; m of one vector, if not sixteen */
INLINE void up_tile(const bool bf16, const struct raml_rank_rows *f, size_t i, const size_t R, size_t j, const size_t V,
                    const bool full, size_t m)
{
    vf y[TR][TV];
#pragma GCC unroll 6
    for (size_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < V; v++) {
            size_t at = (i + r) * f->ldx + j + 16 * v;
            y[r][v] = full ? act_load(bf16, f->x, at) : act_load_n(bf16, f->x, at, m);
        }
    for (size_t k = 0; k < f->rank; k++) {
        vf w[TV];
#pragma GCC unroll 4
        for (size_t v = 0; v < V; v++) {
            const float *at = f->m + k * f->ldm + j + 16 * v;
            w[v] = full ? vf_load(at) : vf_load_n(at, m);
        }
#pragma GCC unroll 6
        for (size_t r = 0; r < R; r++) {
            vf u = vf_set(f->u[(i + r) * f->rank + k]);
#pragma GCC unroll 4
            for (size_t v = 0; v < V; v++) y[r][v] = vf_fma(u, w[v], y[r][v]);
        }
    }
#pragma GCC unroll 6
    for (size_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < V; v++) {
            size_t at = (i + r) * f->ldx + j + 16 * v;
            if (full) act_store(bf16, f->x, at, y[r][v]);
            else act_store_n(bf16, f->x, at, y[r][v], m);
        }
}

INLINE void up_rows(const bool bf16, const struct raml_rank_rows *f, size_t i, const size_t R, size_t j, size_t end)
{
    for (; j + WIDE <= end; j += WIDE) up_tile(bf16, f, i, R, j, TV, true, 16);
    for (; j + 16 <= end; j += 16) up_tile(bf16, f, i, R, j, 1, true, 16);
    if (j < end) up_tile(bf16, f, i, R, j, 1, false, end - j);
}

INLINE void up_task(const bool bf16, const struct raml_rank_rows *f, size_t i, size_t j)
{
    size_t last = f->n - i < TASK_ROWS ? f->n : i + TASK_ROWS;
    size_t end = f->K - j < TASK_COLUMNS ? f->K : j + TASK_COLUMNS;
    for (; i + TR <= last; i += TR) up_rows(bf16, f, i, TR, j, end);
    for (; i < last; i++) up_rows(bf16, f, i, 1, j, end);
}

void rank_up_isa(const struct raml_rank_rows *f)
{
    const bool bf16 = f->type == RAML_TYPE_BF16;
    size_t across = pieces_of(f->K, TASK_COLUMNS), tasks = pieces_of(f->n, TASK_ROWS) * across;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tasks; t++) {
        size_t i = t / across * TASK_ROWS, j = t % across * TASK_COLUMNS;
        BY_ACT(bf16, up_task(true, f, i, j), up_task(false, f, i, j));
    }
}

/* Columns [j, j + width) of rows [i, end), as floats, zeros up to WIDE */
INLINE void grad_columns(const bool bf16, const struct raml_rank_rows *f, size_t i, size_t end, size_t j, size_t width,
                         float *x)
{
    for (; i < end; i++, x += WIDE)
#pragma GCC unroll 4
        for (size_t v = 0; v < TV; v++) {
            size_t at = i * f->ldx + j + 16 * v, left = width > 16 * v ? width - 16 * v : 0;
            if (left >= 16) vf_store(x + 16 * v, act_load(bf16, f->x, at));
            else vf_store(x + 16 * v, left ? act_load_n(bf16, f->x, at, left) : vf_zero());
        }
}

/* g[r][..] += u[i, k + r] x[i, ..] for rows [i, end) */
INLINE void grad_tile(const struct raml_rank_rows *f, size_t i, size_t end, size_t k, const size_t R, const float *x,
                      float *g)
{
    vf sum[GR][TV];
#pragma GCC unroll 4
    for (size_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < TV; v++) sum[r][v] = vf_load(g + r * WIDE + 16 * v);
    for (; i < end; i++, x += WIDE) {
        vf row[TV];
#pragma GCC unroll 4
        for (size_t v = 0; v < TV; v++) row[v] = vf_load(x + 16 * v);
#pragma GCC unroll 4
        for (size_t r = 0; r < R; r++) {
            vf u = vf_set(f->u[i * f->rank + k + r]);
#pragma GCC unroll 4
            for (size_t v = 0; v < TV; v++) sum[r][v] = vf_fma(u, row[v], sum[r][v]);
        }
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < R; r++)
#pragma GCC unroll 4
        for (size_t v = 0; v < TV; v++) vf_store(g + r * WIDE + 16 * v, sum[r][v]);
}

/* m's elements of these ranks and columns: to g, or back */
INLINE void grad_move(const struct raml_rank_rows *f, size_t k, size_t ranks, size_t j, size_t width, bool back,
                      float *g)
{
    size_t by_rank = f->columns ? 1 : f->ldm, by_column = f->columns ? f->ldm : 1;
    for (size_t r = 0; r < ranks; r++)
        for (size_t c = 0; c < width; c++) {
            float *at = f->m + (k + r) * by_rank + (j + c) * by_column;
            if (back) *at = g[r * WIDE + c];
            else g[r * WIDE + c] = *at;
        }
}

INLINE void grad_task(const bool bf16, const struct raml_rank_rows *f, size_t k0, size_t j)
{
    float g[GRAD_RANKS * WIDE] __attribute__((aligned(64))) = {0};
    float x[GRAD_ROWS * WIDE] __attribute__((aligned(64)));
    size_t ranks = f->rank - k0 < GRAD_RANKS ? f->rank - k0 : GRAD_RANKS, width = f->K - j < WIDE ? f->K - j : WIDE;
    grad_move(f, k0, ranks, j, width, false, g);
    for (size_t i = 0; i < f->n; i += GRAD_ROWS) {
        size_t end = f->n - i < GRAD_ROWS ? f->n : i + GRAD_ROWS, k = 0;
        grad_columns(bf16, f, i, end, j, width, x);
        for (; k + GR <= ranks; k += GR) grad_tile(f, i, end, k0 + k, GR, x, g + k * WIDE);
        for (; k < ranks; k++) grad_tile(f, i, end, k0 + k, 1, x, g + k * WIDE);
    }
    grad_move(f, k0, ranks, j, width, true, g);
}

void rank_grad_isa(const struct raml_rank_rows *f)
{
    const bool bf16 = f->type == RAML_TYPE_BF16;
    size_t across = pieces_of(f->K, WIDE), tasks = pieces_of(f->rank, GRAD_RANKS) * across;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tasks; t++) {
        size_t k = t / across * GRAD_RANKS, j = t % across * WIDE;
        BY_ACT(bf16, grad_task(true, f, k, j), grad_task(false, f, k, j));
    }
}

void rank_pick_isa(const struct raml_rank_rows *f)
{
#pragma omp parallel for schedule(static) if (f->n * f->rank > 4096)
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->rank; k++) f->u[i * f->rank + k] = f->scale * f->m[k * f->ldm + (size_t)f->token[i]];
}

void rank_put_isa(const struct raml_rank_rows *f)
{
#pragma omp parallel for schedule(static) if (f->n * f->rank > 4096)
    for (size_t k = 0; k < f->rank; k++)
        for (size_t i = 0; i < f->n; i++) f->m[k * f->ldm + (size_t)f->token[i]] += f->u[i * f->rank + k];
}
