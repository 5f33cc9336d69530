/* openai.c - /v1/completions: what it is asked, and what its replies say.
 *
 * Prompts are lists of token ids. Log-probabilities of a prompt come as prompt_logprobs (vLLM) or, with echo, in logprobs
 * (the API as it was); ids of a continuation as token_ids, or as texts "token_id:12".
 */
#include "endpoint/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void begin(const struct raml_endpoint *e, const int32_t *id, size_t n, struct raml_buf *b)
{
    raml_buf_adds(b, "{\"model\":");
    raml_body_text(b, e->model);
    raml_buf_adds(b, ",\"prompt\":");
    raml_body_ids(b, id, n);
}

/* -- Texts, by prompt_logprobs ------------------------------------------------------------------------------------- */

static void write_vllm(const struct raml_endpoint *e, const struct raml_remote_text *t, struct raml_buf *b)
{
    begin(e, t->token, t->n, b);
    raml_buf_adds(b, ",\"max_tokens\":1,\"temperature\":0,\"prompt_logprobs\":0}");
}

static const json_t *entry_of(const json_t *list, size_t i, int32_t id)
{
    char key[16];
    snprintf(key, sizeof key, "%d", (int)id);
    return json_object_get(json_array_get(list, i), key);
}

struct spelled {
    const json_t *list;
    const int32_t *id;
};

static const char *decoded(const void *of, size_t i)
{
    const struct spelled *s = of;
    return json_string_value(json_object_get(entry_of(s->list, i, s->id[i]), "decoded_token"));
}

/* As many entries as there are tokens, the first null, each of the token that was sent. */
static enum raml_code read_vllm(struct raml_endpoint *e, const json_t *reply, struct raml_remote_text *t,
                                struct raml_err *err)
{
    const json_t *choice, *list;
    enum raml_code rc = raml_reply_choice(reply, &choice, err);
    if (rc) return rc;
    list = json_object_get(choice, "prompt_logprobs");
    if (!json_is_array(list)) return raml_fail(err, RAML_ESUPPORT, "its reply has no 'prompt_logprobs'");
    size_t n = json_array_size(list);
    if (n != t->n)
        return raml_fail(err, n > t->n ? RAML_ERANGE : RAML_EFORMAT, "%zu log-probabilities of %zu tokens", n, t->n);
    for (size_t i = t->first; i < t->n && !rc; i++) {
        const json_t *x = entry_of(list, i, t->token[i]);
        if (!x && json_object_size(json_array_get(list, i)))
            return raml_fail(err, RAML_ERANGE, "token %zu is not %d there, as it was sent", i + 1, (int)t->token[i]);
        rc = raml_reply_logprob(json_object_get(x, "logprob"), i, &t->logp[i - t->first], err);
        t->argmax[i - t->first] = json_integer_value(json_object_get(x, "rank")) == 1 ? t->token[i] : -1;
    }
    const struct spelled s = {list, t->token};
    if (!rc) rc = raml_reply_spelling(e, t->token, t->n, decoded, &s, err);
    if (!rc) raml_reply_usage(e, reply);
    return rc;
}

const struct raml_way raml_way_vllm = {.api = RAML_API_VLLM,
                                       .what = "prompt_logprobs",
                                       .path = "/completions",
                                       .write_text = write_vllm,
                                       .read_text = read_vllm};

/* -- One token more, after a prompt that the prefix cache has ------------------------------------------------------ */

static void write_next(const struct raml_endpoint *e, const struct raml_remote_text *t, struct raml_buf *b)
{
    begin(e, t->token, t->n - 1, b);
    raml_buf_addf(b,
                  ",\"max_tokens\":1,\"temperature\":0,\"ignore_eos\":true,\"logprobs\":0,\"logprob_token_ids\":[%d],"
                  "\"return_tokens_as_token_ids\":true}",
                  (int)t->token[t->n - 1]);
}

/* The likeliest token was sampled; the other one's log-probability is beside it. */
static enum raml_code read_next(struct raml_endpoint *e, const json_t *reply, struct raml_remote_text *t,
                                struct raml_err *err)
{
    const json_t *choice, *logprobs;
    char key[32];
    enum raml_code rc = raml_reply_choice(reply, &choice, err);
    if (rc) return rc;
    logprobs = json_object_get(choice, "logprobs");
    int32_t sampled = raml_reply_token_id(json_string_value(json_array_get(json_object_get(logprobs, "tokens"), 0)));
    if (sampled < 0) return raml_fail(err, RAML_ESUPPORT, "its reply has no ids of tokens");
    snprintf(key, sizeof key, "token_id:%d", (int)t->token[t->n - 1]);
    const json_t *top = json_array_get(json_object_get(logprobs, "top_logprobs"), 0), *x = json_object_get(top, key);
    if (!x && sampled == t->token[t->n - 1]) x = json_array_get(json_object_get(logprobs, "token_logprobs"), 0);
    if (!x) return raml_fail(err, RAML_ESUPPORT, "its reply has no log-probability of the token that was asked for");
    rc = raml_reply_logprob(x, t->n - 1, t->logp, err);
    *t->argmax = sampled;
    if (!rc) raml_reply_usage(e, reply);
    return rc;
}

const struct raml_way raml_way_vllm_next = {.api = RAML_API_VLLM,
                                            .what = "logprob_token_ids",
                                            .path = "/completions",
                                            .reads_cache = true,
                                            .one_by_one = true,
                                            .write_text = write_next,
                                            .read_text = read_next};

/* -- Texts, by echo ------------------------------------------------------------------------------------------------- */

static void write_echo(const struct raml_endpoint *e, const struct raml_remote_text *t, struct raml_buf *b)
{
    begin(e, t->token, t->n, b);
    raml_buf_adds(b, ",\"max_tokens\":1,\"temperature\":0,\"echo\":true,\"logprobs\":1,"
                     "\"return_tokens_as_token_ids\":true}");
}

static const char *token_text(const void *of, size_t i)
{
    const char *text = json_string_value(json_array_get(of, i));
    return raml_reply_token_id(text) < 0 ? text : NULL;
}

/* Of token i: -1 where another one is likelier. */
static int32_t likeliest(const json_t *logprobs, size_t i, int32_t id, double logp)
{
    const char *name;
    json_t *value, *top = json_array_get(json_object_get(logprobs, "top_logprobs"), i);
    if (!json_object_size(top)) return -1;
    json_object_foreach (top, name, value) {
        int32_t other = raml_reply_token_id(name);
        if (json_number_value(value) > logp) return other >= 0 && other != id ? other : -1;
    }
    return id;
}

/* tokens, token_logprobs and top_logprobs are of the prompt's tokens and of those that follow. */
static enum raml_code read_echo(struct raml_endpoint *e, const json_t *reply, struct raml_remote_text *t,
                                struct raml_err *err)
{
    const json_t *choice, *logprobs;
    enum raml_code rc = raml_reply_choice(reply, &choice, err);
    if (rc) return rc;
    logprobs = json_object_get(choice, "logprobs");
    const json_t *tokens = json_object_get(logprobs, "tokens"), *list = json_object_get(logprobs, "token_logprobs");
    size_t n = json_array_size(list);
    if (!json_is_array(list)) return raml_fail(err, RAML_ESUPPORT, "its reply has no 'logprobs' with 'token_logprobs'");
    if (n <= 1 && t->n > 2) return raml_fail(err, RAML_ESUPPORT, "its reply has no log-probabilities of the prompt");
    if (n < t->n) return raml_fail(err, RAML_EFORMAT, "%zu log-probabilities of %zu tokens", n, t->n);
    if (n > t->n + 1) return raml_fail(err, RAML_ERANGE, "%zu log-probabilities of %zu tokens and one more", n, t->n);
    for (size_t i = 0; i < t->n && !rc; i++) {
        int32_t id = raml_reply_token_id(json_string_value(json_array_get(tokens, i)));
        if (id >= 0 && id != t->token[i])
            return raml_fail(err, RAML_ERANGE, "token %zu is %d there; %d was sent", i + 1, (int)id, (int)t->token[i]);
        if (i < t->first) continue;
        float *logp = &t->logp[i - t->first];
        rc = raml_reply_logprob(json_array_get(list, i), i, logp, err);
        t->argmax[i - t->first] = rc ? -1 : likeliest(logprobs, i, t->token[i], (double)*logp);
    }
    if (!rc) rc = raml_reply_spelling(e, t->token, t->n, token_text, tokens, err);
    if (!rc) raml_reply_usage(e, reply);
    return rc;
}

const struct raml_way raml_way_echo = {.api = RAML_API_OPENAI,
                                       .what = "echo with logprobs",
                                       .path = "/completions",
                                       .reads_cache = true,
                                       .write_text = write_echo,
                                       .read_text = read_echo};

/* -- Continuations --------------------------------------------------------------------------------------------------- */

static void write_sample(const struct raml_endpoint *e, const struct raml_remote_sample *s, struct raml_buf *b)
{
    begin(e, s->prompt, s->n_prompt, b);
    raml_buf_addf(b,
                  ",\"max_tokens\":%zu,\"seed\":%lld,\"logprobs\":0,\"return_tokens_as_token_ids\":true,"
                  "\"return_token_ids\":true,\"temperature\":",
                  s->max_tokens, (long long)(s->seed & INT32_MAX));
    raml_body_number(b, s->temperature);
    raml_buf_adds(b, ",\"top_p\":");
    raml_body_number(b, s->top_p);
    if (s->stop) {
        raml_buf_adds(b, ",\"stop\":[");
        raml_body_text(b, s->stop);
        raml_buf_adds(b, "]");
    }
}

static void write_openai_sample(const struct raml_endpoint *e, const struct raml_remote_sample *s, struct raml_buf *b)
{
    write_sample(e, s, b);
    if (s->top_k) raml_buf_addf(b, ",\"top_k\":%d", s->top_k);
    if (s->min_p > 0) {
        raml_buf_adds(b, ",\"min_p\":");
        raml_body_number(b, s->min_p);
    }
    if (s->n_stop_tokens) {
        raml_buf_adds(b, ",\"stop_token_ids\":");
        raml_body_ids(b, s->stop_token, s->n_stop_tokens);
    }
    raml_buf_adds(b, "}");
}

/* All of it, since what is not said is as the model's generation_config.json says, on the server. */
static void write_vllm_sample(const struct raml_endpoint *e, const struct raml_remote_sample *s, struct raml_buf *b)
{
    write_sample(e, s, b);
    raml_buf_addf(b, ",\"top_k\":%d,\"repetition_penalty\":1,\"min_p\":", s->top_k ? s->top_k : -1);
    raml_body_number(b, s->min_p);
    raml_buf_adds(b, ",\"skip_special_tokens\":false,\"include_stop_str_in_output\":true,\"stop_token_ids\":");
    raml_body_ids(b, s->stop_token, s->n_stop_tokens);
    raml_buf_adds(b, "}");
}

/* Token i of a continuation; -1: no id is given. */
static int32_t sampled_id(const json_t *ids, const json_t *tokens, size_t i)
{
    const json_t *id = json_array_get(ids, i);
    if (!json_is_integer(id)) return raml_reply_token_id(json_string_value(json_array_get(tokens, i)));
    json_int_t x = json_integer_value(id);
    return x < 0 || x > INT32_MAX ? -1 : (int32_t)x;
}

static const char no_ids[] =
    "its reply has no ids of the tokens it samples, which those of vLLM, SGLang and raml serve have";

static enum raml_code read_sample(struct raml_endpoint *e, const json_t *reply, struct raml_remote_sample *s,
                                  struct raml_err *err)
{
    const json_t *choice;
    enum raml_code rc = raml_reply_choice(reply, &choice, err);
    if (rc) return rc;
    const json_t *logprobs = json_object_get(choice, "logprobs"), *ids = json_object_get(choice, "token_ids"),
                 *tokens = json_object_get(logprobs, "tokens"), *list = json_object_get(logprobs, "token_logprobs");
    const char *reason = json_string_value(json_object_get(choice, "finish_reason"));
    size_t n = json_is_array(ids) ? json_array_size(ids) : json_array_size(tokens);
    if (!json_is_array(ids) && !json_is_array(tokens)) return raml_fail(err, RAML_ESUPPORT, "%s", no_ids);
    if (n > s->max_tokens) return raml_fail(err, RAML_EFORMAT, "%zu tokens; %zu were asked for", n, s->max_tokens);
    if (!reason || (strcmp(reason, "stop") != 0 && strcmp(reason, "length") != 0))
        return raml_fail(err, RAML_EFORMAT, "field 'finish_reason' is '%.40s'; expected stop or length",
                         reason ? reason : "");
    if (json_array_size(list) != n)
        return raml_fail(err, json_is_array(list) ? RAML_EFORMAT : RAML_ESUPPORT, "%zu log-probabilities of %zu tokens",
                         json_array_size(list), n);
    s->token = malloc((n + 1) * sizeof *s->token);
    s->logp = malloc((n + 1) * sizeof *s->logp);
    if (!s->token || !s->logp) return raml_fail(err, RAML_ENOMEM, "no memory for a sample of %zu tokens", n);
    for (size_t i = 0; i < n && !rc; i++) {
        s->token[i] = sampled_id(ids, tokens, i);
        if (s->token[i] < 0) return raml_fail(err, RAML_ESUPPORT, "%s", no_ids);
        rc = raml_reply_logprob(json_array_get(list, i), i, &s->logp[i], err);
    }
    s->n = n;
    s->ended = !strcmp(reason, "stop");
    if (!rc) raml_reply_usage(e, reply);
    return rc;
}

const struct raml_way raml_way_vllm_sample = {.api = RAML_API_VLLM,
                                              .what = "return_token_ids",
                                              .path = "/completions",
                                              .reads_cache = true,
                                              .write_sample = write_vllm_sample,
                                              .read_sample = read_sample};
const struct raml_way raml_way_openai_sample = {.api = RAML_API_OPENAI,
                                                .what = "return_token_ids",
                                                .path = "/completions",
                                                .reads_cache = true,
                                                .write_sample = write_openai_sample,
                                                .read_sample = read_sample};
