/* speed_llama.c - the work of raml-bench's score, decode and trace, by llama.cpp's library (or, with -DIK, ik_llama.cpp's).
 *
 *   speed_llama MODEL.gguf score|decode|curve [KEY=VALUE ...]       prints a line of JSON
 *
 * score:  2048 tokens, the log-probability of each.
 * decode: `batch` samples of `steps` tokens after a shared prompt of 512, which is read once; time of the steps alone. The likeliest token
 *         is taken, which costs less than a draw.
 * curve:  a prompt of 128 and a trajectory of `length`, read once; after each of its prefixes 1 + 12 tokens of an answer, of which
 *         12 log-probabilities are wanted: `branches` of them a batch, each a sequence that shares the trajectory's cells.
 * Keys: fa, unified, repack: 0 or 1; kv: f16, bf16, f32; ubatch; batch; steps; branches; length; every: cuts left out (1: none);
 *       read: tokens that score reads; threads; runs: measured, after `warm` tokens that are not.
 */
#include <llama.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READ = 2048, PROMPT = 512, QUESTION = 128, PREFIX = 1, ANSWER = 12, MOST_RUNS = 64 };

struct settings {
    int fa, unified, repack, ubatch, batch, steps, branches, length, every, read, threads, runs, warm;
    enum ggml_type kv;
};

struct rig {
    struct llama_model *model;
    struct llama_context *context;
    struct llama_batch batch;
    int n_vocab;
    double sum; /* of log-probabilities: that they are used, and the same in every setting */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "speed_llama: %s\n", what);
    exit(1);
}

static void quiet(enum ggml_log_level level, const char *text, void *user)
{
    (void)user;
    if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

/* -- What the two libraries name differently ------------------------------------------------------------------------ */
#ifdef IK
static int vocabulary(const struct llama_model *m)
{
    return llama_n_vocab(m);
}
static void close_model(struct llama_model *m)
{
    llama_free_model(m);
}
static void forget(struct llama_context *c, int seq, int from)
{
    if (seq < 0) llama_kv_cache_clear(c);
    else llama_kv_cache_seq_rm(c, seq, from, -1);
}
static void share(struct llama_context *c, int to, int n)
{
    llama_kv_cache_seq_cp(c, 0, to, 0, n);
}
static void place(struct llama_model_params *m, struct llama_context_params *c, const struct settings *s)
{
    m->repack_tensors = s->repack;
    m->use_mmap = !s->repack;
    c->flash_attn = s->fa;
}
#else
static void close_model(struct llama_model *m)
{
    llama_model_free(m);
}
static int vocabulary(const struct llama_model *m)
{
    return llama_vocab_n_tokens(llama_model_get_vocab(m));
}
static void forget(struct llama_context *c, int seq, int from)
{
    if (seq < 0) llama_memory_clear(llama_get_memory(c), false);
    else llama_memory_seq_rm(llama_get_memory(c), seq, from, -1);
}
static void share(struct llama_context *c, int to, int n)
{
    /* caches of their own can only be copied whole */
    llama_memory_seq_cp(llama_get_memory(c), 0, to, n < 0 ? -1 : 0, n);
}
static void place(struct llama_model_params *m, struct llama_context_params *c, const struct settings *s)
{
    m->use_extra_bufts = s->repack;
    c->flash_attn_type = s->fa ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    c->kv_unified = s->unified;
}
#endif

static void open_rig(struct rig *r, const char *path, const struct settings *s, int cells, int sequences)
{
    struct llama_model_params m = llama_model_default_params();
    struct llama_context_params c = llama_context_default_params();
    llama_log_set(quiet, NULL);
    llama_backend_init();
    m.n_gpu_layers = 0;
    place(&m, &c, s);
    c.n_ctx = (uint32_t)((cells + 255) / 256 * 256) * (uint32_t)(s->unified ? 1 : sequences);
    c.n_batch = READ;
    c.n_ubatch = (uint32_t)s->ubatch;
    c.n_seq_max = (uint32_t)sequences;
    c.n_threads = c.n_threads_batch = s->threads;
    c.type_k = c.type_v = s->kv;
    r->model = llama_model_load_from_file(path, m);
    if (!r->model) fail("the model can't be loaded");
    r->context = llama_init_from_model(r->model, c);
    if (!r->context) fail("no context of these settings");
    r->batch = llama_batch_init(READ, 0, 1);
    r->n_vocab = vocabulary(r->model);
}

/* Some token: the same for the same i. */
static llama_token token(const struct rig *r, unsigned i)
{
    i = (i + 1) * 2654435761u;
    i ^= i >> 15;
    i *= 2246822519u;
    return (llama_token)((i ^ (i >> 13)) % (unsigned)r->n_vocab);
}

static void put(struct rig *r, llama_token t, int at, int seq, bool read)
{
    int i = r->batch.n_tokens++;
    r->batch.token[i] = t;
    r->batch.pos[i] = at;
    r->batch.n_seq_id[i] = 1;
    r->batch.seq_id[i][0] = seq;
    r->batch.logits[i] = read;
}

static void decode(struct rig *r)
{
    if (llama_decode(r->context, r->batch)) fail("llama_decode failed");
    r->batch.n_tokens = 0;
}

static double logprob(const float *x, int n, llama_token t)
{
    float most = x[0], sum = 0;
    for (int i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    for (int i = 0; i < n; i++) sum += expf(x[i] - most);
    return (double)(x[t] - most) - log((double)sum);
}

/* Adds the log-probability of each of wanted[0..n), at rows 0.. of the batch. */
static void add_logprobs(struct rig *r, const llama_token *wanted, int n, int threads)
{
    double sum = 0;
    llama_synchronize(r->context);
#pragma omp parallel for reduction(+ : sum) schedule(static) num_threads(threads)
    for (int i = 0; i < n; i++)
        if (wanted[i] >= 0) sum += logprob(llama_get_logits_ith(r->context, i), r->n_vocab, wanted[i]);
    (void)threads;
    r->sum += sum;
}

static double score(struct rig *r, const struct settings *s)
{
    static llama_token wanted[READ];
    forget(r->context, -1, 0);
    double start = now();
    for (int i = 0; i < s->read; i++) {
        put(r, token(r, (unsigned)i), i, 0, true);
        wanted[i] = i + 1 < s->read ? token(r, (unsigned)i + 1) : -1;
    }
    decode(r);
    add_logprobs(r, wanted, s->read, s->threads);
    return now() - start;
}

static llama_token likeliest(const float *x, int n)
{
    float most = x[0];
    int at = 0;
    for (int i = 1; i < n; i++) most = x[i] > most ? x[i] : most;
    while (x[at] != most && at + 1 < n) at++;
    return at;
}

static double sample(struct rig *r, const struct settings *s)
{
    llama_token *next = malloc((size_t)s->batch * sizeof *next);
    if (!next) fail("no memory");
    forget(r->context, -1, 0);
    for (int i = 0; i < PROMPT; i++) put(r, token(r, (unsigned)i), i, 0, i + 1 == PROMPT);
    decode(r);
    llama_synchronize(r->context);
    double start = now();
    for (int i = 1; i < s->batch; i++) share(r->context, i, -1);
    for (int i = 0; i < s->batch; i++) next[i] = token(r, 9000u + (unsigned)i); /* as if drawn: each sample its own */
    for (int t = 0; t < s->steps; t++) {
        for (int i = 0; i < s->batch; i++) put(r, next[i], PROMPT + t, i, true);
        decode(r);
        llama_synchronize(r->context);
#pragma omp parallel for schedule(static) num_threads(s->threads)
        for (int i = 0; i < s->batch; i++) next[i] = likeliest(llama_get_logits_ith(r->context, i), r->n_vocab);
    }
    double seconds = now() - start;
    for (int i = 0; i < s->batch; i++) r->sum += next[i];
    free(next);
    return seconds;
}

/* The rest is as long as what was measured: the cuts that are left out lie evenly between the others. */
static double curve(struct rig *r, const struct settings *s, double *reading)
{
    static llama_token wanted[READ];
    int n = 0;
    forget(r->context, -1, 0);
    double start = now();
    for (int i = 0; i < QUESTION + s->length; i++) put(r, token(r, (unsigned)i), i, 0, false);
    r->batch.logits[r->batch.n_tokens - 1] = true;
    decode(r);
    llama_synchronize(r->context);
    *reading = now() - start;
    for (int cut = 0; cut <= s->length; cut += s->every) {
        int at = QUESTION + cut, seq = 1 + n / ANSWER;
        share(r->context, seq, at);
        for (int k = 0; k < PREFIX + ANSWER - 1; k++) {
            put(r, token(r, 5000u + (unsigned)k), at + k, seq, true);
            wanted[n++] = token(r, 5001u + (unsigned)k);
        }
        if (seq < s->branches && cut + s->every <= s->length) continue;
        decode(r);
        add_logprobs(r, wanted, n, s->threads);
        n = 0;
        for (int i = 1; i <= s->branches; i++) forget(r->context, i, -1);
    }
    return now() - start;
}

static void set(struct settings *s, const char *word)
{
    const struct {
        const char *name;
        int *value;
    } keys[] = {{"fa", &s->fa},       {"unified", &s->unified}, {"repack", &s->repack},     {"ubatch", &s->ubatch},
                {"batch", &s->batch}, {"steps", &s->steps},     {"branches", &s->branches}, {"length", &s->length},
                {"every", &s->every}, {"read", &s->read},       {"threads", &s->threads},   {"runs", &s->runs},
                {"warm", &s->warm}};
    const char *value = strchr(word, '=');
    if (!value) fail("expected KEY=VALUE");
    if (!strncmp(word, "kv=", 3)) {
        s->kv = !strcmp(value, "=bf16") ? GGML_TYPE_BF16 : !strcmp(value, "=f32") ? GGML_TYPE_F32 : GGML_TYPE_F16;
        return;
    }
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strncmp(word, keys[i].name, (size_t)(value - word)) && !keys[i].name[value - word]) {
            *keys[i].value = atoi(value + 1);
            if (*keys[i].value < 0 || *keys[i].value > 1 << 20) fail("a number is out of range");
            return;
        }
    fail("unknown key");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double once(struct rig *r, const struct settings *s, char what, double *reading)
{
    r->sum = 0;
    return what == 's' ? score(r, s) : what == 'd' ? sample(r, s) : curve(r, s, reading);
}

int main(int argc, char **argv)
{
    struct settings s = {.unified = 1,
                         .repack = 1,
                         .ubatch = 512,
                         .batch = 1,
                         .steps = 128,
                         .branches = 32,
                         .length = 1024,
                         .every = 1,
                         .read = READ,
                         .threads = 2,
                         .runs = 3,
                         .warm = 64,
                         .kv = GGML_TYPE_F16};
    struct rig r = {0};
    double second[MOST_RUNS], reading = 0;
    if (argc < 3) fail("usage: speed_llama MODEL.gguf score|decode|curve [KEY=VALUE ...]");
    for (int i = 3; i < argc; i++) set(&s, argv[i]);
    char what = argv[2][0];
    if (s.runs < 1 || s.runs > MOST_RUNS || s.batch < 1 || s.every < 1 || !strchr("sdc", what))
        fail("a setting is out of range");
    if (s.branches < 1 || s.branches > READ / ANSWER || s.length > READ - QUESTION || s.read < 2 || s.read > READ ||
        s.warm > PROMPT)
        fail("branches, length, read or warm: out of range");
    int cells = what == 's'   ? s.read
                : what == 'd' ? PROMPT + (s.unified ? s.batch : 1) * s.steps
                              : QUESTION + s.length + s.branches * ANSWER;
    open_rig(&r, argv[1], &s, cells, what == 's' ? 1 : what == 'd' ? s.batch : 1 + s.branches);
    for (int i = 0; i < s.warm; i++) put(&r, token(&r, (unsigned)i), i, 0, true);
    if (s.warm) decode(&r);
    for (int i = 0; i < s.runs; i++) second[i] = once(&r, &s, what, &reading);
    qsort(second, (size_t)s.runs, sizeof *second, by_value);
    double median = second[s.runs / 2], cuts = 1 + s.length / s.every;
    double whole = what == 'c' ? reading + (median - reading) * (1 + s.length) / cuts : median;
    double tokens = what == 's'   ? s.read
                    : what == 'd' ? s.batch * s.steps
                                  : QUESTION + s.length + (1.0 + s.length) * ANSWER;
    printf("{\"seconds\": %.5f, \"tokens_per_s\": %.2f, \"extrapolated\": %s, \"sum\": %.4f}\n", whole, tokens / whole,
           what == 'c' && s.every > 1 ? "true" : "false", r.sum);
    llama_batch_free(r.batch);
    llama_free(r.context);
    close_model(r.model);
    return 0;
}
