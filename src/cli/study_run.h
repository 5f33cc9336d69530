/* study_run.h - settings that `raml study run` and `raml study paper` share, and what they do. */
#ifndef RAML_CLI_STUDY_RUN_H
#define RAML_CLI_STUDY_RUN_H

#include "cli/cli.h"
#include "cli/study_steps.h"

#include "raml/study.h"

struct study_run_settings {
    const char *out, *store, *scale, *set, *parts;
    int64_t seeds, first_seed;
    bool plan, report;
};
extern const struct raml_setting cli_study_run_options[];
enum { CLI_STUDY_RUN_OPTIONS = 9 };

/* Runs the study of this file. */
RAML_CHECKED enum raml_code cli_study_start(const struct cli *cli, const struct study_run_settings *s, const char *path,
                                            struct raml_err *err);
/* Keeps what is declared in `out`, with how many of its steps had run before, and what its parts declare in their folders; or
 * finds the same there. RAML_EUSAGE names what differs. With `look` nothing is written: it only compares. */
RAML_CHECKED enum raml_code cli_study_declare(const struct study_runner *r, const char *out, bool look,
                                              struct raml_err *err);
/* Where steps had run before `out` was declared, says how many, on standard output. */
RAML_CHECKED enum raml_code cli_study_say_before(const char *out, struct raml_err *err);

#endif
