/* train_dpo.c - raml train dpo: preference training on right and wrong trajectories. */
#include "cli/commands.h"
#include "cli/training.h"

#include "raml/preference.h"

struct settings {
    const char *preset;
    struct training_settings common;
    struct raml_train_options train;
    struct raml_preference_options preference;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"preset", NULL, RAML_TEXT, AT(preset), NULL, 0, 0, NULL,
     "Optimizer, schedule and batch as a framework or paper has them, or several joined by +, the last one winning; "
     "settings that are given win."},
};
static const struct cli_shared shared[] = {
    {cli_training_options, &cli_n_training_options, AT(common), "options of the run", NULL},
    CLI_LORA_TABLE(AT(common)),
    {raml_preference_settings, &raml_n_preference_settings, AT(preference), "options of the objective", NULL},
    {raml_train_settings, &raml_n_train_settings, AT(train), "options of training", "learning_rate=1e-5"},
};

static enum raml_code preset(const char *name, void *settings, struct raml_err *err)
{
    struct settings *s = settings;
    return raml_train_preset(name, &s->train, err);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    const struct training_wants wants = {
        .trajectories = 1, .reference = true, .command = &cli_train_dpo, .all = settings};
    struct training t;
    enum raml_code rc = cli_training_open(&t, cli, &s->common, &s->train, &wants, err);
    if (!rc) rc = raml_train_dpo(&t.job, &t.options, &s->preference, &t.result, err);
    return cli_training_close(&t, rc, err);
}

const struct cli_command cli_train_dpo = {
    .name = "train dpo",
    .about = "preference training on pairs of a right and a wrong trajectory",
    .args = "[FILE.jsonl...]",
    .detail =
        "Pairs come from questions that have right and wrong trajectories, as raml sample leaves them, or from files "
        "with chosen and rejected. A pair is one token tree: its prompt is computed once. The reference is the model "
        "that training starts from. recipes/dpo.yaml says how start and pairs.jsonl of the example are made.",
    .example = "raml train dpo --model start --data pairs.jsonl --learning_rate 1e-5 --out run-dpo",
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
