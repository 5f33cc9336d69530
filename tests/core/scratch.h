/* scratch.h - a separate folder for a test's files, and short helpers to look at them. */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include "raml/err.h"
#include "core/file.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* True if text contains part; else prints both. */
static inline int has(const char *text, const char *part)
{
    if (strstr(text, part)) return 1;
    fprintf(stderr, "expected \"%s\" in \"%s\"\n", part, text);
    return 0;
}

static inline void must(enum raml_code rc, const struct raml_err *err)
{
    if (rc) fprintf(stderr, "unexpected error %d: %s\n", (int)rc, err->msg);
    assert_int_equal(rc, RAML_OK);
}

/* cmocka fixture: *state is the path of a new folder, removed by leave_scratch. In memory where there is such a file
 * system: these tests flush to disk thousands of times, which takes minutes on a real one. */
static inline int enter_scratch(void **state)
{
    const char *const bases[] = {getenv("TMPDIR"), "/dev/shm", "/tmp"};
    char *path = malloc(4096);
    *state = NULL;
    for (size_t i = 0; path && !*state && i < COUNT(bases); i++) {
        if (!bases[i] || !*bases[i]) continue;
        snprintf(path, 4096, "%s/raml-test-XXXXXX", bases[i]);
        *state = mkdtemp(path);
    }
    if (!*state) free(path);
    return *state ? 0 : -1;
}

static inline int leave_scratch(void **state)
{
    struct raml_err err = {0};
    int rc = raml_remove_tree(*state, &err) ? -1 : 0;
    free(*state);
    return rc;
}

/* dir/name, written to out. */
static inline const char *in(const char *dir, const char *name, char out[4200])
{
    if (snprintf(out, 4200, "%s/%s", dir, name) >= 4200) abort();
    return out;
}

/* The file's content, 0-terminated; the caller frees it. NULL when it cannot be read. */
static inline char *slurp(const char *path, size_t *n)
{
    struct raml_buf b;
    raml_buf_init(&b, (size_t)1 << 30);
    raml_buf_add(&b, "", 0);
    if (raml_file_read(path, &b, NULL)) {
        raml_buf_deinit(&b);
        return NULL;
    }
    if (n) *n = b.len;
    return raml_buf_take(&b);
}

/* Writes without any of the library's precautions. */
static inline void spill(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

#endif
