/* train_distill.c - raml train distill: self-distillation with a hint. */
#include "cli/commands.h"
#include "cli/training.h"

#include "raml/distill.h"

struct settings {
    struct training_settings common;
    struct raml_train_options train;
    struct raml_rollout_options rollouts;
    struct raml_distill_options distill;
};

#define AT(field) offsetof(struct settings, field)
static const struct cli_shared shared[] = {
    {cli_training_options, &cli_n_training_options, AT(common), "options of the run", NULL},
    CLI_LORA_TABLE(AT(common)),
    {raml_distill_settings, &raml_n_distill_settings, AT(distill), "options of distillation", NULL},
    {raml_rollout_settings, &raml_n_rollout_settings, AT(rollouts), "options of rollouts", NULL},
    {raml_train_settings, &raml_n_train_settings, AT(train), "options of training", "learning_rate=1e-5"},
};

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    const struct training_wants wants = {.trajectories = 1,
                                         .reference = s->distill.teacher == RAML_TEACHER_START,
                                         .think_budget = s->rollouts.think_budget,
                                         .command = &cli_train_distill,
                                         .all = settings};
    struct training t;
    enum raml_code rc = cli_training_open(&t, cli, &s->common, &s->train, &wants, err);
    if (!rc) {
        const struct raml_rollout_job rollouts = {.rollouts = &s->rollouts, .eos = t.eos, .n_eos = t.n_eos};
        rc = raml_train_distill(&t.job, &t.options, &rollouts, &s->distill, &t.result, err);
    }
    return cli_training_close(&t, rc, err);
}

const struct cli_command cli_train_distill = {
    .name = "train distill",
    .about = "self-distillation: the model, shown the solution, teaches itself without",
    .args = "[FILE.jsonl...]",
    .detail =
        "Each round samples num_generations completions of batch_size questions. A teacher, the same model after the "
        "question with a hint, reads them, and each token is made likelier or less likely as the teacher finds it: the "
        "gradient of the reverse KL from student to teacher. It teaches what the model can do with a hint; "
        "docs/distill.md "
        "makes a model that can. recipes/start.yaml makes the model `start` of the example.",
    .example = "raml train distill --model start --families add:2 --num_questions 2000 --max_completion_length 48 "
               "--hint answer --hint_format '{question} {hint}' --max_steps 20 --out run-distill",
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .run = run,
};
