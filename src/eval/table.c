/* table.c - grouping tallies into rows (table.h). How rows are written is table_text.c and table_json.c. */
#include "raml/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct keyed { /* a tally under the keys it is grouped by; the others are as if not known */
    const char *split, *family;
    int difficulty;
    size_t i;
};

static int compare_text(const char *a, const char *b)
{
    if (!a || !b) return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

static int compare_keys(const struct keyed *a, const struct keyed *b)
{
    int c = compare_text(a->split, b->split);
    if (!c) c = compare_text(a->family, b->family);
    if (!c) c = (a->difficulty > b->difficulty) - (a->difficulty < b->difficulty);
    return c;
}

static int by_keys(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    int c = compare_keys(x, y);
    return c ? c : (x->i > y->i) - (x->i < y->i);
}

static enum raml_code check_options(const struct raml_table_options *opt, struct raml_err *err)
{
    if (opt->n_k > RAML_TABLE_MAX_K)
        return raml_fail(err, RAML_ERANGE, "%zu values of k; at most %d", opt->n_k, (int)RAML_TABLE_MAX_K);
    for (size_t i = 0; i < opt->n_k; i++)
        for (size_t j = 0; j < i; j++)
            if (opt->k[i] == opt->k[j]) return raml_fail(err, RAML_ERANGE, "k = %u is asked for twice", opt->k[i]);
    return RAML_OK;
}

/* After this pass@k can't fail for any row. */
static enum raml_code check_tally(const struct raml_tally *q, size_t i, const struct raml_table_options *opt,
                                  struct raml_err *err)
{
    if (!q->n) return raml_fail(err, RAML_ERANGE, "question %zu has no samples", i + 1);
    if (q->c > q->n || q->n_truncated > q->n || q->n_unclosed > q->n)
        return raml_fail(err, RAML_ERANGE, "question %zu: %u right, %u truncated, %u unclosed of %u samples", i + 1,
                         q->c, q->n_truncated, q->n_unclosed, q->n);
    for (size_t j = 0; j < opt->n_k; j++)
        if (opt->k[j] == 0 || opt->k[j] > q->n)
            return raml_fail(err, RAML_ERANGE, "pass@%u needs 1 to n for k; question %zu has n = %u samples",
                             opt->k[j], i + 1, q->n);
    return RAML_OK;
}

/* Row of the tallies that key[0..n) names. count: scratch [n]. */
static enum raml_code make_row(const struct raml_tally *tally, const struct keyed *key, size_t n,
                               const struct raml_table_options *opt, struct raml_count *count,
                               struct raml_table_row *row, struct raml_err *err)
{
    *row = (struct raml_table_row){.difficulty = -1, .n_questions = n};
    for (size_t i = 0; i < n; i++) {
        const struct raml_tally *q = &tally[key[i].i];
        count[i] = (struct raml_count){q->n, q->c};
        row->n_samples += q->n;
        row->n_right += q->c;
        row->n_truncated += q->n_truncated;
        row->n_unclosed += q->n_unclosed;
    }
    enum raml_code rc = raml_pass_at_k_mean(count, n, 1, opt->seed, opt->n_draws, &row->accuracy, err);
    for (size_t j = 0; j < opt->n_k && !rc; j++)
        rc = raml_pass_at_k_mean(count, n, opt->k[j], opt->seed, opt->n_draws, &row->pass[j], err);
    return rc;
}

static enum raml_code add_row(struct raml_table *t, size_t *cap, const struct raml_table_row *row,
                              struct raml_err *err)
{
    if (t->n_rows == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        struct raml_table_row *p = realloc(t->row, more * sizeof *p);
        if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for %zu rows of a table", more);
        t->row = p;
        *cap = more;
    }
    t->row[t->n_rows++] = *row;
    return RAML_OK;
}

static enum raml_code make_rows(struct raml_table *t, const struct raml_tally *tally, struct keyed *key, size_t n,
                                const struct raml_table_options *opt, struct raml_count *count, struct raml_err *err)
{
    struct raml_table_row row;
    size_t cap = 0;
    enum raml_code rc = make_row(tally, key, n, opt, count, &row, err); /* all, while in the order given */
    struct raml_table_row all = row;
    if (n) qsort(key, n, sizeof *key, by_keys);
    for (size_t i = 0, end; i < n && opt->by && !rc; i = end) {
        for (end = i + 1; end < n && compare_keys(&key[i], &key[end]) == 0;) end++;
        rc = make_row(tally, key + i, end - i, opt, count, &row, err);
        row.split = key[i].split;
        row.family = key[i].family;
        row.difficulty = key[i].difficulty;
        if (!rc) rc = add_row(t, &cap, &row, err);
    }
    return rc ? rc : add_row(t, &cap, &all, err);
}

enum raml_code raml_table_build(const struct raml_tally *tally, size_t n, const struct raml_table_options *opt,
                                struct raml_table *out, struct raml_err *err)
{
    struct raml_table t = {.by = opt->by, .n_k = opt->n_k};
    enum raml_code rc = check_options(opt, err);
    for (size_t i = 0; i < n && !rc; i++) rc = check_tally(&tally[i], i, opt, err);
    if (rc) return rc;
    if (opt->n_k) memcpy(t.k, opt->k, opt->n_k * sizeof *t.k);
    struct keyed *key = calloc(n + 1, sizeof *key);
    struct raml_count *count = calloc(n + 1, sizeof *count);
    if (!key || !count) rc = raml_fail(err, RAML_ENOMEM, "no memory for a table of %zu questions", n);
    for (size_t i = 0; i < n && !rc; i++) {
        key[i] = (struct keyed){.difficulty = -1, .i = i};
        if (opt->by & RAML_BY_SPLIT) key[i].split = tally[i].split;
        if (opt->by & RAML_BY_FAMILY) key[i].family = tally[i].family;
        if (opt->by & RAML_BY_DIFFICULTY) key[i].difficulty = tally[i].difficulty;
    }
    if (!rc) rc = make_rows(&t, tally, key, n, opt, count, err);
    free(key);
    free(count);
    if (rc) {
        raml_table_deinit(&t);
        return rc;
    }
    raml_table_deinit(out);
    *out = t;
    return RAML_OK;
}

void raml_table_deinit(struct raml_table *t)
{
    free(t->row);
    *t = (struct raml_table){0};
}
