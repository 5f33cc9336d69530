/* gguf.h - metadata and tensors of a model in one file (GGUF, the format of ggml and llama.cpp).
 *
 * File     magic "GGUF", u32 version, u64 tensor count, u64 metadata count; metadata (key, type, value); for each
 *          tensor name, dimensions, type and offset; padding; data. Little-endian. Strings: u64 length, bytes.
 *          Read: versions 2 and 3. Written: version 3. Source: ggml's docs/gguf.md.
 * Checked  everything a file claims, against its size, before use: counts, lengths, dimensions, types, offsets,
 *          alignment (a power of two from 8 on), duplicate keys and names, tensors that overlap. RAML_EFORMAT names the
 *          one. RAML_ESUPPORT: version 1, big-endian files, arrays of arrays, tensor types that are not listed below.
 * Shapes   in C order, the fastest dimension last: the reverse of the file's. Rows hold whole blocks.
 * Owner    an open file is memory-mapped; pointers into it stay valid until _close.
 * Threads  any number of readers of one open file.
 */
#ifndef RAML_GGUF_H
#define RAML_GGUF_H

#include "raml/err.h"
#include "raml/safetensors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* Types of metadata; the numbers are the file's. */
/* clang-format off */
enum raml_gguf_type {
    RAML_GGUF_U8, RAML_GGUF_I8, RAML_GGUF_U16, RAML_GGUF_I16, RAML_GGUF_U32, RAML_GGUF_I32, RAML_GGUF_F32,
    RAML_GGUF_BOOL, RAML_GGUF_STRING, RAML_GGUF_ARRAY, RAML_GGUF_U64, RAML_GGUF_I64, RAML_GGUF_F64, RAML_GGUF_N_TYPES
};
/* clang-format on */
const char *raml_gguf_type_name(enum raml_gguf_type t); /* "u8" … */

/* Types of tensors that are converted here; the numbers are the file's. Others have a name and a size only. */
/* clang-format off */
enum raml_ggml_type {
    RAML_GGML_F32 = 0, RAML_GGML_F16 = 1, RAML_GGML_Q4_0 = 2, RAML_GGML_Q4_1 = 3, RAML_GGML_Q5_0 = 6,
    RAML_GGML_Q5_1 = 7, RAML_GGML_Q8_0 = 8, RAML_GGML_Q2_K = 10, RAML_GGML_Q3_K = 11, RAML_GGML_Q4_K = 12,
    RAML_GGML_Q5_K = 13, RAML_GGML_Q6_K = 14, RAML_GGML_IQ4_NL = 20, RAML_GGML_IQ4_XS = 23, RAML_GGML_BF16 = 30
};
/* clang-format on */
const char *raml_ggml_type_name(uint32_t t);             /* "Q4_K" …, "unknown" */
size_t raml_ggml_block(uint32_t t, size_t *block_bytes); /* elements of a block; 0 for an unknown type */

enum { RAML_GGUF_MAX_DIMS = 4 };
struct raml_gguf_tensor {
    const char *name;
    uint32_t type;
    int n_dims; /* 0: one element */
    size_t shape[RAML_GGUF_MAX_DIMS];
    size_t n, bytes; /* elements; bytes of data */
    const void *data;
};

struct raml_gguf_string { /* not terminated by a zero byte, and may contain some */
    const char *bytes;
    size_t n;
};

struct raml_gguf_value {
    const char *key;             /* printable ASCII */
    enum raml_gguf_type type;    /* RAML_GGUF_ARRAY: of `element` */
    enum raml_gguf_type element; /* the same as type where that is not an array */
    size_t n;                    /* elements; 1 where type is not an array */
    const void *data;            /* as in the file, any alignment */
    const size_t *place;         /* of an array's strings: where each begins, from data; else NULL */
};

/* Is path a file (not a folder) whose name ends in .gguf? */
bool raml_is_gguf(const char *path);

/* Reading. Cost of _open: O(metadata bytes + tensors log tensors); data is not touched. */
struct raml_gguf;
RAML_CHECKED enum raml_code raml_gguf_open(const char *path, struct raml_gguf **out, struct raml_err *err);
void raml_gguf_close(struct raml_gguf *g);
const char *raml_gguf_path(const struct raml_gguf *g);
uint32_t raml_gguf_version(const struct raml_gguf *g);
size_t raml_gguf_alignment(const struct raml_gguf *g); /* general.alignment; 32 where the file has none */

size_t raml_gguf_n_values(const struct raml_gguf *g);
const struct raml_gguf_value *raml_gguf_value_at(const struct raml_gguf *g, size_t i);          /* file order */
const struct raml_gguf_value *raml_gguf_value_find(const struct raml_gguf *g, const char *key); /* NULL */
size_t raml_gguf_n_tensors(const struct raml_gguf *g);
const struct raml_gguf_tensor *raml_gguf_tensor_at(const struct raml_gguf *g, size_t i);           /* file order */
const struct raml_gguf_tensor *raml_gguf_tensor_find(const struct raml_gguf *g, const char *name); /* NULL */

/* One value. RAML_EFORMAT: the key is missing or has another type (an integer: any integer type; a real: F32 or F64).
 * RAML_ERANGE: an integer above INT64_MAX, a real that is not finite. Optional keys are looked up with _value_find. */
RAML_CHECKED enum raml_code raml_gguf_integer(const struct raml_gguf *g, const char *key, int64_t *out,
                                              struct raml_err *err);
RAML_CHECKED enum raml_code raml_gguf_real(const struct raml_gguf *g, const char *key, double *out,
                                           struct raml_err *err);
RAML_CHECKED enum raml_code raml_gguf_bool(const struct raml_gguf *g, const char *key, bool *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_gguf_string(const struct raml_gguf *g, const char *key, struct raml_gguf_string *out,
                                             struct raml_err *err);

/* The value of a key that is an array, for _element_*. RAML_EFORMAT: the key is missing or is not an array. */
RAML_CHECKED enum raml_code raml_gguf_array(const struct raml_gguf *g, const char *key,
                                            const struct raml_gguf_value **out, struct raml_err *err);
/* Element i of a value, an array or not. O(1). Errors as above, RAML_ERANGE also where i is not below v->n; they name
 * the key, not the file. */
RAML_CHECKED enum raml_code raml_gguf_element_integer(const struct raml_gguf_value *v, size_t i, int64_t *out,
                                                      struct raml_err *err);
RAML_CHECKED enum raml_code raml_gguf_element_real(const struct raml_gguf_value *v, size_t i, double *out,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_gguf_element_bool(const struct raml_gguf_value *v, size_t i, bool *out,
                                                   struct raml_err *err);
RAML_CHECKED enum raml_code raml_gguf_element_string(const struct raml_gguf_value *v, size_t i,
                                                     struct raml_gguf_string *out, struct raml_err *err);

/* t->n floats of a tensor of a type of enum raml_ggml_type. RAML_ESUPPORT names the tensor and its type where it is
 * another one. RAML_ERANGE: an element is not finite and require_finite is set. One thread. */
RAML_CHECKED enum raml_code raml_gguf_to_f32(const struct raml_gguf_tensor *t, float *out, bool require_finite,
                                             struct raml_err *err);

/* Writing */
struct raml_gguf_entry {
    const char *key;
    enum raml_gguf_type type;    /* RAML_GGUF_ARRAY: of element, n of them at data */
    enum raml_gguf_type element; /* of an array; not an array itself */
    size_t n;
    const void *data; /* C objects of the type: uint8_t, …, double, bool, struct raml_gguf_string */
};
struct raml_gguf_output {
    struct raml_tensor_view view; /* F32, BF16 or F16; at most RAML_GGUF_MAX_DIMS dimensions */
    enum raml_ggml_type type;     /* F32, BF16 or Q8_0 */
};
/* Writes version 3, alignment 32, atomically, entries and tensors in the order given. F32 to F32 and BF16 to BF16 keep
 * every bit. F32 to BF16 rounds to nearest, ties to even. Q8_0: per 32 elements of a row a scale = absmax / 127,
 * rounded to an f16 (up, where rounding to nearest would clip the largest element: scales below 2^-14), and the
 * nearest multiples of it; an error is at most half a scale. RAML_ERANGE: an element for Q8_0 is not finite, or its
 * magnitude is above 127 * 65504.
 * general.quantization_version 2 is added where a tensor is quantised and no entry gives it.
 * RAML_EUSAGE: two equal keys or names, an illegal one, general.alignment, a type that is not written.
 * RAML_ESHAPE: n is not the product of shape; rows of Q8_0 that are not a multiple of 32. */
RAML_CHECKED enum raml_code raml_gguf_write(const char *path, const struct raml_gguf_entry *entry, size_t n_entries,
                                            const struct raml_gguf_output *tensor, size_t n_tensors,
                                            struct raml_err *err);
/* The same, with rows (safetensors.h) in the file's own type, any that has a size: view.data and dtype are not
 * looked at. A type with blocks needs two dimensions and rows of whole blocks. Memory: a megabyte, or one row. */
RAML_CHECKED enum raml_code raml_gguf_write_rows(const char *path, const struct raml_gguf_entry *entry,
                                                 size_t n_entries, const struct raml_gguf_output *tensor,
                                                 size_t n_tensors, raml_rows_fn *rows, void *user,
                                                 struct raml_err *err);

#pragma GCC visibility pop
#endif
