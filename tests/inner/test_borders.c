/* Places to probe, by kind, in texts whose borders fall between and inside tokens. */
#include "inner/pieces_of.h"

#include "inner/borders.h"

enum { NO_MORE = 1000, MAX_AT = 16 };

static void by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum raml_border_kind kind;
        size_t stride;
        const char *piece[MAX_PIECES];
        uint32_t at[MAX_AT];
    } cases[] = {
        {"every token", RAML_BORDER_STRIDE, 1, {"a", "b", "c"}, {0, 1, 2, 3, NO_MORE}},
        {"a stride that ends before T", RAML_BORDER_STRIDE, 2, {"a", "b", "c"}, {0, 2, 3, NO_MORE}},
        {"a stride over T", RAML_BORDER_STRIDE, 9, {"a", "b", "c"}, {0, 3, NO_MORE}},
        {"no token", RAML_BORDER_STRIDE, 1, {NULL}, {0, NO_MORE}},
        {"no token, no line", RAML_BORDER_LINE, 0, {NULL}, {0, NO_MORE}},
        {"lines", RAML_BORDER_LINE, 0, {"a", "\n", "b", "c", "\n"}, {0, 2, 5, NO_MORE}},
        {"a newline inside a token", RAML_BORDER_LINE, 0, {"a", ".\nb", "c", "d"}, {0, 2, 4, NO_MORE}},
        {"two lines in one token", RAML_BORDER_LINE, 0, {"a\nb\nc", "d"}, {0, 1, 2, NO_MORE}},
        {"empty lines belong to the one before",
         RAML_BORDER_LINE,
         0,
         {"a", "\n", "\n", " ", "\n", " b", "c"},
         {0, 5, 7, NO_MORE}},
        {"a line's indent belongs to it", RAML_BORDER_LINE, 0, {"a", "\n", "  ", "b"}, {0, 2, 4, NO_MORE}},
        {"one newline is no paragraph", RAML_BORDER_PARAGRAPH, 0, {"a", "\n", "b", "\n\n", "c"}, {0, 4, 5, NO_MORE}},
        {"an empty line over two tokens", RAML_BORDER_PARAGRAPH, 0, {"a", "\n", "\n", "b"}, {0, 3, 4, NO_MORE}},
        {"a sentence's mark with an empty line", RAML_BORDER_PARAGRAPH, 0, {"a", ".\n\n", "b"}, {0, 2, 3, NO_MORE}},
        {"three newlines", RAML_BORDER_PARAGRAPH, 0, {"a", "\n\n", "\n", "b"}, {0, 3, 4, NO_MORE}},
        {"spaces on an empty line", RAML_BORDER_PARAGRAPH, 0, {"a", "\r\n", " \r\n", "b"}, {0, 3, 4, NO_MORE}},
        {"sentences", RAML_BORDER_SENTENCE, 0, {"A", " b", ".", " C", "!", " D", "?"}, {0, 3, 5, 7, NO_MORE}},
        {"no sentence: a number, a name", RAML_BORDER_SENTENCE, 0, {"3", ".", "14", " a.b", " c"}, {0, 5, NO_MORE}},
        {"the space is in the next token", RAML_BORDER_SENTENCE, 0, {"a", ".", " b", "c"}, {0, 2, 4, NO_MORE}},
        {"the mark is inside a token", RAML_BORDER_SENTENCE, 0, {"a", "b. C", "d", "e"}, {0, 2, 4, NO_MORE}},
        {"quotes and brackets that close",
         RAML_BORDER_SENTENCE,
         0,
         {"(\"a", ".", "\"", ")", " b", "?!", "”", " c"},
         {0, 4, 7, 8, NO_MORE}},
        {"three dots", RAML_BORDER_SENTENCE, 0, {"a", "..", ".", " b", "…", " c"}, {0, 3, 5, 6, NO_MORE}},
        {"wide marks need no space",
         RAML_BORDER_SENTENCE,
         0,
         {"是", "。", "否", "！」", "也", "？"},
         {0, 2, 4, 6, NO_MORE}},
        {"a mark of split bytes", RAML_BORDER_SENTENCE, 0, {"是", "\xe3\x80", "\x82", "否"}, {0, 3, 4, NO_MORE}},
        {"a line ends a sentence",
         RAML_BORDER_SENTENCE,
         0,
         {"x = 1", "\n", "y", ".", "\n", "z"},
         {0, 2, 4, 5, 6, NO_MORE}},
        {"before and after a word",
         RAML_BORDER_REFLECTION,
         0,
         {"a", " wait", ",", " hm", "m", "."},
         {0, 1, 2, 3, 5, 6, NO_MORE}},
        {"words side by side, first and last",
         RAML_BORDER_REFLECTION,
         0,
         {"Wait", " wait", " b", " hmm"},
         {0, 1, 2, 3, 4, NO_MORE}},
        {"no word", RAML_BORDER_REFLECTION, 0, {"waiting", " b"}, {0, 2, NO_MORE}},
        {"empty tokens", RAML_BORDER_LINE, 0, {"", "a\n", "", "b", ""}, {0, 2, 5, NO_MORE}},
    };
    struct raml_places p = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_str piece[MAX_PIECES];
        struct raml_err err = {0};
        const struct raml_token_text text = text_of(cases[i].piece, piece);
        size_t n = 0;
        while (cases[i].at[n] != NO_MORE) n++;
        must(raml_borders(&text, cases[i].kind, cases[i].stride, &p, &err), &err);
        for (size_t k = 0; k < n && k < p.n; k++)
            if (p.at[k] != cases[i].at[k])
                fail_msg("%s: place %zu is %u, expected %u", cases[i].what, k, p.at[k], cases[i].at[k]);
        if (p.n != n) fail_msg("%s: %zu places, expected %zu", cases[i].what, p.n, n);
    }
    raml_places_deinit(&p);
}

static void refusals(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_places p = {0};
    const struct raml_token_text none = {0};
    assert_int_equal(raml_borders(&none, RAML_BORDER_STRIDE, 0, &p, &err), RAML_ERANGE);
    assert_true(has(err.msg, "the stride between probes is 0"));
    assert_null(p.at);
    assert_string_equal(raml_border_kind_name(RAML_BORDER_PARAGRAPH), "paragraph");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
