/* A device that fails: whichever operation of a landscape it is, the caller gets an error, and once the landscape is
 * closed the model's weights and results are what they were, to the bit. */
#include "core/scratch.h"
#include "model/rig.h"

#include "raml/landscape.h"

enum { Q = 5, T = 6, PREFIX = 2, ANSWER = 2 };

static struct raml_device *dev;
static struct raml_model *m;
static int32_t token[Q + T + PREFIX + ANSWER];
static const uint32_t frame[] = {0, 4, T};

static int set_up(void **state)
{
    (void)state;
    struct raml_config c = rig_config(RIG_QWEN2, true);
    if (far_open(&dev, NULL)) return -1;
    m = rig_open(&c, RAML_F32, dev);
    for (size_t i = 0; i < COUNT(token); i++) token[i] = (int32_t)(i * 7 % 37);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    raml_model_close(m);
    raml_device_close(dev);
    return 0;
}

static struct raml_landscape_input input(void)
{
    return (struct raml_landscape_input){.text = {.prompt = token,
                                                  .trajectory = token + Q,
                                                  .answer_prefix = token + Q + T,
                                                  .answer = token + Q + T + PREFIX,
                                                  .n_prompt = Q,
                                                  .n_trajectory = T,
                                                  .n_answer_prefix = PREFIX,
                                                  .n_answer = ANSWER},
                                         .frame = frame,
                                         .n_frames = COUNT(frame)};
}

enum work { SLICE, PATH, CURVATURE, WORKS };

static enum raml_code run(struct raml_landscape *l, enum work work, struct raml_err *err)
{
    double loss[COUNT(frame)];
    struct raml_landscape_path path = {0};
    struct raml_curvature c;
    struct raml_curvature_options o = raml_curvature_default();
    o.iterations = 2;
    o.probes = 1;
    o.step = 7e-5; /* and no shorter ones, which repeat it all */
    enum raml_code rc = RAML_OK;
    if (work == CURVATURE) return raml_landscape_curvature(l, 1, &o, NULL, &c, err);
    if (work == PATH) rc = raml_landscape_set_path(l, 2, &path, err);
    for (size_t k = 0; k < 2 && !rc && work == SLICE; k++)
        rc = raml_landscape_random(l, k, k ? RAML_DIRECTION_TENSOR : RAML_DIRECTION_FILTER, 1, err);
    if (!rc) rc = raml_landscape_loss(l, 0.5, -1, loss, err);
    if (!rc) rc = raml_landscape_restore(l, err);
    raml_landscape_path_deinit(&path);
    return rc;
}

/* Losses at the weights as they are: what the packed copies of the matrices give. */
static void losses(double loss[COUNT(frame)])
{
    struct raml_err err = {0};
    const struct raml_landscape_input in = input();
    const struct raml_trace_options opt = {.stride = 2, .max_batch_tokens = 1000};
    struct raml_loss_curve c;
    struct raml_tracer *t;
    must(raml_tracer_open(m, &opt, &t, &err), &err);
    must(raml_tracer_run(t, &in.text, 1, &c, &err), &err);
    for (size_t i = 0; i < COUNT(frame); i++) loss[i] = c.loss[frame[i] / 2];
    raml_loss_curve_deinit(&c);
    raml_tracer_close(t);
}

static void every_operation(void **state)
{
    (void)state;
    size_t bytes = raml_model_n(m) * sizeof(float), in_use = far_in_use(dev);
    char *before = malloc(bytes), *after = malloc(bytes);
    double want[COUNT(frame)], got[COUNT(frame)];
    struct raml_err err = {0};
    must(raml_array_read(dev, before, raml_model_weights_const(m), bytes, &err), &err);
    losses(want);
    for (int work = 0; work < WORKS; work++) {
        size_t failures = 0, step = 1;
        for (size_t n = 1;; n += step) {
            const struct raml_landscape_input in = input();
            struct raml_landscape *l = NULL;
            struct raml_err why = {0};
            far_fail_at(dev, n);
            enum raml_code rc = raml_landscape_open(m, &in, &l, &why);
            if (!rc) rc = run(l, (enum work)work, &why);
            bool failed = far_failed(dev);
            far_fail_at(dev, 0);
            raml_landscape_close(l);
            must(raml_array_read(dev, after, raml_model_weights_const(m), bytes, &err), &err);
            assert_memory_equal(before, after, bytes);
            losses(got);
            assert_memory_equal(want, got, sizeof want);
            assert_int_equal(far_in_use(dev), in_use);
            if (!failed) {
                must(rc, &why);
                break;
            }
            if (rc != RAML_ENOMEM) assert_int_equal(rc, RAML_EIO);
            if (rc == RAML_EIO) assert_true(has(why.msg, "far: operation"));
            failures++;
            if (n >= 60) step = 23; /* loops repeat the same operations */
        }
        print_message("  work %d: %zu operations failed\n", work, failures);
        assert_true(failures > 60);
    }
    free(before);
    free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_operation, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
