/* trace_analysis.c - what is read off a trajectory's curves: pieces, summaries, choice, regret, roles. See
 * trace_parts.h. */
#include "study/trace_parts.h"

#include "core/array.h"
#include "core/elementary.h"
#include "inner/choice.h"
#include "inner/regret.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PIECES_BYTES = 1 << 28, NAME_BYTES = 64 };

struct raml_trace_analysis {
    struct raml_buf bytes; /* of all pieces */
    const char **piece, **role;
    size_t *piece_len;
    double *ema, *logp, *entropy, *commitment;
    size_t cap_points; /* of the seven above */
    struct raml_str *token;
    size_t cap_tokens;
    struct raml_token_roles roles;
    struct raml_descent *of;
    size_t cap_of;
    const double **loss; /* of each answer */
    size_t *length, cap_answers;
    double *p, *p_mean;
    size_t cap_p;
};

enum raml_code raml_trace_analysis_open(struct raml_trace_analysis **out, struct raml_err *err)
{
    struct raml_trace_analysis *a = calloc(1, sizeof *a);
    if (!a) return raml_fail(err, RAML_ENOMEM, "no memory to look at loss curves");
    raml_buf_init(&a->bytes, MAX_PIECES_BYTES);
    *out = a;
    return RAML_OK;
}

void raml_trace_analysis_close(struct raml_trace_analysis *a)
{
    if (!a) return;
    raml_buf_deinit(&a->bytes);
    free(a->piece);
    free(a->role);
    free(a->piece_len);
    free(a->ema);
    free(a->logp);
    free(a->entropy);
    free(a->commitment);
    free(a->token);
    raml_token_roles_deinit(&a->roles);
    free(a->of);
    free(a->loss);
    free(a->length);
    free(a->p);
    free(a->p_mean);
    free(a);
}

/* -- Memory -------------------------------------------------------------------------------------------------------- */

static enum raml_code reserve_points(struct raml_trace_analysis *a, size_t n, struct raml_err *err)
{
    static const char what[] = "points of a loss curve";
    size_t cap[6];
    for (size_t i = 0; i < sizeof cap / sizeof *cap; i++) cap[i] = a->cap_points;
    enum raml_code rc = RAML_GROW(a->piece, cap[0], n, what, err);
    if (!rc) rc = RAML_GROW(a->role, cap[1], n, what, err);
    if (!rc) rc = RAML_GROW(a->piece_len, cap[2], n, what, err);
    if (!rc) rc = RAML_GROW(a->ema, cap[3], n, what, err);
    if (!rc) rc = RAML_GROW(a->logp, cap[4], n, what, err);
    if (!rc) rc = RAML_GROW(a->entropy, cap[5], n, what, err);
    return rc ? rc : RAML_GROW(a->commitment, a->cap_points, n, what, err);
}

static enum raml_code reserve_answers(struct raml_trace_analysis *a, size_t n_curves, size_t n_answers, size_t n_points,
                                      struct raml_err *err)
{
    size_t cap = a->cap_answers, cap_p = a->cap_p;
    enum raml_code rc = RAML_GROW(a->of, a->cap_of, n_curves, "loss curves", err);
    if (!rc) rc = RAML_GROW(a->loss, cap, n_answers, "answers", err);
    if (!rc) rc = RAML_GROW(a->length, a->cap_answers, n_answers, "answers", err);
    if (!rc && n_points > SIZE_MAX / n_answers) rc = raml_fail(err, RAML_ENOMEM, "too many points of loss curves");
    if (!rc) rc = RAML_GROW(a->p, cap_p, n_points * n_answers, "probabilities of answers", err);
    return rc ? rc : RAML_GROW(a->p_mean, a->cap_p, n_points * n_answers, "probabilities of answers", err);
}

/* -- The trajectory ------------------------------------------------------------------------------------------------ */

/* The bytes between every two probes, as they are: a token decoded by itself may lose its space. */
static enum raml_code add_pieces(struct raml_trace_analysis *a, const struct raml_loss_curve *c, struct raml_err *err)
{
    raml_buf_clear(&a->bytes);
    for (size_t k = 0; k + 1 < c->n_points; k++) {
        size_t before = a->bytes.len;
        for (size_t i = c->at[k]; i < c->at[k + 1]; i++) raml_buf_add(&a->bytes, a->token[i].s, a->token[i].n);
        a->piece_len[k] = a->bytes.len - before;
    }
    enum raml_code rc = raml_buf_status(&a->bytes, err);
    const char *at = a->bytes.data ? a->bytes.data : "";
    for (size_t k = 0; !rc && k + 1 < c->n_points; at += a->piece_len[k++]) a->piece[k] = at;
    return rc;
}

/* Of a piece of several tokens: the first role in the order of their list, the sum of logp, the mean of entropy. */
static void add_token_values(struct raml_trace_analysis *a, const struct raml_loss_curve *c)
{
    for (size_t k = 0; k + 1 < c->n_points; k++) {
        enum raml_token_role role = RAML_TOKEN_OTHER;
        double logp = 0, entropy = 0;
        for (size_t i = c->at[k]; i < c->at[k + 1]; i++) {
            if (a->roles.role[i] < role) role = a->roles.role[i];
            logp += c->token_logp[i];
            entropy += c->token_entropy[i];
        }
        a->role[k] = raml_token_role_name(role);
        a->logp[k] = logp;
        a->entropy[k] = entropy / (double)(c->at[k + 1] - c->at[k]);
    }
}

static enum raml_code read_tokens(struct raml_trace_analysis *a, const struct raml_trace_plan *p,
                                  const struct raml_loss_curve *c, struct raml_traced *t, struct raml_err *err)
{
    const char *delimiter[4];
    enum raml_code rc = RAML_GROW(a->token, a->cap_tokens, c->n_tokens, "tokens", err);
    if (!rc) rc = raml_trace_pieces(p->job->tokenizer, c->token, c->n_tokens, a->token, err);
    if (!rc) rc = add_pieces(a, c, err);
    t->piece = a->piece;
    t->piece_len = a->piece_len;
    if (rc || !c->token_logp) return rc;
    const struct raml_token_text text = raml_trace_token_text(&p->job->format, a->token, c->n_tokens, delimiter);
    rc = raml_token_roles(&text, &a->roles, err);
    if (rc) return rc;
    add_token_values(a, c);
    t->role = a->role;
    t->piece_logp = a->logp;
    t->piece_entropy = a->entropy;
    return RAML_OK;
}

/* -- The curves ---------------------------------------------------------------------------------------------------- */

static enum raml_code read_choice(struct raml_trace_analysis *a, const struct raml_loss_curve *c, struct raml_traced *t,
                                  struct raml_err *err)
{
    size_t n = t->n_answers;
    if (n < 2) return RAML_OK;
    for (size_t k = 0; k < n; k++) {
        const struct raml_loss_curve *x = k ? &c->other[k - 1] : c;
        a->loss[k] = x->loss;
        a->length[k] = x->n_answer;
    }
    enum raml_code rc = raml_choice(a->loss, a->length, n, c->n_points, RAML_CHOICE_BY_SUM, a->p, err);
    if (!rc) rc = raml_choice(a->loss, a->length, n, c->n_points, RAML_CHOICE_BY_MEAN, a->p_mean, err);
    if (rc) return rc;
    for (size_t i = 0; i < c->n_points; i++) a->commitment[i] = raml_commitment(a->p + i * n, n);
    t->p = a->p;
    t->p_mean = a->p_mean;
    t->commitment = a->commitment;
    t->first_stable = c->at[raml_choice_first_stable(a->p, n, c->n_points)];
    return RAML_OK;
}

static enum raml_code read_regret(const struct raml_trace_plan *p, const struct raml_trace_item *it,
                                  const struct raml_loss_curve *c, double *regret, struct raml_err *err)
{
    struct raml_regret r;
    size_t n_prefix = it->text.answer_prefix.n, own = c->n_tokens + n_prefix + c->n_answer;
    double budget = (double)(p->opt->budget ? p->opt->budget : own);
    enum raml_code rc = raml_regret(c->loss, c->at, c->n_points, n_prefix, c->n_answer, budget, &r, err);
    if (!rc) *regret = r.regret;
    return rc;
}

static enum raml_trace_verdict verdict_of(const struct raml_trajectory *s)
{
    if (s->correct == RAML_EQUAL) return RAML_TRACE_CORRECT;
    return s->correct == RAML_DIFFERENT ? RAML_TRACE_WRONG : RAML_TRACE_UNGRADED;
}

enum raml_code raml_trace_analyse(struct raml_trace_analysis *a, const struct raml_trace_plan *p,
                                  const struct raml_trace_item *it, const struct raml_loss_curve *c,
                                  const struct raml_trace_effect *effect, struct raml_traced *out, struct raml_err *err)
{
    const struct raml_trajectory *s = &it->q->trajectory[it->sample];
    struct raml_traced t = {.q = it->q,
                            .sample = it->sample,
                            .curve = c,
                            .verdict = verdict_of(s),
                            .answer = it->asked.answer[0].text,
                            .join = p->opt->join,
                            .border_bytes = it->text.border_bytes,
                            .plan = p,
                            .asked = &it->asked,
                            .n_answers = it->n_answers,
                            .mode = raml_trace_mode(&p->job->format, s),
                            .effect = effect};
    enum raml_code rc = reserve_points(a, c->n_points, err);
    if (!rc) rc = reserve_answers(a, c->n_other + 1, it->n_answers, c->n_points, err);
    if (!rc) rc = read_tokens(a, p, c, &t, err);
    for (size_t k = 0; !rc && k <= c->n_other; k++)
        rc = raml_descent(k ? c->other[k - 1].loss : c->loss, c->n_points, p->opt->threshold, &a->of[k], err);
    if (!rc) rc = read_choice(a, c, &t, err);
    if (!rc) rc = read_regret(p, it, c, &t.regret, err);
    if (rc) return rc;
    t.ema_weight = p->opt->ema > 0 ? p->opt->ema : raml_ema_weight(c->n_points);
    raml_ema(c->loss, c->n_points, t.ema_weight, a->ema);
    t.ema = a->ema;
    t.of = a->of;
    t.descent = a->of[0];
    t.solved_at = t.descent.solved_at < 0 ? -1 : (int64_t)c->at[t.descent.solved_at];
    *out = t;
    return RAML_OK;
}

/* -- Numbers for the groups ---------------------------------------------------------------------------------------- */

struct number {
    const char *measure;
    double value;
    bool per_token; /* nats per answer token */
};

static enum raml_code add_numbers(struct raml_trace_groups *g, const char *curve, const struct number *x, size_t n,
                                  size_t n_answer, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++)
        rc = raml_trace_groups_loss(g, curve, x[i].measure, x[i].value, x[i].per_token ? n_answer : 0, err);
    return rc;
}

static enum raml_code count_curve(struct raml_trace_groups *g, const char *name, const struct raml_descent *d,
                                  const struct raml_loss_curve *c, struct raml_err *err)
{
    double A = (double)c->n_answer;
    const struct number x[] = {{"L0", d->first, true},
                               {"LT", d->last, true},
                               {"descent", d->total, true},
                               {"falls", d->last < d->first, false},
                               {"monotonicity", d->monotonicity, false},
                               {"efficiency", d->efficiency, false},
                               {"tau_b", d->tau_b, false},
                               {"p0", raml_exp(-A * d->first), false},
                               {"pT", raml_exp(-A * d->last), false},
                               {"greedy", c->greedy[c->n_points - 1], false},
                               {"solved", d->solved_at >= 0, false}};
    return add_numbers(g, name, x, sizeof x / sizeof *x, c->n_answer, err);
}

/* Under every name that the answer was asked for. */
static enum raml_code count_answers(struct raml_trace_groups *g, const struct raml_traced *t, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t s = 0; !rc && s < RAML_ANSWER_SLOTS; s++) {
        int k = t->asked->of_slot[s];
        if (k >= 0)
            rc = count_curve(g, raml_answer_slot_name(s), &t->of[k], k ? &t->curve->other[k - 1] : t->curve, err);
    }
    if (rc || !t->commitment) return rc;
    double T = (double)t->curve->n_tokens;
    const struct number x[] = {{"commitment0", t->commitment[0], false},
                               {"commitmentT", t->commitment[t->curve->n_points - 1], false},
                               {"stable", T > 0 ? (double)t->first_stable / T : NAN, false}};
    return add_numbers(g, "choice", x, sizeof x / sizeof *x, 0, err);
}

static enum raml_code count_layers(struct raml_trace_groups *g, const struct raml_traced *t, struct raml_err *err)
{
    const struct raml_loss_curve *c = t->curve;
    enum raml_code rc = RAML_OK;
    for (size_t l = 0; !rc && l < c->n_layers; l++) {
        const double *loss = c->layer_loss + l * c->n_points;
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "layer %zu", t->plan->layer[l]);
        const struct number x[] = {{"L0", loss[0], true},
                                   {"LT", loss[c->n_points - 1], true},
                                   {"descent", loss[0] - loss[c->n_points - 1], true}};
        rc = add_numbers(g, name, x, sizeof x / sizeof *x, c->n_answer, err);
    }
    return rc;
}

/* "effect 0.25" at the cut that was meant for T/4, and the mean over cuts. */
static enum raml_code count_effects(struct raml_trace_groups *g, const struct raml_traced *t, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    double n_cuts = (double)t->plan->opt->n_cuts;
    for (int kind = 0; !rc && kind < RAML_CONTROL_KINDS; kind++) {
        const struct raml_trace_effect *e = &t->effect[kind];
        const char *name = raml_control_kind_name((enum raml_control_kind)kind);
        double sum = 0;
        size_t *slot = malloc((e->n + 1) * sizeof *slot);
        if (!slot) return raml_fail(err, RAML_ENOMEM, "no memory for %zu cuts", e->n);
        if (t->curve->n_tokens) raml_control_slots(e->at, e->n, t->curve->n_tokens, t->plan->opt->n_cuts, slot);
        for (size_t k = 0; !rc && k < e->n; k++) {
            char measure[NAME_BYTES];
            sum += e->effect[k];
            if (t->curve->n_tokens == 0 || slot[k] == 0) continue;
            snprintf(measure, sizeof measure, "effect %.3g", (double)slot[k] / n_cuts);
            rc = raml_trace_groups_loss(g, name, measure, e->effect[k], t->curve->n_answer, err);
        }
        free(slot);
        if (!rc && e->n) rc = raml_trace_groups_loss(g, name, "effect", sum / (double)e->n, t->curve->n_answer, err);
    }
    return rc;
}

static enum raml_code count_prefixes(struct raml_trace_groups *g, const struct raml_traced *t, struct raml_err *err)
{
    enum raml_code rc = t->plan->n_prefixes ? count_curve(g, "prefix default", &t->of[0], t->curve, err) : RAML_OK;
    for (size_t i = 0; !rc && i < t->plan->n_prefixes; i++) {
        size_t k = t->n_answers + i; /* after the answers */
        char name[NAME_BYTES];
        snprintf(name, sizeof name, "prefix %.40s", t->plan->prefix[i].name);
        rc = count_curve(g, name, &t->of[k], &t->curve->other[k - 1], err);
    }
    return rc;
}

enum raml_code raml_trace_count(struct raml_trace_groups *g, const struct raml_traced *t, size_t question,
                                struct raml_err *err)
{
    const struct raml_trace_member m = {question, t->sample, t->verdict, t->mode, t->curve->n_tokens};
    enum raml_code rc = raml_trace_groups_add(g, &m, err);
    const char *first = raml_answer_slot_name(t->asked->answer[0].slot);
    if (!rc) rc = raml_trace_groups_value(g, first, "tokens", (double)t->curve->n_tokens, err);
    if (!rc) rc = raml_trace_groups_value(g, first, "regret", t->regret, err);
    if (!rc) rc = count_answers(g, t, err);
    if (!rc) rc = count_layers(g, t, err);
    if (!rc && t->effect) rc = count_effects(g, t, err);
    return rc ? rc : count_prefixes(g, t, err);
}
