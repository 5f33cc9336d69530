/* normal.c - see normal.h. Decomposition, combining classes and composition are utf8proc's tables. The marks are put in
 * order here, by counting: utf8proc's own ordering takes quadratic time on long runs of marks. */
#include "text/normal.h"

#include "core/utf8.h"
#include "text/unicode.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum {
    SMALL_BLOCK = 64,   /* characters: blocks up to this length need no allocation */
    MAX_DECOMPOSED = 32 /* no character becomes that many: form D has at most 4 (UAX #15, section 9) */
};

/* NFC_Quick_Check=Maybe: characters of class 0 that may join the one before them. Those above U+FFFF are known by how
 * they decompose (DerivedNormalizationProps.txt, Unicode 16). Marks of other classes go by their class: `may_join`. */
static const struct {
    uint16_t first, last;
} joining[] = {{0x09be, 0x09be}, {0x09d7, 0x09d7}, {0x0b3e, 0x0b3e}, {0x0b56, 0x0b57},
               {0x0bbe, 0x0bbe}, {0x0bd7, 0x0bd7}, {0x0cc2, 0x0cc2}, {0x0cd5, 0x0cd6},
               {0x0d3e, 0x0d3e}, {0x0d57, 0x0d57}, {0x0dcf, 0x0dcf}, {0x0ddf, 0x0ddf},
               {0x102e, 0x102e}, {0x1161, 0x1175}, {0x11a8, 0x11c2}, {0x1b35, 0x1b35}};

/* Marks of these classes join characters: overlays, nuktas, voicing, Telugu's 91, and those above, below and beside.
 * None does of the classes between, vowel signs and tones of one script each; of the viramas (9) one in the BMP does. */
static bool may_join(unsigned class, utf8proc_int32_t c)
{
    if (class == 9) return c == 0x0dca || c > 0xffff;
    return class < 9 || class == 91 || class >= 200;
}

enum doubt { SURE, SURE_MARK, DOUBTFUL };

/* The same for marks that both this utf8proc and the `tokenizers` library know, and for all others. */
static enum doubt look_known(utf8proc_int32_t c, unsigned *class)
{
    *class = 0;
    if (c < 0x300 || (c >= 0x3400 && c < 0xa000) || (c >= 0xac00 && c < 0xd7a4)) return SURE;
    const utf8proc_property_t *p = utf8proc_get_property(c);
    *class = (unsigned)p->combining_class;
    if (*class) return may_join(*class, c) || p->decomp_seqindex != UINT16_MAX ? DOUBTFUL : SURE_MARK;
    if (c >= 0x10000)
        return p->boundclass == UTF8PROC_BOUNDCLASS_EXTEND || p->boundclass == UTF8PROC_BOUNDCLASS_SPACINGMARK ||
                       p->decomp_seqindex != UINT16_MAX
                   ? DOUBTFUL
                   : SURE;
    for (size_t i = 0; i < sizeof joining / sizeof *joining; i++)
        if (c >= joining[i].first && c <= joining[i].last) return DOUBTFUL;
    if (p->decomp_type != 0 || p->decomp_seqindex == UINT16_MAX) return SURE;
    /* Composed, and in a block where every such character is the composed form: Cyrillic, Latin and Kana. */
    bool composed = c < 0x530 ? c >= 0x400 : (c >= 0x1e00 && c < 0x1f00) || (c >= 0x3040 && c < 0x3100);
    return composed ? SURE : DOUBTFUL;
}

/* Can the quick check be sure of c? *class: its combining class. */
static enum doubt look(utf8proc_int32_t c, unsigned *class)
{
    enum doubt doubt = look_known(c, class);
    if (doubt == SURE || !raml_unicode_late_mark((uint32_t)c)) return doubt;
    *class = 0;
    return SURE;
}

/* The character at s, which is whole, and its length. */
static size_t read_char(const unsigned char *s, utf8proc_int32_t *c)
{
    if (s[0] < 0x80) {
        *c = s[0];
        return 1;
    }
    if (s[0] < 0xe0) {
        *c = (s[0] & 0x1f) << 6 | (s[1] & 0x3f);
        return 2;
    }
    if (s[0] < 0xf0) {
        *c = (s[0] & 0xf) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        return 3;
    }
    *c = (s[0] & 7) << 18 | (s[1] & 0x3f) << 12 | (s[2] & 0x3f) << 6 | (s[3] & 0x3f);
    return 4;
}

/* The next block at or after `from`, where a block may start, that may not be in form C. False: none. */
static bool next_doubtful(const unsigned char *text, size_t n, size_t from, size_t *start, size_t *end)
{
    unsigned class = 0, before = 0;
    utf8proc_int32_t c;
    *start = from;
    for (size_t i = from, len; i < n; i += len) {
        if (text[i] < 0xcc) { /* below U+0300 */
            *start = i;
            before = 0;
            len = text[i] < 0x80 ? 1 : 2;
            continue;
        }
        len = read_char(text + i, &c);
        if (look(c, &class) == DOUBTFUL || (class && class < before)) {
            for (i += len; i < n; i += len) {
                len = read_char(text + i, &c);
                if (look(c, &class) == SURE) break;
            }
            *end = i;
            return true;
        }
        if (!class) *start = i;
        before = class;
    }
    return false;
}

bool raml_nfc_plain(const unsigned char *text, size_t n)
{
    size_t start, end;
    return !next_doubtful(text, n, 0, &start, &end);
}

static unsigned combining_class(utf8proc_int32_t c)
{
    unsigned class = c < 0x300 ? 0 : (unsigned)utf8proc_get_property(c)->combining_class;
    return class && raml_unicode_late_mark((uint32_t)c) ? 0 : class;
}

/* Sorts a run of marks by class, stably. */
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
        utf8proc_ssize_t k =
            utf8proc_decompose_char(c, part, MAX_DECOMPOSED, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &bound);
        if (k < 0 || k > MAX_DECOMPOSED || (cp && (size_t)k > cap - used)) return SIZE_MAX;
        if (cp) memcpy(cp + used, part, (size_t)k * sizeof *cp);
        used += (size_t)k;
    }
    return used;
}

/* Bytes of whole characters that a and b, longer than `most`, share at their starts: at most `most`. */
static size_t same_start(const unsigned char *a, const unsigned char *b, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < most && a[i] == b[i];)
        if (i++, (a[i] & 0xc0) != 0x80 && (b[i] & 0xc0) != 0x80) n = i;
    return n;
}

/* ... and at their ends. */
static size_t same_end(const unsigned char *a_end, const unsigned char *b_end, size_t most)
{
    size_t n = 0;
    for (size_t i = 1; i <= most && a_end[-(ptrdiff_t)i] == b_end[-(ptrdiff_t)i]; i++)
        if ((a_end[-(ptrdiff_t)i] & 0xc0) != 0x80) n = i;
    return n;
}

/* Where a block's form C came from: the characters that it shares with the block at both ends, and one run between. */
static enum raml_code add_origin(struct raml_origin *o, const unsigned char *form, size_t n_form,
                                 const unsigned char *text, size_t n, struct raml_err *err)
{
    size_t both = n_form < n ? n_form : n;
    if (n_form == n && memcmp(form, text, n) == 0) return raml_origin_add(o, n, n, true, err);
    size_t head = same_start(form, text, both - 1), tail = same_end(form + n_form, text + n, both - 1 - head);
    enum raml_code rc = raml_origin_add(o, head, head, true, err);
    if (!rc) rc = raml_origin_add(o, n_form - head - tail, n - head - tail, false, err);
    return rc ? rc : raml_origin_add(o, tail, tail, true, err);
}

/* One block in form C. */
static enum raml_code add_block(const unsigned char *text, size_t n, struct raml_buf *out, struct raml_origin *origin,
                                struct raml_err *err)
{
    if (n >= INT32_MAX) return raml_fail(err, RAML_ERANGE, "a text of %zu bytes is longer than 2^31 - 2", n);
    size_t n_cp = decompose(text, n, NULL, 0);
    if (n_cp >= INT32_MAX) return raml_fail(err, RAML_EFORMAT, "a text of %zu bytes can't be normalized", n);
    utf8proc_int32_t small[2 * SMALL_BLOCK + 1], *cp = small;
    if (n_cp > SMALL_BLOCK) cp = malloc((2 * n_cp + 1) * sizeof *cp); /* one more for the 0 that reencode writes */
    if (!cp) return raml_fail(err, RAML_ENOMEM, "no memory to normalize a text of %zu bytes", n);
    enum raml_code rc = RAML_OK;
    utf8proc_ssize_t bytes = -1;
    if (decompose(text, n, cp, n_cp) == n_cp) {
        order_marks(cp, n_cp, cp + n_cp + 1);
        bytes = utf8proc_reencode(cp, (utf8proc_ssize_t)n_cp, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    }
    if (bytes < 0) {
        rc = raml_fail(err, RAML_EFORMAT, "a text of %zu bytes can't be normalized", n);
    } else {
        raml_buf_add(out, cp, (size_t)bytes);
        if (origin) rc = add_origin(origin, (const unsigned char *)cp, (size_t)bytes, text, n, err);
    }
    if (cp != small) free(cp);
    return rc;
}

enum raml_code raml_nfc(const unsigned char *text, size_t n, struct raml_buf *out, struct raml_origin *origin,
                        struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t done = 0, start, end; done < n && !rc; done = end) {
        bool doubtful = next_doubtful(text, n, done, &start, &end);
        if (!doubtful) start = end = n;
        raml_buf_add(out, text + done, start - done);
        if (origin) rc = raml_origin_add(origin, start - done, start - done, true, err);
        if (doubtful && !rc) rc = add_block(text + start, end - start, out, origin, err);
    }
    return rc ? rc : raml_buf_status(out, err);
}
