/* sample_stop.c - samples a question, and ends samples that go round in circles: a stop rule of one's own.
 *
 * usage: sample_stop MODEL QUESTION [N [PERIODS]]
 * MODEL: a run of `raml train sft` (or another model that reads the built-in format). N: samples (8). PERIODS: a sample
 * ends once its last tokens are the same few tokens that many times in a row (4; 0: no rule).
 *
 * The rule is called after every token, while many samples grow side by side. It looks at the tokens of one sample
 * only, so the samples are the same for any batch size, and those that it does not end are the same as without it.
 */
#include <raml/device.h>
#include <raml/run.h>
#include <raml/sample.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 4096, LONGEST_PERIOD = 8 };

struct rule {
    size_t periods, ended; /* ended: how many samples it has ended so far */
};

/* Are the last `times * period` tokens one run of `period` tokens, `times` times over? */
static bool repeats(const int32_t *token, size_t n, size_t period, size_t times)
{
    if (n < period * times) return false;
    for (size_t i = n - period * (times - 1); i < n; i++)
        if (token[i] != token[i - period]) return false;
    return true;
}

static bool in_circles(void *user, const struct raml_sample_so_far *sample)
{
    struct rule *rule = user;
    for (size_t period = 1; period <= LONGEST_PERIOD; period++) {
        if (!repeats(sample->token, sample->n, period, rule->periods)) continue;
        rule->ended++;
        return true;
    }
    return false;
}

static enum raml_code sample(const char *model_path, const struct raml_question *question,
                             const struct raml_sample_options *options, struct raml_questions *out,
                             struct raml_sample_stats *stats, struct raml_err *err)
{
    char path[PATH_BYTES];
    struct raml_device *device = NULL;
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    const struct raml_format format = raml_format_default();
    struct raml_questions questions;
    raml_questions_init(&questions);
    enum raml_code rc = raml_questions_add(&questions, question, err);
    if (!rc) rc = raml_device_open(0, "auto", &device, err);
    if (!rc) rc = raml_run_newest(model_path, path, sizeof path, err);
    if (!rc) rc = raml_model_open(path, RAML_STORED, RAML_INFERENCE, device, &model, err);
    if (!rc) rc = raml_tokenizer_open(path, &tokenizer, err);
    if (!rc) rc = raml_sample_questions(model, tokenizer, &format, &questions, options, out, stats, NULL, err);
    raml_tokenizer_close(tokenizer);
    raml_model_close(model);
    raml_device_close(device);
    raml_questions_deinit(&questions);
    return rc;
}

/* A text as a terminal can show it: a model that has learned little writes control characters too. */
static void print_text(const char *text)
{
    for (; text && *text; text++) putchar((unsigned char)*text < ' ' ? '.' : *text);
}

int main(int argc, char **argv)
{
    struct rule rule = {.periods = argc > 4 ? strtoul(argv[4], NULL, 10) : 4};
    struct raml_sample_options options = raml_sample_default();
    struct raml_sample_stats stats = {0};
    struct raml_err err = {0};
    struct raml_questions sampled;
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: sample_stop MODEL QUESTION [N [PERIODS]]\n");
        return 2;
    }
    options.n = argc > 3 ? strtoul(argv[3], NULL, 10) : 8;
    options.max_completion_length = 64;
    options.temperature = 0.7;
    options.ends = rule.periods > 1 ? in_circles : NULL;
    options.ends_user = &rule;
    const struct raml_question question = {.id = "asked", .question = argv[2], .answer = "", .difficulty = -1};
    raml_questions_init(&sampled);
    enum raml_code rc = sample(argv[1], &question, &options, &sampled, &stats, &err);
    for (size_t i = 0; !rc && i < sampled.question[0].n_trajectories; i++) {
        const struct raml_trajectory *t = &sampled.question[0].trajectory[i];
        printf("%zu  %3zu tokens  %-6s  ", i, t->n_tokens, t->finish_reason);
        print_text(t->text);
        printf(" => ");
        print_text(t->answer ? t->answer : "-");
        putchar('\n');
    }
    if (!rc) printf("%zu of %zu samples ended by the rule\n", rule.ended, options.n);
    if (rc) fprintf(stderr, "sample_stop: %s\n", err.msg);
    raml_questions_deinit(&sampled);
    return rc != RAML_OK;
}
