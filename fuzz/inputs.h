/* inputs.h - random and broken pairs of answers; see verify.c. */
#ifndef RAML_FUZZ_INPUTS_H
#define RAML_FUZZ_INPUTS_H

#include "raml/buf.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FUZZ_MAX_BYTES = 1 << 16 }; /* of one text */

struct fuzz_texts { /* the seeds of inputs */
    char **text;
    size_t *len, n, cap;
};
/* The strings of the files; with no file, the list of answers.h. */
RAML_CHECKED enum raml_code fuzz_texts_init(struct fuzz_texts *t, const char *const *file, size_t n_files,
                                            struct raml_err *err);
void fuzz_texts_deinit(struct fuzz_texts *t);

struct fuzz_pair {
    struct raml_buf gold, pred, other; /* other: scratch */
    bool last, letters;
    bool same; /* the two are the same text */
};
void fuzz_pair_init(struct fuzz_pair *p);
void fuzz_pair_deinit(struct fuzz_pair *p);
/* Pair number i: a pure function of texts, seed and i. */
void fuzz_make(const struct fuzz_texts *t, uint64_t seed, uint64_t i, struct fuzz_pair *p);

#endif
