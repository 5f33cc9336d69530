/* packs.h - a step's trees through a model: forward, and backward by an objective, a pack of trees at a time.
 *
 * micro_batch_tokens bounds the rows of a pack, and so memory; a larger tree is a pack of its own. A tree's results do
 * not depend on its pack (in bf16: to rounding), and coefficients are those of the whole step, so the split changes
 * nothing but the order in which losses and gradients are added.
 * Cost      forward and backward once; where the objective has to see the step as a whole, and that is more than one
 *           pack, forward twice.
 */
#ifndef RAML_OUTER_PACKS_H
#define RAML_OUTER_PACKS_H

#include "outer/step.h"
#include "raml/model.h"

struct raml_packs { /* zero-initialise */
    const struct raml_model *model;
    struct raml_pass *pass;
    struct raml_pack pack;
    size_t micro_batch_tokens;
    float *d_logp, *d_entropy; /* of a pack's targets */
    size_t cap_d_logp, cap_d_entropy;
};
/* backward: raml_packs_train is wanted. */
RAML_CHECKED enum raml_code raml_packs_init(struct raml_packs *p, const struct raml_model *m, size_t micro_batch_tokens,
                                            bool backward, struct raml_err *err);
void raml_packs_deinit(struct raml_packs *p);
/* logp and entropy (either may be NULL) of all targets of n trees, in order. */
RAML_CHECKED enum raml_code raml_packs_forward(struct raml_packs *p, const struct raml_tree *tree, size_t n,
                                               float *logp, float *entropy, struct raml_err *err);
/* The step's loss; adds its gradient to grad (raml_gradient_n elements of the device), and what the objective reports to
 * *statistics. step->logp and step->entropy are those of this pass. */
RAML_CHECKED enum raml_code raml_packs_train(struct raml_packs *p, const struct raml_objective *o,
                                             struct raml_step *step, float *grad, double *loss,
                                             struct raml_statistics *statistics, struct raml_err *err);
/* The same of trees [first, first + n) of the step alone, whose outputs are the only ones that are written; the loss by
 * the whole step's denominator. */
RAML_CHECKED enum raml_code raml_packs_train_trees(struct raml_packs *p, const struct raml_objective *o,
                                                   struct raml_step *step, size_t first, size_t n, float *grad,
                                                   double *loss, struct raml_statistics *statistics,
                                                   struct raml_err *err);
/* After raml_packs_train: adds to grad the gradient of one tree alone. */
RAML_CHECKED enum raml_code raml_packs_backward_tree(struct raml_packs *p, const struct raml_objective *o,
                                                     struct raml_step *step, size_t tree, float *grad,
                                                     struct raml_err *err);
/* The loss alone. */
RAML_CHECKED enum raml_code raml_packs_loss(struct raml_packs *p, const struct raml_objective *o,
                                            struct raml_step *step, double *loss, struct raml_statistics *statistics,
                                            struct raml_err *err);
RAML_CHECKED enum raml_code raml_packs_loss_trees(struct raml_packs *p, const struct raml_objective *o,
                                                  struct raml_step *step, size_t first, size_t n, double *loss,
                                                  struct raml_statistics *statistics, struct raml_err *err);

#endif
