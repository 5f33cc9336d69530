/* cpu.h - what the sources of the processor's table share. */
#ifndef RAML_DEVICE_CPU_H
#define RAML_DEVICE_CPU_H

#include "device/impl.h"

struct raml_cpu {
    bool bf16;                                        /* products of bf16 activations exist, and were found good */
    bool tiles;                                       /* the processor has AMX, and oneDNN uses it */
    char distrust[128];                               /* what was found wrong with them; empty: nothing */
    struct raml_scratch transposed, parts, attention; /* for weight_grad; per-thread sums over rows; attention_back */
};

/* Whether the processor has AMX, the system lets this process use it, and oneDNN does too (ONEDNN_MAX_CPU_ISA). */
bool raml_cpu_may_use_tiles(void);

/* At least `bytes` of capacity; NULL, and the failure is kept, when there is no memory. */
void *raml_cpu_scratch(const struct raml_device *d, struct raml_scratch *r, size_t bytes, const char *what);

/* The kernels know two types of activations. */
static inline bool raml_is_bf16(enum raml_type act)
{
    return act == RAML_TYPE_BF16;
}
static inline const struct raml_ops *raml_cpu_ops(const struct raml_device *d)
{
    raml_device_use(d);
    return d->ops;
}

/* weight.c: weights and products. */
enum raml_code raml_cpu_weight_init(const struct raml_device *d, struct raml_matrix *w, enum raml_type act, size_t K,
                                    const struct raml_weight_part *part, size_t n_parts, bool backward,
                                    struct raml_err *err);
void raml_cpu_weight_deinit(const struct raml_device *d, struct raml_matrix *w);
enum raml_code raml_cpu_weight_set(const struct raml_device *d, struct raml_matrix *w, size_t row, size_t n,
                                   const void *host_rows, struct raml_err *err);
enum raml_code raml_cpu_weight_fill(const struct raml_device *d, struct raml_matrix *w, const float *value,
                                    struct raml_err *err);
size_t raml_cpu_weight_bytes(const struct raml_device *d, const struct raml_matrix *w);
void raml_cpu_forward(const struct raml_device *d, const struct raml_matrix *w, const void *x, enum raml_type x_type,
                      size_t n, void *y, enum raml_type y_type, bool add);
void raml_cpu_backward(const struct raml_device *d, const struct raml_matrix *w, const void *dy, enum raml_type type,
                       size_t n, void *dx, enum raml_type dx_type, bool add);
void raml_cpu_weight_grad(const struct raml_device *d, enum raml_type type, const void *dy, void *x, size_t n, size_t N,
                          size_t K, float *dw);
size_t raml_cpu_transposed_bytes(enum raml_type type, size_t n, size_t N); /* scratch bytes of weight_grad */

#endif
