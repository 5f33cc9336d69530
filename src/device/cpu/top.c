/* top.c - the largest logits of rows, one row per thread. See device/backend.h, raml_top_logits. */
#include "device/impl.h"

#include <math.h>

enum { LOOKED_AT = 32 }; /* logits that are compared at once with the smallest kept */

/* Puts a logit that is larger than the last of k where it belongs: after those that are not smaller. */
static void insert(float *logit, int32_t *token, size_t k, float z, int32_t at)
{
    size_t i = k - 1;
    for (; i > 0 && z > logit[i - 1]; i--) {
        logit[i] = logit[i - 1];
        token[i] = token[i - 1];
    }
    logit[i] = z;
    token[i] = at;
}

static void scan(float *logit, int32_t *token, size_t k, const float *z, size_t n, size_t v0)
{
    size_t j = 0;
    for (; j + LOOKED_AT <= n; j += LOOKED_AT) {
        int any = 0;
        for (size_t i = 0; i < LOOKED_AT; i++) any |= z[j + i] > logit[k - 1];
        for (size_t i = 0; any && i < LOOKED_AT; i++)
            if (z[j + i] > logit[k - 1]) insert(logit, token, k, z[j + i], (int32_t)(v0 + j + i));
    }
    for (; j < n; j++)
        if (z[j] > logit[k - 1]) insert(logit, token, k, z[j], (int32_t)(v0 + j));
}

void raml_cpu_top(const struct raml_top_logits *top, const struct raml_logits_tile *z, size_t n)
{
    size_t k = top->k;
    if (!k) return;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < n; r++) {
        float *logit = top->logit + r * k;
        int32_t *token = top->token + r * k;
        for (size_t i = 0; i < k && !z->v0; i++) {
            logit[i] = -INFINITY;
            token[i] = -1;
        }
        scan(logit, token, k, z->z + r * z->ld, z->v, z->v0);
    }
}
