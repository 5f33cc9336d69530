/* encode.c - a text into token ids (tokenizer.h).
 *
 *     text -> added tokens that are matched before the normalizer, and what lies between them
 *          -> whole characters and bytes that belong to none; characters in form NFC
 *          -> added tokens that are matched after the normalizer, and what lies between them
 *          -> words, by the patterns -> ids, by the merges
 * Bytes that belong to no UTF-8 character can't be normalized or matched: each run of them is a separate word. */
#include "raml/tokenizer.h"

#include "text/border.h"
#include "text/metaspace.h"
#include "text/normal.h"
#include "text/origin.h"
#include "text/pattern.h"
#include "core/utf8.h"
#include "text/vocab.h"

#include <string.h>

struct encoder {
    const struct raml_tokenizer *t;
    const struct raml_encode_options *opt;
    struct raml_tokens *out;
    struct raml_ranges *where;        /* NULL: not wanted */
    const unsigned char *text;        /* the whole text */
    const unsigned char *normal;      /* the normalized piece being encoded; NULL: the text itself */
    size_t shift;                     /* where in the text that piece began */
    const struct raml_origin *origin; /* of that piece */
    const struct encoder *outer;      /* whose text `shift` counts in; NULL: the whole text */
    const unsigned char *piece;       /* of outer's: where that piece began */
};

typedef enum raml_code span_fn(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err);

/* The bytes of the whole text that s[0 .. n) came from; n > 0. If the current piece is normalized and positions are
 * wanted, it has an origin. */
static struct raml_range place(const struct encoder *e, const unsigned char *s, size_t n)
{
    if (!e->normal) return (struct raml_range){(size_t)(s - e->text), (size_t)(s - e->text) + n};
    struct raml_range r = raml_origin_of(e->origin, (size_t)(s - e->normal), (size_t)(s - e->normal) + n);
    if (e->outer) return place(e->outer, e->piece + r.start, r.end - r.start);
    return (struct raml_range){r.start + e->shift, r.end + e->shift};
}

/* May s[0 .. n) be a special token? Not where any of its bytes is plain. */
static bool may_be_special(const struct encoder *e, const unsigned char *s, size_t n)
{
    if (!e->opt->parse_special || e->opt->n_plain == 0) return e->opt->parse_special;
    struct raml_range r = place(e, s, n);
    size_t lo = 0, hi = e->opt->n_plain; /* the first plain range that ends after the start */
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (e->opt->plain[mid].end <= r.start) lo = mid + 1;
        else hi = mid;
    }
    while (lo < e->opt->n_plain && e->opt->plain[lo].start == e->opt->plain[lo].end) lo++;
    return lo == e->opt->n_plain || e->opt->plain[lo].start >= r.end;
}

/* First of added[lo..hi), all with the same first k bytes, whose byte k is at least c. */
static size_t first_at_least(const struct raml_tokenizer *t, size_t lo, size_t hi, size_t k, unsigned c)
{
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct raml_piece *p = &t->piece[t->added[mid]];
        bool less = p->len <= k || (unsigned char)t->pool.data[p->start + k] < c;
        if (less) lo = mid + 1;
        else hi = mid;
    }
    return lo;
}

/* The longest added token of that kind that text starts with, -1: none. Narrows the sorted list byte by byte. */
static int32_t match_added(const struct encoder *e, const unsigned char *text, size_t n, bool normalized)
{
    const struct raml_tokenizer *t = e->t;
    size_t lo = 0, hi = t->n_added;
    int32_t best = -1;
    for (size_t k = 0; k < n && lo < hi; k++) {
        lo = first_at_least(t, lo, hi, k, text[k]);
        hi = first_at_least(t, lo, hi, k, text[k] + 1u);
        if (lo == hi) break;
        const struct raml_piece *p = &t->piece[t->added[lo]]; /* the shortest comes first */
        bool whole = p->len == k + 1 && p->normalized == normalized;
        if (whole && (p->kind == RAML_PIECE_ADDED || may_be_special(e, text, k + 1))) best = t->added[lo];
    }
    return best;
}

static enum raml_code add_token(const struct encoder *e, int32_t id, const unsigned char *s, size_t n,
                                struct raml_err *err)
{
    enum raml_code rc = raml_tokens_add(e->out, &id, 1, err);
    return rc || !e->where ? rc : raml_ranges_add(e->where, place(e, s, n), err);
}

/* Widens a match by the whitespace that its token takes in, back to `from` at most; false: it is part of a word. */
static bool take_border(unsigned border, const unsigned char *s, size_t n, size_t from, size_t *start, size_t *end)
{
    if (border & RAML_BORDER_SINGLE_WORD)
        if (raml_ends_in_word(s, *start) || raml_starts_with_word(s + *end, n - *end)) return false;
    if (border & RAML_BORDER_LSTRIP) *start -= raml_whitespace_at_end(s + from, *start - from);
    if (border & RAML_BORDER_RSTRIP) *end += raml_whitespace_at_start(s + *end, n - *end);
    return true;
}

/* Writes the added tokens of one kind, and passes what lies between them to `span`. */
static enum raml_code split_added(const struct encoder *e, bool normalized, const unsigned char *s, size_t n,
                                  span_fn *span, struct raml_err *err)
{
    const bool *starts = e->t->starts_added[normalized];
    size_t from = 0; /* s[from .. i) is not yet written */
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc;) {
        int32_t id = starts[s[i]] ? match_added(e, s + i, n - i, normalized) : -1;
        if (id < 0) {
            i++;
            continue;
        }
        size_t start = i, end = i += e->t->piece[id].len;
        if (!take_border(e->t->piece[id].border, s, n, from, &start, &end)) continue;
        if (start > from) rc = span(e, s + from, start - from, err);
        if (!rc) rc = add_token(e, id, s + start, end - start, err);
        from = i = end;
    }
    return rc || from == n ? rc : span(e, s + from, n - from, err);
}

static enum raml_code add_word(void *to, const unsigned char *word, size_t n, struct raml_err *err)
{
    const struct encoder *e = to;
    size_t first = e->where ? e->where->n : 0;
    enum raml_code rc = raml_bpe_word(e->t, word, n, e->out, e->where, err);
    for (size_t i = first; e->where && i < e->where->n; i++) { /* from the word's bytes to the text's */
        struct raml_range *r = &e->where->range[i];
        *r = place(e, word + r->start, r->end - r->start);
    }
    return rc;
}

/* A piece with a space in front, which comes from its first character as that does. */
static enum raml_code add_spaced(void *to, const unsigned char *piece, size_t n, struct raml_err *err)
{
    const struct encoder *e = to;
    struct raml_buf spaced;
    struct raml_origin origin = {0};
    struct encoder mine = *e;
    if (piece[0] == ' ') return raml_patterns_split(e->t->after_space, piece, n, add_word, &mine, err);
    size_t first = raml_utf8_char(piece, n);
    raml_buf_init(&spaced, n + 2);
    raml_buf_add(&spaced, " ", 1);
    raml_buf_add(&spaced, piece, n);
    enum raml_code rc = raml_buf_status(&spaced, err);
    if (!first) first = 1;
    if (!rc) rc = raml_origin_add(&origin, first + 1, first, false, err);
    if (!rc) rc = raml_origin_add(&origin, n - first, n - first, true, err);
    mine.normal = (const unsigned char *)spaced.data;
    mine.origin = &origin;
    mine.outer = e;
    mine.piece = piece;
    if (!rc) rc = raml_patterns_split(e->t->after_space, mine.normal, spaced.len, add_word, &mine, err);
    raml_buf_deinit(&spaced);
    raml_origin_deinit(&origin);
    return rc;
}

static enum raml_code add_plain(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err)
{
    struct encoder mine = *e;
    return raml_patterns_split(e->t->patterns, text, n, e->t->spaced ? add_spaced : add_word, &mine, err);
}

/* Whole characters of the text. */
static enum raml_code add_characters(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err)
{
    if (!e->t->nfc || raml_nfc_plain(text, n)) return split_added(e, true, text, n, add_plain, err);
    struct raml_buf normal;
    struct raml_origin origin = {0};
    bool placed = e->where || e->opt->n_plain;
    raml_buf_init(&normal, n > SIZE_MAX / 4 ? SIZE_MAX : 4 * n); /* form NFC is at most 3 times as long (UAX #15) */
    enum raml_code rc = raml_nfc(text, n, &normal, placed ? &origin : NULL, err);
    if (!rc) {
        struct encoder mine = *e;
        mine.normal = (const unsigned char *)normal.data;
        mine.shift = (size_t)(text - e->text);
        mine.origin = &origin;
        rc = split_added(&mine, true, mine.normal, normal.len, add_plain, err);
    }
    raml_buf_deinit(&normal);
    raml_origin_deinit(&origin);
    return rc;
}

/* A text whose spaces belong to tokens too: all of it is one word, or each space starts one. */
static enum raml_code add_metaspace(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err)
{
    struct raml_buf spelled;
    struct raml_origin origin = {0};
    struct encoder mine = *e;
    raml_buf_init(&spelled, n + 1);
    enum raml_code rc = raml_metaspace(e->t, text, n, text == e->text, &spelled, &origin, err);
    mine.normal = (const unsigned char *)spelled.data;
    mine.shift = (size_t)(text - e->text);
    mine.origin = &origin;
    for (size_t i = 0, end; i < spelled.len && !rc; i = end) {
        const char *space = e->t->split_spaces ? memchr(spelled.data + i + 1, ' ', spelled.len - i - 1) : NULL;
        end = space ? (size_t)(space - spelled.data) : spelled.len;
        rc = add_word(&mine, mine.normal + i, end - i, err);
    }
    raml_buf_deinit(&spelled);
    raml_origin_deinit(&origin);
    return rc;
}

static enum raml_code add_bytes(const struct encoder *e, const unsigned char *text, size_t n, struct raml_err *err)
{
    if (e->t->byte_fallback) return split_added(e, true, text, n, add_metaspace, err);
    if (!e->t->nfc && !e->t->patterns && !e->t->spaced) return split_added(e, true, text, n, add_plain, err);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc;) {
        size_t good = raml_utf8_valid(text + i, n - i), bad = 0;
        if (good) rc = add_characters(e, text + i, good, err);
        i += good;
        while (i + bad < n && !raml_utf8_char(text + i + bad, n - i - bad)) bad++;
        if (bad && !rc) rc = add_word((void *)e, text + i, bad, err);
        i += bad;
    }
    return rc;
}

static enum raml_code check_plain(const struct raml_encode_options *opt, size_t len, struct raml_err *err)
{
    for (size_t i = 0; i < opt->n_plain; i++) {
        const struct raml_range *r = &opt->plain[i];
        size_t low = i ? r[-1].end : 0;
        if (r->start < low || r->end < r->start || r->end > len)
            return raml_fail(err, RAML_ERANGE,
                             "plain range %zu is bytes %zu to %zu of a text of %zu; expected ranges that rise from %zu "
                             "on",
                             i + 1, r->start, r->end, len, low);
    }
    return RAML_OK;
}

enum raml_code raml_tokenizer_encode_parts(const struct raml_tokenizer *t, const char *text, size_t len,
                                           const struct raml_encode_options *opt, struct raml_tokens *out,
                                           struct raml_ranges *where, struct raml_err *err)
{
    struct encoder e = {.t = t, .opt = opt, .out = out, .where = where, .text = (const unsigned char *)text};
    size_t before = out->n, before_where = where ? where->n : 0;
    enum raml_code rc = check_plain(opt, len, err);
    if (!rc) rc = split_added(&e, false, e.text, len, add_bytes, err);
    if (!rc) return RAML_OK;
    out->n = before;
    if (where) where->n = before_where;
    return rc;
}

enum raml_code raml_tokenizer_encode(const struct raml_tokenizer *t, const char *text, size_t len, bool parse_special,
                                     struct raml_tokens *out, struct raml_err *err)
{
    const struct raml_encode_options opt = {.parse_special = parse_special};
    return raml_tokenizer_encode_parts(t, text, len, &opt, out, NULL, err);
}
