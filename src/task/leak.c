/* leak.c - see leak.h.
 *
 * The test side is indexed, the training side is read past it. Every distinct gram of the test questions has a number:
 *   hash[g]               of its words; grams: hash -> g
 *   post[first[g] ..)     the test questions that hold it, and how often
 *   seen[g], place[g]     found in training questions, in solutions; where first
 * A training question adds up, over its distinct grams, the votes of their posts.
 */
#include "raml/leak.h"

#include "core/array.h"
#include "core/file.h"
#include "core/hash_map.h"

#include <stdlib.h>
#include <string.h>

enum { IN_QUESTION = 1, IN_SOLUTION = 2 };
static const size_t MAX_WORDS_BYTES = (size_t)1 << 31, MAX_GRAMS = (size_t)1 << 31;
static const uint64_t WHOLE = 1; /* hash seed of a question that is a single gram */

struct post {
    uint32_t question, count;
};
struct place {
    uint32_t file, line;
};
struct raml_leak {
    size_t n, n_test, n_grams;
    struct raml_leak_hit *hit; /* [n_test] */
    uint64_t *hash;            /* [n_grams], rising */
    uint32_t *first;           /* [n_grams + 1] */
    uint8_t *seen;             /* [n_grams] */
    uint64_t *stamp;           /* [n_grams] the training question counted last */
    struct place *place;       /* [n_grams] */
    struct post *post;
    struct raml_hash_map grams;
    uint64_t *text_hash; /* [n_test], rising; with text_of: the question that has it */
    uint32_t *text_of;
    uint64_t serial;                  /* of training questions, from 1 on */
    uint32_t *votes, *voted, n_voted; /* [n_test]; the questions with votes */
    struct raml_buf words;
    size_t *start, n_start, cap_start; /* of each word; one more after the last, as if a word followed */
};

/* -- Grams of one text -------------------------------------------------------------------------------------------- */

/* The words of a text, and where each begins. */
static enum raml_code split_words(struct raml_leak *l, const char *text, size_t *n_words, struct raml_err *err)
{
    raml_buf_clear(&l->words);
    enum raml_code rc = raml_leak_words(text, &l->words, err);
    if (rc) return rc;
    size_t n = 0;
    for (size_t i = 0; i <= l->words.len; i++) {
        if (i && i < l->words.len && l->words.data[i - 1] != ' ') continue;
        rc = RAML_GROW(l->start, l->cap_start, n + 1, "positions of words", err);
        if (rc) return rc;
        l->start[n++] = i == l->words.len && i ? i + 1 : i;
    }
    *n_words = l->words.len ? n - 1 : 0;
    return RAML_OK;
}

static uint64_t gram(const struct raml_leak *l, size_t i, size_t n)
{
    size_t from = l->start[i], to = l->start[i + n] - 1;
    return raml_hash(l->words.data + from, to - from, 0);
}

static uint64_t whole(const struct raml_leak *l)
{
    return raml_hash(l->words.data, l->words.len, WHOLE);
}

/* -- The index ---------------------------------------------------------------------------------------------------- */

struct entry { /* a gram of a test question, while the index is built */
    uint64_t hash;
    uint32_t question;
};
struct entries {
    struct entry *e;
    size_t n, cap;
};

static int by_hash(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return x->question < y->question ? -1 : x->question > y->question;
}

static enum raml_code add_entry(struct entries *all, uint64_t hash, size_t question, struct raml_err *err)
{
    static const char what[] = "grams of the test questions";
    if (all->n == MAX_GRAMS) return raml_fail(err, RAML_ENOMEM, "no memory for %zu %s", all->n + 1, what);
    enum raml_code rc = RAML_GROW(all->e, all->cap, all->n + 1, what, err);
    if (!rc) all->e[all->n++] = (struct entry){hash, (uint32_t)question};
    return rc;
}

static enum raml_code add_test(struct raml_leak *l, const char *text, size_t question, struct entries *all,
                               struct raml_err *err)
{
    struct raml_leak_hit *h = &l->hit[question];
    enum raml_code rc = split_words(l, text, &h->n_words, err);
    if (rc) return rc;
    h->whole = h->n_words < l->n;
    h->n_grams = h->whole ? h->n_words > 0 : h->n_words - l->n + 1;
    if (h->whole) return h->n_grams ? add_entry(all, whole(l), question, err) : RAML_OK;
    for (size_t i = 0; !rc && i < h->n_grams; i++) rc = add_entry(all, gram(l, i, l->n), question, err);
    return rc;
}

/* The gram's number; SIZE_MAX: no test question contains it. */
static size_t find(const struct raml_leak *l, uint64_t hash)
{
    uint32_t g;
    for (size_t step = 0; (g = raml_hash_map_next(&l->grams, hash, &step)) != RAML_HASH_NONE;)
        if (l->hash[g] == hash) return g;
    return SIZE_MAX;
}

/* Turns sorted entries into grams and posts. */
static enum raml_code index_grams(struct raml_leak *l, const struct entries *all, struct raml_err *err)
{
    size_t n_posts = 0;
    for (size_t i = 0; i < all->n; i++) {
        bool next = !i || all->e[i].hash != all->e[i - 1].hash;
        l->n_grams += next;
        n_posts += next || all->e[i].question != all->e[i - 1].question;
    }
    l->hash = calloc(l->n_grams + 1, sizeof *l->hash);
    l->first = calloc(l->n_grams + 1, sizeof *l->first);
    l->seen = calloc(l->n_grams + 1, sizeof *l->seen);
    l->stamp = calloc(l->n_grams + 1, sizeof *l->stamp);
    l->place = calloc(l->n_grams + 1, sizeof *l->place);
    l->post = calloc(n_posts + 1, sizeof *l->post);
    bool ok = raml_hash_map_reserve(&l->grams, l->n_grams);
    if (!l->hash || !l->first || !l->seen || !l->stamp || !l->place || !l->post || !ok)
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu grams of the test questions", l->n_grams);
    size_t g = 0, p = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct entry *e = &all->e[i];
        bool next = !i || e->hash != e[-1].hash;
        if (next) {
            l->hash[g] = e->hash;
            l->first[g++] = (uint32_t)p;
        }
        if (next || e->question != e[-1].question) l->post[p++] = (struct post){e->question, 0};
        l->post[p - 1].count++;
    }
    l->first[g] = (uint32_t)p;
    for (g = 0; ok && g < l->n_grams; g++) ok = raml_hash_map_add(&l->grams, l->hash[g], (uint32_t)g);
    return ok ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu grams of the test questions", l->n_grams);
}

static enum raml_code index_texts(struct raml_leak *l, const struct raml_questions *test, struct raml_err *err)
{
    struct entries all = {0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < l->n_test; i++)
        rc = add_entry(&all, raml_question_hash(test->question[i].question), i, err);
    if (!rc && all.n) qsort(all.e, all.n, sizeof *all.e, by_hash);
    for (size_t i = 0; !rc && i < l->n_test; i++) {
        l->text_hash[i] = all.e[i].hash;
        l->text_of[i] = all.e[i].question;
    }
    free(all.e);
    return rc;
}

enum raml_code raml_leak_open(const struct raml_questions *test, size_t n, struct raml_leak **out, struct raml_err *err)
{
    struct entries all = {0};
    if (n < 1 || n > RAML_LEAK_MAX_N)
        return raml_fail(err, RAML_ERANGE, "n is %zu; expected 1 to %d words", n, RAML_LEAK_MAX_N);
    if (test->n > UINT32_MAX - 1) return raml_fail(err, RAML_ERANGE, "%zu test questions are too many", test->n);
    struct raml_leak *l = calloc(1, sizeof *l);
    if (!l) return raml_fail(err, RAML_ENOMEM, "no memory for a comparison");
    raml_buf_init(&l->words, MAX_WORDS_BYTES);
    l->n = n;
    l->n_test = test->n;
    l->hit = calloc(test->n + 1, sizeof *l->hit);
    l->text_hash = calloc(test->n + 1, sizeof *l->text_hash);
    l->text_of = calloc(test->n + 1, sizeof *l->text_of);
    l->votes = calloc(test->n + 1, sizeof *l->votes);
    l->voted = calloc(test->n + 1, sizeof *l->voted);
    enum raml_code rc = RAML_OK;
    if (!l->hit || !l->text_hash || !l->text_of || !l->votes || !l->voted)
        rc = raml_fail(err, RAML_ENOMEM, "no memory to compare %zu test questions", test->n);
    if (!rc) rc = index_texts(l, test, err);
    for (size_t i = 0; !rc && i < test->n; i++) rc = add_test(l, test->question[i].question, i, &all, err);
    if (!rc && all.n) qsort(all.e, all.n, sizeof *all.e, by_hash);
    if (!rc) rc = index_grams(l, &all, err);
    free(all.e);
    if (rc) raml_leak_close(l);
    else *out = l;
    return rc;
}

void raml_leak_close(struct raml_leak *l)
{
    if (!l) return;
    free(l->hit);
    free(l->hash);
    free(l->first);
    free(l->seen);
    free(l->stamp);
    free(l->place);
    free(l->post);
    raml_hash_map_deinit(&l->grams);
    free(l->text_hash);
    free(l->text_of);
    free(l->votes);
    free(l->voted);
    free(l->start);
    raml_buf_deinit(&l->words);
    free(l);
}

/* -- The training side -------------------------------------------------------------------------------------------- */

/* A gram of the current training question; may repeat. */
static void vote(struct raml_leak *l, uint64_t hash, struct place at)
{
    size_t g = find(l, hash);
    if (g == SIZE_MAX || l->stamp[g] == l->serial) return;
    l->stamp[g] = l->serial;
    if (!(l->seen[g] & IN_QUESTION)) l->place[g] = at;
    l->seen[g] |= IN_QUESTION;
    if (l->first[g + 1] - l->first[g] > RAML_LEAK_CROWD) return;
    for (uint32_t i = l->first[g]; i < l->first[g + 1]; i++) {
        uint32_t q = l->post[i].question;
        if (!l->votes[q]) l->voted[l->n_voted++] = q;
        l->votes[q] += l->post[i].count;
    }
}

static void count_votes(struct raml_leak *l, struct place at)
{
    for (uint32_t i = 0; i < l->n_voted; i++) {
        struct raml_leak_hit *h = &l->hit[l->voted[i]];
        double share = (double)l->votes[l->voted[i]] / (double)h->n_grams;
        l->votes[l->voted[i]] = 0;
        if (share <= h->near_share) continue;
        h->near_share = share;
        h->near_file = at.file;
        h->near_line = at.line;
    }
    l->n_voted = 0;
}

/* The test questions with exactly the same text. */
static void match_text(struct raml_leak *l, const char *text, struct place at)
{
    uint64_t hash = raml_question_hash(text);
    size_t low = 0, high = l->n_test;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (l->text_hash[mid] < hash) low = mid + 1;
        else high = mid;
    }
    for (; low < l->n_test && l->text_hash[low] == hash; low++) {
        struct raml_leak_hit *h = &l->hit[l->text_of[low]];
        h->same_text = true;
        if (h->near_share >= 1) continue;
        h->near_share = 1;
        h->near_file = at.file;
        h->near_line = at.line;
    }
}

static enum raml_code add_train(struct raml_leak *l, const struct raml_question *q, size_t file, struct raml_err *err)
{
    struct place at = {(uint32_t)file, q->line > UINT32_MAX ? UINT32_MAX : (uint32_t)q->line};
    size_t n;
    enum raml_code rc = split_words(l, q->question, &n, err);
    if (rc) return rc;
    l->serial++;
    if (n && n < l->n) vote(l, whole(l), at);
    for (size_t i = 0; i + l->n <= n; i++) vote(l, gram(l, i, l->n), at);
    count_votes(l, at);
    match_text(l, q->question, at);
    for (size_t i = 0; !rc && i < q->n_trajectories; i++) {
        rc = split_words(l, q->trajectory[i].text, &n, err);
        for (size_t j = 0; !rc && j + l->n <= n; j++) {
            size_t g = find(l, gram(l, j, l->n));
            if (g != SIZE_MAX) l->seen[g] |= IN_SOLUTION;
        }
    }
    return rc;
}

enum raml_code raml_leak_add(struct raml_leak *l, const struct raml_questions *train, size_t file, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < train->n; i++) rc = add_train(l, &train->question[i], file, err);
    return rc;
}

const struct raml_leak_hit *raml_leak_hits(struct raml_leak *l, size_t *n)
{
    for (size_t i = 0; i < l->n_test; i++) l->hit[i].in_questions = l->hit[i].in_solutions = 0;
    for (size_t g = 0; g < l->n_grams; g++) {
        for (uint32_t i = l->first[g]; l->seen[g] && i < l->first[g + 1]; i++) {
            struct raml_leak_hit *h = &l->hit[l->post[i].question];
            double share = l->post[i].count; /* whole numbers: exact in any order */
            if (l->seen[g] & IN_QUESTION) h->in_questions += share;
            if (l->seen[g] & IN_SOLUTION) h->in_solutions += share;
            if (!(l->seen[g] & IN_QUESTION) || h->near_line) continue;
            h->near_file = l->place[g].file; /* none voted: the place of a crowded gram */
            h->near_line = l->place[g].line;
        }
    }
    for (size_t i = 0; i < l->n_test; i++) {
        struct raml_leak_hit *h = &l->hit[i];
        if (h->n_grams) h->in_questions /= (double)h->n_grams;
        if (h->n_grams) h->in_solutions /= (double)h->n_grams;
    }
    *n = l->n_test;
    return l->hit;
}
