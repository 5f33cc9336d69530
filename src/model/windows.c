/* windows.c - what the rows of a batch see in windowed layers: part of what they see in the others. See impl.h. */
#include "model/impl.h"

#include <stdlib.h>

enum raml_code raml_windows_make(const struct raml_model *m, struct windows *w, const struct window_batch *b,
                                 struct raml_err *err)
{
    struct raml_pair_list *l = &w->pairs;
    enum raml_code rc = RAML_OK;
    w->apply = raml_config_has_window(&m->config, b->last + 1);
    if (!w->apply) return rc;
    l->n_pairs = l->n_masks = 0;
    rc = raml_list_grow(&w->tile, b->n_tiles * sizeof(struct raml_query_tile), err);
    for (size_t i = 0; i < b->n_tiles && !rc; i++) {
        const struct raml_query_tile *t = &b->tile[i];
        struct raml_window window = {m->config.window, b->row + t->row, b->key};
        size_t first = l->n_pairs;
        rc = raml_visibility_narrow(b->pair + t->pair, t->n_pairs, b->mask, &window, l, err);
        ((struct raml_query_tile *)w->tile.host)[i] = (struct raml_query_tile){t->row, t->n, first, l->n_pairs - first};
    }
    if (!rc) rc = raml_list_grow(&w->pair, l->n_pairs * sizeof(struct raml_key_page), err);
    if (rc) return rc;
    raml_list_pairs(&w->pair, l->pair, l->n_pairs);
    rc = raml_list_send(m, &w->tile, w->tile.host, b->n_tiles * sizeof(struct raml_query_tile), err);
    if (!rc) rc = raml_list_send(m, &w->pair, w->pair.host, l->n_pairs * sizeof(struct raml_key_page), err);
    return rc ? rc : raml_list_send(m, &w->mask, l->mask, l->n_masks * sizeof *l->mask, err);
}

struct seen_keys raml_windows_seen(const struct windows *w, const struct seen_keys *all)
{
    return w->apply ? (struct seen_keys){w->tile.device, w->pair.device, w->mask.device} : *all;
}

void raml_windows_drop(const struct raml_model *m, struct windows *w)
{
    raml_list_drop(m, &w->tile);
    raml_list_drop(m, &w->pair);
    raml_list_drop(m, &w->mask);
    free(w->pairs.pair);
    free(w->pairs.mask);
    *w = (struct windows){0};
}
