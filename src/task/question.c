/* question.c - see question.h. */
#include "raml/question.h"

#include "core/arena.h"
#include "core/array.h"
#include "core/ascii.h"
#include "core/file.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FOLD_BYTES = 1024 };
/* A bound on what one set may hold, far above any data set of questions; memory is taken in chunks as needed. */
static const size_t MAX_SET_BYTES = (size_t)1 << 38;

void raml_questions_init(struct raml_questions *qs)
{
    *qs = (struct raml_questions){0};
}

void raml_questions_deinit(struct raml_questions *qs)
{
    raml_arena_close(qs->arena);
    free(qs->question);
    *qs = (struct raml_questions){0};
}

/* Copies *text into the arena and points it there. NULL stays NULL. False: no memory. */
static bool keep(struct raml_arena *a, const char **text)
{
    if (!*text) return true;
    *text = raml_arena_text(a, *text, strlen(*text));
    return *text != NULL;
}

static bool keep_exit(struct raml_arena *a, const struct raml_trajectory_exit **exit)
{
    if (!*exit) return true;
    struct raml_trajectory_exit *copy = raml_arena_alloc(a, 1, sizeof *copy);
    if (!copy) return false;
    *copy = **exit;
    *exit = copy;
    return keep(a, &copy->policy) && keep(a, &copy->reason);
}

static bool keep_trajectory(struct raml_arena *a, struct raml_trajectory *t)
{
    if (!t->text) t->text = "";
    if (!keep(a, &t->text) || !keep(a, &t->answer) || !keep(a, &t->finish_reason) || !keep(a, &t->style)) return false;
    if (!keep(a, &t->mode) || !keep_exit(a, &t->exit)) return false;
    if (!t->tokens) {
        t->n_tokens = 0;
        return true;
    }
    int32_t *tokens = raml_arena_alloc(a, t->n_tokens ? t->n_tokens : 1, sizeof *tokens);
    if (!tokens) return false;
    if (t->n_tokens) memcpy(tokens, t->tokens, t->n_tokens * sizeof *tokens);
    t->tokens = tokens;
    return true;
}

static bool keep_question(struct raml_arena *a, struct raml_question *q)
{
    if (!q->id) q->id = "";
    if (!q->question) q->question = "";
    if (!q->answer) q->answer = "";
    if (!keep(a, &q->id) || !keep(a, &q->question) || !keep(a, &q->answer)) return false;
    if (!keep(a, &q->family) || !keep(a, &q->split)) return false;
    struct raml_trajectory *to = NULL;
    if (q->n_trajectories) {
        to = raml_arena_alloc(a, q->n_trajectories, sizeof *to);
        if (!to) return false;
        memcpy(to, q->trajectory, q->n_trajectories * sizeof *to);
    }
    for (size_t i = 0; i < q->n_trajectories; i++)
        if (!keep_trajectory(a, &to[i])) return false;
    q->trajectory = to;
    return true;
}

static bool reserve_one(struct raml_questions *qs)
{
    if (!qs->arena) qs->arena = raml_arena_open(MAX_SET_BYTES);
    if (!qs->arena) return false;
    return !RAML_GROW(qs->question, qs->cap, qs->n + 1, "questions", NULL);
}

enum raml_code raml_questions_add(struct raml_questions *qs, const struct raml_question *q, struct raml_err *err)
{
    struct raml_question copy = *q;
    if (!reserve_one(qs) || !keep_question(qs->arena, &copy))
        return raml_fail(err, RAML_ENOMEM, "no memory for question '%s' after %zu others", q->id ? q->id : "", qs->n);
    qs->question[qs->n++] = copy;
    return RAML_OK;
}

/* The hash of normalised text: A to Z lower-cased, every run of ASCII whitespace one space, none at the ends; bytes
 * above 127 unchanged, so UTF-8 passes through. The normalised text is hashed in blocks of FOLD_BYTES, each with the
 * previous hash as its seed (the first with 0): text of any length without allocation, so it can't fail. */
uint64_t raml_question_hash(const char *question)
{
    char block[FOLD_BYTES];
    uint64_t hash = 0;
    size_t n = 0;
    bool gap = false, any = false;
    for (const char *p = question; *p; p++) {
        if (is_space(*p)) {
            gap = any;
            continue;
        }
        if (n + 2 > sizeof block) {
            hash = raml_hash(block, n, hash);
            n = 0;
        }
        if (gap) block[n++] = ' ';
        block[n++] = to_lower(*p);
        gap = false;
        any = true;
    }
    return raml_hash(block, n, hash);
}

bool raml_question_is_test(uint64_t hash, uint32_t part, uint32_t whole)
{
    return hash % whole < part;
}
