/* fork_rig.h - what the tests of forks share: questions with one trajectory each, a small model with random weights. */
#ifndef TESTS_STUDY_FORK_RIG_H
#define TESTS_STUDY_FORK_RIG_H

#include "core/scratch.h"

#include "check_near.h"
#include "core/json.h"
#include "raml/device.h"
#include "raml/rng.h"
#include "study/fork_parts.h"

#include <math.h>

enum { PATH_BYTES = 4200, N_QUESTIONS = 40, N = 12, MAX_JOBS = 4096, T = 12, CRITICAL = 6, END = 256, CLOSE = 259 };

static struct raml_trajectory trajectory[N_QUESTIONS];
static struct raml_question question[N_QUESTIONS];
static char name[N_QUESTIONS][2][16];

static struct {
    struct raml_device *dev;
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
    char *dir;
} f;

static inline int enter(void **state)
{
    struct raml_err err = {0};
    struct raml_config c;
    must(raml_device_open(1, "auto", &f.dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.n_layers = 1; /* sanitized kernels are slow */
    must(raml_model_init(&c, 5, RAML_F32, RAML_INFERENCE, f.dev, &f.model, &err), &err);
    must(raml_tokenizer_bytes(&f.tokenizer, &err), &err);
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        snprintf(name[i][0], sizeof name[i][0], "q%zu", i);
        snprintf(name[i][1], sizeof name[i][1], "what is %zu", i);
        trajectory[i] = (struct raml_trajectory){
            .text = "aa\nbb\ncc\ndd\n", .answer = i % 2 ? "42" : "17", .correct = i % 2 ? RAML_EQUAL : RAML_DIFFERENT};
        question[i] = (struct raml_question){.id = name[i][0],
                                             .question = name[i][1],
                                             .answer = "42",
                                             .difficulty = -1,
                                             .trajectory = &trajectory[i],
                                             .n_trajectories = 1,
                                             .line = i + 1};
    }
    int rc = enter_scratch(state);
    f.dir = *state;
    return rc;
}

static inline int leave(void **state)
{
    raml_tokenizer_close(f.tokenizer);
    raml_model_close(f.model);
    raml_device_close(f.dev);
    return leave_scratch(state);
}

static inline struct raml_fork_files_job job_of(size_t n)
{
    static struct raml_questions some;
    some = (struct raml_questions){.question = question, .n = n};
    return (struct raml_fork_files_job){
        .model = f.model, .tokenizer = f.tokenizer, .format = raml_format_default(), .questions = &some, .dir = f.dir};
}

static inline struct raml_fork_files_options options(void)
{
    static const int32_t eos[] = {END};
    struct raml_fork_files_options o = raml_fork_files_default();
    o.places = "line";
    o.insert = "wait|noop";
    o.control = "even|odds";
    o.position_buckets = 1;
    o.n_windows = 1;
    o.n = N;
    o.n_shown = o.n_curves = 1;
    o.eos = eos;
    o.n_eos = 1;
    return o;
}

static inline double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

#endif
