/* A study of parts: what its file may hold, what its parts share, and the results over all of them. */
#include "study/declared.h"

#include "core/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check_near.h"
#include "declared_texts.h"
#include "folder.h"

static struct raml_err err;
static char file[300];
static const char *folder; /* of all tests here */

static int open_folder(void **state)
{
    int rc = set_up(state);
    folder = *state;
    return rc;
}

static int close_folder(void **state)
{
    return tear_down(state);
}

static void put(const struct raml_study *s, size_t step, const char *store, double value)
{
    char dir[4096], path[4200], text[64];
    CHECK_OK(raml_study_folder(s, step, store, dir, &err));
    CHECK_OK(raml_make_dir(dir, &err));
    snprintf(path, sizeof path, "%s/x.json", dir);
    snprintf(text, sizeof text, "{\"v\": %g}", value);
    CHECK_OK(raml_file_write(path, text, strlen(text), &err));
}

static void put_text(const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK_OK(raml_file_write(path, text, strlen(text), &err));
}

static enum raml_code read_parts(const char *text, const struct raml_study_options *o, struct raml_study_parts **p)
{
    static const struct raml_study_options none = {0};
    snprintf(file, sizeof file, "%s/parts.yaml", folder);
    CHECK_OK(raml_file_write(file, text, strlen(text), &err));
    err = (struct raml_err){0};
    return raml_study_parts_open(file, o ? o : &none, p, &err);
}

#define SCALES "scales: {quick: {t: 1}, long: {t: 2}}\n"
static void write_parts(void)
{
    put_text("one.yaml", "name: one\n" SCALES STEPS ARMS MEASURES CLAIMS);
    put_text("two.yaml", "name: two\nscales: {long: {seeds: 2}, quick: {seeds: 3}}\nvalues: {v: 1}\n" STEPS
                         "arms: {with: {w: 1}, without: {w: 2}}\n" MEASURES CLAIMS);
    put_text("bad.yaml", "name: bad\n" STEPS);
    put_text("plain.yaml", "name: plain\n" STEPS ARMS MEASURES CLAIMS);
}

static void test_parts_refused(void **state)
{
    (void)state;
    static const char *chosen[] = {"tow"}, *set[] = {"u=1"};
    static const struct {
        const char *text, *message; /* what it holds */
        struct raml_study_options o;
    } bad[] = {
        {"name: x\nparts: {}\n", ":2: parts: expected a mapping of names to studies' files", {0}},
        {"name: x\nparts: [one.yaml]\n", ":2: parts: expected a mapping of names to studies' files", {0}},
        {"parts: {a: one.yaml}\n", ":1: name: expected the study's name", {0}},
        {"name: x\nsteps: {a: b}\nparts: {a: one.yaml}\n",
         ":2: there is no field 'steps'; expected one of name, about, parts",
         {0}},
        {"name: x\nparts: {a/b: one.yaml}\n", ":2: a/b: as the name of a part expected letters", {0}},
        {"name: x\nparts: {steps: one.yaml}\n", ":2: steps: results have a folder of that name", {0}},
        {"name: x\nparts: {a: {b: c}}\n", ":2: a: found a mapping, expected a study's file", {0}},
        {"name: x\nparts: {a: ''}\n", ":2: a: found nothing, expected a study's file", {0}},
        {"name: x\nparts: {a: none.yaml}\n", "none.yaml: cannot be opened", {0}},
        {"name: x\nparts: {a: one.yaml, b: bad.yaml}\n", "part b: ", {0}},
        {"name: x\nparts: {a: parts.yaml}\n", "there is no field 'parts'", {0}},
        {"name: x\nparts: {one: one.yaml, two: two.yaml}\n",
         "there is no part 'tow'; did you mean 'two'?",
         {.part = chosen, .n_parts = 1}},
        {"name: x\nparts: {one: one.yaml, two: two.yaml}\n", "no part of ", {.set = set, .n_set = 1}},
        {"name: x\nparts: {one: one.yaml, two: two.yaml}\n",
         "part one: there is no scale 'full'; expected one of quick, long",
         {.scale = "full"}},
        {"name: x\nparts: {one: one.yaml, p: plain.yaml}\n", "has no scales; found the scale 'quick'", {0}},
        {"name: x\n" STEPS ARMS MEASURES CLAIMS, "has no parts; found the part 'tow'", {.part = chosen, .n_parts = 1}},
    };
    write_parts();
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct raml_study_parts *p = NULL;
        enum raml_code rc = read_parts(bad[i].text, &bad[i].o, &p);
        if (!rc || !strstr(err.msg, bad[i].message) || p) {
            print_error("case %zu: code %d, '%s', expected '%s'\n", i, rc, err.msg, bad[i].message);
            fail();
        }
    }
}

/* The first part's first scale, for all; what reads the same is one work; a value goes to the parts that have it. */
static void test_parts(void **state)
{
    (void)state;
    const char *set[] = {"v=7"}, *chosen[] = {"two"};
    struct raml_study_options o = {.set = set, .n_set = 1};
    struct raml_study_parts *p = NULL;
    static const char text[] = "name: x\nparts: {one: one.yaml, two: two.yaml}\n";
    write_parts();
    CHECK_OK(read_parts(text, &o, &p));
    assert_int_equal(raml_study_parts_n(p), 2);
    const struct raml_study *one = raml_study_parts_get(p, 0).study, *two = raml_study_parts_get(p, 1).study;
    assert_string_equal(two->scale->key, "quick");
    assert_int_equal(one->n_set, 0);
    assert_int_equal(two->n_set, 1);
    /* one: a, and b of both arms; two: a of three seeds, b with w 1 and 2 of each: a 1, b 1 of w 1 are there */
    assert_int_equal(raml_study_n_steps(one) + raml_study_n_steps(two), 3 + 9);
    assert_int_equal(raml_study_parts_n_works(p), 3 + 9 - 2);
    for (size_t i = 0; i < raml_study_n_steps(two); i++) {
        const struct raml_study_work *w = raml_study_parts_work(p, raml_study_parts_work_of(p, 1, i));
        assert_string_equal(raml_study_step(w->part.study, w->step)->id, raml_study_step(two, i)->id);
        assert_int_equal(w->n_needs, raml_study_step(two, i)->n_needs);
        for (size_t k = 0; k < w->n_needs; k++)
            assert_int_equal(w->needs[k], raml_study_parts_work_of(p, 1, raml_study_step(two, i)->needs[k]));
    }
    char hash[RAML_STUDY_HASH];
    strcpy(hash, raml_study_parts_hash(p));
    raml_study_parts_close(p);
    o = (struct raml_study_options){.part = chosen, .n_parts = 1};
    CHECK_OK(read_parts(text, &o, &p));
    assert_int_equal(raml_study_parts_n(p), 1);
    assert_string_equal(raml_study_parts_hash(p), hash); /* of all parts, whichever are run */
    assert_string_equal(raml_study_parts_get(p, 0).study->scale->key, "quick");
    raml_study_parts_close(p);
    put_text("one.yaml", "name: one\n" SCALES STEPS ARMS MEASURES CLAIMS "# changed\n");
    CHECK_OK(read_parts(text, &o, &p));
    assert_string_not_equal(raml_study_parts_hash(p), hash);
    raml_study_parts_close(p);
}

/* Over all parts, of what is done. */
static void test_parts_results(void **state)
{
    (void)state;
    struct raml_study_parts *p = NULL;
    struct raml_buf printed;
    bool done[16] = {0};
    char store[300], out[300];
    json_t *doc = NULL;
    snprintf(store, sizeof store, "%s/shared", folder);
    snprintf(out, sizeof out, "%s/whole", folder);
    write_parts();
    CHECK_OK(raml_make_dir(out, &err));
    CHECK_OK(read_parts("name: x\nparts: {one: one.yaml, two: two.yaml}\n", NULL, &p));
    const struct raml_study *one = raml_study_parts_get(p, 0).study;
    for (size_t i = 0; i < raml_study_n_steps(one); i++) {
        if (!strcmp(raml_study_step(one, i)->name, "b")) put(one, i, store, (double)i);
        done[raml_study_parts_work_of(p, 0, i)] = true;
    }
    CHECK_OK(raml_study_parts_results(p, store, out, done, NULL, &doc, &err));
    const json_t *claims = json_object_get(doc, "claims"), *missing = json_object_get(doc, "missing");
    assert_int_equal(json_array_size(claims), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(claims, 0), "part")), "one");
    assert_string_equal(json_string_value(json_object_get(json_array_get(claims, 0), "verdict")), "undecided");
    assert_string_equal(json_string_value(json_object_get(json_array_get(claims, 1), "verdict")), "not measured");
    assert_non_null(strstr(json_string_value(json_object_get(json_array_get(claims, 1), "missing")), "is not done"));
    assert_int_equal(json_array_size(missing),
                     5); /* of 2 arms and 3 seeds all but "with 1", which the first part has */
    for (size_t i = 0; i < 5; i++) assert_true(json_is_false(json_object_get(json_array_get(missing, i), "done")));
    raml_buf_init(&printed, 1 << 16);
    raml_study_print(doc, &printed);
    assert_non_null(strstr(printed.data, "two, quick, 3 seeds, declared "));
    assert_non_null(
        strstr(printed.data, "2 claims: 0 hold, 0 do not, 1 undecided, 1 not measured; 2 parts; declared "));
    raml_buf_deinit(&printed);
    json_decref(doc);
    raml_study_parts_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_refused),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_parts_results),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
