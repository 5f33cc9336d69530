/* rope.h - angles of the rotary embedding, unscaled and scaled. */
#ifndef RAML_SHAPE_ROPE_H
#define RAML_SHAPE_ROPE_H

#include "raml/config.h"

/* Do windowed layers turn otherwise than the others? */
static inline bool raml_rope_is_double(const struct raml_config *c)
{
    return c->window_theta > 0;
}
/* The configuration whose rotary embedding is that of all layers with a window. */
struct raml_config raml_rope_windowed(const struct raml_config *c);
/* Radians per position of pair i of a head's dimensions, i in [0, head_dim / 2). */
double raml_rope_frequency(const struct raml_config *c, int i);
/* cos_sin[max_positions, head_dim]: for each position the cosines of its head_dim / 2 angles, then the sines. The same
 * bits for any number of threads. */
RAML_CHECKED enum raml_code raml_rope_table(const struct raml_config *c, int threads, float *cos_sin,
                                            struct raml_err *err);

#endif
