/* check.h - what must hold in a fuzz target. A check that fails says so and aborts: the driver, libFuzzer and a
 * debugger all take that for a crash, and keep the input. */
#ifndef RAML_FUZZ_CHECK_H
#define RAML_FUZZ_CHECK_H

#include "raml/err.h"

#define FUZZ_COUNT(a) (sizeof(a) / sizeof *(a))

_Noreturn void fuzz_fault(const char *file, int line, const char *what, const char *fmt, ...) RAML_PRINTF(4, 5);
#define FUZZ_CHECK(holds, ...)                                                                                         \
    do {                                                                                                               \
        if (!(holds)) fuzz_fault(__FILE__, __LINE__, #holds, __VA_ARGS__);                                             \
    } while (0)

/* What has to succeed: reading what was written, writing what was read. */
void fuzz_must(const char *file, int line, const char *what, enum raml_code rc, const struct raml_err *err);
#define FUZZ_MUST(call, err) fuzz_must(__FILE__, __LINE__, #call, (call), (err))

/* A refusal: err has rc's code and a sentence of one line without control characters. Gives FUZZ_REFUSED. */
int fuzz_refused(enum raml_code rc, const struct raml_err *err);
/* The last refusal's sentence, for people; "" before the first. */
const char *fuzz_sentence(void);

#endif
