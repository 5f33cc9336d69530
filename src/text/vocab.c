/* vocab.c - tokenizer.json into pieces, added tokens and merges (vocab.h). The file is not trusted: each claim is
 * checked before it is used, and what would change the ids but is not understood is refused. */
#include "text/source.h"

#include "core/file.h"
#include "text/added.h"
#include "text/metaspace.h"
#include "text/normal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_IDS = 1 << 22,    /* largest id + 1: the largest vocabularies in use have 2^18 tokens */
    MAX_MERGES = 1 << 24, /* bpe_queue.h; the longest lists in use have 2^20 */
    MAX_PIECE_BYTES = 1 << 16
};

static enum raml_code check_model(const struct raml_source *s, const json_t *model)
{
    if (!json_is_object(model))
        return raml_fail(s->err, RAML_EFORMAT, "%s: field 'model' is missing or not an object", s->at.path);
    const char *type = "";
    enum raml_code rc = raml_json_str(&s->at, model, "type", &type, NULL, s->err);
    if (rc) return raml_wrap(s->err, rc, "field 'model'");
    if (strcmp(type, "BPE") != 0) {
        char found[RAML_SHOWN_BYTES + 8];
        snprintf(found, sizeof found, "'%s'", raml_show(type).text);
        return raml_refuse(s, "model.type", found, "'BPE'");
    }
    static const char *const off[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < sizeof off / sizeof *off && !rc; i++) rc = raml_need_off(s, model, "model.", off[i]);
    if (!rc) rc = raml_read_flag(s, model, "model.", "byte_fallback", false, &s->t->byte_fallback);
    if (!rc) rc = raml_read_flag(s, model, "model.", "ignore_merges", false, &s->t->ignore_merges);
    return rc;
}

/* ---- pieces ----------------------------------------------------------------------------------------------------- */

static enum raml_code check_id(const struct raml_source *s, const char *token, const json_t *v, int32_t *id)
{
    if (!json_is_integer(v))
        return raml_fail(s->err, RAML_EFORMAT, "%s: the id of token '%s' is not an integer", s->at.path,
                         raml_show(token).text);
    json_int_t x = json_integer_value(v);
    if (x < 0 || x >= MAX_IDS)
        return raml_fail(s->err, RAML_ERANGE, "%s: the id of token '%s' is %lld; expected 0 to %d", s->at.path,
                         raml_show(token).text, (long long)x, MAX_IDS - 1);
    *id = (int32_t)x;
    if (*id >= s->t->size) s->t->size = *id + 1;
    return RAML_OK;
}

static enum raml_code check_text(const struct raml_source *s, const char *token)
{
    size_t n = strlen(token);
    if (n > 0 && n <= MAX_PIECE_BYTES) return RAML_OK;
    return raml_fail(s->err, RAML_EFORMAT, "%s: token '%s' has %zu bytes; expected 1 to %d", s->at.path,
                     raml_show(token).text, n, MAX_PIECE_BYTES);
}

/* Checks all ids and texts, sets t->size and allocates the pieces. */
static enum raml_code measure(const struct raml_source *s, const json_t *added)
{
    enum raml_code rc = RAML_OK;
    int32_t id;
    for (void *it = json_object_iter((json_t *)s->vocab); it && !rc;
         it = json_object_iter_next((json_t *)s->vocab, it)) {
        const char *token = json_object_iter_key(it);
        rc = check_text(s, token);
        if (!rc) rc = check_id(s, token, json_object_iter_value(it), &id);
    }
    for (size_t i = 0; i < json_array_size(added) && !rc; i++) {
        const json_t *a = json_array_get(added, i);
        const char *token = json_string_value(json_object_get(a, "content"));
        if (!token)
            return raml_fail(s->err, RAML_EFORMAT, "%s: field 'added_tokens[%zu].content' is not a string", s->at.path,
                             i);
        rc = check_text(s, token);
        if (!rc) rc = check_id(s, token, json_object_get(a, "id"), &id);
    }
    if (rc) return rc;
    s->t->piece = calloc((size_t)s->t->size + 1, sizeof *s->t->piece);
    return s->t->piece ? RAML_OK : raml_fail(s->err, RAML_ENOMEM, "%s: no memory for its tokens", s->at.path);
}

static enum raml_code fail_taken(const struct raml_source *s, const char *token, int32_t id)
{
    return raml_fail(s->err, RAML_EFORMAT, "%s: token '%s' has id %d, which belongs to another token too", s->at.path,
                     raml_show(token).text, (int)id);
}

static enum raml_code read_vocab(const struct raml_source *s)
{
    struct raml_tokenizer *t = s->t;
    for (void *it = json_object_iter((json_t *)s->vocab); it; it = json_object_iter_next((json_t *)s->vocab, it)) {
        const char *token = json_object_iter_key(it);
        int32_t id = (int32_t)json_integer_value(json_object_iter_value(it));
        if (t->piece[id].kind != RAML_PIECE_NONE) return fail_taken(s, token, id);
        size_t start = t->pool.len;
        bool byte = false, apart = t->byte_fallback && strchr(token, ' ');
        if (t->byte_fallback) raml_metaspace_piece(token, &t->pool, &byte);
        else raml_chars_to_bytes(token, strlen(token), &t->pool);
        uint8_t kind = byte ? RAML_PIECE_BYTE : apart ? RAML_PIECE_APART : RAML_PIECE_PLAIN;
        t->piece[id] = (struct raml_piece){start, (uint32_t)(t->pool.len - start), kind, 0, 0};
    }
    return raml_buf_status(&t->pool, s->err);
}

/* Which words are tokens; the lowest id, where two are the same word. */
static enum raml_code index_words(const struct raml_source *s)
{
    struct raml_tokenizer *t = s->t;
    t->whole = calloc((size_t)t->size + 1, sizeof *t->whole);
    bool ok = t->whole && raml_hash_map_reserve(&t->words, (size_t)t->size);
    for (int32_t id = 0; ok && id < t->size; id++) {
        const struct raml_piece *p = &t->piece[id];
        if (p->kind != RAML_PIECE_PLAIN) continue; /* no added token is known yet */
        const unsigned char *word = (const unsigned char *)t->pool.data + p->start;
        if (raml_find_word(t, word, p->len) < 0)
            ok = raml_hash_map_add(&t->words, raml_hash(word, p->len, 0), (uint32_t)id);
    }
    t->has_words = ok;
    return ok ? RAML_OK : raml_fail(s->err, RAML_ENOMEM, "%s: no memory for its tokens", s->at.path);
}

struct added { /* for sorting */
    const char *content;
    int32_t id;
};

static int by_content(const void *a, const void *b)
{
    return strcmp(((const struct added *)a)->content, ((const struct added *)b)->content);
}

/* A token that is matched in normalized text must be normalized itself. */
static enum raml_code check_normal(const struct raml_source *s, const char *content, const char *in)
{
    struct raml_buf normal;
    raml_buf_init(&normal, MAX_PIECE_BYTES * 4);
    enum raml_code rc = raml_nfc((const unsigned char *)content, strlen(content), &normal, NULL, s->err);
    char field[80];
    snprintf(field, sizeof field, "%scontent", in);
    if (!rc && strcmp(normal.data, content) != 0)
        rc = raml_refuse(s, field, "marked as normalized, and not in form NFC", "those in form NFC");
    raml_buf_deinit(&normal);
    return rc;
}

/* One entry of added_tokens. It may repeat an entry of the vocabulary, with the same id. */
static enum raml_code read_added_one(const struct raml_source *s, const json_t *a, size_t i, struct added *out)
{
    struct raml_tokenizer *t = s->t;
    static const struct {
        const char *field;
        uint8_t bit;
    } borders[] = {
        {"lstrip", RAML_BORDER_LSTRIP}, {"rstrip", RAML_BORDER_RSTRIP}, {"single_word", RAML_BORDER_SINGLE_WORD}};
    char in[64];
    snprintf(in, sizeof in, "added_tokens[%zu].", i);
    bool special = false, normalized = false, set = false;
    uint8_t border = 0;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; k < sizeof borders / sizeof *borders && !rc; k++) {
        rc = raml_read_flag(s, a, in, borders[k].field, false, &set);
        if (set) border |= borders[k].bit;
    }
    if (!rc) rc = raml_read_flag(s, a, in, "special", false, &special);
    if (!rc) rc = raml_read_flag(s, a, in, "normalized", false, &normalized);
    if (rc) return rc;
    *out = (struct added){json_string_value(json_object_get(a, "content")),
                          (int32_t)json_integer_value(json_object_get(a, "id"))};
    const json_t *same = json_object_get(s->vocab, out->content);
    if (same && json_integer_value(same) != out->id)
        return raml_fail(s->err, RAML_EFORMAT, "%s: token '%s' has id %d in added_tokens and %lld in model.vocab",
                         s->at.path, raml_show(out->content).text, (int)out->id, (long long)json_integer_value(same));
    if (!same && t->piece[out->id].kind != RAML_PIECE_NONE) return fail_taken(s, out->content, out->id);
    size_t start = t->pool.len, n = strlen(out->content);
    raml_buf_add(&t->pool, out->content, n);
    t->piece[out->id] =
        (struct raml_piece){start, (uint32_t)n, special ? RAML_PIECE_SPECIAL : RAML_PIECE_ADDED, normalized, border};
    t->starts_added[normalized][(unsigned char)out->content[0]] = true;
    if (normalized && t->prefix == RAML_PREFIX_ALWAYS) { /* its text would be matched with a space before it */
        snprintf(in + strlen(in), sizeof in - strlen(in), "normalized");
        return raml_refuse(s, in, "true", "false where a normalizer changes spaces");
    }
    return normalized && t->nfc ? check_normal(s, out->content, in) : RAML_OK;
}

static enum raml_code read_added(const struct raml_source *s, const json_t *added)
{
    size_t n = json_array_size(added);
    struct added *list = malloc((n + 1) * sizeof *list);
    s->t->added = malloc((n + 1) * sizeof *s->t->added);
    enum raml_code rc = RAML_OK;
    if (!list || !s->t->added) rc = raml_fail(s->err, RAML_ENOMEM, "%s: no memory for its tokens", s->at.path);
    for (size_t i = 0; i < n && !rc; i++) rc = read_added_one(s, json_array_get(added, i), i, &list[i]);
    if (!rc) {
        qsort(list, n, sizeof *list, by_content);
        for (size_t i = 1; i < n && !rc; i++)
            if (strcmp(list[i - 1].content, list[i].content) == 0)
                rc = raml_fail(s->err, RAML_EFORMAT, "%s: token '%s' is in added_tokens twice", s->at.path,
                               raml_show(list[i].content).text);
        for (size_t i = 0; i < n; i++) s->t->added[i] = list[i].id;
        s->t->n_added = n;
    }
    free(list);
    return rc ? rc : raml_buf_status(&s->t->pool, s->err);
}

/* The token that stands for bytes without one; -1: none, and they are left out of a word, as `tokenizers` does. */
static enum raml_code find_unknown(const struct raml_source *s, const json_t *model, int32_t *id)
{
    const json_t *unk = json_object_get(model, "unk_token");
    bool fuse = false;
    *id = -1;
    if (!json_is_string(unk)) return RAML_OK;
    const json_t *v = json_object_get(s->vocab, json_string_value(unk));
    enum raml_code rc = raml_read_flag(s, model, "model.", "fuse_unk", false, &fuse);
    if (rc) return rc;
    if (!v)
        return raml_fail(s->err, RAML_EFORMAT, "%s: model.vocab lacks model.unk_token, '%s'", s->at.path,
                         raml_show(json_string_value(unk)).text);
    if (fuse) return raml_refuse(s, "model.fuse_unk", "true", "false in a vocabulary that lacks tokens of bytes");
    *id = (int32_t)json_integer_value(v);
    return RAML_OK;
}

/* Bytes that a vocabulary's training text did not contain have no token in it (SmolLM2's: some control characters, and
 * f1 and f2, with which characters begin that Unicode has not assigned). One that can't spell ASCII is a broken file. */
static enum raml_code lacks_byte(const struct raml_source *s, const json_t *model, unsigned byte, const char *c)
{
    bool ascii = byte == '\n' || (byte >= ' ' && byte < 0x7f);
    int32_t unknown = -1;
    if (!raml_never_in_utf8(byte)) {
        enum raml_code rc = s->t->byte_fallback ? RAML_OK : find_unknown(s, model, &unknown);
        if (rc) return rc;
        if (unknown < 0 && (ascii || s->t->byte_fallback))
            return raml_fail(s->err, RAML_EFORMAT, "%s: model.vocab has no token '%s' for byte 0x%02x", s->at.path, c,
                             byte);
    }
    s->t->byte[byte] = unknown;
    s->t->lacks_bytes = true;
    return RAML_OK;
}

static enum raml_code find_bytes(const struct raml_source *s, const json_t *model)
{
    enum raml_code rc = RAML_OK;
    for (unsigned b = 0; b < 256 && !rc; b++) {
        char c[8] = {0};
        if (s->t->byte_fallback) snprintf(c, sizeof c, "<0x%02X>", b);
        else raml_byte_to_char((unsigned char)b, c);
        const json_t *v = json_object_get(s->vocab, c);
        if (!v) {
            rc = lacks_byte(s, model, b, c);
            continue;
        }
        s->t->byte[b] = (int32_t)json_integer_value(v);
        const struct raml_piece *piece = &s->t->piece[s->t->byte[b]];
        bool same = piece->len == 1 && (unsigned char)s->t->pool.data[piece->start] == b;
        if (s->t->byte_fallback ? piece->kind != RAML_PIECE_BYTE : !same) /* "h" may be an added token too */
            rc =
                raml_refuse(s, "added_tokens", "naming one of the 256 byte tokens", "files that leave those unchanged");
    }
    return rc;
}

/* ---- merges ----------------------------------------------------------------------------------------------------- */

static enum raml_code find_token(const struct raml_source *s, const char *token, size_t i, int32_t *id)
{
    const json_t *v = json_object_get(s->vocab, token);
    if (!v)
        return raml_fail(s->err, RAML_EFORMAT, "%s: model.merges[%zu] needs token '%s', which model.vocab lacks",
                         s->at.path, i, raml_show(token).text);
    *id = (int32_t)json_integer_value(v);
    return RAML_OK;
}

/* Notes which bytes the merge of these texts joins; with byte_fallback, where the texts of byte tokens are not the
 * bytes themselves, any. */
static void note_join(struct raml_tokenizer *t, const char *left, const char *right, struct raml_buf *scratch)
{
    if (t->byte_fallback) {
        memset(t->joins, 0xff, sizeof t->joins);
        return;
    }
    raml_buf_clear(scratch);
    raml_chars_to_bytes(left, strlen(left), scratch);
    size_t n = scratch->len;
    raml_chars_to_bytes(right, strlen(right), scratch);
    if (!n || scratch->len == n) return;
    unsigned char x = (unsigned char)scratch->data[n - 1], y = (unsigned char)scratch->data[n];
    t->joins[x][y / 64] |= (uint64_t)1 << (y % 64);
}

/* Merge i: "left right", or ["left", "right"]. left, both: scratch. */
static enum raml_code read_merge(const struct raml_source *s, const json_t *v, size_t i, struct raml_buf *left,
                                 struct raml_buf *both)
{
    const char *l = json_string_value(json_array_get(v, 0)), *r = json_string_value(json_array_get(v, 1));
    if (json_is_string(v)) {
        const char *space = strchr(json_string_value(v), ' ');
        if (space && !strchr(space + 1, ' ')) {
            raml_buf_clear(left);
            raml_buf_add(left, json_string_value(v), (size_t)(space - json_string_value(v)));
            l = left->data;
            r = space + 1;
        }
    } else if (json_array_size(v) != 2) {
        l = NULL;
    }
    if (!l || !r || !*l || !*r)
        return raml_fail(s->err, RAML_EFORMAT, "%s: model.merges[%zu] is not a pair of tokens", s->at.path, i);
    raml_buf_clear(both);
    raml_buf_adds(both, l);
    raml_buf_adds(both, r);
    struct raml_merge *m = &s->t->merge[i];
    m->rank = (uint32_t)i;
    enum raml_code rc = raml_buf_status(both, s->err);
    if (!rc) rc = find_token(s, l, i, &m->left);
    if (!rc) rc = find_token(s, r, i, &m->right);
    if (!rc) rc = find_token(s, both->data, i, &m->to);
    if (!rc) note_join(s->t, l, r, both);
    if (!rc) rc = raml_buf_status(both, s->err);
    return rc;
}

/* Which pairs are merges. */
static enum raml_code index_merges(const struct raml_source *s)
{
    struct raml_tokenizer *t = s->t;
    bool ok = raml_hash_map_reserve(&t->pairs, t->n_merges);
    for (uint32_t i = 0; ok && i < t->n_merges; i++) {
        const struct raml_merge *m = &t->merge[i], *same = raml_find_merge(t, m->left, m->right);
        if (same)
            return raml_fail(s->err, RAML_EFORMAT, "%s: model.merges[%u] and model.merges[%u] are the same pair",
                             s->at.path, same->rank, m->rank);
        ok = raml_hash_map_add(&t->pairs, raml_pair_hash(m->left, m->right), i);
    }
    return ok ? RAML_OK : raml_fail(s->err, RAML_ENOMEM, "%s: no memory for merges", s->at.path);
}

static enum raml_code read_merges(const struct raml_source *s, const json_t *merges)
{
    struct raml_tokenizer *t = s->t;
    size_t n = json_array_size(merges);
    if (!n) return RAML_OK;
    if (n > MAX_MERGES)
        return raml_fail(s->err, RAML_ERANGE, "%s: model.merges has %zu entries; expected at most %d", s->at.path, n,
                         MAX_MERGES);
    t->merge = calloc(n, sizeof *t->merge);
    if (!t->merge) return raml_fail(s->err, RAML_ENOMEM, "%s: no memory for merges", s->at.path);
    t->n_merges = n;
    struct raml_buf left, both;
    raml_buf_init(&left, t->text.len);
    raml_buf_init(&both, t->text.len);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = read_merge(s, json_array_get(merges, i), i, &left, &both);
    raml_buf_deinit(&left);
    raml_buf_deinit(&both);
    return rc ? rc : index_merges(s);
}

/* ----------------------------------------------------------------------------------------------------------------- */

static enum raml_code parse_root(struct raml_source *s, const json_t *root)
{
    const json_t *model = json_object_get(root, "model"), *added = json_object_get(root, "added_tokens");
    json_t *merges = NULL;
    enum raml_code rc = check_model(s, model);
    if (!rc) rc = raml_read_settings(s, root);
    if (rc) return rc;
    s->vocab = json_object_get(model, "vocab");
    if (!json_is_object(s->vocab))
        return raml_fail(s->err, RAML_EFORMAT, "%s: field 'model.vocab' is missing or not an object", s->at.path);
    if (!raml_absent(added) && !json_is_array(added))
        return raml_fail(s->err, RAML_EFORMAT, "%s: field 'added_tokens' is not an array", s->at.path);
    rc = raml_json_array(&s->at, model, "merges", &merges, s->err);
    if (rc) return raml_wrap(s->err, rc, "field 'model'");
    rc = measure(s, added);
    if (!rc) rc = read_vocab(s);
    if (!rc && (s->t->ignore_merges || s->t->byte_fallback || json_array_size(merges))) rc = index_words(s);
    if (!rc) rc = read_added(s, added);
    if (!rc) rc = find_bytes(s, model);
    if (!rc) rc = read_merges(s, merges);
    return rc;
}

/* Takes root, of which t->text is the text. */
static enum raml_code read_root(struct raml_source *s, json_t *root, const void *config)
{
    struct raml_tokenizer *t = s->t;
    bool more = false;
    enum raml_code rc = RAML_OK;
    raml_added_number(root);
    if (config) rc = raml_added_complete(s, root, config, &more);
    if (!rc && more) {
        raml_buf_clear(&t->text);
        raml_json_add(&t->text, root);
        rc = raml_buf_status(&t->text, s->err);
    }
    raml_buf_init(&t->pool, t->text.len);
    if (!rc) rc = parse_root(s, root);
    json_decref(root);
    return rc;
}

enum raml_code raml_vocab_parse(struct raml_tokenizer *t, const char *path, const void *config, struct raml_err *err)
{
    struct raml_source s = {.t = t, .at = {path, 0}, .err = err};
    json_t *root = NULL;
    enum raml_code rc = raml_json_parse_as(&s.at, t->text.data, t->text.len, RAML_JSON_SOUND_TEXTS, &root, err);
    return rc ? rc : read_root(&s, root, config);
}

enum raml_code raml_vocab_read(struct raml_tokenizer *t, const char *path, void *root, struct raml_err *err)
{
    struct raml_source s = {.t = t, .at = {path, 0}, .err = err};
    return read_root(&s, root, NULL);
}
