/* The cache against the simplest model of its meaning: random operations, after each of which every node has the length
 * and depth that it should have and the pool the space; and all logits that are read are those of the row's path, read
 * by a pass of its own, in f32 to the last bit; and in every type, to the last bit, those of a cache that holds only
 * that path, divided in the same way. With an argument, that many times as many operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/file.h"
#include "model/cache.h"
#include "model/rig.h"

enum {
    NODES = 48,
    CONTEXT = 512,
    PAGE = 64,
    PAGES = 32,
    ADDS = 8,
    MOST_ROWS = ADDS * 24,
    LONG = 150,
    APART_PAGES = NODES + CONTEXT / PAGE
};

struct twin { /* of the cache's node of this number */
    bool live;
    int parent;
    size_t after, n;
    int32_t token[CONTEXT];
};
struct counts {
    size_t adds, mid_page, appends, tokens, drops, dropped, probes, refused, exhausted, rows, alone;
};
struct world {
    const struct raml_device *dev;
    struct raml_model *m;
    struct raml_pass *pass;
    struct raml_cache *cache, *apart; /* apart: for one path at a time */
    struct twin twin[NODES];
    size_t n_live, most_live;
    struct raml_rng rng;
    size_t V;
    double tolerance; /* to what a pass gives */
    float *on_device, *logits, *want;
    int32_t text[ADDS][CONTEXT];
    struct counts count;
};

static size_t below(struct world *w, size_t n)
{
    return raml_rng_below(&w->rng, (uint32_t)n);
}

static size_t pages(size_t tokens)
{
    return (tokens + PAGE - 1) / PAGE;
}

/* -- What must hold ------------------------------------------------------------------------------------------------ */
static size_t depth_of(const struct world *w, int node)
{
    size_t depth = w->twin[node].n;
    for (int i = node; w->twin[i].parent >= 0; i = w->twin[i].parent) depth += w->twin[i].after;
    return depth;
}

/* The tokens of a node's path; returns how many. */
static size_t path_of(const struct world *w, int node, int32_t *token)
{
    size_t depth = depth_of(w, node), at = depth, n = w->twin[node].n;
    for (int i = node; i >= 0; n = w->twin[i].after, i = w->twin[i].parent) {
        at -= n;
        memcpy(token + at, w->twin[i].token, n * sizeof *token);
    }
    assert_int_equal(at, 0);
    return depth;
}

static void check_state(const struct world *w)
{
    size_t used = 0;
    for (int i = 0; i < NODES; i++) {
        if (!w->twin[i].live) continue;
        assert_int_equal(raml_cache_length(w->cache, i), w->twin[i].n);
        assert_int_equal(raml_cache_depth(w->cache, i), depth_of(w, i));
        used += pages(w->twin[i].n);
    }
    assert_int_equal(raml_cache_free_tokens(w->cache), (PAGES - used) * PAGE);
}

/* The path of a node as a text of its own: logits after its last n tokens. */
static void read_alone(const struct world *w, int node, size_t n, float *out)
{
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    int32_t token[CONTEXT];
    size_t depth = path_of(w, node, token);
    MUST(raml_tree_add(&tree, -1, 0, token, depth, depth, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_forward(w->pass, &pack, NULL, err));
    MUST(raml_pass_logits(w->pass, depth - n, n, out, err));
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
}

/* The same in a cache without anything else, node for node. */
static void read_apart(const struct world *w, int node, size_t n, float *out)
{
    int above[NODES], levels = 0, root = -1;
    size_t seen = 0;
    for (int i = node; i >= 0; i = w->twin[i].parent) above[levels++] = i;
    for (int parent = -1; levels--; parent = above[levels]) {
        const struct twin *t = &w->twin[above[levels]];
        struct raml_cache_tokens add = {.token = t->token, .n = levels ? w->twin[above[levels - 1]].after : t->n};
        MUST(raml_cache_add(w->apart, parent, seen, &add.node, err));
        if (parent < 0) root = add.node;
        seen = add.n;
        above[levels] = add.node;
        if (!levels) add.n_read = n;
        if (add.n) MUST(raml_cache_append(w->apart, &add, 1, w->on_device, err));
    }
    MUST(raml_array_read(w->dev, out, w->on_device, n * w->V * sizeof *out, err));
    raml_cache_drop(w->apart, root);
    assert_int_equal(raml_cache_free_tokens(w->apart), APART_PAGES * PAGE);
}

static void compare(const char *with, const float *got, const float *want, size_t n, double tolerance)
{
    for (size_t i = 0; i < n; i++) {
        double most = tolerance * fmax(1, fabs((double)want[i]));
        if (!(fabs((double)got[i] - want[i]) <= most))
            fail_msg("logit %zu is %.9g; %s it is %.9g", i, (double)got[i], with, (double)want[i]);
    }
}

static void check_logits(struct world *w, const struct raml_cache_tokens *add, size_t n)
{
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        size_t here = add[i].n_read;
        if (!here) continue;
        read_alone(w, add[i].node, here, w->want);
        compare("alone", w->logits + rows * w->V, w->want, here * w->V, w->tolerance);
        if (below(w, 4) == 0) {
            read_apart(w, add[i].node, here, w->want);
            compare("in a cache of its own", w->logits + rows * w->V, w->want, here * w->V, 0);
            w->count.alone++;
        }
        rows += here;
    }
    w->count.rows += rows;
}

/* -- Operations ---------------------------------------------------------------------------------------------------- */
static int pick(struct world *w)
{
    size_t k = below(w, w->n_live);
    for (int i = 0;; i++)
        if (w->twin[i].live && k-- == 0) return i;
}

static int add(struct world *w, int parent, size_t after)
{
    int node;
    MUST(raml_cache_add(w->cache, parent, after, &node, err));
    if (++w->n_live > w->most_live) w->most_live = w->n_live;
    assert_in_range(node, 0, w->most_live - 1); /* numbers are used again */
    assert_false(w->twin[node].live);
    w->twin[node].live = true;
    w->twin[node].parent = parent;
    w->twin[node].after = after;
    w->twin[node].n = 0;
    w->count.adds++;
    w->count.mid_page += after % PAGE != 0;
    return node;
}

/* A root, or a fork: anywhere in a node, often near a page's border or at the end. */
static void random_add(struct world *w)
{
    if (w->n_live == NODES) return;
    int parent = w->n_live && below(w, 6) ? pick(w) : -1;
    size_t n = parent < 0 ? 0 : w->twin[parent].n, after = below(w, n + 1), border = after / PAGE * PAGE;
    switch (below(w, 4)) {
    case 0: after = n; break;
    case 1: after = border + below(w, 3); break;
    default: break;
    }
    add(w, parent, after < n ? after : n);
}

/* And all that hang from it, until nothing does any more. */
static size_t drop_twins(struct world *w, int node)
{
    size_t n = 1, before = 0;
    w->twin[node].live = false;
    while (n > before) {
        before = n;
        for (int i = 0; i < NODES; i++) {
            struct twin *t = &w->twin[i];
            if (!t->live || t->parent < 0 || w->twin[t->parent].live) continue;
            t->live = false;
            n++;
        }
    }
    w->n_live -= n;
    return n;
}

static bool has_children(const struct world *w, int node)
{
    for (int i = 0; i < NODES; i++)
        if (w->twin[i].live && w->twin[i].parent == node) return true;
    return false;
}

static void drop(struct world *w, int node)
{
    raml_cache_drop(w->cache, node);
    w->count.drops++;
    w->count.dropped += drop_twins(w, node);
}

/* Mostly of a leaf. */
static void random_drop(struct world *w)
{
    int node = pick(w);
    if (!has_children(w, node) || below(w, 4) == 0) drop(w, node);
}

/* Random tokens for list[i]; mostly one, rarely many. false: the path is full. */
static bool random_tokens(struct world *w, int node, size_t i, struct raml_cache_tokens *t)
{
    size_t room = CONTEXT - depth_of(w, node), n = 1;
    if (below(w, 3) == 0) n = 1 + below(w, below(w, 3) ? 20 : LONG);
    if (n > room) n = room;
    for (size_t k = 0; k < n; k++) w->text[i][k] = (int32_t)below(w, w->V);
    size_t most = n < MOST_ROWS / ADDS ? n : MOST_ROWS / ADDS;
    *t = (struct raml_cache_tokens){node, w->text[i], n, below(w, 5) ? 1 + below(w, most) : 0};
    if (t->n_read > n) t->n_read = n;
    return n > 0;
}

/* To nodes that are all different; where the pool is used up nothing changes, and something is dropped. */
static void append(struct world *w, const struct raml_cache_tokens *list, size_t n)
{
    size_t need = 0, rows = 0;
    struct raml_err why = {0};
    for (size_t i = 0; i < n; i++) {
        size_t have = w->twin[list[i].node].n;
        need += pages(have + list[i].n) - pages(have);
        rows += list[i].n_read;
    }
    bool fits = need * PAGE <= raml_cache_free_tokens(w->cache);
    enum raml_code rc = raml_cache_append(w->cache, list, n, rows ? w->on_device : NULL, &why);
    if (!fits) {
        assert_int_equal(rc, RAML_ENOMEM);
        assert_string_equal(why.msg, "cache: the pool of 2048 tokens is used up");
        w->count.exhausted++;
        check_state(w);
        drop(w, pick(w));
        return;
    }
    if (rc) fail_msg("append: %s", why.msg);
    MUST(raml_array_read(w->dev, w->logits, w->on_device, rows * w->V * sizeof *w->logits, err));
    for (size_t i = 0; i < n; i++) {
        struct twin *t = &w->twin[list[i].node];
        memcpy(t->token + t->n, list[i].token, list[i].n * sizeof *t->token);
        t->n += list[i].n;
        w->count.tokens += list[i].n;
    }
    w->count.appends++;
    check_logits(w, list, n);
}

static void random_append(struct world *w)
{
    struct raml_cache_tokens list[ADDS];
    bool taken[NODES] = {false};
    size_t n = 0, most = 1 + below(w, ADDS);
    for (size_t k = 0; k < most; k++) {
        int node = pick(w);
        if (taken[node]) continue;
        taken[node] = true;
        n += random_tokens(w, node, n, &list[n]);
    }
    if (n) append(w, list, n);
}

/* A cue after a node's end and a few tokens more, then all is as if nothing had been. */
static void probe(struct world *w)
{
    int parent = pick(w);
    if (w->n_live == NODES || depth_of(w, parent) > CONTEXT - 24) return;
    size_t free_tokens = raml_cache_free_tokens(w->cache), steps = below(w, 4), exhausted = w->count.exhausted;
    struct raml_cache_tokens cue;
    int node = add(w, parent, w->twin[parent].n);
    for (size_t i = 0; i <= steps && w->twin[node].live; i++) {
        cue = (struct raml_cache_tokens){node, w->text[0], i ? 1 : 1 + below(w, 12), 1};
        for (size_t k = 0; k < cue.n; k++) w->text[0][k] = (int32_t)below(w, w->V);
        append(w, &cue, 1);
    }
    if (w->twin[node].live) drop(w, node);
    if (exhausted == w->count.exhausted) assert_int_equal(raml_cache_free_tokens(w->cache), free_tokens);
    w->count.probes++;
}

/* -- What is refused ----------------------------------------------------------------------------------------------- */
enum refusal {
    NO_PARENT,
    BEYOND,
    ROOT_AFTER,
    NO_NODE,
    TWICE,
    NO_TOKENS,
    NO_MEMORY,
    MORE_READ,
    TOKEN,
    TOO_LONG,
    REFUSALS
};

static enum raml_code refused_add(const struct world *w, enum refusal kind, int node, int gone, struct raml_err *why)
{
    int out = 77, parent = kind == ROOT_AFTER ? -1 : kind == BEYOND ? node : gone;
    size_t after = kind == ROOT_AFTER ? 1 : kind == BEYOND ? w->twin[node].n + 1 : 0;
    enum raml_code rc = raml_cache_add(w->cache, parent, after, &out, why);
    assert_int_equal(out, 77);
    return rc;
}

/* The second of two appends is wrong. */
static enum raml_code refused_append(struct world *w, enum refusal kind, int first, int second, int gone,
                                     struct raml_err *why)
{
    int32_t token[CONTEXT + 1] = {0};
    struct raml_cache_tokens list[2] = {{first, token, 1, 0}, {second, token, 1, 0}};
    float *logits = kind == NO_MEMORY ? NULL : w->on_device;
    int32_t outside = below(w, 2) ? (int32_t)w->V : -1;
    if (kind == NO_NODE) list[1].node = gone;
    if (kind == TWICE) list[1].node = first;
    if (kind == NO_TOKENS) list[1].n = 0;
    if (kind == NO_MEMORY) list[1].n_read = 1;
    if (kind == MORE_READ) list[1].n_read = 2;
    if (kind == TOKEN) list[1].token = &outside;
    if (kind == TOO_LONG) list[1].n = CONTEXT - depth_of(w, second) + 1;
    return raml_cache_append(w->cache, list, 2, logits, why);
}

/* A call that must fail; everything is then as it was. */
static void refused(struct world *w)
{
    int first = pick(w), second = pick(w), gone = NODES;
    enum refusal kind = (enum refusal)below(w, REFUSALS);
    struct raml_err why = {0};
    for (int i = 0; i < NODES && gone == NODES; i++)
        if (!w->twin[i].live) gone = i;
    const bool full = depth_of(w, first) == CONTEXT || depth_of(w, second) == CONTEXT;
    if (first == second || full || raml_cache_free_tokens(w->cache) < 2 * PAGE) return;
    enum raml_code rc = kind <= ROOT_AFTER ? refused_add(w, kind, first, gone, &why)
                                           : refused_append(w, kind, first, second, gone, &why);
    assert_int_equal(rc, kind < TOKEN ? RAML_EUSAGE : RAML_ERANGE);
    assert_true(why.msg[0]);
    w->count.refused++;
}

/* -- The test ------------------------------------------------------------------------------------------------------ */
static void operate(struct world *w)
{
    size_t what = below(w, 100);
    if (!w->n_live || what < 25) random_add(w);
    else if (what < 70) random_append(w);
    else if (what < 82) probe(w);
    else if (what < 92) random_drop(w);
    else refused(w);
    check_state(w);
}

static void open_world(struct world *w, struct raml_model *m, const struct raml_device *dev, uint64_t seed)
{
    const struct raml_cache_options o = {.max_rows = 4, .max_tokens = PAGES * PAGE - 1};
    *w = (struct world){.dev = dev, .m = m, .V = (size_t)raml_model_config(m)->vocab_size};
    w->rng = (struct raml_rng){{.seed = seed, .purpose = RAML_FOR_TEST}, 0};
    w->tolerance = raml_model_dtype(m) == RAML_BF16 ? 0.05 : 0;
    w->on_device = raml_array_new(dev, MOST_ROWS * w->V, sizeof *w->on_device);
    w->logits = rig_floats(MOST_ROWS * w->V);
    w->want = rig_floats(MOST_ROWS * w->V);
    assert_non_null(w->on_device);
    assert_int_equal(raml_model_config(m)->max_positions, CONTEXT);
    MUST(raml_pass_open(m, false, &w->pass, err));
    MUST(raml_cache_open(m, &o, &w->cache, err));
    MUST(raml_cache_open(m, &(struct raml_cache_options){1, (size_t)APART_PAGES * PAGE}, &w->apart, err));
}

static void close_world(struct world *w)
{
    while (w->n_live) drop(w, pick(w));
    check_state(w); /* no page is lost */
    raml_cache_close(w->cache);
    raml_cache_close(w->apart);
    raml_pass_close(w->pass);
    raml_array_free(w->dev, w->on_device);
    free(w->logits), free(w->want);
}

static size_t times = 1, all_operations;

static void run_random(const char *name, struct raml_model *m, const struct raml_device *dev, size_t operations)
{
    static struct world w;
    static uint64_t seed = 11;
    operations *= times;
    all_operations += operations;
    open_world(&w, m, dev, seed++);
    for (size_t i = 0; i < operations; i++) operate(&w);
    close_world(&w);
    const struct counts *c = &w.count;
    print_message(
        "  %-14s %s %s: %zu operations; %zu nodes, %zu of them from the middle of a page; %zu tokens in %zu "
        "appends; %zu probes; %zu drops of %zu nodes; %zu refused, pool used up %zu times; %zu rows read, %zu "
        "paths apart\n",
        name, raml_model_dtype(m) == RAML_BF16 ? "bf16" : "f32", raml_device_level(dev), operations, c->adds,
        c->mid_page, c->tokens, c->appends, c->probes, c->drops, c->dropped, c->refused, c->exhausted, c->rows,
        c->alone);
    assert_true(operations < 150 || (c->mid_page && c->probes && c->dropped > c->drops && c->refused && c->alone));
}

static void run_golden(const char *name, enum raml_dtype dtype, const char *level, size_t operations)
{
    char dir[512];
    struct raml_model *m;
    struct raml_device *dev = rig_device(2, level, dtype == RAML_BF16);
    if (!dev) return;
    snprintf(dir, sizeof dir, "%s/golden/%s", RAML_SHARED, name);
    MUST(raml_model_open(dir, dtype, RAML_INFERENCE, dev, &m, err));
    run_random(name, m, dev, operations);
    raml_model_close(m);
    raml_device_close(dev);
}

static void test_golden(void **state)
{
    (void)state;
    static const char *const names[] = {"qwen2-tied", "qwen2-untied", "qwen3", "llama", "llama3-scaled"};
    if (!raml_is_dir(RAML_SHARED "/golden")) {
        fprintf(stderr, "\n*** %s/golden is absent: the golden models were NOT checked ***\n\n", RAML_SHARED);
        skip();
    }
    for (size_t i = 0; i < COUNT(names); i++) {
        run_golden(names[i], RAML_F32, "auto", far_asked() ? 50 : 500);
        run_golden(names[i], RAML_BF16, "auto", far_asked() ? 25 : 150);
    }
    run_golden(names[0], RAML_F32, "ref", 50);
    run_golden(names[2], RAML_F32, "base", 150);
}

/* Models whose sizes are no multiple of anything. */
static void test_awkward(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(1, "auto", false);
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct raml_config c = rig_config(kind, false);
        c.max_positions = CONTEXT;
        struct raml_model *m = rig_open(&c, RAML_F32, dev);
        run_random(c.model_type, m, dev, far_asked() || kind > RIG_LLAMA ? 50 : 500);
        raml_model_close(m);
    }
    raml_device_close(dev);
}

static int tear_down(void **state)
{
    (void)state;
    print_message("  %zu operations\n", all_operations);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden), cmocka_unit_test(test_awkward)};
    if (argc > 1) times = strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
