/* schedule.c - learning-rate schedules; see optim.h. */
#include "outer/optim.h"

#include "core/elementary.h"

double raml_schedule_rate(const struct raml_schedule *s, uint64_t i)
{
    if (i < s->warmup_steps) return s->peak * (double)(i + 1) / (double)s->warmup_steps;
    if (s->decay == RAML_DECAY_CONSTANT) return s->peak;
    double x = 1.0;
    if (i < s->n_steps) x = (double)(i - s->warmup_steps) / (double)(s->n_steps - s->warmup_steps);
    if (s->decay == RAML_DECAY_LINEAR) return s->peak * (1.0 - (1.0 - s->floor_ratio) * x);
    const double pi = 3.14159265358979323846;
    return s->peak * (s->floor_ratio + (1.0 - s->floor_ratio) * 0.5 * (1.0 + raml_cos(pi * x)));
}
