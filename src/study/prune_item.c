/* prune_item.c - a trajectory as tokens and steps, and the texts that are kept of it. See prune_parts.h. */
#include "study/prune_parts.h"

#include "core/array.h"
#include "core/ascii.h"
#include "study/trace_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void raml_prune_item_clear_sets(struct raml_prune_item *it)
{
    for (size_t i = 0; i < it->n_sets; i++) free(it->set[i].answer);
    it->n_sets = 0;
    it->pool.n = 0;
}

void raml_prune_item_deinit(struct raml_prune_item *it)
{
    raml_prune_item_clear_sets(it);
    raml_trace_text_deinit(&it->text);
    raml_places_deinit(&it->at);
    raml_prune_path_deinit(&it->path);
    raml_tokens_deinit(&it->pool);
    raml_tokens_deinit(&it->without);
    free(it->piece);
    free(it->L);
    free(it->subset);
    free(it->set);
    free(it->kept);
    free(it->flag);
    *it = (struct raml_prune_item){0};
}

/* -- Sets ---------------------------------------------------------------------------------------------------------- */

enum raml_code raml_prune_item_set(struct raml_prune_item *it, const int32_t *token, size_t n, bool answered,
                                   size_t *set, struct raml_err *err)
{
    for (size_t i = 0; i < it->n_sets; i++) {
        struct raml_prune_set *s = &it->set[i];
        if (s->n != n || (n && memcmp(it->pool.id + s->at, token, n * sizeof *token) != 0)) continue;
        s->answered |= answered;
        *set = i;
        return RAML_OK;
    }
    size_t at = it->pool.n;
    enum raml_code rc = RAML_GROW(it->set, it->cap_sets, it->n_sets + 1, "kept texts", err);
    if (!rc) rc = raml_tokens_add(&it->pool, token, n, err);
    if (rc) return rc;
    *set = it->n_sets++;
    it->set[*set] = (struct raml_prune_set){
        .at = at, .n = n, .loss = NAN, .answered = answered, .right = NAN, .verdict = RAML_UNKNOWN};
    return RAML_OK;
}

enum raml_code raml_prune_item_steps(struct raml_prune_item *it, const bool *kept, bool answered, size_t *set,
                                     struct raml_err *err)
{
    size_t T = it->text.trajectory.n, n = 0;
    int32_t *token = malloc((T + 1) * sizeof *token);
    if (!token) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tokens", T);
    for (size_t s = 0; s < it->n; s++)
        for (size_t k = it->at.at[s]; kept[s] && k < it->at.at[s + 1]; k++) token[n++] = it->text.trajectory.id[k];
    enum raml_code rc = raml_prune_item_set(it, token, n, answered, set, err);
    free(token);
    return rc;
}

struct raml_branch_job raml_prune_item_job(const struct raml_prune_item *it)
{
    return (struct raml_branch_job){.prompt = it->text.prompt.id,
                                    .answer_prefix = it->text.answer_prefix.id,
                                    .answer = it->text.answer.id,
                                    .n_prompt = it->text.prompt.n,
                                    .n_answer_prefix = it->text.answer_prefix.n,
                                    .n_answer = it->text.answer.n};
}

/* -- Steps --------------------------------------------------------------------------------------------------------- */

/* Joins neighbours until there are at most `most` steps: those with the fewest tokens, of equals the first. */
static void join_steps(struct raml_places *p, size_t most)
{
    while (p->n > most + 1 && p->n > 2) {
        size_t best = 1;
        for (size_t k = 2; k + 1 < p->n; k++)
            if (p->at[k + 1] - p->at[k - 1] < p->at[best + 1] - p->at[best - 1]) best = k;
        memmove(p->at + best, p->at + best + 1, (p->n - best - 1) * sizeof *p->at);
        p->n--;
    }
}

static enum raml_code fill_steps(const struct raml_prune_plan *p, struct raml_prune_item *it, struct raml_err *err)
{
    const struct raml_tokens *t = &it->text.trajectory;
    const char *delimiter[4];
    enum raml_code rc = RAML_GROW(it->piece, it->cap_pieces, t->n, "pieces of a trajectory", err);
    if (!rc) rc = raml_trace_pieces(p->source.tokenizer, t->id, t->n, it->piece, err);
    if (rc) return rc;
    const struct raml_token_text text = raml_trace_token_text(&p->source.format, it->piece, t->n, delimiter);
    rc = raml_borders(&text, p->border, p->opt->stride, &it->at, err);
    if (rc) return rc;
    it->joined = p->opt->max_steps && it->at.n > p->opt->max_steps + 1;
    if (p->opt->max_steps) join_steps(&it->at, p->opt->max_steps);
    it->n = it->at.n - 1;
    return RAML_OK;
}

/* -- Summaries ----------------------------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return is_alnum(c) || (unsigned char)c >= 128;
}

/* Does text[0..len) hold the word where no letter or digit stands before or after it? */
static bool holds(const char *text, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; n && i + n <= len; i++) {
        bool begins = i == 0 || !is_word(text[i - 1]), ends = i + n == len || !is_word(text[i + n]);
        if (begins && ends && !memcmp(text + i, word, n)) return true;
    }
    return false;
}

/* Bytes of the sentence that text begins with: up to a newline, or to . ! ? before whitespace, these included. */
static size_t sentence(const char *text)
{
    size_t i = 0;
    while (text[i] && text[i] != '\n' && !(strchr(".!?", text[i]) && is_space(text[i + 1]))) i++;
    return text[i] ? i + 1 : i;
}

/* The text without its sentences that hold the word, as tokens. */
static enum raml_code leave_out(const struct raml_tokenizer *t, const char *text, const char *word,
                                struct raml_tokens *out, struct raml_err *err)
{
    struct raml_buf rest;
    raml_buf_init(&rest, strlen(text) + 1);
    raml_buf_add(&rest, "", 0);
    for (size_t n; *text; text += n) {
        n = sentence(text);
        if (!holds(text, n, word)) raml_buf_add(&rest, text, n);
    }
    out->n = 0;
    enum raml_code rc = raml_buf_status(&rest, err);
    if (!rc) rc = raml_tokenizer_encode(t, rest.data, rest.len, false, out, err);
    raml_buf_deinit(&rest);
    return rc;
}

static enum raml_code check_text(const struct raml_prune_plan *p, const struct raml_prune_item *it,
                                 const struct raml_tokens *text, struct raml_err *err)
{
    struct raml_branch_job job = raml_prune_item_job(it);
    const struct raml_branch_text t = {text->id, text->n};
    job.text = &t;
    job.n_texts = 1;
    return raml_branches_check(p->branches, &job, err);
}

static enum raml_code fill_summary(const struct raml_prune_plan *p, struct raml_prune_item *it, struct raml_err *err)
{
    it->summary = p->opt->summaries ? p->summaries.of[it->question] : RAML_PRUNE_NONE;
    it->states_answer = false;
    if (it->summary == RAML_PRUNE_NONE) return RAML_OK;
    const struct raml_prune_given *g = &p->summaries.given[it->summary];
    const char *answer = p->opt->own ? it->q->trajectory[it->sample].answer : it->q->answer;
    it->states_answer = holds(g->text, strlen(g->text), answer);
    enum raml_code rc = check_text(p, it, &g->token, err);
    if (!rc) rc = leave_out(p->source.tokenizer, g->text, answer, &it->without, err);
    return rc ? raml_wrap(err, rc, "%s:%zu: the summary in its trajectory's place", p->opt->summaries, g->line)
              : RAML_OK;
}

enum raml_code raml_prune_item_fill(const struct raml_prune_plan *p, size_t question, size_t sample,
                                    struct raml_prune_item *it, struct raml_err *err)
{
    it->q = &p->job->questions->question[question];
    it->question = question;
    it->sample = sample;
    it->n_others = 0;
    it->leak_own = RAML_PRUNE_NONE;
    it->has_subsets = false;
    raml_prune_item_clear_sets(it);
    raml_prune_path_deinit(&it->path);
    enum raml_code rc = raml_trace_encode(&p->source, it->q, sample, &it->text, err);
    if (rc) return rc;
    rc = check_text(p, it, &it->text.trajectory, err);
    if (!rc) rc = fill_summary(p, it, err);
    if (!rc) rc = fill_steps(p, it, err);
    if (rc)
        return raml_wrap(err, rc, "question '%.100s' (line %zu), trajectory %zu", it->q->id, it->q->line, sample + 1);
    return RAML_OK;
}
