/* no_http.c - a build without libmicrohttpd; see http.h. */
#include "cli/http.h"

const char *cli_http_library(void)
{
    return NULL;
}

enum raml_code cli_http_open(const struct cli_http_options *opt, struct raml_server *s, struct cli_http **out,
                             struct raml_err *err)
{
    (void)opt, (void)s;
    *out = NULL;
    return raml_fail(err, RAML_ESUPPORT, "this raml was built without libmicrohttpd, and can't listen");
}

bool cli_http_is_loopback(const struct cli_http *h)
{
    (void)h;
    return true;
}

const char *cli_http_url(const struct cli_http *h)
{
    (void)h;
    return "";
}

void cli_http_refuse(struct cli_http *h)
{
    (void)h;
}

void cli_http_close(struct cli_http *h, double seconds)
{
    (void)h, (void)seconds;
}
