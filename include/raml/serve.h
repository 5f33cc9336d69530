/* serve.h - a server of completions, without its transport: requests of the OpenAI completions API in, answers out.
 *
 * One thread has the model and runs raml_server_run; any number of others open exchanges: the body of a
 * POST /v1/completions each. Whatever carries the bytes (the program's HTTP, src/cli/http.c) reads the answers.
 *
 *     raml_server_open(model, tokenizer, &options, &s, &err)
 *     raml_server_run(s, sink, &err)                           the thread of the model, until the sink stops it
 *         x = raml_exchange_open(s, body, n, &client)          other threads
 *         raml_exchange_submit(x) ... raml_exchange_read(x, to, max) ... raml_exchange_close(x)
 *     raml_server_close(s)
 *
 * Batching  requests that come within batch_window of each other, or while others are computed, share passes and steps.
 *           Prompts are one token tree: what they begin with alike is computed once, in f32 across requests, in bf16
 *           within each. A request's answer has the same bits whatever shares its batch.
 * Scores    echo with logprobs, and prompt_logprobs, are passes over a tree (completion.h): the bits of `raml score`.
 * Samples   token k of choice i of a prompt is drawn by (seed, hash of the prompt's text, i, k), as sample.h has it: a
 *           request with a seed has the samples of `raml sample --seed` for a question whose prompt is that text.
 * Refusals  the API's error objects, {"error": {"message", "type", "param", "code"}}, with the status of HTTP.
 * Fields    docs/serve.md lists what is read, what is refused, and what an answer holds.
 * Memory    of the requests in it (bounded by max_queue and max_queued_tokens), a cache of cache_tokens, a pass of
 *           max_batch_tokens, or one prompt of max_model_len.
 */
#ifndef RAML_SERVE_H
#define RAML_SERVE_H

#include "raml/model.h"
#include "raml/setting.h"
#include "raml/tokenizer.h"

#pragma GCC visibility push(default)

struct raml_serve_options {
    int64_t max_model_len;     /* tokens of a prompt and its completion; 0: the model's context, at most 32768 */
    int64_t batch_size;        /* completions that grow side by side */
    int64_t max_batch_tokens;  /* of a pass that scores */
    int64_t cache_tokens;      /* keys and values of prompts and completions in progress; 0: twice max_model_len */
    int64_t max_queue;         /* requests that wait; one more is refused */
    int64_t max_queued_tokens; /* of their prompts */
    int64_t max_choices;       /* of a request: prompts times n */
    int64_t max_logprobs;      /* likeliest tokens at each place */
    double batch_window;       /* seconds that the first request of an idle server waits for others */
    double drain;              /* seconds that what is being worked on may take once the server is to stop */
    /* Not of the table: */
    uint64_t seed;      /* of requests without one of their own */
    const char *name;   /* the model's */
    const char *begin;  /* text of the token that the tokenizer puts in front of texts; NULL: none */
    const int32_t *eos; /* [n_eos] tokens that end a completion */
    size_t n_eos;
};
extern const struct raml_setting raml_serve_settings[];
extern const size_t raml_serve_n_settings;

struct raml_server;
/* Options are checked (RAML_EUSAGE) and copied, texts and eos borrowed. */
RAML_CHECKED enum raml_code raml_server_open(const struct raml_model *m, const struct raml_tokenizer *t,
                                             const struct raml_serve_options *opt, struct raml_server **out,
                                             struct raml_err *err);
void raml_server_close(struct raml_server *s); /* every exchange was closed */
/* Works until the sink says stop; then refuses what is new, and ends once nothing is left, or after `drain` seconds, when
 * the rest is answered with an error. RAML_OK then. Other failures are those of requests, and answered as such. */
RAML_CHECKED enum raml_code raml_server_run(struct raml_server *s, const struct raml_sink *sink, struct raml_err *err);
size_t raml_server_max_model_len(const struct raml_server *s);

/* -- An exchange: a request and its answer. Functions from any thread, those of one exchange from one at a time ------- */
struct raml_exchange;
struct raml_exchange_client {
    void (*ready)(void *user); /* from the server's thread, after a read that gave 0: there is something to read */
    bool (*gone)(void *user);  /* from the server's thread, now and then: nobody waits for it; NULL: somebody does */
    void *user;
};
/* Reads the body. What is wrong with it is the answer at once. NULL: no memory. */
struct raml_exchange *raml_exchange_open(struct raml_server *s, const char *body, size_t n,
                                         const struct raml_exchange_client *client);
void raml_exchange_submit(struct raml_exchange *x);        /* to be worked on, if it has no answer yet */
int raml_exchange_status(struct raml_exchange *x);         /* 200, 400, ..; 0: not known yet */
bool raml_exchange_streams(const struct raml_exchange *x); /* the answer is text/event-stream; else application/json */
/* Bytes of the answer, at most max, the next ones. *end: there is nothing after them. 0 and not *end: not yet. */
size_t raml_exchange_read(struct raml_exchange *x, char *to, size_t max, bool *end);
struct raml_exchange_figures {
    const char *id; /* "cmpl-12" */
    size_t prompts, choices, prompt_tokens, completion_tokens;
    uint64_t seed;
};
void raml_exchange_read_figures(struct raml_exchange *x, struct raml_exchange_figures *out); /* borrowed */
void raml_exchange_close(struct raml_exchange *x); /* work that is in progress for it ends; NULL is fine */

/* Answers that need no model; *out is appended to. */
void raml_server_models(const struct raml_server *s, struct raml_buf *out); /* GET /v1/models */
void raml_server_model(const struct raml_server *s, struct raml_buf *out);  /* GET /v1/models/NAME, where _has_model */
bool raml_server_has_model(const struct raml_server *s, const char *name);
void raml_server_error(int status, const char *param, const char *code, const char *message, struct raml_buf *out);

struct raml_server_figures {                       /* since it was opened */
    uint64_t requests, refused, failed, cancelled; /* of those that were opened; failed: status 500 and above */
    uint64_t prompt_tokens, completion_tokens;     /* of answers */
    uint64_t scored_tokens, read_tokens;           /* computed for scores, and for prompts that are continued */
    uint64_t written_tokens, passes, steps;
};
void raml_server_read_figures(struct raml_server *s, struct raml_server_figures *out);

#pragma GCC visibility pop
#endif
