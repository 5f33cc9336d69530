/* sample.c - raml sample: n trajectories per question, written as question records that trace and eval read. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/load.h"
#include "cli/output.h"
#include "cli/sampling.h"
#include "core/json.h"

#include <stdio.h>

enum { MAX_TEXT = 1 << 12 };

struct settings {
    struct sampling_settings sampling;
    const char *out, *question;
};

static const struct raml_setting options[] = {
    SAMPLING_OPTIONS(NULL, "Samples per question; default: 4, with --question 1."),
    {"question", NULL, RAML_TEXT, offsetof(struct settings, question), NULL, 0, 0, NULL,
     "A question, in place of a file: the text of its samples is printed as it comes."},
    {"out", "output", RAML_PATH, offsetof(struct settings, out), NULL, 0, 0, NULL,
     "JSONL file to write; default: samples.jsonl, with --question none."},
};

static const struct cli_shared shared[] = {ENDPOINT_TABLE(offsetof(struct settings, sampling.endpoint))};

/* The settings with what is not given: a question alone has one sample, and no file. */
static struct settings completed(const struct settings *given)
{
    struct settings s = *given;
    if (!s.sampling.n) s.sampling.n = s.question ? 1 : 4;
    if (!s.out && !s.question) s.out = "samples.jsonl";
    return s;
}

static enum raml_code check_question(const struct cli *cli, const struct settings *s, struct raml_err *err)
{
    if (!s->question) return RAML_OK;
    if (!*s->question) return raml_fail(err, RAML_EUSAGE, "--question: found no text; expected a question");
    if (cli->n_args || s->sampling.families)
        return raml_fail(err, RAML_EUSAGE, "--question is all that is asked, but %s too; give one of the two",
                         cli->n_args ? "files are given" : "--families is given");
    if (cli->json) return raml_fail(err, RAML_EUSAGE, "--question prints text, not JSON; --out FILE writes a record");
    return RAML_OK;
}

static json_t *stopped_json(const struct raml_sample_stats *t)
{
    json_t *o = json_object();
    int bad = !o;
    for (size_t i = 0; !bad && i < RAML_SAMPLE_REASONS && t->stopped[i].reason; i++)
        bad = json_object_set_new(o, t->stopped[i].reason, json_integer((json_int_t)t->stopped[i].n));
    return raml_json_checked(o, bad);
}

static enum raml_code tell_json(const struct settings *s, const struct sampling_result *r, double rate,
                                struct raml_err *err)
{
    const struct raml_sample_stats *t = &r->stats;
    json_t *o =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "out", s->out, "samples", (json_int_t)t->samples,
                  "correct", (json_int_t)t->correct, "right" /* the old name */, (json_int_t)t->correct, "truncated",
                  (json_int_t)t->truncated, "unclosed", (json_int_t)t->unclosed, "tokens", (json_int_t)t->tokens,
                  "seconds", r->seconds, "tokens_per_s", rate);
    if (o && cli_sampling_probes(&s->sampling)) {
        int bad = json_object_set_new(o, "probes", json_integer((json_int_t)t->probes)) ||
                  json_object_set_new(o, "probe_tokens", json_integer((json_int_t)t->probe_tokens)) ||
                  json_object_set_new(o, "probe_share", json_real(cli_sampling_probe_share(t))) ||
                  json_object_set_new(o, "stopped", stopped_json(t));
        o = raml_json_checked(o, bad);
    }
    return cli_output_tell_json(s->out, o, err);
}

static enum raml_code tell(const struct cli *cli, const struct settings *s, const struct sampling_result *r,
                           struct raml_err *err)
{
    double rate = r->seconds > 0 ? (double)r->tokens / r->seconds : 0;
    double correct = r->stats.samples ? (double)r->stats.correct / (double)r->stats.samples : 0;
    if (cli->json) return tell_json(s, r, rate, err);
    fprintf(cli_output_notes(s->out),
            "%s: %llu samples, %.1f %% correct, %llu truncated, %llu with thinking not closed; %.0f tokens/s\n", s->out,
            (unsigned long long)r->stats.samples, 100 * correct, (unsigned long long)r->stats.truncated,
            (unsigned long long)r->stats.unclosed, rate);
    if (!cli_sampling_probes(&s->sampling)) return RAML_OK;
    struct raml_buf text;
    raml_buf_init(&text, MAX_TEXT);
    cli_sampling_probes_text(&r->stats, &text);
    enum raml_code rc = raml_buf_status(&text, err);
    if (!rc) fputs(text.data, cli_output_notes(s->out));
    raml_buf_deinit(&text);
    return rc;
}

static enum raml_code run(const struct cli *cli, const void *settings, struct raml_err *err)
{
    const struct settings completed_settings = completed(settings), *s = &completed_settings;
    struct raml_questions qs, samples;
    struct sampling_result r = {0};
    struct cli_sample_file file = {.file.fd = -1};
    raml_questions_init(&qs);
    raml_questions_init(&samples);
    enum raml_code rc = check_question(cli, s, err);
    if (!rc && s->question) {
        rc = cli_output_check(cli, "out", s->out, err);
        if (!rc) rc = cli_ask(cli, &s->sampling, s->question, &samples, &r, err);
        if (!rc && samples.n && s->out) rc = raml_questions_write(&samples, s->out, err);
    } else if (!rc) {
        rc = cli_sampling_questions(cli, &s->sampling, &qs, err);
        if (!rc) rc = cli_sampling_file(cli, &s->sampling, s->out, &qs, &file, err);
        if (!rc) rc = cli_sampling_run(cli, &s->sampling, NULL, &qs, &file, &samples, &r, err);
        if (!rc) rc = cli_sample_file_end(&file, err);
        if (!rc) rc = tell(cli, s, &r, err);
        cli_sample_file_close(&file);
    }
    raml_questions_deinit(&qs);
    raml_questions_deinit(&samples);
    return rc;
}

const struct cli_command cli_sample = {
    .name = "sample",
    .about = "sample n trajectories per question",
    .args = "[FILE.jsonl ...]",
    .detail =
        "Each question's prompt is computed once and shared by its samples; finished samples leave and new ones enter "
        "at every step. The same seed gives the same samples for any batch size. A sample that was truncated or never "
        "closed its thinking counts as wrong.",
    .example = "raml sample --model demo/with --families modchain:4 --num_questions 20 --out samples.jsonl",
    .option = options,
    .n_options = sizeof options / sizeof *options,
    .shared = shared,
    .n_shared = sizeof shared / sizeof *shared,
    .settings_size = sizeof(struct settings),
    .run = run,
};
