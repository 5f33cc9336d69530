/* Opening and saving models: what was saved comes back to the bit, and every fault gets its own message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/scratch.h"
#undef COUNT
#include "model/rig.h"

#include "core/json.h"

static struct raml_device *dev;

/* A folder with a saved model; *state is its path. */
static int enter(void **state)
{
    if (enter_scratch(state) || far_device_open(1, "auto", &dev, NULL)) return -1;
    struct raml_config c = rig_config(RIG_QWEN2, false);
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    MUST(raml_model_save(m, *state, err));
    raml_model_close(m);
    return 0;
}
static int leave(void **state)
{
    raml_device_close(dev);
    return leave_scratch(state);
}

/* Opens dir and expects the fault. In the message, "DIR" stands for the folder, "*" at the end for anything. */
static void expect(const char *dir, enum raml_code code, const char *msg)
{
    struct raml_err err = {0};
    struct raml_model *m = NULL;
    enum raml_code rc = raml_model_open(dir, RAML_F32, RAML_TRAINING, dev, &m, &err);
    char want[1024];
    if (!strncmp(msg, "DIR", 3)) snprintf(want, sizeof want, "%s%s", dir, msg + 3);
    else snprintf(want, sizeof want, "%s", msg);
    size_t len = strlen(want);
    bool same = len && want[len - 1] == '*' ? !strncmp(err.msg, want, len - 1) : !strcmp(err.msg, want);
    if (rc != code || !same) fail_msg("code %d, \"%s\"; expected %d, \"%s\"", (int)rc, err.msg, code, want);
    assert_null(m);
}

/* -- config.json --------------------------------------------------------------------------------------------------- */
/* Writes the folder's config.json with one field replaced by JSON text (NULL: left out). */
static void write_config(const char *dir, const char *field, const char *value)
{
    char path[4200];
    struct raml_config c = rig_config(RIG_QWEN2, false);
    json_t *o = NULL;
    MUST(raml_config_write(&c, in(dir, "config.json", path), err));
    MUST(raml_json_load(path, 1 << 20, &o, err));
    if (value) assert_int_equal(json_object_set_new(o, field, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    else assert_int_equal(json_object_del(o, field), 0);
    assert_int_equal(json_dump_file(o, path, 0), 0);
    json_decref(o);
}

/* A change to config.json and the message that it must give. */
static const struct {
    const char *field, *value;
    enum raml_code code;
    const char *msg;
} config_faults[] = {
    {"model_type", NULL, RAML_EFORMAT, "DIR/config.json: field 'model_type' is missing; found fields: *"},
    {"model_type", "\"gpt2\"", RAML_ESUPPORT,
     "DIR/config.json: model_type 'gpt2' is a model with LayerNorm, which is not supported; known: qwen2, qwen3, "
     "llama, "
     "mistral, smollm3, olmo2, olmo3, granite, gemma3_text"},
    {"model_type", "\"gpt7\"", RAML_ESUPPORT,
     "DIR/config.json: model_type 'gpt7' is not known; known: qwen2, qwen3, llama, mistral, smollm3, olmo2, "
     "olmo3, granite, gemma3_text"},
    {"model_type", "7", RAML_EFORMAT, "DIR/config.json: field 'model_type' is an integer; expected a string"},
    {"vocab_size", NULL, RAML_EFORMAT, "DIR/config.json: field 'vocab_size' is missing; found fields: *"},
    {"vocab_size", "\"37\"", RAML_EFORMAT, "DIR/config.json: field 'vocab_size' is a string; expected an integer"},
    {"vocab_size", "37.5", RAML_EFORMAT,
     "DIR/config.json: field 'vocab_size' is a number with a fraction; expected an integer"},
    {"vocab_size", "-37", RAML_ERANGE, "DIR/config.json: field 'vocab_size' is -37; expected 0 to 1073741824"},
    {"vocab_size", "0", RAML_ERANGE, "DIR/config.json: vocab_size: found 0, expected 1 to 16777216"},
    {"vocab_size", "1073741824", RAML_ERANGE, "DIR/config.json: vocab_size: found 1073741824, expected 1 to 16777216"},
    {"vocab_size", "9000000000000000000", RAML_ERANGE,
     "DIR/config.json: field 'vocab_size' is 9000000000000000000; expected 0 to 1073741824"},
    {"hidden_size", "131073", RAML_ERANGE, "DIR/config.json: hidden_size: found 131073, expected 1 to 131072"},
    {"intermediate_size", "0", RAML_ERANGE, "DIR/config.json: intermediate_size: found 0, expected 1 to 1048576"},
    {"num_hidden_layers", "5000", RAML_ERANGE, "DIR/config.json: num_hidden_layers: found 5000, expected 1 to 4096"},
    {"num_attention_heads", "0", RAML_ERANGE, "DIR/config.json: num_attention_heads: found 0, expected 1 to 4096"},
    {"num_key_value_heads", "5", RAML_ERANGE, "DIR/config.json: num_key_value_heads: found 5, expected 1 to 4"},
    {"num_key_value_heads", "3", RAML_ESHAPE,
     "DIR/config.json: num_attention_heads 4 is not a multiple of num_key_value_heads 3"},
    {"head_dim", "13", RAML_ERANGE, "DIR/config.json: head_dim: found 13, expected an even number"},
    {"head_dim", "258", RAML_ERANGE, "DIR/config.json: head_dim: found 258, expected 2 to 256"},
    {"max_position_embeddings", "16777216", RAML_ERANGE,
     "DIR/config.json: max_position_embeddings: found 16777216, expected 1 to 1048576"},
    {"rms_norm_eps", "-1", RAML_ERANGE, "DIR/config.json: rms_norm_eps -1 or rope_theta 10000 is out of range"},
    {"rope_theta", "0", RAML_ERANGE, "DIR/config.json: rms_norm_eps 1e-06 or rope_theta 0 is out of range"},
    {"rope_theta", "\"10000\"", RAML_EFORMAT, "DIR/config.json: field 'rope_theta' is a string; expected a number"},
    {"rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4, \"mscale\": 0.7}", RAML_ESUPPORT,
     "DIR/config.json: rope_scaling: 'mscale' is not supported with yarn"},
    {"rope_scaling", "{\"rope_type\": \"yarn\", \"factor\": 4, \"beta_fast\": 1}", RAML_ERANGE,
     "DIR/config.json: rope_scaling: expected 0 < beta_slow < beta_fast and a positive attention_factor"},
    {"rope_scaling", "{\"rope_type\": \"spiral\", \"factor\": 4}", RAML_ESUPPORT,
     "DIR/config.json: rope_scaling type 'spiral' is not known; known: default, linear, llama3, yarn"},
    {"rope_scaling", "{\"factor\": 4}", RAML_EFORMAT, "DIR/config.json: rope_scaling has no text field 'rope_type'"},
    {"rope_scaling", "{\"type\": \"linear\", \"factor\": 0.5}", RAML_ERANGE,
     "DIR/config.json: rope_scaling factor: found 0.5, expected 1 or more"},
    {"rope_scaling",
     "{\"rope_type\": \"llama3\", \"factor\": 4, \"low_freq_factor\": 4, \"high_freq_factor\": 1, "
     "\"original_max_position_embeddings\": 64}",
     RAML_ERANGE, "DIR/config.json: rope_scaling: expected 0 < low_freq_factor < high_freq_factor"},
    {"rope_scaling", "{\"rope_type\": \"llama3\", \"factor\": 4}", RAML_EFORMAT,
     "DIR/config.json: field 'original_max_position_embeddings' is missing; found fields: *"},
    {"tie_word_embeddings", "1", RAML_EFORMAT, "DIR/config.json: field 'tie_word_embeddings': expected true or false"},
    {"use_sliding_window", "1", RAML_EFORMAT, "DIR/config.json: field 'use_sliding_window': expected true or false"},
    {"hidden_act", "\"gelu\"", RAML_ESUPPORT, "DIR/config.json: hidden_act 'gelu': expected silu"},
    /* wild, but each allowed by itself: detected by the file's tensors, before memory is allocated */
    {"vocab_size", "16777216", RAML_ESHAPE,
     "DIR/model.safetensors: tensor 'model.embed_tokens.weight' has shape [37, 40]; config.json asks for "
     "[16777216, 40]"},
    {"hidden_size", "131072", RAML_ESHAPE,
     "DIR/model.safetensors: tensor 'model.embed_tokens.weight' has shape [37, 40]; config.json asks for [37, "
     "131072]"},
    {"intermediate_size", "1048576", RAML_ESHAPE,
     "DIR/model.safetensors: tensor 'model.layers.0.mlp.gate_proj.weight' has shape [54, 40]; config.json asks for "
     "[1048576, 40]"},
    {"num_hidden_layers", "4096", RAML_ESHAPE,
     "DIR/model.safetensors: tensor 'model.layers.2.input_layernorm.weight' [40] is missing"},
    {"num_hidden_layers", "1", RAML_ESHAPE,
     "DIR/model.safetensors: tensor 'model.layers.1.input_layernorm.weight' belongs to no part of a qwen2 model"},
    {"num_attention_heads", "4096", RAML_ESHAPE,
     "DIR/model.safetensors: tensor 'model.layers.0.self_attn.q_proj.weight' has shape [48, 40]; config.json asks "
     "for "
     "[49152, 40]"},
    {"num_key_value_heads", "4", RAML_ESHAPE,
     "DIR/model.safetensors: tensor 'model.layers.0.self_attn.k_proj.weight' has shape [24, 40]; config.json asks "
     "for "
     "[48, 40]"},
    {"tie_word_embeddings", "false", RAML_ESHAPE, "DIR/model.safetensors: tensor 'lm_head.weight' [37, 40] is missing"},
    {"model_type", "\"qwen3\"", RAML_ESUPPORT, "DIR/config.json: attention_bias true is not supported for qwen3"},
};

static void test_config_faults(void **state)
{
    char path[4200];
    for (size_t i = 0; i < COUNT(config_faults); i++) {
        write_config(*state, config_faults[i].field, config_faults[i].value);
        expect(*state, config_faults[i].code, config_faults[i].msg);
    }
    spill(in(*state, "config.json", path), "[1]", 3);
    expect(*state, RAML_EFORMAT, "DIR/config.json: expected a JSON object");
    struct raml_config c = rig_config(RIG_QWEN2, false);
    MUST(raml_config_write(&c, path, err)); /* and complete again */
    struct raml_model *m;
    MUST(raml_model_open(*state, RAML_F32, RAML_TRAINING, dev, &m, err));
    raml_model_close(m);
}

static void test_missing(void **state)
{
    char path[4200], nowhere[4200];
    expect(in(*state, "nowhere", nowhere), RAML_EIO,
           "DIR: does not exist; expected a folder with config.json, or a .gguf file");
    assert_int_equal(unlink(in(*state, "model.safetensors", path)), 0);
    expect(*state, RAML_EIO, "DIR/model.safetensors: cannot be opened: No such file or directory");
    assert_int_equal(unlink(in(*state, "config.json", path)), 0);
    expect(*state, RAML_EIO, "DIR/config.json: cannot be opened: No such file or directory");
}

/* -- model.safetensors --------------------------------------------------------------------------------------------- */
enum { VIEWS = 64 };
struct views { /* the saved file's tensors, to be changed and rewritten */
    struct raml_safetensors *s;
    struct raml_tensor_view v[VIEWS];
    size_t n;
};
static void read_views(struct views *w, const char *dir)
{
    char path[4200];
    MUST(raml_safetensors_open(in(dir, "model.safetensors", path), &w->s, err));
    w->n = raml_safetensors_count(w->s);
    assert_in_range(w->n, 20, VIEWS - 1);
    for (size_t i = 0; i < w->n; i++) w->v[i] = *raml_safetensors_at(w->s, i);
}
static void write_views(struct views *w, const char *dir)
{
    char path[4200];
    MUST(raml_safetensors_write(in(dir, "model.safetensors", path), w->v, w->n, NULL, err));
    raml_safetensors_close(w->s);
}
static struct raml_tensor_view *view(struct views *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++)
        if (!strcmp(w->v[i].name, name)) return &w->v[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void test_truncated(void **state)
{
    char path[4200];
    size_t n = 0, sizes[] = {0, 7, 100, 3000};
    char *bytes = slurp(in(*state, "model.safetensors", path), &n);
    assert_true(bytes && n > 10000);
    struct raml_err err;
    struct raml_model *m = NULL;
    for (size_t i = 0; i <= COUNT(sizes); i++) { /* the last: four bytes short */
        spill(path, bytes, i < COUNT(sizes) ? sizes[i] : n - 4);
        err = (struct raml_err){0};
        assert_int_equal(raml_model_open(*state, RAML_F32, RAML_TRAINING, dev, &m, &err), RAML_EFORMAT);
        assert_true(has(err.msg, path));
    }
    assert_true(has(err.msg, "tensor '"));
    assert_null(m);
    free(bytes);
}

static void test_wrong_shape(void **state)
{
    struct views w;
    read_views(&w, *state);
    struct raml_tensor_view *v = view(&w, "model.layers.1.mlp.down_proj.weight");
    v->shape[0] = 54, v->shape[1] = 40;
    write_views(&w, *state);
    expect(*state, RAML_ESHAPE,
           "DIR/model.safetensors: tensor 'model.layers.1.mlp.down_proj.weight' has shape [54, 40]; "
           "config.json asks for [40, 54]");
    read_views(&w, *state);
    v = view(&w, "model.layers.1.mlp.down_proj.weight");
    v->n_dims = 1, v->shape[0] = 2160;
    write_views(&w, *state);
    expect(*state, RAML_ESHAPE,
           "DIR/model.safetensors: tensor 'model.layers.1.mlp.down_proj.weight' has shape [2160]; "
           "config.json asks for [40, 54]");
}

static void test_missing_tensor(void **state)
{
    struct views w;
    read_views(&w, *state);
    *view(&w, "model.norm.weight") = w.v[w.n - 1];
    w.n--;
    write_views(&w, *state);
    expect(*state, RAML_ESHAPE, "DIR/model.safetensors: tensor 'model.norm.weight' [40] is missing");
}

static void test_extra_tensor(void **state)
{
    static const float value[2] = {1, 2};
    struct views w;
    read_views(&w, *state);
    w.v[w.n++] = (struct raml_tensor_view){
        .name = "model.layers.9.extra", .dtype = RAML_F32, .n_dims = 1, .shape = {2}, .n = 2, .data = value};
    write_views(&w, *state);
    expect(*state, RAML_ESHAPE,
           "DIR/model.safetensors: tensor 'model.layers.9.extra' belongs to no part of a qwen2 model");
}

/* A tied model's file may have a second copy of the head; it is not read. */
static void test_head_again(void **state)
{
    struct views w;
    read_views(&w, *state);
    w.v[w.n] = *view(&w, "model.embed_tokens.weight");
    w.v[w.n++].name = "lm_head.weight";
    write_views(&w, *state);
    struct raml_model *m;
    MUST(raml_model_open(*state, RAML_F32, RAML_TRAINING, dev, &m, err));
    raml_model_close(m);
}

static void test_wrong_dtype(void **state)
{
    struct views w;
    read_views(&w, *state);
    view(&w, "model.norm.weight")->dtype = RAML_I32;
    write_views(&w, *state);
    expect(*state, RAML_EFORMAT,
           "DIR/model.safetensors: tensor 'model.norm.weight' has dtype I32; expected F32, BF16 or F16");
}

static void test_not_finite(void **state)
{
    static const struct {
        float value;
        const char *msg;
    } bad[] = {
        {NAN,
         "DIR/model.safetensors: tensor 'model.layers.0.self_attn.o_proj.weight': element [2,5] is NaN; expected a "
         "finite number"},
        {-INFINITY,
         "DIR/model.safetensors: tensor 'model.layers.0.self_attn.o_proj.weight': element [2,5] is -infinity; "
         "expected a finite number"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct views w;
        read_views(&w, *state);
        struct raml_tensor_view *v = view(&w, "model.layers.0.self_attn.o_proj.weight");
        float *value = malloc(v->n * sizeof *value);
        memcpy(value, v->data, v->n * sizeof *value);
        value[2 * v->shape[1] + 5] = bad[i].value;
        v->data = value;
        write_views(&w, *state);
        free(value);
        expect(*state, RAML_ERANGE, bad[i].msg);
    }
}

/* -- What was saved comes back ------------------------------------------------------------------------------------- */
static void test_round_trip(void **state)
{
    const int32_t token[] = {3, 1, 4, 1, 5, 9, 2, 6};
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct raml_config c = rig_config(kind, false);
        c.bos_token = 1, c.eos_token = 2;
        struct raml_model *a = rig_open(&c, RAML_F32, dev), *b;
        MUST(raml_model_save(a, *state, err));
        MUST(raml_model_open(*state, RAML_F32, RAML_TRAINING, dev, &b, err));
        assert_int_equal(raml_model_n(a), raml_model_n(b));
        assert_int_equal(raml_model_n(a), raml_config_params(&c));
        float *w = host_weights(a), *back = host_weights(b);
        assert_memory_equal(w, back, raml_model_n(a) * sizeof(float));
        free(w), free(back);
        const struct raml_config *d = raml_model_config(b);
        assert_string_equal(d->model_type, c.model_type);
        assert_true(d->vocab_size == c.vocab_size && d->hidden_size == c.hidden_size && d->n_layers == c.n_layers);
        assert_true(d->intermediate_size == c.intermediate_size && d->n_heads == c.n_heads &&
                    d->head_dim == c.head_dim);
        assert_true(d->n_kv_heads == c.n_kv_heads && d->max_positions == c.max_positions && d->tied == c.tied);
        assert_true(d->rms_norm_eps == c.rms_norm_eps && d->rope_theta == c.rope_theta && d->rope == c.rope);
        assert_true(d->rope_factor == c.rope_factor && d->rope_low_freq == c.rope_low_freq);
        assert_true(d->rope_high_freq == c.rope_high_freq && d->rope_original_positions == c.rope_original_positions);
        assert_true(d->qkv_bias == c.qkv_bias && d->qk_norm == c.qk_norm && d->bos_token == 1 && d->eos_token == 2);
        float logits[2][COUNT(token) * 37];
        for (int i = 0; i < 2; i++) {
            struct raml_tree t = {0};
            struct raml_pack pack = {0};
            struct raml_pass *pass;
            MUST(raml_tree_add(&t, -1, 0, token, COUNT(token), 1, NULL, err));
            MUST(raml_pack_add(&pack, &t, err));
            MUST(raml_pass_open(i ? b : a, false, &pass, err));
            MUST(raml_pass_forward(pass, &pack, NULL, err));
            MUST(raml_pass_logits(pass, 0, COUNT(token), logits[i], err));
            raml_pass_close(pass);
            raml_pack_deinit(&pack);
            raml_tree_deinit(&t);
        }
        assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
        raml_model_close(a);
        raml_model_close(b);
    }
}

/* -- Faults that show only with a text ----------------------------------------------------------------------------- */
static void expect_text(struct raml_pass *pass, int32_t *token, size_t n, const char *msg)
{
    struct raml_tree t = {0};
    struct raml_pack pack = {0};
    struct raml_err fault = {0};
    MUST(raml_tree_add(&t, -1, 0, token, n, 1, NULL, err));
    MUST(raml_pack_add(&pack, &t, err));
    enum raml_code rc = raml_pass_forward(pass, &pack, NULL, &fault);
    assert_int_equal(rc, msg ? RAML_ERANGE : RAML_OK);
    assert_string_equal(fault.msg, msg ? msg : "");
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
}

static void test_text_faults(void **state)
{
    struct raml_model *m;
    struct raml_pass *pass;
    int32_t token[601] = {0};
    MUST(raml_model_open(*state, RAML_F32, RAML_TRAINING, dev, &m, err));
    MUST(raml_pass_open(m, false, &pass, err));
    token[3] = 37;
    expect_text(pass, token, 5, "token 37 at row 3 is outside the model's vocabulary of 37");
    token[3] = -1;
    expect_text(pass, token, 5, "token -1 at row 3 is outside the model's vocabulary of 37");
    token[3] = 36;
    expect_text(pass, token, 5, NULL);
    expect_text(pass, token, 600, NULL);
    expect_text(pass, token, 601, "a text of more than 600 tokens is longer than the model's context (600)");
    struct raml_err fault;
    float logits[37];
    assert_int_equal(raml_pass_logits(pass, 0, 1, logits, &fault), RAML_ERANGE); /* there is no forward */
    raml_pass_close(pass);
    raml_model_close(m);
}

/* A configuration that needs more memory than there is fails before it allocates any. */
static void test_no_memory(void **state)
{
    (void)state;
    struct raml_err fault = {0};
    struct raml_model *m = NULL;
    struct raml_config c = rig_config(RIG_LLAMA, false);
    c.vocab_size = 1 << 24;
    c.hidden_size = 1 << 17;
    assert_int_equal(raml_model_init(&c, 1, RAML_F32, RAML_TRAINING, dev, &m, &fault), RAML_ENOMEM);
    const char *want =
        "the model does not fit: its 4398.120 billion parameters take 35185.25 GB as f32 for training, and ";
    if (strncmp(fault.msg, want, strlen(want))) fail_msg("%s", fault.msg);
    assert_null(m);
    assert_int_equal(raml_model_init(&c, 1, RAML_F16, RAML_TRAINING, dev, &m, &fault), RAML_EUSAGE);
    assert_string_equal(fault.msg, "dtype: found F16, expected F32, BF16 or as stored");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config_faults, enter, leave),
        cmocka_unit_test_setup_teardown(test_missing, enter, leave),
        cmocka_unit_test_setup_teardown(test_truncated, enter, leave),
        cmocka_unit_test_setup_teardown(test_wrong_shape, enter, leave),
        cmocka_unit_test_setup_teardown(test_missing_tensor, enter, leave),
        cmocka_unit_test_setup_teardown(test_extra_tensor, enter, leave),
        cmocka_unit_test_setup_teardown(test_head_again, enter, leave),
        cmocka_unit_test_setup_teardown(test_wrong_dtype, enter, leave),
        cmocka_unit_test_setup_teardown(test_not_finite, enter, leave),
        cmocka_unit_test_setup_teardown(test_round_trip, enter, leave),
        cmocka_unit_test_setup_teardown(test_text_faults, enter, leave),
        cmocka_unit_test_setup_teardown(test_no_memory, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
