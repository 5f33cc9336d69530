/* normal.c - see normal.h. Decomposition, combining classes and composition are utf8proc's tables. The marks are put in
 * order here, by counting: utf8proc's own ordering takes quadratic time on long runs of marks. */
#include "normal.h"

#include "utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { MAX_DECOMPOSED = 32 }; /* no character becomes that many: form D has at most 4 (UAX #15, section 9) */

bool raml_nfc_plain(const unsigned char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (text[i] >= 0xcc) return false; /* U+0300 is cc 80; bytes behind the first are below c0 */
    return true;
}

static unsigned combining_class(utf8proc_int32_t c)
{
    return c < 0x300 ? 0 : (unsigned)utf8proc_get_property(c)->combining_class;
}

/* Sorts a run of marks by their class, equal ones staying as they are. */
static void sort_marks(utf8proc_int32_t *mark, size_t n, utf8proc_int32_t *scratch)
{
    size_t first[257] = {0}, i = 1;
    while (i < n && combining_class(mark[i - 1]) <= combining_class(mark[i])) i++;
    if (i >= n) return;
    for (i = 0; i < n; i++) first[(combining_class(mark[i]) & 0xff) + 1]++;
    for (i = 0; i < 256; i++) first[i + 1] += first[i];
    memcpy(scratch, mark, n * sizeof *mark);
    for (i = 0; i < n; i++) mark[first[combining_class(scratch[i]) & 0xff]++] = scratch[i];
}

static void order_marks(utf8proc_int32_t *cp, size_t n, utf8proc_int32_t *scratch)
{
    for (size_t i = 0, end; i < n; i = end + 1) {
        for (end = i; end < n && combining_class(cp[end]) > 0;) end++;
        sort_marks(cp + i, end - i, scratch);
    }
}

/* Writes the decomposed characters, or only counts them (cp NULL). SIZE_MAX: utf8proc refused a character. */
static size_t decompose(const unsigned char *text, size_t n, utf8proc_int32_t *cp, size_t cap)
{
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        utf8proc_int32_t c, part[MAX_DECOMPOSED];
        int bound = 0;
        utf8proc_ssize_t len = utf8proc_iterate(text + i, (utf8proc_ssize_t)(n - i), &c);
        if (len <= 0) return SIZE_MAX;
        i += (size_t)len;
        utf8proc_ssize_t k = utf8proc_decompose_char(c, part, MAX_DECOMPOSED,
                                                     UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &bound);
        if (k < 0 || k > MAX_DECOMPOSED || (cp && (size_t)k > cap - used)) return SIZE_MAX;
        if (cp) memcpy(cp + used, part, (size_t)k * sizeof *cp);
        used += (size_t)k;
    }
    return used;
}

enum raml_code raml_nfc(const unsigned char *text, size_t n, struct raml_buf *out, struct raml_err *err)
{
    if (raml_nfc_plain(text, n)) {
        raml_buf_add(out, text, n);
        return raml_buf_status(out, err);
    }
    if (n >= INT32_MAX) return raml_fail(err, RAML_ERANGE, "a text of %zu bytes is longer than 2^31 - 2", n);
    size_t n_cp = decompose(text, n, NULL, 0);
    if (n_cp >= INT32_MAX) return raml_fail(err, RAML_EFORMAT, "a text of %zu bytes can't be normalized", n);
    utf8proc_int32_t *cp = malloc((2 * n_cp + 1) * sizeof *cp); /* one more for the 0 that reencode writes */
    if (!cp) return raml_fail(err, RAML_ENOMEM, "no memory to normalize a text of %zu bytes", n);
    enum raml_code rc = RAML_OK;
    utf8proc_ssize_t bytes = -1;
    if (decompose(text, n, cp, n_cp) == n_cp) {
        order_marks(cp, n_cp, cp + n_cp + 1);
        bytes = utf8proc_reencode(cp, (utf8proc_ssize_t)n_cp, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    }
    if (bytes < 0)
        rc = raml_fail(err, RAML_EFORMAT, "a text of %zu bytes can't be normalized", n);
    else
        raml_buf_add(out, cp, (size_t)bytes);
    free(cp);
    return rc ? rc : raml_buf_status(out, err);
}
