/* moments.c - the optimizer's moments in a checkpoint: optimizer.safetensors; see train_state.h.
 *
 * On several ranks rank 0 asks for one run of elements after another, in the order of the file: which moment, from where
 * and how many; the others answer until rank 0 says that it was the last.
 */
#include "outer/train_state.h"

#include "raml/device.h"
#include "raml/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const moment_names[2] = {"exp_avg", "exp_avg_sq"};

/* -- What ranks ask each other ------------------------------------------------------------------------------------- */

struct request {
    uint64_t from, n; /* elements of the block; n 0: that was all */
    uint32_t second;  /* exp_avg_sq */
    uint32_t gives;   /* rank 0 has them; else it wants them */
};

static enum raml_code ask(const struct raml_parts *p, struct request *q, struct raml_err *err)
{
    return p->comm->broadcast(p->comm->user, q, sizeof *q, err);
}

static float *moment_of(const struct raml_adamw *adamw, bool second)
{
    return second ? adamw->v : adamw->m;
}

enum raml_code raml_moments_done(const struct raml_parts *parts, enum raml_code rc, struct raml_err *err)
{
    struct request q = {0};
    struct raml_err late = {0};
    enum raml_code sent = ask(parts, &q, &late);
    if (rc || !sent) return rc;
    if (err) *err = late;
    return sent;
}

enum raml_code raml_moments_serve(struct raml_adamw *adamw, const struct raml_parts *parts, struct raml_err *err)
{
    enum raml_code rc = RAML_OK; /* of this rank's device: rank 0 is answered all the same */
    for (;;) {
        struct request q;
        enum raml_code sent = ask(parts, &q, rc ? NULL : err), now;
        if (sent || !q.n) return rc ? rc : sent;
        float *x = moment_of(adamw, q.second);
        if (q.gives) now = raml_parts_scatter(parts, x, q.from, q.n, parts->buffer, rc ? NULL : err);
        else now = raml_parts_gather(parts, x, q.from, q.n, parts->buffer, rc ? NULL : err);
        if (!rc) rc = now;
    }
}

/* Elements [from, from + n) of the block, from all ranks to out on rank 0, or from there. */
static enum raml_code collect(const struct raml_parts *p, float *x, bool second, size_t from, size_t n, float *out,
                              bool gives, struct raml_err *err)
{
    size_t most = raml_parts_most(p);
    for (size_t at = 0; at < n; at += most) {
        struct request q = {from + at, n - at < most ? n - at : most, second, gives};
        enum raml_code rc = ask(p, &q, err);
        if (!rc && gives) rc = raml_parts_scatter(p, x, q.from, q.n, out + at, err);
        else if (!rc) rc = raml_parts_gather(p, x, q.from, q.n, out + at, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

/* -- Saving -------------------------------------------------------------------------------------------------------- */

struct rows { /* of the file's tensors: two of each of the model's */
    const struct raml_param *table;
    const struct raml_adamw *adamw;
    const struct raml_parts *parts;
};

static enum raml_code give_rows(void *user, size_t i, size_t row, size_t n, void *out, struct raml_err *err)
{
    const struct rows *r = user;
    const struct raml_param *p = &r->table[i / 2];
    size_t width = p->n_dims > 1 ? p->shape[p->n_dims - 1] : 1;
    bool second = i % 2;
    return collect(r->parts, moment_of(r->adamw, second), second, p->offset + row * width, n * width, out, false, err);
}

static enum raml_code write_parts(const struct rows *rows, const char *path, const struct raml_tensor_view *view,
                                  size_t n, const char *const *meta, struct raml_err *err)
{
    struct rows own = *rows;
    return raml_safetensors_write_rows(path, view, n, meta, give_rows, &own, err);
}

/* One rank has all of them in one place. */
static enum raml_code write_whole(const struct rows *rows, const char *path, struct raml_tensor_view *view, size_t n,
                                  const char *const *meta, struct raml_err *err)
{
    const struct raml_adamw *a = rows->adamw;
    struct raml_view values[2] = {{0}, {0}};
    enum raml_code rc = RAML_OK;
    for (int i = 0; i < 2 && !rc; i++)
        rc = raml_view_open(a->dev, moment_of(a, i), a->n * sizeof *a->m, &values[i], err);
    for (size_t i = 0; i < n && !rc; i++) view[i].data = (const float *)values[i % 2].data + rows->table[i / 2].offset;
    if (!rc) rc = raml_safetensors_write(path, view, n, meta, err);
    raml_view_close(&values[0]);
    raml_view_close(&values[1]);
    return rc;
}

enum raml_code raml_moments_save(const struct raml_train_job *job, const struct raml_adamw *adamw,
                                 const struct raml_parts *parts, const char *path, struct raml_err *err)
{
    static const char *const meta[] = {"format", "pt", NULL};
    if (adamw->opt.sgd) return raml_safetensors_write(path, NULL, 0, meta, err);
    struct rows rows = {.adamw = adamw, .parts = parts};
    size_t n = raml_model_params(job->model, &rows.table);
    struct raml_tensor_view *view = calloc(2 * n, sizeof *view);
    char(*name)[128] = calloc(2 * n, sizeof *name);
    enum raml_code rc = RAML_OK;
    if (!view || !name) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a table of %zu tensors", path, 2 * n);
    for (size_t i = 0; i < 2 * n && !rc; i++) {
        const struct raml_param *p = &rows.table[i / 2];
        snprintf(name[i], sizeof name[i], "%s.%s", moment_names[i % 2], p->name);
        view[i] = (struct raml_tensor_view){.name = name[i], .dtype = RAML_F32, .n_dims = p->n_dims, .n = p->n};
        for (int d = 0; d < p->n_dims; d++) view[i].shape[d] = p->shape[d];
    }
    if (!rc)
        rc = parts->comm->size == 1 ? write_whole(&rows, path, view, 2 * n, meta, err)
                                    : write_parts(&rows, path, view, 2 * n, meta, err);
    free(view);
    free(name);
    return rc;
}

/* -- Loading ------------------------------------------------------------------------------------------------------- */

static enum raml_code find(const struct raml_safetensors *file, const struct raml_param *p, bool second,
                           const char *path, const struct raml_tensor_view **out, struct raml_err *err)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", moment_names[second], p->name);
    const struct raml_tensor_view *v = *out = raml_safetensors_find(file, name);
    if (!v) return raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' is missing", path, name);
    if (v->dtype == RAML_F32 && v->n == p->n) return RAML_OK;
    return raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' is %s with %zu elements; expected F32 with %zu", path, name,
                     raml_dtype_name(v->dtype), v->n, p->n);
}

/* A tensor's values to where they belong: at most `most` at a time, through host. */
static enum raml_code load_tensor(const struct raml_tensor_view *v, struct raml_adamw *adamw,
                                  const struct raml_parts *parts, size_t offset, bool second, size_t most, float *host,
                                  struct raml_err *err)
{
    float *x = moment_of(adamw, second);
    for (size_t at = 0; at < v->n; at += most) {
        struct raml_tensor_view piece = *v;
        piece.n = v->n - at < most ? v->n - at : most;
        piece.data = (const char *)v->data + at * sizeof *host;
        if (piece.n < v->n) {
            piece.n_dims = 1;
            piece.shape[0] = piece.n;
        }
        enum raml_code rc = raml_tensor_to_f32(&piece, host, 1, err);
        if (rc) return piece.n < v->n ? raml_wrap(err, rc, "from element %zu on", at) : rc;
        if (parts->comm->size > 1) rc = collect(parts, x, second, offset + at, piece.n, host, true, err);
        else rc = raml_array_write(adamw->dev, x + offset + at, host, piece.n * sizeof *host, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

enum raml_code raml_moments_load(const struct raml_train_job *job, struct raml_adamw *adamw,
                                 const struct raml_parts *parts, const char *path, struct raml_err *err)
{
    if (adamw->opt.sgd) return RAML_OK;
    const struct raml_param *table;
    size_t n = raml_model_params(job->model, &table), most = 1;
    struct raml_safetensors *file;
    enum raml_code rc = raml_safetensors_open(path, &file, err);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++)
        if (table[i].n > most) most = table[i].n; /* one tensor to be sent to the device */
    if (parts->comm->size > 1) most = raml_parts_most(parts);
    float *host = malloc(most * sizeof *host);
    if (!host) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a tensor of %zu elements", path, most);
    for (size_t i = 0; i < 2 * n && !rc; i++) {
        const struct raml_tensor_view *v;
        rc = find(file, &table[i / 2], i % 2, path, &v, err);
        if (!rc) rc = load_tensor(v, adamw, parts, table[i / 2].offset, i % 2, most, host, err);
    }
    free(host);
    raml_safetensors_close(file);
    return rc;
}
