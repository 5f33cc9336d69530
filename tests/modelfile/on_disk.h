/* on_disk.h - the golden models as files, and when two configurations are the same. Include after core/scratch.h. */
#ifndef RAML_TESTS_ON_DISK_H
#define RAML_TESTS_ON_DISK_H

#include "raml/modelfile.h"

static const char *const names[] = {"qwen2-tied", "qwen2-untied", "qwen3", "llama", "llama3-scaled"};

static inline void need_golden(void)
{
    if (raml_is_dir(RAML_SHARED "/golden")) return;
    fprintf(stderr, "\n*** %s/golden is absent: models on disk were NOT checked ***\n\n", RAML_SHARED);
    skip();
}

static inline const char *golden(const char *name, const char *file, char out[4200])
{
    snprintf(out, 4200, "%s/golden/%s%s%s", RAML_SHARED, name, file ? "/" : "", file ? file : "");
    return out;
}

static inline struct raml_model_file *open_file(const char *path)
{
    struct raml_err err = {0};
    struct raml_model_file *f = NULL;
    must(raml_model_file_open(path, &f, &err), &err);
    return f;
}

static inline void same_config(const char *what, const struct raml_config *a, const struct raml_config *b)
{
#define PAIR(field)                                                                                                    \
    {                                                                                                                  \
#field, (double)a->field, (double)b->field                                                                     \
    }
    const struct {
        const char *name;
        double a, b;
        /* clang-format off */
    } pair[] = {
        PAIR(vocab_size), PAIR(hidden_size), PAIR(intermediate_size), PAIR(n_layers), PAIR(n_heads),
        PAIR(n_kv_heads), PAIR(head_dim), PAIR(max_positions), PAIR(rms_norm_eps), PAIR(rope_theta),
        PAIR(tied), PAIR(qkv_bias), PAIR(o_bias), PAIR(qk_norm), PAIR(rope), PAIR(rope_factor),
        PAIR(rope_low_freq), PAIR(rope_high_freq), PAIR(rope_beta_fast), PAIR(rope_beta_slow),
        PAIR(rope_attention), PAIR(rope_original_positions), PAIR(bos_token), PAIR(eos_token), PAIR(norms), PAIR(gate),
        PAIR(norm_plus_one), PAIR(embedding_scale), PAIR(attention_scale), PAIR(residual_scale), PAIR(logit_divisor),
        PAIR(window), PAIR(window_theta),
    };
    /* clang-format on */
#undef PAIR
    assert_string_equal(a->model_type, b->model_type);
    assert_memory_equal(&a->windowed, &b->windowed, sizeof a->windowed);
    assert_memory_equal(&a->unturned, &b->unturned, sizeof a->unturned);
    for (size_t i = 0; i < COUNT(pair); i++)
        if (pair[i].a != pair[i].b) fail_msg("%s: %s is %.17g and %.17g", what, pair[i].name, pair[i].a, pair[i].b);
}

#endif
