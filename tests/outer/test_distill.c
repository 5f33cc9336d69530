/* Self-distillation with a hint: the objective by hand, and as an estimate of the reverse KL's own gradient; what the
 * teacher is asked; in the trainer: no gradient through the teacher, the same bytes in one pass, stopped and resumed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>

#include "outer/rollout_rig.h"
#include "raml/chat.h"
#include "raml/rng.h"

static int setup_warm(void **state)
{
    int rc = setup(state);
    if (!rc) warm_up(*state);
    return rc;
}

/* -- The objective ------------------------------------------------------------------------------------------------- */

static void test_by_hand(void **state)
{
    (void)state;
    struct raml_err err = {0};
    static const size_t start[] = {0, 3, 5};
    static const float logp[] = {-1, -2, -0.5F, -3, -0.25F}, entropy[] = {0.5F, 1, 0.25F, 2, 9},
                       weight[] = {1, 2, 1, 1, 0}, ref[] = {-1.5F, -0.5F, -0.5F, -1, NAN};
    const struct raml_terms terms = {
        .n_rows = 2, .start = start, .logp = logp, .entropy = entropy, .weight = weight, .ref_logp = ref, .total = 10};
    double d_logp[5], d_entropy[5];
    struct raml_distill_options o = {0};
    struct raml_objective f = raml_distill_objective(&o);
    struct raml_statistics said = {0};
    struct raml_objective_out out = {.d_logp = d_logp, .d_entropy = d_entropy, .statistics = &said};
    CHECK_OK(f.evaluate(f.user, &terms, &out, &err));
    /* log-ratios 0.5, -1.5, 0, -2; the last token has no weight */
    CHECK_NEAR("loss", out.loss, (0.5 - 3 + 0 - 2) / 10, 1e-15);
    static const double want[] = {0.05, -0.3, 0, -0.2, 0};
    for (size_t i = 0; i < 5; i++) {
        CHECK_NEAR("d_logp", d_logp[i], want[i], 1e-15);
        assert_true(d_entropy[i] == 0);
    }
    CHECK_NEAR("reverse_kl", raml_statistics_value(&said, "reverse_kl"), -4.5 / 5, 1e-15);
    CHECK_NEAR("student_nll", raml_statistics_value(&said, "student_nll"), (1 + 4 + 0.5 + 3) / 5, 1e-15);
    CHECK_NEAR("teacher_nll", raml_statistics_value(&said, "teacher_nll"), (1.5 + 1 + 0.5 + 1) / 5, 1e-15);
    CHECK_NEAR("entropy", raml_statistics_value(&said, "entropy"), (0.5 + 2 + 0.25 + 2) / 5, 1e-15);
    CHECK_NEAR("log_ratio_max", raml_statistics_value(&said, "log_ratio_max"), 2, 1e-15);
    o.log_ratio_clip = 1;
    said = (struct raml_statistics){0};
    CHECK_OK(f.evaluate(f.user, &terms, &out, &err));
    static const double bounded[] = {0.05, -0.2, 0, -0.1, 0};
    for (size_t i = 0; i < 5; i++) CHECK_NEAR("d_logp within 1", d_logp[i], bounded[i], 1e-15);
    CHECK_NEAR("clipped_ratio", raml_statistics_value(&said, "clipped_ratio"), 3.0 / 5, 1e-15);
    CHECK_NEAR("the loss is not clipped", out.loss, -0.45, 1e-15);
}

/* The teacher as rows of the same part: the same numbers, and nothing for its own tokens. */
static void test_pairs(void **state)
{
    (void)state;
    struct raml_err err = {0};
    static const size_t start[] = {0, 3, 5, 8, 10};
    static const float logp[] = {-1, -2, -0.5F, -3, -0.25F, -1.5F, -0.5F, -0.5F, -1, -7},
                       weight[] = {1, 2, 1, 1, 0, 0, 0, 0, 0, 0};
    static const int32_t pair[] = {4, 9, -4, -9}, crossed[] = {4, 9, -9, -4};
    struct raml_terms terms = {.n_rows = 4, .start = start, .logp = logp, .weight = weight, .pair = pair, .total = 10};
    double d_logp[10];
    const struct raml_distill_options o = {0};
    const struct raml_objective f = raml_distill_objective(&o);
    struct raml_objective_out out = {.d_logp = d_logp};
    CHECK_OK(f.evaluate(f.user, &terms, &out, &err));
    CHECK_NEAR("loss", out.loss, -0.45, 1e-15);
    static const double want[] = {0.05, -0.3, 0, -0.2, 0, 0, 0, 0, 0, 0};
    for (size_t i = 0; i < 10; i++) CHECK_NEAR("d_logp", d_logp[i], want[i], 1e-15);
    terms.pair = crossed; /* of other lengths */
    assert_int_equal(f.evaluate(f.user, &terms, &out, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "distillation: row 1 has no log-probabilities of a teacher");
    terms.pair = NULL;
    assert_int_equal(f.evaluate(f.user, &terms, &out, &err), RAML_ERANGE);
    terms.pair = pair;
    terms.total = 0;
    assert_int_equal(f.evaluate(f.user, &terms, &out, &err), RAML_ERANGE);
    assert_string_equal(err.msg, "distillation: the sum of token weights is 0; expected a positive number");
}

enum { V = 9 };

static void log_softmax(const double *z, double *logp)
{
    double most = z[0], sum = 0;
    for (size_t v = 1; v < V; v++) most = fmax(most, z[v]);
    for (size_t v = 0; v < V; v++) sum += exp(z[v] - most);
    for (size_t v = 0; v < V; v++) logp[v] = z[v] - most - log(sum);
}

static double reverse_kl(const double *z, const double *teacher)
{
    double logp[V], kl = 0;
    log_softmax(z, logp);
    for (size_t v = 0; v < V; v++) kl += exp(logp[v]) * (logp[v] - teacher[v]);
    return kl;
}

/* Every token of a small vocabulary, weighted by its probability: what the objective gives is on average the exact reverse
 * KL, and its gradient by the logits, which comes by central differences. */
static void test_expectation(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_rng rng = {{.seed = 5, .purpose = RAML_FOR_SHUFFLE}, 0};
    double worst = 0;
    for (int c = 0; c < 50; c++) {
        double z[V], y[V], logp[V], teacher[V], d_logp[V], exact[V], total = 0;
        float said[V], taught[V], weight[V];
        size_t start[V + 1];
        for (size_t v = 0; v < V; v++) {
            z[v] = 4 * (double)raml_rng_below(&rng, 1 << 20) / (1 << 20);
            y[v] = 4 * (double)raml_rng_below(&rng, 1 << 20) / (1 << 20);
        }
        log_softmax(z, logp);
        log_softmax(y, teacher);
        for (size_t v = 0; v <= V; v++) start[v] = v;
        for (size_t v = 0; v < V; v++) {
            said[v] = (float)logp[v];
            taught[v] = (float)teacher[v];
            weight[v] = (float)exp(logp[v]);
            total += (double)weight[v];
        }
        for (size_t v = 0; v < V; v++) {
            double up[V], down[V];
            memcpy(up, z, sizeof up);
            memcpy(down, z, sizeof down);
            up[v] += 1e-5;
            down[v] -= 1e-5;
            exact[v] = (reverse_kl(up, teacher) - reverse_kl(down, teacher)) / 2e-5;
        }
        const struct raml_terms terms = {
            .n_rows = V, .start = start, .logp = said, .weight = weight, .ref_logp = taught, .total = total};
        const struct raml_distill_options o = {0};
        const struct raml_objective f = raml_distill_objective(&o);
        struct raml_objective_out out = {.d_logp = d_logp};
        CHECK_OK(f.evaluate(f.user, &terms, &out, &err));
        CHECK_NEAR("mean of the loss", out.loss, reverse_kl(z, teacher), 1e-6);
        for (size_t j = 0; j < V; j++) {
            double mean = 0; /* d logp_v / d z_j = (v == j) - p_j */
            for (size_t v = 0; v < V; v++) mean += d_logp[v] * ((double)(v == j) - exp(logp[j]));
            worst = worse_of(worst, fabs(mean - exact[j]));
        }
    }
    print_message("mean gradient and that of the exact KL: %.2g apart\n", worst);
    CHECK_NEAR("gradient", worst, 0, 1e-6);
}

/* -- The teacher's question ---------------------------------------------------------------------------------------- */

static const char *asked(const struct raml_distill_options *o, const struct raml_question *q, struct raml_buf *out)
{
    struct raml_err err = {0};
    bool has;
    raml_buf_clear(out);
    CHECK_OK(raml_distill_question(o, q, &has, out, &err));
    assert_true(has == (out->len > 0));
    return has ? out->data : NULL;
}

static void test_question(void **state)
{
    (void)state;
    struct raml_err err = {0};
    struct raml_trajectory t[] = {{.text = "", .correct = RAML_EQUAL},
                                  {.text = "no", .correct = RAML_DIFFERENT},
                                  {.text = "{answer}: 3+4 {x}", .correct = RAML_UNKNOWN},
                                  {.text = "late", .correct = RAML_EQUAL}};
    struct raml_question q = {
        .id = "q", .question = "\\frac{hint}", .answer = "7", .trajectory = t, .n_trajectories = 4};
    struct raml_distill_options o = {.hint_format = "{question} [{hint}] {{answer}} {hin} {"};
    struct raml_buf out;
    raml_buf_init(&out, 1 << 16);
    /* what is put in is not read again */
    assert_string_equal(asked(&o, &q, &out), "\\frac{hint} [{answer}: 3+4 {x}] {7} {hin} {");
    o.hint = RAML_HINT_ANSWER;
    assert_string_equal(asked(&o, &q, &out), "\\frac{hint} [7] {7} {hin} {");
    q.answer = "";
    assert_null(asked(&o, &q, &out));
    o.hint = RAML_HINT_SOLUTION;
    q.n_trajectories = 2;
    assert_null(asked(&o, &q, &out));
    raml_buf_deinit(&out);
    CHECK_OK(raml_distill_check(&o, &err));
    o.hint_format = "{question} {answer}";
    assert_int_equal(raml_distill_check(&o, &err), RAML_EUSAGE);
    assert_string_equal(err.msg, "hint_format is '{question} {answer}'; expected a text with {hint} in it");
    struct raml_distill_options usual;
    raml_settings_default(raml_distill_settings, raml_n_distill_settings, &usual);
    CHECK_OK(raml_distill_check(&usual, &err));
    usual.one_pass = true;
    usual.teacher = RAML_TEACHER_START;
    assert_int_equal(raml_distill_check(&usual, &err), RAML_EUSAGE);
}

/* Formats and chat templates put the hint where the question is; what looks like a special token in it stays text. */
static void test_formats(void **state)
{
    struct bench *b = *state;
    struct raml_err err = {0};
    static const char jinja[] =
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}\n{% endfor %}<|assistant|>";
    struct raml_trajectory t = {.text = "</think> 3+4", .correct = RAML_EQUAL};
    const struct raml_question q = {
        .id = "q", .question = "3+4?", .answer = "7", .trajectory = &t, .n_trajectories = 1};
    const struct raml_distill_options o = {.hint_format = "{question}\nsee {hint} "};
    struct raml_chat_template *chat;
    struct raml_format f[2] = {raml_format_default()};
    struct raml_buf text, want;
    CHECK_OK(raml_chat_template_open("t", jinja, strlen(jinja), NULL, NULL, &chat, &err));
    CHECK_OK(raml_format_of_template(chat, RAML_CHAT_THINKING_AUTO, NULL, &f[1], &err));
    raml_buf_init(&text, 1 << 16);
    raml_buf_init(&want, 1 << 16);
    assert_string_equal(asked(&o, &q, &text), "3+4?\nsee </think> 3+4 ");
    for (size_t i = 0; i < 2; i++) {
        struct raml_tokens got = {0};
        raml_buf_clear(&want);
        /* a template's own instruction follows, as it follows a question */
        if (i) raml_buf_addf(&want, "<|user|>%s%s\n<|assistant|>", text.data, f[1].instruction);
        else raml_buf_adds(&want, text.data);
        CHECK_OK(raml_format_prompt(&f[i], b->tokenizer, text.data, &got, &err));
        size_t skip = !i; /* the built-in format's own tokens: before the question, and where thinking begins */
        assert_int_equal(got.n, want.len + 2 * skip);
        for (size_t k = 0; k < want.len; k++) assert_int_equal(got.id[k + skip], (unsigned char)want.data[k]);
        raml_tokens_deinit(&got);
    }
    raml_buf_deinit(&text);
    raml_buf_deinit(&want);
    raml_chat_template_close(chat);
}

/* -- In the trainer ------------------------------------------------------------------------------------------------ */

static const struct raml_distill_options hints = {.hint_format = "{hint},{question}"};

static struct outcome distill(struct bench *b, const char *name, struct grpo g, const struct raml_distill_options *o)
{
    return go_rollouts(b, name, &g, &(struct call){.distill = o});
}

/* One tree with two roots trains as the teacher by itself does: its rows have no gradient. Whatever the packs. */
static void test_one_pass(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(3);
    struct raml_distill_options one = hints;
    one.one_pass = true;
    struct outcome apart = distill(b, "apart", g, &hints), together = distill(b, "together", g, &one);
    CHECK_DONE(apart);
    CHECK_DONE(together);
    assert_int_equal(apart.result.tokens, together.result.tokens);
    same_file(b, "apart", "together", "checkpoint-3/model.safetensors");
    same_file(b, "apart", "together", "checkpoint-3/optimizer.safetensors");
    json_t *x = read_lines(b, "apart", "metrics.jsonl"), *y = read_lines(b, "together", "metrics.jsonl");
    static const char *const same[] = {"loss", "reverse_kl", "student_nll", "teacher_nll", "entropy", "grad_norm"};
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < COUNT(same); k++)
            CHECK_NEAR(same[k], number(json_array_get(x, i), same[k]), number(json_array_get(y, i), same[k]), 1e-12);
    assert_true(number(json_array_get(x, 0), "grad_norm") > 0);
    json_decref(x);
    json_decref(y);
    g.train.micro_batch_tokens = 1;
    g.rollouts.share_prompts = false;
    CHECK_DONE(distill(b, "alone", g, &one));
    x = read_lines(b, "apart", "metrics.jsonl");
    y = read_lines(b, "alone", "metrics.jsonl");
    for (size_t k = 0; k < COUNT(same); k++)
        CHECK_NEAR(same[k], number(json_array_get(x, 0), same[k]), number(json_array_get(y, 0), same[k]), 1e-6);
    json_decref(x);
    json_decref(y);
}

/* Records agree with metrics: the mean over samples' tokens is the step's. */
static void test_records(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(1);
    CHECK_DONE(distill(b, "records", g, &hints));
    json_t *lines = read_lines(b, "records", "rollouts.jsonl"), *m = read_lines(b, "records", "metrics.jsonl"), *line,
           *x;
    double sum = 0, n = 0;
    size_t i, k;
    json_array_foreach (lines, i, line)
        json_array_foreach (json_object_get(line, "trajectories"), k, x) {
            sum += number(x, "reverse_kl") * number(x, "n_tokens");
            n += number(x, "n_tokens");
            assert_null(json_object_get(x, "advantage"));
        }
    assert_int_equal(n, number(json_array_get(m, 0), "trained_tokens"));
    CHECK_NEAR("reverse_kl", sum / n, number(json_array_get(m, 0), "reverse_kl"), 1e-6);
    CHECK_NEAR("loss", number(json_array_get(m, 0), "loss"), number(json_array_get(m, 0), "reverse_kl"), 1e-8);
    assert_true(number(json_array_get(m, 0), "logp_gap/max") == 0);
    json_decref(lines);
    json_decref(m);
}

/* A teacher without a hint is the student: nothing is learned. With `start` that holds for the first step alone. */
static void test_no_news(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(2);
    static const char *const runs[] = {"current", "start"};
    for (int teacher = 0; teacher < 2; teacher++) {
        struct raml_questions same;
        struct raml_err err = {0};
        raml_questions_init(&same);
        for (size_t i = 0; i < 4; i++) {
            struct raml_trajectory t = {.text = "1+2=", .correct = RAML_EQUAL, .logp_sum = NAN};
            char id[8];
            snprintf(id, sizeof id, "s%zu", i);
            struct raml_question q = {
                .id = id, .question = "1+2=", .answer = "3", .difficulty = -1, .trajectory = &t, .n_trajectories = 1};
            CHECK_OK(raml_questions_add(&same, &q, &err));
        }
        const struct raml_distill_options o = {.hint_format = "{hint}", .teacher = teacher};
        g.train.weight_decay = 0.5;
        struct outcome out =
            go_rollouts(b, runs[teacher], &g, &(struct call){.distill = &o, .data = &same, .reference_hash = 3});
        CHECK_DONE(out);
        json_t *m = read_lines(b, runs[teacher], "metrics.jsonl");
        assert_true(number(json_array_get(m, 0), "loss") == 0 && number(json_array_get(m, 0), "grad_norm") == 0);
        assert_true((number(json_array_get(m, 1), "log_ratio_max") > 0) == (teacher == RAML_TEACHER_START));
        json_decref(m);
        raml_questions_deinit(&same);
    }
}

static void test_resumed(void **state)
{
    struct bench *b = *state;
    for (int teacher = 0; teacher < 2; teacher++) {
        struct grpo g = grpo(6);
        const struct raml_distill_options o = {.hint_format = "{hint},{question}", .teacher = teacher};
        struct raml_distill_options other = o;
        char whole[16], part[16];
        snprintf(whole, sizeof whole, "whole-%d", teacher);
        snprintf(part, sizeof part, "part-%d", teacher);
        g.train.eval_steps = 3;
        struct call call = {.distill = &o, .reference_hash = 7};
        CHECK_DONE(go_rollouts(b, whole, &g, &call));
        struct asked at = {.stop_at = 40};
        call.asked = &at;
        assert_int_equal(go_rollouts(b, part, &g, &call).rc, RAML_ESTOP);
        call.asked = NULL;
        call.resume = true;
        other.hint_format = "{question}{hint}";
        call.distill = &other;
        struct outcome out = go_rollouts(b, part, &g, &call);
        assert_int_equal(out.rc, RAML_EUSAGE);
        assert_non_null(strstr(out.err.msg, "hint_format"));
        call.distill = &o;
        CHECK_DONE(go_rollouts(b, part, &g, &call));
        same_file(b, whole, part, "metrics.jsonl");
        same_file(b, whole, part, "rollouts.jsonl");
        same_checkpoint(b, whole, part, 6);
    }
}

static void test_refused(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *settings, *says;
    } cases[] = {
        {"temperature=0.7",
         "distillation weighs samples as the model's own; expected temperature 1, top_k 0, top_p 1 and "
         "min_p 0; found 0.7, 0, 1 and 0"},
        {"top_k=3", "found 1, 3, 1 and 0"},
        {"num_iterations=2", "expected steps_per_generation 1 and num_iterations 1; found 1 and 2"},
        {"fork_samples=1", "fork_samples is 1; expected 0: a teacher reads whole samples"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct grpo g = grpo(2);
        struct raml_err err = {0};
        CHECK_OK(
            raml_settings_apply(raml_rollout_settings, raml_n_rollout_settings, &g.rollouts, cases[i].settings, &err));
        char name[16];
        snprintf(name, sizeof name, "refused-%zu", i);
        struct outcome out = distill(b, name, g, &hints);
        assert_int_equal(out.rc, RAML_EUSAGE);
        if (!strstr(out.err.msg, cases[i].says)) print_error("%s\n", out.err.msg);
        assert_non_null(strstr(out.err.msg, cases[i].says));
    }
    struct grpo g = grpo(2);
    const struct raml_distill_options start = {.hint_format = "{hint}", .teacher = RAML_TEACHER_START};
    struct outcome out = go_rollouts(b, "alone", &g, &(struct call){.distill = &start, .no_reference = true});
    assert_int_equal(out.rc, RAML_EUSAGE);
    assert_string_equal(out.err.msg, "teacher is start, but there is no reference model to be it");
}

/* Questions without a hint are left out; so are, where it is asked, prompts that fill the context; samples that don't fit
 * after their hints are not trained on, and counted. */
static void test_left_out(void **state)
{
    struct bench *b = *state;
    struct grpo g = grpo(2);
    struct raml_questions some;
    char long_hint[CONTEXT + 1] = {0};
    raml_questions_init(&some);
    add_questions(&some, 4, 0);
    struct outcome out = go_rollouts(b, "none", &g, &(struct call){.distill = &hints, .data = &some});
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_string_equal(out.err.msg,
                        "made.jsonl: nothing is trained on: none of 4 questions has a solution to show the "
                        "teacher (hint: answer needs an answer alone)");
    add_questions(&some, 6, 1);
    CHECK_DONE(go_rollouts(b, "some", &g, &(struct call){.distill = &hints, .data = &some}));
    json_t *m = read_lines(b, "some", "metrics.jsonl");
    CHECK_NEAR("epochs of six questions", number(json_array_get(m, 1), "epoch"), 8.0 / 6, 1e-8);
    json_decref(m);
    raml_questions_deinit(&some);
    /* A prompt of the question, of 5 tokens with its frame, and 50 more: of samples of up to 14 tokens some don't fit. */
    memset(long_hint, '.', 50);
    char format[CONTEXT + 32];
    snprintf(format, sizeof format, "{hint}{question}%s", long_hint);
    const struct raml_distill_options tight = {.hint_format = format, .hint = RAML_HINT_ANSWER};
    g.train.max_steps = 1;
    CHECK_DONE(go_rollouts(b, "tight", &g, &(struct call){.distill = &tight}));
    m = read_lines(b, "tight", "metrics.jsonl");
    double left = number(json_array_get(m, 0), "hint/too_long_ratio");
    print_message("%.3g of the samples don't fit after a long hint\n", left);
    assert_true(left > 0 && left < 1);
    json_decref(m);
    json_t *lines = read_lines(b, "tight", "rollouts.jsonl"), *line, *x;
    size_t i, k, n = 0, all = 0;
    json_array_foreach (lines, i, line)
        json_array_foreach (json_object_get(line, "trajectories"), k, x) {
            n += !flag(x, "trained");
            all++;
        }
    CHECK_NEAR("untrained samples", (double)n / (double)all, left, 1e-8);
    json_decref(lines);
    memset(long_hint, '.', CONTEXT);
    snprintf(format, sizeof format, "{hint}%s", long_hint);
    out = go_rollouts(b, "filled", &g, &(struct call){.distill = &tight});
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_non_null(strstr(out.err.msg, "its prompt with the hint has"));
    g.rollouts.skip_long = true;
    out = go_rollouts(b, "all-left-out", &g, &(struct call){.distill = &tight});
    assert_int_equal(out.rc, RAML_ERANGE);
    assert_non_null(strstr(out.err.msg, "made.jsonl: nothing is trained on: none of 10 questions has"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_warm, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand),
                                       cmocka_unit_test(test_pairs),
                                       cmocka_unit_test(test_expectation),
                                       cmocka_unit_test(test_question),
                                       TEST(test_formats),
                                       TEST(test_one_pass),
                                       TEST(test_records),
                                       TEST(test_no_news),
                                       TEST(test_resumed),
                                       TEST(test_refused),
                                       TEST(test_left_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
