/* eval_files.c - samples from files, and fresh samples, as samples.h passes them on (eval.h). */
#include "cli/eval.h"
#include "cli/load.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_eval_name_of(const char *path, char *out, size_t cap)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    if (n > 6 && !strcmp(name + n - 6, ".jsonl")) n -= 6;
    else if (n > 5 && !strcmp(name + n - 5, ".json")) n -= 5;
    snprintf(out, cap, "%.*s", (int)(n < cap ? n : cap - 1), name);
}

static const struct {
    const char *word;
    enum raml_samples_layout layout;
} layouts[] = {{"raml", RAML_LAYOUT_RAML},
               {"grades", RAML_LAYOUT_GRADES},
               {"lm_eval", RAML_LAYOUT_LM_EVAL},
               {"lighteval", RAML_LAYOUT_LIGHTEVAL},
               {"opencompass", RAML_LAYOUT_OPENCOMPASS},
               {"marks", RAML_LAYOUT_GRADES}}; /* the old word for grades */
enum { N_LAYOUTS = sizeof layouts / sizeof *layouts };

static enum raml_samples_layout layout_of(const char *word)
{
    for (size_t i = 0; i < N_LAYOUTS; i++)
        if (!strcmp(layouts[i].word, word)) return layouts[i].layout;
    return RAML_LAYOUT_AUTO;
}

const char *cli_eval_layout_name(enum raml_samples_layout layout)
{
    for (size_t i = 0; i < N_LAYOUTS; i++)
        if (layouts[i].layout == layout) return layouts[i].word;
    return "auto";
}

struct limited {
    raml_graded_fn *fn;
    void *user;
    uint64_t *left;
    bool ended, number;
    uint64_t n, n_samples;
};

static enum raml_code take(void *user, const struct raml_graded *q, struct raml_err *err)
{
    struct limited *l = user;
    struct raml_graded numbered = *q;
    char id[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)++l->n);
    l->n_samples += q->n;
    if (l->number) numbered.id = id;
    enum raml_code rc = l->fn(l->user, &numbered, err);
    if (rc || !*l->left || --*l->left) return rc;
    l->ended = true;
    return RAML_ESTOP;
}

enum raml_code cli_eval_file_read(const struct cli *cli, const struct eval_settings *s, const char *path,
                                  uint64_t *left, raml_graded_fn *fn, void *user, struct eval_file *out,
                                  struct raml_err *err)
{
    struct raml_samples_options o = {.layout = layout_of(s->layout), .regrade = s->regrade, .metric = s->metric};
    o.skip_bad = cli->skip_bad_rows;
    o.on_bad = cli_pass_over_row;
    o.on_bad_user = (void *)(uintptr_t)cli;
    struct limited l = {.fn = fn, .user = user, .left = left, .number = !strcmp(s->match, "line")};
    *out = (struct eval_file){.path = path, .report = {.metric = ""}};
    enum raml_code rc = raml_samples_read(path, &o, take, &l, &out->report, err);
    if (!l.ended) return rc;
    out->report.n_questions = l.n; /* --limit ended the reading before there was a report */
    out->report.n_samples = l.n_samples;
    return RAML_OK;
}

/* ---- fresh samples ----------------------------------------------------------------------------------------------- */

struct arrays {
    bool *correct, *truncated, *unclosed;
    const char **answer;
};

static void give(const struct raml_question *q, struct arrays *r, struct raml_graded *out)
{
    for (size_t i = 0; i < q->n_trajectories; i++) {
        const struct raml_trajectory *t = &q->trajectory[i];
        r->truncated[i] = t->finish_reason && !strcmp(t->finish_reason, "length");
        r->unclosed[i] = !t->think_closed;
        r->correct[i] = t->correct == RAML_EQUAL && !r->truncated[i] && t->think_closed;
        r->answer[i] = t->answer;
    }
    *out = (struct raml_graded){.id = q->id,
                                .family = q->family,
                                .split = q->split,
                                .difficulty = q->difficulty,
                                .gold = q->answer,
                                .n = (uint32_t)q->n_trajectories,
                                .correct = r->correct,
                                .truncated = r->truncated,
                                .unclosed = r->unclosed,
                                .answer = r->answer,
                                .has_answers = true};
}

enum raml_code cli_eval_samples_read(const struct raml_questions *samples, raml_graded_fn *fn, void *user,
                                     struct raml_err *err)
{
    size_t most = 1;
    for (size_t i = 0; i < samples->n; i++)
        if (samples->question[i].n_trajectories > most) most = samples->question[i].n_trajectories;
    struct arrays r = {calloc(most, sizeof *r.correct), calloc(most, sizeof *r.truncated),
                       calloc(most, sizeof *r.unclosed), calloc(most, sizeof *r.answer)};
    enum raml_code rc = RAML_OK;
    if (!r.correct || !r.truncated || !r.unclosed || !r.answer)
        rc = raml_fail(err, RAML_ENOMEM, "no memory for %zu samples of a question", most);
    for (size_t i = 0; i < samples->n && !rc; i++) {
        struct raml_graded q;
        give(&samples->question[i], &r, &q);
        rc = fn(user, &q, err);
    }
    free(r.correct);
    free(r.truncated);
    free(r.unclosed);
    free(r.answer);
    return rc;
}
