/* blocks.h - elements of file tensors as f32 or bf16, whatever their type. One thread; no memory. */
#ifndef STORE_BLOCKS_H
#define STORE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is type one of enum raml_ggml_type, which are converted here? */
bool raml_blocks_known(uint32_t type);
#define RAML_BLOCKS_NAMES "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL or IQ4_XS"
/* The type in which the device keeps a known type: itself where it has kernels for it, else one that holds the same
 * numbers to the last bit (Q3_K in Q6_K, IQ4_NL in Q8_0, others in F32); and n elements of it, whole blocks, so kept. */
uint32_t raml_blocks_kept(uint32_t type);
void raml_blocks_keep(uint32_t type, const void *data, size_t n, void *out);
/* n elements, whole blocks of a known type, from data on (any alignment) to out. All are converted; the index of the
 * first that is not finite is returned, n when there is none. F32 keeps every bit. Numbers of a block that are a scale
 * times an integer are +0 when they are zero. */
size_t raml_blocks_f32(uint32_t type, const void *data, size_t n, float *out);
/* The same as bf16, rounded to nearest, ties to even; BF16 keeps every bit. Elements above bf16's largest number, which
 * round to infinity, count as not finite. */
size_t raml_blocks_bf16(uint32_t type, const void *data, size_t n, uint16_t *out);

/* n floats, whole blocks, as F32, F16, BF16 or Q8_0 (see gguf.h). All are converted; the index of the first that
 * the type cannot hold is returned (not finite, or beyond its range: it is then infinite, or the block is zero), n when
 * there is none. F32 keeps every bit. */
size_t raml_blocks_from_f32(uint32_t type, const float *x, size_t n, void *out);

#endif
