/* reply.c - answers: the whole at once, or as events of a stream. See parts.h, docs/serve.md. */
#include "serve/parts.h"

#include <string.h>

static void add_head(struct raml_buf *b, const struct raml_exchange *x)
{
    raml_buf_addf(b, "{\"id\":\"%s\",\"object\":\"text_completion\",\"created\":%lld,\"model\":", x->id,
                  (long long)x->created);
    raml_json_out_text(b, x->s->opt.name, strlen(x->s->opt.name));
}

static void add_usage(struct raml_buf *b, const struct raml_exchange *x)
{
    raml_buf_addf(b, ",\"usage\":{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu}",
                  x->prompt_tokens, x->completion_tokens, x->prompt_tokens + x->completion_tokens);
}

/* "finish_reason" and "stop_reason": vLLM's, the text or token that was asked for and came. */
static void add_finish(struct raml_buf *b, const struct exchange_choice *c)
{
    const struct api_request *r = &c->x->request;
    if (c->done && c->finish) raml_buf_addf(b, ",\"finish_reason\":\"%s\",\"stop_reason\":", c->finish);
    else raml_buf_adds(b, ",\"finish_reason\":null,\"stop_reason\":");
    if (c->done && c->stop >= 0) raml_json_out_text(b, r->stop[c->stop].text, r->stop[c->stop].n);
    else if (c->done && c->stop_token >= 0) raml_buf_addf(b, "%d", (int)c->stop_token);
    else raml_buf_adds(b, "null");
}

/* A choice's text: the prompt's if it is wanted, and bytes [from, to) of the completion's. */
static void add_text(struct raml_buf *b, const struct exchange_choice *c, bool prompt, size_t from, size_t to)
{
    const struct api_prompt *p = &c->x->request.prompt[c->prompt];
    struct raml_buf text;
    raml_buf_init(&text, SIZE_MAX / 4);
    if (prompt) raml_buf_add(&text, p->text, p->n_text);
    if (to > from) raml_buf_add(&text, c->text.data + from, to - from);
    if (text.code) b->code = text.code;
    raml_json_out_text(b, text.data ? text.data : "", text.len);
    raml_buf_deinit(&text);
}

static void add_choice(struct raml_buf *b, const struct exchange_choice *c)
{
    const struct raml_exchange *x = c->x;
    const struct api_request *r = &x->request;
    const struct api_prompt *p = &r->prompt[c->prompt];
    const struct places all = {.prompt1 = r->echo ? p->token.n : 0, .token1 = c->n};
    raml_buf_addf(b, "{\"index\":%zu,\"text\":", (size_t)(c - x->choice));
    add_text(b, c, r->echo, 0, c->n_text);
    raml_buf_adds(b, ",\"logprobs\":");
    if (r->logprobs >= 0) raml_serve_add_logprobs(b, c, &all);
    else raml_buf_adds(b, "null");
    add_finish(b, c);
    if (r->prompt_logprobs >= 0) {
        raml_buf_adds(b, ",\"prompt_logprobs\":");
        raml_serve_add_prompt_logprobs(b, c);
    }
    if (r->return_token_ids) {
        raml_buf_adds(b, ",\"prompt_token_ids\":");
        raml_serve_add_ids(b, p->token.id, p->token.n);
        raml_buf_adds(b, ",\"token_ids\":");
        raml_serve_add_ids(b, c->token, c->n);
    }
    raml_buf_adds(b, "}");
}

void raml_serve_reply(struct raml_exchange *x)
{
    struct raml_buf b;
    raml_buf_init(&b, SIZE_MAX / 4);
    add_head(&b, x);
    raml_buf_adds(&b, ",\"choices\":[");
    for (size_t i = 0; i < x->n_choices; i++) {
        if (i) raml_buf_adds(&b, ",");
        add_choice(&b, &x->choice[i]);
    }
    raml_buf_adds(&b, "]");
    add_usage(&b, x);
    raml_buf_adds(&b, "}\n");
    raml_exchange_give(x, 200, &b, true);
}

/* -- Streams --------------------------------------------------------------------------------------------------------- */
static void add_event(struct raml_buf *b, struct exchange_choice *c)
{
    const struct raml_exchange *x = c->x;
    const struct api_request *r = &x->request;
    const struct api_prompt *p = &r->prompt[c->prompt];
    bool first = !c->echoed, echo = r->echo && first;
    size_t held = c->done || !c->n_text ? 0 : raml_serve_held_back(r, c->text.data, c->n_text), to = c->n_text - held;
    if (to < c->sent_text) to = c->sent_text;
    const struct places new = {.prompt1 = echo ? p->token.n : 0, .token0 = c->sent, .token1 = c->n};
    raml_buf_adds(b, "data: ");
    add_head(b, x);
    raml_buf_addf(b, ",\"choices\":[{\"index\":%zu,\"text\":", (size_t)(c - x->choice));
    add_text(b, c, echo, c->sent_text, to);
    raml_buf_adds(b, ",\"logprobs\":");
    if (r->logprobs >= 0) raml_serve_add_logprobs(b, c, &new);
    else raml_buf_adds(b, "null");
    add_finish(b, c);
    if (r->return_token_ids) {
        if (first) {
            raml_buf_adds(b, ",\"prompt_token_ids\":");
            raml_serve_add_ids(b, p->token.id, p->token.n);
        }
        raml_buf_adds(b, ",\"token_ids\":");
        raml_serve_add_ids(b, c->token + c->sent, c->n - c->sent);
    }
    raml_buf_adds(b, "}]}\n\n");
    c->echoed = true;
    c->sent = c->n;
    c->sent_text = to;
    c->sent_end = c->done;
}

void raml_serve_reply_events(struct raml_exchange *x)
{
    struct raml_buf b;
    bool end = x->n_done == x->n_choices;
    raml_buf_init(&b, SIZE_MAX / 4);
    for (size_t i = 0; i < x->n_choices; i++) {
        struct exchange_choice *c = &x->choice[i];
        if (!c->sent_end && (c->done || c->n > c->sent)) add_event(&b, c);
    }
    if (end && x->request.include_usage) {
        raml_buf_adds(&b, "data: ");
        add_head(&b, x);
        raml_buf_adds(&b, ",\"choices\":[]");
        add_usage(&b, x);
        raml_buf_adds(&b, "}\n\n");
    }
    if (end) raml_buf_adds(&b, "data: [DONE]\n\n");
    x->fresh = false;
    raml_exchange_give(x, 200, &b, end);
}
