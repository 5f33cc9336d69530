/* matrix.c - weights and products of the table, over matmul.h. See device/backend.h. */
#include "device/cpu/cpu.h"

#include <stdlib.h>
#include <string.h>

struct own { /* of a raml_matrix */
    struct raml_weight w;
    size_t n_parts, end[RAML_WEIGHT_PARTS]; /* row behind each part */
    char *rows;                             /* those that were set, until all are there */
    size_t n_set;
};

static enum raml_code check_parts(const struct raml_weight_part *part, size_t n_parts, struct raml_err *err)
{
    for (size_t i = 0; i < n_parts; i++)
        if (part[i].type != part[0].type || part[i].type > RAML_TYPE_BF16)
            return raml_fail(err, RAML_ESUPPORT, "weights of type %s and %s in one matrix: this device takes F32 or BF16",
                             raml_type_name(part[0].type), raml_type_name(part[i].type));
    return RAML_OK;
}

enum raml_code raml_cpu_weight_init(const struct raml_device *d, struct raml_matrix *w, size_t K,
                                    const struct raml_weight_part *part, size_t n_parts, bool backward,
                                    struct raml_err *err)
{
    enum raml_code rc = check_parts(part, n_parts, err);
    if (rc) return rc;
    struct own *o = calloc(1, sizeof *o);
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for a weight matrix");
    size_t N = 0;
    for (size_t i = 0; i < n_parts; i++) o->end[i] = N += part[i].n;
    o->n_parts = n_parts;
    raml_device_use(d);
    rc = raml_weight_init(d->mm, &o->w, N, K, raml_is_bf16(part[0].type), backward, err);
    if (rc) {
        free(o);
        return rc;
    }
    *w = (struct raml_matrix){.N = N, .K = K, .own = o};
    return RAML_OK;
}

void raml_cpu_weight_deinit(const struct raml_device *d, struct raml_matrix *w)
{
    struct own *o = w->own;
    (void)d;
    if (o) {
        raml_weight_deinit(&o->w);
        free(o->rows);
        free(o);
    }
    *w = (struct raml_matrix){0};
}

enum raml_code raml_cpu_weight_set(const struct raml_device *d, struct raml_matrix *w, size_t row, size_t n,
                                   const void *host_rows, struct raml_err *err)
{
    struct own *o = w->own;
    size_t bytes = w->K * (o->w.bf16 ? 2 : 4);
    raml_device_use(d);
    if (row == 0 && n == w->N) return raml_weight_pack(d->mm, &o->w, host_rows, err);
    if (!o->rows) o->rows = raml_device_room(w->N, bytes);
    if (!o->rows) return raml_fail(err, RAML_ENOMEM, "no memory to lay out a matrix of %zu x %zu", w->N, w->K);
    memcpy(o->rows + row * bytes, host_rows, n * bytes);
    o->n_set += n;
    if (o->n_set < w->N) return RAML_OK;
    enum raml_code rc = raml_weight_pack(d->mm, &o->w, o->rows, err);
    free(o->rows);
    o->rows = NULL;
    o->n_set = 0;
    return rc;
}

enum raml_code raml_cpu_weight_fill(const struct raml_device *d, struct raml_matrix *w, const float *value,
                                    struct raml_err *err)
{
    struct own *o = w->own;
    raml_device_use(d);
    return raml_weight_fill(d->mm, &o->w, value, err);
}

size_t raml_cpu_weight_bytes(const struct raml_device *d, const struct raml_matrix *w)
{
    const struct own *o = w->own;
    (void)d;
    return o ? o->w.bytes : 0;
}

void raml_cpu_forward(const struct raml_device *d, const struct raml_matrix *w, const void *x, enum raml_type x_type,
                      size_t n, void *y, enum raml_type y_type, bool add)
{
    if (raml_device_failed(d)) return;
    const struct own *o = w->own;
    struct raml_err why = {0};
    (void)x_type; /* the weight's, as matmul.h wants it */
    raml_device_use(d);
    enum raml_code rc = raml_mm_forward(d->mm, &o->w, x, n, y, y_type == RAML_TYPE_F32, add, &why);
    if (rc) raml_device_fault(d, rc, &why);
}

void raml_cpu_backward(const struct raml_device *d, const struct raml_matrix *w, const void *dy, enum raml_type type,
                       size_t n, void *dx, enum raml_type dx_type, bool add)
{
    if (raml_device_failed(d)) return;
    const struct own *o = w->own;
    struct raml_err why = {0};
    (void)type;
    raml_device_use(d);
    enum raml_code rc = raml_mm_backward(d->mm, &o->w, dy, n, dx, dx_type == RAML_TYPE_F32, add, &why);
    if (rc) raml_device_fault(d, rc, &why);
}

size_t raml_cpu_transposed_bytes(enum raml_type type, size_t n, size_t N)
{
    return raml_mm_rows(n) * N * raml_type_block_bytes(type);
}

void raml_cpu_weight_grad(const struct raml_device *d, enum raml_type type, const void *dy, void *x, size_t n, size_t N,
                          size_t K, float *dw)
{
    if (raml_device_failed(d)) return;
    struct raml_err why = {0};
    size_t pad = raml_mm_rows(n), size = raml_type_block_bytes(type);
    void *t = raml_cpu_room(d, &d->cpu->transposed, raml_cpu_transposed_bytes(type, n, N), "a transposed gradient");
    if (!t) return;
    memset((char *)x + n * K * size, 0, (pad - n) * K * size); /* the product reads them, times 0 */
    raml_cpu_ops(d)->transpose(raml_is_bf16(type), t, dy, n, N, pad);
    enum raml_code rc = raml_mm_weight_grad(d->mm, raml_is_bf16(type), t, x, n, N, K, dw, &why);
    if (rc) raml_device_fault(d, rc, &why);
}
