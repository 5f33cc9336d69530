/* exits_measure.c - what models say at the places of trajectories: the loss of the question's answer, the entropy after
 * what closes thinking, and the answer that is likeliest token by token. See exits_parts.h.
 */
#include "study/exits_parts.h"

#include "core/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Losses -------------------------------------------------------------------------------------------------------- */

static enum raml_code losses(struct raml_exits_maker *m, struct raml_exits_item *const *item, size_t n,
                             struct raml_err *err)
{
    const struct raml_trace_options opt = {.stride = m->opt->stride, .max_batch_tokens = m->opt->max_batch_tokens};
    struct raml_trace_input *in = calloc(n + 1, sizeof *in);
    struct raml_loss_curve *out = calloc(n + 1, sizeof *out);
    enum raml_code rc = in && out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu loss curves", n);
    if (!rc && !m->tracer) rc = raml_tracer_open(m->job->model, &opt, &m->tracer, err);
    for (size_t i = 0; !rc && i < n; i++) {
        in[i] = raml_trace_text_input(&item[i]->text);
        in[i].at = item[i]->at;
        in[i].n_at = item[i]->n_places;
    }
    uint64_t before = rc ? 0 : raml_tracer_tokens(m->tracer);
    if (!rc) rc = raml_tracer_run(m->tracer, in, n, out, err);
    for (size_t i = 0; !rc && i < n; i++) {
        raml_loss_curve_deinit(&item[i]->curve);
        item[i]->curve = out[i];
    }
    if (!rc) m->n_read += raml_tracer_tokens(m->tracer) - before;
    free(in);
    free(out);
    return rc;
}

/* -- Entropies ----------------------------------------------------------------------------------------------------- */

/* The trajectory, and at every place what closes thinking, with a target of which only the distribution counts. */
static enum raml_code plant(const struct raml_exits_maker *m, const struct raml_exits_item *it, struct raml_tree *tree,
                            struct raml_err *err)
{
    const struct raml_tokens *prompt = &it->text.prompt, *t = &it->text.trajectory, *close = &m->texts.close;
    raml_tree_clear(tree);
    enum raml_code rc = raml_tree_add(tree, -1, 0, prompt->id, prompt->n, prompt->n, NULL, err);
    if (!rc) rc = raml_tree_add(tree, 0, (uint32_t)prompt->n, t->id, t->n, t->n, NULL, err);
    for (size_t k = 0; !rc && k < it->n_places; k++) {
        int32_t span;
        rc = raml_tree_add(tree, 1, it->at[k], close->id, close->n, close->n, &span, err);
        if (!rc) rc = raml_tree_add_end_target(tree, span, 0, err);
    }
    return rc;
}

/* Of the items [from, to), whose trees are in the pack. */
static enum raml_code read_entropies(struct raml_exits_maker *m, struct raml_exits_item *const *item, size_t from,
                                     size_t to, struct raml_err *err)
{
    if (from == to) return RAML_OK;
    enum raml_code rc = raml_evaluator_run(&m->evaluator, err);
    for (size_t i = from; !rc && i < to; i++) {
        const float *h = m->evaluator.entropy + m->evaluator.pack.tree_target[i - from];
        for (size_t k = 0; k < item[i]->n_places; k++) item[i]->entropy[k] = h[k];
    }
    raml_evaluator_clear(&m->evaluator);
    return rc;
}

static enum raml_code entropies(struct raml_exits_maker *m, struct raml_exits_item *const *item, size_t n,
                                struct raml_err *err)
{
    struct raml_tree tree = {0};
    enum raml_code rc = RAML_OK;
    if (!m->has_evaluator) rc = raml_evaluator_init(&m->evaluator, m->job->model, m->opt->max_batch_tokens, err);
    m->has_evaluator |= !rc;
    uint64_t before = rc ? 0 : m->evaluator.n_tokens;
    size_t from = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = plant(m, item[i], &tree, err);
        if (!rc && i > from && !raml_evaluator_fits(&m->evaluator, tree.n_tokens)) {
            rc = read_entropies(m, item, from, i, err);
            from = i;
        }
        if (!rc) rc = raml_pack_add(&m->evaluator.pack, &tree, err);
    }
    if (!rc) rc = read_entropies(m, item, from, n, err);
    if (!rc) m->n_read += m->evaluator.n_tokens - before;
    raml_tree_deinit(&tree);
    return rc;
}

/* -- Answers ------------------------------------------------------------------------------------------------------- */

struct answers { /* of a batch */
    struct raml_exits_maker *m;
    int32_t *text; /* of all jobs */
    struct raml_generate_job *job;
    struct raml_generated **to; /* [n] where a job's tokens go */
    size_t *over;               /* [n] tokens when the answer had ended; 0: it has not */
    size_t n;
};

static enum raml_code added(void *user, size_t job, const struct raml_generated *g, bool *ends, struct raml_err *err)
{
    struct answers *a = user;
    const struct sample_texts *x = &a->m->texts;
    bool ended = false;
    *ends = false;
    if (!a->over[job]) {
        enum raml_code rc = raml_exit_answer_ended(x, g->token, g->n, &ended, err);
        if (rc) return rc;
        if (ended) a->over[job] = g->n;
    }
    size_t rest = x->boxed ? a->m->opt->rest : 0; /* elsewhere the end of the answer is the end of text */
    *ends = a->over[job] && g->n >= a->over[job] + rest;
    return RAML_OK;
}

static enum raml_code done(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    struct answers *a = user;
    (void)err;
    raml_generated_deinit(a->to[job]);
    *a->to[job] = *g;
    *g = (struct raml_generated){0};
    return RAML_OK;
}

static enum raml_code answers_init(struct answers *a, struct raml_exits_item *const *item, size_t n,
                                   struct raml_err *err)
{
    const struct raml_tokens *cue = &a->m->texts.answer_prefix;
    size_t n_text = 0, n_jobs = 0;
    for (size_t i = 0; i < n; i++) {
        n_text += raml_exits_item_cost(a->m, item[i]);
        n_jobs += item[i]->n_places;
    }
    a->text = malloc((n_text + 1) * sizeof *a->text);
    a->job = calloc(n_jobs + 1, sizeof *a->job);
    a->to = calloc(n_jobs + 1, sizeof *a->to);
    a->over = calloc(n_jobs + 1, sizeof *a->over);
    if (!a->text || !a->job || !a->to || !a->over)
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu probes of %zu tokens", n_jobs, n_text);
    int32_t *to = a->text;
    for (size_t i = 0; i < n; i++) {
        const struct raml_tokens *prompt = &item[i]->text.prompt, *t = &item[i]->text.trajectory;
        for (size_t k = 0; k < item[i]->n_places; k++) {
            size_t length = prompt->n + item[i]->at[k] + cue->n;
            memcpy(to, prompt->id, prompt->n * sizeof *to);
            if (item[i]->at[k]) memcpy(to + prompt->n, t->id, item[i]->at[k] * sizeof *to);
            if (cue->n) memcpy(to + length - cue->n, cue->id, cue->n * sizeof *to);
            a->job[a->n] = (struct raml_generate_job){
                .text = to, .n_text = length, .group = item[i]->question, .max_tokens = a->m->opt->probe_tokens};
            a->to[a->n++] = &item[i]->written[k];
            to += length;
        }
    }
    return RAML_OK;
}

static enum raml_code generate(struct answers *a, struct raml_err *err)
{
    const struct raml_exits_files_job *job = a->m->job;
    const struct raml_generate_options opt = {.batch_size = a->m->opt->batch_size,
                                              .sampling = {.temperature = 0, .top_p = 1},
                                              .allowed = (size_t)raml_tokenizer_size(job->tokenizer),
                                              .end = job->eos,
                                              .n_ends = job->n_eos};
    const struct raml_generate_guide guide = {.user = a, .added = added, .done = done};
    const struct raml_sink quiet = {.stop = job->sink ? job->sink->stop : NULL,
                                    .user = job->sink ? job->sink->user : NULL};
    struct raml_generate_stats stats = {0};
    enum raml_code rc = raml_generate(job->model, &opt, a->job, a->n, &guide, &stats, &quiet, err);
    if (!rc) a->m->n_read += stats.text_tokens + stats.tokens;
    return rc;
}

static enum raml_code answers(struct raml_exits_maker *m, struct raml_exits_item *const *item, size_t n,
                              struct raml_err *err)
{
    struct answers a = {.m = m};
    enum raml_code rc = answers_init(&a, item, n, err);
    if (!rc) rc = generate(&a, err);
    free(a.text);
    free(a.job);
    free(a.to);
    free(a.over);
    return rc;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static enum raml_code reserve(struct raml_exits_item *it, struct raml_err *err)
{
    size_t had = it->cap_values, cap_entropy = had, cap_written = had;
    enum raml_code rc = RAML_GROW(it->entropy, cap_entropy, it->n_places, "places", err);
    if (!rc) rc = RAML_GROW(it->written, cap_written, it->n_places, "places", err);
    if (rc) return rc;
    if (cap_written > had) memset(it->written + had, 0, (cap_written - had) * sizeof *it->written);
    it->cap_values = cap_written;
    return RAML_OK;
}

enum raml_code raml_exits_measure(struct raml_exits_maker *m, struct raml_exits_item *const *item, size_t n,
                                  struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) rc = reserve(item[i], err);
    if (!rc) rc = losses(m, item, n, err);
    if (!rc) rc = entropies(m, item, n, err);
    return rc ? rc : answers(m, item, n, err);
}
