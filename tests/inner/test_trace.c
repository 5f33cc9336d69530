/* Loss curves: golden values, one pass against a pass per prefix, splitting, packing, strides, greedy, texts. */
#include "inner/trace_rig.h"

#include "inner/trace_curve.h"
#include "raml/completion.h"

static void golden_values(void **state)
{
    (void)state;
    for (size_t m = 0; m < COUNT(golden_names); m++) {
        struct golden g;
        struct raml_trace_input in[N_TRAJECTORIES];
        struct raml_loss_curve c[N_TRAJECTORIES];
        golden_open(&g, golden_names[m]);
        for (size_t i = 0; i < N_TRAJECTORIES; i++)
            in[i] = (struct raml_trace_input)INPUT(g.prompt.id, g.trajectory[i].id, g.answer_prefix.id, g.answer.id,
                                                   g.prompt.n, g.trajectory[i].n, g.answer_prefix.n, g.answer.n);
        trace(g.model, 1, 4096, in, N_TRAJECTORIES, c);
        for (size_t i = 0; i < N_TRAJECTORIES; i++) {
            const json_t *want = golden_of(&g, i, "answer_logp_after_prefix");
            assert_int_equal(c[i].n_points, json_array_size(want));
            assert_int_equal(c[i].n_points, g.trajectory[i].n + 1);
            assert_memory_equal(c[i].token, g.trajectory[i].id, c[i].n_tokens * sizeof *c[i].token);
            for (size_t k = 0; k < c[i].n_points; k++) {
                double loss = 0;
                assert_int_equal(c[i].at[k], k);
                for (size_t j = 0; j < g.answer.n; j++) {
                    double logp = json_number_value(json_array_get(json_array_get(want, k), j));
                    CHECK_NEAR(golden_names[m], c[i].logp[k * g.answer.n + j], logp, 1e-4);
                    loss -= logp / (double)g.answer.n;
                }
                CHECK_NEAR(golden_names[m], c[i].loss[k], loss, 1e-4);
            }
            raml_loss_curve_deinit(&c[i]);
        }
        golden_close(&g);
    }
}

/* The slow computation, which defines the curve: for every i one chain, evaluated by itself. */
static void one_pass_per_prefix(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_completion_evaluator *s;
    struct raml_loss_curve c[N_INPUTS];
    must(raml_completion_open(f->model, 1 << 20, &s, &err), &err);
    trace(f->model, 1, 1 << 20, f->in, N_INPUTS, c);
    for (size_t n = 0; n < N_INPUTS; n++) {
        const struct raml_trace_input *in = &f->in[n];
        for (size_t i = 0; i <= in->n_trajectory; i += far_asked() ? 11 : 1) {
            int32_t text[4 * T_LONG];
            float logp[16];
            size_t len = 0;
            memcpy(text, in->prompt, in->n_prompt * sizeof *text);
            len = in->n_prompt;
            if (i) memcpy(text + len, in->trajectory, i * sizeof *text);
            len += i;
            if (in->n_answer_prefix) memcpy(text + len, in->answer_prefix, in->n_answer_prefix * sizeof *text);
            len += in->n_answer_prefix;
            struct raml_completion a = {in->answer, in->n_answer, logp, NULL, 0};
            const struct raml_completions job = {text, len, &a, 1};
            must(raml_completion_logprobs(s, &job, 1, &err), &err);
            double loss = 0;
            for (size_t j = 0; j < in->n_answer; j++) {
                CHECK_NEAR("logp", c[n].logp[i * in->n_answer + j], logp[j], 1e-5);
                loss -= (double)logp[j] / (double)in->n_answer;
            }
            CHECK_NEAR("loss", c[n].loss[i], loss, 1e-5);
        }
    }
    deinit_all(c);
    raml_completion_close(s);
}

static void splitting_changes_nothing(void **state)
{
    struct fixture *f = *state;
    static const size_t bound[] = {1, 50, 250, 700, 1300};
    struct raml_loss_curve whole[N_INPUTS], c[N_INPUTS];
    trace(f->model, 1, 1 << 20, f->in, N_INPUTS, whole);
    for (size_t i = far_asked() ? 2 : 0; i < COUNT(bound); i++) {
        trace(f->model, 1, bound[i], f->in, N_INPUTS, c);
        for (size_t n = 0; n < N_INPUTS; n++) same_curve(&c[n], &whole[n], 1e-5);
        deinit_all(c);
    }
    deinit_all(whole);
}

static void passes_are_bounded(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_loss_curve c;
    size_t probes = (T_LONG + 1) * 6, all = 40 + T_LONG + probes;
    struct raml_tracer *t = open_tracer(f->model, 1, all); /* 1096 rows: exactly one pass */
    must(raml_tracer_run(t, f->in, 1, &c, &err), &err);
    assert_int_equal(raml_tracer_passes(t), 1);
    assert_int_equal(raml_tracer_tokens(t), all);
    raml_loss_curve_deinit(&c);
    raml_tracer_close(t);
    t = open_tracer(f->model, 1, all - 1); /* the last probe needs a second one, with prompt and trajectory again */
    must(raml_tracer_run(t, f->in, 1, &c, &err), &err);
    assert_int_equal(raml_tracer_passes(t), 2);
    assert_int_equal(raml_tracer_tokens(t), all + 40 + T_LONG - 1);
    raml_loss_curve_deinit(&c);
    raml_tracer_close(t);
    t = open_tracer(f->model, 1, 879); /* first: 40 + i + 6 (i + 1) <= 879, so i = 0 .. 119; then the rest */
    must(raml_tracer_run(t, f->in, 1, &c, &err), &err);
    assert_int_equal(raml_tracer_passes(t), 2);
    assert_int_equal(raml_tracer_tokens(t), (40 + 119) + (40 + T_LONG) + probes);
    raml_loss_curve_deinit(&c);
    raml_tracer_close(t);
}

static void neighbours_change_nothing(void **state)
{
    struct fixture *f = *state;
    static const size_t bound[] = {1 << 20, 100, 900};
    struct raml_loss_curve together[N_INPUTS], alone;
    for (size_t i = far_asked() ? 2 : 0; i < COUNT(bound); i++) {
        trace(f->model, 1, bound[i], f->in, N_INPUTS, together);
        for (size_t n = 0; n < N_INPUTS; n++) {
            trace(f->model, 1, bound[i], &f->in[n], 1, &alone);
            same_curve(&together[n], &alone, 0); /* to the last bit */
            raml_loss_curve_deinit(&alone);
        }
        deinit_all(together);
    }
}

static void strides(void **state)
{
    struct fixture *f = *state;
    static const struct {
        size_t stride, n;
    } cases[] = {{1, 151}, {2, 76}, {4, 39}, {7, 23}, {75, 3}, {149, 3}, {150, 2}, {151, 2}, {1000, 2}};
    struct raml_loss_curve whole, c;
    trace(f->model, 1, 1 << 20, f->in, 1, &whole);
    for (size_t i = 0; i < COUNT(cases); i++) {
        trace(f->model, cases[i].stride, 600, f->in, 1, &c);
        assert_int_equal(c.n_points, cases[i].n);
        assert_int_equal(c.n_tokens, T_LONG);
        assert_int_equal(c.at[c.n_points - 1], T_LONG);
        for (size_t k = 0; k < c.n_points; k++) {
            if (k + 1 < c.n_points) assert_int_equal(c.at[k], k * cases[i].stride);
            CHECK_NEAR("loss", c.loss[k], whole.loss[c.at[k]], 1e-5);
        }
        raml_loss_curve_deinit(&c);
    }
    raml_loss_curve_deinit(&whole);
}

/* Which answer of one token is greedy after i tokens, found by evaluating the whole vocabulary. */
static void greedy(void **state)
{
    struct fixture *f = *state;
    enum { V = 512, N = 6 };
    struct raml_err err = {0};
    struct raml_completion_evaluator *s;
    struct raml_loss_curve c;
    static float logp[V];
    static int32_t token[V];
    struct raml_completion one[V];
    int32_t best[N + 1], *text = f->token;
    must(raml_completion_open(f->model, 1 << 20, &s, &err), &err);
    for (int v = 0; v < V; v++) token[v] = v;
    for (int v = 0; v < V; v++) one[v] = (struct raml_completion){&token[v], 1, &logp[v], NULL, 0};
    for (size_t i = 0; i <= N; i++) { /* no answer prefix; prompt of 20 tokens, trajectory after it */
        const struct raml_completions job = {text, 20 + i, one, V};
        must(raml_completion_logprobs(s, &job, 1, &err), &err);
        best[i] = 0;
        for (int v = 1; v < V; v++)
            if (logp[v] > logp[best[i]]) best[i] = v;
    }
    for (size_t k = 0; k <= N; k++) {
        const struct raml_trace_input in = INPUT(text, text + 20, NULL, &best[k], 20, N, 0, 1);
        trace(f->model, 1, 4096, &in, 1, &c);
        for (size_t i = 0; i <= N; i++) assert_int_equal(c.greedy[i], best[i] == best[k]);
        raml_loss_curve_deinit(&c);
    }
    const int32_t half[] = {best[N], (best[N] + 1) % V}; /* its second token would have to be greedy too */
    struct raml_trace_input in = INPUT(text, text + 20, NULL, half, 20, N, 0, 2);
    int32_t chain[32];
    memcpy(chain, text, (20 + N) * sizeof *chain);
    chain[20 + N] = best[N];
    const struct raml_completions job = {chain, 21 + N, one, V};
    must(raml_completion_logprobs(s, &job, 1, &err), &err);
    int next = 0;
    for (int v = 1; v < V; v++)
        if (logp[v] > logp[next]) next = v;
    trace(f->model, 1, 4096, &in, 1, &c);
    assert_int_equal(c.greedy[N], next == half[1]);
    raml_loss_curve_deinit(&c);
    const int32_t both[] = {best[N], next};
    in.answer = both;
    trace(f->model, 1, 4096, &in, 1, &c);
    assert_true(c.greedy[N]);
    raml_loss_curve_deinit(&c);
    raml_completion_close(s);
}

static void bad_input(void **state)
{
    struct fixture *f = *state;
    const int32_t bad = 512;
    struct raml_err err = {0};
    struct raml_loss_curve c[2] = {{0}};
    struct raml_tracer *t;
    size_t context = (size_t)raml_model_config(f->model)->max_positions;
    int32_t *zeros = calloc(context, sizeof *zeros);
    const struct {
        struct raml_trace_input in;
        const char *message;
    } cases[] = {
        {INPUT(f->token, f->token, f->token, f->token, 0, 2, 1, 1), "trajectory 2: the prompt has no token"},
        {INPUT(f->token, f->token, f->token, f->token, 2, 2, 1, 0), "trajectory 2: the answer has no token"},
        {INPUT(f->token, &bad, f->token, f->token, 2, 1, 1, 1),
         "trajectory: token 1 is 512; the model's vocabulary is 0 to 511"},
        {INPUT(f->token, f->token, f->token, &bad, 2, 1, 1, 1), "answer: token 1 is 512"},
        {INPUT(f->token, zeros, f->token, f->token, 2, context - 3, 1, 1), "are longer than the model's context"},
        {INPUT(f->token, zeros, f->token, f->token, 2, SIZE_MAX, 1, 1), "are longer than the model's context"},
    };
    const struct raml_trace_options none = {.stride = 0, .max_batch_tokens = 10};
    assert_int_equal(raml_tracer_open(f->model, &none, &t, &err), RAML_ERANGE);
    t = open_tracer(f->model, 1, 4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct raml_trace_input in[2] = {f->in[1], cases[i].in};
        err = (struct raml_err){0};
        assert_int_equal(raml_tracer_run(t, in, 2, c, &err), RAML_ERANGE);
        assert_true(has(err.msg, cases[i].message));
        assert_null(c[0].loss);
        assert_int_equal(raml_tracer_tokens(t), 0);
    }
    must(raml_tracer_run(t, NULL, 0, c, &err), &err);
    raml_tracer_close(t);
    raml_tracer_close(NULL);
    free(zeros);
}

/* A loss that is no number belongs to one of several inputs: the message says to which. */
static void not_finite(void **state)
{
    struct fixture *f = *state;
    enum { BAD = 300 };
    const int32_t bad[] = {1, BAD};
    struct raml_device *dev;
    struct raml_model *m;
    struct raml_err err = {0};
    struct raml_loss_curve c[2] = {{0}};
    broken_open(&dev, &m, BAD);
    struct raml_tracer *t = open_tracer(m, 2, 4096);
    const struct raml_trace_input in[2] = {f->in[1], INPUT(f->token, bad, f->token, f->token + 1, 1, 2, 1, 1)};
    assert_int_equal(raml_tracer_run(t, in, 2, c, &err), RAML_ERANGE);
    assert_memory_equal(err.msg, "trajectory 2: the loss of the answer after ", 43);
    assert_null(c[0].loss);
    assert_int_equal(raml_tracer_run(t, in + 1, 1, c, &err), RAML_ERANGE);
    assert_memory_equal(err.msg, "the loss of the answer after ", 29);
    must(raml_tracer_run(t, in, 1, c, &err), &err); /* and is as good as new */
    raml_loss_curve_deinit(&c[0]);
    raml_tracer_close(t);
    raml_model_close(m);
    raml_device_close(dev);
}

/* -- Texts --------------------------------------------------------------------------------------------------------- */

static void check_tokens(const struct raml_tokenizer *t, const struct raml_tokens *got, const char *want)
{
    struct raml_buf b;
    raml_buf_init(&b, 1 << 20);
    raml_buf_add(&b, "", 0);
    assert_int_equal(raml_tokenizer_decode(t, got->id, got->n, true, &b, NULL), RAML_OK);
    assert_string_equal(b.data ? b.data : "", want);
    raml_buf_deinit(&b);
}

static void from_texts(void **state)
{
    struct fixture *f = *state;
    struct raml_err err = {0};
    struct raml_tokenizer *tok;
    must(raml_tokenizer_bytes(&tok, &err), &err);
    struct raml_tokens recorded = {0}, other = {0};
    const char *sampled = "4 \xff+5</think>7<|endoftext|>", *different = "entirely different";
    must(raml_tokenizer_encode(tok, sampled, strlen(sampled), true, &recorded, &err), &err);
    must(raml_tokenizer_encode(tok, different, strlen(different), true, &other, &err), &err);
    struct raml_trajectory s[] = {
        {.text = "3+4=7", .answer = "8"},
        {.text = "4 \xEF\xBF\xBD+5", .answer = NULL, .tokens = recorded.id, .n_tokens = recorded.n},
        {.text = "3+4=7", .answer = NULL, .tokens = other.id, .n_tokens = other.n},
        {.text = "", .answer = "9"},
    };
    const struct raml_question q = {
        .id = "a", .question = "3+4", .answer = "7", .trajectory = s, .n_trajectories = COUNT(s), .line = 12};
    struct raml_trace_source src = {.tokenizer = tok, .format = raml_format_default()};
    struct raml_trace_text x = {0};
    must(raml_trace_encode(&src, &q, 0, &x, &err), &err);
    check_tokens(tok, &x.prompt, "<|question|>3+4<think>");
    check_tokens(tok, &x.trajectory, "3+4=7");
    check_tokens(tok, &x.answer_prefix, "</think>");
    check_tokens(tok, &x.answer, "7");
    must(raml_trace_encode(&src, &q, 1, &x, &err), &err); /* as sampled: the byte that is not text is still there */
    check_tokens(tok, &x.trajectory, "4 \xff+5");
    must(raml_trace_encode(&src, &q, 2, &x, &err), &err); /* tokens of something else: the text counts */
    check_tokens(tok, &x.trajectory, "3+4=7");
    must(raml_trace_encode(&src, &q, 3, &x, &err), &err);
    assert_int_equal(x.trajectory.n, 0);
    src.score_end = true;
    must(raml_trace_encode(&src, &q, 0, &x, &err), &err);
    check_tokens(tok, &x.answer, "7<|endoftext|>");
    src.own = true;
    must(raml_trace_encode(&src, &q, 0, &x, &err), &err);
    check_tokens(tok, &x.answer, "8<|endoftext|>");
    assert_int_equal(raml_trace_encode(&src, &q, 1, &x, &err), RAML_ERANGE);
    assert_true(has(err.msg, "question 'a' (line 12), trajectory 2 has no answer of its own"));
    assert_int_equal(x.prompt.n + x.trajectory.n + x.answer_prefix.n + x.answer.n, 0);
    assert_int_equal(raml_trace_encode(&src, &q, 4, &x, &err), RAML_ERANGE);
    assert_true(has(err.msg, "trajectory 5: there is none; the question has 4"));
    src = (struct raml_trace_source){.tokenizer = tok, .format = raml_format_default()};
    struct raml_tracer *t = open_tracer(f->model, 1, 4096);
    struct raml_loss_curve c;
    must(raml_trace_run(t, &src, &q, 0, &c, &err), &err);
    assert_int_equal(c.n_points, 6);
    assert_int_equal(c.n_answer, 1);
    raml_loss_curve_deinit(&c);
    raml_tracer_close(t);
    raml_trace_text_deinit(&x);
    raml_tokens_deinit(&recorded);
    raml_tokens_deinit(&other);
    raml_tokenizer_close(tok);
}

/* The paper's answer prefix and an answer that begins inside one of Qwen's tokens. */
static void joined_texts(void **state)
{
    (void)state;
    static const struct {
        enum raml_join join;
        bool score_end;
        const char *answer_prefix, *answer, *first; /* first: the answer's first token */
        size_t border_bytes;
    } cases[] = {{RAML_JOIN_JOINT, true, "\n\n**Final Answer**\n\\boxed", "{\\frac12}<|im_end|>", "{\\", 1},
                 {RAML_JOIN_JOINT, false, "\n\n**Final Answer**\n\\boxed", "{\\frac12", "{\\", 1},
                 {RAML_JOIN_SPLIT, true, "\n\n**Final Answer**\n\\boxed{", "\\frac12}<|im_end|>", "\\", 0}};
    struct raml_err err = {0};
    struct raml_tokenizer *tok;
    struct raml_trace_text x = {0};
    if (!raml_is_dir(RAML_SHARED "/data/tokenizer/qwen3")) {
        fprintf(stderr, "SKIPPED: no tokenizer in %s: the border before the answer was NOT checked\n", RAML_SHARED);
        skip();
    }
    must(raml_tokenizer_open(RAML_SHARED "/data/tokenizer/qwen3", &tok, &err), &err);
    struct raml_trajectory s = {.text = "half"};
    const struct raml_question q = {
        .id = "a", .question = "1/2", .answer = "\\frac12", .trajectory = &s, .n_trajectories = 1};
    struct raml_trace_source src = {
        .tokenizer = tok,
        .format = {
            .before = "", .after = "\n", .end = "}<|im_end|>", .answer_prefix = "\n\n**Final Answer**\n\\boxed{"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        src.join = cases[i].join;
        src.score_end = cases[i].score_end;
        must(raml_trace_encode(&src, &q, 0, &x, &err), &err);
        check_tokens(tok, &x.answer_prefix, cases[i].answer_prefix);
        check_tokens(tok, &x.answer, cases[i].answer);
        assert_int_equal(x.border_bytes, cases[i].border_bytes);
        const struct raml_tokens first = {x.answer.id, 1, 1};
        check_tokens(tok, &first, cases[i].first);
    }
    raml_trace_text_deinit(&x);
    raml_tokenizer_close(tok);
}

/* The border of prefix and answer is found by bytes, not by counting the answer's own tokens from the end: after
 * "\\boxed{" an answer that opens with a letter, a bracket or a backslash shares its first token with the prefix. That
 * is given as `border_bytes`, or kept apart by split; integers never do. */
static void the_border_is_found_by_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        size_t border_bytes;
    } cases[] = {{"204", 0}, {"x", 1}, {"\\frac12", 1}, {"\\{1\\}", 1}, {"{1}", 1}, {"(1,2)", 1}, {"}", 1}};
    struct raml_err err = {0};
    struct raml_tokenizer *tok;
    struct raml_trace_text x = {0};
    if (!raml_is_dir(RAML_SHARED "/data/tokenizer/qwen3")) {
        fprintf(stderr, "SKIPPED: no tokenizer in %s: the border before the answer was NOT checked\n", RAML_SHARED);
        skip();
    }
    must(raml_tokenizer_open(RAML_SHARED "/data/tokenizer/qwen3", &tok, &err), &err);
    const char *prefix = "\n\n**Final Answer**\n\\boxed{";
    struct raml_trace_source src = {.tokenizer = tok,
                                    .format = {.before = "", .after = "\n", .end = "", .answer_prefix = prefix}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_trajectory s = {.text = "so"};
        struct raml_question q = {.id = "a", .question = "?", .trajectory = &s, .n_trajectories = 1};
        char text[100], want[100];
        snprintf(text, sizeof text, "%s", cases[i].answer);
        q.answer = text;
        must(raml_trace_encode(&src, &q, 0, &x, &err), &err);
        assert_int_equal(x.border_bytes, cases[i].border_bytes);
        snprintf(want, sizeof want, "%s%s", prefix + strlen(prefix) - x.border_bytes, text);
        check_tokens(tok, &x.answer, want); /* the answer, and of the prefix only what its first token holds */
        snprintf(want, sizeof want, "%.*s", (int)(strlen(prefix) - x.border_bytes), prefix);
        check_tokens(tok, &x.answer_prefix, want);
        src.join = RAML_JOIN_SPLIT;
        must(raml_trace_encode(&src, &q, 0, &x, &err), &err);
        assert_int_equal(x.border_bytes, 0);
        check_tokens(tok, &x.answer, text);
        check_tokens(tok, &x.answer_prefix, prefix);
        src.join = RAML_JOIN_JOINT;
    }
    raml_trace_text_deinit(&x);
    raml_tokenizer_close(tok);
}

static void answer_loss(void **state)
{
    (void)state;
    CHECK_NEAR("mean", raml_answer_loss(-3, 4), 0.75, 0);
    assert_false(signbit(raml_answer_loss(-0.0, 2)));
    CHECK_NEAR("rounding above 0", raml_answer_loss(1e-9, 2), 0, 0);
    assert_true(isinf(raml_answer_loss(-INFINITY, 2)));
    assert_true(isnan(raml_answer_loss(NAN, 2))); /* no certainty */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answer_loss),
        cmocka_unit_test(golden_values),
        cmocka_unit_test(one_pass_per_prefix),
        cmocka_unit_test(splitting_changes_nothing),
        cmocka_unit_test(passes_are_bounded),
        cmocka_unit_test(neighbours_change_nothing),
        cmocka_unit_test(strides),
        cmocka_unit_test(greedy),
        cmocka_unit_test(bad_input),
        cmocka_unit_test(not_finite),
        cmocka_unit_test(from_texts),
        cmocka_unit_test(joined_texts),
        cmocka_unit_test(the_border_is_found_by_bytes),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
