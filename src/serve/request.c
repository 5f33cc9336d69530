/* request.c - the body of a request: its fields, one by one, each with its type and range. See parts.h. */
#include "serve/parts.h"

#include "core/json.h"

#include <stdlib.h>
#include <string.h>

static const char *kind_of(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER: return "an integer";
    case JSON_REAL: return "a number";
    case JSON_TRUE:
    case JSON_FALSE: return "a boolean";
    default: return "null";
    }
}

/* -- Values ---------------------------------------------------------------------------------------------------------- */
struct reader {
    const struct api_limits *limits;
    struct api_request *r;
    struct api_error *e;
    const char *name; /* of the field */
};

static bool wrong_type(const struct reader *x, const json_t *v, const char *expected)
{
    return raml_api_refuse(x->e, 400, x->name, "invalid_type", "'%s': found %s, expected %s", x->name, kind_of(v),
                           expected);
}

static bool read_flag(const struct reader *x, const json_t *v, bool *out)
{
    if (!json_is_boolean(v)) return wrong_type(x, v, "true or false");
    *out = json_is_true(v);
    return true;
}

static bool read_int(const struct reader *x, const json_t *v, int64_t low, int64_t high, int64_t *out)
{
    if (!json_is_integer(v)) return wrong_type(x, v, "an integer");
    if (json_integer_value(v) < low || json_integer_value(v) > high)
        return raml_api_refuse(x->e, 400, x->name, "invalid_value",
                               "'%s': found %" JSON_INTEGER_FORMAT ", expected %lld to %lld", x->name,
                               json_integer_value(v), (long long)low, (long long)high);
    *out = json_integer_value(v);
    return true;
}

static bool read_real(const struct reader *x, const json_t *v, double low, double high, double *out)
{
    if (!json_is_number(v)) return wrong_type(x, v, "a number");
    double value = json_number_value(v);
    if (!(value >= low && value <= high))
        return raml_api_refuse(x->e, 400, x->name, "invalid_value", "'%s': found %g, expected %g to %g", x->name, value,
                               low, high);
    *out = value;
    return true;
}

/* -- Fields ---------------------------------------------------------------------------------------------------------- */
static bool take_model(const struct reader *x, const json_t *v)
{
    if (!json_is_string(v)) return wrong_type(x, v, "a string");
    if (!strcmp(json_string_value(v), x->limits->opt->name)) return true;
    return raml_api_refuse(x->e, 404, "model", "model_not_found",
                           "The model '%.200s' does not exist; this server has '%.200s'", json_string_value(v),
                           x->limits->opt->name);
}

static bool take_prompt(const struct reader *x, const json_t *v)
{
    return raml_api_prompts_read(v, x->limits, x->r, x->e);
}

static bool take_max_tokens(const struct reader *x, const json_t *v)
{
    return read_int(x, v, 0, 1 << 24, &x->r->max_tokens);
}

static bool take_n(const struct reader *x, const json_t *v)
{
    int64_t n;
    if (!read_int(x, v, 1, x->limits->opt->max_choices, &n)) return false;
    x->r->n = (size_t)n;
    return true;
}

static bool take_best_of(const struct reader *x, const json_t *v)
{
    int64_t n;
    return read_int(x, v, 1, 1, &n);
}

static bool take_logprobs(const struct reader *x, const json_t *v)
{
    return read_int(x, v, 0, x->limits->opt->max_logprobs, &x->r->logprobs);
}

static bool take_prompt_logprobs(const struct reader *x, const json_t *v)
{
    return read_int(x, v, 0, x->limits->opt->max_logprobs, &x->r->prompt_logprobs);
}

static bool take_temperature(const struct reader *x, const json_t *v)
{
    return read_real(x, v, 0, 1000, &x->r->own.sampling.temperature);
}

static bool take_top_p(const struct reader *x, const json_t *v)
{
    double *p = &x->r->own.sampling.top_p;
    if (!read_real(x, v, 0, 1, p)) return false;
    return *p > 0 ||
           raml_api_refuse(x->e, 400, "top_p", "invalid_value", "'top_p': found 0, expected more than 0, to 1");
}

static bool take_min_p(const struct reader *x, const json_t *v)
{
    return read_real(x, v, 0, 1, &x->r->own.sampling.min_p);
}

static bool take_top_k(const struct reader *x, const json_t *v)
{
    int64_t k;
    if (!read_int(x, v, -1, 1 << 24, &k)) return false;
    x->r->own.sampling.top_k = k < 0 ? 0 : (int)k;
    return true;
}

static bool take_seed(const struct reader *x, const json_t *v)
{
    int64_t seed;
    if (!read_int(x, v, INT64_MIN, INT64_MAX, &seed)) return false;
    x->r->own.seed = (uint64_t)seed;
    x->r->has_seed = true;
    return true;
}

static bool add_stop(const struct reader *x, const json_t *v)
{
    struct api_request *r = x->r;
    if (!json_is_string(v)) return wrong_type(x, v, "a string, or a list of strings");
    size_t n = json_string_length(v);
    if (!n) return raml_api_refuse(x->e, 400, "stop", "invalid_value", "'stop': found an empty string");
    if (r->n_stops == API_MAX_STOPS)
        return raml_api_refuse(x->e, 400, "stop", "invalid_value", "'stop': found more than %d strings", API_MAX_STOPS);
    char *text = malloc(n);
    if (!text) return raml_api_refuse(x->e, 500, NULL, NULL, "no memory for the request");
    memcpy(text, json_string_value(v), n);
    r->stop[r->n_stops++] = (struct api_stop){text, n};
    return true;
}

static bool take_stop(const struct reader *x, const json_t *v)
{
    size_t i;
    const json_t *one;
    if (!json_is_array(v)) return add_stop(x, v);
    json_array_foreach (v, i, one)
        if (!add_stop(x, one)) return false;
    return true;
}

static bool take_stop_token_ids(const struct reader *x, const json_t *v)
{
    size_t i;
    const json_t *one;
    if (!json_is_array(v)) return wrong_type(x, v, "a list of token ids");
    json_array_foreach (v, i, one) {
        int64_t id;
        if (!read_int(x, one, 0, (int64_t)x->limits->vocabulary - 1, &id)) return false;
        int32_t token = (int32_t)id;
        if (raml_tokens_add(&x->r->stop_token, &token, 1, NULL))
            return raml_api_refuse(x->e, 500, NULL, NULL, "no memory for the request");
    }
    return true;
}

static bool take_stream_options(const struct reader *x, const json_t *v)
{
    if (!json_is_object(v)) return wrong_type(x, v, "an object");
    const json_t *usage = json_object_get(v, "include_usage");
    return !usage || read_flag(x, usage, &x->r->include_usage);
}

#define FLAG_FIELD(field, member)                                                                                      \
    static bool take_##field(const struct reader *x, const json_t *v)                                                  \
    {                                                                                                                  \
        return read_flag(x, v, &x->r->member);                                                                         \
    }
FLAG_FIELD(echo, echo)
FLAG_FIELD(stream, stream)
FLAG_FIELD(return_token_ids, return_token_ids)
FLAG_FIELD(return_tokens_as_token_ids, tokens_as_ids)
FLAG_FIELD(ignore_eos, ignore_eos)
FLAG_FIELD(skip_special_tokens, skip_special)
FLAG_FIELD(include_stop_str_in_output, keep_stop)

/* Read before the prompt, which needs it. */
static bool take_add_special_tokens(const struct reader *x, const json_t *v)
{
    return read_flag(x, v, &x->r->add_special);
}

/* What changes nothing here: names of users and the like. */
static bool pass_over(const struct reader *x, const json_t *v)
{
    (void)x, (void)v;
    return true;
}

/* What raml does not do, in the words that ask for nothing. */
static bool only_neutral(const struct reader *x, const json_t *v)
{
    bool one = !strcmp(x->name, "repetition_penalty") || !strcmp(x->name, "length_penalty");
    bool neutral = json_is_false(v) || (json_is_number(v) && json_number_value(v) == (one ? 1 : 0)) ||
                   (json_is_object(v) && !json_object_size(v)) || (json_is_array(v) && !json_array_size(v)) ||
                   (json_is_string(v) && !json_string_length(v));
    if (neutral && !(one && !json_is_number(v))) return true;
    return raml_api_refuse(x->e, 400, x->name, "unsupported_parameter", "'%s' is not supported by this server",
                           x->name);
}

static const struct {
    const char *name;
    bool (*take)(const struct reader *x, const json_t *v);
} field[] = {
    {"add_special_tokens", take_add_special_tokens},
    {"model", take_model},
    {"prompt", take_prompt},
    {"max_tokens", take_max_tokens},
    {"min_tokens", only_neutral},
    {"n", take_n},
    {"best_of", take_best_of},
    {"echo", take_echo},
    {"logprobs", take_logprobs},
    {"prompt_logprobs", take_prompt_logprobs},
    {"temperature", take_temperature},
    {"top_p", take_top_p},
    {"top_k", take_top_k},
    {"min_p", take_min_p},
    {"seed", take_seed},
    {"stop", take_stop},
    {"stop_token_ids", take_stop_token_ids},
    {"ignore_eos", take_ignore_eos},
    {"stream", take_stream},
    {"stream_options", take_stream_options},
    {"return_token_ids", take_return_token_ids},
    {"return_tokens_as_token_ids", take_return_tokens_as_token_ids},
    {"skip_special_tokens", take_skip_special_tokens},
    {"include_stop_str_in_output", take_include_stop_str_in_output},
    {"suffix", only_neutral},
    {"logit_bias", only_neutral},
    {"presence_penalty", only_neutral},
    {"frequency_penalty", only_neutral},
    {"repetition_penalty", only_neutral},
    {"length_penalty", only_neutral},
    {"use_beam_search", only_neutral},
    {"allowed_token_ids", only_neutral},
    {"bad_words", only_neutral},
    {"truncate_prompt_tokens", only_neutral},
    {"user", pass_over},
    {"request_id", pass_over},
    {"metadata", pass_over},
    {"store", pass_over},
    {"priority", pass_over},
    {"spaces_between_special_tokens", pass_over},
};
enum { N_FIELDS = sizeof field / sizeof *field };

static bool check_names(const json_t *o, struct api_error *e)
{
    const char *name;
    json_t *v;
    json_object_foreach ((json_t *)(uintptr_t)o, name, v) {
        size_t i = 0;
        while (i < N_FIELDS && strcmp(field[i].name, name) != 0) i++;
        if (i < N_FIELDS) continue;
        return raml_api_refuse(e, 400, name, "unknown_parameter", "'%.100s' is not a field of this server's requests",
                               name);
    }
    return true;
}

static bool take_fields(const struct reader *of, const json_t *o)
{
    for (size_t i = 0; i < N_FIELDS; i++) {
        struct reader x = *of;
        const json_t *v = json_object_get(o, field[i].name);
        x.name = field[i].name;
        if (v && !json_is_null(v) && !field[i].take(&x, v)) return false;
    }
    return true;
}

/* -- The whole ------------------------------------------------------------------------------------------------------- */
size_t raml_serve_max_tokens(const struct api_request *r, const struct api_prompt *p, size_t max_len)
{
    size_t room = max_len > p->token.n ? max_len - p->token.n : 0;
    if (r->max_tokens >= 0) return (size_t)r->max_tokens;
    return room < 16 ? room : 16; /* 16: the API's default */
}

static bool check_length(const struct api_request *r, const struct api_limits *l, struct api_error *e)
{
    for (size_t i = 0; i < r->n_prompts; i++) {
        const struct api_prompt *p = &r->prompt[i];
        size_t n = p->token.n, more = raml_serve_max_tokens(r, p, l->max_len);
        if (!n)
            return raml_api_refuse(e, 400, "prompt", "invalid_value",
                                   "'prompt' number %zu has no tokens; expected at least one", i + 1);
        if (n > l->max_len || more > l->max_len - n)
            return raml_api_refuse(
                e, 400, "prompt", "context_length_exceeded",
                "This server's maximum context length is %zu tokens; prompt number %zu has %zu, and the "
                "completion may have %zu",
                l->max_len, i + 1, n, more);
    }
    return true;
}

static bool check(const struct api_request *r, const struct api_limits *l, struct api_error *e)
{
    if (!r->prompt) return raml_api_refuse(e, 400, "prompt", "missing_required_parameter", "'prompt' is missing");
    if (r->n_prompts * r->n > (size_t)l->opt->max_choices)
        return raml_api_refuse(e, 400, "n", "invalid_value", "%zu prompts times n %zu: found more than %lld choices",
                               r->n_prompts, r->n, (long long)l->opt->max_choices);
    if (r->stream && r->prompt_logprobs >= 0)
        return raml_api_refuse(e, 400, "prompt_logprobs", "invalid_value",
                               "'prompt_logprobs' is not available with 'stream'");
    if (r->include_usage && !r->stream)
        return raml_api_refuse(e, 400, "stream_options", "invalid_value", "'stream_options' is for 'stream': true");
    return check_length(r, l, e);
}

static bool read_body(const char *body, size_t n, json_t **out, struct api_error *e)
{
    struct raml_err err = {0};
    const struct raml_place at = {"body", 0};
    enum raml_code rc = raml_json_parse_as(&at, body, n, RAML_JSON_STRICT, out, &err);
    if (!rc) return true;
    return raml_api_refuse(e, rc == RAML_ENOMEM ? 500 : 400, NULL, rc == RAML_ENOMEM ? NULL : "invalid_json", "%.500s",
                           err.msg);
}

bool raml_api_request_read(const char *body, size_t n, const struct api_limits *limits, struct api_request *r,
                           struct api_error *e)
{
    json_t *o = NULL;
    *r = (struct api_request){.n = 1,
                              .max_tokens = -1,
                              .logprobs = -1,
                              .prompt_logprobs = -1,
                              .add_special = true,
                              .own.sampling = {.temperature = 1, .top_p = 1}};
    *e = (struct api_error){0};
    const struct reader x = {.limits = limits, .r = r, .e = e};
    bool ok = read_body(body, n, &o, e) && check_names(o, e) && take_fields(&x, o) && check(r, limits, e);
    json_decref(o);
    if (!ok) raml_api_request_deinit(r);
    return ok;
}

void raml_api_request_deinit(struct api_request *r)
{
    for (size_t i = 0; r->prompt && i < r->n_prompts; i++) {
        raml_tokens_deinit(&r->prompt[i].token);
        raml_ranges_deinit(&r->prompt[i].where);
        free(r->prompt[i].text);
    }
    free(r->prompt);
    for (int64_t i = 0; i < r->n_stops; i++) free(r->stop[i].text);
    raml_tokens_deinit(&r->stop_token);
    *r = (struct api_request){0};
}
