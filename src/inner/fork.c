/* fork.c - see fork.h. */
#include "inner/fork.h"

#include "core/array.h"
#include "inner/evaluator.h"
#include "inner/trace_curve.h"

#include <math.h>
#include <stdlib.h>

struct raml_forker {
    struct raml_evaluator evaluator;
    size_t bound;
    struct raml_tree tree;
    struct raml_tokens chain; /* answer prefix and answer without its last token */
};

enum raml_code raml_forker_open(const struct raml_model *m, size_t max_batch_tokens, struct raml_forker **out,
                                struct raml_err *err)
{
    if (max_batch_tokens == 0) return raml_fail(err, RAML_ERANGE, "fork: max_batch_tokens is 0; expected at least 1");
    struct raml_forker *f = calloc(1, sizeof *f);
    if (!f) return raml_fail(err, RAML_ENOMEM, "no memory for forks");
    f->bound = max_batch_tokens;
    enum raml_code rc = raml_evaluator_init(&f->evaluator, m, max_batch_tokens, err);
    if (rc) raml_forker_close(f);
    else *out = f;
    return rc;
}

void raml_forker_close(struct raml_forker *f)
{
    if (!f) return;
    raml_evaluator_deinit(&f->evaluator);
    raml_tree_deinit(&f->tree);
    raml_tokens_deinit(&f->chain);
    free(f);
}

uint64_t raml_forker_tokens(const struct raml_forker *f)
{
    return f->evaluator.n_tokens;
}

/* -- Sizes --------------------------------------------------------------------------------------------------------- */

static size_t probe_rows(const struct raml_trace_input *in)
{
    return in->n_answer_prefix + in->n_answer - 1;
}

/* Does anything come after w? Else carried is now. */
static bool is_carried(const struct raml_trace_input *in, const struct raml_fork_edit *e)
{
    return e->resume < in->n_trajectory;
}

static size_t rest_rows(const struct raml_trace_input *in, const struct raml_fork_edit *e)
{
    return is_carried(in, e) ? e->n_gap + in->n_trajectory - e->resume : 0;
}

static size_t edit_rows(const struct raml_trace_input *in, const struct raml_fork_edit *e)
{
    return e->n_token + rest_rows(in, e) + (is_carried(in, e) ? 2 : 1) * probe_rows(in);
}

uint64_t raml_fork_own_tokens(const struct raml_trace_input *in, const struct raml_fork_edit *edit, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const struct raml_fork_edit *e = &edit[i];
        uint64_t now = in->n_prompt + e->at + e->n_token + probe_rows(in);
        sum += now + (is_carried(in, e) ? now + rest_rows(in, e) : 0);
    }
    return sum;
}

/* -- Checks -------------------------------------------------------------------------------------------------------- */

static enum raml_code check_edit(const struct raml_forker *f, const struct raml_trace_input *in,
                                 const struct raml_fork_edit *e, struct raml_err *err)
{
    const struct raml_model *m = f->evaluator.model;
    size_t context = (size_t)raml_model_config(m)->max_positions;
    size_t n = in->n_prompt + e->at + e->n_token + rest_rows(in, e) + in->n_answer_prefix + in->n_answer;
    if (e->at > e->resume || e->resume > in->n_trajectory)
        return raml_fail(err, RAML_ERANGE, "keeps %u tokens and goes on after %u; expected 0 <= kept <= after <= %zu",
                         (unsigned)e->at, (unsigned)e->resume, in->n_trajectory);
    if (n > context)
        return raml_fail(err, RAML_ERANGE, "a text of %zu tokens is longer than the model's context (%zu)", n, context);
    enum raml_code rc = raml_vocabulary_check(m, "what is put in", e->token, e->n_token, err);
    return rc ? rc : raml_vocabulary_check(m, "what is put in between", e->gap, e->n_gap, err);
}

static enum raml_code check(const struct raml_forker *f, const struct raml_trace_input *in,
                            const struct raml_fork_edit *edit, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (in->n_prompt == 0 || in->n_answer == 0)
        return raml_fail(err, RAML_ERANGE, "prompt (%zu tokens) and answer (%zu) have at least one token", in->n_prompt,
                         in->n_answer);
    for (size_t i = 0; !rc && i < n; i++) {
        rc = check_edit(f, in, &edit[i], err);
        if (rc) rc = raml_wrap(err, rc, "edit %zu", i + 1);
    }
    return rc;
}

/* -- Passes -------------------------------------------------------------------------------------------------------- */

/* How many edits from `first` on fit in a pass with the trunk up to the last token that they keep. */
static size_t fit(const struct raml_forker *f, const struct raml_trace_input *in, const struct raml_fork_edit *edit,
                  size_t n)
{
    size_t trunk = 0, rows = 0, k = 0;
    for (; k < n; k++) {
        if (edit[k].at > trunk) trunk = edit[k].at;
        rows += edit_rows(in, &edit[k]);
        if (k && in->n_prompt + trunk + rows > f->bound) break;
    }
    return k;
}

/* The answer after `after` tokens of a span. */
static enum raml_code add_probe(struct raml_forker *f, const struct raml_trace_input *in, int32_t span, size_t after,
                                struct raml_err *err)
{
    int32_t own;
    enum raml_code rc =
        raml_tree_add(&f->tree, span, (uint32_t)after, f->chain.id, f->chain.n, in->n_answer_prefix, &own, err);
    int32_t last = in->answer[in->n_answer - 1];
    if (!rc && f->chain.n) return raml_tree_add_end_target(&f->tree, own, last, err);
    return rc ? rc : raml_tree_add(&f->tree, span, (uint32_t)after, &last, 1, 0, NULL, err);
}

static enum raml_code add_edit(struct raml_forker *f, const struct raml_trace_input *in, const struct raml_fork_edit *e,
                               struct raml_err *err)
{
    int32_t word, rest;
    size_t left = in->n_trajectory - e->resume;
    enum raml_code rc = raml_tree_add(&f->tree, 1, e->at, e->token, e->n_token, e->n_token, &word, err);
    if (!rc) rc = add_probe(f, in, word, e->n_token, err);
    if (rc || !is_carried(in, e)) return rc;
    rc = raml_tree_add(&f->tree, word, (uint32_t)e->n_token, e->gap, e->n_gap, e->n_gap, &rest, err);
    if (!rc) rc = raml_tree_add(&f->tree, rest, (uint32_t)e->n_gap, in->trajectory + e->resume, left, left, &rest, err);
    return rc ? rc : add_probe(f, in, rest, left, err);
}

static enum raml_code build(struct raml_forker *f, const struct raml_trace_input *in, const struct raml_fork_edit *edit,
                            size_t n, struct raml_err *err)
{
    size_t trunk = 0;
    for (size_t i = 0; i < n; i++)
        if (edit[i].at > trunk) trunk = edit[i].at;
    raml_tree_clear(&f->tree);
    enum raml_code rc = raml_tree_add(&f->tree, -1, 0, in->prompt, in->n_prompt, in->n_prompt, NULL, err);
    if (!rc) rc = raml_tree_add(&f->tree, 0, (uint32_t)in->n_prompt, in->trajectory, trunk, trunk, NULL, err);
    for (size_t i = 0; !rc && i < n; i++) rc = add_edit(f, in, &edit[i], err);
    return rc ? rc : raml_pack_add(&f->evaluator.pack, &f->tree, err);
}

/* The mean over the n targets from *target on, which is moved past them. */
static double loss(const struct raml_forker *f, size_t n, size_t *target)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)f->evaluator.logp[(*target)++];
    return raml_answer_loss(sum, n);
}

static enum raml_code read(const struct raml_forker *f, const struct raml_trace_input *in,
                           const struct raml_fork_edit *edit, size_t n, struct raml_fork_loss *out,
                           struct raml_err *err)
{
    size_t target = 0;
    for (size_t i = 0; i < n; i++) {
        out[i].now = loss(f, in->n_answer, &target);
        out[i].carried = is_carried(in, &edit[i]) ? loss(f, in->n_answer, &target) : out[i].now;
        if (!isfinite(out[i].now) || !isfinite(out[i].carried))
            return raml_fail(err, RAML_ERANGE,
                             "after a change at token %u the answer's loss is %g, then %g; expected "
                             "finite numbers",
                             (unsigned)edit[i].at, out[i].now, out[i].carried);
    }
    return RAML_OK;
}

static enum raml_code run(struct raml_forker *f, const struct raml_trace_input *in, const struct raml_fork_edit *edit,
                          size_t n, struct raml_fork_loss *out, struct raml_err *err)
{
    enum raml_code rc = build(f, in, edit, n, err);
    if (!rc) rc = raml_evaluator_run(&f->evaluator, err);
    if (!rc) rc = read(f, in, edit, n, out, err);
    raml_evaluator_clear(&f->evaluator);
    return rc;
}

enum raml_code raml_forker_run(struct raml_forker *f, const struct raml_trace_input *in,
                               const struct raml_fork_edit *edit, size_t n, struct raml_fork_loss *out,
                               struct raml_err *err)
{
    enum raml_code rc = check(f, in, edit, n, err);
    struct raml_fork_loss *x = rc ? NULL : calloc(n + 1, sizeof *x);
    if (!rc && !x) rc = raml_fail(err, RAML_ENOMEM, "no memory for the losses of %zu edits", n);
    f->chain.n = 0;
    if (!rc) rc = raml_tokens_add(&f->chain, in->answer_prefix, in->n_answer_prefix, err);
    if (!rc) rc = raml_tokens_add(&f->chain, in->answer, in->n_answer - 1, err);
    for (size_t first = 0, k; !rc && first < n; first += k) {
        k = fit(f, in, edit + first, n - first);
        rc = run(f, in, edit + first, k, x + first, err);
    }
    for (size_t i = 0; !rc && i < n; i++) out[i] = x[i];
    free(x);
    return rc;
}
