/* colour.h - a trajectory as HTML, each token coloured by what it did to the loss of the answer.
 *
 * Token i (1 .. T) moved the loss by ΔL(i) = L(i) - L(i-1). Blue: the loss fell; red: it rose; no
 * colour: it did not matter. The scale is the same on every page, 8 steps each way. Blue and red stay
 * distinct to the colour-blind (ColorBrewer RdBu), and the colours are translucent, so that they work on light and
 * dark pages. An underline means that after the token greedy decoding would give the shown answer. Pointing at
 * a token shows its i, L, ΔL and p = exp(-A L), the probability of the whole answer of A tokens. Where scripts run,
 * trajectory_view.h shows that and the rest of struct raml_coloured, by pointer and keyboard.
 * A page is: raml_colour_begin, raml_colour_trajectory for each, raml_colour_end. A larger page (the report) puts
 * raml_colour_css into its own style sheet and raml_view_policy into its head, and ends the trajectories with
 * raml_view_script.
 * Text     tokens are any bytes, even half a character. Markup is escaped, the rest is as in visible.h; line ends and
 *          tabs are made visible and take effect.
 * Errors   buffers keep theirs (buf.h); a curve that is not finite is RAML_ERANGE and adds nothing.
 */
#ifndef RAML_STUDY_COLOUR_H
#define RAML_STUDY_COLOUR_H

#include "raml/buf.h"
#include "raml/err.h"
#include "study/trajectory_view.h"
#include "study/visible.h"

#include <stdbool.h>
#include <stddef.h>

#define RAML_COLOUR_LEVELS 8

/* -8 .. 8: the step of the scale for a change of the loss, negative where it fell: how many of 0.02, 0.05, 0.1, 0.2, 0.5,
 * 1, 2 and 5 nats per answer token it reaches. NaN gives 0. */
int raml_colour_level(double delta);

void raml_colour_css(struct raml_buf *b);    /* rules for a <style> element */
void raml_colour_legend(struct raml_buf *b); /* one <p> */
RAML_CHECKED enum raml_code raml_colour_trajectory(struct raml_buf *b, const struct raml_coloured *t,
                                                   struct raml_err *err);
void raml_colour_begin(struct raml_buf *b, const char *title);
void raml_colour_end(struct raml_buf *b);

#endif
