/* The stream of questions: which trajectories are selected how often, in which order questions come, how many steps the
 * limits allow. Works on a dataset made by hand: no tokens, no model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "outer/training_set.h"

#include "check_near.h"

enum { N = 5, N_CANDIDATES = 12 };

struct hand {
    struct training_set set;
    struct training_item item[N];
    struct candidate candidate[N_CANDIDATES];
    uint32_t order[N];
};

/* Questions 0, 10, …, 40 with 1, 2, 4, 0 and 5 trajectories; prompts of 10 tokens, trajectory k of 100 + k. */
static void hand_init(struct hand *h, size_t rows, uint64_t seed)
{
    static const size_t n[N] = {1, 2, 4, 0, 5};
    size_t at = 0;
    memset(h, 0, sizeof *h);
    for (size_t i = 0; i < N; i++) {
        h->item[i] = (struct training_item){.question = (uint32_t)(10 * i), .n_tokens = 10, .first = at, .n = n[i]};
        for (size_t k = 0; k < n[i]; k++, at++)
            h->candidate[at] = (struct candidate){.trajectory = (uint32_t)k, .n_tokens = (uint32_t)(100 + k)};
    }
    h->set = (struct training_set){.item = h->item,
                                   .candidate = h->candidate,
                                   .n = N,
                                   .n_candidates = at,
                                   .trajectories = rows,
                                   .seed = seed,
                                   .order = {.seed = seed, .item = h->order, .n = N},
                                   .name = "hand"};
}

static void test_selections(void **state)
{
    (void)state;
    struct raml_err err = {0};
    for (size_t rows = 0; rows <= 13; rows++) {
        struct hand h;
        struct selection d;
        hand_init(&h, rows, 3);
        CHECK_OK(raml_selection_init(&d, &h.set, &err));
        for (uint32_t i = 0; i < N; i++)
            for (uint64_t epoch = 0; epoch < 20; epoch++) {
                raml_select_item(&h.set, i, epoch, &d);
                size_t n = h.item[i].n, sum = 0, tokens = 10;
                if (rows == 0 || n == 0) {
                    assert_int_equal(d.n, 0);
                    assert_int_equal(d.n_tokens, 10);
                    continue;
                }
                assert_int_equal(d.n, rows < n ? rows : n);
                for (size_t k = 0; k < d.n; k++) {
                    assert_true(d.selected[k] < n && (k == 0 || d.selected[k] > d.selected[k - 1]));
                    assert_true(d.times[k] == rows / n || d.times[k] == rows / n + 1);
                    sum += d.times[k];
                    tokens += 100 + d.selected[k];
                }
                assert_int_equal(sum, rows); /* every question weighs the same number of rows */
                assert_int_equal(d.n_tokens, tokens);
            }
        raml_selection_deinit(&d);
    }
}

/* 2 of 5 trajectories: over many epochs each pair comes about equally often. 3000 selections of 10 pairs: 300, within
 * five deviations of sqrt(3000 * 0.1 * 0.9) = 16. */
static void test_selections_are_even(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct hand h;
    struct selection d;
    int count[5][5] = {{0}};
    hand_init(&h, 2, 7);
    CHECK_OK(raml_selection_init(&d, &h.set, &err));
    for (uint64_t epoch = 0; epoch < 3000; epoch++) {
        raml_select_item(&h.set, 4, epoch, &d);
        count[d.selected[0]][d.selected[1]]++;
    }
    for (int a = 0; a < 5; a++)
        for (int b = a + 1; b < 5; b++) CHECK_NEAR("pairs selected", count[a][b], 300, 82);
    raml_selection_deinit(&d);
}

static void test_order(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct hand h, other;
    struct selection d;
    uint32_t first[N * 4];
    hand_init(&h, 1, 5);
    hand_init(&other, 1, 5);
    CHECK_OK(raml_selection_init(&d, &h.set, &err));
    bool changed = false;
    for (uint64_t p = 0; p < N * 4; p++) {
        raml_select_at(&h.set, p, &d);
        first[p] = d.item;
        changed |= p >= N && first[p] != first[p - N];
    }
    assert_true(changed); /* epochs differ */
    for (size_t epoch = 0; epoch < 4; epoch++) {
        unsigned seen = 0;
        for (size_t i = 0; i < N; i++) seen |= 1u << first[epoch * N + i];
        assert_int_equal(seen, (1u << N) - 1); /* each question once per epoch */
    }
    for (uint64_t p = N * 4; p-- > 0;) { /* entered anywhere, the stream is the same */
        raml_select_at(&other.set, p, &d);
        assert_int_equal(d.item, first[p]);
    }
    raml_selection_deinit(&d);
}

static void test_plan(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int64_t max_steps;
        double epochs;
        int64_t token_budget;
        int64_t batch;
        uint64_t want;
    } cases[] = {
        {"steps", 7, 0, 0, 2, 7},
        {"two epochs of 5 in threes", 0, 2, 0, 3, 4},
        {"a fifth of an epoch", 0, 0.2, 0, 3, 1},
        {"half an epoch is 3 questions", 0, 0.5, 0, 1, 3},
        {"0.6 is 3 too, not 4 by rounding", 0, 0.6, 0, 1, 3},
        {"first limit: steps", 3, 100, 0, 3, 3},
        {"first limit: epochs", 100, 1, 0, 3, 2},
        {"tokens: one epoch is 50 without trajectories", 0, 0, 50, 5, 1},
        {"tokens: one more is one step more", 0, 0, 51, 5, 2},
        {"first limit: tokens", 100, 100, 40, 2, 2},
        {"tokens beyond the data's end", 0, 1, 1000000, 2, 3},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct hand h;
        struct training_plan p;
        hand_init(&h, 0, 0);
        struct raml_train_options o = raml_train_default();
        o.max_steps = cases[i].max_steps;
        o.num_train_epochs = cases[i].epochs;
        o.token_budget = cases[i].token_budget;
        o.batch_size = cases[i].batch;
        CHECK_OK(raml_training_plan_init(&p, &h.set, &o, &err));
        if (p.n_steps != cases[i].want) print_error("%s\n", cases[i].what);
        assert_int_equal(p.n_steps, cases[i].want);
    }
}

static void test_settings(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_train_options o = raml_train_default();
    assert_int_equal(raml_train_check(&o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg,
                        "no length is set: give max_steps, num_train_epochs or token_budget (the first reached "
                        "ends training)");
    o.max_steps = 1;
    CHECK_OK(raml_train_check(&o, &err));
    o.learning_rate = NAN;
    assert_int_equal(raml_train_check(&o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "learning_rate is nan; expected a number from 1e-30 to 1000");
    o = raml_train_default();
    o.max_steps = 1;
    o.batch_size = 0;
    assert_int_equal(raml_train_check(&o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "batch_size is 0; expected an integer from 1 to 16777216");
    o = raml_train_default();
    o.max_steps = 1;
    o.lr_scheduler_type = 3;
    assert_int_equal(raml_train_check(&o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "lr_scheduler_type is 3; expected one of cosine, linear, constant");
    o = raml_train_default();
    o.max_steps = -1; /* a limit below 0 is none of the lengths */
    assert_int_equal(raml_train_check(&o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "max_steps is -1; expected an integer from 0 to 1000000000000000");
    /* Words are numbered as the enum is. */
    static const char *const words[] = {
        [RAML_DECAY_COSINE] = "cosine", [RAML_DECAY_LINEAR] = "linear", [RAML_DECAY_CONSTANT] = "constant"};
    const struct raml_setting *row =
        raml_settings_find(raml_train_settings, raml_n_train_settings, "lr_scheduler_type");
    assert_non_null(row);
    for (int i = 0; i < (int)COUNT(words); i++) {
        CHECK_OK(raml_settings_set(row, &o, words[i], &err));
        assert_int_equal(o.lr_scheduler_type, i);
    }
}

static void test_presets(void **state)
{
    struct raml_err err = {0};
    struct raml_train_options o = raml_train_default();
    (void)state;
    o.max_steps = 5;
    CHECK_OK(raml_train_preset("trl-2026-07", &o, &err));
    CHECK_OK(raml_train_check(&o, &err));
    assert_true(o.learning_rate == 2e-5 && o.lr_scheduler_type == RAML_DECAY_LINEAR && o.adam_beta2 == 0.999);
    assert_true(o.weight_decay == 0 && o.min_lr_ratio == 0 && o.max_steps == 5);
    CHECK_OK(raml_train_preset("trl-dpo-2026-07", &o, &err));
    assert_true(o.learning_rate == 1e-6 && o.adam_beta2 == 0.999 && o.batch_size == 8);
    for (size_t i = 0; raml_train_preset_name(i); i++) CHECK_OK(raml_train_preset(raml_train_preset_name(i), &o, &err));
    assert_string_equal(raml_train_preset_name(2), "paper");
    assert_null(raml_train_preset_name(3));
    assert_int_equal(raml_train_preset("trl-2026-06", &o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "there is no preset 'trl-2026-06'; did you mean 'trl-2026-07'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selections), cmocka_unit_test(test_selections_are_even),
        cmocka_unit_test(test_order),      cmocka_unit_test(test_plan),
        cmocka_unit_test(test_settings),   cmocka_unit_test(test_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
