/* train_objective.c - trains a small model with an objective of one's own.
 *
 * usage: train_objective OUT [STEPS]
 * OUT: a new run folder, as `raml train sft` leaves one: `raml sample --model OUT` and all others read it.
 *
 * An objective is a pure function from the log-probabilities of a step's tokens to a loss and its derivatives; the
 * trainer does the rest. This one is the focal loss (Lin et al. 2017) with a reward for entropy: with p = exp(logp) and
 * the token's entropy H,
 *     loss = sum_i w_i (-(1 - p_i)^2 logp_i - beta H_i) / total
 * so tokens that the model is already sure of count for little.
 */
#include <raml/device.h>
#include <raml/family.h>
#include <raml/train.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct focal {
    double beta; /* weight of the entropy */
};

static enum raml_code focal_loss(const void *user, const struct raml_terms *in, struct raml_objective_out *out,
                                 struct raml_err *err)
{
    const struct focal *f = user;
    double sum = 0.0;
    (void)err; /* nothing can fail here; raml_fail(err, RAML_ERANGE, "...") would end the training */
    for (size_t i = in->start[in->first_row]; i < in->start[in->first_row + in->n_rows]; i++) {
        double w = (double)in->weight[i], logp = (double)in->logp[i], p = exp(logp), q = 1.0 - p;
        if (w > 0.0) sum += w * (-q * q * logp - f->beta * (double)in->entropy[i]);
        /* d/dlogp of -q^2 logp, where dp/dlogp = p:  2 q p logp - q^2 */
        if (out->d_logp) out->d_logp[i] = w > 0.0 ? w * (2.0 * q * p * logp - q * q) / in->total : 0.0;
        if (out->d_entropy) out->d_entropy[i] = -w * f->beta / in->total;
    }
    out->loss = sum / in->total;
    return RAML_OK;
}

/* A derivative written by hand is checked before it is believed: against the loss's own slope. */
static int check_slope(const struct raml_objective *o)
{
    const double h = 1.0 / 1024;
    for (double logp = -4.0; logp < -0.1; logp += 0.25) {
        const size_t start[2] = {0, 1};
        float x = (float)logp, entropy = 1.0f, weight = 2.0f;
        double slope, up;
        const struct raml_terms in = {
            .n_rows = 1, .start = start, .logp = &x, .entropy = &entropy, .weight = &weight, .total = 5.0};
        struct raml_objective_out out = {.d_logp = &slope};
        if (o->evaluate(o->user, &in, &out, NULL)) return -1;
        out.d_logp = NULL;
        x = (float)(logp + h);
        if (o->evaluate(o->user, &in, &out, NULL)) return -1;
        up = out.loss;
        x = (float)(logp - h);
        if (o->evaluate(o->user, &in, &out, NULL)) return -1;
        if (!(fabs((up - out.loss) / (2 * h) - slope) < 1e-4)) return -1;
    }
    return 0;
}

static enum raml_code train(const char *out, uint64_t steps, const struct raml_objective *objective,
                            struct raml_train_result *result, struct raml_err *err)
{
    struct raml_train_options options = raml_train_default();
    const struct raml_make_options make = {.families = "add:2-3", .n = 200, .split = "train", .n_trajectories = 1};
    struct raml_train_job job = {.format = raml_format_default(), .data_name = "additions", .objective = objective};
    struct raml_config config;
    struct raml_device *device = NULL;
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    struct raml_questions questions;
    options.max_steps = steps;
    options.batch_size = 8;
    options.logging_steps = 2;
    options.learning_rate = 3e-3;

    raml_questions_init(&questions);
    enum raml_code rc = raml_device_open(0, "auto", &device, err);
    if (!rc) rc = raml_make_questions(&questions, &make, err);
    if (!rc) rc = raml_tokenizer_bytes(&tokenizer, err);
    if (!rc) rc = raml_config_preset("micro", &config, err);
    if (!rc) rc = raml_model_init(&config, options.seed, RAML_F32, RAML_TRAINING, device, &model, err);
    if (!rc) rc = raml_run_open(out, 0, &job.run, &job.resume_step, err);
    job.model = model;
    job.tokenizer = tokenizer;
    job.data = &questions;
    if (!rc) rc = raml_train_sft(&job, &options, result, err);

    raml_run_close(job.run);
    raml_model_close(model);
    raml_tokenizer_close(tokenizer);
    raml_questions_deinit(&questions);
    raml_device_close(device);
    return rc;
}

int main(int argc, char **argv)
{
    const struct focal focal = {.beta = 0.01};
    const struct raml_objective objective = {.name = "focal", .evaluate = focal_loss, .user = &focal};
    struct raml_train_result result;
    struct raml_err err = {0};
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: train_objective OUT [STEPS]\n");
        return 2;
    }
    if (check_slope(&objective)) {
        fprintf(stderr, "train_objective: d_logp is not the slope of the loss\n");
        return 1;
    }
    if (train(argv[1], argc > 2 ? strtoull(argv[2], NULL, 10) : 60, &objective, &result, &err)) {
        fprintf(stderr, "train_objective: %s\n", err.msg);
        return 1;
    }
    printf("%s: %" PRIu64 " steps, %" PRIu64 " tokens trained on, focal loss %.4f\n", argv[1], result.steps,
           result.trained_tokens, result.loss);
    return 0;
}
