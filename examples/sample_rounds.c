/* sample_rounds.c - samples a question round after round with a sampler that stays open, as a trainer does.
 *
 * usage: sample_rounds MODEL QUESTION [ROUNDS [N]]
 * MODEL: a run of `raml train sft` (or another model that reads the built-in format). ROUNDS: 3. N: samples of each (4).
 *
 * A round draws anew, and the same round gives the same tokens again: what is printed does not depend on what else was
 * asked. Token ids come out with their log-probabilities; what they say is read from them afterwards. Between two rounds
 * nothing is in the sampler: a trainer changes the weights there.
 */
#include <raml/device.h>
#include <raml/run.h>
#include <raml/sampler.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES = 4096 };

struct opened {
    struct raml_device *device;
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
    struct raml_sampler *sampler;
    struct raml_tokens prompt;
};

static enum raml_code open_all(struct opened *x, const char *run, const char *question, struct raml_err *err)
{
    char path[PATH_BYTES];
    const struct raml_format format = raml_format_default();
    struct raml_sample_options options = raml_sample_default();
    options.max_completion_length = 64;
    enum raml_code rc = raml_device_open(0, "auto", &x->device, err);
    if (!rc) rc = raml_run_newest(run, path, sizeof path, err);
    if (!rc) rc = raml_model_open(path, RAML_STORED, RAML_INFERENCE, x->device, &x->model, err);
    if (!rc) rc = raml_tokenizer_open(path, &x->tokenizer, err);
    if (!rc) rc = raml_format_prompt(&format, x->tokenizer, question, &x->prompt, err);
    if (!rc) rc = raml_sampler_open(x->model, x->tokenizer, &format, &options, &x->sampler, err);
    return rc;
}

static void close_all(struct opened *x)
{
    raml_sampler_close(x->sampler);
    raml_tokens_deinit(&x->prompt);
    raml_tokenizer_close(x->tokenizer);
    raml_model_close(x->model);
    raml_device_close(x->device);
}

/* Tokens that were not forced, and the sum of their log-probabilities. */
static void print_sample(size_t round, size_t sample, const struct raml_sampler_completion *c)
{
    size_t chosen = 0;
    double sum = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (isnan(c->logp[i])) continue;
        sum += (double)c->logp[i];
        chosen++;
    }
    printf("round %zu  sample %zu  %3zu tokens, %3zu chosen  log p %8.3f  %s\n", round, sample, c->n, chosen, sum,
           c->ended ? "stop" : "length");
}

int main(int argc, char **argv)
{
    struct opened x = {0};
    struct raml_err err = {0};
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: sample_rounds MODEL QUESTION [ROUNDS [N]]\n");
        return 2;
    }
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 3, n = argc > 4 ? strtoul(argv[4], NULL, 10) : 4;
    enum raml_code rc = open_all(&x, argv[1], argv[2], &err);
    for (size_t round = 0; round < rounds && !rc; round++) {
        const struct raml_sampler_job job = {.prompt = x.prompt.id,
                                             .n_prompt = x.prompt.n,
                                             .question = raml_question_hash(argv[2]),
                                             .round = round,
                                             .n = n};
        struct raml_sampler_group group = {0};
        bool more = false;
        rc = raml_sampler_submit(x.sampler, &job, &err);
        if (!rc) rc = raml_sampler_next(x.sampler, &group, &more, NULL, &err);
        for (size_t i = 0; i < group.n && !rc; i++) print_sample(round, i, &group.completion[i]);
    }
    if (rc) fprintf(stderr, "sample_rounds: %s\n", err.msg);
    close_all(&x);
    return rc != RAML_OK;
}
