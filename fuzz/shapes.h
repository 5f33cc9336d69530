/* shapes.h - models of a few hundred parameters, for seeds. */
#ifndef RAML_FUZZ_SHAPES_H
#define RAML_FUZZ_SHAPES_H

#include "raml/model.h"

enum { FUZZ_SHAPES = 5 }; /* qwen2 tied, qwen3, llama, llama with llama3's scaling, qwen2 with yarn */
struct raml_config fuzz_shape(int i);
/* Every field of the two is the same. */
void fuzz_same_shape(const struct raml_config *a, const struct raml_config *b);
/* Writes config.json and model.safetensors of it, with small numbers for weights, into a folder that is there. */
void fuzz_write_folder(const struct raml_config *c, const char *dir);

#endif
