/* unit.h - private: what the words after a number mean, as text: units of measure, things counted, or words that
 * change the number.
 *
 * "km per hour" is length 1, time -1 with the factor 1000/3600 in SI units; "apples per box" is a thing counted by
 * another. A unit's text is what parse_unit.c makes of the tokens: words with single spaces, "^2" for a power, "/".
 * Case counts for symbols (mW, MW), not for words.
 */
#ifndef RAML_ANSWER_UNIT_H
#define RAML_ANSWER_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unit_dim {
    DIM_LENGTH,
    DIM_MASS,
    DIM_TIME,
    DIM_CURRENT,
    DIM_TEMPERATURE,
    DIM_AMOUNT,
    DIM_MONTH, /* calendar months: no fixed number of days */
    DIM_USD,
    DIM_EUR,
    DIM_GBP,
    DIM_JPY,
    DIM_INR,
    DIM_CNY,
    UNIT_N_DIMS
};

enum { UNIT_MAX_ATOMS = 6, UNIT_MAX_NOUNS = 3 };

struct unit_atom {
    const char *factor; /* in SI units: "0.0254", "1852/3600" */
    int8_t ten, power;  /* times 10^ten (a prefix), all to this power */
};
struct unit_noun {
    const char *text; /* in the unit's text */
    uint32_t n;
    int8_t power;
};

struct unit {
    int8_t dim[UNIT_N_DIMS];
    struct unit_atom atom[UNIT_MAX_ATOMS];
    struct unit_noun noun[UNIT_MAX_NOUNS];
    uint8_t n_atoms, n_nouns;
    char degrees; /* 'C', 'F', 'K': a temperature, with a zero of its own; 0: none */
    bool any;     /* "units": no unit in particular */
};

enum unit_words {
    UNIT_WORDS,   /* a unit, things counted, or both; nothing that changes the number */
    UNIT_CHANGES, /* "to 6", "less than x", "million": the number alone is not what is meant */
    UNIT_MORE     /* a unit, then another quantity: "hours 30 minutes"; *rest is where its number begins */
};

/* Reads text[0..n). */
enum unit_words raml_unit_read(const char *text, size_t n, struct unit *out, size_t *rest);
/* The same dimensions and things counted? */
bool raml_unit_same_kind(const struct unit *a, const struct unit *b);
/* Does it have dimensions only, with no thing counted? */
bool raml_unit_is_measure(const struct unit *u);
/* Do two things counted rule each other out ("red", "blue"; "boys", "girls")? */
bool raml_unit_excludes(const struct unit *a, const struct unit *b);
/* Words with a unit of measure among them, and nothing that changes a number: "miles per hour", "people per km". */
bool raml_unit_is_measured(const char *text, size_t n);
/* A unit of measure or currency by its name or symbol; false: none. */
bool raml_unit_is_known(const char *text, size_t n);

#endif
