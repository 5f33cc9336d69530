/* http_listen.h - a socket that listens; for http.c. */
#ifndef RAML_CLI_HTTP_LISTEN_H
#define RAML_CLI_HTTP_LISTEN_H

#include "cli/http.h"

/* url: [CLI_HTTP_URL]. On failure *fd is -1. */
RAML_CHECKED enum raml_code cli_http_listen(const char *host, int64_t port, int *fd, bool *loopback, char *url,
                                            struct raml_err *err);
/* Is this the value of a Host header that a client of this very machine sends? */
bool cli_http_is_here(const char *host);

#endif
