/* chat.h - from messages to a model's prompt, by the chat template that came with the model.
 *
 * A template is Jinja text. The output is that of transformers' apply_chat_template: Jinja in an immutable sandbox
 * with trim_blocks, lstrip_blocks, break and continue, {% generation %}, tojson, raise_exception, strftime_now.
 * Supported are all expressions, and the tags if, for, set, macro, call, filter, with, raw, print. What is not
 * (extends, include, recursive loops, some HTML filters) is refused with RAML_ESUPPORT, by name and line, when the
 * template reaches it. Numbers are 64-bit integers and doubles.
 *
 * The template sees: messages, tools and documents (none unless given), add_generation_prompt, bos_token, eos_token,
 * the model's other special tokens (pad_token, unk_token, ...), enable_thinking and date_string where they are set, and the fields of kwargs. strftime_now is the date of
 * date_string: no clock is read, and a template that asks for the date without one is an error.
 *
 * Frame and content. A prompt's text is partly the template's and partly the messages'. Special tokens that the
 * template writes are special; those in a message are only text. Every string of a message but its role, and
 * every text made from one by slicing, stripping, replacing, joining, tojson and so on, is followed through the
 * template: spans record which bytes of the prompt came from which message. Encode the bytes between spans with
 * parse_special, and those in spans without:
 *
 *     <|im_start|>user\nWhat is <|im_end|> for?<|im_end|>\n<|im_start|>assistant\n
 *     '---- frame ----''------- span -------''----------- frame ------------'
 *
 * Tokens that are not special (<think> of Qwen 3) are found in spans too. A word may cross a span's border: where no
 * span holds special tokens' text, encoding the whole at once is the same as the model's own tokenizer.
 *
 * Bounds    A template may come from anywhere: its text is at most 1 MiB, rendering at most 20 million steps, 400
 *           levels, 256 MiB of memory and 64 MiB of prompt; beyond that, RAML_ERANGE or RAML_ENOMEM.
 * Errors    begin with "NAME:LINE: " of the template. RAML_EFORMAT: not Jinja, or not UTF-8; RAML_ESUPPORT: see above;
 *           RAML_ERANGE: it failed on these messages, or raised an exception ("the template says: ...").
 * Threads   any number may render with one template.
 */
#ifndef RAML_CHAT_H
#define RAML_CHAT_H

#include "raml/buf.h"
#include "raml/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(default)

struct raml_chat_template;

/* text is copied. bos, eos: texts of the tokens, NULL for "". name: for messages. */
RAML_CHECKED enum raml_code raml_chat_template_open(const char *name, const char *text, size_t n, const char *bos,
                                                    const char *eos, struct raml_chat_template **out,
                                                    struct raml_err *err);
/* Special tokens by name (an object of texts), which the template sees as variables; bos_token and eos_token are those of
 * _open. text (NULL: none): the template that takes over where there are tools. */
RAML_CHECKED enum raml_code raml_chat_template_add(struct raml_chat_template *t, const json_t *special,
                                                   const char *text, struct raml_err *err);
/* A file with the template's text. */
RAML_CHECKED enum raml_code raml_chat_template_open_file(const char *path, const char *bos, const char *eos,
                                                         struct raml_chat_template **out, struct raml_err *err);
/* Does its text mention <think> at all? */
bool raml_chat_template_thinks(const struct raml_chat_template *t);
/* A model's own, with its bos and eos tokens: of a folder or a GGUF file (tokenizer.h says where they are).
 * path: a template file to take instead (its tokens are still the model's); may be NULL. RAML_ERANGE: the model has
 * none; the message says what to do instead. */
RAML_CHECKED enum raml_code raml_chat_template_find(const char *model, const char *path,
                                                    struct raml_chat_template **out, struct raml_err *err);
void raml_chat_template_close(struct raml_chat_template *t);
const char *raml_chat_template_bos(const struct raml_chat_template *t);
const char *raml_chat_template_eos(const struct raml_chat_template *t);

enum raml_chat_thinking { RAML_CHAT_THINKING_AUTO, RAML_CHAT_THINKING_ON, RAML_CHAT_THINKING_OFF };
struct raml_chat_input {
    const json_t *messages; /* array of objects: {"role", "content"} and whatever else the template reads */
    bool add_generation_prompt;
    bool continue_final_message; /* the prompt ends with the last message's content, for the model to go on from there
                                  * (a prefilled answer); not together with add_generation_prompt */
    enum raml_chat_thinking thinking;  /* enable_thinking; AUTO leaves it undefined */
    const char *bos_token, *eos_token; /* NULL: the template's */
    const char *date_string;           /* "26 Jul 2024"; NULL: none */
    const json_t *tools;               /* array; NULL: none */
    const json_t *kwargs;              /* object; its fields win over those above; NULL: none */
};
/* No thinking setting, no date, nothing but the messages. */
struct raml_chat_input raml_chat_input_default(const json_t *messages, bool add_generation_prompt);

struct raml_chat_span { /* bytes [start, end) of the prompt came from messages[message] */
    size_t start, end, message;
};
struct raml_chat_prompt { /* free with _deinit */
    struct raml_buf text;
    struct raml_chat_span *span; /* in order, disjoint, not empty */
    size_t n_spans;
    size_t generation; /* start of the generation prompt, which add_generation_prompt added; at the earliest after
                        * the last span; text.len without add_generation_prompt */
};
/* On failure *out is all zero. */
RAML_CHECKED enum raml_code raml_chat_render(const struct raml_chat_template *t, const struct raml_chat_input *input,
                                             struct raml_chat_prompt *out, struct raml_err *err);
void raml_chat_prompt_deinit(struct raml_chat_prompt *p);

enum raml_chat_think {
    RAML_CHAT_THINK_NONE,  /* the generation prompt does not open thinking: the model does, if it thinks */
    RAML_CHAT_THINK_OPEN,  /* it ends inside <think>: what the model writes first is its trajectory */
    RAML_CHAT_THINK_CLOSED /* it opens and closes one: the model is to answer at once */
};
/* By the last <think> and </think> of the generation prompt. */
enum raml_chat_think raml_chat_prompt_think(const struct raml_chat_prompt *p);

#pragma GCC visibility pop
#endif
