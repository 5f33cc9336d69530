/* modelfile_gguf.c - see modelfile.h. GGUF metadata and tensors. */
#include "model/modelfile.h"

enum raml_code raml_gguf_config(const struct raml_gguf *g, struct raml_config *out, struct raml_err *err)
{
    *out = (struct raml_config){0};
    return raml_fail(err, RAML_ESUPPORT, "%s: models in GGUF files are not read", raml_gguf_path(g));
}

enum raml_code raml_gguf_tensors(struct raml_model_file *f, struct raml_err *err)
{
    return raml_fail(err, RAML_ESUPPORT, "%s: models in GGUF files are not read", f->path);
}
