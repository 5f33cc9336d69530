/* fork_tables.c - effects of forks and the order of importances as tables for readers. See fork_files.h. */
#include "study/fork_parts.h"

#include "core/path.h"

#include <math.h>
#include <string.h>

enum { MAX_TABLE_BYTES = 1 << 24 };

static const char *const measure[] = {"accuracy_change", "kl", "now", "carried", "tokens_change"};
enum { MEASURES = sizeof measure / sizeof *measure };

static void add_value(struct raml_buf *b, const struct raml_estimate *e)
{
    const double v[] = {e ? e->value : NAN, e ? e->low : NAN, e ? e->high : NAN};
    for (size_t i = 0; i < 3; i++) {
        if (isfinite(v[i])) raml_buf_addf(b, "\t%.9g", v[i]);
        else raml_buf_adds(b, "\tnan");
    }
}

static const struct raml_fork_row *find(const struct raml_fork_summary *s, const struct raml_fork_row *r,
                                        const char *position, size_t m, bool less)
{
    char name[64];
    snprintf(name, sizeof name, "%s%s", measure[m], less ? " - control" : "");
    return raml_fork_row_find(s, r->edit, r->word, "all", position, name);
}

static void add_row(struct raml_buf *b, const struct raml_fork_summary *s, const struct raml_fork_row *r,
                    const char *part, const char *critical, const char *position)
{
    const struct raml_fork_row *any = NULL;
    for (size_t m = 0; m < MEASURES && !any; m++) any = find(s, r, position, m, false);
    if (!any) return;
    raml_buf_addf(b, "%s\t%s\t%s\t%s\t%zu\t%zu", r->edit, r->word, part, critical, any->n, any->e.n);
    for (int less = 0; less < 2; less++)
        for (size_t m = 0; m < MEASURES; m++) {
            const struct raml_fork_row *x = find(s, r, position, m, less);
            add_value(b, x ? &x->e : NULL);
        }
    raml_buf_adds(b, "\n");
}

static bool is_first(const struct raml_fork_summary *s, size_t i) /* row of an edit */
{
    const struct raml_fork_row *r = &s->row[i];
    if (!strcmp(r->edit, "none")) return false;
    return i == 0 || strcmp(r->edit, s->row[i - 1].edit) != 0 || strcmp(r->word, s->row[i - 1].word) != 0;
}

static void effects(struct raml_buf *b, const struct raml_fork_summary *s, bool resampled)
{
    static const char *const part[] = {"all", "before", "after"}, *const critical[] = {"forced", "resampled"};
    static const char *const position[2][3] = {{"all", "before forced", "after forced"},
                                               {"all", "before resampled", "after resampled"}};
    raml_buf_adds(b, "edit\tword\tpart\tcritical\tplaces\tquestions");
    for (int less = 0; less < 2; less++)
        for (size_t m = 0; m < MEASURES; m++)
            for (size_t i = 0; i < 3; i++)
                raml_buf_addf(b, "\t%s%s%s", measure[m], less ? "_less" : "", i == 0 ? "" : i == 1 ? "_low" : "_high");
    raml_buf_adds(b, "\n");
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < s->n_rows; i++)
            if (is_first(s, i))
                add_row(b, s, &s->row[i], part[k], k ? critical[resampled] : "-", position[resampled][k]);
}

static void order(struct raml_buf *b, const struct raml_fork_order *o)
{
    raml_buf_adds(b, "of\tn\tspearman\tspearman_low\tspearman_high\tkendall\tkendall_low\tkendall_high\n");
    if (o->n_units == 0) return;
    raml_buf_addf(b, "all units\t%zu", o->n_units);
    add_value(b, &o->spearman);
    add_value(b, &o->kendall);
    raml_buf_adds(b, "\n");
    if (o->n_trajectories == 0) return;
    raml_buf_addf(b, "mean of the trajectories' own\t%zu", o->n_trajectories);
    add_value(b, &o->spearman_mean);
    add_value(b, &o->kendall_mean);
    raml_buf_adds(b, "\n");
}

static enum raml_code write(struct raml_buf *b, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, name, err);
    if (!rc) rc = raml_buf_status(b, err);
    if (!rc) rc = raml_file_write(path, b->data, b->len, err);
    raml_buf_clear(b);
    return rc;
}

enum raml_code raml_fork_tables_write(const struct raml_fork_summary *s, bool resampled, const char *dir,
                                      struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TABLE_BYTES);
    effects(&b, s, resampled);
    enum raml_code rc = write(&b, dir, "effects.tsv", err);
    if (!rc) order(&b, &s->order);
    if (!rc) rc = write(&b, dir, "order.tsv", err);
    raml_buf_deinit(&b);
    return rc;
}
