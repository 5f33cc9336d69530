/* test_hostile_tokenizer.c - broken and hostile tokenizer.json: each is refused with the file and the field, none crashes.
 * Files whose JSON is sound and whose fields are of wrong types are in test_vocab.c. */
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
#include "fixture.h"

enum { MAX_FILE = 1 << 22 };

/* The built-in file's text with a part replaced. */
static void edited(const struct fixture *f, const char *old, const char *new, size_t n_new, struct raml_buf *out)
{
    struct raml_err err = {0};
    struct raml_buf text;
    raml_buf_init(&text, MAX_FILE);
    CHECK_OK(raml_tokenizer_save(f->bytes, f->path, &err));
    CHECK_OK(raml_file_read(f->path, &text, &err));
    const char *at = strstr(text.data, old);
    if (!at) fail_msg("the built-in file has no '%s'", old);
    raml_buf_add(out, text.data, (size_t)(at - text.data));
    raml_buf_add(out, new, n_new);
    raml_buf_adds(out, at + strlen(old));
    raml_buf_deinit(&text);
}

/* Opens the text as a file: it must be refused, with the file's name and `says`. Returns 1 if it is. */
static size_t is_refused(const struct fixture *f, const char *what, const struct raml_buf *text, const char *says)
{
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    size_t good = 0;
    FILE *w = fopen(f->path, "wb");
    assert_non_null(w);
    assert_int_equal(fwrite(text->data, 1, text->len, w), text->len);
    assert_int_equal(fclose(w), 0);
    enum raml_code rc = raml_tokenizer_open(f->path, &t, &err);
    if (rc == RAML_OK || t || !strstr(err.msg, f->path) || !strstr(err.msg, says))
        print_error("%s: code %d, message '%s'; expected the file and '%s'\n", what, rc, err.msg, says);
    else good = 1;
    for (const char *c = err.msg; *c; c++) /* fit for a terminal */
        if ((unsigned char)*c < 0x20) fail_msg("%s: a control character in the message", what);
    raml_tokenizer_close(t);
    return good;
}

#define MERGES "\"merges\":[]"
#define VOCAB "\"A\":65,"
#define ADDED "{\"id\":257,\"content\":\"<|question|>\","
#define PRE                                                                                                            \
    "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":false,\"use_regex\":false}"
#define SPLIT(regex)                                                                                                   \
    "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex  \
    "\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_"        \
    "regex\":false}]}"

static const struct {
    const char *what, *old, *new, *says;
} edits[] = {
    {"vocab: raw invalid UTF-8", VOCAB, "\"\xff\":65,", "not valid JSON"},
    {"vocab: overlong UTF-8", VOCAB, "\"\xc0\x81\":65,", "not valid JSON"},
    {"vocab: a surrogate in UTF-8", VOCAB, "\"\xed\xa0\x80\":65,", "not valid JSON"},
    {"vocab: a character cut short", VOCAB, "\"\xe6\xbc\":65,", "not valid JSON"},
    {"vocab: above U+10FFFF", VOCAB, "\"\xf4\x90\x80\x80\":65,", "not valid JSON"},
    {"vocab: half a surrogate pair", VOCAB, "\"\\ud83d\":65,", "not valid JSON"},
    {"vocab: the second half first", VOCAB, "\"\\ude00\\ud83d\":65,", "not valid JSON"},
    {"vocab: \\u of three digits", VOCAB, "\"\\u00e\":65,", "not valid JSON"},
    {"vocab: \\u of letters", VOCAB, "\"\\uzzzz\":65,", "not valid JSON"},
    {"vocab: an unknown escape", VOCAB, "\"\\x41\":65,", "not valid JSON"},
    {"vocab: \\u0000", VOCAB, "\"\\u0000\":65,", "not valid JSON"},
    {"vocab: a raw newline in a token", VOCAB, "\"\n\":65,", "not valid JSON"},
    {"vocab: a token twice", VOCAB, "\"A\":65,\"A\":300,", "not valid JSON"},
    {"vocab: an id twice", VOCAB, "\"A\":65,\"AA\":65,", "which belongs to another token too"},
    {"vocab: an id twice by an alias", VOCAB, "\"A\":65,\"\\u0041\\u0041\":66,", "which belongs to another token too"},
    {"vocab: a negative id", VOCAB, "\"A\":-65,", "the id of token 'A' is -65"},
    {"vocab: the lowest id", VOCAB, "\"A\":-9223372036854775808,", "the id of token 'A'"},
    {"vocab: 2^22", VOCAB, "\"A\":4194304,", "the id of token 'A' is 4194304; expected 0 to 4194303"},
    {"vocab: 2^32 + 65", VOCAB, "\"A\":4294967361,", "the id of token 'A' is 4294967361"},
    {"vocab: 2^63", VOCAB, "\"A\":9223372036854775808,", "the id of token 'A' is not an integer"},
    {"vocab: 2^64 + 65", VOCAB, "\"A\":18446744073709551681,", "the id of token 'A' is not an integer"},
    {"vocab: 65.5", VOCAB, "\"A\":65.5,", "the id of token 'A' is not an integer"},
    {"vocab: 65e0", VOCAB, "\"A\":65e0,", "the id of token 'A' is not an integer"},
    {"vocab: 1e400", VOCAB, "\"A\":1e400,", "the id of token 'A' is not an integer"},
    {"vocab: NaN", VOCAB, "\"A\":NaN,", "the id of token 'A' is not an integer"},
    {"vocab: 065", VOCAB, "\"A\":065,", "not valid JSON"},
    {"vocab: true", VOCAB, "\"A\":true,", "the id of token 'A' is not an integer"},
    {"vocab: null", VOCAB, "\"A\":null,", "the id of token 'A' is not an integer"},
    {"vocab: a list", VOCAB, "\"A\":[65],", "the id of token 'A' is not an integer"},
    {"vocab: an object", VOCAB, "\"A\":{\"id\":65},", "the id of token 'A' is not an integer"},
    {"vocab: an escape sequence in a name", VOCAB, "\"A\":65,\"\\u001b[2J\\u0007\":\"x\",", "token '?[2J?' is not an"},
    {"vocab: an empty token", VOCAB, "\"A\":65,\"\":300,", "token '' has 0 bytes"},
    {"vocab: no token for a byte", VOCAB, "", "no token 'A' for byte 0x41"},
    {"vocab: a comma too many", VOCAB, VOCAB ",", "not valid JSON"},
    {"vocab: a missing comma", VOCAB, "\"A\":65", "not valid JSON"},
    {"vocab: a missing colon", VOCAB, "\"A\" 65,", "not valid JSON"},
    {"vocab: single quotes", VOCAB, "'A':65,", "not valid JSON"},
    {"vocab: a comment", VOCAB, VOCAB "/* */", "not valid JSON"},
    {"vocab: a list of pairs", "\"vocab\":{", "\"vocab\":[],\"voc\":{", "'model.vocab' is missing or not an object"},
    {"vocab: lower case field", "\"vocab\":{", "\"Vocab\":{", "'model.vocab' is missing or not an object"},
    {"merges: an unknown part", MERGES, "\"merges\":[\"A ZZ\"]", "model.merges[0] needs token 'ZZ'"},
    {"merges: an unknown left part", MERGES, "\"merges\":[\"ZZ A\"]", "model.merges[0] needs token 'ZZ'"},
    {"merges: an unknown whole", MERGES, "\"merges\":[\"A B\"]", "model.merges[0] needs token 'AB'"},
    {"merges: with itself, unknown", MERGES, "\"merges\":[\"A A\"]", "model.merges[0] needs token 'AA'"},
    {"merges: one part", MERGES, "\"merges\":[\"A\"]", "model.merges[0] is not a pair"},
    {"merges: three parts", MERGES, "\"merges\":[\"A B C\"]", "model.merges[0] is not a pair"},
    {"merges: two spaces", MERGES, "\"merges\":[\"A  B\"]", "model.merges[0] is not a pair"},
    {"merges: a space at the end", MERGES, "\"merges\":[\"A \"]", "model.merges[0] is not a pair"},
    {"merges: only a space", MERGES, "\"merges\":[\" \"]", "model.merges[0] is not a pair"},
    {"merges: empty", MERGES, "\"merges\":[\"\"]", "model.merges[0] is not a pair"},
    {"merges: a tab for the space", MERGES, "\"merges\":[\"A\\tB\"]", "model.merges[0] is not a pair"},
    {"merges: empty parts in a list", MERGES, "\"merges\":[[\"\",\"A\"]]", "model.merges[0] is not a pair"},
    {"merges: an empty list", MERGES, "\"merges\":[[]]", "model.merges[0] is not a pair"},
    {"merges: three in a list", MERGES, "\"merges\":[[\"A\",\"B\",\"C\"]]", "model.merges[0] is not a pair"},
    {"merges: nested", MERGES, "\"merges\":[[[\"A\",\"B\"]]]", "model.merges[0] is not a pair"},
    {"merges: null", MERGES, "\"merges\":[null]", "model.merges[0] is not a pair"},
    {"merges: ids", MERGES, "\"merges\":[[65,66]]", "model.merges[0] is not a pair"},
    {"merges: an object", MERGES, "\"merges\":{\"A\":\"B\"}", "'merges'"},
    {"merges: a number", MERGES, "\"merges\":7", "'merges'"},
    {"merges: \\u0000 in a part", MERGES, "\"merges\":[\"A\\u0000 B\"]", "not valid JSON"},
    {"merges: an added token's name", MERGES, "\"merges\":[\"<think> A\"]", "model.merges[0] needs token '<think>'"},
    {"merges: a very long name", MERGES,
     "\"merges\":[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA A\"]",
     "AAA...'"},
    {"added: an empty text", ADDED, "{\"id\":257,\"content\":\"\",", "token '' has 0 bytes"},
    {"added: a text twice", ADDED, "{\"id\":257,\"content\":\"<think>\",", "is in added_tokens twice"},
    {"added: an id twice", ADDED, "{\"id\":256,\"content\":\"<|question|>\",", "id 256, which belongs to another"},
    {"added: an id of the vocabulary", ADDED, "{\"id\":65,\"content\":\"<q>\",", "id 65, which belongs to another"},
    {"added: a text of the vocabulary", ADDED, "{\"id\":257,\"content\":\"A\",", "and 65 in model.vocab"},
    {"added: a byte's token", ADDED, "{\"id\":32,\"content\":\"\xc4\xa0\",", "naming one of the 256 byte tokens"},
    {"added: a negative id", ADDED, "{\"id\":-1,\"content\":\"<q>\",", "the id of token '<q>' is -1"},
    {"added: a huge id", ADDED, "{\"id\":99999999999,\"content\":\"<q>\",", "is 99999999999"},
    {"added: an id that is a text", ADDED, "{\"id\":\"257\",\"content\":\"<q>\",",
     "id of token '<q>' is not an integer"},
    {"added: no id", ADDED, "{\"content\":\"<q>\",", "id of token '<q>' is not an integer"},
    {"added: no text", ADDED, "{\"id\":257,", "'added_tokens[1].content' is not a string"},
    {"added: a number for a text", ADDED, "{\"id\":257,\"content\":7,", "'added_tokens[1].content' is not a string"},
    {"added: \\u0000", ADDED, "{\"id\":257,\"content\":\"\\u0000\",", "not valid JSON"},
    {"added: a list in the list", ADDED, "[],{\"id\":257,\"content\":\"<q>\",", "'added_tokens[1].content'"},
    {"added: null in the list", ADDED, "null,{\"id\":257,\"content\":\"<q>\",", "'added_tokens[1].content'"},
    {"added: special: 1", ADDED, "{\"id\":257,\"content\":\"<q>\",\"special\":1,\"s\":", "not valid JSON"},
    {"added: two specials", ADDED, "{\"id\":257,\"content\":\"<q>\",\"special\":true,", "not valid JSON"},
    {"model: WordPiece", "\"type\":\"BPE\"", "\"type\":\"WordPiece\"", "'model.type' is 'WordPiece'"},
    {"model: WordLevel", "\"type\":\"BPE\"", "\"type\":\"WordLevel\"", "'model.type' is 'WordLevel'"},
    {"model: Unigram", "\"type\":\"BPE\"", "\"type\":\"Unigram\"", "'model.type' is 'Unigram'"},
    {"model: bpe", "\"type\":\"BPE\"", "\"type\":\"bpe\"", "'model.type' is 'bpe'"},
    {"model: no type", "\"type\":\"BPE\"", "\"typ\":\"BPE\"", "field 'model'"},
    {"model: type null", "\"type\":\"BPE\"", "\"type\":null", "'type'"},
    {"model: dropout", "\"dropout\":null", "\"dropout\":0.1", "'model.dropout' is set"},
    {"model: a prefix", "\"continuing_subword_prefix\":null", "\"continuing_subword_prefix\":[]",
     "'model.continuing_subword_prefix'"},
    {"model: byte_fallback as a text", "\"byte_fallback\":false", "\"byte_fallback\":\"yes\"",
     "'model.byte_fallback' is not true or false"},
    {"model: byte_fallback that lies", "\"byte_fallback\":false", "\"byte_fallback\":true", "'pre_tokenizer'"},
    {"model: ignore_merges null is no, 0 is not", "\"ignore_merges\":false", "\"ignore_merges\":0",
     "'model.ignore_merges' is not true or false"},
    {"model twice", "\"model\":{", "\"model\":{},\"model\":{", "not valid JSON"},
    {"pattern: an open group", PRE, SPLIT("(a"), "does not compile"},
    {"pattern: an open class", PRE, SPLIT("[a"), "does not compile"},
    {"pattern: nothing to repeat", PRE, SPLIT("*a"), "does not compile"},
    {"pattern: a range out of order", PRE, SPLIT("[z-a]"), "does not compile"},
    {"pattern: a repeat out of order", PRE, SPLIT("a{3,2}"), "does not compile"},
    {"pattern: a repeat too large", PRE, SPLIT("a{99999}"), "does not compile"},
    {"pattern: a backslash at the end", PRE, SPLIT("a\\\\"), "does not support"},
    {"pattern: a character above U+10FFFF", PRE, SPLIT("\\\\x{110000}"), "does not compile"},
    {"pattern: a lookbehind without bound", PRE, SPLIT("(?<=a+)b"), "does not compile"},
    {"pattern: may match the empty string", PRE, SPLIT("a?"), "can match the empty string"},
    {"pattern: a recursion", PRE, SPLIT("(a(?R)?b)"), "does not support"},
    {"pattern: a callout", PRE, SPLIT("a(?C1)"), "does not support"},
    {"pattern: a verb", PRE, SPLIT("(*ACCEPT)a"), "does not support"},
    {"pattern: the start of a verb", PRE, SPLIT("(*UTF)a"), "does not support"},
    {"pattern: a single byte", PRE, SPLIT("\\\\C"), "does not support"},
    {"pattern: a quantifier of its own dialect", PRE, SPLIT("a{,3}b"), "does not support"},
    {"pattern: a set of sets", PRE, SPLIT("[a&&[b]]"), "does not support"},
    {"pattern: a script", PRE, SPLIT("\\\\p{Han}"), "does not support"},
    {"pattern: empty", PRE, SPLIT(""), "a pattern of 0 bytes"},
    {"pattern: \\u0000", PRE, SPLIT("a\\u0000b"), "not valid JSON"},
    {"pattern: nested groups without end", PRE,
     SPLIT("((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("
           "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((a"),
     "does not compile"},
    {"decoder: an unknown type", "\"decoder\":{\"type\":\"ByteLevel\"", "\"decoder\":{\"type\":\"CTC\"",
     "'decoder' is"},
    {"decoder: no object", "\"decoder\":{", "\"decoder\":7,\"padding\":{", "not valid JSON"},
    {"normalizer: a text", "\"normalizer\":null", "\"normalizer\":\"NFC\"", "'normalizer.type' is not a string"},
    {"normalizer: a sequence in a sequence", "\"normalizer\":null",
     "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Sequence\",\"normalizers\":[]}]}",
     "'normalizer.normalizers[0]' is of type 'Sequence'"},
    {"post_processor: a list", "\"post_processor\":null", "\"post_processor\":[]", "'post_processor.type'"},
    {"an unknown field", "\"version\"", "\"virsion\"", "'virsion' is unknown"},
    {"a byte order mark", "{\"version\"", "\xef\xbb\xbf{\"version\"", "not valid JSON"},
};

static size_t check_edits(const struct fixture *f)
{
    size_t n = 0;
    for (size_t i = 0; i < COUNT(edits); i++) {
        struct raml_buf text;
        raml_buf_init(&text, MAX_FILE);
        edited(f, edits[i].old, edits[i].new, strlen(edits[i].new), &text);
        n += is_refused(f, edits[i].what, &text, edits[i].says);
        raml_buf_deinit(&text);
    }
    return n;
}

/* Truncated at many places, and bytes of 0. */
static size_t check_truncated(const struct fixture *f)
{
    size_t n = 0;
    struct raml_buf text;
    raml_buf_init(&text, MAX_FILE);
    edited(f, VOCAB, VOCAB, strlen(VOCAB), &text);
    size_t whole = text.len;
    for (size_t k = 1; k <= 16; k++) {
        text.len = whole * k / 17;
        n += is_refused(f, "cut", &text, "not valid JSON");
    }
    text.len = 0;
    n += is_refused(f, "an empty file", &text, "empty; expected a JSON object");
    raml_buf_deinit(&text);
    static const char *const at[] = {"{\"version\"", VOCAB, MERGES, ADDED};
    for (size_t i = 0; i < COUNT(at); i++) {
        raml_buf_init(&text, MAX_FILE);
        edited(f, at[i], "\0", 1, &text);
        n += is_refused(f, "a byte of 0", &text, i ? "not valid JSON" : "is in UTF-16BE");
        raml_buf_deinit(&text);
    }
    return n;
}

/* Depth and size. */
static size_t check_sizes(const struct fixture *f)
{
    static const struct {
        const char *what, *old, *open, *more, *close, *says;
        size_t n;
    } cases[] = {
        {"100,000 lists in each other", MERGES, "\"merges\":", "[", "", "not valid JSON", 100000},
        {"100,000 objects in each other", "\"normalizer\":null", "\"normalizer\":", "{\"type\":", "", "not valid JSON",
         100000},
        {"a token of 100,000 bytes", VOCAB, VOCAB "\"", "Z", "\":300,", "has 100000 bytes; expected 1 to 65536",
         100000},
        {"an added token of 100,000 bytes", ADDED, "{\"id\":257,\"content\":\"", "Z", "\",",
         "has 100000 bytes; expected 1 to 65536", 100000},
        {"a pattern of 100,000 bytes", PRE,
         "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"",
         "a", "\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\"}]}", "a pattern of 100000 bytes",
         100000},
        {"1000 pre-tokenizers", PRE, "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[",
         "{\"type\":\"Digits\",\"individual_digits\":true},", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]}",
         "has 1001 entries; this version reads up to 32", 1000},
        {"20 patterns", PRE, "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[",
         "{\"type\":\"Digits\",\"individual_digits\":true},", "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]}",
         "more than 16 patterns", 20},
        {"a merge a thousand times", MERGES, "\"merges\":[", "\"A A\",", "\"A A\"]", "needs token 'AA'", 1000},
    };
    size_t n = 0;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_buf new, text;
        raml_buf_init(&new, MAX_FILE);
        raml_buf_init(&text, MAX_FILE);
        raml_buf_adds(&new, cases[i].open);
        for (size_t k = 0; k < cases[i].n; k++) raml_buf_adds(&new, cases[i].more);
        raml_buf_adds(&new, cases[i].close);
        edited(f, cases[i].old, new.data, new.len, &text);
        n += is_refused(f, cases[i].what, &text, cases[i].says);
        raml_buf_deinit(&new);
        raml_buf_deinit(&text);
    }
    return n;
}

static void test_refused(void **state)
{
    size_t n = check_edits(*state) + check_truncated(*state) + check_sizes(*state);
    print_message("%zu corrupt files refused, each with its reason\n", n);
    assert_int_equal(n, COUNT(edits) + 16 + 1 + 4 + 8);
}

/* What is sound enough to be opened must terminate: expressions that take exponential time are stopped, and tokens that
 * make each other, or themselves, merge once per pair. */
static void test_bounded(void **state)
{
    static const struct {
        const char *what, *old, *new;
        bool fails;
    } cases[] = {
        {"(a+)+[bc]", PRE, SPLIT("(a+)+[bc]"), true},
        {"(a|aa)+[bc]", PRE, SPLIT("(a|aa)+[bc]"), true},
        {"(?:a?){30}a{30}", PRE, SPLIT("(?:a?){30}a{30}"), false},
        {"self-merges", MERGES, "\"merges\":[\"a a\",\"aa aa\",\"aa a\",\"a aa\",\"aaa a\",\"a aaa\"]", false},
        {"merges backwards", MERGES, "\"merges\":[\"aaa a\",\"aa aa\",\"aa a\",\"a a\"]", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct fixture *f = *state;
        struct raml_err err = {0};
        struct raml_buf text;
        struct raml_tokenizer *t = NULL;
        struct raml_tokens ids = {0};
        static char run[20001];
        raml_buf_init(&text, MAX_FILE);
        edited(f, cases[i].old, cases[i].new, strlen(cases[i].new), &text);
        CHECK_OK(raml_file_write(f->path, text.data, text.len, &err));
        raml_buf_deinit(&text);
        json_t *root = json_load_file(f->path, 0, NULL), *vocab = NULL;
        vocab = json_object_get(json_object_get(root, "model"), "vocab");
        json_object_set_new(vocab, "aa", json_integer(300));
        json_object_set_new(vocab, "aaa", json_integer(301));
        json_object_set_new(vocab, "aaaa", json_integer(302));
        assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
        json_decref(root);
        CHECK_OK(raml_tokenizer_open(f->path, &t, &err));
        memset(run, 'a', sizeof run - 1);
        clock_t start = clock();
        enum raml_code rc = raml_tokenizer_encode(t, run, sizeof run - 1, true, &ids, &err);
        double s = (double)(clock() - start) / CLOCKS_PER_SEC;
        if (cases[i].fails != (rc != RAML_OK)) fail_msg("%s: code %d: %s", cases[i].what, rc, err.msg);
        if (cases[i].fails) assert_non_null(strstr(err.msg, "match limit"));
        if (cases[i].fails) assert_int_equal(ids.n, 0);
        if (!(s < 120)) fail_msg("%s: %.1f s", cases[i].what, s);
        raml_tokens_deinit(&ids);
        raml_tokenizer_close(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
