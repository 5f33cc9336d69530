/* lora.c - training of adapters beside training of all parameters. See bench.h. */
#include "bench/training.h"

#include "raml/lora.h"

#include <stdio.h>
#include <sys/resource.h>

enum { TOKENS = 2048 };

static size_t rows_of(const struct bench_options *opt)
{
    return opt->tokens < TOKENS ? TOKENS / (size_t)opt->tokens : 1;
}

static size_t peak_bytes(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (size_t)use.ru_maxrss * 1024;
}

struct measured {
    double seconds;
    size_t parameters, model_bytes, n_steps;
};

/* Steps of adapters of this plan. */
static enum raml_code steps_of(const struct bench_options *opt, const struct raml_lora_options *o, struct measured *m,
                               struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct bench_training t = {0};
    struct raml_lora plan = {0};
    enum raml_code rc = bench_rig_open(opt, RAML_ADAPTING, &r, out, err);
    if (!rc) rc = raml_lora_plan(o, raml_model_config(r.m), &plan, err);
    if (!rc) rc = raml_model_adapt(r.m, &plan, NULL, 1, err);
    if (!rc) rc = bench_training_run(&r, rows_of(opt), (size_t)opt->tokens, opt->seconds, &t, &m->seconds, err);
    if (!rc) {
        m->parameters = raml_model_n(r.m);
        m->model_bytes = raml_model_bytes(r.m);
        m->n_steps = t.n_steps;
    }
    raml_lora_deinit(&plan);
    bench_training_close(&r, &t);
    bench_rig_close(&r, out);
    return rc;
}

enum raml_code bench_lora(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    const struct raml_lora_options all = {.r = 16, .alpha = 32, .target_modules = "all-linear"},
                                   one = {.r = 1, .alpha = 1, .target_modules = "model.layers.0.self_attn.q_proj"};
    struct measured with, least;
    enum raml_code rc = steps_of(opt, &all, &with, out, err);
    size_t peak = peak_bytes();
    if (!rc) rc = steps_of(opt, &one, &least, out, err);
    if (rc) return rc;
    double share = 1 - least.seconds / with.seconds;
    out->seconds = with.seconds;
    out->tokens_per_s = (double)(rows_of(opt) * (size_t)opt->tokens) / with.seconds;
    snprintf(out->note, sizeof out->note,
             "%zu x %d tokens, %zu steps; %.1f M parameters, adapters take %.1f %% of the time; %.3f s a step, %.0f MB",
             rows_of(opt), opt->tokens, with.n_steps, 1e-6 * (double)with.parameters, 100 * share, with.seconds,
             1e-6 * (double)peak);
    snprintf(out->extra, sizeof out->extra,
             "\"parameters\": %zu, \"adapter_share\": %.4f, \"model_bytes\": %zu, \"peak_bytes\": %zu", with.parameters,
             share, with.model_bytes, peak);
    return RAML_OK;
}

enum raml_code bench_lora_full(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct bench_training t = {0};
    enum raml_code rc = bench_rig_open(opt, RAML_TRAINING, &r, out, err);
    if (!rc) rc = bench_training_run(&r, rows_of(opt), (size_t)opt->tokens, opt->seconds, &t, &out->seconds, err);
    if (!rc) {
        out->tokens_per_s = (double)(rows_of(opt) * (size_t)opt->tokens) / out->seconds;
        size_t peak = peak_bytes();
        snprintf(out->note, sizeof out->note, "%zu x %d tokens, %zu steps; %.1f M parameters, %.3f s a step, %.0f MB",
                 rows_of(opt), opt->tokens, t.n_steps, 1e-6 * (double)raml_model_n(r.m), out->seconds,
                 1e-6 * (double)peak);
        snprintf(out->extra, sizeof out->extra, "\"parameters\": %zu, \"model_bytes\": %zu, \"peak_bytes\": %zu",
                 raml_model_n(r.m), raml_model_bytes(r.m), peak);
    }
    bench_training_close(&r, &t);
    bench_rig_close(&r, out);
    return rc;
}
