/* prompting.h - the settings by which a command chooses a prompt format, and the format they make. */
#ifndef RAML_CLI_PROMPTING_H
#define RAML_CLI_PROMPTING_H

#include "cli/cli.h"

#include "raml/format.h"

struct prompting_settings { /* a member of a command's settings */
    const char *format, *template, *before, *after, *preset, *instruction, *system, *prefill, *answer_prefix, *thinking,
        *date_string;
};
/* Rows of the table of settings; at: offset of the member. */
#define PROMPTING_AT(at, field) ((at) + offsetof(struct prompting_settings, field))
/* clang-format off */
#define PROMPTING_OPTIONS(at)                                                                                          \
    {"prompt_format", NULL, RAML_TEXT, PROMPTING_AT(at, format), "auto", 0, 0, NULL,                                   \
     "builtin, qwen, qwen3, r1, llama3, plain; template: the model's own chat template; auto: builtin for models "     \
     "trained here, else template."},                                                                                  \
        {"chat_template", NULL, RAML_PATH, PROMPTING_AT(at, template), NULL, 0, 0, NULL,                               \
         "A Jinja file instead of the model's own template."},                                                         \
        {"prompt_before", NULL, RAML_TEXT, PROMPTING_AT(at, before), NULL, 0, 0, NULL,                                 \
         "Text before the question, special tokens parsed; with --prompt_after instead of a format."},                 \
        {"prompt_after", NULL, RAML_TEXT, PROMPTING_AT(at, after), NULL, 0, 0, NULL,                                   \
         "Text after the question, up to where the trajectory starts."},                                               \
        {"prompt_preset", "prompt_wording|wording", RAML_TEXT, PROMPTING_AT(at, preset), NULL, 0, 0, NULL,             \
         "Prompt preset: paper, none, nothinking, raml_eval, raml_grpo, raml_sft, raml_sft_qwen, gpqa, "               \
         "livemathbench, livemathbench_cn; several joined by +. Default: the format's (paper; builtin: none)."},       \
        {"instruction", NULL, RAML_TEXT, PROMPTING_AT(at, instruction), NULL, 0, 0, NULL,                              \
         "Text appended to the question; default: the format's (to reason step by step; builtin: none)."},             \
        {"system", "system_instruction", RAML_TEXT, PROMPTING_AT(at, system), NULL, 0, 0, NULL,                        \
         "System message; default: the format's."},                                                                    \
        {"prefill", NULL, RAML_TEXT, PROMPTING_AT(at, prefill), NULL, 0, 0, NULL,                                      \
         "Forced beginning of the model's turn; default: <think> where the template leaves that to the model."},       \
        {"answer_prefix", "cue", RAML_TEXT, PROMPTING_AT(at, answer_prefix), NULL, 0, 0, NULL,                         \
         "Answer prefix: asks for the answer after a trajectory; default: the format's."},                             \
        {"enable_thinking", NULL, RAML_ONE, PROMPTING_AT(at, thinking), "auto", 0, 0, "auto|true|false",               \
         "Passed to the template; auto: not passed."},                                                                 \
    {                                                                                                                  \
        "date_string", NULL, RAML_TEXT, PROMPTING_AT(at, date_string), NULL, 0, 0, NULL,                               \
            "Today's date for templates that show one: \"26 Jul 2024\"."                                               \
    }
/* clang-format on */

struct prompting { /* zero-initialise; free with cli_prompting_close */
    struct raml_format format;
    struct raml_chat_template *chat;
    char *begin; /* format.begin */
};
/* model: its folder or GGUF file, or a tokenizer.json in its folder, whose template is looked up; NULL: none. Texts are
 * borrowed from s. Format plain begins with the token that the model's tokenizer
 * puts in front of every text. RAML_ERANGE: auto, and the model is neither of the built-in kind nor has a template; the message
 * names the settings that help. */
RAML_CHECKED enum raml_code cli_prompting_open(const struct prompting_settings *s, const char *model,
                                               const struct raml_tokenizer *t, struct prompting *out,
                                               struct raml_err *err);
void cli_prompting_close(struct prompting *p);

#endif
