/* format.h - how a question, a trajectory and an answer become one sequence of tokens.
 *
 *   built-in models:  <|question|> QUESTION <think>  TRAJECTORY  </think>  ANSWER <|endoftext|>
 *                     '------- prompt --------''--trajectory-''-prefix-''---- answer, end ----'
 *   chat models:      <|im_start|>user\nQUESTION INSTRUCTION<|im_end|>\n<|im_start|>assistant\n
 *                     TRAJECTORY  \n\n**Final Answer**\n\boxed{  ANSWER  }<|im_end|>
 * The answer prefix is the fixed text that asks for the answer (docs/methods.md, section 2). Without a trajectory it
 * follows the prompt at once, so a model trained only on answers reads `<think></think>ANSWER`.
 * A prompt is one text, encoded at once: special tokens of the frame are parsed, what the question contains stays text.
 * Its frame is the model's chat template (chat.h), or the texts start, system, before and after.
 *
 * A model's own output: thinking, if think_close is set, from think_open (or from the prompt's end, where that
 * opens it) to think_close, and after it the answer; else all is trajectory, and the answer is in it.
 */
#ifndef RAML_FORMAT_H
#define RAML_FORMAT_H

#include "raml/chat.h"
#include "raml/tokenizer.h"

#pragma GCC visibility push(default)

enum raml_segment { /* what a token of a training row is */
                    RAML_SEGMENT_PROMPT,
                    RAML_SEGMENT_TRAJECTORY,
                    RAML_SEGMENT_ANSWER_PREFIX,
                    RAML_SEGMENT_ANSWER,
                    RAML_SEGMENT_END
};
const char *raml_segment_name(enum raml_segment segment);

struct raml_format {                       /* borrowed texts; NULL counts as ""; special tokens in them are parsed */
    const char *name;                      /* "builtin", "qwen", …, "template", "custom": for records and messages */
    const struct raml_chat_template *chat; /* renders the prompt; NULL: the texts below go around the question */
    enum raml_chat_thinking thinking;      /* with chat */
    const char *date_string;               /* with chat; NULL: none */
    const char *begin;                     /* without chat: a token's text, put in front of all by its id; NULL: none */
    const char *start;                     /* begin of text */
    const char *system_open, *system_close; /* around a system message; NULL: there is no place for one */
    const char *system;                     /* NULL: none; with chat, a message of its own */
    const char *before;                     /* before the question: "<|question|>" */
    const char *question_prefix;            /* before the question, as if part of it (no special tokens) */
    const char *instruction;                /* after the question, as if part of it (no special tokens) */
    const char *after;                      /* after that, up to where the trajectory starts: "<think>" */
    const char *prefill;                    /* after the prompt: what the model is made to begin with */
    const char *answer_prefix;              /* between trajectory and answer: "</think>" */
    const char *end;                        /* after the answer, before stop: what closes the answer prefix, "}" */
    const char *stop; /* what ends a completion: "<|endoftext|>"; NULL: only the model's own tokens */
    const char *think_open, *think_close; /* around thinking in what a model writes; NULL: thinking is not set apart */
    bool think_opened;                    /* the prompt ends inside thinking */
    const char *continuation;             /* continuation, put where thinking would close, for force_continuation */
};
struct raml_format raml_format_default(void); /* the built-in format */

/* Formats by name: "builtin", "qwen" (Qwen 2 and 2.5), "qwen3", "r1" (DeepSeek R1 distills), "llama3", "plain". The
 * thinking ones open it themselves. RAML_EUSAGE names the known ones; RAML_ERANGE: a special token of the format is not
 * one of t's (NULL: not checked). */
RAML_CHECKED enum raml_code raml_format_named(const char *name, const struct raml_tokenizer *t, struct raml_format *out,
                                              struct raml_err *err);
/* Prompts by a model's own template (borrowed). What the template's generation prompt does with thinking (open, close,
 * nothing), and whether it mentions thinking at all, sets prefill, think_*, think_opened and answer prefix; stop is its
 * end-of-text token. */
RAML_CHECKED enum raml_code raml_format_of_template(const struct raml_chat_template *chat,
                                                    enum raml_chat_thinking thinking, const char *date_string,
                                                    struct raml_format *out, struct raml_err *err);

/* Sets a prompt preset: system message, question prefix and instruction, or the start of the model's turn. Names:
 * "paper", "none", "nothinking", "raml_eval", "raml_grpo", "raml_sft", "raml_sft_qwen", "gpqa", "livemathbench",
 * "livemathbench_cn" (docs/formats.md has texts and sources); several are joined by '+'; where two of them set the same
 * the last counts. RAML_EUSAGE: unknown, or a system message where the format has no place for one; *f is then as
 * before. */
RAML_CHECKED enum raml_code raml_format_preset(const char *names, struct raml_format *f, struct raml_err *err);

/* Each appends to *out. Question, trajectory and answer are text (special tokens in them stay text). */
RAML_CHECKED enum raml_code raml_format_prompt(const struct raml_format *f, const struct raml_tokenizer *t,
                                               const char *question, struct raml_tokens *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_format_stop(const struct raml_format *f, const struct raml_tokenizer *t,
                                             struct raml_tokens *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_format_answer_prefix(const struct raml_format *f, const struct raml_tokenizer *t,
                                                      struct raml_tokens *out, struct raml_err *err);
/* end and stop. */
RAML_CHECKED enum raml_code raml_format_end(const struct raml_format *f, const struct raml_tokenizer *t,
                                            struct raml_tokens *out, struct raml_err *err);

/* What tokenizer_config.json says of a model of this format: c (NULL: nothing), and where it names no end-of-text token
 * the format's stop. The built-in format also gives <|pad|> and a chat template, whose prompts are the format's; a
 * system message is an error of it. stop_id: the stop as one token; -1: none, or several. The caller frees *out
 * (raml_tokenizer_config_deinit); on failure it is empty. */
RAML_CHECKED enum raml_code raml_format_tokenizer_config(const struct raml_format *f, const struct raml_tokenizer *t,
                                                         const struct raml_tokenizer_config *c,
                                                         struct raml_tokenizer_config *out, int32_t *stop_id,
                                                         struct raml_err *err);

#pragma GCC visibility pop
#endif
