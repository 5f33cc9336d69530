/* Log-probability and entropy by tiles of the vocabulary, and back: every level against the reference, and the
 * reference against sums over the whole row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "check.h"

#define REF (&raml_ops_ref)

enum { ROWS = 33, STRIDE = 12 };

struct rows { /* running state of n rows */
    float max[ROWS], sum[ROWS], dot[ROWS], target[ROWS];
    int32_t argmax[ROWS];
};
struct record { /* tokens are inside larger records */
    uint32_t row;
    int32_t token;
    uint32_t other;
};

static void start(struct rows *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->max[i] = -INFINITY;
        s->sum[i] = s->dot[i] = 0;
        s->target[i] = 12345;
        s->argmax[i] = 0;
    }
}

/* Passes z [n, V] in tiles of `tile` columns, each copied out with rows `ld` apart. */
static void run_tiles(const struct raml_ops *ops, struct rows *s, const float *z, const struct record *target, size_t n,
                      size_t V, size_t tile, size_t gap, bool argmax)
{
    struct raml_loss_rows rows = {s->max, s->sum, s->dot, s->target, argmax ? s->argmax : NULL};
    start(s, n);
    for (size_t v0 = 0; v0 < V; v0 += tile) {
        size_t v = V - v0 < tile ? V - v0 : tile, ld = v + gap, bytes = n * ld * 4;
        float *part = guarded(bytes);
        for (size_t r = 0; r < n; r++) memcpy(part + r * ld, z + r * V + v0, v * 4);
        ops->loss_tile(&rows, part, ld, &target[0].token, sizeof *target, n, v0, v);
        drop(part, bytes);
    }
}

static struct record *sample_tokens(size_t n, size_t V, uint64_t *state)
{
    struct record *s = calloc(n + 1, sizeof *s);
    assert_int_equal(sizeof *s, STRIDE);
    for (size_t i = 0; i < n; i++) s[i].token = (int32_t)(draw(state) % V);
    return s;
}

/* Bounds: log p and entropy come from lse - z; both carry the rounding of numbers of size |z|, 2^-23 |z| each, and the
 * sum's, 1e-6. */
static void check_forward(const struct raml_ops *ops, size_t n, size_t V, size_t tile, float scale, float shift,
                          uint64_t *state)
{
    float *z = random_f32(n * V, scale, state);
    for (size_t i = 0; i < n * V; i++) z[i] += shift;
    struct record *target = sample_tokens(n, V, state);
    struct rows got;
    run_tiles(ops, &got, z, target, n, V, tile, draw(state) % 4, true);
    double tol = 2e-6 + 1e-6 * (fabs((double)scale) + fabs((double)shift));
    for (size_t r = 0; r < n; r++) {
        const float *x = z + r * V;
        size_t best = 0;
        for (size_t i = 1; i < V; i++)
            if (x[i] > x[best]) best = i;
        double sum = 0, dot = 0;
        for (size_t i = 0; i < V; i++) {
            double p = exp((double)x[i] - x[best]);
            sum += p;
            dot += p * ((double)x[i] - x[best]);
        }
        double logp = (double)x[target[r].token] - x[best] - log(sum), entropy = log(sum) - dot / sum;
        float lse = got.max[r] + logf(got.sum[r]);
        assert_true(got.max[r] == x[best]);
        assert_int_equal(got.argmax[r], best);
        if (!(fabs(got.target[r] - lse - logp) <= tol))
            fail_msg("%s: V %zu tile %zu: logp %.9g, expected %.9g", ops->level, V, tile, got.target[r] - (double)lse,
                     logp);
        if (!(fabs(lse - got.dot[r] / got.sum[r] - entropy) <= tol))
            fail_msg("%s: V %zu tile %zu: entropy %.9g, expected %.9g", ops->level, V, tile,
                     lse - (double)(got.dot[r] / got.sum[r]), entropy);
    }
    drop(z, n * V * 4);
    free(target);
}

static void forward(const struct raml_ops *ops, bool bf16)
{
    if (bf16) return; /* logits are f32 in both */
    static const size_t vocabularies[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 130, 1000};
    uint64_t state = 31;
    for (size_t i = 0; i < COUNT(vocabularies); i++) {
        size_t V = vocabularies[i], n = (size_t[]){1, 7, 8, 9, 31, 33}[i % 6];
        check_forward(ops, n, V, V, 5, 0, &state);
        check_forward(ops, n, V, V / 3 + 1, 5, 0, &state);
        check_forward(ops, n, V, 1, 5, 0, &state);
        check_forward(ops, n, V, V / 2 + 1, 80, 0, &state);
        check_forward(ops, n, V, V / 2 + 1, 1e4f, 0, &state);
        check_forward(ops, n, V, V / 2 + 1, 1e-3f, 80, &state);
        check_forward(ops, n, V, V / 2 + 1, 1, -80, &state);
        check_forward(ops, n, V, V / 2 + 1, 0, 0, &state); /* all equal: the first is the greedy one */
    }
    check_forward(ops, 0, 5, 5, 1, 0, &state);
}

/* Rising maxima from tile to tile rescale the sums; without argmax, nothing else changes. */
static void rising(const struct raml_ops *ops, bool bf16)
{
    if (bf16) return;
    enum { V = 100 };
    uint64_t state = 32;
    float *z = random_f32(V, 1, &state);
    struct record *target = sample_tokens(1, V, &state);
    for (int i = 0; i < V; i++) z[i] += (float)i * 3; /* each tile's maximum is 30 above the one before */
    struct rows a, b;
    run_tiles(ops, &a, z, target, 1, V, 10, 0, true);
    run_tiles(ops, &b, z, target, 1, V, 10, 0, false);
    assert_true(a.max[0] == b.max[0] && a.sum[0] == b.sum[0] && a.dot[0] == b.dot[0] && a.target[0] == b.target[0]);
    assert_int_equal(b.argmax[0], 0);
    run_tiles(REF, &b, z, target, 1, V, V, 0, true);
    assert_int_equal(a.argmax[0], b.argmax[0]);
    assert_true(fabs(a.sum[0] - b.sum[0]) <= 2e-6 * b.sum[0] &&
                fabs(a.dot[0] - b.dot[0]) <= 2e-6 * fabs((double)b.dot[0]));
    /* two equal maxima in different tiles: the first stays */
    z[3] = z[77] = 1000;
    run_tiles(ops, &a, z, target, 1, V, 10, 0, true);
    assert_int_equal(a.argmax[0], 3);
    drop(z, V * 4);
    free(target);
}

static void back_case(const struct raml_ops *ops, bool bf16, size_t n, size_t V, size_t tile, float scale,
                      bool with_entropy, uint64_t *state)
{
    float *z = random_f32(n * V, scale, state), *c = random_f32(n, 2, state), *e = random_f32(n, 2, state);
    float lse[ROWS], entropy[ROWS];
    struct record *target = sample_tokens(n, V, state);
    struct rows s;
    run_tiles(REF, &s, z, target, n, V, V, 0, false);
    for (size_t r = 0; r < n; r++) {
        lse[r] = s.max[r] + logf(s.sum[r]);
        entropy[r] = lse[r] - s.dot[r] / s.sum[r];
    }
    for (size_t v0 = 0; v0 < V; v0 += tile) {
        size_t v = V - v0 < tile ? V - v0 : tile, ld = v + 2, bytes = n * v * act_bytes(bf16);
        float *part = guarded(n * ld * 4);
        void *dz[2];
        for (size_t r = 0; r < n; r++) memcpy(part + r * ld, z + r * V + v0, v * 4);
        for (int k = 0; k < 2; k++) {
            dz[k] = guarded(bytes);
            (k ? REF : ops)
                ->loss_tile_back(bf16, dz[k], part, ld, lse, entropy, c, with_entropy ? e : NULL, &target[0].token,
                                 sizeof *target, n, v0, v);
        }
        for (size_t r = 0; r < n; r++)
            for (size_t i = 0; i < v; i++) {
                /* log p carries 2^-23 of numbers of size |z|, and p that share of itself; it is weighted by c + e (log
                 * p + H), and p |log p| < 0.4 */
                double want = act_at(bf16, dz[1], r * v + i), got = act_at(bf16, dz[0], r * v + i);
                double tol =
                    3e-7 * (2 + scale) * (fabs((double)c[r]) + fabs((double)e[r]) * (1 + fabs((double)entropy[r])));
                if (!(fabs(got - want) <= tol + (bf16 ? fabs(want) / 128 : 0)))
                    fail_msg("%s: V %zu tile at %zu: dz %.9g, expected %.9g", ops->level, V, v0, got, want);
            }
        drop(part, n * ld * 4);
        for (int k = 0; k < 2; k++) drop(dz[k], bytes);
    }
    drop(z, n * V * 4), drop(c, n * 4), drop(e, n * 4);
    free(target);
}

static void back(const struct raml_ops *ops, bool bf16)
{
    static const size_t vocabularies[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 130, 1000};
    uint64_t state = 33;
    for (size_t i = 0; i < COUNT(vocabularies); i++) {
        size_t V = vocabularies[i], n = (size_t[]){1, 7, 8, 9, 31, 33}[i % 6];
        back_case(ops, bf16, n, V, V, 3, true, &state);
        back_case(ops, bf16, n, V, V / 3 + 1, 3, false, &state);
        back_case(ops, bf16, n, V, V / 2 + 1, 80, true, &state);
        back_case(ops, bf16, n, V, V, 1000, true, &state);
    }
    back_case(ops, bf16, 0, 5, 5, 1, true, &state);
}

/* The reference's gradient is the slope of the loss: central differences in double over whole rows. */
static double loss_of(const double *z, size_t V, size_t token, double c, double e)
{
    double max = z[0], sum = 0, dot = 0;
    for (size_t i = 0; i < V; i++) max = z[i] > max ? z[i] : max;
    for (size_t i = 0; i < V; i++) {
        sum += exp(z[i] - max);
        dot += exp(z[i] - max) * (z[i] - max);
    }
    return c * (z[token] - max - log(sum)) + e * (log(sum) - dot / sum);
}
static void test_slope(void **state)
{
    (void)state;
    enum { V = 23 };
    uint64_t seed = 34;
    float *zf = random_f32(V, 3, &seed), dz[V], c = 0.7f, e = -1.3f;
    struct record target = {0, 5, 0};
    struct rows s;
    run_tiles(REF, &s, zf, &target, 1, V, V, 0, false);
    float lse = s.max[0] + logf(s.sum[0]), entropy = lse - s.dot[0] / s.sum[0];
    REF->loss_tile_back(false, dz, zf, V, &lse, &entropy, &c, &e, &target.token, sizeof target, 1, 0, V);
    double z[V], h = 1e-5;
    for (int i = 0; i < V; i++) z[i] = zf[i];
    for (int i = 0; i < V; i++) {
        z[i] = zf[i] + h;
        double up = loss_of(z, V, 5, c, e);
        z[i] = zf[i] - h;
        double down = loss_of(z, V, 5, c, e);
        z[i] = zf[i];
        if (!(fabs(dz[i] - (up - down) / (2 * h)) <= 2e-6))
            fail_msg("dz[%d] %g, slope %g", i, dz[i], (up - down) / (2 * h));
    }
    drop(zf, V * 4);
}

/* exp of all, at sizes around a vector and around a block of 4096; -infinity and far below give 0. */
static void exps(const struct raml_ops *ops, bool bf16)
{
    if (bf16) return;
    static const size_t sizes[] = {0, 1, 7, 15, 16, 17, 33, 1000, 4096, 4097, 9001};
    uint64_t state = 9;
    double part[4];
    for (size_t c = 0; c < COUNT(sizes); c++) {
        size_t n = sizes[c];
        float *z = random_f32(n, 30, &state), *w = guarded(n * 4), *r = guarded(n * 4), max = -INFINITY;
        if (n > 2) z[n / 2] = -INFINITY;
        if (n > 7) z[n - 1] = -1e6f;
        for (size_t i = 0; i < n; i++) max = z[i] > max ? z[i] : max;
        if (n && ops->row_max(z, n) != max) fail_msg("n %zu: max %g, not %g", n, ops->row_max(z, n), max);
        for (size_t i = 0; i < n; i += 1 + n / 9) { /* NaN anywhere */
            float kept = z[i];
            z[i] = NAN;
            if (ops->row_max(z, n) == ops->row_max(z, n)) fail_msg("n %zu: a NaN at %zu is not detected", n, i);
            z[i] = kept;
        }
        for (int k = 0; k < 3; k++) {
            float scale = (float[]){1, 0.3f, 25}[k];
            double got = ops->exp_all(w, z, n, max, scale, part), want = REF->exp_all(r, z, n, max, scale, NULL);
            double sum = 0;
            for (size_t i = 0; i < n; i += RAML_EXP_PART) sum += part[i / RAML_EXP_PART];
            if (!(sum == got)) fail_msg("n %zu: parts add up to %g, not %g", n, sum, got);
            if (!(fabs(got - want) <= 2e-6 * want)) fail_msg("n %zu scale %g: sum %g, not %g", n, scale, got, want);
            for (size_t i = 0; i < n; i++) { /* the argument is rounded: half a unit of a number up to 87 */
                double tol = 1e-37 + 6e-6 * (double)r[i];
                if (!(fabs((double)w[i] - (double)r[i]) <= tol))
                    fail_msg("n %zu: exp[%zu] %g, not %g", n, i, w[i], r[i]);
            }
        }
        drop(z, n * 4);
        drop(w, n * 4);
        drop(r, n * 4);
    }
}

static void test_exps(void **state)
{
    (void)state;
    each_level(exps);
}

static void test_forward(void **state)
{
    (void)state;
    each_level(forward);
}
static void test_rising(void **state)
{
    (void)state;
    each_level(rising);
}
static void test_back(void **state)
{
    (void)state;
    each_level(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forward), cmocka_unit_test(test_rising),
                                       cmocka_unit_test(test_slope), cmocka_unit_test(test_back),
                                       cmocka_unit_test(test_exps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
