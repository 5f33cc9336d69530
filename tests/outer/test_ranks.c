/* Training on several ranks: parameters dealt out, one loss curve whatever the number of ranks, checkpoints that any number
 * goes on from, ranks that differ, and a rank that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "outer/parts.h"
#include "outer/rank_threads.h"
#include "outer/rollout_rig.h"

static struct raml_config untied(void)
{
    struct raml_config c = tiny;
    c.tied = false;
    c.hidden_size = 24; /* tensors that begin between multiples of 64 */
    c.intermediate_size = 40;
    return c;
}

/* -- Parts --------------------------------------------------------------------------------------------------------- */

struct dealer {
    struct rank rank;
    struct raml_device *dev;
    struct raml_model *model;
    float *sum, *from, *added; /* what is expected: [n] */
    size_t piece;
};

static float value(int rank, size_t i)
{
    return (float)((i * 2654435761u + (size_t)rank * 40503u) % 1000003u) / 7.0f - 60000.0f;
}

static float *on_device(const struct raml_device *dev, const float *host, size_t n)
{
    struct raml_err err = {0};
    float *x = raml_array_new(dev, n, sizeof *x);
    assert_non_null(x);
    CHECK_OK(raml_array_write(dev, x, host, n * sizeof *x, &err));
    return x;
}

static void check_array(const struct raml_device *dev, const float *x, const float *want, size_t n)
{
    struct raml_err err = {0};
    struct raml_view v;
    CHECK_OK(raml_view_open(dev, x, n * sizeof *x, &v, &err));
    assert_memory_equal(v.data, want, n * sizeof *x);
    raml_view_close(&v);
}

static void *deal(void *user)
{
    struct dealer *d = user;
    struct raml_err err = {0};
    const struct raml_comm c = threads_comm(&d->rank);
    struct raml_parts p;
    size_t n = raml_model_n(d->model), own;
    float *host = malloc(n * sizeof *host);
    CHECK_OK(raml_parts_init(&p, &c, d->model, &err));
    if (d->piece && c.size > 1) p.piece = d->piece; /* several a part */
    own = raml_parts_begin(&p);
    for (size_t i = 0; i < n; i++) host[i] = value(c.rank, i);
    float *x = on_device(d->dev, host, n);
    /* Onto what is there: in float, in the order of ranks. */
    float *onto = on_device(d->dev, d->from, n);
    CHECK_OK(raml_parts_add(&p, onto, x, &err));
    check_array(d->dev, onto + own, d->added + own, p.own);
    check_array(d->dev, x, host, n);
    raml_array_free(d->dev, onto);
    CHECK_OK(raml_parts_reduce(&p, x, &err));
    check_array(d->dev, x + own, d->sum + own, p.own);
    if (c.size > 1) {
        for (size_t i = 0; i < n; i++) host[i] = i >= own && i < own + p.own ? d->sum[i] : -1;
        CHECK_OK(raml_array_write(d->dev, x, host, n * sizeof *x, &err));
    }
    CHECK_OK(raml_parts_share(&p, x, &err));
    check_array(d->dev, x, d->sum, n);
    /* A run of elements to rank 0, and back. */
    for (size_t from = 0, most; from < n && c.size > 1; from += most) {
        most = raml_parts_most(&p);
        size_t len = n - from < most ? n - from : most;
        for (size_t i = 0; i < len; i++) host[i] = -2;
        CHECK_OK(raml_parts_gather(&p, x + own, from, len, host, &err));
        if (c.rank == 0) assert_memory_equal(host, d->sum + from, len * sizeof *host);
        for (size_t i = 0; i < len && c.rank == 0; i++) host[i] = d->from[from + i];
        CHECK_OK(raml_parts_scatter(&p, x + own, from, len, host, &err));
    }
    if (c.size > 1) check_array(d->dev, x + own, d->from + own, p.own);
    for (size_t i = 0; i < n; i++) host[i] = c.rank ? 0 : d->from[i];
    CHECK_OK(raml_array_write(d->dev, x, host, n * sizeof *x, &err));
    CHECK_OK(raml_parts_broadcast(&p, x, &err));
    check_array(d->dev, x, d->from, n);
    raml_array_free(d->dev, x);
    raml_parts_deinit(&p);
    free(host);
    return NULL;
}

static void test_deal(void **state)
{
    struct raml_err err = {0};
    const struct raml_config c = untied();
    (void)state;
    for (int size = 1; size <= MOST_RANKS; size++)
        for (size_t piece = 0; piece <= 128; piece += 64) {
            struct shared shared = {.size = size};
            struct dealer d[MOST_RANKS];
            pthread_barrier_init(&shared.barrier, NULL, (unsigned)size);
            float *sum = NULL, *from = NULL, *added = NULL;
            for (int k = 0; k < size; k++) {
                d[k] = (struct dealer){.rank = {&shared, k}, .piece = piece};
                CHECK_OK(any_device(&d[k].dev, &err));
                CHECK_OK(raml_model_init(&c, 3, RAML_F32, RAML_TRAINING, d[k].dev, &d[k].model, &err));
            }
            size_t n = raml_model_n(d[0].model);
            sum = malloc(n * sizeof *sum);
            from = malloc(n * sizeof *from);
            added = malloc(n * sizeof *added);
            for (size_t i = 0; i < n; i++) {
                double s = 0;
                for (int k = 0; k < size; k++) s += (double)value(k, i);
                sum[i] = (float)s;
                from[i] = (float)(n - i);
                added[i] = from[i];
                for (int k = 0; k < size; k++) added[i] += value(k, i);
            }
            for (int k = 0; k < size; k++) {
                d[k].sum = sum;
                d[k].from = from;
                d[k].added = added;
            }
            on_threads(size, deal, d, sizeof *d);
            for (int k = 0; k < size; k++) {
                raml_model_close(d[k].model);
                raml_device_close(d[k].dev);
            }
            pthread_barrier_destroy(&shared.barrier);
            free(sum);
            free(from);
            free(added);
        }
}

/* Every parameter is in one part, in a row with the decay of its tensor. */
static void test_cut(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    const struct raml_config c = untied();
    b->config = &c;
    new_model(b, NULL);
    const struct raml_param *table;
    size_t n_params = raml_model_params(b->model, &table), n = raml_model_n(b->model);
    static const int sizes[] = {1, 2, 3, 4, 7, 64, 5000};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        char *seen = calloc(n, 1);
        size_t most = 0, least = n;
        for (int rank = 0; rank < sizes[s]; rank++) {
            const struct raml_comm comm = {.rank = rank, .size = sizes[s]};
            struct raml_parts p;
            CHECK_OK(raml_parts_init(&p, &comm, b->model, &err));
            size_t begin = raml_parts_begin(&p), in_rows = 0;
            assert_true(p.first[0] == 0 && p.first[sizes[s]] == n && (begin % RAML_PART_ALIGN == 0 || !p.own));
            for (size_t i = 0; i < p.n_table; i++) {
                const struct raml_param *row = &p.table[i], *of = NULL;
                for (size_t k = 0; k < n_params; k++)
                    if (begin + row->offset >= table[k].offset && begin + row->offset < table[k].offset + table[k].n)
                        of = &table[k];
                assert_non_null(of);
                assert_true(begin + row->offset + row->n <= of->offset + of->n);
                assert_int_equal(row->decay, of->decay);
                for (size_t k = 0; k < row->n; k++) assert_int_equal(seen[begin + row->offset + k]++, 0);
                in_rows += row->n;
            }
            assert_true(in_rows == p.own); /* nothing between tensors: all of the block is parameters */
            most = p.own > most ? p.own : most;
            least = p.own < least ? p.own : least;
            raml_parts_deinit(&p);
        }
        for (size_t i = 0; i < n; i++) assert_int_equal(seen[i], 1);
        assert_true(most - least < (size_t)2 * RAML_PART_ALIGN);
        free(seen);
    }
}

/* -- Training ------------------------------------------------------------------------------------------------------ */

struct trainee {
    struct bench bench;
    struct rank rank;
    struct raml_comm comm;
    const char *name;
    const struct raml_train_options *o;
    struct raml_train_options own;
    bool resume, other_weights;
    double stop;
    struct outcome out;
};

static void *train_one(void *user)
{
    struct trainee *t = user;
    if (t->other_weights) {
        struct raml_err err = {0};
        new_model(&t->bench, NULL);
        float *w = host_weights(t->bench.model);
        w[77] += 1e-3f;
        CHECK_OK(host_set_weights(t->bench.model, w, &err));
    }
    t->out = go(&t->bench, t->name, t->o, NULL, t->resume, t->other_weights, t->stop);
    return NULL;
}

static void prepare(struct bench *b, const char *name, const struct raml_train_options *o, int size,
                    struct shared *shared, struct trainee *t)
{
    struct raml_err err = {0};
    *shared = (struct shared){.size = size};
    pthread_barrier_init(&shared->barrier, NULL, (unsigned)size);
    for (int k = 0; k < size; k++) {
        t[k] = (struct trainee){.bench = *b, .rank = {shared, k}, .name = name, .o = o};
        t[k].comm = threads_comm(&t[k].rank);
        t[k].bench.model = NULL;
        t[k].bench.comm = size > 1 ? &t[k].comm : NULL;
        CHECK_OK(far_device_open(1, "auto", &t[k].bench.dev, &err));
    }
}

static void finish(struct trainee *t, int size, struct shared *shared)
{
    for (int k = 0; k < size; k++) {
        raml_model_close(t[k].bench.model);
        raml_device_close(t[k].bench.dev);
    }
    pthread_barrier_destroy(&shared->barrier);
}

/* Trains on `size` ranks; stop: rank 0 is asked to, after that step. */
static enum raml_code together(struct bench *b, const char *name, const struct raml_train_options *o, int size,
                               bool resume, double stop)
{
    struct shared shared;
    struct trainee t[MOST_RANKS];
    prepare(b, name, o, size, &shared, t);
    for (int k = 0; k < size; k++) t[k].resume = resume;
    t[0].stop = stop;
    on_threads(size, train_one, t, sizeof *t);
    enum raml_code rc = t[0].out.rc;
    if (rc && rc != RAML_ESTOP) print_error("%s\n", t[0].out.err.msg);
    for (int k = 1; k < size; k++) {
        assert_int_equal(t[k].out.rc, rc);
        assert_true(t[k].out.result.steps == t[0].out.result.steps);
        assert_true(t[k].out.result.tokens == t[0].out.result.tokens);
    }
    finish(t, size, &shared);
    return rc;
}

/* The metrics of two runs, to rounding. */
static void alike(const struct bench *b, const char *one, const char *two, double tolerance)
{
    json_t *x = read_lines(b, one, "metrics.jsonl"), *y = read_lines(b, two, "metrics.jsonl"), *line, *number;
    size_t i;
    const char *key;
    assert_int_equal(json_array_size(x), json_array_size(y));
    json_array_foreach (x, i, line)
        json_object_foreach (line, key, number) {
            double a = json_number_value(number), c = json_number_value(json_object_get(json_array_get(y, i), key));
            CHECK_NEAR(key, c, a, tolerance * fmax(1, fabs(a)));
        }
    json_decref(x);
    json_decref(y);
}

static void test_sft(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(6);
    const struct raml_config other = untied();
    o.logging_steps = 1;
    o.eval_steps = 2;
    o.save_steps = 3;
    o.save_best = true;
    o.weight_decay = 0.1;
    o.max_grad_norm = 0.5;
    for (int tied = 1; tied >= 0; tied--) {
        char name[2][32];
        b->config = tied ? NULL : &other;
        for (int size = 1; size <= MOST_RANKS; size++) {
            snprintf(name[size > 1], sizeof *name, "%s-%d", tied ? "tied" : "untied", size);
            assert_int_equal(together(b, name[size > 1], &o, size, false, 0), RAML_OK);
            if (size > 1) alike(b, name[0], name[1], 2e-6);
        }
        char again[48];
        snprintf(again, sizeof again, "%s-again", name[1]);
        assert_int_equal(together(b, again, &o, MOST_RANKS, false, 0), RAML_OK);
        same_file(b, name[1], again, "metrics.jsonl");
        same_checkpoint(b, name[1], again, 6);
    }
}

/* Fewer questions than ranks. */
static void test_small_batch(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(5);
    o.logging_steps = 1;
    o.batch_size = 2;
    assert_int_equal(together(b, "one", &o, 1, false, 0), RAML_OK);
    assert_int_equal(together(b, "four", &o, 4, false, 0), RAML_OK);
    alike(b, "one", "four", 2e-6);
}

/* One rank, two, one, three: each goes on from what the others left. */
static void test_resume(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(12);
    o.eval_steps = 5;
    o.logging_steps = 4; /* windows that checkpoints cut */
    o.save_best = true;
    static const struct {
        int size;
        double stop;
    } legs[] = {{1, 3}, {2, 6}, {1, 9}, {3, 0}};
    assert_int_equal(together(b, "whole", &o, 1, false, 0), RAML_OK);
    for (size_t i = 0; i < COUNT(legs); i++)
        assert_int_equal(together(b, "legs", &o, legs[i].size, i > 0, legs[i].stop),
                         legs[i].stop > 0 ? RAML_ESTOP : RAML_OK);
    alike(b, "whole", "legs", 2e-6);
    /* On as many ranks: the same bytes. */
    assert_int_equal(together(b, "whole-3", &o, 3, false, 0), RAML_OK);
    for (int stop = 2; stop < 12; stop += 3) {
        char name[32];
        snprintf(name, sizeof name, "part-%d", stop);
        assert_int_equal(together(b, name, &o, 3, false, stop), RAML_ESTOP);
        assert_int_equal(together(b, name, &o, 3, true, 0), RAML_OK);
        same_file(b, "whole-3", name, "metrics.jsonl");
        same_checkpoint(b, "whole-3", name, 12);
    }
}

/* -- What goes wrong ----------------------------------------------------------------------------------------------- */

static void test_differ(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(4);
    static const char *const want[] = {"learning_rate: found 0.001, expected 0.005 as rank 0 has it",
                                       "hash of the model's weights: found \"",
                                       "eval_steps: found 0, expected 2 as rank 0 has it"};
    o.eval_steps = 2;
    for (size_t i = 0; i < COUNT(want); i++) {
        struct shared shared;
        struct trainee t[3];
        char name[32];
        snprintf(name, sizeof name, "differ-%zu", i);
        prepare(b, name, &o, 3, &shared, t);
        t[2].own = o;
        t[2].o = &t[2].own;
        if (i == 0) t[2].own.learning_rate = 1e-3;
        if (i == 1) t[2].other_weights = true;
        if (i == 2) t[2].own.eval_steps = 0;
        on_threads(3, train_one, t, sizeof *t);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(t[k].out.rc, RAML_EUSAGE);
            if (!strstr(t[k].out.err.msg, want[i])) print_error("%s\n", t[k].out.err.msg);
            assert_non_null(strstr(t[k].out.err.msg, want[i]));
            assert_int_equal(strncmp(t[k].out.err.msg, "rank 2 on ", 10), 0);
        }
        finish(t, 3, &shared);
    }
}

/* A checkpoint of which a file is spoilt: rank 0 reads it, all say so. */
static void test_spoilt(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(8);
    assert_int_equal(together(b, "run", &o, 2, false, 4), RAML_ESTOP);
    char path[PATH_CAP + 64];
    snprintf(path, sizeof path, "%s/run/checkpoint-4/optimizer.safetensors", b->root);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -4, SEEK_END), 0);
    assert_int_equal(fwrite("\0\0\xc0\x7f", 1, 4, f), 4); /* NaN, the last value of the last rank */
    assert_int_equal(fclose(f), 0);
    struct shared shared;
    struct trainee t[2];
    prepare(b, "run", &o, 2, &shared, t);
    t[0].resume = t[1].resume = true;
    on_threads(2, train_one, t, sizeof *t);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(t[k].out.rc, RAML_ERANGE);
        assert_non_null(strstr(t[k].out.err.msg, "rank 0 on "));
        assert_non_null(strstr(t[k].out.err.msg, "tensor 'exp_avg_sq."));
    }
    finish(t, 2, &shared);
}

/* The device of one rank fails at one operation after another: both end with what it said, and no checkpoint is half
 * written. */
static void test_fault(void **state)
{
    struct bench *b = *state;
    struct raml_train_options o = options(3);
    size_t failed = 0;
    o.batch_size = 2;
    o.save_steps = 1;
    if (!far_asked()) skip();
    for (size_t at = 1; at < 100000; at += 1 + at / 6) {
        struct shared shared;
        struct trainee t[2];
        char name[32];
        snprintf(name, sizeof name, "fault-%zu", at);
        prepare(b, name, &o, 2, &shared, t);
        t[1].bench.fail_at = at;
        on_threads(2, train_one, t, sizeof *t);
        bool done = t[1].out.n_ops < at;
        for (int k = 0; k < 2; k++) {
            assert_int_equal(t[k].out.rc == RAML_OK, done);
            if (!done) assert_non_null(strstr(t[k].out.err.msg, "rank 1 on "));
        }
        failed += !done;
        finish(t, 2, &shared);
        if (done) break;
    }
    assert_true(failed > 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_deal),   TEST(test_cut),    TEST(test_sft),    TEST(test_small_batch),
        TEST(test_resume), TEST(test_differ), TEST(test_spoilt), TEST(test_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
