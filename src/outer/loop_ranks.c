/* loop_ranks.c - what the processes that train together tell each other after a step. See loop_parts.h, raml/comm.h. */
#include "outer/loop_parts.h"

#include "core/file.h"
#include "core/json.h"
#include "device/backend.h"

#include "raml/lora.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum raml_code raml_ranks_gradient(struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_model *m = t->job->model;
    double squares = 0;
    bool added = t->training->gradient != NULL;
    enum raml_code rc = added ? RAML_OK : raml_gradient_join(m, t->grad, err);
    rc = raml_comm_agree(t->comm, rc, err);
    if (!rc && !added) rc = raml_parts_reduce(&t->parts, t->grad, err);
    if (!rc && t->parts.own)
        rc = raml_backend_square_sum(t->parts.dev, t->grad + raml_parts_begin(&t->parts), t->parts.own, &squares, err);
    rc = raml_comm_agree(t->comm, rc, err);
    if (!rc) rc = t->comm->sum(t->comm->user, &squares, 1, err);
    if (!rc) t->grad_norm = sqrt(squares);
    return rc;
}

enum raml_code raml_ranks_stop(const struct raml_trainer *t, bool *stops, struct raml_err *err)
{
    double asked = raml_should_stop(t->job->sink);
    enum raml_code rc = t->comm->sum(t->comm->user, &asked, 1, err);
    *stops = asked > 0;
    return rc;
}

enum raml_code raml_ranks_blame(const struct raml_comm *c, bool found, enum raml_code rc, struct raml_err *err)
{
    struct raml_err known = {0};
    if (c->size == 1) return rc;
    if (found && err) known = *err;
    enum raml_code code = raml_comm_agree(c, found ? rc : RAML_OK, &known);
    if (!code) return raml_comm_agree(c, rc, err);
    if (err) *err = known;
    return code;
}

/* -- Before the first step ----------------------------------------------------------------------------------------- */

static int add_hash(json_t *o, const char *key, uint64_t hash)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, hash);
    return json_object_set_new(o, key, json_string(text));
}

/* Kernels that give the same bits have the same name: in f32 all but the plain reference. */
static const char *kernels(const struct raml_model *m)
{
    static const char *const alike[] = {"base", "avx2", "avx512", "avx512bf16"};
    const char *level = raml_device_level(raml_model_device(m));
    for (size_t i = 0; i < sizeof alike / sizeof *alike && raml_model_dtype(m) == RAML_F32; i++)
        if (!strcmp(level, alike[i])) return "exact in f32";
    return level;
}

static uint64_t hash_text(const char *text, uint64_t hash)
{
    return text ? raml_hash(text, strlen(text) + 1, hash) : hash;
}

static uint64_t hash_questions(const struct raml_questions *qs)
{
    uint64_t hash = 0;
    for (size_t i = 0; qs && i < qs->n; i++) {
        const struct raml_question *q = &qs->question[i];
        hash = hash_text(q->answer, hash_text(q->question, hash));
        for (size_t k = 0; k < q->n_trajectories; k++) hash = hash_text(q->trajectory[k].text, hash);
    }
    return hash;
}

/* What a model computes besides its weights, by the names of config.json. Where rank 0 alone reads a checkpoint, what that
 * may leave out is not compared. */
static int add_shape(json_t *o, const struct raml_config *c, bool resumes)
{
    double rope[] = {(double)c->rope,    c->rope_factor,     c->rope_low_freq,  c->rope_high_freq,
                     c->rope_beta_fast,  c->rope_beta_slow,  c->rope_attention, (double)c->rope_original_positions,
                     c->embedding_scale, c->attention_scale, c->residual_scale, c->logit_divisor,
                     c->window_theta,    (double)c->window};
    uint64_t layers = raml_hash(&c->unturned, sizeof c->unturned, raml_hash(&c->windowed, sizeof c->windowed, 0));
    int ends[RAML_MAX_EOS + 1] = {c->bos_token, c->eos_token};
    memcpy(ends + 2, c->more_eos, (size_t)c->n_more_eos * sizeof *ends);
    json_t *own = json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:f,s:f}", "model_type", c->model_type, "vocab_size",
                            c->vocab_size, "num_hidden_layers", c->n_layers, "num_attention_heads", c->n_heads,
                            "num_key_value_heads", c->n_kv_heads, "head_dim", c->head_dim, "max_position_embeddings",
                            c->max_positions, "rms_norm_eps", c->rms_norm_eps, "rope_theta", c->rope_theta);
    int failed = !own || json_object_update_missing(o, own);
    if (!failed && !resumes)
        failed = add_hash(o, "hash of rope_scaling", raml_hash(rope, sizeof rope, layers)) ||
                 add_hash(o, "hash of the tokens that end a text", raml_hash(ends, sizeof ends, 0));
    json_decref(own);
    return failed;
}

/* Adapters of as many parameters may be of other matrices, scaled otherwise, or of another base. */
static int add_adapters(json_t *o, const struct raml_lora *l)
{
    uint64_t hash = 0;
    if (!l) return 0;
    for (size_t i = 0; i < l->n_modules; i++) {
        double measures[] = {(double)l->module[i].rank, l->module[i].scale};
        hash = raml_hash(measures, sizeof measures, hash_text(l->module[i].name, hash));
    }
    return add_hash(o, "hash of the adapters' modules, ranks and scales", hash) ||
           add_hash(o, "hash of the adapters' base", l->base_hash);
}

/* What must be the same on all ranks; NULL: no memory. */
static json_t *facts_of(const struct raml_trainer *t, uint64_t weights)
{
    const struct raml_train_job *job = t->job;
    const struct train_state_facts facts = {t->training->objective_name, t->training->settings, NULL};
    json_t *settings = raml_train_state_settings(job, t->opt, &facts);
    json_t *o =
        json_pack("{s:s,s:s,s:I,s:s,s:I,s:I}", "version of raml", RAML_VERSION, "dtype",
                  raml_dtype_name(raml_model_dtype(job->model)), "number of parameters",
                  (json_int_t)raml_model_n(job->model), "kernels (--cpu)", kernels(job->model), "number of questions",
                  (json_int_t)t->source->n_items, "number of steps", (json_int_t)t->source->n_steps);
    int failed = !settings || !o || json_object_update_missing(o, settings) ||
                 add_hash(o, "hash of the data", t->source->data_hash) ||
                 add_hash(o, "hash of the validation data", hash_questions(job->validation)) ||
                 add_hash(o, "hash of the reference model", job->reference_hash) ||
                 add_hash(o, "hash of the model's weights", weights) ||
                 add_shape(o, raml_model_config(job->model), t->resumes) ||
                 add_adapters(o, raml_model_lora(job->model));
    json_decref(settings);
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

/* A text of rank 0 to all: on the others *text is made, to be freed. */
static enum raml_code send_text(const struct raml_comm *c, char **text, struct raml_err *err)
{
    uint64_t bytes = c->rank == 0 ? strlen(*text) + 1 : 0;
    enum raml_code rc = c->broadcast(c->user, &bytes, sizeof bytes, err);
    if (!rc && c->rank != 0) *text = calloc(1, bytes);
    if (!rc && !*text) rc = raml_fail(err, RAML_ENOMEM, "no memory for what rank 0 says");
    rc = raml_comm_agree(c, rc, err);
    return rc ? rc : c->broadcast(c->user, *text, bytes, err);
}

/* JSON of rank 0 to all: on the others *o is made, to be given to json_decref; NULL there too where rank 0 has NULL. */
static enum raml_code send_json(const struct raml_comm *c, json_t **o, struct raml_err *err)
{
    char *text = NULL;
    bool enough;
    enum raml_code rc = RAML_OK;
    if (c->rank == 0) {
        text = *o ? json_dumps(*o, JSON_COMPACT | JSON_REAL_PRECISION(17)) : strdup("");
        if (!text) rc = raml_fail(err, RAML_ENOMEM, "no memory for what rank 0 says");
    }
    rc = raml_comm_agree(c, rc, err);
    if (!rc) rc = send_text(c, &text, err);
    if (!rc && c->rank != 0) {
        *o = *text ? raml_json_value(text, strlen(text), &enough) : NULL;
        if (*text && !*o) rc = raml_fail(err, RAML_ENOMEM, "no memory for what rank 0 says");
    }
    free(text);
    return raml_comm_agree(c, rc, err);
}

static const char *shown(const json_t *x, char out[64])
{
    size_t n = x ? json_dumpb(x, out, 63, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : 0;
    if (n == 0 || n > 63) return x ? "another" : "nothing";
    out[n] = 0;
    return out;
}

/* The first of `of` that differs in the other. */
static enum raml_code compare(json_t *of, const json_t *other, bool own, struct raml_err *err)
{
    const char *key;
    json_t *value;
    char a[64], b[64];
    json_object_foreach (of, key, value) {
        const json_t *also = json_object_get(other, key);
        if (json_equal(value, also)) continue;
        return raml_fail(err, RAML_EUSAGE, "%s: found %s, expected %s as rank 0 has it", key,
                         shown(own ? value : also, a), shown(own ? also : value, b));
    }
    return RAML_OK;
}

enum raml_code raml_ranks_check(const struct raml_trainer *t, struct raml_err *err)
{
    const struct raml_comm *c = t->comm;
    uint64_t weights = 0;
    json_t *own = NULL, *first = NULL;
    enum raml_code rc = RAML_OK;
    if (c->size == 1) return RAML_OK;
    if (!t->resumes) rc = raml_train_state_weights_hash(t->job->model, &weights, err);
    if (!rc) {
        own = facts_of(t, weights);
        if (!own) rc = raml_fail(err, RAML_ENOMEM, "no memory for the settings");
    }
    rc = raml_comm_agree(c, rc, err);
    if (!rc && c->rank == 0) first = json_incref(own);
    if (!rc) rc = send_json(c, &first, err);
    if (!rc) {
        rc = compare(own, first, true, err);
        if (!rc) rc = compare(first, own, false, err);
        rc = raml_comm_agree(c, rc, err);
    }
    json_decref(own);
    json_decref(first);
    return rc;
}

enum raml_code raml_ranks_resume(struct raml_trainer *t, json_t **source, struct raml_err *err)
{
    const struct raml_comm *c = t->comm;
    struct raml_model *m = t->job->model;
    struct {
        uint64_t step, tokens, trained, best_step;
        double loss_sum, weight_sum, best_score;
    } s = {t->state.step,     t->state.tokens,     t->state.trained,   t->state.best_step,
           t->state.loss_sum, t->state.weight_sum, t->state.best_score};
    if (c->size == 1) return RAML_OK;
    enum raml_code rc = c->broadcast(c->user, &s, sizeof s, err);
    if (!rc && c->rank != 0) {
        t->state.step = s.step;
        t->state.tokens = s.tokens;
        t->state.trained = s.trained;
        t->state.best_step = s.best_step;
        t->state.loss_sum = s.loss_sum;
        t->state.weight_sum = s.weight_sum;
        t->state.best_score = s.best_score;
    }
    if (!rc) rc = send_json(c, source, err);
    if (!rc) rc = raml_parts_broadcast(&t->parts, raml_model_weights(m), err);
    if (!rc && c->rank != 0) rc = raml_model_refresh(m, err);
    return rc;
}

/* -- Statistics ---------------------------------------------------------------------------------------------------- */

enum { NAME_BYTES = 64 };
struct record { /* a statistic on its way to another process */
    char name[NAME_BYTES];
    double sum, count, most;
    int is_max, is_there;
};

static void pack(const struct raml_statistics *s, struct record *out)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct raml_statistic *x = &s->item[i];
        out[i] = (struct record){.sum = x->sum, .count = x->count, .most = x->most, .is_max = x->is_max, .is_there = 1};
        snprintf(out[i].name, sizeof out[i].name, "%s", x->name);
    }
}

static enum raml_code join(struct raml_trainer *t, struct raml_statistics *s, const struct record *from,
                           struct raml_err *err)
{
    for (size_t i = 0; i < RAML_STATISTICS && from[i].is_there; i++) {
        const char *name;
        enum raml_code rc = raml_train_state_name(&t->state, from[i].name, &name, err);
        if (rc) return rc;
        if (from[i].is_max) raml_statistics_max(s, name, from[i].most);
        else raml_statistics_add(s, name, from[i].sum, from[i].count);
    }
    return RAML_OK;
}

enum raml_code raml_ranks_statistics(struct raml_trainer *t, struct raml_statistics *s, struct raml_err *err)
{
    size_t size = (size_t)t->comm->size;
    if (size == 1) return RAML_OK;
    struct record *own = calloc(RAML_STATISTICS, sizeof *own), *all = calloc(size * RAML_STATISTICS, sizeof *all);
    enum raml_code rc =
        own && all ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the statistics of %zu processes", size);
    if (!rc) {
        pack(s, own);
        rc = t->comm->gather(t->comm->user, own, all, RAML_STATISTICS * sizeof *own, err);
    }
    for (size_t i = 1; i < size && !rc && t->comm->rank == 0; i++) rc = join(t, s, all + i * RAML_STATISTICS, err);
    free(own);
    free(all);
    return rc;
}

/* -- Lines --------------------------------------------------------------------------------------------------------- */

/* Item i of every rank's array after item i of the one before it. */
static enum raml_code deal(const char *text, const double *bytes, size_t size, size_t most, json_t **all,
                           struct raml_err *err)
{
    json_t **of = calloc(size, sizeof *of), *list = json_array();
    int failed = !of || !list;
    bool enough;
    for (size_t k = 0; k < size && !failed; k++) {
        of[k] = raml_json_value(text + k * most, (size_t)bytes[k], &enough);
        failed = !of[k];
    }
    size_t n = failed ? 0 : json_array_size(of[0]);
    for (size_t i = 0; i < n * size && !failed; i++)
        failed = json_array_append(list, json_array_get(of[i % size], i / size));
    for (size_t k = 0; of && k < size; k++) json_decref(of[k]);
    free(of);
    *all = list;
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for the lines of %zu processes", size) : RAML_OK;
}

enum raml_code raml_ranks_lines(const struct raml_comm *comm, const json_t *lines, json_t **all, struct raml_err *err)
{
    size_t size = (size_t)comm->size, most = 1;
    char *text = json_dumps(lines, JSON_COMPACT | JSON_REAL_PRECISION(17)), *part = NULL, *whole = NULL;
    double *bytes = calloc(size, sizeof *bytes);
    enum raml_code rc = text && bytes ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a process's lines");
    *all = NULL;
    if (rc) goto done;
    bytes[comm->rank] = (double)strlen(text);
    rc = comm->sum(comm->user, bytes, size, err);
    if (rc) goto done;
    for (size_t i = 0; i < size; i++) most = (size_t)bytes[i] > most ? (size_t)bytes[i] : most;
    part = calloc(1, most);
    whole = calloc(size, most);
    if (!part || !whole) {
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the lines of %zu processes", size);
        goto done;
    }
    memcpy(part, text, (size_t)bytes[comm->rank]);
    rc = comm->gather(comm->user, part, whole, most, err);
    if (!rc && comm->rank == 0) rc = deal(whole, bytes, size, most, all, err);
done:
    free(text);
    free(bytes);
    free(part);
    free(whole);
    return rc;
}
