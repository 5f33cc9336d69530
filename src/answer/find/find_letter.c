/* find_letter.c - the choice among A to Z that a text makes. See find.h.
 *
 * In this order: the last box, the last announced answer, the letter that the text begins with, its last standalone
 * letter. A letter after "not" does not count, nor does the article "A" or the pronoun "I", nor a name in a formula.
 * Letters that commas or "and" join are one choice of several; "B or C" is none.
 */
#include "answer/find/find.h"

#include "core/ascii.h"

#include <string.h>

enum { LABEL_BYTES = 60, OR_BYTES = 80, TITLE_BYTES = 60, TITLE_WORDS = 3 };
static const uint32_t UNSURE = UINT32_C(1)
                               << 31; /* one letter or another: no choice, and none is looked for elsewhere */

static const char denials[] = "not|isn't|non|pas|nicht|no|nor|cannot be|can't be|\xe4\xb8\x8d\xe6\x98\xaf|\xe9\x9d\x9e";
static const char ors[] = "or|oder|ou|\xd0\xb8\xd0\xbb\xd0\xb8|\xe6\x88\x96|\xe6\x88\x96\xe8\x80\x85";
static const char ands[] = "and|und|et|&|\xe5\x92\x8c|\xe4\xb8\x8e|\xe5\x8f\x8a|\xe3\x80\x81";
static const char formula[] = "=+*/<>^_|";

/* Do the words before byte i deny what follows? */
static bool denied(struct text t, size_t i)
{
    while (i && (is_space(t.s[i - 1]) || raml_find_one_of(t.s[i - 1], "(*\"'"))) i--;
    for (size_t n = 2; n <= 9 && n <= i; n++)
        if (raml_find_any(t, i - n, denials, false) == n && !raml_find_joined(t, i - n)) return true;
    return i >= 6 && raml_find_any(t, i - 6, "\xe4\xb8\x8d\xe6\x98\xaf", false) == 6;
}

/* Is there a standalone capital letter at byte i? Beside Chinese characters there is. */
static bool standalone(struct text t, size_t i)
{
    if (t.s[i] < 'A' || t.s[i] > 'Z') return false;
    if (i && (raml_find_one_of(t.s[i - 1], "\\_^&@") || raml_find_joined(t, i))) return false;
    if (i + 1 < t.n && raml_find_one_of(t.s[i + 1], "_^\\&@")) return false;
    if (i + 1 < t.n && raml_find_one_of(t.s[i + 1], "'-") && raml_find_joins(t, i + 2)) return false; /* I'm, X-axis */
    if (raml_find_any(t, i + 1, "\xe2\x80\x99", false) && raml_find_joins(t, i + 4)) return false;
    return !raml_find_joins(t, i + 1);
}

/* Is the letter at byte i the article "A" or the pronoun "I", by the word after it? announced: it may be a choice, with
 * a word that goes on after one. */
static bool a_word(struct text t, size_t i, bool announced)
{
    if (t.s[i] != 'A' && t.s[i] != 'I') return false;
    size_t n = raml_find_space(t, i + 1), at = i + 1 + n;
    if (!n || at >= t.n || !is_alpha(t.s[at])) return false;
    if (announced && raml_find_any(t, at, "is|because|since|and|or", true)) return false;
    if (announced && t.s[i] == 'A' &&
        raml_find_any(t, at, "as|which|so|but|only|where|in|given|with|for|by|would be|due to|from", true))
        return false;
    size_t end = t.n - at < TITLE_BYTES ? t.n : at + TITLE_BYTES;
    if (t.s[i] == 'A' && raml_find_read(raml_find_slice(t, at, end), false).run > TITLE_WORDS) return true;
    bool loud = is_upper(t.s[at]) && at + 1 < t.n && is_upper(t.s[at + 1]); /* "I DON'T KNOW" */
    return is_lower(t.s[at]) || loud || (t.s[i] == 'I' && at + 1 < t.n && is_lower(t.s[at + 1]));
}

static uint32_t bit(char letter)
{
    return UINT32_C(1) << (is_lower(letter) ? letter - 'a' : letter - 'A');
}

/* "AC", "ABD": capitals from A to H in their order, at byte i; *n: how many. 0: a word, or one letter. */
static uint32_t run(struct text t, size_t i, size_t *n)
{
    uint32_t set = 0;
    if (raml_find_joined(t, i) || (i && raml_find_one_of(t.s[i - 1], "\\_^&@"))) return 0;
    for (*n = 0; i + *n < t.n && t.s[i + *n] >= 'A' && t.s[i + *n] <= 'H'; ++*n) {
        if (set >= bit(t.s[i + *n])) return 0;
        set |= bit(t.s[i + *n]);
    }
    return *n < 2 || raml_find_joins(t, i + *n) || raml_find_any(t, i + *n, "_|^|-|'", false) ? 0 : set;
}

/* What may stand around a letter: brackets, emphasis, spaces. */
static size_t around(struct text t, size_t i)
{
    size_t n = 0;
    while (i + n < t.n && (is_space(t.s[i + n]) || raml_find_one_of(t.s[i + n], "()[]{}*_$\"."))) n++;
    return n;
}

/* The letters at byte i: one, or several as one word. *to: the byte after them. 0: none. */
static uint32_t letters_at(struct text t, size_t i, bool lower, bool announced, size_t *to)
{
    size_t n;
    *to = i;
    if (i >= t.n) return 0;
    uint32_t set = announced && !lower ? run(t, i, &n) : 0;
    *to = i + 1;
    if (set) {
        *to = i + n;
        return set;
    }
    if (lower) return is_lower(t.s[i]) && !raml_find_joined(t, i) && !raml_find_joins(t, i + 1) ? bit(t.s[i]) : 0;
    return standalone(t, i) && !a_word(t, i, announced) ? bit(t.s[i]) : 0;
}

/* Is another letter offered after byte *i, in the same sentence: "or C", "or maybe (C)"? *i moves past it. After a
 * label, "B. A or C", what it stands for may speak of letters: then only another label counts. */
static bool or_another(struct text t, size_t *from, uint32_t set)
{
    size_t i = *from, to, end = i + OR_BYTES < t.n ? i + OR_BYTES : t.n;
    bool labelled = i + 1 < t.n && raml_find_one_of(t.s[i], ").:") && !raml_find_any(t, i + around(t, i), ors, true);
    if (i < t.n && t.s[i] == '/' && letters_at(t, i + 1, false, true, from)) return true; /* "B/C" */
    for (; i < end && t.s[i] != '\n'; i++) {
        if (raml_find_any(t, i, "not|n't|n\xe2\x80\x99t|cannot|rather|than", false)) return false;
        size_t n = raml_find_any(t, i, ors, true);
        if (!n || ((unsigned char)t.s[i] < 0xe0 && raml_find_joined(t, i))) continue;
        size_t at = i + n + around(t, i + n);
        if (!letters_at(t, at, false, true, &to)) { /* "or maybe C" */
            while (at < t.n && is_alpha(t.s[at])) at++;
            at += around(t, at);
        }
        uint32_t other = letters_at(t, at, false, true, &to);
        if (!other || (other & set) || (labelled && !(to < t.n && raml_find_one_of(t.s[to], ").:")))) continue;
        *from = to;
        return true;
    }
    return false;
}

/* Does a word that speaks of one letter follow: "C is wrong"? */
static bool has_own_verb(struct text t, size_t i)
{
    i += around(t, i);
    return raml_find_any(t, i, "is|was|would|has|does|can|cannot|isn't|doesn't|will|because|since", true) > 0;
}

/* The letter at byte i with those that are joined to it, as a set; *to: the byte after them. */
static uint32_t joined(struct text t, size_t i, bool lower, bool announced, size_t *to)
{
    uint32_t set = letters_at(t, i, lower, announced, to);
    for (uint32_t next = set; next;) {
        size_t at = *to + around(t, *to), n = raml_find_any(t, at, ",|\xef\xbc\x8c|;", false), word, end;
        at += n ? n + raml_find_space(t, at + n) : 0;
        word = raml_find_any(t, at, ands, true);
        at += word;
        if (!n && !word) break;
        at += around(t, at);
        next = denied(t, at) ? 0 : letters_at(t, at, lower, announced, &end);
        if (next && has_own_verb(t, end)) next = 0;
        if (!next) break;
        set |= next;
        *to = end;
    }
    return set && or_another(t, to, set) ? UNSURE : set;
}

/* The first, or the last, letters of t that are a choice. announced: "A" and "I" count as letters. */
static uint32_t choose_letters(struct text t, bool last, bool announced)
{
    uint32_t found = 0;
    for (size_t i = 0, to; i < t.n; i++) {
        uint32_t set = joined(t, i, false, announced, &to);
        if (!set || denied(t, i)) continue;
        found = set;
        if (!last) return found;
        i = to - 1;
    }
    return found;
}

/* Does a label end at byte i, after its letter? */
static bool closes(struct text t, size_t i)
{
    size_t len;
    if (i >= t.n) return true;
    if (t.s[i] == '\'' && raml_find_joins(t, i + 1)) return false; /* I'm */
    return raml_find_one_of(t.s[i], ").:,;]}*$\"'\n") || raml_find_char(t, i, &len) >= 0x3000;
}

/* Is t few enough words to be a label and what it stands for? */
static bool is_short(struct text t)
{
    return t.n <= LABEL_BYTES && !memchr(t.s, '\n', t.n) && !raml_find_sentence(t);
}

/* The letters that t begins with, as a choice: "(C) Cecile", "D. it can't", "C Cecile". any_case: "(b)" too. */
static uint32_t begins(struct text t, bool any_case)
{
    size_t i = 0, to;
    while (i < t.n && (is_space(t.s[i]) || raml_find_one_of(t.s[i], "([{*_\"'$#"))) i++;
    i += raml_find_any(t, i, "\\text{|\\textbf{|\\mathrm{|\\mathbf{|option |choice |\\text{(|\\textbf{(", false);
    while (i < t.n && (t.s[i] == '(' || t.s[i] == '[')) i++;
    if (i >= t.n || !is_alpha(t.s[i])) return 0;
    size_t n;
    if (run(t, i, &n)) return joined(t, i, false, true, &to);
    if (raml_find_joins(t, i + 1)) return 0;
    bool lower = is_lower(t.s[i]);
    if (lower && !any_case && (t.s[i] > 'j' || !is_short(t))) return 0;
    size_t next = i + 1 + raml_find_space(t, i + 1);
    bool closed = next >= t.n || closes(t, i + 1);
    bool name = !lower && next > i + 1 && next < t.n && !is_lower(t.s[next]) && !raml_find_one_of(t.s[next], formula);
    if (name && t.s[next] == '-') name = next + 1 < t.n && is_space(t.s[next + 1]);
    if (name && (t.s[i] == 'A' || t.s[i] == 'I')) name = !a_word(t, i, true) && is_short(t);
    if (!closed && !name) return 0;
    uint32_t set = joined(t, i, lower, true, &to);
    return set ? set : bit(t.s[i]);
}

static uint32_t marked(struct text t)
{
    uint32_t set = begins(t, true);
    return set ? set : choose_letters(t, false, true);
}

static uint32_t announced(struct text t)
{
    struct cues cues;
    raml_find_cues(t, &cues);
    for (size_t k = 0; k < FIND_CUES && k < cues.n; k++) {
        const struct cue *hit = &cues.hit[(cues.n - 1 - k) % FIND_CUES];
        uint32_t set = hit->before ? choose_letters(raml_find_before(t, hit->from), true, false)
                                   : marked(raml_find_clause(raml_find_skip(t, hit->to)));
        if (set) return set;
    }
    return 0;
}

/* The letters of a box. A formula's names are none. */
static uint32_t in_box(struct text t)
{
    uint32_t set = begins(t, true);
    for (size_t i = 0; !set && i < t.n; i++)
        if (raml_find_one_of(t.s[i], formula) || raml_find_any(t, i, "\\frac|\\sqrt|\\dfrac", false)) return 0;
    return set ? set : choose_letters(t, false, true);
}

uint32_t raml_find_choice(struct text t)
{
    struct raml_buf box;
    size_t end;
    raml_buf_init(&box, t.n + 64);
    uint32_t set = 0;
    bool boxed = raml_find_box(t, &box, &end);
    if (boxed) set = box.len ? in_box((struct text){box.data, box.len}) : UNSURE;
    raml_buf_deinit(&box);
    if (!set) set = announced(t);
    if (!set) set = begins(t, false);
    if (!set) set = choose_letters(t, true, false);
    return set & UNSURE ? 0 : set;
}
