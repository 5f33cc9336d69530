/* controls.h - control trajectories: what a trajectory's content was worth beyond its length (docs/methods.md,
 * section 2).
 *
 * The same probe, at the same places, after other tokens than the trajectory's first i:
 *   shuffle   those i tokens, in another order at each place
 *   foreign   the first i tokens of another trajectory (another question's)
 *   filler    i copies of one token
 * The effect at i is L_control(i) - L(i). foreign and filler are trajectories of their own and are traced like any
 * other; of a shuffle every place has its own tokens (raml_trace_input.parent), which cost the sum of the places:
 * choose few.
 * Errors   RAML_ERANGE: places that do not rise from 0; RAML_ENOMEM. Output as before.     Threads  pure functions.
 */
#ifndef RAML_INNER_CONTROLS_H
#define RAML_INNER_CONTROLS_H

#include "raml/trace.h"

enum raml_control_kind { RAML_CONTROL_SHUFFLE, RAML_CONTROL_FOREIGN, RAML_CONTROL_FILLER, RAML_CONTROL_KINDS };
const char *raml_control_kind_name(enum raml_control_kind kind); /* "shuffle" */

struct raml_control { /* zero-initialise; free with _deinit */
    uint32_t *at;     /* [n_at] the places, from 0; the last is the length of trajectory */
    size_t n_at;
    int32_t *trajectory;    /* [at[n_at - 1]] */
    int32_t *parent_token;  /* shuffle: the tokens of all parents, one after another; else NULL */
    const int32_t **parent; /* shuffle: [n_at]; else NULL */
};
void raml_control_deinit(struct raml_control *c);

struct raml_control_name { /* what a shuffle's order depends on, beside the place */
    uint64_t seed, question;
    uint32_t sample;
};
/* at: [n_at >= 1] strictly rising from 0. The order at a place depends on the name and the place alone. */
RAML_CHECKED enum raml_code raml_control_shuffle(const int32_t *trajectory, size_t n, const uint32_t *at, size_t n_at,
                                                 const struct raml_control_name *name, struct raml_control *out,
                                                 struct raml_err *err);
/* Places beyond the foreign trajectory's n tokens are left out, so out->n_at may be less than n_at. */
RAML_CHECKED enum raml_code raml_control_foreign(const int32_t *foreign, size_t n, const uint32_t *at, size_t n_at,
                                                 struct raml_control *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_control_filler(int32_t token, const uint32_t *at, size_t n_at,
                                                struct raml_control *out, struct raml_err *err);

/* The control in the place of the trajectory of `in`, borrowed from both: prompt and answers are those of `in`. */
struct raml_trace_input raml_control_input(const struct raml_control *c, const struct raml_trace_input *in);
/* slot[k]: which of n_cuts even shares of T, 1 .. n_cuts, place at[k] stands for: each share has the place nearest to it
 * (of equals the first), of those that are nearer to it than to other shares. 0: another place is nearer. T >= 1. */
void raml_control_slots(const uint32_t *at, size_t n, size_t T, size_t n_cuts, size_t *slot);
/* effect[k] = L_control - L at the control's k-th place, [control->n_points]; NaN where the curve has no such place. */
void raml_control_effect(const struct raml_loss_curve *control, const struct raml_loss_curve *curve, double *effect);

#endif
