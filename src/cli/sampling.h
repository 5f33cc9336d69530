/* sampling.h - shared by `sample` and `eval`: the settings of sampling, the questions to sample, and the run. */
#ifndef RAML_CLI_SAMPLING_H
#define RAML_CLI_SAMPLING_H

#include "cli/cli.h"
#include "cli/endpoint.h"
#include "cli/prompting.h"
#include "cli/sample_file.h"
#include "cli/source.h"

#include "raml/buf.h"
#include "raml/question.h"
#include "raml/sample.h"

struct sampling_settings { /* the first member of either command's settings */
    const char *model, *adapter, *tokenizer, *dtype, *families, *split, *map, *stop, *exit, *exit_words, *temperature,
        *top_k, *top_p, *min_p; /* a number, or auto */
    int64_t num_questions, limit, n, max_completion_length, think_budget, force_continuation, batch_size, probe_tokens;
    double force_continuation_below;
    bool answer_only;
    struct prompting_settings prompting;
    struct endpoint_settings endpoint; /* of a table of its own, ENDPOINT_TABLE */
};
#define SAMPLING_AT(field) offsetof(struct sampling_settings, field)
/* Rows of the table of settings; n_default: samples per question, about_n: what help says of them. */
/* clang-format off */
#define SAMPLING_OPTIONS(n_default, about_n)                                                                           \
    {"model_name_or_path", "model", RAML_PATH, SAMPLING_AT(model), NULL, 0, 0, NULL,                                   \
     "A model's folder or GGUF file, or a run's folder (its newest checkpoint)."},                                     \
        ADAPTER_OPTION(SAMPLING_AT(adapter)),                                                                          \
        {"tokenizer", NULL, RAML_PATH, SAMPLING_AT(tokenizer), NULL, 0, 0, NULL,                                       \
         "tokenizer.json to use; default: the model folder's."},                                                       \
        {"dtype", NULL, RAML_ONE, SAMPLING_AT(dtype), "auto", 0, 0, "auto|stored|bf16|f32",                            \
         "Type of the matrices; auto: bf16 where the processor multiplies it and the file is not quantised, else "     \
         "stored (as in the file)."},                                                                                  \
        {"families", NULL, RAML_TEXT, SAMPLING_AT(families), NULL, 0, 0, NULL,                                         \
         "Made questions instead of a file: \"add:2-4,modchain\"."},                                                   \
        {"split", NULL, RAML_ONE, SAMPLING_AT(split), "test", 0, 0, "train|test|both", "Split of made questions."},    \
        {"num_questions", "questions", RAML_INT, SAMPLING_AT(num_questions), "200", 1, 1e9, NULL,                      \
         "Questions to make for --families."},                                                                         \
        {"map", NULL, RAML_TEXT, SAMPLING_AT(map), NULL, 0, 0, NULL, "Fields of the file: question=NAME,answer=NAME."}, \
        {"limit", NULL, RAML_INT, SAMPLING_AT(limit), "0", 0, 1e15, NULL, "Only the first n questions; 0: all."},      \
        {"num_generations", "n", RAML_INT, SAMPLING_AT(n), n_default, 1, 1 << 20, NULL, about_n},                     \
        {"temperature", "temp", RAML_TEXT, SAMPLING_AT(temperature), "auto", 0, 0, NULL,                               \
         "0: the likeliest token. auto, here and below: as the model's generation_config.json (or GGUF file) says, "   \
         "else 1."},                                                                                                   \
        {"top_k", NULL, RAML_TEXT, SAMPLING_AT(top_k), "auto", 0, 0, NULL,                                             \
         "Only the k likeliest tokens; 0: all. auto: as the model says, else 0."},                                     \
        {"top_p", NULL, RAML_TEXT, SAMPLING_AT(top_p), "auto", 0, 0, NULL,                                             \
         "Only the likeliest tokens that together reach this probability. auto: as the model says, else 1."},          \
        {"min_p", NULL, RAML_TEXT, SAMPLING_AT(min_p), "auto", 0, 0, NULL,                                             \
         "Only tokens with at least this share of the likeliest one's probability. auto: as the model says, else 0."}, \
        {"max_completion_length", "max_tokens", RAML_INT, SAMPLING_AT(max_completion_length), "512", 1, 1 << 24, NULL, \
         "Maximum tokens of a sample, thinking and answer together."},                                                 \
        {"think_budget", NULL, RAML_INT, SAMPLING_AT(think_budget), "0", 0, 1 << 24, NULL,                             \
         "Force thinking to close after this many tokens; 0: never."},                                                 \
        {"force_continuation", "force_wait", RAML_INT, SAMPLING_AT(force_continuation), "0", 0, 1 << 16, NULL,       \
         "How often to insert the continuation (\"Wait\") where thinking would end."},                                 \
        {"force_continuation_below", NULL, RAML_REAL, SAMPLING_AT(force_continuation_below), "0", 0, 1, NULL,          \
         "Insert it only where the answer that the model would give is less confident than this; 0: always."},         \
        {"exit", NULL, RAML_TEXT, SAMPLING_AT(exit), NULL, 0, 0, NULL,                                                 \
         "Stop thinking early by a policy: stability, confidence, dynasor, code_stop, eat, budget; with settings as "  \
         "in stability:stride=64,repeats=3."},                                                                         \
        {"exit_words", NULL, RAML_TEXT, SAMPLING_AT(exit_words), NULL, 0, 0, NULL,                                     \
         "With --exit: words, joined by commas, in front of which a policy at waits asks; default: wait."},            \
        {"probe_tokens", NULL, RAML_INT, SAMPLING_AT(probe_tokens), "0", 0, 4096, NULL,                                \
         "With --exit or --force_continuation_below: maximum tokens of the answer that is asked for; 0: 32."},         \
        {"stop", NULL, RAML_TEXT, SAMPLING_AT(stop), NULL, 0, 0, NULL,                                                 \
         "A sample ends once its answer (not its thinking) contains this text."},                                      \
        {"answer_only", NULL, RAML_FLAG, SAMPLING_AT(answer_only), NULL, 0, 0, NULL,                                   \
         "Ask for the answer at once, without thinking (models of train sft --trajectories 0)."},                      \
        PROMPTING_OPTIONS(SAMPLING_AT(prompting)),                                                                     \
    {                                                                                                                  \
        "batch_size", NULL, RAML_INT, SAMPLING_AT(batch_size), "64", 1, 1 << 16, NULL,                                 \
            "Samples in progress at once; changes speed and memory, not results."                                      \
    }
/* clang-format on */

static inline bool cli_sampling_asks(const struct sampling_settings *s) /* is there anybody to be sampled from? */
{
    return s->model || s->endpoint.url;
}
static inline const char *cli_sampling_name(const struct sampling_settings *s) /* of whom */
{
    return s->endpoint.url && s->endpoint.model ? s->endpoint.model : s->model ? s->model : s->endpoint.url;
}
struct sampling_choice { /* what was chosen for auto, too */
    double temperature, top_p, min_p;
    int64_t top_k;
};
struct sampling_result {
    struct sampling_choice choice;
    struct raml_sample_stats stats;
    double seconds;
    uint64_t tokens; /* made in that time */
};
static inline bool cli_sampling_probes(const struct sampling_settings *s) /* is early exit asked for? */
{
    return s->exit || s->force_continuation_below > 0;
}
/* Probes' share of all tokens that samples have, or that were read and written in passing. */
double cli_sampling_probe_share(const struct raml_sample_stats *t);
/* A line: the cost of probes, and how many samples were stopped, by reason. */
void cli_sampling_probes_text(const struct raml_sample_stats *t, struct raml_buf *out);
/* The questions named by the settings and nameless arguments. */
RAML_CHECKED enum raml_code cli_sampling_questions(const struct cli *cli, const struct sampling_settings *s,
                                                   struct raml_questions *out, struct raml_err *err);
/* The file of samples of qs, before any work: see sample_file.h. */
RAML_CHECKED enum raml_code cli_sampling_file(const struct cli *cli, const struct sampling_settings *s,
                                              const char *path, const struct raml_questions *qs,
                                              struct cli_sample_file *f, struct raml_err *err);
/* How tokens are chosen: the command line wins, then the model, then the defaults. What the model said is reported to
 * sink; NULL: to nobody. */
RAML_CHECKED enum raml_code cli_sampling_choose(const struct sampling_settings *s, const struct raml_sink *sink,
                                                struct sampling_choice *out, struct raml_err *err);
/* Who hears of the tokens as they come, one sample after another (sample.h). */
struct sampling_listener {
    RAML_CHECKED enum raml_code (*open)(void *user, const struct raml_tokenizer *t, const struct raml_format *f,
                                        struct raml_err *err);
    void (*hears)(void *user, const struct raml_sample_so_far *so_far, bool done);
    void *user;
};
/* Samples qs into *out (initialised, empty). file: where samples go as they are done, and those that are in it already are
 * not made again, nor in *out; the caller ends it. NULL: nowhere. listener: NULL, nobody. */
RAML_CHECKED enum raml_code cli_sampling_run(const struct cli *cli, const struct sampling_settings *s,
                                             const struct sampling_listener *listener, const struct raml_questions *qs,
                                             struct cli_sample_file *file, struct raml_questions *out,
                                             struct sampling_result *result, struct raml_err *err);

#endif
