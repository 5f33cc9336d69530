/* tokenizer.c - see tokenizer.h. */
#include "raml/tokenizer.h"

#include "core/array.h"
#include "text/metaspace.h"
#include "text/pattern.h"
#include "core/file.h"
#include "core/json.h"
#include "core/utf8.h"
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

enum raml_code raml_tokenizer_open_text(struct raml_buf *text, const char *path, struct raml_tokenizer **out,
                                        struct raml_err *err)
{
    return raml_tokenizer_open_with(text, path, NULL, out, err);
}

enum raml_code raml_tokenizer_open_with(struct raml_buf *text, const char *path, const void *config,
                                        struct raml_tokenizer **out, struct raml_err *err)
{
    struct raml_tokenizer *t = calloc(1, sizeof *t);
    if (!t) {
        raml_buf_deinit(text);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for a tokenizer", path);
    }
    t->text = *text;
    enum raml_code rc = raml_vocab_parse(t, path, config, err);
    if (rc) raml_tokenizer_close(t);
    else *out = t;
    return rc;
}

enum raml_code raml_tokenizer_open_root(struct raml_buf *text, void *root, const char *path,
                                        struct raml_tokenizer **out, struct raml_err *err)
{
    struct raml_tokenizer *t = calloc(1, sizeof *t);
    if (!t) {
        raml_buf_deinit(text);
        json_decref(root);
        return raml_fail(err, RAML_ENOMEM, "%s: no memory for a tokenizer", path);
    }
    t->text = *text;
    enum raml_code rc = raml_vocab_read(t, path, root, err);
    if (rc) raml_tokenizer_close(t);
    else *out = t;
    return rc;
}

enum raml_code raml_tokenizer_bytes(struct raml_tokenizer **out, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, 1 << 16);
    enum raml_code rc = raml_vocab_builtin(&text, err);
    if (rc) {
        raml_buf_deinit(&text);
        return rc;
    }
    return raml_tokenizer_open_text(&text, "(built-in tokenizer)", out, err);
}

enum raml_code raml_tokenizer_save(const struct raml_tokenizer *t, const char *path, struct raml_err *err)
{
    return raml_file_write(path, t->text.data, t->text.len, err);
}

void raml_tokenizer_close(struct raml_tokenizer *t)
{
    if (!t) return;
    raml_buf_deinit(&t->text);
    raml_buf_deinit(&t->pool);
    free(t->piece);
    free(t->added);
    free(t->merge);
    raml_hash_map_deinit(&t->pairs);
    raml_hash_map_deinit(&t->words);
    free((void *)t->whole);
    raml_patterns_close(t->patterns);
    raml_patterns_close(t->after_space);
    free(t->begin);
    free(t);
}

const char *raml_tokenizer_begin(const struct raml_tokenizer *t)
{
    return t->begin;
}

int32_t raml_tokenizer_size(const struct raml_tokenizer *t)
{
    return t->size;
}

int raml_tokenizer_lacks_bytes(const struct raml_tokenizer *t)
{
    int n = 0;
    for (unsigned b = 0; b < 256; b++) {
        if (raml_never_in_utf8(b)) continue;
        const struct raml_piece *p = t->byte[b] < 0 ? NULL : &t->piece[t->byte[b]];
        n += !p || (p->kind != RAML_PIECE_BYTE && (p->len != 1 || (unsigned char)t->pool.data[p->start] != b));
    }
    return n;
}

static bool piece_is(const struct raml_tokenizer *t, int32_t id, const char *text, size_t n)
{
    const struct raml_piece *p = &t->piece[id];
    return p->kind != RAML_PIECE_NONE && p->len == n && memcmp(t->pool.data + p->start, text, n) == 0;
}

int32_t raml_tokenizer_id(const struct raml_tokenizer *t, const char *token)
{
    size_t n = strlen(token);
    for (size_t i = 0; i < t->n_added; i++)
        if (piece_is(t, t->added[i], token, n)) return t->added[i];
    for (int32_t id = 0; id < t->size; id++)
        if (piece_is(t, id, token, n)) return id;
    return -1;
}

bool raml_tokenizer_is_special(const struct raml_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->size && t->piece[id].kind == RAML_PIECE_SPECIAL;
}

enum raml_code raml_tokenizer_piece(const struct raml_tokenizer *t, int32_t id, const char **bytes, size_t *len,
                                    struct raml_err *err)
{
    if (id < 0 || id >= t->size)
        return raml_fail(err, RAML_ERANGE, "token id %d is outside the vocabulary: 0 to %d", (int)id, (int)t->size - 1);
    const struct raml_piece *p = &t->piece[id];
    if (p->kind == RAML_PIECE_NONE)
        return raml_fail(err, RAML_ERANGE, "the vocabulary has no token with id %d", (int)id);
    *bytes = t->pool.data + p->start;
    *len = p->len;
    return RAML_OK;
}

/* Bytes of a character without a token, which begin at `from`: as `tokenizers` writes them, each is U+FFFD unless all are
 * text together. */
static void end_bytes(struct raml_buf *out, size_t from, bool *open)
{
    size_t n = out->len - from;
    if (!*open || raml_buf_status(out, NULL)) return;
    *open = false;
    if (raml_utf8_valid((const unsigned char *)out->data + from, n) == n) return;
    out->data[out->len = from] = 0;
    for (size_t i = 0; i < n; i++) raml_buf_adds(out, "\xef\xbf\xbd");
}

enum raml_code raml_tokenizer_decode(const struct raml_tokenizer *t, const int32_t *id, size_t n, bool keep_special,
                                     struct raml_buf *out, struct raml_err *err)
{
    size_t before = out->len, len, from = before;
    bool open = false; /* out[from ..) is a run of byte tokens */
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) {
        const char *bytes;
        rc = raml_tokenizer_piece(t, id[i], &bytes, &len, err);
        if (rc) {
            rc = raml_wrap(err, rc, "token %zu of %zu", i, n);
            break;
        }
        if (!keep_special && raml_tokenizer_is_special(t, id[i])) continue;
        bool byte = t->piece[id[i]].kind == RAML_PIECE_BYTE;
        if (!byte) end_bytes(out, from, &open);
        else if (!open) from = out->len;
        open = byte;
        if (t->byte_fallback && t->piece[id[i]].kind >= RAML_PIECE_ADDED) raml_metaspace_text(bytes, len, out);
        else raml_buf_add(out, bytes, len);
    }
    if (!rc) end_bytes(out, from, &open);
    if (!rc) rc = raml_buf_status(out, err);
    if (!rc && t->strip_first && out->len > before && out->data[before] == ' ') {
        out->len--;
        memmove(out->data + before, out->data + before + 1, out->len - before + 1);
    }
    if (rc && out->data) out->data[out->len = before] = 0;
    return rc;
}

size_t raml_tokenizer_settled(const struct raml_tokenizer *t, const int32_t *id, size_t n)
{
    size_t keep = n;
    for (; n && id[n - 1] >= 0 && id[n - 1] < t->size; n--) {
        uint8_t kind = t->piece[id[n - 1]].kind;
        if (kind == RAML_PIECE_BYTE) keep = n - 1;
        else if (kind != RAML_PIECE_SPECIAL) break;
    }
    return keep;
}
