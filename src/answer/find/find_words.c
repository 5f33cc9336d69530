/* find_words.c - does a text read as a sentence, or is it only an answer? See find.h. */
#include "answer/find/find.h"
#include "answer/read/lex.h"
#include "core/ascii.h"

#include <string.h>

/* clang-format off */
enum { MOST_BREAKS = 3, /* a text of more lines is not a bare answer */
       SENTENCE = 3, CJK_WORD = 4, /* this many words, or characters without spaces, in a row are a sentence */
       SHORT_WORDS = 5, SHORT_BYTES = 60 }; /* but "no real solutions" is an answer */
/* clang-format on */

struct walk {
    struct reading r;
    size_t run, cjk;
    size_t depth, quiet; /* open braces; how many there were when a command's text began (quiet - 1), 0: none */
};

/* Commands whose braces contain words that count as part of a formula. */
static bool is_text(struct text name)
{
    static const char *const names[] = {"text",         "textbf", "textit", "textrm", "texttt", "mbox",
                                        "mathrm",       "mathbf", "mathit", "mathsf", "begin",  "end",
                                        "operatorname", "hbox",   "boxed",  "fbox",   "emph",   "underline"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == name.n && memcmp(names[i], name.s, name.n) == 0) return true;
    return false;
}

static void part(struct walk *w)
{
    w->run = w->cjk = 0;
}

/* A command at i: its bytes. */
static size_t command(struct walk *w, struct text t, size_t i)
{
    size_t slashes = 1;
    while (i + slashes < t.n && t.s[i + slashes] == '\\') slashes++; /* doubled, as JSON writes it */
    size_t n = slashes;
    while (i + n < t.n && is_alpha(t.s[i + n])) n++;
    if (n == slashes) return i + n < t.n && slashes % 2 ? n + 1 : n;
    size_t brace = i + n + raml_find_space(t, i + n);
    if (!w->quiet && brace < t.n && t.s[brace] == '{' && is_text(raml_find_slice(t, i + slashes, i + n)))
        w->quiet = w->depth + 1;
    w->r.block = w->r.block || raml_find_match(t, i + slashes, "begin{");
    part(w);
    return n;
}

/* A word at i, with apostrophes in it: its bytes. */
static size_t word(struct walk *w, struct text t, size_t i)
{
    size_t n = 0, letters = 0, len;
    while (i + n < t.n) {
        uint32_t c = raml_find_char(t, i + n, &len);
        if (!raml_find_letter(c) && !(letters && (c == '\'' || c == 0x2019))) break;
        letters++;
        n += len;
    }
    w->cjk = 0;
    struct text is = raml_find_slice(t, i, i + n);
    size_t link = raml_find_any(is, 0, "and|or", false);
    if (link && (link == n || (link + 1 == n && is.s[link] <= 'Z'))) { /* "x=1orX=2" too */
        w->run = 0;
    } else if (raml_lex_plain(is.s, is.n)) { /* cos, sqrt, pi: part of a formula */
        w->run = 0;
    } else if (letters > 1 && !w->quiet) {
        w->r.words++;
        if (++w->run > w->r.run) w->r.run = w->run;
    }
    return n;
}

/* Does the full stop at i end a sentence before another? */
static bool stops(struct text t, size_t i)
{
    size_t n = raml_find_space(t, i + 1), len;
    if (!n || i + 1 + n >= t.n || !i || is_space(t.s[i - 1])) return false;
    size_t next = i + 1 + n;
    return is_upper(t.s[next]) || raml_find_char(t, next, &len) >= 0x400;
}

static void sign(struct walk *w, struct text t, size_t i, uint32_t c)
{
    if (c == '{') w->depth++;
    if (c == '}' && w->depth) {
        w->depth--;
        if (w->quiet == w->depth + 1) w->quiet = 0;
    }
    if (c == '.' && !w->quiet) w->r.stops = w->r.stops || stops(t, i);
    if (c == '\n' && !w->depth) w->r.breaks++;
    if (c == 0x3002 && i + 3 < t.n) w->r.stops = true;
    if (c < 0x80 && is_digit((char)c)) w->r.digits = true;
    bool soft = (c < 0x80 && is_space((char)c)) || c == '-' || c == '"' || c == '*' || c == '(' || c == ')';
    if (!soft) part(w);
}

struct reading raml_find_read(struct text t, bool formulas)
{
    struct walk w = {.quiet = 0};
    struct formulas f = {.t = t};
    struct formula next = {{0}, {0}};
    bool more = formulas && raml_find_formula(&f, &next);
    for (size_t i = 0, len; i < t.n;) {
        if (more && t.s + i == next.whole.s) {
            i += next.whole.n;
            w.r.formulas++;
            part(&w);
            more = raml_find_formula(&f, &next);
            continue;
        }
        uint32_t c = raml_find_char(t, i, &len);
        if (c == '\\') {
            len = command(&w, t, i);
        } else if (raml_find_letter(c)) {
            len = word(&w, t, i);
        } else if (raml_find_cjk(c)) {
            if (++w.cjk >= CJK_WORD) w.r.run = w.r.run < SENTENCE ? SENTENCE : w.r.run;
            if (w.cjk == 1) w.r.words++;
        } else {
            sign(&w, t, i, c);
        }
        i += len;
    }
    return w.r;
}

bool raml_find_sentence(struct text t)
{
    struct reading r = raml_find_read(t, true);
    if (r.stops || (r.breaks > MOST_BREAKS && !r.block)) return true;
    if (r.run < SENTENCE) return false;
    return r.digits || r.formulas || r.words > SHORT_WORDS || t.n > SHORT_BYTES;
}
