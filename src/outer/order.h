/* order.h - the order in which training reads its items: epoch after epoch, each in its own random order.
 *
 * A pure function of the seed: position p of the stream is an item of epoch p / n.
 */
#ifndef RAML_OUTER_ORDER_H
#define RAML_OUTER_ORDER_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct raml_order { /* zero-initialise */
    uint64_t seed, epoch;
    uint32_t *item; /* [n] in the order of `epoch`, if ordered */
    size_t n;
    bool ordered;
};
/* RAML_ERANGE: more than 2^32 - 1 items. what: for messages. */
RAML_CHECKED enum raml_code raml_order_init(struct raml_order *o, uint64_t seed, size_t n, const char *what,
                                            struct raml_err *err);
void raml_order_deinit(struct raml_order *o);
/* n > 0. */
uint32_t raml_order_at(struct raml_order *o, uint64_t position);

#endif
