/* prune_summaries.c - a file of texts that are read in the place of trajectories. See prune_parts.h. */
#include "study/prune_parts.h"

#include "core/array.h"
#include "core/json.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 26 };

void raml_prune_summaries_deinit(struct raml_prune_summaries *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->given[i].id);
        free(s->given[i].text);
        raml_tokens_deinit(&s->given[i].token);
    }
    free(s->given);
    free(s->of);
    *s = (struct raml_prune_summaries){0};
}

struct reading {
    struct raml_prune_summaries *to;
    const struct raml_tokenizer *tokenizer;
    const char *field;
};

/* The summary of a line: its field, or, where that is missing, the first trajectory's text of a question's line. */
static enum raml_code text_of(const struct raml_place *at, const json_t *object, const char *field, const char **text,
                              size_t *len, struct raml_err *err)
{
    const json_t *first = json_array_get(json_object_get(object, "trajectories"), 0);
    if (json_object_get(object, field) || !json_is_object(first))
        return raml_json_str(at, object, field, text, len, err);
    return raml_json_str(at, first, "text", text, len, err);
}

static enum raml_code add(void *user, const struct raml_place *at, json_t *object, struct raml_err *err)
{
    const struct reading *r = user;
    struct raml_prune_summaries *s = r->to;
    const char *field = r->field;
    const char *id, *text;
    size_t id_len, len;
    enum raml_code rc = raml_json_str(at, object, "id", &id, &id_len, err);
    if (!rc) rc = text_of(at, object, field, &text, &len, err);
    if (!rc) rc = RAML_GROW(s->given, s->cap, s->n + 1, "summaries", err);
    if (rc) return rc;
    if (len == 0)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%s' is empty; expected a text", at->path, at->line, field);
    struct raml_prune_given *g = &s->given[s->n];
    *g = (struct raml_prune_given){
        .id = strdup(id), .text = strdup(text), .line = at->line, .question = RAML_PRUNE_NONE};
    s->n++;
    if (!g->id || !g->text) return raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory for a summary", at->path, at->line);
    rc = raml_tokenizer_encode(r->tokenizer, text, len, false, &g->token, err);
    return rc ? raml_wrap(err, rc, "%s:%zu", at->path, at->line) : RAML_OK;
}

static enum raml_code read_lines(struct raml_prune_summaries *s, const struct raml_tokenizer *t, const char *path,
                                 const char *field, struct raml_err *err)
{
    struct reading r = {s, t, field};
    enum raml_code rc = raml_json_lines(path, MAX_LINE_BYTES, add, &r, err);
    if (!rc && s->n == 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s: there is no summary in it; expected {\"id\", \"%s\"} a line", path,
                       field);
    return rc;
}

static int by_id(const void *a, const void *b)
{
    const struct raml_prune_given *const *x = a, *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);
    return order ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static int id_of(const void *key, const void *given)
{
    return strcmp(key, (*(const struct raml_prune_given *const *)given)->id);
}

static enum raml_code match(struct raml_prune_summaries *s, const struct raml_questions *qs, const char *path,
                            struct raml_err *err)
{
    const struct raml_prune_given **by = calloc(s->n, sizeof *by);
    s->of = calloc(qs->n + 1, sizeof *s->of);
    s->n_of = qs->n;
    if (!by || !s->of) {
        free(by);
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu summaries", s->n);
    }
    for (size_t i = 0; i < s->n; i++) by[i] = &s->given[i];
    qsort(by, s->n, sizeof *by, by_id);
    enum raml_code rc = RAML_OK;
    for (size_t i = 1; !rc && i < s->n; i++)
        if (!strcmp(by[i]->id, by[i - 1]->id))
            rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: id '%.100s' has a summary in line %zu already", path,
                           by[i]->line, by[i]->id, by[i - 1]->line);
    size_t n_matched = 0;
    for (size_t i = 0; !rc && i < qs->n; i++) {
        const struct raml_prune_given *const *found = bsearch(qs->question[i].id, by, s->n, sizeof *by, id_of);
        s->of[i] = found ? (size_t)(*found - s->given) : RAML_PRUNE_NONE;
        n_matched += found != NULL;
        if (found && s->given[s->of[i]].question == RAML_PRUNE_NONE) s->given[s->of[i]].question = i;
    }
    free(by);
    if (!rc && n_matched == 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s: none of its %zu ids is of a question; the first is '%.100s' (line %zu)",
                       path, s->n, s->given[0].id, s->given[0].line);
    return rc;
}

/* Summaries that are of no question: how many, and the first. */
static void name_unused(const struct raml_prune_summaries *s, const char *path, const struct raml_sink *sink)
{
    const struct raml_prune_given *first = NULL;
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->given[i].question == RAML_PRUNE_NONE) {
            if (!first) first = &s->given[i];
            n++;
        }
    if (first)
        raml_say(sink, "%s: %zu of %zu ids %s of no question; the first is '%.100s' (line %zu)", path, n, s->n,
                 n == 1 ? "is" : "are", first->id, first->line);
}

enum raml_code raml_prune_summaries_read(struct raml_prune_summaries *s, const struct raml_prune_files_job *job,
                                         const char *path, const char *field, struct raml_err *err)
{
    enum raml_code rc = read_lines(s, job->tokenizer, path, field, err);
    if (!rc) rc = match(s, job->questions, path, err);
    if (!rc) name_unused(s, path, job->sink);
    return rc;
}
