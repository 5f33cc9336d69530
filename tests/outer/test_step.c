/* A step's trees as rows of tokens: against a plain count of spans and targets, at awkward sizes, used again and again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "outer/step.h"
#include "raml/rng.h"

#include "check_near.h"

enum { MOST_SPANS = 9, MOST_TREES = 40 };

struct plain { /* what a step should hold */
    size_t n_trees, n_rows, n, n_read;
    size_t tree_row[MOST_TREES + 1], start[MOST_TREES * MOST_SPANS + 1];
};

/* A random tree: spans of 0 to 12 tokens, with targets from somewhere on (or none), some with one after their end. */
static void add_tree(struct raml_step *s, struct raml_rng *rng, struct plain *p)
{
    struct raml_err err = {0};
    struct raml_tree *tree;
    size_t row, first = p->n_rows;
    uint32_t n_spans = 1 + raml_rng_below(rng, MOST_SPANS);
    CHECK_OK(raml_step_tree(s, &tree, &err));
    assert_int_equal(tree->n_spans, 0);
    for (uint32_t i = 0; i < n_spans; i++) {
        int32_t token[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, span;
        uint32_t n = i ? raml_rng_below(rng, 13) : 1 + raml_rng_below(rng, 12), from = raml_rng_below(rng, n + 1),
                 parent = i ? raml_rng_below(rng, i) : 0;
        if (!i && !from) from = 1; /* nothing comes before a root's first token */
        CHECK_OK(
            raml_tree_add(tree, i ? (int32_t)parent : -1, i ? tree->span[parent].n : 0, token, n, from, &span, &err));
        bool end = raml_rng_below(rng, 2);
        if (end) CHECK_OK(raml_tree_add_end_target(tree, span, 1, &err));
        size_t targets = n - from + end;
        p->n_read += n;
        if (!targets) continue;
        p->n += targets;
        p->start[++p->n_rows] = p->n;
    }
    CHECK_OK(raml_step_rows(s, &row, &err));
    assert_int_equal(row, first);
    p->tree_row[++p->n_trees] = p->n_rows;
}

static void check_terms(const struct raml_step *s, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        assert_true(s->weight[i] == 1.0F);
        assert_true(!s->old_logp || isnan(s->old_logp[i]));
        assert_true(!s->mu_logp || isnan(s->mu_logp[i]));
        assert_true(!s->ref_logp || isnan(s->ref_logp[i]));
        assert_true(!s->advantage || s->advantage[i] == 0);
        assert_true(!s->correction || s->correction[i] == 1);
        assert_true(!s->scale || s->scale[i] == 0);
        assert_true(!s->kl_scale || (s->kl_scale[i] == 0 && s->entropy_scale[i] == 0));
        assert_true(!s->likelihood || s->likelihood[i] == 0);
    }
}

static void spoil(const struct raml_step *s)
{
    for (size_t i = 0; i < s->n; i++) {
        s->weight[i] = 7;
        s->logp[i] = s->entropy[i] = 7;
        s->d_logp[i] = s->d_entropy[i] = 7;
        if (s->advantage) s->advantage[i] = s->correction[i] = 7;
        if (s->old_logp) s->old_logp[i] = 7;
    }
    for (size_t r = 0; r < s->n_rows; r++) {
        s->reward[r] = s->ref_sum[r] = 7;
        s->group[r] = 7;
        s->pair[r] = -7;
        s->row[r] = (struct raml_step_row){NULL, 7};
    }
}

static void check_step(const struct raml_step *s, const struct plain *p)
{
    assert_int_equal(s->n_trees, p->n_trees);
    assert_int_equal(s->n_rows, p->n_rows);
    assert_int_equal(s->n, p->n);
    assert_int_equal(s->n_read, p->n_read);
    assert_memory_equal(s->tree_row, p->tree_row, (p->n_trees + 1) * sizeof *p->tree_row);
    if (p->n_rows) assert_memory_equal(s->start, p->start, (p->n_rows + 1) * sizeof *p->start);
    for (size_t r = 0; r < s->n_rows; r++) {
        assert_true(s->reward[r] == 0 && s->ref_sum[r] == 0);
        assert_int_equal(s->group[r], 0);
        assert_int_equal(s->pair[r], 0);
        assert_null(s->row[r].question);
        assert_int_equal(s->row[r].trajectory, 0);
    }
    check_terms(s, 0, s->n);
}

static void test_rows(void **state)
{
    (void)state;
    static const unsigned has[] = {0, RAML_STEP_OLD | RAML_STEP_ADVANTAGE | RAML_STEP_CORRECTION, 255};
    struct raml_rng rng = {{.seed = 3, .purpose = RAML_FOR_SHUFFLE}, 0};
    for (size_t h = 0; h < sizeof has / sizeof *has; h++) {
        struct raml_step s = {.has = has[h]};
        for (int round = 0; round < 30; round++) { /* what an earlier step left must not be seen */
            struct plain p = {0};
            raml_step_clear(&s);
            assert_true(s.n_rows == 0 && s.n == 0 && s.total == 0 && s.trained == 0 && s.n_read == 0);
            for (uint32_t n = 1 + raml_rng_below(&rng, MOST_TREES); n; n--) add_tree(&s, &rng, &p);
            check_step(&s, &p);
            spoil(&s);
            s.total = s.trained = s.n_pairs = 5;
        }
        assert_true(!s.old_logp == !(has[h] & RAML_STEP_OLD));
        assert_true(!s.mu_logp == !(has[h] & RAML_STEP_MU));
        assert_true(!s.likelihood == !(has[h] & RAML_STEP_LIKELIHOOD));
        raml_step_deinit(&s);
        assert_true(s.tree == NULL && s.cap == 0);
    }
}

static void test_terms(void **state)
{
    (void)state;
    struct raml_rng rng = {{.seed = 4, .purpose = RAML_FOR_SHUFFLE}, 0};
    struct raml_step s = {.has = 255};
    struct plain p = {0};
    while (p.n_rows < 5) add_tree(&s, &rng, &p);
    s.total = 12;
    s.n_pairs = 3;
    struct raml_terms before = raml_step_terms(&s, 2, 3, false), after = raml_step_terms(&s, 2, 3, true);
    assert_true(before.logp == NULL && before.entropy == NULL);
    assert_true(after.logp == s.logp && after.entropy == s.entropy);
    assert_true(before.first_row == 2 && before.n_rows == 3 && before.start == s.start);
    assert_true(before.weight == s.weight && before.old_logp == s.old_logp && before.mu_logp == s.mu_logp &&
                before.ref_logp == s.ref_logp && before.advantage == s.advantage && before.correction == s.correction &&
                before.scale == s.scale && before.kl_scale == s.kl_scale && before.entropy_scale == s.entropy_scale &&
                before.likelihood == s.likelihood);
    assert_true(before.reward == s.reward && before.group == s.group && before.pair == s.pair &&
                before.ref_sum == s.ref_sum && before.total == 12 && before.n_pairs == 3);
    raml_step_deinit(&s);
}

/* A rank without questions has terms without rows: they can be read all the same. */
static void test_without_rows(void **state)
{
    (void)state;
    struct raml_step s = {0};
    struct raml_terms t = raml_step_terms(&s, 0, 0, true);
    assert_non_null(t.start);
    assert_int_equal(t.start[0], 0);
    raml_step_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_terms),
                                       cmocka_unit_test(test_without_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
