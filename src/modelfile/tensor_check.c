/* tensor_check.c - a tensor's shape beside the one that the configuration asks for. See modelfile.h. */
#include "modelfile/modelfile.h"

#include <stdio.h>

const char *raml_shape_text(const size_t *shape, int n_dims, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = 0;
    for (int i = 0; i < n_dims && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%zu", i ? ", " : "", shape[i]);
    return out;
}

enum raml_code raml_file_tensor_check(const struct raml_model_file *f, const struct raml_param *p, const char *in_file,
                                      const size_t *shape, int n_dims, struct raml_err *err)
{
    char want[64], found[RAML_MAX_DIMS * 24];
    bool same = n_dims == p->n_dims;
    for (int k = 0; same && k < n_dims; k++) same = shape[k] == p->shape[k];
    if (same) return RAML_OK;
    return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' has shape [%s]; %s asks for [%s]", f->path, in_file,
                     raml_shape_text(shape, n_dims, found, sizeof found), f->gguf ? "the metadata" : "config.json",
                     raml_shape_text(p->shape, p->n_dims, want, sizeof want));
}
