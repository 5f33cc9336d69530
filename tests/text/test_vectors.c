/* test_vectors.c - real vocabularies against ids that other programs gave for the same texts
 * (RAML_SHARED/data/tokenizer; its README: how they were made).
 *
 * The reference is the models' own tokenizer.json. Where that differs from llama.cpp, whose ids the rows hold, the
 * row has both: `ids_hf_nfc` where form NFC changes the ids, `ids_regex_ref` where llama.cpp takes a token
 * for special that the model's file does not (`</s>` of Qwen's plain vocabulary, and <|fim_*|>, <|repo_name|>,
 * <|file_sep|>, which the file has as added and not special). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "gguf_arrays.h"
#include "parts.h"

#define DATA RAML_SHARED "/data/tokenizer/"

static bool have_data(void)
{
    if (raml_is_file(DATA "qwen3/tokenizer.json")) return true;
    fprintf(stderr, "SKIPPED: %s is absent: tokenizers were NOT checked against real vocabularies\n", DATA);
    return false;
}

struct count {
    size_t n, matched, nfc, reference;
};

static bool matches(const struct raml_tokenizer *t, const char *text, size_t n, bool parse, const json_t *ids)
{
    struct raml_err err = {0};
    struct raml_tokens got = {0};
    CHECK_OK(raml_tokenizer_encode(t, text, n, parse, &got, &err));
    check_trivial_parts(t, text, n, parse, &got);
    bool same = got.n == json_array_size(ids);
    for (size_t i = 0; i < got.n && same; i++) same = got.id[i] == json_integer_value(json_array_get(ids, i));
    if (!same) {
        char *want = json_dumps(ids, JSON_COMPACT);
        print_error("'%.*s' (parse_special %d): expected %s, got", (int)n, text, parse, want);
        for (size_t i = 0; i < got.n; i++) print_error(" %d", (int)got.id[i]);
        print_error("\n");
        free(want);
    }
    raml_tokens_deinit(&got);
    return same;
}

/* The rows of extra_<vocab>.jsonl. */
static void check_extra(const struct raml_tokenizer *t, const char *vocab)
{
    char path[512];
    struct count c = {0};
    snprintf(path, sizeof path, DATA "extra_%s.jsonl", vocab);
    FILE *rows = fopen(path, "r");
    if (!rows) fail_msg("%s is missing", path);
    for (json_t *row; (row = json_loadf(rows, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL)); json_decref(row)) {
        const json_t *text = json_object_get(row, "text"), *ids = json_object_get(row, "ids");
        const json_t *nfc = json_object_get(row, "ids_hf_nfc"), *reference = json_object_get(row, "ids_regex_ref");
        if (nfc) {
            ids = nfc;
            c.nfc++;
        } else if (reference) {
            ids = reference;
            c.reference++;
        }
        c.n++;
        c.matched += matches(t, json_string_value(text), json_string_length(text),
                             json_is_true(json_object_get(row, "parse_special")), ids);
    }
    fclose(rows);
    print_message("%s: %zu of %zu texts (%zu by ids_hf_nfc, %zu by ids_regex_ref)\n", vocab, c.matched, c.n, c.nfc,
                  c.reference);
    assert_int_equal(c.n, 566);
    assert_int_equal(c.matched, c.n);
}

/* The same tokenizer without its normalizer, from the file that it saves. */
static struct raml_tokenizer *without_normalizer(const struct raml_tokenizer *t)
{
    struct raml_err err = {0};
    struct raml_tokenizer *plain = NULL;
    char dir[] = "/tmp/raml-test-vectors-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    CHECK_OK(raml_tokenizer_save(t, path, &err));
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    assert_int_equal(json_object_set_new(root, "normalizer", json_null()), 0);
    assert_int_equal(json_dump_file(root, path, JSON_COMPACT), 0);
    json_decref(root);
    CHECK_OK(raml_tokenizer_open(dir, &plain, &err));
    CHECK_OK(raml_remove_tree(dir, &err));
    return plain;
}

/* llama.cpp's own cases, the rows of official_vectors.jsonl for this vocabulary. Three of qwen35's are not in form NFC,
 * which llama.cpp leaves as it is. */
static void check_official(const struct raml_tokenizer *opened, const char *vocab, size_t n_wanted)
{
    struct count c = {0};
    struct raml_tokenizer *t = without_normalizer(opened);
    FILE *rows = fopen(DATA "official_vectors.jsonl", "r");
    assert_non_null(rows);
    for (json_t *row; (row = json_loadf(rows, JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, NULL)); json_decref(row)) {
        const json_t *text = json_object_get(row, "text");
        if (strcmp(json_string_value(json_object_get(row, "vocab")), vocab) != 0) continue;
        c.n++;
        c.matched += matches(t, json_string_value(text), json_string_length(text), false, json_object_get(row, "ids"));
    }
    fclose(rows);
    raml_tokenizer_close(t);
    print_message("%s: %zu of %zu official cases\n", vocab, c.matched, c.n);
    assert_int_equal(c.n, n_wanted);
    assert_int_equal(c.matched, c.n);
}

/* ---- Qwen3's own file ------------------------------------------------------------------------------------------- */

static void test_qwen3(void **state)
{
    (void)state;
    if (!have_data()) skip();
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    CHECK_OK(raml_tokenizer_open(DATA "qwen3", &t, &err));
    assert_int_equal(raml_tokenizer_size(t), 151669);
    assert_true(raml_tokenizer_is_special(t, 151645));
    assert_false(raml_tokenizer_is_special(t, raml_tokenizer_id(t, "<think>")));
    check_extra(t, "qwen3");
    raml_tokenizer_close(t);
}

/* A megabyte of one character, and marks in the wrong order: in quadratic time each would take an hour. */
static void test_long_runs(void **state)
{
    (void)state;
    if (!have_data()) skip();
    static const char *const run[] = {" ", "a", "\n", "0", "-", "\xcc\x81", "\xcc\x87\xcc\xa3", "\xff", "<|im_start"};
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    CHECK_OK(raml_tokenizer_open(DATA "qwen3", &t, &err));
    for (size_t i = 0; i < COUNT(run); i++) {
        struct raml_buf text, back;
        struct raml_tokens ids = {0};
        raml_buf_init(&text, 1 << 20);
        raml_buf_init(&back, 1 << 20);
        while (text.len + strlen(run[i]) <= text.max) raml_buf_adds(&text, run[i]);
        clock_t start = clock();
        CHECK_OK(raml_tokenizer_encode(t, text.data, text.len, true, &ids, &err));
        double s = (double)(clock() - start) / CLOCKS_PER_SEC;
        CHECK_OK(raml_tokenizer_decode(t, ids.id, ids.n, true, &back, &err));
        assert_int_equal(back.len, text.len);
        if (i != 6) assert_memory_equal(back.data, text.data, text.len); /* 6: form NFC puts them in order */
        if (!(s < 60)) fail_msg("'%s': %.1f s", run[i], s);
        raml_tokens_deinit(&ids);
        raml_buf_deinit(&text);
        raml_buf_deinit(&back);
    }
    raml_tokenizer_close(t);
}

/* ---- vocabularies that exist only as GGUF ----------------------------------------------------------------------- */

static struct raml_tokenizer *open_parts(const struct gguf_arrays *g, const char *pattern)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    /* clang-format off */
    struct raml_tokenizer_parts p = {.name = pattern, .token = g->token, .type = g->type, .n_tokens = g->n_tokens,
                                     .merge = g->merge, .n_merges = g->n_merges, .pattern = pattern};
    /* clang-format on */
    CHECK_OK(raml_tokenizer_from_parts(&p, &t, &err));
    size_t n = g->n_tokens; /* unused ones at the end are dropped */
    while (n && g->type[n - 1] == 5) n--;
    assert_int_equal(raml_tokenizer_size(t), n);
    return t;
}

static void test_gguf_vocabularies(void **state)
{
    (void)state;
    if (!have_data()) skip();
    static const struct {
        const char *name;
        size_t n_official;
    } vocabs[] = {{"gpt-2", 46}, {"llama-bpe", 46}, {"qwen2", 46}, {"qwen35", 50}, {"deepseek-llm", 46}};
    for (size_t i = 0; i < COUNT(vocabs); i++) {
        char path[512];
        struct raml_err err = {0};
        struct raml_tokenizer *t = NULL;
        snprintf(path, sizeof path, DATA "ggml-vocab-%s.gguf", vocabs[i].name);
        CHECK_OK(raml_tokenizer_open(path, &t, &err));
        check_official(t, vocabs[i].name, vocabs[i].n_official);
        check_extra(t, vocabs[i].name);
        raml_tokenizer_close(t);
    }
}

/* DeepSeek-R1-Distill-Qwen: Qwen2's vocabulary with other added tokens. */
static void test_deepseek_r1_qwen(void **state)
{
    (void)state;
    if (!have_data()) skip();
    struct gguf_arrays g;
    gguf_arrays_init(&g, DATA "ggml-vocab-qwen2.gguf");
    json_t *root = json_load_file(DATA "deepseek-r1-qwen.added_tokens.json", 0, NULL);
    const json_t *added = json_object_get(root, "added_tokens");
    assert_int_equal(json_array_size(added), 22);
    for (size_t i = 151643; i < g.n_tokens; i++) g.type[i] = 5;
    for (size_t i = 0; i < json_array_size(added); i++) {
        const json_t *a = json_array_get(added, i), *text = json_object_get(a, "content");
        size_t id = (size_t)json_integer_value(json_object_get(a, "id"));
        assert_true(id >= 151643 && id < g.n_tokens);
        g.token[id] = (struct raml_str){json_string_value(text), json_string_length(text)};
        g.type[id] = json_is_true(json_object_get(a, "special")) ? 3 : 4;
    }
    struct raml_tokenizer *t = open_parts(&g, "deepseek-r1-qwen");
    json_decref(root);
    gguf_arrays_deinit(&g);
    check_official(t, "deepseek-r1-qwen", 46);
    check_extra(t, "deepseek-r1-qwen");
    raml_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qwen3),
        cmocka_unit_test(test_long_runs),
        cmocka_unit_test(test_gguf_vocabularies),
        cmocka_unit_test(test_deepseek_r1_qwen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
