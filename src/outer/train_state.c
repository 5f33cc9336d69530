/* train_state.c - see train_state.h.
 *
 * trainer_state.json: format 1, step, tokens, trained_tokens, loss_sum, weight_sum (17 digits: doubles
 * round-trip), n_questions, data_hash and weights_hash (XXH3-64, hex), settings, limits. optimizer.safetensors: for
 * each tensor of the model exp_avg.NAME and exp_avg_sq.NAME, F32, of its shape.
 */
#include "outer/train_state.h"

#include "core/path.h"
#include "raml/device.h"
#include "core/file.h"
#include "core/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_MAX_BYTES = 1 << 20, FORMAT = 1 };

static const char *const moment_names[2] = {"exp_avg", "exp_avg_sq"};

static void hex(uint64_t h, char out[17])
{
    snprintf(out, 17, "%016" PRIx64, h);
}

static enum raml_code weights_hash(const struct raml_model *m, uint64_t *out, struct raml_err *err)
{
    size_t bytes = raml_model_n(m) * sizeof(float);
    struct raml_view v;
    enum raml_code rc = raml_view_open(raml_model_device(m), raml_model_weights_const(m), bytes, &v, err);
    if (!rc) *out = raml_hash(v.data, bytes, 0);
    raml_view_close(&v);
    return rc;
}

/* -- Settings: those that affect the run's numbers, and the limits on its length ----------------------------------- */

static const char *const decay_names[] = {
    [RAML_DECAY_COSINE] = "cosine", [RAML_DECAY_LINEAR] = "linear", [RAML_DECAY_CONSTANT] = "constant"};

static json_t *settings_json(const struct raml_train_options *o, const struct raml_train_job *job)
{
    const struct raml_model *m = job->model;
    json_t *j = json_pack("{s:f,s:s,s:f,s:I,s:f}", "learning_rate", o->learning_rate, "lr_scheduler_type",
                          decay_names[o->lr_scheduler_type], "min_lr_ratio", o->min_lr_ratio, "warmup_steps",
                          (json_int_t)o->warmup_steps, "warmup_ratio", o->warmup_ratio);
    json_t *step =
        json_pack("{s:f,s:f,s:f,s:f,s:f}", "weight_decay", o->weight_decay, "adam_beta1", o->adam_beta1, "adam_beta2",
                  o->adam_beta2, "adam_epsilon", o->adam_epsilon, "max_grad_norm", o->max_grad_norm);
    json_t *data = json_pack("{s:I,s:I,s:I,s:I,s:b,s:b,s:I}", "batch_size", (json_int_t)o->batch_size,
                             "micro_batch_tokens", (json_int_t)o->micro_batch_tokens, "trajectories",
                             (json_int_t)o->trajectories, "support_size", (json_int_t)o->support_size, "keep_wrong",
                             (int)o->keep_wrong, "skip_long", (int)o->skip_long, "seed", (json_int_t)o->seed);
    json_t *logged = json_pack("{s:I,s:I,s:I,s:s}", "logging_steps", (json_int_t)o->logging_steps, "eval_steps",
                               (json_int_t)o->eval_steps, "eval_questions", (json_int_t)o->eval_questions, "dtype",
                               raml_dtype_name(raml_model_dtype(m)));
    int failed = !j || !step || !data || !logged || json_object_update(j, step) || json_object_update(j, data) ||
                 json_object_update(j, logged);
    if (!failed && job->objective) failed = json_object_set_new(j, "objective", json_string(job->objective->name));
    json_decref(step);
    json_decref(data);
    json_decref(logged);
    if (!failed) return j;
    json_decref(j);
    return NULL;
}

static json_t *limits_json(const struct raml_train_options *o)
{
    return json_pack("{s:I,s:f,s:I}", "max_steps", (json_int_t)o->max_steps, "num_train_epochs", o->num_train_epochs,
                     "max_tokens", (json_int_t)o->max_tokens);
}

/* One value as JSON, for messages. */
static const char *shown(const json_t *v, char out[48])
{
    size_t n = v ? json_dumpb(v, out, 47, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9)) : 0;
    if (n == 0 || n > 47) return v ? "..." : "nothing";
    out[n] = '\0';
    return out;
}

/* First key of want whose value in got differs; NULL: none. */
static const char *first_difference(json_t *want, const json_t *got)
{
    const char *key;
    json_t *value;
    json_object_foreach (want, key, value)
        if (!json_equal(value, json_object_get(got, key))) return key;
    return NULL;
}

/* An objective of one's own is a setting only where there is one. */
static const char *other_objective(const json_t *now, const json_t *then)
{
    const json_t *a = json_object_get(now, "objective"), *b = json_object_get(then, "objective");
    return (!a && !b) || json_equal(a, b) ? NULL : "objective";
}

static enum raml_code check_settings(const struct raml_train_job *job, const struct raml_train_options *opt,
                                     const char *path, const json_t *state, struct raml_err *err)
{
    json_t *now = settings_json(opt, job), *limits = limits_json(opt);
    const json_t *then = json_object_get(state, "settings"), *then_limits = json_object_get(state, "limits");
    enum raml_code rc = RAML_OK;
    char a[48], b[48];
    if (!now || !limits) {
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the settings");
        goto done;
    }
    const char *key = first_difference(now, then);
    if (!key) key = other_objective(now, then);
    if (key) {
        rc = raml_fail(err, RAML_EUSAGE, "%s: resume with %s = %s, but the run was started with %s", path, key,
                       shown(json_object_get(now, key), a), shown(json_object_get(then, key), b));
        goto done;
    }
    key = first_difference(limits, then_limits);
    if (key)
        raml_say(job->sink, "note: %s is %s now and was %s before: a decaying learning rate follows the new length",
                 key, shown(json_object_get(limits, key), a), shown(json_object_get(then_limits, key), b));
done:
    json_decref(now);
    json_decref(limits);
    return rc;
}

/* -- Saving -------------------------------------------------------------------------------------------------------- */

static enum raml_code save_moments(const struct raml_train_job *job, const struct raml_adamw *adamw, const char *path,
                                   struct raml_err *err)
{
    const struct raml_param *table;
    size_t n = raml_model_params(job->model, &table);
    struct raml_tensor_view *view = calloc(2 * n, sizeof *view);
    char(*name)[128] = calloc(2 * n, sizeof *name);
    struct raml_view values[2] = {{0}, {0}};
    enum raml_code rc = RAML_OK;
    if (!view || !name) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a table of %zu tensors", path, 2 * n);
    for (int i = 0; i < 2 && !rc; i++)
        rc = raml_view_open(adamw->dev, i ? adamw->v : adamw->m, adamw->n * sizeof *adamw->m, &values[i], err);
    if (rc) goto done;
    for (size_t i = 0; i < 2 * n; i++) {
        const struct raml_param *p = &table[i / 2];
        snprintf(name[i], sizeof name[i], "%s.%s", moment_names[i % 2], p->name);
        view[i] = (struct raml_tensor_view){.name = name[i], .dtype = RAML_F32, .n_dims = p->n_dims, .n = p->n};
        view[i].data = (const float *)values[i % 2].data + p->offset;
        for (int d = 0; d < p->n_dims; d++) view[i].shape[d] = p->shape[d];
    }
    static const char *const meta[] = {"format", "pt", NULL};
    rc = raml_safetensors_write(path, view, 2 * n, meta, err);
done:
    raml_view_close(&values[0]);
    raml_view_close(&values[1]);
    free(view);
    free(name);
    return rc;
}

static enum raml_code save_json(const struct raml_train_job *job, const struct raml_train_options *opt,
                                const struct train_state *s, const char *path, struct raml_err *err)
{
    char data[17], weights[17];
    hex(s->data_hash, data);
    uint64_t hash = 0;
    enum raml_code rc = weights_hash(job->model, &hash, err);
    if (rc) return rc;
    hex(hash, weights);
    json_t *o =
        json_pack("{s:i,s:I,s:I,s:I,s:f,s:f,s:I,s:s,s:s,s:o,s:o}", "format", FORMAT, "step", (json_int_t)s->step,
                  "tokens", (json_int_t)s->tokens, "trained_tokens", (json_int_t)s->trained, "loss_sum", s->loss_sum,
                  "weight_sum", s->weight_sum, "n_questions", (json_int_t)s->n_questions, "data_hash", data,
                  "weights_hash", weights, "settings", settings_json(opt, job), "limits", limits_json(opt));
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    rc = text ? raml_file_write(path, text, strlen(text), err)
              : raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", path);
    free(text);
    json_decref(o);
    return rc;
}

enum raml_code raml_train_state_save(const struct raml_train_job *job, const struct raml_train_options *opt,
                                     const struct train_state *s, const struct raml_adamw *adamw, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    const char *dir = NULL;
    enum raml_code rc = raml_run_checkpoint_begin(job->run, s->step, &dir, err);
    if (!rc) rc = raml_model_save(job->model, dir, err);
    if (!rc) rc = raml_path_join(path, dir, "tokenizer.json", err);
    if (!rc) rc = raml_tokenizer_save(job->tokenizer, path, err);
    if (!rc && job->tokenizer_config) {
        rc = raml_path_join(path, dir, "tokenizer_config.json", err);
        if (!rc) rc = raml_tokenizer_config_write(job->tokenizer_config, path, err);
    }
    if (!rc) rc = raml_path_join(path, dir, "optimizer.safetensors", err);
    if (!rc) rc = save_moments(job, adamw, path, err);
    if (!rc) rc = raml_path_join(path, dir, "trainer_state.json", err);
    if (!rc) rc = save_json(job, opt, s, path, err);
    if (!rc) rc = raml_run_checkpoint_commit(job->run, s->step, opt->save_total_limit, err);
    if (!rc) return RAML_OK;
    enum raml_code cleared = dir ? raml_remove_tree(dir, NULL) : RAML_OK; /* a full disk needs the space */
    (void)cleared;                                                        /* the next run clears what is left */
    return raml_wrap(err, rc, "checkpoint of step %" PRIu64, s->step);
}

/* -- Loading ------------------------------------------------------------------------------------------------------- */

static enum raml_code load_moments(const struct raml_train_job *job, struct raml_adamw *adamw, const char *path,
                                   struct raml_err *err)
{
    const struct raml_param *table;
    size_t n = raml_model_params(job->model, &table);
    struct raml_safetensors *file;
    size_t most = 0;
    enum raml_code rc = raml_safetensors_open(path, &file, err);
    if (rc) return rc;
    for (size_t i = 0; i < n; i++)
        if (table[i].n > most) most = table[i].n;
    float *host = malloc((most + 1) * sizeof *host); /* one tensor to be sent to the device */
    if (!host) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for a tensor of %zu elements", path, most);
    for (size_t i = 0; i < 2 * n && !rc; i++) {
        const struct raml_param *p = &table[i / 2];
        char name[128];
        snprintf(name, sizeof name, "%s.%s", moment_names[i % 2], p->name);
        const struct raml_tensor_view *v = raml_safetensors_find(file, name);
        if (!v) rc = raml_fail(err, RAML_EFORMAT, "%s: tensor '%s' is missing", path, name);
        else if (v->dtype != RAML_F32 || v->n != p->n)
            rc = raml_fail(err, RAML_ESHAPE, "%s: tensor '%s' is %s with %zu elements; expected F32 with %zu", path,
                           name, raml_dtype_name(v->dtype), v->n, p->n);
        else rc = raml_tensor_to_f32(v, host, 1, err);
        if (!rc)
            rc =
                raml_array_write(adamw->dev, (i % 2 ? adamw->v : adamw->m) + p->offset, host, p->n * sizeof *host, err);
    }
    free(host);
    raml_safetensors_close(file);
    return rc;
}

static enum raml_code check_hash(const char *path, const json_t *o, const char *field, uint64_t now, const char *what,
                                 struct raml_err *err)
{
    struct raml_place at = {path, 0};
    const char *then;
    size_t len;
    char text[17];
    enum raml_code rc = raml_json_str(&at, o, field, &then, &len, err);
    if (rc) return rc;
    hex(now, text);
    if (!strcmp(then, text)) return RAML_OK;
    return raml_fail(err, RAML_EUSAGE, "%s: field '%s' is %s, but %s give %s: not what the run was started with", path,
                     field, then, what, text);
}

static enum raml_code load_json(const struct raml_train_job *job, const struct raml_train_options *opt,
                                struct train_state *s, const char *path, struct raml_err *err)
{
    struct raml_place at = {path, 0};
    struct train_state got = *s;
    json_t *o = NULL;
    const long long most = 9223372036854775807LL;
    long long format, step = 0, tokens = 0, trained = 0;
    enum raml_code rc = raml_json_load(path, STATE_MAX_BYTES, &o, err);
    if (rc) return rc;
    rc = raml_json_int(&at, o, "format", FORMAT, FORMAT, &format, err);
    if (!rc) rc = raml_json_int(&at, o, "step", 0, most, &step, err);
    if (!rc) rc = raml_json_int(&at, o, "tokens", 0, most, &tokens, err);
    if (!rc) rc = raml_json_int(&at, o, "trained_tokens", 0, most, &trained, err);
    if (!rc) rc = raml_json_num(&at, o, "loss_sum", &got.loss_sum, err);
    if (!rc) rc = raml_json_num(&at, o, "weight_sum", &got.weight_sum, err);
    if (!rc) rc = check_settings(job, opt, path, o, err);
    if (!rc) rc = check_hash(path, o, "data_hash", s->data_hash, job->data_name ? job->data_name : "the data", err);
    uint64_t now = 0;
    if (!rc) rc = weights_hash(job->model, &now, err);
    if (!rc) rc = check_hash(path, o, "weights_hash", now, "the model's weights", err);
    if (!rc && (uint64_t)step != job->resume_step)
        rc = raml_fail(err, RAML_EFORMAT, "%s: field 'step' is %lld; expected %" PRIu64 ", the checkpoint's number",
                       path, step, job->resume_step);
    json_decref(o);
    if (rc) return rc;
    got.step = (uint64_t)step;
    got.tokens = (uint64_t)tokens;
    got.trained = (uint64_t)trained;
    *s = got;
    return RAML_OK;
}

enum raml_code raml_train_state_load(const struct raml_train_job *job, const struct raml_train_options *opt,
                                     struct train_state *s, struct raml_adamw *adamw, struct raml_err *err)
{
    char dir[RAML_PATH_BYTES], path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_format(dir, err, "%s/checkpoint-%" PRIu64, raml_run_dir(job->run), job->resume_step);
    if (!rc) rc = raml_path_join(path, dir, "trainer_state.json", err);
    if (!rc) rc = load_json(job, opt, s, path, err);
    if (!rc) rc = raml_path_join(path, dir, "optimizer.safetensors", err);
    if (!rc) rc = load_moments(job, adamw, path, err);
    if (!rc) adamw->step = s->step;
    if (rc) return raml_wrap(err, rc, "resume");
    return RAML_OK;
}
