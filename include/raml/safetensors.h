/* safetensors.h - named tensors in a file (Hugging Face safetensors).
 *
 * File: u64 header length, JSON header {"name": {"dtype", "shape", "data_offsets"}, "__metadata__": {str: str}}, data;
 * little-endian. Everything a header claims is checked against the file's size before use: lengths, offsets, overlaps,
 * gaps, shape times element size, duplicate names, counts.
 * Alignment: the format asks for none; read data through raml_tensor_to_f32 or memcpy.
 * Ownership: an open file is memory-mapped; names and data pointers stay valid until _close.
 */
#ifndef RAML_SAFETENSORS_H
#define RAML_SAFETENSORS_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

/* clang-format off */
enum raml_dtype {
    RAML_F32, RAML_BF16, RAML_F16, RAML_I32, RAML_I64, RAML_U8, RAML_N_DTYPES,
    RAML_STORED = RAML_N_DTYPES /* not a type: each tensor's own, when a model is opened (model.h) */
};
/* clang-format on */
const char *raml_dtype_name(enum raml_dtype t); /* "F32" … as in the file */
size_t raml_dtype_size(enum raml_dtype t);

enum { RAML_MAX_DIMS = 8 };
struct raml_tensor_view {
    const char *name;
    enum raml_dtype dtype;
    int n_dims;
    size_t shape[RAML_MAX_DIMS];
    size_t n; /* elements */
    const void *data;
};

struct raml_safetensors;
RAML_CHECKED enum raml_code raml_safetensors_open(const char *path, struct raml_safetensors **out,
                                                  struct raml_err *err);
void raml_safetensors_close(struct raml_safetensors *s);
size_t raml_safetensors_count(const struct raml_safetensors *s);
const struct raml_tensor_view *raml_safetensors_at(const struct raml_safetensors *s, size_t i); /* file order */
const struct raml_tensor_view *raml_safetensors_find(const struct raml_safetensors *s, const char *name); /* NULL */
const char *raml_safetensors_metadata(const struct raml_safetensors *s, const char *key);                 /* NULL */

/* n floats of a view, converted from F32, BF16 or F16. RAML_ERANGE names the element when one is not finite and
 * require_finite is set; RAML_EFORMAT for other dtypes. */
RAML_CHECKED enum raml_code raml_tensor_to_f32(const struct raml_tensor_view *v, float *out, int require_finite,
                                               struct raml_err *err);

/* Writes tensors (in the order given, 64-byte aligned data start) atomically. meta: NULL or key, value, …, NULL. */
RAML_CHECKED enum raml_code raml_safetensors_write(const char *path, const struct raml_tensor_view *t, size_t n,
                                                   const char *const *meta, struct raml_err *err);

/* Files larger than memory: gives rows [row, row + n) of tensor i, in the file's type, at out. A row is the last
 * dimension; of a tensor with fewer than two dimensions, an element. Requested in order, each once. */
typedef enum raml_code raml_rows_fn(void *user, size_t i, size_t row, size_t n, void *out, struct raml_err *err);
/* The same file as _write's; t's data is not looked at. Memory: a megabyte, or one row. */
RAML_CHECKED enum raml_code raml_safetensors_write_rows(const char *path, const struct raml_tensor_view *t, size_t n,
                                                        const char *const *meta, raml_rows_fn *rows, void *user,
                                                        struct raml_err *err);

#pragma GCC visibility pop
#endif
