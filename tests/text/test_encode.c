/* test_encode.c - texts in parts: plain ranges, where each token came from, and form NFC with both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>
#include <utf8proc.h>

#include "check.h"
#include "fixture.h"
#include "parts.h"
#include "raml/rng.h"
#include "text/normal.h"
#include "text/unicode.h"
#include "text/vocab.h"

/* ---- a small tokenizer ------------------------------------------------------------------------------------------ */

static const char *const merges[] = {"a b", "ab c",  "c c", "Ġ a", "Ġ ab", "Ã ©",
                                     "Ì ģ", "ab Ġa", "c Ġ", "} }", "{ \\", "{\\ f"};

struct small {
    struct raml_str token[400], merge[16];
    int32_t type[400];
    char text[400][16];
    size_t n;
};

static void add(struct small *s, const char *text, int32_t type)
{
    snprintf(s->text[s->n], sizeof s->text[0], "%s", text);
    s->token[s->n] = (struct raml_str){s->text[s->n], strlen(s->text[s->n])};
    s->type[s->n++] = type;
}

/* All bytes, the results of merges, <s> and </s> (special), <a> (added), <é> (special, normalized). */
static struct raml_tokenizer *open_small(const struct fixture *f, const char *pattern)
{
    struct small s = {.n = 0};
    struct raml_err err = {0};
    struct raml_tokenizer *plain = NULL, *t = NULL;
    for (unsigned b = 0; b < 256; b++) {
        char c[3] = {0};
        raml_byte_to_char((unsigned char)b, c);
        add(&s, c, 1);
    }
    size_t n_merges = 0;
    for (size_t i = 0; i < COUNT(merges); i++) {
        char both[16];
        const char *space = strchr(merges[i], ' ');
        snprintf(both, sizeof both, "%.*s%s", (int)(space - merges[i]), merges[i], space + 1);
        add(&s, both, 1);
        s.merge[n_merges++] = (struct raml_str){merges[i], strlen(merges[i])};
    }
    add(&s, "<s>", 3);
    add(&s, "</s>", 3);
    add(&s, "<a>", 4);
    struct raml_tokenizer_parts p = {.name = "small",
                                     .token = s.token,
                                     .type = s.type,
                                     .n_tokens = s.n,
                                     .merge = s.merge,
                                     .n_merges = n_merges,
                                     .pattern = pattern};
    CHECK_OK(raml_tokenizer_from_parts(&p, &plain, &err));
    CHECK_OK(raml_tokenizer_save(plain, f->path, &err));
    raml_tokenizer_close(plain);
    json_t *root = json_load_file(f->path, 0, NULL);
    assert_non_null(root);
    json_array_append_new(json_object_get(root, "added_tokens"),
                          json_pack("{si ss sb sb}", "id", (int)s.n, "content", "<é>", "special", 1, "normalized", 1));
    assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
    json_decref(root);
    CHECK_OK(raml_tokenizer_open(f->path, &t, &err));
    return t;
}

/* ---- by hand ---------------------------------------------------------------------------------------------------- */

static void check_case(const struct raml_tokenizer *t, const char *text, const struct raml_range *plain, size_t n_plain,
                       const char *want)
{
    struct raml_err err = {0};
    struct raml_tokens id = {0};
    struct raml_ranges where = {0};
    struct raml_buf got;
    const struct raml_encode_options opt = {.parse_special = true, .plain = plain, .n_plain = n_plain};
    raml_buf_init(&got, 4096);
    CHECK_OK(raml_tokenizer_encode_parts(t, text, strlen(text), &opt, &id, &where, &err));
    for (size_t i = 0; i < id.n; i++) {
        const char *bytes;
        size_t n;
        CHECK_OK(raml_tokenizer_piece(t, id.id[i], &bytes, &n, &err));
        raml_buf_addf(&got, "%s%s", i ? " " : "", raml_tokenizer_is_special(t, id.id[i]) ? "!" : "");
        raml_buf_add(&got, bytes, n);
        raml_buf_addf(&got, ":%zu-%zu", where.range[i].start, where.range[i].end);
    }
    check_bytes(text, got.data, got.len, want, strlen(want));
    raml_buf_deinit(&got);
    raml_tokens_deinit(&id);
    raml_ranges_deinit(&where);
}

/* "!" comes before special tokens, the bytes after each token. */
static void test_by_hand(void **state)
{
    struct raml_tokenizer *t = open_small(*state, "qwen2");
    const struct raml_range middle[] = {{1, 3}}, two[] = {{0, 3}, {6, 9}}, touch[] = {{3, 4}}, empty[] = {{1, 1}};
    check_case(t, "<s>ab<s>", NULL, 0, "!<s>:0-3 ab:3-5 !<s>:5-8");
    check_case(t, "abc", middle, 1, "abc:0-3"); /* merges ignore it */
    check_case(t, "<s><s><s>", two, 2, "<:0-1 s:1-2 >:2-3 !<s>:3-6 <:6-7 s:7-8 >:8-9");
    check_case(t, "<s><s>", touch, 1, "!<s>:0-3 <:3-4 s:4-5 >:5-6"); /* one byte of it is plain */
    check_case(t, "<s>", empty, 1, "!<s>:0-3");
    check_case(t, "<a>b", middle, 1, "<a>:0-3 b:3-4"); /* not special: everywhere */
    /* e and U+0301 become one character, two bytes, which a merge makes one token; the text has three. */
    check_case(t, "ab e\xcc\x81", NULL, 0, "ab:0-2  :2-3 \xc3\xa9:3-6");
    /* U+0071 U+0307 U+0323: the marks change places; their bytes are tokens that all come from the block. */
    check_case(t, "q\xcc\x87\xcc\xa3z", NULL, 0, "q:0-1 \xcc:1-5 \xa3:1-5 \xcc:1-5 \x87:1-5 z:5-6");
    /* found after the normalizer, unless what it came from is plain */
    check_case(t, "a<e\xcc\x81>", NULL, 0, "a:0-1 !<\xc3\xa9>:1-6");
    check_case(t, "a<e\xcc\x81>", touch, 1, "a:0-1 <:1-2 \xc3\xa9:2-5 >:5-6");
    raml_tokenizer_close(t);
}

static void test_bad_plain(void **state)
{
    const struct raml_tokenizer *t = ((struct fixture *)*state)->bytes;
    static const struct {
        struct raml_range plain[2];
        const char *says;
    } cases[] = {
        {{{0, 1}, {0, 2}}, "plain range 2 is bytes 0 to 2 of a text of 3; expected ranges that rise from 1 on"},
        {{{2, 1}, {2, 2}}, "plain range 1 is bytes 2 to 1 of a text of 3; expected ranges that rise from 0 on"},
        {{{0, 1}, {2, 4}}, "plain range 2 is bytes 2 to 4 of a text of 3; expected ranges that rise from 1 on"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_tokens id = {0};
        struct raml_ranges where = {0};
        const struct raml_encode_options opt = {true, cases[i].plain, 2};
        assert_int_equal(raml_tokenizer_encode_parts(t, "abc", 3, &opt, &id, &where, &err), RAML_ERANGE);
        assert_string_equal(err.msg, cases[i].says);
        assert_int_equal(id.n + where.n, 0);
    }
}

/* ---- at random -------------------------------------------------------------------------------------------------- */

static bool is_plain(const struct raml_range *plain, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++)
        if (at >= plain[i].start && at < plain[i].end) return true;
    return false;
}

/* The longest of those tokens at text[at ..) that may be parsed; NULL: none. */
static const char *token_at(const char *const *token, const char *text, size_t at, const struct raml_range *plain,
                            size_t n_plain)
{
    const char *best = NULL;
    for (; *token; token++) {
        size_t n = strlen(*token);
        bool good = strncmp(text + at, *token, n) == 0;
        for (size_t k = 0; good && k < n && strcmp(*token, "<a>") != 0; k++) good = !is_plain(plain, n_plain, at + k);
        if (good && (!best || n > strlen(best))) best = *token;
    }
    return best;
}

/* Slowly: special tokens are looked for byte by byte, what lies between is encoded separately, without any. */
static void encode_slowly(const struct raml_tokenizer *t, const char *text, const struct raml_range *plain,
                          size_t n_plain, struct raml_tokens *out)
{
    static const char *const before[] = {"<s>", "</s>", "<a>", NULL};
    struct raml_err err = {0};
    size_t n = strlen(text), from = 0;
    for (size_t i = 0; i <= n;) {
        const char *token = i < n ? token_at(before, text, i, plain, n_plain) : "";
        if (!token) {
            i++;
            continue;
        }
        CHECK_OK(raml_tokenizer_encode(t, text + from, i - from, false, out, &err));
        if (i == n) break;
        int32_t id = raml_tokenizer_id(t, token);
        CHECK_OK(raml_tokens_add(out, &id, 1, &err));
        from = i += strlen(token);
    }
}

/* Texts of pieces that adjoin in every way. RAML_TEST_SEED repeats one. */
static void random_rounds(const struct raml_tokenizer *t, const char *pattern)
{
    static const char *const piece[] = {"a",
                                        "b",
                                        "c",
                                        " ",
                                        "<s>",
                                        "</s>",
                                        "<a>",
                                        "<",
                                        "s>",
                                        "\n",
                                        "\xc3\xa9",
                                        "e",
                                        "\xcc\x81",
                                        "\xcc\xa3",
                                        "\xff",
                                        "\xe3\x81",
                                        "}",
                                        "{\\",
                                        "f",
                                        "\xed\x95\x98",
                                        "\xe1\x86\xab",
                                        "\xe6\xbc\xa2",
                                        "7",
                                        "\xf0\x9f\x98\x80"};
    const char *given = getenv("RAML_TEST_SEED");
    uint64_t first = given ? strtoull(given, NULL, 10) : 0, n_rounds = given ? 1 : 3000;
    for (uint64_t round = first; round < first + n_rounds; round++) {
        struct raml_rng r = {.key = {.seed = round, .purpose = RAML_FOR_TEST}};
        char text[256] = "";
        struct raml_range plain[4];
        struct raml_err err = {0};
        struct raml_tokens id = {0}, want = {0};
        struct raml_ranges where = {0};
        for (size_t k = raml_rng_below(&r, 25); k > 0; k--) strcat(text, piece[raml_rng_below(&r, COUNT(piece))]);
        size_t n = strlen(text), n_plain = raml_rng_below(&r, COUNT(plain) + 1), at = 0;
        for (size_t i = 0; i < n_plain; i++) {
            plain[i].start = at += raml_rng_below(&r, (uint32_t)(n - at) + 1) / 2;
            plain[i].end = at += raml_rng_below(&r, (uint32_t)(n - at) + 1) / 2;
        }
        const struct raml_encode_options opt = {true, plain, n_plain};
        CHECK_OK(raml_tokenizer_encode_parts(t, text, n, &opt, &id, &where, &err));
        encode_slowly(t, text, plain, n_plain, &want);
        if (id.n != want.n || (id.n && memcmp(id.id, want.id, id.n * sizeof *id.id) != 0))
            print_error("repeat with RAML_TEST_SEED=%llu (%s)\n", (unsigned long long)round, pattern);
        check_ids(text, id.id, id.n, want.id, want.n);
        check_ranges(t, text, n, &id, &where, false);
        id.n = 0;
        CHECK_OK(raml_tokenizer_encode(t, text, n, round % 2, &id, &err));
        check_trivial_parts(t, text, n, round % 2, &id);
        raml_tokens_deinit(&id);
        raml_tokens_deinit(&want);
        raml_ranges_deinit(&where);
    }
}

static void test_random(void **state)
{
    static const char *const pattern[] = {"gpt-2", "qwen2", "deepseek-llm", "llama-bpe"};
    for (size_t i = 0; i < COUNT(pattern); i++) {
        struct raml_tokenizer *t = open_small(*state, pattern[i]);
        random_rounds(t, pattern[i]);
        raml_tokenizer_close(t);
    }
}

/* ---- form NFC, against utf8proc's own --------------------------------------------------------------------------- */

/* utf8proc's form, in pieces: a mark that `tokenizers` doesn't know stays where it is and joins nothing (unicode.h). */
static void utf8proc_form(const utf8proc_int32_t *cp, size_t n, struct raml_buf *out)
{
    for (size_t i = 0, k; i < n; i = k) {
        utf8proc_uint8_t text[160], *form = NULL;
        utf8proc_ssize_t len = utf8proc_encode_char(cp[i], text);
        k = i + 1;
        if (raml_unicode_late_mark((uint32_t)cp[i])) {
            raml_buf_add(out, text, (size_t)len);
            continue;
        }
        for (; k < n && !raml_unicode_late_mark((uint32_t)cp[k]); k++) len += utf8proc_encode_char(cp[k], text + len);
        utf8proc_ssize_t got = utf8proc_map(text, len, &form, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        assert_true(got >= 0);
        raml_buf_add(out, form, (size_t)got);
        free(form);
    }
}

static void check_nfc(const utf8proc_int32_t *cp, size_t n, struct raml_buf *out)
{
    struct raml_err err = {0};
    struct raml_origin origin = {0};
    struct raml_buf want;
    utf8proc_uint8_t text[160];
    utf8proc_ssize_t len = 0;
    raml_buf_init(&want, 1 << 10);
    utf8proc_form(cp, n, &want);
    for (size_t i = 0; i < n; i++) len += utf8proc_encode_char(cp[i], text + len);
    raml_buf_clear(out);
    CHECK_OK(raml_nfc(text, (size_t)len, out, &origin, &err));
    bool plain = raml_nfc_plain(text, (size_t)len);
    bool same = want.len == (size_t)len && memcmp(want.data, text, (size_t)len) == 0;
    if (out->len != want.len || memcmp(out->data, want.data, out->len) != 0 || (plain && !same)) {
        for (size_t i = 0; i < n; i++) print_error("U+%04X ", (unsigned)cp[i]);
        fail_msg("is not in form C, or taken for it (%d)", plain);
    }
    assert_int_equal(origin.at, out->len);
    assert_int_equal(origin.from, len);
    for (size_t i = 0; i < origin.n; i++) { /* exact runs are the same bytes */
        size_t end = i + 1 < origin.n ? origin.run[i + 1].at : origin.at;
        if (!origin.run[i].exact) continue;
        assert_memory_equal(out->data + origin.run[i].at, text + origin.run[i].from, end - origin.run[i].at);
    }
    raml_buf_deinit(&want);
    raml_origin_deinit(&origin);
}

/* Every character by itself, decomposed, after a base, before each of some marks, and between them. */
static void test_nfc_all_characters(void **state)
{
    (void)state;
    struct raml_buf out;
    raml_buf_init(&out, 4096);
    for (utf8proc_int32_t c = 1; c < 0x32000; c++) {
        utf8proc_int32_t apart[40];
        int last = 0;
        if (!utf8proc_codepoint_valid(c)) continue;
        utf8proc_ssize_t n = utf8proc_decompose_char(c, apart + 1, 32, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last);
        assert_true(n > 0);
        apart[0] = 'x';
        apart[n + 1] = 'y';
        check_nfc(apart, (size_t)n + 2, &out);
        const utf8proc_int32_t among[][4] = {
            {c, 'z'}, {'e', c, 0x301, 'z'}, {0x1100, c, 0x11a8, 0x301}, {c, 0x323, c, 0x307}, {0x301, c, 0x30b, c}};
        for (size_t i = 0; i < COUNT(among); i++) check_nfc(among[i], i ? 4 : 2, &out);
    }
    raml_buf_deinit(&out);
}

static void test_nfc_random(void **state)
{
    (void)state;
    static const utf8proc_int32_t from[] = {
        'a',    'e',     0xe9,    0x300,   0x301,   0x307,   0x323,  0x31b,  0x327,  0x338,  0x344,  0x345,  0x3b1,
        0x439,  0x5b0,   0x651,   0x9c7,   0x9be,   0x93c,   0x94d,  0x958,  0xb47,  0xb3e,  0xc46,  0xc56,  0xdd9,
        0xdca,  0xdcf,   0xe38,   0xe48,   0x1025,  0x102e,  0x1100, 0x1161, 0x11a8, 0xac00, 0x1e0a, 0x304b, 0x3099,
        0x212b, 0x1f600, 0x1f3fb, 0x11131, 0x11127, 0x1d15e, 0xfb2a, 0xf73,  0xf71,  0xf72,  0x200d, 0x4e00};
    struct raml_buf out;
    raml_buf_init(&out, 4096);
    for (uint64_t round = 0; round < 100000; round++) {
        struct raml_rng r = {.key = {.seed = round, .purpose = RAML_FOR_TEST}};
        utf8proc_int32_t cp[24];
        size_t n = 1 + raml_rng_below(&r, COUNT(cp));
        for (size_t i = 0; i < n; i++) cp[i] = from[raml_rng_below(&r, COUNT(from))];
        check_nfc(cp, n, &out);
    }
    raml_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),    cmocka_unit_test(test_bad_plain),
        cmocka_unit_test(test_random),     cmocka_unit_test(test_nfc_all_characters),
        cmocka_unit_test(test_nfc_random),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
