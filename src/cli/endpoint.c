/* endpoint.c - see endpoint.h. */
#include "cli/endpoint.h"

#include "cli/source.h"
#include "core/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(field) offsetof(struct endpoint_settings, field)
const struct raml_setting cli_endpoint_options[] = {
    {"endpoint", "base_url", RAML_TEXT, AT(url), NULL, 0, 0, NULL,
     "Ask this inference server in the place of a model, http://localhost:8000/v1: vLLM, SGLang, raml serve, or "
     "another with "
     "/v1/completions. --model or --tokenizer then names the folder or GGUF file that has its tokenizer."},
    {"endpoint_model", NULL, RAML_TEXT, AT(model), NULL, 0, 0, NULL,
     "The model's name there; default: the only one that it has."},
    {"endpoint_api", NULL, RAML_ONE, AT(api), "auto", 0, 0, "auto|vllm|openai|sglang",
     "How it is asked: vllm: prompt_logprobs; openai: echo with logprobs; sglang: /generate; auto: as it says it is, "
     "or by "
     "trial."},
    {"api_key_env", NULL, RAML_TEXT, AT(api_key_env), NULL, 0, 0, NULL,
     "Name of the environment variable that holds its API key; the key itself is written nowhere."},
    {"journal", NULL, RAML_PATH, AT(journal), NULL, 0, 0, NULL,
     "File that keeps what it has answered until the results are there, so that the same command goes on after it was "
     "stopped "
     "or killed; default: OUT.journal."},
    {"parallel", NULL, RAML_INT, AT(parallel), "16", 1, 4096, NULL, "Requests in flight."},
    {"retries", NULL, RAML_INT, AT(retries), "5", 0, 1000, NULL,
     "How often a request is asked again that the server answered with a fault of its own."},
    {"timeout", NULL, RAML_REAL, AT(timeout), "600", 0.001, 1e6, NULL, "Seconds after which a request is asked again."},
    {"patience", NULL, RAML_REAL, AT(patience), "600", 0, 1e9, NULL,
     "Seconds without any answer after which the server is given up; until then one request knocks."},
    {"prefix_cache", NULL, RAML_FLAG, AT(prefix_cache), "true", 0, 0, NULL,
     "The server keeps what texts begin with: kind and order of requests are chosen for it."},
};
const size_t cli_n_endpoint_options = sizeof cli_endpoint_options / sizeof *cli_endpoint_options;

/* -- What the model has here ------------------------------------------------------------------------------------------ */

enum raml_code cli_endpoint_find(const char *model, const char *adapter, const char *tokenizer, bool needed,
                                 char **path, struct raml_err *err)
{
    struct cli_source source;
    char newest[RAML_PATH_BYTES];
    const char *found = tokenizer ? cli_tokenizer_path(tokenizer, newest) : NULL;
    *path = NULL;
    if (adapter)
        return raml_fail(err, RAML_EUSAGE,
                         "--adapter: is for a model that is read here; the server of --endpoint has its own");
    if (!model && !tokenizer && needed)
        return raml_fail(err, RAML_EUSAGE,
                         "--endpoint needs the tokenizer of its model: --model or --tokenizer names a folder or "
                         "GGUF file that has it");
    if (model) {
        enum raml_code rc = cli_source_find(model, NULL, &source, err);
        if (rc) return raml_wrap(err, rc, "--model, which with --endpoint is where tokenizer and template are");
        found = source.tokenizer;
    }
    if (found && !(*path = strdup(found))) return raml_fail(err, RAML_ENOMEM, "no memory for a path");
    return RAML_OK;
}

static void take_eos(const struct raml_config *c, int32_t eos[CLI_MAX_EOS], size_t *n)
{
    if (c->eos_token >= 0) eos[(*n)++] = c->eos_token;
    for (int i = 0; i < c->n_more_eos && *n < CLI_MAX_EOS; i++) eos[(*n)++] = c->more_eos[i];
}

/* Of a folder that has nothing but a tokenizer. */
static enum raml_code eos_of_tokenizer(const char *path, const struct raml_tokenizer *t, int32_t eos[CLI_MAX_EOS],
                                       size_t *n, struct raml_err *err)
{
    struct raml_tokenizer_config c = {.add_bos = -1};
    struct raml_tokens id = {0};
    enum raml_code rc = raml_tokenizer_config_read(path, &c, err);
    if (!rc && c.eos) rc = raml_tokenizer_encode(t, c.eos, strlen(c.eos), true, &id, err);
    if (!rc && id.n == 1) eos[(*n)++] = id.id[0];
    raml_tokens_deinit(&id);
    raml_tokenizer_config_deinit(&c);
    return rc;
}

enum raml_code cli_endpoint_eos(const char *path, const struct raml_tokenizer *t, int32_t eos[CLI_MAX_EOS], size_t *n,
                                struct raml_err *err)
{
    char config[RAML_PATH_BYTES], generation[RAML_PATH_BYTES];
    *n = 0;
    if (!path) return RAML_OK;
    if (raml_is_gguf(path)) {
        struct raml_model_file *f = NULL;
        enum raml_code rc = raml_model_file_open(path, &f, err);
        if (!rc) take_eos(raml_model_file_config(f), eos, n);
        raml_model_file_close(f);
        return rc;
    }
    if (!raml_is_dir(path)) return RAML_OK;
    enum raml_code rc = raml_path_join(config, path, "config.json", err);
    if (!rc) rc = raml_path_join(generation, path, "generation_config.json", err);
    if (rc) return rc;
    if (!raml_is_file(config)) return eos_of_tokenizer(path, t, eos, n, err);
    struct raml_config c;
    rc = raml_config_read(config, &c, err);
    if (!rc && raml_is_file(generation)) rc = raml_config_read_generation(generation, &c, err);
    if (!rc) take_eos(&c, eos, n);
    return rc;
}

/* -- The endpoint ------------------------------------------------------------------------------------------------------ */

static bool spell(void *user, int32_t token, struct raml_buf *out)
{
    const struct cli_endpoint *x = user;
    return token < raml_tokenizer_size(x->tokenizer) &&
           !raml_tokenizer_decode(x->tokenizer, &token, 1, false, out, NULL);
}

static bool is_kept(const char *out)
{
    struct stat st;
    return out && *out && raml_open_file_of(out) < 0 && (stat(out, &st) || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* "": none is kept. */
static enum raml_code journal_path(const struct endpoint_settings *s, const char *out, char path[RAML_PATH_BYTES],
                                   struct raml_err *err)
{
    *path = 0;
    if (s->journal) return raml_path_format(path, err, "%s", s->journal);
    if (!is_kept(out)) return RAML_OK;
    size_t n = strlen(out);
    while (n > 1 && out[n - 1] == '/') n--;
    return raml_path_format(path, err, "%.*s.journal", (int)n, out);
}

enum raml_code cli_endpoint_forget(const struct endpoint_settings *s, const char *out, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (!s->url) return RAML_OK;
    enum raml_code rc = journal_path(s, out, path, err);
    if (!rc && *path && unlink(path) && errno != ENOENT) rc = raml_fail_errno(err, "%s: cannot be removed", path);
    return rc;
}

/* The model's vocabulary, which may be larger than its tokenizer's; 0: not known. */
static enum raml_code vocabulary_of(const char *path, const struct raml_tokenizer *t, int32_t *size,
                                    struct raml_err *err)
{
    char config[RAML_PATH_BYTES];
    struct raml_config c;
    *size = t ? raml_tokenizer_size(t) : 0;
    if (!path || !raml_is_dir(path)) return RAML_OK; /* a GGUF file's vocabulary is its tokenizer's */
    enum raml_code rc = raml_path_join(config, path, "config.json", err);
    if (rc || !raml_is_file(config)) return rc;
    rc = raml_config_read(config, &c, err);
    if (!rc) *size = c.vocab_size;
    return rc;
}

enum raml_code cli_endpoint_open(const struct cli *cli, const struct endpoint_settings *s, const char *out,
                                 const char *path, const struct raml_tokenizer *t, struct cli_endpoint *x,
                                 struct raml_err *err)
{
    static const char *const apis[] = {"auto", "vllm", "openai", "sglang"};
    char journal[RAML_PATH_BYTES];
    struct raml_endpoint_options o = raml_endpoint_default();
    enum raml_code rc;
    x->cli = cli;
    x->tokenizer = t;
    o.url = s->url;
    o.model = s->model;
    o.api_key_env = s->api_key_env;
    for (size_t i = 0; i < sizeof apis / sizeof *apis; i++)
        if (!strcmp(s->api, apis[i])) o.api = (enum raml_api)i;
    rc = journal_path(s, out, journal, err);
    o.journal = *journal ? journal : NULL;
    o.parallel = (size_t)s->parallel;
    o.retries = (size_t)s->retries;
    o.timeout_s = s->timeout;
    o.patience_s = s->patience;
    o.prefix_cache = s->prefix_cache;
    o.sink = cli->sink;
    if (t) {
        o.spell = spell;
        o.spell_user = x;
    }
    if (!rc) rc = vocabulary_of(path, t, &o.vocab_size, err);
    return rc ? rc : raml_endpoint_open(&o, &x->endpoint, err);
}

void cli_endpoint_close(struct cli_endpoint *x)
{
    struct raml_endpoint_stats t;
    if (!x->endpoint) return;
    raml_endpoint_read_stats(x->endpoint, &t);
    raml_say(x->cli->sink,
             "%s (%s): %llu requests answered, %llu asked again, %llu found in the journal; %llu prompt tokens sent",
             raml_endpoint_remote(x->endpoint)->name, raml_endpoint_api_name(x->endpoint),
             (unsigned long long)t.requests, (unsigned long long)t.again, (unsigned long long)t.from_journal,
             (unsigned long long)t.prompt_tokens);
    if (t.cached_tokens)
        raml_say(x->cli->sink, "%llu of them were in the server's prefix cache", (unsigned long long)t.cached_tokens);
    raml_endpoint_close(x->endpoint);
    x->endpoint = NULL;
}
