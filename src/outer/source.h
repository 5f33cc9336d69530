/* source.h - where a training's steps come from: questions and their trajectories, pairs, or rollouts of the model.
 *
 * The loop (loop.h) asks for one step after another and knows nothing of what is in them. Steps are a pure function of
 * the source's data, its state, and (rollouts) the model's weights at the time.
 */
#ifndef RAML_OUTER_SOURCE_H
#define RAML_OUTER_SOURCE_H

#include "outer/packs.h"

#include <jansson.h>

struct raml_step_source {
    void *user;
    const char *name; /* "rollouts" */
    uint64_t n_steps; /* how many there will be */
    uint64_t n_items; /* questions or pairs of the data, and a hash of it: a run is resumed with the same ones */
    uint64_t data_hash;
    /* Fills *step (clear) with step number `number`, from 0. packs: of the model as it is now, to read with. On failure
     * the source is as before the call. */
    enum raml_code (*next)(void *user, uint64_t number, struct raml_packs *packs, struct raml_step *step,
                           struct raml_err *err);
    /* Functions that are NULL have nothing to do. */
    /* Step `number` was differentiated: step->logp is what the policy said. Adds statistics; an error ends training. */
    enum raml_code (*after)(void *user, uint64_t number, struct raml_step *step, struct raml_err *err);
    /* Passes over the data after `steps` steps; for the metrics' "epoch". */
    double (*epoch)(const void *user, uint64_t steps);
    /* May a checkpoint be made after `steps` steps? Where rollouts are used for several steps, only after the last. */
    bool (*may_save)(const void *user, uint64_t steps);
    /* What has to be known to go on, as JSON, and back. */
    json_t *(*save)(const void *user);
    enum raml_code (*load)(void *user, const json_t *state, struct raml_err *err);
    /* Measures the model, and adds what it found to line. *score: the larger, the better. NULL: nothing is measured. */
    enum raml_code (*evaluate)(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                               json_t *line, double *score, struct raml_err *err);
};

#endif
