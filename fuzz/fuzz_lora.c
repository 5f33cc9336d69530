/* fuzz_lora.c - low-rank adapters: adapter_config.json, a zero byte, adapter_model.safetensors (left out: a good one); or a
 * GGUF adapter. What is read has finite numbers, a plan without gaps, and comes back from a folder written of it. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/shapes.h"
#include "fuzz/target.h"
#include "raml/lora.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHAPE = 0 }; /* tied: no head */

static void plan_of(struct raml_lora *l, float **block, const char *targets)
{
    struct raml_config c = fuzz_shape(SHAPE);
    struct raml_lora_options o;
    struct raml_err err = {0};
    raml_settings_default(raml_lora_settings, raml_n_lora_settings, &o);
    o.r = 2;
    o.target_modules = targets;
    o.rank_pattern = "layers.0.self_attn.q_proj=1";
    FUZZ_MUST(raml_lora_plan(&o, &c, l, &err), &err);
    *block = malloc(l->n * sizeof **block);
    FUZZ_CHECK(*block != NULL, "no memory for %zu numbers", l->n);
    for (size_t i = 0; i < l->n; i++) (*block)[i] = (float)i / 64;
}

/* Folder `name` below the scratch folder. */
static const char *folder(const char *name, char out[FUZZ_PATH])
{
    fuzz_path(name, out);
    mkdir(out, 0777); /* it may be there */
    return out;
}

static void look(const struct raml_lora *l, const float *block)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *m = &l->module[i];
        FUZZ_CHECK(m->a == n && m->b == n + m->rank * m->n_in, "'%s' begins at %zu, expected %zu", m->name, m->a, n);
        FUZZ_CHECK(m->rank > 0 && isfinite(m->scale), "'%s' has rank %zu, scale %g", m->name, m->rank, m->scale);
        n = m->b + m->rank * m->n_out;
    }
    FUZZ_CHECK(n == l->n && l->n_modules, "%zu numbers of %zu modules, expected %zu", l->n, l->n_modules, n);
    for (size_t i = 0; i < n; i++) FUZZ_CHECK(isfinite(block[i]), "number %zu is %g", i, (double)block[i]);
}

static void again(const struct raml_lora *l, const float *block, const struct raml_config *c)
{
    char dir[FUZZ_PATH];
    struct raml_lora back;
    float *other = NULL;
    struct raml_err err = {0};
    FUZZ_MUST(raml_lora_write(l, block, folder("again", dir), &err), &err);
    FUZZ_MUST(raml_lora_read(dir, c, &back, &other, &err), &err);
    FUZZ_CHECK(back.n == l->n && back.n_modules == l->n_modules, "%zu modules became %zu", l->n_modules,
               back.n_modules);
    for (size_t i = 0; i < l->n_modules; i++) {
        const struct raml_lora_module *a = &l->module[i], *b = &back.module[i];
        FUZZ_CHECK(!strcmp(a->name, b->name) && a->rank == b->rank && a->scale == b->scale,
                   "'%s' of rank %zu, scale %g became '%s', %zu, %g", a->name, a->rank, a->scale, b->name, b->rank,
                   b->scale);
    }
    FUZZ_CHECK(!memcmp(block, other, l->n * sizeof *block), "other numbers came back");
    raml_lora_deinit(&back);
    free(other);
}

static const char *put(const uint8_t *data, size_t size, char path[FUZZ_PATH])
{
    char dir[FUZZ_PATH], file[FUZZ_PATH];
    const uint8_t *end = size ? memchr(data, 0, size) : NULL;
    if (size >= 4 && !memcmp(data, "GGUF", 4)) return fuzz_file("in.gguf", data, size, path);
    folder("adapter", dir);
    if (end) fuzz_file("adapter/adapter_model.safetensors", end + 1, size - (size_t)(end + 1 - data), file);
    else {
        struct raml_lora l;
        float *block;
        struct raml_err err = {0};
        plan_of(&l, &block, "q_proj,down_proj");
        FUZZ_MUST(raml_lora_write(&l, block, dir, &err), &err);
        raml_lora_deinit(&l);
        free(block);
    }
    fuzz_file("adapter/adapter_config.json", data, end ? (size_t)(end - data) : size, file);
    return strcpy(path, dir);
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    const struct raml_config c = fuzz_shape(SHAPE);
    struct raml_lora l;
    float *block = NULL;
    char *base = NULL;
    struct raml_err err = {0};
    put(data, size, path);
    enum raml_code rc = raml_lora_read(path, &c, &l, &block, &err);
    if (rc) return fuzz_refused(rc, &err);
    look(&l, block);
    again(&l, block, &c);
    rc = raml_lora_base(path, &base, &err); /* of a GGUF file there is none */
    if (rc) fuzz_refused(rc, &err);
    free(base);
    raml_lora_deinit(&l);
    free(block);
    return FUZZ_READ;
}

/* Both files of a folder, joined. */
static void seed_folder(struct fuzz_corpus *c, const char *name, const char *dir)
{
    static const char *const files[] = {"adapter_config.json", "adapter_model.safetensors"};
    char path[FUZZ_PATH * 2], joined[FUZZ_PATH];
    FILE *out = fopen(fuzz_path("joined", joined), "wb");
    FUZZ_CHECK(out != NULL, "%s cannot be written", joined);
    for (int i = 0; i < 2; i++) {
        char bytes[4096];
        size_t n;
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        FILE *in = fopen(path, "rb");
        FUZZ_CHECK(in != NULL, "%s cannot be read", path);
        while ((n = fread(bytes, 1, sizeof bytes, in)) > 0) fwrite(bytes, 1, n, out);
        if (!i) fputc(0, out);
        fclose(in);
    }
    fclose(out);
    fuzz_seed_file(c, name, joined);
}

static const char peft[] =
    "{\"peft_type\":\"LORA\",\"r\":2,\"lora_alpha\":16,\"target_modules\":[\"q_proj\",\"down_proj\"],\"bias\":\"none\","
    "\"rank_pattern\":{\"layers.0.self_attn.q_proj\":1},\"alpha_pattern\":{\"^model.layers.\\\\d.mlp.down_proj\":4},"
    "\"use_rslora\":true,\"base_model_name_or_path\":\"base\",\"lora_dropout\":0.05,\"task_type\":\"CAUSAL_LM\"}";
static const char regex[] = "{\"peft_type\":\"LORA\",\"r\":2,\"target_modules\":\".*\\\\.(q|down)_proj\","
                            "\"rank_pattern\":{\"layers.0.self_attn.(q|k)_proj\":1},\"use_dora\":false}";

static void seeds(struct fuzz_corpus *c)
{
    static const char *const targets[] = {"v_proj,q_proj", "all-linear", "embed_tokens,q_proj", ".*\\.(q|up)_proj"};
    const struct raml_config shape = fuzz_shape(SHAPE);
    struct raml_err err = {0};
    char dir[FUZZ_PATH], path[FUZZ_PATH], name[32];
    fuzz_seed_text(c, "peft", peft);
    fuzz_seed_text(c, "regex", regex);
    for (size_t i = 0; i < FUZZ_COUNT(targets); i++) {
        struct raml_lora l;
        float *block;
        plan_of(&l, &block, targets[i]);
        FUZZ_MUST(raml_lora_write(&l, block, folder("seed", dir), &err), &err);
        snprintf(name, sizeof name, "folder-%zu", i);
        seed_folder(c, name, dir);
        if (!strchr(targets[i], 'm')) {
            FUZZ_MUST(raml_lora_write_gguf(&l, block, &shape, fuzz_path("seed.gguf", path), &err), &err);
            snprintf(name, sizeof name, "gguf-%zu", i);
            fuzz_seed_file(c, name, path);
        }
        raml_lora_deinit(&l);
        free(block);
    }
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", ",", ":", "null", "true", "false", "\"peft_type\":\"LORA\",", "\"r\":", "\"lora_alpha\":",
    "\"use_rslora\":true,", "\"target_modules\":", "\"all-linear\"", "[\"q_proj\",\"down_proj\"]", "\"exclude_modules\":",
    "\"layers_to_transform\":[0],", "\"layers_pattern\":\"layers\",", "\"rank_pattern\":{", "\"alpha_pattern\":{",
    "\"use_dora\":true,", "\"modules_to_save\":[\"lm_head\"],", "\"init_lora_weights\":\"pissa\",", "\"bias\":\"all\",",
    "(.*)+", "\\\\d+", "^model.", "layers.0.", "self_attn.q_proj", "mlp.down_proj", "base_model.model.model.layers.0.",
    ".lora_A.weight", ".lora_B.weight", ".lora_embedding_A", "\"dtype\":\"BF16\"", "\"shape\":[2,2]", ".lora_a", ".lora_b",
    "adapter.lora.alpha", "GGUF", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_lora = {
    .name = "lora",
    .about = "low-rank adapters: a PEFT folder's two files, or a GGUF adapter",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 15,
};
