/* find_letter.c - the choice A to Z that a text makes. See find.h.
 *
 * In this order: the last box, the last announced answer, the letter that the text begins with, its last standalone
 * letter. A letter after "not" does not count, nor does the article "A" or the pronoun "I".
 */
#include "answer/find/find.h"

#include "core/ascii.h"

static const char denials[] = "not|isn't|non|pas|nicht|no|nor|cannot be|can't be|\xe4\xb8\x8d\xe6\x98\xaf|\xe9\x9d\x9e";

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
    return !raml_find_joins(t, i + 1);
}

/* Is the letter at byte i an article or a pronoun: "A" or "I" before a lower-case word? */
static bool a_word(struct text t, size_t i)
{
    if (t.s[i] != 'A' && t.s[i] != 'I') return false;
    size_t n = raml_find_space(t, i + 1);
    return n && i + 1 + n < t.n && is_lower(t.s[i + 1 + n]);
}

/* The first, or the last, letter of t that is a choice. announced: "A" and "I" count as letters. */
static bool choose_letter(struct text t, bool last, bool announced, char *letter)
{
    bool found = false;
    for (size_t i = 0; i < t.n; i++) {
        if (!standalone(t, i) || denied(t, i) || (!announced && a_word(t, i))) continue;
        *letter = t.s[i];
        found = true;
        if (!last) return true;
    }
    return found;
}

/* The letter that t begins with, as a choice: "(C) Cecile", "D. it can't", "C Cecile". any_case: "(b)" too. */
static bool begins(struct text t, bool any_case, char *letter)
{
    size_t i = 0, len;
    while (i < t.n && (is_space(t.s[i]) || raml_find_one_of(t.s[i], "([{*_\"'$#"))) i++;
    i += raml_find_any(t, i, "\\text{|\\textbf{|\\mathrm{|\\mathbf{|option |choice |\\text{(|\\textbf{(", false);
    if (i >= t.n || !is_alpha(t.s[i]) || raml_find_joins(t, i + 1)) return false;
    bool lower = t.s[i] >= 'a';
    if (lower && !any_case) return false;
    size_t next = i + 1 + raml_find_space(t, i + 1);
    bool closed =
        next >= t.n || raml_find_one_of(t.s[i + 1], ").:,;]}*$\"'\n") || raml_find_char(t, i + 1, &len) >= 0x3000;
    bool name = !lower && next > i + 1 && next < t.n && !is_lower(t.s[next]);
    if (!closed && !name) return false;
    *letter = lower ? (char)(t.s[i] - 'a' + 'A') : t.s[i];
    return true;
}

static bool marked(struct text t, char *letter)
{
    return begins(t, true, letter) || choose_letter(t, false, true, letter);
}

static bool announced(struct text t, char *letter)
{
    struct cues cues;
    raml_find_cues(t, &cues);
    for (size_t k = 0; k < FIND_CUES && k < cues.n; k++) {
        const struct cue *hit = &cues.hit[(cues.n - 1 - k) % FIND_CUES];
        if (hit->before) {
            if (choose_letter(raml_find_before(t, hit->from), true, false, letter)) return true;
        } else if (marked(raml_find_clause(raml_find_skip(t, hit->to)), letter)) {
            return true;
        }
    }
    return false;
}

bool raml_find_choice(struct text t, char *letter)
{
    struct raml_buf box;
    size_t end;
    raml_buf_init(&box, t.n + 64);
    bool found = raml_find_box(t, &box, &end) && box.len && marked((struct text){box.data, box.len}, letter);
    raml_buf_deinit(&box);
    return found || announced(t, letter) || begins(t, false, letter) || choose_letter(t, true, false, letter);
}
