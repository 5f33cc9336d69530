/* bpe.c - byte-pair merging of one word (Sennrich et al. 2016; over bytes: Radford et al. 2019).
 *
 * Rule: while any neighbours can be merged, merge the pair of lowest rank, the leftmost among equals. The symbols form
 * a doubly linked list over the word's bytes; a queue holds the pairs that could be merged (bpe_queue.h for long words,
 * a heap for short ones). A pair in the queue whose symbols have changed since is stale and dropped when it comes up.
 * Each merge removes one entry and adds at most two, so 2n entries are enough. Most words are tokens: whether the
 * merges turn a token's bytes into that token is worked out when it is first seen and remembered (any thread finds
 * the same), so that such a word costs one look-up.
 */
#include "text/bpe_queue.h"
#include "text/vocab.h"

#include "core/file.h"
#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {                   /* bytes */
       SHORT_WORD = 64,  /* words up to this length need no allocation */
       LONG_WORD = 4096, /* from here on a queue by rank is faster than a heap, though its table must be cleared */
};

struct symbol {
    int32_t id; /* -1: merged into the symbol on its left */
    uint32_t prev, next;
};

struct pair {
    uint32_t rank, at; /* at: left symbol */
    const struct raml_merge *merge;
};

struct word {
    struct symbol *symbol;
    struct pair *heap; /* for short words */
    size_t n_heap;
    struct raml_bpe_queue *queue; /* NULL: short */
};

static const uint32_t END = UINT32_MAX;

static bool pair_before(struct pair a, struct pair b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push_heap(struct word *w, struct pair p)
{
    size_t i = w->n_heap++;
    for (; i > 0 && pair_before(p, w->heap[(i - 1) / 2]); i = (i - 1) / 2) w->heap[i] = w->heap[(i - 1) / 2];
    w->heap[i] = p;
}

/* Puts the pair of symbol `at` and its right neighbour into the queue, when it can be merged. */
static void push(struct word *w, const struct raml_tokenizer *t, uint32_t at)
{
    if (at == END || w->symbol[at].next == END) return;
    const struct raml_merge *m = raml_find_merge(t, w->symbol[at].id, w->symbol[w->symbol[at].next].id);
    if (!m) return;
    if (w->queue) raml_bpe_queue_push(w->queue, m->rank, at);
    else push_heap(w, (struct pair){m->rank, at, m});
}

static struct pair pop(struct word *w)
{
    struct pair top = w->heap[0], last = w->heap[--w->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < w->n_heap; i = child) {
        if (child + 1 < w->n_heap && pair_before(w->heap[child + 1], w->heap[child])) child++;
        if (!pair_before(w->heap[child], last)) break;
        w->heap[i] = w->heap[child];
    }
    w->heap[i] = last;
    return top;
}

/* Merges the pair m at symbol `at`, unless it is stale. */
static void merge_at(struct word *w, const struct raml_tokenizer *t, uint32_t at, const struct raml_merge *m)
{
    struct symbol *left = &w->symbol[at];
    if (left->id != m->left || left->next == END || w->symbol[left->next].id != m->right) return;
    struct symbol *right = &w->symbol[left->next];
    left->id = m->to;
    right->id = -1;
    left->next = right->next;
    if (right->next != END) w->symbol[right->next].prev = at;
    push(w, t, left->prev);
    push(w, t, at);
}

static void merge_all(struct word *w, const struct raml_tokenizer *t)
{
    uint32_t rank, at;
    while (w->queue && raml_bpe_queue_pop(w->queue, &rank, &at)) { /* several merges may have the rank */
        const struct symbol *s = &w->symbol[at];
        const struct raml_merge *m =
            s->id < 0 || s->next == END ? NULL : raml_find_merge(t, s->id, w->symbol[s->next].id);
        if (m && m->rank == rank) merge_at(w, t, at, m);
    }
    while (w->n_heap) {
        struct pair p = pop(w);
        merge_at(w, t, p.at, p.merge);
    }
}

/* Is the word the one symbol `id`? */
static bool symbol_is(const struct word *w, int32_t id)
{
    return w->symbol[0].id == id && w->symbol[0].next == END;
}

/* The symbols that a word starts as: its bytes or, with byte_fallback, its characters and, for those without a token,
 * their bytes. */
static void spell(struct word *w, const struct raml_tokenizer *t, const unsigned char *text, size_t n)
{
    uint32_t prev = END;
    for (size_t i = 0; i < n;) {
        size_t len = t->byte_fallback ? raml_utf8_char(text + i, n - i) : 0;
        int32_t id = len ? raml_find_word(t, text + i, len) : -1;
        if (id < 0) {
            id = t->byte[text[i]];
            len = 1;
        }
        if (prev != END) w->symbol[prev].next = (uint32_t)i;
        w->symbol[i] = (struct symbol){id, prev, END};
        prev = (uint32_t)i;
        i += len;
    }
}

/* With an empty merge table every byte is its own token. */
static enum raml_code add_bytes(const struct raml_tokenizer *t, const unsigned char *text, size_t n,
                                struct raml_tokens *out, struct raml_ranges *where, struct raml_err *err)
{
    int32_t id[512] = {0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; where && i < n && !rc; i++) rc = raml_ranges_add(where, (struct raml_range){i, i + 1}, err);
    while (n > 0 && !rc) {
        size_t part = n < 512 ? n : 512;
        for (size_t i = 0; i < part; i++) id[i] = t->byte[text[i]];
        rc = raml_tokens_add(out, id, part, err);
        text += part;
        n -= part;
    }
    return rc;
}

static enum raml_code add_whole(int32_t id, size_t n, struct raml_tokens *out, struct raml_ranges *where,
                                struct raml_err *err)
{
    enum raml_code rc = raml_tokens_add(out, &id, 1, err);
    return rc || !where ? rc : raml_ranges_add(where, (struct raml_range){0, n}, err);
}

static enum raml_code add_symbols(const struct word *w, size_t n, struct raml_tokens *out, struct raml_ranges *where,
                                  struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (uint32_t i = 0, next; i != END && !rc; i = next) {
        next = w->symbol[i].next;
        rc = raml_tokens_add(out, &w->symbol[i].id, 1, err);
        if (where && !rc) rc = raml_ranges_add(where, (struct raml_range){i, next == END ? n : next}, err);
    }
    return rc;
}

const struct raml_merge *raml_find_merge(const struct raml_tokenizer *t, int32_t left, int32_t right)
{
    uint64_t hash = raml_pair_hash(left, right);
    uint32_t i;
    for (size_t step = 0; (i = raml_hash_map_next(&t->pairs, hash, &step)) != RAML_HASH_NONE;)
        if (t->merge[i].left == left && t->merge[i].right == right) return &t->merge[i];
    return NULL;
}

int32_t raml_find_word(const struct raml_tokenizer *t, const unsigned char *word, size_t n)
{
    uint64_t hash = raml_hash(word, n, 0);
    uint32_t id;
    for (size_t step = 0; (id = raml_hash_map_next(&t->words, hash, &step)) != RAML_HASH_NONE;) {
        const struct raml_piece *p = &t->piece[id];
        if (p->len == n && memcmp(t->pool.data + p->start, word, n) == 0) return (int32_t)id;
    }
    return -1;
}

/* The ids of a piece whose ends no merge crosses and that is not a token as a whole; whole: its id or -1. */
static enum raml_code merge_word(const struct raml_tokenizer *t, const unsigned char *text, size_t n, int32_t whole,
                                 struct raml_tokens *out, struct raml_ranges *where, struct raml_err *err)
{
    struct symbol symbol[SHORT_WORD];
    struct pair heap[2 * SHORT_WORD];
    struct word w = {symbol, heap, 0, NULL};
    struct raml_bpe_queue queue = {0};
    enum raml_code rc = RAML_OK;
    if (n >= INT32_MAX) return raml_fail(err, RAML_ERANGE, "a text of %zu bytes is longer than 2^31 - 2", n);
    if (n > SHORT_WORD) {
        w.symbol = malloc(n * sizeof *w.symbol);
        w.heap = n <= LONG_WORD ? malloc(2 * n * sizeof *w.heap) : NULL;
        if (n > LONG_WORD && raml_bpe_queue_init(&queue, t->n_merges, 2 * n)) w.queue = &queue;
        if (!w.symbol || (!w.heap && !w.queue)) {
            rc = raml_fail(err, RAML_ENOMEM, "no memory to tokenize a text of %zu bytes", n);
            goto end;
        }
    }
    spell(&w, t, text, n);
    for (uint32_t i = 0; i != END && t->n_merges; i = w.symbol[i].next) push(&w, t, i);
    merge_all(&w, t);
    if (whole >= 0)
        atomic_store_explicit(&t->whole[whole], symbol_is(&w, whole) ? RAML_WHOLE_YES : RAML_WHOLE_NO,
                              memory_order_relaxed);
    rc = add_symbols(&w, n, out, where, err);
end:
    if (w.symbol != symbol) free(w.symbol);
    if (w.heap != heap) free(w.heap);
    raml_bpe_queue_deinit(&queue);
    return rc;
}

/* Bytes of text[0 .. n) up to the first two that no merge joins. */
static size_t joined_bytes(const struct raml_tokenizer *t, const unsigned char *text, size_t n)
{
    size_t i = 1;
    while (i < n && (t->joins[text[i - 1]][text[i] / 64] >> (text[i] % 64) & 1)) i++;
    return i;
}

/* A word, or a part of one whose ends no merge crosses. */
static enum raml_code add_part(const struct raml_tokenizer *t, const unsigned char *text, size_t n, bool is_word,
                               struct raml_tokens *out, struct raml_ranges *where, struct raml_err *err)
{
    int32_t whole = t->has_words && n > 1 ? raml_find_word(t, text, n) : -1;
    uint8_t state = whole >= 0 ? atomic_load_explicit(&t->whole[whole], memory_order_relaxed) : RAML_WHOLE_NO;
    if (whole >= 0 && ((is_word && t->ignore_merges) || state == RAML_WHOLE_YES))
        return add_whole(whole, n, out, where, err);
    if (!t->byte_fallback && (!t->n_merges || n < 2)) return add_bytes(t, text, n, out, where, err);
    size_t part = is_word ? joined_bytes(t, text, n) : n;
    if (part == n) return merge_word(t, text, n, state == RAML_WHOLE_UNKNOWN ? whole : -1, out, where, err);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i += part) {
        size_t first = where ? where->n : 0;
        part = joined_bytes(t, text + i, n - i);
        rc = add_part(t, text + i, part, false, out, where, err);
        for (size_t k = first; where && k < where->n; k++) {
            where->range[k].start += i;
            where->range[k].end += i;
        }
    }
    return rc;
}

/* A word without the bytes that have no token: what is left is merged as if they had never been there. */
static enum raml_code add_known(const struct raml_tokenizer *t, const unsigned char *text, size_t n,
                                struct raml_tokens *out, struct raml_ranges *where, struct raml_err *err)
{
    size_t n_known = 0, first = where ? where->n : 0;
    unsigned char *known = malloc(n);
    size_t *from = malloc(n * sizeof *from);
    enum raml_code rc =
        known && from ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory to tokenize a text of %zu bytes", n);
    for (size_t i = 0; i < n && !rc; i++) {
        if (t->byte[text[i]] < 0 && raml_never_in_utf8(text[i]))
            rc = raml_fail(err, RAML_ERANGE, "the vocabulary has no token for byte 0x%02x", text[i]);
        if (t->byte[text[i]] < 0) continue;
        from[n_known] = i;
        known[n_known++] = text[i];
    }
    if (!rc && n_known) rc = add_part(t, known, n_known, true, out, where, err);
    for (size_t i = first; !rc && where && i < where->n; i++) {
        struct raml_range *r = &where->range[i];
        *r = (struct raml_range){from[r->start], from[r->end - 1] + 1};
    }
    free(known);
    free(from);
    return rc;
}

enum raml_code raml_bpe_word(const struct raml_tokenizer *t, const unsigned char *text, size_t n,
                             struct raml_tokens *out, struct raml_ranges *where, struct raml_err *err)
{
    bool known = !t->lacks_bytes || (t->ignore_merges && raml_find_word(t, text, n) >= 0);
    for (size_t i = 0; i < n && !known; i++)
        if (t->byte[text[i]] < 0) return add_known(t, text, n, out, where, err);
    return add_part(t, text, n, true, out, where, err);
}
