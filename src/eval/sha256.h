/* sha256.h - the hash that lm_eval writes beside documents, prompts and targets (FIPS 180-4, sec. 6.2). */
#ifndef RAML_EVAL_SHA256_H
#define RAML_EVAL_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct raml_sha256 {
    uint32_t state[8];
    uint64_t n; /* bytes so far */
    unsigned char block[64];
};
enum { RAML_SHA256_HEX = 65 };
void raml_sha256_init(struct raml_sha256 *s);
void raml_sha256_add(struct raml_sha256 *s, const void *bytes, size_t n);
void raml_sha256_hex(struct raml_sha256 *s, char out[RAML_SHA256_HEX]); /* finishes it */
void raml_sha256_of(const void *bytes, size_t n, char out[RAML_SHA256_HEX]);

#endif
