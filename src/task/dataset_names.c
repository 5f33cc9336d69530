/* dataset_names.c - which field of a file plays which role. See dataset.h; the list is in docs/data.md. */
#include "task/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 24, FIELDS_BYTES = 256 };

static const char *const role_name[N_ROLES] = {"id",     "question", "choices",    "answer", "trajectory",
                                               "labels", "family",   "difficulty", "split"};
/* In order of preference. */
static const char *const candidates[N_ROLES][MAX_NAMES] = {
    [ROLE_ID] = {"id", "ID", "unique_id", "problem_idx", "idx", "question_id", "uuid", "Record ID", "Problem ID",
                 "extra_info.index"},
    [ROLE_QUESTION] = {"question", "problem", "Question", "Problem", "prompt", "instruction", "query", "messages",
                       "conversations", "question_stem", "question.stem"},
    [ROLE_CHOICES] = {"choices", "options", "question.choices"},
    [ROLE_ANSWER] = {"answer", "Answer", "answerKey", "expected_answer", "final_answer", "gold", "ground_truth",
                     "reward_model.ground_truth", "Short Answer", "Correct Answer", "answer_index", "answer_idx",
                     "correct", "label"},
    [ROLE_TRAJECTORY] = {"trajectories", "generations", "completions", "samples", "generation", "completion",
                         "response", "output", "solution", "Solution", "reference_solution", "messages",
                         "conversations"},
    [ROLE_LABELS] = {"labels", "correctness_math_verify", "correct"},
    [ROLE_FAMILY] = {"family", "subject", "type", "data_source", "category", "Category", "Subdomain", "question_type"},
    [ROLE_DIFFICULTY] = {"difficulty", "level"},
    [ROLE_SPLIT] = {"split", "extra_info.split"},
};
/* Options in separate fields. Where the first is also the answer's field, their order is random. */
static const struct {
    const char *first, *last, *names;
} columns[] = {
    {"Correct Answer", "Incorrect Answer 3", "Correct Answer+Incorrect Answer 1+Incorrect Answer 2+Incorrect Answer 3"},
    {"A", "D", "A+B+C+D"},
};
/* Fields of a preference file. */
static const char PAIR[] = "chosen+rejected";
/* Names that mean an answer only if the row has options. */
static const char *const beside_choices[] = {"answer_index", "answer_idx", "correct", "label"};
/* Fields whose last \boxed{} is the answer when no field has just the answer. */
static const char *const solutions[] = {"solution", "Solution", "reference_solution"};

/* As the sets' own loaders join them: AGIEval and OpenCompass put passage + question, SVAMP body + " " + question. */
static const struct dataset_context contexts[] = {
    {"passage", ""},   {"Passage", ""},   {"Body", " "},   {"body", " "},       {"context", "\n"},
    {"Context", "\n"}, {"article", "\n"}, {"story", "\n"}, {"paragraph", "\n"}, {"background", "\n"},
};
/* Questions that may have one; a prompt or a chat is whole. */
static const char *const with_context[] = {"question", "Question", "problem", "Problem", "query", "question_stem"};
/* Fields that are read under no role. */
static const char *const known_fields[] = {"input",   "choice_answer", "question_type",
                                           "letters", "style",         "finish_reason"};

static bool is_one_of(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(word, list[i])) return true;
    return false;
}

static void settle_context(const struct dataset_row *r)
{
    struct dataset_names *names = r->names;
    const char *question = names->name[ROLE_QUESTION];
    if (names->context || names->mapped[ROLE_QUESTION] || !question ||
        !is_one_of(question, with_context, sizeof with_context / sizeof *with_context))
        return;
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts && !names->context; i++)
        if (json_is_string(json_object_get(r->obj, contexts[i].name))) names->context = &contexts[i];
}

/* Is the field the first part of a path in names ("a.b+c"), or all of it? */
static bool is_named(const char *field, const char *names)
{
    size_t n = strlen(field);
    for (const char *p = names; *p; p += strcspn(p, "+"), p += *p == '+') {
        size_t all = strcspn(p, "+");
        if (all >= n && !memcmp(p, field, n) && (all == n || p[n] == '.')) return true;
    }
    return false;
}

static bool is_read(const struct dataset_names *names, const char *field)
{
    for (int i = 0; i < N_ROLES; i++)
        if (names->name[i] && is_named(field, names->name[i])) return true;
    if (names->context && !strcmp(field, names->context->name)) return true;
    return is_one_of(field, known_fields, sizeof known_fields / sizeof *known_fields);
}

/* Once a field's name, as far as they fit. */
static void note_unread(const struct dataset_row *r)
{
    char *list = r->names->unread;
    for (void *it = json_object_iter((json_t *)r->obj); it; it = json_object_iter_next((json_t *)r->obj, it)) {
        const char *field = json_object_iter_key(it);
        size_t n = strlen(list), m = strlen(field);
        if (is_read(r->names, field) || json_is_null(json_object_iter_value(it))) continue;
        bool listed = false;
        for (const char *p = list; *p && !listed; p += strcspn(p, ","), p += strspn(p, ", "))
            listed = strcspn(p, ",") == m && !memcmp(p, field, m);
        if (!listed && n + m + 3 < sizeof r->names->unread)
            snprintf(list + n, sizeof r->names->unread - n, "%s%s", n ? ", " : "", field);
    }
}

const char *raml_dataset_type(const json_t *v)
{
    if (!v) return "missing";
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return json_array_size(v) == 0 ? "an empty list" : "a list";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE: return "true or false";
    default: return "null";
    }
}

json_t *raml_dataset_value(const json_t *obj, const char *path)
{
    while (obj) {
        json_t *v = json_object_get(obj, path);
        if (v) return json_is_null(v) ? NULL : v;
        const char *dot = strchr(path, '.');
        if (!dot) return NULL;
        obj = json_object_getn(obj, path, (size_t)(dot - path));
        path = dot + 1;
    }
    return NULL;
}

bool raml_dataset_pair_names(const char *names, char name[2][DATASET_NAME])
{
    const char *plus = strchr(names, '+'), *second = plus ? plus + 1 : "";
    size_t n = plus ? (size_t)(plus - names) : 0;
    if (!n || !*second || strchr(second, '+') || n >= DATASET_NAME || strlen(second) >= DATASET_NAME) return false;
    memcpy(name[0], names, n);
    name[0][n] = 0;
    strcpy(name[1], second);
    return true;
}

/* Does the row have the two fields of `names`, as texts or chats? */
static bool is_pair(const json_t *obj, const char *names)
{
    char name[2][DATASET_NAME];
    if (!raml_dataset_pair_names(names, name)) return false;
    for (size_t i = 0; i < 2; i++) {
        const json_t *v = raml_dataset_value(obj, name[i]);
        if (!json_is_string(v) && !json_is_array(v)) return false;
    }
    return true;
}

static bool same(const char *a, const char *b, size_t n)
{
    return strlen(a) == n && memcmp(a, b, n) == 0;
}

static int find_role(const char *word, size_t n)
{
    for (int i = 0; i < N_ROLES; i++)
        if (same(role_name[i], word, n)) return i;
    if (same("problem", word, n)) return ROLE_QUESTION;
    if (same("options", word, n)) return ROLE_CHOICES;
    if (same("trajectories", word, n) || same("generations", word, n)) return ROLE_TRAJECTORY;
    return -1;
}

enum raml_code raml_dataset_names_init(struct dataset_names *names, const char *map, struct raml_err *err)
{
    *names = (struct dataset_names){0};
    if (!map || !*map) return RAML_OK;
    names->map = strdup(map);
    if (!names->map) return raml_fail(err, RAML_ENOMEM, "no memory for the field mapping");
    for (char *p = names->map, *next; p; p = next) {
        next = strchr(p, ',');
        if (next) *next++ = 0;
        char *equals = strchr(p, '='), pair[2][DATASET_NAME];
        int role = equals ? find_role(p, (size_t)(equals - p)) : -1;
        enum raml_code rc = RAML_OK;
        if (!equals)
            rc = raml_fail(err, RAML_EUSAGE, "map: found '%.80s'; expected role=field, as in question=Problem", p);
        else if (role < 0)
            rc = raml_fail(err, RAML_EUSAGE,
                           "map: found role '%.*s'; expected id, question, choices, answer, trajectory, labels, "
                           "family, difficulty or split",
                           (int)(equals - p > 80 ? 80 : equals - p), p);
        else if (names->mapped[role])
            rc = raml_fail(err, RAML_EUSAGE, "map: role '%s' is given twice", role_name[role]);
        else if (role == ROLE_QUESTION && !equals[1])
            rc = raml_fail(err, RAML_EUSAGE, "map: role 'question' has no field; it is required");
        else if (role == ROLE_TRAJECTORY && strchr(equals, '+') && !raml_dataset_pair_names(equals + 1, pair))
            rc = raml_fail(err, RAML_EUSAGE,
                           "map: found '%.80s'; expected trajectory=FIELD or trajectory=CHOSEN+REJECTED", p);
        if (rc) {
            raml_dataset_names_deinit(names);
            return rc;
        }
        if (role == ROLE_TRAJECTORY) names->pairs = strchr(equals, '+');
        names->name[role] = equals + 1;
        names->mapped[role] = true;
    }
    return RAML_OK;
}

void raml_dataset_names_deinit(struct dataset_names *names)
{
    free(names->map);
    *names = (struct dataset_names){0};
}

static bool is_chat(const char *name)
{
    return strcmp(name, "messages") == 0 || strcmp(name, "conversations") == 0;
}

/* Texts, numbers, or objects in the layouts of dataset_choice.c; not an API's choices, nor a table of settings. */
static bool may_be_options(const json_t *v)
{
    const json_t *first = json_is_array(v) ? json_array_get(v, 0) : v;
    if (json_is_object(first)) return json_object_get(first, "text") || (first == v && json_object_get(v, "A"));
    return first != v && (json_is_string(first) || json_is_number(first));
}

/* Can this field have that role in this row? */
static bool plays(const struct dataset_row *r, enum dataset_role role, const char *name)
{
    const struct dataset_names *names = r->names;
    json_t *v = raml_dataset_value(r->obj, name);
    if (!v) return false;
    switch (role) {
    case ROLE_TRAJECTORY:
        if (is_chat(name)) { /* the assistant's side of the chat that contains the question */
            const char *question = names->name[ROLE_QUESTION];
            return question && strcmp(question, name) == 0 && raml_dataset_message(v, "assistant");
        }
        if (names->mapped[ROLE_ANSWER] && strcmp(names->name[ROLE_ANSWER], name) == 0) return false;
        return json_is_string(v) || json_is_array(v);
    case ROLE_QUESTION: return !json_is_object(v);
    case ROLE_CHOICES: return may_be_options(v);
    case ROLE_ANSWER:
        for (size_t i = 0; i < sizeof beside_choices / sizeof *beside_choices; i++)
            if (strcmp(name, beside_choices[i]) == 0)
                return names->name[ROLE_CHOICES] && *names->name[ROLE_CHOICES] &&
                       (json_is_string(v) || json_is_integer(v));
        return true;
    case ROLE_LABELS: return strcmp(name, "correct") || !json_is_string(v);
    case ROLE_FAMILY:
    case ROLE_SPLIT: return json_is_string(v);
    default: return true;
    }
}

/* Options in separate fields. */
static void settle_columns(const struct dataset_row *r)
{
    const char **name = &r->names->name[ROLE_CHOICES];
    for (size_t i = 0; i < sizeof columns / sizeof *columns && !*name; i++)
        if (json_is_string(json_object_get(r->obj, columns[i].first)) &&
            json_is_string(json_object_get(r->obj, columns[i].last)))
            *name = columns[i].names;
}

static void settle_role(struct dataset_row *r, enum dataset_role role)
{
    struct dataset_names *names = r->names;
    if (names->name[role]) return;
    if (role == ROLE_TRAJECTORY && is_pair(r->obj, PAIR)) {
        names->name[role] = PAIR;
        names->pairs = true;
        return;
    }
    for (size_t i = 0; i < MAX_NAMES && candidates[role][i]; i++) {
        if (!plays(r, role, candidates[role][i])) continue;
        names->name[role] = candidates[role][i];
        break;
    }
    if (role == ROLE_CHOICES) settle_columns(r);
    if (role == ROLE_QUESTION && names->name[role] && strcmp(names->name[role], "instruction") == 0)
        names->name[role] = "instruction+input";
    for (size_t i = 0; role == ROLE_ANSWER && !names->name[role] && i < sizeof solutions / sizeof *solutions; i++) {
        if (!json_is_string(raml_dataset_value(r->obj, solutions[i]))) continue;
        names->name[role] = solutions[i];
        names->boxed_answer = true;
    }
}

/* A preference file without a prompt: what chosen and rejected begin with is the question. */
static bool settle_implicit(struct dataset_names *names, const json_t *obj)
{
    const char *pair = names->pairs ? names->name[ROLE_TRAJECTORY] : PAIR;
    if ((names->name[ROLE_TRAJECTORY] && !names->pairs) || !is_pair(obj, pair)) return false;
    names->name[ROLE_QUESTION] = pair;
    return true;
}

static bool has_foreign(const json_t *obj)
{
    static const char *const ours[] = {"id",         "question", "answer",  "family",
                                       "difficulty", "split",    "letters", "trajectories"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) n += json_object_get(obj, ours[i]) != NULL;
    return n < json_object_size(obj);
}

enum raml_code raml_dataset_settle(struct dataset_row *r, struct raml_err *err)
{
    struct dataset_names *names = r->names;
    char fields[FIELDS_BYTES];
    for (int i = 0; i < N_ROLES && !names->settled; i++) {
        if (!names->mapped[i] || !names->name[i][0] || strchr(names->name[i], '+')) continue;
        if (!raml_dataset_value(r->obj, names->name[i]))
            return raml_fail(err, RAML_EFORMAT, "%s:%zu: field '%.64s', mapped to %s, is missing; found fields: %s",
                             r->at.path, r->at.line, names->name[i], role_name[i],
                             raml_json_fields(r->obj, fields, sizeof fields));
    }
    if (!names->settled) {
        settle_role(r, ROLE_QUESTION);
        names->implicit = !names->name[ROLE_QUESTION] && settle_implicit(names, r->obj);
        if (!names->name[ROLE_QUESTION])
            return raml_fail(err, RAML_EFORMAT,
                             "%s:%zu: no known field for a question; found fields: %s; expected question, "
                             "problem, prompt, ..., or a mapping question=FIELD",
                             r->at.path, r->at.line, raml_json_fields(r->obj, fields, sizeof fields));
        names->settled = true;
    }
    for (int i = 0; i < N_ROLES; i++) settle_role(r, (enum dataset_role)i);
    settle_context(r);
    note_unread(r);
    if (!names->foreign) names->foreign = has_foreign(r->obj);
    return RAML_OK;
}

static const char *layout_of(const struct dataset_names *names)
{
    const char *const *name = names->name;
    const char *text = name[ROLE_TRAJECTORY];
    if (names->objects) return "raml";
    if (names->pairs) return "preference";
    if (names->hashes == HASHES_ALL && !(text && *text)) return "gsm8k";
    if (names->list) return "rollouts";
    if (name[ROLE_CHOICES] && *name[ROLE_CHOICES]) return "choices";
    for (size_t i = 0; text && i < sizeof solutions / sizeof *solutions; i++)
        if (strcmp(text, solutions[i]) == 0) return "math";
    return !names->foreign && name[ROLE_ID] && !text ? "raml" : "generic";
}

void raml_dataset_report(const struct dataset_names *names, struct raml_fields *out)
{
    *out = (struct raml_fields){.layout = layout_of(names)};
    snprintf(out->context, sizeof out->context, "%s", names->context ? names->context->name : "");
    snprintf(out->unread, sizeof out->unread, "%s", names->unread);
    char *const to[N_ROLES] = {out->id,     out->question, out->choices,    out->answer, out->trajectory,
                               out->labels, out->family,   out->difficulty, out->split};
    for (int i = 0; i < N_ROLES; i++)
        snprintf(to[i], i == ROLE_CHOICES ? sizeof out->choices : sizeof out->id, "%s",
                 names->name[i] ? names->name[i] : "");
    if (names->hashes == HASHES_ALL && !out->trajectory[0])
        snprintf(out->trajectory, sizeof out->trajectory, "%s", out->answer);
}
