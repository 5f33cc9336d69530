/* family.h - the built-in question families: made, not stored, checked by rule.
 *
 * A family writes question number i at a difficulty as a pure function of (seed, family, difficulty, i), gives its
 * exact answer, and a rule-based solver writes trajectories of it in several styles. Text is plain ASCII.
 * Splits cannot leak: a question belongs to "train" or "test" by the hash of its normalised text alone
 * (raml_question_hash, 1 in 8 is test), whatever seed or count made it.
 */
#ifndef RAML_FAMILY_H
#define RAML_FAMILY_H

#include "raml/buf.h"
#include "raml/question.h"
#include "raml/rng.h"

enum raml_style { RAML_STYLE_CONCISE, RAML_STYLE_VERBOSE, RAML_STYLE_REFLECT, RAML_N_STYLES };
const char *raml_style_name(enum raml_style s);

struct raml_family {
    const char *name;       /* "modchain", "add", "mul", "countdown", "perm", "graph", "word" */
    const char *about;      /* one line */
    const char *difficulty; /* what the knob counts: "number of variables" */
    int low, high;          /* allowed difficulties */
    int easy, hard;         /* the range trained on by default */
    /* Draws an instance and writes its question and answer text; r is a stream of this instance's own.
     * The same stream is given to solve again, so solve can redraw the instance from it. */
    void (*make)(struct raml_rng r, int difficulty, struct raml_buf *question, struct raml_buf *answer);
    /* Writes trajectory `sample` (own stream s) of the instance drawn from r. Ends with the line that holds the answer. */
    void (*solve)(struct raml_rng r, int difficulty, enum raml_style style, struct raml_rng s, struct raml_buf *out);
};

size_t raml_families(const struct raml_family *const **out); /* all of them; returns the count */
const struct raml_family *raml_family_find(const char *name); /* NULL: none */

struct raml_make_options {
    uint64_t seed;
    const char *families;   /* "modchain,add:2-4,perm:5": names with optional difficulty ranges; NULL: all, default ranges */
    size_t n;               /* questions in all, spread evenly over families and difficulties */
    const char *split;      /* "train", "test" (same range), NULL: both, by hash */
    size_t n_trajectories;  /* per question; distinct where the family allows it */
    const char *styles;     /* "concise,verbose,reflect"; NULL: concise */
};
/* Appends n distinct questions. RAML_ERANGE when a family cannot give so many distinct ones at that difficulty. */
RAML_CHECKED enum raml_code raml_make_questions(struct raml_questions *qs, const struct raml_make_options *opt,
                                                struct raml_err *err);
#endif
