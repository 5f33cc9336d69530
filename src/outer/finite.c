/* finite.c - see finite.h. */
#include "outer/finite.h"

#include <math.h>

static bool is_bad(const float *x, size_t i)
{
    return x && !isfinite(x[i]);
}

bool raml_find_nonfinite(const struct raml_terms *t, struct raml_nonfinite *out)
{
    for (size_t row = t->first_row; row < t->first_row + t->n_rows; row++)
        for (size_t i = t->start[row]; i < t->start[row + 1]; i++) {
            bool logp = is_bad(t->logp, i);
            if ((t->weight && t->weight[i] == 0.0f) || (!logp && !is_bad(t->entropy, i))) continue;
            *out = (struct raml_nonfinite){.row = row,
                                           .token = i - t->start[row],
                                           .what = logp ? "log-probability" : "entropy",
                                           .value = (double)(logp ? t->logp : t->entropy)[i]};
            return true;
        }
    return false;
}
