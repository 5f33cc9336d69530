/* roles_stats.c - rows of roles and words by verdict, with intervals over questions. See roles_parts.h. */
#include "study/roles_parts.h"

#include "core/array.h"
#include "core/elementary.h"
#include "core/path.h"
#include "eval/cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TSV_BYTES = 1 << 26, ALL = RAML_TOKEN_ROLES };

const char *raml_roles_measure_name(enum raml_roles_measure m)
{
    static const char *const name[RAML_ROLES_MEASURES] = {"delta",   "delta_median", "log_ratio",    "log_ratio_median",
                                                          "falling", "effect",       "effect_median"};
    return name[m];
}

void raml_roles_summary_deinit(struct raml_roles_summary *s)
{
    free(s->role);
    free(s->word);
    free(s->names);
    *s = (struct raml_roles_summary){0};
}

/* -- One row ------------------------------------------------------------------------------------------------------- */

struct relative {
    double value, loss; /* |dL|/L(first - 1), and that L */
};
struct group { /* which units, and their values */
    enum raml_trace_verdict verdict;
    size_t role; /* ALL: every token */
    size_t word; /* SIZE_MAX: any */
    struct raml_clustered delta, log_ratio, falling, effect;
    struct relative *relative;
    double *top_loss;
    size_t n_relative, cap_relative;
};

static void group_deinit(struct group *g)
{
    raml_clustered_deinit(&g->delta);
    raml_clustered_deinit(&g->log_ratio);
    raml_clustered_deinit(&g->falling);
    raml_clustered_deinit(&g->effect);
    free(g->relative);
    free(g->top_loss);
}

static bool is_in(const struct group *g, const struct raml_roles_unit *u)
{
    if (g->verdict != RAML_TRACE_ALL && u->verdict != g->verdict) return false;
    if (g->role == ALL) return u->first == u->last;
    return g->role == (size_t)u->role && (g->word == SIZE_MAX || g->word == u->word);
}

static enum raml_code add_unit(struct group *g, const struct raml_roles_unit *u, struct raml_err *err)
{
    double delta = u->after - u->before;
    enum raml_code rc = raml_clustered_add(&g->delta, u->question, delta, err);
    if (!rc) rc = raml_clustered_add(&g->falling, u->question, delta <= 0, err);
    if (!rc && g->role != ALL) rc = raml_clustered_add(&g->effect, u->question, u->effect, err);
    if (!rc && u->before > 0 && u->after > 0)
        rc = raml_clustered_add(&g->log_ratio, u->question, raml_log(u->after / u->before), err);
    if (rc || !(u->before > 0)) return rc;
    rc = RAML_GROW(g->relative, g->cap_relative, g->n_relative + 1, "units", err);
    if (!rc) g->relative[g->n_relative++] = (struct relative){fabs(delta) / u->before, u->before};
    return rc;
}

static int by_size(const void *a, const void *b) /* the largest first */
{
    const struct relative *x = a, *y = b;
    if (x->value < y->value) return 1;
    if (x->value > y->value) return -1;
    return (x->loss > y->loss) - (x->loss < y->loss);
}

static int upwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The paper's statistic, and how few units decide it. */
static enum raml_code relative(struct group *g, struct raml_roles_row *row, struct raml_err *err)
{
    size_t n = g->n_relative;
    double sum = 0, squares = 0, part = 0;
    row->relative.n = n;
    row->relative.mean = row->relative.deviation = row->relative.top_share = row->relative.top_loss = NAN;
    row->relative.half_loss = NAN;
    if (n == 0) return RAML_OK;
    qsort(g->relative, n, sizeof *g->relative, by_size);
    for (size_t i = n; i-- > 0;) sum += g->relative[i].value; /* the small ones first */
    row->relative.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double off = g->relative[i].value - row->relative.mean;
        squares += off * off;
    }
    if (n > 1) row->relative.deviation = sqrt(squares / (double)(n - 1));
    size_t top = row->relative.n_top = (n + 99) / 100;
    g->top_loss = malloc(top * sizeof *g->top_loss);
    if (!g->top_loss) return raml_fail(err, RAML_ENOMEM, "no memory for %zu units", top);
    for (size_t i = 0; i < n; i++) {
        if (part < sum / 2) {
            row->relative.half_loss = fmax(row->relative.half_loss, g->relative[i].loss); /* NaN at first */
            row->relative.n_half = i + 1;
        }
        part += g->relative[i].value;
        if (i < top) g->top_loss[i] = g->relative[i].loss;
        if (i + 1 == top && sum > 0) row->relative.top_share = part / sum;
    }
    qsort(g->top_loss, top, sizeof *g->top_loss, upwards);
    row->relative.top_loss = (g->top_loss[(top - 1) / 2] + g->top_loss[top / 2]) / 2;
    return RAML_OK;
}

typedef enum raml_code statistic(const struct raml_clustered *c, uint64_t seed, uint32_t n_draws,
                                 struct raml_estimate *out, struct raml_err *err);

static enum raml_code estimate(const struct group *g, const struct raml_roles_files_options *opt,
                               struct raml_roles_row *row, struct raml_err *err)
{
    const struct {
        const struct raml_clustered *values;
        statistic *of;
    } measure[RAML_ROLES_MEASURES] = {
        {&g->delta, raml_clustered_mean},     {&g->delta, raml_clustered_median},
        {&g->log_ratio, raml_clustered_mean}, {&g->log_ratio, raml_clustered_median},
        {&g->falling, raml_clustered_share},  {&g->effect, raml_clustered_mean},
        {&g->effect, raml_clustered_median},
    };
    enum raml_code rc = RAML_OK;
    for (size_t m = 0; !rc && m < RAML_ROLES_MEASURES; m++) {
        bool few = measure[m].values->n < opt->min_units;
        rc = measure[m].of(measure[m].values, opt->seed, few ? 0 : opt->n_draws, &row->e[m], err);
        if (few || !opt->n_draws) row->e[m].low = row->e[m].high = row->e[m].se = NAN;
    }
    return rc;
}

/* *row: n_units is 0 where the group is empty. */
static enum raml_code read_group(const struct raml_roles_set *set, struct group *g,
                                 const struct raml_roles_files_options *opt, struct raml_roles_row *row,
                                 struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *row = (struct raml_roles_row){.verdict = g->verdict};
    for (size_t i = 0; !rc && i < set->n; i++) {
        const struct raml_roles_unit *u = &set->unit[i];
        if (!is_in(g, u)) continue;
        row->n_units++;
        row->n_tokens += u->last - u->first + 1;
        rc = add_unit(g, u, err);
    }
    if (rc || row->n_units == 0) return rc;
    row->n_questions = raml_clustered_clusters(&g->delta);
    row->n_no_window = g->role == ALL ? 0 : row->n_units - g->effect.n;
    row->few = row->n_units < opt->min_units;
    rc = estimate(g, opt, row, err);
    return rc ? rc : relative(g, row, err);
}

/* -- All rows ------------------------------------------------------------------------------------------------------ */

/* name: the summary's. A row for each verdict that there is. */
static enum raml_code add_rows(const struct raml_roles_set *set, size_t role, size_t word, const char *name,
                               const struct raml_roles_files_options *opt, struct raml_roles_row *row, size_t *n,
                               struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (int v = 0; !rc && v < RAML_TRACE_GROUPS; v++) {
        struct group g = {.verdict = (enum raml_trace_verdict)v, .role = role, .word = word};
        rc = read_group(set, &g, opt, &row[*n], err);
        row[*n].name = name;
        if (!rc && row[*n].n_units) (*n)++;
        group_deinit(&g);
    }
    return rc;
}

static const char *role_name(size_t role)
{
    return role == ALL ? "all" : raml_token_role_name((enum raml_token_role)role);
}

/* Copies of all names: the roles', then the words'. */
static char *copy_names(const struct raml_roles_words *words, const char **name)
{
    size_t bytes = 0;
    for (size_t i = 0; i <= ALL + words->n; i++) {
        name[i] = i <= ALL ? role_name(i) : words->word[i - ALL - 1];
        bytes += strlen(name[i]) + 1;
    }
    char *names = malloc(bytes), *to = names;
    for (size_t i = 0; names && i <= ALL + words->n; i++) {
        size_t n = strlen(name[i]) + 1;
        memcpy(to, name[i], n);
        name[i] = to;
        to += n;
    }
    return names;
}

enum raml_code raml_roles_rows(const struct raml_roles_set *set, const struct raml_roles_words *words,
                               const struct raml_roles_files_options *opt, struct raml_roles_summary *out,
                               struct raml_err *err)
{
    const char *name[ALL + 1 + RAML_ROLES_MAX_WORDS];
    out->role = calloc((ALL + 1) * RAML_TRACE_GROUPS + 1, sizeof *out->role); /* one more: what is being read */
    out->word = calloc(words->n * RAML_TRACE_GROUPS + 1, sizeof *out->word);
    out->names = copy_names(words, name);
    if (!out->role || !out->word || !out->names)
        return raml_fail(err, RAML_ENOMEM, "no memory for the rows of %zu words", words->n);
    enum raml_code rc = RAML_OK;
    for (size_t r = 0; !rc && r <= ALL; r++)
        rc = add_rows(set, r, SIZE_MAX, name[r], opt, out->role, &out->n_roles, err);
    for (size_t w = 0; !rc && w < words->n; w++)
        rc = add_rows(set, RAML_TOKEN_REFLECTION, w, name[ALL + 1 + w], opt, out->word, &out->n_words, err);
    return rc;
}

/* -- Tables -------------------------------------------------------------------------------------------------------- */

static void add_number(struct raml_buf *b, double x)
{
    if (isfinite(x)) raml_buf_addf(b, "\t%.9g", x);
    else raml_buf_adds(b, "\tnan");
}

static void add_row(struct raml_buf *b, const struct raml_roles_row *r)
{
    for (const char *c = r->name; *c; c++) raml_buf_add(b, *c == '"' ? " " : c, 1); /* a word has no other to replace */
    raml_buf_addf(b, "\t%s\t%zu\t%zu\t%zu\t%d\t%zu", raml_trace_verdict_name(r->verdict), r->n_units, r->n_tokens,
                  r->n_questions, r->few, r->n_no_window);
    for (size_t m = 0; m < RAML_ROLES_MEASURES; m++) {
        add_number(b, r->e[m].value);
        add_number(b, r->e[m].low);
        add_number(b, r->e[m].high);
    }
    add_number(b, r->relative.mean);
    add_number(b, r->relative.deviation);
    raml_buf_addf(b, "\t%zu", r->relative.n_top);
    add_number(b, r->relative.top_share);
    add_number(b, r->relative.top_loss);
    raml_buf_addf(b, "\t%zu", r->relative.n_half);
    add_number(b, r->relative.half_loss);
    raml_buf_adds(b, "\n");
}

static enum raml_code write_table(const struct raml_roles_row *row, size_t n, const char *what, const char *dir,
                                  const char *file, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf b;
    raml_buf_init(&b, MAX_TSV_BYTES);
    raml_buf_addf(&b, "%s\tverdict\tunits\ttokens\tquestions\tfew\tno_window", what);
    for (int m = 0; m < RAML_ROLES_MEASURES; m++) {
        const char *name = raml_roles_measure_name((enum raml_roles_measure)m);
        raml_buf_addf(&b, "\t%s\t%s_low\t%s_high", name, name, name);
    }
    raml_buf_adds(&b, "\trelative\trelative_deviation\trelative_top\trelative_top_share\trelative_top_loss\t"
                      "relative_half\trelative_half_loss\n");
    for (size_t i = 0; i < n; i++) add_row(&b, &row[i]);
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_path_join(path, dir, file, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}

enum raml_code raml_roles_tables_write(const struct raml_roles_summary *s, const char *dir, struct raml_err *err)
{
    enum raml_code rc = write_table(s->role, s->n_roles, "role", dir, "roles.tsv", err);
    return rc ? rc : write_table(s->word, s->n_words, "word", dir, "words.tsv", err);
}
