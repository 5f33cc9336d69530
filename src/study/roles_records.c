/* roles_records.c - units and marks as lines. See roles_parts.h. */
#include "study/roles_parts.h"

#include "core/json.h"
#include "core/path.h"
#include "study/text_sum.h"
#include "study/visible.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 26, TEXT_BYTES = 160 };

enum raml_code raml_roles_records_init(struct raml_roles_records *r, const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    raml_buf_init(&r->line, MAX_LINE_BYTES);
    enum raml_code rc = raml_path_join(path, dir, "units.jsonl", err);
    if (!rc) rc = raml_writer_init(&r->units, path, err);
    if (!rc) rc = raml_path_join(path, dir, "marks.jsonl", err);
    return rc ? rc : raml_writer_init(&r->marks, path, err);
}

void raml_roles_records_deinit(struct raml_roles_records *r)
{
    raml_writer_deinit(&r->units);
    raml_writer_deinit(&r->marks);
    raml_buf_deinit(&r->line);
}

enum raml_code raml_roles_records_commit(struct raml_roles_records *r, struct raml_err *err)
{
    enum raml_code rc = raml_writer_commit(&r->units, err);
    return rc ? rc : raml_writer_commit(&r->marks, err);
}

/* Takes o over; NULL: no memory. */
static enum raml_code write_line(struct raml_roles_records *r, struct raml_writer *to, json_t *o, struct raml_err *err)
{
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for a line about a trajectory");
    r->line.len = 0;
    raml_json_add(&r->line, o);
    raml_buf_adds(&r->line, "\n");
    json_decref(o);
    enum raml_code rc = raml_buf_status(&r->line, err);
    return rc ? rc : raml_writer_add(to, r->line.data, r->line.len, err);
}

static json_t *correct_of(const struct raml_roles_found *t)
{
    enum raml_verdict v = t->q->trajectory[t->sample].correct;
    return v == RAML_EQUAL ? json_true() : v == RAML_DIFFERENT ? json_false() : json_null();
}

/* The unit's bytes, what is no text in visible form. */
static json_t *text_of(const struct raml_roles_found *t, const struct raml_roles_unit *u)
{
    struct raml_buf bytes, visible;
    raml_buf_init(&bytes, MAX_LINE_BYTES);
    raml_buf_init(&visible, MAX_LINE_BYTES);
    for (size_t k = u->first; k <= u->last; k++) raml_buf_add(&bytes, t->piece[k - 1].s, t->piece[k - 1].n);
    json_t *s =
        bytes.len && memchr(bytes.data, 0, bytes.len) ? NULL : json_stringn(bytes.len ? bytes.data : "", bytes.len);
    if (!s && !bytes.code) {
        raml_text_visible(&visible, bytes.data, bytes.len);
        s = visible.code ? NULL : json_stringn(visible.len ? visible.data : "", visible.len);
    }
    raml_buf_deinit(&bytes);
    raml_buf_deinit(&visible);
    return s;
}

static bool is_word(const struct raml_roles_unit *u)
{
    return u->role == RAML_TOKEN_REFLECTION;
}

static json_t *unit_json(const struct raml_roles_found *t, size_t i)
{
    const struct raml_roles_unit *u = &t->unit[i];
    return json_pack("{s:s, s:I, s:o, s:s, s:o, s:o, s:I, s:I, s:f, s:f, s:f, s:o, s:I, s:o}", "id", t->q->id, "sample",
                     (json_int_t)t->sample, "correct", correct_of(t), "role", raml_token_role_name(u->role), "word",
                     raml_json_text(is_word(u) ? t->words->word[u->word] : NULL), "text", text_of(t, u), "first",
                     (json_int_t)u->first, "last", (json_int_t)u->last, "before", u->before, "after", u->after, "delta",
                     u->after - u->before, "entropy", raml_json_number((double)t->entropy[u->first - 1]), "windows",
                     (json_int_t)t->n_windows[i], "effect", raml_json_number(u->effect));
}

static json_t *mark_json(const struct raml_roles_found *t, size_t i)
{
    const struct raml_roles_unit *u = &t->unit[i];
    char text[TEXT_BYTES];
    int n = snprintf(text, sizeof text, "\u0394L %+.3g nats", u->after - u->before);
    if (t->n_windows[i])
        snprintf(text + n, sizeof text - (size_t)n, "; beside %zu matched windows: %+.3g", t->n_windows[i], u->effect);
    return json_pack("{s:I, s:s, s:s, s:o, s:s}", "at", (json_int_t)u->last, "kind", "word", "name",
                     t->words->word[u->word], "value", raml_json_number(u->effect), "text", text);
}

static enum raml_code write_marks(struct raml_roles_records *r, const struct raml_roles_found *t, struct raml_err *err)
{
    json_t *marks = json_array();
    int failed = !marks;
    for (size_t i = 0; !failed && i < t->n; i++)
        if (is_word(&t->unit[i])) failed = json_array_append_new(marks, mark_json(t, i));
    if (!failed && json_array_size(marks) == 0) {
        json_decref(marks);
        return RAML_OK;
    }
    json_t *o = json_pack("{s:s, s:I, s:o}", "id", t->q->id, "sample", (json_int_t)t->sample, "marks",
                          raml_json_checked(marks, failed));
    struct raml_text_sum sum = {0};
    for (size_t i = 0; i < t->n_tokens; i++) raml_text_sum_add(&sum, t->piece[i].s, t->piece[i].n);
    return write_line(r, &r->marks, raml_json_checked(o, o && !raml_text_sum_set(o, t->n_tokens, &sum)), err);
}

enum raml_code raml_roles_records_add(struct raml_roles_records *r, const struct raml_roles_found *t,
                                      struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < t->n; i++) rc = write_line(r, &r->units, unit_json(t, i), err);
    return rc ? rc : write_marks(r, t, err);
}
