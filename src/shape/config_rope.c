/* config_rope.c - rotary embeddings in config.json, as transformers writes and wrote them. See reader.h. */
#include "shape/reader.h"

#include "core/elementary.h"

#include <stdint.h>
#include <string.h>

/* Defaults as in transformers. mscale (DeepSeek's) and unrounded ranges would change the angles and are not supported.
 */
static void read_yarn(struct raml_config_reader *s, struct raml_config *c)
{
    static const char *const strange[] = {"mscale", "mscale_all_dim", "truncate"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange && !s->rc; i++)
        if (raml_reader_has(s, strange[i]) && !json_is_true(json_object_get(s->obj, strange[i])))
            s->rc = raml_fail(s->err, RAML_ESUPPORT, "%s: rope_scaling: '%s' is not supported with yarn", s->at->path,
                              strange[i]);
    c->rope_beta_fast = raml_reader_num(s, "beta_fast", 32);
    c->rope_beta_slow = raml_reader_num(s, "beta_slow", 1);
    c->rope_attention =
        raml_reader_num(s, "attention_factor", c->rope_factor > 1 ? 0.1 * raml_log(c->rope_factor) + 1 : 1);
    c->rope_original_positions = raml_reader_int(s, "original_max_position_embeddings", &c->max_positions);
    if (!s->rc && (!(c->rope_beta_fast > c->rope_beta_slow) || !(c->rope_beta_slow > 0) || !(c->rope_attention > 0) ||
                   c->rope_original_positions < 1))
        s->rc = raml_fail(s->err, RAML_ERANGE,
                          "%s: rope_scaling: expected 0 < beta_slow < beta_fast and a positive "
                          "attention_factor",
                          s->at->path);
}

static void read_llama3(struct raml_config_reader *s, struct raml_config *c)
{
    c->rope_low_freq = raml_reader_num(s, "low_freq_factor", 1);
    c->rope_high_freq = raml_reader_num(s, "high_freq_factor", 4);
    c->rope_original_positions = raml_reader_int(s, "original_max_position_embeddings", NULL);
    if (!s->rc &&
        (!(c->rope_high_freq > c->rope_low_freq) || !(c->rope_low_freq > 0) || c->rope_original_positions < 1))
        s->rc = raml_fail(s->err, RAML_ERANGE, "%s: rope_scaling: expected 0 < low_freq_factor < high_freq_factor",
                          s->at->path);
}

static const char *type_of(const json_t *scaling)
{
    const char *type = json_string_value(json_object_get(scaling, "rope_type"));
    return type ? type : json_string_value(json_object_get(scaling, "type"));
}

/* One rotary embedding; field: its name in messages. */
static void read_scaling(struct raml_config_reader *r, const json_t *scaling, const char *field, struct raml_config *c)
{
    struct raml_config_reader s = {r->at, scaling, r->err, RAML_OK};
    const char *type = type_of(scaling);
    if (!type) {
        r->rc = raml_fail(r->err, RAML_EFORMAT, "%s: %s has no text field 'rope_type'", r->at->path, field);
        return;
    }
    c->rope_theta = raml_reader_num(&s, "rope_theta", c->rope_theta);
    if (raml_reader_num(&s, "partial_rotary_factor", 1) != 1 && !s.rc)
        s.rc = raml_fail(r->err, RAML_ESUPPORT, "%s: %s: 'partial_rotary_factor' is not supported", r->at->path, field);
    c->rope = RAML_ROPE_PLAIN;
    if (!strcmp(type, "linear")) c->rope = RAML_ROPE_LINEAR;
    else if (!strcmp(type, "llama3")) c->rope = RAML_ROPE_LLAMA3;
    else if (!strcmp(type, "yarn")) c->rope = RAML_ROPE_YARN;
    else if (strcmp(type, "default") && !s.rc)
        s.rc =
            raml_fail(r->err, RAML_ESUPPORT, "%s: %s type '%.40s' is not known; known: default, linear, llama3, yarn",
                      r->at->path, field, type);
    if (c->rope != RAML_ROPE_PLAIN) c->rope_factor = raml_reader_num(&s, "factor", 1);
    if (c->rope == RAML_ROPE_LLAMA3) read_llama3(&s, c);
    if (c->rope == RAML_ROPE_YARN) read_yarn(&s, c);
    r->rc = s.rc;
}

/* rope_parameters by kind of layer: {"full_attention": {..}, "sliding_attention": {..}}. A null: no layers of it. */
static void read_kinds(struct raml_config_reader *r, const json_t *kinds, struct raml_config *c)
{
    const json_t *full = json_object_get(kinds, "full_attention"), *near = json_object_get(kinds, "sliding_attention");
    if (json_is_object(full)) read_scaling(r, full, "rope_parameters.full_attention", c);
    if (r->rc || !json_is_object(near)) return;
    struct raml_config w = *c;
    w.rope_theta = c->window_theta > 0 ? c->window_theta : c->rope_theta;
    read_scaling(r, near, "rope_parameters.sliding_attention", &w);
    if (!r->rc && w.rope != RAML_ROPE_PLAIN && (!json_is_object(full) || !json_equal(full, near)))
        r->rc =
            raml_fail(r->err, RAML_ESUPPORT,
                      "%s: rope_parameters.sliding_attention has type '%.40s': a scaling of windowed layers alone is "
                      "not supported",
                      r->at->path, type_of(near));
    c->window_theta = w.rope == RAML_ROPE_PLAIN ? w.rope_theta : 0;
}

/* Does rope_scaling say nothing else than rope_parameters? */
static bool agree(const json_t *scaling, const json_t *both, bool kinds)
{
    const json_t *full = json_object_get(both, "full_attention"), *value;
    const char *key;
    if (!kinds) return json_equal(scaling, both);
    json_object_foreach ((json_t *)(uintptr_t)scaling, key, value)
        if (!json_equal(json_object_get(full, key), value)) return false;
    return true;
}

/* rope_scaling; or rope_parameters, which newer versions of transformers write, with rope_theta in it. */
void raml_reader_rope(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c)
{
    const json_t *scaling = json_object_get(r->obj, "rope_scaling"), *both = json_object_get(r->obj, "rope_parameters");
    bool kinds = json_object_get(both, "full_attention") || json_object_get(both, "sliding_attention");
    c->rope_theta = raml_reader_num(r, "rope_theta", a->theta > 0 ? a->theta : 1e4);
    if (a->window_base)
        c->window_theta =
            raml_reader_num(r, "rope_local_base_freq", a->window_theta > 0 ? a->window_theta : c->rope_theta);
    if (json_is_object(scaling) && json_is_object(both) && !r->rc && !agree(scaling, both, kinds))
        r->rc =
            raml_fail(r->err, RAML_EFORMAT, "%s: rope_scaling and rope_parameters differ; expected one", r->at->path);
    const char *field = json_is_object(both) ? "rope_parameters" : "rope_scaling";
    if (json_is_object(both)) scaling = both;
    if (r->rc || !scaling || json_is_null(scaling)) return;
    if (kinds) read_kinds(r, both, c);
    else read_scaling(r, scaling, field, c);
}
