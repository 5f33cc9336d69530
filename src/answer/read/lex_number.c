/* lex_number.c - digits with their separators, point and exponent (lex.h). */
#include "answer/read/lexer.h"

#include <string.h>

/* Length of a thousands separator at i: "," "{,}" "\," ",\!" and a thin space; 0: none. *plain: a bare comma. */
static size_t separator(const struct lexer *x, size_t i, bool *plain)
{
    static const char *const words[] = {"{,}", "\\,\\!",       ",\\!\\!",      ",\\!", "\\,",
                                        "\\!", "\xe2\x80\x89", "\xe2\x80\xaf", ","};
    *plain = false;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
        size_t n = strlen(words[k]);
        if (!raml_lex_starts(x, i, words[k])) continue;
        *plain = k + 1 == sizeof words / sizeof *words;
        size_t end = *plain ? i + n : raml_lex_skip_space(x, i + n);
        return end - i;
    }
    if (at(x, i) == ' ' && is_digit(at(x, i + 1))) return 1;
    return 0;
}

static size_t digits(const struct lexer *x, size_t i)
{
    size_t k = i;
    while (is_digit(at(x, k))) k++;
    return k - i;
}

/* The digits of groups of three after the first ones; returns the byte after them. */
static size_t thousands(struct lexer *x, size_t i, char *out, size_t *n, bool *comma)
{
    size_t first = *n;
    bool zero = first && out[0] == '0';
    while (first >= 1 && first <= 3 && !zero) {
        bool plain;
        size_t sep = separator(x, i, &plain);
        if (!sep || digits(x, i + sep) != 3) break;
        bool space = at(x, i) == ' ';
        if (plain && (x->split || (x->depth && !x->environments))) break;
        if (space && (at(x, i + 4) == '/' || x->depth || at(x, i + 4) == '^')) break; /* "1 100/3", "2 100^2" */
        if (at(x, i + sep + 3) == '.' && is_digit(at(x, i + sep + 4)) && space) break;
        memcpy(out + *n, x->s + i + sep, 3);
        *n += 3;
        i += sep + 3;
        *comma |= plain;
    }
    return i;
}

/* "e-5", "E12" after the digits, not the letter e of e^2; returns the byte after it. */
static size_t exponent(const struct lexer *x, size_t i)
{
    if (at(x, i) != 'e' && at(x, i) != 'E') return i;
    size_t k = i + 1;
    if (at(x, k) == '-' || at(x, k) == '+') k++;
    size_t n = digits(x, k);
    if (!n || at(x, k + n) == '^' || is_alpha(at(x, k + n)) || n > 9) return i;
    return k + n;
}

void raml_lex_number(struct lexer *x)
{
    char *out = x->scratch;
    size_t i = x->i, n = digits(x, i);
    bool comma = false;
    memcpy(out, x->s + i, n);
    i = thousands(x, i + n, out, &n, &comma);
    if (at(x, i) == '.' && is_digit(at(x, i + 1))) {
        size_t more = digits(x, i + 1);
        memcpy(out + n, x->s + i, more + 1);
        n += more + 1;
        i += more + 1;
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
