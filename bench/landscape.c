/* landscape.c - the points of a landscape, all frames in a pass, beside each frame alone. See bench.h. */
#include "bench/bench.h"

#include "core/clock.h"
#include "inner/landscape_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PREFIX = 1, FRAMES = 5, ALONE = 16, MOST = 1200 };

struct shape { /* tokens; points of an axis */
    size_t prompt, trajectory, answer, side;
};

struct landscape {
    struct raml_landscape *l;
    struct shape shape;
    uint32_t frame[FRAMES];
    int32_t token[MOST];
    double *loss;                        /* [points, FRAMES] */
    struct raml_evaluator alone[FRAMES]; /* one frame each */
};

static void place(const struct landscape *x, size_t point, double *a, double *b)
{
    double last = (double)x->shape.side - 1;
    *a = 2.0 * (double)(point / x->shape.side) / last - 1;
    *b = 2.0 * (double)(point % x->shape.side) / last - 1;
}

static enum raml_code lone_frame(const struct bench_rig *r, const struct landscape *x, size_t f,
                                 struct raml_evaluator *e, struct raml_err *err)
{
    struct raml_tree tree = {0};
    const struct shape *z = &x->shape;
    size_t before = z->prompt + x->frame[f], probe = PREFIX + z->answer;
    enum raml_code rc = raml_evaluator_init(e, r->m, SIZE_MAX, err);
    if (!rc) rc = raml_tree_add(&tree, -1, 0, x->token, before, before, NULL, err);
    if (!rc)
        rc = raml_tree_add(&tree, 0, (uint32_t)before, x->token + z->prompt + z->trajectory, probe, PREFIX, NULL, err);
    if (!rc) rc = raml_pack_add(&e->pack, &tree, err);
    raml_tree_deinit(&tree);
    return rc;
}

static enum raml_code setup(const struct bench_rig *r, struct landscape *x, struct raml_err *err)
{
    const struct shape *z = &x->shape;
    const int32_t *trajectory = x->token + z->prompt, *probe = trajectory + z->trajectory;
    for (size_t i = 0; i < MOST; i++) x->token[i] = bench_token(r, i);
    for (size_t f = 0; f < FRAMES; f++) x->frame[f] = (uint32_t)(z->trajectory * f / (FRAMES - 1));
    const struct raml_landscape_input in = {.text = {.prompt = x->token,
                                                     .trajectory = trajectory,
                                                     .answer_prefix = probe,
                                                     .answer = probe + PREFIX,
                                                     .n_prompt = z->prompt,
                                                     .n_trajectory = z->trajectory,
                                                     .n_answer_prefix = PREFIX,
                                                     .n_answer = z->answer},
                                            .frame = x->frame,
                                            .n_frames = FRAMES};
    x->loss = calloc(x->shape.side * x->shape.side * FRAMES, sizeof *x->loss);
    enum raml_code rc =
        x->loss ? raml_landscape_open(r->m, &in, &x->l, err) : raml_fail(err, RAML_ENOMEM, "no memory for the grid");
    for (size_t k = 0; k < 2 && !rc; k++) rc = raml_landscape_random(x->l, k, RAML_DIRECTION_FILTER, 1, err);
    for (size_t f = 0; f < FRAMES && !rc; f++) rc = lone_frame(r, x, f, &x->alone[f], err);
    if (!rc) rc = raml_landscape_loss(x->l, 0, 0, x->loss, err);
    return rc;
}

/* Wall time and processor time of all threads: the latter is steadier on a machine that others use. */
struct spent {
    double wall, processor;
};

static struct spent now(void)
{
    return (struct spent){raml_clock_monotonic(), raml_clock_process()};
}

static void add(struct spent *sum, struct spent start)
{
    struct spent end = now();
    sum->wall += end.wall - start.wall;
    sum->processor += end.processor - start.processor;
}

/* All frames of a point in one pass. */
static enum raml_code together(const struct landscape *x, size_t i, struct spent *spent, struct raml_err *err)
{
    double a, b;
    place(x, i, &a, &b);
    struct spent start = now();
    enum raml_code rc = raml_landscape_loss(x->l, a, b, x->loss + i * FRAMES, err);
    add(spent, start);
    return rc;
}

/* Every frame of a point by itself: weights moved, packed and read for each. */
static enum raml_code apart(struct landscape *x, size_t i, struct spent *spent, double *worst, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    double a, b;
    place(x, i, &a, &b);
    struct spent start = now();
    for (size_t f = 0; f < FRAMES && !rc; f++) {
        rc = raml_moved_weights_to(&x->l->w, a, x->l->direction[0], b, x->l->direction[1], err);
        if (!rc) rc = raml_evaluator_run(&x->alone[f], err);
        double loss = 0;
        for (size_t j = 0; j < x->shape.answer && !rc; j++) loss -= x->alone[f].logp[j];
        double off = fabs(loss / (double)x->shape.answer - x->loss[i * FRAMES + f]);
        if (!rc && !(off <= *worst)) *worst = off;
    }
    add(spent, start);
    return rc;
}

struct times {
    struct spent all, some, alone; /* all points; those that are done alone too, and these alone */
    double worst;                  /* difference */
};

/* Points done both ways are done one right after the other: what else the machine does hits both alike. */
static enum raml_code walk(struct landscape *x, struct times *t, struct raml_err *err)
{
    struct spent ignored = {0};
    size_t points = x->shape.side * x->shape.side, every = points > ALONE ? points / ALONE : 1;
    enum raml_code rc = apart(x, 0, &ignored, &(double){0}, err); /* takes memory */
    for (size_t i = 0; i < points && !rc; i++) {
        struct spent one = {0};
        rc = together(x, i, &one, err);
        t->all.wall += one.wall;
        t->all.processor += one.processor;
        if (rc || i % every) continue;
        t->some.wall += one.wall;
        t->some.processor += one.processor;
        rc = apart(x, i, &t->alone, &t->worst, err);
    }
    return rc;
}

enum raml_code bench_landscape(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_options f32 = *opt;
    struct bench_rig r;
    static const struct shape small = {32, 64, 6, 25}, large = {128, 1024, 12, 2};
    struct landscape x = {.shape = strcmp(opt->preset, "micro") ? large : small};
    struct times t = {0};
    size_t points = x.shape.side * x.shape.side;
    f32.bf16 = false;
    enum raml_code rc = bench_rig_open(&f32, RAML_TRAINING, &r, out, err);
    if (!rc) rc = setup(&r, &x, err);
    if (!rc) rc = walk(&x, &t, err);
    if (!rc) rc = raml_landscape_restore(x.l, err);
    out->f32 = true;
    if (!rc) {
        double n = (double)points, ratio = t.alone.wall / t.some.wall, processor = t.alone.processor / t.some.processor;
        out->seconds = t.all.wall;
        out->tokens_per_s = n * (double)x.l->evaluator.pack.n_rows / out->seconds;
        out->gflops = 1e-9 * n * bench_forward_flops(r.m, &x.l->evaluator.pack) / out->seconds;
        snprintf(out->note, sizeof out->note,
                 "%zu points of %d frames, %.4f s each; frames alone %.2f times (processor time: %.2f); differ by %.0e",
                 points, FRAMES, out->seconds / n, ratio, processor, t.worst);
        snprintf(out->extra, sizeof out->extra,
                 "\"points\": %zu, \"alone\": %.3f, \"alone_processor\": %.3f, \"difference\": %.3g", points, ratio,
                 processor, t.worst);
    }
    for (size_t f = 0; f < FRAMES; f++)
        if (x.alone[f].model) raml_evaluator_deinit(&x.alone[f]);
    raml_landscape_close(x.l);
    free(x.loss);
    bench_rig_close(&r, out);
    return rc;
}
