/* product.h - the matrix product in f32: C[m, n] (+)= A[m, k] B[k, n].
 *
 * Every element of C is one chain of fused multiply-adds, c = fma(a_k, b_k, c) for k = 0, 1, .. in order, from 0 or
 * from the value in C. So its bits depend only on its row of A and its column of B: not on m or n, on threads, on the
 * processor or its instruction set (with FMA); and a long sum may be split between calls.
 *
 * B comes in panels of 16 columns: for every k its 16 numbers side by side, 64 bytes in f32; columns beyond n exist,
 * with any finite numbers. Weights are kept like that, in f32 or in the file's type (device/cpu/panel.h). Or B is
 * row-major in f32, and is split into panels as it is read.
 * Cost  2 m n k FLOP; B's pieces are expanded or copied once for every 192 rows of A.    Threads  OpenMP's, all.
 */
#ifndef RAML_DEVICE_CPU_PRODUCT_H
#define RAML_DEVICE_CPU_PRODUCT_H

#include "device/cpu/panel.h"

#include <stdbool.h>
#include <stddef.h>

struct raml_product {
    size_t m, n, k;
    const float *a;
    size_t lda;
    bool a_columns; /* A is given transposed: element (i, k) at a[k lda + i]; else at a[i lda + k] */
    const void *b;
    enum raml_type type; /* of panels, which are raml_panel_bytes(type, k) apart */
    size_t ldb;          /* B is row-major f32, ldb elements a row; 0: panels */
    float *c;
    size_t ldc;
    bool add; /* C += */
};
void raml_product_ref(const struct raml_product *p); /* simple loops; each level's own is in its table (ops.h) */

#endif
