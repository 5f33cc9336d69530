/* fork_records.c - forks as lines of fork.jsonl and importance.tsv. See fork_files.h. */
#include "study/fork_parts.h"

#include "core/json.h"
#include "core/path.h"
#include "study/text_sum.h"
#include "study/visible.h"

#include <math.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 28 };

static enum raml_code open_writer(struct raml_writer *w, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_join(path, dir, name, err);
    return rc ? rc : raml_writer_init(w, path, err);
}

enum raml_code raml_fork_records_init(struct raml_fork_records *r, const char *dir, struct raml_err *err)
{
    static const char head[] = "id\tsample\tat\tend\ttext\tforced\tforced_accuracy\tresampled\tresampled_accuracy\n";
    *r = (struct raml_fork_records){0};
    raml_buf_init(&r->line, MAX_LINE_BYTES);
    enum raml_code rc = open_writer(&r->lines, dir, "fork.jsonl", err);
    if (!rc) rc = open_writer(&r->importance, dir, "importance.tsv", err);
    if (!rc) rc = open_writer(&r->marks, dir, "marks.jsonl", err);
    return rc ? rc : raml_writer_add(&r->importance, head, sizeof head - 1, err);
}

void raml_fork_records_deinit(struct raml_fork_records *r)
{
    raml_writer_deinit(&r->lines);
    raml_writer_deinit(&r->importance);
    raml_writer_deinit(&r->marks);
    raml_buf_deinit(&r->line);
}

/* -- Parts of a line ----------------------------------------------------------------------------------------------- */

static bool set(json_t *obj, const char *key, json_t *value)
{
    return json_object_set_new(obj, key, value) != 0;
}

static json_t *whole(double x) /* null where it is not known */
{
    return isfinite(x) ? json_integer((json_int_t)x) : json_null();
}

static json_t *visible(const char *bytes, size_t n)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_LINE_BYTES);
    raml_buf_add(&b, "", 0);
    raml_text_visible(&b, bytes, n);
    json_t *text = b.code ? NULL : json_stringn(b.data ? b.data : "", b.len);
    raml_buf_deinit(&b);
    return text;
}

static json_t *token_text(const struct raml_str *s)
{
    json_t *text = json_stringn(s->n ? s->s : "", s->n);
    return text ? text : visible(s->s, s->n);
}

/* Token by token: text, loss after it, whether the answer is then the greedy one, its own entropy, its role. */
static bool add_tokens(json_t *o, const struct raml_forked *f)
{
    const struct raml_loss_curve *c = &f->curve;
    json_t *tokens = json_array(), *L = json_array(), *greedy = json_array(), *entropy = json_array(),
           *role = json_array();
    bool bad = false;
    for (size_t i = 0; i < c->n_points; i++) {
        bad |= json_array_append_new(L, raml_json_number(c->loss[i])) != 0;
        bad |= json_array_append_new(greedy, json_boolean(c->greedy[i])) != 0;
    }
    for (size_t i = 0; i < c->n_tokens; i++) {
        bad |= json_array_append_new(tokens, token_text(&f->piece[i])) != 0;
        bad |= json_array_append_new(entropy, raml_json_number((double)c->token_entropy[i])) != 0;
        bad |= json_array_append_new(role, json_string(raml_token_role_name(f->roles.role[i]))) != 0;
    }
    bad |= set(o, "tokens", tokens);
    bad |= set(o, "L", L);
    bad |= set(o, "greedy", greedy);
    bad |= set(o, "entropy", entropy);
    bad |= set(o, "role", role);
    return bad;
}

static json_t *answers(const struct raml_forked *f)
{
    json_t *list = json_array();
    bool bad = !list;
    for (size_t k = 0; !bad && k < f->n_classes; k++) {
        const struct raml_forked_answer *a = &f->answer[k];
        json_t *o = json_object(), *also = json_array();
        bad |= set(o, "text", json_string(a->text));
        if (a->gold) bad |= json_array_append_new(also, json_string("gold")) != 0;
        if (a->own) bad |= json_array_append_new(also, json_string("own")) != 0;
        bad |= set(o, "also", also);
        bad |= set(o, "forced", f->p && a->forced >= 0 ? json_integer(a->forced) : json_null());
        bad |= set(o, "n", json_integer(a->n));
        bad |= json_array_append_new(list, o) != 0;
    }
    return raml_json_checked(list, bad);
}

static json_t *counts(const struct raml_forked *f, const struct raml_forked_fork *x)
{
    json_t *list = json_array();
    bool bad = !list;
    for (size_t k = 0; !bad && k <= f->n_classes; k++)
        bad = json_array_append_new(list, json_integer(x->count[k])) != 0;
    return raml_json_checked(list, bad);
}

static json_t *forks(const struct raml_fork_plan *p, const struct raml_forked *f)
{
    json_t *list = json_array();
    bool bad = !list;
    for (size_t i = 0; !bad && i < f->n_forks; i++) {
        const struct raml_forked_fork *x = &f->fork[i];
        json_t *o = json_object();
        bad |= set(o, "at", json_integer(x->at));
        bad |= set(o, "put", x->word >= 0 ? visible(p->word[x->word], strlen(p->word[x->word])) : json_null());
        bad |= set(o, "end", json_boolean(x->word == RAML_FORK_END));
        if (x->count) {
            bad |= set(o, "n", json_integer(x->n));
            bad |= set(o, "correct", json_integer(x->n_correct));
            bad |= set(o, "truncated", json_integer(x->n_truncated));
            bad |= set(o, "tokens", raml_json_number(x->tokens));
            bad |= set(o, "count", counts(f, x));
        }
        bad |= json_array_append_new(list, o) != 0;
    }
    return raml_json_checked(list, bad);
}

/* -- Places -------------------------------------------------------------------------------------------------------- */

static json_t *edits(const struct raml_fork_plan *p, const struct raml_forked *f, size_t place)
{
    json_t *list = json_array();
    bool bad = !list;
    for (size_t i = 0; !bad && i < f->n_edits; i++) {
        const struct raml_forked_edit *e = &f->edit[i];
        if (e->place != place || e->kind == RAML_FORK_UNEDITED) continue;
        const char *word = raml_fork_change_word(p, e->word);
        json_t *o = json_object();
        bad |= set(o, "edit", json_string(raml_fork_edit_name(e->kind)));
        if (e->word >= 0) bad |= set(o, "word", visible(word, strlen(word)));
        bad |= set(o, "at", json_integer(e->at));
        bad |= set(o, "resume", json_integer(e->resume));
        bad |= set(o, "fork", json_integer((json_int_t)e->fork));
        bad |= set(o, "unedited", json_integer((json_int_t)e->unedited));
        bad |= set(o, "now", raml_json_number(e->now));
        bad |= set(o, "carried", raml_json_number(e->carried));
        bad |= json_array_append_new(list, o) != 0;
    }
    return raml_json_checked(list, bad);
}

static json_t *forced(const struct raml_forked *f, uint32_t at)
{
    json_t *list = json_array();
    bool bad = !list;
    for (size_t k = 0; !bad && k < f->n_forced; k++)
        bad = json_array_append_new(list, raml_json_number(f->p[at * f->n_forced + k])) != 0;
    return raml_json_checked(list, bad);
}

static json_t *importance(const struct raml_fork_importance *x)
{
    json_t *o = json_object();
    bool bad = set(o, "forced", raml_json_number(x->forced));
    bad |= set(o, "forced_accuracy", raml_json_number(x->forced_accuracy));
    bad |= set(o, "resampled", raml_json_number(x->resampled));
    bad |= set(o, "resampled_accuracy", raml_json_number(x->resampled_accuracy));
    return raml_json_checked(o, bad);
}

static json_t *places(const struct raml_fork_plan *p, const struct raml_forked *f)
{
    json_t *list = json_array();
    bool bad = !list;
    for (size_t i = 0; !bad && i < f->places.n; i++) {
        const struct raml_fork_place *x = &f->places.place[i];
        const struct raml_str unit = raml_forked_text(f, x->at, x->end);
        json_t *o = json_object();
        bad |= set(o, "at", json_integer(x->at));
        bad |= set(o, "end", json_integer(x->end));
        bad |= set(o, "text", visible(unit.s, unit.n));
        if (f->p) bad |= set(o, "p", forced(f, x->at));
        if (x->end > x->at) bad |= set(o, "importance", importance(&f->importance[i]));
        bad |= set(o, "edits", edits(p, f, i));
        bad |= json_array_append_new(list, o) != 0;
    }
    return raml_json_checked(list, bad);
}

/* -- Lines --------------------------------------------------------------------------------------------------------- */

static json_t *record(const struct raml_fork_plan *p, const struct raml_forked *f)
{
    const struct raml_question *q = f->q;
    json_t *o = json_object();
    bool bad = set(o, "id", json_string(q->id));
    bad |= set(o, "sample", json_integer((json_int_t)f->sample));
    bad |= set(o, "family", raml_json_text(q->family));
    bad |= set(o, "difficulty", q->difficulty < 0 ? json_null() : json_integer(q->difficulty));
    bad |= set(o, "correct",
               f->verdict == RAML_TRACE_UNGRADED ? json_null() : json_boolean(f->verdict == RAML_TRACE_CORRECT));
    bad |= set(o, "question", json_string(q->question));
    bad |= set(o, "answer", raml_json_text(p->opt->own ? q->trajectory[f->sample].answer : q->answer));
    bad |= set(o, "answer_kind", json_string(p->opt->own ? "own" : "gold"));
    bad |= set(o, "n_tokens", json_integer((json_int_t)f->curve.n_tokens));
    bad |= set(o, "n_answer", json_integer((json_int_t)f->curve.n_answer));
    bad |= add_tokens(o, f);
    bad |= set(o, "place", json_string(raml_fork_kind_name(p->kind)));
    bad |= set(o, "n", json_integer((json_int_t)p->opt->n));
    bad |= set(o, "critical_forced", whole(f->critical[0]));
    bad |= set(o, "critical_resampled", whole(f->critical[1]));
    bad |= set(o, "answers", answers(f));
    bad |= set(o, "forks", forks(p, f));
    bad |= set(o, "places", places(p, f));
    return raml_json_checked(o, bad);
}

static void add_number(struct raml_buf *b, double x)
{
    if (isnan(x)) raml_buf_adds(b, "\tnan");
    else raml_buf_addf(b, "\t%.9g", x);
}

static enum raml_code add_importance(struct raml_fork_records *r, const struct raml_forked *f, size_t place,
                                     struct raml_err *err)
{
    const struct raml_fork_place *x = &f->places.place[place];
    const struct raml_fork_importance *v = &f->importance[place];
    const struct raml_str unit = raml_forked_text(f, x->at, x->end);
    raml_buf_clear(&r->line);
    raml_text_visible(&r->line, f->q->id, strlen(f->q->id));
    raml_buf_addf(&r->line, "\t%zu\t%u\t%u\t", f->sample, (unsigned)x->at, (unsigned)x->end);
    raml_text_visible(&r->line, unit.s, unit.n);
    add_number(&r->line, v->forced);
    add_number(&r->line, v->forced_accuracy);
    add_number(&r->line, v->resampled);
    add_number(&r->line, v->resampled_accuracy);
    raml_buf_adds(&r->line, "\n");
    enum raml_code rc = raml_buf_status(&r->line, err);
    return rc ? rc : raml_writer_add(&r->importance, r->line.data, r->line.len, err);
}

/* Takes o over. */
static enum raml_code add_line(struct raml_fork_records *r, struct raml_writer *w, json_t *o,
                               const struct raml_forked *f, struct raml_err *err)
{
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for the record of question '%.100s'", f->q->id);
    raml_buf_clear(&r->line);
    raml_json_add(&r->line, o);
    raml_buf_adds(&r->line, "\n");
    json_decref(o);
    enum raml_code rc = raml_buf_status(&r->line, err);
    return rc ? rc : raml_writer_add(w, r->line.data, r->line.len, err);
}

static json_t *marks_record(const struct raml_forked *f, const struct raml_fork_marks *m)
{
    json_t *o = json_object(), *list = json_array();
    struct raml_text_sum sum = {0};
    bool bad = set(o, "id", json_string(f->q->id));
    bad |= set(o, "sample", json_integer((json_int_t)f->sample));
    for (size_t i = 0; i < f->curve.n_tokens; i++) raml_text_sum_add(&sum, f->piece[i].s, f->piece[i].n);
    bad |= !raml_text_sum_set(o, f->curve.n_tokens, &sum);
    for (size_t i = 0; i < m->n; i++) {
        json_t *mark = json_object();
        bad |= set(mark, "at", raml_json_number(m->mark[i].at));
        bad |= set(mark, "kind", json_string(m->mark[i].kind));
        bad |= set(mark, "name", json_string(m->mark[i].name));
        bad |= set(mark, "value", raml_json_number(m->mark[i].value));
        bad |= set(mark, "text", json_string(m->mark[i].text));
        bad |= json_array_append_new(list, mark) != 0;
    }
    bad |= set(o, "marks", list);
    return raml_json_checked(o, bad);
}

static enum raml_code add_marks(struct raml_fork_records *r, const struct raml_fork_plan *p,
                                const struct raml_forked *f, struct raml_err *err)
{
    struct raml_fork_marks m = {0};
    enum raml_code rc = raml_fork_marks_fill(&m, p, f, err);
    if (!rc && m.n) rc = add_line(r, &r->marks, marks_record(f, &m), f, err);
    raml_fork_marks_deinit(&m);
    return rc;
}

enum raml_code raml_fork_records_add(struct raml_fork_records *r, const struct raml_fork_plan *p,
                                     const struct raml_forked *f, struct raml_err *err)
{
    enum raml_code rc = add_line(r, &r->lines, record(p, f), f, err);
    for (size_t i = 0; !rc && i < f->places.n; i++)
        if (f->places.place[i].end > f->places.place[i].at) rc = add_importance(r, f, i, err);
    return rc ? rc : add_marks(r, p, f, err);
}

enum raml_code raml_fork_records_commit(struct raml_fork_records *r, struct raml_err *err)
{
    enum raml_code rc = raml_writer_commit(&r->lines, err);
    if (!rc) rc = raml_writer_commit(&r->importance, err);
    return rc ? rc : raml_writer_commit(&r->marks, err);
}
