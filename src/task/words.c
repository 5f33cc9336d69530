/* words.c - splits texts into words, to compare them: raml_leak_words of leak.h. docs/data.md has the rules. */
#include "raml/leak.h"
#include "core/ascii.h"
#include "raml/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* LaTeX commands for layout only; case is folded, so \Big is big here. */
static const char *const dropped[] = {
    "left",         "right",     "middle",   "big",          "bigl",    "bigr",      "bigg",    "biggl",  "biggr",
    "displaystyle", "textstyle", "limits",   "quad",         "qquad",   "thinspace", "enspace", "text",   "textbf",
    "textit",       "textrm",    "texttt",   "textsf",       "emph",    "mathrm",    "mathbf",  "mathit", "mathsf",
    "mathbb",       "mathcal",   "mathfrak", "operatorname", "mbox",    "hbox",      "rm",      "bf",     "it",
    "ldots",        "cdots",     "dots",     "noindent",     "newline", "hfill",     "par"};
static const struct {
    const char *command, *word;
} renamed[] = {{"times", "*"},
               {"cdot", "*"},
               {"ast", "*"},
               {"div", "/"},
               {"pm", "\xc2\xb1"},
               {"le", "\xe2\x89\xa4"},
               {"leq", "\xe2\x89\xa4"},
               {"leqslant", "\xe2\x89\xa4"},
               {"ge", "\xe2\x89\xa5"},
               {"geq", "\xe2\x89\xa5"},
               {"geqslant", "\xe2\x89\xa5"},
               {"ne", "\xe2\x89\xa0"},
               {"neq", "\xe2\x89\xa0"},
               {"lt", "<"},
               {"gt", ">"},
               {"dfrac", "frac"},
               {"tfrac", "frac"},
               {"cfrac", "frac"}};

enum { NAME_BYTES = 32 };

struct words { /* the output */
    struct raml_buf *out;
    bool open; /* the last word may continue */
    bool any;
};

static void close_word(struct words *w)
{
    w->open = false;
}

static void add(struct words *w, const char *s, size_t n, bool open)
{
    if (!w->open && w->any) raml_buf_adds(w->out, " ");
    raml_buf_add(w->out, s, n);
    w->open = open;
    w->any = true;
}

static void add_single(struct words *w, const char *s, size_t n)
{
    close_word(w);
    add(w, s, n, false);
}

/* Characters of scripts without spaces between words: each is a word. */
static bool is_single(utf8proc_int32_t c)
{
    return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f) || (c >= 0x1780 && c <= 0x17ff) ||
           (c >= 0x2e80 && c <= 0x31ff) || (c >= 0x3400 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x3ffff);
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* A command's name is at s; returns what follows it. */
static const char *add_command(struct words *w, const char *s)
{
    char name[NAME_BYTES];
    size_t n = 0;
    while (is_letter(s[n])) n++;
    close_word(w);
    if (n >= sizeof name) {
        add_single(w, s, n);
        return s + n;
    }
    memcpy(name, s, n);
    name[n] = 0;
    s += n;
    if (!strcmp(name, "begin") || !strcmp(name, "end")) { /* and the environment's name */
        const char *close = *s == '{' ? strchr(s, '}') : NULL;
        return close ? close + 1 : s;
    }
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (!strcmp(name, dropped[i])) return s;
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (!strcmp(name, renamed[i].command)) {
            add_single(w, renamed[i].word, strlen(renamed[i].word));
            return s;
        }
    add_single(w, name, n);
    return s;
}

/* The arithmetic sign that a character is; NULL: none. */
static const char *sign_of(utf8proc_int32_t c, utf8proc_category_t category)
{
    if (c == '*' || c == 0xb7 || c == 0xd7 || c == 0x22c5 || c == 0x2219) return "*";
    if (c == '/' || c == 0xf7 || c == 0x2044 || c == 0x2215) return "/";
    if (category == UTF8PROC_CATEGORY_PD || c == 0x2212) return "-";
    if (category != UTF8PROC_CATEGORY_SM || c == '|' || c == '~' || c == 0x2223) return NULL;
    return "";
}

static void add_words(struct words *w, const char *s)
{
    const char *last_sign = NULL; /* directly before s */
    size_t last_bytes = 0;
    while (*s) {
        if (*s == '\\') {
            last_sign = NULL;
            if (is_letter(s[1])) {
                s = add_command(w, s + 1);
                continue;
            }
            close_word(w);
            s += (unsigned char)s[1] >= 0x80 || !s[1] ? 1 : 2; /* a space, a line's end, an escaped bracket */
            continue;
        }
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &c);
        if (n < 1) n = 1, c = ' ';
        utf8proc_category_t category = utf8proc_category(c);
        const char *sign = sign_of(c, category);
        if (sign) {
            const char *text = *sign ? sign : s;
            size_t bytes = *sign ? 1 : (size_t)n;
            bool again = last_sign && last_bytes == bytes && memcmp(last_sign, text, bytes) == 0; /* "--", "**" */
            if (!again) add_single(w, text, bytes);
            last_sign = text;
            last_bytes = bytes;
        } else {
            last_sign = NULL;
            if (category < UTF8PROC_CATEGORY_LU || category > UTF8PROC_CATEGORY_NO) close_word(w);
            else if (is_single(c)) add_single(w, s, (size_t)n);
            else add(w, s, (size_t)n, true);
        }
        s += n;
    }
}

/* Case folded and in form NFKC. NULL: no memory, or not UTF-8 (*broken). free() it. */
static char *fold(const char *text, bool *broken)
{
    const char *p = text;
    *broken = false;
    while (*p && (unsigned char)*p < 0x80) p++;
    if (!*p) { /* ASCII is in that form */
        char *copy = strdup(text);
        for (char *q = copy; q && *q; q++) *q = to_lower(*q);
        return copy;
    }
    utf8proc_uint8_t *out = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, 0, &out,
                                      UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE |
                                          UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    if (n >= 0) return (char *)out;
    *broken = n == UTF8PROC_ERROR_INVALIDUTF8;
    return NULL;
}

enum raml_code raml_leak_words(const char *text, struct raml_buf *out, struct raml_err *err)
{
    struct words w = {.out = out};
    bool broken;
    char *folded = fold(text, &broken);
    if (!folded && broken) { /* U+FFFD, which is not a letter, replaces what is not UTF-8 */
        struct raml_buf clean;
        raml_buf_init(&clean, SIZE_MAX / 2);
        raml_utf8_clean(&clean, text, strlen(text));
        if (clean.data) folded = fold(clean.data, &broken);
        raml_buf_deinit(&clean);
    }
    if (!folded) return raml_fail(err, RAML_ENOMEM, "no memory for the words of a text of %zu bytes", strlen(text));
    raml_buf_add(out, "", 0); /* so that even no words have data */
    add_words(&w, folded);
    free(folded);
    return raml_buf_status(out, err);
}
