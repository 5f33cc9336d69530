/* trace_questions.h - two questions, a small model, and what a trace of them with given options leaves. */
#ifndef TEST_TRACE_QUESTIONS_H
#define TEST_TRACE_QUESTIONS_H

#include "core/scratch.h"

#include "check_near.h"
#include "core/json.h"
#include "raml/device.h"
#include "raml/report.h"
#include "study/trace_parts.h"

enum { CONTEXT = 200 };

static struct raml_trajectory first[] = {
    {.text = "1+2\nis 3", .answer = "3", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "a guess\n\nwait, no", .answer = "41", .correct = RAML_DIFFERENT, .think_closed = true, .mode = "brief"},
    {.text = "", .answer = "3", .correct = RAML_EQUAL, .think_closed = true},
    {.text = "so it is 41.", .answer = "41", .correct = RAML_DIFFERENT, .think_closed = true},
};
static struct raml_trajectory second[] = {
    {.text = "another question's trajectory, a long one",
     .answer = "12",
     .correct = RAML_DIFFERENT,
     .think_closed = true},
};
static struct raml_question question[] = {
    {.id = "one",
     .question = "1+2",
     .answer = "3",
     .difficulty = -1,
     .trajectory = first,
     .n_trajectories = 4,
     .line = 1},
    {.id = "two",
     .question = "?",
     .answer = "77",
     .difficulty = -1,
     .trajectory = second,
     .n_trajectories = 1,
     .line = 2},
};
static const struct raml_questions questions = {.question = question, .n = 2};

static struct {
    struct raml_device *dev;
    struct raml_model *model;
    struct raml_tokenizer *tokenizer;
} f;

static inline int enter(void **state)
{
    struct raml_err err = {0};
    struct raml_config c;
    must(raml_device_open(2, "auto", &f.dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.max_positions = CONTEXT;
    must(raml_model_init(&c, 5, RAML_F32, RAML_INFERENCE, f.dev, &f.model, &err), &err);
    must(raml_tokenizer_bytes(&f.tokenizer, &err), &err);
    (void)state;
    return 0;
}

static inline int leave(void **state)
{
    (void)state;
    raml_model_close(f.model);
    raml_tokenizer_close(f.tokenizer);
    raml_device_close(f.dev);
    return 0;
}

static inline struct raml_trace_files_options few(void)
{
    struct raml_trace_files_options o = raml_trace_files_default();
    o.n_curves = o.n_shown = 0;
    o.token_table = false;
    o.n_draws = 50;
    return o;
}

static inline enum raml_code trace(const char *dir, const struct raml_questions *qs,
                                   const struct raml_trace_files_options *opt, const char *reader,
                                   struct raml_trace_summary *sum, struct raml_err *err)
{
    struct raml_format format;
    must(raml_format_named("builtin", f.tokenizer, &format, err), err);
    const struct raml_trace_files_job job = {.model = f.model,
                                             .tokenizer = f.tokenizer,
                                             .format = format,
                                             .questions = qs,
                                             .data_name = "made.jsonl",
                                             .reader = reader,
                                             .dir = dir};
    return raml_trace_files(&job, opt, sum, err);
}

/* curves.jsonl of these options as one array. */
static inline json_t *lines(const char *dir, const struct raml_questions *qs,
                            const struct raml_trace_files_options *opt, const char *reader)
{
    char path[4200];
    struct raml_err err = {0};
    struct raml_trace_summary sum;
    struct raml_lines l;
    json_t *list = json_array();
    must(trace(dir, qs, opt, reader, &sum, &err), &err);
    raml_trace_summary_deinit(&sum);
    must(raml_lines_init(&l, in(dir, "curves.jsonl", path), 1 << 24, &err), &err);
    for (bool more = true;;) {
        must(raml_lines_next(&l, &more, &err), &err);
        if (!more) break;
        const struct raml_place at = {path, l.number};
        json_t *obj;
        must(raml_json_parse(&at, l.line.data, l.line.len, &obj, &err), &err);
        json_array_append_new(list, obj);
    }
    raml_lines_deinit(&l);
    return list;
}

static inline const json_t *get(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);
    if (!v) fail_msg("there is no field %s", key);
    return v;
}

static inline double num(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

static inline void same(const char *what, const json_t *got, const json_t *want, double tol)
{
    if (json_array_size(got) != json_array_size(want) || !json_array_size(got))
        fail_msg("%s: %zu values, expected %zu", what, json_array_size(got), json_array_size(want));
    for (size_t i = 0; i < json_array_size(got); i++) CHECK_NEAR(what, num(got, i), num(want, i), tol);
}

static inline void put(const char *dir, const char *name, const char *text, char path[4200])
{
    struct raml_err err = {0};
    must(raml_file_write(in(dir, name, path), text, strlen(text), &err), &err);
}

#endif
