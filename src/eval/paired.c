/* paired.c - matching two runs' questions and comparing them (paired.h). The output is in paired_text.c. */
#include "raml/paired.h"

#include "eval/permutation.h"
#include "eval/resample.h"
#include "eval/tally_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- matching ---------------------------------------------------------------------------------------------------- */

struct pair {
    const struct raml_retained *a, *b;
};
struct pairs {
    struct pair *pair;
    size_t n;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct raml_retained *)a)->id, ((const struct raml_retained *)b)->id);
}

/* A run's questions by id; free() them. The ids are the run's. */
static enum raml_code sort_ids(const struct raml_tallies *t, const char *which, struct raml_retained **out,
                               struct raml_err *err)
{
    *out = malloc((t->n_questions + 1) * sizeof **out);
    if (!*out) return raml_fail(err, RAML_ENOMEM, "no memory to match %zu questions", t->n_questions);
    if (t->n_questions) {
        memcpy(*out, t->retained, t->n_questions * sizeof **out);
        qsort(*out, t->n_questions, sizeof **out, by_id);
    }
    for (size_t i = 1; i < t->n_questions; i++)
        if (!strcmp((*out)[i - 1].id, (*out)[i].id))
            return raml_fail(err, RAML_EFORMAT, "question '%.100s' is in the %s run twice; ids must be unique to match",
                             (*out)[i].id, which);
    return RAML_OK;
}

static enum raml_code only(const char *id, size_t *n, char *named[RAML_PAIRED_NAMED], struct raml_err *err)
{
    if (*n < RAML_PAIRED_NAMED) {
        named[*n] = strdup(id);
        if (!named[*n]) return raml_fail(err, RAML_ENOMEM, "no memory for a question's id");
    }
    ++*n;
    return RAML_OK;
}

static enum raml_code match(const struct raml_retained *a, size_t n_a, const struct raml_retained *b, size_t n_b,
                            struct pairs *pairs, struct raml_paired *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0, j = 0; (i < n_a || j < n_b) && !rc;) {
        int c = i == n_a ? 1 : j == n_b ? -1 : strcmp(a[i].id, b[j].id);
        if (c < 0) rc = only(a[i++].id, &out->n_only_first, out->only_first, err);
        else if (c > 0) rc = only(b[j++].id, &out->n_only_second, out->only_second, err);
        else pairs->pair[pairs->n++] = (struct pair){&a[i++], &b[j++]};
    }
    out->n_both = pairs->n;
    if (!rc && !pairs->n)
        rc = raml_fail(err, RAML_EFORMAT,
                       "no question's id is in both runs; the first run begins with '%.60s', "
                       "the second with '%.60s'",
                       n_a ? a[0].id : "", n_b ? b[0].id : "");
    return rc;
}

/* ---- one measure ------------------------------------------------------------------------------------------------- */

struct side { /* a measure in one run */
    const struct raml_tallies *run;
    struct raml_measure measure;
    size_t maj; /* which of the run's maj@k it is */
};

static enum raml_code value_of(const struct side *s, const struct raml_retained *q, double *out, struct raml_err *err)
{
    if (s->measure.kind != RAML_MEASURE_MAJ) return raml_measure_value(&s->measure, q->n, q->c, out, err);
    *out = s->run->maj[q->i * s->run->n_maj + s->maj];
    return RAML_OK;
}

/* Interval and p-value of d[n], which is reordered. */
static enum raml_code test_difference(double *d, size_t n, const struct raml_table_options *o,
                                      struct raml_difference *out, struct raml_err *err)
{
    double *value = malloc(RAML_RESAMPLE_MAX_VALUES * sizeof *value);
    uint64_t *count = malloc(RAML_RESAMPLE_MAX_VALUES * sizeof *count);
    const double *rows[] = {value};
    struct raml_resample_options opt = {o->seed, o->n_draws, false};
    enum raml_code rc = RAML_OK;
    if (!value || !count) {
        rc = raml_fail(err, RAML_ENOMEM, "no memory to compare %zu questions", n);
    } else {
        size_t n_values = raml_resample_gather(d, n, value, count);
        rc = raml_resample(count, n_values, rows, 1, &opt, &out->d, err);
        if (n_values == 1) out->d.low = out->d.high = NAN; /* all equal: nothing to base an interval on */
    }
    free(value);
    free(count);
    return rc ? rc : raml_permutation_test(d, n, o->seed, &out->p, err);
}

static enum raml_code compare_measure(const struct pairs *pairs, const struct side *a, const struct side *b,
                                      const struct raml_table_options *o, struct raml_difference *out,
                                      struct raml_err *err)
{
    double *d = malloc((pairs->n + 1) * sizeof *d), first = 0, second = 0;
    enum raml_code rc = d ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory to compare %zu questions", pairs->n);
    *out = (struct raml_difference){.measure = a->measure};
    for (size_t i = 0; i < pairs->n && !rc; i++) {
        double x = 0, y = 0;
        rc = value_of(a, pairs->pair[i].a, &x, err);
        if (!rc) rc = value_of(b, pairs->pair[i].b, &y, err);
        if (rc) break;
        d[i] = y - x;
        first += x;
        second += y;
        out->n_better += y > x;
        out->n_worse += y < x;
    }
    out->n_equal = pairs->n - out->n_better - out->n_worse;
    out->first = first / (double)pairs->n;
    out->second = second / (double)pairs->n;
    if (!rc) rc = test_difference(d, pairs->n, o, out, err);
    free(d);
    return rc;
}

/* The i-th measure of a run: accuracy, pass@k, the others; false after the last. */
static bool side_of(const struct raml_tallies *t, size_t i, struct side *out)
{
    *out = (struct side){.run = t, .measure = {.kind = RAML_MEASURE_ACCURACY}};
    if (i > t->opt.n_k + t->opt.n_measures) return false;
    if (i && i <= t->opt.n_k) out->measure = (struct raml_measure){.kind = RAML_MEASURE_PASS, .k = t->k[i - 1]};
    for (size_t j = 0; i > t->opt.n_k && j < i - t->opt.n_k; j++) {
        out->maj += out->measure.kind == RAML_MEASURE_MAJ;
        out->measure = t->measure[j];
    }
    return true;
}

static bool same_measure(const struct raml_measure *a, const struct raml_measure *b)
{
    char x[RAML_MEASURE_NAME], y[RAML_MEASURE_NAME];
    raml_measure_name(a, x);
    raml_measure_name(b, y);
    return !strcmp(x, y);
}

static enum raml_code compare_all(const struct pairs *pairs, const struct raml_tallies *a, const struct raml_tallies *b,
                                  struct raml_paired *out, struct raml_err *err)
{
    struct side x, y;
    out->difference = calloc(1 + a->opt.n_k + a->opt.n_measures, sizeof *out->difference);
    if (!out->difference) return raml_fail(err, RAML_ENOMEM, "no memory to compare runs");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; side_of(a, i, &x) && !rc; i++)
        for (size_t j = 0; side_of(b, j, &y) && !rc; j++)
            if (same_measure(&x.measure, &y.measure)) {
                rc = compare_measure(pairs, &x, &y, &a->opt, &out->difference[out->n_differences], err);
                out->n_differences += !rc;
            }
    return rc;
}

/* ---- accuracy's spread, McNemar ---------------------------------------------------------------------------------- */

static double rate(const struct raml_retained *q)
{
    return (double)q->c / (double)q->n;
}

/* Unbiased variance of one sample of q; NaN when there is one. */
static double one_sample(const struct raml_retained *q)
{
    double p = rate(q), n = (double)q->n;
    return n > 1 ? p * (1 - p) * n / (n - 1) : NAN;
}

static void spread(const struct pairs *pairs, struct raml_paired *out)
{
    double n = (double)pairs->n, mean = 0, squares = 0;
    out->within = out->noise = 0;
    for (size_t i = 0; i < pairs->n; i++) mean += (rate(pairs->pair[i].b) - rate(pairs->pair[i].a)) / n;
    for (size_t i = 0; i < pairs->n; i++) {
        const struct raml_retained *a = pairs->pair[i].a, *b = pairs->pair[i].b;
        double d = rate(b) - rate(a) - mean;
        squares += d * d;
        out->within += (one_sample(a) + one_sample(b)) / n;
        out->noise += (one_sample(a) / a->n + one_sample(b) / b->n) / n;
    }
    out->variance = pairs->n > 1 ? squares / (n - 1) : NAN;
}

static void mcnemar(const struct pairs *pairs, struct raml_paired *out)
{
    out->one_each = true;
    for (size_t i = 0; i < pairs->n; i++) {
        const struct raml_retained *a = pairs->pair[i].a, *b = pairs->pair[i].b;
        out->one_each = out->one_each && a->n == 1 && b->n == 1;
        out->mcnemar_b += a->c && !b->c;
        out->mcnemar_c += b->c && !a->c;
    }
    out->mcnemar_p = raml_sign_test(out->mcnemar_b, out->mcnemar_c);
}

enum raml_code raml_paired_compare(const struct raml_tallies *first, const struct raml_tallies *second,
                                   struct raml_paired *out, struct raml_err *err)
{
    struct raml_paired made = {0};
    struct raml_retained *a = NULL, *b = NULL;
    struct pairs pairs = {0};
    if (!first->keep || !second->keep)
        return raml_fail(err, RAML_EUSAGE, "runs are compared question by question: the questions must have been kept");
    enum raml_code rc = sort_ids(first, "first", &a, err);
    if (!rc) rc = sort_ids(second, "second", &b, err);
    if (!rc) pairs.pair = calloc(first->n_questions + 1, sizeof *pairs.pair);
    if (!rc && !pairs.pair) rc = raml_fail(err, RAML_ENOMEM, "no memory to match %zu questions", first->n_questions);
    if (!rc) rc = match(a, first->n_questions, b, second->n_questions, &pairs, &made, err);
    if (!rc) rc = compare_all(&pairs, first, second, &made, err);
    if (!rc) {
        spread(&pairs, &made);
        mcnemar(&pairs, &made);
    }
    free(a);
    free(b);
    free(pairs.pair);
    if (rc) {
        raml_paired_deinit(&made);
        return rc;
    }
    raml_paired_deinit(out);
    *out = made;
    return RAML_OK;
}

void raml_paired_deinit(struct raml_paired *p)
{
    for (size_t i = 0; i < RAML_PAIRED_NAMED; i++) {
        free(p->only_first[i]);
        free(p->only_second[i]);
    }
    free(p->difference);
    *p = (struct raml_paired){0};
}
