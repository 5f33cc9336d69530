/* landscape_frames.c - a list of prefixes, as a person writes it. See raml/landscape.h. */
#include "core/array.h"
#include "raml/landscape.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* One entry, and where the next begins. */
static enum raml_code entry(const char *text, size_t T, uint32_t *frame, const char **next, struct raml_err *err)
{
    char *end;
    errno = 0;
    double x = strtod(text, &end);
    size_t n = strcspn(text, ",");
    bool share = *end == '%';
    if (end == text || end + share != text + n || !isfinite(x) || x < 0 || (!share && x != floor(x)) || errno)
        return raml_fail(err, RAML_EUSAGE, "frames: found '%.*s', expected numbers of tokens or shares: 0,50%%,100%%",
                         (int)(n < 40 ? n : 40), text);
    double at = share ? floor(x / 100 * (double)T + 0.5) : x;
    if (at > (double)T || (share && x > 100))
        return raml_fail(err, RAML_ERANGE, "frames: %.*s is beyond the trajectory, which has %zu tokens",
                         (int)(n < 40 ? n : 40), text, T);
    *frame = (uint32_t)at;
    *next = text[n] ? text + n + 1 : NULL;
    return RAML_OK;
}

enum raml_code raml_landscape_parse_frames(const char *list, size_t n_trajectory, uint32_t **frame, size_t *n,
                                           struct raml_err *err)
{
    uint32_t *out = NULL;
    size_t cap = 0, found = 0, kept = 0;
    enum raml_code rc = RAML_OK;
    for (const char *next = list; next && !rc;) {
        rc = RAML_GROW(out, cap, found + 1, "frames", err);
        if (!rc) rc = entry(next, n_trajectory, &out[found], &next, err);
        if (!rc) found++;
    }
    if (rc) {
        free(out);
        return rc;
    }
    qsort(out, found, sizeof *out, by_value);
    for (size_t i = 0; i < found; i++)
        if (kept == 0 || out[i] != out[kept - 1]) out[kept++] = out[i];
    *frame = out;
    *n = kept;
    return RAML_OK;
}
