/* training_set.c - what can be trained on, checked and measured once, and the rows made from it; see training_set.h. */
#include "outer/training_set.h"
#include "outer/probe_rows.h"

#include "core/array.h"
#include "core/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void raml_training_set_deinit(struct training_set *f)
{
    free(f->item);
    free(f->candidate);
    raml_order_deinit(&f->order);
    *f = (struct training_set){0};
}

static void add_hash(struct training_set *f, const char *text)
{
    if (!text) text = "";
    f->hash = raml_hash(text, strlen(text) + 1, f->hash); /* the terminating 0 separates neighbours */
}

/* State for measuring a question's usable trajectories. */
struct scan {
    const struct raml_train_options *opt;
    struct raml_tree tree;
    struct raml_segments segments;
    size_t *selected;
    uint64_t *hash; /* of the tokens of each usable trajectory */
    size_t cap, cap_hash;
};

/* Is prompt plus span i of the tree within the context? If not, and skip_long is off, the error of the row builder. */
static enum raml_code check_length(struct training_set *f, struct scan *s, const struct raml_question *q, size_t i,
                                   const size_t *selected, bool *fits, struct raml_err *err)
{
    *fits = s->tree.span[0].n + (size_t)s->tree.span[i].n <= f->row.max_tokens || f->row.max_tokens == 0;
    if (*fits) return RAML_OK;
    f->too_long++;
    if (s->opt->skip_long) return RAML_OK;
    struct raml_tree scratch = {0};
    enum raml_code rc = raml_row_build(&scratch, q, selected, selected ? 1 : 0, &f->row, NULL, err);
    raml_tree_deinit(&scratch);
    return rc;
}

/* Adds trajectory `number`, span i of the tree, to the item's. */
static void add_candidate(struct training_set *f, struct scan *s, struct training_item *it, size_t number, size_t i)
{
    const struct raml_span *span = &s->tree.span[i];
    uint64_t hash = raml_hash(s->tree.token + span->start, span->n * sizeof *s->tree.token, 0);
    size_t n = f->n_candidates - it->first;
    bool seen = false;
    for (size_t k = 0; k < n && !seen; k++)
        seen = s->hash[k] == hash && f->candidate[it->first + k].n_tokens == span->n;
    if (!seen) it->n_unique += span->n - span->first_target;
    it->n_distinct += !seen;
    s->hash[n] = hash;
    uint32_t n_probe = f->cuts > 1 ? raml_probe_tokens(&s->tree, &s->segments, i, f->cuts) : 0;
    f->candidate[f->n_candidates++] = (struct candidate){(uint32_t)number, span->n, n_probe};
}

/* Measures one question. *kept: it has something to train on. */
static enum raml_code scan_question(struct training_set *f, struct scan *s, const struct raml_question *q,
                                    struct training_item *it, bool *kept, struct raml_err *err)
{
    size_t most = (size_t)s->opt->support_size, k = 0;
    bool fits;
    *kept = false;
    if (most == 0 || most > q->n_trajectories) most = q->n_trajectories;
    if (f->trajectories == 0) most = 0;
    enum raml_code rc = RAML_GROW(s->selected, s->cap, most + 1, "trajectories of a question", err);
    if (!rc) rc = RAML_GROW(s->hash, s->cap_hash, most + 1, "trajectories of a question", err);
    if (!rc) rc = RAML_GROW(f->candidate, f->cap_candidates, f->n_candidates + most, "trajectories", err);
    if (rc) return rc;
    for (size_t i = 0; i < most; i++) {
        if (q->trajectory[i].correct == RAML_DIFFERENT && !s->opt->keep_wrong) f->wrong++;
        else s->selected[k++] = i;
    }
    if (f->trajectories && k == 0) return RAML_OK;
    struct raml_row_options row = f->row;
    row.max_tokens = 0; /* measured here, trajectory by trajectory */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): s owns the memory */
    rc = raml_row_build(&s->tree, q, s->selected, k, &row, &s->segments, err);
    if (rc) return rc;
    /* the tokens too: another prompt format or tokenizer makes different data of the same texts */
    f->hash = raml_hash(s->tree.token, s->tree.n_tokens * sizeof *s->tree.token, f->hash);
    it->first = f->n_candidates;
    it->n_tokens = s->tree.span[0].n;
    if (k == 0) {
        rc = check_length(f, s, q, 1, NULL, kept, err);
        it->n_tokens = (uint32_t)s->tree.n_tokens;
        it->n_unique = s->tree.n_targets;
    }
    for (size_t i = 0; i < k && !rc; i++) {
        rc = check_length(f, s, q, i + 1, s->selected + i, &fits, err);
        if (rc || !fits) continue;
        add_candidate(f, s, it, s->selected[i], i + 1);
        f->whole += q->trajectory[s->selected[i]].whole;
        add_hash(f, q->trajectory[s->selected[i]].text);
        add_hash(f, q->trajectory[s->selected[i]].answer);
        *kept = true;
    }
    it->n = f->n_candidates - it->first;
    return rc;
}

static enum raml_code scan_all(struct training_set *f, struct scan *s, size_t n, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        const struct raml_question *q = &f->qs->question[i];
        struct training_item it = {.question = (uint32_t)i};
        bool kept;
        enum raml_code rc = scan_question(f, s, q, &it, &kept, err);
        if (!rc) rc = RAML_GROW(f->item, f->cap, f->n + 1, "questions", err);
        if (rc) return raml_wrap(err, rc, "%s", f->name);
        if (!kept) {
            f->skipped++;
            continue;
        }
        add_hash(f, q->question);
        add_hash(f, q->answer);
        f->item[f->n++] = it;
    }
    return RAML_OK;
}

enum raml_code raml_training_set_init(struct training_set *f, const struct raml_train_job *job,
                                      const struct raml_train_options *opt, const struct raml_questions *qs,
                                      const char *name, size_t max_n, struct raml_err *err)
{
    size_t n = max_n && max_n < qs->n ? max_n : qs->n;
    *f = (struct training_set){.qs = qs,
                               .name = name ? name : "data",
                               .seed = opt->seed,
                               .trajectories = (size_t)opt->trajectories,
                               .cuts = opt->loss_steps > 1 ? (size_t)opt->loss_steps : 1};
    f->row = raml_row_default(job->tokenizer, job->format);
    f->row.max_tokens = (size_t)raml_model_config(job->model)->max_positions;
    struct scan s = {.opt = opt};
    enum raml_code rc = scan_all(f, &s, n, err);
    raml_tree_deinit(&s.tree);
    raml_segments_deinit(&s.segments);
    free(s.selected);
    free(s.hash);
    return rc ? rc : raml_order_init(&f->order, f->seed, f->n, f->name, err);
}

enum raml_code raml_training_set_row(const struct training_set *f, const struct selection *d, struct raml_tree *tree,
                                     struct raml_segments *segments, struct raml_err *err)
{
    const struct raml_question *q = &f->qs->question[f->item[d->item].question];
    enum raml_code rc = raml_row_build(tree, q, d->selected, d->n, &f->row, segments, err);
    return rc ? raml_wrap(err, rc, "%s", f->name) : RAML_OK;
}
