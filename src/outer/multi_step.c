/* multi_step.c - weights of the multi-step loss; see raml/meta.h. */
#include "raml/meta.h"

#include <math.h>

void raml_multi_step_weights(double *weight, size_t n, double t, double whole)
{
    const double N = (double)n, least = 0.03 / N, x = t / whole;
    for (size_t i = 0; i + 1 < n; i++) weight[i] = fmax((1 - x) / N, least);
    if (n) weight[n - 1] = fmin((1 + x * (N - 1)) / N, 1 - (N - 1) * least);
}
