/* faults.c - what a reply that is no answer means: wait for the server, ask again, or give up, and in which words. */
#include "endpoint/parts.h"

#include "core/json.h"

#include <stdio.h>
#include <string.h>

/* {"error": {"message": ..}} (OpenAI), {"message": ..} or {"error": "text"}, {"detail": ..} (FastAPI). */
static const char *message_in(const json_t *o)
{
    const json_t *error = json_object_get(o, "error"), *found = json_object_get(error, "message");
    if (!found && json_is_string(error)) found = error;
    if (!found) found = json_object_get(o, "message");
    if (!found) found = json_object_get(o, "detail");
    return json_string_value(found);
}

const char *raml_reply_message(const char *body, size_t n, char *out, size_t cap)
{
    bool enough;
    json_t *o = n ? raml_json_value(body, n, &enough) : NULL;
    const char *text = o ? message_in(o) : NULL;
    int shown = n < 160 ? (int)n : 160;
    if (text) snprintf(out, cap, "%.300s", text);
    else if (n) snprintf(out, cap, "%.*s", shown, body);
    else snprintf(out, cap, "no more is said");
    json_decref(o);
    return out;
}

static enum raml_fate of_fault(const struct raml_endpoint *e, const struct raml_http_reply *r, char *why,
                               enum raml_code *code)
{
    *code = RAML_EIO;
    switch (r->fault) {
    case RAML_HTTP_UNREACHABLE: snprintf(why, RAML_ENDPOINT_TEXT, "%s", r->text); return RAML_FATE_WAIT;
    case RAML_HTTP_TIMEOUT:
        snprintf(why, RAML_ENDPOINT_TEXT, "no answer within %g seconds (--timeout)", e->opt.timeout_s);
        return RAML_FATE_WAIT;
    case RAML_HTTP_BROKEN:
        snprintf(why, RAML_ENDPOINT_TEXT, "the connection ended in the middle: %s", r->text);
        return RAML_FATE_WAIT;
    case RAML_HTTP_TLS: snprintf(why, RAML_ENDPOINT_TEXT, "TLS: %s", r->text); return RAML_FATE_FATAL;
    case RAML_HTTP_LARGE:
        *code = RAML_EFORMAT;
        snprintf(why, RAML_ENDPOINT_TEXT, "its reply has more than %d MB, or there is no memory for it",
                 RAML_REPLY_BYTES >> 20);
        return RAML_FATE_FATAL;
    case RAML_HTTP_NONE:
    case RAML_HTTP_OTHER: break;
    }
    snprintf(why, RAML_ENDPOINT_TEXT, "%s", r->text);
    return RAML_FATE_AGAIN;
}

enum raml_fate raml_fate_of(const struct raml_endpoint *e, const struct raml_http_reply *r, char *why,
                            enum raml_code *code)
{
    char text[320];
    if (r->fault) return of_fault(e, r, why, code);
    if (r->status >= 200 && r->status < 300) return RAML_FATE_FINE;
    raml_reply_message(r->body, r->n_body, text, sizeof text);
    *code = RAML_EIO;
    if (r->status >= 300 && r->status < 400) {
        snprintf(why, RAML_ENDPOINT_TEXT, "HTTP %ld: it redirects to %.200s; give the address where the server is",
                 r->status, *r->location ? r->location : "nowhere");
        return RAML_FATE_FATAL;
    }
    snprintf(why, RAML_ENDPOINT_TEXT, "HTTP %ld: %s", r->status, text);
    if (r->status == 401 || r->status == 403) {
        *code = RAML_EUSAGE;
        snprintf(why, RAML_ENDPOINT_TEXT, "HTTP %ld: %s %s (%.160s)", r->status,
                 e->opt.api_key_env ? "it refuses the key in the environment variable"
                                    : "it needs a key: --api_key_env",
                 e->opt.api_key_env ? e->opt.api_key_env : "NAME names the environment variable that has it", text);
        return RAML_FATE_FATAL;
    }
    if (r->status == 408 || r->status == 425 || r->status == 429 || r->status == 502 || r->status == 503 ||
        r->status == 504)
        return RAML_FATE_WAIT;
    if (r->status >= 500) return RAML_FATE_AGAIN;
    *code = r->status == 404 ? RAML_EUSAGE : RAML_ERANGE;
    return RAML_FATE_FATAL;
}
