/* request_prompt.c - the field `prompt`: a text, several, a list of token ids, or several of those. See parts.h. */
#include "serve/parts.h"

#include "core/json.h"
#include "raml/question.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(struct api_error *e)
{
    return raml_api_refuse(e, 500, NULL, NULL, "no memory for the request");
}

/* The text whose hash names a prompt's random numbers: without the token that the tokenizer puts in front. */
static bool set_question(struct api_prompt *p, const char *text, size_t n, struct api_error *e)
{
    char *copy = malloc(n + 1);
    if (!copy) return no_memory(e);
    if (n) memcpy(copy, text, n);
    copy[n] = 0;
    p->question = raml_question_hash(copy);
    free(copy);
    return true;
}

static bool refuse(struct api_error *e, size_t i, enum raml_code rc, const struct raml_err *err)
{
    if (rc == RAML_ENOMEM) return no_memory(e);
    return raml_api_refuse(e, 400, "prompt", "invalid_value", "'prompt' number %zu: %.400s", i + 1, err->msg);
}

static bool read_text(const json_t *v, const struct api_limits *l, struct api_request *r, size_t i, struct api_error *e)
{
    struct api_prompt *p = &r->prompt[i];
    struct raml_err err = {0};
    const struct raml_encode_options opt = {.parse_special = true};
    const char *text = json_string_value(v);
    size_t n = json_string_length(v);
    p->text = malloc(n + 1);
    if (!p->text) return no_memory(e);
    memcpy(p->text, text, n + 1);
    p->n_text = n;
    enum raml_code rc = RAML_OK;
    if (r->add_special && l->begin >= 0) {
        rc = raml_tokens_add(&p->token, &l->begin, 1, &err);
        if (!rc) rc = raml_ranges_add(&p->where, (struct raml_range){0, 0}, &err);
    }
    if (!rc) rc = raml_tokenizer_encode_parts(l->tokenizer, text, n, &opt, &p->token, &p->where, &err);
    return rc ? refuse(e, i, rc, &err) : set_question(p, text, n, e);
}

static bool add_id(const json_t *v, const struct api_limits *l, struct api_prompt *p, size_t i, size_t k,
                   struct api_error *e)
{
    if (!json_is_integer(v))
        return raml_api_refuse(e, 400, "prompt", "invalid_type", "'prompt' number %zu, entry %zu is not a token id",
                               i + 1, k + 1);
    json_int_t id = json_integer_value(v);
    if (id < 0 || (size_t)id >= l->vocabulary)
        return raml_api_refuse(e, 400, "prompt", "invalid_value",
                               "'prompt' number %zu, entry %zu is %" JSON_INTEGER_FORMAT "; the vocabulary is 0 to %zu",
                               i + 1, k + 1, id, l->vocabulary - 1);
    int32_t token = (int32_t)id;
    return raml_tokens_add(&p->token, &token, 1, NULL) ? no_memory(e) : true;
}

static bool read_ids(const json_t *v, const struct api_limits *l, struct api_request *r, size_t i, struct api_error *e)
{
    struct api_prompt *p = &r->prompt[i];
    struct raml_buf text, clean;
    size_t k;
    const json_t *one;
    json_array_foreach (v, k, one)
        if (!add_id(one, l, p, i, k, e)) return false;
    raml_buf_init(&text, SIZE_MAX / 4);
    raml_buf_init(&clean, SIZE_MAX / 4);
    for (k = 0; k < p->token.n; k++) {
        const char *bytes;
        size_t n;
        raml_serve_piece(l->tokenizer, p->token.id[k], &bytes, &n);
        raml_buf_add(&text, bytes, n);
        if (k || p->token.id[k] != l->begin) raml_buf_add(&clean, bytes, n);
    }
    bool ok = !raml_buf_status(&text, NULL) && !raml_buf_status(&clean, NULL);
    ok = ok ? set_question(p, clean.data ? clean.data : "", clean.len, e) : no_memory(e);
    p->n_text = text.len;
    p->text = ok ? raml_buf_take(&text) : NULL;
    raml_buf_deinit(&text);
    raml_buf_deinit(&clean);
    return ok;
}

/* One prompt, which is a text or a list of ids. */
static bool read_one(const json_t *v, const struct api_limits *l, struct api_request *r, size_t i, struct api_error *e)
{
    if (json_is_string(v)) return read_text(v, l, r, i, e);
    if (json_is_array(v)) return read_ids(v, l, r, i, e);
    return raml_api_refuse(
        e, 400, "prompt", "invalid_type",
        "'prompt': expected a string, a list of strings, a list of token ids, or a list of such lists");
}

bool raml_api_prompts_read(const json_t *v, const struct api_limits *l, struct api_request *r, struct api_error *e)
{
    const json_t *first = json_is_array(v) ? json_array_get(v, 0) : NULL;
    bool one = !json_is_array(v) || json_is_integer(first);
    size_t n = one ? 1 : json_array_size(v);
    if (!n) return raml_api_refuse(e, 400, "prompt", "invalid_value", "'prompt' is an empty list");
    if (n > (size_t)l->opt->max_choices)
        return raml_api_refuse(e, 400, "prompt", "invalid_value", "'prompt': found %zu prompts, expected at most %lld",
                               n, (long long)l->opt->max_choices);
    r->prompt = calloc(n, sizeof *r->prompt);
    if (!r->prompt) return no_memory(e);
    r->n_prompts = n;
    for (size_t i = 0; i < n; i++) {
        const json_t *p = one ? v : json_array_get(v, i);
        if (!one && json_typeof(p) != json_typeof(first))
            return raml_api_refuse(e, 400, "prompt", "invalid_type", "'prompt': its %zu entries are not of one kind",
                                   n);
        if (!read_one(p, l, r, i, e)) return false;
    }
    return true;
}
