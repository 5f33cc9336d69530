/* Attention that is tapped, of every kind of model, beside the plain one's probabilities in double (plain.h): chains of several
 * tiles, windows that begin in any of them, token trees, some rows and layers; the sums of all groups are 1; reading changes
 * nothing; what is wrong with a tap is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/plain.h"
#include "raml/tap.h"
#include "tree/naive.h"

static const char *const levels[] = {"ref", "base", "avx2", "avx512", "avx512bf16"};
/* Probabilities from f32 sums of some dozen terms in a few layers; the plain model has none of their rounding. */
static const double TOL = 2e-5;
enum { LONG = 150, GROUPS = 7 };

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

/* What a tap read, of all layers that were asked for. */
struct kept {
    size_t n_rows, H, n_layers, groups;
    size_t layer[3];
    float *sum[3];
};
static enum raml_code keep(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    struct kept *k = user;
    size_t n = t->n_rows * k->H * t->n_groups;
    (void)err;
    assert_int_equal(t->n_rows, k->n_rows);
    assert_int_equal(t->n_groups, k->groups);
    assert_null(t->z);
    k->layer[k->n_layers] = t->layer;
    k->sum[k->n_layers] = rig_floats(n);
    memcpy(k->sum[k->n_layers++], t->attention, n * sizeof(float));
    return RAML_OK;
}
static void drop(struct kept *k)
{
    for (size_t i = 0; i < k->n_layers; i++) free(k->sum[i]);
}

/* The sums of one row, whose ancestors are path[n], the last of them itself; group: by row of the pack. */
static void check_row(const struct both *b, const struct kept *k, size_t row, const size_t *path, size_t n,
                      const int32_t *token, const uint16_t *group)
{
    double *want = plain_attention(&b->c, b->param, b->n_params, b->w, token, n);
    for (size_t l = 0; l < k->n_layers; l++)
        for (size_t h = 0; h < k->H; h++) {
            const double *p = want + ((k->layer[l] * n + n - 1) * k->H + h) * n;
            const float *got = k->sum[l] + (row * k->H + h) * k->groups;
            double sum[GROUPS] = {0}, all = 0;
            for (size_t i = 0; i < n; i++) sum[group[path[i]]] += p[i];
            for (size_t g = 0; g < k->groups; g++) {
                all += (double)got[g];
                if (!(fabs((double)got[g] - sum[g]) <= TOL))
                    fail_msg("%s: layer %zu, row %zu, head %zu, group %zu: %.8f, expected %.8f", b->c.model_type,
                             k->layer[l], row, h, g, (double)got[g], sum[g]);
            }
            if (!(fabs(all - 1) <= 1e-6)) fail_msg("%s: groups add up to %.9f", b->c.model_type, all);
        }
    free(want);
}

static void read_groups(const struct both *b, const struct raml_pack *pack, const uint32_t *row, size_t n,
                        const uint16_t *group, const bool *layer, struct kept *k)
{
    struct raml_pass *pass;
    size_t V = (size_t)b->c.vocab_size;
    float *plain = rig_floats(pack->n_rows * V), *hooked = rig_floats(pack->n_rows * V);
    *k = (struct kept){.n_rows = n, .H = (size_t)b->c.n_heads, .groups = GROUPS};
    const struct raml_tap tap = {
        .row = row, .n_rows = n, .layer = layer, .group = group, .n_groups = GROUPS, .read = keep, .user = k};
    MUST(raml_pass_open(b->m, false, &pass, err));
    MUST(raml_pass_forward(pass, pack, NULL, err));
    MUST(raml_pass_logits(pass, 0, pack->n_rows, plain, err));
    MUST(raml_pass_forward_hooked(pass, pack, &(struct raml_hooks){.tap = &tap}, NULL, err));
    MUST(raml_pass_logits(pass, 0, pack->n_rows, hooked, err));
    assert_memory_equal(plain, hooked, pack->n_rows * V * sizeof *plain);
    free(plain), free(hooked);
    raml_pass_close(pass);
}

/* Rows of a chain at the ends and amid tiles. */
static void check_chain(const struct both *b, const int32_t *token, size_t n, const bool *layer)
{
    static const uint32_t wanted[] = {0, 1, 6, 39, 62, 63, 64, 65, 127, 128, 149};
    struct raml_tree t = {0};
    struct raml_pack pack = {0};
    uint16_t group[LONG];
    size_t path[LONG], n_rows = 0;
    struct kept k;
    for (size_t i = 0; i < n; i++) path[i] = i, group[i] = (uint16_t)((i * i + i / 3) % GROUPS);
    while (n_rows < COUNT(wanted) && wanted[n_rows] < n) n_rows++;
    MUST(raml_tree_add(&t, -1, 0, token, n, n, NULL, err));
    MUST(raml_pack_add(&pack, &t, err));
    read_groups(b, &pack, wanted, n_rows, group, layer, &k);
    assert_int_equal(k.n_layers, layer ? 1 : b->c.n_layers);
    for (size_t i = 0; i < n_rows; i++) check_row(b, &k, i, path, wanted[i] + 1, token, group);
    drop(&k);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
}

/* The last token of every span of a random tree sees its ancestors and nothing else of the tree. */
static void check_tree(const struct both *b, uint64_t seed)
{
    struct raml_rng r = {{.seed = seed, .purpose = RAML_FOR_TEST}, 0};
    struct raml_tree t = {0};
    struct naive naive;
    struct raml_pack pack = {0};
    struct kept k;
    naive_init(&naive);
    random_tree(&t, &naive, &r, b->c.vocab_size, 6, 20);
    MUST(raml_pack_add(&pack, &t, err));
    uint16_t *group = malloc(t.n_tokens * sizeof *group);
    uint32_t *row = malloc(t.n_spans * sizeof *row);
    size_t n = 0, *span = malloc(t.n_spans * sizeof *span);
    for (size_t i = 0; i < t.n_tokens; i++) group[i] = (uint16_t)raml_rng_below(&r, GROUPS);
    for (size_t s = 0; s < t.n_spans; s++)
        if (t.span[s].n) row[n] = t.span[s].start + t.span[s].n - 1, span[n++] = s;
    read_groups(b, &pack, row, n, group, NULL, &k);
    for (size_t i = 0; i < n; i++) {
        int32_t token[512];
        size_t path[512], length = naive.path_n[span[i]];
        for (size_t j = 0; j < length; j++) {
            path[j] = (size_t)naive.path[span[i]][j];
            token[j] = naive.token[path[j]];
        }
        check_row(b, &k, i, path, length, token, group);
    }
    drop(&k);
    free(group), free(row), free(span);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
    naive_deinit(&naive);
}

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
            check_chain(&b, token, i ? 40 : 70, NULL);
            check_tree(&b, 11 + (uint64_t)kind);
            close_both(&b);
        }
        raml_device_close(dev);
    }
}

/* Windows of about a tile, about two, and longer than the text; one layer of the model. */
static void test_windows(void **state)
{
    (void)state;
    static const int windows[] = {1, 2, 63, 64, 65, 100, 128, 149, 150, 500};
    static const bool second[] = {false, true, false};
    int32_t token[LONG];
    struct raml_rng r = {{.seed = 6, .purpose = RAML_FOR_TEST}, 0};
    struct raml_device *dev = rig_device(2, "auto", false);
    for (size_t i = 0; i < COUNT(windows); i++) {
        struct raml_config c = rig_config(i % 2 ? RIG_MISTRAL : RIG_GEMMA3, false);
        struct both b;
        c.window = windows[i];
        open_both(&b, c, dev);
        for (size_t k = 0; k < LONG; k++) token[k] = (int32_t)raml_rng_below(&r, (uint32_t)c.vocab_size);
        check_chain(&b, token, LONG, i == 2 ? second : NULL);
        close_both(&b);
    }
    raml_device_close(dev);
}

/* bf16: products are exact, so that sums of the same queries and keys differ from f32's by what these were rounded. */
static void test_bf16(void **state)
{
    (void)state;
    struct raml_device *dev = rig_device(2, "auto", true);
    static const uint32_t row[] = {0, 20, 39};
    if (!dev) return;
    struct raml_config c = rig_config(RIG_QWEN3, false);
    struct kept k[2];
    uint16_t group[40];
    int32_t token[40];
    for (int i = 0; i < 40; i++) token[i] = (i * 5 + i * i) % c.vocab_size, group[i] = (uint16_t)(i % GROUPS);
    for (int i = 0; i < 2; i++) {
        struct both b = {.c = c, .m = rig_open_scaled(&c, i ? RAML_BF16 : RAML_F32, dev, 2)};
        struct raml_tree t = {0};
        struct raml_pack pack = {0};
        MUST(raml_tree_add(&t, -1, 0, token, 40, 40, NULL, err));
        MUST(raml_pack_add(&pack, &t, err));
        read_groups(&b, &pack, row, COUNT(row), group, NULL, &k[i]);
        raml_pack_deinit(&pack);
        raml_tree_deinit(&t);
        raml_model_close(b.m);
    }
    for (size_t i = 0; i < COUNT(row) * k[0].H * GROUPS; i++)
        if (!(fabs((double)k[0].sum[0][i] - (double)k[1].sum[0][i]) <= 0.03))
            fail_msg("bf16: %g, f32: %g", (double)k[1].sum[0][i], (double)k[0].sum[0][i]);
    drop(&k[0]), drop(&k[1]);
    raml_device_close(dev);
}

static enum raml_code refuse(void *user, const struct raml_tapped *t, struct raml_err *err)
{
    (void)user, (void)t;
    return raml_fail(err, RAML_ESTOP, "enough");
}
static void test_refused(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN2, false);
    struct raml_device *dev = rig_device(2, "auto", false);
    struct raml_model *m = rig_open(&c, RAML_F32, dev);
    struct raml_tree t = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    struct raml_err why = {0};
    static const int32_t token[] = {1, 2, 3};
    static const uint16_t group[] = {0, 2, 1};
    static const uint32_t row[] = {2};
    MUST(raml_tree_add(&t, -1, 0, token, 3, 3, NULL, err));
    MUST(raml_pack_add(&pack, &t, err));
    MUST(raml_pass_open(m, false, &pass, err));
    struct raml_tap tap = {.row = row, .n_rows = 1, .group = group, .n_groups = 2, .read = refuse};
    const struct raml_hooks hooks = {.tap = &tap};
    assert_int_equal(raml_pass_forward_hooked(pass, &pack, &hooks, NULL, &why), RAML_ERANGE);
    assert_string_equal(why.msg, "tap 1: row 1 is of group 2; expected a number below 2");
    tap.n_groups = 3;
    assert_int_equal(raml_pass_forward_hooked(pass, &pack, &hooks, NULL, &why), RAML_ESTOP);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&t);
    raml_model_close(m);
    raml_device_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds), cmocka_unit_test(test_windows),
                                       cmocka_unit_test(test_bf16), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
