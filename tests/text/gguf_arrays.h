/* gguf_arrays.h - the vocabulary of a GGUF v3 file, for tests: token texts, types and merges. The file is a test
 * vector: its contents are trusted, its length is not. Include after cmocka's own headers. */
#ifndef RAML_TESTS_TEXT_GGUF_ARRAYS_H
#define RAML_TESTS_TEXT_GGUF_ARRAYS_H

#include "core/file.h"
#include "raml/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct gguf_arrays {
    struct raml_map map;
    size_t at;
    struct raml_str *token, *merge;
    int32_t *type;
    size_t n_tokens, n_merges;
};

static inline void gguf_need(const struct gguf_arrays *g, uint64_t n)
{
    if (n > g->map.size - g->at) fail_msg("the GGUF file ends at byte %zu", g->map.size);
}

static inline uint64_t gguf_number(struct gguf_arrays *g, size_t bytes)
{
    uint64_t x = 0;
    gguf_need(g, bytes);
    for (size_t i = bytes; i-- > 0;) x = x << 8 | g->map.data[g->at + i];
    g->at += bytes;
    return x;
}

static inline struct raml_str gguf_string(struct gguf_arrays *g)
{
    struct raml_str s = {NULL, gguf_number(g, 8)};
    gguf_need(g, s.n);
    s.s = (const char *)g->map.data + g->at;
    g->at += s.n;
    return s;
}

static inline struct raml_str *gguf_strings(struct gguf_arrays *g, uint64_t n)
{
    gguf_need(g, n);
    struct raml_str *s = calloc(n + 1, sizeof *s);
    assert_non_null(s);
    for (uint64_t i = 0; i < n; i++) s[i] = gguf_string(g);
    return s;
}

static inline void gguf_skip(struct gguf_arrays *g, uint64_t type)
{
    static const size_t bytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8}; /* 8: string, 9: array */
    assert_true(type < sizeof bytes / sizeof *bytes && type != 9);
    if (type == 8) (void)gguf_string(g);
    else (void)gguf_number(g, bytes[type]);
}

static inline bool gguf_named(struct raml_str key, const char *name)
{
    return key.n == strlen(name) && memcmp(key.s, name, key.n) == 0;
}

static inline void gguf_array(struct gguf_arrays *g, struct raml_str key)
{
    uint64_t type = gguf_number(g, 4), n = gguf_number(g, 8);
    if (gguf_named(key, "tokenizer.ggml.tokens")) {
        g->token = gguf_strings(g, n);
        g->n_tokens = n;
    } else if (gguf_named(key, "tokenizer.ggml.merges")) {
        g->merge = gguf_strings(g, n);
        g->n_merges = n;
    } else if (gguf_named(key, "tokenizer.ggml.token_type")) {
        gguf_need(g, n);
        g->type = calloc(n + 1, sizeof *g->type);
        assert_non_null(g->type);
        for (uint64_t i = 0; i < n; i++) g->type[i] = (int32_t)gguf_number(g, 4);
    } else {
        for (uint64_t i = 0; i < n; i++) gguf_skip(g, type);
    }
}

static inline void gguf_arrays_init(struct gguf_arrays *g, const char *path)
{
    struct raml_err err = {0};
    *g = (struct gguf_arrays){0};
    if (raml_map_init(&g->map, path, &err)) fail_msg("%s", err.msg);
    gguf_need(g, 16);
    g->at = 16;
    uint64_t n = gguf_number(g, 8);
    for (uint64_t i = 0; i < n; i++) {
        struct raml_str key = gguf_string(g);
        uint64_t type = gguf_number(g, 4);
        if (type == 9) gguf_array(g, key);
        else gguf_skip(g, type);
    }
    assert_true(g->token && g->type && g->merge);
}

static inline void gguf_arrays_deinit(struct gguf_arrays *g)
{
    free(g->token);
    free(g->merge);
    free(g->type);
    raml_map_deinit(&g->map);
}

#endif
