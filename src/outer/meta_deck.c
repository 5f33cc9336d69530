/* meta_deck.c - see meta_deck.h. */
#include "outer/meta_deck.h"
#include "outer/validation.h"

#include "core/array.h"
#include "core/file.h"

#include "raml/rng.h"

#include <stdlib.h>
#include <string.h>

/* -- Families ------------------------------------------------------------------------------------------------------ */

static enum raml_code find_family(struct raml_meta_deck *d, const char *name, struct raml_meta_family **out,
                                  struct raml_err *err)
{
    for (size_t i = 0; i < d->n_families; i++) {
        *out = &d->family[i];
        if (!strcmp((*out)->name, name)) return RAML_OK;
    }
    enum raml_code rc = RAML_GROW(d->family, d->cap_families, d->n_families + 1, "families", err);
    if (rc) return rc;
    *out = &d->family[d->n_families++];
    **out = (struct raml_meta_family){.name = name};
    return RAML_OK;
}

static enum raml_code group(struct raml_meta_deck *d, struct raml_err *err)
{
    const struct training_set *set = d->set;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < set->n && !rc; i++) {
        const struct raml_question *q = &set->qs->question[set->item[i].question];
        struct raml_meta_family *f = NULL;
        char name[RAML_QUESTION_NAME];
        if (!q->family || !*q->family)
            return raml_fail(err, RAML_ERANGE, "%s: %s names no family; task = family needs one of every question",
                             set->name, raml_question_name(q, name));
        rc = find_family(d, q->family, &f, err);
        if (!rc) rc = RAML_GROW(f->item, f->cap, f->n + 1, "questions of a family", err);
        if (!rc) f->item[f->n++] = (uint32_t)i;
    }
    for (size_t i = 0; i < d->n_families && !rc; i++) {
        struct raml_meta_family *f = &d->family[i];
        f->size = f->n < (size_t)d->o->task_size ? f->n : (size_t)d->o->task_size;
        f->per_epoch = f->n / f->size;
        d->n_tasks += f->per_epoch;
        rc = raml_order_init(&f->order, raml_hash(f->name, strlen(f->name), set->seed), f->n, f->name, err);
    }
    return rc;
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static enum raml_code reserve(struct raml_meta_deck *d, size_t n, struct raml_err *err)
{
    size_t old = d->cap_rows;
    enum raml_code rc = RAML_RESERVE(d->row, d->cap_rows, n, "rows of a task", err);
    for (size_t i = old; i < d->cap_rows && !rc; i++) d->row[i] = (struct selection){0};
    for (size_t i = old; i < d->cap_rows && !rc; i++) rc = raml_selection_init(&d->row[i], d->set, err);
    return rc;
}

enum raml_code raml_meta_deck_init(struct raml_meta_deck *d, struct training_set *set,
                                   const struct raml_meta_options *o, struct raml_err *err)
{
    size_t rows = 2;
    *d = (struct raml_meta_deck){.set = set, .o = o, .n_tasks = set->n};
    for (size_t i = 0; i < set->n; i++)
        if (set->item[i].n + 1 > rows && o->inner_batch_size) rows = set->item[i].n + 1;
    enum raml_code rc = RAML_OK;
    if (o->task == RAML_TASK_FAMILY) {
        d->n_tasks = 0;
        rows = (size_t)o->task_size < 2 ? 2 : (size_t)o->task_size;
        if (rows > set->n + 1) rows = set->n + 1;
        rc = group(d, err);
    }
    if (!rc) rc = raml_selection_init(&d->whole, set, err);
    return rc ? rc : reserve(d, rows, err);
}

void raml_meta_deck_deinit(struct raml_meta_deck *d)
{
    for (size_t i = 0; i < d->n_families; i++) {
        raml_order_deinit(&d->family[i].order);
        free(d->family[i].item);
    }
    for (size_t i = 0; i < d->cap_rows; i++) raml_selection_deinit(&d->row[i]);
    raml_selection_deinit(&d->whole);
    free(d->family);
    free(d->row);
    *d = (struct raml_meta_deck){0};
}

/* -- Dealing ------------------------------------------------------------------------------------------------------- */

/* Of n rows, how many are adapted on. */
static size_t n_support(const struct raml_meta_deck *d, size_t n, enum raml_meta_deal how)
{
    size_t wanted = d->o->support ? (size_t)d->o->support : n / 2;
    if (how == RAML_DEAL_QUERY) return 0;
    if (how == RAML_DEAL_SUPPORT || n == 1) return n;
    return wanted < 1 ? 1 : wanted > n - 1 ? n - 1 : wanted;
}

/* A row of the trajectories of d->whole that are marked as `mark`, at most `most`, from number *at on. */
static void take(struct raml_meta_deck *d, const uint32_t *marks, uint32_t mark, size_t most, size_t *at)
{
    const struct selection *whole = &d->whole;
    const struct training_item *it = &d->set->item[whole->item];
    struct selection *r = &d->row[d->n_rows++];
    r->item = whole->item;
    r->n = 0;
    r->n_probe = 0;
    r->n_tokens = it->n_tokens;
    for (size_t k = 0; *at < whole->n && r->n < most; ++*at) {
        if (marks[*at] != mark) continue;
        while (d->set->candidate[it->first + k].trajectory != whole->selected[*at]) k++;
        r->times[r->n] = whole->times[*at];
        r->selected[r->n++] = whole->selected[*at];
        r->n_tokens += d->set->candidate[it->first + k].n_tokens;
    }
}

static void deal_question(struct raml_meta_deck *d, uint64_t position, enum raml_meta_deal how)
{
    struct training_set *set = d->set;
    raml_select_at(set, position, &d->whole);
    size_t n = d->whole.n, rows = n ? n : 1, n_s = n_support(d, rows, how), batch = (size_t)d->o->inner_batch_size;
    uint32_t *order = d->row[0].shuffle, *marks = d->whole.shuffle;
    struct raml_rng r = {{.seed = set->seed,
                          .purpose = RAML_FOR_TASK,
                          .question = set->item[d->whole.item].question,
                          .round = position / set->n},
                         0};
    d->both = rows == 1 && how == RAML_DEAL_SPLIT;
    d->part = 1;
    for (size_t i = 0; i < n; i++) order[i] = (uint32_t)i;
    if (n_s && n_s < n) raml_rng_shuffle(&r, order, (uint32_t)n);
    for (size_t i = 0; i < n; i++) marks[order[i]] = i < n_s;
    size_t taken = 0, at = 0;
    while (n_s && taken < n_s) {
        take(d, marks, 1, batch ? batch : n_s, &at);
        taken += n ? d->row[d->n_rows - 1].n : 1;
    }
    d->n_support = d->n_rows;
    at = 0;
    if (n_s < rows) take(d, marks, 0, n, &at);
    else if (d->both) take(d, marks, 1, n, &at);
}

static void deal_family(struct raml_meta_deck *d, uint64_t position, enum raml_meta_deal how)
{
    struct raml_meta_family *f = &d->family[position % d->n_families];
    uint64_t turn = position / d->n_families, epoch = turn / f->per_epoch;
    uint64_t first = epoch * f->n + turn % f->per_epoch * f->size;
    size_t n_s = n_support(d, f->size, how), batch = (size_t)d->o->inner_batch_size;
    d->both = f->size == 1 && how == RAML_DEAL_SPLIT;
    for (size_t i = 0; i < f->size + d->both; i++)
        raml_select_item(d->set, f->item[raml_order_at(&f->order, first + i % f->size)], epoch, &d->row[d->n_rows++]);
    d->n_support = n_s;
    d->part = batch ? batch : n_s;
}

void raml_meta_deal(struct raml_meta_deck *d, uint64_t position, enum raml_meta_deal how)
{
    d->n_rows = d->n_support = 0;
    if (d->n_families) deal_family(d, position, how);
    else deal_question(d, position, how);
}

bool raml_meta_is_split(const struct raml_meta_deck *d)
{
    return !d->both && d->n_support && d->n_support < d->n_rows;
}

static size_t n_parts(const struct raml_meta_deck *d)
{
    return d->n_support ? (d->n_support + d->part - 1) / d->part : 0;
}

uint64_t raml_meta_query_tokens(const struct raml_meta_deck *d)
{
    uint64_t n = 0;
    for (size_t i = d->n_support; i < d->n_rows; i++) n += d->row[i].n_tokens;
    return n;
}

uint64_t raml_meta_support_tokens(const struct raml_meta_deck *d, uint64_t n_steps)
{
    uint64_t n = 0, parts = n_parts(d);
    for (size_t i = 0; i < d->n_support; i++) {
        uint64_t part = i / d->part, times = n_steps / parts + (part < n_steps % parts);
        n += times * d->row[i].n_tokens;
    }
    return n;
}

/* -- Trees --------------------------------------------------------------------------------------------------------- */

static enum raml_code add_parts(struct raml_meta_deck *d, struct raml_step *step, struct raml_meta_tasks *tasks,
                                struct raml_meta_task *t, struct raml_err *err)
{
    enum raml_code rc =
        RAML_GROW(tasks->part, tasks->cap_parts, tasks->n_parts + n_parts(d), "parts of tasks' supports", err);
    t->first_part = tasks->n_parts;
    for (size_t i = 0; i < d->n_support && !rc; i++) {
        if (i % d->part == 0) tasks->part[tasks->n_parts++] = (struct raml_meta_part){.first = step->n_trees};
        struct raml_meta_part *p = &tasks->part[tasks->n_parts - 1];
        rc = raml_add_selected(d->set, &d->row[i], step, &p->total, err);
        p->n++;
    }
    t->n_parts = tasks->n_parts - t->first_part;
    return rc;
}

enum raml_code raml_meta_add_task(struct raml_meta_deck *d, struct raml_step *step, struct raml_meta_tasks *tasks,
                                  struct raml_err *err)
{
    const struct training_set *set = d->set;
    bool whole = d->n_support == d->n_rows;
    struct raml_meta_task t = {.question = &set->qs->question[set->item[d->row[0].item].question]};
    enum raml_code rc = RAML_GROW(tasks->task, tasks->cap_tasks, tasks->n + 1, "tasks of a step", err);
    if (!rc) rc = add_parts(d, whole ? step : &tasks->support, tasks, &t, err);
    t.first_query = step->n_trees;
    for (size_t i = d->n_support; i < d->n_rows && !rc; i++)
        rc = raml_add_selected(set, &d->row[i], step, &t.query_total, err);
    t.n_queries = step->n_trees - t.first_query;
    for (size_t i = 0; i < d->n_rows; i++) /* a question that is in several rows once */
        if (i == 0 || d->row[i].item != d->row[i - 1].item)
            raml_statistics_add(&step->statistics, "unique_tokens", (double)set->item[d->row[i].item].n_unique, 1);
    if (!rc) tasks->task[tasks->n++] = t;
    return rc;
}
