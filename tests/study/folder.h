/* folder.h - a folder of its own for every test; *state is its path. */
#ifndef RAML_TESTS_STUDY_FOLDER_H
#define RAML_TESTS_STUDY_FOLDER_H

#include "core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int set_up(void **state)
{
    char *dir = strdup("/tmp/raml-study-XXXXXX");
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static inline int tear_down(void **state)
{
    struct raml_err err = {0};
    if (raml_remove_tree(*state, &err)) fprintf(stderr, "%s\n", err.msg);
    free(*state);
    return 0;
}

#endif
