/* test_path.c - paths that just fit, and those that don't. */
#include "core/scratch.h"

#include "core/path.h"

static void joins(void **state)
{
    (void)state;
    struct raml_err err = {0};
    char path[RAML_PATH_BYTES];
    must(raml_path_join(path, "a", "b.json", &err), &err);
    assert_string_equal(path, "a/b.json");
    must(raml_path_join(path, "", "", &err), &err);
    assert_string_equal(path, "/");
    must(raml_path_format(path, &err, "%s/checkpoint-%d%s", "/run", 12, ".tmp"), &err);
    assert_string_equal(path, "/run/checkpoint-12.tmp");
    char *own = raml_path_new("%s/%s", "/run", "x");
    assert_non_null(own);
    assert_string_equal(own, "/run/x");
    free(own);
}

static void the_limit_is_exact(void **state)
{
    (void)state;
    char dir[RAML_PATH_BYTES + 8], path[RAML_PATH_BYTES];
    for (int over = -1; over <= 1; over++) {
        struct raml_err err = {0};
        size_t n = (size_t)(RAML_PATH_BYTES - 1 - 2 + over); /* and "/x" */
        memset(dir, 'd', n);
        dir[n] = 0;
        enum raml_code rc = raml_path_join(path, dir, "x", &err);
        char *own = raml_path_new("%s/x", dir);
        assert_non_null(own);
        assert_int_equal(strlen(own), n + 2);
        if (over <= 0) {
            must(rc, &err);
            assert_string_equal(path, own);
        } else {
            assert_int_equal(rc, RAML_EUSAGE);
            assert_true(has(err.msg, "ddd...: a path of more than 4095 bytes"));
            assert_true(strlen(err.msg) < 120);
            assert_string_equal(path, "");
            assert_int_equal(raml_path_format(path, NULL, "%s", own), RAML_EUSAGE);
        }
        free(own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(joins),
        cmocka_unit_test(the_limit_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
