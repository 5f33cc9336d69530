/* inputs.c - see inputs.h. A text is one of those given, changed a few times over, or comes out of a small grammar. */
#include "fuzz/inputs.h"

#include "fuzz/answers.h"
#include "core/file.h"
#include "core/json.h"
#include "raml/rng.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

enum { MAX_LINE_BYTES = 1 << 26, MAX_CHANGES = 6 };

static const char *const words[] = {
    "\\frac{",  "\\sqrt{", "\\sqrt[", "\\boxed{", "\\text{", "\\left(", "\\right)", "\\left", "\\right", "\\cdot ",
    "\\times ", "\\pm ",   "\\pi ",   "\\infty ", "\\begin{pmatrix}", "\\end{pmatrix}", "\\\\", "&", "\\{", "\\}",
    "\\sin ",   "\\log_",  "\\ln ",   "\\binom{", "\\cup ",  "\\in ",   "\\circ",  "\\%",    "\\,",     "\\!",
    "^{",       "_{",      "^",       "_",        "{",       "}",       "(",       ")",      "[",       "]",
    "|",        "=",       "<",       "\\le ",    "\\ne ",   ",",       ";",       ":",      "/",       "*",
    "+",        "-",       "!",       "'",        ".",       "...",     "$",       "$$",     "\\(",     "\\)",
    "\\[",      "\\]",     "x",       "y",        "e",       "i",       "0",       "1",      "10",      "1/0",
    " and ",    " or ",    "the answer is ", "Final Answer: ", "#### ", "</think>", "<answer>", "**", "\n", "\xc2\xb2",
    "\xe2\x88\x9a", "\xcf\x80", "\xe2\x88\x92", "\xef\xbc\x91", "\xff", "\xe2", "e10000", "^{99999}", "^{1/2}", "^{-1}",
};
static const char *const nests[][2] = {
    {"(", ")"},         {"{", "}"},           {"[", "]"},       {"\\sqrt{", "}"},       {"\\frac{1}{1+", "}"},
    {"\\boxed{", "}"},  {"\\text{", "}"},     {"-", ""},        {"x^{", "}"},           {"\\left(", "\\right)"},
    {"\\sin(", ")"},    {"|", "|"},           {"\\{", "\\}"},   {"1+", ""},             {"2^", ""},
    {"\\frac{", "}{2}"}, {"$", "$"},          {"\\ln(", ")"},   {"\\begin{pmatrix}", "\\end{pmatrix}"},
};

static enum raml_code keep(struct fuzz_texts *t, const char *s, size_t n, struct raml_err *err)
{
    if (t->n == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 256;
        char **text = realloc(t->text, cap * sizeof *text);
        if (text) t->text = text;
        size_t *len = realloc(t->len, cap * sizeof *len);
        if (len) t->len = len;
        if (!text || !len) return raml_fail(err, RAML_ENOMEM, "no memory for %zu texts", cap);
        t->cap = cap;
    }
    if (n > FUZZ_MAX_BYTES / 2) n = FUZZ_MAX_BYTES / 2;
    char *copy = malloc(n + 1);
    if (!copy) return raml_fail(err, RAML_ENOMEM, "no memory for a text of %zu bytes", n);
    memcpy(copy, s, n);
    copy[n] = 0;
    t->text[t->n] = copy;
    t->len[t->n++] = n;
    return RAML_OK;
}

static enum raml_code keep_fields(struct fuzz_texts *t, const json_t *row, struct raml_err *err)
{
    static const char *const fields[] = {"gold", "pred", "input", "latex"};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < COUNT(fields); i++) {
        const json_t *v = json_object_get(row, fields[i]);
        if (json_is_string(v)) rc = keep(t, json_string_value(v), json_string_length(v), err);
    }
    return rc;
}

static enum raml_code read_file(struct fuzz_texts *t, const char *path, struct raml_err *err)
{
    struct raml_lines in;
    enum raml_code rc = raml_lines_init(&in, path, MAX_LINE_BYTES, err);
    if (rc) return rc;
    for (bool more = true; !rc;) {
        json_t *row = NULL;
        rc = raml_lines_next(&in, &more, err);
        if (rc || !more) break;
        if (!in.line.len) continue;
        rc = raml_json_parse(&(struct raml_place){path, in.number}, in.line.data, in.line.len, &row, err);
        if (!rc) rc = keep_fields(t, row, err);
        json_decref(row);
    }
    raml_lines_deinit(&in);
    return rc;
}

enum raml_code fuzz_texts_init(struct fuzz_texts *t, const char *const *file, size_t n_files, struct raml_err *err)
{
    *t = (struct fuzz_texts){.n = 0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n_files; i++) rc = read_file(t, file[i], err);
    for (size_t i = 0; !rc && !n_files && i < COUNT(answers); i++) rc = keep(t, answers[i], strlen(answers[i]), err);
    if (!rc && !t->n) rc = raml_fail(err, RAML_EFORMAT, "%s: no texts in it", file[0]);
    return rc;
}

void fuzz_texts_deinit(struct fuzz_texts *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->text[i]);
    free(t->text);
    free(t->len);
    *t = (struct fuzz_texts){.n = 0};
}

void fuzz_pair_init(struct fuzz_pair *p)
{
    *p = (struct fuzz_pair){.last = false};
    raml_buf_init(&p->gold, FUZZ_MAX_BYTES);
    raml_buf_init(&p->pred, FUZZ_MAX_BYTES);
    raml_buf_init(&p->other, FUZZ_MAX_BYTES);
}

void fuzz_pair_deinit(struct fuzz_pair *p)
{
    raml_buf_deinit(&p->gold);
    raml_buf_deinit(&p->pred);
    raml_buf_deinit(&p->other);
}

static uint32_t below(struct raml_rng *r, size_t n)
{
    return n ? raml_rng_below(r, n > UINT32_MAX ? UINT32_MAX : (uint32_t)n) : 0;
}

static const char *word(struct raml_rng *r)
{
    return words[below(r, COUNT(words))];
}

/* ---- grammar: iterative, with a list of what is still to be written -------------------------------------------------- */

/* E: an expression, A: something small. Other characters are written as they are. */
static const char *const rules[] = {
    "A",      "A",      "A",          "E+E",          "E-E",      "EE",      "E\\cdot E", "E/E",   "\\frac{E}{E}",
    "E^{E}",  "A^A",    "(E)",        "-E",           "\\sqrt{E}", "\\sqrt[A]{E}", "(E,E)", "\\{E,E\\}", "[E,E)",
    "|E|",    "E=E",    "E<E",        "E,E",          "\\sin(E)", "\\ln E",  "\\log_{A} E", "E!",  "\\binom{A}{A}",
    "A\\frac{A}{A}",    "E \\text{ cm}", "E\\%",      "E^\\circ", "\\pm E",  "E\\cup E",
    "\\begin{pmatrix}E&E\\\\E&E\\end{pmatrix}",       "x\\in[E,E]", "E\\le x<E", "e^{E}", "E \\text{ and } E",
    "\\lfloor E\\rfloor", "\\left(E\\right)",         "f(E)",     "A_{A}",
};
static const char *const atoms[] = {"0", "1", "2", "3",  "10", "-1", "0.5", "1.25", "100", "7/3", "x",
                                    "y", "n", "e", "i",  "\\pi", "a", "\\infty", "x_1", "12,345", "\\alpha"};

static void grow(struct raml_rng *r, struct raml_buf *out, struct raml_buf *todo)
{
    size_t limit = 1 + below(r, 1 + below(r, 60)); /* rules that may still add to the expression */
    raml_buf_clear(todo);
    raml_buf_adds(todo, "E");
    while (todo->len && !out->code) {
        char c = todo->data[--todo->len];
        if (c == 'A') {
            raml_buf_adds(out, atoms[below(r, COUNT(atoms))]);
        } else if (c == 'E') {
            const char *rule = limit ? rules[below(r, COUNT(rules))] : "A";
            if (limit) limit--;
            for (size_t n = strlen(rule); n-- > 0;) raml_buf_add(todo, rule + n, 1);
        } else {
            raml_buf_add(out, &c, 1);
        }
    }
}

/* ---- changes --------------------------------------------------------------------------------------------------------- */

/* Writes to[0..from) + what + to[till..] over `to`. */
static void replace(struct raml_buf *to, size_t from, size_t till, const char *what, size_t n)
{
    if (!to->data) raml_buf_add(to, "", 0);
    size_t tail = to->len - till;
    if (from + n + tail > FUZZ_MAX_BYTES) return;
    if (from + n > till) {
        size_t more = from + n - till, len = to->len;
        for (size_t i = 0; i < more; i++) raml_buf_add(to, "", 1); /* room */
        if (to->code) return;
        to->len = len;
    }
    memmove(to->data + from + n, to->data + till, tail);
    memcpy(to->data + from, what, n);
    to->len = from + n + tail;
    to->data[to->len] = 0;
}

static void repeat(struct raml_rng *r, struct raml_buf *to, const char *what, size_t n, size_t times)
{
    struct raml_buf many;
    raml_buf_init(&many, FUZZ_MAX_BYTES);
    for (size_t i = 0; i < times && many.len + n <= FUZZ_MAX_BYTES / 2; i++) raml_buf_add(&many, what, n);
    size_t at = below(r, to->len + 1);
    if (many.len) replace(to, at, at, many.data, many.len);
    raml_buf_deinit(&many);
}

static void nest(struct raml_rng *r, struct raml_buf *to)
{
    const char *const *n = nests[below(r, COUNT(nests))];
    size_t depth = 1 + below(r, below(r, 8) ? 12 : 4000), a = strlen(n[0]), b = strlen(n[1]);
    struct raml_buf out;
    raml_buf_init(&out, FUZZ_MAX_BYTES);
    for (size_t i = 0; i < depth && (i + 1) * (a + b) + to->len <= FUZZ_MAX_BYTES; i++) raml_buf_add(&out, n[0], a);
    size_t wrote = a ? out.len / a : 0;
    raml_buf_add(&out, to->data ? to->data : "", to->len);
    for (size_t i = 0; i < wrote; i++) raml_buf_add(&out, n[1], b);
    if (!out.code) replace(to, 0, to->len, out.data, out.len);
    raml_buf_deinit(&out);
}

/* A part of the text: up to 24 bytes, or now and then any length. */
static size_t part(struct raml_rng *r, const struct raml_buf *b, size_t *from)
{
    *from = below(r, b->len + 1);
    size_t rest = b->len - *from, most = below(r, 6) && rest > 24 ? 24 : rest;
    return below(r, most + 1);
}

static void change(struct raml_rng *r, const struct fuzz_texts *t, struct raml_buf *to)
{
    size_t from, n = part(r, to, &from), k = below(r, t->n), at, m;
    char piece[64], c = (char)below(r, 256);
    const char *w;
    struct raml_buf other = {.data = t->text[k], .len = t->len[k]};
    switch (below(r, 10)) {
    case 0: /* one bit */
        if (to->len) to->data[below(r, to->len)] ^= (char)(1u << below(r, 8));
        break;
    case 1: replace(to, from, from + n, "", 0); break;
    case 2: replace(to, from, from, &c, 1); break;
    case 3: /* a word in place of a part */
        w = word(r);
        replace(to, from, from + n, w, strlen(w));
        break;
    case 4: /* a part of another text */
        m = part(r, &other, &at);
        replace(to, from, from + (below(r, 2) ? n : 0), t->text[k] + at, m);
        break;
    case 5: /* a part over again */
        n = n < sizeof piece ? n : sizeof piece;
        memcpy(piece, to->data ? to->data + from : "", n);
        repeat(r, to, piece, n, 1 + below(r, below(r, 8) ? 4 : 3000));
        break;
    case 6: /* digits */
        c = (char)('0' + below(r, 10));
        repeat(r, to, &c, 1, 1 + below(r, below(r, 8) ? 20 : 12000));
        break;
    case 7: nest(r, to); break;
    case 8: /* a word over and over */
        w = word(r);
        repeat(r, to, w, strlen(w), 1 + below(r, below(r, 8) ? 3 : 2000));
        break;
    default:
        w = word(r);
        replace(to, from, from, w, strlen(w));
    }
}

static void make_text(struct raml_rng *r, const struct fuzz_texts *t, struct raml_buf *out, struct raml_buf *scratch)
{
    if (below(r, 3) == 0) {
        grow(r, out, scratch);
    } else {
        size_t k = below(r, t->n);
        raml_buf_add(out, t->text[k], t->len[k]);
    }
    for (uint32_t i = below(r, 1 + MAX_CHANGES); i > 0; i--) change(r, t, out);
    raml_buf_add(out, "", 0); /* so that an empty text has data too */
}

void fuzz_make(const struct fuzz_texts *t, uint64_t seed, uint64_t i, struct fuzz_pair *p)
{
    struct raml_rng r = {{seed, RAML_FOR_TEST, i, 0}, 0};
    p->last = below(&r, 4) == 0;
    p->letters = below(&r, 16) == 0;
    make_text(&r, t, &p->gold, &p->other);
    uint32_t how = below(&r, 8);
    p->same = how == 0;
    if (how < 3) raml_buf_add(&p->pred, p->gold.data, p->gold.len); /* the same, or nearly */
    else make_text(&r, t, &p->pred, &p->other);
    if (how == 1 || how == 2) change(&r, t, &p->pred);
    raml_buf_add(&p->pred, "", 0);
}
