/* spelled.c - numbers in English words (spelled.h).
 *
 *     number    ["minus"] (half | cardinal [part])      half: "half", "half a million", "a third"
 *     cardinal  "a" scale | group { scale group }       group: "two hundred and forty-five", "nineteen", "seven"
 *     part      "and" fraction | "point" digits | fraction's noun       "and a half", "thirds"
 */
#include "answer/read/spelled.h"

#include "core/ascii.h"

#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { LONGEST_WORD = 24 };
static const uint64_t LARGEST = UINT64_C(1000000000000000000);

enum word_kind { OTHER, SMALL, TENS, HUNDRED, SCALE, PART, AND, A, POINT, MINUS, HALF };

struct word {
    enum word_kind kind;
    uint64_t value;
    bool plural;
};

struct reader {
    const char *s;
    size_t n, i; /* i: after the last word that was taken */
};

static const char *const small[] = {"zero",     "one",     "two",     "three",     "four",     "five",    "six",
                                    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
                                    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
static const char *const tens[] = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
static const char *const parts[] = {"third",  "fourth", "fifth", "sixth",    "seventh",
                                    "eighth", "ninth",  "tenth", "eleventh", "twelfth"}; /* from 3 on */
static const struct {
    const char *name;
    enum word_kind kind;
    uint64_t value;
} others[] = {
    {"hundred", HUNDRED, 100},
    {"thousand", SCALE, 1000},
    {"million", SCALE, 1000000},
    {"billion", SCALE, 1000000000},
    {"trillion", SCALE, 1000000000000},
    {"dozen", SCALE, 12},
    {"half", HALF, 2},
    {"quarter", PART, 4},
    {"hundredth", PART, 100},
    {"thousandth", PART, 1000},
    {"millionth", PART, 1000000},
    {"and", AND, 0},
    {"a", A, 0},
    {"an", A, 0},
    {"point", POINT, 0},
    {"minus", MINUS, 0},
    {"negative", MINUS, 0},
    {"fourty", TENS, 40},
};

static bool listed(const char *const *list, size_t n_list, const char *word, size_t *index)
{
    for (*index = 0; *index < n_list; ++*index)
        if (list[*index][0] == word[0] && !strcmp(list[*index], word)) return true;
    return false;
}

static bool look_up(const char *name, struct word *out)
{
    size_t k;
    if (listed(small, COUNT(small), name, &k)) *out = (struct word){SMALL, k, false};
    else if (listed(tens, COUNT(tens), name, &k)) *out = (struct word){TENS, 20 + 10 * k, false};
    else if (listed(parts, COUNT(parts), name, &k)) *out = (struct word){PART, 3 + k, false};
    else {
        for (k = 0; k < COUNT(others) && (others[k].name[0] != name[0] || strcmp(others[k].name, name) != 0); k++) {
        }
        if (k == COUNT(others)) return false;
        *out = (struct word){others[k].kind, others[k].value, false};
    }
    return true;
}

/* The next word, after whitespace and at most one hyphen; *end: the byte after it. */
static struct word next(const struct reader *r, size_t *end)
{
    struct word w = {OTHER, 0, false};
    char name[LONGEST_WORD];
    size_t i = r->i, n = 0;
    while (r->i && i < r->n && is_space(r->s[i])) i++;
    if (r->i && i < r->n && r->s[i] == '-') i++;
    bool wide = r->i && r->n - i > 3;
    if (wide && (!memcmp(r->s + i, "\xe2\x80\x90", 3) || !memcmp(r->s + i, "\xe2\x80\x91", 3))) i += 3;
    while (i + n < r->n && is_alpha(r->s[i + n]) && n + 1 < sizeof name) {
        name[n] = to_lower(r->s[i + n]);
        n++;
    }
    name[n] = 0;
    *end = i + n;
    if (!n || raml_spelled_letter(r->s, r->n, i + n)) return w;
    if (look_up(name, &w)) return w;
    if (!strcmp(name, "halves")) return (struct word){HALF, 2, true};
    if (name[n - 1] != 's') return w;
    name[n - 1] = 0;
    if (!look_up(name, &w) || w.kind < HUNDRED || w.kind > PART) return (struct word){OTHER, 0, false};
    w.plural = true;
    return w;
}

/* "a half", "one third", "three quarters" after "and": less than 1. */
static bool fraction(struct reader *r, struct spelled *out)
{
    struct reader ahead = *r;
    size_t end;
    struct word count = next(&ahead, &end);
    uint64_t above = count.kind == A ? 1 : count.kind == SMALL ? count.value : 0;
    if (!above) return false;
    ahead.i = end;
    struct word part = next(&ahead, &end);
    if ((part.kind != PART && part.kind != HALF) || part.plural != (above > 1) || above >= part.value) return false;
    r->i = end;
    *out = (struct spelled){above, part.value, false, false};
    return true;
}

struct sum {
    uint64_t total, group, last_scale;
    bool any;
};

/* May the word go on with the number so far? Then it is added. */
static bool grows(struct sum *x, struct word w)
{
    uint64_t low = x->group % 100;
    switch (w.kind) {
    case SMALL:
        if (x->any && !w.value) return false;
        if (low && (low % 10 || low < 20 || w.value > 9)) return false;
        x->group += w.value;
        break;
    case TENS:
        if (low) return false;
        x->group += w.value;
        break;
    case HUNDRED:
        if (!x->group || x->group >= 100) return false;
        x->group *= 100;
        break;
    case SCALE:
        if (!x->group || (x->last_scale && w.value >= x->last_scale) || x->group > LARGEST / w.value) return false;
        x->total += x->group * w.value;
        x->group = 0;
        x->last_scale = w.value;
        break;
    default: return false;
    }
    x->any = true;
    return true;
}

/* "and" between the hundreds, or thousands, and the rest: is a number there? */
static bool takes_and(const struct reader *r, const struct sum *x)
{
    struct reader ahead = *r;
    struct spelled part;
    size_t end;
    if (!(x->group >= 100 && x->group % 100 == 0) && !(x->total && !x->group)) return false;
    if (fraction(&ahead, &part)) return false;
    enum word_kind kind = next(r, &end).kind;
    return kind == SMALL || kind == TENS;
}

static bool cardinal(struct reader *r, struct sum *x)
{
    size_t end;
    struct word w = next(r, &end);
    if (w.kind == A) { /* "a hundred" */
        struct reader ahead = {r->s, r->n, end};
        size_t after;
        struct word scale = next(&ahead, &after);
        if ((scale.kind != HUNDRED && scale.kind != SCALE) || scale.plural) return false;
        r->i = end;
        x->group = 1;
    }
    for (;;) {
        struct reader from = *r;
        if (x->total && !x->group && x->last_scale > 100 && from.i < from.n && from.s[from.i] == ',') from.i++;
        w = next(&from, &end);
        struct sum before = *x;
        if (w.kind == AND) {
            struct reader ahead = {r->s, r->n, end};
            if (!takes_and(&ahead, x)) break;
            w = next(&ahead, &end);
        }
        if (w.plural || !grows(x, w)) {
            *x = before;
            break;
        }
        r->i = end;
    }
    return x->any;
}

/* "and a half", "thirds", "point two five" after the whole number in x. */
static bool with_part(struct reader *r, uint64_t whole, struct spelled *out)
{
    size_t end;
    struct word w = next(r, &end);
    struct spelled part;
    *out = (struct spelled){whole, 1, false, false};
    if (w.kind == AND) {
        struct reader ahead = {r->s, r->n, end};
        if (fraction(&ahead, &part) && whole <= LARGEST / part.below) {
            *out = (struct spelled){whole * part.below + part.above, part.below, false, false};
            r->i = ahead.i;
        }
    } else if (w.kind == PART || w.kind == HALF) {
        if (w.plural != (whole != 1)) return false; /* "twenty-third" is no number */
        out->below = w.value;
        r->i = end;
    } else if (w.kind == POINT) {
        struct reader ahead = {r->s, r->n, end};
        for (w = next(&ahead, &end); w.kind == SMALL && w.value < 10 && out->above < LARGEST / 100;) {
            out->above = out->above * 10 + w.value;
            out->below *= 10;
            r->i = ahead.i = end;
            w = next(&ahead, &end);
        }
    }
    return true;
}

/* A scale after a fraction: "half a million", "one and a half million". */
static void scaled(struct reader *r, struct spelled *out)
{
    size_t end;
    struct word w = next(r, &end);
    struct reader ahead = {r->s, r->n, end};
    if (w.kind == A) w = next(&ahead, &end);
    if (out->below == 1 || w.plural || (w.kind != SCALE && w.kind != HUNDRED)) return;
    if (out->above > LARGEST / w.value) return;
    out->above *= w.value;
    r->i = end;
}

size_t raml_spelled_number(const char *s, size_t n, struct spelled *out)
{
    struct reader r = {s, n, 0};
    struct sum x = {0, 0, 0, false};
    size_t end;
    if (!n || !is_alpha(s[0])) return raml_spelled_chinese(s, n, out);
    struct word w = next(&r, &end);
    bool minus = w.kind == MINUS;
    if (minus) r.i = end;
    w = next(&r, &end);
    if (w.kind == HALF && !w.plural) {
        *out = (struct spelled){1, 2, false, false};
        r.i = end;
        struct word article = next(&r, &end);
        struct reader ahead = {r.s, r.n, end};
        if (article.kind == A && next(&ahead, &(size_t){0}).kind == OTHER && end < n) r.i = end; /* "half an hour" */
    } else if (w.kind == A && fraction(&r, out)) {
        /* "a third" */
    } else {
        if (!cardinal(&r, &x) || !with_part(&r, x.total + x.group, out)) return 0;
    }
    scaled(&r, out);
    w = next(&r, &end);
    if (w.kind != OTHER && w.kind != AND && w.kind != A && w.kind != MINUS) return 0; /* another number follows */
    out->minus = minus;
    return r.i;
}

size_t raml_spelled_part(const char *s, size_t n, bool plural, uint64_t *below)
{
    struct reader r = {s, n, 0};
    size_t end;
    struct word w = next(&r, &end);
    *below = w.value;
    return w.kind == PART && w.plural == plural && w.value != 4 ? end : 0;
}
