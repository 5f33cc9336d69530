/* order.c - see order.h. */
#include "outer/order.h"

#include "raml/rng.h"

#include <stdlib.h>

enum raml_code raml_order_init(struct raml_order *o, uint64_t seed, size_t n, const char *what, struct raml_err *err)
{
    *o = (struct raml_order){.seed = seed, .n = n};
    if (n > UINT32_MAX) return raml_fail(err, RAML_ERANGE, "%s: %zu questions; at most %u", what, n, UINT32_MAX);
    o->item = malloc((n ? n : 1) * sizeof *o->item);
    return o->item ? RAML_OK : raml_fail(err, RAML_ENOMEM, "%s: no memory for the order of %zu questions", what, n);
}

void raml_order_deinit(struct raml_order *o)
{
    free(o->item);
    *o = (struct raml_order){0};
}

uint32_t raml_order_at(struct raml_order *o, uint64_t position)
{
    uint64_t epoch = position / o->n;
    if (!o->ordered || o->epoch != epoch) {
        for (size_t i = 0; i < o->n; i++) o->item[i] = (uint32_t)i;
        struct raml_rng r = {{.seed = o->seed, .purpose = RAML_FOR_SHUFFLE, .question = epoch}, 0};
        raml_rng_shuffle(&r, o->item, (uint32_t)o->n);
        o->epoch = epoch;
        o->ordered = true;
    }
    return o->item[position % o->n];
}
