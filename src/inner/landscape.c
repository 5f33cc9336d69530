/* landscape.c - losses of all frames at a point of weight space. See raml/landscape.h. */
#include "raml/landscape.h"

#include "core/file.h"
#include "inner/directions.h"
#include "inner/landscape_parts.h"
#include "inner/trace_curve.h"

#include <stdlib.h>
#include <string.h>

static enum raml_code check(const struct raml_model *m, const struct raml_landscape_input *in, struct raml_err *err)
{
    struct raml_tracer *tracer;
    const struct raml_trace_options opt = raml_trace_default();
    size_t T = in->text.n_trajectory;
    if (in->n_frames == 0) return raml_fail(err, RAML_ERANGE, "a landscape has no frame; expected at least one");
    for (size_t i = 0; i < in->n_frames; i++) {
        if (in->frame[i] > T)
            return raml_fail(err, RAML_ERANGE, "frame %zu is after %u tokens; the trajectory has %zu", i + 1,
                             (unsigned)in->frame[i], T);
        if (i && in->frame[i] <= in->frame[i - 1])
            return raml_fail(err, RAML_ERANGE, "frame %zu is after %u tokens, frame %zu after %u; expected rising ones",
                             i, (unsigned)in->frame[i - 1], i + 1, (unsigned)in->frame[i]);
    }
    enum raml_code rc = raml_tracer_open(m, &opt, &tracer, err);
    if (rc) return rc;
    struct raml_trace_input text = in->text;
    text.n_trajectory = in->frame[in->n_frames - 1];
    rc = raml_tracer_check(tracer, &text, err);
    raml_tracer_close(tracer);
    return rc;
}

static enum raml_code copy_text(struct raml_landscape *l, const struct raml_landscape_input *in, struct raml_err *err)
{
    const struct raml_trace_input *t = &in->text;
    l->n_frames = in->n_frames;
    l->n_prompt = t->n_prompt;
    l->n_trajectory = in->frame[in->n_frames - 1];
    l->n_prefix = t->n_answer_prefix;
    l->n_answer = t->n_answer;
    size_t n = l->n_prompt + l->n_trajectory + l->n_prefix + l->n_answer;
    l->token = malloc(n * sizeof *l->token);
    l->frame = malloc(l->n_frames * sizeof *l->frame);
    if (!l->token || !l->frame) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tokens", n);
    memcpy(l->frame, in->frame, l->n_frames * sizeof *l->frame);
    const int32_t *const part[] = {t->prompt, t->trajectory, t->answer_prefix, t->answer};
    const size_t length[] = {l->n_prompt, l->n_trajectory, l->n_prefix, l->n_answer};
    size_t at = 0;
    for (size_t i = 0; i < 4; at += length[i++])
        if (length[i]) memcpy(l->token + at, part[i], length[i] * sizeof *l->token);
    l->text_hash = raml_hash(length, sizeof length, 0);
    l->text_hash = raml_hash(l->token, n * sizeof *l->token, l->text_hash);
    l->text_hash = raml_hash(l->frame, l->n_frames * sizeof *l->frame, l->text_hash);
    return RAML_OK;
}

static enum raml_code plant(struct raml_landscape *l, struct raml_err *err)
{
    struct raml_tree tree = {0};
    const int32_t *trajectory = l->token + l->n_prompt, *probe = trajectory + l->n_trajectory;
    enum raml_code rc = raml_tree_add(&tree, -1, 0, l->token, l->n_prompt, l->n_prompt, NULL, err);
    if (!rc)
        rc = raml_tree_add(&tree, 0, (uint32_t)l->n_prompt, trajectory, l->n_trajectory, l->n_trajectory, NULL, err);
    for (size_t i = 0; i < l->n_frames && !rc; i++)
        rc = raml_tree_add(&tree, 1, l->frame[i], probe, l->n_prefix + l->n_answer, l->n_prefix, NULL, err);
    if (!rc) rc = raml_pack_add(&l->evaluator.pack, &tree, err);
    raml_tree_deinit(&tree);
    return rc;
}

enum raml_code raml_landscape_open(struct raml_model *m, const struct raml_landscape_input *in,
                                   struct raml_landscape **out, struct raml_err *err)
{
    enum raml_code rc = check(m, in, err);
    if (rc) return rc;
    struct raml_landscape *l = calloc(1, sizeof *l);
    if (!l) return raml_fail(err, RAML_ENOMEM, "no memory for a landscape");
    rc = raml_moved_weights_init(&l->w, m, err);
    if (!rc) rc = copy_text(l, in, err);
    if (!rc) rc = raml_evaluator_init(&l->evaluator, m, SIZE_MAX, err);
    if (!rc) rc = plant(l, err);
    if (rc) raml_landscape_close(l);
    else *out = l;
    return rc;
}

void raml_landscape_close(struct raml_landscape *l)
{
    if (!l) return;
    if (l->evaluator.model) raml_evaluator_deinit(&l->evaluator);
    raml_landscape_clear(l);
    raml_moved_weights_deinit(&l->w);
    free(l->token);
    free(l->frame);
    free(l);
}

enum raml_code raml_landscape_restore(struct raml_landscape *l, struct raml_err *err)
{
    return raml_moved_weights_restore(&l->w, err);
}

size_t raml_landscape_frames(const struct raml_landscape *l)
{
    return l->n_frames;
}

uint64_t raml_landscape_weights_hash(const struct raml_landscape *l)
{
    return l->w.hash;
}

uint64_t raml_landscape_text_hash(const struct raml_landscape *l)
{
    return l->text_hash;
}

/* -- Directions ---------------------------------------------------------------------------------------------------- */

enum raml_code raml_landscape_make_direction(struct raml_landscape *l, size_t k, struct raml_err *err)
{
    if (k > 1) return raml_fail(err, RAML_ERANGE, "direction %zu; expected 0 or 1", k);
    if (!l->direction[k]) l->direction[k] = raml_array_new(l->w.dev, l->w.n, sizeof *l->direction[k]);
    return l->direction[k] ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a direction of %zu weights", l->w.n);
}

enum raml_code raml_landscape_random(struct raml_landscape *l, size_t k, enum raml_direction_kind kind, uint64_t seed,
                                     struct raml_err *err)
{
    enum raml_code rc = raml_landscape_make_direction(l, k, err);
    return rc ? rc : raml_direction_random(&l->w, kind, seed, k, l->direction[k], err);
}

enum raml_code raml_landscape_set(struct raml_landscape *l, size_t k, const float *value, struct raml_err *err)
{
    enum raml_code rc = raml_landscape_make_direction(l, k, err);
    return rc ? rc : raml_array_write(l->w.dev, l->direction[k], value, l->w.n * sizeof *value, err);
}

enum raml_code raml_landscape_read_direction(const struct raml_landscape *l, size_t k, float *value,
                                             struct raml_err *err)
{
    if (k > 1 || !l->direction[k]) return raml_fail(err, RAML_EUSAGE, "direction %zu was not set", k);
    return raml_array_read(l->w.dev, value, l->direction[k], l->w.n * sizeof *value, err);
}

void raml_landscape_clear(struct raml_landscape *l)
{
    for (size_t k = 0; k < 2; k++) {
        raml_array_free(l->w.dev, l->direction[k]);
        l->direction[k] = NULL;
    }
}

enum raml_code raml_landscape_norm(const struct raml_landscape *l, size_t k, double *norm, struct raml_err *err)
{
    *norm = 0;
    if (k > 1) return raml_fail(err, RAML_ERANGE, "direction %zu; expected 0 or 1", k);
    return l->direction[k] ? raml_model_norm(l->w.model, NULL, l->direction[k], norm, err) : RAML_OK;
}

enum raml_code raml_landscape_directions_hash(const struct raml_landscape *l, uint64_t *hash, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    *hash = 0;
    for (size_t k = 0; k < 2 && !rc; k++)
        if (l->direction[k]) rc = raml_moved_weights_hash(&l->w, l->direction[k], hash, err);
    return rc;
}

/* -- A point ------------------------------------------------------------------------------------------------------- */

enum raml_code raml_landscape_loss(struct raml_landscape *l, double a, double b, double *loss, struct raml_err *err)
{
    enum raml_code rc = raml_moved_weights_to(&l->w, a, l->direction[0], b, l->direction[1], err);
    if (!rc) rc = raml_evaluator_run(&l->evaluator, err);
    for (size_t i = 0; i < l->n_frames && !rc; i++) {
        const float *logp = l->evaluator.logp + i * l->n_answer;
        double sum = 0;
        for (size_t j = 0; j < l->n_answer; j++) sum += logp[j];
        loss[i] = raml_answer_loss(sum, l->n_answer);
    }
    return rc;
}
