/* bpe_queue.c - see bpe_queue.h. */
#include "text/bpe_queue.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t NONE = UINT32_MAX;

bool raml_bpe_queue_init(struct raml_bpe_queue *q, size_t n_ranks, size_t cap)
{
    size_t words[RAML_BPE_LEVELS], all = 0;
    *q = (struct raml_bpe_queue){.rank = -1, .free = NONE};
    for (size_t k = 0, n = n_ranks; k < RAML_BPE_LEVELS; k++) all += words[k] = n = (n + 63) / 64;
    if (words[RAML_BPE_LEVELS - 1] > 1) return false;
    q->first = malloc(2 * n_ranks * sizeof *q->first);
    q->memory = calloc(all, sizeof *q->memory);
    q->entry = malloc(cap * sizeof *q->entry);
    q->taken = malloc(cap * sizeof *q->taken);
    q->late = malloc(cap * sizeof *q->late);
    if (!q->first || !q->memory || !q->entry || !q->taken || !q->late) {
        raml_bpe_queue_deinit(q);
        return false;
    }
    q->last = q->first + n_ranks;
    memset(q->first, 0xff, n_ranks * sizeof *q->first);
    for (size_t k = 0, at = 0; k < RAML_BPE_LEVELS; at += words[k++]) q->bits[k] = q->memory + at;
    return true;
}

void raml_bpe_queue_deinit(struct raml_bpe_queue *q)
{
    free(q->first);
    free(q->memory);
    free(q->entry);
    free(q->taken);
    free(q->late);
    *q = (struct raml_bpe_queue){0};
}

static bool before(struct raml_bpe_late a, struct raml_bpe_late b)
{
    return a.rank != b.rank ? a.rank < b.rank : a.at < b.at;
}

static void push_late(struct raml_bpe_queue *q, struct raml_bpe_late p)
{
    struct raml_bpe_late *heap = q->late;
    size_t i = q->n_late++;
    for (; i > 0 && before(p, heap[(i - 1) / 2]); i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = p;
}

static struct raml_bpe_late pop_late(struct raml_bpe_queue *q)
{
    struct raml_bpe_late *heap = q->late, top = heap[0], last = heap[--q->n_late];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < q->n_late; i = child) {
        if (child + 1 < q->n_late && before(heap[child + 1], heap[child])) child++;
        if (!before(heap[child], last)) break;
        heap[i] = heap[child];
    }
    heap[i] = last;
    return top;
}

void raml_bpe_queue_push(struct raml_bpe_queue *q, uint32_t rank, uint32_t at)
{
    if (rank <= q->rank) {
        push_late(q, (struct raml_bpe_late){rank, at});
        return;
    }
    uint32_t e = q->free;
    if (e != NONE) q->free = q->entry[e].next;
    else e = (uint32_t)q->n_entries++;
    q->entry[e] = (struct raml_bpe_entry){at, NONE};
    if (q->first[rank] != NONE) {
        q->entry[q->last[rank]].next = e;
    } else {
        q->first[rank] = e;
        for (size_t k = 0, i = rank; k < RAML_BPE_LEVELS; k++, i /= 64) q->bits[k][i / 64] |= (uint64_t)1 << (i % 64);
    }
    q->last[rank] = e;
}

/* The lowest rank that has a list; NONE. */
static uint32_t lowest(const struct raml_bpe_queue *q)
{
    size_t i = 0;
    for (size_t k = RAML_BPE_LEVELS; k-- > 0;) {
        if (!q->bits[k][i]) return NONE;
        i = i * 64 + (size_t)__builtin_ctzll(q->bits[k][i]);
    }
    return (uint32_t)i;
}

static void clear(struct raml_bpe_queue *q, uint32_t rank)
{
    q->first[rank] = NONE;
    for (size_t k = 0, i = rank; k < RAML_BPE_LEVELS; k++, i /= 64) {
        q->bits[k][i / 64] &= ~((uint64_t)1 << (i % 64));
        if (q->bits[k][i / 64]) break;
    }
}

static int by_place(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Takes the list of a rank, in order. */
static void take(struct raml_bpe_queue *q, uint32_t rank)
{
    bool sorted = true;
    q->i_taken = q->n_taken = 0;
    q->rank = rank;
    for (uint32_t e = q->first[rank]; e != NONE; e = q->entry[e].next) {
        sorted = sorted && (q->n_taken == 0 || q->taken[q->n_taken - 1] <= q->entry[e].at);
        q->taken[q->n_taken++] = q->entry[e].at;
    }
    q->entry[q->last[rank]].next = q->free;
    q->free = q->first[rank];
    clear(q, rank);
    if (!sorted) qsort(q->taken, q->n_taken, sizeof *q->taken, by_place);
}

bool raml_bpe_queue_pop(struct raml_bpe_queue *q, uint32_t *rank, uint32_t *at)
{
    if (q->i_taken == q->n_taken && q->n_late == 0) {
        uint32_t next = lowest(q);
        if (next == NONE) return false;
        take(q, next);
    }
    bool taken = q->i_taken < q->n_taken;
    struct raml_bpe_late p = {0, 0};
    if (taken) p = (struct raml_bpe_late){(uint32_t)q->rank, q->taken[q->i_taken]};
    if (q->n_late && (!taken || before(q->late[0], p))) p = pop_late(q);
    else q->i_taken++;
    *rank = p.rank;
    *at = p.at;
    return true;
}
