/* convert.c - see modelfile.h. */
#include "raml/modelfile.h"

#include "core/array.h"
#include "core/path.h"
#include "modelfile/merge.h"
#include "modelfile/modelfile.h"
#include "shape/arch.h"
#include "store/blocks.h"

#include "core/file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Q8_BLOCK = 32 };

struct raml_save_options raml_save_options_default(void)
{
    return (struct raml_save_options){.as = RAML_STORE_KEEP, .max_shard_bytes = 5000000000};
}

/* What is being written: tensors of f in some order, each in its own type. */
struct job {
    const struct raml_model_file *f;
    const struct raml_save_options *o;
    const char *to;        /* for messages */
    const size_t *order;   /* of tensors in this file */
    const uint32_t *type;  /* by tensor of f */
    bool turn;             /* rows in GGUF's order */
    const float *divisors; /* the tensor after the last; NULL: none */
    float *scratch;        /* for rows being converted from one type to another; grows */
    size_t scratch_cap;
    const struct raml_file_tensor *last; /* and its adapter, which is looked up once */
    const struct raml_lora_module *adapter;
    double done, total; /* bytes */
};

static enum raml_code reserve_scratch(struct job *j, size_t n, struct raml_err *err)
{
    enum raml_code rc = RAML_RESERVE(j->scratch, j->scratch_cap, n, "numbers", err);
    return rc ? raml_wrap(err, rc, "%s", j->to) : RAML_OK;
}

static enum raml_code too_large(const struct raml_file_tensor *s, uint32_t type, size_t row, size_t bad, size_t cols,
                                struct raml_err *err)
{
    return raml_fail(err, RAML_ERANGE, "%s: tensor '%s': element [%zu,%zu] or one of its block is too large for %s",
                     s->path, s->name, row + bad / cols, bad % cols, raml_ggml_type_name(type));
}

/* The same of a vector whose numbers in the source, in what is written, or in both, are above Hugging Face's. */
static enum raml_code convert_shifted(struct job *j, const struct raml_file_tensor *s, uint32_t type, size_t row,
                                      size_t n, float above, void *out, struct raml_err *err)
{
    enum raml_code rc = reserve_scratch(j, n, err);
    if (!rc) rc = raml_file_tensor_f32(s, row, n, j->scratch, err);
    if (rc) return rc;
    if (s->above == above && s->type == type) { /* as it is, to the bit */
        size_t bytes = s->bytes / s->n;
        memcpy(out, (const char *)s->data + row * bytes, n * bytes);
        return RAML_OK;
    }
    for (size_t i = 0; i < n; i++) j->scratch[i] += above;
    size_t bad = raml_blocks_from_f32(type, j->scratch, n, out);
    return bad == n ? RAML_OK : too_large(s, type, row, bad, 1, err);
}

/* n rows of s that are in order, as type. */
static enum raml_code convert(struct job *j, const struct raml_file_tensor *s, uint32_t type, size_t row, size_t n,
                              void *out, struct raml_err *err)
{
    size_t cols = s->n_dims == 2 ? s->shape[1] : 1, bytes = 0;
    float above = j->turn ? raml_gguf_shift(&j->f->config, &j->f->param[s - j->f->tensor]) : 0;
    if (s != j->last) j->adapter = raml_merge_find(j->o->lora, s->name);
    j->last = s;
    if (s->above != 0 || above != 0) return convert_shifted(j, s, type, row, n, above, out, err);
    if (type == RAML_GGML_F32 && !j->adapter) return raml_file_tensor_f32(s, row, n, out, err);
    if (type == RAML_GGML_BF16 && !j->adapter) return raml_file_tensor_bf16(s, row, n, out, err);
    if (type == s->type && !j->adapter) {
        for (size_t i = 0; i < n; i++) {
            const void *from = raml_file_tensor_bytes(s, row + i, &bytes);
            memcpy((char *)out + i * bytes, from, bytes);
        }
        return RAML_OK;
    }
    enum raml_code rc = reserve_scratch(j, n * cols, err);
    if (!rc) rc = raml_file_tensor_f32(s, row, n, j->scratch, err);
    if (rc) return rc;
    if (j->adapter) raml_merge_rows(j->adapter, j->o->adapters, type, row, n, j->scratch);
    size_t bad = raml_blocks_from_f32(type, j->scratch, n * cols, out);
    return bad == n * cols ? RAML_OK : too_large(s, type, row, bad, cols, err);
}

/* Which of our rows is GGUF's row r of a tensor whose rows it permutes? (inverse of its rope_permuted_heads) */
static size_t unpermute(size_t r, size_t head_dim)
{
    size_t at = r % head_dim;
    return r - at + at % 2 * (head_dim / 2) + at / 2;
}

static enum raml_code give_rows(void *user, size_t i, size_t row, size_t n, void *out, struct raml_err *err)
{
    struct job *j = user;
    const struct raml_model_file *f = j->f;
    if (j->divisors && i == f->n) {
        memcpy(out, j->divisors + row, n * sizeof *j->divisors);
        return RAML_OK;
    }
    const struct raml_file_tensor *s = &f->tensor[j->order ? j->order[i] : i];
    uint32_t type = j->type[s - f->tensor];
    size_t cols = s->n_dims == 2 ? s->shape[1] : 1, size, block = raml_ggml_block(type, &size);
    size_t bytes = cols / block * size;
    enum raml_code rc = RAML_OK;
    if (raml_should_stop(j->o->sink)) return raml_fail(err, RAML_ESTOP, "stopped");
    if (!j->turn || !raml_gguf_rope_permuted(&f->config, s->name)) rc = convert(j, s, type, row, n, out, err);
    else
        for (size_t k = 0; k < n && !rc; k++)
            rc = convert(j, s, type, unpermute(row + k, (size_t)f->config.head_dim), 1, (char *)out + k * bytes, err);
    if (row + n == s->shape[0]) raml_file_tensor_release(s);
    j->done += (double)(n * bytes);
    raml_progress(j->o->sink, "convert", j->done, j->total, "bytes", NULL);
    return rc;
}

static size_t bytes_as(const struct raml_file_tensor *s, uint32_t type)
{
    size_t size, block = raml_ggml_block(type, &size);
    return s->n / block * size;
}

/* The types that tensors are written in, [f->n]; *most: the type of most elements. */
static uint32_t *choose_types(const struct raml_model_file *f, enum raml_store_as as, bool gguf, uint32_t *most)
{
    size_t count[64] = {0}, size;
    uint32_t *type = calloc(f->n, sizeof *type);
    *most = RAML_GGML_F32;
    for (size_t i = 0; type && i < f->n; i++) {
        const struct raml_file_tensor *s = &f->tensor[i];
        type[i] = as == RAML_STORE_KEEP ? s->type : as == RAML_STORE_F32 ? RAML_GGML_F32 : RAML_GGML_BF16;
        if (as == RAML_STORE_Q8_0) type[i] = s->n_dims == 2 && s->shape[1] % Q8_BLOCK ? RAML_GGML_F16 : RAML_GGML_Q8_0;
        if (gguf && s->n_dims == 1) type[i] = RAML_GGML_F32;
        if (!gguf && raml_ggml_block(type[i], &size) > 1) type[i] = RAML_GGML_F32;
        count[type[i] % 64] += s->n;
        if (count[type[i] % 64] > count[*most % 64]) *most = type[i];
    }
    return type;
}

static double total_bytes(const struct raml_model_file *f, const uint32_t *type)
{
    double n = 0;
    for (size_t i = 0; i < f->n; i++) n += (double)bytes_as(&f->tensor[i], type[i]);
    return n;
}

/* -- GGUF ---------------------------------------------------------------------------------------------------------- */

/* general.file_type (enum llama_ftype in llama.h) of a file whose matrices are mostly of this type. */
static uint32_t file_type(const struct raml_model_file *f, enum raml_store_as as, uint32_t most)
{
    int64_t declared = 0;
    if (as == RAML_STORE_KEEP && f->gguf && !raml_gguf_integer(f->gguf, "general.file_type", &declared, NULL) &&
        declared >= 0 && declared <= UINT16_MAX)
        return (uint32_t)declared;
    switch (most) {
    case RAML_GGML_F16: return 1;
    case RAML_GGML_Q4_0: return 2;
    case RAML_GGML_Q4_1: return 3;
    case RAML_GGML_Q8_0: return 7;
    case RAML_GGML_Q5_0: return 8;
    case RAML_GGML_Q5_1: return 9;
    case RAML_GGML_Q2_K: return 10;
    case RAML_GGML_Q3_K: return 12;
    case RAML_GGML_Q4_K: return 15;
    case RAML_GGML_Q5_K: return 17;
    case RAML_GGML_Q6_K: return 18;
    case RAML_GGML_IQ4_NL: return 25;
    case RAML_GGML_IQ4_XS: return 30;
    case RAML_GGML_BF16: return 32;
    default: return 0;
    }
}

/* Tensors under GGUF's names, the divisors of llama3 scaling after them; the caller frees both. */
static struct raml_gguf_output *list_outputs(const struct job *j, char (**names)[GGUF_NAME])
{
    const struct raml_model_file *f = j->f;
    struct raml_gguf_output *t = calloc(f->n + 1, sizeof *t);
    *names = calloc(f->n + 1, sizeof **names);
    for (size_t i = 0; t && *names && i < f->n; i++) {
        const struct raml_file_tensor *s = &f->tensor[i];
        raml_gguf_name(&f->config, s->name, (*names)[i]);
        t[i].type = (enum raml_ggml_type)j->type[i];
        t[i].view = (struct raml_tensor_view){
            .name = (*names)[i], .n_dims = s->n_dims, .shape = {s->shape[0], s->shape[1]}, .n = s->n};
    }
    size_t half = (size_t)f->config.head_dim / 2;
    if (t)
        t[f->n] = (struct raml_gguf_output){{.name = "rope_freqs.weight", .n_dims = 1, .shape = {half}, .n = half},
                                            RAML_GGML_F32};
    return t;
}

/* The source's own divisors, to the bit, or computed ones. */
static void set_divisors(struct job *j, float scratch[128])
{
    const struct raml_gguf_tensor *t = j->f->gguf ? raml_gguf_tensor_find(j->f->gguf, "rope_freqs.weight") : NULL;
    if (j->f->config.rope != RAML_ROPE_LLAMA3) return;
    if (!t || raml_gguf_to_f32(t, scratch, true, NULL)) raml_rope_divisors(&j->f->config, scratch);
    j->divisors = scratch;
}

enum raml_code raml_model_file_save_gguf(const struct raml_model_file *f, const char *path,
                                         const struct raml_save_options *o, struct raml_err *err)
{
    struct raml_metadata m = {0};
    char(*names)[GGUF_NAME] = NULL;
    float divisors[128];
    const struct raml_arch *a = raml_arch_find(f->config.model_type);
    if (f->config.rope == RAML_ROPE_LLAMA3 && (!a || !a->divisors))
        return raml_fail(
            err, RAML_ESUPPORT,
            "%s: GGUF has no place for llama3 rotary scaling of a %s model: its tensor rope_freqs.weight is "
            "read with architectures llama and granite only",
            path, f->config.model_type);
    if (a && a->window_base && f->config.rope != RAML_ROPE_PLAIN && f->config.window && f->config.window_theta == 0)
        return raml_fail(
            err, RAML_ESUPPORT,
            "%s: GGUF has no place for a rotary scaling of a %s model's windowed layers: it is that of the "
            "others only",
            path, f->config.model_type);
    uint32_t most = 0, *type = choose_types(f, o->as, true, &most);
    struct job j = {.f = f, .o = o, .to = path, .type = type, .turn = true};
    struct raml_gguf_output *t = type ? list_outputs(&j, &names) : NULL;
    enum raml_code rc = RAML_OK;
    if (!t || !names) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", path);
    if (!rc) rc = raml_merge_check(o->lora, f, type, err);
    if (!rc) rc = raml_metadata_init(&m, f, file_type(f, o->as, most), o->name, o->more, o->n_more, err);
    if (!rc) {
        set_divisors(&j, divisors);
        j.total = total_bytes(f, type);
        rc = raml_gguf_write_rows(path, m.entry, m.n, t, f->n + (j.divisors != NULL), give_rows, &j, err);
    }
    raml_metadata_deinit(&m);
    free(j.scratch);
    free(t);
    free(names);
    free(type);
    return rc;
}

/* -- Folder -------------------------------------------------------------------------------------------------------- */
static enum raml_dtype dtype_of(uint32_t type)
{
    return type == RAML_GGML_BF16 ? RAML_BF16 : type == RAML_GGML_F16 ? RAML_F16 : RAML_F32;
}

/* Order of tensors in the files: as in the model, but in a file of mixed element sizes the larger elements come first,
 * which keeps every tensor aligned. */
static void sort_shard(size_t *order, size_t n, const uint32_t *type)
{
    for (size_t i = 1; i < n; i++) { /* stable: files of a single type, above all, keep their order */
        size_t x = order[i], k = i;
        for (; k && raml_dtype_size(dtype_of(type[order[k - 1]])) < raml_dtype_size(dtype_of(type[x])); k--)
            order[k] = order[k - 1];
        order[k] = x;
    }
}

static enum raml_code write_shard(struct job *j, const char *path, const size_t *order, size_t n, struct raml_err *err)
{
    static const char *const meta[] = {"format", "pt", NULL};
    struct raml_tensor_view *v = calloc(n, sizeof *v);
    if (!v) return raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", path);
    for (size_t i = 0; i < n; i++) {
        const struct raml_file_tensor *s = &j->f->tensor[order[i]];
        v[i] = (struct raml_tensor_view){.name = s->name,
                                         .dtype = dtype_of(j->type[order[i]]),
                                         .n_dims = s->n_dims,
                                         .shape = {s->shape[0], s->shape[1]},
                                         .n = s->n};
    }
    j->order = order;
    j->to = path;
    enum raml_code rc = raml_safetensors_write_rows(path, v, n, meta, give_rows, j, err);
    free(v);
    return rc;
}

/* shard[i]: the file that tensor i goes to. Returns the number of files. */
static size_t split_shards(const struct job *j, size_t *shard)
{
    size_t n = 1, bytes = 0;
    for (size_t i = 0; i < j->f->n; i++) {
        size_t more = bytes_as(&j->f->tensor[i], j->type[i]);
        if (bytes && more > j->o->max_shard_bytes - (bytes < j->o->max_shard_bytes ? bytes : j->o->max_shard_bytes)) {
            n++;
            bytes = 0;
        }
        bytes += more;
        shard[i] = n - 1;
    }
    return n;
}

static void shard_name(size_t i, size_t n, char out[64])
{
    if (n == 1) snprintf(out, 64, "model.safetensors");
    else snprintf(out, 64, "model-%05zu-of-%05zu.safetensors", i + 1, n);
}

static enum raml_code write_index(const struct job *j, const char *dir, const size_t *shard, size_t n,
                                  struct raml_err *err)
{
    char path[RAML_PATH_BYTES], name[64];
    json_t *map = json_object();
    bool bad = !map;
    for (size_t i = 0; i < j->f->n && !bad; i++) {
        shard_name(shard[i], n, name);
        bad = json_object_set_new(map, j->f->tensor[i].name, json_string(name)) != 0;
    }
    json_t *o = json_pack("{s:{s:I}, s:o}", "metadata", "total_size", (json_int_t)j->total, "weight_map", map);
    char *text = !bad && o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write its index", dir);
    enum raml_code rc = raml_path_join(path, dir, "model.safetensors.index.json", err);
    if (!rc) rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}

static enum raml_code write_shards(struct job *j, const char *dir, size_t *shard, size_t *order, struct raml_err *err)
{
    size_t n = split_shards(j, shard), at = 0;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; k < n && !rc; k++) {
        char path[RAML_PATH_BYTES], name[64];
        size_t first = at;
        for (; at < j->f->n && shard[at] == k; at++) order[at] = at;
        sort_shard(order + first, at - first, j->type);
        shard_name(k, n, name);
        rc = raml_path_join(path, dir, name, err);
        if (!rc) rc = write_shard(j, path, order + first, at - first, err);
    }
    return rc || n == 1 ? rc : write_index(j, dir, shard, n, err);
}

/* What GGUF metadata say of sampling and of a text's ends; a folder's file is copied by who copies its other files. */
static enum raml_code write_generation(const struct raml_model_file *f, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_generation g;
    enum raml_code rc = raml_generation_read(f->path, &g, err);
    if (!rc) rc = raml_path_join(path, dir, "generation_config.json", err);
    return rc ? rc : raml_generation_write(&g, &f->config, path, err);
}

enum raml_code raml_model_file_save_folder(const struct raml_model_file *f, const char *dir,
                                           const struct raml_save_options *o, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    uint32_t most = 0;
    if (o->as == RAML_STORE_Q8_0)
        return raml_fail(err, RAML_EUSAGE, "%s: Q8_0 is not written to folders; expected f32, bf16 or keep", dir);
    enum raml_code rc = raml_path_join(path, dir, "config.json", err);
    if (rc) return rc;
    uint32_t *type = choose_types(f, o->as, false, &most);
    size_t *shard = calloc(f->n, sizeof *shard), *order = calloc(f->n, sizeof *order);
    struct job j = {.f = f, .o = o, .to = dir, .type = type};
    if (!type || !shard || !order) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", dir);
    else rc = raml_merge_check(o->lora, f, type, err);
    if (!rc) {
        j.total = total_bytes(f, type);
        rc = write_shards(&j, dir, shard, order, err);
    }
    if (!rc) rc = raml_config_write_as(&f->config, dtype_of(most), path, err);
    if (!rc && f->gguf) rc = write_generation(f, dir, err);
    free(j.scratch);
    free(type);
    free(shard);
    free(order);
    return rc;
}
