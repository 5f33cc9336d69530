/* study_steps.h - the steps of a declared study, run once each, by as many processes as there are.
 *
 * STORE/NAME-ID/ is a step's folder; beside it are NAME-ID.log, what its commands print, NAME-ID.json, how long they took,
 * written when the step is done, NAME-ID.failed, written when it failed, and NAME-ID.lock, which the process that runs it
 * holds. So the same line may be started several times, on machines that share the folder too, or by mpirun: each takes what
 * nobody has taken. Stopped or killed, it goes on where it was: training at its checkpoint, sampling at its question, other
 * commands anew. A step that fails does not end the others: only those that need it are not run. It is tried again by
 * processes that are started later. Of a step that is done, checkpoints keep the model, not the optimizer's state.
 */
#ifndef RAML_CLI_STUDY_STEPS_H
#define RAML_CLI_STUDY_STEPS_H

#include "cli/cli.h"

#include "raml/study.h"

#include <time.h>

enum study_state { STUDY_OPEN, STUDY_DONE, STUDY_FAILED, STUDY_BLOCKED }; /* blocked: needs one that failed */
struct study_runner {
    const struct cli *cli;
    const struct raml_study_parts *parts;
    const char *store;
    double *seconds; /* [works] of those that are done */
    double *others; /* [works] mean seconds of the same step of the same arms in the store, of other seeds; NaN: none */
    enum study_state *state; /* [works] */
    size_t n_works, n_done;
    double ran;             /* seconds of the steps that this process ran */
    struct timespec opened; /* failures before that are tried again */
};
/* The step of a work (0 .. n_works). */
static inline const struct raml_study_step *cli_study_step_of(const struct study_runner *r, size_t work)
{
    const struct raml_study_work *w = raml_study_parts_work(r->parts, work);
    return raml_study_step(w->part.study, w->step);
}
RAML_CHECKED enum raml_code cli_study_runner_open(struct study_runner *r, struct raml_err *err);
void cli_study_runner_close(struct study_runner *r);
/* Whether every command of every step is one of this program's, with options that it has: before the first one runs. */
RAML_CHECKED enum raml_code cli_study_check(const struct study_runner *r, struct raml_err *err);
/* Runs what is not done and does not need what failed. RAML_ESTOP: asked to stop. */
RAML_CHECKED enum raml_code cli_study_run_steps(struct study_runner *r, struct raml_err *err);
/* RAML_EIO: how many failed or were not run, and the first one with its log. All of them are named on standard error before. */
RAML_CHECKED enum raml_code cli_study_failures(const struct study_runner *r, struct raml_err *err);
/* study_cost.c. Reads what the store's steps took, other studies' too: r->others, for cli_study_runner_open. */
RAML_CHECKED enum raml_code cli_study_read_costs(struct study_runner *r, struct raml_err *err);
/* Seconds that the steps which are not done will take, as far as that is known: of the same step of the same arms with other
 * seeds that the store had, else of steps of the same part and name that are done, else the file's minutes. *unknown: how many there are of which nothing is
 * known. */
double cli_study_left(const struct study_runner *r, size_t *unknown);
/* "1 h 20 min" */
enum { STUDY_DURATION = 32 };
const char *cli_study_duration(double seconds, char out[STUDY_DURATION]);
/* Its commands as a shell reads them, on standard output. */
RAML_CHECKED enum raml_code cli_study_print_step(const struct study_runner *r, size_t step, struct raml_err *err);

#endif
