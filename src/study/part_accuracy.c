/* part_accuracy.c - the report's accuracy tables: runs side by side where they answered the same evaluation. */
#include "study/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BY = 8, MAX_ROWS = 400, BARS_MAX = 24, MAX_K = 32, LABEL_BYTES = 96 };

struct comparison { /* one evaluation's name over the runs that have it */
    const char *name;
    const json_t *table[RAML_MAX_RUNS];
    const char *run[RAML_MAX_RUNS];
    int colour[RAML_MAX_RUNS];
    size_t n;
    const char *by[MAX_BY];
    size_t n_by;
    struct row {
        char label[LABEL_BYTES]; /* "in_range modchain 3": the values of by */
        const json_t *first;
    } * row;
    size_t n_rows;
};

static void add_label(const struct comparison *c, const json_t *row, char out[LABEL_BYTES])
{
    struct raml_buf b;
    raml_buf_init(&b, 4096);
    for (size_t i = 0; i < c->n_by; i++) {
        const json_t *v = json_object_get(row, c->by[i]);
        if (i) raml_buf_adds(&b, " ");
        if (json_is_string(v)) raml_buf_adds(&b, json_string_value(v));
        else if (json_is_number(v)) raml_buf_addf(&b, "%g", json_number_value(v));
        else raml_buf_adds(&b, "-");
    }
    size_t n = b.len < LABEL_BYTES - 1 ? b.len : LABEL_BYTES - 1;
    while (n && n < b.len && ((unsigned char)b.data[n] & 0xC0) == 0x80) n--; /* never truncated within a character */
    memcpy(out, b.data ? b.data : "", n);
    out[n] = 0;
    raml_buf_deinit(&b);
}

static const json_t *find_row(const struct comparison *c, const json_t *table, const char *label)
{
    const json_t *rows = json_object_get(table, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char other[LABEL_BYTES];
        add_label(c, json_array_get(rows, i), other);
        if (strcmp(other, label) == 0) return json_array_get(rows, i);
    }
    return NULL;
}

static void collect_by(struct comparison *c)
{
    static const char *const usual[] = {"split", "family", "difficulty"};
    const json_t *by = json_object_get(c->table[0], "by");
    const json_t *first = json_array_get(json_object_get(c->table[0], "rows"), 0);
    for (size_t i = 0; i < json_array_size(by) && c->n_by < MAX_BY; i++)
        if (json_is_string(json_array_get(by, i))) c->by[c->n_by++] = json_string_value(json_array_get(by, i));
    for (size_t i = 0; !by && i < 3; i++)
        if (json_object_get(first, usual[i])) c->by[c->n_by++] = usual[i];
}

/* Rows of all runs: those of the first, then those that only later ones have. */
static enum raml_code collect_rows(struct comparison *c, struct raml_err *err)
{
    c->row = calloc(MAX_ROWS, sizeof *c->row);
    if (!c->row) return raml_fail(err, RAML_ENOMEM, "no memory for the table of '%s'", c->name);
    for (size_t t = 0; t < c->n; t++) {
        const json_t *rows = json_object_get(c->table[t], "rows");
        for (size_t i = 0; i < json_array_size(rows) && c->n_rows < MAX_ROWS; i++) {
            struct row *r = &c->row[c->n_rows];
            r->first = json_array_get(rows, i);
            add_label(c, r->first, r->label);
            size_t same = 0;
            while (same < c->n_rows && strcmp(c->row[same].label, r->label) != 0) same++;
            if (same == c->n_rows && json_is_object(r->first)) c->n_rows++;
        }
    }
    return RAML_OK;
}

/* The k of all pass@k in a table, in rising order; returns how many. */
static size_t list_k(const json_t *table, double k[MAX_K])
{
    const json_t *pass = json_object_get(json_object_get(table, "all"), "pass_at_k");
    if (!pass) pass = json_object_get(json_array_get(json_object_get(table, "rows"), 0), "pass_at_k");
    const char *key;
    json_t *unused;
    size_t n = 0;
    json_object_foreach ((json_t *)pass, key, unused) {
        double v = strtod(key, NULL);
        if (!(v >= 1) || n == MAX_K) continue;
        size_t i = n++;
        for (; i > 0 && k[i - 1] > v; i--) k[i] = k[i - 1];
        k[i] = v;
    }
    return n;
}

/* The pass@k columns of a table: k = 1 is accuracy itself, and runs side by side have space only for the largest. */
static size_t shown_k(const struct comparison *c, const json_t *table, double k[MAX_K])
{
    size_t n = list_k(table, k), from = 0;
    while (from < n && (k[from] == 1 || (c->n > 1 && from + 1 < n))) from++;
    memmove(k, k + from, (n - from) * sizeof *k);
    return n - from;
}

static const json_t *pass_of(const json_t *row, double k)
{
    char key[32];
    snprintf(key, sizeof key, "%.0f", k);
    return json_object_get(json_object_get(row, "pass_at_k"), key);
}

static void add_head(struct raml_page *p, const struct comparison *c)
{
    struct raml_buf *b = &p->html;
    double k[MAX_K];
    raml_buf_adds(b, "<div class=\"wide\"><table>\n");
    if (c->n > 1) {
        raml_buf_addf(b, "<tr><th colspan=\"%zu\"></th>", (c->n_by ? c->n_by : 1) + 1);
        for (size_t t = 0; t < c->n; t++) {
            raml_buf_addf(b, "<th class=\"mid\" colspan=\"%zu\">", 2 + shown_k(c, c->table[t], k));
            raml_page_text(p, c->run[t]);
            raml_buf_adds(b, "</th>");
        }
        raml_buf_adds(b, "</tr>\n");
    }
    raml_buf_adds(b, "<tr>");
    for (size_t i = 0; i < c->n_by; i++) {
        raml_buf_adds(b, "<th class=\"t\">");
        raml_page_text(p, c->by[i]);
        raml_buf_adds(b, "</th>");
    }
    if (c->n_by == 0) raml_buf_adds(b, "<th></th>");
    raml_buf_adds(b, "<th>questions</th>");
    for (size_t t = 0; t < c->n; t++) {
        size_t n_k = shown_k(c, c->table[t], k);
        raml_buf_adds(b, "<th>accuracy</th>");
        for (size_t i = 0; i < n_k; i++) raml_buf_addf(b, "<th>pass@%.0f</th>", k[i]);
        raml_buf_adds(b, "<th>truncated / not closed</th>");
    }
    raml_buf_adds(b, "</tr>\n");
}

static void add_cells(struct raml_page *p, const struct comparison *c, const json_t *table, const json_t *row)
{
    struct raml_buf *b = &p->html;
    double k[MAX_K];
    size_t n_k = shown_k(c, table, k);
    raml_buf_adds(b, "<td>");
    raml_page_estimate(p, json_object_get(row, "accuracy"));
    raml_buf_adds(b, "</td>");
    for (size_t i = 0; i < n_k; i++) {
        raml_buf_adds(b, "<td>");
        raml_page_estimate(p, pass_of(row, k[i]));
        raml_buf_adds(b, "</td>");
    }
    raml_buf_adds(b, "<td>");
    raml_page_number(p, raml_page_get(row, "truncated"));
    raml_buf_adds(b, " / ");
    raml_page_number(p, raml_page_get(row, "unclosed"));
    raml_buf_adds(b, "</td>");
}

static void add_table(struct raml_page *p, const struct comparison *c)
{
    struct raml_buf *b = &p->html;
    add_head(p, c);
    for (size_t r = 0; r < c->n_rows; r++) {
        raml_buf_adds(b, "<tr>");
        for (size_t i = 0; i < c->n_by; i++) {
            raml_buf_adds(b, "<td class=\"t\">");
            raml_page_json(p, json_object_get(c->row[r].first, c->by[i]));
            raml_buf_adds(b, "</td>");
        }
        if (c->n_by == 0) raml_buf_adds(b, "<td></td>");
        raml_buf_adds(b, "<td>");
        raml_page_number(p, raml_page_get(c->row[r].first, "questions"));
        raml_buf_adds(b, "</td>");
        for (size_t t = 0; t < c->n; t++) add_cells(p, c, c->table[t], find_row(c, c->table[t], c->row[r].label));
        raml_buf_adds(b, "</tr>\n");
    }
    if (json_is_object(json_object_get(c->table[0], "all"))) {
        raml_buf_addf(b, "<tr class=\"all\"><td class=\"t\" colspan=\"%zu\">all</td><td>", c->n_by ? c->n_by : 1);
        raml_page_number(p, raml_page_get(json_object_get(c->table[0], "all"), "questions"));
        raml_buf_adds(b, "</td>");
        for (size_t t = 0; t < c->n; t++) add_cells(p, c, c->table[t], json_object_get(c->table[t], "all"));
        raml_buf_adds(b, "</tr>\n");
    }
    raml_buf_adds(b, "</table></div>\n");
}

/* In %, as the table has it. */
static void set_point(double *y, double *low, double *high, const json_t *estimate)
{
    *y = 100 * raml_page_get(estimate, "value");
    *low = 100 * raml_page_get(estimate, "low");
    *high = 100 * raml_page_get(estimate, "high");
}

static enum raml_code add_bars(struct raml_page *p, const struct comparison *c, struct raml_err *err)
{
    if (c->n_rows == 0 || c->n_rows > BARS_MAX) return RAML_OK;
    static const size_t R = BARS_MAX;
    double *v = malloc(RAML_MAX_RUNS * R * 4 * sizeof *v);
    if (!v) return raml_fail(err, RAML_ENOMEM, "no memory for a figure of '%s'", c->name);
    struct raml_series s[RAML_MAX_RUNS];
    const char *category[BARS_MAX];
    for (size_t t = 0; t < c->n; t++) {
        double *x = v + t * R * 4, *y = x + R, *low = y + R, *high = low + R;
        for (size_t r = 0; r < c->n_rows; r++) {
            category[r] = c->row[r].label;
            x[r] = (double)r;
            const json_t *row = find_row(c, c->table[t], c->row[r].label);
            set_point(&y[r], &low[r], &high[r], json_object_get(row, "accuracy"));
        }
        s[t] = (struct raml_series){.name = c->run[t],
                                    .x = x,
                                    .y = y,
                                    .low = low,
                                    .high = high,
                                    .n = c->n_rows,
                                    .colour = c->colour[t],
                                    .style = RAML_PLOT_BARS};
    }
    char name[80];
    raml_page_figure_name(name, "accuracy-", c->name);
    /* clang-format off */
    const struct raml_figure fig = {.title = "Accuracy", .y_label = "samples correct, %", .y_high = 102,
                                    .series = s, .n_series = c->n, .category = category, .n_categories = c->n_rows};
    /* clang-format on */
    enum raml_code rc = raml_page_figure(p, name, &fig, "Whiskers: 95\u00A0% interval over questions.", err);
    free(v);
    return rc;
}

static enum raml_code add_pass(struct raml_page *p, const struct comparison *c, struct raml_err *err)
{
    double v[RAML_MAX_RUNS][4][MAX_K + 1];
    struct raml_series s[RAML_MAX_RUNS];
    size_t most = 0;
    for (size_t t = 0; t < c->n; t++) {
        double k[MAX_K];
        const json_t *all = json_object_get(c->table[t], "all");
        size_t n_k = list_k(c->table[t], k), n = 0;
        if (n_k == 0 || k[0] > 1) { /* accuracy is pass@1 */
            v[t][0][n] = 1;
            set_point(&v[t][1][n], &v[t][2][n], &v[t][3][n], json_object_get(all, "accuracy"));
            n++;
        }
        for (size_t i = 0; i < n_k; i++, n++) {
            v[t][0][n] = k[i];
            set_point(&v[t][1][n], &v[t][2][n], &v[t][3][n], pass_of(all, k[i]));
        }
        s[t] = (struct raml_series){.name = c->run[t],
                                    .x = v[t][0],
                                    .y = v[t][1],
                                    .low = v[t][2],
                                    .high = v[t][3],
                                    .n = n,
                                    .colour = c->colour[t],
                                    .style = RAML_PLOT_LINE_POINTS};
        if (n > most) most = n;
    }
    if (most < 2) return RAML_OK;
    char name[80];
    raml_page_figure_name(name, "pass_at_k-", c->name);
    /* clang-format off */
    const struct raml_figure fig = {.title = "pass@k", .x_label = "k, samples per question", .log_x = true,
                                    .y_label = "questions solved by any of k, %", .series = s, .n_series = c->n};
    /* clang-format on */
    return raml_page_figure(p, name, &fig, "All questions. Band: 95\u00A0% interval over questions.", err);
}

static enum raml_code add_comparison(struct raml_page *p, struct comparison *c, bool heading, struct raml_err *err)
{
    collect_by(c);
    enum raml_code rc = collect_rows(c, err);
    if (rc) return rc;
    if (heading) {
        raml_buf_adds(&p->html, "<h3>");
        raml_page_text(p, c->name);
        raml_buf_adds(&p->html, "</h3>\n");
    }
    add_table(p, c);
    raml_buf_adds(&p->html, "<div class=\"grid\">\n");
    rc = add_bars(p, c, err);
    if (!rc) rc = add_pass(p, c, err);
    raml_buf_adds(&p->html, "</div>\n");
    free(c->row);
    return rc;
}

static bool seen_before(const struct raml_findings *f, size_t run, size_t eval)
{
    for (size_t r = 0; r < run; r++)
        for (size_t e = 0; e < f->run[r]->n_evals; e++)
            if (strcmp(f->run[r]->eval[e].name, f->run[run]->eval[eval].name) == 0) return true;
    return false;
}

enum raml_code raml_part_accuracy(struct raml_page *p, struct raml_err *err)
{
    const struct raml_findings *f = p->found;
    size_t n_names = 0;
    for (size_t r = 0; r < f->n_runs; r++)
        for (size_t e = 0; e < f->run[r]->n_evals; e++) n_names += !seen_before(f, r, e);
    if (n_names == 0) return RAML_OK;
    raml_buf_adds(&p->html, "<h2>Accuracy</h2>\n<p class=\"dim\">Mean share of correct samples, with its 95\u00A0% "
                            "interval. Truncated: samples that reached the token limit; not closed: samples that never "
                            "closed their thinking. Both count as wrong.</p>\n");
    enum raml_code rc = RAML_OK;
    for (size_t r = 0; !rc && r < f->n_runs; r++)
        for (size_t e = 0; !rc && e < f->run[r]->n_evals; e++) {
            if (seen_before(f, r, e)) continue;
            struct comparison c = {.name = f->run[r]->eval[e].name};
            for (size_t q = r; q < f->n_runs; q++)
                for (size_t g = 0; g < f->run[q]->n_evals; g++) {
                    if (strcmp(f->run[q]->eval[g].name, c.name) != 0) continue;
                    c.table[c.n] = f->run[q]->eval[g].table;
                    c.colour[c.n] = raml_page_run_colour(q);
                    c.run[c.n++] = raml_page_run_name(f->run[q]);
                }
            rc = add_comparison(p, &c, n_names > 1, err);
        }
    return rc;
}
