/* Distributions over answers, commitment, first stable and critical places, importance: against an independent
 * implementation in double. */
#include "inner/oracle.h"

#include "inner/choice.h"

enum { MAX_ANSWERS = 4 };

static void check_choice(const json_t *want, const double *const *loss, const size_t *length, size_t n, size_t points,
                         enum raml_choice_by by)
{
    double *p = calloc(n * points, sizeof *p);
    struct raml_err err = {0};
    must(raml_choice(loss, length, n, points, by, p, &err), &err);
    for (size_t i = 0; i < points; i++) {
        const json_t *row = json_array_get(json_object_get(want, "p"), i);
        for (size_t k = 0; k < n; k++) oracle_near("p", p[i * n + k], json_array_get(row, k), 1e-12);
        oracle_near("commitment", raml_commitment(p + i * n, n), json_array_get(json_object_get(want, "commitment"), i),
                    1e-12);
        assert_int_equal(raml_choice_best(p + i * n, n),
                         json_integer_value(json_array_get(json_object_get(want, "best"), i)));
        if (i)
            oracle_near("importance", raml_choice_kl(p + i * n, p + (i - 1) * n, n),
                        json_array_get(json_object_get(want, "importance_kl"), i - 1), 1e-12);
    }
    assert_int_equal(raml_choice_first_stable(p, n, points), json_integer_value(json_object_get(want, "first_stable")));
    const char *c;
    json_t *at;
    json_object_foreach (json_object_get(want, "critical_at"), c, at)
        assert_int_equal(raml_choice_critical(p, n, points, strtod(c, NULL)), json_integer_value(at));
    free(p);
}

static void of_models(void **state)
{
    (void)state;
    json_t *root = oracle_open("curves.json"), *model, *t;
    const char *name;
    size_t i, seen = 0;
    json_object_foreach (json_object_get(root, "models"), name, model) {
        json_array_foreach (json_object_get(model, "trajectories"), i, t) {
            const json_t *order = json_object_get(t, "answer_order");
            double *loss[MAX_ANSWERS];
            size_t length[MAX_ANSWERS], n = json_array_size(order), points = 0;
            assert_true(n > 1 && n <= MAX_ANSWERS);
            for (size_t k = 0; k < n; k++) {
                const char *which = json_string_value(json_array_get(order, k));
                const json_t *a = json_object_get(json_object_get(t, "answers"), which);
                loss[k] = oracle_numbers(json_object_get(a, "loss"), &points);
                length[k] = json_array_size(json_object_get(a, "tokens"));
            }
            check_choice(json_object_get(t, "choice_sum"), (const double *const *)loss, length, n, points,
                         RAML_CHOICE_BY_SUM);
            check_choice(json_object_get(t, "choice_mean"), (const double *const *)loss, length, n, points,
                         RAML_CHOICE_BY_MEAN);
            for (size_t k = 0; k < n; k++) free(loss[k]);
            seen++;
        }
    }
    assert_int_equal(seen, 16);
    json_decref(root);
}

static void of_given_curves(void **state)
{
    (void)state;
    json_t *root = oracle_open("curves.json"), *c;
    size_t i;
    json_array_foreach (json_object_get(root, "synthetic_choices"), i, c) {
        const json_t *list = json_object_get(c, "loss");
        double *loss[MAX_ANSWERS];
        size_t length[MAX_ANSWERS], n = json_array_size(list), points = 0;
        assert_true(n > 1 && n <= MAX_ANSWERS);
        for (size_t k = 0; k < n; k++) {
            loss[k] = oracle_numbers(json_array_get(list, k), &points);
            length[k] = (size_t)json_integer_value(json_array_get(json_object_get(c, "lengths"), k));
        }
        check_choice(c, (const double *const *)loss, length, n, points, RAML_CHOICE_BY_SUM);
        for (size_t k = 0; k < n; k++) free(loss[k]);
    }
    assert_int_equal(i, 3);
    json_decref(root);
}

/* Two answers, equally likely a token: by their sum the shorter one wins, by the mean neither does. */
static void length_decides_the_sum(void **state)
{
    (void)state;
    const double same[] = {1, 1}, *const loss[] = {same, same};
    const size_t length[] = {5, 2};
    double p[4];
    assert_int_equal(raml_choice(loss, length, 2, 2, RAML_CHOICE_BY_SUM, p, NULL), RAML_OK);
    assert_true(fabs(p[1] - 1 / (1 + exp(-3))) <= 1e-15);
    assert_int_equal(raml_choice(loss, length, 2, 2, RAML_CHOICE_BY_MEAN, p, NULL), RAML_OK);
    assert_true(p[0] == 0.5 && p[3] == 0.5);
}

static void edges(void **state)
{
    (void)state;
    struct raml_err err = {0};
    const double bad[] = {1, NAN}, far[] = {0, 2000}, near[] = {2000, 0}, *loss[] = {bad, far};
    size_t length[] = {1, 1};
    double p[4] = {7};
    assert_int_equal(raml_choice(loss, length, 0, 2, RAML_CHOICE_BY_SUM, p, &err), RAML_ERANGE);
    assert_int_equal(raml_choice(loss, length, 2, 2, RAML_CHOICE_BY_SUM, p, &err), RAML_ERANGE);
    assert_true(has(err.msg, "answer 1: loss number 2 is"));
    length[1] = 0;
    assert_int_equal(raml_choice(loss + 1, length + 1, 1, 2, RAML_CHOICE_BY_SUM, p, &err), RAML_ERANGE);
    assert_true(p[0] == 7);
    length[1] = 1;
    loss[0] = near; /* the less likely one underflows to 0: still a distribution, and its entropy is 0 */
    assert_int_equal(raml_choice(loss, length, 2, 2, RAML_CHOICE_BY_SUM, p, &err), RAML_OK);
    assert_true(p[0] == 0 && p[1] == 1 && p[2] == 1 && p[3] == 0);
    assert_true(raml_commitment(p, 2) == 1);
    assert_true(isinf(raml_choice_kl(p + 2, p, 2)));
    assert_true(raml_choice_kl(p, p, 2) == 0);
    assert_true(isnan(raml_commitment(p, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_models),
        cmocka_unit_test(of_given_curves),
        cmocka_unit_test(length_decides_the_sum),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
