/* The exchange rate: losses of every step, steps worth, weights bit-identical afterwards, bad input. */
#include "inner/update_oracle.h"

#include "raml/device.h"

#include <stdlib.h>

static const char *const lab_names[] = {"qwen2-tied", "qwen3", "llama", "llama3-scaled"};

static float *weights_of(const struct oracle *o)
{
    struct raml_err err = {0};
    size_t n = raml_model_n(o->g.model);
    float *w = malloc(n * sizeof *w);
    assert_non_null(w);
    must(raml_array_read(o->g.dev, w, raml_model_weights_const(o->g.model), n * sizeof *w, &err), &err);
    return w;
}

static void match_worth(const struct raml_exchange *x, int rate, const json_t *loss, const json_t *want, size_t *n)
{
    for (size_t i = 0; i < json_array_size(want); i++, (*n)++) {
        const json_t *steps = json_array_get(want, i);
        int64_t got = raml_exchange_worth(x, rate, json_number_value(json_array_get(loss, i)) + 2e-6); /* f32 */
        assert_int_equal(got, json_is_null(steps) ? -1 : json_integer_value(steps));
    }
}

static void oracle_losses(void **state)
{
    (void)state;
    struct matched k = {0};
    size_t n_worth = 0;
    for (size_t m = 0; m < COUNT(lab_names); m++) {
        struct oracle o;
        struct raml_err err = {0};
        struct raml_exchange x;
        oracle_open(&o, lab_names[m]);
        const json_t *want = json_object_get(o.of, "exchange");
        const json_t *worth = json_object_get(want, "steps_worth_by_learning_rate");
        const struct raml_exchange_options opt = raml_exchange_default();
        float *before = weights_of(&o);
        must(raml_exchange_run(o.g.model, &o.in.text, &opt, NULL, &x, &err), &err);
        float *after = weights_of(&o);
        assert_memory_equal(before, after, raml_model_n(o.g.model) * sizeof *before);
        free(before);
        free(after);
        assert_int_equal(x.n_rates, json_array_size(json_object_get(want, "learning_rates")));
        for (size_t i = 0; i < x.n_rates; i++) {
            char rate[32];
            snprintf(rate, sizeof rate, "%g", x.rate[i]);
            const json_t *loss = json_object_get(json_object_get(want, "loss_by_learning_rate"), rate);
            for (size_t s = 0; s <= x.n_steps; s++) {
                match(&k, rate, x.loss[i * (x.n_steps + 1) + s], json_array_get(loss, s), 1e-3);
            }
            match_worth(&x, (int)i, json_object_get(o.of, "loss"), json_object_get(worth, rate), &n_worth);
        }
        match_worth(&x, RAML_EXCHANGE_BEST, json_object_get(o.of, "loss"), json_object_get(want, "steps_worth"),
                    &n_worth);
        raml_exchange_deinit(&x);
        oracle_close(&o);
    }
    printf("update.json: %zu losses (largest difference %.1e) and %zu numbers of steps matched\n", k.n, k.most,
           n_worth);
    assert_int_equal(k.n, 4 * 6 * 41);
    assert_int_equal(n_worth, 4 * 7 * 13);
}

static void runs_end_early(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_err err = {0};
    struct raml_exchange all, some;
    oracle_open(&o, "llama");
    struct raml_exchange_options opt = raml_exchange_default();
    must(raml_exchange_run(o.g.model, &o.in.text, &opt, NULL, &all, &err), &err);
    opt.until = all.loss[2 * 41 + 5]; /* after 5 steps at the third rate */
    must(raml_exchange_run(o.g.model, &o.in.text, &opt, NULL, &some, &err), &err);
    assert_int_equal(raml_exchange_worth(&some, 2, opt.until), 5);
    assert_true(isnan(some.loss[2 * 41 + 6]));
    for (size_t i = 0; i < 6 * 41; i++)
        if (!isnan(some.loss[i]))
            CHECK_NEAR("loss", some.loss[i], all.loss[i], 0); /* from the same weights each time */
    assert_int_equal(raml_exchange_worth(&some, RAML_EXCHANGE_BEST, -1), -1);
    assert_int_equal(raml_exchange_worth(&some, 9, 100), -1);
    raml_exchange_deinit(&all);
    raml_exchange_deinit(&some);
    oracle_close(&o);
}

static bool stop_at_the_tenth(void *user)
{
    return ++*(int *)user > 10;
}

static void weights_survive_a_stop(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_err err = {0};
    struct raml_exchange x = {0};
    int n = 0;
    oracle_open(&o, "qwen3");
    const struct raml_sink sink = {.stop = stop_at_the_tenth, .user = &n};
    const struct raml_exchange_options opt = raml_exchange_default();
    float *before = weights_of(&o);
    assert_int_equal(raml_exchange_run(o.g.model, &o.in.text, &opt, &sink, &x, &err), RAML_ESTOP);
    assert_null(x.loss);
    float *after = weights_of(&o);
    assert_memory_equal(before, after, raml_model_n(o.g.model) * sizeof *before);
    free(before);
    free(after);
    oracle_close(&o);
}

static void bad_input(void **state)
{
    (void)state;
    struct oracle o;
    struct raml_err err = {0};
    struct raml_exchange x;
    struct raml_model *reading;
    const double rates[] = {0.1, -1};
    oracle_open(&o, "qwen2-tied");
    struct raml_exchange_options opt = raml_exchange_default();
    struct raml_trace_input text = o.in.text;
    text.n_answer = 0;
    assert_int_equal(raml_exchange_run(o.g.model, &text, &opt, NULL, &x, &err), RAML_ERANGE);
    assert_true(has(err.msg, "the answer has no token"));
    text = o.in.text;
    text.n_prompt = 1 << 20;
    assert_int_equal(raml_exchange_run(o.g.model, &text, &opt, NULL, &x, &err), RAML_ERANGE);
    assert_true(has(err.msg, "longer than the model's context"));
    opt.rate = rates;
    opt.n_rates = 2;
    assert_int_equal(raml_exchange_run(o.g.model, &o.in.text, &opt, NULL, &x, &err), RAML_ERANGE);
    assert_true(has(err.msg, "rate 2 is -1; expected a positive number"));
    opt.n_steps = 0;
    assert_int_equal(raml_exchange_run(o.g.model, &o.in.text, &opt, NULL, &x, &err), RAML_ERANGE);
    must(raml_model_open(RAML_SHARED "/golden/qwen2-tied", RAML_STORED, RAML_INFERENCE, o.g.dev, &reading, &err), &err);
    assert_int_equal(raml_exchange_run(reading, &o.in.text, &opt, NULL, &x, &err), RAML_EUSAGE);
    assert_true(has(err.msg, "opened for inference"));
    raml_model_close(reading);
    oracle_close(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oracle_losses),
        cmocka_unit_test(runs_end_early),
        cmocka_unit_test(weights_survive_a_stop),
        cmocka_unit_test(bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
