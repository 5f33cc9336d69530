/* remote.h - a model that is elsewhere: whoever gives log-probabilities and continuations for token ids.
 *
 * What reads a model by token ids alone (completion.h, trace.h, sample.h) reads one of these as well: an inference server
 * (endpoint.h), or functions of one's own. It has no weights and no layers here, and no entropies are known.
 *
 *     raml_endpoint_open(&options, &e, &err);                        or a struct raml_remote that one fills oneself
 *     raml_tracer_open_remote(raml_endpoint_remote(e), &trace, &tracer, &err);
 *
 * Units     natural logarithms, temperature 1, nothing filtered out.
 * Ownership what is given to a call is borrowed until it returns.
 * Errors    a call that fails leaves outputs unset; RAML_ESTOP: asked to stop.
 * Threads   one caller.
 */
#ifndef RAML_REMOTE_H
#define RAML_REMOTE_H

#include "raml/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

struct raml_remote_text { /* a text whose tokens [first, n) are to be read */
    const int32_t *token; /* [n] */
    size_t n, first;      /* 1 <= first < n */
    size_t group;         /* texts of one group begin alike, and are neighbours in the list */
    float *logp;          /* [n - first] out */
    int32_t *argmax;      /* [n - first] out: the likeliest token in that place; -1: another than this one */
};

struct raml_remote_sample { /* a text to be continued */
    const int32_t *prompt;  /* [n_prompt], at least 1 */
    size_t n_prompt, max_tokens;
    uint64_t seed;             /* the server's numbers are its own: another server gives another sample */
    const int32_t *stop_token; /* [n_stop_tokens] end it; the one that did is kept as its last token */
    size_t n_stop_tokens;
    const char *stop; /* a text that ends it too, and is kept; NULL: none */
    double temperature, top_p, min_p;
    int top_k; /* 0: all */
    /* out */
    int32_t *token; /* [n], for free() */
    float *logp;    /* [n], for free() */
    size_t n;
    bool ended; /* by itself, not by max_tokens */
};

struct raml_remote_cost { /* of what is to come */
    size_t n;             /* texts or samples */
    size_t alone, shared; /* tokens to compute, each text by itself; what they begin with alike only once */
    size_t most_new;      /* of samples: tokens that they may add */
};
struct raml_remote {
    const char *name;     /* for messages and records: "smol at http://localhost:8000/v1" */
    size_t max_positions; /* tokens of a text, or of prompt and continuation; 0: not known */
    int32_t vocab_size;   /* 0: not known */
    enum raml_code (*logprobs)(void *user, struct raml_remote_text *text, size_t n, struct raml_err *err);
    /* took (NULL: nobody does) hears of each sample as soon as it is there, in any order. NULL: gives none. */
    enum raml_code (*samples)(void *user, struct raml_remote_sample *sample, size_t n,
                              enum raml_code (*took)(void *of, size_t i, struct raml_err *err), void *of,
                              struct raml_err *err);
    void (*expect)(void *user,
                   const struct raml_remote_cost *cost); /* before the first of them; NULL: nobody hears of it */
    void *user;
};

#pragma GCC visibility pop
#endif
