/* array.c - see array.h. */
#include "core/array.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 16 };

enum raml_code raml_array_more(void *array, size_t *cap, size_t need, size_t size, bool exact, const char *what,
                               struct raml_err *err)
{
    size_t to = need;
    if (!exact && to < 2 * *cap) to = 2 * *cap;
    if (!exact && to < LEAST) to = LEAST;
    void *old, *p;
    memcpy(&old, array, sizeof old); /* a pointer of any type */
    p = to <= SIZE_MAX / size ? realloc(old, to * size) : NULL;
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for %zu %s", to, what);
    memcpy(array, &p, sizeof p);
    *cap = to;
    return RAML_OK;
}
