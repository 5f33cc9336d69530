/* trace_groups.c - see trace_groups.h. */
#include "study/trace_groups.h"

#include "core/array.h"
#include "core/file.h"
#include "eval/quantile.h"
#include "raml/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TSV_BYTES = 1 << 28, N_LENGTHS = 3, MEASURE_BYTES = 96 };

struct member {      /* a trajectory */
    size_t question; /* dense: 0 .. n_questions - 1 */
    size_t sample, n_tokens;
    enum raml_trace_verdict verdict;
    size_t mode;
};
struct column {
    char *curve, *measure;
    uint32_t *of; /* [n] the member that has the value */
    double *value;
    uint32_t *n_answer; /* [n] tokens of the answer that it is a loss per token of; 0: it is none */
    size_t n, cap;
};
struct raml_trace_groups {
    bool differences; /* of values, none of which is a proportion */
    struct member *member;
    size_t n, cap;
    size_t *question; /* [n_questions] their numbers */
    size_t n_questions, cap_questions;
    char **mode;
    size_t n_modes, cap_modes;
    struct column *column;
    size_t n_columns, cap_columns;
};

enum raml_code raml_trace_groups_open(struct raml_trace_groups **out, struct raml_err *err)
{
    *out = calloc(1, sizeof **out);
    return *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for groups of trajectories");
}

void raml_trace_groups_close(struct raml_trace_groups *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n_modes; i++) free(g->mode[i]);
    for (size_t i = 0; i < g->n_columns; i++) {
        free(g->column[i].curve);
        free(g->column[i].measure);
        free(g->column[i].of);
        free(g->column[i].value);
        free(g->column[i].n_answer);
    }
    free(g->mode);
    free(g->column);
    free(g->member);
    free(g->question);
    free(g);
}

/* -- Adding -------------------------------------------------------------------------------------------------------- */

static enum raml_code mode_of(struct raml_trace_groups *g, const char *mode, size_t *out, struct raml_err *err)
{
    for (*out = 0; *out < g->n_modes; ++*out)
        if (!strcmp(g->mode[*out], mode)) return RAML_OK;
    enum raml_code rc = RAML_GROW(g->mode, g->cap_modes, g->n_modes + 1, "modes", err);
    if (rc) return rc;
    g->mode[g->n_modes] = strdup(mode);
    return g->mode[g->n_modes] ? (g->n_modes++, RAML_OK) : raml_fail(err, RAML_ENOMEM, "no memory for a mode");
}

static enum raml_code question_of(struct raml_trace_groups *g, size_t number, size_t *out, struct raml_err *err)
{
    for (*out = g->n_questions; *out > 0; --*out) /* nearly always the last one */
        if (g->question[*out - 1] == number) return --*out, RAML_OK;
    enum raml_code rc = RAML_GROW(g->question, g->cap_questions, g->n_questions + 1, "questions", err);
    if (rc) return rc;
    *out = g->n_questions;
    g->question[g->n_questions++] = number;
    return RAML_OK;
}

enum raml_code raml_trace_groups_add(struct raml_trace_groups *g, const struct raml_trace_member *x,
                                     struct raml_err *err)
{
    struct member m = {.n_tokens = x->n_tokens, .verdict = x->verdict, .sample = x->sample};
    enum raml_code rc = question_of(g, x->question, &m.question, err);
    if (!rc) rc = mode_of(g, x->mode, &m.mode, err);
    if (!rc) rc = RAML_GROW(g->member, g->cap, g->n + 1, "trajectories", err);
    if (!rc) g->member[g->n++] = m;
    return rc;
}

static enum raml_code column_of(struct raml_trace_groups *g, const char *curve, const char *measure,
                                struct column **out, struct raml_err *err)
{
    for (size_t i = 0; i < g->n_columns; i++) {
        *out = &g->column[i];
        if (!strcmp((*out)->measure, measure) && !strcmp((*out)->curve, curve)) return RAML_OK;
    }
    enum raml_code rc = RAML_GROW(g->column, g->cap_columns, g->n_columns + 1, "measures", err);
    if (rc) return rc;
    struct column c = {.curve = strdup(curve), .measure = strdup(measure)};
    if (!c.curve || !c.measure) {
        free(c.curve);
        free(c.measure);
        return raml_fail(err, RAML_ENOMEM, "no memory for a measure");
    }
    *out = &g->column[g->n_columns];
    g->column[g->n_columns++] = c;
    return RAML_OK;
}

enum raml_code raml_trace_groups_loss(struct raml_trace_groups *g, const char *curve, const char *measure, double value,
                                      size_t n_answer, struct raml_err *err)
{
    struct column *c = NULL;
    enum raml_code rc = column_of(g, curve, measure, &c, err);
    if (rc || isnan(value)) return rc;
    size_t cap_of = c->cap, cap_value = c->cap;
    rc = RAML_GROW(c->of, cap_of, c->n + 1, "values", err);
    if (!rc) rc = RAML_GROW(c->value, cap_value, c->n + 1, "values", err);
    if (!rc) rc = RAML_GROW(c->n_answer, c->cap, c->n + 1, "values", err);
    if (rc) return rc;
    c->n_answer[c->n] = (uint32_t)n_answer;
    c->of[c->n] = (uint32_t)(g->n - 1);
    c->value[c->n++] = value;
    return RAML_OK;
}

enum raml_code raml_trace_groups_value(struct raml_trace_groups *g, const char *curve, const char *measure,
                                       double value, struct raml_err *err)
{
    return raml_trace_groups_loss(g, curve, measure, value, 0, err);
}

/* -- Differences --------------------------------------------------------------------------------------------------- */

/* place[i]: the member of `second` that is first's member i; SIZE_MAX: none. Both are in the order of their questions,
 * so the search goes on where it ended. */
static void match(const struct raml_trace_groups *first, const struct raml_trace_groups *second, size_t *place)
{
    for (size_t i = 0, from = 0; i < first->n; i++) {
        const struct member *m = &first->member[i];
        place[i] = SIZE_MAX;
        for (size_t k = 0; k < second->n; k++) {
            size_t j = (from + k) % second->n;
            const struct member *o = &second->member[j];
            if (o->sample != m->sample || second->question[o->question] != first->question[m->question]) continue;
            place[i] = j;
            from = j + 1;
            break;
        }
    }
}

/* Where the value of member i is; SIZE_MAX: it has none. Values are in the order of their members. */
static size_t find_value(const struct column *c, size_t i)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->of[mid] < i) low = mid + 1;
        else high = mid;
    }
    return low < c->n && c->of[low] == i ? low : SIZE_MAX;
}

static const struct column *same_column(const struct raml_trace_groups *g, const struct column *c)
{
    for (size_t i = 0; i < g->n_columns; i++) {
        const struct column *d = &g->column[i];
        if (!strcmp(c->measure, d->measure) && !strcmp(c->curve, d->curve)) return d;
    }
    return NULL;
}

/* Does an answer of a matched pair differ in its number of tokens? */
static bool lengths_differ(const struct raml_trace_groups *first, const struct raml_trace_groups *second,
                           const size_t *place)
{
    for (size_t a = 0; a < first->n_columns; a++) {
        const struct column *c = &first->column[a], *d = same_column(second, c);
        for (size_t i = 0; d && i < c->n; i++) {
            size_t other = place[c->of[i]], at = other == SIZE_MAX ? SIZE_MAX : find_value(d, other);
            if (at != SIZE_MAX && d->n_answer[at] != c->n_answer[i]) return true;
        }
    }
    return false;
}

static enum raml_code subtract_value(const struct column *c, const struct column *d, size_t i, size_t other, bool whole,
                                     struct raml_trace_groups *out, struct raml_err *err)
{
    size_t a = find_value(c, i), b = find_value(d, other);
    char measure[MEASURE_BYTES];
    if (a == SIZE_MAX || b == SIZE_MAX) return raml_trace_groups_value(out, c->curve, c->measure, NAN, err);
    if (!whole || !c->n_answer[a])
        return raml_trace_groups_value(out, c->curve, c->measure, d->value[b] - c->value[a], err);
    snprintf(measure, sizeof measure, "answer_%s", c->measure);
    double A = c->n_answer[a], B = d->n_answer[b];
    return raml_trace_groups_value(out, c->curve, measure, B * d->value[b] - A * c->value[a], err);
}

static enum raml_code subtract_member(const struct raml_trace_groups *first, const struct raml_trace_groups *second,
                                      size_t i, size_t other, bool whole, struct raml_trace_groups *out,
                                      struct raml_err *err)
{
    const struct member *m = &first->member[i];
    const struct raml_trace_member x = {first->question[m->question], m->sample, m->verdict, first->mode[m->mode],
                                        m->n_tokens};
    enum raml_code rc = raml_trace_groups_add(out, &x, err);
    for (size_t a = 0; !rc && a < first->n_columns; a++) {
        const struct column *c = &first->column[a], *d = same_column(second, c);
        if (d) rc = subtract_value(c, d, i, other, whole, out, err);
    }
    return rc;
}

enum raml_code raml_trace_groups_subtract(const struct raml_trace_groups *first, const struct raml_trace_groups *second,
                                          struct raml_trace_groups *out, bool *whole, struct raml_err *err)
{
    size_t *place = malloc((first->n + 1) * sizeof *place);
    if (!place) return raml_fail(err, RAML_ENOMEM, "no memory for %zu trajectories", first->n);
    enum raml_code rc = RAML_OK;
    out->differences = true;
    match(first, second, place);
    *whole = lengths_differ(first, second, place);
    for (size_t i = 0; !rc && i < first->n; i++)
        if (place[i] != SIZE_MAX) rc = subtract_member(first, second, i, place[i], *whole, out, err);
    free(place);
    return rc;
}

/* -- One group ----------------------------------------------------------------------------------------------------- */

struct group {
    const char *by, *name;
    bool *in;      /* [n] is the member in it */
    size_t *place; /* [n_questions] of a question among the group's, SIZE_MAX: not there */
    size_t n_questions;
    uint32_t *times; /* [n_draws, n_questions] how often a resample has a question */
    double *sum;     /* [n_questions] of a column's values */
    uint32_t *count; /* [n_questions] */
    double *mean;    /* [n_draws] */
};

static void group_deinit(struct group *x)
{
    free(x->in);
    free(x->place);
    free(x->times);
    free(x->sum);
    free(x->count);
    free(x->mean);
}

/* x->in is set. */
static enum raml_code group_init(const struct raml_trace_groups *g, struct group *x, uint64_t seed, uint32_t n_draws,
                                 struct raml_err *err)
{
    x->place = malloc((g->n_questions + 1) * sizeof *x->place);
    if (!x->place) return raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", g->n_questions);
    for (size_t i = 0; i < g->n_questions; i++) x->place[i] = SIZE_MAX;
    x->n_questions = 0;
    for (size_t i = 0; i < g->n; i++) {
        size_t *place = &x->place[g->member[i].question];
        if (x->in[i] && *place == SIZE_MAX) *place = x->n_questions++;
    }
    size_t Q = x->n_questions;
    if (Q && n_draws > SIZE_MAX / sizeof *x->times / Q) return raml_fail(err, RAML_ENOMEM, "too many resamples");
    x->times = calloc(Q * n_draws + 1, sizeof *x->times);
    x->sum = malloc((Q + 1) * sizeof *x->sum);
    x->count = malloc((Q + 1) * sizeof *x->count);
    x->mean = malloc(((size_t)n_draws + 1) * sizeof *x->mean);
    if (!x->times || !x->sum || !x->count || !x->mean)
        return raml_fail(err, RAML_ENOMEM, "no memory for %u resamples of %zu questions", n_draws, Q);
    for (uint32_t d = 0; Q > 1 && d < n_draws; d++) {
        const struct raml_key key = {.seed = seed, .purpose = RAML_FOR_BOOTSTRAP, .question = d};
        uint32_t w[4] = {0};
        for (size_t i = 0; i < Q; i++) {
            if (i % 4 == 0) raml_random4(&key, i / 4, w);
            x->times[d * Q + (((uint64_t)w[i % 4] * Q) >> 32)]++;
        }
    }
    return RAML_OK;
}

static int upwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void bootstrap(const struct group *x, uint32_t n_draws, struct raml_estimate *e)
{
    size_t Q = x->n_questions, n = 0;
    for (uint32_t d = 0; d < n_draws; d++) {
        const uint32_t *times = x->times + d * Q;
        double sum = 0, count = 0;
        for (size_t i = 0; i < Q; i++) {
            sum += times[i] * x->sum[i];
            count += (double)times[i] * x->count[i];
        }
        if (count > 0) x->mean[n++] = sum / count; /* a resample of questions without a value has no mean */
    }
    if (!n) return;
    qsort(x->mean, n, sizeof *x->mean, upwards);
    double tail = raml_percentile_tail(e->n);
    e->low = raml_quantile(x->mean, n, tail);
    e->high = raml_quantile(x->mean, n, 1 - tail);
}

/* The standard error of a mean whose parts are questions: of sum/count, linearised (Cochran 1977, 6.4). */
static double standard_error(const struct group *x, double mean, double total, size_t n)
{
    double squares = 0;
    if (n < 2) return NAN;
    for (size_t i = 0; i < x->n_questions; i++) {
        double off = x->sum[i] - mean * x->count[i];
        squares += off * off;
    }
    return sqrt(squares * (double)n / (double)(n - 1)) / total;
}

/* Measures that are 0 or 1 of each trajectory. */
static bool is_share(const char *measure)
{
    return !strcmp(measure, "falls") || !strcmp(measure, "greedy") || !strcmp(measure, "solved");
}

/* False: the group has no such value. */
static bool estimate(const struct raml_trace_groups *g, const struct group *x, const struct column *c, uint32_t n_draws,
                     struct raml_trace_row *row)
{
    struct raml_estimate e = {.low = NAN, .high = NAN, .se = NAN};
    double sum = 0;
    size_t n = 0, n_one = 0;                                             /* questions whose values are all 1 */
    bool share = !g->differences && is_share(c->measure), single = true; /* single: each question has one value */
    for (size_t i = 0; i < x->n_questions; i++) x->sum[i] = x->count[i] = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (!x->in[c->of[i]]) continue;
        size_t q = x->place[g->member[c->of[i]].question];
        x->sum[q] += c->value[i];
        x->count[q]++;
        sum += c->value[i];
        n++;
    }
    if (!n) return false;
    for (size_t i = 0; i < x->n_questions; i++) {
        e.n += x->count[i] > 0;
        n_one += x->count[i] && x->sum[i] == x->count[i];
        single &= x->count[i] < 2;
    }
    bool wilson = share && (single || sum == 0 || sum == (double)n);
    if (wilson) e = raml_wilson(n_one, e.n);
    e.value = sum / (double)n;
    e.se = standard_error(x, e.value, (double)n, e.n);
    if (!wilson && e.n > 1) bootstrap(x, n_draws, &e);
    *row = (struct raml_trace_row){
        .by = x->by, .group = x->name, .curve = c->curve, .measure = c->measure, .n = n, .e = e};
    return true;
}

/* -- All groups ---------------------------------------------------------------------------------------------------- */

struct rows {
    const struct raml_trace_groups *g;
    uint64_t seed;
    uint32_t n_draws;
    struct raml_trace_row *row;
    size_t n, cap;
};

/* The members for which key[i] == value. */
static enum raml_code add_group(struct rows *r, const char *by, const char *name, const size_t *key, size_t value,
                                struct raml_err *err)
{
    const struct raml_trace_groups *g = r->g;
    struct group x = {.by = by, .name = name, .in = calloc(g->n + 1, sizeof *x.in)};
    enum raml_code rc = x.in ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a group of trajectories");
    size_t n = 0;
    for (size_t i = 0; !rc && i < g->n; i++) n += x.in[i] = !key || key[i] == value;
    if (!rc && n) rc = group_init(g, &x, r->seed, r->n_draws, err);
    for (size_t k = 0; !rc && n && k < g->n_columns; k++) {
        rc = RAML_GROW(r->row, r->cap, r->n + 1, "rows", err);
        if (!rc) r->n += estimate(g, &x, &g->column[k], r->n_draws, &r->row[r->n]);
    }
    group_deinit(&x);
    return rc;
}

/* 0, 1, 2 by terciles of T. False: all are alike. */
static bool lengths(const struct raml_trace_groups *g, double *work, size_t *key)
{
    for (size_t i = 0; i < g->n; i++) work[i] = (double)g->member[i].n_tokens;
    qsort(work, g->n, sizeof *work, upwards);
    double low = raml_quantile(work, g->n, 1.0 / 3), high = raml_quantile(work, g->n, 2.0 / 3);
    for (size_t i = 0; i < g->n; i++) {
        double T = (double)g->member[i].n_tokens;
        key[i] = (size_t)(T > low) + (T > high);
    }
    return work[0] < work[g->n - 1];
}

static enum raml_code all_groups(struct rows *r, size_t *key, double *work, struct raml_err *err)
{
    static const char *const length[N_LENGTHS] = {"short", "middle", "long"};
    const struct raml_trace_groups *g = r->g;
    enum raml_code rc = add_group(r, "all", "all", NULL, 0, err);
    for (size_t i = 0; i < g->n; i++) key[i] = g->member[i].verdict;
    for (size_t v = 0; !rc && v < RAML_TRACE_ALL; v++)
        rc = add_group(r, "verdict", raml_trace_verdict_name((enum raml_trace_verdict)v), key, v, err);
    for (size_t i = 0; i < g->n; i++) key[i] = g->member[i].mode;
    for (size_t m = 0; !rc && m < g->n_modes; m++) rc = add_group(r, "mode", g->mode[m], key, m, err);
    bool differ = lengths(g, work, key);
    for (size_t k = 0; !rc && differ && k < N_LENGTHS; k++) rc = add_group(r, "length", length[k], key, k, err);
    return rc;
}

enum raml_code raml_trace_groups_rows(const struct raml_trace_groups *g, uint64_t seed, uint32_t n_draws,
                                      struct raml_trace_row **row, size_t *n_rows, struct raml_err *err)
{
    struct rows r = {.g = g, .seed = seed, .n_draws = n_draws};
    size_t *key = malloc((g->n + 1) * sizeof *key);
    double *work = malloc((g->n + 1) * sizeof *work);
    enum raml_code rc = key && work ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu trajectories", g->n);
    if (!rc && g->n) rc = all_groups(&r, key, work, err);
    free(key);
    free(work);
    if (rc) {
        free(r.row);
        return rc;
    }
    *row = r.row;
    *n_rows = r.n;
    return RAML_OK;
}

void raml_trace_add_cell(struct raml_buf *b, const char *text)
{
    for (const char *c = text; *c; c++) raml_buf_add(b, (unsigned char)*c < ' ' || *c == 127 || *c == '"' ? " " : c, 1);
}

static void add_number(struct raml_buf *b, double x, const char *end)
{
    if (isfinite(x)) raml_buf_addf(b, "%.9g%s", x, end);
    else raml_buf_addf(b, "nan%s", end);
}

enum raml_code raml_trace_groups_write(const struct raml_trace_row *row, size_t n_rows, const char *path,
                                       struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TSV_BYTES);
    raml_buf_adds(&b, "by\tgroup\tcurve\tmeasure\ttrajectories\tquestions\tvalue\tlow\thigh\n");
    for (size_t i = 0; i < n_rows; i++) {
        const struct raml_trace_row *r = &row[i];
        const char *const text[] = {r->by, r->group, r->curve, r->measure};
        for (size_t k = 0; k < sizeof text / sizeof *text; k++) {
            raml_trace_add_cell(&b, text[k]);
            raml_buf_adds(&b, "\t");
        }
        raml_buf_addf(&b, "%zu\t%zu\t", r->n, r->e.n);
        add_number(&b, r->e.value, "\t");
        add_number(&b, r->e.low, "\t");
        add_number(&b, r->e.high, "\n");
    }
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}
