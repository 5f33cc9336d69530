/* lex.c - see lex.h: text, tags, comments and whitespace around them. */
#include "jinja/lex.h"

#include <stdio.h>
#include <string.h>

enum { MAX_OPEN = 256 };

struct lexer {
    struct raml_jinja *in;
    struct raml_jtokens *out;
    const char *s;
    size_t n, at;
    size_t line, counted; /* the line that byte `counted` is on */
    bool line_start;      /* what was last read ended in a newline (also at the start of the template) */
};

static void count_lines(struct lexer *x, size_t to)
{
    for (; x->counted < to; x->counted++) x->line += x->s[x->counted] == '\n';
    x->in->line = x->line;
}

static struct raml_jtoken *add(struct lexer *x, enum raml_jtoken_kind kind)
{
    struct raml_jtokens *out = x->out;
    if (out->n == out->cap) {
        size_t cap = out->cap ? 2 * out->cap : 64;
        struct raml_jtoken *p = raml_j_alloc(x->in, cap, sizeof *p);
        if (!p) return NULL;
        if (out->n) memcpy(p, out->token, out->n * sizeof *p);
        out->token = p;
        out->cap = cap;
    }
    struct raml_jtoken *t = &out->token[out->n++];
    *t = (struct raml_jtoken){.kind = kind, .line = x->line, .value = raml_j_none()};
    return t;
}

static bool here(const struct lexer *x, size_t at, const char *what)
{
    size_t n = strlen(what);
    return at <= x->n && n <= x->n - at && memcmp(x->s + at, what, n) == 0;
}

static size_t skip_space(const struct lexer *x, size_t at)
{
    for (size_t len; at < x->n && raml_j_is_space(raml_j_char(x->s + at, &len));) at += len;
    return at;
}

static size_t strip_end(const struct lexer *x, size_t from, size_t to)
{
    while (to > from) {
        size_t at = to - 1, len;
        while (at > from && ((unsigned char)x->s[at] & 0xc0) == 0x80) at--;
        if (!raml_j_is_space(raml_j_char(x->s + at, &len))) break;
        to = at;
    }
    return to;
}

/* Text [from, to) before a tag. sign: of the tag; lstrip: the tag is no {{. */
static void add_text(struct lexer *x, size_t from, size_t to, char sign, bool lstrip)
{
    size_t end = to;
    if (sign == '-') {
        end = strip_end(x, from, to);
    } else if (sign != '+' && lstrip) {
        size_t l = to;
        while (l > from && x->s[l - 1] != '\n') l--;
        if ((l > from || x->line_start) && skip_space(x, l) >= to) end = l;
    }
    count_lines(x, from);
    if (end == from) return;
    struct raml_jtoken *t = add(x, RAML_JT_TEXT);
    if (t) t->value = raml_j_str(x->in, x->s + from, end - from, RAML_J_FRAME);
}

/* The end of a tag at `at`: 0, or where the text after it starts. close: "%}" or "#}". */
static size_t tag_end(const struct lexer *x, size_t at, const char *close)
{
    char sign = at < x->n ? x->s[at] : 0;
    if ((sign == '-' || sign == '+') && here(x, at + 1, close)) return sign == '-' ? skip_space(x, at + 3) : at + 3;
    if (!here(x, at, close)) return 0;
    return at + 2 < x->n && x->s[at + 2] == '\n' ? at + 3 : at + 2;
}

static void moved_to(struct lexer *x, size_t at)
{
    x->line_start = at > 0 && x->s[at - 1] == '\n';
    x->at = at;
    count_lines(x, at);
}

static size_t after_sign(const struct lexer *x, size_t at, char *sign)
{
    *sign = at < x->n && (x->s[at] == '-' || x->s[at] == '+') ? x->s[at] : 0;
    return *sign ? at + 1 : at;
}

static void comment(struct lexer *x, size_t body)
{
    count_lines(x, body);
    for (size_t at = body, end; at < x->n; at++)
        if ((end = tag_end(x, at, "#}")) != 0) {
            moved_to(x, end);
            return;
        }
    raml_j_fail(x->in, RAML_EFORMAT, "this comment is not closed: expected '#}'");
}

/* The end of the word if [at ..) is "{% word"; 0: it is not. */
static size_t tag_with(const struct lexer *x, size_t at, const char *word, char *sign)
{
    if (!here(x, at, "{%")) return 0;
    at = skip_space(x, after_sign(x, at + 2, sign));
    return here(x, at, word) ? skip_space(x, at + strlen(word)) : 0;
}

/* {% raw %}: `body` is where its text starts. */
static void raw(struct lexer *x, size_t body)
{
    moved_to(x, body);
    for (size_t at = body; at < x->n; at++) {
        const char *next = memchr(x->s + at, '{', x->n - at);
        if (!next) break;
        char sign;
        at = (size_t)(next - x->s);
        size_t end = tag_with(x, at, "endraw", &sign);
        if (!end || !(end = tag_end(x, end, "%}"))) continue;
        add_text(x, body, at, sign, true);
        moved_to(x, end);
        return;
    }
    raml_j_fail(x->in, RAML_EFORMAT, "this raw block is not closed: expected '{%% endraw %%}'");
}

/* 0, or where the body of a raw block that opens at `at` starts. */
static size_t raw_body(const struct lexer *x, size_t at, char *sign)
{
    at = tag_with(x, at, "raw", sign);
    if (at && here(x, at, "-%}")) return skip_space(x, at + 3);
    return at && here(x, at, "%}") ? at + 2 : 0;
}

/* Tracks the open brackets; false: this closing one does not match. */
static bool balance(struct lexer *x, const struct raml_jtoken *t, char open[MAX_OPEN], size_t *n_open)
{
    if (t->kind != RAML_JT_OP || t->op > 127 || !strchr("([{)]}", t->op)) return true;
    const char *at = strchr("([{", t->op);
    if (at) {
        if (*n_open == MAX_OPEN) {
            raml_j_fail(x->in, RAML_EFORMAT, "more than %d open brackets", MAX_OPEN);
            return false;
        }
        open[(*n_open)++] = ")]}"[at - "([{"];
        return true;
    }
    if (*n_open && open[*n_open - 1] == (char)t->op) {
        --*n_open;
        return true;
    }
    if (*n_open) raml_j_fail(x->in, RAML_EFORMAT, "unexpected '%c'; expected '%c'", t->op, open[*n_open - 1]);
    else raml_j_fail(x->in, RAML_EFORMAT, "unexpected '%c'", t->op);
    return false;
}

static size_t print_end(const struct lexer *x, size_t at)
{
    if (here(x, at, "-}}")) return skip_space(x, at + 3);
    return here(x, at, "}}") ? at + 2 : 0;
}

/* What is between {{ and }}, or between {% and %}. */
static void inside(struct lexer *x, bool block)
{
    char open[MAX_OPEN];
    size_t n_open = 0, start = x->line;
    while (!x->in->code) {
        size_t end = n_open ? 0 : block ? tag_end(x, x->at, "%}") : print_end(x, x->at);
        if (end) {
            add(x, block ? RAML_JT_BLOCK_END : RAML_JT_PRINT_END);
            moved_to(x, end);
            return;
        }
        size_t next = skip_space(x, x->at);
        if (next > x->at) {
            moved_to(x, next);
            continue;
        }
        if (x->at == x->n) {
            raml_j_fail(x->in, RAML_EFORMAT, "the template ends inside a tag opened in line %zu: expected '%s'", start,
                        block ? "%}" : "}}");
            return;
        }
        struct raml_jtoken t = {.kind = RAML_JT_END, .line = x->line, .value = raml_j_none()};
        raml_j_lex_one(x->in, x->s, x->n, &x->at, &t);
        if (x->in->code || !balance(x, &t, open, &n_open)) return;
        struct raml_jtoken *to = add(x, t.kind);
        if (to) *to = t;
        moved_to(x, x->at);
    }
}

/* Text up to the next tag, and the tag. */
static void next_part(struct lexer *x)
{
    size_t at = x->at;
    for (; at < x->n; at++) {
        const char *next = memchr(x->s + at, '{', x->n - at);
        at = next ? (size_t)(next - x->s) : x->n;
        if (at + 1 < x->n && strchr("{%#", x->s[at + 1])) break;
    }
    if (at >= x->n) {
        add_text(x, x->at, x->n, '+', false);
        x->at = x->n;
        return;
    }
    char sign, kind = x->s[at + 1];
    size_t body = kind == '%' ? raw_body(x, at, &sign) : 0;
    if (body) {
        add_text(x, x->at, at, sign, true);
        raw(x, body);
        return;
    }
    body = after_sign(x, at + 2, &sign);
    add_text(x, x->at, at, sign, kind != '{');
    if (kind == '#') {
        comment(x, body);
        return;
    }
    count_lines(x, at);
    add(x, kind == '%' ? RAML_JT_BLOCK : RAML_JT_PRINT);
    moved_to(x, body);
    x->line_start = false;
    inside(x, kind == '%');
}

static char *with_newlines(struct raml_jinja *in, const char *text, size_t n, size_t *n_out)
{
    char *s = raml_j_alloc(in, n + 1, 1);
    size_t k = 0;
    if (!s) return NULL;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') continue;
        s[k++] = text[i] == '\r' ? '\n' : text[i];
    }
    if (k && s[k - 1] == '\n') k--;
    s[k] = 0;
    *n_out = k;
    return s;
}

void raml_j_lex(struct raml_jinja *in, const char *text, size_t n, struct raml_jtokens *out)
{
    struct lexer x = {.in = in, .out = out, .line = 1, .line_start = true};
    *out = (struct raml_jtokens){0};
    x.s = with_newlines(in, text, n, &x.n);
    while (!in->code && x.at < x.n) next_part(&x);
    add(&x, RAML_JT_END);
}

const char *raml_j_token_name(const struct raml_jtoken *t, char out[RAML_J_SHOWN])
{
    static const char *const ops[] = {"//", "**", "==", "!=", "<=", ">="};
    switch (t->kind) {
    case RAML_JT_END: return "the end of the template";
    case RAML_JT_TEXT: return "text";
    case RAML_JT_PRINT: return "'{{'";
    case RAML_JT_PRINT_END: return "'}}'";
    case RAML_JT_BLOCK: return "'{%'";
    case RAML_JT_BLOCK_END: return "'%}'";
    case RAML_JT_NAME: snprintf(out, RAML_J_SHOWN, "'%.60s'", t->name); return out;
    case RAML_JT_STRING: return "a string";
    case RAML_JT_INT:
    case RAML_JT_FLOAT: return "a number";
    default:
        if (t->op >= RAML_JO_FLOORDIV && t->op <= RAML_JO_GE)
            snprintf(out, RAML_J_SHOWN, "'%s'", ops[t->op - RAML_JO_FLOORDIV]);
        else snprintf(out, RAML_J_SHOWN, "'%c'", (char)t->op);
        return out;
    }
}
