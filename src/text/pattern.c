/* pattern.c - see pattern.h. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "text/pattern.h"

#include "core/ascii.h"
#include "text/unicode.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_PATTERNS = 16, /* the longest list in use has 6 */
    MAX_REGEX_BYTES = 1 << 16,
    MATCH_STEPS = 200 * 1000 * 1000 /* a run of whitespace takes one for each: enough for 200 MB */
};

struct raml_patterns {
    pcre2_code *code[MAX_PATTERNS];
    const uint8_t *starts[MAX_PATTERNS]; /* [32] bits: bytes that a match may start with; NULL: any. Of the code */
    bool jit[MAX_PATTERNS];
    size_t n;
    pcre2_match_context *limits;
};

/* ---- from Oniguruma's dialect to PCRE2's ------------------------------------------------------------------------ */

/* Whitespace (Unicode 15, PropList.txt) and all the rest, as written inside [ ]. */
static const char whitespace[] = "\\t-\\r\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"
                                 "\\x{205f}\\x{3000}";
static const char not_whitespace[] = "\\x00-\\x08\\x0e-\\x1f\\x21-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}"
                                     "\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}"
                                     "\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";

struct reader {
    const char *what, *s;
    size_t n, i;
    bool in_class;
    size_t class_start; /* place of the first member */
    struct raml_buf *out;
    struct raml_err *err;
};

static int peek(const struct reader *r, size_t ahead)
{
    return ahead < r->n - r->i ? (unsigned char)r->s[r->i + ahead] : -1;
}

static bool starts(const struct reader *r, const char *text)
{
    size_t n = strlen(text);
    return n <= r->n - r->i && memcmp(r->s + r->i, text, n) == 0;
}

static enum raml_code refuse(const struct reader *r, size_t n)
{
    if (n > r->n - r->i) n = r->n - r->i;
    return raml_fail(r->err, RAML_ESUPPORT,
                     "%s: the pattern has '%.*s' at byte %zu, which this version does not support", r->what, (int)n,
                     r->s + r->i, r->i);
}

static void take(struct reader *r, size_t n)
{
    raml_buf_add(r->out, r->s + r->i, n);
    r->i += n;
}

/* \p{L}, \P{Lu}, \p{^N}: only general categories, which both read alike. */
static enum raml_code read_property(struct reader *r)
{
    size_t k = 2;
    if (peek(r, k++) != '{') return refuse(r, 3);
    if (peek(r, k) == '^') k++;
    int major = peek(r, k++), minor = peek(r, k);
    if (major < 0 || !strchr("CLMNPSZ", major)) return refuse(r, k);
    if (is_lower((char)minor)) k++;
    if (peek(r, k) != '}') return refuse(r, k + 1);
    take(r, k + 1);
    return RAML_OK;
}

/* \x{10ffff}, \u00e9 and \x41 (below 80: one byte and one character are then the same). */
static enum raml_code read_number(struct reader *r)
{
    bool braces = peek(r, 1) == 'x' && peek(r, 2) == '{';
    size_t k = braces ? 3 : 2, first = k, most = braces ? 6 : peek(r, 1) == 'u' ? 4 : 2;
    while (k - first < most && hex_value((char)peek(r, k)) >= 0) k++;
    bool whole = braces ? k > first && peek(r, k) == '}' : k - first == most;
    if (!whole || (!braces && most == 2 && peek(r, 2) > '7')) return refuse(r, k + 1);
    raml_buf_addf(r->out, "\\x{%.*s}", (int)(k - first), r->s + r->i + first);
    r->i += k + (braces ? 1 : 0);
    return RAML_OK;
}

static enum raml_code read_escape(struct reader *r)
{
    int c = peek(r, 1);
    if (c == 's' || c == 'S') {
        bool range = r->in_class && ((peek(r, 2) == '-' && peek(r, 3) != ']') ||
                                     (r->i > r->class_start && r->s[r->i - 1] == '-' && r->i - 1 > r->class_start));
        if (range) return refuse(r, 3);
        const char *set = c == 's' ? whitespace : not_whitespace;
        raml_buf_addf(r->out, r->in_class ? "%s" : "[%s]", set);
        r->i += 2;
        return RAML_OK;
    }
    if (c == 'p' || c == 'P') return read_property(r);
    if (c == 'x' || c == 'u') return read_number(r);
    if (c < 0 || c >= 0x80 || (is_alnum((char)c) && !strchr("dDrntf", c))) return refuse(r, 2);
    take(r, 2);
    return RAML_OK;
}

static enum raml_code read_group(struct reader *r)
{
    static const char *const known[] = {"(?:", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"};
    if (peek(r, 1) == '*') return refuse(r, 2);
    if (peek(r, 1) != '?') {
        take(r, 1);
        return RAML_OK;
    }
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (starts(r, known[k])) {
            take(r, strlen(known[k]));
            return RAML_OK;
        }
    return refuse(r, 4);
}

static enum raml_code read_class_part(struct reader *r)
{
    if (peek(r, 0) == '[' || starts(r, "&&")) return refuse(r, 2); /* sets of sets */
    if (peek(r, 0) == ']') {
        if (r->i == r->class_start) return refuse(r, 1);
        r->in_class = false;
    }
    take(r, 1);
    return RAML_OK;
}

static enum raml_code translate(struct reader *r)
{
    enum raml_code rc = RAML_OK;
    while (r->i < r->n && !rc) {
        int c = peek(r, 0);
        if (!c) return refuse(r, 0);
        if (c == '\\') {
            rc = read_escape(r);
        } else if (r->in_class) {
            rc = read_class_part(r);
        } else if (c == '[') {
            take(r, peek(r, 1) == '^' ? 2 : 1);
            r->in_class = true;
            r->class_start = r->i;
        } else if (c == '(') {
            rc = read_group(r);
        } else if (starts(r, "{,") || starts(r, "}+")) {
            rc = refuse(r, 2);
        } else {
            take(r, 1);
        }
    }
    return rc ? rc : raml_buf_status(r->out, r->err);
}

/* ---- compiled --------------------------------------------------------------------------------------------------- */

static enum raml_code compile(const char *what, const struct raml_buf *regex, pcre2_code **out, struct raml_err *err)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a pattern", what);
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int code;
    PCRE2_SIZE at;
    /* Ruby's ^ and $ are those of lines. */
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)regex->data, regex->len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (!re) {
        PCRE2_UCHAR says[160] = {0};
        pcre2_get_error_message(code, says, sizeof says);
        return raml_fail(err, RAML_EFORMAT, "%s: the pattern does not compile: %s, at byte %zu of '%.200s'", what,
                         (char *)says, (size_t)at, regex->data);
    }
    uint32_t may_be_empty = 0;
    pcre2_pattern_info(re, PCRE2_INFO_MATCHEMPTY, &may_be_empty);
    if (may_be_empty) {
        pcre2_code_free(re);
        return raml_fail(err, RAML_ESUPPORT, "%s: the pattern can match the empty string; expected one that can't",
                         what);
    }
    pcre2_jit_compile(re, PCRE2_JIT_COMPLETE); /* without a JIT the interpreter does the same */
    *out = re;
    return RAML_OK;
}

/* Notes what speeds up matching with pattern i. */
static void look_inside(struct raml_patterns *p, size_t i)
{
    size_t jit_bytes = 0;
    pcre2_pattern_info(p->code[i], PCRE2_INFO_FIRSTBITMAP, &p->starts[i]);
    p->jit[i] = pcre2_pattern_info(p->code[i], PCRE2_INFO_JITSIZE, &jit_bytes) == 0 && jit_bytes > 0;
}

enum raml_code raml_patterns_add(struct raml_patterns **p, const char *what, const char *regex, size_t n,
                                 struct raml_err *err)
{
    if (n == 0 || n > MAX_REGEX_BYTES)
        return raml_fail(err, RAML_ERANGE, "%s: a pattern of %zu bytes; expected 1 to %d", what, n, MAX_REGEX_BYTES);
    if (!*p) *p = calloc(1, sizeof **p);
    if (*p && !(*p)->limits) {
        (*p)->limits = pcre2_match_context_create(NULL);
        if ((*p)->limits) pcre2_set_match_limit((*p)->limits, MATCH_STEPS);
    }
    if (!*p || !(*p)->limits) return raml_fail(err, RAML_ENOMEM, "%s: no memory for a pattern", what);
    if ((*p)->n == MAX_PATTERNS) return raml_fail(err, RAML_ESUPPORT, "%s: more than %d patterns", what, MAX_PATTERNS);
    struct raml_buf out;
    raml_buf_init(&out, (size_t)MAX_REGEX_BYTES * 128);
    struct reader r = {.what = what, .s = regex, .n = n, .out = &out, .err = err};
    /* \s+$ (DeepSeek) tried at each space of a long run would take quadratic time, unless PCRE2's JIT sees that. If it
     * fails at the first of a run it fails at all, and a match leaves nothing to match in its run: looking back changes
     * nothing. */
    if (n == 4 && memcmp(regex, "\\s+$", 4) == 0) raml_buf_addf(&out, "(?<![%s])", whitespace);
    enum raml_code rc = translate(&r);
    if (!rc) rc = compile(what, &out, &(*p)->code[(*p)->n], err);
    if (!rc) look_inside(*p, (*p)->n++);
    raml_buf_deinit(&out);
    return rc;
}

void raml_patterns_close(struct raml_patterns *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n; i++) pcre2_code_free(p->code[i]);
    pcre2_match_context_free(p->limits);
    free(p);
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

struct splitter {
    const struct raml_patterns *p;
    const unsigned char *text, *settled; /* the whole text, and what is matched in its place (unicode.h) */
    pcre2_match_data *match;
    raml_word_fn *word;
    void *to;
    struct raml_err *err;
};

/* The next match in the piece at or after `at`: *found, *start, *end. */
static enum raml_code next_match(const struct splitter *c, size_t level, const unsigned char *piece, size_t n,
                                 size_t at, bool *found, size_t *start, size_t *end)
{
    const unsigned char *text = c->settled + (piece - c->text);
    const pcre2_code *re = c->p->code[level];
    const uint8_t *starts = c->p->starts[level];
    uint32_t options = PCRE2_NO_UTF_CHECK;
    *found = false;
    while (starts && at < n && !(starts[text[at] / 8] >> (text[at] % 8) & 1)) at++;
    if (at == n) return RAML_OK;
    int rc = c->p->jit[level] ? pcre2_jit_match(re, text, n, at, options, c->match, c->p->limits)
                              : pcre2_match(re, text, n, at, options, c->match, c->p->limits);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* nested too deeply for the JIT's stack: the interpreter uses the heap */
        rc = pcre2_match(re, text, n, at, options | PCRE2_NO_JIT, c->match, c->p->limits);
    *found = rc != PCRE2_ERROR_NOMATCH;
    if (!*found) return RAML_OK;
    if (rc < 0) {
        PCRE2_UCHAR says[160] = {0};
        pcre2_get_error_message(rc, says, sizeof says);
        return raml_fail(c->err, RAML_ERANGE, "pre-tokenizer pattern %zu on a text of %zu bytes: %s", level, n,
                         (char *)says);
    }
    const PCRE2_SIZE *place = pcre2_get_ovector_pointer(c->match);
    *start = place[0];
    *end = place[1];
    if (*start < at || *end <= *start || *end > n) /* can't happen with the patterns that are accepted */
        return raml_fail(c->err, RAML_ERANGE, "pre-tokenizer pattern %zu matches out of order", level);
    return RAML_OK;
}

static enum raml_code split(const struct splitter *c, size_t level, const unsigned char *text, size_t n)
{
    if (!n) return RAML_OK;
    if (!c->p || level == c->p->n) return c->word(c->to, text, n, c->err);
    enum raml_code rc = RAML_OK;
    for (size_t at = 0, start = 0, end = 0; at < n && !rc; at = end) {
        bool found = false;
        rc = next_match(c, level, text, n, at, &found, &start, &end);
        if (!rc && !found) return split(c, level + 1, text + at, n - at);
        if (!rc) rc = split(c, level + 1, text + at, start - at);
        if (!rc) rc = split(c, level + 1, text + start, end - start);
    }
    return rc;
}

enum raml_code raml_patterns_split(const struct raml_patterns *p, const unsigned char *text, size_t n,
                                   raml_word_fn *word, void *to, struct raml_err *err)
{
    struct splitter c = {p, text, text, NULL, word, to, err};
    struct raml_buf settled;
    enum raml_code rc = RAML_OK;
    raml_buf_init(&settled, n + 1);
    if (p && raml_unicode_settled(text, n) < n) {
        raml_unicode_settle(text, n, &settled);
        rc = raml_buf_status(&settled, err);
        c.settled = (const unsigned char *)settled.data;
    }
    if (p && !rc) {
        c.match = pcre2_match_data_create(1, NULL);
        if (!c.match) rc = raml_fail(err, RAML_ENOMEM, "no memory to match patterns");
    }
    if (!rc) rc = split(&c, 0, text, n);
    pcre2_match_data_free(c.match);
    raml_buf_deinit(&settled);
    return rc;
}
