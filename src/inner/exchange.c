/* exchange.c - how many steps of gradient descent on L(0) reach what i tokens reach. See update.h. */
#include "inner/update_parts.h"

#include "device/backend.h"

#include <math.h>
#include <stdlib.h>

static const double usual_rates[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3};

struct descent { /* a run of steps on a model's weights */
    struct raml_model *m;
    const struct raml_exchange_options *opt;
    const struct raml_sink *sink;
    struct raml_question_gradient gradient;
    float *kept; /* device: the weights before */
    size_t n;    /* of them */
    size_t n_done;
};

struct raml_exchange_options raml_exchange_default(void)
{
    return (struct raml_exchange_options){
        .rate = usual_rates, .n_rates = sizeof usual_rates / sizeof *usual_rates, .n_steps = 40, .until = -INFINITY};
}

void raml_exchange_deinit(struct raml_exchange *x)
{
    free(x->rate);
    free(x->loss);
    *x = (struct raml_exchange){0};
}

static enum raml_code check(const struct raml_model *m, const struct raml_trace_input *in,
                            const struct raml_exchange_options *opt, struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(m)->max_positions, n = in->n_answer_prefix;
    if (!raml_model_weights_const(m))
        return raml_fail(err, RAML_EUSAGE,
                         "exchange rate: the model was opened for inference; steps need it opened for training");
    if (opt->n_rates == 0 || opt->n_steps == 0)
        return raml_fail(err, RAML_ERANGE, "exchange rate: %zu rates, %zu steps; expected at least 1", opt->n_rates,
                         opt->n_steps);
    for (size_t i = 0; i < opt->n_rates; i++)
        if (!(opt->rate[i] > 0) || !isfinite(opt->rate[i]))
            return raml_fail(err, RAML_ERANGE, "exchange rate: rate %zu is %g; expected a positive number", i + 1,
                             opt->rate[i]);
    if (in->n_prompt == 0 || in->n_answer == 0)
        return raml_fail(err, RAML_ERANGE, "the %s has no token; expected at least one",
                         in->n_prompt ? "answer" : "prompt");
    if (in->n_prompt > context || n > context || in->n_answer > context || in->n_prompt + n + in->n_answer > context)
        return raml_fail(err, RAML_ERANGE,
                         "prompt (%zu tokens), answer prefix (%zu) and answer (%zu) are longer than the model's "
                         "context (%zu)",
                         in->n_prompt, n, in->n_answer, context);
    return RAML_OK;
}

static enum raml_code restore(struct descent *d, struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(d->m);
    raml_backend_of(dev)->copy(dev, raml_model_weights(d->m), d->kept, d->n * sizeof *d->kept);
    return raml_model_refresh(d->m, err);
}

/* The gradient's memory then holds weights - kept, whose norm is 0 only where every number is the same. */
static enum raml_code verify(struct descent *d, struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(d->m);
    double square = NAN;
    raml_backend_of(dev)->combine(dev, d->gradient.grad, raml_model_weights(d->m), -1.0F, d->kept, 0.0F, NULL, d->n);
    enum raml_code rc = raml_backend_square_sum(dev, d->gradient.grad, d->n, &square, err);
    if (!rc && square != 0)
        rc = raml_fail(err, RAML_EIO, "exchange rate: the weights were not restored: they differ by %g", sqrt(square));
    return rc;
}

static enum raml_code take_step(struct descent *d, double rate, struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(d->m);
    float *w = raml_model_weights(d->m);
    raml_backend_of(dev)->combine(dev, w, w, (float)-rate, d->gradient.grad, 0.0F, NULL, d->n);
    return raml_model_refresh(d->m, err);
}

/* loss[n_steps + 1]. The gradient of a step comes with the loss before it. */
static enum raml_code run_rate(struct descent *d, double rate, double *loss, struct raml_err *err)
{
    size_t n = d->opt->n_steps, total = n * d->opt->n_rates;
    enum raml_code rc = RAML_OK;
    for (size_t k = 0; !rc && k <= n; k++) {
        if (raml_should_stop(d->sink)) return raml_fail(err, RAML_ESTOP, "stopped");
        rc = raml_question_gradient_run(&d->gradient, d->m, k < n, &loss[k], err);
        if (rc || !isfinite(loss[k]) || loss[k] <= d->opt->until || k == n) break;
        rc = take_step(d, rate, err);
        raml_progress(d->sink, "exchange", (double)(d->n_done + k + 1), (double)total, "steps", NULL);
    }
    d->n_done += n;
    return rc;
}

static enum raml_code run_rates(struct descent *d, struct raml_exchange *x, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < x->n_rates; i++) {
        rc = run_rate(d, x->rate[i], x->loss + i * (x->n_steps + 1), err);
        struct raml_err other = {0};
        enum raml_code back = restore(d, rc ? &other : err);
        if (rc && back) rc = raml_wrap(err, rc, "the weights were not restored (%s); the first failure", other.msg);
        else if (back) rc = back;
    }
    return rc;
}

static enum raml_code prepare(struct descent *d, const struct raml_trace_input *in, struct raml_exchange *x,
                              struct raml_err *err)
{
    const struct raml_device *dev = raml_model_device(d->m);
    size_t n = x->n_rates * (x->n_steps + 1);
    x->rate = malloc(x->n_rates * sizeof *x->rate);
    x->loss = malloc(n * sizeof *x->loss);
    d->kept = raml_array_new(dev, d->n, sizeof *d->kept);
    if (!x->rate || !x->loss || !d->kept) return raml_fail(err, RAML_ENOMEM, "no memory to keep %zu weights", d->n);
    for (size_t i = 0; i < x->n_rates; i++) x->rate[i] = d->opt->rate[i];
    for (size_t i = 0; i < n; i++) x->loss[i] = NAN;
    raml_backend_of(dev)->copy(dev, d->kept, raml_model_weights(d->m), d->n * sizeof *d->kept);
    return raml_question_gradient_set(&d->gradient, in, err);
}

enum raml_code raml_exchange_run(struct raml_model *m, const struct raml_trace_input *in,
                                 const struct raml_exchange_options *opt, const struct raml_sink *sink,
                                 struct raml_exchange *out, struct raml_err *err)
{
    struct descent d = {.m = m, .opt = opt, .sink = sink, .n = raml_model_n(m)};
    struct raml_exchange x = {.n_rates = opt->n_rates, .n_steps = opt->n_steps};
    enum raml_code rc = check(m, in, opt, err);
    if (rc) return rc;
    rc = prepare(&d, in, &x, err);
    if (!rc) rc = run_rates(&d, &x, err);
    if (!rc) rc = verify(&d, err);
    raml_array_free(raml_model_device(m), d.kept);
    raml_question_gradient_deinit(&d.gradient, m);
    if (rc) raml_exchange_deinit(&x);
    else *out = x;
    return rc;
}

int64_t raml_exchange_worth(const struct raml_exchange *x, int rate, double loss)
{
    size_t first = rate < 0 ? 0 : (size_t)rate, last = rate < 0 ? x->n_rates : first + 1;
    int64_t fewest = -1;
    for (size_t i = first; i < last && i < x->n_rates; i++) {
        const double *l = x->loss + i * (x->n_steps + 1);
        for (size_t k = 0; k <= x->n_steps; k++) {
            if (!(l[k] <= loss)) continue;
            if (fewest < 0 || (int64_t)k < fewest) fewest = (int64_t)k;
            break;
        }
    }
    return fewest;
}
