/* loop_ranks.c - what the processes that train together tell each other after a step. See loop_parts.h, raml/comm.h. */
#include "outer/loop_parts.h"

#include "raml/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum raml_code raml_ranks_gradient(struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_model *m = t->job->model;
    const struct raml_device *dev = raml_model_device(m);
    size_t n = raml_model_n(m), bytes = n * sizeof *t->grad;
    enum raml_code rc = raml_gradient_join(m, t->grad, err);
    if (rc || t->comm->size == 1) return rc;
    float *host = malloc(bytes);
    if (!host) return raml_fail(err, RAML_ENOMEM, "no memory for the gradient of %zu parameters", n);
    rc = raml_array_read(dev, host, t->grad, bytes, err);
    if (!rc) rc = t->comm->sum_float(t->comm->user, host, n, err);
    if (!rc) rc = raml_array_write(dev, t->grad, host, bytes, err);
    free(host);
    return rc;
}

enum raml_code raml_ranks_stop(const struct raml_trainer *t, bool *stops, struct raml_err *err)
{
    double asked = raml_should_stop(t->job->sink);
    enum raml_code rc = t->comm->sum(t->comm->user, &asked, 1, err);
    *stops = asked > 0;
    return rc;
}

/* -- Statistics ---------------------------------------------------------------------------------------------------- */

enum { NAME_BYTES = 64 };
struct record { /* a statistic on its way to another process */
    char name[NAME_BYTES];
    double sum, count, most;
    int is_max, is_there;
};

static void pack(const struct raml_statistics *s, struct record *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct raml_statistic *x = &s->item[i];
        out[i] = (struct record){.sum = x->sum, .count = x->count, .most = x->most, .is_max = x->is_max, .is_there = 1};
        snprintf(out[i].name, sizeof out[i].name, "%s", x->name);
    }
}

static enum raml_code join(struct raml_trainer *t, struct raml_statistics *s, const struct record *from,
                           struct raml_err *err)
{
    for (size_t i = 0; i < RAML_STATISTICS && from[i].is_there; i++) {
        const char *name;
        enum raml_code rc = raml_train_state_name(&t->state, from[i].name, &name, err);
        if (rc) return rc;
        if (from[i].is_max) raml_statistics_max(s, name, from[i].most);
        else raml_statistics_add(s, name, from[i].sum, from[i].count);
    }
    return RAML_OK;
}

enum raml_code raml_ranks_statistics(struct raml_trainer *t, struct raml_statistics *s, struct raml_err *err)
{
    size_t size = (size_t)t->comm->size;
    if (size == 1) return RAML_OK;
    struct record *own = calloc(RAML_STATISTICS, sizeof *own), *all = calloc(size * RAML_STATISTICS, sizeof *all);
    enum raml_code rc =
        own && all ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the statistics of %zu processes", size);
    if (!rc) {
        pack(s, own);
        rc = t->comm->gather(t->comm->user, own, all, RAML_STATISTICS * sizeof *own, err);
    }
    for (size_t i = 1; i < size && !rc && t->comm->rank == 0; i++) rc = join(t, s, all + i * RAML_STATISTICS, err);
    free(own);
    free(all);
    return rc;
}

/* -- Lines --------------------------------------------------------------------------------------------------------- */

/* Item i of every rank's array after item i of the one before it. */
static enum raml_code deal(const char *text, const double *bytes, size_t size, size_t most, json_t **all,
                           struct raml_err *err)
{
    json_t **of = calloc(size, sizeof *of), *list = json_array();
    int failed = !of || !list;
    for (size_t k = 0; k < size && !failed; k++) {
        of[k] = json_loadb(text + k * most, (size_t)bytes[k], 0, NULL);
        failed = !of[k];
    }
    size_t n = failed ? 0 : json_array_size(of[0]);
    for (size_t i = 0; i < n * size && !failed; i++)
        failed = json_array_append(list, json_array_get(of[i % size], i / size));
    for (size_t k = 0; of && k < size; k++) json_decref(of[k]);
    free(of);
    *all = list;
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for the lines of %zu processes", size) : RAML_OK;
}

enum raml_code raml_ranks_lines(const struct raml_comm *comm, const json_t *lines, json_t **all, struct raml_err *err)
{
    size_t size = (size_t)comm->size, most = 1;
    char *text = json_dumps(lines, JSON_COMPACT | JSON_REAL_PRECISION(17)), *part = NULL, *whole = NULL;
    double *bytes = calloc(size, sizeof *bytes);
    enum raml_code rc = text && bytes ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a process's lines");
    *all = NULL;
    if (rc) goto done;
    bytes[comm->rank] = (double)strlen(text);
    rc = comm->sum(comm->user, bytes, size, err);
    if (rc) goto done;
    for (size_t i = 0; i < size; i++) most = (size_t)bytes[i] > most ? (size_t)bytes[i] : most;
    part = calloc(1, most);
    whole = calloc(size, most);
    if (!part || !whole) {
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the lines of %zu processes", size);
        goto done;
    }
    memcpy(part, text, (size_t)bytes[comm->rank]);
    rc = comm->gather(comm->user, part, whole, most, err);
    if (!rc && comm->rank == 0) rc = deal(whole, bytes, size, most, all, err);
done:
    free(text);
    free(bytes);
    free(part);
    free(whole);
    return rc;
}
