/* trajectory_view.c - see trajectory_view.h. */
#include "study/trajectory_view.h"

#include "core/base64.h"
#include "study/visible.h"

#include <math.h>
#include <sha2.h>
#include <stdint.h>
#include <string.h>

enum { MAX_ANSWERS = 16, MAX_LAYERS = 32, MAX_ROLES = 32, MAX_MARKS = 2000, TEXT_BYTES = 200, VISIBLE_BYTES = 1 << 20 };

/* -- The page's head ----------------------------------------------------------------------------------------------- */

void raml_view_policy(struct raml_buf *b, bool pictures)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    SHA2_CTX context;
    SHA256Init(&context);
    SHA256Update(&context, (const uint8_t *)raml_view_program, strlen(raml_view_program));
    SHA256Final(hash, &context);
    raml_buf_adds(b, "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                     "style-src 'unsafe-inline'; script-src 'sha256-");
    raml_buf_add_base64(b, hash, sizeof hash);
    raml_buf_addf(b, "'%s\">\n", pictures ? "; img-src data:" : "");
}

void raml_view_css(struct raml_buf *b)
{
    raml_buf_adds(
        b,
        ".trajectory span{scroll-margin:4em 0 18em}.trajectory .now{outline:1px solid}\n"
        ".trajectory span:focus-visible{outline:2px solid}\n"
        ".dock{background:Canvas;margin:0 -3px;padding:.4em 3px .5em;font-size:13px;line-height:1.35}\n"
        "@media screen and (min-height:550px){.dock.stays{position:sticky;bottom:0;border-top:1px solid "
        "rgba(128,128,128,.5)}}\n"
        ".switches{display:flex;flex-wrap:wrap;align-items:center;gap:.2em 1em}\n"
        ".switches label{display:flex;align-items:center;gap:.4em;max-width:100%}\n"
        ".switches select{font:inherit;padding:.2em;min-width:0}\n"
        ".chart{position:relative;margin:.5em 0 .4em;padding-left:3.6em;height:56px;"
        "font-variant-numeric:tabular-nums}\n"
        ".high,.low{position:absolute;left:0;width:3.2em;text-align:right;font-size:.85em;line-height:1;"
        "opacity:.75}.high{top:0}.low{bottom:0}\n"
        ".plot{position:relative;height:100%;touch-action:pan-y;cursor:crosshair}\n"
        ".plot svg{display:block;width:100%;height:100%;overflow:visible;border-bottom:1px solid "
        "rgba(128,128,128,.5)}\n"
        ".plot polyline{fill:none;stroke:currentColor;stroke-width:1.5px;stroke-linejoin:round}\n"
        ".plot .dense polyline{stroke-width:.75px}.plot .beside{opacity:.3;stroke-width:1px}\n"
        ".cursor,.dot{position:absolute;pointer-events:none}\n"
        ".cursor{top:0;bottom:0;border-left:1px solid rgb(var(--rise))}\n"
        ".dot{width:7px;height:7px;margin:-3.5px 0 0 -3px;border-radius:50%;background:rgb(var(--rise))}\n"
        ".row{display:flex;justify-content:space-between;gap:1em}.key{opacity:.75;white-space:nowrap}\n"
        ".panel .token{font-family:ui-monospace,Menlo,Consolas,monospace;margin:0 0 .2em;max-height:2.7em;"
        "overflow:auto;overflow-wrap:anywhere}\n"
        ".panel dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.4em,1fr));gap:.15em .6em;"
        "margin:0}\n"
        ".panel dt{font-size:.85em;opacity:.75;white-space:nowrap}\n"
        ".panel dd{margin:0;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
        ".panel [hidden]{display:none}\n"
        ".sign{display:inline-block;font:600 9px/1.3 system-ui,sans-serif;padding:0 .3em;border:1px "
        "solid;border-radius:3px;opacity:.8}\n"
        ".sign.exit{background:CanvasText;color:Canvas;border-color:CanvasText}\n"
        ".sign.fork{border-radius:6px}\n"
        ".trajectory .sign{vertical-align:.45em;margin:0 1px;user-select:none;cursor:default}\n"
        ".signs{font-size:13px;line-height:1.6;margin:.4em 0;opacity:.85}.signs span{white-space:nowrap;"
        "margin-right:.8em}.signs .sign{margin-right:.3em}.signs i{margin-right:.5em}\n"
        ".lane{position:relative;margin:0 0 .4em 3.6em;height:13px}.lane.fork{height:26px}\n"
        ".lane>span{position:absolute;left:-4.2em;width:3.7em;text-align:right;font-size:.85em;"
        "line-height:1;opacity:.75;overflow:hidden;text-overflow:ellipsis}\n"
        ".lane b{position:absolute;font:600 11px/13px system-ui,sans-serif;white-space:nowrap}\n"
        ".lane.fork b{width:2px;margin-left:-1px;background:currentColor}\n"
        ".lane.fork::before{content:'';position:absolute;left:0;right:0;top:50%;border-top:1px solid "
        "rgba(128,128,128,.5)}\n"
        ".tick{position:absolute;top:0;bottom:0;border-left:1px dotted;opacity:.6;pointer-events:none}\n"
        ".panel .here{margin:.3em 0 0;max-height:7.7em;overflow-y:scroll;overflow-wrap:anywhere;scrollbar-width:thin}\n"
        ".panel .here span{display:block;padding-left:1em;text-indent:-1em}\n"
        "@media print{.switches,.panel,.cursor,.dot{display:none}}\n");
}

void raml_view_script(struct raml_buf *b)
{
    raml_buf_adds(b, "<script>");
    raml_buf_adds(b, raml_view_program);
    raml_buf_adds(b, "</script>\n");
}

/* -- A trajectory's numbers ---------------------------------------------------------------------------------------- */

/* Bytes in visible form as a JSON string that HTML can hold: without '<', '>' and '&'. */
static void add_text(struct raml_buf *b, const char *bytes, size_t n)
{
    struct raml_buf visible;
    size_t kept = n < TEXT_BYTES ? n : TEXT_BYTES;
    while (kept < n && kept > TEXT_BYTES - 4 && ((unsigned char)bytes[kept] & 0xC0) == 0x80) kept--;
    raml_buf_init(&visible, VISIBLE_BYTES);
    raml_text_visible(&visible, bytes, kept);
    raml_buf_adds(b, "\"");
    for (size_t i = 0; i < visible.len; i++) {
        char c = visible.data[i];
        if (c == '<' || c == '>' || c == '&') raml_buf_addf(b, "\\u%04x", (unsigned)c);
        else if (c == '"' || c == '\\') raml_buf_addf(b, "\\%c", c);
        else raml_buf_add(b, &c, 1);
    }
    raml_buf_adds(b, kept < n ? "\u2026\"" : "\"");
    raml_buf_deinit(&visible);
}

static void add_numbers(struct raml_buf *b, const double *v, size_t n)
{
    raml_buf_adds(b, "[");
    for (size_t i = 0; i < n; i++) {
        if (i) raml_buf_adds(b, ",");
        if (isfinite(v[i])) raml_buf_addf(b, "%.8g", v[i]);
        else raml_buf_adds(b, "null");
    }
    raml_buf_adds(b, "]");
}

/* A field that is not the object's first; nothing where there is no array. */
static void add_field(struct raml_buf *b, const char *name, const double *v, size_t n)
{
    if (!v) return;
    raml_buf_addf(b, ",\"%s\":", name);
    add_numbers(b, v, n);
}

static void add_answer(struct raml_buf *b, const struct raml_coloured_answer *a, size_t n)
{
    raml_buf_adds(b, "{\"L\":");
    add_numbers(b, a->loss, n + 1);
    if (a->name) raml_buf_adds(b, ",\"name\":");
    if (a->name) add_text(b, a->name, strlen(a->name));
    if (a->text) raml_buf_adds(b, ",\"text\":");
    if (a->text) add_text(b, a->text, strlen(a->text));
    if (a->n_answer) raml_buf_addf(b, ",\"A\":%zu", a->n_answer);
    if (a->greedy) {
        raml_buf_adds(b, ",\"greedy\":\"");
        for (size_t i = 0; i <= n; i++) raml_buf_adds(b, a->greedy[i] ? "1" : "0");
        raml_buf_adds(b, "\"");
    }
    add_field(b, "p", a->p, n + 1);
    add_field(b, "p_mean", a->p_mean, n + 1);
    raml_buf_adds(b, "}");
}

/* Where among the answers the traced one is; n_answers: nowhere. */
static size_t find_traced(const struct raml_coloured *t)
{
    size_t k = 0;
    while (k < t->n_answers && memcmp(t->answer[k].loss, t->loss, (t->n_tokens + 1) * sizeof *t->loss) != 0) k++;
    return k;
}

/* The traced one first. */
static void add_answers(struct raml_buf *b, const struct raml_coloured *t, size_t n)
{
    size_t traced = find_traced(t), written = 1;
    struct raml_coloured_answer first = {0};
    if (traced < t->n_answers) first = t->answer[traced];
    first.loss = t->loss;
    first.greedy = t->greedy;
    if (t->n_answer) first.n_answer = t->n_answer;
    raml_buf_adds(b, ",\"answers\":[");
    add_answer(b, &first, n);
    for (size_t k = 0; k < t->n_answers && written < MAX_ANSWERS; k++) {
        if (k == traced) continue;
        raml_buf_adds(b, ",");
        add_answer(b, &t->answer[k], n);
        written++;
    }
    raml_buf_adds(b, "]");
}

static void add_layers(struct raml_buf *b, const struct raml_coloured *t, size_t n)
{
    size_t kept = t->n_layers < MAX_LAYERS ? t->n_layers : MAX_LAYERS;
    double layer[MAX_LAYERS];
    if (kept == 0) return;
    raml_buf_adds(b, ",\"layers\":{\"L\":[");
    for (size_t k = 0; k < kept; k++) {
        size_t from = kept < t->n_layers ? k * (t->n_layers - 1) / (kept - 1) : k;
        layer[k] = t->layer[from];
        if (k) raml_buf_adds(b, ",");
        add_numbers(b, t->layer_loss + from * (t->n_tokens + 1), n + 1);
    }
    raml_buf_adds(b, "]");
    add_field(b, "layer", layer, kept);
    raml_buf_adds(b, "}");
}

/* Names once, then an index a token; -1: none. Names after the first MAX_ROLES are none. */
static void add_roles(struct raml_buf *b, const char *const *role, size_t n)
{
    const char *name[MAX_ROLES];
    size_t n_names = 0;
    raml_buf_adds(b, ",\"role\":[");
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (role[i] && k < n_names && strcmp(name[k], role[i]) != 0) k++;
        if (role[i] && k == n_names && n_names < MAX_ROLES) name[n_names++] = role[i];
        raml_buf_addf(b, "%s%d", i ? "," : "", role[i] && k < n_names ? (int)k : -1);
    }
    raml_buf_adds(b, "],\"roles\":[");
    for (size_t k = 0; k < n_names; k++) {
        if (k) raml_buf_adds(b, ",");
        add_text(b, name[k], strlen(name[k]));
    }
    raml_buf_adds(b, "]");
}

static void add_named(struct raml_buf *b, const char *name, const char *text)
{
    if (!text) return;
    raml_buf_addf(b, ",\"%s\":", name);
    add_text(b, text, strlen(text));
}

/* Those of the first n tokens. */
static void add_marks(struct raml_buf *b, const struct raml_coloured *t, size_t n)
{
    double end = t->at ? t->at[n] : (double)n;
    size_t written = 0;
    if (t->n_marks == 0) return;
    raml_buf_adds(b, ",\"marks\":[");
    for (size_t i = 0; i < t->n_marks && written < MAX_MARKS; i++) {
        const struct raml_coloured_mark *m = &t->mark[i];
        if (!(m->at >= 0 && m->at <= end)) continue;
        raml_buf_addf(b, "%s{\"at\":%.8g", written++ ? "," : "", m->at);
        add_named(b, "kind", m->kind);
        add_named(b, "name", m->name);
        add_named(b, "text", m->text);
        if (isfinite(m->value)) raml_buf_addf(b, ",\"value\":%.8g", m->value);
        raml_buf_adds(b, "}");
    }
    raml_buf_adds(b, "]");
}

void raml_view_data(struct raml_buf *b, const struct raml_coloured *t, size_t n)
{
    raml_buf_adds(b, "<script type=\"application/json\" class=\"trajectory-data\">{\"text\":[");
    for (size_t i = 0; i < n; i++) {
        if (i) raml_buf_adds(b, ",");
        add_text(b, t->piece[i], t->piece_len[i]);
    }
    raml_buf_adds(b, "]");
    add_answers(b, t, n);
    add_layers(b, t, n);
    if (t->role) add_roles(b, t->role, n);
    add_field(b, "at", t->at, n + 1);
    add_field(b, "commitment", t->commitment, n + 1);
    add_field(b, "entropy", t->entropy, n);
    add_field(b, "logp", t->logp, n);
    add_field(b, "update", t->update, n + 1);
    add_marks(b, t, n);
    raml_buf_adds(b, "}</script>\n");
}
