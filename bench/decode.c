/* decode.c - see bench.h: reading a long text, and samples that grow side by side. */
#include "bench/bench.h"

#include "core/clock.h"
#include "model/cache.h"
#include "raml/device.h"
#include "inner/sample_token.h"
#include "raml/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ = 2048, PROMPT_MOST = 512, MOST = 256 };

struct shape {
    size_t prompt, batch, steps;
    bool whole; /* the prompt's time counts too */
};

enum raml_code bench_score(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    double second[MOST];
    size_t n = 0;
    int32_t id[READ];
    enum raml_code rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    for (size_t i = 0; i < READ && !rc; i++) id[i] = bench_token(&r, i);
    if (!rc) rc = raml_tree_add(&tree, -1, 0, id, READ, 1, NULL, err);
    if (!rc) rc = raml_pack_add(&pack, &tree, err);
    float *logp = calloc(READ, sizeof *logp);
    struct raml_logprobs logprobs = {.logp = logp};
    if (!rc && !logp) rc = raml_fail(err, RAML_ENOMEM, "no memory for the log-probabilities");
    if (!rc) rc = raml_pass_open(r.m, false, &pass, err);
    if (!rc) rc = raml_pass_forward(pass, &pack, &logprobs, err);
    for (double start = raml_clock_monotonic();
         !rc && n < MOST && (n < 3 || raml_clock_monotonic() - start < opt->seconds); n++) {
        double s = raml_clock_monotonic();
        rc = raml_pass_forward(pass, &pack, &logprobs, err);
        second[n] = raml_clock_monotonic() - s;
    }
    if (!rc) {
        qsort(second, n, sizeof *second, bench_by_value);
        out->seconds = second[n / 2];
        out->tokens_per_s = READ / out->seconds;
        out->gflops = 1e-9 * bench_forward_flops(r.m, &pack) / out->seconds;
        snprintf(out->note, sizeof out->note, "one pass over %d tokens, all targets; model %.0f MB", READ,
                 1e-6 * (double)raml_model_bytes(r.m));
        snprintf(out->extra, sizeof out->extra, "\"model_bytes\": %zu", raml_model_bytes(r.m));
    }
    free(logp);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    bench_rig_close(&r, out);
    return rc;
}

/* Memory bandwidth in bytes per second, read by all threads: the best of several reads of 512 MiB. */
static double bandwidth(void)
{
    size_t n = (size_t)64 << 20;
    uint64_t *p = malloc(n * sizeof *p), sum = 0;
    double best = 0;
    if (!p) return 0;
    memset(p, 1, n * sizeof *p);
    for (int i = 0; i < 5; i++) {
        double s = raml_clock_monotonic();
#pragma omp parallel for schedule(static) reduction(+ : sum)
        for (size_t k = 0; k < n; k += 8) {
            __builtin_prefetch(p + k + 256); /* 2 KiB ahead; beyond the end it does nothing */
            sum += p[k] ^ p[k + 1] ^ p[k + 2] ^ p[k + 3] ^ p[k + 4] ^ p[k + 5] ^ p[k + 6] ^ p[k + 7];
        }
        s = (double)(n * sizeof *p) / (raml_clock_monotonic() - s);
        if (s > best) best = s;
    }
    best = sum == 1 ? 0 : best; /* so that the sum is used */
    free(p);
    return best;
}

struct sampling {  /* of the tokens of one step */
    float *logits; /* of the device */
    struct raml_token_sampler *token_sampler;
    struct raml_sampled_token *sampled;
    uint32_t *row;
    double *u;
    int32_t *token;
    struct raml_cache_tokens *add;
};

static enum raml_code sample_step(struct bench_rig *r, struct sampling *d, size_t B, uint64_t step,
                                  struct raml_err *err)
{
    size_t V = (size_t)raml_model_config(r->m)->vocab_size;
    const struct raml_token_sampling o = {1, 1, 0, 0};
    for (size_t i = 0; i < B; i++) {
        struct raml_key key = {.seed = 1, .purpose = RAML_FOR_SAMPLE, .sample = (uint32_t)i};
        d->row[i] = (uint32_t)i;
        d->u[i] = raml_uniform(&key, step);
    }
    enum raml_code rc = raml_sample_tokens(d->token_sampler, d->logits, d->row, d->u, B, V, &o, d->sampled, err);
    for (size_t i = 0; i < B && !rc; i++) d->token[i] = d->sampled[i].token;
    return rc;
}

/* The prompt's logits for every sample. */
static enum raml_code spread(const struct bench_rig *r, struct sampling *d, size_t B, struct raml_err *err)
{
    size_t bytes = (size_t)raml_model_config(r->m)->vocab_size * sizeof *d->logits;
    struct raml_view v;
    enum raml_code rc = raml_view_open(r->dev, d->logits, bytes, &v, err);
    for (size_t i = 1; i < B && !rc; i++)
        rc = raml_array_write(r->dev, d->logits + i * (bytes / 4), v.data, bytes, err);
    raml_view_close(&v);
    return rc;
}

static enum raml_code steps(struct bench_rig *r, struct raml_cache *cache, struct sampling *d, const struct shape *x,
                            double *seconds, struct raml_err *err)
{
    int32_t id[PROMPT_MOST];
    struct raml_cache_tokens prompt = {.token = id, .n = x->prompt, .n_read = 1};
    for (size_t i = 0; i < x->prompt; i++) id[i] = bench_token(r, i);
    double start = raml_clock_monotonic();
    enum raml_code rc = raml_cache_add(cache, -1, 0, &prompt.node, err);
    if (!rc) rc = raml_cache_append(cache, &prompt, 1, d->logits, err);
    if (rc) return rc;
    if (!x->whole) start = raml_clock_monotonic();
    for (size_t i = 0; i < x->batch && !rc; i++) {
        d->add[i] = (struct raml_cache_tokens){.token = &d->token[i], .n = 1, .n_read = 1};
        rc = raml_cache_add(cache, prompt.node, x->prompt, &d->add[i].node, err);
    }
    if (!rc) rc = spread(r, d, x->batch, err);
    for (uint64_t t = 0; t < x->steps && !rc; t++) {
        rc = sample_step(r, d, x->batch, t, err);
        if (!rc && (!x->whole || t + 1 < x->steps)) rc = raml_cache_append(cache, d->add, x->batch, d->logits, err);
    }
    *seconds = raml_clock_monotonic() - start;
    raml_cache_drop(cache, prompt.node);
    return rc;
}

/* Bytes of the matrices in memory: what a step reads of them. */
static size_t weight_bytes(const struct bench_options *opt, const struct bench_rig *r)
{
    enum raml_dtype dtype = opt->bf16 ? RAML_BF16 : RAML_F32; /* of the embedding of a randomly initialised model */
    struct raml_model_size z = raml_model_estimate_parts(raml_model_config(r->m), dtype, RAML_INFERENCE, !opt->model);
    return raml_model_bytes(r->m) - z.table - z.vectors - z.rotary;
}

/* Times of n runs, sorted; their median is in out. */
static void report(const struct bench_rig *r, const struct shape *x, size_t weights, double bytes_s,
                   const double *second, size_t n_runs, struct bench_result *out)
{
    const struct raml_config *c = raml_model_config(r->m);
    double n = (double)x->steps, B = (double)x->batch, q = (double)x->prompt;
    double matrix = raml_config_train_flops(c, 0) / 6;
    double kv = 2.0 * c->n_layers * c->n_kv_heads * c->head_dim * (r->bf16 ? 2 : 4);
    double bytes = (double)weights + kv * (q + B * n / 2), step = out->seconds / n;
    out->tokens_per_s = B / step;
    out->gflops = 1e-9 * out->tokens_per_s * (2 * matrix + 4.0 * c->n_layers * c->n_heads * c->head_dim * (q + n / 2));
    double share = bytes_s > 0 ? bytes / step / bytes_s : 0;
    snprintf(out->note, sizeof out->note,
             "%zu x %zu tokens after %zu; weights %.0f MB; %.1f of %.1f GB/s = %.0f %% of the bandwidth", x->batch,
             x->steps, x->prompt, 1e-6 * (double)weights, 1e-9 * bytes / step, 1e-9 * bytes_s, 100 * share);
    snprintf(out->extra, sizeof out->extra,
             "\"batch\": %zu, \"weight_bytes\": %zu, \"bandwidth_share\": %.3f, \"bandwidth\": %.4g, \"runs\": %zu, "
             "\"fastest_tokens_per_s\": %.1f",
             x->batch, weights, share, bytes_s, n_runs, B * n / second[0]);
}

static enum raml_code decode(const struct bench_options *opt, const struct shape *x, struct bench_result *out,
                             struct raml_err *err)
{
    struct bench_rig r;
    struct raml_cache *cache = NULL;
    struct sampling d = {0};
    double second[MOST], before = bandwidth(), after;
    size_t n = 0, B = x->batch;
    enum raml_code rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    struct raml_cache_options o = {.max_rows = B, .max_tokens = x->prompt + B * (x->steps + 64)};
    if (!rc) rc = raml_cache_open(r.m, &o, &cache, err);
    size_t V = rc ? 0 : (size_t)raml_model_config(r.m)->vocab_size;
    if (!rc) rc = raml_token_sampler_open(r.dev, B, V, &d.token_sampler, err);
    if (!rc) d.logits = raml_array_new(r.dev, B * V, sizeof *d.logits);
    d.sampled = calloc(B, sizeof *d.sampled);
    d.row = calloc(B, sizeof *d.row);
    d.u = calloc(B, sizeof *d.u);
    d.token = calloc(B, sizeof *d.token);
    d.add = calloc(B, sizeof *d.add);
    if (!rc && (!d.logits || !d.sampled || !d.row || !d.u || !d.token || !d.add))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for logits");
    if (!rc) rc = steps(&r, cache, &d, x, &second[0], err); /* products are compiled at their first use */
    for (double start = raml_clock_monotonic();
         !rc && n < MOST && (n < 3 || raml_clock_monotonic() - start < opt->seconds); n++)
        rc = steps(&r, cache, &d, x, &second[n], err);
    if (!rc) {
        qsort(second, n, sizeof *second, bench_by_value);
        out->seconds = second[n / 2];
        after = bandwidth();
        double better = after > before ? after : before; /* both are from this run */
        report(&r, x, weight_bytes(opt, &r), better, second, n, out);
    }
    raml_cache_close(cache);
    if (r.dev) raml_array_free(r.dev, d.logits);
    raml_token_sampler_close(d.token_sampler);
    free(d.sampled);
    free(d.row);
    free(d.u);
    free(d.token);
    free(d.add);
    bench_rig_close(&r, out);
    return rc;
}

enum raml_code bench_decode(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct shape x = {512, (size_t)opt->batch, (size_t)opt->steps, false};
    return decode(opt, &x, out, err);
}

enum raml_code bench_sample(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct shape x = {128, 64, 256, true};
    return decode(opt, &x, out, err);
}
