/* The token tree against its simplest model, and every fault with its message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "naive.h"

static void check_tree(const struct raml_tree *t, const struct naive *m)
{
    assert_int_equal(t->n_tokens, m->n);
    assert_int_equal(t->n_spans, m->n_spans);
    assert_int_equal(t->n_targets, m->n_targets);
    assert_memory_equal(t->token, m->token, m->n * sizeof *m->token);
    for (size_t s = 0; s < t->n_spans; s++) {
        const struct raml_span *span = &t->span[s];
        assert_int_equal(span->n, m->own[s]);
        assert_int_equal(span->depth, m->path_n[s] - m->own[s]);
        for (uint32_t i = 0; i < span->n; i++)
            assert_int_equal(raml_tree_parent_token(t, (int32_t)s, i), m->parent[span->start + i]);
        /* after the span's last token: what a child there would follow */
        int64_t last = m->path_n[s] ? m->path[s][m->path_n[s] - 1] : -1;
        assert_int_equal(raml_tree_parent_token(t, (int32_t)s, span->n), last);
    }
}

static void test_random(void **state)
{
    (void)state;
    struct raml_rng r = {{.seed = 1, .purpose = RAML_FOR_TEST}, 0};
    struct raml_tree t = {0};
    for (int i = 0; i < 60; i++) {
        struct naive m;
        naive_init(&m);
        raml_tree_clear(&t);
        random_tree(&t, &m, &r, 100, (size_t)(i % 30) + 1, i % 3 ? 9 : 100);
        check_tree(&t, &m);
        naive_deinit(&m);
    }
    raml_tree_deinit(&t);
    assert_null(t.span);
    assert_null(t.token);
}

/* The picture in tree.h. */
static void test_picture(void **state)
{
    (void)state;
    const int32_t q[] = {1, 2, 3}, t12[] = {11, 12}, a[] = {21};
    struct raml_tree t = {0};
    int32_t root, traj, probe;
    assert_int_equal(raml_tree_add(&t, -1, 0, q, 3, 3, &root, NULL), RAML_OK);
    assert_int_equal(raml_tree_add(&t, root, 3, t12, 2, 0, &traj, NULL), RAML_OK);
    for (uint32_t i = 0; i <= 2; i++) assert_int_equal(raml_tree_add(&t, traj, i, a, 1, 0, &probe, NULL), RAML_OK);
    assert_int_equal(probe, 4);
    assert_int_equal(t.n_targets, 5);
    const int64_t parent[] = {2, 3, 4};
    const uint32_t depth[] = {3, 4, 5};
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(raml_tree_parent_token(&t, i + 2, 0), parent[i]);
        assert_int_equal(t.span[i + 2].depth, depth[i]);
    }
    assert_int_equal(raml_tree_parent_token(&t, traj, 0), 2);
    assert_int_equal(raml_tree_parent_token(&t, root, 0), -1);
    raml_tree_deinit(&t);
}

static void test_faults(void **state)
{
    (void)state;
    static const int32_t token[3] = {7, 8, 9};
    static const struct {
        bool empty; /* on a tree without spans */
        int32_t parent;
        uint32_t after;
        size_t n, first_target;
        const char *msg;
    } faults[] = {
        {true, 0, 0, 3, 3, "token tree: the first span is a root; parent -1 expected"},
        {true, -1, 0, 3, 0, "token tree: the first token of a root has no token before it and can't be a target"},
        {true, -1, 0, 3, 4, "token tree: targets from token 4 of a span of 3"},
        {false, -1, 0, 3, 0, "token tree: the first token of a root has no token before it and can't be a target"},
        {false, 2, 0, 3, 3, "token tree: parent 2 of span 2 does not come before it"},
        {false, -7, 0, 3, 3, "token tree: parent -7 of span 2 does not come before it"},
        {false, 0, 4, 3, 3, "token tree: span 2 hangs after token 4 of span 0, which has 3"},
        {false, 1, 1, 3, 3, "token tree: span 2 hangs after token 1 of span 1, which has 0"},
        {false, 0, UINT32_MAX, 3, 3, "token tree: span 2 hangs after token 4294967295 of span 0, which has 3"},
        {false, 0, 0, 3, 0, "token tree: the first token of a root has no token before it and can't be a target"},
        {false, 0, 1, 3, 5, "token tree: targets from token 5 of a span of 3"},
        {false, 0, 1, (size_t)INT32_MAX, 0, "token tree: more than 2^31 tokens"},
        {false, 0, 1, SIZE_MAX, 0, "token tree: more than 2^31 tokens"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct raml_tree t = {0}, before;
        struct raml_err err = {0};
        int32_t index = 99;
        if (!faults[i].empty) {
            assert_int_equal(raml_tree_add(&t, -1, 0, token, 3, 2, NULL, NULL), RAML_OK);
            assert_int_equal(raml_tree_add(&t, 0, 3, NULL, 0, 0, NULL, NULL), RAML_OK); /* an empty span */
        }
        before = t;
        enum raml_code rc = raml_tree_add(&t, faults[i].parent, faults[i].after, token, faults[i].n,
                                          faults[i].first_target, &index, &err);
        assert_int_equal(rc, RAML_ERANGE);
        assert_int_equal(err.code, RAML_ERANGE);
        assert_string_equal(err.msg, faults[i].msg);
        assert_memory_equal(&t, &before, sizeof t);
        assert_int_equal(index, 99);
        raml_tree_deinit(&t);
    }
}

/* A root that is empty: its children's first tokens have nothing before them either. */
static void test_empty_root(void **state)
{
    (void)state;
    const int32_t token[2] = {7, 8};
    struct raml_tree t = {0};
    assert_int_equal(raml_tree_add(&t, -1, 0, NULL, 0, 0, NULL, NULL), RAML_OK);
    assert_int_equal(raml_tree_add(&t, 0, 0, token, 2, 0, NULL, NULL), RAML_ERANGE);
    assert_int_equal(raml_tree_add(&t, 0, 0, token, 2, 1, NULL, NULL), RAML_OK);
    assert_int_equal(raml_tree_parent_token(&t, 1, 0), -1);
    assert_int_equal(raml_tree_parent_token(&t, 1, 1), 0);
    assert_int_equal(t.span[1].depth, 0);
    raml_tree_deinit(&t);
}

/* An end target is counted, and takes no token's place. */
static void test_end_target(void **state)
{
    (void)state;
    const int32_t token[] = {7, 8, 9};
    struct raml_tree t = {0};
    struct raml_pack p = {0};
    struct raml_err err = {0};
    assert_int_equal(raml_tree_add(&t, -1, 0, token, 3, 2, NULL, &err), RAML_OK);
    assert_int_equal(raml_tree_add(&t, 0, 2, token, 0, 0, NULL, &err), RAML_OK);
    assert_int_equal(raml_tree_add_end_target(&t, 0, 41, &err), RAML_OK);
    assert_int_equal(raml_tree_add_end_target(&t, 1, 42, &err), RAML_OK);
    assert_int_equal(t.n_tokens, 3);
    assert_int_equal(t.n_targets, 3);
    assert_int_equal(raml_tree_add_end_target(&t, 1, 43, &err), RAML_ERANGE); /* it has one */
    assert_int_equal(raml_tree_add_end_target(&t, 2, 43, &err), RAML_ERANGE); /* no such span */
    assert_int_equal(raml_tree_add_end_target(&t, -1, 43, &err), RAML_ERANGE);
    assert_int_equal(t.n_targets, 3);
    assert_int_equal(raml_pack_add(&p, &t, &err), RAML_OK);
    static const struct raml_target want[] = {{1, 9}, {2, 41}, {1, 42}};
    assert_int_equal(p.n_rows, 3);
    assert_int_equal(p.n_targets, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(p.target[i].row, want[i].row);
        assert_int_equal(p.target[i].token, want[i].token);
    }
    raml_pack_deinit(&p);
    raml_tree_deinit(&t);
    assert_int_equal(raml_tree_add(&t, -1, 0, token, 0, 0, NULL, &err), RAML_OK); /* an empty root: nothing before */
    assert_int_equal(raml_tree_add_end_target(&t, 0, 43, &err), RAML_ERANGE);
    raml_tree_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_picture), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_faults), cmocka_unit_test(test_empty_root),
                                       cmocka_unit_test(test_end_target)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
