/* fork_analysis.c - answers of forks by class, the forced distribution, critical positions and importance, and what an
 * edit did. See fork_parts.h. */
#include "study/fork_parts.h"

#include "inner/answer_counts.h"
#include "inner/choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Classes ------------------------------------------------------------------------------------------------------- */

/* The question's answer, the sample's own, then the continuations'. Answers that are equal (table.h) and of one verdict
 * are a class: a family with a checker of its own may call one of two equal expressions wrong. */
struct votes {
    const char **answer;
    bool *correct, *off; /* off: without an answer that counts */
    size_t *class;       /* SIZE_MAX: none */
    uint32_t n;
};

static void votes_deinit(struct votes *v)
{
    free(v->answer);
    free(v->correct);
    free(v->off);
    free(v->class);
}

static enum raml_code votes_init(struct votes *v, const struct raml_forked *f, const struct raml_fork_sampled *sampled,
                                 size_t n_sampled, struct raml_err *err)
{
    size_t n = 2 + n_sampled;
    *v = (struct votes){.answer = calloc(n, sizeof *v->answer),
                        .correct = calloc(n, sizeof *v->correct),
                        .off = calloc(n, sizeof *v->off),
                        .class = calloc(n, sizeof *v->class),
                        .n = (uint32_t)n};
    if (!v->answer || !v->correct || !v->off || !v->class)
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu answers", n);
    v->answer[0] = f->q->answer;
    v->answer[1] = f->q->trajectory[f->sample].answer;
    v->correct[0] = true;
    v->correct[1] = f->verdict == RAML_TRACE_CORRECT;
    for (size_t i = 0; i < n_sampled; i++) {
        v->answer[2 + i] = sampled[i].answer;
        v->correct[2 + i] = sampled[i].correct;
        v->off[2 + i] = !sampled[i].answer;
    }
    return RAML_OK;
}

/* The class of equal answers, whatever their verdicts; SIZE_MAX: it has none. */
static size_t equal_class(const struct raml_answer_classes *c, const struct votes *v, size_t i)
{
    for (size_t k = 0; v->answer[i] && !v->off[i] && k < c->n_texts; k++)
        if (!strcmp(c->text[k].text, v->answer[i])) return c->text[k].class;
    return SIZE_MAX;
}

/* number[2 c->n]: of the class with these equal answers and verdict, from 1; 0: not seen yet. */
static void number_classes(const struct raml_answer_classes *c, struct votes *v, size_t *number, struct raml_forked *f)
{
    for (size_t i = 0; i < v->n; i++) {
        size_t k = equal_class(c, v, i);
        v->class[i] = SIZE_MAX;
        if (k == SIZE_MAX) continue;
        size_t *own = &number[2 * k + v->correct[i]];
        if (*own == 0) {
            f->answer[f->n_classes] = (struct raml_forked_answer){.text = v->answer[i], .forced = -1};
            *own = ++f->n_classes;
        }
        v->class[i] = *own - 1;
    }
    if (v->class[0] != SIZE_MAX) f->answer[v->class[0]].gold = true;
    if (v->class[1] != SIZE_MAX) f->answer[v->class[1]].own = true;
}

static enum raml_code list_answers(struct raml_forked *f, const struct raml_answer_classes *c, struct votes *v,
                                   struct raml_err *err)
{
    size_t *number = calloc(2 * c->n + 1, sizeof *number);
    f->answer = raml_arena_alloc(f->arena, 2 * c->n + 1, sizeof *f->answer);
    f->n_classes = 0;
    enum raml_code rc = number && f->answer ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu answers", c->n);
    if (!rc) number_classes(c, v, number, f);
    free(number);
    return rc;
}

static enum raml_code count_fork(struct raml_forked *f, struct raml_forked_fork *x, const struct votes *v,
                                 const struct raml_fork_sampled *sampled, size_t first, size_t n, struct raml_err *err)
{
    double tokens = 0;
    x->count = raml_arena_alloc(f->arena, f->n_classes + 1, sizeof *x->count);
    if (!x->count) return raml_fail(err, RAML_ENOMEM, "no memory for %zu answers", f->n_classes);
    x->n = (uint32_t)n;
    for (size_t i = first; i < first + n; i++) {
        size_t k = v->class[2 + i];
        x->count[k == SIZE_MAX ? f->n_classes : k]++;
        x->n_correct += sampled[i].correct;
        x->n_truncated += sampled[i].truncated;
        tokens += sampled[i].n_tokens;
        if (k == SIZE_MAX) continue;
        f->answer[k].n++;
        f->answer[k].n_unedited += x->word == RAML_FORK_NONE;
    }
    x->tokens = tokens / (double)n;
    return RAML_OK;
}

enum raml_code raml_forked_count(const struct raml_fork_plan *p, struct raml_answer_classes *classes,
                                 const struct raml_fork_sampled *sampled, struct raml_forked *f, struct raml_err *err)
{
    struct votes v;
    size_t n = sampled ? p->opt->n : 0;
    enum raml_code rc = votes_init(&v, f, sampled, f->n_forks * n, err);
    const struct raml_graded graded = {.id = f->q->id,
                                       .gold = f->q->answer,
                                       .n = v.n,
                                       .correct = v.correct,
                                       .truncated = v.off,
                                       .unclosed = v.off,
                                       .answer = v.answer,
                                       .has_answers = true};
    if (!rc) rc = raml_answer_classes_count(classes, &graded, err);
    if (!rc) rc = list_answers(f, classes, &v, err);
    for (size_t i = 0; !rc && n && i < f->n_forks; i++) rc = count_fork(f, &f->fork[i], &v, sampled, i * n, n, err);
    votes_deinit(&v);
    return rc;
}

/* -- The forced distribution --------------------------------------------------------------------------------------- */

/* Is it an answer that the model comes to by itself? What edits lead to, the end of thinking above all, is often none. */
static bool is_candidate(const struct raml_forked_answer *a)
{
    return a->gold || a->own || a->n_unedited;
}

/* The next answer to probe: the question's, the sample's own, then the most frequent; NULL: there are no more. */
static struct raml_forked_answer *next_answer(struct raml_forked *f)
{
    struct raml_forked_answer *best = NULL;
    for (size_t k = 0; k < f->n_classes; k++) {
        struct raml_forked_answer *a = &f->answer[k];
        if (a->forced >= 0 || !is_candidate(a)) continue;
        int rank = a->gold ? 2 : a->own, than = best ? (best->gold ? 2 : best->own) : -1;
        if (rank > than || (rank == than && a->n_unedited > best->n_unedited)) best = a;
    }
    return best;
}

static size_t n_candidates(const struct raml_forked *f)
{
    size_t n = 0;
    for (size_t k = 0; k < f->n_classes; k++) n += is_candidate(&f->answer[k]);
    return n;
}

struct choice {                     /* answers as probes */
    struct raml_trace_text *text;   /* [n] */
    struct raml_trace_probe *probe; /* [n - 1] the further ones */
    struct raml_tokens *token;      /* [n - 1] */
    size_t n;
};

static void choice_deinit(struct choice *c)
{
    for (size_t i = 0; c->text && i < c->n; i++) raml_trace_text_deinit(&c->text[i]);
    for (size_t i = 0; c->token && i < c->n; i++) raml_tokens_deinit(&c->token[i]);
    free(c->text);
    free(c->probe);
    free(c->token);
}

static enum raml_code add_probe(struct choice *c, size_t i, struct raml_err *err)
{
    const struct raml_trace_text *x = &c->text[i];
    struct raml_tokens *token = &c->token[i];
    enum raml_code rc = raml_tokens_add(token, x->answer_prefix.id, x->answer_prefix.n, err);
    if (!rc) rc = raml_tokens_add(token, x->answer.id, x->answer.n, err);
    if (!rc && i)
        c->probe[i - 1] = (struct raml_trace_probe){.token = token->id, .n = token->n, .n_prefix = x->answer_prefix.n};
    return rc;
}

/* Answers with what ends them, so that one that begins another is not that one's beginning. */
static enum raml_code choice_init(struct choice *c, const struct raml_fork_plan *p, struct raml_forked *f,
                                  struct raml_err *err)
{
    struct raml_trace_source src = p->source;
    size_t all = n_candidates(f), most = p->opt->max_answers < all ? p->opt->max_answers : all;
    src.score_end = true;
    *c = (struct choice){.text = calloc(most + 1, sizeof *c->text),
                         .probe = calloc(most + 1, sizeof *c->probe),
                         .token = calloc(most + 1, sizeof *c->token),
                         .n = most};
    if (!c->text || !c->probe || !c->token) return raml_fail(err, RAML_ENOMEM, "no memory for %zu answers", most);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < most; i++) {
        struct raml_forked_answer *a = next_answer(f);
        a->forced = (int)i;
        rc = raml_trace_encode_answer(&src, a->text, &c->text[i], err);
        if (!rc) rc = add_probe(c, i, err);
    }
    return rc;
}

static enum raml_code fill_p(struct raml_forked *f, const struct raml_loss_curve *c, struct raml_err *err)
{
    size_t n = c->n_other + 1;
    const double **loss = calloc(n, sizeof *loss);
    size_t *length = calloc(n, sizeof *length);
    f->p = calloc(c->n_points * n, sizeof *f->p);
    enum raml_code rc = loss && length && f->p ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu answers", n);
    for (size_t i = 0; !rc && i < n; i++) {
        const struct raml_loss_curve *x = i ? &c->other[i - 1] : c;
        loss[i] = x->loss;
        length[i] = x->n_answer;
    }
    if (!rc) rc = raml_choice(loss, length, n, c->n_points, RAML_CHOICE_BY_SUM, f->p, err);
    if (!rc) f->n_forced = n;
    free(loss);
    free(length);
    return rc;
}

static uint64_t own_cost(const struct raml_trace_input *in)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= in->n_trajectory; i++) {
        sum += in->n_prompt + i + in->n_answer_prefix + in->n_answer - 1;
        for (size_t k = 0; k < in->n_other; k++) sum += in->n_prompt + i + in->other[k].n - 1;
    }
    return sum;
}

enum raml_code raml_forked_choose(const struct raml_fork_plan *p, struct raml_tracer *tracer, struct raml_forked *f,
                                  uint64_t *own_tokens, struct raml_err *err)
{
    struct choice c = {0};
    struct raml_loss_curve curve = {0};
    *own_tokens = 0;
    enum raml_code rc = choice_init(&c, p, f, err);
    if (!rc && c.n >= 2) {
        struct raml_trace_input in = raml_trace_text_input(&f->text);
        in.answer_prefix = c.text[0].answer_prefix.id;
        in.n_answer_prefix = c.text[0].answer_prefix.n;
        in.answer = c.text[0].answer.id;
        in.n_answer = c.text[0].answer.n;
        in.other = c.probe;
        in.n_other = c.n - 1;
        rc = raml_tracer_run(tracer, &in, 1, &curve, err);
        if (!rc) *own_tokens = own_cost(&in);
        if (!rc) rc = fill_p(f, &curve, err);
    }
    raml_loss_curve_deinit(&curve);
    choice_deinit(&c);
    if (rc)
        return raml_wrap(err, rc, "question '%.100s' (line %zu), trajectory %zu", f->q->id, f->q->line, f->sample + 1);
    return RAML_OK;
}

/* -- Critical positions -------------------------------------------------------------------------------------------- */

/* The settings of windows and edits don't move it. */
static bool is_sampled_place(const struct raml_forked_fork *x)
{
    return x->word == RAML_FORK_NONE && x->at_place && x->count;
}

/* Of the unedited forks at places and at the end, which are by rising place. NaN: fewer than two were sampled, or the
 * last has no answer. */
static enum raml_code resampled_critical(const struct raml_forked *f, double c, double *critical, struct raml_err *err)
{
    size_t width = f->n_classes + 1, n = 0, last = 0;
    double *share = calloc(f->n_forks * width + 1, sizeof *share);
    *critical = NAN;
    if (!share) return raml_fail(err, RAML_ENOMEM, "no memory for the answers of %zu forks", f->n_forks);
    for (size_t i = 0; i < f->n_forks; i++) {
        if (!is_sampled_place(&f->fork[i])) continue;
        raml_answer_counts_share(f->fork[i].count, width, share + n++ * width);
        last = i;
    }
    if (n > 1 && raml_choice_best(share + (n - 1) * width, width) < f->n_classes) {
        int64_t at = raml_choice_critical(share, width, n, c);
        *critical = -1;
        for (size_t i = 0, k = 0; at >= 0 && i <= last; i++) {
            if (!is_sampled_place(&f->fork[i])) continue;
            if (k++ == (size_t)at) *critical = f->fork[i].at;
        }
    }
    free(share);
    return RAML_OK;
}

/* -- Importance ---------------------------------------------------------------------------------------------------- */

static int forced_gold(const struct raml_forked *f)
{
    for (size_t k = 0; k < f->n_classes; k++)
        if (f->answer[k].gold) return f->answer[k].forced;
    return -1;
}

static double accuracy(const struct raml_forked_fork *x)
{
    return x->n ? (double)x->n_correct / (double)x->n : NAN;
}

static double kl(const struct raml_forked *f, const struct raml_forked_fork *after,
                 const struct raml_forked_fork *before)
{
    if (!after->count || !before->count) return NAN;
    return raml_answer_counts_kl(after->count, before->count, f->n_classes + 1);
}

static struct raml_fork_importance importance(const struct raml_forked *f, const struct raml_fork_place *x)
{
    struct raml_fork_importance r = {NAN, NAN, NAN, NAN};
    if (x->end <= x->at) return r;
    int gold = forced_gold(f);
    if (f->p) {
        const double *before = f->p + x->at * f->n_forced, *after = f->p + x->end * f->n_forced;
        r.forced = raml_choice_kl(after, before, f->n_forced);
        if (gold >= 0) r.forced_accuracy = after[gold] - before[gold];
    }
    const struct raml_forked_fork *before = &f->fork[raml_forked_find(f, x->at, RAML_FORK_NONE)],
                                  *after = &f->fork[raml_forked_find(f, x->end, RAML_FORK_NONE)];
    r.resampled = kl(f, after, before);
    r.resampled_accuracy = accuracy(after) - accuracy(before);
    return r;
}

enum raml_code raml_forked_analyse(const struct raml_fork_plan *p, struct raml_forked *f, struct raml_err *err)
{
    size_t T = f->text.trajectory.n;
    if (f->p) f->critical[0] = (double)raml_choice_critical(f->p, f->n_forced, T + 1, p->opt->critical);
    enum raml_code rc = resampled_critical(f, p->opt->critical, &f->critical[1], err);
    if (rc) return rc;
    f->importance = raml_arena_alloc(f->arena, f->places.n + 1, sizeof *f->importance);
    if (!f->importance) return raml_fail(err, RAML_ENOMEM, "no memory for %zu places", f->places.n);
    for (size_t i = 0; i < f->places.n; i++) f->importance[i] = importance(f, &f->places.place[i]);
    return RAML_OK;
}

/* -- Effects ------------------------------------------------------------------------------------------------------- */

struct raml_fork_effect raml_forked_effect(const struct raml_forked *f, const struct raml_forked_edit *e)
{
    const struct raml_forked_fork *x = &f->fork[e->fork], *than = &f->fork[e->unedited];
    return (struct raml_fork_effect){.now = e->now,
                                     .carried = e->carried,
                                     .accuracy = accuracy(x),
                                     .accuracy_change = accuracy(x) - accuracy(than),
                                     .kl = kl(f, x, than),
                                     .tokens_change = x->tokens - than->tokens};
}

static void subtract(struct raml_fork_effect *a, const struct raml_fork_effect *b, double share)
{
    a->now -= share * b->now;
    a->carried -= share * b->carried;
    a->accuracy -= share * b->accuracy;
    a->accuracy_change -= share * b->accuracy_change;
    a->kl -= share * b->kl;
    a->tokens_change -= share * b->tokens_change;
}

struct raml_fork_effect raml_forked_less_control(const struct raml_forked *f, const struct raml_forked_edit *e)
{
    struct raml_fork_effect x = {NAN, NAN, NAN, NAN, NAN, NAN};
    enum raml_fork_edit_kind control = e->kind == RAML_FORK_INSERT    ? RAML_FORK_CONTROL
                                       : e->kind == RAML_FORK_REMOVE  ? RAML_FORK_WINDOW
                                       : e->kind == RAML_FORK_REPLACE ? RAML_FORK_REPLACE_CONTROL
                                                                      : RAML_FORK_UNEDITED;
    size_t n = 0;
    if (control == RAML_FORK_UNEDITED) return x;
    for (size_t i = 0; i < f->n_edits; i++) n += f->edit[i].place == e->place && f->edit[i].kind == control;
    if (n == 0) return x;
    x = raml_forked_effect(f, e);
    for (size_t i = 0; i < f->n_edits; i++) {
        if (f->edit[i].place != e->place || f->edit[i].kind != control) continue;
        const struct raml_fork_effect c = raml_forked_effect(f, &f->edit[i]);
        subtract(&x, &c, 1 / (double)n);
    }
    return x;
}
