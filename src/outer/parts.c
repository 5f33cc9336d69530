/* parts.c - see parts.h. */
#include "outer/parts.h"

#include "device/backend.h"

#include <stdlib.h>
#include <string.h>

enum { BUFFER = 1 << 20 }; /* elements of a rank's buffer, at least one cut of RAML_PART_ALIGN for each part */

/* -- Cutting ------------------------------------------------------------------------------------------------------- */

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t at_least(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void cut(struct raml_parts *p, size_t n)
{
    size_t size = (size_t)p->comm->size, cuts = (n + RAML_PART_ALIGN - 1) / RAML_PART_ALIGN;
    for (size_t k = 0; k < size; k++) { /* as even as they can be */
        size_t before = cuts / size * k + at_most(k, cuts % size);
        p->first[k] = at_most(before * RAML_PART_ALIGN, n);
    }
    p->first[size] = n;
    p->own = p->first[p->comm->rank + 1] - p->first[p->comm->rank];
}

/* The tensors' elements that are in this part, each run of them as a row. */
static void cut_table(struct raml_parts *p, const struct raml_param *table, size_t n)
{
    size_t begin = raml_parts_begin(p), end = begin + p->own;
    for (size_t i = 0; i < n; i++) {
        size_t from = at_least(table[i].offset, begin), to = at_most(table[i].offset + table[i].n, end);
        if (from >= to) continue;
        struct raml_param *row = &p->table[p->n_table++];
        *row = table[i];
        row->offset = from - begin;
        row->n = to - from;
    }
}

enum raml_code raml_parts_init(struct raml_parts *p, const struct raml_comm *comm, const struct raml_model *m,
                               struct raml_err *err)
{
    const struct raml_param *table;
    size_t n = raml_model_params(m, &table), size = (size_t)comm->size;
    *p = (struct raml_parts){.comm = comm, .dev = raml_model_device(m)};
    p->first = calloc(size + 1, sizeof *p->first);
    p->at = calloc(size + 1, sizeof *p->at);
    p->table = calloc(n + 1, sizeof *p->table);
    if (size > 1) {
        p->piece = at_least(BUFFER / size / RAML_PART_ALIGN, 1) * RAML_PART_ALIGN;
        p->buffer = malloc(size * p->piece * sizeof *p->buffer);
        p->dealt = malloc(size * p->piece * sizeof *p->dealt);
    }
    if (!p->first || !p->at || !p->table || (size > 1 && (!p->buffer || !p->dealt))) {
        raml_parts_deinit(p);
        return raml_fail(err, RAML_ENOMEM, "no memory to deal %zu parameters out to %zu ranks", raml_model_n(m), size);
    }
    cut(p, raml_model_n(m));
    cut_table(p, table, n);
    return RAML_OK;
}

void raml_parts_deinit(struct raml_parts *p)
{
    free(p->first);
    free(p->at);
    free(p->table);
    free(p->buffer);
    free(p->dealt);
    *p = (struct raml_parts){0};
}

/* -- Whole arrays, a piece of every part at a time ----------------------------------------------------------------- */

/* What fails on this rank's device is remembered, and the ranks go on together: raml_comm_agree then tells all. */
static struct raml_err *unless(enum raml_code rc, struct raml_err *err)
{
    return rc ? NULL : err;
}

static void keep(enum raml_code *rc, enum raml_code now)
{
    if (!*rc) *rc = now;
}

/* Elements of piece i of rank k's part, and where it begins in the array. */
static size_t piece_of(const struct raml_parts *p, size_t k, size_t i, size_t *from)
{
    size_t begin = at_most(p->first[k] + i * p->piece, p->first[k + 1]);
    *from = begin;
    return at_most(p->first[k + 1] - begin, p->piece);
}

/* Lays the pieces i of all parts side by side in the buffer; false: there are none. */
static bool lay(const struct raml_parts *p, size_t i)
{
    size_t size = (size_t)p->comm->size, from;
    for (size_t k = 0; k < size; k++) p->at[k + 1] = p->at[k] + piece_of(p, k, i, &from);
    return p->at[size] > 0;
}

/* Rank k's piece i between the device's array and the buffer. */
static enum raml_code fetch(const struct raml_parts *p, size_t k, size_t i, const float *x, struct raml_err *err)
{
    size_t from, n = piece_of(p, k, i, &from);
    return n ? raml_array_read(p->dev, p->buffer + p->at[k], x + from, n * sizeof *x, err) : RAML_OK;
}

static enum raml_code put(const struct raml_parts *p, size_t k, size_t i, float *x, struct raml_err *err)
{
    size_t from, n = piece_of(p, k, i, &from);
    return n ? raml_array_write(p->dev, x + from, p->buffer + p->at[k], n * sizeof *x, err) : RAML_OK;
}

/* out[n]: the sum of dealt[size][n] over its rows, in double. */
static void sum_rows(const float *dealt, size_t size, size_t n, float *out)
{
    enum { BLOCK = 512 };
    double s[BLOCK];
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t len = at_most(n - from, BLOCK);
        memset(s, 0, sizeof s);
        for (size_t k = 0; k < size; k++)
            for (size_t i = 0; i < len; i++) s[i] += (double)dealt[k * n + from + i];
        for (size_t i = 0; i < len; i++) out[from + i] = (float)s[i];
    }
}

/* Piece i of x dealt out: of this rank's part every rank's in p->dealt, [size][*own]. *sent is for what ends all ranks. */
static enum raml_code deal(const struct raml_parts *p, size_t i, const float *x, size_t *own, enum raml_code *sent,
                           struct raml_err *err)
{
    const struct raml_comm *c = p->comm;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; k < (size_t)c->size; k++) keep(&rc, fetch(p, k, i, x, unless(rc, err)));
    keep(&rc, *sent = c->deal_parts(c->user, p->buffer, p->at, p->dealt, unless(rc, err)));
    *own = p->at[c->rank + 1] - p->at[c->rank];
    return rc;
}

enum raml_code raml_parts_reduce(const struct raml_parts *p, float *x, struct raml_err *err)
{
    const struct raml_comm *c = p->comm;
    enum raml_code rc = RAML_OK, sent = RAML_OK;
    if (c->size == 1) return RAML_OK;
    for (size_t i = 0, own; !sent && lay(p, i); i++) {
        keep(&rc, deal(p, i, x, &own, &sent, unless(rc, err)));
        if (sent) break;
        sum_rows(p->dealt, (size_t)c->size, own, p->buffer + p->at[c->rank]);
        keep(&rc, put(p, (size_t)c->rank, i, x, unless(rc, err)));
    }
    return rc;
}

enum raml_code raml_parts_add(const struct raml_parts *p, float *sum, float *x, struct raml_err *err)
{
    const struct raml_comm *c = p->comm;
    enum raml_code rc = RAML_OK, sent = RAML_OK;
    if (c->size == 1) {
        raml_backend_of(p->dev)->combine(p->dev, sum, sum, 1, x, 0, NULL, p->own);
        return raml_backend_of(p->dev)->sync(p->dev, err);
    }
    for (size_t i = 0, own; !sent && lay(p, i); i++) {
        keep(&rc, deal(p, i, x, &own, &sent, unless(rc, err)));
        if (sent) break;
        float *to = p->buffer + p->at[c->rank];
        keep(&rc, fetch(p, (size_t)c->rank, i, sum, unless(rc, err)));
        for (size_t k = 0; k < (size_t)c->size; k++)
            for (size_t j = 0; j < own; j++) to[j] += p->dealt[k * own + j];
        keep(&rc, put(p, (size_t)c->rank, i, sum, unless(rc, err)));
    }
    return rc;
}

enum raml_code raml_parts_share(const struct raml_parts *p, float *x, struct raml_err *err)
{
    const struct raml_comm *c = p->comm;
    enum raml_code rc = RAML_OK, sent = RAML_OK;
    if (c->size == 1) return RAML_OK;
    for (size_t i = 0; !sent && lay(p, i); i++) {
        keep(&rc, fetch(p, (size_t)c->rank, i, x, unless(rc, err)));
        keep(&rc, sent = c->share_parts(c->user, p->buffer, p->at, unless(rc, err)));
        for (size_t k = 0; k < (size_t)c->size && !sent; k++)
            if (k != (size_t)c->rank) keep(&rc, put(p, k, i, x, unless(rc, err)));
    }
    return rc;
}

enum raml_code raml_parts_broadcast(const struct raml_parts *p, float *x, struct raml_err *err)
{
    const struct raml_comm *c = p->comm;
    size_t n = p->first[c->size], most = (size_t)c->size * p->piece;
    enum raml_code rc = RAML_OK, sent = RAML_OK;
    if (c->size == 1) return RAML_OK;
    for (size_t at = 0; at < n && !sent; at += most) {
        size_t bytes = at_most(n - at, most) * sizeof *x;
        if (c->rank == 0) keep(&rc, raml_array_read(p->dev, p->buffer, x + at, bytes, unless(rc, err)));
        keep(&rc, sent = c->broadcast(c->user, p->buffer, bytes, unless(rc, err)));
        if (!sent && c->rank != 0) keep(&rc, raml_array_write(p->dev, x + at, p->buffer, bytes, unless(rc, err)));
    }
    return rc;
}

/* -- A run of elements, to rank 0 or from it ----------------------------------------------------------------------- */

size_t raml_parts_most(const struct raml_parts *p)
{
    return (size_t)p->comm->size * p->piece;
}

/* Where in [from, from + n) each part begins. */
static void lay_run(const struct raml_parts *p, size_t from, size_t n)
{
    for (int k = 0; k <= p->comm->size; k++) p->at[k] = at_most(at_least(p->first[k], from), from + n) - from;
}

enum raml_code raml_parts_gather(const struct raml_parts *p, const float *part, size_t from, size_t n, float *host,
                                 struct raml_err *err)
{
    const struct raml_comm *c = p->comm;
    lay_run(p, from, n);
    size_t at = p->at[c->rank], own = p->at[c->rank + 1] - at;
    enum raml_code rc = RAML_OK;
    if (own) rc = raml_array_read(p->dev, host + at, part + (from + at - raml_parts_begin(p)), own * sizeof *host, err);
    keep(&rc, c->gather_parts(c->user, host, p->at, unless(rc, err)));
    return rc;
}

enum raml_code raml_parts_scatter(const struct raml_parts *p, float *part, size_t from, size_t n, float *host,
                                  struct raml_err *err)
{
    const struct raml_comm *c = p->comm;
    lay_run(p, from, n);
    size_t at = p->at[c->rank], own = p->at[c->rank + 1] - at;
    enum raml_code rc = c->scatter_parts(c->user, host, p->at, err);
    if (rc || !own) return rc;
    return raml_array_write(p->dev, part + (from + at - raml_parts_begin(p)), host + at, own * sizeof *host, err);
}
