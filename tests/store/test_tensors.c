/* test_tensors.c - a model's tensors in one file or several, and indexes that lie. */
#include "core/scratch.h"

#include "store/tensors.h"

static const float values[] = {1, 2, 3, 4};

/* name NULL ends the list. */
static void write_file(const char *dir, const char *file, const char *a, const char *b)
{
    char path[4200];
    struct raml_err err = {0};
    struct raml_tensor_view t[2] = {{.name = a, .n_dims = 1, .shape = {2}, .n = 2, .data = values},
                                    {.name = b, .n_dims = 1, .shape = {2}, .n = 2, .data = values + 2}};
    must(raml_safetensors_write(in(dir, file, path), t, b ? 2 : 1, NULL, &err), &err);
}

static void write_index(const char *dir, const char *text)
{
    char path[4200];
    struct raml_err err = {0};
    must(raml_file_write(in(dir, "model.safetensors.index.json", path), text, strlen(text), &err), &err);
}

#define ONE "model-00001-of-00002.safetensors"
#define TWO "model-00002-of-00002.safetensors"
#define MAP(a, b, c) "{\"weight_map\":{\"a\":\"" a "\",\"b\":\"" b "\",\"c\":\"" c "\"}}"

static void test_several(void **state)
{
    struct raml_err err = {0};
    struct raml_tensors *t;
    write_file(*state, ONE, "a", "b");
    write_file(*state, TWO, "c", NULL);
    write_index(*state, "{\"metadata\":{\"total_size\":24},\"weight_map\":{\"c\":\"" TWO "\",\"a\":\"" ONE
                        "\",\"b\":\"" ONE "\"}}");
    must(raml_tensors_open(*state, &t, &err), &err);
    assert_int_equal(raml_tensors_count(t), 3);
    size_t seen = 0;
    for (size_t i = 0; i < 3; i++) seen |= (size_t)1 << (raml_tensors_at(t, i)->name[0] - 'a');
    assert_int_equal(seen, 7);
    assert_memory_equal(raml_tensors_find(t, "b")->data, values + 2, 8);
    assert_memory_equal(raml_tensors_find(t, "c")->data, values, 8);
    assert_null(raml_tensors_find(t, "d"));
    assert_true(has(raml_tensors_path(t), "index.json"));
    raml_tensors_close(t);
    write_file(*state, "model.safetensors", "d", NULL); /* one file wins */
    must(raml_tensors_open(*state, &t, &err), &err);
    assert_int_equal(raml_tensors_count(t), 1);
    assert_non_null(raml_tensors_find(t, "d"));
    raml_tensors_close(t);
}

static void test_lies(void **state)
{
    static const struct {
        const char *index, *part; /* of the message */
    } cases[] = {
        {"{}", "weight_map"},
        {"[]", "weight_map"},
        {"{\"weight_map\":{}}", "weight_map"},
        {"{\"weight_map\":[\"a\"]}", "weight_map"},
        {"{\"weight_map\":{\"a\":1}}", "tensor 'a': expected the name of a file"},
        {"{\"weight_map\":{\"a\":\"" ONE "\"", "JSON"},
        {MAP(ONE, ONE, "../" TWO), "expected a file of the same folder"},
        {MAP(ONE, ONE, "/etc/passwd"), "expected a file of the same folder"},
        {MAP(ONE, ONE, ""), "expected a file of the same folder"},
        {MAP(ONE, ONE, ".."), "expected a file of the same folder"},
        {MAP(ONE, ONE, "no.safetensors"), "no.safetensors"},
        {MAP(ONE, TWO, TWO), "tensor 'b' is not in " TWO},
        {"{\"weight_map\":{\"a\":\"" ONE "\",\"c\":\"" TWO "\"}}",
         ONE " holds tensor 'b', which the index does not name"},
        {"{\"weight_map\":{\"a\":\"" ONE "\",\"b\":\"" ONE "\",\"c\":\"" TWO "\",\"a\":\"" TWO "\"}}", "duplicate"},
    };
    write_file(*state, ONE, "a", "b");
    write_file(*state, TWO, "c", NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_err err = {0};
        struct raml_tensors *t = NULL;
        write_index(*state, cases[i].index);
        assert_int_not_equal(raml_tensors_open(*state, &t, &err), RAML_OK);
        assert_null(t);
        assert_true(has(err.msg, cases[i].part));
        assert_true(has(err.msg, "index.json"));
    }
    write_file(*state, TWO, "c", "a"); /* a second time */
    struct raml_err err = {0};
    struct raml_tensors *t = NULL;
    write_index(*state, MAP(ONE, ONE, TWO));
    assert_int_equal(raml_tensors_open(*state, &t, &err), RAML_EFORMAT);
    assert_true(has(err.msg, TWO " holds tensor 'a', which the index places in " ONE));
}

static void test_nothing(void **state)
{
    struct raml_err err = {0};
    struct raml_tensors *t = NULL;
    assert_int_not_equal(raml_tensors_open(*state, &t, &err), RAML_OK);
    assert_true(has(err.msg, "model.safetensors"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_several, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_lies, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_nothing, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
