/* family.h - the built-in question families: generated, not stored, checked by rule.
 *
 * A family writes question number i at a difficulty as a pure function of (seed, family, difficulty, i), gives its
 * exact answer, and a rule-based solver writes trajectories of it in several styles. Text is ASCII.
 * Splits cannot leak: a question belongs to "train" or "test" only by the hash of its normalised text
 * (raml_question_hash, 1 in 8 is test), whatever seed or count made it.
 */
#ifndef RAML_FAMILY_H
#define RAML_FAMILY_H

#include "raml/buf.h"
#include "raml/question.h"
#include "raml/rng.h"

#pragma GCC visibility push(default)

enum raml_style {
    RAML_STYLE_CONCISE,
    RAML_STYLE_VERBOSE,
    RAML_STYLE_REFLECT,
    RAML_STYLE_CHECKED,
    RAML_STYLE_EMPTY,
    RAML_N_STYLES
};
const char *raml_style_name(enum raml_style s);

struct raml_family {
    const char *name;       /* "modchain", "add", "mul", "countdown", "perm", "graph", "word" */
    const char *about;      /* one line */
    const char *difficulty; /* what the difficulty counts: "number of variables" */
    int low, high;          /* allowed difficulties */
    int easy, hard;         /* the range trained on by default */
    /* Draws an instance and writes its question and answer text; r is a stream for this instance only.
     * solve is given the same stream again, so it can redraw the instance from it. */
    void (*make)(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer);
    /* Writes a trajectory of the instance drawn from r, with its own stream s. s.key.sample 0 is the standard one
     * (fixed wording and order of steps); other samples vary both where the family allows it. s.key.round n > 0 is the
     * n-th paraphrase of the sample: its steps and numbers in other words. The last line ends with
     * the answer (a full stop may follow in the verbose style). A line that is wrong, or leads to a dead end, occurs
     * only in the reflect style and is taken back by the next line that starts with "wait". Never asked for checked or empty. */
    void (*solve)(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out);
    /* Is pred a correct answer to the question? NULL: compare with the question's answer by raml_answer_check. */
    enum raml_verdict (*check)(const char *question, const char *pred);
};

/* A family's solve, and the styles that are made of it: checked, the concise trajectory, a line "check:", and another concise
 * one of the same instance where the family has another; empty, no thinking at all. */
void raml_family_solve(const struct raml_family *f, struct raml_rng r, int difficulty, enum raml_style style,
                       struct raml_rng s, struct raml_buf *out);
size_t raml_families(const struct raml_family *const **out);  /* all of them; returns the count */
const struct raml_family *raml_family_find(const char *name); /* NULL: none */
/* Is pred a correct answer to q? By the rule of q's family where it has one, else by comparison with q's answer. */
enum raml_verdict raml_question_check(const struct raml_question *q, const char *pred);

struct raml_make_options {
    uint64_t seed;
    const char *families; /* "modchain,add:2-4,perm:5*2": names with optional difficulties and weights; NULL: all */
    size_t n;          /* questions in all, spread over the names by weight, and in each evenly over its difficulties */
    const char *split; /* "train", "test" (same range), NULL: both, by hash */
    size_t n_trajectories; /* per question; distinct where the family allows it */
    const char *styles;    /* "concise,verbose,reflect,checked,empty": taken in turn; NULL: concise */
    bool paraphrases;      /* a question's trajectories are one solution, the standard one, in other words, all in one
                            * style; else they differ in order of steps, wording and style */
};
/* Appends n questions, distinct from each other and from those already in the set, families in turn and difficulties
 * mixed. RAML_ERANGE when a family cannot give that many distinct ones at that difficulty; RAML_EUSAGE for an unknown
 * name. On failure the set may hold some of them. */
RAML_CHECKED enum raml_code raml_make_questions(struct raml_questions *qs, const struct raml_make_options *opt,
                                                struct raml_err *err);

#pragma GCC visibility pop
#endif
