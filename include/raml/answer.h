/* answer.h - the final answer of a text, and whether two answers are the same: decided exactly, or reported as unknown.
 *
 * Finding     where the answer at the end of a text is: the last \boxed{} (or those joined by "and"), "**Final
 *             Answer**", "#### x", "the answer is x" in several languages, a choice's letter. What comes before the end
 *             of thinking is never looked at. The last number or formula of a text is taken only on request.
 * Reading     LaTeX and plain notation by one grammar into an expression.
 * Deciding    integers and rational numbers exactly; algebraic numbers by their minimal polynomials; other constants by
 *             balls of growing precision, which prove that two numbers differ, and by exact symbolic arithmetic, which
 *             proves that they are equal; expressions in variables by a normal form. No float is ever compared.
 * Conventions of answers in this field (docs/verify.md): units and currency are ignored, 10 % answers 10 and 1/10, a
 *             right angle is 90 or 90 degrees, "x = 5" answers 5, a list answers a set; a decimal answers the number
 *             that it is a rounding of when it shows at least RAML_ANSWER_DIGITS significant digits.
 * Bounds      work is counted, not timed: no signals, no timers, no state but the caller's; thread-safe. A thread
 *             calls raml_answer_thread_end before it ends, to free what the arithmetic libraries keep for it.
 */
#ifndef RAML_ANSWER_H
#define RAML_ANSWER_H

#include "raml/buf.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

enum raml_verdict { RAML_UNKNOWN = -1, RAML_DIFFERENT = 0, RAML_EQUAL = 1 };
const char *raml_verdict_name(enum raml_verdict v); /* "equal", "different", "unknown" */

enum { RAML_ANSWER_DIGITS = 4 };

/* How the answer was found in a text. */
enum raml_found {
    RAML_FOUND_NOTHING,
    RAML_FOUND_BARE,    /* the text is nothing but the answer */
    RAML_FOUND_BOXED,   /* \boxed{}, \fbox{} */
    RAML_FOUND_FINAL,   /* **Final Answer**, Final Answer: */
    RAML_FOUND_HASHES,  /* #### x */
    RAML_FOUND_PHRASE,  /* the answer is x */
    RAML_FOUND_LETTER,  /* a choice's letter */
    RAML_FOUND_FORMULA, /* the one formula of a sentence */
    RAML_FOUND_LAST,    /* the last number or formula; only on request */
    RAML_FOUND_LINE     /* the last line shows it in bold, or as a formula of its own */
};
const char *raml_found_name(enum raml_found f); /* "bare", "boxed", ...; static */

struct raml_answer_options {
    bool last;             /* take the last number or formula when nothing else marks the answer */
    bool letters;          /* the answer is one of the letters A to Z */
    bool worked_out;       /* where gold is a plain number, pred must be one: "9 - 5" is not the answer 4 (a reward for
                          * repeating the question would be learnt) */
    const char *think_end; /* text that ends thinking: without it there is no answer; NULL: "</think>" and the like,
                            * where there are any (docs/verify.md) */
    int decimals;          /* numbers that agree when both are rounded to this many decimals are equal; 0: exactly */
    uint64_t max_work;     /* units of about a microsecond; 0: the default */
};
struct raml_answer_options raml_answer_default(void);

/* The answer at the end of text[0..n), appended to *out (UTF-8 as in the text; several boxes joined by ", ").
 * *found: how. Linear in n. RAML_ENOMEM is the only failure. */
RAML_CHECKED enum raml_code raml_answer_find(const char *text, size_t n, const struct raml_answer_options *opt,
                                             struct raml_buf *out, enum raml_found *found, struct raml_err *err);

struct raml_answer_result {
    enum raml_verdict verdict;
    const char *rule; /* the rule that decided: "same text", "rational numbers", "algebraic numbers", ...; static */
    uint64_t work;    /* units used */
};
/* Is pred the same answer as gold? Both are texts that may hold their answer anywhere raml_answer_find looks.
 * explain (may be NULL): one line a step is appended. RAML_ENOMEM is the only failure: what can't be read, is too long
 * or takes too much work gives the verdict unknown and the rule. */
RAML_CHECKED enum raml_code raml_answer_compare(const char *gold, size_t n_gold, const char *pred, size_t n_pred,
                                                const struct raml_answer_options *opt, struct raml_answer_result *out,
                                                struct raml_buf *explain, struct raml_err *err);
/* The same with default options, for short answers. UNKNOWN when either is NULL, gold is empty, or memory runs out. */
enum raml_verdict raml_answer_check(const char *gold, const char *pred);

/* What the boxes that text[0..n) ends in hold, appended to *out as raml_answer_find gives it, wherever in the text they
 * stand: the last \boxed{} or \fbox{} that says something, with those joined to it, but for those that are
 * the same answer written otherwise ("\boxed{x+1} or \boxed{1+x}"). Nothing is appended where no box says anything.
 * False: there is no box. Linear in n, and a comparison a box. Failure is remembered by the buffer. */
bool raml_answer_boxed(const char *text, size_t n, struct raml_buf *out);

void raml_answer_thread_end(void);

/* For a program's main, before any other thread and any check; changes global state, so the library leaves it to you. FLINT,
 * MPFR and GMP end the process (abort) when an allocation fails; after this the check that needed it gives RAML_ENOMEM.
 * What they had allocated for it is not freed, and they are not called again: every later check gives RAML_ENOMEM too.
 * Where FLINT finds a fault of its own, the check gives RAML_ESUPPORT. Outside of a check, the process ends with one line
 * and exit code 1. */
void raml_answer_guard(void);

#pragma GCC visibility pop
#endif
