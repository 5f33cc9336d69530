/* landscape.c - `raml landscape`: the loss around a model's weights while it thinks. */
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/prompting.h"
#include "cli/source.h"

#include "core/clock.h"
#include "core/json.h"
#include "raml/landscape_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct settings {
    const char *data, *model, *adapter, *tokenizer, *out, *map, *id, *answer, *join, *frames, *directions, *grid;
    int64_t question, sample, path_stride, power_iterations, trace_probes;
    double range, tolerance, step, frame_seconds;
    bool score_end, curvature, save_directions;
    struct prompting_settings prompting;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"model", "model_name_or_path", RAML_PATH, AT(model), NULL, 0, 0, NULL,
     "A model's folder or GGUF file, a run's folder (its newest checkpoint), or init:PRESET (random weights)."},
    ADAPTER_OPTION(AT(adapter)),
    {"tokenizer", NULL, RAML_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "tokenizer.json, a folder with one, or a GGUF file; default: the model's."},
    {"data", NULL, RAML_PATH, AT(data), NULL, 0, 0, NULL,
     "JSONL file of trajectories; the same as the nameless argument."},
    {"id", NULL, RAML_TEXT, AT(id), NULL, 0, 0, NULL, "The question, by its id; default: by its place."},
    {"question", NULL, RAML_INT, AT(question), "1", 1, 1e9, NULL, "The question, by its place in the file, from 1."},
    {"sample", NULL, RAML_INT, AT(sample), "1", 1, 1e9, NULL, "Which of its trajectories, from 1."},
    {"frames", NULL, RAML_TEXT, AT(frames), "0,50%,100%", 0, 0, NULL,
     "Prefixes of the trajectory to draw the landscape after: numbers of tokens, or shares of its length."},
    {"directions", NULL, RAML_ONE, AT(directions), "filter", 0, 0, "filter|tensor|path",
     "filter: random, each row of a matrix scaled to the weights' row, norms and biases untouched; tensor: random, "
     "each "
     "tensor scaled to the weights' tensor, embeddings and head untouched; path: the two leading principal directions "
     "of "
     "the trajectory's implicit updates."},
    {"grid", NULL, RAML_TEXT, AT(grid), "25x25", 0, 0, NULL, "Points along the two directions, AxB; A: one direction."},
    {"range", NULL, RAML_REAL, AT(range), "0", 0, 1e6, NULL,
     "The grid goes from minus this to this; 0: 1, and for a path 1.5 times its largest coordinate."},
    {"path_stride", NULL, RAML_INT, AT(path_stride), "0", 0, 1e9, NULL,
     "A point of the path every n tokens; 0: so that there are at most 64."},
    {"curvature", NULL, RAML_FLAG, AT(curvature), "true", 0, 0, NULL,
     "Measure both ends of the Hessian's spectrum and its trace at every frame."},
    {"power_iterations", NULL, RAML_INT, AT(power_iterations), "200", 1, 1e6, NULL,
     "At most n products for each end of the spectrum."},
    {"tolerance", NULL, RAML_REAL, AT(tolerance), "0.02", 1e-6, 0.5, NULL,
     "An eigenvalue is found once its residual, and what it changes with a shorter step, are this share of it."},
    {"trace_probes", NULL, RAML_INT, AT(trace_probes), "32", 0, 1e6, NULL,
     "Random vectors for the trace; 0: no trace."},
    {"step", NULL, RAML_REAL, AT(step), "0", 0, 1, NULL,
     "Step of the difference of gradients, in units of the weights' norm; 0: found, from 7e-5 downwards."},
    PROMPTING_OPTIONS(AT(prompting)),
    {"out", "output_dir", RAML_PATH, AT(out), "landscape", 0, 0, NULL,
     "Folder to write into; made if missing. With a grid of the same settings in it, the run goes on."},
    {"map", NULL, RAML_TEXT, AT(map), NULL, 0, 0, NULL, "Fields of the file: question=NAME,answer=NAME,..."},
    {"answer", NULL, RAML_ONE, AT(answer), "gold", 0, 0, "gold|own",
     "Whose loss: the question's answer, or the sample's own."},
    {"join", NULL, RAML_ONE, AT(join), "joint", 0, 0, "joint|split",
     "joint: answer prefix and answer are encoded as one text, as a model sees them; split: separately."},
    {"score_end", NULL, RAML_FLAG, AT(score_end), NULL, 0, 0, NULL,
     "Count the end-of-text token as part of the answer."},
    {"save_directions", NULL, RAML_FLAG, AT(save_directions), NULL, 0, 0, NULL,
     "Write both directions, each as large as the model: direction_1.safetensors, direction_2.safetensors."},
    {"frame_seconds", NULL, RAML_REAL, AT(frame_seconds), "1", 0.01, 3600, NULL, "Seconds a frame of the films."},
};

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static enum raml_code parse_grid(const char *text, size_t *a, size_t *b, struct raml_err *err)
{
    char *end;
    unsigned long long n[2] = {strtoull(text, &end, 10), 1};
    bool good = end != text && *text != '-';
    if (good && *end == 'x') {
        const char *second = end + 1;
        n[1] = strtoull(second, &end, 10);
        good = end != second && *second != '-';
    }
    if (!good || *end)
        return raml_fail(err, RAML_EUSAGE, "--grid: found '%.40s', expected points along the directions: 25x25, or 51",
                         text);
    *a = (size_t)n[0];
    *b = (size_t)n[1];
    return RAML_OK;
}

static enum raml_code options_of(const struct cli *cli, const struct settings *s,
                                 struct raml_landscape_files_options *o, struct raml_err *err)
{
    *o = (struct raml_landscape_files_options){.kind = !strcmp(s->directions, "filter")   ? RAML_DIRECTION_FILTER
                                                       : !strcmp(s->directions, "tensor") ? RAML_DIRECTION_TENSOR
                                                                                          : RAML_DIRECTION_PATH,
                                               .range = s->range,
                                               .path_stride = (size_t)s->path_stride,
                                               .seed = cli->seed,
                                               .curvature = s->curvature,
                                               .measure = {.iterations = (size_t)s->power_iterations,
                                                           .tolerance = s->tolerance,
                                                           .probes = (size_t)s->trace_probes,
                                                           .step = s->step},
                                               .frame_seconds = s->frame_seconds,
                                               .save_directions = s->save_directions};
    return parse_grid(s->grid, &o->n_alpha, &o->n_beta, err);
}

static enum raml_code choose(const struct settings *s, const char *file, const struct raml_questions *qs,
                             const struct raml_question **q, struct raml_err *err)
{
    if (qs->n == 0) return raml_fail(err, RAML_ERANGE, "%s: has no question", file);
    if (!s->id && (size_t)s->question > qs->n)
        return raml_fail(err, RAML_ERANGE, "%s: has %zu question%s; --question is %lld", file, qs->n,
                         qs->n == 1 ? "" : "s", (long long)s->question);
    *q = s->id ? NULL : &qs->question[s->question - 1];
    for (size_t i = 0; i < qs->n && !*q; i++)
        if (!strcmp(qs->question[i].id, s->id)) *q = &qs->question[i];
    if (*q) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "%s: has no question '%.100s'; its first is '%.100s'", file, s->id,
                     qs->question[0].id);
}

/* -- Output -------------------------------------------------------------------------------------------------------- */

static void print_number(double x, int width, int digits)
{
    if (isfinite(x)) printf(" %*.*g", width, digits, x);
    else printf(" %*s", width, "-");
}

/* ~ before an error that is above the tolerance. */
static void print_eigenvalue(const struct raml_eigenvalue *e)
{
    char error[32];
    print_number(e->value, 10, 4);
    snprintf(error, sizeof error, "%s%.2g", e->converged ? "" : "~", raml_eigenvalue_error(e));
    printf(" %9s", isfinite(e->value) && e->iterations ? error : "-");
}

static void print_table(const struct settings *s, const struct raml_landscape_files_options *o,
                        const struct raml_landscape_files_summary *r)
{
    printf("%8s %9s %9s %8s %8s %10s %9s %10s %9s %9s %9s\n", "i", "L(i)", "least", "alpha", "beta", "eigenvalue",
           "error", "other end", "error", "trace", "error");
    for (size_t f = 0; f < r->n_frames; f++) {
        const struct raml_landscape_frame_result *x = &r->frame[f];
        printf("%8u", (unsigned)x->i);
        print_number(x->loss, 9, 5);
        print_number(x->least, 9, 5);
        print_number(x->least_alpha, 8, 3);
        print_number(x->least_beta, 8, 3);
        print_eigenvalue(&x->curvature.top);
        print_eigenvalue(&x->curvature.other);
        print_number(x->curvature.trace, 9, 4);
        print_number(x->curvature.trace_error, 9, 2);
        printf("\n");
    }
    if (r->path.n)
        printf("path: %zu points; the plane has %.1f %% + %.1f %% of the updates' squares (a random walk: %.1f %% + "
               "%.1f %%); the last point is %.3g from it, and %.3g from the weights\n",
               r->path.n, 100 * r->path.explained[0], 100 * r->path.explained[1],
               100 * raml_landscape_walk_share(r->path.n - 1, 0), 100 * raml_landscape_walk_share(r->path.n - 1, 1),
               r->path.off_plane[r->path.n - 1], r->path.length[r->path.n - 1]);
    printf("%zu points, %zu of an earlier run; %.3g s a point, %.2f s; weights as they were\n", r->n_points,
           r->n_resumed, r->point_seconds, r->grid_seconds);
    if (r->n_missing) printf("%zu losses are no number: NaN in the tables, holes in the pictures\n", r->n_missing);
    printf("%s/%s\n", s->out, !r->drawn ? "landscape.tsv" : o->n_beta > 1 ? "contours.svg" : "slice.svg");
}

static json_t *eigenvalue_json(const struct raml_eigenvalue *e)
{
    return json_pack("{s:o, s:o, s:o, s:I, s:b}", "value", raml_json_number(e->value), "error",
                     raml_json_number(raml_eigenvalue_error(e)), "step", raml_json_number(e->step), "iterations",
                     (json_int_t)e->iterations, "converged", (int)e->converged);
}

static json_t *frame_json(const struct raml_landscape_frame_result *x)
{
    const struct raml_curvature *c = &x->curvature;
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "i", (json_int_t)x->i, "L",
                     raml_json_number(x->loss), "least", raml_json_number(x->least), "least_alpha",
                     raml_json_number(x->least_alpha), "least_beta", raml_json_number(x->least_beta), "gradient_norm",
                     raml_json_number(c->gradient_norm), "eigenvalue", eigenvalue_json(&c->top), "other_end",
                     eigenvalue_json(&c->other), "trace", raml_json_number(c->trace), "trace_error",
                     raml_json_number(c->trace_error));
}

static enum raml_code print_json(const struct settings *s, const struct raml_landscape_files_summary *r,
                                 struct raml_err *err)
{
    json_t *frames = json_array();
    int bad = frames == NULL;
    for (size_t f = 0; f < r->n_frames; f++) bad |= json_array_append_new(frames, frame_json(&r->frame[f]));
    json_t *o =
        json_pack("{s:s, s:s, s:I, s:I, s:f, s:o, s:o, s:o}", "out", s->out, "directions", s->directions, "points",
                  (json_int_t)r->n_points, "resumed", (json_int_t)r->n_resumed, "range", r->range, "point_seconds",
                  raml_json_number(r->point_seconds), "seconds", raml_json_number(r->grid_seconds), "frames", frames);
    if (o && r->path.n)
        bad |= json_object_set_new(o, "explained", json_pack("[f, f]", r->path.explained[0], r->path.explained[1]));
    return cli_print_json(raml_json_checked(o, bad), err);
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code draw(const struct cli *cli, const struct settings *s, struct raml_model *model,
                           const struct raml_trace_text *text, const struct raml_question *q, struct raml_err *err)
{
    char title[200];
    uint32_t *frame = NULL;
    struct raml_landscape_files_options opt;
    struct raml_landscape_files_summary result = {0};
    struct raml_landscape_files_job job = {.model = model,
                                           .title = title,
                                           .dir = s->out,
                                           .overwrite = cli->overwrite,
                                           .sink = cli->sink,
                                           .clock = raml_clock_monotonic};
    snprintf(title, sizeof title, "%.100s, trajectory %lld", q->id, (long long)s->sample);
    job.input.text = raml_trace_text_input(text);
    enum raml_code rc = options_of(cli, s, &opt, err);
    if (!rc) rc = raml_landscape_parse_frames(s->frames, text->trajectory.n, &frame, &job.input.n_frames, err);
    job.input.frame = frame;
    if (!rc) rc = raml_landscape_files(&job, &opt, &result, err);
    if (!rc) rc = cli_write_recipe(cli, s->out, "landscape.yaml", err);
    if (!rc && cli->json) rc = print_json(s, &result, err);
    else if (!rc) print_table(s, &opt, &result);
    raml_landscape_files_summary_deinit(&result);
    free(frame);
    return rc;
}

static enum raml_code encode_and_draw(const struct cli *cli, const struct settings *s, struct raml_model *model,
                                      const struct raml_tokenizer *tokenizer, const struct raml_format *format,
                                      const struct raml_question *q, struct raml_err *err)
{
    const struct raml_trace_source source = {.tokenizer = tokenizer,
                                             .format = *format,
                                             .own = !strcmp(s->answer, "own"),
                                             .score_end = s->score_end,
                                             .join = strcmp(s->join, "split") ? RAML_JOIN_JOINT : RAML_JOIN_SPLIT};
    struct raml_trace_text text = {0};
    enum raml_code rc = raml_trace_encode(&source, q, (size_t)s->sample - 1, &text, err);
    if (!rc) rc = draw(cli, s, model, &text, q, err);
    raml_trace_text_deinit(&text);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    struct raml_questions qs;
    const struct raml_question *q = NULL;
    char *model_path = NULL;
    struct prompting prompting = {0};
    struct raml_landscape_files_options checked;
    size_t n_files = cli->n_args + (s->data != NULL);
    if (n_files != 1) return raml_fail(err, RAML_EUSAGE, "landscape takes one FILE.jsonl; found %zu", n_files);
    if (!s->out || !*s->out) return raml_fail(err, RAML_EUSAGE, "--out is empty; expected a folder");
    const char *file = s->data ? s->data : cli->arg[0];
    enum raml_code rc = options_of(cli, s, &checked, err); /* before a model is loaded */
    if (!rc) rc = cli_output_again(cli, s->out, "landscape.yaml", err);
    if (rc) return rc;
    raml_questions_init(&qs);
    const struct raml_read_options read = {.map = s->map};
    rc = cli_read_questions(cli, &qs, file, &read, NULL, err);
    if (!rc) rc = choose(s, file, &qs, &q, err);
    if (!rc)
        rc =
            cli_load_for_training(cli, s->model, s->adapter, RAML_F32, &model, &model_path, err); /* bf16 hides moves */
    if (!rc) raml_model_heed(model, cli->sink);
    if (!rc) rc = cli_load_tokenizer(s->tokenizer, model_path, &tokenizer, err);
    if (!rc) rc = cli_prompting_open(&s->prompting, model_path, tokenizer, &prompting, err);
    if (!rc) rc = encode_and_draw(cli, s, model, tokenizer, &prompting.format, q, err);
    cli_prompting_close(&prompting);
    raml_questions_deinit(&qs);
    raml_tokenizer_close(tokenizer);
    raml_model_close(model);
    free(model_path);
    return rc;
}

const struct cli_command cli_landscape = {
    .name = "landscape",
    .about = "the loss around a model's weights after prefixes of a trajectory",
    .args = "FILE.jsonl",
    .detail =
        "Draws L(i) at the weights + alpha d1 + beta d2 on a grid, for several prefixes i of one trajectory: what the "
        "loss around the "
        "weights looks like while the model thinks. All prefixes of a point are one pass. With --directions path the "
        "trajectory itself is drawn, projected on the plane of the weight updates that it stands for. Beside it both "
        "ends of the Hessian's spectrum and its trace, with errors. Every finished point goes to grid.journal: the "
        "same "
        "command goes on where a killed one stopped. Writes landscape, frames and path (npy, tsv, csv), contour_I and "
        "surface_I of every frame (tsv, gp, svg), the films contours.svg and surfaces.svg, and landscape.yaml.",
    .example = "raml landscape --model run-sft samples.jsonl --directions path --grid 15x15 --out run-sft/landscape",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .settings_size = sizeof(struct settings),
    .pipes = true,
    .run = run,
};
