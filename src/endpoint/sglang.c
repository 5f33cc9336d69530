/* sglang.c - SGLang's /generate: token ids in, [log-probability, id, text] of each token out. */
#include "endpoint/parts.h"

#include <stdlib.h>
#include <string.h>

static void write_text(const struct raml_endpoint *e, const struct raml_remote_text *t, struct raml_buf *b)
{
    (void)e;
    raml_buf_adds(b, "{\"input_ids\":");
    raml_body_ids(b, t->token, t->n);
    raml_buf_addf(b,
                  ",\"sampling_params\":{\"max_new_tokens\":1,\"temperature\":0},\"return_logprob\":true,"
                  "\"logprob_start_len\":%zu,\"top_logprobs_num\":1}",
                  t->first - 1);
}

static const char *text_of(const void *of, size_t i)
{
    return json_string_value(json_array_get(json_array_get(of, i), 2));
}

static void count(struct raml_endpoint *e, const json_t *meta)
{
    json_int_t cached = json_integer_value(json_object_get(meta, "cached_tokens"));
    if (cached > 0) e->stats.cached_tokens += (uint64_t)cached;
}

/* [logprob, id, text] of a token that must be this one. SGLang (0.5.23, _process_input_token_logprobs) says 0 of every
 * token of a prompt that is not below its model's vocab_size - 1: of the vocabulary's last token too. */
static enum raml_code read_token(const struct raml_endpoint *e, const json_t *entry, size_t place, int32_t want,
                                 float *logp, struct raml_err *err)
{
    const json_t *id = json_array_get(entry, 1);
    if (!json_is_integer(id)) return raml_fail(err, RAML_EFORMAT, "token %zu has no id", place + 1);
    bool zeroed = json_integer_value(id) == 0 && e->opt.vocab_size > 0 && want >= e->opt.vocab_size - 1;
    if (json_integer_value(id) == 0 && want && !e->opt.vocab_size)
        return raml_fail(err, RAML_ERANGE,
                         "token %zu is 0 there; %d was sent. SGLang says so of its vocabulary's last token: --model "
                         "tells which that is",
                         place + 1, (int)want);
    if (json_integer_value(id) != want && !zeroed)
        return raml_fail(err, RAML_ERANGE, "token %zu is %lld there; %d was sent", place + 1,
                         (long long)json_integer_value(id), (int)want);
    return raml_reply_logprob(json_array_get(entry, 0), place, logp, err);
}

/* The last entries are of the last tokens: the one where they start may be there or not, with null. */
static enum raml_code read_text(struct raml_endpoint *e, const json_t *reply, struct raml_remote_text *t,
                                struct raml_err *err)
{
    const json_t *meta = json_object_get(reply, "meta_info"), *list = json_object_get(meta, "input_token_logprobs"),
                 *top = json_object_get(meta, "input_top_logprobs");
    size_t n = json_array_size(list), wanted = t->n - t->first, n_top = json_array_size(top);
    enum raml_code rc = RAML_OK;
    if (!json_is_array(list)) return raml_fail(err, RAML_ESUPPORT, "its reply has no 'input_token_logprobs'");
    if (n < wanted) return raml_fail(err, RAML_EFORMAT, "%zu log-probabilities of %zu tokens", n, wanted);
    for (size_t i = 0; i < wanted && !rc; i++) {
        rc =
            read_token(e, json_array_get(list, n - wanted + i), t->first + i, t->token[t->first + i], &t->logp[i], err);
        const json_t *best = n_top < wanted ? NULL : json_array_get(json_array_get(top, n_top - wanted + i), 0);
        t->argmax[i] =
            json_is_integer(json_array_get(best, 1)) ? (int32_t)json_integer_value(json_array_get(best, 1)) : -1;
    }
    if (!rc && n <= t->n) rc = raml_reply_spelling(e, t->token + t->n - n, n, text_of, list, err);
    if (!rc) count(e, meta);
    return rc;
}

const struct raml_way raml_way_sglang = {.api = RAML_API_SGLANG,
                                         .what = "return_logprob",
                                         .path = "/generate",
                                         .at_root = true,
                                         .reads_cache = true,
                                         .write_text = write_text,
                                         .read_text = read_text};

/* sampling_seed counts on servers that are started with --enable-deterministic-inference. */
static void write_sample(const struct raml_endpoint *e, const struct raml_remote_sample *s, struct raml_buf *b)
{
    (void)e;
    raml_buf_adds(b, "{\"input_ids\":");
    raml_body_ids(b, s->prompt, s->n_prompt);
    raml_buf_addf(b,
                  ",\"sampling_params\":{\"max_new_tokens\":%zu,\"sampling_seed\":%lld,\"temperature\":", s->max_tokens,
                  (long long)(s->seed & INT32_MAX));
    raml_body_number(b, s->temperature);
    raml_buf_adds(b, ",\"top_p\":");
    raml_body_number(b, s->top_p);
    raml_buf_addf(b, ",\"top_k\":%d,\"min_p\":", s->top_k ? s->top_k : -1);
    raml_body_number(b, s->min_p);
    if (s->n_stop_tokens) {
        raml_buf_adds(b, ",\"stop_token_ids\":");
        raml_body_ids(b, s->stop_token, s->n_stop_tokens);
    }
    if (s->stop) {
        raml_buf_adds(b, ",\"stop\":[");
        raml_body_text(b, s->stop);
        raml_buf_adds(b, "]");
    }
    raml_buf_adds(b, ",\"no_stop_trim\":true,\"skip_special_tokens\":false},\"return_logprob\":true}");
}

static enum raml_code read_sample(struct raml_endpoint *e, const json_t *reply, struct raml_remote_sample *s,
                                  struct raml_err *err)
{
    const json_t *meta = json_object_get(reply, "meta_info"), *list = json_object_get(meta, "output_token_logprobs");
    const char *reason = json_string_value(json_object_get(json_object_get(meta, "finish_reason"), "type"));
    size_t n = json_array_size(list);
    enum raml_code rc = RAML_OK;
    if (!json_is_array(list)) return raml_fail(err, RAML_ESUPPORT, "its reply has no 'output_token_logprobs'");
    if (n > s->max_tokens) return raml_fail(err, RAML_EFORMAT, "%zu tokens; %zu were asked for", n, s->max_tokens);
    if (!reason || (strcmp(reason, "stop") != 0 && strcmp(reason, "length") != 0))
        return raml_fail(err, RAML_EFORMAT, "field 'finish_reason' is '%.40s'; expected stop or length",
                         reason ? reason : "");
    s->token = malloc((n + 1) * sizeof *s->token);
    s->logp = malloc((n + 1) * sizeof *s->logp);
    if (!s->token || !s->logp) return raml_fail(err, RAML_ENOMEM, "no memory for a sample of %zu tokens", n);
    for (size_t i = 0; i < n && !rc; i++) {
        const json_t *x = json_array_get(list, i), *id = json_array_get(x, 1);
        if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
            return raml_fail(err, RAML_EFORMAT, "token %zu has no id", i + 1);
        s->token[i] = (int32_t)json_integer_value(id);
        rc = raml_reply_logprob(json_array_get(x, 0), i, &s->logp[i], err);
    }
    s->n = n;
    s->ended = !strcmp(reason, "stop");
    if (!rc) count(e, meta);
    return rc;
}

const struct raml_way raml_way_sglang_sample = {.api = RAML_API_SGLANG,
                                                .what = "output_token_logprobs",
                                                .path = "/generate",
                                                .at_root = true,
                                                .reads_cache = true,
                                                .write_sample = write_sample,
                                                .read_sample = read_sample};
