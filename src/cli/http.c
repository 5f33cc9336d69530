/* http.c - see http.h. The calls of libmicrohttpd's thread: a request comes in parts, and once it is whole the connection
 * is suspended until its exchange has something to send. */
#include "cli/http.h"

#include "cli/http_listen.h"
#include "core/clock.h"
#include "raml/buf.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADERS_BYTES = 32 << 10, BLOCK_BYTES = 16 << 10, BODIES_AT_ONCE = 16, PAUSE_NS = 2000000 };

struct cli_http {
    struct cli_http_options opt;
    struct raml_server *server;
    struct MHD_Daemon *daemon;
    int fd;
    bool loopback;
    char url[CLI_HTTP_URL];
    size_t body_bytes; /* of requests that are being read */
    atomic_size_t n_calls;
};
struct call { /* a request */
    struct cli_http *http;
    struct MHD_Connection *connection;
    struct raml_exchange *exchange;
    struct raml_buf body;
    double start;
    char method[16], url[200];
    int socket, status;
    size_t sent;
    bool too_large, responded;
};

const char *cli_http_library(void)
{
    static const char name[] = "libmicrohttpd";
    return name;
}

/* -- The server's thread asks ---------------------------------------------------------------------------------------- */
static void ready(void *user)
{
    const struct call *c = user;
    MHD_resume_connection(c->connection);
}

static bool gone(void *user)
{
    const struct call *c = user;
    char byte;
    ssize_t n = recv(c->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* -- Responses ------------------------------------------------------------------------------------------------------- */
static enum MHD_Result respond(struct call *c, int status, struct MHD_Response *r, const char *type)
{
    if (!r) return MHD_NO;
    (void)MHD_add_response_header(r, "Content-Type", type);
    if (status == 503) (void)MHD_add_response_header(r, "Retry-After", "1");
    if (status == 405)
        (void)MHD_add_response_header(r, "Allow", strcmp(c->url, "/v1/completions") ? "GET, HEAD" : "POST");
    if (status == 405 || status == 413 || status == 408) (void)MHD_add_response_header(r, "Connection", "close");
    c->status = status;
    c->responded = true;
    enum MHD_Result ok = MHD_queue_response(c->connection, (unsigned)status, r);
    MHD_destroy_response(r);
    return ok;
}

/* Takes the text over. */
static enum MHD_Result respond_text(struct call *c, int status, struct raml_buf *text)
{
    if (raml_buf_status(text, NULL) || !text->data) {
        raml_buf_deinit(text);
        return MHD_NO;
    }
    size_t n = text->len;
    c->sent = n;
    char *bytes = raml_buf_take(text);
    struct MHD_Response *r = MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
    if (!r) free(bytes);
    return respond(c, status, r, "application/json");
}

static enum MHD_Result refuse(struct call *c, int status, const char *code, const char *message)
{
    struct raml_buf text;
    raml_buf_init(&text, 1 << 16);
    raml_server_error(status, NULL, code, message, &text);
    return respond_text(c, status, &text);
}

static ssize_t next_block(void *user, uint64_t at, char *to, size_t max)
{
    struct call *c = user;
    bool end;
    (void)at;
    size_t n = raml_exchange_read(c->exchange, to, max, &end);
    c->sent += n;
    if (n) return (ssize_t)n;
    if (end)
        return raml_exchange_status(c->exchange) == 499 ? MHD_CONTENT_READER_END_WITH_ERROR
                                                        : MHD_CONTENT_READER_END_OF_STREAM;
    MHD_suspend_connection(c->connection); /* already resumed, if something has come since: then it is not suspended */
    return 0;
}

static enum MHD_Result respond_whole(struct call *c, int status)
{
    struct raml_buf text;
    char block[BLOCK_BYTES];
    bool end = false;
    raml_buf_init(&text, SIZE_MAX / 4);
    while (!end) raml_buf_add(&text, block, raml_exchange_read(c->exchange, block, sizeof block, &end));
    return respond_text(c, status, &text);
}

/* The exchange has an answer, or will: then the connection waits. */
static enum MHD_Result continue_exchange(struct call *c)
{
    int status = raml_exchange_status(c->exchange);
    if (!status) {
        MHD_suspend_connection(c->connection);
        return MHD_YES;
    }
    if (status == 499) return MHD_NO; /* nobody waits */
    if (status != 200 || !raml_exchange_streams(c->exchange)) return respond_whole(c, status);
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, next_block, c, NULL);
    if (r) (void)MHD_add_response_header(r, "Cache-Control", "no-cache");
    return respond(c, status, r, "text/event-stream");
}

/* -- Routes ---------------------------------------------------------------------------------------------------------- */
static const char *header(const struct call *c, const char *name)
{
    return MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result complete_text(struct call *c)
{
    const struct raml_exchange_client client = {ready, gone, c};
    const char *type = header(c, "Content-Type");
    if (!type || strncasecmp(type, "application/json", 16) != 0)
        return refuse(c, 415, "unsupported_media_type", "the body's Content-Type is to be application/json");
    if (c->too_large) return refuse(c, 413, "request_too_large", "the request's body is larger than this server reads");
    c->exchange = raml_exchange_open(c->http->server, c->body.data ? c->body.data : "", c->body.len, &client);
    c->http->body_bytes -= c->body.len;
    raml_buf_deinit(&c->body);
    raml_buf_init(&c->body, 0);
    if (!c->exchange) return refuse(c, 500, NULL, "no memory for the request");
    raml_exchange_submit(c->exchange);
    return continue_exchange(c);
}

static enum MHD_Result show_models(struct call *c, const char *name)
{
    struct raml_buf text;
    if (*name && !raml_server_has_model(c->http->server, name))
        return refuse(c, 404, "model_not_found", "this server does not have that model");
    raml_buf_init(&text, 1 << 16);
    if (*name) raml_server_model(c->http->server, &text);
    else raml_server_models(c->http->server, &text);
    return respond_text(c, 200, &text);
}

static enum MHD_Result show_health(struct call *c)
{
    struct raml_buf text;
    raml_buf_init(&text, 64);
    raml_buf_adds(&text, "{\"status\":\"ok\"}\n");
    return respond_text(c, 200, &text);
}

static enum MHD_Result route(struct call *c)
{
    const char *host = header(c, "Host");
    bool post = !strcmp(c->method, "POST"), get = !strcmp(c->method, "GET") || !strcmp(c->method, "HEAD");
    bool completions = !strcmp(c->url, "/v1/completions"), models = !strncmp(c->url, "/v1/models", 10);
    bool health = !strcmp(c->url, "/health");
    if (models && c->url[10] && c->url[10] != '/') models = false;
    if (c->http->loopback && host && !cli_http_is_here(host))
        return refuse(c, 403, "wrong_host", "the request's Host is not this machine");
    if (!completions && !models && !health) return refuse(c, 404, "not_found", "there is nothing at this path");
    if (completions ? !post : !get) return refuse(c, 405, "method_not_allowed", "this path does not take that method");
    if (completions) return complete_text(c);
    return health ? show_health(c) : show_models(c, c->url[10] ? c->url + 11 : "");
}

/* -- A request comes ------------------------------------------------------------------------------------------------- */
static struct call *begin(struct cli_http *h, struct MHD_Connection *connection, const char *url, const char *method)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct call *c = calloc(1, sizeof *c);
    if (!c || !info) {
        free(c);
        return NULL;
    }
    c->http = h;
    c->connection = connection;
    c->start = raml_clock_monotonic();
    c->socket = info->connect_fd;
    snprintf(c->method, sizeof c->method, "%s", method);
    snprintf(c->url, sizeof c->url, "%s", url);
    raml_buf_init(&c->body, (size_t)h->opt.max_body_bytes + 1);
    atomic_fetch_add(&h->n_calls, 1);
    return c;
}

/* Before the body comes: a size that is too large by its header. */
static enum MHD_Result look_at_size(struct call *c)
{
    const char *length = header(c, "Content-Length");
    if (!length || strtoull(length, NULL, 10) <= (unsigned long long)c->http->opt.max_body_bytes) return MHD_YES;
    return refuse(c, 413, "request_too_large", "the request's body is larger than this server reads");
}

static enum MHD_Result take_body(struct call *c, const char *bytes, size_t n)
{
    struct cli_http *h = c->http;
    size_t most = (size_t)h->opt.max_body_bytes;
    if (c->too_large) return MHD_YES;
    if (n > most - c->body.len || h->body_bytes + n > BODIES_AT_ONCE * most) {
        c->too_large = true;
        return MHD_YES;
    }
    raml_buf_add(&c->body, bytes, n);
    if (c->body.code) return MHD_NO;
    h->body_bytes += n;
    return MHD_YES;
}

static enum MHD_Result answer(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload, size_t *n_upload, void **request)
{
    struct call *c = *request;
    (void)version;
    if (!c) {
        c = *request = begin(user, connection, url, method);
        return c ? look_at_size(c) : MHD_NO;
    }
    if (c->responded) {
        *n_upload = 0;
        return MHD_YES;
    }
    if (c->exchange) return continue_exchange(c);
    if (!*n_upload) return route(c);
    enum MHD_Result ok = take_body(c, upload, *n_upload);
    *n_upload = 0;
    return ok;
}

/* -- And is over ----------------------------------------------------------------------------------------------------- */
static void log_call(const struct call *c, bool left)
{
    struct raml_exchange_figures f = {0};
    struct tm tm;
    char at[32], about[200] = "", path[sizeof c->url];
    const time_t now = time(NULL);
    if (c->http->opt.quiet) return;
    gmtime_r(&now, &tm);
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", &tm);
    snprintf(path, sizeof path, "%s", c->url);
    for (char *p = path; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) *p = '?';
    if (c->exchange) raml_exchange_read_figures(c->exchange, &f);
    if (c->exchange && f.choices)
        snprintf(about, sizeof about, " %s: %zu prompt%s, %zu choice%s, tokens %zu + %zu, seed %llu", f.id, f.prompts,
                 f.prompts == 1 ? "" : "s", f.choices, f.choices == 1 ? "" : "s", f.prompt_tokens, f.completion_tokens,
                 (unsigned long long)f.seed);
    fprintf(stderr, "%s %s %s %d %zu bytes %.3f s%s%s\n", at, c->method, path, c->status, c->sent,
            raml_clock_monotonic() - c->start, left ? " (client left)" : "", about);
}

static void completed(void *user, struct MHD_Connection *connection, void **request,
                      enum MHD_RequestTerminationCode how)
{
    struct cli_http *h = user;
    struct call *c = *request;
    (void)connection;
    if (!c) return;
    log_call(c, how != MHD_REQUEST_TERMINATED_COMPLETED_OK);
    raml_exchange_close(c->exchange);
    h->body_bytes -= c->body.len;
    raml_buf_deinit(&c->body);
    free(c);
    *request = NULL;
    atomic_fetch_sub(&h->n_calls, 1);
}

/* -- Opening and closing --------------------------------------------------------------------------------------------- */
enum raml_code cli_http_open(const struct cli_http_options *opt, struct raml_server *s, struct cli_http **out,
                             struct raml_err *err)
{
    struct cli_http *h = calloc(1, sizeof *h);
    if (!h) return raml_fail(err, RAML_ENOMEM, "no memory to listen");
    h->opt = *opt;
    h->server = s;
    enum raml_code rc = cli_http_listen(opt->host, opt->port, &h->fd, &h->loopback, h->url, err);
    if (rc) {
        free(h);
        return rc;
    }
    const unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
    h->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, answer, h, MHD_OPTION_LISTEN_SOCKET, h->fd, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)opt->max_connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)opt->timeout_s,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_BYTES, MHD_OPTION_NOTIFY_COMPLETED,
                         completed, h, MHD_OPTION_END);
    if (!h->daemon) {
        close(h->fd);
        free(h);
        return raml_fail(err, RAML_EIO, "libmicrohttpd can't start with %lld connections",
                         (long long)opt->max_connections);
    }
    *out = h;
    return RAML_OK;
}

bool cli_http_is_loopback(const struct cli_http *h)
{
    return h->loopback;
}

const char *cli_http_url(const struct cli_http *h)
{
    return h->url;
}

void cli_http_refuse(struct cli_http *h)
{
    if (h->fd < 0) return;
    (void)MHD_quiesce_daemon(h->daemon);
    close(h->fd);
    h->fd = -1;
}

void cli_http_close(struct cli_http *h, double seconds)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    if (!h) return;
    cli_http_refuse(h);
    double end = raml_clock_monotonic() + seconds;
    while (atomic_load(&h->n_calls) && raml_clock_monotonic() < end) nanosleep(&pause, NULL);
    MHD_stop_daemon(h->daemon);
    free(h);
}
