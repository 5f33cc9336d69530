/* logprobs.c - log-probabilities and token ids as fields of a choice. See parts.h, docs/serve.md. */
#include "serve/parts.h"

#include "core/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A place of a choice: a token of its prompt or of its completion. */
struct place {
    int32_t token;
    bool known; /* false: the prompt's first, which nothing is before */
    float logp;
    const int32_t *top_token; /* [k] */
    const float *top_logp;
    size_t k;
    size_t byte; /* of the prompt's text, or of the completion's */
};

static struct place prompt_place(const struct exchange_choice *c, size_t i)
{
    const struct api_prompt *p = &c->x->request.prompt[c->prompt];
    const struct score *s = &c->x->score[c->prompt];
    struct place at = {.token = p->token.id[i], .known = i > 0};
    if (!at.known) return at;
    at.logp = s->logp[i - 1];
    at.k = s->top.k;
    at.top_token = s->top.token + (i - 1) * at.k;
    at.top_logp = s->top.logp + (i - 1) * at.k;
    return at;
}

static struct place token_place(const struct exchange_choice *c, size_t i)
{
    size_t k = c->top.k;
    return (struct place){c->token[i], true, c->logp[i], c->top.token + i * k, c->top.logp + i * k, k, c->at[i]};
}

/* A token's name: its text; where that is no whole characters, its bytes; or its number. */
static void add_name(struct raml_buf *b, const struct raml_exchange *x, int32_t id)
{
    const char *bytes;
    size_t n;
    char number[32];
    raml_serve_piece(x->s->tokenizer, id, &bytes, &n);
    if (x->request.tokens_as_ids || !n) {
        snprintf(number, sizeof number, "token_id:%d", (int)id);
        raml_json_out_text(b, number, strlen(number));
    } else if (raml_utf8_valid((const unsigned char *)bytes, n) == n && !memchr(bytes, 0, n)) {
        raml_json_out_text(b, bytes, n);
    } else {
        raml_buf_adds(b, "\"bytes:");
        for (size_t i = 0; i < n; i++) raml_buf_addf(b, "\\\\x%02x", (unsigned)(unsigned char)bytes[i]);
        raml_buf_adds(b, "\"");
    }
}

/* Of two tokens with one name in an object the likelier stays. */
static bool same_name(const struct raml_exchange *x, int32_t a, int32_t b)
{
    const char *text_a, *text_b;
    size_t n_a, n_b;
    if (a == b) return true;
    if (x->request.tokens_as_ids) return false;
    raml_serve_piece(x->s->tokenizer, a, &text_a, &n_a);
    raml_serve_piece(x->s->tokenizer, b, &text_b, &n_b);
    return n_a && n_a == n_b && !memcmp(text_a, text_b, n_a);
}

static bool is_among(const struct raml_exchange *x, const struct place *p, size_t n, int32_t token)
{
    for (size_t i = 0; i < n; i++)
        if (same_name(x, p->top_token[i], token)) return true;
    return false;
}

static size_t wanted(const struct place *p, int64_t k)
{
    size_t n = (size_t)(k < 0 ? 0 : k), i = 0;
    if (n > p->k) n = p->k;
    while (i < n && p->top_token[i] >= 0) i++;
    return i;
}

/* {"name": log p}: the k likeliest, and the token itself. */
static void add_top(struct raml_buf *b, const struct raml_exchange *x, const struct place *p)
{
    size_t k = wanted(p, x->request.logprobs), n = 0;
    if (!p->known) {
        raml_buf_adds(b, "null");
        return;
    }
    raml_buf_adds(b, "{");
    for (size_t i = 0; i < k; i++) {
        if (is_among(x, p, i, p->top_token[i])) continue;
        if (n++) raml_buf_adds(b, ",");
        add_name(b, x, p->top_token[i]);
        raml_buf_adds(b, ":");
        raml_json_out_number(b, p->top_logp[i]);
    }
    if (!is_among(x, p, k, p->token)) {
        if (n) raml_buf_adds(b, ",");
        add_name(b, x, p->token);
        raml_buf_adds(b, ":");
        raml_json_out_number(b, p->logp);
    }
    raml_buf_adds(b, "}");
}

static struct place place(const struct exchange_choice *c, const struct places *p, size_t i)
{
    size_t n = p->prompt1 - p->prompt0;
    return i < n ? prompt_place(c, p->prompt0 + i) : token_place(c, p->token0 + i - n);
}

/* -- Where tokens begin, in characters ------------------------------------------------------------------------------- */
struct cursor { /* in a text, which is read once */
    const char *text;
    size_t n, byte, count;
};

/* Characters that begin before `byte`. */
static size_t characters_before(struct cursor *c, size_t byte)
{
    if (byte > c->n) byte = c->n;
    for (; c->byte < byte; c->count++) c->byte = raml_serve_character_end(c->text, c->n, c->byte);
    return c->count;
}

static void add_offsets(struct raml_buf *b, const struct exchange_choice *c, const struct places *p)
{
    const struct raml_exchange *x = c->x;
    const struct api_prompt *prompt = &x->request.prompt[c->prompt];
    struct cursor in_prompt = {prompt->text, prompt->n_text, 0, 0}, in_text = {c->text.data, c->n_text, 0, 0};
    size_t byte = 0, n = 0;
    raml_buf_adds(b, "\"text_offset\":[");
    for (size_t i = p->prompt0; i < p->prompt1; i++) {
        const char *bytes;
        size_t len;
        if (prompt->where.n) byte = prompt->where.range[i].start;
        raml_buf_addf(b, n++ ? ",%zu" : "%zu", characters_before(&in_prompt, byte));
        raml_serve_piece(x->s->tokenizer, prompt->token.id[i], &bytes, &len);
        byte += len;
    }
    size_t before = x->request.echo ? characters_before(&in_prompt, prompt->n_text) : 0;
    for (size_t i = p->token0; i < p->token1; i++)
        raml_buf_addf(b, n++ ? ",%zu" : "%zu", before + characters_before(&in_text, c->at[i]));
    raml_buf_adds(b, "]");
}

void raml_serve_add_logprobs(struct raml_buf *b, const struct exchange_choice *c, const struct places *p)
{
    size_t n = p->prompt1 - p->prompt0 + p->token1 - p->token0;
    raml_buf_adds(b, "{");
    add_offsets(b, c, p);
    raml_buf_adds(b, ",\"token_logprobs\":[");
    for (size_t i = 0; i < n; i++) {
        const struct place at = place(c, p, i);
        if (i) raml_buf_adds(b, ",");
        raml_json_out_number(b, at.known ? at.logp : NAN);
    }
    raml_buf_adds(b, "],\"tokens\":[");
    for (size_t i = 0; i < n; i++) {
        if (i) raml_buf_adds(b, ",");
        add_name(b, c->x, place(c, p, i).token);
    }
    raml_buf_adds(b, "],\"top_logprobs\":[");
    for (size_t i = 0; i < n; i++) {
        const struct place at = place(c, p, i);
        if (i) raml_buf_adds(b, ",");
        add_top(b, c->x, &at);
    }
    raml_buf_adds(b, "]}");
}

/* -- vLLM's fields --------------------------------------------------------------------------------------------------- */
static void add_entry(struct raml_buf *b, const struct raml_exchange *x, int32_t id, float logp, size_t rank)
{
    const char *bytes;
    size_t n;
    raml_serve_piece(x->s->tokenizer, id, &bytes, &n);
    raml_buf_addf(b, "\"%d\":{\"logprob\":", (int)id);
    raml_json_out_number(b, logp);
    if (rank) raml_buf_addf(b, ",\"rank\":%zu,\"decoded_token\":", rank);
    else raml_buf_adds(b, ",\"rank\":null,\"decoded_token\":");
    raml_json_out_text(b, bytes, n);
    raml_buf_adds(b, "}");
}

void raml_serve_add_prompt_logprobs(struct raml_buf *b, const struct exchange_choice *c)
{
    const struct raml_exchange *x = c->x;
    raml_buf_adds(b, "[null");
    for (size_t i = 1; i < x->request.prompt[c->prompt].token.n; i++) {
        const struct place p = prompt_place(c, i);
        size_t k = wanted(&p, x->request.prompt_logprobs), rank = 0;
        for (size_t j = 0; j < p.k; j++)
            if (p.top_token[j] == p.token) rank = j + 1;
        raml_buf_adds(b, ",{");
        add_entry(b, x, p.token, p.logp, rank);
        for (size_t j = 0; j < k; j++) {
            if (p.top_token[j] == p.token) continue;
            raml_buf_adds(b, ",");
            add_entry(b, x, p.top_token[j], p.top_logp[j], j + 1);
        }
        raml_buf_adds(b, "}");
    }
    raml_buf_adds(b, "]");
}

void raml_serve_add_ids(struct raml_buf *b, const int32_t *id, size_t n)
{
    raml_buf_adds(b, "[");
    for (size_t i = 0; i < n; i++) raml_buf_addf(b, i ? ",%d" : "%d", (int)id[i]);
    raml_buf_adds(b, "]");
}
