/* laboratory_parts.h - the folders of a laboratory (traces, updates, landscapes, roles, ..) on the report's page; for
 * part_laboratory.c and laboratory*.c only.
 *
 * A new kind is a struct raml_lab_kind in a source of its own, a row of raml_lab_kind and of enum raml_lab_kind_id
 * (findings.h), and a row of the table in docs/report.md.
 *
 * A file that is not there is passed over; one that can't be shown is named at the page's end (raml_page.left_out).
 */
#ifndef RAML_STUDY_LABORATORY_PARTS_H
#define RAML_STUDY_LABORATORY_PARTS_H

#include "study/page.h"
#include "study/tsv.h"

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

/* laboratory_table.c */
enum raml_lab_form { RAML_LAB_TEXT, RAML_LAB_COUNT, RAML_LAB_NUMBER, RAML_LAB_SHARE }; /* a share in per cent */
struct raml_lab_column {
    const char *head; /* HTML */
    const char *name; /* of the file's column; where it has NAME_low and NAME_high, too, these are its interval */
    enum raml_lab_form form;
};
struct raml_lab_table {
    const char *file;          /* "roles.tsv" */
    const char *before, *note; /* HTML before and after; NULL: none */
    const struct raml_lab_column *column;
    size_t n_columns;
    const char *where, *is; /* only rows whose column `where` reads so; NULL: all */
    const char *faint;      /* rows in which this column's number is not 0 are faint; NULL: none */
    const char *fold;       /* rows in which this column reads none of main are folded up; NULL: none */
    const char *main[3];    /* the last ones NULL */
    const char *strong;     /* rows whose first shown column reads so are set off, as a sum is; NULL: none */
};
/* At most 200 rows, with a note of how many there are. A table without a row is left out. */
void raml_lab_table(struct raml_lab_view *v, const struct raml_lab_table *table);
/* Opens a table of the folder with these columns; false: it is not there, or was left out. */
bool raml_lab_open_table(struct raml_lab_view *v, const char *file, const char *const *name, size_t n, size_t *column,
                         struct raml_tsv *t);
/* A number with that many significant digits; as a power of ten only where it is tiny or huge. */
void raml_lab_digits(struct raml_page *p, double x, int digits);
/* A cell: value [low, high], as a share or as a number. */
void raml_lab_interval(struct raml_page *p, double value, double low, double high, bool share);
/* Ends a table: what it is, and its file. */
void raml_lab_data_line(struct raml_lab_view *v, const char *text, const char *file);

/* laboratory_tables.c */
void raml_lab_trace_table(struct raml_lab_view *v, const char *file);
void raml_lab_update_table(struct raml_lab_view *v);
void raml_lab_frames_table(struct raml_lab_view *v);
void raml_lab_path_line(struct raml_lab_view *v);

/* laboratory_kinds.c */
struct raml_lab_kind {
    const char *name;      /* of folders: what theirs begin with */
    const char *file[12];  /* a folder that has one of these is of the kind; the last NULL */
    const char *subfolder; /* of such a folder: another one; NULL: none */
    bool marks; /* its marks.jsonl has marks of the trajectories shown (docs/report.md); such a folder is no run */
    const char *heading;                    /* HTML before the first folder */
    const struct raml_lab_picture *picture; /* [n_pictures], in this order */
    size_t n_pictures;
    const struct raml_lab_table *table; /* [n_tables], after the pictures */
    size_t n_tables;
    void (*add)(struct raml_lab_view *v); /* what else, after these; NULL: nothing */
};
extern const struct raml_lab_kind *const raml_lab_kind[RAML_LAB_KINDS];
/* laboratory_NAME.c of each */
extern const struct raml_lab_kind raml_lab_roles, raml_lab_fork, raml_lab_prune, raml_lab_exits, raml_lab_study,
    raml_lab_attention;

#endif
