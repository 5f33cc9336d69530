/* modelfile.h - what the sources that open a model's files share. */
#ifndef MODEL_MODELFILE_H
#define MODEL_MODELFILE_H

#include "raml/modelfile.h"
#include "raml/tensors.h"

struct raml_model_file {
    char path[4096]; /* of the tensors */
    struct raml_config config;
    struct raml_tensors *tensors; /* a folder's; or */
    struct raml_gguf *gguf;
    struct raml_param *param; /* what the configuration asks for: [n] */
    struct raml_stored *stored; /* [n], in the same order */
    size_t n;
};

/* "3, 4"; cut to cap. Returns out. */
const char *raml_shape_text(const size_t *shape, int n_dims, char *out, size_t cap);

/* Is found's shape p's? RAML_ESHAPE names the tensor, as the file calls it, and both shapes. */
RAML_CHECKED enum raml_code raml_stored_check(const struct raml_model_file *f, const struct raml_param *p,
                                              const char *in_file, const size_t *shape, int n_dims,
                                              struct raml_err *err);

/* modelfile_gguf.c: the configuration from the metadata; then, with the table of parameters made, the tensors. */
RAML_CHECKED enum raml_code raml_gguf_config(const struct raml_gguf *g, struct raml_config *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_gguf_tensors(struct raml_model_file *f, struct raml_err *err);

#endif
