/* trace_answers.c - see trace_answers.h. */
#include "study/trace_answers.h"

#include "core/array.h"
#include "core/file.h"
#include "core/hash_map.h"
#include "core/json.h"
#include "eval/answer_classes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_KINDS = 5, KIND_CHOICES = RAML_ANSWER_LETTERS, MAX_LINE_BYTES = 1 << 24, MAX_GIVEN = 32 };

struct given { /* a line of the file */
    json_t *object;
    const char *id;
    size_t line;
    bool used;
};

struct raml_answer_chooser {
    size_t kind[MAX_KINDS], n_kinds; /* slots; KIND_CHOICES stands for all letters */
    struct given *given;
    size_t n_given, cap_given;
    struct raml_hash_map by_id;
    const struct raml_question *question; /* whose classes these are; NULL: none */
    struct raml_answer_classes classes;
    const char *majority, *wrong; /* of that question; NULL: none */
};

const char *raml_answer_slot_name(size_t slot)
{
    static const char *const name[RAML_ANSWER_SLOTS] = {
        "gold",     "own",      "majority", "wrong",    "A",        "B",        "C",        "D",        "E",
        "F",        "G",        "H",        "I",        "J",        "K",        "L",        "M",        "N",
        "O",        "P",        "Q",        "R",        "S",        "T",        "U",        "V",        "W",
        "X",        "Y",        "Z",        "given 1",  "given 2",  "given 3",  "given 4",  "given 5",  "given 6",
        "given 7",  "given 8",  "given 9",  "given 10", "given 11", "given 12", "given 13", "given 14", "given 15",
        "given 16", "given 17", "given 18", "given 19", "given 20", "given 21", "given 22", "given 23", "given 24",
        "given 25", "given 26", "given 27", "given 28", "given 29", "given 30", "given 31", "given 32"};
    return slot < RAML_ANSWER_SLOTS ? name[slot] : "unknown";
}

const char *raml_answer_slot_kind(size_t slot)
{
    if (slot < RAML_ANSWER_LETTERS) return raml_answer_slot_name(slot);
    return slot < RAML_ANSWER_GIVEN ? "choice" : "given";
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static enum raml_code add_kind(struct raml_answer_chooser *c, const char *word, size_t n, struct raml_err *err)
{
    static const char *const name[MAX_KINDS] = {"gold", "own", "majority", "wrong", "choices"};
    size_t kind = 0;
    while (kind < MAX_KINDS && (strlen(name[kind]) != n || strncmp(name[kind], word, n))) kind++;
    if (kind == MAX_KINDS)
        return raml_fail(err, RAML_EUSAGE,
                         "answers: found '%.*s'; expected a list of gold, own, majority, wrong, choices",
                         (int)(n < 40 ? n : 40), word);
    for (size_t i = 0; i < c->n_kinds; i++)
        if (c->kind[i] == kind) return raml_fail(err, RAML_EUSAGE, "answers: '%s' is there twice", name[kind]);
    c->kind[c->n_kinds++] = kind;
    return RAML_OK;
}

static struct given *find_given(const struct raml_answer_chooser *c, const char *id)
{
    uint64_t hash = raml_hash(id, strlen(id), 0);
    uint32_t i;
    for (size_t step = 0; (i = raml_hash_map_next(&c->by_id, hash, &step)) != RAML_HASH_NONE;)
        if (strcmp(c->given[i].id, id) == 0) return &c->given[i];
    return NULL;
}

static enum raml_code check_given(const struct raml_place *at, const json_t *list, struct raml_err *err)
{
    size_t n = json_array_size(list);
    if (n == 0 || n > MAX_GIVEN)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: field 'answers' has %zu entries; expected 1 to %d", at->path,
                         at->line, n, MAX_GIVEN);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text || text[strspn(text, " \t\r\n")] == 0)
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: answers[%zu] is %s; expected a text", at->path, at->line, i,
                             text ? "empty" : "no text");
    }
    return RAML_OK;
}

static enum raml_code add_given(void *user, const struct raml_place *at, json_t *object, struct raml_err *err)
{
    struct raml_answer_chooser *c = user;
    const char *id;
    size_t len;
    json_t *list;
    enum raml_code rc = raml_json_str(at, object, "id", &id, &len, err);
    if (!rc) rc = raml_json_array(at, object, "answers", &list, err);
    if (!rc) rc = check_given(at, list, err);
    if (rc) return rc;
    const struct given *before = find_given(c, id);
    if (before)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: id '%.100s' is also in line %zu", at->path, at->line, id,
                         before->line);
    rc = RAML_GROW(c->given, c->cap_given, c->n_given + 1, "given answers", err);
    if (rc) return rc;
    if (!raml_hash_map_add(&c->by_id, raml_hash(id, len, 0), (uint32_t)c->n_given))
        return raml_fail(err, RAML_ENOMEM, "no memory for given answers");
    c->given[c->n_given++] = (struct given){.object = json_incref(object), .id = id, .line = at->line};
    return RAML_OK;
}

static enum raml_code read_given(struct raml_answer_chooser *c, const char *path, struct raml_err *err)
{
    enum raml_code rc = raml_json_lines(path, MAX_LINE_BYTES, add_given, c, err);
    if (!rc && c->n_given == 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s: there is no answer in it; expected {\"id\", \"answers\"} a line", path);
    return rc;
}

enum raml_code raml_answer_chooser_open(const char *kinds, const char *given, struct raml_answer_chooser **out,
                                        struct raml_err *err)
{
    struct raml_answer_chooser *c = calloc(1, sizeof *c);
    if (!c) return raml_fail(err, RAML_ENOMEM, "no memory to choose answers");
    enum raml_code rc = RAML_OK;
    for (const char *at = kinds; !rc;) {
        size_t n = strcspn(at, ",");
        rc = add_kind(c, at, n, err);
        if (!at[n]) break;
        at += n + 1;
    }
    if (!rc && given) rc = read_given(c, given, err);
    if (rc) raml_answer_chooser_close(c);
    else *out = c;
    return rc;
}

void raml_answer_chooser_close(struct raml_answer_chooser *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->n_given; i++) json_decref(c->given[i].object);
    free(c->given);
    raml_hash_map_deinit(&c->by_id);
    raml_answer_classes_deinit(&c->classes);
    free(c);
}

bool raml_answer_chooser_several(const struct raml_answer_chooser *c)
{
    return c->n_kinds > 1 || c->n_given || c->kind[0] == KIND_CHOICES;
}

size_t raml_answer_chooser_first(const struct raml_answer_chooser *c)
{
    return c->kind[0];
}

size_t raml_answer_chooser_unused(const struct raml_answer_chooser *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_given; i++) n += !c->given[i].used;
    return n;
}

/* -- A question's votes -------------------------------------------------------------------------------------------- */

static enum raml_code count_votes(struct raml_answer_chooser *c, const struct raml_question *q, struct raml_err *err)
{
    size_t n = q->n_trajectories;
    if (n > UINT32_MAX) return raml_fail(err, RAML_ERANGE, "question '%.100s': %zu samples are too many", q->id, n);
    const char **answer = calloc(n + 1, sizeof *answer);
    bool *flag = calloc(3 * n + 1, sizeof *flag);
    struct raml_graded graded = {.id = q->id, .gold = q->answer, .n = (uint32_t)n, .has_answers = true};
    enum raml_code rc = answer && flag ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu answers", n);
    for (size_t i = 0; !rc && i < n; i++) {
        const struct raml_trajectory *t = &q->trajectory[i];
        answer[i] = t->answer;
        flag[i] = t->correct == RAML_EQUAL;
        flag[n + i] = t->finish_reason && !strcmp(t->finish_reason, "length");
        flag[2 * n + i] = !t->think_closed;
    }
    if (!rc) {
        graded.answer = answer;
        graded.correct = flag;
        graded.truncated = flag + n;
        graded.unclosed = flag + 2 * n;
        rc = raml_answer_classes_count(&c->classes, &graded, err);
    }
    if (!rc && c->classes.n) { /* texts of classes are the question's own */
        const struct raml_vote *v = c->classes.vote;
        size_t best = 0;
        for (size_t k = 1; k < c->classes.n; k++)
            if (v[k].n > v[best].n) best = k;
        c->majority = c->classes.first[best].text;
    }
    free(answer);
    free(flag);
    return rc;
}

/* Not the question's answer, and in no sample graded as such. */
static void find_wrong(struct raml_answer_chooser *c, const struct raml_question *q)
{
    uint32_t most = 0;
    if (!q->answer || !*q->answer) return;
    for (size_t k = 0; k < c->classes.n; k++) {
        const struct raml_vote *v = &c->classes.vote[k];
        const char *text = c->classes.first[k].text;
        if (v->n <= most || v->correct || !strcmp(text, q->answer)) continue;
        if (raml_answer_check(q->answer, text) == RAML_EQUAL) continue;
        most = v->n;
        c->wrong = text;
    }
}

static enum raml_code vote(struct raml_answer_chooser *c, const struct raml_question *q, struct raml_err *err)
{
    if (c->question == q) return RAML_OK;
    c->question = NULL;
    c->majority = c->wrong = NULL;
    enum raml_code rc = count_votes(c, q, err);
    if (rc) return rc;
    find_wrong(c, q);
    c->question = q;
    return RAML_OK;
}

/* -- The list ------------------------------------------------------------------------------------------------------ */

static void add(struct raml_asked_list *list, size_t slot, const char *text)
{
    if (!text || !*text) return;
    size_t i = 0;
    for (; i < list->n; i++) {
        const char *other = list->answer[i].text;
        if (!strcmp(other, text) || raml_answer_check(other, text) == RAML_EQUAL) break;
    }
    if (i == list->n) list->answer[list->n++] = (struct raml_asked){.slot = slot, .text = text};
    bool letter = slot >= RAML_ANSWER_LETTERS && slot < RAML_ANSWER_GIVEN;
    if (letter) list->answer[i].text = text; /* options are compared in one spelling */
    list->answer[i].also |= UINT64_C(1) << slot;
    list->of_slot[slot] = (int)i;
}

/* The options stand at the question's end, "\nA) ..." and so on (question.h). */
static size_t count_options(const char *question)
{
    const char *at = NULL;
    for (const char *p = question; (p = strstr(p, "\nA) ")) != NULL; p++) at = p;
    size_t n = 0;
    while (at && n < 26) {
        const char mark[] = {'\n', (char)('A' + ++n), ')', ' ', 0};
        at = strstr(at, mark);
    }
    return n;
}

static void add_options(struct raml_asked_list *list, const struct raml_question *q)
{
    size_t n = q->letters ? count_options(q->question) : 0;
    for (size_t k = 0; k < n; k++) add(list, RAML_ANSWER_LETTERS + k, raml_answer_slot_name(RAML_ANSWER_LETTERS + k));
}

static enum raml_code add_kind_of(struct raml_answer_chooser *c, const struct raml_question *q, size_t sample,
                                  size_t kind, struct raml_asked_list *list, struct raml_err *err)
{
    bool votes = kind == RAML_ANSWER_MAJORITY || kind == RAML_ANSWER_WRONG;
    enum raml_code rc = votes ? vote(c, q, err) : RAML_OK;
    if (rc) return rc;
    if (kind == KIND_CHOICES) {
        add_options(list, q);
        return RAML_OK;
    }
    const char *const text[] = {q->answer, q->trajectory[sample].answer, c->majority, c->wrong};
    add(list, kind, text[kind]);
    return RAML_OK;
}

enum raml_code raml_answer_choose(struct raml_answer_chooser *c, const struct raml_question *q, size_t sample,
                                  struct raml_asked_list *out, struct raml_err *err)
{
    struct raml_asked_list list = {.n = 0};
    for (size_t s = 0; s < RAML_ANSWER_SLOTS; s++) list.of_slot[s] = -1;
    *out = list;
    for (size_t i = 0; i < c->n_kinds; i++) {
        enum raml_code rc = add_kind_of(c, q, sample, c->kind[i], &list, err);
        if (rc) return rc;
        if (i == 0 && list.n == 0) return RAML_OK;
    }
    struct given *g = c->n_given ? find_given(c, q->id) : NULL;
    for (size_t k = 0; g && k < json_array_size(json_object_get(g->object, "answers")); k++)
        add(&list, RAML_ANSWER_GIVEN + k, json_string_value(json_array_get(json_object_get(g->object, "answers"), k)));
    if (g) g->used = true;
    *out = list;
    return RAML_OK;
}
