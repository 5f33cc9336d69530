/* arena.h - many small objects freed together.
 *
 * Memory comes in chunks; nothing is freed before the arena is. max_bytes bounds the sum. One arena per thread.
 */
#ifndef RAML_ARENA_H
#define RAML_ARENA_H

#include <stddef.h>

struct raml_arena;
struct raml_arena *raml_arena_open(size_t max_bytes); /* NULL: out of memory */
void raml_arena_close(struct raml_arena *a);
void *raml_arena_alloc(struct raml_arena *a, size_t n, size_t size); /* zeroed, aligned to 16; NULL: limit reached */
char *raml_arena_text(struct raml_arena *a, const char *text, size_t len); /* copy, terminated by 0 */

#endif
