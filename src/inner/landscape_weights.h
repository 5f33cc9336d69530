/* landscape_weights.h - a model's weights, moved and put back. See raml/landscape.h.
 *
 * Invariant   theta holds the weights that the model had at _init, to the bit; every move starts from theta.
 */
#ifndef RAML_INNER_LANDSCAPE_WEIGHTS_H
#define RAML_INNER_LANDSCAPE_WEIGHTS_H

#include "raml/model.h"

#include "device/backend.h"

struct raml_moved_weights { /* zero-initialise */
    struct raml_model *model;
    const struct raml_device *dev;
    float *theta;  /* device, [n] */
    size_t n;      /* raml_model_n */
    uint64_t hash; /* of theta */
    double norm;   /* of theta */
    bool away;     /* the model's weights are not theta */
};
RAML_CHECKED enum raml_code raml_moved_weights_init(struct raml_moved_weights *w, struct raml_model *m,
                                                    struct raml_err *err);
void raml_moved_weights_deinit(struct raml_moved_weights *w); /* puts theta back first */
/* Weights theta + a x + b y; x and y in the device's memory, NULL: 0. */
RAML_CHECKED enum raml_code raml_moved_weights_to(struct raml_moved_weights *w, double a, const float *x, double b,
                                                  const float *y, struct raml_err *err);
/* Puts theta back and compares all bits with those at _init. */
RAML_CHECKED enum raml_code raml_moved_weights_restore(struct raml_moved_weights *w, struct raml_err *err);
/* Hash of x[n], of the device, going on from *hash. */
RAML_CHECKED enum raml_code raml_moved_weights_hash(const struct raml_moved_weights *w, const float *x, uint64_t *hash,
                                                    struct raml_err *err);

#endif
