/* test_nearest.c - the known word that was meant. */
#include "core/scratch.h"

#include "core/nearest.h"

static void test_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"train sft",     "sample",          "score", "eval",
                                        "learning_rate", "num_generations", "k",     "a_b_c_d"};
    static const struct {
        const char *word, *want;
    } cases[] = {
        {"sampel", "sample"},
        {"asmpel", "sample"},
        {"a-b-c-d", "a_b_c_d"},
        {"sampl", "sample"},
        {"scores", "score"},
        {"LEARNING-RATE", "learning_rate"},
        {"learn", "learning_rate"},
        {"evla", "eval"},
        {"avel", "eval"},
        {"trainsft", "train sft"},
        {"num_generation", "num_generations"},
        {"generations", NULL},
        {"xyz", NULL},
        {"", NULL},
        {"kk", "k"},
        {"q", NULL},
        {"le", NULL},
        {"sc", NULL},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = raml_nearest(cases[i].word, known, COUNT(known));
        if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
            fail_msg("nearest to '%s': got %s, expected %s", cases[i].word, got ? got : "none",
                     cases[i].want ? cases[i].want : "none");
    }
    static const char *const tie[] = {"abcx", "abcy"};
    assert_string_equal(raml_nearest("abcz", tie, 2), "abcx");
    static const char *const letter[] = {"data", "beta", "abat"};
    assert_string_equal(raml_nearest("bata", letter, 3), "beta"); /* of equal distance: the same first letter */
    static const char *const length[] = {"rate", "rate1"};
    assert_string_equal(raml_nearest("rate2", length, 2), "rate1"); /* a change, not a missing letter */
    static const char *const longer[] = {"ratios", "ratia"};
    assert_string_equal(raml_nearest("ratio", longer, 2), "ratia");
}

static void test_unknown(void **state)
{
    (void)state;
    static const char *const known[] = {"trl-2026-07", "paper"};
    struct raml_err err = {0};
    assert_int_equal(raml_fail_unknown(&err, "preset", "trl-2026-7", known, 2), RAML_EUSAGE);
    assert_string_equal(err.msg, "there is no preset 'trl-2026-7'; did you mean 'trl-2026-07'?");
    assert_int_equal(raml_fail_unknown(&err, "preset", "zz", known, 2), RAML_EUSAGE);
    assert_string_equal(err.msg, "there is no preset 'zz'; expected one of trl-2026-07, paper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nearest), cmocka_unit_test(test_unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
