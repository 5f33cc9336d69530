/* film.h - pictures one after another as one SVG file that needs nothing else.
 *
 * The file shows DIR/FRAME.svg for each frame in turn, for `seconds` each, again and again: the frames are in it as data,
 * and SVG's own animation (SMIL) changes which is visible. What does not animate (a paper, an old viewer) shows the last
 * frame. No script: it also plays as an image in a web page.
 */
#ifndef RAML_STUDY_FILM_H
#define RAML_STUDY_FILM_H

#include "raml/err.h"

#include <stddef.h>

/* name: of the file to write, DIR/NAME.svg; frame: names of pictures, without ".svg"; width, height: their pixels. */
RAML_CHECKED enum raml_code raml_film_write(const char *dir, const char *name, const char *title,
                                            const char *const *frame, size_t n_frames, double seconds, int width,
                                            int height, struct raml_err *err);

#endif
