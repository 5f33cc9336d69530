/* test_samples_hostile.c - other tools' files with one thing broken: bytes flipped, values of other types, values gone.
 * Every one is read or refused with a message that names the file; nothing else happens (run under ASan too). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "samples/sample_files.h"

static const char *const good[] = {
    "{\"doc_id\":3,\"doc\":{\"subject\":\"a\",\"level\":2},\"target\":\"42\",\"arguments\":{\"gen_args_0\":{\"arg_0\":"
    "\"Q"
    "<think>\"}},\"resps\":[[\"x</"
    "think>42\",\"41\"]],\"filtered_resps\":[[\"42\",\"41\"]],\"filter\":\"none\",\"metrics\":[\"acc\"],"
    "\"doc_hash\":\"h\",\"finish_reason\":[\"stop\",\"length\"],\"acc\":[1,0],\"pass@1\":0.5}",
    "{\"doc\":{\"choices\":[\"42\",\"7\"],\"gold_index\":[0],\"id\":\"7\",\"generation_size\":3,\"specific\":{"
    "\"level\":1}},"
    "\"metric\":{\"pass@k:k=1&n=4\":0.5,\"em\":1},\"model_response\":{\"input\":\"Q\",\"output_tokens\":[[1,2,3],[1,2]]"
    ","
    "\"text\":[\"<think>42\",\"42\"]}}",
    "{\"full_prompt\":\"Q\",\"gold\":[\"42\"],\"metrics\":{\"pass@1:2_samples\":0.5},\"predictions\":[\"42\",\"41\"],"
    "\"specifics\":{}}",
    "{\"accuracy (2 runs average)\":50.0,\"details\":[{\"example_abbr\":\"a_b_0\",\"pred\":[\"42\",[\"4\",\"41\"]],"
    "\"answer\":[[\"42\"],\"42\"],\"origin_prediction\":[\"so 42\",\"41\"],\"correct\":[true,false]}]}",
    "{\"details\":{\"type\":\"GEN\",\"0\":{\"predictions\":\"42\",\"references\":\"42\",\"correct\":true}}}",
    "{\"0\":{\"origin_prompt\":[{\"role\":\"HUMAN\",\"prompt\":\"Q\"}],\"prediction\":[\"42\",{\"prediction\":\"41\","
    "\"rollout\":"
    "{\"finish_reason\":\"length\"}}],\"gold\":\"42\"},\"1\":{\"origin_prompt\":\"Q\",\"prediction\":\"1\",\"gold\":["
    "\"1\"]}}",
};
static const char *const other[] = {"null",
                                    "true",
                                    "-1",
                                    "1e308",
                                    "0.5",
                                    "\"\"",
                                    "\"x\"",
                                    "[]",
                                    "{}",
                                    "[[]]",
                                    "[null]",
                                    "{\"0\":{}}",
                                    "18446744073709551616",
                                    "[1,\"a\",{}]"};

static uint64_t dice;
static size_t roll(size_t n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(dice >> 33) % n;
}

static void read_every_way(const char *text)
{
    char path[160];
    struct raml_err err = {0};
    CHECK_OK(raml_file_write(path_in_folder("broken.json", path), text, strlen(text), &err));
    for (int layout = RAML_LAYOUT_AUTO; layout <= RAML_LAYOUT_OPENCOMPASS; layout++) {
        for (int regrade = 0; regrade < 2; regrade++) {
            struct taken t = {.n = 0};
            struct raml_samples_options opt = {.layout = (enum raml_samples_layout)layout, .regrade = regrade};
            t.rc = raml_samples_read(path, &opt, take_question, &t, &t.report, &t.err);
            if (t.rc && !strstr(t.err.msg, "broken.json")) {
                print_error("%s\n%s\n", text, t.err.msg);
                fail();
            }
            taken_deinit(&t);
        }
    }
}

static void test_bytes(void **state)
{
    (void)state;
    static const char put[] = "\"[]{},:0\\\n\xff\x01 n";
    dice = 1;
    for (size_t g = 0; g < COUNT(good); g++) {
        read_every_way(good[g]);
        for (int i = 0; i < 150; i++) {
            char text[1024];
            size_t n = strlen(good[g]);
            assert_true(n < sizeof text);
            memcpy(text, good[g], n + 1);
            for (size_t j = 0; j <= roll(3); j++) text[roll(n)] = put[roll(sizeof put - 1)];
            if (!roll(4)) text[roll(n)] = 0;
            read_every_way(text);
        }
    }
}

/* Replaces value number *at of v's tree with another value, or none. */
static void put_other(json_t *v, size_t *at, const char *text)
{
    json_t *child;
    const char *key;
    void *next;
    size_t i;
    json_object_foreach_safe(v, next, key, child)
    {
        if (!(*at)--) {
            if (text) json_object_set_new(v, key, json_loads(text, JSON_DECODE_ANY, NULL));
            else json_object_del(v, key);
            return;
        }
        put_other(child, at, text);
    }
    for (i = 0; i < json_array_size(v); i++) {
        if (!(*at)--) {
            if (text) json_array_set_new(v, i, json_loads(text, JSON_DECODE_ANY, NULL));
            else json_array_remove(v, i);
            return;
        }
        put_other(json_array_get(v, i), at, text);
    }
}

static void test_types(void **state)
{
    (void)state;
    for (size_t g = 0; g < COUNT(good); g++) {
        for (size_t place = 0; place < 40; place++) {
            for (size_t o = 0; o <= COUNT(other); o++) {
                json_t *v = json_loads(good[g], 0, NULL);
                size_t at = place;
                assert_non_null(v);
                put_other(v, &at, o < COUNT(other) ? other[o] : NULL);
                char *text = json_dumps(v, JSON_COMPACT);
                json_decref(v);
                if (at > place) read_every_way(text); /* there was such a value: the count went below zero */
                free(text);
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_bytes), cmocka_unit_test(test_types)};
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
