/* answer_counts.c - see answer_counts.h. */
#include "inner/answer_counts.h"

#include "core/elementary.h"

#include <math.h>

double raml_answer_counts_kl(const uint32_t *after, const uint32_t *before, size_t n_classes)
{
    double n_after = 0, n_before = 0, classes = 0, sum = 0;
    for (size_t k = 0; k < n_classes; k++) {
        n_after += after[k];
        n_before += before[k];
        classes += after[k] || before[k];
    }
    if (!(n_after > 0) || !(n_before > 0)) return NAN;
    for (size_t k = 0; k < n_classes; k++) {
        if (!after[k] && !before[k]) continue;
        double p = (after[k] + 1.0) / (n_after + classes), q = (before[k] + 1.0) / (n_before + classes);
        sum += p * raml_log(p / q);
    }
    return sum;
}

void raml_answer_counts_share(const uint32_t *count, size_t n_classes, double *share)
{
    double n = 0;
    for (size_t k = 0; k < n_classes; k++) n += count[k];
    for (size_t k = 0; k < n_classes; k++) share[k] = n > 0 ? count[k] / n : NAN;
}
