/* leak.h - does training data hold test questions? Overlap of word n-grams, in linear time.
 *
 * A text becomes words (raml_leak_words); a gram is n consecutive words. For each test question: which share of its
 * grams occurs in training questions, and which in training solutions (trajectories); whether a training question has
 * exactly its text (raml_question_hash); and which training question is nearest, that is, holds most of its grams.
 * A test question of fewer than n words is one gram, all of it, which a training question must equal, not only contain.
 * n = 13 is that of Brown et al. 2020 (arXiv 2005.14165, appendix C), who call a test example dirty when one gram is
 * found; the share is given here so that one can choose.
 * Grams are 64-bit hashes (XXH3): with 10^6 test grams and 10^9 training grams one chance hit is expected in
 * 18,000 runs.
 * Cost      reading: linear. Memory: about 60 bytes a test gram and 120 a test question; training text is not kept.
 * Nearest   a gram that occurs in more than RAML_LEAK_CROWD test questions has no vote, which keeps the cost linear
 *           where questions share boilerplate. Ties: the training question that was added first.
 * Threads   one at a time.
 */
#ifndef RAML_LEAK_H
#define RAML_LEAK_H

#include "raml/buf.h"
#include "raml/question.h"

#pragma GCC visibility push(default)

enum { RAML_LEAK_CROWD = 64, RAML_LEAK_MAX_N = 1000 };

/* Appends the words of a text, a space between them, and a terminating 0. docs/data.md defines them: case folded, NFKC;
 * runs of letters and digits; each sign of arithmetic and each character of a script without spaces; no punctuation, no
 * LaTeX layout. Bytes that are not UTF-8 separate words. */
RAML_CHECKED enum raml_code raml_leak_words(const char *text, struct raml_buf *out, struct raml_err *err);

struct raml_leak_hit { /* one test question */
    size_t n_words;
    size_t n_grams;              /* n_words - n + 1; 1: compared whole; 0: it has no words */
    bool whole;                  /* fewer than n words */
    bool same_text;              /* a training question has its text, except for case and whitespace */
    double in_questions;         /* share of its grams that occur in training questions, 0 to 1 */
    double in_solutions;         /* ... in training solutions; 0 where compared whole */
    double near_share;           /* ... in the nearest training question, of the grams that vote */
    size_t near_file, near_line; /* the nearest: number as given to _add, line; line 0: no gram in common */
};

struct raml_leak;
/* n: words a gram, 1 to RAML_LEAK_MAX_N. The questions are not needed after this call. */
RAML_CHECKED enum raml_code raml_leak_open(const struct raml_questions *test, size_t n, struct raml_leak **out,
                                           struct raml_err *err);
/* Compares with a set of training questions, of file number `file`; may be called again and again. */
RAML_CHECKED enum raml_code raml_leak_add(struct raml_leak *l, const struct raml_questions *train, size_t file,
                                          struct raml_err *err);
/* One for each test question, in order; valid until the next call. */
const struct raml_leak_hit *raml_leak_hits(struct raml_leak *l, size_t *n);
void raml_leak_close(struct raml_leak *l);

#pragma GCC visibility pop
#endif
