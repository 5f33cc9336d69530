/* grpo.c - whole steps of GRPO with the shared prompt on and off. See bench.h.
 *
 * It is the product's own training, raml_train_grpo, in a run folder of its own. The model is random and its format has no
 * end, so that every completion has exactly the wanted length; the rate is so small that the samples stay alike. The two
 * arms have the same questions and random numbers, and take turns, so that other load affects both.
 */
#include "bench/bench.h"

#include "core/clock.h"
#include "core/file.h"
#include "core/path.h"
#include "raml/rollouts.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { QUESTIONS = 4, SAMPLES = 8, LENGTH = 64, STEPS = 3, MAX_STEPS = 256, MAX_PROMPT = 512, FRAME = 2 };

enum part { SAMPLING, SCORING, TRAINING, N_PARTS };
static const char *const part_name[N_PARTS] = {"seconds/sampling", "seconds/scoring", "seconds/training"};

struct arm { /* the prompt shared, or not */
    bool shares;
    double step[MAX_STEPS]; /* seconds of each measured step */
    size_t n;
    double part[N_PARTS]; /* sums of seconds */
    double ratio;         /* tree_token_ratio */
    size_t peak_bytes;    /* of the process after it was run first */
};
struct rig {
    struct bench_rig bench;
    struct raml_tokenizer *tokenizer;
    struct raml_questions data;
    struct raml_format format; /* without an end */
    char dir[RAML_PATH_BYTES];
};

/* -- Questions ----------------------------------------------------------------------------------------------------- */

/* A question whose prompt has exactly n tokens: a letter is a token, and the frame has FRAME. */
static enum raml_code add_question(struct rig *r, size_t number, size_t n, struct raml_err *err)
{
    char text[MAX_PROMPT + 1];
    struct raml_tokens prompt = {0};
    for (size_t i = 0; i < n - FRAME; i++) text[i] = (char)('a' + bench_token(&r->bench, number * n + i) % 26);
    text[n - FRAME] = 0;
    const struct raml_question q = {.question = text, .answer = "0", .difficulty = -1};
    enum raml_code rc = raml_format_prompt(&r->format, r->tokenizer, text, &prompt, err);
    if (!rc && prompt.n != n) rc = raml_fail(err, RAML_ERANGE, "a prompt has %zu tokens, expected %zu", prompt.n, n);
    raml_tokens_deinit(&prompt);
    return rc ? rc : raml_questions_add(&r->data, &q, err);
}

static enum raml_code open_rig(struct rig *r, const struct bench_options *opt, size_t n_prompt,
                               struct bench_result *out, struct raml_err *err)
{
    const char *tmp = getenv("TMPDIR");
    raml_questions_init(&r->data);
    r->format = raml_format_default();
    r->format.stop = NULL;
    enum raml_code rc = bench_rig_open(opt, RAML_TRAINING, &r->bench, out, err);
    if (!rc) rc = raml_tokenizer_bytes(&r->tokenizer, err);
    if (!rc) rc = raml_path_format(r->dir, err, "%s/raml-bench-XXXXXX", tmp ? tmp : "/tmp");
    if (!rc && !mkdtemp(r->dir)) rc = raml_fail(err, RAML_EIO, "%s: can't make a folder", r->dir);
    for (size_t i = 0; i < QUESTIONS && !rc; i++) rc = add_question(r, i, n_prompt, err);
    return rc;
}

static enum raml_code close_rig(struct rig *r, struct bench_result *out, struct raml_err *err)
{
    raml_questions_deinit(&r->data);
    raml_tokenizer_close(r->tokenizer);
    bench_rig_close(&r->bench, out);
    return r->dir[0] ? raml_remove_tree(r->dir, err) : RAML_OK;
}

/* -- A run: a first step, which compiles products, and STEPS more -------------------------------------------------- */

struct times {
    double at[STEPS + 1]; /* when each step was done */
    size_t n;
};

static void on_progress(void *user, const char *what, double done, double total, const char *unit, const char *note)
{
    struct times *t = user;
    (void)done, (void)total, (void)unit, (void)note;
    if (!strcmp(what, "train") && t->n <= STEPS) t->at[t->n++] = raml_clock_monotonic();
}

/* use(user, object, number) for every line of a file of the run, from 0. */
static enum raml_code each_line(const struct rig *r, const char *name,
                                enum raml_code use(struct arm *a, const json_t *o, size_t i, struct raml_err *err),
                                struct arm *a, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_lines lines;
    enum raml_code rc = raml_path_format(path, err, "%s/run/%s", r->dir, name);
    if (!rc) rc = raml_lines_init(&lines, path, 1 << 20, err);
    if (rc) return rc;
    for (bool more = true; !rc;) {
        rc = raml_lines_next(&lines, &more, err);
        if (rc || !more) break;
        json_t *o = json_loadb(lines.line.data, lines.line.len, 0, NULL);
        rc = o ? use(a, o, lines.number - 1, err) : raml_fail(err, RAML_EFORMAT, "%s: no JSON", path);
        json_decref(o);
    }
    raml_lines_deinit(&lines);
    return rc;
}

static enum raml_code take_seconds(struct arm *a, const json_t *o, size_t i, struct raml_err *err)
{
    (void)err;
    for (int p = 0; p < N_PARTS && i; p++) a->part[p] += json_number_value(json_object_get(o, part_name[p]));
    return RAML_OK;
}

static enum raml_code take_metrics(struct arm *a, const json_t *o, size_t i, struct raml_err *err)
{
    double length = json_number_value(json_object_get(o, "completions/mean_length"));
    (void)i;
    a->ratio = json_number_value(json_object_get(o, "tree_token_ratio"));
    if (length == LENGTH) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "completions have %g tokens, expected %d", length, LENGTH);
}

static void settings(const struct arm *a, struct raml_train_options *train, struct raml_rollout_options *rollouts,
                     struct raml_policy_options *policy)
{
    *train = raml_train_default();
    train->batch_size = QUESTIONS;
    train->max_steps = STEPS + 1;
    train->learning_rate = 1e-9;
    train->logging_steps = 1;
    train->save_steps = 0;
    raml_settings_default(raml_rollout_settings, raml_n_rollout_settings, rollouts);
    rollouts->num_generations = SAMPLES;
    rollouts->max_completion_length = LENGTH;
    rollouts->share_prompts = a->shares;
    raml_settings_default(raml_policy_settings, raml_n_policy_settings, policy);
}

static enum raml_code run(const struct rig *r, struct arm *a, struct raml_err *err)
{
    struct raml_train_options train;
    struct raml_rollout_options rollouts;
    struct raml_policy_options policy;
    struct times times = {0};
    const struct raml_sink sink = {.progress = on_progress, .user = &times};
    struct raml_train_job job = {
        .model = r->bench.m, .tokenizer = r->tokenizer, .format = r->format, .data = &r->data, .sink = &sink};
    const struct raml_rollout_job with = {.rollouts = &rollouts, .policy = &policy};
    char dir[RAML_PATH_BYTES];
    settings(a, &train, &rollouts, &policy);
    enum raml_code rc = raml_path_format(dir, err, "%s/run", r->dir);
    if (!rc) rc = raml_run_open(dir, 0, &job.run, &job.resume_step, err);
    if (!rc) rc = raml_train_grpo(&job, &train, &with, NULL, err);
    raml_run_close(job.run);
    if (!rc) rc = each_line(r, "timing.jsonl", take_seconds, a, err);
    if (!rc) rc = each_line(r, "metrics.jsonl", take_metrics, a, err);
    for (size_t i = 1; i < times.n && a->n < MAX_STEPS && !rc; i++) a->step[a->n++] = times.at[i] - times.at[i - 1];
    return rc ? rc : raml_remove_tree(dir, err);
}

/* -- Both arms ----------------------------------------------------------------------------------------------------- */

static enum raml_code take_turns(const struct rig *r, struct arm arm[2], double seconds, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    double start = raml_clock_monotonic();
    for (int turn = 0; !rc && arm[1].n + STEPS <= MAX_STEPS && (turn < 2 || raml_clock_monotonic() - start < seconds);
         turn++) {
        for (int i = 0; i < 2 && !rc; i++) {
            struct rusage use;
            rc = run(r, &arm[i], err);
            getrusage(RUSAGE_SELF, &use);
            if (!arm[i].peak_bytes) arm[i].peak_bytes = (size_t)use.ru_maxrss * 1024;
        }
    }
    return rc;
}

static double median(struct arm *a)
{
    qsort(a->step, a->n, sizeof *a->step, bench_by_value);
    return a->step[a->n / 2];
}

static void report(struct arm arm[2], size_t n_prompt, struct bench_result *out)
{
    double seconds[2] = {median(&arm[0]), median(&arm[1])}, share[N_PARTS], saving[N_PARTS], all = 0;
    for (int p = 0; p < N_PARTS; p++) all += arm[0].part[p];
    for (int p = 0; p < N_PARTS; p++) {
        share[p] = arm[0].part[p] / all;
        saving[p] = arm[0].part[p] > 0 ? arm[1].part[p] / (double)arm[1].n * (double)arm[0].n / arm[0].part[p] : 1;
    }
    const double samples = QUESTIONS * SAMPLES, ratio = seconds[1] / seconds[0];
    out->seconds = seconds[0];
    out->tokens_per_s = samples * LENGTH / seconds[0];
    snprintf(
        out->note, sizeof out->note,
        "%zu + %d x %d: %.2f samples/s, %.2f unshared: %.2f x; sampling %.0f %%, scoring %.0f %%, training %.0f %%; "
        "tree %.2f; %.0f MB, %.0f",
        n_prompt, SAMPLES, LENGTH, samples / seconds[0], samples / seconds[1], ratio, 100 * share[SAMPLING],
        100 * share[SCORING], 100 * share[TRAINING], arm[0].ratio, 1e-6 * (double)arm[0].peak_bytes,
        1e-6 * (double)arm[1].peak_bytes);
    snprintf(out->extra, sizeof out->extra,
             "\"prompt\": %zu, \"questions\": %d, \"samples\": %d, \"length\": %d, \"samples_per_s\": %.4g, "
             "\"unshared_samples_per_s\": %.4g, \"ratio\": %.4f, \"sampling_ratio\": %.4f, \"training_ratio\": %.4f, "
             "\"sampling_share\": %.4f, \"scoring_share\": %.4f, \"training_share\": %.4f, \"tree_token_ratio\": %.4f, "
             "\"shared_memory_bytes\": %zu, \"unshared_memory_bytes\": %zu, \"steps\": %zu",
             n_prompt, QUESTIONS, SAMPLES, LENGTH, samples / seconds[0], samples / seconds[1], ratio, saving[SAMPLING],
             saving[TRAINING], share[SAMPLING], share[SCORING], share[TRAINING], arm[0].ratio, arm[0].peak_bytes,
             arm[1].peak_bytes, arm[0].n);
}

static enum raml_code compare(const struct bench_options *opt, size_t n_prompt, struct bench_result *out,
                              struct raml_err *err)
{
    struct rig r = {0};
    struct arm arm[2] = {{.shares = true}, {.shares = false}};
    enum raml_code rc = open_rig(&r, opt, n_prompt, out, err);
    if (!rc) rc = take_turns(&r, arm, opt->seconds, err);
    if (!rc) report(arm, n_prompt, out);
    enum raml_code closed = close_rig(&r, out, rc ? NULL : err);
    return rc ? rc : closed;
}

enum raml_code bench_grpo(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    return compare(opt, MAX_PROMPT, out, err);
}

enum raml_code bench_grpo_short(const struct bench_options *opt, struct bench_result *out, struct raml_err *err)
{
    return compare(opt, 64, out, err);
}
