/* test_rng.c - Philox4x32-10 against its authors' published vectors, and the guarantees about draws. */
#include "core/scratch.h"

#include "raml/rng.h"

#include <Random123/philox.h>
#include <math.h>

/* Salmon et al. 2011, section 4.1, implemented a second time: ten rounds of two 32x32 multiplications. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a};
        memcpy(c, next, sizeof c);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

/* Random123 1.14, tests/kat_vectors, lines "philox4x32 10": counter, key, result. */
static const struct {
    uint32_t counter[4], key[2], want[4];
} published[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(published); i++) {
        philox4x32_ctr_t c;
        philox4x32_key_t k;
        uint32_t own[4];
        memcpy(c.v, published[i].counter, sizeof c.v);
        memcpy(k.v, published[i].key, sizeof k.v);
        c = philox4x32(c, k);
        assert_memory_equal(c.v, published[i].want, sizeof c.v);
        philox(published[i].counter, published[i].key, own);
        assert_memory_equal(own, published[i].want, sizeof own);
    }
}

/* How a draw's name becomes counter and key is part of every saved seed: it must never change. */
static void names_map_as_written(void **state)
{
    (void)state;
    struct raml_rng r = {.key = {.seed = 99, .purpose = RAML_FOR_TEST}};
    for (int i = 0; i < 1000; i++) {
        uint32_t w[10], mixed[4], round[4], got[4], want[4];
        for (int j = 0; j < 10; j++) w[j] = raml_rng_below(&r, UINT32_MAX);
        struct raml_key key = {(uint64_t)w[0] << 32 | w[1], w[2], (uint64_t)w[3] << 32 | w[4], w[5], 0};
        uint64_t position = (uint64_t)w[6] << 32 | w[7];
        philox((uint32_t[]){w[2], w[5], 0x52614d4c, 0}, (uint32_t[]){w[1], w[0]}, mixed);
        philox((uint32_t[]){w[7], w[6], w[4], w[3]}, mixed, want);
        raml_random4(&key, position, got); /* round 0 is not part of the name */
        assert_memory_equal(got, want, sizeof got);
        key.round = (uint64_t)w[8] << 32 | w[9];
        philox((uint32_t[]){w[9], w[8], 0x52614d4c, 1}, mixed, round);
        philox((uint32_t[]){w[7], w[6], w[4], w[3]}, round, want);
        raml_random4(&key, position, got);
        assert_memory_equal(got, want, sizeof got);
    }
}

/* Equal names draw equal values; any changed part draws others. */
static void names_tell_draws_apart(void **state)
{
    (void)state;
    const struct raml_key a = {1, RAML_FOR_SAMPLE, 2, 3, 0};
    struct raml_key other[] = {a, a, a, a, a, a, a};
    other[1].seed = (uint64_t)1 << 32 | 1;
    other[2].purpose = RAML_FOR_SELECTION;
    other[3].question = (uint64_t)1 << 40;
    other[4].sample = 4;
    other[5].round = 1;
    other[6].round = (uint64_t)1 << 32;
    for (uint64_t at = 0; at < 50; at++) {
        uint32_t first[4], second[4];
        raml_random4(&a, at, first);
        for (size_t i = 0; i < COUNT(other); i++) {
            raml_random4(&other[i], at, second);
            assert_int_equal(memcmp(first, second, sizeof first) == 0, i == 0);
        }
        raml_random4(&a, at + ((uint64_t)1 << 33), second);
        assert_memory_not_equal(first, second, sizeof first);
    }
}

static void uniform_is_uniform(void **state)
{
    (void)state;
    enum { N = 200000, CELLS = 64 };
    struct raml_key k = {0, RAML_FOR_TEST, 0, 0, 0}; /* 0 is a seed like any other */
    double sum = 0, cells[CELLS] = {0}, lag = 0, before = 0.5;
    for (uint64_t i = 0; i < N; i++) {
        double u = raml_uniform(&k, i);
        assert_true(u >= 0 && u < 1);
        sum += u;
        lag += (u - 0.5) * (before - 0.5);
        before = u;
        cells[(int)(u * CELLS)]++;
    }
    double chi = 0, want = (double)N / CELLS;
    for (int i = 0; i < CELLS; i++) chi += (cells[i] - want) * (cells[i] - want) / want;
    assert_true(fabs(sum / N - 0.5) <= 5 * sqrt(1.0 / 12 / N)); /* 5 deviations */
    assert_true(fabs(lag / N) <= 5 * (1.0 / 12) / sqrt(N));
    assert_true(chi <= 63 + 5 * sqrt(2 * 63.0) && chi >= 63 - 5 * sqrt(2 * 63.0));
}

static void normal_is_normal(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct raml_key k = {5, RAML_FOR_TEST, 1, 0, 0};
    double m[5] = {0};
    int beyond = 0;
    for (uint64_t i = 0; i < N; i++) {
        double x = raml_normal(&k, i), p = 1;
        assert_true(isfinite(x));
        beyond += fabs(x) > 1.959963984540054;
        for (int j = 1; j < 5; j++) m[j] += p *= x;
    }
    assert_true(fabs(m[1] / N) <= 5 / sqrt(N)); /* moments 0, 1, 0, 3; variances 1, 2, 15, 96 */
    assert_true(fabs(m[2] / N - 1) <= 5 * sqrt(2.0 / N));
    assert_true(fabs(m[3] / N) <= 5 * sqrt(15.0 / N));
    assert_true(fabs(m[4] / N - 3) <= 5 * sqrt(96.0 / N));
    assert_true(fabs(beyond / (double)N - 0.05) <= 5 * sqrt(0.05 * 0.95 / N));
}

/* The draws of a question that is asked in many rounds have nothing to do with each other. */
static void rounds_are_independent(void **state)
{
    (void)state;
    enum { N = 20000, CELLS = 16 };
    double lag = 0, cells[CELLS] = {0}, chi = 0;
    for (uint64_t i = 0; i < N; i++) {
        const struct raml_key k = {3, RAML_FOR_SAMPLE, 7, 1, i}, next = {3, RAML_FOR_SAMPLE, 7, 1, i + 1};
        double u = raml_uniform(&k, 5), v = raml_uniform(&next, 5);
        lag += (u - 0.5) * (v - 0.5);
        cells[(int)(u * CELLS)]++;
    }
    for (int i = 0; i < CELLS; i++) chi += pow(cells[i] - (double)N / CELLS, 2) / ((double)N / CELLS);
    assert_true(fabs(lag / N) <= 5 * (1.0 / 12) / sqrt(N)); /* 5 deviations */
    assert_true(chi <= 15 + 5 * sqrt(2 * 15.0));
}

static void below_is_even_and_in_range(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 2, 3, 10, 7919, 1u << 31, UINT32_MAX};
    struct raml_key k = {8, RAML_FOR_TEST, 0, 9, 0};
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (uint64_t i = 0; i < 2000; i++) assert_true(raml_below(&k, i, sizes[s]) < sizes[s]);
    enum { N = 70000 };
    int hits[7] = {0};
    for (uint64_t i = 0; i < N; i++) hits[raml_below(&k, i, 7)]++;
    for (int i = 0; i < 7; i++) assert_true(abs(hits[i] - N / 7) <= 5 * sqrt(N * (1.0 / 7) * (6.0 / 7)));
}

static void walk_and_range(void **state)
{
    (void)state;
    struct raml_rng r = {.key = {.seed = 4, .purpose = RAML_FOR_TEST}};
    for (uint64_t i = 0; i < 100; i++) { /* a walk is the stream, one position per draw */
        assert_int_equal(r.position, i);
        if (i % 2) assert_true(raml_rng_uniform(&r) == raml_uniform(&r.key, i));
        else assert_int_equal(raml_rng_below(&r, 1000), raml_below(&r.key, i, 1000));
    }
    int low = 0, high = 0;
    for (int i = 0; i < 500; i++) {
        int64_t x = raml_rng_range(&r, -3, 4);
        assert_true(x >= -3 && x <= 4);
        low += x == -3;
        high += x == 4;
    }
    assert_true(low > 0 && high > 0); /* both ends are drawn */
    assert_int_equal(raml_rng_range(&r, INT64_MAX, INT64_MAX), INT64_MAX);
    for (int i = 0; i < 100; i++) {
        int64_t x = raml_rng_range(&r, -5, INT64_C(4294967289)); /* the widest: 2^32 - 1 values */
        assert_true(x >= -5 && x <= INT64_C(4294967289));
    }
}

static void shuffle_gives_every_order(void **state)
{
    (void)state;
    enum { N = 24000 };
    int hits[256] = {0}, orders = 0;
    struct raml_rng r = {.key = {.seed = 11, .purpose = RAML_FOR_SHUFFLE}};
    for (int i = 0; i < N; i++) {
        uint32_t x[4] = {0, 1, 2, 3}, seen = 0;
        raml_rng_shuffle(&r, x, 4);
        for (int j = 0; j < 4; j++) seen |= 1u << x[j];
        assert_int_equal(seen, 15);
        hits[x[0] << 6 | x[1] << 4 | x[2] << 2 | x[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        if (!hits[i]) continue;
        orders++;
        assert_true(abs(hits[i] - N / 24) <= 5 * sqrt(N / 24.0));
    }
    assert_int_equal(orders, 24);
    uint32_t one[1] = {42};
    raml_rng_shuffle(&r, one, 1);
    raml_rng_shuffle(&r, one, 0);
    assert_int_equal(one[0], 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),      cmocka_unit_test(names_map_as_written),
        cmocka_unit_test(names_tell_draws_apart), cmocka_unit_test(uniform_is_uniform),
        cmocka_unit_test(normal_is_normal),       cmocka_unit_test(below_is_even_and_in_range),
        cmocka_unit_test(walk_and_range),         cmocka_unit_test(shuffle_gives_every_order),
        cmocka_unit_test(rounds_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
