/* prune_tables.c - prune.tsv, unchanged.tsv, leak.tsv. See prune_files.h. */
#include "study/prune_parts.h"

#include "core/path.h"

#include <math.h>
#include <stdio.h>

enum { MAX_TABLE_BYTES = 1 << 28 };

static enum raml_code write(const struct raml_buf *b, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_buf_status(b, err);
    if (!rc) rc = raml_path_join(path, dir, name, err);
    return rc ? rc : raml_file_write(path, b->data, b->len, err);
}

static void add_head(struct raml_buf *b, const char *name)
{
    raml_buf_addf(b, "\t%s\t%s_low\t%s_high", name, name, name);
}

static void add_estimate(struct raml_buf *b, const struct raml_estimate *e)
{
    raml_buf_addf(b, "\t%.9g\t%.9g\t%.9g", e->value, e->low, e->high);
}

static void add_rows(struct raml_buf *b, const struct raml_prune_summary *sum)
{
    raml_buf_adds(b, "level\tvalue\tmethod\ttrajectories\tquestions");
    for (int m = 0; m < RAML_PRUNE_MEASURES; m++) add_head(b, raml_prune_measure_name((enum raml_prune_measure)m));
    for (size_t i = 0; i < sum->n_rows; i++) {
        const struct raml_prune_row *r = &sum->row[i];
        char value[32] = "";
        if (r->level.kind >= RAML_PRUNE_SLACK && r->level.kind <= RAML_PRUNE_SHARE)
            snprintf(value, sizeof value, "%g", r->level.value);
        raml_buf_addf(b, "\n%s\t%s\t%s\t%zu\t%zu", raml_prune_level_name(r->level.kind), value,
                      raml_prune_method_name(r->method), r->n_trajectories, r->measure[RAML_PRUNE_LOSS].n);
        for (int m = 0; m < RAML_PRUNE_MEASURES; m++) add_estimate(b, &r->measure[m]);
    }
    raml_buf_adds(b, "\n");
}

/* Is there a curve of the kind, and are there answers? */
static bool has_curve(const struct raml_prune_summary *sum, int k)
{
    return sum->unchanged[k][RAML_PRUNE_GREEDY].n && !isnan(sum->unchanged[k][RAML_PRUNE_GREEDY].value);
}

static void add_unchanged(struct raml_buf *b, const struct raml_prune_summary *sum)
{
    static const struct raml_estimate none = {.value = NAN, .low = NAN, .high = NAN};
    raml_buf_adds(b, "by\tmethod\tquestions");
    add_head(b, "share");
    add_head(b, "less");
    add_head(b, "needed");
    add_head(b, "needed_less");
    for (int k = 0; k < RAML_PRUNE_CURVES; k++)
        for (int m = RAML_PRUNE_GREEDY; m <= RAML_PRUNE_BUDGET_STEPS && has_curve(sum, k); m++) {
            bool by_share = k == RAML_PRUNE_BY_SHARE;
            raml_buf_addf(b, "\n%s\t%s\t%zu", by_share ? "share" : "slack",
                          raml_prune_method_name((enum raml_prune_method)m), sum->unchanged[k][m].n);
            add_estimate(b, &sum->unchanged[k][m]);
            add_estimate(b, &sum->unchanged_less[k][m]);
            add_estimate(b, by_share ? &sum->needed[m] : &none);
            add_estimate(b, by_share ? &sum->needed_less[m] : &none);
        }
    raml_buf_adds(b, "\n");
}

static void add_leak(struct raml_buf *b, const struct raml_prune_leak *l)
{
    const struct {
        const char *name;
        const struct raml_estimate *e;
    } row[] = {{"nothing", &l->nothing},          {"own", &l->own},         {"others", &l->others},
               {"others - own", &l->others_less}, {"without", &l->without}, {"without - own", &l->without_less}};
    raml_buf_adds(b, "after\ttrajectories\tstate_the_answer\tquestions");
    add_head(b, "loss");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        raml_buf_addf(b, "\n%s\t%zu\t%zu\t%zu", row[i].name, l->n, l->n_states, row[i].e->n);
        add_estimate(b, row[i].e);
    }
    raml_buf_adds(b, "\n");
}

enum raml_code raml_prune_tables_write(const struct raml_prune_summary *sum, const char *dir, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TABLE_BYTES);
    add_rows(&b, sum);
    enum raml_code rc = write(&b, dir, "prune.tsv", err);
    if (!rc && (has_curve(sum, RAML_PRUNE_BY_SLACK) || has_curve(sum, RAML_PRUNE_BY_SHARE))) {
        raml_buf_clear(&b);
        add_unchanged(&b, sum);
        rc = write(&b, dir, "unchanged.tsv", err);
    }
    if (!rc && sum->leak.n) {
        raml_buf_clear(&b);
        add_leak(&b, &sum->leak);
        rc = write(&b, dir, "leak.tsv", err);
    }
    raml_buf_deinit(&b);
    return rc;
}
