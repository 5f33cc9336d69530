/* find_phrase.c - reads the answer that words announce. See find.h.
 *
 * The clause after a cue ends with its sentence. From a clause that is more than an answer are taken, in this order:
 * the formula that it begins with, its only formula, what follows its last "is", or its number.
 */
#include "answer/find/find.h"

#include <string.h>

enum { WORDY = 3, LONGEST = 300 }; /* bytes of a clause that is taken as it is, though it reads as a sentence */

static const char fillers[] =
    "for sure|approximately|about|around|roughly|equal to|equals|exactly|simply|just|therefore|thus|then|indeed|"
    "definitely|clearly|still|only|given by|is|are|option|choice|the option|the choice|letter|as follows|the following|"
    "found to be|so|hence|obviously|probably|likely|now|also|the number|the value|the integer|the letter|est|"
    "\xe6\x98\xaf";
/* "There is no way to make 24" is an answer as it is, and not 24. */
static const char nones[] = "there is no|there are no|there exists no|there does not|there do not|no|none|impossible|"
                            "cannot|undefined|does not exist|not";
static const char reasons[] = "because|since|as|which|so|where|it|not|but|i|the|this|that|we|therefore|for|when|if|"
                              "given|thus|hence|with|assuming|you|there|he|she|they|let|now|car|parce que|weil|da";

/* Does the clause end at byte i, before a reason or a remark? */
static bool remark(struct text t, size_t i)
{
    if (raml_find_joined(t, i)) return false;
    if (i && is_space(t.s[i - 1])) {
        if (raml_find_any(
                t, i,
                "because|(because|since|i hope|parce que|weil|and not|rather than|instead of|(which|(as|(that is|(i.e",
                true))
            return true;
        size_t back = i;
        while (back && is_space(t.s[back - 1])) back--;
        if (back && t.s[back - 1] == ',') return raml_find_any(t, i, reasons, true) > 0;
    }
    return raml_find_any(t, i, "i hope it is correct", true) > 0;
}

/* Does the sentence end with the character c at byte i (len bytes)? */
static bool full_stop(struct text t, size_t i, uint32_t c, size_t len)
{
    if (c == 0x3002 || c == 0xff01 || c == 0xff1f) return true;
    if (c == 0xff0c) { /* Chinese comma: a list continues with a number or a formula */
        size_t next = i + len + raml_find_space(t, i + len);
        return next >= t.n || !(is_digit(t.s[next]) || raml_find_one_of(t.s[next], "-$\\"));
    }
    if (c == '<') return i + 1 < t.n && raml_find_one_of(t.s[i + 1], "/|");
    if (c != '.' && c != '!' && c != '?') return false;
    size_t after = i + 1 + raml_find_space(t, i + 1);
    if (c == '!' && after < t.n && i && is_digit(t.s[i - 1]) && raml_find_one_of(t.s[after], "=/+*^)]")) return false;
    return i + 1 >= t.n || is_space(t.s[i + 1]) || raml_find_one_of(t.s[i + 1], "*\"')<") ||
           (unsigned char)t.s[i + 1] >= 0xe2;
}

struct text raml_find_clause(struct text t)
{
    struct formulas f = {.t = t};
    struct formula next;
    bool more = raml_find_formula(&f, &next), said = false;
    char before = ':';
    for (size_t i = 0, len; i < t.n; i += len) {
        if (more && t.s + i == next.whole.s) {
            len = next.whole.n;
            said = true;
            before = '$';
            more = raml_find_formula(&f, &next);
            continue;
        }
        uint32_t c = raml_find_char(t, i, &len);
        if (said && ((c == '\n' && before != ':') || full_stop(t, i, c, len))) return (struct text){t.s, i};
        if (said && len == 1 && (is_alpha(t.s[i]) || c == '(') && remark(t, i)) return (struct text){t.s, i};
        if (len > 1 || !is_space(t.s[i])) before = t.s[i];
        said = said || len > 1 || !raml_find_one_of(t.s[i], " \t\r\n*_:=#>}\"'");
    }
    return t;
}

struct text raml_find_before(struct text t, size_t end)
{
    size_t i = end;
    while (i && t.s[i - 1] != '\n') {
        size_t len;
        if (i < end && is_space(t.s[i]) && raml_find_one_of(t.s[i - 1], ".!?")) break;
        if (i >= 3 && raml_find_char(t, i - 3, &len) == 0x3002) break;
        i--;
    }
    return raml_find_slice(t, i, end);
}

static struct text without_fillers(struct text t)
{
    for (size_t n = 1; n;) {
        t = raml_find_strip(t);
        n = raml_find_any(t, 0, fillers, true);
        if (n == t.n) break;                               /* "the answer is only" */
        if (n && raml_find_one_of(t.s[n], "=<>+/")) break; /* "option = 3": a name */
        t = raml_find_skip(t, n);
    }
    return t;
}

/* Is the text between two formulas a comma or a word that makes them a list? */
static bool links(struct text gap)
{
    static const char words[] = "and|or|, and|, or|,|;|&|et|ou|und|oder|y|o|e|\xe5\x92\x8c|\xe6\x88\x96|\xe3\x80\x81|"
                                "\xef\xbc\x8c|\xd0\xb8|\xd0\xb8\xd0\xbb\xd0\xb8";
    gap = raml_find_trim(gap);
    return !gap.n || raml_find_any(gap, 0, words, false) == gap.n;
}

/* A percent sign, words that multiply, or a unit of one word that is all that follows a formula. */
static void add_unit(struct text rest, struct raml_buf *out)
{
    size_t before = out->len;
    raml_find_add_suffix(rest, 0, out);
    if (out->len != before) return;
    rest = raml_find_strip(rest);
    size_t n = 0;
    while (n < rest.n && is_alpha(rest.s[n])) n++;
    if (!n || n > 16 || rest.n - n > 3 || memchr(rest.s + n, ' ', rest.n - n)) return;
    if (raml_find_any(rest, 0, "is|are|so|here|too|then|indeed", true)) return;
    raml_buf_adds(out, " ");
    raml_buf_add(out, rest.s, rest.n);
}

/* The formulas that t begins with. */
static bool leading(struct text t, struct raml_buf *out)
{
    struct formulas f = {.t = t};
    struct formula first, next;
    if (!raml_find_formula(&f, &first) || first.whole.s != t.s) return false;
    size_t end = first.whole.n, n = 1;
    while (raml_find_formula(&f, &next) && links(raml_find_slice(t, end, (size_t)(next.whole.s - t.s)))) {
        end = (size_t)(next.whole.s - t.s) + next.whole.n;
        n++;
    }
    struct text rest = raml_find_trim(raml_find_skip(t, end));
    size_t link = raml_find_any(rest, 0, "and|or|,|=|+|-|/|<|>|^|(|:", false);
    if (link && link < rest.n && raml_find_read(rest, false).digits && !raml_find_sentence(t)) {
        raml_buf_add(out, t.s, t.n); /* "$x$ = 5", "$5$ and 6" */
    } else if (n > 1) {
        raml_buf_add(out, t.s, end);
    } else {
        raml_buf_add(out, first.inner.s, first.inner.n);
        add_unit(rest, out);
    }
    return true;
}

/* **X**: the only bold text in t. */
static bool bold(struct text t, struct text *out)
{
    const char *a = t.n ? memmem(t.s, t.n, "**", 2) : NULL;
    if (!a) return false;
    struct text rest = {a + 2, (size_t)(t.s + t.n - a - 2)};
    const char *b = rest.n ? memmem(rest.s, rest.n, "**", 2) : NULL;
    if (!b) return false;
    struct text more = {b + 2, (size_t)(t.s + t.n - b - 2)};
    if (more.n && memmem(more.s, more.n, "**", 2)) return false;
    *out = raml_find_strip((struct text){rest.s, (size_t)(b - rest.s)});
    return out->n > 0;
}

/* What follows the last of the verbs in t, when it contains a formula or a digit. */
static bool after_verb(struct text t, const char *verbs, struct text *out)
{
    size_t at = 0;
    struct formulas f = {.t = t};
    struct formula next;
    bool more = raml_find_formula(&f, &next);
    for (size_t i = 0, n; i < t.n; i += n) {
        n = 1;
        if (more && t.s + i == next.whole.s) {
            n = next.whole.n;
            more = raml_find_formula(&f, &next);
        } else if (i && is_space(t.s[i - 1])) {
            size_t verb = raml_find_any(t, i, verbs, true);
            if (verb) at = i + verb;
        }
    }
    if (!at) return false;
    *out = without_fillers(raml_find_skip(t, at));
    struct reading r = raml_find_read(*out, true);
    return r.digits || r.formulas;
}

/* One formula with words before it and nothing after. */
static bool ends_in_formula(struct text t, struct formula *out)
{
    if (!raml_find_only(t, out) || out->whole.s + out->whole.n != t.s + t.n) return false;
    return raml_find_read(raml_find_slice(t, 0, (size_t)(out->whole.s - t.s)), true).words > 0;
}

/* Is a clause not an answer: "not 5", "not clear", "wrong"? "Not possible" is one. */
static bool says_nothing(struct text t)
{
    size_t n = raml_find_any(t, 0, "not|not in|not the", true), to;
    struct text value;
    if (!n) return raml_find_any(t, 0, "unclear|wrong|incorrect|correct", true) > 0;
    n += raml_find_space(t, n);
    return n >= t.n || raml_find_number(t, n, &to, &value) || raml_find_one_of(t.s[n], "$\\*(") ||
           raml_find_any(t, n, "clear|certain|sure|yet|so|just|only|obvious|correct|right|what|a|an", true);
}

/* Words after a number that make another of it: "5 less than 7", "5 minutes past 3". */
static const char counts_on[] =
    "out|less|more|fewer|times|plus|minus|over|to|past|in|of|per|percent|and|or|than|by|from|x|"
    "squared|cubed|choose|mod|modulo|divided|multiplied|before|until|up|down|unless|if|when|whenever|except|provided|"
    "where|until";

/* What a sentence says after its verb: "the total is 12". */
static const char verbs[] =
    "is|are|equals|be|=|est|sont|vaut|ist|sind|betr\xc3\xa4gt|es|son|\xc3\xa8|sono|\xc3\xa9|s\xc3\xa3o|zijn|"
    "wynosi|\xd1\x80\xd0\xb0\xd0\xb2\xd0\xb5\xd0\xbd|\xd1\x80\xd0\xb0\xd0\xb2\xd0\xbd\xd0\xbe|l\xc3\xa0";

static bool begins_value(struct text t)
{
    size_t to;
    struct text value;
    return raml_find_number(t, 0, &to, &value) || raml_find_one_of(t.s[0], "$\\(");
}

/* Does t begin with words, and go on with some, without a formula: "il reste 220 $ d'ici 12 mois"? */
static bool is_wordy(struct text t)
{
    size_t n = raml_find_any(t, 0, "a|an|the|un|une|ein|eine|una|uma", true), len;
    n += n ? raml_find_space(t, n) : 0;
    while (n < t.n && raml_find_letter(raml_find_char(t, n, &len))) n += len;
    struct reading r = raml_find_read(t, true);
    uint32_t first = t.n ? raml_find_char(t, 0, &len) : 0;
    if (raml_find_cjk(first) && r.digits && !r.formulas) return true;
    return n > 1 && n < t.n && is_space(t.s[n]) && r.words >= WORDY && r.digits && !r.formulas;
}

/* "12 apples in 3 boxes", "15 € après 3 jours": a number, a word or a currency after it, and another number. */
static bool is_counted(struct text t)
{
    size_t i, len;
    struct text value;
    if (!t.n || !raml_find_number(t, 0, &i, &value)) return false;
    i += raml_find_space(t, i);
    if (i >= t.n || raml_find_any(t, i, counts_on, true)) return false;
    uint32_t c = raml_find_char(t, i, &len);
    bool money = raml_find_any(t, i, "\xe2\x82\xac|$|\xc2\xa3|\xc2\xa5", false) > 0;
    if (!money && !raml_find_letter(c) && !raml_find_cjk(c)) return false;
    for (size_t k = i; k < t.n; k++)
        if (is_digit(t.s[k]) && k && (is_space(t.s[k - 1]) || (unsigned char)t.s[k - 1] >= 0x80)) return true;
    return false;
}

/* The answer in a clause. False: none. */
static bool reduce(struct text t, struct raml_buf *out)
{
    struct formula only;
    struct text part;
    t = without_fillers(t);
    if (says_nothing(t)) return false;
    if (t.n <= LONGEST && raml_find_any(t, 0, nones, true)) {
        raml_buf_add(out, t.s, t.n);
        return true;
    }
    size_t signs = 0;
    while (signs < t.n && raml_find_one_of(t.s[signs], "$ \t\r\n")) signs++;
    if (signs == t.n) return false;
    if (leading(t, out)) return true;
    if (bold(t, &part)) return reduce(part, out); /* once: part contains no ** */
    bool formula = ends_in_formula(t, &only);
    bool sentence = raml_find_sentence(t);
    if (!formula && after_verb(t, sentence ? verbs : "is|are|equals", &part)) {
        if (leading(part, out)) return true;
        if (begins_value(part) || !sentence ||
            !raml_find_read(raml_find_slice(t, 0, (size_t)(part.s - t.s)), true).digits)
            t = part;
    }
    if (!formula && !raml_find_sentence(t)) {
        if ((is_wordy(t) || is_counted(t)) && raml_find_first(t, out)) return true;
        raml_buf_add(out, t.s, t.n);
        return true;
    }
    if (formula || raml_find_only(t, &only)) {
        raml_buf_add(out, only.inner.s, only.inner.n);
        add_unit(raml_find_skip(t, (size_t)(only.whole.s - t.s) + only.whole.n), out);
        return true;
    }
    if (raml_find_read(t, true).digits && raml_find_first(t, out)) return true;
    if (t.n > LONGEST) return false;
    raml_buf_add(out, t.s, t.n);
    return true;
}

bool raml_find_stated(struct text t, struct text *out)
{
    if (memchr(t.s, '\n', t.n) || raml_find_read(t, true).stops) return false;
    if (!after_verb(t, "is|are|equals", out) || raml_find_sentence(*out)) return false;
    return is_digit(out->s[0]) || raml_find_one_of(out->s[0], "-+$\\(");
}

/* The answer before "is our answer". */
static bool reduce_before(struct text t, struct raml_buf *out)
{
    struct reading r = raml_find_read(t, true);
    if (r.formulas || r.digits) return raml_find_last(t, out);
    t = without_fillers(t);
    if (!t.n || r.words > 2 || raml_find_any(t, 0, "what|which|that|this|it|so what", true)) return false;
    raml_buf_add(out, t.s, t.n);
    return true;
}

bool raml_find_announced(struct text t, const struct cues *cues, enum raml_found kind, size_t from, bool clear,
                         struct raml_buf *out)
{
    for (size_t k = 0; k < FIND_CUES && k < cues->n; k++) {
        const struct cue *hit = &cues->hit[(cues->n - 1 - k) % FIND_CUES];
        if (hit->from < from) return false;
        if (hit->kind != kind) continue;
        struct text said = hit->before ? raml_find_before(t, hit->from) : raml_find_clause(raml_find_skip(t, hit->to));
        struct reading r = raml_find_read(said, true);
        if (clear && !r.formulas && !r.digits) continue;
        struct cues inner = {.n = 0};
        if (kind == RAML_FOUND_FINAL) raml_find_cues(said, &inner);
        if (inner.n && raml_find_announced(said, &inner, RAML_FOUND_PHRASE, 0, clear, out)) return true;
        if (hit->before ? reduce_before(said, out) : reduce(said, out)) return true;
    }
    return false;
}

bool raml_find_cut(struct text t, const struct cues *cues, size_t from)
{
    if (!cues->n) return false;
    const struct cue *last = &cues->hit[(cues->n - 1) % FIND_CUES];
    return !last->before && last->from >= from && !raml_find_strip(raml_find_skip(t, last->to)).n;
}

bool raml_find_plain(struct text t)
{
    size_t to;
    struct text value;
    struct reading r = raml_find_read(t, true);
    if (r.words > 1 || r.run > 1) return false;
    if (!raml_find_number(t, 0, &to, &value)) return t.n && raml_find_one_of(t.s[0], "$\\");
    return to + 1 >= t.n || !raml_find_one_of(t.s[to], ".):");
}

bool raml_find_hashes(struct text t, struct text *out)
{
    bool found = false;
    for (size_t i = 0; i + 4 <= t.n; i++) {
        if ((i && t.s[i - 1] == '#') || memcmp(t.s + i, "####", 4) != 0) continue;
        if (i + 4 < t.n ? t.s[i + 4] == '#' : i && t.s[i - 1] != '\n') continue;
        const char *line_end = memchr(t.s + i, '\n', t.n - i);
        size_t end = line_end ? (size_t)(line_end - t.s) : t.n;
        struct text line = raml_find_strip(raml_find_slice(t, i + 4, end));
        bool last = !raml_find_trim(raml_find_skip(t, end)).n;
        if (last || (line.n && raml_find_plain(line))) {
            *out = line;
            found = true;
        }
        i = end;
    }
    return found;
}
