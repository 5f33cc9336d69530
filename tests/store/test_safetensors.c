/* test_safetensors.c - round trips, hostile headers, the golden models. */
#include "core/scratch.h"

#include "raml/rng.h"
#include "raml/safetensors.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

/* A file of this header text and n bytes of data (0, 1, 2, ...); claimed: the header length to write, or -1. */
static void make_file(const char *path, const char *header, size_t header_n, size_t n, long long claimed)
{
    unsigned char bytes[16384];
    uint64_t len = claimed < 0 ? header_n : (uint64_t)claimed;
    assert_true(8 + header_n + n <= sizeof bytes);
    memcpy(bytes, &len, 8);
    memcpy(bytes + 8, header, header_n);
    for (size_t i = 0; i < n; i++) bytes[8 + header_n + i] = (unsigned char)i;
    spill(path, bytes, 8 + header_n + n);
}

static enum raml_code try_open(const char *path, struct raml_err *e)
{
    struct raml_safetensors *s = NULL;
    enum raml_code rc = raml_safetensors_open(path, &s, e);
    assert_true((rc == RAML_OK) == (s != NULL));
    raml_safetensors_close(s);
    return rc;
}

/* One field of a two-tensor header changed at a time. X: F32 [2,3] at 0..24. Y: BF16 [4] at 24..32. */
#define X "\"x\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define Y "\"y\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[24,32]}"
#define YD(d) "{" X ",\"y\":{\"dtype\":" d ",\"shape\":[4],\"data_offsets\":[24,32]}}"
#define YS(s) "{" X ",\"y\":{\"dtype\":\"BF16\",\"shape\":" s ",\"data_offsets\":[24,32]}}"
#define YO(o) "{" X ",\"y\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":" o "}}"
#define META(m) "{\"__metadata__\":" m "," X "," Y "}"

static const struct {
    const char *header;
    size_t data;
    const char *part; /* of the message */
} hostile[] = {
    {"{" X "," Y "}", 31, "is at bytes 24 to 32 of the data; the file has 31"},
    {"{" X "," Y "}", 33, "the tensors end at byte 32 of the data; the file has 33"},
    {"{" X "," Y "}", 0, "truncated?"},
    {"{" X "," Y, 32, "not valid JSON"},
    {"{" X "," Y "}}", 32, "not valid JSON"},
    {"{" X "," Y "} x", 32, "not valid JSON"},
    {"{" X "," X "}", 24, "duplicate object key"},
    {"{" X ",\"x\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[24,32]}}", 32, "duplicate object key"},
    {"{" X "," Y ",}", 32, "not valid JSON"},
    {"[]", 0, "does not start with '{'"},
    {"\"x\"", 0, "does not start with '{'"},
    {" {" X "," Y "}", 32, "does not start with '{'"},
    {"{", 0, "does not start with '{'"},
    {"", 0, "does not start with '{'"},
    {"{" X ",\"y\":1}", 24, "entry 'y' of the header is not an object"},
    {"{" X ",\"y\":null}", 24, "entry 'y'"},
    {"{" X ",\"y\":[]}", 24, "entry 'y'"},
    {"{" X ",\"y\":{}}", 24, "tensor 'y' has no dtype"},
    {"{" X ",\"y\":{\"shape\":[4],\"data_offsets\":[24,32]}}", 32, "tensor 'y' has no dtype"},
    {"{" X ",\"y\":{\"dtype\":\"BF16\",\"data_offsets\":[24,32]}}", 32, "tensor 'y' has no shape"},
    {"{" X ",\"y\":{\"dtype\":\"BF16\",\"shape\":[4]}}", 32, "tensor 'y' has no data_offsets"},
    {YD("\"F99\""), 32, "dtype 'F99'; expected F32, BF16"},
    {YD("\"bf16\""), 32, "dtype 'bf16'"},
    {YD("\"\""), 32, "dtype ''"},
    {YD("3"), 32, "no dtype"},
    {YD("null"), 32, "no dtype"},
    {YD("\"F32\""), 32, "tensor 'y' spans 8 bytes; its shape and dtype need 16"},
    {YD("\"U8\""), 32, "spans 8 bytes; its shape and dtype need 4"},
    {YS("4"), 32, "no shape"},
    {YS("null"), 32, "no shape"},
    {YS("\"4\""), 32, "no shape"},
    {YS("{}"), 32, "no shape"},
    {YS("[-4]"), 32, "dimension 0 of its shape is not a count"},
    {YS("[-2,-2]"), 32, "dimension 0"},
    {YS("[4.0]"), 32, "dimension 0"},
    {YS("[4,\"1\"]"), 32, "dimension 1"},
    {YS("[4,null]"), 32, "dimension 1"},
    {YS("[true]"), 32, "dimension 0"},
    {YS("[3]"), 32, "need 6"},
    {YS("[5]"), 32, "need 10"},
    {YS("[]"), 32, "need 2"},
    {YS("[0]"), 32, "need 0"},
    {YS("[2,2,2]"), 32, "need 16"},
    {YS("[1,1,1,1,1,1,1,1,4]"), 32, "9 dimensions; expected at most 8"},
    {YS("[9223372036854775807]"), 32, "spans 8 bytes; its shape and dtype need 18446744073709551614"},
    {YS("[4294967296,4294967296]"), 32, "shape too large"},
    {YS("[4294967296,2147483648,2,2]"), 32, "shape too large"},                   /* 2^65: wraps to 2 */
    {YS("[9223372036854775808]"), 32, "dimension 0 of its shape is not a count"}, /* beyond int64 */
    {YS("[4611686018427387904,2,2,1]"), 32, "shape too large"},                   /* 2^64: wraps to 0 */
    {YO("[24]"), 32, "no data_offsets"},
    {YO("[24,32,32]"), 32, "no data_offsets"},
    {YO("[]"), 32, "no data_offsets"},
    {YO("24"), 32, "no data_offsets"},
    {YO("null"), 32, "no data_offsets"},
    {YO("[24.0,32.0]"), 32, "no data_offsets"},
    {YO("[\"24\",\"32\"]"), 32, "no data_offsets"},
    {YO("[-8,0]"), 32, "is at bytes -8 to 0"},
    {YO("[32,24]"), 32, "is at bytes 32 to 24"},
    {YO("[24,9223372036854775807]"), 32, "is at bytes 24 to 9223372036854775807"},
    {YO("[9223372036854775799,9223372036854775807]"), 32, "the file has 32"},
    {YO("[24,99999999999999999999]"), 32, "has no data_offsets (two integers)"},
    {YO("[32,40]"), 40, "tensor 'y' starts at byte 32 of the data; expected 24 (there is a gap)"},
    {YO("[26,34]"), 34, "there is a gap"},
    {YO("[22,30]"), 32, "tensor 'y' starts at byte 22 of the data; expected 24 (it overlaps the one before)"},
    {YO("[0,8]"), 24, "it overlaps the one before"},
    {YO("[16,24]"), 24, "it overlaps the one before"},
    {YO("[23,31]"), 32, "it overlaps the one before"},
    {"{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,16]}}", 16, "expected 0 (there is a gap)"},
    {"{}", 8, "the tensors end at byte 0 of the data; the file has 8"},
    {META("{\"format\":1}"), 32, "__metadata__ 'format' is not a string"},
    {META("{\"format\":{}}"), 32, "__metadata__ 'format' is not a string"},
    {META("\"pt\""), 32, "__metadata__ is not an object"},
    {META("[]"), 32, "__metadata__ is not an object"},
    {"{" X "," Y ",\"\xff\":1}", 32, "not valid JSON"},
    {"{" X "," Y ",\"a\\u0000b\":1}", 32, "of the header is not an object"},
};

/* text with spaces before its last brace, so that the data starts at a multiple of 8 as in real files. */
static size_t pad_header(const char *text, char header[2000])
{
    size_t n = strlen(text), pad = (8 - n % 8) % 8;
    memcpy(header, text, n);
    if (n <= 2 || header[n - 1] != '}') return n;
    memset(header + n - 1, ' ', pad);
    header[n - 1 + pad] = '}';
    return n + pad;
}

/* Files of old writers: a header of any length, tensors wherever they end up. */
static void unaligned(void **state)
{
    static const char header[] = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                 "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[1,9]}}  ";
    char path[4200];
    for (size_t n = strlen(header); n > strlen(header) - 3; n--) {
        struct raml_err e = {0};
        struct raml_safetensors *s = NULL;
        float got[2];
        const unsigned char bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8}; /* as make_file wrote them */
        make_file(in(*state, "m.safetensors", path), header, n, 9, -1);
        must(raml_safetensors_open(path, &s, &e), &e);
        must(raml_tensor_to_f32(raml_safetensors_find(s, "b"), got, 1, &e), &e);
        assert_memory_equal(got, bytes, sizeof got);
        raml_safetensors_close(s);
    }
}

static void hostile_headers(void **state)
{
    char path[4200], header[2000];
    size_t n_bad = 0;
    in(*state, "m.safetensors", path);
    assert_true(COUNT(hostile) >= 60);
    for (size_t i = 0; i < COUNT(hostile); i++) {
        struct raml_err e = {0};
        size_t n = pad_header(hostile[i].header, header);
        make_file(path, header, n, hostile[i].data, -1);
        enum raml_code rc = try_open(path, &e);
        bool good = rc && has(e.msg, hostile[i].part) && has(e.msg, "m.safetensors");
        if (!good) fprintf(stderr, "case %zu: %s\n", i, hostile[i].header);
        n_bad += !good;
    }
    assert_int_equal(n_bad, 0);
    struct raml_err e = {0}; /* and the header that they were made from is read */
    make_file(path, header, pad_header("{" X "," Y "}", header), 32, -1);
    must(try_open(path, &e), &e);
}

static void hostile_lengths(void **state)
{
    static const struct {
        long long claimed;
        const char *part;
    } cases[] = {
        {0, "does not start with '{'"},  {1, "does not start with '{'"},
        {50, "not valid JSON"},          {1000, "header of 1000 bytes in a file of"},
        {100000000, "truncated?"},       {100000001, "expected at most 100000000"},
        {INT64_MAX, "expected at most"}, {INT64_MAX - 7, "expected at most"},
    };
    char path[4200];
    struct raml_err e = {0};
    in(*state, "m.safetensors", path);
    for (size_t i = 0; i < COUNT(cases); i++) {
        make_file(path, "{" X "," Y "}", strlen("{" X "," Y "}"), 32, cases[i].claimed);
        assert_int_equal(try_open(path, &e), RAML_EFORMAT);
        assert_true(has(e.msg, cases[i].part));
    }
    spill(path, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10); /* 8 + length wraps around */
    assert_int_equal(try_open(path, &e), RAML_EFORMAT);
    for (size_t n = 0; n < 8; n++) {
        spill(path, "\0\0\0\0\0\0\0\0", n);
        assert_int_equal(try_open(path, &e), RAML_EFORMAT);
        assert_true(has(e.msg, "at least 8"));
    }
    assert_int_equal(try_open("/nonexistent/m.safetensors", &e), RAML_EIO);
    assert_true(has(e.msg, "cannot be opened: No such file"));
    assert_int_equal(try_open(*state, &e), RAML_EIO);
}

static const float some[] = {1, -2.5f, 3e-38f, 0, -0.0f, 65504};
/* clang-format off */
static const struct raml_tensor_view views[] = {
    {"model.layers.0.weight", RAML_F32, 2, {2, 3}, 6, some}, {"ids", RAML_I64, 1, {2}, 2, some},
    {"scalar", RAML_F32, 0, {0}, 1, some + 1},               {"half", RAML_F16, 3, {1, 2, 1}, 2, some},
    {"empty", RAML_BF16, 2, {0, 7}, 0, some},                {"naïve \"name\"\n", RAML_U8, 1, {3}, 3, some},
    {"bytes", RAML_U8, 1, {0}, 0, some},
};
/* clang-format on */

/* Every truncation of the file, and every single byte changed, gives an error or a file that is valid in itself. */
static void every_truncation_and_every_byte(void **state)
{
    char path[4200], other[4200];
    struct raml_err e = {0};
    size_t n = 0, opened = 0;
    volatile unsigned char sink = 0;
    must(raml_safetensors_write(in(*state, "m", path), views, COUNT(views), NULL, &e), &e);
    unsigned char *bytes = (unsigned char *)slurp(path, &n);
    assert_non_null(bytes);
    in(*state, "other", other);
    for (size_t size = 0; size < n; size++) {
        spill(other, bytes, size);
        assert_int_not_equal(try_open(other, &e), RAML_OK);
    }
    struct raml_rng r = {.key = {.seed = 1, .purpose = RAML_FOR_TEST}};
    for (size_t i = 0; i < 8 + 512 && i < n; i++) {
        unsigned char was = bytes[i];
        bytes[i] ^= (unsigned char)(1 + raml_rng_below(&r, 255));
        spill(other, bytes, n);
        struct raml_safetensors *s = NULL;
        if (raml_safetensors_open(other, &s, &e) == RAML_OK) { /* a changed name, say: what it shows can be read */
            for (size_t t = 0; t < raml_safetensors_count(s); t++) {
                const struct raml_tensor_view *v = raml_safetensors_at(s, t);
                const unsigned char *p = v->data;
                for (size_t k = 0; k < v->n * raml_dtype_size(v->dtype); k++) sink = p[k];
            }
            opened++;
            raml_safetensors_close(s);
        }
        bytes[i] = was;
    }
    (void)sink;
    assert_in_range(opened, 1, 200);
    free(bytes);
}

static void round_trip(void **state)
{
    static const char *const meta[] = {"format", "pt", "note", "a \"quote\"", NULL};
    char path[4200], again[4200];
    struct raml_err e = {0};
    struct raml_safetensors *s = NULL;
    must(raml_safetensors_write(in(*state, "m", path), views, COUNT(views), meta, &e), &e);
    must(raml_safetensors_open(path, &s, &e), &e);
    assert_int_equal(raml_safetensors_count(s), COUNT(views));
    for (size_t i = 0; i < COUNT(views); i++) {
        const struct raml_tensor_view *want = &views[i], *v = raml_safetensors_find(s, want->name);
        assert_non_null(v);
        assert_string_equal(v->name, want->name);
        assert_int_equal(v->dtype, want->dtype);
        assert_int_equal(v->n_dims, want->n_dims);
        assert_int_equal(v->n, want->n);
        for (int d = 0; d < v->n_dims; d++) assert_int_equal(v->shape[d], want->shape[d]);
        assert_memory_equal(v->data, want->data, v->n * raml_dtype_size(v->dtype));
    }
    size_t n = 0, n2 = 0;
    uint64_t header = 0;
    char *bytes = slurp(path, &n);
    memcpy(&header, bytes, 8);
    assert_int_equal((8 + header) % 64, 0); /* the data's start */
    assert_ptr_equal(raml_safetensors_at(s, 0), raml_safetensors_find(s, "model.layers.0.weight"));
    assert_null(raml_safetensors_at(s, COUNT(views)));
    assert_null(raml_safetensors_find(s, "missing"));
    assert_null(raml_safetensors_find(s, "__metadata__"));
    assert_string_equal(raml_safetensors_metadata(s, "note"), "a \"quote\"");
    assert_null(raml_safetensors_metadata(s, "missing"));
    /* Written from what was read: the same bytes. */
    const struct raml_tensor_view *read[COUNT(views)];
    struct raml_tensor_view copy[COUNT(views)];
    for (size_t i = 0; i < COUNT(views); i++) copy[i] = *(read[i] = raml_safetensors_find(s, views[i].name));
    must(raml_safetensors_write(in(*state, "again", again), copy, COUNT(views), meta, &e), &e);
    char *bytes2 = slurp(again, &n2);
    assert_int_equal(n, n2);
    assert_memory_equal(bytes, bytes2, n);
    free(bytes);
    free(bytes2);
    raml_safetensors_close(s);
    raml_safetensors_close(NULL);
    must(raml_safetensors_write(path, NULL, 0, NULL, &e), &e); /* no tensors is a file too */
    must(try_open(path, &e), &e);
}

static void writer_refuses(void **state)
{
    static const float x[8];
    static const char *const bad_meta[] = {"key", "\xff", NULL};
    static const struct {
        const char *what;
        struct raml_tensor_view t[2];
        size_t n;
        enum raml_code code;
        const char *part;
    } cases[] = {
        {"same name", {{"a", RAML_F32, 1, {1}, 1, x}, {"a", RAML_F32, 1, {1}, 1, x}}, 2, RAML_EUSAGE, "the same name"},
        {"count", {{"a", RAML_F32, 2, {2, 3}, 5, x}}, 1, RAML_ESHAPE, "'a' has 5 elements; its shape has 6"},
        {"dtype", {{"a", RAML_N_DTYPES, 1, {1}, 1, x}}, 1, RAML_EUSAGE, "no legal name, dtype"},
        {"dims", {{"a", RAML_F32, 9, {1}, 1, x}}, 1, RAML_EUSAGE, "no legal"},
        {"no name", {{NULL, RAML_F32, 1, {1}, 1, x}}, 1, RAML_EUSAGE, "no legal"},
        {"metadata", {{"__metadata__", RAML_F32, 1, {1}, 1, x}}, 1, RAML_EUSAGE, "no legal"},
        {"UTF-8", {{"\xff", RAML_F32, 1, {1}, 1, x}}, 1, RAML_EUSAGE, "not UTF-8"},
        {"huge", {{"a", RAML_F32, 2, {SIZE_MAX, 2}, SIZE_MAX - 1, x}}, 1, RAML_ESHAPE, "too large"},
        {"order", {{"a", RAML_U8, 1, {1}, 1, x}, {"b", RAML_F32, 1, {1}, 1, x}}, 2, RAML_EUSAGE, "not a multiple of 4"},
    };
    char path[4200], tmp[4210];
    struct raml_err e = {0};
    in(*state, "m", path);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    spill(path, "old", 3);
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(raml_safetensors_write(path, cases[i].t, cases[i].n, NULL, &e), cases[i].code);
        assert_true(has(e.msg, cases[i].part));
    }
    assert_int_equal(raml_safetensors_write(path, cases[0].t, 1, bad_meta, &e), RAML_EUSAGE);
    char *text = slurp(path, NULL);
    assert_string_equal(text, "old");
    free(text);
    assert_false(raml_is_file(tmp));
    assert_int_equal(raml_safetensors_write("/nonexistent/m", cases[0].t, 1, NULL, &e), RAML_EIO);
}

/* Every half: by ldexp from its fields, which is how the standard defines it. */
static void halves(void **state)
{
    (void)state;
    static uint16_t h[65536];
    static float got[65536];
    for (unsigned i = 0; i < 65536; i++) h[i] = (uint16_t)i;
    struct raml_tensor_view v = {"h", RAML_F16, 1, {65536}, 65536, h};
    must(raml_tensor_to_f32(&v, got, 0, NULL), &(struct raml_err){0});
    for (unsigned i = 0; i < 65536; i++) {
        int exponent = (int)(i >> 10 & 31), fraction = (int)(i & 1023);
        double want = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
        if (i & 0x8000) want = -want;
        if (exponent == 31) assert_true(fraction ? isnan(got[i]) : isinf(got[i]) && (got[i] < 0) == (i >= 0x8000));
        else assert_true((double)got[i] == want && !signbit(got[i]) == !(i & 0x8000));
    }
}

static void brain_floats_and_unaligned_data(void **state)
{
    (void)state;
    unsigned char bytes[2 * 4 + 1] = {0, 0x80, 0x3f, 0x49, 0x40, 0x80, 0xff, 0xc0, 0x7f}; /* from byte 1 */
    float got[4];
    struct raml_tensor_view v = {"b", RAML_BF16, 2, {2, 2}, 4, bytes + 1};
    must(raml_tensor_to_f32(&v, got, 0, NULL), &(struct raml_err){0});
    assert_true(got[0] == 1.0f && got[1] == 3.140625f && got[2] < 0 && isinf(got[2]) && isnan(got[3]));
}

static void not_finite_is_named(void **state)
{
    (void)state;
    float x[24] = {0}, got[24];
    struct raml_err e = {0};
    struct raml_tensor_view v = {"w", RAML_F32, 3, {2, 3, 4}, 24, x};
    must(raml_tensor_to_f32(&v, got, 1, &e), &e);
    x[23] = INFINITY;
    assert_int_equal(raml_tensor_to_f32(&v, got, 1, &e), RAML_ERANGE);
    assert_string_equal(e.msg, "tensor 'w': element [1,2,3] is +infinity; expected a finite number");
    x[6] = NAN; /* the first one */
    assert_int_equal(raml_tensor_to_f32(&v, got, 1, &e), RAML_ERANGE);
    assert_string_equal(e.msg, "tensor 'w': element [0,1,2] is NaN; expected a finite number");
    must(raml_tensor_to_f32(&v, got, 0, &e), &e);
    v.dtype = RAML_I32;
    assert_int_equal(raml_tensor_to_f32(&v, got, 0, &e), RAML_EFORMAT);
    assert_true(has(e.msg, "dtype I32; expected F32, BF16 or F16"));
}

static void golden_models(void **state)
{
    (void)state;
    static const char *const models[] = {"qwen2-tied", "qwen2-untied", "qwen3", "llama", "llama3-scaled"};
    static const char *const files[] = {"model", "grad_sft", "grad_weighted"};
    if (!raml_is_dir(RAML_SHARED "/golden")) {
        fprintf(stderr, "SKIPPED: no folder %s/golden: the golden models were not read\n", RAML_SHARED);
        skip();
    }
    for (size_t m = 0; m < COUNT(models); m++) {
        size_t count = 0;
        for (size_t f = 0; f < COUNT(files); f++) {
            char path[4200];
            struct raml_err e = {0};
            struct raml_safetensors *s = NULL;
            snprintf(path, sizeof path, "%s/golden/%s/%s.safetensors", RAML_SHARED, models[m], files[f]);
            must(raml_safetensors_open(path, &s, &e), &e);
            if (!f) count = raml_safetensors_count(s);
            assert_int_equal(raml_safetensors_count(s), count); /* a gradient by every parameter */
            assert_non_null(raml_safetensors_find(s, "model.embed_tokens.weight"));
            for (size_t i = 0; i < raml_safetensors_count(s); i++) {
                const struct raml_tensor_view *v = raml_safetensors_at(s, i);
                float *x = calloc(v->n, sizeof *x);
                must(raml_tensor_to_f32(v, x, 1, &e), &e);
                double sum = 0;
                for (size_t k = 0; k < v->n; k++) sum += fabs((double)x[k]);
                assert_true(sum > 0);
                free(x);
            }
            raml_safetensors_close(s);
        }
        assert_true(count > 10);
    }
}

static void dtypes(void **state)
{
    (void)state;
    static const char *const names[] = {"F32", "BF16", "F16", "I32", "I64", "U8"};
    static const size_t sizes[] = {4, 2, 2, 4, 8, 1};
    for (int t = 0; t < RAML_N_DTYPES; t++) {
        assert_string_equal(raml_dtype_name((enum raml_dtype)t), names[t]);
        assert_int_equal(raml_dtype_size((enum raml_dtype)t), sizes[t]);
    }
    assert_int_equal(raml_dtype_size(RAML_N_DTYPES), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, enter_scratch, leave_scratch)
    const struct CMUnitTest tests[] = {
        T(unaligned),
        T(hostile_headers),
        T(hostile_lengths),
        T(every_truncation_and_every_byte),
        T(round_trip),
        T(writer_refuses),
        cmocka_unit_test(halves),
        cmocka_unit_test(brain_floats_and_unaligned_data),
        cmocka_unit_test(not_finite_is_named),
        cmocka_unit_test(golden_models),
        cmocka_unit_test(dtypes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
