/* student.c - the mean of a few independent draws with Student's interval. See metric.h. */
#include "raml/metric.h"

#include <math.h>

/* P(|T| <= t) of Student's distribution with nu degrees of freedom, theta = atan(t / sqrt(nu)) (Abramowitz and Stegun
 * 1964, 26.7.3 and 26.7.4: finite sums). */
static double within(double t, size_t nu)
{
    double theta = atan2(t, sqrt((double)nu)), s = sin(theta), c = cos(theta), term = 1, sum = 0;
    if (nu % 2 == 0) {
        for (size_t k = 0; k < nu / 2; k++) {
            sum += term;
            term *= c * c * (double)(2 * k + 1) / (double)(2 * k + 2);
        }
        return s * sum;
    }
    term = c;
    for (size_t k = 0; k < nu / 2; k++) {
        sum += term;
        term *= c * c * (double)(2 * k + 2) / (double)(2 * k + 3);
    }
    return 2 / acos(-1.0) * (theta + s * sum);
}

double raml_student_quantile(size_t nu)
{
    if (nu == 0) return NAN;
    if (nu > 100000) return 1.959963984540054; /* the normal distribution's, 2.4e-5 less than that of 100,000 */
    double low = 0, high = 13;
    for (int i = 0; i < 200 && low < high; i++) {
        double t = (low + high) / 2;
        if (within(t, nu) < 0.95) low = t;
        else high = t;
    }
    return high;
}

struct raml_estimate raml_student_mean(const double *x, size_t n)
{
    struct raml_estimate e = {.value = NAN, .low = NAN, .high = NAN, .n = n, .se = NAN};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    if (n == 0) return e;
    e.value = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (x[i] - e.value) * (x[i] - e.value);
    if (n < 2) return e;
    e.se = sqrt(squares / (double)(n - 1) / (double)n);
    double half = raml_student_quantile(n - 1) * e.se;
    e.low = e.value - half;
    e.high = e.value + half;
    return e;
}
