/* origin.c - see origin.h. */
#include "text/origin.h"

#include "core/array.h"

#include <stdlib.h>

void raml_origin_deinit(struct raml_origin *o)
{
    free(o->run);
    *o = (struct raml_origin){0};
}

enum raml_code raml_origin_add(struct raml_origin *o, size_t n, size_t n_from, bool exact, struct raml_err *err)
{
    if (n == 0 && n_from == 0) return RAML_OK;
    if (!(exact && o->n && o->run[o->n - 1].exact)) {
        enum raml_code rc = RAML_GROW(o->run, o->cap, o->n + 1, "places of pieces of text", err);
        if (rc) return rc;
        o->run[o->n++] = (struct raml_origin_run){o->at, o->from, exact};
    }
    o->at += n;
    o->from += n_from;
    return RAML_OK;
}

/* The run that holds byte `at`. */
static size_t run_of(const struct raml_origin *o, size_t at)
{
    size_t lo = 0, hi = o->n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (o->run[mid].at <= at) lo = mid;
        else hi = mid;
    }
    return lo;
}

struct raml_range raml_origin_of(const struct raml_origin *o, size_t start, size_t end)
{
    size_t first = run_of(o, start), last = run_of(o, end - 1);
    const struct raml_origin_run *a = &o->run[first], *z = &o->run[last];
    return (struct raml_range){a->exact ? a->from + (start - a->at) : a->from, z->exact ? z->from + (end - z->at)
                                                                               : last + 1 < o->n ? z[1].from
                                                                                                 : o->from};
}
