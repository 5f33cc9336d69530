/* The same bits everywhere: logits, a loss curve, 20 training steps and 20 samples in f32 have one checksum each, at
 * every level of the fast kernels, with any number of threads, any micro-batches and any samples side by side. The
 * checksums are here: another machine that runs this test is compared with the one that they come from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "raml/device.h"
#include "core/file.h"
#include "raml/sample.h"
#include "raml/trace.h"
#include "raml/train.h"

#include "check_near.h"
#include "model/host.h"

enum { QUESTIONS = 5, SAMPLES = 4, STEPS = 20, CONTEXT = 200 };

/* FNV-1a, 64 bits. */
struct sum {
    uint64_t logits, curve, weights, samples;
};
static const struct sum want = {.logits = UINT64_C(0x4e675bcd5bd469bb),
                                .curve = UINT64_C(0x4dc0cc449d241e5f),
                                .weights = UINT64_C(0x1e1421fcb3704af9),
                                .samples = UINT64_C(0xe2ec1de6e6284a81)};

static uint64_t add_bytes(uint64_t h, const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const unsigned char *)p)[i]) * UINT64_C(1099511628211);
    return h;
}
static const uint64_t empty = UINT64_C(14695981039346656037);

/* clang-format off */
static const struct raml_config shape = {
    .model_type = "qwen3", .vocab_size = 261, .hidden_size = 72, .intermediate_size = 100, .n_layers = 3, .n_heads = 4,
    .n_kv_heads = 2, .head_dim = 20, .max_positions = CONTEXT, .rms_norm_eps = 1e-6, .rope_theta = 10000, .qk_norm = true,
    .tied = true, .rope_factor = 1, .bos_token = -1, .eos_token = 256,
};
/* clang-format on */

struct rig {
    char root[512];
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_tokenizer *t;
    struct raml_questions qs;
};

static void add_question(struct raml_questions *qs, size_t i)
{
    struct raml_err err = {0};
    char id[32], question[64], answer[32], text[3][96];
    snprintf(id, sizeof id, "q%zu", i);
    snprintf(question, sizeof question, "%zu+%zu=?", i, 3 * i + 7);
    snprintf(answer, sizeof answer, "%zu", 4 * i + 7);
    snprintf(text[0], sizeof *text, "%zu and %zu make %zu", i, 3 * i + 7, 4 * i + 7);
    snprintf(text[1], sizeof *text, "count on from %zu: it is a long way, but in the end there is %zu", i, 4 * i + 7);
    snprintf(text[2], sizeof *text, "%zu", 4 * i + 7);
    struct raml_trajectory t[3];
    for (size_t k = 0; k < 3; k++)
        t[k] = (struct raml_trajectory){.text = text[k], .correct = RAML_UNKNOWN, .logp_sum = NAN};
    /* clang-format off */
    struct raml_question q = {.id = id, .question = question, .answer = answer, .difficulty = -1, .trajectory = t,
                              .n_trajectories = 3, .line = i + 1};
    /* clang-format on */
    CHECK_OK(raml_questions_add(qs, &q, &err));
}

static void open_rig(struct rig *r, const char *level, int threads)
{
    struct raml_err err = {0};
    const char *tmp = getenv("TMPDIR");
    memset(r, 0, sizeof *r);
    snprintf(r->root, sizeof r->root, "%s/raml-everywhere-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->root));
    CHECK_OK(raml_device_open(threads, level, &r->dev, &err));
    CHECK_OK(raml_tokenizer_bytes(&r->t, &err));
    raml_questions_init(&r->qs);
    for (size_t i = 0; i < QUESTIONS; i++) add_question(&r->qs, i);
    CHECK_OK(raml_model_init(&shape, 5, RAML_F32, RAML_TRAINING, r->dev, &r->m, &err));
}

static void close_rig(struct rig *r)
{
    struct raml_err err = {0};
    raml_model_close(r->m);
    raml_questions_deinit(&r->qs);
    raml_tokenizer_close(r->t);
    raml_device_close(r->dev);
    CHECK_OK(raml_remove_tree(r->root, &err));
}

/* Of a tree that branches twice. */
static uint64_t sum_logits(const struct rig *r)
{
    struct raml_err err = {0};
    int32_t id[80];
    for (int i = 0; i < 80; i++) id[i] = (i * 37 + 11) % 256;
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    CHECK_OK(raml_tree_add(&tree, -1, 0, id, 70, 70, NULL, &err));
    CHECK_OK(raml_tree_add(&tree, 0, 66, id + 3, 21, 21, NULL, &err));
    CHECK_OK(raml_tree_add(&tree, 0, 70, id + 30, 33, 33, NULL, &err));
    CHECK_OK(raml_pack_add(&pack, &tree, &err));
    CHECK_OK(raml_pass_open(r->m, false, &pass, &err));
    CHECK_OK(raml_pass_forward(pass, &pack, &(struct raml_logprobs){0}, &err));
    size_t n = pack.n_rows * (size_t)shape.vocab_size;
    float *logits = malloc(n * sizeof *logits);
    assert_non_null(logits);
    CHECK_OK(raml_pass_logits(pass, 0, pack.n_rows, logits, &err));
    uint64_t h = add_bytes(empty, logits, n * sizeof *logits);
    free(logits);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    return h;
}

/* Of the first question's second trajectory. */
static uint64_t sum_curve(const struct rig *r)
{
    struct raml_err err = {0};
    struct raml_trace_options opt = raml_trace_default();
    struct raml_trace_source src = {.tokenizer = r->t, .format = raml_format_default()};
    struct raml_loss_curve curve = {0};
    struct raml_tracer *tracer;
    CHECK_OK(raml_tracer_open(r->m, &opt, &tracer, &err));
    CHECK_OK(raml_trace_run(tracer, &src, &r->qs.question[0], 1, &curve, &err));
    assert_true(curve.n_points > 50);
    uint64_t h = add_bytes(empty, curve.logp, curve.n_points * curve.n_answer * sizeof *curve.logp);
    h = add_bytes(h, curve.loss, curve.n_points * sizeof *curve.loss);
    raml_loss_curve_deinit(&curve);
    raml_tracer_close(tracer);
    return h;
}

/* Weights after STEPS steps of micro_batch rows each. */
static uint64_t sum_training(struct rig *r, size_t micro_batch)
{
    struct raml_err err = {0};
    struct raml_train_options o = raml_train_default();
    struct raml_train_result result;
    char dir[600];
    struct raml_run *run;
    uint64_t step;
    o.max_steps = STEPS;
    o.batch_size = 4;
    o.trajectories = 2;
    o.micro_batch_tokens = micro_batch;
    o.learning_rate = 5e-3;
    snprintf(dir, sizeof dir, "%s/run", r->root);
    CHECK_OK(raml_run_open(dir, 0, &run, &step, &err));
    /* clang-format off */
    struct raml_train_job job = {.model = r->m, .tokenizer = r->t, .format = raml_format_default(), .run = run,
                                 .data_name = "made.jsonl", .data = &r->qs, .resume_step = step};
    /* clang-format on */
    CHECK_OK(raml_train_sft(&job, &o, &result, &err));
    raml_run_close(run);
    assert_int_equal(result.steps, STEPS);
    float *w = host_weights(r->m);
    uint64_t h = add_bytes(empty, w, raml_model_n(r->m) * sizeof *w);
    free(w);
    return h;
}

/* Texts and log-probabilities of samples from the trained model. */
static uint64_t sum_samples(const struct rig *r, size_t batch)
{
    struct raml_err err = {0};
    struct raml_sample_options o = raml_sample_default();
    struct raml_sample_stats stats;
    struct raml_questions out;
    struct raml_format f = raml_format_default();
    o.n = SAMPLES;
    o.batch_size = batch;
    o.max_completion_length = 60;
    o.top_p = 0.95;
    o.seed = 3;
    raml_questions_init(&out);
    CHECK_OK(raml_sample_questions(r->m, r->t, &f, &r->qs, &o, &out, &stats, NULL, &err));
    assert_int_equal(stats.samples, QUESTIONS * SAMPLES);
    uint64_t h = empty;
    for (size_t i = 0; i < out.n; i++)
        for (size_t k = 0; k < out.question[i].n_trajectories; k++) {
            const struct raml_trajectory *t = &out.question[i].trajectory[k];
            h = add_bytes(h, t->text, strlen(t->text));
            h = add_bytes(h, &t->logp_sum, sizeof t->logp_sum);
        }
    raml_questions_deinit(&out);
    return h;
}

static struct sum sums(const char *level, int threads, size_t micro_batch, size_t batch)
{
    struct rig r;
    open_rig(&r, level, threads);
    struct sum s = {.logits = sum_logits(&r), .curve = sum_curve(&r)};
    s.weights = sum_training(&r, micro_batch);
    s.samples = sum_samples(&r, batch);
    close_rig(&r);
    return s;
}

static void check_sums(const char *level, const struct sum *got, const struct sum *expected)
{
    const struct {
        const char *what;
        uint64_t got, want;
    } each[] = {{"logits", got->logits, expected->logits},
                {"the loss curve", got->curve, expected->curve},
                {"weights after 20 steps", got->weights, expected->weights},
                {"20 samples", got->samples, expected->samples}};
    int bad = 0;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        if (each[i].got == each[i].want) continue;
        print_error("%s at level %s: checksum 0x%016llx, expected 0x%016llx\n", each[i].what, level,
                    (unsigned long long)each[i].got, (unsigned long long)each[i].want);
        bad++;
    }
    assert_int_equal(bad, 0);
}

/* Threads, rows of a micro-batch and samples side by side. */
static const struct {
    int threads;
    size_t micro_batch, batch;
} setups[] = {{2, 4096, 64}, {1, 1, 1}, {3, 150, 7}, {5, 400, 3}};

static void test_levels(void **state)
{
    static const char *const level[] = {"base", "avx2", "avx512", "avx512bf16"};
    int done = 0;
    (void)state;
    for (size_t i = 0; i < sizeof level / sizeof *level; i++) {
        struct raml_err err = {0};
        struct raml_device *dev = NULL;
        if (raml_device_open(1, level[i], &dev, &err)) {
            fprintf(stderr, "level %s not checked: %s\n", level[i], err.msg);
            continue;
        }
        raml_device_close(dev);
        struct sum s = sums(level[i], setups[0].threads, setups[0].micro_batch, setups[0].batch);
        check_sums(level[i], &s, &want);
        done++;
    }
    assert_true(done >= 1);
}

static void test_setups(void **state)
{
    (void)state;
    for (size_t k = 1; k < sizeof setups / sizeof *setups; k++) {
        struct sum s = sums("auto", setups[k].threads, setups[k].micro_batch, setups[k].batch);
        check_sums("auto", &s, &want);
    }
}

/* The reference adds in a different order; its bits, too, are the same whatever runs beside. */
static void test_reference(void **state)
{
    (void)state;
    struct sum first = sums("ref", setups[0].threads, setups[0].micro_batch, setups[0].batch);
    for (size_t k = 1; k < sizeof setups / sizeof *setups; k++) {
        struct sum s = sums("ref", setups[k].threads, setups[k].micro_batch, setups[k].batch);
        check_sums("ref", &s, &first);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_setups),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
