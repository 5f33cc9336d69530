/* test_leak.c - words, and overlap of n-grams against a simple quadratic count. */
#include "core/file.h"
#include "raml/leak.h"
#include "raml/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

static const struct {
    const char *text, *words;
    /* clang-format off */
} cases[] = {
    {"", ""},
    {" .,!? ", ""},
    {"Hello,   World!\n", "hello world"},
    {"don't", "don t"},
    {"It costs $5.00 (50%).", "it costs 5 00 50"},
    {"x+1=2", "x + 1 = 2"},
    {"x + 1 = 2", "x + 1 = 2"},
    {"$x+1$ \\(= 2\\)", "x + 1 = 2"},
    {"a - b", "a - b"},
    {"a \xe2\x88\x92 b \xe2\x80\x93 c", "a - b - c"},      /* minus sign, en dash */
    {"a--b **c**", "a - b * c *"},
    {"2\\times 3\\cdot 4\\div 5", "2 * 3 * 4 / 5"},
    {"2\xc3\x97" "3\xc3\xb7" "4", "2 * 3 / 4"},
    {"\\frac{1}{2}, \\dfrac12, \\tfrac{1}2", "frac 1 2 frac 12 frac 1 2"},
    {"\\left(x\\,+\\;y\\right)\\quad\\! z~w", "x + y z w"},
    {"a \\le b \\leq c \xe2\x89\xa4 d", "a \xe2\x89\xa4 b \xe2\x89\xa4 c \xe2\x89\xa4 d"},
    {"\\text{Area} of \\mathbb{R}^2", "area of r 2"},
    {"\xe2\x84\x9d\xc2\xb2", "r2"},                        /* blackboard R, superscript 2: form NFKC */
    {"\\begin{align*}x&=1\\\\y&=2\\end{align*}", "x = 1 y = 2"},
    {"\\alpha\\beta \\Delta", "alpha beta delta"},
    {"\\", ""},
    {"a\\", "a"},
    {"a\\\xc3\xa4", "a \xc3\xa4"},
    {"\\begin{x", "x"},
    {"STRA\xc3\x9f" "E \xc3\x84", "strasse \xc3\xa4"},
    {"\xef\xbc\xa1\xef\xbc\x91", "a1"},                    /* full width */
    {"\xe5\xb7\xb2\xe7\x9f\xa5 M={x}", "\xe5\xb7\xb2 \xe7\x9f\xa5 m = x"},
    {"a\xff" "b", "a b"},
    {"\xc3\xa4\xff\xc3\xa4", "\xc3\xa4 \xc3\xa4"},
    {"|x| < 3 > 2", "x < 3 > 2"},
    {"1,000", "1 000"},
};
/* clang-format on */

static void test_words(void **state)
{
    (void)state;
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    for (size_t i = 0; i < COUNT(cases); i++) {
        raml_buf_clear(&b);
        assert_int_equal(raml_leak_words(cases[i].text, &b, NULL), RAML_OK);
        if (strcmp(b.data, cases[i].words)) fail_msg("'%s': '%s'; want '%s'", cases[i].text, b.data, cases[i].words);
    }
    struct raml_buf small;
    struct raml_err err = {0};
    raml_buf_init(&small, 4);
    assert_int_equal(raml_leak_words("more than that", &small, &err), RAML_ENOMEM);
    raml_buf_deinit(&small);
    raml_buf_deinit(&b);
}

/* -- The simple count --------------------------------------------------------------------------------------------- */

enum { MAX_WORDS = 64, MAX_QUESTIONS = 160 };

struct plain { /* words of a text */
    char *text, *word[MAX_WORDS];
    size_t n;
};

static struct plain plain_of(const char *text)
{
    struct plain p = {0};
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    assert_int_equal(raml_leak_words(text, &b, NULL), RAML_OK);
    p.text = raml_buf_take(&b);
    for (char *w = strtok(p.text, " "); w; w = strtok(NULL, " ")) p.word[p.n++] = w;
    return p;
}

static bool same_words(const struct plain *a, size_t i, const struct plain *b, size_t j, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (strcmp(a->word[i + k], b->word[j + k])) return false;
    return true;
}

static bool holds(const struct plain *p, const struct plain *q, size_t i, size_t n)
{
    for (size_t j = 0; j + n <= p->n; j++)
        if (same_words(p, j, q, i, n)) return true;
    return false;
}

/* Folded by hand: what is the same to raml_question_hash. */
static bool same_text(const char *a, const char *b)
{
    for (;;) {
        while (*a == ' ') a++;
        while (*b == ' ') b++;
        if (!*a || !*b) return *a == *b;
        while (*a && *b && *a != ' ' && *b != ' ')
            if ((*a++ | 0x20) != (*b++ | 0x20)) return false;
        if ((*a && *a != ' ') || (*b && *b != ' ')) return false;
    }
}

static struct raml_leak_hit plain_hit(const struct raml_question *test, const struct raml_questions *train, size_t n)
{
    struct plain q = plain_of(test->question);
    struct raml_leak_hit h = {.n_words = q.n, .whole = q.n < n, .n_grams = q.n < n ? q.n > 0 : q.n - n + 1};
    bool in_q[MAX_WORDS] = {0}, in_s[MAX_WORDS] = {0};
    for (size_t i = 0; i < train->n; i++) {
        const struct raml_question *t = &train->question[i];
        struct plain p = plain_of(t->question);
        size_t votes = 0;
        if (h.whole) votes = in_q[0] = q.n && p.n == q.n && same_words(&p, 0, &q, 0, q.n);
        for (size_t k = 0; !h.whole && k < h.n_grams; k++) {
            bool there = holds(&p, &q, k, n);
            in_q[k] |= there;
            votes += there;
        }
        if (h.whole && votes) in_q[0] = true;
        double share = h.n_grams ? (double)votes / (double)h.n_grams : 0;
        if (same_text(test->question, t->question)) h.same_text = true, share = 1;
        if (share > h.near_share) {
            h.near_share = share;
            h.near_line = t->line;
        }
        free(p.text);
        for (size_t j = 0; j < t->n_trajectories; j++) {
            p = plain_of(t->trajectory[j].text);
            for (size_t k = 0; !h.whole && k < h.n_grams; k++) in_s[k] |= holds(&p, &q, k, n);
            free(p.text);
        }
    }
    size_t a = 0, b = 0;
    for (size_t k = 0; k < h.n_grams; k++) a += in_q[k], b += in_s[k];
    if (h.n_grams) h.in_questions = (double)a / (double)h.n_grams, h.in_solutions = (double)b / (double)h.n_grams;
    if (h.whole) { /* found in any training question */
        h.in_questions = h.n_grams && h.near_share >= 1 && a;
        for (size_t i = 0; h.n_grams && i < train->n; i++) {
            struct plain p = plain_of(train->question[i].question);
            if (p.n == q.n && same_words(&p, 0, &q, 0, q.n)) h.in_questions = 1;
            free(p.text);
        }
    }
    free(q.text);
    return h;
}

static const char *random_text(struct raml_rng *r, char out[512], uint32_t max_words)
{
    static const char *const words[] = {"a", "B", "x", "2", "of", "The"};
    static const char *const gaps[] = {" ", "  ", ", ", " + ", " $", ") "};
    size_t n = 0, k = raml_rng_below(r, max_words + 1);
    out[0] = 0;
    for (size_t i = 0; i < k; i++)
        n += (size_t)snprintf(out + n, 512 - n, "%s%s", words[raml_rng_below(r, COUNT(words))],
                              gaps[raml_rng_below(r, 24) < 18 ? 0 : raml_rng_below(r, COUNT(gaps))]);
    if (!out[0]) strcpy(out, ".");
    return out;
}

static void fill(struct raml_questions *qs, struct raml_rng *r, size_t n, size_t n_solutions)
{
    char text[512], solution[2][512];
    for (size_t i = 0; i < n; i++) {
        struct raml_trajectory t[2] = {{.text = random_text(r, solution[0], 12)},
                                       {.text = random_text(r, solution[1], 12)}};
        struct raml_question q = {.id = "q",
                                  .question = random_text(r, text, 9),
                                  .line = i + 1,
                                  .trajectory = t,
                                  .n_trajectories = n_solutions};
        assert_int_equal(raml_questions_add(qs, &q, NULL), RAML_OK);
    }
}

static void test_against_plain(void **state)
{
    (void)state;
    size_t n_shared = 0, n_whole = 0, n_solutions = 0, n_same = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct raml_rng r = {.key = {seed, RAML_FOR_TEST, 17, 0, 0}};
        struct raml_questions test, train;
        struct raml_leak *l;
        size_t n = 1 + raml_rng_below(&r, 4), n_hits, half = 30;
        raml_questions_init(&test);
        raml_questions_init(&train);
        fill(&test, &r, 60, 0);
        fill(&train, &r, 60, raml_rng_below(&r, 3));
        assert_int_equal(raml_leak_open(&test, n, &l, NULL), RAML_OK);
        struct raml_questions first = train, second = train; /* in two parts */
        first.n = half;
        second.question += half;
        second.n -= half;
        assert_int_equal(raml_leak_add(l, &first, 0, NULL), RAML_OK);
        (void)raml_leak_hits(l, &n_hits);
        assert_int_equal(raml_leak_add(l, &second, 1, NULL), RAML_OK);
        const struct raml_leak_hit *hit = raml_leak_hits(l, &n_hits);
        assert_int_equal(n_hits, 60);
        for (size_t i = 0; i < n_hits; i++) {
            struct raml_leak_hit want = plain_hit(&test.question[i], &train, n), got = hit[i];
            bool ok = got.n_words == want.n_words && got.n_grams == want.n_grams && got.whole == want.whole &&
                      got.same_text == want.same_text && fabs(got.in_questions - want.in_questions) <= 1e-12 &&
                      fabs(got.in_solutions - want.in_solutions) <= 1e-12;
            /* a gram of one of these sets can be crowded (n = 1): then the nearest is another */
            if (n > 1)
                ok = ok && fabs(got.near_share - want.near_share) <= 1e-12 && got.near_line == want.near_line &&
                     (!got.near_line || got.near_file == (got.near_line > half));
            if (!ok)
                fail_msg(
                    "seed %d, n %zu, question %zu '%s': words %zu/%zu same %d/%d questions %g/%g solutions %g/%g near "
                    "%g/%g line %zu/%zu",
                    (int)seed, n, i, test.question[i].question, got.n_words, want.n_words, got.same_text,
                    want.same_text, got.in_questions, want.in_questions, got.in_solutions, want.in_solutions,
                    got.near_share, want.near_share, got.near_line, want.near_line);
            n_shared += got.in_questions > 0 && got.in_questions < 1;
            n_whole += got.whole && got.in_questions > 0;
            n_solutions += got.in_solutions > 0;
            n_same += got.same_text;
        }
        raml_leak_close(l);
        raml_questions_deinit(&test);
        raml_questions_deinit(&train);
    }
    assert_true(n_shared > 100 && n_whole > 50 && n_solutions > 100 && n_same > 50); /* the data put it to the test */
}

/* Boilerplate that all test questions share counts, and has no vote. */
static void test_crowd(void **state)
{
    (void)state;
    struct raml_questions test, train;
    struct raml_leak *l;
    char text[128];
    size_t n;
    raml_questions_init(&test);
    raml_questions_init(&train);
    for (int i = 0; i <= RAML_LEAK_CROWD; i++) {
        snprintf(text, sizeof text, "find all the x %d", i);
        struct raml_question q = {.id = "t", .question = text};
        assert_int_equal(raml_questions_add(&test, &q, NULL), RAML_OK);
    }
    static const char *const lines[] = {"nothing here", "now find all the y", "find all the x 7"};
    for (size_t i = 0; i < 3; i++) {
        struct raml_question q = {.id = "r", .question = lines[i], .line = i + 1};
        assert_int_equal(raml_questions_add(&train, &q, NULL), RAML_OK);
    }
    assert_int_equal(raml_leak_open(&test, 3, &l, NULL), RAML_OK);
    assert_int_equal(raml_leak_add(l, &train, 5, NULL), RAML_OK);
    const struct raml_leak_hit *h = raml_leak_hits(l, &n);
    assert_true(fabs(h[0].in_questions - 2.0 / 3) <= 1e-12); /* "find all the", "all the x" */
    assert_int_equal(h[0].near_line, 2);
    assert_int_equal(h[0].near_file, 5);
    assert_true(fabs(h[0].near_share) <= 0);
    assert_true(h[7].same_text && h[7].in_questions >= 1 && h[7].near_share >= 1);
    assert_int_equal(h[7].near_line, 3);
    raml_leak_close(l);
    raml_questions_deinit(&test);
    raml_questions_deinit(&train);
}

static void test_bounds(void **state)
{
    (void)state;
    struct raml_questions none;
    struct raml_leak *l = NULL;
    struct raml_err err = {0};
    size_t n = 9;
    raml_questions_init(&none);
    assert_int_equal(raml_leak_open(&none, 0, &l, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "n is 0; expected 1 to 1000 words");
    assert_int_equal(raml_leak_open(&none, RAML_LEAK_MAX_N + 1, &l, &err), RAML_ERANGE);
    assert_int_equal(raml_leak_open(&none, 13, &l, &err), RAML_OK);
    struct raml_question q = {.id = "a", .question = "b c"};
    assert_int_equal(raml_questions_add(&none, &q, NULL), RAML_OK);
    assert_int_equal(raml_leak_add(l, &none, 0, &err), RAML_OK);
    assert_non_null(raml_leak_hits(l, &n));
    assert_int_equal(n, 0);
    raml_leak_close(l);
    raml_leak_close(NULL);
    raml_questions_deinit(&none);
}

/* -- Files on disk ------------------------------------------------------------------------------------------------ */

static bool read_set(struct raml_questions *qs, const char *name)
{
    char path[512];
    struct raml_err err;
    raml_questions_init(qs);
    snprintf(path, sizeof path, "%s/data/datasets/%s", RAML_SHARED, name);
    if (!raml_is_file(path)) {
        fprintf(stderr, "\n*** NOT TESTED: %s is absent ***\n\n", path);
        return false;
    }
    if (raml_questions_read(qs, path, NULL, NULL, NULL, &err)) fail_msg("%s", err.msg);
    return true;
}

/* Of the test set, in the training set: same text, 80 % of the 13-grams and at least one of them. */
static void count(const char *train_name, const char *test_name, size_t n_same, size_t n_contained, size_t n_touched)
{
    struct raml_questions train, test;
    struct raml_leak *l;
    size_t n, same = 0, contained = 0, touched = 0;
    if (!read_set(&train, train_name) || !read_set(&test, test_name)) skip();
    assert_int_equal(raml_leak_open(&test, 13, &l, NULL), RAML_OK);
    assert_int_equal(raml_leak_add(l, &train, 0, NULL), RAML_OK);
    const struct raml_leak_hit *h = raml_leak_hits(l, &n);
    for (size_t i = 0; i < n; i++) {
        same += h[i].same_text;
        contained += h[i].same_text || h[i].in_questions >= 0.8;
        touched += h[i].same_text || h[i].in_questions > 0;
        assert_true(!h[i].same_text || !h[i].n_grams || h[i].in_questions >= 1);
        assert_true(!(h[i].in_questions > 0) || h[i].near_line);
    }
    if (same != n_same || contained != n_contained || touched != n_touched)
        fail_msg("%s in %s: %zu same, %zu contained, %zu touched", test_name, train_name, same, contained, touched);
    raml_leak_close(l);
    raml_questions_deinit(&train);
    raml_questions_deinit(&test);
}

static void test_sets(void **state)
{
    (void)state;
    count("math/test.jsonl", "math500/test.jsonl", 500, 500, 500); /* which is a sample of it */
    count("gsm8k/train.jsonl", "gsm8k/test.jsonl", 0, 0, 3); /* the same story, other numbers; counted by script too */
    count("math/test.jsonl", "aime24/test.jsonl", 0, 0, 5);  /* "m and n are relatively prime positive integers" */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),  cmocka_unit_test(test_against_plain), cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_bounds), cmocka_unit_test(test_sets),
    };
    return cmocka_run_group_tests_name("leaks", tests, NULL, NULL);
}
