/* moments.c - the optimizer's moments in a checkpoint: optimizer.safetensors; see train_state.h. */
#include "outer/train_state.h"

#include "raml/device.h"
#include "raml/safetensors.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const moment_names[2] = {"exp_avg", "exp_avg_sq"};

enum raml_code raml_moments_save(const struct raml_train_job *job, const struct raml_adamw *adamw, const char *path,
                                 struct raml_err *err)
{
    static const char *const meta[] = {"format", "pt", NULL};
    if (!adamw->m) return raml_safetensors_write(path, NULL, 0, meta, err);
    const struct raml_param *table;
    size_t n = raml_model_params(job->model, &table);
    struct raml_tensor_view *view = calloc(2 * n, sizeof *view);
    char(*name)[128] = calloc(2 * n, sizeof *name);
    struct raml_view values[2] = {{0}, {0}};
    enum raml_code rc = RAML_OK;
    if (!view || !name) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a table of %zu tensors", path, 2 * n);
    for (int i = 0; i < 2 && !rc; i++)
        rc = raml_view_open(adamw->dev, i ? adamw->v : adamw->m, adamw->n * sizeof *adamw->m, &values[i], err);
    if (rc) goto done;
    for (size_t i = 0; i < 2 * n; i++) {
        const struct raml_param *p = &table[i / 2];
        snprintf(name[i], sizeof name[i], "%s.%s", moment_names[i % 2], p->name);
        view[i] = (struct raml_tensor_view){.name = name[i], .dtype = RAML_F32, .n_dims = p->n_dims, .n = p->n};
        view[i].data = (const float *)values[i % 2].data + p->offset;
        for (int d = 0; d < p->n_dims; d++) view[i].shape[d] = p->shape[d];
    }
    rc = raml_safetensors_write(path, view, 2 * n, meta, err);
done:
    raml_view_close(&values[0]);
    raml_view_close(&values[1]);
    free(view);
    free(name);
    return rc;
}

enum raml_code raml_moments_load(const struct raml_train_job *job, struct raml_adamw *adamw, const char *path,
                                 struct raml_err *err)
{
    if (!adamw->m) return RAML_OK;
    const struct raml_param *table;
    size_t n = raml_model_params(job->model, &table);
    struct raml_safetensors *file;
    size_t most = 0;
    enum raml_code rc = raml_safetensors_open(path, &file, err);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++)
        if (table[i].n > most) most = table[i].n;
    float *host = malloc((most + 1) * sizeof *host); /* one tensor to be sent to the device */
    if (!host) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a tensor of %zu elements", path, most);
    for (size_t i = 0; i < 2 * n && !rc; i++) {
        const struct raml_param *p = &table[i / 2];
        char name[128];
        snprintf(name, sizeof name, "%s.%s", moment_names[i % 2], p->name);
        const struct raml_tensor_view *v = raml_safetensors_find(file, name);
        if (!v) rc = raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' is missing", path, name);
        else if (v->dtype != RAML_F32 || v->n != p->n)
            rc = raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' is %s with %zu elements; expected F32 with %zu", path,
                           name, raml_dtype_name(v->dtype), v->n, p->n);
        else rc = raml_tensor_to_f32(v, host, 1, err);
        if (!rc)
            rc =
                raml_array_write(adamw->dev, (i % 2 ? adamw->v : adamw->m) + p->offset, host, p->n * sizeof *host, err);
    }
    free(host);
    raml_safetensors_close(file);
    return rc;
}
