/* lex_number.c - digits with their separators, point and exponent (lex.h). */
#include "answer/read/lexer.h"

#include <string.h>

enum separator_kind { NO_SEPARATOR, SURE, LOOSE /* may part numbers, too */, SPACE, COMMA };

/* Length of a thousands separator at i. */
static size_t separator(const struct lexer *x, size_t i, enum separator_kind *kind)
{
    static const struct {
        const char *text;
        enum separator_kind kind;
    } known[] = {{"{,}", SURE},
                 {"{\\,}", SURE},
                 {"{\\ }", SURE},
                 {"{\\;}", SURE},
                 {"{~}", SURE},
                 {"{ }", SURE},
                 {"{'}", SURE},
                 {"\\,\\!", SURE},
                 {",\\!\\!", SURE},
                 {",\\!", SURE},
                 {"\\,", SURE},
                 {"\\!", SURE},
                 {"\\thinspace", SURE},
                 {"'", SURE},
                 {"\xe2\x80\x99", SURE},
                 {"_", SURE},
                 {"~", LOOSE},
                 {"\\ ", LOOSE},
                 {"\\:", LOOSE},
                 {"\\;", LOOSE},
                 {"\xc2\xa0", LOOSE},
                 {"\xe2\x80\x85", SURE},
                 {"\xe2\x80\x86", SURE},
                 {"\xe2\x80\x87", SURE},
                 {"\xe2\x80\x88", SURE},
                 {"\xe2\x80\x89", SURE},
                 {"\xe2\x80\x8a", SURE},
                 {"\xe2\x80\xaf", SURE},
                 {"\xe2\x81\x9f", SURE},
                 {"\xe3\x80\x80", LOOSE},
                 {",", COMMA}};
    *kind = NO_SEPARATOR;
    if (!at(x, i) || !strchr("{\\,'_~ \xc2\xe2\xe3", at(x, i))) return 0; /* what they begin with */
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (known[k].text[0] != at(x, i) || !raml_lex_starts(x, i, known[k].text)) continue;
        size_t n = strlen(known[k].text);
        *kind = known[k].kind;
        bool command = strpbrk(known[k].text, "\\{") != NULL; /* whitespace after it means nothing */
        return command ? raml_lex_skip_space(x, i + n) - i : n;
    }
    if (at(x, i) != ' ' || !is_digit(at(x, i + 1))) return 0;
    *kind = SPACE;
    return 1;
}

static size_t digits(const struct lexer *x, size_t i)
{
    size_t k = i;
    while (is_digit(at(x, k))) k++;
    return k - i;
}

/* May commas part numbers here, whatever follows them? */
static bool commas_part(const struct lexer *x)
{
    return x->split || (x->depth && !x->environments);
}

/* The digits of groups of three after the first ones; returns the byte after them. */
static size_t thousands(struct lexer *x, size_t i, char *out, size_t *n, bool *comma)
{
    size_t first = *n;
    bool zero = first && out[0] == '0';
    while (first >= 1 && first <= 3 && !zero) {
        enum separator_kind kind;
        size_t sep = separator(x, i, &kind);
        if (!sep || digits(x, i + sep) != 3) break;
        char after = at(x, i + sep + 3);
        if (kind == COMMA && commas_part(x)) break;
        if ((kind == SPACE || kind == LOOSE) && (after == '/' || after == '^')) break; /* "1 100/3", "2 100^2" */
        if (kind == SPACE && (x->depth || (after == '.' && is_digit(at(x, i + 5))))) break;
        memcpy(out + *n, x->s + i + sep, 3);
        *n += 3;
        i += sep + 3;
        *comma |= kind == COMMA;
    }
    return i;
}

/* "12,34,567": groups of two, and three digits at the end. Returns the byte after them; i: it is not so. */
static size_t indian(struct lexer *x, size_t i, char *out, size_t *n, bool *comma)
{
    size_t k = i, groups = 0, len = *n;
    char *digit = out + len;
    if (len < 1 || len > 2 || out[0] == '0' || commas_part(x)) return i;
    for (;;) {
        enum separator_kind kind;
        size_t sep = separator(x, k, &kind), many = sep ? digits(x, k + sep) : 0;
        if ((many != 2 && many != 3) || (kind != COMMA && kind != SURE)) return i;
        memcpy(digit, x->s + k + sep, many);
        digit += many;
        k += sep + many;
        if (many == 3) break;
        groups++;
    }
    if (!groups || (at(x, k) == ',' && is_digit(at(x, k + 1)))) return i;
    *n = (size_t)(digit - out);
    *comma = true;
    return k;
}

/* "1.234,5", "1.234.567,89", "1.234.567", "1 234,5": points or spaces part thousands where nothing else can be meant. Returns the byte after
 * them, with a point for the comma in out; i: it is not so. */
static size_t points(struct lexer *x, size_t i, char *out, size_t *n, bool *comma)
{
    size_t k = i, groups = 0, len = *n;
    if (len < 1 || len > 3 || out[0] == '0' || commas_part(x)) return i;
    char sep = at(x, k);
    if (sep != '.' && sep != ' ') return i;
    while (at(x, k) == sep && digits(x, k + 1) == 3) {
        memcpy(out + len, x->s + k + 1, 3);
        len += 3;
        k += 4;
        groups++;
    }
    size_t decimals = at(x, k) == ',' ? digits(x, k + 1) : 0;
    if (!groups || (at(x, k) == '.' && is_digit(at(x, k + 1))) || (groups == 1 && (!decimals || decimals == 3)))
        return i;
    if (decimals && at(x, k + 1 + decimals) == ',' && is_digit(at(x, k + 2 + decimals))) return i;
    if (decimals) {
        out[len++] = '.';
        memcpy(out + len, x->s + k + 1, decimals);
        len += decimals;
        k += 1 + decimals;
        *comma = true;
    }
    *n = len;
    return k;
}

/* "e-5", "E12" after the digits, not the letter e of e^2; returns the byte after it. */
static size_t exponent(const struct lexer *x, size_t i)
{
    if (at(x, i) != 'e' && at(x, i) != 'E') return i;
    size_t k = i + 1;
    bool sign = at(x, k) == '-' || at(x, k) == '+';
    k += sign;
    size_t n = digits(x, k);
    char after = at(x, k + n);
    bool unit = sign && (after == 'j' || after == 'i') && !is_alpha(at(x, k + n + 1)); /* 1.2e-16j */
    if (!n || after == '^' || (is_alpha(after) && !unit) || n > 9) return i;
    return k + n;
}

void raml_lex_number(struct lexer *x)
{
    char *out = x->scratch;
    size_t i = x->i, n = digits(x, i);
    bool comma = false;
    memcpy(out, x->s + i, n);
    i += n;
    size_t grouped = points(x, i, out, &n, &comma);
    if (grouped == i) grouped = indian(x, i, out, &n, &comma);
    bool whole = grouped == i || !memchr(out, '.', n);
    i = grouped == i ? thousands(x, i, out, &n, &comma) : grouped;
    if (!whole) {
        /* its decimals are there */
    } else if (at(x, i) == '.' && is_digit(at(x, i + 1))) {
        size_t more = digits(x, i + 1);
        memcpy(out + n, x->s + i, more + 1);
        n += more + 1;
        i += more + 1;
    } else if (at(x, i) == '{' && at(x, i + 1) == ',' && at(x, i + 2) == '}' && digits(x, i + 3) &&
               digits(x, i + 3) != 3) {
        size_t more = digits(x, i + 3); /* 1{,}5 */
        out[n++] = '.';
        memcpy(out + n, x->s + i + 3, more);
        n += more;
        i += 3 + more;
    } else if (at(x, i) == '.' && n && !is_alpha(at(x, i + 1)) && at(x, i + 1) != '.' && i + 1 < x->n &&
               !is_space(at(x, i + 1)) && at(x, i + 1) != '$' && at(x, i + 1) != '}') {
        i++; /* "3.\overline{6}", "5.)" */
        out[n++] = '.';
    }
    size_t end = exponent(x, i);
    memcpy(out + n, x->s + i, end - i);
    n += end - i;
    const char *text = raml_arena_text(x->arena, out, n);
    x->out.no_memory |= !text;
    struct token *t = raml_lex_add(x, T_NUMBER, 0, text, n);
    t->comma = comma;
    x->out.thousands |= comma;
    x->i = end;
}
