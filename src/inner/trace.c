/* trace.c - loss curves by probes on token trees. See trace.h. */
#include "raml/trace.h"

#include "core/array.h"
#include "inner/evaluator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct part { /* a tree of the pass being built: probes [first, first + n) of an input */
    const struct raml_trace_input *in;
    struct raml_loss_curve *curve;
    size_t first, n;
};

struct raml_tracer {
    struct raml_evaluator evaluator;
    struct raml_trace_options opt;
    struct raml_tree tree;
    struct raml_tokens probe;
    struct part *part; /* one per tree of evaluator.pack */
    size_t n_parts, cap_parts;
};

struct raml_trace_options raml_trace_default(void)
{
    return (struct raml_trace_options){.stride = 1, .max_batch_tokens = 16384};
}

void raml_loss_curve_deinit(struct raml_loss_curve *c)
{
    free(c->at);
    free(c->loss);
    free(c->greedy);
    free(c->logp);
    free(c->token);
    *c = (struct raml_loss_curve){0};
}

enum raml_code raml_tracer_open(const struct raml_model *m, const struct raml_trace_options *opt,
                                struct raml_tracer **out, struct raml_err *err)
{
    if (opt->stride == 0 || opt->max_batch_tokens == 0)
        return raml_fail(err, RAML_ERANGE, "trace: stride is %zu, max_batch_tokens %zu; expected at least 1",
                         opt->stride, opt->max_batch_tokens);
    struct raml_tracer *t = calloc(1, sizeof *t);
    if (!t) return raml_fail(err, RAML_ENOMEM, "no memory for a tracer");
    t->opt = *opt;
    enum raml_code rc = raml_evaluator_init(&t->evaluator, m, opt->max_batch_tokens, err);
    if (rc) free(t);
    else *out = t;
    return rc;
}

void raml_tracer_close(struct raml_tracer *t)
{
    if (!t) return;
    raml_evaluator_deinit(&t->evaluator);
    raml_tree_deinit(&t->tree);
    raml_tokens_deinit(&t->probe);
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

enum raml_code raml_tracer_check(const struct raml_tracer *t, const struct raml_trace_input *in, struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(t->evaluator.model)->max_positions;
    size_t n[] = {in->n_prompt, in->n_trajectory, in->n_answer_prefix, in->n_answer}, sum = 0;
    if (in->n_prompt == 0) return raml_fail(err, RAML_ERANGE, "the prompt has no token; expected at least one");
    if (in->n_answer == 0) return raml_fail(err, RAML_ERANGE, "the answer has no token; expected at least one");
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        if (n[i] <= context && sum <= context - n[i]) {
            sum += n[i];
            continue;
        }
        return raml_fail(
            err, RAML_ERANGE,
            "prompt (%zu tokens), trajectory (%zu), answer prefix (%zu) and answer (%zu) are longer than the model's "
            "context (%zu)",
            n[0], n[1], n[2], n[3], context);
    }
    enum raml_code rc = raml_evaluator_check(&t->evaluator, "prompt", in->prompt, in->n_prompt, err);
    if (!rc) rc = raml_evaluator_check(&t->evaluator, "trajectory", in->trajectory, in->n_trajectory, err);
    if (!rc) rc = raml_evaluator_check(&t->evaluator, "answer prefix", in->answer_prefix, in->n_answer_prefix, err);
    if (!rc) rc = raml_evaluator_check(&t->evaluator, "answer", in->answer, in->n_answer, err);
    return rc;
}

/* -- Splitting a trajectory into parts ----------------------------------------------------------------------------- */

static size_t n_points(const struct raml_tracer *t, size_t T)
{
    return T / t->opt.stride + 1 + (T % t->opt.stride != 0);
}

static size_t point(const struct raml_tracer *t, size_t T, size_t k) /* k T' s, and T last */
{
    return k > T / t->opt.stride ? T : k * t->opt.stride;
}

/* The probes of the part that begins with probe `first`, and the tokens of its tree. The split depends only on the
 * input and the bound, so a trajectory's values do not depend on what else is traced. */
static size_t fit_part(const struct raml_tracer *t, const struct raml_trace_input *in, size_t first, size_t *n_tokens)
{
    size_t T = in->n_trajectory, all = n_points(t, T), probe = in->n_answer_prefix + in->n_answer,
           bound = t->opt.max_batch_tokens;
    size_t n = 0;
    *n_tokens = in->n_prompt;
    while (first + n < all) {
        size_t stem = in->n_prompt + point(t, T, first + n), probes = (n + 1) * probe;
        if (n && stem + probes > bound && probes > bound / 2) break;
        *n_tokens = stem + probes;
        n++;
    }
    return n;
}

size_t raml_tracer_cost(const struct raml_tracer *t, const struct raml_trace_input *in)
{
    size_t sum = 0, n_tokens, all = n_points(t, in->n_trajectory);
    for (size_t first = 0; first < all; sum += n_tokens) first += fit_part(t, in, first, &n_tokens);
    return sum;
}

/* -- Running ------------------------------------------------------------------------------------------------------- */

static enum raml_code read_part(const struct raml_tracer *t, const struct part *p, size_t at, struct raml_err *err)
{
    const struct raml_evaluator *s = &t->evaluator;
    struct raml_loss_curve *c = p->curve;
    size_t A = c->n_answer;
    for (size_t k = p->first; k < p->first + p->n; k++, at += A) {
        double sum = 0;
        bool greedy = true;
        for (size_t j = 0; j < A; j++) {
            sum += s->logp[at + j];
            greedy &= s->argmax[at + j] == p->in->answer[j];
        }
        if (!isfinite(sum))
            return raml_fail(err, RAML_ERANGE, "the loss of the answer after %u trajectory tokens is not finite",
                             (unsigned)c->at[k]);
        memcpy(c->logp + k * A, s->logp + at, A * sizeof *c->logp);
        c->loss[k] = sum < 0 ? -sum / (double)A : 0; /* 0, not -0 */
        c->greedy[k] = greedy;
    }
    return RAML_OK;
}

static enum raml_code run(struct raml_tracer *t, struct raml_err *err)
{
    if (t->n_parts == 0) return RAML_OK;
    enum raml_code rc = raml_evaluator_run(&t->evaluator, err);
    for (size_t i = 0; !rc && i < t->n_parts; i++)
        rc = read_part(t, &t->part[i], t->evaluator.pack.tree_target[i], err);
    raml_evaluator_clear(&t->evaluator);
    t->n_parts = 0;
    return rc;
}

static enum raml_code add_part(struct raml_tracer *t, const struct part *p, size_t n_tokens, struct raml_err *err)
{
    const struct raml_trace_input *in = p->in;
    size_t end = p->curve->at[p->first + p->n - 1]; /* no further than the last probe */
    enum raml_code rc = raml_evaluator_fits(&t->evaluator, n_tokens) ? RAML_OK : run(t, err);
    if (!rc) rc = RAML_GROW(t->part, t->cap_parts, t->n_parts + 1, "trees of a pass", err);
    raml_tree_clear(&t->tree);
    if (!rc) rc = raml_tree_add(&t->tree, -1, 0, in->prompt, in->n_prompt, in->n_prompt, NULL, err);
    if (!rc) rc = raml_tree_add(&t->tree, 0, (uint32_t)in->n_prompt, in->trajectory, end, end, NULL, err);
    for (size_t k = p->first; !rc && k < p->first + p->n; k++)
        rc = raml_tree_add(&t->tree, 1, p->curve->at[k], t->probe.id, t->probe.n, in->n_answer_prefix, NULL, err);
    if (!rc) rc = raml_pack_add(&t->evaluator.pack, &t->tree, err);
    if (!rc) t->part[t->n_parts++] = *p;
    return rc;
}

static enum raml_code prepare_curve(const struct raml_tracer *t, const struct raml_trace_input *in,
                                    struct raml_loss_curve *c, struct raml_err *err)
{
    size_t T = in->n_trajectory, n = n_points(t, T);
    *c = (struct raml_loss_curve){.n_tokens = T, .n_answer = in->n_answer, .n_points = n};
    c->at = calloc(n, sizeof *c->at);
    c->loss = calloc(n, sizeof *c->loss);
    c->greedy = calloc(n, sizeof *c->greedy);
    c->logp = n <= SIZE_MAX / in->n_answer ? calloc(n * in->n_answer, sizeof *c->logp) : NULL;
    c->token = calloc(T + 1, sizeof *c->token);
    if (!c->at || !c->loss || !c->greedy || !c->logp || !c->token)
        return raml_fail(err, RAML_ENOMEM, "no memory for a loss curve of %zu points", n);
    for (size_t k = 0; k < n; k++) c->at[k] = (uint32_t)point(t, T, k);
    if (T) memcpy(c->token, in->trajectory, T * sizeof *c->token);
    return RAML_OK;
}

static enum raml_code add_input(struct raml_tracer *t, const struct raml_trace_input *in, struct raml_loss_curve *c,
                                struct raml_err *err)
{
    enum raml_code rc = prepare_curve(t, in, c, err);
    t->probe.n = 0;
    if (!rc) rc = raml_tokens_add(&t->probe, in->answer_prefix, in->n_answer_prefix, err);
    if (!rc) rc = raml_tokens_add(&t->probe, in->answer, in->n_answer, err);
    for (struct part p = {.in = in, .curve = c}; !rc && p.first < c->n_points; p.first += p.n) {
        size_t n_tokens;
        p.n = fit_part(t, in, p.first, &n_tokens);
        rc = add_part(t, &p, n_tokens, err);
    }
    return rc;
}

enum raml_code raml_tracer_run(struct raml_tracer *t, const struct raml_trace_input *in, size_t n,
                               struct raml_loss_curve *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = raml_tracer_check(t, &in[i], err);
        if (rc && n > 1) rc = raml_wrap(err, rc, "trajectory %zu", i + 1);
    }
    if (rc) return rc;
    struct raml_loss_curve *curve = calloc(n ? n : 1, sizeof *curve);
    if (!curve) return raml_fail(err, RAML_ENOMEM, "no memory for %zu loss curves", n);
    for (size_t i = 0; !rc && i < n; i++) rc = add_input(t, &in[i], &curve[i], err);
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
