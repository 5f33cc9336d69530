/* sampling.c - see sampling.h. */
#include "cli/sampling.h"

#include "cli/load.h"
#include "core/clock.h"
#include "core/json.h"

#include "raml/family.h"

#include <inttypes.h>
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
    if (!cli->n_args) return raml_fail(err, RAML_EUSAGE, "no questions; give a FILE.jsonl or --families");
    struct raml_read_options o = {.map = s->map, .limit = (size_t)s->limit};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < cli->n_args && !rc; i++) rc = cli_read_questions(cli, out, cli->arg[i], &o, NULL, err);
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

static struct raml_sample_options sample_options(const struct cli *cli, const struct sampling_settings *s)
{
    struct raml_sample_options o = raml_sample_default();
    o.n = (size_t)s->n;
    o.batch_size = (size_t)s->batch_size;
    o.max_completion_length = (size_t)s->max_completion_length;
    o.think_budget = (size_t)s->think_budget;
    o.force_continuation = (int)s->force_continuation;
    o.force_continuation_below = s->force_continuation_below;
    o.temperature = s->temperature;
    o.top_k = (int)s->top_k;
    o.top_p = s->top_p;
    o.min_p = s->min_p;
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

/* What the samples depend on, beside the questions. NULL: no memory. */
static json_t *settings_json(const struct cli *cli, const struct sampling_settings *s, uint64_t model)
{
    static const struct raml_setting all[] = {SAMPLING_OPTIONS("1", "")};
    static const char *const other[] = {"model_name_or_path", "adapter", "families", "split",
                                        "num_questions",      "map",     "limit",    "batch_size"};
    char hash[20];
    json_t *o = raml_settings_json(all, sizeof all / sizeof *all, s);
    for (size_t i = 0; o && i < sizeof other / sizeof *other; i++) json_object_del(o, other[i]);
    snprintf(hash, sizeof hash, "%016" PRIx64, model);
    int bad = !o || json_object_set_new(o, "model", json_string(hash)) ||
              json_object_set_new(o, "seed", json_integer((json_int_t)cli->seed));
    return raml_json_checked(o, bad);
}

enum raml_code cli_sampling_file(const struct cli *cli, const struct sampling_settings *s, const char *path,
                                 const struct raml_questions *qs, struct cli_sample_file *f, struct raml_err *err)
{
    uint64_t model = 0;
    *f = (struct cli_sample_file){.file.fd = -1};
    const struct raml_sample_options o = sample_options(cli, s);
    enum raml_code rc = check_exit(s, err);
    if (!rc) rc = raml_sample_check(&o, err);
    if (!rc) rc = cli_load_hash(cli, s->model, s->adapter, &model, err);
    return rc ? rc : cli_sample_file_open(cli, path, settings_json(cli, s, model), qs, (size_t)s->n, f, err);
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
    struct raml_sample_options o = sample_options(cli, s);
    struct raml_questions rest = *qs; /* a view */
    if (file) {
        rest.question += file->done.n;
        rest.n -= file->done.n;
        o.take = cli_sample_file_add;
        o.take_user = file;
    }
    enum raml_code rc = check_exit(s, err);
    if (!rc) rc = raml_sample_check(&o, err);
    if (!rc && rest.n) rc = sample(cli, s, &rest, listener, &o, out, result, err);
    if (file) cli_sample_file_count(file, &result->stats);
    if (rc == RAML_ESTOP && file && file->n && !file->direct.f)
        return raml_fail(err, rc,
                         "asked to stop; %s holds %zu of %zu questions, and the same command goes on from there",
                         file->path, file->n, qs->n);
    return rc;
}
