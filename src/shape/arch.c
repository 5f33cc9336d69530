/* arch.c - see arch.h. Settings and defaults: configuration_*.py and modeling_*.py of transformers 5.24; names in GGUF:
 * gguf-py/gguf/constants.py of llama.cpp. */
#include "shape/arch.h"

#include <stdio.h>
#include <string.h>

static const struct raml_arch table[] = {
    {.type = "qwen2",
     .model_class = "Qwen2ForCausalLM",
     .gguf = "qwen2",
     .qkv_bias = true,
     .windows = RAML_WINDOWS_UPPER,
     .period = 28},
    {.type = "qwen3",
     .model_class = "Qwen3ForCausalLM",
     .gguf = "qwen3",
     .qk_norm = RAML_QK_NORM_HEADS,
     .windows = RAML_WINDOWS_UPPER,
     .period = 28,
     .head_dim = 128},
    {.type = "llama", .model_class = "LlamaForCausalLM", .gguf = "llama", .permuted = true, .divisors = true},
    {.type = "mistral",
     .model_class = "MistralForCausalLM",
     .gguf = "llama",
     .permuted = true,
     .divisors = true,
     .windows = RAML_WINDOWS_ALL},
    {.type = "smollm3",
     .model_class = "SmolLM3ForCausalLM",
     .gguf = "smollm3",
     .permuted = true,
     .windows = RAML_WINDOWS_NO_ROPE,
     .period = 4,
     .kv_heads = 4,
     .theta = 2e6,
     .tied = true,
     .pad = true},
    {.type = "olmo2",
     .model_class = "Olmo2ForCausalLM",
     .gguf = "olmo2",
     .qk_norm = RAML_QK_NORM_WHOLE,
     .norms = RAML_NORMS_AFTER,
     .eps = 1e-5,
     .theta = 5e5},
    {.type = "olmo3",
     .model_class = "Olmo3ForCausalLM",
     .gguf = "olmo2",
     .qk_norm = RAML_QK_NORM_WHOLE,
     .norms = RAML_NORMS_AFTER,
     .windows = RAML_WINDOWS_MOST,
     .period = 4,
     .window_base = true,
     .eps = 1e-5,
     .theta = 5e5},
    {.type = "granite",
     .model_class = "GraniteForCausalLM",
     .gguf = "granite",
     .permuted = true,
     .divisors = true,
     .multipliers = true},
    {.type = "gemma3_text",
     .model_class = "Gemma3ForCausalLM",
     .gguf = "gemma3",
     .qk_norm = RAML_QK_NORM_HEADS,
     .norms = RAML_NORMS_BOTH,
     .gate = RAML_GATE_GELU,
     .norm_plus_one = true,
     .windows = RAML_WINDOWS_MOST,
     .period = 6,
     .window_base = true,
     .kv_heads = 4,
     .head_dim = 256,
     .theta = 1e6,
     .window_theta = 1e4,
     .tied = true},
};
enum { N = sizeof table / sizeof *table };

const struct raml_arch *raml_arch_at(size_t i)
{
    return i < N ? &table[i] : NULL;
}

const struct raml_arch *raml_arch_gguf(const char *name, size_t n)
{
    for (size_t i = 0; i < N; i++)
        if (strlen(table[i].gguf) == n && !memcmp(table[i].gguf, name, n)) return &table[i];
    return NULL;
}

const struct raml_arch *raml_arch_find(const char *type)
{
    for (size_t i = 0; i < N; i++)
        if (!strcmp(type, table[i].type)) return &table[i];
    return NULL;
}

const char *raml_arch_names(bool gguf, char out[RAML_ARCH_NAMES])
{
    const char *last = "";
    size_t at = 0;
    for (size_t i = 0; i < N; i++) {
        const char *name = gguf ? table[i].gguf : table[i].type;
        if (strcmp(name, last) != 0)
            at += (size_t)snprintf(out + at, RAML_ARCH_NAMES - at, "%s%s", i ? ", " : "", name);
        last = name;
    }
    return out;
}

const char *raml_arch_reason(const char *type)
{
    static const struct {
        const char *part, *reason; /* "x": the whole name; "x*": how it begins; "*x": a part of it */
    } out[] = {
        {"*moe", "a mixture of experts"},
        {"mixtral", "a mixture of experts"},
        {"dbrx", "a mixture of experts"},
        {"*deepseek", "a mixture of experts with latent attention"},
        {"*gpt_oss", "a mixture of experts"},
        {"gpt-oss", "a mixture of experts"},
        {"llama4*", "a mixture of experts"},
        {"minimax*", "a mixture of experts"},
        {"kimi*", "a mixture of experts with latent attention"},
        {"dots1", "a mixture of experts"},
        {"*qwen3_next", "a model with recurrent layers"},
        {"*qwen3next", "a model with recurrent layers"},
        {"*qwen3_5", "a model with recurrent layers"},
        {"*mamba", "a model with recurrent (state-space) layers"},
        {"*jamba", "a model with recurrent (state-space) layers"},
        {"*bamba", "a model with recurrent (state-space) layers"},
        {"*zamba", "a model with recurrent (state-space) layers"},
        {"*rwkv", "a recurrent model"},
        {"*recurrent", "a model with recurrent layers"},
        {"*hybrid", "a model with recurrent (state-space) layers"},
        {"nemotron_h*", "a model with recurrent (state-space) layers"},
        {"xlstm", "a recurrent model"},
        {"*falcon_h1", "a model with recurrent (state-space) layers"},
        {"falcon-h1", "a model with recurrent (state-space) layers"},
        {"*lfm2", "a model with convolutions"},
        {"gemma", "an older Gemma; gemma3_text is the one that is supported"},
        {"gemma2", "a model with softcapped scores and logits"},
        {"gemma3", "a model with vision parts; its text model alone (gemma3_text) is supported"},
        {"*gemma3n", "a model with per-layer embeddings"},
        {"*gemma4", "a model with per-layer embeddings"},
        {"*_vl", "a model with vision parts"},
        {"*vlm", "a model with vision parts"},
        {"*vision", "a model with vision parts"},
        {"llava*", "a model with vision parts"},
        {"mllama", "a model with vision parts"},
        {"mistral3", "a model with vision parts"},
        {"phi3*", "a model with q, k and v in one matrix"},
        {"phi*", "a model with LayerNorm"},
        {"gpt2", "a model with LayerNorm"},
        {"gpt_neox*", "a model with LayerNorm"},
        {"gptneox", "a model with LayerNorm"},
        {"gptj", "a model with LayerNorm"},
        {"falcon", "a model with LayerNorm"},
        {"bloom", "a model with LayerNorm"},
        {"mpt", "a model with LayerNorm"},
        {"opt", "a model with LayerNorm"},
        {"olmo", "a model with LayerNorm"},
        {"cohere*", "a model with LayerNorm"},
        {"command-r", "a model with LayerNorm"},
        {"starcoder*", "a model with LayerNorm"},
        {"stablelm*", "a model with LayerNorm"},
        {"nemotron", "a model with LayerNorm"},
        {"*t5", "no decoder-only model"},
        {"*bert", "no decoder-only model"},
    };
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        const char *part = out[i].part;
        size_t n = strlen(part);
        if (*part == '*' ? strstr(type, part + 1) != NULL : !strcmp(type, part)) return out[i].reason;
        if (part[n - 1] == '*' && !strncmp(type, part, n - 1)) return out[i].reason;
    }
    return NULL;
}

void raml_arch_set(const struct raml_arch *a, struct raml_config *c)
{
    snprintf(c->model_type, sizeof c->model_type, "%s", a->type);
    c->qkv_bias = a->qkv_bias;
    c->qk_norm = a->qk_norm;
    c->norms = a->norms;
    c->gate = a->gate;
    c->norm_plus_one = a->norm_plus_one;
}

void raml_arch_windows(int period, struct raml_config *c)
{
    for (int i = 0; i < c->n_layers && i < RAML_MAX_LAYERS; i++)
        if ((i + 1) % period) raml_layer_put(&c->windowed, i);
}

void raml_arch_settle(struct raml_config *c)
{
    bool windowed = raml_layers_in(&c->windowed) > 0;
    if (!strcmp(c->model_type, "mistral") && !windowed) snprintf(c->model_type, sizeof c->model_type, "llama");
    if (!windowed) c->window = 0;
    if (!windowed || (c->rope == RAML_ROPE_PLAIN && c->window_theta == c->rope_theta)) c->window_theta = 0;
}
