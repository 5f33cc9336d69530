/* regret.c - see regret.h. */
#include "inner/regret.h"

#include "core/elementary.h"

#include <math.h>

static enum raml_code check(const double *loss, const uint32_t *at, size_t n, size_t n_answer, double budget,
                            struct raml_err *err)
{
    if (n == 0 || n_answer == 0)
        return raml_fail(err, RAML_ERANGE,
                         "regret: a curve of %zu points for an answer of %zu tokens; expected at least 1", n, n_answer);
    if (!(budget > 0) || !isfinite(budget))
        return raml_fail(err, RAML_ERANGE, "regret: the budget is %g tokens; expected a positive number", budget);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(loss[i]) || loss[i] < 0)
            return raml_fail(err, RAML_ERANGE, "regret: loss number %zu is %g; expected a finite number, 0 or more",
                             i + 1, loss[i]);
        if (i && at[i] <= at[i - 1])
            return raml_fail(err, RAML_ERANGE, "regret: place number %zu is %u after %u; expected rising places", i + 1,
                             (unsigned)at[i], (unsigned)at[i - 1]);
    }
    return RAML_OK;
}

enum raml_code raml_regret(const double *loss, const uint32_t *at, size_t n, size_t n_prefix, size_t n_answer,
                           double budget, struct raml_regret *out, struct raml_err *err)
{
    return raml_regret_of(loss, at, n, n_answer, (double)n_prefix + (double)n_answer, budget, out, err);
}

enum raml_code raml_regret_of(const double *loss, const uint32_t *at, size_t n, size_t n_answer, double probe,
                              double budget, struct raml_regret *out, struct raml_err *err)
{
    enum raml_code rc = check(loss, at, n, n_answer, budget, err);
    if (rc) return rc;
    double x = 0, y = 0, sum = 0; /* the point before, and the integral up to it */
    for (size_t i = 0; i < n && x < budget; i++) {
        double cost = (double)at[i] + probe, acc = raml_exp(-(double)n_answer * loss[i]);
        if (cost > budget) {
            acc = y + (acc - y) * (budget - x) / (cost - x);
            cost = budget;
        }
        sum += (cost - x) * (y + acc) / 2;
        x = cost;
        y = acc;
    }
    if (x < budget) sum += (budget - x) * y;
    *out = (struct raml_regret){.area = sum / budget, .regret = 1 - sum / budget};
    return RAML_OK;
}
