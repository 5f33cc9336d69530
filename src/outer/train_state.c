/* train_state.c - see train_state.h.
 *
 * trainer_state.json: format 2, step, tokens, trained_tokens, loss_sum, weight_sum (17 digits: doubles
 * round-trip), n_questions, data_hash and weights_hash (XXH3-64, hex), settings, limits, the
 * statistics since the last logged step, the best evaluation, the source's state. optimizer.safetensors: for
 * each tensor of the model exp_avg.NAME and exp_avg_sq.NAME, F32, of its shape.
 */
#include "outer/train_state.h"

#include "core/path.h"
#include "raml/device.h"
#include "raml/generation.h"
#include "raml/lora.h"
#include "core/file.h"
#include "core/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

enum { STATE_MAX_BYTES = 1 << 20, FORMAT = 2 };

void raml_train_state_deinit(struct train_state *s)
{
    for (size_t i = 0; i < RAML_STATISTICS; i++) {
        free(s->names[i]);
        s->names[i] = NULL;
    }
}

enum raml_code raml_train_state_name(struct train_state *s, const char *text, const char **out, struct raml_err *err)
{
    size_t i = 0;
    while (i < RAML_STATISTICS && s->names[i] && strcmp(s->names[i], text) != 0) i++;
    if (i == RAML_STATISTICS)
        return raml_fail(err, RAML_ERANGE, "statistic '%s' is one too many; expected at most %d names", text,
                         RAML_STATISTICS);
    if (!s->names[i]) s->names[i] = strdup(text);
    *out = s->names[i];
    return *out ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the name of a statistic");
}

static void hex(uint64_t h, char out[17])
{
    snprintf(out, 17, "%016" PRIx64, h);
}

enum raml_code raml_train_state_weights_hash(const struct raml_model *m, uint64_t *out, struct raml_err *err)
{
    size_t bytes = raml_model_n(m) * sizeof(float);
    struct raml_view v;
    enum raml_code rc = raml_view_open(raml_model_device(m), raml_model_weights_const(m), bytes, &v, err);
    if (!rc) *out = raml_hash(v.data, bytes, 0);
    raml_view_close(&v);
    return rc;
}

/* -- Settings: those that affect the run's numbers, and the limits on its length ----------------------------------- */

static const char *const limits[] = {"max_steps", "num_train_epochs", "token_budget"};
static const char *const unrelated[] = {"save_steps", "save_total_limit", "save_best"}; /* to the numbers: not kept */

static json_t *settings_json(const struct raml_train_options *o, const struct raml_train_job *job)
{
    json_t *j = raml_settings_json(raml_train_settings, raml_n_train_settings, o);
    json_t *support = raml_settings_json(raml_support_settings, raml_n_support_settings, o);
    int missing = json_object_update(j, support);
    json_decref(support);
    for (size_t i = 0; i < COUNT(limits); i++) json_object_del(j, limits[i]);
    for (size_t i = 0; i < COUNT(unrelated); i++) json_object_del(j, unrelated[i]);
    int failed = missing || json_object_set_new(j, "seed", json_integer((json_int_t)o->seed)) ||
                 json_object_set_new(j, "dtype", json_string(raml_dtype_name(raml_model_dtype(job->model))));
    if (!failed) return j;
    json_decref(j);
    return NULL;
}

static json_t *limits_json(const struct raml_train_options *o)
{
    json_t *all = raml_settings_json(raml_train_settings, raml_n_train_settings, o), *j = json_object();
    int failed = !all || !j;
    for (size_t i = 0; !failed && i < COUNT(limits); i++)
        failed = json_object_set(j, limits[i], json_object_get(all, limits[i]));
    json_decref(all);
    if (!failed) return j;
    json_decref(j);
    return NULL;
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

json_t *raml_train_state_settings(const struct raml_train_job *job, const struct raml_train_options *opt,
                                  const struct train_state_facts *facts)
{
    json_t *o = settings_json(opt, job);
    int failed = !o;
    if (!failed && facts->objective) failed = json_object_set_new(o, "objective", json_string(facts->objective));
    if (!failed && facts->settings) failed = json_object_update_missing(o, (json_t *)(uintptr_t)facts->settings);
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

/* First key that one of the two has and the other has not, or with another value; NULL: they are equal. */
static const char *difference(json_t *now, json_t *then)
{
    const char *key = first_difference(now, then);
    return key ? key : first_difference(then, now);
}

static enum raml_code check_settings(const struct raml_train_job *job, const struct raml_train_options *opt,
                                     const struct train_state_facts *facts, const char *path, const json_t *state,
                                     struct raml_err *err)
{
    json_t *now = raml_train_state_settings(job, opt, facts), *now_limits = limits_json(opt);
    json_t *then = json_object_get(state, "settings");
    const json_t *then_limits = json_object_get(state, "limits");
    enum raml_code rc = RAML_OK;
    char a[48], b[48];
    if (!now || !now_limits) {
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the settings");
        goto done;
    }
    const char *key = difference(now, then);
    if (key) {
        rc = raml_fail(err, RAML_EUSAGE, "%s: resume with %s = %s, but the run was started with %s", path, key,
                       shown(json_object_get(now, key), a), shown(json_object_get(then, key), b));
        goto done;
    }
    key = first_difference(now_limits, then_limits);
    if (key)
        raml_say(job->sink, "note: %s is %s now and was %s before: a decaying learning rate follows the new length",
                 key, shown(json_object_get(now_limits, key), a), shown(json_object_get(then_limits, key), b));
done:
    json_decref(now);
    json_decref(now_limits);
    return rc;
}

/* -- Saving -------------------------------------------------------------------------------------------------------- */

/* A number that may be NaN or infinite, which JSON has no word for: then its text. */
static json_t *any_number(double x)
{
    char text[32];
    if (isfinite(x)) return json_real(x);
    snprintf(text, sizeof text, "%g", x);
    return json_string(text);
}

static bool read_any_number(const json_t *o, double *x)
{
    const char *text = json_string_value(o);
    char *end = NULL;
    *x = text ? strtod(text, &end) : json_number_value(o);
    return text ? end != text && !*end : json_is_number(o);
}

/* What is not settled at a step's end: statistics, the best evaluation, the source's state. */
static enum raml_code add_progress(json_t *o, const struct train_state *s, const struct train_state_facts *facts,
                                   struct raml_err *err)
{
    json_t *window = json_object();
    int failed = !o || !window;
    for (size_t i = 0; i < s->statistics.n && !failed; i++) {
        const struct raml_statistic *x = &s->statistics.item[i];
        failed = json_object_set_new(window, x->name,
                                     x->is_max ? json_pack("[o]", any_number(x->most))
                                               : json_pack("[o,o]", any_number(x->sum), any_number(x->count)));
    }
    failed = failed || json_object_set(o, "statistics", window);
    if (!failed && isfinite(s->best_score))
        failed = json_object_set_new(o, "best",
                                     json_pack("{s:I,s:f}", "step", (json_int_t)s->best_step, "score", s->best_score));
    if (!failed && facts->source) failed = json_object_set(o, "source", (json_t *)(uintptr_t)facts->source);
    json_decref(window);
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for a checkpoint's state") : RAML_OK;
}

static enum raml_code save_json(const struct raml_train_job *job, const struct raml_train_options *opt,
                                const struct train_state *s, const struct train_state_facts *facts, const char *path,
                                struct raml_err *err)
{
    char data[17], weights[17];
    hex(s->data_hash, data);
    uint64_t hash = 0;
    enum raml_code rc = raml_train_state_weights_hash(job->model, &hash, err);
    if (rc) return rc;
    hex(hash, weights);
    json_t *o = json_pack("{s:i,s:I,s:I,s:I,s:f,s:f,s:I,s:s,s:s,s:o,s:o}", "format", FORMAT, "step",
                          (json_int_t)s->step, "tokens", (json_int_t)s->tokens, "trained_tokens",
                          (json_int_t)s->trained, "loss_sum", s->loss_sum, "weight_sum", s->weight_sum, "n_questions",
                          (json_int_t)s->n_questions, "data_hash", data, "weights_hash", weights, "settings",
                          raml_train_state_settings(job, opt, facts), "limits", limits_json(opt));
    rc = add_progress(o, s, facts, err);
    char *text = o && !rc ? json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    if (!rc)
        rc = text ? raml_file_write(path, text, strlen(text), err)
                  : raml_fail(err, RAML_ENOMEM, "%s: no memory to write it", path);
    free(text);
    json_decref(o);
    return rc;
}

/* What other programs need beside tokenizer.json. */
static enum raml_code save_texts(const struct raml_train_job *job, const char *dir, struct raml_err *err)
{
    static const struct raml_generation unsaid = {0};
    char path[RAML_PATH_BYTES];
    struct raml_tokenizer_config c;
    int32_t stop;
    const struct raml_config *shape = raml_model_config(job->model);
    enum raml_code rc =
        raml_format_tokenizer_config(&job->format, job->tokenizer, job->tokenizer_config, &c, &stop, err);
    if (!rc) rc = raml_path_join(path, dir, "tokenizer_config.json", err);
    if (!rc) rc = raml_tokenizer_config_write(&c, path, err);
    raml_tokenizer_config_deinit(&c);
    if (rc || shape->eos_token < 0 || raml_model_lora(job->model)) return rc;
    rc = raml_path_join(path, dir, "generation_config.json", err);
    return rc ? rc : raml_generation_write(&unsaid, shape, path, err);
}

enum raml_code raml_train_state_save(const struct raml_train_job *job, const struct raml_train_options *opt,
                                     const struct train_state *s, const struct train_state_facts *facts,
                                     const struct raml_adamw *adamw, const struct raml_parts *parts,
                                     struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    const char *dir = NULL;
    enum raml_code rc = raml_run_checkpoint_begin(job->run, s->step, &dir, err);
    if (!rc) rc = raml_model_save(job->model, dir, err);
    if (!rc) rc = raml_path_join(path, dir, "tokenizer.json", err);
    if (!rc) rc = raml_tokenizer_save(job->tokenizer, path, err);
    if (!rc) rc = save_texts(job, dir, err);
    if (!rc) rc = raml_path_join(path, dir, "optimizer.safetensors", err);
    if (!rc) rc = raml_moments_save(job, adamw, parts, path, err);
    if (!rc) rc = raml_path_join(path, dir, "trainer_state.json", err);
    if (!rc) rc = save_json(job, opt, s, facts, path, err);
    if (!rc && s->best_step && opt->save_best) raml_run_protect(job->run, s->best_step);
    if (!rc) rc = raml_run_checkpoint_commit(job->run, s->step, (size_t)opt->save_total_limit, err);
    if (!rc) return RAML_OK;
    enum raml_code cleared = dir ? raml_remove_tree(dir, NULL) : RAML_OK; /* a full disk needs the space */
    (void)cleared;                                                        /* the next run clears what is left */
    return raml_wrap(err, rc, "checkpoint of step %" PRIu64, s->step);
}

/* -- Loading ------------------------------------------------------------------------------------------------------- */

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

/* A statistic of the window: its name is copied. */
static enum raml_code load_statistic(struct train_state *s, const char *path, const char *key, const json_t *value,
                                     struct raml_err *err)
{
    size_t n = json_array_size(value), i = s->statistics.n;
    double x[2] = {0};
    const char *name;
    bool ok = i < RAML_STATISTICS && n >= 1 && n <= 2;
    for (size_t k = 0; k < n && ok; k++) ok = read_any_number(json_array_get(value, k), &x[k]);
    if (!ok)
        return raml_fail(err, RAML_EFORMAT, "%s: field 'statistics': '%s' is not one or two numbers, of at most %d",
                         path, key, RAML_STATISTICS);
    enum raml_code rc = raml_train_state_name(s, key, &name, err);
    if (rc) return rc;
    s->statistics.item[s->statistics.n++] =
        n == 1 ? (struct raml_statistic){.name = name, .is_max = true, .most = x[0]}
               : (struct raml_statistic){.name = name, .sum = x[0], .count = x[1], .most = -INFINITY};
    return RAML_OK;
}

static enum raml_code load_progress(struct train_state *s, const char *path, json_t *o, json_t **source,
                                    struct raml_err *err)
{
    json_t *value, *best = json_object_get(o, "best");
    const char *key;
    enum raml_code rc = RAML_OK;
    json_object_foreach (json_object_get(o, "statistics"), key, value)
        if (!rc) rc = load_statistic(s, path, key, value, err);
    if (best) {
        s->best_step = (uint64_t)json_integer_value(json_object_get(best, "step"));
        s->best_score = json_number_value(json_object_get(best, "score"));
    }
    *source = json_incref(json_object_get(o, "source"));
    return rc;
}

static enum raml_code load_json(const struct raml_train_job *job, const struct raml_train_options *opt,
                                struct train_state *s, const struct train_state_facts *facts, const char *path,
                                json_t **source, struct raml_err *err)
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
    if (!rc) rc = check_settings(job, opt, facts, path, o, err);
    if (!rc) rc = check_hash(path, o, "data_hash", s->data_hash, job->data_name ? job->data_name : "the data", err);
    uint64_t now = 0;
    if (!rc) rc = raml_train_state_weights_hash(job->model, &now, err);
    if (!rc) rc = check_hash(path, o, "weights_hash", now, "the model's weights", err);
    if (!rc && (uint64_t)step != job->resume_step)
        rc = raml_fail(err, RAML_EFORMAT, "%s: field 'step' is %lld; expected %" PRIu64 ", the checkpoint's number",
                       path, step, job->resume_step);
    if (!rc) rc = load_progress(&got, path, o, source, err);
    json_decref(o);
    if (rc) {
        raml_train_state_deinit(&got);
        return rc;
    }
    got.step = (uint64_t)step;
    got.tokens = (uint64_t)tokens;
    got.trained = (uint64_t)trained;
    *s = got;
    return RAML_OK;
}

enum raml_code raml_train_state_load(const struct raml_train_job *job, const struct raml_train_options *opt,
                                     struct train_state *s, const struct train_state_facts *facts,
                                     struct raml_adamw *adamw, const struct raml_parts *parts, json_t **source,
                                     struct raml_err *err)
{
    char dir[RAML_PATH_BYTES], path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_format(dir, err, "%s/checkpoint-%" PRIu64, raml_run_dir(job->run), job->resume_step);
    if (!rc) rc = raml_path_join(path, dir, "trainer_state.json", err);
    if (!rc) rc = load_json(job, opt, s, facts, path, source, err);
    if (!rc) rc = raml_path_join(path, dir, "optimizer.safetensors", err);
    if (!rc && !raml_is_file(path))
        rc = raml_fail(
            err, RAML_EIO,
            "%s is not there, and without the optimizer's state a run can't go on (a study removes it when a step "
            "is done); a new run may start from the model: --model %s",
            path, dir);
    if (!rc) rc = raml_moments_load(job, adamw, parts, path, err);
    if (rc) return raml_wrap(err, rc, "resume");
    return RAML_OK;
}
