/* report.h - a folder's results as one HTML file that needs nothing else: no network, no script, no other file.
 *
 * Reads what is in DIR and in its direct subfolders (the demo's `with` and `without`), each of which may be a run;
 * whatever is absent is left out, and the page lists what was found:
 *   recipe.yaml                    settings, and those that differ between runs
 *   metrics.jsonl, timing.jsonl    training curves
 *   eval*.json                     accuracy tables, as raml_table_json (table.h) writes them
 *   curves.jsonl                   loss curves, one trajectory a line (docs/report.md): their mean for correct and
 *                                  wrong samples, and some of them coloured; also in subfolders named trace*
 *   summary.json                   any JSON, as tables (only DIR's)
 * A line or file that can't be read is left out, named and counted on the page; it does not stop the report.
 * Figures  are written beside the page as data, gnuplot script and SVG, in DIR/figures; without gnuplot the page shows
 *          their data as tables and explains how to draw them.
 * The same folder gives the same bytes: the page holds no date.
 */
#ifndef RAML_REPORT_H
#define RAML_REPORT_H

#include "raml/err.h"

#pragma GCC visibility push(default)

/* out_html: NULL is DIR/report.html. It appears whole or not at all. RAML_EIO: DIR is not a folder, or can't be
 * written; RAML_EFORMAT: it has none of the above. */
RAML_CHECKED enum raml_code raml_report(const char *dir, const char *out_html, struct raml_err *err);

#pragma GCC visibility pop
#endif
