/* within.h - right curves against wrong ones of the same question: what a difference between all right and all wrong ones
 * can't tell from a difference between easy questions and hard ones.
 */
#ifndef RAML_STUDY_WITHIN_H
#define RAML_STUDY_WITHIN_H

#include "inner/descent.h"

#include <stdbool.h>

struct raml_within {                     /* zero-initialise; then raml_within_init */
    struct raml_curve_mean side[2];      /* of the question so far: wrong, right */
    uint64_t question;                   /* theirs */
    struct raml_curve_mean difference;   /* right less wrong, of each question that has both: a curve */
    struct raml_curve_mean right, wrong; /* of these questions, a mean curve each */
};
RAML_CHECKED enum raml_code raml_within_init(struct raml_within *w, size_t n_points, struct raml_err *err);
/* Curves of a question come one after another. question: any number that no other has. */
RAML_CHECKED enum raml_code raml_within_add(struct raml_within *w, uint64_t question, bool right, const double *loss,
                                            size_t n, struct raml_err *err);
/* After the last curve. */
RAML_CHECKED enum raml_code raml_within_end(struct raml_within *w, struct raml_err *err);

#endif
