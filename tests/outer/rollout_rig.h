/* rollout_rig.h - a tiny model that gives some right answers, and trainings on its own samples, for tests. */
#ifndef RAML_TESTS_OUTER_ROLLOUT_RIG_H
#define RAML_TESTS_OUTER_ROLLOUT_RIG_H

#include "core/json.h"
#include "raml/distill.h"
#include "raml/rollouts.h"

#include "outer/trainer.h"

enum { LENGTH = 14, WARM_STEPS = 45 };

/* A sink that asks to stop from the n-th time that it is asked on; 0: never. */
struct asked {
    size_t times, stop_at;
};

static inline bool when_asked(void *user)
{
    struct asked *a = user;
    a->times++;
    return a->stop_at && a->times >= a->stop_at;
}

struct grpo {
    struct raml_train_options train;
    struct raml_rollout_options rollouts;
    struct raml_policy_options policy;
    struct raml_reward_options reward;
};

static inline struct grpo grpo(int64_t steps)
{
    struct grpo g = {.train = options(steps)};
    g.train.logging_steps = 1;
    g.train.learning_rate = 1e-3;
    raml_settings_default(raml_rollout_settings, raml_n_rollout_settings, &g.rollouts);
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &g.policy);
    raml_settings_default(raml_reward_settings, raml_n_reward_settings, &g.reward);
    g.rollouts.num_generations = 4;
    g.rollouts.max_completion_length = LENGTH;
    g.rollouts.record_tokens = true;
    return g;
}

static inline void set_policy(struct grpo *g, const char *settings)
{
    struct raml_err err = {0};
    CHECK_OK(raml_settings_apply(raml_policy_settings, raml_n_policy_settings, &g->policy, settings, &err));
}

/* What a training starts from: the built-in solvers' texts, not quite learnt. In root/warm. */
static inline void warm_up(struct bench *b)
{
    char path[PATH_CAP + 64];
    struct raml_train_options o = options(WARM_STEPS);
    snprintf(path, sizeof path, "%s/warm", b->root);
    o.batch_size = 10;
    o.trajectories = o.support_size = 1;
    if (!raml_is_dir(path)) CHECK_DONE(go(b, "warm", &o, NULL, 0, false, 0));
}

struct call { /* everything else of a training; zeros: as usual */
    bool resume, rft, sft, no_reference;
    const struct raml_distill_options *distill; /* not NULL: distillation */
    enum raml_dtype dtype;
    struct asked *asked;
    const struct raml_questions *data;
    const struct raml_comm *comm;
    uint64_t reference_hash;
    const char *format;       /* by name; NULL: the built-in one */
    struct raml_model *model; /* instead of one from the newest checkpoint, or the warm one */
};

static inline void open_start(struct bench *b, const char *name, uint64_t step, enum raml_dtype dtype,
                              enum raml_use use, struct raml_model **model)
{
    struct raml_err err = {0};
    char dir[PATH_CAP + 128];
    if (step) snprintf(dir, sizeof dir, "%s/%s/checkpoint-%" PRIu64, b->root, name, step);
    else snprintf(dir, sizeof dir, "%s/warm/checkpoint-%d", b->root, WARM_STEPS);
    CHECK_OK(raml_model_open(dir, dtype, use, b->dev, model, &err));
}

/* Trains into root/name. */
static inline struct outcome go_rollouts(struct bench *b, const char *name, const struct grpo *g,
                                         const struct call *call)
{
    struct outcome out = {0};
    struct raml_err err = {0};
    struct raml_run *run = NULL;
    struct raml_model *reference = NULL;
    uint64_t step = 0;
    char dir[PATH_CAP + 64];
    struct asked never = {0};
    struct raml_sink sink = {.stop = when_asked, .user = call->asked ? call->asked : &never};
    snprintf(dir, sizeof dir, "%s/%s", b->root, name);
    if (!call->comm || call->comm->rank == 0) CHECK_OK(raml_run_open(dir, call->resume, &run, &step, &err));
    struct raml_model *model = call->model;
    if (!model) {
        raml_model_close(b->model);
        b->model = NULL;
        open_start(b, name, step, call->dtype, RAML_TRAINING, &b->model);
        model = b->model;
    }
    bool start = call->distill && call->distill->teacher == RAML_TEACHER_START;
    if ((start || g->policy.beta > 0) && !call->no_reference)
        open_start(b, name, 0, call->dtype, RAML_INFERENCE, &reference);
    static const int32_t eos[] = {256};
    struct raml_format format = raml_format_default();
    if (call->format) CHECK_OK(raml_format_named(call->format, b->tokenizer, &format, &err));
    if (call->format) format.system = format.instruction = NULL; /* prompts are to fit the tiny context */
    /* clang-format off */
    struct raml_train_job job = {.model = model, .tokenizer = b->tokenizer, .format = format,
                                 .data_name = "made.jsonl", .data = call->data ? call->data : &b->data, .run = run,
                                 .resume_step = step, .sink = &sink, .validation = &b->data, .reference = reference, .reference_hash = call->reference_hash,
                                 .objective = b->objective, .comm = call->comm};
    const struct raml_rollout_job rollouts = {.rollouts = &g->rollouts, .policy = &g->policy, .reward = &g->reward,
                                              .eos = eos, .n_eos = COUNT(eos)};
    /* clang-format on */
    if (b->fail_at) far_fail_at(b->dev, b->fail_at);
    if (call->sft) out.rc = raml_train_sft(&job, &g->train, &out.result, &out.err);
    else if (call->distill)
        out.rc = raml_train_distill(&job, &g->train, &rollouts, call->distill, &out.result, &out.err);
    else out.rc = (call->rft ? raml_train_rft : raml_train_grpo)(&job, &g->train, &rollouts, &out.result, &out.err);
    if (b->fail_at) {
        out.n_ops = far_operations(b->dev);
        far_fail_at(b->dev, 0);
    }
    raml_model_close(reference);
    raml_run_close(run);
    return out;
}

/* -- What a run wrote ---------------------------------------------------------------------------------------------- */

/* The lines of root/run/file as an array; json_decref it. */
static inline json_t *read_lines(const struct bench *b, const char *run, const char *file)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%s", run, file);
    struct raml_buf text = slurp(b, name);
    json_t *all = json_array();
    for (char *line = text.data, *end; line && *line; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        json_t *o = json_loadb(line, (size_t)(end - line), 0, NULL);
        assert_non_null(o);
        assert_int_equal(json_array_append_new(all, o), 0);
    }
    raml_buf_deinit(&text);
    return all;
}

static inline double number(const json_t *o, const char *key)
{
    const json_t *x = json_object_get(o, key);
    if (!json_is_number(x)) print_error("there is no number '%s'\n", key);
    assert_true(json_is_number(x));
    return json_number_value(x);
}

static inline bool flag(const json_t *o, const char *key)
{
    assert_true(json_is_boolean(json_object_get(o, key)));
    return json_is_true(json_object_get(o, key));
}

#endif
