/* attention_tables.c - attention.tsv, models.tsv, results.json. See attention_files.h. */
#include "study/attention_parts.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 26, Q = RAML_ATTENTION_QUERIES, G = RAML_ATTENTION_GROUPS, U = RAML_ATTENTION_UNITS };

static void add_number(struct raml_buf *b, double x)
{
    if (isfinite(x)) raml_buf_addf(b, "\t%.9g", x);
    else raml_buf_adds(b, "\tnan");
}

static void add_estimate(struct raml_buf *b, const struct raml_estimate *e)
{
    add_number(b, e->value);
    add_number(b, e->low);
    add_number(b, e->high);
}

static void add_heads(struct raml_buf *b, const struct raml_attention_summary *s, const struct raml_estimate *e)
{
    size_t heads = s->n_layers * s->n_heads;
    raml_buf_adds(b, "query\tlayer\thead\tgroup\tvalue\tlow\thigh\tuniform\tqueries\tquestions\n");
    for (size_t q = 0; q < Q; q++)
        for (size_t h = 0; h < heads; h++)
            for (size_t g = 0; g < G; g++) {
                const struct raml_attention_most *m = &s->model[s->n_models - 1].of[q][g];
                if (!isfinite(m->uniform)) continue; /* there are none */
                raml_buf_addf(b, "%s\t%zu\t%zu\t%s", raml_attention_query_name((enum raml_attention_query)q),
                              h / s->n_heads, h % s->n_heads, raml_attention_group_name((enum raml_attention_group)g));
                add_estimate(b, &e[(q * heads + h) * G + g]);
                add_number(b, m->uniform);
                raml_buf_addf(b, "\t%zu\t%zu\n", m->n_queries, s->n_questions);
            }
}

static void add_models(struct raml_buf *b, const struct raml_attention_summary *s)
{
    raml_buf_adds(b, "step\ttokens\tquery\tgroup\tlayer\thead\tvalue\tlow\thigh\tmean\tuniform\tn\n");
    for (size_t i = 0; i < s->n_models; i++) {
        const struct raml_attention_result *r = &s->model[i];
        for (size_t q = 0; q < Q; q++)
            for (size_t g = 0; g < G; g++) {
                const struct raml_attention_most *m = &r->of[q][g];
                if (!isfinite(m->uniform)) continue;
                raml_buf_addf(b, "%" PRIu64 "\t%" PRIu64 "\t%s\t%s\t%zu\t%zu", r->step, r->tokens,
                              raml_attention_query_name((enum raml_attention_query)q),
                              raml_attention_group_name((enum raml_attention_group)g), m->layer, m->head);
                add_estimate(b, &m->e);
                add_number(b, m->mean);
                add_number(b, m->uniform);
                raml_buf_addf(b, "\t%zu\n", m->n_queries);
            }
        for (size_t u = 0; u < U; u++) {
            if (!r->n_right[u]) continue;
            raml_buf_addf(b, "%" PRIu64 "\t%" PRIu64 "\tright\t%s\tnan\tnan", r->step, r->tokens,
                          raml_attention_unit_name((enum raml_attention_unit)u));
            add_estimate(b, &r->right[u]);
            raml_buf_addf(b, "\tnan\tnan\t%zu\n", r->n_right[u]);
        }
    }
}

/* -- results.json -------------------------------------------------------------------------------------------------- */

static json_t *estimate_json(const struct raml_estimate *e)
{
    return json_pack("{s:o, s:o, s:o}", "value", raml_json_number(e->value), "low", raml_json_number(e->low), "high",
                     raml_json_number(e->high));
}

static json_t *most_json(const struct raml_attention_most *m)
{
    json_t *o = json_pack("{s:I, s:I, s:o, s:o, s:I}", "layer", (json_int_t)m->layer, "head", (json_int_t)m->head,
                          "mean", raml_json_number(m->mean), "uniform", raml_json_number(m->uniform), "queries",
                          (json_int_t)m->n_queries);
    return raml_json_checked(o, !o || json_object_set_new(o, "max", estimate_json(&m->e)));
}

static json_t *query_json(const struct raml_attention_most of[G])
{
    json_t *o = json_object();
    int failed = !o;
    for (size_t g = 0; !failed && g < G; g++)
        if (isfinite(of[g].uniform))
            failed = json_object_set_new(o, raml_attention_group_name((enum raml_attention_group)g), most_json(&of[g]));
    return raml_json_checked(o, failed);
}

static json_t *model_json(const struct raml_attention_source *source, const struct raml_attention_result *r)
{
    json_t *o = json_pack("{s:s, s:I, s:I, s:{}, s:{}}", "model", source->name, "step", (json_int_t)r->step, "tokens",
                          (json_int_t)r->tokens, "attention", "right");
    int failed = !o;
    for (size_t q = 0; !failed && q < Q; q++)
        if (r->of[q][0].n_queries)
            failed = json_object_set_new(json_object_get(o, "attention"),
                                         raml_attention_query_name((enum raml_attention_query)q), query_json(r->of[q]));
    for (size_t u = 0; !failed && u < U; u++)
        if (r->n_right[u])
            failed =
                json_object_set_new(json_object_get(o, "right"), raml_attention_unit_name((enum raml_attention_unit)u),
                                    estimate_json(&r->right[u]));
    return raml_json_checked(o, failed);
}

static json_t *results_json(const struct raml_attention_files_job *job, const struct raml_attention_summary *s)
{
    json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:[]}", "questions", (json_int_t)s->n_questions, "trajectories",
                          (json_int_t)s->n_trajectories, "skipped", (json_int_t)s->n_skipped, "layers",
                          (json_int_t)s->n_layers, "heads", (json_int_t)s->n_heads, "models");
    int failed = !o;
    for (size_t i = 0; !failed && i < s->n_models; i++)
        failed = json_array_append_new(json_object_get(o, "models"), model_json(&job->source[i], &s->model[i]));
    return raml_json_checked(o, failed);
}

/* -- Files --------------------------------------------------------------------------------------------------------- */

static enum raml_code write(const char *dir, const char *name, const char *bytes, size_t n, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, name, err);
    return rc ? rc : raml_file_write(path, bytes, n, err);
}

static enum raml_code write_json(const struct raml_attention_files_job *job, const struct raml_attention_summary *s,
                                 struct raml_err *err)
{
    json_t *o = results_json(job, s);
    char *text = o ? json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;
    enum raml_code rc = text ? write(job->dir, "results.json", text, strlen(text), err)
                             : raml_fail(err, RAML_ENOMEM, "no memory for results");
    free(text);
    json_decref(o);
    return rc;
}

enum raml_code raml_attention_tables_write(const struct raml_attention_files_job *job,
                                           const struct raml_attention_summary *s, const struct raml_estimate *e,
                                           struct raml_err *err)
{
    struct raml_buf heads, training;
    raml_buf_init(&heads, MAX_BYTES);
    raml_buf_init(&training, MAX_BYTES);
    add_heads(&heads, s, e);
    add_models(&training, s);
    enum raml_code rc = raml_buf_status(&heads, err);
    if (!rc) rc = raml_buf_status(&training, err);
    if (!rc) rc = write(job->dir, "attention.tsv", heads.data, heads.len, err);
    if (!rc) rc = write(job->dir, "models.tsv", training.data, training.len, err);
    raml_buf_deinit(&heads);
    raml_buf_deinit(&training);
    return rc ? rc : write_json(job, s, err);
}
