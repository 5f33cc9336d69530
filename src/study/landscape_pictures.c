/* landscape_pictures.c - a landscape as pictures: contours and surfaces of every frame, films, slices. See
 * raml/landscape_files.h.
 */
#include "study/landscape_parts.h"

#include "core/path.h"
#include "study/figure.h"
#include "study/film.h"
#include "study/surface.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 32, TEXT = 256, LABELS = 5, WIDTH = 640, HEIGHT = 560, LABEL_BYTES = 40 };

struct drawing {
    const struct raml_landscape_result *r;
    double low, high;
    char (*label_text)[LABEL_BYTES]; /* [path->n] */
    const char **label;              /* [path->n] */
    char (*name)[NAME];              /* [n_frames] of one kind of picture */
    const char **frame_name;         /* [n_frames] */
    struct raml_drawing to;
};

static void axis_label(const struct raml_landscape_result *r, size_t k, char out[TEXT])
{
    if (r->path->n)
        snprintf(out, TEXT, "%s principal direction of the updates, %.1f %% of their squares", k ? "second" : "first",
                 100 * r->path->explained[k]);
    else
        snprintf(out, TEXT, "%s random direction, normalised by %s", k ? "second" : "first",
                 raml_direction_name(r->opt->kind));
}

static size_t point_of(const struct raml_landscape_path *p, uint32_t i)
{
    size_t k = 0;
    while (k < p->n && p->at[k] != i) k++;
    return k;
}

/* The frames' points, as far as the path has them, and its last. */
static void label_path(struct drawing *d)
{
    const struct raml_landscape_path *p = d->r->path;
    for (size_t f = 0; f <= d->r->n_frames && p->n; f++) {
        size_t i = f < d->r->n_frames ? point_of(p, d->r->frame[f].i) : p->n - 1;
        if (i == p->n) continue;
        snprintf(d->label_text[i], LABEL_BYTES, "L(%u) = %.3g", (unsigned)p->at[i], p->loss[i]);
        d->label[i] = d->label_text[i];
    }
}

static enum raml_code draw_frame(struct drawing *d, size_t f, enum raml_surface_view view, struct raml_err *err)
{
    const struct raml_landscape_result *r = d->r;
    char title[TEXT], x_label[TEXT], y_label[TEXT];
    bool contour = view == RAML_SURFACE_CONTOUR;
    snprintf(d->name[f], NAME, "%s_%u", contour ? "contour" : "surface", (unsigned)r->frame[f].i);
    d->frame_name[f] = d->name[f];
    snprintf(title, sizeof title, "%.120s: after %u of %zu tokens", r->title, (unsigned)r->frame[f].i, r->n_trajectory);
    axis_label(r, 0, x_label);
    axis_label(r, 1, y_label);
    const struct raml_surface s = {.title = title,
                                   .x_label = contour ? x_label : "first direction",
                                   .y_label = contour ? y_label : "second direction",
                                   .z_label = "L, nats per answer token",
                                   .x = r->alpha,
                                   .y = r->beta,
                                   .z = r->loss + f * r->n_alpha * r->n_beta,
                                   .n_x = r->n_alpha,
                                   .n_y = r->n_beta,
                                   .z_low = d->low,
                                   .z_high = d->high,
                                   .path_x = r->path->x,
                                   .path_y = r->path->y,
                                   .path_z = r->height + f * r->path->n,
                                   .label = d->label,
                                   .n_path = r->path->n,
                                   .marked = point_of(r->path, r->frame[f].i),
                                   .width = WIDTH,
                                   .height = HEIGHT};
    return raml_surface_write(&d->to, d->name[f], &s, view, NULL, err);
}

/* One of other frames, where these can't be shown. */
static enum raml_code remove_film(const char *dir, const char *film, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = raml_path_format(path, err, "%s/%s.svg", dir, film);
    if (!rc) remove(path);
    return rc;
}

static enum raml_code draw_all(struct drawing *d, enum raml_surface_view view, const char *film, struct raml_err *err)
{
    const struct raml_landscape_result *r = d->r;
    enum raml_code rc = RAML_OK;
    size_t missing = d->to.n_missing;
    for (size_t f = 0; f < r->n_frames && !rc; f++) rc = draw_frame(d, f, view, err);
    if (!rc && missing != d->to.n_missing) return remove_film(r->dir, film, err);
    if (rc) return rc;
    return raml_film_write(r->dir, film, r->title, d->frame_name, r->n_frames, r->opt->frame_seconds, WIDTH, HEIGHT,
                           err);
}

static enum raml_code draw_surfaces(struct drawing *d, struct raml_err *err)
{
    const struct raml_landscape_result *r = d->r;
    size_t n_path = r->path->n + 1;
    d->label_text = calloc(n_path, sizeof *d->label_text);
    d->label = calloc(n_path, sizeof *d->label);
    d->name = calloc(r->n_frames, sizeof *d->name);
    d->frame_name = calloc(r->n_frames, sizeof *d->frame_name);
    enum raml_code rc = d->label_text && d->label && d->name && d->frame_name
                            ? RAML_OK
                            : raml_fail(err, RAML_ENOMEM, "no memory for the pictures of %zu frames", r->n_frames);
    if (!rc) rc = raml_surface_range(r->loss, r->n_frames * r->n_alpha * r->n_beta, &d->low, &d->high, err);
    if (!rc) label_path(d);
    if (!rc) rc = draw_all(d, RAML_SURFACE_CONTOUR, "contours", err);
    if (!rc) rc = draw_all(d, RAML_SURFACE_SOLID, "surfaces", err);
    free(d->label_text);
    free(d->label);
    free(d->name);
    free(d->frame_name);
    return rc;
}

/* One direction: a curve for each frame. */
static enum raml_code draw_slice(struct drawing *d, struct raml_err *err)
{
    const struct raml_landscape_result *r = d->r;
    char x_label[TEXT], (*name)[NAME] = calloc(r->n_frames, sizeof *name);
    struct raml_series *s = calloc(r->n_frames, sizeof *s);
    enum raml_code rc =
        name && s ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the curves of %zu frames", r->n_frames);
    for (size_t f = 0; f < r->n_frames && !rc; f++) {
        snprintf(name[f], NAME, "i = %u", (unsigned)r->frame[f].i);
        s[f] = (struct raml_series){.name = name[f],
                                    .x = r->alpha,
                                    .y = r->loss + f * r->n_alpha,
                                    .n = r->n_alpha,
                                    .colour = raml_figure_ordered(f, r->n_frames),
                                    .style = RAML_PLOT_LINE_POINTS};
    }
    axis_label(r, 0, x_label);
    const struct raml_figure fig = {.title = r->title,
                                    .x_label = x_label,
                                    .y_label = "L, nats per answer token",
                                    .series = s,
                                    .n_series = r->n_frames};
    if (!rc) rc = raml_figure_write(&d->to, "slice", &fig, NULL, err);
    free(name);
    free(s);
    return rc;
}

enum raml_code raml_landscape_pictures_write(const struct raml_landscape_result *r, bool *drawn, struct raml_err *err)
{
    struct drawing d = {.r = r, .to = {.dir = r->dir, .sink = r->sink}};
    enum raml_code rc = r->n_beta > 1 ? draw_surfaces(&d, err) : draw_slice(&d, err);
    *drawn = d.to.n && !d.to.n_missing;
    if (!rc) raml_drawing_tell(&d.to);
    return rc;
}
