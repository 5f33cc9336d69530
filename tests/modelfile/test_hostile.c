/* Configurations that lie: config.json and GGUF hyper-parameters, each wrong in one thing. Every one has its own
 * message; then every field gets every strange value in turn, which must not crash and must not be accepted. */
#include "core/scratch.h"

#include "modelfile/gguf_edit.h"
#include "modelfile/on_disk.h"

#include "core/json.h"

#include <math.h>

/* Opens what is there and, where that works, reads a row of everything. */
static enum raml_code try_open(const char *path, struct raml_err *err)
{
    struct raml_model_file *f = NULL;
    enum raml_code rc = raml_model_file_open(path, &f, err);
    assert_true((rc == RAML_OK) == (f != NULL));
    for (size_t i = 0; f && i < raml_model_file_count(f); i++) {
        const struct raml_file_tensor *s = raml_model_file_at(f, i);
        float *x = malloc(s->n * sizeof *x);
        uint16_t *h = malloc(s->n * sizeof *h);
        assert_true(x && h && s->n < 1 << 20);
        must(raml_file_tensor_f32(s, 0, s->shape[0], x, err), err);
        must(raml_file_tensor_bf16(s, 0, s->shape[0], h, err), err);
        raml_file_tensor_release(s);
        free(x);
        free(h);
    }
    if (f) must(raml_config_check(raml_model_file_config(f), err), err);
    raml_model_file_close(f);
    return rc;
}

/* No two faults of a table have the same message. */
static void note(char (*seen)[200], size_t i, const char *msg)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(seen[k], msg)) fail_msg("%zu and %zu have the same message: %s", k, i, msg);
    snprintf(seen[i], sizeof seen[i], "%s", msg);
}

/* -- config.json --------------------------------------------------------------------------------------------------- */
static void copy_weights(const char *dir, const char *model)
{
    char path[4200];
    size_t n = 0;
    char *bytes = slurp(golden(model, "model.safetensors", path), &n);
    assert_non_null(bytes);
    spill(in(dir, "model.safetensors", path), bytes, n);
    free(bytes);
}

static void write_config(const char *dir, const char *model, const char *field, const char *value)
{
    char path[4200];
    struct raml_err err = {0};
    json_t *o = NULL;
    must(raml_json_load(golden(model, "config.json", path), 1 << 20, &o, &err), &err);
    if (value) assert_int_equal(json_object_set_new(o, field, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    else if (field) json_object_del(o, field);
    assert_int_equal(json_dump_file(o, in(dir, "config.json", path), 0), 0);
    json_decref(o);
}

#define LLAMA3(more) "{\"rope_type\": \"llama3\", " more "}"
#define YARN(more) "{\"rope_type\": \"yarn\", \"factor\": 4, " more "}"
static const struct {
    const char *field, *value;
    enum raml_code code;
    const char *part;
    /* clang-format off */
} config_faults[] = {
    {"model_type", "null", RAML_EFORMAT, "field 'model_type' is null"},
    {"model_type", "[\"llama\"]", RAML_EFORMAT, "field 'model_type' is an array"},
    {"model_type", "\"\"", RAML_ESUPPORT, "model_type '' is not known"},
    {"model_type", "\"Llama\"", RAML_ESUPPORT, "model_type 'Llama' is not known"},
    {"model_type", "\"qwen2_moe\"", RAML_ESUPPORT, "model_type 'qwen2_moe' is a mixture of experts, which is not supported"},
    {"model_type", "\"llama4_text\"", RAML_ESUPPORT, "model_type 'llama4_text' is a mixture of experts, which is not supported"},
    {"model_type", "\"kimi_k2\"", RAML_ESUPPORT, "model_type 'kimi_k2' is a mixture of experts with latent attention"},
    {"model_type", "\"deepseek_v3\"", RAML_ESUPPORT, "is a mixture of experts with latent attention, which is not supported"},
    {"model_type", "\"gpt_oss\"", RAML_ESUPPORT, "model_type 'gpt_oss' is a mixture of experts, which is not supported"},
    {"model_type", "\"qwen3_next\"", RAML_ESUPPORT, "model_type 'qwen3_next' is a model with recurrent layers"},
    {"model_type", "\"falcon_mamba\"", RAML_ESUPPORT, "is a model with recurrent (state-space) layers, which is not supported"},
    {"model_type", "\"gemma\"", RAML_ESUPPORT, "'gemma' is an older Gemma; gemma3_text is the one that is supported; known:"},
    {"model_type", "\"gemma2\"", RAML_ESUPPORT, "'gemma2' is a model with softcapped scores and logits, which is not supported"},
    {"model_type", "\"gemma3\"", RAML_ESUPPORT, "its text model alone (gemma3_text) is supported"},
    {"model_type", "\"gemma3n_text\"", RAML_ESUPPORT, "'gemma3n_text' is a model with per-layer embeddings"},
    {"model_type", "\"phi3\"", RAML_ESUPPORT, "'phi3' is a model with q, k and v in one matrix, which is not supported"},
    {"model_type", "\"phi\"", RAML_ESUPPORT, "'phi' is a model with LayerNorm, which is not supported"},
    {"model_type", "\"gpt_neox\"", RAML_ESUPPORT, "'gpt_neox' is a model with LayerNorm"},
    {"model_type", "\"falcon\"", RAML_ESUPPORT, "'falcon' is a model with LayerNorm"},
    {"model_type", "\"olmo\"", RAML_ESUPPORT, "'olmo' is a model with LayerNorm"},
    {"model_type", "\"mistral3\"", RAML_ESUPPORT, "'mistral3' is a model with vision parts"},
    {"model_type", "\"t5\"", RAML_ESUPPORT, "'t5' is no decoder-only model, which is not supported"},
    {"vocab_size", "2147483648", RAML_ERANGE, "field 'vocab_size' is 2147483648"},
    {"vocab_size", "161", RAML_ESHAPE, "'model.embed_tokens.weight' has shape [160, 48]; config.json asks for [161, 48]"},
    {"hidden_size", "0", RAML_ERANGE, "hidden_size: found 0"},
    {"hidden_size", "true", RAML_EFORMAT, "field 'hidden_size' is true or false"},
    {"hidden_size", "{}", RAML_EFORMAT, "field 'hidden_size' is an object"},
    {"hidden_size", "56", RAML_ESHAPE, "has shape [160, 48]; config.json asks for [160, 56]"},
    {"intermediate_size", "-5", RAML_ERANGE, "field 'intermediate_size' is -5"},
    {"intermediate_size", "111", RAML_ESHAPE, "mlp.gate_proj.weight' has shape [112, 48]; config.json asks for [111, 48]"},
    {"num_hidden_layers", "0", RAML_ERANGE, "num_hidden_layers: found 0"},
    {"num_hidden_layers", "2147483648", RAML_ERANGE, "field 'num_hidden_layers' is 2147483648"},
    {"num_hidden_layers", "3", RAML_ESHAPE, "'model.layers.2.input_layernorm.weight' [48] is missing"},
    {"num_hidden_layers", "1", RAML_ESHAPE, "'model.layers.1.input_layernorm.weight' belongs to no part of a llama model"},
    {"num_attention_heads", "0", RAML_ERANGE, "num_attention_heads: found 0"},
    {"num_attention_heads", "-1", RAML_ERANGE, "field 'num_attention_heads' is -1"},
    {"num_attention_heads", "1000000000", RAML_ERANGE, "num_attention_heads: found 1000000000"},
    {"num_attention_heads", "3", RAML_ESHAPE, "num_attention_heads 3 is not a multiple of num_key_value_heads 2"},
    {"num_attention_heads", "6", RAML_ESHAPE, "k_proj.weight' has shape [24, 48]; config.json asks for [16, 48]"},
    {"num_key_value_heads", "0", RAML_ERANGE, "num_key_value_heads: found 0"},
    {"num_key_value_heads", "8", RAML_ERANGE, "num_key_value_heads: found 8, expected 1 to 4"},
    {"num_key_value_heads", "4", RAML_ESHAPE, "k_proj.weight' has shape [24, 48]; config.json asks for [48, 48]"},
    {"head_dim", "0", RAML_ERANGE, "head_dim: found 0"},
    {"head_dim", "1", RAML_ERANGE, "head_dim: found 1, expected 2 to 256"},
    {"head_dim", "11", RAML_ERANGE, "head_dim: found 11, expected an even number"},
    {"head_dim", "1000000", RAML_ERANGE, "head_dim: found 1000000"},
    {"head_dim", "24", RAML_ESHAPE, "q_proj.weight' has shape [48, 48]; config.json asks for [96, 48]"},
    {"max_position_embeddings", NULL, RAML_EFORMAT, "field 'max_position_embeddings' is missing"},
    {"max_position_embeddings", "0", RAML_ERANGE, "max_position_embeddings: found 0"},
    {"max_position_embeddings", "1048577", RAML_ERANGE, "max_position_embeddings: found 1048577"},
    {"rms_norm_eps", "-1e-5", RAML_ERANGE, "rms_norm_eps -1e-05 or rope_theta"},
    {"rms_norm_eps", "1", RAML_ERANGE, "rms_norm_eps 1 or rope_theta"},
    {"rms_norm_eps", "\"1e-5\"", RAML_EFORMAT, "field 'rms_norm_eps' is a string"},
    {"rope_theta", "-10000", RAML_ERANGE, "or rope_theta -10000 is out of range"},
    {"rope_theta", "[]", RAML_EFORMAT, "field 'rope_theta' is an array"},
    {"tie_word_embeddings", "true", RAML_ESHAPE, "'lm_head.weight' differs from 'model.embed_tokens.weight'"},
    {"tie_word_embeddings", "\"no\"", RAML_EFORMAT, "field 'tie_word_embeddings': expected true or false"},
    {"attention_bias", "true", RAML_ESUPPORT, "attention_bias true is not supported for llama"},
    {"mlp_bias", "true", RAML_ESUPPORT, "mlp_bias true is not supported"},
    {"mlp_bias", "1", RAML_EFORMAT, "field 'mlp_bias': expected true or false"},
    {"use_sliding_window", "true", RAML_ESUPPORT, "use_sliding_window true is not supported"},
    {"sliding_window", "511", RAML_ESUPPORT, "sliding_window 511, below max_position_embeddings 512, is not supported"},
    {"sliding_window", "-1", RAML_ERANGE, "field 'sliding_window' is -1"},
    {"layer_types", "[\"full_attention\", \"sliding_attention\"]", RAML_ESUPPORT, "layer_types: sliding_attention is not supported for llama"},
    {"layer_types", "[\"full_attention\", 7]", RAML_ESUPPORT, "layer_types, entry 2: expected full_attention"},
    {"hidden_act", "\"gelu\"", RAML_ESUPPORT, "hidden_act 'gelu': expected silu"},
    {"partial_rotary_factor", "0.5", RAML_ESUPPORT, "partial_rotary_factor is not supported"},
    {"quantization_config", "{\"bits\": 4}", RAML_ESUPPORT, "quantization_config: quantised folders are not supported"},
    {"rope_scaling", "7", RAML_EFORMAT, "rope_scaling has no text field 'rope_type'"},
    {"rope_scaling", "{\"rope_type\": \"dynamic\", \"factor\": 2}", RAML_ESUPPORT, "rope_scaling type 'dynamic' is not known"},
    {"rope_scaling", "{\"type\": \"longrope\"}", RAML_ESUPPORT, "rope_scaling type 'longrope' is not known"},
    {"rope_scaling", "{\"type\": \"mrope\"}", RAML_ESUPPORT, "rope_scaling type 'mrope' is not known"},
    {"rope_scaling", "{\"rope_type\": \"linear\", \"factor\": 0}", RAML_ERANGE, "rope_scaling factor: found 0"},
    {"rope_scaling", "{\"rope_type\": \"linear\", \"factor\": -2}", RAML_ERANGE, "rope_scaling factor: found -2"},
    {"rope_scaling", "{\"rope_type\": \"linear\", \"factor\": \"2\"}", RAML_EFORMAT, "field 'factor' is a string"},
    {"rope_scaling", LLAMA3("\"factor\": 8, \"original_max_position_embeddings\": 0"), RAML_ERANGE, "rope_scaling: expected 0 <"},
    {"rope_scaling", LLAMA3("\"factor\": 8, \"original_max_position_embeddings\": -64"), RAML_ERANGE, "is -64"},
    {"rope_scaling", LLAMA3("\"factor\": 0.5, \"original_max_position_embeddings\": 64"), RAML_ERANGE, "found 0.5"},
    {"rope_scaling", LLAMA3("\"factor\": 8"), RAML_EFORMAT, "field 'original_max_position_embeddings' is missing"},
    {"rope_scaling", YARN("\"beta_slow\": 0"), RAML_ERANGE, "expected 0 < beta_slow < beta_fast"},
    {"rope_scaling", YARN("\"mscale_all_dim\": 1"), RAML_ESUPPORT, "'mscale_all_dim' is not supported"},
    {"rope_scaling", YARN("\"truncate\": false"), RAML_ESUPPORT, "'truncate' is not supported"},
    {"rope_parameters", "{\"rope_theta\": 5}", RAML_EFORMAT, "rope_scaling and rope_parameters differ"},
};
/* clang-format on */

static void test_config(void **state)
{
    static char seen[COUNT(config_faults)][200];
    char path[4200];
    need_golden();
    copy_weights(*state, "llama3-scaled");
    for (size_t i = 0; i < COUNT(config_faults); i++) {
        struct raml_err err = {0};
        write_config(*state, "llama3-scaled", config_faults[i].field, config_faults[i].value);
        enum raml_code rc = try_open(*state, &err);
        if (rc != config_faults[i].code || !has(err.msg, config_faults[i].part) || !has(err.msg, *state))
            fail_msg("%zu, %s: code %d: %s", i, config_faults[i].field, (int)rc, err.msg);
        note(seen, i, err.msg);
    }
    write_config(*state, "llama3-scaled", NULL, NULL);
    struct raml_err err = {0};
    must(try_open(*state, &err), &err); /* and complete again */
    size_t n = 0;
    char *text = slurp(in(*state, "config.json", path), &n);
    for (size_t k = 0; k < n; k++) { /* truncated everywhere */
        spill(path, text, k);
        assert_int_equal(try_open(*state, &err), RAML_EFORMAT);
    }
    free(text);
    print_message("config.json: %zu faults, each with its own message; %zu truncations\n", COUNT(config_faults), n);
}

/* -- GGUF ---------------------------------------------------------------------------------------------------------- */
enum kind { DROP, U32, I32, U64, F32, F64, TEXT, FLAG, LIST };
static const struct {
    const char *key; /* after "llama." where the key has no dot of its own family */
    enum kind kind;
    double x;
    const char *text;
    enum raml_code code;
    const char *part;
    /* clang-format off */
} gguf_faults[] = {
    {"general.architecture", DROP, 0, NULL, RAML_EFORMAT, "metadata 'general.architecture' is missing"},
    {"general.architecture", U32, 3, NULL, RAML_EFORMAT, "'general.architecture' has type u32; expected string"},
    {"general.architecture", TEXT, 0, "mamba", RAML_ESUPPORT, "architecture 'mamba' is a model with recurrent (state-space) layers, which is not supported"},
    {"general.architecture", TEXT, 0, "qwen2", RAML_EFORMAT, "metadata 'qwen2.embedding_length' is missing"},
    {"general.type", TEXT, 0, "mmproj", RAML_ESUPPORT, "general.type is 'mmproj'"},
    {"general.type", U32, 1, NULL, RAML_EFORMAT, "'general.type' has type u32"},
    {"split.count", U32, 3, NULL, RAML_ESUPPORT, "is one of 3 files of a model"},
    {"split.count", TEXT, 0, "3", RAML_EFORMAT, "'split.count' has type string"},
    {"llama.block_count", DROP, 0, NULL, RAML_EFORMAT, "metadata 'llama.block_count' is missing"},
    {"llama.block_count", U32, 0, NULL, RAML_ERANGE, "'llama.block_count' is 0; expected 1 to"},
    {"llama.block_count", U32, 2147483648.0, NULL, RAML_ERANGE, "'llama.block_count' is 2147483648"},
    {"llama.block_count", U64, 9.2e18, NULL, RAML_ERANGE, "'llama.block_count' is 9200000000000000000"},
    {"llama.block_count", I32, -2, NULL, RAML_ERANGE, "'llama.block_count' is -2"},
    {"llama.block_count", F32, 2, NULL, RAML_EFORMAT, "'llama.block_count' has type f32; expected an integer"},
    {"llama.block_count", U32, 5000, NULL, RAML_ERANGE, "num_hidden_layers: found 5000"},
    {"llama.block_count", U32, 3, NULL, RAML_ESHAPE, "tensor 'blk.2.attn_norm.weight' [48] is missing"},
    {"llama.block_count", U32, 1, NULL, RAML_ESHAPE, "tensor 'blk.1.attn_norm.weight' belongs to no part"},
    {"llama.context_length", DROP, 0, NULL, RAML_EFORMAT, "metadata 'llama.context_length' is missing"},
    {"llama.context_length", U32, 0, NULL, RAML_ERANGE, "'llama.context_length' is 0"},
    {"llama.context_length", U32, 4294967295.0, NULL, RAML_ERANGE, "'llama.context_length' is 4294967295"},
    {"llama.context_length", U32, 16777216, NULL, RAML_ERANGE, "max_position_embeddings: found 16777216"},
    {"llama.embedding_length", DROP, 0, NULL, RAML_EFORMAT, "metadata 'llama.embedding_length' is missing"},
    {"llama.embedding_length", U32, 0, NULL, RAML_ERANGE, "'llama.embedding_length' is 0"},
    {"llama.embedding_length", U32, 64, NULL, RAML_ESHAPE, "'token_embd.weight' has shape [160, 48]; the metadata asks for [160, 64]"},
    {"llama.embedding_length", TEXT, 0, "48", RAML_EFORMAT, "'llama.embedding_length' has type string"},
    {"llama.feed_forward_length", DROP, 0, NULL, RAML_EFORMAT, "metadata 'llama.feed_forward_length' is missing"},
    {"llama.feed_forward_length", U32, 113, NULL, RAML_ESHAPE, "'blk.0.ffn_gate.weight' has shape [112, 48]; the metadata asks for [113, 48]"},
    {"llama.feed_forward_length", LIST, 112, NULL, RAML_EFORMAT, "'llama.feed_forward_length' has type array"},
    {"llama.attention.head_count", DROP, 0, NULL, RAML_EFORMAT, "metadata 'llama.attention.head_count' is missing"},
    {"llama.attention.head_count", U32, 0, NULL, RAML_ERANGE, "'llama.attention.head_count' is 0"},
    {"llama.attention.head_count", U32, 3, NULL, RAML_ESHAPE, "num_attention_heads 3 is not a multiple"},
    {"llama.attention.head_count", U32, 6, NULL, RAML_ESHAPE, "'blk.0.attn_q.weight' has shape [48, 48]; the metadata asks for [72, 48]"},
    {"llama.attention.head_count", LIST, 4, NULL, RAML_EFORMAT, "'llama.attention.head_count' has type array; expected one value"},
    {"llama.attention.head_count_kv", U32, 0, NULL, RAML_ERANGE, "'llama.attention.head_count_kv' is 0"},
    {"llama.attention.head_count_kv", U32, 16, NULL, RAML_ERANGE, "num_key_value_heads: found 16"},
    {"llama.attention.head_count_kv", U32, 1, NULL, RAML_ESHAPE, "'blk.0.attn_k.weight' has shape [24, 48]; the metadata asks for [12, 48]"},
    {"llama.attention.head_count_kv", DROP, 0, NULL, RAML_ESHAPE, "'blk.0.attn_k.weight' has shape [24, 48]; the metadata asks for [48, 48]"},
    {"llama.attention.key_length", U32, 0, NULL, RAML_ERANGE, "'llama.attention.key_length' is 0"},
    {"llama.attention.key_length", U32, 24, NULL, RAML_ESUPPORT, "'llama.attention.key_length' is 24 and value_length is 12"},
    {"llama.attention.value_length", U32, 10, NULL, RAML_ESUPPORT, "key_length' is 12 and value_length is 10"},
    {"llama.rope.dimension_count", U32, 6, NULL, RAML_ESUPPORT, "'llama.rope.dimension_count' is 6; expected the size of a head, 12"},
    {"llama.attention.layer_norm_rms_epsilon", DROP, 0, NULL, RAML_EFORMAT, "'llama.attention.layer_norm_rms_epsilon' is missing"},
    {"llama.attention.layer_norm_rms_epsilon", F32, NAN, NULL, RAML_ERANGE, "layer_norm_rms_epsilon' is NaN"},
    {"llama.attention.layer_norm_rms_epsilon", F64, INFINITY, NULL, RAML_ERANGE, "layer_norm_rms_epsilon' is infinite"},
    {"llama.attention.layer_norm_rms_epsilon", F32, -1e-5, NULL, RAML_ERANGE, "rms_norm_eps -1e-05"},
    {"llama.attention.layer_norm_rms_epsilon", F32, 2, NULL, RAML_ERANGE, "rms_norm_eps 2"},
    {"llama.attention.layer_norm_rms_epsilon", U32, 0, NULL, RAML_EFORMAT, "layer_norm_rms_epsilon' has type u32; expected f32 or f64"},
    {"llama.rope.freq_base", F32, -1, NULL, RAML_ERANGE, "rope_theta -1 is out of range"},
    {"llama.rope.freq_base", F32, 0, NULL, RAML_ERANGE, "rope_theta 0 is out of range"},
    {"llama.rope.freq_base", F32, NAN, NULL, RAML_ERANGE, "'llama.rope.freq_base' is NaN"},
    {"llama.vocab_size", U32, 32000, NULL, RAML_ESHAPE, "'token_embd.weight' has shape [160, 48]; metadata 'llama.vocab_size' asks for [32000, 48]"},
    {"llama.vocab_size", U32, 0, NULL, RAML_ERANGE, "'llama.vocab_size' is 0"},
    {"llama.rope.scaling.type", TEXT, 0, "yarn", RAML_ESUPPORT, "'rope_freqs.weight' beside another rotary scaling"},
    {"llama.rope.scaling.type", TEXT, 0, "su", RAML_ESUPPORT, "'llama.rope.scaling.type' is 'su', which is not known"},
    {"llama.rope.scaling.type", U32, 1, NULL, RAML_EFORMAT, "'llama.rope.scaling.type' has type u32"},
    {"llama.rope.scaling.factor", F32, 0.25, NULL, RAML_ERANGE, "rope.scaling.factor' is 0.25; expected 1 or more"},
    {"llama.rope.scaling.factor", F32, -8, NULL, RAML_ERANGE, "rope.scaling.factor' is -8"},
    {"llama.rope.scaling.factor", F32, INFINITY, NULL, RAML_ERANGE, "'llama.rope.scaling.factor' is infinite"},
    {"llama.rope.scaling.original_context_length", U32, 0, NULL, RAML_ERANGE, "original_context_length' is 0"},
    {"llama.expert_count", U32, 8, NULL, RAML_ESUPPORT, "'llama.expert_count' is 8, which is not supported; expected 0"},
    {"llama.expert_used_count", U32, 2, NULL, RAML_ESUPPORT, "'llama.expert_used_count' is 2"},
    {"llama.logit_scale", F32, 0.0625, NULL, RAML_ESUPPORT, "'llama.logit_scale' is 0.0625, which is not supported; expected 1"},
    {"llama.residual_scale", F32, 0.22, NULL, RAML_ESUPPORT, "'llama.residual_scale' is 0.22"},
    {"llama.embedding_scale", F32, 12, NULL, RAML_ESUPPORT, "'llama.embedding_scale' is 12"},
    {"llama.attention.scale", F32, 0.1, NULL, RAML_ESUPPORT, "'llama.attention.scale' is 0.1"},
    {"llama.attention.clamp_kqv", F32, 8, NULL, RAML_ESUPPORT, "'llama.attention.clamp_kqv' is 8"},
    {"llama.attention.causal", FLAG, 0, NULL, RAML_ESUPPORT, "'llama.attention.causal' is 0"},
    {"llama.attention.causal", LIST, 1, NULL, RAML_EFORMAT, "'llama.attention.causal' has type array; expected one value"},
    {"llama.attention.sliding_window", I32, -1, NULL, RAML_ERANGE, "'llama.attention.sliding_window' is -1; expected 0 to"},
    {"llama.attention.sliding_window", TEXT, 0, "no", RAML_EFORMAT, "sliding_window' has type string"},
    {"llama.final_logit_softcapping", F32, 30, NULL, RAML_ESUPPORT, "'llama.final_logit_softcapping' is 30"},
    {"llama.use_parallel_residual", FLAG, 1, NULL, RAML_ESUPPORT, "'llama.use_parallel_residual' is 1"},
    {"llama.rope.scaling.yarn_ext_factor", F32, 0.5, NULL, RAML_ESUPPORT, "yarn_ext_factor' is 0.5"},
    {"llama.rope.dimension_sections", LIST, 16, NULL, RAML_ESUPPORT, "'llama.rope.dimension_sections' is not known, and might change"},
    {"llama.ssm.conv_kernel", U32, 4, NULL, RAML_ESUPPORT, "'llama.ssm.conv_kernel' is not known"},
    {"tokenizer.ggml.bos_token_id", TEXT, 0, "<s>", RAML_EFORMAT, "'tokenizer.ggml.bos_token_id' has type string"},
    {"tokenizer.ggml.eos_token_id", F32, 2, NULL, RAML_EFORMAT, "'tokenizer.ggml.eos_token_id' has type f32"},
};
/* clang-format on */

union value {
    uint32_t u;
    int32_t i;
    uint64_t w;
    float f;
    double d;
    bool b;
    uint32_t list[3];
    struct raml_gguf_string s;
};

static void put(struct gguf_edit *e, const char *key, enum kind kind, double x, const char *text, union value *v)
{
    /* clang-format off */
    static const enum raml_gguf_type type[] = {0, RAML_GGUF_U32, RAML_GGUF_I32, RAML_GGUF_U64, RAML_GGUF_F32,
                                               RAML_GGUF_F64, RAML_GGUF_STRING, RAML_GGUF_BOOL, RAML_GGUF_ARRAY};
    /* clang-format on */
    if (kind == DROP) {
        edit_drop(e, key);
        return;
    }
    struct raml_gguf_entry *at = edit_entry(e, key);
    at->type = type[kind];
    at->element = RAML_GGUF_U32;
    at->n = 3;
    at->data = v;
    if (kind == U32) v->u = (uint32_t)x;
    if (kind == I32) v->i = (int32_t)x;
    if (kind == U64) v->w = (uint64_t)x;
    if (kind == F32) v->f = (float)x;
    if (kind == F64) v->d = x;
    if (kind == FLAG) v->b = x > 0;
    if (kind == LIST) v->list[0] = v->list[1] = v->list[2] = (uint32_t)x;
    if (kind == TEXT) v->s = (struct raml_gguf_string){text, strlen(text)};
}

static void test_gguf(void **state)
{
    static char seen[COUNT(gguf_faults)][200];
    char from[4200], to[4200];
    struct gguf_edit e;
    need_golden();
    golden("llama3-scaled", "model.gguf", from);
    in(*state, "m.gguf", to);
    for (size_t i = 0; i < COUNT(gguf_faults); i++) {
        struct raml_err err = {0};
        union value v;
        edit_open(&e, from);
        put(&e, gguf_faults[i].key, gguf_faults[i].kind, gguf_faults[i].x, gguf_faults[i].text, &v);
        edit_write(&e, to);
        enum raml_code rc = try_open(to, &err);
        if (rc != gguf_faults[i].code || !has(err.msg, gguf_faults[i].part) || !has(err.msg, to))
            fail_msg("%zu, %s: code %d: %s", i, gguf_faults[i].key, (int)rc, err.msg);
        note(seen, i, err.msg);
    }
    print_message("GGUF: %zu faults, each with its own message\n", COUNT(gguf_faults));
}

/* -- Every field, every value -------------------------------------------------------------------------------------- */
static void test_sweep(void **state)
{
    /* clang-format off */
    static const char *const values[] = {"null", "true", "false", "0", "1", "-1", "2", "3", "13", "255", "4096",
                                         "2147483647", "2147483648", "9223372036854775807", "0.5", "1e308", "-1e308",
                                         "1e-320", "\"\"", "\"llama\"", "\"qwen3\"", "\"\\u0001\"", "[]", "{}", "[1]",
                                         "{\"rope_type\": \"yarn\"}", "{\"rope_type\": \"linear\", \"factor\": 1e308}",
                                         LLAMA3("\"factor\": 1e300, \"original_max_position_embeddings\": 1")};
    /* clang-format on */
    static const double numbers[] = {0, 1, -1, 2, 3, 13, 255, 4096, 1e6, 2147483647.0, 4294967295.0, 0.5, 1e30, NAN};
    char path[4200], from[4200], to[4200];
    size_t n = 0, refused = 0;
    need_golden();
    struct raml_err err = {0};
    json_t *o = NULL;
    for (size_t k = 0; k < COUNT(names); k++) {
        copy_weights(*state, names[k]);
        must(raml_json_load(golden(names[k], "config.json", path), 1 << 20, &o, &err), &err);
        for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it))
            for (size_t i = 0; i <= COUNT(values); i++, n++) {
                write_config(*state, names[k], json_object_iter_key(it), i < COUNT(values) ? values[i] : NULL);
                refused += try_open(*state, &err) != RAML_OK;
            }
        json_decref(o);
        struct raml_gguf *g = NULL;
        must(raml_gguf_open(golden(names[k], "model.gguf", from), &g, &err), &err);
        in(*state, "m.gguf", to);
        for (size_t i = 0; i < raml_gguf_n_values(g); i++)
            for (int kind = DROP; kind <= LIST; kind++)
                for (size_t x = 0; x < (kind == DROP ? 1 : COUNT(numbers)); x++) {
                    struct gguf_edit e;
                    union value v;
                    double in_range = numbers[x];
                    if (kind <= U64 && !(in_range >= 0 && in_range < 4294967296.0)) continue;
                    if (kind == LIST && !(in_range >= 0 && in_range < 4294967296.0)) continue;
                    if (kind == I32 && in_range > 2147483647.0) continue;
                    edit_open(&e, from);
                    put(&e, raml_gguf_value_at(g, i)->key, (enum kind)kind, in_range, x % 2 ? "yarn" : "", &v);
                    edit_write(&e, to);
                    refused += try_open(to, &err) != RAML_OK;
                    n++;
                }
        raml_gguf_close(g);
    }
    print_message("%zu strange values, %zu of them refused, none accepted beyond what the file has\n", n, refused);
    assert_true(refused > n / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_gguf, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_sweep, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
