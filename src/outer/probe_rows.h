/* probe_rows.h - the multi-step loss (raml/meta.h): the answer after cuts of a trajectory, as further spans of its tree.
 *
 *     span of a trajectory    t1 .. tT  prefix answer end          its own answer: cut N, the last
 *     probe of cut k          prefix answer                        hangs after t_at,  at = floor(T k / N),  k = 1 .. N - 1
 *
 * Cuts that fall on the same token are one probe, which stands for all of them; those that fall on the trajectory's end
 * are its own answer. Of a probe the answer's tokens are targets, the last one an end target (no row is computed for
 * it). A trajectory that is a whole completion says nowhere where its answer begins: it has no probes.
 * Every probe fits where its trajectory does, being shorter.
 */
#ifndef RAML_OUTER_PROBE_ROWS_H
#define RAML_OUTER_PROBE_ROWS_H

#include "outer/step.h"
#include "raml/row.h"

#include <stdint.h>

enum { RAML_PROBES_MOST = 16 }; /* cuts: the largest loss_steps */

struct raml_probe_row {        /* of a row of a step */
    uint32_t first, n;         /* it stands for cuts first .. first + n, from 0; n 0: for none */
    uint32_t answer, n_answer; /* which of its tokens are the answer's */
    uint32_t of;               /* the trajectory's number among those of its tree */
    double times;              /* how often that one counts */
};
struct raml_probe_rows { /* zero-initialise; [n] like the rows of a step */
    struct raml_probe_row *row;
    size_t n, cap;
    int32_t *token; /* scratch */
    size_t cap_token;
};
void raml_probe_rows_deinit(struct raml_probe_rows *p);
void raml_probe_rows_clear(struct raml_probe_rows *p);

/* Tokens that the probes of span `span` of a row's tree add to it. */
uint32_t raml_probe_tokens(const struct raml_tree *tree, const struct raml_segments *segments, size_t span,
                           size_t cuts);
/* Adds to a row's tree (row.h) the probes of its spans 1 .. k, and to p the rows that they all will be. */
RAML_CHECKED enum raml_code raml_probe_rows_add(struct raml_probe_rows *p, struct raml_tree *tree,
                                                const struct raml_segments *segments, size_t cuts,
                                                struct raml_err *err);
/* Weights of the answers of rows [first, ..) of the step: weight[cuts], of a trajectory that counts times[of]. Sums over
 * a trajectory's probes are what its answer alone would have. */
void raml_probe_rows_weigh(struct raml_probe_rows *p, struct raml_step *step, size_t first, const double *weight,
                           const uint32_t *times);
/* "probe_loss/1" and so on: the answers' mean loss in nats per token after each cut, from step->logp. */
void raml_probe_rows_count(const struct raml_probe_rows *p, size_t cuts, struct raml_step *step);

#endif
