/* Pairs of a right and a wrong trajectory: which there are, what is left out, their order, and their rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outer/trainer.h"

#include "outer/pair_set.h"

/* What the sink was given. */
struct heard {
    char text[1000];
};

static void on_message(void *user, const char *message)
{
    struct heard *h = user;
    snprintf(h->text + strlen(h->text), sizeof h->text - strlen(h->text), "%s\n", message);
}

/* A question with trajectories as `grades` says: r right, w wrong, u not graded, n wrong without an answer, l right and
 * longer than the context. */
static void add_question(struct raml_questions *qs, const char *grades)
{
    struct raml_err err = {0};
    char id[32], question[32], text[16][128];
    struct raml_trajectory t[16];
    size_t n = strlen(grades), i = qs->n;
    assert_true(n <= COUNT(t));
    snprintf(id, sizeof id, "q%zu", i);
    snprintf(question, sizeof question, "%zu+1=", i);
    for (size_t k = 0; k < n; k++) {
        snprintf(text[k], sizeof text[k], "t%zu%s", k,
                 grades[k] == 'l' ? " and on and on and on and on and on and on and on and on and on and on" : "");
        t[k] = (struct raml_trajectory){.text = text[k],
                                        .answer = grades[k] == 'n' ? NULL : "5",
                                        .correct = strchr("rl", grades[k])   ? RAML_EQUAL
                                                   : strchr("wn", grades[k]) ? RAML_DIFFERENT
                                                                             : RAML_UNKNOWN,
                                        .think_closed = true,
                                        .logp_sum = NAN};
    }
    struct raml_question q = {.id = id,
                              .question = question,
                              .answer = "7",
                              .difficulty = -1,
                              .trajectory = t,
                              .n_trajectories = n,
                              .line = i + 1};
    CHECK_OK(raml_questions_add(qs, &q, &err));
}

struct pairs { /* a set of questions given by their grades */
    struct bench *bench;
    struct raml_questions qs;
    struct raml_train_options opt;
    struct pair_set set;
};

static void add_questions_of(struct pairs *p, const char *const *grades, size_t n)
{
    raml_questions_init(&p->qs);
    for (size_t i = 0; i < n; i++) add_question(&p->qs, grades[i]);
}

static enum raml_code open_pairs(struct pairs *p, int64_t pairs_per_question, struct raml_err *err)
{
    struct raml_train_job job = {
        .model = p->bench->model, .tokenizer = p->bench->tokenizer, .format = raml_format_default()};
    memset(&p->set, 0, sizeof p->set);
    return raml_pair_set_init(&p->set, &job, &p->opt, pairs_per_question, &p->qs, "d.jsonl", 0, err);
}

static void begin(struct pairs *p, void **state)
{
    memset(p, 0, sizeof *p);
    p->bench = *state;
    if (!p->bench->model) new_model(p->bench, NULL);
    p->opt = options(10);
    p->opt.seed = 3;
}

static void end(struct pairs *p)
{
    raml_pair_set_deinit(&p->set);
    raml_questions_deinit(&p->qs);
}

/* Every pair of an epoch, in the order of the stream: question, right, wrong. */
static void stream(struct pairs *p, uint64_t epoch, size_t out[][3])
{
    for (size_t k = 0; k < p->set.n; k++) {
        struct chosen_pair c;
        raml_pair_at(&p->set, epoch * p->set.n + k, &c);
        out[k][0] = p->set.item[c.item].question;
        out[k][1] = c.trajectory[0];
        out[k][2] = c.trajectory[1];
        const struct raml_question *q = &p->qs.question[out[k][0]];
        assert_int_equal(q->trajectory[out[k][1]].correct, RAML_EQUAL);
        assert_int_equal(q->trajectory[out[k][2]].correct, RAML_DIFFERENT);
    }
}

static void test_counts(void **state)
{
    static const char *const grades[] = {"rw", "r", "wwrr", "u", "rn", "", "rrrww", "w"};
    static const struct {
        int64_t most;
        size_t n;
    } cases[] = {{1, 3}, {2, 5}, {4, 9}, {5, 10}, {6, 11}, {1000000, 11}};
    struct pairs p;
    struct raml_err err = {0};
    begin(&p, state);
    add_questions_of(&p, grades, COUNT(grades));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct heard heard = {{0}};
        struct raml_sink sink = {.user = &heard, .line = on_message};
        CHECK_OK(open_pairs(&p, cases[i].most, &err));
        assert_int_equal(p.set.n, cases[i].n);
        assert_int_equal(p.set.n_items, 3);
        raml_pair_set_report(&p.set, &sink);
        assert_string_equal(heard.text,
                            "d.jsonl: 5 of 8 questions are left out: no pair of a right and a wrong trajectory\n"
                            "d.jsonl: 1 trajectories are left out: not graded\n"
                            "d.jsonl: 1 wrong trajectories are left out: they have no answer\n");
        raml_pair_set_deinit(&p.set);
    }
    p.opt.support_size = 2; /* of "wwrr" only the wrong ones, of "rrrww" only right ones */
    CHECK_OK(open_pairs(&p, 9, &err));
    assert_int_equal(p.set.n, 1);
    end(&p);
}

/* Pairs of a question are all different, and each trajectory is used as often as the others of its side, or once more. */
static void test_even(void **state)
{
    static const char *const shapes[] = {"rrrww", "rrwwww", "rrrwwwwww", "rw", "rwwwww"};
    struct pairs p;
    struct raml_err err = {0};
    for (size_t s = 0; s < COUNT(shapes); s++) {
        size_t most = 0, seen[64][3];
        do {
            begin(&p, state);
            add_questions_of(&p, &shapes[s], 1);
            CHECK_OK(open_pairs(&p, (int64_t)++most, &err));
            for (uint64_t epoch = 0; epoch < 5; epoch++) {
                size_t used[16] = {0}, least[2] = {99, 99}, largest[2] = {0, 0};
                stream(&p, epoch, seen);
                for (size_t k = 0; k < p.set.n; k++) {
                    used[seen[k][1]]++;
                    used[seen[k][2]]++;
                    for (size_t j = 0; j < k; j++) assert_memory_not_equal(seen[j], seen[k], sizeof seen[k]);
                }
                for (size_t i = 0; shapes[s][i]; i++) {
                    size_t side = shapes[s][i] == 'w';
                    if (used[i] < least[side]) least[side] = used[i];
                    if (used[i] > largest[side]) largest[side] = used[i];
                }
                assert_true(largest[0] - least[0] <= 1 && largest[1] - least[1] <= 1);
            }
            most = p.set.n < most ? 0 : most;
            end(&p);
        } while (most);
    }
}

/* The stream is the same entered anywhere, each epoch has every question's pairs, and epochs differ; so do seeds. */
static void test_order(void **state)
{
    static const char *const grades[] = {"rrww", "rw", "rwww", "wwwr", "rrrw", "wr"};
    struct pairs p;
    struct raml_err err = {0};
    size_t first[2][12][3], again[12][3];
    begin(&p, state);
    add_questions_of(&p, grades, COUNT(grades));
    CHECK_OK(open_pairs(&p, 2, &err));
    assert_int_equal(p.set.n, 10);
    stream(&p, 0, first[0]);
    stream(&p, 1, first[1]);
    stream(&p, 0, again);
    assert_memory_equal(first[0], again, 10 * sizeof *again);
    assert_memory_not_equal(first[0], first[1], 10 * sizeof *again);
    for (size_t e = 0; e < 2; e++) {
        size_t of[6] = {0};
        for (size_t k = 0; k < 10; k++) of[first[e][k][0]]++;
        for (size_t i = 0; i < 6; i++) assert_int_equal(of[i], i == 1 || i == 5 ? 1 : 2);
    }
    raml_pair_set_deinit(&p.set);
    p.opt.seed = 4;
    CHECK_OK(open_pairs(&p, 2, &err));
    stream(&p, 0, again);
    assert_memory_not_equal(first[0], again, 10 * sizeof *again);
    end(&p);
}

/* A question's pairs do not depend on what other questions there are. */
static void test_independent(void **state)
{
    static const char *const grades[][2] = {{"rrww", "rrrwww"}, {"r", "rrrwww"}};
    struct raml_err err = {0};
    bool has[2][4][3][3] = {{{{false}}}}; /* by set, epoch, right, wrong */
    for (size_t i = 0; i < 2; i++) {
        struct pairs p;
        size_t pair[8][3];
        begin(&p, state);
        add_questions_of(&p, grades[i], 2);
        CHECK_OK(open_pairs(&p, 2, &err));
        for (uint64_t epoch = 0; epoch < 4; epoch++) {
            stream(&p, epoch, pair);
            for (size_t k = 0; k < p.set.n; k++)
                if (pair[k][0] == 1) has[i][epoch][pair[k][1]][pair[k][2] - 3] = true;
        }
        end(&p);
    }
    assert_memory_equal(has[0], has[1], sizeof has[0]);
}

/* Over many epochs each pair of a question comes about equally often.
 * 1000 epochs, 1 of 6 pairs: 167, within five deviations of sqrt(1000 * 5/36) = 11.8. */
static void test_draws(void **state)
{
    static const char *const grades[] = {"rrwww"};
    struct pairs p;
    struct raml_err err = {0};
    size_t count[2][3] = {{0}}, pair[1][3];
    begin(&p, state);
    add_questions_of(&p, grades, 1);
    CHECK_OK(open_pairs(&p, 1, &err));
    for (uint64_t epoch = 0; epoch < 1000; epoch++) {
        stream(&p, epoch, pair);
        count[pair[0][1]][pair[0][2] - 2]++;
    }
    for (size_t a = 0; a < 2; a++)
        for (size_t b = 0; b < 3; b++) CHECK_NEAR("pairs drawn", (double)count[a][b], 167, 59);
    end(&p);
}

/* A pair's tree is the row of its two trajectories, chosen first, and its length is known before. */
static void test_rows(void **state)
{
    static const char *const grades[] = {"wuwrr", "rw"};
    struct pairs p;
    struct raml_err err = {0};
    struct raml_tree tree = {0}, want = {0};
    begin(&p, state);
    add_questions_of(&p, grades, COUNT(grades));
    CHECK_OK(open_pairs(&p, 4, &err));
    for (uint64_t k = 0; k < 2 * p.set.n; k++) {
        struct chosen_pair c;
        raml_pair_at(&p.set, k, &c);
        CHECK_OK(raml_pair_row(&p.set, &c, &tree, &err));
        const struct raml_question *q = &p.qs.question[p.set.item[c.item].question];
        struct raml_row_options row = raml_row_default(p.bench->tokenizer, raml_format_default());
        CHECK_OK(raml_row_build(&want, q, c.trajectory, 2, &row, NULL, &err));
        assert_int_equal(tree.n_spans, 3);
        assert_int_equal(tree.n_tokens, want.n_tokens);
        assert_memory_equal(tree.token, want.token, want.n_tokens * sizeof *want.token);
        assert_int_equal(tree.n_tokens, c.n_tokens);
        for (size_t i = 1; i < 3; i++) assert_int_equal(tree.span[i].first_target, 0);
        assert_int_equal(tree.n_targets, tree.span[1].n + (size_t)tree.span[2].n);
    }
    raml_tree_deinit(&tree);
    raml_tree_deinit(&want);
    end(&p);
}

static void test_plan(void **state)
{
    static const char *const grades[] = {"rw", "rw", "rw", "rw", "rw"};
    struct pairs p;
    struct raml_err err = {0};
    struct training_plan plan;
    begin(&p, state);
    add_questions_of(&p, grades, COUNT(grades));
    CHECK_OK(open_pairs(&p, 1, &err));
    p.opt.batch_size = 2;
    p.opt.max_steps = 0;
    p.opt.num_train_epochs = 1;
    raml_pair_plan_init(&plan, &p.set, &p.opt);
    assert_int_equal(plan.n_steps, 3);
    assert_int_equal(plan.n_positions, 5);
    struct chosen_pair c;
    raml_pair_at(&p.set, 0, &c); /* all rows are equally long */
    p.opt.token_budget = (int64_t)(2 * c.n_tokens + 1);
    raml_pair_plan_init(&plan, &p.set, &p.opt);
    assert_int_equal(plan.n_steps, 2);
    end(&p);
}

static void test_long(void **state)
{
    static const char *const grades[] = {"lw", "lrw", "rw"};
    struct pairs p;
    struct raml_err err = {0};
    begin(&p, state);
    add_questions_of(&p, grades, COUNT(grades));
    assert_int_equal(open_pairs(&p, 9, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "d.jsonl: question 'q0' (line 1): 6 prompt tokens and "));
    raml_pair_set_deinit(&p.set);
    p.opt.skip_long = true;
    CHECK_OK(open_pairs(&p, 9, &err));
    assert_int_equal(p.set.n, 2);
    assert_int_equal(p.set.too_long, 2);
    assert_int_equal(p.set.unpaired, 1);
    size_t pair[2][3];
    stream(&p, 0, pair);
    for (size_t k = 0; k < 2; k++) assert_int_equal(pair[k][1], pair[k][0] == 1); /* of "lrw" the second */
    end(&p);
}

/* A wrong trajectory that is the same as a right one is none to be preferred to. */
static void test_identical(void **state)
{
    static const char *const grades[] = {"rww", "rw"};
    struct pairs p;
    struct raml_err err = {0};
    begin(&p, state);
    add_questions_of(&p, grades, COUNT(grades));
    CHECK_OK(open_pairs(&p, 9, &err));
    assert_int_equal(p.set.n, 3);
    raml_pair_set_deinit(&p.set);
    for (size_t i = 0; i < 2; i++) {
        struct raml_trajectory *t = p.qs.question[i].trajectory;
        t[1].text = t[0].text;
        t[1].answer = t[0].answer;
    }
    CHECK_OK(open_pairs(&p, 9, &err));
    assert_int_equal(p.set.n, 1);
    assert_int_equal(p.set.identical, 2);
    assert_int_equal(p.set.unpaired, 1);
    end(&p);
}

static void test_none(void **state)
{
    static const char *const grades[] = {"r", "un", "wwnu"};
    struct pairs p;
    struct raml_err err = {0};
    begin(&p, state);
    add_questions_of(&p, grades, COUNT(grades));
    assert_int_equal(open_pairs(&p, 1, &err), RAML_ERANGE);
    assert_string_equal(err.msg,
                        "d.jsonl: none of 3 questions has a pair, a right and a wrong trajectory (2 trajectories "
                        "not graded, 2 wrong ones without an answer, 0 the same as a right one, 0 too long)");
    end(&p);
}

/* The hash tells data apart: other texts, another number of pairs. */
static void test_hash(void **state)
{
    static const char *const a[] = {"rw", "rrw"}, *const b[] = {"rw", "rww"};
    struct pairs p;
    struct raml_err err = {0};
    uint64_t hash[3];
    for (size_t i = 0; i < 3; i++) {
        begin(&p, state);
        add_questions_of(&p, i == 1 ? b : a, 2);
        CHECK_OK(open_pairs(&p, i == 2 ? 2 : 1, &err));
        hash[i] = p.set.hash;
        end(&p);
    }
    assert_true(hash[0] != hash[1] && hash[0] != hash[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts), cmocka_unit_test(test_even),        cmocka_unit_test(test_order),
        cmocka_unit_test(test_draws),  cmocka_unit_test(test_independent), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_plan),   cmocka_unit_test(test_long),        cmocka_unit_test(test_identical),
        cmocka_unit_test(test_none),   cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
