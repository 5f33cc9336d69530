/* compare_choice.c - letters of a choice (compare.h). */
#include "answer/compare/compare.h"
#include "answer/find/find.h"

#include <string.h>

/* "(C) Cecile", "C. Cecile", "C": the letter; 0: it is no choice. *alone: nothing stands behind it. */
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

bool raml_compare_choices(struct check *c, const struct raml_buf *a, const struct raml_buf *b, enum raml_verdict *v)
{
    bool alone_a = false, alone_b = false;
    char x = choice(a, &alone_a), y = choice(b, &alone_b);
    bool bracketed = memchr(a->data, '(', a->len) || memchr(b->data, '(', b->len);
    if (!x || !y || (!alone_a && !alone_b) || (alone_a && alone_b && !bracketed)) return false;
    *v = raml_compare_said(c, x == y ? RAML_EQUAL : RAML_DIFFERENT, "letters of a choice");
    return true;
}
