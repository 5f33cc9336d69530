/* train_rft.c - raml train rft: expert iteration, supervised fine-tuning on the model's own right samples. */
#include "cli/commands.h"
#include "cli/training.h"

#include "raml/rollouts.h"

struct settings {
    struct training_settings common;
    struct raml_train_options train;
    struct raml_rollout_options rollouts;
};

#define AT(field) offsetof(struct settings, field)
static const struct cli_shared shared[] = {
    {cli_training_options, &cli_n_training_options, AT(common), "options of the run", NULL},
    CLI_LORA_TABLE(AT(common)),
    {raml_rollout_settings, &raml_n_rollout_settings, AT(rollouts), "options of rollouts", NULL},
    {raml_train_settings, &raml_n_train_settings, AT(train), "options of training", "learning_rate=1e-5"},
};

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    const struct training_wants wants = {
        .trajectories = 1, .think_budget = s->rollouts.think_budget, .command = &cli_train_rft, .all = settings};
    struct training t;
    enum raml_code rc = cli_training_open(&t, cli, &s->common, &s->train, &wants, err);
    if (!rc) {
        const struct raml_rollout_job rollouts = {.rollouts = &s->rollouts, .eos = t.eos, .n_eos = t.n_eos};
        rc = raml_train_rft(&t.job, &t.options, &rollouts, &t.result, err);
    }
    return cli_training_close(&t, rc, err);
}

const struct cli_command cli_train_rft = {
    .name = "train rft",
    .about = "expert iteration: supervised fine-tuning on the model's own right samples",
    .args = "[FILE.jsonl...]",
    .detail =
        "Each round samples num_generations completions of batch_size questions and trains on those that are "
        "right, each text once. To train on samples that are already in a file, use train sft, which leaves wrong "
        "ones out. recipes/start.yaml makes the model `start` of the example.",
    .example = "raml train rft --model start --families add:2 --num_questions 2000 --max_completion_length 48 "
               "--learning_rate 2e-5 --max_steps 20 --out run-rft",
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .run = run,
};
