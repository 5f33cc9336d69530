/* find_math.c - the formulas of a text. See find.h.
 *
 * A single $ is often a currency sign. $..$ is a formula when both are on one line with something between them that
 * does not read as words and is not an amount followed by the next amount's sign ("$10 and $20").
 */
#include "answer/find/find.h"

#include <string.h>

/* The formula whose opening delimiter (n bytes) is at pos and whose closing delimiter is `close`. */
static bool up_to(struct formulas *f, size_t n, const char *close, bool *none, struct formula *out)
{
    struct text rest = raml_find_skip(f->t, f->pos + n);
    const char *end = *none || !rest.n ? NULL : memmem(rest.s, rest.n, close, 2);
    if (!end) {
        *none = true;
        f->pos += n;
        return false;
    }
    out->inner = (struct text){rest.s, (size_t)(end - rest.s)};
    out->whole = raml_find_slice(f->t, f->pos, (size_t)(end + 2 - f->t.s));
    while (close[0] == '\\' && out->inner.n && out->inner.s[out->inner.n - 1] == '\\') out->inner.n--; /* \\( x \\) */
    out->inner = raml_find_trim(out->inner);
    f->pos = (size_t)(end + 2 - f->t.s);
    return out->inner.n > 0;
}

static bool single(struct formulas *f, struct formula *out)
{
    size_t from = f->pos + 1, i = from;
    struct text t = f->t;
    while (i < t.n && t.s[i] != '$' && t.s[i] != '\n') i += t.s[i] == '\\' && i + 1 < t.n ? 2 : 1;
    f->pos = from;
    if (i >= t.n || t.s[i] != '$') {
        f->pos = i < t.n ? i : t.n;
        return false;
    }
    f->pos = i;
    struct text inner = raml_find_trim(raml_find_slice(t, from, i));
    if (!inner.n) return false;
    bool amounts = is_digit(inner.s[0]) && i + 1 < t.n && is_digit(t.s[i + 1]);
    size_t before = from - 1; /* "220 $ sur 300 $": amounts, too */
    while (before && t.s[before - 1] == ' ') before--;
    bool word = inner.n > 2 && is_alpha(inner.s[0]) && is_alpha(inner.s[1]);
    amounts = amounts || (word && before && is_digit(t.s[before - 1]) && is_digit(inner.s[inner.n - 1]));
    if (amounts || raml_find_read(inner, false).run >= 3) return false;
    *out = (struct formula){inner, raml_find_slice(t, from - 1, i + 1)};
    f->pos = i + 1;
    return true;
}

bool raml_find_formula(struct formulas *f, struct formula *out)
{
    while (f->pos < f->t.n) {
        struct text rest = raml_find_skip(f->t, f->pos);
        bool found = false;
        if (rest.s[0] == '\\') {
            size_t n = 1;
            while (n < rest.n && rest.s[n] == '\\') n++;
            char c = n < rest.n ? rest.s[n] : 0;
            if (c == '(') found = up_to(f, n + 1, "\\)", &f->no_round, out);
            else if (c == '[') found = up_to(f, n + 1, "\\]", &f->no_square, out);
            else f->pos += n < rest.n ? n + 1 : n;
        } else if (rest.s[0] == '$' && rest.n > 1 && rest.s[1] == '$') {
            found = up_to(f, 2, "$$", &f->no_double, out);
        } else if (rest.s[0] == '$') {
            found = single(f, out);
        } else {
            f->pos++;
        }
        if (found) return true;
    }
    return false;
}

bool raml_find_only(struct text t, struct formula *out)
{
    struct formulas f = {.t = t};
    struct formula next;
    if (!raml_find_formula(&f, out)) return false;
    while (raml_find_formula(&f, &next)) {
        if (next.inner.n != out->inner.n || memcmp(next.inner.s, out->inner.s, next.inner.n) != 0) return false;
        *out = next;
    }
    return true;
}
