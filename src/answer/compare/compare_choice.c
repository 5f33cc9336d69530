/* compare_choice.c - letters of a choice (compare.h). */
#include "answer/compare/compare.h"
#include "answer/find/find.h"

#include <string.h>

/* "(C) Cecile", "C. Cecile", "C": the letter; 0: it is no choice. *only: nothing comes after it. */
static char choice(const struct raml_buf *a, bool *only)
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
    bool label = close || (i < n && (s[i] == '.' || s[i] == ':'));
    *only = i + close >= n;
    if (*only) return letter;
    return label && i + 1 < n && is_space(s[i + 1]) ? letter : 0;
}

bool raml_compare_choices(struct check *c, const struct raml_buf *a, const struct raml_buf *b, enum raml_verdict *v)
{
    bool only_a = false, only_b = false;
    char x = choice(a, &only_a), y = choice(b, &only_b);
    bool bracketed = memchr(a->data, '(', a->len) || memchr(b->data, '(', b->len);
    if (!x || !y || (!only_a && !only_b) || (only_a && only_b && !bracketed)) return false;
    *v = raml_compare_said(c, x == y ? RAML_EQUAL : RAML_DIFFERENT, "letters of a choice");
    return true;
}
