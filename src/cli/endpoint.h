/* endpoint.h - shared by the commands that can ask an inference server in the place of a model: --endpoint and its kin. */
#ifndef RAML_CLI_ENDPOINT_H
#define RAML_CLI_ENDPOINT_H

#include "cli/cli.h"
#include "cli/load.h"
#include "core/path.h"

#include "raml/endpoint.h"
#include "raml/tokenizer.h"

struct endpoint_settings { /* a member of a command's settings */
    const char *url, *model, *api, *api_key_env, *journal;
    int64_t parallel, retries;
    double timeout, patience;
    bool prefix_cache;
};
extern const struct raml_setting cli_endpoint_options[];
extern const size_t cli_n_endpoint_options;
#define ENDPOINT_TABLE(at)                                                                                             \
    {                                                                                                                  \
        cli_endpoint_options, &cli_n_endpoint_options, at, "options of --endpoint", NULL                               \
    }

/* What the server's model has here: what --model and --tokenizer name. RAML_EUSAGE: --adapter, or none of the two although
 * `needed`. *path: where tokenizer, template and end tokens are, for free(); NULL: nowhere. */
RAML_CHECKED enum raml_code cli_endpoint_find(const char *model, const char *adapter, const char *tokenizer,
                                              bool needed, char **path, struct raml_err *err);
/* The model's end-of-text tokens, as the files there say; *n of them. */
RAML_CHECKED enum raml_code cli_endpoint_eos(const char *path, const struct raml_tokenizer *t, int32_t eos[CLI_MAX_EOS],
                                             size_t *n, struct raml_err *err);

struct cli_endpoint { /* zero-initialise */
    struct raml_endpoint *endpoint;
    const struct raml_tokenizer *tokenizer;
    const struct cli *cli;
};
/* out: beside which the journal is kept (NULL, a device or standard output: none, unless --journal names one). path: as
 * _find gave it. t: NULL, the server's tokens aren't compared. */
RAML_CHECKED enum raml_code cli_endpoint_open(const struct cli *cli, const struct endpoint_settings *s, const char *out,
                                              const char *path, const struct raml_tokenizer *t, struct cli_endpoint *x,
                                              struct raml_err *err);
void cli_endpoint_close(struct cli_endpoint *x); /* tells what was asked */
/* The results are where they should be: the journal goes. Without an endpoint it does nothing. */
RAML_CHECKED enum raml_code cli_endpoint_forget(const struct endpoint_settings *s, const char *out,
                                                struct raml_err *err);

#endif
