/* trajectory_view.h - what makes a coloured trajectory (colour.h) a view that answers to pointer and keyboard.
 *
 * A page that shows trajectories contains, in this order: raml_view_policy and raml_view_css in its head; for each
 * trajectory <div class="view">, the trajectory, raml_view_data, </div>; raml_view_script once, after the last.
 * Without the script (switched off, or blocked) all of it is invisible, and the trajectory is what colour.h makes it.
 * Data     JSON in a script element of a type that is not run: the values of raml_coloured in 8 digits, "greedy" as
 *          digits 0 and 1, texts in visible form. No '<' is in it, whatever the texts are.
 * Policy   nothing is loaded, and only this script is run, by its hash: text that got out of its place would not be.
 * Bounds   at most 16 answers and 32 layers (evenly spaced, with the last); a text's first 200 bytes.
 */
#ifndef RAML_STUDY_TRAJECTORY_VIEW_H
#define RAML_STUDY_TRAJECTORY_VIEW_H

#include "raml/buf.h"
#include "study/colour.h"

void raml_view_policy(struct raml_buf *b); /* a <meta> element */
void raml_view_css(struct raml_buf *b);    /* rules for a <style> element */
/* Of the first n tokens, n >= 1; clip: of the colours. */
void raml_view_data(struct raml_buf *b, const struct raml_coloured *t, size_t n, double clip);
void raml_view_script(struct raml_buf *b); /* a <script> element */

extern const char raml_view_program[]; /* trajectory_view.js, made part of the program by cmake/embed.cmake */

#endif
