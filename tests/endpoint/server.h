/* server.h - a small inference server for tests, in a process of its own: it answers as vLLM 0.32.0 and SGLang 0.5.23 do, from
 * records (tests/endpoint/records), or with made-up numbers in the same form, and misbehaves where the test says so.
 *
 * A connection is answered and closed, one after the other. What it does is in memory that test and server share.
 */
#ifndef TESTS_ENDPOINT_SERVER_H
#define TESTS_ENDPOINT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum server_fault {
    SERVER_FINE,
    SERVER_500,
    SERVER_503, /* Retry-After: 0 */
    SERVER_429,
    SERVER_401,
    SERVER_404,
    SERVER_400,
    SERVER_REDIRECT,
    SERVER_CUT,    /* half of the body */
    SERVER_CLOSED, /* nothing at all */
    SERVER_NO_JSON,
    SERVER_FEWER,    /* a log-probability too few */
    SERVER_NULL,     /* one is null */
    SERVER_MORE,     /* of a token more: a server that begins texts with one of its own */
    SERVER_OTHER,    /* another token than was sent */
    SERVER_NONE,     /* no prompt_logprobs */
    SERVER_SLOW,     /* after half a second */
    SERVER_SPELLING, /* the texts of other tokens */
    SERVER_HUGE      /* a body of 10 MB */
};
enum { SERVER_REQUESTS = 4096 };
struct server_state {                         /* shared */
    enum server_fault fault[SERVER_REQUESTS]; /* of POST number i; SERVER_FINE beyond what is set */
    enum server_fault always;                 /* of all other POSTs */
    enum server_fault of_models;              /* of GET /v1/models */
    volatile size_t n_posts, n_answered;
    uint64_t answered[SERVER_REQUESTS]; /* hashes of the bodies that were answered well */
    char header[4096];                  /* of the last request */
};
struct server {
    struct server_state *state;
    pid_t pid;
    int port;
    char url[64];
};
/* port 0: any. false: it can't be started. */
bool server_start(struct server *s, int port);
void server_kill(struct server *s); /* SIGKILL; the state stays */
void server_end(struct server *s);
/* What it makes up: log p of token i of a text, and whether it is the likeliest. */
float server_logp(const int32_t *token, size_t i, bool *likeliest);

#endif
