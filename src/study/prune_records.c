/* prune_records.c - pruned trajectories as lines. See prune_files.h. */
#include "study/prune_parts.h"

#include "core/json.h"
#include "core/path.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 28 };

enum raml_code raml_prune_records_init(struct raml_prune_records *r, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    *r = (struct raml_prune_records){.number = 0};
    raml_buf_init(&r->line, MAX_LINE_BYTES);
    raml_buf_init(&r->text, MAX_LINE_BYTES);
    enum raml_code rc = raml_path_join(path, dir, "prune.jsonl", err);
    return rc ? rc : raml_writer_init(&r->lines, path, err);
}

void raml_prune_records_deinit(struct raml_prune_records *r)
{
    raml_writer_deinit(&r->lines);
    raml_buf_deinit(&r->line);
    raml_buf_deinit(&r->text);
}

/* -- Parts of a record --------------------------------------------------------------------------------------------- */

static json_t *numbers(const double *x, size_t n)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t i = 0; !failed && i < n; i++) failed = json_array_append_new(list, raml_json_number(x[i]));
    return raml_json_checked(list, failed);
}

static json_t *places(const struct raml_prune_item *it)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t i = 0; !failed && i <= it->n; i++) failed = json_array_append_new(list, json_integer(it->at.at[i]));
    return raml_json_checked(list, failed);
}

/* Bytes of pieces [from, to) as UTF-8. */
static json_t *step_text(struct raml_prune_records *r, const struct raml_prune_item *it, size_t s)
{
    struct raml_buf raw;
    raml_buf_init(&raw, MAX_LINE_BYTES);
    raml_buf_clear(&r->text);
    for (size_t k = it->at.at[s]; k < it->at.at[s + 1]; k++) raml_buf_add(&raw, it->piece[k].s, it->piece[k].n);
    if (raw.data) raml_utf8_clean(&r->text, raw.data, raw.len);
    bool failed = raw.code || r->text.code;
    raml_buf_deinit(&raw);
    return failed ? NULL : json_string(r->text.data ? r->text.data : "");
}

static json_t *steps(struct raml_prune_records *r, const struct raml_prune_item *it)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t s = 0; !failed && s < it->n; s++) failed = json_array_append_new(list, step_text(r, it, s));
    return raml_json_checked(list, failed);
}

static json_t *deltas(const struct raml_prune_item *it)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t s = 0; !failed && s < it->n; s++)
        failed = json_array_append_new(list, raml_json_number(it->L[s + 1] - it->L[s]));
    return raml_json_checked(list, failed);
}

static json_t *rounds(const struct raml_prune_item *it)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t k = 0; !failed && k < it->path.n_rounds; k++)
        failed = json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "removed", (json_int_t)it->path.step[k],
                                                       "loss", raml_json_number(it->path.loss[k]), "candidates",
                                                       numbers(raml_prune_path_candidates(&it->path, k), it->n - k)));
    return raml_json_checked(list, failed);
}

static json_t *kept_steps(const struct raml_prune_item *it, size_t cell)
{
    if (!it->kept[cell].steps) return json_null();
    json_t *list = json_array();
    int failed = !list;
    for (size_t s = 0; !failed && s < it->n; s++)
        if (it->flag[cell * it->n + s]) failed = json_array_append_new(list, json_integer((json_int_t)s));
    return raml_json_checked(list, failed);
}

static json_t *set_json(const struct raml_prune_plan *p, const struct raml_prune_item *it, size_t level,
                        enum raml_prune_method m, size_t draw)
{
    size_t cell = raml_prune_cell(p, level, m, draw);
    const struct raml_prune_set *s = &it->set[it->kept[cell].set];
    const struct raml_prune_level l = p->level[level];
    bool given = l.kind == RAML_PRUNE_WHOLE || l.kind == RAML_PRUNE_NOTHING || l.kind == RAML_PRUNE_SUMMARY;
    json_t *o = json_pack("{s:s, s:o, s:s, s:I, s:o, s:I, s:o, s:b}", "level", raml_prune_level_name(l.kind), "value",
                          given ? json_null() : raml_json_number(l.value), "method", raml_prune_method_name(m), "draw",
                          (json_int_t)draw, "kept", kept_steps(it, cell), "n_tokens", (json_int_t)s->n, "loss",
                          raml_json_number(s->loss), "greedy", (int)s->greedy);
    int failed = !o;
    if (!failed && m == RAML_PRUNE_GIVEN && l.kind == RAML_PRUNE_SUMMARY)
        failed = json_object_set_new(o, "text", raml_json_text(p->summaries.given[it->summary].text));
    if (!failed && p->opt->n_answers)
        failed = json_object_set_new(o, "right", raml_json_number(s->right)) ||
                 json_object_set_new(o, "answer", raml_json_text(s->answer));
    return raml_json_checked(o, failed);
}

static json_t *sets(const struct raml_prune_plan *p, const struct raml_prune_item *it)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t l = 0; l < p->n_levels; l++)
        for (int m = 0; m < RAML_PRUNE_METHODS; m++)
            for (size_t d = 0; !failed && d < raml_prune_draws(p, (enum raml_prune_method)m); d++)
                if (it->kept[raml_prune_cell(p, l, (enum raml_prune_method)m, d)].set != RAML_PRUNE_NONE)
                    failed = json_array_append_new(list, set_json(p, it, l, (enum raml_prune_method)m, d));
    return raml_json_checked(list, failed);
}

static json_t *leak(const struct raml_prune_plan *p, const struct raml_prune_item *it)
{
    json_t *others = json_array();
    int failed = !others;
    for (size_t k = 0; !failed && k < it->n_others; k++)
        failed = json_array_append_new(others, raml_json_number(it->set[it->leak_other[k]].loss));
    json_t *o =
        json_pack("{s:I, s:b, s:o, s:o}", "line", (json_int_t)p->summaries.given[it->summary].line, "states_answer",
                  (int)it->states_answer, "nothing", raml_json_number(it->set[it->leak_nothing].loss), "own",
                  raml_json_number(it->set[it->leak_own].loss));
    failed = json_object_set_new(o, "without", raml_json_number(it->set[it->leak_without].loss)) || failed;
    failed = json_object_set_new(o, "others", others) || failed;
    return raml_json_checked(o, failed);
}

/* -- A record ------------------------------------------------------------------------------------------------------ */

static json_t *record(struct raml_prune_records *r, const struct raml_prune_plan *p, const struct raml_prune_item *it)
{
    const struct raml_trajectory *t = &it->q->trajectory[it->sample];
    json_t *correct = t->correct == RAML_EQUAL       ? json_true()
                      : t->correct == RAML_DIFFERENT ? json_false()
                                                     : json_null();
    json_t *o =
        json_pack("{s:I, s:s, s:I, s:o, s:I, s:I, s:o}", "number", (json_int_t)r->number, "id", it->q->id, "sample",
                  (json_int_t)it->sample, "correct", correct, "n_tokens", (json_int_t)it->text.trajectory.n, "n_answer",
                  (json_int_t)it->text.answer.n, "answer", raml_json_text(p->opt->own ? t->answer : it->q->answer));
    int failed = !o;
    if (!failed)
        failed = json_object_set_new(o, "at", places(it)) || json_object_set_new(o, "steps", steps(r, it)) ||
                 json_object_set_new(o, "L", numbers(it->L, it->n + 1)) ||
                 json_object_set_new(o, "delta", deltas(it)) || json_object_set_new(o, "rounds", rounds(it)) ||
                 json_object_set_new(o, "subsets", json_boolean(it->has_subsets)) ||
                 json_object_set_new(o, "sets", sets(p, it));
    if (!failed && it->summary != RAML_PRUNE_NONE) failed = json_object_set_new(o, "leak", leak(p, it));
    return raml_json_checked(o, failed);
}

enum raml_code raml_prune_records_add(struct raml_prune_records *r, const struct raml_prune_plan *p,
                                      const struct raml_prune_item *it, struct raml_err *err)
{
    r->number++;
    json_t *o = record(r, p, it);
    raml_buf_clear(&r->line);
    if (o) raml_json_add(&r->line, o);
    raml_buf_adds(&r->line, "\n");
    enum raml_code rc = o ? raml_buf_status(&r->line, err) : raml_fail(err, RAML_ENOMEM, "no memory for a record");
    json_decref(o);
    return rc ? rc : raml_writer_add(&r->lines, r->line.data, r->line.len, err);
}
