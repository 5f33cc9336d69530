/* lab.h - golden qwen2-tied with the question of oracle/lab/landscape.json, and that file's vectors. */
#ifndef TESTS_INNER_LAB_H
#define TESTS_INNER_LAB_H

#include "inner/golden.h"

#include "raml/landscape.h"
#include "raml/safetensors.h"

struct lab {
    struct raml_device *dev;
    struct raml_model *model;
    json_t *want;
    struct ids prompt, trajectory, cue, answer;
    uint32_t frame[3];
    struct raml_landscape_input in;
};

static const char lab_dir[] = RAML_SHARED "/oracle/lab";

/* Skips the test, loudly, where the numbers are absent. */
static inline void lab_open(struct lab *b)
{
    struct raml_err err = {0};
    char path[700];
    if (!raml_is_dir(lab_dir)) {
        fprintf(stderr, "\n*** %s is absent: nothing was checked against it ***\n\n", lab_dir);
        skip();
    }
    snprintf(path, sizeof path, "%s/landscape.json", lab_dir);
    must(raml_json_load(path, 1 << 24, &b->want, &err), &err);
    must(far_device_open(2, "auto", &b->dev, &err), &err);
    must(raml_model_open(RAML_SHARED "/golden/qwen2-tied", RAML_F32, RAML_TRAINING, b->dev, &b->model, &err), &err);
    b->prompt = golden_ids(json_object_get(b->want, "prompt"));
    b->trajectory = golden_ids(json_object_get(b->want, "trajectory"));
    b->cue = golden_ids(json_object_get(b->want, "cue"));
    b->answer = golden_ids(json_object_get(b->want, "answer"));
    b->frame[0] = 0;
    b->frame[1] = 6;
    b->frame[2] = 12;
    b->in = (struct raml_landscape_input){.text = {.prompt = b->prompt.id,
                                                   .trajectory = b->trajectory.id,
                                                   .answer_prefix = b->cue.id,
                                                   .answer = b->answer.id,
                                                   .n_prompt = b->prompt.n,
                                                   .n_trajectory = b->trajectory.n,
                                                   .n_answer_prefix = b->cue.n,
                                                   .n_answer = b->answer.n},
                                          .frame = b->frame,
                                          .n_frames = 3};
}

static inline void lab_close(struct lab *b)
{
    raml_model_close(b->model);
    raml_device_close(b->dev);
    json_decref(b->want);
}

/* A stored vector in the order of our block; tensors that the file does not have are 0. free() it. */
static inline float *lab_vector(const struct lab *b, const char *name)
{
    struct raml_err err = {0};
    char path[700];
    struct raml_safetensors *s;
    const struct raml_param *table;
    size_t n = raml_model_params(b->model, &table), found = 0;
    float *out = calloc(raml_model_n(b->model), sizeof *out);
    assert_non_null(out);
    snprintf(path, sizeof path, "%s/%s.safetensors", lab_dir, name);
    must(raml_safetensors_open(path, &s, &err), &err);
    for (size_t i = 0; i < n; i++) {
        const struct raml_tensor_view *v = raml_safetensors_find(s, table[i].name);
        if (!v) continue;
        assert_int_equal(v->n, table[i].n);
        must(raml_tensor_to_f32(v, out + table[i].offset, 1, &err), &err);
        found++;
    }
    assert_int_equal(found, raml_safetensors_count(s));
    raml_safetensors_close(s);
    return out;
}

static inline double lab_number(const json_t *o, const char *field)
{
    const json_t *x = json_object_get(o, field);
    assert_true(json_is_number(x));
    return json_number_value(x);
}

static inline double lab_at(const json_t *list, size_t i)
{
    const json_t *x = json_array_get(list, i);
    assert_true(json_is_number(x));
    return json_number_value(x);
}

/* The model's weights; free() them. */
static inline float *lab_weights(const struct raml_model *m)
{
    struct raml_err err = {0};
    size_t bytes = raml_model_n(m) * sizeof(float);
    float *w = malloc(bytes);
    assert_non_null(w);
    must(raml_array_read(raml_model_device(m), w, raml_model_weights_const(m), bytes, &err), &err);
    return w;
}

#endif
