/* pair_set.c - see pair_set.h. */
#include "outer/pair_set.h"

#include "core/array.h"
#include "core/file.h"
#include "raml/rng.h"

#include <stdlib.h>
#include <string.h>

void raml_pair_set_deinit(struct pair_set *f)
{
    free(f->item);
    free(f->candidate);
    raml_order_deinit(&f->order);
    free(f->owner);
    free(f->right);
    free(f->wrong);
    *f = (struct pair_set){0};
}

/* -- What there is -------------------------------------------------------------------------------------------------- */
struct scan { /* memory for a question's rows */
    const struct raml_train_options *opt;
    struct raml_tree tree;
    size_t *selected;
    size_t cap;
    size_t pairs_per_question;
};

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* A wrong trajectory that says what a right one says: there is nothing to prefer. */
static bool is_right_too(const struct raml_question *q, size_t most, const struct raml_trajectory *wrong)
{
    for (size_t i = 0; i < most; i++) {
        const struct raml_trajectory *t = &q->trajectory[i];
        if (t->correct == RAML_EQUAL && same(t->text, wrong->text) && same(t->answer, wrong->answer)) return true;
    }
    return false;
}

/* The trajectories of one side; what is on neither is counted. */
static size_t select_side(struct pair_set *f, const struct raml_question *q, size_t most, enum raml_verdict side,
                          size_t *selected)
{
    size_t k = 0;
    for (size_t i = 0; i < most; i++) {
        const struct raml_trajectory *t = &q->trajectory[i];
        bool answered = t->whole || (t->answer && t->answer[0]);
        f->ungraded += side == RAML_EQUAL && t->correct == RAML_UNKNOWN;
        f->unanswered += side == RAML_DIFFERENT && t->correct == side && !answered;
        bool twin = side == RAML_DIFFERENT && t->correct == side && answered && is_right_too(q, most, t);
        f->identical += twin;
        if (t->correct == side && (side == RAML_EQUAL || answered) && !twin) selected[k++] = i;
    }
    return k;
}

/* Row i of the question's tree, a span after the prompt, fits the context. If not, and skip_long is off, the error of
 * the row builder. */
static enum raml_code check_length(struct pair_set *f, struct scan *s, const struct raml_question *q, size_t i,
                                   bool *fits, struct raml_err *err)
{
    *fits = s->tree.span[0].n + (size_t)s->tree.span[i + 1].n <= f->row.max_tokens || f->row.max_tokens == 0;
    if (*fits) return RAML_OK;
    f->too_long++;
    if (s->opt->skip_long) return RAML_OK;
    struct raml_tree scratch = {0};
    enum raml_code rc = raml_row_build(&scratch, q, s->selected + i, 1, &f->row, NULL, err);
    raml_tree_deinit(&scratch);
    return rc;
}

/* Adds selected[from .. to) as candidates; *n: how many fit. */
static enum raml_code add_side(struct pair_set *f, struct scan *s, const struct raml_question *q, size_t from,
                               size_t to, size_t *n, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *n = 0;
    for (size_t i = from; i < to && !rc; i++) {
        bool fits;
        rc = check_length(f, s, q, i, &fits, err);
        if (rc || !fits) continue;
        f->candidate[f->n_candidates + (*n)++] =
            (struct candidate){.trajectory = (uint32_t)s->selected[i], .n_tokens = s->tree.span[i + 1].n};
    }
    f->n_candidates += *n;
    return rc;
}

static enum raml_code scan_question(struct pair_set *f, struct scan *s, const struct raml_question *q,
                                    struct pair_item *it, struct raml_err *err)
{
    size_t most = (size_t)s->opt->support_size;
    if (most == 0 || most > q->n_trajectories) most = q->n_trajectories;
    enum raml_code rc = RAML_GROW(s->selected, s->cap, most + 1, "trajectories of a question", err);
    if (!rc) rc = RAML_GROW(f->candidate, f->cap_candidates, f->n_candidates + most, "trajectories", err);
    if (rc) return rc;
    size_t right = select_side(f, q, most, RAML_EQUAL, s->selected);
    size_t wrong = select_side(f, q, most, RAML_DIFFERENT, s->selected + right);
    if (right == 0 || wrong == 0) return RAML_OK;
    struct raml_row_options row = f->row;
    row.max_tokens = 0; /* measured here, trajectory by trajectory */
    rc = raml_row_build(&s->tree, q, s->selected, right + wrong, &row, NULL, err);
    if (rc) return rc;
    it->first = f->n_candidates;
    it->n_tokens = s->tree.span[0].n;
    rc = add_side(f, s, q, 0, right, &it->n_right, err);
    if (!rc) rc = add_side(f, s, q, right, right + wrong, &it->n_wrong, err);
    if (rc) return rc;
    it->n_pairs = it->n_right * it->n_wrong;
    if (it->n_pairs > s->pairs_per_question) it->n_pairs = s->pairs_per_question;
    if (it->n_pairs == 0) f->n_candidates = it->first;
    else f->hash = raml_hash(s->tree.token, s->tree.n_tokens * sizeof *s->tree.token, f->hash);
    return RAML_OK;
}

static enum raml_code scan_all(struct pair_set *f, struct scan *s, size_t n, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct pair_item it = {.question = (uint32_t)i};
        enum raml_code rc = scan_question(f, s, &f->qs->question[i], &it, err);
        if (!rc) rc = RAML_GROW(f->item, f->cap_items, f->n_items + 1, "questions", err);
        if (rc) return raml_wrap(err, rc, "%s", f->name);
        if (it.n_pairs == 0) {
            f->unpaired++;
            continue;
        }
        it.first_pair = f->n;
        f->n += it.n_pairs;
        f->hash = raml_hash(&it, sizeof it, f->hash);
        f->item[f->n_items++] = it;
    }
    return RAML_OK;
}

/* -- The stream ----------------------------------------------------------------------------------------------------- */
static enum raml_code init_stream(struct pair_set *f, struct raml_err *err)
{
    size_t most = 1, k = 0;
    if (f->n > UINT32_MAX) return raml_fail(err, RAML_ERANGE, "%s: %zu pairs; at most %u", f->name, f->n, UINT32_MAX);
    for (size_t i = 0; i < f->n_items; i++) {
        if (f->item[i].n_right > most) most = f->item[i].n_right;
        if (f->item[i].n_wrong > most) most = f->item[i].n_wrong;
    }
    f->owner = malloc(f->n * sizeof *f->owner);
    f->right = malloc(most * sizeof *f->right);
    f->wrong = malloc(most * sizeof *f->wrong);
    if (!f->owner || !f->right || !f->wrong)
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu pairs", f->name, f->n);
    for (size_t i = 0; i < f->n_items; i++)
        for (size_t j = 0; j < f->item[i].n_pairs; j++) f->owner[k++] = (uint32_t)i;
    return raml_order_init(&f->order, f->seed, f->n, f->name, err);
}

enum raml_code raml_pair_set_init(struct pair_set *f, const struct raml_train_job *job,
                                  const struct raml_train_options *opt, int64_t pairs_per_question,
                                  const struct raml_questions *qs, const char *name, size_t max_n, struct raml_err *err)
{
    size_t n = max_n && max_n < qs->n ? max_n : qs->n;
    *f = (struct pair_set){.qs = qs, .name = name ? name : "data", .seed = opt->seed};
    if (n > UINT32_MAX) return raml_fail(err, RAML_ERANGE, "%s: %zu questions; at most %u", f->name, n, UINT32_MAX);
    f->row = raml_row_default(job->tokenizer, job->format);
    f->row.max_tokens = (size_t)raml_model_config(job->model)->max_positions;
    struct scan s = {.opt = opt, .pairs_per_question = (size_t)pairs_per_question};
    enum raml_code rc = scan_all(f, &s, n, err);
    raml_tree_deinit(&s.tree);
    free(s.selected);
    if (rc) return rc;
    if (f->n) return init_stream(f, err);
    return raml_fail(err, RAML_ERANGE,
                     "%s: none of %zu questions has a pair, a right and a wrong trajectory (%zu trajectories not "
                     "graded, %zu wrong ones without an answer, %zu the same as a right one, %zu too long)",
                     f->name, n, f->ungraded, f->unanswered, f->identical, f->too_long);
}

void raml_pair_set_report(const struct pair_set *f, const struct raml_sink *sink)
{
    if (f->unpaired)
        raml_say(sink, "%s: %zu of %zu questions are left out: no pair of a right and a wrong trajectory", f->name,
                 f->unpaired, f->unpaired + f->n_items);
    if (f->ungraded) raml_say(sink, "%s: %zu trajectories are left out: not graded", f->name, f->ungraded);
    if (f->unanswered)
        raml_say(sink, "%s: %zu wrong trajectories are left out: they have no answer", f->name, f->unanswered);
    if (f->identical)
        raml_say(sink, "%s: %zu wrong trajectories are left out: they are the same as a right one", f->name,
                 f->identical);
    if (f->too_long)
        raml_say(sink, "%s: %zu trajectories are left out: longer than the model's context", f->name, f->too_long);
}

static size_t lcm(size_t a, size_t b)
{
    size_t x = a, y = b;
    while (y) {
        size_t rest = x % y;
        x = y;
        y = rest;
    }
    return a / x * b;
}

/* 0 .. n-1 in random order. */
static void shuffle(struct raml_rng *r, uint32_t *index, size_t n)
{
    for (size_t i = 0; i < n; i++) index[i] = (uint32_t)i;
    raml_rng_shuffle(r, index, (uint32_t)n);
}

/* Pair number j of an item in an epoch. Both sides are shuffled, and run through side by side; after lcm(R, W) pairs,
 * when the first of them would come again, one side is moved on by one. So all R W pairs come before any comes twice. */
static void pair_of(const struct pair_set *f, const struct pair_item *it, uint64_t epoch, size_t j,
                    struct chosen_pair *out)
{
    struct raml_rng r = {{f->seed, RAML_FOR_PAIR, it->question, 0, epoch}, 0};
    shuffle(&r, f->right, it->n_right);
    shuffle(&r, f->wrong, it->n_wrong);
    size_t right = f->right[j % it->n_right];
    size_t wrong = f->wrong[(j + j / lcm(it->n_right, it->n_wrong)) % it->n_wrong];
    const struct candidate *chosen = &f->candidate[it->first + right];
    const struct candidate *rejected = &f->candidate[it->first + it->n_right + wrong];
    out->trajectory[0] = chosen->trajectory;
    out->trajectory[1] = rejected->trajectory;
    out->n_tokens = it->n_tokens + (size_t)chosen->n_tokens + rejected->n_tokens;
}

void raml_pair_at(struct pair_set *f, uint64_t position, struct chosen_pair *out)
{
    size_t k = raml_order_at(&f->order, position);
    out->item = f->owner[k];
    pair_of(f, &f->item[out->item], position / f->n, k - f->item[out->item].first_pair, out);
}

enum raml_code raml_pair_row(const struct pair_set *f, const struct chosen_pair *pair, struct raml_tree *tree,
                             struct raml_err *err)
{
    const struct raml_question *q = &f->qs->question[f->item[pair->item].question];
    enum raml_code rc = raml_row_build(tree, q, pair->trajectory, 2, &f->row, NULL, err);
    return rc ? raml_wrap(err, rc, "%s", f->name) : RAML_OK;
}

static uint64_t tokens_at(void *user, uint64_t position)
{
    struct chosen_pair pair;
    raml_pair_at(user, position, &pair);
    return pair.n_tokens;
}

void raml_pair_plan_init(struct training_plan *p, struct pair_set *f, const struct raml_train_options *opt)
{
    raml_plan_steps(p, f->n, opt, tokens_at, f);
}
