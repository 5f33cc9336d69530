/* Rewards read off loss curves: against an independent implementation in double, and by hand. */
#include "core/json.h"
#include "core/scratch.h"

#include "inner/regret.h"
#include "outer/curve_reward.h"

#include "check_near.h"

enum { MAX_POINTS = 64, MAX_ANSWER = 64 };

struct count {
    size_t passed, total;
};
struct given { /* a curve of the oracle */
    const char *name;
    struct raml_answer_curve c;
    float logp[MAX_POINTS * MAX_ANSWER];
    uint32_t at[MAX_POINTS];
    double loss[MAX_POINTS];
};

static void check(struct count *n, const char *name, const char *what, double got, const json_t *want_)
{
    assert_true(json_is_number(want_));
    double want = json_number_value(want_);
    n->total++;
    if (fabs(got - want) <= 1e-12 * fmax(1, fabs(want))) n->passed++;
    else print_error("%s, %s: got %.17g, expected %.17g\n", name, what, got, want);
}

static void check_all(struct count *n, const char *name, const char *what, const double *got, size_t size,
                      const json_t *want)
{
    assert_true(json_is_array(want) && json_array_size(want) == size);
    for (size_t i = 0; i < size; i++) check(n, name, what, got[i], json_array_get(want, i));
}

static void read_curve(struct given *g, const json_t *curve)
{
    const json_t *rows = json_object_get(curve, "answer_logp"), *row, *x;
    size_t i, j;
    memset(g, 0, sizeof *g);
    g->name = json_string_value(json_object_get(curve, "name"));
    g->c = (struct raml_answer_curve){.logp = g->logp,
                                      .at = g->at,
                                      .n_points = json_array_size(rows),
                                      .n_answer = (size_t)json_integer_value(json_object_get(curve, "A"))};
    assert_true(g->c.n_points <= MAX_POINTS && g->c.n_answer <= MAX_ANSWER);
    json_array_foreach (rows, i, row) {
        g->at[i] = (uint32_t)i;
        assert_int_equal(json_array_size(row), g->c.n_answer);
        json_array_foreach (row, j, x) {
            g->logp[i * g->c.n_answer + j] = (float)json_number_value(x);
            assert_true((double)g->logp[i * g->c.n_answer + j] == json_number_value(x));
        }
    }
    raml_curve_losses(&g->c, g->loss);
}

static void check_values(struct count *n, const struct given *g, const json_t *curve)
{
    static const struct {
        const char *name;
        enum raml_reward_kind kind;
        bool gradient; /* the oracle has its gradient */
    } kinds[] = {{"logp", RAML_REWARD_LOGP, true},
                 {"sum_logp", RAML_REWARD_SUM_LOGP, false},
                 {"prob", RAML_REWARD_PROB, true},
                 {"geometric_mean", RAML_REWARD_GEOMETRIC_MEAN, false},
                 {"mean_prob", RAML_REWARD_MEAN_PROB, true},
                 {"rlpr", RAML_REWARD_RLPR, false},
                 {"mig", RAML_REWARD_MIG, false}};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        check(n, g->name, kinds[i].name, raml_curve_reward(&g->c, kinds[i].kind),
              json_object_get(json_object_get(curve, "reward"), kinds[i].name));
        if (!kinds[i].gradient) continue;
        double d[MAX_ANSWER] = {0};
        raml_curve_add_gradient(&g->c, kinds[i].kind, 1, d);
        check_all(n, g->name, kinds[i].name, d, g->c.n_answer,
                  json_object_get(json_object_get(curve, "own_gradient"), kinds[i].name));
    }
    check_all(n, g->name, "loss", g->loss, g->c.n_points, json_object_get(curve, "loss"));
    for (size_t k = 0; k < g->c.n_points; k++)
        check(n, g->name, "probability", raml_curve_probability(&g->c, k),
              json_array_get(json_object_get(curve, "probability"), k));
    double gain[MAX_POINTS], watermark[MAX_POINTS];
    const json_t *mig = json_object_get(curve, "mig");
    raml_mig(g->loss, g->c.n_points, gain, watermark);
    check_all(n, g->name, "gain", gain, g->c.n_points - 1, json_object_get(mig, "gain"));
    check_all(n, g->name, "watermark", watermark, g->c.n_points, json_object_get(mig, "watermark"));
}

static void check_repro(struct count *n, const struct given *g, const json_t *repro)
{
    const json_t *combined;
    size_t i, T = g->c.n_points - 1;
    double magnitude[MAX_POINTS], stability[MAX_POINTS], score[MAX_POINTS], step[MAX_POINTS];
    json_array_foreach (json_object_get(repro, "combined"), i, combined) {
        raml_repro(g->loss, T + 1, json_number_value(json_object_get(combined, "w")), false,
                   &(struct raml_repro){magnitude, stability, score, step});
        check_all(n, g->name, "score", score, T + 1, json_object_get(combined, "score"));
        check_all(n, g->name, "step reward", step, T, json_object_get(combined, "step_reward"));
    }
    assert_int_equal(i, 2);
    check_all(n, g->name, "magnitude", magnitude, T + 1, json_object_get(repro, "magnitude"));
    check_all(n, g->name, "stability", stability, T + 1, json_object_get(repro, "stability"));
    raml_repro(g->loss, T + 1, 0, true, &(struct raml_repro){.stability = stability});
    check_all(n, g->name, "stability from the start", stability, T + 1, json_object_get(repro, "stability_from_start"));
}

static void check_regret(struct count *n, const struct given *g, const json_t *mrt)
{
    const json_t *m;
    size_t i;
    assert_true(json_array_size(mrt) > 5);
    json_array_foreach (mrt, i, m) {
        struct raml_err err = {0};
        struct raml_regret r;
        CHECK_OK(raml_regret_of(g->loss, g->at, g->c.n_points, g->c.n_answer,
                                json_number_value(json_object_get(m, "cost_per_probe")),
                                json_number_value(json_object_get(m, "cutoff")), &r, &err));
        check(n, g->name, "area", r.area, json_object_get(m, "area"));
        check(n, g->name, "regret", r.regret, json_object_get(m, "regret"));
    }
}

static void of_the_oracle(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct count n = {0, 0};
    json_t *root = NULL, *curve;
    size_t i;
    if (!raml_is_dir(RAML_SHARED "/oracle")) {
        fprintf(stderr, "\n*** %s/oracle is absent: nothing was checked against it ***\n\n", RAML_SHARED);
        skip();
    }
    CHECK_OK(raml_json_load(RAML_SHARED "/oracle/likelihood_reward.json", 1 << 24, &root, &err));
    json_array_foreach (json_object_get(root, "curves"), i, curve) {
        static struct given g;
        read_curve(&g, curve);
        check_values(&n, &g, curve);
        check_repro(&n, &g, json_object_get(curve, "repro"));
        check_regret(&n, &g, json_object_get(curve, "mrt"));
    }
    json_decref(root);
    printf("likelihood_reward.json, %zu curves: %zu numbers passed of %zu\n", i, n.passed, n.total);
    assert_int_equal(i, 11);
    assert_true(n.total > 1000);
    assert_int_equal(n.passed, n.total);
}

/* The derivatives that reward.h names are the slopes of the rewards by the last point's log-probabilities. */
static void slopes(void **state)
{
    (void)state;
    static const enum raml_reward_kind kinds[] = {RAML_REWARD_LOGP,           RAML_REWARD_SUM_LOGP,  RAML_REWARD_PROB,
                                                  RAML_REWARD_GEOMETRIC_MEAN, RAML_REWARD_MEAN_PROB, RAML_REWARD_RLPR};
    float logp[] = {-2, -1.5f, -3, -0.25f, -1, -0.5f};
    const uint32_t at[] = {0, 4};
    const float by = 0x1p-10f;
    struct raml_answer_curve c = {logp, at, 2, 3};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        double d[3] = {0, 0, 0};
        raml_curve_add_gradient(&c, kinds[i], 2, d);
        for (size_t j = 0; j < 3; j++) {
            float keep = logp[3 + j];
            logp[3 + j] = keep + by;
            double up = raml_curve_reward(&c, kinds[i]);
            logp[3 + j] = keep - by;
            double down = raml_curve_reward(&c, kinds[i]);
            logp[3 + j] = keep;
            assert_true(up > down);
            CHECK_NEAR(raml_reward_name(kinds[i]), d[j], 2 * (up - down) / (2 * (double)by), 1e-6);
        }
    }
}

/* Where rlpr is held at 0 it has no slope; rewards that have none add nothing. */
static void flat(void **state)
{
    (void)state;
    static const enum raml_reward_kind kinds[] = {RAML_REWARD_RLPR,  RAML_REWARD_MIG,    RAML_REWARD_REPRO,
                                                  RAML_REWARD_EXACT, RAML_REWARD_LENGTH, RAML_REWARD_TERMINATION};
    const float logp[] = {-0.5f, -1};
    const uint32_t at[] = {0, 1};
    const struct raml_answer_curve c = {logp, at, 2, 1};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        double d = 7;
        raml_curve_add_gradient(&c, kinds[i], 1, &d);
        assert_true(d == 7);
    }
}

/* Certainty is 0 and not -0, in rewards as in losses. */
static void certain(void **state)
{
    (void)state;
    const float logp[] = {0, 0};
    const uint32_t at[] = {0};
    const struct raml_answer_curve c = {logp, at, 1, 2};
    double gain, watermark;
    raml_mig(&(double){0}, 1, &gain, &watermark);
    assert_false(signbit(watermark));
    assert_false(signbit(raml_curve_reward(&c, RAML_REWARD_LOGP)));
    assert_true(raml_curve_reward(&c, RAML_REWARD_PROB) == 1);
    assert_true(isnan(raml_curve_reward(&c, RAML_REWARD_EXACT)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_the_oracle),
        cmocka_unit_test(slopes),
        cmocka_unit_test(flat),
        cmocka_unit_test(certain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
