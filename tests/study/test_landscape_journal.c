/* The journal of a grid: every length that a kill can leave, settings that differ, broken lines, two at once. */
#include "core/scratch.h"

#include "study/landscape_journal.h"

#include <math.h>

enum { POINTS = 4, FRAMES = 3 };
static const char settings[] = "{\"weights\": \"0a\", \"grid\": [2, 2], \"range\": 1}";
static const double loss[POINTS][FRAMES] = {
    {6.5284264106672962, 7.0000000000000009, 0}, {1e300, 0.1, 3}, {5e-324, NAN, INFINITY}, {1.0 / 3, 2.0 / 3, 1e-17}};

static void open_journal(struct raml_landscape_journal *j, const char *path)
{
    struct raml_err err = {0};
    must(raml_landscape_journal_open(j, path, settings, POINTS, FRAMES, &err), &err);
}

static void fill(struct raml_landscape_journal *j)
{
    struct raml_err err = {0};
    for (size_t i = 0; i < POINTS; i++)
        if (!j->done[i]) must(raml_landscape_journal_add(j, i, loss[i], &err), &err);
    must(raml_landscape_journal_sync(j, &err), &err);
}

static void check_full(const struct raml_landscape_journal *j)
{
    assert_int_equal(j->n_done, POINTS);
    for (size_t i = 0; i < POINTS; i++)
        for (size_t f = 0; f < FRAMES; f++) {
            double x = j->loss[i * FRAMES + f];
            if (isnan(loss[i][f])) assert_true(isnan(x));
            else assert_memory_equal(&x, &loss[i][f], sizeof x); /* to the bit */
        }
}

/* A file cut at every length goes on, and ends with the same bytes. */
static void every_cut(void **state)
{
    char path[4200];
    size_t n = 0, after = 0;
    struct raml_landscape_journal j;
    in(*state, "grid.journal", path);
    open_journal(&j, path);
    assert_int_equal(j.n_done, 0);
    fill(&j);
    raml_landscape_journal_close(&j);
    char *whole = slurp(path, &n);
    for (size_t cut = 0; cut <= n; cut++) {
        size_t lines = 0;
        for (size_t i = 0; i < cut; i++) lines += whole[i] == '\n';
        spill(path, whole, cut);
        open_journal(&j, path);
        assert_int_equal(j.n_done, lines ? lines - 1 : 0); /* what was whole is not lost */
        fill(&j);
        check_full(&j);
        raml_landscape_journal_close(&j);
        char *again = slurp(path, &after);
        assert_int_equal(after, n);
        assert_memory_equal(again, whole, n);
        free(again);
    }
    open_journal(&j, path); /* and is read back whole */
    check_full(&j);
    raml_landscape_journal_close(&j);
    free(whole);
}

static void refuse(const char *path, const char *wanted, enum raml_code code, const char *what)
{
    struct raml_err err = {0};
    struct raml_landscape_journal j;
    size_t before_n = 0, after_n = 0;
    char *before = slurp(path, &before_n);
    assert_int_equal(raml_landscape_journal_open(&j, path, wanted, POINTS, FRAMES, &err), code);
    assert_true(has(err.msg, what));
    char *after = slurp(path, &after_n); /* nothing written before is lost */
    assert_int_equal(before_n, after_n);
    assert_memory_equal(before, after, before_n);
    free(before);
    free(after);
}

static void refuses(void **state)
{
    char path[4200];
    size_t n = 0;
    struct raml_landscape_journal j;
    in(*state, "other.journal", path);
    open_journal(&j, path);
    fill(&j);
    raml_landscape_journal_close(&j);
    refuse(path, "{\"weights\": \"0a\", \"grid\": [2, 3], \"range\": 1}", RAML_EUSAGE,
           "is of another landscape: grid is [2,2] there, and [2,3] here");
    refuse(path, "{\"weights\": \"0b\", \"grid\": [2, 2], \"range\": 1}", RAML_EUSAGE,
           "weights is \"0a\" there, and \"0b\" here");
    refuse(path, "{\"weights\": \"0a\", \"grid\": [2, 2], \"range\": 1, \"more\": 2}", RAML_EUSAGE,
           "more is nothing there, and 2 here");
    char *whole = slurp(path, &n);
    char *second = strchr(whole, '\n') + 1;
    second[20] ^= 1; /* a point in the middle */
    spill(path, whole, n);
    refuse(path, settings, RAML_EFORMAT, "other.journal:2: the line does not have the hash");
    second[20] ^= 1;
    whole[20] ^= 1; /* the settings */
    spill(path, whole, n);
    refuse(path, settings, RAML_EFORMAT, "other.journal:1: the line does not have the hash");
    free(whole);
    static const char stranger[] = "id,question,answer\n1,what is 1+1?,2\n";
    spill(path, stranger, sizeof stranger - 1);
    refuse(path, settings, RAML_EFORMAT, "other.journal:1: the line does not have the hash");
    char one_line[300];
    memset(one_line, 'x', sizeof one_line);
    spill(path, one_line, sizeof one_line);
    refuse(path, settings, RAML_EFORMAT, "is no journal of a landscape");
}

static void one_at_a_time(void **state)
{
    char path[4200];
    struct raml_err err = {0};
    struct raml_landscape_journal j, second;
    open_journal(&j, in(*state, "locked.journal", path));
    assert_int_equal(raml_landscape_journal_open(&second, path, settings, POINTS, FRAMES, &err), RAML_EIO);
    assert_true(has(err.msg, "another process is writing this landscape"));
    fill(&j);
    raml_landscape_journal_close(&j);
    open_journal(&second, path);
    check_full(&second);
    raml_landscape_journal_close(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut),
        cmocka_unit_test(refuses),
        cmocka_unit_test(one_at_a_time),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
