/* generate_texts.c - the texts of jobs in the cache: read when a job needs them, dropped when none will. */
#include "inner/generate_parts.h"

#include "core/array.h"

#include <stdlib.h>

enum { TEXT_ROWS = 4096 }; /* of texts that are read in one pass */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t own_pages(const struct raml_text *t)
{
    return raml_pages_of(t->n - t->start);
}

size_t raml_generate_job_pages(const struct raml_generator *g, const struct raml_generate_job *j)
{
    size_t room = g->context - j->n_text;
    return raml_pages_of(j->max_tokens < room ? j->max_tokens : room) + raml_pages_of(g->opt.probe_tokens) +
           RAML_GENERATE_RETURN_PAGES * g->opt.max_returns;
}

/* Pages of all that text t's path consists of. */
static size_t path_pages(const struct raml_generator *g, int t)
{
    size_t n = 0;
    for (; t >= 0; t = g->texts.text[t].parent) n += own_pages(&g->texts.text[t]);
    return n;
}

size_t raml_generate_pool(const struct raml_generator *g, size_t first, size_t first_text)
{
    size_t own = 0, path = 0, all = 0, shared = 0, most_shared = 0;
    for (size_t i = first; i < g->n_jobs; i++) {
        const struct raml_text *t = &g->texts.text[g->texts.of_job[i]];
        bool again = i > first && g->job[i].group == g->job[i - 1].group;
        if (!again) shared = 0;
        own = larger(own, raml_generate_job_pages(g, &g->job[i]));
        path = larger(path, path_pages(g, (int)g->texts.of_job[i]));
        if (again && g->texts.of_job[i] == g->texts.of_job[i - 1]) continue;
        if (t->n_kids) shared += own_pages(t);
        most_shared = larger(most_shared, shared);
    }
    for (size_t i = first_text; i < g->texts.n; i++) all += own_pages(&g->texts.text[i]);
    size_t texts = g->B * path + most_shared;
    return g->B * own + (texts < all ? texts : all);
}

/* -- Reading texts ------------------------------------------------------------------------------------------------- */
/* The part of a text that the next pass reads, if what it hangs from is there. */
static enum raml_code list_part(struct raml_generator *g, struct raml_reading *r, size_t i, size_t *rows,
                                struct raml_err *err)
{
    const struct raml_text *t = &g->texts.text[i];
    struct raml_text_state *s = &g->state[i];
    size_t left = t->n - t->start - s->read, n = left < TEXT_ROWS - *rows ? left : TEXT_ROWS - *rows;
    size_t after = t->parent < 0 ? 0 : t->start - g->texts.text[t->parent].start;
    if (!left || (t->parent >= 0 && g->state[t->parent].read < after)) return RAML_OK;
    if (s->node < 0) {
        int parent = t->parent < 0 ? -1 : g->state[t->parent].node;
        enum raml_code rc = raml_cache_add(g->cache, parent, after, &s->node, err);
        if (rc) return rc;
    }
    r->added[r->n_add] = i;
    r->add[r->n_add++] = (struct raml_cache_tokens){s->node, t->token + t->start + s->read, n, n == left};
    r->n_read += n == left;
    *rows += n;
    return RAML_OK;
}

/* What a pass has read: logits of the texts that are complete. */
static enum raml_code note_read(struct raml_generator *g, struct raml_reading *r, const float *logits,
                                struct raml_err *err)
{
    for (size_t k = 0; k < r->n_add; k++) {
        struct raml_text_state *s = &g->state[r->added[k]];
        s->read += r->add[k].n;
        g->stats.text_tokens += r->add[k].n;
        if (!r->add[k].n_read) continue;
        s->logits = g->b->alloc(g->dev, g->V, sizeof *s->logits);
        if (!s->logits) return raml_fail(err, RAML_ENOMEM, "no memory for a text's logits");
        g->b->copy(g->dev, s->logits, logits, g->V * sizeof *logits);
        logits += g->V;
    }
    return RAML_OK;
}

static enum raml_code read_pass(struct raml_generator *g, struct raml_reading *r, struct raml_err *err)
{
    size_t rows = 0;
    float *logits = NULL;
    enum raml_code rc = RAML_OK;
    r->n_add = r->n_read = 0;
    for (size_t i = r->first; i < r->n && rows < TEXT_ROWS && !rc; i++) rc = list_part(g, r, r->text[i], &rows, err);
    if (!rc && r->n_read) {
        logits = g->b->alloc(g->dev, r->n_read * g->V, sizeof *logits);
        if (!logits) rc = raml_fail(err, RAML_ENOMEM, "no memory for the logits of %zu texts", r->n_read);
    }
    if (!rc) rc = raml_cache_append(g->cache, r->add, r->n_add, logits, err);
    if (!rc) rc = note_read(g, r, logits, err);
    raml_array_free(g->dev, logits);
    while (r->first < r->n) {
        size_t i = r->text[r->first];
        if (g->state[i].read < g->texts.text[i].n - g->texts.text[i].start) break;
        r->first++;
    }
    return rc;
}

/* Reads the texts that are listed. */
static enum raml_code read_texts(struct raml_generator *g, struct raml_err *err)
{
    struct raml_reading *r = &g->reading;
    size_t cap = r->cap_add;
    enum raml_code rc = RAML_GROW(r->added, cap, r->n, "texts", err);
    if (!rc) rc = RAML_GROW(r->add, r->cap_add, r->n, "texts", err);
    r->first = 0;
    while (r->first < r->n && !rc) rc = read_pass(g, r, err);
    r->n = 0;
    return rc;
}

/* -- Jobs ---------------------------------------------------------------------------------------------------------- */
/* Pages of what is not in the cache on the path of t. */
static size_t missing_pages(const struct raml_generator *g, int t)
{
    size_t n = 0;
    for (; t >= 0 && !g->state[t].listed; t = g->texts.text[t].parent) n += own_pages(&g->texts.text[t]);
    return n;
}

static enum raml_code list_path(struct raml_generator *g, int t, struct raml_err *err)
{
    struct raml_reading *r = &g->reading;
    size_t n = 0;
    for (int i = t; i >= 0 && !g->state[i].listed; i = g->texts.text[i].parent) n++;
    enum raml_code rc = RAML_GROW(r->text, r->cap, r->n + n, "texts", err);
    if (rc) return rc;
    size_t end = r->n += n;
    for (int i = t; n-- > 0; i = g->texts.text[i].parent) {
        r->text[--end] = (size_t)i;
        g->state[i].listed = true;
    }
    return RAML_OK;
}

/* A row for the next job, if what it may need fits. */
static enum raml_code enter(struct raml_generator *g, bool *entered, struct raml_err *err)
{
    int text = (int)g->texts.of_job[g->next];
    size_t pages = missing_pages(g, text) + raml_generate_job_pages(g, &g->job[g->next]);
    *entered = pages <= g->pages - g->used_pages;
    if (!*entered && g->n_rows) return RAML_OK; /* until others have ended */
    char number[32];
    if (!*entered)
        return raml_fail(err, RAML_EUSAGE,
                         "%s needs keys and values of %zu tokens beside the %zu of its group's other texts; the pool "
                         "has %zu",
                         raml_generate_name(&g->job[g->next], g->base + g->next, number), pages * RAML_KEYS,
                         g->used_pages * RAML_KEYS, g->pages * RAML_KEYS);
    enum raml_code rc = list_path(g, text, err);
    if (rc) return rc;
    g->used_pages += pages;
    g->row[g->n_rows] = (struct raml_row){.job = g->next++,
                                          .root = -1,
                                          .node = -1,
                                          .at = g->n_rows,
                                          .slot = g->free_slot[--g->n_free_slots],
                                          .probe.node = -1};
    g->n_rows++;
    return RAML_OK;
}

/* The row's node, and the logits of what follows its text. */
static enum raml_code begin(struct raml_generator *g, struct raml_row *r, struct raml_err *err)
{
    const struct raml_text *t = &g->texts.text[g->texts.of_job[r->job]];
    struct raml_text_state *s = &g->state[g->texts.of_job[r->job]];
    enum raml_code rc = raml_cache_add(g->cache, s->node, t->n - t->start, &r->root, err);
    if (rc) return rc;
    r->node = r->root;
    g->b->copy(g->dev, g->logits + r->at * g->V, s->logits, g->V * sizeof *s->logits);
    g->stats.all_texts += t->n;
    if (--s->waiting == 0) {
        raml_array_free(g->dev, s->logits);
        s->logits = NULL;
    }
    return RAML_OK;
}

/* The cache that is wanted, in place of one in which nothing is. */
static enum raml_code open_cache(struct raml_generator *g, struct raml_err *err)
{
    struct raml_cache_options o = {.max_rows = g->B, .max_tokens = g->wanted * RAML_KEYS};
    raml_cache_close(g->cache);
    g->cache = NULL;
    g->pages = 0;
    enum raml_code rc = raml_cache_open(g->m, &o, &g->cache, err);
    if (!rc) g->pages = g->wanted;
    return rc;
}

enum raml_code raml_generate_admit(struct raml_generator *g, struct raml_err *err)
{
    size_t first = g->n_rows;
    bool entered = true;
    enum raml_code rc = RAML_OK;
    if (g->wanted > g->pages && g->next >= g->wanted_from && !g->n_rows) rc = open_cache(g, err);
    size_t end = g->wanted > g->pages ? g->wanted_from : g->n_jobs;
    while (g->n_rows < g->B && g->next < end && entered && !rc) rc = enter(g, &entered, err);
    if (!rc) rc = read_texts(g, err);
    for (size_t i = first; i < g->n_rows && !rc; i++) rc = begin(g, &g->row[i], err);
    return rc;
}

void raml_generate_release(struct raml_generator *g, const struct raml_row *r)
{
    raml_cache_drop(g->cache, r->root);
    g->used_pages -= raml_generate_job_pages(g, &g->job[r->job]);
    g->free_slot[g->n_free_slots++] = r->slot;
    for (int t = (int)g->texts.of_job[r->job]; t >= 0 && --g->state[t].users == 0; t = g->texts.text[t].parent) {
        raml_cache_drop(g->cache, g->state[t].node);
        g->state[t].node = -1;
        g->used_pages -= own_pages(&g->texts.text[t]);
    }
}
