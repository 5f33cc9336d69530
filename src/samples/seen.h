/* seen.h - which ids a file has had, and in which line first: ids are known by hashes of 64 bits. */
#ifndef RAML_SAMPLES_SEEN_H
#define RAML_SAMPLES_SEEN_H

#include "core/hash_map.h"
#include "raml/err.h"

#include <stddef.h>
#include <stdint.h>

struct raml_seen { /* zero-initialise */
    struct raml_seen_id {
        uint64_t hash;
        size_t line;
    } * id; /* [n] */
    size_t n, cap;
    struct raml_hash_map map; /* hash -> id */
};
enum { RAML_SEEN_MAX = 1 << 26 };

/* *before: the first line with the id, or 0 when it is new and now kept. RAML_ENOMEM above RAML_SEEN_MAX ids. */
RAML_CHECKED enum raml_code raml_seen_add(struct raml_seen *s, const char *id, size_t line, size_t *before,
                                          struct raml_err *err);
void raml_seen_deinit(struct raml_seen *s);

#endif
