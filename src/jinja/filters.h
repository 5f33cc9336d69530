/* filters.h - how filters are written, in filters.c and filters_seq.c (private to these two).
 *
 * v: the value before the bar; args: the arguments as given; a: bound to the parameters that the table names.
 */
#ifndef RAML_JINJA_FILTERS_H
#define RAML_JINJA_FILTERS_H

#include "jinja/run.h"

#define FILTER(name)                                                                                                   \
    static struct raml_jv name(struct raml_jinja *in, struct raml_jv v, const struct raml_jargs *args,                 \
                               struct raml_jv *a)
#define UNUSED ((void)in, (void)v, (void)args, (void)a)

/* The filters for sequences and dicts, and those that this version lacks. */
const struct raml_jfunc *raml_j_find_seq_filter(const char *name);

#endif
