/* test_bpe.c - merging words of all lengths, against the rule itself, and the queue that long ones use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "check.h"
#include "fixture.h"
#include "parts.h"
#include "raml/rng.h"
#include "text/bpe_queue.h"

/* ---- the queue -------------------------------------------------------------------------------------------------- */

enum { RANKS = 300, PLACES = 400 };

/* Pushes between pops, of ranks above and below the last one popped, against a table of the contents. */
static void test_queue(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        struct raml_rng r = {.key = {.seed = round, .purpose = RAML_FOR_TEST}};
        static uint8_t there[RANKS][PLACES];
        struct raml_bpe_queue q;
        size_t n = 0;
        memset(there, 0, sizeof there);
        assert_true(raml_bpe_queue_init(&q, RANKS, PLACES));
        for (size_t step = 0; step < 3000; step++) {
            uint32_t rank = raml_rng_below(&r, RANKS), at = raml_rng_below(&r, PLACES), got_rank, got_at;
            if (round % 2) rank = q.rank < 0 ? rank : ((uint32_t)q.rank + rank / 16) % RANKS; /* mostly above */
            if (n < PLACES && raml_rng_below(&r, 5) < 3) {
                raml_bpe_queue_push(&q, rank, at);
                there[rank][at]++;
                n++;
                continue;
            }
            assert_int_equal(raml_bpe_queue_pop(&q, &got_rank, &got_at), n > 0);
            if (n-- == 0) {
                n = 0;
                continue;
            }
            size_t i = 0;
            while (!((uint8_t *)there)[i]) i++;
            if (got_rank != i / PLACES || got_at != i % PLACES)
                fail_msg("round %llu, step %zu: rank %u at %u, expected %zu at %zu", (unsigned long long)round, step,
                         got_rank, got_at, i / PLACES, i % PLACES);
            there[got_rank][got_at]--;
        }
        raml_bpe_queue_deinit(&q);
    }
}

static void test_queue_limits(void **state)
{
    (void)state;
    struct raml_bpe_queue q;
    uint32_t rank, at;
    assert_true(raml_bpe_queue_init(&q, 1 << 24, 2)); /* 64^4 ranks */
    raml_bpe_queue_push(&q, (1 << 24) - 1, 7);
    assert_true(raml_bpe_queue_pop(&q, &rank, &at));
    assert_int_equal(rank, (1 << 24) - 1);
    assert_false(raml_bpe_queue_pop(&q, &rank, &at));
    raml_bpe_queue_deinit(&q);
    assert_false(raml_bpe_queue_init(&q, (1 << 24) + 64, 2));
    raml_bpe_queue_deinit(&q);
}

/* ---- words ------------------------------------------------------------------------------------------------------ */

enum { MERGES = 40, MAX_TEXT = 20000 };

struct model {
    struct raml_tokenizer *t;
    int32_t to[MERGES];     /* by rank */
    uint8_t rank[512][512]; /* of a pair of ids; MERGES: none */
};

/* Random merges of a, b and c, in an order in which they could not have been learned: what a merge makes is often
 * merged by a lower rank, and made by several. */
static void open_model(const struct fixture *f, uint64_t seed, struct model *m)
{
    struct raml_rng r = {.key = {.seed = seed, .purpose = RAML_FOR_TEST}};
    struct raml_err err = {0};
    char text[3 + MERGES][16] = {"a", "b", "c"}, pair[MERGES][2][16];
    size_t n_texts = 3, n = 0;
    CHECK_OK(raml_tokenizer_save(f->bytes, f->path, &err));
    json_t *root = json_load_file(f->path, 0, NULL), *model = json_object_get(root, "model");
    json_t *vocab = json_object_get(model, "vocab"), *list = json_array();
    for (size_t tries = 0; n < MERGES && tries < 10000; tries++) {
        const char *a = text[raml_rng_below(&r, (uint32_t)n_texts)], *b = text[raml_rng_below(&r, (uint32_t)n_texts)];
        bool fresh = strlen(a) + strlen(b) <= 7;
        for (size_t i = 0; i < n; i++) fresh = fresh && (strcmp(pair[i][0], a) != 0 || strcmp(pair[i][1], b) != 0);
        if (!fresh) continue;
        snprintf(pair[n][0], 16, "%.7s", a);
        snprintf(pair[n][1], 16, "%.7s", b);
        snprintf(text[n_texts], 16, "%.7s%.7s", pair[n][0], pair[n][1]);
        if (!json_object_get(vocab, text[n_texts])) {
            json_object_set_new(vocab, text[n_texts], json_integer((json_int_t)(300 + n_texts)));
            n_texts++;
        }
        n++;
    }
    assert_int_equal(n, MERGES);
    memset(m->rank, MERGES, sizeof m->rank);
    uint32_t order[MERGES];
    for (uint32_t i = 0; i < MERGES; i++) order[i] = i;
    raml_rng_shuffle(&r, order, MERGES);
    for (size_t i = 0; i < MERGES; i++)
        json_array_append_new(list, json_pack("[ss]", pair[order[i]][0], pair[order[i]][1]));
    json_object_set_new(model, "merges", list);
    for (size_t i = 0; i < MERGES; i++) {
        char both[32];
        snprintf(both, sizeof both, "%s%s", pair[order[i]][0], pair[order[i]][1]);
        json_int_t left = json_integer_value(json_object_get(vocab, pair[order[i]][0]));
        m->rank[left][json_integer_value(json_object_get(vocab, pair[order[i]][1]))] = (uint8_t)i;
        m->to[i] = (int32_t)json_integer_value(json_object_get(vocab, both));
    }
    assert_int_equal(json_dump_file(root, f->path, JSON_COMPACT), 0);
    json_decref(root);
    CHECK_OK(raml_tokenizer_open(f->path, &m->t, &err));
}

/* The rule: of all pairs that can be merged the one of the lowest rank, the leftmost of them. */
static size_t merge_slowly(const struct model *m, int32_t *id, size_t n)
{
    for (;;) {
        size_t best = MERGES, at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            if (m->rank[id[i]][id[i + 1]] < best) {
                best = m->rank[id[i]][id[i + 1]];
                at = i;
            }
        if (best == MERGES) return n;
        id[at] = m->to[best];
        memmove(id + at + 1, id + at + 2, (n - at - 2) * sizeof *id);
        n--;
    }
}

static void test_words(void **state)
{
    static char text[MAX_TEXT + 1];
    static int32_t want[MAX_TEXT];
    static const size_t length[] = {1, 2, 3, 63, 64, 65, 500, 4096, 4097, 5000};
    for (uint64_t seed = 0; seed < 4; seed++) {
        static struct model m;
        struct raml_err err = {0};
        open_model(*state, seed, &m);
        for (size_t i = 0; i < COUNT(length); i++) {
            struct raml_rng r = {.key = {.seed = seed, .purpose = RAML_FOR_TEST, .question = i}};
            struct raml_tokens got = {0};
            size_t n = length[i];
            const char *letters = i % 3 == 2 ? "aaaaaaac" : "abcabcad"; /* d joins nothing */
            for (size_t k = 0; k < n; k++) want[k] = (unsigned char)(text[k] = letters[raml_rng_below(&r, 8)]);
            text[n] = 0;
            size_t n_want = merge_slowly(&m, want, n);
            for (int again = 0; again < 2; again++) {
                got.n = 0;
                CHECK_OK(raml_tokenizer_encode(m.t, text, n, false, &got, &err));
                if (got.n != n_want) print_error("seed %llu, %zu bytes\n", (unsigned long long)seed, n);
                check_ids(n < 100 ? text : "a long word", got.id, got.n, want, n_want);
            }
            check_trivial_parts(m.t, text, n, false, &got);
            raml_tokens_deinit(&got);
        }
        raml_tokenizer_close(m.t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_queue_limits),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
