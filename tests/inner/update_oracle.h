/* update_oracle.h - the numbers of oracle/lab/update.json, and a model's inputs in it. */
#ifndef TESTS_UPDATE_ORACLE_H
#define TESTS_UPDATE_ORACLE_H

#include "inner/golden.h"

#include "raml/update.h"

struct oracle {
    struct golden g;
    json_t *file;
    const json_t *of; /* the model's */
    struct ids prompt, trajectory, cue, answer;
    struct raml_update_input in;
};

static inline void oracle_open(struct oracle *o, const char *model)
{
    struct raml_err err = {0};
    const char *path = RAML_SHARED "/oracle/lab/update.json";
    golden_open(&o->g, model);
    if (!raml_is_file(path)) {
        fprintf(stderr, "\n*** %s is absent: nothing was checked against it ***\n\n", path);
        golden_close(&o->g);
        skip();
    }
    must(raml_json_load(path, 1 << 26, &o->file, &err), &err);
    o->of = json_object_get(json_object_get(o->file, "models"), model);
    o->prompt = golden_ids(json_object_get(o->of, "prompt"));
    o->trajectory = golden_ids(json_object_get(o->of, "trajectory"));
    o->cue = golden_ids(json_object_get(o->of, "cue"));
    o->answer = golden_ids(json_object_get(o->of, "answer"));
    const struct raml_trace_input text = {.prompt = o->prompt.id,
                                          .trajectory = o->trajectory.id,
                                          .answer_prefix = o->cue.id,
                                          .answer = o->answer.id,
                                          .n_prompt = o->prompt.n,
                                          .n_trajectory = o->trajectory.n,
                                          .n_answer_prefix = o->cue.n,
                                          .n_answer = o->answer.n};
    must(raml_update_input_of(&text, &o->in, &err), &err);
}

static inline void oracle_close(struct oracle *o)
{
    json_decref(o->file);
    golden_close(&o->g);
}

/* How many numbers were compared, and the largest difference relative to max(1, |expected|). */
struct matched {
    size_t n;
    double most;
};

static inline void match(struct matched *m, const char *what, double got, const json_t *want, double tol)
{
    if (json_is_null(want)) {
        if (!isnan(got)) fail_msg("%s: got %.9g, expected no number", what, got);
        return;
    }
    if (!json_is_number(want)) fail_msg("%s: the oracle has no number", what);
    double w = json_number_value(want), off = fabs(got - w) / fmax(1, fabs(w));
    if (!(off <= tol)) fail_msg("%s: got %.9g, expected %.9g", what, got, w);
    m->n++;
    m->most = fmax(m->most, off);
}

static inline void match_list(struct matched *m, const char *what, const double *got, size_t n, const json_t *want,
                              double tol)
{
    if (json_array_size(want) != n) fail_msg("%s: %zu numbers, expected %zu", what, n, json_array_size(want));
    for (size_t i = 0; i < n; i++) match(m, what, got[i], json_array_get(want, i), tol);
}

#endif
