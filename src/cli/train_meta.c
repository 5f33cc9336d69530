/* train_meta.c - raml train reptile, fomaml, maml, anil: meta-learning over tasks of questions. */
#include "cli/commands.h"
#include "cli/training.h"

#include "raml/meta.h"

#include <string.h>

struct settings {
    struct training_settings common;
    struct raml_train_options train;
    struct raml_meta_options meta;
};

#define AT(field) offsetof(struct settings, field)
#define SHARED(defaults)                                                                                               \
    {cli_training_options, &cli_n_training_options, AT(common), "options of the run", NULL},                           \
        CLI_LORA_TABLE(AT(common)),                                                                                    \
        {raml_meta_settings, &raml_n_meta_settings, AT(meta), "options of tasks and inner steps", NULL},               \
        {raml_support_settings, &raml_n_support_settings, AT(train), "options of the support set", "trajectories=2"},  \
    {                                                                                                                  \
        raml_train_settings, &raml_n_train_settings, AT(train), "options of training", defaults                        \
    }
#define QUERY                                                                                                          \
    {                                                                                                                  \
        raml_query_settings, &raml_n_query_settings, AT(meta), "options of the query", NULL                            \
    }
#define SECOND_ORDER                                                                                                   \
    {                                                                                                                  \
        raml_second_order_settings, &raml_n_second_order_settings, AT(meta), "options of the second order", NULL       \
    }

static const struct cli_shared reptile_shared[] = {
    SHARED("optimizer=sgd learning_rate=0.5 weight_decay=0 max_grad_norm=0"),
};
static const struct cli_shared fomaml_shared[] = {SHARED(NULL), QUERY};
static const struct cli_shared maml_shared[] = {SHARED(NULL), QUERY, SECOND_ORDER};
static const struct cli_shared anil_shared[] = {
    SHARED(NULL),
    QUERY,
    {raml_anil_settings, &raml_n_anil_settings, AT(meta), "options of what is adapted", NULL},
    SECOND_ORDER,
};

static enum raml_code run(const struct cli *cli, const struct cli_command *command, const struct settings *given,
                          enum raml_meta_method method, bool some, struct raml_err *err)
{
    struct settings s = *given;
    int64_t wanted = s.train.support_size ? s.train.support_size : s.train.trajectories;
    const struct training_wants wants = {.trajectories = (size_t)wanted, .command = command, .all = given};
    struct training t;
    s.meta.method = method;
    s.meta.some = some;
    bool second_order = method == RAML_META_MAML && !s.meta.first_order && s.meta.inner_steps;
    if (second_order && !strcmp(s.common.dtype, "auto")) s.common.dtype = "f32"; /* the only one that can */
    enum raml_code rc = cli_training_open(&t, cli, &s.common, &s.train, &wants, err);
    if (!rc) rc = raml_train_meta(&t.job, &t.options, &s.meta, &t.result, err);
    return cli_training_close(&t, rc, err);
}

static enum raml_code run_reptile(const struct cli *cli, const void *settings, struct raml_err *err)
{
    return run(cli, &cli_train_reptile, settings, RAML_META_REPTILE, false, err);
}

static enum raml_code run_fomaml(const struct cli *cli, const void *settings, struct raml_err *err)
{
    return run(cli, &cli_train_fomaml, settings, RAML_META_FOMAML, false, err);
}

static enum raml_code run_maml(const struct cli *cli, const void *settings, struct raml_err *err)
{
    return run(cli, &cli_train_maml, settings, RAML_META_MAML, false, err);
}

static enum raml_code run_anil(const struct cli *cli, const void *settings, struct raml_err *err)
{
    return run(cli, &cli_train_anil, settings, RAML_META_MAML, true, err);
}

#define TASKS                                                                                                          \
    "A task is a question whose trajectories are split into support and query, or several questions of a family. "

const struct cli_command cli_train_reptile = {
    .name = "train reptile",
    .about = "meta-learning: move towards where a task's gradient steps lead",
    .args = "[FILE.jsonl...]",
    .detail = "A task is a question with its trajectories, or several questions of a family. From the weights, "
              "inner_steps lead to the task's own; the outer step goes learning_rate of the way to the mean of these. "
              "recipes/start.yaml makes the model `start` of the example.",
    .example = "raml train reptile --model start --families add:2-3 --num_questions 200 --task family --inner_steps 4 "
               "--inner_batch_size 2 --batch_size 4 --max_steps 20 --out run-reptile",
    .shared = reptile_shared,
    .n_shared = sizeof reptile_shared / sizeof *reptile_shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .run = run_reptile,
};

const struct cli_command cli_train_fomaml = {
    .name = "train fomaml",
    .about = "meta-learning: the query's gradient after a task's gradient steps, first order",
    .args = "[FILE.jsonl...]",
    .detail =
        TASKS "inner_steps adapt the weights to the support; the query's gradient there is the outer step's. With "
              "inner_steps 0 this is train sft, bit for bit. recipes/start.yaml makes the model `start` of the "
              "example.",
    .example =
        "raml train fomaml --model start --families add:2-3,mul --num_questions 200 --task family --inner_steps 2 "
        "--batch_size 4 --learning_rate 1e-4 --max_steps 20 --out run-fomaml",
    .shared = fomaml_shared,
    .n_shared = sizeof fomaml_shared / sizeof *fomaml_shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .run = run_fomaml,
};

const struct cli_command cli_train_maml = {
    .name = "train maml",
    .about = "meta-learning: the query's gradient through a task's gradient steps",
    .args = "[FILE.jsonl...]",
    .detail = TASKS "The gradient of the query's loss after inner_steps on the support is taken by the weights before "
                    "them. The second order comes from differences of gradients, in f32: two more gradients for each "
                    "inner step. recipes/start.yaml makes the model `start` of the example.",
    .example = "raml train maml --model start --families add:2-3 --num_questions 200 --task family --inner_steps 1 "
               "--batch_size 4 --learning_rate 1e-4 --max_steps 10 --out run-maml",
    .shared = maml_shared,
    .n_shared = sizeof maml_shared / sizeof *maml_shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .run = run_maml,
};

const struct cli_command cli_train_anil = {
    .name = "train anil",
    .about = "meta-learning: as maml, with inner steps of the last layers alone",
    .args = "[FILE.jsonl...]",
    .detail =
        TASKS "Inner steps change the last adapted_layers, the final norm and the head; the outer step changes all "
              "weights. A head that is the embedding stays: it would change the features of every layer. "
              "recipes/start.yaml makes the model `start` of the example.",
    .example = "raml train anil --model start --families add:2-3 --num_questions 200 --task family --inner_steps 2 "
               "--first_order --batch_size 4 --learning_rate 1e-4 --max_steps 10 --out run-anil",
    .shared = anil_shared,
    .n_shared = sizeof anil_shared / sizeof *anil_shared,
    .settings_size = sizeof(struct settings),
    .ranks = true,
    .run = run_anil,
};
