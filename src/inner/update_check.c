/* update_check.c - the network with patched weights is run, and every layer's output compared. See update.h. */
#include "raml/update.h"

#include "inner/update_measure.h"
#include "inner/update_parts.h"

#include <math.h>
#include <stdlib.h>

enum { MATRICES = RAML_UPDATE_MATRICES };

struct check {
    const struct raml_model *m;
    struct raml_update_batch batch;
    struct raml_update_rows *rows; /* [n_layers] */
    float **gate, **up;            /* [n_layers] */
    struct raml_patch *patch;      /* [n_layers, n, MATRICES] */
    size_t n, L;                   /* patched rows */
    struct raml_update_checked result;
};

static void deinit(struct check *c)
{
    for (size_t i = 0; i < c->L; i++) {
        if (c->rows) raml_update_rows_deinit(&c->rows[i]);
        if (c->gate) free(c->gate[i]);
        if (c->up) free(c->up[i]);
    }
    free(c->rows);
    free(c->gate);
    free(c->up);
    free(c->patch);
    raml_update_batch_deinit(&c->batch);
}

static enum raml_code init(struct check *c, struct raml_err *err)
{
    const struct raml_config *f = raml_model_config(c->m);
    c->L = (size_t)f->n_layers;
    c->rows = calloc(c->L, sizeof *c->rows);
    c->gate = calloc(c->L, sizeof *c->gate);
    c->up = calloc(c->L, sizeof *c->up);
    c->patch = calloc(c->L * c->n, MATRICES * sizeof *c->patch);
    bool ok = c->rows && c->gate && c->up && c->patch;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; ok && !rc && i < c->L; i++) {
        rc = raml_update_rows_init(&c->rows[i], f, c->n, err);
        c->gate[i] = malloc(c->n * (size_t)f->intermediate_size * sizeof **c->gate);
        c->up[i] = malloc(c->n * (size_t)f->intermediate_size * sizeof **c->up);
        ok = c->gate[i] && c->up[i];
    }
    return ok ? rc : raml_fail(err, RAML_ENOMEM, "no memory for patches of %zu rows in %zu layers", c->n, c->L);
}

static enum raml_code keep_rows(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    struct check *c = user;
    (void)err;
    raml_update_rows_take(&c->rows[t->layer], raml_model_config(c->m), t, 0, c->n, 0, c->n);
    return RAML_OK;
}

static enum raml_code make_patches(struct check *c, struct raml_err *err)
{
    for (size_t l = 0; l < c->L; l++) {
        struct raml_update_factors f;
        enum raml_code rc = raml_update_rows_factors(&c->rows[l], c->m, l, c->gate[l], c->up[l], &f, err);
        if (rc) return rc;
        for (size_t i = 0; i < c->n * MATRICES; i++) {
            size_t row = i / MATRICES, which = i % MATRICES;
            enum raml_layer_matrix matrix = raml_update_layer_matrix((enum raml_update_matrix)which);
            struct raml_layer_shape s = raml_layer_shape(raml_model_config(c->m), matrix);
            c->patch[l * c->n * MATRICES + i] = (struct raml_patch){.layer = l,
                                                                    .matrix = matrix,
                                                                    .rank = 1,
                                                                    .left = f.u[which] + row * s.n_out,
                                                                    .right = f.w[which] + row * s.n_in,
                                                                    .row = &c->batch.row[c->n + row],
                                                                    .n_rows = 1};
        }
    }
    return RAML_OK;
}

static enum raml_code compare_outputs(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    struct check *c = user;
    size_t d = (size_t)raml_model_config(c->m)->hidden_size;
    (void)err;
    for (size_t i = 0; i < c->n * d; i++) {
        double with = (double)t->output[i], patched = (double)t->output[c->n * d + i];
        c->result.block = raml_update_larger(c->result.block, fabs(patched - with));
        c->result.scale = raml_update_larger(c->result.scale, fabs(with));
    }
    return RAML_OK;
}

/* Log-probabilities of the answer in probes, and in the twins after them. */
static void compare_answers(struct check *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double off = fabs((double)c->batch.logp[i] - (double)c->batch.logp[n + i]);
        c->result.logp = raml_update_larger(c->result.logp, off);
    }
}

static enum raml_code run(struct check *c, struct raml_pass *pass, struct raml_err *err)
{
    const struct raml_tap read = {.z = true, .inner = true, .residual = true, .read = keep_rows, .user = c};
    const struct raml_tap compare = {.output = true, .read = compare_outputs, .user = c};
    const struct raml_hooks first = {.tap = &read, .take = c->batch.take, .n_takes = c->batch.n_takes};
    const struct raml_hooks second = {.tap = &compare, .patch = c->patch, .n_patches = c->L * c->n * MATRICES};
    enum raml_code rc = raml_update_batch_run(&c->batch, pass, &first, err);
    if (!rc) rc = make_patches(c, err);
    return rc ? rc : raml_update_batch_run(&c->batch, pass, &second, err); /* nothing is taken from any row */
}

static enum raml_code check_places(const struct raml_update_input *in, const uint32_t *at, size_t n_at,
                                   struct raml_err *err)
{
    if (n_at == 0) return raml_fail(err, RAML_ERANGE, "update check: no place is given");
    for (size_t i = 0; i < n_at; i++)
        if (at[i] > in->text.n_trajectory || (i && at[i] <= at[i - 1]))
            return raml_fail(err, RAML_ERANGE,
                             "update check: place %zu is %u; expected rising places, at most %zu (the trajectory's "
                             "tokens)",
                             i + 1, (unsigned)at[i], in->text.n_trajectory);
    return RAML_OK;
}

enum raml_code raml_update_check(const struct raml_model *m, const struct raml_update_input *in, const uint32_t *at,
                                 size_t n_at, bool span, struct raml_update_checked *out, struct raml_err *err)
{
    const struct raml_update_options opt = raml_update_default();
    const struct raml_update_places places = {.in = in, .at = at, .n = n_at, .twins = raml_update_twins_of(in, span)};
    struct raml_updater *t;
    struct raml_pass *pass = NULL;
    enum raml_code rc = raml_updater_open(m, &opt, &t, err);
    if (rc) return rc;
    rc = raml_updater_check(t, in, err);
    raml_updater_close(t);
    if (!rc) rc = check_places(in, at, n_at, err);
    if (rc) return rc;
    struct check c = {.m = m, .n = n_at * places.twins.n_rows};
    rc = init(&c, err);
    if (!rc) rc = raml_pass_open(m, false, &pass, err);
    if (!rc) rc = raml_update_batch_add(&c.batch, &places, err);
    if (!rc) rc = run(&c, pass, err);
    if (!rc && span) compare_answers(&c, n_at * in->text.n_answer);
    if (!rc) *out = c.result;
    raml_pass_close(pass);
    deinit(&c);
    return rc;
}
