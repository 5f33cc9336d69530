/* processors.h - how a program of this project shares the processors with others. */
#ifndef RAML_CLI_PROCESSORS_H
#define RAML_CLI_PROCESSORS_H

/* First thing in a program's main, with its argv: starts the program anew, once, with GNU OpenMP set to let waiting
 * threads sleep sooner than it does by itself (10,000 turns of its loop instead of 300,000). On an idle machine that
 * changes nothing; where something else wants the processors too, spinning takes them from who is waited for. Does
 * nothing where OMP_WAIT_POLICY or GOMP_SPINCOUNT is set, and returns where it can't. GNU OpenMP reads its settings when
 * it is loaded, before main: a library could not do this for its program. */
void cli_share_processors(char **argv);

#endif
