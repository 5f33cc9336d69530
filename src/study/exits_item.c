/* exits_item.c - a trajectory's places, and its line of a stored set. See exits_parts.h. */
#include "study/exits_parts.h"

#include "core/array.h"
#include "core/ascii.h"
#include "core/elementary.h"
#include "inner/roles.h"
#include "study/visible.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 28, NAME_BYTES = 300 };
static const size_t max_arena = (size_t)1 << 30;

/* -- What all share ------------------------------------------------------------------------------------------------ */

static char *trimmed(char *text) /* in place */
{
    while (is_space(*text)) text++;
    size_t n = strlen(text);
    while (n && is_space(text[n - 1])) n--;
    text[n] = 0;
    return text;
}

/* "wait, hold on", in lower case. */
static enum raml_code read_words(struct raml_exits_maker *m, const char *list, struct raml_err *err)
{
    size_t n = strlen(list);
    m->words = calloc(n + 1, 1);
    m->word = calloc(n + 1, sizeof *m->word);
    if (!m->words || !m->word) return raml_fail(err, RAML_ENOMEM, "no memory for a list of words");
    for (size_t i = 0; i <= n; i++) m->words[i] = to_lower(list[i]);
    for (char *at = m->words, *comma = at; n && comma; at = comma + 1) {
        comma = strchr(at, ',');
        if (comma) *comma = 0;
        const char *word = trimmed(at);
        if (!*word)
            return raml_fail(err, RAML_EUSAGE, "words that wait: '%.60s'; expected words joined by commas", list);
        m->word[m->n_words++] = word;
    }
    return RAML_OK;
}

enum raml_code raml_exits_maker_init(struct raml_exits_maker *m, const struct raml_exits_files_job *job,
                                     const struct raml_exits_files_options *opt, struct raml_err *err)
{
    *m = (struct raml_exits_maker){.job = job, .opt = opt};
    m->source = (struct raml_trace_source){
        .tokenizer = job->tokenizer, .format = job->format, .score_end = opt->score_end, .join = opt->join};
    enum raml_code rc = read_words(m, opt->waits ? opt->waits : "", err);
    if (!rc) rc = raml_sample_texts_init(&m->texts, job->tokenizer, &job->format, err);
    m->texts.eos = job->eos;
    m->texts.n_eos = job->n_eos;
    return rc;
}

void raml_exits_maker_deinit(struct raml_exits_maker *m)
{
    free(m->words);
    free(m->word);
    raml_sample_texts_deinit(&m->texts);
    raml_tracer_close(m->tracer);
    if (m->has_evaluator) raml_evaluator_deinit(&m->evaluator);
    *m = (struct raml_exits_maker){0};
}

/* -- Places -------------------------------------------------------------------------------------------------------- */

void raml_exits_item_deinit(struct raml_exits_item *it)
{
    raml_trace_text_deinit(&it->text);
    raml_loss_curve_deinit(&it->curve);
    for (size_t i = 0; i < it->cap_values; i++) raml_generated_deinit(&it->written[i]);
    free(it->piece);
    free(it->at);
    free(it->wait);
    free(it->entropy);
    free(it->written);
    *it = (struct raml_exits_item){0};
}

static enum raml_code add_place(struct raml_exits_item *it, size_t at, bool wait, struct raml_err *err)
{
    if (it->n_places && it->at[it->n_places - 1] == at) {
        it->wait[it->n_places - 1] |= wait;
        return RAML_OK;
    }
    size_t cap_at = it->cap_places, cap_wait = it->cap_places;
    enum raml_code rc = RAML_GROW(it->at, cap_at, it->n_places + 1, "places", err);
    if (!rc) rc = RAML_GROW(it->wait, cap_wait, it->n_places + 1, "places", err);
    if (rc) return rc;
    it->cap_places = cap_wait;
    it->at[it->n_places] = (uint32_t)at;
    it->wait[it->n_places++] = wait;
    return RAML_OK;
}

/* Every stride tokens, in front of the matches, at the end. */
static enum raml_code join_places(struct raml_exits_item *it, size_t T, size_t stride,
                                  const struct raml_token_roles *roles, struct raml_err *err)
{
    size_t next = 0, k = 0;
    enum raml_code rc = RAML_OK;
    it->n_places = 0;
    while (!rc) {
        size_t wait = k < roles->n_matches ? roles->match[k].first - 1 : T;
        size_t at = wait < next ? wait : next;
        if (at >= T) break;
        rc = add_place(it, at, at == wait, err);
        if (at == next) next += stride;
        if (at == wait) k++;
    }
    return rc ? rc : add_place(it, T, false, err);
}

static enum raml_code find_places(const struct raml_exits_maker *m, struct raml_exits_item *it, struct raml_err *err)
{
    struct raml_token_roles roles = {0};
    size_t T = it->text.trajectory.n;
    enum raml_code rc = RAML_GROW(it->piece, it->cap_pieces, T + 1, "tokens", err);
    for (size_t i = 0; !rc && i < T; i++)
        rc = raml_tokenizer_piece(m->job->tokenizer, it->text.trajectory.id[i], &it->piece[i].s, &it->piece[i].n, err);
    struct raml_token_text text = {.piece = it->piece, .n = T, .word = m->word, .n_words = m->n_words};
    text.delimiter = raml_thinking_delimiters(&text.n_delimiters);
    if (!rc && m->n_words) rc = raml_token_roles(&text, &roles, err);
    if (!rc) rc = join_places(it, T, m->opt->stride, &roles, err);
    raml_token_roles_deinit(&roles);
    return rc;
}

static enum raml_code check_length(const struct raml_exits_maker *m, const struct raml_exits_item *it,
                                   struct raml_err *err)
{
    size_t n = it->text.prompt.n + it->text.trajectory.n, probe = m->texts.answer_prefix.n + 1,
           answer = it->text.answer_prefix.n + it->text.answer.n,
           context = (size_t)raml_model_config(m->job->model)->max_positions;
    n += probe > answer ? probe : answer;
    if (n <= context) return RAML_OK;
    return raml_fail(err, RAML_ERANGE, "%zu tokens with the probe at its end; the model's context is %zu (--skip_long)",
                     n, context);
}

enum raml_code raml_exits_item_fill(const struct raml_exits_maker *m, const struct raml_question *q, size_t sample,
                                    struct raml_exits_item *it, struct raml_err *err)
{
    it->q = q;
    it->sample = sample;
    enum raml_code rc = raml_trace_encode(&m->source, q, sample, &it->text, err);
    if (rc) return rc;
    rc = check_length(m, it, err);
    if (rc) return raml_wrap(err, rc, "question '%.100s' (line %zu), trajectory %zu", q->id, q->line, sample + 1);
    return find_places(m, it, err);
}

size_t raml_exits_item_cost(const struct raml_exits_maker *m, const struct raml_exits_item *it)
{
    size_t n = 0;
    for (size_t k = 0; k < it->n_places; k++) n += it->text.prompt.n + it->at[k] + m->texts.answer_prefix.n;
    return n;
}

/* -- The line ------------------------------------------------------------------------------------------------------ */

static bool set(json_t *o, const char *key, json_t *value)
{
    return json_object_set_new(o, key, value) == 0;
}

static json_t *probabilities(const struct raml_generated *g, size_t from, size_t n)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t i = from; !failed && i < from + n; i++) {
        double p = raml_exp(g->logp[i]);
        failed = json_array_append_new(list, raml_json_number(p < 1 ? p : 1)); /* rounding */
    }
    return raml_json_checked(list, failed);
}

static json_t *probe_json(const struct raml_exits_item *it, size_t k, const struct raml_exit_answer *a)
{
    const struct raml_generated *g = &it->written[k];
    json_t *o = json_object();
    bool ok = o && set(o, "at", json_integer(it->at[k])) && set(o, "wait", json_boolean(it->wait[k])) &&
              set(o, "answer", json_string(a->answer)) && set(o, "text", json_string(a->text)) &&
              set(o, "p", probabilities(g, a->first, *a->answer ? a->n_own : 0)) &&
              set(o, "p_all", probabilities(g, 0, g->n)) && set(o, "to_end", json_integer((json_int_t)a->n_end)) &&
              set(o, "entropy", raml_json_number(it->entropy[k])) &&
              set(o, "loss", raml_json_number(it->curve.loss[k])) &&
              set(o, "right", json_boolean(a->correct == RAML_EQUAL));
    return raml_json_checked(o, !ok);
}

static enum raml_code probes_json(const struct raml_exits_maker *m, const struct raml_exits_item *it, json_t *list,
                                  struct raml_err *err)
{
    struct raml_arena *arena = raml_arena_open(max_arena);
    enum raml_code rc = arena ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for the answers of probes");
    for (size_t k = 0; !rc && k < it->n_places; k++) {
        struct raml_exit_answer a;
        const struct raml_generated *g = &it->written[k];
        rc = raml_exit_answer_read(&m->texts, it->q, g->token, g->n, arena, &a, err);
        if (!rc && json_array_append_new(list, probe_json(it, k, &a)))
            rc = raml_fail(err, RAML_ENOMEM, "no memory for a probe's record");
    }
    raml_arena_close(arena);
    return rc;
}

/* Tokens [from, to) as text that JSON can hold: as it is, or in visible form. */
static json_t *piece_json(const struct raml_exits_item *it, size_t from, size_t to)
{
    struct raml_buf raw, visible;
    raml_buf_init(&raw, MAX_TEXT);
    raml_buf_init(&visible, MAX_TEXT);
    for (size_t i = from; i < to; i++) raml_buf_add(&raw, it->piece[i].s, it->piece[i].n);
    raml_buf_add(&raw, "", 0);
    json_t *text = raw.code || memchr(raw.data, 0, raw.len) ? NULL : json_stringn(raw.data, raw.len);
    if (!text && !raw.code) {
        raml_text_visible(&visible, raw.data, raw.len);
        raml_buf_add(&visible, "", 0);
        text = visible.code ? NULL : json_stringn(visible.data, visible.len);
    }
    raml_buf_deinit(&raw);
    raml_buf_deinit(&visible);
    return text;
}

static json_t *pieces_json(const struct raml_exits_item *it)
{
    json_t *list = json_array();
    int failed = !list;
    for (size_t k = 0; !failed && k + 1 < it->n_places; k++)
        failed = json_array_append_new(list, piece_json(it, it->at[k], it->at[k + 1]));
    return raml_json_checked(list, failed);
}

enum raml_code raml_exits_item_line(const struct raml_exits_maker *m, const struct raml_exits_item *it,
                                    struct raml_buf *b, struct raml_err *err)
{
    const struct raml_question *q = it->q;
    enum raml_verdict correct = q->trajectory[it->sample].correct;
    json_t *o = json_object(), *probes = json_array();
    bool ok = o && probes && set(o, "id", json_string(q->id)) &&
              set(o, "sample", json_integer((json_int_t)it->sample)) && set(o, "family", raml_json_text(q->family)) &&
              set(o, "question", json_string(q->question)) && set(o, "answer", json_string(q->answer)) &&
              set(o, "correct", correct == RAML_UNKNOWN ? json_null() : json_boolean(correct == RAML_EQUAL)) &&
              set(o, "n_tokens", json_integer((json_int_t)it->text.trajectory.n)) &&
              set(o, "pieces", pieces_json(it)) && json_object_set(o, "probes", probes) == 0;
    enum raml_code rc = ok ? probes_json(m, it, probes, err) : raml_fail(err, RAML_ENOMEM, "no memory for a record");
    if (!rc) raml_json_add(b, o);
    if (!rc) raml_buf_adds(b, "\n");
    if (!rc) rc = raml_buf_status(b, err);
    json_decref(o);
    json_decref(probes);
    return rc;
}
