/* trace_summary.c - the numbers of a trace, and what they are less those of another. See report.h. */
#include "raml/report.h"

#include "study/trace_groups.h"

#include <stdlib.h>
#include <string.h>

void raml_trace_summary_deinit(struct raml_trace_summary *s)
{
    free(s->row);
    raml_trace_groups_close(s->groups);
    *s = (struct raml_trace_summary){0};
}

const struct raml_trace_row *raml_trace_row_find(const struct raml_trace_summary *s, const char *by, const char *group,
                                                 const char *curve, const char *measure)
{
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct raml_trace_row *r = &s->row[i];
        if (!strcmp(r->by, by) && !strcmp(r->group, group) && !strcmp(r->curve, curve) && !strcmp(r->measure, measure))
            return r;
    }
    return NULL;
}

enum raml_code raml_trace_compare(const struct raml_trace_summary *first, const struct raml_trace_summary *second,
                                  uint64_t seed, uint32_t n_draws, const char *path, struct raml_trace_summary *out,
                                  struct raml_err *err)
{
    struct raml_trace_summary s = {.n_rows = 0};
    enum raml_code rc = raml_trace_groups_open(&s.groups, err);
    if (!rc) rc = raml_trace_groups_subtract(first->groups, second->groups, s.groups, &s.whole_answers, err);
    if (!rc) rc = raml_trace_groups_rows(s.groups, seed, n_draws, &s.row, &s.n_rows, err);
    if (!rc && s.n_rows == 0) rc = raml_fail(err, RAML_ERANGE, "%s: no trajectory was traced by both readers", path);
    if (!rc) rc = raml_trace_groups_write(s.row, s.n_rows, path, err);
    if (rc) raml_trace_summary_deinit(&s);
    else *out = s;
    return rc;
}
