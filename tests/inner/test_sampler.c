/* A sampler that stays open: samples of a list of questions, whenever they are submitted; rounds; log-probabilities of a
 * pass; memory that does not grow; weights that change. Random tiny models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "inner/sampler_rig.h"

/* In any order, any number at once, while others are in it. */
static void check_orders(struct rig *r, struct raml_sample_options o)
{
    static const size_t batch[] = {1, 3, 64}, order[] = {3, 0, 4, 1, 2, 1, 0};
    struct raml_questions want = list(r, &o);
    for (size_t b = 0; b < (far_asked() ? 2 : COUNT(batch)); b++) {
        o.batch_size = batch[b];
        struct raml_sampler *s = open_sampler(r, r->m, &o);
        check_empty(s);
        for (size_t ahead = 1; ahead < 4; ahead++) {
            for (size_t i = 0, out = 0; out < COUNT(order);) {
                for (; i < COUNT(order) && i < out + ahead; i++) submit(r, s, order[i], o.n, 0);
                struct raml_sampler_group g = next(s);
                assert_ptr_equal(g.user, &r->qs.question[order[out]]);
                assert_int_equal(g.prompt_tokens, r->prompt[order[out++]].n);
                check_group(s, &g, &want);
            }
            check_empty(s);
        }
        struct raml_sampler_job part = job_of(r, 1, 2, 0); /* the last two of its samples, and no name */
        part.first_sample = 2;
        part.name = NULL;
        MUST(raml_sampler_submit(s, &part, err));
        struct raml_sampler_group g = next(s);
        assert_int_equal(g.n, 2);
        assert_int_equal(g.first_sample, 2);
        check_group(s, &g, &want);
        submit(r, s, 0, 4, 0); /* is in it when it is closed */
        raml_sampler_close(s);
    }
    raml_questions_deinit(&want);
}

static bool rule_ends(void *user, const struct raml_sample_so_far *s)
{
    (void)user;
    return s->sample % 2 && s->n == 5;
}

static void test_orders(void **state)
{
    struct raml_sample_options o = options(7);
    check_orders(*state, o);
    o.think_budget = 9;
    o.force_continuation = 3;
    check_orders(*state, o);
    o = options(7);
    o.ends = rule_ends;
    o.top_p = 0.9;
    o.temperature = 0.8;
    check_orders(*state, o);
    o = options(7);
    o.exit = "stability:stride=8,repeats=2";
    check_orders(*state, o);
    o = options(7);
    o.force_continuation = 1;
    o.force_continuation_below = 0.5;
    check_orders(*state, o);
}

/* A prompt for every sample: the same samples, of more work. */
static void test_own_prompts(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    o.think_budget = 12; /* some tokens are forced */
    struct raml_sampler *shared = open_sampler(r, r->m, &o);
    o.share_prompts = false;
    struct raml_sampler *own = open_sampler(r, r->m, &o);
    struct raml_sampler_stats a, b;
    size_t n = 0;
    for (size_t q = 0; q < N_QUESTIONS; q++) {
        submit(r, shared, q, 4, 2);
        submit(r, own, q, 4, 2);
        struct raml_sampler_group x = next(shared), y = next(own);
        for (size_t k = 0; k < 4; k++) {
            struct raml_generated g = copy(&x.completion[k]);
            assert_true(same(&g, &y.completion[k]));
            raml_generated_deinit(&g);
        }
        assert_int_equal(x.prompt_tokens, r->prompt[q].n);
        assert_int_equal(y.prompt_tokens, 4 * r->prompt[q].n);
        n += r->prompt[q].n;
    }
    raml_sampler_read_stats(shared, &a);
    raml_sampler_read_stats(own, &b);
    assert_int_equal(a.prompt_tokens, n);
    assert_int_equal(b.prompt_tokens, 4 * n);
    assert_true(a.all_prompts == 4 * n && b.all_prompts == 4 * n && a.tokens == b.tokens && a.tokens > 0);
    raml_sampler_close(shared);
    raml_sampler_close(own);
}

/* Rounds draw anew, each the same whenever it is asked for; nothing is left in the cache and no memory is taken, whether
 * the sampler runs empty between them or never does. */
static void test_rounds(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(5);
    struct raml_sampler_stats stats;
    struct raml_generated first[4][4];
    size_t differ = 0, rounds = far_asked() ? 12 : 200, bytes = 0;
    for (size_t ahead = 0; ahead < 2; ahead++) {
        struct raml_sampler *s = open_sampler(r, r->m, &o);
        if (ahead) submit(r, s, 0, 4, 0);
        for (size_t round = 0; round < rounds; round++) {
            if (ahead) submit(r, s, 0, 4, (round + 1) % 4);
            else submit(r, s, 0, 4, round % 4);
            struct raml_sampler_group g = next(s);
            for (size_t k = 0; k < 4; k++) {
                if (!ahead && round < 4) first[round][k] = copy(&g.completion[k]);
                assert_true(same(&first[round % 4][k], &g.completion[k]));
                differ += round % 4 && !same(&first[0][k], &g.completion[k]);
            }
            if (!ahead) check_empty(s);
            assert_true(s->generator->n_jobs <= 16 && s->generator->texts.n <= 4);
            raml_sampler_read_stats(s, &stats);
            if (round == 10) bytes = stats.bytes;
            if (round > 10) assert_int_equal(stats.bytes, bytes);
        }
        assert_int_equal(raml_generator_next_job(s->generator), 4 * (rounds + ahead));
        raml_sampler_close(s);
    }
    assert_int_equal(differ, 2 * 4 * (rounds - (rounds + 3) / 4));
    for (size_t i = 0; i < 16; i++) raml_generated_deinit(&first[i / 4][i % 4]);
}

/* -- Log-probabilities --------------------------------------------------------------------------------------------- */
/* The largest difference from a pass over the tree of the group: the prompt, and its completions. */
static double pass_gap(const struct raml_model *m, const struct raml_tokens *prompt, const struct raml_sampler_group *g,
                       size_t *n_differ)
{
    struct raml_tree tree = {0};
    struct raml_pack pack = {0};
    struct raml_pass *pass = NULL;
    double most = 0;
    MUST(raml_tree_add(&tree, -1, 0, prompt->id, prompt->n, prompt->n, NULL, err));
    for (size_t k = 0; k < g->n; k++)
        MUST(raml_tree_add(&tree, 0, (uint32_t)prompt->n, g->completion[k].token, g->completion[k].n, 0, NULL, err));
    MUST(raml_pack_add(&pack, &tree, err));
    float *logp = rig_floats(pack.n_targets);
    struct raml_logprobs out = {.logp = logp};
    MUST(raml_pass_open(m, true, &pass, err));
    MUST(raml_pass_forward(pass, &pack, &out, err));
    for (size_t k = 0, at = 0; k < g->n; at += g->completion[k++].n)
        for (size_t i = 0; i < g->completion[k].n; i++) {
            double gap = fabs((double)logp[at + i] - (double)g->completion[k].logp[i]);
            if (isnan(g->completion[k].logp[i])) continue; /* forced */
            if (!(gap <= most)) most = gap;
            *n_differ += gap != 0;
        }
    raml_pass_close(pass);
    raml_pack_deinit(&pack);
    raml_tree_deinit(&tree);
    free(logp);
    return most;
}

/* Of samples by these settings, over all questions. */
static double gap_of(struct rig *r, const struct raml_model *m, const struct raml_sample_options *o)
{
    struct raml_sampler *s = open_sampler(r, m, o);
    double most = 0;
    size_t n_differ = 0, n = 0;
    for (size_t q = 0; q < N_QUESTIONS; q++) submit(r, s, q, 4, 1);
    for (size_t q = 0; q < N_QUESTIONS; q++) {
        struct raml_sampler_group g = next(s);
        double gap = pass_gap(m, &r->prompt[q], &g, &n_differ);
        if (!(gap <= most)) most = gap;
        for (size_t k = 0; k < g.n; k++) n += g.completion[k].n;
    }
    raml_sampler_close(s);
    printf("%zu tokens, %zu differ from the pass, by at most %.3g\n", n, n_differ, most);
    return most;
}

/* In f32 a token's log-probability is the pass's to the last bit; also in a vocabulary of more than one of the head's
 * tiles, and of tokens that were sampled from another distribution. */
static void test_logp(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(6);
    struct raml_model *wide = open_model(r->dev, 9001, RAML_F32);
    o.max_completion_length = 150; /* own tokens in three pages */
    if (gap_of(r, r->m, &o) != 0 || gap_of(r, wide, &o) != 0) fail_msg("f32 differs");
    o.think_budget = 20;
    o.temperature = 0.7;
    o.top_k = 20;
    if (gap_of(r, r->m, &o) != 0) fail_msg("f32 differs");
    raml_model_close(wide);
    struct raml_device *dev = rig_device(2, "auto", true);
    if (!dev) return;
    for (size_t i = 0; i < 2; i++) {
        struct raml_model *m = open_model(dev, i ? 9001 : 261, RAML_BF16);
        o = options(6);
        o.max_completion_length = 150;
        if (!(gap_of(r, m, &o) <= 0.05)) fail_msg("bf16 differs");
        raml_model_close(m);
    }
    raml_device_close(dev);
}

/* mu_logp: logp where nothing is changed, 0 if greedy, else of what temperature and filters leave. */
static void test_mu(void **state)
{
    struct rig *r = *state;
    static const struct {
        double temperature, min_p;
        int top_k;
    } cases[] = {{1, 0, 0}, {0, 0, 0}, {0.7, 0, 0}, {1, 0.2, 0}, {1, 0, 1}, {1, 0, 3}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_sample_options o = options(6);
        o.temperature = cases[i].temperature;
        o.min_p = cases[i].min_p;
        o.top_k = cases[i].top_k;
        struct raml_sampler *s = open_sampler(r, r->m, &o);
        size_t allowed = (size_t)raml_tokenizer_size(r->t), differ = 0;
        assert_int_equal(allowed, 261);
        submit(r, s, 0, 4, 0);
        struct raml_sampler_group g = next(s);
        for (size_t k = 0; k < g.n; k++)
            for (size_t j = 0; j < g.completion[k].n; j++) {
                float logp = g.completion[k].logp[j], mu = g.completion[k].mu_logp[j];
                if (i == 0) assert_true(mu == logp);
                if (i == 1 || i == 4) assert_true(mu == 0);
                if (i == 3 || i == 5) assert_true(mu >= logp - 1e-5F && mu <= 0);
                differ += mu != logp;
            }
        assert_true(i == 0 || differ > 10);
        raml_sampler_close(s);
    }
}

/* -- Weights ------------------------------------------------------------------------------------------------------- */
static void test_weights_change(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(3);
    struct raml_model *m = open_model(r->dev, 261, RAML_F32);
    struct raml_sampler *s = open_sampler(r, m, &o);
    for (uint64_t step = 0; step < 4; step++) {
        struct raml_sampler *fresh = open_sampler(r, m, &o);
        for (size_t q = 0; q < 2; q++) {
            submit(r, s, q, 4, 0);
            submit(r, fresh, q, 4, 0);
        }
        for (size_t q = 0; q < 2; q++) {
            struct raml_sampler_group x = next(s), y = next(fresh);
            for (size_t k = 0; k < 4; k++) {
                struct raml_generated g = copy(&x.completion[k]);
                assert_true(same(&g, &y.completion[k]));
                raml_generated_deinit(&g);
            }
        }
        check_empty(s);
        raml_sampler_close(fresh);
        rig_stir(m, 20 + step, 1); /* norms and biases move */
    }
    raml_sampler_close(s);
    raml_model_close(m);
}

/* A prompt longer than any before, and a completion longer than the options', while others are in it. */
static void test_longer(void **state)
{
    struct rig *r = *state;
    struct raml_sample_options o = options(2);
    o.max_completion_length = 8;
    struct raml_sampler *s = open_sampler(r, r->m, &o);
    struct raml_tokens text = {0};
    for (size_t i = 0; i < 250; i++) MUST(raml_tokens_add(&text, (const int32_t[]){(int32_t)('a' + i % 20)}, 1, err));
    for (size_t i = 0; i < 12; i++) {
        struct raml_sampler_job job = job_of(r, 0, 3, i);
        job.prompt = text.id;
        job.n_prompt = 1 + 22 * i;
        job.max_tokens = i % 2 ? 40 : 0;
        MUST(raml_sampler_submit(s, &job, err));
    }
    for (size_t i = 0; i < 12; i++) {
        struct raml_sampler_group g = next(s);
        struct raml_sampler *alone = open_sampler(r, r->m, &o);
        struct raml_sampler_job job = job_of(r, 0, 3, i);
        job.prompt = text.id;
        job.n_prompt = 1 + 22 * i;
        job.max_tokens = i % 2 ? 40 : 0;
        MUST(raml_sampler_submit(alone, &job, err));
        struct raml_sampler_group want = next(alone);
        for (size_t k = 0; k < 3; k++) {
            struct raml_generated x = copy(&g.completion[k]);
            assert_true(same(&x, &want.completion[k]));
            assert_true(x.n <= (i % 2 ? 40 : 8));
            raml_generated_deinit(&x);
        }
        raml_sampler_close(alone);
    }
    check_empty(s);
    raml_sampler_close(s);
    raml_tokens_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders), cmocka_unit_test(test_own_prompts),
                                       cmocka_unit_test(test_rounds), cmocka_unit_test(test_logp),
                                       cmocka_unit_test(test_mu),     cmocka_unit_test(test_weights_change),
                                       cmocka_unit_test(test_longer)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
