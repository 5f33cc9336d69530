/* endpoint.h - an inference server as a model that is elsewhere (remote.h): vLLM, SGLang, raml serve, and what else has
 * /v1/completions with echo and logprobs.
 *
 * Token ids go out and come back; nothing is encoded again, and replies that are of other tokens than those that were sent
 * are refused. Requests run in parallel. What the server or the network does not answer is asked again: refused
 * connections, time-outs, HTTP 408, 429 and 5xx, broken replies, with growing pauses (or those that Retry-After asks for).
 * What was answered is appended to the journal, and never asked again by who opens the same journal; whoever has the
 * results in place removes it.
 *
 *   api       how the server is spoken to
 *   vllm      POST /v1/completions with prompt_logprobs; vLLM reads such a prompt anew. With prefix_cache the tokens of
 *             short answers after long prompts are asked for one by one instead (logprob_token_ids), after a prompt that
 *             the server's prefix cache has
 *   openai    POST /v1/completions with echo and logprobs
 *   sglang    POST /generate with input_ids, return_logprob and logprob_start_len
 *   auto      as /v1/models says who serves, else the first of these that gives log-probabilities of a prompt
 *
 * Order     texts of a group (remote.h) begin alike. The longest goes first and the others wait for it where the prefix
 *           cache then has what they begin with.
 * Key       is read from the environment variable that is named; it goes into one header and nowhere else.
 * Errors    RAML_EUSAGE: a URL that is none, a key that is not there, a model that the server does not have (it names
 *           those that it has). RAML_ESUPPORT: the server gives no log-probabilities of prompts, or no token ids; there is
 *           no libcurl. RAML_EIO: it does not answer. RAML_EFORMAT: its replies are not as they should be.
 * Needs     libcurl.so.4, which is loaded when an endpoint is opened.
 */
#ifndef RAML_ENDPOINT_H
#define RAML_ENDPOINT_H

#include "raml/buf.h"
#include "raml/remote.h"

#pragma GCC visibility push(default)

enum raml_api { RAML_API_AUTO, RAML_API_VLLM, RAML_API_OPENAI, RAML_API_SGLANG };

struct raml_endpoint_options {
    const char *url;         /* "http://localhost:8000/v1"; with or without /v1 */
    const char *model;       /* its name there; NULL: the only one */
    const char *api_key_env; /* environment variable with the key; NULL: none */
    const char *journal;     /* a file; NULL: none */
    enum raml_api api;
    size_t parallel;    /* requests in flight, at least 1 */
    size_t retries;     /* times that a request is asked again that the server answered with a fault of its own */
    double timeout_s;   /* of a request */
    double patience_s;  /* without any answer, after which the server is given up */
    bool prefix_cache;  /* the server has one: order and kind of requests are chosen for it */
    int32_t vocab_size; /* of the model; 0: not known. SGLang then can't be asked about the last token. */
    const struct raml_sink *sink;
    /* The text of a token, for a check of the server's tokenizer; NULL: none. false: not known. */
    bool (*spell)(void *user, int32_t token, struct raml_buf *out);
    void *spell_user;
};
struct raml_endpoint_options raml_endpoint_default(void); /* auto; 16 in parallel; 5; 600 s; 600 s; prefix cache */

struct raml_endpoint;
/* Asks the server for its models. opt's texts other than the journal's path are borrowed until _close. */
RAML_CHECKED enum raml_code raml_endpoint_open(const struct raml_endpoint_options *opt, struct raml_endpoint **out,
                                               struct raml_err *err);
void raml_endpoint_close(struct raml_endpoint *e);
const struct raml_remote *raml_endpoint_remote(struct raml_endpoint *e);
struct raml_endpoint_stats {
    uint64_t requests, again;              /* answered; asked again */
    uint64_t from_journal;                 /* texts and samples that were there */
    uint64_t prompt_tokens, cached_tokens; /* sent; of these, from the server's cache as far as it says so */
    uint64_t tokens;                       /* of continuations */
};
void raml_endpoint_read_stats(const struct raml_endpoint *e, struct raml_endpoint_stats *out);
const char *raml_endpoint_api_name(const struct raml_endpoint *e); /* "vllm", ..; "auto" before it is known */

#pragma GCC visibility pop
#endif
