/* nearest.h - the known word that was probably meant, for messages about an unknown one. */
#ifndef RAML_CORE_NEAREST_H
#define RAML_CORE_NEAREST_H

#include "raml/err.h"

#include <stddef.h>

/* Of known[n], the word nearest to `word` by edit distance (of several: one that begins with the same letter, then one of
 * the same length, then the first), else the first that begins with it; NULL: none is near. Case does not count, and a
 * dash equals an underscore. */
const char *raml_nearest(const char *word, const char *const *known, size_t n);
/* RAML_EUSAGE: "there is no preset 'trl'; did you mean 'x'?", or where none is near: "..; expected one of x, y, z". */
enum raml_code raml_fail_unknown(struct raml_err *err, const char *what, const char *word, const char *const *known,
                                 size_t n);

#endif
