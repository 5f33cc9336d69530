/* trace.h - parts of raml trace: what it prints. */
#ifndef RAML_CLI_TRACE_H
#define RAML_CLI_TRACE_H

#include "cli/cli.h"

#include "raml/report.h"

struct cli_traced {     /* by one reader */
    const char *out;    /* folder */
    const char *reader; /* NULL: the model itself */
    struct raml_trace_summary sum;
    double seconds;
};
/* Tables on standard output. */
void cli_trace_print(const struct cli_traced *t);
/* A table of differences: second reader less first. */
void cli_trace_print_difference(const struct raml_trace_summary *difference);
/* The same as JSON; a new reference, NULL: no memory. */
json_t *cli_trace_json(const struct cli_traced *t);
json_t *cli_trace_rows_json(const struct raml_trace_summary *s);

#endif
