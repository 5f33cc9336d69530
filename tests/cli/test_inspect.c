/* `raml inspect`: its memory estimate is what is used later; folders, GGUF files and bare configurations; folded
 * layers; errors. */
#include "core/scratch.h"
#include "modelfile/gguf_edit.h"
#include "modelfile/on_disk.h"

#include "cli/commands.h"
#include "cli/inspect.h"
#include "cli/load.h"
#include "raml/modelfile.h"
#include "model/cache.h"
#include "core/json.h"
#include "raml/model.h"

#include <math.h>
#include <time.h>

struct fixture {
    char *dir;
    struct raml_device *dev;
};

static int enter(void **state)
{
    static struct fixture f;
    struct raml_err err = {0};
    void *dir;
    if (enter_scratch(&dir)) return -1;
    f.dir = dir;
    must(raml_device_open(2, "auto", &f.dev, &err), &err);
    *state = &f;
    return 0;
}

static int leave(void **state)
{
    struct fixture *f = *state;
    void *dir = f->dir;
    raml_device_close(f->dev);
    return leave_scratch(&dir);
}

/* Runs the command with arguments up to a NULL; *text gets standard output, for free(). */
static enum raml_code call(const struct fixture *f, char *const *argv, char **text, struct raml_err *err)
{
    int argc = 0;
    while (argv[argc]) argc++;
    struct cli cli = {0};
    struct cli_parsed *parsed = NULL;
    bool help = false;
    char path[4200];
    void *settings = calloc(1, cli_inspect.settings_size);
    *err = (struct raml_err){0};
    enum raml_code rc = cli_parse(&cli_inspect, argc, argv, settings, &cli, &help, &parsed, err);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    FILE *out = fopen(in(f->dir, "stdout", path), "wb");
    assert_non_null(out);
    dup2(fileno(out), STDOUT_FILENO);
    cli.dev = f->dev;
    if (!rc) rc = cli_inspect.run(&cli, settings, err);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    fclose(out);
    cli_parse_free(parsed);
    free(settings);
    *text = slurp(path, NULL);
    assert_non_null(*text);
    return rc;
}
#define CALL(f, text, err, ...) call((f), (char *const[]){__VA_ARGS__, NULL}, (text), (err))

/* The output of --json for a path. */
static json_t *report_of(const struct fixture *f, const char *path, const char *more)
{
    struct raml_err err;
    char *text, name[4200];
    json_t *o;
    snprintf(name, sizeof name, "%s", path);
    char word[32];
    snprintf(word, sizeof word, "%s", more ? more : "--json");
    must(CALL(f, &text, &err, name, (char[]){"--json"}, word), &err);
    const struct raml_place at = {"inspect", 1};
    must(raml_json_parse(&at, text, strlen(text), &o, &err), &err);
    free(text);
    return o;
}

static void near(const char *what, size_t estimate, size_t taken)
{
    double off = (double)estimate / (double)taken - 1;
    print_message("  %-22s %10zu estimated, %10zu used: %+.2f %%\n", what, estimate, taken, 100 * off);
    if (!(fabs(off) <= 0.05)) fail_msg("%s: %zu bytes are estimated, %zu are used", what, estimate, taken);
}

static size_t sum_of(const struct raml_model_size *z)
{
    return z->master + z->copies + z->row_major + z->table + z->vectors + z->rotary;
}

/* A text of n tokens that are all targets. */
static void fill(struct raml_pack *pack, size_t n)
{
    struct raml_err err = {0};
    struct raml_tree tree = {0};
    int32_t *token = calloc(n, sizeof *token);
    assert_non_null(token);
    must(raml_tree_add(&tree, -1, 0, token, n, 1, NULL, &err), &err);
    must(raml_pack_add(pack, &tree, &err), &err);
    raml_tree_deinit(&tree);
    free(token);
}

static size_t pass_bytes(const struct raml_model *m, bool backward, size_t n_tokens)
{
    struct raml_err err = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    fill(&pack, n_tokens);
    must(raml_pass_open(m, backward, &pass, &err), &err);
    must(raml_pass_forward(pass, &pack, NULL, &err), &err);
    size_t bytes = raml_pass_bytes(pass);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    return bytes;
}

static void check_cache(const struct inspection *x, const struct raml_model *m)
{
    struct raml_err err = {0};
    struct raml_cache *cache;
    size_t V = (size_t)x->config.vocab_size, b = 1, t = 1, n = 256, n_prompts = INSPECT_PROMPTS / n;
    struct raml_cache_options o = {.max_rows = x->memory.batch[b],
                                   .max_tokens = x->memory.batch[b] * x->memory.context[t]};
    must(raml_cache_open(m, &o, &cache, &err), &err);
    near("cache",
         x->memory.sampling[b][t] - sum_of(&x->memory.read) -
             8 * (o.max_rows + (size_t)raml_device_threads(raml_model_device(m))) * V,
         raml_cache_bytes(cache));
    /* prompts computed at once: their buffers are extra */
    int32_t *token = calloc(n, sizeof *token);
    struct raml_cache_tokens prompt[16];
    float *logits = raml_array_new(raml_model_device(m), n_prompts * V, sizeof *logits);
    for (size_t i = 0; i < n_prompts; i++) {
        prompt[i] = (struct raml_cache_tokens){.token = token, .n = n, .n_read = 1};
        must(raml_cache_add(cache, -1, 0, &prompt[i].node, &err), &err);
    }
    size_t before = raml_cache_bytes(cache);
    must(raml_cache_append(cache, prompt, n_prompts, logits, &err), &err);
    near("prompts", before + x->memory.prompts, raml_cache_bytes(cache));
    raml_cache_close(cache);
    raml_array_free(raml_model_device(m), logits);
    free(token);
}

static void check_memory(const struct fixture *f, const struct raml_config *c, bool bf16)
{
    struct raml_err err = {0};
    struct raml_model *m;
    char dir[4200];
    enum raml_dtype dtype = bf16 ? RAML_BF16 : RAML_F32;
    struct inspection drawn = {
        .config = *c, .kept = dtype, .trained = dtype, .random_init = true, .tokens = 300, .micro_batch_tokens = 400};
    struct inspection read = drawn;
    read.random_init = false;
    cli_inspect_memory(&drawn, f->dev);
    cli_inspect_memory(&read, f->dev);
    print_message("%s, %s\n", c->model_type, bf16 ? "bf16" : "f32");
    must(raml_model_init(c, 1, dtype, RAML_INFERENCE, f->dev, &m, &err), &err);
    near("a random model", sum_of(&drawn.memory.read), raml_model_bytes(m));
    raml_model_close(m);
    must(raml_model_init(c, 1, dtype, RAML_TRAINING, f->dev, &m, &err), &err);
    must(raml_make_dir(in(f->dir, "sized", dir), &err), &err);
    must(raml_model_save(m, dir, &err), &err);
    size_t pass = pass_bytes(m, true, 400); /* makes the model's copies for backward */
    near("a training pass", read.memory.train_pass, pass);
    near("training", read.memory.training - read.memory.gradients - read.memory.moments, raml_model_bytes(m) + pass);
    assert_int_equal(read.memory.gradients, 4 * raml_gradient_n(m));
    assert_int_equal(read.memory.moments, 8 * raml_model_n(m));
    raml_model_close(m);
    must(raml_model_open(dir, dtype, RAML_INFERENCE, f->dev, &m, &err), &err);
    near("a model for inference", sum_of(&read.memory.read), raml_model_bytes(m));
    pass = pass_bytes(m, false, 300);
    near("a scoring pass", read.memory.score_pass, pass);
    near("scoring", read.memory.scoring, raml_model_bytes(m) + pass);
    check_cache(&read, m);
    raml_model_close(m);
    must(raml_remove_tree(dir, &err), &err);
}

static void test_memory(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_config c[2];
    must(raml_config_preset("small", &c[0], &err), &err);
    must(raml_config_preset("qwen2.5-0.5b", &c[1], &err), &err);
    c[0].n_layers = c[1].n_layers = 2;
    c[1].intermediate_size = 1216;
    c[1].hidden_size = 448;
    c[1].n_heads = 7;
    c[1].n_kv_heads = 1;
    c[1].vocab_size = 5000;
    c[1].max_positions = 3000;
    c[1].tied = false;
    for (size_t i = 0; i < COUNT(c); i++)
        for (int bf16 = 0; bf16 <= (raml_device_has_bf16(f->dev) ? 1 : 0); bf16++) check_memory(f, &c[i], bf16);
}

/* The estimate for a file is what commands that read it use, whatever its types and the value of --dtype. */
static void check_kept(const struct fixture *f, const char *path, const char *word, const char *kept)
{
    struct raml_err err = {0};
    struct raml_model *m;
    char *text, name[4200], dtype[16];
    json_t *o;
    snprintf(name, sizeof name, "%s", path);
    snprintf(dtype, sizeof dtype, "%s", word);
    must(CALL(f, &text, &err, name, (char[]){"--json"}, (char[]){"--dtype"}, dtype, (char[]){"--tokens"},
              (char[]){"300"}),
         &err);
    const struct raml_place at = {"inspect", 1};
    must(raml_json_parse(&at, text, strlen(text), &o, &err), &err);
    free(text);
    const json_t *memory = json_object_get(o, "memory_bytes");
    assert_string_equal(json_string_value(json_object_get(memory, "dtype")), kept);
    struct raml_model_file *file = open_file(path);
    must(raml_model_load(file, cli_load_kept(f->dev, word, file), RAML_INFERENCE, f->dev, &m, &err), &err);
    size_t rotary = (size_t)json_integer_value(json_object_get(memory, "rotary"));
    near(path, (size_t)json_integer_value(json_object_get(memory, "held")) + rotary, raml_model_bytes(m));
    size_t pass = pass_bytes(m, false, 300);
    near("scoring", (size_t)json_integer_value(json_object_get(memory, "scoring")), raml_model_bytes(m) + pass);
    raml_model_close(m);
    json_decref(o);
}

/* The model in dir as a GGUF file. */
static void put_gguf(const struct fixture *f, const char *dir, const char *name, enum raml_store_as as, char path[4200])
{
    struct raml_err err = {0};
    struct raml_save_options o = raml_save_options_default();
    struct raml_model_file *file = open_file(dir);
    o.as = as;
    must(raml_model_file_save_gguf(file, in(f->dir, name, path), &o, &err), &err);
    raml_model_file_close(file);
}

static void test_kept(void **state)
{
    const struct fixture *f = *state;
    const bool has_bf16 = raml_device_has_bf16(f->dev);
    struct raml_err err = {0};
    struct raml_config c;
    struct raml_model *m;
    struct gguf_edit e;
    char dir[4200], q8[4200], bf16[4200], f32[4200], mixed[4200];
    must(raml_config_preset("small", &c, &err), &err);
    for (int tied = 0; tied < 2; tied++) {
        c.n_layers = 2;
        c.vocab_size = 3000; /* the head is a good part of it */
        c.max_positions = 500;
        c.tied = tied;
        must(raml_make_dir(in(f->dir, tied ? "tied" : "untied", dir), &err), &err);
        must(raml_model_init(&c, 5, RAML_F32, RAML_TRAINING, f->dev, &m, &err), &err);
        must(raml_model_save(m, dir, &err), &err);
        raml_model_close(m);
        put_gguf(f, dir, "q8.gguf", RAML_STORE_Q8_0, q8);
        put_gguf(f, dir, "bf16.gguf", RAML_STORE_BF16, bf16);
        put_gguf(f, dir, "f32.gguf", RAML_STORE_KEEP, f32);
        edit_open(&e, f32);
        edit_tensor(&e, "blk.1.ffn_up.weight")->type = RAML_GGML_Q8_0;
        edit_tensor(&e, "blk.0.ffn_down.weight")->type = RAML_GGML_BF16;
        edit_tensor(&e, "blk.0.attn_k.weight")->type = RAML_GGML_BF16;
        edit_write(&e, in(f->dir, "mixed.gguf", mixed));
        check_kept(f, dir, "stored", "stored"); /* F32 */
        check_kept(f, dir, "auto", has_bf16 ? "bf16" : "stored");
        check_kept(f, q8, "stored", "stored");
        check_kept(f, q8, "auto", "stored");
        check_kept(f, q8, "bf16", "bf16");
        check_kept(f, q8, "f32", "f32");
        check_kept(f, bf16, "stored", has_bf16 ? "bf16" : "stored");
        check_kept(f, bf16, "auto", has_bf16 ? "bf16" : "stored");
        check_kept(f, mixed, "auto", "stored");
    }
}

/* A model of three layers with the built-in tokenizer, or none, in dir/name. */
static void save_model(const struct fixture *f, const char *name, bool tokenizer, char path[4200])
{
    struct raml_err err = {0};
    struct raml_config c;
    struct raml_model *m;
    struct raml_tokenizer *t;
    char json[4300];
    must(raml_config_preset("micro", &c, &err), &err);
    c.n_layers = 3;
    c.eos_token = 256;
    raml_config_add_eos(&c, 260);
    must(raml_make_dir(in(f->dir, name, path), &err), &err);
    must(raml_model_init(&c, 5, RAML_F32, RAML_TRAINING, f->dev, &m, &err), &err);
    must(raml_model_save(m, path, &err), &err);
    raml_model_close(m);
    if (!tokenizer) return;
    must(raml_tokenizer_bytes(&t, &err), &err);
    snprintf(json, sizeof json, "%s/tokenizer.json", path);
    must(raml_tokenizer_save(t, json, &err), &err);
    raml_tokenizer_close(t);
}

/* A folder and the GGUF file made from it have the same tensors; only names in the file and types differ. */
static void test_formats(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_save_options o = raml_save_options_default();
    char dir[4200], gguf[4200];
    save_model(f, "model", true, dir);
    struct raml_model_file *file = open_file(dir);
    o.as = RAML_STORE_Q8_0;
    must(raml_model_file_save_gguf(file, in(f->dir, "model.gguf", gguf), &o, &err), &err);
    raml_model_file_close(file);
    json_t *a = report_of(f, dir, "--check"), *b = report_of(f, gguf, "--check");
    const json_t *ta = json_object_get(a, "tensors"), *tb = json_object_get(b, "tensors"), *x, *y;
    assert_int_equal(json_array_size(ta), 3 * 9 + 2);
    assert_int_equal(json_array_size(tb), json_array_size(ta));
    for (size_t i = 0; i < json_array_size(ta); i++) {
        x = json_array_get(ta, i), y = json_array_get(tb, i);
        assert_string_equal(json_string_value(json_object_get(x, "name")),
                            json_string_value(json_object_get(y, "name")));
        assert_true(json_equal(json_object_get(x, "shape"), json_object_get(y, "shape")));
        assert_true(fabs(json_number_value(json_object_get(x, "rms")) - json_number_value(json_object_get(y, "rms"))) <
                    0.01);
        assert_int_equal(json_integer_value(json_object_get(y, "not_finite")), 0);
    }
    x = json_array_get(ta, 2), y = json_array_get(tb, 2);
    assert_string_equal(json_string_value(json_object_get(x, "in_file")), "model.layers.0.self_attn.q_proj.weight");
    assert_string_equal(json_string_value(json_object_get(y, "in_file")), "blk.0.attn_q.weight");
    assert_string_equal(json_string_value(json_object_get(x, "dtype")), "F32");
    assert_string_equal(json_string_value(json_object_get(y, "dtype")), "Q8_0");
    assert_int_equal(json_integer_value(json_object_get(y, "bytes")), 128 * 128 / 32 * 34);
    assert_int_equal(json_array_size(json_object_get(b, "types")), 2);
    assert_int_equal(json_array_size(json_object_get(json_object_get(a, "config"), "eos_token_ids")), 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(a, "prompt"), "format")), "builtin");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(a, "tokenizer"), "size")), 261);
    json_decref(a), json_decref(b);
}

static void test_text(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err;
    char dir[4200], gguf[4200], *text;
    struct raml_save_options o = raml_save_options_default();
    save_model(f, "texts", true, dir);
    must(CALL(f, &text, &err, dir), &err);
    assert_true(has(text, "model.layers.*.mlp.up_proj.weight"));
    assert_true(has(text, "  0-2\n"));
    assert_true(has(text, "29 tensors, "));
    assert_true(has(text, "end         256 <|endoftext|>, 260 <|pad|>\n"));
    assert_true(has(text, "--prompt_format auto is 'builtin'"));
    assert_true(has(text, "fits"));
    free(text);
    must(CALL(f, &text, &err, dir, (char[]){"--tensors"}, (char[]){"--check"}), &err);
    assert_true(has(text, "model.layers.2.mlp.up_proj.weight"));
    assert_null(strstr(text, ".*."));
    free(text);
    /* one layer of another type has a separate line, and the others' line lists them */
    struct raml_model_file *file = open_file(dir);
    must(raml_model_file_save_gguf(file, in(f->dir, "mixed.gguf", gguf), &o, &err), &err);
    raml_model_file_close(file);
    struct gguf_edit e;
    edit_open(&e, gguf);
    edit_tensor(&e, "blk.1.ffn_up.weight")->type = RAML_GGML_Q8_0;
    char mixed[4200];
    edit_write(&e, in(f->dir, "mixed2.gguf", mixed));
    must(CALL(f, &text, &err, mixed), &err);
    assert_true(has(text, "  0, 2\n"));
    assert_true(has(text, " 28 F32 "));
    assert_true(has(text, " 1 Q8_0 47.9 kB"));
    assert_true(has(text, "blk.*.ffn_up.weight"));
    free(text);
}

/* 70 billion parameters, of which there is only the configuration. */
static void test_config_alone(void **state)
{
    static const char config[] =
        "{\"model_type\":\"llama\",\"vocab_size\":128256,\"hidden_size\":8192,\"intermediate_size\":28672,"
        "\"num_hidden_layers\":80,\"num_attention_heads\":64,\"num_key_value_heads\":8,"
        "\"max_position_embeddings\":131072,\"rms_norm_eps\":1e-5,\"rope_theta\":500000,"
        "\"tie_word_embeddings\":false,\"hidden_act\":\"silu\",\"eos_token_id\":[128001,128008]}";
    const struct fixture *f = *state;
    struct raml_err err;
    char dir[4200], path[4300], *text;
    must(raml_make_dir(in(f->dir, "bare", dir), &err), &err);
    snprintf(path, sizeof path, "%s/config.json", dir);
    spill(path, config, sizeof config - 1);
    clock_t start = clock();
    must(CALL(f, &text, &err, path), &err);
    assert_true(clock() - start < CLOCKS_PER_SEC / 2);
    assert_true(has(text, "723 tensors, 70553706496 parameters\n"));
    assert_true(has(text, "  0-79\n"));
    assert_true(has(text, "sum: DOES NOT FIT, "));
    assert_true(has(text, "! DOES NOT FIT: "));
    free(text);
    assert_int_equal(CALL(f, &text, &err, path, (char[]){"--check"}), RAML_EUSAGE);
    assert_true(has(err.msg, "has none"));
    free(text);
    assert_int_equal(CALL(f, &text, &err, dir), RAML_EIO); /* a folder should have weights */
    assert_true(has(err.msg, "model.safetensors"));
    free(text);
    assert_int_equal(CALL(f, &text, &err, (char[]){"--init"}, (char[]){"micro"}, (char[]){"--check"}), RAML_EUSAGE);
    free(text);
    must(CALL(f, &text, &err, (char[]){"--init"}, (char[]){"gpt2"}, (char[]){"--tokens"}, (char[]){"0"}), &err);
    assert_true(has(text, "sum without activations"));
    free(text);
}

static void test_faults(void **state)
{
    const struct fixture *f = *state;
    struct raml_err err;
    char from[4200], path[4200], *text;
    struct gguf_edit e;
    need_golden();
    edit_open(&e, golden("llama", "model.gguf", from));
    edit_drop_tensor(&e, "blk.1.attn_k.weight");
    edit_write(&e, in(f->dir, "short.gguf", path));
    assert_int_equal(CALL(f, &text, &err, path), RAML_ESHAPE);
    assert_true(has(err.msg, "tensor 'blk.1.attn_k.weight' [48, 48] is missing"));
    free(text);
    edit_open(&e, from);
    struct raml_gguf_output *t = edit_tensor(&e, "blk.0.ffn_up.weight");
    float *x = malloc(t->view.n * sizeof *x);
    memcpy(x, t->view.data, t->view.n * sizeof *x);
    x[50] = x[51] = INFINITY;
    t->view.data = x;
    edit_write(&e, in(f->dir, "bad.gguf", path));
    free(x);
    must(CALL(f, &text, &err, path), &err); /* no value is read */
    free(text);
    assert_int_equal(CALL(f, &text, &err, path, (char[]){"--check"}), RAML_ERANGE);
    assert_true(has(err.msg, "bad.gguf: 2 of its values are NaN or infinite (tensors: 1); first: "
                             "'model.layers.0.mlp.up_proj.weight', element 50"));
    assert_true(has(text, "2 NOT FINITE, first: element 50"));
    free(text);
    assert_int_equal((in(f->dir, "stdout", path), CALL(f, &text, &err, path)), RAML_EUSAGE);
    assert_true(has(err.msg, "expected a folder, a .gguf file or a config.json"));
    free(text);
}

/* The tokenizer's other files are reported, even if they can't be read; and a run's newest checkpoint is found. */
static void test_tokens(void **state)
{
    static const char thinking[] = "{% for m in messages %}{{ m.content }}{% endfor %}<think>";
    const struct fixture *f = *state;
    struct raml_err err;
    char dir[4200], path[4300], *text;
    must(raml_make_dir(in(f->dir, "run", path), &err), &err);
    save_model(f, "run/checkpoint-3", false, dir);
    json_t *o = report_of(f, path, NULL);
    assert_true(has(json_string_value(json_object_get(o, "model")), "run/checkpoint-3"));
    assert_true(json_is_null(json_object_get(o, "tokenizer")));
    assert_true(
        has(json_string_value(json_object_get(json_object_get(o, "prompt"), "format_fault")), "has no chat template"));
    json_decref(o);
    snprintf(path, sizeof path, "%s/tokenizer.json", dir);
    spill(path, "{}", 2);
    snprintf(path, sizeof path, "%s/chat_template.jinja", dir);
    spill(path, thinking, sizeof thinking - 1);
    o = report_of(f, dir, NULL);
    assert_non_null(json_string_value(json_object_get(json_object_get(o, "tokenizer"), "fault")));
    const json_t *prompt = json_object_get(o, "prompt");
    assert_string_equal(json_string_value(json_object_get(prompt, "template_place")), path);
    assert_string_equal(json_string_value(json_object_get(prompt, "format")), "template");
    assert_string_equal(json_string_value(json_object_get(prompt, "thinking")), "prompt");
    json_decref(o);
    must(CALL(f, &text, &err, dir), &err);
    assert_true(has(text, "not readable: "));
    assert_true(has(text, "thinks: the prompt opens <think>"));
    free(text);
    spill(path, "{% if %}", 8);
    must(CALL(f, &text, &err, dir), &err);
    assert_true(has(text, "--prompt_format auto finds none: "));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory), cmocka_unit_test(test_kept),         cmocka_unit_test(test_formats),
        cmocka_unit_test(test_text),   cmocka_unit_test(test_config_alone), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
