/* device.h - the hardware that work runs on: processor, threads, instruction set.
 *
 * A device is opened once and passed in; there is no global state. It does one thing at a time: calls that compute with
 * it, or with a model or pass on it, come from one thread at a time. Levels, weakest first: "ref" (the reference,
 * every operation written out in loops, sums in double), "base" (the fast kernels in plain C, for any processor),
 * "avx2", "avx512", "avx512bf16"; "auto" takes the strongest that the processor supports. In f32 all but "ref" give the
 * same bits (docs/numerics.md). bf16 matrix products need "avx512bf16".
 */
#ifndef RAML_DEVICE_H
#define RAML_DEVICE_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)

struct raml_device;
/* threads: 0 takes every processor that this process may use. */
RAML_CHECKED enum raml_code raml_device_open(int threads, const char *level, struct raml_device **out,
                                             struct raml_err *err);
void raml_device_close(struct raml_device *d);
int raml_device_threads(const struct raml_device *d);
const char *raml_device_level(const struct raml_device *d);
bool raml_device_has_bf16(const struct raml_device *d);

/* -- Arrays in the device's memory ----------------------------------------------------------------------------------
 *
 * Weights, gradients, the optimizer's moments and logits live there. A program must not dereference these
 * pointers (on a processor it could; on other hardware there is nothing to read): it may do arithmetic on them, pass
 * them back, and copy. A failure is reported by the call, or by the next one that returns a code: a failure of the
 * device in earlier work is then reported too.
 */
void *raml_array_new(const struct raml_device *d, size_t n, size_t size); /* zeroed; NULL: no memory */
void raml_array_free(const struct raml_device *d, void *p);
RAML_CHECKED enum raml_code raml_array_write(const struct raml_device *d, void *to, const void *host, size_t bytes,
                                             struct raml_err *err);
RAML_CHECKED enum raml_code raml_array_read(const struct raml_device *d, void *host, const void *from, size_t bytes,
                                            struct raml_err *err);
RAML_CHECKED enum raml_code raml_array_zero(const struct raml_device *d, void *to, size_t bytes, struct raml_err *err);
/* The array for reading: the device's memory itself where the host can read it, otherwise a copy. Close it before the
 * array changes; _close accepts what a failed _open leaves. */
struct raml_view {
    const void *data;
    void *own; /* the copy */
};
RAML_CHECKED enum raml_code raml_view_open(const struct raml_device *d, const void *from, size_t bytes,
                                           struct raml_view *out, struct raml_err *err);
void raml_view_close(struct raml_view *v);

/* Bytes that can be allocated now without getting this or another program killed: what the system calls available, and
 * what a container's limit leaves. SIZE_MAX where neither is known. */
size_t raml_device_free_memory(void);

/* What doctor prints. */
struct raml_device_info {
    char cpu[64];
    const char *level;
    char matmul[32]; /* "oneDNN 2.6.3" */
    int threads;
    bool bf16;           /* activations can be bf16 */
    char distrust[128];  /* why not, where the processor could: the fault found in the products; else empty */
    size_t memory_bytes; /* of the machine */
};
void raml_device_describe(const struct raml_device *d, struct raml_device_info *out);
/* The fastest matrix product right now: GFLOP/s of a 1024^3 product (best of several), for shares of peak. */
RAML_CHECKED enum raml_code raml_device_peak(const struct raml_device *d, bool bf16, double *gflops,
                                             struct raml_err *err);

#pragma GCC visibility pop
#endif
