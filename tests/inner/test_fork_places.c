/* test_fork_places.c - where trajectories are forked, words as they would stand between two texts, matched windows
 * against all windows looked at one by one. */
#include "inner/pieces_of.h"

#include "check_near.h"
#include "core/scratch.h"
#include "inner/fork_places.h"
#include "raml/rng.h"

enum { MAX_PLACES = 12, NO_MORE = 1000, VOCAB = 262 };

/* -- Places -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    enum raml_fork_kind kind;
    size_t most;
    const char *piece[MAX_PIECES];
    uint32_t place[MAX_PLACES][2]; /* at, end */
} cases[] = {
    {"steps are from line to line",
     RAML_FORK_LINE,
     0,
     {"a", "\n", "b", "c", "\n", "d"},
     {{0, 2}, {2, 5}, {5, 6}, {6, 6}, {NO_MORE}}},
    {"an empty trajectory has one place", RAML_FORK_LINE, 0, {NULL}, {{0, 0}, {NO_MORE}}},
    {"sentences", RAML_FORK_SENTENCE, 0, {"A", ".", " B", "!"}, {{0, 2}, {2, 4}, {4, 4}, {NO_MORE}}},
    {"paragraphs", RAML_FORK_PARAGRAPH, 0, {"a", "\n", "b", "\n\n", "c"}, {{0, 4}, {4, 5}, {5, 5}, {NO_MORE}}},
    {"before a word, and the word",
     RAML_FORK_REFLECTION,
     0,
     {"a", "\n", "wa", "it", ",", " b", " however", "."},
     {{2, 4}, {6, 7}, {NO_MORE}}},
    {"no word, no place", RAML_FORK_REFLECTION, 0, {"a", "b"}, {{NO_MORE}}},
    {"at most 3, first and last among them; units stay whole",
     RAML_FORK_LINE,
     3,
     {"\n", "\n", "a\n", "b\n", "c\n", "d\n", "e"},
     {{0, 2}, {4, 5}, {7, 7}, {NO_MORE}}},
    {"at most 1", RAML_FORK_LINE, 1, {"a\n", "b\n"}, {{0, 1}, {NO_MORE}}},
};

static void check_places(const char *what, const struct raml_fork_place_list *p, const uint32_t (*want)[2])
{
    for (size_t i = 0; i < p->n; i++)
        if (p->place[i].at != want[i][0] || p->place[i].end != want[i][1])
            fail_msg("%s: place %zu is %u to %u, expected %u to %u", what, i, p->place[i].at, p->place[i].end,
                     want[i][0], want[i][1]);
    if (want[p->n][0] != NO_MORE) fail_msg("%s: only %zu places", what, p->n);
}

static void places_by_hand(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_fork_place_list p = {0};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_str piece[MAX_PIECES];
        const struct raml_token_text text = text_of(cases[i].piece, piece);
        const struct raml_fork_choice c = {.kind = cases[i].kind, .most = cases[i].most};
        CHECK_OK(raml_fork_places(&text, &c, &p, &err));
        check_places(cases[i].what, &p, cases[i].place);
    }
    raml_fork_place_list_deinit(&p);
}

static void entropy_and_given(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_str piece[MAX_PIECES];
    struct raml_fork_place_list p = {0};
    const struct raml_token_text text = text_of((const char *const[]){"a", "b", "c", "d", "e", NULL}, piece);
    const float entropy[] = {0.5f, 2, 0.5f, 3, 0.5f};
    const uint32_t given[] = {5, 0, 3, 0}, outside[] = {1, 6};
    struct raml_fork_choice c = {.kind = RAML_FORK_ENTROPY, .k = 3, .entropy = entropy};
    CHECK_OK(raml_fork_places(&text, &c, &p, &err));
    check_places("the highest, of equals the first", &p, (const uint32_t[][2]){{0, 1}, {1, 2}, {3, 4}, {NO_MORE}});
    c.k = 9;
    CHECK_OK(raml_fork_places(&text, &c, &p, &err));
    assert_int_equal(p.n, 5);
    c = (struct raml_fork_choice){.kind = RAML_FORK_GIVEN, .given = given, .n_given = 4};
    CHECK_OK(raml_fork_places(&text, &c, &p, &err));
    check_places("given, in order, once", &p, (const uint32_t[][2]){{0, 1}, {3, 4}, {5, 5}, {NO_MORE}});
    c.given = outside;
    c.n_given = 2;
    assert_int_equal(raml_fork_places(&text, &c, &p, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "place 6 is outside the trajectory; expected 0 to 5, its tokens");
    assert_int_equal(p.n, 3);
    raml_fork_place_list_deinit(&p);
}

/* -- Words --------------------------------------------------------------------------------------------------------- */

/* Byte b in GPT-2's characters, as UTF-8. */
static size_t spell(int b, char out[3])
{
    int n = 0;
    if ((b >= 33 && b <= 126) || (b >= 161 && b != 173)) n = b;
    for (int i = 0, k = 0; !n && i <= b; i++) {
        bool own = (i >= 33 && i <= 126) || (i >= 161 && i != 173);
        if (i == b) n = 256 + k;
        k += !own;
    }
    if (n < 128) {
        out[0] = (char)n;
        return 1;
    }
    out[0] = (char)(0xC0 | n >> 6);
    out[1] = (char)(0x80 | (n & 63));
    return 2;
}

/* All bytes, and "wait", " wait", "so" as tokens of their own. */
static struct raml_tokenizer *words_tokenizer(void)
{
    static char bytes[256][3];
    static const char *const more[] = {"wa", "it", "wait", "\xC4\xA0wait", "so", "\xC4\xA0so"};
    static const char *const merges[] = {"w a", "i t", "wa it", "\xC4\xA0 wait", "s o", "\xC4\xA0 so"};
    struct raml_str token[VOCAB], merge[COUNT(merges)];
    struct raml_tokenizer *t = NULL;
    struct raml_err err = {0};
    for (int b = 0; b < 256; b++) token[b] = (struct raml_str){bytes[b], spell(b, bytes[b])};
    for (size_t i = 0; i < COUNT(more); i++) token[256 + i] = (struct raml_str){more[i], strlen(more[i])};
    for (size_t i = 0; i < COUNT(merges); i++) merge[i] = (struct raml_str){merges[i], strlen(merges[i])};
    const struct raml_tokenizer_parts parts = {.name = "words",
                                               .token = token,
                                               .n_tokens = VOCAB,
                                               .merge = merge,
                                               .n_merges = COUNT(merges),
                                               .pattern = "gpt-2"};
    CHECK_OK(raml_tokenizer_from_parts(&parts, &t, &err));
    return t;
}

static const struct {
    const char *what, *before, *after, *word, *put;
    size_t n_put; /* tokens */
    bool gap;
} words[] = {
    {"at the start", "", "x", "wait", "wait", 1, true},
    {"on a new line, before a space", "a\n", " x", "wait", "wait", 1, false},
    {"after a letter", "a", " x", "wait", " wait", 1, false},
    {"after a full stop, before a letter", "a.", "x", "wait", " wait", 1, true},
    {"after a space", "a ", "x", "wait", "wait", 1, true},
    {"after an open bracket", "(", ")", "wait", "wait", 1, false},
    {"after a sign", "1+", "2", "wait", "wait", 1, true},
    {"a mark needs no space before", "a", "x", ", so", ", so", 2, true},
    {"a word that ends in one needs none after", "a\n", "x", "so ", "so ", 2, false},
    {"at the end", "a", "", "so", " so", 1, false},
    {"a token would span the border: by itself", "w", "", "ait", " ait", 3, false},
    {"after a character of two bytes", "\xC3\xA9", "\xC3\xA9", "so", " so", 1, true},
};

static void words_in_place(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_tokenizer *t = words_tokenizer();
    for (size_t i = 0; i < COUNT(words); i++) {
        struct raml_tokens put = {0}, gap = {0};
        struct raml_buf text;
        const struct raml_str before = {words[i].before, strlen(words[i].before)},
                              after = {words[i].after, strlen(words[i].after)};
        raml_buf_init(&text, 1000);
        CHECK_OK(raml_fork_word(t, &before, &after, words[i].word, &put, &gap, &err));
        CHECK_OK(raml_tokenizer_decode(t, put.id, put.n, true, &text, &err));
        if (put.n != words[i].n_put || strcmp(text.data, words[i].put) || (gap.n > 0) != words[i].gap)
            fail_msg("%s: '%s' of %zu tokens, gap %zu", words[i].what, text.data, put.n, gap.n);
        raml_tokens_deinit(&put);
        raml_tokens_deinit(&gap);
        raml_buf_deinit(&text);
    }
    raml_tokenizer_close(t);
}

/* "w" then "ait": with a word put directly after it, one token would hold both. */
static void kept_tokens_stay(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_tokenizer *t = words_tokenizer();
    struct raml_tokens put = {0}, gap = {0};
    const struct raml_str before = {"1+w", 3}, after = {"", 0};
    CHECK_OK(raml_fork_word(t, &before, &after, "\nwait", &put, &gap, &err));
    assert_int_equal(put.n, 2);
    put.n = 0;
    const struct raml_str space = {"a ", 2}; /* " wait" would take the space that stands there */
    CHECK_OK(raml_fork_word(t, &space, &after, "wait", &put, &gap, &err));
    assert_int_equal(put.n, 1);
    assert_int_equal(put.id[0], raml_tokenizer_id(t, "wait"));
    raml_tokens_deinit(&put);
    raml_tokens_deinit(&gap);
    raml_tokenizer_close(t);
}

/* -- Windows ------------------------------------------------------------------------------------------------------- */

enum { T = 200, BUCKETS = 4 };

static int bucket(float entropy)
{
    return (entropy >= 0.1f) + (entropy >= 0.5f) + (entropy >= 1) + (entropy >= 2);
}

static bool allowed(const enum raml_token_role *role, const float *entropy, size_t first, size_t last, size_t g)
{
    size_t k = last - first + 1;
    if (g + k - 1 > T) return false;
    for (size_t i = g; i < g + k; i++) {
        if (i >= first && i <= last) return false; /* overlaps the unit */
        if (role[i - 1] == RAML_TOKEN_REFLECTION || role[i - 1] == RAML_TOKEN_DELIMITER) return false;
    }
    return (g - 1) * BUCKETS / T == (first - 1) * BUCKETS / T && bucket(entropy[g - 1]) == bucket(entropy[first - 1]);
}

static void windows_one_by_one(void **state)
{
    (void)state;
    struct raml_rng r = {.key = {9, RAML_FOR_TEST, 0, 0, 0}};
    enum raml_token_role role[T];
    float entropy[T];
    double loss[T + 1];
    size_t found_any = 0;
    for (size_t i = 0; i <= T; i++) loss[i] = 1;
    for (size_t i = 0; i < T; i++) {
        role[i] = raml_rng_below(&r, 12) ? RAML_TOKEN_OTHER : RAML_TOKEN_REFLECTION;
        entropy[i] = 3 * (float)raml_rng_uniform(&r);
    }
    const struct raml_token_roles roles = {.role = role, .n = T};
    const struct raml_matching m = {.roles = &roles, .loss = loss, .entropy = entropy, .position_buckets = BUCKETS};
    for (size_t round = 0; round < 300; round++) {
        size_t want[T], got[T], n = 0, first = 1 + raml_rng_below(&r, T - 8), k = 1 + raml_rng_below(&r, 6);
        const struct raml_fork_place unit = {(uint32_t)first - 1, (uint32_t)(first + k - 1)};
        for (size_t g = 1; g <= T; g++)
            if (allowed(role, entropy, first, first + k - 1, g)) want[n++] = g;
        assert_int_equal(raml_fork_windows(&m, &unit, T, got), n);
        for (size_t i = 0; i < n; i++) assert_int_equal(got[i], want[i]);
        size_t few = raml_fork_windows(&m, &unit, 3, got);
        assert_int_equal(few, n < 3 ? n : 3);
        if (n >= 3) assert_true(got[0] == want[0] && got[1] == want[(n - 1) / 2] && got[2] == want[n - 1]);
        if (n) {
            assert_int_equal(raml_fork_windows(&m, &unit, 1, got), 1);
            assert_int_equal(got[0], want[(n - 1) / 2]);
        }
        found_any += n > 3;
    }
    assert_true(found_any > 100);
    const struct raml_fork_place none = {T, T};
    size_t got[1];
    assert_int_equal(raml_fork_windows(&m, &none, 1, got), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_by_hand), cmocka_unit_test(entropy_and_given),
                                       cmocka_unit_test(words_in_place), cmocka_unit_test(kept_tokens_stay),
                                       cmocka_unit_test(windows_one_by_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
