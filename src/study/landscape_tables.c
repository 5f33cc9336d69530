/* landscape_tables.c - a landscape as arrays and tables. See raml/landscape_files.h. */
#include "study/landscape_parts.h"

#include "core/file.h"
#include "core/path.h"
#include "store/npy.h"

#include <math.h>
#include <stdio.h>

enum { TABLE_MAX = 1 << 30 };

struct table { /* the same rows in two files */
    struct raml_buf tsv, csv;
    bool begun; /* of the row */
};

static void init(struct table *t)
{
    raml_buf_init(&t->tsv, TABLE_MAX);
    raml_buf_init(&t->csv, TABLE_MAX);
    t->begun = false;
}

static void add_text(struct table *t, const char *text)
{
    raml_buf_addf(&t->tsv, "%s%s", t->begun ? "\t" : "", text);
    raml_buf_addf(&t->csv, "%s%s", t->begun ? "," : "", text);
    t->begun = true;
}

static void add_number(struct table *t, double x)
{
    char text[40];
    if (isnan(x)) snprintf(text, sizeof text, "NaN");
    else snprintf(text, sizeof text, "%.17g", x);
    add_text(t, text);
}

static void end_row(struct table *t)
{
    raml_buf_adds(&t->tsv, "\n");
    raml_buf_adds(&t->csv, "\n");
    t->begun = false;
}

static enum raml_code write_and_deinit(struct table *t, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_buf_status(&t->tsv, err);
    if (!rc) rc = raml_buf_status(&t->csv, err);
    if (!rc) rc = raml_path_format(path, err, "%s/%s.tsv", dir, name);
    if (!rc) rc = raml_file_write(path, t->tsv.data, t->tsv.len, err);
    if (!rc) rc = raml_path_format(path, err, "%s/%s.csv", dir, name);
    if (!rc) rc = raml_file_write(path, t->csv.data, t->csv.len, err);
    raml_buf_deinit(&t->tsv);
    raml_buf_deinit(&t->csv);
    return rc;
}

static enum raml_code write_array(const struct raml_landscape_result *r, const char *name, const size_t *shape,
                                  size_t n_dims, const double *value, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, r->dir, name, err);
    return rc ? rc : raml_npy_write(path, shape, n_dims, value, err);
}

static enum raml_code write_grid(const struct raml_landscape_result *r, struct raml_err *err)
{
    static const char *const column[] = {"i", "alpha", "beta", "loss"};
    struct table t;
    init(&t);
    for (size_t i = 0; i < 4; i++) add_text(&t, column[i]);
    end_row(&t);
    const double *loss = r->loss;
    for (size_t f = 0; f < r->n_frames; f++)
        for (size_t a = 0; a < r->n_alpha; a++)
            for (size_t b = 0; b < r->n_beta; b++) {
                add_number(&t, r->frame[f].i);
                add_number(&t, r->alpha[a]);
                add_number(&t, r->beta[b]);
                add_number(&t, *loss++);
                end_row(&t);
            }
    return write_and_deinit(&t, r->dir, "landscape", err);
}

static enum raml_code write_frames(const struct raml_landscape_result *r, struct raml_err *err)
{
    static const char *const column[] = {
        "i",     "loss",        "least", "least_alpha", "least_beta", "gradient",  "eigenvalue", "eigenvalue_error",
        "other", "other_error", "trace", "trace_error", "step",       "converged", "other_step", "other_converged"};
    struct table t;
    init(&t);
    for (size_t i = 0; i < sizeof column / sizeof *column; i++) add_text(&t, column[i]);
    end_row(&t);
    for (size_t f = 0; f < r->n_frames; f++) {
        const struct raml_landscape_frame_result *x = &r->frame[f];
        const struct raml_curvature *c = &x->curvature;
        const double value[] = {x->i,           x->loss,
                                x->least,       x->least_alpha,
                                x->least_beta,  c->gradient_norm,
                                c->top.value,   raml_eigenvalue_error(&c->top),
                                c->other.value, raml_eigenvalue_error(&c->other),
                                c->trace,       c->trace_error,
                                c->top.step,    c->top.converged,
                                c->other.step,  c->other.converged};
        for (size_t i = 0; i < sizeof value / sizeof *value; i++) add_number(&t, value[i]);
        end_row(&t);
    }
    return write_and_deinit(&t, r->dir, "frames", err);
}

static enum raml_code write_path(const struct raml_landscape_result *r, struct raml_err *err)
{
    static const char *const column[] = {"i", "alpha", "beta", "length", "off_plane", "loss"};
    const struct raml_landscape_path *p = r->path;
    struct table t;
    init(&t);
    for (size_t i = 0; i < sizeof column / sizeof *column; i++) add_text(&t, column[i]);
    for (size_t f = 0; f < r->n_frames; f++) {
        char name[32];
        snprintf(name, sizeof name, "height_%u", (unsigned)r->frame[f].i);
        add_text(&t, name);
    }
    end_row(&t);
    for (size_t k = 0; k < p->n; k++) {
        const double value[] = {p->at[k], p->x[k], p->y[k], p->length[k], p->off_plane[k], p->loss[k]};
        for (size_t i = 0; i < sizeof value / sizeof *value; i++) add_number(&t, value[i]);
        for (size_t f = 0; f < r->n_frames; f++) add_number(&t, r->height[f * p->n + k]);
        end_row(&t);
    }
    return write_and_deinit(&t, r->dir, "path", err);
}

static enum raml_code write_plane(const struct raml_landscape_result *r, struct raml_err *err)
{
    const struct raml_landscape_path *p = r->path;
    struct table t;
    double explained = 0, walk = 0;
    init(&t);
    add_text(&t, "axis");
    add_text(&t, "explained");
    add_text(&t, "walk");
    end_row(&t);
    for (size_t k = 0; k < 2; k++) {
        explained += p->explained[k];
        walk += raml_landscape_walk_share(p->n - 1, k);
        add_number(&t, (double)(k + 1));
        add_number(&t, p->explained[k]);
        add_number(&t, raml_landscape_walk_share(p->n - 1, k));
        end_row(&t);
    }
    add_text(&t, "both");
    add_number(&t, explained);
    add_number(&t, walk);
    end_row(&t);
    return write_and_deinit(&t, r->dir, "plane", err);
}

enum raml_code raml_landscape_tables_write(const struct raml_landscape_result *r, struct raml_err *err)
{
    const size_t shape[] = {r->n_frames, r->n_alpha, r->n_beta};
    enum raml_code rc = write_array(r, "landscape.npy", shape, 3, r->loss, err);
    if (!rc) rc = write_array(r, "alpha.npy", &shape[1], 1, r->alpha, err);
    if (!rc) rc = write_array(r, "beta.npy", &shape[2], 1, r->beta, err);
    if (!rc) rc = write_grid(r, err);
    if (!rc) rc = write_frames(r, err);
    if (!rc && r->path->n) rc = write_path(r, err);
    if (!rc && r->path->n) rc = write_plane(r, err);
    return rc;
}

static enum raml_code write_direction(const struct raml_model *m, const float *value, const char *path,
                                      struct raml_err *err)
{
    const struct raml_param *p;
    size_t n = raml_model_params(m, &p);
    struct raml_tensor_view *view = calloc(n, sizeof *view);
    if (!view) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tensors", n);
    for (size_t i = 0; i < n; i++)
        view[i] = (struct raml_tensor_view){.name = p[i].name,
                                            .dtype = RAML_F32,
                                            .n_dims = p[i].n_dims,
                                            .shape = {p[i].shape[0], p[i].shape[1]},
                                            .n = p[i].n,
                                            .data = value + p[i].offset};
    enum raml_code rc = raml_safetensors_write(path, view, n, NULL, err);
    free(view);
    return rc;
}

enum raml_code raml_landscape_directions_write(const struct raml_landscape *l, const struct raml_model *m, size_t n,
                                               const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    float *value = malloc(raml_model_n(m) * sizeof *value);
    enum raml_code rc =
        value ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a direction of %zu numbers", raml_model_n(m));
    for (size_t k = 0; k < n && !rc; k++) {
        rc = raml_path_join(path, dir, k ? "direction_2.safetensors" : "direction_1.safetensors", err);
        if (!rc) rc = raml_landscape_read_direction(l, k, value, err);
        if (!rc) rc = write_direction(m, value, path, err);
    }
    free(value);
    return rc;
}
