/* report.c - see report.h: findings first, then the page, part by part, then the file in one piece. */
#include "raml/report.h"

#include "core/file.h"
#include "core/path.h"
#include "study/page.h"

#include <string.h>
#include <sys/stat.h>

enum { PAGE_MAX = 1 << 28, LEFT_OUT_MAX = 1 << 20 };

static void add_foot(struct raml_page *p)
{
    if (p->n_figures == 0) return;
    raml_buf_addf(&p->html,
                  "<p class=\"dim\">Every figure is in the folder figures as data (.tsv), gnuplot script "
                  "(.gp)%s.</p>\n",
                  p->n_drawn ? " and picture (.svg)" : "");
}

static enum raml_code write_parts(struct raml_page *p, const char *dir, struct raml_err *err)
{
    raml_part_headline(p, dir);
    enum raml_code rc = raml_part_accuracy(p, err);
    if (!rc) rc = raml_part_curves(p, err);
    if (!rc) rc = raml_part_trajectories(p, err);
    if (!rc) raml_part_laboratory(p);
    if (!rc) rc = raml_part_training(p, err);
    if (rc) return rc;
    raml_part_rollouts(p);
    raml_part_settings(p);
    add_foot(p);
    raml_page_end(p);
    return raml_buf_status(&p->html, err);
}

/* Is a file of this path in this folder? */
static bool is_in(const char *path, const char *dir)
{
    char folder[RAML_PATH_BYTES];
    struct stat a, b;
    const char *end = strrchr(path, '/');
    if (raml_path_format(folder, NULL, "%.*s", end ? (int)(end - path + 1) : 1, end ? path : ".")) return false;
    return !stat(folder, &a) && !stat(dir, &b) && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

enum raml_code raml_report(const char *dir, const char *out_html, const struct raml_sink *sink, struct raml_err *err)
{
    struct raml_findings found = {0};
    char figures[RAML_PATH_BYTES], out[RAML_PATH_BYTES];
    enum raml_code rc = raml_findings_read(dir, &found, err);
    if (rc) return rc;
    struct raml_page page = {.found = &found};
    raml_buf_init(&page.html, PAGE_MAX);
    raml_buf_init(&page.left_out, LEFT_OUT_MAX);
    rc = raml_path_join(figures, dir, "figures", err);
    if (!rc && out_html) rc = raml_path_format(out, err, "%s", out_html);
    else if (!rc) rc = raml_path_join(out, dir, "report.html", err);
    page.figures = (struct raml_drawing){.dir = figures, .sink = sink};
    page.linked = !rc && is_in(out, dir);
    if (!rc) rc = write_parts(&page, dir, err);
    if (!rc) rc = raml_file_write(out, page.html.data, page.html.len, err);
    if (!rc) raml_drawing_tell(&page.figures);
    raml_buf_deinit(&page.html);
    raml_buf_deinit(&page.left_out);
    raml_findings_deinit(&found);
    return rc;
}
