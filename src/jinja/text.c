/* text.c - see run.h: text operations that filters and methods share. Provenance stays with its bytes. */
#include "jinja/run.h"

#include "core/ascii.h"

#include <string.h>

#include <utf8proc.h>

size_t raml_j_find_text(const struct raml_jstr *s, size_t from, const struct raml_jstr *part)
{
    if (from > s->n || part->n > s->n - from) return s->n + 1;
    const char *p = memmem(s->s + from, s->n - from, part->s, part->n);
    return p ? (size_t)(p - s->s) : s->n + 1;
}

static bool strips(const char *at, const struct raml_jstr *chars)
{
    size_t len;
    uint32_t c = raml_j_char(at, &len);
    if (!chars) return raml_j_is_space(c);
    for (size_t i = 0, n; i < chars->n; i += n)
        if (raml_j_char(chars->s + i, &n) == c) return true;
    return false;
}

struct raml_jv raml_j_strip(struct raml_jinja *in, const struct raml_jstr *s, struct raml_jv chars, int ends)
{
    const struct raml_jstr *set = NULL;
    size_t from = 0, to = s->n, len;
    if (chars.type != RAML_J_ABSENT && chars.type != RAML_J_NONE && !(set = raml_j_arg_text(in, chars, "strip")))
        return raml_j_none();
    size_t a_step = 1 + (set ? set->n / 16 : 0);
    while ((ends & RAML_J_LEFT) && from < to && strips(s->s + from, set) && raml_j_work(in, a_step)) {
        raml_j_char(s->s + from, &len);
        from += len;
    }
    while ((ends & RAML_J_RIGHT) && to > from && raml_j_work(in, a_step)) {
        size_t at = to - 1;
        while (at > from && ((unsigned char)s->s[at] & 0xc0) == 0x80) at--;
        if (!strips(s->s + at, set)) break;
        to = at;
    }
    return raml_j_part(in, s, from, to);
}

/* ---- case ---- */

/* Upper case that is more than one character (Unicode's SpecialCasing.txt, without conditions); NULL: it is one. */
static const char *long_upper(uint32_t c)
{
    static const struct {
        uint32_t c;
        const char *upper;
        /* clang-format off */
    } table[] = {
        {0xdf, "SS"},      {0x149, "\xca\xbcN"}, {0x1f0, "J\xcc\x8c"}, {0xfb00, "FF"}, {0xfb01, "FI"},
        {0xfb02, "FL"},    {0xfb03, "FFI"},      {0xfb04, "FFL"},      {0xfb05, "ST"}, {0xfb06, "ST"},
        {0x587, "\xd4\xb5\xd5\x92"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].c == c) return table[i].upper;
    return NULL;
}

static bool is_cased(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
}

/* Unicode's Case_Ignorable, by its categories and the punctuation in it. */
static bool is_ignorable(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
           k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK || c == '\'' || c == '.' || c == ':' || c == 0xb7 ||
           c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027;
}

/* Is the first character that is not ignorable, from `at` forwards or backwards, cased? */
static bool cased_beside(struct raml_jinja *in, const struct raml_jstr *s, size_t at, bool forward)
{
    size_t len;
    while ((forward ? at < s->n : at > 0) && raml_j_work(in, 1)) {
        if (!forward) do
                at--;
            while (at > 0 && ((unsigned char)s->s[at] & 0xc0) == 0x80);
        uint32_t c = raml_j_char(s->s + at, &len);
        if (!is_ignorable(c)) return is_cased(c);
        if (forward) at += len;
    }
    return false;
}

static void add_case(struct raml_jout *o, const struct raml_jstr *s, size_t at, bool upper, bool title)
{
    size_t len, message = raml_j_message_at(s, at);
    uint32_t c = raml_j_char(s->s + at, &len);
    const char *more = upper ? long_upper(c) : c == 0x130 ? "i\xcc\x87" : NULL;
    if (more) {
        size_t n = strlen(more);
        raml_jout_add(o, more, title && n > 1 && (unsigned char)more[0] < 0x80 ? 1 : n, message);
        if (title && (unsigned char)more[0] < 0x80)
            for (size_t i = 1; i < n; i++) {
                char low = to_lower(more[i]);
                raml_jout_add(o, &low, 1, message);
            }
        return;
    }
    utf8proc_int32_t x = (utf8proc_int32_t)c;
    if (c == 0x3a3 && !upper && cased_beside(o->in, s, at, false) && !cased_beside(o->in, s, at + len, true)) {
        raml_jout_char(o, 0x3c2, message); /* a sigma that ends a word */
        return;
    }
    raml_jout_char(o,
                   (uint32_t)(title   ? utf8proc_totitle(x)
                              : upper ? utf8proc_toupper(x)
                                      : utf8proc_tolower(x)),
                   message);
}

/* Where words start for the filter `title`: after whitespace, - ( { [ and <. */
static bool is_break(uint32_t c)
{
    return raml_j_is_space(c) || (c < 0x80 && c && strchr("-({[<", (int)c));
}

static bool is_small(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LL;
}

struct raml_jv raml_j_case(struct raml_jinja *in, const struct raml_jstr *s, enum raml_jcase to)
{
    struct raml_jout o;
    bool inside = false; /* of a word */
    raml_jout_init(&o, in);
    for (size_t i = 0, len; i < s->n && raml_j_work(in, 1); i += len) {
        uint32_t c = raml_j_char(s->s + i, &len);
        bool first = !inside, upper = to == RAML_J_UPPER, title = false;
        if (to == RAML_J_SWAP && utf8proc_category((utf8proc_int32_t)c) == UTF8PROC_CATEGORY_LT) {
            raml_jout_part(&o, s, i, i + len); /* neither upper nor lower */
            continue;
        }
        switch (to) {
        case RAML_J_TITLE:
            upper = title = first;
            inside = is_cased(c);
            break;
        case RAML_J_CAPITALIZE: upper = title = i == 0; break;
        case RAML_J_JINJA_TITLE:
            upper = first;
            inside = !is_break(c);
            break;
        case RAML_J_SWAP: upper = is_small(c); break;
        default: break;
        }
        add_case(&o, s, i, upper, title);
    }
    struct raml_jv v = raml_jout_done(&o);
    return s->safe ? raml_j_safe(in, v) : v;
}

/* ---- replace, join, lines, padding ---- */

struct raml_jv raml_j_replace(struct raml_jinja *in, const struct raml_jstr *s, const struct raml_jstr *old,
                              const struct raml_jstr *new_text, int64_t count)
{
    struct raml_jout o;
    size_t at = 0;
    raml_jout_init(&o, in);
    raml_j_work(in, s->n / 64);
    while (count != 0 && !in->code) {
        size_t hit = raml_j_find_text(s, at, old);
        if (hit > s->n || !raml_j_work(in, 1)) break;
        raml_jout_part(&o, s, at, hit);
        raml_jout_str(&o, new_text);
        at = hit + old->n;
        count--;
        if (old->n) continue;
        if (hit == s->n) break; /* between all characters, and at both ends */
        size_t len;
        raml_j_char(s->s + hit, &len);
        raml_jout_part(&o, s, hit, hit + len);
        at = hit + len;
    }
    raml_jout_part(&o, s, at, s->n);
    return raml_jout_done(&o);
}

struct raml_jv raml_j_join(struct raml_jinja *in, const struct raml_jstr *between, const struct raml_jseq *q)
{
    struct raml_jout o;
    raml_jout_init(&o, in);
    for (size_t i = 0; i < q->n && !in->code; i++) {
        if (i) raml_jout_str(&o, between);
        raml_j_print(&o, q->item[i]);
    }
    return raml_jout_done(&o);
}

static bool is_line_end(uint32_t c)
{
    return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

struct raml_jseq *raml_j_split_lines(struct raml_jinja *in, const struct raml_jstr *s, bool keep_ends)
{
    struct raml_jseq *q = raml_j_new_seq(in, RAML_J_LIST, 0);
    size_t start = 0, len;
    for (size_t i = 0; i < s->n && !in->code; i += len) {
        uint32_t c = raml_j_char(s->s + i, &len);
        if (!is_line_end(c)) continue;
        if (c == '\r' && i + 1 < s->n && s->s[i + 1] == '\n') len = 2;
        raml_j_push(in, q, raml_j_part(in, s, start, keep_ends ? i + len : i));
        start = i + len;
    }
    raml_j_work(in, s->n / 16);
    if (start < s->n) raml_j_push(in, q, raml_j_part(in, s, start, s->n));
    return q;
}

struct raml_jv raml_j_center(struct raml_jinja *in, const struct raml_jstr *s, int64_t width, uint32_t fill, int side)
{
    struct raml_jout o;
    int64_t pad = width - (int64_t)s->n_chars, left = 0;
    if (pad <= 0) return (struct raml_jv){.type = RAML_J_STR, .s = s};
    if (side == RAML_J_RIGHT) left = pad; /* the text is right-aligned */
    if (side == (RAML_J_LEFT | RAML_J_RIGHT)) left = pad / 2 + (pad & width & 1);
    raml_jout_init(&o, in);
    for (int64_t i = 0; i < left && raml_j_work(in, 1); i++) raml_jout_char(&o, fill, RAML_J_FRAME);
    raml_jout_str(&o, s);
    for (int64_t i = left; i < pad && raml_j_work(in, 1); i++) raml_jout_char(&o, fill, RAML_J_FRAME);
    return raml_jout_done(&o);
}

/* ---- Markup ---- */

struct raml_jv raml_j_safe(struct raml_jinja *in, struct raml_jv v)
{
    v = raml_j_to_str(in, v);
    struct raml_jstr *s = raml_j_alloc(in, 1, sizeof *s);
    if (!s) return raml_j_none();
    *s = *v.s;
    s->safe = true;
    return (struct raml_jv){.type = RAML_J_STR, .s = s};
}

struct raml_jv raml_j_escape(struct raml_jinja *in, struct raml_jv v)
{
    struct raml_jout o;
    v = raml_j_to_str(in, v);
    if (in->code || v.s->safe) return v;
    raml_jout_init(&o, in);
    for (size_t i = 0; i < v.s->n && raml_j_work(in, 1); i++) {
        size_t message = raml_j_message_at(v.s, i);
        const char *t = NULL;
        switch (v.s->s[i]) {
        case '&': t = "&amp;"; break;
        case '<': t = "&lt;"; break;
        case '>': t = "&gt;"; break;
        case '"': t = "&#34;"; break;
        case '\'': t = "&#39;"; break;
        default: break;
        }
        raml_jout_add(&o, t ? t : v.s->s + i, t ? strlen(t) : 1, message);
    }
    return raml_j_safe(in, raml_jout_done(&o));
}
