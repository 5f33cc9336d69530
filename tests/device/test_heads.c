/* Between projection and attention, every level against the reference: bias, head norm, rotary embedding, key/value
 * pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"

#define REF (&raml_ops_ref)

static const size_t rows_list[] = {0, 1, 7, 8, 9, 31, 33, 64, 65, 200};
static const size_t dims[] = {2, 6, 12, 16, 32, 64, 80, 128, 256};
static const struct {
    size_t H, K;
} groups[] = {{1, 1}, {5, 1}, {4, 2}, {8, 8}};

/* As in test_rows.c; rotation and norm keep a head's size, so its errors are relative to its largest value.
 */
static const double REL = 1e-5;

enum {
    POSITIONS = 50,
    BIAS = 1,
    NORM = 2,
    RAW = 4,
    WHOLE = 8 /* with NORM */,
    STILL = 16 /* no rotation */,
    KINDS = 32
};

struct rig { /* a call's inputs, and the outputs of both sides */
    struct raml_heads h;
    int32_t position[200];
    size_t n, wide;  /* values in qkv, in a row of it */
    size_t n_q, n_k; /* weights of the norms */
    float *angles;
};

static void open_rig(struct rig *g, bool bf16, size_t n, size_t H, size_t K, size_t D, unsigned parts, uint64_t *state)
{
    float *cos_sin = guarded(POSITIONS * D * 4);
    for (size_t p = 0; p < POSITIONS; p++)
        for (size_t i = 0; i < D / 2; i++) {
            double angle = (double)p * pow(100, -2.0 * (double)i / (double)D);
            cos_sin[p * D + i] = (float)cos(angle);
            cos_sin[p * D + D / 2 + i] = (float)sin(angle);
        }
    *g = (struct rig){.wide = (H + 2 * K) * D, .n = n * (H + 2 * K) * D};
    for (size_t r = 0; r < n; r++) g->position[r] = (int32_t)(draw(state) % POSITIONS);
    g->h = (struct raml_heads){.bf16 = bf16, .n = n, .H = H, .K = K, .D = D, .cos_sin = cos_sin, .eps = 1e-6f};
    if (parts & BIAS) g->h.bias = random_f32(g->wide, 1, state);
    g->h.whole = parts & NORM && parts & WHOLE;
    g->n_q = g->h.whole ? H * D : D, g->n_k = g->h.whole ? K * D : D;
    if (parts & NORM) g->h.q_w = random_f32(g->n_q, 1, state);
    if (parts & NORM) g->h.k_w = random_f32(g->n_k, 1, state);
    g->angles = cos_sin;
    if (parts & STILL) g->h.cos_sin = NULL;
}
static void close_rig(struct rig *g)
{
    size_t D = g->h.D;
    drop(g->angles, POSITIONS * D * 4);
    if (g->h.bias) drop((void *)(uintptr_t)g->h.bias, g->wide * 4);
    if (g->h.q_w) drop((void *)(uintptr_t)g->h.q_w, g->n_q * 4), drop((void *)(uintptr_t)g->h.k_w, g->n_k * 4);
}

static void forward_case(const struct raml_ops *ops, bool bf16, size_t n, size_t H, size_t K, size_t D, unsigned parts,
                         uint64_t *state)
{
    struct rig g;
    open_rig(&g, bf16, n, H, K, D, parts, state);
    size_t s = act_bytes(bf16), raw_bytes = n * (H + K) * D * s;
    void *in = random_act(bf16, g.n, 1, state), *qkv[2], *raw[2];
    for (int k = 0; k < 2; k++) {
        qkv[k] = copy_of(in, g.n * s), raw[k] = guarded(raw_bytes);
        struct raml_heads h = g.h;
        h.qkv = qkv[k], h.raw = parts & RAW ? raw[k] : NULL, h.position = g.position;
        (k ? REF : ops)->heads(&h);
    }
    check_rows("heads", bf16, qkv[0], qkv[1], n * (H + 2 * K), D, REL);
    if (parts & RAW) check_rows("heads: before the norm", bf16, raw[0], raw[1], n * (H + K), D, REL);
    for (int k = 0; k < 2; k++) drop(qkv[k], g.n * s), drop(raw[k], raw_bytes);
    drop(in, g.n * s);
    close_rig(&g);
}

/* Raw values keep away from 0, so that 1/rms stays below 10 and cancelled terms within ten times the rest. */
static void *raw_act(bool bf16, size_t n, uint64_t *state)
{
    void *p = guarded(n * act_bytes(bf16));
    for (size_t i = 0; i < n; i++) {
        float u = draw_unit(state);
        act_put(bf16, p, i, u < 0 ? u - 0.1f : u + 0.1f);
    }
    return p;
}

static void backward_case(const struct raml_ops *ops, bool bf16, size_t n, size_t H, size_t K, size_t D, unsigned parts,
                          uint64_t *state)
{
    struct rig g;
    open_rig(&g, bf16, n, H, K, D, parts, state);
    size_t s = act_bytes(bf16), raw_n = n * (H + K) * D, scratch_bytes = 2 * (H + 2 * K + 2) * D * 4;
    size_t all = g.wide + g.n_q + g.n_k;
    void *in = random_act(bf16, g.n, 1, state), *raw = raw_act(bf16, raw_n, state), *dqkv[2];
    float *start = random_f32(all, 1, state), *sums[2], *scratch = guarded(scratch_bytes);
    for (int k = 0; k < 2; k++) {
        dqkv[k] = copy_of(in, g.n * s), sums[k] = copy_of(start, all * 4);
        struct raml_heads h = g.h;
        h.raw = parts & NORM ? raw : NULL, h.position = g.position;
        (k ? REF : ops)
            ->heads_back(&h, dqkv[k], parts & BIAS ? sums[k] : NULL, parts & NORM ? sums[k] + g.wide : NULL,
                         parts & NORM ? sums[k] + g.wide + g.n_q : NULL, scratch);
    }
    check_rows("heads_back", bf16, dqkv[0], dqkv[1], n, g.wide, REL);
    /* a bias takes the sum of what was rounded: bf16 may be rounded to the other side */
    check_rows("heads_back: sums", false, sums[0], sums[1], 1, all, bf16 ? 5e-4 : 2 * REL);
    if (!(parts & BIAS)) check_same("no bias, no sum", sums[0], start, g.wide * 4);
    if (!(parts & NORM)) check_same("no norm, no sum", sums[0] + g.wide, start + g.wide, (g.n_q + g.n_k) * 4);
    for (int k = 0; k < 2; k++) drop(dqkv[k], g.n * s), drop(sums[k], all * 4);
    drop(in, g.n * s), drop(raw, raw_n * s), drop(start, all * 4), drop(scratch, scratch_bytes);
    close_rig(&g);
}

static void each_shape(const struct raml_ops *ops, bool bf16,
                       void (*check)(const struct raml_ops *, bool, size_t n, size_t H, size_t K, size_t D,
                                     unsigned parts, uint64_t *))
{
    uint64_t state = 21;
    unsigned parts = 0;
    for (size_t d = 0; d < COUNT(dims); d++)
        for (size_t g = 0; g < COUNT(groups); g++) {
            for (size_t k = 0; k < (dims[d] < 64 ? 6 : 2); k++)
                check(ops, bf16, rows_list[(d + g + k) % 6], groups[g].H, groups[g].K, dims[d], parts++ % KINDS,
                      &state);
            if (dims[d] <= 12)
                check(ops, bf16, rows_list[6 + g], groups[g].H, groups[g].K, dims[d], parts++ % KINDS, &state);
        }
}

/* Keys and values land in their cells, and nothing else in the pages changes. */
static void store_case(const struct raml_ops *ops, bool bf16, size_t n, size_t H, size_t K, size_t D, unsigned parts,
                       uint64_t *state)
{
    (void)parts;
    enum { PAGES = 6 };
    size_t s = act_bytes(bf16), bytes = PAGES * K * raml_page_elements(D) * s, width = (H + 2 * K) * D;
    void *qkv = random_act(bf16, n * width, 1, state), *k[2], *v[2];
    uint32_t page[200];
    uint8_t slot[200];
    uint32_t first = draw(state) % 64;
    for (size_t r = 0; r < n; r++) {
        page[r] = (uint32_t)(first + r) / 64;
        page[r] = PAGES - 1 - page[r];
        slot[r] = (uint8_t)((first + r) % 64);
    }
    for (int i = 0; i < 2; i++) {
        k[i] = guarded(bytes), v[i] = guarded(bytes);
        (i ? REF : ops)->store_kv(bf16, k[i], v[i], qkv, page, slot, n, H, K, D);
    }
    check_same("store_kv: keys", k[0], k[1], bytes);
    check_same("store_kv: values", v[0], v[1], bytes);
    for (int i = 0; i < 2; i++) drop(k[i], bytes), drop(v[i], bytes);
    drop(qkv, n * width * s);
}

static void forward(const struct raml_ops *ops, bool bf16)
{
    each_shape(ops, bf16, forward_case);
}
static void backward(const struct raml_ops *ops, bool bf16)
{
    each_shape(ops, bf16, backward_case);
}
static void store(const struct raml_ops *ops, bool bf16)
{
    each_shape(ops, bf16, store_case);
}

/* The layout of a page as described in ops.h, by hand: the reference itself is checked here. */
static void test_page_layout(void **state)
{
    (void)state;
    enum { D = 6, DP = 16, H = 1, K = 2, WIDTH = (H + 2 * K) * D };
    float qkv[WIDTH], k[K * RAML_PAGE * DP] = {0}, v[K * RAML_PAGE * DP] = {0};
    uint16_t h_qkv[WIDTH], h_k[K * RAML_PAGE * DP] = {0}, h_v[K * RAML_PAGE * DP] = {0};
    for (int i = 0; i < WIDTH; i++) qkv[i] = (float)(i + 1), h_qkv[i] = bf16_down(qkv[i]);
    const uint32_t page = 0;
    const uint8_t slot = 5;
    assert_int_equal(raml_page_elements(D), RAML_PAGE * DP);
    REF->store_kv(false, k, v, qkv, &page, &slot, 1, H, K, D);
    REF->store_kv(true, h_k, h_v, h_qkv, &page, &slot, 1, H, K, D);
    for (size_t g = 0; g < K; g++)
        for (size_t i = 0; i < D; i++) {
            size_t at = g * RAML_PAGE * DP;
            float key = qkv[(H + g) * D + i], value = qkv[(H + K + g) * D + i];
            assert_true(k[at + i * 64 + slot] == key);
            assert_true(v[at + slot * DP + i] == value);
            assert_true(bf16_up(h_k[at + (i / 2 * 64 + slot) * 2 + i % 2]) == key);
            assert_true(bf16_up(h_v[at + ((size_t)(slot / 2) * DP + i) * 2 + slot % 2]) == value);
        }
}

/* One head of two by hand: (x0, x1) rotated by `position` radians after bias and norm. */
static void test_by_hand(void **state)
{
    (void)state;
    float qkv[6] = {3, 4, 1, 0, 7, 8}, cos_sin[4] = {1, 0, (float)cos(1), (float)sin(1)};
    const float bias[6] = {0, 0, 0, 1, 1, -1}, q_w[2] = {1, 2}, k_w[2] = {1, 1};
    const int32_t position = 1;
    struct raml_heads h = {.n = 1,
                           .H = 1,
                           .K = 1,
                           .D = 2,
                           .qkv = qkv,
                           .bias = bias,
                           .q_w = q_w,
                           .k_w = k_w,
                           .position = &position,
                           .cos_sin = cos_sin};
    REF->heads(&h);
    /* q: (3, 4) / sqrt(12.5) * (1, 2);  k: (1, 1) / 1;  v: (8, 7) */
    double q0 = 3 / sqrt(12.5), q1 = 8 / sqrt(12.5), c = cos(1), s = sin(1);
    const double want[6] = {q0 * c - q1 * s, q1 * c + q0 * s, c - s, c + s, 8, 7};
    for (int i = 0; i < 6; i++) assert_true(fabs(qkv[i] - want[i]) <= 1e-6);
}

static void test_forward(void **state)
{
    (void)state;
    each_level(forward);
}
static void test_backward(void **state)
{
    (void)state;
    each_level(backward);
}
static void test_store(void **state)
{
    (void)state;
    each_level(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_page_layout),
                                       cmocka_unit_test(test_forward), cmocka_unit_test(test_backward),
                                       cmocka_unit_test(test_store)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
