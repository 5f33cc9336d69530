/* Models converted: folder -> GGUF -> folder keeps every bit; types, shards, metadata, faults. */
#include "core/scratch.h"

#include "modelfile/gguf_edit.h"
#include "modelfile/on_disk.h"

#undef COUNT
#include "model/rig.h"

#include "raml/modelfile.h"
#include "store/tensors.h"

#include <math.h>

static struct raml_save_options as(enum raml_store_as type)
{
    struct raml_save_options o = raml_save_options_default();
    o.as = type;
    return o;
}

static void to_gguf(const char *from, const char *to, enum raml_store_as type)
{
    struct raml_save_options o = as(type);
    struct raml_model_file *f = open_file(from);
    MUST(raml_model_file_save_gguf(f, to, &o, err));
    raml_model_file_close(f);
}

static void to_folder(const char *from, const char *to, enum raml_store_as type)
{
    struct raml_save_options o = as(type);
    struct raml_model_file *f = open_file(from);
    MUST(raml_make_dir(to, err));
    MUST(raml_model_file_save_folder(f, to, &o, err));
    raml_model_file_close(f);
}

static void same_bytes(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    char *x = slurp(a, &n), *y = slurp(b, &m);
    assert_true(x && y && n > 100);
    if (n != m || memcmp(x, y, n)) fail_msg("%s and %s differ", a, b);
    free(x);
    free(y);
}

/* -- Every bit ----------------------------------------------------------------------------------------------------- */
/* The golden GGUF files were written by other programs, llama's q and k in GGUF's order. */
static void same_tensors(const char *a, const char *b)
{
    struct raml_gguf *g = NULL, *h = NULL;
    MUST(raml_gguf_open(a, &g, err));
    MUST(raml_gguf_open(b, &h, err));
    assert_int_equal(raml_gguf_n_tensors(g), raml_gguf_n_tensors(h));
    for (size_t i = 0; i < raml_gguf_n_tensors(g); i++) {
        const struct raml_gguf_tensor *t = raml_gguf_tensor_at(g, i), *u = raml_gguf_tensor_find(h, t->name);
        assert_non_null(u);
        assert_true(t->type == u->type && t->n_dims == u->n_dims && !memcmp(t->shape, u->shape, sizeof t->shape));
        if (strcmp(t->name, "rope_freqs.weight") != 0) {
            assert_memory_equal(t->data, u->data, t->bytes);
            continue;
        }
        for (size_t k = 0; k < t->n; k++) {
            float x = ((const float *)t->data)[k], y = ((const float *)u->data)[k];
            assert_true(fabsf(x - y) <= 2e-6f * x);
        }
    }
    for (size_t i = 0; i < raml_gguf_n_values(h); i++) /* the golden file's metadata are there, and the same */
    {
        const struct raml_gguf_value *v = raml_gguf_value_at(h, i), *w = raml_gguf_value_find(g, v->key);
        if (!w) fail_msg("no metadata %s", v->key);
        assert_int_equal(v->type, w->type);
        if (v->type != RAML_GGUF_STRING) assert_memory_equal(v->data, w->data, 4);
    }
    raml_gguf_close(g);
    raml_gguf_close(h);
}

static void test_bits(void **state)
{
    char from[4200], gguf[4200], gguf2[4200], dir[4200], dir2[4200], a[4200], b[4200];
    need_golden();
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        for (int type = RAML_STORE_KEEP; type <= RAML_STORE_BF16; type++) {
            enum raml_store_as s = (enum raml_store_as)type;
            golden(names[k], NULL, from);
            to_folder(from, in(*state, "dir", dir), s); /* in BF16, this is the model */
            to_gguf(dir, in(*state, "m.gguf", gguf), s);
            to_folder(gguf, in(*state, "dir2", dir2), s);
            same_bytes(in(dir, "model.safetensors", a), in(dir2, "model.safetensors", b));
            same_bytes(in(dir, "config.json", a), in(dir2, "config.json", b));
            to_gguf(gguf, in(*state, "m2.gguf", gguf2), RAML_STORE_KEEP);
            same_bytes(gguf, gguf2);
            struct raml_model_file *f = open_file(from), *g = open_file(gguf), *h = open_file(dir);
            same_config(names[k], raml_model_file_config(f), raml_model_file_config(g));
            for (size_t i = 0; i < raml_model_file_count(f); i++) {
                const struct raml_file_tensor *p = raml_model_file_at(f, i), *q = raml_model_file_at(h, i);
                assert_int_equal(q->type, s == RAML_STORE_BF16 ? RAML_GGML_BF16 : RAML_GGML_F32);
                if (s != RAML_STORE_BF16) assert_memory_equal(p->data, q->data, p->bytes);
            }
            raml_model_file_close(f);
            raml_model_file_close(g);
            raml_model_file_close(h);
            if (s == RAML_STORE_F32) same_tensors(gguf, golden(names[k], "model.gguf", b));
        }
}

/* config.json gives the type of the tensors. */
static void test_torch_dtype(void **state)
{
    char dir[4200], path[4200], from[4200];
    need_golden();
    for (int type = RAML_STORE_F32; type <= RAML_STORE_BF16; type++) {
        to_folder(golden("qwen3", NULL, from), in(*state, "dir", dir), (enum raml_store_as)type);
        char *text = slurp(in(dir, "config.json", path), NULL);
        assert_true(
            has(text, type == RAML_STORE_F32 ? "\"torch_dtype\": \"float32\"" : "\"torch_dtype\": \"bfloat16\""));
        free(text);
    }
}

/* -- Types --------------------------------------------------------------------------------------------------------- */
/* hidden: 0: rig.h's; 64: rows of whole blocks. */
static void save_rig(const char *dir, int kind, int hidden)
{
    struct raml_device *dev = rig_device(1, "auto", false);
    struct raml_config c = rig_config(kind, false);
    if (hidden) c.hidden_size = hidden;
    if (hidden == 64) {
        c.intermediate_size = 96;
        c.head_dim = 16;
    }
    if (kind == RIG_GEMMA3) c.embedding_scale = sqrt(c.hidden_size);
    c.bos_token = 1, c.eos_token = 2;
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    MUST(raml_make_dir(dir, err));
    MUST(raml_model_save(m, dir, err));
    raml_model_close(m);
    raml_device_close(dev);
}

static float *rows_of(const struct raml_file_tensor *s)
{
    float *x = malloc(s->n * sizeof *x);
    assert_non_null(x);
    MUST(raml_file_tensor_f32(s, 0, s->shape[0], x, err));
    return x;
}

/* norm: what the file's norms may be off by: GGUF has 1 + w of Gemma's. */
static void check_q8(const struct raml_file_tensor *p, const struct raml_file_tensor *q, bool blocks, float norm)
{
    float *x = rows_of(p), *y = rows_of(q);
    bool whole = p->n_dims == 2 && p->shape[1] % 32 == 0;
    assert_int_equal(q->type, p->n_dims == 1 ? RAML_GGML_F32 : whole ? RAML_GGML_Q8_0 : RAML_GGML_F16);
    if (blocks && p->n_dims == 2 && !strstr(p->name, "o_proj")) assert_true(whole);
    for (size_t i = 0; i < p->n; i++) {
        float most = 0;
        for (size_t k = i / 32 * 32; whole && k < i / 32 * 32 + 32; k++) most = fmaxf(most, fabsf(x[k]));
        float tol = p->n_dims == 1 ? norm : whole ? most / 127 * 0.5005f : fabsf(x[i]) * 0x1p-11f + 0x1p-25f;
        assert_true(fabsf(x[i] - y[i]) <= tol);
    }
    free(x);
    free(y);
}

static void test_q8_0(void **state)
{
    char dir[4200], gguf[4200], again[4200], back[4200], name[32];
    for (int kind = 0; kind < RIG_KINDS; kind++)
        for (int blocks = 0; blocks < 2; blocks++) {
            snprintf(name, sizeof name, "rig%d%d", kind, blocks);
            save_rig(in(*state, name, dir), kind, blocks ? 64 : 0);
            to_gguf(dir, in(*state, "q.gguf", gguf), RAML_STORE_Q8_0);
            struct raml_model_file *f = open_file(dir), *g = open_file(gguf);
            same_config(name, raml_model_file_config(f), raml_model_file_config(g));
            int64_t type = -1;
            MUST(raml_gguf_integer(raml_model_file_gguf(g), "general.file_type", &type, err));
            assert_int_equal(type, blocks ? 7 : 1);
            for (size_t i = 0; i < raml_model_file_count(f); i++)
                check_q8(raml_model_file_at(f, i), raml_model_file_at(g, i), blocks, kind == RIG_GEMMA3 ? 1.2e-7f : 0);
            to_gguf(gguf, in(*state, "again.gguf", again), RAML_STORE_KEEP); /* blocks are carried over as they are */
            same_bytes(gguf, again);
            to_folder(gguf, in(*state, "back", back), RAML_STORE_KEEP); /* quantised: F32, which holds them */
            struct raml_model_file *h = open_file(back);
            for (size_t i = 0; i < raml_model_file_count(g); i++) {
                const struct raml_file_tensor *p = raml_model_file_at(g, i), *q = raml_model_file_at(h, i);
                float *x = rows_of(p), *y = rows_of(q);
                assert_int_equal(q->type, p->type == RAML_GGML_F16 ? RAML_GGML_F16 : RAML_GGML_F32);
                assert_memory_equal(x, y, p->n * sizeof *x);
                free(x);
                free(y);
            }
            raml_model_file_close(f);
            raml_model_file_close(g);
            raml_model_file_close(h);
        }
}

/* -- Scalings ------------------------------------------------------------------------------------------------------ */
static void test_scalings(void **state)
{
    char dir[4200], path[4200], gguf[4200];
    save_rig(in(*state, "rig", dir), RIG_QWEN2, 0);
    struct raml_config first;
    MUST(raml_config_read(in(dir, "config.json", path), &first, err));
    for (int k = 0; k < 5; k++) {
        struct raml_config c = first;
        c.rope = k == 0 ? RAML_ROPE_LINEAR : k < 4 ? RAML_ROPE_YARN : RAML_ROPE_PLAIN;
        c.rope_factor = k < 4 ? 4 : 0;
        c.rope_theta = 1234567;
        c.rms_norm_eps = 1e-5;
        if (c.rope == RAML_ROPE_YARN) {
            c.rope_beta_fast = k == 2 ? 16 : 32;
            c.rope_beta_slow = k == 2 ? 2 : 1;
            c.rope_attention = k == 3 ? 0.25 * (0.1 * log(4) + 1) : 0.1 * log(4) + 1;
            c.rope_original_positions = 150;
        }
        MUST(raml_config_write(&c, path, err));
        to_gguf(dir, in(*state, "m.gguf", gguf), RAML_STORE_BF16);
        struct raml_model_file *a = open_file(dir), *b = open_file(gguf);
        if (k == 0) assert_true(raml_model_file_config(b)->rope_factor == 4);
        same_config("scaling", raml_model_file_config(a), raml_model_file_config(b));
        raml_model_file_close(a);
        raml_model_file_close(b);
    }
}

/* -- Shards -------------------------------------------------------------------------------------------------------- */
static void test_shards(void **state)
{
    char from[4200], dir[4200], path[4200], gguf[4200];
    need_golden();
    struct raml_save_options o = as(RAML_STORE_KEEP);
    struct raml_model_file *f = open_file(golden("qwen2-untied", NULL, from));
    o.max_shard_bytes = 50000; /* the embedding has 30720, down_proj 21504 */
    MUST(raml_make_dir(in(*state, "dir", dir), err));
    MUST(raml_model_file_save_folder(f, dir, &o, err));
    assert_false(raml_is_file(in(dir, "model.safetensors", path)));
    struct raml_tensors *t = NULL;
    MUST(raml_tensors_open(dir, &t, err)); /* checks that index and files agree */
    assert_true(has(raml_tensors_path(t), "model.safetensors.index.json"));
    raml_tensors_close(t);
    size_t n = 0;
    for (size_t i = 1; i <= 6; i++) {
        char name[64];
        struct raml_safetensors *s = NULL;
        snprintf(name, sizeof name, "model-%05zu-of-00006.safetensors", i);
        if (!raml_is_file(in(dir, name, path))) break;
        MUST(raml_safetensors_open(path, &s, err));
        size_t bytes = 0;
        for (size_t k = 0; k < raml_safetensors_count(s); k++) bytes += raml_safetensors_at(s, k)->n * 4;
        assert_true(bytes <= o.max_shard_bytes);
        raml_safetensors_close(s);
        n++;
    }
    assert_int_equal(n, 6); /* 247488 bytes */
    struct raml_model_file *g = open_file(dir);
    same_config("shards", raml_model_file_config(f), raml_model_file_config(g));
    for (size_t i = 0; i < raml_model_file_count(f); i++)
        assert_memory_equal(raml_model_file_at(f, i)->data, raml_model_file_at(g, i)->data,
                            raml_model_file_at(f, i)->bytes);
    raml_model_file_close(f);
    raml_model_file_close(g);
    to_gguf(dir, in(*state, "m.gguf", gguf), RAML_STORE_F32);
    same_tensors(gguf, golden("qwen2-untied", "model.gguf", from));
    o.max_shard_bytes = 1; /* every tensor is larger: a file each */
    f = open_file(gguf);
    MUST(raml_make_dir(in(*state, "one", dir), err));
    MUST(raml_model_file_save_folder(f, dir, &o, err));
    n = raml_model_file_count(f);
    char name[64];
    snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", n, n);
    assert_true(raml_is_file(in(dir, name, path)));
    raml_model_file_close(f);
    raml_model_file_close(open_file(dir));
}

/* Norms in F32, matrices in BF16 of an odd number of elements (37 rows of 27): each still starts aligned. */
static void test_mixed(void **state)
{
    char dir[4200], gguf[4200], back[4200];
    save_rig(in(*state, "rig", dir), RIG_QWEN3, 27);
    to_gguf(dir, in(*state, "m.gguf", gguf), RAML_STORE_BF16);
    to_folder(gguf, in(*state, "back", back), RAML_STORE_KEEP);
    struct raml_model_file *g = open_file(gguf), *h = open_file(back);
    for (size_t i = 0; i < raml_model_file_count(g); i++) {
        const struct raml_file_tensor *p = raml_model_file_at(g, i), *q = raml_model_file_find(h, p->name);
        float *x = rows_of(p), *y = rows_of(q);
        assert_int_equal(q->type, p->n_dims == 1 ? RAML_GGML_F32 : RAML_GGML_BF16);
        assert_memory_equal(x, y, p->n * sizeof *x);
        free(x);
        free(y);
    }
    raml_model_file_close(g);
    raml_model_file_close(h);
}

/* -- Ends of a text ------------------------------------------------------------------------------------------------ */
/* A folder of these ends (up to -1) as GGUF, as GGUF again, and back. */
static void check_ends(const char *scratch, const int *ends, bool listed)
{
    char dir[4200], gguf[4200], again[4200], back[4200], path[4200];
    struct raml_config c;
    save_rig(in(scratch, "rig", dir), RIG_LLAMA, 0);
    MUST(raml_config_read(in(dir, "config.json", path), &c, err));
    c.eos_token = -1;
    for (; *ends >= 0; ends++) assert_true(raml_config_add_eos(&c, *ends));
    MUST(raml_config_write(&c, path, err));
    to_gguf(dir, in(scratch, "a.gguf", gguf), RAML_STORE_KEEP);
    to_gguf(gguf, in(scratch, "b.gguf", again), RAML_STORE_KEEP);
    same_bytes(gguf, again);
    to_folder(gguf, in(scratch, "back", back), RAML_STORE_KEEP);
    struct raml_model_file *g = open_file(gguf), *h = open_file(back);
    same_config("GGUF", &c, raml_model_file_config(g));
    same_config("folder", &c, raml_model_file_config(h));
    assert_int_equal(raml_gguf_value_find(raml_model_file_gguf(g), "raml.end_token_ids") != NULL, listed);
    raml_model_file_close(g);
    raml_model_file_close(h);
}

static void test_ends(void **state)
{
    static const int many[] = {9, 8, 7, 6, 5, 4, 3, 2, 1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, -1};
    check_ends(*state, (const int[]){-1}, false);
    check_ends(*state, (const int[]){3, -1}, false);
    check_ends(*state, (const int[]){3, 1, -1}, false);
    check_ends(*state, (const int[]){3, 0, 2, -1}, false);
    check_ends(*state, (const int[]){3, 0, 2, 1, -1}, true);
    check_ends(*state, many, true);
}

/* Neither llama.cpp nor raml reads rope_freqs.weight beside these architectures. */
static void test_llama3_scaling_of_qwen(void **state)
{
    char dir[4200], path[4200], gguf[4200];
    static const int kinds[] = {RIG_QWEN2, RIG_QWEN3};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct raml_config c;
        struct raml_err why = {0};
        struct raml_save_options o = as(RAML_STORE_KEEP);
        save_rig(in(*state, i ? "q3" : "q2", dir), kinds[i], 0);
        MUST(raml_config_read(in(dir, "config.json", path), &c, err));
        c.rope = RAML_ROPE_LLAMA3, c.rope_factor = 8, c.rope_low_freq = 1, c.rope_high_freq = 4;
        c.rope_original_positions = 16;
        MUST(raml_config_write(&c, path, err));
        struct raml_model_file *f = open_file(dir);
        assert_int_equal(raml_model_file_save_gguf(f, in(*state, "no.gguf", gguf), &o, &why), RAML_ESUPPORT);
        assert_true(has(why.msg, "no place for llama3 rotary scaling of a qwen"));
        assert_false(raml_is_file(gguf));
        raml_model_file_close(f);
    }
}

/* -- Metadata ------------------------------------------------------------------------------------------------------ */
static void test_metadata(void **state)
{
    static const struct raml_gguf_string model = {"gpt2", 4}, words[] = {{"a", 1}, {"bc", 2}}, text = {"mine", 4};
    static const uint32_t eos = 7;
    static const struct raml_gguf_entry more[] = {
        {"tokenizer.ggml.model", RAML_GGUF_STRING, 0, 1, &model},
        {"tokenizer.ggml.tokens", RAML_GGUF_ARRAY, RAML_GGUF_STRING, 2, words},
        {"tokenizer.ggml.eos_token_id", RAML_GGUF_U32, 0, 1, &eos},
    };
    char dir[4200], a[4200], b[4200];
    struct gguf_edit e;
    struct raml_gguf_string s;
    int64_t n = 0;
    save_rig(in(*state, "rig", dir), RIG_LLAMA, 0);
    struct raml_save_options o = as(RAML_STORE_F32);
    o.name = "little", o.more = more, o.n_more = 3;
    struct raml_model_file *f = open_file(dir);
    MUST(raml_model_file_save_gguf(f, in(*state, "a.gguf", a), &o, err));
    raml_model_file_close(f);
    for (int k = 0; k < 2; k++) { /* as written; as rewritten from a file that has one more entry */
        f = open_file(k ? b : a);
        const struct raml_gguf *g = raml_model_file_gguf(f);
        MUST(raml_gguf_string(g, "general.name", &s, err));
        assert_true(s.n == 6 && !memcmp(s.bytes, "little", 6));
        MUST(raml_gguf_string(g, "tokenizer.ggml.model", &s, err));
        assert_true(s.n == 4);
        assert_int_equal(raml_gguf_value_find(g, "tokenizer.ggml.tokens")->n, 2);
        MUST(raml_gguf_integer(g, "tokenizer.ggml.eos_token_id", &n, err));
        assert_int_equal(n, 7); /* the tokenizer's, not config.json's */
        MUST(raml_gguf_integer(g, "tokenizer.ggml.bos_token_id", &n, err));
        assert_int_equal(n, 1); /* config.json's */
        if (k) {
            MUST(raml_gguf_string(g, "general.author", &s, err));
            assert_true(s.n == 4 && !memcmp(s.bytes, "mine", 4));
        } else {
            MUST(raml_model_file_save_gguf(f, in(*state, "b.gguf", b), &o, err));
            edit_open(&e, a);
            struct raml_gguf_entry *at = edit_entry(&e, "general.author");
            at->type = RAML_GGUF_STRING, at->data = &text;
            at = edit_entry(&e, "tokenizer.ggml.tokens");
            at->data = words; /* an array of texts is not handled by edit_open */
            edit_write(&e, in(*state, "c.gguf", b));
            to_gguf(b, in(*state, "b.gguf", a), RAML_STORE_KEEP);
            snprintf(b, sizeof b, "%s", a);
        }
        raml_model_file_close(f);
    }
}

/* -- Faults -------------------------------------------------------------------------------------------------------- */
static bool stop_now(void *user)
{
    return ++*(int *)user > 3;
}

static void test_faults(void **state)
{
    char dir[4200], path[4200], to[4200];
    struct raml_err fault = {0};
    int asked = 0;
    const struct raml_sink sink = {.stop = stop_now, .user = &asked};
    save_rig(in(*state, "rig", dir), RIG_LLAMA, 64);
    spill(in(*state, "m.gguf", to), "before", 6);
    struct raml_save_options o = as(RAML_STORE_Q8_0);
    struct raml_model_file *f = open_file(dir);
    assert_int_equal(raml_model_file_save_folder(f, dir, &o, &fault), RAML_EUSAGE);
    assert_true(has(fault.msg, "Q8_0 is not written to folders"));
    o.sink = &sink;
    assert_int_equal(raml_model_file_save_gguf(f, to, &o, &fault), RAML_ESTOP);
    raml_model_file_close(f);
    o.sink = NULL;
    static const struct {
        float value;
        enum raml_store_as as;
        const char *part;
    } bad[] = {
        {NAN, RAML_STORE_F32, "tensor 'model.layers.1.self_attn.k_proj.weight': element [3,5] is NaN"},
        {-INFINITY, RAML_STORE_BF16, "tensor 'model.layers.1.self_attn.k_proj.weight': element [3,5] is -infinity"},
        {3.4e38f, RAML_STORE_BF16, "element [3,5] is infinity, or too large for bf16"},
        {1e30f, RAML_STORE_Q8_0, "element [3,0] or one of its block is too large for Q8_0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct raml_safetensors *s = NULL;
        struct raml_tensor_view v[64];
        MUST(raml_safetensors_open(in(dir, "model.safetensors", path), &s, err));
        size_t n = raml_safetensors_count(s);
        for (size_t k = 0; k < n; k++) v[k] = *raml_safetensors_at(s, k);
        for (size_t k = 0; k < n; k++)
            if (!strcmp(v[k].name, "model.layers.1.self_attn.k_proj.weight")) {
                float *x = malloc(v[k].n * sizeof *x);
                memcpy(x, v[k].data, v[k].n * sizeof *x);
                x[3 * 64 + 5] = bad[i].value;
                v[k].data = x;
                MUST(raml_safetensors_write(path, v, n, NULL, err));
                free(x);
            }
        raml_safetensors_close(s);
        o.as = bad[i].as;
        f = open_file(dir);
        assert_int_equal(raml_model_file_save_gguf(f, to, &o, &fault), RAML_ERANGE);
        assert_true(has(fault.msg, bad[i].part) && has(fault.msg, path));
        raml_model_file_close(f);
    }
    size_t n = 0;
    char *text = slurp(to, &n);
    assert_true(n == 6 && !strcmp(text, "before"));
    free(text);
    assert_false(raml_is_file(in(*state, "m.gguf.tmp", path)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bits, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_torch_dtype, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_q8_0, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_scalings, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_shards, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_mixed, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_ends, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_llama3_scaling_of_qwen, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_metadata, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_faults, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
