/* Models on disk: a folder and a GGUF file of the same model are the same, and every fault gets its own message. */
#include "core/scratch.h"

#include "modelfile/gguf_edit.h"
#include "modelfile/on_disk.h"

#include "raml/rng.h"

#include <math.h>

static size_t columns(const struct raml_file_tensor *s)
{
    return s->n_dims == 2 ? s->shape[1] : 1;
}

static float *all_rows(const struct raml_file_tensor *s)
{
    struct raml_err err = {0};
    float *x = malloc(s->n * sizeof *x);
    assert_non_null(x);
    must(raml_file_tensor_f32(s, 0, s->shape[0], x, &err), &err);
    return x;
}

/* Rows in pieces, and as bf16, equal the whole. */
static void check_pieces(const struct raml_file_tensor *s, const float *whole, size_t i)
{
    struct raml_err err = {0};
    size_t cols = columns(s), rows = s->shape[0];
    float *x = malloc(s->n * sizeof *x);
    uint16_t *h = malloc(s->n * sizeof *h);
    assert_true(x && h);
    for (size_t row = 0, k = 0; row < rows; k++) {
        struct raml_key key = {.seed = 5, .purpose = RAML_FOR_TEST, .question = i};
        size_t n = (size_t)(raml_uniform(&key, k) * 9);
        if (n > rows - row) n = rows - row;
        must(raml_file_tensor_f32(s, row, n, x + row * cols, &err), &err);
        must(raml_file_tensor_bf16(s, row, n, h + row * cols, &err), &err);
        row += n;
    }
    assert_memory_equal(x, whole, s->n * sizeof *x);
    for (size_t k = 0; k < s->n; k++) { /* the nearest, by the definition: no neighbour is nearer */
        uint32_t bits = (uint32_t)h[k] << 16, up = bits + 0x10000, down = bits - 0x10000;
        float at, above, below;
        memcpy(&at, &bits, 4), memcpy(&above, &up, 4), memcpy(&below, &down, 4);
        double e = fabs((double)at - whole[k]);
        bool even = !(h[k] & 1);
        assert_true(e < fabs((double)above - whole[k]) || (even && e == fabs((double)above - whole[k])));
        assert_true(!(bits << 1) || e < fabs((double)below - whole[k]) ||
                    (even && e == fabs((double)below - whole[k])));
    }
    raml_file_tensor_release(s);
    must(raml_file_tensor_f32(s, 0, rows, x, &err), &err);
    assert_memory_equal(x, whole, s->n * sizeof *x);
    assert_int_equal(raml_file_tensor_f32(s, rows, 1, x, &err), RAML_ERANGE);
    assert_int_equal(raml_file_tensor_f32(s, 1, rows, x, &err), RAML_ERANGE);
    assert_int_equal(raml_file_tensor_bf16(s, 0, SIZE_MAX, h, &err), RAML_ERANGE);
    free(x);
    free(h);
}

static void test_same(void **state)
{
    char dir[4200], gguf[4200];
    (void)state;
    need_golden();
    for (size_t k = 0; k < COUNT(names); k++) {
        struct raml_model_file *a = open_file(golden(names[k], NULL, dir)),
                               *b = open_file(golden(names[k], "model.gguf", gguf));
        same_config(names[k], raml_model_file_config(a), raml_model_file_config(b));
        assert_null(raml_model_file_gguf(a));
        assert_non_null(raml_model_file_gguf(b));
        assert_string_equal(raml_model_file_path(b), gguf);
        assert_int_equal(raml_model_file_count(a), raml_model_file_count(b));
        size_t n = 0;
        for (size_t i = 0; i < raml_model_file_count(a); i++) {
            const struct raml_file_tensor *s = raml_model_file_at(a, i), *t = raml_model_file_at(b, i);
            assert_string_equal(s->name, t->name);
            assert_ptr_equal(raml_model_file_find(b, s->name), t);
            assert_true(s->n_dims == t->n_dims && !memcmp(s->shape, t->shape, sizeof s->shape) && s->n == t->n);
            float *x = all_rows(s), *y = all_rows(t);
            assert_memory_equal(x, y, s->n * sizeof *x);
            check_pieces(s, x, i);
            check_pieces(t, x, i);
            free(x);
            free(y);
            n += s->n;
        }
        assert_int_equal(n, raml_config_params(raml_model_file_config(a)));
        assert_null(raml_model_file_at(a, raml_model_file_count(a)));
        assert_null(raml_model_file_find(a, "model.layers.9.mlp.up_proj.weight"));
        raml_model_file_close(a);
        raml_model_file_close(b);
    }
}

/* -- Faults of GGUF files ------------------------------------------------------------------------------------------ */
static void expect(const char *path, enum raml_code code, const char *part)
{
    struct raml_err err = {0};
    struct raml_model_file *f = NULL;
    enum raml_code rc = raml_model_file_open(path, &f, &err);
    if (rc != code || !has(err.msg, part)) fail_msg("code %d, expected %d: %s", (int)rc, (int)code, err.msg);
    assert_true(has(err.msg, path));
    assert_null(f);
}

static void test_gguf_tensors(void **state)
{
    char from[4200], to[4200];
    struct gguf_edit e;
    static const float value[3] = {1, 2, 3};
    need_golden();
    in(*state, "m.gguf", to);
    edit_open(&e, golden("llama", "model.gguf", from));
    edit_drop_tensor(&e, "blk.1.ffn_up.weight");
    edit_write(&e, to);
    expect(to, RAML_ESHAPE, "tensor 'blk.1.ffn_up.weight' [112, 48] is missing");
    edit_open(&e, from);
    e.tensor[e.n_tensors++] = (struct raml_gguf_output){
        {.name = "blk.0.attn_q.bias", .dtype = RAML_F32, .n_dims = 1, .shape = {3}, .n = 3, .data = value}, 0};
    edit_write(&e, to);
    expect(to, RAML_ESHAPE, "tensor 'blk.0.attn_q.bias' belongs to no part of a llama model");
    edit_open(&e, from);
    struct raml_gguf_output *t = edit_tensor(&e, "blk.0.ffn_down.weight");
    t->view.shape[0] = 112, t->view.shape[1] = 48;
    edit_write(&e, to);
    expect(to, RAML_ESHAPE, "tensor 'blk.0.ffn_down.weight' has shape [112, 48]; the metadata asks for [48, 112]");
    edit_open(&e, from);
    edit_tensor(&e, "output_norm.weight")->view.n_dims = 2;
    edit_tensor(&e, "output_norm.weight")->view.shape[1] = 1;
    edit_write(&e, to);
    expect(to, RAML_ESHAPE, "tensor 'output_norm.weight' has shape [48, 1]; the metadata asks for [48]");
    edit_open(&e, golden("qwen2-tied", "model.gguf", from));
    e.tensor[e.n_tensors] = *edit_tensor(&e, "output_norm.weight");
    e.tensor[e.n_tensors++].view.name = "rope_freqs.weight";
    edit_write(&e, to);
    expect(to, RAML_ESHAPE, "tensor 'rope_freqs.weight' belongs to no part of a qwen2 model");
}

/* The type of a tensor is the four bytes after its dimensions. */
static void test_gguf_type(void **state)
{
    char from[4200], to[4200];
    static const char name[] = "blk.1.attn_v.weight";
    size_t n = 0;
    need_golden();
    char *bytes = slurp(golden("llama", "model.gguf", from), &n);
    assert_non_null(bytes);
    char *at = memmem(bytes, n, name, sizeof name - 1);
    assert_non_null(at);
    at[sizeof name - 1 + 4 + 2 * 8] = 26;
    spill(in(*state, "m.gguf", to), bytes, n);
    free(bytes);
    expect(to, RAML_ESUPPORT,
           "tensor 'blk.1.attn_v.weight' has type I32 (26); expected F32, F16, BF16, Q8_0, Q4_0, "
           "Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_NL or IQ4_XS");
}

static void test_gguf_kind(void **state)
{
    static const struct {
        const char *key, *text;
        const char *part;
    } texts[] = {
        {"general.architecture", "gemma2",
         "architecture 'gemma2' is a model with softcapped scores and logits, "
         "which is not supported; known: qwen2, qwen3, llama, smollm3, olmo2, granite, gemma3"},
        {"general.architecture", "llama4", "architecture 'llama4' is a mixture of experts, which is not supported"},
        {"general.architecture", "", "architecture '' is not known"},
        {"llama.rope.scaling.type", "longrope",
         "metadata 'llama.rope.scaling.type' is 'longrope', which is not known; "
         "known: none, linear, yarn"},
        {"general.type", "adapter", "general.type is 'adapter'; expected 'model'"},
    };
    char from[4200], to[4200];
    struct gguf_edit e;
    need_golden();
    golden("llama", "model.gguf", from);
    in(*state, "m.gguf", to);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct raml_gguf_string s = {texts[i].text, strlen(texts[i].text)};
        edit_open(&e, from);
        struct raml_gguf_entry *at = edit_entry(&e, texts[i].key);
        at->type = RAML_GGUF_STRING, at->data = &s;
        edit_write(&e, to);
        expect(to, RAML_ESUPPORT, texts[i].part);
    }
}

/* -- Rotary scaling ------------------------------------------------------------------------------------------------ */
/* llama3 scalings of real models and odd ones come back from their divisors, as in the file. */
static void test_divisors(void **state)
{
    static const struct {
        int head, original;
        double theta, factor, low, high;
    } real[] = {
        {128, 8192, 500000, 8, 1, 4},                             /* Llama 3.1 8B, 70B, 405B */
        {64, 8192, 500000, 32, 1, 4},                             /* Llama 3.2 1B */
        {128, 8192, 500000, 32, 1, 4},                            /* Llama 3.2 3B */
        {12, 64, 500000, 8, 1, 4},                                /* one dimension in between */
        {128, 4096, 10000, 4, 2, 5},                              /* 2 and 5 of 4096 */
        {128, 1000, 1e6, 16, 3, 5},    {64, 1000, 1e6, 16, 3, 4}, /* one, but closer limits */
        {16, 32, 500000, 2, 1, 4}, /* none: any limits that separate the same dimensions */
    };
    char from[4200], to[4200], back[64];
    struct gguf_edit e;
    need_golden();
    golden("llama", "model.gguf", from);
    in(*state, "m.gguf", to);
    for (size_t k = 0; k < COUNT(real); k++) {
        uint32_t D = (uint32_t)real[k].head, d = 4 * D;
        float theta = (float)real[k].theta, half[128];
        for (uint32_t i = 0; i < D / 2; i++) { /* in f32, as llama.cpp's converter works */
            float f = 1.0f / powf(theta, (float)(2 * i) / (float)D), wave = 2 * (float)M_PI / f;
            double low = real[k].original / real[k].low, high = real[k].original / real[k].high;
            float s = (float)((real[k].original / wave - real[k].low) / (real[k].high - real[k].low));
            half[i] = wave < high ? 1 : wave > low ? (float)real[k].factor : 1 / ((1 - s) / (float)real[k].factor + s);
        }
        edit_open(&e, from); /* 4 heads of this size; matrices whose numbers do not matter */
        edit_entry(&e, "llama.attention.key_length")->data = &D;
        edit_entry(&e, "llama.attention.value_length")->data = &D;
        edit_entry(&e, "llama.rope.dimension_count")->data = &D;
        edit_entry(&e, "llama.rope.freq_base")->data = &theta;
        float *zero = calloc((size_t)d * 48, sizeof *zero);
        for (int layer = 0; layer < 2; layer++)
            for (int m = 0; m < 4; m++) {
                snprintf(back, sizeof back, "blk.%d.attn_%s.weight", layer,
                         (const char *[]){"q", "k", "v", "output"}[m]);
                struct raml_tensor_view *v = &edit_tensor(&e, back)->view;
                v->shape[m == 3] = d;
                v->n = (size_t)d * 48;
                v->data = zero;
            }
        e.tensor[e.n_tensors++] = (struct raml_gguf_output){
            {.name = "rope_freqs.weight", .dtype = RAML_F32, .n_dims = 1, .shape = {D / 2}, .n = D / 2, .data = half},
            0};
        edit_write(&e, to);
        free(zero);
        struct raml_model_file *f = open_file(to);
        const struct raml_config *c = raml_model_file_config(f);
        assert_int_equal(c->rope, RAML_ROPE_LLAMA3);
        double scale = real[k].low / c->rope_low_freq; /* (C, low, high) is known up to a factor */
        assert_true(c->rope_factor == real[k].factor);
        if (k < 4) assert_true(scale == 1);
        if (k < 6) assert_true(fabs(c->rope_original_positions * scale - real[k].original) < 1e-9);
        if (k < 6) assert_true(fabs(c->rope_high_freq * scale - real[k].high) < 1e-9);
        raml_model_file_close(f);
    }
}

static void test_divisor_faults(void **state)
{
    static const struct {
        float d[7];
        size_t n;
        enum raml_code code;
        const char *part;
    } bad[] = {
        {{1, 1, 8, 8, 8}, 5, RAML_ESHAPE, "tensor 'rope_freqs.weight' has shape [5]; the metadata asks for [6]"},
        {{1, 1, 8, 8, 8, 8, 8}, 7, RAML_ESHAPE, "has shape [7]; the metadata asks for [6]"},
        {{1, 1, 0, 8, 8, 8}, 6, RAML_ERANGE, "'rope_freqs.weight': element [2] is 0; expected a positive number"},
        {{1, 1, 8, -8, 8, 8}, 6, RAML_ERANGE, "element [3] is -8; expected"},
        {{1, 1, 8, 8, NAN, 8}, 6, RAML_ERANGE, "element [4] is nan; expected"},
        {{1, 1, 8, 8, 8, INFINITY}, 6, RAML_ERANGE, "element [5] is inf; expected"},
        {{1, 8, 1, 8, 8, 8}, 6, RAML_ESUPPORT, "divisors (largest: 8) are those of no llama3 scaling"},
        {{8, 8, 8, 8, 1, 1}, 6, RAML_ESUPPORT, "are those of no llama3 scaling"},
        {{1, 2, 3, 4, 5, 6}, 6, RAML_ESUPPORT, "are those of no llama3 scaling"},
        {{0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, 6, RAML_ESUPPORT, "are those of no llama3 scaling"},
    };
    char from[4200], to[4200];
    struct gguf_edit e;
    need_golden();
    in(*state, "m.gguf", to);
    for (size_t k = 0; k < COUNT(bad); k++) {
        edit_open(&e, golden("llama3-scaled", "model.gguf", from));
        struct raml_tensor_view *v = &edit_tensor(&e, "rope_freqs.weight")->view;
        v->shape[0] = v->n = bad[k].n;
        v->data = bad[k].d;
        edit_write(&e, to);
        expect(to, bad[k].code, bad[k].part);
    }
    static const float ones[6] = {1, 1, 1, 1, 1, 1}; /* all 1: no scaling */
    edit_open(&e, from);
    edit_tensor(&e, "rope_freqs.weight")->view.data = ones;
    edit_write(&e, to);
    struct raml_model_file *f = open_file(to);
    assert_int_equal(raml_model_file_config(f)->rope, RAML_ROPE_PLAIN);
    raml_model_file_close(f);
}

static void put_real(struct gguf_edit *e, const char *key, const float *x)
{
    struct raml_gguf_entry *at = edit_entry(e, key);
    at->type = RAML_GGUF_F32, at->data = x;
}

static void test_scaling(void **state)
{
    static const struct raml_gguf_string yarn = {"yarn", 4}, linear = {"linear", 6};
    static const float four = 4, half = 0.5f, fast = 16;
    static const uint32_t original = 128;
    char from[4200], to[4200];
    struct gguf_edit e;
    need_golden();
    in(*state, "m.gguf", to);
    for (int kind = 0; kind < 3; kind++) {
        edit_open(&e, golden("qwen2-tied", "model.gguf", from));
        if (kind < 2) {
            struct raml_gguf_entry *at = edit_entry(&e, "qwen2.rope.scaling.type");
            at->type = RAML_GGUF_STRING, at->data = kind ? &yarn : &linear;
        }
        put_real(&e, kind == 2 ? "qwen2.rope.scale_linear" : "qwen2.rope.scaling.factor", &four);
        if (kind == 1) {
            put_real(&e, "qwen2.rope.scaling.attn_factor", &half);
            put_real(&e, "qwen2.rope.scaling.yarn_beta_fast", &fast);
            struct raml_gguf_entry *at = edit_entry(&e, "qwen2.rope.scaling.original_context_length");
            at->type = RAML_GGUF_U32, at->data = &original;
        }
        edit_write(&e, to);
        struct raml_model_file *f = open_file(to);
        const struct raml_config *c = raml_model_file_config(f);
        assert_int_equal(c->rope, kind == 1 ? RAML_ROPE_YARN : RAML_ROPE_LINEAR);
        assert_true(c->rope_factor == 4);
        if (kind == 1) {
            assert_true(c->rope_beta_fast == 16 && c->rope_beta_slow == 1 && c->rope_original_positions == 128);
            assert_true(fabs(c->rope_attention - 0.5 * (0.1 * log(4) + 1)) < 1e-15);
        }
        raml_model_file_close(f);
    }
}

/* -- Faults of folders --------------------------------------------------------------------------------------------- */
static void test_paths(void **state)
{
    char path[4200];
    struct raml_err err = {0};
    struct raml_model_file *f = NULL;
    assert_int_equal(raml_model_file_open(in(*state, "none", path), &f, &err), RAML_EIO);
    assert_true(has(err.msg, "none: does not exist; expected a folder with config.json, or a .gguf file"));
    spill(path, "x", 1);
    assert_int_equal(raml_model_file_open(path, &f, &err), RAML_EUSAGE);
    assert_true(has(err.msg, "none: is another kind of file; expected"));
    assert_int_equal(raml_model_file_open(in(*state, "none.gguf", path), &f, &err), RAML_EIO);
    spill(path, "x", 1);
    assert_int_equal(raml_model_file_open(path, &f, &err), RAML_EFORMAT);
    assert_int_equal(raml_model_file_open(*state, &f, &err), RAML_EIO);
    assert_true(has(err.msg, "config.json: cannot be opened"));
    assert_null(f);
}

/* The golden model's folder with one more tensor: a head beside a tied embedding, or old rotary frequencies. */
static void add_to_folder(const char *dir, const char *name, int other)
{
    char path[4200];
    struct raml_err err = {0};
    struct raml_safetensors *s = NULL;
    struct raml_config c;
    struct raml_tensor_view v[EDIT_MAX];
    must(raml_config_read(golden("qwen2-tied", "config.json", path), &c, &err), &err);
    must(raml_config_write(&c, in(dir, "config.json", path), &err), &err);
    must(raml_safetensors_open(golden("qwen2-tied", "model.safetensors", path), &s, &err), &err);
    size_t n = raml_safetensors_count(s);
    for (size_t i = 0; i < n; i++) v[i] = *raml_safetensors_at(s, i);
    v[n] = *raml_safetensors_find(s, "model.embed_tokens.weight");
    v[n].name = name;
    float *x = malloc(v[n].n * sizeof *x);
    assert_non_null(x);
    memcpy(x, v[n].data, v[n].n * sizeof *x);
    if (other) x[17] += 1;
    v[n].data = x;
    must(raml_safetensors_write(in(dir, "model.safetensors", path), v, n + 1, NULL, &err), &err);
    raml_safetensors_close(s);
    free(x);
}

static void test_more_tensors(void **state)
{
    need_golden();
    add_to_folder(*state, "lm_head.weight", 0);
    struct raml_model_file *f = open_file(*state);
    assert_null(raml_model_file_find(f, "lm_head.weight"));
    raml_model_file_close(f);
    add_to_folder(*state, "lm_head.weight", 1);
    expect(*state, RAML_ESHAPE, "tensor 'lm_head.weight' differs from 'model.embed_tokens.weight'");
    add_to_folder(*state, "model.layers.0.self_attn.rotary_emb.inv_freq", 0);
    raml_model_file_close(open_file(*state));
    add_to_folder(*state, "model.layers.0.self_attn.sinks", 0);
    expect(*state, RAML_ESHAPE, "tensor 'model.layers.0.self_attn.sinks' belongs to no part of a qwen2 model");
}

static void test_not_finite(void **state)
{
    char from[4200], to[4200];
    struct gguf_edit e;
    struct raml_err err = {0};
    float x[48 * 48], row[5 * 48];
    uint16_t h[5 * 48];
    need_golden();
    edit_open(&e, golden("llama", "model.gguf", from));
    struct raml_tensor_view *v = &edit_tensor(&e, "blk.0.attn_q.weight")->view;
    memcpy(x, v->data, sizeof x);
    /* the file's row 12 + 3 of 4 heads of 12: pair 1 of head 1, its second: row 12 + 6 + 1 */
    x[15 * 48 + 7] = NAN;
    x[40 * 48 + 2] = -INFINITY;
    x[46 * 48] = 3.4e38f; /* head 3, pair 5, first: row 36 + 5; too large for bf16 */
    v->data = x;
    edit_write(&e, in(*state, "m.gguf", to));
    struct raml_model_file *f = open_file(to);
    const struct raml_file_tensor *s = raml_model_file_find(f, "model.layers.0.self_attn.q_proj.weight");
    assert_non_null(s);
    assert_int_equal(raml_file_tensor_f32(s, 15, 5, row, &err), RAML_ERANGE);
    assert_true(
        has(err.msg, "m.gguf: tensor 'model.layers.0.self_attn.q_proj.weight': element [19,7] is NaN; expected"));
    assert_int_equal(raml_file_tensor_bf16(s, 15, 5, h, &err), RAML_ERANGE);
    assert_true(has(err.msg, "element [19,7] is NaN; expected"));
    assert_int_equal(raml_file_tensor_f32(s, 38, 1, row, &err), RAML_ERANGE); /* row 40: head 3, pair 2, first */
    assert_true(has(err.msg, "element [38,2] is -infinity; expected"));
    must(raml_file_tensor_f32(s, 41, 1, row, &err), &err);
    assert_int_equal(raml_file_tensor_bf16(s, 41, 1, h, &err), RAML_ERANGE);
    assert_true(has(err.msg, "element [41,0] is infinity, or too large for bf16; expected a finite number"));
    must(raml_file_tensor_f32(s, 0, 15, x, &err), &err);
    raml_model_file_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test_setup_teardown(test_gguf_tensors, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_gguf_type, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_gguf_kind, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_divisors, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_divisor_faults, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_scaling, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_paths, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_more_tensors, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_not_finite, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
