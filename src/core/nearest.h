/* nearest.h - the known word that was probably meant, for messages about an unknown one. */
#ifndef RAML_CORE_NEAREST_H
#define RAML_CORE_NEAREST_H

#include <stddef.h>

/* Of known[n], the word nearest to `word` by edit distance, else the first that begins with it; NULL: none is near.
 * Case does not count, and a dash equals an underscore. */
const char *raml_nearest(const char *word, const char *const *known, size_t n);

#endif
