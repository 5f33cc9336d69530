/* curve_fields.c - see curve_fields.h. */
#include "study/curve_fields.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* -- Checking ------------------------------------------------------------------------------------------------------ */

enum kind { FINITE, OR_NULL, RISING, TEXTS, TRUTHS };

static bool is_entry(const json_t *v, enum kind kind)
{
    if (kind == TRUTHS) return json_is_boolean(v);
    if (json_is_null(v)) return kind == OR_NULL || kind == TEXTS;
    if (kind == TEXTS) return json_is_string(v);
    return json_is_number(v) && isfinite(json_number_value(v));
}

static bool is_list(const json_t *list, size_t n, enum kind kind)
{
    if (!json_is_array(list) || json_array_size(list) != n) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!is_entry(v, kind)) return false;
        if (kind == RISING && i && json_number_value(v) <= json_number_value(json_array_get(list, i - 1))) return false;
    }
    return true;
}

static bool has(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);
    return v && !json_is_null(v);
}

static bool is_optional_list(const json_t *obj, const char *key, size_t n, enum kind kind)
{
    return !has(obj, key) || is_list(json_object_get(obj, key), n, kind);
}

static bool is_answer(const json_t *v, size_t n_points)
{
    return is_list(json_object_get(v, "L"), n_points, FINITE) && is_optional_list(v, "greedy", n_points, TRUTHS) &&
           is_optional_list(v, "p", n_points, OR_NULL) && is_optional_list(v, "p_mean", n_points, OR_NULL) &&
           (!has(v, "name") || json_is_string(json_object_get(v, "name"))) &&
           (!has(v, "text") || json_is_string(json_object_get(v, "text"))) &&
           (!has(v, "n_answer") || json_is_integer(json_object_get(v, "n_answer")));
}

static bool are_layers(const json_t *v, size_t n_points)
{
    const json_t *layer = json_object_get(v, "layer"), *loss = json_object_get(v, "L");
    size_t n = json_array_size(layer);
    if (n == 0 || !is_list(layer, n, RISING) || json_array_size(loss) != n) return false;
    for (size_t k = 0; k < n; k++)
        if (!is_list(json_array_get(loss, k), n_points, FINITE)) return false;
    return true;
}

static bool is_optional_text(const json_t *v, const char *key)
{
    return !has(v, key) || json_is_string(json_object_get(v, key));
}

static bool is_word(const json_t *v, const char *key)
{
    const char *text = json_string_value(json_object_get(v, key));
    return text && *text;
}

/* end: i of L's last value. */
static bool is_mark(const json_t *v, double end)
{
    const json_t *at = json_object_get(v, "at");
    return json_is_number(at) && json_number_value(at) >= 0 && json_number_value(at) <= end && is_word(v, "kind") &&
           is_word(v, "name") && is_optional_text(v, "text") &&
           (!has(v, "value") || json_is_number(json_object_get(v, "value")));
}

/* rc: of what was checked before; its message stays. */
static enum raml_code check_marks(const struct raml_place *place, json_t *obj, size_t n_tokens, enum raml_code rc,
                                  struct raml_err *err)
{
    json_t *marks = json_object_get(obj, "marks");
    const json_t *at = json_object_get(obj, "at");
    double end = json_is_array(at) ? json_number_value(json_array_get(at, n_tokens)) : (double)n_tokens;
    if (has(obj, "marks") && !json_is_array(marks)) {
        if (!rc) rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: marks is not an array", place->path, place->line);
        json_object_del(obj, "marks");
        return rc;
    }
    for (size_t k = json_array_size(marks); k-- > 0;) {
        const json_t *mark = json_array_get(marks, k);
        if (is_mark(mark, end)) continue;
        if (!rc && is_mark(mark, INFINITY))
            rc = raml_fail(err, RAML_EFORMAT,
                           "%s:%zu: marks[%zu] is at %g, beyond the trajectory's last token; expected 0 to %g",
                           place->path, place->line, k, json_number_value(json_object_get(mark, "at")), end);
        if (!rc)
            rc = raml_fail(err, RAML_EFORMAT,
                           "%s:%zu: marks[%zu] has no kind, no name or no at of 0 to %g, or another field is wrong",
                           place->path, place->line, k, end);
        json_array_remove(marks, k);
    }
    return rc;
}

enum raml_code raml_curve_fields_check(const struct raml_place *at, json_t *obj, size_t n_tokens, struct raml_err *err)
{
    static const struct {
        const char *name;
        size_t more; /* values than tokens */
        enum kind kind;
    } field[] = {{"at", 1, RISING},    {"commitment", 1, OR_NULL}, {"entropy", 0, OR_NULL},
                 {"logp", 0, OR_NULL}, {"role", 0, TEXTS},         {"update_size", 1, OR_NULL}};
    enum raml_code rc = RAML_OK;
    for (size_t f = 0; f < sizeof field / sizeof *field; f++) {
        size_t n = n_tokens + field[f].more;
        if (is_optional_list(obj, field[f].name, n, field[f].kind)) continue;
        if (!rc)
            rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: %s has %zu values, or one of a wrong type; expected %zu %s",
                           at->path, at->line, field[f].name, json_array_size(json_object_get(obj, field[f].name)), n,
                           field[f].kind == TEXTS ? "texts" : "numbers");
        json_object_del(obj, field[f].name);
    }
    if (has(obj, "layers") && !are_layers(json_object_get(obj, "layers"), n_tokens + 1)) {
        if (!rc)
            rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: layers is not {\"layer\": [m], \"L\": [m][%zu]} in numbers",
                           at->path, at->line, n_tokens + 1);
        json_object_del(obj, "layers");
    }
    json_t *answers = json_object_get(obj, "answers");
    for (size_t k = json_array_size(answers); k-- > 0;) {
        if (is_answer(json_array_get(answers, k), n_tokens + 1)) continue;
        if (!rc)
            rc = raml_fail(err, RAML_EFORMAT, "%s:%zu: answers[%zu] has no L of %zu numbers, or another field is wrong",
                           at->path, at->line, k, n_tokens + 1);
        json_array_remove(answers, k);
    }
    return check_marks(at, obj, n_tokens, rc, err);
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

/* NULL: no such field, or no memory (*ok is false then). */
static double *numbers(const json_t *list, bool *ok)
{
    size_t n = json_array_size(list);
    if (n == 0) return NULL;
    double *out = malloc(n * sizeof *out);
    *ok = *ok && out;
    for (size_t i = 0; out && i < n; i++) {
        const json_t *v = json_array_get(list, i);
        out[i] = json_is_number(v) ? json_number_value(v) : NAN;
    }
    return out;
}

static bool *truths(const json_t *list, bool *ok)
{
    size_t n = json_array_size(list);
    if (n == 0) return NULL;
    bool *out = malloc(n * sizeof *out);
    *ok = *ok && out;
    for (size_t i = 0; out && i < n; i++) out[i] = json_is_true(json_array_get(list, i));
    return out;
}

static bool read_layers(const json_t *layers, size_t n_points, struct raml_curve_fields *f)
{
    bool ok = true;
    const json_t *loss = json_object_get(layers, "L");
    if (!json_is_object(layers)) return true;
    f->layer = numbers(json_object_get(layers, "layer"), &ok);
    size_t n = json_array_size(loss);
    f->layer_loss = malloc((n ? n : 1) * n_points * sizeof *f->layer_loss);
    if (!ok || !f->layer_loss) return false;
    f->n_layers = n;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n_points; i++)
            f->layer_loss[k * n_points + i] = json_number_value(json_array_get(json_array_get(loss, k), i));
    return true;
}

static bool read_answers(const json_t *answers, struct raml_curve_fields *f)
{
    bool ok = true;
    size_t n = json_array_size(answers);
    if (n == 0) return true;
    f->answer = calloc(n, sizeof *f->answer);
    if (!f->answer) return false;
    f->n_answers = n;
    for (size_t k = 0; k < n; k++) {
        const json_t *v = json_array_get(answers, k);
        json_int_t n_answer = json_integer_value(json_object_get(v, "n_answer"));
        f->answer[k] = (struct raml_coloured_answer){.name = json_string_value(json_object_get(v, "name")),
                                                     .text = json_string_value(json_object_get(v, "text")),
                                                     .loss = numbers(json_object_get(v, "L"), &ok),
                                                     .greedy = truths(json_object_get(v, "greedy"), &ok),
                                                     .p = numbers(json_object_get(v, "p"), &ok),
                                                     .p_mean = numbers(json_object_get(v, "p_mean"), &ok),
                                                     .n_answer = n_answer > 0 ? (size_t)n_answer : 0};
    }
    return ok;
}

static bool read_marks(const json_t *marks, struct raml_curve_fields *f)
{
    size_t n = json_array_size(marks);
    if (n == 0) return true;
    f->mark = calloc(n, sizeof *f->mark);
    if (!f->mark) return false;
    f->n_marks = n;
    for (size_t k = 0; k < n; k++) {
        const json_t *v = json_array_get(marks, k), *value = json_object_get(v, "value");
        f->mark[k] = (struct raml_coloured_mark){.at = json_number_value(json_object_get(v, "at")),
                                                 .kind = json_string_value(json_object_get(v, "kind")),
                                                 .name = json_string_value(json_object_get(v, "name")),
                                                 .text = json_string_value(json_object_get(v, "text")),
                                                 .value = json_is_number(value) ? json_number_value(value) : NAN};
    }
    return true;
}

static bool read_roles(const json_t *role, struct raml_curve_fields *f)
{
    size_t n = json_array_size(role);
    if (n == 0) return true;
    f->role = calloc(n, sizeof *f->role);
    for (size_t i = 0; f->role && i < n; i++) f->role[i] = json_string_value(json_array_get(role, i));
    return f->role;
}

enum raml_code raml_curve_fields_read(const json_t *obj, size_t n_tokens, struct raml_curve_fields *f,
                                      struct raml_err *err)
{
    bool ok = true;
    *f = (struct raml_curve_fields){.at = numbers(json_object_get(obj, "at"), &ok)};
    f->commitment = numbers(json_object_get(obj, "commitment"), &ok);
    f->entropy = numbers(json_object_get(obj, "entropy"), &ok);
    f->logp = numbers(json_object_get(obj, "logp"), &ok);
    f->update = numbers(json_object_get(obj, "update_size"), &ok);
    ok = read_layers(json_object_get(obj, "layers"), n_tokens + 1, f) && ok;
    ok = read_answers(json_object_get(obj, "answers"), f) && ok;
    ok = read_roles(json_object_get(obj, "role"), f) && ok;
    ok = read_marks(json_object_get(obj, "marks"), f) && ok;
    return ok ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a trajectory of %zu tokens", n_tokens);
}

void raml_curve_fields_deinit(struct raml_curve_fields *f)
{
    double *const array[] = {f->at, f->commitment, f->layer, f->layer_loss, f->entropy, f->logp, f->update};
    for (size_t i = 0; i < sizeof array / sizeof *array; i++) free(array[i]);
    for (size_t k = 0; k < f->n_answers; k++) {
        free((void *)f->answer[k].loss);
        free((void *)f->answer[k].greedy);
        free((void *)f->answer[k].p);
        free((void *)f->answer[k].p_mean);
    }
    free(f->answer);
    free(f->role);
    free(f->mark);
    *f = (struct raml_curve_fields){0};
}

void raml_curve_fields_show(const struct raml_curve_fields *f, struct raml_coloured *t)
{
    t->at = f->at;
    t->answer = f->answer;
    t->n_answers = f->n_answers;
    t->commitment = f->commitment;
    t->layer = f->layer;
    t->layer_loss = f->layer_loss;
    t->n_layers = f->n_layers;
    t->entropy = f->entropy;
    t->logp = f->logp;
    t->role = f->role;
    t->update = f->update;
    t->mark = f->mark;
    t->n_marks = f->n_marks;
}
