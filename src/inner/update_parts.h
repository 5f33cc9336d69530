/* update_parts.h - what update*.c share: the tree with its twins, the rows read from a pass, the factors made of them.
 *
 * A tree for places at[0 .. n) of a trajectory has these spans, in this order:
 *     prompt;  trajectory, up to the last place;  n probes (answer prefix and answer), one after each place;
 *     the tokens before x, after the prompt;  n twins of x after those
 * The twins stand where the probe of i = 0 has x. For a span, a twin is the whole of answer prefix and answer.
 */
#ifndef RAML_INNER_UPDATE_PARTS_H
#define RAML_INNER_UPDATE_PARTS_H

#include "raml/update.h"

/* Which tokens of answer prefix and answer have twins: [first, first + n), of which n_rows are read and patched. */
struct raml_update_twins {
    size_t first, n, n_rows;
    bool targets; /* the answer's tokens in a twin are targets too */
};
struct raml_update_twins raml_update_twins_of(const struct raml_update_input *in, bool span);

struct raml_update_places {
    const struct raml_update_input *in;
    const uint32_t *at; /* [n] strictly rising */
    size_t n;
    struct raml_update_twins twins;
};

/* Trees of a pass. Tap rows of tree k: from row[first[k]] on, those of the probes, then those of the twins; n * n_rows
 * of each, by place. */
struct raml_update_batch { /* zero-initialise */
    struct raml_tree tree;
    struct raml_pack pack;
    struct raml_tokens probe;
    uint32_t *row;
    struct raml_row_take *take; /* a twin's row takes its probe's */
    size_t *first;
    size_t n_rows, cap_rows, n_takes, cap_takes, cap_first;
    float *logp; /* [pack.n_targets] of the last run */
    int32_t *argmax;
    size_t cap_targets;
};
void raml_update_batch_deinit(struct raml_update_batch *b);
void raml_update_batch_clear(struct raml_update_batch *b);
RAML_CHECKED enum raml_code raml_update_batch_add(struct raml_update_batch *b, const struct raml_update_places *p,
                                                  struct raml_err *err);
/* Runs the pass into logp and argmax. hooks: tap rows are set here. */
RAML_CHECKED enum raml_code raml_update_batch_run(struct raml_update_batch *b, struct raml_pass *pass,
                                                  const struct raml_hooks *hooks, struct raml_err *err);

/* -- update_rows.c: one layer's rows and the factors made of them -------------------------------------------------- */

struct raml_update_rows { /* [n, width] each; zero-initialise */
    float *z0, *dz;       /* z_0, z_C - z_0 [hidden]; z0 becomes w = z_0 / |z_0|^2 of gate and up */
    float *dr, *s;        /* r_C - r_0 [hidden], u of down; s_C [intermediate], becomes w = s_C / |s_C|^2 */
    size_t n;
};
RAML_CHECKED enum raml_code raml_update_rows_init(struct raml_update_rows *r, const struct raml_config *c, size_t n,
                                                  struct raml_err *err);
void raml_update_rows_deinit(struct raml_update_rows *r);
/* n rows of the tap to rows [to, to + n): probes' from row `from`, twins' from `from_twin`. */
void raml_update_rows_take(struct raml_update_rows *r, const struct raml_config *c, const struct raml_tapped *t,
                           size_t from, size_t from_twin, size_t to, size_t n);
/* Factors of the layer: products into gate[n, intermediate], up; z0 and s are scaled in place. */
RAML_CHECKED enum raml_code raml_update_rows_factors(struct raml_update_rows *r, const struct raml_model *m,
                                                     size_t layer, float *gate, float *up,
                                                     struct raml_update_factors *out, struct raml_err *err);
enum raml_layer_matrix raml_update_layer_matrix(enum raml_update_matrix which);
void raml_update_norms(const float *x, size_t n, size_t width, double *norm);

/* -- update_gradient.c --------------------------------------------------------------------------------------------- */

/* L(0) = mean over the answer's tokens, with its gradient by every parameter. */
struct raml_question_gradient { /* zero-initialise */
    struct raml_pass *pass;
    struct raml_pack pack;
    struct raml_tokens text; /* prompt, answer prefix, answer */
    size_t n_prompt, n_answer;
    float *d_logp, *logp;
    size_t cap;
    float *grad; /* on the device */
};
void raml_question_gradient_deinit(struct raml_question_gradient *g, const struct raml_model *m);
/* The question that the pass reads. */
RAML_CHECKED enum raml_code raml_question_gradient_set(struct raml_question_gradient *g,
                                                       const struct raml_trace_input *in, struct raml_err *err);
bool raml_question_gradient_is_of(const struct raml_question_gradient *g, const struct raml_trace_input *in);
/* grad (NULL: only the loss), at the model's present weights. */
RAML_CHECKED enum raml_code raml_question_gradient_run(struct raml_question_gradient *g, const struct raml_model *m,
                                                       bool backward, double *loss, struct raml_err *err);

/* -- update_align.c: products of a layer's gradients with right factors -------------------------------------------- */

struct raml_update_aligner { /* zero-initialise */
    const struct raml_model *m;
    struct raml_matrix *matrix; /* [2]: as gate and up, as down */
    float *x, *y;               /* device */
    float *host;
    double *number; /* [4 cap] */
    size_t cap;
};
RAML_CHECKED enum raml_code raml_update_aligner_init(struct raml_update_aligner *a, const struct raml_model *m,
                                                     struct raml_err *err);
void raml_update_aligner_deinit(struct raml_update_aligner *a);
/* Alignment of a matrix at n places. dot[n] has u . (G w) added; *square the squared norm of G. */
RAML_CHECKED enum raml_code raml_update_aligner_run(struct raml_update_aligner *a, const float *grad,
                                                    const struct raml_update_factors *f, enum raml_update_matrix which,
                                                    double *dot, double *square, struct raml_update_measures *out,
                                                    struct raml_err *err);

#endif
