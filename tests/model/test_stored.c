/* A model whose matrices are kept in the type of its file gives the bits of the same numbers in f32, for every type and
 * for a file that mixes them, in a pass and in decoding, and takes no more than the file's bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/scratch.h"
#undef COUNT
#include "model/rig.h"

#include "raml/modelfile.h"
#include "model/cache.h"
#include "core/file.h"

#include "modelfile/gguf_edit.h"

enum { N = 70, SAMPLES = 3, STEPS = 5 };

static const struct kind {
    enum raml_ggml_type type;
    int halves[2]; /* offsets of a block's f16 scales; -1: none */
} kinds[] = {
    {RAML_GGML_F16, {0, -1}},    {RAML_GGML_BF16, {-1, -1}},  {RAML_GGML_Q8_0, {0, -1}},  {RAML_GGML_Q4_0, {0, -1}},
    {RAML_GGML_Q4_1, {0, 2}},    {RAML_GGML_Q5_0, {0, -1}},   {RAML_GGML_Q5_1, {0, 2}},   {RAML_GGML_Q4_K, {0, 2}},
    {RAML_GGML_Q5_K, {0, 2}},    {RAML_GGML_Q6_K, {208, -1}}, {RAML_GGML_Q2_K, {80, 82}}, {RAML_GGML_Q3_K, {108, -1}},
    {RAML_GGML_IQ4_NL, {0, -1}}, {RAML_GGML_IQ4_XS, {0, -1}},
};

static struct raml_device *dev;

static int enter(void **state)
{
    return enter_scratch(state) || far_device_open(2, "auto", &dev, NULL) ? -1 : 0;
}
static int leave(void **state)
{
    raml_device_close(dev);
    return leave_scratch(state);
}

/* qwen2 and llama, whose rows of q and k are permuted in the file; rows of whole blocks of 256, odd numbers of them. */
static struct raml_config shape(bool llama)
{
    struct raml_config c = rig_config(llama ? RIG_LLAMA : RIG_QWEN2, false);
    c.hidden_size = 256;
    c.intermediate_size = 256;
    c.n_heads = 4;
    c.n_kv_heads = 2;
    c.head_dim = 64;
    c.vocab_size = 301;
    return c;
}

struct writing {
    struct gguf_edit e;
    int only; /* of kinds; -1: one after another */
};

static const struct kind *kind_of(const struct writing *w, size_t i)
{
    return &kinds[w->only < 0 ? i % COUNT(kinds) : (size_t)w->only];
}

/* Random blocks with scales of either sign about 2^-8; vectors as they are. */
static enum raml_code rows_of(void *user, size_t i, size_t row, size_t n, void *out, struct raml_err *err)
{
    const struct writing *w = user;
    const struct raml_tensor_view *v = &w->e.tensor[i].view;
    (void)err;
    if (v->n_dims < 2) {
        memcpy(out, (const float *)v->data + row, n * sizeof(float));
        return RAML_OK;
    }
    const struct kind *k = kind_of(w, i);
    size_t size, block = raml_ggml_block(k->type, &size), blocks = n * v->shape[1] / block;
    for (size_t b = 0; b < blocks; b++) {
        unsigned char *p = (unsigned char *)out + b * size;
        struct raml_key key = {.seed = 3, .purpose = RAML_FOR_TEST, .question = i};
        uint64_t at = (row * v->shape[1] / block + b) * size;
        for (size_t j = 0; j < size; j++) p[j] = (unsigned char)raml_below(&key, at + j, 256);
        if (k->type == RAML_GGML_BF16) p[1] = (unsigned char)((p[1] & 0x80) | 0x3c), p[0] |= 0x80;
        for (int j = 0; j < 2 && k->halves[j] >= 0; j++) p[k->halves[j] + 1] = (unsigned char)((p[1] & 0x80) | 0x1a);
    }
    return RAML_OK;
}

static void write_model(const char *dir, const struct raml_config *c, int only, char path[4200])
{
    char folder[4200], plain[4200];
    struct raml_model *m = rig_open(c, RAML_F32, dev);
    struct raml_model_file *f = NULL;
    struct raml_save_options o = raml_save_options_default();
    static struct writing w;
    in(dir, "folder", folder);
    in(dir, "plain.gguf", plain);
    in(dir, "kept.gguf", path);
    MUST(raml_make_dir(folder, err));
    MUST(raml_model_save(m, folder, err));
    raml_model_close(m);
    MUST(raml_model_file_open(folder, &f, err));
    MUST(raml_model_file_save_gguf(f, plain, &o, err));
    raml_model_file_close(f);
    w.only = only;
    edit_open(&w.e, plain);
    for (size_t i = 0; i < w.e.n_tensors; i++)
        if (w.e.tensor[i].view.n_dims == 2) w.e.tensor[i].type = kind_of(&w, i)->type;
    MUST(raml_gguf_write_rows(path, w.e.entry, w.e.n_entries, w.e.tensor, w.e.n_tensors, rows_of, &w, err));
    raml_gguf_close(w.e.g);
    MUST(raml_remove_tree(folder, err));
}

/* Logits of a chain of N tokens, by a pass; then of SAMPLES samples of a prompt over STEPS steps. */
static float *all_logits(const struct raml_model *m, size_t *n)
{
    size_t V = (size_t)raml_model_config(m)->vocab_size;
    int32_t token[N];
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    *n = (N + SAMPLES * STEPS) * V;
    float *out = rig_floats(*n);
    for (size_t i = 0; i < N; i++) token[i] = (int32_t)((7 * i * i + 3 * i + 1) % V);
    MUST(raml_tree_add(&tree, -1, 0, token, N, 1, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_open(m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, NULL, err));
    MUST(raml_pass_logits(pass, 0, N, out, err));
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);

    struct raml_cache_options o = {.max_rows = SAMPLES, .max_tokens = 1024};
    struct raml_cache *cache;
    struct raml_cache_tokens add[SAMPLES] = {{.token = token, .n = 9}};
    int prompt, sample[SAMPLES];
    float *rows = raml_array_new(dev, SAMPLES * V, sizeof *rows);
    assert_non_null(rows);
    MUST(raml_cache_open(m, &o, &cache, err));
    MUST(raml_cache_add(cache, -1, 0, &prompt, err));
    add[0].node = prompt;
    MUST(raml_cache_append(cache, add, 1, NULL, err));
    for (int i = 0; i < SAMPLES; i++) MUST(raml_cache_add(cache, prompt, 9, &sample[i], err));
    for (int s = 0; s < STEPS; s++) {
        for (int i = 0; i < SAMPLES; i++) add[i] = (struct raml_cache_tokens){sample[i], token + 10 + s + i, 1, 1};
        MUST(raml_cache_append(cache, add, SAMPLES, rows, err));
        MUST(raml_array_read(dev, out + (size_t)(N + s * SAMPLES) * V, rows, SAMPLES * V * sizeof *rows, err));
    }
    raml_array_free(dev, rows);
    raml_cache_close(cache);
    return out;
}

static void check_kind(const char *dir, bool llama, int only)
{
    struct raml_config c = shape(llama);
    char path[4200];
    struct raml_model *kept, *wide;
    struct raml_model_file *f = NULL;
    size_t n, bytes = 0;
    write_model(dir, &c, only, path);
    MUST(raml_model_open(path, RAML_STORED, RAML_INFERENCE, dev, &kept, err));
    MUST(raml_model_open(path, RAML_F32, RAML_INFERENCE, dev, &wide, err));
    float *got = all_logits(kept, &n), *want = all_logits(wide, &n);
    const char *what = only < 0 ? "a mixture" : raml_ggml_type_name(kinds[only].type);
    float low = want[0], high = want[0];
    for (size_t i = 0; i < n; i++) {
        low = fminf(low, want[i]);
        high = fmaxf(high, want[i]);
        if (!(isfinite(want[i]))) fail_msg("%s: logit %zu is %g", what, i, (double)want[i]);
    }
    assert_true(high - low > 0.01f); /* the numbers are not trivial */
    if (raml_model_dtype(kept) == RAML_F32 && memcmp(got, want, n * sizeof *got))
        fail_msg("%s, %s: kept as stored, logits differ from those in f32", c.model_type, what);
    MUST(raml_model_file_open(path, &f, err));
    for (size_t i = 0; i < raml_model_file_count(f); i++)
        bytes += raml_file_tensor_kept_bytes(raml_model_file_at(f, i));
    raml_model_file_close(f);
    size_t rotary = 4 * (size_t)c.max_positions * (size_t)c.head_dim;
    if (raml_model_bytes(kept) > bytes * 115 / 100 + rotary)
        fail_msg("%s: %zu bytes in memory for %zu of the file", what, raml_model_bytes(kept), bytes);
    free(got);
    free(want);
    raml_model_close(kept);
    raml_model_close(wide);
}

static void test_kinds(void **state)
{
    for (size_t i = 0; i < COUNT(kinds); i++) check_kind(*state, i % 2, (int)i);
}

static void test_mixture(void **state)
{
    check_kind(*state, false, -1);
    check_kind(*state, true, -1);
}

/* What is stored but not a number is refused by name. */
static void test_refused(void **state)
{
    struct raml_config c = shape(false);
    struct raml_err fault = {0};
    struct raml_model *m = NULL;
    char path[4200];
    size_t n = 0;
    write_model(*state, &c, 2, path); /* Q8_0 */
    struct raml_model_file *f = NULL;
    MUST(raml_model_file_open(path, &f, err));
    const struct raml_file_tensor *s = raml_model_file_find(f, "model.layers.1.mlp.up_proj.weight");
    assert_non_null(s);
    char *bytes = slurp(path, &n), nothing[2] = {0, 0x7c}; /* an infinite scale */
    assert_non_null(bytes);
    size_t row = 5 * s->shape[1] / 32 * 34, at = 0;
    while (at + 34 <= n && memcmp(bytes + at, (const char *)s->data + row, 34)) at++;
    assert_true(at + 34 <= n);
    memcpy(bytes + at, nothing, 2);
    raml_model_file_close(f);
    spill(path, bytes, n);
    free(bytes);
    assert_int_equal(raml_model_open(path, RAML_STORED, RAML_INFERENCE, dev, &m, &fault), RAML_ERANGE);
    assert_true(has(fault.msg, "tensor 'model.layers.1.mlp.up_proj.weight': element [5,"));
    assert_true(has(fault.msg, "expected a finite number"));
    assert_int_equal(raml_model_open(path, RAML_STORED, RAML_TRAINING, dev, &m, &fault), RAML_EUSAGE);
    assert_null(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, enter, leave),
        cmocka_unit_test_setup_teardown(test_mixture, enter, leave),
        cmocka_unit_test_setup_teardown(test_refused, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
