/* loop_log.c - what follows a step: its line of metrics, evaluation, progress, checkpoint. See loop_parts.h. */
#include "outer/loop_parts.h"

#include "core/clock.h"
#include "core/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static bool is_every(uint64_t step, int64_t every)
{
    return every && step % (uint64_t)every == 0;
}

bool raml_trainer_may_save(const struct raml_trainer *t)
{
    return !t->source->may_save || t->source->may_save(t->source->user, t->state.step);
}

bool raml_trainer_reached_budget(const struct raml_trainer *t)
{
    return t->opt->token_budget && t->state.tokens >= (uint64_t)t->opt->token_budget && raml_trainer_may_save(t);
}

static bool is_last(const struct raml_trainer *t)
{
    return t->state.step == t->source->n_steps || raml_trainer_reached_budget(t);
}

/* Adds "name": value of every statistic, with a prefix. */
static int add_statistics(json_t *line, const char *prefix, const struct raml_statistics *s)
{
    char name[96];
    int failed = 0;
    for (size_t i = 0; i < s->n; i++) {
        double value = raml_statistic_value(&s->item[i]);
        if (!isfinite(value)) continue; /* nothing was counted */
        snprintf(name, sizeof name, "%s%s", prefix, s->item[i].name);
        failed |= json_object_set_new(line, name, json_real(value));
    }
    return failed;
}

static json_t *timing_json(const struct raml_trainer *t)
{
    struct rusage use;
    double seconds = raml_clock_monotonic() - t->started, tokens = (double)(t->state.tokens - t->tokens_at_start);
    double peak = getrusage(RUSAGE_SELF, &use) == 0 ? 1024.0 * (double)use.ru_maxrss : 0.0;
    json_t *o = json_pack("{s:I,s:f,s:f}", "time", (json_int_t)raml_clock_wall(), "seconds", seconds,
                          "peak_memory_bytes", peak);
    int bad = 0;
    if (o && seconds > 0 && tokens > 0) /* else only evaluations came before */
        bad |= json_object_set_new(o, "tokens_per_s", json_real(tokens / seconds));
    for (size_t i = 0; o && i < t->seconds.n; i++) {
        char name[96];
        snprintf(name, sizeof name, "seconds/%s", t->seconds.item[i].name);
        bad |= json_object_set_new(o, name, json_real(t->seconds.item[i].sum));
    }
    return raml_json_checked(o, bad);
}

static int add_metrics(struct raml_trainer *t, json_t *line, struct raml_train_result *out)
{
    struct train_state *s = &t->state;
    int failed = 0;
    double reward = raml_statistics_value(&s->statistics, "reward");
    if (isfinite(reward)) out->reward = reward;
    failed |= add_statistics(line, "", &s->statistics);
    if (s->weight_sum > 0) { /* something was trained on */
        out->loss = s->loss_sum / s->weight_sum;
        failed |= json_object_set_new(line, "loss", json_real(out->loss));
    }
    failed |= json_object_set_new(line, "grad_norm", json_real(t->grad_norm));
    failed |= json_object_set_new(line, "learning_rate", json_real(raml_schedule_rate(&t->schedule, s->step - 1)));
    failed |= json_object_set_new(line, "tokens", json_integer((json_int_t)s->tokens));
    failed |= json_object_set_new(line, "trained_tokens", json_integer((json_int_t)s->trained));
    s->loss_sum = s->weight_sum = 0.0;
    s->statistics.n = 0;
    return failed;
}

/* Measures the model; the best so far is remembered, and its checkpoint kept. */
static enum raml_code evaluate(struct raml_trainer *t, json_t *line, struct raml_train_result *out,
                               struct raml_err *err)
{
    const struct raml_step_source *source = t->source;
    double score = NAN, start = raml_clock_monotonic();
    enum raml_code rc = source->evaluate(source->user, &t->packs, t->objective, line, &score, err);
    if (rc) return rc;
    const json_t *loss = json_object_get(line, "eval_loss"), *accuracy = json_object_get(line, "eval_accuracy");
    if (loss) out->eval_loss = json_real_value(loss);
    if (accuracy) out->eval_accuracy = json_real_value(accuracy);
    if (!isfinite(score)) return raml_fail(err, RAML_ERANGE, "the validation loss is %g", -score);
    if (!(score <= t->state.best_score)) {
        t->state.best_score = score;
        t->state.best_step = t->state.step;
    }
    raml_statistics_add(&t->seconds, "evaluation", raml_clock_monotonic() - start, 1);
    return RAML_OK;
}

/* A line of metrics: of a step that is logged or evaluated. */
static enum raml_code write_line(struct raml_trainer *t, bool log, bool eval, struct raml_train_result *out,
                                 struct raml_err *err)
{
    const struct raml_step_source *source = t->source;
    uint64_t step = t->state.step;
    if (!log && !eval) return RAML_OK;
    json_t *line = json_pack("{s:I}", "step", (json_int_t)step);
    int failed = line == NULL;
    if (source->epoch) failed |= json_object_set_new(line, "epoch", json_real(source->epoch(source->user, step)));
    if (log) failed |= add_metrics(t, line, out);
    enum raml_code rc = RAML_OK;
    if (eval) rc = evaluate(t, line, out, err);
    json_t *timing = timing_json(t);
    if (!rc && (failed || !timing)) rc = raml_fail(err, RAML_ENOMEM, "no memory for a line of metrics");
    if (!rc && t->comm->rank == 0) rc = raml_run_metrics(t->job->run, line, timing, err);
    json_decref(line);
    json_decref(timing);
    t->seconds.n = 0;
    return rc;
}

static enum raml_code report(struct raml_trainer *t, struct raml_train_result *out, struct raml_err *err)
{
    uint64_t step = t->state.step;
    bool last = is_last(t), log = t->opt->logging_steps && (last || is_every(step, t->opt->logging_steps));
    return write_line(t, log, t->source->evaluate && (last || is_every(step, t->opt->eval_steps)), out, err);
}

enum raml_code raml_trainer_before_first(struct raml_trainer *t, struct raml_train_result *out, struct raml_err *err)
{
    bool wanted = t->state.step == 0 && t->opt->eval_on_start && t->opt->eval_steps;
    return write_line(t, false, wanted && t->source->evaluate, out, err);
}

/* How many there will be: where a budget of tokens ends rollouts first, by the tokens of the steps so far. */
static double steps_ahead(const struct raml_trainer *t)
{
    double all = (double)t->source->n_steps, budget = (double)t->opt->token_budget;
    if (!t->opt->token_budget || !t->state.tokens) return all;
    return fmax((double)t->state.step, fmin(all, ceil((double)t->state.step * budget / (double)t->state.tokens)));
}

static void show_progress(const struct raml_trainer *t, const struct raml_statistics *now)
{
    char note[96] = "";
    double seconds = raml_clock_monotonic() - t->started, reward = raml_statistics_value(now, "reward");
    int n = isfinite(reward) ? snprintf(note, sizeof note, "reward %.3f, ", reward)
                             : snprintf(note, sizeof note, "loss %.4f, ", t->step_loss);
    snprintf(note + n, sizeof note - (size_t)n, "%.0f tokens/s",
             seconds > 0 ? (double)(t->state.tokens - t->tokens_at_start) / seconds : 0.0);
    raml_progress(t->job->sink, "train", (double)t->state.step, steps_ahead(t), "steps", note);
}

/* -- Checkpoints --------------------------------------------------------------------------------------------------- */

/* A step at which one is due, or was since the last time that one could be made. */
static bool is_due(struct raml_trainer *t)
{
    bool best = t->opt->save_best && t->state.best_step == t->state.step;
    if (is_every(t->state.step, t->opt->save_steps) || best) t->due = true;
    return t->due && raml_trainer_may_save(t);
}

static enum raml_code write_checkpoint(const struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_step_source *source = t->source;
    json_t *own = source->save ? source->save(source->user) : NULL;
    if (source->save && !own) return raml_fail(err, RAML_ENOMEM, "no memory for a checkpoint's state");
    const struct train_state_facts facts = {t->training->objective_name, t->training->settings, own};
    enum raml_code rc = raml_train_state_save(t->job, t->opt, &t->state, &facts, &t->adamw, &t->parts, err);
    json_decref(own);
    return rc;
}

/* Rank 0 writes; the others give it their moments. */
static enum raml_code save(struct raml_trainer *t, struct raml_err *err)
{
    enum raml_code rc = raml_comm_agree(t->comm, raml_trainer_check_weights(t, err), err);
    if (rc) return rc;
    t->due = false;
    t->saved = t->state.step;
    if (t->comm->rank == 0) rc = raml_moments_done(&t->parts, write_checkpoint(t, err), err);
    else rc = raml_moments_serve(&t->adamw, &t->parts, err);
    return raml_comm_agree(t->comm, rc, err);
}

static enum raml_code stop(const struct raml_trainer *t, struct raml_err *err)
{
    if (t->comm->rank != 0) return raml_fail(err, RAML_ESTOP, "asked to stop after step %" PRIu64, t->state.step);
    return raml_fail(err, RAML_ESTOP,
                     "asked to stop; %s/checkpoint-%" PRIu64 " holds what was done, and resuming "
                     "continues from there",
                     raml_run_dir(t->job->run), t->state.step);
}

enum raml_code raml_trainer_stopped(struct raml_trainer *t, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (t->state.step == 0) return raml_fail(err, RAML_ESTOP, "asked to stop before the first step; nothing was done");
    if (t->saved != t->state.step) rc = save(t, err);
    return rc ? rc : stop(t, err);
}

/* Metrics first, then the checkpoint, so that a resume finds every line up to the checkpoint. */
enum raml_code raml_trainer_after_step(struct raml_trainer *t, struct raml_train_result *out, struct raml_err *err)
{
    struct raml_statistics now = t->state.statistics;
    enum raml_code rc = raml_comm_agree(t->comm, report(t, out, err), err);
    show_progress(t, &now);
    bool stops = false;
    if (!rc) rc = raml_ranks_stop(t, &stops, err);
    if (rc) return rc;
    bool last = is_last(t), due = is_due(t);
    stops = stops && !last && raml_trainer_may_save(t);
    if (last || stops || due) rc = save(t, err);
    return rc || !stops ? rc : stop(t, err);
}
