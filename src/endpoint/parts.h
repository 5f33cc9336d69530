/* parts.h - an endpoint from inside: who it is, the ways in which servers are asked, the queue of requests. */
#ifndef RAML_ENDPOINT_PARTS_H
#define RAML_ENDPOINT_PARTS_H

#include "endpoint/http.h"
#include "endpoint/journal.h"
#include "raml/endpoint.h"

enum {
    RAML_REPLY_BYTES = 1 << 28,
    RAML_ENDPOINT_TEXT = 512 /* names and addresses */
};

/* A way of asking, and of reading what comes back. A reply of other tokens than those sent is RAML_ERANGE; one that has not
 * what was asked for RAML_ESUPPORT; else RAML_EFORMAT, which is worth another try. */
struct raml_way {
    enum raml_api api;
    const char *what; /* "prompt_logprobs": how messages call it */
    const char *path; /* after the address */
    bool at_root;     /* of the address without /v1 */
    bool reads_cache; /* the server's prefix cache serves such requests */
    bool one_by_one;  /* a request for each token */
    /* Exactly one pair is set. */
    void (*write_text)(const struct raml_endpoint *e, const struct raml_remote_text *t, struct raml_buf *body);
    enum raml_code (*read_text)(struct raml_endpoint *e, const json_t *reply, struct raml_remote_text *t,
                                struct raml_err *err);
    void (*write_sample)(const struct raml_endpoint *e, const struct raml_remote_sample *s, struct raml_buf *body);
    enum raml_code (*read_sample)(struct raml_endpoint *e, const json_t *reply, struct raml_remote_sample *s,
                                  struct raml_err *err);
};
extern const struct raml_way raml_way_vllm, raml_way_vllm_next, raml_way_echo, raml_way_sglang;    /* texts */
extern const struct raml_way raml_way_vllm_sample, raml_way_openai_sample, raml_way_sglang_sample; /* continuations */

struct raml_endpoint {
    struct raml_endpoint_options opt;
    struct raml_remote remote;
    struct raml_http http;
    struct raml_journal journal;
    char root[RAML_ENDPOINT_TEXT];  /* "http://localhost:8000" */
    char model[RAML_ENDPOINT_TEXT]; /* its name there */
    char name[2 * RAML_ENDPOINT_TEXT + 4];
    char *header[2]; /* content type; the key */
    size_t n_headers;
    enum raml_api api;                    /* auto: not known yet */
    const struct raml_way *text, *sample; /* NULL: not known yet */
    bool next_tried, next_fails;          /* raml_way_vllm_next is not understood */
    size_t max_model_len;                 /* 0: not said */
    bool spelled;                         /* the server's tokenizer was compared */
    double answered_at;                   /* when the last answer came */
    bool down;                            /* the last thing that was heard was no answer */
    size_t n_expected, n_done;            /* for the progress */
    struct raml_endpoint_stats stats;
};

/* By another transport than libcurl, which it takes over (also when it fails). */
RAML_CHECKED enum raml_code raml_endpoint_open_by(const struct raml_endpoint_options *opt, const struct raml_http *http,
                                                  struct raml_endpoint **out, struct raml_err *err);
void raml_endpoint_fill_remote(struct raml_endpoint *e); /* texts.c */

/* -- queue.c: asks until all is answered -------------------------------------------------------------------------- */
struct raml_ask { /* of one of the two */
    struct raml_remote_text *text;
    struct raml_remote_sample *sample;
    size_t number; /* of the sample, for the one who hears of it */
    enum raml_code (*took)(void *of, size_t i, struct raml_err *err);
    void *of;
    const struct raml_way *way;
    bool leads, waits; /* its group waits for it; it waits for its group's leader, ask[leader] */
    size_t leader;
    bool running, done;
    size_t n_faults; /* of its own */
    double not_before;
    struct raml_journal_key key;
};
RAML_CHECKED enum raml_code raml_ask_all(struct raml_endpoint *e, struct raml_ask *ask, size_t n, struct raml_err *err);
/* One request outside the queue; a few tries. *reply: a new reference; NULL with RAML_OK: *status is not 200. */
RAML_CHECKED enum raml_code raml_ask_once(struct raml_endpoint *e, const char *path, bool at_root, const char *body,
                                          size_t n_body, size_t tries, long *status, json_t **reply,
                                          struct raml_err *err);

/* -- faults.c: what a reply that is no answer means -------------------------------------------------------------- */
enum raml_fate { RAML_FATE_FINE, RAML_FATE_WAIT /* the server is not there */, RAML_FATE_AGAIN, RAML_FATE_FATAL };
/* The message is written to why[RAML_ENDPOINT_TEXT] where it is not fine. *code: of one that is fatal. */
enum raml_fate raml_fate_of(const struct raml_endpoint *e, const struct raml_http_reply *r, char *why,
                            enum raml_code *code);
/* The server's own words in a reply, cut to fit. */
const char *raml_reply_message(const char *body, size_t n, char *out, size_t cap);

/* -- replies.c: what the ways have in common ------------------------------------------------------------------------ */
void raml_body_ids(struct raml_buf *b, const int32_t *id, size_t n); /* [1,2,3] */
void raml_body_text(struct raml_buf *b, const char *text);           /* as a JSON string */
void raml_body_number(struct raml_buf *b, double x);
/* choices[0]; RAML_EFORMAT: there is none. */
RAML_CHECKED enum raml_code raml_reply_choice(const json_t *reply, const json_t **out, struct raml_err *err);
RAML_CHECKED enum raml_code raml_reply_logprob(const json_t *value, size_t place, float *out, struct raml_err *err);
/* An id of a text "token_id:12"; -1: it is none. */
int32_t raml_reply_token_id(const char *text);
void raml_reply_usage(struct raml_endpoint *e, const json_t *reply);
/* Compares what the server calls some of its tokens with what ours are called; once. text(of, i): NULL where it is not
 * said. RAML_ERANGE: they are others. */
RAML_CHECKED enum raml_code raml_reply_spelling(struct raml_endpoint *e, const int32_t *id, size_t n,
                                                const char *(*text)(const void *of, size_t i), const void *of,
                                                struct raml_err *err);
#endif
