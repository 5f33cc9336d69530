/* http.h - HTTP for `raml serve`, and all that knows libmicrohttpd: http.c where the build found it, no_http.c elsewhere.
 *
 * One thread of its own carries bytes, and reads requests into exchanges (raml/serve.h); it never waits for the model.
 * Refused before the server hears of it: other paths and methods, bodies that are too large or not application/json, and,
 * where it listens on loopback, a Host that is not this machine (a page in a browser whose name was pointed at it).
 */
#ifndef RAML_CLI_HTTP_H
#define RAML_CLI_HTTP_H

#include "raml/err.h"
#include "raml/serve.h"

#include <stdbool.h>
#include <stdint.h>

enum { CLI_HTTP_URL = 320 };

struct cli_http_options {
    const char *host;
    int64_t port;            /* 0: one that is free */
    int64_t max_connections; /* further ones are closed */
    int64_t max_body_bytes;  /* of a request */
    int64_t timeout_s;       /* without a byte from the client */
    bool quiet;              /* no line for each request */
};
struct cli_http;
const char *cli_http_library(void); /* "libmicrohttpd 0.9.75"; NULL: none */
/* Listens. RAML_EIO: the address is not this machine's, or in use. */
RAML_CHECKED enum raml_code cli_http_open(const struct cli_http_options *opt, struct raml_server *s,
                                          struct cli_http **out, struct raml_err *err);
bool cli_http_is_loopback(const struct cli_http *h);
const char *cli_http_url(const struct cli_http *h); /* "http://127.0.0.1:8000" */
void cli_http_refuse(struct cli_http *h);           /* no new connections */
/* Once the server has answered everything: answers are sent, for at most `seconds`, and all connections closed. */
void cli_http_close(struct cli_http *h, double seconds);

#endif
