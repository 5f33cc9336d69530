/* encode.c - a text into token ids (tokenizer.h).
 *
 *     text -> added tokens that stand before the normalizer, and what lies between them
 *          -> whole characters and bytes that are part of none; characters in form NFC
 *          -> added tokens that stand behind the normalizer, and what lies between them
 *          -> words, by the patterns -> ids, by the merges
 * Bytes that are part of no UTF-8 character can't be normalized or matched: each run of them is a word of its own. */
#include "raml/tokenizer.h"

#include "normal.h"
#include "pattern.h"
#include "utf8.h"
#include "vocab.h"

#include <string.h>

struct encoder {
    const struct raml_tokenizer *t;
    bool parse_special;
    struct raml_tokens *out;
};

typedef enum raml_code span_fn(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err);

/* First of added[lo..hi), all alike in their first k bytes, whose byte k is at least c. */
static size_t first_at_least(const struct raml_tokenizer *t, size_t lo, size_t hi, size_t k, unsigned c)
{
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct raml_piece *p = &t->piece[t->added[mid]];
        bool less = p->len <= k || (unsigned char)t->pool.data[p->start + k] < c;
        if (less)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The longest added token of that kind that text starts with, -1: none. Narrows the sorted list byte by byte. */
static int32_t match_added(const struct raml_tokenizer *t, const unsigned char *text, size_t n, bool special,
                           bool normalized)
{
    size_t lo = 0, hi = t->n_added;
    int32_t best = -1;
    for (size_t k = 0; k < n && lo < hi; k++) {
        lo = first_at_least(t, lo, hi, k, text[k]);
        hi = first_at_least(t, lo, hi, k, text[k] + 1u);
        if (lo == hi) break;
        const struct raml_piece *p = &t->piece[t->added[lo]]; /* the shortest comes first */
        bool wanted = p->normalized == normalized && (special || p->kind == RAML_PIECE_ADDED);
        if (p->len == k + 1 && wanted) best = t->added[lo];
    }
    return best;
}

/* Writes the added tokens of one kind, and hands what lies between them to `span`. */
static enum raml_code cut_added(const struct encoder *e, bool normalized, const unsigned char *s, size_t n,
                                span_fn *span, struct raml_err *err)
{
    const bool *starts = e->t->starts_added[normalized];
    size_t from = 0; /* s[from .. i) is not yet written */
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc;) {
        int32_t id = starts[s[i]] ? match_added(e->t, s + i, n - i, e->parse_special, normalized) : -1;
        if (id < 0) {
            i++;
            continue;
        }
        if (i > from) rc = span(e, s + from, i - from, err);
        if (!rc) rc = raml_tokens_add(e->out, &id, 1, err);
        from = i += e->t->piece[id].len;
    }
    return rc || from == n ? rc : span(e, s + from, n - from, err);
}

static enum raml_code add_word(void *to, const unsigned char *word, size_t n, struct raml_err *err)
{
    const struct encoder *e = to;
    return raml_bpe_word(e->t, word, n, e->out, err);
}

static enum raml_code add_plain(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err)
{
    struct encoder mine = *e;
    return raml_patterns_split(e->t->patterns, text, n, add_word, &mine, err);
}

/* Whole characters. */
static enum raml_code add_characters(const struct encoder *e, const unsigned char *text, size_t n,
                                     struct raml_err *err)
{
    if (!e->t->nfc || raml_nfc_plain(text, n)) return cut_added(e, true, text, n, add_plain, err);
    struct raml_buf normal;
    raml_buf_init(&normal, n > SIZE_MAX / 4 ? SIZE_MAX : 4 * n); /* form NFC is at most 3 times as long (UAX #15) */
    enum raml_code rc = raml_nfc(text, n, &normal, err);
    if (!rc) rc = cut_added(e, true, (const unsigned char *)normal.data, normal.len, add_plain, err);
    raml_buf_deinit(&normal);
    return rc;
}

static enum raml_code add_bytes(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err)
{
    if (!e->t->nfc && !e->t->patterns) return cut_added(e, true, text, n, add_plain, err);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc;) {
        size_t good = raml_utf8_valid(text + i, n - i), bad = 0;
        if (good) rc = add_characters(e, text + i, good, err);
        i += good;
        while (i + bad < n && !raml_utf8_char(text + i + bad, n - i - bad)) bad++;
        if (bad && !rc) rc = raml_bpe_word(e->t, text + i, bad, e->out, err);
        i += bad;
    }
    return rc;
}

enum raml_code raml_tokenizer_encode(const struct raml_tokenizer *t, const char *text, size_t len, bool parse_special,
                                     struct raml_tokens *out, struct raml_err *err)
{
    struct encoder e = {t, parse_special, out};
    size_t before = out->n;
    enum raml_code rc = cut_added(&e, false, (const unsigned char *)text, len, add_bytes, err);
    if (rc) out->n = before;
    return rc;
}
