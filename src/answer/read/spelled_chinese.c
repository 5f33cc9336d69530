/* spelled_chinese.c - numbers in Chinese characters, everyday and financial (spelled.h).
 *
 * Digits with the units ten, hundred, thousand in a group, groups with ten thousand and 10^8; digits alone
 * (二〇二四); a point; "a of b" fractions (三分之二) and per cent (百分之五); 负 and 半.
 */
#include "answer/read/spelled.h"

#include "answer/read/lex_names.h"

#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

static const uint64_t LARGEST = UINT64_C(1000000000000000000);

/* clang-format off */
static const struct {
    uint32_t code;
    uint64_t value; /* 0 to 9, or a unit of 10 and more */
} signs[] = {
    {0x96f6, 0}, {0x3007, 0}, {0x4e00, 1}, {0x4e8c, 2}, {0x4e09, 3}, {0x56db, 4}, {0x4e94, 5}, {0x516d, 6}, {0x4e03, 7},
    {0x516b, 8}, {0x4e5d, 9}, {0x4e24, 2}, {0x5169, 2}, {0x58f9, 1}, {0x8d30, 2}, {0x53c1, 3}, {0x8086, 4}, {0x4f0d, 5},
    {0x9646, 6}, {0x67d2, 7}, {0x634c, 8}, {0x7396, 9}, {0x5341, 10}, {0x62fe, 10}, {0x5eff, 20}, {0x767e, 100},
    {0x4f70, 100}, {0x5343, 1000}, {0x4edf, 1000}, {0x4e07, 10000}, {0x842c, 10000}, {0x4ebf, 100000000},
    {0x5104, 100000000},
};
/* clang-format on */
static const uint32_t MINUS = 0x8d1f, POINT = 0x70b9, POINT_OLD = 0x9ede, HALF = 0x534a;

static size_t code_at(const char *s, size_t n, size_t i, uint32_t *code)
{
    *code = 0;
    return i < n ? raml_lex_decode(s + i, n - i, code) : 0;
}

/* The sign at byte i: its bytes; 0: none. */
static size_t sign_at(const char *s, size_t n, size_t i, uint64_t *value)
{
    uint32_t code;
    size_t len = code_at(s, n, i, &code);
    if (code < 0x3000) return 0;
    for (size_t k = 0; k < COUNT(signs); k++) {
        if (signs[k].code != code) continue;
        *value = signs[k].value;
        return len;
    }
    return 0;
}

/* Digits alone: 二〇二四. At least two. */
static size_t digits(const char *s, size_t n, size_t i, uint64_t *out, size_t *count)
{
    size_t from = i, len;
    uint64_t v;
    *out = *count = 0;
    while ((len = sign_at(s, n, i, &v)) != 0 && v < 10 && *out < LARGEST / 100) {
        *out = *out * 10 + v;
        i += len;
        ++*count;
    }
    return i - from;
}

struct number {
    uint64_t total, group, digit, last_unit;
    bool has_digit, any, zero;
};

/* Takes a unit of ten and more. */
static bool unit(struct number *x, uint64_t v)
{
    if (v >= 10000) { /* the groups before it, once more for 万亿 */
        uint64_t all = x->group + (x->has_digit ? x->digit : 0);
        if (!all && !x->total) return false;
        if (v > 10000 && x->total) {
            if (x->total + all > LARGEST / v) return false;
            x->total = (x->total + all) * v;
        } else {
            if (all > LARGEST / v) return false;
            x->total += all * v;
        }
        x->group = 0;
    } else if (v == 20) {
        if (x->has_digit || x->group % 100) return false;
        x->group += 20;
    } else {
        if (!x->has_digit && !(v == 10 && !x->any)) return false; /* 十五; but not 百五 */
        if (x->last_unit && v >= x->last_unit && x->group) return false;
        x->group += (x->has_digit ? x->digit : 1) * v;
    }
    x->last_unit = v >= 10000 ? 0 : v;
    x->digit = 0;
    x->has_digit = x->zero = false;
    x->any = true;
    return true;
}

/* With units: 三千零五. */
static size_t whole(const char *s, size_t n, size_t i, uint64_t *out)
{
    struct number x = {0};
    size_t from = i, len;
    uint64_t v, last = 0;
    while ((len = sign_at(s, n, i, &v)) != 0) {
        if (v >= 10) {
            if (!unit(&x, v)) return 0;
            last = v == 20 ? 10 : v;
        } else if (!v) {
            if (x.has_digit || !x.any) return 0;
            x.zero = true;
        } else {
            if (x.has_digit) return 0;
            x.digit = v;
            x.has_digit = x.any = true;
        }
        i += len;
    }
    /* 三万五 is 35,000 in speech, and no number here */
    if (!x.any || (x.zero && !x.has_digit) || (x.has_digit && !x.zero && last > 10)) return 0;
    *out = x.total + x.group + (x.has_digit ? x.digit : 0);
    return i - from;
}

/* A whole number or one with a point, at byte i. */
static size_t decimal(const char *s, size_t n, size_t i, struct spelled *out)
{
    size_t count, from = i, len = digits(s, n, i, &out->above, &count);
    uint64_t v;
    uint32_t code;
    out->below = 1;
    if (count < 2 || sign_at(s, n, i + len, &v)) {
        size_t units = whole(s, n, i, &out->above);
        if (!units && !(count == 1 && !sign_at(s, n, i + len, &v))) return 0; /* a lone zero is one */
        if (units) len = units;
    }
    i += len;
    len = code_at(s, n, i, &code);
    if (code != POINT && code != POINT_OLD) return i - from;
    size_t more = digits(s, n, i + len, &v, &count);
    if (!more || count > 9 || out->above > LARGEST / 10000000000) return i - from;
    for (size_t k = 0; k < count; k++) {
        out->above *= 10;
        out->below *= 10;
    }
    out->above += v;
    return i + len + more - from;
}

size_t raml_spelled_chinese(const char *s, size_t n, struct spelled *out)
{
    static const char of[] = "\xe5\x88\x86\xe4\xb9\x8b"; /* 分之 */
    uint32_t code;
    struct spelled above;
    uint64_t v;
    size_t i = 0, len = code_at(s, n, 0, &code);
    bool minus = code == MINUS;
    if (minus) i = len;
    len = code_at(s, n, i, &code);
    *out = (struct spelled){.below = 1, .minus = minus, .cjk = true};
    if (code == HALF) {
        out->above = 1, out->below = 2;
        return i + len;
    }
    if (n - i >= 9 && !memcmp(s + i, "\xe7\x99\xbe", 3) && !memcmp(s + i + 3, of, 6)) { /* per cent: 百分之 */
        len = decimal(s, n, i + 9, &above);
        if (!len || above.below > 1000000) return 0;
        out->above = above.above, out->below = above.below * 100;
        return i + 9 + len;
    }
    len = decimal(s, n, i, out);
    if (!len) return 0;
    i += len;
    if (n - i >= 6 && !memcmp(s + i, of, 6)) { /* 三分之二 is 2/3 */
        len = decimal(s, n, i + 6, &above);
        if (!len || out->below != 1 || above.below != 1 || !out->above) return 0;
        *out = (struct spelled){above.above, out->above, minus, true};
        return i + 6 + len;
    }
    len = code_at(s, n, i, &code);
    if (code == HALF && out->above == 1 && out->below == 1) { /* 一半 */
        out->below = 2;
        i += len;
    }
    return sign_at(s, n, i, &v) ? 0 : i;
}
