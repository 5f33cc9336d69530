/* load.c - see load.h. */
#include "cli/load.h"

#include "cli/output.h"
#include "cli/source.h"
#include "core/json.h"
#include "core/path.h"
#include "raml/run.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* init:PRESET: random weights. */
static enum raml_code make_model(const struct cli *cli, const char *preset, const char *adapter, enum raml_dtype dtype,
                                 enum raml_use use, struct raml_model **model, struct raml_err *err)
{
    struct raml_config c;
    if (adapter) return raml_fail(err, RAML_EUSAGE, "--adapter: is for a model on disk; found init:%s", preset);
    enum raml_code rc = raml_config_preset(preset, &c, err);
    return rc ? rc : raml_model_init(&c, cli->seed, dtype, use, cli->dev, model, err);
}

static enum raml_code open_model(const struct cli *cli, const char *dir, const char *adapter, const char *dtype,
                                 enum raml_use use, struct raml_model **model, char **path, struct raml_err *err)
{
    struct cli_source s;
    enum raml_code rc = cli_source_find(dir, adapter, &s, err);
    if (!rc) rc = cli_source_open(&s, cli->dev, dtype, use, model, err);
    if (rc) return rc;
    *path = strdup(s.tokenizer);
    return *path ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for a path");
}

enum raml_code cli_load_model(const struct cli *cli, const char *dir, const char *adapter, const char *dtype,
                              struct raml_model **model, char **path, struct raml_err *err)
{
    *path = NULL;
    if (dir && !strncmp(dir, "init:", 5))
        return make_model(cli, dir + 5, adapter, cli_load_kept(cli->dev, dtype, NULL), RAML_INFERENCE, model, err);
    return open_model(cli, dir, adapter, dtype, RAML_INFERENCE, model, path, err);
}

enum raml_code cli_load_for_training(const struct cli *cli, const char *dir, const char *adapter, enum raml_dtype dtype,
                                     struct raml_model **model, char **path, struct raml_err *err)
{
    *path = NULL;
    if (dir && !strncmp(dir, "init:", 5)) return make_model(cli, dir + 5, adapter, dtype, RAML_TRAINING, model, err);
    return open_model(cli, dir, adapter, dtype == RAML_BF16 ? "bf16" : "f32", RAML_TRAINING, model, path, err);
}

enum raml_code cli_load_hash(const struct cli *cli, const char *dir, const char *adapter, uint64_t *hash,
                             struct raml_err *err)
{
    struct cli_source s;
    if (dir && !strncmp(dir, "init:", 5)) {
        *hash = raml_hash(dir, strlen(dir), cli->seed);
        return RAML_OK;
    }
    enum raml_code rc = cli_source_find(dir, adapter, &s, err);
    return rc ? rc : cli_source_hash(&s, false, hash, err);
}

size_t cli_load_eos(const struct raml_model *model, int32_t eos[CLI_MAX_EOS])
{
    const struct raml_config *c = raml_model_config(model);
    size_t n = 0;
    if (c->eos_token >= 0) eos[n++] = c->eos_token;
    for (int i = 0; i < c->n_more_eos && n < CLI_MAX_EOS; i++) eos[n++] = c->more_eos[i];
    return n;
}

const char *cli_tokenizer_path(const char *given, char newest[RAML_PATH_BYTES])
{
    char file[RAML_PATH_BYTES];
    struct stat st;
    if (stat(given, &st) || !S_ISDIR(st.st_mode) || raml_path_join(file, given, "tokenizer.json", NULL) ||
        !access(file, F_OK) || raml_run_newest(given, newest, RAML_PATH_BYTES, NULL))
        return given;
    return newest;
}

enum raml_code cli_load_tokenizer(const char *given, const char *model_path, struct raml_tokenizer **out,
                                  struct raml_err *err)
{
    char newest[RAML_PATH_BYTES];
    if (!given && !model_path) return raml_tokenizer_bytes(out, err);
    enum raml_code rc = raml_tokenizer_open(given ? cli_tokenizer_path(given, newest) : model_path, out, err);
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

const char *cli_one_input(const struct cli *cli)
{
    struct stat st;
    if (cli->n_args) return cli->n_args == 1 ? cli->arg[0] : NULL;
    if (fstat(STDIN_FILENO, &st)) return NULL;
    return S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISREG(st.st_mode) ? "-" : NULL;
}

bool cli_pass_over(const struct cli *cli, enum raml_code rc, struct raml_err *err)
{
    enum { NAMED = 20 };
    if (!cli->skip_bad_rows || (rc != RAML_EFORMAT && rc != RAML_ERANGE)) return false;
    size_t n = ++*cli->n_bad_rows;
    if (n <= NAMED) raml_say(cli->sink, "passed over: %s", err ? err->msg : "a row that can't be read");
    if (n == NAMED) raml_say(cli->sink, "further rows that are passed over are counted only");
    if (err) *err = (struct raml_err){0};
    return true;
}

void cli_pass_over_row(void *cli, size_t line, const char *message)
{
    struct raml_err err = {.code = RAML_EFORMAT};
    (void)line;
    snprintf(err.msg, sizeof err.msg, "%s", message);
    (void)cli_pass_over(cli, RAML_EFORMAT, &err);
}

enum raml_code cli_read_questions(const struct cli *cli, struct raml_questions *qs, const char *path,
                                  const struct raml_read_options *opt, struct raml_fields *fields, struct raml_err *err)
{
    struct raml_read_options o = opt ? *opt : (struct raml_read_options){0};
    o.skip_bad = cli->skip_bad_rows;
    o.on_bad = cli_pass_over_row;
    o.user = (void *)(uintptr_t)cli;
    size_t before = qs->n, n_bad = 0;
    struct raml_fields own, *f = fields ? fields : &own;
    enum raml_code rc = raml_questions_read(qs, path, &o, f, &n_bad, err);
    if (!rc && *f->unread) raml_say(cli->sink, "%s: fields left aside: %s", path, f->unread);
    if (!rc && n_bad && qs->n == before)
        rc = raml_fail(err, RAML_EFORMAT, "%s: none of its %zu rows can be read", path, n_bad);
    return rc;
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

struct careful { /* take, of lines that may be passed over */
    const struct cli *cli;
    enum raml_code (*take)(void *to, struct raml_err *err);
    void *to;
};

static enum raml_code take_or_pass(void *user, struct raml_err *err)
{
    const struct careful *c = user;
    enum raml_code rc = c->take(c->to, err);
    return rc && cli_pass_over(c->cli, rc, err) ? RAML_OK : rc;
}

enum raml_code cli_run_lines(const struct cli *cli, const char *what, struct cli_lines *x,
                             enum raml_code (*take)(void *to, struct raml_err *err), void *to, struct raml_err *err)
{
    const char *path = cli_one_input(cli);
    if (!path)
        return raml_fail(err, RAML_EUSAGE, "%s takes one FILE.jsonl, or - for standard input; found %zu", what,
                         cli->n_args);
    enum raml_code rc = raml_lines_init(&x->in, path, MAX_LINE_BYTES, err);
    if (rc) return rc;
    if (x->out) rc = cli_output_open(cli, &x->writer, x->out, err);
    struct careful careful = {cli, take, to};
    if (!rc) rc = cli_each_line(cli, &x->in, take_or_pass, &careful, err);
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
