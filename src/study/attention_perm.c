/* attention_perm.c - of the family perm, which token has each symbol that a step must read. See attention_parts.h.
 *
 *     a=25134;b=31254;ab?
 *     a:25134
 *     b:13 21 32 45 54;21 53 13 32 45;13254
 *
 * A step's line has the pairs i x of one of the two permutations, in order; then the pairs of f, a symbol of the one that is
 * applied first, and r, where the other takes it; then all r again. From left to right of the product, x is of the factor (the
 * operand, in the question) and f of the last state; from right to left x is of the last state and f of the factor. The direction
 * is the order of the lines' names. After a line that says "wait" the step of the same name is done again, from the same state.
 */
#include "study/attention_parts.h"

#include <string.h>

enum { SYMBOLS = 5, LETTERS = 26, PAIRS = 3 * SYMBOLS - 1, STATE_LINE = 2 + SYMBOLS };
enum { FIRST = 2, SECOND = FIRST + PAIRS + 1, RESULT = SECOND + PAIRS + 1, STEP_LINE = RESULT + SYMBOLS };

static bool is_word(const char *s)
{
    for (size_t i = 0; i < SYMBOLS; i++)
        if (s[i] < '1' || s[i] > '0' + SYMBOLS) return false;
    return true;
}

static bool is_name(char c)
{
    return c >= 'a' && c < 'a' + LETTERS;
}

/* Pairs with a space between: cd cd cd cd cd */
static bool is_pairs(const char *s)
{
    for (size_t i = 0; i < PAIRS; i++)
        if (i % 3 == 2 ? s[i] != ' ' : s[i] < '1' || s[i] > '0' + SYMBOLS) return false;
    return true;
}

/* Where the factors' words begin in the text; 0: there is no factor of that name. */
static void find_operands(const struct raml_attention_plan *p, size_t operand[LETTERS])
{
    memset(operand, 0, LETTERS * sizeof *operand);
    for (size_t at = p->question; at + 2 + SYMBOLS <= p->question_end; at++) {
        const char *s = p->text.s + at;
        if (is_name(s[0]) && s[1] == '=' && is_word(s + 2)) operand[s[0] - 'a'] = at + 2;
    }
}

/* At most one of x and f comes from where. */
static enum raml_code add_step(struct raml_attention_plan *p, size_t step, size_t state, size_t operand, bool from_left,
                               struct raml_err *err)
{
    size_t at = p->step[step].from;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < SYMBOLS; i++) {
        size_t x = at + FIRST + 3 * i + 1, f = at + SECOND + 3 * i;
        rc = raml_attention_plan_symbol(p, RAML_ATTENTION_OPERAND, step, from_left ? x : f, operand + i, err);
        if (!rc) rc = raml_attention_plan_symbol(p, RAML_ATTENTION_STATE, step, from_left ? f : x, state + i, err);
        if (!rc) rc = raml_attention_plan_lookup(p, f + 1, err);
    }
    return rc;
}

enum raml_code raml_attention_perm(struct raml_attention_plan *p, struct raml_err *err)
{
    size_t operand[LETTERS], state = 0, before = 0;
    char last = 0, last_before = 0;
    enum raml_code rc = RAML_OK;
    find_operands(p, operand);
    for (size_t i = 0; !rc && i < p->n_steps; i++) {
        const char *s = p->text.s + p->step[i].from;
        size_t n = p->step[i].to - p->step[i].from;
        if (n < 2 || !is_name(s[0]) || s[1] != ':' || !operand[s[0] - 'a']) continue;
        bool start = n == STATE_LINE && is_word(s + 2);
        bool whole = n == STEP_LINE && is_pairs(s + FIRST) && s[SECOND - 1] == ';' && is_pairs(s + SECOND) &&
                     s[RESULT - 1] == ';' && is_word(s + RESULT);
        if (whole && last == s[0]) { /* once more */
            state = before;
            last = last_before;
        }
        bool next = last && (s[0] == last + 1 || s[0] == last - 1);
        if (whole && next && state) rc = add_step(p, i, state, operand[s[0] - 'a'], s[0] == last + 1, err);
        if (!start && !whole) continue;
        before = state;
        last_before = last;
        state = p->step[i].to - SYMBOLS;
        last = s[0];
    }
    return rc;
}
