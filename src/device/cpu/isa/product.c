/* product.c - C[m, n] (+)= A[m, k] B[k, n] in f32. Contract: device/cpu/product.h.
 *
 * Every element of C is one chain of fused multiply-adds over k in order, so nothing below changes a bit of the result:
 * how many rows a register block holds, where k is split (a part of the chain is stored to C and resumed), which
 * thread does what, how wide a vector is.
 *
 * A task is a block of rows and a run of panels. Within it k goes in equal pieces of at most KC: every row block uses a
 * panel's piece before the next panel is read, and the rows' piece of A stays in the second-level cache for all
 * panels. The longer the pieces, the less often C is read and written; what a block of C needs next is prefetched.
 *   registers  MR rows by PN panels of C (AVX2: 6 x 16 in 12 of 16 registers; AVX-512: 12 x 32 in 24 of 32)
 *   L1         a panel's piece, up to KC x 16 floats, read in order
 *   L2         MC rows of A, up to KC long
 */
#include "device/cpu/isa/native.h"
#include "device/cpu/isa/panel.h"
#include "device/cpu/isa/rows.h"
#include "device/cpu/product.h"

#include <omp.h>

/* KC and MC determine a thread's stack use: MC x KC floats of A and SIDE panels' pieces, 450 KB. */
enum { KC = 512, PANEL = RAML_PANEL_ROWS, VP = PANEL / NV /* vectors of a panel */ };
#if defined __AVX512F__
enum { MR = 12, PN = 2 };
#elif defined __AVX2__
enum { MR = 6, PN = 1 };
#else
enum { MR = 4, PN = 1 };
#endif
enum {
    MC = 192,         /* rows of a task */
    RUN = 16,         /* panels of a task, */
    RUN_COLUMNS = 64, /* and where A has to be packed for each */
    SIDE = 2,         /* panels expanded at once */
    BLOCK = 32,       /* k that are expanded together: pieces are made of them */
    FAR = 8           /* rows that are prefetched */
};

struct block { /* operands of one register block, at its piece of k */
    const float *a;
    size_t row, step; /* A's element (i, k) is at a[i row + k step] */
    const float *b;   /* the first panel's piece: [k][16] */
    size_t next;      /* from one panel's piece to the next */
    size_t k;
    float *c, *next_c; /* next_c: where the next block is, to be prefetched */
    size_t ldc;
    bool fresh;        /* C starts from 0 */
    const char *ahead; /* prefetched meanwhile, as many bytes as a panel's piece */
};

INLINE void block_run(const int R, const int P, const struct block *s)
{
    nv acc[MR][PN * VP];
    const size_t row = s->row, step = s->step, n = s->k;
    const float *restrict a = s->a, *restrict b = s->b, *restrict b1 = s->b + (P > 1 ? s->next : 0);
    const char *ahead = s->ahead;
    float *c = s->c;
    const size_t ldc = s->ldc;
    const bool fresh = s->fresh;
#pragma GCC unroll 12
    for (int i = 0; i < R; i++)
        for (int j = 0; j < P; j++) __builtin_prefetch(s->next_c + (size_t)i * ldc + (size_t)j * PANEL, 1);
#pragma GCC unroll 12
    for (int i = 0; i < R; i++)
#pragma GCC unroll 4
        for (int j = 0; j < P * VP; j++) acc[i][j] = fresh ? nv_set(0) : nv_load(c + (size_t)i * ldc + (size_t)j * NV);
#pragma GCC unroll 2 /* else the loop's own instructions cost a tenth of the time */
    for (size_t k = 0; k < n; k++) {
        nv v[PN * VP];
        __builtin_prefetch(ahead + k * PANEL * sizeof(float), 0, 2);
#pragma GCC unroll 4
        for (int j = 0; j < VP; j++) v[j] = nv_load(b + k * PANEL + (size_t)j * NV);
        if (P > 1) {
#pragma GCC unroll 4
            for (int j = 0; j < VP; j++) v[(PN - 1) * VP + j] = nv_load(b1 + k * PANEL + (size_t)j * NV);
        }
#pragma GCC unroll 12
        for (int i = 0; i < R; i++) {
            nv x = nv_set(a[(size_t)i * row + k * step]);
#pragma GCC unroll 4
            for (int j = 0; j < P * VP; j++) acc[i][j] = nv_fma(x, v[j], acc[i][j]);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < R; i++)
#pragma GCC unroll 4
        for (int j = 0; j < P * VP; j++) nv_store(c + (size_t)i * ldc + (size_t)j * NV, acc[i][j]);
}

/* R rows for a constant R, so that accumulators are registers. */
#define ROWS(R)                                                                                                        \
    case R:                                                                                                            \
        if ((R) <= MR) block_run((R) <= MR ? (R) : 1, P, s);                                                           \
        break

INLINE void block_rows(const int P, const struct block *s, size_t rows)
{
    switch (rows) {
        ROWS(1);
        ROWS(2);
        ROWS(3);
        ROWS(4);
        ROWS(5);
        ROWS(6);
#if defined __AVX512F__
        ROWS(7);
        ROWS(8);
        ROWS(9);
        ROWS(10);
        ROWS(11);
        ROWS(12);
#endif
    default: break;
    }
}
static __attribute__((noinline)) void block_one(const struct block *s, size_t rows)
{
    block_rows(1, s, rows);
}
static __attribute__((noinline)) void block_wide(const struct block *s, size_t rows)
{
    block_rows(PN, s, rows);
}

/* A piece of a panel whose last columns C does not have: computed in a copy. */
static void block_partial(const struct block *s, size_t rows, size_t columns)
{
    float edge[MR * PANEL];
    struct block t = *s;
    t.c = t.next_c = edge;
    t.ldc = PANEL;
    for (size_t i = 0; i < rows && !s->fresh; i++) memcpy(edge + i * PANEL, s->c + i * s->ldc, columns * sizeof *edge);
    block_one(&t, rows);
    for (size_t i = 0; i < rows; i++) memcpy(s->c + i * s->ldc, edge + i * PANEL, columns * sizeof *edge);
}

struct task {
    const struct raml_product *p;
    size_t row, rows, panel, panels, panel_bytes;
    float *a; /* packed rows of A, [rows / MR][KC][MR]; NULL: read in place */
    float *b; /* SIDE expanded pieces of panels */
};

/* A^T's rows [k0, k0 + n), MR columns side by side: element (i, k) of a block of r rows at [k][r]. A few k at a time
 * for all rows, so that what is read is in the first-level cache as long as it is needed. */
static void pack_a(const struct task *t, size_t k0, size_t n)
{
    enum { STEP = 16 };
    const struct raml_product *p = t->p;
    const float *from = p->a + k0 * p->lda + t->row;
    for (size_t k = 0; k < n; k += STEP) {
        size_t count = n - k < STEP ? n - k : STEP;
        if (k + STEP < n) /* the next ones are fetched meanwhile */
            for (size_t j = STEP; j < 2 * STEP && k + j < n; j++)
                for (size_t i = 0; i < t->rows; i += PANEL) __builtin_prefetch(from + (k + j) * p->lda + i);
        for (size_t i = 0; i < t->rows; i += MR) {
            size_t r = t->rows - i < MR ? t->rows - i : MR;
            const float *in = from + k * p->lda + i;
            float *out = t->a + i * n + k * r;
            if (r == MR)
                for (size_t j = 0; j < count; j++, in += p->lda, out += MR) memcpy(out, in, MR * sizeof *out);
            else
                for (size_t j = 0; j < count; j++, in += p->lda, out += r) memcpy(out, in, r * sizeof *out);
        }
    }
}

/* Columns [c0, c0 + PANEL count) of row-major B, rows [k0, k0 + n), as panels' pieces. */
static void copy_rows(const struct task *t, size_t c0, size_t count, size_t k0, size_t n)
{
    const struct raml_product *p = t->p;
    const float *in = (const float *)p->b + k0 * p->ldb + c0;
    size_t width = p->n - c0 < PANEL * count ? p->n - c0 : PANEL * count;
    for (size_t k = 0; k < n; k++, in += p->ldb) {
        float *out = t->b + k * PANEL;
        size_t c = 0;
        const float *soon = in + (k + FAR < n ? FAR * p->ldb : 0);
        for (size_t i = 0; i < width; i += PANEL) __builtin_prefetch(soon + i);
        for (; c + PANEL <= width; c += PANEL, out += KC * PANEL)
            for (size_t j = 0; j < VP; j++) nv_store(out + j * NV, nv_load(in + c + j * NV));
        if (c < width) {
            memset(out, 0, PANEL * sizeof *out);
            memcpy(out, in + c, (width - c) * sizeof *out);
        }
    }
}

/* Pieces [k0, k0 + n) of `count` panels from `panel` on: in place, or expanded in t->b. *next: from one to the next. */
static const float *pieces(const struct task *t, size_t panel, size_t count, size_t k0, size_t n, size_t *next)
{
    const struct raml_product *p = t->p;
    const char *at = (const char *)p->b + panel * t->panel_bytes;
    *next = KC * PANEL;
    if (p->ldb) {
        copy_rows(t, panel * PANEL, count, k0, n);
        return t->b;
    }
    if (p->type == RAML_TYPE_F32) {
        *next = t->panel_bytes / sizeof(float);
        return (const float *)(const void *)at + k0 * PANEL;
    }
    for (size_t i = 0; i < count; i++, at += t->panel_bytes)
        panel_expand_isa(p->type, at, k0, n, t->b + i * KC * PANEL);
    return t->b;
}

/* All rows of the task by `count` panels' pieces (1 or PN) from column c0 on. */
static void task_rows(const struct task *t, struct block *s, size_t c0, size_t count, size_t k0)
{
    const struct raml_product *p = t->p;
    size_t columns = p->n - c0, n = s->k;
    const char *ahead = s->ahead, *here = (const char *)s->b;
    float *top = p->c + t->row * p->ldc + c0;
    for (size_t i = 0; i < t->rows; i += MR) {
        size_t r = t->rows - i < MR ? t->rows - i : MR;
        s->ahead = i == 0 ? ahead : here; /* once; what is already cached costs next to nothing */
        s->a = t->a ? t->a + i * n : p->a + (t->row + i) * p->lda + k0;
        s->row = t->a ? 1 : p->lda;
        s->step = t->a ? r : 1;
        s->c = top + i * p->ldc;
        s->next_c = i + MR < t->rows ? s->c + MR * p->ldc : top + (columns > count * PANEL ? count * PANEL : 0);
        if (columns < PANEL) block_partial(s, r, columns);
        else if (count == PN) block_wide(s, r);
        else block_one(s, r);
    }
}

static void task_piece(const struct task *t, size_t k0, size_t n)
{
    const struct raml_product *p = t->p;
    if (t->a) pack_a(t, k0, n);
    for (size_t q = 0; q < t->panels; q += SIDE) {
        size_t next, side = t->panels - q < SIDE ? t->panels - q : SIDE;
        const float *b = pieces(t, t->panel + q, side, k0, n, &next);
        for (size_t i = 0; i < side;) {
            size_t c0 = (t->panel + q + i) * PANEL, count = side - i < PN || p->n - c0 < PN * PANEL ? 1 : PN;
            struct block s = {.b = b + i * next, .next = next, .k = n, .ldc = p->ldc, .fresh = !p->add && k0 == 0};
            s.ahead = (const char *)(s.b + count * next);
            task_rows(t, &s, c0, count, k0);
            i += count;
        }
    }
}

void product_isa(const struct raml_product *p)
{
    size_t panels = (p->n + PANEL - 1) / PANEL, row_blocks = (p->m + MC - 1) / MC;
    size_t mc = ((p->m + row_blocks - 1) / row_blocks + MR - 1) / MR * MR, run = p->a_columns ? RUN_COLUMNS : RUN;
    while (run > PN && row_blocks * ((panels + run - 1) / run) < 4 * (size_t)omp_get_max_threads()) run /= 2;
    size_t pieces_of_k = (p->k + KC - 1) / KC, blocks = (p->k + BLOCK - 1) / BLOCK;
    size_t piece = pieces_of_k ? (blocks + pieces_of_k - 1) / pieces_of_k * BLOCK : KC;
    size_t runs = (panels + run - 1) / run, tasks = row_blocks * runs;
#pragma omp parallel
    {
        float b[SIDE * KC * PANEL] __attribute__((aligned(64))), a[MC * KC] __attribute__((aligned(64)));
        struct task t = {.p = p, .panel_bytes = raml_panel_bytes(p->type, p->k), .a = p->a_columns ? a : NULL, .b = b};
#pragma omp for schedule(dynamic, 1)
        for (size_t i = 0; i < tasks; i++) {
            t.row = i / runs * mc;
            t.rows = p->m - t.row < mc ? p->m - t.row : mc;
            t.panel = i % runs * run;
            t.panels = panels - t.panel < run ? panels - t.panel : run;
            for (size_t k = 0; k < p->k; k += piece) task_piece(&t, k, p->k - k < piece ? p->k - k : piece);
        }
    }
}
