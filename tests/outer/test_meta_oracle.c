/* Meta-gradients against the oracle's closed forms, with exact Hessian products and by central differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meta_problems.h"

static const double EXACT = 1e-9, BY_DIFFERENCES = 1e-5, DIFFERENCE = 1e-5;

struct tally { /* of one way of computing */
    size_t cases, passed;
    double worst, tolerance;
};
struct method {
    const char *name;
    enum raml_meta_method method;
    bool exact; /* second order by exact products */
    struct tally tally;
    uint64_t gradients[4]; /* evaluations a task after that many inner steps */
};

static double compare(const json_t *want_, const double *got, size_t n)
{
    double want[META_MOST], worst = 0, size = 0;
    read_numbers(want_, want, n);
    for (size_t i = 0; i < n; i++) size = fmax(size, fabs(want[i]));
    for (size_t i = 0; i < n; i++) worst = worse_of(worst, fabs(got[i] - want[i]) / fmax(size, 1e-3));
    return worst;
}

static void count(struct tally *t, double error, const char *what)
{
    t->cases++;
    t->worst = worse_of(t->worst, error);
    if (error <= t->tolerance) t->passed++;
    else print_error("%s: error %g, allowed %g\n", what, error, t->tolerance);
}

struct one { /* method on a result of a problem */
    const json_t *problem, *result;
    size_t n, n_tasks;
    struct raml_meta_inner inner;
    struct meta_arrays space;
    double theta[META_MOST], g[META_MOST];
};

static struct one prepare(const json_t *problem, const json_t *result, enum raml_meta_method method)
{
    struct one x = {.problem = problem, .result = result, .n = (size_t)rig_number(problem, "dimension")};
    const char *adapted = rig_text(result, "adapted");
    x.n_tasks = json_array_size(json_object_get(problem, "tasks"));
    x.inner = (struct raml_meta_inner){.method = method,
                                       .steps = (uint64_t)rig_number(result, "inner_steps"),
                                       .rate = rig_number(problem, "inner_lr"),
                                       .some = strcmp(adapted, "all") != 0,
                                       .before = true,
                                       .beta1 = 0.9,
                                       .beta2 = 0.999,
                                       .epsilon = 1e-8,
                                       .difference = DIFFERENCE};
    if (!strcmp(rig_text(result, "inner_optimizer"), "adam")) x.inner.optimizer = RAML_INNER_ADAM;
    x.space.n = x.n;
    const json_t *head = json_object_get(json_object_get(problem, "heads"), adapted);
    for (size_t i = 0; i < json_array_size(head); i++)
        x.space.adapted[json_integer_value(json_array_get(head, i))] = true;
    read_numbers(json_object_get(problem, "theta"), x.theta, x.n);
    return x;
}

/* What a task's evaluation said beside the gradient. */
static double losses_error(const struct one *x, const json_t *want, const struct raml_meta_result *r, bool query)
{
    const json_t *losses = json_object_get(want, "support_loss");
    double worst = fabs(r->query_before - rig_number(want, "query_loss_before"));
    if (query) worst = worse_of(worst, fabs(r->query_after - rig_number(want, "query_loss_after")));
    if (!x->inner.steps) return worst;
    double first = json_number_value(json_array_get(losses, 0));
    double last = json_number_value(json_array_get(losses, (size_t)x->inner.steps - 1));
    return worse_of(worst, worse_of(fabs(r->support_first - first), fabs(r->support_last - last)));
}

/* The mean over tasks of a method into x->g. */
static void evaluate(struct one *x, struct method *m, const char *gradient)
{
    struct raml_err err = {0};
    const json_t *tasks = json_object_get(x->result, "task");
    const struct raml_meta_space space = arrays_space(&x->space);
    for (size_t i = 0; i < x->n_tasks; i++) {
        struct meta_task t = read_task(x->problem, i, &x->space);
        struct raml_meta_loss loss = {&t, task_support, task_query, m->exact ? task_product : NULL};
        struct raml_meta_result r;
        double own[META_MOST] = {0}, theta[META_MOST];
        memcpy(theta, x->theta, sizeof theta);
        CHECK_OK(raml_meta_gradient(&space, &loss, &x->inner, theta, 1, own, &r, &err));
        assert_memory_equal(theta, x->theta, sizeof theta);
        assert_memory_equal(x->space.at, x->theta, sizeof theta);
        assert_int_equal(x->space.vectors, 0);
        assert_int_equal(r.gradients, t.gradients);
        assert_int_equal(r.losses, t.losses);
        assert_int_equal(r.products, t.products);
        m->gradients[x->inner.steps] = r.gradients;
        const json_t *want = json_array_get(tasks, i);
        count(&m->tally, losses_error(x, want, &r, m->method != RAML_META_REPTILE), "losses");
        if (gradient) count(&m->tally, compare(json_object_get(want, gradient), own, x->n), gradient);
        CHECK_OK(raml_meta_gradient(&space, &loss, &x->inner, theta, 1 / (double)x->n_tasks, x->g, NULL, &err));
    }
}

static void check_updates(struct one *x, struct method *m, const char *name)
{
    const json_t *want = json_object_get(json_object_get(x->result, "method"), name);
    double sgd[META_MOST], adam[META_MOST] = {0}, rate = rig_number(x->problem, "outer_lr");
    assert_non_null(want);
    memcpy(sgd, x->theta, sizeof sgd);
    memcpy(adam, x->theta, sizeof adam);
    for (size_t i = 0; i < x->n; i++) {
        sgd[i] -= rate * x->g[i];
        adam[i] -= rate * x->g[i] / (fabs(x->g[i]) + 1e-8);
    }
    count(&m->tally, compare(json_object_get(want, "meta_gradient"), x->g, x->n), name);
    count(&m->tally, compare(json_object_get(want, "updated_sgd"), sgd, x->n), "updated_sgd");
    count(&m->tally, compare(json_object_get(want, "updated_adam"), adam, x->n), "updated_adam");
}

static void check_reptile(struct one *x, struct method *m)
{
    const json_t *want = json_object_get(json_object_get(x->result, "method"), "reptile");
    double moved[META_MOST], updated[META_MOST];
    for (size_t i = 0; i < x->n; i++) {
        moved[i] = -x->g[i];
        updated[i] = x->theta[i] - rig_number(x->problem, "reptile_epsilon") * x->g[i];
    }
    count(&m->tally, compare(json_object_get(want, "mean_displacement"), moved, x->n), "mean_displacement");
    count(&m->tally, compare(json_object_get(want, "updated"), updated, x->n), "updated");
}

static void one_result(const json_t *problem, const json_t *result, struct method *m)
{
    struct one x = prepare(problem, result, m->method);
    bool second = m->method == RAML_META_MAML;
    const char *name = second ? (x.inner.some ? "anil" : "maml") : x.inner.some ? "anil_first_order" : "fomaml";
    if (m->method == RAML_META_REPTILE && x.inner.some) return;
    evaluate(&x, m, m->method == RAML_META_REPTILE ? NULL : second ? "maml_gradient" : "fomaml_gradient");
    if (m->method == RAML_META_REPTILE) check_reptile(&x, m);
    else check_updates(&x, m, name);
}

static void test_methods(void **state)
{
    (void)state;
    struct method methods[] = {
        {.name = "fomaml", .method = RAML_META_FOMAML, .tally.tolerance = EXACT},
        {.name = "reptile", .method = RAML_META_REPTILE, .tally.tolerance = EXACT},
        {.name = "maml, exact products", .method = RAML_META_MAML, .exact = true, .tally.tolerance = EXACT},
        {.name = "maml by differences", .method = RAML_META_MAML, .tally.tolerance = BY_DIFFERENCES}};
    json_t *root = rig_open("meta.json");
    const json_t *problems = json_object_get(root, "problems"), *problem, *result;
    size_t i, k, results = 0;
    json_array_foreach (problems, i, problem)
        json_array_foreach (json_object_get(problem, "results"), k, result) {
            results++;
            for (size_t m = 0; m < COUNT(methods); m++) one_result(problem, result, &methods[m]);
        }
    assert_int_equal(results, 42);
    for (size_t m = 0; m < COUNT(methods); m++) {
        const struct method *x = &methods[m];
        print_message("%-22s %zu of %zu cases, largest error %.1e (allowed %.0e); gradients a task after 0, 1, 3 inner "
                      "steps: %d, %d, %d\n",
                      x->name, x->tally.passed, x->tally.cases, x->tally.worst, x->tally.tolerance,
                      (int)x->gradients[0], (int)x->gradients[1], (int)x->gradients[3]);
        assert_true(x->tally.cases >= 84);
        assert_int_equal(x->tally.passed, x->tally.cases);
    }
    static const uint64_t want[][3] = {{1, 2, 4}, {0, 1, 3}, {1, 2, 4}, {1, 4, 10}};
    for (size_t m = 0; m < COUNT(methods); m++)
        for (size_t s = 0; s < 3; s++) assert_int_equal(methods[m].gradients[s == 2 ? 3 : s], want[m][s]);
    json_decref(root);
}

static void test_product(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct tally exact = {.tolerance = EXACT}, slope = {.tolerance = EXACT};
    json_t *root = rig_open("meta.json");
    const json_t *problems = json_object_get(root, "problems"), *problem;
    size_t i;
    json_array_foreach (problems, i, problem) {
        const json_t *want = json_object_get(problem, "hvp");
        struct meta_arrays space = {.n = (size_t)rig_number(problem, "dimension")};
        struct meta_task t = read_task(problem, (size_t)rig_number(want, "task"), &space);
        double v[META_MOST] = {0}, out[META_MOST], g[META_MOST] = {0}, loss;
        read_numbers(json_object_get(problem, "theta"), space.at, space.n);
        read_numbers(json_object_get(want, "v"), v, space.n);
        CHECK_OK(task_product(&t, 0, v, out, &err));
        CHECK_OK(task_support(&t, 0, g, &loss, &err));
        count(&exact, compare(json_object_get(want, "product"), out, space.n), "product");
        count(&slope, compare(json_object_get(want, "gradient"), g, space.n), "gradient");
    }
    print_message("products %zu of %zu, largest error %.1e\n", exact.passed, exact.cases, exact.worst);
    assert_int_equal(exact.passed, 3);
    assert_int_equal(slope.passed, 3);
    json_decref(root);
}

/* -- What is refused, and memory ----------------------------------------------------------------------------------- */

struct bad_task {
    struct meta_task t;
    size_t bad; /* inner step whose loss is not finite */
};

static enum raml_code bad_support(void *user, size_t step, void *g, double *loss, struct raml_err *err)
{
    struct bad_task *b = user;
    enum raml_code rc = task_support(&b->t, step, g, loss, err);
    if (step == b->bad) *loss = NAN;
    return rc;
}

static enum raml_code bad_query(void *user, void *g, double *loss, struct raml_err *err)
{
    struct bad_task *b = user;
    return task_query(&b->t, g, loss, err);
}

static void test_not_finite(void **state)
{
    (void)state;
    static const double theta[META_MOST] = {1, -2, 3};
    struct meta_arrays space = {.n = 3};
    struct bad_task b = {.t = {.space = &space, .support.A = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, .bad = 2};
    const struct raml_meta_loss loss = {&b, bad_support, bad_query, NULL};
    const struct raml_meta_space s = arrays_space(&space);
    struct raml_meta_inner o = {.method = RAML_META_MAML, .steps = 4, .rate = 0.1, .difference = 1e-5};
    double g[META_MOST] = {0};
    struct raml_err err = {0};
    assert_int_equal(raml_meta_gradient(&s, &loss, &o, theta, 1, g, NULL, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "inner step 3: the support's loss is nan"));
    assert_memory_equal(space.at, theta, sizeof theta);
    assert_int_equal(space.vectors, 0);
    for (size_t i = 0; i < 3; i++) assert_true(g[i] == 0);
    b.bad = 99;
    o.rate = 1e200;
    assert_int_equal(raml_meta_gradient(&s, &loss, &o, theta, 1, g, NULL, &err), RAML_ERANGE);
    assert_memory_equal(space.at, theta, sizeof theta);
}

static void test_vectors(void **state)
{
    (void)state;
    static const double theta[META_MOST] = {1, -2, 3};
    static const struct {
        enum raml_meta_method method;
        enum raml_inner_optimizer optimizer;
        size_t fixed, a_step;
    } each[] = {{RAML_META_FOMAML, RAML_INNER_SGD, 1, 0},
                {RAML_META_REPTILE, RAML_INNER_SGD, 1, 0},
                {RAML_META_FOMAML, RAML_INNER_ADAM, 3, 0},
                {RAML_META_MAML, RAML_INNER_SGD, 4, 1},
                {RAML_META_MAML, RAML_INNER_ADAM, 8, 1}};
    struct raml_err err = {0};
    for (size_t i = 0; i < COUNT(each); i++)
        for (uint64_t steps = 1; steps <= 16; steps *= 4) {
            struct meta_arrays space = {.n = 3};
            struct meta_task t = {.space = &space, .support.A = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}};
            const struct raml_meta_loss loss = {&t, task_support, task_query, NULL};
            const struct raml_meta_space s = arrays_space(&space);
            const struct raml_meta_inner o = {.method = each[i].method,
                                              .optimizer = each[i].optimizer,
                                              .steps = steps,
                                              .rate = 0.1,
                                              .beta1 = 0.9,
                                              .beta2 = 0.999,
                                              .epsilon = 1e-8,
                                              .difference = 1e-5};
            double g[META_MOST] = {0};
            CHECK_OK(raml_meta_gradient(&s, &loss, &o, theta, 1, g, NULL, &err));
            assert_int_equal(space.most, each[i].fixed + each[i].a_step * (size_t)steps);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_methods), cmocka_unit_test(test_product),
                                       cmocka_unit_test(test_not_finite), cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
