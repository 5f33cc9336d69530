/* test_cases.c - the checks against other graders' test files (../shared/data/verify): every row where the verdict is
 * not what the file expects is listed here by its id, with the reason. A row more fails the test, and so does a row
 * less.
 *
 * cases.jsonl: the graders' own tests. model_pairs.jsonl: answers of real models, with the grade of their source
 * (label) and that of four graders where they agree (consensus). There an unknown verdict where "different" is expected
 * is counted, not listed: most are sentences without a marked answer.
 */
#include "raml/answer.h"
#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

struct known {
    const char *ids, *why; /* ids separated by spaces */
};

static const struct known cases[] = {
    {"MV-0032 LE-0069",
     "a formula of one dollar sign over a line's end is not read there; the answer is 9 all the same"},
    {"MV-0188", "a gold interval must not be answered by an inequality there, only the other way round (MV-0186)"},
    {"MV-0255", "strict=False takes f(x) for f(y); the same pair is False in MV-0254"},
    {"MV-0260", "two sums with other bounds: not proved to differ, so unknown"},
    {"MV-0274", "to 4 digits 4/3 is not 1.333 there, and is to 3 (MV-0273); 1.333 is what 4/3 rounds to"},
    {"HM-0002 HM-0009", "compared letter by letter: 4, 10, -2 are the same three numbers in any order"},
    {"ME-0002", "1.414 for the root of 2 inside a sum"},
    {"ME-0012", "125.663 is 40 pi truncated, not rounded (125.664)"},
    {"ME-0033", "10cm is not 10 there, while 10 cm^2 is (ME-0030)"},
    {"SE-0005", "the policy of a prompt (no arithmetic); 3245/5 is 649, as the file itself says"},
};

static const struct known label[] = {
    {"RP-0206 RP-0660 RP-1330 RP-1392 RP-2617 RP-3118 RP-3666 RP-3888",
     "that grader takes x, x/100 and 100x for the same"},
    {"RP-1009 RP-1150 RP-3777", "that grader takes what differs by 1e-4 for the same"},
    {"RP-0504 RP-2700", "open and closed ends are not the same"},
    {"RP-0837 RP-3110 RP-3145 RP-3820 RP-3837 RP-3845 RP-3862 RP-3865 RP-3867 RP-3795", "not as many answers"},
    {"RP-3301 RP-3304 RP-3904", "one of three differs"},
    {"RP-0420 RP-3629 RP-3212", "not the same: 5(b+2) and 10, 37m/4 and 37/(4m), 5, 15 and 515"},
    {"RP-1403", "a sentence without its spaces after the name"},
    {"RP-2830 RP-3537", "a piece of a formula, which can't be read"},
    /* equal, and graded wrong by a string comparison */
    {"RP-0598 RP-1307 RP-1352 RP-1364 RP-4315 RP-4369 RP-4433 RP-4503 RP-4610 RP-4903 RP-4904 RP-4905 RP-5012 RP-5023 "
     "RP-5063",
     "arithmetic that gives the answer"},
    {"RP-0844 RP-0873 RP-1564 RP-1326", "words after the number"},
    {"RP-2848 RP-2881 RP-2954 RP-2961 RP-2984 RP-2991 RP-3057 RP-3648 RP-3675 RP-3706 RP-1619 RP-2793 RP-2805 RP-1421",
     "another notation of the same number"},
    {"RP-0446 RP-1195", "4cos(pi/18) - tan(4pi/9) is -sqrt 3: proved by minimal polynomials"},
    {"RP-0454 RP-2778 RP-2910 RP-2914 RP-3595 RP-3609 RP-2915", "another form of the same function or equation"},
    {"RP-2373 RP-2648 RP-3157 RP-3437 RP-3448", "a set, and the inequality that gives it"},
    {"RP-3127 RP-3528 RP-3075 RP-3135", "with the function's name or without"},
    {"RP-3168 RP-3175 RP-3195 RP-3209 RP-3521 RP-3800", "the same list in another order"},
    {"RP-2689", "C_n^k is the binomial of n over k"},
    {"RP-2896 RP-3623", "the constant of integration by another name"},
    {"RP-3632", "equal: 1/(2+2i) is (1-i)/4"},
};

static const struct known consensus[] = {
    {"RP-0844 RP-0873 RP-1326 RP-1564 RP-1924 RP-2193 RP-5477 RP-6071", "words or a unit after the number"},
    {"RP-3135", "the same function, of another letter"},
    {"RP-1195 RP-2914 RP-7209", "equal: trigonometric values, i + i^2 + i^3 = -1"},
    {"RP-2648 RP-3157", "a set, and the inequality that gives it"},
    {"RP-2689", "C_n^k is the binomial of n over k"},
    {"RP-3632", "equal: 1/(2+2i) is (1-i)/4"},
    {"RP-2848 RP-2954 RP-2961 RP-2984 RP-2991 RP-3057 RP-3648 RP-3675", "another notation of the same number"},
};

static bool listed(const struct known *k, size_t n, const char *id, size_t *hits)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = strstr(k[i].ids, id);
        if (at && (at[strlen(id)] == ' ' || !at[strlen(id)])) {
            ++*hits;
            return true;
        }
    }
    return false;
}

static size_t count_ids(const struct known *k, size_t n)
{
    size_t ids = 0;
    for (size_t i = 0; i < n; i++)
        for (const char *p = k[i].ids; p; p = strchr(p, ' '), p += p != NULL) ids++;
    return ids;
}

/* The case's settings, as struct raml_answer_options. */
static struct raml_answer_options options_of(const json_t *row)
{
    struct raml_answer_options o = raml_answer_default();
    const json_t *config = json_object_get(row, "config"), *v;
    size_t i;
    json_array_foreach (json_object_get(config, "extract"), i, v) {
        const char *s = json_string_value(v);
        if (!strcmp(s, "NativeLetters")) o.letters = true;
        else if (strcmp(s, "boxed") != 0) o.last = true;
    }
    v = json_array_get(json_object_get(config, "reasoning_delimiters"), 0);
    if (v) o.think_end = json_string_value(v);
    json_int_t decimals = json_integer_value(json_object_get(config, "precision"));
    if (decimals && decimals != 6) o.decimals = (int)decimals;
    return o;
}

static void check_file(const char *name, const char *field, const struct known *k, size_t n_known, bool list_unknown,
                       size_t most_unknown)
{
    char path[512];
    struct raml_err err = {0};
    struct raml_lines in = {0};
    size_t n = 0, agree = 0, hits = 0, bad = 0, unknown = 0;
    snprintf(path, sizeof path, "%s/data/verify/%s", RAML_SHARED, name);
    if (!raml_is_file(path)) {
        fprintf(stderr, "\n*** NOT TESTED: %s is absent ***\n\n", path);
        skip();
    }
    assert_int_equal(raml_lines_init(&in, path, 1 << 24, &err), RAML_OK);
    for (bool more = true; !raml_lines_next(&in, &more, &err) && more;) {
        json_t *row = json_loadb(in.line.data, in.line.len, 0, NULL);
        assert_non_null(row);
        const json_t *want = json_object_get(row, field);
        const char *id = json_string_value(json_object_get(row, "id"));
        const char *gold = json_string_value(json_object_get(row, "gold"));
        const char *pred = json_string_value(json_object_get(row, "pred"));
        if (json_is_boolean(want) && gold && pred) {
            struct raml_answer_options o = options_of(row);
            struct raml_answer_result r;
            assert_int_equal(raml_answer_compare(gold, strlen(gold), pred, strlen(pred), &o, &r, NULL, &err), RAML_OK);
            bool same = (int)r.verdict == (json_is_true(want) ? RAML_EQUAL : RAML_DIFFERENT);
            n++;
            agree += same;
            if (!same && r.verdict == RAML_UNKNOWN && json_is_false(want) && !list_unknown) {
                unknown++;
            } else if (!same && !listed(k, n_known, id, &hits)) {
                fprintf(stderr, "%s: expected %s, got %s (%s)\n  gold %.300s\n  pred %.300s\n", id,
                        json_is_true(want) ? "equal" : "different", raml_verdict_name(r.verdict), r.rule, gold, pred);
                bad++;
            }
        }
        json_decref(row);
    }
    raml_lines_deinit(&in);
    printf("%s, %s: %zu of %zu agree (%.2f %%); %zu disagreements with a reason, %zu unknown\n", name, field, agree, n,
           100.0 * (double)agree / (double)n, hits, unknown);
    assert_int_equal(bad, 0);
    assert_int_equal(hits, count_ids(k, n_known)); /* one that agrees now must leave the list */
    assert_true(unknown <= most_unknown);
}

static void test_cases(void **state)
{
    (void)state;
    check_file("cases.jsonl", "equal", cases, COUNT(cases), true, 0);
}

static void test_labels(void **state)
{
    (void)state;
    check_file("model_pairs.jsonl", "label", label, COUNT(label), false, 66);
}

static void test_consensus(void **state)
{
    (void)state;
    check_file("model_pairs.jsonl", "consensus", consensus, COUNT(consensus), false, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_consensus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
