/* ballot.h - one question's answers in classes of equal ones (tally.h defines equal).
 *
 * Zero-initialise. Memory is reused from question to question; verdicts on pairs of texts are cached, the newest in
 * each of a fixed number of slots.
 */
#ifndef RAML_EVAL_BALLOT_H
#define RAML_EVAL_BALLOT_H

#include "core/hash_map.h"
#include "raml/majority.h"
#include "raml/graded.h"

struct raml_verdict_place {
    uint64_t a, b; /* hashes of the two texts; both 0: empty */
    bool equal;
};
struct raml_ballot_class {
    const char *text; /* the first answer; the question's */
    uint64_t hash;
    bool whole;       /* a whole number written plainly, of any length */
    int64_t num, den; /* a whole number or fraction of at most 18 digits each, in lowest terms; den 0: neither */
};
struct raml_ballot {
    struct raml_vote *vote; /* [n]: the classes of the last question */
    size_t n;
    struct raml_ballot_class *first; /* [n]: of each class */
    struct ballot_text {
        uint64_t hash;
        const char *text;
        size_t class;
    } * text;                 /* [n_texts]: the distinct ones */
    size_t n_texts, cap;      /* cap: answers of a question that there is room for */
    struct raml_hash_map map; /* text -> its place in the list */
    struct raml_verdict_place *known;
};

RAML_CHECKED enum raml_code raml_ballot_count(struct raml_ballot *b, const struct raml_scored *q, struct raml_err *err);
void raml_ballot_deinit(struct raml_ballot *b);

#endif
