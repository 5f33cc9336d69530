/* targets.c - see target.h. */
#include "fuzz/target.h"

const struct fuzz_target *const fuzz_targets[] = {
    &raml_fuzz_safetensors, &raml_fuzz_gguf,        &raml_fuzz_tokenizer, &raml_fuzz_config,  &raml_fuzz_jinja,
    &raml_fuzz_recipe,      &raml_fuzz_samples,     &raml_fuzz_questions, &raml_fuzz_answers, &raml_fuzz_journal,
    &raml_fuzz_lora,        &raml_fuzz_completions, &raml_fuzz_study,
};
const size_t fuzz_n_targets = sizeof fuzz_targets / sizeof *fuzz_targets;
