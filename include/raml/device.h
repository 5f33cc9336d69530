/* device.h - the hardware that work runs on: processor, threads, instruction set.
 *
 * A device is opened once and passed in; there is no global state. Levels, weakest first: "ref" (the plain reference,
 * every operation written out in loops), "avx2", "avx512", "avx512bf16"; "auto" takes the strongest that the processor
 * has. bf16 matrix products need "avx512bf16".
 */
#ifndef RAML_DEVICE_H
#define RAML_DEVICE_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

struct raml_device;
/* threads: 0 takes every processor that this process may use. */
RAML_CHECKED enum raml_code raml_device_open(int threads, const char *level, struct raml_device **out,
                                             struct raml_err *err);
void raml_device_close(struct raml_device *d);
int raml_device_threads(const struct raml_device *d);
const char *raml_device_level(const struct raml_device *d);
bool raml_device_has_bf16(const struct raml_device *d);

/* First thing in a program's main, with its argv: starts the program anew, once, with GNU OpenMP told to let waiting
 * threads sleep sooner than it does by itself (10,000 turns of its loop instead of 300,000). On an idle machine that
 * changes nothing; where something else wants the processors too, spinning takes them from who is waited for. Does
 * nothing where OMP_WAIT_POLICY or GOMP_SPINCOUNT is set, and returns where it can't. */
void raml_device_share_processors(char **argv);

/* out[i] = exp((z[i] - top) scale), for top the largest of z and scale >= 0: relative error below 6e-6, and 0 below
 * e^-87; returns their sum. part (NULL: not wanted): the sums of parts of RAML_DEVICE_PART elements, which add up to
 * it in order; room for n / RAML_DEVICE_PART + 1. On the calling thread. */
enum { RAML_DEVICE_PART = 4096 };
double raml_device_exp(const struct raml_device *d, float *out, const float *z, size_t n, float top, float scale,
                       double *part);
float raml_device_top(const struct raml_device *d, const float *z, size_t n); /* the largest of n >= 1; NaN if one is */

/* Bytes that can be taken now without ending other programs or this one: what the system calls available, and what a
 * container's limit leaves. SIZE_MAX where neither tells. */
size_t raml_device_free_memory(void);

/* What doctor tells. */
struct raml_device_info {
    char cpu[64];
    const char *level;
    char matmul[32]; /* "oneDNN 2.6.3" */
    int threads;
    bool bf16;
    size_t memory_bytes; /* of the machine */
};
void raml_device_describe(const struct raml_device *d, struct raml_device_info *out);
/* The best matrix product of this moment: GFLOP/s of a 1024^3 product (best of several), for shares of peak. */
RAML_CHECKED enum raml_code raml_device_peak(const struct raml_device *d, bool bf16, double *gflops,
                                             struct raml_err *err);
#endif
