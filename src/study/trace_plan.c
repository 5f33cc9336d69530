/* trace_plan.c - what a trace is asked for: its options' words, lists and files, read and checked. See trace_parts.h. */
#include "study/trace_parts.h"

#include "core/array.h"
#include "core/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE_BYTES = 1 << 20 };

static const char * or (const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

/* -- Lists --------------------------------------------------------------------------------------------------------- */

static enum raml_code read_border(struct raml_trace_plan *p, struct raml_err *err)
{
    const char *word = or (p->opt->borders, "token");
    p->border = RAML_BORDER_STRIDE;
    for (int k = RAML_BORDER_STRIDE + 1; k < RAML_BORDER_KINDS; k++)
        if (!strcmp(word, raml_border_kind_name((enum raml_border_kind)k))) p->border = (enum raml_border_kind)k;
    p->strided = p->border != RAML_BORDER_STRIDE || p->opt->trace.stride > 1;
    if (p->border == RAML_BORDER_STRIDE && strcmp(word, "token") != 0)
        return raml_fail(err, RAML_EUSAGE,
                         "borders: found '%.40s'; expected token, line, sentence, paragraph or reflection", word);
    if (p->border != RAML_BORDER_STRIDE && p->opt->trace.stride > 1)
        return raml_fail(err, RAML_EUSAGE, "borders '%s' exclude a stride; found a stride of %zu", word,
                         p->opt->trace.stride);
    return RAML_OK;
}

static enum raml_code read_controls(struct raml_trace_plan *p, struct raml_err *err)
{
    const char *at = or (p->opt->controls, NULL);
    while (at) {
        size_t n = strcspn(at, ","), k = 0;
        for (; k < RAML_CONTROL_KINDS; k++) {
            const char *name = raml_control_kind_name((enum raml_control_kind)k);
            if (strlen(name) == n && !strncmp(name, at, n)) break;
        }
        if (k == RAML_CONTROL_KINDS || p->control[k])
            return raml_fail(err, RAML_EUSAGE, "controls: found '%.*s'%s; expected a list of shuffle, foreign, filler",
                             (int)(n < 40 ? n : 40), at, k < RAML_CONTROL_KINDS ? " twice" : "");
        p->control[k] = p->any_control = true;
        at = at[n] ? at + n + 1 : NULL;
    }
    if (p->any_control && p->opt->n_cuts == 0)
        return raml_fail(err, RAML_ERANGE, "controls: there are 0 cuts; expected at least 1");
    return RAML_OK;
}

static enum raml_code layers_fault(const char *text, size_t n_layers, struct raml_err *err)
{
    return raml_fail(
        err, RAML_EUSAGE,
        "layers: found '%.60s'; expected all, or rising numbers from 0 (the embedding) to %zu (the model's "
        "last layer)",
        text, n_layers);
}

static enum raml_code read_layers(struct raml_trace_plan *p, struct raml_err *err)
{
    const char *text = p->opt->layers;
    if (!text || !*text) return RAML_OK;
    if (p->job->remote)
        return raml_fail(err, RAML_EUSAGE, "layers: %s gives no states of layers; the model itself does",
                         p->job->remote->name);
    size_t n_layers = (size_t)raml_model_config(p->job->model)->n_layers;
    p->layer = calloc(n_layers + 1, sizeof *p->layer);
    if (!p->layer) return raml_fail(err, RAML_ENOMEM, "no memory for a list of layers");
    if (!strcmp(text, "all")) {
        for (; p->n_layers <= n_layers; p->n_layers++) p->layer[p->n_layers] = p->n_layers;
        return RAML_OK;
    }
    for (const char *at = text; *at;) {
        char *end;
        unsigned long layer = strtoul(at, &end, 10);
        bool digits = *at >= '0' && *at <= '9', ends = digits && (*end == 0 || (*end == ',' && end[1]));
        if (!ends || layer > n_layers || (p->n_layers && layer <= p->layer[p->n_layers - 1]))
            return layers_fault(text, n_layers, err);
        p->layer[p->n_layers++] = layer;
        at = end + (*end == ',');
    }
    return RAML_OK;
}

static enum raml_code read_filler(struct raml_trace_plan *p, struct raml_err *err)
{
    const char *text = p->opt->filler ? p->opt->filler : ".";
    struct raml_tokens token = {0};
    if (!p->control[RAML_CONTROL_FILLER]) return RAML_OK;
    enum raml_code rc = raml_tokenizer_encode(p->job->tokenizer, text, strlen(text), false, &token, err);
    if (!rc && token.n == 0) rc = raml_fail(err, RAML_ERANGE, "filler '%.40s' encodes to nothing", text);
    if (!rc) p->filler = token.id[0];
    raml_tokens_deinit(&token);
    return rc;
}

/* -- Answer prefixes ----------------------------------------------------------------------------------------------- */

static enum raml_code add_prefix(void *user, const struct raml_place *at, json_t *object, struct raml_err *err)
{
    struct raml_trace_plan *p = user;
    const char *name, *text;
    size_t len;
    enum raml_code rc = raml_json_str(at, object, "name", &name, &len, err);
    if (!rc) rc = raml_json_str(at, object, "text", &text, &len, err);
    if (rc) return rc;
    if (strlen(name) > 40)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: name '%.60s' is longer than 40 bytes", at->path, at->line, name);
    bool twice = !strcmp(name, "default");
    for (size_t i = 0; i < p->n_prefixes; i++) twice |= !strcmp(p->prefix[i].name, name);
    if (twice || !*name)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: name '%.60s' is %s; expected a name of its own", at->path,
                         at->line, name,
                         !*name                     ? "empty"
                         : !strcmp(name, "default") ? "the run's own prefix"
                                                    : "taken");
    if (p->n_prefixes == RAML_TRACE_MAX_PREFIXES)
        return raml_fail(err, RAML_EFORMAT, "%s:%zu: more than %d answer prefixes", at->path, at->line,
                         RAML_TRACE_MAX_PREFIXES);
    struct raml_trace_prefix *x = &p->prefix[p->n_prefixes++];
    *x = (struct raml_trace_prefix){.name = strdup(name), .text = strdup(text)};
    return x->name && x->text ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for an answer prefix");
}

static enum raml_code read_prefixes(struct raml_trace_plan *p, struct raml_err *err)
{
    const char *path = p->opt->prefixes_file;
    if (!path || !*path) return RAML_OK;
    enum raml_code rc = raml_json_lines(path, MAX_LINE_BYTES, add_prefix, p, err);
    if (!rc && p->n_prefixes == 0)
        rc = raml_fail(err, RAML_EFORMAT, "%s: there is no answer prefix in it; expected {\"name\", \"text\"} a line",
                       path);
    return rc;
}

/* -- All ----------------------------------------------------------------------------------------------------------- */

static enum raml_code check(const struct raml_trace_files_options *o, struct raml_err *err)
{
    if (!(o->ema >= 0 && o->ema <= 1)) return raml_fail(err, RAML_ERANGE, "ema is %g; expected 0 to 1", o->ema);
    if (isnan(o->threshold)) return raml_fail(err, RAML_ERANGE, "threshold is not a number");
    if (o->own && o->answers)
        return raml_fail(err, RAML_EUSAGE, "own and answers '%.60s' say both what is traced; expected one of them",
                         o->answers);
    return RAML_OK;
}

/* Prompts would hit it sooner or later, and the message should not depend on when. */
enum raml_code raml_trace_check_reader(const struct raml_model *model, const struct raml_tokenizer *tokenizer,
                                       const char *reader, struct raml_err *err)
{
    int vocab = raml_model_config(model)->vocab_size;
    int32_t size = raml_tokenizer_size(tokenizer);
    if (size <= vocab) return RAML_OK;
    return raml_fail(
        err, RAML_ERANGE,
        "reader %s: its vocabulary has %d tokens, and the tokenizer's ids go up to %d; the tokenizer is not "
        "this model's",
        reader, vocab, (int)size - 1);
}

enum raml_code raml_trace_plan_init(struct raml_trace_plan *p, const struct raml_trace_files_job *job,
                                    const struct raml_trace_files_options *opt, struct raml_err *err)
{
    *p = (struct raml_trace_plan){.opt = opt, .job = job};
    p->source = (struct raml_trace_source){.tokenizer = job->tokenizer,
                                           .format = job->format,
                                           .own = opt->own,
                                           .score_end = opt->score_end,
                                           .join = opt->join};
    const char *answers = or (opt->answers, opt->own ? "own" : "gold");
    enum raml_code rc = check(opt, err);
    if (!rc && job->reader && job->model) rc = raml_trace_check_reader(job->model, job->tokenizer, job->reader, err);
    if (!rc) rc = read_border(p, err);
    if (!rc) rc = read_controls(p, err);
    if (!rc) rc = read_layers(p, err);
    if (!rc) rc = read_filler(p, err);
    if (!rc) rc = read_prefixes(p, err);
    if (!rc) rc = raml_answer_chooser_open(answers, opt->answers_file, &p->chooser, err);
    return rc;
}

void raml_trace_plan_deinit(struct raml_trace_plan *p)
{
    for (size_t i = 0; i < p->n_prefixes; i++) {
        free(p->prefix[i].name);
        free(p->prefix[i].text);
    }
    raml_answer_chooser_close(p->chooser);
    free(p->layer);
    *p = (struct raml_trace_plan){0};
}

const char *raml_trace_mode(const struct raml_format *f, const struct raml_trajectory *t)
{
    if (t->mode && *t->mode) return t->mode;
    if (!f->think_close) return "none";
    bool closed = f->prefill && strstr(f->prefill, f->think_close);
    return closed || !*t->text ? "nothinking" : "thinking";
}
