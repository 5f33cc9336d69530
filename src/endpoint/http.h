/* http.h - requests over HTTP, many at once: functions that libcurl fills (curl.c), or a test.
 *
 * A request is started with a number of the caller's, its tag, and comes back once with a reply or a fault. Redirects are
 * not followed: a key would go along.
 * Ownership what a request points to is borrowed until its reply; a reply's body until the next _wait.
 */
#ifndef RAML_ENDPOINT_HTTP_H
#define RAML_ENDPOINT_HTTP_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>

enum raml_http_fault {
    RAML_HTTP_NONE,
    RAML_HTTP_UNREACHABLE, /* refused, no such host, no way there */
    RAML_HTTP_TIMEOUT,
    RAML_HTTP_BROKEN, /* the connection ended before the reply was whole */
    RAML_HTTP_TLS,    /* certificates and the like: nothing that waiting mends */
    RAML_HTTP_LARGE,  /* a body beyond the bound */
    RAML_HTTP_OTHER
};
struct raml_http_request {
    const char *url;
    const char *const *header; /* [n_headers] "Name: value" */
    size_t n_headers;
    const char *body; /* [n_body] of a POST; NULL: a GET */
    size_t n_body;
    double timeout_s;
    size_t tag;
};
struct raml_http_reply {
    size_t tag;
    enum raml_http_fault fault;
    char text[256]; /* of the fault, in the transport's words */
    long status;    /* 0 with most faults */
    const char *body;
    size_t n_body;
    double retry_after_s; /* -1: it says nothing */
    char location[256];   /* of a redirect; "": none */
};
struct raml_http {
    void *user;
    enum raml_code (*start)(void *user, const struct raml_http_request *r, struct raml_err *err);
    /* The next reply, or none within that many seconds (*got false). */
    enum raml_code (*wait)(void *user, double seconds, struct raml_http_reply *out, bool *got, struct raml_err *err);
    void (*drop)(void *user);  /* what is in flight: no reply comes */
    void (*close)(void *user); /* the same, and all else */
};
/* RAML_ESUPPORT: libcurl is not there. max_body: bytes of a reply. */
RAML_CHECKED enum raml_code raml_http_curl(size_t max_body, struct raml_http *out, struct raml_err *err);

#endif
