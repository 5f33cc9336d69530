/* generation.c - see generation.h. */
#include "raml/generation.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"
#include "modelfile/modelfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONFIG = 1 << 20, MAX_TOP_K = 1 << 24, NUMBERS = 4 };

/* The numbers in the order of generation.h, and what sampling takes. */
static const struct number {
    const char *field, *key; /* in JSON, in GGUF */
    double low, high;
} numbers[NUMBERS] = {
    {"temperature", "general.sampling.temp", 0, 100},
    {"top_k", "general.sampling.top_k", 0, MAX_TOP_K},
    {"top_p", "general.sampling.top_p", 1e-9, 1},
    {"min_p", "general.sampling.min_p", 0, 1},
};

static void set(struct raml_generation *g, size_t i, double x)
{
    bool *const has[NUMBERS] = {&g->has_temperature, &g->has_top_k, &g->has_top_p, &g->has_min_p};
    double *const real[NUMBERS] = {&g->temperature, NULL, &g->top_p, &g->min_p};
    *has[i] = true;
    if (real[i]) *real[i] = x;
    else g->top_k = (int64_t)x;
}

/* -1 of top_k is vLLM's word for all. */
static enum raml_code take(struct raml_generation *g, size_t i, double x, const char *path, const char *field,
                           struct raml_err *err)
{
    const struct number *n = &numbers[i];
    if (!strcmp(n->field, "top_k") && x >= -1 && x <= -1) x = 0;
    if (!(x >= n->low && x <= n->high))
        return raml_fail(err, RAML_ERANGE, "%s: '%s' is %g; expected %g to %g", path, field, x, n->low, n->high);
    set(g, i, x);
    return RAML_OK;
}

/* Fields whose default changes nothing, and which raml does not follow when they are set to something else. */
static void note_ignored(struct raml_generation *g, const json_t *o)
{
    static const struct {
        const char *field;
        double neutral;
    } others[] = {
        {"repetition_penalty", 1},         {"typical_p", 1},         {"epsilon_cutoff", 0},   {"eta_cutoff", 0},
        {"no_repeat_ngram_size", 0},       {"diversity_penalty", 0}, {"num_beams", 1},        {"penalty_alpha", 0},
        {"encoder_repetition_penalty", 1}, {"guidance_scale", 1},    {"presence_penalty", 0}, {"frequency_penalty", 0}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const json_t *v = json_object_get(o, others[i].field);
        double x = json_number_value(v);
        size_t n = strlen(g->ignored);
        if (!json_is_number(v) || (x >= others[i].neutral && x <= others[i].neutral)) continue;
        snprintf(g->ignored + n, sizeof g->ignored - n, "%s%s %g", n ? ", " : "", others[i].field, x);
    }
}

static enum raml_code read_folder(const char *path, struct raml_generation *g, struct raml_err *err)
{
    json_t *o = NULL;
    enum raml_code rc = raml_json_load(path, MAX_CONFIG, &o, err);
    for (size_t i = 0; i < NUMBERS && !rc; i++) {
        const json_t *v = json_object_get(o, numbers[i].field);
        struct raml_place at = {path, 0};
        double x = 0;
        if (!v || json_is_null(v)) continue;
        rc = raml_json_num(&at, o, numbers[i].field, &x, err);
        if (!rc) rc = take(g, i, x, path, numbers[i].field, err);
    }
    if (!rc) note_ignored(g, o);
    json_decref(o);
    return rc;
}

static enum raml_code read_gguf(const char *path, struct raml_generation *g, struct raml_err *err)
{
    struct raml_gguf *f = NULL;
    enum raml_code rc = raml_gguf_open(path, &f, err);
    for (size_t i = 0; i < NUMBERS && !rc; i++) {
        const struct raml_gguf_value *v = raml_gguf_value_find(f, numbers[i].key);
        bool real = v && (v->type == RAML_GGUF_F32 || v->type == RAML_GGUF_F64);
        int64_t n = 0;
        double x = 0;
        if (!v) continue;
        rc = real ? raml_gguf_real(f, numbers[i].key, &x, err) : raml_gguf_integer(f, numbers[i].key, &n, err);
        if (!real) x = (double)n;
        else if (v->type == RAML_GGUF_F32) x = raml_gguf_meant((float)x);
        if (!rc) rc = take(g, i, x, path, numbers[i].key, err);
    }
    raml_gguf_close(f);
    return rc;
}

enum raml_code raml_generation_read(const char *path, struct raml_generation *out, struct raml_err *err)
{
    struct raml_generation g = {0};
    char file[RAML_PATH_BYTES];
    enum raml_code rc = RAML_OK;
    if (raml_is_gguf(path)) {
        rc = read_gguf(path, &g, err);
    } else {
        rc = raml_path_join(file, path, "generation_config.json", err);
        if (!rc && raml_is_file(file)) rc = read_folder(file, &g, err);
    }
    if (!rc) *out = g;
    return rc;
}

/* transformers takes the ends from this file alone where there is one. */
static int add_ends(json_t *o, const struct raml_config *c)
{
    int bad = 0;
    if (c->bos_token >= 0) bad |= json_object_set_new(o, "bos_token_id", json_integer(c->bos_token));
    if (c->eos_token < 0) return bad;
    json_t *list = json_array();
    bad |= json_array_append_new(list, json_integer(c->eos_token));
    for (int i = 0; i < c->n_more_eos; i++) bad |= json_array_append_new(list, json_integer(c->more_eos[i]));
    return bad | json_object_set_new(o, "eos_token_id", list);
}

enum raml_code raml_generation_write(const struct raml_generation *g, const struct raml_config *c, const char *path,
                                     struct raml_err *err)
{
    json_t *o = json_object();
    int bad = !o;
    if (c) bad |= add_ends(o, c);
    if (g->has_temperature || g->has_top_k || g->has_top_p || g->has_min_p)
        bad |= json_object_set_new(o, "do_sample", json_boolean(!(g->has_temperature && g->temperature <= 0)));
    if (g->has_temperature) bad |= json_object_set_new(o, "temperature", json_real(g->temperature));
    if (g->has_top_k) bad |= json_object_set_new(o, "top_k", json_integer(g->top_k));
    if (g->has_top_p) bad |= json_object_set_new(o, "top_p", json_real(g->top_p));
    if (g->has_min_p) bad |= json_object_set_new(o, "min_p", json_real(g->min_p));
    char *text = bad ? NULL : json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", path);
    enum raml_code rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}
