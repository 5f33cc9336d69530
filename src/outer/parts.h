/* parts.h - the parameters of a model that is trained on several ranks, dealt out: each rank adds up the gradients of its
 * part and updates that part alone, and so holds the optimizer's moments of that part alone (ZeRO-1; see raml/comm.h).
 *
 * Parts begin at multiples of RAML_PART_ALIGN elements, and may be empty. Memory on the host besides: a few megabytes,
 * whatever the model's size. One rank: its part is all of the parameters, and nothing is copied or sent.
 */
#ifndef RAML_OUTER_PARTS_H
#define RAML_OUTER_PARTS_H

#include "raml/comm.h"
#include "raml/device.h"
#include "raml/model.h"

enum { RAML_PART_ALIGN = 64 };

struct raml_parts { /* zero-initialise */
    const struct raml_comm *comm;
    const struct raml_device *dev;
    size_t *first;            /* [size + 1]: of each part, in the block of parameters */
    size_t own;               /* elements of this rank's part */
    struct raml_param *table; /* of the model, as far as they are in this part; offsets from its beginning */
    size_t n_table;
    size_t *at;    /* [size + 1]: of each part's piece, in the buffer */
    float *buffer; /* of the host: a piece of each part; NULL: one rank */
    float *dealt;  /* [size][piece] of the host: a piece of this rank's part, of every rank; NULL likewise */
    size_t piece;  /* elements of one part that are sent at once */
};
RAML_CHECKED enum raml_code raml_parts_init(struct raml_parts *p, const struct raml_comm *comm,
                                            const struct raml_model *m, struct raml_err *err);
void raml_parts_deinit(struct raml_parts *p);
static inline size_t raml_parts_begin(const struct raml_parts *p)
{
    return p->first[p->comm->rank];
}
/* x: [n] of the device. This rank's part of x becomes the sum over ranks of that part, added in double in the order of
 * ranks. */
RAML_CHECKED enum raml_code raml_parts_reduce(const struct raml_parts *p, float *x, struct raml_err *err);
/* sum, x: [n] of the device. Adds every rank's x to this rank's part of sum, one rank after another, in float: arrays of
 * tasks that are dealt out to ranks make the same sum on every number of ranks. x is left as it is. */
RAML_CHECKED enum raml_code raml_parts_add(const struct raml_parts *p, float *sum, float *x, struct raml_err *err);
/* x: [n] of the device. Every rank's own part to all the others. */
RAML_CHECKED enum raml_code raml_parts_share(const struct raml_parts *p, float *x, struct raml_err *err);
/* x: [n] of the device. Rank 0's to all. */
RAML_CHECKED enum raml_code raml_parts_broadcast(const struct raml_parts *p, float *x, struct raml_err *err);
/* Elements [from, from + n) of the block, of which every rank has those of its part in `part` (of the device): all of
 * them in rank 0's host[n], or from there. n: at most raml_parts_most. host: of this rank, n floats. */
size_t raml_parts_most(const struct raml_parts *p);
RAML_CHECKED enum raml_code raml_parts_gather(const struct raml_parts *p, const float *part, size_t from, size_t n,
                                              float *host, struct raml_err *err);
RAML_CHECKED enum raml_code raml_parts_scatter(const struct raml_parts *p, float *part, size_t from, size_t n,
                                               float *host, struct raml_err *err);

#endif
