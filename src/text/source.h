/* source.h - a tokenizer.json as it is being read (private to src/text). */
#ifndef RAML_TEXT_SOURCE_H
#define RAML_TEXT_SOURCE_H

#include "core/json.h"
#include "text/vocab.h"

enum { RAML_SHOWN_BYTES = 48, RAML_PLACE_BYTES = 96 }; /* of a value, and of a field's place, in a message */

struct raml_source {
    struct raml_tokenizer *t;
    struct raml_place at;
    const json_t *vocab; /* model.vocab */
    struct raml_err *err;
};

struct raml_shown {
    char text[RAML_SHOWN_BYTES];
};

/* A text from the file, fit for a message: truncated, without control characters. */
struct raml_shown raml_show(const char *text);
bool raml_absent(const json_t *v); /* missing or null */
/* "field 'F' is FOUND; this version reads EXPECTED" (RAML_ESUPPORT). */
enum raml_code raml_refuse(const struct raml_source *s, const char *field, const char *found, const char *expected);
/* Refuses obj.field unless it is absent, null, false, 0 or "". in: what comes before the field in a message. */
RAML_CHECKED enum raml_code raml_need_off(const struct raml_source *s, const json_t *obj, const char *in,
                                          const char *field);
/* obj.field as true or false; `unless` when it is absent. Anything else: RAML_EFORMAT. */
RAML_CHECKED enum raml_code raml_read_flag(const struct raml_source *s, const json_t *obj, const char *in,
                                           const char *field, bool unless, bool *out);
/* Everything but model and added_tokens: sets t->nfc and t->patterns, refuses what is not understood. */
RAML_CHECKED enum raml_code raml_read_settings(const struct raml_source *s, const json_t *root);

#endif
