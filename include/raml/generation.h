/* generation.h - how a model is meant to be sampled, as it says itself.
 *
 * Folder   generation_config.json: temperature, top_k, top_p, min_p. do_sample is not looked at: whoever samples wants these.
 * GGUF     general.sampling.temp, top_k, top_p, min_p (llama.cpp's keys).
 * Errors   RAML_EFORMAT, RAML_ERANGE name file and field: of another type, or a number that sampling does not take.
 */
#ifndef RAML_GENERATION_H
#define RAML_GENERATION_H

#include "raml/config.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_generation {
    bool has_temperature, has_top_k, has_top_p, has_min_p;
    double temperature, top_p, min_p;
    int64_t top_k;
    char ignored
        [160]; /* what the file also asks for and raml does not do: "repetition_penalty 1.05, ..."; "": nothing */
};
/* path: a model's folder or GGUF file. Nothing is there: all false. */
RAML_CHECKED enum raml_code raml_generation_read(const char *path, struct raml_generation *out, struct raml_err *err);
/* Those that are there, as generation_config.json, with the tokens that begin and end a text (c; NULL: without):
 * transformers takes the ends from there alone, once there is such a file. */
RAML_CHECKED enum raml_code raml_generation_write(const struct raml_generation *g, const struct raml_config *c,
                                                  const char *path, struct raml_err *err);

#pragma GCC visibility pop
#endif
