/* trace_item.c - a trajectory as tokens, with the places and answers that are probed. See trace_parts.h. */
#include "study/trace_parts.h"

#include "core/array.h"

#include <stdlib.h>
#include <string.h>

void raml_trace_item_deinit(struct raml_trace_item *it)
{
    raml_trace_text_deinit(&it->text);
    for (size_t i = 0; i < it->cap_more; i++) raml_trace_text_deinit(&it->more[i]);
    free(it->more);
    free(it->probe);
    raml_tokens_deinit(&it->token);
    raml_places_deinit(&it->places);
    free(it->piece);
    *it = (struct raml_trace_item){0};
}

enum raml_code raml_trace_pieces(const struct raml_tokenizer *t, const int32_t *token, size_t n, struct raml_str *piece,
                                 struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    for (size_t i = 0; !rc && i < n; i++) rc = raml_tokenizer_piece(t, token[i], &piece[i].s, &piece[i].n, err);
    return rc;
}

struct raml_token_text raml_trace_token_text(const struct raml_format *f, const struct raml_str *piece, size_t n,
                                             const char *delimiter[4])
{
    struct raml_token_text x = {.piece = piece, .n = n, .delimiter = delimiter};
    size_t n_usual;
    const char *const *usual = raml_thinking_delimiters(&n_usual);
    for (size_t i = 0; i < n_usual && i < 2; i++) delimiter[x.n_delimiters++] = usual[i];
    if (f->think_open) delimiter[x.n_delimiters++] = f->think_open;
    if (f->think_close) delimiter[x.n_delimiters++] = f->think_close;
    x.word = raml_reflection_words(&x.n_words);
    return x;
}

/* -- Filling ------------------------------------------------------------------------------------------------------- */

/* One more, with its memory of before or none. */
static enum raml_code reserve_more(struct raml_trace_item *it, size_t n, struct raml_err *err)
{
    size_t had = it->cap_more;
    enum raml_code rc = RAML_GROW(it->more, it->cap_more, n, "answers", err);
    if (!rc && it->cap_more > had) memset(it->more + had, 0, (it->cap_more - had) * sizeof *it->more);
    return rc ? rc : RAML_GROW(it->probe, it->cap_probes, n, "answers", err);
}

static enum raml_code add_more(const struct raml_trace_source *src, const char *answer, struct raml_trace_item *it,
                               struct raml_err *err)
{
    enum raml_code rc = reserve_more(it, it->n_probes + 1, err);
    return rc ? rc : raml_trace_encode_answer(src, answer, &it->more[it->n_probes++], err);
}

/* Each probe is one run of tokens: its prefix, then its answer. */
static enum raml_code join_probes(struct raml_trace_item *it, struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    it->token.n = 0;
    for (size_t i = 0; !rc && i < it->n_probes; i++) {
        const struct raml_trace_text *x = &it->more[i];
        rc = raml_tokens_add(&it->token, x->answer_prefix.id, x->answer_prefix.n, err);
        if (!rc) rc = raml_tokens_add(&it->token, x->answer.id, x->answer.n, err);
    }
    const int32_t *at = it->token.id; /* it moves no more */
    for (size_t i = 0; !rc && i < it->n_probes; i++) {
        size_t n_prefix = it->more[i].answer_prefix.n, n = n_prefix + it->more[i].answer.n;
        it->probe[i] = (struct raml_trace_probe){.token = at, .n = n, .n_prefix = n_prefix};
        at += n;
    }
    return rc;
}

static enum raml_code fill_places(const struct raml_trace_plan *p, struct raml_trace_item *it, struct raml_err *err)
{
    const char *delimiter[4];
    size_t n = it->text.trajectory.n;
    if (p->border == RAML_BORDER_STRIDE) return RAML_OK;
    enum raml_code rc = RAML_GROW(it->piece, it->cap_pieces, n, "tokens", err);
    if (!rc) rc = raml_trace_pieces(p->job->tokenizer, it->text.trajectory.id, n, it->piece, err);
    if (rc) return rc;
    const struct raml_token_text text = raml_trace_token_text(&p->job->format, it->piece, n, delimiter);
    return raml_borders(&text, p->border, p->opt->trace.stride, &it->places, err);
}

enum raml_code raml_trace_item_fill(const struct raml_trace_plan *p, const struct raml_question *q, size_t sample,
                                    struct raml_trace_item *it, struct raml_err *err)
{
    struct raml_trace_source src = p->source;
    it->q = q;
    it->sample = sample;
    it->n_probes = 0;
    enum raml_code rc = raml_answer_choose(p->chooser, q, sample, &it->asked, err);
    it->n_answers = it->asked.n;
    if (rc || it->asked.n == 0) return rc;
    rc = raml_trace_encode_with(&src, q, sample, it->asked.answer[0].text, &it->text, err);
    for (size_t i = 1; !rc && i < it->asked.n; i++) rc = add_more(&src, it->asked.answer[i].text, it, err);
    for (size_t i = 0; !rc && i < p->n_prefixes; i++) {
        src.format.answer_prefix = p->prefix[i].text;
        rc = add_more(&src, it->asked.answer[0].text, it, err);
    }
    if (!rc) rc = join_probes(it, err);
    return rc ? rc : fill_places(p, it, err);
}

/* Token i of answer k with its prefix; -1: past its end. */
static int32_t answer_token(const struct raml_trace_item *it, size_t k, size_t i)
{
    const struct raml_trace_text *x = k ? &it->more[k - 1] : &it->text;
    if (i < x->answer_prefix.n) return x->answer_prefix.id[i];
    i -= x->answer_prefix.n;
    return i < x->answer.n ? x->answer.id[i] : -1;
}

static bool begins(const struct raml_trace_item *it, size_t shorter, size_t longer)
{
    size_t i = 0;
    for (; answer_token(it, shorter, i) >= 0; i++)
        if (answer_token(it, shorter, i) != answer_token(it, longer, i)) return false;
    return answer_token(it, longer, i) >= 0;
}

bool raml_trace_item_nested(const struct raml_trace_item *it, const char **shorter, const char **longer)
{
    for (size_t a = 0; a < it->n_answers; a++)
        for (size_t b = 0; b < it->n_answers; b++) {
            if (a == b || !begins(it, a, b)) continue;
            *shorter = it->asked.answer[a].text;
            *longer = it->asked.answer[b].text;
            return true;
        }
    return false;
}

struct raml_trace_input raml_trace_item_input(const struct raml_trace_plan *p, const struct raml_trace_item *it)
{
    struct raml_trace_input in = raml_trace_text_input(&it->text);
    in.other = it->n_probes ? it->probe : NULL;
    in.n_other = it->n_probes;
    if (p->border == RAML_BORDER_STRIDE) return in;
    in.at = it->places.at;
    in.n_at = it->places.n;
    return in;
}
