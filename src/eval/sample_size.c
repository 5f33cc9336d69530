/* sample_size.c - see paired.h. */
#include "raml/paired.h"

#include <math.h>

static const double Z975 = 1.959963984540054, Z80 = 0.8416212335729143; /* quantiles of the normal distribution */

enum raml_code raml_sample_size_of(const struct raml_spread *s, struct raml_sample_size *out, struct raml_err *err)
{
    if (isnan(s->total)) return raml_fail(err, RAML_ERANGE, "fewer than two questions: their spread is unknown");
    if (isnan(s->noise))
        return raml_fail(err, RAML_ERANGE,
                         "a question has only one sample: the spread between questions and between samples "
                         "can't be separated");
    *out = (struct raml_sample_size){fmax(s->total - s->noise, 0), s->within};
    return RAML_OK;
}

enum raml_code raml_sample_size_of_accuracy(double p, struct raml_sample_size *out, struct raml_err *err)
{
    if (!(p >= 0 && p <= 1)) return raml_fail(err, RAML_ERANGE, "accuracy %g is outside [0, 1]", p);
    *out = (struct raml_sample_size){p * (1 - p), 0};
    return RAML_OK;
}

static double questions(const struct raml_sample_size *p, uint32_t s, double z, double x)
{
    double variance = p->between + (s ? p->within / s : 0);
    return fmax(ceil(z * z * variance / (x * x)), 1);
}

double raml_sample_size_width(const struct raml_sample_size *p, uint32_t s, double x)
{
    return questions(p, s, Z975, x);
}

double raml_sample_size_paired(const struct raml_sample_size *p, uint32_t s, double d)
{
    return questions(p, s, Z975 + Z80, d);
}
