/* bpe_queue.h - the pairs of a long word by rank, then by place (private to src/text).
 *
 * A heap of a million pairs takes twenty steps through memory for each. Ranks are few: each has a list of places, and a
 * tree of bits, 64 to a node, finds the lowest rank that has any. A list is taken as a whole, sorted if it is not in
 * order, and handed out from the left. A merge nearly always makes a token whose own pairs come later in the list of
 * merges; a pair that doesn't (its rank is not above the one being handed out) goes to a heap.
 * Invariant   the ranks of lists are above `rank`, those of the heap are not.
 * Cost        O(log n) a pair at worst.
 */
#ifndef RAML_TEXT_BPE_QUEUE_H
#define RAML_TEXT_BPE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RAML_BPE_LEVELS = 4 }; /* 64^4 ranks */

struct raml_bpe_entry {
    uint32_t at, next;
};
struct raml_bpe_late {
    uint32_t rank, at;
};
struct raml_bpe_queue {
    uint32_t *first, *last;          /* [n_ranks] ends of each list, UINT32_MAX: empty */
    uint64_t *bits[RAML_BPE_LEVELS]; /* bits[0]: a bit a rank; bits[k]: a bit for each word of bits[k - 1] */
    uint64_t *memory;                /* of bits */
    struct raml_bpe_entry *entry;    /* [cap] */
    uint32_t *taken;                 /* [cap] places of `rank`: taken[i_taken .. n_taken) are still to come */
    struct raml_bpe_late *late;      /* [cap] a heap */
    uint32_t free;                   /* chain of entries that can be reused; UINT32_MAX: none */
    size_t n_entries, i_taken, n_taken, n_late;
    int64_t rank; /* handed out last; -1: none */
};

/* Holds up to `cap` pairs at a time; 1 <= n_ranks <= 64^4. False: no memory, or too many ranks; then _deinit has
 * nothing to do. */
bool raml_bpe_queue_init(struct raml_bpe_queue *q, size_t n_ranks, size_t cap);
void raml_bpe_queue_deinit(struct raml_bpe_queue *q);
void raml_bpe_queue_push(struct raml_bpe_queue *q, uint32_t rank, uint32_t at);
/* False: empty. */
bool raml_bpe_queue_pop(struct raml_bpe_queue *q, uint32_t *rank, uint32_t *at);

#endif
