/* edit.h - changes to bytes; for the inputs of inputs.c and mutate.c. */
#ifndef RAML_FUZZ_EDIT_H
#define RAML_FUZZ_EDIT_H

#include "raml/buf.h"
#include "raml/rng.h"

/* Puts what[0..n) in the place of to[from..till). `what` may point into `to`. Nothing changes where the result would be
 * longer than to->max, or there is no memory. */
void fuzz_replace(struct raml_buf *to, size_t from, size_t till, const char *what, size_t n);
/* A number below n; 0 for n = 0. */
uint32_t fuzz_below(struct raml_rng *r, size_t n);

#endif
