/* prune.h - what `raml prune` prints. */
#ifndef RAML_CLI_PRUNE_H
#define RAML_CLI_PRUNE_H

#include "cli/cli.h"

#include "raml/prune_files.h"

struct cli_pruned {
    struct raml_prune_summary sum;
    const char *out;
    bool writes; /* pruned.jsonl */
    double tolerance, seconds;
};
void cli_print_prune(const struct cli_pruned *r);
RAML_CHECKED enum raml_code cli_print_prune_json(const struct cli_pruned *r, struct raml_err *err);

#endif
