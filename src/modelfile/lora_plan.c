/* lora_plan.c - see raml/lora.h. Settings, the modules of a shape, and a plan of them. */
#include "modelfile/lora_parts.h"

#include "core/json.h"
#include "core/nearest.h"
#include "raml/buf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct raml_lora_options, field)
const struct raml_setting raml_lora_settings[] = {
    {"lora_r", "lora_rank", RAML_INT, AT(r), "0", 0, LORA_MAX_RANK, NULL,
     "Train low-rank adapters of this rank (LoRA) instead of the model's parameters; 0: the parameters."},
    {"lora_alpha", NULL, RAML_REAL, AT(alpha), "32", 1e-6, 1e6, NULL, "An adapter is scaled by lora_alpha / lora_r."},
    {"use_rslora", NULL, RAML_FLAG, AT(use_rslora), NULL, 0, 0, NULL,
     "Scale by lora_alpha / sqrt(lora_r) instead (rank-stabilized LoRA)."},
    {"lora_target_modules", "target_modules", RAML_TEXT, AT(target_modules), "all-linear", 0, 0, NULL,
     "Which matrices have adapters: all-linear (all of every layer), names joined by commas (\"q_proj,v_proj\", "
     "\"lm_head\"), or a regular expression of whole names."},
    {"lora_rank_pattern", "rank_pattern", RAML_TEXT, AT(rank_pattern), NULL, 0, 0, NULL,
     "Other ranks for some modules: \"layers.0.self_attn.q_proj=4,k_proj=2\"; names are regular expressions, the first "
     "that matches counts."},
    {"lora_alpha_pattern", "alpha_pattern", RAML_TEXT, AT(alpha_pattern), NULL, 0, 0, NULL,
     "Other alphas for some modules, in the same form."},
};
const size_t raml_n_lora_settings = sizeof raml_lora_settings / sizeof *raml_lora_settings;

/* -- Modules of a shape -------------------------------------------------------------------------------------------- */

/* In the order of enum raml_layer_matrix (tap.h). */
static const char *const matrices[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                                       "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};
enum { MATRICES = sizeof matrices / sizeof *matrices };

static void put_layer(const struct raml_config *c, int layer, struct raml_lora_module *m)
{
    size_t d = (size_t)c->hidden_size, F = (size_t)c->intermediate_size;
    size_t q = (size_t)c->n_heads * (size_t)c->head_dim, kv = (size_t)c->n_kv_heads * (size_t)c->head_dim;
    const size_t shape[MATRICES][2] = {{q, d}, {kv, d}, {kv, d}, {d, q}, {F, d}, {F, d}, {d, F}};
    for (int i = 0; i < MATRICES; i++) {
        m[i] = (struct raml_lora_module){.n_out = shape[i][0], .n_in = shape[i][1], .layer = layer, .matrix = i};
        snprintf(m[i].name, sizeof m[i].name, "model.layers.%d.%s", layer, matrices[i]);
    }
}

enum raml_code raml_lora_candidates(const struct raml_config *c, struct raml_lora_module **out, size_t *n,
                                    struct raml_err *err)
{
    size_t V = (size_t)c->vocab_size, d = (size_t)c->hidden_size, k = (size_t)c->n_layers * MATRICES;
    struct raml_lora_module *m = calloc(k + 2, sizeof *m);
    if (!m) return raml_fail(err, RAML_ENOMEM, "no memory for a model's modules");
    for (int i = 0; i < c->n_layers; i++) put_layer(c, i, m + (size_t)i * MATRICES);
    if (!c->tied)
        m[k++] =
            (struct raml_lora_module){.name = "lm_head", .n_out = V, .n_in = d, .layer = -1, .matrix = RAML_LORA_HEAD};
    m[k++] = (struct raml_lora_module){
        .name = "model.embed_tokens", .n_out = d, .n_in = V, .layer = -1, .matrix = RAML_LORA_EMBEDDING};
    *out = m;
    *n = k;
    return RAML_OK;
}

const struct raml_lora_module *raml_lora_find(const struct raml_lora_module *m, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(m[i].name, name)) return &m[i];
    return NULL;
}

/* -- Ranks and places ---------------------------------------------------------------------------------------------- */

static enum raml_code measure_module(struct raml_lora *l, struct raml_lora_module *m, struct lora_patterns *ranks,
                                     struct lora_patterns *alphas, struct raml_err *err)
{
    double rank = (double)l->r;
    m->alpha = l->alpha;
    enum raml_code rc = raml_lora_patterns_find(ranks, m->name, &rank, err);
    if (!rc) rc = raml_lora_patterns_find(alphas, m->name, &m->alpha, err);
    if (rc) return rc;
    if (!(rank >= 1 && rank <= LORA_MAX_RANK) || rank != floor(rank))
        return raml_fail(err, RAML_ERANGE, "%s: rank %g of '%s'; expected a whole number from 1 to %d", ranks->what,
                         rank, m->name, (int)LORA_MAX_RANK);
    if (!isfinite(m->alpha) || fabs(m->alpha) > 1e12)
        return raml_fail(err, RAML_ERANGE, "%s: alpha %g of '%s'; expected a finite number", alphas->what, m->alpha,
                         m->name);
    m->rank = (size_t)rank;
    m->scale = m->alpha / (l->use_rslora ? sqrt(rank) : rank);
    m->a = l->n;
    m->b = m->a + m->rank * m->n_in;
    l->n = m->b + m->n_out * m->rank;
    return RAML_OK;
}

static enum raml_code all_keys_used(const struct lora_patterns *p, const struct raml_lora *l, struct raml_err *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (!p->key[i].used)
            return raml_fail(err, RAML_EUSAGE,
                             "%s: '%.100s' matches no module that has an adapter; names of those are like '%s'",
                             p->what, p->key[i].key, l->module[0].name);
    return RAML_OK;
}

enum raml_code raml_lora_measure(struct raml_lora *l, const char *where, bool all_used, struct raml_err *err)
{
    struct lora_patterns ranks = {0}, alphas = {0};
    char rank[512], alpha[512];
    snprintf(rank, sizeof rank, "%.480srank_pattern", where);
    snprintf(alpha, sizeof alpha, "%.480salpha_pattern", where);
    l->n = 0;
    enum raml_code rc = raml_lora_patterns_init(&ranks, rank, l->rank_pattern, err);
    if (!rc) rc = raml_lora_patterns_init(&alphas, alpha, l->alpha_pattern, err);
    for (size_t i = 0; i < l->n_modules && !rc; i++) rc = measure_module(l, &l->module[i], &ranks, &alphas, err);
    if (!rc && all_used) rc = all_keys_used(&ranks, l, err);
    if (!rc && all_used) rc = all_keys_used(&alphas, l, err);
    raml_lora_patterns_deinit(&ranks);
    raml_lora_patterns_deinit(&alphas);
    return rc;
}

/* -- A plan from settings ------------------------------------------------------------------------------------------ */

/* A list of names to compare an unknown one with: whole ones where it has a dot, else ends. Returns how many. */
static size_t known_names(const char *name, const struct raml_config *c, const struct raml_lora_module *m, size_t n,
                          const char **out)
{
    size_t k = 0;
    if (strchr(name, '.')) {
        for (; k < n; k++) out[k] = m[k].name;
        return k;
    }
    for (; k < MATRICES; k++) out[k] = strchr(matrices[k], '.') + 1;
    if (!c->tied) out[k++] = "lm_head";
    out[k++] = "embed_tokens";
    return k;
}

static enum raml_code unknown_target(const struct lora_targets *t, const char *name, const struct raml_config *c,
                                     const struct raml_lora_module *m, size_t n, struct raml_err *err)
{
    if (c->tied && !strcmp(name, "lm_head"))
        return raml_fail(err, RAML_EUSAGE,
                         "%s: 'lm_head' is the embedding of this model (tie_word_embeddings); expected other modules",
                         t->what);
    if (t->regex)
        return raml_fail(err, RAML_EUSAGE, "%s: '%.100s' matches the whole name of no module; names are like '%s'",
                         t->what, name, m[0].name);
    const char **names = calloc(n + MATRICES + 2, sizeof *names);
    if (!names) return raml_fail(err, RAML_ENOMEM, "no memory for a model's modules");
    size_t k = known_names(name, c, m, n, names);
    enum raml_code rc = raml_nearest(name, names, k)
                            ? raml_fail_unknown(err, "module", name, names, k)
                            : raml_fail(err, RAML_EUSAGE,
                                        "there is no module '%.100s'; expected q_proj, k_proj, v_proj, o_proj, "
                                        "gate_proj, up_proj, down_proj, %sembed_tokens, or a whole name as '%s'",
                                        name, c->tied ? "" : "lm_head, ", m[0].name);
    free(names);
    return raml_wrap(err, rc, "%s", t->what);
}

static enum raml_code choose(const char *text, const struct raml_config *c, struct raml_lora *l, struct raml_err *err)
{
    struct lora_targets t = {0};
    size_t n = 0;
    enum raml_code rc = raml_lora_candidates(c, &l->module, &n, err);
    if (!rc) rc = raml_lora_targets_init(&t, "lora_target_modules", text, err);
    for (size_t i = 0; i < n && !rc; i++) {
        bool yes = false;
        rc = raml_lora_targets_match(&t, &l->module[i], &yes, err);
        if (yes) l->module[l->n_modules++] = l->module[i];
    }
    for (size_t i = 0; i < t.n && !rc; i++) {
        struct raml_lora_module *all = NULL;
        if (t.used[i]) continue;
        rc = raml_lora_candidates(c, &all, &n, err);
        if (!rc) rc = unknown_target(&t, t.name[i], c, all, n, err);
        free(all);
    }
    raml_lora_targets_deinit(&t);
    return rc;
}

static enum raml_code ranks_fit(const struct raml_lora *l, struct raml_err *err)
{
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        size_t most = m->n_out < m->n_in ? m->n_out : m->n_in;
        if (m->rank > most)
            return raml_fail(err, RAML_ERANGE,
                             "rank %zu is more than '%s' [%zu, %zu] has, %zu; give a lower lora_r, or another rank by "
                             "lora_rank_pattern",
                             m->rank, m->name, m->n_out, m->n_in, most);
        if (m->scale == 0)
            return raml_fail(
                err, RAML_ERANGE,
                "lora_alpha_pattern: alpha 0 of '%s': its adapter would add nothing; expected another number", m->name);
    }
    return RAML_OK;
}

/* The names of "q_proj, v_proj" or ["q_proj", "v_proj"] as "q_proj,v_proj": to be freed; else a copy. NULL: no memory. */
static char *plain_targets(const char *text)
{
    const size_t n = strlen(text);
    bool enough = true;
    json_t *list = *text == '[' ? raml_json_value(text, n, &enough) : NULL;
    if (!enough) return NULL;
    char *out = malloc(n + 1), *to = out;
    for (size_t i = 0; out && i < n; i++)
        if (!strchr(list ? " \t\n[]\"" : " \t\n", text[i])) *to++ = text[i];
    if (out) *to = 0;
    if (out && !raml_lora_is_names(out)) memcpy(out, text, n + 1); /* an expression */
    json_decref(list);
    return out;
}

static bool copy_text(const char *text, char **out)
{
    *out = text && *text ? strdup(text) : NULL;
    return *out || !text || !*text;
}

enum raml_code raml_lora_plan(const struct raml_lora_options *o, const struct raml_config *c, struct raml_lora *out,
                              struct raml_err *err)
{
    struct raml_lora l = {.r = (size_t)o->r, .alpha = o->alpha, .use_rslora = o->use_rslora};
    const char *targets = o->target_modules ? o->target_modules : "all-linear";
    enum raml_code rc = raml_settings_check(raml_lora_settings, raml_n_lora_settings, o, err);
    if (!rc && !o->r) rc = raml_fail(err, RAML_EUSAGE, "lora_r is 0; expected a rank from 1");
    if (rc) return rc;
    l.target_modules = plain_targets(targets);
    if (!l.target_modules || !copy_text(o->rank_pattern, &l.rank_pattern) ||
        !copy_text(o->alpha_pattern, &l.alpha_pattern))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for a plan");
    if (!rc) rc = choose(l.target_modules, c, &l, err);
    if (!rc) rc = raml_lora_measure(&l, "lora_", true, err);
    if (!rc) rc = ranks_fit(&l, err);
    if (rc) raml_lora_deinit(&l);
    else *out = l;
    return rc;
}

enum raml_code raml_lora_name_targets(struct raml_lora *l, struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, (size_t)1 << 24);
    for (size_t i = 0; i < l->n_modules; i++) raml_buf_addf(&b, "%s%s", i ? "," : "", l->module[i].name);
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) {
        free(l->target_modules);
        l->target_modules = raml_buf_take(&b);
    }
    raml_buf_deinit(&b);
    return rc;
}

enum raml_code raml_lora_copy(const struct raml_lora *l, struct raml_lora *out, struct raml_err *err)
{
    struct raml_lora c = *l;
    c.module = malloc((l->n_modules + 1) * sizeof *c.module);
    bool ok = copy_text(l->target_modules, &c.target_modules);
    ok = copy_text(l->rank_pattern, &c.rank_pattern) && ok;
    ok = copy_text(l->alpha_pattern, &c.alpha_pattern) && ok;
    ok = copy_text(l->base, &c.base) && ok;
    if (!ok || !c.module) {
        raml_lora_deinit(&c);
        return raml_fail(err, RAML_ENOMEM, "no memory for a plan");
    }
    if (l->n_modules) memcpy(c.module, l->module, l->n_modules * sizeof *c.module);
    *out = c;
    return RAML_OK;
}

void raml_lora_deinit(struct raml_lora *l)
{
    free(l->module);
    free(l->target_modules);
    free(l->rank_pattern);
    free(l->alpha_pattern);
    free(l->base);
    *l = (struct raml_lora){0};
}

/* -- Its parameters ------------------------------------------------------------------------------------------------ */

static void put(struct raml_param *p, const struct raml_lora_module *m, const char *end, size_t offset, size_t rows,
                size_t cols)
{
    *p = (struct raml_param){.offset = offset, .n = rows * cols, .n_dims = 2, .shape = {rows, cols}, .decay = true};
    snprintf(p->name, sizeof p->name, "base_model.model.%.60s.%s", m->name, end);
}

enum raml_code raml_lora_table(const struct raml_lora *l, struct raml_param **table, size_t *n, struct raml_err *err)
{
    struct raml_param *p = calloc(2 * l->n_modules + 1, sizeof *p);
    *table = NULL;
    *n = 0;
    if (!p) return raml_fail(err, RAML_ENOMEM, "no memory for the table of adapters");
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        bool embedding = m->layer < 0 && m->matrix == RAML_LORA_EMBEDDING;
        put(&p[2 * i], m, embedding ? "lora_embedding_A" : "lora_A.weight", m->a, m->rank, m->n_in);
        put(&p[2 * i + 1], m, embedding ? "lora_embedding_B" : "lora_B.weight", m->b, m->n_out, m->rank);
    }
    *table = p;
    *n = 2 * l->n_modules;
    return RAML_OK;
}
