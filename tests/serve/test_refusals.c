/* What a server refuses, by status, field and code; a queue that is full; clients that leave; the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

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

static void check_error(const char *text, const char *param, const char *code, const char *part)
{
    json_t *v = json_of(text);
    const json_t *e = json_object_get(v, "error");
    assert_int_equal(json_object_size(e), 4);
    if (!strstr(json_string_value(json_object_get(e, "message")), part)) fail_msg("'%s' is not in %s", part, text);
    assert_non_null(json_string_value(json_object_get(e, "type")));
    if (param) assert_string_equal(json_string_value(json_object_get(e, "param")), param);
    else assert_true(json_is_null(json_object_get(e, "param")));
    if (code) assert_string_equal(json_string_value(json_object_get(e, "code")), code);
    else assert_true(json_is_null(json_object_get(e, "code")));
    json_decref(v);
}

static const struct {
    const char *body;
    int status;
    const char *param, *code, *part;
} refused[] = {
    {"", 400, NULL, "invalid_json", "empty"},
    {"{\"prompt\":", 400, NULL, "invalid_json", "column 10"},
    {"{\"prompt\":\"x\"} x", 400, NULL, "invalid_json", "JSON"},
    {"[1]", 400, NULL, "invalid_json", "object"},
    {"\"x\"", 400, NULL, "invalid_json", ""},
    {"{\"prompt\":\"x\",\"prompt\":\"y\"}", 400, NULL, "invalid_json", "prompt"},
    {"{\"prompt\":\"\xff\"}", 400, NULL, "invalid_json", ""},
    {"{\"prompt\":\"a\\u0000b\"}", 400, NULL, "invalid_json", ""},
    {"{\"prompt\":\"\\ud800\"}", 400, NULL, "invalid_json", ""},
    {"{}", 400, "prompt", "missing_required_parameter", "'prompt' is missing"},
    {"{\"prompt\":null}", 400, "prompt", "missing_required_parameter", "'prompt' is missing"},
    {"{\"prompt\":\"\"}", 400, "prompt", "invalid_value", "has no tokens"},
    {"{\"prompt\":[]}", 400, "prompt", "invalid_value", "empty list"},
    {"{\"prompt\":[[]]}", 400, "prompt", "invalid_value", "has no tokens"},
    {"{\"prompt\":[\"a\",\"\"]}", 400, "prompt", "invalid_value", "number 2"},
    {"{\"prompt\":{}}", 400, "prompt", "invalid_type", "expected a string"},
    {"{\"prompt\":3}", 400, "prompt", "invalid_type", "expected a string"},
    {"{\"prompt\":[1,\"a\"]}", 400, "prompt", "invalid_type", "entry 2"},
    {"{\"prompt\":[\"a\",[1]]}", 400, "prompt", "invalid_type", "not of one kind"},
    {"{\"prompt\":[[1],[1.5]]}", 400, "prompt", "invalid_type", "number 2, entry 1"},
    {"{\"prompt\":[true]}", 400, "prompt", "invalid_type", "expected a string"},
    {"{\"prompt\":[300]}", 400, "prompt", "invalid_value", "vocabulary is 0 to 299"},
    {"{\"prompt\":[-1]}", 400, "prompt", "invalid_value", "is -1"},
    {"{\"prompt\":[99999999999]}", 400, "prompt", "invalid_value", "99999999999"},
    {"{\"prompt\":[999999999999999999999999]}", 400, NULL, "invalid_json", "integer"},
    {"{\"prompt\":\"x\",\"temperature\":NaN}", 400, NULL, "invalid_json", ""},
    {"{\"prompt\":\"x\",\"temperature\":1e999}", 400, NULL, "invalid_json", ""},
    {"{\"prompt\":\"x\",\"max_tokens\":300}", 400, "prompt", "context_length_exceeded", "300 tokens"},
    {"{\"prompt\":\"x\",\"max_tokens\":-1}", 400, "max_tokens", "invalid_value", "found -1"},
    {"{\"prompt\":\"x\",\"max_tokens\":1.5}", 400, "max_tokens", "invalid_type", "an integer"},
    {"{\"prompt\":\"x\",\"max_tokens\":\"1\"}", 400, "max_tokens", "invalid_type", "a string"},
    {"{\"prompt\":\"x\",\"n\":0}", 400, "n", "invalid_value", "found 0"},
    {"{\"prompt\":\"x\",\"n\":9}", 400, "n", "invalid_value", "found 9"},
    {"{\"prompt\":[\"x\",\"y\",\"z\"],\"n\":3}", 400, "n", "invalid_value", "more than 8"},
    {"{\"prompt\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}", 400, "prompt", "invalid_value",
     "9 prompts"},
    {"{\"prompt\":\"x\",\"best_of\":2}", 400, "best_of", "invalid_value", "found 2"},
    {"{\"prompt\":\"x\",\"echo\":1}", 400, "echo", "invalid_type", "true or false"},
    {"{\"prompt\":\"x\",\"logprobs\":true}", 400, "logprobs", "invalid_type", "a boolean"},
    {"{\"prompt\":\"x\",\"logprobs\":21}", 400, "logprobs", "invalid_value", "0 to 20"},
    {"{\"prompt\":\"x\",\"prompt_logprobs\":-1}", 400, "prompt_logprobs", "invalid_value", "0 to 20"},
    {"{\"prompt\":\"x\",\"prompt_logprobs\":1,\"stream\":true}", 400, "prompt_logprobs", "invalid_value", "stream"},
    {"{\"prompt\":\"x\",\"temperature\":-0.1}", 400, "temperature", "invalid_value", "found -0.1"},
    {"{\"prompt\":\"x\",\"temperature\":[]}", 400, "temperature", "invalid_type", "an array"},
    {"{\"prompt\":\"x\",\"top_p\":0}", 400, "top_p", "invalid_value", "found 0"},
    {"{\"prompt\":\"x\",\"top_p\":1.1}", 400, "top_p", "invalid_value", "found 1.1"},
    {"{\"prompt\":\"x\",\"min_p\":2}", 400, "min_p", "invalid_value", "found 2"},
    {"{\"prompt\":\"x\",\"top_k\":-2}", 400, "top_k", "invalid_value", "found -2"},
    {"{\"prompt\":\"x\",\"seed\":\"7\"}", 400, "seed", "invalid_type", "a string"},
    {"{\"prompt\":\"x\",\"stop\":\"\"}", 400, "stop", "invalid_value", "empty"},
    {"{\"prompt\":\"x\",\"stop\":[\"a\",1]}", 400, "stop", "invalid_type", "an integer"},
    {"{\"prompt\":\"x\",\"stop_token_ids\":[300]}", 400, "stop_token_ids", "invalid_value", "299"},
    {"{\"prompt\":\"x\",\"stream_options\":{\"include_usage\":true}}", 400, "stream_options", "invalid_value",
     "stream"},
    {"{\"prompt\":\"x\",\"stream\":\"yes\"}", 400, "stream", "invalid_type", "a string"},
    {"{\"prompt\":\"x\",\"suffix\":\"y\"}", 400, "suffix", "unsupported_parameter", "'suffix'"},
    {"{\"prompt\":\"x\",\"logit_bias\":{\"1\":5}}", 400, "logit_bias", "unsupported_parameter", "'logit_bias'"},
    {"{\"prompt\":\"x\",\"frequency_penalty\":0.5}", 400, "frequency_penalty", "unsupported_parameter", ""},
    {"{\"prompt\":\"x\",\"repetition_penalty\":0}", 400, "repetition_penalty", "unsupported_parameter", ""},
    {"{\"prompt\":\"x\",\"min_tokens\":3}", 400, "min_tokens", "unsupported_parameter", ""},
    {"{\"prompt\":\"x\",\"temprature\":1}", 400, "temprature", "unknown_parameter", "'temprature'"},
    {"{\"prompt\":\"x\",\"model\":\"gpt-4\"}", 404, "model", "model_not_found", "'gpt-4'"},
    {"{\"prompt\":\"x\",\"model\":7}", 400, "model", "invalid_type", "an integer"},
};

static void test_refused(void **state)
{
    struct served *r = *state;
    struct raml_serve_options o = served_options(r);
    o.max_choices = 8;
    served_start(r, &o);
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct asked a;
        int status;
        asked_ask(r, &a, refused[i].body);
        char *text = asked_answer(&a, &status);
        if (status != refused[i].status) fail_msg("%d: %s: %s", status, refused[i].body, text);
        if (refused[i].code) check_error(text, refused[i].param, refused[i].code, refused[i].part);
        free(text);
    }
    /* what asks for nothing is no fault */
    json_decref(
        answer_to(r, "{\"model\":\"small\",\"prompt\":\"x\",\"max_tokens\":1,\"suffix\":null,\"logit_bias\":{},"
                     "\"frequency_penalty\":0,\"presence_penalty\":0.0,\"repetition_penalty\":1.0,\"best_of\":1,"
                     "\"user\":\"me\",\"stop\":null,\"stop_token_ids\":[],\"min_tokens\":0,\"use_beam_search\":false,"
                     "\"top_k\":-1,\"logprobs\":null}"));
    struct raml_server_figures f;
    raml_server_read_figures(r->s, &f);
    assert_int_equal(f.refused, COUNT(refused));
    served_end(r);
}

static void test_length(void **state)
{
    struct served *r = *state;
    struct raml_serve_options o = served_options(r);
    char body[800], text[301];
    struct asked a;
    int status;
    served_start(r, &o);
    memset(text, 'x', 300);
    text[300] = 0;
    snprintf(body, sizeof body, "{\"prompt\":\"%s\",\"max_tokens\":0,\"echo\":true,\"logprobs\":0}", text);
    json_decref(answer_to(r, body)); /* the whole context, and nothing after it */
    snprintf(body, sizeof body, "{\"prompt\":\"%s\",\"max_tokens\":1,\"echo\":true,\"logprobs\":0}", text);
    asked_ask(r, &a, body);
    char *answer = asked_answer(&a, &status);
    assert_int_equal(status, 400);
    check_error(answer, "prompt", "context_length_exceeded", "has 300");
    free(answer);
    snprintf(body, sizeof body, "{\"prompt\":\"%s\"}", text + 2); /* 16 are the default; two fit */
    json_t *v = answer_to(r, body);
    assert_in_range(json_integer_value(json_object_get(json_object_get(v, "usage"), "completion_tokens")), 1, 2);
    json_decref(v);
    served_end(r);
}

/* -- A queue, and clients that leave --------------------------------------------------------------------------------- */
static const char *const long_one = "{\"prompt\":\"x\",\"max_tokens\":250,\"seed\":1,\"ignore_eos\":true,\"n\":8}";

static void test_full(void **state)
{
    struct served *r = *state;
    struct raml_serve_options o = served_options(r);
    struct asked a[6];
    int status;
    o.max_queue = 3;
    MUST(raml_server_open(r->m, r->t, &o, &r->s, err)); /* nobody works: all wait */
    for (size_t i = 0; i < 6; i++) asked_ask(r, &a[i], "{\"prompt\":\"x\",\"max_tokens\":1}");
    for (size_t i = 3; i < 6; i++) {
        char *text = asked_answer(&a[i], &status);
        assert_int_equal(status, 503);
        check_error(text, NULL, "overloaded", "3 requests waiting");
        free(text);
    }
    atomic_store(&r->stop, false);
    assert_int_equal(pthread_create(&r->thread, NULL, served_run, r), 0);
    for (size_t i = 0; i < 3; i++) {
        free(asked_answer(&a[i], &status));
        assert_int_equal(status, 200);
        assert_true(atomic_load(&a[i].ready) > 0);
    }
    served_end(r);
    o.max_queue = 100;
    o.max_queued_tokens = 5;
    MUST(raml_server_open(r->m, r->t, &o, &r->s, err));
    asked_ask(r, &a[0], "{\"prompt\":\"xxx\",\"max_tokens\":1}");
    asked_ask(r, &a[1], "{\"prompt\":\"xxx\",\"max_tokens\":1}");
    free(asked_answer(&a[1], &status));
    assert_int_equal(status, 503);
    raml_exchange_close(a[0].x); /* leaves before anybody worked on it */
    atomic_store(&r->stop, false);
    assert_int_equal(pthread_create(&r->thread, NULL, served_run, r), 0);
    json_decref(answer_to(r, "{\"prompt\":\"xxx\",\"max_tokens\":1}"));
    served_end(r);
}

static void wait_ms(int ms)
{
    const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

/* In the middle of its completions, by closing or by what the transport says; others go on. */
static void test_leaves(void **state)
{
    struct served *r = *state;
    struct raml_serve_options o = served_options(r);
    struct raml_server_figures f;
    struct asked a, b, c;
    int status;
    served_start(r, &o);
    json_t *alone = answer_to(r, "{\"prompt\":\"y\",\"max_tokens\":60,\"seed\":5,\"ignore_eos\":true}");
    asked_ask(r, &a, long_one);
    asked_ask(r, &b, long_one);
    asked_ask(r, &c, "{\"prompt\":\"y\",\"max_tokens\":60,\"seed\":5,\"ignore_eos\":true}");
    wait_ms(50);
    raml_exchange_close(a.x);
    atomic_store(&b.gone, 1);
    char *text = asked_answer(&c, &status);
    assert_int_equal(status, 200);
    json_t *together = json_of(text);
    assert_string_equal(text_of(together, 0), text_of(alone, 0));
    free(text);
    free(asked_answer(&b, &status));
    assert_int_equal(status, 499);
    raml_server_read_figures(r->s, &f);
    assert_int_equal(f.cancelled, 2);
    json_decref(alone);
    json_decref(together);
    served_end(r);
}

/* Asked to stop: what is new is refused, what is in progress may end, or is given up when its time is over. */
static void check_end(struct served *r, double drain, int want)
{
    struct raml_serve_options o = served_options(r);
    struct asked a, b;
    int status;
    o.drain = drain;
    served_start(r, &o);
    asked_ask(r, &a, want == 200 ? "{\"prompt\":\"x\",\"max_tokens\":40,\"ignore_eos\":true}" : long_one);
    wait_ms(30);
    atomic_store(&r->stop, true);
    assert_int_equal(pthread_join(r->thread, NULL), 0);
    asked_ask(r, &b, "{\"prompt\":\"x\"}");
    char *text = asked_answer(&b, &status);
    assert_int_equal(status, 503);
    check_error(text, NULL, "shutting_down", "shutting down");
    free(text);
    free(asked_answer(&a, &status));
    assert_int_equal(status, want);
    raml_server_close(r->s);
}

static void test_end(void **state)
{
    check_end(*state, 60, 200);
    check_end(*state, 0, 503);
}

static void test_options(void **state)
{
    struct served *r = *state;
    struct raml_err err = {0};
    struct raml_serve_options o = served_options(r);
    struct raml_server *s;
    o.max_model_len = 301;
    assert_int_equal(raml_server_open(r->m, r->t, &o, &s, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "max_model_len is 301; the model's context is 300"));
    o.max_model_len = 100;
    o.cache_tokens = 100;
    assert_int_equal(raml_server_open(r->m, r->t, &o, &s, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "cache_tokens is 100; expected at least 228"));
    o.cache_tokens = 0;
    o.batch_size = 0;
    assert_int_equal(raml_server_open(r->m, r->t, &o, &s, &err), RAML_EUSAGE);
    assert_non_null(strstr(err.msg, "batch_size"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused), cmocka_unit_test(test_length), cmocka_unit_test(test_full),
        cmocka_unit_test(test_leaves),  cmocka_unit_test(test_end),    cmocka_unit_test(test_options),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
