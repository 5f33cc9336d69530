/* memory.c - see memory.h. Part of the program alone, which is linked with --wrap=malloc and so on (CMakeLists.txt): the
 * linker then has raml's own calls of malloc come here, under the names below. Those of shared libraries do not; jansson,
 * FLINT, MPFR and GMP are given functions that note theirs, and the others answer with an error of their own. */
#include "cli/memory.h"

#include "core/json.h"
#include "core/memory.h"
#include "raml/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker's names */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);

void *__wrap_malloc(size_t n)
{
    void *p = __real_malloc(n);
    if (!p && n) raml_memory_note(n);
    return p;
}

void *__wrap_calloc(size_t n, size_t size)
{
    void *p = __real_calloc(n, size);
    if (!p && n && size) raml_memory_note(n * size);
    return p;
}

void *__wrap_realloc(void *old, size_t n)
{
    void *p = __real_realloc(old, n);
    if (!p && n) raml_memory_note(n);
    return p;
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    void *p = __real_aligned_alloc(align, n);
    if (!p && n) raml_memory_note(n);
    return p;
}

char *__wrap_strndup(const char *text, size_t n)
{
    size_t len = strnlen(text, n);
    char *p = __wrap_malloc(len + 1);
    if (!p) return NULL;
    memcpy(p, text, len);
    p[len] = 0;
    return p;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

void cli_memory_guard(void)
{
    raml_memory_strict();
    raml_json_guard();
    raml_answer_guard();
}

enum raml_code cli_memory_result(enum raml_code rc, struct raml_err *err)
{
    if (!raml_memory_noted() || rc == RAML_ENOMEM || rc == RAML_ESTOP) return rc;
    char what[64] = "memory ran out";
    if (raml_memory_first())
        snprintf(what, sizeof what, "memory ran out (%zu bytes could not be had)", raml_memory_first());
    if (rc == RAML_EIO) return raml_wrap(err, rc, "%s", what);
    /* Whatever else went wrong came of it: a text that was not read whole is not bad input. */
    return raml_fail(err, RAML_ENOMEM, "%s; the result is not whole", what);
}
