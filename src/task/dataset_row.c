/* dataset_row.c - one JSON object to one question. See dataset.h and docs/data.md. */
#include "task/dataset.h"

#include "core/ascii.h"
#include "raml/buf.h"
#include "raml/family.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS_BYTES = 256, MAX_LEVEL_DIGITS = 6, ID_BYTES = 300 };

static enum raml_code missing(const struct dataset_row *r, const char *field, struct raml_err *err)
{
    char fields[FIELDS_BYTES];
    if (json_object_get(r->obj, field)) return raml_dataset_fault(r, field, err, "is null; expected a value");
    return raml_dataset_fault(r, field, err, "is missing; found fields: %s",
                              raml_json_fields(r->obj, fields, sizeof fields));
}

static enum raml_code no_memory(const struct dataset_row *r, struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory for the row's texts", r->at.path, r->at.line);
}

/* The field's name if the role is to be read, else NULL. */
static const char *name_of(const struct dataset_row *r, enum dataset_role role)
{
    const char *name = r->names->name[role];
    return name && *name ? name : NULL;
}

/* "instruction+input": the parts that are present and not empty, joined by newlines. */
static enum raml_code read_joined(struct dataset_row *r, const char *names, const char **out, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, (size_t)1 << 30);
    enum raml_code rc = RAML_OK;
    bool first = true;
    for (const char *p = names, *end; !rc && *p; p = *end ? end + 1 : end, first = false) {
        end = strchr(p, '+');
        if (!end) end = p + strlen(p);
        char *name = strndup(p, (size_t)(end - p));
        json_t *v = name ? raml_dataset_value(r->obj, name) : NULL;
        const char *part = json_string_value(v);
        if (!name) rc = no_memory(r, err);
        else if (!v && first) rc = missing(r, name, err);
        else if (v && !part) rc = raml_dataset_fault(r, name, err, "is %s; expected a string", raml_dataset_type(v));
        if (!rc && part && *part) {
            if (text.len) raml_buf_adds(&text, "\n");
            raml_buf_adds(&text, part);
        }
        free(name);
    }
    if (!rc) rc = raml_buf_status(&text, err);
    if (!rc) *out = raml_dataset_copy(r, (struct dataset_text){text.data ? text.data : "", text.len});
    if (!rc && !*out) rc = no_memory(r, err);
    raml_buf_deinit(&text);
    return rc;
}

/* The passage that the question is about, in front of it. */
static enum raml_code add_context(struct dataset_row *r, struct raml_question *q, struct raml_err *err)
{
    const struct dataset_context *c = r->names->context;
    const json_t *v = c ? json_object_get(r->obj, c->name) : NULL;
    const char *text = json_string_value(v);
    if (v && !text && !json_is_null(v))
        return raml_dataset_fault(r, c->name, err, "is %s; expected a string", raml_dataset_type(v));
    if (!text || !*text) return RAML_OK;
    struct raml_buf both;
    raml_buf_init(&both, (size_t)1 << 30);
    raml_buf_addf(&both, "%s%s%s", text, c->between, q->question);
    enum raml_code rc = raml_buf_status(&both, err);
    if (!rc) q->question = raml_dataset_copy(r, (struct dataset_text){both.data, both.len});
    raml_buf_deinit(&both);
    return rc || q->question ? rc : no_memory(r, err);
}

static enum raml_code read_question(struct dataset_row *r, struct raml_question *q, struct raml_err *err)
{
    const char *name = name_of(r, ROLE_QUESTION);
    json_t *v = raml_dataset_value(r->obj, name);
    if (!v && strchr(name, '+')) {
        enum raml_code rc = read_joined(r, name, &q->question, err);
        if (rc) return rc;
    } else if (!v) {
        return missing(r, name, err);
    } else if (json_is_string(v)) {
        q->question = json_string_value(v);
    } else {
        q->question = raml_dataset_message(v, "user");
        if (!q->question && json_is_array(v))
            return raml_dataset_fault(r, name, err, "has no message with role user and a text");
        if (!q->question)
            return raml_dataset_fault(r, name, err, "is %s; expected a string or a list of messages",
                                      raml_dataset_type(v));
    }
    if (!raml_dataset_trim(q->question, strlen(q->question)).n)
        return raml_dataset_fault(r, name, err, "is empty; expected a question");
    return add_context(r, q, err);
}

/* GSM8K: gold after the last "####", the solution before it. *solution: that text, if there is no other. */
static enum raml_code read_answer(struct dataset_row *r, struct raml_question *q, const char **solution,
                                  struct raml_err *err)
{
    struct dataset_names *names = r->names;
    const char *name = name_of(r, ROLE_ANSWER);
    q->answer = "";
    if (!name) return RAML_OK;
    json_t *v = raml_dataset_value(r->obj, name);
    if (!v) return missing(r, name, err);
    const char *text = raml_dataset_scalar(r, v);
    if (!text)
        return raml_dataset_fault(r, name, err, "is %s; expected a string, a number or a list of one of these",
                                  raml_dataset_type(v));
    struct dataset_text before, gold = raml_dataset_trim(text, strlen(text));
    bool hashes = !names->boxed_answer && raml_dataset_split_hashes(text, &before, &gold);
    if (!names->boxed_answer && names->hashes == HASHES_ALL && !hashes)
        return raml_dataset_fault(r, name, err, "does not end in a line '#### answer', as the rows before it do");
    if (names->hashes == HASHES_NONE && hashes)
        return raml_dataset_fault(r, name, err, "ends in a line '#### answer', which the rows before it do not");
    names->hashes = hashes ? HASHES_ALL : HASHES_NONE;
    const char *boxed = NULL;
    if (!hashes && !raml_dataset_boxed(r, (struct dataset_text){text, strlen(text)}, &boxed)) return no_memory(r, err);
    if (!boxed && names->boxed_answer)
        return raml_dataset_fault(r, name, err, "has no \\boxed{...}; expected the answer in one");
    q->answer = boxed ? boxed : raml_dataset_copy(r, gold);
    if (hashes && !name_of(r, ROLE_TRAJECTORY)) *solution = raml_dataset_copy(r, before);
    return q->answer && (!hashes || name_of(r, ROLE_TRAJECTORY) || *solution) ? RAML_OK : no_memory(r, err);
}

/* A letter where the options are part of the question's text: "choice_answer" beside the answer (Qwen2.5-Math's gaokao
 * sets), or the only correct one by the question's type (LiveMathBench). */
static enum raml_code read_letter(struct dataset_row *r, struct raml_question *q, struct raml_err *err)
{
    const char *letter = json_string_value(json_object_get(r->obj, "choice_answer"));
    const char *type = json_string_value(json_object_get(r->obj, "question_type"));
    struct dataset_text t = raml_dataset_trim(letter ? letter : q->answer, strlen(letter ? letter : q->answer));
    bool one = t.n == 1 && is_upper(t.s[0]);
    bool single = type && (strcmp(type, "single-choice") == 0 || strcmp(type, "\xe5\x8d\x95\xe9\x80\x89") == 0);
    q->letters = one && (letter || single);
    if (!q->letters || !letter || r->names->mapped[ROLE_ANSWER]) return RAML_OK;
    q->answer = raml_dataset_copy(r, t);
    return q->answer ? RAML_OK : no_memory(r, err);
}

/* The answer; for multiple choice also the options, which are appended to the question. */
static enum raml_code read_gold(struct dataset_row *r, struct raml_question *q, const char **solution,
                                struct raml_err *err)
{
    struct dataset_choices c;
    const char *name = name_of(r, ROLE_ANSWER);
    enum raml_code rc = raml_dataset_choices_read(r, &c, err);
    if (!rc && c.n) {
        const json_t *gold = name ? raml_dataset_value(r->obj, name) : NULL;
        if (name && !gold) return missing(r, name, err);
        return raml_dataset_choices_apply(r, &c, name, gold, q, err);
    }
    if (!rc) rc = read_answer(r, q, solution, err);
    if (!rc) rc = read_letter(r, q, err);
    if (json_is_true(json_object_get(r->obj, "letters"))) q->letters = true; /* our own files */
    return rc;
}

static enum raml_code read_verdict(const struct dataset_row *r, const char *field, const json_t *v,
                                   enum raml_verdict *out, struct raml_err *err)
{
    if (!v || json_is_null(v)) {
        *out = RAML_UNKNOWN;
        return RAML_OK;
    }
    double x = json_is_number(v) ? json_number_value(v) : -1;
    if (!json_is_boolean(v) && x != 0 && x != 1)
        return raml_dataset_fault(r, field, err, "is %s; expected true, false, 0 or 1",
                                  json_is_number(v) ? "another number" : raml_dataset_type(v));
    *out = json_is_true(v) || x == 1 ? RAML_EQUAL : RAML_DIFFERENT;
    return RAML_OK;
}

static enum raml_code read_tokens(struct dataset_row *r, const json_t *v, struct raml_trajectory *t,
                                  struct raml_err *err)
{
    if (!v || json_is_null(v)) return RAML_OK;
    if (!json_is_array(v))
        return raml_dataset_fault(r, "tokens", err, "is %s; expected a list of token ids", raml_dataset_type(v));
    size_t n = json_array_size(v);
    int32_t *token = raml_arena_alloc(r->scratch, n ? n : 1, sizeof *token);
    if (!token) return no_memory(r, err);
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(v, i);
        json_int_t x = json_is_integer(id) ? json_integer_value(id) : -1;
        if (x < 0 || x > INT32_MAX)
            return raml_dataset_fault(r, "tokens", err, "entry %zu is %s; expected a token id", i + 1,
                                      json_is_integer(id) ? "out of range" : raml_dataset_type(id));
        token[i] = (int32_t)x;
    }
    t->tokens = token;
    t->n_tokens = n;
    return RAML_OK;
}

/* An unsigned 64-bit number: an integer, or its digits as a string, since JSON readers would lose the top bit. */
static enum raml_code read_seed(const struct dataset_row *r, const json_t *v, uint64_t *out, struct raml_err *err)
{
    if (!v || json_is_null(v)) return RAML_OK;
    if (json_is_integer(v) && json_integer_value(v) >= 0) {
        *out = (uint64_t)json_integer_value(v);
        return RAML_OK;
    }
    const char *s = json_string_value(v);
    size_t n = s ? strlen(s) : 0, digits = s ? strspn(s, "0123456789") : 0;
    if (!n || n != digits || n > 20)
        return raml_dataset_fault(r, "seed", err, "is %s; expected a number from 0 on", raml_dataset_type(v));
    *out = strtoull(s, NULL, 10);
    return RAML_OK;
}

/* An optional string; NULL when absent or null. */
static enum raml_code read_text(const struct dataset_row *r, const json_t *obj, const char *field, const char **out,
                                struct raml_err *err)
{
    const json_t *v = json_object_get(obj, field);
    *out = json_string_value(v);
    if (*out || !v || json_is_null(v)) return RAML_OK;
    return raml_dataset_fault(r, field, err, "is %s; expected a string", raml_dataset_type(v));
}

/* The trajectory's range among the tokens. */
static enum raml_code read_place(struct dataset_row *r, const json_t *obj, struct raml_trajectory *t,
                                 struct raml_err *err)
{
    const json_t *start = json_object_get(obj, "think_start"), *end = json_object_get(obj, "think_end");
    if ((!start && !end) || !t->tokens) return RAML_OK;
    json_int_t a = json_is_integer(start) ? json_integer_value(start) : -1;
    json_int_t b = json_is_integer(end) ? json_integer_value(end) : -1;
    if (a < 0 || b < a || (uint64_t)b > t->n_tokens)
        return raml_dataset_fault(r, "think_start, think_end", err,
                                  "are %lld and %lld; expected a range within the %zu tokens", (long long)a,
                                  (long long)b, t->n_tokens);
    t->think_start = (size_t)a;
    t->think_end = (size_t)b;
    return RAML_OK;
}

static bool read_count(const json_t *obj, const char *field, size_t *out)
{
    const json_t *v = json_object_get(obj, field);
    *out = json_is_integer(v) && json_integer_value(v) >= 0 ? (size_t)json_integer_value(v) : 0;
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

/* How early exit ended the trajectory. */
static enum raml_code read_exit(struct dataset_row *r, const json_t *v, struct raml_trajectory *t, struct raml_err *err)
{
    if (!v || json_is_null(v)) return RAML_OK;
    struct raml_trajectory_exit *e = raml_arena_alloc(r->scratch, 1, sizeof *e);
    if (!e) return no_memory(r, err);
    const json_t *policy = json_object_get(v, "policy");
    e->policy = json_string_value(policy);
    e->reason = json_string_value(json_object_get(v, "reason"));
    if (!e->reason || (!e->policy && !json_is_null(policy)) || !read_count(v, "at", &e->at) ||
        !read_count(v, "probes", &e->probes) || !read_count(v, "probe_tokens", &e->probe_tokens))
        return raml_dataset_fault(r, "exit", err,
                                  "is %s; expected an object with policy, at, reason, probes, probe_tokens",
                                  raml_dataset_type(v));
    t->exit = e;
    return RAML_OK;
}

/* One of our own trajectory objects. */
static enum raml_code read_object(struct dataset_row *r, const json_t *obj, struct raml_trajectory *t,
                                  struct raml_err *err)
{
    *t = (struct raml_trajectory){.correct = RAML_UNKNOWN, .think_closed = true, .logp_sum = NAN};
    enum raml_code rc = read_text(r, obj, "text", &t->text, err);
    if (!rc && !t->text) return raml_dataset_fault(r, "text", err, "is missing");
    if (!rc) rc = read_text(r, obj, "answer", &t->answer, err);
    if (!rc) rc = read_verdict(r, "correct", json_object_get(obj, "correct"), &t->correct, err);
    if (!rc) rc = read_text(r, obj, "finish_reason", &t->finish_reason, err);
    if (!rc) rc = read_text(r, obj, "style", &t->style, err);
    if (!rc) rc = read_text(r, obj, "mode", &t->mode, err);
    if (!rc) rc = read_tokens(r, json_object_get(obj, "tokens"), t, err);
    if (!rc) rc = read_place(r, obj, t, err);
    if (!rc) rc = read_seed(r, json_object_get(obj, "seed"), &t->seed, err);
    if (!rc) rc = read_exit(r, json_object_get(obj, "exit"), t, err);
    if (rc) return rc;
    const json_t *closed = json_object_get(obj, "think_closed"), *logp = json_object_get(obj, "logp_sum");
    const json_t *whole = json_object_get(obj, "whole");
    if (whole && !json_is_boolean(whole))
        return raml_dataset_fault(r, "whole", err, "is %s; expected true or false", raml_dataset_type(whole));
    if (closed && !json_is_boolean(closed))
        return raml_dataset_fault(r, "think_closed", err, "is %s; expected true or false", raml_dataset_type(closed));
    if (logp && !json_is_null(logp) && !json_is_number(logp))
        return raml_dataset_fault(r, "logp_sum", err, "is %s; expected a number", raml_dataset_type(logp));
    if (closed) t->think_closed = json_is_true(closed);
    t->whole = json_is_true(whole);
    if (json_is_number(logp)) t->logp_sum = json_number_value(logp);
    return RAML_OK;
}

/* Trajectory i of the field's value: an object of ours, a model's text, or a chat that contains one. */
static enum raml_code read_one(struct dataset_row *r, const struct raml_question *q, const json_t *v,
                               struct raml_trajectory *t, struct raml_err *err)
{
    const char *name = name_of(r, ROLE_TRAJECTORY);
    if (json_is_object(v)) {
        r->names->objects = true;
        return read_object(r, v, t, err);
    }
    const char *text = json_is_string(v) ? json_string_value(v) : raml_dataset_message(v, "assistant");
    if (!text)
        return raml_dataset_fault(r, name, err, "contains %s; expected a text or an object with a text",
                                  raml_dataset_type(v));
    enum raml_code rc = raml_dataset_split_think(r, text, t, err);
    if (!rc) t->correct = raml_question_check(q, t->answer);
    return rc;
}

/* Grades (correct or wrong) beside the trajectories. */
static enum raml_code read_labels(struct dataset_row *r, struct raml_question *q, bool list, struct raml_err *err)
{
    const char *name = name_of(r, ROLE_LABELS), *texts = name_of(r, ROLE_TRAJECTORY);
    const json_t *v = name ? raml_dataset_value(r->obj, name) : NULL;
    if (!v) return RAML_OK;
    if (!json_is_array(v) && !list && q->n_trajectories == 1)
        return read_verdict(r, name, v, &q->trajectory[0].correct, err);
    if (!json_is_array(v)) return raml_dataset_fault(r, name, err, "is %s; expected a list", raml_dataset_type(v));
    if (json_array_size(v) != q->n_trajectories)
        return raml_dataset_fault(r, name, err, "has %zu entries; expected %zu, as many as '%.64s'", json_array_size(v),
                                  q->n_trajectories, texts);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < q->n_trajectories; i++)
        rc = read_verdict(r, name, json_array_get(v, i), &q->trajectory[i].correct, err);
    return rc;
}

/* Allocates n trajectories. */
static enum raml_code reserve(struct dataset_row *r, struct raml_question *q, size_t n, struct raml_err *err)
{
    q->trajectory = raml_arena_alloc(r->scratch, n ? n : 1, sizeof *q->trajectory);
    if (!q->trajectory) return no_memory(r, err);
    q->n_trajectories = n;
    return RAML_OK;
}

static enum raml_code read_trajectories(struct dataset_row *r, struct raml_question *q, const char *solution,
                                        struct raml_err *err)
{
    const char *name = name_of(r, ROLE_TRAJECTORY);
    const json_t *v = name ? raml_dataset_value(r->obj, name) : NULL;
    if (!v && name && r->names->mapped[ROLE_TRAJECTORY]) return missing(r, name, err);
    const char *plain = json_string_value(v); /* an empty text is not a trajectory (DeepScaleR has such solutions) */
    if (plain && !raml_dataset_trim(plain, strlen(plain)).n) v = NULL;
    if (!v && !solution) return RAML_OK;
    if (!v) {
        enum raml_code rc = reserve(r, q, 1, err);
        if (rc) return rc;
        q->trajectory[0] = (struct raml_trajectory){
            .text = solution, .answer = q->answer, .correct = RAML_EQUAL, .think_closed = true, .logp_sum = NAN};
        return RAML_OK;
    }
    const json_t *first = json_array_get(v, 0); /* a chat is a list too, of objects that have a speaker */
    bool chat = json_object_get(first, "role") || json_object_get(first, "from");
    bool list = json_is_array(v) && !chat;
    if (!list && !json_is_string(v) && !chat)
        return raml_dataset_fault(r, name, err, "is %s; expected a text or a list of them", raml_dataset_type(v));
    if (list) r->names->list = true;
    enum raml_code rc = reserve(r, q, list ? json_array_size(v) : 1, err);
    for (size_t i = 0; !rc && i < q->n_trajectories; i++)
        rc = read_one(r, q, list ? json_array_get(v, i) : v, &q->trajectory[i], err);
    return rc ? rc : read_labels(r, q, list, err);
}

/* 3, "3" or "Level 3"; -1: unknown, which is an error only in a field that the user named. */
static enum raml_code read_difficulty(struct dataset_row *r, struct raml_question *q, struct raml_err *err)
{
    const char *name = name_of(r, ROLE_DIFFICULTY);
    const json_t *v = name ? raml_dataset_value(r->obj, name) : NULL;
    q->difficulty = -1;
    if (!v) return RAML_OK;
    const char *s = json_string_value(v);
    size_t before = s ? strcspn(s, "0123456789") : 0, digits = s ? strspn(s + before, "0123456789") : 0;
    if (json_is_integer(v) && json_integer_value(v) >= 0 && json_integer_value(v) <= INT32_MAX)
        q->difficulty = (int)json_integer_value(v);
    else if (s && digits && digits <= MAX_LEVEL_DIGITS) q->difficulty = atoi(s + before);
    else if (r->names->mapped[ROLE_DIFFICULTY])
        return raml_dataset_fault(r, name, err, "is %s without a level; expected 3 or 'Level 3'", raml_dataset_type(v));
    return RAML_OK;
}

static enum raml_code read_id(struct dataset_row *r, struct raml_question *q, struct raml_err *err)
{
    const char *name = name_of(r, ROLE_ID);
    const json_t *v = name ? raml_dataset_value(r->obj, name) : NULL;
    if (v && !json_is_array(v)) {
        q->id = raml_dataset_scalar(r, v);
        return q->id ? RAML_OK
                     : raml_dataset_fault(r, name, err, "is %s; expected a string or a number", raml_dataset_type(v));
    }
    const char *slash = strrchr(r->at.path, '/'), *stem = slash ? slash + 1 : r->at.path;
    char id[ID_BYTES];
    snprintf(id, sizeof id, "%.*s:%zu", (int)strcspn(stem, "."), stem, r->at.line);
    q->id = raml_dataset_copy(r, (struct dataset_text){id, strlen(id)});
    return q->id ? RAML_OK : no_memory(r, err);
}

enum raml_code raml_dataset_row_read(struct dataset_row *r, struct raml_question *q, struct raml_err *err)
{
    const char *solution = NULL;
    *q = (struct raml_question){.line = r->at.line};
    enum raml_code rc = raml_dataset_settle(r, err);
    if (!rc) rc = read_id(r, q, err);
    bool pair = r->names->pairs;
    if (!rc && !r->names->implicit) rc = read_question(r, q, err);
    if (!rc && pair) rc = raml_dataset_pair_read(r, name_of(r, ROLE_TRAJECTORY), q, err);
    if (!rc) rc = read_gold(r, q, &solution, err);
    const char *family = name_of(r, ROLE_FAMILY), *split = name_of(r, ROLE_SPLIT);
    if (family) q->family = json_string_value(raml_dataset_value(r->obj, family)); /* before answers are checked */
    if (split) q->split = json_string_value(raml_dataset_value(r->obj, split));
    if (!rc && !pair) rc = read_trajectories(r, q, solution, err);
    return rc ? rc : read_difficulty(r, q, err);
}
