/* shapes.c - see shapes.h. */
#include "fuzz/shapes.h"

#include "fuzz/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct raml_config fuzz_shape(int i)
{
    static const char *const types[FUZZ_SHAPES] = {"qwen2", "qwen3", "llama", "llama", "qwen2"};
    struct raml_config c = {.vocab_size = 8,
                            .hidden_size = 8,
                            .intermediate_size = 8,
                            .n_layers = 1,
                            .n_heads = 2,
                            .n_kv_heads = 1,
                            .head_dim = 4,
                            .max_positions = 64,
                            .rms_norm_eps = 1e-6,
                            .rope_theta = 10000,
                            .tied = i == 0,
                            .bos_token = 1,
                            .eos_token = 2};
    snprintf(c.model_type, sizeof c.model_type, "%s", types[i]);
    c.qkv_bias = !strcmp(types[i], "qwen2");
    c.qk_norm = !strcmp(types[i], "qwen3");
    if (i == 3) {
        c.rope = RAML_ROPE_LLAMA3;
        c.rope_factor = 8;
        c.rope_low_freq = 1;
        c.rope_high_freq = 4;
        c.rope_original_positions = 32;
    }
    if (i == 4) {
        c.rope = RAML_ROPE_YARN;
        c.rope_factor = 4;
        c.rope_beta_fast = 32;
        c.rope_beta_slow = 1;
        c.rope_attention = 1.25;
        c.rope_original_positions = 16;
    }
    return c;
}

void fuzz_same_shape(const struct raml_config *a, const struct raml_config *b)
{
#define PAIR(field)                                                                                                    \
    {                                                                                                                  \
#field, (double)a->field, (double)b->field                                                                     \
    }
    const struct {
        const char *name;
        double a, b;
    } pair[] = {
        PAIR(vocab_size),
        PAIR(hidden_size),
        PAIR(intermediate_size),
        PAIR(n_layers),
        PAIR(n_heads),
        PAIR(n_kv_heads),
        PAIR(head_dim),
        PAIR(max_positions),
        PAIR(rms_norm_eps),
        PAIR(rope_theta),
        PAIR(tied),
        PAIR(qkv_bias),
        PAIR(o_bias),
        PAIR(qk_norm),
        PAIR(rope),
        PAIR(rope_factor),
        PAIR(rope_low_freq),
        PAIR(rope_high_freq),
        PAIR(rope_beta_fast),
        PAIR(rope_beta_slow),
        PAIR(rope_attention),
        PAIR(rope_original_positions),
        PAIR(bos_token),
        PAIR(eos_token),
        PAIR(n_more_eos),
    };
#undef PAIR
    FUZZ_CHECK(!strcmp(a->model_type, b->model_type), "model_type is %s and %s", a->model_type, b->model_type);
    for (size_t i = 0; i < FUZZ_COUNT(pair); i++)
        FUZZ_CHECK(pair[i].a == pair[i].b, "%s is %.17g and %.17g", pair[i].name, pair[i].a, pair[i].b);
    for (int i = 0; i < a->n_more_eos; i++)
        FUZZ_CHECK(a->more_eos[i] == b->more_eos[i], "more_eos[%d] is %d and %d", i, a->more_eos[i], b->more_eos[i]);
}

void fuzz_write_folder(const struct raml_config *c, const char *dir)
{
    struct raml_param *p = NULL;
    struct raml_err err = {0};
    size_t n = 0, total = raml_config_params(c);
    char path[1024];
    snprintf(path, sizeof path, "%s/config.json", dir);
    FUZZ_MUST(raml_config_write(c, path, &err), &err);
    FUZZ_MUST(raml_config_table(c, &p, &n, &err), &err);
    struct raml_tensor_view *view = calloc(n, sizeof *view);
    float *weight = malloc(total * sizeof *weight);
    FUZZ_CHECK(view && weight, "no memory for %zu weights", total);
    for (size_t i = 0; i < total; i++) weight[i] = (float)(i % 7) / 8 - 0.375f;
    for (size_t i = 0; i < n; i++) {
        view[i] = (struct raml_tensor_view){.name = p[i].name,
                                            .dtype = RAML_F32,
                                            .n_dims = p[i].n_dims,
                                            .shape = {p[i].shape[0], p[i].shape[1]},
                                            .n = p[i].n,
                                            .data = weight + p[i].offset};
    }
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    FUZZ_MUST(raml_safetensors_write(path, view, n, NULL, &err), &err);
    free(weight);
    free(view);
    free(p);
}
