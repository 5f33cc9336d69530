/* fork_plan.c - the options' words and given places, read once. See fork_parts.h. */
#include "study/fork_parts.h"

#include "core/array.h"
#include "core/json.h"
#include "study/wanted.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1 << 24 };

struct given_line {
    size_t number; /* in the file */
    char *id;
    long long sample; /* -1: all trajectories of the question */
    uint32_t *at;
    size_t n;
};
struct raml_fork_given {
    struct given_line *line;
    size_t n, cap;
};

const char *raml_fork_edit_name(enum raml_fork_edit_kind kind)
{
    static const char *const name[RAML_FORK_EDIT_KINDS] = {"none",   "insert", "control", "end",
                                                           "delete", "window", "replace", "replace_control"};
    return name[kind];
}

const char *raml_fork_change_word(const struct raml_fork_plan *p, int word)
{
    return word >= 0 ? p->word[word] : "";
}

/* -- Words --------------------------------------------------------------------------------------------------------- */

static enum raml_code add_word(struct raml_fork_plan *p, const char *text, size_t n, int *word, struct raml_err *err)
{
    for (size_t i = 0; i < p->n_words; i++)
        if (strlen(p->word[i]) == n && !strncmp(p->word[i], text, n)) {
            *word = (int)i;
            return RAML_OK;
        }
    if (p->n_words == RAML_FORK_MAX_WORDS)
        return raml_fail(err, RAML_EUSAGE, "more than %d words", RAML_FORK_MAX_WORDS);
    char *copy = malloc(n + 1);
    if (!copy) return raml_fail(err, RAML_ENOMEM, "no memory for a word");
    memcpy(copy, text, n);
    copy[n] = 0;
    *word = (int)p->n_words;
    p->word[p->n_words++] = copy;
    return RAML_OK;
}

/* The earlier change with this word that can't stand beside one of this kind; NULL: there is none. */
static const struct raml_fork_change *same_word(const struct raml_fork_plan *p, enum raml_fork_edit_kind kind, int word)
{
    for (size_t i = 0; i < p->n_changes; i++) {
        const struct raml_fork_change *c = &p->change[i];
        if (c->word != word) continue;
        if (c->kind == kind || (c->kind == RAML_FORK_INSERT && kind == RAML_FORK_CONTROL) ||
            (c->kind == RAML_FORK_REPLACE && kind == RAML_FORK_REPLACE_CONTROL))
            return c;
    }
    return NULL;
}

static void add_change(struct raml_fork_plan *p, enum raml_fork_edit_kind kind, int word)
{
    p->change[p->n_changes++] = (struct raml_fork_change){kind, word};
}

/* name: the option, for messages. */
static enum raml_code add_words(struct raml_fork_plan *p, const char *name, const char *list,
                                enum raml_fork_edit_kind kind, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (const char *at = list && *list ? list : NULL; !rc && at;) {
        size_t n = strcspn(at, "|");
        int word = RAML_FORK_NONE;
        if (n == 0)
            return raml_fail(err, RAML_EUSAGE, "%s: found an empty word in '%s'; expected words joined by '|'", name,
                             list);
        rc = add_word(p, at, n, &word, err);
        if (rc) return raml_wrap(err, rc, "%s", name);
        const struct raml_fork_change *other = same_word(p, kind, word);
        if (other && other->kind == kind)
            return raml_fail(err, RAML_EUSAGE, "%s: '%s' is there twice", name, p->word[word]);
        if (other)
            return raml_fail(err, RAML_EUSAGE, "%s: '%s' is a word to %s as well; expected other words", name,
                             p->word[word], raml_fork_edit_name(other->kind));
        add_change(p, kind, word);
        at = at[n] ? at + n + 1 : NULL;
    }
    return rc;
}

static enum raml_code add_changes(struct raml_fork_plan *p, struct raml_err *err)
{
    const struct raml_fork_files_options *o = p->opt;
    add_change(p, RAML_FORK_UNEDITED, RAML_FORK_NONE);
    enum raml_code rc = add_words(p, "insert", o->insert, RAML_FORK_INSERT, err);
    if (!rc && o->insert && *o->insert) rc = add_words(p, "control", o->control, RAML_FORK_CONTROL, err);
    if (rc) return rc;
    if (o->end && p->end.n && o->n) add_change(p, RAML_FORK_END_THINKING, RAML_FORK_END);
    if (o->remove) add_change(p, RAML_FORK_REMOVE, RAML_FORK_NONE);
    if (o->remove && o->n_windows) add_change(p, RAML_FORK_WINDOW, RAML_FORK_NONE);
    rc = add_words(p, "replace", o->replace, RAML_FORK_REPLACE, err);
    if (!rc && o->replace && *o->replace) rc = add_words(p, "control", o->control, RAML_FORK_REPLACE_CONTROL, err);
    return rc;
}

/* -- Given places -------------------------------------------------------------------------------------------------- */

static enum raml_code read_places(const struct raml_place *where, const json_t *at, struct given_line *g,
                                  struct raml_err *err)
{
    size_t n = json_array_size(at);
    if (n == 0)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: id '%.100s': field 'at': found an empty list; expected places",
                         where->path, where->line, g->id);
    g->at = calloc(n + 1, sizeof *g->at);
    if (!g->at) return raml_fail(err, RAML_ENOMEM, "no memory for %zu places", n);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(at, i);
        long long place = json_integer_value(v);
        if (!json_is_integer(v) || place < 0 || place > UINT32_MAX)
            return raml_fail(err, RAML_EFORMAT,
                             "%s:%zu: field 'at': value %zu is no place; expected whole numbers from 0", where->path,
                             where->line, i + 1);
        g->at[i] = (uint32_t)place;
    }
    g->n = n;
    return RAML_OK;
}

static enum raml_code add_line(void *user, const struct raml_place *where, json_t *obj, struct raml_err *err)
{
    struct raml_fork_given *x = user;
    const char *id;
    long long sample = -1;
    json_t *at;
    enum raml_code rc = raml_json_str(where, obj, "id", &id, NULL, err);
    if (!rc && json_object_get(obj, "sample")) rc = raml_json_int(where, obj, "sample", 0, INT32_MAX, &sample, err);
    if (!rc) rc = raml_json_array(where, obj, "at", &at, err);
    if (!rc) rc = RAML_GROW(x->line, x->cap, x->n + 1, "given places", err);
    if (rc) return rc;
    struct given_line *g = &x->line[x->n++];
    *g = (struct given_line){.number = where->line, .id = strdup(id), .sample = sample};
    return g->id ? read_places(where, at, g, err) : raml_fail(err, RAML_ENOMEM, "no memory for an id");
}

static enum raml_code read_given(struct raml_fork_plan *p, const char *path, struct raml_err *err)
{
    p->given = calloc(1, sizeof *p->given);
    if (!p->given) return raml_fail(err, RAML_ENOMEM, "no memory for given places");
    enum raml_code rc = raml_json_lines(path, LINE_MAX_BYTES, add_line, p->given, err);
    if (!rc && p->given->n == 0) rc = raml_fail(err, RAML_EFORMAT, "%s has no line of places", path);
    return rc;
}

void raml_fork_plan_given(struct raml_fork_plan *p, const struct raml_question *q, size_t sample, const uint32_t **at,
                          size_t *n)
{
    const struct given_line *found = NULL;
    for (size_t i = 0; p->given && i < p->given->n; i++) {
        const struct given_line *g = &p->given->line[i];
        if (strcmp(g->id, q->id) != 0) continue;
        if (g->sample == (long long)sample || (g->sample < 0 && (!found || found->sample < 0))) found = g;
    }
    *at = found ? found->at : p->opt->at;
    *n = found ? found->n : p->opt->n_at;
}

static const struct raml_question *question_of(const struct raml_questions *qs, const char *id)
{
    for (size_t i = 0; i < qs->n; i++)
        if (!strcmp(qs->question[i].id, id)) return &qs->question[i];
    return NULL;
}

enum raml_code raml_fork_plan_check_given(const struct raml_fork_plan *p, struct raml_err *err)
{
    const struct raml_fork_files_options *o = p->opt;
    for (size_t i = 0; p->given && i < p->given->n; i++) {
        const struct given_line *g = &p->given->line[i];
        const struct raml_question *q = question_of(p->job->questions, g->id);
        if (!q)
            return raml_fail(err, RAML_ERANGE,
                             "%s:%zu: field 'id': found '%.100s'; expected the id of one of the %zu questions",
                             o->at_file, g->number, g->id, p->job->questions->n);
        size_t n = raml_wanted(q, o->split, o->family, o->max_samples);
        if (n == 0)
            return raml_fail(err, RAML_ERANGE,
                             "%s:%zu: id '%.100s': its question has no trajectory to fork; expected one of the chosen "
                             "split and family",
                             o->at_file, g->number, g->id);
        if (g->sample >= (long long)n)
            return raml_fail(err, RAML_ERANGE,
                             "%s:%zu: id '%.100s': field 'sample': found %lld; expected 0 to %zu: %zu of its %zu "
                             "trajectories are forked",
                             o->at_file, g->number, g->id, g->sample, n - 1, n, q->n_trajectories);
    }
    return RAML_OK;
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static enum raml_code read_kind(struct raml_fork_plan *p, struct raml_err *err)
{
    const char *name = p->opt->places;
    bool given = p->opt->n_at || p->opt->at_file;
    p->kind = RAML_FORK_GIVEN;
    if (!name && given) return RAML_OK;
    if (!name) return raml_fail(err, RAML_EUSAGE, "no places: neither a kind of them nor given ones");
    for (int k = 0; k < RAML_FORK_GIVEN; k++)
        if (!strcmp(name, raml_fork_kind_name((enum raml_fork_kind)k))) p->kind = (enum raml_fork_kind)k;
    if (p->kind == RAML_FORK_GIVEN)
        return raml_fail(err, RAML_EUSAGE,
                         "places: found '%s'; expected line, sentence, paragraph, reflection or entropy", name);
    return RAML_OK;
}

static enum raml_code check(const struct raml_fork_files_options *o, struct raml_err *err)
{
    const struct raml_token_sampling s = {o->temperature, o->top_p, o->min_p, o->top_k};
    if (o->max_batch_tokens < 1 || (o->n && (o->batch_size < 1 || o->max_completion_length < 1)))
        return raml_fail(err, RAML_EUSAGE,
                         "forks: expected at least 1 row, and 1 token of a pass and of a continuation");
    if (o->n > UINT32_MAX / 2) return raml_fail(err, RAML_EUSAGE, "forks: %zu continuations of each", o->n);
    if (o->position_buckets < 1) return raml_fail(err, RAML_EUSAGE, "position buckets: found 0; expected at least 1");
    if (o->max_answers < 2 || !(o->critical > 0 && o->critical <= 1))
        return raml_fail(err, RAML_EUSAGE,
                         "forks: expected at least 2 answers and a critical share above 0, at most 1");
    return raml_token_sampling_check(&s, err);
}

enum raml_code raml_fork_plan_init(struct raml_fork_plan *p, const struct raml_fork_files_job *job,
                                   const struct raml_fork_files_options *opt, struct raml_err *err)
{
    *p = (struct raml_fork_plan){.job = job, .opt = opt};
    p->source = (struct raml_trace_source){.tokenizer = job->tokenizer,
                                           .format = job->format,
                                           .own = opt->own,
                                           .score_end = opt->score_end,
                                           .join = opt->join};
    enum raml_code rc = check(opt, err);
    if (!rc) rc = read_kind(p, err);
    if (!rc) rc = raml_sample_texts_init(&p->texts, job->tokenizer, &job->format, err);
    if (!rc) rc = raml_format_answer_prefix(&job->format, job->tokenizer, &p->end, err);
    if (!rc) rc = add_changes(p, err);
    if (!rc && opt->at_file) rc = read_given(p, opt->at_file, err);
    p->texts.eos = opt->eos;
    p->texts.n_eos = opt->n_eos;
    return rc;
}

void raml_fork_plan_deinit(struct raml_fork_plan *p)
{
    for (size_t i = 0; i < p->n_words; i++) free(p->word[i]);
    for (size_t i = 0; p->given && i < p->given->n; i++) {
        free(p->given->line[i].id);
        free(p->given->line[i].at);
    }
    if (p->given) free(p->given->line);
    free(p->given);
    raml_sample_texts_deinit(&p->texts);
    raml_tokens_deinit(&p->end);
    *p = (struct raml_fork_plan){0};
}
