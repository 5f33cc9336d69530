/* hash_map.h - from the hash of a key to the number of an entry, for entries that the caller keeps in an array.
 *
 * The map holds 8 bytes a slot: 32 bits of the hash and the number; keys and values stay where they are, in the
 * caller's array, whose order is the order of insertion. So one map serves keys of every kind (a word of a pool, a
 * pair of ids, a shape), and a walk over the entries never depends on hashes. Look for a key like this:
 *
 *     for (size_t step = 0; (i = raml_hash_map_next(&map, hash, &step)) != RAML_HASH_NONE;)
 *         if (entry[i].key == key) return &entry[i];                     (the entry with this key)
 *     if (!raml_hash_map_add(&map, hash, n)) return ... no memory ...;    (none: it becomes entry n)
 *     entry[n++] = ...;
 *
 * Hashes    64 bits, of which the upper 32 count; they must be well mixed. raml_hash (file.h) is, for bytes;
 *           raml_hash_u64 makes such a hash of a number. Equal hashes of different keys cost time and nothing else.
 * Numbers   0 .. 2^32 - 2; at most 2^31 of them. The map doesn't look at what they stand for, and holds a number as
 *           often as it was added.
 * Invariant linear probing: an entry's slot is the first free one from `hash & (n_slots - 1)` on; n_slots is 0 or a
 *           power of two, at least 2n.
 * Memory    zero-initialise; raml_hash_map_deinit may be called twice. 16 to 32 bytes an entry.
 * Errors    _add and _reserve return false when memory is used up; the map is then as it was.
 * Threads   one writer, or any number of readers.
 * Cost      about one line of cache a look-up, found or not.
 */
#ifndef RAML_CORE_HASH_MAP_H
#define RAML_CORE_HASH_MAP_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAML_HASH_NONE UINT32_MAX

struct raml_hash_slot {
    uint32_t hash, at; /* at: RAML_HASH_NONE in a free slot */
};
struct raml_hash_map {
    struct raml_hash_slot *slot;
    size_t n_slots, n;
};

/* Reserves space for n entries in all, so that adding up to them can't fail. */
RAML_CHECKED bool raml_hash_map_reserve(struct raml_hash_map *m, size_t n);
/* One more entry. Whether its key is new is for the caller to find out before. */
RAML_CHECKED bool raml_hash_map_add(struct raml_hash_map *m, uint64_t hash, uint32_t at);
void raml_hash_map_clear(struct raml_hash_map *m); /* no entries; the memory stays */
void raml_hash_map_deinit(struct raml_hash_map *m);

/* The number of the next entry whose hash is (very probably) this one; RAML_HASH_NONE: there are no more. *step: 0 at
 * first. Entries come in the order in which they were added. */
static inline uint32_t raml_hash_map_next(const struct raml_hash_map *m, uint64_t hash, size_t *step)
{
    uint32_t want = (uint32_t)(hash >> 32);
    if (!m->n_slots) return RAML_HASH_NONE;
    for (size_t i = want + *step;; i++) {
        const struct raml_hash_slot *s = &m->slot[i & (m->n_slots - 1)];
        if (s->at == RAML_HASH_NONE) return RAML_HASH_NONE;
        if (s->hash != want) continue;
        *step = i - want + 1;
        return s->at;
    }
}

/* Multiplication by 2^64 over the golden ratio (Knuth, vol. 3, 6.4): the upper half is well mixed. */
static inline uint64_t raml_hash_u64(uint64_t x)
{
    return x * UINT64_C(0x9e3779b97f4a7c15);
}

#endif
