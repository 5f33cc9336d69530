/* train_grpo.c - raml train grpo: policy gradients on rollouts, GRPO and its kin. */
#include "cli/commands.h"
#include "cli/training.h"

#include "raml/rollouts.h"

#include <string.h>

struct settings {
    const char *preset;
    struct training_settings common;
    struct raml_train_options train;
    struct raml_rollout_options rollouts;
    struct raml_reward_options reward;
    struct raml_policy_options policy;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"preset", NULL, RAML_TEXT, AT(preset), NULL, 0, 0, NULL,
     "The objective as a framework has it at a date, as a method has it, or several joined by +, the last one winning; "
     "optimizer and schedule stay; settings that are given win."},
};
static const struct cli_shared shared[] = {
    {cli_training_options, &cli_n_training_options, AT(common), "options of the run", NULL},
    CLI_LORA_TABLE(AT(common)),
    {raml_rollout_settings, &raml_n_rollout_settings, AT(rollouts), "options of rollouts", NULL},
    {raml_reward_settings, &raml_n_reward_settings, AT(reward), "options of the reward", NULL},
    {raml_policy_settings, &raml_n_policy_settings, AT(policy), "options of the objective", NULL},
    {raml_train_settings, &raml_n_train_settings, AT(train), "options of training", "learning_rate=1e-5"},
};

static enum raml_code preset(const char *name, void *settings, struct raml_err *err)
{
    struct settings *s = settings;
    return raml_policy_preset(name, &s->policy, err);
}

static const char *preset_name(size_t i)
{
    struct raml_policy_preset p;
    return raml_policy_preset_at(i, &p) ? p.name : NULL;
}

/* The active terms, as lines of recipe.yaml and of the terminal. */
static enum raml_code add_terms(const struct settings *s, const struct cli *cli, struct raml_buf *notes,
                                struct raml_err *err)
{
    const struct raml_policy_options policy = raml_rollout_policy(&s->rollouts, &s->policy);
    struct raml_buf terms;
    raml_buf_init(&terms, 1 << 16);
    enum raml_code rc = raml_reward_describe(&s->reward, &terms, err);
    raml_policy_describe(&policy, &terms);
    if (s->rollouts.temperature != 1)
        raml_buf_addf(&terms, "temperature  %g when sampling; ratios are those of the policy at temperature 1\n",
                      s->rollouts.temperature);
    for (const char *line = terms.data; line && *line;) {
        size_t n = strcspn(line, "\n");
        raml_say(cli->sink, "%.*s", (int)n, line);
        raml_buf_addf(notes, "# %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    raml_buf_deinit(&terms);
    return rc ? rc : raml_buf_status(notes, err);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct training t;
    struct raml_buf notes;
    raml_buf_init(&notes, 1 << 16);
    enum raml_code rc = add_terms(s, cli, &notes, err);
    if (rc) {
        raml_buf_deinit(&notes);
        return rc;
    }
    const struct training_wants wants = {.trajectories = 1,
                                         .reference = s->policy.beta > 0,
                                         .notes = notes.data,
                                         .think_budget = s->rollouts.think_budget,
                                         .command = &cli_train_grpo,
                                         .all = settings};
    rc = cli_training_open(&t, cli, &s->common, &s->train, &wants, err);
    if (!rc) {
        const struct raml_rollout_job rollouts = {
            .rollouts = &s->rollouts, .policy = &s->policy, .reward = &s->reward, .eos = t.eos, .n_eos = t.n_eos};
        rc = raml_train_grpo(&t.job, &t.options, &rollouts, &t.result, err);
    }
    raml_buf_deinit(&notes);
    return cli_training_close(&t, rc, err);
}

const struct cli_command cli_train_grpo = {
    .name = "train grpo",
    .about = "policy gradients on the model's own samples: GRPO and its kin",
    .args = "[FILE.jsonl...]",
    .detail =
        "Each round samples num_generations completions of batch_size questions, rewards them, and takes one or "
        "more optimizer steps on them. Sampling and training share weights and engine, and a question's prompt is "
        "computed once. Every rollout is kept in rollouts.jsonl; a run that was killed continues with --resume as "
        "if nothing had happened. recipes/ has a file a method (start.yaml makes the model `start` of the example), "
        "docs/objectives.md the losses and presets.",
    .example = "raml train grpo --model start --families add:2 --num_questions 2000 --max_completion_length 48 "
               "--learning_rate 2e-5 --max_steps 20 --out run-grpo",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .preset = preset,
    .preset_name = preset_name,
    .run = run,
};
