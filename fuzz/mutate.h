/* mutate.h - case number i of a fuzz run: a seed, changed a few times over. */
#ifndef RAML_FUZZ_MUTATE_H
#define RAML_FUZZ_MUTATE_H

#include "fuzz/corpus.h"
#include "raml/buf.h"

/* Writes to *out (cleared first; its maximum bounds the case) a pure function of the corpus, the words, seed and i.
 * Cases 0 to n - 1 are the seeds themselves. */
void fuzz_case(const struct fuzz_corpus *c, const char *const *words, uint64_t seed, uint64_t i, struct raml_buf *out);

#endif
