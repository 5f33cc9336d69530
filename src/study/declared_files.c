/* declared_files.c - results of a study that has run: numbers read, claims decided, files written. See study.h. */
#include "study/declared.h"

#include "core/file.h"
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

static enum raml_code read_one(struct reader *r, const struct study_measure *m, const char *path,
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
        rc = read_one(r, m, found.gl_pathv[i], &v, err);
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
    if (!rc) rc = pattern ? read_each(r, m, path, out, err) : read_one(r, m, path, out, err);
    return rc ? raml_wrap(err, rc, "measure %s (%s:%zu)", m->at->key, s->path, m->at->line) : rc;
}

static enum raml_code read_values(const struct raml_study *s, const char *store, struct raml_study_value *value,
                                  struct raml_err *err)
{
    struct reader *r = calloc(1, sizeof *r);
    enum raml_code rc = r ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for results");
    for (size_t a = 0; a < s->n_arms && !rc; a++)
        for (size_t k = 0; k < s->n_seeds && !rc; k++)
            for (size_t m = 0; m < s->n_measures && !rc; m++) {
                struct raml_study_value *v = &value[raml_study_at(s, a, k, m)];
                *v = (struct raml_study_value){.value = NAN, .low = NAN, .high = NAN};
                size_t of = s->of[(a * s->n_seeds + k) * s->n_steps + s->measure[m].step];
                if (raml_study_measured(s, &s->measure[m], &s->arm[a]))
                    rc = read_value(s, r, &s->measure[m], of - 1, store, v, err);
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
    bad |= json_object_set_new(j, "estimate", raml_json_number(o->estimate.value));
    bad |= json_object_set_new(j, "low", raml_json_number(o->estimate.low));
    bad |= json_object_set_new(j, "high", raml_json_number(o->estimate.high));
    bad |= json_object_set_new(j, "interval", json_string(c->from_file ? "file" : "seeds"));
    bad |= json_object_set_new(j, "per_seed", numbers(o->per_seed, o->n_seeds));
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

static json_t *results_json(const struct raml_study *s, const struct raml_study_value *value,
                            const struct study_outcome *outcome)
{
    json_t *claims = json_array(), *values = json_array(), *doc = json_object();
    int bad = !doc;
    for (size_t i = 0; i < s->n_claims; i++) bad |= json_array_append_new(claims, claim_json(&outcome[i]));
    for (size_t a = 0; a < s->n_arms; a++)
        for (size_t m = 0; m < s->n_measures; m++)
            if (raml_study_measured(s, &s->measure[m], &s->arm[a]))
                bad |= json_array_append_new(values, value_json(s, value, a, m));
    bad |= json_object_set_new(doc, "study", raml_study_declaration(s));
    bad |= json_object_set_new(doc, "about", json_string(s->about));
    bad |= json_object_set_new(doc, "claims", claims);
    bad |= json_object_set_new(doc, "values", values);
    return raml_json_checked(doc, bad);
}

/* -- Files ---------------------------------------------------------------------------------------------------------- */

static enum raml_code write_json(const char *out, const json_t *doc, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    char *text = json_dumps(doc, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    enum raml_code rc =
        text ? raml_path_join(path, out, "results.json", err) : raml_fail(err, RAML_ENOMEM, "no memory for results");
    if (!rc) rc = raml_file_write(path, text, strlen(text), err);
    free(text);
    return rc;
}

/* A cell without the bytes that would end it. */
static void add_cell(struct raml_buf *b, const char *text)
{
    for (; *text; text++) raml_buf_add(b, strchr("\t\n\r", *text) ? " " : text, 1);
}

static enum raml_code write_table(struct raml_buf *b, const char *out, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_buf_status(b, err);
    if (!rc) rc = raml_path_join(path, out, name, err);
    if (!rc) rc = raml_file_write(path, b->data, b->len, err);
    raml_buf_deinit(b);
    return rc;
}

static enum raml_code write_claims(const struct raml_study *s, const struct study_outcome *o, const char *out,
                                   struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TABLE);
    raml_buf_adds(&b, "claim\tverdict\testimate\testimate_low\testimate_high\tn\tunit\tholds\tof\tsays\n");
    for (size_t i = 0; i < s->n_claims; i++) {
        const struct study_claim *c = o[i].claim;
        raml_buf_addf(&b, "%s\t%s\t%.9g\t%.9g\t%.9g\t%zu\t", c->id, raml_study_verdict_name(o[i].verdict),
                      o[i].estimate.value, o[i].estimate.low, o[i].estimate.high, o[i].estimate.n);
        add_cell(&b, c->over < 0 ? c->unit : "slope");
        raml_buf_addf(&b, "\t%s %g\t", rule_name(c), c->by);
        add_cell(&b, c->of);
        raml_buf_adds(&b, "\t");
        add_cell(&b, c->says);
        raml_buf_adds(&b, "\n");
    }
    return write_table(&b, out, "claims.tsv", err);
}

static enum raml_code write_values(const struct raml_study *s, const struct raml_study_value *value, const char *out,
                                   struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TABLE);
    raml_buf_adds(&b, "measure\tarm\tseed\tvalue\tlow\thigh\n");
    for (size_t m = 0; m < s->n_measures; m++)
        for (size_t a = 0; a < s->n_arms; a++)
            for (size_t k = 0; k < s->n_seeds && raml_study_measured(s, &s->measure[m], &s->arm[a]); k++) {
                const struct raml_study_value *v = &value[raml_study_at(s, a, k, m)];
                raml_buf_addf(&b, "%s\t%s\t%zu\t%.9g\t%.9g\t%.9g\n", s->measure[m].at->key, s->arm[a].name, k + 1,
                              v->value, v->low, v->high);
            }
    return write_table(&b, out, "values.tsv", err);
}

enum raml_code raml_study_results(const struct raml_study *s, const char *store, const char *out,
                                  const struct raml_sink *sink, json_t **doc, struct raml_err *err)
{
    *doc = NULL;
    struct raml_study_value *value = calloc(s->n_arms * s->n_seeds * s->n_measures, sizeof *value);
    struct study_outcome *outcome = calloc(s->n_claims, sizeof *outcome);
    enum raml_code rc = value && outcome ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for results");
    if (!rc) rc = read_values(s, store, value, err);
    for (size_t i = 0; i < s->n_claims && !rc; i++) rc = raml_study_decide(s, value, i, &outcome[i], err);
    if (!rc && !(*doc = results_json(s, value, outcome))) rc = raml_fail(err, RAML_ENOMEM, "no memory for results");
    if (!rc) rc = raml_study_figures(s, value, outcome, out, sink, err);
    if (!rc) rc = write_values(s, value, out, err);
    if (!rc) rc = write_claims(s, outcome, out, err);
    if (!rc) rc = write_json(out, *doc, err); /* the last: with it the results are whole */
    if (rc) {
        json_decref(*doc);
        *doc = NULL;
    }
    free(outcome);
    free(value);
    return rc;
}
