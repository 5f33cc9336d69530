/* config_layers.c - which layers have a window, and which no rotary embedding. See reader.h. */
#include "shape/reader.h"

#include <string.h>

/* The layers that layer_types gives a window; false: there is no such list. */
static bool read_types(struct raml_config_reader *r, struct raml_config *c)
{
    const json_t *layers = json_object_get(r->obj, "layer_types"), *layer;
    size_t i;
    if (r->rc || !layers || json_is_null(layers)) return false;
    if (!json_is_array(layers) || json_array_size(layers) < (size_t)c->n_layers)
        r->rc = raml_fail(r->err, RAML_EFORMAT, "%s: layer_types: expected a list with a text for each of %d layers",
                          r->at->path, c->n_layers);
    json_array_foreach (layers, i, layer) {
        const char *type = json_string_value(layer);
        bool near = type && !strcmp(type, "sliding_attention");
        if (r->rc || i >= (size_t)c->n_layers || i >= RAML_MAX_LAYERS) break;
        if (!near && (!type || strcmp(type, "full_attention") != 0))
            r->rc = raml_fail(r->err, RAML_ESUPPORT,
                              "%s: layer_types, entry %zu: expected full_attention or sliding_attention", r->at->path,
                              i + 1);
        if (near) raml_layer_put(&c->windowed, (int)i);
    }
    return true;
}

/* no_rope_layers: 1 for each layer with rotary embedding. */
static void read_unturned(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c)
{
    const json_t *turned = json_object_get(r->obj, "no_rope_layers");
    int every = raml_reader_int(r, "no_rope_layer_interval", &a->period);
    if (r->rc) return;
    bool listed = turned && !json_is_null(turned);
    if (listed && (!json_is_array(turned) || json_array_size(turned) < (size_t)c->n_layers)) {
        r->rc = raml_fail(r->err, RAML_EFORMAT, "%s: no_rope_layers: expected a list with 0 or 1 for each of %d layers",
                          r->at->path, c->n_layers);
        return;
    }
    if (!listed && every < 1) {
        r->rc = raml_fail(r->err, RAML_ERANGE, "%s: field 'no_rope_layer_interval' is %d; expected 1 or more",
                          r->at->path, every);
        return;
    }
    for (int i = 0; i < c->n_layers && i < RAML_MAX_LAYERS && !r->rc; i++) {
        const json_t *one = json_array_get(turned, (size_t)i);
        json_int_t has = json_is_integer(one) ? json_integer_value(one) : json_is_boolean(one) ? json_is_true(one) : -1;
        if (!listed) has = (i + 1) % every != 0;
        if (has != 0 && has != 1)
            r->rc =
                raml_fail(r->err, RAML_EFORMAT, "%s: no_rope_layers, entry %d: expected 0 or 1", r->at->path, i + 1);
        if (has == 0) raml_layer_put(&c->unturned, i);
    }
}

static enum raml_code unexpected(struct raml_config_reader *r, const char *why)
{
    return raml_fail(r->err, RAML_ESUPPORT, "%s: layer_types has sliding_attention, but %s", r->at->path, why);
}

/* The window where it has a switch (Qwen, SmolLM3). */
static void read_switched(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c)
{
    static const int usual = 4096;
    bool on = raml_reader_flag(r, "use_sliding_window", false), listed = read_types(r, c);
    const json_t *given = json_object_get(r->obj, "sliding_window");
    if (a->windows == RAML_WINDOWS_NO_ROPE && !raml_reader_has(r, "sliding_window")) on = false; /* its default: none */
    if (json_is_null(given)) on = false;
    if (!on) {
        if (raml_layers_in(&c->windowed) && !r->rc) r->rc = unexpected(r, "use_sliding_window is not true");
        return;
    }
    c->window = raml_reader_int(r, "sliding_window", &usual);
    int from = raml_reader_int(r, "max_window_layers", &a->period);
    for (int i = 0; i < c->n_layers && i < RAML_MAX_LAYERS && !listed; i++)
        if (a->windows == RAML_WINDOWS_UPPER ? i >= from : raml_layer_in(&c->unturned, i))
            raml_layer_put(&c->windowed, i);
}

/* Of all layers; without effect where it is as long as the context. Mistral's is 4096 where the file has none. */
static void read_everywhere(struct raml_config_reader *r, struct raml_config *c)
{
    static const int usual = 4096;
    const json_t *given = json_object_get(r->obj, "sliding_window");
    int window = json_is_null(given) ? c->max_positions : raml_reader_int(r, "sliding_window", &usual);
    if (read_types(r, c) && !r->rc && raml_layers_in(&c->windowed) != 0 && raml_layers_in(&c->windowed) != c->n_layers)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: layer_types of several kinds are not supported for mistral",
                          r->at->path);
    c->windowed = (struct raml_layer_set){0};
    if (r->rc || window >= c->max_positions) return;
    c->window = window;
    for (int i = 0; i < c->n_layers && i < RAML_MAX_LAYERS; i++) raml_layer_put(&c->windowed, i);
}

static void read_most(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c)
{
    static const int usual = 4096;
    int every = raml_reader_int(r, "sliding_window_pattern", &a->period);
    c->window = raml_reader_int(r, "sliding_window", &usual);
    if (!r->rc && every < 1)
        r->rc = raml_fail(r->err, RAML_ERANGE, "%s: field 'sliding_window_pattern' is %d; expected 1 or more",
                          r->at->path, every);
    if (!read_types(r, c) && !r->rc) raml_arch_windows(every, c);
}

static void read_none(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c)
{
    int window = raml_reader_int(r, "sliding_window", &c->max_positions);
    if (!r->rc && window < c->max_positions)
        r->rc = raml_fail(r->err, RAML_ESUPPORT,
                          "%s: sliding_window %d, below max_position_embeddings %d, is not supported for %s",
                          r->at->path, window, c->max_positions, a->type);
    if (raml_reader_flag(r, "use_sliding_window", false) && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: use_sliding_window true is not supported for %s", r->at->path,
                          a->type);
    if (read_types(r, c) && raml_layers_in(&c->windowed) && !r->rc)
        r->rc = raml_fail(r->err, RAML_ESUPPORT, "%s: layer_types: sliding_attention is not supported for %s",
                          r->at->path, a->type);
}

void raml_reader_layers(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c)
{
    if (a->windows == RAML_WINDOWS_NO_ROPE) read_unturned(r, a, c);
    switch (a->windows) {
    case RAML_WINDOWS_NONE: read_none(r, a, c); break;
    case RAML_WINDOWS_ALL: read_everywhere(r, c); break;
    case RAML_WINDOWS_UPPER:
    case RAML_WINDOWS_NO_ROPE: read_switched(r, a, c); break;
    case RAML_WINDOWS_MOST: read_most(r, a, c); break;
    }
}
