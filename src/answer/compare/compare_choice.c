/* compare_choice.c - letters of a choice (compare.h). */
#include "answer/compare/compare.h"
#include "answer/find/find.h"

#include <string.h>

/* "(C) Cecile", "C. Cecile", "\textbf{(C)}\ 12", "C". */
struct label {
    char letter;      /* 0: it is no choice */
    bool bracketed;   /* a bracket is beside the letter, or a word says that it is a choice */
    bool small;       /* a lone small letter: a choice only beside a capital one in brackets */
    struct text rest; /* what the letter stands for; empty: only the letter */
};

/* Commands that set text, with what they open; and space. */
static size_t dress(struct text t, size_t i, size_t *braces)
{
    static const char commands[] = "\\textbf{|\\text{|\\textrm{|\\textnormal{|\\mathbf{|\\mathrm{|\\mathit{|\\mathsf{|"
                                   "\\textit{|\\boldsymbol{|\\bold{|\\mbox{|{";
    size_t n = raml_find_any(t, i, commands, false);
    *braces += n > 0;
    return n ? n : raml_find_any(t, i, "\\bf |\\rm |$|**|\\(|\\[", false);
}

static size_t gap(struct text t, size_t i)
{
    size_t n = raml_find_space(t, i);
    return n ? n : raml_find_any(t, i, "\\ |\\,|\\;|\\:|\\quad|\\qquad|~|\xc2\xa0", false);
}

/* The byte after what closes a letter before byte i: bracket, braces, stop or colon. *mark: one of these, but braces,
 * was there, with space after it. */
static size_t after_letter(struct text t, size_t i, size_t *braces, bool *closed, bool *mark)
{
    bool stop = false, spaced = false;
    *closed = false;
    for (size_t n = 1; n && i < t.n; i += n) {
        n = gap(t, i);
        spaced = spaced || n > 0;
        if (n) continue;
        if (t.s[i] == '}' && *braces) {
            --*braces;
            n = 1;
        } else if (t.s[i] == ')' && !*closed) {
            *closed = true;
            spaced = false;
            n = 1;
        } else if ((t.s[i] == '.' || t.s[i] == ':') && !stop && !spaced) {
            stop = true;
            n = 1;
        } else {
            n = raml_find_any(t, i, "**", false);
        }
    }
    *mark = (stop || *closed) && spaced;
    return i;
}

/* The letter at byte i, with its brackets, and the byte after them; braces that were opened may close in it. 0: none. */
static size_t letter_at(struct text t, size_t i, size_t *braces, struct label *out, bool *mark)
{
    bool open = i < t.n && t.s[i] == '(';
    i += open;
    for (size_t n = open; n; i += n) n = dress(t, i, braces); /* "(\text{C})" */
    bool lower = open && i < t.n && t.s[i] >= 'a' && t.s[i] <= 'j';
    if (i >= t.n || (!lower && !is_upper(t.s[i]))) return 0;
    out->letter = lower ? (char)(t.s[i] - 'a' + 'A') : t.s[i];
    i = after_letter(t, i + 1, braces, &out->bracketed, mark);
    return open && !out->bracketed ? 0 : i;
}

/* "Option B", "choice (b) is correct": the letter's part of it; named: such words were there. */
static struct text without_words(struct text t, bool *named)
{
    *named = false;
    if (t.n < 4) return t;
    static const char *const after[] = {" is correct", " is right", " is the answer", " is the correct answer"};
    bool word = is_alpha(t.s[0]) && (is_alpha(t.s[1]) || is_space(t.s[1])), end = strchr("trTR", t.s[t.n - 1]) != NULL;
    size_t n = !word
                   ? 0
                   : raml_find_any(t, 0,
                                   "option|choice|the option|the choice|answer choice|answer option|the correct option|"
                                   "the correct choice|letter|statement",
                                   true);
    *named = n > 0 && n < t.n;
    if (*named) t = raml_find_trim(raml_find_skip(t, n));
    for (size_t k = 0; end && k < sizeof after / sizeof *after; k++) {
        size_t m = strlen(after[k]);
        if (t.n <= m || memcmp(t.s + t.n - m, after[k], m) != 0) continue;
        t.n -= m;
        *named = true;
        break;
    }
    return t;
}

/* "a", "b)", "c.": a small letter, alone or with what closes it. */
static bool small_letter(struct text t, char *letter, bool *closed)
{
    *closed = t.n == 2 && (t.s[1] == ')' || t.s[1] == '.');
    if (!(t.n == 1 || *closed) || t.s[0] < 'a' || t.s[0] > 'j') return false;
    *letter = (char)(t.s[0] - 'a' + 'A');
    return true;
}

static struct label label(struct text t)
{
    struct label out = {0}, none = {0};
    size_t i = 0, braces = 0;
    bool mark, named, closed;
    while (t.n && (is_space(t.s[t.n - 1]) || t.s[t.n - 1] == '$' || t.s[t.n - 1] == '.')) t.n--;
    t = without_words(t, &named);
    if (small_letter(t, &out.letter, &closed)) {
        out.bracketed = named || closed;
        out.small = !out.bracketed;
        return out;
    }
    for (size_t n = 1; n;) {
        i += raml_find_space(t, i);
        n = dress(t, i, &braces);
        i += n;
    }
    size_t to = letter_at(t, i, &braces, &out, &mark);
    if (!to) return none;
    out.rest = raml_find_skip(t, to);
    for (; braces; braces--) { /* "\text{(C) 12}" */
        out.rest = raml_find_trim(out.rest);
        if (!out.rest.n || out.rest.s[out.rest.n - 1] != '}') return none;
        out.rest.n--;
    }
    out.rest = raml_find_trim(out.rest);
    while (out.rest.n >= 2 && !memcmp(out.rest.s + out.rest.n - 2, "**", 2)) out.rest.n -= 2;
    out.bracketed |= named;
    return out.rest.n && !mark ? none : out;
}

static struct text text_of(const struct raml_buf *b)
{
    return (struct text){b->data, b->len};
}

bool raml_compare_choices(struct check *c, const struct raml_buf *a, const struct raml_buf *b, enum raml_verdict *v)
{
    struct label x = label(text_of(a)), y = label(text_of(b));
    if (!x.letter || !y.letter || (x.rest.n && y.rest.n)) return false;
    if (!x.rest.n && !y.rest.n && !x.bracketed && !y.bracketed) return false;
    if ((x.small && (y.rest.n || !y.bracketed)) || (y.small && (x.rest.n || !x.bracketed))) return false;
    *v = raml_compare_said(c, x.letter == y.letter ? RAML_EQUAL : RAML_DIFFERENT, "letters of a choice");
    return true;
}

bool raml_compare_labelled(const struct raml_buf *a, const struct raml_buf *b, struct raml_buf out[2])
{
    struct label x = label(text_of(a)), y = label(text_of(b));
    if (x.small || y.small || (!x.rest.n && !y.rest.n) || (x.letter && y.letter && x.letter != y.letter)) return false;
    if ((x.letter && !x.rest.n) || (y.letter && !y.rest.n)) return false;
    out[0] = (struct raml_buf){.data = x.rest.n ? a->data + (x.rest.s - a->data) : a->data, .len = a->len};
    out[1] = (struct raml_buf){.data = y.rest.n ? b->data + (y.rest.s - b->data) : b->data, .len = b->len};
    if (x.rest.n) out[0].len = x.rest.n;
    if (y.rest.n) out[1].len = y.rest.n;
    return true;
}
