/* matmul.h - matrix products through oneDNN (2.6 and 3.x: matmul.c hides the difference): those of bf16 activations,
 * where the processor has instructions for them. Those in f32 are here for comparison (bench/product.c): raml's own are
 * in cpu/product.h.
 *
 * Activations are bf16 or f32 by a flag; sums are f32. Rows are processed in chunks from a short list of sizes (8 to
 * 64 in steps of 8, then powers of two up to 4096; only such as give the same bits), so that a handful of compiled
 * products serves any number of rows: buffers must be readable and writable up to raml_mm_rows(n) rows. Rows beyond n get garbage.
 * Cost      2 M N K FLOP.    Errors: RAML_ENOMEM, RAML_ESUPPORT (with oneDNN's status).
 */
#ifndef RAML_DEVICE_MATMUL_H
#define RAML_DEVICE_MATMUL_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

struct raml_device;
struct raml_mm; /* engine and compiled products of a device */
/* ops: whose skinny_gemm is used, where it gives the same bits. */
struct raml_ops;
RAML_CHECKED enum raml_code raml_mm_open(const struct raml_ops *ops, struct raml_mm **out, struct raml_err *err);
void raml_mm_close(struct raml_mm *mm);
const char *raml_mm_version(char *out, size_t cap); /* "oneDNN 2.6.3" */
bool raml_mm_has_bf16(struct raml_mm *mm);
bool raml_mm_has_amx(void); /* oneDNN uses AMX here (ONEDNN_MAX_CPU_ISA forbids it) */
/* Tries a few small products, for some milliseconds. Bad: their rows depend on how many there are, or are incorrect.
 * Unknown: they could not be made (no memory, no such product). why (NULL: not wanted) then names the first; good
 * leaves it as is. */
enum raml_verdict { RAML_MM_GOOD, RAML_MM_BAD, RAML_MM_UNKNOWN };
enum raml_verdict raml_mm_trial(const struct raml_ops *ops, bool bf16, char *why, size_t cap);
/* Is it good? As recorded in the user's cache folder ($XDG_CACHE_HOME/raml, else ~/.cache/raml) for this library and
 * processor; else by a trial, whose verdict is recorded there if it is good or bad. */
bool raml_mm_trusted(const struct raml_ops *ops, bool bf16, char *why, size_t cap);

/* n rounded up to what the chunks cover. */
size_t raml_mm_rows(size_t n);

/* A weight matrix W[N, K] (f32 outside) in the layout fastest for y = x W^T, and for backward also row-major. */
struct raml_weight {
    size_t N, K;
    bool bf16;
    void *packed;       /* oneDNN's blocked layout */
    void *row_major;    /* act [N, K]; NULL when not wanted */
    const void *layout; /* matmul.c's own */
    size_t bytes;
};
RAML_CHECKED enum raml_code raml_weight_init(struct raml_mm *mm, struct raml_weight *w, size_t N, size_t K, bool bf16,
                                             bool row_major, struct raml_err *err);
void raml_weight_deinit(struct raml_weight *w);
/* From values of w's own type (act, row-major [N, K]). */
RAML_CHECKED enum raml_code raml_weight_pack(struct raml_mm *mm, struct raml_weight *w, const void *act,
                                             struct raml_err *err);
/* From f32 values, rounded to bf16 where w is. */
RAML_CHECKED enum raml_code raml_weight_fill(struct raml_mm *mm, struct raml_weight *w, const float *value,
                                             struct raml_err *err);

/* y[n, N] = x[n, K] W^T.  y: act, or f32 when y_f32; add: y += (f32 only). */
RAML_CHECKED enum raml_code raml_mm_forward(struct raml_mm *mm, const struct raml_weight *w, const void *x, size_t n,
                                            void *y, bool y_f32, bool add, struct raml_err *err);
/* dx[n, K] = dy[n, N] W. Needs w->row_major. */
RAML_CHECKED enum raml_code raml_mm_backward(struct raml_mm *mm, const struct raml_weight *w, const void *dy, size_t n,
                                             void *dx, bool dx_f32, bool add, struct raml_err *err);
/* dw[N, K] += dyt[N, n_pad] x[n_pad, K], n_pad = raml_mm_rows(n); columns of dyt and finite rows of x beyond n: dyt 0.
 */
RAML_CHECKED enum raml_code raml_mm_weight_grad(struct raml_mm *mm, bool bf16, const void *dyt, const void *x, size_t n,
                                                size_t N, size_t K, float *dw, struct raml_err *err);
/* GFLOP/s of the best of several products of size 1024 and 2048. */
RAML_CHECKED enum raml_code raml_mm_peak(struct raml_mm *mm, bool bf16, double *gflops, struct raml_err *err);

#endif
