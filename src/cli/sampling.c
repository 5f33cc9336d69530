/* sampling.c - see sampling.h. */
#include "cli/sampling.h"

#include "cli/load.h"
#include "core/clock.h"
#include "core/json.h"

#include "raml/generation.h"
#include "raml/family.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum raml_code cli_sampling_questions(const struct cli *cli, const struct sampling_settings *s,
                                      struct raml_questions *out, struct raml_err *err)
{
    if (s->families && cli->n_args)
        return raml_fail(err, RAML_EUSAGE, "--families makes questions, but files are given too; give one of the two");
    if (s->families) {
        struct raml_make_options o = {.seed = cli->seed,
                                      .families = s->families,
                                      .n = (size_t)s->num_questions,
                                      .split = strcmp(s->split, "both") ? s->split : NULL};
        return raml_make_questions(out, &o, err);
    }
    const char *input = cli_one_input(cli), *const *file = cli->n_args ? cli->arg : &input;
    size_t n = cli->n_args ? cli->n_args : input != NULL;
    if (!n) return raml_fail(err, RAML_EUSAGE, "no questions; give a FILE.jsonl or --families");
    struct raml_read_options o = {.map = s->map, .limit = (size_t)s->limit};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < n && !rc; i++) rc = cli_read_questions(cli, out, file[i], &o, NULL, err);
    return rc;
}

double cli_sampling_probe_share(const struct raml_sample_stats *t)
{
    return t->probe_tokens ? (double)t->probe_tokens / (double)(t->tokens + t->probe_tokens) : 0;
}

void cli_sampling_probes_text(const struct raml_sample_stats *t, struct raml_buf *out)
{
    uint64_t stopped = 0;
    for (size_t i = 0; i < RAML_SAMPLE_REASONS && t->stopped[i].reason; i++) stopped += t->stopped[i].n;
    raml_buf_addf(out, "%llu probes of %llu tokens in all, %.1f %% of all tokens; thinking stopped in %llu samples",
                  (unsigned long long)t->probes, (unsigned long long)t->probe_tokens, 100 * cli_sampling_probe_share(t),
                  (unsigned long long)stopped);
    for (size_t i = 0; i < RAML_SAMPLE_REASONS && t->stopped[i].reason; i++)
        raml_buf_addf(out, "%s %s %llu", i ? "," : ":", t->stopped[i].reason, (unsigned long long)t->stopped[i].n);
    raml_buf_adds(out, "\n");
}

/* -- How tokens are chosen ----------------------------------------------------------------------------------------- */
static const struct raml_setting choices[] = {
    {"temperature", NULL, RAML_REAL, offsetof(struct sampling_choice, temperature), "1", 0, 100, NULL, ""},
    {"top_k", NULL, RAML_INT, offsetof(struct sampling_choice, top_k), "0", 0, 1 << 24, NULL, ""},
    {"top_p", NULL, RAML_REAL, offsetof(struct sampling_choice, top_p), "1", 1e-9, 1, NULL, ""},
    {"min_p", NULL, RAML_REAL, offsetof(struct sampling_choice, min_p), "0", 0, 1, NULL, ""},
};
enum { CHOICES = sizeof choices / sizeof *choices };

/* Where the model's own come from: a folder or a GGUF file; "": nowhere. */
static enum raml_code find_own(const struct sampling_settings *s, struct cli_source *source, struct raml_generation *g,
                               struct raml_err *err)
{
    source->model[0] = 0;
    if (!s->model || !strncmp(s->model, "init:", 5)) return RAML_OK;
    enum raml_code rc = cli_source_find(s->model, s->adapter, source, err);
    return rc ? rc : raml_generation_read(source->model, g, err);
}

enum raml_code cli_sampling_choose(const struct sampling_settings *s, const struct raml_sink *sink,
                                   struct sampling_choice *out, struct raml_err *err)
{
    const char *const given[CHOICES] = {s->temperature, s->top_k, s->top_p, s->min_p};
    struct raml_generation g = {0};
    struct cli_source source;
    char said[160] = "";
    raml_settings_default(choices, CHOICES, out);
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < CHOICES && !rc; i++) {
        if (!strcmp(given[i], "auto")) continue;
        rc = raml_settings_set(&choices[i], out, given[i], err);
        if (rc) rc = raml_wrap(err, rc, "--%s", choices[i].name);
    }
    if (!rc) rc = find_own(s, &source, &g, err);
    if (rc) return rc;
    const bool has[CHOICES] = {g.has_temperature, g.has_top_k, g.has_top_p, g.has_min_p};
    const double own[CHOICES] = {g.temperature, (double)g.top_k, g.top_p, g.min_p};
    for (size_t i = 0; i < CHOICES; i++) {
        if (!has[i] || strcmp(given[i], "auto") != 0) continue;
        if (choices[i].type == RAML_INT) out->top_k = g.top_k;
        else *(double *)((char *)out + choices[i].offset) = own[i];
        size_t n = strlen(said);
        snprintf(said + n, sizeof said - n, "%s%s %g", n ? ", " : "", choices[i].name, own[i]);
    }
    const char *where = raml_is_gguf(source.model) ? "general.sampling" : "generation_config.json";
    if (*said) raml_say(sink, "%s as the model's %s says (the command line wins)", said, where);
    if (*g.ignored) raml_say(sink, "%s of the model's %s: not supported, left aside", g.ignored, where);
    return RAML_OK;
}

static struct raml_sample_options sample_options(const struct cli *cli, const struct sampling_settings *s,
                                                 const struct sampling_choice *c)
{
    struct raml_sample_options o = raml_sample_default();
    o.n = (size_t)s->n;
    o.batch_size = (size_t)s->batch_size;
    o.max_completion_length = (size_t)s->max_completion_length;
    o.think_budget = (size_t)s->think_budget;
    o.force_continuation = (int)s->force_continuation;
    o.force_continuation_below = s->force_continuation_below;
    o.temperature = c->temperature;
    o.top_k = (int)c->top_k;
    o.top_p = c->top_p;
    o.min_p = c->min_p;
    o.seed = cli->seed;
    o.stop = s->stop;
    o.answer_only = s->answer_only;
    o.exit = s->exit;
    o.exit_words = s->exit_words;
    if (s->probe_tokens) o.probe_tokens = (size_t)s->probe_tokens;
    return o;
}

/* What only early exit uses is refused without it. */
static enum raml_code check_exit(const struct sampling_settings *s, struct raml_err *err)
{
    if (s->exit_words && !s->exit) return raml_fail(err, RAML_EUSAGE, "--exit_words needs --exit");
    if (s->probe_tokens && !cli_sampling_probes(s))
        return raml_fail(err, RAML_EUSAGE, "--probe_tokens needs --exit or --force_continuation_below");
    return RAML_OK;
}

/* The settings, and what is wrong with them before a model is opened. */
static enum raml_code check_all(const struct cli *cli, const struct sampling_settings *s, const struct raml_sink *sink,
                                struct sampling_choice *choice, struct raml_sample_options *o, struct raml_err *err)
{
    *o = sample_options(cli, s, &(struct sampling_choice){.temperature = 1, .top_p = 1});
    enum raml_code rc = check_exit(s, err);
    if (!rc && s->endpoint.url) rc = raml_sample_check_remote(o, err);
    if (!rc) rc = raml_sample_check(o, err); /* before a model is looked for */
    if (!rc) rc = cli_sampling_choose(s, sink, choice, err);
    if (!rc) *o = sample_options(cli, s, choice);
    return rc ? rc : raml_sample_check(o, err);
}

/* What the samples depend on, beside the questions. NULL: no memory. */
static json_t *settings_json(const struct cli *cli, const struct sampling_settings *s, const struct sampling_choice *c,
                             uint64_t model)
{
    static const struct raml_setting all[] = {SAMPLING_OPTIONS("1", "")};
    static const char *const other[] = {"model_name_or_path", "adapter", "families", "split",
                                        "num_questions",      "map",     "limit",    "batch_size"};
    char hash[20];
    json_t *o = raml_settings_json(all, sizeof all / sizeof *all, s);
    for (size_t i = 0; o && i < sizeof other / sizeof *other; i++) json_object_del(o, other[i]);
    snprintf(hash, sizeof hash, "%016" PRIx64, model);
    int bad = !o || json_object_set_new(o, "model", json_string(hash)) ||
              json_object_set_new(o, "temperature", json_real(c->temperature)) ||
              json_object_set_new(o, "top_p", json_real(c->top_p)) ||
              json_object_set_new(o, "top_k", json_integer(c->top_k)) ||
              json_object_set_new(o, "min_p", json_real(c->min_p)) ||
              json_object_set_new(o, "seed", json_integer((json_int_t)cli->seed));
    return raml_json_checked(o, bad);
}

enum raml_code cli_sampling_file(const struct cli *cli, const struct sampling_settings *s, const char *path,
                                 const struct raml_questions *qs, struct cli_sample_file *f, struct raml_err *err)
{
    uint64_t model = 0;
    *f = (struct cli_sample_file){.file.fd = -1};
    struct sampling_choice choice;
    struct raml_sample_options o;
    enum raml_code rc = check_all(cli, s, NULL, &choice, &o, err);
    const char *there = s->endpoint.model ? s->endpoint.model : "endpoint";
    if (s->endpoint.url) model = raml_hash(there, strlen(there), 0);
    else if (!rc) rc = cli_load_hash(cli, s->model, s->adapter, &model, err);
    return rc ? rc : cli_sample_file_open(cli, path, settings_json(cli, s, &choice, model), qs, (size_t)s->n, f, err);
}

/* The samples that a server makes. out: beside which its journal is; NULL: none. */
static enum raml_code ask(const struct cli *cli, const struct sampling_settings *s, const char *file,
                          const struct raml_questions *qs, const struct sampling_listener *listener,
                          struct raml_sample_options *o, struct raml_questions *out, struct sampling_result *result,
                          struct raml_err *err)
{
    struct raml_tokenizer *tokenizer = NULL;
    char *path = NULL;
    int32_t eos[CLI_MAX_EOS];
    struct prompting prompting = {0};
    struct cli_endpoint endpoint = {0};
    enum raml_code rc = cli_endpoint_find(s->model, s->adapter, s->tokenizer, true, &path, err);
    if (!rc) rc = cli_load_tokenizer(s->tokenizer, path, &tokenizer, err);
    if (!rc) rc = cli_prompting_open(&s->prompting, path, tokenizer, &prompting, err);
    if (!rc) rc = cli_endpoint_eos(path, tokenizer, eos, &o->n_eos, err);
    o->eos = eos;
    if (listener) {
        o->hears = listener->hears;
        o->hears_user = listener->user;
        if (!rc) rc = listener->open(listener->user, tokenizer, &prompting.format, err);
    }
    if (!rc) rc = cli_endpoint_open(cli, &s->endpoint, file, path, tokenizer, &endpoint, err);
    double start = raml_clock_monotonic();
    if (!rc)
        rc = raml_sample_questions_remote(raml_endpoint_remote(endpoint.endpoint), tokenizer, &prompting.format, qs, o,
                                          out, &result->stats, err);
    result->seconds = raml_clock_monotonic() - start;
    result->tokens = result->stats.tokens;
    cli_endpoint_close(&endpoint);
    cli_prompting_close(&prompting);
    raml_tokenizer_close(tokenizer);
    free(path);
    return rc;
}

/* The samples that are made, all of *qs. */
static enum raml_code sample(const struct cli *cli, const struct sampling_settings *s, const struct raml_questions *qs,
                             const struct sampling_listener *listener, struct raml_sample_options *o,
                             struct raml_questions *out, struct sampling_result *result, struct raml_err *err)
{
    struct raml_model *model = NULL;
    struct raml_tokenizer *tokenizer = NULL;
    char *path = NULL;
    int32_t eos[CLI_MAX_EOS];
    struct prompting prompting = {0};
    enum raml_code rc = cli_load_model(cli, s->model, s->adapter, s->dtype, &model, &path, err);
    if (!rc) rc = cli_load_tokenizer(s->tokenizer, path, &tokenizer, err);
    if (!rc) rc = cli_prompting_open(&s->prompting, path, tokenizer, &prompting, err);
    if (!rc) o->n_eos = cli_load_eos(model, eos);
    o->eos = eos;
    if (listener) {
        o->batch_size = 1;
        o->hears = listener->hears;
        o->hears_user = listener->user;
        if (!rc) rc = listener->open(listener->user, tokenizer, &prompting.format, err);
    }
    double start = raml_clock_monotonic();
    if (!rc)
        rc = raml_sample_questions(model, tokenizer, &prompting.format, qs, o, out, &result->stats, cli->sink, err);
    result->seconds = raml_clock_monotonic() - start;
    result->tokens = result->stats.tokens;
    cli_prompting_close(&prompting);
    raml_tokenizer_close(tokenizer);
    raml_model_close(model);
    free(path);
    return rc;
}

enum raml_code cli_sampling_run(const struct cli *cli, const struct sampling_settings *s,
                                const struct sampling_listener *listener, const struct raml_questions *qs,
                                struct cli_sample_file *file, struct raml_questions *out,
                                struct sampling_result *result, struct raml_err *err)
{
    struct raml_sample_options o;
    struct raml_questions rest = *qs; /* a view */
    enum raml_code rc = check_all(cli, s, cli->sink, &result->choice, &o, err);
    if (file) {
        rest.question += file->done.n;
        rest.n -= file->done.n;
        o.take = cli_sample_file_add;
        o.take_user = file;
    }
    const char *kept = file && !file->direct.f ? file->path : NULL;
    if (!rc && rest.n && s->endpoint.url) rc = ask(cli, s, kept, &rest, listener, &o, out, result, err);
    else if (!rc && rest.n) rc = sample(cli, s, &rest, listener, &o, out, result, err);
    if (!rc) rc = cli_endpoint_forget(&s->endpoint, kept, err);
    if (file) cli_sample_file_count(file, &result->stats);
    if (rc == RAML_ESTOP && file && file->n && !file->direct.f)
        return raml_fail(err, rc,
                         "asked to stop; %s holds %zu of %zu questions, and the same command goes on from there",
                         file->path, file->n, qs->n);
    return rc;
}
