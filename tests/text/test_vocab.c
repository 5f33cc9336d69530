/* test_vocab.c - tokenizer.json read and written: its layout, added tokens, merges, and files that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "core/file.h"
#include "fixture.h"
#include "raml/rng.h"

/* The known entries are from GPT-2's own table (bytes_to_unicode in its encoder.py). */
static void test_file_layout(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    CHECK_OK(raml_tokenizer_save(f->bytes, f->path, &err));
    json_error_t je;
    json_t *root = json_load_file(f->path, JSON_REJECT_DUPLICATES, &je);
    assert_non_null(root);
    json_t *vocab = json_object_get(json_object_get(root, "model"), "vocab");
    assert_int_equal(json_object_size(vocab), 256);
    json_int_t next = 0;
    for (void *it = json_object_iter(vocab); it; it = json_object_iter_next(vocab, it))
        assert_int_equal(json_integer_value(json_object_iter_value(it)), next++); /* in byte order */
    static const struct {
        const char *chars;
        int byte;
    } known[] = {{"Ġ", ' '}, {"Ċ", '\n'}, {"ĉ", '\t'}, {"Ā", 0},    {"ġ", 0x7f}, {"!", '!'},
                 {"~", '~'}, {"Ģ", 0x80}, {"ł", 0xa0}, {"¡", 0xa1}, {"Ń", 0xad}, {"ÿ", 0xff}};
    for (size_t i = 0; i < COUNT(known); i++) {
        const json_t *id = json_object_get(vocab, known[i].chars);
        if (!id) print_error("no token '%s'\n", known[i].chars);
        assert_non_null(id);
        assert_int_equal(json_integer_value(id), known[i].byte);
    }
    json_decref(root);

    struct raml_tokenizer *t = NULL, *again = NULL;
    CHECK_OK(raml_tokenizer_open(f->dir, &t, &err)); /* by its folder */
    CHECK_OK(raml_tokenizer_open(f->path, &again, &err));
    assert_int_equal(raml_tokenizer_size(t), 261);
    static const char text[] = "<|question|>1 + 1?<think>\xf0\x9f\x98\x80";
    struct raml_tokens a = {0}, b = {0};
    CHECK_OK(raml_tokenizer_encode(f->bytes, text, sizeof text - 1, true, &a, &err));
    CHECK_OK(raml_tokenizer_encode(t, text, sizeof text - 1, true, &b, &err));
    check_ids("read back", b.id, b.n, a.id, a.n);
    raml_tokens_deinit(&a);
    raml_tokens_deinit(&b);
    raml_tokenizer_close(t);
    raml_tokenizer_close(again);
}

/* ---- variants of the file --------------------------------------------------------------------------------------- */

/* The built-in file as JSON. */
static json_t *built_in_json(const struct fixture *f)
{
    struct raml_err err = {0};
    CHECK_OK(raml_tokenizer_save(f->bytes, f->path, &err));
    json_t *root = json_load_file(f->path, 0, NULL);
    assert_non_null(root);
    return root;
}

/* Replaces the value at a dotted path ("model.vocab", "added_tokens.0.id") by JSON text; "" removes it. */
static void put(json_t *root, const char *where, const char *value)
{
    char part[64];
    json_t *at = root;
    for (;;) {
        size_t n = strcspn(where, ".");
        snprintf(part, sizeof part, "%.*s", (int)n, where);
        where += n;
        if (!*where) break;
        where++;
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(part)) : json_object_get(at, part);
        assert_non_null(at);
    }
    if (!*value) {
        assert_int_equal(json_object_del(at, part), 0);
        return;
    }
    json_t *v = json_loads(value, JSON_DECODE_ANY, NULL);
    assert_non_null(v);
    assert_int_equal(json_object_set_new(at, part, v), 0);
}

static enum raml_code open_json(const struct fixture *f, json_t *root, struct raml_tokenizer **t, struct raml_err *err)
{
    assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
    json_decref(root);
    return raml_tokenizer_open(f->path, t, err);
}

#define SPLIT(regex, behavior, invert)                                                                                 \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"" behavior "\",\"invert\":" invert "}"
#define SEQUENCE(step)                                                                                                 \
    "{\"type\":\"Sequence\",\"pretokenizers\":[" step                                                                  \
    ",{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}"

/* Changes to the built-in file that must be refused, with what the message must contain. */
static const struct {
    const char *where, *value;
    enum raml_code code;
    const char *says;
} refused[] = {
    {"model", "", RAML_EFORMAT, "'model' is missing"},
    {"model", "[]", RAML_EFORMAT, "'model' is missing or not an object"},
    {"model.type", "\"Unigram\"", RAML_ESUPPORT, "'model.type' is 'Unigram'"},
    {"model.type", "7", RAML_EFORMAT, "'type'"},
    {"model.type", "\"\\u001b[31m\"", RAML_ESUPPORT, "'model.type' is '?[31m'"},
    {"model.dropout", "0.1", RAML_ESUPPORT, "'model.dropout'"},
    {"model.byte_fallback", "true", RAML_ESUPPORT, "'pre_tokenizer' is {"},
    {"model.byte_fallback", "1", RAML_EFORMAT, "'model.byte_fallback' is not true or false"},
    {"model.ignore_merges", "1", RAML_EFORMAT, "'model.ignore_merges' is not true or false"},
    {"model.continuing_subword_prefix", "\"##\"", RAML_ESUPPORT, "'model.continuing_subword_prefix'"},
    {"model.end_of_word_suffix", "\"</w>\"", RAML_ESUPPORT, "'model.end_of_word_suffix'"},
    {"model.vocab", "", RAML_EFORMAT, "'model.vocab'"},
    {"model.vocab", "{}", RAML_EFORMAT, "no token"},
    {"model.vocab.A", "", RAML_EFORMAT, "no token 'A' for byte 0x41"},
    {"model.vocab.Ġ", "", RAML_EFORMAT, "for byte 0x20"},
    {"model.vocab.A", "66", RAML_EFORMAT, "which belongs to another token too"},
    {"model.vocab.A", "258", RAML_EFORMAT, "'<think>' has id 258, which belongs to another token too"},
    {"model.vocab.A", "-1", RAML_ERANGE, "'A' is -1"},
    {"model.vocab.A", "2147483648", RAML_ERANGE, "'A' is 2147483648"},
    {"model.vocab.A", "9223372036854775807", RAML_ERANGE, "'A'"},
    {"model.vocab.A", "65.0", RAML_EFORMAT, "'A' is not an integer"},
    {"model.vocab.A", "\"65\"", RAML_EFORMAT, "'A' is not an integer"},
    {"model.vocab.", "300", RAML_EFORMAT, "expected 1 to"},
    {"model.merges", "", RAML_EFORMAT, "'merges'"},
    {"model.merges", "{}", RAML_EFORMAT, "'merges'"},
    {"model.merges", "[\"a b\"]", RAML_EFORMAT, "needs token 'ab'"},
    {"model.merges", "[\"a xy\"]", RAML_EFORMAT, "needs token 'xy'"},
    {"model.merges", "[\"ab\"]", RAML_EFORMAT, "model.merges[0] is not a pair"},
    {"model.merges", "[\"a b c\"]", RAML_EFORMAT, "model.merges[0] is not a pair"},
    {"model.merges", "[\" b\"]", RAML_EFORMAT, "model.merges[0] is not a pair"},
    {"model.merges", "[[\"a\"]]", RAML_EFORMAT, "model.merges[0] is not a pair"},
    {"model.merges", "[[\"a\",\"b\",\"c\"]]", RAML_EFORMAT, "model.merges[0] is not a pair"},
    {"model.merges", "[[\"a\",1]]", RAML_EFORMAT, "model.merges[0] is not a pair"},
    {"model.merges", "[7]", RAML_EFORMAT, "model.merges[0] is not a pair"},
    {"normalizer", "{\"type\":\"NFD\"}", RAML_ESUPPORT, "'normalizer' is of type 'NFD'"},
    {"normalizer", "{}", RAML_EFORMAT, "'normalizer.type' is not a string"},
    {"normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Lowercase\"}]}",
     RAML_ESUPPORT, "'normalizer.normalizers[1]' is of type 'Lowercase'"},
    {"normalizer", "{\"type\":\"Sequence\",\"normalizers\":7}", RAML_EFORMAT, "'normalizer.normalizers'"},
    {"surprise", "1", RAML_ESUPPORT, "'surprise' is unknown"},
    {"pre_tokenizer", "null", RAML_ESUPPORT, "'pre_tokenizer'"},
    {"pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[]}", RAML_ESUPPORT,
     "'pre_tokenizer.pretokenizers' is empty"},
    {"pre_tokenizer", "{\"type\":\"Sequence\"}", RAML_EFORMAT, "'pre_tokenizer.pretokenizers' is not an array"},
    {"pre_tokenizer", "{\"type\":\"Whitespace\"}", RAML_ESUPPORT, "of type 'Whitespace'"},
    {"pre_tokenizer", SEQUENCE("{\"type\":\"Whitespace\"}"), RAML_ESUPPORT,
     "'pre_tokenizer.pretokenizers[0]' is of type"},
    {"pre_tokenizer", SEQUENCE("{\"type\":\"ByteLevel\"}"), RAML_ESUPPORT,
     "'pre_tokenizer.pretokenizers[0]' is of type"},
    {"pre_tokenizer", SEQUENCE("{\"type\":\"Split\"}"), RAML_ESUPPORT, "[0].pattern' is no 'Regex'"},
    {"pre_tokenizer", SEQUENCE(SPLIT("a", "Removed", "false")), RAML_ESUPPORT, "[0].behavior' is 'Removed'"},
    {"pre_tokenizer", SEQUENCE(SPLIT("a", "Isolated", "true")), RAML_ESUPPORT, "[0].invert' is true"},
    {"pre_tokenizer", SEQUENCE(SPLIT("(a", "Isolated", "false")), RAML_EFORMAT, "does not compile"},
    {"pre_tokenizer", SEQUENCE(SPLIT("a*", "Isolated", "false")), RAML_ESUPPORT, "can match the empty string"},
    {"pre_tokenizer", SEQUENCE(SPLIT("\\\\w+", "Isolated", "false")), RAML_ESUPPORT, "has '\\w' at byte 0"},
    {"pre_tokenizer", "7", RAML_EFORMAT, "'pre_tokenizer.type'"},
    {"pre_tokenizer.use_regex", "1", RAML_EFORMAT, "'pre_tokenizer.use_regex' is not true or false"},
    {"decoder", "{\"type\":\"WordPiece\"}", RAML_ESUPPORT, "'decoder' is of type 'WordPiece'"},
    {"decoder", "null", RAML_ESUPPORT, "'decoder'"},
    {"post_processor", "{\"type\":\"BertProcessing\"}", RAML_ESUPPORT, "'post_processor'"},
    {"added_tokens", "{}", RAML_EFORMAT, "'added_tokens'"},
    {"added_tokens", "[7]", RAML_EFORMAT, "'added_tokens[0].content'"},
    {"added_tokens.1.content", "\"\"", RAML_EFORMAT, "expected 1 to"},
    {"added_tokens.1.content", "null", RAML_EFORMAT, "'added_tokens[1].content'"},
    {"added_tokens.1.content", "\"<think>\"", RAML_EFORMAT, "is in added_tokens twice"},
    {"added_tokens.1.content", "\"A\"", RAML_EFORMAT, "has id 257 in added_tokens and 65 in model.vocab"},
    {"added_tokens.1.id", "\"257\"", RAML_EFORMAT, "not an integer"},
    {"added_tokens.1.id", "", RAML_EFORMAT, "not an integer"},
    {"added_tokens.1.id", "5000000", RAML_ERANGE, "is 5000000"},
    {"added_tokens.1.id", "65", RAML_EFORMAT, "which belongs to another token too"},
    {"added_tokens.1.id", "258", RAML_EFORMAT, "which belongs to another token too"},
    {"added_tokens.1.special", "1", RAML_EFORMAT, "'added_tokens[1].special'"},
    {"added_tokens.1.normalized", "1", RAML_EFORMAT, "'added_tokens[1].normalized'"},
    {"added_tokens.1.lstrip", "1", RAML_EFORMAT, "'added_tokens[1].lstrip' is not true or false"},
    {"added_tokens.1.rstrip", "1", RAML_EFORMAT, "'added_tokens[1].rstrip' is not true or false"},
    {"added_tokens.1.single_word", "1", RAML_EFORMAT, "'added_tokens[1].single_word' is not true or false"},
};

static void test_refused(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct raml_err err = {0};
        struct raml_tokenizer *t = NULL;
        json_t *root = built_in_json(f);
        put(root, refused[i].where, refused[i].value);
        enum raml_code rc = open_json(f, root, &t, &err);
        if (rc != refused[i].code || t || !strstr(err.msg, refused[i].says) || !strstr(err.msg, f->path)) {
            print_error("%s = %s: code %d, message '%s'; expected code %d, file and '%s'\n", refused[i].where,
                        refused[i].value, rc, err.msg, refused[i].code, refused[i].says);
            fail();
        }
    }
}

static void test_not_json(void **state)
{
    struct fixture *f = *state;
    static const char *const text[] = {
        "", "{", "[]", "null", "{\"model\":\"\xff\"}", "{\"model\":1,\"model\":1}", "{} x", "{\"model\":\"\\ud800\"}"};
    for (size_t i = 0; i < COUNT(text); i++) {
        struct raml_err err = {0};
        struct raml_tokenizer *t = NULL;
        CHECK_OK(raml_file_write(f->path, text[i], strlen(text[i]), &err));
        assert_int_equal(raml_tokenizer_open(f->path, &t, &err), RAML_EFORMAT);
        assert_non_null(strstr(err.msg, f->path));
        assert_null(t);
    }
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    assert_int_equal(raml_tokenizer_open("/no/such/tokenizer.json", &t, &err), RAML_EIO);
    assert_non_null(strstr(err.msg, "/no/such/tokenizer.json"));
}

/* Every prefix of the file, and the file with any one byte changed, is refused or read: never a crash. */
static void test_damaged(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_buf text;
    raml_buf_init(&text, 1 << 16);
    CHECK_OK(raml_tokenizer_save(f->bytes, f->path, &err));
    CHECK_OK(raml_file_read(f->path, &text, &err));
    struct raml_key key = {.seed = 3, .purpose = RAML_FOR_TEST};
    for (uint32_t i = 0; i < 300; i++) {
        size_t at = raml_below(&key, 2 * i, (uint32_t)text.len);
        char old = text.data[at];
        text.data[at] = (char)raml_below(&key, 2 * i + 1, 256);
        FILE *w = fopen(f->path, "wb"); /* without sync: hundreds of files synced to disk would take seconds */
        assert_non_null(w);
        size_t n = i % 3 ? text.len : at;
        assert_int_equal(fwrite(text.data, 1, n, w), n);
        assert_int_equal(fclose(w), 0);
        struct raml_tokenizer *t = NULL;
        enum raml_code rc = raml_tokenizer_open(f->path, &t, &err);
        assert_true(rc == RAML_OK ? t != NULL : t == NULL);
        if (i % 3 == 0) assert_int_not_equal(rc, RAML_OK);
        raml_tokenizer_close(t);
        text.data[at] = old;
    }
    raml_buf_deinit(&text);
}

/* Of tokens that begin alike the longest is taken, wherever the first of them begins; only special ones depend on
 * parse_special. Gaps between their ids are closed, as
 * `tokenizers` 0.22.2 and 0.23.3 do on loading. */
static void test_added_tokens(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    json_t *root = built_in_json(f);
    put(root, "added_tokens",
        "[{\"id\":300,\"content\":\"<a\"},{\"id\":301,\"content\":\"<ab>\",\"special\":false},"
        "{\"id\":302,\"content\":\"<ab>>\",\"special\":true},{\"id\":310,\"content\":\"b>\",\"special\":true}]");
    CHECK_OK(open_json(f, root, &t, &err));
    assert_int_equal(raml_tokenizer_size(t), 260);
    static const struct {
        const char *text;
        bool parse;
        int32_t want[8];
        size_t n;
    } cases[] = {
        {"<ab>>", true, {258}, 1},
        {"<ab>>", false, {257, '>'}, 2},
        {"x<ab", true, {'x', 256, 'b'}, 3},
        {"<ab<ab>", true, {256, 'b', 257}, 3},
        {"<", true, {'<'}, 1},
        {"<a<", false, {256, '<'}, 2},
        {"bb>", true, {'b', 259}, 2},
        {"bb>", false, {'b', 'b', '>'}, 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_tokens out = {0};
        CHECK_OK(raml_tokenizer_encode(t, cases[i].text, strlen(cases[i].text), cases[i].parse, &out, &err));
        check_ids(cases[i].text, out.id, out.n, cases[i].want, cases[i].n);
        raml_tokens_deinit(&out);
    }
    const char *bytes;
    size_t n;
    assert_int_equal(raml_tokenizer_piece(t, 260, &bytes, &n, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "token id 260 is outside the vocabulary: 0 to 259");
    assert_false(raml_tokenizer_is_special(t, 257));
    assert_true(raml_tokenizer_is_special(t, 258));
    raml_tokenizer_close(t);
}

/* What `tokenizers` does (added_vocabulary.rs, find_matches): a token takes in whitespace up to the token before it;
 * one inside a word is not a token, and what overlaps it is not considered again. */
static void test_added_borders(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    json_t *root = built_in_json(f);
    put(root, "added_tokens",
        "[{\"id\":300,\"content\":\"<l>\",\"lstrip\":true},{\"id\":301,\"content\":\"<r>\",\"rstrip\":true},"
        "{\"id\":302,\"content\":\"<b>\",\"lstrip\":true,\"rstrip\":true,\"special\":true},"
        "{\"id\":303,\"content\":\"one\",\"single_word\":true},"
        "{\"id\":304,\"content\":\"en\"},"
        "{\"id\":305,\"content\":\"<n>\",\"normalized\":true,\"rstrip\":true,\"single_word\":true}]");
    CHECK_OK(open_json(f, root, &t, &err));
    static const struct {
        const char *text;
        int32_t want[10];
        size_t n;
    } cases[] = {
        {"a <l> b", {'a', 256, ' ', 'b'}, 4},
        {"a <r> b", {'a', ' ', 257, 'b'}, 4},
        {"a \t\n<b>\xe2\x80\x83\xc2\xa0"
         "b",
         {'a', 258, 'b'},
         3},                        /* U+2003, U+00A0 */
        {"<r> <l>", {257, 256}, 2}, /* the first took the space */
        {"  <l><l>  ", {256, 256, ' ', ' '}, 4},
        {"<b>", {258}, 1},
        {"a\xff <l>", {'a', 0xff, 256}, 3}, /* a byte that is no character is not whitespace */
        {"one", {259}, 1},
        {"one,one one", {259, ',', 259, ' ', 259}, 5},
        {"onen", {'o', 'n', 'e', 'n'}, 4}, /* "en" is after, not inside */
        {"oneen", {'o', 'n', 'e', 260}, 4},
        {"\xc3\xa9one", {0xc3, 0xa9, 'o', 'n', 'e'}, 5}, /* a letter */
        {"one\xcc\x81", {'o', 'n', 'e', 0xcc, 0x81}, 5}, /* a mark */
        {"_one", {'_', 'o', 'n', 'e'}, 4},               /* a connector */
        {"7one", {'7', 'o', 'n', 'e'}, 4},
        {"-one\xff", {'-', 259, 0xff}, 3},
        {"<r>one<r>", {257, 259, 257}, 3}, /* at the end of a piece */
        {"a<n> ", {'a', '<', 'n', '>', ' '}, 5},
        {"+<n>  -", {'+', 261, '-'}, 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_tokens out = {0};
        struct raml_ranges where = {0};
        const struct raml_encode_options opt = {.parse_special = true};
        CHECK_OK(raml_tokenizer_encode_parts(t, cases[i].text, strlen(cases[i].text), &opt, &out, &where, &err));
        check_ids(cases[i].text, out.id, out.n, cases[i].want, cases[i].n);
        for (size_t k = 0; k < where.n; k++) /* the spaces belong to their token */
            assert_int_equal(where.range[k].start, k ? where.range[k - 1].end : 0);
        assert_int_equal(where.range[where.n - 1].end, strlen(cases[i].text));
        raml_tokens_deinit(&out);
        raml_ranges_deinit(&where);
    }
    raml_tokenizer_close(t);
}

/* ---- add_prefix_space, truncation and padding -------------------------------------------------------------------- */

/* Each piece between added tokens, and of a Digits step before it, begins with a space; positions cover the text. Ids are
 * those of `tokenizers` 0.23.3. */
static void test_space_before(void **state)
{
    struct fixture *f = *state;
    static const char digits[] =
        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},"
        "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}]}";
    static const struct {
        const char *pre, *text, *want; /* text; bytes, of which | is the added token <> */
    } cases[] = {
        {NULL, "ab", " ab"},
        {NULL, " ab", " ab"},
        {NULL, "\tab", " \tab"},
        {NULL, "a<>b", " a| b"},
        {NULL, "<>", "|"},
        {NULL, "<> a<> <>", "| a| |"},
        {NULL, "\xc3\xa9", " \xc3\xa9"},
        {NULL, "", ""},
        {digits, "a1 2", " a 1  2"},
        {digits, "a 12<>3", " a  1 2| 3"},
    };
    for (int nfc = 0; nfc < 2; nfc++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            struct raml_err err = {0};
            struct raml_tokenizer *t = NULL;
            struct raml_tokens out = {0};
            struct raml_ranges where = {0};
            const struct raml_encode_options opt = {.parse_special = true};
            json_t *root = built_in_json(f);
            put(root, "added_tokens", "[{\"id\":256,\"content\":\"<>\",\"special\":true}]");
            put(root, "truncation",
                "{\"direction\":\"Right\",\"max_length\":1,\"strategy\":\"LongestFirst\",\"stride\":0}");
            put(root, "padding", "{\"strategy\":{\"Fixed\":9},\"pad_id\":0,\"pad_token\":\"x\"}");
            if (nfc) put(root, "normalizer", "{\"type\":\"NFC\"}");
            if (cases[i].pre) put(root, "pre_tokenizer", cases[i].pre);
            else put(root, "pre_tokenizer.add_prefix_space", i % 2 ? "true" : "null"); /* true, where it is not given */
            CHECK_OK(open_json(f, root, &t, &err));
            size_t n = strlen(cases[i].text), n_want = strlen(cases[i].want);
            CHECK_OK(raml_tokenizer_encode_parts(t, cases[i].text, n, &opt, &out, &where, &err));
            if (out.n != n_want) fail_msg("'%s': %zu ids", cases[i].text, out.n);
            for (size_t k = 0; k < out.n; k++) {
                int32_t want = cases[i].want[k] == '|' ? 256 : (unsigned char)cases[i].want[k];
                if (out.id[k] != want) fail_msg("'%s', id %zu: %d", cases[i].text, k, (int)out.id[k]);
                assert_true(where.range[k].start < where.range[k].end && where.range[k].end <= n);
                assert_true(k == 0 ? where.range[k].start == 0 : where.range[k].start <= where.range[k - 1].end);
            }
            if (out.n) assert_int_equal(where.range[out.n - 1].end, n);
            raml_tokens_deinit(&out);
            raml_ranges_deinit(&where);
            raml_tokenizer_close(t);
        }
}

/* Tokens that tokenizer_config.json alone has. Right ids: AutoTokenizer of transformers 5.24. */
static void test_added_by_config(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    struct raml_tokens out = {0};
    char dir[] = "/tmp/raml-test-added-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    CHECK_OK(raml_tokenizer_save(f->bytes, path, &err));
    static const char config[] = "{\"model_max_length\":1000000000000000019884624838656,\"pad_token\":\"[PAD]\","
                                 "\"added_tokens_decoder\":{\"300\":{\"content\":\"<b>\",\"special\":true},\"270\":{"
                                 "\"content\":\"<a>\",\"special\":false,"
                                 "\"lstrip\":true},\"258\":{\"content\":\"<think>\",\"special\":false}}}";
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    CHECK_OK(raml_file_write(path, config, strlen(config), &err));
    CHECK_OK(raml_tokenizer_open(dir, &t, &err));
    assert_int_equal(raml_tokenizer_size(t), 263);
    assert_int_equal(raml_tokenizer_id(t, "<a>"), 261);
    assert_int_equal(raml_tokenizer_id(t, "<b>"), 262);
    assert_int_equal(raml_tokenizer_id(t, "[PAD]"), -1); /* the model has no row for it */
    assert_true(raml_tokenizer_is_special(t, 262) && !raml_tokenizer_is_special(t, 261));
    CHECK_OK(raml_tokenizer_encode(t, "x <a><b>", 8, true, &out, &err));
    check_ids("x <a><b>", out.id, out.n, (const int32_t[]){'x', 261, 262}, 3);
    raml_tokens_deinit(&out);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    assert_int_equal(remove(path), 0);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    CHECK_OK(raml_tokenizer_save(t, path, &err)); /* has them by itself */
    raml_tokenizer_close(t);
    CHECK_OK(raml_tokenizer_open(dir, &t, &err));
    assert_int_equal(raml_tokenizer_id(t, "<b>"), 262);
    raml_tokenizer_close(t);
    assert_int_equal(remove(path) | rmdir(dir), 0);
}

/* ---- merges ----------------------------------------------------------------------------------------------------- */

static const char *const merged[][2] = {{"b", "c"}, {"a", "a"},   {"a", "b"},  {"aa", "aa"}, {"ab", "c"},
                                        {"c", "c"}, {"bc", "bc"}, {"aa", "b"}, {"cc", "a"},  {"aab", "bc"},
                                        {"Ġ", "a"}, {"cc", "cc"}, {"a", "cc"}};

/* The rule itself, word for word: merge the leftmost pair of the lowest rank until there is none. */
static size_t merge_slowly(const struct raml_tokenizer *t, char piece[][64], size_t n, int32_t *id)
{
    for (;;) {
        size_t best = COUNT(merged), at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (size_t m = 0; m < best; m++) {
                const char *left = strcmp(merged[m][0], "Ġ") == 0 ? " " : merged[m][0];
                if (strcmp(piece[i], left) == 0 && strcmp(piece[i + 1], merged[m][1]) == 0) {
                    best = m;
                    at = i;
                }
            }
        if (best == COUNT(merged)) break;
        size_t used = strlen(piece[at]);
        memmove(piece[at] + used, piece[at + 1], strlen(piece[at + 1]) + 1);
        for (size_t i = at + 1; i + 1 < n; i++) memcpy(piece[i], piece[i + 1], 64);
        n--;
    }
    for (size_t i = 0; i < n; i++) id[i] = raml_tokenizer_id(t, piece[i]);
    return n;
}

static struct raml_tokenizer *open_merged(const struct fixture *f)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    json_t *root = built_in_json(f), *model = json_object_get(root, "model"), *merges = json_array();
    for (size_t i = 0; i < COUNT(merged); i++) {
        char both[16];
        snprintf(both, sizeof both, "%s%s", merged[i][0], merged[i][1]);
        json_object_set_new(json_object_get(model, "vocab"), both, json_integer((json_int_t)(261 + i)));
        if (i % 2) /* both ways of writing a merge */
            json_array_append_new(merges, json_pack("[ss]", merged[i][0], merged[i][1]));
        else json_array_append_new(merges, json_sprintf("%s %s", merged[i][0], merged[i][1]));
    }
    json_object_set_new(model, "merges", merges);
    CHECK_OK(open_json(f, root, &t, &err));
    assert_int_equal(raml_tokenizer_size(t), 261 + (int)COUNT(merged));
    return t;
}

static void test_merges(void **state)
{
    struct raml_tokenizer *t = open_merged(*state);
    struct raml_err err = {0};
    for (uint32_t round = 0; round < 2000; round++) {
        struct raml_rng r = {.key = {.seed = 1, .purpose = RAML_FOR_TEST, .question = round}};
        char text[41], piece[40][64] = {{0}};
        int32_t want[40];
        size_t n = raml_rng_below(&r, 41);
        for (size_t i = 0; i < n; i++) piece[i][0] = text[i] = "aaabbcc "[raml_rng_below(&r, 8)];
        text[n] = 0;
        size_t n_want = merge_slowly(t, piece, n, want);
        struct raml_tokens got = {0};
        CHECK_OK(raml_tokenizer_encode(t, text, n, true, &got, &err));
        check_ids(text, got.id, got.n, want, n_want);
        struct raml_buf back;
        raml_buf_init(&back, 64);
        CHECK_OK(raml_tokenizer_decode(t, got.id, got.n, true, &back, &err));
        check_bytes("back", back.data, back.len, text, n);
        raml_buf_deinit(&back);
        raml_tokens_deinit(&got);
    }
    raml_tokenizer_close(t);
}

static void test_merges_repeated(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    json_t *root = built_in_json(f);
    put(root, "model.vocab.ab", "400");
    put(root, "model.merges", "[\"a b\",[\"a\",\"b\"]]");
    assert_int_equal(open_json(f, root, &t, &err), RAML_EFORMAT);
    assert_non_null(strstr(err.msg, "model.merges[0] and model.merges[1] are the same pair"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_layout),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_not_json),     cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_added_tokens), cmocka_unit_test(test_added_borders),
        cmocka_unit_test(test_space_before), cmocka_unit_test(test_added_by_config),
        cmocka_unit_test(test_merges),       cmocka_unit_test(test_merges_repeated),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
