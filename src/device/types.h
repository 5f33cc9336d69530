/* types.h - the types of arrays on a device: activations are F32 or BF16, weights any of them.
 *
 * Types from Q8_0 on come in blocks of consecutive elements of a row: a matrix [N, K] has N K / block of
 * them, row after row, as GGUF files lay them out.
 */
#ifndef RAML_DEVICE_TYPES_H
#define RAML_DEVICE_TYPES_H

#include <stddef.h>

enum raml_type {
    RAML_TYPE_F32,
    RAML_TYPE_BF16,
    RAML_TYPE_F16,
    RAML_TYPE_Q8_0,
    RAML_TYPE_Q4_0,
    RAML_TYPE_Q4_1,
    RAML_TYPE_Q5_0,
    RAML_TYPE_Q5_1,
    RAML_TYPE_Q4_K,
    RAML_TYPE_Q5_K,
    RAML_TYPE_Q6_K,
    RAML_TYPES /* how many there are */
};

const char *raml_type_name(enum raml_type t);   /* "F32", "Q4_K" */
size_t raml_type_block(enum raml_type t);       /* elements of a block; 1 where there are no blocks */
size_t raml_type_block_bytes(enum raml_type t); /* bytes of a block */
/* Bytes of n elements; n is a multiple of the block. */
size_t raml_type_bytes(enum raml_type t, size_t n);

#endif
