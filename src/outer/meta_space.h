/* meta_space.h - a model's weights as a space of parameters (raml/meta.h).
 *
 * Vectors are float arrays of the device, [raml_model_n], gradients [raml_gradient_n]. The point at which losses are
 * evaluated is the model's own block. Vectors that were freed are kept for the next task.
 *
 *     raml_meta_enter    theta is the model's weights from here on
 *     (raml_meta_gradient, any number of times)
 *     raml_meta_leave    puts theta back, to the last bit: always called, whatever failed between
 */
#ifndef RAML_OUTER_META_SPACE_H
#define RAML_OUTER_META_SPACE_H

#include "raml/meta.h"
#include "raml/model.h"

struct raml_meta_range {
    size_t offset, n;
};
struct raml_meta_vector {
    float *x;
    size_t n;
    bool used;
};
struct raml_meta_vectors { /* zero-initialise */
    struct raml_model *model;
    const struct raml_device *dev;
    size_t n;
    struct raml_meta_range *range; /* the adapted elements, in order */
    size_t n_ranges, cap_ranges, n_adapted;
    struct raml_meta_vector *vector;
    size_t n_vectors, cap_vectors, bytes; /* bytes: of all vectors */
    float *theta;
    double *sum; /* of the device */
    bool away;   /* the model's block is not theta */
    bool stale;  /* the copies that products read are not of the block */
};
/* last_layers: how many layers, from the last on, are adapted, with the final norm and, where it is a matrix of its own,
 * the head; < 0: everything is. RAML_EUSAGE: more layers than the model has; RAML_ERANGE: nothing is adapted. */
RAML_CHECKED enum raml_code raml_meta_vectors_init(struct raml_meta_vectors *v, struct raml_model *m,
                                                   int64_t last_layers, struct raml_err *err);
void raml_meta_vectors_deinit(struct raml_meta_vectors *v);
struct raml_meta_space raml_meta_vectors_space(struct raml_meta_vectors *v);
RAML_CHECKED enum raml_code raml_meta_enter(struct raml_meta_vectors *v, struct raml_err *err);
/* rc: of what was done; it is returned where it is not RAML_OK. */
RAML_CHECKED enum raml_code raml_meta_leave(struct raml_meta_vectors *v, enum raml_code rc, struct raml_err *err);
/* Before an evaluation: the model computes with its block. */
RAML_CHECKED enum raml_code raml_meta_refresh(struct raml_meta_vectors *v, struct raml_err *err);

#endif
