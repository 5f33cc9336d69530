/* sample_file.h - the file of samples that `sample` and `eval --model` write: it grows by a question at a time, and a run
 * that is stopped or killed is gone on with by the same command.
 *
 * Beside a file OUT that is not whole lies OUT.unfinished, with what its samples depend on. The same settings go on after
 * the last whole line; others are refused, unless what is there is to be replaced. A device, a pipe and standard output are
 * written to as samples come, and not gone on with.
 */
#ifndef RAML_CLI_SAMPLE_FILE_H
#define RAML_CLI_SAMPLE_FILE_H

#include "cli/cli.h"
#include "core/append.h"
#include "core/file.h"
#include "core/path.h"

#include "raml/question.h"
#include "raml/sample.h"

struct cli_sample_file {
    const char *path;
    char record[RAML_PATH_BYTES];
    struct append file;
    struct raml_writer direct;  /* instead, where path is no file */
    struct raml_questions done; /* what was there, with its samples */
    struct raml_buf line;
    char *settings; /* NULL: the record is there */
    bool created;   /* the file, empty, by _open */
    size_t n;       /* questions in the file */
};
/* Before any work. settings: what the samples depend on, taken over (NULL: no memory); qs: the questions to sample, n
 * samples each. The file is locked until _close. */
RAML_CHECKED enum raml_code cli_sample_file_open(const struct cli *cli, const char *path, json_t *settings,
                                                 const struct raml_questions *qs, size_t n, struct cli_sample_file *f,
                                                 struct raml_err *err);
/* raml_sample_options.take, of the questions that are not done. */
RAML_CHECKED enum raml_code cli_sample_file_add(void *file, const struct raml_question *q, struct raml_err *err);
/* Adds to *stats what the samples that were there count. */
void cli_sample_file_count(const struct cli_sample_file *f, struct raml_sample_stats *stats);
RAML_CHECKED enum raml_code cli_sample_file_end(struct cli_sample_file *f, struct raml_err *err); /* it is whole */
void cli_sample_file_close(struct cli_sample_file *f); /* also of a zeroed or failed one */

#endif
