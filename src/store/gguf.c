/* gguf.c - see gguf.h. Reading. */
#include "store/gguf_format.h"

#include "core/file.h"

#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensor files are little-endian and are read in place: this machine would need a byte swap"
#endif

enum { /* far above any model; they bound what a sparse file can make us allocate */
       MAX_VALUES = 1 << 16,
       MAX_TENSORS = 1 << 20,
       MAX_STRINGS = 1 << 24, /* in all arrays together */
       MIN_VALUE_BYTES = 14,  /* key of one character, type, one byte */
       MIN_TENSOR_BYTES = 25, /* name of one character, dimensions, type, offset */
       MIN_ALIGN = 8
};

static const struct {
    const char *name;
    size_t size;
} types[RAML_GGUF_N_TYPES] = {
    [RAML_GGUF_U8] = {"u8", 1},       [RAML_GGUF_I8] = {"i8", 1},     [RAML_GGUF_U16] = {"u16", 2},
    [RAML_GGUF_I16] = {"i16", 2},     [RAML_GGUF_U32] = {"u32", 4},   [RAML_GGUF_I32] = {"i32", 4},
    [RAML_GGUF_F32] = {"f32", 4},     [RAML_GGUF_BOOL] = {"bool", 1}, [RAML_GGUF_STRING] = {"string", 0},
    [RAML_GGUF_ARRAY] = {"array", 0}, [RAML_GGUF_U64] = {"u64", 8},   [RAML_GGUF_I64] = {"i64", 8},
    [RAML_GGUF_F64] = {"f64", 8},
};

struct tensor {
    struct raml_gguf_tensor view;
    uint64_t offset; /* from the data's start */
    char name[GGUF_MAX_NAME + 1];
};

struct raml_gguf {
    char *path;
    struct raml_map map;
    size_t at; /* position in the header */
    uint32_t version;
    size_t alignment, n_values, n_tensors, n_strings;
    struct raml_gguf_value *value; /* file order; own key and place */
    const struct raml_gguf_value **by_key;
    struct tensor *tensor; /* file order */
    const struct raml_gguf_tensor **by_name;
};

const char *raml_gguf_type_name(enum raml_gguf_type t)
{
    return (unsigned)t < RAML_GGUF_N_TYPES ? types[t].name : "unknown";
}

size_t raml_gguf_type_size(enum raml_gguf_type t)
{
    return (unsigned)t < RAML_GGUF_N_TYPES ? types[t].size : 0;
}

static bool legal(const char *text, size_t n, size_t max, unsigned last)
{
    for (size_t i = 0; i < n && i < max; i++)
        if ((unsigned char)text[i] < ' ' || (unsigned char)text[i] > last || text[i] == 127) return false;
    return n && n <= max;
}

bool raml_gguf_legal_key(const char *key, size_t n)
{
    return legal(key, n, GGUF_MAX_KEY, 126);
}

bool raml_gguf_legal_name(const char *name, size_t n)
{
    return legal(name, n, GGUF_MAX_NAME, 255);
}

/* The next n bytes; what: their name, for messages. */

static enum raml_code take(struct raml_gguf *g, uint64_t n, const char *what, const unsigned char **out,
                           struct raml_err *err)
{
    size_t left = g->map.size - g->at;
    if (n > left)
        return raml_fail(err, RAML_EFORMAT, "%s: byte %zu: %s needs %llu bytes; the file has %zu more (truncated?)",
                         g->path, g->at, what, (unsigned long long)n, left);
    *out = g->map.data + g->at;
    g->at += (size_t)n;
    return RAML_OK;
}

static enum raml_code take_u32(struct raml_gguf *g, const char *what, uint32_t *out, struct raml_err *err)
{
    const unsigned char *p = NULL;
    enum raml_code rc = take(g, sizeof *out, what, &p, err);
    if (!rc) memcpy(out, p, sizeof *out);
    return rc;
}

static enum raml_code take_u64(struct raml_gguf *g, const char *what, uint64_t *out, struct raml_err *err)
{
    const unsigned char *p = NULL;
    enum raml_code rc = take(g, sizeof *out, what, &p, err);
    if (!rc) memcpy(out, p, sizeof *out);
    return rc;
}

static enum raml_code take_string(struct raml_gguf *g, const char *what, struct raml_gguf_string *out,
                                  struct raml_err *err)
{
    const unsigned char *p = NULL;
    uint64_t n = 0;
    enum raml_code rc = take_u64(g, what, &n, err);
    if (!rc) rc = take(g, n, what, &p, err);
    if (!rc) *out = (struct raml_gguf_string){(const char *)p, (size_t)n};
    return rc;
}

/* Metadata */

static enum raml_code read_strings(struct raml_gguf *g, struct raml_gguf_value *v, struct raml_err *err)
{
    size_t start = g->at;
    struct raml_gguf_string s;
    if (v->n > MAX_STRINGS - g->n_strings)
        return raml_fail(err, RAML_ESUPPORT, "%s: metadata '%.64s': %zu strings; expected at most %d in a file",
                         g->path, v->key, v->n, MAX_STRINGS);
    g->n_strings += v->n;
    size_t *place = malloc((v->n + 1) * sizeof *place);
    v->place = place;
    if (!place) return raml_fail(err, RAML_ENOMEM, "%s: no memory for %zu strings", g->path, v->n);
    for (size_t i = 0; i < v->n; i++) {
        place[i] = g->at - start;
        enum raml_code rc = take_string(g, "a string", &s, err);
        if (rc) return raml_wrap(err, rc, "metadata '%.64s', string %zu of %zu", v->key, i, v->n);
    }
    return RAML_OK;
}

static enum raml_code read_array_head(struct raml_gguf *g, struct raml_gguf_value *v, struct raml_err *err)
{
    uint32_t element = 0;
    uint64_t n = 0;
    enum raml_code rc = take_u32(g, "an array's type", &element, err);
    if (!rc) rc = take_u64(g, "an array's length", &n, err);
    if (rc) return rc;
    if (element == RAML_GGUF_ARRAY)
        return raml_fail(err, RAML_ESUPPORT, "%s: metadata '%.64s' is an array of arrays: not supported", g->path,
                         v->key);
    if (element >= RAML_GGUF_N_TYPES)
        return raml_fail(err, RAML_EFORMAT, "%s: metadata '%.64s': elements of type %u; expected 0 to %d", g->path,
                         v->key, (unsigned)element, RAML_GGUF_N_TYPES - 1);
    v->element = (enum raml_gguf_type)element;
    size_t size = v->element == RAML_GGUF_STRING ? sizeof(uint64_t) : types[element].size;
    if (n > (g->map.size - g->at) / size)
        return raml_fail(err, RAML_EFORMAT,
                         "%s: metadata '%.64s': %llu elements of type %s; the file has %zu more "
                         "bytes",
                         g->path, v->key, (unsigned long long)n, types[element].name, g->map.size - g->at);
    v->n = (size_t)n;
    return RAML_OK;
}

static enum raml_code read_value(struct raml_gguf *g, struct raml_gguf_value *v, struct raml_err *err)
{
    uint32_t type = 0;
    enum raml_code rc = take_u32(g, "a type", &type, err);
    if (rc) return rc;
    if (type >= RAML_GGUF_N_TYPES)
        return raml_fail(err, RAML_EFORMAT, "%s: metadata '%.64s' has type %u; expected 0 to %d", g->path, v->key,
                         (unsigned)type, RAML_GGUF_N_TYPES - 1);
    v->type = v->element = (enum raml_gguf_type)type;
    v->n = 1;
    if (v->type == RAML_GGUF_ARRAY) rc = read_array_head(g, v, err);
    if (rc) return rc;
    v->data = g->map.data + g->at;
    if (v->element == RAML_GGUF_STRING) {
        struct raml_gguf_string s;
        return v->type == RAML_GGUF_ARRAY ? read_strings(g, v, err) : take_string(g, "a string", &s, err);
    }
    const unsigned char *p = NULL;
    rc = take(g, v->n * types[v->element].size, "a value", &p, err); /* of an array: no more than the file has */
    for (size_t i = 0; !rc && v->element == RAML_GGUF_BOOL && i < v->n; i++)
        if (p[i] > 1)
            rc = raml_fail(err, RAML_EFORMAT, "%s: metadata '%.64s': a bool is %u; expected 0 or 1", g->path, v->key,
                           (unsigned)p[i]);
    return rc;
}

static int by_key(const void *a, const void *b)
{
    const struct raml_gguf_value *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

static enum raml_code read_metadata(struct raml_gguf *g, uint64_t n, struct raml_err *err)
{
    g->value = calloc((size_t)n + 1, sizeof *g->value);
    g->by_key = calloc((size_t)n + 1, sizeof(*g->by_key));
    if (!g->value || !g->by_key) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its metadata", g->path);
    while (g->n_values < n) {
        struct raml_gguf_string key;
        size_t at = g->at;
        enum raml_code rc = take_string(g, "a metadata key", &key, err);
        if (rc) return rc;
        if (!raml_gguf_legal_key(key.bytes, key.n))
            return raml_fail(err, RAML_EFORMAT,
                             "%s: byte %zu: metadata %zu of %llu has a key of %zu bytes; "
                             "expected 1 to %d, printable ASCII",
                             g->path, at, g->n_values, (unsigned long long)n, key.n, GGUF_MAX_KEY);
        struct raml_gguf_value *v = &g->value[g->n_values];
        char *copy = malloc(key.n + 1); /* the file may end after it */
        v->key = copy;
        if (!copy) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its metadata", g->path);
        memcpy(copy, key.bytes, key.n);
        copy[key.n] = 0;
        g->by_key[g->n_values++] = v; /* counted: _close frees its parts from here on */
        rc = read_value(g, v, err);
        if (rc) return rc;
    }
    qsort(g->by_key, g->n_values, sizeof(*g->by_key), by_key);
    for (size_t i = 1; i < g->n_values; i++)
        if (!strcmp(g->by_key[i - 1]->key, g->by_key[i]->key))
            return raml_fail(err, RAML_EFORMAT, "%s: metadata '%.64s' is given twice", g->path, g->by_key[i]->key);
    return RAML_OK;
}

static enum raml_code read_alignment(struct raml_gguf *g, struct raml_err *err)
{
    uint32_t n = GGUF_ALIGN;
    const struct raml_gguf_value *v = raml_gguf_value_find(g, "general.alignment");
    if (v && v->type != RAML_GGUF_U32)
        return raml_fail(err, RAML_EFORMAT, "%s: general.alignment has type %s; expected u32", g->path,
                         types[v->type].name);
    if (v) memcpy(&n, v->data, sizeof n);
    if (n < MIN_ALIGN || (n & (n - 1)))
        return raml_fail(err, RAML_EFORMAT, "%s: general.alignment is %u; expected a power of two from %d on", g->path,
                         (unsigned)n, MIN_ALIGN);
    g->alignment = n;
    return RAML_OK;
}

/* Tensors */

static enum raml_code read_shape(struct raml_gguf *g, struct raml_gguf_tensor *t, struct raml_err *err)
{
    uint32_t n_dims = 0;
    uint64_t dim = 0;
    enum raml_code rc = take_u32(g, "a count of dimensions", &n_dims, err);
    if (rc) return rc;
    if (n_dims > RAML_GGUF_MAX_DIMS)
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has %u dimensions; expected at most %d", g->path, t->name,
                         (unsigned)n_dims, RAML_GGUF_MAX_DIMS);
    t->n_dims = (int)n_dims;
    t->n = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) { /* the file's first is the fastest, the last in C */
        rc = take_u64(g, "a dimension", &dim, err);
        if (rc) return rc;
        if (dim > INT64_MAX || (dim && t->n > (size_t)INT64_MAX / dim))
            return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has a shape too large for any file", g->path, t->name);
        t->shape[d] = (size_t)dim;
        t->n *= (size_t)dim;
    }
    return RAML_OK;
}

static enum raml_code read_kind(struct raml_gguf *g, struct raml_gguf_tensor *t, struct raml_err *err)
{
    size_t size = 0, row = t->n_dims ? t->shape[t->n_dims - 1] : 1;
    enum raml_code rc = take_u32(g, "a tensor's type", &t->type, err);
    if (rc) return rc;
    size_t block = raml_ggml_block(t->type, &size);
    if (!block)
        return raml_fail(err, RAML_ESUPPORT, "%s: tensor '%s' has type %u, whose size is not known", g->path, t->name,
                         (unsigned)t->type);
    if (row % block)
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has rows of %zu elements; type %s needs a multiple of %zu",
                         g->path, t->name, row, raml_ggml_type_name(t->type), block);
    if (t->n / block > SIZE_MAX / size)
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has a shape too large for any file", g->path, t->name);
    t->bytes = t->n / block * size;
    return RAML_OK;
}

static enum raml_code read_tensor(struct raml_gguf *g, struct tensor *t, struct raml_err *err)
{
    struct raml_gguf_string name;
    size_t at = g->at;
    enum raml_code rc = take_string(g, "a tensor's name", &name, err);
    if (rc) return rc;
    if (!raml_gguf_legal_name(name.bytes, name.n))
        return raml_fail(err, RAML_EFORMAT,
                         "%s: byte %zu: tensor %zu has a name of %zu bytes; expected 1 to %d, no "
                         "control characters",
                         g->path, at, g->n_tensors, name.n, GGUF_MAX_NAME);
    memcpy(t->name, name.bytes, name.n); /* zeroed before */
    t->view.name = t->name;
    rc = read_shape(g, &t->view, err);
    if (!rc) rc = read_kind(g, &t->view, err);
    if (!rc) rc = take_u64(g, "a tensor's offset", &t->offset, err);
    if (!rc && t->offset % g->alignment)
        rc = raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' starts at byte %llu of the data; expected a multiple of %zu",
                       g->path, t->name, (unsigned long long)t->offset, g->alignment);
    return rc;
}

static enum raml_code place_tensors(struct raml_gguf *g, struct raml_err *err)
{
    size_t start = (g->at + g->alignment - 1) / g->alignment * g->alignment;
    size_t have = start < g->map.size ? g->map.size - start : 0;
    for (size_t i = 0; i < g->n_tensors; i++) {
        struct tensor *t = &g->tensor[i];
        if (start > g->map.size || t->offset > have || t->view.bytes > have - t->offset)
            return raml_fail(err, RAML_EFORMAT,
                             "%s: tensor '%s' has %zu bytes from byte %llu of the data on; the file "
                             "has %zu (truncated?)",
                             g->path, t->name, t->view.bytes, (unsigned long long)t->offset, have);
        t->view.data = g->map.data + start + (size_t)t->offset;
    }
    return RAML_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct raml_gguf_tensor *const *x = a, *const *y = b;
    if ((*x)->data != (*y)->data) return (const char *)(*x)->data < (const char *)(*y)->data ? -1 : 1;
    return (*x)->bytes < (*y)->bytes ? -1 : (*x)->bytes > (*y)->bytes;
}

static int by_name(const void *a, const void *b)
{
    const struct raml_gguf_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* No byte belongs to two tensors, and no name does. Gaps are padding, and are not looked at. */
static enum raml_code check_tensors(struct raml_gguf *g, struct raml_err *err)
{
    const struct raml_gguf_tensor *last = NULL;
    qsort(g->by_name, g->n_tensors, sizeof(*g->by_name), by_place);
    for (size_t i = 0; i < g->n_tensors; i++) {
        const struct raml_gguf_tensor *t = g->by_name[i];
        if (!t->bytes) continue;
        if (last && (const char *)last->data + last->bytes > (const char *)t->data)
            return raml_fail(err, RAML_EFORMAT, "%s: tensors '%s' and '%s' overlap", g->path, last->name, t->name);
        last = t;
    }
    qsort(g->by_name, g->n_tensors, sizeof(*g->by_name), by_name);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (!strcmp(g->by_name[i - 1]->name, g->by_name[i]->name))
            return raml_fail(err, RAML_EFORMAT, "%s: two tensors are named '%s'", g->path, g->by_name[i]->name);
    return RAML_OK;
}

static enum raml_code read_tensors(struct raml_gguf *g, uint64_t n, struct raml_err *err)
{
    if (n > (g->map.size - g->at) / MIN_TENSOR_BYTES) /* again, now that the metadata has been read */
        return raml_fail(err, RAML_EFORMAT, "%s: %llu tensors; the file has %zu more bytes (truncated?)", g->path,
                         (unsigned long long)n, g->map.size - g->at);
    g->tensor = calloc((size_t)n + 1, sizeof *g->tensor);
    g->by_name = calloc((size_t)n + 1, sizeof(*g->by_name));
    if (!g->tensor || !g->by_name) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", g->path);
    for (; g->n_tensors < n; g->n_tensors++) {
        enum raml_code rc = read_tensor(g, &g->tensor[g->n_tensors], err);
        if (rc) return rc;
        g->by_name[g->n_tensors] = &g->tensor[g->n_tensors].view;
    }
    enum raml_code rc = place_tensors(g, err);
    return rc ? rc : check_tensors(g, err);
}

static enum raml_code read_file(struct raml_gguf *g, struct raml_err *err)
{
    const unsigned char *magic = NULL;
    uint64_t n_tensors = 0, n_values = 0;
    enum raml_code rc = take(g, 4, "the magic", &magic, err);
    if (rc) return rc;
    if (memcmp(magic, "GGUF", 4) != 0)
        return raml_fail(err, RAML_EFORMAT, "%s: does not start with GGUF; it is another kind of file", g->path);
    rc = take_u32(g, "the version", &g->version, err);
    if (!rc) rc = take_u64(g, "the count of tensors", &n_tensors, err);
    if (!rc) rc = take_u64(g, "the count of metadata", &n_values, err);
    if (rc) return rc;
    if (g->version != 2 && g->version != 3)
        return raml_fail(err, RAML_ESUPPORT, "%s: GGUF version %u; expected 2 or 3%s", g->path, (unsigned)g->version,
                         g->version && !(g->version & 0xffff) ? " (the file is big-endian)" : "");
    size_t left = g->map.size - g->at;
    if (n_values > MAX_VALUES || n_values > left / MIN_VALUE_BYTES)
        return raml_fail(err, RAML_EFORMAT,
                         "%s: %llu entries of metadata; %zu bytes follow (truncated?), "
                         "and at most %d entries are allowed",
                         g->path, (unsigned long long)n_values, left, MAX_VALUES);
    if (n_tensors > MAX_TENSORS || n_tensors > left / MIN_TENSOR_BYTES)
        return raml_fail(err, RAML_EFORMAT,
                         "%s: %llu tensors; %zu bytes follow (truncated?), "
                         "and at most %d tensors are allowed",
                         g->path, (unsigned long long)n_tensors, left, MAX_TENSORS);
    rc = read_metadata(g, n_values, err);
    if (!rc) rc = read_alignment(g, err);
    if (!rc) rc = read_tensors(g, n_tensors, err);
    return rc;
}

bool raml_is_gguf(const char *path)
{
    size_t n = strlen(path), tail = strlen(".gguf");
    return n > tail && !strcmp(path + n - tail, ".gguf") && !raml_is_dir(path);
}

enum raml_code raml_gguf_open(const char *path, struct raml_gguf **out, struct raml_err *err)
{
    *out = NULL;
    struct raml_gguf *g = calloc(1, sizeof *g);
    if (g) g->path = strdup(path);
    if (!g || !g->path) {
        free(g);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory", path);
    }
    enum raml_code rc = raml_map_init(&g->map, path, err);
    if (!rc) rc = read_file(g, err);
    if (rc) raml_gguf_close(g);
    else *out = g;
    return rc;
}

void raml_gguf_close(struct raml_gguf *g)
{
    if (!g) return;
    for (size_t i = 0; i < g->n_values; i++) {
        free((char *)g->value[i].key);
        free((size_t *)g->value[i].place);
    }
    raml_map_deinit(&g->map);
    free(g->value);
    free(g->by_key);
    free(g->tensor);
    free(g->by_name);
    free(g->path);
    free(g);
}

const char *raml_gguf_path(const struct raml_gguf *g)
{
    return g->path;
}

uint32_t raml_gguf_version(const struct raml_gguf *g)
{
    return g->version;
}

size_t raml_gguf_alignment(const struct raml_gguf *g)
{
    return g->alignment;
}

size_t raml_gguf_n_values(const struct raml_gguf *g)
{
    return g->n_values;
}

const struct raml_gguf_value *raml_gguf_value_at(const struct raml_gguf *g, size_t i)
{
    return i < g->n_values ? &g->value[i] : NULL;
}

const struct raml_gguf_value *raml_gguf_value_find(const struct raml_gguf *g, const char *key)
{
    struct raml_gguf_value want = {.key = key};
    const struct raml_gguf_value *k = &want;
    const struct raml_gguf_value **hit = bsearch(&k, g->by_key, g->n_values, sizeof(*g->by_key), by_key);
    return hit ? *hit : NULL;
}

size_t raml_gguf_n_tensors(const struct raml_gguf *g)
{
    return g->n_tensors;
}

const struct raml_gguf_tensor *raml_gguf_tensor_at(const struct raml_gguf *g, size_t i)
{
    return i < g->n_tensors ? &g->tensor[i].view : NULL;
}

const struct raml_gguf_tensor *raml_gguf_tensor_find(const struct raml_gguf *g, const char *name)
{
    struct raml_gguf_tensor want = {.name = name};
    const struct raml_gguf_tensor *k = &want;
    const struct raml_gguf_tensor **hit = bsearch(&k, g->by_name, g->n_tensors, sizeof(*g->by_name), by_name);
    return hit ? *hit : NULL;
}
