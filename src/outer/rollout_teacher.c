/* rollout_teacher.c - self-distillation's teacher in training on rollouts: who can be taught, prompts with hints, what the
 * teacher says of a round's samples. See raml/distill.h.
 */
#include "outer/rollout_source.h"

#include "core/clock.h"
#include "core/file.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_QUESTION = 64 << 20 };

/* -- Opening ------------------------------------------------------------------------------------------------------- */

static enum raml_code check_reference(const struct raml_rollout_source *s, struct raml_err *err)
{
    const struct raml_model *m = s->job->reference;
    if (s->distill->teacher != RAML_TEACHER_START) return RAML_OK;
    if (!m) return raml_fail(err, RAML_EUSAGE, "teacher is start, but there is no reference model to be it");
    int have = raml_model_config(m)->vocab_size, want = raml_model_config(s->job->model)->vocab_size;
    if (have == want) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "the reference model's vocab_size is %d; expected %d, the trained model's", have,
                     want);
}

enum raml_code raml_teacher_check(const struct raml_rollout_source *s, struct raml_err *err)
{
    const struct raml_rollout_options *o = s->own;
    enum raml_code rc = raml_distill_check(s->distill, err);
    if (!rc) rc = check_reference(s, err);
    if (rc) return rc;
    if (o->temperature != 1 || o->top_k || o->top_p < 1 || o->min_p > 0)
        return raml_fail(err, RAML_EUSAGE,
                         "distillation weighs samples as the model's own; expected temperature 1, top_k 0, top_p 1 and "
                         "min_p 0; found %g, %" PRId64 ", %g and %g",
                         o->temperature, o->top_k, o->top_p, o->min_p);
    if (raml_rollout_updates(s) > 1)
        return raml_fail(err, RAML_EUSAGE,
                         "distillation takes one step on a round's samples; expected steps_per_generation 1 and "
                         "num_iterations 1; found %" PRId64 " and %" PRId64,
                         o->steps_per_generation, o->num_iterations);
    if (o->fork_samples)
        return raml_fail(err, RAML_EUSAGE, "fork_samples is %" PRId64 "; expected 0: a teacher reads whole samples",
                         o->fork_samples);
    return RAML_OK;
}

/* The question's prompt with its hint; *has: there is one. */
static enum raml_code encode(const struct raml_rollout_source *s, const struct raml_question *q, bool *has,
                             struct raml_tokens *out, struct raml_err *err)
{
    struct raml_buf text;
    raml_buf_init(&text, MAX_QUESTION);
    out->n = 0;
    enum raml_code rc = raml_distill_question(s->distill, q, has, &text, err);
    if (!rc && *has) rc = raml_format_prompt(&s->job->format, s->job->tokenizer, text.data, out, err);
    raml_buf_deinit(&text);
    char name[RAML_QUESTION_NAME];
    return rc ? raml_wrap(err, rc, "%s with its hint", raml_question_name(q, name)) : RAML_OK;
}

static enum raml_code no_hint(const struct raml_rollout_source *s, size_t n, const char *name, struct raml_err *err)
{
    return raml_fail(err, RAML_ERANGE, "%s: nothing is trained on: none of %zu questions has %s to show the teacher%s",
                     name, n, s->distill->hint == RAML_HINT_ANSWER ? "an answer" : "a solution",
                     s->distill->hint == RAML_HINT_ANSWER ? "" : " (hint: answer needs an answer alone)");
}

enum raml_code raml_teacher_questions(struct raml_rollout_source *s, const char *name, struct raml_err *err)
{
    size_t context = (size_t)raml_model_config(s->job->model)->max_positions, n = 0, without = 0, filled = 0;
    struct raml_question_list *list = &s->questions_of_data;
    struct raml_tokens prompt = {0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < list->n && !rc; i++) {
        const struct raml_question *q = list->question[i];
        char of[RAML_QUESTION_NAME];
        bool has;
        rc = encode(s, q, &has, &prompt, err);
        bool fits = prompt.n < context;
        without += !has;
        filled += has && !fits;
        if (!rc && has && !fits && !s->own->skip_long)
            rc = raml_fail(err, RAML_ERANGE,
                           "%s: %s: its prompt with the hint has %zu tokens, which fills the model's context of %zu "
                           "(skip_long leaves such questions out)",
                           name, raml_question_name(q, of), prompt.n, context);
        if (rc || !has || !fits) continue;
        list->question[n++] = q;
        s->data_hash = raml_hash(prompt.id, prompt.n * sizeof *prompt.id, s->data_hash);
    }
    raml_tokens_deinit(&prompt);
    if (!rc && !n) rc = no_hint(s, list->n, name, err);
    if (rc) return rc;
    if (without)
        raml_say(s->job->sink, "%s: %zu of %zu questions are left out: no hint for them", name, without, list->n);
    if (filled)
        raml_say(s->job->sink, "%s: %zu of %zu questions are left out: with their hints they fill the model's context",
                 name, filled, list->n);
    list->n = n;
    return RAML_OK;
}

/* -- A round ------------------------------------------------------------------------------------------------------- */

enum raml_code raml_teacher_prompts(struct raml_rollout_source *s, struct raml_err *err)
{
    struct raml_round *r = &s->round;
    size_t context = (size_t)raml_model_config(s->job->model)->max_positions;
    struct raml_tokens prompt = {0};
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; i < r->n_used && !rc; i++) {
        struct raml_rollout_group *g = r->used[i];
        bool has;
        rc = encode(s, g->question, &has, &prompt, err);
        if (rc) break;
        int32_t *own = raml_arena_alloc(r->arena, prompt.n + 1, sizeof *own);
        if (!own) rc = raml_fail(err, RAML_ENOMEM, "no memory for a round's prompts");
        if (rc) break;
        memcpy(own, prompt.id, prompt.n * sizeof *own);
        g->hinted = own;
        g->n_hinted = prompt.n;
        for (size_t k = 0; k < g->n; k++)
            if (prompt.n + g->sample[k].n > context) g->sample[k].in_loss = g->sample[k].is_row = false;
    }
    raml_tokens_deinit(&prompt);
    return rc;
}

enum raml_code raml_teacher_read(struct raml_rollout_source *s, struct raml_packs *packs, struct raml_err *err)
{
    struct raml_round *r = &s->round;
    struct raml_step *x = &s->scored;
    double start = raml_clock_monotonic();
    r->has_ref = !s->distill->one_pass;
    if (!r->has_ref) return RAML_OK;
    raml_step_clear(x);
    struct raml_packs *teacher = s->distill->teacher == RAML_TEACHER_START ? &s->reference : packs;
    enum raml_code rc = raml_round_teacher_trees(r, 0, r->n_used, false, s->own->share_prompts, x, &s->map, err);
    if (!rc) rc = raml_packs_forward(teacher, x->tree, x->n_trees, x->logp, NULL, err);
    for (size_t i = 0; i < s->map.n && !rc; i++)
        memcpy(r->ref_logp + r->start[s->map.row[i]], x->logp + x->start[i],
               (x->start[i + 1] - x->start[i]) * sizeof *x->logp);
    s->read_tokens += x->n_read;
    raml_statistics_add(&s->seconds, "scoring", raml_clock_monotonic() - start, 1);
    return rc;
}

void raml_teacher_count(const struct raml_rollout_source *s, struct raml_statistics *out)
{
    const struct raml_round *r = &s->round;
    size_t context = (size_t)raml_model_config(s->job->model)->max_positions;
    for (size_t i = 0; i < r->n_used; i++)
        for (size_t k = 0; k < r->used[i]->n; k++)
            raml_statistics_add(out, "hint/too_long_ratio", r->used[i]->n_hinted + r->used[i]->sample[k].n > context,
                                1);
}

double raml_teacher_kl(const struct raml_round *r, size_t row)
{
    const struct raml_rollout *x = r->row[row];
    double sum = 0, n = 0;
    for (size_t i = 0; i < x->n; i++) {
        if (!(r->weight[r->start[row] + i] > 0)) continue;
        sum += (double)x->logp[i] - (double)r->ref_logp[r->start[row] + i];
        n++;
    }
    return sum / n;
}
