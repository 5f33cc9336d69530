/* PEFT folders that are broken, each in one thing: every one has its own message, and nothing comes out. Then every
 * truncation of both files. */
#include "core/scratch.h"

#include "modelfile/on_disk.h"
#include "raml/lora.h"
#include "raml/rng.h"
#include "raml/safetensors.h"

#include "core/json.h"

#include <math.h>

enum { RANK = 4 };

struct folder {
    struct raml_config c;
    struct raml_lora l;
    float *block;
};

/* A small model, and adapters of q_proj and down_proj in its folder. */
static void make(struct folder *f, bool tied)
{
    struct raml_err err = {0};
    struct raml_lora_options o;
    *f = (struct folder){0};
    must(raml_config_preset("micro", &f->c, &err), &err);
    f->c.n_layers = 2;
    f->c.tied = tied;
    raml_settings_default(raml_lora_settings, raml_n_lora_settings, &o);
    o.r = RANK;
    o.target_modules = "q_proj,down_proj";
    must(raml_lora_plan(&o, &f->c, &f->l, &err), &err);
    f->block = calloc(f->l.n, sizeof *f->block);
    assert_non_null(f->block);
    for (size_t i = 0; i < f->l.n; i++) f->block[i] = (float)i / 1024;
}

static void drop(struct folder *f)
{
    raml_lora_deinit(&f->l);
    free(f->block);
}

static enum raml_code try_read(const struct folder *f, const char *dir, struct raml_err *err)
{
    struct raml_lora l = {.r = 77};
    float *block = NULL;
    *err = (struct raml_err){0};
    enum raml_code rc = raml_lora_read(dir, &f->c, &l, &block, err);
    assert_true((rc == RAML_OK) == (block != NULL));
    if (rc) {
        assert_int_equal(l.r, 77);
        return rc;
    }
    for (size_t i = 0; i < l.n; i++) assert_true(isfinite(block[i]));
    free(block);
    raml_lora_deinit(&l);
    return rc;
}

/* No two faults have the same message. */
static void note(char (*seen)[300], size_t i, const char *msg)
{
    for (size_t k = 0; k < i; k++)
        if (!strcmp(seen[k], msg)) fail_msg("%zu and %zu have the same message: %s", k, i, msg);
    snprintf(seen[i], sizeof seen[i], "%s", msg);
}

/* -- adapter_config.json ------------------------------------------------------------------------------------------- */
/* clang-format off */
static const struct {
    const char *key, *value; /* NULL: removed */
    enum raml_code code;
    const char *part;
} config_faults[] = {
    {"peft_type", NULL, RAML_EFORMAT, "peft_type is missing; expected \"LORA\""},
    {"peft_type", "\"LOHA\"", RAML_ESUPPORT, "peft_type 'LOHA' is not supported, only LORA; merge it in PEFT"},
    {"peft_type", "\"ADALORA\"", RAML_ESUPPORT, "peft_type 'ADALORA'"},
    {"use_dora", "true", RAML_ESUPPORT, "use_dora: DoRA is not supported; merge it in PEFT (merge_and_unload)"},
    {"lora_bias", "true", RAML_ESUPPORT, "lora_bias: biases in an adapter"},
    {"bias", "\"all\"", RAML_ESUPPORT, "bias 'all': biases that were trained too"},
    {"bias", "\"lora_only\"", RAML_ESUPPORT, "bias 'lora_only'"},
    {"fan_in_fan_out", "true", RAML_ESUPPORT, "fan_in_fan_out: transposed matrices"},
    {"modules_to_save", "[\"lm_head\"]", RAML_ESUPPORT, "modules_to_save: modules that were trained whole"},
    {"trainable_token_indices", "[1, 2]", RAML_ESUPPORT, "trainable_token_indices: rows of the embedding"},
    {"layer_replication", "[[0, 2]]", RAML_ESUPPORT, "layer_replication: layers that are repeated"},
    {"target_parameters", "[\"x\"]", RAML_ESUPPORT, "target_parameters: adapters of parameters"},
    {"use_qalora", "true", RAML_ESUPPORT, "use_qalora: QA-LoRA"},
    {"use_bdlora", "{\"nblocks\": 2}", RAML_ESUPPORT, "use_bdlora: block-diagonal"},
    {"kasa_config", "{\"beta\": 1}", RAML_ESUPPORT, "kasa_config: KaSA"},
    {"monteclora_config", "{\"num_samples\": 2}", RAML_ESUPPORT, "monteclora_config: Monteclora"},
    {"alora_invocation_tokens", "[5]", RAML_ESUPPORT, "alora_invocation_tokens: an activated adapter (aLoRA)"},
    {"arrow_config", "{\"top_k\": 2}", RAML_ESUPPORT, "arrow_config: a choice between adapters"},
    {"megatron_config", "{\"x\": 2}", RAML_ESUPPORT, "megatron_config: an adapter of Megatron's layers"},
    {"use_something_new", "true", RAML_ESUPPORT, "'use_something_new' is not known, and may change what the adapter"},
    {"init_lora_weights", "\"pissa\"", RAML_ESUPPORT, "init_lora_weights 'pissa': a start that changes the base"},
    {"init_lora_weights", "\"pissa_niter_16\"", RAML_ESUPPORT, "init_lora_weights 'pissa_niter_16'"},
    {"init_lora_weights", "\"olora\"", RAML_ESUPPORT, "init_lora_weights 'olora'"},
    {"init_lora_weights", "\"corda\"", RAML_ESUPPORT, "init_lora_weights 'corda'"},
    {"init_lora_weights", "\"loftq\"", RAML_ESUPPORT, "init_lora_weights 'loftq'"},
    {"init_lora_weights", "\"lora_ga\"", RAML_ESUPPORT, "init_lora_weights 'lora_ga'"},
    {"init_lora_weights", "7", RAML_ESUPPORT, "init_lora_weights '?'"},
    {"r", "0", RAML_ERANGE, "r is 0; expected a whole number from 1"},
    {"r", "2.5", RAML_ERANGE, "r is 2.5"},
    {"r", "\"4\"", RAML_EFORMAT, "r: expected a number"},
    {"r", "8", RAML_ESHAPE, "expected [8, 128]: another rank than adapter_config.json gives"},
    {"lora_alpha", "[]", RAML_EFORMAT, "lora_alpha: expected a number"},
    {"lora_alpha", "1e300", RAML_ERANGE, "alpha 1e+300 of"},
    {"use_rslora", "1", RAML_EFORMAT, "use_rslora: expected true or false"},
    {"rank_pattern", "[4]", RAML_EFORMAT, "rank_pattern: expected an object"},
    {"rank_pattern", "{\"q_proj\": 0}", RAML_ERANGE, "rank 0 of 'model.layers.0.self_attn.q_proj'"},
    {"rank_pattern", "{\"(q_proj\": 4}", RAML_EFORMAT, "'(q_proj' is not a regular expression"},
    {"rank_pattern", "{\"([a-z._0-9]+)+[!?]\": 4}", RAML_ERANGE, "expected a simpler expression"},
    {"rank_pattern", "{\"1.mlp.down_proj\": 2}", RAML_ESHAPE, "layers.1.mlp.down_proj.lora_A.weight' has shape [4, "},
    {"alpha_pattern", "{\"q_proj\": true}", RAML_EFORMAT, "alpha_pattern: 'q_proj' is no number"},
    {"base_model_name_or_path", "7", RAML_EFORMAT, "base_model_name_or_path: expected a text"},
    {"target_modules", "7", RAML_EFORMAT, "target_modules: expected a list of names"},
    {"target_modules", "[7]", RAML_EFORMAT, "target_modules: entry 1 is no text"},
    {"target_modules", "[\"c_attn\"]", RAML_ESHAPE, "target_modules mean none of the base's matrices: an adapter for another base"},
    {"target_modules", "\".*(\"", RAML_EFORMAT, "is not a regular expression"},
    {"target_modules", "[\"q_proj\"]", RAML_EFORMAT, "its module is none of target_modules"},
    {"target_modules", "[\"q_proj\", \"down_proj\", \"v_proj\"]", RAML_EFORMAT,
     "module 'model.layers.0.self_attn.v_proj' is one of target_modules, but has no tensors: an adapter for another"},
    {"exclude_modules", "[\"q_proj\"]", RAML_EFORMAT, "model.layers.0.self_attn.q_proj.lora_A.weight': its module is none"},
    {"layers_to_transform", "\"1\"", RAML_EFORMAT, "layers_to_transform: expected whole numbers"},
    {"layers_to_transform", "[0]", RAML_EFORMAT, "layers.1.self_attn.q_proj.lora_A.weight': its module is none"},
    {"layers_pattern", "\"blocks\"", RAML_ESUPPORT, "layers_pattern: only 'layers' is supported"},
}; /* clang-format on */

static void change(const char *dir, const char *key, const char *value)
{
    char path[4200];
    struct raml_err err = {0};
    json_t *o = NULL;
    must(raml_json_load(in(dir, "adapter_config.json", path), 1 << 20, &o, &err), &err);
    if (value) assert_int_equal(json_object_set_new(o, key, json_loads(value, JSON_DECODE_ANY, NULL)), 0);
    else json_object_del(o, key);
    assert_int_equal(json_dump_file(o, path, 0), 0);
    json_decref(o);
}

static void test_config(void **state)
{
    static char seen[COUNT(config_faults)][300];
    struct folder f;
    make(&f, true);
    for (size_t i = 0; i < COUNT(config_faults); i++) {
        struct raml_err err = {0};
        must(raml_lora_write(&f.l, f.block, *state, &err), &err);
        change(*state, config_faults[i].key, config_faults[i].value);
        enum raml_code rc = try_read(&f, *state, &err);
        if (rc != config_faults[i].code || !has(err.msg, config_faults[i].part) || !has(err.msg, *state))
            fail_msg("%zu, %s: code %d: %s", i, config_faults[i].key, (int)rc, err.msg);
        note(seen, i, err.msg);
    }
    print_message("adapter_config.json: %zu faults, each with its own message\n", COUNT(config_faults));
    drop(&f);
}

/* What changes nothing is passed over. */
/* clang-format off */
static const struct {
    const char *key, *value;
} harmless[] = {
    {"use_dora", "false"}, {"modules_to_save", "null"}, {"modules_to_save", "[]"}, {"kasa_config", "{}"},
    {"something_new", "null"}, {"something_new", "false"}, {"something_new", "\"\""}, {"lora_dropout", "0.5"},
    {"peft_version", "\"0.21.2\""}, {"eva_config", "{\"rho\": 2}"}, {"init_lora_weights", "\"gaussian\""},
    {"init_lora_weights", "false"}, {"init_lora_weights", "\"eva\""}, {"auto_mapping", "{\"a\": 1}"},
    {"qalora_group_size", "16"}, {"megatron_core", "\"megatron.core\""}, {"target_modules", "null"},
    {"exclude_modules", "[\"v_proj\"]"}, {"layers_to_transform", "[0, 1]"}, {"layers_pattern", "\"layers\""},
    {"target_modules", "[\"q_proj\", \"down_proj\", \"c_attn\"]"}, {"target_modules", "\".*\\\\.(q|down)_proj\""},
    {"rank_pattern", "{\"c_attn\": 3}"}, {"inference_mode", "false"}, {"revision", "\"main\""},
}; /* clang-format on */

static void test_harmless(void **state)
{
    struct folder f;
    make(&f, true);
    for (size_t i = 0; i < COUNT(harmless); i++) {
        struct raml_err err = {0};
        must(raml_lora_write(&f.l, f.block, *state, &err), &err);
        change(*state, harmless[i].key, harmless[i].value);
        if (try_read(&f, *state, &err)) fail_msg("%s %s: %s", harmless[i].key, harmless[i].value, err.msg);
    }
    drop(&f);
}

/* Without r and lora_alpha: PEFT's defaults, 8. */
static void test_defaults(void **state)
{
    struct folder f;
    struct raml_err err = {0};
    struct raml_lora l;
    float *block = NULL;
    make(&f, true);
    must(raml_lora_write(&f.l, f.block, *state, &err), &err);
    change(*state, "lora_alpha", NULL);
    must(raml_lora_read(*state, &f.c, &l, &block, &err), &err);
    assert_true(l.alpha == 8 && l.module[0].scale == 2);
    raml_lora_deinit(&l);
    free(block);
    change(*state, "r", NULL);
    assert_int_equal(try_read(&f, *state, &err), RAML_ESHAPE);
    assert_true(has(err.msg, "expected [8, "));
    drop(&f);
}

/* -- adapter_model.safetensors ------------------------------------------------------------------------------------- */
#define LAYER0 "base_model.model.model.layers.0."
/* clang-format off */
static const struct {
    const char *was, *is; /* a tensor and its new name; is NULL: left out; was NULL: one more, [4, 4] */
    enum raml_code code;
    const char *part;
} tensor_faults[] = {
    {LAYER0 "self_attn.q_proj.lora_A.weight", NULL, RAML_EFORMAT, "module 'model.layers.0.self_attn.q_proj' has only one of its two matrices; A is missing"},
    {LAYER0 "self_attn.q_proj.lora_B.weight", NULL, RAML_EFORMAT, "B is missing"},
    {LAYER0 "self_attn.q_proj.lora_A.weight", "model.layers.0.self_attn.q_proj.lora_A.weight", RAML_EFORMAT, "expected a name that begins with base_model.model."},
    {LAYER0 "self_attn.q_proj.lora_A.weight", LAYER0 "self_attn.q_proj.lora_A.default.weight", RAML_EFORMAT, "expected base_model.model.MODULE.lora_A.weight"},
    {LAYER0 "self_attn.q_proj.lora_A.weight", "base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight", RAML_ESHAPE, "the base has no such module: an adapter for another base"},
    {LAYER0 "self_attn.q_proj.lora_A.weight", LAYER0 "self_attn.q_proj.lora_embedding_A", RAML_EFORMAT, "expected a name that ends in .lora_A.weight"},
    {LAYER0 "self_attn.q_proj.lora_A.weight", LAYER0 "mlp.down_proj.lora_A.weight", RAML_EFORMAT, ""}, /* twice */
    {NULL, "base_model.model.lm_head.lora_A.weight", RAML_ESUPPORT, "the head of this base is its embedding"},
    {NULL, "base_model.model.lm_head.weight", RAML_ESUPPORT, "a matrix that was trained whole (modules_to_save, or a resized embedding)"},
    {NULL, LAYER0 "self_attn.q_proj.lora_magnitude_vector.weight", RAML_ESUPPORT, "DoRA is not supported"},
    {NULL, LAYER0 "self_attn.q_proj.lora_B.bias", RAML_ESUPPORT, "biases are not supported"},
    {NULL, "base_model.model.model.embed_tokens.base_layer.weight", RAML_ESHAPE, "has shape [4, 4]; the base's embedding has"},
    {NULL, LAYER0 "self_attn.v_proj.lora_A.weight", RAML_EFORMAT, "'model.layers.0.self_attn.v_proj' has only one"},
    {NULL, "base_model.model.model.embed_tokens.lora_A.weight", RAML_EFORMAT, "expected a name that ends in .lora_embedding_A"},
    {NULL, "base_model.model.x", RAML_EFORMAT, "tensor 'base_model.model.x': expected"},
}; /* clang-format on */

/* The folder's tensors with one renamed, left out or added; edit: may change a view. */
static void rewrite(const struct folder *f, const char *dir, const char *was, const char *is,
                    void (*edit)(struct raml_tensor_view *v))
{
    static const float more[16];
    char path[4200];
    struct raml_param *table = NULL;
    struct raml_err err = {0};
    size_t n = 0, k = 0;
    must(raml_lora_write(&f->l, f->block, dir, &err), &err);
    must(raml_lora_table(&f->l, &table, &n, &err), &err);
    struct raml_tensor_view *v = calloc(n + 1, sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++) {
        bool it = was && !strcmp(table[i].name, was);
        if (it && !is && !edit) continue;
        v[k] = (struct raml_tensor_view){.name = it && is ? is : table[i].name,
                                         .dtype = RAML_F32,
                                         .n_dims = 2,
                                         .shape = {table[i].shape[0], table[i].shape[1]},
                                         .n = table[i].n,
                                         .data = f->block + table[i].offset};
        if (it && edit) edit(&v[k]);
        k++;
    }
    if (!was)
        v[k++] = (struct raml_tensor_view){
            .name = is, .dtype = RAML_F32, .n_dims = 2, .shape = {4, 4}, .n = 16, .data = more};
    enum raml_code rc = raml_safetensors_write(in(dir, "adapter_model.safetensors", path), v, k, NULL, &err);
    if (rc) spill(path, "", 0); /* a name that is there twice */
    free(v);
    free(table);
}

static void test_tensors(void **state)
{
    static char seen[COUNT(tensor_faults)][300];
    struct folder f;
    make(&f, true);
    for (size_t i = 0; i < COUNT(tensor_faults); i++) {
        struct raml_err err = {0};
        rewrite(&f, *state, tensor_faults[i].was, tensor_faults[i].is, NULL);
        enum raml_code rc = try_read(&f, *state, &err);
        if (rc != tensor_faults[i].code || !has(err.msg, tensor_faults[i].part) || !has(err.msg, *state))
            fail_msg("%zu, %s: code %d: %s", i, tensor_faults[i].is, (int)rc, err.msg);
        note(seen, i, err.msg);
    }
    drop(&f);
}

static float bad_values[1 << 20];
static void transpose(struct raml_tensor_view *v)
{
    size_t rows = v->shape[0];
    v->shape[0] = v->shape[1];
    v->shape[1] = rows;
}
static void flatten(struct raml_tensor_view *v)
{
    v->n_dims = 1;
    v->shape[0] = v->n;
}
static void not_finite(struct raml_tensor_view *v)
{
    memcpy(bad_values, v->data, v->n * sizeof *bad_values);
    bad_values[v->n - 1] = NAN;
    v->data = bad_values;
}
static void integers(struct raml_tensor_view *v)
{
    v->dtype = RAML_I32;
}

static void test_values(void **state)
{
    static const struct {
        void (*edit)(struct raml_tensor_view *v);
        enum raml_code code;
        const char *part;
    } fault[] = {
        {transpose, RAML_ESHAPE, "an adapter for another base"},
        {flatten, RAML_ESHAPE, "expected [128, 4]"},
        {not_finite, RAML_ERANGE, "finite"},
        {integers, RAML_EFORMAT, "has dtype I32; expected F32, F16 or BF16"},
    };
    struct folder f;
    make(&f, true);
    for (size_t i = 0; i < COUNT(fault); i++) {
        struct raml_err err = {0};
        rewrite(&f, *state, LAYER0 "self_attn.q_proj.lora_B.weight", NULL, fault[i].edit);
        enum raml_code rc = try_read(&f, *state, &err);
        if (rc != fault[i].code || !has(err.msg, fault[i].part) || !has(err.msg, "q_proj.lora_B.weight"))
            fail_msg("%zu: code %d: %s", i, (int)rc, err.msg);
    }
    drop(&f);
}

/* A base of another width or with fewer layers, and an adapter's embedding and head where they are two. */
static void test_other_base(void **state)
{
    struct folder f;
    struct raml_err err = {0};
    make(&f, false);
    must(raml_lora_write(&f.l, f.block, *state, &err), &err);
    struct folder other = f;
    other.c.n_layers = 1;
    assert_int_equal(try_read(&other, *state, &err), RAML_ESHAPE);
    assert_true(has(err.msg, "an adapter for another base"));
    other.c = f.c;
    other.c.intermediate_size *= 2;
    assert_int_equal(try_read(&other, *state, &err), RAML_ESHAPE);
    assert_true(has(err.msg, "an adapter for another base"));
    struct raml_lora_options o;
    raml_settings_default(raml_lora_settings, raml_n_lora_settings, &o);
    o.r = 3;
    o.target_modules = "lm_head,embed_tokens";
    struct folder ends = {.c = f.c};
    must(raml_lora_plan(&o, &f.c, &ends.l, &err), &err);
    ends.block = calloc(ends.l.n, sizeof *ends.block);
    must(raml_lora_write(&ends.l, ends.block, *state, &err), &err);
    must(try_read(&ends, *state, &err), &err);
    drop(&ends);
    drop(&f);
}

static void test_missing(void **state)
{
    char path[4200];
    struct folder f;
    struct raml_err err = {0};
    make(&f, true);
    assert_false(raml_lora_is_folder(*state));
    assert_int_equal(try_read(&f, *state, &err), RAML_EIO);
    assert_true(has(err.msg, "adapter_config.json"));
    must(raml_lora_write(&f.l, f.block, *state, &err), &err);
    assert_true(raml_lora_is_folder(*state));
    unlink(in(*state, "adapter_model.safetensors", path));
    assert_int_equal(try_read(&f, *state, &err), RAML_EIO);
    assert_true(has(err.msg, "adapter_model.safetensors"));
    spill(in(*state, "adapter_model.bin", path), "x", 1);
    assert_int_equal(try_read(&f, *state, &err), RAML_ESUPPORT);
    assert_true(has(err.msg, "is a pickle, which may run code and is not read"));
    drop(&f);
}

static void test_truncated(void **state)
{
    static const char *const files[] = {"adapter_config.json", "adapter_model.safetensors"};
    struct folder f;
    struct raml_err err = {0};
    size_t done = 0;
    make(&f, true);
    must(raml_lora_write(&f.l, f.block, *state, &err), &err);
    for (size_t i = 0; i < COUNT(files); i++) {
        char path[4200];
        size_t n = 0;
        char *bytes = slurp(in(*state, files[i], path), &n);
        for (size_t k = 0; k < n; k += i ? 97 : 1, done++) {
            spill(path, bytes, k);
            assert_int_not_equal(try_read(&f, *state, &err), RAML_OK);
            assert_true(has(err.msg, files[i]));
        }
        spill(path, bytes, n);
        free(bytes);
    }
    must(try_read(&f, *state, &err), &err);
    print_message("%zu truncations\n", done);
    drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_config, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_harmless, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_defaults, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_tensors, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_values, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_other_base, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_missing, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_truncated, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
