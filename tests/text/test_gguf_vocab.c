/* test_gguf_vocab.c - tokenizers from GGUF files and as GGUF metadata: what is written reads back the same; errors. */
#include "core/scratch.h"

#include "raml/gguf.h"
#include "raml/tokenizer.h"

#include <jansson.h>

#define DATA RAML_SHARED "/data/tokenizer/"

static bool have_data(void)
{
    if (raml_is_file(DATA "qwen3/tokenizer.json")) return true;
    fprintf(stderr, "SKIPPED: %s is absent: tokenizers were NOT checked against real vocabularies\n", DATA);
    return false;
}

static struct raml_tokenizer *open_tokenizer(const char *path)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    must(raml_tokenizer_open(path, &t, &err), &err);
    return t;
}

static void same_ids(const struct raml_tokenizer *a, const struct raml_tokenizer *b, const char *text, size_t n)
{
    struct raml_err err = {0};
    for (int special = 0; special < 2; special++) {
        struct raml_tokens x = {0}, y = {0};
        enum raml_code rc = raml_tokenizer_encode(a, text, n, special, &x, &err); /* DeepSeek's has no token for ff */
        assert_int_equal(raml_tokenizer_encode(b, text, n, special, &y, &err), rc);
        if (rc) assert_true(rc == RAML_ERANGE && memchr(text, 0xff, n));
        if (x.n != y.n || (x.n && memcmp(x.id, y.id, x.n * sizeof *x.id))) fail_msg("'%.*s': other ids", (int)n, text);
        raml_tokens_deinit(&x);
        raml_tokens_deinit(&y);
    }
}

/* Writes t as GGUF metadata, opens it again, and compares the ids of every text that the data has. */
static void check_written(const char *dir, const struct raml_tokenizer *t, const struct raml_tokenizer_config *c,
                          size_t size, const char *pre)
{
    char path[4200];
    struct raml_err err = {0};
    struct raml_gguf_vocabulary v;
    struct raml_gguf *g = NULL;
    struct raml_gguf_string s;
    must(raml_gguf_vocabulary_init(&v, t, c, size, "test", &err), &err);
    must(raml_gguf_write(in(dir, "t.gguf", path), v.entry, v.n, NULL, 0, &err), &err);
    raml_gguf_vocabulary_deinit(&v);
    must(raml_gguf_open(path, &g, &err), &err);
    must(raml_gguf_string(g, "tokenizer.ggml.pre", &s, &err), &err);
    assert_true(s.n == strlen(pre) && !memcmp(s.bytes, pre, s.n));
    assert_int_equal(raml_gguf_value_find(g, "tokenizer.ggml.tokens")->n, size);
    raml_gguf_close(g);
    struct raml_tokenizer *u = open_tokenizer(path);
    assert_int_equal(raml_tokenizer_size(u), raml_tokenizer_size(t)); /* padding is dropped */
    for (int32_t id = 0; id < raml_tokenizer_size(t); id++)
        assert_true(raml_tokenizer_is_special(t, id) == raml_tokenizer_is_special(u, id));
    static const char *const more[] = {"", "<|endoftext|>x<think>1+1</think>", "\xff\x00z", "e\xcc\x81t\xc3\xa9 ",
                                       "<s>"};
    for (size_t i = 0; i < COUNT(more); i++) same_ids(t, u, more[i], i == 2 ? 3 : strlen(more[i]));
    FILE *rows = raml_is_file(DATA "extra_qwen3.jsonl") ? fopen(DATA "extra_qwen3.jsonl", "r") : NULL;
    for (json_t *row; rows && (row = json_loadf(rows, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL));
         json_decref(row)) {
        const json_t *text = json_object_get(row, "text");
        same_ids(t, u, json_string_value(text), json_string_length(text));
    }
    if (rows) fclose(rows);
    raml_tokenizer_close(u);
}

static void test_bytes(void **state)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    must(raml_tokenizer_bytes(&t, &err), &err);
    check_written(*state, t, NULL, (size_t)raml_tokenizer_size(t), "gpt-2");
    check_written(*state, t, NULL, 512, "gpt-2"); /* a model with a larger vocabulary */
    struct raml_gguf_vocabulary v;
    assert_int_equal(raml_gguf_vocabulary_init(&v, t, NULL, 100, "small", &err), RAML_ESHAPE);
    assert_true(has(err.msg, "small: the tokenizer has 261 tokens; the model has 100"));
    raml_tokenizer_close(t);
}

static void test_real(void **state)
{
    static const struct {
        const char *file, *pre;
        size_t size;
        /* clang-format off */
    } real[] = {{"qwen3", "qwen2", 151936}, {"ggml-vocab-llama-bpe.gguf", "llama-bpe", 128256},
                {"ggml-vocab-deepseek-llm.gguf", "deepseek-llm", 102400}, {"ggml-vocab-gpt-2.gguf", "gpt-2", 50257}};
    /* clang-format on */
    if (!have_data()) skip();
    for (size_t i = 0; i < COUNT(real); i++) {
        char path[512];
        struct raml_err err = {0};
        struct raml_tokenizer_config c;
        snprintf(path, sizeof path, "%s%s", DATA, real[i].file);
        struct raml_tokenizer *t = open_tokenizer(path);
        must(raml_tokenizer_config_read(path, &c, &err), &err);
        check_written(*state, t, &c, real[i].size, real[i].pre);
        raml_tokenizer_config_deinit(&c);
        raml_tokenizer_close(t);
    }
}

static void same_text(const char *a, const char *b)
{
    assert_true((a == NULL) == (b == NULL));
    if (a) assert_string_equal(a, b);
}

/* Folder, its GGUF, and the folder written from that agree. */
static void test_config(void **state)
{
    char path[4200], gguf[4200];
    struct raml_err err = {0};
    struct raml_tokenizer_config a, b;
    struct raml_tokenizer *t = NULL;
    struct raml_gguf_vocabulary v;
    /* clang-format off */
    static const char *const files[] = {
        "{\"bos_token\": null, \"eos_token\": {\"content\": \"</think>\", \"lstrip\": false}, \"add_bos_token\": false, \"chat_template\": \"{{ x }}\\u00e9\"}",
        "{\"bos_token\": \"<|endoftext|>\", \"add_bos_token\": true, \"chat_template\": [{\"name\": \"tool\", \"template\": \"no\"}, {\"name\": \"default\", \"template\": \"yes\"}]}",
        "{}",
    };
    /* clang-format on */
    must(raml_tokenizer_bytes(&t, &err), &err);
    must(raml_tokenizer_config_read(*state, &a, &err), &err);
    assert_true(!a.bos && !a.eos && !a.chat_template && a.add_bos == -1);
    for (size_t i = 0; i < COUNT(files); i++) {
        spill(in(*state, "tokenizer_config.json", path), files[i], strlen(files[i]));
        must(raml_tokenizer_config_read(*state, &a, &err), &err);
        if (i == 0) assert_true(!a.bos && !strcmp(a.eos, "</think>") && !strcmp(a.chat_template, "{{ x }}\xc3\xa9"));
        if (i == 1) assert_true(!strcmp(a.bos, "<|endoftext|>") && !a.eos && !strcmp(a.chat_template, "yes"));
        must(raml_tokenizer_config_write(&a, path, &err), &err);
        must(raml_tokenizer_config_read(*state, &b, &err), &err);
        same_text(a.bos, b.bos), same_text(a.eos, b.eos), same_text(a.chat_template, b.chat_template);
        assert_int_equal(a.add_bos, b.add_bos);
        raml_tokenizer_config_deinit(&b);
        must(raml_gguf_vocabulary_init(&v, t, &a, 261, "test", &err), &err);
        must(raml_gguf_write(in(*state, "t.gguf", gguf), v.entry, v.n, NULL, 0, &err), &err);
        raml_gguf_vocabulary_deinit(&v);
        must(raml_tokenizer_config_read(gguf, &b, &err), &err);
        same_text(a.bos, b.bos), same_text(a.eos, b.eos), same_text(a.chat_template, b.chat_template);
        assert_int_equal(b.add_bos, a.add_bos > 0);
        raml_tokenizer_config_deinit(&a);
        raml_tokenizer_config_deinit(&b);
    }
    spill(in(*state, "chat_template.jinja", path), "file", 4); /* wins */
    spill(in(*state, "tokenizer_config.json", path), files[0], strlen(files[0]));
    must(raml_tokenizer_config_read(*state, &a, &err), &err);
    assert_string_equal(a.chat_template, "file");
    raml_tokenizer_config_deinit(&a);
    spill(path, "{\"eos_token\": 3}", 16);
    assert_int_equal(raml_tokenizer_config_read(*state, &a, &err), RAML_EFORMAT);
    assert_true(has(err.msg, "field 'eos_token' is a number; expected a text"));
    assert_true(!a.eos && !a.chat_template);
    raml_tokenizer_close(t);
}

/* -- Faults -------------------------------------------------------------------------------------------------------- */
static const struct raml_gguf_string gpt2 = {"gpt2", 4}, spm = {"llama", 5}, pre = {"gpt-2", 5}, odd = {"odd", 3};
static const struct raml_gguf_string tokens[] = {{"a", 1}, {"b", 1}}, broken[] = {{"a", 1}, {"\xff", 1}};
static const int32_t types[] = {1, 1, 1}, byte_type[] = {1, 6};
static const float scores[] = {-1, -2};

static void test_faults(void **state)
{
#define ONE(key, value)                                                                                                \
    {                                                                                                                  \
        "tokenizer.ggml." key, RAML_GGUF_STRING, 0, 1, &value                                                          \
    }
#define LIST(key, kind, n, values)                                                                                     \
    {                                                                                                                  \
        "tokenizer.ggml." key, RAML_GGUF_ARRAY, kind, n, values                                                        \
    }
    static const struct {
        struct raml_gguf_entry e[6];
        enum raml_code code;
        const char *part;
        /* clang-format off */
    } bad[] = {
        {{{0}}, RAML_EFORMAT, "metadata 'tokenizer.ggml.model' is missing"},
        {{ONE("model", odd)}, RAML_ESUPPORT, "tokenizer.ggml.model is 'odd'; this version reads 'gpt2' (byte-level BPE) and 'llama'"},
        {{ONE("model", spm)}, RAML_EFORMAT, "metadata 'tokenizer.ggml.tokens' is missing"},
        {{ONE("model", spm), LIST("tokens", RAML_GGUF_STRING, 2, tokens)}, RAML_EFORMAT, "no token '<0x00>' for byte 0x00"},
        {{ONE("model", spm), LIST("tokens", RAML_GGUF_STRING, 2, tokens), LIST("scores", RAML_GGUF_F32, 1, scores)}, RAML_ESHAPE,
         "'tokenizer.ggml.scores' has 1 entries, tokenizer.ggml.tokens has 2"},
        {{ONE("model", spm), LIST("tokens", RAML_GGUF_STRING, 2, tokens), LIST("scores", RAML_GGUF_STRING, 2, tokens)},
         RAML_EFORMAT, "expected"},
        {{ONE("model", gpt2)}, RAML_EFORMAT, "metadata 'tokenizer.ggml.tokens' is missing"},
        {{ONE("model", gpt2), ONE("pre", pre)}, RAML_EFORMAT, "metadata 'tokenizer.ggml.tokens' is missing"},
        {{ONE("model", gpt2), ONE("pre", pre), ONE("tokens", pre)}, RAML_EFORMAT, "has type string; expected array"},
        {{ONE("model", gpt2), ONE("pre", pre), LIST("tokens", RAML_GGUF_I32, 2, types)}, RAML_EFORMAT,
         "metadata 'tokenizer.ggml.tokens' has type i32; expected string"},
        {{ONE("model", gpt2), ONE("pre", pre), LIST("tokens", RAML_GGUF_STRING, 2, tokens)}, RAML_EFORMAT,
         "metadata 'tokenizer.ggml.merges' is missing"},
        {{ONE("model", gpt2), ONE("pre", odd), LIST("tokens", RAML_GGUF_STRING, 2, tokens),
          LIST("merges", RAML_GGUF_STRING, 0, tokens)}, RAML_ESUPPORT, "unknown pre-tokenizer 'odd'; this version has gpt-2, llama-bpe, "},
        {{ONE("model", gpt2), ONE("pre", pre), LIST("tokens", RAML_GGUF_STRING, 2, tokens),
          LIST("merges", RAML_GGUF_STRING, 0, tokens), LIST("token_type", RAML_GGUF_I32, 3, types)}, RAML_ESHAPE,
         "'tokenizer.ggml.token_type' has 3 entries, tokenizer.ggml.tokens has 2"},
        {{ONE("model", gpt2), ONE("pre", pre), LIST("tokens", RAML_GGUF_STRING, 2, tokens),
          LIST("merges", RAML_GGUF_STRING, 0, tokens), LIST("token_type", RAML_GGUF_I32, 2, byte_type)}, RAML_ESUPPORT,
         "token 1 has type 6"},
        {{ONE("model", gpt2), ONE("pre", pre), LIST("tokens", RAML_GGUF_STRING, 2, broken),
          LIST("merges", RAML_GGUF_STRING, 0, tokens)}, RAML_EFORMAT, "token 1 is not UTF-8"},
        {{ONE("model", gpt2), ONE("pre", pre), LIST("tokens", RAML_GGUF_STRING, 2, tokens),
          LIST("merges", RAML_GGUF_STRING, 0, tokens)}, RAML_EFORMAT, "byte"}, /* 254 bytes have no token */
    };
    /* clang-format on */
    char path[4200];
    in(*state, "t.gguf", path);
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct raml_err err = {0};
        struct raml_tokenizer *t = NULL;
        size_t n = 0;
        while (n < COUNT(bad[i].e) && bad[i].e[n].key) n++;
        must(raml_gguf_write(path, bad[i].e, n, NULL, 0, &err), &err);
        enum raml_code rc = raml_tokenizer_open(path, &t, &err);
        if (rc != bad[i].code || !has(err.msg, bad[i].part)) fail_msg("%zu: code %d: %s", i, (int)rc, err.msg);
        assert_true(has(err.msg, path));
        assert_null(t);
    }
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test_setup_teardown(test_bytes, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_real, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_config, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_faults, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
