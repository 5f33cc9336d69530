/* lists.c - lists that the host makes and the device reads. See impl.h. */
#include "model/impl.h"

#include "core/array.h"

#include <stdlib.h>

enum { LEAST = 1024 };

static size_t grown(size_t have, size_t need)
{
    size_t to = have < LEAST ? LEAST : 2 * have;
    return to < need ? need : to;
}

enum raml_code raml_list_grow(struct list *l, size_t bytes, struct raml_err *err)
{
    return raml_array_grow(&l->host, &l->cap, bytes, 1, false, "bytes of a list", err);
}

enum raml_code raml_list_send(const struct raml_model *m, struct list *l, const void *from, size_t bytes,
                              struct raml_err *err)
{
    if (bytes > l->device_cap) {
        size_t to = grown(l->device_cap, bytes);
        if (l->device) m->b->free(m->dev, l->device);
        l->device_cap = 0;
        l->device = m->b->alloc(m->dev, to, 1);
        if (!l->device) return raml_fail(err, RAML_ENOMEM, "no memory on the device for a list of %zu bytes", to);
        l->device_cap = to;
    }
    if (bytes) m->b->upload(m->dev, l->device, from, bytes);
    return RAML_OK;
}

void raml_list_pairs(struct list *l, const struct raml_tile_pair *pair, size_t n)
{
    struct raml_key_page *to = l->host;
    for (size_t i = 0; i < n; i++)
        to[i] = (struct raml_key_page){pair[i].k_tile, pair[i].row0, pair[i].n_rows, pair[i].mask};
}

void raml_list_drop(const struct raml_model *m, struct list *l)
{
    free(l->host);
    if (l->device) m->b->free(m->dev, l->device);
    *l = (struct list){0};
}
