/* NumPy files: every byte of small ones, alignment, what is refused. tests/script/test_arrays.sh reads them with numpy. */
#include "core/scratch.h"

#include "store/npy.h"

static void bytes(void **state)
{
    struct raml_err err = {0};
    char path[4200];
    const size_t shape[] = {2, 3};
    const double value[] = {0, 1, -2, 0.5, 1e300, -0.0};
    size_t n;
    must(raml_npy_write(in(*state, "a.npy", path), shape, 2, value, &err), &err);
    char *file = slurp(path, &n);
    static const char head[] = "\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
    assert_int_equal(n, 128 + sizeof value);
    assert_memory_equal(file, head, sizeof head - 1);
    for (size_t i = sizeof head - 1; i < 127; i++) assert_int_equal(file[i], ' ');
    assert_int_equal(file[127], '\n');
    assert_memory_equal(file + 128, value, sizeof value); /* this machine is little-endian, as the file is */
    free(file);
}

static void shapes(void **state)
{
    struct raml_err err = {0};
    char path[4200];
    const size_t shape[] = {1, 1, 1, 1, 1}, none[] = {0}, long_one[] = {123456789, 0, 987654321, 1234567890123};
    const double one = 7;
    size_t n;
    must(raml_npy_write(in(*state, "b.npy", path), shape, 1, &one, &err), &err);
    char *file = slurp(path, &n);
    assert_true(has(file + 10, "'shape': (1,), }"));
    assert_int_equal(n, 136);
    free(file);
    must(raml_npy_write(path, shape, 0, &one, &err), &err);
    file = slurp(path, &n);
    assert_true(has(file + 10, "'shape': (), }"));
    free(file);
    must(raml_npy_write(path, none, 1, NULL, &err), &err);
    file = slurp(path, &n);
    assert_int_equal(n, 128);
    free(file);
    must(raml_npy_write(path, long_one, 4, NULL, &err), &err);
    file = slurp(path, &n);
    assert_int_equal(n % 64, 0);
    free(file);
    assert_int_equal(raml_npy_write(path, shape, 5, &one, &err), RAML_EUSAGE);
    assert_true(has(err.msg, "an array of 5 dimensions; at most 4"));
    assert_int_equal(raml_npy_write("/no/such/folder/c.npy", shape, 1, &one, &err), RAML_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(shapes),
    };
    return cmocka_run_group_tests(tests, enter_scratch, leave_scratch);
}
