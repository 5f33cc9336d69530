/* Slices through weight space: every loss of the oracle, axes on a surface that is known, weights put back to the bit,
 * directions by their norms, bad input. */
#include "inner/lab.h"

#include <math.h>

static size_t n_checked; /* numbers compared with the oracle */

static struct raml_landscape *open_lab(struct lab *b)
{
    struct raml_err err = {0};
    struct raml_landscape *l;
    must(raml_landscape_open(b->model, &b->in, &l, &err), &err);
    return l;
}

static void set(const struct lab *b, struct raml_landscape *l, size_t k, const char *name)
{
    struct raml_err err = {0};
    float *v = lab_vector(b, name);
    must(raml_landscape_set(l, k, v, &err), &err);
    free(v);
}

/* f[a][b] of every frame, first index along the first direction. */
static double check_slice(struct raml_landscape *l, const json_t *slice)
{
    struct raml_err err = {0};
    const json_t *axis = json_object_get(slice, "axis"), *frames = json_object_get(slice, "frames");
    double worst = 0;
    assert_int_equal(json_array_size(frames), 3);
    for (size_t a = 0; a < json_array_size(axis); a++)
        for (size_t c = 0; c < json_array_size(axis); c++) {
            double loss[3];
            must(raml_landscape_loss(l, lab_at(axis, a), lab_at(axis, c), loss, &err), &err);
            for (size_t f = 0; f < 3; f++) {
                const json_t *rows = json_object_get(json_array_get(frames, f), "loss");
                double e = fabs(loss[f] - lab_at(json_array_get(rows, a), c));
                worst = worse_of(worst, e);
                n_checked++;
            }
        }
    return worst;
}

static void oracle_slices(void **state)
{
    (void)state;
    static const struct {
        const char *field, *first, *second;
    } slice[] = {{"filter", "landscape-filter-d1", "landscape-filter-d2"},
                 {"tensor", "landscape-tensor-d1", "landscape-tensor-d2"},
                 {"path", "landscape-path-e1", "landscape-path-e2"}};
    struct lab b;
    lab_open(&b);
    struct raml_landscape *l = open_lab(&b);
    float *before = lab_weights(b.model);
    n_checked = 0;
    for (size_t i = 0; i < COUNT(slice); i++) {
        const json_t *of = i < 2 ? json_object_get(b.want, "slices") : b.want;
        set(&b, l, 0, slice[i].first);
        set(&b, l, 1, slice[i].second);
        double worst = check_slice(l, json_object_get(of, slice[i].field));
        print_message("  %s: worst error %.2e\n", slice[i].field, worst);
        assert_true(worst <= 5e-5); /* losses up to 14, f32 */
    }
    print_message("  %zu losses compared\n", n_checked);
    assert_int_equal(n_checked, 225);
    raml_landscape_close(l);
    float *after = lab_weights(b.model); /* _close puts them back too */
    assert_memory_equal(before, after, raml_model_n(b.model) * sizeof *before);
    free(before);
    free(after);
    lab_close(&b);
}

/* The centre, and a frame, are the loss curve's own values, to the bit: same prompt, same probe. */
static void centre_is_the_curve(void **state)
{
    (void)state;
    struct lab b;
    struct raml_err err = {0};
    const struct raml_trace_options opt = {.stride = 1, .max_batch_tokens = 4096};
    struct raml_loss_curve c;
    struct raml_tracer *t;
    double loss[3];
    lab_open(&b);
    struct raml_landscape *l = open_lab(&b);
    must(raml_landscape_random(l, 0, RAML_DIRECTION_FILTER, 3, &err), &err);
    must(raml_landscape_random(l, 1, RAML_DIRECTION_TENSOR, 3, &err), &err);
    must(raml_landscape_loss(l, 0.7, -0.3, loss, &err), &err);
    must(raml_landscape_loss(l, 0, 0, loss, &err), &err);
    raml_landscape_close(l);
    must(raml_tracer_open(b.model, &opt, &t, &err), &err);
    must(raml_tracer_run(t, &b.in.text, 1, &c, &err), &err);
    for (size_t f = 0; f < 3; f++) assert_true(loss[f] == c.loss[b.frame[f]]);
    raml_loss_curve_deinit(&c);
    raml_tracer_close(t);
    lab_close(&b);
}

/* Every point is computed from θ, not from the last point: whatever was visited before, a point has the same bits. */
static void no_drift(void **state)
{
    (void)state;
    struct lab b;
    struct raml_err err = {0};
    double first[3], again[3];
    lab_open(&b);
    float *before = lab_weights(b.model);
    struct raml_landscape *l = open_lab(&b);
    must(raml_landscape_random(l, 0, RAML_DIRECTION_FILTER, 1, &err), &err);
    must(raml_landscape_random(l, 1, RAML_DIRECTION_FILTER, 1, &err), &err);
    must(raml_landscape_loss(l, 0.5, 0.25, first, &err), &err);
    for (int i = 0; i < 50; i++) must(raml_landscape_loss(l, 0.02 * i - 0.5, 0.3 - 0.01 * i, again, &err), &err);
    must(raml_landscape_loss(l, 0.5, 0.25, again, &err), &err);
    assert_memory_equal(first, again, sizeof first);
    float *away = lab_weights(b.model);
    assert_memory_not_equal(before, away, raml_model_n(b.model) * sizeof *before);
    must(raml_landscape_restore(l, &err), &err);
    float *after = lab_weights(b.model);
    assert_memory_equal(before, after, raml_model_n(b.model) * sizeof *before);
    raml_landscape_close(l);
    free(before);
    free(away);
    free(after);
    lab_close(&b);
}

/* -- Axes, on a surface that is known ---------------------------------------------------------------------------------
 *
 * A model whose head is 0 gives every token the logit 0, so L = ln V. d_1 moves one norm's worth of bias into the head's
 * row of the answer token and d_2 into that of another token; x, the final normed state of the probe's last row, is the
 * same for all points, as no layer is moved. With h = |x|² the answer's logit is a h and the other's b h:
 * L(a, b) = ln(e^{a h} + e^{b h} + V - 2) - a h. It falls along a and rises along b. */
static void axes(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_config c;
    const int32_t prompt[] = {5, 6}, cue[] = {7}, answer[] = {3}, all[] = {5, 6, 7, 3};
    const uint32_t frame[] = {0};
    enum { OTHER = 9 };
    must(far_device_open(2, "auto", &dev, &err), &err);
    must(raml_config_preset("micro", &c, &err), &err);
    c.tied = false;
    must(raml_model_init(&c, 1, RAML_F32, RAML_TRAINING, dev, &m, &err), &err);
    const struct raml_param *table, *head = NULL, *norm = NULL;
    size_t n = raml_model_params(m, &table), d = (size_t)c.hidden_size, V = (size_t)c.vocab_size;
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(table[i].name, "lm_head.weight")) head = &table[i];
        if (!strcmp(table[i].name, "model.norm.weight")) norm = &table[i];
    }
    assert_non_null(head);
    assert_non_null(norm);
    /* x by a head of unit rows: logits of the first d tokens are its entries */
    float *w = lab_weights(m), *x = calloc(V, sizeof *x), *row = calloc(raml_model_n(m), sizeof *row);
    assert_true(d <= V);
    memset(w + head->offset, 0, head->n * sizeof *w);
    for (size_t i = 0; i < d; i++) w[head->offset + i * d + i] = 1;
    size_t bytes = raml_model_n(m) * sizeof *w;
    must(raml_array_write(dev, raml_model_weights(m), w, bytes, &err), &err);
    must(raml_model_refresh(m, &err), &err);
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass;
    must(raml_tree_add(&tree, -1, 0, all, 4, 3, NULL, &err), &err);
    must(raml_pack_add(&pack, &tree, &err), &err);
    must(raml_pass_open(m, false, &pass, &err), &err);
    must(raml_pass_forward(pass, &pack, NULL, &err), &err);
    must(raml_pass_logits(pass, 2, 1, x, &err), &err);
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    double h = 0;
    for (size_t i = 0; i < d; i++) h += (double)x[i] * x[i];
    memset(w + head->offset, 0, head->n * sizeof *w);
    must(raml_array_write(dev, raml_model_weights(m), w, bytes, &err), &err);
    must(raml_model_refresh(m, &err), &err);

    const struct raml_landscape_input in = {.text = {.prompt = prompt,
                                                     .trajectory = NULL,
                                                     .answer_prefix = cue,
                                                     .answer = answer,
                                                     .n_prompt = 2,
                                                     .n_trajectory = 0,
                                                     .n_answer_prefix = 1,
                                                     .n_answer = 1},
                                            .frame = frame,
                                            .n_frames = 1};
    struct raml_landscape *l;
    must(raml_landscape_open(m, &in, &l, &err), &err);
    memcpy(row + head->offset + 3 * d, x, d * sizeof *x);
    must(raml_landscape_set(l, 0, row, &err), &err);
    memset(row, 0, bytes);
    memcpy(row + head->offset + OTHER * d, x, d * sizeof *x);
    must(raml_landscape_set(l, 1, row, &err), &err);
    const double at[] = {-1.5, 0, 0.5, 2};
    for (size_t i = 0; i < COUNT(at); i++)
        for (size_t k = 0; k < COUNT(at); k++) {
            double a = at[i] / h, b = at[k] / h, loss;
            must(raml_landscape_loss(l, a, b, &loss, &err), &err);
            CHECK_NEAR("known surface", loss, log(exp(at[i]) + exp(at[k]) + (double)V - 2) - at[i], 1e-4);
        }
    raml_landscape_close(l);
    free(w);
    free(x);
    free(row);
    raml_model_close(m);
    raml_device_close(dev);
}

/* -- Directions ---------------------------------------------------------------------------------------------------- */

static double norm_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * x[i];
    return sqrt(sum);
}

/* The direction itself: weights at 1 minus weights at 0, to f32's rounding of the sum. */
static float *direction(struct raml_landscape *l, const struct raml_model *m, const float *theta,
                        enum raml_direction_kind kind, uint64_t seed)
{
    struct raml_err err = {0};
    double loss[3];
    must(raml_landscape_random(l, 0, kind, seed, &err), &err);
    must(raml_landscape_loss(l, 1, 0, loss, &err), &err);
    float *at = lab_weights(m);
    for (size_t i = 0; i < raml_model_n(m); i++) at[i] -= theta[i];
    return at;
}

static void norms(void **state)
{
    (void)state;
    struct lab b;
    lab_open(&b);
    const struct raml_param *table;
    size_t n = raml_model_params(b.model, &table);
    struct raml_landscape *l = open_lab(&b);
    float *theta = lab_weights(b.model);
    const json_t *slices = json_object_get(b.want, "slices");
    for (int kind = RAML_DIRECTION_FILTER; kind <= RAML_DIRECTION_TENSOR; kind++) {
        float *d = direction(l, b.model, theta, (enum raml_direction_kind)kind, 5);
        const json_t *want = json_array_get(
            json_object_get(json_object_get(slices, raml_direction_name((enum raml_direction_kind)kind)), "norms"), 0);
        for (size_t i = 0; i < n; i++) { /* norms depend on θ alone, not on what was drawn */
            CHECK_NEAR(table[i].name, norm_of(d + table[i].offset, table[i].n), lab_number(want, table[i].name), 2e-5);
            size_t K = table[i].n_dims > 1 ? table[i].shape[1] : 1;
            for (size_t r = 0; kind == RAML_DIRECTION_FILTER && table[i].n_dims > 1 && r < table[i].shape[0]; r++)
                CHECK_NEAR("row", norm_of(d + table[i].offset + r * K, K), norm_of(theta + table[i].offset + r * K, K),
                           2e-6);
        }
        free(d);
    }
    free(theta);
    raml_landscape_close(l);
    lab_close(&b);
}

/* Gaussian before they are scaled, different by number and seed, the same for any number of threads. */
static void draws(void **state)
{
    (void)state;
    struct lab b;
    struct raml_err err = {0};
    lab_open(&b);
    const struct raml_param *table;
    raml_model_params(b.model, &table);
    struct raml_landscape *l = open_lab(&b);
    float *theta = lab_weights(b.model);
    float *one = direction(l, b.model, theta, RAML_DIRECTION_FILTER, 5),
          *two = direction(l, b.model, theta, RAML_DIRECTION_FILTER, 6);
    size_t N = raml_model_n(b.model);
    double dot = 0;
    for (size_t i = 0; i < N; i++) dot += (double)one[i] * two[i];
    assert_true(fabs(dot) <= 0.03 * norm_of(one, N) * norm_of(two, N));                 /* 1 / sqrt(54192) = 0.0043 */
    double fourth = 0, K = (double)table[0].shape[1], rows = (double)table[0].shape[0]; /* the embedding */
    for (size_t r = 0; r < table[0].shape[0]; r++) {
        const float *x = one + table[0].offset + r * table[0].shape[1];
        double s = norm_of(x, table[0].shape[1]) / sqrt(K);
        for (size_t i = 0; i < table[0].shape[1]; i++) fourth += pow(x[i] / s, 4) / (K * rows);
    }
    CHECK_NEAR("kurtosis", fourth, 3 * K / (K + 2), 0.15); /* of a row scaled to its norm */
    raml_landscape_close(l);
    raml_model_close(b.model);
    raml_device_close(b.dev);
    must(far_device_open(1, "auto", &b.dev, &err), &err);
    must(raml_model_open(RAML_SHARED "/golden/qwen2-tied", RAML_F32, RAML_TRAINING, b.dev, &b.model, &err), &err);
    l = open_lab(&b);
    float *again = direction(l, b.model, theta, RAML_DIRECTION_FILTER, 5);
    assert_memory_equal(one, again, N * sizeof *one);
    must(raml_landscape_random(l, 1, RAML_DIRECTION_FILTER, 5, &err), &err); /* number 1 of the seed is another */
    double loss[3];
    must(raml_landscape_loss(l, 0, 1, loss, &err), &err);
    float *second = lab_weights(b.model);
    dot = 0;
    for (size_t i = 0; i < N; i++) dot += (double)one[i] * ((double)second[i] - theta[i]);
    assert_true(fabs(dot) <= 0.03 * norm_of(one, N) * norm_of(one, N));
    raml_landscape_close(l);
    free(theta);
    free(one);
    free(two);
    free(again);
    free(second);
    lab_close(&b);
}

/* -- The path ------------------------------------------------------------------------------------------------------ */

/* Coordinates, shares, distances of the trajectory's points, and the directions themselves. */
static void path(void **state)
{
    (void)state;
    struct lab b;
    struct raml_err err = {0};
    struct raml_landscape_path p = {0};
    lab_open(&b);
    const json_t *want = json_object_get(b.want, "path");
    struct raml_landscape *l = open_lab(&b);
    float *theta = lab_weights(b.model);
    size_t n = raml_model_n(b.model);
    must(raml_landscape_set_path(l, 1, &p, &err), &err);
    assert_int_equal(p.n, 13);
    double worst = 0, loss[3];
    n_checked = 0;
#define NEAR(got, want_, tol)                                                                                          \
    do {                                                                                                               \
        double e_ = fabs((got) - (want_));                                                                             \
        worst = worse_of(worst, e_);                                                                                   \
        CHECK_NEAR(#got, (got), (want_), (tol));                                                                       \
        n_checked++;                                                                                                   \
    } while (0)
    for (size_t i = 0; i < p.n; i++) {
        const json_t *at = json_array_get(json_object_get(want, "coordinates"), i);
        assert_int_equal(p.at[i], i);
        NEAR(p.x[i], lab_at(at, 0), 1e-5);
        NEAR(p.y[i], lab_at(at, 1), 1e-5);
        NEAR(p.length[i], lab_at(json_object_get(want, "length"), i), 1e-5);
        NEAR(p.off_plane[i], lab_at(json_object_get(want, "off_plane"), i), 1e-5);
        NEAR(p.loss[i], lab_at(json_object_get(want, "loss"), i), 1e-5);
    }
    for (size_t k = 0; k < 2; k++) {
        NEAR(p.explained[k], lab_at(json_object_get(want, "explained"), k), 1e-5);
        NEAR(p.singular[k], lab_at(json_object_get(want, "singular_values"), k), 1e-5);
    }
    print_message("  %zu numbers, worst error %.2e\n", n_checked, worst);
    assert_int_equal(n_checked, 69);
    for (size_t i = 0; i < p.n; i++) { /* heights at the projected points, with L(0)'s input */
        must(raml_landscape_loss(l, p.x[i], p.y[i], loss, &err), &err);
        CHECK_NEAR("height", loss[0], lab_at(json_object_get(want, "loss_projected"), i), 5e-5);
    }
    assert_true(check_slice(l, want) <= 5e-5); /* our own directions, not the stored ones */
    for (size_t k = 0; k < 2; k++) {           /* the direction, by weights that started at 0 */
        double norm;
        must(raml_landscape_norm(l, k, &norm, &err), &err);
        CHECK_NEAR("norm", norm, 1, 1e-5);
        float *e = lab_vector(&b, k ? "landscape-path-e2" : "landscape-path-e1");
        must(raml_landscape_loss(l, k ? 0 : 1, k ? 1 : 0, loss, &err), &err);
        float *at = lab_weights(b.model);
        for (size_t i = 0; i < n; i++) assert_true(fabs((double)at[i] - theta[i] - e[i]) <= 1e-5);
        free(e);
        free(at);
    }
    double cleared;
    raml_landscape_clear(l);
    must(raml_landscape_norm(l, 0, &cleared, &err), &err);
    assert_true(cleared == 0);
    must(raml_landscape_loss(l, 1, 1, loss, &err), &err);
    for (size_t f = 0; f < 3; f++) assert_true(loss[f] == p.loss[b.frame[f]]); /* nothing moves */
    raml_landscape_path_deinit(&p);
    must(raml_landscape_set_path(l, 5, &p, &err), &err); /* 0, 5, 10, 12 */
    assert_int_equal(p.n, 4);
    assert_int_equal(p.at[3], 12);
    CHECK_NEAR("length", p.length[2], lab_at(json_object_get(want, "length"), 10), 1e-5);
    raml_landscape_path_deinit(&p);
    assert_int_equal(raml_landscape_set_path(l, 12, &p, &err), RAML_ERANGE);
    assert_true(has(err.msg, "a path needs two prefixes"));
    free(theta);
    raml_landscape_close(l);
    lab_close(&b);
}

static void frames(void **state)
{
    (void)state;
    struct raml_err err = {0};
    uint32_t *f;
    size_t n;
    must(raml_landscape_parse_frames("100%,0,50%,7,12", 12, &f, &n, &err), &err);
    const uint32_t want[] = {0, 6, 7, 12};
    assert_int_equal(n, 4);
    assert_memory_equal(f, want, sizeof want);
    free(f);
    static const struct {
        const char *text;
        enum raml_code code;
        const char *what;
    } bad[] = {
        {"", RAML_EUSAGE, "found ''"},           {"1,", RAML_EUSAGE, "found ''"},
        {"1.5", RAML_EUSAGE, "found '1.5'"},     {"-1", RAML_EUSAGE, "found '-1'"},
        {"5%%", RAML_EUSAGE, "found '5%%'"},     {"13", RAML_ERANGE, "13 is beyond the trajectory, which has 12"},
        {"101%", RAML_ERANGE, "101% is beyond"}, {"nan", RAML_EUSAGE, "found 'nan'"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(raml_landscape_parse_frames(bad[i].text, 12, &f, &n, &err), bad[i].code);
        assert_true(has(err.msg, bad[i].what));
    }
}

/* -- Bad input, and failures ---------------------------------------------------------------------------------------- */

static void refuses(struct raml_model *m, const struct raml_landscape_input *in, enum raml_code code, const char *what)
{
    struct raml_err err = {0};
    struct raml_landscape *l;
    assert_int_equal(raml_landscape_open(m, in, &l, &err), code);
    assert_true(has(err.msg, what));
}

static void bad_input(void **state)
{
    (void)state;
    struct lab b;
    struct raml_err err = {0};
    struct raml_model *reading;
    lab_open(&b);
    struct raml_landscape_input in = b.in;
    const uint32_t falling[] = {3, 3}, beyond[] = {13};
    in.frame = falling;
    in.n_frames = 2;
    refuses(b.model, &in, RAML_ERANGE, "frame 1 is after 3 tokens, frame 2 after 3; expected rising ones");
    in.frame = beyond;
    in.n_frames = 1;
    refuses(b.model, &in, RAML_ERANGE, "frame 1 is after 13 tokens; the trajectory has 12");
    in.n_frames = 0;
    refuses(b.model, &in, RAML_ERANGE, "no frame");
    in = b.in;
    in.text.n_answer = 0;
    refuses(b.model, &in, RAML_ERANGE, "the answer has no token");
    const int32_t wild[] = {1 << 20};
    in = b.in;
    in.text.prompt = wild;
    in.text.n_prompt = 1;
    refuses(b.model, &in, RAML_ERANGE, "prompt: token 1 is 1048576");
    must(raml_model_open(RAML_SHARED "/golden/qwen2-tied", RAML_F32, RAML_INFERENCE, b.dev, &reading, &err), &err);
    refuses(reading, &b.in, RAML_EUSAGE, "opened for inference");
    raml_model_close(reading);
    struct raml_landscape *l = open_lab(&b);
    assert_int_equal(raml_landscape_random(l, 2, RAML_DIRECTION_FILTER, 0, &err), RAML_ERANGE);
    assert_int_equal(raml_landscape_random(l, 0, RAML_DIRECTION_PATH, 0, &err), RAML_EUSAGE);
    raml_landscape_close(l);
    lab_close(&b);
}

/* A weight that is infinite makes losses that are no numbers, not an error: the surface has a hole. */
static void holes(void **state)
{
    (void)state;
    struct lab b;
    struct raml_err err = {0};
    double loss[3];
    lab_open(&b);
    struct raml_landscape *l = open_lab(&b);
    must(raml_landscape_random(l, 0, RAML_DIRECTION_FILTER, 0, &err), &err);
    must(raml_landscape_loss(l, 1e30, 0, loss, &err), &err);
    for (size_t f = 0; f < 3; f++) assert_true(!(loss[f] >= 0 && loss[f] < 1));
    must(raml_landscape_restore(l, &err), &err);
    raml_landscape_close(l);
    lab_close(&b);
}

/* A random walk's shares: the Gram matrix min(i, j) times sin((2 k + 1) π i / (2 n + 1)), i from 1, is λ_k times it. */
static void walk_share(void **state)
{
    (void)state;
    for (size_t n = 1; n <= 40; n++) {
        double sum = 0;
        for (size_t k = 0; k < n; k++) {
            double share = raml_landscape_walk_share(n, k), turn = (double)(2 * k + 1) * acos(-1) / (double)(2 * n + 1);
            sum += share;
            for (size_t i = 1; i <= n; i++) {
                double product = 0;
                for (size_t j = 1; j <= n; j++) product += (double)(i < j ? i : j) * sin(turn * (double)j);
                CHECK_NEAR("λ v", share * (double)(n * (n + 1)) / 2 * sin(turn * (double)i), product, 1e-9 * (double)n);
            }
        }
        CHECK_NEAR("sum of shares", sum, 1, 1e-12);
    }
    CHECK_NEAR("beyond the last", raml_landscape_walk_share(3, 3), 0, 0);
    CHECK_NEAR("no point", raml_landscape_walk_share(0, 0), 0, 0);
    CHECK_NEAR("a long walk", raml_landscape_walk_share(100000, 0), 8 / (acos(-1) * acos(-1)), 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oracle_slices), cmocka_unit_test(centre_is_the_curve),
        cmocka_unit_test(no_drift),      cmocka_unit_test(axes),
        cmocka_unit_test(norms),         cmocka_unit_test(draws),
        cmocka_unit_test(path),          cmocka_unit_test(walk_share),
        cmocka_unit_test(frames),        cmocka_unit_test(bad_input),
        cmocka_unit_test(holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
