/* compare_words.c - answers in words: sets and values that have a name, dates (compare.h). */
#include "answer/compare/compare.h"

#include "core/ascii.h"

#include <string.h>

enum { MAX_WORDS = 96 };

static bool says(const char *text, const char *const *list)
{
    for (; *list; list++)
        if (text[0] == (*list)[0] && !strcmp(text, *list)) return true;
    return false;
}

static bool everything(const struct expr *e)
{
    return e->kind == EXPR_INTERVAL && e->arg[0]->kind == EXPR_NEG && e->arg[0]->arg[0]->kind == EXPR_INFINITY &&
           e->arg[1]->kind == EXPR_INFINITY;
}

/* The letters of a product of names, "XY" of X*Y; false: it is not one, or too long. */
static bool spelled(const struct expr *e, char *out, size_t cap)
{
    size_t n = 0;
    uint32_t many = e->kind == EXPR_MUL ? e->n : 1;
    for (uint32_t i = 0; i < many; i++) {
        const struct expr *a = e->kind == EXPR_MUL ? e->arg[i] : e;
        const char *s = a->kind == EXPR_E ? "e" : a->kind == EXPR_I ? "i" : a->kind == EXPR_SYMBOL ? a->text : NULL;
        for (; s && *s && n + 1 < cap; s++) out[n++] = to_lower(*s);
        if (!s || *s) return false;
    }
    out[n] = 0;
    return n > 0;
}

/* ---- values without a number ---- */

enum meaning {
    OTHER,
    NO_SOLUTION,
    NO_VALUE, /* a limit that does not exist */
    UNDEFINED,
    MANY,
    ALL_REALS,
    INTEGERS
};

/* Lower case, without full stops, apostrophes and an article before it. */
static void plain_words(const char *text, char out[MAX_WORDS])
{
    size_t n = 0;
    for (; *text && n + 1 < MAX_WORDS; text++) {
        if (strchr(".'", *text) || (unsigned char)*text >= 0x80) continue;
        out[n++] = to_lower(*text);
    }
    out[n] = 0;
    static const char *const before[] = {"the ", "there are ", "there is ", "a ",
                                         "has ", "limit ",     "it ",       "equation has "};
    for (size_t k = 0; k < sizeof before / sizeof *before; k++) {
        size_t m = strlen(before[k]);
        if (!strncmp(out, before[k], m)) memmove(out, out + m, strlen(out + m) + 1);
    }
}

/* "no solution" in the languages of find_cue.c, lower case. */
static bool says_none(const char *text)
{
    static const char *const none[] = {"keine l\xc3\xb6sung",      "keine l\xc3\xb6sungen",
                                       "aucune solution",          "pas de solution",
                                       "sin soluci\xc3\xb3n",      "no tiene soluci\xc3\xb3n",
                                       "nessuna soluzione",        "sem solu\xc3\xa7\xc3\xa3o",
                                       "geen oplossing",           "\xe6\x97\xa0\xe8\xa7\xa3",
                                       "\xe7\x84\xa1\xe8\xa7\xa3", "\xe8\xa7\xa3\xe3\x81\xaa\xe3\x81\x97",
                                       "\xe7\xa9\xba\xe9\x9b\x86", NULL};
    return says(text, none);
}

static enum meaning meaning_of(const char *words)
{
    static const char *const none[] = {"none", "empty set", "empty", "null set", "no such", "no solution", NULL};
    static const char *const all[] = {"all real numbers",
                                      "all reals",
                                      "all real",
                                      "real numbers",
                                      "reals",
                                      "any real number",
                                      "set of all real numbers",
                                      "set of real numbers",
                                      "all real values",
                                      "every real number",
                                      "set of reals",
                                      NULL};
    static const char *const integers[] = {
        "z", "integers", "all integers", "any integer", "set of all integers", "set of integers", "every integer",
        NULL};
    static const char *const undefined[] = {"undefined", "not defined", "is undefined", "is not defined", NULL};
    bool solution = strstr(words, "solution") || strstr(words, "root") || !strncmp(words, "no such", 7) ||
                    !strncmp(words, "no real", 7);
    bool exist = strstr(words, "not exist") || strstr(words, "nt exist");
    if (says(words, none) || (!strncmp(words, "no ", 3) && solution) || (exist && solution)) return NO_SOLUTION;
    if (exist || !strcmp(words, "dne") || !strcmp(words, "nonexistent")) return NO_VALUE;
    if (says(words, undefined)) return UNDEFINED;
    if (!strncmp(words, "infinite", 8)) return MANY;
    if (says(words, all)) return ALL_REALS;
    return says(words, integers) ? INTEGERS : OTHER;
}

/* "no integer solutions" is not "no solutions". */
static bool same_restriction(const char *a, const char *b)
{
    static const char *const words[] = {"integer", "positive", "negative", "rational", "prime",
                                        "natural", "nonzero",  "trivial",  "complex"};
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (!strstr(a, words[k]) != !strstr(b, words[k])) return false;
    return true;
}

static enum raml_verdict compare_meanings(struct check *c, const char *a, const char *b)
{
    char x[MAX_WORDS], y[MAX_WORDS];
    plain_words(a, x);
    plain_words(b, y);
    enum meaning m = says_none(a) ? NO_SOLUTION : meaning_of(x), n = says_none(b) ? NO_SOLUTION : meaning_of(y);
    bool no_value = m && n && m <= UNDEFINED && n <= UNDEFINED;
    if (m && m == n && (m >= MANY || same_restriction(x, y))) return raml_compare_said(c, RAML_EQUAL, "words");
    if ((m && m == n) || no_value) return raml_compare_said(c, RAML_UNKNOWN, "words that may mean the same");
    return raml_compare_said(c, RAML_DIFFERENT, "words");
}

/* ---- dates ---- */

struct date {
    int month;
    long day, year;
};

static int month_of(const char *s, size_t n)
{
    static const char *const months[] = {"january", "february", "march",     "april",   "may",      "june",
                                         "july",    "august",   "september", "october", "november", "december"};
    char small[12];
    if (n < 3 || n >= sizeof small) return 0;
    for (size_t i = 0; i < n; i++) small[i] = to_lower(s[i]);
    for (int k = 0; k < 12; k++)
        if (n <= strlen(months[k]) && !memcmp(months[k], small, n)) return k + 1;
    return 0;
}

/* One word of a date. False: it is none. */
static bool date_word(const char *s, size_t n, struct date *d)
{
    size_t k = 0;
    long v = 0;
    while (k < n && k < 5 && is_digit(s[k])) v = v * 10 + (s[k++] - '0');
    if (!k) {
        int month = month_of(s, n);
        if (!month) return (n == 2 && !memcmp(s, "of", 2)) || (n == 3 && !memcmp(s, "the", 3));
        bool first = !d->month;
        d->month = month;
        return first;
    }
    if (k < n && (n - k != 2 || !strchr("snrt", s[k]))) return false; /* 1st, 2nd */
    if (v >= 1 && v <= 31 && !d->day) d->day = v;
    else if (v >= 1000 && v <= 9999 && !d->year) d->year = v;
    else return false;
    return true;
}

static bool date_words(const char *s, struct date *d)
{
    while (*s) {
        size_t n = 0;
        while (s[n] && !strchr(" ,.", s[n])) n++;
        if (n && !date_word(s, n, d)) return false;
        s += n + (s[n] != 0);
    }
    return true;
}

/* "5 March", "March 5, 2024", "5 [March]" as a number with a unit. */
static bool read_date(const struct expr *e, struct date *d)
{
    *d = (struct date){0};
    if (e->kind == EXPR_LIST && e->n == 2 && e->arg[1]->kind == EXPR_NUMBER)
        return read_date(e->arg[0], d) && date_words(e->arg[1]->text, d);
    if (e->kind == EXPR_UNIT && e->arg[0]->kind == EXPR_NUMBER && !e->arg[0]->scale)
        return date_words(e->arg[0]->text, d) && date_words(e->text, d) && d->month && d->day;
    return e->kind == EXPR_TEXT && date_words(e->text, d) && d->month && d->day;
}

bool raml_compare_dates(struct check *c, const struct expr *a, const struct expr *b, enum raml_verdict *v)
{
    struct date x, y;
    if (!read_date(a, &x) || !read_date(b, &y)) return false;
    bool same = x.month == y.month && x.day == y.day && (!x.year || !y.year || x.year == y.year);
    *v = raml_compare_said(c, same ? RAML_EQUAL : RAML_DIFFERENT, "dates");
    return true;
}

/* ---- words and formulas ---- */

/* "b, c" beside {B, C}: single letters, in any order. */
static bool names_elements(const char *text, const struct expr *e)
{
    bool used[8] = {false};
    uint32_t n = 0;
    if ((e->kind != EXPR_SET && e->kind != EXPR_LIST) || e->n < 2 || e->n > 8) return false;
    for (; *text; text++) {
        if (*text == ' ' || *text == ',') continue;
        if (!is_alpha(*text) || (text[1] && text[1] != ',' && text[1] != ' ')) return false;
        uint32_t i = 0;
        while (i < e->n && (used[i] || e->arg[i]->kind != EXPR_SYMBOL || e->arg[i]->n_text != 1 ||
                            to_lower(e->arg[i]->text[0]) != to_lower(*text)))
            i++;
        if (i == e->n) return false;
        used[i] = true;
        n++;
    }
    return n == e->n;
}

enum raml_verdict raml_compare_words(struct check *c, const struct expr *a, const struct expr *b)
{
    const struct expr *words = a->kind == EXPR_TEXT ? a : b, *other = words == a ? b : a;
    char letters[64], plain[MAX_WORDS];
    if (other->kind == EXPR_TEXT) {
        if (!strcmp(a->text, b->text)) return raml_compare_said(c, RAML_EQUAL, "words");
        return compare_meanings(c, a->text, b->text);
    }
    if (names_elements(words->text, other)) return raml_compare_said(c, RAML_EQUAL, "letters of a list");
    plain_words(words->text, plain);
    enum meaning m = says_none(words->text) ? NO_SOLUTION : meaning_of(plain);
    if (other->kind == EXPR_SET && !other->n && m == NO_SOLUTION && same_restriction(plain, ""))
        return raml_compare_said(c, RAML_EQUAL, "words");
    if (other->kind == EXPR_SET && !other->n && (m == NO_SOLUTION || m == NO_VALUE))
        return raml_compare_said(c, RAML_UNKNOWN, "words that may mean the same");
    if (everything(other) && m == ALL_REALS) return raml_compare_said(c, RAML_EQUAL, "words");
    if (spelled(other, letters, sizeof letters) && !strcmp(letters, words->text))
        return raml_compare_said(c, RAML_EQUAL, "words");
    return raml_compare_said(c, RAML_DIFFERENT, "words and a formula");
}
