/* npy.h - an array as NumPy's .npy file: version 1.0, little-endian doubles, C order.
 *
 * File: "\x93NUMPY", 1, 0, u16 length of the header, the header (a Python dictionary with descr, fortran_order and shape,
 * padded with spaces and closed by a newline so that data begin at a multiple of 64), data.
 */
#ifndef RAML_STORE_NPY_H
#define RAML_STORE_NPY_H

#include "raml/err.h"

#include <stddef.h>

enum { RAML_NPY_DIMS = 4 };
/* value: the product of shape[0 .. n_dims), at most RAML_NPY_DIMS of them (RAML_EUSAGE). Whole or not at all. */
RAML_CHECKED enum raml_code raml_npy_write(const char *path, const size_t *shape, size_t n_dims, const double *value,
                                           struct raml_err *err);

#endif
