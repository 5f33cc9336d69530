/* Every kind of model beside the plain one (plain.h), which reads the same configuration: chains, token trees, texts of
 * several tiles with windows that begin in any of them, the cache, at every kernel level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_near.h"
#include "model/cache.h"
#include "model/plain.h"
#include "tree/naive.h"

static const char *const levels[] = {"ref", "base", "avx2", "avx512", "avx512bf16"};

/* Logits are of a few units; f32 sums of some hundred terms in a few layers. */
static const double TOL = 1e-4;

struct both {
    struct raml_config c;
    struct raml_model *m;
    const struct raml_param *param;
    size_t n_params;
    float *w;
};

static void open_both(struct both *b, struct raml_config c, const struct raml_device *dev)
{
    *b = (struct both){.c = c, .m = rig_open_scaled(&c, RAML_F32, dev, 2)};
    b->n_params = raml_model_params(b->m, &b->param);
    b->w = host_weights(b->m);
}
static void close_both(struct both *b)
{
    raml_model_close(b->m);
    free(b->w);
}

static void check(const struct both *b, const char *what, const float *got, const int32_t *token, size_t n, size_t row)
{
    double *want = plain_logits(&b->c, b->param, b->n_params, b->w, token, n), most = 0;
    size_t V = (size_t)b->c.vocab_size;
    for (size_t i = 0; i < (n - row) * V; i++) most = worse_of(most, fabs((double)got[i] - want[row * V + i]));
    free(want);
    if (!(most <= TOL)) fail_msg("%s, %s: logits are %.2e away", b->c.model_type, what, most);
}

/* All rows of a chain. */
static void check_chain(const struct both *b, const int32_t *token, size_t n)
{
    struct raml_tree t = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    float *logits = rig_floats(n * (size_t)b->c.vocab_size);
    MUST(raml_tree_add(&t, -1, 0, token, n, n, NULL, err));
    MUST(raml_pack_add(&pack, &t, err));
    MUST(raml_pass_open(b->m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, NULL, err));
    MUST(raml_pass_logits(pass, 0, n, logits, err));
    check(b, "a chain", logits, token, n, 0);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
    free(logits);
}

/* A prompt read at once, then tokens one by one, and a branch from its middle: every answer is that of its path. */
static void check_cache(const struct both *b, const int32_t *token, size_t n, size_t prompt)
{
    const struct raml_device *dev = raml_model_device(b->m);
    struct raml_cache *cache;
    size_t V = (size_t)b->c.vocab_size, half = prompt / 2;
    int32_t *path = malloc(n * sizeof *path);
    float *z = raml_array_new(dev, V, sizeof *z), *host = rig_floats(V);
    int node, branch;
    MUST(raml_cache_open(b->m, &(struct raml_cache_options){prompt, 4 * n + 512}, &cache, err));
    MUST(raml_cache_add(cache, -1, 0, &node, err));
    for (size_t at = 0; at < n; at = at ? at + 1 : prompt) {
        struct raml_cache_tokens add = {node, token + at, at ? 1 : prompt, 1};
        MUST(raml_cache_append(cache, &add, 1, z, err));
        MUST(raml_array_read(dev, host, z, V * sizeof *z, err));
        size_t end = at ? at + 1 : prompt;
        if (at == 0 || end == n || end % 29 == 0) check(b, "the cache", host, token, end, end - 1);
    }
    MUST(raml_cache_add(cache, node, half, &branch, err));
    memcpy(path, token, half * sizeof *path);
    memcpy(path + half, token + 3, 5 * sizeof *path);
    struct raml_cache_tokens add = {branch, path + half, 5, 1};
    MUST(raml_cache_append(cache, &add, 1, z, err));
    MUST(raml_array_read(dev, host, z, V * sizeof *z, err));
    check(b, "a branch of the cache", host, path, half + 5, half + 4);
    raml_cache_close(cache);
    raml_array_free(dev, z);
    free(host);
    free(path);
}

/* Every span of a random tree: the row of its last token. */
static void check_tree(const struct both *b, uint64_t seed)
{
    struct raml_rng r = {{.seed = seed, .purpose = RAML_FOR_TEST}, 0};
    struct raml_tree t = {0};
    struct naive naive;
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    size_t V = (size_t)b->c.vocab_size;
    naive_init(&naive);
    random_tree(&t, &naive, &r, b->c.vocab_size, 6, 20);
    float *logits = rig_floats(t.n_tokens * V);
    MUST(raml_pack_add(&pack, &t, err));
    MUST(raml_pass_open(b->m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, NULL, err));
    MUST(raml_pass_logits(pass, 0, t.n_tokens, logits, err));
    for (size_t s = 0; s < t.n_spans; s++) {
        int32_t token[512];
        size_t n = naive.path_n[s];
        for (size_t i = 0; i < n; i++) token[i] = naive.token[naive.path[s][i]];
        if (t.span[s].n) check(b, "a tree", logits + (t.span[s].start + t.span[s].n - 1) * V, token, n, n - 1);
    }
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
    naive_deinit(&naive);
    free(logits);
}

enum { LONG = 150 };

static void test_kinds(void **state)
{
    (void)state;
    int32_t token[LONG];
    struct raml_rng r = {{.seed = 5, .purpose = RAML_FOR_TEST}, 0};
    for (size_t i = 0; i < COUNT(levels); i++) {
        struct raml_device *dev = rig_device(2, levels[i], false);
        if (!dev) continue;
        for (int kind = 0; kind < RIG_KINDS; kind++) {
            struct both b;
            open_both(&b, rig_config(kind, false), dev);
            for (size_t k = 0; k < LONG; k++) token[k] = (int32_t)raml_rng_below(&r, (uint32_t)b.c.vocab_size);
            check_chain(&b, token, 40);
            check_tree(&b, 11 + (uint64_t)kind);
            check_cache(&b, token, 50, 21);
            close_both(&b);
        }
        raml_device_close(dev);
    }
}

/* Windows of about a tile, about two, and longer than the text. */
static void test_windows(void **state)
{
    (void)state;
    static const int windows[] = {1, 2, 63, 64, 65, 100, 128, 149, 150, 500};
    int32_t token[LONG];
    struct raml_rng r = {{.seed = 6, .purpose = RAML_FOR_TEST}, 0};
    struct raml_device *dev = rig_device(2, "auto", false);
    for (size_t i = 0; i < COUNT(windows); i++) {
        struct raml_config c = rig_config(i % 2 ? RIG_MISTRAL : RIG_GEMMA3, false);
        struct both b;
        c.window = windows[i];
        open_both(&b, c, dev);
        for (size_t k = 0; k < LONG; k++) token[k] = (int32_t)raml_rng_below(&r, (uint32_t)c.vocab_size);
        check_chain(&b, token, LONG);
        check_cache(&b, token, LONG, 130);
        close_both(&b);
    }
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_windows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
