/* dataset_choice.c - multiple choice: options in their layouts to one text, and the correct one to its letter. See
 * dataset.h and docs/data.md.
 *
 * Options are a list of texts (MMLU, MMLU-Pro, AQuA), a list of {label, text} or an object of the two lists text and
 * label (ARC), an object by letter (MedQA), or separate fields (GPQA, C-Eval). The options are formatted as in
 * openai/simple-evals, common.py.
 */
#include "task/dataset.h"

#include "core/ascii.h"
#include "raml/buf.h"
#include "raml/rng.h"

#include <stdlib.h>
#include <string.h>

static const size_t MAX_TEXT_BYTES = (size_t)1 << 30;

static enum raml_code no_memory(const struct dataset_row *r, struct raml_err *err)
{
    return raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory for the row's options", r->at.path, r->at.line);
}

static enum raml_code add(struct dataset_row *r, struct dataset_choices *c, const char *name, const json_t *text,
                          const json_t *label, struct raml_err *err)
{
    if (c->n == DATASET_MAX_CHOICES)
        return raml_dataset_fault(r, name, err, "has more than %d options", DATASET_MAX_CHOICES);
    const char *s = json_is_array(text) ? NULL : raml_dataset_scalar(r, text);
    if (!s)
        return raml_dataset_fault(r, name, err, "option %zu is %s; expected a string or a number", c->n + 1,
                                  raml_dataset_type(text));
    if (label && !json_is_string(label))
        return raml_dataset_fault(r, name, err, "the label of option %zu is %s; expected a string", c->n + 1,
                                  raml_dataset_type(label));
    struct dataset_text t = raml_dataset_trim(s, strlen(s));
    c->label[c->n] = json_string_value(label);
    c->text[c->n] = raml_dataset_copy(r, t);
    return c->text[c->n++] ? RAML_OK : no_memory(r, err);
}

static enum raml_code read_list(struct dataset_row *r, struct dataset_choices *c, const char *name, const json_t *list,
                                struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        bool pair = json_is_object(v);
        rc = add(r, c, name, pair ? json_object_get(v, "text") : v, pair ? json_object_get(v, "label") : NULL, err);
    }
    return rc;
}

/* {"text": [...], "label": [...]} */
static enum raml_code read_pair(struct dataset_row *r, struct dataset_choices *c, const char *name, const json_t *text,
                                const json_t *label, struct raml_err *err)
{
    if (!json_is_array(text) || !json_is_array(label) || json_array_size(text) != json_array_size(label))
        return raml_dataset_fault(r, name, err, "needs 'text' and 'label', two lists of the same length");
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < json_array_size(text); i++)
        rc = add(r, c, name, json_array_get(text, i), json_array_get(label, i), err);
    return rc;
}

/* {"A": ..., "B": ...} */
static enum raml_code read_letters(struct dataset_row *r, struct dataset_choices *c, const char *name,
                                   const json_t *obj, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (char key[2] = "A"; !rc && key[0] <= 'Z'; key[0]++) {
        const json_t *v = json_object_get(obj, key);
        if (!v || json_is_null(v)) break;
        rc = add(r, c, name, v, NULL, err);
    }
    if (!rc && c->n < json_object_size(obj)) {
        char fields[128];
        return raml_dataset_fault(r, name, err, "has the keys %s; expected A, B, ... in their order",
                                  raml_json_fields(obj, fields, sizeof fields));
    }
    return rc;
}

/* "Correct Answer+Incorrect Answer 1+...": separate fields, those that the row has. */
static enum raml_code read_columns(struct dataset_row *r, struct dataset_choices *c, const char *names,
                                   struct raml_err *err)
{
    const char *answer = r->names->name[ROLE_ANSWER];
    enum raml_code rc = RAML_OK;
    for (const char *p = names, *end; !rc && *p; p = *end ? end + 1 : end) {
        end = strchr(p, '+');
        if (!end) end = p + strlen(p);
        const char *name = raml_dataset_copy(r, (struct dataset_text){p, (size_t)(end - p)});
        if (!name) return no_memory(r, err);
        json_t *v = raml_dataset_value(r->obj, name);
        if (p == names) c->first_is_correct = answer && strcmp(answer, name) == 0;
        if (p == names && !v) return raml_dataset_fault(r, name, err, "is missing; expected the first option");
        if (v) rc = add(r, c, name, v, NULL, err);
    }
    return rc;
}

enum raml_code raml_dataset_choices_read(struct dataset_row *r, struct dataset_choices *c, struct raml_err *err)
{
    const char *name = r->names->name[ROLE_CHOICES];
    *c = (struct dataset_choices){0};
    if (!name || !*name) return RAML_OK;
    json_t *v = raml_dataset_value(r->obj, name);
    enum raml_code rc = RAML_OK;
    if (!v && strchr(name, '+')) {
        rc = read_columns(r, c, name, err);
    } else if (!v || (json_is_array(v) && json_array_size(v) == 0)) {
        if (r->names->mapped[ROLE_CHOICES] && !v) return raml_dataset_fault(r, name, err, "is missing");
        return RAML_OK; /* mixed sets have rows without options */
    } else if (json_is_array(v)) {
        rc = read_list(r, c, name, v, err);
    } else if (json_object_get(v, "text")) {
        rc = read_pair(r, c, name, json_object_get(v, "text"), json_object_get(v, "label"), err);
    } else if (json_is_object(v)) {
        rc = read_letters(r, c, name, v, err);
    } else {
        return raml_dataset_fault(r, name, err, "is %s; expected options", raml_dataset_type(v));
    }
    if (!rc && c->n < 2) return raml_dataset_fault(r, name, err, "has %zu options; expected at least 2", c->n);
    return rc;
}

/* -- Which one is correct ----------------------------------------------------------------------------------------- */

static bool ends_label(char c)
{
    return c == ')' || c == '.' || c == ':' || c == ',' || c == ']';
}

/* The text after its own label "A)", "(A)", "A.", "A:"; NULL: it has none. */
static const char *after_label(const char *s, char letter)
{
    bool open = *s == '(' || *s == '[';
    s += open;
    if (*s != letter || !ends_label(s[1]) || (open && s[1] != ')' && s[1] != ']')) return NULL;
    s += 2;
    return s + strspn(s, " \t\n");
}

/* Removes letters that the options already have. */
static void strip_labels(struct dataset_choices *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (!after_label(c->text[i], (char)('A' + i))) return;
    for (size_t i = 0; i < c->n; i++) c->text[i] = after_label(c->text[i], (char)('A' + i));
}

/* Only letters, as in "C", "(C)", "A, C" or "AC": their set; 0: something else. */
static uint32_t letters_of(const char *s, size_t n)
{
    uint32_t set = 0;
    for (; *s; s++) {
        if (strchr(" ,;()[].", *s)) continue;
        if (*s < 'A' || *s >= 'A' + (int)n || set >> (*s - 'A') & 1) return 0;
        set |= (uint32_t)1 << (*s - 'A');
    }
    return set;
}

/* The options that a text names: by label, letter, text or number from 0 on. 0: none. */
static uint32_t find_text(const struct dataset_choices *c, const char *s)
{
    struct dataset_text t = raml_dataset_trim(s, strlen(s));
    for (size_t i = 0; i < c->n; i++)
        if (c->label[i] && strlen(c->label[i]) == t.n && memcmp(c->label[i], t.s, t.n) == 0) return (uint32_t)1 << i;
    for (size_t i = 0; i < c->n; i++)
        if (strlen(c->text[i]) == t.n && memcmp(c->text[i], t.s, t.n) == 0) return (uint32_t)1 << i;
    uint32_t set = letters_of(s, c->n);
    if (set) return set;
    for (size_t i = 0; i < c->n; i++) { /* "C. the text", which gives both */
        const char *rest = after_label(t.s, (char)('A' + i));
        if (rest && strcmp(rest, c->text[i]) == 0) return (uint32_t)1 << i;
    }
    char *end;
    unsigned long x = t.n && t.n < 3 && is_digit(t.s[0]) ? strtoul(t.s, &end, 10) : c->n;
    return x < c->n && end == t.s + t.n ? (uint32_t)1 << x : 0;
}

/* The set of correct options. */
static enum raml_code find_correct(struct dataset_row *r, const struct dataset_choices *c, const char *name,
                                   const json_t *gold, uint32_t *set, struct raml_err *err)
{
    *set = 0;
    if (json_is_array(gold) && json_array_size(gold)) {
        for (size_t i = 0; i < json_array_size(gold); i++) {
            uint32_t one;
            const json_t *v = json_array_get(gold, i);
            if (json_is_array(v)) return raml_dataset_fault(r, name, err, "contains a nested list");
            enum raml_code rc = find_correct(r, c, name, v, &one, err);
            if (rc) return rc;
            *set |= one;
        }
        return RAML_OK;
    }
    if (json_is_integer(gold)) {
        json_int_t x = json_integer_value(gold);
        if (x >= 0 && x < (json_int_t)c->n) *set = (uint32_t)1 << x;
    } else if (json_is_string(gold)) {
        *set = find_text(c, json_string_value(gold));
    } else {
        return raml_dataset_fault(r, name, err, "is %s; expected a letter, a number or an option's text",
                                  raml_dataset_type(gold));
    }
    if (*set) return RAML_OK;
    const char *text = raml_dataset_scalar(r, gold);
    return raml_dataset_fault(r, name, err,
                              "is '%.80s'; expected the letter, the text or the number (from 0 on) of one "
                              "of %zu options",
                              text ? text : "", c->n);
}

/* -- The text ----------------------------------------------------------------------------------------------------- */

static enum raml_code compose(struct dataset_row *r, const struct dataset_choices *c, const uint32_t *order,
                              struct raml_question *q, struct raml_err *err)
{
    struct raml_buf b;
    struct dataset_text stem = raml_dataset_trim(q->question, strlen(q->question));
    raml_buf_init(&b, MAX_TEXT_BYTES);
    raml_buf_add(&b, stem.s, stem.n);
    raml_buf_adds(&b, "\n");
    for (size_t i = 0; i < c->n; i++) {
        raml_buf_addf(&b, "\n%c) ", (char)('A' + i));
        raml_buf_adds(&b, c->text[order[i]]);
    }
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) q->question = raml_dataset_copy(r, (struct dataset_text){b.data, b.len});
    raml_buf_deinit(&b);
    return rc ? rc : q->question ? RAML_OK : no_memory(r, err);
}

enum raml_code raml_dataset_choices_apply(struct dataset_row *r, struct dataset_choices *c, const char *name,
                                          const json_t *gold, struct raml_question *q, struct raml_err *err)
{
    uint32_t order[DATASET_MAX_CHOICES], set = 0;
    char answer[3 * DATASET_MAX_CHOICES + 1] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < c->n; i++) order[i] = i;
    strip_labels(c);
    enum raml_code rc = RAML_OK;
    if (c->first_is_correct) {
        struct raml_rng rng = {.key = {r->seed, RAML_FOR_CHOICES, raml_question_hash(q->question), 0, 0}};
        raml_rng_shuffle(&rng, order, (uint32_t)c->n);
        set = 1;
    } else if (gold) {
        rc = find_correct(r, c, name, gold, &set, err);
    }
    if (!rc) rc = compose(r, c, order, q, err);
    if (rc) return rc;
    for (size_t i = 0; i < c->n; i++) {
        if (!(set >> order[i] & 1)) continue;
        if (n) memcpy(answer + n, ", ", 2), n += 2;
        answer[n++] = (char)('A' + i);
    }
    q->letters = n <= 1; /* several letters are a set, which is compared as one */
    q->answer = raml_dataset_copy(r, (struct dataset_text){answer, n});
    return q->answer ? RAML_OK : no_memory(r, err);
}
