/* train_presets.c - optimizer and schedule as others have them by default; see train.h. */
#include "raml/train.h"

#include "core/nearest.h"

#include <string.h>

static const struct {
    const char *name, *settings;
} presets[] = {
    /* TRL's SFTConfig over transformers' TrainingArguments, July 2026. */
    {"trl-2026-07", "learning_rate=2e-5 lr_scheduler_type=linear min_lr_ratio=0 warmup_steps=0 warmup_ratio=0 "
                    "weight_decay=0 adam_beta1=0.9 adam_beta2=0.999 adam_epsilon=1e-8 max_grad_norm=1 batch_size=8"},
    /* Its DPOConfig. */
    {"trl-dpo-2026-07",
     "learning_rate=1e-6 lr_scheduler_type=linear min_lr_ratio=0 warmup_steps=0 warmup_ratio=0 "
     "weight_decay=0 adam_beta1=0.9 adam_beta2=0.999 adam_epsilon=1e-8 max_grad_norm=1 batch_size=8"},
    /* arXiv 2505.19815, appendix C: what it says of fine-tuning. */
    {"paper", "learning_rate=1e-5 batch_size=256 num_train_epochs=1"},
};

enum raml_code raml_train_preset(const char *name, struct raml_train_options *opt, struct raml_err *err)
{
    enum { N = sizeof presets / sizeof *presets };
    const char *known[N];
    for (size_t i = 0; i < N; i++) {
        known[i] = presets[i].name;
        if (!strcmp(name, presets[i].name))
            return raml_settings_apply(raml_train_settings, raml_n_train_settings, opt, presets[i].settings, err);
    }
    return raml_fail_unknown(err, "preset", name, known, N);
}

const char *raml_train_preset_name(size_t i)
{
    return i < sizeof presets / sizeof *presets ? presets[i].name : NULL;
}
