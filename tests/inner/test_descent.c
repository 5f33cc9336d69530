/* test_descent.c - the descent summary against its definitions, pair by pair, and against values computed by hand. */
#include "inner/oracle.h"

#include "inner/descent.h"
#include "raml/rng.h"

#define CHECK_NEAR(what, got, want, tol) check_near(__LINE__, what, got, want, tol)

static void check_near(int line, const char *what, double got, double want, double tol)
{
    if (isnan(want) ? isnan(got) : fabs(got - want) <= tol) return;
    fail_msg("line %d: %s: got %.17g, expected %.17g", line, what, got, want);
}

/* tau-b by its definition: all pairs of (i, -L(i)). */
static double slow_tau(const double *L, size_t n)
{
    double concordant = 0, discordant = 0, tied = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            pairs++;
            if (-L[j] > -L[i]) concordant++;
            else if (-L[j] < -L[i]) discordant++;
            else tied++;
        }
    return pairs == tied ? NAN : (concordant - discordant) / (sqrt(pairs) * sqrt(pairs - tied));
}

static int64_t slow_solved(const double *L, size_t n, double threshold)
{
    for (size_t i = 0; i < n; i++) {
        int all = 1;
        for (size_t j = i; j < n; j++) all = all && L[j] < threshold;
        if (all) return (int64_t)i;
    }
    return -1;
}

static void by_hand(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        double L[6];
        size_t n;
        double threshold, total, monotonicity, efficiency, tau_b;
        int64_t solved_at;
    } cases[] = {
        {"straight down", {4, 3, 2, 1}, 4, 2.5, 3, 1, 1, 1, 2},
        {"straight up", {1, 2, 3, 4}, 4, 2.5, -3, 0, -1, -1, -1},
        {"one value", {2}, 1, 3, 0, NAN, NAN, NAN, 0},
        {"flat", {2, 2, 2}, 3, 2, 0, 1, NAN, NAN, -1},
        {"there and back", {2, 1, 2}, 3, 1.5, 0, 0.5, 0, 0, -1},
        /* pairs of {3,1,1,2}: concordant 3-1 3-1 3-2, discordant 1-2 1-2, tied 1-1: (3-2)/sqrt(6*5) */
        {"a tie", {3, 1, 1, 2}, 4, 2.5, 1, 2.0 / 3, 1.0 / 3, 0.18257418583505536, 1},
        {"below it from the start", {0.1, 0.2, 0.05}, 3, 0.5, 0.05, 0.5, 0.2, 1.0 / 3, 0},
        /* 3 concordant, 1 discordant, 2 tied: 2/sqrt(6*4) */
        {"below it, above it, below it", {3, 0.1, 3, 0.1}, 4, 1, 2.9, 2.0 / 3, 1.0 / 3, 0.408248290463863, 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_descent d;
        struct raml_err err = {0};
        assert_int_equal(raml_descent(cases[i].L, cases[i].n, cases[i].threshold, &d, &err), RAML_OK);
        CHECK_NEAR(cases[i].what, d.total, cases[i].total, 1e-15);
        CHECK_NEAR(cases[i].what, d.monotonicity, cases[i].monotonicity, 1e-15);
        CHECK_NEAR(cases[i].what, d.efficiency, cases[i].efficiency, 1e-15);
        CHECK_NEAR(cases[i].what, d.tau_b, cases[i].tau_b, 1e-15);
        assert_int_equal(d.solved_at, cases[i].solved_at);
        assert_int_equal(d.n_steps, cases[i].n - 1);
        assert_true(d.first == cases[i].L[0] && d.last == cases[i].L[cases[i].n - 1]);
    }
}

static void against_all_pairs(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        struct raml_rng r = {.key = {.seed = 7, .purpose = RAML_FOR_TEST, .question = round}};
        size_t n = 1 + raml_rng_below(&r, 130);
        uint32_t n_values = 1 + raml_rng_below(&r, round % 2 ? 5 : 1000); /* few values: many ties */
        double L[131];
        for (size_t i = 0; i < n; i++) L[i] = 0.25 * raml_rng_below(&r, n_values);
        double threshold = 0.25 * raml_rng_below(&r, n_values + 1), path = 0, down = 0;
        for (size_t i = 1; i < n; i++) {
            path += fabs(L[i] - L[i - 1]);
            down += L[i] <= L[i - 1];
        }
        struct raml_descent d;
        assert_int_equal(raml_descent(L, n, threshold, &d, NULL), RAML_OK);
        CHECK_NEAR("tau_b", d.tau_b, slow_tau(L, n), 1e-14);
        CHECK_NEAR("monotonicity", d.monotonicity, n > 1 ? down / (double)(n - 1) : NAN, 1e-15);
        CHECK_NEAR("efficiency", d.efficiency, path > 0 ? (L[0] - L[n - 1]) / path : NAN, 1e-15);
        assert_int_equal(d.solved_at, slow_solved(L, n, threshold));
    }
}

static void refusals(void **state)
{
    (void)state;
    struct raml_descent d = {.total = 42};
    struct raml_err err = {0};
    const double bad[] = {1, 2, NAN};
    assert_int_equal(raml_descent(bad, 0, 1, &d, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "the loss curve is empty; expected T+1 values");
    assert_int_equal(raml_descent(bad, 3, 1, &d, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "L(2) is"));
    assert_int_equal(raml_descent((const double[]){INFINITY}, 1, 1, &d, NULL), RAML_ERANGE);
    assert_true(d.total == 42);
    struct raml_curve_mean m;
    assert_int_equal(raml_curve_mean_init(&m, 1, &err), RAML_ERANGE);
    assert_int_equal(raml_curve_mean_init(&m, RAML_CURVE_POINTS_MAX + 1, &err), RAML_ERANGE);
    assert_int_equal(raml_curve_mean_init(&m, 3, &err), RAML_OK);
    assert_int_equal(raml_curve_mean_add(&m, bad, 3, &err), RAML_ERANGE);
    assert_int_equal(m.n_curves, 0);
}

static void smoothing(void **state)
{
    (void)state;
    double x[] = {4, 0, 8, 8}, out[4];
    raml_ema(x, 4, 0.25, out);
    const double ema[] = {4, 3, 4.25, 5.1875};
    for (size_t i = 0; i < 4; i++) CHECK_NEAR("ema", out[i], ema[i], 1e-15);
    raml_ema(x, 4, 0.25, x);
    CHECK_NEAR("in place", x[3], 5.1875, 1e-15);
    assert_true(raml_ema_weight(1) == 1 && raml_ema_weight(10) == 1);
    CHECK_NEAR("weight at 30", raml_ema_weight(30), 0.5, 1e-15);
    CHECK_NEAR("weight at 2000", raml_ema_weight(2000), 2.0 / 201, 1e-15);
}

static void mean_of_curves(void **state)
{
    (void)state;
    struct raml_curve_mean m;
    double x[5], mean[5], low[5], high[5];
    assert_int_equal(raml_curve_mean_init(&m, 5, NULL), RAML_OK);
    raml_curve_mean_read(&m, x, mean, low, high);
    CHECK_NEAR("no curve", mean[0], NAN, 0);
    assert_int_equal(raml_curve_mean_add(&m, (const double[]){4, 0}, 2, NULL), RAML_OK); /* 4 3 2 1 0 */
    raml_curve_mean_read(&m, x, mean, low, high);
    CHECK_NEAR("x", x[3], 0.75, 0);
    CHECK_NEAR("one curve", mean[1], 3, 1e-15);
    CHECK_NEAR("one curve has no band", low[1], NAN, 0);
    assert_int_equal(raml_curve_mean_add(&m, (const double[]){8, 2, 2, 2, 6}, 5, NULL), RAML_OK);
    assert_int_equal(raml_curve_mean_add(&m, (const double[]){1}, 1, NULL), RAML_OK);
    raml_curve_mean_read(&m, x, mean, low, high);
    const double rows[3][5] = {{4, 3, 2, 1, 0}, {8, 2, 2, 2, 6}, {1, 1, 1, 1, 1}};
    for (size_t b = 0; b < 5; b++) {
        double mu = (rows[0][b] + rows[1][b] + rows[2][b]) / 3, ss = 0;
        for (size_t c = 0; c < 3; c++) ss += (rows[c][b] - mu) * (rows[c][b] - mu);
        double half = 1.96 * sqrt(ss / 2) / sqrt(3);
        CHECK_NEAR("mean", mean[b], mu, 1e-14);
        CHECK_NEAR("low", low[b], mu - half, 1e-14);
        CHECK_NEAR("high", high[b], mu + half, 1e-14);
    }
    const double curve[] = {0, 10, 20, 0};
    CHECK_NEAR("between", raml_curve_at(curve, 4, 0.5), 15, 1e-14);
    CHECK_NEAR("at the end", raml_curve_at(curve, 4, 1), 0, 0);
    CHECK_NEAR("past the end", raml_curve_at(curve, 4, 2), 0, 0);
}

/* Three questions with two, one and three curves, one with the others' order of curves: the mean's standard error with
 * questions as units, by its definition; where each has one curve, that of independent curves. */
static void mean_over_questions(void **state)
{
    (void)state;
    static const double row[6][2] = {{4, 0.1}, {3.5, 0.3}, {8, 2}, {1, 1e3}, {1.25, 1e3 + 1}, {2, 1e3}};
    static const uint64_t question[] = {0, 0, 7, 3, 3, 3};
    static struct raml_curve_mean m, single, each;
    double x[2], mean[2], low[2], high[2], low_each[2], high_each[2];
    assert_int_equal(raml_curve_mean_init(&m, 2, NULL), RAML_OK);
    assert_int_equal(raml_curve_mean_init(&single, 2, NULL), RAML_OK);
    assert_int_equal(raml_curve_mean_init(&each, 2, NULL), RAML_OK);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(raml_curve_mean_add_to(&m, question[i], row[i], 2, NULL), RAML_OK);
        assert_int_equal(raml_curve_mean_add_to(&single, i, row[i], 2, NULL), RAML_OK);
        assert_int_equal(raml_curve_mean_add(&each, row[i], 2, NULL), RAML_OK);
        raml_curve_mean_read(&m, x, mean, low, high);
        if (i < 2) CHECK_NEAR("one question has no band", low[0], NAN, 0);
    }
    for (size_t b = 0; b < 2; b++) {
        double mu = 0, S[3] = {row[0][b] + row[1][b], row[2][b], row[3][b] + row[4][b] + row[5][b]}, ss = 0;
        static const double n[] = {2, 1, 3};
        for (size_t i = 0; i < 6; i++) mu += row[i][b] / 6;
        for (size_t q = 0; q < 3; q++) ss += (S[q] - n[q] * mu) * (S[q] - n[q] * mu);
        double half = 1.96 * sqrt(1.5 * ss) / 6;
        CHECK_NEAR("mean", mean[b], mu, 1e-12);
        CHECK_NEAR("low", low[b], mu - half, 1e-9);
        CHECK_NEAR("high", high[b], mu + half, 1e-9);
    }
    raml_curve_mean_read(&single, x, mean, low, high);
    raml_curve_mean_read(&each, x, mean, low_each, high_each);
    assert_memory_equal(low, low_each, sizeof low);
    assert_memory_equal(high, high_each, sizeof high);
}

static void check_descent(const json_t *want, const double *loss, size_t n)
{
    struct raml_descent d;
    struct raml_err err = {0};
    must(raml_descent(loss, n, oracle_number(json_object_get(want, "threshold")), &d, &err), &err);
    oracle_near("total", d.total, json_object_get(want, "total"), 1e-12);
    oracle_near("monotonicity", d.monotonicity, json_object_get(want, "monotonicity"), 1e-12);
    oracle_near("efficiency", d.efficiency, json_object_get(want, "efficiency"), 1e-12);
    oracle_near("tau_b", d.tau_b, json_object_get(want, "tau_b"), 1e-12);
    oracle_near("after solved", d.share_after_solved, json_object_get(want, "share_after_solved"), 1e-12);
    oracle_near("after first below", d.share_after_first_below, json_object_get(want, "share_after_first_below"),
                1e-12);
    assert_int_equal(d.solved_at, json_integer_value(json_object_get(want, "solved_at")));
    assert_int_equal(d.first_below, json_integer_value(json_object_get(want, "first_below")));
}

static void check_curve(const json_t *c, const json_t *descent) /* one summary, or a list of them */
{
    size_t n, n_ema, i;
    const json_t *d;
    double *loss = oracle_numbers(json_object_get(c, "loss"), &n),
           *ema = oracle_numbers(json_object_get(c, "ema"), &n_ema);
    if (json_is_object(descent)) check_descent(descent, loss, n);
    json_array_foreach (descent, i, d) check_descent(d, loss, n);
    assert_int_equal(n, n_ema);
    raml_ema(loss, n, 0.3, loss);
    for (i = 0; i < n; i++) CHECK_NEAR("ema", loss[i], ema[i], 1e-12);
    free(loss);
    free(ema);
}

static void against_the_oracle(void **state)
{
    (void)state;
    json_t *root = oracle_open("curves.json"), *model, *t, *a, *c;
    const char *name, *which;
    size_t i, k, seen = 0;
    json_object_foreach (json_object_get(root, "models"), name, model) {
        json_array_foreach (json_object_get(model, "trajectories"), i, t) {
            json_object_foreach (json_object_get(t, "answers"), which, a) {
                check_curve(a, json_object_get(a, "descent"));
                const json_t *layers = json_object_get(a, "by_layer"), *of = json_object_get(a, "descent_by_layer");
                for (k = 0; k < json_array_size(layers); k++, seen++) {
                    size_t n;
                    double *loss = oracle_numbers(json_array_get(layers, k), &n);
                    check_descent(json_array_get(of, k), loss, n);
                    free(loss);
                }
            }
        }
    }
    assert_true(seen >= 48);
    json_array_foreach (json_object_get(root, "synthetic"), i, c) check_curve(c, json_object_get(c, "descent"));
    assert_int_equal(i, 11);
    json_decref(root);
}

/* Losses of 0 are values like any other: none is dropped, so every later place keeps its number. */
static void zero_losses_are_kept(void **state)
{
    (void)state;
    const double loss[] = {1, 0, 0, 2, 0, 0};
    struct raml_descent d;
    assert_int_equal(raml_descent(loss, 6, 0.5, &d, NULL), RAML_OK);
    assert_int_equal(d.n_steps, 5);
    assert_int_equal(d.solved_at, 4);
    assert_int_equal(d.first_below, 1);
    CHECK_NEAR("after solved", d.share_after_solved, 0.2, 1e-15);
    CHECK_NEAR("after first below", d.share_after_first_below, 0.8, 1e-15);
    CHECK_NEAR("monotonicity", d.monotonicity, 0.8, 1e-15);
    CHECK_NEAR("total", d.total, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(against_all_pairs),
        cmocka_unit_test(refusals),
        cmocka_unit_test(smoothing),
        cmocka_unit_test(mean_of_curves),
        cmocka_unit_test(mean_over_questions),
        cmocka_unit_test(against_the_oracle),
        cmocka_unit_test(zero_losses_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
