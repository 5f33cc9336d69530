/* sentencepiece.c - see sentencepiece.h. Order of the merges: generate_merges of transformers 5.24. */
#include "text/sentencepiece.h"

#include "core/array.h"
#include "core/file.h"
#include "core/hash_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define METASPACE "\xe2\x96\x81" /* U+2581 */

enum { MAX_PIECE = 512 }; /* bytes of a piece that is merged; SentencePiece's own limit is 16 characters, 48 bytes */

json_t *raml_spm_root(bool space_prefix, const char *unknown)
{
    json_t *replace = json_pack("{ss s{ss} ss}", "type", "Replace", "pattern", "String", " ", "content", METASPACE);
    json_t *pre = NULL, *normalizer = NULL;
    if (space_prefix) {
        normalizer = json_pack("{ss s[{ss ss} o]}", "type", "Sequence", "normalizers", "type", "Prepend", "prepend",
                               METASPACE, replace);
        pre = json_null();
    } else {
        normalizer = replace;
        pre = json_pack("{ss s{ss} ss sb}", "type", "Split", "pattern", "String", " ", "behavior", "MergedWithPrevious",
                        "invert", 0);
    }
    json_t *decoders = json_pack("[{ss s{ss} ss} {ss} {ss}]", "type", "Replace", "pattern", "String", METASPACE,
                                 "content", " ", "type", "ByteFallback", "type", "Fuse");
    json_t *strip =
        space_prefix ? json_pack("{ss ss si si}", "type", "Strip", "content", " ", "start", 1, "stop", 0) : NULL;
    bool good = decoders && (!space_prefix || !json_array_append_new(decoders, strip));
    json_t *model = json_pack("{ss sn sn sn sn sb sb sb s{} s[]}", "type", "BPE", "dropout", "unk_token",
                              "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 1, "byte_fallback", 1,
                              "ignore_merges", 0, "vocab", "merges");
    if (unknown) good = good && !json_object_set_new(model, "unk_token", json_string(unknown));
    json_t *root = json_pack("{ss sn sn s[] so so sn s{ss so} so}", "version", "1.0", "truncation", "padding",
                             "added_tokens", "normalizer", normalizer, "pre_tokenizer", pre, "post_processor",
                             "decoder", "type", "Sequence", "decoders", decoders, "model", model);
    if (good) return root;
    json_decref(root);
    return NULL;
}

/* ---- merges ------------------------------------------------------------------------------------------------------ */

struct cut { /* a piece as two others */
    float score;
    uint32_t piece, left, right;
    uint16_t n_left, n_right; /* characters */
};

struct pieces { /* the normal ones by text */
    const struct raml_tokenizer_parts *p;
    struct raml_hash_map map;
};

static int32_t find(const struct pieces *x, const char *text, size_t n)
{
    uint64_t hash = raml_hash(text, n, 0);
    uint32_t id;
    for (size_t step = 0; (id = raml_hash_map_next(&x->map, hash, &step)) != RAML_HASH_NONE;)
        if (x->p->token[id].n == n && !memcmp(x->p->token[id].s, text, n)) return (int32_t)id;
    return -1;
}

static bool is_normal(const struct raml_tokenizer_parts *p, size_t i)
{
    return !p->type || p->type[i] == RAML_GGUF_NORMAL;
}

/* Falling score, then the longer left half, then the longer right half; else by id, as they were found. */
static int by_order(const void *a, const void *b)
{
    const struct cut *x = a, *y = b;
    if (x->score > y->score || x->score < y->score) return x->score > y->score ? -1 : 1;
    if (x->n_left != y->n_left) return x->n_left > y->n_left ? -1 : 1;
    if (x->n_right != y->n_right) return x->n_right > y->n_right ? -1 : 1;
    if (x->piece != y->piece) return x->piece < y->piece ? -1 : 1;
    if (x->left != y->left) return x->left < y->left ? -1 : 1;
    return (x->right > y->right) - (x->right < y->right);
}

struct cuts {
    struct cut *cut;
    size_t n, cap;
};

static enum raml_code cut_piece(const struct pieces *x, size_t i, struct cuts *out, struct raml_err *err)
{
    const struct raml_str *s = &x->p->token[i];
    size_t chars = 0, left = 0;
    enum raml_code rc = RAML_OK;
    if (s->n > MAX_PIECE)
        return raml_fail(err, RAML_ESUPPORT, "%s: token %zu has %zu bytes; expected at most %d", x->p->name, i, s->n,
                         MAX_PIECE);
    for (size_t k = 0; k < s->n; k++) chars += ((unsigned char)s->s[k] & 0xc0) != 0x80;
    for (size_t k = 1; k < s->n && !rc; k++) {
        if (((unsigned char)s->s[k] & 0xc0) == 0x80) continue;
        left++;
        int32_t l = find(x, s->s, k), r = l < 0 ? -1 : find(x, s->s + k, s->n - k);
        if (r < 0) continue;
        rc = RAML_GROW(out->cut, out->cap, out->n + 1, "merges", err);
        if (!rc)
            out->cut[out->n++] = (struct cut){x->p->score[i], (uint32_t)i,    (uint32_t)l,
                                              (uint32_t)r,    (uint16_t)left, (uint16_t)(chars - left)};
    }
    return rc;
}

static enum raml_code add_merges(const struct pieces *x, const struct cuts *c, json_t *merges, struct raml_err *err)
{
    char text[2 * MAX_PIECE + 2];
    for (size_t i = 0; i < c->n; i++) {
        const struct raml_str *l = &x->p->token[c->cut[i].left], *r = &x->p->token[c->cut[i].right];
        memcpy(text, l->s, l->n);
        text[l->n] = ' ';
        memcpy(text + l->n + 1, r->s, r->n);
        if (json_array_append_new(merges, json_stringn(text, l->n + 1 + r->n)))
            return raml_fail(err, RAML_ENOMEM, "%s: no memory for its merges", x->p->name);
    }
    return RAML_OK;
}

enum raml_code raml_spm_merges(const struct raml_tokenizer_parts *p, json_t *merges, struct raml_err *err)
{
    struct pieces x = {.p = p};
    struct cuts c = {0};
    bool ok = raml_hash_map_reserve(&x.map, p->n_tokens);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; ok && i < p->n_tokens; i++) {
        if (!isfinite(p->score[i])) {
            rc = raml_fail(err, RAML_ERANGE, "%s: the score of token %zu is not a number", p->name, i);
            goto end;
        }
        if (is_normal(p, i)) ok = raml_hash_map_add(&x.map, raml_hash(p->token[i].s, p->token[i].n, 0), (uint32_t)i);
    }
    if (!ok) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its tokens", p->name);
    for (size_t i = 0; i < p->n_tokens && !rc; i++)
        if (is_normal(p, i)) rc = cut_piece(&x, i, &c, err);
    if (!rc && c.n) qsort(c.cut, c.n, sizeof *c.cut, by_order);
    if (!rc) rc = add_merges(&x, &c, merges, err);
end:
    raml_hash_map_deinit(&x.map);
    free(c.cut);
    return rc;
}

void raml_spm_rank(struct raml_tokenizer *t, const float *score)
{
    uint32_t rank = 0;
    for (size_t i = 0; i < t->n_merges; i++) {
        float now = score[t->merge[i].to], before = i ? score[t->merge[i - 1].to] : now;
        if (now < before || now > before) rank++;
        t->merge[i].rank = rank;
    }
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

static enum raml_code no_scores(const struct raml_tokenizer *t, const char *name, int32_t id, const char *why,
                                struct raml_err *err)
{
    const struct raml_piece *p = &t->piece[id];
    return raml_fail(err, RAML_ESUPPORT,
                     "%s: token %d, '%.*s', %s: GGUF's model 'llama' has only a score for each token", name, (int)id,
                     p->len < 40 ? (int)p->len : 40, t->pool.data + p->start, why);
}

/* Is every pair whose texts together are this piece a merge? Otherwise a score would allow one that the list does not. */
static bool has_all_ways(const struct raml_tokenizer *t, int32_t id)
{
    const struct raml_piece *p = &t->piece[id];
    const unsigned char *s = (const unsigned char *)t->pool.data + p->start;
    for (size_t k = 1; k < p->len; k++) {
        if ((s[k] & 0xc0) == 0x80) continue;
        int32_t l = raml_find_word(t, s, k), r = l < 0 ? -1 : raml_find_word(t, s + k, p->len - k);
        bool normal = r >= 0 && t->piece[l].kind == RAML_PIECE_PLAIN && t->piece[r].kind == RAML_PIECE_PLAIN;
        const struct raml_merge *m = normal ? raml_find_merge(t, l, r) : NULL;
        if (normal && (!m || m->to != id)) return false;
    }
    return true;
}

static size_t chars(const struct raml_tokenizer *t, int32_t id)
{
    const struct raml_piece *p = &t->piece[id];
    size_t n = 0;
    for (size_t k = 0; k < p->len; k++) n += (t->pool.data[p->start + k] & 0xc0) != 0x80;
    return n;
}

/* Are merge[from .. to) in the order in which merges of pieces with one score are listed (by_order)? */
static bool are_of_one_score(const struct raml_tokenizer *t, size_t from, size_t to)
{
    for (size_t i = from + 1; i < to; i++) {
        const struct raml_merge *a = &t->merge[i - 1], *b = &t->merge[i];
        size_t x = chars(t, a->left), y = chars(t, b->left);
        if (x < y || (x == y && chars(t, a->right) < chars(t, b->right))) return false;
    }
    return true;
}

/* The end of the merges from `from` on that have one score: a piece's own, and what stands between them. */
static size_t group_end(const struct raml_tokenizer *t, size_t from, const size_t *last)
{
    size_t end = from + 1;
    for (size_t i = from; i < end; i++) {
        if (last[t->merge[i].to] >= end) end = last[t->merge[i].to] + 1;
        while (end < t->n_merges && t->merge[end].rank == t->merge[end - 1].rank) end++;
    }
    return end;
}

enum raml_code raml_spm_scores(const struct raml_tokenizer *t, float *score, size_t size, const char *name,
                               struct raml_err *err)
{
    float next = 0;
    size_t *last = calloc(size + 1, sizeof *last);
    bool *done = calloc(size + 1, sizeof *done);
    enum raml_code rc = RAML_OK;
    if (!last || !done) rc = raml_fail(err, RAML_ENOMEM, "%s: no memory for its scores", name);
    for (size_t i = 0; i < t->n_merges && !rc; i++)
        if (t->piece[t->merge[i].to].kind == RAML_PIECE_PLAIN) last[t->merge[i].to] = i; /* others are found whole */
    for (size_t i = 0, end; i < t->n_merges && !rc; i = end) {
        bool several = false;
        end = group_end(t, i, last);
        next--;
        for (size_t k = i; k < end; k++) {
            several = several || t->merge[k].to != t->merge[i].to;
            score[t->merge[k].to] = next;
            done[t->merge[k].to] = true;
        }
        if (several && !are_of_one_score(t, i, end))
            rc = no_scores(t, name, t->merge[i].to, "is merged before and after others", err);
    }
    for (int32_t id = 0; id < t->size && !rc; id++) {
        if (t->piece[id].kind != RAML_PIECE_PLAIN) continue;
        if (!done[id]) score[id] = next - 1; /* a character */
        if (!has_all_ways(t, id)) rc = no_scores(t, name, id, "has parts that no merge joins", err);
    }
    free(last);
    free(done);
    return rc;
}
