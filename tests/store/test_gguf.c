/* test_gguf.c - reading GGUF files: hostile ones, every type of metadata, real vocabularies. */
#include "core/scratch.h"
#include "store/gguf_format.h"

#include "raml/rng.h"

#include <math.h>

/* A file put together by hand; pos[] remembers where its fields are. */
/* clang-format off */
enum {
    P_MAGIC, P_VERSION, P_TENSORS, P_VALUES, P_KEY, P_KEY_TEXT, P_TYPE, P_TEXT_LEN, P_ALIGN_KEY, P_ALIGN_TYPE, P_ALIGN,
    P_BOOL, P_LIST_KEY, P_LIST_TYPE, P_LIST_ELEMENT, P_LIST_LEN, P_LIST_FIRST, P_FLOATS_ELEMENT, P_FLOATS_LEN, P_FLAGS,
    P_NAME, P_NAME_TEXT, P_DIMS, P_NE0, P_NE1, P_T_TYPE, P_OFFSET, P_NAME2, P_NAME2_TEXT, P_DIMS2, P_NE2, P_T_TYPE2,
    P_OFFSET2, P_OFFSET3, P_DATA, P_END, N_POS
};
/* clang-format on */
struct image {
    unsigned char b[2048];
    size_t n, pos[N_POS];
};

static void put(struct image *f, const void *bytes, size_t n)
{
    assert_true(f->n + n <= sizeof f->b);
    if (n) memcpy(f->b + f->n, bytes, n);
    f->n += n;
}

static void put32(struct image *f, uint32_t x)
{
    put(f, &x, sizeof x);
}

static void put64(struct image *f, uint64_t x)
{
    put(f, &x, sizeof x);
}

static void put_text(struct image *f, const char *text)
{
    put64(f, strlen(text));
    put(f, text, strlen(text));
}

static void note(struct image *f, int p)
{
    f->pos[p] = f->n;
}

static void put_key(struct image *f, const char *key, uint32_t type)
{
    put_text(f, key);
    put32(f, type);
}

static void build_values(struct image *f)
{
    static const float floats[] = {1.5f, -2};
    static const double pi = 3.25;
    note(f, P_KEY);
    note(f, P_KEY_TEXT);
    f->pos[P_KEY_TEXT] += 8;
    put_text(f, "general.name");
    note(f, P_TYPE);
    put32(f, RAML_GGUF_STRING);
    note(f, P_TEXT_LEN);
    put_text(f, "tiny");
    note(f, P_ALIGN_KEY);
    put_text(f, "general.alignment");
    note(f, P_ALIGN_TYPE);
    put32(f, RAML_GGUF_U32);
    note(f, P_ALIGN);
    put32(f, 32);
    put_key(f, "n.u8", RAML_GGUF_U8), put(f, "\xff", 1);
    put_key(f, "n.i8", RAML_GGUF_I8), put(f, "\xff", 1);
    put_key(f, "n.u16", RAML_GGUF_U16), put(f, "\xfe\xff", 2);
    put_key(f, "n.i16", RAML_GGUF_I16), put(f, "\xfe\xff", 2);
    put_key(f, "n.u32", RAML_GGUF_U32), put32(f, UINT32_MAX);
    put_key(f, "n.i32", RAML_GGUF_I32), put32(f, (uint32_t)-70000);
    put_key(f, "n.u64", RAML_GGUF_U64), put64(f, (uint64_t)INT64_MAX + 1);
    put_key(f, "n.i64", RAML_GGUF_I64), put64(f, (uint64_t)INT64_MIN);
    put_key(f, "x.f32", RAML_GGUF_F32), put(f, floats, 4);
    put_key(f, "x.f64", RAML_GGUF_F64), put(f, &pi, 8);
    put_key(f, "flag", RAML_GGUF_BOOL);
    note(f, P_BOOL);
    put(f, "\1", 1);
    note(f, P_LIST_KEY);
    put_text(f, "list");
    note(f, P_LIST_TYPE);
    put32(f, RAML_GGUF_ARRAY);
    note(f, P_LIST_ELEMENT);
    put32(f, RAML_GGUF_STRING);
    note(f, P_LIST_LEN);
    put64(f, 3);
    note(f, P_LIST_FIRST);
    put_text(f, "a"), put_text(f, ""), put_text(f, "ccc");
    put_key(f, "floats", RAML_GGUF_ARRAY);
    note(f, P_FLOATS_ELEMENT);
    put32(f, RAML_GGUF_F32);
    note(f, P_FLOATS_LEN);
    put64(f, 2);
    put(f, floats, 8);
    put_key(f, "flags", RAML_GGUF_ARRAY), put32(f, RAML_GGUF_BOOL), put64(f, 3);
    note(f, P_FLAGS);
    put(f, "\1\0\1", 3);
    put_key(f, "none", RAML_GGUF_ARRAY), put32(f, RAML_GGUF_I32), put64(f, 0);
}

/* t.weight: F32 of C shape [2, 3] at 0; t.q8: Q8_0 of 32 at 32; t.one: F32 without dimensions at 96. */
static void build(struct image *f, uint32_t version)
{
    memset(f, 0, sizeof *f);
    note(f, P_MAGIC), put(f, "GGUF", 4);
    note(f, P_VERSION), put32(f, version);
    note(f, P_TENSORS), put64(f, 3);
    note(f, P_VALUES), put64(f, 17);
    build_values(f);
    note(f, P_NAME);
    note(f, P_NAME_TEXT);
    f->pos[P_NAME_TEXT] += 8;
    put_text(f, "t.weight");
    note(f, P_DIMS), put32(f, 2);
    note(f, P_NE0), put64(f, 3);
    note(f, P_NE1), put64(f, 2);
    note(f, P_T_TYPE), put32(f, RAML_GGML_F32);
    note(f, P_OFFSET), put64(f, 0);
    note(f, P_NAME2);
    note(f, P_NAME2_TEXT);
    f->pos[P_NAME2_TEXT] += 8;
    put_text(f, "t.q8");
    note(f, P_DIMS2), put32(f, 1);
    note(f, P_NE2), put64(f, 32);
    note(f, P_T_TYPE2), put32(f, RAML_GGML_Q8_0);
    note(f, P_OFFSET2), put64(f, 32);
    put_text(f, "t.one");
    put32(f, 0);
    put32(f, RAML_GGML_F32);
    note(f, P_OFFSET3), put64(f, 96);
    while (f->n % 32) put(f, "", 1);
    note(f, P_DATA);
    for (int i = 0; i < 100; i++) put(f, &(char){(char)i}, 1);
    note(f, P_END);
}

/* Opens, and reads every byte that an opened file exposes. */
static enum raml_code try_open(const char *path, struct raml_err *e)
{
    struct raml_gguf *g = NULL;
    volatile unsigned sink = 0;
    enum raml_code rc = raml_gguf_open(path, &g, e);
    assert_true((rc == RAML_OK) == (g != NULL));
    for (size_t i = 0; g && i < raml_gguf_n_values(g); i++) {
        const struct raml_gguf_value *v = raml_gguf_value_at(g, i);
        for (size_t k = 0; k < v->n; k++) {
            struct raml_gguf_string s = {0};
            int64_t n;
            double x;
            bool b;
            if (!raml_gguf_element_integer(v, k, &n, e)) sink += (unsigned)n;
            if (!raml_gguf_element_real(v, k, &x, e)) sink += x > 0;
            if (!raml_gguf_element_bool(v, k, &b, e)) sink += b;
            if (!raml_gguf_element_string(v, k, &s, e))
                for (size_t c = 0; c < s.n; c++) sink += (unsigned char)s.bytes[c];
        }
    }
    for (size_t i = 0; g && i < raml_gguf_n_tensors(g); i++) {
        const struct raml_gguf_tensor *t = raml_gguf_tensor_at(g, i);
        for (size_t k = 0; k < t->bytes; k++) sink += ((const unsigned char *)t->data)[k];
        float *x = malloc(t->n * sizeof *x + 1);
        assert_non_null(x);
        if (!raml_gguf_to_f32(t, x, false, e)) sink += t->n && x[t->n - 1] > 0;
        free(x);
    }
    (void)sink;
    raml_gguf_close(g);
    return rc;
}

#define HUGE_COUNT UINT64_C(0xffffffffffffffff)
static const struct {
    int pos, bytes;
    uint64_t value;
    enum raml_code code;
    const char *part;
} hostile[] = {
    {P_MAGIC, 1, 'g', RAML_EFORMAT, "does not start with GGUF"},
    {P_MAGIC, 4, 0, RAML_EFORMAT, "does not start with GGUF"},
    {P_VERSION, 4, 0, RAML_ESUPPORT, "version 0; expected 2 or 3"},
    {P_VERSION, 4, 1, RAML_ESUPPORT, "version 1; expected 2 or 3"},
    {P_VERSION, 4, 4, RAML_ESUPPORT, "version 4; expected 2 or 3"},
    {P_VERSION, 4, 0x03000000, RAML_ESUPPORT, "big-endian"},
    {P_TENSORS, 8, 4, RAML_EFORMAT, "tensor"},
    {P_TENSORS, 8, 100, RAML_EFORMAT, "100 tensors"},
    {P_TENSORS, 8, HUGE_COUNT, RAML_EFORMAT, "tensors; "},
    {P_TENSORS, 8, UINT64_C(1) << 63, RAML_EFORMAT, "tensors; "},
    {P_TENSORS, 8, 1 << 20, RAML_EFORMAT, "tensors; "},
    {P_VALUES, 8, 0, RAML_EFORMAT, "tensor"},
    {P_VALUES, 8, 16, RAML_EFORMAT, "tensor"},
    {P_VALUES, 8, 18, RAML_EFORMAT, ""},
    {P_VALUES, 8, 1000, RAML_EFORMAT, "1000 entries of metadata"},
    {P_VALUES, 8, HUGE_COUNT, RAML_EFORMAT, "entries of metadata; "},
    {P_VALUES, 8, UINT64_C(0x1000000000000000), RAML_EFORMAT, "entries of metadata; "},
    {P_KEY, 8, 0, RAML_EFORMAT, "key of 0 bytes"},
    {P_KEY, 8, 11, RAML_EFORMAT, "general.nam"},
    {P_KEY, 8, 13, RAML_EFORMAT, "key of 13 bytes"},
    {P_KEY, 8, 100000, RAML_EFORMAT, "needs 100000 bytes"},
    {P_KEY, 8, HUGE_COUNT, RAML_EFORMAT, "a metadata key needs"},
    {P_KEY, 8, HUGE_COUNT - 7, RAML_EFORMAT, "a metadata key needs"},
    {P_KEY_TEXT, 1, 0, RAML_EFORMAT, "printable ASCII"},
    {P_KEY_TEXT, 1, 0x1b, RAML_EFORMAT, "printable ASCII"},
    {P_KEY_TEXT, 1, 0xc3, RAML_EFORMAT, "printable ASCII"},
    {P_TYPE, 4, 13, RAML_EFORMAT, "'general.name' has type 13"},
    {P_TYPE, 4, 0xffffffff, RAML_EFORMAT, "type 4294967295"},
    {P_TYPE, 4, RAML_GGUF_U8, RAML_EFORMAT, "key"},
    {P_TYPE, 4, RAML_GGUF_ARRAY, RAML_EFORMAT, "'general.name'"},
    {P_TEXT_LEN, 8, HUGE_COUNT, RAML_EFORMAT, "a string needs"},
    {P_TEXT_LEN, 8, 1500, RAML_EFORMAT, "a string needs 1500 bytes"},
    {P_TEXT_LEN, 8, 5, RAML_EFORMAT, "key"},
    {P_ALIGN_TYPE, 4, RAML_GGUF_I32, RAML_EFORMAT, "general.alignment has type i32; expected u32"},
    {P_ALIGN_TYPE, 4, RAML_GGUF_F32, RAML_EFORMAT, "general.alignment has type f32; expected u32"},
    {P_ALIGN, 4, 0, RAML_EFORMAT, "general.alignment is 0; expected a power of two"},
    {P_ALIGN, 4, 1, RAML_EFORMAT, "general.alignment is 1;"},
    {P_ALIGN, 4, 4, RAML_EFORMAT, "general.alignment is 4;"},
    {P_ALIGN, 4, 24, RAML_EFORMAT, "general.alignment is 24;"},
    {P_ALIGN, 4, 33, RAML_EFORMAT, "general.alignment is 33;"},
    {P_ALIGN, 4, 0xffffffff, RAML_EFORMAT, "general.alignment is 4294967295;"},
    {P_ALIGN, 4, 64, RAML_EFORMAT, "expected a multiple of 64"},
    {P_ALIGN, 4, 0x80000000, RAML_EFORMAT, "expected a multiple of 2147483648"},
    {P_BOOL, 1, 2, RAML_EFORMAT, "'flag': a bool is 2"},
    {P_BOOL, 1, 255, RAML_EFORMAT, "'flag': a bool is 255"},
    {P_LIST_TYPE, 4, 77, RAML_EFORMAT, "'list' has type 77"},
    {P_LIST_ELEMENT, 4, RAML_GGUF_ARRAY, RAML_ESUPPORT, "'list' is an array of arrays"},
    {P_LIST_ELEMENT, 4, 13, RAML_EFORMAT, "'list': elements of type 13"},
    {P_LIST_ELEMENT, 4, 0xffffffff, RAML_EFORMAT, "elements of type 4294967295"},
    {P_LIST_LEN, 8, HUGE_COUNT, RAML_EFORMAT, "'list': 18446744073709551615 elements"},
    {P_LIST_LEN, 8, UINT64_C(1) << 61, RAML_EFORMAT, "'list': 2305843009213693952 elements"},
    {P_LIST_LEN, 8, 4, RAML_EFORMAT, ""},
    {P_LIST_LEN, 8, 2, RAML_EFORMAT, ""},
    {P_LIST_FIRST, 8, HUGE_COUNT, RAML_EFORMAT, "'list', string 0 of 3"},
    {P_LIST_FIRST, 8, 1500, RAML_EFORMAT, "'list', string 0 of 3"},
    {P_FLOATS_ELEMENT, 4, RAML_GGUF_BOOL, RAML_EFORMAT, ""},
    {P_FLOATS_LEN, 8, UINT64_C(0x4000000000000001), RAML_EFORMAT, "'floats': 4611686018427387905 elements"},
    {P_FLOATS_LEN, 8, 1000, RAML_EFORMAT, "'floats': 1000 elements"},
    {P_FLOATS_LEN, 8, 3, RAML_EFORMAT, ""},
    {P_FLAGS, 1, 3, RAML_EFORMAT, "'flags': a bool is 3"},
    {P_NAME, 8, 0, RAML_EFORMAT, "tensor 0 has a name of 0 bytes"},
    {P_NAME, 8, 65, RAML_EFORMAT, "a name of 65 bytes; expected 1 to 64"},
    {P_NAME, 8, HUGE_COUNT, RAML_EFORMAT, "a tensor's name needs"},
    {P_NAME_TEXT, 1, 0, RAML_EFORMAT, "no control characters"},
    {P_NAME_TEXT, 1, 0x1b, RAML_EFORMAT, "no control characters"},
    {P_DIMS, 4, 5, RAML_EFORMAT, "'t.weight' has 5 dimensions; expected at most 4"},
    {P_DIMS, 4, 0xffffffff, RAML_EFORMAT, "has 4294967295 dimensions"},
    {P_DIMS, 4, 0x80000000, RAML_EFORMAT, "has 2147483648 dimensions"},
    {P_DIMS, 4, 1, RAML_EFORMAT, "tensor"},
    {P_DIMS, 4, 0, RAML_EFORMAT, "tensor"},
    {P_NE0, 8, HUGE_COUNT, RAML_EFORMAT, "'t.weight' has a shape too large"},
    {P_NE0, 8, UINT64_C(1) << 63, RAML_EFORMAT, "'t.weight' has a shape too large"},
    {P_NE0, 8, UINT64_C(1) << 62, RAML_EFORMAT, "'t.weight' has a shape too large"},
    {P_NE0, 8, UINT64_C(1) << 61, RAML_EFORMAT, "'t.weight' has a shape too large"}, /* times 2 times 4: wraps to 0 */
    {P_NE0, 8, 13, RAML_EFORMAT, "'t.weight' has 104 bytes from byte 0 of the data on; the file has 100"},
    {P_NE0, 8, 5, RAML_EFORMAT, "tensors 't.weight' and 't.q8' overlap"},
    {P_NE1, 8, 3, RAML_EFORMAT, "tensors 't.weight' and 't.q8' overlap"},
    {P_NE1, 8, HUGE_COUNT, RAML_EFORMAT, "shape too large"},
    {P_T_TYPE, 4, 4, RAML_ESUPPORT, "'t.weight' has type 4"},
    {P_T_TYPE, 4, 41, RAML_ESUPPORT, "'t.weight' has type 41"},
    {P_T_TYPE, 4, 0xffffffff, RAML_ESUPPORT, "'t.weight' has type 4294967295"},
    {P_T_TYPE, 4, RAML_GGML_Q5_1, RAML_EFORMAT, "rows of 3 elements; type Q5_1 needs a multiple of 32"},
    {P_T_TYPE, 4, RAML_GGML_Q4_K, RAML_EFORMAT, "rows of 3 elements; type Q4_K needs a multiple of 256"},
    {P_T_TYPE, 4, 28, RAML_EFORMAT, "tensors 't.weight' and 't.q8' overlap"}, /* F64 */
    {P_OFFSET, 8, 1, RAML_EFORMAT, "'t.weight' starts at byte 1 of the data; expected a multiple of 32"},
    {P_OFFSET, 8, 32, RAML_EFORMAT, "overlap"},
    {P_OFFSET, 8, 96, RAML_EFORMAT, "'t.weight' has 24 bytes from byte 96"},
    {P_OFFSET, 8, 128, RAML_EFORMAT, "'t.weight' has 24 bytes from byte 128"},
    {P_OFFSET, 8, HUGE_COUNT - 31, RAML_EFORMAT, "'t.weight' has 24 bytes from byte 18446744073709551584"},
    {P_OFFSET, 8, UINT64_C(1) << 63, RAML_EFORMAT, "from byte 9223372036854775808"},
    {P_NAME2_TEXT, 1, 0x7f, RAML_EFORMAT, "no control characters"},
    {P_NAME2, 8, 5, RAML_EFORMAT, "tensor"},
    {P_ALIGN_KEY, 8, HUGE_COUNT, RAML_EFORMAT, "a metadata key needs"},
    {P_LIST_KEY, 8, 5, RAML_EFORMAT, "key of 5 bytes"},
    {P_DIMS2, 4, 4, RAML_EFORMAT, ""},
    {P_NE2, 8, 31, RAML_EFORMAT, "rows of 31 elements; type Q8_0 needs a multiple of 32"},
    {P_NE2, 8, 64, RAML_EFORMAT, "overlap"},
    {P_NE2, 8, 96, RAML_EFORMAT, "'t.q8' has 102 bytes from byte 32"},
    {P_NE2, 8, UINT64_C(1) << 62, RAML_EFORMAT, "'t.q8' has"},
    {P_OFFSET2, 8, 0, RAML_EFORMAT, "overlap"},
    {P_OFFSET2, 8, 96, RAML_EFORMAT, "'t.q8' has 34 bytes from byte 96"},
    {P_OFFSET3, 8, 32, RAML_EFORMAT, "overlap"},
    {P_OFFSET3, 8, 64, RAML_EFORMAT, "overlap"},
};

static void hostile_fields(void **state)
{
    char path[4200];
    struct image f;
    struct raml_err e = {0};
    size_t n_bad = 0;
    in(*state, "m.gguf", path);
    assert_true(COUNT(hostile) >= 60);
    for (size_t i = 0; i < COUNT(hostile); i++) {
        build(&f, 3);
        memcpy(f.b + f.pos[hostile[i].pos], &hostile[i].value, (size_t)hostile[i].bytes);
        spill(path, f.b, f.n);
        e.msg[0] = 0;
        enum raml_code rc = try_open(path, &e);
        bool good = rc == hostile[i].code && has(e.msg, hostile[i].part) && has(e.msg, "m.gguf");
        if (!good) fprintf(stderr, "case %zu: code %d, %s\n", i, (int)rc, e.msg);
        n_bad += !good;
    }
    assert_int_equal(n_bad, 0);
}

/* Truncated at every byte, so at every boundary; and every byte of the header changed. */
static void every_truncation_and_every_byte(void **state)
{
    char path[4200];
    struct image f;
    struct raml_err e = {0};
    size_t opened = 0;
    in(*state, "m.gguf", path);
    build(&f, 3);
    assert_int_equal(f.n, f.pos[P_END]);
    for (size_t size = 0; size < f.n; size++) {
        spill(path, f.b, size);
        assert_int_equal(try_open(path, &e), RAML_EFORMAT);
        assert_true(has(e.msg, "m.gguf"));
    }
    struct raml_rng r = {.key = {.seed = 1, .purpose = RAML_FOR_TEST}};
    for (size_t i = 0; i < f.pos[P_DATA]; i++)
        for (int k = 0; k < 4; k++) {
            unsigned char was = f.b[i];
            f.b[i] ^= (unsigned char)(k ? 1 + raml_rng_below(&r, 255) : 128);
            spill(path, f.b, f.n);
            opened += try_open(path, &e) == RAML_OK;
            f.b[i] = was;
        }
    assert_in_range(opened, 1, 4 * f.pos[P_DATA] / 2);
    assert_int_equal(raml_gguf_open("/nonexistent/m.gguf", &(struct raml_gguf *){0}, &e), RAML_EIO);
    assert_int_equal(try_open(*state, &e), RAML_EIO);
    spill(path, f.b, 0);
    assert_int_equal(try_open(path, NULL), RAML_EFORMAT);
}

/* Two equal keys, two equal names, an alignment of 64 that places the data elsewhere. */
static void equal_names_and_alignment(void **state)
{
    char path[4200];
    struct image f = {0};
    struct raml_err e = {0};
    struct raml_gguf *g = NULL;
    in(*state, "m.gguf", path);
    put(&f, "GGUF\3\0\0\0", 8), put64(&f, 0), put64(&f, 2);
    put_key(&f, "a.b", RAML_GGUF_U8), put(&f, "\1", 1);
    put_key(&f, "a.b", RAML_GGUF_U8), put(&f, "\1", 1);
    spill(path, f.b, f.n);
    assert_int_equal(try_open(path, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "metadata 'a.b' is given twice"));
    for (int same = 0; same < 2; same++) {
        f.n = 0;
        put(&f, "GGUF\3\0\0\0", 8), put64(&f, 2), put64(&f, 1);
        put_key(&f, "general.alignment", RAML_GGUF_U32), put32(&f, 64);
        put_text(&f, "x"), put32(&f, 1), put64(&f, 1), put32(&f, RAML_GGML_F32), put64(&f, 64);
        put_text(&f, same ? "x" : "y"), put32(&f, 1), put64(&f, 1), put32(&f, RAML_GGML_F32), put64(&f, 0);
        while (f.n % 64) put(&f, "", 1);
        put(&f, &(float){7}, 4);
        while (f.n % 64) put(&f, "", 1);
        put(&f, &(float){8}, 4);
        spill(path, f.b, f.n);
        enum raml_code rc = raml_gguf_open(path, &g, &e);
        assert_int_equal(rc, same ? RAML_EFORMAT : RAML_OK);
        if (same) assert_true(has(e.msg, "two tensors are named 'x'"));
        if (same) continue;
        float x = 0;
        assert_int_equal(raml_gguf_alignment(g), 64);
        must(raml_gguf_to_f32(raml_gguf_tensor_find(g, "x"), &x, true, &e), &e);
        assert_true(x == 8);
        must(raml_gguf_to_f32(raml_gguf_tensor_find(g, "y"), &x, true, &e), &e);
        assert_true(x == 7);
        raml_gguf_close(g);
    }
}

static void check_values(const struct raml_gguf *g)
{
    static const struct {
        const char *key;
        int64_t want;
    } integers[] = {{"n.u8", 255},         {"n.i8", -1},      {"n.u16", 65534},    {"n.i16", -2},
                    {"n.u32", UINT32_MAX}, {"n.i32", -70000}, {"n.i64", INT64_MIN}};
    struct raml_err e = {0};
    struct raml_gguf_string s;
    const struct raml_gguf_value *v = NULL;
    int64_t n = 0;
    double x = 0;
    bool b = false;
    for (size_t i = 0; i < COUNT(integers); i++) {
        must(raml_gguf_integer(g, integers[i].key, &n, &e), &e);
        assert_true(n == integers[i].want);
    }
    assert_int_equal(raml_gguf_integer(g, "n.u64", &n, &e), RAML_ERANGE);
    assert_true(has(e.msg, "'n.u64' is 9223372036854775808") && has(e.msg, "m.gguf"));
    assert_int_equal(raml_gguf_integer(g, "x.f32", &n, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "'x.f32' has type f32; expected an integer"));
    assert_int_equal(raml_gguf_integer(g, "missing", &n, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "'missing' is missing"));
    assert_int_equal(raml_gguf_integer(g, "list", &n, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "type array; expected one value"));
    must(raml_gguf_real(g, "x.f32", &x, &e), &e);
    assert_true(x == 1.5);
    must(raml_gguf_real(g, "x.f64", &x, &e), &e);
    assert_true(x == 3.25);
    assert_int_equal(raml_gguf_real(g, "n.u8", &x, &e), RAML_EFORMAT);
    must(raml_gguf_bool(g, "flag", &b, &e), &e);
    assert_true(b);
    assert_int_equal(raml_gguf_bool(g, "n.u8", &b, &e), RAML_EFORMAT);
    must(raml_gguf_string(g, "general.name", &s, &e), &e);
    assert_true(s.n == 4 && !memcmp(s.bytes, "tiny", 4));
    assert_int_equal(raml_gguf_string(g, "flag", &s, &e), RAML_EFORMAT);
    must(raml_gguf_array(g, "list", &v, &e), &e);
    assert_int_equal(v->n, 3);
    must(raml_gguf_element_string(v, 2, &s, &e), &e);
    assert_true(s.n == 3 && !memcmp(s.bytes, "ccc", 3));
    must(raml_gguf_element_string(v, 1, &s, &e), &e);
    assert_int_equal(s.n, 0);
    assert_int_equal(raml_gguf_element_string(v, 3, &s, &e), RAML_ERANGE);
    must(raml_gguf_array(g, "floats", &v, &e), &e);
    must(raml_gguf_element_real(v, 1, &x, &e), &e);
    assert_true(x == -2);
    must(raml_gguf_array(g, "flags", &v, &e), &e);
    must(raml_gguf_element_bool(v, 1, &b, &e), &e);
    assert_false(b);
    must(raml_gguf_array(g, "none", &v, &e), &e);
    assert_int_equal(v->n, 0);
    assert_int_equal(raml_gguf_array(g, "flag", &v, &e), RAML_EFORMAT);
}

static void reads_versions_2_and_3(void **state)
{
    char path[4200];
    struct image f;
    struct raml_err e = {0};
    in(*state, "m.gguf", path);
    for (uint32_t version = 2; version <= 3; version++) {
        struct raml_gguf *g = NULL;
        build(&f, version);
        spill(path, f.b, f.n);
        must(raml_gguf_open(path, &g, &e), &e);
        assert_int_equal(raml_gguf_version(g), version);
        assert_int_equal(raml_gguf_n_values(g), 17);
        assert_int_equal(raml_gguf_n_tensors(g), 3);
        assert_null(raml_gguf_value_at(g, 17));
        assert_null(raml_gguf_tensor_at(g, 3));
        assert_null(raml_gguf_tensor_find(g, "t"));
        assert_string_equal(raml_gguf_value_at(g, 0)->key, "general.name");
        check_values(g);
        const struct raml_gguf_tensor *t = raml_gguf_tensor_find(g, "t.weight");
        assert_ptr_equal(t, raml_gguf_tensor_at(g, 0));
        assert_true(t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->n == 6 && t->bytes == 24);
        assert_memory_equal(t->data, f.b + f.pos[P_DATA], 24);
        t = raml_gguf_tensor_find(g, "t.one");
        assert_true(t->n_dims == 0 && t->n == 1 && t->bytes == 4);
        assert_memory_equal(t->data, f.b + f.pos[P_DATA] + 96, 4);
        raml_gguf_close(g);
    }
    raml_gguf_close(NULL);
}

/* What a 20-line reader in another language found in them. */
static const struct {
    const char *file, *name, *pre, *last, *last_merge;
    size_t n_values, n_tokens, n_merges;
    int64_t bos;
    double eps;
} vocabularies[] = {
    {"deepseek-llm", "deepseek-llm", "deepseek-llm", "[PAD102399]", NULL, 23, 102400, 99757, 100000, 1e-6},
    {"gpt-2", "gpt-2", "gpt-2", "<|endoftext|>", "\xc4\xa0g azed", 16, 50257, 50000, 50256, 1e-5},
    {"llama-bpe", "llama-bpe", "llama-bpe", "<|reserved_special_token_250|>", NULL, 20, 128256, 280147, 128000, 1e-5},
    {"qwen2", "qwen2", "qwen2", "[PAD151935]", NULL, 20, 151936, 151387, 151643, 1e-6},
    {"qwen35", "qwen2", "qwen35", "[PAD151935]", NULL, 20, 151936, 151387, 151643, 1e-6},
};

static int is(struct raml_gguf_string s, const char *text)
{
    if (s.n == strlen(text) && !memcmp(s.bytes, text, s.n)) return 1;
    fprintf(stderr, "expected \"%s\", got \"%.*s\"\n", text, (int)s.n, s.bytes);
    return 0;
}

static void check_vocabulary(const struct raml_gguf *g, size_t i)
{
    struct raml_err e = {0};
    struct raml_gguf_string s;
    const struct raml_gguf_value *v = NULL;
    char key[100];
    int64_t n = 0;
    double x = 0;
    assert_int_equal(raml_gguf_n_tensors(g), 0);
    assert_int_equal(raml_gguf_n_values(g), vocabularies[i].n_values);
    assert_int_equal(raml_gguf_alignment(g), 32);
    must(raml_gguf_string(g, "general.name", &s, &e), &e);
    assert_true(is(s, vocabularies[i].name));
    must(raml_gguf_string(g, "tokenizer.ggml.model", &s, &e), &e);
    assert_true(is(s, "gpt2"));
    must(raml_gguf_string(g, "tokenizer.ggml.pre", &s, &e), &e);
    assert_true(is(s, vocabularies[i].pre));
    must(raml_gguf_integer(g, "tokenizer.ggml.bos_token_id", &n, &e), &e);
    assert_int_equal(n, vocabularies[i].bos);
    must(raml_gguf_array(g, "tokenizer.ggml.tokens", &v, &e), &e);
    assert_int_equal(v->n, vocabularies[i].n_tokens);
    must(raml_gguf_element_string(v, 0, &s, &e), &e);
    assert_true(is(s, "!"));
    must(raml_gguf_element_string(v, v->n - 1, &s, &e), &e);
    assert_true(is(s, vocabularies[i].last));
    must(raml_gguf_array(g, "tokenizer.ggml.token_type", &v, &e), &e);
    assert_int_equal(v->n, vocabularies[i].n_tokens);
    must(raml_gguf_element_integer(v, 0, &n, &e), &e);
    assert_int_equal(n, 1);
    must(raml_gguf_array(g, "tokenizer.ggml.merges", &v, &e), &e);
    assert_int_equal(v->n, vocabularies[i].n_merges);
    must(raml_gguf_element_string(v, v->n - 1, &s, &e), &e);
    if (vocabularies[i].last_merge) assert_true(is(s, vocabularies[i].last_merge));
    must(raml_gguf_string(g, "general.architecture", &s, &e), &e);
    snprintf(key, sizeof key, "%.*s.attention.layer_norm%s_epsilon", (int)s.n, s.bytes, i == 1 ? "" : "_rms");
    must(raml_gguf_real(g, key, &x, &e), &e);
    if (!(fabs(x - vocabularies[i].eps) <= 1e-12)) fail_msg("%s is %g", key, x);
}

static void real_vocabularies(void **state)
{
    (void)state;
    size_t n_read = 0;
    for (size_t i = 0; i < COUNT(vocabularies); i++) {
        char path[4200];
        struct raml_err e = {0};
        struct raml_gguf *g = NULL;
        snprintf(path, sizeof path, "%s/data/tokenizer/ggml-vocab-%s.gguf", RAML_SHARED, vocabularies[i].file);
        if (!raml_is_file(path)) {
            fprintf(stderr, "SKIPPED: %s does not exist\n", path);
            continue;
        }
        must(raml_gguf_open(path, &g, &e), &e);
        check_vocabulary(g, i);
        raml_gguf_close(g);
        n_read++;
    }
    if (!n_read) skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(hostile_fields, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(every_truncation_and_every_byte, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(equal_names_and_alignment, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(reads_versions_2_and_3, enter_scratch, leave_scratch),
        cmocka_unit_test(real_vocabularies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
