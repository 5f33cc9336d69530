/* fixture.h - a temporary folder and the built-in tokenizer. Include after cmocka's own headers. */
#ifndef RAML_TESTS_TEXT_FIXTURE_H
#define RAML_TESTS_TEXT_FIXTURE_H

#include "core/file.h"
#include "raml/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>

struct fixture {
    char dir[64], path[96]; /* path: dir/tokenizer.json */
    struct raml_tokenizer *bytes;
};

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (!f) return 1;
    *state = f;
    snprintf(f->dir, sizeof f->dir, "/tmp/raml-test-tokenizer-XXXXXX");
    if (!mkdtemp(f->dir)) return 1;
    snprintf(f->path, sizeof f->path, "%s/tokenizer.json", f->dir);
    return raml_tokenizer_bytes(&f->bytes, NULL) != RAML_OK;
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    raml_tokenizer_close(f->bytes);
    enum raml_code rc = raml_remove_tree(f->dir, NULL);
    free(f);
    return rc != RAML_OK;
}

#endif
