/* probes.c - see bench.h: probes of the answer while samples grow, and continuations of many places of one trajectory. */
#include "bench/bench.h"

#include "core/clock.h"
#include "inner/generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROMPT = 128, MOST_RUNS = 64 };

static struct raml_generate_options options(size_t batch)
{
    return (struct raml_generate_options){.batch_size = batch, .sampling = {1, 1, 0, 0}, .seed = 1};
}

static enum raml_code timed(const struct bench_rig *r, const struct raml_generate_options *o,
                            const struct raml_generate_job *job, size_t n, const struct raml_generate_guide *guide,
                            struct raml_generate_stats *stats, double *seconds, struct raml_err *err)
{
    double start = raml_clock_monotonic();
    enum raml_code rc = raml_generate(r->m, o, job, n, guide, stats, NULL, err);
    *seconds = raml_clock_monotonic() - start;
    return rc;
}

/* -- Probes -------------------------------------------------------------------------------------------------------- */
enum { SAMPLES = 64, LENGTH = 256, EVERY = 16, LONG_CUE = 8, ANSWER = 4 };

struct asking {
    int32_t cue[LONG_CUE];
    size_t n_cue;
};

static enum raml_code every_few(void *user, size_t job, const struct raml_generated *so_far, bool *wanted,
                                struct raml_generate_probe *probe, struct raml_err *err)
{
    struct asking *a = user;
    (void)job, (void)err;
    *wanted = so_far->n % EVERY == 0;
    *probe = (struct raml_generate_probe){.cue = a->cue, .n_cue = a->n_cue, .max_tokens = ANSWER};
    return RAML_OK;
}

struct probing { /* medians */
    double plain, probed;
    struct raml_generate_stats stats;
};

static enum raml_code measure(const struct bench_rig *r, const struct bench_options *opt,
                              const struct raml_generate_job *job, struct asking *a, struct probing *out,
                              struct raml_err *err)
{
    const struct raml_generate_guide guide = {.user = a, .wants_probe = every_few};
    struct raml_generate_options o = options(SAMPLES);
    double plain[MOST_RUNS], probed[MOST_RUNS];
    size_t n = 0;
    o.probe_tokens = a->n_cue + ANSWER;
    /* products are compiled at their first use */
    enum raml_code rc = timed(r, &o, job, SAMPLES, &guide, &out->stats, &probed[0], err);
    for (double start = raml_clock_monotonic();
         !rc && n < MOST_RUNS && (n < 3 || raml_clock_monotonic() - start < opt->seconds); n++) {
        rc = timed(r, &o, job, SAMPLES, NULL, NULL, &plain[n], err);
        if (!rc) rc = timed(r, &o, job, SAMPLES, &guide, NULL, &probed[n], err);
    }
    if (rc) return rc;
    qsort(plain, n, sizeof *plain, bench_by_value);
    qsort(probed, n, sizeof *probed, bench_by_value);
    out->plain = plain[n / 2];
    out->probed = probed[n / 2];
    return RAML_OK;
}

enum raml_code bench_probes(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct asking a = {.n_cue = 1};
    struct raml_generate_job job[SAMPLES];
    struct probing brief = {0}, longer = {0};
    int32_t prompt[PROMPT];
    enum raml_code rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    for (size_t i = 0; i < PROMPT && !rc; i++) prompt[i] = bench_token(&r, i);
    for (size_t i = 0; i < LONG_CUE && !rc; i++) a.cue[i] = bench_token(&r, PROMPT + i);
    for (size_t i = 0; i < SAMPLES; i++)
        job[i] =
            (struct raml_generate_job){.text = prompt, .n_text = PROMPT, .max_tokens = LENGTH, .sample = (uint32_t)i};
    if (!rc) rc = measure(&r, opt, job, &a, &brief, err);
    a.n_cue = LONG_CUE;
    if (!rc) rc = measure(&r, opt, job, &a, &longer, err);
    if (!rc) {
        out->seconds = brief.probed;
        out->tokens_per_s = SAMPLES * LENGTH / out->seconds;
        double ratio = brief.probed / brief.plain, long_ratio = longer.probed / longer.plain;
        snprintf(out->note, sizeof out->note,
                 "%d x %d tokens, every %d a probe: %d read, %d written: %.2f x as without; %d read: %.2f x", SAMPLES,
                 LENGTH, EVERY, 1, ANSWER, ratio, LONG_CUE, long_ratio);
        snprintf(out->extra, sizeof out->extra, "\"ratio\": %.4f, \"long_ratio\": %.4f, \"seconds_without\": %.4g",
                 ratio, long_ratio, brief.plain);
    }
    bench_rig_close(&r, out);
    return rc;
}

/* -- Forks --------------------------------------------------------------------------------------------------------- */
enum { PLACES = 32, BETWEEN = 32, EACH = 64, GROWN = 64, FEW = 4, TEXT = PROMPT + PLACES * BETWEEN + 1 };

struct forks {
    int32_t text[PLACES][TEXT]; /* the trajectory up to a place, and another word there */
    struct raml_generate_job job[PLACES * EACH];
};

/* `each` continuations at every place. Texts are shared within a group: all, those of a place (1), or none (2). */
static size_t list(struct forks *f, size_t each, int apart)
{
    size_t n = 0;
    for (size_t p = 0; p < PLACES; p++)
        for (size_t k = 0; k < each; k++, n++)
            f->job[n] = (struct raml_generate_job){.text = f->text[p],
                                                   .n_text = PROMPT + (p + 1) * BETWEEN + 1,
                                                   .group = apart == 2   ? n
                                                            : apart == 1 ? p
                                                                         : 0,
                                                   .max_tokens = GROWN,
                                                   .question = p,
                                                   .sample = (uint32_t)k};
    return n;
}

enum raml_code bench_forks(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct raml_generate_stats tree = {0}, places = {0}, none = {0};
    double tree_s = 0, places_s = 0, none_s = 0;
    struct forks *f = calloc(1, sizeof *f);
    enum raml_code rc = f ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the texts");
    if (rc) return rc;
    rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    for (size_t i = 0; i + 1 < TEXT && !rc; i++) f->text[PLACES - 1][i] = bench_token(&r, i);
    for (size_t p = 0; p < PLACES && !rc; p++) {
        size_t n = PROMPT + (p + 1) * BETWEEN;
        memcpy(f->text[p], f->text[PLACES - 1], n * sizeof(int32_t));
        f->text[p][n] = bench_token(&r, TEXT + p);
    }
    struct raml_generate_options o = options(EACH);
    if (!rc) rc = timed(&r, &o, f->job, list(f, 1, 0), NULL, &tree, &tree_s, err); /* compiles products */
    if (!rc) rc = timed(&r, &o, f->job, list(f, EACH, 0), NULL, &tree, &tree_s, err);
    if (!rc) rc = timed(&r, &o, f->job, list(f, EACH, 1), NULL, &places, &places_s, err);
    if (!rc) rc = timed(&r, &o, f->job, list(f, FEW, 2), NULL, &none, &none_s, err);
    if (!rc) {
        double scale = (double)EACH / FEW, none_tokens = scale * (double)none.text_tokens;
        none_s *= scale;
        out->seconds = tree_s;
        out->tokens_per_s = (double)tree.tokens / tree_s;
        snprintf(out->note, sizeof out->note,
                 "%d x %d: %.1f s, %llu read; a prompt a place: %.2f x, %.1f x as many; each (of %d): %.2f x, %.0f x",
                 PLACES, EACH, tree_s, (unsigned long long)tree.text_tokens, places_s / tree_s,
                 (double)places.text_tokens / (double)tree.text_tokens, FEW, none_s / tree_s,
                 none_tokens / (double)tree.text_tokens);
        snprintf(out->extra, sizeof out->extra,
                 "\"read\": %llu, \"place_read\": %llu, \"place_s\": %.4g, \"each_read\": %.0f, \"each_s\": %.4g",
                 (unsigned long long)tree.text_tokens, (unsigned long long)places.text_tokens, places_s, none_tokens,
                 none_s);
    }
    free(f);
    bench_rig_close(&r, out);
    return rc;
}
