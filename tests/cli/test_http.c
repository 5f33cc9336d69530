/* HTTP around a server: paths, methods, sizes, hosts, slow and many clients, clients that leave, ports in use. Raw sockets:
 * what a client sends is exactly what stands here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "serve/rig.h"

#include "cli/http.h"
#include "cli/http_listen.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_ANSWER = 1 << 20, MANY = 60 };

struct rig {
    struct served served;
    struct cli_http *http;
    int port;
};

static const struct cli_http_options plain = {
    .host = "127.0.0.1", .max_connections = 100, .max_body_bytes = 1000, .timeout_s = 60, .quiet = true};

static int set_up(void **state)
{
    static struct rig r;
    if (!cli_http_library()) return 0; /* a build without */
    signal(SIGPIPE, SIG_IGN);
    served_model(&r.served);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    if (r) served_close(&r->served);
    return 0;
}

static void start(struct rig *r, const struct cli_http_options *o)
{
    struct raml_serve_options s = served_options(&r->served);
    s.batch_window = 0;
    s.drain = 0;
    served_start(&r->served, &s);
    MUST(cli_http_open(o, r->served.s, &r->http, err));
    r->port = atoi(strrchr(cli_http_url(r->http), ':') + 1);
    assert_true(cli_http_is_loopback(r->http));
}

static void end(struct rig *r)
{
    atomic_store(&r->served.stop, true);
    assert_int_equal(pthread_join(r->served.thread, NULL), 0);
    cli_http_close(r->http, 20);
    raml_server_close(r->served.s);
}

/* -- A client -------------------------------------------------------------------------------------------------------- */
static int dial(const struct rig *r)
{
    const struct timeval limit = {.tv_sec = 60};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    size_t n = strlen(text);
    for (ssize_t k; n && (k = send(fd, text, n, MSG_NOSIGNAL)) > 0; n -= (size_t)k) text += k;
}

/* All that comes until the other side closes. */
static char *read_all(int fd)
{
    char *text = calloc(MAX_ANSWER, 1);
    size_t n = 0;
    assert_non_null(text);
    for (ssize_t k; n < MAX_ANSWER - 1 && (k = recv(fd, text + n, MAX_ANSWER - 1 - n, 0)) > 0;) n += (size_t)k;
    close(fd);
    return text;
}

static int status_of(const char *answer)
{
    int status = 0;
    if (sscanf(answer, "HTTP/1.1 %d", &status) != 1) return 0;
    return status;
}

static void post(int fd, const char *body)
{
    char head[300];
    snprintf(head, sizeof head,
             "POST /v1/completions HTTP/1.1\r\nHost: localhost:1\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\nConnection: close\r\n\r\n",
             strlen(body));
    send_text(fd, head);
    send_text(fd, body);
}

static char *ask(const struct rig *r, const char *request)
{
    int fd = dial(r);
    send_text(fd, request);
    return read_all(fd);
}

/* Sends a request, and looks for a status, and a part of the answer. */
static void check(const struct rig *r, const char *request, int status, const char *part)
{
    char *answer = ask(r, request);
    if (status_of(answer) != status || !strstr(answer, part)) fail_msg("%s\nanswered %s", request, answer);
    free(answer);
}

static const char *body_of(const char *answer)
{
    const char *body = strstr(answer, "\r\n\r\n");
    assert_non_null(body);
    return body + 4;
}

/* -- Tests ----------------------------------------------------------------------------------------------------------- */
#define TAIL "Host: 127.0.0.1:8000\r\nConnection: close\r\n\r\n"
#define JSON "Content-Type: application/json\r\n"

static void test_paths(void **state)
{
    struct rig *r = *state;
    if (!r) return;
    start(r, &plain);
    check(r, "GET /health HTTP/1.1\r\n" TAIL, 200, "{\"status\":\"ok\"}");
    check(r, "GET /v1/models HTTP/1.1\r\n" TAIL, 200, "\"id\":\"small\"");
    check(r, "GET /v1/models HTTP/1.1\r\n" TAIL, 200, "\"data\":[{\"id\":\"small\",\"object\":\"model\"");
    check(r, "GET /v1/models/small HTTP/1.1\r\n" TAIL, 200, "\r\n\r\n{\"id\":\"small\",\"object\":\"model\"");
    check(r, "GET /v1/models/large HTTP/1.1\r\n" TAIL, 404, "model_not_found");
    check(r, "GET /v1/modelsx HTTP/1.1\r\n" TAIL, 404, "not_found");
    check(r, "GET / HTTP/1.1\r\n" TAIL, 404, "\"error\"");
    check(r, "GET /v1/completions HTTP/1.1\r\n" TAIL, 405, "Allow: POST");
    check(r, "POST /health HTTP/1.1\r\nContent-Length: 0\r\n" TAIL, 405, "Allow: GET");
    check(r, "OPTIONS /v1/completions HTTP/1.1\r\n" TAIL, 405, "method_not_allowed");
    check(r, "POST /v1/completions HTTP/1.1\r\nContent-Length: 2\r\n" TAIL "{}", 415, "application/json");
    check(r, "POST /v1/completions HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n" TAIL "{}", 415,
          "application/json");
    check(r, "POST /v1/completions HTTP/1.1\r\n" JSON "Content-Length: 0\r\n" TAIL, 400, "invalid_json");
    check(r, "POST /v1/completions HTTP/1.1\r\n" JSON "Content-Length: 12\r\n" TAIL "{\"prompt\":1}", 400,
          "invalid_type");
    check(r, "GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 403, "wrong_host");
    check(r, "GET /health HTTP/1.1\r\nHost: localhost.evil.example\r\nConnection: close\r\n\r\n", 403, "wrong_host");
    check(r, "GET /health HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close\r\n\r\n", 200, "ok");
    free(ask(r, "nonsense\r\n\r\n")); /* closed */
    free(ask(r, "\x16\x03\x01 hello TLS\r\n\r\n"));
    check(r, "GET /health HTTP/1.1\r\n" TAIL, 200, "ok");
    end(r);
    assert_true(cli_http_is_here("localhost:80") && cli_http_is_here("127.1.2.3") && cli_http_is_here("LOCALHOST"));
    assert_false(cli_http_is_here("127.0.0.1.evil.example") || cli_http_is_here("") || cli_http_is_here("[::1]x"));
}

static void test_sizes(void **state)
{
    struct rig *r = *state;
    char request[3000];
    if (!r) return;
    start(r, &plain);
    /* too large by what the header says, before a byte of it; and by what comes, in pieces that say no size */
    check(r, "POST /v1/completions HTTP/1.1\r\n" JSON "Content-Length: 1001\r\n" TAIL, 413, "request_too_large");
    char piece[501];
    memset(piece, ' ', 500);
    piece[500] = 0;
    snprintf(request, sizeof request,
             "POST /v1/completions HTTP/1.1\r\n" JSON "Transfer-Encoding: chunked\r\n" TAIL
             "1f4\r\n%s\r\n1f4\r\n%s\r\n1\r\n \r\n0\r\n\r\n",
             piece, piece);
    check(r, request, 413, "request_too_large");
    /* one that just fits */
    int fd = dial(r);
    snprintf(request, sizeof request, "{\"prompt\":\"x\",\"max_tokens\":1%*s}", 1000 - 29, "");
    assert_int_equal(strlen(request), 1000);
    post(fd, request);
    char *answer = read_all(fd);
    assert_int_equal(status_of(answer), 200);
    free(answer);
    end(r);
}

/* One connection for several requests, and one whose body comes byte by byte. */
static void test_slow(void **state)
{
    static const char request[] = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n" JSON "Content-Length: 47\r\n"
                                  "Connection: close\r\n\r\n{\"prompt\":\"1+1\",\"max_tokens\":3,\"temperature\":0}";
    struct rig *r = *state;
    if (!r) return;
    start(r, &plain);
    int slow = dial(r);
    const struct timespec pause = {.tv_nsec = 3000000};
    char *whole = ask(r, request);
    assert_int_equal(status_of(whole), 200);
    for (size_t i = 0; request[i]; i++) {
        assert_int_equal(send(slow, request + i, 1, 0), 1);
        nanosleep(&pause, NULL);
        if (i == sizeof request / 2)
            check(r, "GET /health HTTP/1.1\r\n" TAIL, 200, "ok"); /* others don't wait for it */
    }
    char *answer = read_all(slow);
    char *a = without_names(json_of(body_of(whole))), *b = without_names(json_of(body_of(answer)));
    assert_string_equal(a, b);
    free(a);
    free(b);
    free(whole);
    free(answer);
    check(r,
          "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
          "GET /nothing HTTP/1.1\r\n" TAIL,
          200, "not_found");
    end(r);
}

static void test_silent(void **state)
{
    struct rig *r = *state;
    struct cli_http_options o = plain;
    if (!r) return;
    o.timeout_s = 1;
    start(r, &o);
    int fd = dial(r);
    send_text(fd, "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n" JSON "Content-Length: 45\r\n\r\n{\"pro");
    free(read_all(fd)); /* closed by the server */
    end(r);
}

/* More than there are connections for: each is answered, or closed at once. */
static void test_many(void **state)
{
    struct rig *r = *state;
    struct cli_http_options o = plain;
    int fd[MANY];
    size_t answered = 0, closed = 0;
    if (!r) return;
    start(r, &o);
    for (size_t i = 0; i < MANY; i++) fd[i] = dial(r);
    for (size_t i = 0; i < MANY; i++) post(fd[i], "{\"prompt\":\"abc\",\"max_tokens\":4,\"seed\":1}");
    char *first = NULL;
    for (size_t i = 0; i < MANY; i++) {
        char *answer = read_all(fd[i]);
        assert_int_equal(status_of(answer), 200);
        char *text = without_names(json_of(body_of(answer)));
        if (!first) first = strdup(text);
        assert_string_equal(text, first);
        free(text);
        free(answer);
    }
    free(first);
    end(r);
    o.max_connections = 10;
    start(r, &o);
    for (size_t i = 0; i < MANY; i++) fd[i] = dial(r);
    for (size_t i = 0; i < MANY; i++) post(fd[i], "{\"prompt\":\"abc\",\"max_tokens\":4,\"seed\":1}");
    for (size_t i = 0; i < MANY; i++) {
        char *answer = read_all(fd[i]);
        answered += status_of(answer) == 200;
        closed += !*answer;
        free(answer);
    }
    assert_true(answered >= 10 - 1 && answered + closed == MANY);
    check(r, "GET /health HTTP/1.1\r\n" TAIL, 200, "ok");
    end(r);
}

static uint64_t n_cancelled(struct rig *r)
{
    struct raml_server_figures f;
    raml_server_read_figures(r->served.s, &f);
    return f.cancelled;
}

/* In the middle of the answer, of a stream, of the request: the server gives it up, and goes on. */
static void test_leaves(void **state)
{
    struct rig *r = *state;
    const struct timespec pause = {.tv_nsec = 20000000};
    char part[200];
    if (!r) return;
    start(r, &plain);
    int fd = dial(r);
    post(fd, "{\"prompt\":\"x\",\"max_tokens\":250,\"ignore_eos\":true,\"n\":16}");
    nanosleep(&pause, NULL);
    close(fd);
    for (size_t i = 0; i < 3000 && !n_cancelled(r); i++) nanosleep(&pause, NULL);
    assert_int_equal(n_cancelled(r), 1);
    fd = dial(r);
    post(fd, "{\"prompt\":\"x\",\"max_tokens\":250,\"ignore_eos\":true,\"n\":16,\"stream\":true}");
    assert_true(recv(fd, part, sizeof part, 0) > 0);
    close(fd);
    for (size_t i = 0; i < 3000 && n_cancelled(r) < 2; i++) nanosleep(&pause, NULL);
    assert_int_equal(n_cancelled(r), 2);
    fd = dial(r);
    send_text(fd, "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n" JSON "Content-Length: 45\r\n\r\n{\"pro");
    close(fd);
    check(r, "GET /health HTTP/1.1\r\n" TAIL, 200, "ok");
    end(r);
}

static void test_stream(void **state)
{
    struct rig *r = *state;
    if (!r) return;
    start(r, &plain);
    int fd = dial(r);
    post(fd, "{\"prompt\":\"x\",\"max_tokens\":30,\"seed\":2,\"n\":2,\"stream\":true}");
    char *answer = read_all(fd);
    assert_int_equal(status_of(answer), 200);
    assert_non_null(strstr(answer, "Content-Type: text/event-stream"));
    assert_non_null(strstr(answer, "Transfer-Encoding: chunked"));
    assert_non_null(strstr(answer, "data: [DONE]\n\n"));
    free(answer);
    end(r);
}

/* The server ends while somebody waits. */
static void test_end(void **state)
{
    struct rig *r = *state;
    const struct timespec pause = {.tv_nsec = 30000000};
    if (!r) return;
    start(r, &plain);
    int fd = dial(r);
    post(fd, "{\"prompt\":\"x\",\"max_tokens\":250,\"ignore_eos\":true,\"n\":16}");
    nanosleep(&pause, NULL);
    end(r);
    char *answer = read_all(fd);
    assert_int_equal(status_of(answer), 503);
    assert_non_null(strstr(answer, "Retry-After: 1"));
    assert_non_null(strstr(answer, "shutting_down"));
    free(answer);
}

static void test_ports(void **state)
{
    struct rig *r = *state;
    struct raml_err why = {0};
    struct cli_http *other = NULL;
    struct cli_http_options o = plain;
    if (!r) return;
    start(r, &plain);
    o.port = r->port;
    assert_int_equal(cli_http_open(&o, r->served.s, &other, &why), RAML_EIO);
    assert_non_null(strstr(why.msg, "is in use"));
    o.port = 0;
    o.host = "192.0.2.1"; /* of documentation: nobody's */
    assert_int_equal(cli_http_open(&o, r->served.s, &other, &why), RAML_EIO);
    assert_non_null(strstr(why.msg, "is no address of this machine"));
    o.host = "not a name";
    assert_int_equal(cli_http_open(&o, r->served.s, &other, &why), RAML_EIO);
    assert_non_null(strstr(why.msg, "--host not a name"));
    o.host = "0.0.0.0";
    MUST(cli_http_open(&o, r->served.s, &other, err));
    assert_false(cli_http_is_loopback(other));
    cli_http_close(other, 1);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),  cmocka_unit_test(test_sizes), cmocka_unit_test(test_slow),
        cmocka_unit_test(test_silent), cmocka_unit_test(test_many),  cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_stream), cmocka_unit_test(test_end),   cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
