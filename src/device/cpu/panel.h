/* panel.h - a weight matrix W [N, K] in the type of its file, laid out for products.
 *
 * Sixteen rows of W (outputs of y = x W^T) make a panel; it holds all their K elements in the file's type and with the
 * file's bits, so it takes as many bytes as in the file (rounded up to 64, so that each panel of an array starts a
 * cache line; missing rows of the last panel are zeros). Only the order differs: a kernel reads forward, and finds the
 * sixteen numbers of one k in sixteen 32-bit lanes. Lane c is row c everywhere:
 *   unit   64 bytes: sixteen lanes, each of consecutive k, the first in the lowest bits
 *   f16x16 32 bytes: one f16 per row
 *   F32    a unit for each k.   BF16: a unit for two k, the last one's upper half 0 where K is odd.   F16: f16x16 per k
 *   Q8_0   block of 32 k: f16x16 d; 8 units of 4 k, byte k % 4 = q + 128
 *   Q4_0   block of 32 k: f16x16 d; 4 units of 8 k: k % 8 = 0 to 3 in the low nibbles of bytes 0 to 3, 4 to 7 in the
 *          high ones
 *   Q4_1   the same after f16x16 d, f16x16 m
 *   Q5_0   f16x16 d, a unit of fifth bits, 4 units of nibbles: byte b of the first has k = 4 t + b in bit t
 *   Q5_1   the same after f16x16 d, f16x16 m
 *   Q4_K   block of 256 k: f16x16 d, f16x16 dmin; the 12 bytes of the scales in the lanes of 3 units; 8 groups of 32 k,
 *          each of 4 units of nibbles as above
 *   Q5_K   the same, before each group's nibbles a unit of fifth bits
 *   Q6_K   block of 256 k: f16x16 d; 16 times sixteen bytes, the scales of 16 k; 16 groups of 16 k: a unit of upper
 *          bits, bits 2 t, 2 t + 1 of byte b for k = 4 t + b, and 2 units of nibbles
 * Values   are those of the file's formula in f32, to the last bit, zeros being +0 where a value is d q:
 *          store/blocks.h, which the tests compare with this. Scales must be finite.
 * Errors   none: the caller checks sizes (K whole blocks, the type one of enum raml_type).
 * Threads  any number: there is no state.
 */
#ifndef RAML_DEVICE_CPU_PANEL_H
#define RAML_DEVICE_CPU_PANEL_H

#include "device/types.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    RAML_PANEL_ROWS = 16,
    RAML_SKINNY_ROWS = 8 /* rows of x, at most, of a skinny product */
};

size_t raml_panel_bytes(enum raml_type type, size_t K);
/* The panel of sixteen rows as the file has them (any alignment); NULL: a row of zeros. */
void raml_panel_pack(enum raml_type type, void *panel, const void *const row[RAML_PANEL_ROWS], size_t K);

/* y[r, 16 p + c] = sum over k of x[r, k] w_p[k, c]: each sum is one chain of fused multiply-adds over k = 0 .. K - 1 in
 * order, from 0 or from y. Bits do not depend on R, P, N or the level. One thread. */
struct raml_skinny_panels {
    enum raml_type type;
    size_t R, K;    /* 1 <= R <= RAML_SKINNY_ROWS */
    const float *x; /* [R, K], row stride ldx */
    size_t ldx;
    const void *panels; /* P = ceil(N / 16) of them, raml_panel_bytes(type, K) apart, the first aligned to 64 */
    size_t N;           /* outputs: columns of y */
    float *y;           /* [R, N], row stride ldy */
    size_t ldy;
    bool add; /* y += */
};

struct raml_panel_ops {
    /* out[i][c] = the element k0 + i of row c, i < n. k0: a multiple of 32; n: any (whole k). One thread. */
    void (*expand)(enum raml_type type, const void *panel, size_t k0, size_t n, float *out);
    void (*skinny)(const struct raml_skinny_panels *f);
    size_t side; /* panels that skinny takes side by side at most: whole multiples of it compute nothing twice */
};
/* Those of a level as named in struct raml_ops; "ref": simple loops. NULL: there is no such level in this build. */
const struct raml_panel_ops *raml_panel_ops(const char *level);
extern const struct raml_panel_ops raml_panel_ops_ref;

#endif
