/* check.h - what the tests of this layer share: random numbers, bf16, guarded buffers, levels, bounds. Include after
 * cmocka's own. */
#ifndef RAML_TESTS_DEVICE_CHECK_H
#define RAML_TESTS_DEVICE_CHECK_H

#include "device/impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* -- Random numbers: a small separate generator, so that the tests depend on nothing but the device ---------------- */
static inline uint32_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}
static inline float draw_unit(uint64_t *state) /* [-1, 1) */
{
    return (float)draw(state) / 1073741824.0f - 1.0f;
}

/* -- Activations --------------------------------------------------------------------------------------------------- */
static inline float bf16_up(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
static inline uint16_t bf16_down(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1)) >> 16);
}
static inline size_t act_bytes(bool bf16)
{
    return bf16 ? 2 : 4;
}
static inline double act_at(bool bf16, const void *p, size_t i)
{
    return bf16 ? (double)bf16_up(((const uint16_t *)p)[i]) : (double)((const float *)p)[i];
}
static inline void act_put(bool bf16, void *p, size_t i, float x)
{
    if (bf16) ((uint16_t *)p)[i] = bf16_down(x);
    else ((float *)p)[i] = x;
}

/* -- Buffers with a border on each side: a write outside shows without a sanitizer too ------------------------------- */
enum { BORDER = 64 };
static inline void *guarded(size_t bytes)
{
    unsigned char *p = malloc(bytes + 2 * BORDER + sizeof(size_t));
    if (!p) abort();
    memset(p, 0xA5, bytes + 2 * BORDER);
    memcpy(p + bytes + 2 * BORDER, &bytes, sizeof bytes);
    return p + BORDER;
}
static inline void check_border(const void *p, size_t bytes)
{
    const unsigned char *before = (const unsigned char *)p - BORDER, *after = (const unsigned char *)p + bytes;
    for (int i = 0; i < BORDER; i++)
        if (before[i] != 0xA5 || after[i] != 0xA5) fail_msg("wrote outside its buffer (byte %d)", i);
}
static inline void drop(void *p, size_t bytes)
{
    check_border(p, bytes);
    free((unsigned char *)p - BORDER);
}
/* n random activations in [-scale, scale). */
static inline void *random_act(bool bf16, size_t n, float scale, uint64_t *state)
{
    void *p = guarded(n * act_bytes(bf16));
    for (size_t i = 0; i < n; i++) act_put(bf16, p, i, scale * draw_unit(state));
    return p;
}
static inline float *random_f32(size_t n, float scale, uint64_t *state)
{
    return random_act(false, n, scale, state);
}
static inline void *copy_of(const void *p, size_t bytes)
{
    void *q = guarded(bytes);
    memcpy(q, p, bytes);
    return q;
}

/* -- Bounds -------------------------------------------------------------------------------------------------------- */
/* got and want are [n, d]. Sums in f32 lose a share `rel` of the row's largest value (cancelled terms are of that
 * size); a bf16 output is rounded once on each side: they may be one unit, 2^-7 of the value, apart. NaN fails. */
static inline void check_rows(const char *what, bool bf16, const void *got, const void *want, size_t n, size_t d,
                              double rel)
{
    for (size_t r = 0; r < n; r++) {
        double most = 0;
        for (size_t i = 0; i < d; i++) {
            double w = fabs(act_at(bf16, want, r * d + i));
            if (w > most) most = w;
        }
        for (size_t i = 0; i < d; i++) {
            double g = act_at(bf16, got, r * d + i), w = act_at(bf16, want, r * d + i);
            double tol = rel * most + (bf16 ? fabs(w) / 128 : 0) + 1e-37;
            if (!(fabs(g - w) <= tol))
                fail_msg("%s: row %zu of %zu, column %zu of %zu: got %.9g, expected %.9g, bound %.2g", what, r, n, i, d,
                         g, w, tol);
        }
    }
}
static inline void check_same(const char *what, const void *got, const void *want, size_t bytes)
{
    if (bytes && memcmp(got, want, bytes)) fail_msg("%s: bits differ", what);
}

/* -- Levels -------------------------------------------------------------------------------------------------------- */
typedef void (*level_test)(const struct raml_ops *ops, bool bf16);
/* Calls the test for each level that this processor runs: in f32, and in bf16 where the level has its instructions. */
static inline void each_level(level_test test)
{
    static const char *const levels[] = {"ref", "base", "avx2", "avx512", "avx512bf16"};
    int done = 0;
    for (size_t i = 0; i < COUNT(levels); i++) {
        struct raml_err err = {0};
        struct raml_device *dev = NULL;
        if (raml_device_open(2, levels[i], &dev, &err)) {
            if (strcmp(levels[i], "base")) fprintf(stderr, "level %s not checked: %s\n", levels[i], err.msg);
            continue;
        }
        test(dev->ops, false);
        if (!strcmp(levels[i], "ref") || raml_device_has_bf16(dev)) test(dev->ops, true);
        raml_device_close(dev);
        done++;
    }
    assert_true(done >= 2); /* the reference and one that is fast */
}

#endif
