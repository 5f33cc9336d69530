/* lora_base.c - see raml/lora.h. Which model an adapter is for. */
#include "modelfile/lora_parts.h"

#include "core/file.h"
#include "modelfile/modelfile.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool plain(uint32_t type)
{
    return type == RAML_GGML_F32 || type == RAML_GGML_F16 || type == RAML_GGML_BF16;
}

/* Names, shape, and some rows, to the hash. scratch: a row. */
static enum raml_code add_tensor(const struct raml_file_tensor *s, uint16_t *scratch, uint64_t *hash,
                                 struct raml_err *err)
{
    const size_t rows = s->shape[0], cols = s->n_dims == 2 ? s->shape[1] : rows;
    const size_t at[3] = {0, rows / 2, rows ? rows - 1 : 0};
    *hash = raml_hash(s->name, strlen(s->name), *hash);
    *hash = raml_hash(s->shape, sizeof s->shape, *hash);
    for (int i = 0; i < (s->n_dims == 2 ? 3 : 1); i++) {
        enum raml_code rc =
            raml_file_tensor_bf16(s, s->n_dims == 2 ? at[i] : 0, s->n_dims == 2 ? 1 : rows, scratch, err);
        if (rc) return rc;
        *hash = raml_hash(scratch, cols * sizeof *scratch, *hash);
    }
    return RAML_OK;
}

enum raml_code raml_lora_hash(const struct raml_model_file *base, uint64_t *hash, struct raml_err *err)
{
    size_t widest = 0;
    uint64_t h = 0;
    *hash = 0;
    for (size_t i = 0; i < base->n; i++) {
        const struct raml_file_tensor *s = &base->tensor[i];
        size_t cols = s->n_dims == 2 ? s->shape[1] : s->shape[0];
        if (!plain(s->type)) return RAML_OK;
        if (cols > widest) widest = cols;
    }
    uint16_t *scratch = malloc((widest + 1) * sizeof *scratch);
    enum raml_code rc = scratch ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for a row", base->path);
    for (size_t i = 0; i < base->n && !rc; i++) rc = add_tensor(&base->tensor[i], scratch, &h, err);
    free(scratch);
    if (!rc) *hash = h ? h : 1;
    return rc;
}

enum raml_code raml_lora_check_base(const struct raml_lora *l, const char *adapter, const struct raml_model_file *base,
                                    struct raml_err *err)
{
    uint64_t hash = 0;
    enum raml_code rc = l->base_hash ? raml_lora_hash(base, &hash, err) : RAML_OK;
    if (rc || !hash || hash == l->base_hash) return rc;
    return raml_fail(
        err, RAML_ESHAPE,
        "%s: an adapter for another base: it was trained on weights with hash %016" PRIx64 "%s%s%s; those of "
        "%s have %016" PRIx64,
        adapter, l->base_hash, l->base ? " ('" : "", l->base ? l->base : "", l->base ? "')" : "", base->path, hash);
}
