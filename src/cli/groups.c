/* groups.c - the rows of a table of options by what they are about, for --help and the manual pages. */
#include "cli/options.h"

#include <string.h>

/* A setting that is not here is of the command itself. Names mean the same in every command. */
static const struct {
    const char *heading, *names;
} group[] = {
    {"options of the model",
     "model model_name_or_path adapter tokenizer dtype max_batch_tokens reader reader_tokenizer"},
    {"options of the questions", "data families split num_questions map limit family max_samples answer join score_end "
                                 "skip_long styles paraphrases eval_data layout"},
    {"options of sampling", "num_generations temperature top_k top_p min_p max_completion_length max_answer_tokens "
                            "stop answer_only batch_size think_budget "
                            "force_continuation force_continuation_below"},
    {"options of stopping early", "exit exit_words probe_tokens"},
    {"options of the measures", "k metrics tau by compare match required_n accuracy metric"},
    {"options of the prompt", "prompt_format chat_template prompt_before prompt_after prompt_preset instruction system "
                              "prefill answer_prefix enable_thinking "
                              "date_string"},
};

enum { N_GROUPS = sizeof group / sizeof *group, FEW_ROWS = 14, FEW_OF_GROUP = 3 };

static bool is_in(const char *names, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strstr(names, name); p; p = strstr(p + 1, name))
        if ((p == names || p[-1] == ' ') && (p[n] == ' ' || !p[n])) return true;
    return false;
}

static size_t rows_of(const struct cli_shared *t, size_t g)
{
    size_t n = 0;
    for (size_t i = 0; i < *t->n; i++) n += is_in(group[g].names, t->table[i].name);
    return n;
}

const char *cli_group_heading(const struct cli_shared *t, size_t g)
{
    if (g == 0) return t->heading ? t->heading : "options";
    return g <= N_GROUPS ? group[g - 1].heading : NULL;
}

size_t cli_group_of(const struct cli_shared *t, size_t row)
{
    for (size_t g = 0; g<N_GROUPS && * t->n> FEW_ROWS; g++)
        if (is_in(group[g].names, t->table[row].name)) return rows_of(t, g) >= FEW_OF_GROUP ? g + 1 : 0;
    return 0;
}
