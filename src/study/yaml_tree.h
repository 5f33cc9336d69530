/* yaml_tree.h - a YAML file as a tree that knows its lines.
 *
 * Mappings whose keys are texts, lists and values. A key given twice, anchors, aliases and tags, more than one document,
 * more than RAML_YAML_DEPTH levels and files above 1 MiB are refused, with file and line.
 * Ownership  all of it lives in the arena.     Errors  RAML_EUSAGE: the file is somebody's own writing.
 */
#ifndef RAML_STUDY_YAML_TREE_H
#define RAML_STUDY_YAML_TREE_H

#include "core/arena.h"
#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { RAML_YAML_DEPTH = 16 };
enum raml_yaml_kind { RAML_YAML_VALUE, RAML_YAML_LIST, RAML_YAML_MAP };

struct raml_yaml {
    enum raml_yaml_kind kind;
    size_t line;             /* from 1 */
    const char *key;         /* in a mapping; NULL elsewhere */
    const char *text;        /* of a value, without quotes; NULL of others */
    struct raml_yaml *child; /* the first one; NULL: none */
    struct raml_yaml *next;  /* of the same parent */
    size_t n;                /* children */
};

/* *text: what was read, for a hash of it. */
RAML_CHECKED enum raml_code raml_yaml_load(struct raml_arena *a, const char *path, struct raml_yaml **out,
                                           const char **text, size_t *len, struct raml_err *err);
/* The child with this key; NULL: none. */
const struct raml_yaml *raml_yaml_find(const struct raml_yaml *map, const char *key);
/* "a value", "a list", "a mapping" */
const char *raml_yaml_kind_name(const struct raml_yaml *y);

#endif
