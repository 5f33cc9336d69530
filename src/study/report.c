/* report.c - see report.h: findings first, then the page, part by part, then the file in one piece. */
#include "raml/report.h"

#include "core/file.h"
#include "study/page.h"

#include <string.h>

enum { PAGE_MAX = 1 << 28, PATH_MAX_BYTES = 8192 };

static void add_foot(struct raml_page *p)
{
    if (p->n_figures == 0) return;
    raml_buf_addf(&p->html, "<p class=\"dim\">Every figure is in the folder figures as data (.tsv), gnuplot script "
                            "(.gp)%s.</p>\n", p->n_drawn ? " and picture (.svg)" : "");
}

static enum raml_code write_parts(struct raml_page *p, const char *dir, struct raml_err *err)
{
    raml_part_headline(p, dir);
    enum raml_code rc = raml_part_accuracy(p, err);
    if (!rc) rc = raml_part_curves(p, err);
    if (!rc) rc = raml_part_trajectories(p, err);
    if (!rc) rc = raml_part_training(p, err);
    if (rc) return rc;
    raml_part_settings(p);
    add_foot(p);
    raml_page_end(p);
    return raml_buf_status(&p->html, err);
}

enum raml_code raml_report(const char *dir, const char *out_html, struct raml_err *err)
{
    struct raml_findings found = {0};
    struct raml_buf figures, out;
    enum raml_code rc = raml_findings_read(dir, &found, err);
    if (rc) return rc;
    struct raml_page page = {.found = &found};
    raml_buf_init(&page.html, PAGE_MAX);
    raml_buf_init(&figures, PATH_MAX_BYTES);
    raml_buf_init(&out, PATH_MAX_BYTES);
    raml_buf_addf(&figures, "%s/figures", dir);
    if (out_html) raml_buf_adds(&out, out_html);
    else raml_buf_addf(&out, "%s/report.html", dir);
    rc = raml_buf_status(&figures, err);
    if (!rc) rc = raml_buf_status(&out, err);
    page.figures = figures.data;
    if (!rc) rc = write_parts(&page, dir, err);
    if (!rc) rc = raml_file_write(out.data, page.html.data, page.html.len, err);
    raml_buf_deinit(&page.html);
    raml_buf_deinit(&figures);
    raml_buf_deinit(&out);
    raml_findings_deinit(&found);
    return rc;
}
