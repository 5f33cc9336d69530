/* ask.c - see ask.h.
 *
 * The tokens so far are decoded anew after each of them, and what is new of the text is printed: so it is the text of
 * the whole, whatever a tokenizer makes of tokens side by side.
 */
#include "cli/ask.h"

#include "raml/tokenizer.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TEXT = 64 << 20 };

struct printer {
    const struct raml_tokenizer *tokenizer;
    size_t n_stop;    /* tokens of the format's stop: all but one may be there before it is known to be one */
    bool at_once;     /* a sample is printed when it is whole: early exit may take tokens back */
    bool thinking;    /* so far */
    bool begun;       /* something of this sample was heard */
    size_t closed_at; /* tokens up to where its thinking closed; 0: not yet */
    size_t n_samples; /* done */
    size_t printed;   /* bytes of the sample's text */
    char last;        /* byte that was printed, 0: none of the sample */
    struct raml_buf text, clean;
    enum raml_code rc;
    struct raml_err *err;
    const struct raml_sink *sink;
};

static void put(struct printer *p, const char *text, size_t n)
{
    if (!n) return;
    fwrite(text, 1, n, stdout);
    fflush(stdout);
    p->last = text[n - 1];
}

/* What of text[0..n) stays as it is whatever follows: an unfinished character at the end, which is U+FFFD as yet, may
 * become whole. */
static size_t settled(const char *text, size_t n)
{
    static const char bad[] = "\xEF\xBF\xBD";
    while (n >= 3 && !memcmp(text + n - 3, bad, 3)) n -= 3;
    return n;
}

/* Prints what is new in the text of token[0..n); all: of an unfinished end too. */
static enum raml_code print(struct printer *p, const int32_t *token, size_t n, bool all)
{
    if (!all) n = raml_tokenizer_settled(p->tokenizer, token, n);
    raml_buf_clear(&p->text);
    raml_buf_clear(&p->clean);
    enum raml_code rc = raml_tokenizer_decode(p->tokenizer, token, n, false, &p->text, p->err);
    if (!rc && p->text.len) raml_utf8_clean(&p->clean, p->text.data, p->text.len);
    if (!rc) rc = raml_buf_status(&p->clean, p->err);
    size_t to = rc || all ? p->clean.len : settled(p->clean.data, p->clean.len);
    if (rc || to <= p->printed) return rc;
    put(p, p->clean.data + p->printed, to - p->printed);
    p->printed = to;
    return RAML_OK;
}

static void end_line(struct printer *p)
{
    if (p->last && p->last != '\n') put(p, "\n", 1);
}

/* Thinking has closed with token n - 1: where that can't be seen, the answer begins on a line of its own. */
static enum raml_code print_closed(struct printer *p, const int32_t *token, size_t n)
{
    struct raml_buf *b = &p->text;
    enum raml_code rc = print(p, token, n, true);
    if (rc) return rc;
    raml_buf_clear(b);
    rc = raml_tokenizer_decode(p->tokenizer, token + n - 1, 1, false, b, p->err);
    if (!rc && !b->len) end_line(p);
    return rc;
}

static void hears(void *user, const struct raml_sample_so_far *x, bool done)
{
    struct printer *p = user;
    if (p->rc) return;
    if (!p->begun) {
        if (p->n_samples) put(p, "\n", 1);
        p->begun = true;
        p->printed = p->closed_at = 0;
        p->last = 0;
    }
    bool closed = p->thinking && !x->thinking && !x->n_end;
    if (closed) p->closed_at = x->n;
    p->thinking = x->thinking;
    if (p->at_once && !done) return;
    size_t text = x->n - x->n_end, held = done || x->n_end ? 0 : p->n_stop - 1;
    if (p->at_once ? p->closed_at != 0 : closed) p->rc = print_closed(p, x->token, p->closed_at);
    if (!p->rc && text > held) p->rc = print(p, x->token, text - held, done);
    if (!done) return;
    if (p->last != '\n') put(p, "\n", 1);
    p->n_samples++;
    p->begun = p->thinking = false;
}

static enum raml_code opened(void *user, const struct raml_tokenizer *t, const struct raml_format *f,
                             struct raml_err *err)
{
    struct printer *p = user;
    struct raml_tokens stop = {0};
    p->tokenizer = t;
    enum raml_code rc = raml_format_stop(f, t, &stop, err);
    p->n_stop = stop.n ? stop.n : 1;
    raml_tokens_deinit(&stop);
    return rc;
}

static bool stop(void *user)
{
    const struct printer *p = user;
    return p->rc || ferror(stdout) || raml_should_stop(p->sink);
}

static void say(void *user, const char *text)
{
    const struct printer *p = user;
    raml_say(p->sink, "%s", text);
}

enum raml_code cli_ask(const struct cli *cli, const struct sampling_settings *s, const char *question,
                       struct raml_questions *out, struct sampling_result *result, struct raml_err *err)
{
    struct raml_questions qs;
    struct printer p = {.at_once = s->exit != NULL, .err = err, .sink = cli->sink};
    const struct raml_sink quiet = {.line = say, .stop = stop, .user = &p};
    const struct sampling_listener listener = {.open = opened, .hears = hears, .user = &p};
    struct cli asking = *cli;
    char id[] = "question", text_of_none[] = "";
    struct raml_question q = {.id = id, .answer = text_of_none, .difficulty = -1};
    asking.sink = &quiet;
    raml_questions_init(&qs);
    raml_buf_init(&p.text, MAX_TEXT);
    raml_buf_init(&p.clean, MAX_TEXT);
    q.question = question;
    enum raml_code rc = raml_questions_add(&qs, &q, err);
    if (!rc) rc = cli_sampling_run(&asking, s, &listener, &qs, NULL, out, result, err);
    if (p.rc) rc = p.rc;
    if (rc && p.begun) end_line(&p);
    raml_buf_deinit(&p.text);
    raml_buf_deinit(&p.clean);
    raml_questions_deinit(&qs);
    return rc;
}
