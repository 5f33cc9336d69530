/* exits_tables.c - exits.tsv, chosen.tsv and exits.jsonl. See exits_parts.h. */
#include "study/exits_parts.h"

#include "core/file.h"
#include "core/path.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_BYTES = 1 << 30 };

/* -- exits.tsv ----------------------------------------------------------------------------------------------------- */

static void add_estimate(struct raml_buf *b, const struct raml_estimate *e)
{
    const double v[] = {e->value, e->low, e->high};
    for (size_t i = 0; i < 3; i++) {
        if (isnan(v[i])) raml_buf_adds(b, "\tnan");
        else raml_buf_addf(b, "\t%.9g", v[i]);
    }
}

static void add_measures(struct raml_buf *b, const struct raml_exits_measures *m)
{
    const struct raml_estimate *list[] = {&m->accuracy, &m->stop,      &m->probe_tokens, &m->total,
                                          &m->kept,     &m->cost_kept, &m->vs_full,      &m->vs_budget};
    raml_buf_addf(b, "\t%zu\t%zu", m->n, m->accuracy.n);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) add_estimate(b, list[i]);
}

static void add_head(struct raml_buf *b, const char *first)
{
    static const char *const measure[] = {"accuracy", "stop",      "probe_tokens", "total",
                                          "kept",     "cost_kept", "vs_full",      "vs_budget"};
    raml_buf_addf(b, "%s\ttrajectories\tquestions", first);
    for (size_t i = 0; i < sizeof measure / sizeof *measure; i++)
        raml_buf_addf(b, "\t%s\t%s_low\t%s_high", measure[i], measure[i], measure[i]);
    raml_buf_adds(b, "\treasons\tbudget\n");
}

static void add_row(struct raml_buf *b, const struct raml_exits_row *row, enum raml_exits_half half)
{
    raml_buf_addf(b, "%s\t%s\t%s\t%s\t%d\t%d", row->kind, row->settings, row->family, raml_exits_half_name(half),
                  row->chosen, row->meets);
    add_measures(b, &row->half[half]);
    raml_buf_addf(b, "\t%s\t%s\n", row->reasons[half], row->budget ? row->budget : "none");
}

static enum raml_code write_buf(const char *dir, const char *name, struct raml_buf *b, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_buf_status(b, err);
    if (!rc) rc = raml_path_join(path, dir, name, err);
    return rc ? rc : raml_file_write(path, b->data, b->len, err);
}

static enum raml_code write_all(const struct raml_exits_row *row, size_t n, const char *dir, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_BYTES);
    add_head(&b, "policy\tsettings\tfamily\thalf\tchosen\tmeets");
    for (size_t k = 0; k < n; k++)
        for (int h = 0; h < RAML_EXITS_HALVES; h++) add_row(&b, &row[k], (enum raml_exits_half)h);
    enum raml_code rc = write_buf(dir, "exits.tsv", &b, err);
    raml_buf_deinit(&b);
    return rc;
}

/* Full thinking, what was chosen, and the oracles, on the test half; released code last. */
static enum raml_code write_chosen(const struct raml_exits_row *row, size_t n, const char *dir, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_BYTES);
    add_head(&b, "family\tsettings\tbelow\toracle\treleased");
    for (size_t i = 0; i < 2 * n; i++) {
        size_t k = i % n;
        if (!row[k].chosen || row[k].released != (i >= n)) continue;
        raml_buf_addf(&b, "%s\t%s\t%d\t%d\t%d", row[k].family, row[k].settings, !row[k].meets, row[k].oracle,
                      row[k].released);
        add_measures(&b, &row[k].half[RAML_EXITS_TEST]);
        raml_buf_addf(&b, "\t%s\t%s\n", row[k].reasons[RAML_EXITS_TEST], row[k].budget ? row[k].budget : "none");
    }
    enum raml_code rc = write_buf(dir, "chosen.tsv", &b, err);
    raml_buf_deinit(&b);
    return rc;
}

enum raml_code raml_exits_write_table(const struct raml_exits_row *row, size_t n, const char *dir, struct raml_err *err)
{
    enum raml_code rc = write_all(row, n, dir, err);
    return rc ? rc : write_chosen(row, n, dir, err);
}

/* -- exits.jsonl --------------------------------------------------------------------------------------------------- */

static json_t *run_json(const struct raml_exits_runs *r, const struct raml_exits_row *row, size_t policy, size_t i)
{
    const struct raml_exits_run *x = raml_exits_run_of(r, policy, i);
    return json_pack("{s:s, s:I, s:s, s:s, s:b, s:I, s:I, s:I, s:I}", "policy", row->settings, "stop",
                     (json_int_t)x->stop, "reason", x->reason, "answer", r->set->trajectory[i].probe[x->answer].answer,
                     "right", (int)x->right, "probes", (json_int_t)x->n_probes, "entropy_probes",
                     (json_int_t)x->n_entropy_probes, "probe_tokens", (json_int_t)x->probe_tokens, "total",
                     (json_int_t)x->total);
}

static json_t *line_json(const struct raml_exits_runs *r, const struct raml_exits_row *row, size_t i)
{
    const struct raml_exits_trajectory *t = &r->set->trajectory[i];
    json_t *list = json_array();
    int failed = !list;
    for (size_t k = 0; !failed && k < r->policies->n; k++)
        if (row[k].chosen || row[k].oracle) failed = json_array_append_new(list, run_json(r, row + k, k, i));
    list = raml_json_checked(list, failed);
    if (!list) return NULL;
    return json_pack("{s:s, s:I, s:s, s:I, s:o}", "id", t->id, "sample", (json_int_t)t->sample, "half",
                     raml_exits_half_name(t->half), "n_tokens", (json_int_t)t->n_tokens, "runs", list);
}

enum raml_code raml_exits_write_runs(const struct raml_exits_runs *r, const struct raml_exits_row *row, const char *dir,
                                     struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_writer w = {0};
    struct raml_buf b;
    raml_buf_init(&b, MAX_BYTES);
    enum raml_code rc = raml_path_join(path, dir, "exits.jsonl", err);
    if (!rc) rc = raml_writer_init(&w, path, err);
    for (size_t i = 0; !rc && i < r->set->n; i++) {
        json_t *o = line_json(r, row, i);
        raml_buf_clear(&b);
        if (o) raml_json_add(&b, o);
        raml_buf_adds(&b, "\n");
        rc = o ? raml_buf_status(&b, err) : raml_fail(err, RAML_ENOMEM, "no memory for a record");
        if (!rc) rc = raml_writer_add(&w, b.data, b.len, err);
        json_decref(o);
    }
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    raml_buf_deinit(&b);
    return rc;
}
