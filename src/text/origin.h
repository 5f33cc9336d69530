/* origin.h - where the bytes of a changed text came from (private to src/text).
 *
 * A changed text is a sequence of runs. Run k is its bytes [run[k].at, run[k + 1].at), from the source's bytes
 * [run[k].from, run[k + 1].from); both end after the last run. In an exact run, whose two sides are equally long, byte
 * i came from byte i. In any other all bytes came from all of the source's: a cover, never too small.
 * Cost     _add: O(1) amortised; adjacent exact runs become one.  _of: O(log of the runs).
 */
#ifndef RAML_TEXT_ORIGIN_H
#define RAML_TEXT_ORIGIN_H

#include "raml/tokenizer.h"

struct raml_origin_run {
    size_t at, from;
    bool exact;
};

struct raml_origin { /* zero-initialise */
    struct raml_origin_run *run;
    size_t n, cap;
    size_t at, from; /* the ends */
};

void raml_origin_deinit(struct raml_origin *o);
/* The next n bytes came from the next n_from bytes of the source. exact: n == n_from. */
RAML_CHECKED enum raml_code raml_origin_add(struct raml_origin *o, size_t n, size_t n_from, bool exact,
                                            struct raml_err *err);
/* The source's bytes that bytes [start, end) of the changed text came from; start < end. */
struct raml_range raml_origin_of(const struct raml_origin *o, size_t start, size_t end);

#endif
