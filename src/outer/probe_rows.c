/* probe_rows.c - see probe_rows.h. */
#include "outer/probe_rows.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[RAML_PROBES_MOST] = {"probe_loss/1",  "probe_loss/2",  "probe_loss/3",  "probe_loss/4",
                                                    "probe_loss/5",  "probe_loss/6",  "probe_loss/7",  "probe_loss/8",
                                                    "probe_loss/9",  "probe_loss/10", "probe_loss/11", "probe_loss/12",
                                                    "probe_loss/13", "probe_loss/14", "probe_loss/15", "probe_loss/16"};

void raml_probe_rows_deinit(struct raml_probe_rows *p)
{
    free(p->row);
    free(p->token);
    *p = (struct raml_probe_rows){0};
}

void raml_probe_rows_clear(struct raml_probe_rows *p)
{
    p->n = 0;
}

/* -- Parts of a trajectory's span, and cuts ------------------------------------------------------------------------ */

struct parts { /* in tokens; n_answer 0: a whole completion */
    uint32_t trajectory, prefix, answer;
};

static struct parts parts_of(const struct raml_tree *tree, const struct raml_segments *segments, size_t span)
{
    struct parts p = {0};
    const struct raml_span *s = &tree->span[span];
    for (uint32_t i = s->start; i < s->start + s->n; i++) {
        p.trajectory += segments->segment[i] == RAML_SEGMENT_TRAJECTORY;
        p.prefix += segments->segment[i] == RAML_SEGMENT_ANSWER_PREFIX;
        p.answer += segments->segment[i] == RAML_SEGMENT_ANSWER;
    }
    return p;
}

static uint32_t cut_at(uint32_t trajectory, size_t k, size_t cuts)
{
    return (uint32_t)((uint64_t)trajectory * (k + 1) / cuts);
}

/* The first cut after k that falls on another token. */
static size_t next_cut(uint32_t trajectory, size_t k, size_t cuts)
{
    uint32_t at = cut_at(trajectory, k, cuts);
    while (k < cuts && cut_at(trajectory, k, cuts) == at) k++;
    return k;
}

uint32_t raml_probe_tokens(const struct raml_tree *tree, const struct raml_segments *segments, size_t span, size_t cuts)
{
    struct parts p = parts_of(tree, segments, span);
    uint32_t n = 0;
    if (!p.answer) return 0;
    for (size_t k = 0; cut_at(p.trajectory, k, cuts) < p.trajectory; k = next_cut(p.trajectory, k, cuts))
        n += p.prefix + p.answer - 1;
    return n;
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

static enum raml_code add_row(struct raml_probe_rows *p, struct raml_probe_row row, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(p->row, p->cap, p->n + 1, "probes of a step", err);
    if (!rc) p->row[p->n++] = row;
    return rc;
}

/* The row of a trajectory itself: the cuts at its end. */
static enum raml_code add_trajectory(struct raml_probe_rows *p, struct parts x, size_t of, size_t cuts,
                                     struct raml_err *err)
{
    size_t k = 0;
    while (cut_at(x.trajectory, k, cuts) < x.trajectory) k++;
    return add_row(p,
                   (struct raml_probe_row){.first = (uint32_t)k,
                                           .n = x.answer ? (uint32_t)(cuts - k) : 0,
                                           .answer = x.trajectory + x.prefix,
                                           .n_answer = x.answer,
                                           .of = (uint32_t)of},
                   err);
}

/* Its probes before the end. */
static enum raml_code add_probes(struct raml_probe_rows *p, struct raml_tree *tree, struct parts x, size_t of,
                                 size_t cuts, struct raml_err *err)
{
    size_t span = of + 1, n = x.prefix + x.answer;
    enum raml_code rc = RAML_GROW(p->token, p->cap_token, n + 1, "tokens of a probe", err);
    if (rc || !x.answer) return rc;
    memcpy(p->token, tree->token + tree->span[span].start + x.trajectory, n * sizeof *p->token);
    for (size_t k = 0, next; cut_at(x.trajectory, k, cuts) < x.trajectory && !rc; k = next) {
        int32_t probe;
        next = next_cut(x.trajectory, k, cuts);
        rc = raml_tree_add(tree, (int32_t)span, cut_at(x.trajectory, k, cuts), p->token, n - 1, x.prefix, &probe, err);
        if (!rc) rc = raml_tree_add_end_target(tree, probe, p->token[n - 1], err);
        const struct raml_probe_row row = {
            .first = (uint32_t)k, .n = (uint32_t)(next - k), .n_answer = x.answer, .of = (uint32_t)of};
        if (!rc) rc = add_row(p, row, err);
    }
    return rc;
}

enum raml_code raml_probe_rows_add(struct raml_probe_rows *p, struct raml_tree *tree,
                                   const struct raml_segments *segments, size_t cuts, struct raml_err *err)
{
    size_t n = tree->n_spans - 1;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = add_trajectory(p, parts_of(tree, segments, i + 1), i, cuts, err);
    for (size_t i = 0; i < n && !rc; i++) rc = add_probes(p, tree, parts_of(tree, segments, i + 1), i, cuts, err);
    return rc;
}

/* -- Their part of the loss ---------------------------------------------------------------------------------------- */

void raml_probe_rows_weigh(struct raml_probe_rows *p, struct raml_step *step, size_t first, const double *weight,
                           const uint32_t *times)
{
    for (size_t r = first; r < p->n; r++) {
        struct raml_probe_row *x = &p->row[r];
        double share = 0;
        x->times = (double)times[x->of];
        for (size_t k = x->first; k < x->first + x->n; k++) share += weight[k];
        for (size_t i = step->start[r] + x->answer; x->n && i < step->start[r] + x->answer + x->n_answer; i++)
            step->weight[i] = (float)(share * x->times);
    }
}

void raml_probe_rows_count(const struct raml_probe_rows *p, size_t cuts, struct raml_step *step)
{
    for (size_t k = 0; k < cuts && p->n; k++) raml_statistics_add(&step->statistics, names[k], 0, 0); /* their order */
    for (size_t r = 0; r < p->n; r++) {
        const struct raml_probe_row *x = &p->row[r];
        size_t from = step->start[r] + x->answer;
        double nll = 0;
        for (size_t i = from; x->n && i < from + x->n_answer; i++) nll -= (double)step->logp[i];
        for (size_t k = x->first; k < x->first + x->n; k++)
            raml_statistics_add(&step->statistics, names[k], x->times * nll, x->times * (double)x->n_answer);
    }
}
