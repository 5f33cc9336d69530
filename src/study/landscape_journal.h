/* landscape_journal.h - points of a landscape as they are finished, so that a killed run goes on where it was.
 *
 * A text file that only grows: a line of settings as JSON, then a line a point, its number and a loss for every frame
 * ("17 6.5284264106672962 7.25"). Every line begins with 16 hexadecimal digits, the XXH3-64 of what follows them and a
 * space. Numbers are written so that they are read back to the bit.
 * Torn   a last line that has no newline, or whose hash is wrong, is what a kill left of it: it is dropped, and its point
 *        is computed again. Any other line that is wrong is an error, and nothing is written.
 * Locked while it is open: a second process gets an error.
 */
#ifndef RAML_STUDY_LANDSCAPE_JOURNAL_H
#define RAML_STUDY_LANDSCAPE_JOURNAL_H

#include "raml/buf.h"
#include "core/append.h"

#include <stdbool.h>

struct raml_landscape_journal { /* zero-initialise */
    struct append file;
    struct raml_buf line;
    size_t n_points, n_frames, n_done;
    double *loss; /* [n_points, n_frames] */
    bool *done;   /* [n_points] */
};
/* settings: a JSON object. RAML_EUSAGE: the file is there with other settings; the message has the first that differs.
 * RAML_EFORMAT: it is no such file, or broken before its end. RAML_EIO: another process has it. */
RAML_CHECKED enum raml_code raml_landscape_journal_open(struct raml_landscape_journal *j, const char *path,
                                                        const char *settings, size_t n_points, size_t n_frames,
                                                        struct raml_err *err);
void raml_landscape_journal_close(struct raml_landscape_journal *j);
RAML_CHECKED enum raml_code raml_landscape_journal_add(struct raml_landscape_journal *j, size_t point,
                                                       const double *loss, struct raml_err *err);
/* To the disk itself: what survives a power failure. */
RAML_CHECKED enum raml_code raml_landscape_journal_sync(struct raml_landscape_journal *j, struct raml_err *err);

#endif
