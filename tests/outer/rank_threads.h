/* rank_threads.h - ranks of one training as threads of a test: a raml_comm over memory that they share. */
#ifndef RAML_TESTS_OUTER_RANK_THREADS_H
#define RAML_TESTS_OUTER_RANK_THREADS_H

#include "raml/comm.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANKS = 4 };
struct shared {
    pthread_barrier_t barrier;
    void *of[MOST_RANKS];
    int size;
    size_t sums;
};
struct rank {
    struct shared *shared;
    int number;
};

static inline void meet(struct rank *r)
{
    pthread_barrier_wait(&r->shared->barrier);
}

/* Lays x open; until the next call every rank sees all of them. */
static inline void show(struct rank *r, const void *x)
{
    r->shared->of[r->number] = (void *)(uintptr_t)x;
    meet(r);
}

static inline enum raml_code threads_sum(void *user, double *x, size_t n, struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    double *all = calloc(n + 1, sizeof *all);
    if (r->number == 0) r->shared->sums++;
    show(r, x);
    for (int k = 0; k < r->shared->size; k++)
        for (size_t i = 0; i < n; i++) all[i] += ((double *)r->shared->of[k])[i];
    meet(r);
    memcpy(x, all, n * sizeof *x);
    free(all);
    meet(r);
    return RAML_OK;
}

static inline enum raml_code threads_deal(void *user, const float *x, const size_t *first, float *all,
                                          struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    size_t from = first[r->number], n = first[r->number + 1] - from;
    show(r, x);
    for (int k = 0; k < r->shared->size; k++)
        memcpy(all + (size_t)k * n, (float *)r->shared->of[k] + from, n * sizeof *all);
    meet(r);
    return RAML_OK;
}

static inline enum raml_code threads_share(void *user, float *x, const size_t *first, struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    show(r, x);
    for (int k = 0; k < r->shared->size; k++)
        if (k != r->number)
            memcpy(x + first[k], (float *)r->shared->of[k] + first[k], (first[k + 1] - first[k]) * sizeof *x);
    meet(r);
    return RAML_OK;
}

static inline enum raml_code threads_gather_parts(void *user, float *x, const size_t *first, struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    show(r, x);
    for (int k = 1; r->number == 0 && k < r->shared->size; k++)
        memcpy(x + first[k], (float *)r->shared->of[k] + first[k], (first[k + 1] - first[k]) * sizeof *x);
    meet(r);
    return RAML_OK;
}

static inline enum raml_code threads_scatter_parts(void *user, float *x, const size_t *first, struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    size_t from = first[r->number], n = first[r->number + 1] - from;
    show(r, x);
    if (r->number) memcpy(x + from, (float *)r->shared->of[0] + from, n * sizeof *x);
    meet(r);
    return RAML_OK;
}

static inline enum raml_code threads_broadcast(void *user, void *x, size_t bytes, struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    show(r, x);
    if (r->number) memcpy(x, r->shared->of[0], bytes);
    meet(r);
    return RAML_OK;
}

static inline enum raml_code threads_gather(void *user, const void *part, void *all, size_t bytes, struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    show(r, part);
    for (int k = 0; r->number == 0 && k < r->shared->size; k++)
        memmove((char *)all + (size_t)k * bytes, r->shared->of[k], bytes);
    meet(r);
    return RAML_OK;
}

static inline enum raml_code threads_scatter(void *user, const void *all, void *part, size_t bytes,
                                             struct raml_err *err)
{
    (void)err;
    struct rank *r = user;
    if (r->number == 0) r->shared->of[0] = (void *)(uintptr_t)all;
    meet(r);
    memcpy(part, (const char *)r->shared->of[0] + (size_t)r->number * bytes, bytes);
    meet(r);
    return RAML_OK;
}

static inline struct raml_comm threads_comm(struct rank *r)
{
    return (struct raml_comm){.rank = r->number,
                              .size = r->shared->size,
                              .user = r,
                              .sum = threads_sum,
                              .deal_parts = threads_deal,
                              .share_parts = threads_share,
                              .gather_parts = threads_gather_parts,
                              .scatter_parts = threads_scatter_parts,
                              .broadcast = threads_broadcast,
                              .scatter = threads_scatter,
                              .gather = threads_gather};
}

/* Runs f on `size` threads, each with its own of user[size * bytes]. */
static inline void on_threads(int size, void *(*f)(void *), void *user, size_t bytes)
{
    pthread_t thread[MOST_RANKS];
    for (int k = 0; k < size; k++)
        if (pthread_create(&thread[k], NULL, f, (char *)user + (size_t)k * bytes)) abort();
    for (int k = 0; k < size; k++) pthread_join(thread[k], NULL);
}

#endif
