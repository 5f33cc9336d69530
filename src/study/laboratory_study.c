/* laboratory_study.c - folders of raml study run on the report's page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#include <stdio.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
enum { SHOWN = 64, NAME = 48 };

static const char heading[] =
    "<h2>Claims</h2>\n<p>What was claimed before anything ran, by the rule that was written down with it: a claim "
    "holds "
    "where the whole interval lies beyond its bound, does not hold where the interval lies on the other side, and is "
    "undecided where it includes the bound.</p>\n";

static const struct raml_lab_column column[] = {
    {"claim", "claim", RAML_LAB_TEXT},          {"verdict", "verdict", RAML_LAB_TEXT},
    {"estimate", "estimate", RAML_LAB_NUMBER},  {"unit", "unit", RAML_LAB_TEXT},
    {"holds if", "holds", RAML_LAB_TEXT},       {"n", "n", RAML_LAB_COUNT},
    {"what is claimed", "says", RAML_LAB_TEXT}, {"of", "of", RAML_LAB_TEXT}};
static const struct raml_lab_table table[] = {
    {.file = "claims.tsv",
     .column = column,
     .n_columns = COUNT(column),
     .note = "In brackets 95\u00A0%: Student\u2019s interval over seeds, n of them (a seed sets first weights, data "
             "and test "
             "questions), or the measure\u2019s own where it is of one model. Data:"}};

static void add_claims(struct raml_lab_view *v)
{
    unsigned claim[SHOWN];
    size_t n_all = 0, n = raml_lab_frames(v, "claim_", claim, SHOWN, &n_all);
    if (n == 0) return;
    raml_buf_adds(&v->p->html, "<div class=\"grid\">\n");
    for (size_t i = 0; i < n; i++) {
        char name[NAME], title[NAME];
        snprintf(name, sizeof name, "claim_%u", claim[i]);
        snprintf(title, sizeof title, "Claim %u", claim[i]);
        const struct raml_lab_picture one = {
            name, title,
            "What the claim is made of, arm by arm: every seed, their mean, and 95\u00A0% "
            "over seeds.",
            ""};
        (void)raml_lab_picture(v, &one);
    }
    raml_buf_adds(&v->p->html, "</div>\n");
}

const struct raml_lab_kind raml_lab_study = {.name = "study",
                                             .file = {"claims.tsv"},
                                             .heading = heading,
                                             .table = table,
                                             .n_tables = COUNT(table),
                                             .add = add_claims};
