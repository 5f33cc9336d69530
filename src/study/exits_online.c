/* exits_online.c - a policy in running samples, beside samples that think to their end, and beside its own replay on
 * those. See exits_parts.h.
 */
#include "study/exits_parts.h"

#include "core/file.h"
#include "core/path.h"
#include "eval/cluster.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FULL, EXIT, SIDES, MAX_BYTES = 1 << 30 };

struct online {
    const struct raml_exits_files_job *job;
    const struct raml_exits_files_options *opt;
    const struct raml_exits_set *halves;
    const char *text; /* of the policy */
    struct raml_exit_policy policy;
    struct raml_questions asked, sampled[SIDES];
    struct raml_exits_set set; /* probes of the full samples */
    struct raml_writer writer;
    struct raml_buf line;
    struct raml_clustered right[SIDES], total[SIDES], difference;
    struct raml_exits_online sum;
};

static const char *const file_name[] = {"online.json", "online.tsv", "online.jsonl", "online_probes.jsonl"};
static const char *const side_name[SIDES] = {"full", "exit"};

enum raml_code raml_exits_online_remove(const char *dir, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < sizeof file_name / sizeof *file_name; i++) {
        rc = raml_path_join(path, dir, file_name[i], err);
        if (!rc && unlink(path) && errno != ENOENT) rc = raml_fail_errno(err, "%s: can't be removed", path);
    }
    return rc;
}

/* -- Sampling ------------------------------------------------------------------------------------------------------ */

static bool on_test_half(const struct raml_exits_set *s, const struct raml_question *q)
{
    for (size_t i = 0; i < s->n; i++)
        if (!strcmp(s->trajectory[i].question, q->question)) return s->trajectory[i].half == RAML_EXITS_TEST;
    return false;
}

static enum raml_code select_questions(struct online *o, struct raml_err *err)
{
    const struct raml_questions *qs = o->job->questions;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < qs->n; i++) {
        struct raml_question q = qs->question[i];
        if (!raml_exits_wanted(o->opt, &q) || !q.answer || !*q.answer) continue;
        if (!on_test_half(o->halves, &q)) continue;
        q.trajectory = NULL;
        q.n_trajectories = 0;
        rc = raml_questions_add(&o->asked, &q, err);
    }
    if (!rc && o->asked.n == 0) rc = raml_fail(err, RAML_ERANGE, "no question of the test half to sample");
    return rc;
}

static double now(const struct online *o)
{
    return o->job->clock ? o->job->clock() : NAN;
}

static enum raml_code sample(struct online *o, int side, struct raml_err *err)
{
    const struct raml_exits_files_job *job = o->job;
    struct raml_sample_options opt = o->opt->sampling;
    struct raml_sample_stats stats = {0};
    opt.seed = o->opt->seed;
    opt.eos = job->eos;
    opt.n_eos = job->n_eos;
    opt.exit = side == EXIT ? o->text : NULL;
    opt.exit_words = o->opt->waits && *o->opt->waits ? o->opt->waits : NULL;
    opt.probe_tokens = o->opt->probe_tokens;
    double start = now(o);
    enum raml_code rc = raml_sample_questions(job->model, job->tokenizer, &job->format, &o->asked, &opt,
                                              &o->sampled[side], &stats, job->sink, err);
    o->sum.seconds[side] = now(o) - start;
    if (rc) return raml_wrap(err, rc, "online, %s", side == EXIT ? o->text : "full thinking");
    o->sum.tokens[side] = (double)stats.tokens / (double)stats.samples;
    if (side == EXIT) {
        o->sum.n_probes = (double)stats.probes / (double)stats.samples;
        o->sum.probe_tokens = (double)stats.probe_tokens / (double)stats.samples;
    }
    return RAML_OK;
}

/* Probes of the full samples, in a file of their own, which is made anew. */
static enum raml_code probe(struct online *o, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct raml_exits_files_job job = *o->job;
    struct raml_exits_files_options opt = *o->opt;
    struct raml_exits_collected c = {0};
    enum raml_code rc = raml_path_join(path, job.dir, "online_probes.jsonl", err);
    if (!rc && unlink(path) && errno != ENOENT) rc = raml_fail_errno(err, "%s: can't be removed", path);
    job.questions = &o->sampled[FULL];
    job.data_name = "full samples";
    opt.split = opt.family = NULL; /* these are selected already */
    opt.max_samples = 0;
    opt.skip_long = true;
    opt.probes = NULL;
    if (o->policy.stride) opt.stride = o->policy.stride; /* places that the policy asks for, no others */
    else if (o->policy.budget) opt.stride = o->policy.budget;
    if (!rc) rc = raml_exits_set_init(&o->set, err);
    if (!rc) rc = raml_exits_collect(&job, &opt, path, &o->set, &c, err);
    if (!rc && c.stopped) rc = raml_fail(err, RAML_ESTOP, "stopped while the full samples were probed");
    return rc;
}

/* -- Comparing ----------------------------------------------------------------------------------------------------- */

struct pair { /* a sample, in full and with the policy */
    const struct raml_question *q;
    const struct raml_trajectory *t[SIDES];
    size_t sample, number;
    const struct raml_exits_trajectory *probed; /* NULL: its probes do not fit the context */
    struct raml_exit_run replayed;
};

static size_t total_of(const struct pair *p, int side)
{
    const struct raml_trajectory *t = p->t[side];
    return t->n_tokens + (t->exit ? t->exit->probe_tokens : 0);
}

static size_t stop_of(const struct pair *p)
{
    const struct raml_trajectory *t = p->t[EXIT];
    return t->exit ? t->exit->at : t->think_end - t->think_start;
}

static json_t *side_json(const struct pair *p, int side)
{
    const struct raml_trajectory *t = p->t[side];
    json_t *o = json_pack("{s:o, s:b, s:I}", "answer", raml_json_text(t->answer), "right",
                          (int)(t->correct == RAML_EQUAL), "tokens", (json_int_t)t->n_tokens);
    int failed = !o || json_object_set_new(o, "thinking", json_integer((json_int_t)(t->think_end - t->think_start)));
    if (!failed && t->exit)
        failed = json_object_set_new(o, "stop", json_integer((json_int_t)t->exit->at)) ||
                 json_object_set_new(o, "reason", raml_json_text(t->exit->reason)) ||
                 json_object_set_new(o, "probes", json_integer((json_int_t)t->exit->probes)) ||
                 json_object_set_new(o, "probe_tokens", json_integer((json_int_t)t->exit->probe_tokens));
    return raml_json_checked(o, failed);
}

static enum raml_code write_pair(struct online *o, const struct pair *p, struct raml_err *err)
{
    json_t *line = json_pack("{s:s, s:I, s:o, s:o}", "id", p->q->id, "sample", (json_int_t)p->sample, side_name[FULL],
                             side_json(p, FULL), side_name[EXIT], side_json(p, EXIT));
    int failed = !line;
    if (!failed && p->probed)
        failed =
            json_object_set_new(line, "replayed",
                                json_pack("{s:I, s:s, s:s, s:b, s:I}", "stop", (json_int_t)p->replayed.stop, "reason",
                                          p->replayed.reason, "answer", p->probed->probe[p->replayed.answer].answer,
                                          "right", (int)p->replayed.right, "total", (json_int_t)p->replayed.total));
    line = raml_json_checked(line, failed);
    raml_buf_clear(&o->line);
    if (line) raml_json_add(&o->line, line);
    raml_buf_adds(&o->line, "\n");
    json_decref(line);
    enum raml_code rc = line ? raml_buf_status(&o->line, err) : raml_fail(err, RAML_ENOMEM, "no memory for a record");
    return rc ? rc : raml_writer_add(&o->writer, o->line.data, o->line.len, err);
}

static enum raml_code count(struct online *o, const struct pair *p, struct raml_err *err)
{
    double right[SIDES];
    enum raml_code rc = RAML_OK;
    for (int side = 0; !rc && side < SIDES; side++) {
        right[side] = p->t[side]->correct == RAML_EQUAL;
        rc = raml_clustered_add(&o->right[side], p->number, right[side], err);
        if (!rc) rc = raml_clustered_add(&o->total[side], p->number, (double)total_of(p, side), err);
    }
    if (!rc) rc = raml_clustered_add(&o->difference, p->number, right[EXIT] - right[FULL], err);
    o->sum.n_samples++;
    if (rc || !p->probed) return rc;
    const char *replayed = p->probed->probe[p->replayed.answer].answer;
    o->sum.n_compared++;
    o->sum.n_same_stop += p->replayed.stop == stop_of(p);
    o->sum.n_same_answer += !strcmp(replayed, p->t[EXIT]->answer ? p->t[EXIT]->answer : "");
    return RAML_OK;
}

/* The probes of this sample; they are in the same order, some may be left out. */
static const struct raml_exits_trajectory *find(const struct online *o, const struct pair *p, size_t *at)
{
    const struct raml_exits_trajectory *t = &o->set.trajectory[*at];
    if (*at == o->set.n || strcmp(t->id, p->q->id) != 0 || t->sample != p->sample) return NULL;
    ++*at;
    return t;
}

static enum raml_code compare(struct online *o, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    size_t at = 0;
    o->sum.n_questions = o->asked.n;
    for (size_t i = 0; !rc && i < o->asked.n; i++) {
        const struct raml_question *full = &o->sampled[FULL].question[i], *exit = &o->sampled[EXIT].question[i];
        for (size_t k = 0; !rc && k < full->n_trajectories; k++) {
            struct pair p = {.q = full, .t = {&full->trajectory[k], &exit->trajectory[k]}, .sample = k, .number = i};
            p.probed = find(o, &p, &at);
            if (p.probed) {
                const struct raml_exit_stored stored = raml_exits_stored(p.probed, &o->policy);
                rc = raml_exit_replay(&o->policy, &stored, &o->set.cost, &p.replayed, err);
            }
            if (!rc) rc = count(o, &p, err);
            if (!rc) rc = write_pair(o, &p, err);
        }
    }
    return rc;
}

/* -- What it comes to ----------------------------------------------------------------------------------------------- */

static enum raml_code summarise(struct online *o, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    uint64_t seed = o->opt->seed;
    uint32_t n = o->opt->n_draws;
    for (int side = 0; !rc && side < SIDES; side++) {
        rc = raml_clustered_share(&o->right[side], seed, n, &o->sum.accuracy[side], err);
        if (!rc) rc = raml_clustered_mean(&o->total[side], seed, n, &o->sum.total[side], err);
    }
    return rc ? rc : raml_clustered_mean(&o->difference, seed, n, &o->sum.difference, err);
}

static json_t *estimate_json(const struct raml_estimate *e)
{
    return json_pack("{s:o, s:o, s:o}", "value", raml_json_number(e->value), "low", raml_json_number(e->low), "high",
                     raml_json_number(e->high));
}

static json_t *online_json(const struct raml_exits_online *s)
{
    return json_pack(
        "{s:s, s:I, s:I, s:{s:o, s:o, s:o, s:o}, s:{s:o, s:o, s:o, s:o, s:o, s:o}, s:o, s:{s:I, s:I, s:I}}", "policy",
        s->settings, "questions", (json_int_t)s->n_questions, "samples", (json_int_t)s->n_samples, side_name[FULL],
        "accuracy", estimate_json(&s->accuracy[FULL]), "tokens", raml_json_number(s->tokens[FULL]), "total",
        estimate_json(&s->total[FULL]), "seconds", raml_json_number(s->seconds[FULL]), side_name[EXIT], "accuracy",
        estimate_json(&s->accuracy[EXIT]), "tokens", raml_json_number(s->tokens[EXIT]), "probes",
        raml_json_number(s->n_probes), "probe_tokens", raml_json_number(s->probe_tokens), "total",
        estimate_json(&s->total[EXIT]), "seconds", raml_json_number(s->seconds[EXIT]), "difference",
        estimate_json(&s->difference), "replayed", "samples", (json_int_t)s->n_compared, "same_stop",
        (json_int_t)s->n_same_stop, "same_answer", (json_int_t)s->n_same_answer);
}

static enum raml_code write_summary(struct online *o, struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    json_t *summary = online_json(&o->sum);
    raml_buf_clear(&o->line);
    if (summary) raml_json_add(&o->line, summary);
    raml_buf_adds(&o->line, "\n");
    enum raml_code rc =
        summary ? raml_buf_status(&o->line, err) : raml_fail(err, RAML_ENOMEM, "no memory for a record");
    json_decref(summary);
    if (!rc) rc = raml_path_join(path, o->job->dir, "online.json", err);
    return rc ? rc : raml_file_write(path, o->line.data, o->line.len, err);
}

/* The same as a table of two rows, for the report. */
static enum raml_code write_table(struct online *o, struct raml_err *err)
{
    static const char *const name[SIDES] = {"full thinking", "with the policy"};
    const struct raml_exits_online *s = &o->sum;
    char path[RAML_PATH_BYTES];
    raml_buf_clear(&o->line);
    raml_buf_adds(&o->line, "samples\tsettings\taccuracy\taccuracy_low\taccuracy_high\ttokens\tprobes\tprobe_tokens\t"
                            "total\ttotal_low\ttotal_high\tseconds\n");
    for (int side = 0; side < SIDES; side++) {
        const struct raml_estimate *a = &s->accuracy[side], *t = &s->total[side];
        bool policy = side == EXIT;
        raml_buf_addf(&o->line, "%s\t%s\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%.3f\n", name[side],
                      policy ? s->settings : "full", a->value, a->low, a->high, s->tokens[side],
                      policy ? s->n_probes : 0, policy ? s->probe_tokens : 0, t->value, t->low, t->high,
                      s->seconds[side]);
    }
    enum raml_code rc = raml_buf_status(&o->line, err);
    if (!rc) rc = raml_path_join(path, o->job->dir, "online.tsv", err);
    return rc ? rc : raml_file_write(path, o->line.data, o->line.len, err);
}

static void online_deinit(struct online *o)
{
    raml_questions_deinit(&o->asked);
    for (int side = 0; side < SIDES; side++) {
        raml_questions_deinit(&o->sampled[side]);
        raml_clustered_deinit(&o->right[side]);
        raml_clustered_deinit(&o->total[side]);
    }
    raml_clustered_deinit(&o->difference);
    raml_exits_set_deinit(&o->set);
    raml_writer_deinit(&o->writer);
    raml_buf_deinit(&o->line);
}

enum raml_code raml_exits_online(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                                 const struct raml_exits_set *halves, const char *policy, struct raml_exits_online *out,
                                 struct raml_err *err)
{
    char path[RAML_PATH_BYTES];
    struct online o = {.job = job, .opt = opt, .halves = halves, .text = policy, .sum.settings = policy};
    raml_questions_init(&o.asked);
    for (int side = 0; side < SIDES; side++) raml_questions_init(&o.sampled[side]);
    raml_buf_init(&o.line, MAX_BYTES);
    enum raml_code rc = raml_exit_policy_read(policy, &o.policy, err);
    if (!rc) rc = select_questions(&o, err);
    for (int side = 0; !rc && side < SIDES; side++) rc = sample(&o, side, err);
    if (!rc) rc = probe(&o, err);
    if (!rc) rc = raml_path_join(path, job->dir, "online.jsonl", err);
    if (!rc) rc = raml_writer_init(&o.writer, path, err);
    if (!rc) rc = compare(&o, err);
    if (!rc) rc = summarise(&o, err);
    if (!rc) rc = raml_writer_commit(&o.writer, err);
    if (!rc) rc = write_summary(&o, err);
    if (!rc) rc = write_table(&o, err);
    if (!rc) *out = o.sum;
    enum raml_code removed = rc ? raml_exits_online_remove(job->dir, NULL) : RAML_OK; /* all or none */
    (void)removed;
    online_deinit(&o);
    return rc;
}
