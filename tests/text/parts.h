/* parts.h - invariants of every encoding in parts. Include after cmocka's own headers and check.h. */
#ifndef RAML_TESTS_TEXT_PARTS_H
#define RAML_TESTS_TEXT_PARTS_H

#include "raml/tokenizer.h"

/* Starts and ends never decrease, nothing is skipped, and a token that shares no byte with another is spelled by its
 * own bytes (same: the text is not changed by a normalizer, so that no two share any). */
static inline void check_ranges(const struct raml_tokenizer *t, const char *text, size_t len,
                                const struct raml_tokens *id, const struct raml_ranges *where, bool same)
{
    struct raml_err err = {0};
    size_t start = 0, end = 0;
    assert_int_equal(where->n, id->n);
    if (len) assert_true(id->n > 0);
    for (size_t i = 0; i < where->n; i++) {
        struct raml_range r = where->range[i];
        bool shared = i && r.start < end;
        if (r.start < start || r.start > end || r.end < end || r.end > len || r.start >= r.end || (shared && same))
            fail_msg("'%.*s': token %zu is bytes %zu to %zu, after %zu to %zu", (int)len, text, i, r.start, r.end,
                     start, end);
        if (same) {
            const char *bytes;
            size_t n;
            CHECK_OK(raml_tokenizer_piece(t, id->id[i], &bytes, &n, &err));
            check_bytes(text, text + r.start, r.end - r.start, bytes, n);
        }
        start = r.start;
        end = r.end;
    }
    assert_int_equal(end, len);
}

/* Encoding in parts equals ordinary encoding if there are no parts, and if all is plain. got: by
 * raml_tokenizer_encode. */
static inline void check_trivial_parts(const struct raml_tokenizer *t, const char *text, size_t n, bool parse,
                                       const struct raml_tokens *got)
{
    struct raml_err err = {0};
    const struct raml_range all[] = {{0, 0}, {0, n / 2}, {n / 2, n}, {n, n}};
    const struct raml_encode_options opt[] = {{parse, NULL, 0}, {parse, all, 1}, {true, all, parse ? 0 : 4}};
    struct raml_buf back;
    raml_buf_init(&back, 1 << 26);
    CHECK_OK(raml_tokenizer_decode(t, got->id, got->n, true, &back, &err));
    bool same = back.len == n && (n == 0 || memcmp(back.data, text, n) == 0);
    raml_buf_deinit(&back);
    for (size_t i = 0; i < sizeof opt / sizeof *opt; i++) {
        struct raml_tokens id = {0};
        struct raml_ranges where = {0};
        CHECK_OK(raml_tokenizer_encode_parts(t, text, n, &opt[i], &id, &where, &err));
        check_ids(text, id.id, id.n, got->id, got->n);
        check_ranges(t, text, n, &id, &where, same);
        raml_tokens_deinit(&id);
        raml_ranges_deinit(&where);
    }
}

#endif
