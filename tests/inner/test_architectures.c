/* What reads models, on every kind of them (model/rig.h): loss curves, whole and split, by layer beside a plain
 * transformer with fewer layers (model/plain.h); landscapes beside a model with other weights; texts that are continued
 * beyond windows and pages, beside one pass over each; implicit updates where a kind has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "check_near.h"
#include "inner/generate.h"
#include "model/plain.h"
#include "raml/completion.h"
#include "raml/landscape.h"
#include "raml/trace.h"
#include "raml/update.h"

enum { PROMPT = 70, TRAJECTORY = 90, PREFIX = 2, ANSWER = 3, STRIDE = 13, POINTS = 8, LAYERS = 4 };

struct rig {
    struct raml_device *dev;
    struct raml_config c;
    struct raml_model *m;
    int32_t token[PROMPT + TRAJECTORY + PREFIX + ANSWER];
};

/* window > 0: instead of the kind's own. */
static void open_rig(struct rig *r, int kind, int window)
{
    struct raml_rng draw = {{.seed = 21, .purpose = RAML_FOR_TEST}, 0};
    *r = (struct rig){.c = rig_config(kind, false)};
    if (window && r->c.window) r->c.window = window;
    MUST(far_device_open(2, "auto", &r->dev, err));
    r->m = rig_open_scaled(&r->c, RAML_F32, r->dev, 2);
    for (size_t i = 0; i < COUNT(r->token); i++)
        r->token[i] = (int32_t)raml_rng_below(&draw, (uint32_t)r->c.vocab_size);
}

static void close_rig(struct rig *r)
{
    raml_model_close(r->m);
    raml_device_close(r->dev);
}

static struct raml_trace_input input_of(const struct rig *r)
{
    return (struct raml_trace_input){.prompt = r->token,
                                     .trajectory = r->token + PROMPT,
                                     .answer_prefix = r->token + PROMPT + TRAJECTORY,
                                     .answer = r->token + PROMPT + TRAJECTORY + PREFIX,
                                     .n_prompt = PROMPT,
                                     .n_trajectory = TRAJECTORY,
                                     .n_answer_prefix = PREFIX,
                                     .n_answer = ANSWER};
}

static void trace(const struct rig *r, size_t bound, size_t n_layers, struct raml_loss_curve *out)
{
    static const size_t layer[LAYERS] = {0, 1, 2, 3};
    const struct raml_trace_options opt = {
        .stride = STRIDE, .max_batch_tokens = bound, .layer = layer, .n_layers = n_layers};
    const struct raml_trace_input in = input_of(r);
    struct raml_tracer *t;
    *out = (struct raml_loss_curve){0};
    MUST(raml_tracer_open(r->m, &opt, &t, err));
    MUST(raml_tracer_run(t, &in, 1, out, err));
    assert_int_equal(raml_tracer_passes(t) > 1, bound < 1000);
    raml_tracer_close(t);
}

/* The text that the probe after i tokens ends; returns the tokens before the answer. */
static size_t text_at(const struct rig *r, size_t i, int32_t *text)
{
    size_t n = PROMPT + i;
    memcpy(text, r->token, n * sizeof *text);
    memcpy(text + n, r->token + PROMPT + TRAJECTORY, (PREFIX + ANSWER) * sizeof *text);
    return n + PREFIX;
}

/* The same bits as of a text of its own, which no probe or tree is part of. */
static void check_alone(const struct rig *r, const struct raml_loss_curve *c)
{
    struct raml_completion_evaluator *s;
    MUST(raml_completion_open(r->m, 4096, &s, err));
    for (size_t k = 0; k < c->n_points; k++) {
        int32_t text[COUNT(r->token)];
        float logp[ANSWER];
        size_t n = text_at(r, c->at[k], text);
        struct raml_completion answer = {text + n, ANSWER, logp, NULL, 0};
        const struct raml_completions job = {text, n, &answer, 1};
        MUST(raml_completion_logprobs(s, &job, 1, err));
        if (memcmp(logp, c->logp + k * ANSWER, sizeof logp) != 0)
            fail_msg("%s: after %u tokens the answer has %.9g in the tree, %.9g alone", r->c.model_type, c->at[k],
                     (double)c->logp[k * ANSWER], (double)logp[0]);
    }
    raml_completion_close(s);
}

/* The answer's loss by a plain transformer of the first n_layers layers. */
static double plain_loss(const struct rig *r, const float *w, size_t n_layers, const int32_t *text, size_t n)
{
    const struct raml_param *param;
    size_t n_params = raml_model_params(r->m, &param), V = (size_t)r->c.vocab_size;
    struct raml_config c = r->c;
    double loss = 0;
    c.n_layers = (int)n_layers;
    double *z = plain_logits(&c, param, n_params, w, text, n + ANSWER);
    for (size_t j = 0; j < ANSWER; j++) {
        const double *row = z + (n + j - 1) * V;
        double sum = 0;
        for (size_t v = 0; v < V; v++) sum += exp(row[v] - row[text[n + j]]);
        loss += log(sum) / ANSWER;
    }
    free(z);
    return loss;
}

static void check_layers(const struct rig *r, const struct raml_loss_curve *c)
{
    float *w = host_weights(r->m);
    for (size_t k = 0; k < c->n_points; k += 3) {
        int32_t text[COUNT(r->token)];
        size_t n = text_at(r, c->at[k], text);
        for (size_t l = 0; l < c->n_layers; l++) {
            double got = c->layer_loss[l * c->n_points + k], want = plain_loss(r, w, l, text, n);
            if (!(fabs(got - want) <= 1e-4))
                fail_msg("%s, window %d: after %zu layers and %u tokens %.6f, expected %.6f", r->c.model_type,
                         r->c.window, l, c->at[k], got, want);
        }
        assert_true(c->layer_loss[(c->n_layers - 1) * c->n_points + k] == c->loss[k]);
    }
    free(w);
}

static void check_curves(int kind, int window)
{
    struct rig r;
    struct raml_loss_curve c, split;
    open_rig(&r, kind, window);
    trace(&r, 4096, (size_t)r.c.n_layers + 1, &c);
    assert_int_equal(c.n_points, POINTS);
    check_alone(&r, &c);
    check_layers(&r, &c);
    trace(&r, 40, 0, &split);
    for (size_t k = 0; k < POINTS; k++) CHECK_NEAR(r.c.model_type, split.loss[k], c.loss[k], 1e-5);
    raml_loss_curve_deinit(&c);
    raml_loss_curve_deinit(&split);
    close_rig(&r);
}

static void test_curves(void **state)
{
    (void)state;
    static const int windows[] = {1, 64, 65, 500}; /* pages have 64 keys */
    for (int kind = 0; kind < RIG_KINDS; kind++) check_curves(kind, 0);
    for (size_t i = 0; i < COUNT(windows); i++) {
        check_curves(RIG_OLMO3, windows[i]);
        check_curves(RIG_GEMMA3, windows[i]);
        check_curves(RIG_SMOLLM3, windows[i]);
    }
}

/* -- Landscapes ---------------------------------------------------------------------------------------------------- */
/* A point is the loss of a model with these weights, whose derived numbers (norms of 1 + w, packed matrices) are its
 * own. */
static void check_point(const struct rig *r, const struct raml_landscape *l, const float *w, const double at[2],
                        const double *loss)
{
    struct rig moved = *r;
    struct raml_loss_curve c;
    size_t n = raml_model_n(r->m);
    float *x = rig_floats(n), *d[2] = {rig_floats(n), rig_floats(n)};
    for (size_t k = 0; k < 2; k++) MUST(raml_landscape_read_direction(l, k, d[k], err));
    for (size_t i = 0; i < n; i++) x[i] = (float)(w[i] + at[0] * d[0][i] + at[1] * d[1][i]);
    MUST(raml_model_init(&r->c, 1, RAML_F32, RAML_TRAINING, r->dev, &moved.m, err));
    MUST(host_set_weights(moved.m, x, err));
    trace(&moved, 4096, 0, &c);
    CHECK_NEAR(r->c.model_type, loss[0], c.loss[0], 1e-4);
    CHECK_NEAR(r->c.model_type, loss[1], c.loss[POINTS - 1], 1e-4);
    raml_loss_curve_deinit(&c);
    raml_model_close(moved.m);
    free(d[0]);
    free(d[1]);
}

static void test_landscapes(void **state)
{
    (void)state;
    static const uint32_t frame[2] = {0, TRAJECTORY};
    static const double at[2] = {0.3, -0.2};
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct rig r;
        struct raml_landscape *l;
        struct raml_loss_curve c;
        double loss[2];
        open_rig(&r, kind, 0);
        const struct raml_landscape_input in = {.text = input_of(&r), .frame = frame, .n_frames = 2};
        float *w = host_weights(r.m);
        trace(&r, 4096, 0, &c);
        MUST(raml_landscape_open(r.m, &in, &l, err));
        MUST(raml_landscape_random(l, 0, RAML_DIRECTION_FILTER, 3, err));
        MUST(raml_landscape_random(l, 1, RAML_DIRECTION_TENSOR, 4, err)); /* norms too */
        MUST(raml_landscape_loss(l, at[0], at[1], loss, err));
        check_point(&r, l, w, at, loss);
        assert_true(fabs(loss[0] - c.loss[0]) > 0.01);
        MUST(raml_landscape_restore(l, err));
        MUST(raml_landscape_loss(l, 0, 0, loss, err));
        assert_true(loss[0] == c.loss[0] && loss[1] == c.loss[POINTS - 1]);
        raml_landscape_close(l);
        raml_loss_curve_deinit(&c);
        free(w);
        close_rig(&r);
    }
}

/* -- Continuations ------------------------------------------------------------------------------------------------- */
enum { JOBS = 6, NEW = 90 };
struct texts {
    struct raml_generated of[JOBS];
    size_t n;
};

static enum raml_code keep(void *user, size_t job, struct raml_generated *g, struct raml_err *err)
{
    (void)err;
    struct texts *t = user;
    t->of[job] = *g;
    t->n++;
    *g = (struct raml_generated){0};
    return RAML_OK;
}

/* Some begin alike, up to and within a page; all go on beyond the window, and into the next page. */
static struct texts generate(const struct rig *r, double temperature, size_t batch)
{
    static const size_t length[JOBS] = {1, 63, 64, 65, 100, 130};
    const struct raml_generate_options o = {
        .batch_size = batch, .sampling = {temperature, 1, 0, 0}, .seed = 9, .end = NULL, .n_ends = 0};
    struct raml_generate_job job[JOBS] = {{0}};
    struct texts out = {0};
    struct raml_generate_guide guide = {.user = &out, .done = keep};
    for (size_t i = 0; i < JOBS; i++)
        job[i] =
            (struct raml_generate_job){.text = r->token, .n_text = length[i], .max_tokens = NEW, .sample = (uint32_t)i};
    MUST(raml_generate(r->m, &o, job, JOBS, &guide, NULL, NULL, err));
    assert_int_equal(out.n, JOBS);
    for (size_t i = 0; i < JOBS; i++) assert_int_equal(out.of[i].n, NEW);
    return out;
}

/* Log-probabilities of what was written, and what is likeliest there, by one pass over the text. */
static void check_written(const struct rig *r, size_t n_text, const struct raml_generated *g, bool greedy)
{
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    float logp[NEW];
    int32_t argmax[NEW];
    const struct raml_logprobs out = {.logp = logp, .argmax = argmax};
    MUST(raml_tree_add(&tree, -1, 0, r->token, n_text, n_text, NULL, err));
    MUST(raml_tree_add(&tree, 0, (uint32_t)n_text, g->token, NEW, 0, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    MUST(raml_pass_open(r->m, false, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &out, err));
    for (size_t k = 0; k < NEW; k++) CHECK_NEAR(r->c.model_type, g->logp[k], logp[k], 1e-4);
    if (greedy) assert_memory_equal(g->token, argmax, sizeof argmax);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
}

static void drop(struct texts *t)
{
    for (size_t i = 0; i < JOBS; i++) raml_generated_deinit(&t->of[i]);
}

static void test_continuations(void **state)
{
    (void)state;
    static const size_t length[JOBS] = {1, 63, 64, 65, 100, 130};
    for (int kind = 0; kind < RIG_KINDS; kind++)
        for (int greedy = 0; greedy < 2; greedy++) {
            struct rig r;
            open_rig(&r, kind, greedy ? 0 : 66);
            struct texts some = generate(&r, greedy ? 0 : 1, 2), all = generate(&r, greedy ? 0 : 1, 16);
            for (size_t i = 0; i < JOBS; i++) {
                assert_memory_equal(some.of[i].token, all.of[i].token, NEW * sizeof *all.of[i].token);
                assert_memory_equal(some.of[i].logp, all.of[i].logp, NEW * sizeof *all.of[i].logp);
                check_written(&r, length[i], &all.of[i], greedy);
            }
            drop(&some);
            drop(&all);
            close_rig(&r);
        }
}

/* -- Implicit updates ---------------------------------------------------------------------------------------------- */
/* What a trajectory does is an update of the matrices only where a layer adds their products as they are. */
static void test_updates(void **state)
{
    (void)state;
    static const uint32_t at[] = {0, 1, 20, TRAJECTORY};
    static const char *const why[RIG_KINDS] = {[RIG_OLMO2] = "olmo2 has norms after attention and MLP",
                                               [RIG_OLMO3] = "olmo3 has norms after attention and MLP",
                                               [RIG_GEMMA3] = "gemma3_text has norms after attention and MLP",
                                               [RIG_GRANITE] = "granite has a multiplier of what is added"};
    for (int kind = 0; kind < RIG_KINDS; kind++) {
        struct rig r;
        struct raml_updater *u = NULL;
        struct raml_err fault = {0};
        const struct raml_update_options opt = raml_update_default();
        open_rig(&r, kind, 0);
        enum raml_code rc = raml_updater_open(r.m, &opt, &u, &fault);
        assert_int_equal(rc, why[kind] ? RAML_ESUPPORT : RAML_OK);
        if (why[kind] && !strstr(fault.msg, why[kind])) fail_msg("'%s', expected '%s'", fault.msg, why[kind]);
        raml_updater_close(u);
        for (int span = 0; span < 2 && !why[kind]; span++) {
            struct raml_update_checked c = {0};
            const struct raml_update_input in = {.text = input_of(&r), .probe = 1};
            MUST(raml_update_check(r.m, &in, at, COUNT(at), span, &c, err));
            CHECK_NEAR(r.c.model_type, c.block, 0, 1e-3 * c.scale);
            if (span) CHECK_NEAR(r.c.model_type, c.logp, 0, 1e-3);
        }
        close_rig(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_curves), cmocka_unit_test(test_landscapes),
                                       cmocka_unit_test(test_continuations), cmocka_unit_test(test_updates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
