/* lab.c - what the laboratory adds to a loss curve: further answers and curves by layer, implicit updates. Each is timed
 * beside the curve of one answer, in turns. See bench.h. */
#include "bench/bench.h"

#include "core/clock.h"
#include "raml/trace.h"
#include "raml/update.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROMPT = 128, T = 1024, PREFIX = 8, ANSWER = 4, ANSWERS = 3, MOST_LAYERS = 256, MOST_RUNS = 64 };

struct text { /* of one trajectory */
    int32_t prompt[PROMPT], trajectory[T], probe[ANSWERS][PREFIX + ANSWER];
    struct raml_trace_probe other[ANSWERS - 1];
};

static struct raml_trace_input input_of(const struct bench_rig *r, struct text *x, size_t n_answers)
{
    for (size_t i = 0; i < PROMPT; i++) x->prompt[i] = bench_token(r, i);
    for (size_t i = 0; i < T; i++) x->trajectory[i] = bench_token(r, 1000 + i);
    for (size_t k = 0; k < ANSWERS; k++)
        for (size_t i = 0; i < PREFIX + ANSWER; i++)
            x->probe[k][i] = bench_token(r, 5000 + i + (i < PREFIX ? 0 : 50 * k));
    for (size_t k = 1; k < ANSWERS; k++)
        x->other[k - 1] = (struct raml_trace_probe){x->probe[k], PREFIX + ANSWER, PREFIX};
    return (struct raml_trace_input){.prompt = x->prompt,
                                     .trajectory = x->trajectory,
                                     .answer_prefix = x->probe[0],
                                     .answer = x->probe[0] + PREFIX,
                                     .n_prompt = PROMPT,
                                     .n_trajectory = T,
                                     .n_answer_prefix = PREFIX,
                                     .n_answer = ANSWER,
                                     .other = x->other,
                                     .n_other = n_answers - 1};
}

struct ways { /* to read the trajectory: those of a benchmark, the loss curve of one answer first */
    struct raml_tracer *tracer[3];
    struct raml_trace_input in[3];
    struct raml_updater *updater; /* the last way, if there is one */
    struct raml_update_input update;
    size_t n;
};

static enum raml_code run_way(const struct ways *w, size_t i, double *seconds, struct raml_err *err)
{
    struct raml_loss_curve curve = {0};
    struct raml_update update = {0};
    double start = raml_clock_monotonic();
    enum raml_code rc = w->tracer[i] ? raml_tracer_run(w->tracer[i], &w->in[i], 1, &curve, err)
                                     : raml_updater_run(w->updater, &w->update, 1, NULL, &update, err);
    *seconds = raml_clock_monotonic() - start;
    raml_loss_curve_deinit(&curve);
    raml_update_deinit(&update);
    return rc;
}

/* In turns, so that what else the machine does hits all alike; the median of each. */
static enum raml_code time_ways(const struct bench_options *opt, const struct ways *w, double median[3],
                                struct raml_err *err)
{
    double second[3][MOST_RUNS], start, ignored;
    size_t runs = 0;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < w->n; i++) rc = run_way(w, i, &ignored, err); /* takes memory */
    start = raml_clock_monotonic();
    for (; !rc && runs < MOST_RUNS && (runs < 3 || raml_clock_monotonic() - start < opt->seconds); runs++)
        for (size_t i = 0; !rc && i < w->n; i++) rc = run_way(w, i, &second[i][runs], err);
    for (size_t i = 0; !rc && i < w->n; i++) {
        qsort(second[i], runs, sizeof **second, bench_by_value);
        median[i] = second[i][runs / 2];
    }
    return rc;
}

static enum raml_code open_tracer(const struct bench_rig *r, size_t layer_step, struct raml_tracer **t,
                                  struct raml_err *err)
{
    size_t layer[MOST_LAYERS + 1], n = 0, L = (size_t)raml_model_config(r->m)->n_layers;
    for (size_t l = 0; layer_step && l <= L && n <= MOST_LAYERS; l += layer_step) layer[n++] = l;
    const struct raml_trace_options o = {.stride = 1, .max_batch_tokens = SIZE_MAX, .layer = layer, .n_layers = n};
    return raml_tracer_open(r->m, &o, t, err);
}

enum raml_code bench_answers(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct ways w = {.n = 3};
    struct text x;
    double s[3];
    enum raml_code rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    size_t step = rc ? 1 : ((size_t)raml_model_config(r.m)->n_layers + 3) / 4; /* five curves by layer at most */
    for (size_t i = 0; !rc && i < 3; i++) {
        w.in[i] = input_of(&r, &x, i ? ANSWERS : 1);
        rc = open_tracer(&r, i == 2 ? step : 0, &w.tracer[i], err);
    }
    if (!rc) rc = time_ways(opt, &w, s, err);
    if (!rc) {
        out->seconds = s[2];
        out->tokens_per_s = (double)raml_tracer_cost(w.tracer[2], &w.in[2]) / s[2];
        snprintf(out->note, sizeof out->note,
                 "one answer %.3f s; three %.2f times that; three and every %zu-th layer's curve %.2f times", s[0],
                 s[1] / s[0], step, s[2] / s[0]);
        snprintf(out->extra, sizeof out->extra, "\"one_answer\": %.4f, \"three\": %.3f, \"three_and_layers\": %.3f",
                 s[0], s[1] / s[0], s[2] / s[0]);
    }
    for (size_t i = 0; i < 3; i++) raml_tracer_close(w.tracer[i]);
    bench_rig_close(&r, out);
    return rc;
}

enum raml_code bench_update(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct ways w = {.n = 2};
    struct text x;
    double s[3];
    const struct raml_update_options o = {.stride = 1, .max_batch_tokens = SIZE_MAX};
    enum raml_code rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    if (!rc) w.in[0] = input_of(&r, &x, 1);
    if (!rc) rc = open_tracer(&r, 0, &w.tracer[0], err);
    if (!rc) rc = raml_update_input_of(&w.in[0], &w.update, err);
    if (!rc) rc = raml_updater_open(r.m, &o, &w.updater, err);
    if (!rc) rc = time_ways(opt, &w, s, err);
    if (!rc) {
        out->seconds = s[1];
        out->tokens_per_s = (double)raml_updater_cost(w.updater, &w.update) / s[1];
        snprintf(out->note, sizeof out->note, "updates at %d places; their loss curve %.3f s; ratio %.2f", T + 1, s[0],
                 s[1] / s[0]);
        snprintf(out->extra, sizeof out->extra, "\"curve\": %.4f, \"ratio\": %.3f", s[0], s[1] / s[0]);
    }
    raml_tracer_close(w.tracer[0]);
    raml_updater_close(w.updater);
    bench_rig_close(&r, out);
    return rc;
}
