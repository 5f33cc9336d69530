/* work.h - private: how much work one check may still do, and its explanation of what it did.
 *
 * Work is counted in units of roughly a microsecond, charged before it is done, so that a bound holds without a timer
 * and the same input always gets the same verdict.
 */
#ifndef RAML_ANSWER_WORK_H
#define RAML_ANSWER_WORK_H

#include "raml/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct work {
    uint64_t left, used;
    struct raml_buf *explain; /* NULL: not wanted */
    bool spent;               /* a charge was refused */
};

/* False, and `spent` set, when fewer than `units` are left; then the step must not be done. */
bool raml_work_charge(struct work *w, uint64_t units);
/* One line of the explanation. */
void raml_work_say(struct work *w, const char *fmt, ...) RAML_PRINTF(2, 3);

#endif
