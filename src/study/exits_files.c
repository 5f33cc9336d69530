/* exits_files.c - a stored set, every policy on it, and the files of that. See raml/exits_files.h. */
#include "study/exits_parts.h"

#include "core/file.h"
#include "core/path.h"

#include <stdlib.h>
#include <string.h>

struct raml_exits_files_options raml_exits_files_default(void)
{
    return (struct raml_exits_files_options){.stride = 32,
                                             .waits = "wait",
                                             .probe_tokens = 32,
                                             .rest = 8,
                                             .max_batch_tokens = 16384,
                                             .batch_size = 64,
                                             .validation = 0.5,
                                             .margin = 0.01,
                                             .n_draws = 1000,
                                             .n_shown = 12,
                                             .sampling = raml_sample_default()};
}

void raml_exits_summary_deinit(struct raml_exits_summary *s)
{
    free(s->row);
    if (s->own) {
        free(s->own->policies.policy);
        raml_arena_close(s->own->arena);
        free(s->own);
    }
    *s = (struct raml_exits_summary){0};
}

struct study {
    const struct raml_exits_files_job *job;
    const struct raml_exits_files_options *opt;
    struct raml_exits_set set;
    struct raml_exits_runs runs;
    struct raml_exits_summary sum;
    char path[RAML_PATH_BYTES]; /* of the stored set */
};

/* -- Settings ------------------------------------------------------------------------------------------------------ */

static enum raml_code check(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                            struct raml_err *err)
{
    if (opt->stride == 0 || opt->probe_tokens == 0)
        return raml_fail(err, RAML_EUSAGE, "stride %zu, probe_tokens %zu; expected at least 1", opt->stride,
                         opt->probe_tokens);
    if (!(opt->validation > 0 && opt->validation < 1))
        return raml_fail(err, RAML_EUSAGE, "validation is %g; expected a share between 0 and 1", opt->validation);
    if (!(opt->margin >= 0 && opt->margin <= 1))
        return raml_fail(err, RAML_EUSAGE, "margin is %g; expected a share of accuracy, 0 to 1", opt->margin);
    if (!opt->probes && (!job->model || !job->questions || !job->tokenizer))
        return raml_fail(err, RAML_EUSAGE, "without a stored set a model and trajectories are needed");
    if (opt->online && (!job->model || !job->questions || !job->tokenizer))
        return raml_fail(err, RAML_EUSAGE, "running samples need a model and the questions");
    return RAML_OK;
}

/* What is wrong with a list of policies shows before any probe is made. */
static enum raml_code check_policies(const struct raml_exits_files_options *opt, struct raml_err *err)
{
    struct raml_exits_set none = {.stride = opt->stride};
    struct raml_exits_policies list = {0};
    enum raml_code rc = raml_exits_policies(&none, opt->policies, &list, err);
    free(list.policy);
    if (rc || !opt->online) return rc;
    struct raml_sample_options sampling = opt->sampling;
    sampling.exit = opt->online_policy;
    return raml_sample_check(&sampling, err);
}

/* -- The stored set ------------------------------------------------------------------------------------------------ */

static enum raml_code replayed_set(struct study *s, struct raml_err *err)
{
    size_t end;
    json_t *wanted = NULL;
    enum raml_code rc = raml_path_format(s->path, err, "%s", s->opt->probes);
    if (!rc) rc = raml_exits_set_read(&s->set, s->path, &end, err);
    if (!rc) rc = raml_exits_header(s->job, s->opt, &wanted, err);
    if (!rc) rc = raml_exits_set_same(&s->set, s->path, wanted, err);
    json_decref(wanted);
    return rc;
}

/* Each half needs a question: that shows before the model is asked. */
static enum raml_code check_halves(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                                   struct raml_err *err)
{
    const struct raml_question *first = NULL;
    for (size_t i = 0; i < job->questions->n; i++) {
        const struct raml_question *q = &job->questions->question[i];
        if (!raml_exits_wanted(opt, q) || !q->answer || !*q->answer) continue;
        if (first && raml_question_hash(first->question) != raml_question_hash(q->question)) return RAML_OK;
        if (!first) first = q;
    }
    if (!first) return RAML_OK; /* the set says what is wrong */
    return raml_fail(err, RAML_ERANGE,
                     "%s%s1 question with trajectories and an answer; expected at least 2: settings are chosen on one "
                     "half and reported on the other",
                     job->data_name ? job->data_name : "", job->data_name ? ": " : "");
}

static enum raml_code made_set(struct study *s, struct raml_err *err)
{
    struct raml_exits_collected c = {0};
    enum raml_code rc = check_halves(s->job, s->opt, err);
    if (!rc) rc = raml_make_dir(s->job->dir, err);
    if (!rc) rc = raml_path_join(s->path, s->job->dir, "probes.jsonl", err);
    if (!rc) rc = raml_exits_collect(s->job, s->opt, s->path, &s->set, &c, err);
    s->sum.n_skipped = c.n_skipped;
    s->sum.n_read = c.n_read;
    s->sum.stopped = c.stopped;
    return rc;
}

static enum raml_code open_set(struct study *s, struct raml_err *err)
{
    enum raml_code rc = raml_exits_set_init(&s->set, err);
    if (!rc) rc = s->opt->probes ? replayed_set(s, err) : made_set(s, err);
    if (rc) return rc;
    if (s->set.n == 0)
        return s->sum.stopped ? raml_fail(err, RAML_ESTOP, "stopped before the first question's probes were complete")
                              : raml_fail(err, RAML_ERANGE, "%s: holds no trajectory", s->path);
    if (s->set.n < s->set.n_planned)
        raml_say(s->job->sink, "%s: %zu of %zu trajectories", s->path, s->set.n, s->set.n_planned);
    return raml_exits_set_split(&s->set, s->opt->validation, s->opt->seed, err);
}

/* -- What it comes to ----------------------------------------------------------------------------------------------- */

static void count(struct study *s)
{
    size_t last[RAML_EXITS_HALVES] = {SIZE_MAX, SIZE_MAX};
    s->sum.n_trajectories = s->set.n;
    s->sum.n_planned = s->set.n_planned;
    s->sum.stride = s->set.stride;
    for (size_t i = 0; i < s->set.n; i++) {
        const struct raml_exits_trajectory *t = &s->set.trajectory[i];
        s->sum.n_probes += t->n_probes;
        s->sum.n_questions[t->half] += t->number != last[t->half];
        last[t->half] = t->number;
    }
}

static enum raml_code replay_all(struct study *s, struct raml_err *err)
{
    struct raml_exits_report *own = calloc(1, sizeof *own);
    s->sum.own = own;
    if (own) own->arena = raml_arena_open((size_t)1 << 30);
    if (!own || !own->arena) return raml_fail(err, RAML_ENOMEM, "no memory for the means of policies");
    count(s);
    for (int h = 0; h < RAML_EXITS_HALVES; h++)
        if (s->sum.n_questions[h] == 0)
            return raml_fail(
                err, RAML_ERANGE,
                "%s: %zu question%s, none on the %s half; thresholds are chosen on one and reported on the "
                "other",
                s->path, s->set.n_questions, s->set.n_questions == 1 ? "" : "s",
                raml_exits_half_name((enum raml_exits_half)h));
    enum raml_code rc = raml_exits_policies(&s->set, s->opt->policies, &own->policies, err);
    if (!rc) rc = raml_exits_runs(&s->set, &own->policies, &s->runs, err);
    if (rc) return rc;
    s->sum.n_rows = own->policies.n;
    s->sum.row = calloc(s->sum.n_rows, sizeof *s->sum.row);
    if (!s->sum.row) return raml_fail(err, RAML_ENOMEM, "no memory for the means of %zu policies", s->sum.n_rows);
    return raml_exits_means(&s->runs, s->opt, own->arena, s->sum.row, &s->sum.best, err);
}

static enum raml_code write_files(const struct study *s, struct raml_err *err)
{
    const char *dir = s->job->dir, *name = s->job->data_name;
    const struct raml_exits_row *row = s->sum.row;
    enum raml_code rc = raml_make_dir(dir, err);
    if (!rc) rc = raml_exits_online_remove(dir, err);
    if (!rc) rc = raml_exits_write_table(row, s->sum.n_rows, dir, err);
    if (!rc) rc = raml_exits_write_runs(&s->runs, row, dir, err);
    if (!rc) rc = raml_exits_page(&s->runs, row, s->opt, dir, name, err);
    struct raml_drawing to = {.dir = dir, .sink = s->job->sink};
    if (!rc) rc = raml_exits_pictures(row, s->sum.n_rows, s->opt->by_accuracy, &to, name, err);
    if (!rc) raml_drawing_tell(&to);
    return rc;
}

/* The policy that is tried in running samples: the one asked for, or the best one. */
static enum raml_code run_online(struct study *s, struct raml_err *err)
{
    const char *policy = s->opt->online_policy;
    if (!s->opt->online || s->sum.stopped) return RAML_OK;
    if (!policy && s->sum.best < s->sum.n_rows) policy = s->sum.row[s->sum.best].settings;
    if (!policy) {
        raml_say(s->job->sink, "no setting meets the margin: none is tried in running samples");
        return RAML_OK;
    }
    struct raml_exits_files_options opt = *s->opt; /* a set that is replayed was made with settings of its own */
    const json_t *waits = json_object_get(s->set.header, "waits"),
                 *most = json_object_get(s->set.header, "probe_tokens");
    opt.stride = s->set.stride;
    if (json_is_string(waits)) opt.waits = json_string_value(waits);
    if (json_integer_value(most) > 0) opt.probe_tokens = (size_t)json_integer_value(most);
    enum raml_code rc = raml_exits_online(s->job, &opt, &s->set, policy, &s->sum.online, err);
    s->sum.has_online = !rc;
    s->sum.stopped = rc == RAML_ESTOP; /* what was replayed stands */
    return s->sum.stopped ? RAML_OK : rc;
}

enum raml_code raml_exits_files(const struct raml_exits_files_job *job, const struct raml_exits_files_options *opt,
                                struct raml_exits_summary *out, struct raml_err *err)
{
    struct study *s = calloc(1, sizeof *s);
    if (!s) return raml_fail(err, RAML_ENOMEM, "no memory for a study");
    s->job = job;
    s->opt = opt;
    enum raml_code rc = check(job, opt, err);
    if (!rc) rc = check_policies(opt, err);
    if (!rc) rc = open_set(s, err);
    if (!rc) rc = replay_all(s, err);
    if (!rc) rc = write_files(s, err);
    if (!rc) rc = run_online(s, err);
    raml_exits_runs_deinit(&s->runs);
    raml_exits_set_deinit(&s->set);
    if (rc) raml_exits_summary_deinit(&s->sum);
    else *out = s->sum;
    free(s);
    return rc;
}
