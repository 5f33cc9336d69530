/* device.c - opening a device, its first failure, its memory for programs. See raml/device.h and impl.h. */
#include "device/impl.h"

#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Levels, strongest first; raml_cpu_usable asks the processor. */
static const struct raml_ops *const levels[] = {
#ifdef RAML_HAS_avx512bf16
    &raml_ops_avx512bf16,
#endif
#ifdef RAML_HAS_avx512
    &raml_ops_avx512,
#endif
#ifdef RAML_HAS_avx2
    &raml_ops_avx2,
#endif
#ifdef RAML_HAS_base
    &raml_ops_base,
#endif
    &raml_ops_ref,
};
enum { N_LEVELS = sizeof levels / sizeof *levels };

bool raml_cpu_usable(const char *level)
{
#if defined(__x86_64__)
    bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512cd");
    if (!strcmp(level, "avx512bf16")) return v4 && __builtin_cpu_supports("avx512bf16");
    if (!strcmp(level, "avx512")) return v4;
    if (!strcmp(level, "avx2")) return v3;
#endif
    return !strcmp(level, "base") || !strcmp(level, "ref");
}

static enum raml_code select_ops(const char *level, const struct raml_ops **out, struct raml_err *err)
{
    bool automatic = !level || !strcmp(level, "auto");
    for (int i = 0; i < N_LEVELS; i++) {
        if (!automatic && strcmp(level, levels[i]->level)) continue;
        if (raml_cpu_usable(levels[i]->level)) {
            *out = levels[i];
            return RAML_OK;
        }
        if (!automatic) return raml_fail(err, RAML_ESUPPORT, "this processor can't run level '%s'", level);
    }
    char known[128] = "auto";
    for (int i = 0; i < N_LEVELS; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), ", %s", levels[i]->level);
    return raml_fail(err, RAML_EUSAGE, "unknown kernel level '%s'; known: %s", level, known);
}

void raml_device_use(const struct raml_device *d)
{
    omp_set_num_threads(d->threads);
}

static int processors(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* A device without anything in it. */
static struct raml_device *new_device(const struct raml_backend *table)
{
    struct raml_device *d = calloc(1, sizeof *d);
    struct raml_fault *fault = calloc(1, sizeof *fault);
    if (!d || !fault) {
        free(d);
        free(fault);
        return NULL;
    }
    d->backend = table;
    d->fault = fault;
    return d;
}

enum raml_code raml_device_wrap(const struct raml_backend *table, void *own, struct raml_device **out,
                                struct raml_err *err)
{
    struct raml_device *d = new_device(table);
    if (!d) return raml_fail(err, RAML_ENOMEM, "no memory for the device");
    d->own = own;
    *out = d;
    return RAML_OK;
}

enum raml_code raml_device_open(int threads, const char *level, struct raml_device **out, struct raml_err *err)
{
    if (threads < 0 || threads > 4096)
        return raml_fail(err, RAML_EUSAGE, "threads: found %d, expected 0 (all) to 4096", threads);
    struct raml_device *d = new_device(&raml_cpu_backend);
    if (!d) return raml_fail(err, RAML_ENOMEM, "no memory for the device");
    d->threads = threads ? threads : processors();
    enum raml_code rc = select_ops(level, &d->ops, err);
    raml_device_use(d);
    if (!rc) rc = raml_cpu_open(d, err);
    if (rc) {
        raml_device_close(d);
        return rc;
    }
    *out = d;
    return RAML_OK;
}

void raml_device_close(struct raml_device *d)
{
    if (!d) return;
    d->backend->close(d);
    free(d->fault);
    free(d);
}

const struct raml_backend *raml_backend_of(const struct raml_device *d)
{
    return d->backend;
}

/* -- Failures ------------------------------------------------------------------------------------------------------ */
void raml_device_fault(const struct raml_device *d, enum raml_code rc, const struct raml_err *why)
{
    if (raml_device_failed(d)) return;
    d->fault->err = *why;
    d->fault->err.code = rc;
}

enum raml_code raml_device_fault_take(const struct raml_device *d, struct raml_err *err)
{
    enum raml_code rc = d->fault->err.code;
    if (rc && err) *err = d->fault->err;
    d->fault->err.code = RAML_OK;
    return rc;
}

enum raml_code raml_backend_settle(const struct raml_device *d, enum raml_code rc, struct raml_err *err)
{
    struct raml_err late = {0};
    enum raml_code failed = d->backend->sync(d, &late);
    if (failed && err) *err = late;
    return failed ? failed : rc;
}

enum raml_code raml_backend_square_sum(const struct raml_device *d, const float *x, size_t n, double *sum,
                                       struct raml_err *err)
{
    const struct raml_backend *b = d->backend;
    double *on_device = b->alloc(d, 1, sizeof *on_device);
    if (!on_device) return raml_fail(err, RAML_ENOMEM, "no memory for a norm");
    b->square_sum(d, on_device, x, n);
    b->download(d, sum, on_device, sizeof *sum);
    b->free(d, on_device);
    return b->sync(d, err);
}

/* -- What it is ---------------------------------------------------------------------------------------------------- */
int raml_device_threads(const struct raml_device *d)
{
    return d->backend->threads(d);
}

const char *raml_device_level(const struct raml_device *d)
{
    return d->backend->level(d);
}

bool raml_device_has_bf16(const struct raml_device *d)
{
    return d->backend->has(d, RAML_TYPE_BF16);
}

void raml_device_describe(const struct raml_device *d, struct raml_device_info *out)
{
    *out = (struct raml_device_info){
        .level = raml_device_level(d), .threads = raml_device_threads(d), .bf16 = raml_device_has_bf16(d)};
    d->backend->describe(d, out);
}

enum raml_code raml_device_peak(const struct raml_device *d, bool bf16, double *gflops, struct raml_err *err)
{
    return d->backend->peak(d, bf16 ? RAML_TYPE_BF16 : RAML_TYPE_F32, gflops, err);
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */
void *raml_array_new(const struct raml_device *d, size_t n, size_t size)
{
    return d->backend->alloc(d, n, size);
}

void raml_array_free(const struct raml_device *d, void *p)
{
    if (p) d->backend->free(d, p);
}

enum raml_code raml_array_write(const struct raml_device *d, void *to, const void *host, size_t bytes,
                                struct raml_err *err)
{
    d->backend->upload(d, to, host, bytes);
    return d->backend->sync(d, err);
}

enum raml_code raml_array_read(const struct raml_device *d, void *host, const void *from, size_t bytes,
                               struct raml_err *err)
{
    d->backend->download(d, host, from, bytes);
    return d->backend->sync(d, err);
}

enum raml_code raml_array_zero(const struct raml_device *d, void *to, size_t bytes, struct raml_err *err)
{
    d->backend->zero(d, to, bytes);
    return d->backend->sync(d, err);
}

enum raml_code raml_view_open(const struct raml_device *d, const void *from, size_t bytes, struct raml_view *out,
                              struct raml_err *err)
{
    *out = (struct raml_view){.data = d->backend->view(d, from)};
    if (out->data) return d->backend->sync(d, err);
    out->own = malloc(bytes ? bytes : 1);
    out->data = out->own;
    if (!out->own) return raml_fail(err, RAML_ENOMEM, "no memory for a copy of %zu bytes of the device's", bytes);
    return raml_array_read(d, out->own, from, bytes, err);
}

void raml_view_close(struct raml_view *v)
{
    free(v->own);
    *v = (struct raml_view){0};
}
