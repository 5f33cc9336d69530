/* eval_plan.c - raml eval --required_n: the sample size for a result of that precision (eval.h, paired.h). */
#include "cli/eval.h"
#include "core/json.h"

#include <math.h>

static const uint32_t samples[] = {1, 2, 4, 8, 16, 32, 64, 0}; /* 0: unlimited */
enum { N_SAMPLES = sizeof samples / sizeof *samples };

struct plans {
    struct raml_sample_size width, paired;
    size_t n;         /* known rows: all, or only the first */
    const char *note; /* what the numbers are based on */
};

static enum raml_code make_plans(const struct eval_settings *s, const struct raml_table_row *row,
                                 const struct raml_paired *paired, struct plans *p, struct raml_err *err)
{
    *p = (struct plans){.n = N_SAMPLES};
    if (!row) {
        enum raml_code rc = raml_sample_size_of_accuracy(s->accuracy, &p->width, err);
        p->paired = (struct raml_sample_size){2 * p->width.between, 0};
        p->n = 1;
        p->note = "only from the accuracy: one sample per question; the paired column takes the two runs as unrelated";
        return rc;
    }
    if (isnan(row->spread.noise) && !isnan(row->spread.total)) { /* one sample per question */
        p->width = (struct raml_sample_size){row->spread.total, 0};
        p->paired = (struct raml_sample_size){2 * row->spread.total, 0};
        p->n = 1;
        p->note = "one sample per question: what more samples save is unknown; the paired column takes the two runs as "
                  "unrelated";
    } else {
        enum raml_code rc = raml_sample_size_of(&row->spread, &p->width, err);
        if (rc) return raml_wrap(err, rc, "--required_n");
        p->paired = (struct raml_sample_size){0, 2 * p->width.within};
        p->note =
            "the paired column assumes that both runs find the same questions hard; with --compare it is as observed";
    }
    if (!paired) return RAML_OK;
    p->note = "the paired column is from the comparison";
    if (isnan(paired->noise)) p->paired = (struct raml_sample_size){paired->variance, 0};
    else p->paired = (struct raml_sample_size){fmax(paired->variance - paired->noise, 0), paired->within};
    if (isnan(paired->noise)) p->n = 1;
    return RAML_OK;
}

static json_t *plans_json(const struct plans *p, double x)
{
    json_t *o = json_pack("{s:f, s:f, s:f, s:f, s:f, s:s}", "half_width", x, "between", p->width.between, "within",
                          p->width.within, "paired_between", p->paired.between, "paired_within", p->paired.within,
                          "note", p->note);
    json_t *rows = json_array();
    int bad = !o;
    for (size_t i = 0; i < p->n; i++)
        bad |= json_array_append_new(rows, json_pack("{s:o, s:f, s:f}", "samples",
                                                     samples[i] ? json_integer(samples[i]) : json_null(), "interval",
                                                     raml_sample_size_width(&p->width, samples[i], x), "paired",
                                                     raml_sample_size_paired(&p->paired, samples[i], x)));
    bad |= json_object_set_new(o, "questions", rows);
    return raml_json_checked(o, bad);
}

enum raml_code cli_eval_plan_tell(const struct eval_settings *s, const struct raml_table_row *row,
                                  const struct raml_paired *paired, struct raml_buf *text, json_t *o,
                                  struct raml_err *err)
{
    struct plans p;
    double x = s->required_n;
    enum raml_code rc = make_plans(s, row, paired, &p, err);
    if (rc) return rc;
    if (json_object_set_new(o, "required_n", plans_json(&p, x)))
        return raml_fail(err, RAML_ENOMEM, "no memory for the plan");
    raml_buf_addf(text,
                  "questions needed for a 95 %% interval of +-%g points, and to detect a paired difference of %g "
                  "points (power 0.8)\n",
                  100 * x, 100 * x);
    raml_buf_adds(text, "samples      interval        paired\n");
    for (size_t i = 0; i < p.n; i++) {
        if (samples[i]) raml_buf_addf(text, "%7u", samples[i]);
        else raml_buf_adds(text, " no end");
        raml_buf_addf(text, "  %12.0f  %12.0f\n", raml_sample_size_width(&p.width, samples[i], x),
                      raml_sample_size_paired(&p.paired, samples[i], x));
    }
    raml_buf_addf(text, "%s\n", p.note);
    return raml_buf_status(text, err);
}
