/* Many continuations side by side: each is what it is alone, whatever shares the run, its group or its batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "inner/generate_rig.h"
#include "inner/texts.h"

/* -- Jobs ---------------------------------------------------------------------------------------------------------- */
static void test_batches(void **state)
{
    (void)state;
    static const size_t batch[] = {3, 7, 64};
    struct jobs *j = forks();
    struct raml_generate_options o = options(1);
    struct raml_generate_stats one, stats;
    struct results *want = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &one);
    for (size_t b = 0; b < COUNT(batch); b++) {
        o.batch_size = batch[b];
        struct results *got = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &stats);
        for (size_t i = 0; i < j->n; i++) check_same(&got->of[i], &want->of[i]);
        assert_int_equal(stats.text_tokens, one.text_tokens);
        assert_int_equal(stats.tokens, one.tokens);
        assert_true(stats.steps < one.steps);
        drop(got);
    }
    drop(want);
    free(j);
}

/* Alone in its group a job has the same tokens; its log-probabilities differ by rounding. */
static void check_alone(const struct raml_generate_options *o)
{
    struct jobs *j = forks();
    struct results *got = run(o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    size_t ended = 0;
    for (size_t i = 0; i < j->n; i++) {
        struct results *alone = run(o, &j->job[i], 1, (struct raml_generate_guide){0}, NULL);
        const struct raml_generated *a = &alone->of[0], *b = &got->of[i];
        assert_int_equal(a->n, b->n);
        assert_memory_equal(a->token, b->token, a->n * sizeof *a->token);
        for (size_t k = 0; k < a->n; k++) assert_true(fabsf(a->logp[k] - b->logp[k]) <= 1e-4F);
        bool end = b->token[b->n - 1] == 1 || b->token[b->n - 1] == 2;
        assert_int_equal(b->ended, end);
        assert_true(end || b->n == j->job[i].max_tokens);
        ended += end;
        drop(alone);
    }
    assert_true(ended > 0 && ended < j->n);
    drop(got);
    free(j);
}

static void test_alone(void **state)
{
    (void)state;
    struct raml_generate_options o = options(16);
    check_alone(&o);
    o.sampling = (struct raml_token_sampling){.temperature = 0.7, .top_p = 0.9, .top_k = 20};
    check_alone(&o);
    o.sampling = (struct raml_token_sampling){.temperature = 0, .top_p = 1};
    check_alone(&o);
}

static void test_against_a_pass(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(16);
    static struct read r;
    o.sampling.temperature = 0;
    struct results *got = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    for (size_t i = 0; i < j->n; i++) {
        const struct raml_generated *g = &got->of[i];
        read_whole(j->job[i].text, j->job[i].n_text, g->token, g->n, &r);
        assert_memory_equal(g->token, r.argmax, g->n * sizeof *g->token);
        for (size_t k = 0; k < g->n; k++) assert_true(fabsf(g->logp[k] - r.logp[k]) <= 1e-4F);
    }
    drop(got);
    free(j);
}

/* Random numbers are those of the job's own stream, from `first` on. */
static void test_stream(void **state)
{
    (void)state;
    struct jobs *j = calloc(1, sizeof *j);
    struct raml_generate_options o = options(4);
    add(j, 0, 0, 0, 30);
    add(j, 0, 0, 30, 0);
    add(j, 0, 0, 30, 0);
    for (size_t i = 0; i < 3; i++) j->job[i].max_tokens = 12, j->job[i].sample = 4, j->job[i].first = 0;
    o.n_ends = 0;
    j->job[2].first = 1;
    struct results *r = run(&o, j->job, 3, (struct raml_generate_guide){0}, NULL);
    check_same(&r->of[0], &r->of[1]);
    assert_memory_not_equal(r->of[0].token, r->of[2].token, 12 * sizeof(int32_t));
    j->job[1].sample = 5;
    struct results *other = run(&o, j->job, 3, (struct raml_generate_guide){0}, NULL);
    check_same(&r->of[0], &other->of[0]);
    assert_memory_not_equal(other->of[0].token, other->of[1].token, 12 * sizeof(int32_t));
    drop(other);
    o.allowed = 5;
    struct results *few = run(&o, j->job, 3, (struct raml_generate_guide){0}, NULL);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < few->of[i].n; k++) assert_true(few->of[i].token[k] < 5);
    drop(few);
    drop(r);
    free(j);
}

/* -- Sharing ------------------------------------------------------------------------------------------------------- */
static void test_shared(void **state)
{
    (void)state;
    struct jobs *j = calloc(1, sizeof *j);
    struct raml_generate_options o = options(8);
    struct raml_generate_stats stats;
    struct raml_texts x = {0};
    add(j, 7, 0, 0, 40);   /* 0: the beginning of 1; its last token is its own */
    add(j, 7, 0, 40, 100); /* 1: the longest */
    add(j, 7, 1, 70, 5);   /* 2 leaves 1 */
    add(j, 7, 2, 73, 2);   /* 3 leaves 2 in its own tokens */
    add(j, 7, 2, 75, 0);   /* 4 is 2 */
    add(j, 7, 2, 70, 1);   /* 5 leaves where 2 does: it hangs from 1 */
    add(j, 8, 1, 140, 0);  /* 6: another group shares nothing */
    j->text[3][73] = (j->text[2][73] + 1) % (int32_t)V;
    j->text[5][70] = (j->text[2][70] + 1) % (int32_t)V;
    MUST(raml_texts_add(&x, j->job, j->n, err));
    static const struct {
        int parent; /* a job */
        size_t start;
    } want[] = {{1, 39}, {-1, 0}, {1, 70}, {2, 73}, {1, 70}, {1, 70}, {-1, 0}};
    for (size_t i = 0; i < j->n; i++) {
        const struct raml_text *t = &x.text[x.of_job[i]];
        assert_memory_equal(t->token, j->job[i].text, t->n * sizeof *t->token);
        assert_int_equal(t->start, want[i].start);
        if (want[i].parent < 0) assert_int_equal(t->parent, -1);
        else assert_int_equal(t->parent, x.of_job[want[i].parent]);
    }
    assert_int_equal(x.n, 6);
    assert_int_equal(x.of_job[2], x.of_job[4]);
    assert_int_equal(x.own, 1 + 140 + 5 + 2 + 1 + 140);
    struct results *r = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &stats);
    assert_int_equal(stats.text_tokens, x.own);
    assert_int_equal(stats.all_texts, 40 + 140 + 75 + 75 + 75 + 71 + 140);
    raml_texts_deinit(&x);
    drop(r);
    free(j);
}

/* Jobs that need a larger cache than what is there wait until it can be made, as a whole call of them: some of a group
 * would keep its text in the small one, in which the others never fit. */
static void test_larger_cache(void **state)
{
    (void)state;
    struct jobs *j = calloc(1, sizeof *j);
    struct results *late = calloc(1, sizeof *late);
    struct raml_generate_options o = options(2);
    struct raml_generate_guide guide = {.user = late, .done = keep_result};
    struct raml_generator *g = NULL;
    static const size_t most[] = {1, 30, 5, 400};
    o.n_ends = 0;
    for (size_t i = 0; i < COUNT(most); i++) {
        add(j, i < 2 ? i : 2, 2, i < 3 ? 0 : 10, i < 3 ? 10 : 0);
        j->job[i].max_tokens = most[i];
    }
    struct results *at_once = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    MUST(raml_generator_open(m, &o, &guide, &g, err));
    MUST(raml_generator_submit(g, j->job, 2, err));
    MUST(raml_generator_drive(g, NULL, err));
    MUST(raml_generator_submit(g, j->job + 2, 2, err));
    while (raml_generator_jobs(g)) MUST(raml_generator_drive(g, NULL, err));
    for (size_t i = 0; i < j->n; i++) check_same(&late->of[i], &at_once->of[i]);
    raml_generator_close(g);
    drop(at_once);
    drop(late);
    free(j);
}

/* More tokens of texts than one pass reads: texts are cut, and nothing changes. */
static void test_pieces(void **state)
{
    (void)state;
    struct jobs *j = calloc(1, sizeof *j);
    struct raml_generate_options o = options(12);
    for (size_t i = 0; i < 12; i++) add(j, i, 0, 0, 550);
    struct results *all = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    o.batch_size = 1;
    struct results *one = run(&o, j->job, j->n, (struct raml_generate_guide){0}, NULL);
    for (size_t i = 0; i < j->n; i++) check_same(&all->of[i], &one->of[i]);
    drop(all);
    drop(one);
    free(j);
}

/* A pool that holds few jobs makes them wait, no more; one that can't hold one of them is an error. */
static void test_pool(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(16);
    struct raml_generate_stats wide, narrow;
    struct raml_err err = {0};
    struct results *want = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &wide);
    o.pool_tokens = 14 * (size_t)64;
    struct results *got = run(&o, j->job, j->n, (struct raml_generate_guide){0}, &narrow);
    for (size_t i = 0; i < j->n; i++) check_same(&got->of[i], &want->of[i]);
    assert_true(narrow.steps > wide.steps);
    o.pool_tokens = 3 * (size_t)64;
    assert_int_equal(raml_generate(m, &o, j->job, j->n, NULL, NULL, NULL, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "the pool has 192"));
    drop(want);
    drop(got);
    free(j);
}

/* -- Guides -------------------------------------------------------------------------------------------------------- */
static int32_t force_fourth(void *user, size_t job, const struct raml_generated *so_far)
{
    (void)user;
    return so_far->n == 3 ? (int32_t)(10 + job % 3) : -1;
}

static int32_t replace_tens(void *user, size_t job, const struct raml_generated *so_far, int32_t token)
{
    (void)user, (void)job, (void)so_far;
    return token % 5 ? token : 3;
}

static enum raml_code end_at_six(void *user, size_t job, const struct raml_generated *so_far, bool *ends,
                                 struct raml_err *err)
{
    (void)user, (void)err;
    *ends = job % 2 && so_far->n == 6;
    return RAML_OK;
}

static void test_guide(void **state)
{
    (void)state;
    struct jobs *j = forks();
    struct raml_generate_options o = options(5);
    size_t sixes = 0, forced = 0, replaced = 0;
    struct raml_generate_guide guide = {.force = force_fourth, .replace = replace_tens, .added = end_at_six};
    struct results *r = run(&o, j->job, j->n, guide, NULL);
    for (size_t i = 0; i < j->n; i++) {
        const struct raml_generated *g = &r->of[i];
        if (g->n > 3) {
            assert_int_equal(g->token[3], 10 + i % 3);
            assert_true(isnan(g->logp[3]));
            forced++;
        }
        for (size_t k = 0; k < g->n; k++) {
            assert_true(k == 3 || g->token[k] % 5);
            assert_true(k == 3 || g->token[k] == 3 || !isnan(g->logp[k]));
            replaced += k != 3 && isnan(g->logp[k]);
        }
        if (i % 2) assert_true(g->n <= 6);
        if (i % 2 && g->n == 6) assert_true(g->ended);
        sixes += i % 2 && g->n == 6;
    }
    assert_true(sixes > 0 && forced > 0 && replaced > 0);
    drop(r);
    free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches), cmocka_unit_test(test_alone),  cmocka_unit_test(test_against_a_pass),
        cmocka_unit_test(test_stream),  cmocka_unit_test(test_shared), cmocka_unit_test(test_larger_cache),
        cmocka_unit_test(test_pieces),  cmocka_unit_test(test_pool),   cmocka_unit_test(test_guide)};
    return cmocka_run_group_tests_name("generation", tests, set_up, tear_down);
}
