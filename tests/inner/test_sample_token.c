/* Sampling tokens: frequencies, filters, ties, faults. */
#include "inner/sample_token.h"
#include "raml/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "device/far.h"

enum { N = 6 };
static struct raml_device *dev;
static const float logits[N] = {0.5f, 2.0f, -1.0f, 2.0f, 0.0f, 1.0f};

/* One row of n logits. */
static enum raml_code sample_of(const float *z, size_t n, size_t allowed, const struct raml_token_sampling *o, double u,
                                struct raml_sampled_token *out)
{
    struct raml_token_sampler *p;
    const uint32_t row = 0;
    float *on_device = raml_array_new(dev, n, sizeof *z);
    assert_non_null(on_device);
    assert_int_equal(raml_token_sampler_open(dev, 1, n, &p, NULL), RAML_OK);
    assert_int_equal(raml_array_write(dev, on_device, z, n * sizeof *z, NULL), RAML_OK);
    enum raml_code rc = raml_sample_tokens(p, on_device, &row, &u, 1, allowed, o, out, NULL);
    raml_token_sampler_close(p);
    raml_array_free(dev, on_device);
    return rc;
}

static struct raml_sampled_token sample(const struct raml_token_sampling *o, double u)
{
    struct raml_sampled_token p = {.token = -1};
    assert_int_equal(sample_of(logits, N, N, o, u, &p), RAML_OK);
    return p;
}

/* p(i) after temperature and filters, by the definition. */
static void distribution(const struct raml_token_sampling *o, double p[N])
{
    int order[N];
    double sum = 0, reach = 0, kept = 0;
    for (int i = 0; i < N; i++) {
        p[i] = exp(logits[i] / o->temperature);
        order[i] = i;
    }
    for (int i = 0; i < N; i++)
        for (int k = i + 1; k < N; k++)
            if (p[order[k]] > p[order[i]] || (p[order[k]] == p[order[i]] && order[k] < order[i])) {
                int t = order[i];
                order[i] = order[k];
                order[k] = t;
            }
    for (int i = 0; i < N; i++)
        if (o->top_k && i >= o->top_k) p[order[i]] = 0;
    for (int i = 0; i < N; i++) sum += p[i];
    double best = p[order[0]];
    for (int i = 0; i < N; i++) {
        double w = p[order[i]];
        if (i && (reach >= o->top_p * sum || w < o->min_p * best)) p[order[i]] = 0;
        reach += w;
    }
    for (int i = 0; i < N; i++) kept += p[i];
    for (int i = 0; i < N; i++) p[i] /= kept;
}

static void test_frequencies(void **state)
{
    (void)state;
    static const struct raml_token_sampling cases[] = {{1, 1, 0, 0},    {0.7, 1, 0, 0},  {1, 1, 0, 3},
                                                       {1, 0.8, 0, 0},  {1, 1, 0.25, 0}, {2, 0.7, 0.2, 4},
                                                       {1, 0.01, 0, 0}, {1, 1, 0.3, 5}};
    enum { DRAWS = 40000, ROWS = 1000 };
    static uint32_t row[ROWS]; /* all of them the one row of logits */
    static double u[ROWS];
    static struct raml_sampled_token got[ROWS];
    struct raml_token_sampler *token_sampler;
    float *on_device = raml_array_new(dev, N, sizeof *on_device);
    assert_non_null(on_device);
    assert_int_equal(raml_token_sampler_open(dev, ROWS, N, &token_sampler, NULL), RAML_OK);
    assert_int_equal(raml_array_write(dev, on_device, logits, sizeof logits, NULL), RAML_OK);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double want[N], seen[N] = {0};
        distribution(&cases[c], want);
        struct raml_key key = {.seed = c, .purpose = RAML_FOR_TEST};
        for (uint64_t i = 0; i < DRAWS; i += ROWS) {
            for (uint64_t k = 0; k < ROWS; k++) u[k] = raml_uniform(&key, i + k);
            assert_int_equal(raml_sample_tokens(token_sampler, on_device, row, u, ROWS, N, &cases[c], got, NULL),
                             RAML_OK);
            for (uint64_t k = 0; k < ROWS; k++) {
                seen[got[k].token] += 1.0 / DRAWS;
                assert_true(want[got[k].token] > 0);
                assert_true(fabs(got[k].behaviour_logp - log(want[got[k].token])) <= 1e-5);
            }
        }
        for (int i = 0; i < N; i++) /* five standard errors */
            assert_true(fabs(seen[i] - want[i]) <= 5 * sqrt(want[i] * (1 - want[i]) / DRAWS) + 1e-9);
    }
    raml_token_sampler_close(token_sampler);
    raml_array_free(dev, on_device);
}

static void test_logp_and_greedy(void **state)
{
    (void)state;
    double sum = 0;
    for (int i = 0; i < N; i++) sum += exp(logits[i]);
    struct raml_token_sampling greedy = {0, 1, 0, 0}, filtered = {0.5, 0.9, 0.1, 4};
    struct raml_sampled_token p = sample(&greedy, 0.99);
    assert_int_equal(p.token, 1); /* ties go to the lower index */
    assert_true(fabs(p.logp - (2 - log(sum))) <= 1e-6);
    assert_true(p.behaviour_logp == 0);
    greedy.temperature = 1e-300; /* 1 / temperature is beyond a float */
    p = sample(&greedy, 0.99);
    assert_int_equal(p.token, 1);
    assert_true(p.behaviour_logp == 0);
    p = sample(&filtered, 0.3);
    assert_true(fabs(p.logp - (logits[p.token] - log(sum))) <= 1e-6); /* temperature 1, nothing filtered out */
}

/* Tokens 3 .. 5 are only in the model's vocabulary: their share of logp stays, but they are never sampled. */
static void test_allowed(void **state)
{
    (void)state;
    static const float high[N] = {0.5f, 2, -1, 9, 0, 30};
    static const struct raml_token_sampling cases[] = {{0, 1, 0, 0}, {1, 1, 0, 0}, {0.5, 1, 0.2, 0}, {2, 0.9, 0, 2}};
    double all = 0;
    for (int i = 0; i < N; i++) all += exp(high[i]);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double sum = 0;
        for (int i = 0; i < 3; i++) sum += exp(high[i]);
        for (int u = 0; u < 100; u++) {
            struct raml_sampled_token p = {.token = -1};
            assert_int_equal(sample_of(high, N, 3, &cases[c], u / 100.0, &p), RAML_OK);
            assert_in_range(p.token, 0, 2);
            assert_true(fabs(p.logp - (high[p.token] - log(all))) <= 1e-4);
            assert_true(fabs(p.lse - log(all)) <= 1e-4 && p.logp == high[p.token] - p.lse);
            if (c == 1) assert_true(fabs(p.behaviour_logp - (high[p.token] - log(sum))) <= 1e-5);
        }
    }
    float none[2] = {-INFINITY, 1};
    struct raml_sampled_token p;
    assert_int_equal(sample_of(none, 2, 1, &cases[1], 0.5, &p), RAML_ERANGE);
    assert_int_equal(p.token, -1);
}

static int heavier(const void *a, const void *b)
{
    const float *x = *(const float *const *)a, *y = *(const float *const *)b;
    return x[0] != y[0] ? (x[0] < y[0]) - (x[0] > y[0]) : (x > y) - (x < y);
}

/* A vocabulary of real size: what top_p keeps, against a sort of everything. */
static void test_many(void **state)
{
    (void)state;
    enum { V = 20011 };
    static float z[V], p[V];
    static const float *order[V];
    struct raml_key key = {.seed = 3, .purpose = RAML_FOR_TEST};
    static const double top_p[] = {0.05, 0.5, 0.9, 0.999};
    for (size_t c = 0; c < sizeof top_p / sizeof *top_p; c++) {
        double total = 0, reach = 0, sum = 0;
        for (size_t i = 0; i < V; i++) {
            z[i] = (float)(2.5 * raml_normal(&key, c * V + i));
            p[i] = expf(z[i] - 12);
            order[i] = &p[i];
            total += (double)p[i];
        }
        qsort(order, V, sizeof *order, heavier);
        size_t kept = 0;
        while (kept < V && reach < top_p[c] * total) reach += (double)*order[kept++];
        for (size_t i = 0; i < kept; i++) sum += (double)*order[i];
        struct raml_token_sampling o = {1, top_p[c], 0, 0};
        for (int u = 0; u < 40; u++) {
            double at = 0;
            size_t i = 0;
            struct raml_sampled_token got;
            assert_int_equal(sample_of(z, V, V, &o, (u + 0.5) / 40, &got), RAML_OK);
            while (i < kept && (at += (double)*order[i]) <= (u + 0.5) / 40 * sum) i++;
            /* the random number may select the next token where it is near the border of two */
            size_t want = (size_t)(order[i] - p), next = (size_t)(order[i ? i - 1 : 0] - p);
            size_t after = (size_t)(order[i + 1 < V ? i + 1 : i] - p);
            assert_true((size_t)got.token == want || (size_t)got.token == next || (size_t)got.token == after);
            assert_true(fabs((double)got.behaviour_logp - log((double)p[got.token] / sum)) <= 1e-4);
        }
    }
}

static void test_faults(void **state)
{
    (void)state;
    struct raml_token_sampling o = {1, 1, 0, 0};
    float bad[3] = {0, NAN, 1}, none[2] = {-INFINITY, -INFINITY};
    struct raml_sampled_token p;
    assert_int_equal(sample_of(bad, 3, 3, &o, 0.5, &p), RAML_ERANGE);
    assert_int_equal(sample_of(none, 2, 2, &o, 0.5, &p), RAML_ERANGE);
    static const struct {
        struct raml_token_sampling o;
        const char *msg;
    } cases[] = {{{-1, 1, 0, 0}, "temperature: found -1, expected 0 or more"},
                 {{NAN, 1, 0, 0}, "temperature: found nan, expected 0 or more"},
                 {{1, 0, 0, 0}, "top_p: found 0, expected 0 to 1"},
                 {{1, 1, 1.5, 0}, "min_p: found 1.5, expected 0 to 1"},
                 {{1, 1, 0, -1}, "top_k: found -1, expected 0 or more"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct raml_err err = {0};
        assert_int_equal(raml_token_sampling_check(&cases[i].o, &err), RAML_EUSAGE);
        assert_string_equal(err.msg, cases[i].msg);
    }
    assert_int_equal(raml_token_sampling_check(&o, NULL), RAML_OK);
}

/* Rows in any order, one of them bad: the others have what each has by itself; more rows than the capacity are refused.
 */
static void test_rows(void **state)
{
    (void)state;
    enum { ROWS = 3, V = 5000 }; /* more than one part of the sums */
    static float z[ROWS][V];
    const uint32_t row[ROWS] = {2, 0, 1};
    const double u[ROWS] = {0.2, 0.7, 0.9};
    static const struct raml_token_sampling cases[] = {{1, 1, 0, 0}, {0.8, 1, 0.1, 0}, {1.3, 0.9, 0, 50}, {0, 1, 0, 0}};
    struct raml_key key = {.seed = 9, .purpose = RAML_FOR_TEST};
    struct raml_token_sampler *p;
    float *on_device = raml_array_new(dev, (size_t)ROWS * V, sizeof **z);
    assert_non_null(on_device);
    assert_int_equal(raml_token_sampler_open(dev, ROWS, V, &p, NULL), RAML_OK);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t i = 0; i < V; i++) z[r][i] = (float)(2 * raml_normal(&key, r * V + i));
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int bad = 0; bad < 2; bad++) {
            struct raml_sampled_token got[ROWS], alone;
            struct raml_err err = {0};
            float keep = z[0][7];
            if (bad) z[0][7] = NAN;
            assert_int_equal(raml_array_write(dev, on_device, z, sizeof z, NULL), RAML_OK);
            assert_int_equal(raml_sample_tokens(p, on_device, row, u, ROWS, V, &cases[c], got, &err),
                             bad ? RAML_ERANGE : RAML_OK);
            if (bad) assert_string_equal(err.msg, "the logits of row 0 are not finite");
            z[0][7] = keep;
            for (size_t k = 0; k < ROWS; k++) {
                if (bad && row[k] == 0) {
                    assert_int_equal(got[k].token, -1);
                    continue;
                }
                assert_int_equal(sample_of(z[row[k]], V, V, &cases[c], u[k], &alone), RAML_OK);
                assert_int_equal(got[k].token, alone.token);
                assert_true(got[k].logp == alone.logp && got[k].behaviour_logp == alone.behaviour_logp);
            }
            assert_int_equal(raml_sample_tokens(p, on_device, row, u, ROWS + 1, V, &cases[c], got, &err), RAML_EUSAGE);
        }
    raml_token_sampler_close(p);
    raml_array_free(dev, on_device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_frequencies), cmocka_unit_test(test_logp_and_greedy),
                                       cmocka_unit_test(test_allowed),     cmocka_unit_test(test_many),
                                       cmocka_unit_test(test_faults),      cmocka_unit_test(test_rows)};
    if (far_device_open(1, "auto", &dev, NULL)) return 1;
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    raml_device_close(dev);
    return rc;
}
