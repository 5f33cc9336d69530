/* methods.c - see run.h: methods of str, list, tuple, dict and loop. Methods that change their object are blocked, as
 * in Jinja's immutable sandbox. */
#include "jinja/run.h"

#include <string.h>

#include <utf8proc.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define METHOD(name)                                                                                                   \
    static struct raml_jv name(struct raml_jinja *in, struct raml_jv self, const struct raml_jargs *args,              \
                               struct raml_jv *a)
#define UNUSED ((void)in, (void)self, (void)args, (void)a)

static struct raml_jv text_value(const struct raml_jstr *s)
{
    return (struct raml_jv){.type = RAML_J_STR, .s = s};
}

/* The part of self between the optional start and end arguments, and the byte it starts at. */
static struct raml_jv window(struct raml_jinja *in, struct raml_jv self, struct raml_jv start, struct raml_jv end)
{
    struct raml_jv part[3] = {start, end, raml_j_none()};
    for (int k = 0; k < 2; k++)
        if (part[k].type == RAML_J_ABSENT) part[k] = raml_j_none();
    return raml_j_slice(in, self, part);
}

METHOD(lower)
{
    UNUSED;
    return raml_j_case(in, self.s, RAML_J_LOWER);
}
METHOD(upper)
{
    UNUSED;
    return raml_j_case(in, self.s, RAML_J_UPPER);
}
METHOD(title)
{
    UNUSED;
    return raml_j_case(in, self.s, RAML_J_TITLE);
}
METHOD(capitalize)
{
    UNUSED;
    return raml_j_case(in, self.s, RAML_J_CAPITALIZE);
}
METHOD(swapcase)
{
    UNUSED;
    return raml_j_case(in, self.s, RAML_J_SWAP);
}
METHOD(strip)
{
    UNUSED;
    return raml_j_strip(in, self.s, a[0], RAML_J_LEFT | RAML_J_RIGHT);
}
METHOD(lstrip)
{
    UNUSED;
    return raml_j_strip(in, self.s, a[0], RAML_J_LEFT);
}
METHOD(rstrip)
{
    UNUSED;
    return raml_j_strip(in, self.s, a[0], RAML_J_RIGHT);
}

/* ---- split ---- */

static void push_part(struct raml_jinja *in, struct raml_jseq *q, struct raml_jv self, size_t from, size_t to)
{
    raml_j_push(in, q, raml_j_part(in, self.s, from, to));
}

static bool space_at(const struct raml_jstr *s, size_t at, size_t *len)
{
    return raml_j_is_space(raml_j_char(s->s + at, len));
}

static void split_space(struct raml_jinja *in, struct raml_jseq *q, struct raml_jv self, int64_t max)
{
    const struct raml_jstr *s = self.s;
    size_t at = 0, len;
    for (;;) {
        while (at < s->n && space_at(s, at, &len) && raml_j_work(in, 1)) at += len;
        if (at >= s->n || in->code) return;
        size_t start = at;
        if (max-- == 0) {
            push_part(in, q, self, start, s->n);
            return;
        }
        while (at < s->n && !space_at(s, at, &len) && raml_j_work(in, 1)) at += len;
        push_part(in, q, self, start, at);
    }
}

static const struct raml_jstr *separator(struct raml_jinja *in, struct raml_jv v)
{
    const struct raml_jstr *sep = raml_j_arg_text(in, v, "separator");
    if (!sep || sep->n) return sep;
    raml_j_fail(in, RAML_ERANGE, "empty separator");
    return NULL;
}

METHOD(split)
{
    UNUSED;
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_LIST, 0);
    int64_t max = raml_j_arg_int(in, a[1], -1);
    if (a[0].type == RAML_J_ABSENT || a[0].type == RAML_J_NONE) {
        split_space(in, q, self, max);
        return raml_j_seq(q);
    }
    const struct raml_jstr *sep = separator(in, a[0]);
    size_t at = 0, hit;
    raml_j_work(in, self.s->n / 64);
    while (sep && max-- != 0 && (hit = raml_j_find_text(self.s, at, sep)) <= self.s->n && !in->code) {
        push_part(in, q, self, at, hit);
        at = hit + sep->n;
    }
    push_part(in, q, self, at, self.s->n);
    return raml_j_seq(q);
}

/* The last place of part in s[0 .. to); s->n + 1: none. */
static size_t find_last(struct raml_jinja *in, const struct raml_jstr *s, size_t to, const struct raml_jstr *part)
{
    if (part->n > to) return s->n + 1;
    for (size_t at = to - part->n + 1; at-- > 0 && raml_j_work(in, at % 64 == 0);)
        if (memcmp(s->s + at, part->s, part->n) == 0 && (part->n || ((unsigned char)s->s[at] & 0xc0) != 0x80))
            return at;
    return s->n + 1;
}

static void reverse(struct raml_jseq *q)
{
    for (size_t i = 0; q && i < q->n / 2; i++) {
        struct raml_jv v = q->item[i];
        q->item[i] = q->item[q->n - 1 - i];
        q->item[q->n - 1 - i] = v;
    }
}

static void rsplit_space(struct raml_jinja *in, struct raml_jseq *q, struct raml_jv self, int64_t max)
{
    struct raml_jv rest = raml_j_strip(in, self.s, raml_j_none(), RAML_J_RIGHT);
    while (!in->code && rest.s->n && max-- != 0) {
        size_t from = rest.s->n, len;
        for (size_t at = rest.s->n; at > 0 && raml_j_work(in, 1);) {
            at--;
            if (((unsigned char)rest.s->s[at] & 0xc0) == 0x80) continue;
            if (space_at(rest.s, at, &len)) break;
            from = at;
        }
        push_part(in, q, rest, from, rest.s->n);
        rest = raml_j_part(in, rest.s, 0, from);
        if (!in->code) rest = raml_j_strip(in, rest.s, raml_j_none(), RAML_J_RIGHT);
    }
    if (!in->code && rest.s->n) raml_j_push(in, q, rest);
}

METHOD(rsplit)
{
    UNUSED;
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_LIST, 0);
    int64_t max = raml_j_arg_int(in, a[1], -1);
    if (a[0].type == RAML_J_ABSENT || a[0].type == RAML_J_NONE) {
        rsplit_space(in, q, self, max);
        reverse(q);
        return raml_j_seq(q);
    }
    const struct raml_jstr *sep = separator(in, a[0]);
    size_t to = self.s->n, hit;
    while (sep && max-- != 0 && (hit = find_last(in, self.s, to, sep)) <= self.s->n && !in->code) {
        push_part(in, q, self, hit + sep->n, to);
        to = hit;
    }
    push_part(in, q, self, 0, to);
    reverse(q);
    return raml_j_seq(q);
}

static struct raml_jv three(struct raml_jinja *in, struct raml_jv self, size_t hit, size_t n, bool last)
{
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_TUPLE, 3);
    size_t whole = self.s->n;
    if (hit > whole) hit = last ? 0 : whole, n = 0;
    push_part(in, q, self, 0, hit);
    push_part(in, q, self, hit, hit + n);
    push_part(in, q, self, hit + n, whole);
    return raml_j_seq(q);
}
METHOD(partition)
{
    UNUSED;
    const struct raml_jstr *sep = separator(in, a[0]);
    return sep ? three(in, self, raml_j_find_text(self.s, 0, sep), sep->n, false) : raml_j_none();
}
METHOD(rpartition)
{
    UNUSED;
    const struct raml_jstr *sep = separator(in, a[0]);
    return sep ? three(in, self, find_last(in, self.s, self.s->n, sep), sep->n, true) : raml_j_none();
}
METHOD(splitlines)
{
    UNUSED;
    return raml_j_seq(raml_j_split_lines(in, self.s, a[0].type != RAML_J_ABSENT && raml_j_truth(in, a[0])));
}

/* ---- search ---- */

static bool ends_match(const struct raml_jstr *s, const struct raml_jstr *part, bool front)
{
    return part->n <= s->n && memcmp(front ? s->s : s->s + s->n - part->n, part->s, part->n) == 0;
}

static struct raml_jv either_end(struct raml_jinja *in, struct raml_jv self, const struct raml_jv *a, bool front)
{
    struct raml_jv s = window(in, self, a[1], a[2]);
    if (in->code) return s;
    if (a[0].type == RAML_J_SEQ && a[0].q->kind == RAML_J_TUPLE) {
        for (size_t i = 0; i < a[0].q->n; i++) {
            const struct raml_jstr *part = raml_j_arg_text(in, a[0].q->item[i], "startswith or endswith");
            if (part && ends_match(s.s, part, front)) return raml_j_bool(true);
        }
        return raml_j_bool(false);
    }
    const struct raml_jstr *part = raml_j_arg_text(in, a[0], "startswith or endswith");
    return raml_j_bool(part && ends_match(s.s, part, front));
}
METHOD(startswith)
{
    UNUSED;
    return either_end(in, self, a, true);
}
METHOD(endswith)
{
    UNUSED;
    return either_end(in, self, a, false);
}

static struct raml_jv search(struct raml_jinja *in, struct raml_jv self, const struct raml_jv *a, bool last, bool must)
{
    struct raml_jv s = window(in, self, a[1], a[2]);
    const struct raml_jstr *part = raml_j_arg_text(in, a[0], "find or index");
    if (!part || in->code) return raml_j_none();
    size_t hit = last ? find_last(in, s.s, s.s->n, part) : raml_j_find_text(s.s, 0, part);
    if (hit > s.s->n && must) return raml_j_fail(in, RAML_ERANGE, "substring not found");
    if (hit > s.s->n) return raml_j_int(-1);
    struct raml_jv before = raml_j_part(in, s.s, 0, hit);
    size_t skipped = 0; /* characters before the window: its bytes lie inside self's */
    for (const char *p = self.s->s; p < s.s->s; p++) skipped += ((unsigned char)*p & 0xc0) != 0x80;
    return in->code ? before : raml_j_int((int64_t)(skipped + before.s->n_chars));
}
METHOD(find)
{
    UNUSED;
    return search(in, self, a, false, false);
}
METHOD(rfind)
{
    UNUSED;
    return search(in, self, a, true, false);
}
METHOD(index_of)
{
    UNUSED;
    return search(in, self, a, false, true);
}
METHOD(last_index_of)
{
    UNUSED;
    return search(in, self, a, true, true);
}
METHOD(count)
{
    UNUSED;
    struct raml_jv s = window(in, self, a[1], a[2]);
    const struct raml_jstr *part = raml_j_arg_text(in, a[0], "count");
    if (!part || in->code) return raml_j_none();
    if (!part->n) return raml_j_int((int64_t)s.s->n_chars + 1);
    int64_t n = 0;
    for (size_t at = 0, hit; (hit = raml_j_find_text(s.s, at, part)) <= s.s->n; at = hit + part->n) n++;
    return raml_j_int(n);
}
METHOD(removeprefix)
{
    UNUSED;
    const struct raml_jstr *part = raml_j_arg_text(in, a[0], "removeprefix");
    if (!part || !ends_match(self.s, part, true)) return self;
    return raml_j_part(in, self.s, part->n, self.s->n);
}
METHOD(removesuffix)
{
    UNUSED;
    const struct raml_jstr *part = raml_j_arg_text(in, a[0], "removesuffix");
    if (!part || !ends_match(self.s, part, false)) return self;
    return raml_j_part(in, self.s, 0, self.s->n - part->n);
}

/* ---- replace, join, padding, format ---- */

METHOD(replace)
{
    UNUSED;
    const struct raml_jstr *old = raml_j_arg_text(in, a[0], "replace"), *by = raml_j_arg_text(in, a[1], "replace");
    return old && by ? raml_j_replace(in, self.s, old, by, raml_j_arg_int(in, a[2], -1)) : raml_j_none();
}
METHOD(join)
{
    UNUSED;
    const struct raml_jseq *q = raml_j_iterate(in, a[0]);
    for (size_t i = 0; q && i < q->n && !in->code; i++)
        if (q->item[i].type != RAML_J_STR)
            raml_j_fail(in, RAML_ERANGE, "sequence item %zu: expected str instance, %s found", i,
                        raml_j_type_name(q->item[i]));
    return q && !in->code ? raml_j_join(in, self.s, q) : raml_j_none();
}

static struct raml_jv pad(struct raml_jinja *in, struct raml_jv self, const struct raml_jv *a, int side)
{
    uint32_t fill = ' ';
    if (a[1].type != RAML_J_ABSENT) {
        const struct raml_jstr *s = raml_j_arg_text(in, a[1], "fill character");
        size_t len;
        if (s && s->n_chars != 1) raml_j_fail(in, RAML_ERANGE, "the fill character must be exactly one character long");
        if (!s || in->code) return raml_j_none();
        fill = raml_j_char(s->s, &len);
    }
    return raml_j_center(in, self.s, raml_j_arg_int(in, a[0], 0), fill, side);
}
METHOD(center)
{
    UNUSED;
    return pad(in, self, a, RAML_J_LEFT | RAML_J_RIGHT);
}
METHOD(ljust)
{
    UNUSED;
    return pad(in, self, a, RAML_J_LEFT);
}
METHOD(rjust)
{
    UNUSED;
    return pad(in, self, a, RAML_J_RIGHT);
}
METHOD(zfill)
{
    UNUSED;
    bool sign = self.s->n && (self.s->s[0] == '-' || self.s->s[0] == '+');
    struct raml_jv body = raml_j_part(in, self.s, sign, self.s->n);
    if (in->code) return body;
    body = raml_j_center(in, body.s, raml_j_arg_int(in, a[0], 0) - sign, '0', RAML_J_RIGHT);
    return sign ? raml_j_binary(in, '+', raml_j_part(in, self.s, 0, 1), body) : body;
}
METHOD(format)
{
    UNUSED;
    return raml_j_braces(in, self.s, args);
}

/* ---- is... ---- */

static struct raml_jv every(struct raml_jinja *in, struct raml_jv self, bool (*is)(uint32_t c))
{
    for (size_t i = 0, len; i < self.s->n && raml_j_work(in, 1); i += len)
        if (!is(raml_j_char(self.s->s + i, &len))) return raml_j_bool(false);
    return raml_j_bool(self.s->n > 0);
}
static bool is_alpha(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}
static bool is_decimal(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_ND;
}
static bool is_digit(uint32_t c)
{
    return is_decimal(c) || c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
           (c >= 0x2080 && c <= 0x2089);
}
static bool is_numeric(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}
static bool is_alnum(uint32_t c)
{
    return is_alpha(c) || is_numeric(c);
}
METHOD(all_alpha)
{
    UNUSED;
    return every(in, self, is_alpha);
}
METHOD(all_alnum)
{
    UNUSED;
    return every(in, self, is_alnum);
}
METHOD(all_decimal)
{
    UNUSED;
    return every(in, self, is_decimal);
}
METHOD(all_digit)
{
    UNUSED;
    return every(in, self, is_digit);
}
METHOD(all_numeric)
{
    UNUSED;
    return every(in, self, is_numeric);
}
METHOD(all_space)
{
    UNUSED;
    return every(in, self, raml_j_is_space);
}
METHOD(all_ascii)
{
    UNUSED;
    return raml_j_bool(self.s->n == self.s->n_chars);
}
METHOD(all_upper)
{
    UNUSED;
    return raml_j_bool(raml_j_test(in, "upper", text_value(self.s), args));
}
METHOD(all_lower)
{
    UNUSED;
    return raml_j_bool(raml_j_test(in, "lower", text_value(self.s), args));
}

static const struct raml_jfunc text_methods[] = {
    {"capitalize", "", 0, capitalize},
    {"center", "width fillchar", 1, center},
    {"count", "sub start end", 1, count},
    {"endswith", "suffix start end", 1, endswith},
    {"find", "sub start end", 1, find},
    {"format", "*", 0, format},
    {"index", "sub start end", 1, index_of},
    {"isalnum", "", 0, all_alnum},
    {"isalpha", "", 0, all_alpha},
    {"isascii", "", 0, all_ascii},
    {"isdecimal", "", 0, all_decimal},
    {"isdigit", "", 0, all_digit},
    {"islower", "", 0, all_lower},
    {"isnumeric", "", 0, all_numeric},
    {"isspace", "", 0, all_space},
    {"isupper", "", 0, all_upper},
    {"join", "iterable", 1, join},
    {"ljust", "width fillchar", 1, ljust},
    {"lower", "", 0, lower},
    {"lstrip", "chars", 0, lstrip},
    {"partition", "sep", 1, partition},
    {"removeprefix", "prefix", 1, removeprefix},
    {"removesuffix", "suffix", 1, removesuffix},
    {"replace", "old new count", 2, replace},
    {"rfind", "sub start end", 1, rfind},
    {"rindex", "sub start end", 1, last_index_of},
    {"rjust", "width fillchar", 1, rjust},
    {"rpartition", "sep", 1, rpartition},
    {"rsplit", "sep maxsplit", 0, rsplit},
    {"rstrip", "chars", 0, rstrip},
    {"split", "sep maxsplit", 0, split},
    {"splitlines", "keepends", 0, splitlines},
    {"startswith", "prefix start end", 1, startswith},
    {"strip", "chars", 0, strip},
    {"swapcase", "", 0, swapcase},
    {"title", "", 0, title},
    {"upper", "", 0, upper},
    {"zfill", "width", 1, zfill},
    {"casefold", "*", 0, NULL},
    {"encode", "*", 0, NULL},
    {"expandtabs", "*", 0, NULL},
    {"format_map", "*", 0, NULL},
    {"isidentifier", "*", 0, NULL},
    {"isprintable", "*", 0, NULL},
    {"istitle", "*", 0, NULL},
    {"maketrans", "*", 0, NULL},
    {"translate", "*", 0, NULL},
};

const struct raml_jfunc *raml_j_find_method(struct raml_jv object, const char *name)
{
    if (object.type == RAML_J_STR) return raml_j_find(text_methods, COUNT(text_methods), name);
    return raml_j_find_other_method(object, name);
}
