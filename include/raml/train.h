/* train.h - supervised fine-tuning, one optimizer step after another, over trees of questions and their trajectories.
 *
 * What is minimised may be an objective of one's own (struct raml_objective), over the same tokens.
 *
 * A question is one token tree: its prompt, computed once, and `trajectories` spans after it, each ending in an answer
 * (row.h says which tokens are trained). A step takes batch_size questions, counts what all of them train on, and only
 * then runs backward: the gradient is that of one mean over the step's tokens, however it is split into micro-batches.
 *
 * Order   questions come in a stream: epoch after epoch, each in its own random order. Which trajectories of a
 *         question are trained on is selected once per epoch. Both are pure functions of the seed (rng.h): nothing but
 *         the step's number is needed to resume.
 * Repeats a question always counts as `trajectories` rows (docs/methods.md). With more available, that many are
 * selected
 *         without repetition; with fewer, all are taken equally often and the remainder is selected at random. A repeat
 *         adds to the weight of its tokens in the loss; it is not computed again, and not counted in `tokens`.
 * Steps   loss_steps N > 1: the answer's loss is trained on after N cuts of a trajectory, not only after all of it (multi-step
 *         loss, meta.h, docs/multi-step.md). Their weights share out what the answer's tokens weigh, so the loss's
 *         denominator is the same; they move to the last one over the annealing, after which training is as without.
 * Length  training ends with the first of max_steps, num_train_epochs and token_budget that is reached; how many steps
 *         there are is known before the first one, so schedules are exact.
 * Files   run.h's folder. metrics.jsonl and checkpoints hold nothing that depends on time: a run that was killed at any
 *         moment and resumed leaves the same bytes as one that was not (same machine, build and thread count).
 *         checkpoint-N/ is the model's folder (config.json, model.safetensors, tokenizer.json) with
 *         optimizer.safetensors (exp_avg.NAME and exp_avg_sq.NAME for each tensor) and trainer_state.json.
 */
#ifndef RAML_TRAIN_H
#define RAML_TRAIN_H

#include "raml/err.h"
#include "raml/comm.h"
#include "raml/format.h"
#include "raml/model.h"
#include "raml/objective.h"
#include "raml/question.h"
#include "raml/run.h"
#include "raml/setting.h"
#include "raml/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

enum raml_optimizer { RAML_OPTIMIZER_ADAMW, RAML_OPTIMIZER_SGD };
enum raml_decay { RAML_DECAY_COSINE, RAML_DECAY_LINEAR, RAML_DECAY_CONSTANT };
struct raml_train_options { /* defaults and ranges: raml_train_settings, src/outer/train_options.c */
    /* What a step is made of. */
    int64_t batch_size;         /* questions */
    int64_t micro_batch_tokens; /* maximum rows of a pack; a larger tree is a pack of its own */
    int64_t trajectories;       /* rows per question; 0: only the answer, without reasoning */
    int64_t support_size;       /* at most this many trajectories of a question (its first) are used; 0: all */
    bool keep_wrong;            /* trajectories graded wrong are trained on too */
    bool skip_long;             /* trajectories too long for the model are left out, and counted, instead of an error */
    /* Multi-step loss (raml_train_sft). */
    int64_t loss_steps;        /* cuts of a trajectory, the last one its end; 0, 1: none but that */
    int64_t loss_anneal_steps; /* steps over which the weights go from equal ones to the last alone; 0: by ratio */
    double loss_anneal_ratio;  /* the same as a share of all steps */
    /* Length; 0: no such limit. At least one is needed. */
    int64_t max_steps;
    double num_train_epochs;
    int64_t token_budget; /* tokens the model reads, prompts included; the step that reaches it is the last */
    /* The optimizer's step. */
    int optimizer;         /* enum raml_optimizer */
    double learning_rate;  /* peak */
    int lr_scheduler_type; /* enum raml_decay */
    double min_lr_ratio;   /* the decay's end, as a share of the peak */
    int64_t warmup_steps;
    double warmup_ratio; /* used when warmup_steps is 0: this share of all steps, rounded up */
    double weight_decay, adam_beta1, adam_beta2, adam_epsilon;
    double max_grad_norm; /* 0: no clipping */
    /* What is logged and kept. */
    int64_t logging_steps, save_steps; /* every n steps; 0: never (saving: only at the end) */
    int64_t save_total_limit;          /* newest checkpoints that are kept; 0: all */
    bool save_best;                    /* a checkpoint of every best evaluation, kept whatever save_total_limit says */
    bool eval_on_start;                /* the validation set before the first step too: a line of metrics of step 0 */
    int64_t eval_steps;                /* every n steps; 0: never */
    int64_t eval_questions;            /* at most this many of the validation set */

    uint64_t seed; /* no row of the table: one seed serves everything in a program */
};
extern const struct raml_setting raml_train_settings[]; /* every field but the seed and those of the next tables */
extern const size_t raml_n_train_settings;
extern const struct raml_setting raml_support_settings[]; /* which trajectories of a question are trained on */
extern const size_t raml_n_support_settings;
extern const struct raml_setting raml_multi_step_settings[];
extern const size_t raml_n_multi_step_settings;
/* The table's defaults, which set no length, and seed 0. */
struct raml_train_options raml_train_default(void);
/* Optimizer, schedule and batch as a framework or paper has them at a date: "trl-2026-07", "trl-dpo-2026-07", "paper";
 * the rest stays. RAML_EUSAGE: unknown; the message names the nearest, or all. */
RAML_CHECKED enum raml_code raml_train_preset(const char *name, struct raml_train_options *opt, struct raml_err *err);
const char *raml_train_preset_name(size_t i); /* NULL: there are fewer */
/* RAML_EUSAGE names the setting, its value and the allowed ones, or says that no length is set. */
RAML_CHECKED enum raml_code raml_train_check(const struct raml_train_options *opt, struct raml_err *err);

struct raml_train_job {       /* all borrowed */
    struct raml_model *model; /* trained in place; with resume_step: as opened from that checkpoint. The format's stop,
                               * where it is one token, becomes one that ends a text in its configuration. */
    const struct raml_tokenizer *tokenizer;
    struct raml_format format;
    const struct raml_tokenizer_config
        *tokenizer_config; /* goes into checkpoints, with what the format adds; NULL: none */
    const char *data_name; /* in messages: "train.jsonl" */
    const struct raml_questions *data;
    const struct raml_questions *validation; /* NULL: none */
    struct raml_run *run;                    /* NULL on ranks other than 0, which write nothing */
    uint64_t resume_step;                    /* as raml_run_open gave it */
    const struct raml_objective *objective; /* what is minimised, and what eval_loss is; NULL: supervised fine-tuning */
    const struct raml_sink *sink;
    uint64_t reference_hash;            /* names the reference: a run is resumed with the same one; 0: not known */
    const struct raml_model *reference; /* what KL and preferences are measured against; NULL: none */
    const struct raml_comm *comm;       /* the processes that train together; NULL: one alone */
};
struct raml_train_result {
    uint64_t n_steps, steps;         /* planned; taken, including those before a resume */
    uint64_t tokens, trained_tokens; /* read and trained on, including those before a resume */
    double loss, eval_loss;          /* last logged ones; NaN: none */
    double reward, eval_accuracy;    /* likewise, where there are rollouts or pairs */
    uint64_t best_step;              /* of the best evaluation; 0: none */
    double seconds;                  /* of this call */
    size_t parameters;
};

/* Trains. *out (may be NULL) is filled as far as training got, on failure too.
 * Before the first step: RAML_ERANGE when a row is longer than the model's context (names question and line), the
 * tokenizer has ids that the model lacks, or nothing is trained on; RAML_EUSAGE when an objective has no name or no
 * function, or a resumed run's settings, objective or data are not those it was started with. While training:
 * RAML_ERANGE when a loss or gradient is not finite (names the step; the last checkpoint stays); the device's error
 * when it fails (the last checkpoint stays); RAML_ESTOP when the sink asks to stop, after a checkpoint of the step just
 * done. */
RAML_CHECKED enum raml_code raml_train_sft(const struct raml_train_job *job, const struct raml_train_options *opt,
                                           struct raml_train_result *out, struct raml_err *err);

/* Preference training (preference.h): of a question that has right and wrong trajectories, pairs of one each, against
 * the reference model. batch_size counts pairs. Errors as above, and RAML_EUSAGE: no reference; RAML_ERANGE: no pair. */
struct raml_preference_options;
RAML_CHECKED enum raml_code raml_train_dpo(const struct raml_train_job *job, const struct raml_train_options *opt,
                                           const struct raml_preference_options *preference,
                                           struct raml_train_result *out, struct raml_err *err);

/* Meta-learning (meta.h, docs/meta.md): tasks of questions' trajectories, or of families' questions. batch_size counts
 * tasks. The query's loss is the mean over all query tokens of a step, an inner step's that over its own tokens; both are
 * known before any pass. `tokens` counts everything that is read, each inner step again, and so does token_budget. With no
 * inner step fomaml, maml and anil are supervised fine-tuning, bit for bit. Errors as above, and RAML_EUSAGE: reptile
 * without inner steps, eval_adapted without validation tasks that can be split; RAML_ESUPPORT: second order in bf16, whose
 * rounding swallows the differences. */
struct raml_meta_options;
RAML_CHECKED enum raml_code raml_train_meta(const struct raml_train_job *job, const struct raml_train_options *opt,
                                            const struct raml_meta_options *meta, struct raml_train_result *out,
                                            struct raml_err *err);

#pragma GCC visibility pop
#endif
