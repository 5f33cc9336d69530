/* parse_atom.c - numbers, names, brackets, fractions, roots (parse.h). */
#include "answer/read/parser.h"

#include <string.h>

/* ---- numbers ---- */

/* The number in a token's text: digits, perhaps a point, perhaps an exponent. */
static const struct expr *from_text(struct parser *p, const char *s, size_t n)
{
    char *digits = raml_arena_alloc(p->pool->arena, n + 1, 1);
    size_t len = 0, i = 0;
    int32_t scale = 0;
    bool point = false;
    if (!digits) {
        p->pool->no_memory = true;
        return NULL;
    }
    for (; i < n && s[i] != 'e' && s[i] != 'E'; i++) {
        if (s[i] == '.') point = true;
        else digits[len++] = s[i], scale += point;
    }
    if (i < n) { /* at most nine digits (lex.c) */
        int32_t power = 0;
        bool minus = s[i + 1] == '-';
        for (i += 1 + (s[i + 1] == '-' || s[i + 1] == '+'); i < n; i++) power = power * 10 + (s[i] - '0');
        if (power > 1000000) return raml_parse_stop(p, "an exponent too large");
        scale += minus ? power : -power;
    }
    return raml_expr_number(p->pool, digits, len, scale);
}

static bool whole(const struct token *t)
{
    if (t->kind != T_NUMBER) return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (t->text[i] < '0' || t->text[i] > '9') return false;
    return t->n > 0;
}

/* 0.1\overline{6}, 0.\dot{3}: digits / 99..900..0. p->i is at the accent; t is the number before it. */
static const struct expr *repeating(struct parser *p, const struct token *t, const struct token *d, uint32_t tokens)
{
    char *nines = raml_arena_alloc(p->pool->arena, d->n + t->n + 2, 1);
    char *joined = raml_arena_alloc(p->pool->arena, d->n + t->n + 2, 1);
    size_t n = 0, decimals = 0, k = 0;
    if (!nines || !joined) {
        p->pool->no_memory = true;
        return NULL;
    }
    bool point = false;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->text[i] == '.') point = true;
        else joined[n++] = t->text[i], decimals += point;
    }
    size_t before = n;
    memcpy(joined + n, d->text, d->n);
    n += d->n;
    for (size_t i = 0; i < d->n; i++) nines[k++] = '9';
    for (size_t i = 0; i < decimals; i++) nines[k++] = '0';
    p->i += tokens;
    /* (digits with one period - digits without) / 99..900..0 */
    const struct expr *all = raml_expr_number(p->pool, joined, n, 0);
    const struct expr *first = raml_expr_number(p->pool, joined, before ? before : 1, 0);
    const struct expr *above = raml_expr_2(p->pool, EXPR_ADD, all, raml_expr_1(p->pool, EXPR_NEG, first));
    return raml_expr_2(p->pool, EXPR_DIV, above, raml_expr_number(p->pool, nines, k, 0));
}

/* 1\frac{1}{2}, 1 1/2: the fraction of whole numbers after a whole number; NULL: none. */
static const struct expr *mixed(struct parser *p, const struct expr *first)
{
    const struct token *t = raml_parse_peek(p, 0);
    uint32_t from = p->i;
    if (t->kind == T_NUMBER && t->space && whole(t) && raml_parse_peek(p, 1)->kind == T_SLASH &&
        whole(raml_parse_peek(p, 2)) && !raml_parse_peek(p, 1)->space) {
        const struct expr *a = from_text(p, t->text, t->n);
        const struct token *b = raml_parse_peek(p, 2);
        p->i += 3;
        a = raml_expr_2(p->pool, EXPR_DIV, a, from_text(p, b->text, b->n));
        return raml_expr_2(p->pool, EXPR_ADD, first, a);
    }
    if (t->kind != T_FRAC) return NULL;
    p->i++;
    const struct expr *a = raml_parse_argument(p, true);
    const struct expr *b = a ? raml_parse_argument(p, true) : NULL;
    if (b && a->kind == EXPR_NUMBER && b->kind == EXPR_NUMBER && !a->scale && !b->scale)
        return raml_expr_2(p->pool, EXPR_ADD, first, raml_expr_2(p->pool, EXPR_DIV, a, b));
    p->i = from; /* 2\frac{x}{3} is a product */
    if (a && a->kind == EXPR_NUMBER) p->why = NULL;
    return NULL;
}

/* 0.333..., 0.1666\ldots, 0.1(6), p->i after the number t: a period that is written twice (three times, if of one digit)
 * before the dots, or in brackets. NULL and no reason: none. */
static const struct expr *without_bar(struct parser *p, const struct token *t)
{
    const struct token *next = raml_parse_peek(p, 0), *d = raml_parse_peek(p, 1), *close = raml_parse_peek(p, 2);
    const char *point = memchr(t->text, '.', t->n);
    if (!point || memchr(t->text, 'e', t->n)) return NULL;
    uint32_t decimals = (uint32_t)(t->text + t->n - point) - 1;
    bool bracketed = next->kind == T_OPEN && next->sub == '(' && !next->space && whole(d) && close->kind == T_CLOSE &&
                     close->sub == ')' && (decimals == 0 || t->text[0] == '0');
    if (bracketed) return repeating(p, t, d, 3);
    bool stops = next->kind == T_DOT && d->kind == T_DOT && close->kind == T_DOT;
    if (!stops && next->kind != T_DOTS) return NULL;
    const uint32_t dots = stops ? 3 : 1;
    if (!raml_parse_parts_items(raml_parse_peek(p, dots)->kind)) return NULL;
    for (uint32_t period = 1; period <= decimals / 2; period++) {
        uint32_t times = period == 1 ? 3 : 2, k = 0;
        while (k < decimals - period && t->text[t->n - 1 - k] == t->text[t->n - 1 - k - period]) k++;
        if (k + period < times * period || (period == 1 && t->text[t->n - 1] == '0')) continue;
        struct token before = *t, digits = *t;
        before.n = t->n - period;
        digits.text = t->text + t->n - period;
        digits.n = period;
        return repeating(p, &before, &digits, dots);
    }
    return NULL;
}

const struct expr *raml_parse_number(struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind != T_NUMBER) return raml_parse_stop(p, "no number where one was expected");
    p->i++;
    const struct token *next = raml_parse_peek(p, 0);
    if (next->kind == T_SUB && whole(t)) return raml_parse_based(p, t->text, t->n);
    if (next->kind == T_ACCENT && (!strcmp(next->text, "bar") || !strcmp(next->text, "dot")) &&
        !memchr(t->text, 'e', t->n) && memchr(t->text, '.', t->n) && raml_parse_peek(p, 1)->kind == T_GROUP &&
        whole(raml_parse_peek(p, 2)) && raml_parse_peek(p, 3)->kind == T_GROUP_END)
        return repeating(p, t, raml_parse_peek(p, 2), 4);
    const struct expr *periodic = without_bar(p, t);
    if (periodic || p->why) return periodic;
    const struct expr *e = from_text(p, t->text, t->n), *more = e && whole(t) ? mixed(p, e) : NULL;
    if (e && !more && whole(t) && !p->why) more = raml_parse_and_part(p, e);
    if (!more && e && !p->why) more = raml_parse_combination_between(p, e);
    return more ? more : e;
}

/* ---- names ---- */

/* Is the bracket that comes next the argument of a function f? */
static bool is_application(const struct parser *p, const char *name, size_t n)
{
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind != T_OPEN || t->sub != '(' || t->space) return false;
    if (n && strchr("fghFGH", name[0]) && (n == 1 || name[1] == '_' || name[1] == '\'' || name[1] == '^')) return true;
    const struct token *a = raml_parse_peek(p, 1), *close = raml_parse_peek(p, 2), *then = raml_parse_peek(p, 3);
    if (close->kind != T_CLOSE || close->sub != ')' ||
        (a->kind != T_LETTER && a->kind != T_NUMBER && a->kind != T_SYMBOL))
        return false;
    if (a->kind == T_LETTER && n == 1 && a->text[0] == name[0]) return false;
    return then->kind == T_RELATION || (n == 1 && strchr("PQRSTWpquvwy", name[0]) && then->kind == T_END);
}

static const struct expr *apply(struct parser *p, const char *name, size_t n)
{
    p->i++;
    const struct expr *inside = raml_parse_list(p, false);
    if (!inside) return NULL;
    if (!raml_parse_take_close(p, ')')) return raml_parse_stop(p, "a bracket that is not closed");
    uint32_t many = inside->kind == EXPR_LIST ? inside->n : 1;
    struct expr *e = raml_expr_new(p->pool, EXPR_APPLY, many);
    if (!e) return NULL;
    for (uint32_t i = 0; i < many; i++) e->arg[i] = many > 1 ? inside->arg[i] : inside;
    if (many == 1) e->arg[0] = inside;
    e->text = name;
    e->n_text = (uint32_t)n;
    return e;
}

static void split_word(struct token *t);

/* Does an index without braces run into another name that has one: "nb" of a_nb_n? */
static bool two_names(const struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0), *then = raml_parse_peek(p, 1);
    return t->kind == T_WORD && t->n == 2 && (unsigned char)t->text[0] < 0x80 && then->kind == T_SUB;
}

/* A name with its index and primes: x_1, x_{10}, f'. `base` is 0-terminated. */
static const struct expr *with_index(struct parser *p, const char *base, size_t n)
{
    const char *name = base;
    for (int round = 0; round < 4; round++) {
        const struct token *t = raml_parse_peek(p, 0);
        size_t extra = 1;
        const char *index = "'";
        if (t->kind == T_SUB) {
            uint32_t from = ++p->i;
            if (raml_parse_peek(p, 0)->kind == T_GROUP) {
                uint32_t open = 0;
                do {
                    uint8_t kind = raml_parse_peek(p, 0)->kind;
                    if (kind == T_END) return raml_parse_stop(p, "a brace that is not closed");
                    open += kind == T_GROUP;
                    open -= kind == T_GROUP_END;
                    p->i++;
                } while (open);
            } else if (two_names(p)) { /* a_nb_n */
                index = p->token[from].text;
                split_word(&p->token[from]);
            } else if (raml_parse_peek(p, 0)->kind != T_END) {
                p->i++;
            }
            if (p->i > from) index = raml_parse_slice(p, from, p->i, &extra);
            if (!index) return NULL;
        } else if (t->kind == T_PRIME) {
            p->i++;
        } else {
            break;
        }
        char *joined = raml_arena_alloc(p->pool->arena, n + extra + 2, 1);
        if (!joined) {
            p->pool->no_memory = true;
            return NULL;
        }
        memcpy(joined, name, n);
        if (t->kind == T_SUB) joined[n++] = '_';
        memcpy(joined + n, index, extra);
        n += extra;
        name = joined;
    }
    if (is_application(p, name, n)) return apply(p, name, n);
    return raml_expr_text(p->pool, EXPR_SYMBOL, name, n);
}

const struct expr *raml_parse_index(struct parser *p, const struct expr *symbol)
{
    return with_index(p, symbol->text, symbol->n_text);
}

static const struct expr *letter(struct parser *p, char c, bool last)
{
    char name[2] = {c, 0};
    const struct token *t = raml_parse_peek(p, 0);
    bool plain = !last || (t->kind != T_SUB && t->kind != T_PRIME);
    if (plain && c == 'e') return raml_expr_new(p->pool, EXPR_E, 0);
    if (plain && c == 'i') return raml_expr_new(p->pool, EXPR_I, 0);
    return last ? with_index(p, raml_arena_text(p->pool->arena, name, 1), 1)
                : raml_expr_text(p->pool, EXPR_SYMBOL, name, 1);
}

/* Adjacent letters: a product. */
static const struct expr *letters(struct parser *p, const struct token *t)
{
    bool names = t->n <= 6; /* "ABCD", "mgh": names in a row; else words */
    for (uint32_t i = 0; i < t->n && t->n > 3; i++) names = names && !strchr("aeiouy", t->text[i]);
    if ((unsigned char)t->text[0] >= 0x80 || !names) return raml_parse_stop(p, "words where a formula was expected");
    struct expr *e = raml_expr_new(p->pool, EXPR_MUL, t->n);
    for (uint32_t i = 0; e && i < t->n; i++) {
        e->arg[i] = letter(p, t->text[i], i + 1 == t->n);
        if (!e->arg[i]) return NULL;
    }
    return e;
}

static bool holds_i(const struct expr *e)
{
    if (e->kind == EXPR_I) return true;
    for (uint32_t i = 0; i < e->n; i++)
        if (holds_i(e->arg[i])) return true;
    return false;
}

/* \vec{v}, \overline{AB}, \hat p: a name with its accent. */
static const struct expr *accented(struct parser *p)
{
    const struct token *t = &p->token[p->i++];
    uint32_t from = p->i;
    const struct expr *inside = raml_parse_argument(p, false);
    if (!inside) return NULL;
    if (!strcmp(t->text, "underline") || !strcmp(t->text, "brace") || !strcmp(t->text, "cancel")) return inside;
    if (!strcmp(t->text, "overset")) return raml_parse_argument(p, false);
    if (!strcmp(t->text, "bar") && inside->kind == EXPR_ADD && holds_i(inside) && !raml_expr_has_symbol(inside))
        return raml_expr_call(p->pool, FN_CONJ, inside, NULL);
    size_t n;
    const char *s = raml_parse_slice(p, from, p->i, &n);
    if (!s) return NULL;
    char *name = raml_arena_alloc(p->pool->arena, n + t->n + 2, 1);
    if (!name) {
        p->pool->no_memory = true;
        return NULL;
    }
    memcpy(name, t->text, t->n);
    name[t->n] = '.';
    memcpy(name + t->n + 1, s, n);
    return with_index(p, name, n + t->n + 1);
}

static const struct expr *parse_name(struct parser *p)
{
    const struct token *t = &p->token[p->i];
    const struct expr *e;
    if (t->kind == T_ACCENT) return accented(p);
    p->i++;
    switch (t->kind) {
    case T_LETTER: e = raml_parse_combination(p, t->text[0]); return e || p->why ? e : letter(p, t->text[0], true);
    case T_WORD: return letters(p, t);
    case T_SYMBOL: e = raml_parse_gamma_or_zeta(p, t); return e || p->why ? e : with_index(p, t->text, t->n);
    default: return with_index(p, t->text, t->n); /* T_SYMBOL, T_TEXT */
    }
}

/* ---- brackets ---- */

static const struct expr *renamed(struct parser *p, const struct expr *inside, enum expr_kind kind, int sub)
{
    uint32_t many = inside->kind == EXPR_LIST ? inside->n : 1;
    struct expr *e = raml_expr_new(p->pool, kind, many);
    if (!e) return NULL;
    e->sub = (uint8_t)sub;
    if (inside->kind == EXPR_LIST) memcpy(e->arg, inside->arg, many * sizeof *e->arg);
    else e->arg[0] = inside;
    return e;
}

/* |a|; p->i is after the first bar. */
static const struct expr *bars(struct parser *p)
{
    p->bars++;
    const struct expr *e = raml_parse_sum(p);
    p->bars--;
    const struct token *t = raml_parse_peek(p, 0);
    if (!e) return NULL;
    if ((t->kind != T_OPEN && t->kind != T_CLOSE) || t->sub != '|')
        return raml_parse_stop(p, "a bar that is not closed");
    p->i++;
    return raml_expr_call(p->pool, FN_ABS, e, NULL);
}

/* {x | x > 0}, {x : ...}, {x \in R | ...}: p->i moves past the bar. False: no such set. */
static bool set_builder(struct parser *p)
{
    uint32_t k = 0;
    if (raml_parse_peek(p, 0)->kind != T_LETTER) return false;
    if (raml_parse_peek(p, 1)->kind == T_RELATION && raml_parse_peek(p, 1)->sub == EXPR_IN) k = 2;
    const struct token *t = raml_parse_peek(p, k + 1);
    if (t->kind != T_MID && t->kind != T_COLON && !(t->kind == T_OPEN && t->sub == '|')) return false;
    p->i += k + 2;
    return true;
}

/* \{...\}; p->i is after the brace. */
static const struct expr *set(struct parser *p)
{
    if (raml_parse_take_close(p, '}')) return raml_expr_new(p->pool, EXPR_SET, 0);
    bool builder = set_builder(p);
    const struct expr *e = raml_parse_list(p, false);
    if (!e) return NULL;
    if (builder) return raml_parse_take_close(p, '}') ? e : raml_parse_stop(p, "a set that is not closed");
    if (!raml_parse_take_close(p, '}')) return raml_parse_stop(p, "a set that is not closed");
    return renamed(p, e, EXPR_SET, 0);
}

/* ( or [ ; p->i is after it. */
static const struct expr *round_or_square(struct parser *p, char open)
{
    const struct expr *e = raml_parse_list(p, false);
    const struct token *t = raml_parse_peek(p, 0);
    if (!e) return NULL;
    if (t->kind != T_CLOSE || (t->sub != ')' && t->sub != ']'))
        return raml_parse_stop(p, "a bracket that is not closed");
    char close = (char)t->sub;
    p->i++;
    uint32_t n = e->kind == EXPR_LIST ? e->n : 1;
    bool single = n == 1 && ((open == '(' && close == ')') || (open == '[' && close == ']'));
    if (single && e->kind == EXPR_NUMBER && !e->scale && raml_parse_peek(p, 0)->kind == T_SUB)
        return raml_parse_based(p, e->text, e->n_text); /* (2516)_8 */
    if (single) return e;
    if (open == '(' && close == ')') return renamed(p, e, EXPR_TUPLE, 0);
    if (open == '[' && close == ']') return renamed(p, e, EXPR_BRACKETS, 0);
    if (n != 2) return raml_parse_stop(p, "brackets that do not fit");
    int sub = (open == '(' ? EXPR_OPEN_LEFT : 0) | (close == ')' ? EXPR_OPEN_RIGHT : 0);
    return renamed(p, e, EXPR_INTERVAL, sub);
}

static const struct expr *parse_open(struct parser *p)
{
    const struct token *t = &p->token[p->i++];
    uint32_t outer = p->bars;
    const struct expr *e;
    if (t->sub == '|') return bars(p);
    p->bars = 0;
    switch (t->sub) {
    case '{': e = set(p); break;
    case '<':
        e = raml_parse_list(p, false);
        if (e && !raml_parse_take_close(p, '>')) e = raml_parse_stop(p, "a bracket that is not closed");
        if (e) e = renamed(p, e, EXPR_TUPLE, 0);
        break;
    case 'f':
    case 'c':
        e = raml_parse_sum(p);
        if (e && !raml_parse_take_close(p, (char)t->sub)) e = raml_parse_stop(p, "a bracket that is not closed");
        if (e) e = raml_expr_call(p->pool, t->sub == 'f' ? FN_FLOOR : FN_CEIL, e, NULL);
        break;
    default: e = round_or_square(p, (char)t->sub); break;
    }
    p->bars = outer;
    return e;
}

const struct expr *raml_parse_group(struct parser *p)
{
    if (!raml_parse_take(p, T_GROUP)) return raml_parse_stop(p, "no group where one was expected");
    uint32_t outer = p->bars;
    p->bars = 0;
    if (raml_parse_take(p, T_GROUP_END)) { /* "{}" means nothing: read on */
        p->bars = outer;
        return raml_parse_primary(p);
    }
    (void)set_builder(p);
    const struct expr *e = raml_parse_list(p, false);
    uint8_t kind = raml_parse_peek(p, 0)->kind;
    if (e && (kind == T_OVER || kind == T_CHOOSE)) {
        p->i++;
        const struct expr *below = raml_parse_list(p, false);
        e = kind == T_OVER ? raml_expr_2(p->pool, EXPR_DIV, e, below) : raml_expr_call(p->pool, FN_BINOMIAL, e, below);
        if (!below) e = NULL;
    }
    p->bars = outer;
    if (e && !raml_parse_take(p, T_GROUP_END)) return raml_parse_stop(p, "a brace that is not closed");
    return e;
}

/* Takes the first letter of a word away: what is left may be a name of its own ("sin" of e^xsin x). */
static void split_word(struct token *t)
{
    t->text++;
    t->at++;
    t->n--;
    t->space = false;
    const struct lex_name *name = t->n > 1 ? raml_lex_plain(t->text, t->n) : NULL;
    if (t->n == 1) {
        t->kind = T_LETTER;
    } else if (name) {
        t->kind = name->kind;
        t->sub = name->sub;
        t->text = name->text ? name->text : "";
        t->n = (uint32_t)strlen(t->text);
    }
}

const struct expr *raml_parse_argument(struct parser *p, bool digit)
{
    struct token *t = &p->token[p->i];
    if (t->kind == T_GROUP) return raml_parse_group(p);
    if (t->kind == T_NUMBER && digit && t->n > 1) { /* \frac12: one digit */
        const struct expr *e = from_text(p, t->text, 1);
        t->text++;
        t->n--;
        return e;
    }
    if (t->kind == T_NUMBER) {
        p->i++;
        return from_text(p, t->text, t->n);
    }
    if (t->kind == T_LETTER) {
        p->i++;
        return letter(p, t->text[0], false);
    }
    if (t->kind == T_WORD && t->n > 1 && digit && (unsigned char)t->text[0] < 0x80) { /* \frac ab */
        const struct expr *e = letter(p, t->text[0], false);
        split_word(t);
        return e;
    }
    return raml_parse_primary(p);
}

/* ---- primaries ---- */

static bool is_d(const struct expr *e)
{
    return e->kind == EXPR_SYMBOL && (!strcmp(e->text, "d") || !strcmp(e->text, "partial"));
}

/* \frac{dy}{dx}, \frac{d}{dx} y, \frac{d^2y}{dx^2}: not quotients. NULL and no reason: it is another fraction. */
static const struct expr *derivative(struct parser *p, const struct expr *a, const struct expr *b)
{
    if (b->kind != EXPR_MUL || b->n != 2 || !is_d(b->arg[0])) return NULL;
    const struct expr *first = a->kind == EXPR_MUL ? a->arg[0] : a, *of = NULL;
    if (!is_d(first) && !(first->kind == EXPR_POW && is_d(first->arg[0]))) return NULL;
    if (a->kind != EXPR_MUL) {
        if (!raml_parse_begins_factor(p)) return raml_parse_stop(p, "a derivative of nothing");
        of = raml_parse_term(p);
        if (!of) return NULL;
    }
    struct expr *e = raml_expr_new(p->pool, EXPR_APPLY, of ? 3 : 2);
    if (!e) return NULL;
    e->text = "derivative";
    e->n_text = 10;
    e->arg[0] = a;
    e->arg[1] = b;
    if (of) e->arg[2] = of;
    return e;
}

static const struct expr *two_arguments(struct parser *p, bool fraction)
{
    p->i++;
    const struct expr *a = raml_parse_argument(p, true), *b = a ? raml_parse_argument(p, true) : NULL;
    const struct expr *d = fraction && b ? derivative(p, a, b) : NULL;
    if (d || p->why) return d;
    return fraction ? raml_expr_2(p->pool, EXPR_DIV, a, b) : b ? raml_expr_call(p->pool, FN_BINOMIAL, a, b) : NULL;
}

static const struct expr *root(struct parser *p)
{
    const struct expr *degree = NULL;
    p->i++;
    const struct token *t = raml_parse_peek(p, 0);
    if (t->kind == T_OPEN && t->sub == '[') {
        p->i++;
        degree = raml_parse_sum(p);
        if (!degree || !raml_parse_take_close(p, ']')) return raml_parse_stop(p, "a root that is not closed");
    }
    const struct expr *e = raml_parse_argument(p, false);
    return degree ? e ? raml_expr_call(p->pool, FN_ROOT, e, degree) : NULL : raml_expr_call(p->pool, FN_SQRT, e, NULL);
}

static const struct expr *money(struct parser *p)
{
    const struct token *t = &p->token[p->i++];
    const struct expr *v = raml_parse_power(p), *scaled = raml_parse_money_scale(p, v);
    if (v && scaled == v) scaled = raml_parse_scale(p, v);
    const struct token *ten = raml_parse_peek(p, 1);
    if (raml_parse_peek(p, 0)->kind == T_TIMES && ten->kind == T_NUMBER && !strcmp(ten->text, "10") &&
        raml_parse_peek(p, 2)->kind == T_POWER) { /* $1.5 * 10^6 */
        p->i++;
        scaled = raml_expr_2(p->pool, EXPR_MUL, scaled, raml_parse_power(p));
    }
    struct expr *e = (struct expr *)raml_expr_1(p->pool, EXPR_UNIT, scaled);
    if (e) e->text = t->text, e->n_text = t->n;
    return e;
}

/* {}_5C_2; else "{}" means nothing. */
static const struct expr *empty_group(struct parser *p)
{
    uint8_t next = raml_parse_peek(p, 2)->kind;
    if (next != T_SUB && next != T_POWER) return raml_parse_group(p);
    p->i += 2;
    return raml_parse_combination_before(p);
}

static const struct expr *primary(struct parser *p)
{
    const struct token *t = raml_parse_peek(p, 0);
    const struct expr *e = t->kind == T_NUMBER || t->kind == T_LETTER || t->kind == T_WORD || t->kind == T_OPEN
                               ? raml_parse_digits(p)
                               : NULL;
    if (e || p->why) return e;
    const struct expr *spelled = t->kind == T_WORD || t->kind == T_TEXT ? raml_parse_spelled(p) : NULL;
    if (spelled || p->why) return spelled;
    switch (t->kind) {
    case T_NUMBER: e = raml_parse_prefixed(p); return e || p->why ? e : raml_parse_number(p);
    case T_LETTER:
    case T_SYMBOL:
    case T_TEXT:
    case T_WORD:
    case T_ACCENT: return parse_name(p);
    case T_PI: p->i++; return raml_expr_new(p->pool, EXPR_PI, 0);
    case T_EULER: p->i++; return raml_expr_new(p->pool, EXPR_E, 0);
    case T_IMAGINARY: p->i++; return raml_expr_new(p->pool, EXPR_I, 0);
    case T_INFINITY: p->i++; return raml_expr_new(p->pool, EXPR_INFINITY, 0);
    case T_OPEN: return parse_open(p);
    case T_SUB:
    case T_POWER: return raml_parse_combination_before(p);
    case T_GROUP: return raml_parse_peek(p, 1)->kind == T_GROUP_END ? empty_group(p) : raml_parse_group(p);
    case T_FRAC: return two_arguments(p, true);
    case T_BINOM: return two_arguments(p, false);
    case T_SQRT: return root(p);
    case T_FN: return raml_parse_function(p);
    case T_BIG: return raml_parse_big(p);
    case T_BEGIN: return raml_parse_table(p);
    case T_EMPTY_SET: p->i++; return raml_expr_new(p->pool, EXPR_SET, 0);
    case T_SET_NAME: p->i++; return raml_parse_number_set(p, (char)t->sub);
    case T_CURRENCY: return money(p);
    default: return raml_parse_stop(p, "a sign where a number or name was expected");
    }
}

const struct expr *raml_parse_primary(struct parser *p)
{
    if (!raml_parse_enter(p)) return NULL;
    const struct expr *e = primary(p);
    raml_parse_leave(p);
    return e;
}
