/* Regret of loss curves: against an independent implementation in double, and by hand. */
#include "inner/oracle.h"

#include "inner/regret.h"

enum { MAX_POINTS = 600 };

static void check_regret(const json_t *want, const double *loss, size_t n, size_t n_prefix, size_t n_answer,
                         size_t stride)
{
    uint32_t at[MAX_POINTS];
    const json_t *b;
    size_t i;
    assert_true(n <= MAX_POINTS);
    for (size_t k = 0; k < n; k++) at[k] = (uint32_t)(k * stride);
    assert_true(json_array_size(json_object_get(want, "at_budget")) > 3);
    json_array_foreach (json_object_get(want, "at_budget"), i, b) {
        struct raml_err err = {0};
        struct raml_regret r;
        must(raml_regret(loss, at, n, n_prefix, n_answer, oracle_number(json_object_get(b, "budget")), &r, &err), &err);
        double area = oracle_number(json_object_get(b, "area")); /* down to 1e-10: relative */
        assert_true(fabs(r.area - area) <= 1e-12 * area);
        oracle_near("regret", r.regret, json_object_get(b, "regret"), 1e-12);
    }
}

static void of_models(void **state)
{
    (void)state;
    json_t *root = oracle_open("curves.json"), *model, *t, *a;
    const char *name, *which;
    size_t i, seen = 0;
    json_object_foreach (json_object_get(root, "models"), name, model) {
        json_array_foreach (json_object_get(model, "trajectories"), i, t) {
            json_object_foreach (json_object_get(t, "answers"), which, a) {
                size_t n;
                double *loss = oracle_numbers(json_object_get(a, "loss"), &n);
                check_regret(json_object_get(a, "regret"), loss, n, json_array_size(json_object_get(model, "cue")),
                             json_array_size(json_object_get(a, "tokens")), 1);
                free(loss);
                seen++;
            }
        }
    }
    assert_int_equal(seen, 48);
    json_decref(root);
}

static void of_given_curves(void **state)
{
    (void)state;
    json_t *root = oracle_open("curves.json"), *c, *r;
    size_t i, k;
    json_array_foreach (json_object_get(root, "synthetic"), i, c) {
        size_t n;
        double *loss = oracle_numbers(json_object_get(c, "loss"), &n);
        json_array_foreach (json_object_get(c, "regret"), k, r)
            check_regret(r, loss, n, (size_t)json_integer_value(json_object_get(r, "cue")),
                         (size_t)json_integer_value(json_object_get(r, "A")),
                         (size_t)json_integer_value(json_object_get(r, "stride")));
        free(loss);
    }
    assert_int_equal(i, 11);
    json_decref(root);
}

static void by_hand(void **state)
{
    (void)state;
    struct raml_regret r;
    const double loss[] = {log(2), 0}; /* accuracies 1/2 at cost 2, 1 at cost 4 */
    const uint32_t at[] = {0, 2};
    static const struct {
        double budget, area;
    } cases[] = {{1, 0.125}, {2, 0.25}, {3, (0.5 + 0.625) / 3}, {4, (0.5 + 1.5) / 4}, {8, (0.5 + 1.5 + 4) / 8}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(raml_regret(loss, at, 2, 1, 1, cases[i].budget, &r, NULL), RAML_OK);
        assert_true(fabs(r.area - cases[i].area) <= 1e-15 && fabs(r.regret - (1 - cases[i].area)) <= 1e-15);
    }
}

static void refusals(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_regret r = {7, 7};
    const double loss[] = {1, -1, INFINITY};
    const uint32_t at[] = {0, 0, 1};
    assert_int_equal(raml_regret(loss, at, 0, 1, 1, 3, &r, &err), RAML_ERANGE);
    assert_int_equal(raml_regret(loss, at, 1, 1, 0, 3, &r, &err), RAML_ERANGE);
    assert_int_equal(raml_regret(loss, at, 1, 1, 1, 0, &r, &err), RAML_ERANGE);
    assert_int_equal(raml_regret(loss, at, 1, 1, 1, INFINITY, &r, &err), RAML_ERANGE);
    assert_int_equal(raml_regret(loss + 1, at, 1, 1, 1, 3, &r, &err), RAML_ERANGE);
    assert_int_equal(raml_regret(loss + 2, at, 1, 1, 1, 3, &r, &err), RAML_ERANGE);
    const double fine[] = {1, 1};
    assert_int_equal(raml_regret(fine, at, 2, 1, 1, 3, &r, &err), RAML_ERANGE);
    assert_true(has(err.msg, "place number 2 is 0 after 0"));
    assert_true(r.area == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_models),
        cmocka_unit_test(of_given_curves),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
