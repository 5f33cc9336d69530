/* test_core_memory.c - what is written while a failed allocation is noted is refused: that file alone, and in a strict process
 * every later one too. tests/script/test_memory.sh lets the allocations of whole commands fail. */
#include "core/scratch.h"

#include "core/json.h"
#include "core/memory.h"

#include <errno.h>
#include <stdint.h>

static void only_what_was_open_is_refused(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    struct raml_writer w, other;
    in(*state, "a.txt", path);
    must(raml_file_write(path, "old", 3, &e), &e);
    must(raml_writer_init(&w, path, &e), &e);
    must(raml_writer_add(&w, "new", 3, &e), &e);
    raml_memory_note(0);
    assert_int_equal(raml_writer_commit(&w, &e), RAML_ENOMEM);
    assert_true(has(e.msg, "a.txt: memory ran out while it was written; what was there before is kept"));
    size_t n = 0;
    char *text = slurp(path, &n);
    assert_string_equal(text, "old");
    free(text);

    must(raml_writer_init(&other, path, &e), &e); /* begun after it */
    must(raml_writer_add(&other, "new", 3, &e), &e);
    must(raml_writer_commit(&other, &e), &e);
}

static void failures_are_noted(void **state)
{
    (void)state;
    size_t before = raml_memory_noted();
    assert_int_equal(raml_memory_first(), 0); /* none of known size */
    raml_memory_note(100);
    raml_memory_note(200);
    assert_int_equal(raml_memory_noted(), before + 2);
    assert_int_equal(raml_memory_first(), 100);
    before += 2;

    struct raml_err e = {0};
    errno = ENOMEM;
    assert_int_equal(raml_fail_errno(&e, "x"), RAML_EIO);
    assert_int_equal(raml_memory_noted(), before + 1);
    errno = ENOENT;
    assert_int_equal(raml_fail_errno(&e, "x"), RAML_EIO);
    assert_int_equal(raml_memory_noted(), before + 1);
}

static size_t left; /* allocations of jansson's that succeed */

static void *few(size_t n)
{
    if (!left) return NULL;
    left--;
    return malloc(n);
}

/* jansson says nothing of its kind where no memory is what it lacks: not bad input. */
static void no_memory_is_not_bad_input(void **state)
{
    (void)state;
    struct raml_place at = {"x.jsonl", 3};
    static const char text[] = "{\"a\": [1, 2]}";
    json_set_alloc_funcs(few, free);
    for (size_t n = 0; n < 2; n++) {
        struct raml_err e = {0};
        json_t *v = NULL;
        bool enough = true;
        left = n;
        assert_int_equal(raml_json_parse(&at, text, strlen(text), &v, &e), RAML_ENOMEM);
        assert_string_equal(e.msg, "x.jsonl:3: no memory to read it");
        left = n;
        assert_null(raml_json_value(text, strlen(text), &enough));
        assert_false(enough);
        left = SIZE_MAX;
        assert_null(raml_json_value("{\"a\"", 4, &enough));
        assert_true(enough);
    }
    json_set_alloc_funcs(malloc, free);
}

/* The last: it holds for the rest of the process. */
static void strict_refuses_all_that_follows(void **state)
{
    char path[4200];
    struct raml_err e = {0};
    in(*state, "b.txt", path);
    assert_true(raml_memory_noted() > 0);
    assert_int_equal(raml_memory_mark(), raml_memory_noted());
    must(raml_file_write(path, "x", 1, &e), &e);
    raml_memory_strict();
    assert_int_equal(raml_memory_mark(), 0);
    assert_int_equal(raml_file_write(path, "y", 1, &e), RAML_ENOMEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_was_open_is_refused, enter_scratch, leave_scratch),
        cmocka_unit_test(failures_are_noted),
        cmocka_unit_test(no_memory_is_not_bad_input),
        cmocka_unit_test_setup_teardown(strict_refuses_all_that_follows, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
