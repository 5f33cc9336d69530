/* landscape.c - the points of a landscape, all frames in a pass, beside each frame alone. See bench.h. */
#include "bench/bench.h"

#include "core/clock.h"
#include "inner/landscape_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { Q = 128, T = 1024, PREFIX = 1, ANSWER = 12, FRAMES = 5, ALONE = 16 };
static const uint32_t frame[FRAMES] = {0, T / 4, T / 2, 3 * T / 4, T};

struct landscape {
    struct raml_landscape *l;
    int32_t token[Q + T + PREFIX + ANSWER];
    double *loss;                        /* [points, FRAMES] */
    size_t side;                         /* points of an axis */
    struct raml_evaluator alone[FRAMES]; /* one frame each */
};

static void place(const struct landscape *x, size_t point, double *a, double *b)
{
    double last = (double)x->side - 1;
    *a = 2.0 * (double)(point / x->side) / last - 1;
    *b = 2.0 * (double)(point % x->side) / last - 1;
}

static enum raml_code lone_frame(const struct bench_rig *r, const struct landscape *x, size_t f,
                                 struct raml_evaluator *e, struct raml_err *err)
{
    struct raml_tree tree = {0};
    enum raml_code rc = raml_evaluator_init(e, r->m, SIZE_MAX, err);
    if (!rc) rc = raml_tree_add(&tree, -1, 0, x->token, Q + frame[f], Q + frame[f], NULL, err);
    if (!rc) rc = raml_tree_add(&tree, 0, Q + frame[f], x->token + Q + T, PREFIX + ANSWER, PREFIX, NULL, err);
    if (!rc) rc = raml_pack_add(&e->pack, &tree, err);
    raml_tree_deinit(&tree);
    return rc;
}

static enum raml_code setup(const struct bench_rig *r, struct landscape *x, struct raml_err *err)
{
    for (size_t i = 0; i < sizeof x->token / sizeof *x->token; i++) x->token[i] = bench_token(r, i);
    const struct raml_landscape_input in = {.text = {.prompt = x->token,
                                                     .trajectory = x->token + Q,
                                                     .answer_prefix = x->token + Q + T,
                                                     .answer = x->token + Q + T + PREFIX,
                                                     .n_prompt = Q,
                                                     .n_trajectory = T,
                                                     .n_answer_prefix = PREFIX,
                                                     .n_answer = ANSWER},
                                            .frame = frame,
                                            .n_frames = FRAMES};
    x->loss = calloc(x->side * x->side * FRAMES, sizeof *x->loss);
    enum raml_code rc =
        x->loss ? raml_landscape_open(r->m, &in, &x->l, err) : raml_fail(err, RAML_ENOMEM, "no memory for the grid");
    for (size_t k = 0; k < 2 && !rc; k++) rc = raml_landscape_random(x->l, k, RAML_DIRECTION_FILTER, 1, err);
    for (size_t f = 0; f < FRAMES && !rc; f++) rc = lone_frame(r, x, f, &x->alone[f], err);
    if (!rc) rc = raml_landscape_loss(x->l, 0, 0, x->loss, err);
    return rc;
}

static enum raml_code together(const struct landscape *x, double *seconds, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    double start = raml_clock_monotonic();
    for (size_t i = 0; i < x->side * x->side && !rc; i++) {
        double a, b;
        place(x, i, &a, &b);
        rc = raml_landscape_loss(x->l, a, b, x->loss + i * FRAMES, err);
    }
    *seconds = raml_clock_monotonic() - start;
    return rc;
}

/* Every frame of some points by itself: weights moved, packed and read for each. */
static enum raml_code apart(struct landscape *x, size_t n, double *seconds, double *worst, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    double spent = 0;
    size_t points = x->side * x->side;
    for (size_t k = 0; k <= n && !rc; k++) { /* the first takes memory, and does not count */
        size_t i = k ? (k - 1) * points / n : 0;
        double a, b, start = raml_clock_monotonic();
        place(x, i, &a, &b);
        for (size_t f = 0; f < FRAMES && !rc; f++) {
            rc = raml_moved_weights_to(&x->l->w, a, x->l->direction[0], b, x->l->direction[1], err);
            if (!rc) rc = raml_evaluator_run(&x->alone[f], err);
            double loss = 0;
            for (size_t j = 0; j < ANSWER && !rc; j++) loss -= x->alone[f].logp[j];
            double off = fabs(loss / ANSWER - x->loss[i * FRAMES + f]);
            if (!(off <= *worst)) *worst = off;
        }
        if (k) spent += raml_clock_monotonic() - start;
    }
    *seconds = spent * (double)points / (double)n;
    return rc;
}

enum raml_code bench_landscape(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_options f32 = *opt;
    struct bench_rig r;
    struct landscape x = {.side = strcmp(opt->preset, "micro") ? 2 : 25};
    double alone = 0, worst = 0;
    size_t points = x.side * x.side;
    f32.bf16 = false;
    enum raml_code rc = bench_rig_open(&f32, RAML_TRAINING, &r, out, err);
    if (!rc) rc = setup(&r, &x, err);
    if (!rc) rc = together(&x, &out->seconds, err);
    if (!rc) rc = apart(&x, points < ALONE ? 1 : ALONE, &alone, &worst, err);
    if (!rc) rc = raml_landscape_restore(x.l, err);
    out->f32 = true;
    if (!rc) {
        double n = (double)points;
        out->tokens_per_s = n * (double)x.l->evaluator.pack.n_rows / out->seconds;
        out->gflops = 1e-9 * n * bench_forward_flops(r.m, &x.l->evaluator.pack) / out->seconds;
        snprintf(out->note, sizeof out->note,
                 "%zu points of %d frames, %.4f s each; alone %.1f s = %.2f times; largest difference %.0e", points,
                 FRAMES, out->seconds / n, alone, alone / out->seconds, worst);
        snprintf(out->extra, sizeof out->extra, "\"points\": %zu, \"alone_seconds\": %.3f, \"difference\": %.3g",
                 points, alone, worst);
    }
    for (size_t f = 0; f < FRAMES; f++)
        if (x.alone[f].model) raml_evaluator_deinit(&x.alone[f]);
    raml_landscape_close(x.l);
    free(x.loss);
    bench_rig_close(&r, out);
    return rc;
}
