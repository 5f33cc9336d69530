/* landscape_files.c - computes a grid, point by point into its journal, and writes what came of it. See
 * raml/landscape_files.h.
 */
#include "raml/landscape_files.h"

#include "core/file.h"
#include "core/path.h"
#include "raml/buf.h"
#include "study/landscape_journal.h"
#include "study/landscape_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_POINTS = 64, SETTINGS_MAX = 1 << 20 };

struct work {
    const struct raml_landscape_files_job *job;
    const struct raml_landscape_files_options *opt;
    struct raml_landscape *l;
    struct raml_landscape_journal journal;
    struct raml_landscape_files_summary *out;
    size_t n_frames, n_grid;
    double *alpha, *beta; /* axes */
    double *centre;       /* [n_frames] losses at θ */
    double *loss;         /* [n_frames, n_alpha, n_beta] */
    double *height;       /* [n_frames, path n] */
};

struct raml_landscape_files_options raml_landscape_files_default(void)
{
    return (struct raml_landscape_files_options){.kind = RAML_DIRECTION_FILTER,
                                                 .n_alpha = 25,
                                                 .n_beta = 25,
                                                 .curvature = true,
                                                 .measure = raml_curvature_default(),
                                                 .frame_seconds = 1};
}

void raml_landscape_files_summary_deinit(struct raml_landscape_files_summary *s)
{
    raml_landscape_path_deinit(&s->path);
    free(s->frame);
    *s = (struct raml_landscape_files_summary){0};
}

static double now(const struct work *w)
{
    return w->job->clock ? w->job->clock() : NAN;
}

/* -- Before the grid ----------------------------------------------------------------------------------------------- */

static enum raml_code check(const struct raml_landscape_files_options *o, struct raml_err *err)
{
    if (o->n_alpha < 2 || o->n_alpha > 10000 || o->n_beta < 1 || o->n_beta > 10000)
        return raml_fail(err, RAML_ERANGE, "a grid of %zu x %zu points; expected 2 to 10000 by 1 to 10000", o->n_alpha,
                         o->n_beta);
    if (!(o->range >= 0) || !isfinite(o->range))
        return raml_fail(err, RAML_ERANGE, "the range is %g; expected a positive number, or 0", o->range);
    if (!(o->frame_seconds > 0) || !isfinite(o->frame_seconds))
        return raml_fail(err, RAML_ERANGE, "%g seconds a frame; expected a positive number", o->frame_seconds);
    return RAML_OK;
}

static enum raml_code set_directions(struct work *w, struct raml_err *err)
{
    const struct raml_landscape_files_options *o = w->opt;
    const struct raml_landscape_input *in = &w->job->input;
    enum raml_code rc = RAML_OK;
    w->out->range = o->range > 0 ? o->range : 1;
    if (o->kind != RAML_DIRECTION_PATH) {
        for (size_t k = 0; k < (o->n_beta > 1 ? 2 : 1) && !rc; k++)
            rc = raml_landscape_random(w->l, k, o->kind, o->seed, err);
        return rc;
    }
    size_t T = in->frame[in->n_frames - 1],
           stride = o->path_stride ? o->path_stride : (T + PATH_POINTS - 1) / PATH_POINTS;
    if (stride == 0) stride = 1; /* of nothing: refused below */
    raml_say(w->job->sink, "updates of the trajectory, every %zu tokens", stride);
    rc = raml_landscape_set_path(w->l, stride, &w->out->path, err);
    double most = 0;
    for (size_t i = 0; i < w->out->path.n && !rc; i++) {
        most = fmax(most, fabs(w->out->path.x[i]));
        if (o->n_beta > 1) most = fmax(most, fabs(w->out->path.y[i]));
    }
    if (!rc && o->range == 0) w->out->range = 1.5 * most;
    return rc;
}

static void set_axis(double *axis, size_t n, double range)
{
    for (size_t i = 0; i < n; i++) axis[i] = n > 1 ? range * (2.0 * (double)i - (double)(n - 1)) / (double)(n - 1) : 0;
}

static enum raml_code make_arrays(struct work *w, struct raml_err *err)
{
    size_t n_path = w->out->path.n;
    w->n_grid = w->opt->n_alpha * w->opt->n_beta;
    w->alpha = calloc(w->opt->n_alpha, sizeof *w->alpha);
    w->beta = calloc(w->opt->n_beta, sizeof *w->beta);
    w->centre = calloc(w->n_frames, sizeof *w->centre);
    w->loss = calloc(w->n_frames * w->n_grid, sizeof *w->loss);
    w->height = calloc(w->n_frames * n_path + 1, sizeof *w->height);
    w->out->frame = calloc(w->n_frames, sizeof *w->out->frame);
    if (!w->alpha || !w->beta || !w->centre || !w->loss || !w->height || !w->out->frame)
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu points of %zu frames", w->n_grid, w->n_frames);
    w->out->n_frames = w->n_frames;
    w->out->n_points = w->n_grid + n_path;
    set_axis(w->alpha, w->opt->n_alpha, w->out->range);
    set_axis(w->beta, w->opt->n_beta, w->out->range);
    return RAML_OK;
}

/* Losses at θ. The first time takes memory, and is not timed; of three more, the middle one is reported. */
static enum raml_code measure_centre(struct work *w, struct raml_err *err)
{
    double second[3], most = -INFINITY, least = INFINITY, sum = 0;
    enum raml_code rc = raml_landscape_loss(w->l, 0, 0, w->centre, err);
    for (size_t i = 0; i < 3 && !rc; i++) {
        double start = now(w);
        rc = raml_landscape_loss(w->l, 0, 0, w->centre, err);
        second[i] = now(w) - start;
        most = fmax(most, second[i]);
        least = fmin(least, second[i]);
        sum += second[i];
    }
    w->out->point_seconds = sum - most - least;
    for (size_t f = 0; f < w->n_frames && !rc; f++)
        if (!isfinite(w->centre[f]))
            rc = raml_fail(err, RAML_ERANGE, "the loss of the answer after %u trajectory tokens is not finite",
                           (unsigned)w->job->input.frame[f]);
    return rc;
}

/* What a journal must agree with. */
static void add_settings(const struct work *w, uint64_t directions, struct raml_buf *b)
{
    const struct raml_landscape_files_options *o = w->opt;
    raml_buf_addf(b, "{\"raml_landscape\": 1, \"weights\": \"%016" PRIx64 "\", \"text\": \"%016" PRIx64 "\"",
                  raml_landscape_weights_hash(w->l), raml_landscape_text_hash(w->l));
    raml_buf_addf(b, ", \"directions\": \"%s\", \"seed\": %" PRIu64 ", \"grid\": [%zu, %zu], \"range\": %.17g",
                  raml_direction_name(o->kind), o->seed, o->n_alpha, o->n_beta, w->out->range);
    raml_buf_addf(b, ", \"path_points\": %zu, \"direction_bits\": \"%016" PRIx64 "\", \"frames\": [", w->out->path.n,
                  directions);
    for (size_t f = 0; f < w->n_frames; f++) raml_buf_addf(b, "%s%u", f ? ", " : "", (unsigned)w->job->input.frame[f]);
    raml_buf_adds(b, "], \"centre\": [");
    for (size_t f = 0; f < w->n_frames; f++) raml_buf_addf(b, "%s%.17g", f ? ", " : "", w->centre[f]);
    raml_buf_adds(b, "]}");
}

static enum raml_code open_journal(struct work *w, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_buf settings;
    uint64_t directions;
    raml_buf_init(&settings, SETTINGS_MAX);
    enum raml_code rc = raml_landscape_directions_hash(w->l, &directions, err);
    if (!rc) add_settings(w, directions, &settings);
    if (!rc) rc = raml_buf_status(&settings, err);
    if (!rc) rc = raml_make_dir(w->job->dir, err);
    if (!rc) rc = raml_path_join(path, w->job->dir, "grid.journal", err);
    if (!rc) rc = raml_landscape_journal_open(&w->journal, path, settings.data, w->out->n_points, w->n_frames, err);
    if (w->job->overwrite && (rc == RAML_EUSAGE || rc == RAML_EFORMAT)) { /* of another landscape, or none */
        rc = unlink(path) ? raml_fail_errno(err, "%s: can't be removed", path) : RAML_OK;
        if (!rc) rc = raml_landscape_journal_open(&w->journal, path, settings.data, w->out->n_points, w->n_frames, err);
    }
    w->out->n_resumed = w->journal.n_done;
    raml_buf_deinit(&settings);
    return rc;
}

/* -- The grid ------------------------------------------------------------------------------------------------------ */

/* Points of the grid, alpha by alpha, then those of the path. */
static void place(const struct work *w, size_t point, double *a, double *b)
{
    if (point < w->n_grid) {
        *a = w->alpha[point / w->opt->n_beta];
        *b = w->beta[point % w->opt->n_beta];
    } else {
        *a = w->out->path.x[point - w->n_grid];
        *b = w->opt->n_beta > 1 ? w->out->path.y[point - w->n_grid] : 0;
    }
}

static void tell_time(const struct work *w)
{
    size_t left = w->out->n_points - w->journal.n_done;
    const struct raml_sink *sink = w->job->sink;
    if (w->journal.n_done)
        raml_say(sink, "%zu of %zu points are there from an earlier run", w->journal.n_done, w->out->n_points);
    if (left && isfinite(w->out->point_seconds))
        raml_say(sink, "%zu points of %zu frames, %.3g s a point: about %.3g s", left, w->n_frames,
                 w->out->point_seconds, w->out->point_seconds * (double)left);
}

static enum raml_code walk(struct work *w, struct raml_err *err)
{
    double *loss = malloc(w->n_frames * sizeof *loss);
    enum raml_code rc = loss ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu losses", w->n_frames);
    for (size_t point = 0; point < w->out->n_points && !rc; point++) {
        double a, b;
        if (w->journal.done[point]) continue;
        place(w, point, &a, &b);
        if (raml_should_stop(w->job->sink)) rc = RAML_ESTOP;
        if (!rc) rc = raml_landscape_loss(w->l, a, b, loss, err);
        if (!rc) rc = raml_landscape_journal_add(&w->journal, point, loss, err);
        if (!rc && (point + 1) % w->opt->n_beta == 0) rc = raml_landscape_journal_sync(&w->journal, err);
        raml_progress(w->job->sink, "landscape", (double)w->journal.n_done, (double)w->out->n_points, "points", NULL);
    }
    free(loss);
    if (rc == RAML_ESTOP)
        rc = raml_fail(err, rc, "stopped; %zu of %zu points are in %s/grid.journal: the same command goes on",
                       w->journal.n_done, w->out->n_points, w->job->dir);
    return rc;
}

static enum raml_code compute(struct work *w, struct raml_err *err)
{
    double start = now(w);
    tell_time(w);
    enum raml_code rc = walk(w, err);
    w->out->grid_seconds = now(w) - start;
    if (rc) return rc;
    for (size_t f = 0; f < w->n_frames; f++) { /* the journal has all frames of a point side by side */
        for (size_t i = 0; i < w->n_grid; i++) w->loss[f * w->n_grid + i] = w->journal.loss[i * w->n_frames + f];
        for (size_t i = 0; i < w->out->path.n; i++)
            w->height[f * w->out->path.n + i] = w->journal.loss[(w->n_grid + i) * w->n_frames + f];
    }
    return RAML_OK;
}

static void find_least(const struct work *w, size_t f)
{
    struct raml_landscape_frame_result *x = &w->out->frame[f];
    *x = (struct raml_landscape_frame_result){.i = w->job->input.frame[f],
                                              .loss = w->centre[f],
                                              .least = NAN,
                                              .least_alpha = NAN,
                                              .least_beta = NAN,
                                              .curvature = {.gradient_norm = NAN,
                                                            .weights_norm = NAN,
                                                            .top = {.value = NAN, .residual = NAN, .step = NAN},
                                                            .other = {.value = NAN, .residual = NAN, .step = NAN},
                                                            .trace = NAN,
                                                            .trace_error = NAN}};
    for (size_t i = 0; i < w->n_grid; i++) {
        double loss = w->loss[f * w->n_grid + i];
        w->out->n_missing += isnan(loss);
        if (isnan(loss) || loss >= x->least) continue;
        x->least = loss;
        x->least_alpha = w->alpha[i / w->opt->n_beta];
        x->least_beta = w->beta[i % w->opt->n_beta];
    }
}

static enum raml_code measure_curvature(struct work *w, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    struct raml_curvature_options o = w->opt->measure;
    o.seed = w->opt->seed;
    raml_landscape_clear(w->l); /* the memory of the directions is enough for most of what curvature takes */
    for (size_t f = 0; f < w->n_frames && !rc; f++) {
        raml_say(w->job->sink, "curvature after %u tokens", (unsigned)w->out->frame[f].i);
        rc = raml_landscape_curvature(w->l, f, &o, w->job->sink, &w->out->frame[f].curvature, err);
    }
    return rc;
}

/* -- All of it ----------------------------------------------------------------------------------------------------- */

static enum raml_code write_all(const struct work *w, struct raml_err *err)
{
    const struct raml_landscape_result r = {.dir = w->job->dir,
                                            .title = w->job->title ? w->job->title : "",
                                            .opt = w->opt,
                                            .frame = w->out->frame,
                                            .n_frames = w->n_frames,
                                            .n_alpha = w->opt->n_alpha,
                                            .n_beta = w->opt->n_beta,
                                            .n_trajectory = w->job->input.text.n_trajectory,
                                            .alpha = w->alpha,
                                            .beta = w->beta,
                                            .sink = w->job->sink,
                                            .loss = w->loss,
                                            .path = &w->out->path,
                                            .height = w->height};
    enum raml_code rc = raml_landscape_tables_write(&r, err);
    return rc ? rc : raml_landscape_pictures_write(&r, &w->out->drawn, err);
}

static enum raml_code run(struct work *w, struct raml_err *err)
{
    size_t n_directions = w->opt->n_beta > 1 || w->opt->kind == RAML_DIRECTION_PATH ? 2 : 1;
    enum raml_code rc = set_directions(w, err);
    if (!rc) rc = make_arrays(w, err);
    if (!rc) rc = measure_centre(w, err);
    if (!rc) rc = open_journal(w, err);
    if (!rc && w->opt->save_directions)
        rc = raml_landscape_directions_write(w->l, w->job->model, n_directions, w->job->dir, err);
    if (!rc) rc = compute(w, err);
    for (size_t f = 0; f < w->n_frames && !rc; f++) find_least(w, f);
    if (!rc && w->opt->curvature) rc = measure_curvature(w, err);
    return rc;
}

enum raml_code raml_landscape_files(const struct raml_landscape_files_job *job,
                                    const struct raml_landscape_files_options *opt,
                                    struct raml_landscape_files_summary *out, struct raml_err *err)
{
    struct work w = {
        .job = job, .opt = opt, .out = out, .n_frames = job->input.n_frames, .journal = {.file = {.fd = -1}}};
    struct raml_err other;
    *out = (struct raml_landscape_files_summary){0};
    enum raml_code rc = check(opt, err);
    if (rc) return rc;
    rc = raml_landscape_open(job->model, &job->input, &w.l, err);
    if (rc) return rc;
    rc = run(&w, err);
    enum raml_code back = raml_landscape_restore(w.l, rc ? &other : err);
    if (!rc) rc = back;
    if (!rc) rc = write_all(&w, err);
    raml_landscape_close(w.l);
    raml_landscape_journal_close(&w.journal);
    free(w.alpha);
    free(w.beta);
    free(w.centre);
    free(w.loss);
    free(w.height);
    if (rc) raml_landscape_files_summary_deinit(out);
    return rc;
}
