/* trajectories.c - see trajectories.h. */
#include "cli/trajectories.h"

#include "cli/load.h"

#include <stdlib.h>

enum raml_code cli_trajectories_check(const struct cli *cli, const struct trajectories_settings *s, const char *what,
                                      struct raml_err *err)
{
    size_t n_files = cli->n_args + (s->data != NULL);
    if (n_files != 1) return raml_fail(err, RAML_EUSAGE, "%s takes one FILE.jsonl; found %zu", what, n_files);
    if (!s->out || !*s->out) return raml_fail(err, RAML_EUSAGE, "--out is empty; expected a folder");
    return RAML_OK;
}

enum raml_code cli_trajectories_open(const struct cli *cli, const struct trajectories_settings *s, const char *what,
                                     struct trajectories *x, struct raml_err *err)
{
    const struct raml_read_options read = {.map = s->map, .limit = (size_t)s->limit};
    raml_questions_init(&x->questions);
    enum raml_code rc = cli_trajectories_check(cli, s, what, err);
    if (rc) return rc;
    x->data = s->data ? s->data : cli->arg[0];
    rc = cli_read_questions(cli, &x->questions, x->data, &read, NULL, err);
    if (!rc && !x->model) rc = cli_load_model(cli, s->model, s->adapter, s->dtype, &x->model, &x->model_path, err);
    if (!rc && x->model) raml_model_heed(x->model, cli->sink);
    if (!rc) rc = cli_load_tokenizer(s->tokenizer, x->model_path, &x->tokenizer, err);
    if (!rc) rc = cli_prompting_open(&s->prompting, x->model_path, x->tokenizer, &x->prompting, err);
    return rc;
}

void cli_trajectories_close(struct trajectories *x)
{
    cli_prompting_close(&x->prompting);
    raml_questions_deinit(&x->questions);
    raml_tokenizer_close(x->tokenizer);
    raml_model_close(x->model);
    free(x->model_path);
}
