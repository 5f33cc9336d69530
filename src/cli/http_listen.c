/* http_listen.c - see http_listen.h. */
#include "cli/http_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 };

static bool is_loopback(const struct sockaddr_storage *a)
{
    const struct sockaddr_in *v4 = (const void *)a;
    const struct sockaddr_in6 *v6 = (const void *)a;
    if (a->ss_family == AF_INET) return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return a->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static enum raml_code bind_to(const struct addrinfo *a, const char *host, int64_t port, int *fd, struct raml_err *err)
{
    const int on = 1;
    *fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
    if (*fd < 0) return raml_fail_errno(err, "%s: no socket", host);
    (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* connections of a server that has just ended */
    if (!bind(*fd, a->ai_addr, a->ai_addrlen) && !listen(*fd, BACKLOG)) return RAML_OK;
    int why = errno;
    close(*fd);
    *fd = -1;
    errno = why;
    if (why == EADDRINUSE)
        return raml_fail(err, RAML_EIO, "port %lld of %s is in use (--port takes another, 0 any that is free)",
                         (long long)port, host);
    if (why == EADDRNOTAVAIL) return raml_fail(err, RAML_EIO, "%s is no address of this machine", host);
    return raml_fail_errno(err, "%s, port %lld", host, (long long)port);
}

enum raml_code cli_http_listen(const char *host, int64_t port, int *fd, bool *loopback, char *url, struct raml_err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    struct sockaddr_storage own = {0};
    socklen_t n = sizeof own;
    char number[16], name[256], service[16];
    *fd = -1;
    snprintf(number, sizeof number, "%lld", (long long)port);
    int failed = getaddrinfo(host, number, &hints, &list);
    if (failed) return raml_fail(err, RAML_EIO, "--host %.200s: %s", host, gai_strerror(failed));
    enum raml_code rc = RAML_EIO;
    for (const struct addrinfo *a = list; a && rc; a = a->ai_next) rc = bind_to(a, host, port, fd, err);
    freeaddrinfo(list);
    if (rc) return rc;
    if (getsockname(*fd, (struct sockaddr *)&own, &n) ||
        getnameinfo((struct sockaddr *)&own, n, name, sizeof name, service, sizeof service,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(name, sizeof name, "%.200s", host), snprintf(service, sizeof service, "%s", number);
    *loopback = is_loopback(&own);
    snprintf(url, CLI_HTTP_URL, own.ss_family == AF_INET6 ? "http://[%s]:%s" : "http://%s:%s", name, service);
    return RAML_OK;
}

bool cli_http_is_here(const char *host)
{
    size_t n = strcspn(host, ":");
    if (host[0] == '[') return !strncmp(host, "[::1]", 5) && (!host[5] || host[5] == ':');
    if (n == 9 && !strncasecmp(host, "localhost", 9)) return true;
    return !strncmp(host, "127.", 4) && strspn(host, "0123456789.") == n;
}
