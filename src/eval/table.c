/* table.c - the rows of a table from tallied questions (table.h, table.h). They are written by table_text.c and
 * table_json.c. */
#include "eval/resample.h"
#include "eval/tally_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the measures of one row ------------------------------------------------------------------------------------- */

/* The count table of a row's questions with their values: value[r * n + i] is measure r for counted[i]. */
struct values {
    struct raml_count_row *counted;
    size_t n;
    uint64_t *count;
    double *value;
    const double **row;
};

static void values_deinit(struct values *v)
{
    free(v->counted);
    free(v->count);
    free(v->value);
    free(v->row);
}

/* Accuracy, pass@k for each k, then each measure except maj@k (left at 0). */
static enum raml_code fill(const struct raml_tallies *t, struct values *v, struct raml_err *err)
{
    struct raml_measure accuracy = {.kind = RAML_MEASURE_ACCURACY};
    size_t n_rows = 1 + t->opt.n_k + t->opt.n_measures;
    for (size_t r = 0; r < n_rows; r++) {
        struct raml_measure pass = {.kind = RAML_MEASURE_PASS, .k = r && r <= t->opt.n_k ? t->k[r - 1] : 1};
        const struct raml_measure *m = !r ? &accuracy : r <= t->opt.n_k ? &pass : &t->measure[r - 1 - t->opt.n_k];
        v->row[r] = v->value + r * v->n;
        for (size_t i = 0; i < v->n && m->kind != RAML_MEASURE_MAJ; i++) {
            enum raml_code rc = raml_measure_value(m, (uint32_t)(v->counted[i].key >> 32), (uint32_t)v->counted[i].key,
                                                   &v->value[r * v->n + i], err);
            if (rc) return rc;
        }
    }
    return RAML_OK;
}

static enum raml_code values_init(const struct raml_tallies *t, const struct raml_count_table *counts, struct values *v,
                                  struct raml_err *err)
{
    size_t n_rows = 1 + t->opt.n_k + t->opt.n_measures;
    *v = (struct values){0};
    v->counted = raml_count_table_sorted(counts, &v->n);
    v->count = calloc(v->n + 1, sizeof *v->count);
    v->row = calloc(n_rows, sizeof *v->row);
    v->value = v->n < SIZE_MAX / 8 / n_rows - 1 ? calloc(n_rows * v->n + 1, sizeof *v->value) : NULL;
    if ((counts->n && !v->counted) || !v->count || !v->value || !v->row)
        return raml_fail(err, RAML_ENOMEM, "no memory for a table of %zu kinds of questions", counts->n);
    for (size_t i = 0; i < v->n; i++) v->count[i] = v->counted[i].count;
    return fill(t, v, err);
}

static struct raml_spread spread_of(const struct values *v)
{
    struct raml_spread s = {NAN, 0, 0};
    double total = 0, sum = 0, squares = 0;
    for (size_t i = 0; i < v->n; i++) {
        total += (double)v->count[i];
        sum += (double)v->count[i] * v->row[0][i];
    }
    double mean = sum / total;
    for (size_t i = 0; i < v->n; i++) {
        double n = (double)(uint32_t)(v->counted[i].key >> 32), p = v->row[0][i], w = (double)v->count[i] / total;
        squares += (double)v->count[i] * (p - mean) * (p - mean);
        double one = n > 1 ? p * (1 - p) * n / (n - 1) : NAN;
        s.within += w * one;
        s.noise += w * one / n;
    }
    if (total > 1) s.total = squares / (total - 1);
    if (!(total > 0)) s.within = s.noise = NAN;
    return s;
}

/* Questions by group: those of group g are question[start[g] .. start[g + 1]). */
struct by_group {
    size_t *start;
    uint32_t *question;
};

static void by_group_deinit(struct by_group *b)
{
    free(b->start);
    free(b->question);
}

static enum raml_code by_group_init(const struct raml_tallies *t, struct by_group *b, struct raml_err *err)
{
    size_t n = t->n_maj ? t->n_questions : 0;
    b->start = calloc(t->n_groups + 2, sizeof *b->start);
    b->question = calloc(n + 1, sizeof *b->question);
    if (!b->start || !b->question) return raml_fail(err, RAML_ENOMEM, "no memory for votes of %zu questions", n);
    for (size_t i = 0; i < n; i++) b->start[t->maj_group[i] + 2]++;
    for (size_t g = 2; g < t->n_groups + 2; g++) b->start[g] += b->start[g - 1];
    for (size_t i = 0; i < n; i++) b->question[b->start[t->maj_group[i] + 1]++] = (uint32_t)i;
    return RAML_OK;
}

/* The maj@k of the questions of group g (SIZE_MAX: all) into the row's measures. */
static enum raml_code majority_row(const struct raml_tallies *t, const struct by_group *b, size_t g,
                                   struct raml_table_row *row, struct raml_err *err)
{
    size_t from = g == SIZE_MAX ? 0 : b->start[g], to = g == SIZE_MAX ? t->n_questions : b->start[g + 1];
    struct raml_resample_options opt = {t->opt.seed, t->opt.n_draws, true};
    double *x = malloc((row->n_questions + 1) * sizeof *x), *value = malloc(RAML_RESAMPLE_MAX_VALUES * sizeof *value);
    uint64_t *count = malloc(RAML_RESAMPLE_MAX_VALUES * sizeof *count);
    enum raml_code rc = RAML_OK;
    if (!x || !value || !count) rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu votes", row->n_questions);
    for (size_t j = 0, at = 0; j < t->opt.n_measures && !rc; j++) {
        if (t->measure[j].kind != RAML_MEASURE_MAJ) continue;
        size_t n = 0;
        for (size_t i = from; i < to; i++) x[n++] = t->maj[b->question[i] * t->n_maj + at];
        at++;
        size_t n_values = raml_resample_gather(x, n, value, count);
        const double *rows[] = {value};
        rc = raml_resample(count, n_values, rows, 1, &opt, &row->measure[j], err);
    }
    free(x);
    free(value);
    free(count);
    return rc;
}

static enum raml_code make_row(const struct raml_tallies *t, const struct by_group *b, size_t g,
                               const struct raml_count_table *counts, struct raml_table_row *row, struct raml_err *err)
{
    struct raml_resample_options opt = {t->opt.seed, t->opt.n_draws, true};
    struct values v;
    size_t n_rows = 1 + t->opt.n_k + t->opt.n_measures;
    enum raml_code rc = values_init(t, counts, &v, err);
    struct raml_estimate *e = rc ? NULL : calloc(n_rows, sizeof *e);
    if (!rc && !e) rc = raml_fail(err, RAML_ENOMEM, "no memory for a table's row");
    if (!rc) rc = raml_resample(v.count, v.n, v.row, n_rows, &opt, e, err);
    if (!rc) {
        row->accuracy = e[0];
        memcpy(row->pass, e + 1, t->opt.n_k * sizeof *e);
        memcpy(row->measure, e + 1 + t->opt.n_k, t->opt.n_measures * sizeof *e);
        row->spread = spread_of(&v);
    }
    if (!rc && t->n_maj) rc = majority_row(t, b, g, row, err);
    values_deinit(&v);
    free(e);
    return rc;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int compare_text(const char *a, const char *b)
{
    if (!a || !b) return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

struct placed { /* a group, to be sorted */
    const struct raml_group *group;
    size_t i;
};

static int by_keys(const void *a, const void *b)
{
    const struct raml_group *x = ((const struct placed *)a)->group, *y = ((const struct placed *)b)->group;
    int c = compare_text(x->split, y->split);
    if (!c) c = compare_text(x->family, y->family);
    return c ? c : (x->difficulty > y->difficulty) - (x->difficulty < y->difficulty);
}

static const char *copy_text(char **at, const char *text)
{
    if (!text) return NULL;
    size_t n = strlen(text) + 1;
    char *copy = memcpy(*at, text, n);
    *at += n;
    return copy;
}

static void add_group(struct raml_table_row *sum, const struct raml_group *g)
{
    sum->n_questions += g->n_questions;
    sum->n_samples += g->n_samples;
    sum->n_correct += g->n_correct;
    sum->n_truncated += g->n_truncated;
    sum->n_unclosed += g->n_unclosed;
    if (!sum->n_max || g->n_min < sum->n_min) sum->n_min = g->n_min;
    if (g->n_max > sum->n_max) sum->n_max = g->n_max;
}

static enum raml_code all_row(const struct raml_tallies *t, const struct by_group *b, struct raml_table_row *row,
                              struct raml_err *err)
{
    struct raml_count_table all = {0};
    enum raml_code rc = RAML_OK;
    *row = (struct raml_table_row){.difficulty = -1};
    for (size_t g = 0; g < t->n_groups; g++) {
        const struct raml_count_table *c = &t->group[g].counts;
        add_group(row, &t->group[g]);
        for (size_t i = 0; i < c->n && !rc; i++) rc = raml_count_table_add(&all, c->row[i].key, c->row[i].count, err);
    }
    if (!rc) rc = make_row(t, b, SIZE_MAX, &all, row, err);
    raml_count_table_deinit(&all);
    return rc;
}

static enum raml_code all_rows(const struct raml_tallies *t, const struct by_group *b, struct raml_table *out,
                               struct placed *place, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    char *at = out->text;
    for (size_t g = 0; g < t->n_groups; g++) place[g] = (struct placed){&t->group[g], g};
    if (t->n_groups) qsort(place, t->n_groups, sizeof *place, by_keys);
    for (size_t i = 0; i < t->n_groups && t->opt.by && !rc; i++) {
        const struct raml_group *g = place[i].group;
        struct raml_table_row *row = &out->row[out->n_rows++];
        *row = (struct raml_table_row){.difficulty = g->difficulty};
        add_group(row, g);
        row->split = copy_text(&at, g->split);
        row->family = copy_text(&at, g->family);
        rc = make_row(t, b, place[i].i, &g->counts, row, err);
    }
    return rc ? rc : all_row(t, b, &out->row[out->n_rows++], err);
}

enum raml_code raml_tallies_table(const struct raml_tallies *t, struct raml_table *out, struct raml_err *err)
{
    struct raml_table made = {.by = t->opt.by, .n_k = t->opt.n_k, .n_measures = t->opt.n_measures};
    size_t bytes = 1;
    for (size_t g = 0; g < t->n_groups; g++)
        bytes += (t->group[g].split ? strlen(t->group[g].split) + 1 : 0) +
                 (t->group[g].family ? strlen(t->group[g].family) + 1 : 0);
    memcpy(made.k, t->k, sizeof made.k);
    memcpy(made.measure, t->measure, sizeof made.measure);
    made.row = calloc(t->opt.by ? t->n_groups + 1 : 1, sizeof *made.row);
    made.text = malloc(bytes);
    struct placed *place = calloc(t->n_groups + 1, sizeof *place);
    enum raml_code rc = RAML_OK;
    if (!made.row || !made.text || !place)
        rc = raml_fail(err, RAML_ENOMEM, "no memory for a table of %zu rows", t->n_groups + 1);
    struct by_group b = {0};
    if (!rc) rc = by_group_init(t, &b, err);
    if (!rc) rc = all_rows(t, &b, &made, place, err);
    by_group_deinit(&b);
    free(place);
    if (rc) {
        raml_table_deinit(&made);
        return rc;
    }
    raml_table_deinit(out);
    *out = made;
    return RAML_OK;
}

enum raml_code raml_table_build(const struct raml_tally *tally, size_t n, const struct raml_table_options *opt,
                                struct raml_table *out, struct raml_err *err)
{
    struct raml_tallies *t = NULL;
    enum raml_code rc = raml_tallies_open(opt, false, &t, err);
    for (size_t i = 0; i < n && !rc; i++) rc = raml_tallies_count(t, NULL, &tally[i], err);
    if (!rc) rc = raml_tallies_table(t, out, err);
    raml_tallies_close(t);
    return rc;
}

void raml_table_deinit(struct raml_table *t)
{
    free(t->row);
    free(t->text);
    *t = (struct raml_table){0};
}
