/* train_options.c - the trainer's settings, a row each; see train.h. */
#include "raml/train.h"

#define AT(field) offsetof(struct raml_train_options, field)
const struct raml_setting raml_support_settings[] = {
    {"trajectories", "num_trajectories", RAML_INT, AT(trajectories), "1", 0, 1 << 20, NULL,
     "Trajectories per question in a step, repeated if it has fewer; 0 trains only on the answer."},
    {"support_size", NULL, RAML_INT, AT(support_size), "0", 0, 1 << 20, NULL,
     "Use only the first n trajectories of a question; 0: all."},
    {"keep_wrong", NULL, RAML_FLAG, AT(keep_wrong), NULL, 0, 0, NULL, "Also train on trajectories graded wrong."},
    {"skip_long", NULL, RAML_FLAG, AT(skip_long), NULL, 0, 0, NULL,
     "Skip trajectories that are longer than the model's context; without it they are an error."},
};
const size_t raml_n_support_settings = sizeof raml_support_settings / sizeof *raml_support_settings;

const struct raml_setting raml_multi_step_settings[] = {
    {"loss_steps", NULL, RAML_INT, AT(loss_steps), "0", 0, 16, NULL,
     "Train on the answer after n evenly spaced cuts of a trajectory, its end the last (multi-step loss); 0: after its "
     "end "
     "alone."},
    {"loss_anneal_steps", NULL, RAML_INT, AT(loss_anneal_steps), "0", 0, 1e15, NULL,
     "Steps over which the cuts' weights go from equal ones to the last alone; 0: by ratio."},
    {"loss_anneal_ratio", NULL, RAML_REAL, AT(loss_anneal_ratio), "0.5", 0, 1e9, NULL,
     "The same as a share of all steps; above 1 they do not get there."},
};
const size_t raml_n_multi_step_settings = sizeof raml_multi_step_settings / sizeof *raml_multi_step_settings;

const struct raml_setting raml_train_settings[] = {
    {"max_steps", NULL, RAML_INT, AT(max_steps), "0", 0, 1e15, NULL, "Optimizer steps; 0: no limit."},
    {"num_train_epochs", "epochs", RAML_REAL, AT(num_train_epochs), "0", 0, 1e9, NULL,
     "Passes over the questions; 0: no limit (1 when no length is set at all)."},
    {"token_budget", NULL, RAML_INT, AT(token_budget), "0", 0, 1e15, NULL,
     "Tokens to read, prompts included; 0: no limit."},
    {"batch_size", "per_device_train_batch_size", RAML_INT, AT(batch_size), "32", 1, 1 << 24, NULL,
     "Questions (dpo: pairs; reptile, fomaml, maml, anil: tasks) per optimizer step."},
    {"micro_batch_tokens", NULL, RAML_INT, AT(micro_batch_tokens), "4096", 1, 1 << 30, NULL,
     "Tokens per pass, into which a step is split. Bounds memory, not results (in bf16: except for rounding)."},
    {"optimizer", "optim", RAML_WORD, AT(optimizer), "adamw", 0, 0, "adamw|sgd",
     "adamw, or sgd: learning_rate times the clipped gradient, without moments."},
    {"learning_rate", "lr", RAML_REAL, AT(learning_rate), "1e-3", 1e-30, 1e3, NULL, "Peak learning rate."},
    {"lr_scheduler_type", NULL, RAML_WORD, AT(lr_scheduler_type), "cosine", 0, 0, "cosine|linear|constant",
     "How the rate falls after the warm-up."},
    {"min_lr_ratio", NULL, RAML_REAL, AT(min_lr_ratio), "0.1", 0, 1, NULL,
     "Learning rate at the end, as a share of the peak."},
    {"warmup_steps", NULL, RAML_INT, AT(warmup_steps), "0", 0, 1e15, NULL, "Steps of linear warm-up; 0: by ratio."},
    {"warmup_ratio", NULL, RAML_REAL, AT(warmup_ratio), "0.02", 0, 1, NULL, "Share of the steps used for warm-up."},
    {"weight_decay", NULL, RAML_REAL, AT(weight_decay), "0.1", 0, 1e3, NULL,
     "Decoupled weight decay; none on norms, biases and embeddings."},
    {"adam_beta1", NULL, RAML_REAL, AT(adam_beta1), "0.9", 0, 0.999999, NULL, "AdamW's first-moment decay."},
    {"adam_beta2", NULL, RAML_REAL, AT(adam_beta2), "0.95", 0, 0.999999, NULL, "AdamW's second-moment decay."},
    {"adam_epsilon", NULL, RAML_REAL, AT(adam_epsilon), "1e-8", 1e-30, 1, NULL, "AdamW's epsilon."},
    {"max_grad_norm", NULL, RAML_REAL, AT(max_grad_norm), "1", 0, 1e30, NULL, "Clip the gradient's norm; 0: never."},
    {"logging_steps", NULL, RAML_INT, AT(logging_steps), "10", 0, 1e15, NULL, "A line of metrics every n steps."},
    {"save_steps", NULL, RAML_INT, AT(save_steps), "0", 0, 1e15, NULL,
     "A checkpoint every n steps; 0: only at the end."},
    {"save_total_limit", NULL, RAML_INT, AT(save_total_limit), "0", 0, 1e9, NULL,
     "Newest checkpoints to keep; 0: all."},
    {"save_best", NULL, RAML_FLAG, AT(save_best), NULL, 0, 0, NULL,
     "Also a checkpoint of every best evaluation, kept whatever save_total_limit says."},
    {"eval_steps", NULL, RAML_INT, AT(eval_steps), "0", 0, 1e15, NULL,
     "Evaluate on the validation set every n steps: its loss, or, of rollouts and pairs, the share that is right; 0: "
     "never."},
    {"eval_on_start", NULL, RAML_FLAG, AT(eval_on_start), NULL, 0, 0, NULL,
     "With eval_steps, also before the first step."},
    {"eval_questions", NULL, RAML_INT, AT(eval_questions), "256", 1, 1e9, NULL,
     "Questions of the validation set to use."},
};
const size_t raml_n_train_settings = sizeof raml_train_settings / sizeof *raml_train_settings;

struct raml_train_options raml_train_default(void)
{
    struct raml_train_options o = {.seed = 0};
    raml_settings_default(raml_support_settings, raml_n_support_settings, &o);
    raml_settings_default(raml_multi_step_settings, raml_n_multi_step_settings, &o);
    raml_settings_default(raml_train_settings, raml_n_train_settings, &o);
    return o;
}

enum raml_code raml_train_check(const struct raml_train_options *o, struct raml_err *err)
{
    enum raml_code rc = raml_settings_check(raml_support_settings, raml_n_support_settings, o, err);
    if (!rc) rc = raml_settings_check(raml_multi_step_settings, raml_n_multi_step_settings, o, err);
    if (!rc) rc = raml_settings_check(raml_train_settings, raml_n_train_settings, o, err);
    if (rc || o->max_steps || o->num_train_epochs > 0 || o->token_budget) return rc;
    return raml_fail(err, RAML_EUSAGE,
                     "no length is set: give max_steps, num_train_epochs or token_budget (the first reached ends "
                     "training)");
}
