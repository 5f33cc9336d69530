/* trainer.h - a tiny model, ten questions and a folder for runs of the trainer, for tests. */
#ifndef RAML_TESTS_OUTER_TRAINER_H
#define RAML_TESTS_OUTER_TRAINER_H

#include "raml/device.h"
#include "core/file.h"
#include "raml/meta.h"
#include "raml/train.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check_near.h"
#include "device/far.h"
#include "model/host.h"

enum { PATH_CAP = 512, CONTEXT = 64 };

struct stop_at { /* a sink that asks to stop after n steps, or ruins the weights */
    double step, done;
    struct raml_model *ruin; /* NULL: not */
};

static inline void on_progress(void *user, const char *what, double done, double total, const char *unit,
                               const char *note)
{
    (void)what;
    (void)total;
    (void)unit;
    (void)note;
    struct stop_at *s = user;
    s->done = done;
    if (!s->ruin || done < s->step) return;
    struct raml_err err = {0};
    float *w = host_weights(s->ruin);
    for (size_t i = 0; i < raml_model_n(s->ruin); i++) w[i] = NAN;
    CHECK_OK(host_set_weights(s->ruin, w, &err));
}

static inline bool on_stop(void *user)
{
    const struct stop_at *s = user;
    return !s->ruin && s->step > 0 && s->done >= s->step;
}

struct bench { /* what every test uses */
    char root[PATH_CAP];
    struct raml_device *dev;
    const struct raml_objective *objective; /* of the next training; NULL: supervised fine-tuning */
    size_t fail_at; /* on a device of far.h: the operation of the next training that fails; 0: none */
    struct raml_tokenizer *tokenizer;
    struct raml_questions data;
    struct raml_model *model;
    const struct raml_comm *comm;         /* of the next training; NULL: alone */
    const struct raml_config *config;     /* of a new model; NULL: tiny */
    enum raml_dtype dtype;                /* of a new model */
    const struct raml_meta_options *meta; /* of the next training; NULL: it is supervised fine-tuning */
};

/* clang-format off */
static const struct raml_config tiny = {
    .model_type = "qwen3", .vocab_size = 261, .hidden_size = 32, .intermediate_size = 64, .n_layers = 2, .n_heads = 2,
    .n_kv_heads = 1, .head_dim = 16, .max_positions = CONTEXT, .rms_norm_eps = 1e-6, .rope_theta = 10000, .tied = true,
    .qk_norm = true, .rope_factor = 1, .bos_token = -1, .eos_token = 256,
};
/* clang-format on */

/* n questions "a+b" with n_traj trajectories each. */
static inline void add_questions(struct raml_questions *qs, size_t n, size_t n_traj)
{
    struct raml_err err = {0};
    for (size_t i = 0; i < n; i++) {
        char id[32], question[64], answer[32], text[4][64];
        size_t a = 1 + i % 4, b = 2 + i / 4;
        snprintf(id, sizeof id, "q%zu", i);
        snprintf(question, sizeof question, "%zu+%zu=", a, b);
        snprintf(answer, sizeof answer, "%zu", a + b);
        snprintf(text[0], sizeof *text, "%zu", a + b);
        snprintf(text[1], sizeof *text, "add %zu: %zu", b, a + b);
        snprintf(text[2], sizeof *text, "from %zu up %zu", a, b);
        snprintf(text[3], sizeof *text, "well, %zu", a + b);
        struct raml_trajectory t[4] = {{.text = text[0]}, {.text = text[1]}, {.text = text[2]}, {.text = text[3]}};
        for (size_t k = 0; k < 4; k++) {
            t[k].correct = RAML_UNKNOWN;
            t[k].logp_sum = NAN;
        }
        struct raml_question q = {.id = id,
                                  .question = question,
                                  .answer = answer,
                                  .difficulty = -1,
                                  .trajectory = t,
                                  .n_trajectories = n_traj,
                                  .line = i + 1};
        CHECK_OK(raml_questions_add(qs, &q, &err));
    }
}

static inline int setup_on(void **state, enum raml_code open(struct raml_device **, struct raml_err *))
{
    struct raml_err err = {0};
    struct bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->dtype = RAML_F32;
    const char *tmp = getenv("TMPDIR");
    snprintf(b->root, sizeof b->root, "%s/raml-train-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(b->root));
    CHECK_OK(open(&b->dev, &err));
    CHECK_OK(raml_tokenizer_bytes(&b->tokenizer, &err));
    raml_questions_init(&b->data);
    add_questions(&b->data, 10, 3);
    *state = b;
    return 0;
}

static inline enum raml_code any_device(struct raml_device **out, struct raml_err *err)
{
    return far_device_open(2, "auto", out, err);
}

static inline int setup(void **state)
{
    return setup_on(state, any_device);
}

static inline int teardown(void **state)
{
    struct raml_err err = {0};
    struct bench *b = *state;
    raml_model_close(b->model);
    raml_questions_deinit(&b->data);
    raml_tokenizer_close(b->tokenizer);
    raml_device_close(b->dev);
    CHECK_OK(raml_remove_tree(b->root, &err));
    free(b);
    return 0;
}

static inline struct raml_train_options options(int64_t steps)
{
    struct raml_train_options o = raml_train_default();
    o.max_steps = steps;
    o.batch_size = 4;
    o.trajectories = 2;
    o.logging_steps = 3;
    o.learning_rate = 5e-3;
    return o;
}

static inline void new_model(struct bench *b, const char *dir)
{
    struct raml_err err = {0};
    raml_model_close(b->model);
    b->model = NULL;
    if (dir) CHECK_OK(raml_model_open(dir, b->dtype, RAML_TRAINING, b->dev, &b->model, &err));
    else CHECK_OK(raml_model_init(b->config ? b->config : &tiny, 11, b->dtype, RAML_TRAINING, b->dev, &b->model, &err));
}

struct outcome {
    enum raml_code rc;
    struct raml_train_result result;
    struct raml_err err;
    size_t n_ops; /* with fail_at: operations of the device */
};

/* Trains into root/name; resume continues from its newest checkpoint. keep: the model is the bench's as it is.
 * stop > 0: asks to stop after that step; < 0: ruins the weights after step -stop. */
static inline struct outcome go(struct bench *b, const char *name, const struct raml_train_options *o,
                                const struct raml_questions *data, int resume, bool keep, double stop)
{
    struct outcome out = {0};
    char dir[PATH_CAP + 64], from[PATH_CAP + 128];
    struct raml_run *run = NULL;
    struct raml_err err = {0};
    uint64_t step = 0;
    struct stop_at at = {.step = fabs(stop)};
    struct raml_sink sink = {.progress = on_progress, .stop = on_stop, .user = &at};
    snprintf(dir, sizeof dir, "%s/%s", b->root, name);
    if (!b->comm || b->comm->rank == 0) CHECK_OK(raml_run_open(dir, resume, &run, &step, &err));
    snprintf(from, sizeof from, "%s/checkpoint-%" PRIu64, dir, step);
    if (!keep) new_model(b, step ? from : NULL);
    if (stop < 0) at.ruin = b->model;
    /* clang-format off */
    struct raml_train_job job = {.model = b->model, .tokenizer = b->tokenizer, .format = raml_format_default(),
                                 .data_name = "made.jsonl", .data = data ? data : &b->data, .run = run,
                                 .resume_step = step, .sink = &sink, .validation = &b->data,
                                 .objective = b->objective, .comm = b->comm};
    /* clang-format on */
    if (b->fail_at) far_fail_at(b->dev, b->fail_at);
    if (b->meta) out.rc = raml_train_meta(&job, o, b->meta, &out.result, &out.err);
    else out.rc = raml_train_sft(&job, o, &out.result, &out.err);
    if (b->fail_at) {
        out.n_ops = far_operations(b->dev);
        far_fail_at(b->dev, 0);
    }
    raml_run_close(run);
    return out;
}

#define CHECK_DONE(outcome)                                                                                            \
    do {                                                                                                               \
        if ((outcome).rc != RAML_OK) {                                                                                 \
            print_error("training failed: %s\n", (outcome).err.msg);                                                   \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

/* -- Files --------------------------------------------------------------------------------------------------------- */

static inline struct raml_buf slurp(const struct bench *b, const char *name)
{
    struct raml_err err = {0};
    struct raml_buf text;
    char path[PATH_CAP + 128];
    snprintf(path, sizeof path, "%s/%s", b->root, name);
    raml_buf_init(&text, 1 << 24);
    CHECK_OK(raml_file_read(path, &text, &err));
    return text;
}

static inline void same_file(const struct bench *b, const char *run1, const char *run2, const char *file)
{
    char one[128], two[128];
    snprintf(one, sizeof one, "%s/%s", run1, file);
    snprintf(two, sizeof two, "%s/%s", run2, file);
    struct raml_buf x = slurp(b, one), y = slurp(b, two);
    if (x.len == 0 || x.len != y.len || memcmp(x.data, y.data, x.len) != 0) {
        print_error("%s and %s differ (%zu and %zu bytes)\n", one, two, x.len, y.len);
        fail();
    }
    raml_buf_deinit(&x);
    raml_buf_deinit(&y);
}

static inline void same_checkpoint(const struct bench *b, const char *run1, const char *run2, int step)
{
    static const char *const files[] = {"config.json",           "model.safetensors",  "tokenizer.json",
                                        "optimizer.safetensors", "trainer_state.json", "tokenizer_config.json",
                                        "generation_config.json"};
    for (size_t i = 0; i < COUNT(files); i++) {
        char name[64];
        snprintf(name, sizeof name, "checkpoint-%d/%s", step, files[i]);
        same_file(b, run1, run2, name);
    }
}

#endif
