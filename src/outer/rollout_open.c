/* rollout_open.c - training on rollouts: what is checked and opened before the first step. See rollouts.h. */
#include "outer/rollout_source.h"

#include "core/file.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

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
                                      struct raml_question_list *list, struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(s->job->model)->max_positions;
    struct raml_tokens prompt = {0};
    list->question = calloc(qs->n ? qs->n : 1, sizeof *list->question);
    enum raml_code rc = list->question ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu questions", qs->n);
    for (size_t i = 0; i < qs->n && !rc; i++) {
        const struct raml_question *q = &qs->question[i];
        char of[RAML_QUESTION_NAME];
        prompt.n = 0;
        rc = raml_format_prompt(&s->job->format, s->job->tokenizer, q->question, &prompt, err);
        if (!rc && (!q->answer || !*q->answer))
            rc = raml_fail(err, RAML_ERANGE, "%s: %s has no answer; expected one to judge by", name,
                           raml_question_name(q, of));
        if (!rc && prompt.n >= context && s->own->skip_long) continue;
        if (!rc && prompt.n >= context)
            rc = raml_fail(err, RAML_ERANGE,
                           "%s: %s: its prompt of %zu tokens fills the model's context of %zu "
                           "(skip_long leaves such questions out)",
                           name, raml_question_name(q, of), prompt.n, context);
        if (rc) break;
        list->question[list->n++] = q;
        s->data_hash = raml_hash(prompt.id, prompt.n * sizeof *prompt.id, s->data_hash);
        s->data_hash = raml_hash(q->answer, strlen(q->answer) + 1, s->data_hash);
    }
    raml_tokens_deinit(&prompt);
    if (!rc && list->n < qs->n)
        raml_say(s->job->sink, "%s: %zu of %zu questions are left out: their prompts fill the model's context", name,
                 qs->n - list->n, qs->n);
    if (rc || list->n) return rc;
    return raml_fail(err, RAML_ERANGE, "%s: nothing is trained on: no questions", name);
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
                     "too (the learning rate follows them; the first limit that is reached ends training)");
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

void raml_rollout_close(struct raml_rollout_source *s)
{
    raml_sampler_close(s->sampler);
    raml_sampler_close(s->examiner);
    raml_packs_deinit(&s->reference);
    raml_round_deinit(&s->round);
    raml_round_deinit(&s->exam);
    raml_step_deinit(&s->scored);
    raml_order_deinit(&s->order);
    raml_row_map_deinit(&s->map);
    free(s->questions_of_data.question);
    free(s->questions_of_exam.question);
}

/* A sampler's corrections are for rollouts of another distribution: here, of a temperature or of filters. */
static bool samples_policy(const struct raml_rollout_options *o)
{
    return o->temperature == 1 && o->top_k == 0 && o->top_p >= 1 && o->min_p <= 0;
}

static bool wants_corrections(const struct raml_rollout_source *s)
{
    bool other = !samples_policy(s->own);
    return s->policy && ((s->policy->correction != RAML_CORRECTION_NONE && other) || s->policy->drop_zero_advantage);
}

bool raml_rollout_wants_scores(const struct raml_rollout_source *s)
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
    bool curve = false, derivative = false;
    for (size_t i = 0; i < s->mix.n; i++) {
        s->wants_form |= s->mix.kind[i] == RAML_REWARD_PAPER;
        curve |= s->mix.kind[i] >= RAML_REWARD_LOGP;
        derivative |= s->mix.kind[i] >= RAML_REWARD_LOGP && s->mix.kind[i] <= RAML_REWARD_RLPR;
    }
    if (s->policy && s->policy->advantage_baseline == RAML_BASELINE_TERMINATION)
        s->points |= RAML_REWARD_AT_END | RAML_REWARD_AT_TERMINATION;
    bool own = s->reward->answer_coefficient == RAML_ANSWER_OWN;
    s->answers = s->policy && (own ? derivative : curve && s->reward->answer_coefficient != RAML_ANSWER_NONE);
    return RAML_OK;
}

/* Settings of objective, rewards and rollouts that contradict each other. */
static enum raml_code check_policy(const struct raml_rollout_source *s, struct raml_err *err)
{
    const struct raml_policy_options *p = s->policy;
    if (!p) return RAML_OK;
    bool alone = p->advantage_baseline != RAML_BASELINE_NONE && p->advantage_baseline != RAML_BASELINE_TERMINATION &&
                 p->group_of_one != RAML_SINGLE_REWARD;
    if (s->own->num_generations == 1 && alone)
        return raml_fail(err, RAML_EUSAGE,
                         "num_generations is 1; expected at least 2: a sample alone has no other to be compared with "
                         "(advantage_baseline none, or group_of_one reward, does without)");
    if (p->advantage_per_component && s->mix.n < 2)
        return raml_fail(err, RAML_EUSAGE,
                         "advantage_per_component needs a reward of several components; found '%s', expected one such "
                         "as exact:1,length:0.5",
                         s->reward->reward);
    bool shaped = p->overlong_buffer > 0 || p->length_penalty > 0 || p->reward_bias != 0 || p->reward_scaling != 1 ||
                  p->reward_clip > 0 || (p->beta > 0 && p->kl_in != RAML_KL_IN_LOSS);
    if (p->advantage_per_component && shaped)
        return raml_fail(err, RAML_EUSAGE,
                         "advantage_per_component normalises each component of the reward by itself; expected no "
                         "overlong_buffer, length_penalty, reward_bias, reward_scaling, reward_clip, and kl_in loss, "
                         "which act on their sum (length is a component of its own)");
    if (p->overlong_buffer > (double)s->own->max_completion_length)
        return raml_fail(err, RAML_EUSAGE, "overlong_buffer is %g; expected at most max_completion_length, %" PRId64,
                         p->overlong_buffer, s->own->max_completion_length);
    return raml_policy_check(p, err);
}

enum raml_code raml_rollout_open(struct raml_rollout_source *s, struct raml_reward_options *exact, struct raml_err *err)
{
    const struct raml_train_job *job = s->job;
    const char *name = job->data_name ? job->data_name : "data";
    enum raml_code rc = open_reward(s, exact, err);
    if (!rc) rc = check_policy(s, err);
    if (!rc && s->distill) rc = raml_teacher_check(s, err);
    if (!rc) rc = check_steps(s, err);
    if (!rc) rc = raml_round_fork_check(s->own, s->policy, s->answers, err);
    if (!rc) rc = check_reference(s, err);
    if (!rc) rc = check_questions(s, job->data, name, &s->questions_of_data, err);
    if (!rc && s->distill) rc = raml_teacher_questions(s, name, err);
    uint64_t hash = s->data_hash;
    bool examines = job->validation && job->validation->n && s->opt->eval_steps;
    if (!rc && examines) rc = check_questions(s, job->validation, "validation", &s->questions_of_exam, err);
    s->data_hash = hash;
    if (!rc) rc = raml_order_init(&s->order, s->opt->seed, s->questions_of_data.n, name, err);
    if (!rc) rc = plan(s, err);
    if (!rc) rc = open_sampler(s, s->own->temperature, false, &s->sampler, err);
    if (!rc && examines) rc = open_sampler(s, s->own->eval_temperature, true, &s->examiner, err);
    s->scores = raml_rollout_wants_scores(s);
    s->corrects = wants_corrections(s);
    s->samples_policy = samples_policy(s->own);
    if (job->sink) s->quiet = *job->sink;
    s->quiet.progress = NULL;
    if (s->comm->size > 1) s->quiet.stop = NULL; /* ranks stop together, after a step */
    s->undisturbed = s->quiet;
    s->undisturbed.stop = NULL; /* the line of a step that is evaluated is written with what was found */
    bool start = s->distill && s->distill->teacher == RAML_TEACHER_START;
    if (!rc && (start || (s->policy && s->policy->beta > 0)))
        rc = raml_packs_init(&s->reference, s->job->reference, (size_t)s->opt->micro_batch_tokens, false, err);
    return rc;
}
