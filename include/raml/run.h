/* run.h - a run folder: plain files that a person can read, plot and move.
 *
 *   OUT/recipe.yaml  metrics.jsonl  events.out.tfevents.*  checkpoint-N/  figures/  report.html
 *
 * metrics.jsonl and the TensorBoard file are appended to and flushed line by line. A checkpoint folder is filled under
 * the name checkpoint-N.tmp, synced and renamed: it is there whole or not at all. Resuming at step N cuts metrics.jsonl
 * back to the lines with "step" <= N, so the file ends up byte for byte as an uninterrupted run's.
 */
#ifndef RAML_RUN_H
#define RAML_RUN_H

#include "raml/err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct raml_run;

/* Creates the folder. RAML_EUSAGE when it holds a run already and resume is 0. With resume, *step is the newest whole
 * checkpoint's number (0: none, start anew) and metrics and events are cut back to it. */
RAML_CHECKED enum raml_code raml_run_open(const char *dir, int resume, struct raml_run **out, uint64_t *step,
                                          struct raml_err *err);
void raml_run_close(struct raml_run *r);
const char *raml_run_dir(const struct raml_run *r);
/* Writes recipe.yaml, atomically. text: YAML. */
RAML_CHECKED enum raml_code raml_run_recipe(struct raml_run *r, const char *text, struct raml_err *err);
/* Appends one line to metrics.jsonl, and every number in it as a scalar to the event file at obj's "step".
 * Nothing that varies between equal runs (times, rates) goes to metrics.jsonl: give it in `timing` (may be NULL),
 * which goes to timing.jsonl and the event file. */
RAML_CHECKED enum raml_code raml_run_metrics(struct raml_run *r, const json_t *obj, const json_t *timing,
                                             struct raml_err *err);
/* Path of checkpoint `step`'s temporary folder, made empty; fill it, then commit. keep: how many newest ones stay
 * (0: all). Paths are owned by the run until the next call. */
RAML_CHECKED enum raml_code raml_run_checkpoint_begin(struct raml_run *r, uint64_t step, const char **tmp_dir,
                                                      struct raml_err *err);
RAML_CHECKED enum raml_code raml_run_checkpoint_commit(struct raml_run *r, uint64_t step, size_t keep,
                                                       struct raml_err *err);
/* Path of the newest whole checkpoint below dir, or dir itself when it holds a config.json; out: caller's. */
RAML_CHECKED enum raml_code raml_run_newest(const char *dir, char *out, size_t cap, struct raml_err *err);

#endif
