/* landscape_parts.h - what landscape.c and curvature.c share. See raml/landscape.h. */
#ifndef RAML_INNER_LANDSCAPE_PARTS_H
#define RAML_INNER_LANDSCAPE_PARTS_H

#include "raml/landscape.h"

#include "inner/evaluator.h"
#include "inner/landscape_weights.h"

struct raml_landscape {
    struct raml_moved_weights w;
    struct raml_evaluator evaluator; /* its pack is the tree of all frames */
    float *direction[2];             /* device, [w.n]; NULL: 0 */
    int32_t *token;                  /* prompt, trajectory to the last frame, probe */
    size_t n_prompt, n_trajectory, n_prefix, n_answer;
    uint32_t *frame; /* [n_frames] */
    size_t n_frames;
    uint64_t text_hash;
};
/* Memory for direction k, 0 when it is new. */
RAML_CHECKED enum raml_code raml_landscape_make_direction(struct raml_landscape *l, size_t k, struct raml_err *err);

#endif
