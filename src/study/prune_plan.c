/* prune_plan.c - what a pruning is asked for, read and checked. See prune_parts.h. */
#include "study/prune_parts.h"

#include "core/array.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *raml_prune_level_name(enum raml_prune_level_kind k)
{
    static const char *const name[] = {"whole", "nothing", "slack", "bound", "epsilon", "share", "summary"};
    return k < RAML_PRUNE_LEVEL_KINDS ? name[k] : "?";
}

const char *raml_prune_method_name(enum raml_prune_method m)
{
    static const char *const name[] = {"given", "greedy", "descent", "random", "budget", "budget_steps", "best"};
    return m < RAML_PRUNE_METHODS ? name[m] : "?";
}

const char *raml_prune_measure_name(enum raml_prune_measure m)
{
    static const char *const name[] = {"share",           "loss",       "rise",      "greedy",       "accuracy",
                                       "accuracy_change", "share_less", "loss_less", "accuracy_less"};
    return m < RAML_PRUNE_MEASURES ? name[m] : "?";
}

struct raml_prune_files_options raml_prune_files_default(void)
{
    static const struct raml_prune_level level[] = {
        {RAML_PRUNE_SLACK, 0},   {RAML_PRUNE_SLACK, 0.01}, {RAML_PRUNE_SLACK, 0.05}, {RAML_PRUNE_SLACK, 0.1},
        {RAML_PRUNE_SLACK, 0.2}, {RAML_PRUNE_SLACK, 0.5},  {RAML_PRUNE_SLACK, 1},    {RAML_PRUNE_EPSILON, 0},
        {RAML_PRUNE_SHARE, 0.9}, {RAML_PRUNE_SHARE, 0.8},  {RAML_PRUNE_SHARE, 0.7},  {RAML_PRUNE_SHARE, 0.6},
        {RAML_PRUNE_SHARE, 0.5}, {RAML_PRUNE_SHARE, 0.4},  {RAML_PRUNE_SHARE, 0.3},  {RAML_PRUNE_SHARE, 0.2},
        {RAML_PRUNE_SHARE, 0.1}};
    return (struct raml_prune_files_options){.max_batch_tokens = 16384,
                                             .steps = "line",
                                             .stride = 8,
                                             .max_steps = 32,
                                             .level = level,
                                             .n_levels = sizeof level / sizeof *level,
                                             .n_random = 4,
                                             .summary_field = "summary",
                                             .n_answers = 1,
                                             .max_answer_tokens = 64,
                                             .batch_size = 64,
                                             .n_draws = 1000,
                                             .tolerance = 0.01};
}

/* -- Cells --------------------------------------------------------------------------------------------------------- */

size_t raml_prune_draws(const struct raml_prune_plan *p, enum raml_prune_method m)
{
    return m == RAML_PRUNE_RANDOM ? p->opt->n_random : 1;
}

size_t raml_prune_cell(const struct raml_prune_plan *p, size_t level, enum raml_prune_method m, size_t draw)
{
    size_t before = m + (m > RAML_PRUNE_RANDOM ? p->opt->n_random - 1 : 0);
    return level * (RAML_PRUNE_METHODS - 1 + p->opt->n_random) + before + draw;
}

enum raml_prune_method raml_prune_own_method(enum raml_prune_level_kind k)
{
    switch (k) {
    case RAML_PRUNE_SLACK:
    case RAML_PRUNE_BOUND:
    case RAML_PRUNE_SHARE: return RAML_PRUNE_GREEDY;
    case RAML_PRUNE_EPSILON: return RAML_PRUNE_DESCENT;
    default: return RAML_PRUNE_GIVEN;
    }
}

/* -- Levels -------------------------------------------------------------------------------------------------------- */

static size_t find(const struct raml_prune_plan *p, struct raml_prune_level l)
{
    for (size_t i = 0; i < p->n_levels; i++)
        if (p->level[i].kind == l.kind && !(p->level[i].value < l.value) && !(p->level[i].value > l.value)) return i;
    return RAML_PRUNE_NONE;
}

static enum raml_code add_level(struct raml_prune_plan *p, struct raml_prune_level l, struct raml_err *err)
{
    const char *name = raml_prune_level_name(l.kind);
    bool is_share = l.kind == RAML_PRUNE_SHARE;
    if (!isfinite(l.value) || (is_share && !(l.value > 0 && l.value < 1)))
        return raml_fail(err, RAML_EUSAGE, "%s %g; expected %s", name, l.value,
                         is_share ? "more than 0 and less than 1" : "a number");
    if (find(p, l) != RAML_PRUNE_NONE) return raml_fail(err, RAML_EUSAGE, "%s %g is given twice", name, l.value);
    if (p->n_levels == RAML_PRUNE_MAX_LEVELS)
        return raml_fail(err, RAML_EUSAGE, "more than %d levels", RAML_PRUNE_MAX_LEVELS);
    p->level[p->n_levels++] = l;
    return RAML_OK;
}

static enum raml_code add_levels(struct raml_prune_plan *p, struct raml_err *err)
{
    const struct raml_prune_files_options *o = p->opt;
    const struct raml_prune_level whole = {RAML_PRUNE_WHOLE, 0}, nothing = {RAML_PRUNE_NOTHING, 0};
    const struct raml_prune_level summary = {RAML_PRUNE_SUMMARY, 0};
    p->level = calloc(RAML_PRUNE_MAX_LEVELS, sizeof *p->level);
    if (!p->level) return raml_fail(err, RAML_ENOMEM, "no memory for levels");
    enum raml_code rc = add_level(p, whole, err);
    if (!rc) rc = add_level(p, nothing, err);
    for (size_t i = 0; !rc && i < o->n_levels; i++) rc = add_level(p, o->level[i], err);
    if (!rc && o->summaries) rc = add_level(p, summary, err);
    p->write = RAML_PRUNE_NONE;
    if (rc || o->write.kind == RAML_PRUNE_WHOLE) return rc;
    if (o->write.kind == RAML_PRUNE_SUMMARY && !o->summaries)
        return raml_fail(err, RAML_EUSAGE, "the summary is to be written, but there is no file of summaries");
    if (find(p, o->write) == RAML_PRUNE_NONE) rc = add_level(p, o->write, err);
    p->write = find(p, o->write);
    return rc;
}

/* -- Words --------------------------------------------------------------------------------------------------------- */

static enum raml_code read_border(struct raml_prune_plan *p, struct raml_err *err)
{
    const char *word = p->opt->steps ? p->opt->steps : "line";
    p->border = RAML_BORDER_KINDS;
    if (!strcmp(word, "token")) p->border = RAML_BORDER_STRIDE;
    for (int k = RAML_BORDER_LINE; k <= RAML_BORDER_PARAGRAPH; k++)
        if (!strcmp(word, raml_border_kind_name((enum raml_border_kind)k))) p->border = (enum raml_border_kind)k;
    if (p->border == RAML_BORDER_KINDS)
        return raml_fail(err, RAML_EUSAGE, "steps: found '%.40s'; expected line, sentence, paragraph or token", word);
    if (p->border == RAML_BORDER_STRIDE && p->opt->stride == 0)
        return raml_fail(err, RAML_EUSAGE, "steps of 0 tokens; expected at least 1");
    return RAML_OK;
}

static enum raml_code check(const struct raml_prune_files_options *o, struct raml_err *err)
{
    if (o->n_random == 0) return raml_fail(err, RAML_EUSAGE, "0 draws of random deletion; expected at least 1");
    if (o->all_subsets > RAML_PRUNE_MAX_SUBSETS)
        return raml_fail(err, RAML_EUSAGE, "all subsets of up to %zu steps; expected at most %d", o->all_subsets,
                         RAML_PRUNE_MAX_SUBSETS);
    if (!(o->tolerance >= 0)) return raml_fail(err, RAML_EUSAGE, "tolerance is %g; expected 0 or more", o->tolerance);
    if (o->n_answers && (o->max_answer_tokens == 0 || o->batch_size == 0))
        return raml_fail(err, RAML_EUSAGE, "answers of %zu tokens, %zu at once; expected at least 1",
                         o->max_answer_tokens, o->batch_size);
    if (o->n_answers > 1 && !(o->temperature > 0))
        return raml_fail(err, RAML_EUSAGE,
                         "%zu answers at temperature 0 are all the same; expected a temperature above 0", o->n_answers);
    if (o->ratio_text && !strstr(o->ratio_text, "{}"))
        return raml_fail(err, RAML_EUSAGE, "the ratio's text is '%.100s'; expected {} where the ratio is put",
                         o->ratio_text);
    if (o->write.kind != RAML_PRUNE_WHOLE && !o->write_wrong && !o->n_answers)
        return raml_fail(err, RAML_EUSAGE,
                         "rows that are answered right are to be written, but no answer is generated; generate "
                         "answers, or write wrong ones too");
    return RAML_OK;
}

static enum raml_code read_texts(struct raml_prune_plan *p, struct raml_err *err)
{
    const struct raml_config *c = raml_model_config(p->job->model);
    enum raml_code rc = raml_sample_texts_init(&p->texts, p->job->tokenizer, &p->job->format, err);
    if (rc) return rc;
    if (p->texts.stop.n == 1) p->end[p->n_ends++] = p->texts.stop.id[0];
    if (c->eos_token >= 0) p->end[p->n_ends++] = c->eos_token;
    for (int i = 0; i < c->n_more_eos && p->n_ends < RAML_PRUNE_MAX_ENDS; i++) p->end[p->n_ends++] = c->more_eos[i];
    p->texts.eos = p->end;
    p->texts.n_eos = p->n_ends;
    return RAML_OK;
}

enum raml_code raml_prune_plan_init(struct raml_prune_plan *p, const struct raml_prune_files_job *job,
                                    const struct raml_prune_files_options *opt, struct raml_err *err)
{
    *p = (struct raml_prune_plan){.opt = opt, .job = job};
    p->source = (struct raml_trace_source){.tokenizer = job->tokenizer,
                                           .format = job->format,
                                           .own = opt->own,
                                           .score_end = opt->score_end,
                                           .join = opt->join};
    enum raml_code rc = check(opt, err);
    if (!rc) rc = read_border(p, err);
    if (!rc) rc = add_levels(p, err);
    p->n_cells = raml_prune_cell(p, p->n_levels, RAML_PRUNE_GIVEN, 0);
    if (!rc) rc = raml_branches_open(job->model, opt->max_batch_tokens, &p->branches, err);
    if (!rc) rc = read_texts(p, err);
    if (!rc && opt->summaries)
        rc = raml_prune_summaries_read(&p->summaries, job, opt->summaries,
                                       opt->summary_field ? opt->summary_field : "summary", err);
    return rc;
}

void raml_prune_plan_deinit(struct raml_prune_plan *p)
{
    raml_prune_summaries_deinit(&p->summaries);
    raml_sample_texts_deinit(&p->texts);
    raml_branches_close(p->branches);
    free(p->level);
    *p = (struct raml_prune_plan){0};
}
