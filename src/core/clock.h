/* clock.h - seconds of three clocks.
 *
 * No result depends on a clock: they are read for rates, for progress, for the time that TensorBoard shows and for the
 * names of what is written. The library reads them where it trains (outer) and where it measures the processor's
 * products (device, for `raml doctor`); everywhere else the caller passes a time, or a function like these.
 */
#ifndef RAML_CORE_CLOCK_H
#define RAML_CORE_CLOCK_H

#include <time.h>

static inline double raml_clock_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Since some moment; never goes back: for differences. */
static inline double raml_clock_monotonic(void)
{
    return raml_clock_seconds(CLOCK_MONOTONIC);
}

/* Since 1970 (UTC), as the machine's clock is set. */
static inline double raml_clock_wall(void)
{
    return raml_clock_seconds(CLOCK_REALTIME);
}

/* Of processor time, all threads of this process together: for measurements on a machine that others use too. */
static inline double raml_clock_process(void)
{
    return raml_clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

#endif
