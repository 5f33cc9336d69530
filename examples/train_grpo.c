/* train_grpo.c - trains a model on its own samples, with settings by name.
 *
 * usage: train_grpo MODEL OUT [PRESET] [STEPS]
 * MODEL: a model's folder, or a run's; its samples of additions must sometimes be right. OUT: a new run folder.
 * PRESET: a method or a framework at a date, as `raml train grpo --preset` takes them; default dr_grpo.
 *
 * Settings are tables (setting.h): a program sets them as a recipe does, by name, and every active term of the objective
 * can be printed before anything is computed.
 */
#include <raml/device.h>
#include <raml/family.h>
#include <raml/modelfile.h>
#include <raml/rollouts.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct settings {
    struct raml_train_options train;
    struct raml_rollout_options rollouts;
    struct raml_policy_options policy;
};

static enum raml_code set(const struct raml_setting *table, size_t n, void *options, const char *name,
                          const char *value, struct raml_err *err)
{
    const struct raml_setting *row = raml_settings_find(table, n, name);
    if (!row) return raml_fail(err, RAML_EUSAGE, "there is no setting '%s'", name);
    return raml_settings_set(row, options, value, err);
}

static enum raml_code choose(struct settings *s, const char *preset, uint64_t steps, struct raml_err *err)
{
    s->train = raml_train_default();
    raml_settings_default(raml_rollout_settings, raml_n_rollout_settings, &s->rollouts);
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &s->policy);
    s->train.max_steps = (int64_t)steps;
    s->train.batch_size = 8;
    s->train.learning_rate = 2e-5;
    s->train.logging_steps = 1;
    s->rollouts.max_completion_length = 48;
    enum raml_code rc = raml_policy_preset(preset, &s->policy, err);
    if (!rc) rc = set(raml_policy_settings, raml_n_policy_settings, &s->policy, "entropy_coef", "0.001", err);
    if (!rc) rc = set(raml_policy_settings, raml_n_policy_settings, &s->policy, "beta", "0", err);
    return rc ? rc : raml_policy_check(&s->policy, err);
}

static void print_terms(const struct raml_policy_options *policy)
{
    struct raml_buf text;
    raml_buf_init(&text, 1 << 16);
    raml_policy_describe(policy, &text);
    if (text.data) fputs(text.data, stdout);
    raml_buf_deinit(&text);
}

static enum raml_code train(const char *from, const char *out, const struct settings *s,
                            struct raml_train_result *result, struct raml_err *err)
{
    const struct raml_make_options make = {.families = "add:2", .n = 500, .split = "train", .n_trajectories = 1};
    const struct raml_rollout_job rollouts = {.rollouts = &s->rollouts, .policy = &s->policy};
    struct raml_train_job job = {.format = raml_format_default(), .data_name = "additions"};
    struct raml_device *device = NULL;
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    struct raml_questions questions;
    char dir[4096];

    raml_questions_init(&questions);
    enum raml_code rc = raml_device_open(0, "auto", &device, err);
    if (!rc) rc = raml_make_questions(&questions, &make, err);
    if (!rc) rc = raml_run_newest(from, dir, sizeof dir, err);
    if (!rc) rc = raml_tokenizer_open(dir, &tokenizer, err);
    if (!rc) rc = raml_model_open(dir, RAML_F32, RAML_TRAINING, device, &model, err);
    if (!rc) rc = raml_run_open(out, 0, &job.run, &job.resume_step, err);
    job.model = model;
    job.tokenizer = tokenizer;
    job.data = &questions;
    if (!rc) rc = raml_train_grpo(&job, &s->train, &rollouts, result, err);

    raml_run_close(job.run);
    raml_model_close(model);
    raml_tokenizer_close(tokenizer);
    raml_questions_deinit(&questions);
    raml_device_close(device);
    return rc;
}

int main(int argc, char **argv)
{
    struct settings s;
    struct raml_train_result result;
    struct raml_err err = {0};
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: train_grpo MODEL OUT [PRESET] [STEPS]\n");
        return 2;
    }
    enum raml_code rc = choose(&s, argc > 3 ? argv[3] : "dr_grpo", argc > 4 ? strtoull(argv[4], NULL, 10) : 20, &err);
    if (!rc) print_terms(&s.policy);
    if (!rc) rc = train(argv[1], argv[2], &s, &result, &err);
    if (rc) {
        fprintf(stderr, "train_grpo: %s\n", err.msg);
        return 1;
    }
    printf("%s: %" PRIu64 " steps, %" PRIu64 " tokens, reward %.3f\n", argv[2], result.steps, result.tokens,
           result.reward);
    return 0;
}
