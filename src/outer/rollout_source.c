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
    for (size_t i = 0; i < n && !rc; i++) question[i] = &s->job->validation->question[i];
    raml_round_clear(&s->exam);
    if (!rc) rc = raml_round_sample(&s->exam, s->examiner, &plan, question, round, n, err);
    free(question);
    free(round);
    return rc;
}

/* Accuracy on the validation set, always with the same random numbers. */
static enum raml_code evaluate(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                               json_t *line, double *score, struct raml_err *err)
{
    struct raml_rollout_source *s = user;
    size_t most = (size_t)s->opt->eval_questions, all = s->job->validation->n, n = all < most ? all : most;
    double right = 0, truncated = 0, tokens = 0, samples = 0;
    (void)packs;
    (void)objective;
    enum raml_code rc = examine(s, n, err);
    for (size_t i = 0; i < s->exam.n_groups && !rc; i++)
        for (size_t k = 0; k < s->exam.group[i].n; k++) {
            const struct raml_rollout *x = &s->exam.group[i].sample[k];
            right += x->read.correct == RAML_EQUAL;
            truncated += x->truncated;
            tokens += (double)x->n;
            samples++;
        }
    if (rc) return rc;
    *score = right / samples;
    int failed = json_object_set_new(line, "eval_accuracy", json_real(*score)) ||
                 json_object_set_new(line, "eval_mean_length", json_real(tokens / samples)) ||
                 json_object_set_new(line, "eval_truncated_ratio", json_real(truncated / samples));
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for a line of metrics") : RAML_OK;
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static enum raml_code open_sampler(const struct raml_rollout_source *s, double temperature, bool plain,
                                   struct raml_sampler **out, struct raml_err *err)
{
    const struct raml_rollout_options *o = s->own;
    struct raml_sample_options x = raml_sample_default();
    x.batch_size = (size_t)o->sampling_rows;
    x.max_completion_length = (size_t)o->max_completion_length;
    x.think_budget = (size_t)o->think_budget;
    x.temperature = temperature;
    x.top_p = plain ? 1 : o->top_p;
    x.min_p = plain ? 0 : o->min_p;
    x.top_k = plain ? 0 : (int)o->top_k;
    x.seed = s->opt->seed;
    x.share_prompts = o->share_prompts;
    x.eos = s->rollouts->eos;
    x.n_eos = s->rollouts->n_eos;
    return raml_sampler_open(s->job->model, s->job->tokenizer, &s->job->format, &x, out, err);
}

/* Every question has an answer to judge by, and a prompt that leaves space for a completion. */
static enum raml_code check_questions(struct raml_rollout_source *s, const struct raml_questions *qs, const char *name,
                                      struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(s->job->model)->max_positions;
    struct raml_tokens prompt = {0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < qs->n && !rc; i++) {
        const struct raml_question *q = &qs->question[i];
        prompt.n = 0;
        rc = raml_format_prompt(&s->job->format, s->job->tokenizer, q->question, &prompt, err);
        if (!rc && (!q->answer || !*q->answer))
            rc = raml_fail(err, RAML_ERANGE, "%s: question '%s' (line %zu) has no answer; expected one to judge by",
                           name, q->id ? q->id : "?", q->line);
        if (!rc && prompt.n >= context)
            rc = raml_fail(err, RAML_ERANGE,
                           "%s: question '%s' (line %zu): its prompt of %zu tokens fills the model's context of %zu",
                           name, q->id ? q->id : "?", q->line, prompt.n, context);
        if (rc) break;
        s->data_hash = raml_hash(prompt.id, prompt.n * sizeof *prompt.id, s->data_hash);
        s->data_hash = raml_hash(q->answer, strlen(q->answer) + 1, s->data_hash);
    }
    raml_tokens_deinit(&prompt);
    return rc;
}

/* How many rounds and steps there are. */
static enum raml_code plan(struct raml_rollout_source *s, struct raml_err *err)
{
    const struct raml_train_options *o = s->opt;
    uint64_t updates = raml_rollout_updates(s);
    double round = (double)s->questions * (double)s->own->steps_per_generation;
    s->n_rounds = UINT64_MAX / updates;
    if (o->num_train_epochs > 0)
        s->n_rounds = (uint64_t)fmax(1, ceil(o->num_train_epochs * (double)s->order.n / round - 1e-9));
    if (o->max_steps && (uint64_t)o->max_steps % updates)
        return raml_fail(err, RAML_EUSAGE,
                         "max_steps is %" PRId64 "; expected a multiple of a round's %" PRIu64
                         " steps (steps_per_generation times num_iterations)",
                         o->max_steps, updates);
    if (o->max_steps && (uint64_t)o->max_steps / updates < s->n_rounds) s->n_rounds = (uint64_t)o->max_steps / updates;
    if (s->n_rounds < UINT64_MAX / updates) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE,
                     "token_budget alone does not say how many steps there will be; give max_steps or num_train_epochs "
                     "too, by which the learning rate falls");
}

/* A step's questions are dealt out evenly to the ranks; a best evaluation's checkpoint is made at once. */
static enum raml_code check_steps(const struct raml_rollout_source *s, struct raml_err *err)
{
    const struct raml_train_options *o = s->opt;
    uint64_t updates = raml_rollout_updates(s);
    if (s->questions % (size_t)s->comm->size)
        return raml_fail(err, RAML_EUSAGE, "a step has %zu questions; expected a multiple of the %d processes",
                         s->questions, s->comm->size);
    if (o->save_best && (uint64_t)o->eval_steps % updates)
        return raml_fail(err, RAML_EUSAGE,
                         "save_best with eval_steps %" PRId64 ": expected a multiple of a round's %" PRIu64
                         " steps, after which checkpoints are made",
                         o->eval_steps, updates);
    return RAML_OK;
}

static enum raml_code check_reference(const struct raml_rollout_source *s, struct raml_err *err)
{
    const struct raml_model *m = s->job->reference;
    if (!s->policy || !(s->policy->beta > 0)) return RAML_OK;
    if (!m)
        return raml_fail(err, RAML_EUSAGE, "beta is %g, but there is no reference model to measure KL to",
                         s->policy->beta);
    int have = raml_model_config(m)->vocab_size, want = raml_model_config(s->job->model)->vocab_size;
    if (have == want) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "the reference model's vocab_size is %d; expected %d, the trained model's", have,
                     want);
}

static void source_deinit(struct raml_rollout_source *s)
{
    raml_sampler_close(s->sampler);
    raml_sampler_close(s->examiner);
    raml_packs_deinit(&s->reference);
    raml_round_deinit(&s->round);
    raml_round_deinit(&s->exam);
    raml_step_deinit(&s->scored);
    raml_order_deinit(&s->order);
    free(s->map.row);
    free(s->map.answer);
}

/* A sampler's corrections are for rollouts of another distribution: here, of a temperature or of filters. */
static bool wants_corrections(const struct raml_rollout_source *s)
{
    const struct raml_rollout_options *o = s->own;
    bool other = o->temperature != 1 || o->top_k > 0 || o->top_p < 1 || o->min_p > 0;
    return s->policy && ((s->policy->correction != RAML_CORRECTION_NONE && other) || s->policy->drop_zero_advantage);
}

static bool wants_scores(const struct raml_rollout_source *s)
{
    const struct raml_policy_options *p = s->policy;
    if (!p) return false;
    return raml_rollout_updates(s) > 1 || wants_corrections(s) || p->ratio_against == RAML_AGAINST_SAMPLER ||
           p->opsm_delta > 0 || (p->beta > 0 && p->kl_in != RAML_KL_IN_LOSS);
}

/* What the reward needs to know of a sample. */
static enum raml_code open_reward(struct raml_rollout_source *s, struct raml_reward_options *exact,
                                  struct raml_err *err)
{
    raml_settings_default(raml_reward_settings, raml_n_reward_settings, exact);
    s->reward = s->rollouts->reward ? s->rollouts->reward : exact;
    enum raml_code rc = raml_settings_check(raml_reward_settings, raml_n_reward_settings, s->reward, err);
    if (!rc) rc = raml_reward_parse(s->reward->reward, &s->mix, err);
    if (rc) return rc;
    s->points = raml_reward_points(s->reward, &s->mix);
    bool curve = false;
    for (size_t i = 0; i < s->mix.n; i++) {
        s->wants_form |= s->mix.kind[i] == RAML_REWARD_PAPER;
        curve |= s->mix.kind[i] >= RAML_REWARD_LOGP;
    }
    if (s->policy && s->policy->advantage_baseline == RAML_BASELINE_TERMINATION)
        s->points |= RAML_REWARD_AT_END | RAML_REWARD_AT_TERMINATION;
    s->answers = s->policy && curve && s->reward->answer_coefficient != RAML_ANSWER_NONE;
    return RAML_OK;
}

static enum raml_code source_init(struct raml_rollout_source *s, struct raml_reward_options *exact,
                                  struct raml_err *err)
{
    const struct raml_train_job *job = s->job;
    const char *name = job->data_name ? job->data_name : "data";
    enum raml_code rc = open_reward(s, exact, err);
    if (!rc && s->policy) rc = raml_policy_check(s->policy, err);
    if (!rc) rc = check_steps(s, err);
    if (!rc) rc = raml_round_fork_check(s->own, s->policy, s->answers, err);
    if (!rc) rc = check_reference(s, err);
    if (!rc && !job->data->n) rc = raml_fail(err, RAML_ERANGE, "%s: nothing is trained on: no questions", name);
    if (!rc) rc = check_questions(s, job->data, name, err);
    uint64_t hash = s->data_hash;
    bool examines = job->validation && job->validation->n && s->opt->eval_steps;
    if (!rc && examines) rc = check_questions(s, job->validation, "validation", err);
    s->data_hash = hash;
    if (!rc) rc = raml_order_init(&s->order, s->opt->seed, job->data->n, name, err);
    if (!rc) rc = plan(s, err);
    if (!rc) rc = open_sampler(s, s->own->temperature, false, &s->sampler, err);
    if (!rc && examines) rc = open_sampler(s, s->own->eval_temperature, true, &s->examiner, err);
    s->scores = wants_scores(s);
    s->corrects = wants_corrections(s);
    if (job->sink) s->quiet = *job->sink;
    s->quiet.progress = NULL;
    if (s->comm->size > 1) s->quiet.stop = NULL; /* ranks stop together, after a step */
    s->undisturbed = s->quiet;
    s->undisturbed.stop = NULL; /* the line of a step that is evaluated is written with what was found */
    if (!rc && s->policy && s->policy->beta > 0)
        rc = raml_packs_init(&s->reference, s->job->reference, (size_t)s->opt->micro_batch_tokens, false, err);
    return rc;
}

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
    if (!rc) rc = source_init(s, &exact, err);
    json_t *settings = rc ? NULL : settings_json(s);
    if (!rc && !settings) rc = raml_fail(err, RAML_ENOMEM, "no memory for the settings");
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
        const struct raml_training training = {&source, objective, objective->name, settings};
        rc = raml_train_loop(s->job, &opt, &training, out, err);
    }
    json_decref(settings);
    source_deinit(s);
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

enum raml_code raml_train_grpo(const struct raml_train_job *job, const struct raml_train_options *opt,
                               const struct raml_rollout_job *rollouts, struct raml_train_result *out,
                               struct raml_err *err)
{
    struct raml_rollout_source s = source_of(job, opt, rollouts);
    s.policy = rollouts->policy;
    const struct raml_policy policy = {.options = s.policy, .comm = s.comm, .on_policy = !wants_scores(&s)};
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
