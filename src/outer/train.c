/* train.c - the trainer's loop; see train.h. */
#include "raml/train.h"

#include "core/array.h"
#include "core/clock.h"
#include "outer/training_set.h"
#include "outer/train_state.h"

#include "raml/device.h"
#include "core/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct trainer {
    const struct raml_train_job *job;
    const struct raml_train_options *opt;
    struct raml_objective objective;
    struct training_set set, validation;
    struct training_plan plan;
    struct selection selection, validation_selection;
    struct raml_schedule schedule;
    struct raml_adamw adamw;
    struct raml_pass *pass;
    struct raml_pack pack;
    struct raml_tree *tree; /* [n_trees_cap]: the rows of a step */
    size_t n_trees, n_trees_cap;
    struct training_weights weight;             /* of the step's targets, tree after tree */
    float *logp, *entropy, *d_logp, *d_entropy; /* of one pack's targets; entropies unless it is constant */
    size_t cap_targets;
    float *grad; /* of the device: [raml_gradient_n] */
    struct train_state state;
    double step_loss, grad_norm; /* of the last step */
    double started;              /* seconds; used only for rates */
    uint64_t tokens_at_start;
};

/* -- Opening and closing ------------------------------------------------------------------------------------------- */

static void trainer_deinit(struct trainer *t)
{
    for (size_t i = 0; i < t->n_trees_cap; i++) raml_tree_deinit(&t->tree[i]);
    free(t->tree);
    raml_pack_deinit(&t->pack);
    raml_pass_close(t->pass);
    raml_adamw_deinit(&t->adamw);
    raml_selection_deinit(&t->selection);
    raml_selection_deinit(&t->validation_selection);
    raml_training_set_deinit(&t->set);
    raml_training_set_deinit(&t->validation);
    free(t->weight.w);
    free(t->logp);
    free(t->entropy);
    free(t->d_logp);
    free(t->d_entropy);
    raml_array_free(raml_model_device(t->job->model), t->grad);
}

static enum raml_code check_vocabulary(const struct raml_train_job *job, struct raml_err *err)
{
    int have = raml_model_config(job->model)->vocab_size, need = raml_tokenizer_size(job->tokenizer);
    if (need <= have) return RAML_OK;
    return raml_fail(err, RAML_ERANGE,
                     "the tokenizer has ids up to %d, the model's vocab_size is %d: they do not "
                     "belong together",
                     need - 1, have);
}

static enum raml_code take_objective(struct trainer *t, struct raml_err *err)
{
    t->objective = t->job->objective ? *t->job->objective : raml_objective_default();
    if (t->objective.evaluate && t->objective.name && *t->objective.name) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "the objective has no %s", t->objective.evaluate ? "name" : "function");
}

static enum raml_code check_data(const struct trainer *t, struct raml_err *err)
{
    const struct training_set *f = &t->set;
    if (f->n) return RAML_OK;
    if (f->skipped == 0) return raml_fail(err, RAML_ERANGE, "%s: nothing is trained on: no questions", f->name);
    return raml_fail(err, RAML_ERANGE,
                     "%s: nothing is trained on: none of %zu questions has a usable trajectory (%zu "
                     "graded wrong, %zu too long); trajectories = 0 trains only on answers",
                     f->name, f->skipped, f->wrong, f->too_long);
}

static void report_data(const struct trainer *t)
{
    const struct training_set *f = &t->set;
    if (f->skipped)
        raml_say(t->job->sink, "%s: %zu of %zu questions are left out: no usable trajectory", f->name, f->skipped,
                 f->skipped + f->n);
    if (f->too_long)
        raml_say(t->job->sink, "%s: %zu trajectories are left out: longer than the model's context", f->name,
                 f->too_long);
    if (f->wrong)
        raml_say(t->job->sink, "%s: %zu trajectories graded wrong are left out (keep_wrong includes them)", f->name,
                 f->wrong);
}

static enum raml_code trainer_init(struct trainer *t, struct raml_err *err)
{
    const struct raml_train_job *job = t->job;
    const struct raml_train_options *opt = t->opt;
    size_t n = raml_model_n(job->model);
    enum raml_code rc = take_objective(t, err);
    if (!rc) rc = check_vocabulary(job, err);
    if (!rc) rc = raml_training_set_init(&t->set, job, opt, job->data, job->data_name, 0, err);
    if (!rc && job->validation && opt->eval_steps)
        rc = raml_training_set_init(&t->validation, job, opt, job->validation, "validation", opt->eval_questions, err);
    if (!rc) rc = check_data(t, err);
    if (!rc) rc = raml_training_plan_init(&t->plan, &t->set, opt, err);
    if (!rc) rc = raml_selection_init(&t->selection, &t->set, err);
    if (!rc) rc = raml_selection_init(&t->validation_selection, &t->validation, err);
    struct raml_adamw_options adamw = {opt->adam_beta1, opt->adam_beta2, opt->adam_epsilon, opt->weight_decay};
    if (!rc) rc = raml_adamw_init(&t->adamw, raml_model_device(job->model), &adamw, n, err);
    if (!rc) rc = raml_pass_open(job->model, true, &t->pass, err);
    if (rc) return rc;
    t->tree = calloc(opt->batch_size, sizeof *t->tree);
    t->n_trees_cap = t->tree ? opt->batch_size : 0;
    t->grad = raml_array_new(raml_model_device(job->model), raml_gradient_n(job->model), sizeof *t->grad);
    if (!t->tree || !t->grad) return raml_fail(err, RAML_ENOMEM, "no memory for the gradient of %zu parameters", n);
    uint64_t warmup = opt->warmup_steps;
    if (!warmup) warmup = (uint64_t)ceil(opt->warmup_ratio * (double)t->plan.n_steps - 1e-9);
    t->schedule =
        (struct raml_schedule){opt->lr_scheduler_type, opt->learning_rate, opt->min_lr_ratio, warmup, t->plan.n_steps};
    t->state.n_questions = t->set.n;
    t->state.data_hash = t->set.hash;
    report_data(t);
    if (job->resume_step) rc = raml_train_state_load(job, opt, &t->state, &t->adamw, err);
    t->tokens_at_start = t->state.tokens;
    return rc;
}

static enum raml_code reserve_targets(struct trainer *t, size_t n, struct raml_err *err)
{
    float **const list[] = {&t->logp, &t->d_logp, &t->entropy, &t->d_entropy};
    size_t cap = t->cap_targets;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < (t->objective.constant ? 2 : 4); i++) {
        cap = t->cap_targets;
        rc = RAML_RESERVE(*list[i], cap, n, "targets", err);
    }
    if (!rc) t->cap_targets = cap;
    return rc;
}

/* -- One pack ------------------------------------------------------------------------------------------------------ */

/* Fills the pack with trees from `first` on while they fit; at least one. Returns the first that is not in it. */
static enum raml_code fill_pack(struct trainer *t, size_t first, size_t *end, struct raml_err *err)
{
    size_t i = first, rows = 0;
    raml_pack_clear(&t->pack);
    while (i < t->n_trees && (i == first || rows + t->tree[i].n_tokens <= t->opt->micro_batch_tokens)) {
        rows += t->tree[i].n_tokens;
        enum raml_code rc = raml_pack_add(&t->pack, &t->tree[i++], err);
        if (rc) return rc;
    }
    *end = i;
    return reserve_targets(t, t->pack.n_targets, err);
}

/* One pack: its share of the step's loss, and (train) its gradient added to grad. weight: of its targets. */
static enum raml_code run_pack(struct trainer *t, bool train, const float *weight, double total, double *loss,
                               struct raml_err *err)
{
    const struct raml_objective *o = &t->objective;
    const struct raml_logprobs out = {.logp = t->logp, .entropy = o->constant ? NULL : t->entropy};
    struct raml_objective_tokens in = {.n = t->pack.n_targets, .weight = weight, .total = total};
    enum raml_code rc;
    if (train && o->constant) {
        rc = o->evaluate(o->user, &in, NULL, t->d_logp, NULL, err);
        if (!rc) rc = raml_pass_train(t->pass, &t->pack, t->d_logp, &out, t->grad, err);
    } else {
        rc = raml_pass_forward(t->pass, &t->pack, &out, err);
    }
    in.logp = out.logp;
    in.entropy = out.entropy;
    if (rc || !train || o->constant) return rc ? rc : o->evaluate(o->user, &in, loss, NULL, NULL, err);
    rc = o->evaluate(o->user, &in, loss, t->d_logp, t->d_entropy, err);
    return rc ? rc : raml_pass_backward(t->pass, t->d_logp, t->d_entropy, t->grad, err);
}

/* Adds to *loss the share of the step's loss, and to grad its gradient (train) of every pack of the step's trees. */
static enum raml_code run_packs(struct trainer *t, bool train, double total, double *loss, struct raml_err *err)
{
    const float *weight = t->weight.w;
    size_t first = 0;
    *loss = 0.0;
    while (first < t->n_trees) {
        double part = 0.0;
        enum raml_code rc = fill_pack(t, first, &first, err);
        if (!rc) rc = run_pack(t, train, weight, total, &part, err);
        if (rc) return rc;
        *loss += part;
        weight += t->pack.n_targets;
    }
    return RAML_OK;
}

/* -- One step ------------------------------------------------------------------------------------------------------ */

/* Builds the rows of a step and counts what they train on: the loss's denominator, known before any backward pass. */
static enum raml_code gather(struct trainer *t, double *total, struct raml_err *err)
{
    uint64_t position = t->state.step * t->opt->batch_size;
    t->n_trees = 0;
    t->weight.n = 0;
    for (size_t b = 0; b < t->opt->batch_size && position + b < t->plan.n_positions; b++) {
        raml_select_at(&t->set, position + b, &t->selection);
        enum raml_code rc = raml_training_set_row(&t->set, &t->selection, &t->tree[t->n_trees], &t->weight, err);
        if (rc) return rc;
        t->state.tokens += t->tree[t->n_trees++].n_tokens;
    }
    *total = 0.0;
    for (size_t i = 0; i < t->weight.n; i++) *total += (double)t->weight.w[i];
    if (!(*total > 0)) return raml_fail(err, RAML_ERANGE, "no token of this step is trained on");
    t->state.trained += (uint64_t)*total;
    return RAML_OK;
}

static enum raml_code take_step(struct trainer *t, struct raml_err *err)
{
    struct raml_model *m = t->job->model;
    const struct raml_device *dev = raml_model_device(m);
    size_t n = raml_model_n(m);
    double total;
    enum raml_code rc = gather(t, &total, err);
    if (!rc) rc = raml_array_zero(dev, t->grad, raml_gradient_n(m) * sizeof *t->grad, err);
    if (!rc) rc = run_packs(t, true, total, &t->step_loss, err);
    if (rc) return rc;
    if (!isfinite(t->step_loss))
        return raml_fail(err, RAML_ERANGE,
                         "the loss is %g; the last checkpoint is kept (a lower learning_rate, now "
                         "%g, or max_grad_norm may help)",
                         t->step_loss, t->opt->learning_rate);
    rc = raml_gradient_join(m, t->grad, err);
    if (!rc) rc = raml_grad_norm(dev, t->grad, n, &t->grad_norm, err);
    if (rc) return rc;
    if (!isfinite(t->grad_norm))
        return raml_fail(err, RAML_ERANGE, "the gradient's norm is %g at loss %g; the last checkpoint is kept",
                         t->grad_norm, t->step_loss);
    const struct raml_param *table;
    size_t n_params = raml_model_params(m, &table);
    rc = raml_adamw_step(&t->adamw, table, n_params, raml_schedule_rate(&t->schedule, t->state.step),
                         raml_clip_scale(t->grad_norm, t->opt->max_grad_norm), t->grad, raml_model_weights(m), err);
    if (!rc) rc = raml_model_refresh(m, err);
    if (rc) return rc;
    t->state.step++;
    t->state.loss_sum += t->step_loss * total;
    t->state.weight_sum += total;
    return RAML_OK;
}

/* -- Validation ---------------------------------------------------------------------------------------------------- */

/* Mean loss of the validation set, a batch at a time. NaN when it is empty. */
static enum raml_code validate(struct trainer *t, double *out, struct raml_err *err)
{
    double sum = 0.0, all = 0.0;
    *out = NAN;
    for (size_t i = 0; i < t->validation.n;) {
        double total = 0.0, loss;
        t->n_trees = 0;
        t->weight.n = 0;
        while (i < t->validation.n && t->n_trees < t->n_trees_cap) {
            raml_select_item(&t->validation, (uint32_t)i++, 0, &t->validation_selection);
            struct raml_tree *tree = &t->tree[t->n_trees++];
            enum raml_code rc = raml_training_set_row(&t->validation, &t->validation_selection, tree, &t->weight, err);
            if (rc) return rc;
        }
        for (size_t k = 0; k < t->weight.n; k++) total += (double)t->weight.w[k];
        enum raml_code rc = run_packs(t, false, total, &loss, err);
        if (rc) return rc;
        sum += loss * total;
        all += total;
    }
    if (all > 0) *out = sum / all;
    return RAML_OK;
}

/* -- Logs and checkpoints ------------------------------------------------------------------------------------------ */

static bool is_every(uint64_t step, uint64_t every)
{
    return every && step % every == 0;
}

static json_t *timing_json(const struct trainer *t)
{
    struct rusage use;
    double seconds = raml_clock_monotonic() - t->started, tokens = (double)(t->state.tokens - t->tokens_at_start);
    double peak = getrusage(RUSAGE_SELF, &use) == 0 ? 1024.0 * (double)use.ru_maxrss : 0.0;
    return json_pack("{s:I,s:f,s:f,s:f}", "time", (json_int_t)raml_clock_wall(), "seconds", seconds, "tokens_per_s",
                     seconds > 0 ? tokens / seconds : 0.0, "peak_memory_bytes", peak);
}

/* A line of metrics when this step is logged or validated. */
static enum raml_code report(struct trainer *t, struct raml_train_result *out, struct raml_err *err)
{
    const struct train_state *s = &t->state;
    bool last = s->step == t->plan.n_steps;
    bool log = is_every(s->step, t->opt->logging_steps) || (last && t->opt->logging_steps);
    bool eval = t->validation.n && (is_every(s->step, t->opt->eval_steps) || last);
    if (!log && !eval) return RAML_OK;
    json_t *line =
        json_pack("{s:I,s:f}", "step", (json_int_t)s->step, "epoch",
                  fmin((double)s->step * (double)t->opt->batch_size, (double)t->plan.n_positions) / (double)t->set.n);
    int failed = line == NULL;
    if (log) {
        out->loss = s->loss_sum / s->weight_sum;
        t->state.loss_sum = t->state.weight_sum = 0.0;
        failed |= json_object_set_new(line, "loss", json_real(out->loss));
        failed |= json_object_set_new(line, "grad_norm", json_real(t->grad_norm));
        failed |= json_object_set_new(line, "learning_rate", json_real(raml_schedule_rate(&t->schedule, s->step - 1)));
        failed |= json_object_set_new(line, "tokens", json_integer((json_int_t)s->tokens));
        failed |= json_object_set_new(line, "trained_tokens", json_integer((json_int_t)s->trained));
    }
    enum raml_code rc = RAML_OK;
    if (eval) {
        rc = validate(t, &out->eval_loss, err);
        if (!rc && !isfinite(out->eval_loss))
            rc = raml_fail(err, RAML_ERANGE, "the validation loss is %g", out->eval_loss);
        if (!rc) failed |= json_object_set_new(line, "eval_loss", json_real(out->eval_loss));
    }
    json_t *timing = timing_json(t);
    if (!rc && (failed || !timing)) rc = raml_fail(err, RAML_ENOMEM, "no memory for a line of metrics");
    if (!rc) rc = raml_run_metrics(t->job->run, line, timing, err);
    json_decref(line);
    json_decref(timing);
    return rc;
}

static void show_progress(const struct trainer *t)
{
    char note[96];
    double seconds = raml_clock_monotonic() - t->started;
    snprintf(note, sizeof note, "loss %.4f, %.0f tokens/s", t->step_loss,
             seconds > 0 ? (double)(t->state.tokens - t->tokens_at_start) / seconds : 0.0);
    raml_progress(t->job->sink, "train", (double)t->state.step, (double)t->plan.n_steps, "steps", note);
}

/* After a step: metrics, then the checkpoint, so that a resume finds every line up to the checkpoint. *saved: one was
 * written. */
static enum raml_code after_step(struct trainer *t, struct raml_train_result *out, struct raml_err *err)
{
    enum raml_code rc = report(t, out, err);
    show_progress(t);
    if (rc) return rc;
    bool last = t->state.step == t->plan.n_steps, stop = !last && raml_should_stop(t->job->sink);
    if (last || stop || is_every(t->state.step, t->opt->save_steps))
        rc = raml_train_state_save(t->job, t->opt, &t->state, &t->adamw, err);
    if (rc || !stop) return rc;
    return raml_fail(err, RAML_ESTOP,
                     "asked to stop; %s/checkpoint-%" PRIu64 " holds what was done, and resuming "
                     "continues from there",
                     raml_run_dir(t->job->run), t->state.step);
}

static enum raml_code train(struct trainer *t, struct raml_train_result *out, struct raml_err *err)
{
    enum raml_code rc = trainer_init(t, err);
    out->n_steps = t->plan.n_steps;
    if (rc) return rc;
    t->started = raml_clock_monotonic();
    if (t->state.step >= t->plan.n_steps)
        raml_say(t->job->sink, "%s: all %" PRIu64 " steps were done before", raml_run_dir(t->job->run),
                 t->plan.n_steps);
    while (!rc && t->state.step < t->plan.n_steps) {
        uint64_t step = t->state.step + 1;
        rc = take_step(t, err);
        if (!rc) rc = after_step(t, out, err);
        if (rc && rc != RAML_ESTOP) raml_wrap(err, rc, "step %" PRIu64, step);
    }
    out->seconds = raml_clock_monotonic() - t->started;
    return rc;
}

enum raml_code raml_train_sft(const struct raml_train_job *job, const struct raml_train_options *opt,
                              struct raml_train_result *out, struct raml_err *err)
{
    struct raml_train_result result = {.loss = NAN, .eval_loss = NAN, .parameters = raml_model_n(job->model)};
    enum raml_code rc = raml_train_check(opt, err);
    if (!rc) {
        struct trainer t = {.job = job, .opt = opt};
        rc = train(&t, &result, err);
        result.steps = t.state.step;
        result.tokens = t.state.tokens;
        result.trained_tokens = t.state.trained;
        trainer_deinit(&t);
    }
    if (out) *out = result;
    return rc;
}
