/* page.c - see page.h. */
#include "study/page.h"

#include "core/path.h"
#include "study/colour.h"
#include "study/trajectory_view.h"
#include "core/file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SVG_MAX = 1 << 24, TEXT_MAX = 1 << 20, DATA_ROWS = 12, JSON_DEPTH_MAX = 6, JSON_ROWS_MAX = 200 };

static const char style[] =
    ":root{color-scheme:light dark;--soft:#f4f6fa;--line:#d9dde5;--dim:#5b6472}\n"
    "@media (prefers-color-scheme:dark){@media screen{:root{--soft:#22262d;--line:#3a404a;--dim:#9aa4b2}}}\n"
    "body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;max-width:1080px;"
    "margin:1.6em auto;padding:0 1.2em}\n"
    "h1{font-size:1.6em;margin:0 0 .1em}h2{font-size:1.2em;margin:1.6em 0 .4em;padding-bottom:.15em;"
    "border-bottom:1px solid var(--line)}h3{font-size:1em;margin:1.2em 0 .3em}\n"
    "p{margin:.4em 0}.dim,figcaption,.scale{color:var(--dim);font-size:.9em}.dim{overflow-wrap:anywhere}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,215px),1fr));gap:10px;margin:1em 0}\n"
    ".tile{background:var(--soft);border-radius:8px;padding:.6em .9em;print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}.tile b{display:block;font-size:1.35em;line-height:1.3}\n"
    ".tile span{display:block;font-size:.87em;color:var(--dim)}\n"
    /* A shadow where a table goes on beyond the edge. */
    ".wide{overflow-x:auto;background:linear-gradient(90deg,Canvas 30%,transparent) left/40px 100% no-repeat local,"
    "linear-gradient(270deg,Canvas 30%,transparent) right/40px 100% no-repeat local,"
    "linear-gradient(90deg,rgba(128,128,128,.4),transparent) left/12px 100% no-repeat,"
    "linear-gradient(270deg,rgba(128,128,128,.4),transparent) right/12px 100% no-repeat}\n"
    "table{border-collapse:collapse;margin:.5em 0;font-variant-numeric:tabular-nums;"
    "font-size:.92em}\n"
    "th,td{text-align:right;padding:.22em .7em;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "th.mid{text-align:center}th{font-weight:600}th.t,td.t{text-align:left}td small{color:var(--dim)}\n"
    "tr.all td{font-weight:600}\n"
    ".claims .claim td{border-bottom:none;padding-bottom:0}.claims .all td{padding-top:.8em}"
    ".claims td small{display:inline}\n"
    ".claims{width:100%;max-width:720px}.claims td{overflow-wrap:anywhere}.claims th,.claims "
    "td:nth-child(n+2){overflow-wrap:normal}\n"
    ".tiles.few{grid-template-columns:repeat(auto-fit,minmax(84px,1fr));max-width:720px}\n"
    ".ends td.t{min-width:9.5em}.ends .t{position:sticky;left:0;background:Canvas}td table{margin:0}h1 "
    "small{font-size:.6em;font-weight:400;color:var(--dim)}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,460px),1fr));gap:6px 20px}\n"
    "figure{margin:.4em 0;break-inside:avoid}figure svg{display:block;width:100%;max-width:100%;height:auto}\n"
    "@media (prefers-color-scheme:dark){@media screen{figure svg{filter:invert(.9) hue-rotate(180deg)}}}\n"
    "details{margin:.4em 0}summary{cursor:pointer}pre{font-size:12px;background:var(--soft);padding:.8em;"
    "border-radius:8px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".sample{border-left:3px solid var(--line);padding:.1em 0 .1em .9em;margin:.9em 0;break-inside:avoid-page}\n"
    ".right{border-color:#4878D0}.wrong{border-color:#EE854A}\n"
    "ul{padding-left:1.2em;margin:.4em 0}\n"
    "@media (max-width:600px){table{font-size:.8em}th,td{padding:.22em .35em}td small{display:block}}\n"
    "@media print{body{max-width:none;margin:0;font-size:12px}h2{break-after:avoid}}\n";

/* Rules for pictures of traces, updates and landscapes. None is wider than the page. A picture with its own ground keeps
 * its colours on a dark page. Where less motion is asked for, and on paper, films give way to their frames. */
static const char lab_style[] =
    ".lab{max-width:680px}.lab img{display:block;width:100%;height:auto}.grid>.alone{grid-column:1/-1}\n"
    "@media (prefers-color-scheme:dark){@media screen{.lab img{filter:invert(.9) hue-rotate(180deg)}\n"
    ".map img{filter:none;border-radius:6px;opacity:.92}}}\n"
    ".frames{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:6px 16px}\n"
    ".tight th,.tight td{padding:.22em .4em}.files{white-space:normal}.files code{font-size:.92em}\n"
    ".still{display:none}@media (prefers-reduced-motion:reduce){.film img{display:none}.still{display:block}}\n"
    "@media print{.film img{display:none}}\n";

void raml_page_begin(struct raml_page *p, const char *title)
{
    bool pictures = p->found->n_labs > 0;
    struct raml_buf *b = &p->html;
    raml_buf_adds(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n");
    raml_view_policy(b, pictures);
    raml_buf_adds(b, "<title>");
    raml_page_text(p, title);
    raml_buf_adds(b, "</title>\n<style>\n");
    raml_buf_adds(b, style);
    raml_colour_css(b);
    if (pictures) raml_buf_adds(b, lab_style);
    raml_buf_adds(b, "</style>\n</head>\n<body>\n");
}

void raml_page_end(struct raml_page *p)
{
    raml_buf_adds(&p->html, "</body>\n</html>\n");
}

void raml_page_text(struct raml_page *p, const char *text)
{
    struct raml_buf b;
    raml_buf_init(&b, TEXT_MAX);
    raml_text_visible(&b, text, strlen(text));
    if (b.len) raml_buf_add_html(&p->html, b.data, b.len);
    raml_buf_deinit(&b);
}

void raml_page_number(struct raml_page *p, double v)
{
    if (isnan(v)) raml_buf_adds(&p->html, "\u2013");
    else if (v == floor(v) && fabs(v) < 1e15) raml_buf_addf(&p->html, "%s%.0f", v < 0 ? "\u2212" : "", fabs(v));
    else raml_buf_addf(&p->html, "%s%.*g", v < 0 ? "\u2212" : "", fabs(v) >= 1000 && fabs(v) < 1e7 ? 7 : 4, fabs(v));
}

void raml_page_percent(struct raml_page *p, double share)
{
    if (isnan(share)) raml_buf_adds(&p->html, "\u2013");
    else raml_buf_addf(&p->html, "%.1f\u00A0%%", 100 * share);
}

double raml_page_get(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static bool is_estimate(const json_t *v)
{
    return json_is_number(json_object_get(v, "value")) && json_object_get(v, "low") && json_object_get(v, "high");
}

void raml_page_estimate(struct raml_page *p, const json_t *estimate)
{
    double low = raml_page_get(estimate, "low"), high = raml_page_get(estimate, "high");
    raml_page_percent(p, raml_page_get(estimate, "value"));
    if (isnan(low) || isnan(high)) return;
    raml_buf_addf(&p->html, "\u00A0<small>[%.1f,\u00A0%.1f]</small>", 100 * low, 100 * high);
}

const char *raml_page_run_name(const struct raml_run_found *run)
{
    return *run->name ? run->name : "this run";
}

int raml_page_run_colour(size_t r)
{
    static const int colour[] = {4, 8, 9, 5, 6, 2, 3, 7};
    return colour[r % (sizeof colour / sizeof *colour)];
}

void raml_page_figure_name(char out[80], const char *before, const char *name)
{
    int n = snprintf(out, 80, "%s%.60s", before, name);
    for (int i = 0; i < n && i < 79; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", out[i])) out[i] = '_';
}

/* ---- any JSON as tables ---- */

static void add_value(struct raml_page *p, const json_t *v, int depth);

/* Objects in an array, one per row, when they are flat enough to share columns: those of the first. */
static void add_rows(struct raml_page *p, const json_t *array, int depth)
{
    const char *key;
    json_t *unused;
    struct raml_buf *b = &p->html;
    raml_buf_adds(b, "<div class=\"wide\"><table><tr>");
    json_object_foreach (json_array_get(array, 0), key, unused) {
        raml_buf_adds(b, "<th class=\"t\">");
        raml_page_text(p, key);
        raml_buf_adds(b, "</th>");
    }
    raml_buf_adds(b, "</tr>\n");
    size_t n = json_array_size(array);
    for (size_t i = 0; i < n && i < JSON_ROWS_MAX; i++) {
        raml_buf_adds(b, "<tr>");
        json_object_foreach (json_array_get(array, 0), key, unused) {
            raml_buf_adds(b, "<td class=\"t\">");
            add_value(p, json_object_get(json_array_get(array, i), key), depth + 1);
            raml_buf_adds(b, "</td>");
        }
        raml_buf_adds(b, "</tr>\n");
    }
    raml_buf_adds(b, "</table></div>\n");
    if (n > JSON_ROWS_MAX) raml_buf_addf(b, "<p class=\"dim\">\u2026 %zu more rows</p>\n", n - JSON_ROWS_MAX);
}

static void add_object(struct raml_page *p, const json_t *obj, int depth)
{
    const char *key;
    json_t *v;
    raml_buf_adds(&p->html, "<table>\n");
    json_object_foreach ((json_t *)obj, key, v) {
        raml_buf_adds(&p->html, "<tr><th class=\"t\">");
        raml_page_text(p, key);
        raml_buf_adds(&p->html, "</th><td class=\"t\">");
        add_value(p, v, depth + 1);
        raml_buf_adds(&p->html, "</td></tr>\n");
    }
    raml_buf_adds(&p->html, "</table>\n");
}

static void add_value(struct raml_page *p, const json_t *v, int depth)
{
    if (!v || json_is_null(v)) raml_buf_adds(&p->html, "\u2013");
    else if (json_is_string(v)) raml_page_text(p, json_string_value(v));
    else if (json_is_boolean(v)) raml_buf_adds(&p->html, json_is_true(v) ? "yes" : "no");
    else if (json_is_number(v)) raml_page_number(p, json_number_value(v));
    else if (is_estimate(v)) raml_page_estimate(p, v);
    else if (depth >= JSON_DEPTH_MAX) raml_buf_adds(&p->html, "\u2026");
    else if (json_is_object(v)) add_object(p, v, depth);
    else if (json_is_object(json_array_get(v, 0))) add_rows(p, v, depth);
    else
        for (size_t i = 0; i < json_array_size(v) && i < JSON_ROWS_MAX; i++) {
            if (i) raml_buf_adds(&p->html, ", ");
            add_value(p, json_array_get(v, i), depth + 1);
        }
}

void raml_page_json(struct raml_page *p, const json_t *value)
{
    add_value(p, value, 0);
}

/* ---- figures ---- */

/* Copies one of gnuplot's tags, '<' to '>', with its ids made unique on the page (by the figure's number). */
static void add_tag(struct raml_page *p, const char *tag, size_t n)
{
    static const struct {
        const char *from, *to;
        bool number;
    } change[] = {{" id='", " id='f", true}, {" id=\"", " id=\"f", true}, {" xlink:href='#", " href='#f", true}};
    for (size_t i = 0; i < n;) {
        size_t c = 0, len = 0;
        for (; c < sizeof change / sizeof *change; c++) {
            len = strlen(change[c].from);
            if (n - i > len && memcmp(tag + i, change[c].from, len) == 0) break;
        }
        if (c == sizeof change / sizeof *change) {
            raml_buf_add(&p->html, tag + i++, 1);
        } else {
            raml_buf_addf(&p->html, "%s%zu-", change[c].to, p->n_figures);
            i += len;
        }
    }
}

/* Where the element that starts at `at` ends: after its first closing tag. */
static const char *after(const char *at, const char *closing)
{
    const char *end = strstr(at, closing);
    return end ? end + strlen(closing) : at + strlen(at);
}

/* gnuplot's picture as part of the page: without the XML head, namespaces (HTML has its own), titles that would pop up
 * as tooltips, and the definitions of point shapes where none is used. */
static bool add_svg(struct raml_page *p, const char *svg, const struct raml_figure *fig)
{
    const char *at = strstr(svg, "<svg");
    at = at ? strchr(at, '>') : NULL;
    if (!at) return false;
    const char *defs_end = strstr(svg, "</defs>");
    bool points = defs_end && strstr(defs_end, "'#gpPt");
    raml_buf_addf(&p->html, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", fig->width, fig->height);
    raml_page_text(p, fig->title ? fig->title : "figure");
    raml_buf_adds(&p->html, "\">");
    for (at++; *at;) {
        if (strncmp(at, "<title>", 7) == 0) at = after(at, "</title>");
        else if (strncmp(at, "<desc>", 6) == 0) at = after(at, "</desc>");
        else if (strncmp(at, "<filter", 7) == 0) at = after(at, "</filter>");
        else if (strncmp(at, "<defs>", 6) == 0 && !points) at = after(at, "</defs>");
        else if (*at == '<') {
            const char *end = strchr(at, '>');
            if (!end) break;
            add_tag(p, at, (size_t)(end - at) + 1);
            at = end + 1;
        } else if (*at == '\n' || *at == '\t') {
            while (*at == '\n' || *at == '\t') at++;
            raml_buf_adds(&p->html, "\n");
        } else raml_buf_add(&p->html, at++, 1);
    }
    return true;
}

/* Instead of a picture: some rows of each series, evenly spaced. */
static void add_data(struct raml_page *p, const char *name, const struct raml_figure *fig, const char *why)
{
    struct raml_buf *b = &p->html;
    if (fig->title) raml_buf_addf(b, "<p><b>%s</b></p>\n", fig->title);
    raml_buf_adds(b, "<p class=\"dim\">Not drawn: ");
    raml_page_text(p, why);
    raml_buf_addf(b,
                  ". <code>gnuplot %s.gp</code> in the folder figures draws it; its data:</p>\n"
                  "<div class=\"wide\"><table><tr><th class=\"t\">series</th><th>x</th><th>y</th>"
                  "<th>low</th><th>high</th></tr>\n",
                  name);
    for (size_t s = 0; s < fig->n_series; s++) {
        const struct raml_series *d = &fig->series[s];
        size_t rows = d->n < DATA_ROWS ? d->n : DATA_ROWS;
        if (!d->name || !*d->name) continue;
        for (size_t r = 0; r < rows; r++) {
            size_t i = rows > 1 ? r * (d->n - 1) / (rows - 1) : 0;
            double value[] = {d->x[i], d->y[i], d->low ? d->low[i] : NAN, d->high ? d->high[i] : NAN};
            raml_buf_adds(b, "<tr><td class=\"t\">");
            raml_page_text(p, d->name);
            raml_buf_adds(b, "</td><td>");
            if (fig->category && value[0] >= 0 && value[0] < (double)fig->n_categories)
                raml_page_text(p, fig->category[(size_t)value[0]]);
            else raml_page_number(p, value[0]);
            for (int v = 1; v < 4; v++) {
                raml_buf_adds(b, "</td><td>");
                raml_page_number(p, value[v]);
            }
            raml_buf_adds(b, "</td></tr>\n");
        }
    }
    raml_buf_adds(b, "</table></div>\n");
}

static bool has_point(const struct raml_figure *fig)
{
    for (size_t s = 0; s < fig->n_series; s++)
        for (size_t i = 0; i < fig->series[s].n; i++)
            if (isfinite(fig->series[s].x[i]) && isfinite(fig->series[s].y[i])) return true;
    return false;
}

/* A legend of many names is as high as a plot: the figure grows by its lines beyond the first two. A line has two names,
 * or one where names are long. */
static int height_for(const struct raml_figure *fig)
{
    enum { LONG = 22, LINES = 2, LINE_HEIGHT = 18 };
    size_t n = 0, longest = 0;
    for (size_t s = 0; s < fig->n_series; s++) {
        size_t length = fig->series[s].n && fig->series[s].name ? strlen(fig->series[s].name) : 0;
        n += length > 0;
        if (length > longest) longest = length;
    }
    int lines = longest < LONG ? (int)(n + 1) / 2 : (int)n;
    return RAML_PAGE_FIGURE_HEIGHT + (lines > LINES ? (lines - LINES) * LINE_HEIGHT : 0);
}

enum raml_code raml_page_figure(struct raml_page *p, const char *name, const struct raml_figure *given,
                                const char *caption, struct raml_err *err)
{
    if (!has_point(given)) return RAML_OK;
    bool made = false;
    struct raml_figure sized = *given;
    const struct raml_figure *fig = &sized;
    if (sized.width <= 0) sized.width = RAML_PAGE_FIGURE_WIDTH;
    if (sized.height <= 0) sized.height = height_for(given);
    struct raml_err why = {0};
    enum raml_code rc = raml_figure_write(&p->figures, name, fig, &made, &why);
    if (rc && rc != RAML_EIO) return raml_fail(err, rc, "%s", why.msg);
    if (rc && p->n_unwritten++ == 0) raml_say(p->figures.sink, "%s; the page has its data instead", why.msg);
    const char *missing = rc ? why.msg : made ? "the picture is no SVG" : p->figures.why;
    rc = RAML_OK; /* a figure that can't be written (a folder of somebody else's) is no reason to lose the page */
    char path[RAML_PATH_BYTES];
    struct raml_buf svg;
    raml_buf_init(&svg, SVG_MAX);
    p->n_figures++;
    if (made) {
        rc = raml_path_format(path, err, "%s/%s.svg", p->figures.dir, name);
        if (!rc) rc = raml_file_read(path, &svg, err);
    }
    raml_buf_adds(&p->html, "<figure>\n");
    if (!rc && made && svg.len && add_svg(p, svg.data, fig)) {
        raml_buf_adds(&p->html, "\n");
        p->n_drawn++;
    } else add_data(p, name, fig, missing);
    if (*caption) raml_buf_addf(&p->html, "<figcaption>%s</figcaption>\n", caption);
    raml_buf_adds(&p->html, "</figure>\n");
    raml_buf_deinit(&svg);
    return rc;
}
