/* gnuplot.h - gnuplot as a process: NAME.svg from NAME.gp.
 *
 * A picture is what can be made again from its data and script, so that nothing about gnuplot is an error: it may be absent,
 * end with an exit code or a signal, write no picture or half of one, or not end. It is started without a shell, in a process
 * group of its own, and ended with all of it once RAML_GNUPLOT_SECONDS have passed.
 */
#ifndef RAML_STUDY_GNUPLOT_H
#define RAML_STUDY_GNUPLOT_H

#include "raml/err.h"

enum { RAML_GNUPLOT_SECONDS = 30, RAML_GNUPLOT_WHY = 240 };

enum raml_gnuplot {
    RAML_GNUPLOT_DREW,
    RAML_GNUPLOT_FAILED,  /* another script may be drawn */
    RAML_GNUPLOT_HOPELESS /* it does not start, or does not end: no use to start it again */
};
/* Draws DIR/NAME.svg, whole or not at all; *result, and unless it drew, *why in one line. What was there of that name is of
 * other data, and gone then. RAML_ESTOP: a signal interrupted it (file.h). */
RAML_CHECKED enum raml_code raml_gnuplot_draw(const char *dir, const char *name, enum raml_gnuplot *result,
                                              char why[RAML_GNUPLOT_WHY], struct raml_err *err);

#endif
