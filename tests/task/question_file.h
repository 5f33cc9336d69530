/* question_file.h - a folder for one file of questions, and the set it is read into, for tests. */
#ifndef RAML_TESTS_TASK_QUESTION_FILE_H
#define RAML_TESTS_TASK_QUESTION_FILE_H

#include "core/file.h"
#include "raml/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    char dir[64], path[96];
    struct raml_questions qs;
    struct raml_fields fields;
    struct raml_err err;
};

static inline int open_fixture(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f) return -1;
    strcpy(f->dir, "/tmp/raml_questions_XXXXXX");
    if (!mkdtemp(f->dir)) return -1;
    snprintf(f->path, sizeof f->path, "%s/d.jsonl", f->dir);
    raml_questions_init(&f->qs);
    *state = f;
    return 0;
}

static inline int close_fixture(void **state)
{
    struct fixture *f = *state;
    raml_questions_deinit(&f->qs);
    int rc = raml_remove_tree(f->dir, NULL);
    free(f);
    return rc ? -1 : 0;
}

#endif
