/* reader.h - fields of a config.json one by one; the first fault stays. */
#ifndef RAML_SHAPE_READER_H
#define RAML_SHAPE_READER_H

#include "core/json.h"
#include "shape/arch.h"

struct raml_config_reader {
    const struct raml_place *at;
    const json_t *obj;
    struct raml_err *err;
    enum raml_code rc; /* of the first fault */
};

/* The field is there, and not null. */
bool raml_reader_has(const struct raml_config_reader *r, const char *field);
/* A required integer; with `otherwise` given, an optional one. */
int raml_reader_int(struct raml_config_reader *r, const char *field, const int *otherwise);
double raml_reader_num(struct raml_config_reader *r, const char *field, double otherwise);
bool raml_reader_flag(struct raml_config_reader *r, const char *field, bool otherwise);

/* config_rope.c: rope_theta, rope_scaling, rope_parameters and rope_local_base_freq. */
void raml_reader_rope(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c);
/* config_layers.c: windows, layer_types, no_rope_layers. */
void raml_reader_layers(struct raml_config_reader *r, const struct raml_arch *a, struct raml_config *c);

#endif
