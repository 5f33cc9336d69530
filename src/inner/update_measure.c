/* update_measure.c - see update_measure.h. */
#include "inner/update_measure.h"

#include <math.h>

enum { ARRAYS = 6 }; /* of a place each: distance, step, turn, align, align_left, attainable */

const char *raml_update_matrix_name(enum raml_update_matrix m)
{
    static const char *const name[] = {"gate", "up", "down"};
    return m < RAML_UPDATE_MATRICES ? name[m] : "?";
}

void raml_update_gram(const double *uu, const double *ww, size_t n, double *g)
{
    for (size_t i = 0; i < n * n; i++) g[i] = uu[i] * ww[i];
}

size_t raml_update_measures_n(size_t n)
{
    return ARRAYS * n;
}

void raml_update_measures_set(struct raml_update_measures *m, double *own, size_t n)
{
    double **array[ARRAYS] = {&m->distance, &m->step, &m->turn, &m->align, &m->align_left, &m->attainable};
    *m = (struct raml_update_measures){.rank_updates = NAN, .rank_steps = NAN, .gradient_norm = NAN};
    for (size_t k = 0; k < ARRAYS; k++) *array[k] = own + k * n;
    for (size_t i = 0; i < ARRAYS * n; i++) own[i] = NAN;
}

/* <step i, step j> of steps from place i - 1 to i, i and j >= 1. */
static double step_dot(const double *g, size_t n, size_t i, size_t j)
{
    return g[i * n + j] - g[(i - 1) * n + j] - g[i * n + j - 1] + g[(i - 1) * n + j - 1];
}

static double root(double x)
{
    return x > 0 ? sqrt(x) : x <= 0 ? 0 : NAN; /* a square that rounding made negative is 0 */
}

static double angle(double dot, double a, double b) /* a, b: squares of the lengths */
{
    if (!(a > 0) || !(b > 0)) return NAN;
    return acos(fmax(-1, fmin(1, dot / sqrt(a) / sqrt(b))));
}

/* Participation (sum of eigenvalues)^2 / sum of their squares, which need no eigenvalues: (tr g)^2 / sum g_ij^2. */
static double participation(const double *g, size_t n, bool steps)
{
    double trace = 0, squares = 0;
    for (size_t i = steps; i < n; i++) {
        for (size_t j = steps; j < n; j++) {
            double v = steps ? step_dot(g, n, i, j) : g[i * n + j];
            squares += v * v;
            if (i == j) trace += v;
        }
    }
    return squares > 0 ? trace * trace / squares : NAN;
}

void raml_update_measure(const double *g, size_t n, double weight_norm, struct raml_update_measures *out)
{
    out->weight_norm = weight_norm;
    for (size_t i = 0; i < n; i++) out->distance[i] = root(g[i * n + i]) / weight_norm;
    for (size_t i = 1; i < n; i++) {
        double now = step_dot(g, n, i, i);
        out->step[i - 1] = root(now) / weight_norm;
        if (i + 1 < n) out->turn[i - 1] = angle(step_dot(g, n, i, i + 1), now, step_dot(g, n, i + 1, i + 1));
    }
    out->rank_updates = participation(g, n, false);
    out->rank_steps = participation(g, n, true);
}

void raml_update_align(const struct raml_update_products *p, size_t n, struct raml_update_measures *out)
{
    out->gradient_norm = p->gradient_norm;
    for (size_t i = 0; i < n; i++) {
        double u = p->u_norm[i], w = p->w_norm[i], left = p->left[i];
        out->attainable[i] = left / (w * p->gradient_norm);
        if (!(u > 0)) continue; /* a zero update has no direction */
        out->align_left[i] = -p->dot[i] / (u * left);
        out->align[i] = -p->dot[i] / (u * w * p->gradient_norm);
    }
}

void raml_update_align_sum(const double *dot, double gradient_norm, size_t n, struct raml_update_measures *out)
{
    out->gradient_norm = gradient_norm;
    for (size_t i = 0; i < n; i++) {
        double length = out->distance[i] * out->weight_norm;
        if (length > 0) out->align[i] = -dot[i] / (length * gradient_norm);
    }
}
