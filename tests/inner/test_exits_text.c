/* Policies of early exit as text and back. */
#include "inner/exits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"

static void read(const char *text, struct raml_exit_policy *p)
{
    struct raml_err err = {0};
    CHECK_OK(raml_exit_policy_read(text, p, &err));
}

static void policies_are_read_back(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "full",
        "budget:budget=123456789",
        "stability:stride=64,most=7,repeats=3,bound=0.9",
        "confidence:stride=0,most=10,bound=0.95,mean=geometric,released=0",
        "confidence:stride=0,most=0,bound=0.3333333333333333,mean=arithmetic,released=1",
        "confidence:stride=4,most=10,bound=0.95,mean=min,released=0",
        "dynasor:stride=32,most=0,repeats=8,whole_words=0,released=1",
        "dynasor:stride=32,most=0,repeats=8,whole_words=1,released=0",
        "code_stop:stride=0,most=0,low=0.9,high=0.95,ramp=2,fall=0.55,tau=3.5,released=0",
        "eat:stride=32,most=0,alpha=0.1,delta=1e-05,warm=25,released=1",
        "loss:stride=32,most=0,bound=0.2",
        "first_right:stride=16,most=0",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_exit_policy p;
        char text[RAML_EXIT_TEXT];
        read(cases[i], &p);
        raml_exit_policy_text(&p, text);
        assert_string_equal(text, cases[i]);
    }
}

static void settings_land_where_they_belong(void **state)
{
    (void)state;
    struct raml_exit_policy p;
    read("confidence:mean=min", &p); /* the rest are the defaults */
    assert_true(p.kind == RAML_EXIT_CONFIDENCE && p.mean == RAML_EXIT_MIN && p.bound == 0.95);
    assert_true(p.most == 10 && p.stride == 0 && !p.released);
    read("code_stop:low=0.5,high=1,ramp=3,fall=4,tau=5", &p);
    assert_true(p.low == 0.5 && p.high == 1 && p.ramp == 3 && p.fall == 4 && p.tau == 5);
    read("eat:alpha=0.25,delta=2,warm=3,stride=4,most=5,released=1", &p);
    assert_true(p.alpha == 0.25 && p.delta == 2 && p.warm == 3 && p.stride == 4 && p.most == 5 && p.released);
    read("dynasor:repeats=6,whole_words=0", &p);
    assert_true(p.repeats == 6 && !p.whole_words);
    read("budget:budget=7", &p);
    assert_true(p.kind == RAML_EXIT_BUDGET && p.budget == 7);
}

static void texts_that_are_no_policy(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {{"", "no policy ''; expected full"},
                 {"stab", "no policy 'stab'"},
                 {"full:budget=3", "policy full has no setting 'budget'; it has: none"},
                 {"loss:repeats=3", "policy loss has no setting 'repeats'; it has: stride, most, bound"},
                 {"stability:repeats", "policy stability: 'repeats'; expected NAME=VALUE"},
                 {"stability:repeats=-1", "repeats is '-1'; expected a whole number"},
                 {"stability:repeats=", "repeats is ''; expected a whole number"},
                 {"stability:repeats=18446744073709551617", "expected a whole number"},
                 {"stability:repeats=0", "no repeats"},
                 {"stability:bound=x", "bound is 'x'; expected a number"},
                 {"stability:bound=nan", "bound is 'nan'; expected a number"},
                 {"dynasor:released=yes", "released is 'yes'; expected 0 or 1"},
                 {"confidence:mean=median", "expected geometric, arithmetic or min"},
                 {"stability:stride=8,stride=9", "policy stability: stride is set twice"},
                 {"stability:stride=8,repeats=2,stride=8", "stride is set twice"},
                 {"confidence:bound=2", "bound is a probability; expected 0 to 1"},
                 {"stability:bound=-0.1", "bound is a probability; expected 0 to 1"},
                 {"loss:bound=-1", "bound is negative"},
                 {"code_stop:tau=-1", "tau is negative"},
                 {"code_stop:high=1.5", "low and high are probabilities"},
                 {"code_stop:low=-1", "low and high are probabilities"},
                 {"code_stop:ramp=0", "a ramp of no probes"},
                 {"eat:delta=-1", "delta is negative"},
                 {"stability:stride=4,", "policy stability: ''; expected NAME=VALUE"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_exit_policy p = {.budget = 77};
        assert_int_equal(raml_exit_policy_read(cases[i].text, &p, &err), RAML_EUSAGE);
        if (!strstr(err.msg, cases[i].why))
            fail_msg("'%s': '%s' does not say '%s'", cases[i].text, err.msg, cases[i].why);
        assert_int_equal(p.budget, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_are_read_back),
        cmocka_unit_test(settings_land_where_they_belong),
        cmocka_unit_test(texts_that_are_no_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
