/* trace_control.c - the same probes after control trajectories. See trace_parts.h and inner/controls.h. */
#include "study/trace_parts.h"

#include "core/array.h"
#include "core/file.h"
#include "inner/trace_curve.h"
#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES = 16, DRAWS = 1000 * TRIES };

struct place { /* a trajectory of the questions */
    const struct raml_question *q;
    size_t sample;
    uint64_t hash; /* of the question */
};
struct raml_trace_controls {
    const struct raml_trace_plan *plan;
    struct place *all; /* [n] those that may be foreign to another, in an order that is not the file's */
    size_t n, cap;
    struct raml_trace_text foreign[2]; /* of the one that is tried, and of the longest so far */
    struct raml_control *control;      /* [n_batch] */
    struct raml_trace_input *input;
    struct raml_loss_curve *curve;
    size_t cap_batch;
    uint32_t *cut;
    size_t n_cuts, cap_cuts;
};

void raml_trace_effect_deinit(struct raml_trace_effect *e)
{
    free(e->at);
    free(e->loss);
    free(e->effect);
    *e = (struct raml_trace_effect){0};
}

/* Of id and text: what is drawn for a question does not depend on its place in the file. */
static uint64_t hash_of(const struct raml_question *q)
{
    return raml_hash(q->id, strlen(q->id), raml_question_hash(q->question));
}

static int by_hash(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    if (x->sample != y->sample) return x->sample < y->sample ? -1 : 1;
    return strcmp(x->q->trajectory[x->sample].text, y->q->trajectory[y->sample].text);
}

static bool texts_differ(const struct raml_trace_controls *c)
{
    for (size_t i = 1; i < c->n; i++)
        if (strcmp(c->all[i].q->question, c->all[0].q->question) != 0) return true;
    return false;
}

enum raml_code raml_trace_controls_open(const struct raml_trace_plan *p, struct raml_trace_controls **out,
                                        struct raml_err *err)
{
    const struct raml_questions *qs = p->job->questions;
    struct raml_trace_controls *c = calloc(1, sizeof *c);
    if (!c) return raml_fail(err, RAML_ENOMEM, "no memory for control trajectories");
    enum raml_code rc = RAML_OK;
    c->plan = p;
    for (size_t i = 0; i < qs->n; i++) {
        const struct raml_question *q = &qs->question[i];
        for (size_t k = 0; !rc && k < q->n_trajectories; k++) {
            if (!*q->trajectory[k].text) continue;
            rc = RAML_GROW(c->all, c->cap, c->n + 1, "trajectories", err);
            if (!rc) c->all[c->n++] = (struct place){q, k, hash_of(q)};
        }
    }
    if (c->n) qsort(c->all, c->n, sizeof *c->all, by_hash);
    if (!rc && p->control[RAML_CONTROL_FOREIGN] && !texts_differ(c))
        rc = raml_fail(err, RAML_ERANGE,
                       "control 'foreign' takes another question's trajectory; found %d question text with one",
                       c->n > 0);
    if (rc) raml_trace_controls_close(c);
    else *out = c;
    return rc;
}

void raml_trace_controls_close(struct raml_trace_controls *c)
{
    if (!c) return;
    free(c->all);
    free(c->control);
    free(c->input);
    free(c->curve);
    free(c->cut);
    for (int i = 0; i < 2; i++) raml_trace_text_deinit(&c->foreign[i]);
    free(c);
}

/* -- One control --------------------------------------------------------------------------------------------------- */

static size_t n_points(const struct raml_trace_controls *c, const struct raml_trace_input *in)
{
    return in->at ? in->n_at : raml_stride_places(in->n_trajectory, c->plan->opt->trace.stride);
}

static double point(const struct raml_trace_controls *c, const struct raml_trace_input *in, size_t k)
{
    return in->at ? (double)in->at[k] : (double)raml_stride_place(in->n_trajectory, c->plan->opt->trace.stride, k);
}

/* Places 0 and the points of the curve nearest to T k/n_cuts, k = 1 .. n_cuts. */
static enum raml_code find_cuts(struct raml_trace_controls *c, const struct raml_trace_input *in, struct raml_err *err)
{
    size_t n_cuts = c->plan->opt->n_cuts, all = n_points(c, in), last = 0;
    enum raml_code rc = RAML_GROW(c->cut, c->cap_cuts, n_cuts + 1, "cuts", err);
    if (rc) return rc;
    c->cut[0] = 0;
    c->n_cuts = 1;
    for (size_t k = 1, i = 0; k <= n_cuts; k++) {
        double want = (double)in->n_trajectory * (double)k / (double)n_cuts;
        while (i + 1 < all && fabs(point(c, in, i + 1) - want) <= fabs(point(c, in, i) - want)) i++;
        if (i == last) continue;
        last = i;
        c->cut[c->n_cuts++] = (uint32_t)point(c, in, i);
    }
    return RAML_OK;
}

/* c->foreign[0]: a trajectory of a question of another text, of at least T tokens where one of TRIES drawn ones is that long,
 * else the longest of these. */
static enum raml_code find_foreign(struct raml_trace_controls *c, const struct raml_trace_item *it, uint64_t question,
                                   struct raml_err *err)
{
    const struct raml_key key = {
        .seed = c->plan->opt->seed, .purpose = RAML_FOR_CONTROL, .question = question, .sample = (uint32_t)it->sample};
    c->foreign[0].trajectory.n = 0;
    enum raml_code rc = RAML_OK;
    int tries = 0;
    for (uint64_t d = 0; !rc && d < DRAWS && tries < TRIES; d++) {
        const struct place *x = &c->all[raml_below(&key, d, (uint32_t)c->n)];
        if (c->foreign[0].trajectory.n >= it->text.trajectory.n) break;
        if (!strcmp(x->q->question, it->q->question)) continue;
        tries++;
        rc = raml_trace_encode_trajectory(&c->plan->source, x->q, x->sample, &c->foreign[1], err);
        if (rc || c->foreign[1].trajectory.n <= c->foreign[0].trajectory.n) continue;
        struct raml_trace_text longer = c->foreign[1];
        c->foreign[1] = c->foreign[0];
        c->foreign[0] = longer;
    }
    return rc;
}

static enum raml_code make(struct raml_trace_controls *c, enum raml_control_kind kind, const struct raml_trace_item *it,
                           struct raml_control *out, struct raml_err *err)
{
    const struct raml_trace_input whole = raml_trace_item_input(c->plan, it);
    enum raml_code rc = find_cuts(c, &whole, err);
    if (rc) return rc;
    uint64_t question = hash_of(it->q);
    const struct raml_tokens *t = &it->text.trajectory;
    const struct raml_control_name name = {c->plan->opt->seed, question, (uint32_t)it->sample};
    if (kind == RAML_CONTROL_SHUFFLE) return raml_control_shuffle(t->id, t->n, c->cut, c->n_cuts, &name, out, err);
    if (kind == RAML_CONTROL_FILLER) return raml_control_filler(c->plan->filler, c->cut, c->n_cuts, out, err);
    rc = find_foreign(c, it, question, err);
    const struct raml_tokens *f = &c->foreign[0].trajectory;
    return rc ? rc : raml_control_foreign(f->id, f->n, c->cut, c->n_cuts, out, err);
}

/* The effect at the cuts after 0; cuts of the control are the first ones of the curve's. */
static enum raml_code read_effect(const struct raml_loss_curve *control, const struct raml_loss_curve *curve,
                                  struct raml_trace_effect *e, struct raml_err *err)
{
    size_t n = control->n_points;
    double *effect = calloc(n, sizeof *effect);
    e->at = calloc(n, sizeof *e->at);
    e->loss = calloc(n, sizeof *e->loss);
    e->effect = calloc(n, sizeof *e->effect);
    if (!effect || !e->at || !e->loss || !e->effect) {
        free(effect);
        return raml_fail(err, RAML_ENOMEM, "no memory for the effects of a control");
    }
    raml_control_effect(control, curve, effect);
    for (size_t k = 1; k < n; k++, e->n++) {
        e->at[e->n] = control->at[k];
        e->loss[e->n] = control->loss[k];
        e->effect[e->n] = effect[k];
    }
    free(effect);
    return RAML_OK;
}

/* -- A batch ------------------------------------------------------------------------------------------------------- */

static enum raml_code reserve(struct raml_trace_controls *c, size_t n, struct raml_err *err)
{
    size_t control = c->cap_batch, input = c->cap_batch;
    enum raml_code rc = RAML_GROW(c->control, control, n, "controls", err);
    if (!rc) rc = RAML_GROW(c->input, input, n, "controls", err);
    return rc ? rc : RAML_GROW(c->curve, c->cap_batch, n, "controls", err);
}

static enum raml_code run_kind(struct raml_trace_controls *c, enum raml_control_kind kind, struct raml_tracer *t,
                               const struct raml_trace_item *item, const struct raml_loss_curve *curve, size_t n,
                               struct raml_trace_effect (*effect)[RAML_CONTROL_KINDS], struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n; i++) {
        c->control[i] = (struct raml_control){0};
        c->curve[i] = (struct raml_loss_curve){0};
    }
    for (size_t i = 0; !rc && i < n; i++) {
        struct raml_trace_input in = raml_trace_text_input(&item[i].text);
        rc = make(c, kind, &item[i], &c->control[i], err);
        if (!rc) c->input[i] = raml_control_input(&c->control[i], &in);
    }
    if (!rc) rc = raml_tracer_run(t, c->input, n, c->curve, err);
    for (size_t i = 0; !rc && i < n; i++) rc = read_effect(&c->curve[i], &curve[i], &effect[i][kind], err);
    for (size_t i = 0; i < n; i++) {
        raml_control_deinit(&c->control[i]);
        raml_loss_curve_deinit(&c->curve[i]);
    }
    return rc ? raml_wrap(err, rc, "control '%s'", raml_control_kind_name(kind)) : RAML_OK;
}

enum raml_code raml_trace_controls_run(struct raml_trace_controls *c, struct raml_tracer *t,
                                       const struct raml_trace_item *item, const struct raml_loss_curve *curve,
                                       size_t n, struct raml_trace_effect (*effect)[RAML_CONTROL_KINDS],
                                       struct raml_err *err)
{
    enum raml_code rc = reserve(c, n, err);
    for (int k = 0; !rc && k < RAML_CONTROL_KINDS; k++)
        if (c->plan->control[k]) rc = run_kind(c, (enum raml_control_kind)k, t, item, curve, n, effect, err);
    return rc;
}

enum raml_code raml_trace_controls_cost(struct raml_trace_controls *c, const struct raml_tracer *t,
                                        const struct raml_trace_item *item, struct raml_remote_cost *add,
                                        struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (int k = 0; !rc && k < RAML_CONTROL_KINDS; k++) {
        struct raml_control control = {0};
        const struct raml_trace_input text = raml_trace_text_input(&item->text);
        size_t n = 0;
        if (!c->plan->control[k]) continue;
        rc = make(c, (enum raml_control_kind)k, item, &control, err);
        if (!rc) {
            const struct raml_trace_input in = raml_control_input(&control, &text);
            add->shared += raml_tracer_cost(t, &in);
            add->alone += raml_tracer_cost_alone(t, &in, &n);
            add->n += n;
        }
        raml_control_deinit(&control);
    }
    return rc;
}
