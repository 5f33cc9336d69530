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
 * Hessian with a vector; a loss gives them exactly, or central differences of gradients do. The gradients of the inner
 * steps are kept, and the points between them computed again from these.
 * Memory   first order: theta, theta_k and a gradient (Adam: and two moments), whatever k. maml: besides, k gradients and
 *          three vectors (Adam: two more).
 * Cost     in gradient evaluations a task: fomaml k + 1, reptile k, maml k + 1 + 2 k by differences, k + 1 and k products
 *          else. Vector operations besides: of k, in maml of k^2.
 */
#ifndef RAML_META_H
#define RAML_META_H

#include "raml/err.h"
#include "raml/setting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

enum raml_meta_method { RAML_META_FOMAML, RAML_META_MAML, RAML_META_REPTILE };
enum raml_inner_optimizer { RAML_INNER_SGD, RAML_INNER_ADAM };

struct raml_meta_adam { /* a step of it */
    double beta1, beta2, epsilon, rate;
    uint64_t t;
};

/* Vectors of parameters, wherever they are: a model's on its device, or arrays of double in a test. Handles are the
 * space's own. Functions work element by element; adapted: on the space's adapted elements alone. */
struct raml_meta_space {
    void *user;
    void *at; /* where losses are evaluated: the one point, owned by the space */
    /* Zeros; gradient: losses may add to it. */
    enum raml_code (*alloc)(void *user, bool gradient, void **vector, struct raml_err *err);
    void (*free)(void *user, void *vector); /* NULL is fine */
    enum raml_code (*zero)(void *user, void *x, struct raml_err *err);
    enum raml_code (*copy)(void *user, void *to, const void *from, struct raml_err *err);
    /* y += a x */
    enum raml_code (*axpy)(void *user, void *y, double a, const void *x, bool adapted, struct raml_err *err);
    enum raml_code (*norm)(void *user, const void *x, double *out, struct raml_err *err);
    /* One Adam step t = 1, 2, ..: x -= rate m^ / (sqrt(v^) + eps), moments updated. */
    enum raml_code (*adam)(void *user, const struct raml_meta_adam *o, void *x, void *m, void *v, const void *g,
                           bool adapted, struct raml_err *err);
    /* Its adjoint: from d/dx', d/dm', d/dv' to d/dg (d_g, written; 0 where nothing is adapted) and d/dm, d/dv (in place).
     * m, v: before the step. */
    enum raml_code (*adam_adjoint)(void *user, const struct raml_meta_adam *o, const void *d_x, void *d_m, void *d_v,
                                   void *d_g, const void *m, const void *v, const void *g, bool adapted,
                                   struct raml_err *err);
};
/* What is differentiated, at the space's point. g NULL: only the loss is wanted. */
struct raml_meta_loss {
    void *user;
    /* *loss, and its gradient added to g. step: the number of the inner step, which may choose a part of the support. */
    enum raml_code (*support)(void *user, size_t step, void *g, double *loss, struct raml_err *err);
    enum raml_code (*query)(void *user, void *g, double *loss, struct raml_err *err);
    /* out = H v, H the Hessian of the support of that step; NULL: by central differences. */
    enum raml_code (*product)(void *user, size_t step, const void *v, void *out, struct raml_err *err);
};
struct raml_meta_inner {
    enum raml_meta_method method;
    enum raml_inner_optimizer optimizer;
    uint64_t steps;
    double rate;
    bool some;                    /* only the space's adapted elements take inner steps (ANIL) */
    bool before;                  /* the query's loss at theta is wanted too */
    double beta1, beta2, epsilon; /* of Adam */
    double difference;            /* the step of central differences is this times |point| / |vector| */
};
struct raml_meta_result {
    double query_before, query_after;   /* losses; NaN: not measured */
    double support_first, support_last; /* at the first and the last inner step's beginning; NaN: no step */
    double displacement;                /* |theta_k - theta| */
    uint64_t gradients, losses,
        products; /* evaluations: gradients of support and query, losses alone, exact products */
};
/* Adds weight times the task's meta-gradient at theta to g; g NULL: the task is adapted to, and its query's loss
 * measured. theta: not s->at, which holds a copy of it afterwards, to the last bit, on failure too (unless that is the
 * device's). Scratch vectors are allocated and freed. RAML_ERANGE: a loss or a norm is not finite; names the inner
 * step. */
RAML_CHECKED enum raml_code raml_meta_gradient(const struct raml_meta_space *s, const struct raml_meta_loss *loss,
                                               const struct raml_meta_inner *o, const void *theta, double weight,
                                               void *g, struct raml_meta_result *out, struct raml_err *err);

/* -- Training (train.h, raml_train_meta) ----------------------------------------------------------------------------- */

enum raml_meta_task_is { RAML_TASK_QUESTION, RAML_TASK_FAMILY };
struct raml_meta_options {        /* defaults and ranges: the tables below */
    enum raml_meta_method method; /* no row of a table; anil is maml or fomaml with `some` */
    bool some;                    /* likewise: inner steps are taken on adapted_layers alone */
    int task;                     /* enum raml_meta_task_is */
    int64_t task_size;            /* questions of a family's task */
    int64_t support; /* of a task: trajectories of a question, or questions of a family, that are adapted on;
                                   * 0: half, and at least one row is left for the query */
    int64_t inner_steps;
    int64_t inner_batch_size; /* rows that an inner step reads, the next ones in turn; 0: all */
    double inner_learning_rate;
    int inner_optimizer;    /* enum raml_inner_optimizer */
    bool eval_adapted;      /* measure the validation set's tasks before and after adapting to them too */
    bool loss_before;       /* query_loss_before, for a forward pass more */
    double difference;      /* second order */
    int64_t adapted_layers; /* anil: the last n, with the final norm and a head that is not the embedding */
    bool first_order;       /* anil */
};
extern const struct raml_setting raml_meta_settings[];
extern const size_t raml_n_meta_settings;
extern const struct raml_setting raml_query_settings[]; /* of methods with a query: all but reptile */
extern const size_t raml_n_query_settings;
extern const struct raml_setting raml_second_order_settings[]; /* maml, anil */
extern const size_t raml_n_second_order_settings;
extern const struct raml_setting raml_anil_settings[];
extern const size_t raml_n_anil_settings;
/* Of a method by its command's name: "reptile", "fomaml", "maml", "anil". RAML_EUSAGE: another. */
RAML_CHECKED enum raml_code raml_meta_default(const char *method, struct raml_meta_options *out, struct raml_err *err);

/* -- Multi-step loss ------------------------------------------------------------------------------------------------- */

/* Weights of the losses after inner steps 1 .. n at time t of an annealing that lasts `whole` (multi-step loss; Antoniou
 * et al. 2018, arXiv 1810.09502, and its code HowToTrainYourMAMLPytorch 8696470): from 1/n each, falling linearly by t
 * (n whole) to no less than 0.03/n, the last one keeping the rest. They sum to 1. Training uses them while t < whole, and
 * the last loss alone from then on. */
void raml_multi_step_weights(double *weight, size_t n, double t, double whole);

#pragma GCC visibility pop
#endif
