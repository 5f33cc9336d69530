/* measure.c - see bench.h. FLOPs are what the arithmetic needs (6 N per trained token, 2 N per token read, plus the
 * useful half of attention), not what the kernels happen to do. */
#include "bench/training.h"

#include "core/clock.h"
#include "raml/device.h"
#include "raml/model.h"
#include "raml/rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool bench_has_bf16(void)
{
    struct raml_device *d;
    if (raml_device_open(1, "auto", &d, NULL)) return false;
    bool has = raml_device_has_bf16(d);
    raml_device_close(d);
    return has;
}

enum raml_code bench_rig_open(const struct bench_options *opt, enum raml_use use, struct bench_rig *r,
                              struct bench_result *out, struct raml_err *err)
{
    struct raml_config c;
    *r = (struct bench_rig){0};
    enum raml_code rc = opt->model ? RAML_OK : raml_config_preset(opt->preset, &c, err);
    if (!rc) rc = raml_device_open(opt->threads, "auto", &r->dev, err);
    if (!rc && opt->model) rc = raml_model_open(opt->model, opt->dtype, use, r->dev, &r->m, err);
    else if (!rc) rc = raml_model_init(&c, 1, opt->bf16 ? RAML_BF16 : RAML_F32, use, r->dev, &r->m, err);
    if (!rc) r->bf16 = raml_model_dtype(r->m) == RAML_BF16;
    if (!rc) rc = raml_device_peak(r->dev, r->bf16, &r->peak, err);
    if (!rc) out->threads = raml_device_threads(r->dev);
    return rc;
}

/* Measures the peak once more (the better of the two counts: both are from this run) and closes. */
void bench_rig_close(struct bench_rig *r, struct bench_result *out)
{
    double again = 0;
    if (r->dev && raml_device_peak(r->dev, r->bf16, &again, NULL) == RAML_OK && again > r->peak) r->peak = again;
    out->peak_gflops = r->peak;
    raml_model_close(r->m);
    raml_device_close(r->dev);
}

int bench_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int32_t bench_token(const struct bench_rig *r, uint64_t i)
{
    struct raml_key key = {.seed = 1, .purpose = RAML_FOR_TEST};
    return (int32_t)raml_below(&key, i, (uint32_t)raml_model_config(r->m)->vocab_size);
}

/* -- Training ------------------------------------------------------------------------------------------------------ */
static enum raml_code train_setup(struct bench_rig *r, size_t rows, size_t T, struct bench_training *t,
                                  struct raml_err *err)
{
    struct raml_tree tree = {0};
    int32_t *id = calloc(T, sizeof *id);
    enum raml_code rc = id ? RAML_OK : RAML_ENOMEM;
    for (size_t i = 0; i < rows && !rc; i++) {
        for (size_t k = 0; k < T; k++) id[k] = bench_token(r, i * T + k);
        raml_tree_clear(&tree);
        rc = raml_tree_add(&tree, -1, 0, id, T, 1, NULL, err);
        if (!rc) rc = raml_pack_add(&t->pack, &tree, err);
    }
    free(id);
    raml_tree_deinit(&tree);
    if (!rc) rc = raml_pass_open(r->m, true, &t->pass, err);
    if (!rc) t->grad = raml_array_new(r->dev, raml_gradient_n(r->m), sizeof *t->grad);
    t->coef = calloc(t->pack.n_targets + 1, sizeof *t->coef);
    if (!rc && (!t->grad || !t->coef)) rc = raml_fail(err, RAML_ENOMEM, "no memory for the gradient");
    for (size_t i = 0; !rc && i < t->pack.n_targets; i++) t->coef[i] = -1.0f / (float)t->pack.n_targets;
    return rc;
}

static enum raml_code train_step(struct bench_rig *r, struct bench_training *t, struct raml_err *err)
{
    double norm = 0;
    enum raml_code rc = raml_array_zero(r->dev, t->grad, raml_gradient_n(r->m) * sizeof *t->grad, err);
    if (!rc) rc = raml_pass_train(t->pass, &t->pack, t->coef, NULL, t->grad, err);
    if (!rc) rc = raml_gradient_join(r->m, t->grad, err);
    if (!rc) rc = raml_grad_norm(r->dev, t->grad, raml_model_n(r->m), &norm, err);
    if (rc) return rc;
    const struct raml_param *table;
    size_t n = raml_model_params(r->m, &table);
    rc = raml_adamw_step(&t->adamw, table, n, 1e-4, raml_clip_scale(norm, 1.0), t->grad, raml_model_weights(r->m), err);
    return rc ? rc : raml_model_refresh(r->m, err);
}

void bench_training_close(struct bench_rig *r, struct bench_training *t)
{
    raml_adamw_deinit(&t->adamw);
    raml_pass_close(t->pass);
    raml_pack_deinit(&t->pack);
    if (r->dev) raml_array_free(r->dev, t->grad);
    free(t->coef);
    *t = (struct bench_training){0};
}

enum raml_code bench_training_run(struct bench_rig *r, size_t rows, size_t T, double seconds, struct bench_training *t,
                                  double *median, struct raml_err *err)
{
    double second[512];
    size_t n = 0;
    struct raml_adamw_options adamw = raml_adamw_default();
    enum raml_code rc = train_setup(r, rows, T, t, err);
    if (!rc) rc = raml_adamw_init(&t->adamw, r->dev, &adamw, raml_model_n(r->m), err);
    for (int i = 0; i < 2 && !rc; i++) rc = train_step(r, t, err);
    for (double start = raml_clock_monotonic(); !rc && n < 512 && (n < 3 || raml_clock_monotonic() - start < seconds);
         n++) {
        double s = raml_clock_monotonic();
        rc = train_step(r, t, err);
        second[n] = raml_clock_monotonic() - s;
    }
    if (rc) return rc;
    qsort(second, n, sizeof *second, bench_by_value);
    *median = second[n / 2];
    t->n_steps = n;
    return RAML_OK;
}

enum raml_code bench_train(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct bench_training t = {0};
    const size_t T = 256, rows = !strcmp(opt->preset, "gpt2") ? 4 : !strcmp(opt->preset, "medium") ? 8 : 16;
    enum raml_code rc = bench_rig_open(opt, RAML_TRAINING, &r, out, err);
    if (!rc) rc = bench_training_run(&r, rows, T, opt->seconds, &t, &out->seconds, err);
    if (!rc) {
        out->tokens_per_s = (double)(rows * T) / out->seconds;
        out->gflops = 1e-9 * out->tokens_per_s * raml_config_train_flops(raml_model_config(r.m), T);
        snprintf(out->note, sizeof out->note, "%zu x %zu tokens, %zu steps", rows, T, t.n_steps);
    }
    bench_training_close(&r, &t);
    bench_rig_close(&r, out);
    return rc;
}

/* -- The loss curve ------------------------------------------------------------------------------------------------ */
enum { Q = 128, T_CURVE = 1024, ANSWER_PREFIX = 1, ANSWER = 12 };

/* As a tracer does: the last token takes no row. */
static enum raml_code add_probe(struct raml_tree *tree, int32_t span, size_t after, const int32_t *probe,
                                struct raml_err *err)
{
    const size_t n = ANSWER_PREFIX + ANSWER - 1;
    int32_t own;
    enum raml_code rc = raml_tree_add(tree, span, (uint32_t)after, probe, n, ANSWER_PREFIX, &own, err);
    return rc ? rc : raml_tree_add_end_target(tree, own, probe[n], err);
}

/* The prompt and trajectory as one chain, and a probe after its prefixes first, first + step, ... */
static enum raml_code curve_pack(const struct bench_rig *r, struct raml_pack *pack, size_t length, size_t first,
                                 size_t step, struct raml_err *err)
{
    struct raml_tree tree = {0};
    int32_t id[T_CURVE], probe[ANSWER_PREFIX + ANSWER], span;
    for (size_t i = 0; i < Q; i++) id[i] = bench_token(r, i);
    for (size_t i = 0; i < ANSWER_PREFIX + ANSWER; i++) probe[i] = bench_token(r, 5000 + i);
    enum raml_code rc = raml_tree_add(&tree, -1, 0, id, Q, Q, NULL, err);
    for (size_t i = 0; i < length; i++) id[i] = bench_token(r, 1000 + i);
    if (!rc) rc = raml_tree_add(&tree, 0, Q, id, length, length, &span, err);
    for (size_t i = first; i <= length && !rc; i += step) rc = add_probe(&tree, span, i, probe, err);
    if (!rc) rc = raml_pack_add(pack, &tree, err);
    raml_tree_deinit(&tree);
    return rc;
}

/* FLOPs of one forward over the pack: products for all rows, the head for target rows, scores and sums for seen keys.
 */
double bench_forward_flops(const struct raml_model *m, const struct raml_pack *p)
{
    const struct raml_config *c = raml_model_config(m);
    double head = (double)c->vocab_size * c->hidden_size, seen = 0;
    double matrix = raml_config_train_flops(c, 0) / 6 - head;
    for (size_t i = 0; i < p->n_rows; i++) seen += p->position[i] + 1;
    return 2 * matrix * (double)p->n_rows + 2 * head * (double)p->n_targets +
           4.0 * c->n_layers * c->n_heads * c->head_dim * seen;
}

static enum raml_code curve_time(const struct bench_options *opt, struct bench_rig *r, const struct raml_pack *pack,
                                 float *logp, /* written; NOLINT(readability-non-const-parameter) */
                                 double *seconds, size_t *runs, struct raml_err *err)
{
    struct raml_pass *pass = NULL;
    struct raml_logprobs out = {.logp = logp};
    double second[256];
    enum raml_code rc = raml_pass_open(r->m, false, &pass, err);
    if (!rc) rc = raml_pass_forward(pass, pack, &out, err);
    *runs = 0;
    for (double start = raml_clock_monotonic();
         !rc && *runs < 256 && (*runs < 3 || raml_clock_monotonic() - start < opt->seconds); ++*runs) {
        double s = raml_clock_monotonic();
        rc = raml_pass_forward(pass, pack, &out, err);
        second[*runs] = raml_clock_monotonic() - s;
    }
    if (!rc) {
        qsort(second, *runs, sizeof *second, bench_by_value);
        *seconds = second[*runs / 2];
    }
    raml_pass_close(pass);
    return rc;
}

enum raml_code bench_trace(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct raml_pack pack = {0};
    size_t runs = 0;
    float *logp = NULL;
    enum raml_code rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    if (!rc) rc = curve_pack(&r, &pack, T_CURVE, 0, 1, err);
    logp = calloc(pack.n_targets + 1, sizeof *logp);
    if (!rc && !logp) rc = raml_fail(err, RAML_ENOMEM, "no memory for the curve");
    if (!rc) rc = curve_time(opt, &r, &pack, logp, &out->seconds, &runs, err);
    if (!rc) {
        out->tokens_per_s = (double)pack.n_rows / out->seconds;
        out->gflops = 1e-9 * bench_forward_flops(r.m, &pack) / out->seconds;
        snprintf(out->note, sizeof out->note, "curve of %d prefixes, %zu tokens, one pass", T_CURVE + 1, pack.n_rows);
    }
    free(logp);
    raml_pack_deinit(&pack);
    bench_rig_close(&r, out);
    return rc;
}

enum raml_code bench_prefix(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    struct bench_rig r;
    struct raml_pack tree = {0}, one = {0};
    const size_t step = 32;
    float *logp = NULL, alone[ANSWER];
    double total = 0, worst = 0, tokens = 0, flops = 0, tree_seconds = 0;
    size_t runs;
    enum raml_code rc = bench_rig_open(opt, RAML_INFERENCE, &r, out, err);
    if (!rc) rc = curve_pack(&r, &tree, T_CURVE, 0, 1, err);
    logp = calloc(tree.n_targets + 1, sizeof *logp);
    if (!rc && !logp) rc = raml_fail(err, RAML_ENOMEM, "no memory for the curve");
    if (!rc) rc = curve_time(opt, &r, &tree, logp, &tree_seconds, &runs, err);
    for (size_t i = 0; i <= T_CURVE && !rc; i += step) {
        double seconds = 0;
        struct bench_options few = *opt;
        few.seconds = 0;
        raml_pack_clear(&one);
        rc = curve_pack(&r, &one, i, i, 1, err);
        if (!rc) rc = curve_time(&few, &r, &one, alone, &seconds, &runs, err);
        for (size_t k = 0; k < ANSWER && !rc; k++) {
            double e = fabs((double)alone[k] - (double)logp[i * ANSWER + k]);
            if (!(e <= worst) && !isnan(worst)) worst = e;
        }
        total += seconds * (double)step;
        tokens += (double)one.n_rows * (double)step;
        flops += bench_forward_flops(r.m, &one) * (double)step;
    }
    if (!rc) {
        out->seconds = total;
        out->tokens_per_s = tokens / total;
        out->gflops = 1e-9 * flops / total;
        snprintf(out->note, sizeof out->note,
                 "one pass per prefix; one tree pass is %.0f x faster, values differ by %.1e", total / tree_seconds,
                 worst);
        snprintf(out->extra, sizeof out->extra, "\"tree_seconds\": %.4f, \"ratio\": %.1f, \"worst_difference\": %.2e",
                 tree_seconds, total / tree_seconds, worst);
    }
    free(logp);
    raml_pack_deinit(&tree);
    raml_pack_deinit(&one);
    bench_rig_close(&r, out);
    return rc;
}
