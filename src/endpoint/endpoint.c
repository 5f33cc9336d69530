/* endpoint.c - opening an endpoint: its address, its key, its models. See endpoint.h. */
#include "raml/endpoint.h"

#include "endpoint/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct raml_endpoint_options raml_endpoint_default(void)
{
    return (struct raml_endpoint_options){
        .parallel = 16, .retries = 5, .timeout_s = 600, .patience_s = 600, .prefix_cache = true};
}

static bool ends_with(const char *text, size_t n, const char *end)
{
    size_t m = strlen(end);
    return n >= m && !memcmp(text + n - m, end, m);
}

/* "http://host:8000/v1/completions" and "http://host:8000/" are of one server: its root is without /v1. */
static enum raml_code read_url(const char *url, char root[RAML_ENDPOINT_TEXT], struct raml_err *err)
{
    static const char *const tails[] = {"/", "/completions", "/models", "/generate", "/v1"};
    const char *host =
        url && (!strncmp(url, "http://", 7) || !strncmp(url, "https://", 8)) ? strstr(url, "://") + 3 : NULL;
    size_t n = url ? strlen(url) : 0, authority = host ? strcspn(host, "/?#") : 0;
    bool odd = false;
    for (size_t i = 0; i < n; i++) odd |= (unsigned char)url[i] <= ' ' || url[i] == '?' || url[i] == '#';
    if (!host || !authority || odd || n >= RAML_ENDPOINT_TEXT)
        return raml_fail(err, RAML_EUSAGE,
                         "endpoint: found '%.100s'; expected an address such as http://localhost:8000/v1",
                         url ? url : "");
    if (memchr(host, '@', authority))
        return raml_fail(err, RAML_EUSAGE,
                         "endpoint: an address with a name or a password in it is refused, since addresses "
                         "are recorded; api_key_env names the environment variable of a key");
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
        while (ends_with(url, n, tails[i]) && n - strlen(tails[i]) > (size_t)(host - url)) n -= strlen(tails[i]);
    snprintf(root, RAML_ENDPOINT_TEXT, "%.*s", (int)n, url);
    return RAML_OK;
}

static enum raml_code read_key(struct raml_endpoint *e, struct raml_err *err)
{
    static const char type[] = "Content-Type: application/json", head[] = "Authorization: Bearer ";
    const char *name = e->opt.api_key_env, *key = name ? getenv(name) : NULL;
    e->header[e->n_headers++] = strdup(type);
    if (!e->header[0]) return raml_fail(err, RAML_ENOMEM, "no memory for a header");
    if (!name) return RAML_OK;
    if (!key || !*key)
        return raml_fail(err, RAML_EUSAGE, "api_key_env: there is no environment variable '%.80s', or it is empty",
                         name);
    for (const char *p = key; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p > 126)
            return raml_fail(err, RAML_EUSAGE, "api_key_env: the key in '%.80s' has a space or a control character",
                             name);
    size_t n = sizeof head + strlen(key);
    char *header = malloc(n);
    if (!header) return raml_fail(err, RAML_ENOMEM, "no memory for a header");
    snprintf(header, n, "%s%s", head, key);
    e->header[e->n_headers++] = header;
    return RAML_OK;
}

/* -- Models ---------------------------------------------------------------------------------------------------------- */

static const char *id_of(const json_t *list, size_t i)
{
    return json_string_value(json_object_get(json_array_get(list, i), "id"));
}

static enum raml_code refuse_model(const struct raml_endpoint *e, const json_t *list, struct raml_err *err)
{
    char names[400] = "";
    for (size_t i = 0; i < json_array_size(list); i++) {
        size_t n = strlen(names);
        if (n + 100 < sizeof names)
            snprintf(names + n, sizeof names - n, "%s%.90s", n ? ", " : "", id_of(list, i) ? id_of(list, i) : "?");
    }
    if (!json_array_size(list))
        return raml_fail(err, RAML_EUSAGE, "%s lists no models; endpoint_model names one", e->root);
    if (!e->opt.model)
        return raml_fail(err, RAML_EUSAGE, "%s has several models; endpoint_model names the one that is meant: %s",
                         e->root, names);
    return raml_fail(err, RAML_EUSAGE, "%s has no model '%.100s'; it has: %s", e->root, e->opt.model, names);
}

static void read_owner(struct raml_endpoint *e, const json_t *model)
{
    static const struct {
        const char *owner;
        enum raml_api api;
    } known[] = {{"vllm", RAML_API_VLLM}, {"sglang", RAML_API_SGLANG}, {"raml", RAML_API_OPENAI}};
    const char *owner = json_string_value(json_object_get(model, "owned_by"));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (owner && e->api == RAML_API_AUTO && !strcmp(owner, known[i].owner)) e->api = known[i].api;
}

/* reply NULL: the server has no such list. */
static enum raml_code read_models(struct raml_endpoint *e, const json_t *reply, struct raml_err *err)
{
    const json_t *list = json_object_get(reply, "data"), *model = NULL;
    const char *want = e->opt.model;
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n && !model; i++)
        if (id_of(list, i) && (want ? !strcmp(want, id_of(list, i)) : n == 1)) model = json_array_get(list, i);
    if (!model && (n || !want)) return refuse_model(e, list, err);
    const char *name = model ? json_string_value(json_object_get(model, "id")) : want;
    if (strlen(name) >= sizeof e->model) return raml_fail(err, RAML_EUSAGE, "%s: a model's name is too long", e->root);
    snprintf(e->model, sizeof e->model, "%s", name);
    snprintf(e->name, sizeof e->name, "%.*s at %s", RAML_ENDPOINT_TEXT - 1, e->model, e->root);
    read_owner(e, model);
    json_int_t most = json_integer_value(json_object_get(model, "max_model_len"));
    if (most > 1) e->max_model_len = (size_t)most;
    return RAML_OK;
}

/* -- Opening ---------------------------------------------------------------------------------------------------------- */

static enum raml_code set_up(struct raml_endpoint *e, struct raml_err *err)
{
    json_t *reply = NULL;
    long status = 0;
    enum raml_code rc = read_url(e->opt.url, e->root, err);
    if (!rc && (!e->opt.parallel || !(e->opt.timeout_s > 0)))
        rc = raml_fail(err, RAML_EUSAGE, "endpoint: parallel and timeout must be above 0");
    if (!rc) rc = read_key(e, err);
    if (!rc && !e->http.start) rc = raml_http_curl(RAML_REPLY_BYTES, &e->http, err);
    if (!rc) rc = raml_ask_once(e, "/models", false, NULL, 0, 4, &status, &reply, err);
    if (!rc) rc = read_models(e, reply, err);
    json_decref(reply);
    if (!rc) rc = raml_journal_open(&e->journal, e->opt.journal, err);
    if (!rc) raml_endpoint_fill_remote(e);
    return rc;
}

enum raml_code raml_endpoint_open_by(const struct raml_endpoint_options *opt, const struct raml_http *http,
                                     struct raml_endpoint **out, struct raml_err *err)
{
    struct raml_endpoint *e = calloc(1, sizeof *e);
    if (!e) {
        if (http) http->close(http->user);
        return raml_fail(err, RAML_ENOMEM, "no memory for an endpoint");
    }
    e->opt = *opt;
    e->api = opt->api;
    e->journal.file.fd = -1;
    if (http) e->http = *http;
    enum raml_code rc = set_up(e, err);
    if (rc) raml_endpoint_close(e);
    else *out = e;
    return rc;
}

enum raml_code raml_endpoint_open(const struct raml_endpoint_options *opt, struct raml_endpoint **out,
                                  struct raml_err *err)
{
    return raml_endpoint_open_by(opt, NULL, out, err);
}

void raml_endpoint_close(struct raml_endpoint *e)
{
    if (!e) return;
    if (e->http.close) e->http.close(e->http.user);
    raml_journal_close(&e->journal);
    for (size_t i = 0; i < e->n_headers; i++) {
        if (e->header[i]) explicit_bzero(e->header[i], strlen(e->header[i]));
        free(e->header[i]);
    }
    free(e);
}

const struct raml_remote *raml_endpoint_remote(struct raml_endpoint *e)
{
    return &e->remote;
}

void raml_endpoint_read_stats(const struct raml_endpoint *e, struct raml_endpoint_stats *out)
{
    *out = e->stats;
}

const char *raml_endpoint_api_name(const struct raml_endpoint *e)
{
    static const char *const names[] = {"auto", "vllm", "openai", "sglang"};
    return names[e->api];
}
