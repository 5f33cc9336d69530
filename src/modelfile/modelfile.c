/* modelfile.c - see raml/modelfile.h. Opening, folders, rows. */
#include "modelfile/modelfile.h"

#include "core/half.h"
#include "store/blocks.h"

#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The table of parameters that the configuration asks for. */
static enum raml_code make_table(struct raml_model_file *f, struct raml_err *err)
{
    enum raml_code rc = raml_config_table(&f->config, &f->param, &f->n, err);
    if (rc) return raml_wrap(err, rc, "%s", f->path);
    f->tensor = calloc(f->n, sizeof *f->tensor);
    return f->tensor ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", f->path);
}

/* -- A folder's tensors -------------------------------------------------------------------------------------------- */
static uint32_t kind_of(enum raml_dtype t)
{
    switch (t) {
    case RAML_F32: return RAML_GGML_F32;
    case RAML_F16: return RAML_GGML_F16;
    case RAML_BF16: return RAML_GGML_BF16;
    default: return UINT32_MAX;
    }
}

static enum raml_code take_view(struct raml_model_file *f, size_t i, struct raml_err *err)
{
    const struct raml_param *p = &f->param[i];
    const struct raml_tensor_view *v = raml_tensors_find(f->tensors, p->name);
    char want[64];
    if (!v)
        return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' [%s] is missing", f->path, p->name,
                         raml_shape_text(p->shape, p->n_dims, want, sizeof want));
    enum raml_code rc = raml_file_tensor_check(f, p, p->name, v->shape, v->n_dims, err);
    if (rc) return rc;
    if (kind_of(v->dtype) == UINT32_MAX)
        return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' has dtype %s; expected F32, BF16 or F16", f->path, p->name,
                         raml_dtype_name(v->dtype));
    struct raml_file_tensor *s = &f->tensor[i];
    *s = (struct raml_file_tensor){.in_file = v->name,
                                   .path = f->path,
                                   .type = kind_of(v->dtype),
                                   .n_dims = p->n_dims,
                                   .shape = {p->shape[0], p->shape[1]},
                                   .n = v->n,
                                   .bytes = v->n * raml_dtype_size(v->dtype),
                                   .data = v->data};
    memcpy(s->name, p->name, sizeof s->name);
    return RAML_OK;
}

/* A tied model's file may have a second copy of the head, if it is the same. */
static enum raml_code check_head(const struct raml_model_file *f, struct raml_err *err)
{
    const struct raml_tensor_view *head = raml_tensors_find(f->tensors, "lm_head.weight");
    const struct raml_file_tensor *embed = &f->tensor[0];
    if (!head) return RAML_OK;
    if (kind_of(head->dtype) == embed->type && head->n == embed->n && !memcmp(head->data, embed->data, embed->bytes))
        return RAML_OK;
    return raml_fail(err, RAML_ESHAPE,
                     "%s: tensor 'lm_head.weight' differs from '%s', though config.json has "
                     "tie_word_embeddings",
                     f->path, embed->name);
}

/* Old checkpoints hold the rotary frequencies, which follow from the configuration. */
static bool is_part(const struct raml_model_file *f, const char *name)
{
    size_t k = 0, n = strlen(name), tail = strlen(".rotary_emb.inv_freq");
    while (k < f->n && strcmp(f->param[k].name, name)) k++;
    return k < f->n || (f->config.tied && !strcmp(name, "lm_head.weight")) ||
           (n > tail && !strcmp(name + n - tail, ".rotary_emb.inv_freq"));
}

static enum raml_code folder_tensors(struct raml_model_file *f, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < f->n && !rc; i++) rc = take_view(f, i, err);
    for (size_t i = 0; i < raml_tensors_count(f->tensors) && !rc && f->n != raml_tensors_count(f->tensors); i++) {
        const char *name = raml_tensors_at(f->tensors, i)->name;
        if (!is_part(f, name))
            rc = raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' belongs to no part of a %s model", f->path, name,
                           f->config.model_type);
    }
    return rc || !f->config.tied ? rc : check_head(f, err);
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */
static enum raml_code open_folder(struct raml_model_file *f, const char *dir, struct raml_err *err)
{
    char config[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(config, dir, "config.json", err);
    if (!rc) rc = raml_config_read(config, &f->config, err);
    if (!rc) rc = raml_path_join(config, dir, "generation_config.json", err);
    if (!rc && raml_is_file(config)) rc = raml_config_read_generation(config, &f->config, err);
    if (!rc) rc = raml_generation_read(dir, &f->generation, err);
    if (!rc) rc = raml_tensors_open(dir, &f->tensors, err);
    if (rc) return rc;
    rc = raml_path_format(f->path, err, "%s", raml_tensors_path(f->tensors));
    if (!rc) rc = make_table(f, err);
    return rc ? rc : folder_tensors(f, err);
}

static enum raml_code open_gguf(struct raml_model_file *f, const char *path, struct raml_err *err)
{
    enum raml_code rc = raml_path_format(f->path, err, "%s", path);
    if (!rc) rc = raml_gguf_open(path, &f->gguf, err);
    if (!rc) rc = raml_gguf_config(f->gguf, &f->config, err);
    if (!rc) rc = make_table(f, err);
    return rc ? rc : raml_gguf_tensors(f, err);
}

enum raml_code raml_model_file_open(const char *path, struct raml_model_file **out, struct raml_err *err)
{
    struct raml_model_file *f = calloc(1, sizeof *f);
    enum raml_code rc;
    *out = NULL;
    if (!f) return raml_fail(err, RAML_ENOMEM, "%s: no memory to open it", path);
    if (raml_is_dir(path)) rc = open_folder(f, path, err);
    else if (raml_is_gguf(path)) rc = open_gguf(f, path, err);
    else
        rc = raml_fail(err, raml_is_file(path) ? RAML_EUSAGE : RAML_EIO,
                       "%s: %s; expected a folder with config.json, or a .gguf file", path,
                       raml_is_file(path) ? "is another kind of file" : "does not exist");
    if (rc) raml_model_file_close(f);
    else *out = f;
    return rc;
}

void raml_model_file_close(struct raml_model_file *f)
{
    if (!f) return;
    raml_tensors_close(f->tensors);
    raml_gguf_close(f->gguf);
    free(f->param);
    free(f->tensor);
    free(f);
}

const char *raml_model_file_path(const struct raml_model_file *f)
{
    return f->path;
}

const struct raml_config *raml_model_file_config(const struct raml_model_file *f)
{
    return &f->config;
}

bool raml_model_file_add_eos(struct raml_model_file *f, int token)
{
    return raml_config_add_eos(&f->config, token);
}

const struct raml_gguf *raml_model_file_gguf(const struct raml_model_file *f)
{
    return f->gguf;
}

size_t raml_model_file_count(const struct raml_model_file *f)
{
    return f->n;
}

const struct raml_file_tensor *raml_model_file_at(const struct raml_model_file *f, size_t i)
{
    return i < f->n ? &f->tensor[i] : NULL;
}

const struct raml_file_tensor *raml_model_file_find(const struct raml_model_file *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->tensor[i].name, name)) return &f->tensor[i];
    return NULL;
}

/* -- Rows ---------------------------------------------------------------------------------------------------------- */

/* Where row `row` is in the file. */
static size_t place_of(const struct raml_file_tensor *s, size_t row)
{
    if (!s->rope_permuted_heads) return row;
    size_t D = s->shape[0] / s->rope_permuted_heads, head = row / D, at = row % D;
    return head * D + at % (D / 2) * 2 + at / (D / 2);
}

const void *raml_file_tensor_bytes(const struct raml_file_tensor *s, size_t row, size_t *n)
{
    *n = s->shape[0] ? s->bytes / s->shape[0] : 0;
    return (const char *)s->data + place_of(s, row) * *n;
}

static enum raml_code check_rows(const struct raml_file_tensor *s, size_t row, size_t n, struct raml_err *err)
{
    if (row <= s->shape[0] && n <= s->shape[0] - row) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "%s: tensor '%s': rows %zu to %zu are requested; it has %zu", s->path,
                     s->in_file, row, row + n, s->shape[0]);
}

/* Converts rows [row, row + n): one run where they are in order, else one by one. out: f32, or bf16 when size is 2. */
static enum raml_code read_rows(const struct raml_file_tensor *s, size_t row, size_t n, size_t size, char *out,
                                struct raml_err *err)
{
    size_t cols = s->n_dims == 2 ? s->shape[1] : 1, row_bytes;
    size_t step = s->rope_permuted_heads ? 1 : n;
    enum raml_code rc = check_rows(s, row, n, err);
    for (size_t i = 0; i < n && !rc; i += step) {
        const void *from = raml_file_tensor_bytes(s, row + i, &row_bytes);
        char *to = out + i * cols * size;
        size_t m = step * cols, bad = size == sizeof(float)
                                          ? raml_blocks_f32(s->type, from, m, (float *)(void *)to)
                                          : raml_blocks_bf16(s->type, from, m, (uint16_t *)(void *)to);
        if (bad == m) continue;
        char index[48];
        float x = 0;
        if (size == sizeof(float)) x = ((const float *)(const void *)to)[bad];
        else if (m) x = raml_from_bf16(((const uint16_t *)(const void *)to)[bad]);
        if (s->n_dims == 2) snprintf(index, sizeof index, "%zu,%zu", row + i + bad / cols, bad % cols);
        else snprintf(index, sizeof index, "%zu", row + i + bad);
        rc = raml_fail(err, RAML_ERANGE, "%s: tensor '%s': element [%s] is %s%s; expected a finite number", s->path,
                       s->name, index,
                       isnan(x) ? "NaN"
                       : x < 0  ? "-infinity"
                                : "infinity",
                       isinf(x) && size == sizeof(uint16_t) ? ", or too large for bf16" : "");
    }
    return rc;
}

static void lower(const struct raml_file_tensor *s, float *x, size_t n)
{
    for (size_t i = 0; s->above != 0 && i < n; i++) x[i] -= s->above;
}

enum raml_code raml_file_tensor_f32(const struct raml_file_tensor *s, size_t row, size_t n, float *out,
                                    struct raml_err *err)
{
    enum raml_code rc = read_rows(s, row, n, sizeof *out, (char *)out, err);
    if (!rc) lower(s, out, n * (s->n_dims == 2 ? s->shape[1] : 1));
    return rc;
}

enum raml_code raml_file_tensor_bf16(const struct raml_file_tensor *s, size_t row, size_t n, uint16_t *out,
                                     struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    if (s->above == 0) return read_rows(s, row, n, sizeof *out, (char *)out, err);
    for (size_t i = 0; i < n && !rc; i++) { /* a vector */
        float x = 0;
        rc = raml_file_tensor_f32(s, row + i, 1, &x, err);
        if (!rc) raml_round_bf16(out + i, &x, 1);
    }
    return rc;
}

static size_t kept_bytes(const struct raml_file_tensor *s, size_t n)
{
    size_t size, block = raml_ggml_block(raml_blocks_kept(s->type), &size);
    return n / block * size;
}

enum raml_code raml_file_tensor_copy(const struct raml_file_tensor *s, size_t row, size_t n, float *scratch, void *out,
                                     struct raml_err *err)
{
    enum raml_code rc = check_rows(s, row, n, err);
    for (size_t i = 0; i < n && !rc; i++) {
        size_t bytes, columns = s->n_dims == 2 ? s->shape[1] : 1, kept = kept_bytes(s, columns);
        const void *from = raml_file_tensor_bytes(s, row + i, &bytes);
        rc = raml_file_tensor_f32(s, row + i, 1, scratch, err); /* for what is not finite */
        if (!rc) raml_blocks_keep(s->type, from, columns, (char *)out + i * kept);
    }
    return rc;
}

size_t raml_file_tensor_kept_bytes(const struct raml_file_tensor *s)
{
    return kept_bytes(s, s->n);
}

void raml_file_tensor_release(const struct raml_file_tensor *s)
{
    raml_file_tensor_release_bytes(s, 0, s->bytes);
}

void raml_file_tensor_release_bytes(const struct raml_file_tensor *s, size_t first, size_t end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)s->data + first + page - 1) / page * page,
              to = ((uintptr_t)s->data + end) / page * page;
    /* Mapped privately, read-only, and never written (core/file.c): dropped pages are read again from the file. */
    if (from < to) (void)!madvise((void *)from, to - from, MADV_DONTNEED);
}
