/* seen.c - see seen.h. Linear probing, at most half full. */
#include "samples/seen.h"

#include "core/file.h"

#include <stdlib.h>
#include <string.h>

static struct raml_seen_slot *place_of(const struct raml_seen *s, uint64_t hash)
{
    size_t i = (size_t)hash & (s->cap - 1);
    while (s->slot[i].hash && s->slot[i].hash != hash) i = (i + 1) & (s->cap - 1);
    return &s->slot[i];
}

static enum raml_code grow(struct raml_seen *s, struct raml_err *err)
{
    struct raml_seen more = {.n = s->n, .cap = s->cap ? 2 * s->cap : 1024};
    if (s->n >= RAML_SEEN_MAX) return raml_fail(err, RAML_ENOMEM, "more than %d questions in a file", RAML_SEEN_MAX);
    more.slot = calloc(more.cap, sizeof *more.slot);
    if (!more.slot) return raml_fail(err, RAML_ENOMEM, "no memory for the ids of %zu questions", s->n);
    for (size_t i = 0; i < s->cap; i++)
        if (s->slot[i].hash) *place_of(&more, s->slot[i].hash) = s->slot[i];
    free(s->slot);
    *s = more;
    return RAML_OK;
}

enum raml_code raml_seen_add(struct raml_seen *s, const char *id, size_t line, size_t *before, struct raml_err *err)
{
    *before = 0;
    if (2 * s->n >= s->cap) {
        enum raml_code rc = grow(s, err);
        if (rc) return rc;
    }
    uint64_t hash = raml_hash(id, strlen(id), 0);
    if (!hash) hash = 1;
    struct raml_seen_slot *at = place_of(s, hash);
    if (at->hash) {
        *before = at->line;
        return RAML_OK;
    }
    *at = (struct raml_seen_slot){hash, line};
    s->n++;
    return RAML_OK;
}

void raml_seen_deinit(struct raml_seen *s)
{
    free(s->slot);
    *s = (struct raml_seen){0};
}
