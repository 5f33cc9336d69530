/* directions.h - random directions in a model's weights, normalised by its rows or tensors. See raml/landscape.h. */
#ifndef RAML_INNER_DIRECTIONS_H
#define RAML_INNER_DIRECTIONS_H

#include "raml/landscape.h"

#include "inner/landscape_weights.h"

/* Fills out[w->n], of the device. kind: filter or tensor (RAML_EUSAGE: another); number: 0 or 1. */
RAML_CHECKED enum raml_code raml_direction_random(const struct raml_moved_weights *w, enum raml_direction_kind kind,
                                                  uint64_t seed, size_t number, float *out, struct raml_err *err);

#endif
