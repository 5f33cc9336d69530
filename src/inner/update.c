/* update.c - implicit updates along trajectories, as many in a pass as a bound on tokens allows. See update.h. */
#include "raml/update.h"

#include "core/array.h"
#include "inner/trace_curve.h"
#include "inner/update_layer.h"
#include "inner/update_measure.h"
#include "raml/lora.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct trajectory { /* on its way from rows to measures */
    const struct raml_update_input *in;
    struct raml_update *out;
    size_t number;                 /* of the input, from 0 */
    bool one_of_several;           /* inputs: messages have the number, from 1 */
    struct raml_update_rows *rows; /* [n_rows]: of one layer where all places are in one pass, else of all */
    size_t n_rows, n_parts;        /* parts whose pass has not run */
    struct raml_update_sum sum[RAML_UPDATE_SUMS];
};
struct part { /* a tree of the pass being built: places [first, first + n) */
    struct trajectory *of;
    size_t first, n;
};

struct raml_updater {
    const struct raml_model *m;
    struct raml_update_options opt;
    struct raml_pass *pass;
    struct raml_update_batch batch;
    struct raml_update_workspace work;
    struct raml_question_gradient gradient;
    const struct raml_update_reader *reader;
    struct part *part; /* one per tree of the batch */
    size_t n_parts, cap_parts;
    uint64_t n_tokens, n_passes;
};

struct raml_update_options raml_update_default(void)
{
    return (struct raml_update_options){.stride = 1, .max_batch_tokens = 16384};
}

enum raml_code raml_update_input_of(const struct raml_trace_input *text, struct raml_update_input *out,
                                    struct raml_err *err)
{
    if (text->n_answer_prefix == 0)
        return raml_fail(err, RAML_ERANGE,
                         "the answer prefix has no token; expected at least one, whose weights are updated");
    *out = (struct raml_update_input){.text = *text, .probe = text->n_answer_prefix - 1};
    return RAML_OK;
}

void raml_update_deinit(struct raml_update *u)
{
    raml_loss_curve_deinit(&u->curve);
    free(u->matrix);
    free(u->own);
    *u = (struct raml_update){0};
}

enum raml_code raml_updater_open(const struct raml_model *m, const struct raml_update_options *opt,
                                 struct raml_updater **out, struct raml_err *err)
{
    if (opt->stride == 0 || opt->max_batch_tokens == 0)
        return raml_fail(err, RAML_ERANGE, "update: stride is %zu, max_batch_tokens %zu; expected at least 1",
                         opt->stride, opt->max_batch_tokens);
    if (opt->alignment && (!raml_model_weights_const(m) || raml_model_lora(m)))
        return raml_fail(err, RAML_EUSAGE,
                         "update: alignment needs the gradient of the loss by the model's own matrices, and the model "
                         "was opened for inference or for adapters; open it for training, or leave alignment out");
    const struct raml_config *c = raml_model_config(m);
    if (c->norms != RAML_NORMS_BEFORE || c->residual_scale > 0)
        return raml_fail(
            err, RAML_ESUPPORT,
            "update: %s has %s: what a trajectory does to such a model is no update of its matrices", c->model_type,
            c->norms != RAML_NORMS_BEFORE ? "norms after attention and MLP" : "a multiplier of what is added");
    struct raml_updater *t = calloc(1, sizeof *t);
    if (!t) return raml_fail(err, RAML_ENOMEM, "no memory for an updater");
    t->m = m;
    t->opt = *opt;
    enum raml_code rc = raml_pass_open(m, false, &t->pass, err);
    if (!rc) rc = raml_update_workspace_init(&t->work, m, opt->alignment, err);
    if (rc) raml_updater_close(t);
    else *out = t;
    return rc;
}

void raml_updater_close(struct raml_updater *t)
{
    if (!t) return;
    raml_pass_close(t->pass);
    raml_update_batch_deinit(&t->batch);
    raml_update_workspace_deinit(&t->work);
    raml_question_gradient_deinit(&t->gradient, t->m);
    free(t->part);
    free(t);
}

uint64_t raml_updater_tokens(const struct raml_updater *t)
{
    return t->n_tokens;
}

uint64_t raml_updater_passes(const struct raml_updater *t)
{
    return t->n_passes;
}

/* -- Splitting a trajectory into parts ----------------------------------------------------------------------------- */

/* As a tracer splits: the places of the part that begins with place `first`, and the tokens of its tree. */
static size_t fit_part(const struct raml_updater *t, const struct raml_update_input *in, size_t first, size_t *n_tokens)
{
    const struct raml_trace_input *x = &in->text;
    size_t all = raml_stride_places(x->n_trajectory, t->opt.stride), n = 0;
    size_t each = x->n_answer_prefix + x->n_answer, bound = t->opt.max_batch_tokens;
    *n_tokens = x->n_prompt;
    while (first + n < all) {
        size_t at = raml_stride_place(x->n_trajectory, t->opt.stride, first + n);
        size_t stem = x->n_prompt + at + in->probe, probes = (n + 1) * each;
        if (raml_pass_is_full(n, stem, probes, bound)) break;
        *n_tokens = stem + probes;
        n++;
    }
    return n;
}

size_t raml_updater_cost(const struct raml_updater *t, const struct raml_update_input *in)
{
    size_t sum = 0, n_tokens, all = raml_stride_places(in->text.n_trajectory, t->opt.stride);
    for (size_t first = 0; first < all; sum += n_tokens) first += fit_part(t, in, first, &n_tokens);
    return sum;
}

/* -- Checks -------------------------------------------------------------------------------------------------------- */

enum raml_code raml_updater_check(const struct raml_updater *t, const struct raml_update_input *in,
                                  struct raml_err *err)
{
    const struct raml_trace_input *x = &in->text;
    size_t context = (size_t)raml_model_config(t->m)->max_positions, sum = 0;
    size_t n[] = {x->n_prompt, x->n_trajectory, x->n_answer_prefix, x->n_answer};
    if (n[0] == 0) return raml_fail(err, RAML_ERANGE, "the prompt has no token; expected at least one");
    if (n[3] == 0) return raml_fail(err, RAML_ERANGE, "the answer has no token; expected at least one");
    for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
        if (n[i] > context || sum > context - n[i])
            return raml_fail(err, RAML_ERANGE,
                             "prompt (%zu tokens), trajectory (%zu), answer prefix (%zu) and answer (%zu) are longer "
                             "than the model's context (%zu)",
                             n[0], n[1], n[2], n[3], context);
        sum += n[i];
    }
    if (in->probe + 1 >= n[2] + n[3])
        return raml_fail(err, RAML_ERANGE,
                         "token %zu of answer prefix and answer can't be updated: it is followed by no token of the "
                         "answer (they have %zu tokens)",
                         in->probe + 1, n[2] + n[3]);
    enum raml_code rc = raml_vocabulary_check(t->m, "prompt", x->prompt, n[0], err);
    if (!rc) rc = raml_vocabulary_check(t->m, "trajectory", x->trajectory, n[1], err);
    if (!rc) rc = raml_vocabulary_check(t->m, "answer prefix", x->answer_prefix, n[2], err);
    return rc ? rc : raml_vocabulary_check(t->m, "answer", x->answer, n[3], err);
}

/* -- A trajectory's memory ----------------------------------------------------------------------------------------- */

static enum raml_code prepare_curve(const struct raml_updater *t, const struct raml_trace_input *x, size_t n,
                                    struct raml_loss_curve *c, struct raml_err *err)
{
    const struct raml_curve_shape shape = {.n_points = n};
    struct raml_trace_input one = *x; /* of several answers, the first */
    one.n_other = 0;
    enum raml_code rc = raml_loss_curve_init(&one, &shape, c, err);
    for (size_t k = 0; !rc && k < n; k++) c->at[k] = (uint32_t)raml_stride_place(x->n_trajectory, t->opt.stride, k);
    return rc;
}

static enum raml_code prepare_measures(struct raml_update *u, size_t n_layers, size_t n, struct raml_err *err)
{
    size_t n_sets = n_layers * RAML_UPDATE_MATRICES, each = raml_update_measures_n(n);
    u->n_layers = n_layers;
    u->n_points = n;
    u->matrix = calloc(n_sets ? n_sets : 1, sizeof *u->matrix);
    u->own = calloc(n_sets + RAML_UPDATE_SUMS, each * sizeof *u->own);
    if (!u->matrix || !u->own)
        return raml_fail(err, RAML_ENOMEM, "no memory for the measures of %zu updates", n * n_sets);
    for (size_t i = 0; i < n_sets; i++) raml_update_measures_set(&u->matrix[i], u->own + i * each, n);
    raml_update_measures_set(&u->gate_up, u->own + n_sets * each, n);
    raml_update_measures_set(&u->all, u->own + (n_sets + 1) * each, n);
    return RAML_OK;
}

static void drop_trajectory(struct trajectory *j)
{
    for (size_t i = 0; j->rows && i < j->n_rows; i++) raml_update_rows_deinit(&j->rows[i]);
    for (size_t i = 0; i < RAML_UPDATE_SUMS; i++) raml_update_sum_deinit(&j->sum[i]);
    free(j->rows);
    j->rows = NULL;
}

static enum raml_code prepare(const struct raml_updater *t, struct trajectory *j, struct raml_err *err)
{
    const struct raml_config *c = raml_model_config(t->m);
    size_t n = raml_stride_places(j->in->text.n_trajectory, t->opt.stride), n_tokens, L = (size_t)c->n_layers;
    for (size_t first = 0; first < n; j->n_parts++) first += fit_part(t, j->in, first, &n_tokens);
    j->n_rows = j->n_parts > 1 ? L : 1;
    j->rows = calloc(j->n_rows, sizeof *j->rows);
    enum raml_code rc = j->rows ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu layers", L);
    for (size_t i = 0; !rc && i < j->n_rows; i++) rc = raml_update_rows_init(&j->rows[i], c, n, err);
    for (size_t i = 0; !rc && i < RAML_UPDATE_SUMS; i++) rc = raml_update_sum_init(&j->sum[i], n, err);
    if (!rc) rc = prepare_curve(t, &j->in->text, n, &j->out->curve, err);
    return rc ? rc : prepare_measures(j->out, L, n, err);
}

/* -- Running ------------------------------------------------------------------------------------------------------- */

/* The code of what was done for a trajectory; what is wrong with it says which it is. */
static enum raml_code number_in(const struct trajectory *j, enum raml_code rc, struct raml_err *err)
{
    return rc == RAML_ERANGE && j->one_of_several ? raml_wrap(err, rc, "trajectory %zu", j->number + 1) : rc;
}

static enum raml_code finish_layer(struct raml_updater *t, struct trajectory *j, size_t layer, struct raml_err *err)
{
    const struct raml_update_layer l = {.layer = layer,
                                        .rows = &j->rows[j->n_rows > 1 ? layer : 0],
                                        .grad = t->opt.alignment ? t->gradient.grad : NULL,
                                        .reader = t->reader,
                                        .input = j->number,
                                        .matrix = &j->out->matrix[layer * RAML_UPDATE_MATRICES],
                                        .sum = j->sum};
    return number_in(j, raml_update_layer_run(&t->work, &l, err), err);
}

static bool whole(const struct part *p)
{
    return p->n == p->of->rows[0].n;
}

static enum raml_code read_layer(void *user, const struct raml_tapped *tapped, struct raml_err *err)
{
    struct raml_updater *t = user;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; !rc && k < t->n_parts; k++) {
        const struct part *p = &t->part[k];
        size_t row = t->batch.first[k];
        raml_update_rows_take(&p->of->rows[whole(p) ? 0 : tapped->layer], raml_model_config(t->m), tapped, row,
                              row + p->n, p->first, p->n);
        if (whole(p)) rc = finish_layer(t, p->of, tapped->layer, err);
    }
    return rc;
}

static enum raml_code read_losses(const struct raml_updater *t, const struct part *p, size_t at, struct raml_err *err)
{
    struct raml_loss_curve *c = &p->of->out->curve;
    size_t A = c->n_answer;
    for (size_t k = p->first; k < p->first + p->n; k++, at += A) {
        double sum = 0;
        c->greedy[k] = true;
        for (size_t j = 0; j < A; j++) {
            sum += (double)t->batch.logp[at + j];
            c->greedy[k] &= t->batch.argmax[at + j] == p->of->in->text.answer[j];
        }
        if (!isfinite(sum))
            return number_in(p->of,
                             raml_fail(err, RAML_ERANGE,
                                       "the loss of the answer after %u trajectory tokens is not finite",
                                       (unsigned)c->at[k]),
                             err);
        memcpy(c->logp + k * A, t->batch.logp + at, A * sizeof *c->logp);
        c->loss[k] = raml_answer_loss(sum, A);
    }
    return RAML_OK;
}

/* All places of the trajectory have been read. */
static enum raml_code finish(struct raml_updater *t, struct trajectory *j, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && j->n_rows > 1 && i < j->n_rows; i++) rc = finish_layer(t, j, i, err);
    if (rc) return rc;
    raml_update_sum_read(&j->sum[RAML_UPDATE_GATE_UP], j->out->n_points, t->opt.alignment, &j->out->gate_up);
    raml_update_sum_read(&j->sum[RAML_UPDATE_ALL], j->out->n_points, t->opt.alignment, &j->out->all);
    drop_trajectory(j);
    return RAML_OK;
}

static enum raml_code run(struct raml_updater *t, struct raml_err *err)
{
    if (t->n_parts == 0) return RAML_OK;
    const struct raml_tap tap = {.z = true, .inner = true, .residual = true, .read = read_layer, .user = t};
    const struct raml_hooks hooks = {.tap = &tap, .take = t->batch.take, .n_takes = t->batch.n_takes};
    enum raml_code rc = raml_update_batch_run(&t->batch, t->pass, &hooks, err);
    for (size_t i = 0; !rc && i < t->n_parts; i++) {
        const struct part *p = &t->part[i];
        rc = read_losses(t, p, t->batch.pack.tree_target[i], err);
        if (!rc && --p->of->n_parts == 0) rc = finish(t, p->of, err);
    }
    t->n_tokens += rc ? 0 : t->batch.pack.n_rows;
    t->n_passes += !rc;
    raml_update_batch_clear(&t->batch);
    t->n_parts = 0;
    return rc;
}

/* What is in the pass being built belongs to one question where there is a gradient. */
static enum raml_code set_gradient(struct raml_updater *t, const struct raml_trace_input *x, struct raml_err *err)
{
    if (!t->opt.alignment || raml_question_gradient_is_of(&t->gradient, x)) return RAML_OK;
    enum raml_code rc = run(t, err);
    if (!rc) rc = raml_question_gradient_set(&t->gradient, x, err);
    if (!rc) rc = raml_question_gradient_run(&t->gradient, t->m, true, NULL, err);
    if (rc) t->gradient.text.n = 0; /* of no question */
    return rc;
}

static enum raml_code add_trajectory(struct raml_updater *t, struct trajectory *j, struct raml_err *err)
{
    size_t n_tokens, all = raml_stride_places(j->in->text.n_trajectory, t->opt.stride);
    enum raml_code rc = prepare(t, j, err);
    if (!rc) rc = set_gradient(t, &j->in->text, err);
    for (struct part p = {.of = j}; !rc && p.first < all; p.first += p.n) {
        p.n = fit_part(t, j->in, p.first, &n_tokens);
        size_t used = t->batch.pack.n_rows, bound = t->opt.max_batch_tokens;
        if (t->n_parts && (used > bound || n_tokens > bound - used)) rc = run(t, err);
        const struct raml_update_places places = {
            .in = j->in, .at = j->out->curve.at + p.first, .n = p.n, .twins = raml_update_twins_of(j->in, false)};
        if (!rc) rc = RAML_GROW(t->part, t->cap_parts, t->n_parts + 1, "trees of a pass", err);
        if (!rc) rc = raml_update_batch_add(&t->batch, &places, err);
        if (!rc) t->part[t->n_parts++] = p;
    }
    return rc;
}

static enum raml_code run_all(struct raml_updater *t, const struct raml_update_input *in, struct trajectory *j,
                              struct raml_update *out, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) {
        j[i] = (struct trajectory){.in = &in[i], .out = &out[i], .number = i, .one_of_several = n > 1};
        rc = add_trajectory(t, &j[i], err);
    }
    if (!rc) rc = run(t, err);
    raml_update_batch_clear(&t->batch); /* after a failure */
    t->n_parts = 0;
    return rc;
}

enum raml_code raml_updater_run(struct raml_updater *t, const struct raml_update_input *in, size_t n,
                                const struct raml_update_reader *reader, struct raml_update *out, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) {
        rc = raml_updater_check(t, &in[i], err);
        if (rc && n > 1) rc = raml_wrap(err, rc, "trajectory %zu", i + 1);
    }
    if (rc) return rc;
    struct raml_update *update = calloc(n ? n : 1, sizeof *update);
    struct trajectory *j = calloc(n ? n : 1, sizeof *j);
    t->reader = reader;
    rc = update && j ? run_all(t, in, j, update, n, err)
                     : raml_fail(err, RAML_ENOMEM, "no memory for the updates of %zu trajectories", n);
    for (size_t i = 0; i < n; i++) {
        if (j) drop_trajectory(&j[i]);
        if (rc && update) raml_update_deinit(&update[i]);
        else if (!rc) out[i] = update[i];
    }
    free(j);
    free(update);
    return rc;
}
