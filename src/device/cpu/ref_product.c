/* ref_product.c - the matrix product in simple loops. Contract: product.h.
 *
 * fmaf is one instruction where the processor has it, and a call of the C library elsewhere: the same number, later.
 */
#include "device/cpu/product.h"

#include <math.h>
#include <string.h>

enum { PIECE = 256 /* k worked on at once: whole blocks of every type */ };

/* The chains of row i of C and `width` columns over rows [k0, k0 + n) of B, which begin at b, `step` apart. */
typedef void chains(const struct raml_product *p, size_t i, size_t k0, size_t n, const float *b, size_t step,
                    float *sum, size_t width);

static inline __attribute__((always_inline)) void chains_of(const struct raml_product *p, size_t i, size_t k0, size_t n,
                                                            const float *b, size_t step, float *sum, size_t width)
{
    for (size_t k = 0; k < n; k++) {
        float a = p->a_columns ? p->a[(k0 + k) * p->lda + i] : p->a[i * p->lda + k0 + k];
        for (size_t j = 0; j < width; j++) sum[j] = fmaf(a, b[k * step + j], sum[j]);
    }
}

static void chains_any(const struct raml_product *p, size_t i, size_t k0, size_t n, const float *b, size_t step,
                       float *sum, size_t width)
{
    chains_of(p, i, k0, n, b, step, sum, width);
}

#if defined __x86_64__
static __attribute__((target("fma"))) void chains_fma(const struct raml_product *p, size_t i, size_t k0, size_t n,
                                                      const float *b, size_t step, float *sum, size_t width)
{
    chains_of(p, i, k0, n, b, step, sum, width);
}
#endif

static chains *best_chains(void)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("fma")) return chains_fma;
#endif
    return chains_any;
}

void raml_product_ref(const struct raml_product *p)
{
    size_t panels = (p->n + RAML_PANEL_ROWS - 1) / RAML_PANEL_ROWS;
    chains *add_to = best_chains();
    size_t bytes = p->ldb ? 0 : raml_panel_bytes(p->type, p->k);
#pragma omp parallel for schedule(static)
    for (size_t q = 0; q < panels; q++) {
        float piece[PIECE * RAML_PANEL_ROWS];
        size_t j0 = q * RAML_PANEL_ROWS, width = p->n - j0 < RAML_PANEL_ROWS ? p->n - j0 : RAML_PANEL_ROWS;
        for (size_t k0 = 0; k0 < p->k; k0 += PIECE) {
            size_t n = p->k - k0 < PIECE ? p->k - k0 : PIECE, step = RAML_PANEL_ROWS;
            const float *b = piece;
            if (p->ldb) {
                b = (const float *)p->b + k0 * p->ldb + j0;
                step = p->ldb;
            } else {
                raml_panel_ops_ref.expand(p->type, (const char *)p->b + q * bytes, k0, n, piece);
            }
            for (size_t i = 0; i < p->m; i++) {
                float sum[RAML_PANEL_ROWS] = {0}, *c = p->c + i * p->ldc + j0;
                if (p->add || k0) memcpy(sum, c, width * sizeof *c);
                add_to(p, i, k0, n, b, step, sum, width);
                memcpy(c, sum, width * sizeof *c);
            }
        }
    }
}
