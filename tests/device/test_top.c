/* The largest logits of rows, by tiles of the vocabulary, against a sort of the whole row; ties, NaN, small rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"
#include "device/far.h"

enum { MAX_ROWS = 5, MAX_V = 3000, MAX_K = 40 };

static const float *sorted_row;

static int by_logit(const void *pa, const void *pb)
{
    int32_t a = *(const int32_t *)pa, b = *(const int32_t *)pb;
    if (sorted_row[a] != sorted_row[b]) return sorted_row[a] > sorted_row[b] ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* Tokens of a row, the largest logit first; returns how many are numbers. */
static size_t sort_row(const float *z, size_t V, int32_t *order)
{
    size_t n = 0;
    for (size_t i = 0; i < V; i++)
        if (z[i] == z[i] && z[i] != -INFINITY) order[n++] = (int32_t)i;
    sorted_row = z;
    qsort(order, n, sizeof *order, by_logit);
    return n;
}

/* Runs z [n, V] in tiles through a device, and compares. */
static void check(const struct raml_device *dev, const float *z, size_t n, size_t V, size_t tile, size_t gap, size_t k)
{
    const struct raml_backend *b = raml_backend_of(dev);
    size_t ld = tile + gap;
    float *part = calloc(n * ld, sizeof *part), *at = raml_array_new(dev, n * ld, sizeof *at);
    float logit[MAX_ROWS * MAX_K];
    int32_t token[MAX_ROWS * MAX_K], *order = calloc(V, sizeof *order);
    struct raml_top_logits top = {k, raml_array_new(dev, n * k + 1, sizeof *top.logit),
                                  raml_array_new(dev, n * k + 1, sizeof *top.token)};
    assert_true(part && at && order && top.logit && top.token);
    for (size_t v0 = 0; v0 < V; v0 += tile) {
        size_t v = V - v0 < tile ? V - v0 : tile;
        for (size_t r = 0; r < n; r++) memcpy(part + r * ld, z + r * V + v0, v * sizeof *part);
        b->upload(dev, at, part, n * ld * sizeof *part);
        b->top_tile(dev, &top, &(struct raml_logits_tile){at, ld, v0, v}, n);
    }
    b->download(dev, logit, top.logit, n * k * sizeof *logit);
    b->download(dev, token, top.token, n * k * sizeof *token);
    assert_int_equal(b->sync(dev, NULL), RAML_OK);
    for (size_t r = 0; r < n; r++) {
        size_t there = sort_row(z + r * V, V, order);
        for (size_t i = 0; i < k; i++) {
            assert_int_equal(token[r * k + i], i < there ? order[i] : -1);
            assert_true(logit[r * k + i] == (i < there ? z[r * V + (size_t)order[i]] : -INFINITY));
        }
    }
    raml_array_free(dev, top.logit);
    raml_array_free(dev, top.token);
    raml_array_free(dev, at);
    free(part);
    free(order);
}

static void check_all(const struct raml_device *dev)
{
    static const size_t sizes[] = {1, 2, 31, 32, 33, 63, 64, 65, 257, MAX_V}, tiles[] = {1, 7, 64, 1000, MAX_V},
                        ks[] = {1, 2, 5, 20, MAX_K};
    static float z[MAX_ROWS * MAX_V];
    uint64_t state = 1;
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t t = 0; t < COUNT(tiles); t++) {
            if (tiles[t] == 1 && sizes[s] > 300) continue;
            size_t n = 1 + (s + t) % MAX_ROWS;
            for (size_t i = 0; i < n * sizes[s]; i++) z[i] = draw_unit(&state) * 10;
            for (size_t i = 0; i < n * sizes[s]; i += 3) z[i] = (float)(int)z[i]; /* ties */
            for (size_t i = 0; i < n * sizes[s]; i += 41) z[i] = i % 2 ? NAN : -INFINITY;
            for (size_t k = 0; k < COUNT(ks); k++) check(dev, z, n, sizes[s], tiles[t], s % 2 * 3, ks[k]);
        }
}

static void test_processor(void **state)
{
    (void)state;
    for (int threads = 1; threads <= 2; threads++) {
        struct raml_device *dev;
        assert_int_equal(raml_device_open(threads, "auto", &dev, NULL), RAML_OK);
        check_all(dev);
        raml_device_close(dev);
    }
}

static void test_far(void **state)
{
    (void)state;
    struct raml_device *dev;
    assert_int_equal(far_open(&dev, NULL), RAML_OK);
    check_all(dev);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_processor), cmocka_unit_test(test_far)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
