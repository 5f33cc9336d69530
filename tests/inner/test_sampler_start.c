/* test_sampler_start.c - samples that begin with tokens which they have already: a sample that is given its own first
 * tokens goes on as it did, to the bit; budgets count what is given; what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/rig.h"
#include "raml/sampler.h"

enum { N = 6, MOST = 90, BUDGET = 50, POSITIONS = 300 };

struct rig {
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_tokenizer *t;
    struct raml_format f;
    struct raml_tokens prompt;
};

static int set_up(void **state)
{
    static struct rig r;
    struct raml_config c;
    r = (struct rig){.f = raml_format_default()};
    MUST(far_device_open(2, "auto", &r.dev, err));
    MUST(raml_tokenizer_bytes(&r.t, err));
    MUST(raml_config_preset("micro", &c, err));
    c.hidden_size = 48;
    c.head_dim = 12;
    c.intermediate_size = 112;
    c.n_layers = 2;
    c.vocab_size = 261;
    c.max_positions = POSITIONS;
    MUST(raml_model_init(&c, 3, RAML_F32, RAML_TRAINING, r.dev, &r.m, err));
    MUST(raml_format_prompt(&r.f, r.t, "a question that fills more than one page of 64 tokens, so that two hold it",
                            &r.prompt, err));
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    raml_tokens_deinit(&r->prompt);
    raml_tokenizer_close(r->t);
    raml_model_close(r->m);
    raml_device_close(r->dev);
    return 0;
}

static struct raml_sample_options options(size_t rows, bool share)
{
    struct raml_sample_options o = raml_sample_default();
    o.batch_size = rows;
    o.max_completion_length = MOST;
    o.think_budget = BUDGET;
    o.share_prompts = share;
    return o;
}

static struct raml_sampler *open_sampler(const struct rig *r, const struct raml_sample_options *o)
{
    struct raml_sampler *s = NULL;
    MUST(raml_sampler_open(r->m, r->t, &r->f, o, &s, err));
    return s;
}

static struct raml_sampler_job job_of(const struct rig *r)
{
    return (struct raml_sampler_job){
        .prompt = r->prompt.id, .n_prompt = r->prompt.n, .question = 77, .round = 3, .first_sample = 2, .n = N};
}

static const struct raml_sampler_completion *next(struct raml_sampler *s)
{
    struct raml_sampler_group group = {0};
    bool more = false;
    MUST(raml_sampler_next(s, &group, &more, NULL, err));
    assert_true(more);
    assert_int_equal(group.n, N);
    return group.completion;
}

struct kept {
    struct raml_sampler_completion c;
    int32_t token[MOST];
    float logp[MOST], mu_logp[MOST];
};

static void check_completion(const struct raml_sampler_completion *c, const struct kept *whole, size_t n)
{
    const struct raml_sampler_completion *w = &whole->c;
    double sum = 0;
    assert_int_equal(c->n, w->n);
    assert_memory_equal(c->token, whole->token, c->n * sizeof *c->token);
    for (size_t i = 0; i < n; i++) assert_true(isnan(c->logp[i]) && isnan(c->mu_logp[i]));
    for (size_t i = n; i < c->n; i++) {
        assert_true(c->logp[i] == whole->logp[i] || (isnan(c->logp[i]) && isnan(whole->logp[i])));
        assert_true(c->mu_logp[i] == whole->mu_logp[i] || (isnan(c->mu_logp[i]) && isnan(whole->mu_logp[i])));
        if (!isnan(c->logp[i])) sum += (double)c->logp[i];
    }
    assert_true(c->logp_sum == sum);
    assert_int_equal(c->n_end, w->n_end);
    assert_int_equal(c->think_start, w->think_start);
    assert_int_equal(c->n_think, w->n_think);
    assert_int_equal(c->answer_at, w->answer_at);
    assert_int_equal(c->ended, w->ended);
    assert_int_equal(c->think_closed, w->think_closed);
    assert_int_equal(c->budget_hit, w->budget_hit);
}

/* Starts of 0, 13, 26, .. tokens; none in which a token was forced. */
static void check_continued(const struct rig *r, const struct kept *whole, size_t rows, bool share)
{
    const struct raml_sample_options o = options(rows, share);
    struct raml_sampler *s = open_sampler(r, &o);
    struct raml_sampler_job job = job_of(r);
    struct raml_sampler_start start[N];
    for (size_t k = 0; k < N; k++) {
        size_t n = 13 * k < BUDGET ? 13 * k : BUDGET, most = whole[k].c.n - 1;
        start[k] = (struct raml_sampler_start){whole[k].token, n < most ? n : most};
    }
    job.start = start;
    MUST(raml_sampler_submit(s, &job, err));
    const struct raml_sampler_completion *got = next(s);
    for (size_t k = 0; k < N; k++) check_completion(&got[k], &whole[k], start[k].n);
    raml_sampler_close(s);
}

static void test_goes_on(void **state)
{
    const struct rig *r = *state;
    static struct kept whole[N];
    const struct raml_sample_options o = options(64, true);
    struct raml_sampler *s = open_sampler(r, &o);
    struct raml_sampler_job job = job_of(r);
    MUST(raml_sampler_submit(s, &job, err));
    const struct raml_sampler_completion *c = next(s);
    size_t n_budget = 0;
    for (size_t k = 0; k < N; k++) {
        whole[k].c = c[k];
        memcpy(whole[k].token, c[k].token, c[k].n * sizeof *c->token);
        memcpy(whole[k].logp, c[k].logp, c[k].n * sizeof *c->logp);
        memcpy(whole[k].mu_logp, c[k].mu_logp, c[k].n * sizeof *c->mu_logp);
        n_budget += c[k].budget_hit;
    }
    raml_sampler_close(s);
    assert_true(n_budget > 1); /* or this proves less */
    check_continued(r, whole, 64, true);
    check_continued(r, whole, 1, true);
    check_continued(r, whole, 2, false);
}

static void check_refused(const struct rig *r, const struct raml_sample_options *o, struct raml_sampler_start last,
                          enum raml_code code, const char *message)
{
    struct raml_sampler *s = open_sampler(r, o);
    struct raml_sampler_start start[N] = {{0}};
    struct raml_sampler_job job = job_of(r);
    struct raml_sampler_group group;
    struct raml_err err = {0};
    bool more = true;
    start[N - 1] = last;
    job.start = start;
    assert_int_equal(raml_sampler_submit(s, &job, &err), code);
    assert_string_equal(err.msg, message);
    assert_int_equal(raml_sampler_next(s, &group, &more, NULL, &err), RAML_OK);
    assert_false(more); /* nothing was taken */
    raml_sampler_close(s);
}

static void test_refused(void **state)
{
    const struct rig *r = *state;
    struct raml_sample_options o = options(8, true);
    struct raml_tokens end = {0};
    int32_t token[MOST] = {0};
    MUST(raml_format_stop(&r->f, r->t, &end, err));
    assert_int_equal(end.n, 1);
    token[5] = end.id[0];
    check_refused(r, &o, (struct raml_sampler_start){token, MOST}, RAML_ERANGE,
                  "sampling: a start of 90 tokens; expected fewer than the completion's 90");
    check_refused(r, &o, (struct raml_sampler_start){token, 9}, RAML_ERANGE,
                  "sampling: a start of 9 tokens ends at token 6");
    o.force_continuation = 1;
    check_refused(r, &o, (struct raml_sampler_start){token, 2}, RAML_EUSAGE,
                  "sampling: a sample that has a start can't have early exit or continuations");
    raml_tokens_deinit(&end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_goes_on), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
