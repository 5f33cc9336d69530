/* answer_classes.h - one question's answers in classes of equal ones (table.h defines equal).
 *
 * Zero-initialise. Memory is reused from question to question; verdicts on pairs of texts are cached, the newest in
 * each of a fixed number of slots.
 */
#ifndef RAML_EVAL_ANSWER_CLASSES_H
#define RAML_EVAL_ANSWER_CLASSES_H

#include "core/hash_map.h"
#include "raml/metric.h"
#include "raml/table.h"

struct raml_verdict_place {
    uint64_t a, b; /* hashes of the two texts; both 0: empty */
    bool equal;
};
struct raml_answer_class {
    const char *text; /* the first answer; the question's */
    uint64_t hash;
    bool whole;       /* a whole number written plainly, of any length */
    int64_t num, den; /* a whole number or fraction of at most 18 digits each, in lowest terms; den 0: neither */
};
struct raml_answer_classes {
    struct raml_vote *vote; /* [n]: the classes of the last question */
    size_t n;
    struct raml_answer_class *first; /* [n]: of each class */
    struct classes_text {
        uint64_t hash;
        const char *text;
        size_t class;
    } * text;                 /* [n_texts]: the distinct ones */
    size_t n_texts, cap;      /* cap: answers of a question that there is space for */
    struct raml_hash_map map; /* text -> its place in the list */
    struct raml_verdict_place *known;
};

RAML_CHECKED enum raml_code raml_answer_classes_count(struct raml_answer_classes *b, const struct raml_graded *q,
                                                      struct raml_err *err);
void raml_answer_classes_deinit(struct raml_answer_classes *b);

#endif
