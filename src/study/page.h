/* page.h - the report's page as it is written: text, numbers, tables and figures as HTML. */
#ifndef RAML_STUDY_PAGE_H
#define RAML_STUDY_PAGE_H

#include "raml/buf.h"
#include "study/figure.h"
#include "study/findings.h"

#include <jansson.h>

struct raml_page {
    struct raml_buf html;
    struct raml_drawing figures;
    size_t n_figures, n_drawn; /* on the page */
    size_t n_unwritten;        /* whose files could not be written */
    const struct raml_findings *found;
    bool linked;              /* the page lies in the folder that it is of: links to the folder's files lead there */
    size_t picture_bytes;     /* of pictures that are in the page as data */
    struct raml_buf left_out; /* notes, as in findings.h, of files that parts could not show */
};

void raml_page_begin(struct raml_page *p, const char *title);
void raml_page_end(struct raml_page *p);
/* Any text, escaped and made visible (colour.h). */
void raml_page_text(struct raml_page *p, const char *text);
/* A number in at most 4 digits; "–" if there is none. */
void raml_page_number(struct raml_page *p, double v);
void raml_page_percent(struct raml_page *p, double share);
/* {"value", "low", "high"} of a share: 97.1 % [95.9, 98.0]; "–" for anything else. */
void raml_page_estimate(struct raml_page *p, const json_t *estimate);
/* A number of a JSON object; NaN if there is none. */
double raml_page_get(const json_t *obj, const char *key);
/* Any JSON as nested tables. */
void raml_page_json(struct raml_page *p, const json_t *value);
/* The palette's colour for run number r: not those of correct (0) and wrong (1). */
int raml_page_run_colour(size_t r);
/* before + name as a figure's name: characters not allowed there become '_'. */
void raml_page_figure_name(char out[80], const char *before, const char *name);
/* Writes the figure's files and puts its picture, or a table of its data, on the page. caption: HTML. A figure without
 * a point is omitted; one without a size gets half the page's width. */
RAML_CHECKED enum raml_code raml_page_figure(struct raml_page *p, const char *name, const struct raml_figure *fig,
                                             const char *caption, struct raml_err *err);
enum { RAML_PAGE_FIGURE_WIDTH = 520, RAML_PAGE_FIGURE_HEIGHT = 320 };
/* The display name of a run: "" is "this run". */
const char *raml_page_run_name(const struct raml_run_found *run);

/* The parts of the report, in their order on the page. Each writes nothing when there is nothing for it. */
void raml_part_headline(struct raml_page *p, const char *dir);
RAML_CHECKED enum raml_code raml_part_accuracy(struct raml_page *p, struct raml_err *err);
RAML_CHECKED enum raml_code raml_part_curves(struct raml_page *p, struct raml_err *err);
RAML_CHECKED enum raml_code raml_part_trajectories(struct raml_page *p, struct raml_err *err);
void raml_part_laboratory(struct raml_page *p);
RAML_CHECKED enum raml_code raml_part_training(struct raml_page *p, struct raml_err *err);
/* Policy gradients and preferences: the numbers to take away, a column a run; share of time; some groups of samples. */
void raml_part_objective(struct raml_page *p);
RAML_CHECKED enum raml_code raml_part_time(struct raml_page *p, struct raml_err *err);
/* Multi-step loss: the answer's loss after the cuts of a trajectory, "probe_loss/1" and so on. */
#define RAML_PROBE_LOSS "probe_loss/"
RAML_CHECKED enum raml_code raml_part_probes(struct raml_page *p, struct raml_err *err);
void raml_part_rollouts(struct raml_page *p);
void raml_part_settings(struct raml_page *p);

#endif
