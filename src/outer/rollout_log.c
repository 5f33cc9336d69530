/* rollout_log.c - what is known of a round: rollouts.jsonl and statistics. See rollouts.h. */
#include "outer/rollout_source.h"

#include "task/question_json.h"

#include <math.h>

/* -- Lines --------------------------------------------------------------------------------------------------------- */

/* Of a group with forks: where a sample left which other, and the advantages of its own segments by their first token. */
static int add_fork(const struct raml_round *r, const struct raml_rollout_group *g, const struct raml_rollout *x,
                    size_t row, json_t *o)
{
    int failed = 0;
    if (x->parent)
        failed = json_object_set_new(o, "fork",
                                     json_pack("{s:I,s:I,s:f}", "parent", (json_int_t)(x->parent - g->sample), "token",
                                               (json_int_t)x->shared, "entropy", (double)x->entropy));
    if (failed || row == SIZE_MAX) return failed;
    json_t *list = json_array();
    failed = json_object_set_new(o, "segments", list);
    for (size_t at = x->shared; at < x->n && !failed; at = raml_round_fork_next(g, x, at))
        failed = json_array_append_new(list, json_pack("{s:I,s:f}", "token", (json_int_t)at, "advantage",
                                                       r->advantage[r->start[row] + at - x->shared]));
    return failed;
}

/* Adds to a sample's record what became of it. row: in the round; the group was replaced: SIZE_MAX. */
static int add_facts(const struct raml_rollout_source *s, const struct raml_rollout *x, size_t row, json_t *o)
{
    const struct raml_round *r = &s->round;
    json_t *parts = json_object();
    int failed = !parts;
    for (size_t i = 0; i < s->mix.n && !failed; i++)
        failed = json_object_set_new(parts, raml_reward_name(s->mix.kind[i]), json_real(x->worth.component[i]));
    double shaped = x->reward - x->worth.total; /* overlong shaping */
    if (!failed && shaped != 0) failed = json_object_set_new(parts, "overlong", json_real(shaped));
    if (!failed && (s->mix.n > 1 || shaped != 0)) failed = json_object_set(o, "rewards", parts);
    json_decref(parts);
    failed = failed || json_object_set_new(o, "reward", json_real(x->reward)) ||
             json_object_set_new(o, "n_tokens", json_integer((json_int_t)x->n)) ||
             json_object_set_new(o, "trained", json_boolean(row != SIZE_MAX && x->in_loss && x->in_policy));
    if (failed || row == SIZE_MAX || !x->n) return failed;
    if (s->distill) { /* with one_pass the teacher has not been asked yet */
        double kl = r->has_ref && x->in_loss ? raml_teacher_kl(r, row) : (double)NAN;
        return isfinite(kl) ? json_object_set_new(o, "reverse_kl", json_real(kl)) : 0;
    }
    return json_object_set_new(o, "advantage", json_real(r->advantage[r->start[row]]));
}

static json_t *line_of(const struct raml_rollout_source *s, const struct raml_rollout_group *g, size_t first_row,
                       uint64_t step)
{
    const struct raml_round *r = &s->round;
    struct raml_question q = *g->question;
    q.n_trajectories = g->n;
    q.trajectory = raml_arena_alloc(r->arena, g->n, sizeof *q.trajectory);
    if (!q.trajectory) return NULL;
    for (size_t k = 0; k < g->n; k++) {
        q.trajectory[k] = g->sample[k].read;
        q.trajectory[k].seed = s->opt->seed;
        if (!s->own->record_tokens) q.trajectory[k].tokens = NULL;
    }
    json_t *o = raml_question_json(&q), *list = json_object_get(o, "trajectories");
    int failed = !o || json_object_set_new(o, "step", json_integer((json_int_t)step)) ||
                 json_object_set_new(o, "draw", json_integer((json_int_t)g->epoch)) ||
                 json_object_set_new(o, "used", json_boolean(g->used));
    for (size_t k = 0; k < g->n && !failed; k++)
        failed = add_facts(s, &g->sample[k], g->used ? first_row + k : SIZE_MAX, json_array_get(list, k)) ||
                 (s->own->fork_samples &&
                  add_fork(r, g, &g->sample[k], g->used ? first_row + k : SIZE_MAX, json_array_get(list, k)));
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

/* Rank 0 writes the lines of all, question by question in the order of the stream. */
static enum raml_code write_lines(const struct raml_rollout_source *s, json_t *lines, struct raml_err *err)
{
    if (s->comm->size == 1) return raml_run_rollouts(s->job->run, lines, err);
    json_t *all = NULL;
    enum raml_code rc = raml_ranks_lines(s->comm, lines, &all, err);
    if (!rc && all) rc = raml_run_rollouts(s->job->run, all, err);
    json_decref(all);
    return rc;
}

enum raml_code raml_rollout_write(struct raml_rollout_source *s, uint64_t step, struct raml_err *err)
{
    const struct raml_round *r = &s->round;
    json_t *lines = json_array();
    int failed = !lines;
    for (size_t i = 0; i < r->n_groups && !failed; i++) {
        size_t used = 0;
        while (r->group[i].used && r->used[used] != &r->group[i]) used++;
        failed = json_array_append_new(lines, line_of(s, &r->group[i], r->first_row[used], step));
    }
    enum raml_code rc = failed ? raml_fail(err, RAML_ENOMEM, "no memory for the records of %zu questions", r->n_groups)
                               : write_lines(s, lines, err);
    json_decref(lines);
    return rc;
}

/* -- Statistics ---------------------------------------------------------------------------------------------------- */

static void count_group(const struct raml_rollout_source *s, const struct raml_rollout_group *g,
                        struct raml_statistics *out)
{
    double sum = 0, squares = 0, n = (double)g->n;
    for (size_t k = 0; k < g->n; k++) {
        const struct raml_rollout *x = &g->sample[k];
        sum += x->reward;
        raml_statistics_add(out, "reward", x->reward, 1);
        raml_statistics_add(out, "accuracy", x->read.correct == RAML_EQUAL, 1);
        raml_statistics_add(out, "completions/mean_length", (double)x->n, 1);
        raml_statistics_max(out, "completions/max_length", (double)x->n);
        raml_statistics_add(out, "completions/clipped_ratio", x->truncated, 1);
        raml_statistics_add(out, "completions/unclosed_ratio", !x->said.think_closed, 1);
        if (!x->parent) continue;
        raml_statistics_add(out, "forks/shared_tokens", (double)x->shared, 1);
        raml_statistics_add(out, "forks/entropy", (double)x->entropy, 1);
    }
    for (size_t k = 0; k < g->n; k++) squares += (g->sample[k].reward - sum / n) * (g->sample[k].reward - sum / n);
    raml_statistics_add(out, "reward_std", g->n > 1 ? sqrt(squares / (n - 1)) : 0, 1);
    if (!s->distill)
        raml_statistics_add(out, "frac_reward_zero_std", !g->signal, 1); /* the teacher's signal is another */
}

void raml_rollout_count(const struct raml_rollout_source *s, struct raml_statistics *out)
{
    const struct raml_round *r = &s->round;
    for (size_t i = 0; i < r->n_used; i++) count_group(s, r->used[i], out);
    for (size_t k = 0; k < s->mix.n && s->mix.n > 1; k++)
        for (size_t i = 0; i < r->n_rows; i++)
            raml_statistics_add(out, raml_reward_name(s->mix.kind[k]), r->component[i * s->mix.n + k], 1);
    raml_statistics_add(out, "questions_sampled", (double)r->n_groups, s->comm->rank == 0);
}
