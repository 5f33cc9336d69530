/* What a server answers: log-probabilities to the last bit those of a pass, completions those of a sampler, the same
 * alone and together with others; streams; stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

#include "raml/completion.h"
#include "raml/sampler.h"

static int set_up(void **state)
{
    static struct served r;
    served_model(&r);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    served_close(*state);
    return 0;
}

static void start(struct served *r)
{
    struct raml_serve_options o = served_options(r);
    o.batch_window = 0;
    served_start(r, &o);
}

/* -- Scores ---------------------------------------------------------------------------------------------------------- */
static void check_scores(struct served *r, const char *text)
{
    struct raml_completion_evaluator *s;
    struct raml_tokens t = {0};
    float logp[300];
    char body[600];
    MUST(raml_tokenizer_encode(r->t, text, strlen(text), true, &t, err));
    MUST(raml_completion_open(r->m, 4096, &s, err));
    struct raml_completion c = {.token = t.id, .n = t.n, .logp = logp, .n_context = 1};
    const struct raml_completions job = {NULL, 0, &c, 1};
    MUST(raml_completion_logprobs(s, &job, 1, err));
    raml_completion_close(s);
    snprintf(body, sizeof body,
             "{\"prompt\":\"%s\",\"echo\":true,\"logprobs\":3,\"max_tokens\":0,\"prompt_logprobs\":0,"
             "\"return_token_ids\":true,\"return_tokens_as_token_ids\":true}",
             text);
    json_t *answer = answer_to(r, body);
    const json_t *choice = choice_of(answer, 0), *l = json_object_get(choice, "logprobs");
    const json_t *got = json_object_get(l, "token_logprobs"), *top = json_object_get(l, "top_logprobs");
    const json_t *vllm = json_object_get(choice, "prompt_logprobs"), *ids = json_object_get(choice, "prompt_token_ids");
    assert_string_equal(json_string_value(json_object_get(choice, "text")), text);
    assert_int_equal(json_array_size(got), t.n);
    assert_int_equal(json_array_size(vllm), t.n);
    assert_true(json_is_null(json_array_get(got, 0)) && json_is_null(json_array_get(top, 0)));
    assert_true(json_is_null(json_array_get(vllm, 0)));
    for (size_t i = 1; i < t.n; i++) {
        char id[16], name[32];
        snprintf(id, sizeof id, "%d", (int)t.id[i]);
        snprintf(name, sizeof name, "token_id:%s", id);
        float value = (float)json_number_value(json_array_get(got, i));
        const json_t *here = json_array_get(top, i);
        assert_memory_equal(&value, &logp[i - 1], sizeof value);
        value = (float)json_number_value(json_object_get(here, name));
        assert_memory_equal(&value, &logp[i - 1], sizeof value);
        assert_in_range(json_object_size(here), 3, 4);
        value = (float)json_number_value(json_object_get(json_object_get(json_array_get(vllm, i), id), "logprob"));
        assert_memory_equal(&value, &logp[i - 1], sizeof value);
        assert_int_equal(json_integer_value(json_array_get(ids, i)), t.id[i]);
        assert_int_equal(json_integer_value(json_array_get(json_object_get(l, "text_offset"), i)), i);
        assert_string_equal(json_string_value(json_array_get(json_object_get(l, "tokens"), i)), name);
    }
    json_decref(answer);
    raml_tokens_deinit(&t);
}

static void test_scores(void **state)
{
    start(*state);
    check_scores(*state, "1+1=2");
    check_scores(*state, "xy");
    check_scores(*state,
                 "a text of more than one tile of sixty-four tokens, so that the tree has several of them in a row");
    served_end(*state);
}

/* lm-eval's request: the one token after the prompt is the likeliest, from the same pass. */
static void test_next(void **state)
{
    start(*state);
    json_t *a = answer_to(*state, "{\"prompt\":[[49,43,49],[49,43,49,61],[7]],\"temperature\":0,\"max_tokens\":1,"
                                  "\"logprobs\":1,\"seed\":1234,\"echo\":true}");
    json_t *b = answer_to(*state, "{\"prompt\":[[49,43,49],[49,43,49,61],[7]],\"temperature\":0,\"max_tokens\":1,"
                                  "\"logprobs\":1}");
    for (size_t i = 0; i < 3; i++) {
        const json_t *la = json_object_get(choice_of(a, i), "logprobs"),
                     *lb = json_object_get(choice_of(b, i), "logprobs");
        const json_t *top = json_object_get(la, "top_logprobs"), *values = json_object_get(la, "token_logprobs");
        size_t n = (size_t[]){4, 5, 2}[i];
        assert_int_equal(json_array_size(values), n);
        assert_int_equal(json_array_size(top), n);
        assert_true(json_number_value(json_array_get(values, n - 1)) ==
                    json_number_value(json_array_get(json_object_get(lb, "token_logprobs"), 0)));
        assert_true(json_equal(json_array_get(top, n - 1), json_array_get(json_object_get(lb, "top_logprobs"), 0)));
        assert_int_equal(json_object_size(json_array_get(top, n - 1)), 1);
    }
    json_decref(a);
    json_decref(b);
    served_end(*state);
}

/* -- Completions ----------------------------------------------------------------------------------------------------- */
/* A sampler with a format that adds nothing: what `raml sample --prompt_format plain` does. */
static void check_samples(struct served *r, const char *text, double temperature, double top_p, uint64_t seed)
{
    struct raml_sampler *s = NULL;
    struct raml_sampler_group g;
    struct raml_tokens t = {0};
    bool more;
    char body[400];
    const struct raml_format f = {.name = "custom"};
    struct raml_sample_options o = raml_sample_default();
    o.temperature = temperature;
    o.top_p = top_p;
    o.seed = seed;
    o.max_completion_length = 40;
    o.eos = &r->eos;
    o.n_eos = 1;
    MUST(raml_tokenizer_encode(r->t, text, strlen(text), true, &t, err));
    MUST(raml_sampler_open(r->m, r->t, &f, &o, &s, err));
    const struct raml_sampler_job job = {
        .prompt = t.id, .n_prompt = t.n, .question = raml_question_hash(text), .n = 3, .max_tokens = 40};
    MUST(raml_sampler_submit(s, &job, err));
    MUST(raml_sampler_next(s, &g, &more, NULL, err));
    snprintf(
        body, sizeof body,
        "{\"prompt\":\"%s\",\"n\":3,\"max_tokens\":40,\"temperature\":%g,\"top_p\":%g,\"seed\":%llu,\"logprobs\":0,"
        "\"return_token_ids\":true}",
        text, temperature, top_p, (unsigned long long)seed);
    json_t *answer = answer_to(r, body);
    for (size_t i = 0; i < 3; i++) {
        const struct raml_sampler_completion *want = &g.completion[i];
        const json_t *c = choice_of(answer, i), *ids = json_object_get(c, "token_ids");
        const json_t *logp = json_object_get(json_object_get(c, "logprobs"), "token_logprobs");
        assert_int_equal(json_array_size(ids), want->n);
        assert_int_equal(json_array_size(logp), want->n);
        for (size_t k = 0; k < want->n; k++) {
            float value = (float)json_number_value(json_array_get(logp, k));
            assert_int_equal(json_integer_value(json_array_get(ids, k)), want->token[k]);
            assert_memory_equal(&value, &want->logp[k], sizeof value);
        }
        assert_string_equal(json_string_value(json_object_get(c, "finish_reason")), want->ended ? "stop" : "length");
    }
    json_decref(answer);
    raml_sampler_close(s);
    raml_tokens_deinit(&t);
}

static void test_samples(void **state)
{
    start(*state);
    check_samples(*state, "1+1=", 1, 1, 5);
    check_samples(*state, "what is it?", 0, 1, 5);
    check_samples(*state, "x", 0.7, 0.8, 123456789);
    served_end(*state);
}

/* Models with windows of a few tokens, norms after, multipliers: the same. */
static void test_architectures(void **state)
{
    (void)state;
    for (int kind = RIG_MISTRAL; kind < RIG_KINDS; kind++) {
        static struct served r;
        served_model_with(&r, rig_config(kind, false), RAML_F32);
        start(&r);
        check_scores(&r, "a text of more than one tile of sixty-four tokens, many windows long, on its own");
        check_samples(&r, "and what goes on after a text that is longer than the window, by some tokens", 1, 1, 5);
        check_samples(&r, "x", 0, 1, 5);
        served_end(&r);
        served_close(&r);
    }
}

/* Ids and their text are one prompt. */
static void test_ids_and_text(void **state)
{
    start(*state);
    char *a = without_names(
        answer_to(*state, "{\"prompt\":\"1+\",\"max_tokens\":9,\"seed\":3,\"echo\":true,\"logprobs\":1}"));
    char *b = without_names(
        answer_to(*state, "{\"prompt\":[49,43],\"max_tokens\":9,\"seed\":3,\"echo\":true,\"logprobs\":1}"));
    assert_string_equal(a, b);
    free(a);
    free(b);
    served_end(*state);
}

/* -- Alone and together ---------------------------------------------------------------------------------------------- */
static const char *const requests[] = {
    "{\"prompt\":\"1+1=\",\"echo\":true,\"logprobs\":5,\"max_tokens\":1,\"temperature\":0}",
    "{\"prompt\":\"1+1=2, and then\",\"echo\":true,\"logprobs\":2,\"max_tokens\":0}",
    "{\"prompt\":\"1+1=2, and then\",\"max_tokens\":30,\"seed\":7,\"n\":3}",
    "{\"prompt\":[\"1+1=2, and now\",\"1+1=2, and then\",\"z\"],\"max_tokens\":20,\"seed\":8,\"n\":2,\"logprobs\":3}",
    "{\"prompt\":\"1+1=2, and then\",\"max_tokens\":12,\"temperature\":0,\"logprobs\":1}",
    "{\"prompt\":[[1,2,3],[1,2,3,4],[1,2,3]],\"prompt_logprobs\":2,\"max_tokens\":5,\"seed\":1,\"top_p\":0.5}",
    "{\"prompt\":\"1+1=2, and a text that is longer than a tile, to begin with alike and to go on in other words than "
    "those "
    "of the others\",\"echo\":true,\"logprobs\":1,\"max_tokens\":9,\"seed\":2,\"top_k\":4}",
    "{\"prompt\":\"1+1=2, and a text that is longer than a tile, to begin with alike and to go on for some time with "
    "what "
    "it has\",\"echo\":true,\"logprobs\":1,\"max_tokens\":9,\"seed\":2,\"min_p\":0.1}",
    "{\"prompt\":\"q\",\"max_tokens\":60,\"seed\":11,\"temperature\":2,\"stop\":[\"\\u0001\",\"e\"]}",
};

static void check_together(struct served *r, struct raml_serve_options o)
{
    enum { TIMES = 3 };
    char *alone[COUNT(requests)];
    struct asked a[TIMES][COUNT(requests)];
    o.batch_window = 0;
    served_start(r, &o);
    for (size_t i = 0; i < COUNT(requests); i++) alone[i] = without_names(answer_to(r, requests[i]));
    served_end(r);
    o.batch_window = 0.1;
    served_start(r, &o);
    for (size_t k = 0; k < TIMES; k++)
        for (size_t i = 0; i < COUNT(requests); i++) asked_ask(r, &a[k][i], requests[(i * 4 + k) % COUNT(requests)]);
    for (size_t k = 0; k < TIMES; k++)
        for (size_t i = 0; i < COUNT(requests); i++) {
            int status;
            char *text = asked_answer(&a[k][i], &status);
            assert_int_equal(status, 200);
            char *together = without_names(json_of(text));
            assert_string_equal(together, alone[(i * 4 + k) % COUNT(requests)]);
            free(text);
            free(together);
        }
    struct raml_server_figures f;
    raml_server_read_figures(r->s, &f);
    assert_int_equal(f.requests, TIMES * COUNT(requests));
    assert_int_equal(f.refused + f.failed + f.cancelled, 0);
    served_end(r);
    for (size_t i = 0; i < COUNT(requests); i++) free(alone[i]);
}

static void test_together(void **state)
{
    struct served *r = *state;
    struct raml_serve_options o = served_options(r);
    check_together(r, o);
    if (far_asked()) return;
    o.batch_size = 2;
    o.max_batch_tokens = 100;
    o.max_model_len = 200;
    o.cache_tokens = 328;
    check_together(r, o);
}

/* Where bits depend on how a text is divided: nothing is shared with other requests, but it is with a request's own. */
static void test_together_bf16(void **state)
{
    (void)state;
    struct raml_device *dev;
    MUST(far_device_open(2, "auto", &dev, err));
    bool has = raml_device_has_bf16(dev);
    raml_device_close(dev);
    if (!has) {
        print_message("SKIPPED: the processor does not multiply bf16\n");
        return;
    }
    static struct served r;
    served_model_of(&r, RAML_BF16);
    check_together(&r, served_options(&r));
    served_close(&r);
}

/* What prompts begin with alike is computed once. */
static void test_shared(void **state)
{
    struct served *r = *state;
    struct raml_serve_options o = served_options(r);
    struct asked a[4];
    struct raml_server_figures f, before;
    const struct timespec pause = {.tv_nsec = 200000000};
    o.batch_window = 2;
    served_start(r, &o);
    int ready;
    asked_ask(r, &a[0], "{\"prompt\":\"x\",\"echo\":true,\"logprobs\":0,\"max_tokens\":0}");
    free(asked_answer(&a[0], &ready));
    assert_int_equal(ready, 200);
    nanosleep(&pause, NULL); /* a window is opened by the first request of an idle server: it is one now */
    raml_server_read_figures(r->s, &before);
    for (size_t i = 0; i < 4; i++) {
        char body[200];
        snprintf(
            body, sizeof body,
            "{\"prompt\":\"one beginning of thirty-six letters: %zu\",\"echo\":true,\"logprobs\":0,\"max_tokens\":0}",
            i);
        asked_ask(r, &a[i], body);
    }
    for (size_t i = 0; i < 4; i++) {
        int status;
        free(asked_answer(&a[i], &status));
        assert_int_equal(status, 200);
    }
    raml_server_read_figures(r->s, &f);
    assert_int_equal(f.prompt_tokens - before.prompt_tokens, 4 * 38);
    assert_int_equal(f.scored_tokens - before.scored_tokens, 37 + 4);
    assert_int_equal(f.passes - before.passes, 1);
    served_end(r);
}

/* -- Streams and stops ----------------------------------------------------------------------------------------------- */
/* The choices of all events put together; the last event is [DONE]. */
static void put_together(const char *stream, struct raml_buf text[], size_t n, size_t *n_tokens, const char **finish)
{
    const char *p = stream;
    bool done = false;
    for (const char *end; (end = strstr(p, "\n\n")); p = end + 2) {
        assert_int_equal(strncmp(p, "data: ", 6), 0);
        assert_false(done);
        if (!strncmp(p + 6, "[DONE]", 6)) {
            done = true;
            continue;
        }
        char *one = strndup(p + 6, (size_t)(end - p - 6));
        json_t *v = json_of(one);
        const json_t *c = json_array_get(json_object_get(v, "choices"), 0);
        size_t i = (size_t)json_integer_value(json_object_get(c, "index"));
        if (c) {
            const char *reason = json_string_value(json_object_get(c, "finish_reason"));
            assert_true(i < n && !finish[i]);
            raml_buf_adds(&text[i], json_string_value(json_object_get(c, "text")));
            n_tokens[i] += json_array_size(json_object_get(c, "token_ids"));
            if (reason) finish[i] = !strcmp(reason, "stop") ? "stop" : "length";
        }
        json_decref(v);
        free(one);
    }
    assert_true(done);
    assert_string_equal(p, "");
}

static void check_stream(struct served *r, const char *fields, size_t n)
{
    char body[500];
    struct asked a;
    struct raml_buf text[8];
    size_t n_tokens[8] = {0};
    const char *finish[8] = {0};
    int status;
    snprintf(body, sizeof body, "{%s,\"return_token_ids\":true}", fields);
    json_t *whole = answer_to(r, body);
    snprintf(body, sizeof body,
             "{%s,\"return_token_ids\":true,\"stream\":true,\"stream_options\":{\"include_usage\":true}}", fields);
    asked_ask(r, &a, body);
    assert_true(raml_exchange_streams(a.x));
    char *stream = asked_answer(&a, &status);
    assert_int_equal(status, 200);
    for (size_t i = 0; i < n; i++) {
        raml_buf_init(&text[i], 1 << 20);
        raml_buf_adds(&text[i], "");
    }
    put_together(stream, text, n, n_tokens, finish);
    for (size_t i = 0; i < n; i++) {
        const json_t *c = choice_of(whole, i);
        assert_string_equal(text[i].data, json_string_value(json_object_get(c, "text")));
        assert_string_equal(finish[i], json_string_value(json_object_get(c, "finish_reason")));
        assert_int_equal(n_tokens[i], json_array_size(json_object_get(c, "token_ids")));
        raml_buf_deinit(&text[i]);
    }
    free(stream);
    json_decref(whole);
}

static void test_streams(void **state)
{
    start(*state);
    check_stream(*state, "\"prompt\":\"1+\",\"max_tokens\":30,\"seed\":4,\"n\":3", 3);
    check_stream(*state,
                 "\"prompt\":[\"a\",\"b\"],\"max_tokens\":50,\"seed\":4,\"echo\":true,\"stop\":[\"ab\",\"e\",\"xyz\"]",
                 2);
    check_stream(*state, "\"prompt\":\"a\",\"max_tokens\":0,\"echo\":true,\"logprobs\":1", 1);
    check_stream(*state, "\"prompt\":\"a\",\"max_tokens\":1,\"echo\":true,\"logprobs\":1,\"temperature\":0", 1);
    served_end(*state);
}

/* The text in front of the first stop, wherever tokens end. */
static void test_stops(void **state)
{
    struct served *r = *state;
    char body[300], text[64];
    start(r);
    json_t *whole =
        answer_to(r, "{\"prompt\":\"1+\",\"max_tokens\":40,\"seed\":9,\"temperature\":1.5,\"return_token_ids\":true}");
    const json_t *ids = json_object_get(choice_of(whole, 0), "token_ids");
    size_t at = 0;
    for (size_t i = 3; i + 1 < json_array_size(ids) && !at; i++) { /* two letters that come nowhere before */
        json_int_t a = json_integer_value(json_array_get(ids, i)), b = json_integer_value(json_array_get(ids, i + 1));
        if (a > 0x20 && a < 0x7f && a != '"' && a != '\\' && b > 0x20 && b < 0x7f && b != '"' && b != '\\') at = i;
        text[0] = (char)a;
        text[1] = (char)b;
        text[2] = 0;
    }
    assert_true(at > 0);
    for (int keep = 0; keep < 2; keep++) {
        snprintf(body, sizeof body,
                 "{\"prompt\":\"1+\",\"max_tokens\":40,\"seed\":9,\"temperature\":1.5,\"return_token_ids\":true,"
                 "\"stop\":[\"no such text\",\"%s\"],\"include_stop_str_in_output\":%s}",
                 text, keep ? "true" : "false");
        json_t *cut = answer_to(r, body);
        const json_t *c = choice_of(cut, 0);
        const char *all = text_of(whole, 0), *stop = strstr(all, text), *got = text_of(cut, 0);
        assert_non_null(stop);
        size_t n = (size_t)(stop - all) + (keep ? 2 : 0);
        assert_int_equal(strlen(got), n);
        assert_int_equal(strncmp(got, all, n), 0);
        assert_int_equal(json_array_size(json_object_get(c, "token_ids")), at + 2);
        assert_string_equal(json_string_value(json_object_get(c, "finish_reason")), "stop");
        assert_string_equal(json_string_value(json_object_get(c, "stop_reason")), text);
        json_decref(cut);
    }
    json_int_t id = json_integer_value(json_array_get(ids, at));
    snprintf(body, sizeof body,
             "{\"prompt\":\"1+\",\"max_tokens\":40,\"seed\":9,\"temperature\":1.5,\"return_token_ids\":true,"
             "\"stop_token_ids\":[%lld]}",
             (long long)id);
    json_t *cut = answer_to(r, body);
    const json_t *got = json_object_get(choice_of(cut, 0), "token_ids");
    size_t n = json_array_size(got);
    assert_true(n <= at + 1 && n > 0);
    assert_int_equal(json_integer_value(json_array_get(got, n - 1)), id);
    assert_int_equal(json_integer_value(json_object_get(choice_of(cut, 0), "stop_reason")), id);
    json_decref(cut);
    json_decref(whole);
    served_end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),        cmocka_unit_test(test_next),         cmocka_unit_test(test_samples),
        cmocka_unit_test(test_architectures), cmocka_unit_test(test_ids_and_text), cmocka_unit_test(test_together),
        cmocka_unit_test(test_together_bf16), cmocka_unit_test(test_shared),       cmocka_unit_test(test_streams),
        cmocka_unit_test(test_stops),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
