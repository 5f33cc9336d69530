/* declared_files.c - results of a study that has run: numbers read, claims decided, files written. See study.h. */
#include "study/declared.h"

#include "core/json.h"
#include "core/path.h"

#include <glob.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CACHED = 8, MAX_TABLE = 64 << 20 };

/* -- Reading -------------------------------------------------------------------------------------------------------- */

struct cached {
    char path[RAML_PATH_BYTES];
    json_t *file;
};
struct reader { /* arms share files, and a file has several measures */
    struct cached cache[MAX_CACHED];
    size_t next;
};

static enum raml_code open_file(struct reader *r, const char *path, const json_t **out, struct raml_err *err)
{
    for (size_t i = 0; i < MAX_CACHED; i++)
        if (r->cache[i].file && !strcmp(r->cache[i].path, path)) {
            *out = r->cache[i].file;
            return RAML_OK;
        }
    struct cached *c = &r->cache[r->next];
    r->next = (r->next + 1) % MAX_CACHED;
    json_decref(c->file);
    c->file = NULL;
    strcpy(c->path, path);
    enum raml_code rc = raml_study_file(path, &c->file, err);
    *out = c->file;
    return rc;
}

static enum raml_code read_file(struct reader *r, const struct study_measure *m, const char *path,
                                struct raml_study_value *out, struct raml_err *err)
{
    const json_t *file = NULL;
    enum raml_code rc = open_file(r, path, &file, err);
    if (!rc) rc = raml_study_follow(file, m->path, &out->value, err);
    if (!rc && m->low) rc = raml_study_follow(file, m->low, &out->low, err);
    if (!rc && m->high) rc = raml_study_follow(file, m->high, &out->high, err);
    return rc == RAML_EFORMAT ? raml_wrap(err, rc, "%s", path) : rc;
}

/* In a pattern a folder's name stands for itself. */
static enum raml_code escape(char dir[RAML_PATH_BYTES], struct raml_err *err)
{
    char plain[RAML_PATH_BYTES];
    size_t at = 0;
    strcpy(plain, dir);
    for (const char *c = plain; *c; c++) {
        if (at + 3 > RAML_PATH_BYTES) return raml_fail(err, RAML_EUSAGE, "%.80s..: the path is too long", plain);
        if (strchr("*?[]\\", *c)) dir[at++] = '\\';
        dir[at++] = *c;
    }
    dir[at] = 0;
    return RAML_OK;
}

/* The mean over the files that a pattern names; what is not measured in one is left out. */
static enum raml_code read_each(struct reader *r, const struct study_measure *m, const char *pattern,
                                struct raml_study_value *out, struct raml_err *err)
{
    glob_t found = {0};
    double sum = 0;
    size_t n = 0;
    int failed = glob(pattern, GLOB_ERR, NULL, &found);
    enum raml_code rc = RAML_OK;
    if (failed) rc = raml_fail(err, RAML_EFORMAT, "%s: no such file", pattern);
    for (size_t i = 0; i < found.gl_pathc && !rc; i++) {
        struct raml_study_value v = {.value = NAN};
        rc = read_file(r, m, found.gl_pathv[i], &v, err);
        if (isnan(v.value)) continue;
        sum += v.value;
        n++;
    }
    globfree(&found);
    if (!rc && n) out->value = sum / (double)n;
    return rc;
}

static enum raml_code read_value(const struct raml_study *s, struct reader *r, const struct study_measure *m,
                                 size_t instance, const char *store, struct raml_study_value *out, struct raml_err *err)
{
    char dir[RAML_PATH_BYTES], path[RAML_PATH_BYTES];
    bool pattern = strchr(m->file, '*');
    enum raml_code rc = raml_study_folder(s, instance, store, dir, err);
    if (!rc && pattern) rc = escape(dir, err);
    if (!rc) rc = raml_path_join(path, dir, m->file, err);
    if (!rc) rc = pattern ? read_each(r, m, path, out, err) : read_file(r, m, path, out, err);
    if (!rc && !isfinite(out->value)) rc = raml_fail(err, RAML_EFORMAT, "%s: %s: not a finite number", path, m->path);
    if (!rc && m->low && !(isfinite(out->low) && isfinite(out->high)))
        rc = raml_fail(err, RAML_EFORMAT, "%s: %s: no interval", path, m->low);
    return rc ? raml_wrap(err, rc, "measure %s (%s:%zu)", m->at->key, s->path, m->at->line) : rc;
}

/* What is read of a study's steps. */
struct readings {
    struct raml_study_value *value;
    const char **gap; /* why there is none */
    struct raml_arena *arena;
    json_t *missing;
};

static json_t *missing_json(const struct raml_study *s, size_t a, size_t k, size_t m, bool done, const char *why)
{
    size_t seed = s->first_seed + k;
    return json_pack("{s:s, s:s, s:I, s:b, s:s}", "measure", s->measure[m].at->key, "arm", s->arm[a].name, "seed",
                     (json_int_t)seed, "done", done, "why", why);
}

static enum raml_code read_one(const struct raml_study *s, struct reader *r, const char *store, const bool *done,
                               struct readings *to, size_t a, size_t k, size_t m, struct raml_err *err)
{
    size_t at = raml_study_at(s, a, k, m), of = s->of[(a * s->n_seeds + k) * s->n_steps + s->measure[m].step] - 1;
    struct raml_err why = {0};
    bool is_done = !done || done[of];
    const struct raml_study_step *step = raml_study_step(s, of);
    enum raml_code rc = is_done ? read_value(s, r, &s->measure[m], of, store, &to->value[at], &why)
                                : raml_fail(&why, RAML_EIO, "the step %s-%s is not done", step->name, step->id);
    if (!rc) return RAML_OK;
    if (rc == RAML_ENOMEM) return raml_fail(err, rc, "%s", why.msg);
    to->value[at] = (struct raml_study_value){.value = NAN, .low = NAN, .high = NAN};
    to->gap[at] = raml_arena_text(to->arena, why.msg, strlen(why.msg));
    if (!to->gap[at] || json_array_append_new(to->missing, missing_json(s, a, k, m, is_done, why.msg)))
        return raml_fail(err, RAML_ENOMEM, "no memory for results");
    return RAML_OK;
}

static enum raml_code read_values(const struct raml_study *s, const char *store, const bool *done, struct readings *to,
                                  struct raml_err *err)
{
    struct reader *r = calloc(1, sizeof *r);
    enum raml_code rc = r ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for results");
    for (size_t a = 0; a < s->n_arms && !rc; a++)
        for (size_t k = 0; k < s->n_seeds && !rc; k++)
            for (size_t m = 0; m < s->n_measures && !rc; m++) {
                to->value[raml_study_at(s, a, k, m)] = (struct raml_study_value){.value = NAN, .low = NAN, .high = NAN};
                if (raml_study_measured(s, &s->measure[m], &s->arm[a]))
                    rc = read_one(s, r, store, done, to, a, k, m, err);
            }
    for (size_t i = 0; i < MAX_CACHED && r; i++) json_decref(r->cache[i].file);
    free(r);
    return rc;
}

/* -- results.json --------------------------------------------------------------------------------------------------- */

static json_t *numbers(const double *x, size_t n)
{
    json_t *list = json_array();
    int bad = !list;
    for (size_t i = 0; i < n; i++) bad |= json_array_append_new(list, raml_json_number(x[i]));
    return raml_json_checked(list, bad);
}

static const char *rule_name(const struct study_claim *c)
{
    static const char *const name[] = {"above", "below", "within"};
    return name[c->rule];
}

static json_t *claim_json(const struct study_outcome *o)
{
    const struct study_claim *c = o->claim;
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:f, s:s}", "id", c->id, "says", c->says, "of", c->of, "unit",
                          c->unit, "rule", rule_name(c), "by", c->by, "verdict", raml_study_verdict_name(o->verdict));
    int bad = !j;
    if (c->over >= 0) bad |= json_object_set_new(j, "slope_against", json_string(c->x));
    if (c->spread) bad |= json_object_set_new(j, "compare", json_string("spread"));
    bad |= json_object_set_new(j, "estimate", raml_json_number(o->estimate.value));
    bad |= json_object_set_new(j, "low", raml_json_number(o->estimate.low));
    bad |= json_object_set_new(j, "high", raml_json_number(o->estimate.high));
    bad |= json_object_set_new(j, "interval", json_string(c->from_file ? "file" : "seeds"));
    bad |= json_object_set_new(j, "n", json_integer((json_int_t)o->estimate.n));
    bad |= json_object_set_new(j, "per_seed", numbers(o->per_seed, o->n_seeds));
    if (o->missing) bad |= json_object_set_new(j, "missing", json_string(o->missing));
    return raml_json_checked(j, bad);
}

static json_t *value_json(const struct raml_study *s, const struct raml_study_value *value, size_t a, size_t m)
{
    double x[RAML_STUDY_MAX_SEEDS];
    for (size_t k = 0; k < s->n_seeds; k++) x[k] = value[raml_study_at(s, a, k, m)].value;
    struct raml_estimate e = raml_student_mean(x, s->n_seeds);
    json_t *j = json_pack("{s:s, s:s, s:s}", "arm", s->arm[a].name, "measure", s->measure[m].at->key, "unit",
                          s->measure[m].unit);
    int bad = !j;
    bad |= json_object_set_new(j, "mean", raml_json_number(e.value));
    bad |= json_object_set_new(j, "low", raml_json_number(e.low));
    bad |= json_object_set_new(j, "high", raml_json_number(e.high));
    bad |= json_object_set_new(j, "per_seed", numbers(x, s->n_seeds));
    return raml_json_checked(j, bad);
}

static json_t *results_json(const struct raml_study *s, const struct readings *r, const struct study_outcome *outcome)
{
    json_t *claims = json_array(), *values = json_array(), *doc = json_object();
    int bad = !doc;
    for (size_t i = 0; i < s->n_claims; i++) bad |= json_array_append_new(claims, claim_json(&outcome[i]));
    for (size_t a = 0; a < s->n_arms; a++)
        for (size_t m = 0; m < s->n_measures; m++)
            if (raml_study_measured(s, &s->measure[m], &s->arm[a]))
                bad |= json_array_append_new(values, value_json(s, r->value, a, m));
    bad |= json_object_set_new(doc, "study", raml_study_declaration(s));
    bad |= json_object_set_new(doc, "about", json_string(s->about));
    bad |= json_object_set_new(doc, "claims", claims);
    bad |= json_object_set_new(doc, "values", values);
    bad |= json_object_set(doc, "missing", r->missing);
    return raml_json_checked(doc, bad);
}

/* -- Results -------------------------------------------------------------------------------------------------------- */

static enum raml_code decide(const struct raml_study *s, const struct readings *r, size_t claim,
                             struct study_outcome *out, struct raml_err *err)
{
    const char *gap = raml_study_gap(s, r->gap, &s->claim[claim]);
    if (!gap) return raml_study_decide(s, r->value, claim, out, err);
    *out = (struct study_outcome){.claim = &s->claim[claim],
                                  .estimate = {.value = NAN, .low = NAN, .high = NAN, .se = NAN},
                                  .verdict = RAML_STUDY_NOT_MEASURED,
                                  .missing = gap};
    return RAML_OK;
}

static enum raml_code write_all(const struct raml_study *s, const struct readings *r,
                                const struct study_outcome *outcome, const char *out, const struct raml_sink *sink,
                                const json_t *doc, struct raml_err *err)
{
    struct study_claims_table claims;
    enum raml_code rc = raml_study_write_values(s, r->value, out, err);
    if (rc) return rc;
    raml_study_claims_begin(&claims, false);
    raml_study_claims_add(&claims, NULL, json_object_get(doc, "claims"));
    rc = raml_study_claims_write(&claims, out, err);
    if (!rc) rc = raml_study_figures(s, r->value, outcome, out, sink, err);
    return rc ? rc : raml_study_write_json(out, doc, err); /* the last: with it the results are whole */
}

enum raml_code raml_study_results(const struct raml_study *s, const char *store, const char *out, const bool *done,
                                  const struct raml_sink *sink, json_t **doc, struct raml_err *err)
{
    *doc = NULL;
    size_t n = s->n_arms * s->n_seeds * s->n_measures;
    struct readings r = {.value = calloc(n, sizeof *r.value),
                         .gap = calloc(n, sizeof *r.gap),
                         .arena = raml_arena_open(MAX_TABLE),
                         .missing = json_array()};
    struct study_outcome *outcome = calloc(s->n_claims, sizeof *outcome);
    bool all = r.value && r.gap && r.arena && r.missing && outcome;
    enum raml_code rc = all ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for results");
    if (!rc) rc = read_values(s, store, done, &r, err);
    for (size_t i = 0; i < s->n_claims && !rc; i++) rc = decide(s, &r, i, &outcome[i], err);
    if (!rc && !(*doc = results_json(s, &r, outcome))) rc = raml_fail(err, RAML_ENOMEM, "no memory for results");
    if (!rc) rc = write_all(s, &r, outcome, out, sink, *doc, err);
    if (rc) {
        json_decref(*doc);
        *doc = NULL;
    }
    free(outcome);
    json_decref(r.missing);
    raml_arena_close(r.arena);
    free(r.gap);
    free(r.value);
    return rc;
}
