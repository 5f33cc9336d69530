/* meta.h - learning to adapt: meta-gradients, of any losses and of a model's.
 *
 * A task has two losses: what it adapts on (support) and what is asked of it then (query). From theta, k inner steps on
 * the support lead to theta_k; the outer loop moves theta so that theta_k does well.
 *
 *     maml       d query(theta_k) / d theta, through the inner steps (Finn et al. 2017, arXiv 1703.03400)
 *     fomaml     d query / d theta_k, used as it is: first order
 *     anil       maml or fomaml, the inner steps on some parameters alone (Raghu et al. 2019, arXiv 1909.09157); the
 *                meta-gradient covers all
 *     reptile    theta - theta_k as if it were a gradient (Nichol et al. 2018, arXiv 1803.02999): no query
 *
 * Inner steps are SGD, or Adam whose moments begin at zero for each task. Second order needs products of the support's
 * Hessian with a vector; a loss gives them exactly, or central differences of gradients do (step: epsilon).
 * Memory   first order: theta, theta_k and a gradient, whatever k. maml: besides, k + 1 points (Adam: and moments).
 * Cost     in gradient evaluations a task: fomaml k + 1, reptile k, maml k + 1 + 2 k by differences.
 */
#ifndef RAML_META_H
#define RAML_META_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

enum raml_meta_method { RAML_META_FOMAML, RAML_META_MAML, RAML_META_REPTILE };
enum raml_inner_optimizer { RAML_INNER_SGD, RAML_INNER_ADAM };

/* Vectors of parameters, wherever they are: a model's on its device, or arrays of double in a test. Handles are the
 * space's own. Functions work element by element, on `adapted` alone where they say so. */
struct raml_meta_space {
    void *user;
    enum raml_code (*alloc)(void *user, void **vector, struct raml_err *err); /* zeros */
    void (*free)(void *user, void *vector);
    enum raml_code (*copy)(void *user, void *to, const void *from, struct raml_err *err);
    /* y += a x; adapted: on those elements alone */
    enum raml_code (*axpy)(void *user, void *y, double a, const void *x, bool adapted, struct raml_err *err);
    enum raml_code (*norm)(void *user, const void *x, bool adapted, double *out, struct raml_err *err);
    /* One Adam step t = 1, 2, .. of the adapted elements: at -= rate m^ / (sqrt(v^) + eps), moments updated. */
    enum raml_code (*adam)(void *user, void *at, void *m, void *v, const void *g, uint64_t t, double rate,
                           struct raml_err *err);
    /* Its adjoint: from d/d(at'), d/d(m'), d/d(v') to d/dg (written), d/d(m), d/d(v) (in place); of the adapted elements,
     * others' d/dg is 0. m, v: after the step. */
    enum raml_code (*adam_adjoint)(void *user, const void *d_at, void *d_m, void *d_v, void *d_g, const void *m,
                                   const void *v, const void *g, uint64_t t, double rate, struct raml_err *err);
};
/* What is differentiated. */
struct raml_meta_loss {
    void *user;
    /* At point `at`: *loss, and its gradient added to g. step: the number of the inner step, which may choose a part of
     * the support. */
    enum raml_code (*support)(void *user, size_t step, const void *at, void *g, double *loss, struct raml_err *err);
    enum raml_code (*query)(void *user, const void *at, void *g, double *loss, struct raml_err *err);
    /* out = H v, H the support's Hessian at `at`; NULL: by central differences. */
    enum raml_code (*product)(void *user, size_t step, const void *at, const void *v, void *out, struct raml_err *err);
};
struct raml_meta_inner {
    enum raml_meta_method method;
    enum raml_inner_optimizer optimizer;
    uint64_t steps;
    double rate;
    bool some;                    /* only the space's adapted elements take inner steps (ANIL) */
    double beta1, beta2, epsilon; /* of Adam */
    double difference;            /* of central differences, times |theta| / |v| */
};
struct raml_meta_result {
    double query_before, query_after; /* losses; NaN: not asked for */
    double support_first, support_last;
    uint64_t gradients; /* evaluations, of support and query */
};
/* Adds weight times the task's meta-gradient at theta to g. theta is left as it was, to the last bit. scratch vectors are
 * allocated and freed. RAML_ERANGE: a loss or a norm is not finite: names the inner step. */
RAML_CHECKED enum raml_code raml_meta_gradient(const struct raml_meta_space *s, const struct raml_meta_loss *loss,
                                               const struct raml_meta_inner *o, const void *theta, double weight,
                                               void *g, struct raml_meta_result *out, struct raml_err *err);

/* Weights of the losses after inner steps 1 .. n at time t of an annealing that lasts `whole` (multi-step loss; Antoniou
 * et al. 2018, arXiv 1810.09502, and its code HowToTrainYourMAMLPytorch 8696470): from 1/n each, falling linearly by t
 * (n whole) to no less than 0.03/n, the last one keeping the rest. They sum to 1. Training uses them while t < whole, and
 * the last loss alone from then on. */
void raml_multi_step_weights(double *weight, size_t n, double t, double whole);

#pragma GCC visibility pop
#endif
