/* score.c - `raml score`: log-probabilities of given completions, token by token. One line in, one line out. */
#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/source.h"

#include "raml/completion.h"
#include "core/file.h"
#include "core/spool.h"
#include "raml/tokenizer.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 28, MAX_LINES = 1024, WHERE_BYTES = 300, BATCHES_ASKED = 16, MAX_ASKED_TOKENS = 1 << 30 };

struct settings {
    const char *model, *adapter, *tokenizer, *dtype, *out, *join;
    int64_t max_batch_tokens;
    bool parse_special;
    struct endpoint_settings endpoint;
};

struct request { /* a line */
    json_t *id;  /* owned; NULL: none */
    size_t line;
    struct raml_tokens prompt, *token;  /* the prompt by itself; token[n]: context and completion */
    struct raml_completion *completion; /* [n] */
    size_t *border_bytes;               /* [n] bytes of the prompt in the first target */
    float *values;                      /* logp and entropy of all completions */
    size_t n, n_shared;                 /* n_shared: tokens common to all contexts at their start */
    enum raml_join join;                /* the result: joint if any text was joined to the prompt */
};

struct work {
    const struct cli *cli;
    const struct settings *s;
    struct raml_model *model;
    char *model_path;
    struct raml_tokenizer *tokenizer; /* opened at the first text */
    struct cli_endpoint endpoint;     /* in the place of a model */
    struct raml_completion_evaluator *evaluator;
    struct raml_lines lines;
    struct raml_writer writer;
    struct raml_buf text;
    struct request request[MAX_LINES];
    size_t n_requests, n_tokens; /* of the batch being gathered */
    size_t n_prompts, n_completions, n_targets;
    bool counting; /* only what it will cost */
    struct raml_remote_cost cost;
};

#define AT(field) offsetof(struct settings, field)
static const struct raml_setting options[] = {
    {"model", "model_name_or_path", RAML_PATH, AT(model), NULL, 0, 0, NULL,
     "A model's folder or GGUF file, a run's folder (its newest checkpoint), or init:PRESET (random weights)."},
    ADAPTER_OPTION(AT(adapter)),
    {"tokenizer", NULL, RAML_PATH, AT(tokenizer), NULL, 0, 0, NULL,
     "tokenizer.json or a folder with one; default: the model's. Lines of token ids need none."},
    {"out", NULL, RAML_PATH, AT(out), NULL, 0, 0, NULL, "JSONL file to write; default: standard output."},
    {"dtype", NULL, RAML_ONE, AT(dtype), "stored", 0, 0, "stored|auto|bf16|f32",
     "Type of the matrices. stored: as in the file (BF16 files are multiplied in bf16 where the processor can, "
     "others in f32); auto: bf16 where the processor multiplies it and the file is not quantised, which is mostly "
     "faster "
     "and 0.001 off on average; else stored."},
    {"max_batch_tokens", NULL, RAML_INT, AT(max_batch_tokens), "16384", 1, 1 << 30, NULL,
     "Tokens per pass; bounds memory, not results (in bf16: except for rounding where one line exceeds it)."},
    {"join", NULL, RAML_ONE, AT(join), "joint", 0, 0, "joint|split",
     "joint: prompt and completion are encoded as one text, as a model sees them; split: separately."},
    {"parse_special", NULL, RAML_FLAG, AT(parse_special), "true", 0, 0, NULL,
     "Text that spells a special token of the tokenizer (<think>) is that token."},
};

static const struct cli_shared shared[] = {ENDPOINT_TABLE(AT(endpoint))};

static void request_deinit(struct request *r)
{
    json_decref(r->id);
    raml_tokens_deinit(&r->prompt);
    for (size_t i = 0; r->token && i < r->n; i++) raml_tokens_deinit(&r->token[i]);
    free(r->token);
    free(r->completion);
    free(r->border_bytes);
    free(r->values);
    *r = (struct request){0};
}

/* -- Reading a line ------------------------------------------------------------------------------------------------ */

/* "FILE:LINE", and the id if the line has one. */
static const char *where(const struct work *w, const struct request *r, char out[WHERE_BYTES])
{
    const char *id = json_string_value(r->id);
    if (id) snprintf(out, WHERE_BYTES, "%.150s:%zu: id '%.80s'", w->lines.path, r->line, id);
    else if (r->id)
        snprintf(out, WHERE_BYTES, "%.150s:%zu: id %" JSON_INTEGER_FORMAT, w->lines.path, r->line,
                 json_integer_value(r->id));
    else snprintf(out, WHERE_BYTES, "%.150s:%zu", w->lines.path, r->line);
    return out;
}

static struct raml_join_text join_text(const struct work *w, const json_t *text)
{
    return (struct raml_join_text){
        json_string_value(text), json_string_length(text), {.parse_special = w->s->parse_special}};
}

/* Texts are taken as they are, which differs from what other programs do where the tokenizer begins every text. */
static enum raml_code say_begin(const struct work *w, struct raml_err *err)
{
    struct raml_tokenizer_config c = {.add_bos = -1};
    const char *from = w->s->tokenizer ? w->s->tokenizer : w->model_path;
    bool config = from && (raml_is_dir(from) || raml_is_gguf(from));
    enum raml_code rc = config ? raml_tokenizer_config_read(from, &c, err) : RAML_OK;
    const char *begin = rc ? NULL : raml_tokenizer_config_begin(&c, w->tokenizer);
    if (begin)
        raml_say(w->cli->sink,
                 "texts are taken as they are, without %s, which the tokenizer puts in front of every text (write it "
                 "there, with --parse_special)",
                 begin);
    raml_tokenizer_config_deinit(&c);
    return rc;
}

static enum raml_code need_tokenizer(struct work *w, struct raml_err *err)
{
    if (w->tokenizer) return RAML_OK;
    if (w->s->endpoint.url && !w->s->tokenizer && !w->model_path)
        return raml_fail(err, RAML_EUSAGE,
                         "is a text; --model or --tokenizer names a folder or GGUF file with the tokenizer of "
                         "the endpoint's model");
    enum raml_code rc = cli_load_tokenizer(w->s->tokenizer, w->model_path, &w->tokenizer, err);
    return rc ? rc : say_begin(w, err);
}

static enum raml_code encode(struct work *w, const json_t *text, struct raml_tokens *out, struct raml_err *err)
{
    const struct raml_join_text x = join_text(w, text);
    enum raml_code rc = need_tokenizer(w, err);
    return rc ? rc : raml_tokenizer_encode_parts(w->tokenizer, x.s, x.n, &x.opt, out, NULL, err);
}

static enum raml_code read_ids(const json_t *list, const char *field, struct raml_tokens *out, struct raml_err *err)
{
    size_t i;
    const json_t *v;
    json_array_foreach (list, i, v) {
        if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX)
            return raml_fail(err, RAML_EFORMAT,
                             "field '%s', entry %zu is not a token id; expected an integer from 0 to %d", field, i + 1,
                             INT32_MAX);
        int32_t id = (int32_t)json_integer_value(v);
        enum raml_code rc = raml_tokens_add(out, &id, 1, err);
        if (rc) return rc;
    }
    return RAML_OK;
}

/* Exactly one of text and list of token ids. */
static enum raml_code read_tokens(struct work *w, const json_t *obj, const char *text_field, const char *ids_field,
                                  struct raml_tokens *out, struct raml_err *err)
{
    char fields[200];
    const json_t *text = json_object_get(obj, text_field), *ids = json_object_get(obj, ids_field);
    if (text && ids)
        return raml_fail(err, RAML_EFORMAT, "has both '%s' and '%s'; expected one of them", text_field, ids_field);
    if (!text && !ids)
        return raml_fail(err, RAML_EFORMAT, "has neither '%s' nor '%s'; found fields: %s", text_field, ids_field,
                         raml_json_fields(obj, fields, sizeof fields));
    if (text && !json_is_string(text)) return raml_fail(err, RAML_EFORMAT, "field '%s' is not a string", text_field);
    if (ids && !json_is_array(ids))
        return raml_fail(err, RAML_EFORMAT, "field '%s' is not a list of token ids", ids_field);
    return text ? encode(w, text, out, err) : read_ids(ids, ids_field, out, err);
}

/* Completion i, which is a text, joined to the prompt's text. */
static enum raml_code join_completion(struct work *w, const json_t *prompt, const json_t *text, struct request *r,
                                      size_t i, struct raml_err *err)
{
    const struct raml_join_text a = join_text(w, prompt), b = join_text(w, text);
    struct raml_joined j = {0};
    enum raml_code rc = need_tokenizer(w, err);
    if (!rc) rc = raml_join(w->tokenizer, RAML_JOIN_JOINT, &a, &b, &j, err);
    if (!rc && j.context.n == 0 && j.border_bytes)
        rc = raml_fail(err, RAML_ERANGE,
                       "its first token contains the whole prompt, so that no token comes before it; "
                       "--join split encodes them separately");
    if (!rc) rc = raml_tokens_add(&r->token[i], j.context.id, j.context.n, err);
    if (!rc) rc = raml_tokens_add(&r->token[i], j.continuation.id, j.continuation.n, err);
    r->completion[i].n_context = j.context.n;
    r->border_bytes[i] = j.border_bytes;
    r->join = RAML_JOIN_JOINT;
    raml_joined_deinit(&j);
    return rc;
}

/* prompt: its text; NULL: it was given as ids. */
static enum raml_code read_completion(struct work *w, const json_t *prompt, const json_t *c, struct request *r,
                                      size_t i, struct raml_err *err)
{
    if (!json_is_object(c)) return raml_fail(err, RAML_EFORMAT, "is not an object");
    const json_t *text = json_object_get(c, "text");
    if (prompt && json_is_string(text) && !json_object_get(c, "tokens") && strcmp(w->s->join, "joint") == 0)
        return join_completion(w, prompt, text, r, i, err);
    r->completion[i].n_context = r->prompt.n;
    enum raml_code rc = raml_tokens_add(&r->token[i], r->prompt.id, r->prompt.n, err);
    return rc ? rc : read_tokens(w, c, "text", "tokens", &r->token[i], err);
}

/* How many tokens the contexts of all completions have in common at their start. */
static size_t n_shared(const struct request *r)
{
    size_t n = r->completion[0].n_context;
    for (size_t i = 1; i < r->n; i++) {
        size_t k = 0;
        while (k < n && k < r->completion[i].n_context && r->token[i].id[k] == r->token[0].id[k]) k++;
        n = k;
    }
    return n;
}

static enum raml_code read_completions(struct work *w, const json_t *prompt, const json_t *list, struct request *r,
                                       struct raml_err *err)
{
    size_t n = json_array_size(list), n_values = 0;
    if (n == 0) return raml_fail(err, RAML_EFORMAT, "field 'completions' is empty; expected at least one completion");
    r->token = calloc(n, sizeof *r->token);
    r->completion = calloc(n, sizeof *r->completion);
    r->border_bytes = calloc(n, sizeof *r->border_bytes);
    if (!r->token || !r->completion || !r->border_bytes)
        return raml_fail(err, RAML_ENOMEM, "no memory for %zu completions", n);
    r->n = n;
    r->join = RAML_JOIN_SPLIT;
    for (size_t i = 0; i < n; i++) {
        enum raml_code rc = read_completion(w, prompt, json_array_get(list, i), r, i, err);
        if (rc) return raml_wrap(err, rc, "completion %zu", i + 1);
        n_values += r->token[i].n - r->completion[i].n_context;
    }
    r->n_shared = n_shared(r);
    r->values = malloc((2 * n_values + 1) * sizeof *r->values);
    if (!r->values) return raml_fail(err, RAML_ENOMEM, "no memory for %zu values", n_values);
    float *at = r->values;
    for (size_t i = 0; i < n; i++) {
        struct raml_completion *c = &r->completion[i];
        size_t n_targets = r->token[i].n - c->n_context;
        *c = (struct raml_completion){r->token[i].id + r->n_shared, r->token[i].n - r->n_shared, at, at + n_targets,
                                      c->n_context - r->n_shared};
        at += 2 * n_targets;
    }
    return RAML_OK;
}

static struct raml_completions job_of(const struct request *r)
{
    return (struct raml_completions){r->token[0].id, r->n_shared, r->completion, r->n};
}

static size_t n_targets(const struct raml_completion *c)
{
    return c->n - c->n_context;
}

static enum raml_code read_fields(struct work *w, const json_t *obj, struct request *r, struct raml_err *err)
{
    json_t *list = json_object_get(obj, "completions"), *id = json_object_get(obj, "id");
    char fields[200];
    if (id && !json_is_string(id) && !json_is_integer(id) && !json_is_null(id))
        return raml_fail(err, RAML_EFORMAT, "field 'id' is neither a string nor an integer");
    r->id = json_is_null(id) ? NULL : json_incref(id);
    enum raml_code rc = read_tokens(w, obj, "prompt", "prompt_tokens", &r->prompt, err);
    if (!rc && !json_is_array(list))
        rc = raml_fail(err, RAML_EFORMAT, "field 'completions' is %s; found fields: %s",
                       list ? "not an array" : "missing", raml_json_fields(obj, fields, sizeof fields));
    if (!rc) rc = read_completions(w, json_object_get(obj, "prompt"), list, r, err);
    if (rc) return rc;
    const struct raml_completions job = job_of(r);
    return raml_completion_check(w->evaluator, &job, err);
}

/* -- Scoring and writing ------------------------------------------------------------------------------------------- */

static json_t *numbers(const float *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, json_real((double)x[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* NULL: no memory. An endpoint gives no entropies. */
static json_t *result(const struct request *r, bool entropy)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < r->n; i++) {
        const struct raml_completion *c = &r->completion[i];
        double sum = 0;
        for (size_t k = 0; k < n_targets(c); k++) sum += (double)c->logp[k];
        json_t *o = json_object();
        ok = o && json_object_set_new(o, "logp", numbers(c->logp, n_targets(c))) == 0 &&
             (!entropy || json_object_set_new(o, "entropy", numbers(c->entropy, n_targets(c))) == 0) &&
             json_object_set_new(o, "logp_sum", json_real(sum)) == 0 &&
             (!r->border_bytes[i] ||
              json_object_set_new(o, "border_bytes", json_integer((json_int_t)r->border_bytes[i])) == 0);
        if (ok) ok = json_array_append_new(list, o) == 0;
        else json_decref(o);
    }
    json_t *out = ok ? json_object() : NULL;
    if (out && json_object_set_new(out, "id", r->id ? json_incref(r->id) : json_null()) == 0 &&
        json_object_set_new(out, "join", json_string(raml_join_name(r->join))) == 0 &&
        json_object_set(out, "completions", list) == 0) {
        json_decref(list);
        return out;
    }
    json_decref(out);
    json_decref(list);
    return NULL;
}

static enum raml_code run_batch(struct work *w, struct raml_err *err)
{
    struct raml_completions job[MAX_LINES]; /* 32 KiB */
    size_t n = w->n_requests;
    for (size_t i = 0; i < n; i++) job[i] = job_of(&w->request[i]);
    enum raml_code rc = n ? raml_completion_logprobs(w->evaluator, job, n, err) : RAML_OK;
    if (rc) rc = raml_wrap(err, rc, "%s:%zu to %zu", w->lines.path, w->request[0].line, w->request[n - 1].line);
    for (size_t i = 0; i < n; i++) {
        struct request *r = &w->request[i];
        if (!rc) rc = cli_put_line(w->s->out ? &w->writer : NULL, &w->text, result(r, w->model != NULL), err);
        w->n_prompts++;
        w->n_completions += r->n;
        for (size_t k = 0; k < r->n; k++) w->n_targets += n_targets(&r->completion[k]);
        request_deinit(r);
    }
    w->n_requests = w->n_tokens = 0;
    raml_progress(w->cli->sink, "score", (double)w->n_prompts, 0, "prompts", NULL);
    return rc;
}

static void count(struct work *w, const struct request *r)
{
    w->cost.n += r->n;
    w->cost.shared += r->n_shared;
    for (size_t i = 0; i < r->n; i++) {
        w->cost.shared += r->completion[i].n;
        w->cost.alone += r->n_shared + r->completion[i].n;
    }
}

static enum raml_code take_line(void *to, struct raml_err *err)
{
    struct work *w = to;
    const struct raml_place at = {w->lines.path, w->lines.number};
    struct request *r = &w->request[w->n_requests];
    char name[WHERE_BYTES];
    json_t *obj = NULL;
    enum raml_code rc = raml_json_parse(&at, w->lines.line.data, w->lines.line.len, &obj, err);
    if (rc) return cli_pass_over(w->cli, rc, err) ? RAML_OK : rc;
    r->line = at.line;
    rc = read_fields(w, obj, r, err);
    json_decref(obj);
    if (rc) {
        rc = raml_wrap(err, rc, "%s", where(w, r, name));
        request_deinit(r);
        return cli_pass_over(w->cli, rc, err) ? RAML_OK : rc;
    }
    if (w->counting) {
        count(w, r);
        request_deinit(r);
        return RAML_OK;
    }
    w->n_requests++;
    w->n_tokens += r->n_shared;
    for (size_t i = 0; i < r->n; i++) w->n_tokens += r->completion[i].n;
    size_t most = (size_t)w->s->max_batch_tokens;
    bool full = w->n_requests == MAX_LINES || w->n_tokens >= (w->model ? most : BATCHES_ASKED * most);
    return full ? run_batch(w, err) : RAML_OK;
}

static enum raml_code summary(const struct work *w, struct raml_err *err)
{
    if (!w->s->out) return RAML_OK;
    if (w->cli->json)
        return cli_print_json(json_pack("{s:s, s:I, s:I, s:I}", "out", w->s->out, "prompts", (json_int_t)w->n_prompts,
                                        "completions", (json_int_t)w->n_completions, "scored_tokens",
                                        (json_int_t)w->n_targets),
                              err);
    printf("%s: %zu prompts, %zu completions, %zu tokens scored\n", w->s->out, w->n_prompts, w->n_completions,
           w->n_targets);
    return RAML_OK;
}

/* -- The command --------------------------------------------------------------------------------------------------- */

static enum raml_code open_endpoint(struct work *w, struct raml_err *err)
{
    const struct settings *s = w->s;
    bool named = s->model || s->tokenizer;
    enum raml_code rc = cli_endpoint_find(s->model, s->adapter, s->tokenizer, false, &w->model_path, err);
    if (!rc && named) rc = need_tokenizer(w, err);
    if (!rc) rc = cli_endpoint_open(w->cli, &s->endpoint, s->out, w->model_path, w->tokenizer, &w->endpoint, err);
    if (rc) return rc;
    return raml_completion_open_remote(raml_endpoint_remote(w->endpoint.endpoint), MAX_ASKED_TOKENS, &w->evaluator,
                                       err);
}

/* The whole file, to tell what it costs before anything is asked. */
static enum raml_code count_all(struct work *w, const char *path, struct raml_err *err)
{
    const struct raml_remote *r = raml_endpoint_remote(w->endpoint.endpoint);
    enum raml_code rc = raml_lines_init(&w->lines, path, MAX_LINE_BYTES, err);
    if (rc) return rc;
    w->counting = true;
    rc = cli_each_line(w->cli, &w->lines, take_line, w, err);
    w->counting = false;
    raml_lines_deinit(&w->lines);
    if (!rc) r->expect(r->user, &w->cost);
    return rc;
}

static enum raml_code score(struct work *w, const char *path, struct raml_err *err)
{
    const struct cli *cli = w->cli;
    enum raml_code rc = raml_lines_init(&w->lines, path, MAX_LINE_BYTES, err);
    if (rc) return rc;
    if (w->s->out) rc = cli_output_open(cli, &w->writer, w->s->out, err);
    if (!rc) rc = cli_each_line(cli, &w->lines, take_line, w, err);
    if (!rc) rc = run_batch(w, err);
    if (!rc && w->s->out) rc = raml_writer_commit(&w->writer, err);
    if (!rc) rc = summary(w, err);
    raml_writer_deinit(&w->writer);
    raml_lines_deinit(&w->lines);
    return rc;
}

static enum raml_code score_remote(struct work *w, const char *path, struct raml_err *err)
{
    struct raml_spool spool;
    enum raml_code rc = open_endpoint(w, err);
    if (!rc) rc = raml_spool_init(&spool, path, err);
    if (rc) return rc;
    rc = count_all(w, spool.path, err);
    if (!rc) rc = score(w, spool.path, err);
    raml_spool_deinit(&spool, path, rc ? err : NULL);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const char *path = cli_one_input(cli);
    if (!path)
        return raml_fail(err, RAML_EUSAGE, "score takes one FILE.jsonl, or - for standard input; found %zu",
                         cli->n_args);
    struct settings own = *(const struct settings *)settings;
    enum raml_code rc = cli_output_or_stdout(cli, &own.out, err);
    if (rc) return rc;
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory to score");
    w->cli = cli;
    w->s = &own;
    raml_buf_init(&w->text, MAX_LINE_BYTES);
    if (w->s->endpoint.url) rc = score_remote(w, path, err);
    else {
        rc = cli_load_model(cli, w->s->model, w->s->adapter, w->s->dtype, &w->model, &w->model_path, err);
        if (!rc) raml_model_heed(w->model, cli->sink);
        if (!rc) rc = raml_completion_open(w->model, (size_t)w->s->max_batch_tokens, &w->evaluator, err);
        if (!rc) rc = score(w, path, err);
    }
    cli_endpoint_close(&w->endpoint);
    if (!rc) rc = cli_endpoint_forget(&w->s->endpoint, w->s->out, err);
    for (size_t i = 0; i < w->n_requests; i++) request_deinit(&w->request[i]);
    raml_completion_close(w->evaluator);
    raml_tokenizer_close(w->tokenizer);
    raml_model_close(w->model);
    raml_buf_deinit(&w->text);
    free(w->model_path);
    free(w);
    return rc;
}

const struct cli_command cli_score = {
    .name = "score",
    .about = "log-probability and entropy of given completions, token by token",
    .args = "[FILE.jsonl|-]",
    .detail =
        "A line is {\"id\", \"prompt\" or \"prompt_tokens\", \"completions\": [{\"text\"} or {\"tokens\"}, ...]}; it "
        "gives one line {\"id\", \"join\", \"completions\": [{\"logp\", \"entropy\", \"logp_sum\"}, ...]}, in order. A "
        "prompt's completions are one token tree, read in one pass. A token with bytes of prompt and completion is "
        "scored; \"border_bytes\" is then the number of its bytes from the prompt. Token ids are taken as they are. "
        "Natural logarithms, temperature 1.",
    .example = "raml score --model run-sft requests.jsonl --out scores.jsonl",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .run = run,
};
