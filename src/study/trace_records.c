/* trace_records.c - traced trajectories as lines and tensors. See report.h. */
#include "study/trace_parts.h"

#include "core/array.h"
#include "core/elementary.h"
#include "core/path.h"

#include "study/colour.h"
#include "core/json.h"
#include "raml/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 28 };

static enum raml_code open_writer(struct raml_writer *w, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, name, err);
    return rc ? rc : raml_writer_init(w, path, err);
}

enum raml_code raml_trace_records_init(struct raml_trace_records *r, const char *dir,
                                       const struct raml_trace_files_options *opt, struct raml_err *err)
{
    *r = (struct raml_trace_records){
        .token_table = opt->token_table, .stride = opt->trace.stride, .border = opt->borders};
    raml_buf_init(&r->line, MAX_LINE_BYTES);
    r->tensor_path = raml_path_new("%s/curves.safetensors", dir);
    if (!r->tensor_path) return raml_fail(err, RAML_ENOMEM, "no memory for a path");
    enum raml_code rc = open_writer(&r->curves, dir, "curves.jsonl", err);
    if (!rc && r->token_table) rc = open_writer(&r->tokens, dir, "tokens.jsonl", err);
    return rc;
}

void raml_trace_records_deinit(struct raml_trace_records *r)
{
    raml_writer_deinit(&r->curves);
    raml_writer_deinit(&r->tokens);
    raml_buf_deinit(&r->line);
    for (size_t i = 0; i < r->n; i++) {
        free(r->retained[i].name);
        free(r->retained[i].loss);
    }
    free(r->retained);
    free(r->tensor_path);
    *r = (struct raml_trace_records){0};
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

/* A token's bytes unchanged if JSON (and C strings) can hold them, else in visible form. */
static json_t *piece_text(const char *bytes, size_t n)
{
    json_t *s = memchr(bytes, 0, n) ? NULL : json_stringn(bytes, n);
    if (s) return s;
    struct raml_buf b;
    raml_buf_init(&b, MAX_LINE_BYTES);
    raml_text_visible(&b, bytes, n);
    if (!b.code) s = json_stringn(b.data ? b.data : "", b.len);
    raml_buf_deinit(&b);
    return s;
}

/* Sets a field to a new value; false (also when the value could not be made): no memory. */
static bool set(json_t *obj, const char *key, json_t *value)
{
    return json_object_set_new(obj, key, value) == 0;
}

static bool append(json_t *list, json_t *value)
{
    return json_array_append_new(list, value) == 0;
}

/* The fields that identify the trajectory: id, sample. */
static bool set_name(json_t *o, const struct raml_traced *t)
{
    return set(o, "id", json_string(t->q->id)) && set(o, "sample", json_integer((json_int_t)t->sample));
}

static bool set_question(json_t *o, const struct raml_traced *t)
{
    const struct raml_question *q = t->q;
    const struct raml_trajectory *s = &q->trajectory[t->sample];
    json_t *correct = s->correct == RAML_EQUAL       ? json_true()
                      : s->correct == RAML_DIFFERENT ? json_false()
                                                     : json_null();
    return set_name(o, t) && set(o, "family", raml_json_text(q->family)) &&
           set(o, "difficulty", q->difficulty < 0 ? json_null() : json_integer(q->difficulty)) &&
           set(o, "style", raml_json_text(s->style)) && set(o, "correct", correct) &&
           set(o, "question", json_string(q->question)) && set(o, "answer", json_string(t->answer)) &&
           set(o, "answer_kind", json_string(raml_answer_slot_kind(t->asked->answer[0].slot))) &&
           set(o, "join", json_string(raml_join_name(t->join))) &&
           (t->border_bytes == 0 || set(o, "border_bytes", json_integer((json_int_t)t->border_bytes)));
}

static bool set_curve(json_t *o, const struct raml_traced *t, bool strided)
{
    const struct raml_loss_curve *c = t->curve;
    json_t *tokens = json_array(), *loss = json_array(), *greedy = json_array(), *at = json_array();
    bool ok = tokens && loss && greedy && at;
    for (size_t k = 0; ok && k + 1 < c->n_points; k++) ok = append(tokens, piece_text(t->piece[k], t->piece_len[k]));
    for (size_t k = 0; ok && k < c->n_points; k++)
        ok = append(loss, json_real(c->loss[k])) && append(greedy, json_boolean(c->greedy[k])) &&
             append(at, json_integer(c->at[k]));
    ok = set(o, "n_tokens", json_integer((json_int_t)c->n_tokens)) && ok;
    ok = set(o, "n_answer", json_integer((json_int_t)c->n_answer)) && ok;
    ok = set(o, "tokens", tokens) && ok; /* each takes over its value, even after a failure */
    ok = set(o, "L", loss) && ok;
    ok = set(o, "greedy", greedy) && ok;
    if (strided) return set(o, "at", at) && ok;
    json_decref(at);
    return ok;
}

/* -- What was asked for -------------------------------------------------------------------------------------------- */

static json_t *numbers(const double *x, size_t n, size_t step)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < n; i++) ok = append(list, raml_json_number(x[i * step]));
    return raml_json_checked(list, !ok);
}

static json_t *places(const uint32_t *at, size_t n)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < n; i++) ok = append(list, json_integer(at[i]));
    return raml_json_checked(list, !ok);
}

static json_t *flags(const bool *x, size_t n)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < n; i++) ok = append(list, json_boolean(x[i]));
    return raml_json_checked(list, !ok);
}

static json_t *texts(const char *const *x, size_t n)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < n; i++) ok = append(list, json_string(x[i]));
    return raml_json_checked(list, !ok);
}

static json_t *also_json(const struct raml_asked *a)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t s = 0; ok && s < RAML_ANSWER_SLOTS; s++)
        if (s != a->slot && (a->also >> s & 1)) ok = append(list, json_string(raml_answer_slot_name(s)));
    return raml_json_checked(list, !ok);
}

static json_t *answer_json(const struct raml_traced *t, size_t k)
{
    const struct raml_asked *a = &t->asked->answer[k];
    const struct raml_loss_curve *c = k ? &t->curve->other[k - 1] : t->curve;
    size_t n = t->curve->n_points;
    json_t *o = json_object();
    bool ok = o && set(o, "name", json_string(raml_answer_slot_name(a->slot))) &&
              set(o, "text", piece_text(a->text, strlen(a->text))) &&
              set(o, "n_answer", json_integer((json_int_t)c->n_answer)) && set(o, "L", numbers(c->loss, n, 1)) &&
              set(o, "greedy", flags(c->greedy, n)) && set(o, "p", numbers(t->p + k, n, t->n_answers)) &&
              set(o, "p_mean", numbers(t->p_mean + k, n, t->n_answers));
    if (ok && (a->also & (a->also - 1))) ok = set(o, "also", also_json(a)); /* more than its own bit */
    return raml_json_checked(o, !ok);
}

static bool set_answers(json_t *o, const struct raml_traced *t)
{
    if (!t->p) return true;
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t k = 0; ok && k < t->n_answers; k++) ok = append(list, answer_json(t, k));
    return set(o, "answers", raml_json_checked(list, !ok)) &&
           set(o, "commitment", numbers(t->commitment, t->curve->n_points, 1)) &&
           set(o, "first_stable", json_integer((json_int_t)t->first_stable));
}

static bool set_layers(json_t *o, const struct raml_traced *t)
{
    const struct raml_loss_curve *c = t->curve;
    if (c->n_layers == 0) return true;
    json_t *layers = json_object(), *which = json_array(), *list = json_array();
    bool ok = layers && which && list;
    for (size_t l = 0; ok && l < c->n_layers; l++)
        ok = append(which, json_integer((json_int_t)t->plan->layer[l])) &&
             append(list, numbers(c->layer_loss + l * c->n_points, c->n_points, 1));
    ok = set(layers, "layer", which) && ok;
    ok = set(layers, "L", list) && ok;
    return set(o, "layers", raml_json_checked(layers, !ok));
}

static bool set_tokens(json_t *o, const struct raml_traced *t)
{
    size_t n = t->curve->n_points - 1;
    return !t->role || (set(o, "entropy", numbers(t->piece_entropy, n, 1)) &&
                        set(o, "logp", numbers(t->piece_logp, n, 1)) && set(o, "role", texts(t->role, n)));
}

static json_t *effect_json(enum raml_control_kind kind, const struct raml_trace_effect *e)
{
    json_t *o = json_object();
    bool ok = o && set(o, "kind", json_string(raml_control_kind_name(kind))) && set(o, "at", places(e->at, e->n)) &&
              set(o, "L", numbers(e->loss, e->n, 1)) && set(o, "effect", numbers(e->effect, e->n, 1));
    return raml_json_checked(o, !ok);
}

static bool set_control(json_t *o, const struct raml_traced *t)
{
    if (!t->effect) return true;
    json_t *list = json_array();
    bool ok = list != NULL;
    for (int k = 0; ok && k < RAML_CONTROL_KINDS; k++)
        if (t->plan->control[k]) ok = append(list, effect_json((enum raml_control_kind)k, &t->effect[k]));
    return set(o, "control", raml_json_checked(list, !ok));
}

json_t *raml_trace_fields(const struct raml_traced *t)
{
    json_t *o = json_object();
    return raml_json_checked(o, !(o && set_answers(o, t) && set_layers(o, t) && set_tokens(o, t)));
}

static bool set_asked(json_t *o, const struct raml_traced *t)
{
    const struct raml_trace_plan *p = t->plan;
    bool stride = p->border == RAML_BORDER_STRIDE;
    const struct raml_asked *a = &t->asked->answer[0];
    if ((a->also & (a->also - 1)) && !set(o, "also", also_json(a))) return false; /* more than its own bit */
    return set(o, "regret", raml_json_number(t->regret)) && set(o, "mode", piece_text(t->mode, strlen(t->mode))) &&
           (!p->job->reader || set(o, "reader", json_string(p->job->reader))) &&
           (stride || set(o, "border", json_string(raml_border_kind_name(p->border)))) && set_answers(o, t) &&
           set_layers(o, t) && set_tokens(o, t) && set_control(o, t);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static bool set_descent(json_t *o, const struct raml_traced *t)
{
    const struct raml_descent *d = &t->descent;
    return set(o, "descent", raml_json_number(d->total)) && set(o, "monotonicity", raml_json_number(d->monotonicity)) &&
           set(o, "efficiency", raml_json_number(d->efficiency)) && set(o, "tau_b", raml_json_number(d->tau_b)) &&
           set(o, "solved_at", json_integer((json_int_t)t->solved_at)) && set(o, "L0", raml_json_number(d->first)) &&
           set(o, "LT", raml_json_number(d->last));
}

/* Writes o (taken over) as one line. ok false: it could not be made. */
static enum raml_code write_line(struct raml_trace_records *r, struct raml_writer *w, json_t *o, bool ok,
                                 const struct raml_traced *t, struct raml_err *err)
{
    raml_buf_clear(&r->line);
    if (ok) raml_json_add(&r->line, o);
    raml_buf_adds(&r->line, "\n");
    json_decref(o);
    enum raml_code rc = ok ? raml_buf_status(&r->line, err) : raml_fail(err, RAML_ENOMEM, "no memory for a record");
    if (!rc) return raml_writer_add(w, r->line.data, r->line.len, err);
    return raml_wrap(err, rc, "question '%.100s', trajectory %zu", t->q->id, t->sample + 1);
}

static enum raml_code add_tokens(struct raml_trace_records *r, const struct raml_traced *t, struct raml_err *err)
{
    const struct raml_loss_curve *c = t->curve;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; !rc && k < c->n_points; k++) {
        double delta = k ? c->loss[k] - c->loss[k - 1] : NAN;
        double rel = k && c->loss[k - 1] > 0 ? fabs(delta) / c->loss[k - 1] : NAN;
        json_t *o = json_object();
        bool ok = o && set_name(o, t) && set(o, "i", json_integer(c->at[k])) &&
                  set(o, "token", k ? piece_text(t->piece[k - 1], t->piece_len[k - 1]) : json_null()) &&
                  set(o, "L", json_real(c->loss[k])) && set(o, "dL", raml_json_number(delta)) &&
                  set(o, "rel", raml_json_number(rel)) &&
                  set(o, "p", raml_json_number(raml_exp(-(double)c->n_answer * c->loss[k]))) &&
                  set(o, "ema", raml_json_number(t->ema[k]));
        rc = write_line(r, &r->tokens, o, ok, t, err);
    }
    return rc;
}

/* -- Tensors ------------------------------------------------------------------------------------------------------- */

static enum raml_code keep(struct raml_trace_records *r, const struct raml_traced *t, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(r->retained, r->cap, r->n + 1, "curves", err);
    if (rc) return rc;
    size_t n = t->curve->n_points, cap = strlen(t->q->id) + 64;
    struct raml_trace_retained *k = &r->retained[r->n];
    *k = (struct raml_trace_retained){
        .name = malloc(cap), .loss = malloc(n * sizeof *k->loss), .n = n, .number = t->number};
    if (!k->name || !k->loss) {
        free(k->name);
        free(k->loss);
        return raml_fail(err, RAML_ENOMEM, "no memory for a curve of %zu values", n);
    }
    snprintf(k->name, cap, "%s/%zu", t->q->id, t->sample);
    for (size_t i = 0; i < n; i++) k->loss[i] = (float)t->curve->loss[i];
    r->n++;
    return RAML_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct raml_trace_retained *const *x = a, *const *y = b;
    int c = strcmp((*x)->name, (*y)->name);
    return c ? c : ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

/* Names must be unique, but a file's ids need not be: the second and later ones of a name get their number appended. */
static enum raml_code make_unique(struct raml_trace_records *r, struct raml_err *err)
{
    struct raml_trace_retained **order = malloc((r->n ? r->n : 1) * sizeof *order);
    if (!order) return raml_fail(err, RAML_ENOMEM, "no memory for the names of %zu curves", r->n);
    for (size_t i = 0; i < r->n; i++) order[i] = &r->retained[i];
    qsort(order, r->n, sizeof *order, by_name);
    const char *last = "";
    for (size_t i = 0; i < r->n; i++) {
        if (i == 0 || strcmp(order[i]->name, last) != 0) {
            last = order[i]->name; /* unchanged: only later ones get a number */
            continue;
        }
        size_t len = strlen(order[i]->name);
        snprintf(order[i]->name + len, 32, "@%zu", order[i]->number); /* keep() made space */
    }
    free(order);
    return RAML_OK;
}

static enum raml_code write_tensors(struct raml_trace_records *r, struct raml_err *err)
{
    enum raml_code rc = make_unique(r, err);
    if (rc) return rc;
    struct raml_tensor_view *view = calloc(r->n ? r->n : 1, sizeof *view);
    if (!view) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tensors", r->n);
    for (size_t i = 0; i < r->n; i++)
        view[i] = (struct raml_tensor_view){.name = r->retained[i].name,
                                            .dtype = RAML_F32,
                                            .n_dims = 1,
                                            .shape = {r->retained[i].n},
                                            .n = r->retained[i].n,
                                            .data = r->retained[i].loss};
    char stride[32];
    snprintf(stride, sizeof stride, "%zu", r->stride);
    const char *const meta[] = {
        "unit", "nats per answer token", "stride", stride, r->border ? "border" : NULL, r->border, NULL};
    rc = raml_safetensors_write(r->tensor_path, view, r->n, meta, err);
    free(view);
    return rc;
}

/* -- All three ----------------------------------------------------------------------------------------------------- */

enum raml_code raml_trace_records_add(struct raml_trace_records *r, const struct raml_traced *t, struct raml_err *err)
{
    json_t *o = json_object();
    bool ok = o && set_question(o, t) && set_curve(o, t, t->plan->strided) && set_descent(o, t) && set_asked(o, t);
    enum raml_code rc = write_line(r, &r->curves, o, ok, t, err);
    if (!rc && r->token_table) rc = add_tokens(r, t, err);
    return rc ? rc : keep(r, t, err);
}

enum raml_code raml_trace_records_commit(struct raml_trace_records *r, struct raml_err *err)
{
    enum raml_code rc = write_tensors(r, err);
    if (!rc && r->token_table) rc = raml_writer_commit(&r->tokens, err);
    return rc ? rc : raml_writer_commit(&r->curves, err);
}
