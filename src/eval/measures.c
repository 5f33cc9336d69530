/* measures.c - see metric.h. */
#include "raml/metric.h"


#include <stdio.h>

void raml_measure_name(const struct raml_measure *m, char out[RAML_MEASURE_NAME])
{
    switch (m->kind) {
    case RAML_MEASURE_ACCURACY: snprintf(out, RAML_MEASURE_NAME, "accuracy"); return;
    case RAML_MEASURE_PASS: snprintf(out, RAML_MEASURE_NAME, "pass@%u", m->k); return;
    case RAML_MEASURE_GPASS: snprintf(out, RAML_MEASURE_NAME, "G-Pass@%u_%s", m->k, m->tau.text); return;
    case RAML_MEASURE_MGPASS: snprintf(out, RAML_MEASURE_NAME, "mG-Pass@%u", m->k); return;
    case RAML_MEASURE_MAJ: snprintf(out, RAML_MEASURE_NAME, "maj@%u", m->k); return;
    }
    out[0] = 0;
}

enum raml_code raml_measure_value(const struct raml_measure *m, uint32_t n, uint32_t c, double *out,
                                  struct raml_err *err)
{
    switch (m->kind) {
    case RAML_MEASURE_ACCURACY: return raml_pass_at_k(n, c, 1, out, err);
    case RAML_MEASURE_PASS: return raml_pass_at_k(n, c, m->k, out, err);
    case RAML_MEASURE_GPASS: return raml_gpass_at_k(n, c, m->k, &m->tau, out, err);
    case RAML_MEASURE_MGPASS: return raml_mgpass_at_k(n, c, m->k, out, err);
    case RAML_MEASURE_MAJ: break;
    }
    return raml_fail(err, RAML_ERANGE, "maj@%u: a majority vote needs the samples' answers", m->k);
}
