/* load.c - see load.h. */
#include "cli/load.h"

#include "core/json.h"
#include "core/path.h"
#include "raml/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool quantised(const struct raml_model_file *f)
{
    for (size_t i = 0; i < raml_model_file_count(f); i++) {
        uint32_t t = raml_model_file_at(f, i)->type;
        if (t != RAML_GGML_F32 && t != RAML_GGML_F16 && t != RAML_GGML_BF16) return true;
    }
    return false;
}

enum raml_dtype cli_load_kept(const struct raml_device *dev, const char *dtype, const struct raml_model_file *file)
{
    if (!strcmp(dtype, "f32")) return RAML_F32;
    if (!strcmp(dtype, "bf16")) return RAML_BF16;
    if (!strcmp(dtype, "auto") && raml_device_has_bf16(dev) && !(file && quantised(file))) return RAML_BF16;
    return file ? RAML_STORED : RAML_F32;
}

static enum raml_code open_model(const struct cli *cli, const char *path, const char *dtype, struct raml_model **model,
                                 struct raml_err *err)
{
    struct raml_model_file *file;
    enum raml_code rc = raml_model_file_open(path, &file, err);
    return rc ? rc : raml_model_load(file, cli_load_kept(cli->dev, dtype, file), RAML_INFERENCE, cli->dev, model, err);
}

enum raml_code cli_load_model(const struct cli *cli, const char *dir, const char *dtype, struct raml_model **model,
                              char **path, struct raml_err *err)
{
    char found[RAML_PATH_BYTES];
    *path = NULL;
    if (!dir) return raml_fail(err, RAML_EUSAGE, "--model is missing; give a model's folder, or a run's");
    if (!strncmp(dir, "init:", 5)) {
        struct raml_config c;
        enum raml_code rc = raml_config_preset(dir + 5, &c, err);
        if (rc) return rc;
        return raml_model_init(&c, cli->seed, cli_load_kept(cli->dev, dtype, NULL), RAML_INFERENCE, cli->dev, model,
                               err);
    }
    enum raml_code rc = raml_run_newest(dir, found, sizeof found, err);
    if (!rc) rc = open_model(cli, found, dtype, model, err);
    if (rc) return rc;
    *path = strdup(found);
    return *path ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a path");
}

enum raml_code cli_load_for_training(const struct cli *cli, const char *dir, enum raml_dtype dtype,
                                     struct raml_model **model, char **path, struct raml_err *err)
{
    char found[RAML_PATH_BYTES];
    struct raml_config c;
    *path = NULL;
    if (!dir) return raml_fail(err, RAML_EUSAGE, "--model is missing; give a model's folder, or a run's");
    if (!strncmp(dir, "init:", 5)) {
        enum raml_code rc = raml_config_preset(dir + 5, &c, err);
        return rc ? rc : raml_model_init(&c, cli->seed, dtype, RAML_TRAINING, cli->dev, model, err);
    }
    enum raml_code rc = raml_run_newest(dir, found, sizeof found, err);
    if (!rc) rc = raml_model_open(found, dtype, RAML_TRAINING, cli->dev, model, err);
    if (rc) return rc;
    *path = strdup(found);
    return *path ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a path");
}

size_t cli_load_eos(const struct raml_model *model, int32_t eos[CLI_MAX_EOS])
{
    const struct raml_config *c = raml_model_config(model);
    size_t n = 0;
    if (c->eos_token >= 0) eos[n++] = c->eos_token;
    for (int i = 0; i < c->n_more_eos && n < CLI_MAX_EOS; i++) eos[n++] = c->more_eos[i];
    return n;
}

enum raml_code cli_load_tokenizer(const char *given, const char *model_path, struct raml_tokenizer **out,
                                  struct raml_err *err)
{
    if (!given && !model_path) return raml_tokenizer_bytes(out, err);
    enum raml_code rc = raml_tokenizer_open(given ? given : model_path, out, err);
    return rc && !given ? raml_wrap(err, rc, "the model's tokenizer (--tokenizer gives another)") : rc;
}

enum raml_code cli_write_recipe(const struct cli *cli, const char *dir, const char *name, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    if (!cli->recipe) return RAML_OK;
    enum raml_code rc = raml_path_join(path, dir, name, err);
    return rc ? rc : raml_file_write(path, cli->recipe, strlen(cli->recipe), err);
}

enum raml_code cli_print_json(json_t *o, struct raml_err *err)
{
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(o);
    if (!text) return raml_fail(err, RAML_ENOMEM, "no memory for the result");
    puts(text);
    free(text);
    return RAML_OK;
}

static bool is_empty(const struct raml_buf *line)
{
    return line->len == 0 || line->data[strspn(line->data, " \t")] == 0;
}

enum raml_code cli_each_line(const struct cli *cli, struct raml_lines *lines,
                             enum raml_code (*take)(void *to, struct raml_err *err), void *to, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (bool more = true; !rc;) {
        rc = raml_lines_next(lines, &more, err);
        if (rc || !more) break;
        if (!is_empty(&lines->line)) rc = take(to, err);
        if (!rc && raml_should_stop(cli->sink)) rc = raml_fail(err, RAML_ESTOP, "stopped");
    }
    return rc;
}

enum { MAX_LINE_BYTES = 1 << 28 };

enum raml_code cli_run_lines(const struct cli *cli, const char *what, struct cli_lines *x,
                             enum raml_code (*take)(void *to, struct raml_err *err), void *to, struct raml_err *err)
{
    if (cli->n_args != 1)
        return raml_fail(err, RAML_EUSAGE, "%s takes one FILE.jsonl, or - for standard input; found %zu", what,
                         cli->n_args);
    enum raml_code rc = raml_lines_init(&x->in, cli->arg[0], MAX_LINE_BYTES, err);
    if (rc) return rc;
    if (x->out) rc = raml_writer_init(&x->writer, x->out, err);
    if (!rc) rc = cli_each_line(cli, &x->in, take, to, err);
    if (!rc && x->out) rc = raml_writer_commit(&x->writer, err);
    raml_writer_deinit(&x->writer);
    raml_lines_deinit(&x->in);
    return rc;
}

enum raml_code cli_put_line(struct raml_writer *w, struct raml_buf *scratch, json_t *o, struct raml_err *err)
{
    if (!o) return raml_fail(err, RAML_ENOMEM, "no memory for a result");
    raml_buf_clear(scratch);
    raml_json_add(scratch, o);
    json_decref(o);
    raml_buf_adds(scratch, "\n");
    enum raml_code rc = raml_buf_status(scratch, err);
    if (rc) return rc;
    if (w) return raml_writer_add(w, scratch->data, scratch->len, err);
    fwrite(scratch->data, 1, scratch->len, stdout); /* main checks standard output at the end */
    return RAML_OK;
}
