/* demo_model.c - raml demo --model: sample, trace, fork and report on a model that is there. See demo.h. */
#include "cli/demo.h"

#include "core/file.h"
#include "core/path.h"
#include "raml/question.h"

#include <stdio.h>
#include <string.h>

/* Arithmetic in a sentence or two, from one step to three. */
static const struct {
    const char *question, *answer;
} built_in[] = {
    {"Tom has 3 apples and buys 4 more. How many apples does he have now?", "7"},
    {"A pen costs 2 dollars. How many dollars do 5 pens cost?", "10"},
    {"Anna has 12 sweets and eats 5 of them. How many sweets are left?", "7"},
    {"There are 4 tables with 6 chairs each. How many chairs are there?", "24"},
    {"Ben reads 10 pages a day. How many pages does he read in 7 days?", "70"},
    {"A rope of 20 meters is cut into 4 equal pieces. How many meters long is each piece?", "5"},
    {"Lisa had 15 marbles. She gave 6 to Max and found 2 more. How many marbles does she have now?", "11"},
    {"A bus has 30 seats. 18 people get on, then 7 get off. How many seats are empty?", "19"},
    {"Sam is 8 years old. His sister is twice as old. How old will she be in 3 years?", "19"},
    {"A shirt costs 9 dollars and a hat costs 4 dollars. How many dollars do 2 shirts and 3 hats cost?", "30"},
    {"A train leaves at 9 in the morning and arrives at 2 in the afternoon. How many hours does it travel?", "5"},
    {"Half of the 24 pupils of a class play football and a third play tennis. How many more play football?", "4"},
};

static enum raml_code add_built_in(struct raml_questions *qs, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in && !rc; i++) {
        char id[32];
        snprintf(id, sizeof id, "built-in:%zu", i + 1);
        struct raml_question q = {.id = id,
                                  .question = built_in[i].question,
                                  .answer = built_in[i].answer,
                                  .split = "built-in",
                                  .difficulty = -1};
        rc = raml_questions_add(qs, &q, err);
    }
    return rc;
}

/* The first questions of the file, those without an answer left out; their split is the file's name. */
static enum raml_code add_file(const struct demo_settings *s, struct raml_questions *qs, struct raml_err *err)
{
    const char *slash = strrchr(s->questions, '/');
    struct raml_read_options o = {.limit = (size_t)s->limit};
    size_t n = qs->n, kept = n;
    enum raml_code rc = raml_questions_read(qs, s->questions, &o, NULL, NULL, err);
    for (size_t i = n; i < qs->n && !rc; i++) {
        struct raml_question q = qs->question[i];
        if (!*q.answer) continue;
        q.split = slash ? slash + 1 : s->questions;
        q.family = NULL;
        q.n_trajectories = 0;
        qs->question[kept++] = q;
    }
    if (!rc && kept == n) rc = raml_fail(err, RAML_EUSAGE, "%s: none of its questions has an answer", s->questions);
    if (!rc) qs->n = kept;
    return rc;
}

static enum raml_code make_questions(const struct cli *cli, const struct demo_settings *s, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_questions qs;
    (void)cli;
    raml_questions_init(&qs);
    enum raml_code rc = add_built_in(&qs, err);
    if (!rc && s->questions) rc = add_file(s, &qs, err);
    if (!rc) rc = raml_path_join(path, s->out, "questions.jsonl", err);
    if (!rc) rc = raml_questions_write(&qs, path, err);
    raml_questions_deinit(&qs);
    return rc;
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */
static void add_option(struct demo_step *step, const char *name, const char *value)
{
    if (!value) return;
    cli_demo_add(step, "--%s", name);
    cli_demo_add(step, "%s", value);
}

static void add_number(struct demo_step *step, const char *name, int64_t value)
{
    cli_demo_add(step, "--%s", name);
    cli_demo_add(step, "%lld", (long long)value);
}

/* "COMMAND --model M ... OUT/samples.jsonl", and how the model is asked. */
static void begin(struct demo_step *step, const char *command, const struct demo_settings *s, const char *file)
{
    cli_demo_add(step, "%s", command);
    add_option(step, "model", s->model);
    add_option(step, "adapter", s->adapter);
    cli_demo_add(step, "%s/%s", s->out, file);
    add_option(step, "prompt_format", s->prompt_format);
    add_option(step, "prompt_preset", s->prompt_preset);
    add_option(step, "instruction", s->instruction);
    add_option(step, "dtype", s->dtype);
}

static void end(struct demo_step *step, const struct demo_settings *s, const char *name)
{
    cli_demo_add(step, "--out");
    cli_demo_add(step, "%s/%s", s->out, name);
}

static void add_sampling(struct demo_step *step, const struct cli *cli, const struct demo_settings *s)
{
    add_number(step, "num_generations", s->num_generations);
    cli_demo_add(step, "--temperature");
    cli_demo_add(step, "%g", s->temperature);
    add_number(step, "max_completion_length", s->max_completion_length);
    cli_demo_add(step, "--seed");
    cli_demo_add(step, "%llu", (unsigned long long)cli->seed);
}

/* A step that does not go on by itself begins anew in a resumed demo. */
static enum raml_code run_anew(const struct cli *cli, const struct demo_settings *s, struct demo_step *step,
                               struct demo_phase *phase, struct raml_err *err)
{
    if (s->resume) cli_demo_add(step, "--overwrite");
    return cli_demo_run(cli, step, phase, err);
}

/* Goes on by itself where it was stopped; a file that is whole was not recorded. */
static enum raml_code sample(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    char whole[RAML_PATH_BYTES], part[RAML_PATH_BYTES];
    struct demo_step step = {0};
    enum raml_code rc = raml_path_join(whole, s->out, "samples.jsonl", err);
    if (!rc) rc = raml_path_join(part, s->out, "samples.jsonl.unfinished", err);
    if (rc) return rc;
    begin(&step, "sample", s, "questions.jsonl");
    add_sampling(&step, cli, s);
    end(&step, s, "samples.jsonl");
    if (raml_is_file(whole) && !raml_is_file(part)) cli_demo_add(&step, "--overwrite");
    return cli_demo_run(cli, &step, phase, err);
}

static enum raml_code evaluate(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                               struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add(&step, "eval");
    cli_demo_add(&step, "%s/samples.jsonl", s->out);
    cli_demo_add_words(&step, "--by split");
    end(&step, s, "eval.json");
    return run_anew(cli, s, &step, phase, err);
}

static enum raml_code trace(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                            struct raml_err *err)
{
    struct demo_step step = {0};
    begin(&step, "trace", s, "samples.jsonl");
    add_number(&step, "stride", s->stride);
    cli_demo_add_words(&step, "--skip_long --answers gold,own");
    end(&step, s, "trace");
    return run_anew(cli, s, &step, phase, err);
}

/* One trajectory of a few questions, at two places each: on a large model most of what the demo costs. */
static enum raml_code fork_samples(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                                   struct raml_err *err)
{
    struct demo_step step = {0};
    begin(&step, "fork", s, "samples.jsonl");
    cli_demo_add_words(&step, "--skip_long --max_samples 1 --limit 6 --places sentence --max_places 2 --windows 1");
    add_sampling(&step, cli, s);
    end(&step, s, "fork");
    return run_anew(cli, s, &step, phase, err);
}

static enum raml_code report(const struct cli *cli, const struct demo_settings *s, struct demo_phase *phase,
                             struct raml_err *err)
{
    struct demo_step step = {0};
    cli_demo_add(&step, "report");
    cli_demo_add(&step, "%s", s->out);
    return run_anew(cli, s, &step, phase, err);
}

enum { N_STEPS = 5 };

static enum raml_code one_step(const struct cli *cli, const struct demo_settings *s, size_t i,
                               struct demo_phase phase[DEMO_PHASES], struct raml_err *err)
{
    static const char *const what[N_STEPS] = {"samples of every question", "which are right",
                                              "the loss of the answer along each sample",
                                              "what happens when a sample is changed on its way", "the page"};
    if (!cli->quiet && !cli->json) printf("\n%zu of %d: %s\n", i + 1, N_STEPS, what[i]);
    switch (i) {
    case 0: return sample(cli, s, &phase[DEMO_SAMPLE], err);
    case 1: return evaluate(cli, s, &phase[DEMO_EVAL], err);
    case 2: return trace(cli, s, &phase[DEMO_TRACE], err);
    case 3: return fork_samples(cli, s, &phase[DEMO_FORK], err);
    default: return report(cli, s, &phase[DEMO_REPORT], err);
    }
}

const struct demo_story cli_demo_model = {
    N_STEPS, make_questions, one_step, cli_demo_model_summary, cli_demo_model_tell,
};
