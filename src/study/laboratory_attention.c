/* laboratory_attention.c - folders of raml attention on the report's page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char heading[] =
    "<h2>Attention where steps begin</h2>\n<p>What share of each head\u2019s attention goes where, at the token before "
    "a new line, before what the line results in, and, of the family perm, before each symbol that must be read from "
    "the last state or from the operand: there the rule says which token has it. Attention says what a head reads, not "
    "what the model makes of it.</p>\n";

static const struct raml_lab_picture picture[] = {
    {"training", "In training",
     "Of all heads the largest mean attention to what must be read, and the share of predictions that are right, over "
     "tokens trained; bands 95\u00A0% over questions. Look for which rises first.",
     ""},
    {"heads_state", "Reading the last state", "Mean attention by layer and head, a panel for each group of tokens.",
     ""},
    {"heads_operand", "Reading the operand", "The same where a symbol of the operand is read.", ""},
    {"heads_result", "Before a result", "The same before what a line results in.", ""},
    {"heads_line", "Before a line", "The same before a line\u2019s first token.", ""}};

static const struct raml_lab_column column[] = {{"tokens trained", "tokens", RAML_LAB_COUNT},
                                                {"query", "query", RAML_LAB_TEXT},
                                                {"of", "group", RAML_LAB_TEXT},
                                                {"layer", "layer", RAML_LAB_COUNT},
                                                {"head", "head", RAML_LAB_COUNT},
                                                {"share", "value", RAML_LAB_SHARE},
                                                {"mean of all heads", "mean", RAML_LAB_SHARE},
                                                {"uniform", "uniform", RAML_LAB_SHARE},
                                                {"n", "n", RAML_LAB_COUNT}};
static const struct raml_lab_table table[] = {
    {.file = "models.tsv",
     .column = column,
     .n_columns = COUNT(column),
     .note =
         "The head with the largest mean attention to the group, in brackets 95\u00A0% over questions; uniform: what "
         "attention alike to all ancestors gives. Query \u201Cright\u201D: the share of results, lines, trajectories "
         "and symbols whose tokens are all the likeliest. All heads are in attention.tsv. Data:"}};

const struct raml_lab_kind raml_lab_attention = {.name = "attention",
                                                 .file = {"attention.tsv", "models.tsv"},
                                                 .heading = heading,
                                                 .picture = picture,
                                                 .n_pictures = COUNT(picture),
                                                 .table = table,
                                                 .n_tables = COUNT(table)};
