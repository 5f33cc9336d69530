/* loop.c - the trainer's loop; see loop.h. */
#include "outer/loop_parts.h"

#include "core/clock.h"

#include "raml/device.h"

#include <inttypes.h>
#include <math.h>

/* -- Opening and closing ------------------------------------------------------------------------------------------- */

static void trainer_deinit(struct raml_trainer *t)
{
    raml_packs_deinit(&t->packs);
    raml_step_deinit(&t->step);
    raml_adamw_deinit(&t->adamw);
    raml_parts_deinit(&t->parts);
    raml_array_free(raml_model_device(t->job->model), t->grad);
    raml_train_state_deinit(&t->state);
}

static enum raml_code resume(struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_step_source *s = t->source;
    const struct train_state_facts facts = {t->training->objective_name, t->training->settings, NULL};
    json_t *own = NULL;
    enum raml_code rc = RAML_OK;
    if (t->comm->rank == 0) {
        rc = raml_train_state_load(t->job, t->opt, &t->state, &facts, &t->adamw, &t->parts, &own, err);
        rc = raml_moments_done(&t->parts, rc, err);
    } else rc = raml_moments_serve(&t->adamw, &t->parts, err);
    rc = raml_comm_agree(t->comm, rc, err);
    if (!rc) rc = raml_ranks_resume(t, &own, err);
    if (!rc && s->load) rc = s->load(s->user, own, err);
    rc = raml_comm_agree(t->comm, rc, err);
    json_decref(own);
    t->adamw.step = t->saved = t->state.step;
    return rc;
}

static enum raml_code trainer_init(struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_train_job *job = t->job;
    const struct raml_train_options *opt = t->opt;
    const struct raml_device *dev = raml_model_device(job->model);
    struct raml_adamw_options adamw = {opt->adam_beta1, opt->adam_beta2, opt->adam_epsilon, opt->weight_decay,
                                       opt->optimizer == RAML_OPTIMIZER_SGD};
    uint64_t n_steps = t->source->n_steps, warmup = (uint64_t)opt->warmup_steps;
    if (!warmup) warmup = (uint64_t)ceil(opt->warmup_ratio * (double)n_steps - 1e-9);
    t->schedule =
        (struct raml_schedule){opt->lr_scheduler_type, opt->learning_rate, opt->min_lr_ratio, warmup, n_steps};
    t->state.n_questions = t->source->n_items;
    t->state.data_hash = t->source->data_hash;
    double resumes = t->comm->rank == 0 && job->resume_step; /* rank 0 alone has the run's folder */
    enum raml_code rc = raml_parts_init(&t->parts, t->comm, job->model, err);
    if (!rc) rc = raml_adamw_init(&t->adamw, dev, &adamw, t->parts.own, err);
    if (!rc) rc = raml_packs_init(&t->packs, job->model, (size_t)opt->micro_batch_tokens, true, err);
    if (!rc) t->grad = raml_array_new(dev, raml_gradient_n(job->model), sizeof *t->grad);
    if (!rc && !t->grad)
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the gradient of %zu parameters", raml_model_n(job->model));
    rc = raml_comm_agree(t->comm, rc, err);
    if (!rc) rc = t->comm->sum(t->comm->user, &resumes, 1, err);
    t->resumes = resumes > 0;
    if (!rc) rc = raml_ranks_check(t, err);
    if (!rc && t->resumes) rc = resume(t, err);
    t->tokens_at_start = t->state.tokens;
    return rc;
}

/* -- One step ------------------------------------------------------------------------------------------------------ */

static enum raml_code update(struct raml_trainer *t, struct raml_err *err)
{
    struct raml_model *m = t->job->model;
    const struct raml_parts *p = &t->parts;
    size_t begin = raml_parts_begin(p);
    float *weights = raml_model_weights(m);
    enum raml_code rc =
        raml_adamw_step(&t->adamw, p->table, p->n_table, raml_schedule_rate(&t->schedule, t->state.step),
                        raml_clip_scale(t->grad_norm, t->opt->max_grad_norm), t->grad + begin, weights + begin, err);
    rc = raml_comm_agree(t->comm, rc, err);
    if (!rc) rc = raml_parts_share(p, weights, err);
    if (!rc) rc = raml_model_refresh(m, err);
    return raml_comm_agree(t->comm, rc, err);
}

/* Of this rank. */
static enum raml_code differentiate_part(struct raml_trainer *t, struct raml_statistics *now, struct raml_err *err)
{
    const struct raml_step_gradient *g = t->training->gradient;
    if (!g) return raml_packs_train(&t->packs, t->objective, &t->step, t->grad, &t->step_loss, now, err);
    return g->differentiate(g->user, &t->packs, t->objective, &t->step, &t->parts, t->grad, &t->step_loss, now, err);
}

/* Loss and gradient of the step, over all ranks. */
static enum raml_code differentiate(struct raml_trainer *t, struct raml_statistics *now, struct raml_err *err)
{
    const struct raml_model *m = t->job->model;
    const struct raml_device *dev = raml_model_device(m);
    enum raml_code rc = raml_array_zero(dev, t->grad, raml_gradient_n(m) * sizeof *t->grad, err);
    if (!rc) rc = differentiate_part(t, now, err);
    rc = raml_comm_agree(t->comm, rc, err);
    if (!rc) rc = t->comm->sum(t->comm->user, &t->step_loss, 1, err);
    if (!rc && !isfinite(t->step_loss)) return raml_trainer_bad_loss(t, err);
    if (!rc) rc = raml_ranks_gradient(t, err);
    if (!rc && !isfinite(t->grad_norm)) return raml_trainer_bad_gradient(t, err);
    return rc;
}

/* The step's tokens, loss and statistics are those of all ranks from here on. */
static enum raml_code account(struct raml_trainer *t, struct raml_statistics *now, struct raml_err *err)
{
    double counts[2] = {(double)t->step.n_read, t->step.trained};
    enum raml_code rc = t->comm->sum(t->comm->user, counts, 2, err);
    if (!rc) rc = raml_ranks_statistics(t, now, err);
    if (rc) return rc;
    t->state.step++;
    t->state.tokens += (uint64_t)counts[0];
    t->state.trained += (uint64_t)counts[1];
    t->state.loss_sum += t->step_loss * t->step.total;
    t->state.weight_sum += t->step.total;
    raml_statistics_join(&t->state.statistics, now);
    return raml_statistics_status(&t->state.statistics, err);
}

static enum raml_code take_step(struct raml_trainer *t, struct raml_err *err)
{
    double start = raml_clock_monotonic();
    const struct raml_step_source *source = t->source;
    struct raml_statistics now = t->step.statistics; /* the headline */
    enum raml_code rc = RAML_OK;
    t->step_loss = t->grad_norm = 0;
    t->step.statistics = (struct raml_statistics){0};
    if (t->step.total > 0) { /* a step of which nothing is trained on changes nothing */
        rc = differentiate(t, &now, err);
        if (!rc && source->after)
            rc = raml_comm_agree(t->comm, source->after(source->user, t->state.step, &t->step, err), err);
        if (!rc) rc = update(t, err);
    }
    raml_statistics_join(&now, &t->step.statistics);
    if (!rc) rc = account(t, &now, err);
    if (rc) return rc;
    t->adamw.step = t->state.step;
    raml_statistics_join(&t->seconds, &t->step.seconds);
    raml_statistics_add(&t->seconds, "training", raml_clock_monotonic() - start, 1);
    return RAML_OK;
}

/* -- All steps ----------------------------------------------------------------------------------------------------- */

/* A schedule is of steps. Where a budget of tokens ends rollouts far before them, it has hardly begun: with warm-up the
 * rate was next to 0 all along. */
static void tell_of_schedule(const struct raml_trainer *t)
{
    uint64_t step = t->state.step, all = t->source->n_steps;
    bool plain = t->schedule.decay == RAML_DECAY_CONSTANT && t->schedule.warmup_steps == 0;
    if (plain || step > all / 2 || !raml_trainer_reached_budget(t)) return;
    raml_say(
        t->job->sink,
        "token_budget ended training at step %" PRIu64 " of the %" PRIu64
        " that the learning rate's schedule counts (%" PRIu64
        " of them warm-up; it was %.3g of its peak): give max_steps near the budget's, or lr_scheduler_type constant "
        "with warmup_ratio 0",
        step, all, t->schedule.warmup_steps,
        step ? raml_schedule_rate(&t->schedule, step - 1) / t->schedule.peak : 0.0);
}

static enum raml_code train(struct raml_trainer *t, struct raml_train_result *out, struct raml_err *err)
{
    const struct raml_step_source *source = t->source;
    enum raml_code rc = trainer_init(t, err);
    out->n_steps = source->n_steps;
    if (rc) return rc;
    t->started = raml_clock_monotonic();
    if (t->state.step >= source->n_steps)
        raml_say(t->job->sink, "%s: all %" PRIu64 " steps were done before",
                 t->job->run ? raml_run_dir(t->job->run) : "the run", source->n_steps);
    rc = raml_comm_agree(t->comm, raml_trainer_before_first(t, out, err), err);
    while (!rc && t->state.step < source->n_steps && !raml_trainer_reached_budget(t)) {
        uint64_t number = t->state.step;
        raml_step_clear(&t->step);
        rc = source->next(source->user, number, &t->packs, &t->step, err);
        if (rc == RAML_ESTOP && t->comm->size == 1) return raml_trainer_stopped(t, err);
        rc = raml_comm_agree(t->comm, rc, err);
        if (!rc) rc = take_step(t, err);
        if (rc == RAML_ESTOP && t->comm->size == 1) return raml_trainer_stopped(t, err);
        if (!rc) rc = raml_trainer_after_step(t, out, err);
        if (rc && rc != RAML_ESTOP) raml_wrap(err, rc, "step %" PRIu64, number + 1);
    }
    if (!rc) tell_of_schedule(t);
    return rc;
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

static enum raml_code check_objective(const struct raml_objective *o, struct raml_err *err)
{
    if (o->evaluate && o->name && *o->name) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "the objective has no %s", o->evaluate ? "name" : "function");
}

int raml_train_add_reference(const struct raml_train_job *job, json_t *settings)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016" PRIx64, job->reference_hash);
    return json_object_set_new(settings, "reference", json_string(hash));
}

enum raml_code raml_train_check_job(const struct raml_train_job *job, const struct raml_train_options *opt,
                                    const struct raml_objective *objective, struct raml_err *err)
{
    enum raml_code rc = raml_train_check(opt, err);
    if (!rc) rc = check_objective(objective, err);
    return rc ? rc : check_vocabulary(job, err);
}

/* What is trained to end a text by the format's stop says so. */
static enum raml_code add_end(const struct raml_train_job *job, struct raml_err *err)
{
    struct raml_tokens stop = {0};
    enum raml_code rc = raml_format_stop(&job->format, job->tokenizer, &stop, err);
    if (!rc && stop.n == 1 && !raml_model_add_eos(job->model, stop.id[0]))
        rc = raml_fail(err, RAML_ERANGE, "the format's stop is one more token that ends a text; the model has %d",
                       RAML_MAX_EOS);
    raml_tokens_deinit(&stop);
    return rc;
}

enum raml_code raml_train_loop(const struct raml_train_job *job, const struct raml_train_options *opt,
                               const struct raml_training *training, struct raml_train_result *out,
                               struct raml_err *err)
{
    struct raml_train_result result = {
        .loss = NAN, .eval_loss = NAN, .reward = NAN, .eval_accuracy = NAN, .parameters = raml_model_n(job->model)};
    struct raml_trainer t = {.job = job,
                             .opt = opt,
                             .training = training,
                             .source = training->source,
                             .objective = training->objective,
                             .state.best_score = -INFINITY,
                             .comm = job->comm ? job->comm : raml_comm_alone()};
    enum raml_code rc = add_end(job, err);
    if (!rc) rc = train(&t, &result, err);
    result.seconds = t.started > 0 ? raml_clock_monotonic() - t.started : 0;
    result.steps = t.state.step;
    result.tokens = t.state.tokens;
    result.trained_tokens = t.state.trained;
    result.best_step = t.state.best_step;
    trainer_deinit(&t);
    if (out) *out = result;
    return rc;
}
