/* dataset_write.c - questions as our own JSONL. See question.h; the fields and their order are in docs/data.md. */
#include "raml/question.h"

#include "raml/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "task/question_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const size_t MAX_LINE_BYTES = (size_t)1 << 30;

/* The length of the UTF-8 character at s[0..n), n > 0; 0: none (truncated, overlong, a surrogate, above U+10FFFF). */
static size_t character(const unsigned char *s, size_t n)
{
    static const uint32_t low[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (len < 2) return len;
    if (len > n) return 0;
    uint32_t c = s[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (s[i] >> 6 != 2) return 0;
        c = c << 6 | (s[i] & 0x3fu);
    }
    return c >= low[len] && c <= 0x10ffff && c >> 11 != 0x1b ? len : 0;
}

/* A JSON string. A byte-level model can stop in the middle of a character: bytes that are not UTF-8 become U+FFFD (a
 * sample's tokens are beside its text). NULL: no memory. */
static json_t *text_json(const char *text)
{
    json_t *v = json_string(text);
    if (v) return v;
    struct raml_buf b;
    raml_buf_init(&b, MAX_LINE_BYTES);
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0, n = strlen(text), len; i < n; i += len ? len : 1) {
        len = character(s + i, n - i);
        if (len) raml_buf_add(&b, s + i, len);
        else raml_buf_adds(&b, "\xef\xbf\xbd");
    }
    if (!b.code && b.data) v = json_string(b.data);
    raml_buf_deinit(&b);
    return v;
}

static json_t *tokens_json(const struct raml_trajectory *t)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < t->n_tokens; i++) {
        if (!json_array_append_new(list, json_integer(t->tokens[i]))) continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *seed_json(uint64_t seed)
{
    if (seed <= INT64_MAX) return json_integer((json_int_t)seed);
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, seed);
    return json_string(text);
}

static json_t *exit_json(const struct raml_trajectory_exit *e)
{
    return json_pack("{s:s?, s:I, s:s, s:I, s:I}", "policy", e->policy, "at", (json_int_t)e->at, "reason", e->reason,
                     "probes", (json_int_t)e->probes, "probe_tokens", (json_int_t)e->probe_tokens);
}

static json_t *trajectory_json(const struct raml_trajectory *t)
{
    json_t *o = json_object();
    bool sample = t->finish_reason != NULL;
    int bad = !o || json_object_set_new(o, "text", text_json(t->text));
    if (!bad && t->whole) bad = json_object_set_new(o, "whole", json_true());
    if (!bad && t->answer) bad = json_object_set_new(o, "answer", text_json(t->answer));
    if (!bad && t->correct != RAML_UNKNOWN)
        bad = json_object_set_new(o, "correct", json_boolean(t->correct == RAML_EQUAL));
    if (!bad && t->style) bad = json_object_set_new(o, "style", text_json(t->style));
    if (!bad && t->mode) bad = json_object_set_new(o, "mode", text_json(t->mode));
    if (!bad && sample) bad = json_object_set_new(o, "finish_reason", text_json(t->finish_reason));
    if (!bad && (sample || !t->think_closed))
        bad = json_object_set_new(o, "think_closed", json_boolean(t->think_closed));
    if (!bad && t->tokens && t->think_end)
        bad = json_object_set_new(o, "think_start", json_integer((json_int_t)t->think_start));
    if (!bad && t->tokens && t->think_end)
        bad = json_object_set_new(o, "think_end", json_integer((json_int_t)t->think_end));
    if (!bad && t->tokens) bad = json_object_set_new(o, "tokens", tokens_json(t));
    if (!bad && isfinite(t->logp_sum)) bad = json_object_set_new(o, "logp_sum", json_real(t->logp_sum));
    if (!bad && (sample || t->seed)) bad = json_object_set_new(o, "seed", seed_json(t->seed));
    if (!bad && t->exit) bad = json_object_set_new(o, "exit", exit_json(t->exit));
    return raml_json_checked(o, bad);
}

json_t *raml_question_json(const struct raml_question *q)
{
    json_t *o = json_object(), *list = q->n_trajectories ? json_array() : NULL;
    int bad = !o || (q->n_trajectories && !list);
    if (!bad)
        bad = json_object_set_new(o, "id", text_json(q->id)) ||
              json_object_set_new(o, "question", text_json(q->question));
    if (!bad) bad = json_object_set_new(o, "answer", text_json(q->answer));
    if (!bad && q->letters) bad = json_object_set_new(o, "letters", json_true());
    if (!bad && q->family) bad = json_object_set_new(o, "family", text_json(q->family));
    if (!bad && q->difficulty >= 0) bad = json_object_set_new(o, "difficulty", json_integer(q->difficulty));
    if (!bad && q->split) bad = json_object_set_new(o, "split", text_json(q->split));
    for (size_t i = 0; !bad && i < q->n_trajectories; i++)
        bad = json_array_append_new(list, trajectory_json(&q->trajectory[i]));
    if (!bad && list) bad = json_object_set(o, "trajectories", list);
    json_decref(list);
    return raml_json_checked(o, bad);
}

enum raml_code raml_question_print(const struct raml_question *q, struct raml_buf *out, struct raml_err *err)
{
    json_t *o = raml_question_json(q);
    if (!o) return raml_fail(err, RAML_ENOMEM, "question '%s': no memory to write it", q->id);
    raml_json_add(out, o);
    raml_buf_adds(out, "\n");
    json_decref(o);
    enum raml_code rc = raml_buf_status(out, err);
    return rc ? raml_wrap(err, rc, "question '%s'", q->id) : RAML_OK;
}

static enum raml_code add_line(struct raml_writer *w, const struct raml_question *q, struct raml_buf *line,
                               struct raml_err *err)
{
    raml_buf_clear(line);
    enum raml_code rc = raml_question_print(q, line, err);
    return rc ? rc : raml_writer_add(w, line->data, line->len, err);
}

enum raml_code raml_questions_write(const struct raml_questions *qs, const char *path, struct raml_err *err)
{
    struct raml_writer w;
    enum raml_code rc = raml_writer_init(&w, path, err);
    if (rc) return rc;
    struct raml_buf line;
    raml_buf_init(&line, MAX_LINE_BYTES);
    for (size_t i = 0; !rc && i < qs->n; i++) rc = add_line(&w, &qs->question[i], &line, err);
    if (!rc) rc = raml_writer_commit(&w, err);
    raml_buf_deinit(&line);
    raml_writer_deinit(&w);
    return rc;
}
