/* sample_text.c - see sample_text.h. */
#include "inner/sample_text.h"

#include "core/arena.h"
#include "core/array.h"
#include "raml/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 64 << 20 };
#define BOX "\\boxed{"

enum raml_code raml_sample_texts_init(struct sample_texts *x, const struct raml_tokenizer *t,
                                      const struct raml_format *f, struct raml_err *err)
{
    const char *continuation = f->continuation ? f->continuation : "";
    x->tokenizer = t;
    x->thinks = f->think_close != NULL;
    x->think_opened = f->think_opened || !x->thinks;
    x->boxed = f->answer_prefix && strstr(f->answer_prefix, BOX);
    enum raml_code rc = raml_format_answer_prefix(f, t, &x->answer_prefix, err);
    if (!rc) rc = raml_format_stop(f, t, &x->stop, err);
    if (!rc) rc = raml_tokenizer_encode(t, continuation, strlen(continuation), false, &x->continuation, err);
    if (!rc && f->think_open) rc = raml_tokenizer_encode(t, f->think_open, strlen(f->think_open), true, &x->open, err);
    if (rc) return rc;
    return f->think_close ? raml_tokenizer_encode(t, f->think_close, strlen(f->think_close), true, &x->close, err)
                          : raml_format_answer_prefix(f, t, &x->close, err);
}

void raml_sample_texts_deinit(struct sample_texts *x)
{
    raml_tokens_deinit(&x->answer_prefix);
    raml_tokens_deinit(&x->stop);
    raml_tokens_deinit(&x->open);
    raml_tokens_deinit(&x->close);
    raml_tokens_deinit(&x->continuation);
}

enum raml_code raml_sampled_add(struct raml_sampled *s, int32_t token, struct raml_err *err)
{
    enum raml_code rc = RAML_GROW(s->token, s->cap, s->n + 1, "tokens of a sample", err);
    if (!rc) s->token[s->n++] = token;
    return rc;
}

/* -- Token after token --------------------------------------------------------------------------------------------- */
void raml_sampled_begin(const struct sample_texts *x, struct raml_sampled *s)
{
    s->thinking = s->began = !x->answer_only && x->think_opened;
}

static bool ends_with(const struct raml_sampled *s, const struct raml_tokens *t)
{
    return t->n && s->n >= t->n && !memcmp(s->token + s->n - t->n, t->id, t->n * sizeof *t->id);
}

static void follow_thinking(const struct sample_texts *x, struct raml_sampled *s)
{
    if (s->thinking) {
        if (!s->answer_forced) s->n_think++; /* forced tokens are not trajectory */
        if (!ends_with(s, &x->close)) return;
        s->thinking = false;
        if (!s->answer_forced) s->n_think -= x->close.n;
        s->closed = true;
        /* a format that does not set thinking apart has its box opened by the answer prefix */
        s->answer_at = x->thinks ? s->n : s->n - x->close.n;
    } else if (!x->think_opened && !s->began && ends_with(s, &x->open)) {
        s->thinking = s->began = true;
        s->think_start = s->n;
    }
}

bool raml_sampled_follow(const struct sample_texts *x, struct raml_sampled *s)
{
    follow_thinking(x, s);
    if (ends_with(s, &x->stop)) {
        s->n_end = x->stop.n;
        return true;
    }
    for (size_t i = 0; i < x->n_eos; i++)
        if (s->token[s->n - 1] == x->eos[i]) {
            s->n_end = 1;
            return true;
        }
    return false;
}

/* -- Text ---------------------------------------------------------------------------------------------------------- */
/* Tokens [from, to) as clean UTF-8 without surrounding whitespace, appended with a terminating 0. */
static enum raml_code text_of(const struct sample_texts *x, const struct raml_sampled *s, size_t from, size_t to,
                              bool trim, struct raml_buf *out, struct raml_err *err)
{
    struct raml_buf raw;
    raml_buf_init(&raw, MAX_TEXT);
    enum raml_code rc = raml_tokenizer_decode(x->tokenizer, s->token + from, to - from, false, &raw, err);
    const char *p = raw.data ? raw.data : "";
    size_t n = raw.len;
    while (trim && n && strchr(" \t\r\n", p[n - 1])) n--;
    while (trim && n && strchr(" \t\r\n", *p)) p++, n--;
    raml_buf_add(out, "", 0); /* so that an empty text has data too */
    if (!rc) raml_utf8_clean(out, p, n);
    if (!rc) rc = raml_buf_status(out, err);
    raml_buf_deinit(&raw);
    return rc;
}

enum raml_code raml_sampled_has(const struct sample_texts *x, const struct raml_sampled *s, const char *text, bool *has,
                                struct raml_err *err)
{
    struct raml_buf b;
    raml_buf_init(&b, MAX_TEXT);
    enum raml_code rc = text_of(x, s, s->closed ? s->answer_at : 0, s->n, false, &b, err);
    *has = !rc && strstr(b.data, text);
    raml_buf_deinit(&b);
    return rc;
}

/* Replaces the text by the answer it contains; *announced = false: it has none that is announced as one (answer.h). */
static enum raml_code announced_answer(const struct raml_question *q, struct raml_buf *text, bool *announced,
                                       struct raml_err *err)
{
    struct raml_answer_options opt = raml_answer_default();
    struct raml_buf found;
    enum raml_found how;
    opt.letters = q->letters;
    raml_buf_init(&found, text->len + 64);
    enum raml_code rc = raml_answer_find(text->data, text->len, &opt, &found, &how, err);
    *announced = !rc && found.len && how != RAML_FOUND_NOTHING && how != RAML_FOUND_BARE && how != RAML_FOUND_FORMULA;
    if (*announced) {
        raml_buf_clear(text);
        raml_buf_add(text, found.data, found.len);
        rc = raml_buf_status(text, err);
    }
    raml_buf_deinit(&found);
    return rc;
}

/* Reduces text (a whole answer part) to the answer; *answered = false: it has none. */
static enum raml_code extract_answer(const struct sample_texts *x, const struct raml_question *q, struct raml_buf *text,
                                     bool *answered, struct raml_err *err)
{
    char *stop = x->stop_text ? strstr(text->data, x->stop_text) : NULL;
    if (stop) { /* the answer is what comes before it */
        while (stop > text->data && strchr(" \t\r\n", stop[-1])) stop--;
        *stop = 0;
        text->len = (size_t)(stop - text->data);
    }
    *answered = true;
    if (!x->boxed) return RAML_OK;
    enum raml_code rc = announced_answer(q, text, answered, err);
    if (rc || *answered) return rc;
    *answered = true;
    struct raml_buf boxed;
    raml_buf_init(&boxed, 2 * text->len + 64);
    if (!raml_answer_boxed(text->data, text->len, &boxed)) {
        *answered = x->thinks && !x->answer_only;
    } else { /* a box that says nothing, or no choice */
        raml_buf_clear(text);
        raml_buf_add(text, boxed.data ? boxed.data : "", boxed.len);
    }
    rc = boxed.code ? raml_buf_status(&boxed, err) : raml_buf_status(text, err);
    raml_buf_deinit(&boxed);
    return rc;
}

/* One sample as a record; its texts live in text[0] (trajectory) and text[1] (answer). */
static enum raml_code record(const struct sample_texts *x, const struct raml_question *q, const struct raml_sampled *s,
                             struct raml_buf text[2], struct raml_trajectory *t, struct raml_err *err)
{
    bool open = x->thinks && s->began && !s->closed, answered = false;
    size_t whole = s->n - s->n_end, start = s->closed ? s->answer_at : 0, think = s->think_start + s->n_think;
    size_t from = open || start > whole ? whole : start; /* an end that also ends the answer prefix leaves no answer */
    if (think > whole) think = whole;
    enum raml_code rc = text_of(x, s, s->think_start < think ? s->think_start : think, think, false, &text[0], err);
    if (x->answer_only && x->boxed) raml_buf_adds(&text[1], BOX); /* the answer prefix has opened it */
    if (!rc) rc = text_of(x, s, from, whole, true, &text[1], err);
    if (!rc && !open) rc = extract_answer(x, q, &text[1], &answered, err);
    if (rc) return rc;
    *t = (struct raml_trajectory){.text = text[0].data,
                                  .answer = answered ? text[1].data : NULL,
                                  .finish_reason = s->finish_reason,
                                  .think_closed = !open,
                                  .think_start = s->think_start,
                                  .think_end = think,
                                  .logp_sum = s->logp_sum,
                                  .tokens = s->token,
                                  .n_tokens = s->n,
                                  .exit = s->exits ? &s->exit : NULL};
    bool good = answered && !strcmp(s->finish_reason, "stop");
    t->correct = good ? raml_question_check(q, text[1].data) : RAML_DIFFERENT;
    if (t->correct == RAML_UNKNOWN && q->answer && q->answer[0]) t->correct = RAML_DIFFERENT;
    return RAML_OK;
}

static void count(const struct raml_sampled *s, const struct raml_trajectory *t, struct raml_sample_stats *stats)
{
    stats->samples++;
    stats->tokens += s->n;
    stats->correct += t->correct == RAML_EQUAL;
    stats->truncated += !strcmp(s->finish_reason, "length");
    stats->unclosed += !t->think_closed;
    stats->budget_hit += s->budget_hit;
    stats->probes += s->exit.probes;
    stats->probe_tokens += s->exit.probe_tokens;
    if (!s->exits || !strcmp(s->exit.reason, "end")) return;
    size_t i = 0;
    while (i + 1 < RAML_SAMPLE_REASONS && stats->stopped[i].reason &&
           strcmp(stats->stopped[i].reason, s->exit.reason) != 0)
        i++;
    stats->stopped[i].reason = s->exit.reason;
    stats->stopped[i].n++;
}

enum raml_code raml_sampled_deliver(const struct sample_texts *x, const struct raml_question *q,
                                    const struct raml_sampled *s, size_t n, uint64_t seed, struct raml_questions *out,
                                    struct raml_sample_stats *stats, struct raml_err *err)
{
    struct raml_question copy = *q;
    struct raml_trajectory *t = calloc(n, sizeof *t);
    struct raml_buf *text = calloc(2 * n, sizeof *text);
    enum raml_code rc = t && text ? RAML_OK : raml_fail(err, RAML_ENOMEM, "no memory for %zu samples", n);
    for (size_t i = 0; i < n && !rc; i++) {
        raml_buf_init(&text[2 * i], MAX_TEXT);
        raml_buf_init(&text[2 * i + 1], MAX_TEXT);
        rc = record(x, q, &s[i], &text[2 * i], &t[i], err);
        if (rc) break;
        t[i].seed = seed;
        count(&s[i], &t[i], stats);
    }
    copy.trajectory = t;
    copy.n_trajectories = n;
    if (!rc) rc = raml_questions_add(out, &copy, err);
    for (size_t i = 0; text && i < 2 * n; i++) raml_buf_deinit(&text[i]);
    free(text);
    free(t);
    return rc;
}

enum raml_code raml_sampled_read(const struct sample_texts *x, const struct raml_question *q,
                                 const struct raml_sampled *s, struct raml_arena *arena, struct raml_trajectory *out,
                                 struct raml_err *err)
{
    struct raml_trajectory t;
    struct raml_buf text[2];
    for (size_t i = 0; i < 2; i++) raml_buf_init(&text[i], MAX_TEXT);
    enum raml_code rc = record(x, q, s, text, &t, err);
    bool answered = !rc && t.answer;
    if (!rc) t.text = raml_arena_text(arena, text[0].data, text[0].len);
    if (answered) t.answer = raml_arena_text(arena, text[1].data, text[1].len);
    if (!rc && (!t.text || (answered && !t.answer)))
        rc = raml_fail(err, RAML_ENOMEM, "no memory for the texts of a completion");
    for (size_t i = 0; i < 2; i++) raml_buf_deinit(&text[i]);
    if (!rc) *out = t;
    return rc;
}

enum raml_code raml_completion_read(const struct sample_texts *x, const struct raml_question *q, const int32_t *token,
                                    size_t n, bool ended, struct raml_arena *arena, struct raml_trajectory *out,
                                    struct raml_err *err)
{
    struct raml_sampled s = {.logp_sum = NAN, .finish_reason = ended ? "stop" : "length"};
    struct raml_trajectory t;
    enum raml_code rc = RAML_OK;
    raml_sampled_begin(x, &s);
    for (size_t i = 0; i < n && !rc; i++) {
        rc = raml_sampled_add(&s, token[i], err);
        s.n_end = 0; /* of the last token */
        if (!rc) (void)raml_sampled_follow(x, &s);
    }
    if (!rc) rc = raml_sampled_read(x, q, &s, arena, &t, err);
    free(s.token);
    if (rc) return rc;
    t.tokens = token;
    *out = t;
    return RAML_OK;
}
