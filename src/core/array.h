/* array.h - arrays that grow: one checked realloc.
 *
 *     struct part *part; size_t n, cap;                       (all zero at first; free(part) at the end)
 *     enum raml_code rc = RAML_GROW(t->part, t->cap, t->n + 1, "parts of a trajectory", err);
 *     if (!rc) t->part[t->n++] = ...;
 *
 * RAML_GROW     capacity for at least `need` elements; doubles, so that adding one at a time costs O(1) each.
 * RAML_RESERVE  capacity for exactly `need` where there is less: for arrays that are large, or filled at once.
 * Elements keep their values; new ones have none. Both do nothing when there is capacity for `need` already.
 * Arrays that share one capacity grow by a copy of it each, and the shared one is set after the last:
 *
 *     size_t cap_x = s->cap, cap_y = s->cap;
 *     enum raml_code rc = RAML_GROW(s->x, cap_x, s->n + 1, "points", err);
 *     if (!rc) rc = RAML_GROW(s->y, cap_y, s->n + 1, "points", err);
 *     if (!rc) s->cap = cap_y;
 *
 * Errors   RAML_ENOMEM, "no memory for 128 parts of a trajectory", also where the bytes overflow size_t; the array is
 *          then as it was, and still the caller's to free.
 * `array` and `cap` are lvalues, named more than once by the macros: they must not have side effects.
 */
#ifndef RAML_CORE_ARRAY_H
#define RAML_CORE_ARRAY_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

#define RAML_GROW(array, cap, need, what, err)                                                                         \
    raml_array_grow(&(array), &(cap), (need), sizeof *(array), false, (what), (err))
#define RAML_RESERVE(array, cap, need, what, err)                                                                      \
    raml_array_grow(&(array), &(cap), (need), sizeof *(array), true, (what), (err))

/* What the macros call where there is no capacity. array: the address of the pointer to the elements. */
RAML_CHECKED enum raml_code raml_array_more(void *array, size_t *cap, size_t need, size_t size, bool exact,
                                            const char *what, struct raml_err *err);

RAML_CHECKED static inline enum raml_code raml_array_grow(void *array, size_t *cap, size_t need, size_t size,
                                                          bool exact, const char *what, struct raml_err *err)
{
    return need <= *cap ? RAML_OK : raml_array_more(array, cap, need, size, exact, what, err);
}

#endif
