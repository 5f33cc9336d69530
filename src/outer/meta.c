/* meta.c - meta-gradients over an abstract space of parameters; see raml/meta.h. */
#include "raml/meta.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct task {
    const struct raml_meta_space *s;
    const struct raml_meta_loss *loss;
    const struct raml_meta_inner *o;
    const void *theta;
    struct raml_meta_result *out;
    void *g;          /* scratch: a gradient */
    void *m, *v;      /* Adam's moments; NULL: SGD */
    void **past;      /* [o->steps] gradients of the inner steps; NULL: first order */
    void *d_x;        /* d query / d point, from theta_k back to theta */
    void *d_m, *d_v;  /* the same by the moments */
    void *u, *result; /* what the Hessian is multiplied with, and the product */
};

/* -- Scratch vectors ----------------------------------------------------------------------------------------------- */

static bool is_second_order(const struct task *t)
{
    return t->o->method == RAML_META_MAML && t->o->steps > 0;
}

static void task_deinit(struct task *t)
{
    const struct raml_meta_space *s = t->s;
    void *const own[] = {t->g, t->m, t->v, t->d_x, t->d_m, t->d_v, t->u, t->result};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) s->free(s->user, own[i]);
    for (uint64_t i = 0; t->past && i < t->o->steps; i++) s->free(s->user, t->past[i]);
    free(t->past);
}

static enum raml_code vectors(struct task *t, bool gradient, void **const *each, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = t->s->alloc(t->s->user, gradient, each[i], err);
    return rc;
}

static enum raml_code task_init(struct task *t, bool second, struct raml_err *err)
{
    void **const gradients[] = {&t->g, &t->d_x, &t->result}, **const moments[] = {&t->m, &t->v},
                 **const adjoints[] = {&t->u, &t->d_m, &t->d_v};
    bool adam = t->o->optimizer == RAML_INNER_ADAM && t->o->steps > 0;
    enum raml_code rc = vectors(t, true, gradients, second ? 3 : 1, err);
    if (!rc && adam) rc = vectors(t, false, moments, 2, err);
    if (rc || !second) return rc;
    rc = vectors(t, false, adjoints, adam ? 3 : 1, err);
    t->past = calloc(t->o->steps, sizeof *t->past);
    if (!rc && !t->past) rc = raml_fail(err, RAML_ENOMEM, "no memory for %" PRIu64 " inner steps", t->o->steps);
    for (uint64_t i = 0; i < t->o->steps && !rc; i++) rc = t->s->alloc(t->s->user, false, &t->past[i], err);
    return rc;
}

/* -- Inner steps --------------------------------------------------------------------------------------------------- */

/* Refuses what is not finite; in inner step `step` from 1, or (0) after them. */
static enum raml_code check_number(const char *what, double value, uint64_t step, struct raml_err *err)
{
    if (isfinite(value)) return RAML_OK;
    if (!step) return raml_fail(err, RAML_ERANGE, "the %s is %g", what, value);
    return raml_fail(err, RAML_ERANGE, "inner step %" PRIu64 ": the %s is %g", step, what, value);
}

static struct raml_meta_adam adam_of(const struct raml_meta_inner *o, uint64_t step)
{
    return (struct raml_meta_adam){o->beta1, o->beta2, o->epsilon, o->rate, step + 1};
}

/* From point `step` to the next, by its gradient. */
static enum raml_code move(struct task *t, uint64_t step, const void *g, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    const struct raml_meta_adam adam = adam_of(t->o, step);
    if (!t->m) return s->axpy(s->user, s->at, -t->o->rate, g, t->o->some, err);
    return s->adam(s->user, &adam, s->at, t->m, t->v, g, t->o->some, err);
}

static enum raml_code inner_step(struct task *t, uint64_t step, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    double loss = 0;
    enum raml_code rc = s->zero(s->user, t->g, err);
    if (!rc) rc = t->loss->support(t->loss->user, (size_t)step, t->g, &loss, err);
    t->out->gradients++;
    if (!rc) rc = check_number("support's loss", loss, step + 1, err);
    if (!rc && t->past) rc = s->copy(s->user, t->past[step], t->g, err);
    if (!rc) rc = move(t, step, t->g, err);
    if (step == 0) t->out->support_first = loss;
    t->out->support_last = loss;
    return rc;
}

/* The query's loss, and its gradient added to g. */
static enum raml_code ask(struct task *t, void *g, double *loss, struct raml_err *err)
{
    *(g ? &t->out->gradients : &t->out->losses) += 1;
    enum raml_code rc = t->loss->query(t->loss->user, g, loss, err);
    return rc ? rc : check_number("query's loss", *loss, 0, err);
}

/* g = theta - theta_k, and its length. */
static enum raml_code measure_path(struct task *t, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    enum raml_code rc = s->copy(s->user, t->g, t->theta, err);
    if (!rc) rc = s->axpy(s->user, t->g, -1, s->at, false, err);
    if (!rc) rc = s->norm(s->user, t->g, &t->out->displacement, err);
    return rc ? rc : check_number("length of the inner steps' path", t->out->displacement, 0, err);
}

static enum raml_code adapt(struct task *t, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    enum raml_code rc = s->copy(s->user, s->at, t->theta, err);
    if (!rc && t->o->before) rc = ask(t, NULL, &t->out->query_before, err);
    for (uint64_t i = 0; i < t->o->steps && !rc; i++) rc = inner_step(t, i, err);
    if (!rc && t->o->steps) rc = measure_path(t, err);
    return rc;
}

/* -- First order --------------------------------------------------------------------------------------------------- */

static enum raml_code reptile(struct task *t, double weight, void *g, struct raml_err *err)
{
    return t->o->steps ? t->s->axpy(t->s->user, g, weight, t->g, false, err) : RAML_OK;
}

static enum raml_code first_order(struct task *t, double weight, void *g, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    if (weight == 1) return ask(t, g, &t->out->query_after, err);
    enum raml_code rc = s->zero(s->user, t->g, err);
    if (!rc) rc = ask(t, t->g, &t->out->query_after, err);
    return rc ? rc : s->axpy(s->user, g, weight, t->g, false, err);
}

/* -- Second order -------------------------------------------------------------------------------------------------- */

/* The point, and the moments, before inner step `step`. */
static enum raml_code replay(struct task *t, uint64_t step, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    enum raml_code rc = s->copy(s->user, s->at, t->theta, err);
    if (!rc && t->m) rc = s->zero(s->user, t->m, err);
    if (!rc && t->m) rc = s->zero(s->user, t->v, err);
    for (uint64_t i = 0; i < step && !rc; i++) rc = move(t, i, t->past[i], err);
    return rc;
}

/* u: d query / d gradient of that inner step. */
static enum raml_code by_gradient(struct task *t, uint64_t step, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    const struct raml_meta_adam adam = adam_of(t->o, step);
    if (t->m)
        return s->adam_adjoint(s->user, &adam, t->d_x, t->d_m, t->d_v, t->u, t->m, t->v, t->past[step], t->o->some,
                               err);
    enum raml_code rc = s->zero(s->user, t->u, err);
    return rc ? rc : s->axpy(s->user, t->u, -t->o->rate, t->d_x, t->o->some, err);
}

/* into, written: the support's gradient at at + a u. */
static enum raml_code gradient_beside(struct task *t, uint64_t step, double a, void *into, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    double loss = 0;
    enum raml_code rc = s->axpy(s->user, s->at, a, t->u, false, err);
    if (!rc) rc = s->zero(s->user, into, err);
    if (!rc) rc = t->loss->support(t->loss->user, (size_t)step, into, &loss, err);
    t->out->gradients++;
    return rc ? rc : check_number("support's loss beside it", loss, step + 1, err);
}

/* d_x += H u by central differences; the point is lost. */
static enum raml_code add_difference(struct task *t, uint64_t step, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    double point = 0, length = 0;
    enum raml_code rc = s->norm(s->user, s->at, &point, err);
    if (!rc) rc = s->norm(s->user, t->u, &length, err);
    if (!rc) rc = check_number("norm of the meta-gradient", length, step + 1, err);
    if (rc || length == 0) return rc;
    double h = t->o->difference * (point > 0 ? point : 1) / length;
    rc = gradient_beside(t, step, h, t->result, err);
    if (!rc) rc = gradient_beside(t, step, -2 * h, t->g, err);
    if (!rc) rc = s->axpy(s->user, t->result, -1, t->g, false, err);
    return rc ? rc : s->axpy(s->user, t->d_x, 1 / (2 * h), t->result, false, err);
}

static enum raml_code add_product(struct task *t, uint64_t step, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    if (!t->loss->product) return add_difference(t, step, err);
    t->out->products++;
    enum raml_code rc = t->loss->product(t->loss->user, (size_t)step, t->u, t->result, err);
    return rc ? rc : s->axpy(s->user, t->d_x, 1, t->result, false, err);
}

static enum raml_code second_order(struct task *t, double weight, void *g, struct raml_err *err)
{
    const struct raml_meta_space *s = t->s;
    enum raml_code rc = ask(t, t->d_x, &t->out->query_after, err);
    for (uint64_t i = t->o->steps; i-- > 0 && !rc;) {
        rc = replay(t, i, err);
        if (!rc) rc = by_gradient(t, i, err);
        if (!rc) rc = add_product(t, i, err);
    }
    return rc ? rc : s->axpy(s->user, g, weight, t->d_x, false, err);
}

/* -- All ----------------------------------------------------------------------------------------------------------- */

static enum raml_code outer_gradient(struct task *t, double weight, void *g, struct raml_err *err)
{
    if (!g) return ask(t, NULL, &t->out->query_after, err);
    if (t->o->method == RAML_META_REPTILE) return reptile(t, weight, g, err);
    return is_second_order(t) ? second_order(t, weight, g, err) : first_order(t, weight, g, err);
}

enum raml_code raml_meta_gradient(const struct raml_meta_space *s, const struct raml_meta_loss *loss,
                                  const struct raml_meta_inner *o, const void *theta, double weight, void *g,
                                  struct raml_meta_result *out, struct raml_err *err)
{
    struct raml_meta_result result = {NAN, NAN, NAN, NAN, 0, 0, 0, 0};
    struct task t = {.s = s, .loss = loss, .o = o, .theta = theta, .out = &result};
    enum raml_code rc = task_init(&t, g && is_second_order(&t), err);
    if (!rc) rc = adapt(&t, err);
    if (!rc) rc = outer_gradient(&t, weight, g, err);
    task_deinit(&t);
    enum raml_code back = s->copy(s->user, s->at, theta, rc ? NULL : err);
    if (out) *out = result;
    return rc ? rc : back;
}
