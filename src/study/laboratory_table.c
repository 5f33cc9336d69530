/* laboratory_table.c - a table file of a laboratory's folder as a table on the page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#include "core/path.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_MAX = 1 << 24, ROWS_MAX = 200, COLUMNS_MAX = 24, NAME_BYTES = 96 };

bool raml_lab_open_table(struct raml_lab_view *v, const char *file, const char *const *name, size_t n, size_t *column,
                         struct raml_tsv *t)
{
    char path[RAML_PATH_BYTES];
    struct raml_err why = {0};
    if (!raml_lab_has(v, file)) return false;
    v->n_files++;
    enum raml_code rc = raml_path_join(path, v->lab->path, file, &why);
    if (rc) {
        raml_lab_left_out(v, &why);
        return false;
    }
    rc = raml_tsv_read(t, path, TABLE_MAX, &why);
    if (!rc) rc = raml_tsv_columns(t, path, name, n, column, &why);
    if (!rc) return true;
    raml_lab_left_out(v, &why);
    raml_tsv_deinit(t);
    return false;
}

void raml_lab_digits(struct raml_page *p, double x, int digits)
{
    char text[64];
    double size = fabs(x);
    if (isnan(x) || x == 0) {
        raml_page_number(p, x);
        return;
    }
    if (size >= 1e15 || size < 1e-6) snprintf(text, sizeof text, "%.*g", digits, size);
    else if (size >= pow(10, digits)) snprintf(text, sizeof text, "%.0f", size);
    else snprintf(text, sizeof text, "%.*f", digits - 1 - (int)floor(log10(size)), size);
    raml_buf_addf(&p->html, "%s%s", x < 0 ? "\u2212" : "", text);
}

void raml_lab_interval(struct raml_page *p, double value, double low, double high, bool share)
{
    struct raml_buf *b = &p->html;
    raml_buf_adds(b, "<td>");
    if (share && value < 0) raml_buf_adds(b, "\u2212"); /* a difference of shares */
    if (share) raml_page_percent(p, fabs(value));
    else raml_lab_digits(p, value, 3);
    if (!isnan(value) && !isnan(low) && !isnan(high)) {
        raml_buf_adds(b, " <small>[");
        raml_lab_digits(p, share ? 100 * low : low, 3);
        raml_buf_adds(b, ",\u00A0");
        raml_lab_digits(p, share ? 100 * high : high, 3);
        raml_buf_adds(b, "]</small>");
    }
    raml_buf_adds(b, "</td>");
}

void raml_lab_data_line(struct raml_lab_view *v, const char *text, const char *file)
{
    raml_buf_addf(&v->p->html, "</table></div>\n<p class=\"dim\">%s ", text);
    raml_lab_link(v, file, file);
    raml_buf_adds(&v->p->html, "</p>\n");
}

/* -- Any table ----------------------------------------------------------------------------------------------------- */

enum { NO_COLUMN = -1, MAIN_MAX = sizeof((struct raml_lab_table *)0)->main / sizeof(char *) };

struct shown {
    const struct raml_lab_table *table;
    struct raml_tsv t;
    size_t column[COLUMNS_MAX];
    int low[COLUMNS_MAX], high[COLUMNS_MAX], where, faint, fold; /* NO_COLUMN: there is none */
};

static int find_column(const struct raml_tsv *t, const char *name, const char *end)
{
    char want[NAME_BYTES];
    if (!name || snprintf(want, sizeof want, "%s%s", name, end) >= (int)sizeof want) return NO_COLUMN;
    for (size_t c = 0; c < t->n_columns; c++)
        if (strcmp(raml_tsv_cell(t, 0, c), want) == 0) return (int)c;
    return NO_COLUMN;
}

static double number_in(const struct raml_tsv *t, size_t row, int column)
{
    return column == NO_COLUMN ? NAN : raml_tsv_number(t, row, (size_t)column);
}

static void add_cell(struct raml_page *p, const struct shown *s, size_t row, size_t c)
{
    enum raml_lab_form form = s->table->column[c].form;
    if (form == RAML_LAB_NUMBER || form == RAML_LAB_SHARE) {
        raml_lab_interval(p, raml_tsv_number(&s->t, row, s->column[c]), number_in(&s->t, row, s->low[c]),
                          number_in(&s->t, row, s->high[c]), form == RAML_LAB_SHARE);
        return;
    }
    raml_buf_adds(&p->html, form == RAML_LAB_TEXT ? "<td class=\"t\">" : "<td>");
    if (form == RAML_LAB_TEXT) raml_page_text(p, raml_tsv_cell(&s->t, row, s->column[c]));
    else raml_page_number(p, raml_tsv_number(&s->t, row, s->column[c]));
    raml_buf_adds(&p->html, "</td>");
}

static void add_row(struct raml_page *p, const struct shown *s, size_t row)
{
    double faint = number_in(&s->t, row, s->faint);
    const char *strong = s->table->strong, *first = raml_tsv_cell(&s->t, row, s->column[0]);
    if (faint < 0 || faint > 0) raml_buf_adds(&p->html, "<tr class=\"dim\">");
    else raml_buf_adds(&p->html, strong && strcmp(first, strong) == 0 ? "<tr class=\"all\">" : "<tr>");
    for (size_t c = 0; c < s->table->n_columns; c++) add_cell(p, s, row, c);
    raml_buf_adds(&p->html, "</tr>\n");
}

static bool is_shown(const struct shown *s, size_t row)
{
    return !s->table->where ||
           (s->where != NO_COLUMN && strcmp(raml_tsv_cell(&s->t, row, (size_t)s->where), s->table->is) == 0);
}

static void add_head(struct raml_page *p, const struct raml_lab_table *table)
{
    raml_buf_adds(&p->html, "<div class=\"wide tight\"><table><tr>");
    for (size_t c = 0; c < table->n_columns; c++)
        raml_buf_addf(&p->html, "<th%s>%s</th>", table->column[c].form == RAML_LAB_TEXT ? " class=\"t\"" : "",
                      table->column[c].head);
    raml_buf_adds(&p->html, "</tr>\n");
}

static bool is_folded(const struct shown *s, size_t row)
{
    if (s->fold == NO_COLUMN) return false;
    for (size_t i = 0; i < MAIN_MAX; i++)
        if (s->table->main[i] && !strcmp(raml_tsv_cell(&s->t, row, (size_t)s->fold), s->table->main[i])) return false;
    return true;
}

static size_t count_rows(const struct shown *s, bool folded)
{
    size_t n = 0;
    for (size_t r = 1; r < s->t.n_rows; r++) n += is_shown(s, r) && is_folded(s, r) == folded;
    return n;
}

/* n: how many there are. */
static void add_rows(struct raml_page *p, const struct shown *s, bool folded, size_t n)
{
    size_t n_added = 0;
    add_head(p, s->table);
    for (size_t r = 1; r < s->t.n_rows && n_added < ROWS_MAX; r++) {
        if (!is_shown(s, r) || is_folded(s, r) != folded) continue;
        add_row(p, s, r);
        n_added++;
    }
    if (n > ROWS_MAX)
        raml_buf_addf(&p->html, "<tr><td class=\"t\" colspan=\"%zu\">the first %d of %zu rows</td></tr>\n",
                      s->table->n_columns, ROWS_MAX, n);
}

void raml_lab_table(struct raml_lab_view *v, const struct raml_lab_table *table)
{
    const char *name[COLUMNS_MAX] = {NULL};
    struct shown s = {.table = table};
    size_t n_columns = table->n_columns;
    for (size_t c = 0; c < n_columns && c < COLUMNS_MAX; c++) name[c] = table->column[c].name;
    if (n_columns > COLUMNS_MAX || !raml_lab_open_table(v, table->file, name, n_columns, s.column, &s.t)) return;
    for (size_t c = 0; c < n_columns; c++) {
        s.low[c] = find_column(&s.t, name[c], "_low");
        s.high[c] = find_column(&s.t, name[c], "_high");
    }
    s.where = find_column(&s.t, table->where, "");
    s.faint = find_column(&s.t, table->faint, "");
    s.fold = find_column(&s.t, table->fold, "");
    size_t n = count_rows(&s, false), n_folded = count_rows(&s, true);
    if (n || n_folded) raml_buf_adds(&v->p->html, table->before ? table->before : "");
    if (n) {
        add_rows(v->p, &s, false, n);
        raml_lab_data_line(v, table->note ? table->note : "All digits:", table->file);
    }
    if (n_folded) {
        raml_buf_addf(&v->p->html, "<details><summary>%zu more rows</summary>\n", n_folded);
        add_rows(v->p, &s, true, n_folded);
        raml_buf_adds(&v->p->html, "</table></div>\n</details>\n");
    }
    raml_tsv_deinit(&s.t);
}
