/* arena.c - see arena.h. */
#include "core/arena.h"

#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BYTES = 8 * 1024, CHUNK_BYTES = 64 * 1024 }; /* many an arena needs little */

/* Payload follows the header, which is a multiple of ALIGN bytes (malloc itself aligns to 16 on 64-bit machines). */
struct chunk {
    struct chunk *next;
    size_t used, cap;
    size_t pad;
};

struct raml_arena {
    struct chunk *head; /* the chunk that small objects come from */
    size_t max, total;  /* payload bytes: the limit, and the sum over chunks (total <= max) */
};

struct raml_arena *raml_arena_open(size_t max_bytes)
{
    struct raml_arena *a = calloc(1, sizeof *a);
    if (a) a->max = max_bytes;
    return a;
}

void raml_arena_close(struct raml_arena *a)
{
    if (!a) return;
    for (struct chunk *c = a->head, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(a);
}

/* A chunk with space for `bytes`. One filled by a single large object goes after the head, which stays in use. */
static struct chunk *grow(struct raml_arena *a, size_t bytes)
{
    size_t space = a->max - a->total;
    if (bytes > space) return NULL;
    size_t least = a->head ? CHUNK_BYTES : FIRST_BYTES, cap = bytes < least ? least : bytes;
    if (cap > space) cap = space;
    if (cap > SIZE_MAX - sizeof(struct chunk)) return NULL;
    struct chunk *c = calloc(1, sizeof *c + cap);
    if (!c) raml_memory_note(cap);
    if (!c) return NULL;
    c->cap = cap;
    a->total += cap;
    if (a->head && bytes >= CHUNK_BYTES) {
        c->next = a->head->next;
        a->head->next = c;
    } else {
        c->next = a->head;
        a->head = c;
    }
    return c;
}

void *raml_arena_alloc(struct raml_arena *a, size_t n, size_t size)
{
    if (size && n > (SIZE_MAX - ALIGN) / size) return NULL;
    size_t bytes = (n * size + ALIGN - 1) / ALIGN * ALIGN;
    if (!bytes) bytes = ALIGN; /* distinct objects have distinct addresses */
    struct chunk *c = a->head;
    if (!c || bytes > c->cap - c->used) c = grow(a, bytes);
    if (!c) return NULL;
    void *p = (char *)(c + 1) + c->used; /* zeroed by calloc, and never handed out twice */
    c->used += bytes;
    return p;
}

char *raml_arena_text(struct raml_arena *a, const char *text, size_t len)
{
    if (len == SIZE_MAX) return NULL;
    char *p = raml_arena_alloc(a, len + 1, 1);
    if (p && len) memcpy(p, text, len);
    return p;
}
