/* train_options.c - the trainer's settings: defaults and allowed values; see train.h. */
#include "raml/train.h"

#include <math.h>
#include <stddef.h>

struct raml_train_options raml_train_default(void)
{
    return (struct raml_train_options){
        .learning_rate = 1e-3,
        .lr_scheduler_type = RAML_DECAY_COSINE,
        .min_lr_ratio = 0.1,
        .warmup_ratio = 0.02,
        .weight_decay = 0.1,
        .adam_beta1 = 0.9,
        .adam_beta2 = 0.95,
        .adam_epsilon = 1e-8,
        .max_grad_norm = 1.0,
        .batch_size = 32,
        .micro_batch_tokens = 4096,
        .trajectories = 1,
        .logging_steps = 10,
    };
}

enum raml_code raml_train_check(const struct raml_train_options *o, struct raml_err *err)
{
    enum { N_REALS = 9 };
    const struct {
        const char *name;
        double value, low, high;
        const char *expected;
    } reals[N_REALS] = {
        {"learning_rate", o->learning_rate, 1e-30, 1e3, "a positive number up to 1000"},
        {"min_lr_ratio", o->min_lr_ratio, 0, 1, "0 to 1"},
        {"warmup_ratio", o->warmup_ratio, 0, 1, "0 to 1"},
        {"weight_decay", o->weight_decay, 0, 1e3, "0 to 1000"},
        {"adam_beta1", o->adam_beta1, 0, 1 - 1e-12, "0 or more and below 1"},
        {"adam_beta2", o->adam_beta2, 0, 1 - 1e-12, "0 or more and below 1"},
        {"adam_epsilon", o->adam_epsilon, 1e-30, 1, "a positive number up to 1"},
        {"max_grad_norm", o->max_grad_norm, 0, 1e30, "0 (off) or a positive number"},
        {"num_train_epochs", o->num_train_epochs, 0, 1e9, "0 (no limit) to 1e9"},
    };
    for (size_t i = 0; i < N_REALS; i++)
        if (!(reals[i].value >= reals[i].low && reals[i].value <= reals[i].high)) /* NaN is refused too */
            return raml_fail(err, RAML_EUSAGE, "%s is %g; expected %s", reals[i].name, reals[i].value,
                             reals[i].expected);
    if (o->batch_size < 1 || o->batch_size > 1u << 24)
        return raml_fail(err, RAML_EUSAGE, "batch_size is %zu; expected 1 to %u questions", o->batch_size, 1u << 24);
    if (o->micro_batch_tokens < 1 || o->micro_batch_tokens > 1u << 30)
        return raml_fail(err, RAML_EUSAGE, "micro_batch_tokens is %zu; expected 1 to %u", o->micro_batch_tokens,
                         1u << 30);
    if (o->trajectories > 1u << 20)
        return raml_fail(err, RAML_EUSAGE, "trajectories is %zu; expected 0 to %u", o->trajectories, 1u << 20);
    if (!o->max_steps && !(o->num_train_epochs > 0) && !o->token_budget)
        return raml_fail(err, RAML_EUSAGE,
                         "no length is set: give max_steps, num_train_epochs or token_budget (the first "
                         "reached ends training)");
    return RAML_OK;
}
