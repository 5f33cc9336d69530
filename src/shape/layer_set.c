/* layer_set.c - some of a model's layers. See raml/config.h. */
#include "raml/config.h"

bool raml_layer_in(const struct raml_layer_set *s, int layer)
{
    return s->word[layer / 64] >> layer % 64 & 1;
}

void raml_layer_put(struct raml_layer_set *s, int layer)
{
    s->word[layer / 64] |= UINT64_C(1) << layer % 64;
}
