/* memory.h - the program's failed allocations: all are noted (core/memory.h), and a command that had one fails. */
#ifndef RAML_CLI_MEMORY_H
#define RAML_CLI_MEMORY_H

#include "raml/err.h"

/* Before anything else in main. */
void cli_memory_guard(void);
/* The result of a command: rc, unless an allocation failed that rc does not tell of. */
enum raml_code cli_memory_result(enum raml_code rc, struct raml_err *err);

#endif
