/* curl.c - HTTP by libcurl's multi interface. See http.h.
 *
 * The library is loaded here and now: linked, it and its thirty libraries would make every start of the program slower,
 * and larger, for what few runs use.
 */
#include "endpoint/http.h"

#include "raml/buf.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct curl { /* the functions that are used */
    CURLcode (*global_init)(long flags);
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *h, CURLoption option, ...);
    CURLcode (*easy_getinfo)(CURL *h, CURLINFO info, ...);
    void (*easy_cleanup)(CURL *h);
    const char *(*easy_strerror)(CURLcode code);
    struct curl_slist *(*slist_append)(struct curl_slist *list, const char *text);
    void (*slist_free_all)(struct curl_slist *list);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_add_handle)(CURLM *m, CURL *h);
    CURLMcode (*multi_remove_handle)(CURLM *m, CURL *h);
    CURLMcode (*multi_perform)(CURLM *m, int *running);
    CURLMcode (*multi_wait)(CURLM *m, struct curl_waitfd *fds, unsigned n, int ms, int *n_ready);
    CURLMsg *(*multi_info_read)(CURLM *m, int *left);
    CURLMcode (*multi_cleanup)(CURLM *m);
    const char *(*multi_strerror)(CURLMcode code);
};

struct transfer {
    struct transfer *next;
    CURL *handle;
    struct curl_slist *header;
    struct raml_buf body;
    char fault[CURL_ERROR_SIZE];
    double retry_after_s;
    char location[256];
    size_t tag;
};

struct client {
    void *library;
    struct curl curl;
    CURLM *multi;
    size_t max_body;
    struct transfer *running; /* a list */
    struct transfer *last;    /* whose body was given out; NULL: none */
};

/* -- Loading ------------------------------------------------------------------------------------------------------- */

static enum raml_code load(struct client *c, struct raml_err *err)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !c->library; i++)
        c->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!c->library)
        return raml_fail(err, RAML_ESUPPORT, "an endpoint needs libcurl (Debian: libcurl4), which is not there: %s",
                         dlerror());
    struct {
        const char *name;
        void *at;
    } const all[] = {
        {"curl_global_init", &c->curl.global_init},
        {"curl_easy_init", &c->curl.easy_init},
        {"curl_easy_setopt", &c->curl.easy_setopt},
        {"curl_easy_getinfo", &c->curl.easy_getinfo},
        {"curl_easy_cleanup", &c->curl.easy_cleanup},
        {"curl_easy_strerror", &c->curl.easy_strerror},
        {"curl_slist_append", &c->curl.slist_append},
        {"curl_slist_free_all", &c->curl.slist_free_all},
        {"curl_multi_init", &c->curl.multi_init},
        {"curl_multi_add_handle", &c->curl.multi_add_handle},
        {"curl_multi_remove_handle", &c->curl.multi_remove_handle},
        {"curl_multi_perform", &c->curl.multi_perform},
        {"curl_multi_wait", &c->curl.multi_wait},
        {"curl_multi_info_read", &c->curl.multi_info_read},
        {"curl_multi_cleanup", &c->curl.multi_cleanup},
        {"curl_multi_strerror", &c->curl.multi_strerror},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        void *symbol = dlsym(c->library, all[i].name);
        if (!symbol) return raml_fail(err, RAML_ESUPPORT, "libcurl has no %s", all[i].name);
        memcpy(all[i].at, &symbol, sizeof symbol); /* POSIX: a function's address fits */
    }
    return RAML_OK;
}

/* -- One request --------------------------------------------------------------------------------------------------- */

static size_t take_body(char *bytes, size_t size, size_t n, void *user)
{
    struct transfer *t = user;
    raml_buf_add(&t->body, bytes, size * n);
    return t->body.code ? 0 : size * n;
}

/* Retry-After as seconds (not as a date), and where a redirect leads. */
static size_t take_header(char *bytes, size_t size, size_t n, void *user)
{
    static const char retry[] = "retry-after:", to[] = "location:";
    struct transfer *t = user;
    char line[300];
    size_t bytes_n = size * n, kept = bytes_n < sizeof line ? bytes_n : sizeof line - 1;
    memcpy(line, bytes, kept);
    line[kept] = 0;
    line[strcspn(line, "\r\n")] = 0;
    if (!strncasecmp(line, retry, sizeof retry - 1)) {
        char *end;
        double s = strtod(line + sizeof retry - 1, &end);
        if (end != line + sizeof retry - 1 && s >= 0) t->retry_after_s = s;
    } else if (!strncasecmp(line, to, sizeof to - 1)) {
        const char *at = line + sizeof to - 1;
        snprintf(t->location, sizeof t->location, "%.255s", at + strspn(at, " "));
    }
    return bytes_n;
}

static void free_transfer(const struct client *c, struct transfer *t)
{
    if (!t) return;
    if (t->handle) c->curl.easy_cleanup(t->handle);
    c->curl.slist_free_all(t->header);
    raml_buf_deinit(&t->body);
    free(t);
}

/* No proxy stands between this machine and itself. */
static bool is_loopback(const char *url)
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    return !strncmp(host, "localhost", 9) || !strncmp(host, "127.", 4) || !strncmp(host, "[::1]", 5);
}

static bool set_up(const struct client *c, struct transfer *t, const struct raml_http_request *r)
{
    const struct curl *f = &c->curl;
    CURL *h = t->handle;
    for (size_t i = 0; i < r->n_headers; i++) {
        struct curl_slist *more = f->slist_append(t->header, r->header[i]);
        if (!more) return false;
        t->header = more;
    }
    bool bad = f->easy_setopt(h, CURLOPT_URL, r->url) || f->easy_setopt(h, CURLOPT_HTTPHEADER, t->header) ||
               f->easy_setopt(h, CURLOPT_NOSIGNAL, 1L) || f->easy_setopt(h, CURLOPT_ERRORBUFFER, t->fault) ||
               f->easy_setopt(h, CURLOPT_WRITEFUNCTION, take_body) || f->easy_setopt(h, CURLOPT_WRITEDATA, t) ||
               f->easy_setopt(h, CURLOPT_HEADERFUNCTION, take_header) || f->easy_setopt(h, CURLOPT_HEADERDATA, t) ||
               f->easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)(r->timeout_s * 1e3)) ||
               f->easy_setopt(h, CURLOPT_USERAGENT, "raml/" RAML_VERSION) || f->easy_setopt(h, CURLOPT_PRIVATE, t);
    if (!bad && is_loopback(r->url)) bad = f->easy_setopt(h, CURLOPT_PROXY, "");
    if (!bad && r->body)
        bad = f->easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->n_body) ||
              f->easy_setopt(h, CURLOPT_POSTFIELDS, r->body);
    return !bad;
}

static enum raml_code start(void *user, const struct raml_http_request *r, struct raml_err *err)
{
    struct client *c = user;
    struct transfer *t = calloc(1, sizeof *t);
    if (!t) return raml_fail(err, RAML_ENOMEM, "no memory for a request");
    raml_buf_init(&t->body, c->max_body);
    t->tag = r->tag;
    t->retry_after_s = -1;
    t->handle = c->curl.easy_init();
    if (!t->handle || !set_up(c, t, r) || c->curl.multi_add_handle(c->multi, t->handle)) {
        free_transfer(c, t);
        return raml_fail(err, RAML_ENOMEM, "%.200s: a request could not be set up by libcurl", r->url);
    }
    t->next = c->running;
    c->running = t;
    return RAML_OK;
}

/* -- Replies ------------------------------------------------------------------------------------------------------- */

static enum raml_http_fault fault_of(CURLcode code, const struct transfer *t)
{
    switch ((int)code) {
    case CURLE_OK: return RAML_HTTP_NONE;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return RAML_HTTP_UNREACHABLE;
    case CURLE_OPERATION_TIMEDOUT: return RAML_HTTP_TIMEOUT;
    case CURLE_WRITE_ERROR: return t->body.code == RAML_ENOMEM && t->body.len ? RAML_HTTP_LARGE : RAML_HTTP_OTHER;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM: return RAML_HTTP_BROKEN;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return RAML_HTTP_TLS;
    default: return RAML_HTTP_OTHER;
    }
}

static void take_out(struct client *c, struct transfer *t)
{
    struct transfer **at = &c->running;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    (void)c->curl.multi_remove_handle(c->multi, t->handle);
}

static bool finished(struct client *c, struct raml_http_reply *out)
{
    int left;
    CURLMsg *m;
    while ((m = c->curl.multi_info_read(c->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) continue;
        struct transfer *t = NULL;
        CURLcode code = m->data.result;
        (void)c->curl.easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        *out = (struct raml_http_reply){.tag = t->tag, .retry_after_s = t->retry_after_s};
        (void)c->curl.easy_getinfo(t->handle, CURLINFO_RESPONSE_CODE, &out->status);
        out->fault = fault_of(code, t);
        if (code) snprintf(out->text, sizeof out->text, "%.255s", *t->fault ? t->fault : c->curl.easy_strerror(code));
        snprintf(out->location, sizeof out->location, "%.255s", t->location);
        out->body = t->body.data ? t->body.data : "";
        out->n_body = t->body.len;
        take_out(c, t);
        free_transfer(c, c->last);
        c->last = t;
        return true;
    }
    return false;
}

static enum raml_code wait_for(void *user, double seconds, struct raml_http_reply *out, bool *got, struct raml_err *err)
{
    struct client *c = user;
    int running;
    CURLMcode code = c->curl.multi_perform(c->multi, &running);
    *got = !code && finished(c, out);
    if (!code && !*got && seconds > 0) {
        code = c->curl.multi_wait(c->multi, NULL, 0, (int)(seconds * 1e3) + 1, NULL);
        if (!code) code = c->curl.multi_perform(c->multi, &running);
        *got = !code && finished(c, out);
    }
    return code ? raml_fail(err, RAML_EIO, "libcurl: %s", c->curl.multi_strerror(code)) : RAML_OK;
}

static void drop(void *user)
{
    struct client *c = user;
    while (c->running) {
        struct transfer *t = c->running;
        take_out(c, t);
        free_transfer(c, t);
    }
}

static void end(void *user)
{
    struct client *c = user;
    drop(c);
    if (c->last) free_transfer(c, c->last);
    if (c->multi) (void)c->curl.multi_cleanup(c->multi);
    free(c); /* the library stays loaded: what it registered for the end of the process is in it */
}

enum raml_code raml_http_curl(size_t max_body, struct raml_http *out, struct raml_err *err)
{
    struct client *c = calloc(1, sizeof *c);
    if (!c) return raml_fail(err, RAML_ENOMEM, "no memory for requests");
    c->max_body = max_body;
    enum raml_code rc = load(c, err);
    if (!rc && (c->curl.global_init(CURL_GLOBAL_DEFAULT) || !(c->multi = c->curl.multi_init())))
        rc = raml_fail(err, RAML_ENOMEM, "libcurl can't be set up");
    if (rc) end(c);
    else *out = (struct raml_http){.user = c, .start = start, .wait = wait_for, .drop = drop, .close = end};
    return rc;
}
