/* signals.h - requests to stop: SIGINT, SIGTERM, SIGUSR1 (mpirun, sbatch --signal=USR1), and SIGPIPE.
 *
 * No thread that computes ever runs their handler: a product's kernel may use the stack register for something else while
 * it works (oneDNN's do), and the handler's frame would be written there. One thread does nothing but take these signals,
 * on an alternate stack. All others block them: they inherit that from the thread that opened, so open before any other
 * thread is started.
 *
 * Where the opening thread waits (for a pipe, a FIFO, gnuplot), the call is interrupted: it ends with EINTR, and nothing
 * starts it again. That is repeated until the thread has asked whether it is to stop, so that no request is lost to a wait
 * that was just about to begin.
 */
#ifndef RAML_CLI_SIGNALS_H
#define RAML_CLI_SIGNALS_H

#include "raml/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* From the thread that will ask. One at a time. */
RAML_CHECKED enum raml_code cli_signals_open(struct raml_err *err);
void cli_signals_close(void); /* handlers and mask as they were; safe where open failed or was not called */
int cli_signals_asked(void);  /* the number of the signal by which the program was asked to stop; 0: it was not */
/* Asks a raml that this process has started to stop, as SIGTERM does, and never more than that: where it has been asked
 * already (Ctrl-C goes to all processes of a terminal), nothing happens. */
void cli_signals_pass_on(pid_t pid);
/* In a child between fork and exec: handlers and mask as they were before open. */
void cli_signals_in_child(void);

#endif
