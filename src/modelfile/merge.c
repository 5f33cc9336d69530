/* merge.c - see raml/lora.h. Adapters added to the matrices that they adapt, some rows at a time. */
#include "modelfile/lora_parts.h"

#include "modelfile/merge.h"
#include "raml/gguf.h"

#include <math.h>
#include <string.h>

enum { TILE = 256 };

/* To odd: a float that is not exact ends in 1, so that rounding it once more, to fewer bits, is right. */
static float to_odd(double x)
{
    float f = (float)x;
    uint32_t u;
    if ((double)f == x || !isfinite(f)) return f;
    if (fabs((double)f) > fabs(x)) f = nextafterf(f, 0);
    memcpy(&u, &f, sizeof u);
    u |= 1;
    memcpy(&f, &u, sizeof u);
    return f;
}

static void add(const struct raml_lora_module *m, const float *block, size_t row, size_t n, float *rows, bool odd)
{
    bool embedding = m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING; /* its matrix is [n_in, n_out] in a folder */
    size_t cols = embedding ? m->n_out : m->n_in, step = embedding ? m->rank : 1;
    const float *a = block + m->a, *b = block + m->b;
    double sum[TILE];
    for (size_t i = 0; i < n; i++)
        for (size_t from = 0; from < cols; from += TILE) {
            size_t width = cols - from < TILE ? cols - from : TILE;
            float *w = rows + i * cols + from;
            for (size_t j = 0; j < width; j++) sum[j] = (double)w[j];
            for (size_t k = 0; k < m->rank; k++) {
                double one = m->scale * (double)(embedding ? a[k * m->n_in + row + i] : b[(row + i) * m->rank + k]);
                const float *other = embedding ? b + from * m->rank + k : a + k * m->n_in + from;
                for (size_t j = 0; j < width; j++) sum[j] += one * (double)other[j * step];
            }
            for (size_t j = 0; j < width; j++) w[j] = odd ? to_odd(sum[j]) : (float)sum[j];
        }
}

void raml_lora_add_rows(const struct raml_lora_module *m, const float *block, size_t row, size_t n, float *rows)
{
    add(m, block, row, n, rows, false);
}

void raml_merge_rows(const struct raml_lora_module *m, const float *block, uint32_t type, size_t row, size_t n,
                     float *rows)
{
    add(m, block, row, n, rows, type == RAML_GGML_BF16 || type == RAML_GGML_F16);
}

const struct raml_lora_module *raml_merge_find(const struct raml_lora *l, const char *tensor)
{
    for (size_t i = 0; l && i < l->n_modules; i++) {
        size_t n = strlen(l->module[i].name);
        if (!strncmp(tensor, l->module[i].name, n) && !strcmp(tensor + n, ".weight")) return &l->module[i];
    }
    return NULL;
}

enum raml_code raml_merge_check(const struct raml_lora *l, const struct raml_model_file *f, const uint32_t *type,
                                struct raml_err *err)
{
    for (size_t i = 0; l && i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        bool embedding = m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING;
        size_t k = 0;
        while (k < f->n && raml_merge_find(l, f->tensor[k].name) != m) k++;
        const size_t *shape = k < f->n ? f->tensor[k].shape : NULL;
        if (!shape || shape[0] != (embedding ? m->n_in : m->n_out) || shape[1] != (embedding ? m->n_out : m->n_in))
            return raml_fail(err, RAML_ESHAPE, "%s: has no matrix '%s' [%zu, %zu]: an adapter for another base",
                             f->path, m->name, m->n_out, m->n_in);
        if (embedding && f->config.tied)
            return raml_fail(
                err, RAML_ESUPPORT,
                "%s: '%s' has an adapter, but is the head too (tie_word_embeddings), which has none: the two "
                "can't be one matrix any more; " LORA_UNTIE,
                f->path, m->name);
        if (type[k] != RAML_GGML_F32 && type[k] != RAML_GGML_F16 && type[k] != RAML_GGML_BF16 &&
            type[k] != RAML_GGML_Q8_0)
            return raml_fail(
                err, RAML_EUSAGE,
                "%s: tensor '%s' is %s, which is not written anew; expected another type: f32, bf16 or q8_0", f->path,
                f->tensor[k].name, raml_ggml_type_name(type[k]));
    }
    return RAML_OK;
}
