/* probes.h - the answers that are probed at one place, as branches of one small tree: what two of them begin with alike
 * is read once, and the last token of each is only a target (raml_tree_add_end_target), which takes no row.
 *
 * Answer 0 is an input's first, 1 .. n_other are its further ones. A chain is an answer's prefix and the answer.
 */
#ifndef RAML_INNER_PROBES_H
#define RAML_INNER_PROBES_H

#include "raml/trace.h"

struct raml_probe_branch { /* of an answer: it leaves an earlier one's chain */
    size_t parent;         /* of the earlier one; 0 for the first answer, which leaves none */
    size_t same;           /* tokens in common with it: at least as many as it has in common with its own parent */
};
/* b[1 + n_other]. Each answer leaves the earlier one with which it has most tokens in common, the first of several. */
void raml_probes_plan(const struct raml_trace_input *in, struct raml_probe_branch *b);
size_t raml_probes_rows(const struct raml_trace_input *in); /* of all answers, at one place */
/* Targets of answer i that are not an earlier one's: its last ones. */
size_t raml_probes_targets(const struct raml_trace_input *in, const struct raml_probe_branch *b, size_t i);
/* Adds answer i's branch to a tree, chain being its prefix and answer: the first answer's after `after` tokens of the
 * span `stem`, the others' where they leave the spans of earlier ones, span[0 .. i). span[i]: its own. */
RAML_CHECKED enum raml_code raml_probes_add(const struct raml_trace_input *in, const struct raml_probe_branch *b,
                                            size_t i, const int32_t *chain, int32_t stem, uint32_t after,
                                            struct raml_tree *t, int32_t *span, struct raml_err *err);
/* Where the tokens of answer i are among targets: own[k] is the first of those that answer k has itself. Fills
 * index[A_i]. */
void raml_probes_index(const struct raml_trace_input *in, const struct raml_probe_branch *b, size_t i,
                       const size_t *own, size_t *index);

#endif
