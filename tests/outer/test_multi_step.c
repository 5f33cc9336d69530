/* Weights of the multi-step loss against the oracle's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raml/meta.h"

#include "policy_rig.h"

enum { MOST = 16 };

static void test_oracle(void **state)
{
    (void)state;
    json_t *root = rig_open("meta.json");
    const json_t *cases = json_object_get(root, "multi_step_weights"), *c;
    double w[MOST], worst = 0;
    size_t i, n_cases = json_array_size(cases);
    json_array_foreach (cases, i, c) {
        const json_t *want = json_object_get(c, "weights");
        size_t n = json_array_size(want);
        assert_in_range(n, 1, MOST);
        raml_multi_step_weights(w, n, rig_number(c, "epoch"), rig_number(c, "anneal_epochs"));
        for (size_t k = 0; k < n; k++) worst = worse_of(worst, fabs(w[k] - json_number_value(json_array_get(want, k))));
    }
    print_message("multi-step weights: %zu cases, largest error %.1e\n", n_cases, worst);
    assert_int_equal(n_cases, 18);
    CHECK_NEAR("largest error", worst, 0, 1e-15);
    json_decref(root);
}

static void test_sum(void **state)
{
    (void)state;
    double w[MOST];
    for (size_t n = 1; n <= MOST; n++)
        for (double t = 0; t <= 12; t += 0.75) {
            double sum = 0;
            raml_multi_step_weights(w, n, t, 10);
            for (size_t i = 0; i < n; i++) {
                assert_true(w[i] > 0);
                sum += w[i];
            }
            CHECK_NEAR("sum", sum, 1, 1e-14);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_oracle), cmocka_unit_test(test_sum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
