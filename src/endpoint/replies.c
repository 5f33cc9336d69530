/* replies.c - what requests and replies of all servers have in common. See parts.h. */
#include "endpoint/parts.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

/* -- Writing ------------------------------------------------------------------------------------------------------- */

void raml_body_ids(struct raml_buf *b, const int32_t *id, size_t n)
{
    raml_buf_adds(b, "[");
    for (size_t i = 0; i < n; i++) {
        char digits[12], *at = digits + sizeof digits;
        uint32_t x = (uint32_t)id[i];
        do *--at = (char)('0' + x % 10);
        while (x /= 10);
        if (i) *--at = ',';
        raml_buf_add(b, at, (size_t)(digits + sizeof digits - at));
    }
    raml_buf_adds(b, "]");
}

void raml_body_text(struct raml_buf *b, const char *text)
{
    json_t *s = json_string(text);
    char *json = s ? json_dumps(s, JSON_ENCODE_ANY) : NULL;
    raml_buf_adds(b, json ? json : "\"\"");
    free(json);
    json_decref(s);
}

void raml_body_number(struct raml_buf *b, double x)
{
    raml_buf_addf(b, "%.17g", x);
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

enum raml_code raml_reply_choice(const json_t *reply, const json_t **out, struct raml_err *err)
{
    *out = json_array_get(json_object_get(reply, "choices"), 0);
    return json_is_object(*out) ? RAML_OK : raml_fail(err, RAML_EFORMAT, "field 'choices' has no object");
}

enum raml_code raml_reply_logprob(const json_t *value, size_t place, float *out, struct raml_err *err)
{
    if (!json_is_number(value))
        return raml_fail(err, RAML_EFORMAT, "the log-probability of token %zu is %s", place + 1,
                         json_is_null(value) ? "null"
                         : value             ? "no number"
                                             : "missing");
    *out = (float)json_number_value(value);
    if (!(*out <= 1e-3F))
        return raml_fail(err, RAML_EFORMAT, "the log-probability of token %zu is %g; expected none above 0", place + 1,
                         (double)*out);
    if (*out > 0) *out = 0; /* rounding */
    return RAML_OK;
}

int32_t raml_reply_token_id(const char *text)
{
    static const char head[] = "token_id:";
    char *end;
    if (!text || strncmp(text, head, sizeof head - 1) != 0) return -1;
    long id = strtol(text + sizeof head - 1, &end, 10);
    return *end || id < 0 || id > INT32_MAX ? -1 : (int32_t)id;
}

void raml_reply_usage(struct raml_endpoint *e, const json_t *reply)
{
    const json_t *details = json_object_get(json_object_get(reply, "usage"), "prompt_tokens_details");
    json_int_t cached = json_integer_value(json_object_get(details, "cached_tokens"));
    if (cached > 0) e->stats.cached_tokens += (uint64_t)cached;
}

/* -- Whose tokenizer? ---------------------------------------------------------------------------------------------- */

enum { MAX_SPELLING = 256, COMPARED = 4 };

/* Without the spaces around it; false: not plain letters, digits and signs, which servers write in ways of their own. */
static bool plain(const char *text, size_t n, const char **from, size_t *len)
{
    while (n && isspace((unsigned char)*text)) {
        text++;
        n--;
    }
    while (n && isspace((unsigned char)text[n - 1])) n--;
    for (size_t i = 0; i < n; i++)
        if (text[i] < 33 || text[i] > 126) return false;
    *from = text;
    *len = n;
    return n > 0 && text[0] != '<';
}

enum raml_code raml_reply_spelling(struct raml_endpoint *e, const int32_t *id, size_t n,
                                   const char *(*text)(const void *of, size_t i), const void *of, struct raml_err *err)
{
    if (e->spelled || !e->opt.spell) return RAML_OK;
    size_t same = 0, other = 0, first = 0;
    struct raml_buf own;
    raml_buf_init(&own, MAX_SPELLING);
    for (size_t i = 0; i < n; i++) {
        const char *theirs = text(of, i), *a, *b;
        size_t n_a, n_b;
        raml_buf_clear(&own);
        if (!theirs || !e->opt.spell(e->opt.spell_user, id[i], &own) || own.code || !own.data) continue;
        if (!plain(theirs, strlen(theirs), &a, &n_a) || !plain(own.data, own.len, &b, &n_b)) continue;
        if (n_a == n_b && !memcmp(a, b, n_a)) same++;
        else if (!other++) first = i;
    }
    enum raml_code rc = RAML_OK;
    if (other >= COMPARED / 2 && other > same) {
        raml_buf_clear(&own);
        (void)e->opt.spell(e->opt.spell_user, id[first], &own);
        rc = raml_fail(err, RAML_ERANGE,
                       "its tokenizer is another: token %d is '%.40s' there and '%.40s' here, and so on (%zu of %zu "
                       "differ); --tokenizer must be the one of the model that the server has",
                       (int)id[first], text(of, first), own.data ? own.data : "", other, other + same);
    }
    if (same + other >= COMPARED) e->spelled = true;
    raml_buf_deinit(&own);
    return rc;
}
