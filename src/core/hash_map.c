/* hash_map.c - see hash_map.h. */
#include "core/hash_map.h"

#include <stdlib.h>
#include <string.h>

static const size_t LEAST_SLOTS = 32, MAX_ENTRIES = (size_t)1 << 31;

static void put(struct raml_hash_map *m, struct raml_hash_slot entry)
{
    size_t i = entry.hash & (m->n_slots - 1);
    while (m->slot[i].at != RAML_HASH_NONE) i = (i + 1) & (m->n_slots - 1);
    m->slot[i] = entry;
    m->n++;
}

/* The first slot of a run of taken ones that no run goes across: from here on entries come in the order of their
 * adding, also those of a run that goes past the end of the table. */
static size_t first_of_run(const struct raml_hash_map *m)
{
    size_t i = 0;
    while (m->n_slots && m->slot[i].at != RAML_HASH_NONE) i++; /* at least half of the slots are free */
    return i;
}

bool raml_hash_map_reserve(struct raml_hash_map *m, size_t n)
{
    if (n > MAX_ENTRIES) return false;
    if (2 * n <= m->n_slots) return true;
    struct raml_hash_map more = {.n_slots = m->n_slots ? m->n_slots : LEAST_SLOTS};
    while (more.n_slots < 2 * n) more.n_slots *= 2;
    more.slot = malloc(more.n_slots * sizeof *more.slot);
    if (!more.slot) return false;
    raml_hash_map_clear(&more);
    for (size_t k = 0, first = first_of_run(m); k < m->n_slots; k++) {
        struct raml_hash_slot entry = m->slot[(first + k) & (m->n_slots - 1)];
        if (entry.at != RAML_HASH_NONE) put(&more, entry);
    }
    free(m->slot);
    *m = more;
    return true;
}

bool raml_hash_map_add(struct raml_hash_map *m, uint64_t hash, uint32_t at)
{
    if (!raml_hash_map_reserve(m, m->n + 1)) return false;
    put(m, (struct raml_hash_slot){(uint32_t)(hash >> 32), at});
    return true;
}

void raml_hash_map_clear(struct raml_hash_map *m)
{
    if (m->n_slots) memset(m->slot, 0xff, m->n_slots * sizeof *m->slot);
    m->n = 0;
}

void raml_hash_map_deinit(struct raml_hash_map *m)
{
    free(m->slot);
    *m = (struct raml_hash_map){0};
}
