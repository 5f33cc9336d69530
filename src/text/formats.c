/* formats.c - prompt formats by name, and those of chat templates. See format.h.
 *
 * The frames are those of the models' published chat templates, with one user message and, for Qwen 2 and 2.5, the
 * system message that theirs inserts when none is given. Instruction and answer prefix: those of the paper's authors
 * (arXiv 2505.19815, notebooks).
 */
#include "raml/format.h"

#include <stdio.h>
#include <string.h>

#define INSTRUCTION "\n\nPlease reason step by step, and put your final answer within \\boxed{}"
#define ANSWER_PREFIX "\n\n**Final Answer**\n\\boxed{"
#define THOUGHT_ANSWER_PREFIX "\n</think>" ANSWER_PREFIX

static const struct {
    struct raml_format format;
    const char *needs; /* a special token that the format needs; NULL: any tokenizer will do */
    /* clang-format off */
} table[] = {
    {{.name = "builtin",
      .before = "<|question|>",
      .after = "<think>",
      .answer_prefix = "</think>",
      .stop = "<|endoftext|>",
      .think_open = "<think>",
      .think_close = "</think>",
      .think_opened = true,
      .continuation = "wait"},
     "<|question|>"},
    {{.name = "qwen",
      .system_open = "<|im_start|>system\n",
      .system_close = "<|im_end|>\n",
      .system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
      .before = "<|im_start|>user\n",
      .instruction = INSTRUCTION,
      .after = "<|im_end|>\n<|im_start|>assistant\n",
      .answer_prefix = ANSWER_PREFIX,
      .end = "}",
      .stop = "<|im_end|>",
      .continuation = "Wait"},
     "<|im_start|>"},
    {{.name = "qwen3",
      .system_open = "<|im_start|>system\n",
      .system_close = "<|im_end|>\n",
      .before = "<|im_start|>user\n",
      .instruction = INSTRUCTION,
      .after = "<|im_end|>\n<|im_start|>assistant\n<think>\n",
      .answer_prefix = THOUGHT_ANSWER_PREFIX,
      .end = "}",
      .stop = "<|im_end|>",
      .think_open = "<think>",
      .think_close = "</think>",
      .think_opened = true,
      .continuation = "Wait"},
     "<|im_start|>"},
    {{.name = "r1",
      .start = "<｜begin▁of▁sentence｜>",
      .system_open = "",
      .system_close = "",
      .before = "<｜User｜>",
      .instruction = INSTRUCTION,
      .after = "<｜Assistant｜><think>\n",
      .answer_prefix = THOUGHT_ANSWER_PREFIX,
      .end = "}",
      .stop = "<｜end▁of▁sentence｜>",
      .think_open = "<think>",
      .think_close = "</think>",
      .think_opened = true,
      .continuation = "Wait"},
     "<｜User｜>"},
    {{.name = "llama3",
      .start = "<|begin_of_text|>",
      .system_open = "<|start_header_id|>system<|end_header_id|>\n\n",
      .system_close = "<|eot_id|>",
      .before = "<|start_header_id|>user<|end_header_id|>\n\n",
      .instruction = INSTRUCTION,
      .after = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
      .answer_prefix = ANSWER_PREFIX,
      .end = "}",
      .stop = "<|eot_id|>",
      .continuation = "Wait"},
     "<|start_header_id|>"},
    {{.name = "plain", .instruction = INSTRUCTION, .after = "\n\n", .answer_prefix = ANSWER_PREFIX, .end = "}\n", .continuation = "Wait"}, NULL},
};
/* clang-format on */
enum { N = sizeof table / sizeof *table };

struct raml_format raml_format_default(void)
{
    return table[0].format;
}

enum raml_code raml_format_named(const char *name, const struct raml_tokenizer *t, struct raml_format *out,
                                 struct raml_err *err)
{
    char known[160] = "";
    for (size_t i = 0; i < N; i++) {
        const char *needs = table[i].needs;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", table[i].format.name);
        if (strcmp(name, table[i].format.name)) continue;
        if (t && needs && raml_tokenizer_id(t, needs) < 0)
            return raml_fail(err, RAML_ERANGE,
                             "prompt format '%s' needs the special token %s, which the tokenizer "
                             "does not have",
                             name, needs);
        *out = table[i].format;
        return RAML_OK;
    }
    return raml_fail(err, RAML_EUSAGE, "unknown prompt format '%s'; known: %s", name, known);
}

enum raml_code raml_format_of_template(const struct raml_chat_template *chat, enum raml_chat_thinking thinking,
                                       const char *date_string, struct raml_format *out, struct raml_err *err)
{
    struct raml_chat_prompt p;
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "?");
    if (!messages) return raml_fail(err, RAML_ENOMEM, "no memory for a message");
    struct raml_chat_input in = raml_chat_input_default(messages, true);
    in.thinking = thinking;
    in.date_string = date_string;
    enum raml_code rc = raml_chat_render(chat, &in, &p, err);
    json_decref(messages);
    if (rc) return rc;
    enum raml_chat_think state = raml_chat_prompt_think(&p);
    raml_chat_prompt_deinit(&p);
    bool thinks = state == RAML_CHAT_THINK_OPEN || (state == RAML_CHAT_THINK_NONE && raml_chat_template_thinks(chat));
    *out = (struct raml_format){.name = "template",
                                .chat = chat,
                                .thinking = thinking,
                                .date_string = date_string,
                                .instruction = INSTRUCTION,
                                .prefill = thinks && state == RAML_CHAT_THINK_NONE ? "<think>\n" : NULL,
                                .answer_prefix = thinks ? THOUGHT_ANSWER_PREFIX : ANSWER_PREFIX,
                                .end = "}",
                                .stop = raml_chat_template_eos(chat),
                                .think_open = thinks ? "<think>" : NULL,
                                .think_close = thinks ? "</think>" : NULL,
                                .think_opened = thinks,
                                .continuation = "Wait"};
    return RAML_OK;
}
