/* serve.c - `raml serve`: a server of completions on this machine, for programs that speak the OpenAI API. */
#include "cli/commands.h"
#include "cli/http.h"
#include "cli/load.h"
#include "cli/source.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "raml/serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double send_seconds = 5; /* for answers that are on their way when the server ends */

struct settings {
    const char *model, *adapter, *tokenizer, *dtype, *name, *host;
    int64_t port, max_connections, max_body, timeout;
    struct raml_serve_options serve;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"model", "model_name_or_path", RAML_PATH, AT(model), NULL, 0, 0, NULL,
     "A model's folder or GGUF file, a run's folder (its newest checkpoint), or init:PRESET (random weights)."},
    ADAPTER_OPTION(AT(adapter)),
    {"tokenizer", NULL, RAML_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "tokenizer.json or a folder with one; default: the model's."},
    {"dtype", NULL, RAML_ONE, AT(dtype), "stored", 0, 0, "stored|auto|bf16|f32",
     "Type of the matrices. stored: as in the file (BF16 files are multiplied in bf16 where the processor can, others "
     "in "
     "f32); auto: bf16 where the processor multiplies it and the file is not quantised, which is mostly faster and "
     "0.001 "
     "off on average; else stored."},
    {"served_model_name", NULL, RAML_TEXT, AT(name), NULL, 0, 0, NULL,
     "The model's name in requests and answers; default: what --model says."},
    {"host", NULL, RAML_TEXT, AT(host), "127.0.0.1", 0, 0, NULL,
     "Address to listen on. Any but this machine's own (127.0.0.1, ::1) opens the model to others, without a "
     "password."},
    {"port", NULL, RAML_INT, AT(port), "8000", 0, 65535, NULL, "Port to listen on; 0: one that is free."},
    {"max_connections", NULL, RAML_INT, AT(max_connections), "512", 1, 65536, NULL,
     "Connections at once; further ones are closed."},
    {"max_body", NULL, RAML_INT, AT(max_body), "8388608", 1, 1 << 30, NULL, "Bytes of a request's body, at most."},
    {"timeout", NULL, RAML_INT, AT(timeout), "60", 1, 86400, NULL,
     "Seconds without a byte after which a client that sends or reads is given up; waiting for an answer does not "
     "count."},
};

static const struct cli_shared shared[] = {
    {raml_serve_settings, &raml_serve_n_settings, AT(serve), "options of requests", NULL},
};

struct serving {
    const struct cli *cli;
    struct raml_model *model;
    char *model_path;
    struct raml_tokenizer *tokenizer;
    struct raml_tokenizer_config config;
    struct raml_server *server;
    struct cli_http *http;
    int32_t eos[CLI_MAX_EOS];
};

static enum raml_code load(struct serving *w, const struct settings *s, struct raml_err *err)
{
    enum raml_code rc = cli_load_model(w->cli, s->model, s->adapter, s->dtype, &w->model, &w->model_path, err);
    if (!rc) rc = cli_load_tokenizer(s->tokenizer, w->model_path, &w->tokenizer, err);
    const char *from = s->tokenizer ? s->tokenizer : w->model_path;
    if (!rc && from && (raml_is_dir(from) || raml_is_gguf(from)))
        rc = raml_tokenizer_config_read(from, &w->config, err);
    return rc;
}

static enum raml_code open_server(struct serving *w, const struct settings *s, struct raml_err *err)
{
    struct raml_serve_options o = s->serve;
    const struct cli_http_options http = {.host = s->host,
                                          .port = s->port,
                                          .max_connections = s->max_connections,
                                          .max_body_bytes = s->max_body,
                                          .timeout_s = s->timeout,
                                          .quiet = w->cli->quiet};
    o.seed = w->cli->seed;
    o.name = s->name ? s->name : s->model;
    o.begin = raml_tokenizer_config_begin(&w->config, w->tokenizer);
    o.n_eos = cli_load_eos(w->model, w->eos);
    o.eos = w->eos;
    enum raml_code rc = raml_server_open(w->model, w->tokenizer, &o, &w->server, err);
    return rc ? rc : cli_http_open(&http, w->server, &w->http, err);
}

static void say_where(const struct serving *w, const struct settings *s)
{
    const struct raml_sink *sink = w->cli->sink;
    if (!cli_http_is_loopback(w->http))
        raml_say(sink,
                 "ATTENTION: %s is not only this machine: everybody who reaches it can use the model. There is no "
                 "password, and nothing is encrypted.",
                 s->host);
    raml_say(sink, "listening on %s/v1 as %s, %zu tokens; Ctrl-C or SIGTERM ends it", cli_http_url(w->http),
             s->name ? s->name : s->model, raml_server_max_model_len(w->server));
}

static enum raml_code tell(const struct serving *w, double seconds, struct raml_err *err)
{
    struct raml_server_figures f;
    raml_server_read_figures(w->server, &f);
    if (w->cli->json)
        return cli_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "requests",
                                        (json_int_t)f.requests, "refused", (json_int_t)f.refused, "failed",
                                        (json_int_t)f.failed, "cancelled", (json_int_t)f.cancelled, "prompt_tokens",
                                        (json_int_t)f.prompt_tokens, "completion_tokens",
                                        (json_int_t)f.completion_tokens, "scored_tokens", (json_int_t)f.scored_tokens,
                                        "read_tokens", (json_int_t)f.read_tokens, "written_tokens",
                                        (json_int_t)f.written_tokens, "passes", (json_int_t)f.passes, "steps",
                                        (json_int_t)f.steps, "seconds", seconds),
                              err);
    unsigned long long computed = f.scored_tokens + f.read_tokens;
    raml_say(w->cli->sink,
             "%llu requests in %.0f s (%llu refused, %llu failed, %llu cancelled): %llu prompt tokens, %llu computed, "
             "in %llu passes; %llu tokens written in %llu steps",
             (unsigned long long)f.requests, seconds, (unsigned long long)f.refused, (unsigned long long)f.failed,
             (unsigned long long)f.cancelled, (unsigned long long)f.prompt_tokens, computed,
             (unsigned long long)f.passes, (unsigned long long)f.written_tokens, (unsigned long long)f.steps);
    return RAML_OK;
}

static void close_all(struct serving *w)
{
    cli_http_close(w->http, send_seconds);
    raml_server_close(w->server);
    raml_tokenizer_config_deinit(&w->config);
    raml_tokenizer_close(w->tokenizer);
    raml_model_close(w->model);
    free(w->model_path);
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings *s = settings;
    struct serving w = {.cli = cli};
    if (!s->model) return raml_fail(err, RAML_EUSAGE, "--model: say which model is served");
    enum raml_code rc = load(&w, s, err);
    if (!rc) rc = open_server(&w, s, err);
    double start = raml_clock_monotonic();
    if (!rc) {
        say_where(&w, s);
        rc = raml_server_run(w.server, cli->sink, err);
        cli_http_refuse(w.http);
    }
    cli_http_close(w.http, send_seconds);
    w.http = NULL;
    if (!rc) rc = tell(&w, raml_clock_monotonic() - start, err);
    close_all(&w);
    return rc;
}

const struct cli_command cli_serve = {
    .name = "serve",
    .about = "a server of completions and log-probabilities, as the OpenAI API has them",
    .args = "",
    .detail =
        "Listens on this machine: POST /v1/completions (text or token ids; echo, logprobs, n, stop, seed, stream), "
        "GET /v1/models, GET /health. Requests that come together share passes, and what their prompts begin with "
        "is computed once; an answer has the same bits whatever shares its batch. A line for each request goes to "
        "standard error. It ends with SIGTERM or Ctrl-C, after the requests in progress.",
    .example = "raml serve --model demo/with --port 8000",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .run = run,
};
