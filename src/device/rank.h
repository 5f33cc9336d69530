/* rank.h - the halves of low-rank products with rows of activations, both ways: what adapters (raml/lora.h) are made of.
 *
 *   down  u (+)= scale x m^T            up  x += u m            grad  m += u^T x
 *   pick  u = scale m[:, token]^T                               put   m[:, token] += u^T
 *
 * Bits: an element of x in up is one chain of fused multiply-adds over the ranks in order, from what is there, rounded
 * once to x's type; one of m in grad is such a chain over the rows; put adds in the order of rows. A dot product of
 * down is a sum of sixteen lanes. So results depend on neither threads nor on how rows are split between calls.
 */
#ifndef RAML_DEVICE_RANK_H
#define RAML_DEVICE_RANK_H

#include "device/types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raml_rank_rows {
    enum raml_type type;  /* of x: F32 or BF16 */
    void *x;              /* [n, K], rows ldx apart */
    const int32_t *token; /* pick and put, instead of x: [n], columns of m */
    size_t n, K, ldx, rank;
    float *m; /* [rank, K], rows ldm apart */
    size_t ldm;
    bool columns; /* grad: m is [K, rank] instead, rows ldm apart */
    float *u;     /* [n, rank] */
    float scale;
    bool add; /* down: u += */
};

#endif
