/* impl.h - what a device is made of; only for this layer. The layers above use backend.h. */
#ifndef RAML_DEVICE_IMPL_H
#define RAML_DEVICE_IMPL_H

#include "raml/device.h"

#include "device/backend.h"
#include "device/matmul.h"
#include "device/ops.h"

struct raml_fault { /* the first failure since the last sync */
    struct raml_err err;
};
struct raml_scratch { /* memory that grows; its contents do not outlive a function of the table */
    void *p;
    size_t bytes;
};
/* The processor as a device: threads and kernels of one level. */
struct raml_device {
    const struct raml_backend *backend;
    void *own; /* another backend's */
    struct raml_fault *fault;
    int threads;
    const struct raml_ops *ops;
    struct raml_mm *mm;
    struct raml_cpu *cpu; /* cpu/backend.c */
};

/* A device around a table that is not the processor's; its functions find `own` in it. */
RAML_CHECKED enum raml_code raml_device_wrap(const struct raml_backend *table, void *own, struct raml_device **out,
                                             struct raml_err *err);
/* Has there been a failure since the last sync? Then nothing more is done until the next. */
static inline bool raml_device_failed(const struct raml_device *d)
{
    return d->fault->err.code != RAML_OK;
}
/* Keeps a failure until the next sync, if it is the first. */
void raml_device_fault(const struct raml_device *d, enum raml_code rc, const struct raml_err *why);
/* The kept failure, which is then forgotten. */
RAML_CHECKED enum raml_code raml_device_fault_take(const struct raml_device *d, struct raml_err *err);

/* The processor's table, and what it keeps; raml_cpu_open sets d->cpu. */
extern const struct raml_backend raml_cpu_backend;
RAML_CHECKED enum raml_code raml_cpu_open(struct raml_device *d, struct raml_err *err);
bool raml_cpu_usable(const char *level); /* can this processor run it? */

/* From here on, this thread's parallel loops run on the device's number of threads: scratch space is divided and
 * products are compiled for it, and another device may have been opened since. Called at the start of whatever uses ops
 * or mm. */
void raml_device_use(const struct raml_device *d);

/* Zeroed memory aligned to 64; NULL when out of memory, or when more is requested than is free. free() it. */
void *raml_device_alloc(size_t n, size_t size);
void *raml_device_alloc_uninit(size_t n, size_t size); /* the same, uninitialised */
/* Could this many bytes be mapped now? Asked before a library is called that does not look whether its memory came. */
RAML_CHECKED enum raml_code raml_device_need(size_t bytes, const char *what, struct raml_err *err);

/* optim.c, sample_token.c, top.c, attention_sums.c: operations of the table for the processor, in plain C. */
void raml_cpu_adamw(const struct raml_adamw_factors *f, float *w, float *m, float *v, const float *g, size_t n);
void raml_cpu_adamw_back(const struct raml_adamw_factors *f, const float *dw, float *dm, float *dv, float *dg,
                         const float *m, const float *v, const float *g, size_t n);
double raml_cpu_square_sum(const float *g, size_t n);
void raml_cpu_combine(float *out, const float *base, float a, const float *x, float b, const float *y, size_t n);
void raml_cpu_sample(const struct raml_ops *ops, const struct raml_token_rows *r, struct raml_token_sampled *out);
void raml_cpu_top(const struct raml_top_logits *top, const struct raml_logits_tile *z, size_t n);
bool raml_cpu_attention_sums(const struct raml_attention_sums *a); /* false: out of memory */

#endif
