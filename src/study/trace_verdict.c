/* trace_verdict.c - the groups that traced trajectories fall into, by name. See report.h. */
#include "raml/report.h"

const char *raml_trace_verdict_name(enum raml_trace_verdict v)
{
    static const char *const name[] = {"right", "wrong", "unlabelled", "all"};
    return (unsigned)v < RAML_TRACE_GROUPS ? name[v] : "unknown";
}
