/* optim.c - AdamW's element-wise step, sums of scaled arrays, a gradient's square sum. See device/backend.h.
 *
 * Both are bound by memory: one pass, no branches, pieces of PIECE elements that threads take whole. A piece is
 * processed in the same way whichever thread takes it, so results do not depend on the number of threads. Compiled with
 * -O3 and -ffp-contract=off: nor do they depend on what the compiler would fuse.
 */
#include "device/impl.h"

#include <math.h>

enum { PIECE = 1 << 14 }; /* elements: 64 KiB of each of the four arrays, within a second-level cache */

/* keep is 1 where no decay applies: multiplying by 1 is exact, so one loop serves both. */
static void update(float *restrict w, float *restrict m, float *restrict v, const float *restrict g, size_t n,
                   const struct raml_adamw_factors *f)
{
    const float b1 = f->beta1, b2 = f->beta2, c1 = f->one_beta1, c2 = f->one_beta2, scale = f->scale;
    const float step = f->step, root = f->root, epsilon = f->epsilon, keep = f->keep;
#pragma omp simd
    for (size_t i = 0; i < n; i++) {
        float gi = g[i] * scale;
        float mi = b1 * m[i] + c1 * gi;
        float vi = b2 * v[i] + c2 * (gi * gi);
        m[i] = mi;
        v[i] = vi;
        w[i] = w[i] * keep - step * mi / (sqrtf(vi) * root + epsilon);
    }
}

void raml_cpu_adamw(const struct raml_adamw_factors *f, float *w, float *m, float *v, const float *g, size_t n)
{
    const int64_t n_pieces = (int64_t)((n + PIECE - 1) / PIECE);
#pragma omp parallel for schedule(static) if (n_pieces > 1)
    for (int64_t i = 0; i < n_pieces; i++) {
        size_t at = (size_t)i * PIECE, left = n - at;
        update(w + at, m + at, v + at, g + at, left < PIECE ? left : PIECE, f);
    }
}

/* w' = w - step m' / below,  below = sqrt(v') root + eps. Where v' is 0, so is m', and the slope by v' has no limit: 0. */
static void update_back(const float *restrict dw, float *restrict dm, float *restrict dv, float *restrict dg,
                        const float *restrict m, const float *restrict v, const float *restrict g, size_t n,
                        const struct raml_adamw_factors *f)
{
    const float b1 = f->beta1, b2 = f->beta2, c1 = f->one_beta1, c2 = f->one_beta2;
    const float step = f->step, root = f->root, epsilon = f->epsilon;
    for (size_t i = 0; i < n; i++) {
        float mi = b1 * m[i] + c1 * g[i], size = sqrtf(b2 * v[i] + c2 * (g[i] * g[i]));
        float slope = dw[i] * step / (size * root + epsilon);
        float by_m = dm[i] - slope, by_v = dv[i];
        if (size > 0) by_v += slope * (mi / size) * root / (2 * (size * root + epsilon));
        dg[i] = c1 * by_m + 2 * c2 * g[i] * by_v;
        dm[i] = b1 * by_m;
        dv[i] = b2 * by_v;
    }
}

void raml_cpu_adamw_back(const struct raml_adamw_factors *f, const float *dw, float *dm, float *dv, float *dg,
                         const float *m, const float *v, const float *g, size_t n)
{
    const int64_t n_pieces = (int64_t)((n + PIECE - 1) / PIECE);
#pragma omp parallel for schedule(static) if (n_pieces > 1)
    for (int64_t i = 0; i < n_pieces; i++) {
        size_t at = (size_t)i * PIECE, left = n - at < PIECE ? n - at : PIECE;
        update_back(dw + at, dm + at, dv + at, dg + at, m + at, v + at, g + at, left, f);
    }
}

static void add_one(float *out, const float *base, float a, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = base[i] + a * x[i];
}

static void add_two(float *out, const float *base, float a, const float *x, float b, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = (base[i] + a * x[i]) + b * y[i];
}

void raml_cpu_combine(float *out, const float *base, float a, const float *x, float b, const float *y, size_t n)
{
    const int64_t n_pieces = (int64_t)((n + PIECE - 1) / PIECE);
#pragma omp parallel for schedule(static) if (n_pieces > 1)
    for (int64_t i = 0; i < n_pieces; i++) {
        size_t at = (size_t)i * PIECE, left = n - at < PIECE ? n - at : PIECE;
        if (y) add_two(out + at, base + at, a, x + at, b, y + at, left);
        else add_one(out + at, base + at, a, x + at, left);
    }
}

/* Eight running sums in double, joined in a fixed order. */
static double piece_square(const float *restrict g, size_t n)
{
    double s[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) s[k] += (double)g[i + k] * (double)g[i + k];
    for (; i < n; i++) s[0] += (double)g[i] * (double)g[i];
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

double raml_cpu_square_sum(const float *g, size_t n)
{
    enum { GROUP = 64 }; /* pieces whose sums are kept before they are added in order: no allocation, any n */
    double sum = 0.0, part[GROUP];
    for (size_t at = 0; at < n; at += (size_t)GROUP * PIECE) {
        size_t left = n - at;
        int64_t n_pieces = left < (size_t)GROUP * PIECE ? (int64_t)((left + PIECE - 1) / PIECE) : GROUP;
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < n_pieces; i++) {
            size_t from = (size_t)i * PIECE, rest = left - from;
            part[i] = piece_square(g + at + from, rest < PIECE ? rest : PIECE);
        }
        for (int64_t i = 0; i < n_pieces; i++) sum += part[i];
    }
    return sum;
}
