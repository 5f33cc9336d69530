/* Passes over a step in packs: loss and gradient are those of one whole evaluation over rows that ran alone, for any
 * micro-batches and packing; and of central differences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "outer/packs.h"
#include "outer/trainer.h"
#include "raml/policy.h"
#include "raml/rng.h"

enum { GROUPS = 7, MOST_ROWS = 40, PROMPT = 9, LENGTH = 41 };

/* Rows of random tokens: groups of one to five, of lengths that no tile is made for. */
struct rows {
    size_t n_groups, n_rows, n;
    int32_t prompt[GROUPS][PROMPT], token[MOST_ROWS][LENGTH];
    size_t n_prompt[GROUPS], length[MOST_ROWS], start[MOST_ROWS + 1];
    uint32_t group[MOST_ROWS];
    float *weight;         /* [n] */
    float *logp, *entropy; /* [n] of every row in a tree of its own */
    float *old, *ref, *mu; /* [n] */
    double *advantage, *scale, *entropy_scale, *d_logp, *d_entropy;
};

struct rig {
    struct bench *bench;
    struct rows rows;
    struct raml_policy_options options;
    struct raml_policy policy;
    double *gradient; /* [model] of the plain reference */
    double loss;
};

static double uniform(struct raml_rng *r)
{
    return (double)raml_rng_below(r, 1U << 24) / (double)(1U << 24);
}

static void draw_rows(struct rows *x, struct raml_rng *rng)
{
    static const size_t lengths[] = {1, 2, 17, 7, 33, 3, 16, 31, 5, 40, 1, 8, 15};
    for (size_t g = 0; g < GROUPS; g++) {
        x->n_prompt[g] = 1 + g % PROMPT;
        for (size_t i = 0; i < x->n_prompt[g]; i++) x->prompt[g][i] = (int32_t)raml_rng_below(rng, 256);
        for (size_t k = 0; k < 1 + (g * 3) % 5; k++) {
            size_t r = x->n_rows++;
            x->group[r] = (uint32_t)g;
            x->length[r] = lengths[r % COUNT(lengths)];
            for (size_t i = 0; i < x->length[r]; i++) x->token[r][i] = (int32_t)raml_rng_below(rng, 256);
            x->start[r + 1] = x->n += x->length[r];
        }
    }
}

static void add_row(const struct rows *x, size_t r, struct raml_tree *tree)
{
    struct raml_err err = {0};
    int32_t span;
    size_t n = x->length[r];
    CHECK_OK(raml_tree_add(tree, 0, tree->span[0].n, x->token[r], n - 1, 0, &span, &err));
    CHECK_OK(raml_tree_add_end_target(tree, span, x->token[r][n - 1], &err));
}

static void add_prompt(const struct rows *x, size_t g, struct raml_tree *tree)
{
    struct raml_err err = {0};
    CHECK_OK(raml_tree_add(tree, -1, 0, x->prompt[g], x->n_prompt[g], x->n_prompt[g], NULL, &err));
}

/* Log-probabilities and entropies of every row alone; the terms around them. */
static void read_alone(struct rig *rig, double noise)
{
    struct raml_err err = {0};
    struct rows *x = &rig->rows;
    struct raml_rng rng = {{.seed = 77, .purpose = RAML_FOR_SHUFFLE}, 0};
    struct raml_packs p;
    CHECK_OK(raml_packs_init(&p, rig->bench->model, 1, false, &err));
    for (size_t r = 0; r < x->n_rows; r++) {
        struct raml_tree tree = {0};
        add_prompt(x, x->group[r], &tree);
        add_row(x, r, &tree);
        CHECK_OK(raml_packs_forward(&p, &tree, 1, x->logp + x->start[r], x->entropy + x->start[r], &err));
        raml_tree_deinit(&tree);
    }
    raml_packs_deinit(&p);
    for (size_t i = 0; i < x->n; i++) {
        double logp = (double)x->logp[i];
        x->old[i] = (float)(logp + noise * (uniform(&rng) - 0.5));
        x->ref[i] = (float)(logp + noise * (uniform(&rng) - 0.5));
        x->mu[i] = (float)(logp + noise * (uniform(&rng) - 0.5));
        x->advantage[i] = 2 * uniform(&rng) - 1;
        x->weight[i] = raml_rng_below(&rng, 7) ? 1.0F : 0.0F;
    }
    const struct raml_comm *one = raml_comm_alone();
    CHECK_OK(raml_aggregation(&rig->options, RAML_TERM_POLICY, x->n_rows, x->start, x->weight, one, x->scale, &err));
    CHECK_OK(raml_aggregation(&rig->options, RAML_TERM_ENTROPY, x->n_rows, x->start, x->weight, one, x->entropy_scale,
                              &err));
}

/* A tree for each group, or for each row; rows and tokens come in the same order. */
static void fill_step(const struct rig *rig, bool shared, bool old, struct raml_step *s)
{
    struct raml_err err = {0};
    const struct rows *x = &rig->rows;
    *s = (struct raml_step){.has = RAML_STEP_MU | RAML_STEP_REF | RAML_STEP_ADVANTAGE | RAML_STEP_CORRECTION |
                                   RAML_STEP_SCALE | RAML_STEP_TERM_SCALES | (old ? RAML_STEP_OLD : 0U)};
    for (size_t r = 0; r < x->n_rows;) {
        struct raml_tree *tree;
        size_t first;
        uint32_t g = x->group[r];
        CHECK_OK(raml_step_tree(s, &tree, &err));
        add_prompt(x, g, tree);
        do add_row(x, r++, tree);
        while (shared && r < x->n_rows && x->group[r] == g);
        CHECK_OK(raml_step_rows(s, &first, &err));
    }
    assert_int_equal(s->n, x->n);
    memcpy(s->weight, x->weight, x->n * sizeof *x->weight);
    if (old) memcpy(s->old_logp, x->old, x->n * sizeof *x->old);
    memcpy(s->ref_logp, x->ref, x->n * sizeof *x->ref);
    memcpy(s->mu_logp, x->mu, x->n * sizeof *x->mu);
    memcpy(s->advantage, x->advantage, x->n * sizeof *x->advantage);
    memcpy(s->scale, x->scale, x->n * sizeof *x->scale);
    memcpy(s->kl_scale, x->scale, x->n * sizeof *x->scale);
    memcpy(s->entropy_scale, x->entropy_scale, x->n * sizeof *x->entropy_scale);
    for (size_t i = 0; i < x->n; i++) s->total += (double)x->weight[i];
}

/* One evaluation of all rows; every row's gradient by itself, added in double. */
static void plain(struct rig *rig, const struct raml_objective *o, bool old)
{
    struct raml_err err = {0};
    struct rows *x = &rig->rows;
    const struct raml_model *m = rig->bench->model;
    size_t n = raml_model_n(m);
    struct raml_step s;
    fill_step(rig, false, old, &s);
    struct raml_terms terms = raml_step_terms(&s, 0, s.n_rows, true);
    terms.logp = x->logp;
    terms.entropy = x->entropy;
    struct raml_objective_out out = {.d_logp = x->d_logp, .d_entropy = x->d_entropy};
    CHECK_OK(o->evaluate(o->user, &terms, &out, &err));
    rig->loss = out.loss;
    memset(rig->gradient, 0, n * sizeof *rig->gradient);
    struct raml_pass *pass;
    CHECK_OK(raml_pass_open(m, true, &pass, &err));
    for (size_t r = 0; r < x->n_rows; r++) {
        struct raml_pack pack = {0};
        float *grad = calloc(n, sizeof *grad), d_logp[LENGTH], d_entropy[LENGTH], logp[LENGTH];
        assert_non_null(grad);
        for (size_t i = 0; i < x->length[r]; i++) {
            d_logp[i] = (float)x->d_logp[x->start[r] + i];
            d_entropy[i] = (float)x->d_entropy[x->start[r] + i];
        }
        const struct raml_logprobs said = {.logp = logp};
        CHECK_OK(raml_pack_add(&pack, &s.tree[r], &err));
        CHECK_OK(raml_pass_forward(pass, &pack, &said, &err));
        CHECK_OK(host_backward(pass, d_logp, d_entropy, grad, &err));
        for (size_t i = 0; i < n; i++) rig->gradient[i] += (double)grad[i];
        free(grad);
        raml_pack_deinit(&pack);
    }
    raml_pass_close(pass);
    raml_step_deinit(&s);
}

static double *doubles(size_t n)
{
    double *x = calloc(n + 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static float *floats(size_t n)
{
    float *x = calloc(n + 1, sizeof *x);
    assert_non_null(x);
    return x;
}

static int setup_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    void *bench;
    setup(&bench);
    rig->bench = bench;
    new_model(rig->bench, NULL);
    struct rows *x = &rig->rows;
    struct raml_rng rng = {{.seed = 21, .purpose = RAML_FOR_SHUFFLE}, 0};
    draw_rows(x, &rng);
    float **const f[] = {&x->weight, &x->logp, &x->entropy, &x->old, &x->ref, &x->mu};
    double **const d[] = {&x->advantage, &x->scale, &x->entropy_scale, &x->d_logp, &x->d_entropy};
    for (size_t i = 0; i < COUNT(f); i++) *f[i] = floats(x->n);
    for (size_t i = 0; i < COUNT(d); i++) *d[i] = doubles(x->n);
    rig->gradient = doubles(raml_model_n(rig->bench->model));
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &rig->options);
    rig->policy.options = &rig->options;
    *state = rig;
    return 0;
}

static int teardown_rig(void **state)
{
    struct rig *rig = *state;
    struct rows *x = &rig->rows;
    void *const all[] = {x->weight,    x->logp,  x->entropy,       x->old,    x->ref,       x->mu,
                         x->advantage, x->scale, x->entropy_scale, x->d_logp, x->d_entropy, rig->gradient};
    for (size_t i = 0; i < COUNT(all); i++) free(all[i]);
    void *bench = rig->bench;
    free(rig);
    return teardown(&bench);
}

/* Loss and gradient by packs. *grad: [model], to be freed. */
static double by_packs(const struct rig *rig, const struct raml_objective *o, size_t micro_batch_tokens, bool shared,
                       bool old, float **grad)
{
    struct raml_err err = {0};
    const struct raml_model *m = rig->bench->model;
    const struct raml_device *dev = rig->bench->dev;
    size_t n = raml_model_n(m);
    double loss = NAN, again = NAN;
    struct raml_step s;
    struct raml_packs p;
    struct raml_statistics said = {0};
    float *g = raml_array_new(dev, raml_gradient_n(m), sizeof *g);
    assert_non_null(g);
    fill_step(rig, shared, old, &s);
    CHECK_OK(raml_packs_init(&p, m, micro_batch_tokens, true, &err));
    CHECK_OK(raml_array_zero(dev, g, raml_gradient_n(m) * sizeof *g, &err));
    CHECK_OK(raml_packs_train(&p, o, &s, g, &loss, &said, &err));
    for (size_t i = 0; i < s.n; i++) CHECK_NEAR("logp", (double)s.logp[i], (double)rig->rows.logp[i], 1e-5);
    CHECK_OK(raml_packs_loss(&p, o, &s, &again, NULL, &err));
    CHECK_NEAR("the loss alone", again, loss, 1e-9);
    CHECK_OK(raml_gradient_join(m, g, &err));
    *grad = floats(n);
    CHECK_OK(raml_array_read(dev, *grad, g, n * sizeof **grad, &err));
    raml_array_free(dev, g);
    raml_packs_deinit(&p);
    raml_step_deinit(&s);
    return loss;
}

static const size_t splits[] = {1, 37, 100, 333, 100000};

/* Every split and packing against the plain reference. *worst: the largest relative differences of loss and gradient. */
static void check_splits(struct rig *rig, const char *name, const struct raml_objective *o, bool old, double worst[2])
{
    size_t n = raml_model_n(rig->bench->model);
    double largest = 0;
    float *first[2] = {NULL};
    plain(rig, o, old);
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs(rig->gradient[i]));
    assert_true(largest > 1e-4);
    for (size_t split = 0; split < COUNT(splits); split++)
        for (int shared = 0; shared < 2; shared++) {
            float *grad;
            double loss = by_packs(rig, o, splits[split], shared, old, &grad), apart = 0;
            for (size_t i = 0; i < n; i++) {
                double d = fabs((double)grad[i] - rig->gradient[i]);
                if (!(d <= apart)) apart = d;
            }
            CHECK_NEAR(name, loss, rig->loss, 1e-6 * fmax(1, fabs(rig->loss)));
            CHECK_NEAR(name, apart / largest, 0, 1e-6);
            worst[0] = fmax(worst[0], fabs(loss - rig->loss) / fmax(1, fabs(rig->loss)));
            worst[1] = fmax(worst[1], apart / largest);
            if (first[shared])
                assert_memory_equal(grad, first[shared], n * sizeof *grad); /* the split changes no bit */
            else first[shared] = grad;
            if (first[shared] != grad) free(grad);
        }
    free(first[0]);
    free(first[1]);
    print_message("  %-34s loss %9.6f, largest coefficient of the gradient %.3g\n", name, rig->loss, largest);
}

static void set(struct rig *rig, const char *settings)
{
    struct raml_err err = {0};
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &rig->options);
    CHECK_OK(raml_settings_apply(raml_policy_settings, raml_n_policy_settings, &rig->options, settings, &err));
    CHECK_OK(raml_policy_check(&rig->options, &err));
}

static const struct {
    const char *name, *settings;
    bool on_policy;
} policies[] = {
    {"GRPO, before any update", "", true},
    {"GRPO with entropy and KL", "beta=0.3 entropy_coef=0.05", false},
    {"GRPO, KL bias-corrected", "beta=0.3 kl_estimator=k3-corrected entropy_coef=0.02 dual_clip=3", false},
    {"GSPO with entropy and KL", "ratio_level=sequence epsilon=0.02 epsilon_high=0.02 beta=0.1 entropy_coef=0.05",
     false},
    {"CISPO, sums of rows", "policy_loss=cispo ratio_high=1.2 loss_aggregation=seq-mean-token-sum", false},
    {"highest entropies, entropy and KL", "top_entropy_quantile=0.4 beta=0.3 entropy_coef=0.05", false},
};

static void test_splits(void **state)
{
    struct rig *rig = *state;
    double worst[2] = {0};
    const struct raml_objective sft = raml_sft_objective(), dft = raml_dft_objective();
    read_alone(rig, 1);
    check_splits(rig, "SFT", &sft, true, worst);
    check_splits(rig, "DFT", &dft, true, worst);
    for (size_t i = 0; i < COUNT(policies); i++) {
        set(rig, policies[i].settings);
        rig->policy.on_policy = policies[i].on_policy;
        read_alone(rig, 1);
        const struct raml_objective o = raml_policy_objective(&rig->policy);
        assert_true(o.constant == policies[i].on_policy);
        assert_true((o.scope == RAML_SCOPE_STEP) == (rig->options.top_entropy_quantile < 1));
        check_splits(rig, policies[i].name, &o, !policies[i].on_policy, worst);
    }
    print_message("  five splits, two packings: losses differ by %.2g at most, gradients by %.2g (relative)\n",
                  worst[0], worst[1]);
}

/* What an objective has to see does not change what it gives. */
static void test_scopes(void **state)
{
    struct rig *rig = *state;
    size_t n = raml_model_n(rig->bench->model);
    set(rig, "beta=0.3 entropy_coef=0.05");
    read_alone(rig, 1);
    struct raml_objective o = raml_policy_objective(&rig->policy);
    assert_int_equal(o.scope, RAML_SCOPE_GROUP);
    for (size_t split = 0; split < COUNT(splits); split++) {
        float *one, *two;
        o.scope = RAML_SCOPE_GROUP;
        double a = by_packs(rig, &o, splits[split], true, true, &one);
        o.scope = RAML_SCOPE_STEP;
        double b = by_packs(rig, &o, splits[split], true, true, &two);
        CHECK_NEAR("loss", a, b, 1e-12);
        assert_memory_equal(one, two, n * sizeof *one);
        free(one);
        free(two);
    }
}

static double loss_at(struct rig *rig, const struct raml_objective *o, float *weights)
{
    struct raml_err err = {0};
    struct raml_packs p;
    struct raml_step s;
    double loss = NAN;
    CHECK_OK(host_set_weights(rig->bench->model, weights, &err));
    fill_step(rig, true, true, &s);
    CHECK_OK(raml_packs_init(&p, rig->bench->model, 200, false, &err));
    CHECK_OK(raml_packs_loss(&p, o, &s, &loss, NULL, &err));
    raml_packs_deinit(&p);
    raml_step_deinit(&s);
    return loss;
}

/* (loss(w + h) - loss(w - h)) / 2h of parameter i. */
static double difference(struct rig *rig, const struct raml_objective *o, size_t i, float h)
{
    float *up = host_weights(rig->bench->model), *down = host_weights(rig->bench->model),
          *back = host_weights(rig->bench->model);
    double by = ((double)up[i] + (double)h) - ((double)down[i] - (double)h);
    up[i] += h;
    down[i] -= h;
    double d = (loss_at(rig, o, up) - loss_at(rig, o, down)) / by;
    struct raml_err err = {0};
    CHECK_OK(host_set_weights(rig->bench->model, back, &err));
    return d;
}

static void test_differences(void **state)
{
    struct rig *rig = *state;
    static const char *const settings[] = {"beta=0.5 entropy_coef=0.1",
                                           "policy_loss=reinforce beta=0.5 kl_estimator=k2 entropy_coef=-0.2",
                                           "ratio_level=sequence beta=0.2 entropy_coef=0.1"};
    const struct raml_param *table;
    size_t n_params = raml_model_params(rig->bench->model, &table), n = 0;
    double worst = 0;
    for (size_t k = 0; k < COUNT(settings); k++) {
        set(rig, settings[k]);
        read_alone(rig, 0.1); /* within the clip's bounds, which have no slope */
        const struct raml_objective o = raml_policy_objective(&rig->policy);
        float *grad;
        double largest = 0;
        by_packs(rig, &o, 100, true, true, &grad);
        for (size_t i = 0; i < raml_model_n(rig->bench->model); i++) largest = fmax(largest, fabs((double)grad[i]));
        for (size_t p = 0; p < n_params; p += 5) { /* of some tensors, the parameter with the largest slope */
            size_t at = table[p].offset;
            for (size_t i = at; i < table[p].offset + table[p].n; i++)
                if (fabsf(grad[i]) > fabsf(grad[at])) at = i;
            double d = difference(rig, &o, at, 4e-3F);
            CHECK_NEAR(table[p].name, d, (double)grad[at], 2e-3 * largest);
            worst = fmax(worst, fabs(d - (double)grad[at]) / largest);
            n++;
        }
        free(grad);
    }
    print_message("  %zu central differences, at most %.2g from the gradient (of its largest coefficient)\n", n, worst);
}

/* Trees one at a time give the whole. */
static void test_trees_alone(void **state)
{
    struct rig *rig = *state;
    struct raml_err err = {0};
    const struct raml_model *m = rig->bench->model;
    const struct raml_device *dev = rig->bench->dev;
    size_t n = raml_model_n(m);
    set(rig, "beta=0.3 entropy_coef=0.05");
    read_alone(rig, 1);
    const struct raml_objective o = raml_policy_objective(&rig->policy);
    struct raml_step s;
    struct raml_packs p;
    struct raml_statistics said = {0};
    double loss, largest = 0;
    float *whole = floats(n), *sum = floats(n), *g = raml_array_new(dev, raml_gradient_n(m), sizeof *g);
    fill_step(rig, true, true, &s);
    CHECK_OK(raml_packs_init(&p, m, 150, true, &err));
    for (int alone = 0; alone < 2; alone++) {
        CHECK_OK(raml_array_zero(dev, g, raml_gradient_n(m) * sizeof *g, &err));
        if (!alone) CHECK_OK(raml_packs_train(&p, &o, &s, g, &loss, &said, &err));
        for (size_t tree = 0; alone && tree < s.n_trees; tree++)
            CHECK_OK(raml_packs_backward_tree(&p, &o, &s, tree, g, &err));
        CHECK_OK(raml_gradient_join(m, g, &err));
        CHECK_OK(raml_array_read(dev, alone ? sum : whole, g, n * sizeof *g, &err));
    }
    for (size_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)whole[i]));
    for (size_t i = 0; i < n; i++) CHECK_NEAR("gradient", (double)sum[i], (double)whole[i], 1e-6 * largest);
    raml_array_free(dev, g);
    free(whole);
    free(sum);
    raml_packs_deinit(&p);
    raml_step_deinit(&s);
}

/* A rank that has no tree takes part all the same: nothing is read, and the loss is 0. */
static void test_without_trees(void **state)
{
    struct rig *rig = *state;
    struct raml_err err = {0};
    set(rig, "top_entropy_quantile=0.4 entropy_coef=0.1");
    const struct raml_objective o = raml_policy_objective(&rig->policy);
    struct raml_step s = {.has = RAML_STEP_ADVANTAGE | RAML_STEP_SCALE, .total = 12};
    struct raml_packs p;
    double loss = NAN;
    struct raml_statistics said = {0};
    static double none;
    static float nothing;
    s.advantage = s.scale = &none; /* as a step that had rows before has them */
    s.entropy = s.logp = &nothing;
    CHECK_OK(raml_packs_init(&p, rig->bench->model, 100, true, &err));
    CHECK_OK(raml_packs_train(&p, &o, &s, NULL, &loss, &said, &err));
    assert_true(loss == 0);
    CHECK_OK(raml_packs_loss(&p, &o, &s, &loss, NULL, &err));
    assert_true(loss == 0);
    raml_packs_deinit(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_rig, teardown_rig)
int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_splits), TEST(test_scopes), TEST(test_differences),
                                       TEST(test_trees_alone), TEST(test_without_trees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
