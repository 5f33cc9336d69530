/* run.h - a run folder: ordinary files that a person can read, plot and move.
 *
 *   OUT/recipe.yaml  metrics.jsonl  timing.jsonl  events.out.tfevents.0.raml  rollouts.jsonl  checkpoint-N/
 *       figures/  report.html
 *
 * metrics.jsonl and the TensorBoard file are appended to line by line, each line one write. A checkpoint folder is
 * filled under the name checkpoint-N.tmp, synced and renamed: it is there whole or not at all. Resuming at step N
 * truncates metrics.jsonl and rollouts.jsonl to the lines with "step" <= N, so the files end up byte for byte as an
 * uninterrupted run's. For that, the lines of step N are written before checkpoint N is committed. A run without a
 * checkpoint starts afresh.
 * Killed at any moment, a run can be opened again with resume; the files of one folder have one writer at a time.
 * The library reads no clock: times come in `timing`.
 */
#ifndef RAML_RUN_H
#define RAML_RUN_H

#include "raml/err.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_run;

/* Creates the folder. RAML_EUSAGE when it already holds a run and resume is 0, or another process has it open. With
 * resume, *step is the newest whole checkpoint's number (0: none, start afresh) and metrics and events are truncated
 * to it. */
RAML_CHECKED enum raml_code raml_run_open(const char *dir, int resume, struct raml_run **out, uint64_t *step,
                                          struct raml_err *err);
void raml_run_close(struct raml_run *r);
const char *raml_run_dir(const struct raml_run *r);
/* Writes recipe.yaml, atomically. text: YAML. */
RAML_CHECKED enum raml_code raml_run_recipe(struct raml_run *r, const char *text, struct raml_err *err);
/* Appends one line to metrics.jsonl, and every number in it (below objects too, named "outer/inner") as a scalar to the
 * event file at obj's "step", which it must have. Nothing that varies between equal runs (times, rates) goes to
 * metrics.jsonl: give it in `timing` (may be NULL), which goes to timing.jsonl after the step, and the event file. Its
 * number "time", seconds since 1970, is the events' wall time; without one the last one given stays. */
RAML_CHECKED enum raml_code raml_run_metrics(struct raml_run *r, const json_t *obj, const json_t *timing,
                                             struct raml_err *err);
/* Appends to rollouts.jsonl, which it makes with its first line, every object of the array `lines`, all in one write,
 * or none. Each has "step", never below that of the line before it (RAML_ERANGE), so that a resume finds the end of
 * what it keeps without reading the rest. On the disk when the next checkpoint is. */
RAML_CHECKED enum raml_code raml_run_rollouts(struct raml_run *r, const json_t *lines, struct raml_err *err);
/* Path of checkpoint `step`'s temporary folder, made empty; fill it, then commit. keep: how many of the newest are kept
 * (0: all). Paths are owned by the run until the next call. */
RAML_CHECKED enum raml_code raml_run_checkpoint_begin(struct raml_run *r, uint64_t step, const char **tmp_dir,
                                                      struct raml_err *err);
RAML_CHECKED enum raml_code raml_run_checkpoint_commit(struct raml_run *r, uint64_t step, size_t keep,
                                                       struct raml_err *err);
/* From now on checkpoint `step` stays, beside the `keep` newest: the best one. 0: none. A run that is opened again
 * knows of none. */
void raml_run_protect(struct raml_run *r, uint64_t step);
/* Path of the newest whole checkpoint below dir, or dir itself when it holds a config.json (of an adapter:
 * adapter_config.json) or is a .gguf file; out: caller's. */
RAML_CHECKED enum raml_code raml_run_newest(const char *dir, char *out, size_t cap, struct raml_err *err);
/* Numbers of the whole checkpoints below dir, rising; free(*step). A folder without any, or none: *n is 0. */
RAML_CHECKED enum raml_code raml_run_checkpoints(const char *dir, uint64_t **step, size_t *n, struct raml_err *err);

#pragma GCC visibility pop
#endif
