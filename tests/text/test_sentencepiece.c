/* test_sentencepiece.c - SentencePiece vocabularies from GGUF metadata and to it: ids of llama.cpp, the tokenizer.json that
 * stands for them, scores, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "fixture.h"
#include "parts.h"
#include "raml/gguf.h"
#include "raml/rng.h"
#include "spm_cases.h"

#define B "\xe2\x96\x81" /* U+2581 */

enum { NORMAL = 1, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE, FIRST = 259 };

static const struct {
    const char *text;
    float score;
    int32_t type;
} pieces[] = {{B, -20, NORMAL},
              {"a", -21, NORMAL},
              {"b", -22, NORMAL},
              {"c", -23, NORMAL},
              {"\xc3\xa9", -24, NORMAL},
              {B "a", -3, NORMAL},
              {"ab", -1, NORMAL},
              {B "ab", -5, NORMAL},
              {"aa", -4, NORMAL},
              {"aaa", -6, NORMAL},
              {"ba", -4, NORMAL}, /* as "aa": the leftmost wins */
              {"bab", -7, NORMAL},
              {"c" B, -8, NORMAL},
              {"\xe4\xb8\xad", -30, NORMAL},
              {"aab", -6, NORMAL},
              {"aaaa", -9, NORMAL},
              {"bb", -2.5F, NORMAL},
              {"  ", -1000, USER_DEFINED}, /* spaces, as llama.cpp's converter writes them */
              {"<b>", -1000, USER_DEFINED}};

enum { SIZE = FIRST + (int)COUNT(pieces) };

struct vocabulary {
    struct raml_str token[SIZE + 4];
    int32_t type[SIZE + 4];
    float score[SIZE + 4];
    char byte[256][8];
    struct raml_tokenizer_parts parts;
};

static void fill(struct vocabulary *v, bool space_prefix)
{
    static const char *const special[] = {"<unk>", "<s>", "</s>"};
    for (size_t i = 0; i < SIZE; i++) {
        const char *text = i < 3 ? special[i] : i < FIRST ? v->byte[i - 3] : pieces[i - FIRST].text;
        if (i >= 3 && i < FIRST) snprintf(v->byte[i - 3], sizeof v->byte[0], "<0x%02X>", (unsigned)(i - 3));
        v->token[i] = (struct raml_str){text, strlen(text)};
        v->type[i] = i == 0 ? UNKNOWN : i < 3 ? CONTROL : i < FIRST ? BYTE : pieces[i - FIRST].type;
        v->score[i] = i < FIRST ? 0 : pieces[i - FIRST].score;
    }
    v->parts = (struct raml_tokenizer_parts){.name = "spm",
                                             .token = v->token,
                                             .type = v->type,
                                             .n_tokens = SIZE,
                                             .score = v->score,
                                             .space_prefix = space_prefix};
}

static void check(const struct raml_tokenizer *t, const struct spm_case *c, size_t n)
{
    struct raml_err err = {0};
    for (size_t i = 0; i < n; i++) {
        struct raml_tokens got = {0};
        struct raml_ranges where = {0};
        const struct raml_encode_options opt = {.parse_special = true};
        CHECK_OK(raml_tokenizer_encode_parts(t, c[i].text, strlen(c[i].text), &opt, &got, &where, &err));
        check_ids(c[i].text, got.id, got.n, c[i].want, c[i].n);
        check_ranges(t, c[i].text, strlen(c[i].text), &got, &where, false);
        raml_tokens_deinit(&got);
        raml_ranges_deinit(&where);
    }
}

static struct raml_tokenizer *open_parts(const struct vocabulary *v)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    CHECK_OK(raml_tokenizer_from_parts(&v->parts, &t, &err));
    return t;
}

static void test_ids(void **state)
{
    (void)state;
    for (int prefix = 0; prefix < 2; prefix++) {
        struct vocabulary v = {0};
        fill(&v, prefix);
        struct raml_tokenizer *t = open_parts(&v);
        if (prefix) check(t, spm_prefix, COUNT(spm_prefix));
        else check(t, spm_plain, COUNT(spm_plain));
        raml_tokenizer_close(t);
    }
}

/* One word of many bytes goes through the queue by rank, in which merges of one rank are neighbours. */
static void test_long(void **state)
{
    (void)state;
    struct vocabulary v = {0};
    struct raml_err err = {0};
    fill(&v, false);
    struct raml_tokenizer *t = open_parts(&v);
    for (uint64_t round = 0; round < 20; round++) {
        struct raml_rng r = {.key = {.seed = round, .purpose = RAML_FOR_TEST}};
        char text[6001];
        for (size_t i = 0; i < 6000; i++) text[i] = "aaabbc"[raml_rng_below(&r, 6)];
        text[6000] = 0;
        struct raml_tokens whole = {0}, parts = {0};
        CHECK_OK(raml_tokenizer_encode(t, text, 6000, false, &whole, &err));
        for (size_t i = 0, end; i < 6000; i = end) { /* no merge crosses cc: each part by the heap */
            for (end = i + 1; end < 6000 && !(text[end - 1] == 'c' && text[end] == 'c'); end++) {
            }
            CHECK_OK(raml_tokenizer_encode(t, text + i, end - i, false, &parts, &err));
        }
        check_ids("a long text", whole.id, whole.n, parts.id, parts.n);
        raml_tokens_deinit(&whole);
        raml_tokens_deinit(&parts);
    }
    raml_tokenizer_close(t);
}

/* What is saved is read again, and gives the same ids where no two ways to make a piece compete. */
static void test_saved(void **state)
{
    const struct fixture *f = *state;
    for (int prefix = 0; prefix < 2; prefix++) {
        struct vocabulary v = {0};
        struct raml_err err = {0};
        struct raml_tokenizer *again = NULL;
        fill(&v, prefix);
        struct raml_tokenizer *t = open_parts(&v);
        CHECK_OK(raml_tokenizer_save(t, f->path, &err));
        CHECK_OK(raml_tokenizer_open(f->path, &again, &err));
        json_t *root = json_load_file(f->path, 0, NULL), *model = json_object_get(root, "model");
        assert_string_equal(json_string_value(json_object_get(model, "unk_token")), "<unk>");
        const json_t *merges = json_object_get(model, "merges");
        assert_string_equal(json_string_value(json_array_get(merges, 0)), "a b"); /* the highest score */
        assert_string_equal(json_string_value(json_array_get(merges, 1)), "b b");
        assert_int_equal(json_array_size(merges), 17);
        assert_int_equal(json_is_null(json_object_get(root, "pre_tokenizer")), prefix);
        json_decref(root);
        static const struct spm_case same[] = {{"ab", {265}, 1}, {"<b>c", {277, 262}, 2}, {"  ", {276}, 1}};
        if (!prefix) check(again, same, COUNT(same));
        int32_t id[] = {277, 276, 1, 264};
        struct raml_buf text;
        raml_buf_init(&text, 100);
        CHECK_OK(raml_tokenizer_decode(again, id, 4, true, &text, &err));
        check_bytes("decoded", text.data, text.len, "<b>  <s> a", 10);
        raml_buf_deinit(&text);
        raml_tokenizer_close(again);
        raml_tokenizer_close(t);
    }
}

static const struct raml_gguf_entry *entry(const struct raml_gguf_vocabulary *v, const char *key)
{
    for (size_t i = 0; i < v->n; i++)
        if (!strcmp(v->entry[i].key, key)) return &v->entry[i];
    return NULL;
}

/* GGUF metadata of a tokenizer, and a tokenizer of those: the same ids. */
static void test_back(void **state)
{
    (void)state;
    for (int prefix = 0; prefix < 2; prefix++) {
        struct vocabulary v = {0};
        struct raml_err err = {0};
        struct raml_gguf_vocabulary g = {0};
        fill(&v, prefix);
        struct raml_tokenizer *t = open_parts(&v);
        CHECK_OK(raml_gguf_vocabulary_init(&g, t, NULL, SIZE + 2, "spm", &err));
        const struct raml_gguf_string *model = entry(&g, "tokenizer.ggml.model")->data;
        check_bytes("model", model->bytes, model->n, "llama", 5);
        assert_null(entry(&g, "tokenizer.ggml.merges"));
        assert_int_equal(*(const bool *)entry(&g, "tokenizer.ggml.add_space_prefix")->data, prefix);
        const struct raml_gguf_string *token = entry(&g, "tokenizer.ggml.tokens")->data;
        const int32_t *type = entry(&g, "tokenizer.ggml.token_type")->data;
        const float *score = entry(&g, "tokenizer.ggml.scores")->data;
        for (size_t i = 0; i < SIZE; i++) {
            check_bytes("token", token[i].bytes, token[i].n, v.token[i].s, v.token[i].n);
            if (type[i] != v.type[i]) fail_msg("token %zu has type %d, not %d", i, type[i], v.type[i]);
        }
        assert_int_equal(type[SIZE], UNUSED);
        for (size_t i = FIRST; i < SIZE; i++) /* pieces with merges come in the order of the scores that were given */
            for (size_t k = FIRST; k < SIZE; k++)
                if (v.token[i].n > 3 && v.token[k].n > 3 && type[i] == NORMAL && type[k] == NORMAL &&
                    (v.score[i] > v.score[k]) != (score[i] > score[k]))
                    fail_msg("tokens %zu and %zu change places", i, k);
        memcpy(v.score, score, SIZE * sizeof *score);
        struct raml_tokenizer *again = open_parts(&v);
        if (prefix) check(again, spm_prefix, COUNT(spm_prefix));
        else check(again, spm_plain, COUNT(spm_plain));
        raml_tokenizer_close(again);
        raml_tokenizer_close(t);
        raml_gguf_vocabulary_deinit(&g);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t at;
        const char *text;
        int32_t type;
        float score;
        enum raml_code code;
        const char *says;
    } cases[] = {
        {"a type", FIRST, B, 7, 0, RAML_ESUPPORT, "token 259 has type 7; this version reads 1 to 6"},
        {"a type below", FIRST, B, 0, 0, RAML_ESUPPORT, "token 259 has type 0"},
        {"a score", FIRST + 1, "a", NORMAL, NAN, RAML_ERANGE, "the score of token 260 is not a number"},
        {"an infinite score", FIRST + 1, "a", NORMAL, INFINITY, RAML_ERANGE, "the score of token 260"},
        {"a byte gone", 3 + 0x41, "<0x4>", NORMAL, 0, RAML_EFORMAT, "no token '<0x41>' for byte 0x41"},
        {"twice", FIRST + 2, "a", NORMAL, 0, RAML_EFORMAT, "token 261 has the text of token 260"},
        {"not UTF-8", FIRST + 2, "\xff", NORMAL, 0, RAML_EFORMAT, "token 261 is not UTF-8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vocabulary v = {0};
        struct raml_tokenizer *t = NULL;
        struct raml_err err = {0};
        fill(&v, true);
        v.token[cases[i].at] = (struct raml_str){cases[i].text, strlen(cases[i].text)};
        v.type[cases[i].at] = cases[i].type;
        v.score[cases[i].at] = cases[i].score;
        enum raml_code rc = raml_tokenizer_from_parts(&v.parts, &t, &err);
        if (rc != cases[i].code || !strstr(err.msg, cases[i].says))
            fail_msg("%s: code %d, '%s'", cases[i].what, rc, err.msg);
    }
    char piece[700];
    memset(piece, 'a', sizeof piece);
    struct vocabulary v = {0};
    struct raml_tokenizer *t = NULL;
    struct raml_err err = {0};
    fill(&v, true);
    v.token[FIRST + 3] = (struct raml_str){piece, sizeof piece};
    assert_int_equal(raml_tokenizer_from_parts(&v.parts, &t, &err), RAML_ESUPPORT);
    assert_non_null(strstr(err.msg, "token 262 has 700 bytes; expected at most 512"));
}

/* Lists of merges that no scores give: a way to make a piece is not there, or another's merge is between a piece's. */
static void test_no_scores(void **state)
{
    const struct fixture *f = *state;
    static const struct {
        const char *remove, *add, *says;
    } cases[] = {
        {"aa a", NULL, "'aaa', has parts that no merge joins"},
        {"a ab", "a ab", "'aab', is merged before and after others"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct vocabulary v = {0};
        struct raml_tokenizer *t = NULL;
        struct raml_gguf_vocabulary g = {0};
        struct raml_err err = {0};
        fill(&v, false);
        v.score[FIRST + 10] = -4.5F; /* no two pieces with one score: in a file their merges would mix */
        v.score[FIRST + 14] = -6.5F;
        struct raml_tokenizer *first = open_parts(&v);
        CHECK_OK(raml_tokenizer_save(first, f->path, &err));
        raml_tokenizer_close(first);
        json_t *root = json_load_file(f->path, 0, NULL),
               *merges = json_object_get(json_object_get(root, "model"), "merges");
        size_t at = 0, n = json_array_size(merges);
        while (at < n && strcmp(json_string_value(json_array_get(merges, at)), cases[i].remove)) at++;
        assert_true(at < n);
        assert_int_equal(json_array_remove(merges, at), 0);
        if (cases[i].add) assert_int_equal(json_array_append_new(merges, json_string(cases[i].add)), 0);
        assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
        json_decref(root);
        CHECK_OK(raml_tokenizer_open(f->path, &t, &err));
        assert_int_equal(raml_gguf_vocabulary_init(&g, t, NULL, SIZE, "spm", &err), RAML_ESUPPORT);
        if (!strstr(err.msg, cases[i].says)) fail_msg("'%s' lacks '%s'", err.msg, cases[i].says);
        raml_tokenizer_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),  cmocka_unit_test(test_long),    cmocka_unit_test(test_saved),
        cmocka_unit_test(test_back), cmocka_unit_test(test_refused), cmocka_unit_test(test_no_scores),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
