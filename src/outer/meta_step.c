/* meta_step.c - see meta_step.h. */
#include "outer/meta_step.h"

#include <math.h>
#include <stdlib.h>

void raml_meta_tasks_deinit(struct raml_meta_tasks *t)
{
    raml_step_deinit(&t->support);
    free(t->task);
    free(t->part);
    *t = (struct raml_meta_tasks){0};
}

void raml_meta_tasks_clear(struct raml_meta_tasks *t)
{
    raml_step_clear(&t->support);
    t->n = t->n_all = t->n_parts = 0;
}

/* -- A task's losses ----------------------------------------------------------------------------------------------- */

struct evaluation {
    struct raml_meta_step *m;
    struct raml_packs *packs;
    const struct raml_objective *objective;
    struct raml_step *step, *support; /* support: its trees may be the step's */
    const struct raml_meta_task *task;
    struct raml_statistics *statistics; /* of the query; NULL: not wanted */
};

/* Of trees, by the denominator `total`. */
static enum raml_code evaluate(const struct evaluation *e, struct raml_step *step, const struct raml_meta_part *p,
                               void *g, double *loss, struct raml_statistics *statistics, struct raml_err *err)
{
    const double total = step->total;
    enum raml_code rc = raml_meta_refresh(&e->m->vectors, err);
    step->total = p->total;
    if (!rc && !g) rc = raml_packs_loss_trees(e->packs, e->objective, step, p->first, p->n, loss, statistics, err);
    if (!rc && g) rc = raml_packs_train_trees(e->packs, e->objective, step, p->first, p->n, g, loss, statistics, err);
    step->total = total;
    return rc || !g ? rc : raml_gradient_join(e->m->vectors.model, g, err);
}

static enum raml_code support(void *user, size_t step, void *g, double *loss, struct raml_err *err)
{
    const struct evaluation *e = user;
    const struct raml_meta_task *t = e->task;
    return evaluate(e, e->support, &e->m->tasks->part[t->first_part + step % t->n_parts], g, loss, NULL, err);
}

static enum raml_code query(void *user, void *g, double *loss, struct raml_err *err)
{
    const struct evaluation *e = user;
    const struct raml_meta_part all = {e->task->first_query, e->task->n_queries, e->step->total};
    return evaluate(e, e->step, &all, g, loss, g ? e->statistics : NULL, err);
}

/* -- A step -------------------------------------------------------------------------------------------------------- */

static void count(const struct raml_meta_result *r, const struct raml_meta_task *t, double total,
                  struct raml_statistics *s)
{
    if (isfinite(r->query_before)) raml_statistics_add(s, "query_loss_before", r->query_before * total, t->query_total);
    raml_statistics_add(s, "support_loss_first", r->support_first, 1);
    raml_statistics_add(s, "support_loss_last", r->support_last, 1);
    raml_statistics_add(s, "displacement", r->displacement, 1);
}

/* Says which task failed; of a number that is not finite also the rate, which is the usual reason. */
static enum raml_code name_task(const struct raml_meta_step *m, const struct raml_meta_task *t, enum raml_code rc,
                                struct raml_err *err)
{
    char name[RAML_QUESTION_NAME];
    raml_question_name(t->question, name);
    if (rc != RAML_ERANGE || !m->inner.steps) return raml_wrap(err, rc, "the task of %s", name);
    return raml_wrap(err, rc, "the task of %s, adapted at inner_learning_rate %g", name, m->inner.rate);
}

static enum raml_code one_task(struct evaluation *e, float *grad, double *loss, struct raml_statistics *statistics,
                               struct raml_err *err)
{
    struct raml_meta_step *m = e->m;
    const struct raml_meta_space space = raml_meta_vectors_space(&m->vectors);
    const struct raml_meta_loss losses = {e, support, query, NULL};
    const struct raml_meta_task *t = e->task;
    bool reptile = m->inner.method == RAML_META_REPTILE;
    struct raml_meta_result r;
    enum raml_code rc = raml_meta_gradient(&space, &losses, &m->inner, m->vectors.theta,
                                           reptile ? 1 / (double)m->tasks->n_all : 1, grad, &r, err);
    if (rc) return name_task(m, t, rc, err);
    *loss += reptile ? r.support_first * m->tasks->part[t->first_part].total / e->step->total : r.query_after;
    count(&r, t, e->step->total, statistics);
    return RAML_OK;
}

/* Task i of this rank, which may have none, and of the other ranks theirs: added to grad in the order of ranks. own:
 * scratch. */
static enum raml_code add_tasks(struct evaluation *e, size_t i, const struct raml_parts *parts, float *own, float *grad,
                                double *loss, struct raml_statistics *statistics, struct raml_err *err)
{
    struct raml_meta_step *m = e->m;
    const struct raml_meta_space space = raml_meta_vectors_space(&m->vectors);
    enum raml_code rc = space.zero(space.user, own, err);
    if (!rc && m->sink && raml_should_stop(m->sink)) rc = raml_fail(err, RAML_ESTOP, "asked to stop");
    e->task = i < m->tasks->n ? &m->tasks->task[i] : NULL;
    if (!rc && e->task) rc = one_task(e, own, loss, statistics, err);
    rc = raml_comm_agree(parts->comm, rc, err);
    return rc ? rc : raml_parts_add(parts, grad, own, err);
}

enum raml_code raml_meta_differentiate(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                                       struct raml_step *step, const struct raml_parts *parts, float *grad,
                                       double *loss, struct raml_statistics *statistics, struct raml_err *err)
{
    struct raml_meta_step *m = user;
    const struct raml_meta_space space = raml_meta_vectors_space(&m->vectors);
    bool reptile = m->inner.method == RAML_META_REPTILE;
    struct evaluation e = {m, packs, objective, step, reptile ? step : &m->tasks->support, NULL, statistics};
    size_t size = (size_t)parts->comm->size, most = (m->tasks->n_all + size - 1) / size;
    void *own = NULL;
    enum raml_code rc = raml_meta_enter(&m->vectors, err);
    if (!rc) rc = space.alloc(space.user, true, &own, err);
    rc = raml_comm_agree(parts->comm, rc, err);
    *loss = 0;
    for (size_t i = 0; i < most && !rc; i++) rc = add_tasks(&e, i, parts, own, grad, loss, statistics, err);
    space.free(space.user, own);
    return raml_meta_leave(&m->vectors, rc, err);
}

enum raml_code raml_meta_measure(struct raml_meta_step *m, struct raml_packs *packs,
                                 const struct raml_objective *objective, struct raml_step *step, double sums[3],
                                 struct raml_err *err)
{
    struct evaluation e = {m, packs, objective, step, &m->tasks->support, NULL, NULL};
    const struct raml_meta_space space = raml_meta_vectors_space(&m->vectors);
    const struct raml_meta_loss losses = {&e, support, query, NULL};
    struct raml_meta_inner inner = m->inner;
    inner.before = true;
    enum raml_code rc = raml_meta_enter(&m->vectors, err);
    for (size_t i = 0; i < m->tasks->n && !rc; i++) {
        struct raml_meta_result r;
        e.task = &m->tasks->task[i];
        step->total = e.task->query_total;
        rc = raml_meta_gradient(&space, &losses, &inner, m->vectors.theta, 1, NULL, &r, err);
        if (rc) rc = name_task(m, e.task, rc, err);
        sums[0] += r.query_before * step->total;
        sums[1] += r.query_after * step->total;
        sums[2] += step->total;
    }
    return raml_meta_leave(&m->vectors, rc, err);
}
