/* test_lacking.c - vocabularies without tokens for some bytes, as SmolLM2's: what becomes of these bytes, and the file that is written
 * for the `tokenizers` library, which insists on fields that have obvious values. Expected ids: tokenizers 0.23.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "fixture.h"
#include "text/vocab.h"

enum { UNK = 0 }; /* ids: <unk>, <end>, the bytes, two merges */

static bool lacks(unsigned b)
{
    return b == 0x04 || b == 0xf1 || b == 0xf2 || raml_never_in_utf8(b);
}

/* <unk> and <end> (special), the bytes but those above, "!!" and "ab". ids[b]: of a byte. */
static struct raml_tokenizer *open_small(int32_t ids[256])
{
    static char text[300][8];
    struct raml_str token[300];
    int32_t type[300];
    static const struct raml_str merge[] = {{"! !", 3}, {"a b", 3}};
    struct raml_err err = {0};
    struct raml_tokenizer *t = NULL;
    size_t n = 0;
    for (; n < 2; n++) {
        snprintf(text[n], sizeof text[n], "%s", n ? "<end>" : "<unk>");
        type[n] = 3;
    }
    for (unsigned b = 0; b < 256; b++) {
        ids[b] = -1;
        if (lacks(b)) continue;
        ids[b] = (int32_t)n;
        text[n][raml_byte_to_char((unsigned char)b, text[n])] = 0;
        type[n++] = 1;
    }
    snprintf(text[n], sizeof text[n], "!!");
    type[n++] = 1;
    snprintf(text[n], sizeof text[n], "ab");
    type[n++] = 1;
    for (size_t i = 0; i < n; i++) token[i] = (struct raml_str){text[i], strlen(text[i])};
    const struct raml_tokenizer_parts p = {.name = "small",
                                           .token = token,
                                           .type = type,
                                           .n_tokens = n,
                                           .merge = merge,
                                           .n_merges = 2,
                                           .pattern = "smollm"};
    CHECK_OK(raml_tokenizer_from_parts(&p, &t, &err));
    return t;
}

/* The same with model.unk_token, from the file that _save wrote. */
static enum raml_code open_again(const struct fixture *f, const struct raml_tokenizer *t, const char *unk, bool fuse,
                                 struct raml_tokenizer **out, struct raml_err *err)
{
    assert_int_equal(raml_tokenizer_save(t, f->path, err), RAML_OK);
    json_t *root = json_load_file(f->path, 0, NULL), *model = json_object_get(root, "model");
    assert_non_null(model);
    if (unk) assert_int_equal(json_object_set_new(model, "unk_token", json_string(unk)), 0);
    if (fuse) assert_int_equal(json_object_set_new(model, "fuse_unk", json_true()), 0);
    assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
    json_decref(root);
    return raml_tokenizer_open(f->path, out, err);
}

struct want {
    const char *text;
    size_t n_bytes;
    int byte[8]; /* bytes; 256: "!!", 257: "ab", 300: what stands for a byte without a token */
    struct raml_range where[8];
    size_t n;
};
static const struct want wants[] = {
    {"!\x04!", 3, {256}, {{0, 3}}, 1}, /* merged as if nothing had been between them */
    {"a\x04"
     "b",
     3,
     {'a', 'b'},
     {{0, 1}, {2, 3}},
     2}, /* three words: no merge */
    {"\x04", 1, {0}, {{0, 0}}, 0},
    {"\x04\x04 ab\x04", 5, {' ', 257}, {{2, 3}, {3, 5}}, 2},
    {"\xf1\x80\x81\x82", 4, {0x80, 0x81, 0x82}, {{1, 2}, {2, 3}, {3, 4}}, 3},
    {"\xf3\xa0\x80\x81", 4, {0xf3, 0xa0, 0x80, 0x81}, {{0, 1}, {1, 2}, {2, 3}, {3, 4}}, 4},
    {"7\x04"
     "7",
     3,
     {'7', '7'},
     {{0, 1}, {2, 3}},
     2},
};

static void left_out(void **state)
{
    int32_t ids[256];
    struct raml_tokenizer *t = open_small(ids);
    struct raml_err err = {0};
    const struct raml_encode_options opt = {0};
    assert_int_equal(raml_tokenizer_lacks_bytes(t), 3);
    for (size_t i = 0; i < COUNT(wants); i++) {
        const struct want *w = &wants[i];
        struct raml_tokens id = {0};
        struct raml_ranges where = {0};
        int32_t want[8];
        for (size_t k = 0; k < w->n; k++)
            want[k] = w->byte[k] < 256 ? ids[w->byte[k]] : raml_tokenizer_size(t) - 258 + w->byte[k];
        CHECK_OK(raml_tokenizer_encode_parts(t, w->text, w->n_bytes, &opt, &id, &where, &err));
        check_ids(w->text, id.id, id.n, want, w->n);
        assert_int_equal(where.n, w->n);
        for (size_t k = 0; k < w->n; k++)
            if (where.range[k].start != w->where[k].start || where.range[k].end != w->where[k].end)
                fail_msg("case %zu, token %zu: bytes %zu to %zu", i, k, where.range[k].start, where.range[k].end);
        raml_tokens_deinit(&id);
        raml_ranges_deinit(&where);
    }
    struct raml_tokens id = {0};
    assert_int_equal(raml_tokenizer_encode(t, "a\xff", 2, false, &id, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "the vocabulary has no token for byte 0xff");
    assert_int_equal(id.n, 0);
    raml_tokens_deinit(&id);
    raml_tokenizer_close(t);
    (void)state;
}

static void nothing_left(void **state)
{
    int32_t ids[256];
    struct raml_tokenizer *t = open_small(ids);
    struct raml_err err = {0};
    struct raml_joined j = {0};
    const struct raml_join_text context = {.s = "a", .n = 1}, some = {.s = "\x04!", .n = 2},
                                none = {.s = "\x04\x04", .n = 2};
    for (int join = RAML_JOIN_JOINT; join <= RAML_JOIN_SPLIT; join++) {
        CHECK_OK(raml_join(t, (enum raml_join)join, &context, &some, &j, &err));
        assert_true(j.context.n == 1 && j.continuation.n == 1 && j.continuation.id[0] == ids['!']);
        err = (struct raml_err){0};
        assert_int_equal(raml_join(t, (enum raml_join)join, &context, &none, &j, &err), RAML_ERANGE);
        assert_non_null(strstr(err.msg, "no token for any byte of the text"));
    }
    raml_joined_deinit(&j);
    raml_tokenizer_close(t);
    (void)state;
}

static void unknown_token(void **state)
{
    int32_t ids[256];
    struct raml_tokenizer *t = open_small(ids), *u = NULL;
    struct raml_err err = {0};
    struct raml_tokens id = {0};
    CHECK_OK(open_again(*state, t, "<unk>", false, &u, &err));
    const int32_t want[] = {ids['!'], UNK, ids['!'], ids[' '], UNK, UNK};
    CHECK_OK(raml_tokenizer_encode(u, "!\x04! \x04\x04", 6, false, &id, &err));
    check_ids("with unk_token", id.id, id.n, want, COUNT(want));
    assert_int_equal(raml_tokenizer_lacks_bytes(u), 3);
    raml_tokens_deinit(&id);
    raml_tokenizer_close(u);
    assert_int_equal(open_again(*state, t, "<none>", false, &u, &err), RAML_EFORMAT);
    assert_non_null(strstr(err.msg, "model.vocab lacks model.unk_token, '<none>'"));
    err = (struct raml_err){0};
    assert_int_equal(open_again(*state, t, "<unk>", true, &u, &err), RAML_ESUPPORT);
    assert_non_null(strstr(err.msg, "'model.fuse_unk' is true"));
    raml_tokenizer_close(t);
}

/* The library refuses a file without these ("missing field `single_word`", "did not match any variant"). */
static void fields_of_tokenizers(void **state)
{
    static const char *const added[] = {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"},
                             *const level[] = {"type", "add_prefix_space", "trim_offsets", "use_regex"};
    const struct fixture *f = *state;
    int32_t ids[256];
    struct raml_err err = {0};
    struct raml_tokenizer *t = open_small(ids);
    CHECK_OK(raml_tokenizer_save(t, f->path, &err));
    json_t *root = json_load_file(f->path, 0, NULL), *list = json_object_get(root, "added_tokens");
    assert_int_equal(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < COUNT(added); k++) assert_non_null(json_object_get(json_array_get(list, i), added[k]));
    for (size_t k = 0; k < COUNT(level); k++)
        assert_non_null(json_object_get(json_object_get(root, "decoder"), level[k]));
    json_decref(root);
    raml_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_out),
        cmocka_unit_test(nothing_left),
        cmocka_unit_test_setup_teardown(unknown_token, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_of_tokenizers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
