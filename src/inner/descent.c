/* descent.c - see descent.h. */
#include "inner/descent.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static enum raml_code check(const double *loss, size_t n, struct raml_err *err)
{
    if (n == 0) return raml_fail(err, RAML_ERANGE, "the loss curve is empty; expected T+1 values");
    for (size_t i = 0; i < n; i++)
        if (!isfinite(loss[i]))
            return raml_fail(err, RAML_ERANGE, "loss curve: L(%zu) is %g; expected a finite number", i, loss[i]);
    return RAML_OK;
}

/* Sorts x[0..n) upwards, bottom-up merge, and returns the number of pairs i < j that were x[i] < x[j] before.
 * Counted while merging: when an element of the left run is taken, every element left in the right run is not smaller,
 * and those equal to it must not count; so on ties the right run goes first. */
static uint64_t count_ascending(double *x, double *tmp, size_t n)
{
    uint64_t pairs = 0;
    for (size_t width = 1; width<n; width = width> n / 2 ? n : 2 * width) {
        for (size_t low = 0; low < n; low += 2 * width) {
            size_t mid = n - low < width ? n : low + width, high = n - mid < width ? n : mid + width;
            size_t i = low, j = mid;
            for (size_t k = low; k < high; k++) {
                if (i < mid && (j == high || x[i] < x[j])) {
                    pairs += high - j;
                    tmp[k] = x[i++];
                } else {
                    tmp[k] = x[j++];
                }
            }
            if (n - low <= 2 * width) break; /* low += 2 width could wrap */
        }
        memcpy(x, tmp, n * sizeof *x);
    }
    return pairs;
}

/* Kendall's tau-b of i and -L(i) after Knight (1966, JASA 61:436). Positions have no ties, so with n0 = n(n-1)/2 pairs,
 * n2 of them tied in L, A of them ascending in L: concordant - discordant = (n0 - n2 - A) - A. work: [2n]. */
static double tau_b(const double *loss, size_t n, double *work)
{
    uint64_t n0 = (uint64_t)n * (n - 1) / 2, n2 = 0;
    memcpy(work, loss, n * sizeof *loss);
    uint64_t ascending = count_ascending(work, work + n, n);
    for (size_t i = 0, run = 1; i < n; i++, run++) {
        if (i + 1 < n && work[i + 1] == work[i]) continue;
        n2 += (uint64_t)run * (run - 1) / 2;
        run = 0;
    }
    if (n0 == n2) return NAN;
    double diff = (double)(n0 - n2 - ascending) - (double)ascending;
    return diff / sqrt((double)n0 * (double)(n0 - n2));
}

static double share_after(int64_t i, size_t T) /* (T - i)/T */
{
    return i < 0 || T == 0 ? NAN : (double)(T - (size_t)i) / (double)T;
}

enum raml_code raml_descent(const double *loss, size_t n, double threshold, struct raml_descent *out,
                            struct raml_err *err)
{
    enum raml_code rc = check(loss, n, err);
    if (rc) return rc;
    if (n > UINT32_MAX) return raml_fail(err, RAML_ERANGE, "loss curve: %zu values; at most %u", n, UINT32_MAX);
    double *work = calloc(2 * n + 1, sizeof *work);
    if (!work) return raml_fail(err, RAML_ENOMEM, "no memory to rank a loss curve of %zu values", n);
    struct raml_descent d = {
        .n_steps = n - 1, .first = loss[0], .last = loss[n - 1], .solved_at = -1, .first_below = -1};
    double path = 0;
    size_t n_down = 0, solved = n, below = 0;
    for (size_t i = 1; i < n; i++) {
        double step = loss[i] - loss[i - 1];
        path += fabs(step);
        n_down += step <= 0;
    }
    while (solved > 0 && loss[solved - 1] < threshold) solved--;
    if (solved < n) d.solved_at = (int64_t)solved;
    while (below < n && !(loss[below] < threshold)) below++;
    if (below < n) d.first_below = (int64_t)below;
    d.share_after_solved = share_after(d.solved_at, n - 1);
    d.share_after_first_below = share_after(d.first_below, n - 1);
    d.total = d.first - d.last; /* NOLINT(clang-analyzer-*): check() has seen that n > 0 */
    d.monotonicity = n > 1 ? (double)n_down / (double)(n - 1) : NAN;
    d.efficiency = path > 0 ? d.total / path : NAN;
    d.tau_b = tau_b(loss, n, work);
    free(work);
    *out = d;
    return RAML_OK;
}

double raml_ema_weight(size_t n)
{
    double alpha = 2 / (1 + (double)n / 10);
    return alpha < 1 ? alpha : 1;
}

void raml_ema(const double *x, size_t n, double alpha, double *out)
{
    for (size_t i = 0; i < n; i++) out[i] = i ? alpha * x[i] + (1 - alpha) * out[i - 1] : x[i];
}

double raml_curve_at(const double *loss, size_t n, double x)
{
    double at = x * (double)(n - 1);
    if (!(at > 0)) return loss[0];
    if (at >= (double)(n - 1)) return loss[n - 1];
    size_t i = (size_t)at;
    double part = at - (double)i;
    return part == 0 ? loss[i] : (1 - part) * loss[i] + part * loss[i + 1];
}

enum raml_code raml_curve_mean_init(struct raml_curve_mean *m, size_t n_points, struct raml_err *err)
{
    if (n_points < 2 || n_points > RAML_CURVE_POINTS_MAX)
        return raml_fail(err, RAML_ERANGE, "mean curve: %zu points; expected 2 to %d", n_points, RAML_CURVE_POINTS_MAX);
    memset(m, 0, sizeof *m);
    m->n_points = n_points;
    return RAML_OK;
}

/* The question of the curves so far is complete. */
static void close_question(struct raml_curve_mean *m)
{
    for (size_t b = 0; b < m->n_points; b++) {
        m->squares[b] += m->open[b] * m->open[b];
        m->product[b] += m->n_open * m->open[b];
        m->open[b] = 0;
    }
    m->n_squares += m->n_open * m->n_open;
    m->n_open = 0;
}

static enum raml_code add_curve(struct raml_curve_mean *m, bool same, const double *loss, size_t n,
                                struct raml_err *err)
{
    enum raml_code rc = check(loss, n, err);
    if (rc) return rc;
    double count = (double)++m->n_curves;
    if (!same) close_question(m);
    m->n_questions += !same;
    m->n_open++;
    for (size_t b = 0; b < m->n_points; b++) {
        double v = raml_curve_at(loss, n, (double)b / (double)(m->n_points - 1));
        double off = v - m->mean[b];
        m->mean[b] += off / count;
        m->m2[b] += off * (v - m->mean[b]);
        if (m->n_curves == 1) m->from[b] = v;
        m->open[b] += v - m->from[b];
    }
    return RAML_OK;
}

enum raml_code raml_curve_mean_add(struct raml_curve_mean *m, const double *loss, size_t n, struct raml_err *err)
{
    return add_curve(m, false, loss, n, err);
}

enum raml_code raml_curve_mean_add_to(struct raml_curve_mean *m, uint64_t question, const double *loss, size_t n,
                                      struct raml_err *err)
{
    enum raml_code rc = add_curve(m, m->n_curves && m->question == question, loss, n, err);
    if (!rc) m->question = question;
    return rc;
}

/* se² of the mean at point b. */
static double variance(const struct raml_curve_mean *m, size_t b)
{
    double n = (double)m->n_curves, Q = (double)m->n_questions;
    if (m->n_questions < 2) return NAN;
    if (m->n_questions == m->n_curves) return m->m2[b] / (n - 1) / n;
    double mean = m->mean[b] - m->from[b], squares = m->squares[b] + m->open[b] * m->open[b];
    double product = m->product[b] + m->n_open * m->open[b], n_squares = m->n_squares + m->n_open * m->n_open;
    double sum = squares - 2 * mean * product + mean * mean * n_squares;
    return (sum > 0 ? sum : 0) * Q / (Q - 1) / (n * n);
}

void raml_curve_mean_read(const struct raml_curve_mean *m, double *x, double *mean, double *low, double *high)
{
    for (size_t b = 0; b < m->n_points; b++) {
        double half = 1.96 * sqrt(variance(m, b));
        x[b] = (double)b / (double)(m->n_points - 1);
        mean[b] = m->n_curves ? m->mean[b] : NAN;
        low[b] = mean[b] - half;
        high[b] = mean[b] + half;
    }
}
