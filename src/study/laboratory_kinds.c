/* laboratory_kinds.c - the kinds of folders that the report shows: which files they are known by, and of traces, updates
 * and landscapes what each figure shows and how it is read. See laboratory_parts.h. */
#include "study/laboratory_parts.h"

#include <stdio.h>

enum { CURVES_SHOWN = 12, FRAMES_SHOWN = 12, NAME = 48 };
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char trace_heading[] =
    "<h2>Loss curves compared</h2>\n<p>The loss L(i) again, of several answers, after other trajectories, and read "
    "from several layers. i/T is the position in a trajectory of T tokens, so that long and short ones can be "
    "averaged.</p>\n";
static const char update_heading[] =
    "<h2>The weights that a trajectory stands for</h2>\n<p>For every prefix of a trajectory there is a rank-one change "
    "of each layer\u2019s MLP matrices with which the network computes, without the trajectory, what it computes after "
    "it: its implicit update. Compare every number with those of the control trajectories (foreign: another "
    "question\u2019s, filler: one token repeated, shuffled: its own tokens): what they share belongs to reading any "
    "text of that length.</p>\n";
static const char landscape_heading[] =
    "<h2>The landscape of the loss</h2>\n<p>L(i) of the answer at weights moved along one or two directions, for "
    "several "
    "prefixes of one trajectory. The centre, (0, 0), is the model as it is: there the surface is L(i).</p>\n";

/* -- Traces -------------------------------------------------------------------------------------------------------- */

static const struct raml_lab_picture mean_curve = {"mean_curve", "Loss of the traced answer",
                                                   "Mean L(i) in nats per answer token over i/T, of right and wrong "
                                                   "trajectories; the picture says whose answer it is. "
                                                   "Band: 95\u00A0% over questions. Descent towards the right end "
                                                   "means that the trajectory makes that answer likelier.",
                                                   ""};

static const struct raml_lab_picture trace_picture[] = {
    {"wrong_answer", "Answers on wrong trajectories",
     "Only trajectories that ended wrong: mean L(i) of the correct answer and of the wrong ones, nats per answer "
     "token, "
     "over i/T; bands 95\u00A0% over questions. If a wrong trajectory descends too, but on another answer\u2019s loss, "
     "the curve of its own answer falls while the correct answer\u2019s stays up; the correct answer is the control.",
     ""},
    {"commitment", "Commitment to one answer",
     "1\u00A0\u2212\u00A0H(p)/ln\u00A0n of the distribution p over the n answers that were traced, over i/T: 0 is "
     "undecided, 1 certain, of whichever answer. Band: 95\u00A0% over questions. Look for where it rises for good, and "
     "whether wrong trajectories commit as surely as right ones.",
     ""},
    {"control", "What the content was worth beyond its length",
     "L after a control trajectory of the same length minus L(i), nats per answer token, over i/T; bands 95\u00A0% "
     "over "
     "questions. Above 0 the trajectory helped more than the control: its own tokens in another order (shuffle), "
     "another question\u2019s trajectory (foreign), one token repeated (filler). At 0 its content was worth nothing.",
     ""},
    {"layers", "Loss read after each layer",
     "Mean L(i) over i/T, read after a layer through the model\u2019s final norm and head; layers from violet to "
     "green, the "
     "last is the model\u2019s own loss. Look for the layer at which the curves begin to fall along i/T; layer 0 is "
     "the "
     "embedding, knows nothing of the trajectory, and is the control.",
     ""},
    {"modes_position", "Loss by mode, over position",
     "Mean L(i), nats per answer token, over i/T, for each way in which the model was made to think. Band: 95\u00A0% "
     "over "
     "questions. It compares shapes; lengths differ.",
     ""},
    {"modes_tokens", "Loss by mode, over tokens",
     "The same over tokens i: what a token budget buys in each mode. A trajectory that has ended keeps its last loss, "
     "so "
     "each point is a mean over all trajectories.",
     ""}};

static void add_curves(struct raml_lab_view *v)
{
    char name[NAME], title[NAME];
    struct raml_buf *b = &v->p->html;
    if (!raml_lab_has(v, "curve_1.tsv")) return;
    raml_buf_adds(b, "<details><summary>single trajectories</summary>\n<div class=\"grid\">\n");
    for (unsigned k = 1; k <= CURVES_SHOWN; k++) {
        snprintf(name, sizeof name, "curve_%u", k);
        snprintf(title, sizeof title, "Trajectory %u", k);
        const struct raml_lab_picture one = {name, title,
                                             "L(i) of the traced answer, nats per answer token, over tokens i, and "
                                             "its moving average. Single steps go up and down; look at the trend.",
                                             ""};
        (void)raml_lab_picture(v, &one);
    }
    raml_buf_adds(b, "</div>\n</details>\n");
}

static void add_trace(struct raml_lab_view *v)
{
    raml_buf_adds(&v->p->html, "<div class=\"grid\">\n");
    if (!v->lab->mean_drawn) (void)raml_lab_picture(v, &mean_curve);
    for (size_t i = 0; i < COUNT(trace_picture); i++) (void)raml_lab_picture(v, &trace_picture[i]);
    raml_buf_adds(&v->p->html, "</div>\n");
    raml_lab_trace_table(v, "groups.tsv");
    if (raml_lab_has(v, "reader.tsv")) {
        raml_buf_adds(&v->p->html,
                      "<p>What another reader changes: its value minus the model\u2019s own, trajectory by "
                      "trajectory.</p>\n");
        raml_lab_trace_table(v, "reader.tsv");
    }
    add_curves(v);
}

/* -- Updates ------------------------------------------------------------------------------------------------------- */

static const struct raml_lab_picture update_picture[] = {
    {"update_distance", "Length of the implicit update",
     "Length of the update over that of the weights, over i/T, by layer, from violet to green; bands 95\u00A0% over "
     "questions. Dashed in the same colour: the control, a foreign trajectory (or else a filler) of the same length. "
     "Look for layers in which the real line leaves the dashed one.",
     ""},
    {"update_step", "Length of the steps",
     "How far the update moves from one token to the next, over that of the weights; colours and dashes as before. "
     "Steps "
     "far longer than the distance covered mean that it goes back and forth.",
     ""},
    {"update_align", "Alignment with the gradient",
     "Cosine, at T, of the update and the negative gradient of the answer\u2019s loss without a trajectory, by layer; "
     "bars "
     "95\u00A0% over questions. Above 0 the update points down the loss. Compare right and wrong with the controls "
     "filler, foreign and shuffled, not only with 0.",
     ""},
    {"update_align_left", "Alignment of the left factors",
     "The part of that cosine that the update\u2019s left factor decides, times \u221Am: by chance it is 0 with a "
     "deviation of 1 for one question. Bars 95\u00A0% over questions.",
     ""},
    {"exchange_rate", "Exchange rate",
     "Steps of plain gradient descent on the question and its answer that reach the loss after i tokens, at the best "
     "of several rates, over i/T; the axis is logarithmic and shows 1\u00A0+\u00A0steps. Line: median; band: "
     "quartiles. "
     "At the top: more steps than were tried.",
     ""}};

/* -- Landscapes ---------------------------------------------------------------------------------------------------- */

static const struct raml_lab_picture film[] = {
    {"contours", "Film: contours while the model thinks",
     "The frames below one after another. Axes: the two directions; colour: L, nats per answer token, one scale for "
     "all frames (values above its end have its last colour). In red, where there is one, the path of the "
     "trajectory\u2019s updates, bold up to this frame, its labels the L(i) of the curve. Look for the centre turning "
     "from slope or ridge into a basin.",
     "map film"},
    {"surfaces", "Film: surfaces while the model thinks", "The same losses as heights, contours on the ground.",
     "map film"}};
static const struct raml_lab_picture slice = {
    "slice", "Slice along one direction",
    "L at the weights moved by \u03B1 along the direction, nats per answer token, a curve for each frame (i tokens "
    "read) from violet to green; \u03B1\u00A0=\u00A00 is the model as it is. Look at the slope and curvature there.",
    ""};

static void add_frames(struct raml_lab_view *v, const char *kind, const char *what)
{
    unsigned frame[FRAMES_SHOWN];
    size_t n_all = 0, n = raml_lab_frames(v, kind, frame, FRAMES_SHOWN, &n_all);
    if (n == 0) return;
    if (n < n_all) raml_buf_addf(&v->p->html, "<p class=\"dim\">%zu of %zu frames.</p>\n", n, n_all);
    raml_buf_adds(&v->p->html, "<div class=\"frames\">\n");
    for (size_t i = 0; i < n; i++) {
        char name[NAME], title[NAME];
        snprintf(name, sizeof name, "%s%u", kind, frame[i]);
        snprintf(title, sizeof title, "%s after %u tokens", what, frame[i]);
        const struct raml_lab_picture one = {name, title, "", "map"};
        (void)raml_lab_picture(v, &one);
    }
    raml_buf_adds(&v->p->html, "</div>\n");
}

static void add_landscape(struct raml_lab_view *v)
{
    raml_lab_path_line(v);
    raml_buf_adds(&v->p->html, "<div class=\"grid\">\n");
    bool films = false;
    for (size_t i = 0; i < COUNT(film); i++) films |= raml_lab_picture(v, &film[i]);
    (void)raml_lab_picture(v, &slice);
    raml_buf_adds(&v->p->html, "</div>\n");
    if (films)
        raml_buf_adds(&v->p->html,
                      "<p class=\"dim still\">Films stand still here, as this device asks for less motion: "
                      "their frames follow one by one.</p>\n");
    raml_lab_frames_table(v);
    add_frames(v, "contour_", "Contours");
    unsigned one;
    size_t n_surfaces;
    if (raml_lab_frames(v, "surface_", &one, 1, &n_surfaces) == 0) return;
    raml_buf_adds(&v->p->html, "<details><summary>surfaces, frame by frame</summary>\n");
    add_frames(v, "surface_", "Surface");
    raml_buf_adds(&v->p->html, "</details>\n");
}

/* -- The kinds ----------------------------------------------------------------------------------------------------- */

static const struct raml_lab_kind trace_kind = {.name = "trace",
                                                .file = {"groups.tsv", "modes_tokens.tsv", "modes_position.tsv",
                                                         "wrong_answer.tsv", "commitment.tsv", "layers.tsv",
                                                         "control.tsv", "reader.tsv", "curve_1.tsv"},
                                                .subfolder = "reader",
                                                .heading = trace_heading,
                                                .add = add_trace};
static const struct raml_lab_kind update_kind = {.name = "update",
                                                 .file = {"update.tsv", "update_distance.tsv", "update_step.tsv",
                                                          "update_align.tsv", "update_align_left.tsv",
                                                          "exchange_rate.tsv"},
                                                 .heading = update_heading,
                                                 .picture = update_picture,
                                                 .n_pictures = COUNT(update_picture),
                                                 .add = raml_lab_update_table};
static const struct raml_lab_kind landscape_kind = {
    .name = "landscape",
    .file = {"frames.tsv", "path.tsv", "landscape.tsv", "contours.svg", "surfaces.svg", "slice.tsv"},
    .heading = landscape_heading,
    .add = add_landscape};

const struct raml_lab_kind *const raml_lab_kind[RAML_LAB_KINDS] = {
    &trace_kind,     &update_kind,    &landscape_kind, &raml_lab_roles,    &raml_lab_fork,
    &raml_lab_prune, &raml_lab_exits, &raml_lab_study, &raml_lab_attention};
