/* unit_names.h - private to unit*.c: units by their names and symbols. */
#ifndef RAML_ANSWER_UNIT_NAMES_H
#define RAML_ANSWER_UNIT_NAMES_H

#include "answer/read/unit.h"

struct unit_name {
    const char *name;   /* a symbol as it is written, or a word in lower case and the singular */
    const char *factor; /* in SI units */
    int8_t dim[UNIT_N_DIMS];
    char degrees;
};

/* The unit of this name; *ten: the power of ten of its prefix. NULL: none. */
const struct unit_name *raml_unit_name(const char *s, size_t n, int8_t *ten);
/* The singular of a word, lower case, in out[cap]; returns its length, 0 when it is too long. */
size_t raml_unit_singular(const char *s, size_t n, char *out, size_t cap);

#endif
