/* trace.c - loss curves by probes on token trees. See trace.h. */
#include "raml/trace.h"

#include "core/array.h"
#include "inner/evaluator.h"
#include "inner/probes.h"
#include "inner/trace_curve.h"

#include <stdio.h>
#include <stdlib.h>

struct part { /* a tree of the pass being built: probes [first, first + n) of an input */
    const struct raml_trace_input *in;
    struct raml_loss_curve *curve;
    size_t first, n;
    size_t number; /* of the input, from 1; 0: it is the only one */
};

struct raml_tracer {
    struct raml_evaluator evaluator;
    struct raml_trace_options opt;
    struct raml_tree tree;
    struct raml_tokens probe;         /* of the first answer */
    int32_t *probe_span;              /* [places of a part, answers] their spans in the tree */
    struct raml_probe_branch *branch; /* [answers] of the input being worked on */
    size_t *own, *index;              /* [answers], [tokens of the longest answer] targets being read */
    size_t cap_probe_spans, cap_branches, cap_own, cap_index;
    struct part *part; /* one per tree of evaluator.pack */
    size_t n_parts, cap_parts;
};

struct raml_trace_options raml_trace_default(void)
{
    return (struct raml_trace_options){.stride = 1, .max_batch_tokens = 16384};
}

static enum raml_code open(const struct raml_model *m, const struct raml_remote *r,
                           const struct raml_trace_options *opt, struct raml_tracer **out, struct raml_err *err)
{
    if (opt->stride == 0 || opt->max_batch_tokens == 0)
        return raml_fail(err, RAML_ERANGE, "trace: stride is %zu, max_batch_tokens %zu; expected at least 1",
                         opt->stride, opt->max_batch_tokens);
    struct raml_tracer *t = calloc(1, sizeof *t);
    if (!t) return raml_fail(err, RAML_ENOMEM, "no memory for a tracer");
    t->opt = *opt;
    t->opt.layer = NULL; /* the caller's; the evaluator has a copy */
    enum raml_code rc = raml_evaluator_open(&t->evaluator, m, r, opt->max_batch_tokens, err);
    if (!rc) rc = raml_evaluator_read_layers(&t->evaluator, opt->layer, opt->n_layers, err);
    if (rc) raml_tracer_close(t);
    else *out = t;
    return rc;
}

enum raml_code raml_tracer_open(const struct raml_model *m, const struct raml_trace_options *opt,
                                struct raml_tracer **out, struct raml_err *err)
{
    return open(m, NULL, opt, out, err);
}

enum raml_code raml_tracer_open_remote(const struct raml_remote *r, const struct raml_trace_options *opt,
                                       struct raml_tracer **out, struct raml_err *err)
{
    return open(NULL, r, opt, out, err);
}

void raml_tracer_close(struct raml_tracer *t)
{
    if (!t) return;
    raml_evaluator_deinit(&t->evaluator);
    raml_tree_deinit(&t->tree);
    raml_tokens_deinit(&t->probe);
    free(t->probe_span);
    free(t->branch);
    free(t->own);
    free(t->index);
    free(t->part);
    free(t);
}

uint64_t raml_tracer_tokens(const struct raml_tracer *t)
{
    return t->evaluator.n_tokens;
}

uint64_t raml_tracer_passes(const struct raml_tracer *t)
{
    return t->evaluator.n_passes;
}

/* -- Checks -------------------------------------------------------------------------------------------------------- */

static enum raml_code check_length(const struct raml_tracer *t, const struct raml_trace_input *in, const char *answer,
                                   size_t n_prefix, size_t n_answer, struct raml_err *err)
{
    size_t context = raml_evaluator_context(&t->evaluator);
    size_t n[] = {in->n_prompt, in->n_trajectory, n_prefix, n_answer}, sum = 0;
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        if (n[i] <= context && sum <= context - n[i]) {
            sum += n[i];
            continue;
        }
        return raml_fail(
            err, RAML_ERANGE,
            "prompt (%zu tokens), trajectory (%zu), answer prefix (%zu) and %s (%zu) are longer than the model's "
            "context (%zu)",
            n[0], n[1], n[2], answer, n[3], context);
    }
    return RAML_OK;
}

static enum raml_code check_others(const struct raml_tracer *t, const struct raml_trace_input *in, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < in->n_other; i++) {
        const struct raml_trace_probe *p = &in->other[i];
        char name[64];
        snprintf(name, sizeof name, "answer %zu", i + 2);
        if (p->n <= p->n_prefix) return raml_fail(err, RAML_ERANGE, "%s has no token; expected at least one", name);
        rc = check_length(t, in, name, p->n_prefix, p->n - p->n_prefix, err);
        snprintf(name, sizeof name, "answer %zu, with its prefix", i + 2);
        if (!rc) rc = raml_evaluator_check(&t->evaluator, name, p->token, p->n, err);
    }
    return rc;
}

static enum raml_code check_places(const struct raml_tracer *t, const struct raml_trace_input *in, struct raml_err *err)
{
    size_t T = in->n_trajectory;
    if (!in->at) {
        if (in->parent) return raml_fail(err, RAML_ERANGE, "probes with parents of their own need places (at)");
        return RAML_OK;
    }
    if (in->n_at == 0)
        return raml_fail(err, RAML_ERANGE, "there is no place to probe; expected places from 0 to %zu", T);
    for (size_t k = 0; k < in->n_at; k++) {
        bool rises = k ? in->at[k] > in->at[k - 1] : in->at[k] == 0, ends = k + 1 < in->n_at || in->at[k] == T;
        if (!rises || !ends || in->at[k] > T)
            return raml_fail(err, RAML_ERANGE,
                             "places to probe: number %zu of %zu is %u; expected strictly rising places, the first 0, "
                             "the last %zu (the trajectory's length)",
                             k + 1, in->n_at, (unsigned)in->at[k], T);
    }
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; !rc && in->parent && k < in->n_at; k++) {
        char name[64];
        snprintf(name, sizeof name, "parent of probe %zu", k + 1);
        rc = raml_evaluator_check(&t->evaluator, name, in->parent[k], in->at[k], err);
    }
    return rc;
}

enum raml_code raml_tracer_check(const struct raml_tracer *t, const struct raml_trace_input *in, struct raml_err *err)
{
    if (in->n_prompt == 0) return raml_fail(err, RAML_ERANGE, "the prompt has no token; expected at least one");
    if (in->n_answer == 0) return raml_fail(err, RAML_ERANGE, "the answer has no token; expected at least one");
    enum raml_code rc = check_length(t, in, "answer", in->n_answer_prefix, in->n_answer, err);
    if (!rc) rc = raml_evaluator_check(&t->evaluator, "prompt", in->prompt, in->n_prompt, err);
    if (!rc) rc = raml_evaluator_check(&t->evaluator, "trajectory", in->trajectory, in->n_trajectory, err);
    if (!rc) rc = raml_evaluator_check(&t->evaluator, "answer prefix", in->answer_prefix, in->n_answer_prefix, err);
    if (!rc) rc = raml_evaluator_check(&t->evaluator, "answer", in->answer, in->n_answer, err);
    if (!rc) rc = check_others(t, in, err);
    return rc ? rc : check_places(t, in, err);
}

/* -- Splitting a trajectory into parts ----------------------------------------------------------------------------- */

static size_t n_points(const struct raml_tracer *t, const struct raml_trace_input *in)
{
    return in->at ? in->n_at : raml_stride_places(in->n_trajectory, t->opt.stride);
}

static size_t point(const struct raml_tracer *t, const struct raml_trace_input *in, size_t k)
{
    return in->at ? in->at[k] : raml_stride_place(in->n_trajectory, t->opt.stride, k);
}

/* The probes of the part that begins with probe `first`, and the tokens of its tree; probe: rows of all answers at one
 * place. The split depends only on the input and the bound, so a trajectory's values do not depend on what else is
 * traced. */
static size_t fit_part(const struct raml_tracer *t, const struct raml_trace_input *in, size_t probe, size_t first,
                       size_t *n_tokens)
{
    size_t all = n_points(t, in), bound = t->opt.max_batch_tokens;
    size_t n = 0, probes = 0;
    *n_tokens = in->n_prompt;
    for (; first + n < all; n++) {
        size_t at = point(t, in, first + n), stem = in->n_prompt + (in->parent ? 0 : at);
        size_t more = probes + probe + (in->parent ? at : 0);
        if (raml_pass_is_full(n, stem, more, bound)) break;
        *n_tokens = stem + more;
        probes = more;
    }
    return n;
}

size_t raml_tracer_cost(const struct raml_tracer *t, const struct raml_trace_input *in)
{
    size_t sum = 0, n_tokens, all = n_points(t, in), probe = raml_probes_rows(in);
    for (size_t first = 0; first < all; sum += n_tokens) first += fit_part(t, in, probe, first, &n_tokens);
    return sum;
}

size_t raml_tracer_cost_alone(const struct raml_tracer *t, const struct raml_trace_input *in, size_t *n_texts)
{
    size_t sum = 0, all = n_points(t, in), probes = in->n_answer_prefix + in->n_answer;
    for (size_t i = 0; i < in->n_other; i++) probes += in->other[i].n;
    for (size_t k = 0; k < all; k++) sum += (1 + in->n_other) * (in->n_prompt + point(t, in, k)) + probes;
    bool tokens = t->opt.tokens && !in->parent && in->n_trajectory;
    *n_texts = all * (1 + in->n_other) + tokens;
    return tokens ? sum + in->n_prompt + in->n_trajectory : sum;
}

/* -- Running ------------------------------------------------------------------------------------------------------- */

/* The trajectory tokens that are targets in a part's tree: those after the last place of the part before. */
static size_t first_token(const struct part *p)
{
    return p->first ? p->curve->at[p->first - 1] : 0;
}

static size_t end_token(const struct part *p) /* the tree's trajectory goes no further than its last probe */
{
    return p->curve->at[p->first + p->n - 1];
}

/* How the input's answers hang together, until the next plan. */
static enum raml_code plan(struct raml_tracer *t, const struct raml_trace_input *in, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(t->branch, t->cap_branches, in->n_other + 1, "answers", err);
    if (!rc) rc = RAML_GROW(t->own, t->cap_own, in->n_other + 1, "answers", err);
    if (!rc) raml_probes_plan(in, t->branch);
    return rc;
}

/* Answer i at place k, whose own targets begin at own[]. */
static enum raml_code read_answer(struct raml_tracer *t, const struct part *p, size_t k, size_t i, struct raml_err *err)
{
    const struct raml_trace_input *in = p->in;
    struct raml_loss_curve *c = i ? &p->curve->other[i - 1] : p->curve;
    const int32_t *answer = i ? in->other[i - 1].token + in->other[i - 1].n_prefix : in->answer;
    enum raml_code rc = RAML_GROW(t->index, t->cap_index, c->n_answer, "tokens of an answer", err);
    if (rc) return rc;
    raml_probes_index(in, t->branch, i, t->own, t->index);
    rc = raml_loss_curve_read(c, k, &t->evaluator, t->index, answer, p->curve->at[k], err);
    return rc && in->n_other ? raml_wrap(err, rc, "answer %zu", i + 1) : rc;
}

/* In the order of build(): trajectory, the first answer at every place, the further ones place by place. */
static enum raml_code read_part(struct raml_tracer *t, const struct part *p, size_t target, struct raml_err *err)
{
    const struct raml_trace_input *in = p->in;
    struct raml_loss_curve *c = p->curve;
    enum raml_code rc = plan(t, in, err);
    if (!rc && c->token_logp) {
        size_t first = first_token(p), n = end_token(p) - first;
        rc = raml_loss_curve_read_tokens(c, first, n, &t->evaluator, target, err);
        target += n;
    }
    size_t others = target + p->n * c->n_answer;
    for (size_t k = p->first; !rc && k < p->first + p->n; k++) {
        t->own[0] = target + (k - p->first) * c->n_answer;
        for (size_t i = 0; !rc && i <= in->n_other; i++) {
            if (i) {
                t->own[i] = others;
                others += raml_probes_targets(in, t->branch, i);
            }
            rc = read_answer(t, p, k, i, err);
        }
    }
    return rc;
}

/* The code of what was done for an input, whose number comes first in the message. */
static enum raml_code number_in(size_t number, enum raml_code rc, struct raml_err *err)
{
    return rc && number ? raml_wrap(err, rc, "trajectory %zu", number) : rc;
}

static enum raml_code run(struct raml_tracer *t, struct raml_err *err)
{
    if (t->n_parts == 0) return RAML_OK;
    enum raml_code rc = raml_evaluator_run(&t->evaluator, err);
    for (size_t i = 0; !rc && i < t->n_parts; i++)
        rc = number_in(t->part[i].number, read_part(t, &t->part[i], t->evaluator.pack.tree_target[i], err), err);
    raml_evaluator_clear(&t->evaluator);
    t->n_parts = 0;
    return rc;
}

/* Further answers come after all of the first one's probes, whose rows, and so whose bits, are then the same as without
 * them. */
static enum raml_code add_probes(struct raml_tracer *t, const struct part *p, struct raml_err *err)
{
    const struct raml_trace_input *in = p->in;
    size_t answers = in->n_other + 1;
    enum raml_code rc = plan(t, in, err);
    if (!rc) rc = RAML_GROW(t->probe_span, t->cap_probe_spans, p->n * answers, "probes of a pass", err);
    for (size_t k = 0; !rc && k < p->n; k++) {
        uint32_t at = p->curve->at[p->first + k];
        int32_t stem = 1;
        if (in->parent)
            rc = raml_tree_add(&t->tree, 0, (uint32_t)in->n_prompt, in->parent[p->first + k], at, at, &stem, err);
        if (!rc)
            rc = raml_probes_add(in, t->branch, 0, t->probe.id, stem, at, &t->tree, t->probe_span + k * answers, err);
    }
    for (size_t k = 0; !rc && k < p->n; k++)
        for (size_t i = 1; !rc && i < answers; i++)
            rc = raml_probes_add(in, t->branch, i, in->other[i - 1].token, 0, 0, &t->tree, t->probe_span + k * answers,
                                 err);
    return rc;
}

static enum raml_code build(struct raml_tracer *t, const struct part *p, struct raml_err *err)
{
    const struct raml_trace_input *in = p->in;
    size_t end = end_token(p), target = p->curve->token_logp ? first_token(p) : end;
    raml_tree_clear(&t->tree);
    enum raml_code rc = raml_tree_add(&t->tree, -1, 0, in->prompt, in->n_prompt, in->n_prompt, NULL, err);
    if (!rc && !in->parent)
        rc = raml_tree_add(&t->tree, 0, (uint32_t)in->n_prompt, in->trajectory, end, target, NULL, err);
    return rc ? rc : add_probes(t, p, err);
}

static enum raml_code add_part(struct raml_tracer *t, const struct part *p, size_t n_tokens, struct raml_err *err)
{
    enum raml_code rc = raml_evaluator_fits(&t->evaluator, n_tokens) ? RAML_OK : run(t, err);
    if (!rc) rc = RAML_GROW(t->part, t->cap_parts, t->n_parts + 1, "trees of a pass", err);
    if (!rc) rc = build(t, p, err);
    if (!rc) rc = raml_evaluator_add(&t->evaluator, &t->tree, err);
    if (!rc) t->part[t->n_parts++] = *p;
    return rc;
}

static enum raml_code add_input(struct raml_tracer *t, const struct raml_trace_input *in, size_t number,
                                struct raml_loss_curve *c, struct raml_err *err)
{
    const struct raml_curve_shape shape = {
        .n_points = n_points(t, in), .n_layers = t->opt.n_layers, .tokens = t->opt.tokens && !in->parent};
    enum raml_code rc = raml_loss_curve_init(in, &shape, c, err);
    for (size_t k = 0; !rc && k < c->n_points; k++) c->at[k] = (uint32_t)point(t, in, k);
    t->probe.n = 0;
    if (!rc) rc = raml_tokens_add(&t->probe, in->answer_prefix, in->n_answer_prefix, err);
    if (!rc) rc = raml_tokens_add(&t->probe, in->answer, in->n_answer, err);
    size_t probe = raml_probes_rows(in);
    for (struct part p = {.in = in, .curve = c, .number = number}; !rc && p.first < c->n_points; p.first += p.n) {
        size_t n_tokens;
        p.n = fit_part(t, in, probe, p.first, &n_tokens);
        rc = add_part(t, &p, n_tokens, err);
    }
    return rc;
}

enum raml_code raml_tracer_run(struct raml_tracer *t, const struct raml_trace_input *in, size_t n,
                               struct raml_loss_curve *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = number_in(n > 1 ? i + 1 : 0, raml_tracer_check(t, &in[i], err), err);
    }
    if (rc) return rc;
    struct raml_loss_curve *curve = calloc(n ? n : 1, sizeof *curve);
    if (!curve) return raml_fail(err, RAML_ENOMEM, "no memory for %zu loss curves", n);
    for (size_t i = 0; !rc && i < n; i++) rc = add_input(t, &in[i], n > 1 ? i + 1 : 0, &curve[i], err);
    if (!rc) rc = run(t, err);
    raml_evaluator_clear(&t->evaluator); /* after a failure */
    t->n_parts = 0;
    for (size_t i = 0; i < n; i++) {
        if (rc) raml_loss_curve_deinit(&curve[i]);
        else out[i] = curve[i];
    }
    free(curve);
    return rc;
}
