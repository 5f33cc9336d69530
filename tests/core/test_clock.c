/* test_clock.c - each clock shows what it says: elapsed time, the time of day, work. */
#include "core/scratch.h"

#include "core/clock.h"

static void sleeping_is_no_work(void **state)
{
    (void)state;
    double wall = raml_clock_wall(), work = raml_clock_process(), start = raml_clock_monotonic();
    struct timespec nap = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&nap, NULL);
    double slept = raml_clock_monotonic() - start;
    assert_true(slept >= 0.05 && slept < 60);
    assert_true(raml_clock_process() - work < 0.04);
    assert_true(raml_clock_wall() - wall > -60); /* somebody may set it meanwhile */
    wall = raml_clock_wall();
    double after = (double)time(NULL); /* whole seconds, of a clock that may lag by a tick */
    assert_true(wall > after - 60 && wall < after + 1.1);
}

static void never_back(void **state)
{
    (void)state;
    double last = raml_clock_monotonic(), work = raml_clock_process();
    double first = last;
    for (int i = 0; i < 100000; i++) {
        double now = raml_clock_monotonic();
        assert_true(now >= last);
        last = now;
    }
    assert_true(last > first);
    assert_true(raml_clock_process() > work);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sleeping_is_no_work),
        cmocka_unit_test(never_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
