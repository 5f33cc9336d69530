/* trace_text.c - what is traced, from a question's texts. See trace.h. */
#include "raml/trace.h"

#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 200, MAX_TEXT_BYTES = 1 << 30 };

void raml_trace_text_deinit(struct raml_trace_text *x)
{
    raml_tokens_deinit(&x->prompt);
    raml_tokens_deinit(&x->trajectory);
    raml_tokens_deinit(&x->answer_prefix);
    raml_tokens_deinit(&x->answer);
    x->border_bytes = 0;
}

struct raml_trace_input raml_trace_text_input(const struct raml_trace_text *x)
{
    return (struct raml_trace_input){
        .prompt = x->prompt.id,
        .trajectory = x->trajectory.id,
        .answer_prefix = x->answer_prefix.id,
        .answer = x->answer.id,
        .n_prompt = x->prompt.n,
        .n_trajectory = x->trajectory.n,
        .n_answer_prefix = x->answer_prefix.n,
        .n_answer = x->answer.n,
    };
}

/* "question 'add:17' (line 17), trajectory 2" */
static const char *name_of(const struct raml_question *q, size_t sample, char out[NAME_BYTES])
{
    if (q->line) snprintf(out, NAME_BYTES, "question '%.100s' (line %zu), trajectory %zu", q->id, q->line, sample + 1);
    else snprintf(out, NAME_BYTES, "question '%.100s', trajectory %zu", q->id, sample + 1);
    return out;
}

/* Do these tokens spell the text? With or without special tokens: a sampler may leave them out. */
static enum raml_code spells(const struct raml_tokenizer *t, const int32_t *token, size_t n, const char *text,
                             bool *same)
{
    enum raml_code rc = RAML_OK;
    struct raml_buf bytes, clean;
    raml_buf_init(&bytes, MAX_TEXT_BYTES);
    raml_buf_init(&clean, MAX_TEXT_BYTES);
    *same = false;
    for (int keep = 0; !rc && !*same && keep < 2; keep++) {
        raml_buf_clear(&bytes);
        raml_buf_clear(&clean);
        raml_buf_add(&clean, "", 0);
        if (raml_tokenizer_decode(t, token, n, keep, &bytes, NULL)) break; /* ids of another vocabulary */
        raml_utf8_clean(&clean, bytes.data ? bytes.data : "", bytes.len);
        rc = raml_buf_status(&clean, NULL);
        *same = !rc && strcmp(clean.data ? clean.data : "", text) == 0;
    }
    raml_buf_deinit(&bytes);
    raml_buf_deinit(&clean);
    return rc;
}

static size_t find(const int32_t *token, size_t n, const struct raml_tokens *what) /* n: not found */
{
    if (what->n == 0) return n;
    for (size_t i = 0; what->n <= n && i <= n - what->n; i++)
        if (memcmp(token + i, what->id, what->n * sizeof *token) == 0) return i;
    return n;
}

/* A sample's tokens are more than its trajectory: answer prefix, answer and end follow it. */
static enum raml_code add_trajectory(const struct raml_trace_source *src, const struct raml_trajectory *s,
                                     const struct raml_tokens *answer_prefix, const struct raml_tokens *end,
                                     struct raml_tokens *out, struct raml_err *err)
{
    if (s->tokens) {
        size_t from = s->think_start, n = s->think_end;
        if (!n) n = find(s->tokens, s->n_tokens, answer_prefix);
        if (n == s->n_tokens) n = find(s->tokens, n, end);
        if (from > n) from = n;
        bool same;
        enum raml_code rc = spells(src->tokenizer, s->tokens + from, n - from, s->text, &same);
        if (rc) return raml_fail(err, rc, "no memory for the text of %zu tokens", n);
        if (same) return raml_tokens_add(out, s->tokens + from, n - from, err);
    }
    return raml_tokenizer_encode(src->tokenizer, s->text, strlen(s->text), false, out, err);
}

static void clear(struct raml_trace_text *x)
{
    x->prompt.n = x->trajectory.n = x->answer_prefix.n = x->answer.n = x->border_bytes = 0;
}

/* Answer prefix and answer, and the end where it is a target. */
enum raml_code raml_trace_encode_answer(const struct raml_trace_source *src, const char *answer,
                                        struct raml_trace_text *x, struct raml_err *err)
{
    size_t n = strlen(answer);
    const char *prefix = src->format.answer_prefix ? src->format.answer_prefix : "";
    struct raml_buf rest;
    struct raml_joined j = {.context = x->answer_prefix, .continuation = x->answer};
    const struct raml_range plain = {0, n};
    raml_buf_init(&rest, MAX_TEXT_BYTES);
    raml_buf_adds(&rest, answer);
    if (src->score_end && src->format.end) raml_buf_adds(&rest, src->format.end);
    if (src->score_end && src->format.stop) raml_buf_adds(&rest, src->format.stop);
    const struct raml_join_text answer_prefix = {prefix, strlen(prefix), {.parse_special = true}};
    const struct raml_encode_options opt = {.parse_special = true, .plain = &plain, .n_plain = 1};
    const struct raml_join_text answer_text = {rest.data, rest.len, opt};
    enum raml_code rc = raml_buf_status(&rest, err);
    if (!rc) rc = raml_join(src->tokenizer, src->join, &answer_prefix, &answer_text, &j, err);
    x->answer_prefix = j.context;
    x->answer = j.continuation;
    x->border_bytes = j.border_bytes;
    raml_buf_deinit(&rest);
    return rc;
}

enum raml_code raml_trace_encode_trajectory(const struct raml_trace_source *src, const struct raml_question *q,
                                            size_t sample, struct raml_trace_text *x, struct raml_err *err)
{
    char name[NAME_BYTES];
    struct raml_tokens answer_prefix = {0}, end = {0};
    x->trajectory.n = 0;
    enum raml_code rc = raml_format_answer_prefix(&src->format, src->tokenizer, &answer_prefix, err);
    if (!rc) rc = raml_format_end(&src->format, src->tokenizer, &end, err);
    if (!rc) rc = add_trajectory(src, &q->trajectory[sample], &answer_prefix, &end, &x->trajectory, err);
    raml_tokens_deinit(&answer_prefix);
    raml_tokens_deinit(&end);
    return rc ? raml_wrap(err, rc, "%s", name_of(q, sample, name)) : RAML_OK;
}

enum raml_code raml_trace_encode_with(const struct raml_trace_source *src, const struct raml_question *q, size_t sample,
                                      const char *answer, struct raml_trace_text *x, struct raml_err *err)
{
    char name[NAME_BYTES];
    clear(x);
    if (sample >= q->n_trajectories)
        return raml_fail(err, RAML_ERANGE, "%s: there is none; the question has %zu", name_of(q, sample, name),
                         q->n_trajectories);
    enum raml_code rc = raml_format_prompt(&src->format, src->tokenizer, q->question, &x->prompt, err);
    if (!rc) rc = raml_trace_encode_answer(src, answer, x, err);
    if (rc) rc = raml_wrap(err, rc, "%s", name_of(q, sample, name));
    if (!rc) rc = raml_trace_encode_trajectory(src, q, sample, x, err);
    if (rc) clear(x);
    return rc;
}

enum raml_code raml_trace_encode(const struct raml_trace_source *src, const struct raml_question *q, size_t sample,
                                 struct raml_trace_text *x, struct raml_err *err)
{
    char name[NAME_BYTES];
    const char *answer = src->own && sample < q->n_trajectories ? q->trajectory[sample].answer : q->answer;
    if (sample < q->n_trajectories && (!answer || !*answer)) {
        clear(x);
        return raml_fail(err, RAML_ERANGE, "%s has no answer %s", name_of(q, sample, name),
                         src->own ? "of its own" : "to trace (the question has none)");
    }
    return raml_trace_encode_with(src, q, sample, answer, x, err);
}

enum raml_code raml_trace_run(struct raml_tracer *t, const struct raml_trace_source *src, const struct raml_question *q,
                              size_t sample, struct raml_loss_curve *out, struct raml_err *err)
{
    struct raml_trace_text x = {0};
    char name[NAME_BYTES];
    enum raml_code rc = raml_trace_encode(src, q, sample, &x, err);
    if (!rc) {
        const struct raml_trace_input in = raml_trace_text_input(&x);
        rc = raml_tracer_run(t, &in, 1, out, err);
        if (rc) rc = raml_wrap(err, rc, "%s", name_of(q, sample, name));
    }
    raml_trace_text_deinit(&x);
    return rc;
}
