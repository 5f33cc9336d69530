/* eval.h - parts of raml eval: the requested metrics, the source of samples, the output. */
#ifndef RAML_CLI_EVAL_H
#define RAML_CLI_EVAL_H

#include "cli/sampling.h"

#include "raml/samples.h"
#include "raml/lm_eval_export.h"
#include "raml/paired.h"

struct eval_settings {
    struct sampling_settings sampling; /* first, as sampling.h requires */
    const char *out, *samples_out, *k, *tau, *metrics, *by, *compare, *layout, *metric, *lm_eval, *task, *date, *match;
    double required_n, accuracy;
    bool regrade;
};

/* ---- eval_measures.c --------------------------------------------------------------------------------------------- */

struct eval_measures { /* opt points into these */
    uint32_t k[RAML_TABLE_MAX_K];
    struct raml_measure measure[RAML_TABLE_MAX_MEASURES];
    struct raml_table_options opt;
};
/* From --k, --tau, --metrics and --by. *out must not be moved afterwards. */
RAML_CHECKED enum raml_code cli_eval_measures_read(const struct cli *cli, const struct eval_settings *s,
                                                   struct eval_measures *out, struct raml_err *err);

/* ---- eval_files.c ------------------------------------------------------------------------------------------------ */

struct eval_file { /* one file that was read */
    const char *path;
    struct raml_samples_report report;
};
/* Passes every question of the file to fn, at most *left of them (0 at first: all), which is counted down. With --match
 * line a question's id is its number in the file. */
RAML_CHECKED enum raml_code cli_eval_file_read(const struct cli *cli, const struct eval_settings *s, const char *path,
                                               uint64_t *left, raml_graded_fn *fn, void *user, struct eval_file *out,
                                               struct raml_err *err);
/* The same for fresh samples. */
RAML_CHECKED enum raml_code cli_eval_samples_read(const struct raml_questions *samples, raml_graded_fn *fn, void *user,
                                                  struct raml_err *err);
/* As in --layout; "auto": unknown. */
const char *cli_eval_layout_name(enum raml_samples_layout layout);
/* The path's last part, without its suffix. out: cap bytes. */
void cli_eval_name_of(const char *path, char *out, size_t cap);

/* ---- eval_plan.c ------------------------------------------------------------------------------------------------- */

/* How many questions --required_n takes, as text or into o ("required_n"). row: NULL: only from --accuracy. paired:
 * NULL: no comparison. */
RAML_CHECKED enum raml_code cli_eval_plan_tell(const struct eval_settings *s, const struct raml_table_row *row,
                                               const struct raml_paired *paired, struct raml_buf *text, json_t *o,
                                               struct raml_err *err);

#endif
