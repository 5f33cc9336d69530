/* declared_verdict.c - a claim's estimate, its interval and what follows. See study.h. */
#include "study/declared.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *raml_study_verdict_name(enum raml_study_verdict v)
{
    static const char *const name[] = {"holds", "does not hold", "undecided", "not measured"};
    return name[v];
}

double raml_study_term(const struct raml_study *s, const struct raml_study_value *value, const struct study_claim *c,
                       size_t term, size_t seed, size_t point)
{
    const struct study_arm *arm = raml_study_arm(s, c->term[term].arm, c->over, point);
    return value[raml_study_at(s, (size_t)(arm - s->arm), seed, c->term[term].measure)].value;
}

double raml_study_sum(const struct raml_study *s, const struct raml_study_value *value, const struct study_claim *c,
                      size_t seed, size_t point)
{
    double sum = 0;
    for (size_t i = 0; i < c->n; i++) sum += c->term[i].factor * raml_study_term(s, value, c, i, seed, point);
    return sum;
}

enum raml_code raml_study_x(const struct raml_study *s, const struct study_claim *c, size_t point, double *out,
                            struct raml_err *err)
{
    size_t term = 0;
    while (term + 1 < c->n && !raml_study_goes_over(s, c, &c->term[term])) term++;
    const struct study_place p = {.study = s, .arm = raml_study_arm(s, c->term[term].arm, c->over, point)};
    const char *text = raml_study_value_of(&p, c->x, strlen(c->x));
    char *end = NULL;
    *out = text ? strtod(text, &end) : NAN;
    if (!text || end == text || *end || !isfinite(*out))
        return raml_study_fail(s, c->at, err, "x: %s of the arm %s is '%.40s'; expected a number", c->x, p.arm->name,
                               text ? text : "missing");
    if (c->log_x && !(*out > 0)) return raml_study_fail(s, c->at, err, "x: %s is %g; no logarithm", c->x, *out);
    return RAML_OK;
}

/* Least squares through the points of one seed. NaN where a value is missing, or has no logarithm. */
static enum raml_code slope_of(const struct raml_study *s, const struct raml_study_value *value,
                               const struct study_claim *c, size_t seed, double *out, struct raml_err *err)
{
    size_t n = s->axis[c->over].n;
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (size_t k = 0; k < n; k++) {
        double x = 0, y = raml_study_sum(s, value, c, seed, k);
        enum raml_code rc = raml_study_x(s, c, k, &x, err);
        if (rc) return rc;
        if (c->log_x) x = log(x);
        if (c->log_y) y = y > 0 ? log(y) : NAN;
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
    }
    double d = (double)n * sxx - sx * sx;
    *out = d > 0 ? ((double)n * sxy - sx * sy) / d : NAN;
    return RAML_OK;
}

static enum raml_study_verdict decide(const struct study_claim *c, const struct raml_estimate *e)
{
    if (!isfinite(e->low) || !isfinite(e->high)) return RAML_STUDY_UNDECIDED;
    switch (c->rule) {
    case STUDY_ABOVE:
        return e->low > c->by ? RAML_STUDY_HOLDS : e->high < c->by ? RAML_STUDY_DOES_NOT : RAML_STUDY_UNDECIDED;
    case STUDY_BELOW:
        return e->high < c->by ? RAML_STUDY_HOLDS : e->low > c->by ? RAML_STUDY_DOES_NOT : RAML_STUDY_UNDECIDED;
    default: break;
    }
    if (e->low > -c->by && e->high < c->by) return RAML_STUDY_HOLDS;
    return e->low > c->by || e->high < -c->by ? RAML_STUDY_DOES_NOT : RAML_STUDY_UNDECIDED;
}

const char *raml_study_gap(const struct raml_study *s, const char *const *gap, const struct study_claim *c)
{
    size_t n_points = c->over < 0 ? 1 : s->axis[c->over].n;
    for (size_t i = 0; i < c->n; i++)
        for (size_t p = 0; p < n_points; p++) {
            const struct study_arm *arm = raml_study_arm(s, c->term[i].arm, c->over, p);
            for (size_t k = 0; k < (c->from_file ? 1 : s->n_seeds); k++) {
                const char *why = gap[raml_study_at(s, (size_t)(arm - s->arm), k, c->term[i].measure)];
                if (why) return why;
            }
        }
    return NULL;
}

/* ln of the ratio of two standard deviations over n seeds. With m = n - 1, sqrt(m) sinh(estimate - truth) is Student's t with
 * m degrees of freedom where both are normal and independent: F(m, m) and t are tied by t = sqrt(m) (sqrt(F) - 1 / sqrt(F)) / 2
 * (Cacoullos 1965, JASA 60, 528). Seeds that move both alike make the interval wider than it need be. Not finite where one
 * of the two does not vary. */
static struct raml_estimate spread_of(const struct raml_study *s, const struct raml_study_value *value,
                                      const struct study_claim *c)
{
    double sd[2], y[RAML_STUDY_MAX_SEEDS], m = (double)s->n_seeds - 1;
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < s->n_seeds; k++) y[k] = raml_study_term(s, value, c, i, k, 0);
        sd[i] = raml_student_mean(y, s->n_seeds).se;
    }
    double ratio = log(sd[0] / sd[1]);
    double half = m > 0 ? asinh(raml_student_quantile(s->n_seeds - 1) / sqrt(m)) : NAN;
    return (struct raml_estimate){
        .value = ratio, .low = ratio - half, .high = ratio + half, .n = s->n_seeds, .se = NAN};
}

enum raml_code raml_study_decide(const struct raml_study *s, const struct raml_study_value *value, size_t claim,
                                 struct study_outcome *out, struct raml_err *err)
{
    const struct study_claim *c = &s->claim[claim];
    *out = (struct study_outcome){.claim = c};
    if (c->from_file) {
        const struct study_arm *arm = raml_study_arm(s, c->term[0].arm, -1, 0);
        const struct raml_study_value *v = &value[raml_study_at(s, (size_t)(arm - s->arm), 0, c->term[0].measure)];
        out->estimate = (struct raml_estimate){.value = v->value, .low = v->low, .high = v->high, .se = NAN};
        out->verdict = decide(c, &out->estimate);
        return RAML_OK;
    }
    if (c->spread) {
        out->estimate = spread_of(s, value, c);
        if (s->n_seeds < 2) out->missing = "a ratio of spreads over seeds, and there is one seed";
        else if (!isfinite(out->estimate.value))
            out->missing = "a ratio of spreads over seeds, and one of the two does not vary";
        out->verdict = out->missing ? RAML_STUDY_NOT_MEASURED : decide(c, &out->estimate);
        return RAML_OK;
    }
    out->n_seeds = s->n_seeds;
    for (size_t k = 0; k < s->n_seeds; k++) {
        if (c->over < 0) {
            out->per_seed[k] = raml_study_sum(s, value, c, k, 0);
            continue;
        }
        enum raml_code rc = slope_of(s, value, c, k, &out->per_seed[k], err);
        if (rc) return rc;
        if (!isnan(out->per_seed[k])) continue;
        out->verdict = RAML_STUDY_NOT_MEASURED;
        out->missing =
            c->log_y ? "a slope of logarithms, and a number that is not above 0" : "a slope, and no two different x";
    }
    out->estimate = raml_student_mean(out->per_seed, s->n_seeds);
    if (!out->missing) out->verdict = decide(c, &out->estimate);
    return RAML_OK;
}
