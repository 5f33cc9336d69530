/* ref_product.c - the matrix product in plain loops. Contract: product.h. */
#include "device/cpu/product.h"

#include <math.h>

/* One element's chain over rows [k0, k0 + n) of B, of which column j stands at b[0], b[step], ... */
static float chain(const struct raml_product *p, size_t i, size_t k0, size_t n, const float *b, size_t step, float sum)
{
    for (size_t k = 0; k < n; k++) {
        float a = p->a_columns ? p->a[(k0 + k) * p->lda + i] : p->a[i * p->lda + k0 + k];
        sum = fmaf(a, b[k * step], sum);
    }
    return sum;
}

void raml_product_ref(const struct raml_product *p)
{
    size_t panels = (p->n + RAML_PANEL_ROWS - 1) / RAML_PANEL_ROWS;
    size_t bytes = p->ldb ? 0 : raml_panel_bytes(p->type, p->k);
#pragma omp parallel for schedule(static)
    for (size_t q = 0; q < panels; q++) {
        float piece[RAML_PANEL_PIECE * RAML_PANEL_ROWS];
        size_t j0 = q * RAML_PANEL_ROWS, width = p->n - j0 < RAML_PANEL_ROWS ? p->n - j0 : RAML_PANEL_ROWS;
        for (size_t k0 = 0; k0 < p->k; k0 += RAML_PANEL_PIECE) {
            size_t n = p->k - k0 < RAML_PANEL_PIECE ? p->k - k0 : RAML_PANEL_PIECE, step = RAML_PANEL_ROWS;
            const float *b = piece;
            if (p->ldb) {
                b = (const float *)p->b + k0 * p->ldb + j0;
                step = p->ldb;
            } else {
                raml_panel_ops_ref.expand(p->type, (const char *)p->b + q * bytes, k0, n, piece);
            }
            for (size_t i = 0; i < p->m; i++)
                for (size_t j = 0; j < width; j++) {
                    float *c = &p->c[i * p->ldc + j0 + j];
                    *c = chain(p, i, k0, n, b + j, step, p->add || k0 ? *c : 0.0f);
                }
        }
    }
}
