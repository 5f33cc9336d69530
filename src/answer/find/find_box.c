/* find_box.c - \boxed{} and \fbox{}: the last one that is not empty, and those that belong to it. See find.h.
 *
 * The text is walked backwards, with a count of closing braces that no opening brace has matched yet; the content of a
 * box found that way is walked forwards once. Several boxes are one answer when the text between them is short
 * and contains "and" or "or", or no word at all: "\boxed{1} and \boxed{2}", "\boxed{1}, \boxed{2}".
 */
#include "answer/find/find.h"

#include <string.h>

/* clang-format off */
enum { MAX_JOINED = 256, ALTERNATIVES = 8, /* boxes of one answer; that may be one answer written several ways */
       JOINT = 30, JOINT_WORDS = 4 }; /* bytes without whitespace, and words, between two of them */
/* clang-format on */

struct box {
    size_t from, to; /* of all of it, in the text */
    struct text inner;
};

/* Is the byte at i after an odd number of backslashes? */
static bool escaped(struct text t, size_t i)
{
    size_t n = 0;
    while (i > n && t.s[i - 1 - n] == '\\') n++;
    return n % 2 == 1;
}

static bool brace(struct text t, size_t i)
{
    return (t.s[i] == '{' || t.s[i] == '}') && !escaped(t, i);
}

/* Where the boxing command that ends at byte i begins: \boxed, \fbox, with any number of backslashes, and as JSON and
 * Python spoil them (\b and \f read as control characters). i: there is none. */
static size_t command(struct text t, size_t i)
{
    static const char *const names[] = {"boxed", "\boxed", "\\fbox", "\fbox"};
    size_t end = i;
    while (end && is_space(t.s[end - 1]) && t.s[end - 1] != '\f') end--;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        size_t n = strlen(names[k]);
        if (end < n || memcmp(t.s + end - n, names[k], n) != 0) continue;
        size_t at = end - n;
        if (k == 0 && at && is_alpha(t.s[at - 1])) continue;
        while (at && t.s[at - 1] == '\\') at--;
        return at;
    }
    return i;
}

/* The byte of the brace that matches the one at i; t.n: none. */
static size_t closing(struct text t, size_t i)
{
    for (size_t depth = 0; i < t.n; i++) {
        if (!brace(t, i)) continue;
        if (t.s[i] == '{') depth++;
        else if (--depth == 0) return i;
    }
    return t.n;
}

/* "\boxed{...}" is spoken of, and no answer. */
static bool only_dots(struct text t)
{
    if (raml_find_any(t, 0, "\\ldots|\\dots|\xe2\x80\xa6", false) == t.n) return true;
    for (size_t i = 0; i < t.n; i++)
        if (t.s[i] != '.') return false;
    return true;
}

/* The last box of t[0..end) that is balanced, and not empty when `full`. */
static bool box_before(struct text t, size_t end, bool full, struct box *out)
{
    size_t open = 0;
    for (size_t i = end; i-- > 0;) {
        if (!brace(t, i)) continue;
        if (t.s[i] == '}') {
            open++;
            continue;
        }
        if (!open) continue;
        open--;
        size_t from = command(t, i);
        if (from == i) continue;
        size_t to = closing((struct text){t.s, end}, i);
        if (to == end) continue;
        struct text inner = raml_find_trim(raml_find_slice(t, i + 1, to));
        if (full && (!inner.n || only_dots(inner))) continue;
        *out = (struct box){from, to + 1, inner};
        return true;
    }
    return false;
}

/* Does the text between two boxes make them one answer? */
static bool joint(struct text gap)
{
    size_t n = 0, words = 0, lines = 0;
    bool link = false, comma = false;
    for (size_t i = 0; i < gap.n; i++) {
        char c = gap.s[i];
        if (is_space(c)) {
            lines += c == '\n';
            continue;
        }
        if (++n > JOINT || c == '.') return false;
        comma = comma || c == ',' || c == ';';
        bool begins = is_alpha(c) && (!i || !is_alpha(gap.s[i - 1]));
        if (!begins || (i && gap.s[i - 1] == '\\')) continue;
        words++;
        link = link || raml_find_any(gap, i, "and|or", true);
    }
    struct text rest = raml_find_strip(gap);
    bool nothing = n == 0 || (rest.n && rest.s[0] == '\\' && !words && memchr(rest.s, 'q', rest.n)); /* \quad */
    return words <= JOINT_WORDS && (link || (comma && !words) || (nothing && lines < 2));
}

static bool same(struct text a, struct text b)
{
    return a.n == b.n && memcmp(a.s, b.s, a.n) == 0;
}

/* The byte after signs that end a formula. */
static size_t after_signs(struct text t, size_t i)
{
    for (size_t n = 1; n;) {
        i += raml_find_space(t, i);
        n = raml_find_any(t, i, "$|\\)|\\]|}|**", false);
        i += n;
    }
    return i;
}

/* "\boxed 5": what follows the command, up to whitespace; the last one from byte `from` on. */
static bool token(struct text t, size_t from, struct box *out)
{
    bool found = false;
    for (size_t i = from; i + 6 < t.n; i++) {
        if (t.s[i] != '\\' || !raml_find_match(t, i, "\\boxed") || is_alpha(t.s[i + 6])) continue;
        size_t start = i, at = i + 6 + raml_find_space(t, i + 6), end = at;
        if (at < t.n && t.s[at] == '{') continue;
        while (end < t.n && !is_space(t.s[end]) && !raml_find_one_of(t.s[end], "$;")) end++;
        struct text inner = raml_find_strip(raml_find_slice(t, at, end));
        i = end - 1;
        if (!inner.n) continue;
        *out = (struct box){start, end, inner};
        found = true;
    }
    return found;
}

/* "\boxed{12 and": the last unclosed box, from byte `from` on, up to the end of the text. It may be empty. */
static bool open_box(struct text t, size_t from, struct box *out)
{
    size_t at = t.n, open = 0, begin = t.n;
    for (size_t i = t.n; at == t.n && i-- > from;) {
        if (!brace(t, i)) continue;
        if (t.s[i] == '}') open++;
        else if (open) open--;
        else if ((begin = command(t, i)) != i) at = i;
    }
    if (at == t.n) return false;
    struct text inner = raml_find_skip(t, at + 1);
    for (size_t n = 1; n; inner.n -= n) { /* A $ or \] that closed the formula is excluded. */
        inner = raml_find_trim(inner);
        bool closes = inner.n > 1 && inner.s[inner.n - 1] == ']' && inner.s[inner.n - 2] == '\\';
        n = closes ? 2 : inner.n && raml_find_one_of(inner.s[inner.n - 1], "$\\") ? 1 : 0;
    }
    *out = (struct box){begin, t.n, raml_find_trim(inner)};
    return true;
}

bool raml_find_broken_off(struct text t)
{
    struct box closed, b;
    size_t last_sign = t.n;
    while (last_sign && is_space(t.s[last_sign - 1])) last_sign--;
    if (last_sign > 1 && t.s[last_sign - 1] == '.') last_sign--;
    if (!last_sign || raml_find_one_of(t.s[last_sign - 1], "}$)]*.")) return false; /* most texts */
    bool found = box_before(t, t.n, true, &closed);
    if (!t.n || !open_box(t, found ? closed.to : 0, &b) || !b.inner.n) return false;
    size_t at = (size_t)(b.inner.s - t.s), end = t.n;
    while (end > at && is_space(t.s[end - 1])) end--;
    unsigned char last = (unsigned char)t.s[end - 1];
    bool word = is_digit((char)last) || is_alpha((char)last) || last >= 0x80 ||
                raml_find_one_of((char)last, ".,+-*/=^_\\({[<>:");
    return word && !memchr(t.s + at, '$', t.n - at) && !memmem(t.s + at, t.n - at, "<|", 2) &&
           !memmem(t.s + at, t.n - at, "</", 2);
}

static void add(struct text t, const struct box *b, struct raml_buf *out)
{
    raml_buf_add(out, b->inner.s, b->inner.n);
    bool marked = b->inner.n && b->inner.s[b->inner.n - 1] == '%';
    if (!marked) raml_find_add_suffix(t, after_signs(t, b->to), out);
}

/* The last box that says something. One that is not closed is the last all the same: what stood in a box before it was
 * given up. It may be empty. */
static bool last_box(struct text t, struct box *out)
{
    struct box b;
    bool found = box_before(t, t.n, true, out);
    if (token(t, found ? out->to : 0, &b)) {
        *out = b;
        found = true;
    }
    if (open_box(t, found ? out->to : 0, &b)) {
        *out = b;
        found = true;
    }
    return found;
}

/* The last box that says something and those that it is joined to, the last one first; one that says the same as the
 * box after it is left out. Returns how many. */
static size_t boxes(struct text t, struct box joined[MAX_JOINED])
{
    struct box b;
    size_t n = 1;
    if (!last_box(t, &joined[0])) return 0;
    size_t from = joined[0].from;
    while (joined[0].inner.n && n < MAX_JOINED && box_before(t, from, false, &b) &&
           joint(raml_find_slice(t, b.to, from))) {
        if (b.inner.n && !same(b.inner, joined[n - 1].inner)) joined[n++] = b;
        from = b.from;
    }
    return n;
}

static void write_boxes(struct text t, const struct box *joined, size_t n, struct raml_buf *out)
{
    if (n == 1) add(t, &joined[0], out);
    for (size_t k = n; n > 1 && k-- > 0;) {
        raml_buf_add(out, joined[k].inner.s, joined[k].inner.n);
        if (k) raml_buf_adds(out, ", ");
    }
}

bool raml_find_box(struct text t, struct raml_buf *out, size_t *end)
{
    struct box joined[MAX_JOINED];
    size_t n = boxes(t, joined);
    if (!n) return false;
    *end = joined[0].to;
    write_boxes(t, joined, n, out);
    return true;
}

bool raml_find_boxes(struct text t, raml_find_same_fn *equal, struct raml_buf *out)
{
    struct box joined[MAX_JOINED], b;
    size_t n = boxes(t, joined), kept = 1;
    if (!n || !joined[0].inner.n) return box_before(t, t.n, false, &b);
    for (size_t k = 1; k < n; k++)
        if (n > ALTERNATIVES || !equal(joined[0].inner, joined[k].inner)) joined[kept++] = joined[k];
    write_boxes(t, joined, kept, out);
    return true;
}

bool raml_find_says_something(struct text t)
{
    struct box b;
    return raml_find_trim(t).n && (!box_before(t, t.n, false, &b) || (last_box(t, &b) && b.inner.n));
}
