/* laboratory_study.c - a declared study on the report's page: what was declared, every claim with its verdict, a figure
 * each, and the files to take away; of a study of parts all of them. See laboratory_parts.h.
 */
#include "study/laboratory_parts.h"

#include "core/file.h"
#include "core/json.h"
#include "core/path.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_RESULTS = 1 << 26, MAX_TITLE = 1 << 16, COLUMNS = 5 };

static const char *text(const json_t *o, const char *key)
{
    const char *t = json_string_value(json_object_get(o, key));
    return t ? t : "";
}

/* -- What was declared ---------------------------------------------------------------------------------------------- */

/* How much had run when it was declared: of a whole, whose declaration says so. */
static void add_before(struct raml_lab_view *v)
{
    char path[RAML_PATH_BYTES];
    json_t *had = NULL;
    if (raml_path_join(path, v->lab->path, "declared.json", NULL)) return;
    if (!raml_is_file(path) || raml_json_load(path, MAX_RESULTS, &had, NULL)) return;
    double steps = raml_page_get(had, "steps"), done = raml_page_get(had, "steps_done_before");
    if (done > 0) raml_buf_addf(&v->p->html, "; <b>%g of its %g steps had run before it was declared</b>", done, steps);
    else if (steps > 0) raml_buf_adds(&v->p->html, ", before any of its steps had run");
    json_decref(had);
}

static void add_declared(struct raml_lab_view *v, const json_t *study)
{
    struct raml_buf *b = &v->p->html;
    double seeds = raml_page_get(study, "seeds"), first = raml_page_get(study, "first_seed");
    const json_t *set = json_object_get(study, "set");
    raml_buf_adds(b, "<p class=\"dim\">Declared: ");
    raml_lab_link(v, "study.yaml", text(study, "name"));
    if (*text(study, "scale")) {
        raml_buf_adds(b, ", scale ");
        raml_page_text(v->p, text(study, "scale"));
    }
    if (seeds > 0) raml_buf_addf(b, ", %g seed%s", seeds, seeds > 1 ? "s" : "");
    if (first > 1) raml_buf_addf(b, "%s from %g on", seeds > 0 ? "" : ", seeds", first);
    for (size_t i = 0; i < json_array_size(set); i++) {
        raml_buf_adds(b, i ? ", " : ", set to ");
        raml_page_text(v->p,
                       json_string_value(json_array_get(set, i)) ? json_string_value(json_array_get(set, i)) : "");
    }
    raml_buf_adds(b, "; SHA-256 <code>");
    raml_page_text(v->p, text(study, "sha256"));
    raml_buf_adds(b, "</code>");
    add_before(v);
    raml_buf_adds(b, "</p>\n");
}

static void add_about(struct raml_lab_view *v, const json_t *of)
{
    if (!*text(of, "about")) return;
    raml_buf_adds(&v->p->html, "<p>");
    raml_page_text(v->p, text(of, "about"));
    raml_buf_adds(&v->p->html, "</p>\n");
}

/* How many claims have which verdict. */
static void add_tiles(struct raml_page *p, const json_t *claims)
{
    static const char *const verdict[] = {"holds", "does not hold", "undecided", "not measured"};
    raml_buf_adds(&p->html, "<div class=\"tiles few\">\n");
    for (size_t k = 0; k < sizeof verdict / sizeof *verdict; k++) {
        size_t n = 0;
        for (size_t i = 0; i < json_array_size(claims); i++)
            n += !strcmp(text(json_array_get(claims, i), "verdict"), verdict[k]);
        if (n || k < 3) raml_buf_addf(&p->html, "<div class=\"tile\"><b>%zu</b><span>%s</span></div>\n", n, verdict[k]);
    }
    raml_buf_adds(&p->html, "</div>\n");
}

/* -- Claims --------------------------------------------------------------------------------------------------------- */

static void begin_claims(struct raml_page *p)
{
    raml_buf_adds(&p->html, "<div class=\"wide\"><table class=\"claims\"><tr><th class=\"t\">claim</th>"
                            "<th class=\"t\">verdict</th><th>estimate</th><th class=\"t\">holds if</th>"
                            "<th>n</th></tr>\n");
}

static void end_claims(struct raml_lab_view *v)
{
    static const char *const file[] = {"claims.tsv", "values.tsv", "results.json"};
    struct raml_buf *b = &v->p->html;
    raml_buf_adds(b, "</table></div>\n<p class=\"dim\">Data: ");
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        if (!raml_lab_has(v, file[i])) continue;
        if (i) raml_buf_adds(b, ", ");
        raml_lab_link(v, file[i], file[i]);
    }
    raml_buf_adds(b, "</p>\n");
}

/* One row of numbers. */
static void add_numbers(struct raml_page *p, const json_t *c)
{
    struct raml_buf *b = &p->html;
    raml_buf_adds(b, "<tr class=\"claim\"><td class=\"t\">");
    raml_page_text(p, text(c, "id"));
    raml_buf_adds(b, "</td><td class=\"t\"><b>");
    raml_page_text(p, text(c, "verdict"));
    raml_buf_adds(b, "</b></td>");
    raml_lab_interval(p, raml_page_get(c, "estimate"), raml_page_get(c, "low"), raml_page_get(c, "high"), false);
    raml_buf_addf(b, "<td class=\"t\">%s\u00A0", text(c, "rule"));
    raml_page_number(p, raml_page_get(c, "by"));
    raml_buf_adds(b, "</td><td>");
    double n = raml_page_get(c, "n");
    raml_page_number(p, n > 0 ? n : NAN);
    raml_buf_adds(b, "</td></tr>\n");
}

/* What the numbers are of, below them, over the whole width. */
static void add_words(struct raml_page *p, const json_t *c)
{
    struct raml_buf *b = &p->html;
    raml_buf_addf(b, "<tr><td class=\"t\" colspan=\"%d\">", COLUMNS);
    raml_page_text(p, text(c, "says"));
    raml_buf_adds(b, " <small>");
    raml_page_text(p, text(c, "of"));
    if (*text(c, "slope_against")) {
        raml_buf_adds(b, ", slope against ");
        raml_page_text(p, text(c, "slope_against"));
    }
    if (*text(c, "unit")) {
        raml_buf_adds(b, "; ");
        raml_page_text(p, text(c, "unit"));
    }
    if (*text(c, "missing")) {
        raml_buf_adds(b, "; not measured: ");
        raml_page_text(p, text(c, "missing"));
    }
    raml_buf_adds(b, "</small></td></tr>\n");
}

static void add_figure(struct raml_lab_view *v, size_t i, const json_t *claim)
{
    char name[48];
    struct raml_buf title;
    raml_buf_init(&title, MAX_TITLE);
    raml_buf_add_html(&title, text(claim, "id"), strlen(text(claim, "id")));
    snprintf(name, sizeof name, "claim_%zu", i + 1);
    const struct raml_lab_picture one = {
        name, title.data ? title.data : "claim",
        "What the claim is made of, arm by arm: every seed, their mean, and 95\u00A0% over seeds.", ""};
    (void)raml_lab_picture(v, &one);
    raml_buf_deinit(&title);
}

/* One study's claims: table and figures. */
static void add_claims(struct raml_lab_view *v, const json_t *claims, const char *part)
{
    size_t n = 0;
    begin_claims(v->p);
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i);
        if (part && strcmp(text(c, "part"), part)) continue;
        add_numbers(v->p, c);
        add_words(v->p, c);
    }
    end_claims(v);
    raml_buf_adds(&v->p->html, "<div class=\"grid\">\n");
    for (size_t i = 0; i < json_array_size(claims); i++) {
        const json_t *c = json_array_get(claims, i);
        if (!part || !strcmp(text(c, "part"), part)) add_figure(v, n++, c);
    }
    raml_buf_adds(&v->p->html, "</div>\n");
}

/* -- Parts ---------------------------------------------------------------------------------------------------------- */

/* All claims in short, a heading a part, which leads to it. */
static void add_overview(struct raml_lab_view *v, const json_t *parts, const json_t *claims)
{
    struct raml_buf *b = &v->p->html;
    begin_claims(v->p);
    for (size_t k = 0; k < json_array_size(parts); k++) {
        const char *part = text(json_array_get(parts, k), "part");
        raml_buf_addf(b, "<tr class=\"all\"><td class=\"t\" colspan=\"%d\"><a href=\"#part-", COLUMNS);
        raml_page_text(v->p, part);
        raml_buf_adds(b, "\">");
        raml_page_text(v->p, part);
        raml_buf_adds(b, "</a></td></tr>\n");
        for (size_t i = 0; i < json_array_size(claims); i++)
            if (!strcmp(text(json_array_get(claims, i), "part"), part)) add_numbers(v->p, json_array_get(claims, i));
    }
    end_claims(v);
}

static void add_part(struct raml_lab_view *whole, const json_t *part, const json_t *claims)
{
    struct raml_buf *b = &whole->p->html;
    char name[RAML_PATH_BYTES], path[RAML_PATH_BYTES];
    const char *id = text(part, "part");
    if (raml_path_join(path, whole->lab->path, id, NULL) ||
        raml_path_format(name, NULL, "%s%s%s", whole->lab->name, *whole->lab->name ? "/" : "", id))
        return;
    const struct raml_lab_found lab = {.kind = RAML_LAB_STUDY, .name = name, .path = path};
    struct raml_lab_view v = {.p = whole->p, .lab = &lab};
    raml_buf_adds(b, "<h3 id=\"part-");
    raml_page_text(v.p, id);
    raml_buf_adds(b, "\">");
    raml_page_text(v.p, id);
    raml_buf_adds(b, "</h3>\n");
    add_about(&v, part);
    add_declared(&v, json_object_get(part, "study"));
    add_claims(&v, claims, id);
    whole->n_files += v.n_files;
    whole->n_left_out += v.n_left_out;
}

static void add_study(struct raml_lab_view *v)
{
    char path[RAML_PATH_BYTES];
    json_t *doc = NULL;
    struct raml_err why = {0};
    v->n_files++;
    enum raml_code rc = raml_path_join(path, v->lab->path, "results.json", &why);
    if (!rc) rc = raml_json_load(path, MAX_RESULTS, &doc, &why);
    if (rc) {
        raml_lab_left_out(v, &why);
        return;
    }
    const json_t *claims = json_object_get(doc, "claims"), *parts = json_object_get(doc, "parts");
    add_about(v, doc);
    add_declared(v, json_object_get(doc, "study"));
    add_tiles(v->p, claims);
    if (json_array_size(parts)) add_overview(v, parts, claims);
    else add_claims(v, claims, NULL);
    for (size_t k = 0; k < json_array_size(parts); k++) add_part(v, json_array_get(parts, k), claims);
    json_decref(doc);
}

static const char heading[] =
    "<h2>Claims</h2>\n<p>What was claimed, by the rule that was written down with it: a claim holds "
    "where the whole interval lies beyond its bound, does not hold where the interval lies on the other side, and is "
    "undecided where it includes the bound (within x: the whole interval lies between -x and x). In brackets "
    "95\u00A0%: "
    "Student\u2019s interval over seeds, n of them (a seed sets first weights, data and test questions), that of F for "
    "a "
    "ratio of spreads, or the measure\u2019s own where it is of one model.</p>\n";

const struct raml_lab_kind raml_lab_study = {
    .name = "study", .file = {"claims.tsv"}, .heading = heading, .add = add_study};
