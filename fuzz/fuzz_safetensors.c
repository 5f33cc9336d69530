/* fuzz_safetensors.c - model.safetensors: what opens is read in full, and comes back from a file written of it. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/target.h"
#include "raml/rng.h"
#include "raml/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FLOATS = 1 << 20 };

static void read_floats(const struct raml_tensor_view *v)
{
    struct raml_err err = {0};
    if (v->n > MAX_FLOATS) return;
    float *out = malloc((v->n ? v->n : 1) * sizeof *out);
    FUZZ_CHECK(out != NULL, "no memory for %zu floats", v->n);
    for (int finite = 0; finite < 2; finite++) {
        enum raml_code rc = raml_tensor_to_f32(v, out, finite, &err);
        bool real = v->dtype == RAML_F32 || v->dtype == RAML_BF16 || v->dtype == RAML_F16;
        if (rc) fuzz_refused(rc, &err);
        FUZZ_CHECK(!rc || !real || finite, "%s: %s", v->name, err.msg);
        FUZZ_CHECK(rc || real, "tensor '%s' of type %s became floats", v->name, raml_dtype_name(v->dtype));
    }
    free(out);
}

static void look(const struct raml_safetensors *s)
{
    for (size_t i = 0; i < raml_safetensors_count(s); i++) {
        const struct raml_tensor_view *v = raml_safetensors_at(s, i);
        size_t n = 1, sum = 0;
        FUZZ_CHECK(raml_safetensors_find(s, v->name) == v, "'%s' is not found under its name", v->name);
        FUZZ_CHECK(v->n_dims >= 0 && v->n_dims <= RAML_MAX_DIMS, "'%s' has %d dimensions", v->name, v->n_dims);
        for (int d = 0; d < v->n_dims; d++) n *= v->shape[d];
        FUZZ_CHECK(n == v->n, "'%s' has %zu elements, its shape %zu", v->name, v->n, n);
        for (size_t k = 0; k < v->n * raml_dtype_size(v->dtype); k++) sum += ((const unsigned char *)v->data)[k];
        FUZZ_CHECK(sum <= 255 * v->n * raml_dtype_size(v->dtype), "a sum of bytes"); /* they were read */
        read_floats(v);
    }
    FUZZ_CHECK(!raml_safetensors_find(s, "\x01"), "a name that no file has");
}

static void same(const struct raml_safetensors *a, const struct raml_safetensors *b)
{
    FUZZ_CHECK(raml_safetensors_count(a) == raml_safetensors_count(b), "%zu tensors became %zu",
               raml_safetensors_count(a), raml_safetensors_count(b));
    for (size_t i = 0; i < raml_safetensors_count(a); i++) {
        const struct raml_tensor_view *v = raml_safetensors_at(a, i), *w = raml_safetensors_find(b, v->name);
        FUZZ_CHECK(w && w->dtype == v->dtype && w->n_dims == v->n_dims && w->n == v->n &&
                       !memcmp(w->shape, v->shape, (size_t)v->n_dims * sizeof *v->shape),
                   "'%s' did not come back", v->name);
        FUZZ_CHECK(!v->n || !memcmp(w->data, v->data, v->n * raml_dtype_size(v->dtype)), "'%s' has other data",
                   v->name);
    }
    const char *x = raml_safetensors_metadata(a, "format"), *y = raml_safetensors_metadata(b, "format");
    FUZZ_CHECK(x ? y && !strcmp(x, y) : !y, "metadata 'format' did not come back");
}

/* The writer wants those of larger elements first, so that every tensor lies at a multiple of its elements' size. */
static int larger_first(const void *a, const void *b)
{
    const struct raml_tensor_view *v = a, *w = b;
    size_t x = raml_dtype_size(v->dtype), y = raml_dtype_size(w->dtype);
    return x != y ? (x < y) - (x > y) : strcmp(v->name, w->name);
}

static void write_again(const struct raml_safetensors *s)
{
    size_t n = raml_safetensors_count(s);
    struct raml_tensor_view *view = malloc((n ? n : 1) * sizeof *view);
    const char *format = raml_safetensors_metadata(s, "format"), *meta[] = {"format", format, NULL};
    struct raml_safetensors *again = NULL;
    struct raml_err err = {0};
    char path[FUZZ_PATH];
    FUZZ_CHECK(view != NULL, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++) view[i] = *raml_safetensors_at(s, i);
    qsort(view, n, sizeof *view, larger_first);
    fuzz_path("again.safetensors", path);
    FUZZ_MUST(raml_safetensors_write(path, view, n, format ? meta : NULL, &err), &err);
    FUZZ_MUST(raml_safetensors_open(path, &again, &err), &err);
    same(s, again);
    raml_safetensors_close(again);
    free(view);
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct raml_safetensors *s = NULL;
    struct raml_err err = {0};
    enum raml_code rc = raml_safetensors_open(fuzz_file("in.safetensors", data, size, path), &s, &err);
    if (rc) return fuzz_refused(rc, &err);
    look(s);
    write_again(s);
    raml_safetensors_close(s);
    return FUZZ_READ;
}

static void seed(struct fuzz_corpus *c, const char *name, const struct raml_tensor_view *t, size_t n,
                 const char *const *meta)
{
    char path[FUZZ_PATH];
    struct raml_err err = {0};
    FUZZ_MUST(raml_safetensors_write(fuzz_path("seed.safetensors", path), t, n, meta, &err), &err);
    fuzz_seed_file(c, name, path);
}

static void seeds(struct fuzz_corpus *c)
{
    static const char *const meta[] = {"format", "pt", "note", "two lines\n\"quoted\" \xc3\xa9", NULL};
    static const float x[] = {0.0f, 1.0f, -2.5f, 3e38f, 1e-40f, 0.1f};
    static const uint16_t half[] = {0x3c00, 0xc000, 0x0001, 0x7bff};
    static const int64_t whole[] = {-1, INT64_MAX};
    const struct raml_tensor_view large = {
        .name = "i64", .dtype = RAML_I64, .n_dims = 1, .shape = {2}, .n = 2, .data = whole};
    const struct raml_tensor_view view[] = {
        {.name = "model.norm.weight", .dtype = RAML_F32, .n_dims = 1, .shape = {6}, .n = 6, .data = x},
        {.name = "model.layers.0.mlp.up_proj.weight",
         .dtype = RAML_F32,
         .n_dims = 2,
         .shape = {2, 3},
         .n = 6,
         .data = x},
        {.name = "empty", .dtype = RAML_F32, .n_dims = 2, .shape = {0, 4}, .n = 0, .data = x},
        {.name = "i32", .dtype = RAML_I32, .n_dims = 0, .n = 1, .data = whole},
        {.name = "f16", .dtype = RAML_F16, .n_dims = 2, .shape = {2, 2}, .n = 4, .data = half},
        {.name = "bf16", .dtype = RAML_BF16, .n_dims = 3, .shape = {1, 4, 1}, .n = 4, .data = half},
        {.name = "u8", .dtype = RAML_U8, .n_dims = 1, .shape = {3}, .n = 3, .data = half},
    };
    seed(c, "none", view, 0, NULL);
    seed(c, "two", view, 2, NULL);
    seed(c, "metadata", view, 1, meta);
    seed(c, "types", view, FUZZ_COUNT(view), meta);
    seed(c, "large", &large, 1, NULL);
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", "\"", ",", ":", "\"dtype\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"F32\"",
    "\"F16\"", "\"BF16\"", "\"F64\"", "\"I64\"", "\"I32\"", "\"I8\"", "\"U8\"", "\"BOOL\"", "\"F8_E4M3\"", "[]",
    "[0,0]", "[1]", "[18446744073709551615,2]", "[4294967296,4294967296]", "\\u0000", "\"a\":{}", "\"format\":\"pt\"",
    " ", "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_safetensors = {.name = "safetensors",
                                                  .about = "tensors in a file, as Hugging Face has them",
                                                  .run = run,
                                                  .seeds = seeds,
                                                  .words = words,
                                                  .max_bytes = 1 << 15};
