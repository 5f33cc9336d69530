/* laboratory_roles.c - folders of raml roles on the report's page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char heading[] =
    "<h2>Token roles and words of reflection</h2>\n<p>What happened to the loss L(i) of the answer at tokens of a "
    "role, "
    "and at each word of reflection: from before a word\u2019s first token to after its last. Observed only: nothing "
    "was "
    "inserted or taken out. Effect: \u0394L less the mean \u0394L of windows of as many tokens of the same trajectory, "
    "without words of reflection and delimiters, at a similar place and whose first token was as uncertain. Where its "
    "interval includes 0, nothing is shown at the word beyond the tokens around it. Below 0 the loss fell.</p>\n";

static const struct raml_lab_picture picture[] = {
    {"effect_by_word", "Effect of words of reflection",
     "Mean \u0394L of a word less that of its matched windows, nats per answer token, with the number of units; bars "
     "95\u00A0% over questions. Without a bar: fewer units than an interval is given for.",
     ""},
    {"delta_by_word", "\u0394L at words of reflection",
     "Mean change of L over the word, nats per answer token, right and wrong trajectories apart; bars 95\u00A0% over "
     "questions. Compare with the effect: what remains beside matched windows.",
     ""},
    {"relative_by_word", "The paper\u2019s statistic, by word",
     "Mean of |\u0394L|/L(i\u22121) on a logarithmic axis. It has no sign, and divides by a loss that goes to 0: the "
     "table says what share of the sum the largest 1\u00A0% of units bring, and how small L was there.",
     ""},
    {"effect_by_role", "Effect by role", "The same by role of the token.", ""},
    {"delta_by_role", "\u0394L by role", "The same by role of the token.", ""},
    {"relative_by_role", "The paper\u2019s statistic, by role", "The same by role of the token.", ""}};

/* clang-format off */
#define MEASURES                                                                                                       \
    {"units", "units", RAML_LAB_COUNT}, {"questions", "questions", RAML_LAB_COUNT},                                    \
    {"effect, nats", "effect", RAML_LAB_NUMBER}, {"median", "effect_median", RAML_LAB_NUMBER},                         \
    {"no window", "no_window", RAML_LAB_COUNT}, {"\u0394L, nats", "delta", RAML_LAB_NUMBER},                           \
    {"median", "delta_median", RAML_LAB_NUMBER}, {"falling", "falling", RAML_LAB_SHARE}
#define RATIOS                                                                                                         \
    {"ln\u00A0L/L", "log_ratio", RAML_LAB_NUMBER}, {"median", "log_ratio_median", RAML_LAB_NUMBER},                    \
    {"mean |\u0394L|/L", "relative", RAML_LAB_NUMBER}, {"deviation", "relative_deviation", RAML_LAB_NUMBER},           \
    {"of its sum, largest 1\u00A0%", "relative_top_share", RAML_LAB_SHARE},                                            \
    {"units for half", "relative_half", RAML_LAB_COUNT}, {"their L, at most", "relative_half_loss", RAML_LAB_NUMBER}
static const struct raml_lab_column word_column[] = {{"word", "word", RAML_LAB_TEXT}, MEASURES},
                                    word_ratio[] = {{"word", "word", RAML_LAB_TEXT}, RATIOS},
                                    role_column[] = {{"role", "role", RAML_LAB_TEXT}, MEASURES},
                                    role_ratio[] = {{"role", "role", RAML_LAB_TEXT}, RATIOS};
/* clang-format on */

static const char note[] =
    "All verdicts together, in brackets 95\u00A0% over questions. Faint: too few units for an interval. Median: of the "
    "column before. No window: units that have no matched one, and no effect. Falling: share of units with \u0394L "
    "\u2264 0. By verdict, and all digits:";
static const char ratio_note[] =
    "ln\u00A0L/L: ln(L(last)/L(first\u22121)) where both are above 0. The rest is the paper\u2019s statistic, for "
    "comparison: the mean of |\u0394L|/L(first\u22121), its deviation, what share of its sum the largest 1\u00A0% of "
    "units bring, how many units bring half of it, and the largest L(first\u22121) of these:";

#define OF_ALL(file_, columns, note_)                                                                                  \
    {                                                                                                                  \
        .file = (file_), .column = (columns), .n_columns = COUNT(columns), .where = "verdict", .is = "all",            \
        .faint = "few", .strong = "all", .note = (note_)                                                               \
    }
static const struct raml_lab_table table[] = {
    OF_ALL("words.tsv", word_column, note), OF_ALL("words.tsv", word_ratio, ratio_note),
    OF_ALL("roles.tsv", role_column, note), OF_ALL("roles.tsv", role_ratio, ratio_note)};

const struct raml_lab_kind raml_lab_roles = {
    .name = "roles",
    .file = {"roles.tsv", "words.tsv", "effect_by_role.tsv", "delta_by_role.tsv"},
    .marks = true,
    .heading = heading,
    .picture = picture,
    .n_pictures = COUNT(picture),
    .table = table,
    .n_tables = COUNT(table)};
