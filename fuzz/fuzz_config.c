/* fuzz_config.c - config.json of a model: what is read holds what raml_config_check asks for, and comes back from a
 * file written of it. The same bytes are read as generation_config.json, which only adds tokens that end a text. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/shapes.h"
#include "fuzz/target.h"
#include "raml/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TABLE_LAYERS = 2000 };

static void generation(const struct raml_config *c, const char *path)
{
    struct raml_config more = *c;
    struct raml_err err = {0};
    enum raml_code rc = raml_config_read_generation(path, &more, &err);
    if (rc) fuzz_refused(rc, &err);
    FUZZ_CHECK(more.n_more_eos >= 0 && (size_t)more.n_more_eos <= FUZZ_COUNT(more.more_eos), "%d more ends",
               more.n_more_eos);
    if (!rc) FUZZ_MUST(raml_config_check(&more, &err), &err);
}

static void table(const struct raml_config *c)
{
    struct raml_param *p = NULL;
    struct raml_err err = {0};
    size_t n = 0, sum = 0;
    FUZZ_CHECK(raml_config_train_flops(c, 1) > 0, "no work to train");
    if (c->n_layers > MAX_TABLE_LAYERS) return;
    enum raml_code rc = raml_config_table(c, &p, &n, &err);
    if (rc) {
        fuzz_refused(rc, &err);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        FUZZ_CHECK(p[i].offset == sum, "'%s' begins at %zu, expected %zu", p[i].name, p[i].offset, sum);
        sum += p[i].n;
    }
    FUZZ_CHECK(sum == raml_config_params(c), "%zu parameters, %zu in the table", raml_config_params(c), sum);
    free(p);
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH], again[FUZZ_PATH];
    struct raml_config c, back;
    struct raml_err err = {0};
    memset(&c, 0, sizeof c);
    enum raml_code rc = raml_config_read(fuzz_file("config.json", data, size, path), &c, &err);
    if (rc) {
        struct raml_config small = fuzz_shape(0);
        fuzz_refused(rc, &err);
        generation(&small, path);
        return FUZZ_REFUSED;
    }
    FUZZ_MUST(raml_config_check(&c, &err), &err);
    generation(&c, path);
    table(&c);
    FUZZ_MUST(raml_config_write(&c, fuzz_path("again.json", again), &err), &err);
    FUZZ_MUST(raml_config_read(again, &back, &err), &err);
    fuzz_same_shape(&c, &back);
    return FUZZ_READ;
}

static const char llama[] =
    "{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"vocab_size\":128256,\"hidden_size\":2048,"
    "\"intermediate_size\":8192,\"num_hidden_layers\":16,\"num_attention_heads\":32,\"num_key_value_heads\":8,"
    "\"head_dim\":64,\"max_position_embeddings\":131072,\"rms_norm_eps\":1e-05,\"rope_theta\":500000.0,\"rope_"
    "scaling\":"
    "{\"factor\":32.0,\"high_freq_factor\":4.0,\"low_freq_factor\":1.0,\"original_max_position_embeddings\":8192,"
    "\"rope_type\":\"llama3\"},\"tie_word_embeddings\":true,\"bos_token_id\":128000,\"eos_token_id\":[128001,128008,"
    "128009],"
    "\"hidden_act\":\"silu\",\"attention_bias\":false,\"mlp_bias\":false,\"torch_dtype\":\"bfloat16\"}\n";
static const char qwen[] =
    "{\n  \"model_type\": \"qwen3\",\n  \"vocab_size\": 151936,\n  \"hidden_size\": 1024,\n  \"intermediate_size\": "
    "3072,\n"
    "  \"num_hidden_layers\": 28,\n  \"num_attention_heads\": 16,\n  \"num_key_value_heads\": 8,\n  \"head_dim\": "
    "128,\n"
    "  \"max_position_embeddings\": 40960,\n  \"rms_norm_eps\": 1e-06,\n  \"rope_theta\": 1000000,\n  "
    "\"rope_scaling\": null,\n"
    "  \"use_sliding_window\": false,\n  \"sliding_window\": null,\n  \"tie_word_embeddings\": true,\n"
    "  \"bos_token_id\": 151643,\n  \"eos_token_id\": 151645\n}\n";
static const char yarn[] =
    "{\"model_type\":\"qwen2\",\"vocab_size\":152064,\"hidden_size\":3584,\"intermediate_size\":18944,"
    "\"num_hidden_layers\":28,\"num_attention_heads\":28,\"num_key_value_heads\":4,\"max_position_embeddings\":131072,"
    "\"rms_norm_eps\":1e-06,\"rope_theta\":1000000.0,\"tie_word_embeddings\":false,\"rope_scaling\":{\"type\":\"yarn\","
    "\"factor\":4.0,\"original_max_position_embeddings\":32768,\"beta_fast\":32,\"beta_slow\":1}}";

static void seeds(struct fuzz_corpus *c)
{
    static const char *const presets[] = {"micro", "gpt2", "qwen2.5-0.5b"};
    struct raml_err err = {0};
    char path[FUZZ_PATH], name[32];
    fuzz_seed_text(c, "llama3", llama);
    fuzz_seed_text(c, "qwen3", qwen);
    fuzz_seed_text(c, "yarn", yarn);
    fuzz_path("seed.json", path);
    for (size_t i = 0; i < FUZZ_COUNT(presets); i++) {
        struct raml_config preset;
        FUZZ_MUST(raml_config_preset(presets[i], &preset, &err), &err);
        FUZZ_MUST(raml_config_write(&preset, path, &err), &err);
        snprintf(name, sizeof name, "preset-%zu", i);
        fuzz_seed_file(c, name, path);
    }
    for (int i = 0; i < FUZZ_SHAPES; i++) {
        struct raml_config shape = fuzz_shape(i);
        FUZZ_MUST(raml_config_write_as(&shape, RAML_BF16, path, &err), &err);
        snprintf(name, sizeof name, "shape-%d", i);
        fuzz_seed_file(c, name, path);
    }
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", ",", ":", "null", "true", "false", "\"model_type\":\"llama\",", "\"model_type\":\"mistral\",",
    "\"qwen2\"", "\"qwen3\"", "\"gpt2\"", "\"vocab_size\":", "\"hidden_size\":", "\"intermediate_size\":",
    "\"num_hidden_layers\":", "\"num_attention_heads\":", "\"num_key_value_heads\":", "\"head_dim\":",
    "\"max_position_embeddings\":", "\"rms_norm_eps\":", "\"rope_theta\":",
    "\"rope_scaling\":{\"rope_type\":\"linear\"},", "\"rope_type\":\"yarn\"", "\"type\":\"dynamic\"", "\"factor\":",
    "\"low_freq_factor\":", "\"high_freq_factor\":", "\"original_max_position_embeddings\":", "\"attention_factor\":",
    "\"beta_fast\":", "\"beta_slow\":", "\"mscale\":", "\"tie_word_embeddings\":", "\"attention_bias\":true,",
    "\"mlp_bias\":true,", "\"eos_token_id\":[1,2,3,4,5,6,7,8,9],", "\"bos_token_id\":", "\"sliding_window\":4096,",
    "\"use_sliding_window\":true,", "\"layer_types\":[\"full_attention\"],", "\"hidden_act\":\"gelu\",",
    "\"quantization_config\":{},", "\"rope_parameters\":{\"rope_theta\":1e4},", "\"partial_rotary_factor\":0.5,",
    "\"torch_dtype\":\"float32\",", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_config = {
    .name = "config",
    .about = "config.json and generation_config.json of a model",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 14,
};
