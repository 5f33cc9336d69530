/* fuzz_completions.c - bodies of POST /v1/completions: what is read is within the server's limits, its prompts are texts
 * of the tokens; what is refused has a status, and an error object that is JSON. */
#include "fuzz/check.h"
#include "fuzz/target.h"
#include "serve/parts.h"

#include "core/json.h"

#include <string.h>

enum { VOCABULARY = 300, MAX_LEN = 200, MAX_CHOICES = 12 };

static int refused(const struct api_error *e)
{
    struct raml_err err = {.code = RAML_EFORMAT};
    struct raml_buf text;
    bool enough = true;
    FUZZ_CHECK(e->status == 400 || e->status == 404 || e->status == 500, "status %d", e->status);
    FUZZ_CHECK(*e->message, "no message");
    raml_buf_init(&text, 1 << 20);
    raml_server_error(e->status, e->param, e->code, e->message, &text);
    FUZZ_MUST(raml_buf_status(&text, &err), &err);
    json_t *v = raml_json_value(text.data, text.len, &enough);
    FUZZ_CHECK(v, "not JSON: %s", text.data);
    const json_t *o = json_object_get(v, "error");
    FUZZ_CHECK(json_object_size(o) == 4 && json_is_string(json_object_get(o, "message")), "%s", text.data);
    json_decref(v);
    raml_buf_deinit(&text);
    return FUZZ_REFUSED;
}

static void check_prompt(const struct api_request *r, const struct api_prompt *p)
{
    size_t most = raml_serve_max_tokens(r, p, MAX_LEN), at = 0, n = 0;
    FUZZ_CHECK(p->token.n && p->token.n + most <= MAX_LEN, "%zu tokens and %zu", p->token.n, most);
    for (size_t i = 0; i < p->token.n; i++)
        FUZZ_CHECK(p->token.id[i] >= 0 && p->token.id[i] < VOCABULARY, "token %d", (int)p->token.id[i]);
    FUZZ_CHECK(!p->where.n || p->where.n == p->token.n, "%zu places", p->where.n);
    for (; at < p->n_text; n++) {
        size_t end = raml_serve_character_end(p->text, p->n_text, at);
        FUZZ_CHECK(end > at && end <= p->n_text, "a character from %zu to %zu", at, end);
        at = end;
    }
    FUZZ_CHECK(n <= p->n_text, "%zu characters", n);
}

/* Wherever a text is cut: no stop is overlooked across what is held back. */
static void check_stops(const struct api_request *r, const char *text, size_t n)
{
    int which, again;
    size_t at = raml_serve_find_stop(r, text, n, 0, &which);
    FUZZ_CHECK((which < 0) == (at == n), "stop %d at %zu of %zu", which, at, n);
    if (which < 0) return;
    FUZZ_CHECK(!memcmp(text + at, r->stop[which].text, r->stop[which].n), "stop %d", which);
    for (size_t cut = 0; cut < at + r->stop[which].n && cut < n; cut++) {
        size_t held = raml_serve_held_back(r, text, cut);
        FUZZ_CHECK(held <= cut, "%zu of %zu", held, cut);
        if (raml_serve_find_stop(r, text, cut, 0, &again) == cut)
            FUZZ_CHECK(cut - held <= at, "byte %zu would be sent, and the stop is at %zu", cut - held, at);
    }
}

static int run(const uint8_t *data, size_t size)
{
    static struct raml_tokenizer *t; /* one for all: a vocabulary is only read */
    struct raml_err err = {0};
    struct api_request r;
    struct api_error e;
    const struct raml_serve_options o = {.max_choices = MAX_CHOICES, .max_logprobs = 20, .name = "small"};
    if (!t) FUZZ_MUST(raml_tokenizer_bytes(&t, &err), &err);
    const struct api_limits limits = {
        .tokenizer = t, .opt = &o, .vocabulary = VOCABULARY, .max_len = MAX_LEN, .begin = 257};
    if (!raml_api_request_read((const char *)data, size, &limits, &r, &e)) {
        FUZZ_CHECK(!r.prompt && !r.stop_token.id, "something is left of what was refused");
        return refused(&e);
    }
    FUZZ_CHECK(r.n_prompts && r.n && r.n_prompts * r.n <= MAX_CHOICES, "%zu prompts, %zu each", r.n_prompts, r.n);
    FUZZ_MUST(raml_token_sampling_check(&r.own.sampling, &err), &err);
    FUZZ_CHECK(r.logprobs >= -1 && r.logprobs <= 20 && r.prompt_logprobs >= -1 && r.prompt_logprobs <= 20,
               "log-probabilities");
    for (size_t i = 0; i < r.n_prompts; i++) {
        check_prompt(&r, &r.prompt[i]);
        check_stops(&r, r.prompt[i].text, r.prompt[i].n_text);
    }
    raml_api_request_deinit(&r);
    return FUZZ_READ;
}

static void seeds(struct fuzz_corpus *c)
{
    fuzz_seed_text(
        c, "text",
        "{\"model\":\"small\",\"prompt\":\"1+1=\",\"max_tokens\":5,\"temperature\":0.7,\"top_p\":0.9,\"n\":2,"
        "\"stop\":[\"\\n\",\"ab\"],\"seed\":-7,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    fuzz_seed_text(c, "ids",
                   "{\"prompt\":[[1,2,3],[4,5,299]],\"echo\":true,\"logprobs\":1,\"max_tokens\":1,\"temperature\":0,"
                   "\"return_token_ids\":true,\"add_special_tokens\":false}");
    fuzz_seed_text(c, "texts",
                   "{\"prompt\":[\"a <think> b\",\"\\u00e9\\ud83d\\ude00\"],\"prompt_logprobs\":0,\"max_tokens\":0}");
    fuzz_seed_text(c, "stops",
                   "{\"prompt\":\"abababcabab\\u00e9x\",\"stop\":[\"abc\",\"bab\\u00e9\",\"\\u00e9x\"],\"best_of\":1}");
    fuzz_seed_text(c, "one",
                   "{\"prompt\":[7],\"stop_token_ids\":[1,256],\"ignore_eos\":true,\"top_k\":-1,\"min_p\":0.1,"
                   "\"suffix\":null,\"logit_bias\":{},\"user\":\"x\"}");
}

/* clang-format off */
static const char *const words[] = {
    "{", "}", "[", "]", ",", ":", "null", "true", "false", "\"prompt\":", "\"max_tokens\":", "\"n\":", "\"best_of\":",
    "\"echo\":", "\"logprobs\":", "\"prompt_logprobs\":", "\"temperature\":", "\"top_p\":", "\"top_k\":", "\"min_p\":",
    "\"seed\":", "\"stop\":", "\"stop_token_ids\":", "\"ignore_eos\":", "\"stream\":", "\"stream_options\":",
    "\"include_usage\":", "\"return_token_ids\":", "\"return_tokens_as_token_ids\":", "\"skip_special_tokens\":",
    "\"include_stop_str_in_output\":", "\"suffix\":", "\"logit_bias\":", "\"presence_penalty\":", "\"user\":",
    "\"model\":\"small\",", "\"add_special_tokens\":", "\\u0000", "\\ud83d", "\\u00e9", "<|endoftext|>", "<think>",
    "-1", "0", "1e400", "99999999999999999999", "0.5", NULL
};
/* clang-format on */

const struct fuzz_target raml_fuzz_completions = {
    .name = "completions",
    .about = "requests of the completions API",
    .run = run,
    .seeds = seeds,
    .words = words,
    .max_bytes = 1 << 13,
};
