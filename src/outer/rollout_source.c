/* rollout_source.c - training on rollouts: opening, steps, evaluation. See rollouts.h. */
#include "outer/rollout_source.h"

#include "core/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Steps --------------------------------------------------------------------------------------------------------- */

static enum raml_code next(void *user, uint64_t number, struct raml_packs *packs, struct raml_step *step,
                           struct raml_err *err)
{
    struct raml_rollout_source *s = user;
    uint64_t update = number % raml_rollout_updates(s);
    enum raml_code rc = update ? RAML_OK : raml_rollout_round(s, number, packs, err);
    return rc ? rc : raml_rollout_step(s, update, step, err);
}

static enum raml_code after(void *user, uint64_t number, struct raml_step *step, struct raml_err *err)
{
    struct raml_rollout_source *s = user;
    return raml_rollout_after(s, number % raml_rollout_updates(s), step, err);
}

static double epoch(const void *user, uint64_t steps)
{
    const struct raml_rollout_source *s = user;
    (void)steps;
    return (double)s->position / (double)s->order.n;
}

static bool may_save(const void *user, uint64_t steps)
{
    return steps % raml_rollout_updates(user) == 0;
}

static json_t *save(const void *user)
{
    const struct raml_rollout_source *s = user;
    return json_pack("{s:I}", "position", (json_int_t)s->position);
}

static enum raml_code load(void *user, const json_t *state, struct raml_err *err)
{
    struct raml_rollout_source *s = user;
    const json_t *position = json_object_get(state, "position");
    if (!json_is_integer(position) || json_integer_value(position) < 0)
        return raml_fail(err, RAML_EFORMAT, "the checkpoint's field 'source' has no 'position', a number of questions");
    s->position = (uint64_t)json_integer_value(position);
    return RAML_OK;
}

/* -- Evaluation ---------------------------------------------------------------------------------------------------- */

static enum raml_code examine(struct raml_rollout_source *s, size_t n, struct raml_err *err)
{
    const struct raml_round_plan plan = {s->job->tokenizer, &s->job->format, (size_t)s->own->eval_generations,
                                         &s->undisturbed, 0};
    const struct raml_question **question = calloc(n, sizeof *question);
    uint64_t *round = calloc(n, sizeof *round);
    enum raml_code rc =
        question && round ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory to evaluate %zu questions", n);
    size_t own = 0;
    for (size_t i = (size_t)s->comm->rank; i < n && !rc; i += (size_t)s->comm->size)
        question[own++] = s->questions_of_exam.question[i];
    raml_round_clear(&s->exam);
    if (!rc && own) rc = raml_round_sample(&s->exam, s->examiner, &plan, question, round, own, err);
    free(question);
    free(round);
    return rc;
}

/* Accuracy on the validation set, always with the same random numbers; question i belongs to rank i modulo the number of
 * ranks. */
static enum raml_code evaluate(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                               json_t *line, double *score, struct raml_err *err)
{
    struct raml_rollout_source *s = user;
    size_t most = (size_t)s->opt->eval_questions, all = s->questions_of_exam.n, n = all < most ? all : most;
    double sums[4] = {0}; /* right, truncated, tokens, samples */
    (void)packs;
    (void)objective;
    enum raml_code rc = examine(s, n, err);
    for (size_t i = 0; i < s->exam.n_groups && !rc; i++)
        for (size_t k = 0; k < s->exam.group[i].n; k++) {
            const struct raml_rollout *x = &s->exam.group[i].sample[k];
            sums[0] += x->read.correct == RAML_EQUAL;
            sums[1] += x->truncated;
            sums[2] += (double)x->n;
            sums[3]++;
        }
    rc = raml_comm_agree(s->comm, rc, err);
    if (!rc) rc = s->comm->sum(s->comm->user, sums, 4, err);
    if (rc) return rc;
    *score = sums[0] / sums[3];
    int failed = json_object_set_new(line, "eval_accuracy", json_real(*score)) ||
                 json_object_set_new(line, "eval_mean_length", json_real(sums[2] / sums[3])) ||
                 json_object_set_new(line, "eval_truncated_ratio", json_real(sums[1] / sums[3]));
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for a line of metrics") : RAML_OK;
}

/* -- Training ------------------------------------------------------------------------------------------------------ */

/* updates_control: more questions a step, or a lower rate, where only some of the samples enter the loss. */
static enum raml_code control(struct raml_rollout_source *s, struct raml_train_options *o, struct raml_err *err)
{
    int64_t all = s->own->num_generations, some = s->own->updates_per_question;
    s->questions = (size_t)o->batch_size;
    if (!some || some == all || s->own->updates_control == RAML_UPDATES_EQUAL_STEPS) return RAML_OK;
    if (s->own->updates_control == RAML_UPDATES_SCALED_RATE) {
        o->learning_rate *= (double)some / (double)all;
        return RAML_OK;
    }
    if (o->batch_size * all % some)
        return raml_fail(err, RAML_EUSAGE,
                         "updates_control tokens: batch_size %" PRId64 " times num_generations %" PRId64
                         " is no multiple of updates_per_question %" PRId64,
                         o->batch_size, all, some);
    s->questions = (size_t)(o->batch_size * all / some);
    return RAML_OK;
}

static json_t *settings_json(const struct raml_rollout_source *s)
{
    json_t *o = raml_settings_json(raml_rollout_settings, raml_n_rollout_settings, s->own), *policy = NULL;
    json_t *reward = raml_settings_json(raml_reward_settings, raml_n_reward_settings, s->reward);
    if (s->policy) policy = raml_settings_json(raml_policy_settings, raml_n_policy_settings, s->policy);
    int failed = !o || !reward || (s->policy && !policy) || json_object_update(o, reward);
    json_decref(reward);
    json_object_del(o, "sampling_rows");
    bool start = s->distill && s->distill->teacher == RAML_TEACHER_START;
    if (!failed && (start || (s->policy && s->policy->beta > 0))) failed = raml_train_add_reference(s->job, o);
    if (!failed && s->distill) {
        json_t *distill = raml_settings_json(raml_distill_settings, raml_n_distill_settings, s->distill);
        failed = !distill || json_object_update(o, distill);
        json_decref(distill);
    }
    if (!failed && policy) failed = json_object_update(o, policy);
    json_decref(policy);
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

static enum raml_code train(struct raml_rollout_source *s, const struct raml_objective *objective,
                            struct raml_train_result *out, struct raml_err *err)
{
    struct raml_train_options opt = *s->opt;
    struct raml_reward_options exact = {0};
    s->opt = &opt;
    if (out) *out = (struct raml_train_result){.loss = NAN, .eval_loss = NAN, .reward = NAN, .eval_accuracy = NAN};
    enum raml_code rc = raml_train_check_job(s->job, &opt, objective, err);
    if (!rc) rc = raml_rollout_check(s->own, err);
    if (!rc) rc = control(s, &opt, err);
    if (!rc) rc = raml_rollout_open(s, &exact, err);
    json_t *settings = rc ? NULL : settings_json(s);
    if (!rc && !settings) rc = raml_fail(err, RAML_ENOMEM, "no memory for the settings");
    rc = raml_comm_agree(s->comm, rc, err);
    if (!rc) {
        const struct raml_step_source source = {.user = s,
                                                .name = "rollouts",
                                                .n_steps = s->n_rounds * raml_rollout_updates(s),
                                                .n_items = s->order.n,
                                                .data_hash = s->data_hash,
                                                .next = next,
                                                .after = after,
                                                .epoch = epoch,
                                                .may_save = may_save,
                                                .save = save,
                                                .load = load,
                                                .evaluate = s->examiner ? evaluate : NULL};
        const struct raml_training training = {&source, objective, objective->name, settings, NULL};
        rc = raml_train_loop(s->job, &opt, &training, out, err);
    }
    json_decref(settings);
    raml_rollout_close(s);
    return rc;
}

static struct raml_rollout_source source_of(const struct raml_train_job *job, const struct raml_train_options *opt,
                                            const struct raml_rollout_job *rollouts)
{
    return (struct raml_rollout_source){.job = job,
                                        .opt = opt,
                                        .rollouts = rollouts,
                                        .own = rollouts->rollouts,
                                        .comm = job->comm ? job->comm : raml_comm_alone()};
}

struct raml_policy_options raml_rollout_policy(const struct raml_rollout_options *rollouts,
                                               const struct raml_policy_options *policy)
{
    struct raml_policy_options own = *policy;
    if (!(own.norm_length > 0)) own.norm_length = (double)rollouts->max_completion_length;
    return own;
}

enum raml_code raml_train_grpo(const struct raml_train_job *job, const struct raml_train_options *opt,
                               const struct raml_rollout_job *rollouts, struct raml_train_result *out,
                               struct raml_err *err)
{
    struct raml_rollout_source s = source_of(job, opt, rollouts);
    const struct raml_policy_options own = raml_rollout_policy(rollouts->rollouts, rollouts->policy);
    s.policy = &own;
    const struct raml_policy policy = {
        .options = s.policy, .comm = s.comm, .on_policy = !raml_rollout_wants_scores(&s)};
    const struct raml_objective objective = raml_policy_objective(&policy);
    return train(&s, &objective, out, err);
}

enum raml_code raml_train_rft(const struct raml_train_job *job, const struct raml_train_options *opt,
                              const struct raml_rollout_job *rollouts, struct raml_train_result *out,
                              struct raml_err *err)
{
    struct raml_rollout_source s = source_of(job, opt, rollouts);
    const struct raml_objective objective = job->objective ? *job->objective : raml_sft_objective();
    return train(&s, &objective, out, err);
}

enum raml_code raml_train_distill(const struct raml_train_job *job, const struct raml_train_options *opt,
                                  const struct raml_rollout_job *rollouts, const struct raml_distill_options *distill,
                                  struct raml_train_result *out, struct raml_err *err)
{
    struct raml_rollout_source s = source_of(job, opt, rollouts);
    s.distill = distill;
    const struct raml_objective objective = raml_distill_objective(distill);
    return train(&s, &objective, out, err);
}
