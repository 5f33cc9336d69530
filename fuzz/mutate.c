/* mutate.c - see mutate.h. No coverage guides it (libFuzzer has that), so edits aim at what parsers trip over: numbers,
 * lengths, nesting, tokens in each other's place, ends that come early. */
#include "fuzz/mutate.h"

#include "fuzz/check.h"
#include "fuzz/edit.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 3000, SOME = 4, SHORT = 24 };

struct making {
    struct raml_rng rng;
    const struct fuzz_corpus *corpus;
    const char *const *words;
    size_t n_words;
    struct raml_buf *to;
};

static uint32_t below(struct making *m, size_t n)
{
    return fuzz_below(&m->rng, n);
}

static const char *word(struct making *m)
{
    return m->n_words ? m->words[below(m, m->n_words)] : "";
}

/* A place in b[0..n): now and then where the format spells a word, since most of a file can be its data. */
static size_t place(struct making *m, const char *b, size_t n)
{
    size_t at = below(m, n);
    if (!n || below(m, 2)) return at;
    const char *w = word(m), *found = memmem(b + at, n - at, w, strlen(w));
    if (!found) found = memmem(b, n, w, strlen(w));
    return found ? (size_t)(found - b) : at;
}

/* A part of b[0..n): mostly short. */
static size_t part(struct making *m, const char *b, size_t n, size_t *from)
{
    *from = below(m, 8) ? place(m, b, n) : n;
    size_t rest = n - *from, most = below(m, 6) && rest > SHORT ? SHORT : rest;
    return below(m, most + 1);
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
           (unsigned char)c >= 0x80;
}

/* A token of b: a run of letters and digits, or one other character. */
static size_t token(struct making *m, const char *b, size_t n, size_t *from)
{
    *from = place(m, b, n);
    if (!n) return 0;
    size_t till = *from + 1;
    if (!is_word(b[*from])) return 1;
    while (*from > 0 && is_word(b[*from - 1])) --*from;
    while (till < n && is_word(b[till])) till++;
    return till - *from;
}

/* What is between brackets or quotes, with them; else a token. */
static size_t item(struct making *m, const char *b, size_t n, size_t *from)
{
    static const char open[] = "{[(", shut[] = "}])";
    size_t at = place(m, b, n), depth = 0;
    for (size_t tries = 0; n && tries < SHORT && !strchr("{[(\"'", b[at]) && b[at]; tries++) at = (at + 1) % n;
    const char *kind = n && b[at] ? strchr(open, b[at]) : NULL;
    *from = at;
    if (n && !kind && b[at] != '"' && b[at] != '\'') return token(m, b, n, from);
    for (size_t i = at; i < n; i++) {
        if (!kind && i > at && b[i] == b[at]) return i + 1 - at;
        if (kind && b[i] == *kind) depth++;
        if (kind && b[i] == shut[kind - open] && --depth == 0) return i + 1 - at;
    }
    return n ? 1 : 0;
}

static size_t line(struct making *m, const char *b, size_t n, size_t *from)
{
    size_t till = *from = place(m, b, n);
    while (*from > 0 && b[*from - 1] != '\n') --*from;
    while (till < n && b[till++] != '\n') {
    }
    return till - *from;
}

static void repeat(struct making *m, size_t at, const char *what, size_t n, size_t times)
{
    struct raml_buf many;
    raml_buf_init(&many, m->to->max);
    for (size_t i = 0; i < times && many.len + n <= m->to->max / 2; i++) raml_buf_add(&many, what, n);
    if (many.len) fuzz_replace(m->to, at, at, many.data, many.len);
    raml_buf_deinit(&many);
}

static size_t how_often(struct making *m)
{
    return 1 + below(m, below(m, 16) ? SOME : MANY);
}

static void change_byte(struct making *m)
{
    static const unsigned char odd[] = {0,   1,   9,   10,  13,   32,   '"',  '\\', '{',  '}',  '[',
                                        ']', ',', ':', '-', 0x7f, 0x80, 0xc0, 0xe2, 0xed, 0xf4, 0xff};
    size_t at = below(m, m->to->len);
    if (!m->to->len) return;
    if (below(m, 2)) m->to->data[at] = (char)(unsigned char)(m->to->data[at] ^ (1 << below(m, 8)));
    else m->to->data[at] = (char)odd[below(m, sizeof odd)];
}

/* A number of 1, 2, 4 or 8 bytes, little-endian, as headers have it: another nearby, or one on a border. */
static void change_integer(struct making *m)
{
    size_t bytes = (size_t)1 << below(m, 4), n = m->to->len;
    if (n < bytes) return;
    size_t at = below(m, n - bytes + 1);
    if (below(m, 4) && at >= bytes) at -= at % bytes; /* mostly aligned */
    unsigned char *p = (unsigned char *)m->to->data + at;
    uint64_t v = 0;
    for (size_t i = bytes; i-- > 0;) v = v << 8 | p[i];
    const uint64_t border[] = {0,
                               1,
                               2,
                               0x7f,
                               0x80,
                               0xff,
                               0x7fff,
                               0xffff,
                               0x7fffffff,
                               0x80000000,
                               0xffffffff,
                               INT64_MAX,
                               (uint64_t)1 << 63,
                               UINT64_MAX,
                               UINT64_MAX - 7,
                               (uint64_t)1 << 61,
                               n,
                               n - at};
    uint32_t how = below(m, 3);
    if (how == 0) v = border[below(m, FUZZ_COUNT(border))];
    else if (how == 1) v += below(m, 33) - (uint64_t)16;
    else v = v << below(m, 9) | below(m, 2);
    for (size_t i = 0; i < bytes; i++) p[i] = (unsigned char)(v >> 8 * i);
}

/* A number in decimal: another in its place. */
static void change_number(struct making *m)
{
    static const char *const numbers[] = {
        "0",
        "1",
        "-1",
        "2",
        "7",
        "16",
        "255",
        "256",
        "65536",
        "2147483647",
        "2147483648",
        "-2147483649",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e308",
        "1e999",
        "-0",
        "0.5",
        "1e-320",
        "1.0",
        "00",
        "1e",
        "0x10",
        "NaN",
        "Infinity",
        "-Infinity",
        "true",
        "null",
        "\"1\"",
        "[1]",
        "99999999999999999999999999999999999999",
        "1_000",
        "+1",
    };
    struct raml_buf *to = m->to;
    size_t from = place(m, to->data, to->len), till;
    while (from < to->len && (to->data[from] < '0' || to->data[from] > '9')) from++;
    for (till = from; till < to->len && ((to->data[till] >= '0' && to->data[till] <= '9') || to->data[till] == '.');
         till++) {
    }
    if (from == till) return;
    const char *n = numbers[below(m, FUZZ_COUNT(numbers))];
    fuzz_replace(to, from, till, n, strlen(n));
}

/* A token in another's place, or beside it. */
static void change_token(struct making *m)
{
    struct raml_buf *to = m->to;
    size_t from, at, n = token(m, to->data, to->len, &from), k = token(m, to->data, to->len, &at);
    if (!n || !k) return;
    bool instead = below(m, 3) != 0;
    fuzz_replace(to, from, instead ? from + n : from, to->data + at, k);
}

/* The same with what is in brackets or quotes, which mostly leaves the rest well-formed. */
static void change_item(struct making *m)
{
    struct raml_buf *to = m->to;
    const struct fuzz_seed *s = &m->corpus->seed[below(m, m->corpus->n)];
    bool own = below(m, 2);
    const char *other = own ? to->data : (const char *)s->data;
    size_t from, at, n = item(m, to->data, to->len, &from), k = item(m, other, own ? to->len : s->size, &at);
    if (n && k) fuzz_replace(to, from, from + n, other + at, k);
}

static void change_line(struct making *m)
{
    struct raml_buf *to = m->to;
    if (!to->len) return;
    size_t from, at, n = line(m, to->data, to->len, &from), k = line(m, to->data, to->len, &at);
    switch (below(m, 3)) {
    case 0: fuzz_replace(to, from, from + n, "", 0); break;
    case 1: fuzz_replace(to, from, from, to->data + at, k); break;
    default: fuzz_replace(to, from, from + n, to->data + at, k);
    }
}

/* A part of another seed: put in, or from there on its end in place of ours. */
static void splice(struct making *m)
{
    const struct fuzz_seed *other = &m->corpus->seed[below(m, m->corpus->n)];
    size_t from, at, n = part(m, m->to->data, m->to->len, &from);
    size_t k = part(m, (const char *)other->data, other->size, &at);
    if (below(m, 4) == 0) {
        n = m->to->len - from;
        k = other->size - at;
    }
    fuzz_replace(m->to, from, below(m, 2) ? from + n : from, (const char *)other->data + at, k);
}

static void change(struct making *m)
{
    struct raml_buf *to = m->to;
    size_t from, n = part(m, to->data, to->len, &from);
    const char *w = word(m);
    char bytes[16];
    switch (below(m, 20)) {
    case 0:
    case 1: change_byte(m); break;
    case 2: fuzz_replace(to, from, from + n, "", 0); break;
    case 3: fuzz_replace(to, from, to->len, "", 0); break;
    case 4:
        n = 1 + below(m, sizeof bytes);
        for (size_t i = 0; i < n; i++) bytes[i] = (char)below(m, 256);
        fuzz_replace(to, from, from, bytes, n);
        break;
    case 5: fuzz_replace(to, from, from + n, w, strlen(w)); break;
    case 6: fuzz_replace(to, from, from, w, strlen(w)); break;
    case 7:
        n = token(m, to->data, to->len, &from);
        fuzz_replace(to, from, from + n, w, strlen(w));
        break;
    case 8: repeat(m, from, w, strlen(w), how_often(m)); break;
    case 9: repeat(m, from, to->data ? to->data + from : "", n, how_often(m)); break;
    case 10: splice(m); break;
    case 11:
    case 12: change_integer(m); break;
    case 13:
    case 14: change_number(m); break;
    case 15:
    case 16: change_token(m); break;
    case 17:
    case 18: change_item(m); break;
    default: change_line(m);
    }
}

void fuzz_case(const struct fuzz_corpus *c, const char *const *words, uint64_t seed, uint64_t i, struct raml_buf *out)
{
    struct making m = {.rng = {{seed, RAML_FOR_TEST, i, 1, 0}, 0}, .corpus = c, .words = words, .to = out};
    while (words[m.n_words]) m.n_words++;
    const struct fuzz_seed *s = &c->seed[i < c->n ? i : below(&m, c->n)];
    raml_buf_clear(out);
    raml_buf_add(out, s->data, s->size);
    if (i < c->n) return;
    uint32_t n = below(&m, 2) ? 1 : 2 + below(&m, below(&m, 8) ? 4 : 24);
    for (; n > 0; n--) change(&m);
}
