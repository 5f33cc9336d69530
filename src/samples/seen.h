/* seen.h - the ids that a file has had, and their first lines: a hash table of 64-bit hashes of the ids. */
#ifndef RAML_EVAL_SCORED_SEEN_H
#define RAML_EVAL_SCORED_SEEN_H

#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

struct raml_seen { /* zero-initialise */
    struct raml_seen_slot {
        uint64_t hash; /* 0: free */
        size_t line;
    } * slot;
    size_t n, cap; /* cap is 0 or a power of two */
};
enum { RAML_SEEN_MAX = 1 << 26 };

/* *before: the first line with the id, or 0 when it is new and now kept. RAML_ENOMEM above RAML_SEEN_MAX ids. */
RAML_CHECKED enum raml_code raml_seen_add(struct raml_seen *s, const char *id, size_t line, size_t *before,
                                          struct raml_err *err);
void raml_seen_deinit(struct raml_seen *s);

#endif
