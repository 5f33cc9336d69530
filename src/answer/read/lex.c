/* lex.c - see lex.h. */
#include "answer/read/lexer.h"

#include "answer/read/lex_names.h"
#include "answer/read/unit.h"

#include <string.h>

enum { MAX_NAME = 24 };

static const struct token *last(const struct lexer *x)
{
    return x->out.n ? &x->out.token[x->out.n - 1] : NULL;
}

/* May the last token end an operand? */
static bool after_operand(const struct lexer *x)
{
    const struct token *t = last(x);
    if (!t) return false;
    switch (t->kind) {
    case T_NUMBER:
    case T_LETTER:
    case T_WORD:
    case T_SYMBOL:
    case T_TEXT:
    case T_CLOSE:
    case T_GROUP_END:
    case T_PI:
    case T_EULER:
    case T_IMAGINARY:
    case T_INFINITY:
    case T_BANG:
    case T_PRIME:
    case T_DEGREE:
    case T_PERCENT: return true;
    default: return false;
    }
}

/* The byte after the brace that matches the one at i; n: none. */
static size_t group_end(const struct lexer *x, size_t i)
{
    size_t depth = 0;
    for (; i < x->n; i++) {
        if (x->s[i] == '\\') i++;
        else if (x->s[i] == '{') depth++;
        else if (x->s[i] == '}' && --depth == 0) return i + 1;
    }
    return x->n;
}

/* ---- words ---- */

static void add_name(struct lexer *x, const struct lex_name *name)
{
    raml_lex_add(x, name->kind, name->sub, name->text, name->text ? strlen(name->text) : 0);
}

/* "5or9", "1orW": a connective that lost its spaces. */
static size_t connective(const struct lexer *x, size_t n)
{
    const struct token *t = last(x);
    if (!t || (t->kind != T_NUMBER && t->kind != T_CLOSE)) return 0;
    size_t k = raml_lex_starts(x, x->i, "or") ? 2 : raml_lex_starts(x, x->i, "and") ? 3 : 0;
    return k && n >= k && n - k <= 1 ? k : 0;
}

/* ---- x for times ---- */

/* Do digits follow byte i, after whitespace? */
static bool number_follows(const struct lexer *x, size_t i)
{
    i = raml_lex_skip_space(x, i);
    return is_digit(at(x, i)) || (at(x, i) == '.' && is_digit(at(x, i + 1)));
}

static bool number_precedes(const struct lexer *x, size_t i)
{
    while (i && is_space(x->s[i - 1])) i--;
    return i && is_digit(x->s[i - 1]);
}

/* Is the letter at x->i, an x, a sign for times? It is when numbers are on both sides, of every such letter in the
 * text but a name before "=". */
static bool is_times(const struct lexer *x)
{
    const struct token *t = last(x);
    char c = x->s[x->i];
    if ((c | 0x20) != 'x' || !t || t->kind != T_NUMBER || !number_follows(x, x->i + 1)) return false;
    for (size_t k = 0; k < x->n; k++) {
        if (x->s[k] != c || is_alpha(at(x, k + 1)) || (k && (is_alpha(x->s[k - 1]) || x->s[k - 1] == '\\'))) continue;
        bool name = at(x, raml_lex_skip_space(x, k + 1)) == '=';
        if (!name && !(number_precedes(x, k) && number_follows(x, k + 1))) return false;
    }
    return true;
}

/* \text{ x }, \mathrm{x}, and the letter of other scripts, between numbers; x->i is after it. */
static bool is_times_text(const struct lexer *x, const char *s, size_t n)
{
    const struct token *t = last(x);
    bool letter = (n == 1 && (*s | 0x20) == 'x') ||
                  (n == 2 && (!memcmp(s, "\xd1\x85", 2) || !memcmp(s, "\xd0\xa5", 2))) ||
                  (n == 2 && !memcmp(s, "\xc3\x97", 2));
    return letter && t && t->kind == T_NUMBER && number_follows(x, x->i);
}

static void word(struct lexer *x)
{
    size_t n = 0;
    while (is_alpha(at(x, x->i + n))) n++;
    if (n == 1 && is_times(x)) {
        raml_lex_add(x, T_TIMES, 0, NULL, 0);
        x->i++;
        return;
    }
    size_t k = connective(x, n);
    if (k) {
        raml_lex_add(x, T_AND, 0, NULL, 0);
        x->i += k;
        return;
    }
    const struct lex_name *name = n > 1 ? raml_lex_plain(x->s + x->i, n) : NULL;
    if (name) add_name(x, name);
    else raml_lex_add(x, n == 1 ? T_LETTER : T_WORD, 0, raml_arena_text(x->arena, x->s + x->i, n), n);
    x->i += n;
}

/* ---- commands ---- */

/* The longest known name at i; *n its length. NULL: none. */
static const struct lex_name *longest(const struct lexer *x, size_t i, size_t *n)
{
    size_t k = 0;
    while (k < MAX_NAME && is_alpha(at(x, i + k))) k++;
    for (; k; k--) {
        const struct lex_name *name = raml_lex_command(x->s + i, k);
        if (name) {
            *n = k;
            return name;
        }
    }
    return NULL;
}

/* The text between the braces after x->i; x->i moves past them. False: no brace. */
static bool argument(struct lexer *x, const char **text, size_t *n)
{
    size_t i = raml_lex_skip_space(x, x->i);
    if (at(x, i) != '{') return false;
    size_t end = group_end(x, i);
    *text = x->s + i + 1;
    *n = end - i - 1;
    if (*n && x->s[end - 1] == '}') --*n;
    x->i = end;
    return true;
}

static void trim(const char **s, size_t *n)
{
    while (*n && is_space(**s)) ++*s, --*n;
    while (*n && is_space((*s)[*n - 1])) --*n;
}

/* \text{arccot} 1: is there something that it is a function of? */
static bool has_argument(const struct lexer *x)
{
    char c = at(x, raml_lex_skip_space(x, x->i));
    return is_alpha(c) || is_digit(c) || c == '(' || c == '\\' || c == '{';
}

/* 3 + \text{i}, 3\text{i}: the imaginary unit, not a word. */
static bool after_operator(const struct lexer *x)
{
    const struct token *t = last(x);
    return t && (t->kind == T_NUMBER || t->kind == T_PLUS || t->kind == T_MINUS || t->kind == T_TIMES ||
                 t->kind == T_GROUP_END || (t->kind == T_CLOSE && t->sub == ')') || t->kind == T_POWER ||
                 (t->kind == T_GROUP && x->out.n > 1 && t[-1].kind == T_POWER));
}

/* \text{and}, \text{ or }, \text{%} act as their content. */
static void text_token(struct lexer *x, const char *s, size_t n)
{
    trim(&s, &n);
    size_t m = n;
    while (m && (s[m - 1] == ',' || s[m - 1] == ':')) m--;
    const char *from = s;
    while (m && *from == ',') from++, m--;
    trim(&from, &m);
    const struct lex_name *name = m > 1 ? raml_lex_plain(from, m) : NULL;
    if (name && (name->kind == T_AND || name->kind == T_PERCENT || name->kind == T_DEGREE)) add_name(x, name);
    else if (name && name->kind == T_FN && has_argument(x)) add_name(x, name);
    else if (n == 1 && *s == 'i' && after_operator(x)) raml_lex_add(x, T_IMAGINARY, 0, NULL, 0);
    else if (is_times_text(x, s, n)) raml_lex_add(x, T_TIMES, 0, NULL, 0);
    else if (n == 0) x->space = true;
    else if (n == 1 && *s == ',') raml_lex_add(x, T_COMMA, 0, NULL, 0);
    else if ((n == 1 && *s == '%') || (n == 2 && s[0] == '\\' && s[1] == '%')) raml_lex_add(x, T_PERCENT, 0, NULL, 0);
    else {
        const char *copy = raml_arena_text(x->arena, s, n);
        if (copy) raml_lex_add(x, T_TEXT, 0, copy, n);
        else x->out.no_memory = true;
    }
}

/* Is this upright text after a number a unit: "m", "~m/s^2"? */
static bool upright_unit(const struct lexer *x, const char *s, size_t n)
{
    const struct token *t = last(x);
    if (!t || !n || (t->kind != T_NUMBER && t->kind != T_GROUP_END && t->kind != T_DEGREE && t->kind != T_TEXT))
        return false;
    return memchr("ei", *s, 2) == NULL && raml_unit_is_known(s, n);
}

/* \mathrm{cm}, \operatorname{lcm}, \mathbf{v}: names of two letters or more are words; else only the braces stay. */
static void roman(struct lexer *x)
{
    size_t from = x->i, n;
    const char *s;
    if (!argument(x, &s, &n)) return;
    trim(&s, &n);
    while (n && (*s == '~' || (n > 1 && *s == '\\' && strchr(",;: ", s[1])))) {
        size_t k = *s == '~' ? 1 : 2;
        s += k, n -= k;
    }
    trim(&s, &n);
    if (upright_unit(x, s, n) || is_times_text(x, s, n)) {
        text_token(x, s, n);
        return;
    }
    size_t k = 0;
    while (k < n && is_alpha(s[k])) k++;
    const struct lex_name *name = k == n && n > 1 ? raml_lex_command(s, n) : NULL;
    if (name && name->kind <= T_BAD && name->kind != T_RELATION) add_name(x, name);
    else if (k == n && n > 1) text_token(x, s, n);
    else if (k == n && n == 1) raml_lex_add(x, T_LETTER, 0, raml_arena_text(x->arena, s, 1), 1);
    else x->i = from; /* read on: { ... } */
}

static void blackboard(struct lexer *x)
{
    const char *s;
    size_t n, i = raml_lex_skip_space(x, x->i);
    if (at(x, i) && at(x, i) != '{') {
        s = x->s + i;
        n = 1;
        x->i = i + 1;
    } else if (!argument(x, &s, &n)) {
        return;
    }
    if (n == 1 && strchr("RZNQC", *s)) raml_lex_add(x, T_SET_NAME, *s, NULL, 0);
    else if (n) raml_lex_add(x, T_LETTER, 0, raml_arena_text(x->arena, s, 1), 1);
}

static void environment(struct lexer *x, bool begin)
{
    const char *s;
    size_t n;
    if (!argument(x, &s, &n)) return;
    const char *name = raml_arena_text(x->arena, s, n);
    bool table = name && (!strcmp(name, "array") || !strcmp(name, "tabular"));
    bool layout = name && (!strncmp(name, "align", 5) || !strncmp(name, "equation", 8) || !strncmp(name, "gather", 6) ||
                           !strcmp(name, "split") || !strcmp(name, "center"));
    if (layout) {
        x->space = true;
        return;
    }
    if (begin && table) { /* the columns: {cc} */
        size_t i = raml_lex_skip_space(x, x->i);
        if (at(x, i) == '{') x->i = group_end(x, i);
    }
    raml_lex_add(x, begin ? T_BEGIN : T_FINISH, 0, name, name ? n : 0);
    if (begin) x->environments++;
    else if (x->environments) x->environments--;
}

/* What follows a known command; x->i is after its name. */
static void command(struct lexer *x, const struct lex_name *name)
{
    const char *s;
    size_t n;
    switch (name->kind) {
    case LEX_DROP:
        x->space = true;
        if ((!strcmp(name->name, "left") || !strcmp(name->name, "right") || !strcmp(name->name, "mleft") ||
             !strcmp(name->name, "mright")) &&
            at(x, raml_lex_skip_space(x, x->i)) == '.')
            x->i = raml_lex_skip_space(x, x->i) + 1;
        break;
    case LEX_DROP_ARGUMENT:
        if (!argument(x, &s, &n)) break;
        x->space = true;
        break;
    case LEX_TEXT:
        if (argument(x, &s, &n)) text_token(x, s, n);
        break;
    case LEX_ROMAN: roman(x); break;
    case LEX_BB: blackboard(x); break;
    case LEX_BEGIN: environment(x, true); break;
    case LEX_END: environment(x, false); break;
    case LEX_PMOD: raml_lex_add(x, T_MOD, 1, NULL, 0); break;
    default: add_name(x, name); break;
    }
}

static void escape(struct lexer *x)
{
    char c = at(x, x->i + 1);
    size_t n;
    if (is_alpha(c)) {
        const struct lex_name *name = longest(x, x->i + 1, &n);
        if (name) {
            x->i += 1 + n;
            command(x, name);
        } else { /* an unknown command is a symbol of that name */
            for (n = 0; is_alpha(at(x, x->i + 1 + n));) n++;
            raml_lex_add(x, T_SYMBOL, 0, raml_arena_text(x->arena, x->s + x->i + 1, n), n);
            x->i += 1 + n;
        }
        return;
    }
    x->i += 2;
    switch (c) {
    case '\\':
        if ((x->doubled || !x->environments) && longest(x, x->i, &n)) {
            x->i--; /* "\\frac": one backslash too many */
            if (raml_lex_starts(x, x->i + 1, "begin")) x->doubled = true;
        } else if (x->environments) {
            raml_lex_add(x, T_ROW, 0, NULL, 0);
        } else {
            x->space = true;
        }
        break;
    case '{': raml_lex_add(x, T_OPEN, '{', NULL, 0); break;
    case '}': raml_lex_add(x, T_CLOSE, '}', NULL, 0); break;
    case '|': raml_lex_add(x, T_OPEN, '|', NULL, 0); break;
    case '%': raml_lex_add(x, T_PERCENT, 0, NULL, 0); break;
    case '$': raml_lex_add(x, T_CURRENCY, 0, "dollar", 6); break;
    case '_': x->space = true; break;
    case 0: x->i = x->n; break;
    default: x->space = true; break; /* \, \; \! \( \) \[ \] and the like */
    }
}

/* ---- signs ---- */

static void single(struct lexer *x, char c);

/* A run of superscript or subscript digits: ^{...} or _{...}. */
static void run_of_small(struct lexer *x, enum token_kind kind)
{
    raml_lex_add(x, kind, 0, NULL, 0);
    raml_lex_add(x, T_GROUP, 0, NULL, 0);
    size_t from = x->i, n = 0;
    char *text = x->scratch;
    while (x->i < x->n) {
        uint32_t c;
        size_t len = raml_lex_decode(x->s + x->i, x->n - x->i, &c);
        int d = kind == T_POWER ? raml_lex_superscript(c) : c >= 0x2080 && c <= 0x2089 ? (int)('0' + c - 0x2080) : 0;
        if (!d) break;
        if (is_digit((char)d)) {
            text[n++] = (char)d;
        } else if (d == 'n') {
            raml_lex_add(x, T_LETTER, 0, "n", 1);
        } else {
            single(x, (char)d);
            x->i--;
        }
        x->i += len;
    }
    if (n) {
        const char *copy = raml_arena_text(x->arena, text, n);
        x->out.no_memory |= !copy;
        raml_lex_add(x, T_NUMBER, 0, copy, n);
    }
    raml_lex_add(x, T_GROUP_END, 0, NULL, 0);
    if (x->i == from) x->i = x->n;
}

static bool fraction_sign(struct lexer *x, uint32_t code)
{
    const char *above, *below;
    if (!raml_lex_fraction(code, &above, &below)) return false;
    raml_lex_add(x, T_FRAC, 0, NULL, 0);
    raml_lex_add(x, T_NUMBER, 0, above, 1);
    raml_lex_add(x, T_NUMBER, 0, below, 1);
    return true;
}

/* 12", 30' 36": inches, seconds. */
static void two_primes(struct lexer *x)
{
    raml_lex_add(x, T_PRIME, 0, NULL, 0);
    raml_lex_add(x, T_PRIME, 0, NULL, 0);
}

static void beyond_ascii(struct lexer *x)
{
    uint32_t c;
    size_t n = raml_lex_decode(x->s + x->i, x->n - x->i, &c);
    const struct lex_name *name = raml_lex_sign(c);
    if (raml_lex_superscript(c)) {
        run_of_small(x, T_POWER);
        return;
    }
    if (c >= 0x2080 && c <= 0x2089) {
        run_of_small(x, T_SUB);
        return;
    }
    if (name) {
        add_name(x, name);
    } else if (c == 0x2033) {
        two_primes(x);
    } else if (c >= 0xff01 && c <= 0xff5e) { /* full width */
        char a = (char)(c - 0xfee0);
        if (is_digit(a) || is_alpha(a)) {
            const char *text = raml_arena_text(x->arena, &a, 1);
            raml_lex_add(x, is_digit(a) ? T_NUMBER : T_LETTER, 0, text, 1);
        } else {
            single(x, a);
            x->i--;
        }
    } else if (c == 0xa0 || (c >= 0x2000 && c <= 0x200f) || c == 0x202f || c == 0x2060 || c == 0x3000 || c == 0xfeff ||
               (c >= 0x201c && c <= 0x201f) || (c >= 0x2061 && c <= 0x2064)) {
        x->space = true;
    } else if (!fraction_sign(x, c)) { /* letters of some script: words */
        size_t len = n, from = x->i;
        x->i += n;
        bool times = is_times_text(x, x->s + from, n);
        x->i = from;
        if (times) raml_lex_add(x, T_TIMES, 0, NULL, 0);
        else raml_lex_add(x, T_WORD, 0, raml_arena_text(x->arena, x->s + x->i, len), len);
    }
    x->i += n;
}

static void relation(struct lexer *x, char c)
{
    char next = at(x, x->i + 1);
    bool two = next == '=';
    enum expr_relation r = c == '<' ? (two ? EXPR_LE : EXPR_LT) : c == '>' ? (two ? EXPR_GE : EXPR_GT) : EXPR_EQ;
    if (c == '<' && next == '>') {
        r = EXPR_NE;
        two = true;
    }
    if (c == '=' && (next == '<' || next == '>')) {
        r = next == '<' ? EXPR_LE : EXPR_GE;
        two = true;
    }
    raml_lex_add(x, T_RELATION, (int)r, NULL, 0);
    x->i += two;
}

/* Is "!=" at x->i a factorial and an equality, "5!=120"? It is right after a number, with no name on this side. */
static bool is_factorial(const struct lexer *x)
{
    const struct token *t = last(x);
    if (!t || x->space || (t->kind == T_NUMBER && memchr(t->text, '.', t->n))) return false;
    if (t->kind != T_NUMBER && t->kind != T_CLOSE && t->kind != T_GROUP_END && t->kind != T_BANG) return false;
    for (; t >= x->out.token; t--) {
        if (t->kind == T_RELATION || t->kind == T_COMMA || t->kind == T_AND) break;
        if (t->kind == T_LETTER || t->kind == T_WORD || t->kind == T_SYMBOL || t->kind == T_TEXT) return false;
    }
    return true;
}

/* One ASCII character that is not a digit, letter, whitespace or backslash. x->i moves past it. */
static void single(struct lexer *x, char c)
{
    switch (c) {
    case '+':
        if (at(x, x->i + 1) == '-' || (at(x, x->i + 1) == '/' && at(x, x->i + 2) == '-')) {
            raml_lex_add(x, T_PLUS_MINUS, 0, NULL, 0);
            x->i += at(x, x->i + 1) == '/' ? 2 : 1;
        } else {
            raml_lex_add(x, T_PLUS, 0, NULL, 0);
        }
        break;
    case '-': raml_lex_add(x, T_MINUS, 0, NULL, 0); break;
    case '*':
        if (at(x, x->i + 1) != '*') {
            raml_lex_add(x, T_TIMES, 0, NULL, 0);
        } else { /* "2**3" is a power, "**66**" is bold */
            if (after_operand(x) && (is_digit(at(x, x->i + 2)) || is_alpha(at(x, x->i + 2)) || at(x, x->i + 2) == '('))
                raml_lex_add(x, T_POWER, 0, NULL, 0);
            x->i++;
        }
        break;
    case '/': raml_lex_add(x, T_SLASH, 0, NULL, 0); break;
    case '^': raml_lex_add(x, T_POWER, 0, NULL, 0); break;
    case '_': raml_lex_add(x, T_SUB, 0, NULL, 0); break;
    case '!':
        if (at(x, x->i + 1) == '=' && at(x, x->i + 2) != '=' && !is_factorial(x)) {
            raml_lex_add(x, T_RELATION, EXPR_NE, NULL, 0);
            x->i++;
        } else {
            raml_lex_add(x, T_BANG, 0, NULL, 0);
        }
        break;
    case '\'': raml_lex_add(x, T_PRIME, 0, NULL, 0); break;
    case '(':
    case '[':
    case '|': raml_lex_add(x, T_OPEN, c, NULL, 0); break;
    case ')':
    case ']': raml_lex_add(x, T_CLOSE, c, NULL, 0); break;
    case '{': raml_lex_add(x, T_GROUP, 0, NULL, 0); break;
    case '}': raml_lex_add(x, T_GROUP_END, 0, NULL, 0); break;
    case ',': raml_lex_add(x, T_COMMA, 0, NULL, 0); break;
    case ';': raml_lex_add(x, T_SEMICOLON, 0, NULL, 0); break;
    case ':': raml_lex_add(x, T_COLON, 0, NULL, 0); break;
    case '.': raml_lex_add(x, T_DOT, 0, NULL, 0); break;
    case '%': raml_lex_add(x, T_PERCENT, 0, NULL, 0); break;
    case '&': raml_lex_add(x, T_CELL, 0, NULL, 0); break;
    case '<':
    case '>':
    case '=': relation(x, c); break;
    case '"':
        if (last(x) && last(x)->kind == T_NUMBER && !x->space && !memchr(x->s, '"', x->i)) two_primes(x);
        else x->space = true;
        break;
    case '~':
    case '`': x->space = true; break;
    case '$':
        if (x->drop_dollars) x->space = true;
        else raml_lex_add(x, T_CURRENCY, 0, "dollar", 6);
        break;
    default: raml_lex_add(x, T_BAD, c, NULL, 0); break;
    }
    x->i++;
}

/* Dollar signs come in pairs around mathematics; an unpaired one means money. */
static bool dollars_are_pairs(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\') i++;
        else if (s[i] == '$') count++;
    }
    return count % 2 == 0;
}

struct tokens raml_lex(const char *text, size_t n, bool split, struct raml_arena *arena)
{
    struct lexer x = {.s = text, .n = n, .arena = arena, .split = split};
    if (n > LEX_MAX_BYTES) {
        x.out.bad = true;
        n = x.n = 0;
    }
    size_t cap = n + 8 < LEX_MAX_TOKENS ? n + 8 : LEX_MAX_TOKENS;
    x.out.token =
        raml_arena_alloc(arena, 4 * cap < LEX_MAX_TOKENS ? 4 * cap + 1 : LEX_MAX_TOKENS + 1, sizeof *x.out.token);
    x.scratch = raml_arena_alloc(arena, n + 2, 1);
    if (!x.out.token || !x.scratch) {
        x.out.no_memory = true;
        return x.out;
    }
    x.drop_dollars = dollars_are_pairs(text, n);
    while (x.i < x.n && !x.out.bad && !x.out.no_memory) {
        char c = x.s[x.i];
        uint32_t before = x.out.n;
        x.from = x.i;
        if (is_space(c)) {
            x.space = true;
            x.i++;
        } else if (is_digit(c) || (c == '.' && is_digit(at(&x, x.i + 1)))) {
            raml_lex_number(&x);
        } else if (is_alpha(c)) {
            word(&x);
        } else if (c == '\\') {
            escape(&x);
        } else if ((unsigned char)c >= 0x80) {
            beyond_ascii(&x);
        } else if ((unsigned char)c < 0x20 || c == 0x7f) {
            x.space = true;
            x.i++;
        } else {
            single(&x, c);
        }
        for (; before < x.out.n; before++) x.out.token[before].end = (uint32_t)x.i;
    }
    x.out.token[x.out.n] = (struct token){.kind = T_END, .text = "", .at = (uint32_t)n, .end = (uint32_t)n};
    return x.out;
}
