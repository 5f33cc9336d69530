/* update.h - the weights that a trajectory stands for: exact rank-one updates of every layer's MLP (docs/update.md).
 *
 * Let x be one token of answer prefix and answer, the last of the prefix unless said. Index C: x after prompt,
 * t_1 .. t_i and the tokens before x; index 0: x after the prompt and the same tokens, at the position that it has
 * there, in a network without the trajectory whose layers below were patched. With r, z, s as in tap.h, and gate G,
 * up U, down D:
 *
 *     dG = G (z_C - z_0) z_0' / |z_0|^2    dU = U (z_C - z_0) z_0' / |z_0|^2    dD = (r_C - r_0) s_C' / |s_C|^2
 *
 * Then every layer gives x's row of index 0 exactly what it gives that of C, so the logits are those after the
 * trajectory. Each update is u w', of rank one: <dM_i, dM_j> = (u_i . u_j)(w_i . w_j), and no matrix is formed
 * (Dherin et al., arXiv 2507.16003; Goldwaser et al., arXiv 2511.17864; docs/methods.md has the convention).
 * A patch belongs to its token: the rows of prompt and answer prefix are those of the plain network.
 *
 * Cost      one pass over the loss curve's tree (trace.h) and one more row a place, two products with a layer's gate
 *           and up a place, and the Gram matrices: n^2 (3 intermediate + 2 hidden) a layer for n places.
 * Memory    where a trajectory fits one pass (max_batch_tokens), the factors of one layer, n (4 intermediate + 3
 *           hidden) floats; else the rows of all layers, n (intermediate + 3 hidden) a layer. Besides 5 n^2 doubles,
 *           and for alignment a gradient.
 * Errors    those of a tracer, and RAML_ERANGE: there is no token x, or a norm is 0 or not finite. On failure nothing
 *           is left.
 * Threads   one updater, one thread.
 */
#ifndef RAML_UPDATE_H
#define RAML_UPDATE_H

#include "raml/tap.h"
#include "raml/trace.h"

#pragma GCC visibility push(default)

enum raml_update_matrix { RAML_UPDATE_GATE, RAML_UPDATE_UP, RAML_UPDATE_DOWN, RAML_UPDATE_MATRICES };
const char *raml_update_matrix_name(enum raml_update_matrix m); /* "gate", "up", "down" */

struct raml_update_options {
    size_t stride;           /* >= 1: a place after every stride tokens, and one after the last */
    size_t max_batch_tokens; /* >= 1: bounds a pass as a tracer's does */
    bool alignment;          /* with the gradient of L(0): the model is open for training (else RAML_EUSAGE) */
};
struct raml_update_options raml_update_default(void); /* every token; 16384; no alignment */

struct raml_update_input {
    struct raml_trace_input text; /* its `other` and `at` are not used */
    size_t probe;                 /* x: which token of answer prefix and answer, from 0; before the answer's last */
};
/* x as the last token of the answer prefix. RAML_ERANGE: the prefix has no token. */
RAML_CHECKED enum raml_code raml_update_input_of(const struct raml_trace_input *text, struct raml_update_input *out,
                                                 struct raml_err *err);

/* Of one matrix, or of several as one vector; n places, of which the first is i = 0. */
struct raml_update_measures {
    double weight_norm;              /* |M| */
    double *distance;                /* [n] |dM_i| / |M| */
    double *step;                    /* [n - 1] |dM_i - dM_(i-1)| / |M| between neighbouring places */
    double *turn;                    /* [n - 2] angle in radians between neighbouring steps; NaN where one is 0 */
    double rank_updates, rank_steps; /* participation (tr g)^2 / sum g_ij^2 of their Gram matrix; NaN: all are 0 */
    double gradient_norm;            /* |G|, G = gradient of L(0) by M; the rest NaN without alignment */
    double *align;                   /* [n] cos(dM_i, -G); NaN at 0 */
    double *align_left, *attainable; /* [n] align = align_left attainable; of one matrix only, else NaN */
    size_t n_left;                   /* m: numbers of a left factor */
};
struct raml_update { /* zero-initialise; free with _deinit */
    struct raml_loss_curve curve;
    size_t n_layers, n_points;
    struct raml_update_measures *matrix; /* [n_layers, RAML_UPDATE_MATRICES] */
    struct raml_update_measures gate_up; /* gate and up of all layers as one vector */
    struct raml_update_measures all;     /* all three; all.distance is the size of an update */
    double *own;
};
void raml_update_deinit(struct raml_update *u);

/* The factors of one layer at all places of an input: dM_i = u[m][i] w[m][i]'. Valid during the call. */
struct raml_update_factors {
    size_t input, layer, n;
    const float *u[RAML_UPDATE_MATRICES]; /* [n, n_out] */
    const float *w[RAML_UPDATE_MATRICES]; /* [n, n_in]; gate and up share theirs */
};
struct raml_update_reader {
    enum raml_code (*read)(void *user, const struct raml_update_factors *f, struct raml_err *err);
    void *user;
};

struct raml_updater;
/* The model must outlive it. Gradients are kept for the prompt, answer prefix and answer of the last input. */
RAML_CHECKED enum raml_code raml_updater_open(const struct raml_model *m, const struct raml_update_options *opt,
                                              struct raml_updater **out, struct raml_err *err);
void raml_updater_close(struct raml_updater *t);
/* Only the checks of raml_updater_run, for one input. */
RAML_CHECKED enum raml_code raml_updater_check(const struct raml_updater *t, const struct raml_update_input *in,
                                               struct raml_err *err);
/* out[n]: written only on success. reader may be NULL; it is called once for each input and layer, layers rising. */
RAML_CHECKED enum raml_code raml_updater_run(struct raml_updater *t, const struct raml_update_input *in, size_t n,
                                             const struct raml_update_reader *reader, struct raml_update *out,
                                             struct raml_err *err);
uint64_t raml_updater_tokens(const struct raml_updater *t); /* read by the model so far, gradients not counted */
uint64_t raml_updater_passes(const struct raml_updater *t);
size_t raml_updater_cost(const struct raml_updater *t, const struct raml_update_input *in); /* tokens of an input */

/* -- The test: the patched network is run -------------------------------------------------------------------------- */

/* What the patched weights give, really used, beside what the trajectory gives, at some places of an input. NaN where a
 * number compared is NaN. */
struct raml_update_checked {
    double block; /* largest difference of a number of any layer's output, over layers and places */
    double scale; /* largest |number| of those outputs */
    double logp;  /* span only: largest difference of log p of an answer token */
};
/* at[n_at]: places, strictly rising, none beyond T. span: not x alone, every token of answer prefix and answer before
 * the last has patches of its own, and the later read the earlier; the patched network's loss without the trajectory is
 * then L(i). Memory: the patches, n_at (span: times tokens) layers (3 intermediate + 2 hidden) floats. */
RAML_CHECKED enum raml_code raml_update_check(const struct raml_model *m, const struct raml_update_input *in,
                                              const uint32_t *at, size_t n_at, bool span,
                                              struct raml_update_checked *out, struct raml_err *err);

/* -- The exchange rate --------------------------------------------------------------------------------------------- */

/* L(0) under plain SGD on L(0) itself, all parameters, from the model's weights: one run for each rate. */
struct raml_exchange_options {
    const double *rate; /* [n_rates] each > 0 */
    size_t n_rates;
    size_t n_steps; /* >= 1: bound */
    double until;   /* a run ends at a loss that is no higher (or not finite); -INFINITY: at the bound */
};
/* 0.001, 0.003 .. 0.3; 40 steps; until -INFINITY. */
struct raml_exchange_options raml_exchange_default(void);
struct raml_exchange { /* zero-initialise; free with _deinit */
    size_t n_rates, n_steps;
    double *rate; /* [n_rates] */
    double *loss; /* [n_rates, n_steps + 1] after 0, 1 .. steps; NaN after a run's end */
};
void raml_exchange_deinit(struct raml_exchange *x);
/* Trajectory and probe of `in` are not read. The model (open for training) is changed meanwhile and has its weights
 * back, to the last bit, when this returns, on failure too (unless the device failed: the message says so); nothing
 * else may use it during the call. RAML_ESTOP: the sink asked for it. Memory: two copies of the weights. */
RAML_CHECKED enum raml_code raml_exchange_run(struct raml_model *m, const struct raml_trace_input *in,
                                              const struct raml_exchange_options *opt, const struct raml_sink *sink,
                                              struct raml_exchange *out, struct raml_err *err);
/* The fewest steps after which the loss is <= `loss`, at rate number `rate`, or with RAML_EXCHANGE_BEST the fewest over
 * all; -1: none was enough. */
enum { RAML_EXCHANGE_BEST = -1 };
int64_t raml_exchange_worth(const struct raml_exchange *x, int rate, double loss);

#pragma GCC visibility pop
#endif
