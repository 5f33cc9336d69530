/* matmul_trial.c - can this build of oneDNN be trusted on this processor? See device/matmul.h.
 *
 * Known to go wrong: oneDNN 2.6 on AVX2, whose order of sums changes with the number of rows; 3.7 on AMD Zen 5, some of
 * whose f32 products of odd sizes are simply wrong. A few small products of such sizes are computed for several numbers
 * of rows; their rows must agree to the bit, and be correct.
 */
#include "device/matmul.h"

#include "core/half.h"
#include "device/impl.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 128, SHAPES = 3 };
static const struct {
    size_t N, K;
} shapes[SHAPES] = {{37, 12}, {130, 101}, {96, 224}};
static const size_t batches[] = {8, 24, 56, 64};

struct trial {
    struct raml_mm *mm;
    bool bf16;
    size_t N, K;
    float *w, *x, *all, *some; /* all, some: [ROWS, N] */
    void *x_act;
    char *why;
    size_t cap;
};

static float number(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return raml_from_bf16((uint16_t)((*state >> 16 & 0x87ffu) | 0x3800u)); /* 2^-15 to 2, either sign */
}

static bool correct(const struct trial *t)
{
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < t->N; c++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < t->K; k++) {
                double p = (double)t->x[r * t->K + k] * (double)t->w[c * t->K + k];
                sum += p;
                size += fabs(p);
            }
            if (!(fabs((double)t->all[r * t->N + c] - sum) <= (double)(t->K + 1) * 0x1p-23 * size)) return false;
        }
    return true;
}

static enum raml_verdict judge(const struct trial *t, enum raml_verdict verdict, size_t n, const char *what)
{
    char version[32];
    if (t->why)
        snprintf(t->why, t->cap, "%s: %s products of %zu x %zu x %zu %s", raml_mm_version(version, sizeof version),
                 t->bf16 ? "bf16" : "f32", n, t->N, t->K, what);
    return verdict;
}

static enum raml_verdict try_product(const struct trial *t, struct raml_weight *w)
{
    static const char *const cannot = "can't be made";
    size_t row = t->K * (t->bf16 ? 2 : 4);
    if (raml_weight_init(t->mm, w, t->N, t->K, t->bf16, false, NULL) || raml_weight_fill(t->mm, w, t->w, NULL) ||
        raml_mm_forward(t->mm, w, t->x_act, ROWS, t->all, true, false, NULL))
        return judge(t, RAML_MM_UNKNOWN, ROWS, cannot);
    if (!correct(t)) return judge(t, RAML_MM_BAD, ROWS, "are wrong");
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        size_t n = batches[i], first = ROWS - n;
        if (raml_mm_forward(t->mm, w, (const char *)t->x_act + first * row, n, t->some, true, false, NULL))
            return judge(t, RAML_MM_UNKNOWN, n, cannot);
        if (memcmp(t->some, t->all + first * t->N, n * t->N * sizeof *t->some))
            return judge(t, RAML_MM_BAD, n, "vary with the number of rows");
    }
    return RAML_MM_GOOD;
}

static enum raml_verdict try_shape(struct trial *t, const struct raml_ops *ops)
{
    uint32_t state = 1;
    enum raml_verdict verdict = RAML_MM_UNKNOWN;
    struct raml_weight w = {0};
    t->w = raml_device_alloc(t->N * t->K, sizeof *t->w);
    t->x = raml_device_alloc((ROWS + 256) * t->K, sizeof *t->x);
    t->all = raml_device_alloc((ROWS + 256) * t->N, sizeof *t->all);
    t->some = raml_device_alloc((ROWS + 256) * t->N, sizeof *t->some);
    void *half = raml_device_alloc((ROWS + 256) * t->K, sizeof(uint16_t));
    if (t->w && t->x && t->all && t->some && half && raml_mm_open(ops, &t->mm, NULL) == RAML_OK) {
        for (size_t k = 0; k < t->N * t->K; k++) t->w[k] = number(&state);
        for (size_t k = 0; k < (ROWS + 256) * t->K; k++) t->x[k] = number(&state);
        raml_round_bf16(half, t->x, (ROWS + 256) * t->K);
        t->x_act = t->bf16 ? half : (void *)t->x;
        verdict = try_product(t, &w);
    } else {
        judge(t, verdict, ROWS, "ran out of memory");
    }
    raml_weight_deinit(&w);
    raml_mm_close(t->mm);
    free(t->w);
    free(t->x);
    free(t->all);
    free(t->some);
    free(half);
    return verdict;
}

enum raml_verdict raml_mm_trial(const struct raml_ops *ops, bool bf16, char *why, size_t cap)
{
    enum raml_verdict verdict = RAML_MM_GOOD;
    for (size_t i = 0; i < SHAPES && verdict == RAML_MM_GOOD; i++) {
        struct trial t = {.bf16 = bf16, .N = shapes[i].N, .K = shapes[i].K, .cap = cap};
        t.why = why;
        verdict = try_shape(&t, ops);
    }
    return verdict;
}
