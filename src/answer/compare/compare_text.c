/* compare_text.c - two answers as they are written: the same text, letters of a choice, or what they read as
 * (compare.h). */
#include "answer/compare/compare.h"
#include "answer/find/find.h"
#include "answer/read/parse.h"

#include <string.h>

enum { MAX_ANSWER_BYTES = 1 << 14 }; /* a longer one is compared only as text */

/* ---- the same text ---- */

/* What a writer may leave out: whitespace, dollar signs, sizes. out has space for n bytes. */
static size_t squeezed(const char *s, size_t n, char *out)
{
    static const char *const dropped[] = {
        "\\left", "\\right",        "\\!", "\\,", "\\;", "\\:", "\\ ", "\\(", "\\)", "\\[",
        "\\]",    "\\displaystyle", "$",   "**"};
    size_t len = 0;
    for (size_t i = 0; i < n;) {
        size_t w = 0, n_words = sizeof dropped / sizeof *dropped, m = 0;
        if (s[i] != '\\' && s[i] != '$' && s[i] != '*') w = n_words;
        for (; w < n_words; w++) {
            m = strlen(dropped[w]);
            if (n - i >= m && memcmp(s + i, dropped[w], m) == 0) break;
        }
        if (w < n_words) {
            i += m;
        } else if (is_space(s[i])) {
            size_t k = i;
            while (k < n && is_space(s[k])) k++;
            if (len && k < n && is_digit(out[len - 1]) && is_digit(s[k])) out[len++] = ' '; /* "1 2" is not 12 */
            i = k;
        } else if (n - i >= 6 && (memcmp(s + i, "\\dfrac", 6) == 0 || memcmp(s + i, "\\tfrac", 6) == 0)) {
            memcpy(out + len, "\\frac", 5);
            len += 5;
            i += 6;
        } else {
            out[len++] = s[i++];
        }
    }
    while (len && strchr(".,", out[len - 1])) len--;
    return len;
}

static bool same_text(struct check *c, const struct raml_buf *a, const char *b, size_t n_b)
{
    char *x = raml_arena_alloc(c->pool.arena, a->len + 1, 1), *y = raml_arena_alloc(c->pool.arena, n_b + 1, 1);
    if (!x || !y) {
        c->pool.no_memory = true;
        return false;
    }
    size_t n = squeezed(a->data, a->len, x);
    return n && n == squeezed(b, n_b, y) && memcmp(x, y, n) == 0;
}

/* ---- readings ---- */

/* "1,22" may be 1.22: the decimal of a list of two whole numbers that one comma parts. */
static const struct expr *decimal_comma(struct check *c, const struct raml_buf *text)
{
    char *s = raml_arena_alloc(c->pool.arena, text->len + 1, 1);
    size_t commas = 0, digits = 0, n = text->len, before = 0;
    if (!s) return NULL;
    memcpy(s, text->data, n);
    while (n && is_space(s[n - 1])) n--;
    for (size_t i = 0; i < n; i++) {
        digits += s[i] >= '0' && s[i] <= '9';
        if (s[i] != ',') continue;
        bool between = i && i + 1 < n && s[i - 1] >= '0' && s[i - 1] <= '9' && s[i + 1] >= '0' && s[i + 1] <= '9';
        if (!between) return NULL;
        commas++;
        before = i;
        s[i] = '.';
    }
    if (commas != 1 || digits < 2) return NULL;
    if (n - before == 4 && s[0] != '0') return NULL; /* "10,000" is ten thousand and never ten */
    const char *why;
    return raml_parse(s, n, false, &c->pool, NULL, &why);
}

struct parsed {
    const struct expr *e, *split; /* split: commas part numbers; NULL: the same */
    const char *why;
};

static struct parsed read_answer(struct check *c, const struct raml_buf *text)
{
    struct parsed r = {0};
    bool thousands;
    r.e = raml_parse(text->data, text->len, false, &c->pool, &thousands, &r.why);
    if (r.e) r.e = raml_compare_tidy(c, r.e);
    if (thousands) {
        const char *why;
        r.split = raml_parse(text->data, text->len, true, &c->pool, NULL, &why);
        if (r.split) r.split = raml_compare_tidy(c, r.split);
        if (!r.e) r.e = r.split;
    }
    if (!r.e && !r.why) r.why = "too large";
    return r;
}

static void say_reading(struct check *c, const char *who, const struct parsed *r)
{
    if (!c->work.explain) return;
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    if (r->e) raml_expr_print(r->e, &b);
    raml_work_say(&c->work, r->e ? "%s reads as %.400s" : "%s can't be read: %.400s", who, r->e ? b.data : r->why);
    raml_buf_deinit(&b);
}

static bool is_loose(const struct expr *e)
{
    return e->kind == EXPR_LIST || e->kind == EXPR_SET || e->kind == EXPR_CASES;
}

static enum raml_verdict compare_readings(struct check *c, const struct parsed *a, const struct parsed *b)
{
    enum raml_verdict v = raml_compare(c, a->e, b->e);
    if (v == RAML_EQUAL || (!a->split && !b->split)) return v;
    const char *rule = c->rule;
    const struct expr *xa[2] = {a->e, a->split}, *xb[2] = {b->e, b->split};
    for (int i = 0; i < 4; i++) {
        if (!i || !xa[i / 2] || !xb[i % 2]) continue;
        if (raml_compare(c, xa[i / 2], xb[i % 2]) != RAML_EQUAL) continue;
        raml_work_say(&c->work, "commas part numbers");
        if (xa[i / 2]->kind == xb[i % 2]->kind || (is_loose(xa[i / 2]) && is_loose(xb[i % 2]))) return RAML_EQUAL;
        return raml_compare_said(c, RAML_UNKNOWN, "a comma that parts thousands, or two numbers");
    }
    return raml_compare_said(c, v, rule);
}

static bool holds_i(const struct expr *e)
{
    if (e->kind == EXPR_I) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (holds_i(e->arg[i])) return true;
    return false;
}

/* Where one side is complex and the other has j or I but no i, that letter is the imaginary unit. */
static bool same_with_unit(struct check *c, const struct expr *a, const struct expr *b)
{
    static const char *const letters[] = {"j", "I", "J", "jmath", "i"};
    bool first = holds_i(a);
    const struct expr *i = raml_expr_new(&c->pool, EXPR_I, 0), *e = first ? b : a;
    if (!i) return false;
    if (!first && !holds_i(b)) { /* -1+1.2246467991473532e-16j is -1 */
        const struct expr *x = raml_expr_replace(&c->pool, a, "j", i), *y = raml_expr_replace(&c->pool, b, "j", i);
        return x && y && (x == a) != (y == b) && raml_compare(c, x, y) == RAML_EQUAL;
    }
    if (first == holds_i(b)) return false;
    for (size_t k = 0; k < sizeof letters / sizeof *letters; k++) {
        const struct expr *with = raml_expr_replace(&c->pool, e, letters[k], i);
        if (with && with != e && raml_compare(c, first ? a : with, first ? with : b) == RAML_EQUAL) return true;
    }
    return false;
}

static enum raml_verdict compare_read(struct check *c, const struct raml_buf *a, const struct raml_buf *b)
{
    enum raml_verdict v;
    if (a->len > MAX_ANSWER_BYTES || b->len > MAX_ANSWER_BYTES)
        return raml_compare_said(c, RAML_UNKNOWN, "too long to be read");
    struct parsed x = read_answer(c, a), y = read_answer(c, b);
    say_reading(c, "gold", &x);
    say_reading(c, "pred", &y);
    if (!x.e || !y.e) return raml_compare_said(c, RAML_UNKNOWN, !x.e ? "gold can't be read" : "pred can't be read");
    v = compare_readings(c, &x, &y);
    if (v == RAML_EQUAL) return v;
    const char *rule = c->rule;
    if (same_with_unit(c, x.e, y.e)) return raml_compare_said(c, RAML_EQUAL, "another letter for the imaginary unit");
    const struct expr *da = decimal_comma(c, a), *db = decimal_comma(c, b);
    if ((da && raml_compare(c, da, y.e) == RAML_EQUAL) || (db && raml_compare(c, x.e, db) == RAML_EQUAL))
        return raml_compare_said(c, RAML_EQUAL, "a comma for the decimal point");
    return raml_compare_said(c, v, rule);
}

enum raml_verdict raml_compare_texts(struct check *c, const struct raml_buf *a, const struct raml_buf *b)
{
    enum raml_verdict v;
    struct raml_buf bare[2];
    if (same_text(c, a, b->data, b->len)) return raml_compare_said(c, RAML_EQUAL, "same text");
    if (raml_compare_choices(c, a, b, &v)) return v;
    v = compare_read(c, a, b);
    if (v == RAML_EQUAL || !raml_compare_labelled(a, b, bare)) return v;
    const char *rule = c->rule;
    if (same_text(c, &bare[0], bare[1].data, bare[1].len) || compare_read(c, &bare[0], &bare[1]) == RAML_EQUAL)
        return raml_compare_said(c, RAML_EQUAL, "what a choice's letter stands for");
    return raml_compare_said(c, v, rule);
}
