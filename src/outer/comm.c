/* comm.c - see comm.h. */
#include "raml/comm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- One process --------------------------------------------------------------------------------------------------- */

static enum raml_code keep_sum(void *user, double *x, size_t n, struct raml_err *err)
{
    (void)user, (void)x, (void)n, (void)err;
    return RAML_OK;
}

static enum raml_code keep_parts(void *user, float *x, const size_t *first, struct raml_err *err)
{
    (void)user, (void)x, (void)first, (void)err;
    return RAML_OK;
}

static enum raml_code deal_all(void *user, const float *x, const size_t *first, float *all, struct raml_err *err)
{
    (void)user, (void)err;
    if (first[1]) memmove(all, x, first[1] * sizeof *x);
    return RAML_OK;
}

static enum raml_code keep_bytes(void *user, void *x, size_t bytes, struct raml_err *err)
{
    (void)user, (void)x, (void)bytes, (void)err;
    return RAML_OK;
}

static enum raml_code copy_part(void *user, const void *from, void *to, size_t bytes, struct raml_err *err)
{
    (void)user, (void)err;
    if (bytes) memmove(to, from, bytes); /* they may be the same */
    return RAML_OK;
}

static const struct raml_comm alone = {
    .rank = 0,
    .size = 1,
    .sum = keep_sum,
    .deal_parts = deal_all,
    .share_parts = keep_parts,
    .gather_parts = keep_parts,
    .scatter_parts = keep_parts,
    .broadcast = keep_bytes,
    .scatter = copy_part,
    .gather = copy_part,
};

const struct raml_comm *raml_comm_alone(void)
{
    return &alone;
}

/* -- Outcomes ------------------------------------------------------------------------------------------------------ */

struct outcome {
    struct raml_err err; /* its code: RAML_OK, it went well */
    char host[64];
};

/* Of outcomes that are not all good: the first bad one. */
static void choose(const struct outcome *all, int size, struct raml_err *out)
{
    int worst = -1, n = 0;
    for (int k = size - 1; k >= 0; k--)
        if (all[k].err.code) {
            worst = k;
            n++;
        }
    *out = all[worst].err;
    if (n < size) (void)!raml_wrap(out, out->code, "rank %d on %s", worst, all[worst].host);
}

enum raml_code raml_comm_agree(const struct raml_comm *c, enum raml_code rc, struct raml_err *err)
{
    if (c->size == 1) return rc;
    struct raml_err said = {.code = rc}, late = {0};
    if (rc && err) said = *err;
    said.code = rc;
    double failed = rc ? 1 : 0;
    enum raml_code broken = c->sum(c->user, &failed, 1, &late);
    if (!broken && failed == 0) return RAML_OK;
    struct outcome own = {.err = said}, *all = broken ? NULL : calloc((size_t)c->size, sizeof *all);
    if (gethostname(own.host, sizeof own.host - 1)) strcpy(own.host, "?");
    if (!broken && !all) broken = raml_fail(&late, RAML_ENOMEM, "no memory for the outcomes of %d ranks", c->size);
    if (!broken) broken = c->gather(c->user, &own, all, sizeof own, &late);
    if (!broken && c->rank == 0) choose(all, c->size, &said);
    if (!broken) broken = c->broadcast(c->user, &said, sizeof said, &late);
    free(all);
    if (broken && !rc) said = late; /* what one rank knows by itself is more than that the others are gone */
    if (err) *err = said;
    return said.code;
}
