/* choice.c - see choice.h. */
#include "inner/choice.h"

#include "core/elementary.h"

#include <math.h>

static enum raml_code check(const double *const *loss, const size_t *length, size_t n_answers, size_t n_points,
                            struct raml_err *err)
{
    if (n_answers == 0) return raml_fail(err, RAML_ERANGE, "there is no answer to choose; expected at least one");
    for (size_t k = 0; k < n_answers; k++) {
        if (length[k] == 0) return raml_fail(err, RAML_ERANGE, "answer %zu has no token", k + 1);
        for (size_t i = 0; i < n_points; i++)
            if (!isfinite(loss[k][i]))
                return raml_fail(err, RAML_ERANGE, "answer %zu: loss number %zu is %g; expected a finite number", k + 1,
                                 i + 1, loss[k][i]);
    }
    return RAML_OK;
}

enum raml_code raml_choice(const double *const *loss, const size_t *length, size_t n_answers, size_t n_points,
                           enum raml_choice_by by, double *p, struct raml_err *err)
{
    enum raml_code rc = check(loss, length, n_answers, n_points, err);
    if (rc) return rc;
    for (size_t i = 0; i < n_points; i++, p += n_answers) {
        double max = -INFINITY, sum = 0;
        for (size_t k = 0; k < n_answers; k++) {
            p[k] = -loss[k][i] * (by == RAML_CHOICE_BY_SUM ? (double)length[k] : 1);
            max = fmax(max, p[k]);
        }
        for (size_t k = 0; k < n_answers; k++) sum += p[k] = raml_exp(p[k] - max);
        for (size_t k = 0; k < n_answers; k++) p[k] /= sum;
    }
    return RAML_OK;
}

double raml_commitment(const double *p, size_t n)
{
    double entropy = 0;
    if (n < 2) return NAN;
    for (size_t k = 0; k < n; k++)
        if (p[k] > 0) entropy -= p[k] * raml_log(p[k]);
    return 1 - entropy / raml_log((double)n);
}

size_t raml_choice_best(const double *p, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (p[k] > p[best]) best = k;
    return best;
}

/* Smallest i from which the last point's best answer is first and has p >= c; n_points: from none. */
static size_t stable_from(const double *p, size_t n_answers, size_t n_points, double c)
{
    size_t best = raml_choice_best(p + (n_points - 1) * n_answers, n_answers), i = n_points;
    while (i > 0) {
        const double *row = p + (i - 1) * n_answers;
        if (raml_choice_best(row, n_answers) != best || !(row[best] >= c)) break;
        i--;
    }
    return i;
}

size_t raml_choice_first_stable(const double *p, size_t n_answers, size_t n_points)
{
    return stable_from(p, n_answers, n_points, 0);
}

int64_t raml_choice_critical(const double *p, size_t n_answers, size_t n_points, double c)
{
    size_t i = stable_from(p, n_answers, n_points, c);
    return i < n_points ? (int64_t)i : -1;
}

double raml_choice_kl(const double *after, const double *before, size_t n)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        if (after[k] > 0) sum += after[k] * raml_log(after[k] / before[k]);
    return sum;
}
