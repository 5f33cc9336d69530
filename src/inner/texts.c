/* texts.c - see texts.h.
 *
 * In lexical order the text that has most in common with another is one of its neighbours. A text hangs from a longer
 * one, so they are taken out of the order from the shortest to the longest, each with the nearer of the neighbours that
 * are left.
 */
#include "inner/texts.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = -1 };

struct entry { /* of a job, then of a text, in lexical order */
    const int32_t *token;
    size_t n, first; /* first: the job that is the first with this text */
    int before, next;
    size_t common; /* with the one before that is left; 0: there is none */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t common(const struct entry *a, const struct entry *b)
{
    size_t i = 0, n = least(a->n, b->n);
    if (a->token == b->token) return n;
    while (i < n && a->token[i] == b->token[i]) i++;
    return i;
}

static int by_tokens(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    size_t i = common(a, b);
    if (i < a->n && i < b->n) return a->token[i] < b->token[i] ? -1 : 1;
    if (a->n != b->n) return a->n < b->n ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

static int by_length(const void *pa, const void *pb) /* the shortest first, of equals the last */
{
    const struct entry *const *a = pa, *const *b = pb;
    if ((*a)->n != (*b)->n) return (*a)->n < (*b)->n ? -1 : 1;
    return (*a)->first > (*b)->first ? -1 : (*a)->first < (*b)->first;
}

/* Of n jobs in lexical order only the first of each text stays: their number. of_job: the rank of each job's text. */
static size_t without_repeats(struct entry *e, size_t n, uint32_t *of_job)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = e[i].first;
        if (!kept || e[kept - 1].n != e[i].n || common(&e[kept - 1], &e[i]) < e[i].n) e[kept++] = e[i];
        of_job[at] = (uint32_t)(kept - 1);
    }
    return kept;
}

/* The neighbour of *e that is left and has more in common with it; takes *e out of the order. */
static int take_out(struct entry *all, struct entry *e, size_t *shared)
{
    size_t next = e->next == NONE ? 0 : all[e->next].common;
    int best = e->common >= next ? e->before : e->next;
    *shared = e->common >= next ? e->common : next;
    if (e->before != NONE) all[e->before].next = e->next;
    if (e->next != NONE) {
        all[e->next].before = e->before;
        all[e->next].common = least(e->common, next);
    }
    return best;
}

/* Where the path of `text`, that shares its first `shared` tokens with text p, leaves it. */
static void hang(struct raml_text *text, struct raml_text *x, int p, size_t shared)
{
    shared = least(shared, x->n - 1);
    while (p != NONE && shared <= text[p].start) p = text[p].parent;
    x->parent = shared ? p : NONE;
    x->start = x->parent == NONE ? 0 : shared;
    if (x->parent != NONE) text[p].n_kids++;
}

/* Texts e[0..n) of a group become text[base..). order: scratch. */
static void add_group(struct raml_texts *x, struct entry *e, size_t n, struct entry **order)
{
    size_t base = x->n;
    for (size_t i = 0; i < n; i++) {
        e[i].before = (int)i - 1;
        e[i].next = i + 1 < n ? (int)i + 1 : NONE;
        e[i].common = i ? common(&e[i - 1], &e[i]) : 0;
        order[i] = &e[i];
    }
    qsort(order, n, sizeof(struct entry *), by_length);
    for (size_t i = 0; i < n; i++) { /* start, parent: what it shares and with whom, until the longer ones are placed */
        struct raml_text *t = &x->text[base + (size_t)(order[i] - e)];
        *t = (struct raml_text){.token = order[i]->token, .n = order[i]->n};
        t->parent = take_out(e, order[i], &t->start);
        if (t->parent != NONE) t->parent += (int)base;
    }
    for (size_t i = n; i-- > 0;) {
        struct raml_text *t = &x->text[base + (size_t)(order[i] - e)];
        hang(x->text, t, t->parent, t->start);
        x->own += t->n - t->start;
    }
    x->n += n;
}

/* With capacity for all of them, and scratch for the entries of n_jobs jobs. */
static void add_all(struct raml_texts *x, const struct raml_generate_job *job, size_t n_jobs, struct entry *e,
                    struct entry **order)
{
    uint32_t *of_job = x->of_job + x->n_jobs;
    for (size_t i = 0, k; i < n_jobs; i = k) {
        for (k = i; k < n_jobs && job[k].group == job[i].group; k++)
            e[k - i] = (struct entry){.token = job[k].text, .n = job[k].n_text, .first = k};
        qsort(e, k - i, sizeof *e, by_tokens);
        size_t base = x->n, n = without_repeats(e, k - i, of_job);
        add_group(x, e, n, order);
        for (size_t j = i; j < k; j++) x->text[of_job[j] += (uint32_t)base].n_jobs++;
    }
    x->n_jobs += n_jobs;
}

enum raml_code raml_texts_add(struct raml_texts *x, const struct raml_generate_job *job, size_t n_jobs,
                              struct raml_err *err)
{
    struct entry *e = calloc(n_jobs + 1, sizeof *e), **order = calloc(n_jobs + 1, sizeof *order);
    enum raml_code rc = RAML_OK;
    if (!e || !order || n_jobs >= INT32_MAX || x->n >= INT32_MAX - n_jobs)
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the texts of %zu jobs", n_jobs);
    if (!rc) rc = RAML_GROW(x->text, x->cap, x->n + n_jobs, "texts", err);
    if (!rc) rc = RAML_GROW(x->of_job, x->cap_jobs, x->n_jobs + n_jobs, "jobs", err);
    if (!rc) add_all(x, job, n_jobs, e, order);
    free(e);
    free(order);
    return rc;
}

size_t raml_texts_before(const struct raml_texts *x, size_t job)
{
    size_t n = 0;
    for (size_t i = 0; i < job; i++) n = x->of_job[i] >= n ? x->of_job[i] + 1 : n;
    return n;
}

void raml_texts_forget(struct raml_texts *x, size_t n_jobs)
{
    if (!n_jobs) return; /* perhaps nothing was ever added */
    size_t n = raml_texts_before(x, n_jobs);
    for (size_t i = 0; i < n; i++) x->own -= x->text[i].n - x->text[i].start;
    x->n -= n;
    x->n_jobs -= n_jobs;
    memmove(x->text, x->text + n, x->n * sizeof *x->text);
    memmove(x->of_job, x->of_job + n_jobs, x->n_jobs * sizeof *x->of_job);
    for (size_t i = 0; i < x->n; i++)
        if (x->text[i].parent != NONE) x->text[i].parent -= (int)n;
    for (size_t i = 0; i < x->n_jobs; i++) x->of_job[i] -= (uint32_t)n;
}

void raml_texts_deinit(struct raml_texts *x)
{
    free(x->text);
    free(x->of_job);
    *x = (struct raml_texts){0};
}
