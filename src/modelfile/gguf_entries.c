/* gguf_entries.c - a model's configuration as GGUF metadata, with what else its source has. See modelfile.h. */
#include "modelfile/modelfile.h"

#include "modelfile/gguf_ends.h"

#include "core/elementary.h"
#include "shape/arch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct raml_metadata *m, const char *key, enum raml_gguf_type type, const void *data)
{
    m->entry[m->n++] = (struct raml_gguf_entry){key, type, type, 1, data};
}

/* "arch.name", in storage for our own entries; NULL arch: only name. */
static const char *own_key(struct raml_metadata *m, const char *arch, const char *name)
{
    snprintf(m->key[m->n_own], sizeof m->key[0], "%s%s%s", arch ? arch : "", arch ? "." : "", name);
    return m->key[m->n_own];
}

static void put_count(struct raml_metadata *m, const char *arch, const char *name, int x)
{
    const char *key = own_key(m, arch, name);
    m->value[m->n_own].u = (uint32_t)x;
    put(m, key, RAML_GGUF_U32, &m->value[m->n_own++].u);
}

static void put_real(struct raml_metadata *m, const char *arch, const char *name, double x)
{
    const char *key = own_key(m, arch, name);
    m->value[m->n_own].f = (float)x;
    put(m, key, RAML_GGUF_F32, &m->value[m->n_own++].f);
}

static void put_text(struct raml_metadata *m, const char *arch, const char *name, const char *text)
{
    const char *key = own_key(m, arch, name);
    m->value[m->n_own].s = (struct raml_gguf_string){text, strlen(text)};
    put(m, key, RAML_GGUF_STRING, &m->value[m->n_own++].s);
}

/* llama.cpp multiplies cos and sin by (0.1 ln factor + 1) attn_factor. */
static void put_scaling(struct raml_metadata *m, const struct raml_config *c)
{
    const char *arch = raml_arch_find(c->model_type)->gguf;
    bool yarn = c->rope == RAML_ROPE_YARN;
    if (c->rope == RAML_ROPE_LLAMA3) /* the rest is a tensor */
        put_count(m, arch, "rope.scaling.original_context_length", c->rope_original_positions);
    if (!yarn && c->rope != RAML_ROPE_LINEAR) return;
    put_text(m, arch, "rope.scaling.type", yarn ? "yarn" : "linear");
    put_real(m, arch, "rope.scaling.factor", c->rope_factor);
    if (!yarn) return;
    double usual = c->rope_factor > 1 ? 0.1 * raml_log(c->rope_factor) + 1 : 1;
    put_count(m, arch, "rope.scaling.original_context_length", c->rope_original_positions);
    if (c->rope_beta_fast != 32) put_real(m, arch, "rope.scaling.yarn_beta_fast", c->rope_beta_fast);
    if (c->rope_beta_slow != 1) put_real(m, arch, "rope.scaling.yarn_beta_slow", c->rope_beta_slow);
    if (fabs(c->rope_attention - usual) > 1e-12)
        put_real(m, arch, "rope.scaling.attn_factor", c->rope_attention / usual);
}

/* A bool for each layer. */
static void put_layers(struct raml_metadata *m, const char *arch, const char *name, const struct raml_layer_set *set,
                       bool value, int n, uint8_t *list)
{
    const char *key = own_key(m, arch, name);
    m->n_own++;
    for (int i = 0; i < n; i++) list[i] = raml_layer_in(set, i) == value;
    m->entry[m->n++] = (struct raml_gguf_entry){key, RAML_GGUF_ARRAY, RAML_GGUF_BOOL, (size_t)n, list};
}

/* All but every how-many-th layer have the window? 0: there is no such number. */
static int period_of(const struct raml_config *c, int usual)
{
    for (int p = 0; p <= c->n_layers; p++) {
        struct raml_config try = {.n_layers = c->n_layers};
        int period = p ? p : usual;
        if (period) raml_arch_windows(period, &try);
        if (period && !memcmp(&try.windowed, &c->windowed, sizeof try.windowed)) return period;
    }
    return 0;
}

/* The window, and which layers have it: a number where that says it, which llama.cpp reads for olmo2 and gemma3, else
 * an array. */
static void put_windows(struct raml_metadata *m, const struct raml_arch *a, const struct raml_config *c)
{
    if (a->windows == RAML_WINDOWS_MOST || raml_layers_in(&c->windowed))
        put_count(m, a->gguf, "attention.sliding_window", raml_layers_in(&c->windowed) ? c->window : 0);
    if (raml_layers_in(&c->windowed) && a->windows != RAML_WINDOWS_ALL) {
        int period = period_of(c, a->windows == RAML_WINDOWS_MOST ? a->period : 0);
        if (period) put_count(m, a->gguf, "attention.sliding_window_pattern", period);
        else put_layers(m, a->gguf, "attention.sliding_window_pattern", &c->windowed, true, c->n_layers, m->windowed);
    }
    if (a->window_base)
        put_real(m, a->gguf, "rope.freq_base_swa", c->window_theta > 0 ? c->window_theta : c->rope_theta);
    if (a->windows != RAML_WINDOWS_NO_ROPE) return;
    struct raml_layer_set usual = {0};
    for (int i = a->period - 1; i < c->n_layers; i += a->period) raml_layer_put(&usual, i);
    if (memcmp(&usual, &c->unturned, sizeof usual) != 0)
        put_layers(m, NULL, RAML_GGUF_TURNED, &c->unturned, false, c->n_layers, m->turned);
}

static double or_one(double x)
{
    return x > 0 ? x : 1;
}

/* llama.cpp does not read gemma3's attention.scale: it takes 1/sqrt(head_dim). */
static void put_scales(struct raml_metadata *m, const struct raml_arch *a, const struct raml_config *c)
{
    if (c->attention_scale > 0) put_real(m, a->gguf, "attention.scale", c->attention_scale);
    if (!a->multipliers) return;
    put_real(m, a->gguf, "embedding_scale", or_one(c->embedding_scale));
    put_real(m, a->gguf, "residual_scale", or_one(c->residual_scale));
    put_real(m, a->gguf, "logit_scale", or_one(c->logit_divisor));
}

static void put_config(struct raml_metadata *m, const struct raml_config *c, uint32_t file_type)
{
    const struct raml_arch *a = raml_arch_find(c->model_type);
    const char *arch = a->gguf;
    put_text(m, NULL, "general.architecture", arch);
    put_text(m, NULL, "general.type", "model");
    put_count(m, NULL, "general.file_type", (int)file_type);
    put_count(m, arch, "block_count", c->n_layers);
    put_count(m, arch, "context_length", c->max_positions);
    put_count(m, arch, "embedding_length", c->hidden_size);
    put_count(m, arch, "feed_forward_length", c->intermediate_size);
    put_count(m, arch, "attention.head_count", c->n_heads);
    put_count(m, arch, "attention.head_count_kv", c->n_kv_heads);
    put_count(m, arch, "attention.key_length", c->head_dim);
    put_count(m, arch, "attention.value_length", c->head_dim);
    put_real(m, arch, "attention.layer_norm_rms_epsilon", c->rms_norm_eps);
    put_real(m, arch, "rope.freq_base", c->rope_theta);
    put_count(m, arch, "rope.dimension_count", c->head_dim);
    put_count(m, arch, "vocab_size", c->vocab_size);
    put_scaling(m, c);
    put_windows(m, a, c);
    put_scales(m, a, c);
}

static const struct raml_gguf_entry *find_entry(const struct raml_metadata *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->entry[i].key, key)) return &m->entry[i];
    return NULL;
}

/* llama.cpp's type of top_k is i32. */
static void put_generation(struct raml_metadata *m, const struct raml_generation *g)
{
    const char *arch = NULL;
    if (g->has_top_k) {
        const char *key = own_key(m, arch, "general.sampling.top_k");
        m->value[m->n_own].u = (uint32_t)g->top_k;
        put(m, key, RAML_GGUF_I32, &m->value[m->n_own++].u);
    }
    if (g->has_top_p) put_real(m, arch, "general.sampling.top_p", g->top_p);
    if (g->has_min_p) put_real(m, arch, "general.sampling.min_p", g->min_p);
    if (g->has_temperature) put_real(m, arch, "general.sampling.temp", g->temperature);
}

static bool has_key(const struct raml_metadata *m, const char *key)
{
    return find_entry(m, key) != NULL;
}

/* An entry as it is in a file; texts need C objects. */
static enum raml_code copy_value(struct raml_metadata *m, const struct raml_gguf_value *v, struct raml_err *err)
{
    struct raml_gguf_entry *e = &m->entry[m->n];
    *e = (struct raml_gguf_entry){v->key, v->type, v->element, v->n, v->data};
    m->n++;
    if (v->element != RAML_GGUF_STRING) return RAML_OK;
    struct raml_gguf_string *s = calloc(v->n + 1, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "metadata '%.64s': no memory for %zu texts", v->key, v->n);
    m->list[m->n_lists++] = s;
    e->data = s;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < v->n && !rc; i++) rc = raml_gguf_element_string(v, i, &s[i], err);
    return rc;
}

/* The source's entries under prefix that are not there yet, except those that the writer adds itself. */
static enum raml_code copy_all(struct raml_metadata *m, const struct raml_gguf *g, const char *prefix,
                               struct raml_err *err)
{
    static const char *const excluded[] = {"general.alignment", "general.quantization_version"};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < raml_gguf_n_values(g) && !rc; i++) {
        const struct raml_gguf_value *v = raml_gguf_value_at(g, i);
        if (strncmp(v->key, prefix, strlen(prefix)) != 0 || has_key(m, v->key) || !strcmp(v->key, excluded[0]) ||
            !strcmp(v->key, excluded[1]))
            continue;
        rc = copy_value(m, v, err);
    }
    return rc;
}

/* -- The tokens that end a text ------------------------------------------------------------------------------------ */

struct writing {
    const struct raml_metadata *m;
    const struct raml_gguf_string *token;
};

static int entry_id(void *user, const char *key)
{
    const struct writing *w = user;
    const struct raml_gguf_entry *e = find_entry(w->m, key);
    uint32_t v = 0;
    if (!e || (e->type != RAML_GGUF_U32 && e->type != RAML_GGUF_I32)) return -1;
    memcpy(&v, e->data, sizeof v);
    return v < 1u << 30 ? (int)v : -1;
}

static bool entry_token(void *user, size_t i, struct raml_gguf_string *out)
{
    const struct writing *w = user;
    *out = w->token[i];
    return true;
}

static struct raml_config ends_by_rule(const struct raml_metadata *m)
{
    struct raml_config c = {.eos_token = -1};
    const struct raml_gguf_entry *tokens = find_entry(m, "tokenizer.ggml.tokens");
    struct writing w = {m, tokens ? tokens->data : NULL};
    const struct raml_gguf_ends_source s = {&w, entry_id, entry_token, tokens ? tokens->n : 0};
    (void)raml_gguf_ends_by_rule(&s, &c);
    return c;
}

static bool is_end(const struct raml_config *c, int id)
{
    bool yes = id == c->eos_token;
    for (int i = 0; i < c->n_more_eos; i++) yes |= id == c->more_eos[i];
    return yes;
}

/* The model's ends, so that llama.cpp has as many as it can: what its rule does not give already goes to the keys that
 * are left. If those it then has are not the model's, or in another order, all are listed for us. */
static void put_ends(struct raml_metadata *m, const struct raml_config *c)
{
    static const char *const keys[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                       "tokenizer.ggml.eom_token_id"};
    int n = c->eos_token >= 0 ? c->n_more_eos + 1 : 0;
    struct raml_config rule = ends_by_rule(m);
    m->end[0] = c->eos_token;
    for (int i = 1; i < n; i++) m->end[i] = c->more_eos[i - 1];
    for (int i = 0; i < n; i++) {
        size_t k = 0;
        while (k < 3 && has_key(m, keys[k])) k++;
        if (k < 3 && (k == 0 || !is_end(&rule, m->end[i]))) put_count(m, NULL, keys[k], m->end[i]);
    }
    rule = ends_by_rule(m);
    bool same = rule.n_more_eos + 1 == n && rule.eos_token == c->eos_token &&
                !memcmp(rule.more_eos, c->more_eos, (size_t)c->n_more_eos * sizeof *c->more_eos);
    if (n && !same)
        m->entry[m->n++] =
            (struct raml_gguf_entry){RAML_GGUF_END_IDS, RAML_GGUF_ARRAY, RAML_GGUF_I32, (size_t)n, m->end};
}

enum raml_code raml_metadata_init(struct raml_metadata *m, const struct raml_model_file *f, uint32_t file_type,
                                  const char *name, const struct raml_gguf_entry *more, size_t n_more,
                                  struct raml_err *err)
{
    const struct raml_config *c = &f->config;
    size_t n_source = f->gguf ? raml_gguf_n_values(f->gguf) : 0;
    *m = (struct raml_metadata){.cap = ENTRIES_MAX + n_more + n_source};
    m->entry = calloc(m->cap, sizeof *m->entry);
    m->list = calloc(n_source + 1, sizeof(*m->list));
    if (!m->entry || !m->list) {
        raml_metadata_deinit(m);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for its metadata", f->path);
    }
    enum raml_code rc = RAML_OK;
    put_config(m, c, file_type);
    put_generation(m, &f->generation);
    if (f->gguf) rc = copy_all(m, f->gguf, "general.", err);
    if (name && !has_key(m, "general.name")) put_text(m, NULL, "general.name", name);
    for (size_t i = 0; i < n_more; i++) m->entry[m->n++] = more[i];
    if (!rc && f->gguf && !n_more) rc = copy_all(m, f->gguf, "tokenizer.", err);
    if (!has_key(m, "tokenizer.ggml.model")) put_text(m, NULL, "tokenizer.ggml.model", "no_vocab");
    if (c->bos_token >= 0 && !has_key(m, "tokenizer.ggml.bos_token_id"))
        put_count(m, NULL, "tokenizer.ggml.bos_token_id", c->bos_token);
    put_ends(m, c);
    if (rc) raml_metadata_deinit(m);
    return rc;
}

void raml_metadata_deinit(struct raml_metadata *m)
{
    for (size_t i = 0; i < m->n_lists; i++) free(m->list[i]);
    free(m->list);
    free(m->entry);
    m->list = NULL;
    m->entry = NULL;
    m->n = m->n_lists = 0;
}
