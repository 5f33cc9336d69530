/* test_metaspace.c - files with byte_fallback (Llama 2): a small one made here, its ids worked out by hand from what
 * `tokenizers` does (models/bpe/model.rs: merge_word; normalizers/prepend.rs; pre_tokenizers/metaspace.rs;
 * decoders/byte_fallback.rs, strip.rs). */
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
#include "raml/rng.h"

#define B "\xe2\x96\x81" /* U+2581 */

/* Ids: 0 <unk>, 1 <s>, 2 </s>, 3 .. 258 the bytes, then these. */
static const char *const tokens[] = {B,        "a",   "b", "c", "\xc3\xa9", (B "a"), "ab",
                                     (B "ab"), (B B), "<", "s", ">",        ("c" B), "aa"};
enum { SPACE = 259, A, B_, C, EACUTE, SPACE_A, AB, SPACE_AB, SPACES, LESS, S, MORE, C_SPACE, AA, SIZE };
static const char *const merges[] = {"a b", (B " a"), (B " ab"), (B " " B), ("c " B), "a a"};

#define PREPEND                                                                                                        \
    "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"" B                                   \
    "\"},{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" B "\"}]}"
#define REPLACE "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"" B "\"}"
#define NO_SPACE                                                                                                       \
    "{\"type\":\"Split\",\"pattern\":{\"String\":\" \"},\"behavior\":\"MergedWithPrevious\",\"invert\":false}"
#define DECODER(last)                                                                                                  \
    "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"" B                          \
    "\"},\"content\":\" \"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}" last "]}"
#define STRIP ",{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}"
#define METASPACE(more) "{\"type\":\"Metaspace\",\"replacement\":\"" B "\"" more "}"

static json_t *file_json(const char *normalizer, const char *pre_tokenizer, const char *decoder)
{
    json_t *vocab = json_object(), *list = json_array(), *added = json_array();
    static const char *const special[] = {"<unk>", "<s>", "</s>"};
    for (int i = 0; i < 3; i++) {
        json_object_set_new(vocab, special[i], json_integer(i));
        json_array_append_new(
            added, json_pack("{si ss sb sb}", "id", i, "content", special[i], "special", 1, "normalized", 0));
    }
    for (int b = 0; b < 256; b++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        json_object_set_new(vocab, name, json_integer(3 + b));
    }
    for (size_t i = 0; i < COUNT(tokens); i++)
        json_object_set_new(vocab, tokens[i], json_integer((json_int_t)(SPACE + i)));
    for (size_t i = 0; i < COUNT(merges); i++) json_array_append_new(list, json_string(merges[i]));
    json_t *model = json_pack("{ss ss sb sb so so}", "type", "BPE", "unk_token", "<unk>", "fuse_unk", 1,
                              "byte_fallback", 1, "vocab", vocab, "merges", list);
    json_t *root = json_pack("{so so so so so}", "added_tokens", added, "model", model, "normalizer",
                             json_loads(normalizer, JSON_DECODE_ANY, NULL), "pre_tokenizer",
                             json_loads(pre_tokenizer, JSON_DECODE_ANY, NULL), "decoder",
                             json_loads(decoder, JSON_DECODE_ANY, NULL));
    assert_non_null(root);
    return root;
}

static enum raml_code open_json(const struct fixture *f, json_t *root, struct raml_tokenizer **t, struct raml_err *err)
{
    assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
    json_decref(root);
    return raml_tokenizer_open(f->path, t, err);
}

static struct raml_tokenizer *open_file(const struct fixture *f, const char *normalizer, const char *pre_tokenizer,
                                        const char *decoder)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    CHECK_OK(open_json(f, file_json(normalizer, pre_tokenizer, decoder), &t, &err));
    return t;
}

struct example {
    const char *text;
    int32_t want[10];
    size_t n;
    const char *back; /* NULL: text */
};

static void check_cases(const struct raml_tokenizer *t, const struct example *e, size_t n)
{
    struct raml_err err = {0};
    for (size_t i = 0; i < n; i++) {
        struct raml_tokens id = {0};
        struct raml_ranges where = {0};
        struct raml_buf back;
        const struct raml_encode_options opt = {.parse_special = true};
        const char *want = e[i].back ? e[i].back : e[i].text;
        raml_buf_init(&back, 1024);
        CHECK_OK(raml_tokenizer_encode_parts(t, e[i].text, strlen(e[i].text), &opt, &id, &where, &err));
        check_ids(e[i].text, id.id, id.n, e[i].want, e[i].n);
        check_ranges(t, e[i].text, strlen(e[i].text), &id, &where, false);
        CHECK_OK(raml_tokenizer_decode(t, id.id, id.n, true, &back, &err));
        check_bytes("decoded", back.data, back.len, want, strlen(want));
        raml_buf_deinit(&back);
        raml_tokens_deinit(&id);
        raml_ranges_deinit(&where);
    }
}

static void test_llama2(void **state)
{
    struct raml_tokenizer *t = open_file(*state, PREPEND, "null", DECODER(STRIP));
    static const struct example e[] = {
        {"", {0}, 0, NULL},
        {"a", {SPACE_A}, 1, NULL},             /* a space is prepended */
        {"ab", {SPACE_AB}, 1, NULL},           /* "a b" has the lowest rank */
        {" ab", {SPACE, SPACE_AB}, 2, NULL},   /* ▁▁ab: "▁ a" is gone, "▁ ab" comes before "▁ ▁" */
        {"  ", {SPACES, SPACE}, 2, NULL},      /* ▁▁▁: the leftmost */
        {"c c", {SPACE, C_SPACE, C}, 3, NULL}, /* merges cross words: the whole text is one */
        {"aab", {SPACE_A, AB}, 2, NULL},
        {"\xc3\xa9", {SPACE, EACUTE}, 2, NULL},             /* a character with a token */
        {"\xc3\xa8", {SPACE, 3 + 0xc3, 3 + 0xa8}, 3, NULL}, /* one without: its bytes */
        {"\xe6\xbc\xa2"
         "a",
         {SPACE, 3 + 0xe6, 3 + 0xbc, 3 + 0xa2, A},
         5,
         NULL},
        {"\n", {SPACE, 3 + '\n'}, 2, NULL},
        {"x\xff", {SPACE, 3 + 'x', 3 + 0xff}, 3, "\xef\xbf\xbd\xef\xbf\xbd"},         /* x has no token either */
        {"<0x41>", {SPACE, LESS, 3 + '0', 3 + 'x', 3 + '4', 3 + '1', MORE}, 7, NULL}, /* is text */
        {"<s>a", {1, SPACE_A}, 2, "<s> a"}, /* the normalizer works after special tokens too */
        {"a<s>", {SPACE_A, 1}, 2, NULL},
        {"a</s> a", {SPACE_A, 2, SPACE, SPACE_A}, 4, "a</s>  a"},
        {B "a", {SPACE, SPACE_A}, 2, " a"}, /* U+2581 is a space */
        {"a" B B, {SPACE_A, SPACES}, 2, "a  "},
    };
    check_cases(t, e, COUNT(e));
    raml_tokenizer_close(t);
}

static void test_metaspace(void **state)
{
    static const struct {
        const char *more;
        struct example e[5];
        size_t n;
    } cases[] = {
        {",\"prepend_scheme\":\"always\",\"split\":false",
         {{"a", {SPACE_A}, 1, NULL},
          {" a", {SPACE_A}, 1, "a"},
          {"<s>a", {1, SPACE_A}, 2, "<s> a"},
          {"<s> a", {1, SPACE_A}, 2, NULL},
          {"c c", {SPACE, C_SPACE, C}, 3, NULL}},
         5},
        {",\"prepend_scheme\":\"first\",\"split\":false",
         {{"a", {SPACE_A}, 1, NULL},
          {" a", {SPACE_A}, 1, "a"},
          {"<s>a", {1, A}, 2, NULL},
          {"a<s>a", {SPACE_A, 1, A}, 3, NULL},
          {B, {SPACE}, 1, ""}},
         5},
        {",\"prepend_scheme\":\"never\",\"split\":false",
         {{"a", {A}, 1, NULL}, {"aa", {AA}, 1, NULL}, {"<s>a", {1, A}, 2, NULL}, {"a a", {A, SPACE_A}, 2, NULL}},
         4},
        {"", /* always, and each space starts a word: no merge crosses */
         {{"c c", {SPACE, C, SPACE, C}, 4, NULL}, {"a  a", {SPACE_A, SPACE, SPACE_A}, 3, NULL}},
         2},
        {",\"add_prefix_space\":false,\"split\":false", {{"a", {A}, 1, NULL}}, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char pre[256];
        snprintf(pre, sizeof pre, "{\"type\":\"Metaspace\",\"replacement\":\"" B "\"%s}", cases[i].more);
        struct raml_tokenizer *t = open_file(*state, "null", pre, DECODER(STRIP));
        check_cases(t, cases[i].e, cases[i].n);
        raml_tokenizer_close(t);
    }
    struct raml_tokenizer *t = open_file(*state, PREPEND, "null", DECODER("")); /* nothing is stripped */
    static const struct example e[] = {{"a", {SPACE_A}, 1, " a"}};
    check_cases(t, e, 1);
    raml_tokenizer_close(t);
}

/* Gemma's form: no space is prepended, and the pre-tokenizer splits at spaces that are none any more. */
static void test_gemma(void **state)
{
    static const char *const normalizers[] = {REPLACE, "{\"type\":\"Sequence\",\"normalizers\":[" REPLACE "]}"};
    static const char *const pre[] = {NO_SPACE, "null"};
    static const struct example e[] = {
        {"a", {A}, 1, NULL},
        {" a", {SPACE_A}, 1, NULL},
        {"  ", {SPACES}, 1, NULL},
        {"c c", {C_SPACE, C}, 2, NULL},
        {"a ab", {A, SPACE_AB}, 2, NULL},
        {"<s>a", {1, A}, 2, NULL},
        {"", {0}, 0, NULL},
        {"\xc3\xa8", {3 + 0xc3, 3 + 0xa8}, 2, NULL},
    };
    for (size_t i = 0; i < 4; i++) {
        struct raml_tokenizer *t = open_file(*state, normalizers[i / 2], pre[i % 2], DECODER(""));
        check_cases(t, e, COUNT(e));
        raml_tokenizer_close(t);
    }
    /* Prepend and Replace change places: the same */
    struct raml_tokenizer *t = open_file(
        *state, "{\"type\":\"Sequence\",\"normalizers\":[" REPLACE ",{\"type\":\"Prepend\",\"prepend\":\"" B "\"}]}",
        "null", DECODER(STRIP));
    static const struct example other[] = {{"a", {SPACE_A}, 1, NULL}, {" ab", {SPACE, SPACE_AB}, 2, NULL}};
    check_cases(t, other, COUNT(other));
    raml_tokenizer_close(t);
}

/* Where tokens came from: the prepended space belongs to the first character too. */
static void test_ranges(void **state)
{
    struct raml_tokenizer *t = open_file(*state, PREPEND, "null", DECODER(STRIP));
    static const struct raml_range want[] = {{0, 2}, {0, 2}, {2, 3}, {3, 4}, {4, 8}, {8, 11}, {11, 12}};
    static const char text[] = "\xc3\xa9"
                               "ca</s>" B "b"; /* ▁ é c a </s> ▁▁ b: the second ▁ is B itself */
    struct raml_err err = {0};
    struct raml_tokens id = {0};
    struct raml_ranges where = {0};
    const struct raml_encode_options opt = {.parse_special = true};
    CHECK_OK(raml_tokenizer_encode_parts(t, text, sizeof text - 1, &opt, &id, &where, &err));
    assert_int_equal(where.n, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        assert_int_equal(where.range[i].start, want[i].start);
        assert_int_equal(where.range[i].end, want[i].end);
    }
    raml_tokens_deinit(&id);
    raml_ranges_deinit(&where);
    raml_tokenizer_close(t);
}

static void test_random(void **state)
{
    static const char *const piece[] = {"a", "b", "c", " ", "aa", "ab", B, "\xc3\xa9", "\xe6\xbc\xa2", "<s>", "\n"};
    struct raml_tokenizer *t = open_file(*state, PREPEND, "null", DECODER(""));
    struct raml_err err = {0};
    for (uint64_t round = 0; round < 3000; round++) {
        struct raml_rng r = {.key = {.seed = round, .purpose = RAML_FOR_TEST}};
        char text[128] = "";
        for (size_t k = raml_rng_below(&r, 20); k > 0; k--) strcat(text, piece[raml_rng_below(&r, COUNT(piece))]);
        struct raml_tokens id = {0};
        struct raml_buf back, want;
        raml_buf_init(&back, 1024);
        raml_buf_init(&want, 1024);
        CHECK_OK(raml_tokenizer_encode(t, text, strlen(text), false, &id, &err));
        check_trivial_parts(t, text, strlen(text), false, &id);
        CHECK_OK(raml_tokenizer_decode(t, id.id, id.n, true, &back, &err));
        if (*text) raml_buf_adds(&want, " ");
        for (const char *p = text; *p;) { /* U+2581 comes back as a space */
            bool metaspace = strncmp(p, B, 3) == 0;
            raml_buf_add(&want, metaspace ? " " : p, 1);
            p += metaspace ? 3 : 1;
        }
        check_bytes(text, back.data, back.len, want.data, want.len);
        raml_buf_deinit(&back);
        raml_buf_deinit(&want);
        raml_tokens_deinit(&id);
    }
    raml_tokenizer_close(t);
}

/* Byte tokens side by side are text if all of them are together, else each is U+FFFD: `tokenizers` 0.22.2. settled: of
 * the ids, those whose text is known. */
static void test_byte_runs(void **state)
{
#define Q "\xef\xbf\xbd"
#define X(byte) 3 + 0x##byte
    static const struct {
        int32_t id[8];
        size_t n;
        bool keep;
        const char *want;
        size_t settled;
    } cases[] = {
        {{X(e2), X(82), X(ac)}, 3, true, "\xe2\x82\xac", 0},
        {{X(e2), X(82)}, 2, true, Q Q, 0},
        {{X(e2), X(82), X(ac), X(e2)}, 4, true, Q Q Q Q, 0}, /* the first three go too */
        {{A, X(e2), X(82), A}, 4, true, "a" Q Q "a", 4},
        {{A, X(e2), X(82), X(ac), A, X(41)},
         6,
         true,
         "a\xe2\x82\xac"
         "aA",
         5},
        {{X(ff), A, X(fe), X(41)}, 4, true, Q "a" Q Q, 2},
        {{X(ed), X(a0), X(80)}, 3, true, Q Q Q, 0}, /* a surrogate */
        {{X(c0), X(80)}, 2, true, Q Q, 0},          /* too long a form */
        {{X(f4), X(90), X(80), X(80)}, 4, true, Q Q Q Q, 0},
        {{EACUTE, X(c3), X(a9)}, 3, true, "\xc3\xa9\xc3\xa9", 1},
        {{X(c3), 2, X(a9)}, 3, true, Q "</s>" Q, 0},
        {{X(c3), 2, X(a9)}, 3, false, "\xc3\xa9", 0}, /* special tokens are left out first */
        {{A, 2, 2}, 3, false, "a", 3},
        {{A, X(41), 2}, 3, false, "aA", 1},
        {{SPACE, X(c3), X(a9)}, 3, true, "\xc3\xa9", 1}, /* the first space is taken off after that */
        {{X(20), X(61)}, 2, true, "a", 0},
        {{0}, 0, true, "", 0},
    };
    struct raml_tokenizer *t = open_file(*state, PREPEND, "null", DECODER(STRIP));
    struct raml_err err = {0};
    struct raml_buf out;
    raml_buf_init(&out, 1024);
    for (size_t i = 0; i < COUNT(cases); i++) {
        raml_buf_clear(&out);
        raml_buf_adds(&out, "\xff");
        CHECK_OK(raml_tokenizer_decode(t, cases[i].id, cases[i].n, cases[i].keep, &out, &err));
        check_bytes("bytes", out.data + 1, out.len - 1, cases[i].want, strlen(cases[i].want));
        if (raml_tokenizer_settled(t, cases[i].id, cases[i].n) != cases[i].settled)
            fail_msg("case %zu: %zu settled", i, raml_tokenizer_settled(t, cases[i].id, cases[i].n));
    }
    raml_buf_deinit(&out);
    raml_tokenizer_close(t);
#undef Q
#undef X
}

static void test_refused(void **state)
{
    static const struct {
        const char *normalizer, *pre, *decoder, *missing, *says;
    } cases[] = {
        {"null", "null", DECODER(STRIP), NULL, "'pre_tokenizer' is null; this version reads with byte_fallback"},
        {PREPEND, METASPACE(""), DECODER(STRIP), NULL, "'pre_tokenizer' is {"},
        {"{\"type\":\"Prepend\",\"prepend\":\"" B "\"}", "null", DECODER(STRIP), NULL,
         "'normalizer' is {\"type\":\"Prepend"},
        {"{\"type\":\"Sequence\",\"normalizers\":[]}", "null", DECODER(STRIP), NULL, "'normalizer' is {"},
        {"{\"type\":\"Sequence\",\"normalizers\":[" REPLACE "," REPLACE "]}", "null", DECODER(STRIP), NULL,
         "'normalizer' is {"},
        {"{\"type\":\"Sequence\",\"normalizers\":[" REPLACE ",{\"type\":\"NFKC\"}]}", "null", DECODER(STRIP), NULL,
         "'normalizer' is {"},
        {REPLACE,
         "{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"MergedWithPrevious\",\"invert\":false}",
         DECODER(""), NULL, "'pre_tokenizer' is {"},
        {"{\"type\":\"NFC\"}", "null", DECODER(STRIP), NULL, "'normalizer' is {\"type\":\"NFC\"}; this version reads"},
        {"null", "{\"type\":\"Metaspace\",\"replacement\":\"_\"}", DECODER(STRIP), NULL,
         "'pre_tokenizer.replacement' is _"},
        {"null", METASPACE(",\"split\":7"), DECODER(STRIP), NULL, "'pre_tokenizer.split' is not true or false"},
        {"null", METASPACE(",\"prepend_scheme\":\"last\""), DECODER(STRIP), NULL, "prepend_scheme' is \"last\""},
        {"null", METASPACE(",\"prepend_scheme\":[]"), DECODER(STRIP), NULL, "prepend_scheme' is []"},
        {PREPEND, "null", "null", NULL, "'decoder' is null"},
        {PREPEND, "null", "{\"type\":\"ByteLevel\"}", NULL, "'decoder' is {\"type\":\"ByteLevel\"}"},
        {PREPEND, "null", DECODER(STRIP), "<0x41>", "no token '<0x41>' for byte 0x41"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_tokenizer *t = NULL;
        json_t *root = file_json(cases[i].normalizer, cases[i].pre, cases[i].decoder);
        if (cases[i].missing)
            json_object_del(json_object_get(json_object_get(root, "model"), "vocab"), cases[i].missing);
        assert_int_not_equal(open_json(*state, root, &t, &err), RAML_OK);
        if (!strstr(err.msg, cases[i].says)) fail_msg("'%s' lacks '%s'", err.msg, cases[i].says);
    }
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    json_t *root = file_json(PREPEND, "null", DECODER(STRIP));
    json_object_set_new(json_object_get(json_object_get(root, "model"), "vocab"), "a b", json_integer(SIZE));
    CHECK_OK(open_json(*state, root, &t, &err)); /* no text is spelled so: its spaces are U+2581 */
    static const struct example apart[] = {{"a b", {SPACE_A, SPACE, B_}, 3, NULL}};
    check_cases(t, apart, 1);
    raml_tokenizer_close(t);
    root = file_json(PREPEND, "null", DECODER(STRIP));
    json_object_set_new(json_array_get(json_object_get(root, "added_tokens"), 1), "normalized", json_true());
    assert_int_equal(open_json(*state, root, &t, &err), RAML_ESUPPORT);
    assert_non_null(strstr(err.msg, "'added_tokens[1].normalized' is true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama2),  cmocka_unit_test(test_metaspace), cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_gemma),   cmocka_unit_test(test_random),    cmocka_unit_test(test_byte_runs),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
