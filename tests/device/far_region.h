/* far_region.h - the memory of the far device and how its operations get in; read by far.c alone. */
#ifndef RAML_TESTS_DEVICE_FAR_REGION_H
#define RAML_TESTS_DEVICE_FAR_REGION_H

#include "device/impl.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Access changes in steps of a huge page, where there are any: 4096 bytes a step cost more than most operations. */
enum { REGION = 1 << 30, STEP = 2 << 20, MOST_BLOCKS = 1 << 16 };

struct block { /* in use, by rising address */
    size_t at, bytes;
};
struct far {
    struct raml_device *in; /* the processor at level ref */
    char *mapped, *base;    /* the region starts at a whole STEP of the mapping */
    size_t top;             /* bytes from base that have ever been in use: whole STEPs */
    size_t depth;           /* operations running */
    pthread_mutex_t lock;
    struct block *block;
    size_t n_blocks, fail_at, n_ops;
    bool failed;
};

static void protect(const struct far *f, int how)
{
    if (f->top && mprotect(f->base, f->top, how)) abort();
}

/* Opens the region; false: this operation fails. */
static bool enter(const struct raml_device *d, const char *what)
{
    struct far *f = d->own;
    pthread_mutex_lock(&f->lock);
    if (f->depth++ == 0) protect(f, PROT_READ | PROT_WRITE);
    if (raml_device_failed(d)) return false;
    if (++f->n_ops != f->fail_at) return true;
    struct raml_err why = {0};
    f->failed = true;
    raml_device_fault(d, raml_fail(&why, RAML_EIO, "far: operation '%s' fails as requested", what), &why);
    return false;
}

static void leave(const struct raml_device *d)
{
    struct far *f = d->own;
    if (--f->depth == 0) protect(f, PROT_NONE);
    pthread_mutex_unlock(&f->lock);
}

static bool is_inside(const struct far *f, const void *p)
{
    return (const char *)p >= f->base && (const char *)p < f->base + REGION;
}

/* Addresses of the device (NULL is none), or of the host. */
static void check_places(const struct raml_device *d, const char *what, bool inside, const void *const *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!p[i] || is_inside(d->own, p[i]) == inside) continue;
        fprintf(stderr, "far: %s: array %zu is in the memory of the %s\n", what, i, inside ? "host" : "device");
        abort();
    }
}
#define LIST(...) (const void *const[]){__VA_ARGS__}, sizeof((const void *const[]){__VA_ARGS__}) / sizeof(void *)

/* An operation on arrays of the device that returns nothing: checks them, opens the region, calls the processor's. */
#define RUN(d, op, arrays, ...)                                                                                        \
    do {                                                                                                               \
        check_places(d, #op, true, arrays);                                                                            \
        if (enter(d, #op)) raml_cpu_backend.op(((struct far *)(d)->own)->in, __VA_ARGS__);                             \
        leave(d);                                                                                                      \
    } while (0)

#endif
