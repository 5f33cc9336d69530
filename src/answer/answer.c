/* answer.c - see answer.h: from two texts to a verdict. */
#include "answer/compare/compare.h"
#include "answer/read/parse.h"
#include "raml/answer.h"

#include <string.h>

enum {
    MAX_ARENA_BYTES = 1 << 26, /* more than the bounds of lex.h and expr.h allow one check to use */
    MAX_ANSWER_BYTES = 1 << 14 /* a longer one is compared only as text */
};
static const uint64_t DEFAULT_WORK = 100000;

/* ---- boxes ---- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Is the byte at i escaped: after an odd number of backslashes? */
static bool escaped(const char *s, size_t i)
{
    size_t n = 0;
    while (i > n && s[i - 1 - n] == '\\') n++;
    return n % 2 == 1;
}

/* s[i] is an opening brace: its content up to the matching brace; false: none. */
static bool group(const char *s, size_t n, size_t i, const char **inner, size_t *len)
{
    size_t depth = 0;
    for (size_t k = i; k < n; k++) {
        if ((s[k] != '{' && s[k] != '}') || escaped(s, k)) continue;
        if (s[k] == '{')
            depth++;
        else if (--depth == 0) {
            *inner = s + i + 1;
            *len = k - i - 1;
            return true;
        }
    }
    return false;
}

bool raml_answer_boxed(const char *text, size_t n, const char **inner, size_t *len)
{
    static const char *const words[] = {"\\boxed", "\\fbox"};
    size_t closing = 0; /* closing braces to the right that no opening brace has matched yet */
    for (size_t i = n; i-- > 0;) {
        if ((text[i] != '{' && text[i] != '}') || escaped(text, i)) continue;
        if (text[i] == '}') {
            closing++;
            continue;
        }
        if (!closing) continue;
        closing--;
        size_t before = i;
        while (before && is_space(text[before - 1])) before--;
        for (size_t w = 0; w < 2; w++) {
            size_t m = strlen(words[w]);
            if (before < m || memcmp(text + before - m, words[w], m) != 0) continue;
            if (group(text, n, i, inner, len)) return true;
        }
    }
    return false;
}

/* ---- the same text ---- */

/* What a writer may leave out: whitespace, dollar signs, sizes. out has capacity n. */
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

/* ---- choices ---- */

/* "(C) Cecile", "C. Cecile", "C": the letter; 0: not a choice. *alone: nothing follows it. */
static char choice(const struct raml_buf *a, bool *alone)
{
    const char *s = a->data;
    size_t n = a->len, i = 0;
    while (n && (is_space(s[n - 1]) || s[n - 1] == '$' || s[n - 1] == '.')) n--;
    while (i < n && (is_space(s[i]) || s[i] == '$' || s[i] == '*')) i++;
    bool open = i < n && s[i] == '(';
    i += open;
    bool lower = open && i < n && s[i] >= 'a' && s[i] <= 'j'; /* "(a)" */
    if (i >= n || (!lower && (s[i] < 'A' || s[i] > 'Z'))) return 0;
    char letter = lower ? (char)(s[i++] - 32) : s[i++];
    bool close = i < n && s[i] == ')';
    if (open != close && open) return 0;
    bool mark = close || (i < n && (s[i] == '.' || s[i] == ':'));
    *alone = i + close >= n;
    if (*alone) return letter;
    return mark && i + 1 < n && is_space(s[i + 1]) ? letter : 0;
}

static bool choices(struct check *c, const struct raml_buf *a, const struct raml_buf *b, enum raml_verdict *v)
{
    bool alone_a = false, alone_b = false;
    char x = choice(a, &alone_a), y = choice(b, &alone_b);
    bool bracketed = memchr(a->data, '(', a->len) || memchr(b->data, '(', b->len);
    if (!x || !y || (!alone_a && !alone_b) || (alone_a && alone_b && !bracketed)) return false;
    *v = raml_compare_said(c, x == y ? RAML_EQUAL : RAML_DIFFERENT, "letters of a choice");
    return true;
}

/* ---- readings ---- */

/* "1,22" may be 1.22: a list of two whole numbers around one comma, as a decimal. */
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

struct reading {
    const struct expr *e, *split; /* split: commas separate numbers; NULL: the same */
    const char *why;
};

static struct reading read_answer(struct check *c, const struct raml_buf *text)
{
    struct reading r = {0};
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

static void say_reading(struct check *c, const char *who, const struct reading *r)
{
    if (!c->work.explain) return;
    struct raml_buf b;
    raml_buf_init(&b, 1 << 16);
    if (r->e) raml_expr_print(r->e, &b);
    raml_work_say(&c->work, r->e ? "%s reads as %.400s" : "%s can't be read: %.400s", who, r->e ? b.data : r->why);
    raml_buf_deinit(&b);
}

static enum raml_verdict compare_readings(struct check *c, const struct reading *a, const struct reading *b)
{
    enum raml_verdict v = raml_compare(c, a->e, b->e);
    if (v == RAML_EQUAL || (!a->split && !b->split)) return v;
    const char *rule = c->rule;
    const struct expr *xa[2] = {a->e, a->split}, *xb[2] = {b->e, b->split};
    for (int i = 0; i < 4; i++) {
        if (!i || !xa[i / 2] || !xb[i % 2]) continue;
        if (raml_compare(c, xa[i / 2], xb[i % 2]) != RAML_EQUAL) continue;
        raml_work_say(&c->work, "commas part numbers");
        if (xa[i / 2]->kind == xb[i % 2]->kind) return RAML_EQUAL;
        return raml_compare_said(c, RAML_UNKNOWN, "a comma that parts thousands, or two numbers");
    }
    return raml_compare_said(c, v, rule);
}

static enum raml_verdict compare_texts(struct check *c, const struct raml_buf *a, const struct raml_buf *b)
{
    enum raml_verdict v;
    if (same_text(c, a, b->data, b->len)) return raml_compare_said(c, RAML_EQUAL, "same text");
    if (choices(c, a, b, &v)) return v;
    if (a->len > MAX_ANSWER_BYTES || b->len > MAX_ANSWER_BYTES)
        return raml_compare_said(c, RAML_UNKNOWN, "too long to be read");
    struct reading x = read_answer(c, a), y = read_answer(c, b);
    say_reading(c, "gold", &x);
    say_reading(c, "pred", &y);
    if (!x.e || !y.e) return raml_compare_said(c, RAML_UNKNOWN, !x.e ? "gold can't be read" : "pred can't be read");
    v = compare_readings(c, &x, &y);
    if (v == RAML_EQUAL) return v;
    const char *rule = c->rule;
    const struct expr *da = decimal_comma(c, a), *db = decimal_comma(c, b);
    if ((da && raml_compare(c, da, y.e) == RAML_EQUAL) || (db && raml_compare(c, x.e, db) == RAML_EQUAL))
        return raml_compare_said(c, RAML_EQUAL, "a comma for the decimal point");
    return raml_compare_said(c, v, rule);
}

/* ---- the whole ---- */

/* Is there more than whitespace, and not an empty box? */
static bool says_something(const char *s, size_t n)
{
    const char *inner;
    size_t len = 0, blank = 0;
    while (blank < n && is_space(s[blank])) blank++;
    if (blank == n) return false;
    if (!raml_answer_boxed(s, n, &inner, &len)) return true;
    while (len && is_space(*inner)) inner++, len--;
    return len > 0;
}

/* A letter, a digit, a sign of some script: an answer has at least one. */
static bool has_sign(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)s[i];
        if (ch >= 0x80 || is_digit((char)ch) || ((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')) return true;
    }
    return false;
}

/* The digits of a whole number, "1,204" or "00012" or "12.0", from s[*i] on, without leading zeros; *i moves past
 * them. Fewer than room; 0: too long, or a fraction follows. */
static size_t whole_digits(const char *s, size_t n, size_t *i, char *out, size_t room)
{
    size_t len = 0;
    bool fraction = false;
    for (; *i < n; ++*i) {
        bool comma = s[*i] == ',' && *i + 3 < n && is_digit(s[*i + 1]) && is_digit(s[*i + 2]) && is_digit(s[*i + 3]);
        if (comma) continue;
        if (!is_digit(s[*i])) break;
        if (len == 1 && out[0] == '0') len = 0;
        if (len < room) out[len++] = s[*i];
    }
    if (*i + 1 < n && s[*i] == '.' && is_digit(s[*i + 1]))
        for (++*i; *i < n && is_digit(s[*i]); ++*i) fraction = fraction || s[*i] != '0';
    return fraction || len == room ? 0 : len;
}

/* Gold is a whole number that pred never writes: whatever its answer may be, it is not that. */
static bool never_said(const struct raml_buf *gold, const char *pred, size_t n)
{
    enum { ROOM = 64 };
    char want[ROOM], have[ROOM];
    size_t i = 0;
    while (i < gold->len && (is_space(gold->data[i]) || strchr("-+$", gold->data[i]))) i++;
    size_t n_want = whole_digits(gold->data, gold->len, &i, want, ROOM);
    while (i < gold->len && (is_space(gold->data[i]) || strchr("$.", gold->data[i]))) i++;
    if (!n_want || i < gold->len) return false;
    for (i = 0; i < n; i++) {
        if (!is_digit(pred[i])) continue;
        size_t n_have = whole_digits(pred, n, &i, have, ROOM);
        if (n_have == n_want && memcmp(want, have, n_want) == 0) return false;
    }
    return true;
}

/* No answer was found: is there nothing that could be one? Words only are no answer; an unmarked number may be. */
static enum raml_code nothing_found(struct check *c, const struct raml_buf *gold, const char *pred, size_t n,
                                    const struct raml_answer_options *opt, enum raml_verdict *v, struct raml_err *err)
{
    struct raml_answer_options any = *opt;
    struct raml_buf b;
    enum raml_found found;
    any.last = true;
    raml_buf_init(&b, n + 64);
    enum raml_code rc = raml_answer_find(pred, n, &any, &b, &found, err);
    raml_buf_deinit(&b);
    *v = RAML_DIFFERENT;
    if (found == RAML_FOUND_NOTHING || !has_sign(pred, n))
        c->rule = "pred holds no answer";
    else if (never_said(gold, pred, n))
        c->rule = "pred never says the number";
    else
        *v = raml_compare_said(c, RAML_UNKNOWN, "no answer found");
    return rc;
}

static enum raml_code find_both(const char *const text[2], const size_t n[2], const struct raml_answer_options *opt,
                                struct raml_buf out[2], enum raml_found found[2], struct check *c, struct raml_err *err)
{
    static const char *const who[] = {"gold", "pred"};
    struct raml_answer_options gold = *opt;
    gold.last = false;
    gold.think_end = NULL;
    for (int i = 0; i < 2; i++) {
        enum raml_code rc = raml_answer_find(text[i], n[i], i ? opt : &gold, &out[i], &found[i], err);
        if (rc) return rc;
        if (!i && found[0] == RAML_FOUND_NOTHING && says_something(text[0], n[0]))
            raml_buf_add(&out[0], text[0], n[0]); /* gold is taken as it is */
        rc = raml_buf_status(&out[i], err);
        if (rc) return rc;
        raml_buf_add(&out[i], "", 0); /* even an empty one has data */
        raml_work_say(&c->work, "%s: %s: %.200s", who[i], raml_found_name(found[i]), out[i].data ? out[i].data : "");
    }
    return RAML_OK;
}

/* Gold is one of the letters A to J, and pred gives its answer in words: the letter that these choose, in *out. */
static enum raml_code choose(const struct raml_buf *gold, const char *pred, size_t n,
                             const struct raml_answer_options *opt, struct raml_buf *out, enum raml_found *found,
                             struct raml_err *err)
{
    struct raml_answer_options letters = *opt;
    struct raml_buf letter;
    enum raml_found how;
    if (opt->letters || gold->len != 1 || gold->data[0] < 'A' || gold->data[0] > 'J' ||
        (*found != RAML_FOUND_NOTHING && *found != RAML_FOUND_PHRASE))
        return RAML_OK;
    letters.letters = true;
    raml_buf_init(&letter, 64);
    enum raml_code rc = raml_answer_find(pred, n, &letters, &letter, &how, err);
    if (!rc && how == RAML_FOUND_LETTER) {
        raml_buf_clear(out);
        raml_buf_add(out, letter.data, letter.len);
        *found = how;
        rc = raml_buf_status(out, err);
    }
    raml_buf_deinit(&letter);
    return rc;
}

enum raml_code raml_answer_compare(const char *gold, size_t n_gold, const char *pred, size_t n_pred,
                                   const struct raml_answer_options *opt, struct raml_answer_result *out,
                                   struct raml_buf *explain, struct raml_err *err)
{
    const struct raml_answer_options usual = raml_answer_default();
    if (!opt) opt = &usual;
    struct check c = {.worked_out = opt->worked_out,
                      .decimals = opt->decimals,
                      .work = {.left = opt->max_work ? opt->max_work : DEFAULT_WORK, .explain = explain}};
    struct raml_buf text[2];
    enum raml_found found[2];
    c.pool.arena = raml_arena_open(MAX_ARENA_BYTES);
    if (!c.pool.arena) return raml_fail(err, RAML_ENOMEM, "no memory to compare two answers");
    raml_buf_init(&text[0], n_gold + n_pred + 64);
    raml_buf_init(&text[1], n_gold + n_pred + 64);
    const char *const from[2] = {gold, pred};
    const size_t n[2] = {n_gold, n_pred};
    enum raml_code rc = find_both(from, n, opt, text, found, &c, err);
    if (!rc) rc = choose(&text[0], pred, n_pred, opt, &text[1], &found[1], err);
    if (!rc) {
        enum raml_verdict v = RAML_UNKNOWN;
        if (!text[0].len)
            v = raml_compare_said(&c, RAML_UNKNOWN, "gold is empty");
        else if (n_gold == n_pred && !memcmp(gold, pred, n_gold) && says_something(gold, n_gold))
            v = raml_compare_said(&c, RAML_EQUAL, "same text");
        else if (found[1] == RAML_FOUND_NOTHING || !text[1].len)
            rc = nothing_found(&c, &text[0], pred, n_pred, opt, &v, err);
        else if (!has_sign(text[1].data, text[1].len) && has_sign(text[0].data, text[0].len))
            v = raml_compare_said(&c, RAML_DIFFERENT, "pred holds no answer");
        else
            v = compare_texts(&c, &text[0], &text[1]);
        if (c.work.spent && v != RAML_EQUAL) v = raml_compare_said(&c, RAML_UNKNOWN, "too much work");
        *out = (struct raml_answer_result){v, c.rule, c.work.used};
        if (c.pool.no_memory) rc = raml_fail(err, RAML_ENOMEM, "no memory to compare two answers");
    }
    raml_buf_deinit(&text[0]);
    raml_buf_deinit(&text[1]);
    raml_arena_close(c.pool.arena);
    return rc;
}

enum raml_verdict raml_answer_check(const char *gold, const char *pred)
{
    struct raml_answer_result r = {.verdict = RAML_UNKNOWN};
    if (!gold || !pred) return RAML_UNKNOWN;
    if (raml_answer_compare(gold, strlen(gold), pred, strlen(pred), NULL, &r, NULL, NULL)) return RAML_UNKNOWN;
    return r.verdict;
}
