/* laboratory_pictures.c - pictures of a laboratory's folder as data within the page. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#include "core/base64.h"
#include "core/file.h"
#include "core/path.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_WIDTH = 580, COLUMN_PIXELS = 512 }; /* of a picture that fills half of the page; on the page */
enum { PICTURE_MAX = 1 << 25, PICTURES_MAX = 1 << 26, FRAMES_MAX = 4096, NAME = 128 };

bool raml_lab_has(const struct raml_lab_view *v, const char *file)
{
    char path[RAML_PATH_BYTES];
    return !raml_path_join(path, v->lab->path, file, NULL) && raml_is_file(path);
}

void raml_lab_left_out(struct raml_lab_view *v, const struct raml_err *why)
{
    raml_buf_adds(&v->p->left_out, why->msg);
    raml_buf_adds(&v->p->left_out, "\n");
    v->n_left_out++;
}

/* A path within an address: what is not a letter, digit or one of "-_.~/" as %XX. */
static void add_address(struct raml_buf *b, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/";
    for (; *path; path++) {
        if (strchr(plain, *path)) raml_buf_add(b, path, 1);
        else raml_buf_addf(b, "%%%02X", (unsigned)(unsigned char)*path);
    }
}

void raml_lab_link(struct raml_lab_view *v, const char *file, const char *text)
{
    struct raml_buf *b = &v->p->html;
    if (v->p->linked) {
        raml_buf_adds(b, "<a href=\"./");
        add_address(b, v->lab->name);
        if (*v->lab->name) raml_buf_adds(b, "/");
        add_address(b, file);
        raml_buf_adds(b, "\">");
    }
    raml_buf_adds(b, "<code>");
    raml_page_text(v->p, text);
    raml_buf_adds(b, v->p->linked ? "</code></a>" : "</code>");
}

/* Text that begins as an SVG does and is there to its end. */
static bool is_svg(const struct raml_buf *b)
{
    static const char close[] = "</svg>";
    size_t n = b->len;
    if (n == 0 || strlen(b->data) != n) return false;
    while (n && (b->data[n - 1] == '\n' || b->data[n - 1] == ' ' || b->data[n - 1] == '\r')) n--;
    return (strncmp(b->data, "<?xml", 5) == 0 || strncmp(b->data, "<svg", 4) == 0) && strstr(b->data, "<svg") &&
           n >= strlen(close) && memcmp(b->data + n - strlen(close), close, strlen(close)) == 0;
}

static enum raml_code read_picture(struct raml_lab_view *v, const char *name, struct raml_buf *svg,
                                   struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_format(path, err, "%s/%s.svg", v->lab->path, name);
    if (!rc) rc = raml_file_read(path, svg, err);
    if (rc) return rc;
    if (!is_svg(svg)) return raml_fail(err, RAML_EFORMAT, "%s: not an SVG picture, or cut short; skipped", path);
    if (v->p->picture_bytes + svg->len > PICTURES_MAX)
        return raml_fail(err, RAML_ERANGE, "%s: skipped; a page has at most %d MiB of pictures", path,
                         PICTURES_MAX >> 20);
    v->p->picture_bytes += svg->len;
    return RAML_OK;
}

static void add_files(struct raml_lab_view *v, const char *name)
{
    static const char *const end[] = {".tsv", ".gp", ".svg"};
    const char *before = " <span class=\"files\">";
    for (size_t i = 0; i < sizeof end / sizeof *end; i++) {
        char file[NAME];
        snprintf(file, sizeof file, "%s%s", name, end[i]);
        if (!raml_lab_has(v, file)) continue;
        raml_buf_adds(&v->p->html, before);
        raml_lab_link(v, file, *before == ',' ? end[i] : file);
        before = ", ";
    }
    if (*before == ',') raml_buf_adds(&v->p->html, "</span>");
}

/* The class and width of a figure. A picture with its own ground fills its column. Any other has the width at which its
 * letters are as large as the others', and is alone in its row where that is more than a column. */
static void add_figure(struct raml_buf *b, const char *css, const struct raml_buf *svg)
{
    int width = 0;
    const char *box = svg->len ? strstr(svg->data, "viewBox=\"0 0 ") : NULL;
    if (box && !*css && sscanf(box, "viewBox=\"0 0 %5d", &width) != 1) width = 0;
    raml_buf_addf(b, "<figure class=\"lab %s%s\"", css, width > COLUMN_WIDTH ? "alone" : "");
    if (width > 0) raml_buf_addf(b, " style=\"max-width:%dpx\"", width * COLUMN_PIXELS / COLUMN_WIDTH);
    raml_buf_adds(b, ">\n");
}

bool raml_lab_picture(struct raml_lab_view *v, const struct raml_lab_picture *picture)
{
    struct raml_buf *b = &v->p->html, svg;
    struct raml_err why = {0};
    char file[2][NAME];
    snprintf(file[0], NAME, "%s.svg", picture->file);
    snprintf(file[1], NAME, "%s.tsv", picture->file);
    bool drawn = raml_lab_has(v, file[0]);
    if (!drawn && !raml_lab_has(v, file[1])) return false;
    v->n_files++;
    raml_buf_init(&svg, PICTURE_MAX);
    if (drawn && read_picture(v, picture->file, &svg, &why)) {
        raml_lab_left_out(v, &why);
        raml_buf_deinit(&svg);
        return false;
    }
    add_figure(b, picture->css, &svg);
    if (drawn) {
        raml_buf_addf(b, "<img alt=\"%s\" src=\"data:image/svg+xml;base64,", picture->title);
        raml_buf_add_base64(b, svg.data, svg.len);
        raml_buf_adds(b, "\">\n");
    }
    raml_buf_addf(b, "<figcaption><b>%s.</b> %s", picture->title, picture->caption);
    if (!drawn) raml_buf_addf(b, " Not drawn: <code>gnuplot %s.gp</code> in its folder draws it.", picture->file);
    add_files(v, picture->file);
    raml_buf_adds(b, "</figcaption></figure>\n");
    raml_buf_deinit(&svg);
    return true;
}

static int by_number(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

/* The number of BEFORE, digits, ".svg"; or ".tsv": of a frame that was not drawn. */
static bool frame_number(const char *name, const char *before, unsigned *out)
{
    size_t n = strlen(before), digits;
    if (strncmp(name, before, n) != 0) return false;
    digits = strspn(name + n, "0123456789");
    if (digits == 0 || digits > 9 || (strcmp(name + n + digits, ".svg") != 0 && strcmp(name + n + digits, ".tsv") != 0))
        return false;
    *out = (unsigned)strtoul(name + n, NULL, 10);
    return true;
}

size_t raml_lab_frames(const struct raml_lab_view *v, const char *before, unsigned *frame, size_t most, size_t *n_all)
{
    unsigned *all = malloc(FRAMES_MAX * sizeof *all);
    DIR *d = all ? opendir(v->lab->path) : NULL;
    *n_all = 0;
    for (struct dirent *e; d && *n_all < FRAMES_MAX && (e = readdir(d));)
        *n_all += frame_number(e->d_name, before, &all[*n_all]);
    if (d) closedir(d);
    if (all) qsort(all, *n_all, sizeof *all, by_number);
    size_t n_files = *n_all;
    *n_all = 0;
    for (size_t i = 0; i < n_files; i++)
        if (!i || all[i] != all[i - 1]) all[(*n_all)++] = all[i];
    size_t n = *n_all < most ? *n_all : most;
    for (size_t i = 0; i < n; i++) frame[i] = all[n > 1 ? i * (*n_all - 1) / (n - 1) : 0];
    free(all);
    return n;
}
