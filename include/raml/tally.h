/* tally.h - questions counted as they arrive, in memory that does not grow with them.
 *
 * pass@k, G-Pass@k and accuracy are functions of (n, c): a group keeps how many questions have each pair, and resamples
 * those counts. maj@k is a function of the answers: one double per question for each k.
 * Answers   of one question are one class when their texts are equal, or when raml_answer_check finds them equal to the
 *           class's first answer; the first class that fits takes it. Whole numbers and fractions written plainly are
 *           distinguished by their value. At most RAML_TALLY_CHECKED classes of a question are compared in this way,
 *           later ones only by text. Verdicts are kept by text. Samples that were truncated or never closed their
 *           thinking are wrong and do not vote (majority.h).
 * Errors    name the question. After a failure the tallies can only be closed.
 */
#ifndef RAML_TALLY_H
#define RAML_TALLY_H

#include "raml/graded.h"
#include "raml/table.h"

#pragma GCC visibility push(default)

enum { RAML_TALLY_CHECKED = 64 };

struct raml_tallies;
/* keep: also each question's id and counts, for raml_paired (paired.h). opt->k and opt->measure are copied. */
RAML_CHECKED enum raml_code raml_tallies_open(const struct raml_table_options *opt, bool keep,
                                              struct raml_tallies **out, struct raml_err *err);
void raml_tallies_close(struct raml_tallies *t); /* NULL is fine */
/* user: struct raml_tallies *. A raml_graded_fn. */
RAML_CHECKED enum raml_code raml_tallies_add(void *user, const struct raml_graded *q, struct raml_err *err);
/* A question that is already counted. id: NULL, messages give its number instead. */
RAML_CHECKED enum raml_code raml_tallies_count(struct raml_tallies *t, const char *id, const struct raml_tally *q,
                                               struct raml_err *err);
/* On failure *out is as before. */
RAML_CHECKED enum raml_code raml_tallies_table(const struct raml_tallies *t, struct raml_table *out,
                                               struct raml_err *err);

#pragma GCC visibility pop
#endif
