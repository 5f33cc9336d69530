/* safetensors.c - see safetensors.h. */
#include "raml/safetensors.h"

#include "raml/buf.h"
#include "core/file.h"
#include "core/json.h"

#include "store/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensor files are little-endian and are read in place: this machine would need a byte swap"
#endif

enum {
    MAX_HEADER_BYTES = 100 * 1000 * 1000, /* the limit of the reference implementation */
    DATA_ALIGN = 64                       /* of the data's start in files written by raml */
};

static const struct {
    const char *name;
    size_t size;
} dtypes[RAML_N_DTYPES] = {
    [RAML_F32] = {"F32", 4}, [RAML_BF16] = {"BF16", 2}, [RAML_F16] = {"F16", 2},
    [RAML_I32] = {"I32", 4}, [RAML_I64] = {"I64", 8},   [RAML_U8] = {"U8", 1},
};

struct raml_safetensors {
    char *path;
    struct raml_map map;
    json_t *header;                /* owns the names and the metadata */
    struct raml_tensor_view *view; /* by place in the file */
    const struct raml_tensor_view **by_name;
    size_t n;
};

const char *raml_dtype_name(enum raml_dtype t)
{
    return (unsigned)t < RAML_N_DTYPES ? dtypes[t].name : "unknown";
}

size_t raml_dtype_size(enum raml_dtype t)
{
    return (unsigned)t < RAML_N_DTYPES ? dtypes[t].size : 0;
}

/* Reading */

/* The content of one header entry, checked: dtype, shape and the bytes [*begin, *end) of the data, which has
 * data_bytes. */
static enum raml_code read_dtype(const char *path, struct raml_tensor_view *v, const json_t *info, struct raml_err *err)
{
    const json_t *j = json_object_get(info, "dtype");
    const char *s = json_string_value(j);
    if (!s) return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has no dtype (a string)", path, v->name);
    for (int t = 0; t < RAML_N_DTYPES; t++) {
        if (strcmp(s, dtypes[t].name) != 0) continue;
        v->dtype = (enum raml_dtype)t;
        return RAML_OK;
    }
    return raml_fail(err, RAML_ESUPPORT, "%s: tensor '%s' has dtype '%.32s'; expected F32, BF16, F16, I32, I64 or U8",
                     path, v->name, s);
}

static enum raml_code read_shape(const char *path, struct raml_tensor_view *v, const json_t *info, struct raml_err *err)
{
    const json_t *shape = json_object_get(info, "shape");
    if (!json_is_array(shape))
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has no shape (an array)", path, v->name);
    if (json_array_size(shape) > RAML_MAX_DIMS)
        return raml_fail(err, RAML_ESUPPORT, "%s: tensor '%s' has %zu dimensions; expected at most %d", path, v->name,
                         json_array_size(shape), RAML_MAX_DIMS);
    v->n_dims = (int)json_array_size(shape);
    v->n = 1;
    size_t size = raml_dtype_size(v->dtype),
           limit = size ? SIZE_MAX / size : 0; /* so that the bytes can be counted too */
    for (int d = 0; d < v->n_dims; d++) {
        const json_t *j = json_array_get(shape, (size_t)d);
        if (!json_is_integer(j) || json_integer_value(j) < 0)
            return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s': dimension %d of its shape is not a count", path,
                             v->name, d);
        v->shape[d] = (size_t)json_integer_value(j);
        if (v->shape[d] && v->n > limit / v->shape[d])
            return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has a shape too large for any file", path, v->name);
        v->n *= v->shape[d];
    }
    return RAML_OK;
}

static enum raml_code read_place(const struct raml_safetensors *s, struct raml_tensor_view *v, const json_t *info,
                                 size_t data_start, struct raml_err *err)
{
    const json_t *at = json_object_get(info, "data_offsets");
    const json_t *from = json_array_get(at, 0), *to = json_array_get(at, 1);
    if (json_array_size(at) != 2 || !json_is_integer(from) || !json_is_integer(to))
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has no data_offsets (two integers)", s->path, v->name);
    long long begin = json_integer_value(from), end = json_integer_value(to);
    size_t have = s->map.size - data_start;
    if (begin < 0 || end < begin || (unsigned long long)end > have)
        return raml_fail(err, RAML_EFORMAT,
                         "%s: tensor '%s' is at bytes %lld to %lld of the data; the file has %zu (truncated?)", s->path,
                         v->name, begin, end, have);
    size_t size = raml_dtype_size(v->dtype), want = v->n * size;
    if ((size_t)(end - begin) != want)
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' spans %lld bytes; its shape and dtype need %zu", s->path,
                         v->name, end - begin, want);
    v->data = s->map.data + data_start + (size_t)begin;
    return RAML_OK;
}

static enum raml_code check_metadata(const struct raml_safetensors *s, const json_t *meta, struct raml_err *err)
{
    const char *key;
    json_t *value;
    if (json_is_null(meta)) return RAML_OK; /* none: as the library of the format reads it */
    if (!json_is_object(meta)) return raml_fail(err, RAML_EFORMAT, "%s: __metadata__ is not an object", s->path);
    json_object_foreach ((json_t *)meta, key, value)
        if (!json_is_string(value))
            return raml_fail(err, RAML_EFORMAT, "%s: __metadata__ '%.64s' is not a string", s->path, key);
    return RAML_OK;
}

static size_t n_bytes(const struct raml_tensor_view *v)
{
    return v->n * raml_dtype_size(v->dtype);
}

/* By place; of tensors that start together all but the last are empty, and an order by size puts those first. */
static int by_place(const void *a, const void *b)
{
    const struct raml_tensor_view *x = a, *y = b;
    if (x->data != y->data) return (const char *)x->data < (const char *)y->data ? -1 : 1;
    if (n_bytes(x) != n_bytes(y)) return n_bytes(x) < n_bytes(y) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    const struct raml_tensor_view *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The tensors tile the data: no byte is shared, none is unclaimed. */
static enum raml_code check_tiling(const struct raml_safetensors *s, size_t data_start, struct raml_err *err)
{
    const char *base = (const char *)s->map.data + data_start, *at = base;
    for (size_t i = 0; i < s->n; i++) {
        const struct raml_tensor_view *v = &s->view[i];
        if ((const char *)v->data != at)
            return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' starts at byte %td of the data; expected %td (%s)",
                             s->path, v->name, (const char *)v->data - base, at - base,
                             (const char *)v->data < at ? "it overlaps the one before" : "there is a gap");
        at += n_bytes(v);
    }
    size_t used = (size_t)(at - base), have = s->map.size - data_start;
    if (used != have)
        return raml_fail(err, RAML_EFORMAT, "%s: the tensors end at byte %zu of the data; the file has %zu", s->path,
                         used, have);
    return RAML_OK;
}

static enum raml_code read_entries(struct raml_safetensors *s, size_t data_start, struct raml_err *err)
{
    const char *name;
    json_t *info;
    size_t max = json_object_size(s->header);
    s->view = calloc(max + 1, sizeof *s->view);
    s->by_name = calloc(max + 1, sizeof(*s->by_name));
    if (!s->view || !s->by_name) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu tensors", s->path, max);
    json_object_foreach (s->header, name, info) {
        enum raml_code rc = RAML_OK;
        if (!strcmp(name, "__metadata__")) {
            rc = check_metadata(s, info, err);
            if (rc) return rc;
            continue;
        }
        struct raml_tensor_view *v = &s->view[s->n];
        v->name = name;
        if (!json_is_object(info))
            return raml_fail(err, RAML_EFORMAT, "%s: entry '%s' of the header is not an object", s->path, name);
        rc = read_dtype(s->path, v, info, err);
        if (!rc) rc = read_shape(s->path, v, info, err);
        if (!rc) rc = read_place(s, v, info, data_start, err);
        if (rc) return rc;
        s->n++;
    }
    qsort(s->view, s->n, sizeof *s->view, by_place);
    for (size_t i = 0; i < s->n; i++) s->by_name[i] = &s->view[i];
    qsort(s->by_name, s->n, sizeof(*s->by_name), by_name);
    return check_tiling(s, data_start, err);
}

static enum raml_code read_header(struct raml_safetensors *s, struct raml_err *err)
{
    uint64_t n = 0;
    if (s->map.size < sizeof n)
        return raml_fail(err, RAML_EFORMAT, "%s: %zu bytes; a safetensors file has at least 8", s->path, s->map.size);
    memcpy(&n, s->map.data, sizeof n);
    if (n > MAX_HEADER_BYTES)
        return raml_fail(err, RAML_EFORMAT, "%s: header of %llu bytes; expected at most %d (is it safetensors?)",
                         s->path, (unsigned long long)n, MAX_HEADER_BYTES);
    if (n > s->map.size - sizeof n)
        return raml_fail(err, RAML_EFORMAT, "%s: header of %llu bytes in a file of %zu (truncated?)", s->path,
                         (unsigned long long)n, s->map.size);
    const char *text = (const char *)s->map.data + sizeof n;
    if (n < 2 || text[0] != '{') return raml_fail(err, RAML_EFORMAT, "%s: the header does not start with '{'", s->path);
    enum raml_code rc = raml_json_parse(&(struct raml_place){s->path, 0}, text, (size_t)n, &s->header, err);
    return rc ? raml_wrap(err, rc, "safetensors header") : read_entries(s, sizeof n + (size_t)n, err);
}

enum raml_code raml_safetensors_open(const char *path, struct raml_safetensors **out, struct raml_err *err)
{
    struct raml_safetensors *s = calloc(1, sizeof *s);
    if (!s || !(s->path = strdup(path))) {
        free(s);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory to open it", path);
    }
    enum raml_code rc = raml_map_init(&s->map, path, err);
    if (!rc) rc = read_header(s, err);
    if (rc) raml_safetensors_close(s);
    else *out = s;
    return rc;
}

void raml_safetensors_close(struct raml_safetensors *s)
{
    if (!s) return;
    raml_map_deinit(&s->map);
    json_decref(s->header);
    free(s->view);
    free(s->by_name);
    free(s->path);
    free(s);
}

size_t raml_safetensors_count(const struct raml_safetensors *s)
{
    return s->n;
}

const struct raml_tensor_view *raml_safetensors_at(const struct raml_safetensors *s, size_t i)
{
    return i < s->n ? &s->view[i] : NULL;
}

const struct raml_tensor_view *raml_safetensors_find(const struct raml_safetensors *s, const char *name)
{
    struct raml_tensor_view want = {.name = name};
    const struct raml_tensor_view *key = &want;
    const struct raml_tensor_view **hit = bsearch(&key, s->by_name, s->n, sizeof(*s->by_name), by_name);
    return hit ? *hit : NULL;
}

const char *raml_safetensors_metadata(const struct raml_safetensors *s, const char *key)
{
    return json_string_value(json_object_get(json_object_get(s->header, "__metadata__"), key));
}

/* Conversion */

static float from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits. Every value is a float exactly. */
static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ffu;
    if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
    float x = (float)fraction * 0x1p-24f; /* zero and subnormals */
    return sign ? -x : x;
}

static enum raml_code fail_not_finite(const struct raml_tensor_view *v, size_t i, float x, struct raml_err *err)
{
    char index[RAML_MAX_DIMS * 24] = "";
    size_t stride = v->n, used = 0;
    for (int d = 0; d < v->n_dims; d++) {
        stride /= v->shape[d];
        int w = snprintf(index + used, sizeof index - used, "%s%zu", d ? "," : "", i / stride);
        if (w < 0 || (size_t)w >= sizeof index - used) break;
        used += (size_t)w;
        i %= stride;
    }
    return raml_fail(err, RAML_ERANGE, "tensor '%s': element [%s] is %s; expected a finite number", v->name, index,
                     isnan(x) ? "NaN"
                     : x > 0  ? "+infinity"
                              : "-infinity");
}

enum raml_code raml_tensor_to_f32(const struct raml_tensor_view *v, float *out, int require_finite,
                                  struct raml_err *err)
{
    const char *bytes = v->data;
    uint16_t h;
    switch (v->dtype) {
    case RAML_F32:
        if (v->n) memcpy(out, bytes, v->n * sizeof *out);
        break;
    case RAML_BF16:
        for (size_t i = 0; i < v->n; i++) {
            memcpy(&h, bytes + 2 * i, 2);
            out[i] = from_bits((uint32_t)h << 16);
        }
        break;
    case RAML_F16:
        for (size_t i = 0; i < v->n; i++) {
            memcpy(&h, bytes + 2 * i, 2);
            out[i] = from_half(h);
        }
        break;
    default:
        return raml_fail(err, RAML_EFORMAT, "tensor '%s' has dtype %s; expected F32, BF16 or F16", v->name,
                         raml_dtype_name(v->dtype));
    }
    if (!require_finite) return RAML_OK;
    for (size_t i = 0; i < v->n; i++)
        if (!isfinite(out[i])) return fail_not_finite(v, i, out[i], err);
    return RAML_OK;
}

/* Writing */

static enum raml_code check_view(const char *path, const struct raml_tensor_view *v, size_t at, struct raml_err *err)
{
    size_t size = raml_dtype_size(v->dtype), n = 1;
    if (!size || !v->name || v->n_dims < 0 || v->n_dims > RAML_MAX_DIMS || !strcmp(v->name, "__metadata__"))
        return raml_fail(err, RAML_EUSAGE, "%s: tensor '%s' has no legal name, dtype or number of dimensions", path,
                         v->name ? v->name : "");
    for (int d = 0; d < v->n_dims; d++) {
        if (v->shape[d] && n > (size_t)INT64_MAX / size / v->shape[d])
            return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has a shape too large for any file", path, v->name);
        n *= v->shape[d];
    }
    if (n != v->n)
        return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has %zu elements; its shape has %zu", path, v->name, v->n,
                         n);
    if (at > (size_t)INT64_MAX - n * size) return raml_fail(err, RAML_ERANGE, "%s: larger than any file", path);
    if (at % size)
        return raml_fail(err, RAML_EUSAGE,
                         "%s: tensor '%s' would start at byte %zu, which is not a multiple of %zu; "
                         "give tensors with larger elements first",
                         path, v->name, at, size);
    return RAML_OK;
}

/* {"__metadata__": meta, name: {...}, ...} in the order given; NULL: no memory, or text that is not UTF-8. */
static json_t *build_header(const struct raml_tensor_view *t, size_t n, const char *const *meta)
{
    json_t *header = json_object();
    int bad = !header;
    if (meta && meta[0]) {
        json_t *m = json_object();
        for (size_t i = 0; meta[i] && meta[i + 1]; i += 2)
            bad |= json_object_set_new(m, meta[i], json_string(meta[i + 1]));
        bad |= json_object_set_new(header, "__metadata__", m);
    }
    json_int_t at = 0;
    for (size_t i = 0; i < n && !bad; i++) {
        json_t *shape = json_array();
        for (int d = 0; d < t[i].n_dims; d++)
            bad |= json_array_append_new(shape, json_integer((json_int_t)t[i].shape[d]));
        json_int_t end = at + (json_int_t)n_bytes(&t[i]);
        json_t *info = json_pack("{s:s, s:o, s:[I, I]}", "dtype", raml_dtype_name(t[i].dtype), "shape", shape,
                                 "data_offsets", at, end);
        bad |= json_object_set_new(header, t[i].name, info);
        at = end;
    }
    return raml_json_checked(header, bad);
}

/* The header's text, padded with spaces so that the data that follows it and its length starts at DATA_ALIGN. */
static enum raml_code header_text(const char *path, const struct raml_tensor_view *t, size_t n, const char *const *meta,
                                  struct raml_buf *text, struct raml_err *err)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        enum raml_code rc = check_view(path, &t[i], at, err);
        if (rc) return rc;
        at += n_bytes(&t[i]);
    }
    json_t *header = build_header(t, n, meta);
    if (!header)
        return raml_fail(err, RAML_EUSAGE, "%s: a tensor's name or the metadata is not UTF-8, or memory ran out", path);
    size_t entries = n + (meta && meta[0] ? 1 : 0);
    raml_json_add(text, header);
    while ((sizeof(uint64_t) + text->len) % DATA_ALIGN && !text->code) raml_buf_add(text, " ", 1);
    enum raml_code rc = raml_buf_status(text, err);
    if (!rc && json_object_size(header) != entries)
        rc = raml_fail(err, RAML_EUSAGE, "%s: two tensors have the same name", path);
    json_decref(header);
    return rc;
}

static enum raml_code write_file(const char *path, const struct raml_tensor_view *t, size_t n, const char *const *meta,
                                 const struct raml_row_source *from, struct raml_err *err)
{
    struct raml_writer w = {0};
    struct raml_buf text;
    raml_buf_init(&text, MAX_HEADER_BYTES);
    enum raml_code rc = header_text(path, t, n, meta, &text, err);
    if (!rc) rc = raml_writer_init(&w, path, err);
    if (!rc) {
        uint64_t bytes = text.len;
        rc = raml_writer_add(&w, &bytes, sizeof bytes, err);
    }
    if (!rc) rc = raml_writer_add(&w, text.data, text.len, err);
    for (size_t i = 0; i < n && !rc; i++) {
        size_t width, rows = raml_rows_of(t[i].shape, t[i].n_dims, &width);
        rc = from ? raml_rows_write(from, i, rows, width * raml_dtype_size(t[i].dtype), &w, err)
                  : raml_writer_add(&w, t[i].data, n_bytes(&t[i]), err);
    }
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    raml_buf_deinit(&text);
    return rc;
}

enum raml_code raml_safetensors_write(const char *path, const struct raml_tensor_view *t, size_t n,
                                      const char *const *meta, struct raml_err *err)
{
    return write_file(path, t, n, meta, NULL, err);
}

enum raml_code raml_safetensors_write_rows(const char *path, const struct raml_tensor_view *t, size_t n,
                                           const char *const *meta, raml_rows_fn *rows, void *user,
                                           struct raml_err *err)
{
    return write_file(path, t, n, meta, &(struct raml_row_source){rows, user}, err);
}
