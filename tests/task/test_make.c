/* test_make.c - sets of made questions: distinct, split only by text, even over difficulties, the same each time. */
#include "raml/family.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(x) (sizeof(x) / sizeof *(x))

static void make(struct raml_questions *qs, const struct raml_make_options *opt)
{
    struct raml_err err = {0};
    if (raml_make_questions(qs, opt, &err)) fail_msg("%s", err.msg);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The set's questions, sorted; free() it. */
static const char **sorted(const struct raml_questions *qs)
{
    const char **text = malloc((qs->n ? qs->n : 1) * sizeof *text);
    assert_non_null(text);
    for (size_t i = 0; i < qs->n; i++) text[i] = qs->question[i].question;
    qsort(text, qs->n, sizeof *text, compare);
    return text;
}

static size_t count_common(const struct raml_questions *a, const struct raml_questions *b)
{
    const char **x = sorted(a), **y = sorted(b);
    size_t n = 0;
    for (size_t i = 0, j = 0; i < a->n && j < b->n;) {
        int c = strcmp(x[i], y[j]);
        n += c == 0;
        i += c <= 0;
        j += c >= 0;
    }
    free(x);
    free(y);
    return n;
}

static void check_distinct(const struct raml_questions *qs)
{
    const char **text = sorted(qs);
    for (size_t i = 1; i < qs->n; i++) assert_string_not_equal(text[i - 1], text[i]);
    free(text);
}

/* Small families, so that the same questions come up with every seed; and yet train and test never meet. */
static void test_splits_are_disjoint(void **state)
{
    (void)state;
    const char *families = "modchain:2,add:1-2,mul:2,countdown:2-3,perm:2,graph:3,word:1";
    struct raml_questions train, test, again;
    raml_questions_init(&train);
    raml_questions_init(&test);
    raml_questions_init(&again);
    make(&train, &(struct raml_make_options){.seed = 1, .families = families, .n = 700, .split = "train"});
    make(&again, &(struct raml_make_options){.seed = 2, .families = families, .n = 700, .split = "train"});
    make(&test, &(struct raml_make_options){.seed = 3, .families = families, .n = 63, .split = "test"});
    assert_int_equal(train.n, 700);
    assert_int_equal(test.n, 63);
    assert_int_equal(count_common(&train, &test), 0);
    assert_int_equal(count_common(&again, &test), 0);
    assert_true(count_common(&train, &again) > 0); /* or the test above proves little */
    for (size_t i = 0; i < test.n; i++) assert_string_equal(test.question[i].split, "test");
    raml_questions_deinit(&train);
    raml_questions_deinit(&test);
    raml_questions_deinit(&again);
}

static void test_both_splits(void **state)
{
    (void)state;
    struct raml_questions qs;
    raml_questions_init(&qs);
    make(&qs, &(struct raml_make_options){.seed = 5, .families = "perm:4", .n = 4000});
    size_t n_test = 0;
    for (size_t i = 0; i < qs.n; i++) {
        bool test = !strcmp(qs.question[i].split, "test");
        assert_int_equal(test, raml_question_hash(qs.question[i].question) % 8 == 0);
        char id[64];
        snprintf(id, sizeof id, "perm-4-%s-%06zu", qs.question[i].split, test ? n_test : i - n_test);
        assert_string_equal(qs.question[i].id, id);
        n_test += test;
    }
    assert_true(n_test > 400 && n_test < 600); /* 500 expected, deviation 21 */
    check_distinct(&qs);
    raml_questions_deinit(&qs);
}

static void test_spread(void **state)
{
    (void)state;
    struct raml_questions qs;
    raml_questions_init(&qs);
    make(&qs, &(struct raml_make_options){.families = "modchain:4-6,add:3", .n = 101});
    size_t n[7] = {0}, n_add = 0, n_first = 0;
    for (size_t i = 0; i < qs.n; i++) {
        if (!strcmp(qs.question[i].family, "add")) n_add++;
        else n[qs.question[i].difficulty]++;
        if (i < 20) n_first += !strcmp(qs.question[i].family, "add");
    }
    assert_int_equal(n_add, 50);
    for (int d = 4; d <= 6; d++) assert_int_equal(n[d], 17); /* 51 of 101 */
    assert_true(n_first >= 4);                               /* a prefix is a mixture */
    raml_questions_deinit(&qs);

    raml_questions_init(&qs); /* 3 : 1 : 2, in every prefix */
    make(&qs, &(struct raml_make_options){.families = "modchain:4*3,add:3-4,perm*2", .n = 61});
    size_t n_mod = 0, n_perm = 0, early = 0;
    for (size_t i = 0; i < qs.n; i++) {
        n_mod += !strcmp(qs.question[i].family, "modchain");
        n_perm += !strcmp(qs.question[i].family, "perm");
        if (i < 24) early += !strcmp(qs.question[i].family, "modchain");
    }
    assert_int_equal(n_mod, 31);
    assert_int_equal(n_perm, 20);
    assert_in_range(early, 11, 13);
    raml_questions_deinit(&qs);

    raml_questions_init(&qs);
    make(&qs, &(struct raml_make_options){.n = 70});
    const struct raml_family *const *all;
    size_t n_families = raml_families(&all);
    for (size_t k = 0; k < n_families; k++) {
        size_t here = 0;
        for (size_t i = 0; i < qs.n; i++) {
            if (strcmp(qs.question[i].family, all[k]->name) != 0) continue;
            here++;
            assert_in_range(qs.question[i].difficulty, all[k]->easy, all[k]->hard);
        }
        assert_int_equal(here, 10);
    }
    raml_questions_deinit(&qs);
}

static void test_trajectories(void **state)
{
    (void)state;
    struct raml_questions qs, again;
    raml_questions_init(&qs);
    raml_questions_init(&again);
    struct raml_make_options opt = {
        .seed = 9, .families = "graph,word,add", .n = 90, .n_trajectories = 4, .styles = "reflect,verbose"};
    make(&qs, &opt);
    make(&again, &opt);
    for (size_t i = 0; i < qs.n; i++) {
        const struct raml_question *q = &qs.question[i], *p = &again.question[i];
        assert_string_equal(q->id, p->id);
        assert_string_equal(q->question, p->question);
        assert_string_equal(q->answer, p->answer);
        assert_int_equal(q->n_trajectories, 4);
        size_t n_reflect = 0;
        for (size_t k = 0; k < 4; k++) {
            const struct raml_trajectory *t = &q->trajectory[k];
            assert_string_equal(t->text, p->trajectory[k].text);
            assert_string_equal(t->answer, q->answer);
            assert_int_equal(t->correct, RAML_EQUAL);
            assert_true(t->think_closed);
            bool reflect = !strcmp(t->style, "reflect");
            assert_true(reflect || !strcmp(t->style, "verbose"));
            assert_int_equal(reflect, strstr(t->text, "wait") != NULL);
            n_reflect += reflect;
            for (size_t j = 0; j < k; j++) assert_string_not_equal(t->text, q->trajectory[j].text);
        }
        assert_int_equal(n_reflect, 2);
    }
    raml_questions_deinit(&qs);
    raml_questions_deinit(&again);

    /* One order of steps, one wording: even more trajectories than there are texts are made. */
    raml_questions_init(&qs);
    make(&qs, &(struct raml_make_options){.families = "add:3", .n = 20, .n_trajectories = 5});
    for (size_t i = 0; i < qs.n; i++) assert_int_equal(qs.question[i].n_trajectories, 5);
    raml_questions_deinit(&qs);

    /* With one trajectory and several styles, all styles come up. */
    raml_questions_init(&qs);
    make(&qs, &(struct raml_make_options){
                  .families = "add:3", .n = 30, .n_trajectories = 1, .styles = "concise,verbose,reflect"});
    size_t n_verbose = 0;
    for (size_t i = 0; i < qs.n; i++) n_verbose += !strcmp(qs.question[i].trajectory[0].style, "verbose");
    assert_int_equal(n_verbose, 10);
    raml_questions_deinit(&qs);
}

/* What is in the set already is not made again, and ids continue. */
static void test_append(void **state)
{
    (void)state;
    struct raml_questions qs;
    raml_questions_init(&qs);
    struct raml_make_options opt = {.seed = 4, .families = "add:1,perm:2", .n = 60, .split = "train"};
    make(&qs, &opt);
    make(&qs, &opt);
    assert_int_equal(qs.n, 120);
    check_distinct(&qs);
    char seen[2][60] = {{0}};
    for (size_t i = 0; i < qs.n; i++) {
        int add = !strcmp(qs.question[i].family, "add"), n = atoi(strrchr(qs.question[i].id, '-') + 1);
        assert_in_range(n, 0, 59);
        assert_int_equal(seen[add][n]++, 0);
    }
    raml_questions_deinit(&qs);
}

/* Other seeds, other difficulties and other instance numbers: other random numbers. */
static void test_seeds_differ(void **state)
{
    (void)state;
    struct raml_questions a, b;
    raml_questions_init(&a);
    raml_questions_init(&b);
    make(&a, &(struct raml_make_options){.seed = 0, .families = "perm:5", .n = 500});
    make(&b, &(struct raml_make_options){.seed = 1, .families = "perm:5", .n = 500});
    assert_int_equal(count_common(&a, &b), 0);
    raml_questions_deinit(&a);
    raml_questions_deinit(&b);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        struct raml_make_options opt;
        enum raml_code code;
        const char *msg;
    } cases[] = {
        {{.families = "addd", .n = 1},
         RAML_EUSAGE,
         "families: found 'addd', expected one of modchain, add, mul, countdown, perm, graph, word"},
        {{.families = "", .n = 1},
         RAML_EUSAGE,
         "families: found '', expected one of modchain, add, mul, countdown, perm, graph, word"},
        {{.families = "add,", .n = 1},
         RAML_EUSAGE,
         "families: found '', expected one of modchain, add, mul, countdown, perm, graph, word"},
        {{.families = "add:0", .n = 1},
         RAML_EUSAGE,
         "families: difficulty of add: found '0', expected a number or a range (3-5) from 1 to 40 (digits of each "
         "number)"},
        {{.families = "perm:2-17", .n = 1},
         RAML_EUSAGE,
         "families: difficulty of perm: found '2-17', expected a number or a range (3-5) from 2 to 16 (number of "
         "permutations composed)"},
        {{.families = "perm:5-3", .n = 1},
         RAML_EUSAGE,
         "families: difficulty of perm: found '5-3', expected a number or a range (3-5) from 2 to 16 (number of "
         "permutations composed)"},
        {{.families = "perm:", .n = 1},
         RAML_EUSAGE,
         "families: difficulty of perm: found '', expected a number or a range (3-5) from 2 to 16 (number of "
         "permutations composed)"},
        {{.families = "perm:3x", .n = 1},
         RAML_EUSAGE,
         "families: difficulty of perm: found '3x', expected a number or a range (3-5) from 2 to 16 (number of "
         "permutations composed)"},
        {{.families = "perm:99999999999999999999", .n = 1},
         RAML_EUSAGE,
         "families: difficulty of perm: found '99999999999999999999', expected a number or a range (3-5) from 2 to 16 "
         "(number of permutations composed)"},
        {{.families = "perm:3*0", .n = 1},
         RAML_EUSAGE,
         "families: weight of perm: found '0', expected a number from 1 to 9999"},
        {{.families = "perm*2x,add", .n = 1},
         RAML_EUSAGE,
         "families: weight of perm: found '2x', expected a number from 1 to 9999"},
        {{.families = "add:2-4,add:3", .n = 1}, RAML_EUSAGE, "families: add at difficulty 3 is given twice"},
        {{.split = "dev", .n = 1}, RAML_EUSAGE, "split: found 'dev', expected train or test"},
        {{.styles = "brief", .n = 1},
         RAML_EUSAGE,
         "styles: found 'brief', expected some of concise, verbose, reflect, checked, empty"},
        {{.styles = "concise,", .n = 1},
         RAML_EUSAGE,
         "styles: found '', expected some of concise, verbose, reflect, checked, empty"},
        {{.n_trajectories = 5000, .n = 1}, RAML_EUSAGE, "trajectories: found 5000, expected at most 4096"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_questions qs;
        struct raml_err err = {0};
        raml_questions_init(&qs);
        assert_int_equal(raml_make_questions(&qs, &cases[i].opt, &err), cases[i].code);
        assert_string_equal(err.msg, cases[i].msg);
        assert_int_equal(qs.n, 0);
        raml_questions_deinit(&qs);
    }
}

/* There are 81 sums of two digits without zeros. All of them can be made, and no more. */
static void test_used_up(void **state)
{
    (void)state;
    struct raml_questions qs;
    struct raml_err err = {0};
    raml_questions_init(&qs);
    make(&qs, &(struct raml_make_options){.families = "add:1", .n = 81});
    check_distinct(&qs);
    const struct raml_make_options one = {.families = "add:1", .n = 1};
    assert_int_equal(raml_make_questions(&qs, &one, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "add at difficulty 1: found 0 distinct questions, expected 1; ask for fewer, or for "
                                 "other difficulties (1 to 40)");
    assert_int_equal(qs.n, 81);
    raml_questions_deinit(&qs);
}

int main(void)
{
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits_are_disjoint), cmocka_unit_test(test_both_splits),
        cmocka_unit_test(test_spread),              cmocka_unit_test(test_trajectories),
        cmocka_unit_test(test_append),              cmocka_unit_test(test_seeds_differ),
        cmocka_unit_test(test_errors),              cmocka_unit_test(test_used_up),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
