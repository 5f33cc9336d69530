/* table_text.c - a table as lines of aligned text (table.h). */
#include "raml/table.h"

#include "eval/columns.h"

struct shown {     /* what is written of a table */
    unsigned by;   /* keys that some row has */
    bool groups;   /* rows above the one for all questions */
    bool measures; /* as columns */
};

static struct shown what_to_show(const struct raml_table *t)
{
    enum { FEW = 4 };
    struct shown s = {.by = 0};
    for (size_t i = 0; i + 1 < t->n_rows; i++) {
        s.by |= t->row[i].split ? RAML_BY_SPLIT : 0;
        s.by |= t->row[i].family ? RAML_BY_FAMILY : 0;
        s.by |= t->row[i].difficulty >= 0 ? RAML_BY_DIFFICULTY : 0;
    }
    s.groups = s.by != 0;
    s.measures = s.groups || t->n_measures <= FEW;
    return s;
}

static void make_head(const struct raml_table *t, struct shown s, struct raml_columns *l)
{
    l->n = 0;
    if (s.by & RAML_BY_SPLIT) raml_column_name(l, "split");
    if (s.by & RAML_BY_FAMILY) raml_column_name(l, "family");
    if (s.by & RAML_BY_DIFFICULTY) raml_column_number(l, "difficulty");
    raml_column_number(l, "questions");
    raml_column_number(l, "samples");
    raml_column_number(l, "n");
    raml_column_number(l, "accuracy");
    raml_column_number(l, "95 %% interval");
    for (size_t i = 0; i < t->n_k; i++) raml_column_number(l, "pass@%u", t->k[i]);
    for (size_t i = 0; i < t->n_measures && s.measures; i++) {
        char name[RAML_MEASURE_NAME];
        raml_measure_name(&t->measure[i], name);
        raml_column_number(l, "%s", name);
    }
    raml_column_number(l, "truncated");
    raml_column_number(l, "not closed");
}

static void make_keys(const struct raml_table *t, struct shown s, size_t i, struct raml_columns *l)
{
    const struct raml_table_row *r = &t->row[i];
    bool all = i + 1 == t->n_rows;
    if (s.by & RAML_BY_SPLIT) raml_column_name(l, all ? "all" : r->split ? r->split : "-");
    if (s.by & RAML_BY_FAMILY) raml_column_name(l, all ? (l->n ? "" : "all") : r->family ? r->family : "-");
    if (!(s.by & RAML_BY_DIFFICULTY)) return;
    if (all) raml_column_number(l, "%s", l->n ? "" : "all");
    else if (r->difficulty < 0) raml_column_number(l, "-");
    else raml_column_number(l, "%d", r->difficulty);
}

static void make_line(const struct raml_table *t, struct shown s, size_t i, struct raml_columns *l)
{
    const struct raml_table_row *r = &t->row[i];
    l->n = 0;
    make_keys(t, s, i, l);
    raml_column_number(l, "%zu", r->n_questions);
    raml_column_number(l, "%zu", r->n_samples);
    if (r->n_min == r->n_max) raml_column_number(l, "%u", r->n_max);
    else raml_column_number(l, "%u-%u", r->n_min, r->n_max);
    raml_column_rate(l, r->accuracy.value);
    raml_column_interval(l, &r->accuracy);
    for (size_t j = 0; j < t->n_k; j++) raml_column_rate(l, r->pass[j].value);
    for (size_t j = 0; j < t->n_measures && s.measures; j++) raml_column_rate(l, r->measure[j].value);
    raml_column_share(l, r->n_truncated, r->n_samples);
    raml_column_share(l, r->n_unclosed, r->n_samples);
}

void raml_table_text(const struct raml_table *t, struct raml_buf *out)
{
    struct raml_columns l;
    size_t width[RAML_MAX_COLUMNS] = {0};
    struct shown s = what_to_show(t);
    size_t from = s.groups || !t->n_rows ? 0 : t->n_rows - 1;
    make_head(t, s, &l);
    raml_columns_widen(width, &l);
    for (size_t i = from; i < t->n_rows; i++) {
        make_line(t, s, i, &l);
        raml_columns_widen(width, &l);
    }
    make_head(t, s, &l);
    raml_columns_write(&l, width, out);
    for (size_t i = from; i < t->n_rows; i++) {
        make_line(t, s, i, &l);
        raml_columns_write(&l, width, out);
    }
}

/* The i-th measure of a row: accuracy, pass@k, the others. */
static void measure_line(const struct raml_table *t, size_t i, struct raml_columns *l)
{
    const struct raml_table_row *r = &t->row[t->n_rows - 1];
    struct raml_measure m = {.kind = i ? RAML_MEASURE_PASS : RAML_MEASURE_ACCURACY};
    const struct raml_estimate *e = i ? &r->pass[i - 1] : &r->accuracy;
    if (i && i <= t->n_k) m.k = t->k[i - 1];
    if (i > t->n_k) {
        m = t->measure[i - 1 - t->n_k];
        e = &r->measure[i - 1 - t->n_k];
    }
    char name[RAML_MEASURE_NAME];
    raml_measure_name(&m, name);
    l->n = 0;
    raml_column_name(l, name);
    raml_column_rate(l, e->value);
    raml_column_interval(l, e);
}

void raml_table_measures_text(const struct raml_table *t, struct raml_buf *out)
{
    struct raml_columns l = {.n = 0};
    size_t width[RAML_MAX_COLUMNS] = {0}, n = 1 + t->n_k + t->n_measures;
    if (!t->n_rows) return;
    raml_column_name(&l, "all questions");
    raml_column_number(&l, "value");
    raml_column_number(&l, "95 %% interval");
    struct raml_columns head = l;
    raml_columns_widen(width, &l);
    for (size_t i = 0; i < n; i++) {
        measure_line(t, i, &l);
        raml_columns_widen(width, &l);
    }
    raml_columns_write(&head, width, out);
    for (size_t i = 0; i < n; i++) {
        measure_line(t, i, &l);
        raml_columns_write(&l, width, out);
    }
}
