/* controls.c - see controls.h. */
#include "inner/controls.h"

#include "raml/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *raml_control_kind_name(enum raml_control_kind kind)
{
    static const char *const name[RAML_CONTROL_KINDS] = {"shuffle", "foreign", "filler"};
    return name[kind];
}

void raml_control_deinit(struct raml_control *c)
{
    free(c->at);
    free(c->trajectory);
    free(c->parent_token);
    free(c->parent);
    *c = (struct raml_control){0};
}

/* Places, and room for a trajectory up to the last of them; max: the largest place there can be. */
static enum raml_code init(struct raml_control *c, const uint32_t *at, size_t n_at, size_t max, struct raml_err *err)
{
    *c = (struct raml_control){.n_at = n_at};
    for (size_t k = 0; k < n_at; k++)
        if ((k ? at[k] <= at[k - 1] : at[k] != 0) || at[k] > max)
            return raml_fail(
                err, RAML_ERANGE,
                "places of a control: number %zu is %u; expected strictly rising places, the first 0, none "
                "after %zu",
                k + 1, (unsigned)at[k], max);
    if (n_at == 0) return raml_fail(err, RAML_ERANGE, "places of a control: there is none; expected at least 0");
    c->at = calloc(n_at, sizeof *c->at);
    c->trajectory = calloc((size_t)at[n_at - 1] + 1, sizeof *c->trajectory);
    if (!c->at || !c->trajectory)
        return raml_fail(err, RAML_ENOMEM, "no memory for a control of %u tokens", (unsigned)at[n_at - 1]);
    memcpy(c->at, at, n_at * sizeof *at);
    return RAML_OK;
}

static enum raml_code finish(enum raml_code rc, struct raml_control *c, struct raml_control *out)
{
    raml_control_deinit(rc ? c : out);
    if (!rc) *out = *c;
    return rc;
}

static enum raml_code init_parents(struct raml_control *c, struct raml_err *err)
{
    size_t sum = 0;
    for (size_t k = 0; k < c->n_at; k++) sum += c->at[k];
    c->parent_token = calloc(sum + 1, sizeof *c->parent_token);
    c->parent = calloc(c->n_at + 1, sizeof *c->parent);
    if (!c->parent_token || !c->parent)
        return raml_fail(err, RAML_ENOMEM, "no memory for a control of %zu tokens", sum);
    return RAML_OK;
}

enum raml_code raml_control_shuffle(const int32_t *trajectory, size_t n, const uint32_t *at, size_t n_at,
                                    const struct raml_control_name *name, struct raml_control *out,
                                    struct raml_err *err)
{
    struct raml_control c;
    enum raml_code rc = init(&c, at, n_at, n, err);
    if (!rc) rc = init_parents(&c, err);
    uint32_t *order = rc ? NULL : calloc((size_t)at[n_at - 1] + 1, sizeof *order);
    if (!rc && !order) rc = raml_fail(err, RAML_ENOMEM, "no memory for a control of %u tokens", (unsigned)at[n_at - 1]);
    if (!rc && at[n_at - 1]) memcpy(c.trajectory, trajectory, at[n_at - 1] * sizeof *trajectory);
    int32_t *to = c.parent_token;
    for (size_t k = 0; !rc && k < n_at; to += at[k++]) {
        struct raml_rng r = {.key = {name->seed, RAML_FOR_CONTROL, name->question, name->sample, 0},
                             .position = (uint64_t)at[k] << 32}; /* a place's draws are its own */
        for (uint32_t i = 0; i < at[k]; i++) order[i] = i;
        raml_rng_shuffle(&r, order, at[k]);
        for (uint32_t i = 0; i < at[k]; i++) to[i] = trajectory[order[i]];
        c.parent[k] = to;
    }
    free(order);
    return finish(rc, &c, out);
}

enum raml_code raml_control_foreign(const int32_t *foreign, size_t n, const uint32_t *at, size_t n_at,
                                    struct raml_control *out, struct raml_err *err)
{
    struct raml_control c;
    size_t kept = n_at;
    while (kept && at[kept - 1] > n) kept--;
    enum raml_code rc = init(&c, at, kept, n, err);
    if (!rc && at[kept - 1]) memcpy(c.trajectory, foreign, at[kept - 1] * sizeof *foreign);
    return finish(rc, &c, out);
}

enum raml_code raml_control_filler(int32_t token, const uint32_t *at, size_t n_at, struct raml_control *out,
                                   struct raml_err *err)
{
    struct raml_control c;
    enum raml_code rc = init(&c, at, n_at, UINT32_MAX, err);
    for (size_t i = 0; !rc && i < at[n_at - 1]; i++) c.trajectory[i] = token;
    return finish(rc, &c, out);
}

struct raml_trace_input raml_control_input(const struct raml_control *c, const struct raml_trace_input *in)
{
    struct raml_trace_input x = *in;
    x.trajectory = c->trajectory;
    x.n_trajectory = c->at[c->n_at - 1];
    x.at = c->at;
    x.n_at = c->n_at;
    x.parent = c->parent;
    return x;
}

void raml_control_effect(const struct raml_loss_curve *control, const struct raml_loss_curve *curve, double *effect)
{
    for (size_t k = 0, j = 0; k < control->n_points; k++) {
        while (j + 1 < curve->n_points && curve->at[j] < control->at[k]) j++;
        effect[k] = curve->at[j] == control->at[k] ? control->loss[k] - curve->loss[j] : NAN;
    }
}

void raml_control_slots(const uint32_t *at, size_t n, size_t T, size_t n_cuts, size_t *slot)
{
    size_t last = 0; /* the place that has the present share */
    for (size_t k = 0; k < n; k++) {
        double share = (double)at[k] / (double)T * (double)n_cuts, nearest = round(share);
        slot[k] = (size_t)nearest;
        if (k == 0 || slot[last] != slot[k]) {
            last = k;
            continue;
        }
        double before = (double)at[last] / (double)T * (double)n_cuts;
        bool nearer = fabs(share - nearest) < fabs(before - nearest);
        slot[nearer ? last : k] = 0;
        if (nearer) last = k;
    }
}
