/* measures.h - which metric is meant: its name as the field writes it, its value for n samples of which c are correct.
 *
 *   accuracy         c / n
 *   pass@8           metric.h
 *   G-Pass@16_0.5    gpass.h, threshold 0.5
 *   mG-Pass@16       gpass.h
 *   maj@16           majority.h; needs the answers, not only n and c
 */
#ifndef RAML_MEASURES_H
#define RAML_MEASURES_H

#include "raml/gpass.h"

#include <stddef.h>

#pragma GCC visibility push(default)

enum raml_measure_kind {
    RAML_MEASURE_ACCURACY,
    RAML_MEASURE_PASS,
    RAML_MEASURE_GPASS,
    RAML_MEASURE_MGPASS,
    RAML_MEASURE_MAJ
};
struct raml_measure {
    enum raml_measure_kind kind;
    uint32_t k;          /* not of accuracy */
    struct raml_tau tau; /* of RAML_MEASURE_GPASS */
};

enum { RAML_MEASURE_NAME = 48 };
void raml_measure_name(const struct raml_measure *m, char out[RAML_MEASURE_NAME]);
/* RAML_ERANGE: k is 0 or larger than n, c > n, no sample, or the measure is RAML_MEASURE_MAJ. */
RAML_CHECKED enum raml_code raml_measure_value(const struct raml_measure *m, uint32_t n, uint32_t c, double *out,
                                               struct raml_err *err);

#pragma GCC visibility pop
#endif
