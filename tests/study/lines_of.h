/* lines_of.h - the lines of a JSONL file as one array. */
#ifndef TESTS_STUDY_LINES_OF_H
#define TESTS_STUDY_LINES_OF_H

#include "core/scratch.h"

#include "core/json.h"

static inline enum raml_code lines_of_add(void *list, const struct raml_place *at, json_t *object, struct raml_err *err)
{
    if (json_array_append(list, object)) return raml_fail(err, RAML_ENOMEM, "%s:%zu: no memory", at->path, at->line);
    return RAML_OK;
}

static inline json_t *lines_of(const char *dir, const char *name)
{
    char path[4200];
    struct raml_err err = {0};
    json_t *list = json_array();
    must(raml_json_lines(in(dir, name, path), 1 << 24, lines_of_add, list, &err), &err);
    return list;
}

#endif
