/* parts.h - what the sources of this folder share: requests, exchanges, the server. See raml/serve.h.
 *
 * Threads   a request is made by the thread that opens its exchange and then only read. Of an exchange, what is under
 *           "locked" is read and written with the server's lock; the rest belongs to the server's thread from _submit on.
 */
#ifndef RAML_SERVE_PARTS_H
#define RAML_SERVE_PARTS_H

#include "raml/serve.h"

#include "inner/generate.h"
#include "raml/tree.h"

#include <pthread.h>

enum { API_MESSAGE = 600, API_PARAM = 48, API_ID = 40, API_MAX_STOPS = 64 };

struct api_error { /* status 0: none */
    int status;
    const char *code; /* NULL: none */
    char param[API_PARAM], message[API_MESSAGE];
};
/* Sets *e and returns false. */
bool raml_api_refuse(struct api_error *e, int status, const char *param, const char *code, const char *fmt, ...)
    RAML_PRINTF(5, 6);

/* -- request.c: what is asked ---------------------------------------------------------------------------------------- */
struct api_prompt {
    struct raml_tokens token;
    struct raml_ranges where; /* of a text: what each token came from; of ids: empty */
    char *text;               /* [n_text] bytes: as given, or of the ids */
    size_t n_text;
    uint64_t question; /* names its random numbers */
};
struct api_stop {
    char *text;
    size_t n;
};
struct api_request {
    struct api_prompt *prompt;         /* [n_prompts] */
    size_t n_prompts, n;               /* n: choices of each */
    int64_t max_tokens;                /* -1: not given */
    int64_t logprobs, prompt_logprobs; /* -1: not wanted */
    int64_t n_stops;
    bool echo, stream, include_usage, return_token_ids, tokens_as_ids, ignore_eos, skip_special, keep_stop, add_special,
        has_seed;
    struct raml_generate_own own; /* sampling, seed */
    struct api_stop stop[API_MAX_STOPS];
    struct raml_tokens stop_token;
};
struct api_limits { /* what a request may ask for */
    const struct raml_tokenizer *tokenizer;
    const struct raml_serve_options *opt;
    size_t vocabulary, max_len;
    int32_t begin; /* -1: no token is put in front of texts */
};
/* False: *e says why, and *r is empty. */
bool raml_api_request_read(const char *body, size_t n, const struct api_limits *limits, struct api_request *r,
                           struct api_error *e);
void raml_api_request_deinit(struct api_request *r);
/* request_prompt.c: the field `prompt`. */
struct json_t;
bool raml_api_prompts_read(const struct json_t *v, const struct api_limits *limits, struct api_request *r,
                           struct api_error *e);

/* -- An answer ------------------------------------------------------------------------------------------------------- */
struct top_list { /* likeliest tokens, k at each of n places */
    size_t k;
    int32_t *token;
    float *logp;
};
struct score {           /* of a prompt: of its tokens but the first; and, if wanted, of what follows */
    float *logp;         /* [n - 1] */
    struct top_list top; /* [n - 1 + next] */
    bool next;
};
struct exchange_choice {
    struct raml_exchange *x;
    struct group *group;
    size_t prompt, number; /* number: of its prompt */
    int32_t *token;        /* [n] */
    float *logp;
    size_t *at;                    /* bytes of text before each */
    struct top_list top;           /* at each of them */
    size_t n, cap, n_top, cap_top; /* n_top: places of top so far */
    struct raml_buf text;          /* bytes of all tokens that count as text */
    size_t n_text;                 /* of them, those before a stop */
    size_t sent, sent_text;        /* tokens and bytes that were streamed */
    bool echoed, sent_end;         /* of a stream */
    bool done;
    const char *finish; /* "stop", "length"; NULL: not finished */
    int stop;           /* the stop that ended it; -1: none */
    int32_t stop_token; /* of stop_token_ids; -1: none */
};

struct group; /* of choices whose prompts share what they begin with */
struct raml_exchange {
    struct raml_server *s;
    struct raml_exchange_client client;
    char id[API_ID];
    double created;
    struct api_request request;
    struct score *score;                                                /* [n_prompts] */
    struct exchange_choice *choice;                                     /* [n_prompts n]: prompt by prompt */
    size_t n_choices, n_done, n_jobs, prompt_tokens, completion_tokens; /* n_jobs: of the generator */
    bool fresh;                                                         /* a stream has something to tell */
    bool dead; /* it has failed, or nobody waits for it: nothing more is computed */
    /* locked: */
    struct raml_exchange *next; /* in the queue, then in the list of those worked on */
    size_t refs;
    bool queued, closed, waits; /* closed: by its client, or it is gone. waits: the last read gave nothing */
    int status;
    bool end; /* nothing is added to out any more */
    struct raml_buf out;
    size_t n_read;
};

struct raml_server {
    const struct raml_model *model;
    const struct raml_tokenizer *tokenizer;
    struct raml_serve_options opt;
    struct api_limits limits;
    struct scorer *scorer;
    struct raml_generator *generator;
    struct raml_exchange *working; /* the server's thread's */
    struct group *groups;
    bool across; /* prompts of different requests share a tree */
    int wake;    /* eventfd */
    uint64_t started;
    double looked;
    pthread_mutex_t lock;
    /* locked: */
    struct raml_exchange *first, *last; /* the queue */
    size_t n_queued, queued_tokens, n_exchanges;
    uint64_t n_opened;
    bool draining;
    struct raml_server_figures figures;
};

/* -- text.c ---------------------------------------------------------------------------------------------------------- */
/* The bytes of a token; none for an id without one. */
void raml_serve_piece(const struct raml_tokenizer *t, int32_t id, const char **bytes, size_t *n);
/* The first place at or after `from` where one of the stops begins in text[0..n); n: nowhere. *which: the stop. */
size_t raml_serve_find_stop(const struct api_request *r, const char *text, size_t n, size_t from, int *which);
/* Bytes at text's end that may begin a stop, or a character that is not whole. */
size_t raml_serve_held_back(const struct api_request *r, const char *text, size_t n);
/* Where the character that begins at `at` ends, in characters as raml_utf8_clean gives them. */
size_t raml_serve_character_end(const char *text, size_t n, size_t at);

/* -- json_out.c: JSON as it is written, in a buffer ------------------------------------------------------------------ */
void raml_json_out_text(struct raml_buf *b, const char *bytes, size_t n); /* made clean, with quotes */
void raml_json_out_number(struct raml_buf *b, float x);                   /* null where it is not finite */

/* -- reply.c --------------------------------------------------------------------------------------------------------- */
/* The whole answer, to x->out. */
void raml_serve_reply(struct raml_exchange *x);
/* What has come since the last event, as events; with the end of all choices, the end of the stream. */
void raml_serve_reply_events(struct raml_exchange *x);
/* logprobs.c: the fields of a choice that are about tokens: places [from, to) of prompt (echo) and completion. */
struct places {
    size_t prompt0, prompt1, token0, token1;
    size_t offset; /* characters before the first place */
};
void raml_serve_add_logprobs(struct raml_buf *b, const struct exchange_choice *c, const struct places *p);
void raml_serve_add_prompt_logprobs(struct raml_buf *b, const struct exchange_choice *c);
void raml_serve_add_ids(struct raml_buf *b, const int32_t *id, size_t n);

/* -- exchange.c ------------------------------------------------------------------------------------------------------ */
void raml_exchange_hold(struct raml_exchange *x);
void raml_exchange_release(struct raml_exchange *x);
/* Takes `out` over as (more of) the answer, and tells the client. */
void raml_exchange_give(struct raml_exchange *x, int status, struct raml_buf *out, bool end);
void raml_exchange_fail(struct raml_exchange *x, const struct api_error *e);
/* -- score.c: the scores of all that want some. A prompt whose scores are not finite fails its exchange -- */
RAML_CHECKED enum raml_code raml_serve_score_open(struct raml_server *s, struct raml_err *err);
void raml_serve_score_close(struct raml_server *s);
RAML_CHECKED enum raml_code raml_serve_score(struct raml_server *s, struct raml_exchange *const *x, size_t n,
                                             struct raml_err *err);
bool raml_serve_wants_score(const struct raml_exchange *x);
/* The completion's one token comes from the pass that scores the prompt. */
bool raml_serve_takes_next(const struct raml_exchange *x);
/* -- write.c: completions -- */
RAML_CHECKED enum raml_code raml_serve_write_open(struct raml_server *s, struct raml_err *err);
/* Choices that need the generator are submitted, the others finished. */
RAML_CHECKED enum raml_code raml_serve_write(struct raml_server *s, struct raml_exchange *const *x, size_t n,
                                             struct raml_err *err);
void raml_serve_write_drop(struct raml_server *s); /* all that is in the generator */
/* Tokens that a completion may have. */
size_t raml_serve_max_tokens(const struct api_request *r, const struct api_prompt *p, size_t max_len);
/* A choice has ended by what it holds. */
void raml_serve_choice_done(struct exchange_choice *c, const char *finish);
/* Adds a token to a choice; true: the choice ends with it. */
bool raml_serve_choice_add(struct exchange_choice *c, int32_t token, float logp, struct raml_err *err);

#endif
