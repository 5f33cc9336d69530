/* format.c - see format.h. */
#include "raml/format.h"

#include <string.h>

const char *raml_role_name(enum raml_role role)
{
    switch (role) {
    case RAML_ROLE_PROMPT: return "prompt";
    case RAML_ROLE_TRAJECTORY: return "trajectory";
    case RAML_ROLE_CUE: return "cue";
    case RAML_ROLE_ANSWER: return "answer";
    case RAML_ROLE_END: return "end";
    }
    return "unknown";
}

struct raml_format raml_format_default(void)
{
    return (struct raml_format){"<|question|>", "<think>", "</think>", "<|endoftext|>"};
}

/* Text of the format itself: special tokens in it are meant. */
static enum raml_code add_frame(const struct raml_tokenizer *t, const char *text, const char *what,
                                struct raml_tokens *out, struct raml_err *err)
{
    enum raml_code rc = raml_tokenizer_encode(t, text, strlen(text), true, out, err);
    return rc ? raml_wrap(err, rc, "format, text %s", what) : RAML_OK;
}

enum raml_code raml_format_prompt(const struct raml_format *f, const struct raml_tokenizer *t, const char *question,
                                  struct raml_tokens *out, struct raml_err *err)
{
    size_t before = out->n;
    enum raml_code rc = add_frame(t, f->before, "before the question", out, err);
    if (!rc) rc = raml_tokenizer_encode(t, question, strlen(question), false, out, err);
    if (!rc) rc = add_frame(t, f->after, "behind the question", out, err);
    if (rc) out->n = before;
    return rc;
}

enum raml_code raml_format_cue(const struct raml_format *f, const struct raml_tokenizer *t, struct raml_tokens *out,
                               struct raml_err *err)
{
    return add_frame(t, f->cue, "of the cue", out, err);
}

enum raml_code raml_format_end(const struct raml_format *f, const struct raml_tokenizer *t, struct raml_tokens *out,
                               struct raml_err *err)
{
    return add_frame(t, f->end, "of the end", out, err);
}
