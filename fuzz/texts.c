/* texts.c - see texts.h. */
#include "fuzz/texts.h"

#include "fuzz/check.h"

#include <string.h>

enum { MAX_TEXT = 2000, MAX_BYTES = 1 << 24 };

/* Starts and ends never fall, and nothing is left out but bytes without a token. */
static void check_ranges(const struct raml_tokenizer *t, const struct raml_tokens *id, const struct raml_ranges *where,
                         size_t n)
{
    size_t start = 0, end = 0;
    bool whole = raml_tokenizer_lacks_bytes(t) == 0;
    FUZZ_CHECK(where->n == id->n, "%zu tokens, %zu ranges", id->n, where->n);
    for (size_t i = 0; i < where->n; i++) {
        struct raml_range r = where->range[i];
        FUZZ_CHECK(r.start >= start && (r.start <= end || !whole) && r.end >= end && r.end <= n,
                   "token %zu is bytes %zu to %zu of %zu, after %zu to %zu", i, r.start, r.end, n, start, end);
        start = r.start;
        end = r.end;
    }
    FUZZ_CHECK(end == n || !whole, "the tokens cover %zu of %zu bytes", end, n);
}

/* Cleaned text is clean, and ends where the buffer does: no 0 byte is in it. */
static void check_decoded(const struct raml_tokenizer *t, const struct raml_tokens *id, bool keep_special)
{
    struct raml_err err = {0};
    struct raml_buf whole, clean, again;
    raml_buf_init(&whole, MAX_BYTES);
    raml_buf_init(&clean, MAX_BYTES);
    raml_buf_init(&again, MAX_BYTES);
    FUZZ_MUST(raml_tokenizer_decode(t, id->id, id->n, keep_special, &whole, &err), &err);
    raml_utf8_clean(&clean, whole.data ? whole.data : "", whole.len);
    raml_utf8_clean(&again, clean.data ? clean.data : "", clean.len);
    FUZZ_CHECK(clean.len == again.len && (!clean.len || !memcmp(clean.data, again.data, clean.len)),
               "%zu ids decode to %zu bytes, cleaned to %zu and to %zu again", id->n, whole.len, clean.len, again.len);
    FUZZ_CHECK(!clean.len || strlen(clean.data) == clean.len, "a 0 byte is left in cleaned text");
    raml_buf_deinit(&whole);
    raml_buf_deinit(&clean);
    raml_buf_deinit(&again);
}

static void use(const struct raml_tokenizer *t, const char *text, size_t n, bool parse)
{
    struct raml_tokens id = {0}, again = {0};
    struct raml_ranges where = {0};
    struct raml_err err = {0};
    const struct raml_range plain[] = {{0, n / 2}};
    const struct raml_encode_options all = {parse, NULL, 0}, half = {parse, plain, 1};
    enum raml_code rc = raml_tokenizer_encode(t, text, n, parse, &id, &err);
    if (rc) { /* a byte that the vocabulary has not */
        fuzz_refused(rc, &err);
        FUZZ_CHECK(rc == RAML_ERANGE && !id.n, "code %d, and %zu ids are there: %s", (int)rc, id.n, err.msg);
        return;
    }
    for (size_t i = 0; i < id.n; i++) {
        const char *bytes;
        size_t len;
        FUZZ_CHECK(id.id[i] >= 0 && id.id[i] < raml_tokenizer_size(t), "id %d of %d", (int)id.id[i],
                   (int)raml_tokenizer_size(t));
        FUZZ_MUST(raml_tokenizer_piece(t, id.id[i], &bytes, &len, &err), &err);
    }
    FUZZ_MUST(raml_tokenizer_encode_parts(t, text, n, &all, &again, &where, &err), &err);
    FUZZ_CHECK(again.n == id.n && (!id.n || !memcmp(again.id, id.id, id.n * sizeof *id.id)), "%zu ids, %zu in parts",
               id.n, again.n);
    check_ranges(t, &again, &where, n);
    again.n = where.n = 0;
    FUZZ_MUST(raml_tokenizer_encode_parts(t, text, n, &half, &again, &where, &err), &err);
    check_ranges(t, &again, &where, n);
    check_decoded(t, &id, true);
    check_decoded(t, &again, false);
    raml_tokens_deinit(&id);
    raml_tokens_deinit(&again);
    raml_ranges_deinit(&where);
}

void fuzz_use_tokenizer(const struct raml_tokenizer *t, const void *data, size_t n)
{
    static const char *const texts[] = {
        "",
        "a",
        "What is 17 times 23?",
        "  two  spaces\n\n\ttab ",
        "it's 1234567 O'CLOCK, we'll",
        "<|endoftext|><s> </s><think>x</think>",
        "e\xcc\x81 \xe1\xba\x9b\xcc\xa3 \xed\x95\x9c \xf0\x9f\x98\x80",
        "\xff\xfe\xc3(\xe2\x82",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    };
    for (size_t i = 0; i < FUZZ_COUNT(texts); i++) {
        use(t, texts[i], strlen(texts[i]), true);
        use(t, texts[i], strlen(texts[i]), false);
    }
    use(t, data, n < MAX_TEXT ? n : MAX_TEXT, true);
    struct raml_buf out;
    struct raml_err err = {0};
    int32_t outside = raml_tokenizer_size(t);
    raml_buf_init(&out, MAX_BYTES);
    FUZZ_CHECK(raml_tokenizer_decode(t, &outside, 1, true, &out, &err) == RAML_ERANGE, "id %d was decoded",
               (int)outside);
    fuzz_refused(err.code, &err);
    raml_buf_deinit(&out);
    for (int32_t i = 0; i < outside; i += 1 + outside / 64) (void)raml_tokenizer_is_special(t, i);
}
