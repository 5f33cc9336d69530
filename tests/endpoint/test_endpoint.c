/* An inference server asked for log-probabilities and samples: what vLLM answered (records), every kind of fault on the way,
 * the journal, a server that is killed. See server.h. */
#include "endpoint/parts.h"
#include "endpoint/server.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "check_near.h"

enum { N_TEXTS = 60, MAX_LEN = 90 };

static int enter(void **state)
{
    static struct server s;
    *state = &s;
    return server_start(&s, 0) ? 0 : -1;
}

static int leave(void **state)
{
    server_end(*state);
    return 0;
}

static struct raml_endpoint_options options_for(const struct server *s)
{
    struct raml_endpoint_options o = raml_endpoint_default();
    o.url = s->url;
    o.parallel = 8;
    o.patience_s = 5;
    o.retries = 2;
    o.prefix_cache = false;
    return o;
}

static struct raml_endpoint *open_with(const struct raml_endpoint_options *o)
{
    struct raml_err err = {0};
    struct raml_endpoint *e = NULL;
    CHECK_OK(raml_endpoint_open(o, &e, &err));
    return e;
}

/* -- Records ----------------------------------------------------------------------------------------------------------- */

static const int32_t recorded_text[] = {1780, 314, 216, 33, 34, 1232, 216, 35, 32, 47};
static const float recorded_logp[] = {-3.8953617F, -3.8524265F, -1.1911474F, -2.6606188F, -2.9785194F,
                                      -0.0677466F, -2.0793059F, -4.7159104F, -3.1068828F};

/* What vLLM 0.32.0 says with prompt_logprobs and with echo: 3 of these 9 tokens are the likeliest. */
static void records(void **state)
{
    static const enum raml_api api[] = {RAML_API_AUTO, RAML_API_OPENAI};
    for (size_t k = 0; k < COUNT(api); k++) {
        struct raml_endpoint_options o = options_for(*state);
        struct raml_err err = {0};
        float logp[9];
        int32_t argmax[9];
        struct raml_remote_text t = {.token = recorded_text, .n = 10, .first = 1, .logp = logp, .argmax = argmax};
        o.api = api[k];
        struct raml_endpoint *e = open_with(&o);
        const struct raml_remote *r = raml_endpoint_remote(e);
        CHECK_OK(r->logprobs(r->user, &t, 1, &err));
        assert_string_equal(raml_endpoint_api_name(e), k ? "openai" : "vllm");
        assert_int_equal(r->max_positions, 2047);
        for (size_t i = 0; i < 9; i++) {
            CHECK_NEAR("logp", logp[i], recorded_logp[i], 1e-6);
            assert_int_equal(argmax[i] == recorded_text[i + 1], i == 2 || i == 5);
        }
        raml_endpoint_close(e);
    }
}

static void recorded_next(void **state)
{
    struct raml_endpoint_options o = options_for(*state);
    struct raml_err err = {0};
    float logp;
    int32_t argmax;
    struct raml_remote_text t = {.token = recorded_text, .n = 8, .first = 7, .logp = &logp, .argmax = &argmax};
    struct raml_endpoint *e = open_with(&o);
    struct raml_ask a = {.way = &raml_way_vllm_next, .text = &t};
    CHECK_OK(raml_ask_all(e, &a, 1, &err));
    CHECK_NEAR("logp", logp, -2.0793059, 1e-6);
    assert_int_equal(argmax, 33);
    raml_endpoint_close(e);
}

/* It ends with the model's end token, which is kept. */
static void recorded_sample(void **state)
{
    static const int32_t stop[] = {2, 198};
    struct raml_endpoint_options o = options_for(*state);
    struct raml_err err = {0};
    struct raml_remote_sample s = {.prompt = recorded_text,
                                   .n_prompt = 10,
                                   .max_tokens = 12,
                                   .seed = 7,
                                   .stop_token = stop,
                                   .n_stop_tokens = 2,
                                   .temperature = 1,
                                   .top_p = 1};
    struct raml_endpoint *e = open_with(&o);
    const struct raml_remote *r = raml_endpoint_remote(e);
    CHECK_OK(r->samples(r->user, &s, 1, NULL, NULL, &err));
    assert_int_equal(s.n, 1);
    assert_int_equal(s.token[0], 2);
    CHECK_NEAR("logp", s.logp[0], -0.29358953, 1e-6);
    assert_true(s.ended);
    free(s.token);
    free(s.logp);
    raml_endpoint_close(e);
}

static void ask_sglang(struct raml_endpoint *e, const int32_t *token, size_t n, size_t first, float *logp,
                       int32_t *argmax)
{
    struct raml_err err = {0};
    struct raml_remote_text t = {.token = token, .n = n, .first = first, .logp = logp, .argmax = argmax};
    const struct raml_remote *r = raml_endpoint_remote(e);
    CHECK_OK(r->logprobs(r->user, &t, 1, &err));
}

/* SGLang 0.5.23, which says id 0 in the place of the vocabulary's last token, 49151. */
static void recorded_sglang(void **state)
{
    static const int32_t stop[] = {2, 198}, last[] = {1780, 49151, 314};
    struct raml_endpoint_options o = options_for(*state);
    struct raml_err err = {0};
    float logp[9];
    int32_t argmax[9];
    o.api = RAML_API_SGLANG;
    o.vocab_size = 49152;
    struct raml_endpoint *e = open_with(&o);
    ask_sglang(e, recorded_text, 10, 1, logp, argmax);
    for (size_t i = 0; i < 9; i++) {
        CHECK_NEAR("logp", logp[i], recorded_logp[i], 1e-4);
        assert_int_equal(argmax[i] == recorded_text[i + 1], i == 2 || i == 5);
    }
    ask_sglang(e, recorded_text, 10, 8, logp, argmax);
    for (size_t i = 0; i < 2; i++) CHECK_NEAR("logp", logp[i], recorded_logp[7 + i], 1e-4);
    ask_sglang(e, last, 3, 1, logp, argmax);
    assert_true(logp[0] < -10);
    struct raml_remote_sample s = {.prompt = recorded_text,
                                   .n_prompt = 10,
                                   .max_tokens = 12,
                                   .seed = 7,
                                   .stop_token = stop,
                                   .n_stop_tokens = 2,
                                   .temperature = 1,
                                   .top_p = 1};
    const struct raml_remote *r = raml_endpoint_remote(e);
    CHECK_OK(r->samples(r->user, &s, 1, NULL, NULL, &err));
    assert_true(s.n >= 1 && s.n <= 12);
    for (size_t i = 0; i < s.n; i++) {
        bool ends = s.token[i] == 2 || s.token[i] == 198;
        assert_true(s.token[i] >= 0 && s.token[i] < 49152 && s.logp[i] <= 0);
        assert_int_equal(ends, s.ended && i + 1 == s.n);
    }
    free(s.token);
    free(s.logp);
    raml_endpoint_close(e);
    for (int32_t known = 0; known < 2; known++) { /* 49151 is not the last token, or isn't known to be it */
        struct raml_remote_text t = {.token = last, .n = 3, .first = 1, .logp = logp, .argmax = argmax};
        o.vocab_size = known * 49153;
        e = open_with(&o);
        r = raml_endpoint_remote(e);
        assert_int_equal(r->logprobs(r->user, &t, 1, &err), RAML_ERANGE);
        assert_non_null(strstr(err.msg, "token 2 is 0 there; 49151 was sent"));
        raml_endpoint_close(e);
    }
}

static void recorded_refusal(void **state)
{
    static const int32_t text[] = {1780, 99999};
    struct raml_endpoint_options o = options_for(*state);
    struct raml_err err = {0};
    float logp;
    int32_t argmax;
    struct raml_remote_text t = {.token = text, .n = 2, .first = 1, .logp = &logp, .argmax = &argmax};
    struct raml_endpoint *e = open_with(&o);
    struct raml_ask a = {.way = &raml_way_vllm, .text = &t};
    assert_int_equal(raml_ask_all(e, &a, 1, &err), RAML_ERANGE);
    assert_non_null(strstr(err.msg, "HTTP 400: Token id 99999 is out of vocabulary"));
    raml_endpoint_close(e);
}

/* -- Many texts -------------------------------------------------------------------------------------------------------- */

struct many {
    int32_t token[N_TEXTS][MAX_LEN];
    float logp[N_TEXTS][MAX_LEN];
    int32_t argmax[N_TEXTS][MAX_LEN];
    struct raml_remote_text text[N_TEXTS];
};

/* In groups of ten that begin alike, with the last tokens as targets. */
static void fill(struct many *m)
{
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t n = 2 + (i * 17) % (MAX_LEN - 2), targets = 1 + i % 3;
        for (size_t k = 0; k < n; k++) m->token[i][k] = (int32_t)((i / 10 * 31 + k * 7 + (k + 3 > n ? i : 0)) % 200);
        m->text[i] = (struct raml_remote_text){.token = m->token[i],
                                               .n = n,
                                               .first = n > targets ? n - targets : 1,
                                               .group = i / 10,
                                               .logp = m->logp[i],
                                               .argmax = m->argmax[i]};
    }
}

static void check(const struct many *m)
{
    for (size_t i = 0; i < N_TEXTS; i++)
        for (size_t k = m->text[i].first; k < m->text[i].n; k++) {
            bool likeliest;
            CHECK_NEAR("logp", m->logp[i][k - m->text[i].first], server_logp(m->token[i], k, &likeliest), 1e-6);
            assert_int_equal(m->argmax[i][k - m->text[i].first] == m->token[i][k], likeliest);
        }
}

static void ask(struct raml_endpoint *e, struct many *m)
{
    struct raml_err err = {0};
    const struct raml_remote *r = raml_endpoint_remote(e);
    CHECK_OK(r->logprobs(r->user, m->text, N_TEXTS, &err));
    check(m);
}

/* Everything that may go wrong once does, and every number is right. */
static void passing_faults(void **state)
{
    static const enum server_fault all[] = {SERVER_500,    SERVER_503,     SERVER_429,   SERVER_CUT,
                                            SERVER_CLOSED, SERVER_NO_JSON, SERVER_FEWER, SERVER_NULL};
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    struct raml_endpoint_stats t;
    static struct many m;
    fill(&m);
    for (size_t i = 0; i < COUNT(all); i++) s->state->fault[2 + 7 * i] = all[i];
    struct raml_endpoint *e = open_with(&o);
    ask(e, &m);
    raml_endpoint_read_stats(e, &t);
    assert_int_equal(t.requests, N_TEXTS);
    assert_true(t.again >= COUNT(all));
    assert_int_equal(s->state->n_answered, N_TEXTS + 1); /* and the one by which the way was found */
    raml_endpoint_close(e);
}

static void token_by_token(void **state)
{
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    struct raml_endpoint_stats t;
    static struct many m;
    fill(&m);
    o.prefix_cache = true;
    struct raml_endpoint *e = open_with(&o);
    ask(e, &m);
    raml_endpoint_read_stats(e, &t);
    size_t n = 0; /* texts of more than 64 tokens a target go token by token */
    for (size_t i = 0; i < N_TEXTS; i++) {
        size_t targets = m.text[i].n - m.text[i].first;
        n += targets * 64 < m.text[i].n ? targets : 1;
    }
    assert_true(n >= N_TEXTS);
    assert_int_equal(t.requests, n);
    raml_endpoint_close(e);
}

static void slow(void **state)
{
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    struct raml_endpoint_stats t;
    static struct many m;
    fill(&m);
    o.timeout_s = 0.3;
    o.parallel = 1;
    s->state->fault[10] = SERVER_SLOW;
    struct raml_endpoint *e = open_with(&o);
    ask(e, &m);
    raml_endpoint_read_stats(e, &t);
    assert_true(t.again >= 1);
    raml_endpoint_close(e);
}

/* -- What is reported ------------------------------------------------------------------------------------------------------ */

static bool word(void *user, int32_t token, struct raml_buf *out)
{
    (void)user;
    raml_buf_addf(out, "word%d", (int)token);
    return true;
}

static void lasting_faults(void **state)
{
    static const struct {
        enum server_fault fault;
        enum raml_code code;
        const char *says;
    } cases[] = {
        {SERVER_500, RAML_EIO, ": HTTP 500: EngineCore encountered an issue (asked 3 times)"},
        {SERVER_503, RAML_EIO, ": HTTP 503: starting; given up after"},
        {SERVER_401, RAML_EUSAGE, "HTTP 401: it needs a key: --api_key_env NAME names the environment variable"},
        {SERVER_404, RAML_EUSAGE, ": HTTP 404: Not Found"},
        {SERVER_400, RAML_ERANGE, "HTTP 400: This model's maximum context length is 2048 tokens."},
        {SERVER_REDIRECT, RAML_EIO,
         "HTTP 307: it redirects to http://elsewhere:1/v1/; give the address where the server is"},
        {SERVER_CUT, RAML_EIO, "the connection ended in the middle"},
        {SERVER_CLOSED, RAML_EIO, "the connection ended in the middle"},
        {SERVER_NO_JSON, RAML_EFORMAT, "its reply:1: not valid JSON"},
        {SERVER_FEWER, RAML_EFORMAT, " log-probabilities of "},
        {SERVER_NULL, RAML_EFORMAT, " is null (asked 3 times)"},
        {SERVER_MORE, RAML_ERANGE, " log-probabilities of "},
        {SERVER_OTHER, RAML_ERANGE, "there, as it was sent"},
        {SERVER_SPELLING, RAML_ERANGE, "its tokenizer is another: token"},
    };
    struct server *s = *state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct raml_endpoint_options o = options_for(s);
        struct raml_err err = {0};
        static struct many m;
        o.patience_s = 0.5;
        o.spell = word;
        fill(&m);
        struct raml_endpoint *e = open_with(&o);
        const struct raml_remote *r = raml_endpoint_remote(e);
        e->text = &raml_way_vllm; /* found before */
        s->state->always = cases[i].fault;
        enum raml_code rc = r->logprobs(r->user, m.text, N_TEXTS, &err);
        s->state->always = SERVER_FINE;
        if (rc != cases[i].code || !strstr(err.msg, cases[i].says))
            print_error("%d: '%s'; expected '%s'\n", (int)rc, err.msg, cases[i].says);
        assert_int_equal(rc, cases[i].code);
        assert_non_null(strstr(err.msg, cases[i].says));
        ask(e, &m); /* and it can be used again */
        raml_endpoint_close(e);
    }
}

static void no_prompt_logprobs(void **state)
{
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    struct raml_err err = {0};
    static struct many m;
    fill(&m);
    s->state->always = SERVER_NONE;
    struct raml_endpoint *e = open_with(&o);
    const struct raml_remote *r = raml_endpoint_remote(e);
    assert_int_equal(r->logprobs(r->user, m.text, N_TEXTS, &err), RAML_ESUPPORT);
    assert_non_null(strstr(err.msg, "gives no log-probabilities of prompts, which vLLM, SGLang and raml serve do "
                                    "(prompt_logprobs: its reply has no 'prompt_logprobs')"));
    raml_endpoint_close(e);
    o.api = RAML_API_SGLANG;
    e = open_with(&o);
    r = raml_endpoint_remote(e);
    assert_int_equal(r->logprobs(r->user, m.text, N_TEXTS, &err), RAML_ESUPPORT);
    assert_non_null(strstr(err.msg, "(return_logprob: its reply has no 'input_token_logprobs')"));
    raml_endpoint_close(e);
}

static void refused(const struct raml_endpoint_options *o, enum raml_code code, const char *says)
{
    struct raml_err err = {0};
    struct raml_endpoint *e;
    enum raml_code rc = raml_endpoint_open(o, &e, &err);
    if (rc != code || !strstr(err.msg, says)) print_error("%d: '%s'; expected '%s'\n", (int)rc, err.msg, says);
    assert_int_equal(rc, code);
    assert_non_null(strstr(err.msg, says));
}

static void opening(void **state)
{
    static const char *const bad[] = {"",           "localhost:8000", "ftp://x/",   "http://",
                                      "http:///v1", "http://a b/",    "http://x/?q"};
    static const char *const good[] = {"", "/", "/completions", "/models/"};
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    char url[200];
    for (size_t i = 0; i < COUNT(bad); i++) {
        o.url = bad[i];
        refused(&o, RAML_EUSAGE, "expected an address such as http://localhost:8000/v1");
    }
    for (size_t i = 0; i < COUNT(good); i++) {
        snprintf(url, sizeof url, "%s%s", s->url, good[i]);
        o.url = url;
        raml_endpoint_close(open_with(&o));
    }
    o.url = "http://me:secret@localhost:1/v1";
    refused(&o, RAML_EUSAGE, "an address with a name or a password in it is refused");
    o.url = "http://127.0.0.1:1/v1";
    refused(&o, RAML_EIO, "http://127.0.0.1:1/v1/models: ");
    snprintf(url, sizeof url, "https://127.0.0.1:%d/v1", s->port);
    o.url = url;
    refused(&o, RAML_EIO, "/v1/models: TLS: ");
    o.url = s->url;
    o.model = "large";
    refused(&o, RAML_EUSAGE, "has no model 'large'; it has: smol");
    o.model = NULL;
    s->state->of_models = SERVER_404;
    refused(&o, RAML_EUSAGE, "lists no models; endpoint_model names one");
    s->state->of_models = SERVER_401;
    refused(&o, RAML_EUSAGE, "HTTP 401: it needs a key");
    s->state->of_models = SERVER_NO_JSON;
    refused(&o, RAML_EFORMAT, "/v1/models");
}

/* It is sent, and recorded nowhere. */
static void key(void **state)
{
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    o.api_key_env = "RAML_TEST_KEY";
    unsetenv("RAML_TEST_KEY");
    refused(&o, RAML_EUSAGE, "api_key_env: there is no environment variable 'RAML_TEST_KEY', or it is empty");
    setenv("RAML_TEST_KEY", "with space", 1);
    refused(&o, RAML_EUSAGE, "has a space or a control character");
    setenv("RAML_TEST_KEY", "sk-123", 1);
    struct raml_endpoint *e = open_with(&o);
    assert_non_null(strstr(s->state->header, "Authorization: Bearer sk-123\r\n"));
    assert_null(strstr(e->name, "sk-123"));
    raml_endpoint_close(e);
    s->state->of_models = SERVER_401;
    refused(&o, RAML_EUSAGE, "HTTP 401: it refuses the key in the environment variable RAML_TEST_KEY");
    unsetenv("RAML_TEST_KEY");
}

static void bounded(void **state)
{
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    struct raml_err err = {0};
    struct raml_http http;
    struct raml_endpoint *e;
    static struct many m;
    fill(&m);
    CHECK_OK(raml_http_curl(1 << 20, &http, &err));
    CHECK_OK(raml_endpoint_open_by(&o, &http, &e, &err));
    e->text = &raml_way_vllm;
    s->state->fault[0] = SERVER_HUGE;
    const struct raml_remote *r = raml_endpoint_remote(e);
    assert_int_equal(r->logprobs(r->user, m.text, N_TEXTS, &err), RAML_EFORMAT);
    assert_non_null(strstr(err.msg, "its reply has more than"));
    ask(e, &m);
    raml_endpoint_close(e);
}

/* -- The journal ------------------------------------------------------------------------------------------------------- */

static bool stop_at_once(void *user)
{
    const struct server_state *s = user;
    return s->n_answered >= 20;
}

/* Only what was on its way when the first one stopped, and the first text, by which the way was found. */
static void no_answer_twice(const struct server_state *s, size_t on_its_way)
{
    size_t twice = 0;
    for (size_t i = 0; i < s->n_answered; i++)
        for (size_t k = 0; k < i; k++) twice += s->answered[i] == s->answered[k];
    assert_true(twice <= on_its_way + 1);
}

static void journal(void **state)
{
    struct server *s = *state;
    char path[] = "/tmp/raml-journal-XXXXXX";
    int fd = mkstemp(path);
    struct raml_endpoint_options o = options_for(s);
    struct raml_err err = {0};
    struct raml_endpoint_stats t;
    const struct raml_sink sink = {.stop = stop_at_once, .user = s->state};
    static struct many m;
    assert_true(fd >= 0);
    fill(&m);
    o.journal = path;
    o.parallel = 1;
    o.sink = &sink;
    struct raml_endpoint *e = open_with(&o), *second;
    const struct raml_remote *r = raml_endpoint_remote(e);
    assert_int_equal(r->logprobs(r->user, m.text, N_TEXTS, &err), RAML_ESTOP);
    o.sink = NULL;
    assert_int_equal(raml_endpoint_open(&o, &second, &err), RAML_EIO);
    assert_non_null(strstr(err.msg, "another process is writing it"));
    raml_endpoint_close(e);
    /* a torn line, as a killed process leaves it */
    assert_int_equal(lseek(fd, 0, SEEK_END) > 0, 1);
    assert_int_equal(write(fd, "{\"key\":\"00", 10), 10);
    fill(&m);
    e = open_with(&o);
    e->text = &raml_way_vllm;
    ask(e, &m);
    raml_endpoint_read_stats(e, &t);
    assert_true(t.from_journal >= 18);
    assert_int_equal(t.from_journal + t.requests, N_TEXTS);
    no_answer_twice(s->state, o.parallel);
    raml_endpoint_close(e);
    /* and now without any request */
    size_t posts = s->state->n_posts;
    fill(&m);
    e = open_with(&o);
    e->text = &raml_way_vllm;
    ask(e, &m);
    assert_int_equal(s->state->n_posts, posts);
    raml_endpoint_close(e);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    refused(&o, RAML_EFORMAT, ":1: is no journal of an endpoint; expected {\"raml_endpoint_journal\":1}");
    close(fd);
    unlink(path);
}

/* 200 samples; the server gets SIGKILL in the middle, and starts again a second later. */
enum { N_SAMPLES = 200 };

static enum raml_code took(void *of, size_t i, struct raml_err *err)
{
    (void)err;
    ((unsigned char *)of)[i]++;
    return RAML_OK;
}

static void killed_server(void **state)
{
    struct server *s = *state;
    struct raml_endpoint_options o = options_for(s);
    struct raml_err err = {0};
    static struct raml_remote_sample sample[N_SAMPLES];
    static int32_t prompt[N_SAMPLES];
    unsigned char heard[N_SAMPLES] = {0};
    for (int32_t i = 0; i < N_SAMPLES; i++) {
        prompt[i] = i;
        sample[i] = (struct raml_remote_sample){
            .prompt = &prompt[i], .n_prompt = 1, .max_tokens = 5, .seed = 3, .temperature = 1, .top_p = 1};
    }
    pid_t killer = fork();
    if (!killer) {
        while (s->state->n_answered < 90) usleep(500);
        kill(s->pid, SIGKILL);
        sleep(1);
        s->pid = 0;
        if (!server_start(s, s->port)) _exit(1);
        pause();
    }
    struct raml_endpoint *e = open_with(&o);
    const struct raml_remote *r = raml_endpoint_remote(e);
    CHECK_OK(r->samples(r->user, sample, N_SAMPLES, took, heard, &err));
    kill(killer, SIGKILL);
    waitpid(killer, NULL, 0);
    assert_int_equal(e->stats.requests, N_SAMPLES);
    assert_true(e->stats.again > 0);
    for (size_t i = 0; i < N_SAMPLES; i++) {
        assert_int_equal(heard[i], 1);
        assert_int_equal(sample[i].n, 5);
        free(sample[i].token);
        free(sample[i].logp);
    }
    raml_endpoint_close(e);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, enter, leave)
    const struct CMUnitTest tests[] = {TEST(records),          TEST(recorded_next),
                                       TEST(recorded_sample),  TEST(recorded_sglang),
                                       TEST(recorded_refusal), TEST(passing_faults),
                                       TEST(token_by_token),   TEST(slow),
                                       TEST(lasting_faults),   TEST(no_prompt_logprobs),
                                       TEST(opening),          TEST(key),
                                       TEST(bounded),          TEST(journal),
                                       TEST(killed_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
