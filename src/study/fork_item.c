/* fork_item.c - a trajectory as tokens, with its places, edits and forks. See fork_parts.h. */
#include "study/fork_parts.h"

#include "core/array.h"
#include "study/trace_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARENA_BYTES = 1 << 30 };

void raml_forked_deinit(struct raml_forked *f)
{
    raml_trace_text_deinit(&f->text);
    raml_loss_curve_deinit(&f->curve);
    free(f->piece);
    raml_pieces_deinit(&f->joined);
    raml_token_roles_deinit(&f->roles);
    raml_fork_place_list_deinit(&f->places);
    raml_tokens_deinit(&f->put);
    free(f->edit);
    free(f->fork);
    raml_arena_close(f->arena);
    free(f->p);
    *f = (struct raml_forked){0};
}

/* -- Beginning ----------------------------------------------------------------------------------------------------- */

/* Tokens that a fork can have beside prompt and trajectory, at most: a word has no more tokens than bytes. */
static size_t most_put(const struct raml_fork_plan *p, const struct raml_trace_text *x)
{
    size_t n = p->end.n;
    for (size_t i = 0; i < p->n_words; i++)
        if (strlen(p->word[i]) + 2 > n) n = strlen(p->word[i]) + 2;
    return n + x->answer_prefix.n + x->answer.n;
}

static enum raml_code join_pieces(const struct raml_fork_plan *p, struct raml_forked *f, struct raml_err *err)
{
    size_t n = f->text.trajectory.n;
    enum raml_code rc = RAML_GROW(f->piece, f->cap_pieces, n + 1, "tokens", err);
    if (!rc) rc = raml_trace_pieces(p->job->tokenizer, f->text.trajectory.id, n, f->piece, err);
    if (rc) return rc;
    raml_pieces_deinit(&f->joined);
    return raml_pieces_join(f->piece, n, &f->joined, err);
}

static void clear(struct raml_forked *f)
{
    raml_loss_curve_deinit(&f->curve);
    f->curve = (struct raml_loss_curve){0};
    raml_arena_close(f->arena);
    f->arena = NULL;
    free(f->p);
    f->p = NULL;
    f->answer = NULL;
    f->importance = NULL;
    f->n_classes = f->n_forced = f->n_edits = f->n_forks = f->put.n = f->places.n = 0;
    f->critical[0] = f->critical[1] = NAN;
}

enum raml_code raml_forked_begin(const struct raml_fork_plan *p, size_t question, size_t sample, struct raml_forked *f,
                                 struct raml_err *err)
{
    const struct raml_question *q = &p->job->questions->question[question];
    size_t context = (size_t)raml_model_config(p->job->model)->max_positions;
    clear(f);
    f->q = q;
    f->question = question;
    f->sample = sample;
    enum raml_verdict correct = sample < q->n_trajectories ? q->trajectory[sample].correct : RAML_UNKNOWN;
    f->verdict = correct == RAML_EQUAL       ? RAML_TRACE_CORRECT
                 : correct == RAML_DIFFERENT ? RAML_TRACE_WRONG
                                             : RAML_TRACE_UNGRADED;
    f->arena = raml_arena_open(MAX_ARENA_BYTES);
    if (!f->arena) return raml_fail(err, RAML_ENOMEM, "no memory for a trajectory's forks");
    enum raml_code rc = raml_trace_encode(&p->source, q, sample, &f->text, err);
    if (rc) return rc;
    size_t n = f->text.prompt.n + f->text.trajectory.n, more = most_put(p, &f->text);
    if (n + more > context)
        return raml_fail(
            err, RAML_ERANGE,
            "question '%.100s' (line %zu), trajectory %zu: prompt and trajectory (%zu tokens), with what may "
            "be put in and the answer (up to %zu), are longer than the model's context (%zu)",
            q->id, q->line, sample + 1, n, more, context);
    return join_pieces(p, f, err);
}

const int32_t *raml_forked_put(const struct raml_forked *f, size_t first)
{
    return f->put.id ? f->put.id + first : NULL;
}

struct raml_str raml_forked_text(const struct raml_forked *f, size_t from, size_t to)
{
    const struct raml_pieces *j = &f->joined;
    return (struct raml_str){j->n ? j->s + j->start[from] : "", j->start[to] - j->start[from]};
}

/* -- Edits --------------------------------------------------------------------------------------------------------- */

static enum raml_code add_edit(struct raml_forked *f, const struct raml_fork_change *c, size_t place, size_t at,
                               size_t resume, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(f->edit, f->cap_edits, f->n_edits + 1, "edits of a trajectory", err);
    if (rc) return rc;
    f->edit[f->n_edits++] = (struct raml_forked_edit){.kind = c->kind,
                                                      .word = c->word,
                                                      .place = place,
                                                      .at = (uint32_t)at,
                                                      .resume = (uint32_t)resume,
                                                      .now = c->kind == RAML_FORK_UNEDITED ? 0 : NAN,
                                                      .carried = c->kind == RAML_FORK_UNEDITED ? 0 : NAN};
    return RAML_OK;
}

static enum raml_code add_windows(const struct raml_fork_plan *p, struct raml_forked *f,
                                  const struct raml_fork_change *c, size_t place, struct raml_err *err)
{
    const struct raml_matching m = {.roles = &f->roles,
                                    .loss = f->curve.loss,
                                    .entropy = f->curve.token_entropy,
                                    .position_buckets = p->opt->position_buckets};
    const struct raml_fork_place *unit = &f->places.place[place];
    size_t *first = calloc(p->opt->n_windows + 1, sizeof *first), k = unit->end - unit->at;
    if (!first) return raml_fail(err, RAML_ENOMEM, "no memory for %zu windows", p->opt->n_windows);
    size_t n = raml_fork_windows(&m, unit, p->opt->n_windows, first);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) rc = add_edit(f, c, place, first[i] - 1, first[i] - 1 + k, err);
    free(first);
    return rc;
}

static enum raml_code add_place(const struct raml_fork_plan *p, struct raml_forked *f, size_t place,
                                struct raml_err *err)
{
    const struct raml_fork_place x = f->places.place[place];
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < p->n_changes; i++) {
        const struct raml_fork_change *c = &p->change[i];
        bool takes_out =
            c->kind == RAML_FORK_REMOVE || c->kind == RAML_FORK_REPLACE || c->kind == RAML_FORK_REPLACE_CONTROL;
        if (c->kind == RAML_FORK_WINDOW) rc = add_windows(p, f, c, place, err);
        else if (!takes_out || x.end > x.at) rc = add_edit(f, c, place, x.at, takes_out ? x.end : x.at, err);
    }
    return rc;
}

/* -- Forks --------------------------------------------------------------------------------------------------------- */

static int compare_forks(const void *a, const void *b)
{
    const struct raml_forked_fork *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return (x->word > y->word) - (x->word < y->word);
}

size_t raml_forked_find(const struct raml_forked *f, uint32_t at, int word)
{
    const struct raml_forked_fork key = {.at = at, .word = word};
    const struct raml_forked_fork *found =
        f->n_forks ? bsearch(&key, f->fork, f->n_forks, sizeof key, compare_forks) : NULL;
    return found ? (size_t)(found - f->fork) : SIZE_MAX;
}

static enum raml_code add_fork(struct raml_forked *f, uint32_t at, int word, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(f->fork, f->cap_forks, f->n_forks + 1, "forks of a trajectory", err);
    if (!rc) f->fork[f->n_forks++] = (struct raml_forked_fork){.at = at, .word = word, .tokens = NAN};
    return rc;
}

static void sort_forks(struct raml_forked *f)
{
    size_t kept = 0;
    qsort(f->fork, f->n_forks, sizeof *f->fork, compare_forks);
    for (size_t i = 0; i < f->n_forks; i++)
        if (kept == 0 || compare_forks(&f->fork[kept - 1], &f->fork[i]) != 0) f->fork[kept++] = f->fork[i];
    f->n_forks = kept;
}

static void mark_places(struct raml_forked *f)
{
    for (size_t i = 0; i < f->n_forks; i++) f->fork[i].at_place = f->fork[i].at == f->text.trajectory.n;
    for (size_t i = 0; i < f->places.n; i++)
        f->fork[raml_forked_find(f, f->places.place[i].at, RAML_FORK_NONE)].at_place = true;
}

/* Every edit and what it is compared with, the ends of units, and the end of the trajectory. Without a place, none. */
static enum raml_code list_forks(struct raml_forked *f, struct raml_err *err)
{
    enum raml_code rc = f->places.n ? add_fork(f, (uint32_t)f->text.trajectory.n, RAML_FORK_NONE, err) : RAML_OK;
    for (size_t i = 0; !rc && i < f->places.n; i++) {
        rc = add_fork(f, f->places.place[i].at, RAML_FORK_NONE, err);
        if (!rc) rc = add_fork(f, f->places.place[i].end, RAML_FORK_NONE, err);
    }
    for (size_t i = 0; !rc && i < f->n_edits; i++) {
        rc = add_fork(f, f->edit[i].at, f->edit[i].word, err);
        if (!rc) rc = add_fork(f, f->edit[i].resume, RAML_FORK_NONE, err);
    }
    if (rc) return rc;
    sort_forks(f);
    mark_places(f);
    for (size_t i = 0; i < f->n_edits; i++) {
        f->edit[i].fork = raml_forked_find(f, f->edit[i].at, f->edit[i].word);
        f->edit[i].unedited = raml_forked_find(f, f->edit[i].resume, RAML_FORK_NONE);
    }
    return RAML_OK;
}

/* -- What is put in ------------------------------------------------------------------------------------------------ */

static enum raml_code put_fork(const struct raml_fork_plan *p, struct raml_forked *f, struct raml_forked_fork *x,
                               struct raml_err *err)
{
    struct raml_tokens gap = {0};
    const struct raml_str before = raml_forked_text(f, 0, x->at), after = {"", 0};
    enum raml_code rc = RAML_OK;
    x->put = f->put.n;
    if (x->word == RAML_FORK_END) rc = raml_tokens_add(&f->put, p->end.id, p->end.n, err);
    else if (x->word >= 0)
        rc = raml_fork_word(p->job->tokenizer, &before, &after, p->word[x->word], &f->put, &gap, err);
    x->n_put = f->put.n - x->put;
    raml_tokens_deinit(&gap);
    return rc;
}

static enum raml_code put_gap(const struct raml_fork_plan *p, struct raml_forked *f, struct raml_forked_edit *e,
                              struct raml_err *err)
{
    struct raml_tokens word = {0};
    const struct raml_str before = raml_forked_text(f, 0, e->at),
                          after = raml_forked_text(f, e->resume, f->text.trajectory.n);
    enum raml_code rc = RAML_OK;
    e->gap = f->put.n;
    if (e->word >= 0) rc = raml_fork_word(p->job->tokenizer, &before, &after, p->word[e->word], &word, &f->put, err);
    e->n_gap = f->put.n - e->gap;
    raml_tokens_deinit(&word);
    return rc;
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static enum raml_code find_places(struct raml_fork_plan *p, struct raml_forked *f, struct raml_err *err)
{
    const char *delimiter[4];
    struct raml_fork_choice c = {.kind = p->kind, .most = p->opt->max_places, .entropy = f->curve.token_entropy};
    c.k = p->opt->max_places ? p->opt->max_places : 8;
    const struct raml_token_text text =
        raml_trace_token_text(&p->job->format, f->piece, f->text.trajectory.n, delimiter);
    raml_fork_plan_given(p, f->q, f->sample, &c.given, &c.n_given);
    enum raml_code rc = raml_token_roles(&text, &f->roles, err);
    return rc ? rc : raml_fork_places(&text, &c, &f->places, err);
}

enum raml_code raml_forked_plan(struct raml_fork_plan *p, struct raml_forked *f, struct raml_err *err)
{
    enum raml_code rc = find_places(p, f, err);
    if (rc)
        return raml_wrap(err, rc, "question '%.100s' (line %zu), trajectory %zu", f->q->id, f->q->line, f->sample + 1);
    for (size_t i = 0; !rc && i < f->places.n; i++) rc = add_place(p, f, i, err);
    if (!rc) rc = list_forks(f, err);
    for (size_t i = 0; !rc && i < f->n_forks; i++) rc = put_fork(p, f, &f->fork[i], err);
    for (size_t i = 0; !rc && i < f->n_edits; i++) rc = put_gap(p, f, &f->edit[i], err);
    return rc;
}

/* Is its loss measured? What ends thinking is the answer prefix itself: its loss is L(i). */
static bool is_measured(const struct raml_forked_edit *e)
{
    return e->kind != RAML_FORK_UNEDITED && e->kind != RAML_FORK_END_THINKING;
}

enum raml_code raml_forked_losses(struct raml_forker *forker, struct raml_forked *f, uint64_t *own_tokens,
                                  struct raml_err *err)
{
    const struct raml_trace_input in = raml_trace_text_input(&f->text);
    struct raml_fork_edit *edit = calloc(f->n_edits + 1, sizeof *edit);
    struct raml_fork_loss *loss = calloc(f->n_edits + 1, sizeof *loss);
    enum raml_code rc = edit && loss ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu edits", f->n_edits);
    size_t n = 0, T = f->text.trajectory.n;
    for (size_t i = 0; !rc && i < f->n_edits; i++) {
        const struct raml_forked_edit *e = &f->edit[i];
        const struct raml_forked_fork *x = &f->fork[e->fork];
        if (is_measured(e))
            edit[n++] = (struct raml_fork_edit){.at = e->at,
                                                .resume = e->resume,
                                                .token = raml_forked_put(f, x->put),
                                                .n_token = x->n_put,
                                                .gap = raml_forked_put(f, e->gap),
                                                .n_gap = e->n_gap};
    }
    if (!rc) rc = raml_forker_run(forker, &in, edit, n, loss, err);
    *own_tokens = rc ? 0 : raml_fork_own_tokens(&in, edit, n);
    n = 0;
    for (size_t i = 0; !rc && i < f->n_edits; i++) {
        struct raml_forked_edit *e = &f->edit[i];
        if (!is_measured(e)) continue;
        e->now = loss[n].now - f->curve.loss[e->resume];
        e->carried = loss[n++].carried - f->curve.loss[T];
    }
    free(edit);
    free(loss);
    return rc;
}
