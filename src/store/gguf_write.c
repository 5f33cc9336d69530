/* gguf_write.c - see gguf.h. Writing. */
#include "store/blocks.h"
#include "store/gguf_format.h"
#include "store/rows.h"

#include "raml/buf.h"
#include "core/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    CHUNK = 4096,         /* elements converted at a time: whole blocks */
    MAX_HEADER = 1 << 30, /* bytes */
    QUANTIZATION = 2      /* general.quantization_version, GGML_QNT_VERSION in ggml.h */
};
static const char zeros[GGUF_ALIGN];

/* Checks */

static enum raml_code check_entry(const char *path, const struct raml_gguf_entry *e, struct raml_err *err)
{
    if (!e->key || !raml_gguf_legal_key(e->key, strlen(e->key)))
        return raml_fail(err, RAML_EUSAGE, "%s: metadata key '%.64s'; expected 1 to %d characters of printable ASCII",
                         path, e->key ? e->key : "", GGUF_MAX_KEY);
    if (!strcmp(e->key, "general.alignment"))
        return raml_fail(err, RAML_EUSAGE, "%s: general.alignment is not for the caller to set; it is %d", path,
                         GGUF_ALIGN);
    bool array = e->type == RAML_GGUF_ARRAY;
    enum raml_gguf_type t = array ? e->element : e->type;
    if ((unsigned)t >= RAML_GGUF_N_TYPES || t == RAML_GGUF_ARRAY || (!e->data && (!array || e->n)))
        return raml_fail(err, RAML_EUSAGE, "%s: metadata '%.64s' has no data, or type %s, which is not written", path,
                         e->key, raml_gguf_type_name(t));
    return RAML_OK;
}

/* Tensors given as rows may have any type that has a size; vectors have no blocks. */
static enum raml_code check_type(const char *path, const struct raml_gguf_output *t, bool rows, struct raml_err *err)
{
    const struct raml_tensor_view *v = &t->view;
    size_t size, block = raml_ggml_block(t->type, &size);
    if (!rows && v->dtype != RAML_F32 && v->dtype != RAML_BF16 && v->dtype != RAML_F16)
        return raml_fail(err, RAML_EUSAGE, "%s: tensor '%s' has dtype %s; expected F32, BF16 or F16", path, v->name,
                         raml_dtype_name(v->dtype));
    if (!rows && t->type != RAML_GGML_F32 && t->type != RAML_GGML_BF16 && t->type != RAML_GGML_Q8_0)
        return raml_fail(err, RAML_EUSAGE, "%s: tensor '%s': type %s is not written; expected F32, BF16 or Q8_0", path,
                         v->name, raml_ggml_type_name(t->type));
    if (rows && (!block || (block > 1 && v->n_dims < 2)))
        return raml_fail(err, RAML_EUSAGE, "%s: tensor '%s', of %d dimensions, cannot have type %s (%u)", path, v->name,
                         v->n_dims, raml_ggml_type_name(t->type), (unsigned)t->type);
    return RAML_OK;
}

static enum raml_code check_tensor(const char *path, const struct raml_gguf_output *t, bool rows, struct raml_err *err)
{
    const struct raml_tensor_view *v = &t->view;
    size_t n = 1, size;
    if (!v->name || !raml_gguf_legal_name(v->name, strlen(v->name)))
        return raml_fail(err, RAML_EUSAGE, "%s: tensor name '%.64s'; expected 1 to %d bytes, no control characters",
                         path, v->name ? v->name : "", GGUF_MAX_NAME);
    enum raml_code rc = check_type(path, t, rows, err);
    if (rc) return rc;
    if (v->n_dims < 0 || v->n_dims > RAML_GGUF_MAX_DIMS)
        return raml_fail(err, RAML_EUSAGE, "%s: tensor '%s' has %d dimensions; expected at most %d", path, v->name,
                         v->n_dims, RAML_GGUF_MAX_DIMS);
    for (int d = v->n_dims - 1; d >= 0; d--) {
        if (v->shape[d] && n > (size_t)INT64_MAX / 4 / v->shape[d])
            return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has a shape too large for any file", path, v->name);
        n *= v->shape[d];
    }
    if (n != v->n)
        return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has %zu elements; its shape has %zu", path, v->name, v->n,
                         n);
    size_t row = v->n_dims ? v->shape[v->n_dims - 1] : 1, block = raml_ggml_block(t->type, &size);
    if (row % block)
        return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has rows of %zu elements; %s needs a multiple of %zu", path,
                         v->name, row, raml_ggml_type_name(t->type), block);
    return RAML_OK;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* No two of text[0..n) are equal. Sorts it. */
static enum raml_code check_different(const char *path, const char *what, const char **text, size_t n,
                                      struct raml_err *err)
{
    qsort(text, n, sizeof(*text), by_text);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(text[i - 1], text[i]))
            return raml_fail(err, RAML_EUSAGE, "%s: two %s '%.64s'", path, what, text[i]);
    return RAML_OK;
}

static enum raml_code check_all(const char *path, const struct raml_gguf_entry *entry, size_t n_entries,
                                const struct raml_gguf_output *tensor, size_t n_tensors, bool rows,
                                struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    const char **text = calloc((n_entries > n_tensors ? n_entries : n_tensors) + 1, sizeof(*text));
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory", path);
    for (size_t i = 0; i < n_entries && !rc; i++) {
        rc = check_entry(path, &entry[i], err);
        text[i] = entry[i].key;
    }
    if (!rc) rc = check_different(path, "metadata keys", text, n_entries, err);
    for (size_t i = 0; i < n_tensors && !rc; i++) {
        rc = check_tensor(path, &tensor[i], rows, err);
        text[i] = tensor[i].view.name;
    }
    if (!rc) rc = check_different(path, "tensors", text, n_tensors, err);
    free(text);
    return rc;
}

/* The header */

static void add_u32(struct raml_buf *b, uint32_t x)
{
    raml_buf_add(b, &x, sizeof x);
}

static void add_u64(struct raml_buf *b, uint64_t x)
{
    raml_buf_add(b, &x, sizeof x);
}

static void add_string(struct raml_buf *b, const char *text, size_t n)
{
    add_u64(b, n);
    raml_buf_add(b, text, n);
}

static void add_entry(struct raml_buf *b, const struct raml_gguf_entry *e)
{
    bool array = e->type == RAML_GGUF_ARRAY;
    enum raml_gguf_type t = array ? e->element : e->type;
    size_t n = array ? e->n : 1, size = raml_gguf_type_size(t);
    add_string(b, e->key, strlen(e->key));
    add_u32(b, e->type);
    if (array) {
        add_u32(b, t);
        add_u64(b, n);
    }
    if (t == RAML_GGUF_STRING) {
        const struct raml_gguf_string *s = e->data;
        for (size_t i = 0; i < n && !b->code; i++) add_string(b, s[i].bytes, s[i].n);
    } else if (t == RAML_GGUF_BOOL) {
        const bool *flag = e->data;
        for (size_t i = 0; i < n && !b->code; i++) raml_buf_add(b, flag[i] ? "\1" : "\0", 1);
    } else if (n > MAX_HEADER) {
        b->code = RAML_ENOMEM;
    } else {
        raml_buf_add(b, e->data, n * size);
    }
}

static size_t bytes_of(const struct raml_gguf_output *t)
{
    size_t size, n = raml_ggml_block(t->type, &size);
    return t->view.n / n * size;
}

static size_t padding(size_t n)
{
    return (GGUF_ALIGN - n % GGUF_ALIGN) % GGUF_ALIGN;
}

static enum raml_code add_tensors(const char *path, struct raml_buf *b, const struct raml_gguf_output *tensor, size_t n,
                                  struct raml_err *err)
{
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const struct raml_tensor_view *v = &tensor[i].view;
        size_t bytes = bytes_of(&tensor[i]);
        add_string(b, v->name, strlen(v->name));
        add_u32(b, (uint32_t)v->n_dims);
        for (int d = v->n_dims - 1; d >= 0; d--) add_u64(b, v->shape[d]);
        add_u32(b, tensor[i].type);
        add_u64(b, at);
        if (at > (uint64_t)INT64_MAX - bytes - GGUF_ALIGN)
            return raml_fail(err, RAML_ERANGE, "%s: larger than any file", path);
        at += bytes + padding(bytes);
    }
    return RAML_OK;
}

static enum raml_code build_header(const char *path, struct raml_buf *b, const struct raml_gguf_entry *entry,
                                   size_t n_entries, const struct raml_gguf_output *tensor, size_t n_tensors,
                                   struct raml_err *err)
{
    static const uint32_t version = QUANTIZATION;
    static const struct raml_gguf_entry quantized = {"general.quantization_version", RAML_GGUF_U32, 0, 0, &version};
    bool add = false;
    size_t size;
    for (size_t i = 0; i < n_tensors; i++) add |= raml_ggml_block(tensor[i].type, &size) > 1;
    for (size_t i = 0; i < n_entries; i++) add &= strcmp(entry[i].key, quantized.key) != 0;
    raml_buf_add(b, "GGUF", 4);
    add_u32(b, 3);
    add_u64(b, n_tensors);
    add_u64(b, n_entries + add);
    for (size_t i = 0; i < n_entries; i++) add_entry(b, &entry[i]);
    if (add) add_entry(b, &quantized);
    enum raml_code rc = add_tensors(path, b, tensor, n_tensors, err);
    raml_buf_add(b, zeros, padding(b->len));
    return rc ? rc : raml_buf_status(b, err);
}

/* The data */

/* n elements x, from element `first` of tensor t on, as t->type at p; *bytes: how many. */
static enum raml_code convert(const struct raml_gguf_output *t, size_t first, const float *x, size_t n,
                              unsigned char *p, size_t *bytes, struct raml_err *err)
{
    size_t size, block = raml_ggml_block(t->type, &size), bad = raml_blocks_from_f32(t->type, x, n, p);
    *bytes = n / block * size;
    if (t->type != RAML_GGML_Q8_0 || bad == n) return RAML_OK;
    bad -= bad % block;
    return raml_fail(err, RAML_ERANGE,
                     "tensor '%s': one of the elements %zu to %zu is not finite, or its magnitude is "
                     "above %.0f, which Q8_0 cannot hold",
                     t->view.name, first + bad, first + bad + block - 1, 127.0 * 65504.0);
}

static enum raml_code write_tensor(const char *path, struct raml_writer *w, const struct raml_gguf_output *t,
                                   struct raml_err *err)
{
    size_t size = raml_dtype_size(t->view.dtype), bytes = bytes_of(t);
    enum raml_code rc = RAML_OK;
    if ((t->view.dtype == RAML_F32 && t->type == RAML_GGML_F32) ||
        (t->view.dtype == RAML_BF16 && t->type == RAML_GGML_BF16)) { /* every bit kept, a NaN's too */
        rc = raml_writer_add(w, t->view.data, bytes, err);
    } else {
        float x[CHUNK];
        unsigned char out[CHUNK * sizeof *x];
        for (size_t i = 0; i < t->view.n && !rc; i += CHUNK) {
            size_t n = t->view.n - i < CHUNK ? t->view.n - i : CHUNK, have = 0;
            struct raml_tensor_view part = {
                t->view.name, t->view.dtype, 1, {n}, n, (const char *)t->view.data + i * size};
            rc = raml_tensor_to_f32(&part, x, 0, err);
            if (!rc) rc = convert(t, i, x, n, out, &have, err);
            if (rc) return raml_wrap(err, rc, "%s", path);
            rc = raml_writer_add(w, out, have, err);
        }
    }
    return rc ? rc : raml_writer_add(w, zeros, padding(bytes), err);
}

static enum raml_code write_rows(const struct raml_row_source *from, size_t i, const struct raml_gguf_output *t,
                                 struct raml_writer *w, struct raml_err *err)
{
    size_t size, width, block = raml_ggml_block(t->type, &size),
                        rows = raml_rows_of(t->view.shape, t->view.n_dims, &width);
    enum raml_code rc = raml_rows_write(from, i, rows, width / block * size, w, err);
    return rc ? rc : raml_writer_add(w, zeros, padding(bytes_of(t)), err);
}

static enum raml_code write_file(const char *path, const struct raml_gguf_entry *entry, size_t n_entries,
                                 const struct raml_gguf_output *tensor, size_t n_tensors,
                                 const struct raml_row_source *from, struct raml_err *err)
{
    struct raml_writer w = {0};
    struct raml_buf header;
    raml_buf_init(&header, MAX_HEADER);
    enum raml_code rc = check_all(path, entry, n_entries, tensor, n_tensors, from != NULL, err);
    if (!rc) rc = build_header(path, &header, entry, n_entries, tensor, n_tensors, err);
    if (!rc) rc = raml_writer_init(&w, path, err);
    if (!rc) rc = raml_writer_add(&w, header.data, header.len, err);
    for (size_t i = 0; i < n_tensors && !rc; i++)
        rc = from ? write_rows(from, i, &tensor[i], &w, err) : write_tensor(path, &w, &tensor[i], err);
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_writer_deinit(&w);
    raml_buf_deinit(&header);
    return rc;
}

enum raml_code raml_gguf_write(const char *path, const struct raml_gguf_entry *entry, size_t n_entries,
                               const struct raml_gguf_output *tensor, size_t n_tensors, struct raml_err *err)
{
    return write_file(path, entry, n_entries, tensor, n_tensors, NULL, err);
}

enum raml_code raml_gguf_write_rows(const char *path, const struct raml_gguf_entry *entry, size_t n_entries,
                                    const struct raml_gguf_output *tensor, size_t n_tensors, raml_rows_fn *rows,
                                    void *user, struct raml_err *err)
{
    return write_file(path, entry, n_entries, tensor, n_tensors, &(struct raml_row_source){rows, user}, err);
}
