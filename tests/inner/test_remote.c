/* A model that is elsewhere: a local one in a struct raml_remote gives the same curves, log-probabilities and samples as
 * when it is read here, to the last bit. */
#include "inner/trace_rig.h"

#include "inner/evaluator.h"
#include "raml/completion.h"
#include "raml/sample.h"

#include <stdlib.h>
#include <string.h>

struct elsewhere { /* a remote of a local model */
    struct raml_remote remote;
    const struct raml_model *model;
    size_t n_texts, n_tokens, n_groups; /* that were read */
    struct raml_remote_cost cost;       /* that was reported */
    const struct raml_questions *made;  /* samples that it gives */
    enum raml_code fails;
};

static enum raml_code read_text(struct elsewhere *x, struct raml_remote_text *t, struct raml_err *err)
{
    struct raml_evaluator s;
    struct raml_tree tree = {0};
    must(raml_evaluator_init(&s, x->model, 4096, err), err);
    must(raml_tree_add(&tree, -1, 0, t->token, t->n - 1, t->first < t->n - 1 ? t->first : t->n - 1, NULL, err), err);
    must(raml_tree_add_end_target(&tree, 0, t->token[t->n - 1], err), err);
    must(raml_evaluator_add(&s, &tree, err), err);
    must(raml_evaluator_run(&s, err), err);
    memcpy(t->logp, s.logp, (t->n - t->first) * sizeof *t->logp);
    memcpy(t->argmax, s.argmax, (t->n - t->first) * sizeof *t->argmax);
    raml_evaluator_deinit(&s);
    raml_tree_deinit(&tree);
    return RAML_OK;
}

static enum raml_code logprobs(void *user, struct raml_remote_text *text, size_t n, struct raml_err *err)
{
    struct elsewhere *x = user;
    if (x->fails) return raml_fail(err, x->fails, "it is not there");
    for (size_t i = 0; i < n; i++) {
        x->n_groups += !i || text[i].group != text[i - 1].group;
        x->n_tokens += text[i].n;
        must(read_text(x, &text[i], err), err);
    }
    x->n_texts += n;
    return RAML_OK;
}

/* Those of `made`, in another order, and with tokens after their end. */
static enum raml_code samples(void *user, struct raml_remote_sample *sample, size_t n,
                              enum raml_code (*took)(void *of, size_t i, struct raml_err *err), void *of,
                              struct raml_err *err)
{
    const struct elsewhere *x = user;
    size_t per = x->made->question[0].n_trajectories;
    enum raml_code rc = RAML_OK;
    for (size_t k = n; k-- && !rc;) {
        const struct raml_trajectory *t = &x->made->question[k / per].trajectory[k % per];
        bool stops = !strcmp(t->finish_reason, "stop");
        sample[k].n = t->n_tokens + (stops ? 2 : 0);
        sample[k].token = calloc(sample[k].n + 1, sizeof *sample[k].token);
        sample[k].logp = calloc(sample[k].n + 1, sizeof *sample[k].logp);
        for (size_t i = 0; i < t->n_tokens; i++) {
            sample[k].token[i] = t->tokens[i];
            sample[k].logp[i] = -0.5F;
        }
        sample[k].ended = false;
        if (took) rc = took(of, k, err);
    }
    return rc;
}

static void expect(void *user, const struct raml_remote_cost *cost)
{
    struct elsewhere *x = user;
    x->cost = *cost;
}

static struct elsewhere elsewhere_of(const struct raml_model *m)
{
    return (struct elsewhere){.model = m,
                              .remote = {.name = "there",
                                         .max_positions = (size_t)raml_model_config(m)->max_positions,
                                         .vocab_size = raml_model_config(m)->vocab_size,
                                         .logprobs = logprobs,
                                         .samples = samples,
                                         .expect = expect}};
}

static void equal_curves(const struct raml_loss_curve *a, const struct raml_loss_curve *b)
{
    assert_int_equal(a->n_points, b->n_points);
    assert_int_equal(a->n_answer, b->n_answer);
    assert_memory_equal(a->loss, b->loss, a->n_points * sizeof *a->loss);
    assert_memory_equal(a->greedy, b->greedy, a->n_points * sizeof *a->greedy);
    assert_memory_equal(a->logp, b->logp, a->n_points * a->n_answer * sizeof *a->logp);
    if (a->token_logp) assert_memory_equal(a->token_logp, b->token_logp, a->n_tokens * sizeof *a->token_logp);
    for (size_t i = 0; b->token_entropy && i < b->n_tokens; i++) assert_true(isnan(b->token_entropy[i]));
    assert_int_equal(a->n_other, b->n_other);
    for (size_t i = 0; i < a->n_other; i++) equal_curves(&a->other[i], &b->other[i]);
}

static void curves(void **state)
{
    struct fixture *f = *state;
    struct elsewhere x = elsewhere_of(f->model);
    struct raml_err err = {0};
    struct raml_tracer *here, *there;
    struct raml_loss_curve a[N_INPUTS] = {0}, b[N_INPUTS] = {0};
    const struct raml_trace_options opt = {.stride = 3, .max_batch_tokens = 4096, .tokens = true};
    const struct raml_trace_probe other[] = {{f->token + 3, 7, 2}, {f->token + 3, 4, 3}, {f->token + 70, 2, 0}};
    size_t n_texts = 0, alone = 0, n;
    x.remote.user = &x;
    f->in[0].other = other;
    f->in[0].n_other = COUNT(other);
    must(raml_tracer_open(f->model, &opt, &here, &err), &err);
    must(raml_tracer_open_remote(&x.remote, &opt, &there, &err), &err);
    must(raml_tracer_run(here, f->in, N_INPUTS, a, &err), &err);
    must(raml_tracer_run(there, f->in, N_INPUTS, b, &err), &err);
    for (size_t i = 0; i < N_INPUTS; i++) {
        equal_curves(&a[i], &b[i]);
        alone += raml_tracer_cost_alone(there, &f->in[i], &n);
        n_texts += n;
        raml_loss_curve_deinit(&a[i]);
        raml_loss_curve_deinit(&b[i]);
    }
    assert_int_equal(x.n_texts, n_texts);
    assert_int_equal(x.n_tokens, alone);
    assert_int_equal(x.n_groups, N_INPUTS);
    assert_int_equal(raml_tracer_tokens(there), alone);
    f->in[0].n_other = 0;
    raml_tracer_close(here);
    raml_tracer_close(there);
}

static void faults(void **state)
{
    struct fixture *f = *state;
    struct elsewhere x = elsewhere_of(f->model);
    struct raml_err err = {0};
    struct raml_tracer *t;
    struct raml_loss_curve c = {0};
    const size_t layer[] = {1};
    struct raml_trace_options opt = {.stride = 1, .max_batch_tokens = 4096, .layer = layer, .n_layers = 1};
    x.remote.user = &x;
    assert_int_equal(raml_tracer_open_remote(&x.remote, &opt, &t, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "layers: there gives no states of layers; the model itself does");
    opt.n_layers = 0;
    must(raml_tracer_open_remote(&x.remote, &opt, &t, &err), &err);
    x.fails = RAML_EIO;
    assert_int_equal(raml_tracer_run(t, f->in, 1, &c, &err), RAML_EIO);
    assert_string_equal(err.msg, "it is not there");
    assert_null(c.loss);
    x.fails = RAML_OK; /* and it can be used again */
    must(raml_tracer_run(t, f->in + 3, 1, &c, &err), &err);
    raml_loss_curve_deinit(&c);
    x.remote.max_positions = 20;
    assert_int_equal(raml_tracer_check(t, &f->in[0], &err), RAML_ERANGE);
    x.remote.max_positions = 0; /* not known */
    must(raml_tracer_check(t, &f->in[0], &err), &err);
    raml_tracer_close(t);
}

static void completions(void **state)
{
    struct fixture *f = *state;
    struct elsewhere x = elsewhere_of(f->model);
    struct raml_err err = {0};
    struct raml_completion_evaluator *here, *there;
    float logp[2][3][16], entropy[16];
    struct raml_completion c[2][3];
    x.remote.user = &x;
    must(raml_completion_open(f->model, 4096, &here, &err), &err);
    must(raml_completion_open_remote(&x.remote, 4096, &there, &err), &err);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 3; i++)
            c[k][i] = (struct raml_completion){f->token + 40 + 10 * i, 5 + i, logp[k][i], k ? entropy : NULL, i};
        const struct raml_completions job = {f->token, 12, c[k], 3};
        must(raml_completion_logprobs(k ? there : here, &job, 1, &err), &err);
    }
    for (size_t i = 0; i < 3; i++) assert_memory_equal(logp[0][i], logp[1][i], 5 * sizeof(float));
    assert_true(isnan(entropy[0]));
    assert_int_equal(x.n_texts, 3);
    assert_int_equal(x.n_tokens, 3 * 12 + 5 + 6 + 7);
    raml_completion_close(here);
    raml_completion_close(there);
}

/* -- Samples ---------------------------------------------------------------------------------------------------------- */

static void same_samples(const struct raml_questions *a, const struct raml_questions *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->question[i].question, b->question[i].question);
        assert_int_equal(a->question[i].n_trajectories, b->question[i].n_trajectories);
        for (size_t k = 0; k < a->question[i].n_trajectories; k++) {
            const struct raml_trajectory *x = &a->question[i].trajectory[k], *y = &b->question[i].trajectory[k];
            assert_string_equal(x->text ? x->text : "", y->text ? y->text : "");
            assert_string_equal(x->answer ? x->answer : "", y->answer ? y->answer : "");
            assert_string_equal(x->finish_reason, y->finish_reason);
            assert_int_equal(x->think_closed, y->think_closed);
            assert_int_equal(x->correct, y->correct);
            assert_int_equal(x->n_tokens, y->n_tokens);
            assert_memory_equal(x->tokens, y->tokens, x->n_tokens * sizeof *x->tokens);
            CHECK_NEAR("logp_sum", y->logp_sum, -0.5 * (double)y->n_tokens, 1e-6);
        }
    }
}

static void sampled(void **state)
{
    struct fixture *f = *state;
    struct elsewhere x = elsewhere_of(f->model);
    struct raml_err err = {0};
    struct raml_tokenizer *t;
    const struct raml_format format = raml_format_default();
    struct raml_questions qs, here, there;
    struct raml_sample_stats a, b;
    struct raml_sample_options opt = raml_sample_default();
    opt.n = 3;
    opt.max_completion_length = 60;
    x.remote.user = &x;
    must(raml_tokenizer_bytes(&t, &err), &err);
    raml_questions_init(&qs);
    raml_questions_init(&here);
    raml_questions_init(&there);
    for (size_t i = 0; i < 8; i++) {
        char text[] = "0+1=?";
        text[0] = (char)('0' + i);
        struct raml_question q = {.id = text, .question = text, .answer = "2", .difficulty = -1};
        must(raml_questions_add(&qs, &q, &err), &err);
    }
    must(raml_sample_questions(f->model, t, &format, &qs, &opt, &here, &a, NULL, &err), &err);
    x.made = &here;
    must(raml_sample_questions_remote(&x.remote, t, &format, &qs, &opt, &there, &b, &err), &err);
    same_samples(&here, &there);
    assert_int_equal(a.tokens, b.tokens);
    assert_int_equal(a.truncated, b.truncated);
    assert_true(a.truncated < a.samples && a.truncated > 0); /* both kinds were seen */
    assert_int_equal(x.cost.n, 24);
    assert_int_equal(x.cost.alone, 3 * x.cost.shared);
    assert_int_equal(x.cost.most_new, 24 * 60);
    opt.think_budget = 5;
    raml_questions_deinit(&there);
    raml_questions_init(&there);
    assert_int_equal(raml_sample_questions_remote(&x.remote, t, &format, &qs, &opt, &there, &b, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "think_budget: needs the model itself; an endpoint gives whole samples only");
    raml_questions_deinit(&qs);
    raml_questions_deinit(&here);
    raml_questions_deinit(&there);
    raml_tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(curves, enter, leave),
                                       cmocka_unit_test_setup_teardown(faults, enter, leave),
                                       cmocka_unit_test_setup_teardown(completions, enter, leave),
                                       cmocka_unit_test_setup_teardown(sampled, enter, leave)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
