/* exit_answer.c - see exit_answer.h. */
#include "inner/exit_answer.h"

#include "core/ascii.h"
#include "inner/pieces.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 24 };

struct span {            /* of what a probe wrote */
    size_t begin, close; /* bytes of the answer: [begin, close) */
    size_t n_end;        /* tokens up to the end, with it */
    bool ended;
};

static bool is_end(const struct sample_texts *x, int32_t token)
{
    for (size_t i = 0; i < x->n_eos; i++)
        if (x->eos[i] == token) return true;
    return false;
}

/* Does the format's stop, or a token that ends text, end with token i? *from: its first token. */
static bool ends_at(const struct sample_texts *x, const int32_t *token, size_t i, size_t *from)
{
    const struct raml_tokens *stop = &x->stop;
    *from = i;
    if (is_end(x, token[i])) return true;
    if (stop->n == 0 || i + 1 < stop->n || memcmp(token + i + 1 - stop->n, stop->id, stop->n * sizeof *token) != 0)
        return false;
    *from = i + 1 - stop->n;
    return true;
}

/* The byte of s[n] that closes the open brace; n: none does. */
static size_t closing_brace(const char *s, size_t n)
{
    size_t depth = 1;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '\\') i++; /* and what it escapes */
        else if (s[i] == '{') depth++;
        else if (s[i] == '}' && --depth == 0) return i;
    }
    return n;
}

static void trim(const char *s, struct span *a)
{
    while (a->begin < a->close && is_space(s[a->begin])) a->begin++;
    while (a->close > a->begin && is_space(s[a->close - 1])) a->close--;
}

/* The end of the text, and in front of it the brace of the box, where one is open. */
static struct span find(const struct sample_texts *x, const int32_t *token, const struct raml_pieces *t)
{
    size_t n = t->n_tokens, from = n, i = 0;
    while (i < n && !ends_at(x, token, i, &from)) i++;
    bool stopped = i < n;
    struct span a = {.close = t->start[stopped ? from : n], .n_end = stopped ? i + 1 : n, .ended = stopped};
    if (!x->boxed) return a;
    size_t close = closing_brace(t->s, a.close);
    a.ended = close < a.close;
    if (a.ended) a.n_end = raml_pieces_token(t, close) + 1;
    a.close = close;
    return a;
}

static enum raml_code join(const struct sample_texts *x, const int32_t *token, size_t n, struct raml_pieces *out,
                           struct raml_err *err)
{
    enum raml_code rc = RAML_OK;
    struct raml_str *piece = calloc(n + 1, sizeof *piece);
    if (!piece) return raml_fail(err, RAML_ENOMEM, "no memory for %zu tokens", n);
    for (size_t i = 0; !rc && i < n; i++)
        rc = raml_tokenizer_piece(x->tokenizer, token[i], &piece[i].s, &piece[i].n, err);
    if (!rc) rc = raml_pieces_join(piece, n, out, err);
    free(piece);
    return rc;
}

enum raml_code raml_exit_answer_ended(const struct sample_texts *x, const int32_t *token, size_t n, bool *ended,
                                      struct raml_err *err)
{
    struct raml_pieces t = {0};
    size_t from;
    *ended = n && ends_at(x, token, n - 1, &from);
    if (*ended || !x->boxed) return RAML_OK;
    enum raml_code rc = join(x, token, n, &t, err);
    if (!rc) *ended = find(x, token, &t).ended;
    raml_pieces_deinit(&t);
    return rc;
}

/* -- Reading ------------------------------------------------------------------------------------------------------- */

static enum raml_code text_of(const struct sample_texts *x, const int32_t *token, size_t n, struct raml_arena *arena,
                              const char **out, struct raml_err *err)
{
    struct raml_buf raw, clean;
    raml_buf_init(&raw, MAX_TEXT);
    raml_buf_init(&clean, MAX_TEXT);
    enum raml_code rc = raml_tokenizer_decode(x->tokenizer, token, n, false, &raw, err);
    if (!rc) raml_utf8_clean(&clean, raw.data ? raw.data : "", raw.len);
    if (!rc) rc = raml_buf_status(&clean, err);
    if (!rc) *out = raml_arena_text(arena, clean.data ? clean.data : "", clean.len);
    if (!rc && !*out) rc = raml_fail(err, RAML_ENOMEM, "no memory for a probe's text");
    raml_buf_deinit(&raw);
    raml_buf_deinit(&clean);
    return rc;
}

/* Answer and verdict, as a sample's that thought nothing and then wrote these tokens after the answer prefix. */
static enum raml_code read_answer(const struct sample_texts *x, const struct raml_question *q, const int32_t *token,
                                  size_t n, struct raml_arena *arena, struct raml_exit_answer *a, struct raml_err *err)
{
    struct raml_tokens whole = {0};
    struct raml_trajectory read;
    enum raml_code rc = RAML_OK;
    if (x->thinks && !x->think_opened) rc = raml_tokens_add(&whole, x->open.id, x->open.n, err);
    if (!rc) rc = raml_tokens_add(&whole, x->answer_prefix.id, x->answer_prefix.n, err);
    if (!rc) rc = raml_tokens_add(&whole, token, n, err);
    if (!rc) rc = raml_completion_read(x, q, whole.id, whole.n, true, arena, &read, err);
    raml_tokens_deinit(&whole);
    if (rc || !read.answer) return rc;
    a->answer = read.answer;
    a->correct = *read.answer ? read.correct : RAML_DIFFERENT;
    return RAML_OK;
}

enum raml_code raml_exit_answer_read(const struct sample_texts *x, const struct raml_question *q, const int32_t *token,
                                     size_t n, struct raml_arena *arena, struct raml_exit_answer *out,
                                     struct raml_err *err)
{
    struct raml_exit_answer a = {.answer = "", .text = "", .correct = RAML_DIFFERENT};
    struct raml_pieces t = {0};
    enum raml_code rc = join(x, token, n, &t, err);
    if (rc) return rc;
    struct span s = find(x, token, &t);
    trim(t.s, &s);
    a.ended = s.ended;
    a.n_end = s.n_end;
    if (s.ended && s.close > s.begin) {
        a.first = raml_pieces_token(&t, s.begin);
        a.n_own = raml_pieces_token(&t, s.close - 1) + 1 - a.first;
    }
    raml_pieces_deinit(&t);
    rc = text_of(x, token, n, arena, &a.text, err);
    if (!rc && a.n_own) rc = read_answer(x, q, token, a.n_end, arena, &a, err);
    if (!rc) *out = a;
    return rc;
}
