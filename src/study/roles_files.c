/* roles_files.c - traces questions' trajectories, finds the units of roles and words, and passes them to the writers. See
 * roles_files.h. */
#include "study/roles_parts.h"
#include "study/wanted.h"

#include "core/array.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 64, PASSES_A_BATCH = 4, NAME_BYTES = 240 };

struct item { /* a trajectory of the batch being gathered */
    size_t question, sample;
    struct raml_trace_text text;
};

struct work {
    const struct raml_roles_files_job *job;
    const struct raml_roles_files_options *opt;
    struct raml_roles_words words, delimiters;
    struct raml_trace_source source;
    struct raml_tracer *tracer;
    struct raml_roles_records records;
    struct raml_roles_set set;
    struct item item[BATCH];
    struct raml_trace_input input[BATCH];
    struct raml_loss_curve curve[BATCH];
    size_t n_items, cost;
    struct raml_str *piece; /* of the trajectory at hand, as the rest here */
    struct raml_token_roles roles;
    struct raml_matched *matched;
    size_t *n_windows;
    size_t cap_piece, cap_matched, cap_windows;
    size_t n_done, n_total, n_skipped, n_questions, n_units, last_question;
    bool made_dir;
    struct raml_err first_skipped;
};

struct raml_roles_files_options raml_roles_files_default(void)
{
    return (struct raml_roles_files_options){.max_batch_tokens = raml_trace_default().max_batch_tokens,
                                             .position_buckets = 10,
                                             .min_units = 30,
                                             .n_draws = 1000};
}

/* -- One trajectory's units ---------------------------------------------------------------------------------------- */

static enum raml_code find_roles(struct work *w, const struct raml_loss_curve *c, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(w->piece, w->cap_piece, c->n_tokens + 1, "tokens", err);
    if (!rc) rc = RAML_GROW(w->matched, w->cap_matched, c->n_tokens + 1, "tokens", err);
    for (size_t i = 0; !rc && i < c->n_tokens; i++)
        rc = raml_tokenizer_piece(w->job->tokenizer, c->token[i], &w->piece[i].s, &w->piece[i].n, err);
    const struct raml_token_text text = {.piece = w->piece,
                                         .n = c->n_tokens,
                                         .word = (const char *const *)w->words.word,
                                         .n_words = w->words.n,
                                         .delimiter = (const char *const *)w->delimiters.word,
                                         .n_delimiters = w->delimiters.n};
    return rc ? rc : raml_token_roles(&text, &w->roles, err);
}

static enum raml_code add_unit(struct work *w, const struct raml_roles_unit *u, size_t n_windows, struct raml_err *err)
{
    size_t i = w->set.n;
    enum raml_code rc = RAML_GROW(w->set.unit, w->set.cap, i + 1, "units", err);
    if (!rc) rc = RAML_GROW(w->n_windows, w->cap_windows, i + 1, "units", err);
    if (rc) return rc;
    w->set.unit[w->set.n++] = *u;
    w->n_windows[i] = n_windows;
    return RAML_OK;
}

static enum raml_trace_verdict verdict_of(const struct raml_trajectory *t)
{
    return t->correct == RAML_EQUAL       ? RAML_TRACE_CORRECT
           : t->correct == RAML_DIFFERENT ? RAML_TRACE_WRONG
                                          : RAML_TRACE_UNGRADED;
}

/* The units that are matches and tokens outside of them, in the text's order. */
static enum raml_code add_units(struct work *w, const struct raml_matching *m, struct raml_roles_unit u,
                                struct raml_err *err)
{
    enum raml_code rc = raml_match_tokens(m, w->matched, err);
    for (size_t k = 1, next = 0; !rc && k <= w->roles.n; k = u.last + 1) {
        u.first = u.last = (uint32_t)k;
        u.role = w->roles.role[k - 1];
        struct raml_matched x = w->matched[k - 1];
        if (next < w->roles.n_matches && w->roles.match[next].first == k) {
            const struct raml_word_match *match = &w->roles.match[next++];
            u.last = (uint32_t)match->last;
            u.word = (uint32_t)match->word;
            x = raml_match(m, match->first, match->last);
        }
        u.before = m->loss[u.first - 1];
        u.after = m->loss[u.last];
        u.effect = x.effect;
        rc = add_unit(w, &u, x.n_windows, err);
    }
    return rc;
}

/* The tokens of words of several, which are units only where every token is one. */
static enum raml_code add_inner_tokens(struct work *w, const struct raml_matching *m, struct raml_roles_unit u,
                                       struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    u.role = RAML_TOKEN_ROLES;
    u.effect = NAN;
    for (size_t i = 0; i < w->roles.n_matches; i++) {
        const struct raml_word_match *match = &w->roles.match[i];
        for (size_t k = match->first; !rc && match->first < match->last && k <= match->last; k++) {
            u.first = u.last = (uint32_t)k;
            u.before = m->loss[k - 1];
            u.after = m->loss[k];
            rc = add_unit(w, &u, 0, err);
        }
    }
    return rc;
}

static enum raml_code record(struct work *w, size_t i, struct raml_err *err)
{
    const struct item *it = &w->item[i];
    const struct raml_loss_curve *c = &w->curve[i];
    const struct raml_question *q = &w->job->questions->question[it->question];
    const struct raml_roles_unit base = {.question = (uint32_t)it->question,
                                         .verdict = verdict_of(&q->trajectory[it->sample])};
    size_t from = w->set.n;
    enum raml_code rc = find_roles(w, c, err);
    if (rc) return rc;
    const struct raml_matching m = {&w->roles, c->loss, c->token_entropy, w->opt->position_buckets};
    rc = add_units(w, &m, base, err);
    if (rc) return rc;
    const struct raml_roles_found found = {.q = q,
                                           .sample = it->sample,
                                           .piece = w->piece,
                                           .n_tokens = c->n_tokens,
                                           .entropy = c->token_entropy,
                                           .words = &w->words,
                                           .unit = w->set.unit ? w->set.unit + from : NULL,
                                           .n_windows = w->n_windows ? w->n_windows + from : NULL,
                                           .n = w->set.n - from};
    rc = raml_roles_records_add(&w->records, &found, err);
    w->n_units += found.n;
    if (!rc) rc = add_inner_tokens(w, &m, base, err);
    if (rc) return rc;
    w->n_questions += w->n_done == 0 || it->question != w->last_question;
    w->last_question = it->question;
    w->n_done++;
    return RAML_OK;
}

/* -- Batches ------------------------------------------------------------------------------------------------------- */

/* "question 'add:17' (line 17), trajectory 2" */
static const char *name_of(const struct raml_question *q, size_t sample, char out[NAME_BYTES])
{
    if (q->line) snprintf(out, NAME_BYTES, "question '%.100s' (line %zu), trajectory %zu", q->id, q->line, sample + 1);
    else snprintf(out, NAME_BYTES, "question '%.100s', trajectory %zu", q->id, sample + 1);
    return out;
}

static enum raml_code run_batch(struct work *w, struct raml_err *err)
{
    char name[NAME_BYTES];
    size_t n = w->n_items;
    if (n == 0) return RAML_OK;
    for (size_t i = 0; i < n; i++) w->input[i] = raml_trace_text_input(&w->item[i].text);
    w->n_items = w->cost = 0;
    enum raml_code rc = raml_tracer_run(w->tracer, w->input, n, w->curve, err);
    if (rc)
        return raml_wrap(err, rc, "of the %zu from %s on", n,
                         name_of(&w->job->questions->question[w->item[0].question], w->item[0].sample, name));
    for (size_t i = 0; i < n; i++) {
        if (!rc) rc = record(w, i, err);
        raml_loss_curve_deinit(&w->curve[i]);
    }
    if (!rc)
        raml_progress(w->job->sink, "roles", (double)(w->n_done + w->n_skipped), (double)w->n_total, "trajectories",
                      NULL);
    return rc;
}

/* Fills the next item of the batch. *skipped: it is left out, *why says why. */
static enum raml_code examine(struct work *w, size_t question, size_t sample, bool *skipped, struct raml_err *why)
{
    const struct raml_question *q = &w->job->questions->question[question];
    struct item *it = &w->item[w->n_items];
    const char *answer = w->opt->own ? q->trajectory[sample].answer : q->answer;
    bool may_skip = !answer || !*answer;
    char name[NAME_BYTES];
    it->question = question;
    it->sample = sample;
    enum raml_code rc = raml_trace_encode(&w->source, q, sample, &it->text, why);
    if (!rc) {
        const struct raml_trace_input in = raml_trace_text_input(&it->text);
        rc = raml_tracer_check(w->tracer, &in, why);
        if (rc) rc = raml_wrap(why, rc, "%s", name_of(q, sample, name));
        may_skip = w->opt->skip_long;
    }
    *skipped = rc == RAML_ERANGE && may_skip;
    return *skipped ? RAML_OK : rc;
}

static enum raml_code check_one(struct work *w, size_t question, size_t sample, struct raml_err *err)
{
    struct raml_err why = {0};
    bool skipped;
    enum raml_code rc = examine(w, question, sample, &skipped, &why);
    w->n_total++;
    return rc ? raml_fail(err, rc, "%s", why.msg) : RAML_OK;
}

static enum raml_code take(struct work *w, size_t question, size_t sample, struct raml_err *err)
{
    struct raml_err why = {0};
    bool skipped;
    enum raml_code rc = examine(w, question, sample, &skipped, &why);
    if (rc) return raml_fail(err, rc, "%s", why.msg);
    if (skipped) {
        if (w->n_skipped++ == 0) w->first_skipped = why;
        return RAML_OK;
    }
    const struct raml_trace_input in = raml_trace_text_input(&w->item[w->n_items++].text);
    w->cost += raml_tracer_cost(w->tracer, &in);
    bool full = w->n_items == BATCH || w->cost >= PASSES_A_BATCH * w->opt->max_batch_tokens;
    return full ? run_batch(w, err) : RAML_OK;
}

static size_t n_wanted(const struct work *w, const struct raml_question *q)
{
    const struct raml_roles_files_options *o = w->opt;
    return raml_wanted(q, o->split, o->family, o->max_samples);
}

static enum raml_code each_wanted(struct work *w, bool *stopped,
                                  enum raml_code (*call)(struct work *w, size_t question, size_t sample,
                                                         struct raml_err *err),
                                  struct raml_err *err)
{
    const struct raml_questions *qs = w->job->questions;
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && !*stopped && i < qs->n; i++) {
        size_t n = n_wanted(w, &qs->question[i]);
        for (size_t k = 0; !rc && !*stopped && k < n; k++) {
            rc = call(w, i, k, err);
            *stopped = raml_should_stop(w->job->sink);
        }
    }
    return rc;
}

/* What is wrong with any trajectory shows before the folder is made and before the first pass. */
static enum raml_code check_all(struct work *w, bool *stopped, struct raml_err *err)
{
    enum raml_code rc = each_wanted(w, stopped, check_one, err);
    return rc ? raml_wrap(err, rc, "%s", w->job->data_name ? w->job->data_name : "questions") : RAML_OK;
}

static enum raml_code trace_all(struct work *w, bool *stopped, struct raml_err *err)
{
    const char *name = w->job->data_name ? w->job->data_name : "questions";
    enum raml_code rc = each_wanted(w, stopped, take, err);
    if (!rc && !*stopped) rc = run_batch(w, err);
    if (rc == RAML_ESTOP) { /* in the middle of a pass: what was recorded before is kept */
        *stopped = true;
        rc = RAML_OK;
    }
    if (rc) return raml_wrap(err, rc, "%s", name);
    if (w->n_skipped)
        raml_say(w->job->sink, "%zu of %zu trajectories were skipped; the first: %s", w->n_skipped, w->n_total,
                 w->first_skipped.msg);
    if (w->n_done) return RAML_OK;
    if (*stopped) return raml_fail(err, RAML_ESTOP, "stopped before the first trajectory");
    return raml_fail(err, RAML_ERANGE, "%s: no trajectory: %zu questions, %zu trajectories selected, %zu skipped%s%s",
                     name, w->job->questions->n, w->n_total, w->n_skipped, w->n_skipped ? "; the first: " : "",
                     w->n_skipped ? w->first_skipped.msg : "");
}

/* -- The whole ----------------------------------------------------------------------------------------------------- */

static enum raml_code open_all(struct work *w, struct raml_err *err)
{
    const struct raml_roles_files_options *opt = w->opt;
    const struct raml_trace_options trace = {.stride = 1, .max_batch_tokens = opt->max_batch_tokens, .tokens = true};
    if (opt->position_buckets == 0)
        return raml_fail(err, RAML_EUSAGE, "position buckets: found 0; expected at least 1");
    enum raml_code rc = raml_roles_words_read(&w->words, opt, err);
    if (!rc) rc = raml_roles_delimiters_read(&w->delimiters, opt, &w->job->format, err);
    w->source = (struct raml_trace_source){.tokenizer = w->job->tokenizer,
                                           .format = w->job->format,
                                           .own = opt->own,
                                           .score_end = opt->score_end,
                                           .join = opt->join};
    return rc ? rc : raml_tracer_open(w->job->model, &trace, &w->tracer, err);
}

static void close_all(struct work *w)
{
    for (size_t i = 0; i < BATCH; i++) raml_trace_text_deinit(&w->item[i].text);
    raml_roles_records_deinit(&w->records);
    raml_token_roles_deinit(&w->roles);
    raml_tracer_close(w->tracer);
    raml_roles_words_deinit(&w->words);
    raml_roles_words_deinit(&w->delimiters);
    free(w->set.unit);
    free(w->n_windows);
    free(w->piece);
    free(w->matched);
}

static enum raml_code work(struct work *w, struct raml_roles_summary *out, struct raml_err *err)
{
    const struct raml_roles_files_job *job = w->job;
    enum raml_code rc = open_all(w, err);
    if (!rc) rc = check_all(w, &out->stopped, err);
    w->made_dir = !rc && !raml_is_dir(job->dir);
    if (!rc) rc = raml_make_dir(job->dir, err);
    if (!rc) rc = raml_roles_records_init(&w->records, job->dir, err);
    if (!rc) rc = trace_all(w, &out->stopped, err);
    if (!rc) rc = raml_roles_records_commit(&w->records, err);
    if (rc) return rc;
    out->n_trajectories = w->n_done;
    out->n_questions = w->n_questions;
    out->n_skipped = w->n_skipped;
    out->n_units = w->n_units;
    out->n_listed = w->words.n;
    out->n_read = raml_tracer_tokens(w->tracer);
    out->n_passes = raml_tracer_passes(w->tracer);
    rc = raml_roles_rows(&w->set, &w->words, w->opt, out, err);
    if (!rc) rc = raml_roles_tables_write(out, job->dir, err);
    struct raml_drawing to = {.dir = job->dir, .sink = job->sink};
    if (!rc) rc = raml_roles_pictures_write(out, w->opt->min_units, &to, job->data_name, err);
    if (!rc) raml_drawing_tell(&to);
    return rc;
}

enum raml_code raml_roles_files_check(const struct raml_roles_files_options *opt, struct raml_err *err)
{
    const struct raml_format none = {0};
    struct raml_roles_words words = {0}, delimiters = {0};
    enum raml_code rc = raml_roles_words_read(&words, opt, err);
    if (!rc) rc = raml_roles_delimiters_read(&delimiters, opt, &none, err);
    raml_roles_words_deinit(&words);
    raml_roles_words_deinit(&delimiters);
    return rc;
}

enum raml_code raml_roles_files(const struct raml_roles_files_job *job, const struct raml_roles_files_options *opt,
                                struct raml_roles_summary *out, struct raml_err *err)
{
    struct raml_roles_summary sum = {.n_roles = 0};
    struct work *w = calloc(1, sizeof *w);
    if (!w) return raml_fail(err, RAML_ENOMEM, "no memory for roles");
    w->job = job;
    w->opt = opt;
    enum raml_code rc = work(w, &sum, err);
    close_all(w);
    if (rc && w->made_dir) (void)rmdir(job->dir); /* fails where something is in it */
    free(w);
    if (rc) raml_roles_summary_deinit(&sum);
    else *out = sum;
    return rc;
}
