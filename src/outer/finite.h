/* finite.h - which value of a forward pass is not a number, to name it in an error. */
#ifndef OUTER_FINITE_H
#define OUTER_FINITE_H

#include "raml/objective.h"

struct raml_nonfinite {
    size_t row;       /* of the step */
    size_t token;     /* of the row, from 0 */
    const char *what; /* "log-probability" or "entropy" */
    double value;     /* NaN or an infinity */
};
/* The first token of the part whose log-probability or entropy (where the terms have it) is NaN or infinite. Tokens of
 * weight 0 are passed over: no objective reads them. False: there is none, and *out is unchanged. */
bool raml_find_nonfinite(const struct raml_terms *t, struct raml_nonfinite *out);

#endif
