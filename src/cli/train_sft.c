/* train_sft.c - raml train sft: supervised fine-tuning on questions and their trajectories. */
#include "cli/commands.h"
#include "cli/training.h"

#include <string.h>

struct settings {
    const char *preset, *objective;
    struct training_settings common;
    struct raml_train_options train;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"preset", NULL, RAML_TEXT, AT(preset), NULL, 0, 0, NULL,
     "Optimizer, schedule and batch as a framework or paper has them, or several joined by +, the last one winning; "
     "settings that are given win."},
    {"objective", "loss_type", RAML_ONE, AT(objective), "sft", 0, 0, "sft|dft",
     "sft: -log p of every token. dft: the same times p, held constant (dynamic fine-tuning)."},
};
static const struct cli_shared shared[] = {
    {cli_training_options, &cli_n_training_options, AT(common), "options of the run", NULL},
    CLI_LORA_TABLE(AT(common)),
    {raml_support_settings, &raml_n_support_settings, AT(train), "options of the support set", NULL},
    {raml_multi_step_settings, &raml_n_multi_step_settings, AT(train), "options of the multi-step loss", NULL},
    {raml_train_settings, &raml_n_train_settings, AT(train), "options of training", NULL},
};

static enum raml_code preset(const char *name, void *settings, struct raml_err *err)
{
    struct settings *s = settings;
    return raml_train_preset(name, &s->train, err);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    const struct raml_objective dft = raml_dft_objective();
    int64_t wanted = s->train.support_size ? s->train.support_size : s->train.trajectories;
    const struct training_wants wants = {.trajectories = (size_t)wanted, .command = &cli_train_sft, .all = settings};
    struct training t;
    enum raml_code rc = cli_training_open(&t, cli, &s->common, &s->train, &wants, err);
    if (!rc && !strcmp(s->objective, "dft")) t.job.objective = &dft;
    if (!rc) rc = raml_train_sft(&t.job, &t.options, &t.result, err);
    return cli_training_close(&t, rc, err);
}

const struct cli_command cli_train_sft = {
    .name = "train sft",
    .about = "supervised fine-tuning on questions and their trajectories",
    .args = "[FILE.jsonl...]",
    .detail = "Each question is one token tree: its prompt, computed once, and its trajectories after it. The loss is "
              "the mean over all trained tokens of a step, whatever the micro-batches. A run that was killed continues "
              "with --resume as if nothing had happened.",
    .example = "raml train sft --model init:micro --families add:2-3 --num_questions 500 --max_steps 50 --out run-sft",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .preset = preset,
    .preset_name = raml_train_preset_name,
    .run = run,
};
