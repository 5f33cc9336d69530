/* laboratory_fork.c - folders of raml fork on the report's page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#include <stdio.h>

enum { CURVES_SHOWN = 12, NAME = 48 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char heading[] =
    "<h2>Forks: what a word, a step or the end of thinking causes</h2>\n<p>At places of a trajectory one thing was "
    "changed, and the model went on from there several times. Every change is against the same trajectory unedited at "
    "the same place. The critical position is the first from which the final answer stays the most frequent one with "
    "at "
    "least the share that was asked for (0.9): resampled, that is of the continuations, or, where nothing was sampled, "
    "forced. Fewer than 30 values or 5 questions have no interval: nothing is concluded from those. Compare an "
    "inserted word with the control words, and a unit that was "
    "taken out with matched windows: what they share belongs to any change of the text.</p>\n";

static const struct raml_lab_picture picture[] = {
    {"fork_accuracy", "Change of accuracy",
     "Accuracy of the continuations of a fork less that of the unedited ones, before and after the critical position; "
     "bars "
     "95\u00A0% over questions. A word matters where its bar leaves those of the controls.",
     ""},
    {"fork_kl", "Change of the answers\u2019 distribution",
     "KL(edited || unedited) of final answers, nats. It is not 0 by chance: with n answers of K classes it is about "
     "(K\u00A0\u2212\u00A01)/n. Controls show how large it is for any word.",
     ""},
    {"fork_carried", "Change of the loss at the end",
     "L(T) of the edited trajectory less that of the unedited one, nats per answer token, the rest of the trajectory "
     "unchanged: nothing is sampled. Below 0 the answer became likelier.",
     ""},
    {"fork_now", "Change of the loss right after the edit", "The same, before the rest of the trajectory is read.", ""},
    {"importance_scatter", "Importance of units, forced against resampled",
     "KL(after || before) of the answers\u2019 distribution, of each unit: from the answers\u2019 probabilities if "
     "thinking "
     "ended there (forced), and from continuations (resampled). If both measured the same thing the points would rise "
     "together; the table has their rank correlation.",
     ""}};

static const struct raml_lab_column column[] = {{"edit", "edit", RAML_LAB_TEXT},
                                                {"word", "word", RAML_LAB_TEXT},
                                                {"critical position", "critical", RAML_LAB_TEXT},
                                                {"places", "places", RAML_LAB_COUNT},
                                                {"questions", "questions", RAML_LAB_COUNT},
                                                {"accuracy", "accuracy_change", RAML_LAB_NUMBER},
                                                {"less control", "accuracy_change_less", RAML_LAB_NUMBER},
                                                {"KL", "kl", RAML_LAB_NUMBER},
                                                {"less control", "kl_less", RAML_LAB_NUMBER},
                                                {"L(T)", "carried", RAML_LAB_NUMBER},
                                                {"less control", "carried_less", RAML_LAB_NUMBER}};
static const struct raml_lab_column order_column[] = {{"rank correlation of", "of", RAML_LAB_TEXT},
                                                      {"n", "n", RAML_LAB_COUNT},
                                                      {"Spearman", "spearman", RAML_LAB_NUMBER},
                                                      {"Kendall\u2019s \u03C4-b", "kendall", RAML_LAB_NUMBER}};

#define EFFECTS(part_, before_)                                                                                        \
    {                                                                                                                  \
        .file = "effects.tsv", .before = (before_), .column = column, .n_columns = COUNT(column), .where = "part",     \
        .is = (part_),                                                                                                 \
        .note = "Changes against the unedited trajectory; in brackets the 95\u00A0% interval over questions. Of all "  \
                "groups, with more measures:"                                                                          \
    }
/* clang-format off */
static const struct raml_lab_table table[] = {
    EFFECTS("all", "<p>At all places:</p>\n"),
    EFFECTS("before", "<p>Before the critical position:</p>\n"),
    EFFECTS("after", "<p>After it:</p>\n"),
    {.file = "order.tsv",
     .before = "<p>Importance of units, forced against resampled:</p>\n",
     .column = order_column,
     .n_columns = COUNT(order_column)}};
/* clang-format on */

static void add_curves(struct raml_lab_view *v)
{
    char name[NAME], title[NAME];
    if (!raml_lab_has(v, "importance_1.tsv")) return;
    raml_buf_adds(&v->p->html,
                  "<details><summary>importance along single trajectories</summary>\n<div class=\"grid\">\n");
    for (unsigned k = 1; k <= CURVES_SHOWN; k++) {
        snprintf(name, sizeof name, "importance_%u", k);
        snprintf(title, sizeof title, "Trajectory %u", k);
        const struct raml_lab_picture one = {name, title,
                                             "Importance of each unit, at its end, as a share of the trajectory\u2019s "
                                             "largest.",
                                             ""};
        (void)raml_lab_picture(v, &one);
    }
    raml_buf_adds(&v->p->html, "</div>\n</details>\n");
}

const struct raml_lab_kind raml_lab_fork = {
    .name = "fork",
    .file = {"effects.tsv", "fork.tsv", "fork_accuracy.tsv", "fork_carried.tsv"},
    .marks = true,
    .heading = heading,
    .picture = picture,
    .n_pictures = COUNT(picture),
    .table = table,
    .n_tables = COUNT(table),
    .add = add_curves};
