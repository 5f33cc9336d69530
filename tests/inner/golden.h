/* golden.h - the golden models' trees, to test the inner loop: model, prompt, trajectories, answer prefix, answer. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "core/scratch.h"
#include "raml/device.h"
#include "core/json.h"
#include "raml/model.h"

#include "check_near.h"
#include "device/far.h"

#include <math.h>

enum { MAX_IDS = 64, N_TRAJECTORIES = 3 };
struct ids {
    int32_t id[MAX_IDS];
    size_t n;
};
struct golden {
    struct raml_device *dev;
    struct raml_model *model;
    json_t *expected;
    const json_t *tree; /* borrowed */
    struct ids prompt, answer_prefix, answer, trajectory[N_TRAJECTORIES];
};

static const char *const golden_names[] = {"qwen2-tied", "qwen2-untied", "qwen3", "llama", "llama3-scaled"};

static inline struct ids golden_ids(const json_t *list)
{
    struct ids x = {.n = json_array_size(list)};
    assert_true(x.n > 0 && x.n <= MAX_IDS);
    for (size_t i = 0; i < x.n; i++) x.id[i] = (int32_t)json_integer_value(json_array_get(list, i));
    return x;
}

/* Skips the test, loudly, where the golden models are absent. */
static inline void golden_open(struct golden *g, const char *name)
{
    struct raml_err err = {0};
    char dir[600], path[700];
    if (!raml_is_dir(RAML_SHARED "/golden")) {
        fprintf(stderr, "\n*** %s/golden is absent: nothing was checked against it ***\n\n", RAML_SHARED);
        skip();
    }
    snprintf(dir, sizeof dir, "%s/golden/%s", RAML_SHARED, name);
    snprintf(path, sizeof path, "%s/expected.json", dir);
    must(far_device_open(2, "auto", &g->dev, &err), &err);
    must(raml_model_open(dir, RAML_F32, RAML_TRAINING, g->dev, &g->model, &err), &err);
    must(raml_json_load(path, 1 << 24, &g->expected, &err), &err);
    g->tree = json_object_get(g->expected, "tree");
    g->prompt = golden_ids(json_object_get(g->tree, "prompt"));
    g->answer_prefix = golden_ids(json_object_get(g->tree, "cue"));
    g->answer = golden_ids(json_object_get(g->tree, "answer"));
    const json_t *list = json_object_get(g->tree, "trajectories");
    assert_int_equal(json_array_size(list), N_TRAJECTORIES);
    for (size_t i = 0; i < N_TRAJECTORIES; i++)
        g->trajectory[i] = golden_ids(json_object_get(json_array_get(list, i), "tokens"));
}

static inline void golden_close(struct golden *g)
{
    raml_model_close(g->model);
    raml_device_close(g->dev);
    json_decref(g->expected);
}

static inline const json_t *golden_of(const struct golden *g, size_t trajectory, const char *field)
{
    return json_object_get(json_array_get(json_object_get(g->tree, "trajectories"), trajectory), field);
}

/* A model of the preset "micro" with weights from `seed`, for tests that need longer texts than the golden ones. */
static inline void micro_open(struct raml_device **dev, struct raml_model **model, uint64_t seed)
{
    struct raml_err err = {0};
    struct raml_config c;
    must(far_device_open(2, "auto", dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    must(raml_model_init(&c, seed, RAML_F32, RAML_TRAINING, *dev, model, &err), &err);
}

/* The same with a head of its own; the embedding of token `bad` is no number. */
static inline void broken_open(struct raml_device **dev, struct raml_model **model, int32_t bad)
{
    struct raml_err err = {0};
    struct raml_config c;
    const struct raml_param *p;
    const float nan = NAN;
    must(far_device_open(2, "auto", dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.tied = false;
    must(raml_model_init(&c, 1, RAML_F32, RAML_TRAINING, *dev, model, &err), &err);
    assert_true(raml_model_params(*model, &p) > 0);
    assert_string_equal(p[0].name, "model.embed_tokens.weight");
    size_t at = p[0].offset + (size_t)bad * (size_t)c.hidden_size;
    must(raml_array_write(*dev, raml_model_weights(*model) + at, &nan, sizeof nan, &err), &err);
    must(raml_model_refresh(*model, &err), &err);
}

#endif
