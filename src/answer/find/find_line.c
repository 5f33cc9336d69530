/* find_line.c - the value that a text shows on its last line, in bold or as a formula of its own. See find.h.
 *
 *     Step one gives 9.                So we add them:
 *     Therefore the total is **18**.   $$9 + 9 = 18$$
 *
 * "Total: 18" is 18. A line with two values in bold, or with a number after the bold one, shows none.
 */
#include "answer/find/find.h"

#include "answer/read/spelled.h"

#include <string.h>

enum { LABEL_BYTES = 40, LABEL_WORDS = 5, LABEL_LETTERS = 4 }; /* "Area = 24"; but AB = 5 names a segment */

/* The byte after "Total:", "Total cost =", a label of a few words; 0: none. */
static size_t label(struct text t)
{
    size_t i = 0, words = 0, len, letters = 0, longest = 0;
    for (; i < t.n && i < LABEL_BYTES; i += len) {
        uint32_t c = raml_find_char(t, i, &len);
        if (raml_find_letter(c) || raml_find_cjk(c)) {
            if (++letters > longest) longest = letters;
            continue;
        }
        words += letters > 1;
        letters = 0;
        bool equals = c == '=' && longest >= LABEL_LETTERS && !(i + 1 < t.n && t.s[i + 1] == '=');
        if (c == ':' || c == 0xff1a || equals) return words && words <= LABEL_WORDS ? i + len : 0;
        if (c != ' ' && c != '\'' && c != '-' && c != '*') return 0;
    }
    return 0;
}

bool raml_find_labelled(struct text t, struct text *out)
{
    size_t n = label(t);
    if (!n || memchr(t.s, '\n', t.n)) return false;
    *out = raml_find_strip(raml_find_skip(t, n));
    return out->n && raml_find_plain(*out);
}

/* A line that speaks of the answer, and does not give it. */
static bool is_aside(struct text line)
{
    line = raml_find_strip(line);
    return raml_find_any(line, 0, "note|remark|check|checking|verification|hint|step|where|with|recall|given|(",
                         true) ||
           raml_find_match(line, 0, "(");
}

/* The value in what a line shows: "18", "Total: 18", "the total is 18". */
static bool value_of(struct text shown, struct text *out)
{
    struct spelled v;
    struct formula only;
    shown = raml_find_strip(shown);
    if (!shown.n) return false;
    if (raml_find_labelled(shown, out)) return true;
    *out = shown;
    if (raml_find_plain(shown) || raml_spelled_number(shown.s, shown.n, &v) == shown.n) return true;
    if (!raml_find_stated(shown, out)) return false;
    if (raml_find_only(*out, &only) && only.whole.n == out->n) *out = only.inner;
    return true;
}

/* Do the words before byte i change, or deny, what follows them? */
static bool changed(struct text t, size_t i)
{
    static const char words[] = "not|than|between|never|isn't|except";
    while (i && is_space(t.s[i - 1])) i--;
    for (size_t n = 3; n <= 7 && n <= i; n++)
        if (raml_find_any(t, i - n, words, true) == n && !raml_find_joined(t, i - n)) return true;
    return false;
}

/* The one value in bold of a line. */
static bool in_bold(struct text line, struct raml_buf *out)
{
    struct text value = {NULL, 0}, found;
    size_t after = 0;
    for (size_t i = 0; i + 1 < line.n;) {
        size_t n = raml_find_any(line, i, "**|__|\\textbf{|<b>", false);
        if (!n) {
            i++;
            continue;
        }
        const char *close = line.s[i] == '\\' ? "}" : line.s[i] == '<' ? "</b>" : line.s[i] == '_' ? "__" : "**";
        const char *end = memmem(line.s + i + n, line.n - i - n, close, strlen(close));
        if (!end) break;
        size_t to = (size_t)(end - line.s);
        if (value_of(raml_find_slice(line, i + n, to), &found)) {
            bool same = value.s && value.n == found.n && !memcmp(value.s, found.s, found.n);
            if ((value.s && !same) || changed(line, i)) return false;
            value = found;
            after = to + strlen(close);
        }
        i = to + strlen(close);
    }
    if (!value.s || raml_find_read(raml_find_skip(line, after), true).digits) return false;
    raml_buf_add(out, value.s, value.n);
    if (value.s[value.n - 1] != '%') raml_find_add_suffix(line, after, out);
    return true;
}

static bool has_digit(struct text t)
{
    for (size_t i = 0; i < t.n; i++)
        if (is_digit(t.s[i])) return true;
    return false;
}

/* The formula that t ends in, when nothing else is on its lines. */
static bool displayed(struct text t, struct text *out)
{
    struct formulas f = {.t = t};
    struct formula next, last = {{NULL, 0}, {NULL, 0}};
    while (raml_find_formula(&f, &next)) last = next;
    if (!last.whole.s || last.inner.n < 1) return false;
    struct text rest = raml_find_skip(t, (size_t)(last.whole.s + last.whole.n - t.s));
    size_t from = (size_t)(last.whole.s - t.s);
    while (from && raml_find_one_of(t.s[from - 1], " \t*>")) from--;
    bool alone = from == 0 || t.s[from - 1] == '\n' || raml_find_any(last.whole, 0, "\\[|$$", false);
    if (!alone || raml_find_strip(rest).n || raml_find_read(last.inner, false).run >= 3) return false;
    *out = last.inner;
    return last.inner.n > 1 || is_digit(last.inner.s[0]);
}

bool raml_find_last_line(struct text t, struct raml_buf *out)
{
    struct text shown;
    t = raml_find_trim(t);
    if (displayed(t, &shown)) {
        raml_buf_add(out, shown.s, shown.n);
        return true;
    }
    size_t from = t.n;
    while (from && t.s[from - 1] != '\n') from--;
    struct text line = raml_find_skip(t, from);
    if (is_aside(line)) return false;
    if (in_bold(line, out)) return true;
    line = raml_find_strip(line);
    if (!from || !has_digit(line) || (!raml_find_labelled(line, &line) && !raml_find_plain(line))) return false;
    raml_buf_add(out, line.s, line.n);
    return true;
}
