/* table_text.c - a table as lines of aligned text (table.h). */
#include "raml/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum { CELL_BYTES = 168, NAME_WIDTH = 40, MAX_COLUMNS = 10 + RAML_TABLE_MAX_K + RAML_TABLE_MAX_MEASURES };

struct cell {
    char text[CELL_BYTES];
    size_t width; /* characters */
    bool left;    /* names stand left, numbers right */
};

struct line {
    struct cell cell[MAX_COLUMNS];
    size_t n;
};

/* Names come from files: control characters become '?', long ones are cut between characters. */
static void add_name(struct line *l, const char *name)
{
    struct cell *c = &l->cell[l->n++];
    size_t n = 0;
    *c = (struct cell){.left = true};
    for (const char *s = name; *s && n < CELL_BYTES - 1; s++) {
        bool starts = ((unsigned char)*s & 0xc0) != 0x80;
        if (starts && c->width == NAME_WIDTH) break;
        c->width += starts;
        c->text[n++] = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
    }
    c->text[n] = 0;
}

static void add_number(struct line *l, const char *fmt, ...) RAML_PRINTF(2, 3);
static void add_number(struct line *l, const char *fmt, ...)
{
    struct cell *c = &l->cell[l->n++];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(c->text, sizeof c->text, fmt, ap);
    va_end(ap);
    c->width = n > 0 ? (size_t)n : 0;
    c->left = false;
}

static void add_rate(struct line *l, double rate)
{
    if (isnan(rate))
        add_number(l, "-");
    else
        add_number(l, "%.1f %%", 100.0 * rate);
}

static void add_interval(struct line *l, const struct raml_estimate *e)
{
    if (isnan(e->low) || isnan(e->high))
        add_number(l, "-");
    else
        add_number(l, "%.1f - %.1f", 100.0 * e->low, 100.0 * e->high);
}

static void add_share(struct line *l, size_t part, size_t whole)
{
    if (!whole)
        add_number(l, "%zu", part);
    else
        add_number(l, "%zu (%.1f %%)", part, 100.0 * (double)part / (double)whole);
}

static void make_head(const struct raml_table *t, struct line *l)
{
    l->n = 0;
    if (t->by & RAML_BY_SPLIT) add_name(l, "split");
    if (t->by & RAML_BY_FAMILY) add_name(l, "family");
    if (t->by & RAML_BY_DIFFICULTY) add_number(l, "difficulty");
    add_number(l, "questions");
    add_number(l, "samples");
    add_number(l, "n");
    add_number(l, "accuracy");
    add_number(l, "95 %% interval");
    for (size_t i = 0; i < t->n_k; i++) add_number(l, "pass@%u", t->k[i]);
    for (size_t i = 0; i < t->n_measures; i++) {
        char name[RAML_MEASURE_NAME];
        raml_measure_name(&t->measure[i], name);
        add_number(l, "%s", name);
    }
    add_number(l, "truncated");
    add_number(l, "unclosed");
}

static void make_line(const struct raml_table *t, size_t i, struct line *l)
{
    const struct raml_table_row *r = &t->row[i];
    bool all = i + 1 == t->n_rows;
    l->n = 0;
    if (t->by & RAML_BY_SPLIT) add_name(l, all ? "all" : r->split ? r->split : "-");
    if (t->by & RAML_BY_FAMILY) add_name(l, all ? (l->n ? "" : "all") : r->family ? r->family : "-");
    if (t->by & RAML_BY_DIFFICULTY) {
        if (all)
            add_number(l, "%s", l->n ? "" : "all");
        else if (r->difficulty < 0)
            add_number(l, "-");
        else
            add_number(l, "%d", r->difficulty);
    }
    add_number(l, "%zu", r->n_questions);
    add_number(l, "%zu", r->n_samples);
    if (r->n_min == r->n_max)
        add_number(l, "%u", r->n_max);
    else
        add_number(l, "%u-%u", r->n_min, r->n_max);
    add_rate(l, r->accuracy.value);
    add_interval(l, &r->accuracy);
    for (size_t j = 0; j < t->n_k; j++) add_rate(l, r->pass[j].value);
    for (size_t j = 0; j < t->n_measures; j++) add_rate(l, r->measure[j].value);
    add_share(l, r->n_truncated, r->n_samples);
    add_share(l, r->n_unclosed, r->n_samples);
}

static void widen(size_t *width, const struct line *l)
{
    for (size_t j = 0; j < l->n; j++)
        if (l->cell[j].width > width[j]) width[j] = l->cell[j].width;
}

/* Two blanks between columns; none at a line's end. */
static void write_line(const struct line *l, const size_t *width, struct raml_buf *out)
{
    for (size_t j = 0; j < l->n; j++) {
        const struct cell *c = &l->cell[j];
        int pad = (int)(width[j] - c->width);
        if (j) raml_buf_adds(out, "  ");
        if (!c->left) raml_buf_addf(out, "%*s", pad, "");
        raml_buf_adds(out, c->text);
        if (c->left && j + 1 < l->n) raml_buf_addf(out, "%*s", pad, "");
    }
    raml_buf_adds(out, "\n");
}

void raml_table_text(const struct raml_table *t, struct raml_buf *out)
{
    struct line l;
    size_t width[MAX_COLUMNS] = {0};
    make_head(t, &l);
    widen(width, &l);
    for (size_t i = 0; i < t->n_rows; i++) {
        make_line(t, i, &l);
        widen(width, &l);
    }
    make_head(t, &l);
    write_line(&l, width, out);
    for (size_t i = 0; i < t->n_rows; i++) {
        make_line(t, i, &l);
        write_line(&l, width, out);
    }
}

/* The i-th of the measures of one row: accuracy, pass@k, the further ones. */
static void measure_line(const struct raml_table *t, size_t i, struct line *l)
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
    add_name(l, name);
    add_rate(l, e->value);
    add_interval(l, e);
}

void raml_table_measures_text(const struct raml_table *t, struct raml_buf *out)
{
    struct line l = {.n = 0};
    size_t width[MAX_COLUMNS] = {0}, n = 1 + t->n_k + t->n_measures;
    if (!t->n_rows) return;
    add_name(&l, "all questions");
    add_number(&l, "value");
    add_number(&l, "95 %% interval");
    struct line head = l;
    widen(width, &l);
    for (size_t i = 0; i < n; i++) {
        measure_line(t, i, &l);
        widen(width, &l);
    }
    write_line(&head, width, out);
    for (size_t i = 0; i < n; i++) {
        measure_line(t, i, &l);
        write_line(&l, width, out);
    }
}
