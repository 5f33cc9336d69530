/* lora_gguf.c - see raml/lora.h. An adapter as llama.cpp reads it (src/llama-adapter.cpp).
 *
 * It scales each module by adapter.lora.alpha / (rank of its B): one alpha for all. Whatever else a module's scale is goes
 * into its B. Rows of llama's q and k stand in pairs of a rotation, and so do rows of their B. token_embd's A is
 * transposed there. */
#include "modelfile/lora_parts.h"
#include "shape/arch.h"

#include "modelfile/modelfile.h"
#include "raml/gguf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 96 + 8 };

void raml_lora_gguf_name(const struct raml_lora_module *m, const char *end, char out[LORA_GGUF_NAME])
{
    char name[MAX_NAME], gguf[GGUF_NAME];
    snprintf(name, sizeof name, "%s.weight", m->name);
    raml_gguf_name(NULL, name, gguf);
    snprintf(out, LORA_GGUF_NAME, "%s%s", gguf, end);
}

size_t raml_lora_gguf_row(const struct raml_config *c, const struct raml_lora_module *m, size_t r)
{
    char name[MAX_NAME];
    snprintf(name, sizeof name, "%s.weight", m->name);
    if (!raml_gguf_rope_permuted(c, name)) return r;
    size_t D = (size_t)c->head_dim, at = r % D;
    return r - at + at % 2 * (D / 2) + at / 2;
}

struct writing {
    const struct raml_lora *l;
    const float *block;
    const struct raml_config *base;
    double alpha;
};

/* A: its rows, those of token_embd transposed. B: its rows in GGUF's order, times what alpha / rank lacks. */
static enum raml_code give_rows(void *user, size_t i, size_t row, size_t n, void *out, struct raml_err *err)
{
    const struct writing *w = user;
    const struct raml_lora_module *m = &w->l->module[i / 2];
    bool embedding = m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING;
    const float *a = w->block + m->a, *b = w->block + m->b;
    double factor = m->scale * (double)m->rank / w->alpha;
    float *to = out;
    (void)err;
    for (size_t k = row; k < row + n; k++)
        if (i % 2) {
            const float *from = b + raml_lora_gguf_row(w->base, m, k) * m->rank;
            for (size_t j = 0; j < m->rank; j++) *to++ = (float)((double)from[j] * factor);
        } else if (embedding) {
            for (size_t j = 0; j < m->rank; j++) *to++ = a[j * m->n_in + k];
        } else {
            memcpy(to, a + k * m->n_in, m->n_in * sizeof *to);
            to += m->n_in;
        }
    return RAML_OK;
}

static enum raml_code check(const struct raml_lora *l, const struct raml_config *base, const char *path,
                            struct raml_err *err)
{
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        if (m->layer < 0 && base->tied)
            return raml_fail(
                err, RAML_ESUPPORT,
                "%s: '%s': head and embedding of the base are one matrix (tie_word_embeddings), and llama.cpp "
                "has no adapter for one of its two uses; " LORA_UNTIE,
                path, m->name);
    }
    return RAML_OK;
}

/* llama.cpp takes an alpha of 0 for a scale of 1. */
static double common_alpha(const struct raml_lora *l)
{
    double r = (double)l->r, alpha = l->use_rslora ? l->alpha * sqrt(r) : l->alpha;
    return alpha != 0 && isfinite(alpha) ? (double)(float)alpha : r;
}

static struct raml_gguf_output *list_outputs(const struct raml_lora *l, char (**names)[LORA_GGUF_NAME])
{
    struct raml_gguf_output *t = calloc(2 * l->n_modules + 1, sizeof *t);
    *names = calloc(2 * l->n_modules + 1, sizeof **names);
    for (size_t i = 0; t && *names && i < 2 * l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i / 2];
        bool embedding = m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING;
        size_t rows = i % 2 ? m->n_out : m->rank, cols = i % 2 ? m->rank : m->n_in;
        if (!(i % 2) && embedding) {
            rows = m->n_in;
            cols = m->rank;
        }
        raml_lora_gguf_name(m, i % 2 ? ".lora_b" : ".lora_a", (*names)[i]);
        t[i].type = RAML_GGML_F32;
        t[i].view =
            (struct raml_tensor_view){.name = (*names)[i], .n_dims = 2, .shape = {rows, cols}, .n = rows * cols};
    }
    return t;
}

enum raml_code raml_lora_write_gguf(const struct raml_lora *l, const float *block, const struct raml_config *base,
                                    const char *path, struct raml_err *err)
{
    static const struct raml_gguf_string type = {"adapter", 7}, kind = {"lora", 4};
    struct writing w = {.l = l, .block = block, .base = base, .alpha = common_alpha(l)};
    const struct raml_arch *a = raml_arch_find(base->model_type);
    const char *name = a ? a->gguf : base->model_type;
    const struct raml_gguf_string architecture = {name, strlen(name)};
    const float alpha = (float)w.alpha;
    const struct raml_gguf_entry entry[] = {
        {"general.type", RAML_GGUF_STRING, 0, 1, &type},
        {"general.architecture", RAML_GGUF_STRING, 0, 1, &architecture},
        {"adapter.type", RAML_GGUF_STRING, 0, 1, &kind},
        {"adapter.lora.alpha", RAML_GGUF_F32, 0, 1, &alpha},
    };
    char(*names)[LORA_GGUF_NAME] = NULL;
    struct raml_gguf_output *t = list_outputs(l, &names);
    enum raml_code rc = t && names ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for its tensors", path);
    if (!rc) rc = check(l, base, path, err);
    if (!rc)
        rc = raml_gguf_write_rows(path, entry, sizeof entry / sizeof *entry, t, 2 * l->n_modules, give_rows, &w, err);
    free(t);
    free(names);
    return rc;
}
