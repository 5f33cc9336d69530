/* npy.c - see npy.h. */
#include "store/npy.h"

#include "core/file.h"

#include <stdint.h>
#include <string.h>

enum { HEADER_MAX = 1 << 10, ALIGN = 64, BEFORE = 10 }; /* BEFORE: magic, version, length */

static void add_shape(struct raml_buf *b, const size_t *shape, size_t n_dims)
{
    raml_buf_adds(b, "(");
    for (size_t i = 0; i < n_dims; i++) raml_buf_addf(b, "%s%zu", i ? ", " : "", shape[i]);
    raml_buf_adds(b, n_dims == 1 ? ",)" : ")");
}

static enum raml_code add_values(struct raml_writer *w, const double *value, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        uint64_t bits;
        unsigned char byte[8];
        memcpy(&bits, &value[i], sizeof bits);
        for (size_t k = 0; k < sizeof byte; k++) byte[k] = (unsigned char)(bits >> 8 * k);
        rc = raml_writer_add(w, byte, sizeof byte, err);
    }
    return rc;
}

enum raml_code raml_npy_write(const char *path, const size_t *shape, size_t n_dims, const double *value,
                              struct raml_err *err)
{
    struct raml_buf header;
    struct raml_writer w = {0};
    size_t n = 1;
    if (n_dims > RAML_NPY_DIMS)
        return raml_fail(err, RAML_EUSAGE, "%s: an array of %zu dimensions; at most %d", path, n_dims, RAML_NPY_DIMS);
    for (size_t i = 0; i < n_dims; i++) n *= shape[i];
    raml_buf_init(&header, HEADER_MAX);
    raml_buf_adds(&header, "{'descr': '<f8', 'fortran_order': False, 'shape': ");
    add_shape(&header, shape, n_dims);
    raml_buf_adds(&header, ", }");
    for (size_t n_spaces = (ALIGN - (BEFORE + header.len + 1) % ALIGN) % ALIGN; n_spaces; n_spaces--)
        raml_buf_adds(&header, " ");
    raml_buf_adds(&header, "\n");
    const unsigned char before[BEFORE] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)header.len, (unsigned char)(header.len >> 8)};
    enum raml_code rc = raml_buf_status(&header, err);
    if (!rc) rc = raml_writer_init(&w, path, err);
    if (!rc) rc = raml_writer_add(&w, before, sizeof before, err);
    if (!rc) rc = raml_writer_add(&w, header.data, header.len, err);
    if (!rc) rc = add_values(&w, value, n, err);
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    raml_buf_deinit(&header);
    return rc;
}
