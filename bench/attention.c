/* attention.c - attention over the token tree only, forward and backward. See bench.h. FLOPs are those of the keys
 * that rows see: 4 D per key, row and head forward, 10 D backward. */
#include "bench/bench.h"

#include "core/clock.h"
#include "device/impl.h"

#include "raml/rng.h"
#include "raml/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { H = 8, K = 4, PROMPT = 128, ANSWER = 13 };

struct attention { /* one batch of rows: arguments of the device's functions, and the number of row-key pairs */
    struct raml_attn a;
    struct raml_attn_back b;
    struct raml_attn_tile *tile;
    struct raml_attn_pair *pair;
    uint64_t *mask;
    size_t n_pages, most_tiles;
    double seen;
};

/* -- Batches ------------------------------------------------------------------------------------------------------- */

static bool tree_batch(const struct raml_pack *pack, struct attention *t)
{
    t->tile = calloc(pack->n_tiles + 1, sizeof *t->tile);
    t->pair = calloc(pack->n_pairs + 1, sizeof *t->pair);
    t->mask = calloc(pack->n_masks + 1, sizeof *t->mask);
    if (!t->tile || !t->pair || !t->mask) return false;
    memcpy(t->mask, pack->mask, pack->n_masks * sizeof *t->mask);
    for (size_t i = 0; i < pack->n_tiles; i++) {
        const struct raml_tile *from = &pack->tile[i];
        t->tile[i] = (struct raml_attn_tile){from->row, from->n, from->pair, from->n_pairs};
        for (size_t j = from->pair; j < from->pair + from->n_pairs; j++)
            t->pair[j] = (struct raml_attn_pair){pack->pair[j].k_tile, pack->pair[j].row0, pack->pair[j].n_rows,
                                                 pack->pair[j].mask};
    }
    for (size_t i = 0; i < pack->n_rows; i++) t->seen += pack->position[i] + 1;
    for (size_t i = 0; i < pack->n_trees; i++) {
        size_t tiles = pack->tree_tile[i + 1] - pack->tree_tile[i];
        if (tiles > t->most_tiles) t->most_tiles = tiles;
    }
    t->n_pages = pack->n_tiles;
    t->a.n = pack->n_rows, t->a.n_tiles = pack->n_tiles;
    return true;
}

/* Chains of `length` tokens; with probes, an answer hangs from every token. */
static enum raml_code trees(struct raml_pack *pack, size_t n, size_t length, bool probes, struct raml_err *err)
{
    struct raml_tree tree = {0};
    int32_t *id = calloc(length + ANSWER, sizeof *id), span;
    enum raml_code rc = id ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a tree");
    for (size_t i = 0; i < n && !rc; i++) {
        raml_tree_clear(&tree);
        rc = raml_tree_add(&tree, -1, 0, id, length, length, &span, err);
        for (size_t k = PROMPT; probes && k <= length && !rc; k++)
            rc = raml_tree_add(&tree, span, (uint32_t)k, id, ANSWER, 1, NULL, err);
        if (!rc) rc = raml_pack_add(pack, &tree, err);
    }
    free(id);
    raml_tree_deinit(&tree);
    return rc;
}

/* A step of decoding: n samples of one prompt, `own` pages each. */
static bool step_batch(size_t n, size_t prompt, size_t own, struct attention *t)
{
    t->tile = calloc(1, sizeof *t->tile);
    t->pair = calloc(prompt + n * own, sizeof *t->pair);
    t->mask = calloc(1, sizeof *t->mask);
    if (!t->tile || !t->pair || !t->mask) return false;
    size_t k = 0;
    for (; k < prompt; k++) t->pair[k] = (struct raml_attn_pair){(uint32_t)k, 0, (uint16_t)n, -1};
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < own; i++, k++) t->pair[k] = (struct raml_attn_pair){(uint32_t)k, (uint16_t)r, 1, -1};
    t->tile[0] = (struct raml_attn_tile){0, (uint32_t)n, 0, k};
    t->n_pages = k;
    t->seen = (double)(n * (prompt + own) * RAML_PAGE);
    t->a.n = n, t->a.n_tiles = 1;
    return true;
}

static const struct {
    const char *name;
    size_t n, length, own; /* own > 0: a step of n samples, prompt of `length` tokens */
    bool probes, backward;
} shapes[] = {{"trace", 1, PROMPT + 1024, 0, true, false}, {"chains of 256", 16, 256, 0, false, true},
              {"chains of 1024", 4, 1024, 0, false, true}, {"one chain of 1024", 1, 1024, 0, false, true},
              {"64 samples", 64, PROMPT, 2, false, false}, {"one sample", 1, PROMPT, 16, false, false}};

/* -- Time ---------------------------------------------------------------------------------------------------------- */

/* With one thread, the processor time it got: other programs matter less. */
static double now(int threads)
{
    return threads == 1 ? raml_clock_process() : raml_clock_monotonic();
}

static float *values(size_t n)
{
    float *p = raml_device_alloc(n, sizeof *p);
    struct raml_key key = {.seed = 1, .purpose = RAML_FOR_TEST};
    for (size_t i = 0; p && i < n; i++) p[i] = i < 5003 ? (float)raml_uniform(&key, i) - 0.5f : p[i - 5003];
    return p;
}

/* GFLOP/s of the best of several runs, forward and (on request) backward. */
static enum raml_code measure(const struct raml_device *dev, struct attention *t, bool backward, double seconds,
                              double gflops[2], struct raml_err *err)
{
    size_t D = t->a.D, width = (H + 2 * K) * D, pages = t->n_pages * K * raml_page_elements(D);
    float *qkv = values(t->a.n * width), *k = values(pages), *v = values(pages), *o = values(t->a.n * H * D);
    float *lse = values(t->a.n * H), *d_o = values(t->a.n * H * D), *dqkv = values(t->a.n * width);
    void *scratch =
        raml_device_alloc(dev->ops->attn_scratch((size_t)dev->threads, D, t->most_tiles + 1, t->a.n * width), 1);
    enum raml_code rc = RAML_OK;
    if (!qkv || !k || !v || !o || !lse || !d_o || !dqkv || !scratch)
        rc = raml_fail(err, RAML_ENOMEM, "no memory for a batch of %zu rows", t->a.n);
    t->a.H = H, t->a.K = K, t->a.qkv = qkv, t->a.k = k, t->a.v = v, t->a.o = o, t->a.lse = lse;
    t->a.tile = t->tile, t->a.pair = t->pair, t->a.mask = t->mask;
    t->b.f = t->a, t->b.d_o = d_o, t->b.dqkv = dqkv, t->b.scratch = scratch;
    double best[2] = {1e30, 1e30};
    for (int side = 0; side < 1 + backward && !rc; side++)
        for (double start = raml_clock_monotonic(), s; raml_clock_monotonic() - start < seconds;) {
            s = now(dev->threads);
            if (side) dev->ops->attn_back(&t->b);
            else dev->ops->attn(&t->a);
            s = now(dev->threads) - s;
            if (s < best[side]) best[side] = s;
        }
    for (int side = 0; side < 2; side++)
        gflops[side] = 1e-9 * t->seen * (side ? 10.0 : 4.0) * (double)(H * D) / best[side];
    free(qkv), free(k), free(v), free(o), free(lse), free(d_o), free(dqkv), free(scratch);
    return rc;
}

static enum raml_code measure_shape(const struct raml_device *dev, size_t i, size_t D, double seconds, double gflops[2],
                                    struct raml_err *err)
{
    struct attention t = {.a.D = D};
    struct raml_pack pack = {0};
    bool allocated;
    enum raml_code rc = RAML_OK;
    if (shapes[i].own) {
        allocated = step_batch(shapes[i].n, shapes[i].length / RAML_PAGE, shapes[i].own, &t);
    } else {
        rc = trees(&pack, shapes[i].n, shapes[i].length, shapes[i].probes, err);
        allocated = rc || tree_batch(&pack, &t);
        t.b.tree_tile = pack.tree_tile, t.b.n_trees = pack.n_trees;
    }
    if (!rc && !allocated) rc = raml_fail(err, RAML_ENOMEM, "no memory for a batch");
    if (!rc) rc = measure(dev, &t, shapes[i].backward, seconds, gflops, err);
    raml_pack_deinit(&pack);
    free(t.tile), free(t.pair), free(t.mask);
    return rc;
}

enum raml_code bench_attention(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct raml_device *dev = NULL;
    enum raml_code rc = raml_device_open(opt->threads, "auto", &dev, err);
    if (!rc) rc = raml_device_peak(dev, false, &out->peak_gflops, err);
    if (!rc) raml_device_use(dev);
    size_t used = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && !rc; i++)
        for (size_t D = 32; D <= 128 && !rc; D *= 2) {
            double gflops[2] = {0, 0};
            rc = measure_shape(dev, i, D, opt->seconds / 24, gflops, err);
            if (rc) break;
            fprintf(stderr, "attention %-18s head size %3zu  forward %6.1f GFLOP/s", shapes[i].name, D, gflops[0]);
            if (shapes[i].backward) fprintf(stderr, "  backward %6.1f", gflops[1]);
            fputc('\n', stderr);
            if (i == 0 && D == 32) out->gflops = gflops[0];
            used++;
        }
    if (!rc) {
        out->threads = raml_device_threads(dev);
        snprintf(out->note, sizeof out->note, "%zu shapes, of which the curve's is shown", used);
    }
    raml_device_close(dev);
    return rc;
}
