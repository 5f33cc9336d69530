/* trace_prefix.c - how much the answer prefix matters, as a table. See trace_parts.h. */
#include "study/trace_parts.h"

#include "core/file.h"

#include "study/visible.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_TSV_BYTES = 1 << 22, NAME_BYTES = 64 };

static const char *const measure[] = {"L0", "LT", "descent", "tau_b", "falls"};
enum { N_MEASURES = sizeof measure / sizeof *measure };

static void add_number(struct raml_buf *b, double x)
{
    if (isfinite(x)) raml_buf_addf(b, "\t%.9g", x);
    else raml_buf_adds(b, "\tnan");
}

/* A text in visible form (line ends as \n); a quotation mark would be taken for the begin of a quoted cell. */
static void add_text(struct raml_buf *b, const char *text)
{
    for (size_t n; *text; text += n) {
        n = strcspn(text, "\"");
        raml_text_visible(b, text, n);
        if (text[n] != '"') continue;
        raml_buf_adds(b, "\\x22");
        n++;
    }
}

static void add_line(struct raml_buf *b, const struct raml_trace_plan *p, const struct raml_trace_summary *s, size_t i,
                     double low[N_MEASURES], double high[N_MEASURES])
{
    const char *own = p->job->format.answer_prefix;
    char curve[NAME_BYTES];
    const char *name = i ? p->prefix[i - 1].name : "default";
    snprintf(curve, sizeof curve, "prefix %.40s", name);
    raml_buf_adds(b, "prefix\t");
    raml_trace_add_cell(b, name);
    raml_buf_adds(b, "\t");
    add_text(b, i ? p->prefix[i - 1].text : own ? own : "");
    for (size_t m = 0; m < N_MEASURES; m++) {
        const struct raml_trace_row *r = raml_trace_row_find(s, "all", "all", curve, measure[m]);
        if (m == 0) raml_buf_addf(b, "\t%zu\t%zu", r ? r->n : 0, r ? r->e.n : 0);
        add_number(b, r ? r->e.value : NAN);
        add_number(b, r ? r->e.low : NAN);
        add_number(b, r ? r->e.high : NAN);
        if (!r || !isfinite(r->e.value)) continue;
        if (!(r->e.value >= low[m])) low[m] = r->e.value;
        if (!(r->e.value <= high[m])) high[m] = r->e.value;
    }
    raml_buf_adds(b, "\n");
}

enum raml_code raml_trace_prefix_write(const struct raml_trace_plan *p, const struct raml_trace_summary *s,
                                       const char *path, struct raml_err *err)
{
    struct raml_buf b;
    double low[N_MEASURES], high[N_MEASURES];
    raml_buf_init(&b, MAX_TSV_BYTES);
    raml_buf_adds(&b, "kind\tprefix\ttext\ttrajectories\tquestions");
    for (size_t m = 0; m < N_MEASURES; m++) {
        raml_buf_addf(&b, "\t%s\t%s_low\t%s_high", measure[m], measure[m], measure[m]);
        low[m] = high[m] = NAN;
    }
    raml_buf_adds(&b, "\n");
    for (size_t i = 0; i <= p->n_prefixes; i++) add_line(&b, p, s, i, low, high);
    raml_buf_adds(&b, "difference\t\t\t0\t0");
    for (size_t m = 0; m < N_MEASURES; m++) {
        add_number(&b, high[m] - low[m]);
        raml_buf_adds(&b, "\tnan\tnan");
    }
    raml_buf_adds(&b, "\n");
    enum raml_code rc = raml_buf_status(&b, err);
    if (!rc) rc = raml_file_write(path, b.data, b.len, err);
    raml_buf_deinit(&b);
    return rc;
}
