/* json.h - one JSON line at a time, with the place of the fault in every error.
 *
 * Thin helpers over jansson. `struct raml_place` is where the object came from; errors read
 * "train.jsonl:17: field 'answer' is missing; found fields: id, question". Returned strings belong to the object.
 *
 * Read as Python reads and writes it: an integer beyond 64 bits is a string of its digits (which the getters of numbers
 * know); NaN, Infinity, -Infinity and numbers beyond a double's range are null; half of a surrogate pair is U+FFFD, and so
 * is U+0000 unless it is asked for. Not as Python: two equal names in an object are refused.
 */
#ifndef RAML_JSON_H
#define RAML_JSON_H

#include "raml/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct raml_place {
    const char *path;
    size_t line; /* 0: the whole file */
};

/* *out: a new reference (json_decref it). Rejects duplicate keys, trailing text, and anything that is not an object. */
RAML_CHECKED enum raml_code raml_json_parse(const struct raml_place *at, const char *text, size_t n, json_t **out,
                                            struct raml_err *err);
enum {
    RAML_JSON_KEEP_NUL = 1,     /* texts may hold U+0000: to be read with their lengths; names never do */
    RAML_JSON_SOUND_TEXTS = 2,  /* U+0000 and half of a surrogate pair are refused */
    RAML_JSON_KEEP_NUMBERS = 4, /* numbers that jansson has not are kept, see raml_json_beyond; not with the others */
    RAML_JSON_STRICT = 8        /* all that JSON is not, and numbers beyond 64 bits or a double's range, is refused */
};
/* "12345678901234567890", "NaN", "-Infinity": a number beyond jansson's that was kept (borrowed). NULL: v is none. */
const char *raml_json_beyond(const json_t *v);
RAML_CHECKED enum raml_code raml_json_parse_as(const struct raml_place *at, const char *text, size_t n, unsigned how,
                                               json_t **out, struct raml_err *err);
/* Of any kind, a new reference; NULL: not JSON, or, where *enough is false, no memory to read it. */
json_t *raml_json_value(const char *text, size_t n, bool *enough);
/* Calls take for the object of every line of a JSONL file; empty lines are passed over. Ends with the first failure. */
RAML_CHECKED enum raml_code raml_json_lines(const char *path, size_t max_line_bytes,
                                            enum raml_code (*take)(void *user, const struct raml_place *at,
                                                                   json_t *object, struct raml_err *err),
                                            void *user, struct raml_err *err);
/* A whole file that holds one JSON value (object or array), at most max_bytes. */
RAML_CHECKED enum raml_code raml_json_load(const char *path, size_t max_bytes, json_t **out, struct raml_err *err);
/* Required fields: RAML_EFORMAT when missing or of another type. */
RAML_CHECKED enum raml_code raml_json_str(const struct raml_place *at, const json_t *obj, const char *field,
                                          const char **out, size_t *len, struct raml_err *err);
RAML_CHECKED enum raml_code raml_json_int(const struct raml_place *at, const json_t *obj, const char *field,
                                          long long low, long long high, long long *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_json_num(const struct raml_place *at, const json_t *obj, const char *field,
                                          double *out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_json_array(const struct raml_place *at, const json_t *obj, const char *field,
                                            json_t **out, struct raml_err *err); /* borrowed */
/* The names of an object's fields, joined by ", ", truncated to cap; for error messages. Returns out. */
const char *raml_json_fields(const json_t *obj, char *out, size_t cap);

/* For main, before any other thread or call of jansson: has jansson's failed allocations noted (memory.h), and a text
 * whose reading runs out of memory refused with RAML_ENOMEM at once. Without it, jansson 2.14 may lose a letter, or
 * end the process. */
void raml_json_guard(void);

#ifndef RAML_SHARED /* set where tests are compiled, which see what is missing */
/* Their results are looked at: a field that is not there for lack of memory is no success. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wredundant-decls"
RAML_CHECKED int json_object_set_new(json_t *object, const char *key, json_t *value);
RAML_CHECKED int json_array_append_new(json_t *array, json_t *value);
RAML_CHECKED int json_array_insert_new(json_t *array, size_t index, json_t *value);
RAML_CHECKED int json_array_set_new(json_t *array, size_t index, json_t *value);
RAML_CHECKED int json_object_update(json_t *object, json_t *other);
RAML_CHECKED int json_array_extend(json_t *array, json_t *other);
#pragma GCC diagnostic pop
#endif

/* Making records. A value that could not be made is NULL, which jansson's setters answer with -1 as they do when memory
 * is used up: gather their results (bad |= json_object_set_new(...)), and end with raml_json_checked. */
json_t *raml_json_number(double x);       /* null where it is not finite */
json_t *raml_json_text(const char *text); /* null where there is none (NULL) */
/* obj when all went well; else NULL, and obj is given up. */
json_t *raml_json_checked(json_t *obj, int failed);

struct raml_buf;
/* Appends obj as one line of JSON without the newline (compact, keys in insertion order, 9 significant digits for
 * numbers that are floats, so that a float32 round-trips). */
void raml_json_add(struct raml_buf *b, const json_t *obj);

#endif
