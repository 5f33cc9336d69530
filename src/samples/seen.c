/* seen.c - see seen.h. */
#include "samples/seen.h"

#include "core/array.h"
#include "core/file.h"

#include <stdlib.h>
#include <string.h>

enum raml_code raml_seen_add(struct raml_seen *s, const char *id, size_t line, size_t *before, struct raml_err *err)
{
    uint64_t hash = raml_hash(id, strlen(id), 0);
    uint32_t i;
    *before = 0;
    for (size_t step = 0; (i = raml_hash_map_next(&s->map, hash, &step)) != RAML_HASH_NONE;)
        if (s->id[i].hash == hash) {
            *before = s->id[i].line;
            return RAML_OK;
        }
    if (s->n >= RAML_SEEN_MAX) return raml_fail(err, RAML_ENOMEM, "more than %d questions in a file", RAML_SEEN_MAX);
    enum raml_code rc = RAML_GROW(s->id, s->cap, s->n + 1, "ids of questions", err);
    if (!rc && !raml_hash_map_add(&s->map, hash, (uint32_t)s->n))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the ids of %zu questions", s->n);
    if (!rc) s->id[s->n++] = (struct raml_seen_id){hash, line};
    return rc;
}

void raml_seen_deinit(struct raml_seen *s)
{
    free(s->id);
    raml_hash_map_deinit(&s->map);
    *s = (struct raml_seen){0};
}
