/* laboratory_parts.h - one folder of a trace, an update or a landscape on the report's page; for part_laboratory.c and
 * laboratory_*.c only.
 *
 * A file that is not there is passed over; one that can't be shown is named at the page's end (raml_page.left_out).
 */
#ifndef RAML_STUDY_LABORATORY_PARTS_H
#define RAML_STUDY_LABORATORY_PARTS_H

#include "study/page.h"

struct raml_lab_view {
    struct raml_page *p;
    const struct raml_lab_found *lab;
    size_t n_files, n_left_out; /* files looked at, and those of them that are not on the page */
};
bool raml_lab_has(const struct raml_lab_view *v, const char *file);
void raml_lab_left_out(struct raml_lab_view *v, const struct raml_err *why);
/* The file's name, where the page can lead there as a link: file as seen from the folder, text: what is read. */
void raml_lab_link(struct raml_lab_view *v, const char *file, const char *text);

/* laboratory_pictures.c */
struct raml_lab_picture {
    const char *file, *title, *caption; /* file: without ".svg"; the texts: HTML */
    const char *css;                    /* class: "" for lines on no ground, "map" for a picture with its own ground */
};
/* NAME.svg as data within the page, its caption, and links to data, script and picture. Where only NAME.tsv is there, how
 * to draw it. false: there is neither. */
bool raml_lab_picture(struct raml_lab_view *v, const struct raml_lab_picture *picture);
/* The numbers I of the files BEFOREI.svg, rising; at most most of them, evenly spaced, first and last among them. *n_all:
 * how many there are. */
size_t raml_lab_frames(const struct raml_lab_view *v, const char *before, unsigned *frame, size_t most, size_t *n_all);

/* laboratory_tables.c */
void raml_lab_trace_table(struct raml_lab_view *v, const char *file);
void raml_lab_update_table(struct raml_lab_view *v);
void raml_lab_frames_table(struct raml_lab_view *v);
void raml_lab_path_line(struct raml_lab_view *v);

#endif
