/* ref_rank.c - halves of low-rank products in simple loops. Contract: device/rank.h. */
#include "device/cpu/ref_rank.h"

#include "device/cpu/scalar.h"

#include <math.h>

static float get(const struct raml_rank_rows *f, size_t i, size_t j)
{
    size_t at = i * f->ldx + j;
    return f->type == RAML_TYPE_BF16 ? raml_act_up(((const uint16_t *)f->x)[at]) : ((const float *)f->x)[at];
}

void raml_ref_rank_down(const struct raml_rank_rows *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->rank; k++) {
            double sum = 0;
            for (size_t j = 0; j < f->K; j++) sum += (double)get(f, i, j) * (double)f->m[k * f->ldm + j];
            float *u = f->u + i * f->rank + k, value = (float)((double)f->scale * sum);
            *u = f->add ? *u + value : value;
        }
}

void raml_ref_rank_up(const struct raml_rank_rows *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t j = 0; j < f->K; j++) {
            float y = get(f, i, j);
            for (size_t k = 0; k < f->rank; k++) y = fmaf(f->u[i * f->rank + k], f->m[k * f->ldm + j], y);
            if (f->type == RAML_TYPE_BF16) ((uint16_t *)f->x)[i * f->ldx + j] = raml_act_down(y);
            else ((float *)f->x)[i * f->ldx + j] = y;
        }
}

void raml_ref_rank_grad(const struct raml_rank_rows *f)
{
    for (size_t k = 0; k < f->rank; k++)
        for (size_t j = 0; j < f->K; j++) {
            float *g = f->m + (f->columns ? j * f->ldm + k : k * f->ldm + j);
            for (size_t i = 0; i < f->n; i++) *g = fmaf(f->u[i * f->rank + k], get(f, i, j), *g);
        }
}

void raml_ref_rank_pick(const struct raml_rank_rows *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->rank; k++) f->u[i * f->rank + k] = f->scale * f->m[k * f->ldm + (size_t)f->token[i]];
}

void raml_ref_rank_put(const struct raml_rank_rows *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < f->rank; k++) f->m[k * f->ldm + (size_t)f->token[i]] += f->u[i * f->rank + k];
}
