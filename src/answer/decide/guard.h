/* guard.h - private: where a check ends when FLINT's or GMP's memory does.
 *
 * Left alone, both end the process (abort) when an allocation fails, FLINT after a line about it. raml_answer_guard (answer.h) has it end the check. */
#ifndef RAML_ANSWER_GUARD_H
#define RAML_ANSWER_GUARD_H

#include "raml/err.h"

/* work(user), which may call FLINT. Calls may be nested. */
RAML_CHECKED enum raml_code raml_guarded(enum raml_code (*work)(void *user, struct raml_err *err), void *user,
                                         struct raml_err *err);
/* Did FLINT's memory end, in any thread? */
bool raml_guard_broken(void);

#endif
