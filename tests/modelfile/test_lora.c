/* LoRA plans and files: ranks, alphas and scales of the oracle's folders; patterns; what is written comes back bit for bit,
 * as a PEFT folder and as GGUF; the values of a GGUF adapter. */
#include "core/scratch.h"

#include "modelfile/on_disk.h"
#include "raml/gguf.h"
#include "raml/lora.h"
#include "raml/safetensors.h"

#include "core/json.h"

#include <math.h>

static const struct {
    const char *folder, *model;
} oracle[] = {
    {"llama-pattern", "llama"},           {"llama-plain", "llama"},           {"llama-rslora", "llama"},
    {"qwen2-tied-pattern", "qwen2-tied"}, {"qwen2-tied-plain", "qwen2-tied"}, {"qwen2-tied-rslora", "qwen2-tied"},
};

static void need_oracle(void)
{
    if (raml_is_dir(RAML_SHARED "/oracle/lora") && raml_is_dir(RAML_SHARED "/golden")) return;
    fprintf(stderr, "\n*** %s/oracle/lora is absent: LoRA files were NOT checked ***\n\n", RAML_SHARED);
    skip();
}

static const char *at(const char *folder, const char *file, char out[4200])
{
    snprintf(out, 4200, "%s/oracle/lora/%s%s%s", RAML_SHARED, folder, file ? "/" : "", file ? file : "");
    return out;
}

static struct raml_config config_of(const char *model)
{
    struct raml_config c;
    struct raml_err err = {0};
    char path[4200];
    must(raml_config_read(golden(model, "config.json", path), &c, &err), &err);
    return c;
}

static json_t *expected(const char *folder)
{
    char path[4200];
    struct raml_err err = {0};
    json_t *o = NULL;
    must(raml_json_load(at(folder, "expected.json", path), 1 << 20, &o, &err), &err);
    return o;
}

/* -- The oracle's folders ------------------------------------------------------------------------------------------ */

static void same_plan(const struct raml_lora *a, const struct raml_lora *b)
{
    assert_int_equal(a->n_modules, b->n_modules);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n_modules; i++) {
        const struct raml_lora_module *x = &a->module[i], *y = &b->module[i];
        if (strcmp(x->name, y->name) != 0 || x->rank != y->rank || x->alpha != y->alpha || x->scale != y->scale ||
            x->a != y->a || x->b != y->b || x->n_in != y->n_in || x->n_out != y->n_out || x->layer != y->layer ||
            x->matrix != y->matrix)
            fail_msg("module %zu: '%s' rank %zu scale %g and '%s' rank %zu scale %g", i, x->name, x->rank, x->scale,
                     y->name, y->rank, y->scale);
    }
}

/* Every tensor of the table is the file's, to the bit. */
static void same_tensors(const struct raml_lora *l, const float *block, const char *file)
{
    struct raml_safetensors *s = NULL;
    struct raml_param *table = NULL;
    struct raml_err err = {0};
    size_t n = 0;
    must(raml_safetensors_open(file, &s, &err), &err);
    must(raml_lora_table(l, &table, &n, &err), &err);
    assert_int_equal(n, raml_safetensors_count(s));
    for (size_t i = 0; i < n; i++) {
        const struct raml_tensor_view *v = raml_safetensors_find(s, table[i].name);
        assert_non_null(v);
        assert_int_equal(v->n, table[i].n);
        assert_memory_equal(v->data, block + table[i].offset, v->n * sizeof(float));
    }
    free(table);
    raml_safetensors_close(s);
}

static void test_oracle(void **state)
{
    (void)state;
    need_oracle();
    size_t checked = 0;
    for (size_t i = 0; i < COUNT(oracle); i++) {
        char path[4200];
        struct raml_err err = {0};
        struct raml_config c = config_of(oracle[i].model);
        struct raml_lora l;
        float *block = NULL;
        must(raml_lora_read(at(oracle[i].folder, NULL, path), &c, &l, &block, &err), &err);
        json_t *o = expected(oracle[i].folder), *modules = json_object_get(o, "modules"), *m;
        size_t k;
        assert_int_equal(json_array_size(modules), l.n_modules);
        json_array_foreach (modules, k, m) {
            const struct raml_lora_module *got = &l.module[k];
            assert_string_equal(got->name, json_string_value(json_object_get(m, "module")));
            assert_int_equal(got->rank, json_integer_value(json_object_get(m, "rank")));
            assert_true(got->alpha == json_number_value(json_object_get(m, "alpha")));
            assert_true(fabs(got->scale - json_number_value(json_object_get(m, "scale"))) <= 1e-15);
            checked++;
        }
        same_tensors(&l, block, at(oracle[i].folder, "adapter_model.safetensors", path));
        char *base = NULL;
        must(raml_lora_base(at(oracle[i].folder, NULL, path), &base, &err), &err);
        assert_string_equal(base, oracle[i].model);
        assert_string_equal(l.base, base);
        assert_true(raml_lora_is_folder(path));
        free(base);
        free(block);
        json_decref(o);
        raml_lora_deinit(&l);
    }
    print_message("%zu modules of %zu folders\n", checked, COUNT(oracle));
}

static void test_write(void **state)
{
    need_oracle();
    for (size_t i = 0; i < COUNT(oracle); i++) {
        char path[4200];
        struct raml_err err = {0};
        struct raml_config c = config_of(oracle[i].model);
        struct raml_lora l, copy, back;
        float *block = NULL, *again = NULL;
        must(raml_lora_read(at(oracle[i].folder, NULL, path), &c, &l, &block, &err), &err);
        l.base_hash = 0x0123456789abcdefu;
        must(raml_lora_copy(&l, &copy, &err), &err);
        raml_lora_deinit(&l);
        must(raml_lora_write(&copy, block, *state, &err), &err);
        must(raml_lora_read(*state, &c, &back, &again, &err), &err);
        same_plan(&copy, &back);
        assert_memory_equal(block, again, back.n * sizeof *block);
        assert_string_equal(copy.target_modules, back.target_modules);
        assert_string_equal(copy.base, back.base);
        assert_true(back.base_hash == 0x0123456789abcdefu);
        assert_int_equal(copy.r, back.r);
        assert_true(copy.alpha == back.alpha && copy.use_rslora == back.use_rslora);
        if (copy.rank_pattern) assert_string_equal(copy.rank_pattern, back.rank_pattern);
        if (copy.alpha_pattern) assert_string_equal(copy.alpha_pattern, back.alpha_pattern);
        free(block);
        free(again);
        raml_lora_deinit(&copy);
        raml_lora_deinit(&back);
    }
}

/* -- GGUF ---------------------------------------------------------------------------------------------------------- */

/* Row r of the file's q and k in the llama architecture, by the description in oracle/README.md: a head's rows (2, d/2)
 * become (d/2, 2). */
static size_t source_row(const struct raml_config *c, const struct raml_lora_module *m, size_t r)
{
    size_t D = (size_t)c->head_dim, head = r / D, pair = r % D / 2, half = r % 2;
    bool turned = !strcmp(c->model_type, "llama") && m->layer >= 0 && m->matrix <= 1;
    return turned ? head * D + half * (D / 2) + pair : r;
}

static void check_gguf(const char *path, const struct raml_lora *l, const float *block, const struct raml_config *c,
                       const json_t *want)
{
    struct raml_gguf *g = NULL;
    struct raml_err err = {0};
    double alpha = 0;
    must(raml_gguf_open(path, &g, &err), &err);
    must(raml_gguf_real(g, "adapter.lora.alpha", &alpha, &err), &err);
    assert_true(alpha == json_number_value(json_object_get(want, "adapter.lora.alpha")));
    assert_int_equal(raml_gguf_n_tensors(g), 2 * l->n_modules);
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        const struct raml_gguf_tensor *a = raml_gguf_tensor_at(g, 2 * i), *b = raml_gguf_tensor_at(g, 2 * i + 1);
        json_t *factors = json_object_get(want, "factor_on_lora_b");
        double factor = json_number_value(json_object_get(factors, m->name));
        const float *rows = b->data;
        assert_true(has(a->name, ".weight.lora_a") && has(b->name, ".weight.lora_b"));
        assert_int_equal(a->shape[0], m->rank);
        assert_int_equal(b->shape[1], m->rank);
        assert_memory_equal(a->data, block + m->a, a->n * sizeof(float));
        for (size_t r = 0; r < m->n_out; r++)
            for (size_t k = 0; k < m->rank; k++) {
                float x = block[m->b + source_row(c, m, r) * m->rank + k];
                assert_true(rows[r * m->rank + k] == (float)((double)x * factor));
            }
    }
    raml_gguf_close(g);
}

static void test_gguf(void **state)
{
    need_oracle();
    for (size_t i = 0; i < COUNT(oracle); i++) {
        char path[4200];
        struct raml_err err = {0};
        struct raml_config c = config_of(oracle[i].model);
        struct raml_lora l, back;
        float *block = NULL, *again = NULL;
        json_t *o = expected(oracle[i].folder);
        must(raml_lora_read(at(oracle[i].folder, NULL, path), &c, &l, &block, &err), &err);
        must(raml_lora_write_gguf(&l, block, &c, in(*state, "a.gguf", path), &err), &err);
        check_gguf(path, &l, block, &c, json_object_get(o, "gguf"));
        must(raml_lora_read(path, &c, &back, &again, &err), &err);
        assert_int_equal(back.n_modules, l.n_modules);
        assert_int_equal(back.n, l.n);
        for (size_t k = 0; k < l.n_modules; k++) { /* scale B A is the same */
            const struct raml_lora_module *x = &l.module[k], *y = &back.module[k];
            assert_string_equal(x->name, y->name);
            assert_memory_equal(block + x->a, again + y->a, x->rank * x->n_in * sizeof *block);
            for (size_t j = 0; j < x->rank * x->n_out; j++) {
                double p = x->scale * (double)block[x->b + j], q = y->scale * (double)again[y->b + j];
                if (!(fabs(p - q) <= 1e-6 * fabs(p))) fail_msg("%s: B[%zu] is worth %g and %g", x->name, j, p, q);
            }
        }
        free(block);
        free(again);
        json_decref(o);
        raml_lora_deinit(&l);
        raml_lora_deinit(&back);
    }
}

/* -- Plans --------------------------------------------------------------------------------------------------------- */

static enum raml_code plan(const struct raml_config *c, int64_t r, const char *targets, const char *ranks,
                           const char *alphas, struct raml_lora *out, struct raml_err *err)
{
    struct raml_lora_options o;
    raml_settings_default(raml_lora_settings, raml_n_lora_settings, &o);
    o.r = r;
    if (targets) o.target_modules = targets;
    o.rank_pattern = ranks;
    o.alpha_pattern = alphas;
    return raml_lora_plan(&o, c, out, err);
}

/* clang-format off */
static const struct {
    const char *targets; /* of a model of 12 layers */
    size_t n;
    const char *first;
} chosen[] = {
    {"all-linear", 84, "model.layers.0.self_attn.q_proj"},
    {"All-Linear", 84, "model.layers.0.self_attn.q_proj"},
    {"q_proj", 12, "model.layers.0.self_attn.q_proj"},
    {"v_proj,q_proj", 24, "model.layers.0.self_attn.q_proj"},
    {" v_proj, q_proj ", 24, "model.layers.0.self_attn.q_proj"},
    {"[\"v_proj\", \"layers.1.mlp.up_proj\"]", 13, "model.layers.0.self_attn.v_proj"},
    {"mlp.up_proj", 12, "model.layers.0.mlp.up_proj"},
    {"layers.1.mlp.up_proj", 1, "model.layers.1.mlp.up_proj"}, /* not 11's */
    {"model.layers.11.mlp.up_proj", 1, "model.layers.11.mlp.up_proj"},
    {"lm_head", 1, "lm_head"},
    {"embed_tokens", 1, "model.embed_tokens"},
    {"model.embed_tokens,lm_head,q_proj", 14, "model.layers.0.self_attn.q_proj"},
    {".*\\.(q|v)_proj", 24, "model.layers.0.self_attn.q_proj"},
    {".*q_proj|.*v_proj", 24, "model.layers.0.self_attn.q_proj"},
    {"model\\.layers\\.\\d\\.mlp\\.(gate|up)_proj", 20, "model.layers.0.mlp.gate_proj"},
    {".*\\.1\\d\\..*", 14, "model.layers.10.self_attn.q_proj"},
    {".*", 86, "model.layers.0.self_attn.q_proj"},
}; /* clang-format on */

static void test_targets(void **state)
{
    (void)state;
    struct raml_config c;
    struct raml_err err = {0};
    must(raml_config_preset("micro", &c, &err), &err);
    c.n_layers = 12;
    c.tied = false;
    for (size_t i = 0; i < COUNT(chosen); i++) {
        struct raml_lora l;
        must(plan(&c, 4, chosen[i].targets, NULL, NULL, &l, &err), &err);
        if (l.n_modules != chosen[i].n || strcmp(l.module[0].name, chosen[i].first) != 0)
            fail_msg("'%s': %zu modules from '%s'", chosen[i].targets, l.n_modules, l.module[0].name);
        size_t n = 0;
        for (size_t k = 0; k < l.n_modules; k++) { /* places without gaps, in order */
            const struct raml_lora_module *m = &l.module[k];
            assert_int_equal(m->a, n);
            assert_int_equal(m->b, n + m->rank * m->n_in);
            n = m->b + m->rank * m->n_out;
            assert_true(m->scale == 32.0 / 4);
        }
        assert_int_equal(l.n, n);
        raml_lora_deinit(&l);
    }
}

/* Rank of model.layers.1.self_attn.q_proj, r 4, by a pattern and its neighbours. */
/* clang-format off */
static const struct {
    const char *pattern;
    size_t rank, of_11; /* of layer 1's q_proj, and of layer 11's */
} ranked[] = {
    {"q_proj=2", 2, 2},
    {"self_attn.q_proj=2", 2, 2},
    {"layers.1.self_attn.q_proj=2", 2, 4},
    {"1.self_attn.q_proj=2", 2, 4},            /* after a dot, not in the middle of 11 */
    {"^model.layers.1.self_attn.q_proj=2", 2, 4},
    {".*q_proj=2", 2, 2},
    {"q_proj=2,layers.1.self_attn.q_proj=3", 2, 2}, /* the first that matches */
    {"layers.1.self_attn.q_proj=3,q_proj=2", 3, 2},
    {"k_proj|q_proj=2", 2, 2},
    {"layers.\\d+.self_attn.q_proj=2", 2, 2},
    {"layers.\\d.self_attn.q_proj=2", 2, 4},
    {"layers.[01].self_attn.(q|k)_proj=2", 2, 4},
    {"layers.1{1,2}.self_attn.q_proj=2", 2, 2}, /* with a comma */
    {"layers.(?=1\\.).*q_proj=2", 2, 4},       /* with an equals sign */
    {"{\"q_proj\": 2}", 2, 2},                 /* as PEFT has it */
    {"{\"layers.1.self_attn.q_proj\": 3, \"q_proj\": 2}", 3, 2},
}; /* clang-format on */

static void test_patterns(void **state)
{
    (void)state;
    struct raml_config c;
    struct raml_err err = {0};
    must(raml_config_preset("micro", &c, &err), &err);
    c.n_layers = 12;
    for (size_t i = 0; i < COUNT(ranked); i++) {
        struct raml_lora l;
        size_t rank[2] = {0};
        must(plan(&c, 4, NULL, ranked[i].pattern, "q_proj=7", &l, &err), &err);
        for (size_t k = 0; k < l.n_modules; k++) {
            const struct raml_lora_module *m = &l.module[k];
            if (!strcmp(m->name, "model.layers.1.self_attn.q_proj")) rank[0] = m->rank;
            if (!strcmp(m->name, "model.layers.11.self_attn.q_proj")) rank[1] = m->rank;
            double alpha = strstr(m->name, "q_proj") ? 7 : 32;
            assert_true(m->alpha == alpha && m->scale == alpha / (double)m->rank);
        }
        if (rank[0] != ranked[i].rank || rank[1] != ranked[i].of_11)
            fail_msg("'%s': ranks %zu and %zu", ranked[i].pattern, rank[0], rank[1]);
        raml_lora_deinit(&l);
    }
}

/* clang-format off */
static const struct {
    int64_t r;
    const char *targets, *ranks, *alphas;
    enum raml_code code;
    const char *part;
} wrong[] = {
    {0, NULL, NULL, NULL, RAML_EUSAGE, "lora_r is 0"},
    {-1, NULL, NULL, NULL, RAML_EUSAGE, "lora_r is -1"},
    {4, "", NULL, NULL, RAML_EUSAGE, "lora_target_modules: is empty"},
    {4, "q_porj", NULL, NULL, RAML_EUSAGE, "there is no module 'q_porj'; did you mean 'q_proj'?"},
    {4, "q_proj,,v_proj", NULL, NULL, RAML_EUSAGE, "name 2 is empty"},
    {4, "q_proj,c_attn_xyz", NULL, NULL, RAML_EUSAGE, "there is no module 'c_attn_xyz'; expected q_proj"},
    {4, "model.layers.9.mlp.up_proj", NULL, NULL, RAML_EUSAGE, "did you mean 'model.layers.0.mlp.up_proj'?"},
    {4, "proj", NULL, NULL, RAML_EUSAGE, "lora_target_modules"},
    {4, "lm_head", NULL, NULL, RAML_EUSAGE, "'lm_head' is the embedding of this model"},
    {4, "(q|v)_proj", NULL, NULL, RAML_EUSAGE, "matches the whole name of no module"},
    {4, ".*(q", NULL, NULL, RAML_EUSAGE, "is not a regular expression: missing closing parenthesis"},
    {4, "(*ACCEPT", NULL, NULL, RAML_EUSAGE, "is not a regular expression"},
    {4, "(([a-z._0-9])+)+[!?]", NULL, NULL, RAML_ERANGE, "expected a simpler expression"},
    {4, NULL, "q_proj", NULL, RAML_EUSAGE, "lora_rank_pattern: found 'q_proj', expected NAME=NUMBER"},
    {4, NULL, "q_proj=", NULL, RAML_EUSAGE, "expected NAME=NUMBER"},
    {4, NULL, "q_proj=2,k_proj", NULL, RAML_EUSAGE, "found 'k_proj', expected NAME=NUMBER"},
    {4, NULL, "=3", NULL, RAML_EUSAGE, "key 1 is empty"},
    {4, NULL, "q_proj=0", NULL, RAML_ERANGE, "rank 0 of 'model.layers.0.self_attn.q_proj'"},
    {4, NULL, "q_proj=2.5", NULL, RAML_ERANGE, "rank 2.5 of"},
    {4, NULL, "q_proj=nan", NULL, RAML_ERANGE, "rank nan of"},
    {4, NULL, "q_prj=2", NULL, RAML_EUSAGE, "lora_rank_pattern: 'q_prj' matches no module that has an adapter"},
    {4, "v_proj", "q_proj=2", NULL, RAML_EUSAGE, "'q_proj' matches no module that has an adapter"},
    {4, "[\"q_porj\", \"v_proj\"]", NULL, NULL, RAML_EUSAGE, "there is no module 'q_porj'; did you mean 'q_proj'?"},
    {4, NULL, NULL, "k_proj=0", RAML_ERANGE, "lora_alpha_pattern: alpha 0 of 'model.layers.0.self_attn.k_proj'"},
    {4, NULL, NULL, "q_proj=inf", RAML_ERANGE, "lora_alpha_pattern: alpha inf of"},
    {4, NULL, "{\"q_proj\": \"2\"}", NULL, RAML_EFORMAT, "'q_proj' is no number"},
    {4, NULL, "{\"q_proj\": 2", NULL, RAML_EFORMAT, "lora_rank_pattern"},
    {4, NULL, "q_proj=400", NULL, RAML_ERANGE, "rank 400 is more than 'model.layers.0.self_attn.q_proj'"},
}; /* clang-format on */

static void test_wrong_plans(void **state)
{
    (void)state;
    struct raml_config c;
    struct raml_err err = {0};
    must(raml_config_preset("micro", &c, &err), &err);
    c.tied = true;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct raml_lora l = {.r = 77};
        err = (struct raml_err){0};
        enum raml_code rc = plan(&c, wrong[i].r, wrong[i].targets, wrong[i].ranks, wrong[i].alphas, &l, &err);
        if (rc != wrong[i].code || !has(err.msg, wrong[i].part)) fail_msg("%zu: code %d: %s", i, (int)rc, err.msg);
        assert_int_equal(l.r, 77); /* as it was */
    }
}

/* -- The base ------------------------------------------------------------------------------------------------------ */

static uint64_t hash_of(const char *path)
{
    struct raml_err err = {0};
    struct raml_model_file *f = open_file(path);
    uint64_t h = 0;
    must(raml_lora_hash(f, &h, &err), &err);
    raml_model_file_close(f);
    return h;
}

/* A folder, its GGUF file, and both in bf16 are one base; another model is another; a quantised file is none. */
static void test_base(void **state)
{
    char path[4200];
    need_oracle();
    for (size_t i = 0; i < COUNT(names); i++) {
        struct raml_err err = {0};
        struct raml_save_options o = raml_save_options_default();
        uint64_t h = hash_of(golden(names[i], NULL, path));
        assert_true(h != 0);
        for (size_t k = 0; k < i; k++) {
            char other[4200];
            assert_true(h != hash_of(golden(names[k], NULL, other)));
        }
        assert_true(h == hash_of(golden(names[i], "model.gguf", path)));
        struct raml_model_file *f = open_file(golden(names[i], NULL, path));
        struct raml_lora l = {.base_hash = h};
        must(raml_lora_check_base(&l, "a", f, &err), &err);
        l.base_hash ^= 1;
        assert_int_equal(raml_lora_check_base(&l, "a", f, &err), RAML_ESHAPE);
        assert_true(has(err.msg, "a: an adapter for another base: it was trained on weights with hash"));
        l.base_hash = 0;
        must(raml_lora_check_base(&l, "a", f, &err), &err);
        o.as = RAML_STORE_BF16;
        must(raml_model_file_save_gguf(f, in(*state, "b.gguf", path), &o, &err), &err);
        assert_true(h == hash_of(path));
        must(raml_model_file_save_folder(f, *state, &o, &err), &err);
        assert_true(h == hash_of(*state));
        o.as = RAML_STORE_KEEP; /* the same shape with other values in one row */
        struct raml_lora some;
        must(plan(raml_model_file_config(f), 1, "layers.1.self_attn.o_proj", NULL, NULL, &some, &err), &err);
        float *block = calloc(some.n, sizeof *block);
        assert_non_null(block);
        block[some.module[0].a] = 1;
        block[some.module[0].b] = 1;
        o.lora = &some;
        o.adapters = block;
        must(raml_model_file_save_gguf(f, in(*state, "other.gguf", path), &o, &err), &err);
        assert_true(h != hash_of(path));
        free(block);
        raml_lora_deinit(&some);
        o = raml_save_options_default();
        o.as = RAML_STORE_Q8_0;
        must(raml_model_file_save_gguf(f, in(*state, "q.gguf", path), &o, &err), &err);
        raml_model_file_close(f);
        f = open_file(path);
        bool quantised = false;
        for (size_t k = 0; k < raml_model_file_count(f); k++)
            quantised |= raml_model_file_at(f, k)->type == RAML_GGML_Q8_0;
        raml_model_file_close(f);
        if (quantised) assert_true(hash_of(path) == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_oracle),
        cmocka_unit_test_setup_teardown(test_write, enter_scratch, leave_scratch),
        cmocka_unit_test_setup_teardown(test_gguf, enter_scratch, leave_scratch),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_wrong_plans),
        cmocka_unit_test_setup_teardown(test_base, enter_scratch, leave_scratch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
