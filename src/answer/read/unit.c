/* unit.c - see unit.h. */
#include "answer/read/unit.h"

#include "answer/read/unit_names.h"
#include "core/ascii.h"

#include <string.h>

enum { MAX_STEM = 32 };

struct scan {
    const char *s;
    size_t n, i;
    int sign;      /* -1: below the stroke */
    int power;     /* "square", for the next unit */
    bool stroke;   /* a stroke or "per" just came */
    bool measured; /* some unit of measure came: words after it say what of */
    bool of;       /* after "of": what it is made of, not what is counted */
};

static bool letter(char c)
{
    return is_alpha(c) || (unsigned char)c >= 0x80 || c == '$';
}

static bool listed(const char *const *list, const char *s, size_t n)
{
    for (; *list; list++)
        if (**list == *s && strlen(*list) == n && !memcmp(*list, s, n)) return true;
    return false;
}

/* The word at x->i: letters, with hyphens between them. */
static size_t word_length(const struct scan *x)
{
    size_t k = x->i;
    while (k < x->n && letter(x->s[k])) {
        bool superscript = (unsigned char)x->s[k] == 0xc2 && k + 1 < x->n &&
                           ((unsigned char)x->s[k + 1] == 0xb2 || (unsigned char)x->s[k + 1] == 0xb3);
        bool dot = (unsigned char)x->s[k] == 0xc2 && k + 1 < x->n && (unsigned char)x->s[k + 1] == 0xb7;
        if (superscript || dot) break;
        k++;
    }
    return k - x->i;
}

static void skip_spaces(struct scan *x)
{
    while (x->i < x->n) {
        if (strchr(" .~*(){}", x->s[x->i])) x->i++;
        else if (x->s[x->i] == '\\' && x->i + 1 < x->n && strchr(",;:! ", x->s[x->i + 1])) x->i += 2;
        else if (x->n - x->i > 5 && !memcmp(x->s + x->i, "\\cdot", 5)) x->i += 5;
        else return;
    }
}

/* What follows a unit's name as its power: "^2", "^{-1}" without braces, "2", a superscript, "squared". */
static int power_after(struct scan *x)
{
    size_t k = x->i;
    bool sign = false, hat = k < x->n && x->s[k] == '^';
    if (hat) k++;
    if (hat && k < x->n && x->s[k] == '{') k++;
    if (hat && k < x->n && x->s[k] == '-') sign = true, k++;
    if (k < x->n && x->s[k] >= '1' && x->s[k] <= '4' && !(k + 1 < x->n && is_digit(x->s[k + 1]))) {
        int p = x->s[k] - '0';
        x->i = k + 1;
        return sign ? -p : p;
    }
    if (k + 1 < x->n && (unsigned char)x->s[k] == 0xc2 && (unsigned char)x->s[k + 1] >= 0xb2 &&
        (unsigned char)x->s[k + 1] <= 0xb3) {
        x->i = k + 2;
        return (unsigned char)x->s[k + 1] - 0xb0;
    }
    struct scan after = *x;
    skip_spaces(&after);
    size_t n = word_length(&after);
    bool two = n == 7 && !memcmp(x->s + after.i, "squared", 7), three = n == 5 && !memcmp(x->s + after.i, "cubed", 5);
    if (two || three) x->i = after.i + n;
    return two ? 2 : three ? 3 : 1;
}

static bool add_atom(struct scan *x, struct unit *u, const struct unit_name *name, int8_t ten)
{
    int power = x->power * power_after(x) * x->sign;
    x->power = 1;
    x->stroke = false;
    x->measured = true;
    if (u->n_atoms == UNIT_MAX_ATOMS) return false;
    if (name->degrees && !u->n_atoms && power == 1) u->degrees = name->degrees;
    u->atom[u->n_atoms++] = (struct unit_atom){name->factor, ten, (int8_t)power};
    for (int d = 0; d < UNIT_N_DIMS; d++) u->dim[d] = (int8_t)(u->dim[d] + name->dim[d] * power);
    return true;
}

/* A thing counted: adjacent words are one. */
static bool add_noun(struct scan *x, struct unit *u, size_t n)
{
    const char *s = x->s + x->i;
    struct unit_noun *last = u->n_nouns ? &u->noun[u->n_nouns - 1] : NULL;
    x->i += n;
    x->power = 1;
    if ((x->measured || x->of) && !x->stroke) return true;
    if (last && last->power == x->sign && !x->stroke) {
        last->n = (uint32_t)(s + n - last->text);
        return true;
    }
    x->stroke = false;
    if (u->n_nouns == UNIT_MAX_NOUNS) return false;
    u->noun[u->n_nouns++] = (struct unit_noun){s, (uint32_t)n, (int8_t)x->sign};
    return true;
}

static bool is_number_word(const char *s, size_t n)
{
    if (n > 3 && s[n - 1] == 's') n -= n > 4 && s[n - 2] == 'e' && s[n - 3] == 'x' ? 2 : 1; /* "nines", "sixes" */
    static const char *const list[] = {"zero",   "one",     "two",     "three",  "four", "five",
                                       "six",    "seven",   "eight",   "nine",   "ten",  "eleven",
                                       "twelve", "fifteen", "sixteen", "twenty", NULL};
    return listed(list, s, n);
}

/* Words that make another number of the one before them. */
static bool changes(const char *s, size_t n)
{
    static const char *const list[] = {
        "hundred",  "hundreds",  "thousand",    "thousands", "million", "millions",   "billion",     "billions",
        "trillion", "trillions", "quadrillion", "dozen",     "dozens",  "score",      "gross",       "lakh",
        "lakhs",    "lac",       "crore",       "crores",    "squared", "cubed",      "than",        "if",
        "when",     "where",     "unless",      "mod",       "modulo",  "base",       "minus",       "plus",
        "divided",  "over",      "multiplied",  "factorial", "choose",  "remainder",  "and",         "or",
        "to",       "past",      "between",     "half",      "halves",  "thirds",     "fourths",     "fifths",
        "sixths",   "sevenths",  "eighths",     "ninths",    "tenths",  "hundredths", "thousandths", "below",
        "except",   "not",       "with",        "percent",   "least",   "most",       "tens",        "January",
        "February", "March",     "April",       "May",       "June",    "July",       "August",      "September",
        "October",  "November",  "December",    "through",   "up",      "down",       "power",       "raised",
        "until",    "out",       "mil",         "myriad",    NULL};
    return listed(list, s, n);
}

/* Words that say nothing of what is counted. */
static bool says_nothing(const char *s, size_t n)
{
    static const char *const list[] = {
        "unit",      "units",    "total",  "altogether", "all",           "times",   "time",
        "ways",      "way",      "items",  "things",     "each",          "more",    "only",
        "about",     "exactly",  "left",   "fewer",      "less",          "the",     "in",
        "is",        "approx",   "answer", "total.",     "such",          "overall", "remaining",
        "solutions", "solution", "for",    "by",         "approximately", "pieces",  "objects",
        "now",       "so",       "far",    "de",         "von",           "di",      "d'",
        NULL};
    return listed(list, s, n);
}

static bool temperature(struct scan *x, size_t n, size_t *skip)
{
    bool sign = n == 2 && !memcmp(x->s + x->i, "\xc2\xb0", 2);
    bool word = (n == 7 && !memcmp(x->s + x->i, "degrees", 7)) || (n == 6 && !memcmp(x->s + x->i, "degree", 6));
    if (!sign && !word) return false;
    struct scan after = *x;
    after.i += n;
    skip_spaces(&after);
    size_t m = word_length(&after);
    char one[MAX_STEM];
    size_t k = raml_unit_singular(x->s + after.i, m, one, sizeof one);
    *skip = after.i - x->i;
    return (k == 1 && strchr("cfk", one[0])) || !strcmp(one, "celsius") || !strcmp(one, "fahrenheit") ||
           !strcmp(one, "kelvin") || !strcmp(one, "centigrade");
}

/* "C" after a degree sign or the word: not coulombs. */
static const struct unit_name *degrees_named(const char *s, size_t n, int8_t *ten)
{
    static const char *const sign[] = {"\xc2\xb0"
                                       "C",
                                       "\xc2\xb0"
                                       "F",
                                       "\xc2\xb0"
                                       "K"};
    if (n != 1) return raml_unit_name(s, n, ten);
    char c = (char)(to_lower(s[0]));
    return raml_unit_name(sign[c == 'c' ? 0 : c == 'f' ? 1 : 2], 3, ten);
}

/* One word at x->i. False: it changes the number. */
static bool read_word(struct scan *x, struct unit *u, size_t n)
{
    const char *s = x->s + x->i;
    int8_t ten = 0;
    size_t skip = 0;
    bool after = u->n_atoms || u->n_nouns;
    if ((n == 3 && !memcmp(s, "per", 3)) ||
        (after && ((n == 1 && *s == 'a') || (n == 2 && !memcmp(s, "an", 2)) || (n == 5 && !memcmp(s, "every", 5))))) {
        x->sign = -1;
        x->stroke = true;
        x->of = x->measured = false;
        x->i += n;
        return true;
    }
    if (n == 2 && !memcmp(s, "of", 2)) {
        x->of = after;
        x->i += n;
        return true;
    }
    size_t prefix = n >= 6 && !memcmp(s, "square", 6) && !(n == 7 && s[6] == 'd') ? 6
                    : n >= 5 && !memcmp(s, "cubic", 5)                            ? 5
                    : n >= 2 && !memcmp(s, "sq", 2)                               ? 2
                    : n == 2 && !memcmp(s, "cu", 2)                               ? 2
                                                                                  : 0;
    if (prefix && (prefix == n || raml_unit_name(s + prefix, n - prefix, &ten))) {
        x->power = *s == 's' ? 2 : 3;
        x->i += prefix;
        return true;
    }
    if (temperature(x, n, &skip)) {
        x->i += skip;
        n = word_length(x);
        const struct unit_name *t = degrees_named(x->s + x->i, n, &ten);
        x->i += n;
        return t && add_atom(x, u, t, ten);
    }
    const struct unit_name *name = x->measured && !x->stroke && n < 3 && x->of ? NULL : raml_unit_name(s, n, &ten);
    if (name && !(x->of && x->measured)) {
        x->i += n;
        return add_atom(x, u, name, ten);
    }
    bool many = (n > 6 && !memcmp(s + n - 6, "illion", 6)) || (n > 7 && !memcmp(s + n - 7, "illions", 7));
    if (changes(s, n) || is_number_word(s, n) || many) return false;
    if (n == 1 && is_alpha(*s) && !x->of) return false; /* a variable */
    if (says_nothing(s, n)) {
        x->i += n;
        (void)power_after(x); /* "units^2" */
        x->power = 1;
        u->any = true;
        return true;
    }
    return add_noun(x, u, n);
}

/* "and 30 minutes", "30 minutes": the number of the next quantity, after a unit of measure. */
static bool another_quantity(const struct scan *x, size_t *at)
{
    struct scan y = *x;
    skip_spaces(&y);
    if (y.n - y.i > 4 && !memcmp(y.s + y.i, "and ", 4)) y.i += 4;
    skip_spaces(&y);
    *at = y.i;
    return y.i < y.n && is_digit(y.s[y.i]);
}

enum unit_words raml_unit_read(const char *text, size_t n, struct unit *out, size_t *rest)
{
    struct scan x = {.s = text, .n = n, .sign = 1, .power = 1};
    memset(out, 0, sizeof *out);
    while (x.i < x.n) {
        skip_spaces(&x);
        if (x.i == x.n) break;
        if (x.measured && another_quantity(&x, rest)) return UNIT_MORE;
        size_t word = word_length(&x);
        char c = x.s[x.i];
        if (word == 1 && c == 'd' && x.i + 2 < x.n && x.s[x.i + 1] == '\'') { /* d'euros */
            x.i += 2;
            continue;
        }
        if (word) {
            if (!read_word(&x, out, word)) return UNIT_CHANGES;
        } else if (c == '/') {
            x.sign = -1;
            x.stroke = true;
            x.of = x.measured = false;
            x.i++;
        } else if (c == '-' || (unsigned char)c == 0xc2) { /* ft-lb, a dot for times */
            x.i += c == '-' ? 1 : 2;
        } else {
            return UNIT_CHANGES;
        }
    }
    if (!out->n_atoms && !out->n_nouns) out->any = true;
    return UNIT_WORDS;
}

/* ---- kinds ---- */

static const char *head(const struct unit_noun *noun, size_t *n)
{
    size_t end = noun->n, from;
    while (end && !letter(noun->text[end - 1])) end--;
    for (from = end; from && letter(noun->text[from - 1]); from--) {
    }
    *n = end - from;
    return noun->text + from;
}

/* "red balls" and "balls" count the same, "red balls" and "blue balls" do not. */
static bool same_noun(const struct unit_noun *a, const struct unit_noun *b)
{
    char x[MAX_STEM], y[MAX_STEM];
    size_t na, nb;
    const char *ha = head(a, &na), *hb = head(b, &nb);
    if (a->power != b->power) return false;
    size_t nx = raml_unit_singular(ha, na, x, sizeof x), ny = raml_unit_singular(hb, nb, y, sizeof y);
    if (!nx || !ny || strcmp(x, y) != 0) return false;
    bool whole_a = ha == a->text, whole_b = hb == b->text;
    size_t before_a = (size_t)(ha - a->text), before_b = (size_t)(hb - b->text);
    return whole_a || whole_b || (before_a == before_b && !memcmp(a->text, b->text, before_a));
}

bool raml_unit_same_kind(const struct unit *a, const struct unit *b)
{
    if (memcmp(a->dim, b->dim, sizeof a->dim) != 0 || a->n_nouns != b->n_nouns) return false;
    for (int i = 0; i < a->n_nouns; i++)
        if (!same_noun(&a->noun[i], &b->noun[i])) return false;
    return true;
}

bool raml_unit_is_measure(const struct unit *u)
{
    return u->n_atoms && !u->n_nouns;
}

bool raml_unit_excludes(const struct unit *a, const struct unit *b)
{
    static const char *const groups[][16] = {
        {"red", "blue", "green", "yellow", "black", "white", "orange", "purple", "brown", "pink", "gray", "grey", NULL},
        {"boy", "girl", NULL},
        {"man", "woman", "child", NULL},
        {"apple", "orange", "banana", "pear", "peach", "plum", "cherry", "grape", "lemon", "mango", NULL},
        {"head", "tail", NULL},
        {"win", "loss", "draw", "tie", NULL},
        {"odd", "even", NULL},
        {"cat", "dog", "bird", "fish", "cow", "pig", "sheep", "horse", "chicken", "duck", NULL},
        {"north", "south", "east", "west", NULL},
        {"up", "down", NULL},
        {"car", "truck", "bike", "bicycle", "bus", "train", NULL}};
    char x[MAX_STEM], y[MAX_STEM];
    size_t na, nb;
    if (a->n_nouns != 1 || b->n_nouns != 1) return false;
    const char *ha = head(&a->noun[0], &na), *hb = head(&b->noun[0], &nb);
    size_t nx = raml_unit_singular(ha, na, x, sizeof x), ny = raml_unit_singular(hb, nb, y, sizeof y);
    if (nx && ny && !strcmp(x, y)) { /* "red balls", "blue balls" */
        nx = raml_unit_singular(a->noun[0].text, strcspn(a->noun[0].text, " "), x, sizeof x);
        ny = raml_unit_singular(b->noun[0].text, strcspn(b->noun[0].text, " "), y, sizeof y);
    }
    if (!nx || !ny || !strcmp(x, y)) return false;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        if (listed(groups[g], x, nx) && listed(groups[g], y, ny)) return true;
    return false;
}

bool raml_unit_is_measured(const char *text, size_t n)
{
    struct unit u;
    size_t rest;
    return raml_unit_read(text, n, &u, &rest) == UNIT_WORDS && u.n_atoms;
}

bool raml_unit_is_known(const char *text, size_t n)
{
    struct unit u;
    size_t rest;
    return raml_unit_read(text, n, &u, &rest) == UNIT_WORDS && raml_unit_is_measure(&u);
}
