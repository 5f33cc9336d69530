/* laboratory_prune.c - folders of raml prune on the report's page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char heading[] =
    "<h2>How much of its trajectory an answer needs</h2>\n<p>Steps are taken out of trajectories, and the model "
    "answers "
    "after what is kept. Greedy deletion looks at the loss of the correct answer, which nobody has while answering: it "
    "says what would be enough. Compare it with as many tokens kept at random (random), the first tokens (budget), and "
    "the steps that lowered the loss most (descent).</p>\n";

static const struct raml_lab_picture picture[] = {
    {"prune_accuracy", "Accuracy after a pruned trajectory",
     "Share of answers that are right, over the share of tokens that is kept; bands 95\u00A0% over questions. Dashed: "
     "each trajectory is pruned as far as a bound on its loss allows, so that they keep different shares. The control "
     "is random deletion at the same share.",
     ""},
    {"prune_loss", "Loss after a pruned trajectory",
     "Loss of the answer, nats per answer token, likewise. Left: nothing is kept, right: the whole trajectory.", ""}};

/* clang-format off */
static const struct raml_lab_column unchanged_column[] = {{"levels of", "by", RAML_LAB_TEXT},
                                                          {"method", "method", RAML_LAB_TEXT},
                                                          {"questions", "questions", RAML_LAB_COUNT},
                                                          {"kept share", "share", RAML_LAB_SHARE},
                                                          {"greedy less it", "less", RAML_LAB_SHARE},
                                                          {"each by itself", "needed", RAML_LAB_SHARE},
                                                          {"greedy less it", "needed_less", RAML_LAB_SHARE}};
static const struct raml_lab_column slack_column[] = {{"slack", "value", RAML_LAB_TEXT},
                                                      {"method", "method", RAML_LAB_TEXT},
                                                      {"trajectories", "trajectories", RAML_LAB_COUNT},
                                                      {"kept share", "share", RAML_LAB_SHARE},
                                                      {"loss", "loss", RAML_LAB_NUMBER},
                                                      {"greedy less it", "loss_less", RAML_LAB_NUMBER},
                                                      {"accuracy", "accuracy", RAML_LAB_SHARE},
                                                      {"greedy less it", "accuracy_less", RAML_LAB_SHARE}};
static const struct raml_lab_column leak_column[] = {{"after", "after", RAML_LAB_TEXT},
                                                     {"trajectories", "trajectories", RAML_LAB_COUNT},
                                                     {"questions", "questions", RAML_LAB_COUNT},
                                                     {"loss of the answer", "loss", RAML_LAB_NUMBER}};
/* clang-format on */

static const struct raml_lab_table table[] = {
    {.file = "unchanged.tsv",
     .column = unchanged_column,
     .n_columns = COUNT(unchanged_column),
     .note =
         "The kept share at unchanged accuracy: the smallest from which up to the whole accuracy stays, with the "
         "95\u00A0% interval over questions; by slack, each trajectory as far as its loss allows and every method as "
         "many tokens, or by share, the same of every trajectory. Each by itself: the mean of the smallest shares "
         "with which a trajectory\u2019s own answer stays right. All digits:"},
    {.file = "prune.tsv",
     .column = slack_column,
     .n_columns = COUNT(slack_column),
     .where = "level",
     .is = "slack",
     .fold = "method",
     .main = {"greedy", "random"},
     .note = "Greedy deletion while the loss is at most that after the whole trajectory plus the slack, in nats per "
             "answer token; the other methods keep as many tokens. Other levels and all digits:"},
    {.file = "leak.tsv",
     .column = leak_column,
     .n_columns = COUNT(leak_column),
     .note = "Summaries in the trajectories\u2019 place: the answer\u2019s loss after nothing, after its own summary, "
             "after "
             "those of questions with another answer, and after its own without the sentences that hold the "
             "answer\u2019s text. Where both differences are above 0 the summaries give their answers away:"}};

const struct raml_lab_kind raml_lab_prune = {.name = "prune",
                                             .file = {"prune.tsv", "unchanged.tsv", "prune_loss.tsv"},
                                             .heading = heading,
                                             .picture = picture,
                                             .n_pictures = COUNT(picture),
                                             .table = table,
                                             .n_tables = COUNT(table)};
