/* fuzz_gguf.c - GGUF files: what opens is read in full, comes back from a file written of it, and is taken for a
 * vocabulary, a tokenizer's settings and a model. */
#include "fuzz/check.h"
#include "fuzz/scratch.h"
#include "fuzz/shapes.h"
#include "fuzz/target.h"
#include "fuzz/texts.h"
#include "raml/modelfile.h"
#include "core/file.h"
#include "raml/gguf.h"
#include "raml/tokenizer.h"
#include "store/gguf_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FLOATS = 1 << 20 };

/* -- values -------------------------------------------------------------------------------------------------------- */

static size_t element_size(enum raml_gguf_type t)
{
    static const size_t size[RAML_GGUF_N_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    return size[t];
}

/* Every element by every accessor: the one of its type succeeds, but for numbers out of range; others refuse. */
static void look_at_value(const struct raml_gguf *g, const struct raml_gguf_value *v)
{
    struct raml_err err = {0};
    FUZZ_CHECK(raml_gguf_value_find(g, v->key) == v, "'%s' is not found under its name", v->key);
    FUZZ_CHECK(v->type == RAML_GGUF_ARRAY || (v->n == 1 && v->element == v->type),
               "'%s' is no array and has %zu elements", v->key, v->n);
    for (size_t i = 0; i <= v->n; i++) { /* and one after the last */
        int64_t whole;
        double real;
        bool flag;
        struct raml_gguf_string s;
        enum raml_code rc[] = {raml_gguf_element_integer(v, i, &whole, &err), raml_gguf_element_real(v, i, &real, &err),
                               raml_gguf_element_bool(v, i, &flag, &err), raml_gguf_element_string(v, i, &s, &err)};
        int ok = 0;
        for (size_t k = 0; k < FUZZ_COUNT(rc); k++) ok += rc[k] == RAML_OK;
        FUZZ_CHECK(ok <= (i < v->n), "'%s', element %zu of %zu: read as %d types", v->key, i, v->n, ok);
        bool number = v->element == RAML_GGUF_U64 || v->element == RAML_GGUF_F32 || v->element == RAML_GGUF_F64;
        FUZZ_CHECK(ok || i == v->n || number || v->element == RAML_GGUF_BOOL, "'%s', element %zu is read as no type",
                   v->key, i);
        fuzz_refused(err.code, &err);
        if (!rc[3])
            FUZZ_CHECK(!s.n || raml_hash(s.bytes, s.n, 0) == raml_hash(s.bytes, s.n, 0), "a string that changes");
    }
}

static void look_at_tensor(const struct raml_gguf *g, const struct raml_gguf_tensor *t)
{
    struct raml_err err = {0};
    size_t n = 1;
    FUZZ_CHECK(raml_gguf_tensor_find(g, t->name) == t, "'%s' is not found under its name", t->name);
    for (int d = 0; d < t->n_dims; d++) n *= t->shape[d];
    FUZZ_CHECK(n == t->n, "'%s' has %zu elements, its shape %zu", t->name, t->n, n);
    FUZZ_CHECK(raml_hash(t->data, t->bytes, 0) == raml_hash(t->data, t->bytes, 0), "data that changes");
    if (t->n > MAX_FLOATS) return;
    float *out = malloc((t->n ? t->n : 1) * sizeof *out);
    FUZZ_CHECK(out != NULL, "no memory for %zu floats", t->n);
    for (int finite = 0; finite < 2; finite++) {
        enum raml_code rc = raml_gguf_to_f32(t, out, finite, &err);
        if (rc) fuzz_refused(rc, &err);
        FUZZ_CHECK(!rc || rc == RAML_ESUPPORT || finite, "%s: %s", t->name, err.msg);
    }
    free(out);
}

/* -- written again ------------------------------------------------------------------------------------------------- */

struct copy {
    struct raml_gguf_entry *entry;
    struct raml_gguf_output *tensor;
    const struct raml_gguf_tensor **from; /* of tensor[i] */
    void **data;                          /* of entry[i] */
    size_t n_entries, n_tensors;
};

/* The value's elements as C objects. */
static void *elements(const struct raml_gguf_value *v)
{
    struct raml_err err = {0};
    if (v->element == RAML_GGUF_STRING) {
        struct raml_gguf_string *s = calloc(v->n ? v->n : 1, sizeof *s);
        for (size_t i = 0; s && i < v->n; i++) FUZZ_MUST(raml_gguf_element_string(v, i, &s[i], &err), &err);
        return s;
    }
    size_t size = element_size(v->element);
    unsigned char *bytes = malloc(v->n * size + 1);
    if (bytes && v->n) memcpy(bytes, v->data, v->n * size);
    return bytes;
}

static bool bools_are_bools(const struct raml_gguf_value *v)
{
    for (size_t i = 0; v->element == RAML_GGUF_BOOL && i < v->n; i++)
        if (((const unsigned char *)v->data)[i] > 1) return false;
    return true;
}

static enum raml_code rows(void *user, size_t i, size_t row, size_t n, void *out, struct raml_err *err)
{
    const struct raml_gguf_tensor *t = ((const struct copy *)user)->from[i];
    size_t n_rows = t->n_dims < 2 ? t->n : t->n / t->shape[t->n_dims - 1], bytes = n_rows ? t->bytes / n_rows : 0;
    (void)err;
    memcpy(out, (const char *)t->data + row * bytes, n * bytes);
    return RAML_OK;
}

/* What the writer says that it takes. */
static void fill(struct copy *c, const struct raml_gguf *g)
{
    size_t n = raml_gguf_n_values(g), m = raml_gguf_n_tensors(g);
    *c = (struct copy){.entry = calloc(n + 1, sizeof *c->entry),
                       .tensor = calloc(m + 1, sizeof *c->tensor),
                       .from = calloc(m + 1, sizeof *c->from),
                       .data = calloc(n + 1, sizeof *c->data)};
    FUZZ_CHECK(c->entry && c->tensor && c->from && c->data, "no memory for %zu values and %zu tensors", n, m);
    for (size_t i = 0; i < n; i++) {
        const struct raml_gguf_value *v = raml_gguf_value_at(g, i);
        if (!strcmp(v->key, "general.alignment") || !bools_are_bools(v)) continue;
        c->data[c->n_entries] = elements(v);
        FUZZ_CHECK(c->data[c->n_entries], "no memory for %zu elements", v->n);
        c->entry[c->n_entries] = (struct raml_gguf_entry){v->key, v->type, v->element, v->n, c->data[c->n_entries]};
        c->n_entries++;
    }
    for (size_t i = 0; i < m; i++) {
        const struct raml_gguf_tensor *t = raml_gguf_tensor_at(g, i);
        size_t block_bytes, block = raml_ggml_block(t->type, &block_bytes);
        if (!block || !t->n || (block > 1 && t->n_dims != 2)) continue;
        struct raml_tensor_view view = {.name = t->name, .n_dims = t->n_dims, .n = t->n};
        memcpy(view.shape, t->shape, sizeof t->shape);
        c->from[c->n_tensors] = t;
        c->tensor[c->n_tensors++] = (struct raml_gguf_output){view, (enum raml_ggml_type)t->type};
    }
}

static void same(const struct copy *c, const struct raml_gguf *b)
{
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct raml_gguf_value *w = raml_gguf_value_find(b, c->entry[i].key);
        FUZZ_CHECK(w && w->type == c->entry[i].type && w->element == c->entry[i].element && w->n == c->entry[i].n,
                   "'%s' did not come back", c->entry[i].key);
        if (w->element != RAML_GGUF_STRING) {
            FUZZ_CHECK(!w->n || !memcmp(w->data, c->entry[i].data, w->n * element_size(w->element)), "'%s' changed",
                       w->key);
            continue;
        }
        for (size_t k = 0; k < w->n; k++) {
            const struct raml_gguf_string *a = (const struct raml_gguf_string *)c->entry[i].data + k;
            struct raml_gguf_string s;
            struct raml_err err = {0};
            FUZZ_MUST(raml_gguf_element_string(w, k, &s, &err), &err);
            FUZZ_CHECK(s.n == a->n && (!s.n || !memcmp(s.bytes, a->bytes, s.n)), "'%s', string %zu changed", w->key, k);
        }
    }
    for (size_t i = 0; i < c->n_tensors; i++) {
        const struct raml_gguf_tensor *t = c->from[i], *w = raml_gguf_tensor_find(b, t->name);
        FUZZ_CHECK(w && w->type == t->type && w->n_dims == t->n_dims && w->n == t->n && w->bytes == t->bytes &&
                       !memcmp(w->shape, t->shape, (size_t)t->n_dims * sizeof *t->shape),
                   "'%s' did not come back", t->name);
        FUZZ_CHECK(!memcmp(w->data, t->data, t->bytes), "'%s' has other data", t->name);
    }
}

static void write_again(const struct raml_gguf *g)
{
    struct copy c;
    char path[FUZZ_PATH];
    struct raml_gguf *again = NULL;
    struct raml_err err = {0};
    fill(&c, g);
    fuzz_path("again.gguf", path);
    FUZZ_MUST(raml_gguf_write_rows(path, c.entry, c.n_entries, c.tensor, c.n_tensors, rows, &c, &err), &err);
    FUZZ_MUST(raml_gguf_open(path, &again, &err), &err);
    same(&c, again);
    raml_gguf_close(again);
    for (size_t i = 0; i < c.n_entries; i++) free(c.data[i]);
    free(c.entry);
    free(c.tensor);
    free(c.from);
    free(c.data);
}

/* -- its readers --------------------------------------------------------------------------------------------------- */

static void as_vocabulary(const struct raml_gguf *g, const char *path, const void *data, size_t size)
{
    struct raml_tokenizer *t = NULL;
    struct raml_tokenizer_config c;
    struct raml_err err = {0};
    enum raml_code rc = raml_tokenizer_from_gguf(g, &t, &err);
    if (rc) fuzz_refused(rc, &err);
    else fuzz_use_tokenizer(t, data, size);
    raml_tokenizer_close(t);
    rc = raml_tokenizer_config_read(path, &c, &err);
    if (rc) fuzz_refused(rc, &err);
    raml_tokenizer_config_deinit(&c);
}

static void as_model(const char *path)
{
    struct raml_model_file *f = NULL;
    struct raml_err err = {0};
    enum raml_code rc = raml_model_file_open(path, &f, &err);
    if (rc) {
        fuzz_refused(rc, &err);
        return;
    }
    FUZZ_MUST(raml_config_check(raml_model_file_config(f), &err), &err);
    for (size_t i = 0; i < raml_model_file_count(f); i++) {
        const struct raml_file_tensor *s = raml_model_file_at(f, i);
        float *out = malloc((s->n ? s->n : 1) * sizeof *out);
        FUZZ_CHECK(out != NULL, "no memory for %zu floats", s->n);
        rc = raml_file_tensor_f32(s, 0, s->shape[0], out, &err);
        if (rc) fuzz_refused(rc, &err);
        free(out);
    }
    raml_model_file_close(f);
}

static int run(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    struct raml_gguf *g = NULL;
    struct raml_err err = {0};
    enum raml_code rc = raml_gguf_open(fuzz_file("in.gguf", data, size, path), &g, &err);
    if (rc) return fuzz_refused(rc, &err);
    for (size_t i = 0; i < raml_gguf_n_values(g); i++) look_at_value(g, raml_gguf_value_at(g, i));
    for (size_t i = 0; i < raml_gguf_n_tensors(g); i++) look_at_tensor(g, raml_gguf_tensor_at(g, i));
    write_again(g);
    as_vocabulary(g, path, data, size);
    as_model(path);
    raml_gguf_close(g);
    return FUZZ_READ;
}

/* -- seeds --------------------------------------------------------------------------------------------------------- */

static void seed_values(struct fuzz_corpus *c)
{
    static const struct raml_gguf_string texts[] = {{"general", 7}, {"", 0}, {"a\0b", 3}};
    static const int32_t whole[] = {1, -1, INT32_MAX};
    static const double real[] = {0.5, -1e300};
    static const float single = 1e-6f;
    static const uint64_t large = UINT64_MAX;
    static const uint8_t small[] = {0, 255};
    static const bool flags[] = {true, false};
    static const struct raml_gguf_entry entry[] = {
        {"general.architecture", RAML_GGUF_STRING, RAML_GGUF_STRING, 1, texts},
        {"a.texts", RAML_GGUF_ARRAY, RAML_GGUF_STRING, 3, texts},
        {"a.whole", RAML_GGUF_ARRAY, RAML_GGUF_I32, 3, whole},
        {"a.none", RAML_GGUF_ARRAY, RAML_GGUF_U16, 0, whole},
        {"a.real", RAML_GGUF_ARRAY, RAML_GGUF_F64, 2, real},
        {"a.flags", RAML_GGUF_ARRAY, RAML_GGUF_BOOL, 2, flags},
        {"u8", RAML_GGUF_U8, RAML_GGUF_U8, 1, small},
        {"i8", RAML_GGUF_I8, RAML_GGUF_I8, 1, small},
        {"u16", RAML_GGUF_U16, RAML_GGUF_U16, 1, whole},
        {"i16", RAML_GGUF_I16, RAML_GGUF_I16, 1, whole},
        {"u32", RAML_GGUF_U32, RAML_GGUF_U32, 1, whole},
        {"i32", RAML_GGUF_I32, RAML_GGUF_I32, 1, whole},
        {"u64", RAML_GGUF_U64, RAML_GGUF_U64, 1, &large},
        {"i64", RAML_GGUF_I64, RAML_GGUF_I64, 1, &large},
        {"f32", RAML_GGUF_F32, RAML_GGUF_F32, 1, &single},
        {"f64", RAML_GGUF_F64, RAML_GGUF_F64, 1, real},
        {"bool", RAML_GGUF_BOOL, RAML_GGUF_BOOL, 1, flags},
    };
    static const float x[6] = {0.0f, 1.0f, -1.0f, 0.25f};
    const struct raml_gguf_output tensor[] = {
        {{.name = "x", .dtype = RAML_F32, .n_dims = 2, .shape = {2, 3}, .n = 6, .data = x}, RAML_GGML_F32},
        {{.name = "y", .dtype = RAML_F32, .n_dims = 1, .shape = {5}, .n = 5, .data = x}, RAML_GGML_BF16},
    };
    char path[FUZZ_PATH];
    struct raml_err err = {0};
    FUZZ_MUST(raml_gguf_write(fuzz_path("seed.gguf", path), entry, FUZZ_COUNT(entry), tensor, FUZZ_COUNT(tensor), &err),
              &err);
    fuzz_seed_file(c, "values", path);
}

static enum raml_code table_row(void *user, size_t i, size_t row, size_t n, void *out, struct raml_err *err)
{
    const struct gguf_row *r = user;
    (void)i, (void)row, (void)n, (void)err;
    memcpy(out, r->data, r->bytes);
    return RAML_OK;
}

static void seed_types(struct fuzz_corpus *c)
{
    for (size_t i = 0; i < FUZZ_COUNT(gguf_rows); i++) {
        struct gguf_row row = gguf_rows[i];
        char path[FUZZ_PATH];
        struct raml_err err = {0};
        const struct raml_gguf_output tensor = {{.name = "x", .n_dims = 2, .shape = {1, row.n}, .n = row.n},
                                                (enum raml_ggml_type)row.type};
        FUZZ_MUST(raml_gguf_write_rows(fuzz_path("seed.gguf", path), NULL, 0, &tensor, 1, table_row, &row, &err), &err);
        fuzz_seed_file(c, raml_ggml_type_name(row.type), path);
    }
}

/* A model with the built-in tokenizer's vocabulary would be large: models have eight tokens, a vocabulary no model. */
static void seed_vocabulary(struct fuzz_corpus *c)
{
    struct raml_tokenizer *t = NULL;
    struct raml_gguf_vocabulary v;
    char bos[] = "<|endoftext|>", chat[] = "{{ messages[0].content }}", path[FUZZ_PATH];
    const struct raml_tokenizer_config config = {.chat_template = chat, .bos = bos, .eos = bos, .add_bos = 0};
    struct raml_err err = {0};
    FUZZ_MUST(raml_tokenizer_bytes(&t, &err), &err);
    FUZZ_MUST(raml_gguf_vocabulary_init(&v, t, &config, 264, "seed", &err), &err);
    FUZZ_MUST(raml_gguf_write(fuzz_path("seed.gguf", path), v.entry, v.n, NULL, 0, &err), &err);
    fuzz_seed_file(c, "vocabulary", path);
    raml_gguf_vocabulary_deinit(&v);
    raml_tokenizer_close(t);
}

static void seed_models(struct fuzz_corpus *c)
{
    char dir[FUZZ_PATH], path[FUZZ_PATH], name[32];
    struct raml_err err = {0};
    FUZZ_MUST(raml_make_dir(fuzz_path("model", dir), &err), &err);
    for (int i = 0; i < FUZZ_SHAPES; i++) {
        struct raml_config shape = fuzz_shape(i);
        struct raml_model_file *f = NULL;
        struct raml_save_options o = raml_save_options_default();
        o.as = i % 2 ? RAML_STORE_BF16 : RAML_STORE_KEEP;
        fuzz_write_folder(&shape, dir);
        FUZZ_MUST(raml_model_file_open(dir, &f, &err), &err);
        FUZZ_MUST(raml_model_file_save_gguf(f, fuzz_path("seed.gguf", path), &o, &err), &err);
        raml_model_file_close(f);
        snprintf(name, sizeof name, "model-%d", i);
        fuzz_seed_file(c, name, path);
    }
}

static void seeds(struct fuzz_corpus *c)
{
    seed_values(c);
    seed_types(c);
    seed_vocabulary(c);
    seed_models(c);
}

/* clang-format off */
static const char *const words[] = {
    "GGUF", "general.alignment", "general.architecture", "general.name", "general.quantization_version", "split.count",
    "llama", "qwen2", "qwen3", "llama.block_count", "llama.context_length", "llama.embedding_length",
    "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.head_count_kv",
    "llama.attention.layer_norm_rms_epsilon", "llama.attention.key_length", "llama.rope.freq_base",
    "llama.rope.scaling.type", "llama.rope.scaling.factor", "llama.expert_count", "llama.attention.sliding_window",
    "yarn", "linear", "rope_freqs.weight", "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens",
    "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id",
    "tokenizer.ggml.add_bos_token", "tokenizer.chat_template", "gpt2", "gpt-2", "llama-bpe", "token_embd.weight",
    "output.weight", "output_norm.weight", "blk.0.attn_q.weight", "blk.0.ffn_up.weight",
    "\x01\x02\x03\x04\x05\x06\x07\x08", "\n", "\xff\xff\xff\xff", "a b", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_gguf = {
    .name = "gguf",
    .about = "GGUF files: metadata, tensors, vocabulary, model",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 16,
};
