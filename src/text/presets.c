/* presets.c - the prompt presets, by name. See format.h; each has its source beside it. */
#include "raml/format.h"

#include <stdio.h>
#include <string.h>

/* Texts as they are printed there, spaces and all. "" removes a text, NULL keeps the format's. */
static const struct preset {
    const char *name, *system, *question_prefix, *instruction, *prefill;
} table[] = {
    /* open-compass/RaML, src/pseudo_gradient_descent.ipynb: prompt_template */
    {"paper", NULL, "", "\n\nPlease reason step by step, and put your final answer within \\boxed{}", NULL},
    {"none", NULL, "", "", NULL},
    /* the same notebook, NoThinking: put after the generation prompt */
    {"nothinking", NULL, NULL, NULL, "Therefore, after all this, I believe the answer is"},
    /* open-compass/RaML, src/third_party/opencompass/evaluation_config.py: SYSTEM_PROMPT */
    {"raml_eval",
     "A conversation between a User and an Assistant. The User poses a question, and the Assistant provides a "
     "solution. "
     "The Assistant's response follows these structured steps:\n\n"
     "1. **Reasoning Process**: The Assistant comprehensively thinks about the problem through a reasoning process.\n"
     "2. **Conclusion**: The Assistant reaches a conclusion, which is enclosed within `<conclusion>` and "
     "`</conclusion>` tags. The final answer is highlighted within `\\boxed{...final answer...}`.\n"
     "3. **Response Format**: The complete response should be formatted as:\n\n"
     "...reasoning process...\n<conclusion>\n...conclusion...\nThe answer is \\boxed{...final "
     "answer...}\n</conclusion>",
     "", "", NULL},
    /* open-compass/RaML, src/third_party/verl/data_process_grpo.py: instruction (its first empty line holds 4 spaces)
     */
    {"raml_grpo",
     "A conversation between a User and an Assistant. The User poses a question, and the Assistant provides a "
     "solution. "
     "The Assistant's response follows these structured steps:\n    \n"
     "1. **Reasoning Process**: The Assistant reflects on the problem using a reasoning process enclosed within "
     "`<think>` and `</think>` tags.\n"
     "2. **Conclusion**: The Assistant reaches a conclusion, which is enclosed within `<conclusion>` and "
     "`</conclusion>` tags. The final answer is highlighted within `\\boxed{...final answer...}`.\n"
     "3. **Answer Format**: The complete response should be formatted as:\n\n"
     "<think>\n...reasoning process...\n</think>\n<conclusion>\n...conclusion...\n"
     "The answer is \\boxed{...final answer...}\n</conclusion>",
     "", "", NULL},
    /* open-compass/RaML, src/third_party/verl/data_process_sft.py: instruction for rollouts of R1 distills */
    {"raml_sft",
     "You are a helpful AI Assistant that provides well-reasoned and detailed responses. You first think about the "
     "reasoning process as an internal monologue and then provide the user with the answer. Respond in the following "
     "format: <think>\n...\n</think>\n<answer>\n...\n</answer>",
     "", "", NULL},
    /* the same file, for rollouts of Qwen 2.5 72B */
    {"raml_sft_qwen", NULL,
     "Please solve the following mathematical problem step by step and put your final answer in \\boxed{}. Here is the "
     "problem: \n\n",
     "", NULL},
    /* openai/simple-evals, common.py: QUERY_TEMPLATE_MULTICHOICE; RaML's GPQA prompt is the same */
    {"gpqa", NULL,
     "Answer the following multiple choice question. The last line of your response should be of the following format: "
     "'Answer: $LETTER' (without quotes) where LETTER is one of ABCD. Think step by step before answering.\n\n",
     "", NULL},
    /* open-compass/opencompass, opencompass/datasets/livemathbench/prompts.py: PROMPT_EN, PROMPT_CN */
    {"livemathbench", NULL,
     "Here is a math question, please reasoning step by step, and put your answer in \\boxed{}.\n", "\n", NULL},
    {"livemathbench_cn", NULL, "下面是一个数学问题，请逐步推理，并把最终答案放置于\\boxed{}中。\n", "\n", NULL},
};
enum { N = sizeof table / sizeof *table };

static enum raml_code apply(const struct preset *w, struct raml_format *f, struct raml_err *err)
{
    if (w->system && !f->chat && !f->system_open)
        return raml_fail(err, RAML_EUSAGE,
                         "prompt preset '%s' is a system message, for which prompt format '%s' has no place", w->name,
                         f->name);
    if (w->system) f->system = w->system;
    if (w->question_prefix) f->question_prefix = w->question_prefix;
    if (w->instruction) f->instruction = w->instruction;
    if (w->prefill) {
        f->think_opened = f->think_opened && !f->prefill; /* what opened thinking is dropped */
        f->prefill = w->prefill;
    }
    return RAML_OK;
}

enum raml_code raml_format_preset(const char *names, struct raml_format *f, struct raml_err *err)
{
    struct raml_format out = *f;
    for (const char *p = names, *end; p; p = *end ? end + 1 : NULL) {
        size_t i = 0;
        end = p + strcspn(p, "+");
        while (i < N && (strlen(table[i].name) != (size_t)(end - p) || strncmp(table[i].name, p, (size_t)(end - p))))
            i++;
        if (i == N) {
            char known[256] = "";
            for (i = 0; i < N; i++)
                snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", table[i].name);
            return raml_fail(err, RAML_EUSAGE, "unknown prompt preset '%.*s'; known: %s",
                             (int)(end - p > 60 ? 60 : end - p), p, known);
        }
        enum raml_code rc = apply(&table[i], &out, err);
        if (rc) return rc;
    }
    *f = out;
    return RAML_OK;
}
