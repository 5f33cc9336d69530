/* Adapters merged into a model's file: every element against W + scale B A in double, rounded once; in folders and GGUF, in
 * all types; what has no adapter keeps its bytes. */
#include "core/scratch.h"

#include "modelfile/on_disk.h"
#include "modelfile/merge.h"
#include "raml/gguf.h"
#include "raml/lora.h"
#include "raml/rng.h"

#include "core/half.h"

#include <math.h>

static struct raml_lora plan(const struct raml_config *c, const char *targets, bool rslora)
{
    struct raml_err err = {0};
    struct raml_lora_options o;
    struct raml_lora l;
    raml_settings_default(raml_lora_settings, raml_n_lora_settings, &o);
    o.r = 3;
    o.alpha = 5;
    o.use_rslora = rslora;
    o.target_modules = targets;
    o.rank_pattern = "layers.0.self_attn.q_proj=7";
    must(raml_lora_plan(&o, c, &l, &err), &err);
    return l;
}

/* Numbers in +-1/4 that have no short binary form. */
static float *numbers(size_t n)
{
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(sin((double)i * 12.9898 + 1) / 4);
    return x;
}

/* scale (B A)[row, col] of a matrix as it stands in a folder. */
static double product(const struct raml_lora_module *m, const float *block, size_t row, size_t col)
{
    bool embedding = !strcmp(m->name, "model.embed_tokens");
    size_t out = embedding ? col : row, in = embedding ? row : col;
    double sum = 0;
    for (size_t k = 0; k < m->rank; k++)
        sum += (double)block[m->b + out * m->rank + k] * (double)block[m->a + k * m->n_in + in];
    return m->scale * sum;
}

static const struct raml_lora_module *module_of(const struct raml_lora *l, const char *tensor)
{
    char name[120];
    for (size_t i = 0; i < l->n_modules; i++) {
        snprintf(name, sizeof name, "%s.weight", l->module[i].name);
        if (!strcmp(name, tensor)) return &l->module[i];
    }
    return NULL;
}

/* The nearest bf16 to x, ties to even, from its two neighbours. */
static double nearest_bf16(double x)
{
    double low = (double)raml_from_bf16((uint16_t)(raml_to_bf16((float)x) - 1)), best = low;
    uint16_t first = (uint16_t)(raml_to_bf16((float)x) - 1);
    for (int i = 0; i < 3; i++) {
        uint16_t h = (uint16_t)(first + i);
        double y = (double)raml_from_bf16(h), d = fabs(y - x) - fabs(best - x);
        if (d < 0 || (d == 0 && !(h & 1))) best = y;
    }
    return best;
}

static size_t check_tensor(const struct raml_file_tensor *was, const struct raml_file_tensor *is,
                           const struct raml_lora *l, const float *block)
{
    struct raml_err err = {0};
    const struct raml_lora_module *m = module_of(l, was->name);
    size_t cols = was->n_dims == 2 ? was->shape[1] : 1, twice = 0;
    float *x = malloc(was->n * sizeof *x), *y = malloc(was->n * sizeof *y);
    assert_true(x && y);
    must(raml_file_tensor_f32(was, 0, was->shape[0], x, &err), &err);
    must(raml_file_tensor_f32(is, 0, was->shape[0], y, &err), &err);
    for (size_t i = 0; m && i < was->n; i++) {
        double want = (double)x[i] + product(m, block, i / cols, i % cols), got = (double)y[i];
        double bound = is->type == RAML_GGML_F32 ? 1e-7 * fabs(want) + 1e-9 : 0.02; /* Q8_0: half a step of a block */
        if (is->type == RAML_GGML_BF16) {
            bound = 1e-12;
            twice += (double)raml_from_bf16(raml_to_bf16((float)want)) != nearest_bf16(want);
            want = nearest_bf16(want);
        }
        if (!(fabs(got - want) <= bound))
            fail_msg("%s[%zu] is %.9g, expected %.9g, from %.9g", was->name, i, got, want, (double)x[i]);
    }
    if (!m && is->type == RAML_GGML_F32) assert_memory_equal(x, y, was->n * sizeof *x);
    free(x);
    free(y);
    return twice;
}

static void check_model(const char *from, const char *to, const struct raml_lora *l, const float *block)
{
    struct raml_model_file *a = open_file(from), *b = open_file(to);
    assert_int_equal(raml_model_file_count(a), raml_model_file_count(b));
    for (size_t i = 0; i < raml_model_file_count(a); i++)
        check_tensor(raml_model_file_at(a, i), raml_model_file_at(b, i), l, block);
    raml_model_file_close(a);
    raml_model_file_close(b);
}

static void merge_one(const char *dir, const char *model, const char *targets, bool rslora)
{
    char from[4200], to[4200];
    struct raml_err err = {0};
    struct raml_model_file *f = open_file(golden(model, NULL, from));
    struct raml_lora l = plan(raml_model_file_config(f), targets, rslora);
    float *block = numbers(l.n);
    static const enum raml_store_as as[] = {RAML_STORE_KEEP, RAML_STORE_F32, RAML_STORE_BF16, RAML_STORE_Q8_0};
    for (size_t i = 0; i < COUNT(as); i++) {
        struct raml_save_options o = raml_save_options_default();
        o.as = as[i];
        o.lora = &l;
        o.adapters = block;
        must(raml_model_file_save_gguf(f, in(dir, "m.gguf", to), &o, &err), &err);
        check_model(from, to, &l, block);
        if (as[i] == RAML_STORE_Q8_0) continue;
        must(raml_model_file_save_folder(f, dir, &o, &err), &err);
        check_model(from, dir, &l, block);
    }
    raml_model_file_close(f);
    free(block);
    raml_lora_deinit(&l);
}

static void test_merge(void **state)
{
    need_golden();
    merge_one(*state, "llama", "all-linear", false); /* with GGUF's order of rows */
    merge_one(*state, "llama", "lm_head,embed_tokens,q_proj", true);
    merge_one(*state, "qwen3", "q_proj,down_proj", false);
    merge_one(*state, "qwen2-tied", "all-linear", true);
}

/* What can't be merged, before anything is written. */
static void test_refused(void **state)
{
    char path[4200], q8[4200];
    struct raml_err err = {0};
    need_golden();
    struct raml_model_file *f = open_file(golden("qwen2-tied", NULL, path));
    struct raml_config other = *raml_model_file_config(f);
    struct raml_lora l = plan(&other, "embed_tokens,q_proj", false);
    float *block = numbers(l.n);
    struct raml_save_options o = raml_save_options_default();
    o.lora = &l;
    o.adapters = block;
    assert_int_equal(raml_model_file_save_gguf(f, in(*state, "x.gguf", path), &o, &err), RAML_ESUPPORT);
    assert_true(has(err.msg, "'model.embed_tokens' has an adapter, but is the head too"));
    assert_true(has(err.msg, "untied (tie_word_embeddings false") && has(err.msg, "or train without it"));
    assert_int_equal(raml_model_file_save_folder(f, *state, &o, &err), RAML_ESUPPORT);
    assert_int_equal(raml_lora_write_gguf(&l, block, &other, in(*state, "a.gguf", path), &err), RAML_ESUPPORT);
    assert_true(has(err.msg, "llama.cpp has no adapter") && has(err.msg, "untied (tie_word_embeddings false"));
    assert_false(raml_is_file(path));
    raml_lora_deinit(&l);
    free(block);
    other.n_layers++;
    l = plan(&other, "q_proj", false);
    block = numbers(l.n);
    o.adapters = block;
    assert_int_equal(raml_model_file_save_gguf(f, in(*state, "x.gguf", path), &o, &err), RAML_ESHAPE);
    assert_true(has(err.msg, "has no matrix 'model.layers.2.self_attn.q_proj'") && has(err.msg, "another base"));
    assert_false(raml_is_file(path));
    /* Q8_0 stays Q8_0: it is written anew */
    raml_lora_deinit(&l);
    free(block);
    o = raml_save_options_default();
    o.as = RAML_STORE_Q8_0;
    must(raml_model_file_save_gguf(f, in(*state, "q8.gguf", q8), &o, &err), &err);
    raml_model_file_close(f);
    f = open_file(q8);
    l = plan(raml_model_file_config(f), "all-linear", false);
    block = numbers(l.n);
    o.as = RAML_STORE_KEEP;
    o.lora = &l;
    o.adapters = block;
    must(raml_model_file_save_gguf(f, path, &o, &err), &err);
    check_model(q8, path, &l, block);
    raml_model_file_close(f);
    raml_lora_deinit(&l);
    free(block);
}

/* Rows one by one, or all at once, at a width that is no multiple of a tile: the same numbers. */
static void test_rows(void **state)
{
    (void)state;
    struct raml_lora_module m = {.n_out = 37, .n_in = 531, .rank = 3, .scale = 0.7, .a = 5, .b = 5 + 3 * 531};
    float *block = numbers(m.b + m.n_out * m.rank), *w = numbers(m.n_out * m.n_in), *v = numbers(m.n_out * m.n_in);
    raml_lora_add_rows(&m, block, 0, m.n_out, w);
    for (size_t r = 0; r < m.n_out; r++) raml_lora_add_rows(&m, block, r, 1, v + r * m.n_in);
    assert_memory_equal(w, v, m.n_out * m.n_in * sizeof *w);
    free(v);
    v = numbers(m.n_out * m.n_in);
    for (size_t i = 0; i < m.n_out * m.n_in; i++) {
        double want = (double)v[i] + product(&m, block, i / m.n_in, i % m.n_in);
        if (!(fabs((double)w[i] - want) <= 1e-7 * fabs(want) + 1e-9)) fail_msg("[%zu] is %g", i, (double)w[i]);
    }
    free(block);
    free(w);
    free(v);
}

/* A sum a little beside the middle of two numbers of bf16, which a float can't tell from the middle. */
static void test_rounded_once(void **state)
{
    (void)state;
    const double middle = 1 + 1.0 / 256, little = 1.0 / 1048576;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct raml_lora_module m = {.n_out = 1, .n_in = 1, .rank = 1, .scale = sign, .a = 0, .b = 1};
        float block[2] = {(float)little, (float)little}, w = (float)middle;
        raml_merge_rows(&m, block, RAML_GGML_BF16, 0, 1, &w);
        double want = sign > 0 ? 1 + 1.0 / 128 : 1;
        if (raml_from_bf16(raml_to_bf16(w)) != (float)want) fail_msg("%d: %.9g", sign, (double)w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_merge, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_refused, enter_scratch, leave_scratch),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_rounded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
