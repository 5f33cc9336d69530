/* The objectives of supervised fine-tuning over terms: by hand, against the oracle, slopes, parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "raml/objective.h"

#include "check_near.h"

enum { CAP = 64 };

static struct raml_terms terms_of(const size_t *start, size_t n_rows, const float *logp, const float *weight,
                                  double total)
{
    return (struct raml_terms){.n_rows = n_rows, .start = start, .logp = logp, .weight = weight, .total = total};
}

static double loss_of(const struct raml_objective *o, const struct raml_terms *t)
{
    struct raml_err err = {0};
    struct raml_objective_out out = {.loss = NAN};
    CHECK_OK(o->evaluate(o->user, t, &out, &err));
    return out.loss;
}

static void test_sft_values(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        size_t n;
        float logp[4], weight[4];
        int weighted;
        double total, loss, d[4];
    } cases[] = {
        {"no token", 0, {0}, {0}, 0, 1, 0, {0}},
        {"one token", 1, {-2}, {0}, 0, 1, 2, {-1}},
        {"mean of three", 3, {-1, -2, -6}, {0}, 0, 3, 3, {-1.0 / 3, -1.0 / 3, -1.0 / 3}},
        {"weights", 3, {-1, -2, -4}, {1, 2, 0.5f}, 1, 3.5, 7.0 / 3.5, {-1 / 3.5, -2 / 3.5, -0.5 / 3.5}},
        {"part of a step: total is the step's", 2, {-1, -3}, {0}, 0, 8, 0.5, {-0.125, -0.125}},
        {"a token of weight 0 is not read", 2, {-INFINITY, -3}, {0, 1}, 1, 1, 3, {0, -1}},
    };
    const struct raml_objective o = raml_sft_objective();
    assert_true(o.constant && o.no_entropy && o.scope == RAML_SCOPE_GROUP);
    assert_string_equal(o.name, "sft");
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        const size_t start[] = {0, cases[i].n};
        double d[5] = {7, 7, 7, 7, 7}, e[5] = {7, 7, 7, 7, 7}, before[5] = {7, 7, 7, 7, 7};
        struct raml_statistics statistics = {0};
        struct raml_objective_out out = {NAN, d, e, &statistics};
        struct raml_terms t =
            terms_of(start, 1, cases[i].logp, cases[i].weighted ? cases[i].weight : NULL, cases[i].total);
        CHECK_OK(o.evaluate(o.user, &t, &out, &err));
        CHECK_NEAR(cases[i].what, out.loss, cases[i].loss, 1e-12);
        for (size_t k = 0; k < 5; k++) {
            CHECK_NEAR(cases[i].what, d[k], k < cases[i].n ? cases[i].d[k] : 7, 1e-15);
            CHECK_NEAR(cases[i].what, e[k], k < cases[i].n ? 0 : 7, 0);
        }
        t.logp = NULL; /* before the pass there is none yet */
        out.d_logp = before;
        CHECK_OK(o.evaluate(o.user, &t, &out, &err));
        assert_memory_equal(before, d, sizeof d);
        assert_true(isnan(out.loss)); /* not known: nobody may take it for a loss */
        out = (struct raml_objective_out){.loss = NAN};
        t.logp = cases[i].logp;
        CHECK_OK(o.evaluate(o.user, &t, &out, &err)); /* nothing but the loss is wanted */
        CHECK_NEAR(cases[i].what, out.loss, cases[i].loss, 1e-12);
    }
}

static void test_dft_values(void **state)
{
    (void)state;
    struct raml_err err = {0};
    const struct raml_objective o = raml_dft_objective();
    assert_false(o.constant);
    assert_true(o.no_entropy && o.scope == RAML_SCOPE_GROUP);
    assert_string_equal(o.name, "dft");
    const size_t start[] = {0, 3};
    const float logp[] = {-1, -2, -INFINITY}, weight[] = {1, 2, 0};
    struct raml_statistics s = {0};
    double d[3] = {7, 7, 7}, e[3] = {7, 7, 7};
    struct raml_objective_out out = {NAN, d, e, &s};
    struct raml_terms t = terms_of(start, 1, logp, weight, 3);
    CHECK_OK(o.evaluate(o.user, &t, &out, &err));
    CHECK_NEAR("loss", out.loss, (exp(-1) + 2 * exp(-2) * 2) / 3, 1e-14);
    CHECK_NEAR("slope 0", d[0], -exp(-1) / 3, 1e-15);
    CHECK_NEAR("slope 1", d[1], -2 * exp(-2) / 3, 1e-15);
    CHECK_NEAR("weight 0", d[2], 0, 0);
    for (size_t i = 0; i < 3; i++) CHECK_NEAR("entropy", e[i], 0, 0);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.item[0].name, "nll");
    CHECK_NEAR("nll", s.item[0].sum, 5, 1e-15);
    CHECK_NEAR("count", s.item[0].count, 3, 0);
}

/* -- The oracle ---------------------------------------------------------------------------------------------------- */

struct batch { /* its rows after one another */
    size_t start[CAP + 1], n_rows;
    float logp[CAP], mask[CAP];
    double total;
};

static const json_t *named(const json_t *list, const char *key, const char *name)
{
    size_t i;
    json_t *v;
    json_array_foreach ((json_t *)list, i, v)
        if (!strcmp(json_string_value(json_object_get(v, key)), name)) return v;
    fail_msg("the oracle has no %s", name);
    return NULL;
}

static void load_batch(const json_t *from, struct batch *b)
{
    const json_t *logp = json_object_get(from, "logp"), *mask = json_object_get(from, "mask");
    *b = (struct batch){.n_rows = json_array_size(logp)};
    size_t n = 0;
    for (size_t r = 0; r < b->n_rows; r++) {
        const json_t *row = json_array_get(logp, r), *kept = json_array_get(mask, r);
        for (size_t i = 0; i < json_array_size(row); i++, n++) {
            assert_true(n < CAP);
            b->logp[n] = (float)json_number_value(json_array_get(row, i));
            b->mask[n] = (float)json_number_value(json_array_get(kept, i));
            b->total += (double)b->mask[n];
        }
        b->start[r + 1] = n;
    }
}

static void check_case(const json_t *c, const json_t *batches, const struct raml_objective *o)
{
    struct raml_err err = {0};
    struct batch b;
    double d[CAP];
    struct raml_objective_out out = {.loss = NAN, .d_logp = d};
    const char *id = json_string_value(json_object_get(c, "id"));
    load_batch(named(batches, "name", json_string_value(json_object_get(c, "batch"))), &b);
    const struct raml_terms t = terms_of(b.start, b.n_rows, b.logp, b.mask, b.total);
    CHECK_OK(o->evaluate(o->user, &t, &out, &err));
    double want = json_number_value(json_object_get(c, "loss"));
    CHECK_NEAR(id, out.loss, want, 1e-10 * fabs(want));
    const json_t *slopes = json_object_get(c, "dloss_dlogp");
    size_t n = 0;
    for (size_t r = 0; r < b.n_rows; r++)
        for (size_t i = 0; i < json_array_size(json_array_get(slopes, r)); i++, n++) {
            want = json_number_value(json_array_get(json_array_get(slopes, r), i));
            CHECK_NEAR(id, d[n], want, 1e-10 * fabs(want));
        }
    assert_int_equal(n, b.start[b.n_rows]);
}

static void test_oracle(void **state)
{
    (void)state;
    json_t *root = json_load_file(RAML_SHARED "/oracle/policy_gradient_2026.json", 0, NULL);
    if (!root) {
        fprintf(stderr, "SKIPPED: %s/oracle/policy_gradient_2026.json is absent: SFT and DFT were NOT compared\n",
                RAML_SHARED);
        skip();
    }
    const struct raml_objective sft = raml_sft_objective(), dft = raml_dft_objective();
    const json_t *cases = json_object_get(root, "cases"), *batches = json_object_get(root, "batches");
    size_t i, n_sft = 0, n_dft = 0;
    json_t *c;
    json_array_foreach ((json_t *)cases, i, c) {
        const char *kind = json_string_value(json_object_get(json_object_get(c, "settings"), "policy_loss"));
        if (!kind || (strcmp(kind, "nll") != 0 && strcmp(kind, "dft") != 0)) continue;
        bool is_sft = !strcmp(kind, "nll");
        n_sft += is_sft;
        n_dft += !is_sft;
        check_case(c, batches, is_sft ? &sft : &dft);
    }
    assert_int_equal(n_sft, 2);
    assert_int_equal(n_dft, 2);
    json_decref(root);
}

/* -- Slopes and parts ---------------------------------------------------------------------------------------------- */

static const size_t rows[] = {0, 2, 2, 5, 6}; /* the second one is empty */
static const float some_logp[] = {-0.25f, -1.5f, -3, -0.5f, -2, -0.125f}, some_weight[] = {1, 1, 2, 0.25f, 0, 1};
static const double some_total = 5.25;

/* The slope of the loss, taken with the factors that are constants to the gradient held: DFT's loss without them has
 * the slope - w p (1 + logp) / total. */
static void test_slopes(void **state)
{
    (void)state;
    const struct raml_objective list[] = {raml_sft_objective(), raml_dft_objective()};
    for (size_t k = 0; k < COUNT(list); k++) {
        struct raml_err err = {0};
        float logp[6];
        double d[6];
        memcpy(logp, some_logp, sizeof logp);
        struct raml_terms t = terms_of(rows, 4, logp, some_weight, some_total);
        struct raml_objective_out out = {.d_logp = d};
        CHECK_OK(list[k].evaluate(list[k].user, &t, &out, &err));
        for (size_t i = 0; i < 6; i++) {
            const float h = 0x1p-10f;
            logp[i] = some_logp[i] + h;
            double up = loss_of(&list[k], &t);
            logp[i] = some_logp[i] - h;
            double down = loss_of(&list[k], &t);
            logp[i] = some_logp[i];
            double held = k == 0 ? 1.0 : 1.0 + (double)logp[i];
            CHECK_NEAR(list[k].name, d[i] * held, (up - down) / (2 * (double)h), 2e-7);
        }
    }
}

static void test_parts(void **state)
{
    (void)state;
    const struct raml_objective list[] = {raml_sft_objective(), raml_dft_objective()};
    for (size_t k = 0; k < COUNT(list); k++)
        for (size_t cut = 0; cut <= 4; cut++) {
            struct raml_err err = {0};
            double whole[6], d[6] = {7, 7, 7, 7, 7, 7};
            struct raml_statistics all = {0}, first = {0}, rest = {0};
            struct raml_terms t = terms_of(rows, 4, some_logp, some_weight, some_total);
            struct raml_objective_out out = {NAN, whole, NULL, &all}, a = {NAN, d, NULL, &first};
            struct raml_objective_out b = {NAN, d, NULL, &rest};
            CHECK_OK(list[k].evaluate(list[k].user, &t, &out, &err));
            t.n_rows = cut;
            CHECK_OK(list[k].evaluate(list[k].user, &t, &a, &err));
            for (size_t i = rows[cut]; i < 6; i++) CHECK_NEAR("of another part", d[i], 7, 0);
            t.first_row = cut;
            t.n_rows = 4 - cut;
            CHECK_OK(list[k].evaluate(list[k].user, &t, &b, &err));
            CHECK_NEAR(list[k].name, a.loss + b.loss, out.loss, 1e-15);
            assert_memory_equal(d, whole, sizeof d);
            raml_statistics_join(&first, &rest);
            CHECK_OK(raml_statistics_status(&first, &err));
            assert_int_equal(first.n, all.n);
            for (size_t i = 0; i < all.n; i++) {
                CHECK_NEAR(all.item[i].name, first.item[i].sum, all.item[i].sum, 1e-14);
                CHECK_NEAR(all.item[i].name, first.item[i].count, all.item[i].count, 0);
            }
        }
}

static void test_refused(void **state)
{
    (void)state;
    const struct raml_objective list[] = {raml_sft_objective(), raml_dft_objective()};
    static const double totals[] = {0, -1, NAN, INFINITY};
    static const size_t start[] = {0, 1, 2};
    static const float logp[] = {-1, -1}, bad[] = {1, -1};
    for (size_t k = 0; k < COUNT(list); k++) {
        struct raml_err err = {0};
        double d[2] = {7, 7};
        struct raml_objective_out out = {.loss = 7, .d_logp = d};
        for (size_t i = 0; i < COUNT(totals); i++) {
            struct raml_terms t = terms_of(start, 2, logp, NULL, totals[i]);
            assert_int_equal(list[k].evaluate(list[k].user, &t, &out, &err), RAML_ERANGE);
        }
        struct raml_terms t = terms_of(start, 2, logp, bad, 1);
        assert_int_equal(list[k].evaluate(list[k].user, &t, &out, &err), RAML_ERANGE);
        assert_string_equal(err.msg, "loss: weight of token 1 is -1; expected 0 or more");
        assert_true(out.loss == 7 && d[0] == 7 && d[1] == 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sft_values), cmocka_unit_test(test_dft_values), cmocka_unit_test(test_oracle),
        cmocka_unit_test(test_slopes),     cmocka_unit_test(test_parts),      cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
