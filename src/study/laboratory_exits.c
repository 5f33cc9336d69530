/* laboratory_exits.c - folders of raml study exits on the report's page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char heading[] =
    "<h2>When to stop thinking</h2>\n<p>Policies of early exit, replayed on one stored set of probes: each asks for "
    "the answer at some places of a trajectory, and stops where it trusts it. Cost is thinking and every probe, the "
    "last "
    "answer included. Settings were chosen on one half of the questions, and everything here is of the other half. "
    "Controls: full thinking, and the best fixed budget that costs at most as much; a policy that is no better than "
    "that budget has gained nothing from its probes. Oracles know the answer, and are bounds.</p>\n";

static const struct raml_lab_picture picture[] = {
    {"exits_accuracy", "Accuracy against what it cost",
     "Accuracy over tokens per trajectory, probes included. Lines: of each kind the settings that were best on the "
     "validation half; dashed, or a single open point: oracles; open points in a policy\u2019s colour: the "
     "authors\u2019 released code. Points with bars: the chosen settings and full thinking, 95\u00A0% over questions, "
     "side by side where they cost the same. Above the line of fixed budgets the probes were worth what they cost.",
     ""},
    {"exits_cost", "What the chosen settings keep",
     "Thinking tokens as a share of all, and total cost as a share of full thinking\u2019s, probes included; bars "
     "95\u00A0% over questions. Orange above 1: asking cost more than stopping saved.",
     ""}};

static const struct raml_lab_column column[] = {{"policy", "family", RAML_LAB_TEXT},
                                                {"accuracy", "accuracy", RAML_LAB_SHARE},
                                                {"thinking", "stop", RAML_LAB_NUMBER},
                                                {"probes", "probe_tokens", RAML_LAB_NUMBER},
                                                {"total", "total", RAML_LAB_NUMBER},
                                                {"kept", "kept", RAML_LAB_SHARE},
                                                {"cost kept", "cost_kept", RAML_LAB_SHARE},
                                                {"against full", "vs_full", RAML_LAB_SHARE},
                                                {"against best budget", "vs_budget", RAML_LAB_SHARE}};

static const struct raml_lab_column online_column[] = {{"running samples", "samples", RAML_LAB_TEXT},
                                                       {"accuracy", "accuracy", RAML_LAB_SHARE},
                                                       {"tokens", "tokens", RAML_LAB_NUMBER},
                                                       {"probes", "probes", RAML_LAB_NUMBER},
                                                       {"probe tokens", "probe_tokens", RAML_LAB_NUMBER},
                                                       {"total", "total", RAML_LAB_NUMBER},
                                                       {"seconds", "seconds", RAML_LAB_NUMBER}};

static const struct raml_lab_table table[] = {
    {.file = "chosen.tsv",
     .column = column,
     .n_columns = COUNT(column),
     .faint = "below",
     .strong = "full",
     .note =
         "Test half; in brackets 95\u00A0% intervals over questions. Thinking, probes, total: mean tokens per "
         "trajectory. Against full, against best budget: differences of accuracy to full thinking, and to the fixed "
         "budget that was the most accurate on the validation half of those that cost at most as much there. Faint: no "
         "setting of the family came within the margin on the validation half; "
         "its most accurate one stands here. All policies: exits.tsv. Settings and all digits:"},
    {.file = "online.tsv",
     .column = online_column,
     .n_columns = COUNT(online_column),
     .note =
         "A policy in running samples of the test half\u2019s questions, beside samples with the same seed that think "
         "to their end: means per sample, and seconds of both runs. Its settings and all digits:"}};

const struct raml_lab_kind raml_lab_exits = {.name = "exits",
                                             .file = {"chosen.tsv", "exits_accuracy.tsv", "exits_cost.tsv"},
                                             .marks = true,
                                             .heading = heading,
                                             .picture = picture,
                                             .n_pictures = COUNT(picture),
                                             .table = table,
                                             .n_tables = COUNT(table)};
