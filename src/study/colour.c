/* colour.c - see colour.h. */
#include "study/colour.h"

#include "core/elementary.h"
#include "study/trajectory_view.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As in trajectory_view.js. */
static const double step[RAML_COLOUR_LEVELS] = {0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5};

/* A token's own text: line ends and tabs take effect, after a faint sign; what can't be shown is faint. */
static void add_text(struct raml_buf *b, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = raml_text_printable(bytes + i, n - i);
        if (len) raml_buf_add_html(b, bytes + i, len);
        else if (bytes[i] == '\n') raml_buf_adds(b, "<i>\u21B5</i>\n");
        else if (bytes[i] == '\t') raml_buf_adds(b, "<i>\u2192</i>\t");
        else {
            raml_buf_adds(b, "<i>");
            i += raml_text_visible_one(b, bytes + i, n - i, true);
            raml_buf_adds(b, "</i>");
            continue;
        }
        i += len ? len : 1;
    }
}

int raml_colour_level(double delta)
{
    int level = 0;
    while (level < RAML_COLOUR_LEVELS && fabs(delta) >= step[level]) level++;
    return delta < 0 ? -level : level;
}

/* p1 … p8 where the loss rose, n1 … n8 where it fell. */
static void add_class(struct raml_buf *b, int level, bool greedy)
{
    if (level == 0 && !greedy) return;
    raml_buf_adds(b, " class=\"");
    if (level) raml_buf_addf(b, "%c%d", level < 0 ? 'n' : 'p', abs(level));
    raml_buf_adds(b, greedy ? (level ? " g\"" : "g\"") : "\"");
}

static void add_token(struct raml_buf *b, const struct raml_coloured *t, size_t i)
{
    double loss = t->loss[i + 1], delta = loss - t->loss[i];
    raml_buf_adds(b, "<span");
    add_class(b, raml_colour_level(delta), t->greedy && t->greedy[i + 1]);
    raml_buf_adds(b, " title=\"\u201C");
    size_t shown = t->piece_len[i] < 200 ? t->piece_len[i] : 200;
    for (size_t at = 0; at < shown;) at += raml_text_visible_one(b, t->piece[i] + at, t->piece_len[i] - at, true);
    raml_buf_addf(b, "\u201D  i = %.0f  L = %.4g  \u0394L = %s%.3g", t->at ? t->at[i + 1] : (double)(i + 1), loss,
                  delta < 0 ? "\u2212" : "+", fabs(delta));
    if (t->n_answer) raml_buf_addf(b, "  p = %.3g", raml_exp(-(double)t->n_answer * loss));
    raml_buf_addf(b, "%s\">", t->greedy && t->greedy[i + 1] ? "  greedy" : "");
    add_text(b, t->piece[i], t->piece_len[i]);
    raml_buf_adds(b, "</span>");
}

static void add_plain(struct raml_buf *b, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; i < n;) i += raml_text_visible_one(b, text + i, n - i, true);
}

static void add_paragraph(struct raml_buf *b, const char *css, const char *text)
{
    if (!text) return;
    raml_buf_addf(b, "<p class=\"%s\">", css);
    add_plain(b, text);
    raml_buf_adds(b, "</p>\n");
}

static enum raml_code check_curve(const char *name, const double *loss, size_t n, struct raml_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(loss[i]))
            return raml_fail(err, RAML_ERANGE, "%s: L(%zu) is %g; expected a finite number", name, i, loss[i]);
    return RAML_OK;
}

static enum raml_code check(const struct raml_coloured *t, struct raml_err *err)
{
    size_t n = t->n_tokens + 1;
    enum raml_code rc = check_curve("loss curve", t->loss, n, err);
    for (size_t k = 0; !rc && k < t->n_answers; k++)
        rc = check_curve("loss curve of a further answer", t->answer[k].loss, n, err);
    for (size_t k = 0; !rc && k < t->n_layers; k++)
        rc = check_curve("loss curve of a layer", t->layer_loss + k * n, n, err);
    return rc;
}

enum raml_code raml_colour_trajectory(struct raml_buf *b, const struct raml_coloured *t, struct raml_err *err)
{
    enum raml_code rc = check(t, err);
    if (rc) return rc;
    size_t shown = t->show && t->show < t->n_tokens ? t->show : t->n_tokens;
    add_paragraph(b, "trajectory-head", t->heading);
    add_paragraph(b, "trajectory-question", t->question);
    raml_buf_adds(b, "<div class=\"view\"><div class=\"trajectory\">");
    for (size_t i = 0; i < shown; i++) add_token(b, t, i);
    if (shown < t->n_tokens) raml_buf_addf(b, "<i> \u2026 %zu more tokens</i>", t->n_tokens - shown);
    raml_buf_adds(b, "</div>\n");
    if (shown) raml_view_data(b, t, shown);
    raml_buf_adds(b, "</div>\n");
    return RAML_OK;
}

void raml_colour_css(struct raml_buf *b)
{
    raml_view_css(b);
    raml_buf_adds(
        b, ":root{--fall:33,102,172;--rise:178,24,43}\n"
           "@media (prefers-color-scheme:dark){@media screen{:root{--fall:67,147,215;--rise:226,88,72}}}\n"
           ".trajectory{font:13px/1.75 ui-monospace,Menlo,Consolas,monospace;white-space:pre-wrap;"
           "overflow-wrap:anywhere;tab-size:4}\n"
           ".trajectory span,.scale span{padding:2px 0;print-color-adjust:exact;"
           "-webkit-print-color-adjust:exact}\n"
           ".trajectory i{font-style:normal;opacity:.45}\n"
           ".trajectory .g,.scale .g{box-shadow:inset 0 -2px currentColor}\n"
           ".trajectory-head{margin:1.2em 0 .3em}.trajectory-question{margin:0 0 .4em;opacity:.75;"
           "overflow-wrap:anywhere}\n"
           ".scale span:not(.keys,.g){display:inline-block;min-width:3.1em;text-align:center;color:CanvasText}\n");
    for (int i = 1; i <= RAML_COLOUR_LEVELS; i++) {
        double alpha = 0.7 * i / RAML_COLOUR_LEVELS; /* at most 0.7: text stays readable on it */
        raml_buf_addf(b, ".n%d{background:rgba(var(--fall),%.4g)}.p%d{background:rgba(var(--rise),%.4g)}\n", i, alpha,
                      i, alpha);
    }
}

void raml_colour_legend(struct raml_buf *b)
{
    raml_buf_adds(b, "<p class=\"scale\">a token\u2019s \u0394L: ");
    for (int k = -RAML_COLOUR_LEVELS; k <= RAML_COLOUR_LEVELS; k++) {
        if (abs(k) % 2) continue; /* every other step is sign enough */
        raml_buf_adds(b, "<span");
        add_class(b, k, false);
        if (k) raml_buf_addf(b, ">%s%g</span>", k < 0 ? "\u2212" : "+", step[abs(k) - 1]);
        else raml_buf_adds(b, ">0</span>");
    }
    raml_buf_adds(
        b, " nats per answer token and more. Blue: the loss of the answer that is shown fell; red: it rose. "
           "<span class=\"g\">Underlined</span>: after it the answer that is shown is the greedy one. "
           "Point at a token for its numbers<span class=\"keys\" hidden>, or move to it with Tab, the arrow keys, "
           "Home and End</span>.</p>\n");
}

void raml_colour_begin(struct raml_buf *b, const char *title)
{
    raml_buf_adds(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n");
    raml_view_policy(b, false);
    raml_buf_adds(b, "<title>");
    add_plain(b, title);
    raml_buf_adds(b, "</title>\n<style>\n:root{color-scheme:light dark}\n"
                     "body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}\n"
                     "h1{font-size:1.6em}h1,.trajectory-head{overflow-wrap:anywhere}\n");
    raml_colour_css(b);
    raml_buf_adds(b, "</style>\n</head>\n<body>\n<h1>");
    add_plain(b, title);
    raml_buf_adds(b, "</h1>\n");
    raml_colour_legend(b);
}

void raml_colour_end(struct raml_buf *b)
{
    raml_view_script(b);
    raml_buf_adds(b, "</body>\n</html>\n");
}
