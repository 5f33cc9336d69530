/* test_fork.c - losses of edited trajectories: each against the edited text traced by itself; bounds, counts, faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/arena.h"
#include "inner/fork.h"
#include "inner/trace_rig.h"
#include "raml/rng.h"

enum { MAX_EDITS = 24, MAX_TEXT = 2 * T_LONG };

struct text {
    int32_t token[MAX_TEXT];
    size_t n;
};

static void put(struct text *x, const int32_t *token, size_t n)
{
    assert_true(x->n + n <= MAX_TEXT);
    if (n) memcpy(x->token + x->n, token, n * sizeof *token);
    x->n += n;
}

/* L after a trajectory of its own, traced alone. */
static double alone(const struct raml_model *m, const struct raml_trace_input *in, const struct text *trajectory)
{
    struct raml_trace_input x = *in;
    struct raml_loss_curve c = {0};
    const uint32_t at[] = {0, (uint32_t)trajectory->n};
    x.trajectory = trajectory->token;
    x.n_trajectory = trajectory->n;
    x.at = trajectory->n ? at : at + 1;
    x.n_at = trajectory->n ? 2 : 1;
    trace(m, 1, 1 << 20, &x, 1, &c);
    double loss = c.loss[c.n_points - 1];
    raml_loss_curve_deinit(&c);
    return loss;
}

static size_t random_edits(struct raml_rng *r, const struct fixture *f, const struct raml_trace_input *in,
                           struct raml_fork_edit *edit)
{
    size_t n = 1 + raml_rng_below(r, MAX_EDITS);
    uint32_t T = (uint32_t)in->n_trajectory;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = raml_rng_below(r, T + 1),
                 resume = at + (raml_rng_below(r, 2) ? raml_rng_below(r, T - at + 1) : 0);
        edit[i] = (struct raml_fork_edit){.at = at,
                                          .resume = resume,
                                          .token = f->token + raml_rng_below(r, 40),
                                          .n_token = raml_rng_below(r, 4),
                                          .gap = f->token + raml_rng_below(r, 40),
                                          .n_gap = raml_rng_below(r, 3)};
    }
    return n;
}

static void check_edit(const struct fixture *f, const struct raml_trace_input *in, const struct raml_fork_edit *e,
                       const struct raml_fork_loss *loss)
{
    struct text now = {.n = 0};
    put(&now, in->trajectory, e->at);
    put(&now, e->token, e->n_token);
    struct text carried = now;
    if (e->resume < in->n_trajectory) {
        put(&carried, e->gap, e->n_gap);
        put(&carried, in->trajectory + e->resume, in->n_trajectory - e->resume);
    }
    CHECK_NEAR("now", loss->now, alone(f->model, in, &now), 2e-5);
    CHECK_NEAR("carried", loss->carried, alone(f->model, in, &carried), 2e-5);
}

/* Every result of the tree is that of its path run alone, whatever the bound. */
static void equals_alone(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_rng r = {.key = {5, RAML_FOR_TEST, 1, 0, 0}};
    static const size_t bound[] = {1 << 20, 300, 1};
    for (size_t i = 0; i < N_INPUTS; i++)
        for (size_t b = 0; b < COUNT(bound); b++) {
            struct raml_fork_edit edit[MAX_EDITS];
            struct raml_fork_loss loss[MAX_EDITS];
            struct raml_forker *forker;
            size_t n = random_edits(&r, f, &f->in[i], edit);
            CHECK_OK(raml_forker_open(f->model, bound[b], &forker, &err));
            CHECK_OK(raml_forker_run(forker, &f->in[i], edit, n, loss, &err));
            for (size_t k = 0; k < n; k++) check_edit(f, &f->in[i], &edit[k], &loss[k]);
            raml_forker_close(forker);
        }
}

/* The trunk is read once for all edits, and counted so. */
static void counts(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_trace_input in = f->in[2]; /* 9 prompt tokens, 33 of trajectory, no prefix, an answer of 2 */
    const struct raml_fork_edit edit[] = {{.at = 10, .resume = 10, .token = f->token, .n_token = 2},
                                          {.at = 20, .resume = 25},
                                          {.at = 33, .resume = 33, .token = f->token, .n_token = 1}};
    struct raml_fork_loss loss[3];
    struct raml_forker *forker;
    CHECK_OK(raml_forker_open(f->model, 1 << 20, &forker, &err));
    CHECK_OK(raml_forker_run(forker, &in, edit, 3, loss, &err));
    /* prompt, trunk; word, probe, rest, probe; probe, rest, probe; word, probe */
    assert_int_equal(raml_forker_tokens(forker), 9 + 33 + (2 + 1 + 23 + 1) + (1 + 8 + 1) + (1 + 1));
    assert_int_equal(raml_fork_own_tokens(&in, edit, 3),
                     (9 + 10 + 2 + 1) + (9 + 10 + 2 + 23 + 1) + (9 + 20 + 1) + (9 + 20 + 8 + 1) + (9 + 33 + 1 + 1));
    CHECK_NEAR("nothing follows", loss[2].carried, loss[2].now, 0);
    raml_forker_close(forker);
}

/* An edit that changes nothing leaves the curve as it is, to the last bit of the same split. */
static void no_change(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_trace_input in = f->in[0];
    struct raml_fork_edit edit[MAX_EDITS];
    struct raml_fork_loss loss[MAX_EDITS];
    struct raml_loss_curve c = {0};
    struct raml_forker *forker;
    for (uint32_t i = 0; i < MAX_EDITS; i++) edit[i] = (struct raml_fork_edit){.at = 6 * i, .resume = 6 * i};
    trace(f->model, 1, 1 << 20, &in, 1, &c);
    CHECK_OK(raml_forker_open(f->model, 1 << 20, &forker, &err));
    CHECK_OK(raml_forker_run(forker, &in, edit, MAX_EDITS, loss, &err));
    for (size_t i = 0; i < MAX_EDITS; i++) {
        CHECK_NEAR("L(i)", loss[i].now, c.loss[6 * i], 2e-5);
        CHECK_NEAR("L(T)", loss[i].carried, c.loss[T_LONG], 2e-5);
    }
    raml_loss_curve_deinit(&c);
    raml_forker_close(forker);
}

static void faults(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_forker *forker = NULL;
    struct raml_trace_input in = f->in[2];
    const int32_t bad[] = {3, 999999};
    static int32_t many[9000];
    const struct {
        struct raml_fork_edit edit;
        const char *message;
    } cases[] = {
        {{.at = 5, .resume = 4}, "edit 2: keeps 5 tokens and goes on after 4; expected 0 <= kept <= after <= 33"},
        {{.at = 5, .resume = 34}, "edit 2: keeps 5 tokens and goes on after 34; expected 0 <= kept <= after <= 33"},
        {{.at = 5, .resume = 5, .token = bad, .n_token = 2}, "edit 2: what is put in: token 2 is 999999"},
        {{.at = 5, .resume = 5, .gap = bad, .n_gap = 2}, "edit 2: what is put in between: token 2 is 999999"},
        {{.at = 5, .resume = 5, .token = many, .n_token = COUNT(many)}, "is longer than the model's context ("},
    };
    assert_int_equal(raml_forker_open(f->model, 0, &forker, &err), RAML_ERANGE);
    CHECK_OK(raml_forker_open(f->model, 500, &forker, &err));
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct raml_fork_edit edit[] = {{.at = 1, .resume = 2}, cases[i].edit};
        struct raml_fork_loss loss[2] = {{7, 7}, {7, 7}};
        assert_int_equal(raml_forker_run(forker, &in, edit, 2, loss, &err), RAML_ERANGE);
        if (!strstr(err.msg, cases[i].message)) fail_msg("'%s' is not in '%s'", cases[i].message, err.msg);
        CHECK_NEAR("output as before", loss[0].now, 7, 0);
    }
    raml_forker_close(forker);
    raml_forker_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_alone), cmocka_unit_test(counts),
                                       cmocka_unit_test(no_change), cmocka_unit_test(faults)};
    return cmocka_run_group_tests(tests, enter, leave);
}
