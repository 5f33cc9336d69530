/* update_records.c - updates as lines and tensors. See update.h. */
#include "study/update_parts.h"

#include "core/array.h"
#include "core/json.h"
#include "core/path.h"
#include "raml/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 28, NAME_BYTES = 64, MATRICES = RAML_UPDATE_MATRICES };

static enum raml_code open_writer(struct raml_writer *w, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, name, err);
    return rc ? rc : raml_writer_init(w, path, err);
}

enum raml_code raml_update_records_init(struct raml_update_records *r, const char *dir, bool exchange,
                                        struct raml_err *err)
{
    *r = (struct raml_update_records){.has_exchange = exchange};
    raml_buf_init(&r->line, MAX_LINE_BYTES);
    r->tensor_path = raml_path_new("%s/update.safetensors", dir);
    if (!r->tensor_path) return raml_fail(err, RAML_ENOMEM, "no memory for a path");
    enum raml_code rc = open_writer(&r->lines, dir, "update.jsonl", err);
    if (!rc && exchange) rc = open_writer(&r->exchange, dir, "exchange.jsonl", err);
    return rc;
}

void raml_update_records_deinit(struct raml_update_records *r)
{
    raml_writer_deinit(&r->lines);
    raml_writer_deinit(&r->exchange);
    raml_buf_deinit(&r->line);
    for (size_t i = 0; i < r->n; i++) {
        free(r->tensor[i].name);
        free(r->tensor[i].data);
    }
    free(r->tensor);
    free(r->tensor_path);
    *r = (struct raml_update_records){0};
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static bool set(json_t *obj, const char *key, json_t *value)
{
    return json_object_set_new(obj, key, value) == 0;
}

static json_t *numbers(const double *x, size_t n)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t i = 0; !failed && i < n; i++) failed = json_array_append_new(list, raml_json_number(x[i]));
    return raml_json_checked(list, failed);
}

/* one: of one matrix; arrays: with a number a place. */
static json_t *measures(const struct raml_update_measures *m, size_t n, bool one, bool arrays)
{
    json_t *o = json_object();
    size_t steps = n > 1 ? n - 1 : 0, turns = n > 2 ? n - 2 : 0;
    bool aligned = !isnan(m->gradient_norm);
    bool ok = o && set(o, "weight_norm", raml_json_number(m->weight_norm)) &&
              set(o, "distance_T", raml_json_number(m->distance[n - 1])) &&
              set(o, "step_mean", raml_json_number(raml_update_mean_of(m->step, steps))) &&
              set(o, "turn_mean", raml_json_number(raml_update_mean_of(m->turn, turns))) &&
              set(o, "rank_updates", raml_json_number(m->rank_updates)) &&
              set(o, "rank_steps", raml_json_number(m->rank_steps));
    if (ok && aligned)
        ok = set(o, "gradient_norm", raml_json_number(m->gradient_norm)) &&
             set(o, "align_T", raml_json_number(m->align[n - 1]));
    if (ok && aligned && one)
        ok = set(o, "align_left_T", raml_json_number(m->align_left[n - 1])) &&
             set(o, "attainable_T", raml_json_number(m->attainable[n - 1])) &&
             set(o, "n_left", json_integer((json_int_t)m->n_left));
    if (ok && arrays)
        ok = set(o, "distance", numbers(m->distance, n)) && set(o, "step", numbers(m->step, steps)) &&
             set(o, "turn", numbers(m->turn, turns));
    if (ok && arrays && aligned) ok = set(o, "align", numbers(m->align, n));
    if (ok && arrays && aligned && one) ok = set(o, "align_left", numbers(m->align_left, n));
    return raml_json_checked(o, !ok);
}

static json_t *layers(const struct raml_update *u, bool arrays)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t l = 0; !failed && l < u->n_layers; l++) {
        json_t *o = json_object();
        for (size_t k = 0; !failed && k < MATRICES; k++)
            failed = json_object_set_new(o, raml_update_matrix_name((enum raml_update_matrix)k),
                                         measures(&u->matrix[l * MATRICES + k], u->n_points, true, arrays));
        failed = json_array_append_new(list, o) || failed;
    }
    return raml_json_checked(list, failed);
}

static json_t *integers(const struct raml_updated *t, bool worth)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t i = 0; !failed && i < t->update->n_points; i++) {
        json_int_t v = worth ? (json_int_t)t->worth[i] : (json_int_t)t->update->curve.at[i];
        failed = json_array_append_new(list, v < 0 ? json_null() : json_integer(v));
    }
    return raml_json_checked(list, failed);
}

static json_t *worth_by_rate(const struct raml_updated *t)
{
    const struct raml_loss_curve *c = &t->update->curve;
    json_t *all = json_array();
    int failed = !all;
    for (size_t r = 0; !failed && r < t->exchange->n_rates; r++) {
        json_t *list = json_array();
        for (size_t i = 0; !failed && i < c->n_points; i++) {
            int64_t steps = raml_exchange_worth(t->exchange, (int)r, c->loss[i]);
            failed = json_array_append_new(list, steps < 0 ? json_null() : json_integer((json_int_t)steps));
        }
        failed = json_array_append_new(all, list) || failed;
    }
    return raml_json_checked(all, failed);
}

static json_t *record(const struct raml_updated *t, size_t number)
{
    const struct raml_update *u = t->update;
    const struct raml_loss_curve *c = &u->curve;
    bool arrays = t->kind == RAML_UPDATE_REAL;
    json_t *correct = t->verdict == RAML_TRACE_CORRECT ? json_true()
                      : t->verdict == RAML_TRACE_WRONG ? json_false()
                                                       : json_null();
    json_t *o =
        json_pack("{s:I, s:s, s:I, s:s, s:o, s:I, s:I, s:I}", "number", (json_int_t)number, "id", t->q->id, "sample",
                  (json_int_t)t->sample, "trajectory", raml_update_kind_name(t->kind), "correct", correct, "n_tokens",
                  (json_int_t)c->n_tokens, "n_answer", (json_int_t)c->n_answer, "probe", (json_int_t)t->probe_token);
    bool ok = o && set(o, "at", integers(t, false)) && set(o, "L", numbers(c->loss, c->n_points)) &&
              set(o, "size", numbers(u->all.distance, u->n_points)) && set(o, "layers", layers(u, arrays)) &&
              set(o, "gate_up", measures(&u->gate_up, u->n_points, false, arrays)) &&
              set(o, "all", measures(&u->all, u->n_points, false, arrays));
    if (ok && t->worth) ok = set(o, "steps_worth", integers(t, true));
    if (ok && t->worth && arrays) ok = set(o, "steps_worth_by_rate", worth_by_rate(t));
    return raml_json_checked(o, !ok);
}

/* o is taken over; NULL: it could not be made. */
static enum raml_code write_line(struct raml_update_records *r, struct raml_writer *w, json_t *o,
                                 const struct raml_question *q, struct raml_err *err)
{
    raml_buf_clear(&r->line);
    if (o) raml_json_add(&r->line, o);
    raml_buf_adds(&r->line, "\n");
    enum raml_code rc = o ? raml_buf_status(&r->line, err) : raml_fail(err, RAML_ENOMEM, "no memory for a record");
    json_decref(o);
    if (rc) return raml_wrap(err, rc, "question '%.100s'", q->id);
    return raml_writer_add(w, r->line.data, r->line.len, err);
}

enum raml_code raml_update_records_exchange(struct raml_update_records *r, const struct raml_question *q,
                                            const struct raml_exchange *x, struct raml_err *err)
{
    json_t *o = json_object(), *loss = json_array();
    bool ok = o && loss && set(o, "id", json_string(q->id)) && set(o, "rates", numbers(x->rate, x->n_rates));
    for (size_t i = 0; ok && i < x->n_rates; i++)
        ok = json_array_append_new(loss, numbers(x->loss + i * (x->n_steps + 1), x->n_steps + 1)) == 0;
    ok = set(o, "loss", loss) && ok;
    return write_line(r, &r->exchange, raml_json_checked(o, !ok), q, err);
}

/* -- Tensors ------------------------------------------------------------------------------------------------------- */

/* The next tensor, zeroed; NULL: no memory. */
static float *add_tensor(struct raml_update_records *r, const char *what, int n_dims, const size_t *shape,
                         struct raml_err *err)
{
    if (RAML_GROW(r->tensor, r->cap, r->n + 1, "tensors", err)) return NULL;
    struct raml_update_tensor *t = &r->tensor[r->n];
    *t = (struct raml_update_tensor){.name = malloc(NAME_BYTES), .n = 1, .n_dims = n_dims};
    for (int i = 0; i < n_dims; i++) {
        t->shape[i] = shape[i];
        t->n *= shape[i];
    }
    t->data = calloc(t->n ? t->n : 1, sizeof *t->data);
    if (!t->name || !t->data) {
        free(t->name);
        free(t->data);
        (void)raml_fail(err, RAML_ENOMEM, "no memory for a tensor of %zu numbers", t->n);
        return NULL;
    }
    snprintf(t->name, NAME_BYTES, "%zu/%s", r->number, what);
    r->n++;
    return t->data;
}

static enum raml_code keep(struct raml_update_records *r, const struct raml_update *u, struct raml_err *err)
{
    size_t n = u->n_points, steps = n > 1 ? n - 1 : 0, turns = n > 2 ? n - 2 : 0;
    bool aligned = !isnan(u->all.gradient_norm);
    const struct {
        const char *name;
        size_t n, offset;
        bool wanted;
    } array[] = {{"distance", n, offsetof(struct raml_update_measures, distance), true},
                 {"step", steps, offsetof(struct raml_update_measures, step), true},
                 {"turn", turns, offsetof(struct raml_update_measures, turn), true},
                 {"align", n, offsetof(struct raml_update_measures, align), aligned},
                 {"align_left", n, offsetof(struct raml_update_measures, align_left), aligned}};
    for (size_t a = 0; a < sizeof array / sizeof *array; a++) {
        const size_t shape[] = {u->n_layers, MATRICES, array[a].n};
        if (!array[a].wanted) continue;
        float *to = add_tensor(r, array[a].name, 3, shape, err);
        if (!to) return RAML_ENOMEM;
        for (size_t k = 0; k < u->n_layers * MATRICES; k++) {
            double *const *from = (double *const *)(const void *)((const char *)&u->matrix[k] + array[a].offset);
            for (size_t i = 0; i < array[a].n; i++) *to++ = (float)(*from)[i];
        }
    }
    float *size = add_tensor(r, "size", 1, &n, err);
    if (!size) return RAML_ENOMEM;
    for (size_t i = 0; i < n; i++) size[i] = (float)u->all.distance[i];
    return RAML_OK;
}

static enum raml_code write_tensors(struct raml_update_records *r, struct raml_err *err)
{
    struct raml_tensor_view *view = calloc(r->n ? r->n : 1, sizeof *view);
    if (!view) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tensors", r->n);
    for (size_t i = 0; i < r->n; i++) {
        const struct raml_update_tensor *t = &r->tensor[i];
        view[i] = (struct raml_tensor_view){
            .name = t->name, .dtype = RAML_F32, .n_dims = t->n_dims, .n = t->n, .data = t->data};
        memcpy(view[i].shape, t->shape, (size_t)t->n_dims * sizeof *t->shape);
    }
    static const char *const meta[] = {"axes", "layer, matrix (gate, up, down), place", "names",
                                       "number of the line in update.jsonl, from 0 / array", NULL};
    enum raml_code rc = raml_safetensors_write(r->tensor_path, view, r->n, meta, err);
    free(view);
    return rc;
}

/* -- All three ----------------------------------------------------------------------------------------------------- */

enum raml_code raml_update_records_add(struct raml_update_records *r, const struct raml_updated *t,
                                       struct raml_err *err)
{
    enum raml_code rc = write_line(r, &r->lines, record(t, r->number), t->q, err);
    if (!rc) rc = keep(r, t->update, err);
    if (!rc) r->number++;
    return rc;
}

enum raml_code raml_update_records_commit(struct raml_update_records *r, struct raml_err *err)
{
    enum raml_code rc = write_tensors(r, err);
    if (!rc && r->has_exchange) rc = raml_writer_commit(&r->exchange, err);
    return rc ? rc : raml_writer_commit(&r->lines, err);
}
