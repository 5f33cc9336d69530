/* family_util.h - shared by the solvers of all families: lines, wording, and wrong turns.
 *
 * A trajectory is lines of text, one step per line. In the reflect style a wrong turn is one or more lines followed by
 * a line that starts with "wait"; the step is then done again, correctly. A line not followed by "wait" is true.
 * Sample 0 of a stream is the standard solution: fixed wording and fixed order, so that a small model has one thing to
 * learn. Other samples vary the order of independent steps and the wording.
 * A paraphrase of a sample (s.key.round is its number, from 1) has the sample's steps, numbers and wrong turns, in other
 * words: the family's own, and before a line now and then a connective.
 */
#ifndef RAML_TASK_FAMILY_UTIL_H
#define RAML_TASK_FAMILY_UTIL_H

#include "raml/family.h"

#include <stdbool.h>

extern const struct raml_family raml_family_modchain, raml_family_add, raml_family_mul, raml_family_countdown,
    raml_family_perm, raml_family_graph, raml_family_word;

/* Any expression over the question's numbers, each used at most once, that gives its target; "= target" may follow.
 * UNKNOWN: no answer, or the question is not of this family. Exact, bounded, safe on any text. */
enum raml_verdict raml_countdown_check(const char *question, const char *pred);

enum { FAMILY_MAX_STEPS = 64 };

struct raml_pen {
    struct raml_buf *out;
    struct raml_rng s, wording; /* wording: of a paraphrase */
    enum raml_style style;
    bool vary;      /* not sample 0 */
    bool rewords;   /* it is a paraphrase */
    uint64_t slips; /* bit i: step i goes wrong first */
    size_t start;   /* length of out before the trajectory */
};

/* n_steps: at which a wrong turn may happen, 1 .. FAMILY_MAX_STEPS; the reflect style chooses one or two of them. */
struct raml_pen raml_pen_open(struct raml_buf *out, enum raml_style style, struct raml_rng s, int n_steps);
/* Starts a line (after a newline unless it is the first) and writes to it; a paraphrase may put a connective before it. */
void raml_pen_line(struct raml_pen *p, const char *fmt, ...) RAML_PRINTF(2, 3);
/* Continues the line. */
void raml_pen_add(struct raml_pen *p, const char *fmt, ...) RAML_PRINTF(2, 3);
/* True once for a step chosen to go wrong. */
bool raml_pen_slips(struct raml_pen *p, int step);
void raml_pen_wait(struct raml_pen *p);
/* words[0], or any of them when the sample varies or is a paraphrase. */
const char *raml_pen_word(struct raml_pen *p, const char *const *words, uint32_t n);
bool raml_pen_coin(struct raml_pen *p); /* false unless the sample varies */
/* Any of [low, high] except `correct`; low < high. */
int raml_pen_wrong(struct raml_pen *p, int correct, int low, int high);

/* n distinct letters of a .. z, shuffled; n <= 26. */
void raml_family_letters(struct raml_rng *r, char *out, int n);

#endif
