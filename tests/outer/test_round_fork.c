/* test_round_fork.c - samples that fork: advantages of segments by hand, the gradient of the tree against that of its
 * paths, which tokens are left, what does not depend on how things are split, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "outer/trainer.h"

#include "outer/round.h"
#include "raml/buf.h"

/* -- Groups made by hand ------------------------------------------------------------------------------------------- */

enum { G = 5, LONGEST = 8, N_PROMPT = 4 };

/* Samples 0 and 1; forks of sample 0 after 2 and 4 tokens, of sample 1 after none. The second group has the same samples
 * without a fork. */
static const struct {
    size_t n, shared;
    int parent;
    double reward;
} plan[G] = {{6, 0, -1, 1}, {4, 0, -1, 2}, {5, 2, 0, 4}, {7, 4, 0, 10}, {3, 0, 1, 11}};

struct made {
    struct raml_round round;
    struct raml_rollout_group *used[2], group[2];
    struct raml_rollout sample[2][G];
    struct raml_question question;
    int32_t prompt[N_PROMPT], token[2][G][LONGEST];
    float logp[LONGEST];
};

static void make(struct made *m)
{
    struct raml_err err = {0};
    memset(m, 0, sizeof *m);
    m->round.arena = raml_arena_open(1 << 20);
    assert_non_null(m->round.arena);
    for (size_t i = 0; i < LONGEST; i++) m->logp[i] = i == 5 ? NAN : -(float)i; /* the sixth was forced */
    for (size_t i = 0; i < N_PROMPT; i++) m->prompt[i] = (int32_t)(10 + i);
    for (size_t g = 0; g < 2; g++) {
        m->group[g] = (struct raml_rollout_group){
            .question = &m->question, .prompt = m->prompt, .n_prompt = N_PROMPT, .n = G, .sample = m->sample[g]};
        m->used[g] = &m->group[g];
        for (size_t k = 0; k < G; k++) {
            bool fork = g == 0 && plan[k].parent >= 0;
            for (size_t i = 0; i < plan[k].n; i++)
                m->token[g][k][i] =
                    fork && i < plan[k].shared ? m->token[g][plan[k].parent][i] : (int32_t)(40 + 17 * k + 3 * i + g);
            m->sample[g][k] = (struct raml_rollout){.token = m->token[g][k],
                                                    .logp = m->logp,
                                                    .mu_logp = m->logp,
                                                    .n = plan[k].n,
                                                    .parent = fork ? &m->sample[g][plan[k].parent] : NULL,
                                                    .shared = fork ? plan[k].shared : 0,
                                                    .is_row = true,
                                                    .in_loss = true,
                                                    .in_policy = true,
                                                    .reward = plan[k].reward};
        }
    }
    m->round.used = m->used;
    m->round.n_used = 2;
    CHECK_OK(raml_round_lay(&m->round, 0, false, &err));
}

static void unmake(struct made *m)
{
    m->round.used = NULL; /* it is not the round's */
    raml_round_deinit(&m->round);
}

static void advantages(struct made *m, int scale)
{
    struct raml_err err = {0};
    struct raml_policy_options o;
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &o);
    o.scale_rewards = scale;
    const struct raml_rollouts in = {.n_rows = m->round.n_rows,
                                     .start = m->round.start,
                                     .weight = m->round.weight,
                                     .mu_logp = m->round.mu_logp,
                                     .reward = m->round.reward,
                                     .group = m->round.group_of};
    CHECK_OK(raml_advantages(&o, &in, raml_comm_alone(), m->round.advantage, &err));
    CHECK_OK(raml_round_fork_advantages(&m->round, &err));
}

/* Of row r's own token i. */
static double advantage(const struct made *m, size_t r, size_t i)
{
    return m->round.advantage[m->round.start[r] + i];
}

/* Rewards 1 2 4 10 11, mean 5.6; less the mean: -4.6 -3.6 -1.6 4.4 5.4. Below sample 0's first two tokens are 0, 2, 3:
 * -0.6; below its first four 0 and 3: -0.1. */
static void test_segments(void **state)
{
    static const double want[G][LONGEST] = {
        {-0.6, -0.6, 0.5, 0.5, -4.5, -4.5}, {-3.6, -3.6, -3.6, -3.6}, {-1, -1, -1}, {4.5, 4.5, 4.5}, {5.4, 5.4, 5.4}};
    struct made m;
    (void)state;
    make(&m);
    assert_int_equal(m.round.first_row[1], G);
    assert_int_equal(m.round.start[G], 6 + 4 + 3 + 3 + 3); /* what is shared is there once */
    for (size_t k = 0; k < G; k++)
        for (size_t i = plan[k].shared; i < plan[k].n; i++) {
            size_t at = m.round.start[k] + i - plan[k].shared;
            assert_true(m.round.weight[at] == (i == 5 ? 0 : 1) && m.round.mu_logp[at] == (i == 5 ? 0 : -(float)i));
        }
    advantages(&m, RAML_SCALE_NONE);
    for (size_t k = 0; k < G; k++) {
        for (size_t i = 0; i < plan[k].n - plan[k].shared; i++)
            CHECK_NEAR("segment", advantage(&m, k, i), want[k][i], 1e-12);
        for (size_t i = 0; i < plan[k].n; i++) /* no forks: as ever, to the bit */
            assert_true(advantage(&m, G + k, i) == plan[k].reward - 5.6);
    }
    /* along the path of leaf 3: its advantage */
    CHECK_NEAR("path", advantage(&m, 0, 0) + advantage(&m, 0, 2) + advantage(&m, 3, 0), 4.4, 1e-12);
    advantages(&m, RAML_SCALE_GROUP_POPULATION);
    double deviation = sqrt((4.6 * 4.6 + 3.6 * 3.6 + 1.6 * 1.6 + 4.4 * 4.4 + 5.4 * 5.4) / 5);
    CHECK_NEAR("scaled", advantage(&m, 0, 4), -4.5 / (deviation + 1e-6), 1e-12);
    unmake(&m);
}

/* -- Gradients ----------------------------------------------------------------------------------------------------- */

/* loss = - sum weight * advantage * logp */
static enum raml_code weigh(const void *user, const struct raml_terms *t, struct raml_objective_out *out,
                            struct raml_err *err)
{
    (void)user;
    (void)err;
    out->loss = 0;
    for (size_t i = t->start[t->first_row]; i < t->start[t->first_row + t->n_rows]; i++) {
        double c = -(double)t->weight[i] * t->advantage[i];
        if (out->d_logp) out->d_logp[i] = c;
        if (t->logp) out->loss += c * (double)t->logp[i];
    }
    return RAML_OK;
}

struct gradient {
    float *value;
    double loss;
    size_t n_read;
};

static struct gradient differentiate(struct bench *b, struct raml_step *step)
{
    const struct raml_objective o = {.name = "weigh", .evaluate = weigh, .constant = true, .no_entropy = true};
    struct raml_err err = {0};
    struct gradient g = {.n_read = step->n_read};
    struct raml_packs packs;
    struct raml_statistics statistics = {0};
    size_t n = raml_model_n(b->model);
    float *grad = raml_array_new(b->dev, raml_gradient_n(b->model), sizeof *grad);
    g.value = malloc(n * sizeof *g.value);
    assert_true(grad && g.value);
    CHECK_OK(raml_packs_init(&packs, b->model, 4096, true, &err));
    CHECK_OK(raml_array_zero(b->dev, grad, raml_gradient_n(b->model) * sizeof *grad, &err));
    CHECK_OK(raml_packs_train(&packs, &o, step, grad, &g.loss, &statistics, &err));
    CHECK_OK(raml_gradient_join(b->model, grad, &err));
    CHECK_OK(raml_array_read(b->dev, g.value, grad, n * sizeof *grad, &err));
    raml_packs_deinit(&packs);
    raml_array_free(b->dev, grad);
    return g;
}

/* The round's own trees. */
static struct gradient of_trees(struct bench *b, const struct made *m, bool share, float *logp)
{
    struct raml_err err = {0};
    struct raml_step step = {.has = RAML_STEP_ADVANTAGE};
    struct raml_row_map map = {0};
    CHECK_OK(raml_round_trees(&m->round, 0, 2, false, share, &step, &map, &err));
    assert_int_equal(step.n, m->round.n);
    assert_int_equal(step.n_trees, share ? 2 : 2 * G);
    for (size_t r = 0; r < map.n; r++) {
        assert_int_equal(map.row[r], r);
        for (size_t i = step.start[r]; i < step.start[r + 1]; i++) step.advantage[i] = m->round.advantage[i];
    }
    struct gradient g = differentiate(b, &step);
    memcpy(logp, step.logp, step.n * sizeof *logp);
    raml_row_map_deinit(&map);
    raml_step_deinit(&step);
    return g;
}

/* How many samples have the token at place i of sample k. */
static size_t n_leaves(const struct raml_rollout_group *g, const struct raml_rollout *owner, size_t i)
{
    size_t n = 1;
    for (size_t f = 0; f < g->n; f++) n += g->sample[f].parent == owner && g->sample[f].shared > i;
    return n;
}

/* Every leaf by itself, from the prompt on; a token that m of them have counts 1 / m in each. */
static struct gradient of_paths(struct bench *b, const struct made *m, const float *logp)
{
    struct raml_err err = {0};
    struct raml_step step = {.has = RAML_STEP_ADVANTAGE};
    for (size_t row = 0; row < 2 * G; row++) {
        const struct raml_rollout_group *g = m->used[row / G];
        const struct raml_rollout *x = m->round.row[row];
        struct raml_tree *tree;
        size_t at;
        CHECK_OK(raml_step_tree(&step, &tree, &err));
        CHECK_OK(raml_tree_add(tree, -1, 0, g->prompt, g->n_prompt, g->n_prompt, NULL, &err));
        CHECK_OK(raml_tree_add(tree, 0, (uint32_t)g->n_prompt, x->token, x->n, 0, NULL, &err));
        CHECK_OK(raml_step_rows(&step, &at, &err));
        for (size_t i = 0; i < x->n; i++) {
            const struct raml_rollout *owner = i < x->shared ? x->parent : x;
            size_t token = m->round.start[row - (size_t)(x - owner)] + i - owner->shared;
            step.advantage[step.start[at] + i] = m->round.advantage[token];
            step.weight[step.start[at] + i] = 1.0F / (float)n_leaves(g, owner, i);
        }
    }
    struct gradient g = differentiate(b, &step);
    for (size_t row = 0; row < 2 * G; row++) { /* what the tree says is what the path says, to the bit */
        const struct raml_rollout *x = m->round.row[row];
        assert_memory_equal(step.logp + step.start[row] + x->shared, logp + m->round.start[row],
                            (x->n - x->shared) * sizeof *logp);
    }
    raml_step_deinit(&step);
    return g;
}

static double distance(const struct raml_model *model, const struct gradient *a, const struct gradient *b)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < raml_model_n(model); i++) {
        double d = fabs((double)a->value[i] - (double)b->value[i]);
        if (!(d <= most)) most = d;
        largest = fmax(largest, fabs((double)b->value[i]));
    }
    assert_true(largest > 0.01);
    return most / largest;
}

static void test_gradient(void **state)
{
    struct bench *b = *state;
    struct made m;
    float logp[64], alone[64];
    new_model(b, NULL);
    make(&m);
    advantages(&m, RAML_SCALE_GROUP);
    struct gradient tree = of_trees(b, &m, true, logp), apart = of_trees(b, &m, false, alone),
                    paths = of_paths(b, &m, logp);
    assert_memory_equal(logp, alone, m.round.n * sizeof *logp);
    assert_true(tree.n_read < apart.n_read);
    print_message("tree against paths: %.3g, against trees of one sample: %.3g\n", distance(b->model, &tree, &paths),
                  distance(b->model, &tree, &apart));
    assert_true(distance(b->model, &tree, &paths) <= 1e-6);
    assert_true(distance(b->model, &tree, &apart) <= 1e-6);
    CHECK_NEAR("loss", tree.loss, paths.loss, 1e-6 * fabs(paths.loss));
    free(tree.value);
    free(apart.value);
    free(paths.value);
    unmake(&m);
}

/* -- Training ------------------------------------------------------------------------------------------------------ */

struct ways {
    int64_t n, forks, rows;
    bool apart;
};

/* Rewards are probabilities of the answer, so that they differ. Trains 2 steps into root/name. */
static void train(struct bench *b, const char *name, struct ways w)
{
    struct raml_err err = {0};
    struct raml_rollout_options rollouts;
    struct raml_policy_options policy;
    struct raml_reward_options reward;
    struct raml_train_options o = options(2);
    char dir[PATH_CAP + 64];
    raml_settings_default(raml_rollout_settings, raml_n_rollout_settings, &rollouts);
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &policy);
    raml_settings_default(raml_reward_settings, raml_n_reward_settings, &reward);
    reward.reward = "prob";
    reward.answer_coefficient = RAML_ANSWER_NONE;
    rollouts.num_generations = w.n;
    rollouts.fork_samples = w.forks;
    rollouts.sampling_rows = w.rows;
    rollouts.max_completion_length = 14;
    rollouts.think_budget = 8;
    rollouts.record_tokens = true;
    rollouts.share_prompts = !w.apart;
    o.batch_size = 3;
    o.logging_steps = 1;
    new_model(b, NULL);
    struct raml_train_job job = {
        .model = b->model, .tokenizer = b->tokenizer, .format = raml_format_default(), .data = &b->data};
    const struct raml_rollout_job with = {.rollouts = &rollouts, .policy = &policy, .reward = &reward};
    snprintf(dir, sizeof dir, "%s/%s", b->root, name);
    CHECK_OK(raml_run_open(dir, 0, &job.run, &job.resume_step, &err));
    CHECK_OK(raml_train_grpo(&job, &o, &with, NULL, &err));
    raml_run_close(job.run);
}

/* A file of a run; free() it. */
static char *text_of(struct bench *b, const char *run, const char *name)
{
    struct raml_err err = {0};
    struct raml_buf text;
    char path[PATH_CAP + 64];
    raml_buf_init(&text, 1 << 24);
    snprintf(path, sizeof path, "%s/%s/%s", b->root, run, name);
    CHECK_OK(raml_file_read(path, &text, &err));
    char *copy = strdup(text.data);
    assert_non_null(copy);
    raml_buf_deinit(&text);
    return copy;
}

static void check_same(struct bench *b, const char *file, const char *one, const char *other)
{
    char *x = text_of(b, one, file), *y = text_of(b, other, file);
    assert_string_equal(x, y);
    free(x);
    free(y);
}

static json_int_t number(const json_t *o, const char *name)
{
    const json_t *x = json_object_get(o, name);
    assert_true(json_is_integer(x));
    return json_integer_value(x);
}

/* A fork has its parent's first tokens, and its own advantages from there on. Returns whether the next token differs. */
static bool check_fork(const json_t *list, const json_t *sample)
{
    const json_t *fork = json_object_get(sample, "fork"), *own = json_object_get(sample, "tokens"),
                 *first = json_array_get(json_object_get(sample, "segments"), 0);
    const json_t *parent = json_object_get(json_array_get(list, (size_t)number(fork, "parent")), "tokens");
    size_t shared = (size_t)number(fork, "token");
    assert_true(shared < json_array_size(parent) && shared < json_array_size(own));
    assert_true(shared < 8); /* from think_budget on tokens were forced */
    for (size_t i = 0; i < shared; i++) assert_true(json_equal(json_array_get(own, i), json_array_get(parent, i)));
    assert_int_equal(number(first, "token"), shared);
    assert_true(json_real_value(json_object_get(fork, "entropy")) > 0);
    return !json_equal(json_array_get(own, shared), json_array_get(parent, shared));
}

/* In every line the last `forks` samples are forks; returns the number of those whose next token is not the parent's. */
static size_t check_rollouts(const char *text, size_t n, size_t forks)
{
    size_t n_differ = 0, n_lines = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1, n_lines++) {
        json_t *o = json_loadb(line, strcspn(line, "\n"), 0, NULL);
        const json_t *list = json_object_get(o, "trajectories");
        assert_int_equal(json_array_size(list), n);
        for (size_t k = 0; k < n; k++) {
            const json_t *sample = json_array_get(list, k);
            assert_int_equal(json_object_get(sample, "fork") != NULL, k >= n - forks);
            if (k >= n - forks) {
                assert_int_equal(number(json_object_get(sample, "fork"), "parent"), (k - (n - forks)) % (n - forks));
                n_differ += check_fork(list, sample);
            }
        }
        json_decref(o);
    }
    assert_int_equal(n_lines, 6);
    return n_differ;
}

static void test_training(void **state)
{
    struct bench *b = *state;
    train(b, "forked", (struct ways){.n = 6, .forks = 4, .rows = 64});
    train(b, "one-by-one", (struct ways){.n = 6, .forks = 4, .rows = 1});
    train(b, "apart", (struct ways){.n = 6, .forks = 4, .rows = 64, .apart = true});
    train(b, "plain", (struct ways){.n = 2, .rows = 64});
    char *text = text_of(b, "forked", "rollouts.jsonl"), *plain = text_of(b, "plain", "rollouts.jsonl"),
         *metrics = text_of(b, "forked", "metrics.jsonl");
    assert_true(check_rollouts(text, 6, 4) > 12); /* of 24 */
    assert_null(strstr(plain, "\"fork\"") ? plain : strstr(plain, "\"segments\""));
    assert_non_null(strstr(metrics, "\"forks/entropy\":"));
    assert_null(strstr(metrics, "\"reward_std\":0.0,"));
    check_same(b, "rollouts.jsonl", "forked", "one-by-one");
    check_same(b, "metrics.jsonl", "forked", "one-by-one");
    check_same(b, "checkpoint-2/model.safetensors", "forked", "one-by-one");
    /* The first samples are those of a group without forks: their random numbers know nothing of what comes later. */
    json_t *x = json_loadb(text, strcspn(text, "\n"), 0, NULL), *y = json_loadb(plain, strcspn(plain, "\n"), 0, NULL);
    for (size_t k = 0; k < 2; k++) {
        const json_t *one = json_array_get(json_object_get(x, "trajectories"), k),
                     *other = json_array_get(json_object_get(y, "trajectories"), k);
        assert_true(json_equal(json_object_get(one, "tokens"), json_object_get(other, "tokens")));
    }
    json_decref(x);
    json_decref(y);
    /* Without sharing: the same first round. */
    char *apart = text_of(b, "apart", "rollouts.jsonl");
    size_t n = 0;
    for (int lines = 0; lines < 3; n++) lines += text[n] == '\n';
    assert_memory_equal(text, apart, n);
    free(text);
    free(plain);
    free(metrics);
    free(apart);
}

/* One sample and 11 forks of it, with 8 tokens that were not forced, if all of its thinking is: those of highest entropy
 * first, each once, then again. */
static void check_order(const json_t *list)
{
    bool seen[16] = {false};
    double last = INFINITY;
    size_t n = 0, first = 16;
    for (size_t k = 1; k < 12; k++) {
        const json_t *fork = json_object_get(json_array_get(list, k), "fork");
        size_t at = (size_t)number(fork, "token");
        double entropy = json_real_value(json_object_get(fork, "entropy"));
        if (n == 8 || (n && at == first)) { /* the round begins anew */
            assert_int_equal(at, first);
            return;
        }
        assert_true(entropy <= last && !seen[at]);
        if (!n) first = at;
        seen[at] = true;
        last = entropy;
        n++;
    }
}

/* A fork that shares nothing is the sample of its number: the random numbers are those of question, round, sample and
 * token. */
static void check_numbers(const json_t *list, const json_t *plain)
{
    size_t n = 0;
    for (size_t k = 1; k < 12; k++) {
        const json_t *x = json_array_get(list, k), *y = json_array_get(plain, k);
        if (number(json_object_get(x, "fork"), "token")) continue;
        assert_true(json_equal(json_object_get(x, "tokens"), json_object_get(y, "tokens")));
        n++;
    }
    assert_true(n > 0);
}

static void test_order(void **state)
{
    struct bench *b = *state;
    train(b, "unforked", (struct ways){.n = 12, .rows = 64});
    char *unforked = text_of(b, "unforked", "rollouts.jsonl"), *other = unforked;
    train(b, "order", (struct ways){.n = 12, .forks = 11, .rows = 64});
    char *text = text_of(b, "order", "rollouts.jsonl");
    assert_true(check_rollouts(text, 12, 11) > 20);
    size_t n_lines = 0;
    for (const char *line = text; *line; line = strchr(line, '\n') + 1, other = strchr(other, '\n') + 1) {
        json_t *o = json_loadb(line, strcspn(line, "\n"), 0, NULL),
               *p = json_loadb(other, strcspn(other, "\n"), 0, NULL);
        check_order(json_object_get(o, "trajectories"));
        if (n_lines++ < 3) /* the first round: the same weights */
            check_numbers(json_object_get(o, "trajectories"), json_object_get(p, "trajectories"));
        json_decref(o);
        json_decref(p);
    }
    free(text);
    free(unforked);
}

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static void check_refused(const char *rollout, const char *policy_text, bool answers, const char *needs)
{
    struct raml_err err = {0};
    struct raml_rollout_options o;
    struct raml_policy_options p;
    char want[256];
    raml_settings_default(raml_rollout_settings, raml_n_rollout_settings, &o);
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, &p);
    CHECK_OK(raml_round_fork_check(&o, &p, answers, &err)); /* without forks anything goes */
    o.fork_samples = 4;
    if (!needs) {
        CHECK_OK(raml_round_fork_check(&o, &p, answers, &err));
        return;
    }
    if (rollout && !strcmp(rollout, "mask")) o.mask_truncated_completions = true;
    if (rollout && !strcmp(rollout, "updates")) o.updates_per_question = 2;
    p.beta = 0.1;
    const struct {
        const char *name;
        int *field, value;
    } words[] = {{"baseline", &p.advantage_baseline, RAML_BASELINE_LEAVE_ONE_OUT},
                 {"others", &p.scale_rewards, RAML_SCALE_OTHERS},
                 {"centred", &p.scale_rewards, RAML_SCALE_BATCH_CENTRED},
                 {"whiten", &p.whiten_advantages, RAML_WHITEN_TOKENS},
                 {"kl", &p.kl_in, RAML_KL_IN_RETURN},
                 {"gmpo", &p.policy_loss, RAML_LOSS_GMPO},
                 {"vespo", &p.policy_loss, RAML_LOSS_VESPO},
                 {"gspo", &p.ratio_level, RAML_RATIO_SEQUENCE},
                 {"mean", &p.loss_aggregation, RAML_SEQ_MEAN_TOKEN_MEAN},
                 {"sequence", &p.correction, RAML_CORRECTION_TIS_SEQUENCE}};
    for (size_t i = 0; policy_text && i < sizeof words / sizeof *words; i++)
        if (!strcmp(policy_text, words[i].name)) *words[i].field = words[i].value;
    if (policy_text && !strcmp(policy_text, "gamma")) p.gamma = 0.9;
    if (policy_text && !strcmp(policy_text, "length")) p.length_penalty = 0.1;
    if (policy_text && !strcmp(policy_text, "opsm")) p.opsm_delta = 0.1;
    if (policy_text && !strcmp(policy_text, "component")) p.advantage_per_component = true;
    snprintf(want, sizeof want, "fork_samples is 4; it needs %s, since samples that fork have tokens in common", needs);
    assert_int_equal(raml_round_fork_check(&o, &p, answers, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, want);
}

static void test_refused(void **state)
{
    struct raml_err err = {0};
    struct raml_rollout_options o;
    (void)state;
    check_refused(NULL, NULL, false, NULL);
    check_refused("mask", NULL, false, "mask_truncated_completions off");
    check_refused("updates", NULL, false, "updates_per_question 0");
    check_refused(NULL, NULL, true, "a reward without a gradient of its own");
    check_refused(NULL, "baseline", false, "advantage_baseline group");
    const char *scales = "scale_rewards none, group, group-population, group-mean, batch or nonzero";
    check_refused(NULL, "others", false, scales);
    check_refused(NULL, "centred", false, scales);
    check_refused(NULL, "component", false, "advantage_per_component off");
    check_refused(NULL, "length", false, "length_penalty 0");
    check_refused(NULL, "gamma", false, "gamma 1");
    check_refused(NULL, "whiten", false, "whiten_advantages none");
    check_refused(NULL, "kl", false, "kl_in loss");
    check_refused(NULL, "gmpo", false, "a policy_loss other than gmpo and vespo");
    check_refused(NULL, "vespo", false, "a policy_loss other than gmpo and vespo");
    check_refused(NULL, "gspo", false, "ratio_level token");
    check_refused(NULL, "opsm", false, "opsm_delta 0");
    check_refused(NULL, "mean", false, "a loss_aggregation other than seq-mean-token-mean");
    check_refused(NULL, "sequence", false, "a correction by token");
    raml_settings_default(raml_rollout_settings, raml_n_rollout_settings, &o);
    o.fork_samples = 8;
    assert_int_equal(raml_rollout_check(&o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "fork_samples is 8; expected fewer than num_generations, 8");
    o.fork_samples = 7;
    CHECK_OK(raml_rollout_check(&o, &err));
    assert_int_equal(raml_round_fork_check(&o, NULL, false, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "fork_samples is 7; expected 0: expert iteration trains on whole samples");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test_setup_teardown(test_gradient, setup, teardown),
        cmocka_unit_test_setup_teardown(test_training, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
