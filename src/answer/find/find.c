/* find.c - the final answer of a text. See answer.h; each marking is read in a find_*.c beside it. */
#include "answer/find/find.h"

#include "answer/read/spelled.h"
#include "answer/read/unit.h"
#include "core/ascii.h"

#include <string.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

const char *raml_found_name(enum raml_found f)
{
    static const char *const names[] = {"nothing", "bare",   "boxed",   "final", "hashes",
                                        "phrase",  "letter", "formula", "last",  "line"};
    return (size_t)f < COUNT(names) ? names[f] : "nothing";
}

const char *raml_verdict_name(enum raml_verdict v)
{
    return v == RAML_EQUAL ? "equal" : v == RAML_DIFFERENT ? "different" : "unknown";
}

struct raml_answer_options raml_answer_default(void)
{
    return (struct raml_answer_options){.last = false, .letters = false, .think_end = NULL};
}

/* A box, a heading, hashes or a phrase. A heading "Final Answer" after the last box wins over it when it contains a
 * formula or a number. *cut: the text ends where an answer was to begin; what it said before was given up. */
static enum raml_found marked(struct text t, struct raml_buf *out, bool *cut)
{
    struct cues cues;
    struct raml_buf box;
    struct text line;
    size_t end = 0;
    raml_buf_init(&box, out->max);
    raml_find_cues(t, &cues);
    enum raml_found found = RAML_FOUND_NOTHING;
    bool boxed = raml_find_box(t, &box, &end);
    *cut = (boxed && !box.len && !box.code) || raml_find_cut(t, &cues, end);
    if (*cut) {
        raml_buf_deinit(&box);
        return RAML_FOUND_NOTHING;
    }
    if (raml_find_announced(t, &cues, RAML_FOUND_FINAL, end, boxed, out)) {
        found = RAML_FOUND_FINAL;
    } else if (boxed) {
        raml_buf_add(out, box.data, box.len);
        found = RAML_FOUND_BOXED;
    } else if (raml_find_hashes(t, &line)) {
        raml_buf_add(out, line.s, line.n);
        *cut = !line.n;
        found = line.n ? RAML_FOUND_HASHES : RAML_FOUND_NOTHING;
    } else if (raml_find_announced(t, &cues, RAML_FOUND_PHRASE, 0, false, out)) {
        found = RAML_FOUND_PHRASE;
    }
    if (box.code) out->code = box.code;
    raml_buf_deinit(&box);
    return found;
}

/* What reads as a sentence by its words, and is an answer: "18 kilometers per hour", "all real numbers except 0",
 * "$f(n) = n$ for all positive integers $n$". */
static bool whole_answer(struct text t)
{
    enum { LONGEST = 120 };
    struct text value;
    struct formula f;
    size_t to;
    if (t.n > LONGEST || raml_find_read(t, true).stops) return false;
    if (raml_find_number(t, 0, &to, &value)) {
        size_t gap = raml_find_space(t, to);
        struct text rest = raml_find_skip(t, to + gap);
        if (raml_find_any(rest, 0, "out of every|in every|to the power of", true)) return true;
        uint64_t by;
        for (size_t k = 0; k < to; k++) /* "4 millones de dolares" */
            if (is_space(t.s[k]) && raml_spelled_scale(t.s + k + 1, to - k - 1, &by) &&
                !raml_find_read(rest, true).digits && raml_find_read(rest, true).words <= 3)
                return true;
        return rest.n && raml_unit_is_measured(rest.s, rest.n);
    }
    if (raml_find_any(t, 0,
                      "all real numbers except|all real numbers but|all reals except|all reals but|"
                      "all real numbers other than|all real numbers excluding|every real number except",
                      true))
        return true;
    struct formulas all = {.t = t};
    if (!raml_find_formula(&all, &f) || f.whole.s != t.s) return false;
    struct text rest = raml_find_trim(raml_find_skip(t, f.whole.n));
    return raml_find_any(
               rest, 0,
               "for all|for every|for any|for each|for some|where|, where|, for all|, for any|, for some|,for all",
               true) > 0;
}

/* Is t, with nothing announced in it, an answer by itself? last: a number is taken out of the words around it. */
static bool bare(struct text t, bool last)
{
    struct spelled v;
    if (raml_spelled_number(t.s, t.n, &v) == t.n) return true; /* of any length */
    if (raml_find_sentence(t)) return whole_answer(t);
    struct reading r = raml_find_read(t, true);
    bool value = r.words == 1 && (is_digit(t.s[0]) || raml_find_one_of(t.s[0], "$\\")); /* "10 cm" */
    return !last || !r.words || !(r.digits || r.formulas) || value;
}

/* One formula with words before it, whatever follows, or with a sentence around it. */
static bool only_formula(struct text t, struct formula *out)
{
    if (!raml_find_only(t, out)) return false;
    if (out->inner.n == 1 && is_lower(out->inner.s[0])) return false; /* a variable's name */
    size_t from = (size_t)(out->whole.s - t.s);
    struct reading before = raml_find_read(raml_find_slice(t, 0, from), true);
    return raml_find_sentence(t) || (before.words && !before.digits && from + out->whole.n == t.n);
}

static bool empty_box(struct text t)
{
    size_t n = raml_find_any(t, 0, "$\\boxed{|\\boxed{|\\fbox{", false);
    if (!n) return false;
    for (size_t i = n; i < t.n; i++)
        if (!is_space(t.s[i]) && !raml_find_one_of(t.s[i], "}$.")) return false;
    return true;
}

static struct text without_stop(struct text t)
{
    bool stop = t.n > 1 && t.s[t.n - 1] == '.' && !raml_find_one_of(t.s[t.n - 2], ".\\");
    return stop ? raml_find_trim((struct text){t.s, t.n - 1}) : t;
}

/* An unmarked answer. */
static enum raml_found unmarked(struct text t, bool last, struct raml_buf *out)
{
    struct formula only;
    struct text stated;
    t = without_stop(t);
    if (t.n > 4 && !memcmp(t.s, "**", 2) && !memcmp(t.s + t.n - 2, "**", 2)) t = without_stop(raml_find_strip(t));
    if (!t.n || empty_box(t)) return RAML_FOUND_NOTHING;
    if (!last && raml_find_sentence(t) && raml_find_stated(t, &stated)) {
        if (raml_find_only(stated, &only) && only.whole.n == stated.n) stated = only.inner;
        raml_buf_add(out, stated.s, stated.n);
        return RAML_FOUND_PHRASE;
    }
    if (only_formula(t, &only) && !whole_answer(t)) {
        raml_buf_add(out, only.inner.s, only.inner.n);
        raml_find_add_suffix(t, (size_t)(only.whole.s - t.s) + only.whole.n, out);
        return RAML_FOUND_FORMULA;
    }
    if (bare(t, last)) {
        if (!raml_find_labelled(t, &stated)) stated = t; /* "Total: 18" */
        raml_buf_add(out, stated.s, stated.n);
        return RAML_FOUND_BARE;
    }
    if (raml_find_last_line(t, out)) return RAML_FOUND_LINE;
    return last && raml_find_last(t, out) ? RAML_FOUND_LAST : RAML_FOUND_NOTHING;
}

static enum raml_found choice(struct text t, struct raml_buf *out)
{
    struct text block;
    bool inside = raml_find_block(t, &block);
    if (inside && !block.n) return RAML_FOUND_NOTHING;
    uint32_t set = inside ? raml_find_choice(block) : 0;
    if (!set) set = raml_find_choice(t);
    for (int k = 0; k < 26; k++)
        if (set >> k & 1) raml_buf_add(out, &(char){(char)('A' + k)}, 1);
    return set ? RAML_FOUND_LETTER : RAML_FOUND_NOTHING;
}

static enum raml_found find(struct text t, const struct raml_answer_options *opt, struct raml_buf *out)
{
    struct text block;
    bool cut;
    if (!raml_find_spoken(t, opt->think_end, &t) || !t.n) return RAML_FOUND_NOTHING;
    if (opt->letters) return choice(t, out);
    if (raml_find_block(t, &block)) {
        if (!block.n) return RAML_FOUND_NOTHING;
        enum raml_found found = marked(block, out, &cut);
        if (found || cut || out->code) return found;
        raml_buf_add(out, block.s, block.n);
        return RAML_FOUND_FINAL;
    }
    enum raml_found found = marked(t, out, &cut);
    return found || cut || out->code ? found : unmarked(t, opt->last, out);
}

enum raml_code raml_answer_find(const char *text, size_t n, const struct raml_answer_options *opt, struct raml_buf *out,
                                enum raml_found *found, struct raml_err *err)
{
    struct raml_answer_options plain = raml_answer_default();
    *found = text && n ? find((struct text){text, n}, opt ? opt : &plain, out) : RAML_FOUND_NOTHING;
    return raml_buf_status(out, err);
}
