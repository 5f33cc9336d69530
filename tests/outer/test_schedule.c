/* Learning-rate schedules against numbers computed by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outer/optim.h"

#include "check_near.h"

static void test_rates(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct raml_schedule s;
        uint64_t i;
        double want;
    } cases[] = {
        {"warm-up starts above 0", {RAML_DECAY_COSINE, 1, 0, 4, 12}, 0, 0.25},
        {"warm-up ends at the peak", {RAML_DECAY_COSINE, 1, 0, 4, 12}, 3, 1},
        {"cosine starts at the peak", {RAML_DECAY_COSINE, 1, 0, 4, 12}, 4, 1},
        {"cosine, half way", {RAML_DECAY_COSINE, 1, 0, 4, 12}, 8, 0.5},
        {"cosine, a quarter: (1 + cos 45 deg) / 2", {RAML_DECAY_COSINE, 1, 0, 4, 12}, 6, 0.85355339059327373},
        {"cosine, last step", {RAML_DECAY_COSINE, 1, 0, 0, 8}, 7, 0.038060233744356631},
        {"cosine to a floor, half way", {RAML_DECAY_COSINE, 2, 0.1, 0, 8}, 4, 1.1},
        {"after the end: the floor", {RAML_DECAY_COSINE, 2, 0.1, 0, 8}, 8, 0.2},
        {"long after the end", {RAML_DECAY_LINEAR, 2, 0.1, 0, 8}, 1000, 0.2},
        {"linear", {RAML_DECAY_LINEAR, 1, 0, 2, 12}, 7, 0.5},
        {"linear to a floor", {RAML_DECAY_LINEAR, 1, 0.5, 0, 4}, 2, 0.75},
        {"constant", {RAML_DECAY_CONSTANT, 3e-4, 0, 2, 12}, 11, 3e-4},
        {"constant, warm-up", {RAML_DECAY_CONSTANT, 1, 0, 2, 12}, 0, 0.5},
        {"all of it is warm-up", {RAML_DECAY_COSINE, 1, 0, 10, 5}, 4, 0.5},
        {"warm-up as long as the run", {RAML_DECAY_COSINE, 1, 0, 5, 5}, 4, 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_NEAR(cases[i].what, raml_schedule_rate(&cases[i].s, cases[i].i), cases[i].want, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
