/* Meta-gradients of a model against a slow computation of their own: inner steps in double on the host, every gradient by a
 * pass, the second order by finite differences of the whole inner loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "trainer.h"

#include "outer/meta_deck.h"
#include "raml/rng.h"

static const struct raml_config *shape; /* of the next rig; NULL: tiny */

struct rig {
    struct bench *b;
    struct training_set set;
    struct raml_meta_options o;
    struct raml_meta_deck deck;
    struct raml_meta_tasks tasks;
    struct raml_meta_step meta;
    struct raml_packs packs;
    struct raml_parts parts;
    struct raml_step step;
    float *grad;
    size_t n;
};

/* Two tasks of questions, dealt. */
static void open_rig(struct rig *r, struct bench *b, const char *method, const char *settings, size_t micro)
{
    struct raml_err err = {0};
    struct raml_train_options opt = options(1);
    opt.trajectories = 3;
    *r = (struct rig){.b = b};
    b->config = shape;
    new_model(b, NULL);
    const struct raml_train_job job = {.model = b->model, .tokenizer = b->tokenizer, .format = raml_format_default()};
    CHECK_OK(raml_meta_default(method, &r->o, &err));
    CHECK_OK(raml_settings_apply(raml_meta_settings, raml_n_meta_settings, &r->o, settings, &err));
    CHECK_OK(raml_training_set_init(&r->set, &job, &opt, &b->data, "made", 0, &err));
    CHECK_OK(raml_meta_deck_init(&r->deck, &r->set, &r->o, &err));
    CHECK_OK(raml_packs_init(&r->packs, b->model, micro, true, &err));
    CHECK_OK(raml_meta_vectors_init(&r->meta.vectors, b->model, r->o.some ? r->o.adapted_layers : -1, &err));
    r->n = raml_model_n(b->model);
    r->meta.tasks = &r->tasks;
    r->meta.inner = (struct raml_meta_inner){.method = r->o.method,
                                             .optimizer = (enum raml_inner_optimizer)r->o.inner_optimizer,
                                             .steps = (uint64_t)r->o.inner_steps,
                                             .rate = r->o.inner_learning_rate,
                                             .some = r->o.some,
                                             .beta1 = 0.9,
                                             .beta2 = 0.999,
                                             .epsilon = 1e-8,
                                             .difference = r->o.difference};
    bool reptile = r->o.method == RAML_META_REPTILE;
    for (uint64_t i = 0; i < 2; i++) {
        raml_meta_deal(&r->deck, i, reptile ? RAML_DEAL_SUPPORT : RAML_DEAL_SPLIT);
        CHECK_OK(raml_meta_add_task(&r->deck, &r->step, &r->tasks, &err));
        r->step.total += reptile ? r->tasks.part[r->tasks.task[i].first_part].total : r->tasks.task[i].query_total;
    }
    r->tasks.n_all = 2;
    CHECK_OK(raml_parts_init(&r->parts, raml_comm_alone(), b->model, &err));
    r->grad = raml_array_new(b->dev, raml_gradient_n(b->model), sizeof *r->grad);
    assert_non_null(r->grad);
}

static void close_rig(struct rig *r)
{
    raml_array_free(r->b->dev, r->grad);
    raml_parts_deinit(&r->parts);
    raml_packs_deinit(&r->packs);
    raml_step_deinit(&r->step);
    raml_meta_vectors_deinit(&r->meta.vectors);
    raml_meta_tasks_deinit(&r->tasks);
    raml_meta_deck_deinit(&r->deck);
    raml_training_set_deinit(&r->set);
}

/* The engine's gradient, to free(). */
static float *engine(struct rig *r, double *loss)
{
    struct raml_err err = {0};
    const struct raml_objective sft = raml_sft_objective();
    struct raml_statistics statistics = {0};
    float *before = host_weights(r->b->model), *g = malloc(r->n * sizeof *g);
    assert_non_null(g);
    CHECK_OK(raml_array_zero(r->b->dev, r->grad, raml_gradient_n(r->b->model) * sizeof *g, &err));
    CHECK_OK(raml_meta_differentiate(&r->meta, &r->packs, &sft, &r->step, &r->parts, r->grad, loss, &statistics, &err));
    CHECK_OK(raml_array_read(r->b->dev, g, r->grad, r->n * sizeof *g, &err));
    float *after = host_weights(r->b->model);
    assert_memory_equal(before, after, r->n * sizeof *before);
    free(before);
    free(after);
    return g;
}

/* -- The slow way -------------------------------------------------------------------------------------------------- */

static void put(struct rig *r, const double *at)
{
    struct raml_err err = {0};
    float *w = malloc(r->n * sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < r->n; i++) w[i] = (float)at[i];
    CHECK_OK(host_set_weights(r->b->model, w, &err));
}

/* Mean of -log p over the targets of trees, all of weight w, divided by total; adds its gradient to g (NULL: only the loss). */
static double slow_loss(struct rig *r, const struct raml_step *s, size_t first, size_t n, double total,
                        const double *at, double *g)
{
    struct raml_err err = {0};
    double loss = 0;
    put(r, at);
    for (size_t t = first; t < first + n; t++) {
        struct raml_pack pack = {0};
        struct raml_pass *pass;
        size_t n_targets = s->tree[t].n_targets, at_token = s->start[s->tree_row[t]];
        float *logp = calloc(n_targets, sizeof *logp), *c = calloc(n_targets, sizeof *c);
        float *own = calloc(r->n, sizeof *own);
        for (size_t i = 0; i < n_targets; i++) c[i] = (float)(-(double)s->weight[at_token + i] / total);
        const struct raml_logprobs out = {.logp = logp};
        CHECK_OK(raml_pack_add(&pack, &s->tree[t], &err));
        CHECK_OK(raml_pass_open(r->b->model, true, &pass, &err));
        CHECK_OK(host_train(pass, &pack, c, &out, own, &err));
        for (size_t i = 0; i < n_targets; i++) loss -= (double)s->weight[at_token + i] * (double)logp[i] / total;
        for (size_t i = 0; i < r->n && g; i++) g[i] += (double)own[i];
        raml_pass_close(pass);
        raml_pack_deinit(&pack);
        free(own);
        free(logp);
        free(c);
    }
    return loss;
}

static bool moves(const struct rig *r, size_t i)
{
    const struct raml_meta_vectors *v = &r->meta.vectors;
    for (size_t k = 0; k < v->n_ranges && r->o.some; k++)
        if (i >= v->range[k].offset && i < v->range[k].offset + v->range[k].n) return true;
    return !r->o.some;
}

/* theta_k of a task, in place. */
static void slow_adapt(struct rig *r, const struct raml_meta_task *t, double *at)
{
    const struct raml_step *s = r->o.method == RAML_META_REPTILE ? &r->step : &r->tasks.support;
    double *g = calloc(3 * r->n, sizeof *g), *m = g + r->n, *v = m + r->n;
    for (int64_t k = 0; k < r->o.inner_steps; k++) {
        const struct raml_meta_part *p = &r->tasks.part[t->first_part + (size_t)k % t->n_parts];
        double c1 = 1 - pow(0.9, (double)k + 1), c2 = 1 - pow(0.999, (double)k + 1);
        memset(g, 0, r->n * sizeof *g);
        slow_loss(r, s, p->first, p->n, p->total, at, g);
        for (size_t i = 0; i < r->n; i++) {
            if (!moves(r, i)) continue;
            m[i] = 0.9 * m[i] + 0.1 * g[i];
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
            at[i] -= r->o.inner_learning_rate * (r->o.inner_optimizer == RAML_INNER_ADAM
                                                     ? m[i] / c1 / (sqrt(v[i] / c2) + r->meta.inner.epsilon)
                                                     : g[i]);
        }
    }
    free(g);
}

/* Sum over tasks of the query's loss after adapting from theta + h d; g (NULL: not wanted) its gradient there. */
static double slow_query(struct rig *r, const double *theta, double h, const double *d, double *g)
{
    double *at = malloc(r->n * sizeof *at), loss = 0;
    for (size_t i = 0; i < r->tasks.n; i++) {
        const struct raml_meta_task *t = &r->tasks.task[i];
        for (size_t k = 0; k < r->n; k++) at[k] = theta[k] + (d ? h * d[k] : 0);
        slow_adapt(r, t, at);
        loss += slow_loss(r, &r->step, t->first_query, t->n_queries, r->step.total, at, g);
    }
    free(at);
    return loss;
}

static double *weights(struct rig *r)
{
    float *w = host_weights(r->b->model);
    double *theta = malloc(r->n * sizeof *theta);
    for (size_t i = 0; i < r->n; i++) theta[i] = (double)w[i];
    free(w);
    return theta;
}

static double distance(const float *got, const double *want, size_t n)
{
    double sum = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        sum += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        all += want[i] * want[i];
    }
    return sqrt(sum / all);
}

/* -- First order --------------------------------------------------------------------------------------------------- */

static const char *const first_order[][2] = {
    {"fomaml", "inner_steps=1 inner_learning_rate=0.5"},
    {"fomaml", "inner_steps=3 inner_learning_rate=0.2 inner_batch_size=1 support=2"},
    {"fomaml", "inner_steps=2 inner_optimizer=adam inner_learning_rate=3e-3"},
    {"reptile", "inner_steps=3 inner_learning_rate=0.2"},
    {"reptile", "inner_steps=4 inner_learning_rate=0.2 inner_batch_size=2"},
    {"anil", "inner_steps=2 inner_learning_rate=0.5"},
};

static void test_first_order(void **state)
{
    for (size_t i = 0; i < COUNT(first_order); i++) {
        struct rig r;
        double loss, slow;
        open_rig(&r, *state, first_order[i][0], first_order[i][1], 64);
        if (r.o.some) r.meta.inner.method = RAML_META_FOMAML;
        float *got = engine(&r, &loss);
        double *theta = weights(&r), *want = calloc(r.n, sizeof *want), *at = malloc(r.n * sizeof *at);
        if (r.o.method == RAML_META_REPTILE) {
            slow = 0;
            for (size_t t = 0; t < 2; t++) {
                const struct raml_meta_part *p = &r.tasks.part[r.tasks.task[t].first_part];
                slow += slow_loss(&r, &r.step, p->first, p->n, r.step.total, theta, NULL);
                memcpy(at, theta, r.n * sizeof *at);
                slow_adapt(&r, &r.tasks.task[t], at);
                for (size_t k = 0; k < r.n; k++) want[k] += (theta[k] - at[k]) / 2;
            }
        } else slow = slow_query(&r, theta, 0, NULL, want);
        double error = distance(got, want, r.n), allowed = r.o.inner_optimizer == RAML_INNER_ADAM ? 2e-3 : 1e-4;
        print_message("%s %s: gradient to %.1e, loss to %.1e\n", first_order[i][0], first_order[i][1], error,
                      fabs(loss - slow));
        CHECK_NEAR(first_order[i][1], error, 0, allowed);
        CHECK_NEAR(first_order[i][1], loss, slow, 1e-4);
        put(&r, theta);
        free(got);
        free(want);
        free(theta);
        free(at);
        close_rig(&r);
    }
}

/* -- Second order -------------------------------------------------------------------------------------------------- */

static const char *const second_order[][2] = {
    {"maml", "inner_steps=1 inner_learning_rate=0.1"},
    {"maml", "inner_steps=3 inner_learning_rate=0.1"},
    {"maml", "inner_steps=2 inner_learning_rate=0.1 inner_batch_size=1 support=2"},
    {"anil", "inner_steps=2 inner_learning_rate=0.1"},
    {"maml", "inner_steps=2 inner_optimizer=adam inner_learning_rate=3e-3"},
};

/* The slope of the query's loss along d, by differences of the whole inner loop. */
static double slow_slope(struct rig *r, const double *theta, const double *d)
{
    double size = 0, h;
    for (size_t i = 0; i < r->n; i++) size += d[i] * d[i];
    h = 1.5e-3 / sqrt(size);
    double near = (slow_query(r, theta, h, d, NULL) - slow_query(r, theta, -h, d, NULL)) / (2 * h);
    double far = (slow_query(r, theta, 2 * h, d, NULL) - slow_query(r, theta, -2 * h, d, NULL)) / (4 * h);
    return near + (near - far) / 3;
}

static double dot(const float *x, const double *d, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * d[i];
    return sum;
}

static void test_second_order(void **state)
{
    for (size_t i = 0; i < COUNT(second_order); i++) {
        struct rig r;
        double loss;
        open_rig(&r, *state, second_order[i][0], second_order[i][1], 64);
        if (r.o.inner_optimizer == RAML_INNER_ADAM)
            r.meta.inner.epsilon = 1e-2; /* first steps are signs else: no slope */
        float *got = engine(&r, &loss);
        r.meta.inner.method = RAML_META_FOMAML;
        float *first = engine(&r, &loss);
        double *theta = weights(&r), *d = calloc(r.n, sizeof *d);
        for (size_t k = 0; k < r.n; k++) d[k] = (double)got[k] - (double)first[k]; /* where the two differ */
        double slope = slow_slope(&r, theta, d), own = dot(got, d, r.n), other = dot(first, d, r.n);
        print_message("%s %s: slope %.5g, second order %.5g, first order %.5g\n", second_order[i][0],
                      second_order[i][1], slope, own, other);
        CHECK_NEAR(second_order[i][1], own, slope, 0.01 * fabs(slope - other));
        put(&r, theta);
        free(got);
        free(first);
        free(theta);
        free(d);
        close_rig(&r);
    }
}

/* -- Limits -------------------------------------------------------------------------------------------------------- */

/* With rate 0 all methods have the query's plain gradient. */
static void test_rate_zero(void **state)
{
    static const char *const methods[] = {"fomaml", "maml", "anil"};
    struct raml_err err = {0};
    const struct raml_objective sft = raml_sft_objective();
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct rig r;
        double loss, plain;
        open_rig(&r, *state, methods[i], "inner_steps=2 inner_learning_rate=0", 4096);
        float *got = engine(&r, &loss), *want = malloc(r.n * sizeof *want);
        CHECK_OK(raml_array_zero(r.b->dev, r.grad, raml_gradient_n(r.b->model) * sizeof *want, &err));
        CHECK_OK(raml_packs_train(&r.packs, &sft, &r.step, r.grad, &plain, NULL, &err));
        CHECK_OK(raml_gradient_join(r.b->model, r.grad, &err));
        CHECK_OK(raml_array_read(r.b->dev, want, r.grad, r.n * sizeof *want, &err));
        double worst = 0;
        for (size_t k = 0; k < r.n; k++) worst = worse_of(worst, fabs((double)got[k] - (double)want[k]));
        CHECK_NEAR(methods[i], worst, 0, 1e-6);
        CHECK_NEAR(methods[i], loss, plain, 1e-9);
        free(got);
        free(want);
        close_rig(&r);
    }
}

/* A task's passes do not depend on how they are split into packs: in f32 not in one bit. */
static void test_packs(void **state)
{
    static const char *const methods[] = {"fomaml", "maml", "anil", "reptile"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        float *got[2];
        double loss[2];
        size_t n = 0;
        for (size_t k = 0; k < 2; k++) {
            struct rig r;
            open_rig(&r, *state, methods[i], "inner_steps=2 inner_learning_rate=0.1 inner_batch_size=1", k ? 4096 : 8);
            got[k] = engine(&r, &loss[k]);
            n = r.n;
            close_rig(&r);
        }
        assert_memory_equal(got[0], got[1], n * sizeof **got);
        CHECK_NEAR("loss", loss[0], loss[1], 1e-12);
        free(got[0]);
        free(got[1]);
    }
}

/* Bytes of vectors: flat in first order, a vector a step in second. */
static void test_memory(void **state)
{
    static const struct {
        const char *method, *optimizer;
        bool grows;
    } each[] = {{"fomaml", "sgd", false}, {"fomaml", "adam", false}, {"reptile", "sgd", false}, {"maml", "sgd", true}};
    for (size_t i = 0; i < COUNT(each); i++) {
        size_t bytes[3], n = 0;
        for (size_t k = 0; k < 3; k++) {
            struct rig r;
            double loss;
            char settings[96];
            snprintf(settings, sizeof settings, "inner_steps=%d inner_learning_rate=1e-3 inner_optimizer=%s",
                     1 << 2 * k, each[i].optimizer);
            open_rig(&r, *state, each[i].method, settings, 4096);
            free(engine(&r, &loss));
            bytes[k] = r.meta.vectors.bytes;
            n = r.n;
            close_rig(&r);
        }
        print_message("%s with %s: vectors of %zu, %zu, %zu bytes at 1, 4, 16 inner steps; %zu parameters\n",
                      each[i].method, each[i].optimizer, bytes[0], bytes[1], bytes[2], n);
        for (size_t k = 1; k < 3; k++)
            assert_int_equal(bytes[k], bytes[0] + (each[i].grows ? ((1u << 2 * k) - 1) * n * sizeof(float) : 0));
    }
}

/* A device that fails at its n-th operation: the weights are theta all the same. */
static void test_device_fails(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    const struct raml_objective sft = raml_sft_objective();
    size_t n_failed = 0;
    for (size_t at = 1; at < 4000; at += 1 + at / 3) {
        struct rig r;
        double loss;
        struct raml_statistics statistics = {0};
        open_rig(&r, b, "maml", "inner_steps=2 inner_learning_rate=0.1", 4096);
        float *before = host_weights(b->model);
        far_fail_at(b->dev, at);
        enum raml_code rc =
            raml_meta_differentiate(&r.meta, &r.packs, &sft, &r.step, &r.parts, r.grad, &loss, &statistics, &err);
        bool failed = far_failed(b->dev);
        far_fail_at(b->dev, 0);
        float *after = host_weights(b->model);
        assert_memory_equal(before, after, r.n * sizeof *before);
        if (failed) assert_int_not_equal(rc, RAML_OK);
        n_failed += failed;
        free(before);
        free(after);
        close_rig(&r);
    }
    print_message("the device failed at %zu places\n", n_failed);
    assert_true(n_failed > 10);
}

static enum raml_code open_far(struct raml_device **out, struct raml_err *err)
{
    return far_open(out, err);
}

static int setup_far(void **state)
{
    return setup_on(state, open_far);
}

/* What anil adapts: with a head of its own the head, the final norm and the last layers; a tied one stays. */
static void test_adapted(void **state)
{
    static struct raml_config c;
    struct raml_err err = {0};
    struct bench *b = *state;
    for (int tied = 0; tied < 2; tied++) {
        struct raml_meta_vectors v = {0};
        const struct raml_param *table;
        size_t n = 0;
        c = tiny;
        c.tied = tied;
        b->config = &c;
        new_model(b, NULL);
        size_t n_params = raml_model_params(b->model, &table);
        CHECK_OK(raml_meta_vectors_init(&v, b->model, 1, &err));
        for (size_t i = 0; i < n_params; i++) {
            const char *name = table[i].name;
            bool adapted = strstr(name, "layers.1.") || !strcmp(name, "model.norm.weight") || strstr(name, "lm_head");
            if (adapted) n += table[i].n;
            for (size_t k = 0; k < v.n_ranges; k++) {
                bool in = table[i].offset >= v.range[k].offset && table[i].offset < v.range[k].offset + v.range[k].n;
                if (in) assert_true(adapted);
            }
        }
        assert_int_equal(v.n_adapted, n);
        raml_meta_vectors_deinit(&v);
        assert_int_equal(raml_meta_vectors_init(&v, b->model, 3, &err), RAML_EUSAGE);
        assert_string_equal(err.msg, "adapted_layers is 3; the model has 2 layers");
        raml_meta_vectors_deinit(&v);
    }
    b->config = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_second_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rate_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(test_packs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_adapted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_device_fails, setup_far, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
