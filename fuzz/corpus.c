/* corpus.c - see corpus.h. */
#include "fuzz/corpus.h"

#include "fuzz/check.h"
#include "core/file.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_corpus_deinit(struct fuzz_corpus *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->seed[i].name);
        free(c->seed[i].data);
    }
    free(c->seed);
    *c = (struct fuzz_corpus){.n = 0};
}

void fuzz_seed_add(struct fuzz_corpus *c, const char *name, const void *data, size_t size)
{
    if (c->n == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 32;
        c->seed = realloc(c->seed, c->cap * sizeof *c->seed);
        FUZZ_CHECK(c->seed != NULL, "no memory for %zu seeds", c->cap);
    }
    struct fuzz_seed s = {.name = strdup(name), .data = malloc(size ? size : 1), .size = size, .valid = true};
    FUZZ_CHECK(s.name && s.data, "no memory for a seed of %zu bytes", size);
    memcpy(s.data, data, size);
    c->seed[c->n++] = s;
}

void fuzz_seed_text(struct fuzz_corpus *c, const char *name, const char *text)
{
    fuzz_seed_add(c, name, text, strlen(text));
}

void fuzz_seed_file(struct fuzz_corpus *c, const char *name, const char *path)
{
    struct raml_buf b;
    struct raml_err err = {0};
    raml_buf_init(&b, (size_t)1 << 30);
    FUZZ_MUST(raml_file_read(path, &b, &err), &err);
    fuzz_seed_add(c, name, b.data ? b.data : "", b.len);
    raml_buf_deinit(&b);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fuzz_seed *)a)->name, ((const struct fuzz_seed *)b)->name);
}

static bool read_file(struct fuzz_corpus *c, const char *name, const char *path, size_t max_bytes)
{
    struct raml_buf b;
    raml_buf_init(&b, max_bytes);
    bool ok = raml_file_read(path, &b, NULL) == RAML_OK;
    if (ok) {
        fuzz_seed_add(c, name, b.data ? b.data : "", b.len);
        c->seed[c->n - 1].valid = false;
    }
    raml_buf_deinit(&b);
    return ok;
}

/* A folder's files go by name, so that case i is the same on every file system. */
bool fuzz_corpus_read(struct fuzz_corpus *c, const char *path, size_t max_bytes)
{
    if (!raml_is_dir(path)) return read_file(c, path, path, max_bytes);
    DIR *dir = opendir(path);
    if (!dir) return false;
    size_t first = c->n;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char file[4096];
        if (snprintf(file, sizeof file, "%s/%s", path, e->d_name) >= (int)sizeof file || !raml_is_file(file)) continue;
        if (!read_file(c, e->d_name, file, max_bytes))
            fprintf(stderr, "raml-fuzz: %s: left out: it cannot be read, or is longer than %zu bytes\n", file,
                    max_bytes);
    }
    closedir(dir);
    if (c->n > first) qsort(c->seed + first, c->n - first, sizeof *c->seed, by_name);
    return true;
}

bool fuzz_corpus_write(const struct fuzz_corpus *c, const char *dir)
{
    struct raml_err err = {0};
    enum raml_code rc = raml_make_dir(dir, &err);
    for (size_t i = 0; !rc && i < c->n; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, c->seed[i].name);
        rc = raml_file_write(path, c->seed[i].data, c->seed[i].size, &err);
    }
    if (rc) fprintf(stderr, "raml-fuzz: %s\n", err.msg);
    return !rc;
}
