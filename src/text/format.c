/* format.c - see format.h. */
#include "raml/format.h"

#include "core/json.h"
#include "core/utf8.h"

#include <string.h>

enum { MAX_PROMPT = 64 << 20 };

const char *raml_segment_name(enum raml_segment segment)
{
    switch (segment) {
    case RAML_SEGMENT_PROMPT: return "prompt";
    case RAML_SEGMENT_TRAJECTORY: return "trajectory";
    case RAML_SEGMENT_ANSWER_PREFIX: return "answer_prefix";
    case RAML_SEGMENT_ANSWER: return "answer";
    case RAML_SEGMENT_END: return "end";
    }
    return "unknown";
}

static void add_text(struct raml_buf *b, const char *text)
{
    if (text) raml_buf_adds(b, text);
}

/* -- Prompts ------------------------------------------------------------------------------------------------------- */
/* Messages of one question: [system,] user. */
static json_t *messages_of(const struct raml_format *f, const char *question)
{
    json_t *list = json_array();
    const char *question_prefix = f->question_prefix ? f->question_prefix : "",
               *instruction = f->instruction ? f->instruction : "";
    int bad = 0;
    if (f->system) bad |= json_array_append_new(list, json_pack("{s:s, s:s}", "role", "system", "content", f->system));
    json_t *user = json_pack("{s:s, s:s++}", "role", "user", "content", question_prefix, question, instruction);
    bad |= json_array_append_new(list, user);
    return raml_json_checked(list, bad);
}

static bool is_utf8(const char *text)
{
    size_t n = text ? strlen(text) : 0;
    return !n || raml_utf8_valid((const unsigned char *)text, n) == n;
}

static enum raml_code render(const struct raml_format *f, const char *question, struct raml_chat_prompt *out,
                             struct raml_err *err)
{
    json_t *messages = messages_of(f, question);
    if (!messages && is_utf8(question) && is_utf8(f->question_prefix) && is_utf8(f->instruction) && is_utf8(f->system))
        return raml_fail(err, RAML_ENOMEM, "prompt: no memory for the question");
    if (!messages) return raml_fail(err, RAML_ERANGE, "prompt: the question, or the text around it, is not UTF-8");
    struct raml_chat_input in = raml_chat_input_default(messages, true);
    in.thinking = f->thinking;
    in.date_string = f->date_string;
    enum raml_code rc = raml_chat_render(f->chat, &in, out, err);
    json_decref(messages);
    return rc;
}

static enum raml_code encode_chat(const struct raml_format *f, const struct raml_tokenizer *t, const char *question,
                                  struct raml_tokens *out, struct raml_err *err)
{
    struct raml_chat_prompt p;
    struct raml_ranges plain = {0};
    enum raml_code rc = render(f, question, &p, err);
    if (rc) return rc;
    for (size_t i = 0; i < p.n_spans && !rc; i++)
        rc = raml_ranges_add(&plain, (struct raml_range){p.span[i].start, p.span[i].end}, err);
    add_text(&p.text, f->prefill);
    if (!rc) rc = raml_buf_status(&p.text, err);
    struct raml_encode_options o = {.parse_special = true, .plain = plain.range, .n_plain = plain.n};
    if (!rc) rc = raml_tokenizer_encode_parts(t, p.text.data, p.text.len, &o, out, NULL, err);
    raml_ranges_deinit(&plain);
    raml_chat_prompt_deinit(&p);
    return rc;
}

static enum raml_code encode_texts(const struct raml_format *f, const struct raml_tokenizer *t, const char *question,
                                   struct raml_tokens *out, struct raml_err *err)
{
    struct raml_buf b;
    struct raml_range plain;
    int32_t begin = f->begin ? raml_tokenizer_id(t, f->begin) : -1;
    if (begin >= 0) {
        enum raml_code rc = raml_tokens_add(out, &begin, 1, err);
        if (rc) return rc;
    }
    raml_buf_init(&b, MAX_PROMPT);
    raml_buf_add(&b, "", 0); /* so that even an empty prompt has data */
    add_text(&b, f->start);
    if (f->system && f->system_open) {
        add_text(&b, f->system_open);
        add_text(&b, f->system);
        add_text(&b, f->system_close);
    }
    add_text(&b, f->before);
    plain.start = b.len;
    add_text(&b, f->question_prefix);
    add_text(&b, question);
    add_text(&b, f->instruction);
    plain.end = b.len;
    add_text(&b, f->after);
    add_text(&b, f->prefill);
    struct raml_encode_options o = {.parse_special = true, .plain = &plain, .n_plain = 1};
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_tokenizer_encode_parts(t, b.data, b.len, &o, out, NULL, err);
    raml_buf_deinit(&b);
    return rc;
}

enum raml_code raml_format_prompt(const struct raml_format *f, const struct raml_tokenizer *t, const char *question,
                                  struct raml_tokens *out, struct raml_err *err)
{
    size_t before = out->n;
    enum raml_code rc = f->chat ? encode_chat(f, t, question, out, err) : encode_texts(f, t, question, out, err);
    if (!rc) return RAML_OK;
    out->n = before;
    return raml_wrap(err, rc, "the prompt");
}

/* -- Fixed texts --------------------------------------------------------------------------------------------------- */
/* Text of the format itself: special tokens in it are intended. */
static enum raml_code add_frame(const struct raml_tokenizer *t, const char *text, const char *what,
                                struct raml_tokens *out, struct raml_err *err)
{
    if (!text) return RAML_OK;
    enum raml_code rc = raml_tokenizer_encode(t, text, strlen(text), true, out, err);
    return rc ? raml_wrap(err, rc, "format, text %s", what) : RAML_OK;
}

enum raml_code raml_format_answer_prefix(const struct raml_format *f, const struct raml_tokenizer *t,
                                         struct raml_tokens *out, struct raml_err *err)
{
    return add_frame(t, f->answer_prefix, "of the answer prefix", out, err);
}

enum raml_code raml_format_stop(const struct raml_format *f, const struct raml_tokenizer *t, struct raml_tokens *out,
                                struct raml_err *err)
{
    return add_frame(t, f->stop, "of the stop", out, err);
}

enum raml_code raml_format_end(const struct raml_format *f, const struct raml_tokenizer *t, struct raml_tokens *out,
                               struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_PROMPT);
    raml_buf_add(&b, "", 0);
    add_text(&b, f->end);
    add_text(&b, f->stop);
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) rc = add_frame(t, b.data, "of the end", out, err);
    raml_buf_deinit(&b);
    return rc;
}
