/* inspect_weights.c - a model's tensors: from its file, or as a configuration implies. */
#include "cli/inspect.h"

#include <stdlib.h>
#include <string.h>

static enum raml_code from_file(struct inspection *x, struct raml_err *err)
{
    size_t n = raml_model_file_count(x->file);
    x->tensor = calloc(n + 1, sizeof *x->tensor);
    if (!x->tensor) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++) {
        const struct raml_file_tensor *s = raml_model_file_at(x->file, i);
        x->tensor[i] = (struct tensor){.name = s->name,
                                       .in_file = s->in_file,
                                       .type = raml_ggml_type_name(s->type),
                                       .n_dims = s->n_dims,
                                       .shape = {s->shape[0], s->shape[1]},
                                       .n = s->n,
                                       .bytes = s->bytes};
    }
    x->n_tensors = n;
    return RAML_OK;
}

/* A new model would be written as F32; for a bare configuration the type is unknown. */
static enum raml_code from_config(struct inspection *x, struct raml_err *err)
{
    size_t n;
    enum raml_code rc = raml_config_table(&x->config, &x->param, &n, err);
    if (rc) return rc;
    x->tensor = calloc(n + 1, sizeof *x->tensor);
    if (!x->tensor) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++) {
        const struct raml_param *p = &x->param[i];
        x->tensor[i] = (struct tensor){.name = p->name,
                                       .type = x->random_init ? "F32" : NULL,
                                       .n_dims = p->n_dims,
                                       .shape = {p->shape[0], p->shape[1]},
                                       .n = p->n,
                                       .bytes = x->random_init ? 4 * p->n : 0};
    }
    x->n_tensors = n;
    return RAML_OK;
}

enum raml_code cli_inspect_tensors(struct inspection *x, bool check, struct raml_err *err)
{
    enum raml_code rc = x->file ? from_file(x, err) : from_config(x, err);
    for (size_t i = 0; check && i < x->n_tensors && !rc; i++)
        rc = raml_file_tensor_measure(raml_model_file_at(x->file, i), &x->tensor[i].values, err);
    x->checked = check;
    return rc;
}

size_t cli_inspect_totals(const struct inspection *x, struct type_total total[INSPECT_TYPES])
{
    size_t n = 0;
    for (size_t i = 0; i < x->n_tensors; i++) {
        const struct tensor *t = &x->tensor[i];
        size_t k = 0;
        if (!t->type) continue;
        while (k < n && strcmp(total[k].type, t->type) != 0) k++;
        if (k == INSPECT_TYPES) continue; /* at most eight types are supported */
        if (k == n) total[n++] = (struct type_total){.type = t->type};
        total[k].tensors++;
        total[k].elements += t->n;
        total[k].bytes += t->bytes;
    }
    return n;
}
