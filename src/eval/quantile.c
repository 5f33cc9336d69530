/* quantile.c - see quantile.h. */
#include "eval/quantile.h"

#include <math.h>

double raml_quantile(const double *x, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n) return x[n - 1];
    return x[i] + (at - (double)i) * (x[i + 1] - x[i]);
}

/* The 0.975 quantile of Student's t by Fisher's expansion in 1/nu (Abramowitz and Stegun 1964, 26.7.5); for nu = 2 it
 * is 4.2 and not 4.3, from 5 on correct to three digits. */
double raml_percentile_tail(uint64_t n)
{
    const double z = 1.959963984540054, z2 = z * z;
    if (n < 2) return 0.025;
    double nu = (double)(n - 1);
    double t = z + z * (z2 + 1) / (4 * nu) + z * ((5 * z2 + 16) * z2 + 3) / (96 * nu * nu) +
               z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / (384 * nu * nu * nu);
    return 0.5 * erfc(t * sqrt((double)n / nu) / sqrt(2.0));
}
