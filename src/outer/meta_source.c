/* meta_source.c - meta-learning: tasks of questions' trajectories or families' questions, as steps; see train.h. */
#include "outer/loop.h"
#include "outer/meta_deck.h"
#include "outer/meta_step.h"
#include "outer/validation.h"

#include "raml/meta.h"

#include <math.h>
#include <stdlib.h>

struct meta_source {
    const struct raml_train_job *job;
    const struct raml_train_options *opt;
    const struct raml_meta_options *o;
    const struct raml_comm *comm;
    struct training_set set;
    struct raml_validation validation;
    struct raml_meta_deck deck, validation_deck;
    struct training_plan plan;
    struct raml_meta_tasks tasks;
    struct raml_meta_step meta;
};

static bool is_reptile(const struct meta_source *s)
{
    return s->o->method == RAML_META_REPTILE;
}

static bool is_second_order(const struct meta_source *s)
{
    return s->o->method == RAML_META_MAML && !s->o->first_order && s->o->inner_steps > 0;
}

static enum raml_meta_deal how(const struct meta_source *s)
{
    if (is_reptile(s)) return RAML_DEAL_SUPPORT;
    return s->o->inner_steps ? RAML_DEAL_SPLIT : RAML_DEAL_QUERY;
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

/* What the model reads for the task that was dealt: each inner step twice more where differences are taken. */
static uint64_t tokens_read(const struct meta_source *s)
{
    bool before = s->o->loss_before && s->o->inner_steps && !is_reptile(s);
    return raml_meta_query_tokens(&s->deck) * (before ? 2 : 1) +
           raml_meta_support_tokens(&s->deck, (uint64_t)s->o->inner_steps) * (is_second_order(s) ? 3 : 1);
}

static uint64_t tokens_at(void *user, uint64_t position)
{
    struct meta_source *s = user;
    raml_meta_deal(&s->deck, position, how(s));
    return tokens_read(s);
}

/* Denominators, known before any pass: of the query, or (reptile) of what the first inner steps read. */
static enum raml_code count(struct meta_source *s, struct raml_step *step, struct raml_err *err)
{
    double all[2] = {0, (double)s->tasks.n};
    for (size_t i = 0; i < s->tasks.n; i++) {
        const struct raml_meta_task *t = &s->tasks.task[i];
        all[0] += is_reptile(s) ? s->tasks.part[t->first_part].total : t->query_total;
    }
    step->trained = all[0];
    enum raml_code rc = s->comm->sum(s->comm->user, all, 2, err);
    step->total = all[0];
    s->tasks.n_all = (size_t)all[1];
    if (rc || step->total > 0) return rc;
    return raml_fail(err, RAML_ERANGE, "no token of this step is trained on");
}

/* Task b of a step belongs to rank b modulo the number of ranks. */
static enum raml_code next(void *user, uint64_t number, struct raml_packs *packs, struct raml_step *step,
                           struct raml_err *err)
{
    struct meta_source *s = user;
    uint64_t batch = (uint64_t)s->opt->batch_size, position = number * batch, read = 0;
    enum raml_code rc = RAML_OK;
    (void)packs;
    raml_meta_tasks_clear(&s->tasks);
    for (uint64_t b = (uint64_t)s->comm->rank; b < batch && position + b < s->plan.n_positions && !rc;
         b += (uint64_t)s->comm->size) {
        read += tokens_at(s, position + b);
        rc = raml_meta_add_task(&s->deck, step, &s->tasks, err);
    }
    step->n_read = read;
    rc = raml_comm_agree(s->comm, rc, err);
    return rc ? rc : count(s, step, err);
}

static double epoch(const void *user, uint64_t steps)
{
    const struct meta_source *s = user;
    return fmin((double)steps * (double)s->opt->batch_size, (double)s->plan.n_positions) / (double)s->deck.n_tasks;
}

/* -- Validation ---------------------------------------------------------------------------------------------------- */

/* The validation set's tasks before and after adapting to them: sums of losses and weights. */
static enum raml_code measure_tasks(struct meta_source *s, struct raml_packs *packs,
                                    const struct raml_objective *objective, double sums[3], struct raml_err *err)
{
    struct raml_meta_deck *d = &s->validation_deck;
    struct raml_step *step = &s->validation.step;
    enum raml_code rc = RAML_OK;
    for (uint64_t i = (uint64_t)s->comm->rank; i < d->n_tasks && !rc; i += (uint64_t)s->comm->size) {
        raml_meta_deal(d, i, RAML_DEAL_SPLIT);
        if (!raml_meta_is_split(d)) continue;
        raml_step_clear(step);
        raml_meta_tasks_clear(&s->tasks);
        rc = raml_meta_add_task(d, step, &s->tasks, err);
        if (!rc) rc = raml_meta_measure(&s->meta, packs, objective, step, sums, err);
    }
    return rc;
}

/* Means of the validation set; batches and tasks are dealt to ranks. */
static enum raml_code evaluate(void *user, struct raml_packs *packs, const struct raml_objective *objective,
                               json_t *line, double *score, struct raml_err *err)
{
    struct meta_source *s = user;
    double sums[6] = {0};
    enum raml_code rc = raml_validation_add(&s->validation, s->comm, packs, objective, sums, err);
    if (!rc && s->o->eval_adapted) rc = measure_tasks(s, packs, objective, sums + 3, err);
    rc = raml_comm_agree(s->comm, rc, err);
    if (!rc) rc = s->comm->sum(s->comm->user, sums, 6, err);
    if (rc) return rc;
    *score = -sums[0] / sums[2];
    rc = raml_validation_log(sums, s->job->objective != NULL, line, err);
    if (rc || !s->o->eval_adapted) return rc;
    *score = -sums[4] / sums[5];
    int failed = json_object_set_new(line, "eval_query_loss_before", json_real(sums[3] / sums[5])) ||
                 json_object_set_new(line, "eval_query_loss_after", json_real(-*score));
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for a line of metrics") : RAML_OK;
}

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static enum raml_code check(const struct meta_source *s, struct raml_err *err)
{
    const struct raml_meta_options *o = s->o;
    enum raml_code rc = raml_settings_check(raml_meta_settings, raml_n_meta_settings, o, err);
    if (!rc) rc = raml_settings_check(raml_query_settings, raml_n_query_settings, o, err);
    if (!rc && is_second_order(s))
        rc = raml_settings_check(raml_second_order_settings, raml_n_second_order_settings, o, err);
    if (!rc && o->some) rc = raml_settings_check(raml_anil_settings, raml_n_anil_settings, o, err);
    if (rc) return rc;
    if (is_reptile(s) && !o->inner_steps)
        return raml_fail(err, RAML_EUSAGE,
                         "inner_steps is 0: reptile moves to where inner steps lead; expected at least 1");
    if (!is_second_order(s) || raml_model_dtype(s->job->model) == RAML_F32) return RAML_OK;
    return raml_fail(err, RAML_ESUPPORT,
                     "the second order is taken by small moves of the weights, which bf16 rounds away; use dtype f32%s",
                     o->some ? ", or first_order" : ", or fomaml");
}

static enum raml_code check_data(const struct meta_source *s, struct raml_err *err)
{
    const struct training_set *f = &s->set;
    if (f->n) return RAML_OK;
    return raml_fail(err, RAML_ERANGE,
                     "%s: nothing is trained on: none of %zu questions has a usable trajectory (%zu graded wrong, %zu "
                     "too long); trajectories = 0 trains only on answers",
                     f->name, f->skipped, f->wrong, f->too_long);
}

/* How many tasks of an epoch can be split into support and query. */
static uint64_t n_split(struct raml_meta_deck *d)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < d->n_tasks; i++) {
        raml_meta_deal(d, i, RAML_DEAL_SPLIT);
        n += raml_meta_is_split(d);
    }
    return n;
}

static void report(struct meta_source *s)
{
    const struct training_set *f = &s->set;
    const struct raml_sink *sink = s->job->sink;
    if (f->skipped || f->wrong || f->too_long)
        raml_say(sink,
                 "%s: left out: %zu questions without a usable trajectory, %zu trajectories graded wrong, %zu that are "
                 "too long",
                 f->name, f->skipped, f->wrong, f->too_long);
    raml_say(sink, "%s: %zu questions with %.2f trajectories each; an epoch has %llu tasks", f->name, f->n,
             (double)f->n_candidates / (double)f->n, (unsigned long long)s->deck.n_tasks);
    if (how(s) != RAML_DEAL_SPLIT) return;
    uint64_t split = n_split(&s->deck);
    if (split < s->deck.n_tasks)
        raml_say(sink,
                 "%llu of %llu tasks have one row, which is support and query at once (more trajectories, or task = "
                 "family, give tasks that can be split)",
                 (unsigned long long)(s->deck.n_tasks - split), (unsigned long long)s->deck.n_tasks);
}

static enum raml_code open_validation(struct meta_source *s, struct raml_err *err)
{
    enum raml_code rc = raml_validation_init(&s->validation, s->job, s->opt, err);
    if (rc || !s->job->validation || !s->opt->eval_steps || !s->o->eval_adapted) return rc;
    rc = raml_meta_deck_init(&s->validation_deck, &s->validation.set, s->o, err);
    if (rc || n_split(&s->validation_deck)) return rc;
    return raml_fail(
        err, RAML_EUSAGE,
        "eval_adapted: no task of the validation set has two rows, one to adapt on and one to ask; use task "
        "= family, or eval_data with several trajectories a question");
}

static enum raml_code open_meta(struct meta_source *s, struct raml_err *err)
{
    const struct raml_meta_options *o = s->o;
    struct raml_meta_step *m = &s->meta;
    m->tasks = &s->tasks;
    m->sink = s->comm->size == 1 ? s->job->sink : NULL; /* several ranks stop between steps, together */
    m->inner =
        (struct raml_meta_inner){.method = o->method == RAML_META_MAML && o->first_order ? RAML_META_FOMAML : o->method,
                                 .optimizer = (enum raml_inner_optimizer)o->inner_optimizer,
                                 .steps = (uint64_t)o->inner_steps,
                                 .rate = o->inner_learning_rate,
                                 .some = o->some,
                                 .before = o->loss_before && !is_reptile(s),
                                 .beta1 = 0.9,
                                 .beta2 = 0.999,
                                 .epsilon = 1e-8,
                                 .difference = o->difference};
    if (!o->inner_steps && !s->o->eval_adapted) return RAML_OK;
    return raml_meta_vectors_init(&m->vectors, s->job->model, o->some ? o->adapted_layers : -1, err);
}

static enum raml_code meta_init(struct meta_source *s, struct raml_err *err)
{
    enum raml_code rc = check(s, err);
    if (!rc) rc = raml_training_set_init(&s->set, s->job, s->opt, s->job->data, s->job->data_name, 0, err);
    if (!rc) rc = check_data(s, err);
    if (!rc) rc = raml_meta_deck_init(&s->deck, &s->set, s->o, err);
    if (!rc) rc = open_validation(s, err);
    if (!rc) rc = open_meta(s, err);
    if (rc) return rc;
    raml_plan_steps(&s->plan, s->deck.n_tasks, s->opt, tokens_at, s);
    report(s);
    return RAML_OK;
}

static void meta_deinit(struct meta_source *s)
{
    raml_meta_vectors_deinit(&s->meta.vectors);
    raml_meta_tasks_deinit(&s->tasks);
    raml_meta_deck_deinit(&s->deck);
    raml_meta_deck_deinit(&s->validation_deck);
    raml_validation_deinit(&s->validation);
    raml_training_set_deinit(&s->set);
}

/* What a resumed run must have alike. */
static enum raml_code settings_json(const struct raml_meta_options *o, json_t **out, struct raml_err *err)
{
    static const char *const names[] = {"fomaml", "maml", "reptile"};
    const struct {
        const struct raml_setting *table;
        size_t n;
    } each[] = {{raml_meta_settings, raml_n_meta_settings},
                {raml_query_settings, raml_n_query_settings},
                {raml_second_order_settings, raml_n_second_order_settings},
                {raml_anil_settings, raml_n_anil_settings}};
    json_t *all = json_pack("{s:s}", "method", o->some ? "anil" : names[o->method]);
    int failed = !all;
    for (size_t i = 0; i < sizeof each / sizeof *each && !failed; i++) {
        json_t *some = raml_settings_json(each[i].table, each[i].n, o);
        failed = !some || json_object_update(all, some);
        json_decref(some);
    }
    *out = all;
    return failed ? raml_fail(err, RAML_ENOMEM, "no memory for the settings") : RAML_OK;
}

enum raml_code raml_train_meta(const struct raml_train_job *job, const struct raml_train_options *opt,
                               const struct raml_meta_options *meta, struct raml_train_result *out,
                               struct raml_err *err)
{
    const struct raml_objective objective = job->objective ? *job->objective : raml_sft_objective();
    struct meta_source s = {.job = job, .opt = opt, .o = meta, .comm = job->comm ? job->comm : raml_comm_alone()};
    json_t *settings = NULL;
    if (out) *out = (struct raml_train_result){.loss = NAN, .eval_loss = NAN, .reward = NAN, .eval_accuracy = NAN};
    enum raml_code rc = raml_train_check_job(job, opt, &objective, err);
    if (!rc) rc = meta_init(&s, err);
    if (!rc) rc = settings_json(meta, &settings, err);
    rc = raml_comm_agree(s.comm, rc, err);
    if (!rc) {
        const struct raml_step_source source = {.user = &s,
                                                .name = "tasks",
                                                .n_steps = s.plan.n_steps,
                                                .n_items = s.set.n,
                                                .data_hash = s.set.hash,
                                                .next = next,
                                                .epoch = epoch,
                                                .evaluate = s.validation.set.n ? evaluate : NULL};
        const struct raml_step_gradient gradient = {&s.meta, raml_meta_differentiate};
        const struct raml_training training = {&source, &objective, job->objective ? objective.name : NULL, settings,
                                               meta->inner_steps ? &gradient : NULL};
        rc = raml_train_loop(job, opt, &training, out, err);
    }
    json_decref(settings);
    meta_deinit(&s);
    return rc;
}
