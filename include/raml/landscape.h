/* landscape.h - the loss around a model's weights while it thinks (docs/methods.md, section 2).
 *
 *     f_i(α, β) = L(i) at θ + α d_1 + β d_2            i: frames, prefixes of one trajectory
 *
 * (Li et al. 2018, arXiv 1712.09913). A landscape holds the weights θ of a model, two directions, and one token tree:
 * prompt, trajectory up to the last frame, and at each frame a probe of answer prefix and answer, as in trace.h. All
 * frames of a point are one pass over this tree.
 * Weights   The model is opened RAML_TRAINING, with f32 activations, and belongs to the landscape until _close: its
 *           weights are moved, and packed anew, for every point. θ is kept as a copy, every point is computed from that
 *           copy and never from the last point, and _restore puts it back. It checks the bits of every weight.
 * Directions, in the block of parameters (model.h); a tied head is the embedding, once:
 *   filter   Gaussian, every row of a matrix scaled to the norm of θ's row (rows of the embedding too); vectors, which
 *            are norms' scales and biases, 0 (Li et al. 2018, section 4)
 *   tensor   Gaussian, every tensor scaled to the norm of θ's, vectors too; embedding and head 0 (what the notebook of
 *            arXiv 2505.19815 draws)
 *   path     the two leading principal directions of the trajectory's implicit updates (update.h), of norm 1
 * Curvature The Hessian H of L(i) by all parameters. A product with a vector is a central difference of gradients,
 *           (g(θ + εv) - g(θ - εv)) / 2ε with ε |v| = step |θ|, all in f32. The right step depends on the model: it is
 *           found, and what is known of its error is part of the result (docs/methods.md).
 * Units     nats per answer token.  Threads: one.
 * Memory    besides the model: θ, a block of parameters for each direction; for curvature three gradients more.
 */
#ifndef RAML_LANDSCAPE_H
#define RAML_LANDSCAPE_H

#include "raml/trace.h"
#include "raml/update.h"

#pragma GCC visibility push(default)

enum raml_direction_kind { RAML_DIRECTION_FILTER, RAML_DIRECTION_TENSOR, RAML_DIRECTION_PATH };
const char *raml_direction_name(enum raml_direction_kind kind); /* "filter" */

struct raml_landscape_input {
    struct raml_trace_input text; /* of which `other` and `at` are not used */
    const uint32_t *frame;        /* [n_frames] trajectory tokens read, strictly rising, none above n_trajectory */
    size_t n_frames;
};

struct raml_landscape;
/* Tokens are copied. RAML_EUSAGE: the model was opened for inference, or computes in bf16. RAML_ERANGE: as in trace.h,
 * or frames that are not strictly rising prefixes of the trajectory. */
RAML_CHECKED enum raml_code raml_landscape_open(struct raml_model *m, const struct raml_landscape_input *in,
                                                struct raml_landscape **out, struct raml_err *err);
/* Puts θ back, and frees. Whether that succeeded is what _restore says; call it first. NULL is fine. */
void raml_landscape_close(struct raml_landscape *l);
/* Weights as they were when the landscape was opened. RAML_EIO: the device failed, or a bit differs. */
RAML_CHECKED enum raml_code raml_landscape_restore(struct raml_landscape *l, struct raml_err *err);
size_t raml_landscape_frames(const struct raml_landscape *l);
/* Hashes (XXH3-64) of θ, and of the tokens and frames: what a stored grid must agree with. */
uint64_t raml_landscape_weights_hash(const struct raml_landscape *l);
uint64_t raml_landscape_text_hash(const struct raml_landscape *l);

/* Direction k, 0 or 1. Until it is set a direction is 0 and takes no memory. _random: filter or tensor; element j of
 * tensor t is the normal draw of rng.h named by seed, RAML_FOR_DIRECTION, t, k, j: the same for any number of threads.
 * _set: value[raml_model_n] of the host. */
RAML_CHECKED enum raml_code raml_landscape_random(struct raml_landscape *l, size_t k, enum raml_direction_kind kind,
                                                  uint64_t seed, struct raml_err *err);
RAML_CHECKED enum raml_code raml_landscape_set(struct raml_landscape *l, size_t k, const float *value,
                                               struct raml_err *err);
/* value[raml_model_n] of the host; RAML_EUSAGE: it was not set. */
RAML_CHECKED enum raml_code raml_landscape_read_direction(const struct raml_landscape *l, size_t k, float *value,
                                                          struct raml_err *err);
/* Both are 0 again, and take no memory. */
void raml_landscape_clear(struct raml_landscape *l);
/* Its norm, 0 when it was not set. */
RAML_CHECKED enum raml_code raml_landscape_norm(const struct raml_landscape *l, size_t k, double *norm,
                                                struct raml_err *err);

/* Hash of both directions. */
RAML_CHECKED enum raml_code raml_landscape_directions_hash(const struct raml_landscape *l, uint64_t *hash,
                                                           struct raml_err *err);

/* loss[n_frames] at θ + a d_1 + b d_2; NaN where it is not a number. The weights stay there until the next call. */
RAML_CHECKED enum raml_code raml_landscape_loss(struct raml_landscape *l, double a, double b, double *loss,
                                                struct raml_err *err);

/* -- The trajectory's path ------------------------------------------------------------------------------------------ */

/* Point i is the vector of all dG, dU, dD of prefix i (update.h); point 0 is θ itself, the origin. e_1, e_2 are the right
 * singular vectors of the points after it, not centred, so that θ lies in the plane. With their Gram matrix
 * g = C diag(λ) C', coordinate k of point i is sqrt(λ_k) C_ik and e_k = sum_i C_ik v_i / sqrt(λ_k); the last point's
 * coordinates are not negative.
 * A patch acts in the row of its own token, a landscape moves the weights of all rows: the height under a point is not
 * L(i), which is `loss`. */
struct raml_landscape_path { /* zero-initialise; free with _deinit */
    size_t n;                /* points; the first is i = 0 */
    uint32_t *at;            /* [n] i */
    double *x, *y;           /* [n] coordinates */
    double *length;          /* [n] |v_i| */
    double *off_plane;       /* [n] distance from the plane */
    double *loss;            /* [n] L(i) */
    double explained[2];     /* λ_k / sum λ */
    double singular[2];      /* sqrt(λ_k) */
};
/* What explained[k] would be of n points after the origin whose steps are equally long and at right angles, a random walk
 * in many dimensions: its Gram matrix is min(i, j), λ_k = 1 / (4 sin²((2 k + 1) π / (4 n + 2))), k from 0, and their sum
 * n (n + 1) / 2. Near 0.811 and 0.090 for any long path: a plane that holds this much is no sign of a direction. 0 for n
 * of 0, or k beyond n. */
double raml_landscape_walk_share(size_t n, size_t k);
void raml_landscape_path_deinit(struct raml_landscape_path *p);
/* Sets both directions to e_1, e_2 and gives the points: the prefixes after every `stride` tokens, up to the last frame,
 * and that one. Two passes of update.h. RAML_ERANGE: as in update.h, or points that lie on one line through θ; the directions are then
 * cleared. */
RAML_CHECKED enum raml_code raml_landscape_set_path(struct raml_landscape *l, size_t stride,
                                                    struct raml_landscape_path *out, struct raml_err *err);

/* "0,50%,100%": prefixes as numbers of tokens, or shares of the n_trajectory (rounded to the nearest token), in any order,
 * to frame[*n], rising, each once. RAML_EUSAGE: not such a list; RAML_ERANGE: beyond the trajectory. The caller frees
 * *frame. */
RAML_CHECKED enum raml_code raml_landscape_parse_frames(const char *list, size_t n_trajectory, uint32_t **frame,
                                                        size_t *n, struct raml_err *err);

/* -- Curvature ------------------------------------------------------------------------------------------------------ */

struct raml_curvature_options {
    size_t iterations; /* of power iteration, at most, for each of both ends */
    double tolerance;  /* it ends when residual and step_error are at most tolerance |eigenvalue| */
    size_t probes;     /* of the trace; 0: no trace */
    double step;       /* of the difference quotient, in units of |θ|; 0: found, see below */
    uint64_t seed;
};
struct raml_curvature_options raml_curvature_default(void); /* 200, 0.02, 32, 0, 0 */

/* A step that is too long misses what the loss does within it (of the order of step²), one that is too short is lost in
 * the rounding of gradients. Where it is to be found it starts at 7e-5, and is a quarter of that, and again, until the
 * eigenvalue's vector has the same quotient at a quarter of the step, to the tolerance; or until two shorter steps agree
 * less well; the one that agreed best counts. On models of the size of "micro" after training a step of 7e-5 can be off by a factor of 3. */
struct raml_eigenvalue {
    double value, residual; /* |Hv - value v| for |v| = 1, H as the differences give it */
    double step;            /* that was used, in units of |θ| */
    double step_error;      /* how far the quotient at a quarter of the step is off */
    size_t iterations;      /* at most those of the options at each step */
    bool converged;         /* neither is above tolerance |value| */
};
double raml_eigenvalue_error(const struct raml_eigenvalue *e); /* residual + step_error */
struct raml_curvature {
    double loss, gradient_norm, weights_norm;
    struct raml_eigenvalue top;   /* of the largest |value|, by power iteration; its sign is that of H, not of a norm */
    struct raml_eigenvalue other; /* the other end of the spectrum, by iterating on H - top I. If the first iteration
                                   * did not converge, as when both ends are as far from 0, top is found from other */
    size_t n_probes;
    double trace, trace_error; /* mean of v'Hv over random signs v (Hutchinson 1990), at the step of top, and the mean's
                                  standard error */
};
/* Of the frame with index i. Puts θ back, on failure too. RAML_ERANGE: a frame that there is not, or options out of
 * range; a gradient that is not finite. RAML_ESTOP: sink->stop. */
RAML_CHECKED enum raml_code raml_landscape_curvature(struct raml_landscape *l, size_t i,
                                                     const struct raml_curvature_options *opt,
                                                     const struct raml_sink *sink, struct raml_curvature *out,
                                                     struct raml_err *err);
/* hv = H v of frame i, by the step of the options; v, hv: [raml_model_n] of the host. */
RAML_CHECKED enum raml_code raml_landscape_hessian_product(struct raml_landscape *l, size_t i, double step,
                                                           const float *v, float *hv, struct raml_err *err);

#pragma GCC visibility pop
#endif
