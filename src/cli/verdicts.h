/* verdicts.h - counts of verdicts, and their agreement with labels. */
#ifndef RAML_CLI_VERDICTS_H
#define RAML_CLI_VERDICTS_H

#include "raml/answer.h"

struct cli_verdict {
    enum raml_verdict verdict;
    int label; /* 1 equal, 0 different, -1 none */
};
struct cli_verdicts {
    size_t n, count[3], labelled[3][2]; /* by verdict (unknown, different, equal), and label */
    double began;                       /* seconds */
};
void cli_verdicts_begin(struct cli_verdicts *v);
void cli_verdicts_add(struct cli_verdicts *v, const struct cli_verdict *one);
/* To standard output if the lines went to a file (out), else to standard error. */
RAML_CHECKED enum raml_code cli_verdicts_print(const struct cli_verdicts *v, bool json, const char *out,
                                               struct raml_err *err);

#endif
